# SPDX-License-Identifier: Apache-2.0
"""Tables and SQL for people: text for terminals, HTML for notebooks. No control character is sent."""

from __future__ import annotations

from html import escape

from .highlight import ansi_sql, html_sql, show_sql
from .markup import CELL_MAX, cut, escaped, framed, grid, width

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = [
    "CELL_MAX",
    "ansi_sql",
    "cell_text",
    "html_sql",
    "html_table",
    "latex_table",
    "show_sql",
    "text_table",
]

COLUMNS_MAX = 100  # that are shown of a wide table


def cell_text(value: Any) -> str:
    """One value on one line: NULL is NULL, control characters are escaped, long text is cut.

    value: any. Cannot fail.

    Example:
        >>> laminardb.display.cell_text("two\\nlines"), laminardb.display.cell_text(None)
        ('two\\\\nlines', 'NULL')
    """
    return cut(value)[0]


def _note(shown: int, total: int, columns: int, long: int) -> str:
    """What was left out; empty when nothing was."""
    parts = [f"{shown} of {total} rows"] if total > shown else []
    if columns > COLUMNS_MAX:
        parts.append(f"{COLUMNS_MAX} of {columns} columns")
    if long:
        parts.append(f"{long} long {'cell' if long == 1 else 'cells'} cut to {CELL_MAX} characters")
    return ", ".join(parts)


_NUMBERS = tuple(
    "TINYINT SMALLINT INT BIGINT HUGEINT UTINY USMALL UINT UBIG DECIMAL NUMERIC DOUBLE FLOAT REAL".split()
)


def _numeric(
    columns: Sequence[str], rows: Sequence[tuple[Any, ...]], types: Sequence[str] | None
) -> list[bool]:
    """Which of the columns that are shown hold numbers: by their types, else by their values."""
    count = min(len(columns), COLUMNS_MAX)
    if types is not None:
        kinds = [t.upper() for t in types[:count]]
        return [t.startswith(_NUMBERS) and not t.startswith("INTERVAL") and t[-1:] != "]" for t in kinds]
    found = [[row[k] for row in rows if row[k] is not None] for k in range(count)]
    return [
        bool(values) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        for values in found
    ]


def text_table(
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    total: int,
    types: Sequence[str] | None = None,
) -> str:
    """Right-aligned columns under their names, with a row number first; says what was left out.

    columns: names. rows: those to show. total: how many rows there are. types: SQL types. Cannot fail.

    Example:
        >>> print(laminardb.display.text_table(["a", "b"], [(1, "x")], 5))
           a  b
        0  1  x
        [1 of 5 rows]
    """
    shown = [cell_text(name) for name in columns[:COLUMNS_MAX]]
    long = 0
    lines = [["", *(str(i) for i in range(len(rows)))]]
    for k, (name, numeric) in enumerate(zip(shown, _numeric(columns, rows, types), strict=True)):
        cells = [cut(row[k]) for row in rows]
        long += sum(was_cut for _, was_cut in cells)
        # A name of a column of texts may come within one blank of what stands before it, as pandas has it.
        lines.append([f" {name}" if numeric or not rows else name, *(f" {text}" for text, _ in cells)])
    widths = [max(map(width, column)) for column in lines]
    made = [
        " ".join(" " * (w - width(c)) + c for c, w in zip(line, widths, strict=True))
        for line in zip(*lines, strict=True)
    ]
    note = _note(len(rows), total, len(columns), long)
    return "\n".join([*made, f"[{note}]"] if note else made)


_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def latex_table(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], total: int) -> str:
    """A tabular environment; everything that came from data is escaped.

    columns: names. rows: those to show. total: how many there are. Cannot fail.

    Example:
        >>> print(laminardb.display.latex_table(["a_b"], [(1,)], 1))
        \\begin{tabular}{rr}
         & a\\_b \\\\
        \\hline
        0 & 1 \\\\
        \\end{tabular}
    """

    def cell(value: Any) -> str:
        if value is None:
            return r"\textit{NULL}"
        return "".join(_LATEX.get(c, c) for c in cell_text(value))

    def line(values: Sequence[Any]) -> str:
        return " & ".join(cell(v) for v in values) + r" \\"

    shown = columns[:COLUMNS_MAX]
    body = [line([str(i), *row[:COLUMNS_MAX]]) for i, row in enumerate(rows)]
    lines = [r"\begin{tabular}{" + "r" * (len(shown) + 1) + "}", line(["", *shown]), r"\hline", *body]
    if note := _note(len(rows), total, len(columns), 0):
        lines.append(rf"\multicolumn{{{len(shown) + 1}}}{{l}}{{{note}}} \\")
    return "\n".join([*lines, r"\end{tabular}"])


def html_table(
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    total: int,
    types: Sequence[str] | None = None,
) -> str:
    """A table in HTML that stands alone; everything that came from data is escaped.

    It sorts by a click on a name and finds rows by a text; where a page takes its script or style away it is
    a plain table. columns: names. rows: those to show. total: how many there are. types: SQL types, which
    stand below the names. Cannot fail.

    Example:
        >>> "&lt;b&gt;" in laminardb.display.html_table(["a"], [("<b>",)], 1, ["VARCHAR"])
        True
    """
    shown = columns[:COLUMNS_MAX]
    numeric = _numeric(columns, rows, types)
    head = []
    for k, name in enumerate(shown):
        kind = f'<span class="lm-type">{escaped(types[k], 60)}</span>' if types is not None else ""
        mark = ' class="lm-n"' if numeric[k] else ""
        head.append(f'<th scope="col"{mark}>{escaped(name)}{kind}</th>')
    long = 0
    body = []
    for i, row in enumerate(rows):
        line = [f'<tr><th scope="row">{i}</th>']
        for k, value in enumerate(row[:COLUMNS_MAX]):
            if value is None:
                line.append(f'<td class="lm-null{" lm-n" if numeric[k] else ""}">NULL</td>')
                continue
            text, was_cut = cut(value)
            long += was_cut
            text = escape(text, quote=True)
            line.append(f'<td class="lm-n">{text}</td>' if numeric[k] else f"<td>{text}</td>")
        body.append("".join(line) + "</tr>")
    note = _note(len(rows), total, len(columns), long) or ("" if total else "no rows")
    return framed(grid(f'<tr><th scope="col"></th>{"".join(head)}</tr>', body, note), script=True)
