# SPDX-License-Identifier: Apache-2.0
"""E9: what a stream remembers goes when the watermark has passed, and with the stream.

KEYS keys (E9_KEYS in the environment: 10,000,000 for the long run) go through each kind of window, twice;
`state bytes` must be back within 1 % of what they were before, after the first round and after the second.
"""

from __future__ import annotations

import os

import laminardb
import pytest
from laminardb import testing
from optional import package

np = package("numpy")

KEYS = int(os.environ.get("E9_KEYS", "1000000"))
CHUNK = 100_000
WINDOWS = {
    "tumble": "TUMBLE(ts, INTERVAL '1' MINUTE)",
    "hop": "HOP(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)",
    "cumulate": "CUMULATE(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)",
    "session": "SESSION(ts, INTERVAL '1' MINUTE)",
}


def resident_bytes() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def feed(db: laminardb.Connection, start: int, keys: int) -> None:
    for first in range(0, keys, CHUNK):
        k = np.arange(first, min(first + CHUNK, keys), dtype=np.int64)
        db.insert("t", {"ts": start + k % 50_000, "k": k, "v": k % 7})


def some(metrics: laminardb.StreamMetrics | None) -> laminardb.StreamMetrics:
    assert metrics is not None
    return metrics


def state(db: laminardb.Connection) -> tuple[int, int]:
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.error is None and metrics.late_rows == 0
    return metrics.state_bytes, metrics.state_rows


@pytest.mark.parametrize("emit", ["", "EMIT ON WINDOW CLOSE"])
@pytest.mark.parametrize("window", WINDOWS)
def test_windows_leave_nothing_behind(window: str, emit: str) -> None:
    keys = KEYS if window == "tumble" else KEYS // 10
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 60000)")
        db.execute(
            f"CREATE STREAM s AS SELECT k, count(*) AS n, sum(v) AS v, max(v) AS high FROM t "
            f"GROUP BY k, {WINDOWS[window]} {emit}"
        )
        db.start()
        base, _ = state(db)
        for turn in range(2):
            start = 10_000_000 * (turn + 1)
            feed(db, start, keys)
            open_bytes, open_rows = state(db)
            assert open_rows >= keys and open_bytes > keys * 16
            db.advance_watermark("t", start + 1_000_000)
            left_bytes, left_rows = state(db)
            assert left_rows == 0
            assert left_bytes <= max(base * 1.01, base + open_bytes * 0.01), (base, open_bytes, left_bytes)


@pytest.mark.parametrize("window", ["", ", TUMBLE(ts, 1000)"])
def test_a_count_of_rows_is_no_second_number(window: str) -> None:
    """A group knows how many rows it has, so count(*) of all of them costs no bytes; of some it does."""
    calls = {"without": "sum(v) AS v", "whole": "sum(v) AS v, count(*) AS n"}
    calls["part"] = "sum(v) AS v, count(*) FILTER (WHERE v > 1) AS n"
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 60000)")
        for name, call in calls.items():
            db.execute(f"CREATE STREAM {name} AS SELECT k, {call} FROM t GROUP BY k{window}")
        db.start()
        for keys in (1000, 20_000):
            feed(db, 100_000, keys)
        bytes_of = {name: some(db.stream_metrics(name)).state_bytes for name in calls}
        assert bytes_of["whole"] == bytes_of["without"], bytes_of
        assert bytes_of["part"] >= bytes_of["without"] + 20_000 * 8


def test_ten_thousand_streams_come_and_go() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        db.start()
        db.insert("t", [(1, 1), (2, 2)])

        def turn(count: int) -> int:
            for _ in range(count):
                db.execute("CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k, TUMBLE(ts, 10)")
                db.execute("DROP STREAM s")
            return resident_bytes()

        before = turn(1000)
        assert turn(10_000) - before < 10_000 * 100  # a stream that is left would be kilobytes


JOINS = {
    "interval": """
        SELECT l.k, r.v FROM l {kind} JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - 5000 AND l.ts + 5000""",
    "asof": """
        SELECT l.k, r.v FROM l ASOF {kind} JOIN r MATCH_CONDITION (l.ts >= r.ts) ON l.k = r.k
        TOLERANCE 5000""",
    "windows": """
        SELECT x.k, x.n, y.n AS m
        FROM (SELECT k, window_start AS w, count(*) AS n FROM l GROUP BY k, TUMBLE(ts, 60000)) x
        {kind} JOIN (SELECT k, window_start AS w, count(*) AS n FROM r GROUP BY k, TUMBLE(ts, 60000)) y
        ON x.k = y.k AND x.w = y.w""",
}


@pytest.mark.parametrize("kind", ["INNER", "LEFT"])
@pytest.mark.parametrize("join", JOINS)
def test_joins_leave_nothing_behind(join: str, kind: str) -> None:
    keys = KEYS if (join, kind) == ("interval", "INNER") else KEYS // 10
    with laminardb.open() as db:
        for side in ("l", "r"):
            columns = "ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 60000"
            db.execute(f"CREATE SOURCE {side} ({columns}) WITH (retain = 'none')")
        db.execute(f"CREATE STREAM s AS {JOINS[join].format(kind=kind)}")
        db.start()
        base, _ = state(db)
        for turn in range(2):
            start = 10_000_000 * (turn + 1)
            for first in range(0, keys, CHUNK):
                k = np.arange(first, min(first + CHUNK, keys), dtype=np.int64)
                for side in ("l", "r"):
                    db.insert(side, {"ts": start + k % 50_000, "k": k, "v": k % 7})
            open_bytes, open_rows = state(db)
            assert open_rows >= keys and open_bytes > keys * 16
            for side in ("l", "r"):
                db.advance_watermark(side, start + 1_000_000)
            left_bytes, left_rows = state(db)
            assert left_rows == 0
            assert left_bytes <= max(base * 1.01, base + open_bytes * 0.01), (base, open_bytes, left_bytes)
        metrics = db.stream_metrics("s")
        assert metrics is not None and metrics.total_events >= 2 * keys


def test_a_join_gives_memory_back_while_rows_stay() -> None:
    """What is left of a burst is a tenth of the rows: so is the memory, though the state is never empty."""
    keys = KEYS // 10
    with laminardb.open() as db:
        for side in ("l", "r"):
            columns = "ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 60000"
            db.execute(f"CREATE SOURCE {side} ({columns})")
        db.execute(f"CREATE STREAM s AS {JOINS['interval'].format(kind='LEFT')}")
        db.start()
        k = np.arange(keys, dtype=np.int64)
        for side in ("l", "r"):
            db.insert(side, {"ts": 100_000 + k % 50_000, "k": k, "v": k % 7})
        full_bytes, full_rows = state(db)
        for side in ("l", "r"):
            db.advance_watermark(side, 100_000 + 45_000 + 5_000)
        left_bytes, left_rows = state(db)
        assert full_rows == 2 * keys and 0.1 <= left_rows / full_rows < 0.11
        assert left_bytes < full_bytes * 0.2, (full_bytes, left_bytes)


def test_groups_give_memory_back_while_some_stay() -> None:
    """Most windows of a burst close, a twentieth of the groups stays, and of the memory not much more."""
    keys = KEYS // 10
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 60000)")
        db.execute(
            "CREATE STREAM s AS SELECT k, window_start AS w, count(*) AS n, sum(v) AS v, max(v) AS high, "
            "avg(v) AS mean, stddev(v) AS d, string_agg(v, ',' ORDER BY v) AS list "
            "FROM t GROUP BY k, TUMBLE(ts, 1000)"
        )
        db.start()
        k = np.arange(keys, dtype=np.int64)
        db.insert("t", {"ts": 1000 * (k % 20), "k": k, "v": k % 7})
        full_bytes, full_rows = state(db)
        db.advance_watermark("t", 19_000)
        left_bytes, left_rows = state(db)
        assert (full_rows, left_rows) == (keys, keys // 20)
        assert left_bytes < full_bytes * 0.1, (full_bytes, left_bytes)
        testing.reload(db)
        db.insert("t", {"ts": 1000 * (k[-40:] % 20) + 5, "k": k[-40:], "v": k[-40:] % 5})  # two are not late
        query = "SELECT count(*), sum(n), sum(v), sum(high), sum(d), sum(length(list)) FROM s"
        got = db.query(query).fetchone()
        assert got is not None and got[:2] == (keys, keys + 2)
        db.advance_watermark("t", 1_000_000)
        assert db.query(query).fetchone() == got


def test_groups_come_and_go_in_bursts() -> None:
    """Rows of a table are deleted and made again: what is left of the groups is moved, and stays right."""
    calls = (
        "k, count(*) AS n, sum(v) AS total, min(v) AS low, max(t) AS high, avg(f) AS mean, "
        "median(v) AS mid, "
        "count(v) FILTER (WHERE v > 2) AS some, string_agg(t, '+' ORDER BY id) AS list, "
        "bool_or(v = 3) AS three"
    )
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, k VARCHAR, v BIGINT, f DOUBLE, t VARCHAR)")
        db.execute(f"CREATE STREAM s AS SELECT {calls} FROM t GROUP BY k")
        db.start()
        sizes = []
        for turn in range(6):
            ids = np.arange(6000)
            db.insert(
                "t",
                {
                    "id": ids,
                    "k": [f"key {i % 3000} of some length" for i in ids],
                    "v": (ids * 7 + turn) % 10,
                    "f": ids / 4,
                    "t": [f"text {i % 11} of some length" for i in ids],
                },
            )
            sizes.append(state(db)[0])
            db.execute(f"DELETE FROM t WHERE id % 3000 % {turn + 5} <> 1")
            sizes.append(state(db)[0])
            if turn % 2:
                testing.reload(db)
            want = db.query(f"SELECT {calls} FROM t GROUP BY k").fetchall()
            assert sorted(db.query("SELECT * FROM s").fetchall()) == sorted(want)
        assert max(sizes[1::2]) < min(sizes[::2]) * 0.7, sizes
