# SPDX-License-Identifier: Apache-2.0
"""The Python Database API 2.0 (PEP 249) over laminardb: what pandas.read_sql, marimo and SQL tools speak.

Statements take effect at once; ``BEGIN`` opens a transaction, which ``commit`` and ``rollback`` end. Without
one they do nothing.

>>> from laminardb import dbapi
>>> with dbapi.connect() as con:
...     cur = con.cursor()
...     _ = cur.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, name VARCHAR)")
...     _ = cur.executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, "b")])
...     cur.execute("SELECT name FROM t WHERE k = ?", [2]).fetchone()
('b',)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from datetime import time as _time
from sys import _getframe
from types import FrameType
from typing import Any, Self, TypeVar

from . import codes
from .config import LaminarConfig
from .connection import Connection
from .connection import open as _open
from .errors import LaminarError
from .result import QueryResult
from .scan import Resolver

apilevel = "2.0"
threadsafety = 2  # threads may share the module and connections, not cursors
paramstyle = "qmark"  # and $1, $name, :name

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]

# ---------------------------------------------------------------------- exceptions


class Warning(Exception):  # noqa: A001 - PEP 249
    """Nothing raises it; PEP 249 wants it.

    Example:
        >>> issubclass(laminardb.dbapi.Warning, Exception)
        True
    """


class Error(LaminarError):
    """Base of the errors of this module; ``__cause__`` is laminardb's own, code and place are the same.

    Example:
        >>> cur = laminardb.dbapi.connect().cursor()
        >>> try:
        ...     _ = cur.execute('SELECT nothing')
        ... except laminardb.dbapi.Error as error:
        ...     print(error.code)
        400
    """


class InterfaceError(Error):
    """The cursor or the connection is closed, or there are no rows to fetch.

    Example:
        >>> cur = laminardb.dbapi.connect().cursor()
        >>> try:
        ...     cur.fetchone()
        ... except laminardb.dbapi.InterfaceError as error:
        ...     print(error)
        there are no rows to fetch: execute a query first
    """


class DatabaseError(Error):
    """Base of the errors that concern the database.

    Example:
        >>> cur = laminardb.dbapi.connect().cursor()
        >>> try:
        ...     _ = cur.execute('SELECT nothing')
        ... except laminardb.dbapi.DatabaseError as error:
        ...     print(error.code)
        400
    """


class DataError(DatabaseError):
    """Values do not fit.

    Example:
        >>> issubclass(laminardb.dbapi.DataError, laminardb.dbapi.DatabaseError)
        True
    """


class OperationalError(DatabaseError):
    """The database, a stream or a connector failed, or the statement was cancelled.

    Example:
        >>> con = laminardb.dbapi.connect()
        >>> con.shutdown()
        >>> try:
        ...     _ = con.cursor().execute("CREATE SOURCE t (k BIGINT)")
        ... except laminardb.dbapi.OperationalError as error:
        ...     print(error.code)
        901
    """


class IntegrityError(DatabaseError):
    """Rows were refused: a key is taken, a CHECK or NOT NULL does not hold.

    Example:
        >>> cur = laminardb.dbapi.connect().cursor()
        >>> _ = cur.execute("CREATE TABLE t (k BIGINT NOT NULL)")
        >>> try:
        ...     _ = cur.execute("INSERT INTO t VALUES (NULL)")
        ... except laminardb.dbapi.IntegrityError as error:
        ...     print(error.code)
        300
    """


class InternalError(DatabaseError):
    """A fault of laminardb.

    Example:
        >>> issubclass(laminardb.dbapi.InternalError, laminardb.dbapi.DatabaseError)
        True
    """


class ProgrammingError(DatabaseError):
    """The statement is wrong, or names what is not there.

    Example:
        >>> cur = laminardb.dbapi.connect().cursor()
        >>> try:
        ...     _ = cur.execute('SELECT * FROM nothing')
        ... except laminardb.dbapi.ProgrammingError as error:
        ...     print(error.code)
        200
    """


class NotSupportedError(DatabaseError):
    """Nothing raises it; PEP 249 wants it.

    Example:
        >>> issubclass(laminardb.dbapi.NotSupportedError, laminardb.dbapi.DatabaseError)
        True
    """


_BY_CODE: dict[int, type[Error]] = {
    codes.CONNECTION_CLOSED: InterfaceError,
    codes.INGESTION_FAILED: IntegrityError,
    codes.BATCH_SCHEMA_MISMATCH: DataError,
    codes.QUERY_CANCELLED: OperationalError,
    codes.INTERNAL_ERROR: InternalError,
}
_BY_HUNDRED: dict[int, type[Error]] = {2: ProgrammingError, 4: ProgrammingError}


def _translated(run: Callable[[], T]) -> T:
    try:
        return run()
    except Error:
        raise
    except LaminarError as error:
        kind = _BY_CODE.get(error.code) or _BY_HUNDRED.get(error.code // 100, OperationalError)
        told = kind(*error.args)
        told.__dict__.update(error.__dict__)
        raise told from error


# ---------------------------------------------------------------------- types


class _Type(frozenset[str]):
    """Equal to the type names of its family: ``description[0][1] == dbapi.NUMBER``."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return ("[]" if "[" in other else other.partition("(")[0]) in self
        return frozenset.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = frozenset.__hash__


STRING = _Type({"VARCHAR", "JSON"})
BINARY = _Type({"BLOB"})
NUMBER = _Type(
    "BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT FLOAT DOUBLE"
    " DECIMAL".split()
)
DATETIME = _Type("DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS TIMESTAMPTZ INTERVAL".split())
ROWID = _Type()

Date, Time, Timestamp, Binary = date, _time, datetime, bytes


def DateFromTicks(ticks: float) -> date:  # noqa: N802 - PEP 249
    """The local date of seconds since 1970.

    ticks: seconds. Raises OverflowError, ValueError: no such year.

    Example:
        >>> laminardb.dbapi.DateFromTicks(86400 * 366).year
        1971
    """
    return date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> _time:  # noqa: N802 - PEP 249
    """The local time of day of seconds since 1970.

    ticks: seconds. Raises OverflowError, ValueError: no such year.

    Example:
        >>> laminardb.dbapi.TimeFromTicks(59).second
        59
    """
    return _time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime:  # noqa: N802 - PEP 249
    """The local date and time of seconds since 1970.

    ticks: seconds. Raises OverflowError, ValueError: no such year.

    Example:
        >>> laminardb.dbapi.TimestampFromTicks(86400 * 366).year
        1971
    """
    return datetime.fromtimestamp(ticks, UTC).astimezone().replace(tzinfo=None)


# ---------------------------------------------------------------------- connections and cursors


def connect(database: str = ":memory:", *, config: LaminarConfig | None = None) -> Connection:
    """Opens a database: a laminardb.Connection, which has cursor, commit and rollback.

    path, config: as of laminardb.open.

    Raises:
        OperationalError: it cannot be opened.

    Example:
        >>> with laminardb.dbapi.connect() as con:
        ...     con.cursor().execute("SELECT 1").fetchone()
        (1,)
    """
    return _translated(lambda: _open(database, config=config))


Description = tuple[str, str, None, None, int | None, int | None, None]


def _describe(result: QueryResult) -> list[Description]:
    out: list[Description] = []
    for name, kind in zip(result.columns, result._column_types, strict=True):
        numbers = kind.removeprefix("DECIMAL(").removesuffix(")") if kind.startswith("DECIMAL(") else ""
        precision, scale = map(int, numbers.split(",")) if "[" not in kind and numbers else (None, None)
        out.append((name, kind, None, None, precision, scale, None))
    return out


class Cursor:
    """Runs statements and walks through their rows. One thread at a time.

    Attributes:
        connection: what made it.
        description: a 7-tuple (name, type, None, None, precision, scale, None) per column of the last
            statement; None when it gave no rows. The type is SQL's name, equal to one of STRING, BINARY,
            NUMBER, DATETIME.
        rowcount: rows of the last statement, or changed by it; -1 for DDL and before the first.
        arraysize: rows of fetchmany.
        lastrowid: None always.

    Example:
        >>> cur = laminardb.dbapi.connect().cursor()
        >>> _ = cur.execute("SELECT 1 AS one UNION ALL SELECT 2")
        >>> cur.rowcount, cur.description[0][:2], list(cur)
        (2, ('one', 'BIGINT'), [(1,), (2,)])
    """

    lastrowid = None

    def __init__(self, connection: Connection) -> None:
        _translated(lambda: connection.in_transaction)  # a closed one has no cursors
        self.connection = connection
        self.arraysize = 1
        self._closed = False
        self._forget()

    def _forget(self) -> None:
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self.description: list[Description] | None = None
        self.rowcount = -1
        self.rownumber: int | None = None

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed: ask the connection for another one")

    def execute(self, operation: str, parameters: Parameters | None = None) -> Self:
        """Runs statements separated by ``;``; the rows are those of the last one. Returns the cursor.

        operation: the text. parameters: a list or tuple, or a dict.

        Raises:
            ProgrammingError, IntegrityError, DataError, OperationalError: as the classes say.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> cur.execute("SELECT ? + 1", [1]).fetchall()
            [(2,)]
        """
        return self._run(operation, parameters, _getframe(1))

    def _run(self, operation: str, parameters: Parameters | None, frame: FrameType) -> Self:
        """frame: whose variables may stand in FROM."""
        self._check()
        self._forget()
        resolver = Resolver(frame, {})
        result = _translated(lambda: self.connection._execute(operation, parameters, resolver))
        kind, _, _, self.rowcount = result._outcome
        if kind == "ddl":
            self.rowcount = -1
        elif kind != "rows_affected":
            self.description = _describe(result)
            self.rownumber = 0
            self._rows = (row for i in range(result.num_batches) for row in result._batch(i).fetchall())
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Parameters]) -> Self:
        """Runs a statement once for each of the parameters: all of them or none, as one change.

        Within a transaction it is part of that one. rowcount is the sum.
        operation: one statement. seq_of_parameters: as of execute. Raises what execute does.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> _ = cur.execute("CREATE TABLE t (k BIGINT)")
            >>> cur.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)]).rowcount
            2
        """
        self._check()
        frame = _getframe(1)
        own = not self.connection.in_transaction
        if own:
            _translated(self.connection.begin)
        total = 0
        try:
            for parameters in seq_of_parameters:
                total += max(self._run(operation, parameters, frame).rowcount, 0)
        except BaseException:
            if own:
                self.connection.rollback()
            raise
        if own:
            self.connection.commit()
        self._forget()
        self.rowcount = total
        return self

    def _walk(self) -> Iterator[tuple[Any, ...]]:
        self._check()
        if self._rows is None:
            raise InterfaceError("there are no rows to fetch: execute a query first")
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; None after the last one.

        Raises InterfaceError: there is no result, or the cursor is closed.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> _ = cur.execute("SELECT 1")
            >>> cur.fetchone(), cur.fetchone()
            ((1,), None)
        """
        row = next(self._walk(), None)
        if row is not None and self.rownumber is not None:
            self.rownumber += 1
        return row

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows, at most `size` (arraysize); [] after the last one.

        Raises InterfaceError: there is no result, or the cursor is closed.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> cur.execute("SELECT * FROM range(5)").fetchmany(2)
            [(0,), (1,)]
        """
        rows = []
        for _ in range(self.arraysize if size is None else size):
            row = self.fetchone()
            if row is None:
                break
            rows.append(row)
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left.

        Raises InterfaceError: there is no result, or the cursor is closed.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> cur.execute("SELECT * FROM range(2)").fetchall()
            [(0,), (1,)]
        """
        rows = list(self._walk())
        if self.rownumber is not None:
            self.rownumber += len(rows)
        return rows

    def close(self) -> None:
        """Lets go of the rows; nothing else can be done with the cursor.

        Cannot fail.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> cur.close()
            >>> try:
            ...     cur.fetchone()
            ... except laminardb.dbapi.InterfaceError:
            ...     print("closed")
            closed
        """
        self._forget()
        self._closed = True

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Does nothing.

        sizes: whatever they are. Cannot fail.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> cur.setinputsizes([10])
        """

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing.

        size, column: whatever they are. Cannot fail.

        Example:
            >>> cur = laminardb.dbapi.connect().cursor()
            >>> cur.setoutputsize(10)
        """

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, ...]:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
