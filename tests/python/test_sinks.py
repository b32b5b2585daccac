# SPDX-License-Identifier: Apache-2.0
"""Sinks: what they write is what a subscriber would have got, each row once; faults stay theirs."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import Connection, ConnectorError, QueryError, SchemaError
from optional import each

SQL = "CREATE SOURCE t (k BIGINT, v BIGINT); CREATE STREAM s AS SELECT k, sum(v) AS v FROM t GROUP BY k;"


def wait_for(what: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.005)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def state(db: Connection, name: str) -> str:
    metrics = db.sink_metrics(name)
    assert metrics is not None
    return metrics.state


@pytest.mark.parametrize("seed", range(6))
def test_changes_add_up(db: Connection, tmp_path: Path, seed: int) -> None:
    """Any cut of inserts, tables that change, pauses of the pipeline: file == program == the stream."""
    r = random.Random(seed)
    file, table = tmp_path / "s.jsonl", tmp_path / "t.csv"
    got: list[Any] = []
    db.execute(SQL + "CREATE TABLE b (k BIGINT PRIMARY KEY, w VARCHAR); CREATE PIPELINE p")
    db.execute("CREATE STREAM j IN PIPELINE p AS SELECT t.k, v, w FROM t JOIN b ON t.k = b.k")
    if r.random() < 0.5:
        db.start()
    db.insert("t", {"k": [1, 2], "v": [5, 6]})
    db.execute(f"CREATE SINK a FROM s WITH (connector = 'file', path = '{file}')")
    db.execute(f"CREATE SINK c FROM t WHERE v > 2 WITH (connector = 'file', path = '{table}')")
    db.execute("CREATE SINK d FROM j WITH (connector = 'python')")
    db.register_sink("d", lambda batch: got.extend(batch.fetchall()))
    db.start()
    for _ in range(60):
        what = r.choice(("rows", "rows", "table", "gone", "pause", "flush"))
        if what == "rows":
            n = r.randint(1, 4)
            db.insert(
                "t", {"k": [r.randint(0, 4) for _ in range(n)], "v": [r.randint(0, 9) for _ in range(n)]}
            )
        elif what == "table":
            db.execute(f"INSERT INTO b VALUES ({r.randint(0, 4)}, 'a \"text\", {r.randint(0, 3)}')")
        elif what == "gone":
            db.execute(f"DELETE FROM b WHERE k = {r.randint(0, 4)}")
        elif what == "pause":
            p = db.pipeline("p")
            (p.resume if p.state == "Paused" else p.pause)()
        else:
            db.flush()
    db.pipeline("p").resume()
    db.flush()
    sums: Counter[Any] = Counter()
    for row in lines(file):
        sums[row["k"], row["v"]] += row["__weight"]
    assert +sums == Counter(db.query("FROM s").fetchall()) and not -sums
    written = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [(int(x["k"]), int(x["v"])) for x in written] == db.query("FROM t WHERE v > 2").fetchall()
    joined: Counter[Any] = Counter()
    for *row, weight in got:
        joined[tuple(row)] += weight
    assert +joined == Counter(db.query("FROM j").fetchall()) and not -joined
    metrics = db.sink_metrics("a")
    assert metrics is not None
    assert (metrics.total_events, metrics.pending, metrics.errors) == (len(lines(file)), 0, 0)
    assert metrics.latency.count > 0 and metrics.position > (0, 0)


def test_rows_of_final_windows(db: Connection, tmp_path: Path) -> None:
    db.execute(
        "CREATE SOURCE e (ts BIGINT, WATERMARK FOR ts AS ts); CREATE SINK k WITH (connector = 'file',"
        f" path = '{tmp_path / 'w.csv'}', delim = ';') AS SELECT window_start, count(*) AS n FROM e"
        " GROUP BY TUMBLE(ts, INTERVAL '10' MILLISECOND) EMIT ON WINDOW CLOSE"
    )
    db.start()
    db.insert("e", {"ts": [1, 2, 11, 25]})
    db.flush()
    assert (tmp_path / "w.csv").read_text() == "window_start;n\n0;2\n10;1\n"
    db.execute("DROP SINK k")
    db.execute(f"CREATE SINK k FROM e WITH (connector = 'file', path = '{tmp_path / 'w.csv'}', delim = ';')")
    db.flush()  # behind what is there, and no header again
    assert (tmp_path / "w.csv").read_text() == "window_start;n\n0;2\n10;1\n1\n2\n11\n25\n"


def test_a_writer_that_fails_is_tried_again(db: Connection) -> None:
    got: list[Any] = []
    faults = ["no", "not yet"]

    def write(batch: laminardb.QueryResult) -> None:
        if faults:
            raise OSError(faults.pop())
        got.append(batch.fetchall())

    db.execute(SQL + "CREATE SINK k FROM t WITH (connector = 'python', retry_interval = '1 ms')")
    db.start()
    assert db.insert("t", {"k": 1, "v": 1}) == 1
    wait_for(lambda: state(db, "k") == "waiting")
    db.register_sink("k", write)
    db.flush()
    metrics = db.sink_metrics("k")
    assert metrics is not None and got == [[(1, 1)]]
    assert (metrics.errors, metrics.last_error, metrics.state) == (2, "OSError: no", "running")


def test_a_sink_fails_alone_and_goes_on(db: Connection) -> None:
    got: list[Any] = []
    broken = True

    def write(batch: laminardb.QueryResult) -> None:
        if broken:
            raise RuntimeError("disk on fire")
        got.extend(batch.fetchall())

    db.register_sink("k", write)
    db.execute(SQL + "CREATE SINK k FROM t WITH (connector = 'python', retries = 2, retry_interval = '1 ms')")
    db.start()
    db.insert("t", {"k": 1, "v": 1})
    with pytest.raises(ConnectorError, match='sink "k" failed: RuntimeError: disk on fire') as e:
        db.flush()
    assert e.value.code == 800
    db.flush()  # it has been told
    db.insert("t", {"k": 2, "v": 2})
    assert state(db, "k") == "failed" and db.query("FROM s ORDER BY k").fetchall() == [(1, 1), (2, 2)]
    assert db.pipeline_state == "Running"
    assert db.query("SHOW SINKS").fetchall()[0][3:7] == ("failed", 0, 1, 3)
    assert 'laminardb_sink_failed{sink="k"} 1.0' in db.prometheus()
    broken = False
    db.execute("ALTER SINK k RETRY")
    db.flush()
    assert got == [(1, 1), (2, 2)]
    with pytest.raises(QueryError, match="has not failed"):
        db.execute("ALTER SINK k RETRY")


def test_a_failed_input_is_mended(db: Connection, tmp_path: Path) -> None:
    """The sink stops with the stream that it reads and goes on with it: nothing is lost, nothing twice."""
    file = tmp_path / "x.csv"
    db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)")
    db.execute("CREATE STREAM s AS SELECT k, v + 9223372036854775800 AS v FROM t WHERE v > 0")
    db.execute(f"CREATE SINK k FROM s WITH (connector = 'file', path = '{file}')")
    db.start()
    db.insert("t", {"k": 1, "v": 1})
    db.flush()
    db.insert("t", {"k": 2, "v": 100})
    wait_for(lambda: state(db, "k") == "failed")
    assert file.read_text() == "k,v,__weight\n1,9223372036854775801,1\n"
    why = db.why("k")
    assert (why.kind, why.state, why.rows_out) == ("sink", "failed", 1)
    assert 'then ALTER STREAM "s" RETRY and ALTER SINK "k" RETRY' in why.suggestion
    with pytest.raises(QueryError, match='sink "k" reads stream "s", which has failed') as e:
        db.execute("ALTER SINK k RETRY")
    assert e.value.hint == 'ALTER STREAM "s" RETRY first'
    db.insert("t", {"k": [2, 3], "v": [2, 3]})
    db.execute("ALTER STREAM s RETRY")
    db.insert("t", {"k": [1, 4], "v": [0, 4]})  # the stream goes on alone; this waits for the sink
    db.execute("ALTER SINK k RETRY")
    db.insert("t", {"k": 5, "v": 5})
    db.flush()
    sums: Counter[Any] = Counter()
    for row in csv.DictReader(file.read_text().splitlines()):
        sums[int(row["k"]), int(row["v"])] += int(row["__weight"])
    assert +sums == Counter(db.query("FROM s").fetchall()) and not -sums and len(+sums) == 4
    assert file.read_text().count("9223372036854775801") == 2, "written once, and taken back once"
    metrics = db.sink_metrics("k")
    assert metrics is not None and (metrics.state, metrics.errors) == ("running", 1)
    assert db.why("k").suggestion == "nothing: it is up to date"


def test_a_query_of_a_sink_that_fails_by_itself(db: Connection, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)")
    db.execute(
        f"CREATE SINK k WITH (connector = 'file', path = '{file}')"
        " AS SELECT k, v + 9223372036854775800 AS v FROM t"
    )
    db.start()
    db.insert("t", {"k": [1, 2], "v": [1, 1]})
    db.flush()
    db.insert("t", {"k": 2, "v": 100})
    wait_for(lambda: state(db, "k") == "failed")
    with pytest.raises(laminardb.StreamError, match='what sink "k" reads cannot go on') as e:
        db.execute("ALTER SINK k RETRY")
    assert "DROP the sink" in str(e.value.hint) and state(db, "k") == "failed"
    db.insert("t", {"k": 2, "v": 2})
    db.execute("ALTER SINK k RETRY")
    db.flush()
    sums: Counter[Any] = Counter()
    for row in lines(file):
        sums[row["k"], row["v"] - 9223372036854775800] += row["__weight"]
    assert +sums == Counter([(1, 1), (2, 2)]) and not -sums


def test_a_mended_sink_comes_back_with_its_database(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    with laminardb.open(tmp_path / "kept") as db:
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT k, v + 9223372036854775800 AS v FROM t")
        db.execute(f"CREATE SINK k FROM s WITH (connector = 'file', path = '{file}')")
        db.start()
        db.insert("t", {"k": 1, "v": 1})
        db.insert("t", {"k": 2, "v": 100})
        wait_for(lambda: state(db, "k") == "failed")
    with laminardb.open(tmp_path / "kept") as db:
        db.start()
        wait_for(lambda: state(db, "k") == "failed")
        db.insert("t", {"k": 2, "v": 2})
        db.execute("ALTER STREAM s RETRY; ALTER SINK k RETRY")
        db.insert("t", {"k": 3, "v": 3})
        db.flush()
    with laminardb.open(tmp_path / "kept") as db:
        db.start()
        db.insert("t", {"k": 4, "v": 4})
        db.flush()
        assert state(db, "k") == "running"
        assert sorted(row["k"] for row in lines(file)) == [1, 2, 3, 4]


def test_a_mended_sink_holds_inserts_up_again(db: Connection) -> None:
    broken, entered, leave = [True], threading.Event(), threading.Event()

    def write(batch: laminardb.QueryResult) -> None:
        if broken[0]:
            raise OSError("no")
        entered.set()
        leave.wait(60)

    db.register_sink("k", write)
    db.execute(SQL + "CREATE SINK k FROM t WITH (connector = 'python', retries = 0, max_lag_bytes = 1000)")
    db.start()
    db.insert("t", {"k": 1, "v": 1})
    wait_for(lambda: state(db, "k") == "failed")
    broken[0] = False
    db.execute("ALTER SINK k RETRY")
    assert entered.wait(60)
    db.config_set("insert_timeout_ms", 20)
    with pytest.raises(laminardb.IngestionError, match="on_lag"):
        for i in range(1000):
            db.insert("t", {"k": i, "v": i})
    leave.set()


def test_why(db: Connection) -> None:
    enter, leave = threading.Event(), threading.Event()

    def write(batch: laminardb.QueryResult) -> None:
        enter.set()
        leave.wait(60)

    db.execute("CREATE SOURCE e (ts BIGINT, WATERMARK FOR ts AS ts)")
    db.execute(
        "CREATE SINK w WITH (connector = 'python') AS SELECT window_start, count(*) AS n FROM e"
        " GROUP BY TUMBLE(ts, INTERVAL '1' SECOND) EMIT ON WINDOW CLOSE"
    )
    assert db.why("w").suggestion == "streams have not been started: call start()"
    db.start()
    db.insert("e", {"ts": 10})
    why = db.why("w")
    assert (why.kind, why.state, why.rows_in) == ("sink", "running", 1)
    assert (why.next_final, why.held_by) == (1000, "e")
    assert [i.name for i in why.inputs] == ["e"] and str(why).startswith("sink w: running, watermark")
    db.insert("e", {"ts": 1500})
    wait_for(lambda: state(db, "w") == "waiting")
    why = db.why("w")
    assert (why.state, why.rows_out) == ("waiting", 0) and 'register_sink("w", ...)' in why.suggestion
    db.register_sink("w", write)
    assert enter.wait(60)
    db.insert("e", {"ts": 2500})
    why = db.why("w")
    assert (why.state, why.rows_waiting) == ("running", 1) and "wait for its connector" in why.suggestion
    leave.set()
    db.flush()
    assert (db.why("w").rows_waiting, db.why("w").rows_out) == (0, 2)
    db.shutdown()
    wait_for(lambda: db.why("w").state == "finished")


def test_lag(db: Connection) -> None:
    """Beyond its limit: inserts wait by default, and never for a sink that has failed."""
    enter, leave = threading.Event(), threading.Event()

    def write(batch: laminardb.QueryResult) -> None:
        enter.set()
        leave.wait(60)

    db.execute(SQL + "CREATE SINK k FROM t WITH (connector = 'python', max_lag_bytes = 1000)")
    db.register_sink("k", write)
    db.execute("CREATE SINK e FROM t WITH (connector = 'python', max_lag_bytes = 1000, on_lag = 'error')")
    db.register_sink("e", lambda batch: leave.wait(60))
    db.start()
    db.config_set("insert_timeout_ms", 50)
    db.insert("t", {"k": 1, "v": 1})
    assert enter.wait(60)
    with pytest.raises(laminardb.IngestionError):
        for i in range(1000):
            db.insert("t", {"k": i, "v": i})
    leave.set()
    db.config_set("insert_timeout_ms", 30000)
    wait_for(lambda: state(db, "e") == "failed")
    assert "rows missed" in str(db.sink_metrics("e").last_error)  # type: ignore[union-attr]
    db.insert("t", {"k": 1, "v": 1})
    with pytest.raises(ConnectorError, match="rows missed"):
        db.flush()
    assert db.sink_metrics("k").pending == 0  # type: ignore[union-attr]


def test_a_writer_may_use_the_database(db: Connection) -> None:
    db.execute(
        SQL + "CREATE SOURCE copies (k BIGINT, v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')"
    )
    db.register_sink("k", lambda batch: db.insert("copies", batch))
    db.start()
    for i in range(200):
        db.insert("t", {"k": i, "v": i})
    db.flush()
    assert db.query("SELECT count(*), sum(v) FROM copies").fetchall() == [(200, 19900)]


class Recorder:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def write(self, batch: laminardb.QueryResult) -> None:
        self.calls.append(batch.fetchall())

    def flush(self) -> None:
        self.calls.append("flush")

    def close(self) -> None:
        self.calls.append("close")


def test_an_object_is_flushed_and_closed() -> None:
    to = Recorder()
    with laminardb.open() as db:
        db.execute(SQL + "CREATE SINK k FROM t WITH (connector = 'python')")
        db.register_sink("k", to)
        db.start()
        db.insert("t", {"k": 1, "v": 1})
        db.shutdown()
        assert to.calls[:2] == [[(1, 1)], "flush"]
        wait_for(lambda: state(db, "k") == "finished")
    del db
    wait_for(lambda: to.calls[-1] == "close")
    with laminardb.open() as db, pytest.raises(TypeError, match="callable or has a method write"):
        db.register_sink("k", 5)  # type: ignore[arg-type]


def test_close_drains() -> None:
    got: list[Any] = []
    with laminardb.open() as db:
        db.execute(SQL + "CREATE SINK k FROM t WITH (connector = 'python')")
        db.register_sink(
            "k", lambda batch: each(lambda: time.sleep(0.1), lambda: got.extend(batch.fetchall()))
        )
        db.start()
        for i in range(100):
            db.insert("t", {"k": i, "v": i})
    assert len(got) == 100


def test_ends_from_within_a_writer() -> None:
    """A writer drops its own sink, or closes the database: nobody waits for himself."""
    db = laminardb.open()
    db.execute(
        SQL
        + "CREATE SINK k FROM t WITH (connector = 'python'); CREATE SINK m FROM t WITH (connector = 'python')"
    )
    done = threading.Event()
    db.register_sink("k", lambda batch: db.execute("DROP SINK k"))
    db.start()
    db.insert("t", {"k": 1, "v": 1})
    wait_for(lambda: db.list_sinks() == ["m"])
    db.register_sink("m", lambda batch: each(db.close, done.set))
    assert done.wait(60)
    wait_for(lambda: db.is_closed)


def test_catalogue(db: Connection, tmp_path: Path) -> None:
    text = f"CREATE SINK k FROM s WITH (connector = 'file', path = '{tmp_path / 'x.jsonl'}')"
    db.execute(SQL + text)
    assert db.list_sinks() == ["k"] and db.sink_count == 1 and db.metrics().sink_count == 1
    info = db.sinks()[0]
    assert (info.name, info.connector, info.state, info.sql) == ("k", "file", "running", text)
    assert repr(info) == "SinkInfo(name='k')"
    assert db.query("SHOW CREATE SINK k").fetchall() == [("k", text)]
    topology = db.topology()
    assert [(n.name, n.node_type) for n in topology.nodes] == [
        ("t", "source"),
        ("s", "stream"),
        ("k", "sink"),
    ]
    assert ("s", "k") in [(e.from_node, e.to_node) for e in topology.edges]
    assert topology.nodes[2].schema.names == ["k", "v", "__weight"] and topology.nodes[2].sql == text
    assert db.sink_metrics("nothing") is None
    with pytest.raises(SchemaError, match="already exists"):
        db.execute(text)
    with pytest.raises(SchemaError, match='"k" reads it'):
        db.execute("DROP STREAM s")
    with pytest.raises(SchemaError, match='"k"'):
        db.execute("CREATE OR REPLACE STREAM s AS SELECT k FROM t")
    with pytest.raises(QueryError, match='sink "k" writes to'):
        db.execute(text.replace("SINK k", "SINK other"))
    db.execute("DROP STREAM s CASCADE")
    assert db.list_sinks() == [] and [n.node_type for n in db.topology().nodes] == ["source"]
    assert db.metrics_history()[-1].delivered >= 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("conector = 'file'", "did you mean connector"),
        ("path = 'x.csv'", "where is sink"),
        ("connector = 'kafka'", "takes 'file' or 'python'"),
        ("connector = 'file'", "needs WITH .path"),
        ("connector = 'file', path = 'x.parquet'", "writes format 'csv' or 'jsonl'"),
        ("connector = 'file', path = ''", "the path of a file"),
        ("connector = 'python', retries = -1", "a number from 0 to 1000"),
        ("connector = 'python', retry_interval = 'soon'", "an interval"),
        ("connector = 'python', on_lag = 'conflate'", "'block', 'error' or 'drop_oldest'"),
        ("connector = 'python', on_lag = 'drop_oldest'", "append-only"),
    ],
)
def test_refused(db: Connection, options: str, message: str) -> None:
    db.execute(SQL)
    with pytest.raises(laminardb.LaminarError, match=message):
        db.execute(f"CREATE SINK k FROM s WITH ({options})")
    assert db.list_sinks() == []


def test_the_end_of_the_interpreter(tmp_path: Path) -> None:
    """A script that never closes: it ends, and nothing hangs."""
    script = (
        "import laminardb, time\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = \\'python\\')')\n"
        f"db.execute(\"CREATE SINK f FROM t WITH (connector = 'file', path = '{tmp_path / 'f.csv'}')\")\n"
        "db.register_sink('k', lambda b: time.sleep(0.05))\n"
        "db.start()\n"
        "for i in range(50): db.insert('t', {'v': i})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "f.csv").read_text().splitlines() == ["v", *(str(i) for i in range(50))]
