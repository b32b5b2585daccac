# SPDX-License-Identifier: Apache-2.0
"""MaterializedView, ChangeEvent and ChangeRow: a stream as a table that tells how it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from .callbacks import DeliveryThread, check_callable
from .result import _SHOWN, QueryResult
from .shown import Shown
from .subscription import StreamSubscription

if TYPE_CHECKING:
    from .connection import Connection

Op = Literal["Insert", "Update", "Delete"]
_OPS: tuple[Op, ...] = ("Insert", "Update", "Delete")


class ChangeRow(Shown):
    """One row that came, changed or left.

    Attributes:
        op: "Insert", "Update" or "Delete". values: the new row, or the last one of a key that left.
        columns: names of the values.

    Example:
        >>> row = laminardb.ChangeRow("Insert", (1, "a"), ["k", "s"])
        >>> row.op, row["s"], row[0]
        ('Insert', 'a', 1)
    """

    __slots__ = ("columns", "op", "values")

    def __init__(self, op: Op, values: tuple[Any, ...], columns: Sequence[str]) -> None:
        self.op: Op = op
        self.values = values
        self.columns = columns

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            return self.values[key]
        try:
            return self.values[self.columns.index(key)]
        except ValueError:
            raise KeyError(key) from None

    def to_dict(self) -> dict[str, Any]:
        """Column name to value.

        Cannot fail.

        Example:
            >>> laminardb.ChangeRow("Delete", (1, "a"), ["k", "s"]).to_dict()
            {'k': 1, 's': 'a'}
        """
        return dict(zip(self.columns, self.values, strict=True))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChangeRow) and (self.op, self.values) == (other.op, other.values)

    __hash__ = None  # type: ignore[assignment]

    def _shown_fields(self) -> list[tuple[str, Any]]:
        return [("op", self.op), *zip(self.columns, self.values, strict=True)]

    def __repr__(self) -> str:
        return f"ChangeRow({self.op}, {self.to_dict()!r})"


class ChangeEvent(Shown):
    """What one tick changed in a stream: an iterable of ChangeRow, deletions last.

    key_columns: positions of the columns of the key; None: the stream has never more than one row.

    Attributes:
        result: the delivered QueryResult (rows that came or changed).

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> changes = laminardb.mv(db, "n").subscribe()
        >>> _ = db.insert("t", [(1, "a"), (2, "b")])
        >>> event = laminardb.ChangeEvent(changes.next())
        >>> len(event), event[0].to_dict()
        (2, {'k': 1, 'n': 1})
    """

    __slots__ = ("_rows", "result")

    def __init__(self, result: QueryResult, key_columns: Sequence[int] | None = ()) -> None:
        self.result = result
        columns = result.columns
        if columns and columns[-1] == "__weight":
            self._rows = _paired(result, columns[:-1], key_columns)
            return
        ops = result._ops
        self._rows = [ChangeRow(_OPS[ops[i]], row, columns) for i, row in enumerate(result)]
        if result.deleted is not None and key_columns is None and self._rows:
            self._rows = [ChangeRow("Update", row.values, columns) for row in self._rows[-1:]]
        elif result.deleted is not None:
            self._rows += [ChangeRow("Delete", row, columns) for row in result.deleted]

    @property
    def op(self) -> Op:
        """The op of all rows when they share one, else "Update".

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> seen = []
            >>> thread = laminardb.mv(db, "n").subscribe(lambda event: seen.append(event.op))
            >>> _ = db.insert("t", (1, "a"))
            >>> db.shutdown()
            >>> thread.join(10)
            >>> seen
            ['Insert']
        """
        first: Op = self._rows[0].op if self._rows else "Update"
        return first if all(row.op == first for row in self._rows) else "Update"

    @property
    def position(self) -> tuple[int, int] | None:
        """Position of the delivery, see QueryResult.position.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> changes = laminardb.mv(db, "n").subscribe()
            >>> _ = db.insert("t", [(1, "a"), (2, "b")])
            >>> event = laminardb.ChangeEvent(changes.next())
            >>> len(event.position)
            2
        """
        return self.result.position

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dict per row, with its op as "__op".

        Cannot fail.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS k, 1 AS __weight")
            >>> laminardb.ChangeEvent(result).to_dicts()
            [{'k': 1, '__op': 'Insert'}]
        """
        return [{**row.to_dict(), "__op": row.op} for row in self._rows]

    def __iter__(self) -> Iterator[ChangeRow]:
        return iter(self._rows)

    def __getitem__(self, index: int) -> ChangeRow:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def _html(self) -> str:
        from .display import html_table

        rows = [(row.op, *row.values) for row in self._rows[:_SHOWN]]
        return html_table(["op", *(self._rows[0].columns if self._rows else ())], rows, len(self))

    def __repr__(self) -> str:
        return f"ChangeEvent({self.op}, rows={len(self)})"


def _paired(
    result: QueryResult, columns: Sequence[str], key_columns: Sequence[int] | None
) -> list[ChangeRow]:
    """Rows of an EMIT CHANGES delivery: an old and a new row of one key are one update."""
    old: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    rows = [(row[:-1], row[-1]) for row in result]
    is_keyed = key_columns is None or len(key_columns) > 0

    def key_of(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row[i] for i in key_columns or ()) if is_keyed else row

    for row, weight in rows:
        if weight < 0:
            old.setdefault(key_of(row), []).extend([row] * -weight)
    made = []
    for row, weight in rows:
        for _ in range(weight):
            taken = old.get(key_of(row)) if is_keyed else None
            if taken:
                taken.pop()
            made.append(ChangeRow("Insert" if taken is None else "Update", row, columns))
    return made + [ChangeRow("Delete", row, columns) for left in old.values() for row in left]


class HandlerThread(DeliveryThread):
    """The thread behind a handler of a view. It ends when its database closes, or by cancel()."""

    def __init__(
        self, name: str, changes: StreamSubscription, handler: Callable[[ChangeEvent], object]
    ) -> None:
        keys = changes._key_columns()
        super().__init__(
            f"laminardb-handler-{name}", changes, lambda batch: handler(ChangeEvent(batch, keys))
        )


class MaterializedView(Shown):
    """A stream seen as a table: its current rows, and its changes.

    conn, name: the connection and the stream.
    With `sql` the stream is created when there is none of that name.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> view = laminardb.mv(db, "n", "SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> _ = db.insert("t", [(1, "a"), (1, "b")])
        >>> view, view.query().fetchall()
        (MaterializedView('n'), [(1, 2)])
    """

    __slots__ = ("connection", "name", "sql")

    def __init__(self, conn: Connection, name: str, sql: str | None = None) -> None:
        self.connection = conn
        self.name = name
        self.sql = sql
        if sql is not None and name.lower() not in map(str.lower, conn.list_streams()):
            spelled = name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
            conn.execute(f"CREATE STREAM {spelled} AS {sql}")

    def query(
        self,
        filter: str | None = None,  # noqa: A002 - as query_stream
        *,
        where: str | None = None,
    ) -> QueryResult:
        """The current rows; filter is one SQL expression over the columns, where another name for it.

        Raises QueryError: the filter is wrong, or the stream is gone. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> _ = db.insert("t", [(1, "a"), (2, "b")])
            >>> laminardb.mv(db, "n").query("k > 1").fetchall()
            [(2, 1)]
        """
        return self.connection.query_stream(self.name, filter or where or None)

    def schema(self) -> Any:
        """The schema of the rows, see Connection.schema.

        Raises SchemaError: 200, the stream is gone.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> laminardb.mv(db, "n").schema().names
            ['k', 'n']
        """
        return self.connection.schema(self.name)

    @overload
    def subscribe(self, handler: None = None) -> StreamSubscription: ...
    @overload
    def subscribe(self, handler: Callable[[ChangeEvent], object]) -> HandlerThread: ...
    def subscribe(
        self, handler: Callable[[ChangeEvent], object] | None = None
    ) -> StreamSubscription | HandlerThread:
        """Changes from the next one on.

        Without a handler: a StreamSubscription. With one: a started daemon thread that calls
        ``handler(ChangeEvent)`` per tick; it ends when the connection closes, by its cancel(), or with the
        handler's first exception.
        Raises SchemaError: 200, the stream is gone. TypeError: the handler cannot be called.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> seen = []
            >>> thread = laminardb.mv(db, "n").subscribe(seen.append)
            >>> _ = db.insert("t", (1, "a"))
            >>> db.shutdown()
            >>> thread.join(10)
            >>> seen
            [ChangeEvent(Insert, rows=1)]
        """
        if handler is None:
            return self.connection.subscribe_stream(self.name)
        check_callable(handler, "handler")
        changes = self.connection._subscribe(
            StreamSubscription, stream=self.name, row_ops=True, **self.connection._lag(None, "error")
        )
        thread = HandlerThread(self.name, changes, handler)
        thread.start()
        return thread

    def _html(self) -> str:
        from .widget import static_html

        return static_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        from .widget import bundle

        return bundle(self, include, exclude)

    def _display_(self) -> Any:
        """What marimo asks for."""
        from .widget import display

        return display(self)

    def __repr__(self) -> str:
        return f"MaterializedView({self.name!r})"


def mv(conn: Connection, name: str, sql: str | None = None) -> MaterializedView:
    """A stream as a MaterializedView; with `sql` it is created when there is none of that name.

    conn: the connection. Raises QueryError: `sql` is wrong.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> laminardb.mv(db, "n").query().num_rows
        0
    """
    return MaterializedView(conn, name, sql)
