# SPDX-License-Identifier: Apache-2.0
"""Every function of functions.def and every aggregate stands in a query of some .slt file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "src/expr/functions.def"
AGGREGATES = ROOT / "src/agg"

pytestmark = pytest.mark.skipif(not FUNCTIONS.is_file(), reason="needs the source tree")

# Written with words between their arguments, or made by the binder of another form.
FORMS = {"neg": r"-\(?\w", "like": r"LIKE", "ilike": r"ILIKE", "similar_to": r"SIMILAR TO", "glob": r"GLOB"}
WITHOUT_PARENTHESES = {"current_date", "current_time", "current_timestamp", "localtimestamp", "localtime"}


def queries() -> str:
    """The text of all queries that are compared with their rows."""
    found = []
    for path in sorted((ROOT / "tests/sql").glob("*/*.slt")):
        for record in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            lines = [line for line in record.splitlines() if not line.startswith("#")]
            if lines and lines[0].startswith("query"):
                found.append("\n".join(lines[1:]).partition("\n----")[0])
    return "\n".join(found)


def names(path: Path, pattern: str) -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return sorted(set(re.findall(pattern, text)))


def is_called(name: str, text: str) -> bool:
    if name in FORMS:
        return re.search(FORMS[name], text, re.IGNORECASE) is not None
    if re.fullmatch(r"\W+", name):
        return name in text
    end = r"\b" if name in WITHOUT_PARENTHESES else r"\s*\("
    return re.search(rf"\b{re.escape(name)}{end}", text, re.IGNORECASE) is not None


def test_every_function_is_queried() -> None:
    text = queries()
    functions = names(FUNCTIONS, r'(?:FUNCTION|REWRITE|NESTED|NESTED_PREPARED|TYPED|LAMBDA)\("([^"]+)"')
    assert len(functions) > 200
    missing = [name for name in functions if not is_called(name, text)]
    assert not missing, f"no .slt query calls {', '.join(missing)}"


def test_every_aggregate_is_queried() -> None:
    text = queries()
    aggregates = [n for path in AGGREGATES.glob("agg_*.c") for n in names(path, r'\.name = "(\w+)"')]
    assert len(aggregates) > 30
    missing = [name for name in aggregates if not is_called(name.removesuffix("_star"), text)]
    assert not missing, f"no .slt query calls {', '.join(missing)}"
