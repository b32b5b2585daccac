# SPDX-License-Identifier: Apache-2.0
"""Tests of streams, written as small tables.

Example:
    >>> from laminardb import testing
    >>> with testing.database('''
    ...     CREATE SOURCE trades (symbol VARCHAR, price DOUBLE);
    ...     CREATE STREAM best AS SELECT symbol, max(price) AS price FROM trades GROUP BY symbol
    ... ''') as db:
    ...     best = db.watch("best")
    ...     db.feed("trades", '''
    ...         symbol | price
    ...         AAPL   | 190.5
    ...         MSFT   | 410
    ...     ''')
    ...     db.expect("best", '''
    ...         symbol | price
    ...         AAPL   | 190.5
    ...         MSFT   | 410
    ...     ''')
    ...     db.feed("trades", '''
    ...         symbol | price
    ...         AAPL   | 191
    ...     ''')
    ...     best.skip(1).expect('''
    ...         op     | symbol | price
    ...         Update | AAPL   | 191
    ...     ''')
    2
    1

A table is a line of names and lines of values, parted by ``|``. Blanks around a value do not count; ``NULL``
is NULL; ``'...'`` is text as it stands, with ``''`` for a quote. Values are written as in CSV and SQL and
take the types of the columns. A line of dashes is for the eye.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from . import Connection, LaminarConfig, open
from .changes import ChangeEvent
from .subscription import StreamSubscription

_CELL = re.compile(r"\s*(?:'((?:[^']|'')*)'|(?!')([^|]*?))\s*(\||$)")
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A parsed table: names, and rows of texts with None for NULL.

    columns: the names. rows: the texts.

    Example:
        >>> from laminardb import testing
        >>> testing.table("a | b\\n1 | NULL").rows
        [['1', None]]
    """

    columns: list[str]
    rows: list[list[str | None]]


def table(text: str) -> Table:
    """Parses a table.

    text: a line of names, a line for each row.

    Raises:
        ValueError: there is no line of names, or a row has another number of values; with its line.

    Example:
        >>> from laminardb import testing
        >>> testing.table("a | b\\n1 | 'x'")
        Table(columns=['a', 'b'], rows=[['1', 'x']])
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    lines = [line for line in lines if line and not re.fullmatch(r"[-+|=\s]+", line)]
    if not lines:
        raise ValueError("a table needs a line of column names")
    columns = [cell or "" for cell in _cells(lines[0])]
    rows = [_cells(line) for line in lines[1:]]
    for line, row in zip(lines[1:], rows, strict=True):
        if len(row) != len(columns):
            names = ", ".join(columns)
            raise ValueError(f"{len(columns)} columns ({names}), but {len(row)} values in: {line}")
    return Table(columns, rows)


def _cells(line: str) -> list[str | None]:
    cells: list[str | None] = []
    at = 0
    line = line.removeprefix("|").removesuffix("|") if line.startswith("|") else line
    while True:
        found = _CELL.match(line, at)
        if found is None:
            raise ValueError(f"a quote is not closed, or something follows it, in: {line}")
        quoted, plain, end = found.groups()
        if quoted is not None:
            cells.append(quoted.replace("''", "'"))
        else:
            cells.append(None if plain == "NULL" else plain)
        at = found.end()
        if end != "|":
            return cells


def reload(db: Connection | TestDatabase) -> bool:
    """Take the state of every stream to the bytes of a checkpoint, and go on from those bytes.

    No result may change by it: a test that what a checkpoint holds is all of a stream. False: not at
    this moment (a stream is being filled, or a transaction is open), and nothing happened.
    Raises ConnectionError 101 after close().

    >>> with database("CREATE SOURCE t (k INTEGER); CREATE STREAM s AS SELECT count(*) AS n FROM t") as db:
    ...     _ = db.feed("t", "k\\n 1\\n 2")
    ...     reload(db)
    ...     _ = db.feed("t", "k\\n 3")
    ...     db.query("SELECT n FROM s").fetchone()
    True
    (3,)
    """
    connection = db.connection if isinstance(db, TestDatabase) else db
    return connection._reload()


def database(script: str = "", *, start: bool = True, now: int | datetime | None = None) -> TestDatabase:
    """A new database in memory for one test.

    script: SQL that makes sources and streams. start: whether streams run from the beginning. now: the clock
    is the test's, and stands there (epoch milliseconds or a datetime) until ``db.tick(later)`` moves it;
    None: the system's.
    Raises LaminarError: the script fails.

    Example:
        >>> from laminardb import testing
        >>> db = testing.database(
        ...     "CREATE SOURCE t (k BIGINT);"
        ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
        ... )
        >>> db.feed("t", "k\\n1\\n2")
        2
    """
    connection = open(config=LaminarConfig(deterministic=now is not None))
    if now is not None:
        connection.tick(now)
    return TestDatabase(connection, script, start)


class TestDatabase:
    """A connection with feed, expect, watch and watermark. Everything else is the connection's own.

    script, start, now: as of database.

    Example:
        >>> from laminardb import testing
        >>> db = testing.database(
        ...     "CREATE SOURCE t (k BIGINT);"
        ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
        ... )
        >>> _ = db.feed("t", "k\\n1\\n2")
        >>> db.expect("n", "k | n\\n1 | 1\\n2 | 1")
    """

    __test__ = False  # not a class of tests, whatever its name

    def __init__(self, connection: Connection, script: str = "", start: bool = True) -> None:
        self.connection = connection
        try:
            if script.strip():
                connection.execute(script)
            if start:
                connection.start()
        except BaseException:
            connection.close()
            raise

    def feed(self, name: str, rows: str) -> int:
        """Inserts a table into a source or table, as one insert; the number of rows.

        name: of the source. rows: the table.

        Raises:
            IngestionError: a value does not fit its column; nothing is inserted.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> db.feed("t", "k\\n1\\n2")
            2
        """
        parsed = table(rows)
        lines: list[Sequence[str | None]] = [parsed.columns, *parsed.rows]
        return self.connection.insert_csv(name, "".join(",".join(map(_csv, line)) + "\n" for line in lines))

    def watermark(self, name: str, ms: int) -> None:
        """Moves the watermark of a source to `ms` epoch milliseconds; windows before it close.

        name: of the source. Raises SchemaError: 200, an unknown name.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
            >>> db.watermark("t", 1000)
            >>> db.source_metrics("t").watermark
            1000
        """
        with self.connection.writer(name) as writer:
            writer.watermark(ms)

    def expect(self, query: str, rows: str, *, ordered: bool = False) -> None:
        """Fails, with the difference, unless the rows are those of the query.

        query: SQL, or the name of a source, table or stream. rows: may leave out columns. ordered: the order
        counts, too. DOUBLE and FLOAT may differ by 1e-9 of their size.
        Raises AssertionError: with the difference.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> _ = db.feed("t", "k\\n1\\n2")
            >>> db.expect("SELECT max(k) AS top FROM t", "top\\n2")
        """
        sql = query if re.search(r"\s", query.strip()) else f'SELECT * FROM "{query.strip()}"'
        result = self.connection.sql(sql)
        want = self._typed(table(rows), sql, {})
        _compare(query, want, result.columns, result.fetchall(), ordered)

    def watch(self, name: str) -> Watch:
        """What a stream delivers from now on.

        name: of the stream. Raises SchemaError: 200, there is none of that name.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> changes = db.watch("n")
            >>> _ = db.feed("t", "k\\n1")
            >>> changes.expect("op | k | n\\nInsert | 1 | 1")
        """
        return Watch(self, name)

    def _typed(self, t: Table, sql: str, extra: dict[str, str]) -> tuple[list[str], list[Row]]:
        """The rows as the query would give them."""
        described = self.connection.sql(f"DESCRIBE {sql}").fetchall()
        types = {row[0]: row[1] for row in described} | extra
        unknown = [name for name in t.columns if name not in types]
        if unknown:
            raise AssertionError(f"there is no column {unknown[0]!r}; there is: {', '.join(types)}")
        if not t.rows:
            return t.columns, []
        casts = ", ".join(f"CAST(c{i} AS {types[name]})" for i, name in enumerate(t.columns))
        names = ", ".join(f"c{i}" for i in range(len(t.columns)))
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in t.rows)
        typed = self.connection.sql(f"SELECT {casts} FROM (VALUES {values}) AS t({names})")
        return t.columns, typed.fetchall()

    def close(self) -> None:
        """Closes the connection.

        Cannot fail.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> db.close()
            >>> db.connection
            Connection(closed)
        """
        self.connection.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Watch:
    """Deliveries of a stream, in their order.

    name: of the stream. Made by TestDatabase.watch.

    Example:
        >>> from laminardb import testing
        >>> db = testing.database(
        ...     "CREATE SOURCE t (k BIGINT);"
        ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
        ... )
        >>> changes = db.watch("n")
        >>> _ = db.feed("t", "k\\n1")
        >>> changes.expect("k | n\\n1 | 1")
    """

    def __init__(self, db: TestDatabase, name: str) -> None:
        self._db = db
        self._name = name
        lag = db.connection._lag(None, "error")
        self._subscription = db.connection._subscribe(StreamSubscription, stream=name, row_ops=True, **lag)
        self._keys = self._subscription._key_columns()

    def skip(self, count: int | None = None) -> Self:
        """Leaves out the next deliveries: `count`, or all there are. Fails when there are fewer.

        Raises AssertionError: with the difference.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> changes = db.watch("n")
            >>> _ = db.feed("t", "k\\n1")
            >>> changes.skip(1).expect_nothing()
        """
        left = count
        while left != 0:
            if self._subscription.try_next() is None:
                if left is not None:
                    raise AssertionError(f"stream {self._name} has {count - left if count else 0} deliveries")
                break
            left = None if left is None else left - 1
        return self

    def expect(self, rows: str) -> None:
        """Fails, with the difference, unless the rows are what all deliveries since the last look hold.

        rows: may have a column op with Insert, Update or Delete. The order of deliveries counts not.
        Raises AssertionError: with the difference.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> changes = db.watch("n")
            >>> _ = db.feed("t", "k\\n1")
            >>> changes.expect("op | k | n\\nInsert | 1 | 1")
        """
        t = table(rows)
        got: list[Row] = []
        columns: list[str] = list(t.columns)
        while (batch := self._subscription.try_next()) is not None:
            event = ChangeEvent(batch, self._keys)
            columns = ["op", *(event[0].columns if len(event) else [])]
            got += [(row.op, *row.values) for row in event]
        want = self._db._typed(t, f'SELECT * FROM "{self._name}"', {"op": "VARCHAR"})
        _compare(f"changes of {self._name}", want, columns, got, False)

    def expect_nothing(self) -> None:
        """Fails when something was delivered since the last look.

        Raises AssertionError: with the difference.

        Example:
            >>> from laminardb import testing
            >>> db = testing.database(
            ...     "CREATE SOURCE t (k BIGINT);"
            ...     "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k"
            ... )
            >>> db.watch("n").expect_nothing()
        """
        if (batch := self._subscription.try_next()) is not None:
            rows = "\n".join(f"  {row.op} {row.to_dict()}" for row in ChangeEvent(batch, self._keys))
            raise AssertionError(f"stream {self._name} delivered\n{rows}")


def _csv(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _literal(value: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else "'" + value.replace("'", "''") + "'"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or math.isclose(a, b, rel_tol=1e-9)
    return bool(a == b)


def _take(rows: list[Row], wanted: Row) -> bool:
    """Removes the first row that is the same."""
    for i, row in enumerate(rows):
        if all(map(_same, row, wanted)):
            del rows[i]
            return True
    return False


def _compare(
    what: str, want: tuple[list[str], list[Row]], columns: Sequence[str], rows: Iterable[Row], ordered: bool
) -> None:
    names, wanted = want
    at = [columns.index(name) for name in names]
    got = [tuple(row[i] for i in at) for row in rows]
    if ordered:
        if len(got) == len(wanted) and all(all(map(_same, a, b)) for a, b in zip(got, wanted, strict=True)):
            return
        lines = [("-", row) for row in wanted] + [("+", row) for row in got]
    else:
        surplus = list(got)
        marked = [(" " if _take(surplus, row) else "-", row) for row in wanted]
        if not surplus and all(mark == " " for mark, _ in marked):
            return
        lines = marked + [("+", row) for row in surplus]
    raise AssertionError(f"{what} is not as expected (- missing, + not expected)\n{_drawn(names, lines)}")


def _drawn(names: Sequence[str], lines: Sequence[tuple[str, Row]]) -> str:
    cells = [[" ", *names]] + [[mark, *("NULL" if v is None else str(v) for v in row)] for mark, row in lines]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names) + 1)]
    return "\n".join(
        f"{row[0]} " + " | ".join(cell.ljust(w) for cell, w in zip(row[1:], widths[1:], strict=True)).rstrip()
        for row in cells
    )
