# SPDX-License-Identifier: Apache-2.0
"""Every public method and property of the package, each with a call of it that may be made again and again.

test_surface.py calls all of them and fails when one is missing here."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
from collections.abc import Callable
from typing import Any

import laminardb
from optional import each

#: What is tested where it is made, because a second call on the same object says no more.
ELSEWHERE = {"Connection.shutdown", "Connection.close", "Connection.tick"}
#: Made by calls of others: their fields are read.
RECORDS = (
    "CheckpointInfo CheckpointStatus "
    "LatencyMetrics MetricsSample PipelineEdge PipelineMetrics PipelineNode Progress QueryInfo "
    "Setting PipelineVersion SinkInfo SinkMetrics SourceInfo SourceMetrics StreamInfo StreamMetrics "
    "TableStats Watermark InputState Column Salvaged Verified"
).split()


class Stage:
    """A database with something of everything."""

    def __init__(self) -> None:
        self.db = laminardb.open()
        self.db.execute(
            "CREATE SOURCE t (k BIGINT, s VARCHAR) WITH (retain = '10 rows');"
            "CREATE SOURCE e (k BIGINT, ts BIGINT, WATERMARK FOR ts) WITH (retain = '10 rows');"
            "CREATE SOURCE q (k BIGINT, s VARCHAR) WITH (retain = '10 rows');"
            "CREATE TABLE r (k BIGINT PRIMARY KEY) WITH (history = 'none');"
            "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k;"
            "CREATE STREAM w AS SELECT window_start, count(*) AS n FROM e"
            " GROUP BY TUMBLE(ts, INTERVAL '1' SECOND);"
            "CREATE PIPELINE p; CREATE STREAM m IN PIPELINE p AS SELECT sum(k) AS total FROM t;"
            "CREATE SINK z FROM t WITH (connector = 'python')"
        )
        self.db.register_sink("z", lambda batch: None)
        self.db.register_udf("f", lambda v: v, return_type=int, mode="row")
        self.db.start()
        self.db.insert("t", [(1, "a"), (2, "b")])
        self.db.insert("e", (1, 1000))
        self.db.insert("r", (1,))
        self.result = self.db.query("SELECT k, s FROM t")
        self.executed = self.db.execute("SELECT 1 AS one")
        self.relation = self.db.table("t")
        self.config = laminardb.LaminarConfig(threads=1)
        self.kept = laminardb.open(config=laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000))
        self.view = laminardb.mv(self.db, "n")
        self.writer = self.db.writer("q")
        self.topology = self.db.topology()
        self.pipeline = self.db.pipeline("p")
        self.why = self.db.why("w")
        self.schema = laminardb.types.Schema(self.result.__arrow_c_schema__())
        changes = self.db.subscribe_stream("n", snapshot=True)
        delivered = changes.try_next()
        assert delivered is not None
        self.event = laminardb.ChangeEvent(delivered)
        changes.cancel()
        self.loop = asyncio.new_event_loop()

    def end(self) -> None:
        self.loop.close()
        self.kept.close()
        self.db.close()


class Summed:
    def __init__(self) -> None:
        self.total = 0

    def accumulate(self, v: int) -> None:
        self.total += v

    def merge(self, other: Summed) -> None:
        self.total += other.total

    def evaluate(self) -> int:
        return self.total


def quietly(run: Callable[[], Any]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        run()


def optional(run: Callable[[], Any]) -> None:
    """What needs a package that may be missing."""
    with contextlib.suppress(ImportError):
        run()


def subscribed(s: Stage, use: Callable[[Any], Any], stream: bool) -> None:
    sub: Any = s.db.subscribe_stream("n", snapshot=True) if stream else s.db.subscribe("SELECT k FROM t")
    use(sub)
    sub.cancel()


async def _awaited(s: Stage, use: Callable[[Any], Any], stream: bool) -> None:
    sub: Any = await (
        s.db.subscribe_stream_async("n", snapshot=True) if stream else s.db.subscribe_async("SELECT k FROM t")
    )
    found = use(sub)
    if inspect.isawaitable(found):
        await found
    sub.cancel()


def called_back(s: Stage, use: Callable[[Any], Any]) -> None:
    sub = s.db.subscribe_callback("SELECT 1 AS one", lambda batch: None)
    use(sub)
    sub.cancel()
    sub.wait(10)


def made_and_dropped(s: Stage, make: Callable[[], Any], drop: str) -> None:
    make()
    s.db.execute(drop)


def handled(s: Stage) -> None:
    thread: Any = s.view.subscribe(lambda event: None)
    thread.cancel()
    thread.join(10)


def progress(s: Stage) -> None:
    s.db.set_progress(lambda p: None)
    s.db.query("SELECT 1")
    s.db.set_progress(None)


def transaction(s: Stage, end: str) -> None:
    s.db.begin()
    s.db.insert("r", (1,))
    getattr(s.db, end)()


def paused(s: Stage) -> None:
    s.db.pause()
    s.db.resume()


def refused_in_memory(run: Callable[[], Any]) -> None:
    try:
        run()
    except laminardb.CheckpointError as e:
        assert e.code == 701


def attached(s: Stage, use: Callable[[Any], Any]) -> None:
    feed = s.db.attach_source("q", iter([(1, "text")]))
    use(feed)
    feed.wait(10)


CASES: dict[str, Callable[..., Any]] = {
    "AttachedSource.cancel": lambda s: attached(s, lambda feed: feed.cancel()),
    "AttachedSource.is_active": lambda s: attached(s, lambda feed: feed.is_active),
    "AttachedSource.wait": lambda s: attached(s, lambda feed: feed.wait(10)),
    "Connection.all_sink_metrics": lambda s: s.db.all_sink_metrics(),
    "Connection.attach_source": lambda s: attached(s, lambda feed: None),
    "Connection.pipeline": lambda s: s.db.pipeline("p"),
    "Connection.pipelines": lambda s: s.db.pipelines(),
    "Connection.register_sink": lambda s: s.db.register_sink("z", lambda batch: None),
    "Connection.register_udf": lambda s: s.db.register_udf("g", lambda v: v, return_type=int, mode="row"),
    "Connection.register_udaf": lambda s: s.db.register_udaf("h", Summed, return_type=int, mode="row"),
    "Connection.register_processor": lambda s: s.db.register_processor(
        "i", lambda k, rows, state, timers: ([(k,)], 1), return_type={"k": int}, state_type=int
    ),
    "Connection.unregister_udf": lambda s: s.db.unregister_udf("f"),
    "Connection.sink_metrics": lambda s: s.db.sink_metrics("z"),
    "Pipeline.name": lambda s: s.pipeline.name,
    "Pipeline.pause": lambda s: each(s.pipeline.pause, s.pipeline.resume),
    "Pipeline.resume": lambda s: each(s.pipeline.pause, s.pipeline.resume),
    "Pipeline.start": lambda s: s.pipeline.start(),
    "Pipeline.state": lambda s: s.pipeline.state,
    "Pipeline.stop": lambda s: each(s.pipeline.stop, s.pipeline.start),
    "Pipeline.topology": lambda s: s.pipeline.topology(),
    "Pipeline.versions": lambda s: s.pipeline.versions(),
    "Connection.active_query_count": lambda s: s.db.active_query_count,
    "Connection.advance_watermark": lambda s: s.db.advance_watermark("e", 1000),
    "Connection.all_source_metrics": lambda s: s.db.all_source_metrics(),
    "Connection.all_stream_metrics": lambda s: s.db.all_stream_metrics(),
    "Connection.begin": lambda s: transaction(s, "rollback"),
    "Connection.complete": lambda s: s.db.complete("SELECT k FROM t WH"),
    "Connection.cancel_query": lambda s: s.db.cancel_query(s.db.queries()[-1].id),
    "Connection.commit": lambda s: transaction(s, "commit"),
    "Connection.config_get": lambda s: s.db.config_get("threads"),
    "Connection.config_list": lambda s: s.db.config_list(),
    "Connection.config_set": lambda s: s.db.config_set("threads", 1),
    "Connection.create_table": lambda s: made_and_dropped(
        s, lambda: s.db.create_table("made", {"k": "i64"}), "DROP SOURCE made"
    ),
    "Connection.backup": lambda s: refused_in_memory(lambda: s.db.backup("build")),
    "Connection.verify": lambda s: refused_in_memory(s.db.verify),
    "Connection.cursor": lambda s: s.db.cursor().close(),
    "Connection.execute": lambda s: s.db.execute("SELECT ?", [1]),
    "Connection.explain": lambda s: s.db.explain("SELECT k FROM t"),
    "Connection.checkpoint": lambda s: s.kept.checkpoint(),
    "Connection.checkpoints": lambda s: s.kept.checkpoints(),
    "Connection.restore": lambda s: s.kept.restore(s.kept.checkpoint()),
    "Connection.checkpoint_status": lambda s: s.kept.checkpoint_status(),
    "Connection.is_checkpoint_enabled": lambda s: s.kept.is_checkpoint_enabled,
    "CheckpointResult.checkpoint_id": lambda s: laminardb.CheckpointResult(7).checkpoint_id,
    "Connection.flush": lambda s: s.db.flush(),
    "Connection.in_transaction": lambda s: s.db.in_transaction,
    "Connection.insert": lambda s: s.db.insert("q", {"k": 1, "s": "text"}),
    "Connection.insert_csv": lambda s: s.db.insert_csv("q", "k,s\n1,x"),
    "Connection.insert_json": lambda s: s.db.insert_json("q", '{"k": 1}'),
    "Connection.is_closed": lambda s: s.db.is_closed,
    "Connection.limits": lambda s: s.db.limits(),
    "Connection.list_sinks": lambda s: s.db.list_sinks(),
    "Connection.list_streams": lambda s: s.db.list_streams(),
    "Connection.list_tables": lambda s: s.db.list_tables(),
    "Connection.materialized_views": lambda s: s.db.materialized_views(),
    "Connection.metrics": lambda s: s.db.metrics(),
    "Connection.metrics_history": lambda s: s.db.metrics_history(1),
    "Connection.on_change": lambda s: handled(s),
    "Connection.pause": paused,
    "Connection.pipeline_state": lambda s: s.db.pipeline_state,
    "Connection.pipeline_watermark": lambda s: s.db.pipeline_watermark,
    "Connection.prometheus": lambda s: s.db.prometheus(),
    "Connection.queries": lambda s: s.db.queries(),
    "Connection.query": lambda s: s.db.query("SELECT k FROM t").fetchall(),
    "Connection.query_at": lambda s: s.db.query_at("SELECT n FROM n", "2100-01-01"),
    "Connection.query_stream": lambda s: s.db.query_stream("w", "n > 0", window="open"),
    "Connection.relation": lambda s: s.db.relation("SELECT k FROM t"),
    "Connection.replay": lambda s: list(s.db.replay("e")),
    "Connection.resume": paused,
    "Connection.rollback": lambda s: transaction(s, "rollback"),
    "Connection.schema": lambda s: s.db.schema("t"),
    "Connection.set_progress": progress,
    "Connection.sinks": lambda s: s.db.sinks(),
    "Connection.source_count": lambda s: s.db.source_count,
    "Connection.sink_count": lambda s: s.db.sink_count,
    "Connection.source_metrics": lambda s: s.db.source_metrics("t"),
    "Connection.sources": lambda s: s.db.sources(),
    "Connection.sql": lambda s: s.db.sql("SELECT k FROM t").filter("k = 1"),
    "Connection.start": lambda s: s.db.start(),
    "Connection.stats": lambda s: s.db.stats("t"),
    "Connection.stream": lambda s: list(s.db.stream("SELECT k FROM t")),
    "Connection.stream_metrics": lambda s: s.db.stream_metrics("n"),
    "Connection.streams": lambda s: s.db.streams(),
    "Connection.subscribe": lambda s: subscribed(s, lambda sub: sub.try_next(), False),
    "Connection.subscribe_async": lambda s: s.loop.run_until_complete(_awaited(s, lambda sub: None, False)),
    "Connection.subscribe_callback": lambda s: called_back(s, lambda sub: None),
    "Connection.subscribe_stream": lambda s: subscribed(s, lambda sub: sub.try_next(), True),
    "Connection.subscribe_stream_async": lambda s: s.loop.run_until_complete(
        _awaited(s, lambda sub: None, True)
    ),
    "Connection.subscribe_stream_callback": lambda s: s.db.subscribe_stream_callback("n", print).cancel(),
    "Connection.table": lambda s: s.db.table("t"),
    "Connection.table_stats": lambda s: s.db.table_stats("t"),
    "Connection.tables": lambda s: s.db.tables(),
    "Connection.topology": lambda s: s.db.topology(),
    "Connection.total_events_processed": lambda s: s.db.total_events_processed,
    "Connection.watermark": lambda s: s.db.watermark("e"),
    "Connection.why": lambda s: s.db.why("w"),
    "Connection.writer": lambda s: s.db.writer("t").close(),
    "Writer.close": lambda s: s.db.writer("t").close(),
    "Writer.current_watermark": lambda s: s.db.writer("e").current_watermark,
    "Writer.flush": lambda s: s.writer.flush(),
    "Writer.insert": lambda s: s.writer.insert({"k": 1}),
    "Writer.name": lambda s: s.writer.name,
    "Writer.schema": lambda s: s.writer.schema,
    "Writer.watermark": lambda s: s.db.writer("e").watermark(1000),
    "LaminarError.traceback": lambda s: laminardb.QueryError("x").traceback,
    "ExecuteResult.ddl_object": lambda s: s.executed.ddl_object,
    "ExecuteResult.ddl_type": lambda s: s.executed.ddl_type,
    "ExecuteResult.result_type": lambda s: s.executed.result_type,
    "ExecuteResult.rows_affected": lambda s: s.executed.rows_affected,
    "ExecuteResult.to_query_result": lambda s: s.executed.to_query_result(),
    "QueryResult.deleted": lambda s: s.result.deleted,
    "QueryResult.position": lambda s: s.result.position,
    "Relation.create_stream": lambda s: made_and_dropped(
        s, lambda: s.relation.create_stream("made"), "DROP STREAM made"
    ),
    "Relation.create_view": lambda s: made_and_dropped(
        s, lambda: s.relation.create_view("made"), "DROP VIEW made"
    ),
    "Relation.execute": lambda s: s.relation.execute(),
    "Relation.explain": lambda s: s.relation.explain(),
    "Relation.sql_text": lambda s: s.relation.sql_text,
    "CallbackSubscription.cancel": lambda s: called_back(s, lambda sub: sub.cancel()),
    "CallbackSubscription.is_active": lambda s: called_back(s, lambda sub: sub.is_active),
    "CallbackSubscription.wait": lambda s: called_back(s, lambda sub: sub.wait(1)),
    "MaterializedView.connection": lambda s: s.view.connection,
    "MaterializedView.name": lambda s: s.view.name,
    "MaterializedView.query": lambda s: s.view.query("n > 0"),
    "MaterializedView.schema": lambda s: s.view.schema(),
    "MaterializedView.sql": lambda s: s.view.sql,
    "MaterializedView.subscribe": handled,
    "Metrics.events_per_second": lambda s: laminardb.Metrics(s.db.metrics()).events_per_second,
    "PipelineTopology.edges": lambda s: s.topology.edges,
    "PipelineTopology.flows": lambda s: s.topology.flows,
    "PipelineTopology.nodes": lambda s: s.topology.nodes,
    "PipelineTopology.to_dot": lambda s: s.topology.to_dot(),
    "PipelineTopology.to_mermaid": lambda s: s.topology.to_mermaid(),
    "Schema.field": lambda s: s.schema.field(0),
    "Schema.names": lambda s: s.schema.names,
    "Schema.types": lambda s: s.schema.types,
    "LaminarError.to_dict": lambda s: laminardb.QueryError("text").to_dict(),
    "LaminarError.code": lambda s: laminardb.QueryError("text").code,
    **{
        f"LaminarError.{name}": lambda s, n=name: getattr(laminardb.QueryError("text"), n, None)
        for name in ("line", "column", "position", "hint")
    },
}
for _name in (
    "filter",
    "project",
    "select",
    "aggregate",
    "join",
    "union",
    "intersect",
    "except_",
    "distinct",
):
    _arguments = {
        "filter": ("k = 1",),
        "project": ("k",),
        "select": ("k",),
        "aggregate": ("count(*) AS n",),
        "join": ("t", "k"),
    }.get(_name, () if _name == "distinct" else ("t",))
    for _class, _of in (("QueryResult", "result"), ("Relation", "relation")):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, o=_of, a=_arguments: (
            getattr(s.db.sql("SELECT * FROM t") if o == "result" else s.relation, n)(*a)
        )
for _class, _of in (("QueryResult", "result"), ("Relation", "relation")):
    for _name, _given in (("order", ("k",)), ("sort", ("k",)), ("limit", (1,)), ("alias", ("x",))):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, o=_of, a=_given: (
            getattr(s.db.sql("SELECT * FROM t") if o == "result" else s.relation, n)(*a)
        )
    CASES[f"{_class}.live"] = lambda s, o=_of: (
        (s.db.sql("SELECT * FROM t") if o == "result" else s.relation).live().cancel()
    )
    for _name in ("num_rows", "num_columns", "num_batches", "columns", "schema"):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, o=_of: getattr(getattr(s, o), n)
    for _name in ("fetchall", "fetchone", "fetchmany", "to_dicts"):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, o=_of: getattr(getattr(s, o), n)()
    CASES[f"{_class}.show"] = lambda s, o=_of: quietly(getattr(s, o).show)
    for _name in ("arrow", "to_arrow", "df", "to_pandas", "pl", "to_polars", "to_df"):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, o=_of: optional(getattr(getattr(s, o), n))
for _class, _stream in (("Subscription", False), ("StreamSubscription", True)):
    for _name in ("is_active", "schema", "lag", "dropped"):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, f=_stream: subscribed(s, lambda x: getattr(x, n), f)
    for _name, _passed in (("cancel", ()), ("next", ()), ("try_next", ()), ("next_timeout", (1,))):
        CASES[f"{_class}.{_name}"] = lambda s, n=_name, f=_stream, a=_passed: (
            subscribed(s, lambda x: getattr(x, n)(*a), f)
        )
        CASES[f"Async{_class}.{_name}"] = lambda s, n=_name, f=_stream, a=_passed: (
            s.loop.run_until_complete(_awaited(s, lambda x: getattr(x, n)(*a), f))
        )
    for _name in ("is_active", "schema", "lag", "dropped"):
        CASES[f"Async{_class}.{_name}"] = lambda s, n=_name, f=_stream: (
            s.loop.run_until_complete(_awaited(s, lambda x: getattr(x, n), f))
        )


def public_names() -> set[str]:
    """Class.member of every class that the package shows."""
    found = set()
    for name in laminardb.__all__:
        made = getattr(laminardb, name)
        if not inspect.isclass(made) or made.__name__ != name or name in RECORDS:
            continue
        if issubclass(made, BaseException) and made is not laminardb.LaminarError:
            continue
        members = {m for m in dir(made) if not m.startswith("_")}
        for base in (BaseException, str, int):
            members -= set(dir(base)) if issubclass(made, base) else set()
        found |= {f"{name}.{member}" for member in members}
    return found
