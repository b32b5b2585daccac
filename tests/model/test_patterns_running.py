# SPDX-License-Identifier: Apache-2.0
"""Faults that other systems had, by their numbers in patterns.py: time, state and what runs side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import laminardb
import pytest
from running import Row, bag, changes


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as c:
        c.start()
        yield c


# ---------------------------------------------------------------------- D. windows and watermarks

SECOND = 1000


def timed(db: laminardb.Connection, name: str = "t", delay: int = 0) -> None:
    db.execute(f"CREATE SOURCE {name} (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts - {delay})")


def test_45_many_sessions(db: laminardb.Connection) -> None:
    timed(db)
    db.execute(
        "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k, SESSION(ts, 10) EMIT ON WINDOW CLOSE"
    )
    n = 100_000
    db.insert("t", {"ts": [1_700_000_000_000] * n, "k": list(range(n))})
    before = db.stream_metrics("s")
    assert before is not None and (before.state_rows + before.shared_state_rows) == n
    db.advance_watermark("t", 1_700_000_000_011)
    after = db.stream_metrics("s")
    assert after is not None and (after.state_rows + after.shared_state_rows) == 0
    assert db.query("SELECT count(*), sum(n) FROM s").fetchall() == [(n, n)]


def test_47_late_on_every_path(db: laminardb.Connection) -> None:
    timed(db)
    query = "SELECT window_start, count(*) AS n FROM t GROUP BY TUMBLE(ts, 10)"
    db.execute(f"CREATE STREAM s AS {query}")
    db.execute(f"CREATE MATERIALIZED VIEW v AS {query}")
    db.execute(
        "CREATE STREAM f AS SELECT window_start, count(*) AS n FROM TUMBLE(t, ts, 10) GROUP BY window_start"
    )
    sub = db.subscribe(f"{query} EMIT CHANGES")
    for ts in (100, 130, 105, 99, 131, 119):
        db.insert("t", (ts, 1))
    db.execute(f"CREATE STREAM late AS {query}")
    want = {(100, 1): 1, (130, 2): 1}
    state: Counter[Row] = Counter()
    for *row, weight in changes(sub):
        state[tuple(row)] += weight
    assert +state == want
    for name in ("s", "v", "f", "late"):
        assert bag(db.query(f"SELECT * FROM {name}").fetchall()) == want, name
        metrics = db.stream_metrics(name)
        assert metrics is not None and metrics.late_rows == 3, name
    assert sum(n for _, n in db.query(query).fetchall()) == 6  # answered once, nothing is late


def test_49_the_newest_row_first(db: laminardb.Connection) -> None:
    """The watermark moves behind an insert: rows of one do not make each other late."""
    timed(db, delay=5)
    db.execute("CREATE STREAM s AS SELECT window_start, count(*) AS n FROM t GROUP BY TUMBLE(ts, 10)")
    db.insert("t", [(1000, 1), (10, 1), (500, 1), (11, 1)])
    assert bag(db.query("SELECT * FROM s").fetchall()) == {(1000, 1): 1, (10, 2): 1, (500, 1): 1}
    db.insert("t", (11, 1))
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.late_rows == 1


def test_50_two_sources(db: laminardb.Connection) -> None:
    """The slower one decides."""
    timed(db, "a")
    timed(db, "b")
    both = "SELECT ts, k FROM a UNION ALL SELECT ts, k FROM b"
    db.execute(f"CREATE STREAM u AS {both}")
    db.execute(
        "CREATE STREAM s AS SELECT window_end, count(*) AS n FROM u GROUP BY TUMBLE(ts, 10)"
        " EMIT ON WINDOW CLOSE"
    )
    db.insert("a", [(5, 1), (500, 1)])
    assert db.query("SELECT * FROM s").fetchall() == []
    db.insert("b", (9, 1))
    assert db.query("SELECT * FROM s").fetchall() == []
    db.insert("b", (10, 1))
    assert db.query("SELECT * FROM s").fetchall() == [(10, 2)]
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.late_rows == 0 and metrics.watermark == 10


def test_53_a_pause_moves_nothing_back(db: laminardb.Connection) -> None:
    timed(db)
    db.execute("CREATE STREAM s AS SELECT window_start, count(*) AS n FROM t GROUP BY TUMBLE(ts, 10)")
    seen = [-(2**63)]
    for i in range(60):
        if i % 7 == 3:
            db.pause()
        db.insert("t", ((i * 37) % 100 + i, 1))
        if i % 7 == 6:
            db.resume()
        source, stream = db.source_metrics("t"), db.stream_metrics("s")
        assert source is not None and stream is not None
        assert source.watermark >= seen[0] and stream.watermark <= source.watermark
        seen[0] = source.watermark


def test_54_old_rows_behind_a_gap(db: laminardb.Connection) -> None:
    """Rows older than all that the state has, yet allowed, find their windows."""
    timed(db, delay=10_000)
    query = "SELECT window_start, count(*) AS n FROM t GROUP BY HOP(ts, 5, 10)"
    db.execute(f"CREATE STREAM s AS {query}")
    for ts in (5000, 20, 5001, 21, 4000, 19):
        db.insert("t", (ts, 1))
    assert bag(db.query("SELECT * FROM s").fetchall()) == bag(db.query(query).fetchall())
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.late_rows == 0


def test_55_the_clock_jumps() -> None:
    """Forward and back by an hour: what is held comes out, nothing twice, nothing is lost."""
    config = laminardb.LaminarConfig(deterministic=True)
    with laminardb.open(config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.execute(
            "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k EMIT EVERY INTERVAL '1' SECOND"
        )
        db.start()
        sub = db.subscribe_stream("s")
        now = high = 1_700_000_000_000
        last: dict[int, int] = {}
        for i, step in enumerate((0, 1000, 3_600_000, -3_600_000, 1000, 3_602_000, 1000)):
            now += step
            try:
                db.tick(now)
            except ValueError as e:
                assert now < high and "never goes back" in str(e)
            high = max(high, now)
            db.insert("t", (i % 2,))
            for k, n in changes(sub):
                assert n > last.get(k, 0)
                last[k] = n
        db.tick(1_700_000_000_000 + 10 * 3_600_000)
        last.update(changes(sub))
        assert last == {0: 4, 1: 3}


def test_56_no_time(db: laminardb.Connection) -> None:
    timed(db)
    db.execute("CREATE STREAM s AS SELECT window_start, count(*) AS n FROM t GROUP BY TUMBLE(ts, 10)")
    db.execute("CREATE STREAM plain AS SELECT count(*) AS n FROM t")
    db.insert("t", [(None, 1), (15, 1), (None, 2)])
    metrics = db.stream_metrics("s")
    assert metrics is not None and (metrics.null_time_rows, metrics.late_rows, metrics.rows_in) == (2, 0, 3)
    assert db.query("SELECT * FROM s").fetchall() == [(10, 1)]
    assert db.query("SELECT * FROM plain").fetchall() == [(3,)]
    db.execute("CREATE SOURCE n (ts BIGINT NOT NULL, WATERMARK FOR ts AS ts)")
    with pytest.raises(laminardb.IngestionError):
        db.insert("n", [(1,), (None,)])
    assert db.query("SELECT count(*) FROM n").fetchall() == [(0,)]


# ---------------------------------------------------------------------- E. state


def test_66_dropped_streams_hold_nothing(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, x BIGINT)")
    db.insert("t", [(i % 50, i) for i in range(2000)])
    queries = (
        "SELECT k, sum(x) AS s, count(DISTINCT x) AS d FROM t GROUP BY k",
        "SELECT k, lag(x) OVER (PARTITION BY k ORDER BY x) AS p FROM t",
        "SELECT a.x FROM t AS a SEMI JOIN t AS b ON a.k = b.x",
        "SELECT x FROM t ORDER BY x DESC LIMIT 9",
    )

    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = None
    for i in range(300):
        db.execute(f"CREATE STREAM s AS {queries[i % len(queries)]}")
        sub = db.subscribe_stream("s", snapshot=True)
        assert sub.try_next() is not None
        sub.cancel()
        db.execute("DROP STREAM s")
        if i == 40:
            before = held()
    assert before is not None and held() - before < 8 << 20


def test_67_places_far_away(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x BIGINT)")
    far = 2**63 - 1
    for tail in (f"LIMIT {far} OFFSET {far}", f"LIMIT {far} OFFSET 1", f"OFFSET {far}", f"LIMIT {far}"):
        db.execute(f"CREATE STREAM s AS SELECT x FROM t ORDER BY x {tail}")
        db.insert("t", (len(tail),))
        assert bag(db.query("SELECT * FROM s").fetchall()) == bag(
            db.query(f"SELECT x FROM t ORDER BY x {tail}").fetchall()
        )
        db.execute("DROP STREAM s")


def test_67_the_next_one_comes(db: laminardb.Connection) -> None:
    db.execute("CREATE TABLE t (x BIGINT PRIMARY KEY)")
    db.execute("CREATE STREAM s AS SELECT x FROM t ORDER BY x LIMIT 2 OFFSET 1 EMIT CHANGES")
    db.insert("t", [(i,) for i in range(6)])
    sub = db.subscribe_stream("s", snapshot=True)
    assert bag(changes(sub)) == {(1, 1): 1, (2, 1): 1}
    for gone, want in ((1, {(1, -1): 1, (3, 1): 1}), (0, {(2, -1): 1, (4, 1): 1}), (5, {}), (9, {})):
        db.execute(f"DELETE FROM t WHERE x = {gone}")
        assert bag(changes(sub)) == want, gone


# ---------------------------------------------------------------------- F. run time


def test_71_one_hot_stream(db: laminardb.Connection) -> None:
    """Fifty quiet streams show their rows while one is fed without a pause."""
    db.execute("CREATE SOURCE hot (k BIGINT)")
    db.execute("CREATE STREAM busy AS SELECT a.k, count(*) AS n FROM hot AS a GROUP BY a.k")
    for i in range(50):
        db.execute(f"CREATE SOURCE c{i} (x BIGINT)")
        db.execute(f"CREATE STREAM s{i} AS SELECT count(*) AS n FROM c{i}")
    done = threading.Event()

    def feed() -> None:
        while not done.is_set():
            db.insert("hot", {"k": list(range(2000))}, wait=False)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        for turn in range(1, 4):
            for i in range(50):
                db.insert(f"c{i}", (turn,))
                assert db.query(f"SELECT * FROM s{i}").fetchall() == [(turn,)]
    finally:
        done.set()
        thread.join()
    db.flush()
    fed = db.query("SELECT count(*) FROM hot").fetchall()
    assert fed == db.query("SELECT sum(n) FROM busy").fetchall() and fed[0][0] > 0


def test_73_unknown_queries(db: laminardb.Connection) -> None:
    with pytest.raises(laminardb.SchemaError, match="not found") as e:
        db.cancel_query(123456)
    assert e.value.code == 200


def test_75_empty_results(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (a BIGINT, s VARCHAR, l BIGINT[], d DECIMAL(9,2), ts TIMESTAMP)")
    empty = db.query("SELECT * FROM t")
    assert (empty.num_rows, empty.num_columns, len(empty), list(empty)) == (0, 5, 0, [])
    assert empty.fetchone() is None and empty.fetchmany(3) == [] == empty.fetchall()
    assert empty.to_dicts() == {name: [] for name in ("a", "s", "l", "d", "ts")}
    assert repr(empty) == "QueryResult(rows=0, columns=5)" and "<table" in empty._repr_html_()
    assert empty.to_arrow().num_rows == 0 and empty.to_arrow().num_columns == 5
    assert empty.to_pandas().shape == (0, 5) == empty.to_polars().lazy().collect().shape
    assert db.insert("t", empty.to_arrow()) == 0
    empty.show()


def test_76_names_twice(db: laminardb.Connection) -> None:
    r = db.query('SELECT 1 AS a, 2 AS a, 3 AS "select", 4 AS "__weight"')
    assert r.fetchall() == [(1, 2, 3, 4)] and r.columns == ["a", "a", "select", "__weight"]
    assert r.to_arrow().column_names == r.columns
    assert "<table" in r._repr_html_()
    with pytest.raises(laminardb.LaminarError):
        db.execute("CREATE SOURCE t (a BIGINT, A BIGINT)")


def test_77_after_the_end() -> None:
    db = laminardb.open()
    db.execute("CREATE SOURCE t (x BIGINT)")
    sub, writer = db.subscribe("SELECT * FROM t"), db.writer("t")
    db.close()
    db.close()
    calls = (
        lambda: db.query("SELECT 1"),
        lambda: db.insert("t", (1,)),
        lambda: db.execute("SELECT 1"),
        lambda: db.subscribe("SELECT * FROM t"),
        db.start,
        db.flush,
        db.list_streams,
    )
    for call in calls:
        with pytest.raises(laminardb.ConnectionError) as e:
            call()
        assert e.value.code == 101 and "Connection is closed" in str(e.value)
    failures: list[BaseException] = []

    def elsewhere() -> None:
        try:
            writer.insert((1,))
        except laminardb.LaminarError as e:
            failures.append(e)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(failures) == 1 and sub.try_next() is None and not sub.is_active


def test_78_what_was_never_there(db: laminardb.Connection) -> None:
    """No way to a negative count: what is not there cannot be taken away, within a transaction either."""
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, x BIGINT)")
    db.execute("CREATE STREAM s AS SELECT x, count(*) AS n FROM t GROUP BY x EMIT CHANGES")
    sub = db.subscribe_stream("s")
    assert db.execute("DELETE FROM t WHERE id = 4").rows_affected == 0
    db.execute("BEGIN")
    db.insert("t", (1, 5))
    db.execute("DELETE FROM t WHERE id = 1")
    db.execute("DELETE FROM t WHERE id = 1")
    db.execute("COMMIT")
    assert changes(sub) == [] and db.query("SELECT * FROM s").fetchall() == []
    db.insert("t", [(1, 5), (1, 5), (1, 6)])
    assert db.query("SELECT * FROM s").fetchall() == [(6, 1)]
    db.execute("CREATE SOURCE a (x BIGINT)")
    with pytest.raises(laminardb.QueryError):
        db.execute("DELETE FROM a")
