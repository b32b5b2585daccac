# SPDX-License-Identifier: Apache-2.0
"""Tables for people: text for terminals, HTML for notebooks. Control characters are shown, never sent."""

from __future__ import annotations

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

CELL_MAX = 200


def cell_text(value: Any) -> str:
    """One value on one line: NULL is empty, control characters are escaped, long text is cut.

    Cannot fail.

    Example:
        >>> laminardb.display.cell_text("two\\nlines"), laminardb.display.cell_text(None)
        ('two\\\\nlines', '')
    """
    if value is None:
        return ""
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= CELL_MAX else text[: CELL_MAX - 1] + "…"


def text_table(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], total: int) -> str:
    """Right-aligned columns under their names, with a row number first; says what was left out.

    total: how many rows there are. Cannot fail.

    Example:
        >>> print(laminardb.display.text_table(["a", "b"], [(1, "x")], 5))
           a  b
        0  1  x
        [1 of 5 rows]
    """
    head = ["", *map(cell_text, columns)]
    body = [[str(i), *map(cell_text, row)] for i, row in enumerate(rows)]
    widths = [max(len(line[k]) for line in [head, *body]) for k in range(len(head))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in [head, *body]]
    if total > len(rows):
        lines.append(f"[{len(rows)} of {total} rows]")
    return "\n".join(lines)


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
    special = {c: f"\\{c}" for c in "&%$#_{}"}
    special |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}

    def line(values: Sequence[Any]) -> str:
        return " & ".join("".join(special.get(c, c) for c in cell_text(v)) for v in values) + r" \\"

    body = [line([str(i), *row]) for i, row in enumerate(rows)]
    lines = [r"\begin{tabular}{" + "r" * (len(columns) + 1) + "}", line(["", *columns]), r"\hline", *body]
    if total > len(rows):
        lines.append(rf"\multicolumn{{{len(columns) + 1}}}{{l}}{{{len(rows)} of {total} rows}} \\")
    return "\n".join([*lines, r"\end{tabular}"])


def html_table(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], total: int) -> str:
    """A static HTML table; everything that came from data is escaped.

    columns: names. rows: those to show. total: how many there are. Cannot fail.

    Example:
        >>> "&lt;b&gt;" in laminardb.display.html_table(["a"], [("<b>",)], 1)
        True
    """
    import html

    def cells(tag: str, values: Sequence[Any]) -> str:
        return "".join(f"<{tag}>{html.escape(cell_text(v), quote=True)}</{tag}>" for v in values)

    body = "".join(f"<tr><th>{i}</th>{cells('td', row)}</tr>" for i, row in enumerate(rows))
    note = f"<p>{len(rows)} of {total} rows</p>" if total > len(rows) else ""
    return (
        f"<table><thead><tr><th></th>{cells('th', columns)}</tr></thead><tbody>{body}</tbody></table>{note}"
    )
