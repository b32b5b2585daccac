# SPDX-License-Identifier: Apache-2.0
"""SQL in colours, for HTML and for terminals, as the engine's lexer cuts it.

The text comes out whole: what lies between tokens is shown as it is, and a text that the lexer refuses half
way is plain from there on.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Iterator

from . import _laminardb
from .markup import framed, visible

SQL_MAX = 20_000  # characters that are shown

_CLASSES = {
    "keyword": "lm-k",
    "type": "lm-k",
    "function": "lm-f",
    "string": "lm-s",
    "number": "lm-d",
    "parameter": "lm-d",
    "comment": "lm-c",
    "error": "lm-bad",
}
_COLOURS = {"lm-k": "1;34", "lm-f": "36", "lm-s": "32", "lm-d": "33", "lm-c": "2", "lm-bad": "31"}


def _parts(sql: str) -> Iterator[tuple[str, str]]:
    """(kind, text) from the beginning to the end; the kind of what is no token is ''."""
    at = 0
    for kind, start, end in _laminardb.sql_tokens(sql):
        if start > at:
            yield "", sql[at:start]
        yield kind, sql[start:end]
        at = end
    if at < len(sql):
        yield "", sql[at:]


def terminal_lines(text: str) -> str:
    """Text of several lines without any other control character."""
    return "\n".join(visible(line) for line in text.replace("\t", "    ").split("\n"))


def _coloured(sql: str) -> Iterator[tuple[str, str]]:
    sql = sql.encode("utf-8", "backslashreplace").decode()  # of lone surrogates
    rest = f"… {len(sql) - SQL_MAX:,} more characters" if len(sql) > SQL_MAX else ""
    yield from _parts(sql[:SQL_MAX])
    if rest:
        yield "comment", rest


def html_pieces(sql: str) -> str:
    """The text as inline HTML, without a block around it."""
    made = []
    for kind, text in _coloured(sql):
        shown = html.escape(terminal_lines(text), quote=True)
        made.append(f'<span class="{_CLASSES[kind]}">{shown}</span>' if kind in _CLASSES else shown)
    return "".join(made)


def html_block(sql: str) -> str:
    """The text in <pre>, for a page that has the style."""
    return f'<pre class="lm-sql">{html_pieces(sql)}</pre>'


def html_sql(sql: str) -> str:
    """SQL as HTML with its keywords, texts, numbers and comments in colours; it stands alone.

    sql: any text. Cannot fail.

    Example:
        >>> '<span class="lm-k">SELECT</span>' in laminardb.display.html_sql("SELECT 1")
        True
    """
    return framed(html_block(sql))


def ansi_sql(sql: str) -> str:
    """SQL with the colours of a terminal; no control character of the text itself is left in it.

    sql: any text. Cannot fail.

    Example:
        >>> laminardb.display.ansi_sql("SELECT 1 -- one")
        '\\x1b[1;34mSELECT\\x1b[0m \\x1b[33m1\\x1b[0m \\x1b[2m-- one\\x1b[0m'
    """
    made = []
    for kind, text in _coloured(sql):
        shown = terminal_lines(text)
        colour = _COLOURS.get(_CLASSES.get(kind, ""))
        made.append(f"\x1b[{colour}m{shown}\x1b[0m" if colour else shown)
    return "".join(made)


def show_sql(sql: str) -> None:
    """Prints SQL: in colours on a terminal, else as text in which no control character is left.

    sql: any text. Cannot fail but by its writing.

    Example:
        >>> laminardb.display.show_sql("SELECT 1")
        SELECT 1
    """
    print(ansi_sql(sql) if sys.stdout.isatty() else terminal_lines(sql))
