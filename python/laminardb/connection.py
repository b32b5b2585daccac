# SPDX-License-Identifier: Apache-2.0
"""Connection: one database, all its methods."""

from __future__ import annotations

import os
from sys import _getframe

from .asking import quoted
from .config import DURABILITIES, OPENED_WITH, LaminarConfig
from .errors import ConnectionError, SchemaError, SubscriptionError
from .operating import Operating
from .result import ExecuteResult, QueryResult
from .scan import Resolver
from .shown import Listing, Shown, watcher, working
from .subscription import StreamSubscription, Subscription

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from datetime import datetime
    from typing import Any, Literal, TypeVar

    from .aio import AsyncStreamSubscription, AsyncSubscription
    from .asking import Parameters
    from .callbacks import CallbackSubscription
    from .changes import ChangeEvent
    from .dbapi import Cursor
    from .feeds import AttachedSource
    from .keeping import Verified
    from .pipeline import Progress
    from .setting import Setting
    from .why import Why
    from .writer import Writer

    Handler = TypeVar("Handler", bound=Callable[[ChangeEvent], object])

    LagPolicy = Literal["error", "drop_oldest", "conflate", "block"]
_LAG_POLICIES = ("error", "drop_oldest", "conflate", "block")


def _as_now(shown: str | None, now: Any) -> Any:
    """A setting's default, which SHOW ALL writes as a text, in the type of its value."""
    if shown is None:
        return None
    if shown in ("true", "false"):
        return shown == "true"
    return int(shown) if shown.lstrip("-").isdigit() and not isinstance(now, str) else shown


class Connection(Operating, Shown):
    """An embedded database in this process. Made by :func:`laminardb.open`; usable from any thread.

    path, config: as of open.
    Every method raises ConnectionError 101 after close(), except close, is_closed and repr.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> _ = db.insert("t", {"k": 1})
        >>> db, db.query_stream("n").fetchall()
        (Connection(open), [(1, 1)])
    """

    __slots__ = ("__weakref__", "_config", "_feeds", "_progress")

    _config: LaminarConfig
    _feeds: dict[str, AttachedSource]
    _progress: Callable[[Progress], object]

    def __new__(
        cls, path: str | os.PathLike[str] = ":memory:", *, config: LaminarConfig | None = None
    ) -> Connection:
        if config is not None and not isinstance(config, LaminarConfig):
            raise TypeError(f"config must be a LaminarConfig, not {type(config).__name__}")
        settings = config or LaminarConfig()
        self = super().__new__(
            cls,
            _place(path, settings.storage_dir),
            settings.threads or 0,
            settings.memory_limit or 0,
            settings.buffer_size,
            settings.insert_timeout_ms,
            settings.max_lag_bytes or 0,
            settings.statement_timeout_ms or 0,
            settings.max_future_skew or 0,
            settings.deterministic,
            settings.random_seed or 0,
            settings.temp_directory or "",
            settings.max_temp_directory_size or 0,
            settings.batch_size or 0,
            settings.max_concurrent_queries or 0,
            settings.max_sql_size or 0,
            settings.cpu_affinity or "all",
            settings.retain or "all",
            settings.external_access,
            DURABILITIES.index(settings.durability),
            settings.checkpoint_interval_ms or 0,
            settings.wal_limit_bytes or 0,
            settings.wal_segment_bytes or 0,
            settings.checkpoint_retention,
            settings.storage_dir,
        )
        if settings.table_spill_threshold != 1_000_000:  # that of the engine
            self.execute(f"SET table_spill_threshold = {settings.table_spill_threshold}")
        self._config = settings
        return self

    def tick(self, now: int | datetime | str) -> None:
        """Moves the clock of a deterministic database on to `now`; what is due until then happens first.

        now: epoch milliseconds, a datetime or ISO text (without a zone: UTC). Before the first call the clock
        stands at 1970. One step of an hour does what 3,600 steps of a second do.

        Raises:
            ValueError: `now` lies before the clock, or the database lives by the system's clock.

        Example:
            >>> with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
            ...     db.tick(1_700_000_000_000)
        """
        from .instants import microseconds

        self._tick(microseconds(now, "now"))

    def execute(self, sql: str, params: Parameters | None = None, **objects: Any) -> ExecuteResult:
        """Runs statements separated by ``;`` in order and gives the result of the last one.

        sql: the text of the statements.
        objects: tables by name (see query).

        params: a list or tuple for ``?`` and ``$1``, a dict for ``$name`` and ``:name``. Values are str, int,
        float, bool, None, datetime, date or timedelta; they are constants and never part of the text.

        Raises:
            QueryError: with line, column and hint. SchemaError: a name is taken.

        Example:
            >>> laminardb.open().execute("CREATE SOURCE t (k BIGINT); INSERT INTO t VALUES (1), (2)")
            ExecuteResult(rows_affected=2)
        """
        return ExecuteResult(self._execute(sql, params, Resolver(_getframe(1), objects)))

    def begin(self) -> None:
        """BEGIN: what this thread changes until commit() or rollback() is one change, or none.

        Raises:
            QueryError: a transaction of this thread is open.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE TABLE t (k BIGINT)")
            >>> db.begin()
            >>> _ = db.insert("t", {"k": 1})
            >>> db.rollback()
            >>> db.query("SELECT count(*) FROM t").fetchone()
            (0,)
        """
        self._execute("BEGIN")

    def commit(self) -> None:
        """COMMIT; without a transaction of this thread nothing: statements have taken effect already.

        Raises IngestionError: what the transaction did cannot be kept; it is rolled back.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE TABLE t (k BIGINT)")
            >>> db.begin()
            >>> _ = db.insert("t", {"k": 1})
            >>> db.commit()
            >>> db.query("FROM t").fetchall()
            [(1,)]
        """
        if self.in_transaction:
            self._execute("COMMIT")

    def rollback(self) -> None:
        """ROLLBACK: nothing of the transaction happened; without one of this thread it does nothing.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE TABLE t (k BIGINT)")
            >>> db.begin()
            >>> _ = db.insert("t", {"k": 1})
            >>> db.rollback()
            >>> db.query("FROM t").fetchall()
            []
        """
        if self.in_transaction:
            self._execute("ROLLBACK")

    def cursor(self) -> Cursor:
        """A cursor as of PEP 249 (laminardb.dbapi), whose errors are those of that module.

        Raises ConnectionError 101 after close().

        Example:
            >>> laminardb.open().cursor().execute("SELECT 1 + 1").fetchone()
            (2,)
        """
        from .dbapi import Cursor

        self.in_transaction  # noqa: B018 - of a closed database: ConnectionError, as from every method
        return Cursor(self)

    def config_list(self) -> list[Setting]:
        """Every setting: its name, value and default, what it means and when a change of it counts.

        Raises ConnectionError 101 after close().

        Example:
            >>> next(s for s in laminardb.open().config_list() if s.name == "buffer_size")[:3]
            ('buffer_size', 65536, 65536)
        """
        from .setting import Setting

        rows = self._execute("SHOW ALL").fetchall()
        return Listing(
            sorted(
                Setting(name, now := self.config_get(name), _as_now(default, now), meaning, effect)
                for name, _, default, meaning, effect in rows
            )
        )

    def limits(self) -> dict[str, int]:
        """How large a statement, a value or a database may be: SHOW LIMITS as a dict.

        Raises ConnectionError 101 after close().

        Example:
            >>> laminardb.open().limits()["queries"]
            1024
        """
        return {name: value for name, value, _ in self._execute("SHOW LIMITS").fetchall()}

    def config_get(self, key: str) -> Any:
        """The value of a setting. Unknown key: ValueError that names the nearest.

        Raises ValueError: an unknown key.

        Example:
            >>> laminardb.open().config_get("buffer_size")
            65536
        """
        shown = "threads" if key in OPENED_WITH else key  # asked all the same: it may be closed
        value = self._execute(f"SHOW {quoted(shown)}").fetchall()[0][0]
        return value if shown == key else getattr(self._config, key)

    def config_set(self, key: str, value: Any) -> None:
        """Changes a setting from now on; None: no limit.

        Raises:
            ValueError, TypeError: with the key, the value and what is allowed.

        Example:
            >>> db = laminardb.open()
            >>> db.config_set("statement_timeout_ms", 5000)
        """
        if key in OPENED_WITH:
            raise ValueError(f"{key} cannot become {value!r}: a database is opened with it, in its config")
        self._execute(f"SET {quoted(key)} = ?", [value])

    def why(self, name: str) -> Why:
        """Why a stream shows, or a sink writes, what it does.

        It tells its inputs' watermarks, where its rows went, and one thing to do next.

        Raises:
            QueryError: there is no such stream or sink.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
            >>> db.why("s").name
            's'
        """
        from .why import Why

        result = self._execute(f"EXPLAIN WATERMARK {quoted(name)}")
        return Why._of([dict(zip(result.columns, row, strict=True)) for row in result.fetchall()])

    def insert_csv(
        self, source: str, data: str | bytes, *, delimiter: str = ",", null: str | None = None
    ) -> int:
        """Inserts CSV text whose first line names the columns: all rows or none. Returns the row count.

        source: its name. data: str or bytes.
        An empty unquoted field is NULL, and so is the text given as null. Raises IngestionError with the
        line number.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.insert_csv("t", "k;s\\n1;one", delimiter=";")
            1
        """
        return self._insert_csv(source, data, delimiter, null)

    def insert_json(self, source: str, data: str | bytes) -> int:
        """Inserts JSON text: an array of objects, one object, or JSON lines. All rows or none; the row count.

        source: its name. data: str or bytes.
        Keys are column names, missing ones take their DEFAULT or NULL. Numbers are exact. A nested value is
        its text in a VARCHAR column. Raises IngestionError with the line number.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.insert_json("t", '[{"k": 1, "s": "one"}, {"k": 2}]')
            2
        """
        return self._insert_json(source, data)

    def writer(self, source: str) -> Writer:
        """A Writer for one source or table. Unknown name: SchemaError 200.

        Raises SchemaError: 200, an unknown name.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> with db.writer("t") as writer:
            ...     writer.insert({"k": 1})
            1
        """
        from .writer import Writer

        return Writer(self, source)

    def attach_source(
        self,
        name: str,
        rows: Iterable[Any] | AsyncIterable[Any],
        *,
        on_error: Callable[[Exception], object] | None = None,
        batch: int = 1,
    ) -> AttachedSource:
        """Feeds a source from an iterable, until it ends, cancel() of what this returns, shutdown or close.

        rows: anything that insert takes, item by item: rows or batches of them. A synchronous iterable or
        generator is read by a daemon thread of its own, an asynchronous one by a task of the running event
        loop. The next item is asked for when the insert before it is done. batch: so many rows are inserted
        together. on_error: gets the exception of an item that is refused, which is then left out; without it
        the first one ends the feed. An exception of the iterable always does: it is `.error` of the handle,
        in ``source_metrics(name).error`` and in ``laminar.errors``.

        Raises:
            SchemaError: there is no such source. TypeError: not an iterable, or asynchronous without a loop.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT)")
            >>> feed = db.attach_source("t", ({"v": i} for i in range(3)))
            >>> feed.wait(), feed.rows
            (True, 3)
        """
        from .feeds import attach

        feed = attach(self, name, rows, on_error, batch)
        if not hasattr(self, "_feeds"):
            self._feeds = {}
        self._feeds[name.lower()] = feed
        return feed

    def _cancel_feeds(self) -> None:
        for feed in list(getattr(self, "_feeds", {}).values()):
            feed.cancel()

    def shutdown(self) -> None:
        """Stops taking writes (code 901) once what was accepted is in every stream and sink.

        Reads go on; subscriptions end after what they have; attached sources end.
        Raises ConnectorError: 800, a sink has failed. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> db.shutdown()
            >>> db.pipeline_state, db.query("SELECT count(*) FROM t").fetchone()
            ('Stopped', (3,))
        """
        self._cancel_feeds()
        super().shutdown()

    def close(self) -> None:
        """Ends the database: waiters wake, later calls raise ConnectionError 101. Twice is fine.

        Sinks write what was published before, for at most 5 s; attached sources end.
        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> db.close()
            >>> db
            Connection(closed)
        """
        self._cancel_feeds()
        super().close()

    def create_table(self, name: str, schema: Any) -> None:
        """Makes a source from a schema.

        schema: a pyarrow.Schema, anything with ``__arrow_c_schema__``, or a dict of names to types: int8, i8
        ... uint64 or u64, float32, float64, bool, string, bytes, date, timestamp, decimal(p,s) and SQL names.

        Raises:
            SchemaError: "Unknown type: X" (203); the name is taken (201).

        Example:
            >>> db = laminardb.open()
            >>> db.create_table("t", {"k": "int64", "at": "timestamp"})
            >>> db.list_tables()
            ['t']
        """
        from .declare import create_source

        self._execute(create_source(name, schema))

    def _lag(self, max_lag_bytes: int | None, on_lag: str) -> dict[str, Any]:
        if on_lag not in _LAG_POLICIES:
            error = SubscriptionError(
                f"SubscriptionError (500): on_lag must be one of {', '.join(_LAG_POLICIES)}, not {on_lag!r}"
            )
            error.code = 500
            raise error
        if max_lag_bytes is not None and max_lag_bytes < 1:
            error = SubscriptionError(
                f"SubscriptionError (500): max_lag_bytes must be at least 1, not {max_lag_bytes}"
            )
            error.code = 500
            raise error
        return {"max_lag_bytes": max_lag_bytes or 0, "on_lag": _LAG_POLICIES.index(on_lag)}

    def subscribe(
        self,
        sql: str,
        params: Parameters | None = None,
        *,
        max_lag_bytes: int | None = None,
        on_lag: LagPolicy = "error",
    ) -> Subscription:
        """Changes of any SELECT: the current result first, when it is not empty.

        params: as of execute. max_lag_bytes: what may be unread; None: the config's, else 256 MiB. on_lag,
        beyond that:
            "error": what is unread is lost, the next read raises SubscriptionError 503 with how many rows.
            "drop_oldest": for append-only results: the oldest rows are lost, and counted in `dropped`.
            "conflate": for updating results with a key: the last row of each changed key is delivered.
            "block": inserts wait, at most insert_timeout_ms.

        Raises QueryError: `sql` is wrong. SubscriptionError: 500, on_lag does not go with the query.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe("SELECT k FROM t WHERE k > 1")
            >>> _ = db.insert("t", [(1, "a"), (2, "b")])
            >>> changes.next().fetchall()
            [(2,)]
        """
        made = self._subscribe(Subscription, sql, params=params, **self._lag(max_lag_bytes, on_lag))
        made._of = (self, sql, params)
        return made

    def subscribe_stream(
        self,
        name: str,
        *,
        snapshot: bool = False,
        from_: tuple[int, int] | None = None,
        max_lag_bytes: int | None = None,
        on_lag: LagPolicy = "error",
    ) -> StreamSubscription:
        """Changes of a named stream, from the next one on. Unknown name: SchemaError 200.

        snapshot: deliver the current rows first, when there are any. from_: go on after the delivery with
        this ``.position``; the sum of changes is exact, the batches may be cut differently. The stream keeps
        what its slowest subscription has not read and about 64 MiB beyond: an older position raises
        SubscriptionError 503. max_lag_bytes, on_lag: see subscribe.
        Raises SchemaError: 200, unknown. SubscriptionError: 500, on_lag does not go with the stream; 503.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> changes = db.subscribe_stream("n")
            >>> _ = db.insert("t", [(1, "a"), (1, "b")])
            >>> changes.next().fetchall()
            [(1, 2)]
        """
        lag = self._lag(max_lag_bytes, on_lag)
        made = self._subscribe(StreamSubscription, stream=name, snapshot=snapshot, from_=from_, **lag)
        made._of = (self, name, None)
        return made

    def subscribe_callback(
        self,
        sql: str,
        on_data: Callable[[QueryResult], object],
        on_error: Callable[[str], object] | None = None,
        *,
        params: Parameters | None = None,
    ) -> CallbackSubscription:
        """As subscribe, but calls on_data(QueryResult) on a daemon thread.

        An exception of on_data goes to on_error as a message; without on_error the subscription stops.
        sql, params: as of subscribe. Raises what that does; TypeError: on_data cannot be called.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> got = []
            >>> changes = db.subscribe_callback("SELECT k FROM t", got.append)
            >>> db.shutdown()
            >>> changes.wait(10), got
            (True, [QueryResult(rows=3, columns=1)])
        """
        return self._call_back(Subscription, on_data, on_error, sql=sql, params=params)

    def subscribe_stream_callback(
        self,
        name: str,
        on_data: Callable[[QueryResult], object],
        on_error: Callable[[str], object] | None = None,
    ) -> CallbackSubscription:
        """As subscribe_stream, but calls on_data(QueryResult) on a daemon thread; see subscribe_callback.

        Takes name, on_data and on_error. Raises what subscribe_stream does, and TypeError.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> got = []
            >>> changes = db.subscribe_stream_callback("n", lambda batch: got.extend(batch.fetchall()))
            >>> _ = db.insert("t", {"k": 1})
            >>> db.shutdown()
            >>> changes.wait(10), got
            (True, [(1, 1)])
        """
        return self._call_back(StreamSubscription, on_data, on_error, stream=name)

    def _call_back(self, cls: Any, on_data: Any, on_error: Any, **what: Any) -> CallbackSubscription:
        from .callbacks import CallbackSubscription, check_callable

        check_callable(on_data, "on_data")
        if on_error is not None:
            check_callable(on_error, "on_error")
        return CallbackSubscription(
            self._subscribe(cls, **what, **self._lag(None, "error")), on_data, on_error
        )

    def on_change(self, name: str) -> Callable[[Handler], Handler]:
        """Decorator: calls the function with each ChangeEvent of a stream, on a daemon thread, until close().

        Raises SchemaError: 200, there is no stream of that name.

        >>> import laminardb
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
        >>> @db.on_change("s")
        ... def show(event):
        ...     print(event)
        >>> db.close()
        """

        from .changes import MaterializedView

        def register(handler: Handler) -> Handler:
            MaterializedView(self, name).subscribe(handler)
            return handler

        return register

    async def subscribe_async(
        self,
        sql: str,
        params: Parameters | None = None,
        *,
        max_lag_bytes: int | None = None,
        on_lag: LagPolicy = "error",
    ) -> AsyncSubscription:
        """As subscribe, read with ``async for`` by the running event loop, without a thread.

        sql, params, max_lag_bytes, on_lag: as of subscribe. Raises what that does.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with laminardb.open() as db:
            ...         db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
            ...         db.start()
            ...         changes = await db.subscribe_async("SELECT k FROM t")
            ...         db.insert("t", {"k": 1})
            ...         async for batch in changes:
            ...             return batch.fetchall()
            >>> asyncio.run(main())
            [(1,)]
        """
        from .aio import AsyncSubscription

        return self._subscribe(AsyncSubscription, sql, params=params, **self._lag(max_lag_bytes, on_lag))

    async def subscribe_stream_async(
        self,
        name: str,
        *,
        snapshot: bool = False,
        from_: tuple[int, int] | None = None,
        max_lag_bytes: int | None = None,
        on_lag: LagPolicy = "error",
    ) -> AsyncStreamSubscription:
        """As subscribe_stream, read with ``async for`` by the running event loop, without a thread.

        name, snapshot, from_, max_lag_bytes, on_lag: as of subscribe_stream. Raises what that does.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with laminardb.open() as db:
            ...         db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
            ...         db.start()
            ...         changes = await db.subscribe_stream_async("s")
            ...         db.insert("t", {"k": 1})
            ...         async for batch in changes:
            ...             return batch.fetchall()
            >>> asyncio.run(main())
            [(1,)]
        """
        from .aio import AsyncStreamSubscription

        lag = self._lag(max_lag_bytes, on_lag)
        return self._subscribe(AsyncStreamSubscription, stream=name, snapshot=snapshot, from_=from_, **lag)

    def stats(self, name: str) -> dict[str, Any]:
        """Rows, bytes, watermark and queue of a source; an unknown name gives None as its total_events.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", {"k": 1})
            >>> db.stats("t")["total_events"], db.stats("nothing")
            (1, {'name': 'nothing', 'total_events': None})
        """
        from .metrics import _utilization

        try:
            s = self._source_stats(name)
        except SchemaError:
            return {"name": name, "total_events": None}
        pressure = {"is_backpressured": bool(s["is_backpressured"]), "utilization": _utilization(s)}
        return {"name": name, "total_events": s["total_rows"], **s, **pressure}

    def verify(self) -> Verified:
        """Reads every file of the database again and compares all checksums; others may go on meanwhile.

        Raises:
            CheckpointError: 702 with file and offset: something is damaged; 701: the database is in memory.

        Example:
            >>> import pathlib, tempfile
            >>> db = laminardb.open(pathlib.Path(tempfile.mkdtemp()) / "a.ldb")
            >>> _ = db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY)")
            >>> db.verify().records
            1
        """
        from .keeping import Verified

        with working("verifying"):
            return Verified(*self._verify())

    def backup(self, directory: str | os.PathLike[str]) -> None:
        """A copy of all that was acknowledged, in a directory of its own, while the database is in use.

        Open it as any other. Copying the files by hand while a process has them open may miss some.

        Raises:
            ConnectionError: 100: the directory cannot be made, or has a database already.
            CheckpointError: 702: a file is damaged; 701: the database is in memory.

        Example:
            >>> import pathlib, tempfile
            >>> folder = pathlib.Path(tempfile.mkdtemp())
            >>> db = laminardb.open(folder / "a.ldb")
            >>> _ = db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY); INSERT INTO t VALUES (7)")
            >>> db.backup(folder / "copy.ldb")
            >>> laminardb.open(folder / "copy.ldb").query("SELECT k FROM t").fetchall()
            [(7,)]
        """
        with working(f"copying to {directory}"):
            self._backup(directory)

    def set_progress(self, callback: Callable[[Progress], object] | None, *, interval_ms: int = 200) -> None:
        """Calls `callback` with a Progress while a query runs, and at its end; None: no more.

        It is called on the thread that runs the query, every `interval_ms` at most (5 at least), so never for
        a query that is over before; the last call says fraction == 1.0. Returning False ends the query with
        QueryError 402; an exception comes out of the call that runs the query. It must not use this
        connection. Queries over streams, UPDATE and DELETE run with the engine to themselves, untold.
        Raises TypeError: the callback cannot be called.

        Example:
            >>> db = laminardb.open()
            >>> db.set_progress(lambda p: print(f"{p.fraction:.0%}, {p.remaining} s to go"))
        """
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable or None, not {type(callback).__name__}")
        if not 0 < interval_ms < 1 << 31:
            raise ValueError(f"interval_ms must be at least 1, not {interval_ms}")
        if callback is not None:
            self._progress = callback
        self._set_progress(callback is not None, interval_ms)

    def _report(self, id: int, fraction: float, read: int, to_read: int, us: int, left_us: int) -> bool:
        from .pipeline import Progress

        left = None if left_us < 0 else left_us / 1e6
        return self._progress(Progress(id, fraction, read, to_read, us / 1e6, left)) is not False

    def __enter__(self) -> Connection:
        if self.is_closed:
            error = ConnectionError("ConnectionError (101): Connection is closed")
            error.code = 101
            raise error
        return self

    def __exit__(self, *exc: object) -> Literal[False]:
        self.close()
        return False

    async def __aenter__(self) -> Connection:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> Literal[False]:
        return self.__exit__(*exc)

    def __repr__(self) -> str:
        return f"Connection({'closed' if self.is_closed else 'open'})"


def _place(path: str | os.PathLike[str], storage_dir: str | None) -> str:
    """What the engine is told: a text that is a path for it exactly where the caller means one."""
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"path must be a str or an os.PathLike of str, not {type(path).__name__}")
    if "\0" in name:
        raise ValueError("path must not contain a NUL character")
    bare = os.sep not in name and not name.endswith((".ldb", ".db"))
    if bare and not isinstance(path, str):
        return os.path.join(os.curdir, name)
    if bare and storage_dir is not None and name not in ("", ":memory:"):
        os.makedirs(storage_dir, mode=0o700, exist_ok=True)
        return os.path.join(os.curdir, storage_dir, name)
    return name


def open(  # noqa: A001 - contract
    path: str | os.PathLike[str] = ":memory:", *, config: LaminarConfig | None = None
) -> Connection:
    """Opens a database in this process.

    path: ":memory:" or "": in memory. A bare name: in memory too, or with `storage_dir` a directory there.
    What has a separator, ends in .ldb or .db or is an os.PathLike: a directory, made where it is missing.
    Such a database is kept: what was acknowledged is there when it is opened again, whatever ended the
    process, and its streams go on from where they were. A script may declare again what is there.
    config: a LaminarConfig.

    Raises:
        ConnectionError: 102: another process, which the text names, has the directory; 100: it cannot be made
            or read.
        CheckpointError: 702: what had been acknowledged is damaged; the text names file and offset.

    >>> import laminardb
    >>> with laminardb.open() as db:
    ...     db.query("SELECT 1 + 1").fetchone()
    (2,)
    """
    with working(f"opening {path}"):
        made = Connection(path, config=config)
    seen = watcher()
    if seen is not None:
        seen.attach(made)
    return made
