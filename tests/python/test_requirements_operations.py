# SPDX-License-Identifier: Apache-2.0
"""The "Testing Requirements" of metrics (F-PY-027) and pipeline management (F-PY-028), one test each."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import laminardb
import pytest
from laminardb import Connection, Metrics, SchemaError
from optional import each, package

pa = package("pyarrow")

SQL = (
    "CREATE SOURCE sensors (id BIGINT, temp DOUBLE, ts BIGINT, WATERMARK FOR ts AS ts);"
    "CREATE STREAM avg_temp AS SELECT avg(temp) AS avg FROM sensors;"
    "CREATE STREAM hot AS SELECT id FROM sensors WHERE temp > 20"
)


@pytest.fixture
def running(db: Connection) -> Connection:
    db.execute(SQL)
    db.start()
    for i in range(10):
        db.insert("sensors", {"id": i, "temp": 20.0 + i % 2, "ts": 1000 + i})
    return db


# ---- F-PY-027: metrics


@pytest.mark.requirement("F-PY-027.1")
def test_metrics_are_not_negative(running: Connection) -> None:
    m = running.metrics()
    assert isinstance(m, laminardb.PipelineMetrics)
    counters = (
        m.total_events_ingested,
        m.total_events_emitted,
        m.total_events_dropped,
        m.total_cycles,
        m.total_batches,
    )
    assert min(counters) >= 0 and m.uptime_secs >= 0
    assert (m.total_events_ingested, m.total_batches, m.state) == (10, 10, "Running")
    assert m.total_events_emitted == 11 + 5  # the average at first and each time, and five rows above 20


@pytest.mark.requirement("F-PY-027.2")
def test_source_metrics(running: Connection) -> None:
    m = running.source_metrics("sensors")
    assert m is not None
    assert (m.name, m.total_events, m.pending, m.watermark, m.is_backpressured) == (
        "sensors",
        10,
        0,
        1009,
        False,
    )
    assert m.capacity > 0 and m.utilization == 0.0
    assert running.source_metrics("nothing") is None


@pytest.mark.requirement("F-PY-027.3")
def test_stream_metrics(running: Connection) -> None:
    m = running.stream_metrics("hot")
    assert m is not None and running.stream_metrics("nothing") is None
    assert (m.name, m.total_events, m.pending, m.watermark) == ("hot", 5, 0, 1009)
    assert m.sql == "CREATE STREAM hot AS SELECT id FROM sensors WHERE temp > 20"
    assert 0 < m.latency.min_us <= m.latency.p50_us <= m.latency.p99_us <= m.latency.max_us
    assert m.latency.count == 5  # the inserts that it gave something for


@pytest.mark.requirement("F-PY-027.4")
def test_all_metrics(running: Connection) -> None:
    running.execute("CREATE SOURCE other (x BIGINT)")
    assert [m.name for m in running.all_source_metrics()] == ["sensors", "other"]
    assert [m.name for m in running.all_stream_metrics()] == ["avg_temp", "hot"]


@pytest.mark.requirement("F-PY-027.5")
def test_events_per_second(running: Connection) -> None:
    m = running.metrics()
    assert Metrics(m).events_per_second == pytest.approx(m.total_events_ingested / m.uptime_secs)
    assert Metrics(m).events_per_second > 0
    assert Metrics(replace(m, uptime_secs=0.0)).events_per_second == 0.0


@pytest.mark.requirement("F-PY-027.6")
def test_state_at_each_phase(db: Connection) -> None:
    db.execute(SQL)
    seen = [db.pipeline_state]
    for step in (db.start, db.pause, db.resume, db.shutdown):
        step()
        seen.append(db.pipeline_state)
        assert db.metrics().state == db.pipeline_state
    assert seen == ["Created", "Running", "Paused", "Running", "Stopped"]


@pytest.mark.requirement("F-PY-027.7")
def test_total_events_grow(running: Connection) -> None:
    before = running.total_events_processed
    for i in range(20):
        running.insert("sensors", {"id": i, "temp": 30.0, "ts": 2000 + i})
        after = running.total_events_processed
        assert after > before
        before = after
    running.execute("DROP STREAM hot")
    assert running.total_events_processed >= before


@pytest.mark.requirement("F-PY-027.8")
def test_metrics_agree(running: Connection) -> None:
    running.execute("CREATE SINK k FROM hot WITH (connector = 'python')")
    m = running.metrics()
    assert m.source_count == running.source_count == len(running.all_source_metrics())
    assert m.stream_count == len(running.all_stream_metrics())
    assert m.sink_count == running.sink_count == len(running.all_sink_metrics()) == 1
    assert m.pipeline_watermark == running.pipeline_watermark == 1009
    assert m.total_events_ingested == sum(s.total_events for s in running.all_source_metrics())
    assert m.total_events_emitted == sum(s.total_events for s in running.all_stream_metrics())


# ---- F-PY-028: pipelines


@pytest.mark.requirement("F-PY-028.1")
def test_created_running_stopped(db: Connection) -> None:
    assert db.pipeline_state == "Created"
    db.start()
    assert db.pipeline_state == "Running"
    db.shutdown()
    assert db.pipeline_state == "Stopped"


@pytest.mark.requirement("F-PY-028.2")
def test_topology(running: Connection) -> None:
    running.execute("CREATE STREAM hottest AS SELECT max(id) AS id FROM hot")
    topology = running.topology()
    assert [n.name for n in topology.nodes] == ["sensors", "avg_temp", "hot", "hottest"]
    edges = {(e.from_node, e.to_node) for e in topology.edges}
    assert edges == {("sensors", "avg_temp"), ("sensors", "hot"), ("hot", "hottest")}


@pytest.mark.requirement("F-PY-028.3")
def test_node_types(running: Connection) -> None:
    running.execute("CREATE TABLE b (k BIGINT); CREATE SINK k FROM hot WITH (connector = 'python')")
    types = {n.name: n.node_type for n in running.topology().nodes}
    assert types == {"sensors": "source", "avg_temp": "stream", "hot": "stream", "b": "source", "k": "sink"}


@pytest.mark.requirement("F-PY-028.4")
def test_schema_of_a_source(running: Connection) -> None:
    schema = running.topology().nodes[0].schema
    assert isinstance(schema, pa.Schema)
    assert schema == pa.schema([("id", pa.int64()), ("temp", pa.float64()), ("ts", pa.int64())])


@pytest.mark.requirement("F-PY-028.5")
def test_sql_of_nodes(running: Connection) -> None:
    sql = {n.name: n.sql for n in running.topology().nodes}
    assert sql["sensors"] is None
    assert sql["hot"] == "CREATE STREAM hot AS SELECT id FROM sensors WHERE temp > 20"


@pytest.mark.requirement("F-PY-028.6")
def test_cancel_query(running: Connection) -> None:
    sub = running.subscribe("SELECT id FROM sensors")
    info = next(q for q in running.queries() if q.active)
    running.cancel_query(info.id)
    assert not next(q for q in running.queries() if q.id == info.id).active
    assert not sub.is_active and sub.next() is None
    caught: list[BaseException] = []

    def long() -> None:
        try:
            running.query("SELECT sum(a.x * b.x) FROM range(1000000) a(x), range(1000000) b(x)")
        except laminardb.QueryError as e:
            caught.append(e)

    thread = threading.Thread(target=long)
    thread.start()
    while not (found := [q for q in running.queries() if q.active and "range" in q.sql]):
        time.sleep(0.001)
    running.cancel_query(found[0].id)
    thread.join(20)
    assert [e.code for e in caught] == [402]  # type: ignore[attr-defined]


@pytest.mark.requirement("F-PY-028.7")
def test_cancel_of_an_unknown_query(running: Connection) -> None:
    with pytest.raises(SchemaError, match="not found") as e:
        running.cancel_query(999999)
    assert e.value.code == 200


@pytest.mark.requirement("F-PY-028.8")
def test_shutdown_waits(db: Connection) -> None:
    """Four producers, a slow sink, a pause of a pipeline: all that was acknowledged is there, within 5 s."""
    written: list[int] = []
    db.execute(
        "CREATE SOURCE t (v BIGINT); CREATE PIPELINE p; CREATE STREAM n AS SELECT count(*) AS n FROM t"
    )
    db.execute("CREATE STREAM paused IN PIPELINE p AS SELECT count(*) AS n FROM t")
    db.execute("CREATE SINK k FROM t WITH (connector = 'python')")
    db.register_sink(
        "k", lambda batch: each(lambda: time.sleep(0.01), lambda: written.append(batch.num_rows))
    )
    db.start()
    db.pipeline("p").pause()
    acknowledged = [0, 0, 0, 0]

    def produce(at: int) -> None:
        try:
            for i in range(100_000):
                acknowledged[at] += db.insert("t", {"v": i}, wait=at % 2 == 0)
        except laminardb.ConnectionError as e:
            assert e.code == 901

    producers = [threading.Thread(target=produce, args=(i,)) for i in range(4)]
    for p in producers:
        p.start()
    while sum(acknowledged) < 1000:
        time.sleep(0.001)
    began = time.monotonic()
    db.shutdown()
    took = time.monotonic() - began
    for p in producers:
        p.join(20)
    count = db.query("SELECT count(*) FROM t").fetchall()[0][0]
    assert count == sum(acknowledged) and took < 5
    assert db.query("FROM n").fetchall() == db.query("FROM paused").fetchall() == [(count,)]
    assert sum(written) == count


@pytest.mark.requirement("F-PY-028.9")
def test_start_of_a_closed_connection() -> None:
    db = laminardb.open()
    db.close()
    with pytest.raises(laminardb.ConnectionError, match="Connection is closed"):
        db.start()


@pytest.mark.requirement("F-PY-028.10")
def test_counters_follow_inserts(running: Connection) -> None:
    events, watermark = running.total_events_processed, running.pipeline_watermark
    running.insert("sensors", {"id": 1, "temp": 1.0, "ts": 5000})
    assert running.total_events_processed == events + 2
    assert watermark == 1009 and running.pipeline_watermark == 5000
