# SPDX-License-Identifier: Apache-2.0
"""Metrics, topology, life cycle and queries: the examples of the specification as printed, and what it
asks to verify."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import laminardb
import pytest
from optional import package, some

pa = package("pyarrow")

LOW = -(2**63)


def test_fpy027_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    with laminardb.open(":memory:") as db:
        db.execute("CREATE SOURCE sensors (id BIGINT, temp DOUBLE, ts BIGINT)")
        db.execute("CREATE STREAM avg_temp AS SELECT AVG(temp) AS avg FROM sensors")
        db.start()

        # Insert some data
        for i in range(1000):
            db.insert("sensors", {"id": i, "temp": 20.0 + (i % 10) * 0.5, "ts": i})

        time.sleep(0.5)  # let pipeline process

        # Pipeline-wide metrics
        pm = db.metrics()
        print(f"State: {pm.state}")
        print(f"Ingested: {pm.total_events_ingested}, Emitted: {pm.total_events_emitted}")
        print(f"Uptime: {pm.uptime_secs:.2f}s")
        print(f"Sources: {pm.source_count}, Streams: {pm.stream_count}, Sinks: {pm.sink_count}")

        # Per-source metrics
        sm = db.source_metrics("sensors")
        if sm:
            print(f"Source '{sm.name}': {sm.total_events} events, {sm.utilization:.1%} utilized")
            if sm.is_backpressured:
                print("  WARNING: source is backpressured!")

        # All source metrics at once
        for s in db.all_source_metrics():
            print(f"  {s.name}: pending={s.pending}/{s.capacity}")

        # Per-stream metrics
        stm = db.stream_metrics("avg_temp")
        if stm:
            print(f"Stream '{stm.name}': {stm.total_events} events, SQL: {stm.sql}")

        # Python convenience wrapper
        from laminardb import Metrics

        m = Metrics(pm)
        print(f"Throughput: {m.events_per_second:.0f} events/sec")

        assert isinstance(pm, laminardb.PipelineMetrics)
        assert (pm.state, pm.total_events_ingested, pm.total_events_emitted) == ("Running", 1000, 1000)
        assert (pm.total_batches, pm.total_cycles, pm.total_events_dropped) == (1000, 1000, 0)
        assert (pm.source_count, pm.stream_count, pm.sink_count) == (1, 1, 0) and pm.uptime_secs >= 0.5
        assert repr(pm) == "PipelineMetrics(state=Running, ingested=1000, emitted=1000)"
        assert sm is not None and repr(sm) == "SourceMetrics(name='sensors', events=1000, pending=0)"
        assert stm is not None and repr(stm) == "StreamMetrics(name='avg_temp', events=1000, pending=0)"
        assert stm.sql is not None and "AVG(temp)" in stm.sql and (stm.error, stm.rows_in) == (None, 1000)
        assert stm.state_rows == 1 and stm.state_bytes > 0
        x = stm.latency
        assert 64 <= x.count <= 1000
        assert 0 < x.min_us <= x.p50_us <= x.p90_us <= x.p99_us <= x.p999_us <= x.max_us
        assert 0 < m.events_per_second == pm.total_events_ingested / pm.uptime_secs
        eps, uptime = m.events_per_second, m.uptime_secs
        assert repr(m) == f"Metrics(state='Running', eps={eps:.1f}, uptime={uptime:.1f}s)"
        with pytest.raises(AttributeError):
            pm.state = "x"  # type: ignore[misc]
    out = capsys.readouterr().out
    assert "Ingested: 1000" in out and "sensors: pending=0/" in out and "WARNING" not in out


def test_fpy028_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    with laminardb.open(":memory:") as db:
        # Define the pipeline
        db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE, volume BIGINT, ts BIGINT)")
        db.execute(
            "CREATE STREAM vwap AS SELECT symbol, SUM(price * volume) / SUM(volume) AS vwap_price "
            "FROM trades GROUP BY symbol"
        )

        # Inspect before start
        assert db.pipeline_state == "Created"
        topo = db.topology()
        print(f"Pipeline has {len(topo.nodes)} nodes and {len(topo.edges)} edges")
        for node in topo.nodes:
            print(f"  {node.node_type}: {node.name}")
            if node.schema:
                print(f"    Schema: {node.schema}")
            if node.sql:
                print(f"    SQL: {node.sql}")
        for edge in topo.edges:
            print(f"  {edge.from_node} -> {edge.to_node}")

        # Start the pipeline
        db.start()
        assert db.pipeline_state == "Running"

        # Insert data
        db.insert(
            "trades",
            [
                {"symbol": "AAPL", "price": 150.0, "volume": 1000, "ts": 1},
                {"symbol": "GOOG", "price": 2800.0, "volume": 500, "ts": 2},
            ],
        )

        # Check counters
        print(f"Events processed: {db.total_events_processed}")
        print(f"Watermark: {db.pipeline_watermark}")
        print(f"Sources: {db.source_count}, Sinks: {db.sink_count}")
        print(f"Active queries: {db.active_query_count}")

        # Query management
        for q in db.queries():
            print(f"Query {q.id}: active={q.active}, sql={q.sql}")
            if q.active:
                db.cancel_query(q.id)

        assert (db.total_events_processed, db.source_count, db.sink_count) == (4, 1, 0)
        # Graceful shutdown
        db.shutdown()
        assert db.pipeline_state == "Stopped"
    out = capsys.readouterr().out
    assert "Pipeline has 2 nodes and 1 edges" in out and "trades -> vwap" in out
    assert "Active queries: 0" in out


# ---------------------------------------------------------------------------- F-PY-027, verify


def test_metrics_of_unknown_names(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE a (k BIGINT); CREATE SOURCE b (k BIGINT); CREATE STREAM s AS SELECT k FROM a")
    assert db.source_metrics("nope") is None and db.stream_metrics("nope") is None
    assert db.source_metrics("s") is None and db.stream_metrics("a") is None
    assert [m.name for m in db.all_source_metrics()] == ["a", "b"]
    assert [m.name for m in db.all_stream_metrics()] == ["s"]
    m = db.metrics()
    assert m.source_count == len(db.all_source_metrics()) == len(db.sources())
    assert m.stream_count == len(db.all_stream_metrics()) == len(db.streams())
    assert (m.pipeline_watermark, db.pipeline_watermark) == (LOW, LOW) and not db.sinks()
    assert db.list_sinks() == []
    source = db.source_metrics("a")
    assert source is not None and source.watermark == LOW
    assert 0 <= source.utilization <= 1 and source.capacity > 0 and not source.is_backpressured
    assert repr(db.sources()[0]) == "SourceInfo(name='a', columns=1)"
    zero = laminardb.PipelineMetrics(5, 0, 0, 0, 0, 0.0, "Created", 0, 0, 0, 0)
    assert laminardb.Metrics(zero).events_per_second == 0.0


def test_counters_equal_what_happened() -> None:
    """Random inserts and pauses, late rows, dropped objects: every counter is the sum that it should be."""
    for seed in range(12):
        rng = random.Random(seed)
        with laminardb.open() as db:
            db.execute("CREATE SOURCE a (k BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 0)")
            db.execute("CREATE SOURCE b (k BIGINT)")
            db.execute("CREATE STREAM plain AS SELECT k FROM a WHERE k % 2 = 0")
            db.execute("CREATE STREAM sums AS SELECT k % 5 AS g, count(*) AS n FROM b GROUP BY k % 5")
            db.execute(
                "CREATE STREAM win AS SELECT TUMBLE(ts, 100) AS w, count(*) AS n FROM a "
                "GROUP BY TUMBLE(ts, 100)"
            )
            if rng.random() < 0.5:
                db.start()
            subs = [db.subscribe_stream(n) for n in ("plain", "sums", "win")]
            delivered = [0, 0, 0]
            fed = {"a": 0, "b": 0}
            inserts = even = late = 0
            high = LOW
            last = 0
            for _ in range(60):
                what = rng.random()
                if what < 0.1 and db.pipeline_state == "Running":
                    db.pause()
                elif what < 0.2 and db.pipeline_state == "Paused":
                    db.resume()
                else:
                    size = rng.randrange(1, 6)
                    rows = [{"k": rng.randrange(40), "ts": rng.randrange(2000)} for _ in range(size)]
                    name = rng.choice("ab")
                    if name == "b":
                        rows = [{"k": r["k"]} for r in rows]
                    else:
                        even += sum(r["k"] % 2 == 0 for r in rows)
                        late += sum(high != LOW and (r["ts"] // 100 + 1) * 100 <= high for r in rows)
                        high = max(high, *(r["ts"] for r in rows))
                    assert db.insert(name, rows) == len(rows)
                    fed[name] += len(rows)
                    inserts += 1
                assert last <= (last := db.total_events_processed)
            if db.pipeline_state == "Created":
                db.start()
            elif db.pipeline_state == "Paused":
                db.resume()
            for i, sub in enumerate(subs):
                while (batch := sub.try_next()) is not None:
                    delivered[i] += batch.num_rows
            m = db.metrics()
            streams = {x.name: x for x in db.all_stream_metrics()}
            assert m.total_events_ingested == fed["a"] + fed["b"] and m.total_batches == inserts
            assert {x.name: x.total_events for x in db.all_source_metrics()} == fed
            assert m.total_events_emitted == sum(x.total_events for x in streams.values())
            assert streams["plain"].total_events == even
            assert delivered == [streams[n].total_events for n in ("plain", "sums", "win")]
            assert m.total_events_dropped == late == streams["win"].late_rows
            assert m.pipeline_watermark == high == streams["win"].watermark
            db.execute("DROP STREAM win; DROP STREAM plain; DROP SOURCE a")
            after = db.metrics()
            assert (after.total_events_ingested, after.total_events_emitted, after.total_events_dropped) == (
                m.total_events_ingested,
                m.total_events_emitted,
                late,
            )


def test_watermarks(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE plain (k BIGINT)")
    db.insert("plain", {"k": 1})
    assert abs(db.pipeline_watermark / 1000 - time.time()) < 60
    timed = "(k BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 10)"
    db.execute(f"CREATE SOURCE a {timed}; CREATE SOURCE b {timed}")
    assert db.pipeline_watermark == LOW
    db.insert("a", {"k": 1, "ts": 1000})
    assert db.pipeline_watermark == 990
    db.insert("b", {"k": 1, "ts": 500})
    assert db.pipeline_watermark == 990, "a further source does not take it back"
    db.insert("b", {"k": 1, "ts": 2000})
    assert db.pipeline_watermark == 990
    db.insert("a", {"k": 1, "ts": 3000})
    assert db.pipeline_watermark == 1990
    source = db.source_metrics("a")
    assert source is not None and source.watermark == 2990


# ---------------------------------------------------------------------------- F-PY-028, verify


def test_topology(db: laminardb.Connection) -> None:
    db.execute('CREATE SOURCE "a <b>" (k BIGINT, s VARCHAR); CREATE TABLE names (k BIGINT, n VARCHAR)')
    db.execute('CREATE STREAM one AS SELECT k, count(*) AS n FROM "a <b>" GROUP BY k')
    db.execute(
        "CREATE STREAM two AS SELECT one.k, names.n FROM one JOIN names ON one.k = names.k -- FROM elsewhere"
    )
    topo = db.topology()
    assert repr(topo) == "PipelineTopology(nodes=4, edges=3)"
    assert [(n.name, n.node_type) for n in topo.nodes] == [
        ("a <b>", "source"),
        ("names", "source"),
        ("one", "stream"),
        ("two", "stream"),
    ]
    edges = {(e.from_node, e.to_node) for e in topo.edges}
    assert edges == {("a <b>", "one"), ("one", "two"), ("names", "two")}
    assert all(n.node_type in ("source", "stream", "sink") for n in topo.nodes)
    assert isinstance(topo.nodes[0].schema, pa.Schema) and topo.nodes[0].schema.names == ["k", "s"]
    assert topo.nodes[0].sql is None and some(topo.nodes[2].sql).startswith("CREATE STREAM one AS")
    assert repr(topo.nodes[2]) == "PipelineNode(name='one', type='stream')"
    assert repr(topo.edges[0]) == "PipelineEdge('a <b>' -> 'one')"
    assert topo.to_mermaid().splitlines()[:2] == ["flowchart LR", '    n0[("a #60;b#62;")]']
    assert "n0 --> n2" in topo.to_mermaid() and 'n0 [label="a <b>", shape=cylinder]' in topo.to_dot()
    page = topo._repr_html_()
    assert page.startswith("<svg") and "a &lt;b&gt;" in page and "<b>" not in page
    assert page.count("http") == 1 and "<script" not in page  # the name space alone
    assert db.topology() == topo


def test_states(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    for call in (db.pause, db.resume):
        with pytest.raises(laminardb.QueryError, match="call start"):
            call()
    assert db.pipeline_state == "Created"
    db.start()
    db.pause()
    db.pause()
    assert db.pipeline_state == db.metrics().state == "Paused"
    db.insert("t", {"k": 1})
    stats = db.source_metrics("t")
    stream = db.stream_metrics("s")
    assert stats is not None and (stats.total_events, stats.pending) == (1, 1)
    assert stream is not None and (stream.total_events, stream.pending) == (0, 1)
    db.resume()
    db.resume()
    assert db.pipeline_state == "Running" and db.query("SELECT * FROM s").fetchall() == [(1,)]
    db.pause()
    sub = db.subscribe_stream("s")
    db.insert("t", {"k": 2})
    db.shutdown()
    assert db.pipeline_state == "Stopped"
    assert [b.fetchall() for b in sub] == [[(2,)]], "what was accepted is drained before shutdown returns"
    for write in (lambda: db.insert("t", {"k": 3}), db.start, db.pause, db.resume):
        with pytest.raises(laminardb.ConnectionError) as e:
            write()
        assert e.value.code == 901
    assert db.query("SELECT * FROM s").fetchall() == [(1,), (2,)]
    db.close()
    state = lambda: db.pipeline_state  # noqa: E731
    reads: list[Callable[[], object]] = [db.metrics, db.topology, db.queries, db.list_sinks, state]
    reads += [db.start, db.pause, db.resume]
    for read in reads:
        with pytest.raises(laminardb.ConnectionError) as e:
            read()
        assert e.value.code == 101


def test_faulted_when_every_stream_has_failed(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k * 4611686018427387904 AS x FROM t")
    db.start()
    db.insert("t", {"k": 9})
    assert db.pipeline_state == "Faulted" and db.insert("t", {"k": 1}) == 1
    db.execute("CREATE STREAM good AS SELECT k FROM t")
    assert db.pipeline_state == "Running"


QUERIES = [
    "SELECT k, v FROM t WHERE v > 3",
    "SELECT k, count(*) AS n, sum(v) AS v FROM t GROUP BY k",
    "SELECT TUMBLE(ts, 50) AS w, count(*) AS n FROM t GROUP BY TUMBLE(ts, 50) EMIT ON WINDOW CLOSE",
    "SELECT t.k, u.v FROM t JOIN u ON t.k = u.k EMIT CHANGES",
    "SELECT n, count(*) AS groups FROM s1 GROUP BY n",
]


def run_history(seed: int, pauses: bool) -> list[object]:
    """The same inserts, with or without pauses; streams and subscriptions made at the same moments."""
    rng, quiet = random.Random(seed), random.Random(seed + 1000)
    seen: list[object] = []
    with laminardb.open() as db:
        timed = "(k BIGINT, v BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 20)"
        db.execute(f"CREATE SOURCE t {timed}; CREATE SOURCE u {timed}")
        made = 0
        subs: list[tuple[str, laminardb.Subscription]] = []
        db.start()
        clock = 0
        for _ in range(80):
            if pauses and quiet.random() < 0.3:
                (db.resume if db.pipeline_state == "Paused" else db.pause)()
            if made < len(QUERIES) and rng.random() < 0.15:
                db.execute(f"CREATE STREAM s{made} AS {QUERIES[made]}")
                made += 1
            clock += rng.randrange(20)
            rows = [
                {"k": rng.randrange(4), "v": rng.randrange(9), "ts": clock - rng.randrange(40)}
                for _ in range(rng.randrange(1, 4))
            ]
            db.insert(rng.choice("tu"), rows)
            if rng.random() < 0.05:
                db.advance_watermark("t", clock)
            if made and rng.random() < 0.05:
                query = QUERIES[rng.randrange(4)]
                subs.append((query, db.subscribe(query)))
        if db.pipeline_state == "Paused":
            db.resume()
        for i in range(made):
            seen.append(sorted(db.query(f"SELECT * FROM s{i}").fetchall()))
        seen += [(m.late_rows, m.watermark) for m in db.all_stream_metrics()]
        for query, sub in subs:
            total: dict[object, int] = {}
            while (batch := sub.try_next()) is not None:
                for row in batch.fetchall():
                    weight = row[-1] if "EMIT CHANGES" in query else 1
                    key = row[:-1] if "EMIT CHANGES" in query else row
                    total[key] = total.get(key, 0) + weight
            if "GROUP BY" not in query or "CLOSE" in query:  # updates depend on when the subscription began
                seen.append((query, sorted((k, n) for k, n in total.items() if n)))
        seen.append(db.pipeline_watermark)
    return seen


def test_a_pause_leaves_no_trace() -> None:
    for seed in range(25):
        assert run_history(seed, pauses=True) == run_history(seed, pauses=False), seed


def test_queries_and_cancel(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); INSERT INTO t VALUES (1)")
    sub = db.subscribe("SELECT k FROM t")
    other = db.subscribe("SELECT count(*) FROM t")
    assert db.active_query_count == 2
    info = db.queries()[0]
    assert (info.sql, info.active) == ("SELECT k FROM t", True)
    got: list[object] = []
    waiter = threading.Thread(target=got.extend, args=(other,))
    waiter.start()
    time.sleep(0.05)
    for q in db.queries():
        db.cancel_query(q.id)
        db.cancel_query(q.id)
    waiter.join(5)
    assert not waiter.is_alive() and len(got) == 1
    assert sub.try_next() is None and not sub.is_active and repr(sub) == "Subscription(finished)"
    assert [q.active for q in db.queries()] == [False, False] and db.active_query_count == 0
    db.insert("t", {"k": 2})
    db.query("SELECT 1 AS marker")
    assert db.queries()[-1] == laminardb.QueryInfo(info.id + 2, "SELECT 1 AS marker", False) or any(
        q.sql == "SELECT 1 AS marker" and not q.active for q in db.queries()
    )
    del sub, other, waiter
    assert {q.id for q in db.queries() if not q.active} >= {info.id}
    for unknown in (10**6, -1, 2**70):
        with pytest.raises(laminardb.SchemaError, match="not found") as e:
            db.cancel_query(unknown)
        assert e.value.code == 200
    db.execute("DROP SOURCE t")  # nothing reads it any more


LONG = "SELECT count(*) FROM t a JOIN t b ON a.k = b.k JOIN t c ON a.k = c.k"


@pytest.fixture
def big(db: laminardb.Connection) -> laminardb.Connection:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.insert("t", {"k": [i % 3 for i in range(6000)]})
    return db


def test_cancel_from_another_thread(big: laminardb.Connection) -> None:
    cancelled: list[float] = []

    def cancel() -> None:
        while not (active := [q for q in big.queries() if q.active]):
            time.sleep(0.01)
        time.sleep(0.1)
        assert active[0].sql == LONG
        big.cancel_query(active[0].id)
        cancelled.append(time.monotonic())

    helper = threading.Thread(target=cancel)
    helper.start()
    with pytest.raises(laminardb.QueryError) as e:
        big.query(LONG)
    took = time.monotonic() - cancelled[0]
    helper.join()
    assert e.value.code == 402 and took < 0.5
    assert not any(q.active for q in big.queries()) and big.query("SELECT 1").fetchall() == [(1,)]


def test_interrupt_in_a_long_query() -> None:
    code = (
        "import laminardb, signal, os, threading, time\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (k BIGINT)')\n"
        "db.insert('t', {'k': [i % 3 for i in range(6000)]})\n"
        "sent = []\n"
        "def kill():\n    sent.append(time.monotonic()); os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Timer(0.3, kill).start()\n"
        f"try:\n    db.query('{LONG}')\n"
        "except KeyboardInterrupt:\n    print('interrupted', time.monotonic() - sent[0])\n"
        "assert db.query('SELECT 1').fetchall() == [(1,)]\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert out.returncode == 0, out.stderr
    word, seconds = out.stdout.split()
    assert word == "interrupted" and float(seconds) < 0.3


def test_a_handler_that_does_not_raise_does_not_stop_a_query(big: laminardb.Connection) -> None:
    ran: list[int] = []
    old = signal.signal(signal.SIGUSR1, lambda *_: ran.append(1))
    try:
        threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert big.query("SELECT count(*) FROM t a JOIN t b ON a.k = b.k").fetchall() == [(12_000_000,)]
    finally:
        signal.signal(signal.SIGUSR1, old)


def test_sources_say_their_column_of_event_time(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE e (k BIGINT, ts BIGINT, WATERMARK FOR ts); CREATE SOURCE p (k BIGINT)")
    db.execute("CREATE TABLE t (k BIGINT)")
    assert [(s.name, s.watermark_column) for s in db.sources()] == [("e", "ts"), ("p", None), ("t", None)]
