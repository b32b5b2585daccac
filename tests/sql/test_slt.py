# SPDX-License-Identifier: Apache-2.0
"""Every .slt file below this folder is a test; what they may say is in slt.py.

A query that is legal as a stream is also run as one, made before the rows, after them and in between, over
several cuts into inserts, and must give the same rows. LAMINAR_SEED=n takes other cuts.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from slt import Mismatch, Runner, bag, show, split

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*/*.slt"))
SEED = int(os.environ.get("LAMINAR_SEED", "20240229"))

# About so many queries were asked, and checked as streams, when this was written; fewer: some were lost.
FLOOR_FILES, FLOOR_QUERIES, FLOOR_INCREMENTAL = 126, 4150, 4110

ran: dict[Path, Runner] = {}

ERRORS = FOLDER.parents[1] / "src/base/errors.def"
# What no statement that is answered at once raises, and where it is tested.
NOT_BY_SQL = {
    "CONNECTION_FAILED": "test_error_codes",
    "CONNECTION_CLOSED": "test_error_codes",
    "CONNECTION_IN_USE": "test_interrupts",
    "WRITER_CLOSED": "test_error_codes",
    "BATCH_SCHEMA_MISMATCH": "test_alter",
    "SUBSCRIPTION_FAILED": "test_error_codes",
    "SUBSCRIPTION_CLOSED": "test_api",
    "SUBSCRIPTION_TIMEOUT": "test_api",
    "SUBSCRIPTION_LAGGED": "test_error_codes",
    "CHECKPOINT_FAILED": "no checkpoints yet",
    "CHECKPOINT_DISABLED": "no checkpoints yet",
    "CORRUPTION": "no checkpoints yet",
    "CONNECTOR_FAILED": "tests/unit/os",
    "INTERNAL_ERROR": "never",
    "SHUTDOWN": "test_error_codes",
    "NOT_FOUND_IN_QUERY": "raised as TABLE_NOT_FOUND",
}


@pytest.mark.parametrize("path", FILES, ids=[f"{p.parent.name}/{p.stem}" for p in FILES])
def test_file(path: Path) -> None:
    runner = Runner(path, SEED)
    runner.run()
    assert runner.incremental + runner.refused == runner.queries
    ran[path] = runner


def test_enough_ran() -> None:
    assert len(FILES) >= FLOOR_FILES
    if len(ran) < len(FILES):
        pytest.skip("counts hold for a whole run without failures")
    assert sum(r.queries for r in ran.values()) >= FLOOR_QUERIES
    assert sum(r.incremental for r in ran.values()) >= FLOOR_INCREMENTAL
    assert sum(r.compared_late for r in ran.values()) >= 2


def test_every_error_code_is_met() -> None:
    """A code is raised by some `statement error`, or stands above."""
    if len(ran) < len(FILES) or not ERRORS.is_file():
        pytest.skip("holds for a whole run without failures, in the source tree")
    listed = re.findall(r"^ERROR\((\w+),\s*(\d+)", ERRORS.read_text(encoding="utf-8"), re.MULTILINE)
    met = {code for r in ran.values() for code in r.codes}
    assert len(listed) > 20
    assert {name for name, code in listed if int(code) not in met} == set(NOT_BY_SQL)


# the runner itself


def run_text(tmp_path: Path, text: str) -> Runner:
    file = tmp_path / "x.slt"
    file.write_text(text)
    runner = Runner(file, SEED)
    runner.run()
    return runner


GOOD = """source t
a BIGINT, s VARCHAR

start

insert t
1,x
2,

query rowsort names
SELECT a, s FROM t
----
a  s
2  NULL
1  x
"""


def test_runner_counts(tmp_path: Path) -> None:
    assert run_text(tmp_path, GOOD).incremental == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2  NULL\n", "2  0\n"),
        ("2  NULL\n", ""),
        ("a  s\n", "a  b\n"),
        ("query rowsort names", "query rowsort names once"),
        ("query rowsort names", "query names"),
        ("FROM t\n", "FROM u\n"),
    ],
)
def test_runner_fails(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(Mismatch, match=r"x\.slt:10: SELECT"):
        run_text(tmp_path, GOOD.replace(old, new))


def test_runner_checks_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slt.replay", lambda *_: (bag([(1, "x")]), 0))
    with pytest.raises(Mismatch, match="as a stream"):
        run_text(tmp_path, GOOD)


def test_runner_expects_errors(tmp_path: Path) -> None:
    run_text(tmp_path, "statement error nowhere\nSELECT * FROM nowhere\n")
    with pytest.raises(Mismatch, match="succeeded"):
        run_text(tmp_path, "statement error x\nSELECT 1\n")
    with pytest.raises(Mismatch, match="does not match"):
        run_text(tmp_path, "statement error zzz\nSELECT * FROM nowhere\n")


def test_values_are_shown_and_split() -> None:
    assert [show(v) for v in (None, True, 1, 2.0, "", "a b", "NULL", " x", "é\n")] == [
        "NULL",
        "true",
        "1",
        "2.0",
        "''",
        "a b",
        "'NULL'",
        "' x'",
        "'é\\n'",
    ]
    assert split("a b  c") == ["a b", "c"]
    assert split("a  b\tc") == ["a  b", "c"]
