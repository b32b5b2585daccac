# SPDX-License-Identifier: Apache-2.0
"""%load_ext laminardb: %laminardb and %%laminardb, SQL in a notebook.

    %laminardb SELECT * FROM trades
    %%laminardb --live --db db
    SELECT symbol, avg(price) FROM trades WHERE price > $least GROUP BY symbol

Options: --live shows a subscription of the query, which stays up to date; --name x binds the result to the
variable x; --as df, pl or arrow makes a frame of it; --db var is the connection (or a path to open), for this
statement and those that follow; --params expression gives the parameters. A $x of the statement that no
parameter is given for is the value of the Python variable x: it is bound as a value and never becomes text of
the statement. A statement that fails shows its place, without a traceback, and ends the cell.

Invariants: IPython is imported by this module alone, when it is loaded; nothing here runs while it is not.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import _laminardb
from .connection import Connection, open  # noqa: A004 - ours
from .errors import LaminarError
from .highlight import terminal_lines
from .result import ExecuteResult, QueryResult
from .scan import Resolver
from .shown import Plan

if TYPE_CHECKING:
    from .subscription import Subscription

_FRAMES: dict[str, Callable[[QueryResult], Any]] = {
    "df": lambda result: result.to_pandas(),
    "pl": lambda result: result.to_polars(),
    "arrow": lambda result: result.to_arrow(),
}
_WITH_VALUE = ("--name", "--as", "--db", "--params")
_MAGIC = "laminardb"
_KINDS = {"column": "instance", "function": "function", "type": "class", "keyword": "keyword"}


class _Refused(Exception):
    """What is wrong with the options."""


def split_options(line: str) -> tuple[dict[str, Any], str]:
    """Options at the beginning of a line, and what follows them."""
    options: dict[str, Any] = {"live": False, "name": None, "as": None, "db": None, "params": None}
    rest = line.strip()
    while rest.startswith("--") and rest[2:3].isalpha():
        word, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        name, mark, value = word.partition("=")
        if name == "--live" and not mark:
            options["live"] = True
        elif name not in _WITH_VALUE:
            raise _Refused(f"{word} is no option: there are --live, {', '.join(_WITH_VALUE)}")
        else:
            if not mark:
                value, rest = _value(name, rest)
            options[name[2:]] = value
    if options["as"] not in (None, *_FRAMES):
        raise _Refused(f"--as is {', '.join(_FRAMES)}, not {options['as']}")
    if options["name"] is not None and not options["name"].isidentifier():
        raise _Refused(f"--name takes the name of a variable, not {options['name']!r}")
    return options, rest


def _value(name: str, rest: str) -> tuple[str, str]:
    """The word, which may be in quotes, at the beginning of a text, and what follows it."""
    if rest[:1] in ("'", '"'):
        end = rest.find(rest[0], 1)
        if end > 0:
            return shlex.split(rest[: end + 1])[0], rest[end + 1 :].lstrip()
    value, _, rest = rest.partition(" ")
    if not value:
        raise _Refused(f"{name} needs a value")
    return value, rest.lstrip()


def variables_of(sql: str) -> list[str]:
    """Names behind a $ in a statement, where the lexer says that they are parameters."""
    found = [sql[start:end] for kind, start, end in _laminardb.sql_tokens(sql) if kind == "parameter"]
    return list(dict.fromkeys(p[1:] for p in found if p[:1] == "$" and p[1:].isidentifier()))


def _first_word(sql: str) -> str:
    for kind, start, end in _laminardb.sql_tokens(sql):
        if kind != "comment":
            return sql[start:end].upper()
    return ""


class Magics:
    """The state of the magics in one IPython: which connection they use."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self._db: Connection | None = None

    def connection(self, name: str | None) -> Connection:
        """The one that --db names, the one before, a variable called db, or the module's default."""
        variables: Mapping[str, Any] = self.shell.user_ns
        if name is not None:
            found = variables.get(name)
            if isinstance(found, Connection):
                self._db = found
            elif name.isidentifier():
                raise _Refused(f"--db {name}: there is no variable of that name that holds a Connection")
            else:
                self._db = open(name)
        if self._db is None or self._db.is_closed:
            found = variables.get("db")
            if not isinstance(found, Connection) or found.is_closed:
                from .defaults import default_connection

                return default_connection()
            return found
        return self._db

    def parameters(self, sql: str, given: str | None) -> Any:
        """Those of --params, and beside them the variables that the statement names."""
        params = None if given is None else self.shell.ev(given)
        if params is not None and not isinstance(params, Mapping):
            return params
        wanted = [name for name in variables_of(sql) if name not in (params or {})]
        missing = [name for name in wanted if name not in self.shell.user_ns]
        if missing:
            raise _Refused(f"${missing[0]}: there is no Python variable of that name")
        bound = {**(params or {}), **{name: self.shell.user_ns[name] for name in wanted}}
        return bound or None

    def run(self, line: str, cell: str | None = None) -> Any:
        """The line after %laminardb, and the cell below %%laminardb; gives what the cell shows."""
        try:
            options, rest = split_options(line)
            sql = rest if cell is None else f"{rest}\n{cell}" if rest else cell
            db = self.connection(options["db"])
            if not sql.strip():
                return db
            params = self.parameters(sql, options["params"])
            shown = self._subscribed(db, sql, params) if options["live"] else self._ran(db, sql, params)
        except _Refused as e:
            from IPython.core.error import UsageError

            raise UsageError(str(e)) from None
        except LaminarError as e:
            raise self._bare(e) from None
        if options["as"] is not None:
            if not isinstance(shown, QueryResult):
                from IPython.core.error import UsageError

                raise UsageError(f"--as {options['as']}: the statement gives no rows")
            shown = _FRAMES[options["as"]](shown)
        if options["name"] is not None:
            self.shell.user_ns[options["name"]] = shown
        return shown

    def _ran(self, db: Connection, sql: str, params: Any) -> Any:
        result = ExecuteResult(db._execute(sql, params, Resolver(None, self.shell.user_ns)))
        rows = result.to_query_result()
        if rows is not None and rows.columns == ["plan"] and _first_word(sql) == "EXPLAIN":
            return Plan("\n".join(row[0] for row in rows))
        return result if rows is None else rows

    def _subscribed(self, db: Connection, sql: str, params: Any) -> Subscription:
        return db.subscribe(sql.strip().rstrip(";"), params)

    @staticmethod
    def _bare(error: LaminarError) -> LaminarError:
        """IPython shows what _render_traceback_ gives in the place of a traceback."""
        text = terminal_lines(str(error)).split("\n")
        vars(error)["_render_traceback_"] = lambda: text
        return error

    # ---- completion

    def complete(self, text: str, cursor: int) -> tuple[str, list[tuple[str, str]]] | None:
        """The word that is being typed and what it may become; None: this is no SQL of ours."""
        for mark in (f"%%{_MAGIC}", f"%{_MAGIC}"):
            start = text.rfind(mark, 0, cursor) if mark[1] != "%" else (0 if text.startswith(mark) else -1)
            if start >= 0:
                break
        else:
            return None
        at = start + len(mark)
        if mark[1] != "%" and "\n" in text[start:cursor]:
            return None
        line, newline, below = text[at:].partition("\n")
        try:
            options, rest = split_options(line)
        except _Refused:
            return None
        begins = at + len(line) - len(rest) if rest else at + len(line) + len(newline)
        if cursor < begins or (not rest and mark[1] != "%"):
            return None
        try:
            db = self.connection(options["db"] if options["db"] in self.shell.user_ns else None)
            found = db.complete(text[begins:] if mark[1] == "%" else rest, cursor - begins)
        except (LaminarError, _Refused):
            return None
        if not found:
            return "", []
        return text[begins + found[0][2] : cursor], [(name, kind) for name, kind, _ in found]


def _matcher(magics: Magics) -> Any:
    from IPython.core.completer import SimpleCompletion, context_matcher

    def laminardb_matcher(context: Any) -> Any:
        lines = context.full_text.split("\n")
        at = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
        found = magics.complete(context.full_text, at)
        if found is None:
            return {"completions": [], "suppress": False}
        word, names = found
        made = [SimpleCompletion(text=name, type=_KINDS.get(kind, "variable")) for name, kind in names]
        return {"completions": made, "matched_fragment": word, "suppress": bool(made), "ordered": True}

    return context_matcher(identifier="laminardb")(laminardb_matcher)


def load_ipython_extension(shell: Any) -> None:
    """What %load_ext laminardb calls: registers the magics and the completion of SQL in them."""
    from IPython.core.magic import no_var_expand

    no_var_expand(Magics.run)  # IPython would put the text of variables in the place of $x
    magics = Magics(shell)
    shell.register_magic_function(magics.run, "line_cell", _MAGIC)
    completer = getattr(shell, "Completer", None)
    if completer is not None and hasattr(completer, "custom_matchers"):
        unload_ipython_extension(shell)
        completer.custom_matchers.append(_matcher(magics))


def unload_ipython_extension(shell: Any) -> None:
    """What %unload_ext laminardb calls."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and hasattr(completer, "custom_matchers"):
        completer.custom_matchers[:] = [
            m for m in completer.custom_matchers if getattr(m, "matcher_identifier", "") != "laminardb"
        ]
