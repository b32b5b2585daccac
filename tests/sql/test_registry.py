# SPDX-License-Identifier: Apache-2.0
"""Every function, aggregate, kind of frame and kind of join stands in a query of some .slt file."""

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
    pattern = r'(?:FUNCTION|REWRITE|NESTED|NESTED_PREPARED|TYPED|LAMBDA)\("([^"]+)"'
    functions = names(FUNCTIONS, pattern) + names(FUNCTIONS.with_name("json_functions.def"), pattern)
    assert len(functions) > 200
    missing = [name for name in functions if not is_called(name, text)]
    assert not missing, f"no .slt query calls {', '.join(missing)}"


def test_every_aggregate_is_queried() -> None:
    text = queries()
    of_programs = set(AGGREGATES.glob("agg_routine*.c"))
    files = [path for path in AGGREGATES.glob("agg_*.c") if path not in of_programs]
    aggregates = [n for path in files for n in names(path, r'\.name = "(\w+)"')]
    assert len(aggregates) > 30
    listed = (AGGREGATES / "aggregates.def").read_text(encoding="utf-8")
    others = " ".join(re.findall(r'AGGREGATE\(\w+,\s*"([^"]*)"', listed)).split()
    assert len(others) > 20
    aggregates += others
    missing = [name for name in aggregates if not is_called(name.removesuffix("_star"), text)]
    assert not missing, f"no .slt query calls {', '.join(missing)}"


# ---- frames: unit, first bound, last bound, EXCLUDE

BOUNDS = ["UNBOUNDED PRECEDING", "n PRECEDING", "CURRENT ROW", "n FOLLOWING", "UNBOUNDED FOLLOWING"]
OFFSET = r"(?:INTERVAL\s+(?:'[^']*'|\d+)(?:\s+\w+)?|[\w.']+(?:::\w+)?|\([^()]*\))"
BOUND = rf"(UNBOUNDED\s+PRECEDING|UNBOUNDED\s+FOLLOWING|CURRENT\s+ROW|{OFFSET}\s+(?:PRECEDING|FOLLOWING))"
FRAME = re.compile(
    rf"\b(ROWS|RANGE|GROUPS)\s+(?:BETWEEN\s+{BOUND}\s+AND\s+{BOUND}|{BOUND})"
    r"(?:\s+EXCLUDE\s+(CURRENT\s+ROW|GROUP|TIES|NO\s+OTHERS))?",
    re.IGNORECASE,
)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text.upper())


def bound(text: str) -> str:
    return words(text) if words(text) in BOUNDS else "n " + words(text).split()[-1]


def test_every_kind_of_frame_is_queried() -> None:
    found = {
        (
            words(m[1]),
            bound(m[2] or m[4]),
            bound(m[3] or "CURRENT ROW"),
            words(m[5] or "NO OTHERS"),
        )
        for m in FRAME.finditer(queries())
    }
    kinds = [
        (unit, first, last, exclude)
        for unit in ("ROWS", "RANGE", "GROUPS")
        for i, first in enumerate(BOUNDS[:4])
        for last in BOUNDS[max(i, 1) :]
        for exclude in ("NO OTHERS", "CURRENT ROW", "GROUP", "TIES")
    ]
    assert len(kinds) == 156
    missing = [kind for kind in kinds if kind not in found]
    assert not missing, f"no .slt query has the frames {missing}"


# ---- joins: kind, and what says which rows meet

JOIN = re.compile(
    r"\b(?:(NATURAL)\s+)?(?:(ASOF)\s+)?"
    r"(?:(INNER|CROSS|(?:LEFT|RIGHT|FULL)(?:\s+OUTER)?|(?:LEFT\s+)?(?:SEMI|ANTI))\s+)?JOIN\b",
    re.IGNORECASE,
)
WORD = re.compile(r"[()]|\b(?:ON|USING|JOIN|WHERE|GROUP|ORDER|SELECT)\b", re.IGNORECASE)
BEHIND = re.compile(
    r"\b(?:JOIN|WHERE|GROUP|ORDER|LEFT|RIGHT|FULL|INNER|SEMI|ANTI|ASOF|NATURAL|CROSS|LIMIT|QUALIFY)\b",
    re.IGNORECASE,
)


def condition(text: str) -> str:
    """Of a join, from behind JOIN on."""
    depth = 0
    for m in WORD.finditer(text):
        depth += {"(": 1, ")": -1}.get(m[0], 0)
        if depth < 0:
            break
        if depth == 0 and m[0] not in "()":
            if m[0].upper() == "ON":
                on = BEHIND.split(text[m.end() :])[0]
                return "ON equal" if re.search(r"(?<![<>!])=", on) else "ON other"
            return "USING" if m[0].upper() == "USING" else "none"
    return "none"


def test_every_kind_of_join_is_queried() -> None:
    text, found = queries(), set()
    for m in JOIN.finditer(text):
        kind = re.sub(r" OUTER|LEFT (?=SEMI|ANTI)|^INNER$", "", words(m[3] or ""))
        how = "NATURAL" if m[1] else condition(text[m.end() : m.end() + 400])
        found.add((("ASOF " if m[2] else "") + kind, how))
    kinds = [
        (kind, how)
        for kind in ("", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI")
        for how in ("ON equal", "ON other", "USING", "NATURAL")
    ]
    kinds += [(kind, how) for kind in ("ASOF ", "ASOF LEFT") for how in ("ON equal", "ON other", "USING")]
    kinds += [("CROSS", "none")]
    missing = [kind for kind in kinds if kind not in found]
    assert not missing, f"no .slt query has the joins {missing}"
