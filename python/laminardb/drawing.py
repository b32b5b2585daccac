# SPDX-License-Identifier: Apache-2.0
"""Records, lists of records and plans as HTML, of the same style as tables.

Every text of theirs is data and is escaped. A field called sql is shown in colours, a watermark as an
instant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .highlight import html_block, html_pieces
from .markup import escaped, framed, grid, lines

_SHOWN = 200  # records of a list
_NO_WATERMARK = -(2**63)
_WATERMARKS = ("watermark", "pipeline_watermark", "current", "next_final")


def fields_of(record: Any) -> list[tuple[str, Any]]:
    """Name and value of what a record shows; of a schema its columns."""
    if hasattr(record, "_shown_fields"):
        return list(record._shown_fields())
    names = getattr(record, "__dataclass_fields__", getattr(record, "_fields", None))
    return [(name, getattr(record, name)) for name in names or () if not name.startswith("_")]


def _plain(name: str, value: Any) -> Any:
    """A value as it is read best."""
    if value is None or isinstance(value, bool | str | float):
        return value
    if name in _WATERMARKS and isinstance(value, int):
        from .why import _instant

        return None if value == _NO_WATERMARK else _instant(value)
    if hasattr(value, "isoformat"):
        return value.isoformat(" ")
    if name == "schema":
        return ", ".join(f"{c.name} {c.type}" for c in value)
    if hasattr(value, "p99_us"):
        return f"p50 {value.p50_us:,.0f} µs, p99 {value.p99_us:,.0f} µs of {value.count:,}"
    return value


def _cell(name: str, value: Any, number: str = ' class="lm-n"') -> str:
    value = _plain(name, value)
    if value is None:
        return '<td class="lm-null">none</td>'
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int):
        return f"<td{number}>{value:,}</td>"
    if isinstance(value, float):
        return f"<td{number}>{value:{',.1f' if abs(value) >= 100 else '.4g'}}</td>"
    if name == "sql":
        return f'<td class="lm-code">{html_pieces(value)}</td>'
    return f'<td class="lm-bad">{escaped(value)}</td>' if "error" in name else f"<td>{escaped(value)}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def record_html(record: Any) -> str:
    """One record: a row for each field. Its statement stands below in a block of its own."""
    rows, below, fields = [], "", fields_of(record)
    if not fields:
        return text_html(repr(record))
    for name, value in fields:
        if name == "sql" and isinstance(value, str):
            below = html_block(value)
            continue
        cell = _cell(name, value, "")  # numbers and texts stand below one another
        rows.append(f'<tr><th scope="row">{escaped(name.replace("_", " "))}</th>{cell}</tr>')
    return framed(grid(f'<tr><th colspan="2">{escaped(type(record).__name__)}</th></tr>', rows) + below)


def listing_html(records: Sequence[Any]) -> str:
    """Records of one kind: a row for each, a column for each field."""
    if not records:
        return framed('<p class="lm-note">none</p>')
    if not fields_of(records[0]):
        return framed(f'<pre class="lm-sql">{lines(repr(records), 5000)}</pre>')
    head: list[str] = []
    body = []
    for name, value in fields_of(records[0]):
        mark = ' class="lm-n"' if _is_number(value) and name not in _WATERMARKS else ""
        head.append(f'<th scope="col"{mark}>{escaped(name.replace("_", " "))}</th>')
    for i, record in enumerate(records[:_SHOWN]):
        cells = "".join(_cell(name, value) for name, value in fields_of(record))
        body.append(f'<tr><th scope="row">{i}</th>{cells}</tr>')
    note = f"{_SHOWN} of {len(records)}" if len(records) > _SHOWN else ""
    return framed(grid(f'<tr><th scope="col"></th>{"".join(head)}</tr>', body, note), script=True)


def text_html(text: str, mark: str = "") -> str:
    """Text of several lines as it is."""
    return framed(f'<pre class="lm-sql{" " + mark if mark else ""}">{lines(text)}</pre>')


def connection_html(db: Any) -> str:
    """What there is in a database, in short."""
    if db.is_closed:
        return text_html(repr(db))
    rows = [("state", db.pipeline_state), ("watermark", db.pipeline_watermark)]
    made = [*((n, "source") for n in db.list_tables()), *((n, "stream") for n in db.list_streams())]
    body = [
        f'<tr><th scope="row">{escaped(name)}</th>{_cell(name, value)}</tr>'
        for name, value in [*rows, *((kind, name) for name, kind in made[:_SHOWN])]
    ]
    note = f"{_SHOWN} of {len(made)} names" if len(made) > _SHOWN else ""
    return framed(grid(f'<tr><th colspan="2">{escaped(repr(db))}</th></tr>', body, note))


# ---- plans

_LINE = re.compile(
    r"(?P<text>.*?)(?:  about (?P<about>\d+) rows?)?"
    r"(?:  rows: (?P<out>\d+)(?: of (?P<into>\d+))?, time: (?P<ms>[\d.]+) ms, "
    r"memory: (?P<memory>[\d.]+ \w+))?"
)
_TOTAL = re.compile(r"Total  rows: (\d+), time: ([\d.]+) ms, threads: at most (\d+)")


def _operators(plan: str) -> Iterator[tuple[int, re.Match[str]]]:
    for line in plan.split("\n"):
        found = _LINE.fullmatch(line.strip(" "))
        if line.strip() and found:
            yield (len(line) - len(line.lstrip(" "))) // 2, found


def branches(depths: Sequence[int]) -> list[str]:
    """The lines before each node of a tree that is told by depths, the root's first."""
    made, goes_on = [], set[int]()
    for depth in reversed(depths):
        stem = "".join("│ " if level in goes_on else "  " for level in range(1, depth))
        made.append(stem + ("├ " if depth in goes_on else "└ ") if depth else "")
        goes_on = {level for level in goes_on if level < depth} | {depth}
    return made[::-1]


def plan_html(plan: str) -> str:
    """A plan as a tree of operators; after EXPLAIN ANALYZE with rows, and times as bars."""
    total, operators = "", []
    for depth, found in _operators(plan):
        ends = _TOTAL.fullmatch(found.string)
        if ends:
            total = f"{int(ends[1]):,} rows in {ends[2]} ms, at most {ends[3]} threads"
        else:
            operators.append((depth, found))
    ran = any(found["ms"] is not None for _, found in operators)
    most = max((float(found["ms"] or 0) for _, found in operators), default=0)
    body = []
    for stem, (_, found) in zip(branches([depth for depth, _ in operators]), operators, strict=True):
        name, _, more = found["text"].partition("  ")
        tree = f'<span class="lm-tree">{stem}</span>' if stem else ""
        text = f"<span><b>{escaped(name)}</b> {escaped(more, 1000)}</span>"
        row = f'<td class="lm-operator"><div class="lm-branch">{tree}{text}</div></td>'
        if ran:
            ms = float(found["ms"] or 0)
            share = 100 * ms / most if most else 0
            into = f" of {int(found['into']):,}" if found["into"] else ""
            row += (
                f'<td class="lm-n">{int(found["out"] or 0):,}{into}</td><td class="lm-n">{ms:,.3f} ms</td>'
                '<td><span class="lm-track">'
                f'<span class="lm-bar" style="width:{share:.1f}%"></span></span></td>'
                f'<td class="lm-n">{escaped(found["memory"] or "")}</td>'
            )
        else:
            row += f'<td class="lm-n">{int(found["about"]):,}</td>' if found["about"] else "<td></td>"
        body.append(f"<tr>{row}</tr>")
    numeric = ' class="lm-n"'
    heads = ["operator", *(("rows", "time", "", "memory") if ran else ("about rows",))]
    head = "".join(f'<th scope="col"{numeric if k else ""}>{h}</th>' for k, h in enumerate(heads))
    return framed(grid(f"<tr>{head}</tr>", body, total))
