# SPDX-License-Identifier: Apache-2.0
"""The questions that a Connection answers: queries of now and of then, streams, relations."""

from __future__ import annotations

from sys import _getframe

from . import _laminardb
from .errors import SchemaError
from .result import QueryResult
from .scan import Resolver
from .shown import Plan

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Any, Literal, overload

    from .metrics import TableStats, Watermark
    from .relation import Relation

    Parameters = Sequence[Any] | Mapping[str, Any]
else:

    def overload(f: object) -> None:
        """What typing.overload says, without its import."""


_WINDOWS = ("all", "open", "final")
_NOW = 2**63 - 1  # as an instant: what gives rows, and nothing else, is run


def quoted(name: str) -> str:
    """A name as SQL has it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


class Asking(_laminardb.Connection):
    """What a Connection has for those who ask; see there."""

    __slots__ = ()

    def query(self, sql: str, params: Parameters | None = None, **objects: Any) -> QueryResult:
        """Runs a statement that returns rows. params: as of execute.

        sql: one statement.
        A name in FROM that is no table is looked for among the objects given here, in the caller's local
        variables and in its globals: pandas and polars frames, Arrow tables, batches and readers, results,
        dicts of lists, lists of dicts, numpy structured arrays. Arrow data are read where they are.

        Raises:
            QueryError: the statement failed, or it returns no rows: use execute for those. Nothing ran then.

        Example:
            >>> prices = {"symbol": ["A", "B", "A"], "price": [1.0, 2.0, 3.0]}
            >>> laminardb.open().query("SELECT max(price) FROM prices WHERE symbol = 'A'").fetchall()
            [(3.0,)]
        """
        return self._query(sql, params, Resolver(_getframe(1), objects))

    def _query(self, sql: str, params: Parameters | None, resolver: Resolver | None) -> QueryResult:
        return self._execute(sql, params, resolver, _NOW)

    def sql(self, query: str, params: Parameters | None = None, **objects: Any) -> QueryResult:
        """The same as query; its result knows the text, over which its relational methods go on.

        Takes query, params and objects as query does. Raises QueryError: as query does.

        Example:
            >>> laminardb.open().sql("SELECT x FROM range(9) AS t(x)").filter("x > 6").fetchall()
            [(7,), (8,)]
        """
        return self._sql(query, params, Resolver(_getframe(1), objects))

    def _sql(self, query: str, params: Parameters | None, resolver: Resolver) -> QueryResult:
        connection: Any = self
        result = self._query(query, params, resolver)
        result._made_of = (connection, query, params, resolver.objects())
        return result

    def relation(self, query: str, params: Parameters | None = None, **objects: Any) -> Relation:
        """A query that runs when its rows are wanted; params, objects: as of query.

        It is planned at once, so what is wrong with it is said now.

        Raises:
            QueryError: the query is wrong.

        Example:
            >>> laminardb.open().relation("SELECT x FROM range(10) AS t(x)").filter("x > 7").fetchall()
            [(8,), (9,)]
        """
        from .relation import Relation

        resolver = Resolver(_getframe(1), objects)
        self._query(f"EXPLAIN {query}", params, resolver)
        connection: Any = self
        return Relation(connection, query, params, resolver.objects())

    def table(self, name: str) -> Relation:
        """The rows of a source, table, view or stream as a Relation. Unknown name: QueryError 200.

        Raises QueryError: 200, an unknown name.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE trades (price DOUBLE)")
            >>> db.table("trades").aggregate("count(*)").fetchone()
            (0,)
        """
        from .relation import Relation

        connection: Any = self
        return Relation(connection, f"SELECT * FROM {quoted(name)}", name=name)

    def query_at(
        self,
        sql: str,
        timestamp: int | datetime | str,
        params: Parameters | None = None,
        **objects: Any,
    ) -> QueryResult:
        """The answer that a query had at an instant of ingestion time.

        sql: a SELECT.
        timestamp: epoch milliseconds, a datetime or ISO text (without a zone: UTC). All counts that had come
        at that instant (one of whole milliseconds: to the end of that millisecond); now() is the instant. A
        transaction comes with its COMMIT. Streams are run again over their inputs of then, also streams that
        were made later. params, objects: as of query; objects have no past.

        Raises:
            QueryError: a row of then is not kept any more (retain of a source, history of a table): the
                message names the oldest instant that can be asked for. Or the text is no SELECT.
            TypeError, ValueError: the timestamp is none.

        Example:
            >>> db = laminardb.open(config=laminardb.LaminarConfig(deterministic=True))
            >>> _ = db.execute("CREATE TABLE price (symbol VARCHAR PRIMARY KEY, value DOUBLE)")
            >>> for at, value in ((1000, 7.5), (2000, 8.0)):
            ...     db.tick(at)
            ...     _ = db.insert("price", {"symbol": "ACME", "value": value})
            >>> db.query_at("SELECT value FROM price", 1500).fetchone()
            (7.5,)
            >>> db.query_at("SELECT value FROM price", "1970-01-01T00:00:02").fetchone()
            (8.0,)
        """
        from .instants import microseconds

        return self._execute(
            sql, params, Resolver(_getframe(1), objects), microseconds(timestamp, "timestamp")
        )

    @overload
    def replay(
        self,
        source: str,
        start: int | datetime | str | None = None,
        end: int | datetime | str | None = None,
        *,
        speed: float | None = None,
        to: None = None,
    ) -> Generator[QueryResult]: ...
    @overload
    def replay(  # noqa: F811 - the overload of a type checker alone
        self,
        source: str,
        start: int | datetime | str | None = None,
        end: int | datetime | str | None = None,
        *,
        speed: float | None = None,
        to: str,
    ) -> int: ...
    def replay(  # noqa: F811
        self,
        source: str,
        start: int | datetime | str | None = None,
        end: int | datetime | str | None = None,
        *,
        speed: float | None = None,
        to: str | None = None,
    ) -> Generator[QueryResult] | int:
        """The rows of a source again, batch by batch in the order of their times.

        They are those that the source retains now, with start <= time < end: event time where the source has
        it (rows without one are left out), else ingestion time; rows of one time come as they came. start,
        end: epoch milliseconds, a datetime or ISO text (without a zone: UTC); None: from the first, to the
        last. speed: a row comes when it is due, 1.0 in real time by the database's clock, 2.0 twice as fast;
        None: at once. Waiting holds no lock; Ctrl-C ends it, and so does close() of the generator.

        to: insert the rows into this source or table, by the names of their columns, and return how many
        there were. Without it, rows are read as the generator is asked for them.

        Raises:
            SchemaError: there is no such source. QueryError: it is a table, whose rows change: see query_at.
            TypeError, ValueError: start, end or speed is none; speed is not above 0.
            ConnectionError: the database was closed on the way.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT, ts TIMESTAMP, WATERMARK FOR ts)")
            >>> _ = db.insert("t", [(2, "2024-01-01 10:02:00"), (1, "2024-01-01 10:01:00")])
            >>> [row for batch in db.replay("t", "2024-01-01") for row in batch.to_dicts()["v"]]
            [1, 2]
            >>> _ = db.execute("CREATE SOURCE again (v BIGINT, ts TIMESTAMP)")
            >>> db.replay("t", end="2024-01-01 10:02", to="again")
            1
        """
        from .replaying import insert_replayed, replayed

        rows = replayed(self, source, start, end, speed)
        return rows if to is None else insert_replayed(self, rows, to)

    def query_stream(
        self,
        name: str,
        filter: str | None = None,  # noqa: A002 - contract
        *,
        window: Literal["all", "open", "final"] = "all",
    ) -> QueryResult:
        """The current rows of a stream: what its SQL gives over all that it has read and that was not late.

        name: of the stream.
        filter: one SQL expression over its columns, e.g. ``"symbol = 'AAPL'"``. window: "final": rows of
        windows that the watermark has closed, which change no more; "open": the others.

        Raises:
            QueryError: there is no such stream (200); the filter is wrong; `window` is asked of a stream of
                whose rows no column tells when they are final.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT, ts TIMESTAMP, WATERMARK FOR ts)")
            >>> _ = db.execute("CREATE STREAM sums AS SELECT window_start, sum(v) AS v FROM t"
            ...                " GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)")
            >>> db.start()
            >>> _ = db.insert("t", [(1, "2024-01-01 10:00:30"), (2, "2024-01-01 10:01:30")])
            >>> [db.query_stream("sums", window=w).to_dicts()["v"] for w in ("final", "open")]
            [[1], [2]]
        """
        if window not in _WINDOWS:
            raise ValueError(f"window must be one of {', '.join(_WINDOWS)}, not {window!r}")
        return self._query_stream(name, filter, _WINDOWS.index(window))

    def explain(
        self, query: str, params: Parameters | None = None, *, analyze: bool = False, **objects: Any
    ) -> str:
        """The plan of a query as an operator tree. objects: as of query.

        analyze: the query is run, and each operator tells its rows, its time and the most memory it held.
        params: as of execute. Raises QueryError: the statement is wrong.

        Example:
            >>> print(laminardb.open().explain("SELECT x FROM range(3) AS t(x) WHERE x > 1"))
            Filter...
        """
        word = "EXPLAIN ANALYZE" if analyze else "EXPLAIN"
        rows = self._query(f"{word} {query}", params, Resolver(_getframe(1), objects))
        return Plan("\n".join(row[0] for row in rows))

    def stream(self, sql: str, params: Parameters | None = None) -> Iterator[QueryResult]:
        """The rows of a finite query as a generator of batches, in the order of the query.

        The query runs when the first batch is asked for. params: as of execute.
        sql: one SELECT. Raises QueryError: it is wrong, or fails while it is read.

        Example:
            >>> db = laminardb.open(config=laminardb.LaminarConfig(batch_size=2))
            >>> [len(batch) for batch in db.stream("SELECT x FROM range(5) AS t(x)")]
            [2, 2, 1]
        """
        rows = self._query(sql, params, Resolver(_getframe(1), {}))
        for i in range(rows.num_batches):
            yield rows._batch(i)

    def table_stats(self, name: str) -> TableStats:
        """Rows and bytes that a source or table retains. Unknown name: SchemaError 200.

        Raises SchemaError: 200, an unknown name.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT)")
            >>> db.insert("t", [(1,), (2,)]) and db.table_stats("t").row_count
            2
        """
        from .metrics import TableStats

        s = self._source_stats(name)
        return TableStats(s["retained_rows"], s["retained_bytes"])

    def watermark(self, name: str) -> Watermark:
        """The watermark of a source, table or stream, and how far it is behind the clock.

        Unknown name: SchemaError 200.
        Raises SchemaError: 200, an unknown name.

        Example:
            >>> db = laminardb.open(config=laminardb.LaminarConfig(deterministic=True))
            >>> _ = db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
            >>> db.tick(1_700_000_009_000)
            >>> _ = db.insert("t", {"ts": 1_700_000_000_000})
            >>> db.watermark("t")
            Watermark(current=1700000000000, lag_ms=9000)
        """
        from .metrics import Watermark

        try:
            current: int = self._source_stats(name)["watermark"]
        except SchemaError:
            current = self._stream_stats(name)["watermark"]
        if current == -(1 << 63):
            return Watermark(current)
        now = self._execute("SELECT epoch_ms(now()::TIMESTAMP)").fetchall()[0][0]
        return Watermark(current, max(0, now - current))
