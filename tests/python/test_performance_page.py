# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md: it is what the script makes of the committed figures, and judges them as it says."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"

pytestmark = pytest.mark.skipif(not (BENCH / "page.py").is_file(), reason="needs the source tree")


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("page")


@pytest.fixture
def targets(page: ModuleType) -> ModuleType:
    return importlib.import_module("targets")


def line_of(targets: ModuleType, results: dict[str, Any], key: str) -> Any:
    (line,) = [found for found in targets.lines(results) if found.key == key]
    return line


def suite(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"rows": [{"part": "some"} | row for row in rows]}


def test_page_is_what_the_figures_make(page: ModuleType) -> None:
    results = page.read(page.RESULTS)
    assert results, "there are no figures"
    assert page.PAGE.read_text(encoding="utf-8") == page.render(results), "run python bench/page.py"


def test_what_is_not_met_has_a_reason(page: ModuleType, targets: ModuleType) -> None:
    reasons, results = page.reasons(), page.read(page.RESULTS)
    if any(found["quick"] for found in results.values()):
        pytest.skip("figures of small sizes need no reasons")
    missed = [line.key for line in targets.lines(results) if line.met is False]
    assert [key for key in missed if not reasons.get(key, "").strip()] == [], (
        "write it into bench/reasons.toml"
    )


def test_reasons_are_of_lines_that_there_are(page: ModuleType, targets: ModuleType) -> None:
    assert set(page.reasons()) <= {line.key for line in targets.lines({})}


def test_without_figures_nothing_is_met(targets: ModuleType) -> None:
    lines = targets.lines({})
    assert {line.number for line in lines} == {f"P{n}" for n in range(1, 10)}
    assert all(line.met is None and line.measured == "-" for line in lines)
    assert len(lines) >= 45


@pytest.mark.parametrize(("seconds", "met"), [(1.29, True), (1.31, False)])
def test_a_wrong_answer_is_no_peer(targets: ModuleType, seconds: float, met: bool) -> None:
    """The fastest engine is wrong: the next one counts."""

    def row(engine: str, took: float, answer: str = "ok") -> dict[str, Any]:
        return {"part": "h1-1000000", "case": "h1", "engine": engine, "seconds": took, "answer": answer}

    rows = [row("ours", seconds), row("polars-2t", 0.1, "WRONG: other rows"), row("chdb-2t", 1.0)]
    line = line_of(targets, {"adhoc": suite(*rows)}, "p2-best")
    assert line.met is met and ("chdb" in line.peers) is not met and "polars" not in line.peers
    wrong = [row("ours", 0.5, "WRONG: other rows"), row("chdb-2t", 1.0)]
    assert line_of(targets, {"adhoc": suite(*wrong)}, "p2-best").met is None


@pytest.mark.parametrize(("rate", "met"), [(9.9e6, False), (10.1e6, True)])
def test_rates_are_to_be_reached(targets: ModuleType, rate: float, met: bool) -> None:
    case = {"case": "ingest csv 1000000", "answer": "ok"}
    ours = case | {"engine": "ours", "figures": {"rate": rate}}
    peer = case | {"engine": "duckdb", "figures": {"rate": 3e6}}
    line = line_of(targets, {"ingestion": suite(ours, peer)}, "p4-csv")
    assert line.met is met and line.peers == "duckdb 3.00 M rows/s"


def test_streams_are_judged_by_cpu_and_all_answers(targets: ModuleType) -> None:
    def row(case: str, engine: str, rate: float, answer: str = "ok") -> dict[str, Any]:
        rates = {"rate": rate, "rate_per_core": rate}
        return {"case": case, "engine": engine, "answer": answer} | rates

    rows = [row(f"q{i}", "ours", 13e6) for i in range(23)] + [
        row(f"q{i}", "duckdb-2t", 9e6) for i in range(23)
    ]
    results = {"peers": suite(*rows, row("q4", "pyclink", 2e6))}
    for key, met in (("p1-answers", True), ("p1-duckdb", True), ("p1-mean", True), ("p1-stateful", False)):
        assert line_of(targets, results, key).met is met, key
    results["peers"]["rows"][5]["answer"] = "WRONG in parts: other rows"
    assert line_of(targets, results, "p1-answers").met is False
    results["peers"]["rows"][6]["rate_per_core"] = 8e6
    slow = line_of(targets, results, "p1-duckdb")
    assert slow.met is False and "below: q6 0.889" in slow.measured


def test_busy_and_quick_figures_are_marked(page: ModuleType) -> None:
    machine = {
        "cpu": "a cpu", "processors": 2, "memory_gib": 1, "kernel": "1", "libc": "", "compiler": "",
        "ours": {}, "peers": {}, "commit": "abc",
    }  # fmt: skip
    head = {"quick": True, "when": "today", "seconds": 1.0, "faults": [], "machine": machine, "rows": []}
    text = page.render({"udf": head | {"load": [0.1, 9.5]}})
    assert "**measured with load 9.5**" in text and "quick: small sizes" in text
    idle = page.render({"udf": head | {"load": [0.1, 1.1], "quick": False}})
    assert "measured with load" not in idle and "quick" not in idle


def test_a_command_that_fails_leaves_a_row(tmp_path: Path, page: ModuleType) -> None:
    figures, suites = importlib.import_module("figures"), importlib.import_module("suites")
    import sys

    slow = [sys.executable, "-c", 'import time; print(\'{"case": "first"}\', flush=True); time.sleep(60)']
    parts = {
        "slow": suites.Part("slow", slow, 1.0, suites.lines),
        "bad": suites.Part(
            "bad", [sys.executable, "-c", "raise SystemExit('no such thing')"], 60, suites.lines
        ),
    }
    made = suites.Suite("some", "a suite", (), 1, lambda _: [])
    found = {name: figures.run_part(made, part, tmp_path, "abc", False) for name, part in parts.items()}
    assert [r["case"] for r in found["slow"]["rows"]] == ["first", "slow"]
    assert found["slow"]["rows"][1]["answer"] == "error: no result after 1 s"
    assert found["bad"]["rows"][0]["answer"] == "error: exit 1: no such thing"
    good = suites.Part("good", [sys.executable, "-c", "print('{\"case\": 1}')"], 60, suites.lines)
    first = figures.run_part(made, good, tmp_path, "abc", True)
    assert figures.run_part(made, good, tmp_path, "abc", True) == first, "resumed from what is there"
    assert figures.run_part(made, good, tmp_path, "abd", True)["key"] != first["key"], "another commit: again"
