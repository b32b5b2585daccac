# SPDX-License-Identifier: Apache-2.0
"""What a Connection tells of itself: metrics, topology, pipelines, sinks, what there is and what runs."""

from __future__ import annotations

from .asking import Asking
from .errors import SchemaError
from .shown import Listing, working

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from .checkpoints import CheckpointInfo, CheckpointResult, CheckpointStatus
    from .metrics import MetricsSample, PipelineMetrics, SourceMetrics, StreamMetrics
    from .pipeline import (
        Pipeline,
        PipelineTopology,
        QueryInfo,
        SinkInfo,
        SourceInfo,
        StreamInfo,
    )
    from .result import QueryResult
    from .sinks import SinkMetrics

    class SinkTarget(Protocol):
        def write(self, batch: QueryResult, /) -> object: ...


_SOURCE, _TABLE, _STREAM, _SINK = 0, 1, 2, 3


class Operating(Asking):
    """What a Connection has for those who operate it; see there."""

    __slots__ = ()

    def schema(self, name: str) -> Any:
        """Schema of a source, table or stream.

        A pyarrow.Schema when pyarrow is installed, else laminardb.types.Schema.
        name: of any of them. Raises SchemaError: 200, an unknown name.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.schema("t").names
            ['k', 's']
        """
        from .types import Schema

        return Schema._best(self._schema_capsule(name))

    def list_tables(self) -> list[str]:
        """Names of sources and tables in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.list_tables()
            ['t']
        """
        return [row[0] for kind in (_SOURCE, _TABLE) for row in self._list(kind)]

    tables = list_tables

    def list_streams(self) -> list[str]:
        """Names of streams in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> db.list_streams()
            ['n']
        """
        return [row[0] for row in self._list(_STREAM)]

    materialized_views = list_streams

    def _html(self) -> str:
        from .drawing import connection_html

        return connection_html(self)

    @property
    def is_checkpoint_enabled(self) -> bool:
        """Whether a checkpoint_interval_ms was configured.

        Example:
            >>> laminardb.open().is_checkpoint_enabled
            False
        """
        return bool(self._checkpoint_status()[0])

    def checkpoint(self) -> CheckpointResult:
        """Makes a checkpoint now and returns its number, when it is complete. Rows may be inserted meanwhile.

        Raises:
            CheckpointError: 701: no checkpoint_interval_ms was configured. 700: it could not be written, with
                the reason; nothing is lost.

        Example:
            >>> db = laminardb.open(config=laminardb.LaminarConfig(checkpoint_interval_ms=60_000))
            >>> db.checkpoint()
            CheckpointResult(checkpoint_id=1)
        """
        from .checkpoints import CheckpointResult

        with working("making a checkpoint"):
            return CheckpointResult(self._checkpoint())

    def checkpoints(self) -> list[CheckpointInfo]:
        """The checkpoints that there are, oldest first: the last `checkpoint_retention`.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open(config=laminardb.LaminarConfig(checkpoint_interval_ms=60_000))
            >>> _ = db.checkpoint()
            >>> [(c.checkpoint_id, c.rows, c.trigger) for c in db.checkpoints()]
            [(1, 0, 'asked')]
        """
        from .checkpoints import CheckpointInfo

        return Listing(CheckpointInfo(*row) for row in self._checkpoints().fetchall())

    def restore(self, checkpoint_id: int) -> None:
        """Puts the database back to a checkpoint: tables, streams and definitions are those of then.

        checkpoint_id: the number of one that is kept, as checkpoints() lists them.

        What is open goes on. Subscriptions, views and sinks see what is different now as changes, all of one
        tick; the subscription to a stream that was not there, or not by the same definition, ends with code
        600. Counters, settings and the clock stay. It is lasting when this returns, and cannot be undone
        but by going back to another checkpoint.

        Raises:
            CheckpointError: 700: there is no such checkpoint (the text says which there are), or not now,
                since a stream is being filled; 701: the database has none; 702: its files are damaged. All
                is as before then.

        Example:
            >>> db = laminardb.open(config=laminardb.LaminarConfig(checkpoint_interval_ms=60_000))
            >>> _ = db.execute("CREATE TABLE t (k BIGINT)")
            >>> before = db.checkpoint()
            >>> _ = db.insert("t", {"k": 1})
            >>> db.restore(before)
            >>> db.query("SELECT count(*) FROM t").fetchone()
            (0,)
        """
        with working(f"going back to checkpoint {int(checkpoint_id)}"):
            self._restore(checkpoint_id)

    def checkpoint_status(self) -> CheckpointStatus:
        """Whether checkpoints are enabled, the newest one, and how long the log is.

        Raises ConnectionError 101 after close().

        Example:
            >>> laminardb.open().checkpoint_status()
            CheckpointStatus(checkpoint_id=None, enabled=False)
        """
        from .checkpoints import CheckpointStatus

        return CheckpointStatus._of(self._checkpoint_status())

    def metrics(self) -> PipelineMetrics:
        """Counters of the whole database, taken at one instant.

        Raises ConnectionError 101 after close().

        Example:
            >>> laminardb.open().metrics()
            PipelineMetrics(state=Created, ingested=0, emitted=0)
        """
        from .metrics import PipelineMetrics

        m = self._metrics()
        return PipelineMetrics(
            m["rows_in"],
            m["rows_out"],
            m["rows_dropped"],
            m["ticks"],
            m["inserts"],
            m["uptime_us"] / 1_000_000,
            self.pipeline_state,
            m["sources"],
            m["streams"],
            m["sinks"],
            m["watermark"],
        )

    def source_metrics(self, name: str) -> SourceMetrics | None:
        """Counters of a source or table, or None when there is no such one.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.source_metrics("t")
            SourceMetrics(name='t', events=0, pending=0)
        """
        from .metrics import SourceMetrics

        feed = getattr(self, "_feeds", {}).get(name.lower())
        error = None if feed is None or feed.error is None else f"{type(feed.error).__name__}: {feed.error}"
        try:
            return SourceMetrics._of(name, self._source_stats(name), error)
        except SchemaError:
            return None

    def all_source_metrics(self) -> list[SourceMetrics]:
        """Counters of every source and table in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.all_source_metrics()
            [SourceMetrics(name='t', events=0, pending=0)]
        """
        found = (self.source_metrics(name) for name in self.list_tables())
        return Listing(m for m in found if m is not None)

    def stream_metrics(self, name: str) -> StreamMetrics | None:
        """Counters of a stream, or None when there is no such stream.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> db.stream_metrics("n")
            StreamMetrics(name='n', events=0, pending=0)
        """
        from .metrics import StreamMetrics

        sql = next((row[1] for row in self._list(_STREAM) if row[0].lower() == name.lower()), None)
        try:
            return StreamMetrics._of(name, sql, self._stream_stats(name))
        except SchemaError:
            return None

    def all_stream_metrics(self) -> list[StreamMetrics]:
        """Counters of every stream in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> db.all_stream_metrics()
            [StreamMetrics(name='n', events=0, pending=0)]
        """
        found = (self.stream_metrics(name) for name in self.list_streams())
        return Listing(m for m in found if m is not None)

    def metrics_history(self, minutes: int = 15) -> list[MetricsSample]:
        """The counters of the last minutes, oldest first; the last one is of now.

        Work takes a sample, at most one a second; a database without work takes none. 3,600 are kept.

        Raises:
            ValueError: minutes is below 1.

        Example:
            >>> [sample.ingested for sample in laminardb.open().metrics_history()]
            [0]
        """
        from .metrics import MetricsSample

        return Listing(MetricsSample(*row) for row in self._history(minutes))

    def prometheus(self, *, openmetrics: bool = False) -> str:
        """All metrics as text for Prometheus (format 0.0.4), or OpenMetrics 1.0.

        Names begin with ``laminardb_``; units are rows, seconds and bytes. The media types to serve it with
        are laminardb.prometheus.CONTENT_TYPE and OPENMETRICS_CONTENT_TYPE.
        openmetrics: the newer format. Raises ConnectionError 101 after close().

        Example:
            >>> laminardb.open().prometheus().splitlines()[2]
            'laminardb_ingested_rows_total 0.0'
        """
        from .prometheus import text

        return text(self, openmetrics)

    @property
    def pipeline_watermark(self) -> int:
        """Epoch milliseconds up to where event time is complete; the smallest int64 before any row.

        The minimum over event-timed sources that have had a row; without such sources the ingestion time of
        the newest rows.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
            >>> _ = db.insert("t", {"ts": 5000})
            >>> db.pipeline_watermark
            5000
        """
        return self._metrics()["watermark"]

    @property
    def total_events_processed(self) -> int:
        """Rows ingested plus rows emitted; never falls.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> db.total_events_processed
            3
        """
        m = self._metrics()
        return m["rows_in"] + m["rows_out"]

    @property
    def source_count(self) -> int:
        """Sources and tables.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.source_count
            1
        """
        return self._metrics()["sources"]

    @property
    def sink_count(self) -> int:
        """Sinks.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
            >>> db.sink_count
            1
        """
        return self._metrics()["sinks"]

    @property
    def active_query_count(self) -> int:
        """Running queries and open subscriptions by SQL.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe("SELECT k FROM t")
            >>> db.active_query_count
            1
        """
        return self._metrics()["queries"]

    def advance_watermark(self, source: str, watermark_ms: int) -> None:
        """Moves the watermark of an event-timed source to at least this epoch millisecond; windows close.

        watermark_ms: epoch milliseconds. Raises SchemaError: 200, an unknown name.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
            >>> db.advance_watermark("t", 5000)
            >>> db.watermark("t").current
            5000
        """
        self._advance(source, watermark_ms)

    def topology(self) -> PipelineTopology:
        """Which source or stream feeds which stream or sink, from the bound plans.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> db.topology()
            PipelineTopology(nodes=2, edges=1)
        """
        return self._graph(self._topology())

    def _graph(self, rows: QueryResult) -> PipelineTopology:
        from .flow import flows
        from .pipeline import PipelineEdge, PipelineNode, PipelineTopology

        types = {"stream": "stream", "sink": "sink"}
        nodes: dict[str, PipelineNode] = {}
        edges = []
        for name, kind, sql, source in rows.fetchall():
            if name not in nodes:
                made = kind in types
                nodes[name] = PipelineNode(
                    name, types.get(kind, "source"), self.schema(name), sql if made else None
                )
            if source is not None:
                edges.append(PipelineEdge(source, name))
        return PipelineTopology(list(nodes.values()), edges, flows(self, nodes.values()))

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name (CREATE PIPELINE makes one). Unknown name: SchemaError 200.

        Raises SchemaError: 200, an unknown name.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p, p.state
            (Pipeline(name='p'), 'Created')
        """
        from .pipeline import Pipeline

        self._pipeline_state(name)
        return next((p for p in self.pipelines() if p.name.lower() == name.lower()), Pipeline(self, name))

    def pipelines(self) -> list[Pipeline]:
        """Named pipelines in order of creation; streams without one run with the database.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> db.pipelines()
            [Pipeline(name='p')]
        """
        from .pipeline import Pipeline

        return Listing(Pipeline(self, row[0]) for row in self._execute("SHOW PIPELINES").fetchall()[1:])

    def sources(self) -> list[SourceInfo]:
        """Sources and tables in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.sources()
            [SourceInfo(name='t', columns=2)]
        """
        from .pipeline import SourceInfo

        times = {row[0]: row[2] for row in self._execute("SHOW SOURCES").fetchall()}
        rows = (
            row for row in self._topology().fetchall() if row[1] not in ("stream", "sink") and row[3] is None
        )
        return Listing(SourceInfo(name, self.schema(name), sql, times.get(name)) for name, _, sql, _ in rows)

    def streams(self) -> list[StreamInfo]:
        """Streams in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> db.streams()
            [StreamInfo(name='n', columns=2)]
        """
        from .pipeline import StreamInfo

        return Listing(StreamInfo(row[0], self.schema(row[0]), row[1]) for row in self._list(_STREAM))

    def sinks(self) -> list[SinkInfo]:
        """Sinks in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
            >>> db.sinks()
            [SinkInfo(name='k')]
        """
        from .pipeline import SinkInfo

        rows = {row[0]: row for row in self._execute("SHOW SINKS").fetchall()}
        return Listing(
            SinkInfo(name, sql, rows[name][2], rows[name][3])
            for name, sql in self._list(_SINK)
            if name in rows
        )

    def list_sinks(self) -> list[str]:
        """Names of sinks in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
            >>> db.list_sinks()
            ['k']
        """
        return [row[0] for row in self._list(_SINK)]

    def sink_metrics(self, name: str) -> SinkMetrics | None:
        """Counters of a sink, or None when there is no such sink.

        name: of the sink. Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
            >>> db.sink_metrics("k").total_events, db.sink_metrics("nothing")
            (0, None)
        """
        from .sinks import SinkMetrics

        try:
            return SinkMetrics._of(name, self._sink_stats(name))
        except SchemaError:
            return None

    def all_sink_metrics(self) -> list[SinkMetrics]:
        """Counters of every sink in order of creation.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
            >>> [m.name for m in db.all_sink_metrics()]
            ['k']
        """
        found = (self.sink_metrics(name) for name in self.list_sinks())
        return Listing(m for m in found if m is not None)

    def register_sink(self, name: str, target: Callable[[QueryResult], object] | SinkTarget | None) -> None:
        """Where the rows of the sink of this name (connector = 'python') go; before or after CREATE SINK.

        target: a callable that takes each delivery, a QueryResult (of an updating result with `__weight` as
        last column: -1 for an old row, +1 for a new one), or an object with ``write(batch)`` and, if it
        likes, ``flush()`` and ``close()``. It is called on the sink's thread, one call at a time, and may use
        this connection. An exception is tried again as the sink's options say, with the same batch. None
        takes the target away: the sink waits.
        Raises TypeError: the target can neither be called nor written to.

        Example:
            >>> got = []
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
            >>> db.register_sink("k", lambda batch: got.extend(batch.fetchall()))
            >>> db.start()
            >>> _ = db.insert("t", {"v": 1})
            >>> db.flush()
            >>> got
            [(1,)]
        """
        from .sinks import Target

        self._register_sink(name, None if target is None else Target(target))

    def queries(self) -> list[QueryInfo]:
        """Running queries and subscriptions by SQL, and the last 64 that are over; oldest first.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe("SELECT k FROM t")
            >>> [(q.sql, q.active) for q in db.queries()]
            [('SELECT k FROM t', True)]
        """
        from .pipeline import QueryInfo

        return Listing(
            QueryInfo(id, sql, state == "active", progress, read, to_read, ms / 1000)
            for id, sql, state, progress, read, to_read, ms in self._queries().fetchall()
        )

    def register_udf(
        self,
        name: str | Callable[..., Any],
        f: Any = None,
        *,
        return_type: Any = None,
        mode: str | None = None,
        null: str | None = None,
        arg_types: Any = None,
        volatile: bool | None = None,
        version: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """A scalar or table function of the program, for SQL from now on; once more: other code for the name.

        name: in SQL; or the function itself, under the name that it has. f: a callable, decorated or not, or
        what laminardb.native gives. return_type, mode, null, arg_types, volatile, version, timeout: as of
        laminardb.udf; None: as its decorator says. See docs/guide/functions.md.
        Streams that waited for the name and types after a reopening go on. Streams that run keep the code
        that they began with until ALTER STREAM ... RETRY.
        Raises TypeError, ValueError: an argument is no such thing; SchemaError: 201, the name is one of the
        library's own functions, or other types than before are in use.

        Example:
            >>> db = laminardb.open()
            >>> db.register_udf("plus_one", lambda x: x + 1, return_type=int, mode="row")
            >>> db.query("SELECT plus_one(41) AS x").fetchone()
            (42,)
        """
        given = {
            "return_type": return_type,
            "mode": mode,
            "null": null,
            "arg_types": arg_types,
            "volatile": volatile,
            "version": version,
            "timeout": timeout,
        }
        from .udf_register import register

        register(self, name, f, "scalar", given)

    def register_udaf(
        self,
        name: str | type,
        cls: type | None = None,
        *,
        return_type: Any = None,
        accumulator_type: Any = None,
        mode: str | None = None,
        null: str | None = None,
        arg_types: Any = None,
        ordered: bool | None = None,
        version: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """An aggregate function of the program: a class with accumulate, merge and evaluate.

        name: in SQL; or the class itself. cls: decorated by laminardb.udaf or not. return_type,
        accumulator_type, mode, null, arg_types, ordered, version, timeout: as of laminardb.udaf; None: as its
        decorator says. Raises what register_udf does.

        Example:
            >>> class Product:
            ...     def __init__(self):
            ...         self.p = 1.0
            ...     def accumulate(self, x):
            ...         self.p *= x
            ...     def merge(self, other):
            ...         self.p *= other.p
            ...     def evaluate(self):
            ...         return self.p
            >>> db = laminardb.open()
            >>> db.register_udaf("times", Product, return_type=float, mode="row")
            >>> db.query("SELECT times(v) AS p FROM (VALUES (2), (3)) AS t(v)").fetchone()
            (6.0,)
        """
        given = {
            "return_type": return_type,
            "accumulator_type": accumulator_type,
            "mode": mode,
            "null": null,
            "arg_types": arg_types,
            "ordered": ordered,
            "version": version,
            "timeout": timeout,
        }
        from .udf_register import register

        register(self, name, cls, "aggregate", given)

    def register_processor(
        self,
        name: str | Callable[..., Any],
        f: Any = None,
        *,
        return_type: Any = None,
        state_type: Any = None,
        mode: str | None = None,
        version: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """A process of its own for each key of a stream: SELECT * FROM f(TABLE t PARTITION BY key).

        name: in SQL; or the function itself. f: a callable f(key, rows, state, timers), decorated by
        laminardb.processor or not. return_type, state_type, mode, version, timeout: as there; None: as its
        decorator says. Raises what register_udf does.

        Example:
            >>> def first(key, rows, state, timers):
            ...     return ([] if state else [(key,)]), True
            >>> db = laminardb.open()
            >>> db.register_processor("first", first, return_type={"k": int}, state_type=bool)
        """
        given = {
            "return_type": return_type,
            "state_type": state_type,
            "mode": mode,
            "version": version,
            "timeout": timeout,
        }
        from .udf_register import register

        register(self, name, f, "processor", given)

    def unregister_udf(self, name: str) -> None:
        """Lets go of the code of a function, aggregate or processor; name and types stay, as after a restart.

        name: that it was registered under. Streams that use it wait, with what they have, until it is
        registered again; DROP FUNCTION takes the name too.
        Raises SchemaError: 200, there is none of the name.

        Example:
            >>> db = laminardb.open()
            >>> db.register_udf("one", lambda: 1, return_type=int, mode="row")
            >>> db.unregister_udf("one")
        """
        self._unregister(name)
