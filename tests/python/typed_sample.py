# SPDX-License-Identifier: Apache-2.0
"""The public surface as a typed program uses it: mypy --strict reads it (make check), nobody runs it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Any, Literal, assert_type

import laminardb
from laminardb import (
    AsyncStreamSubscription,
    AsyncSubscription,
    CallbackSubscription,
    ChangeEvent,
    Connection,
    ExecuteResult,
    LaminarConfig,
    MaterializedView,
    PipelineMetrics,
    PipelineTopology,
    QueryResult,
    Relation,
    Setting,
    SourceMetrics,
    StreamMetrics,
    StreamSubscription,
    Subscription,
    TableStats,
    Watermark,
    Writer,
)


def opening() -> Connection:
    config = LaminarConfig(buffer_size=10, retain="1 hour", cpu_affinity=[0], external_access=False)
    with laminardb.open("name", config=config) as db:
        assert_type(db, Connection)
    assert_type(laminardb.sql("SELECT 1"), QueryResult)
    assert_type(laminardb.execute("SELECT 1"), ExecuteResult)
    return laminardb.connect("laminardb://name")


def asking(db: Connection) -> None:
    assert_type(db.query("SELECT ?", [1]), QueryResult)
    assert_type(db.query_at("SELECT $x", datetime(2024, 1, 1), {"x": 1}), QueryResult)
    assert_type(db.query_at("SELECT 1", "2024-01-01"), QueryResult)
    assert_type(db.query_stream("s", "k = 1", window="final"), QueryResult)
    assert_type(db.replay("t", 0, None, speed=2.0), Generator[QueryResult])
    assert_type(db.replay("t", to="other"), int)
    assert_type(db.stream("SELECT 1"), Iterator[QueryResult])
    assert_type(db.explain("SELECT 1", analyze=True), str)
    relation = db.sql("SELECT * FROM t").filter("k = $k", {"k": 1}).join("r", "k", how="left").order("k")
    assert_type(relation, Relation)
    assert_type(relation.limit(1).fetchall(), list[tuple[Any, ...]])
    assert_type(relation.live(on_lag="block"), Subscription)
    assert_type(relation.create_stream("made"), MaterializedView)
    result = db.query("SELECT 1")
    assert_type(result.fetchone(), tuple[Any, ...] | None)
    assert_type(result.to_dicts(), dict[str, list[Any]])
    assert_type(len(result), int)
    executed = db.execute("DROP SOURCE t")
    kind: Literal["ddl", "rows_affected", "query", "metadata"] | str = executed.result_type
    assert kind and assert_type(int(executed), int) >= 0


def writing(db: Connection) -> None:
    assert_type(db.insert("t", {"k": 1}, wait=False), int)
    assert_type(db.insert_csv("t", "k\n1"), int)
    with db.writer("t") as writer:
        assert_type(writer, Writer)
        assert_type(writer.insert({"k": 1}), int)
        writer.watermark(1)


def following(db: Connection) -> None:
    sub = db.subscribe("SELECT 1", on_lag="error", max_lag_bytes=1)
    assert_type(sub.next_timeout(1), QueryResult | None)
    for batch in db.subscribe_stream("s", snapshot=True, from_=(1, 0)):
        assert_type(batch, QueryResult)
    assert_type(db.subscribe_stream("s"), StreamSubscription)
    assert_type(db.subscribe_callback("SELECT 1", lambda batch: batch.show()), CallbackSubscription)

    @db.on_change("s")
    def changed(event: ChangeEvent) -> None:
        print(event.op, [row.to_dict() for row in event])


async def waiting(db: Connection) -> None:
    async with db:
        sub = await db.subscribe_async("SELECT 1")
        assert_type(sub, AsyncSubscription)
        async for batch in sub:
            assert_type(batch, QueryResult)
        assert_type(await db.subscribe_stream_async("s"), AsyncStreamSubscription)


def looking(db: Connection) -> None:
    assert_type(db.metrics(), PipelineMetrics)
    assert_type(db.source_metrics("t"), SourceMetrics | None)
    assert_type(db.stream_metrics("s"), StreamMetrics | None)
    assert_type(db.table_stats("t"), TableStats)
    assert_type(db.watermark("t"), Watermark)
    assert_type(db.topology(), PipelineTopology)
    assert_type(db.config_list(), list[Setting])
    assert_type(db.stats("t"), dict[str, Any])
    assert_type(laminardb.codes.QUERY_FAILED, int)
    try:
        db.query("SELECT")
    except laminardb.QueryError as error:
        print(error.code, error.line, error.hint, error.to_dict())
