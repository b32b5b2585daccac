# SPDX-License-Identifier: Apache-2.0
"""Text from data made fit to be seen: escaped, cut, without control characters; and the style of tables.

Invariants: what comes out has no control, format (bidirectional) or surrogate character, whatever goes in; a
value of any size costs no more than the part that is shown; no style or script refers to anything outside of
its table.
"""

from __future__ import annotations

import functools
import html
import os
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

CELL_MAX = 200


def visible(text: str) -> str:
    """The text with everything that is not printable written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _pieces(value: Any, depth: int = 0) -> Iterator[str]:
    """What str() gives, piece by piece, so that nobody makes the whole of what is cut."""
    if isinstance(value, list | tuple | dict) and depth > 40:
        yield "…"
    elif isinstance(value, dict):
        yield "{"
        for i, (key, item) in enumerate(value.items()):
            yield ", " if i else ""
            yield from _pieces(key, depth + 1)
            yield ": "
            yield from _pieces(item, depth + 1)
        yield "}"
    elif isinstance(value, list | tuple) and type(value) in (list, tuple):
        yield "[" if isinstance(value, list) else "("
        for i, item in enumerate(value):
            yield ", " if i else ""
            yield from _pieces(item, depth + 1)
        yield "]" if isinstance(value, list) else ",)" if len(value) == 1 else ")"
    elif isinstance(value, bytes | bytearray):
        part = repr(bytes(value[: CELL_MAX + 1]))
        yield part
    elif isinstance(value, str) and depth:
        yield repr(value[: CELL_MAX + 1])
    elif isinstance(value, str):
        yield value
    elif value is None:
        yield "NULL"
    else:
        yield str(value)


_SIMPLE = {str, int, float, bool}


def cut(value: Any, most: int = CELL_MAX) -> tuple[str, bool]:
    """A value on one line, and whether some of it was left out. NULL is NULL."""
    if value is None:
        return "NULL", False
    if type(value) in _SIMPLE:  # most cells, at once
        text = str(value)
        if len(text) <= most and text.isprintable():
            return text, False
    text = ""
    for piece in _pieces(value):
        text += piece if len(piece) <= most else piece[: most + 1]
        if len(text) > most:
            break
    shown = visible(text)  # escapes make it longer
    if len(text) <= most and len(shown) <= most:
        long = isinstance(value, bytes | bytearray) and len(value) > CELL_MAX
        return shown, long
    return shown[: most - 1] + "…", True


def escaped(value: Any, most: int = CELL_MAX) -> str:
    """A value as HTML text or attribute."""
    return html.escape(cut(value, most)[0], quote=True)


def lines(text: str, most: int = 100_000) -> str:
    """Text of several lines as HTML: its line ends stay, and nothing else that cannot be printed."""
    shown = "\n".join(visible(line) for line in text[:most].replace("\t", "    ").split("\n"))
    return html.escape(shown + ("…" if len(text) > most else ""), quote=True)


def width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


_FOLDER = os.path.join(os.path.dirname(__file__), "static")


@functools.cache
def static(name: str) -> str:
    """A file of the package's own, without the comment that it opens with and without indentation."""
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        text = [line.strip() for line in file]
    return "\n".join(line for line in text if not line.startswith(("//", "/*")))


def framed(inner: str, script: bool = False) -> str:
    """A block with the style that its content needs, and the script of a table."""
    more = f"<script>{static('table.js')}</script>" if script else ""
    return f'<div class="laminar"><style>{static("table.css")}</style>{inner}{more}</div>'


def grid(head: str, body: Iterable[str], note: str = "") -> str:
    """A table of rows that are HTML, and what is to be said below it, which is text of ours."""
    more = f'<p class="lm-note">{note}</p>' if note else ""
    rows = "".join(body)
    table = f'<table class="lm-grid"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    return f'<div class="lm-box">{table}</div>{more}'
