# SPDX-License-Identifier: Apache-2.0
"""docs/sql/functions.md: it is what the generator makes, it has every function, and every example is true."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import laminardb
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/sql/functions.md"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="needs the source tree")

EXAMPLES = 110  # about as many stand on the page; far fewer mean that they were not found


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_docs", ROOT / "tools/gen_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gen_docs"] = module
    spec.loader.exec_module(module)
    return module


def examples(text: str) -> list[tuple[str, str]]:
    found = re.findall(r"`((?:[^`\\]|\\.)+)` gives `((?:[^`\\]|\\.)+)` \|$", text, re.MULTILINE)
    return [(example.replace("\\|", "|"), result.replace("\\|", "|")) for example, result in found]


def parts(text: str) -> tuple[str, str]:
    scalar, aggregate = text.split("\n## Aggregates\n")
    return scalar, aggregate


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == generator().render(), "run python tools/gen_docs.py"


def test_every_function_has_a_row_with_an_example() -> None:
    docs = generator()
    functions = docs.read_functions()
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(functions) >= 100
    for name, overloads in functions.items():
        start = "| `" + docs.signature(name, docs.united(overloads)[0]).replace("|", "\\|") + "`"
        row = [line for line in rows if line.startswith(start)]
        assert len(row) == 1 and examples(row[0]), f"{name} is missing from the page, or its example is"
    assert {f"agg_{n}" for n in docs.read_aggregates()} >= {"agg_count", "agg_sum", "agg_min"}


def test_an_undescribed_function_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    docs = generator()
    more = {**docs.read_functions(), "frobnicate": [docs.Overload(("BIGINT",), "BIGINT", False)]}
    monkeypatch.setattr(docs, "read_functions", lambda: more)
    with pytest.raises(SystemExit, match="frobnicate"):
        docs.render()


def test_examples_of_expressions(db: laminardb.Connection) -> None:
    found = examples(parts(PAGE.read_text(encoding="utf-8"))[0])
    assert len(found) >= EXAMPLES
    for example, result in found:
        got = db.query(f"SELECT CAST(({example}) AS VARCHAR)").fetchall()[0][0]
        assert ("NULL" if got is None else got) == result, example


def test_examples_of_aggregates(db: laminardb.Connection) -> None:
    found = examples(parts(PAGE.read_text(encoding="utf-8"))[1])
    assert len(found) == len(generator().read_aggregates())
    db.execute("CREATE SOURCE t (v BIGINT)")
    db.insert("t", {"v": [1, 2, 3, None]})
    for example, result in found:
        assert db.query(f"SELECT CAST({example} AS VARCHAR) FROM t").fetchall() == [(result,)], example
