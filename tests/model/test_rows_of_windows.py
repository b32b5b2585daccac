# SPDX-License-Identifier: Apache-2.0
"""Windows in FROM without GROUP BY: every row with the bounds of its windows, against the naive executor.

Sessions grow while rows come, and their rows get other bounds then; late rows are left out and counted.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import laminardb
import pytest
from laminardb import testing
from naive import Naive, Row, Shape
from running import some

SHAPES = {
    "TUMBLE": Shape("hop", 10, 10),
    "HOP": Shape("hop", 10, 4, 1),
    "CUMULATE": Shape("cumulate", 10, 5),
    "SESSION": Shape("session", 4),
    "SESSION of all": Shape("session", 3),
}
SPELLINGS = {
    "TUMBLE": ("TUMBLE(t, ts, 10)", "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' MILLISECOND))"),
    "HOP": (
        "HOP(t, ts, 4, 10, 1)",
        "TABLE(HOP(DATA => TABLE t, TIMECOL => DESCRIPTOR(ts), SLIDE => 4, SIZE => 10, OFFSET => 1))",
    ),
    "CUMULATE": ("CUMULATE(t, ts, 5, 10)", "TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), STEP => 5, SIZE => 10))"),
    "SESSION": (
        "TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), 4))",
        "SESSION((SELECT * FROM t) PARTITION BY k, TIMECOL => ts, GAP => 4)",
    ),
    "SESSION of all": ("SESSION(t, ts, 3)", "TABLE(SESSION(TABLE t, DESCRIPTOR(ts), GAP => 3))"),
}
SHOWN = "ts, k, v, window_start, window_end"


def state(db: laminardb.Connection, what: str) -> Counter[tuple[Any, ...]]:
    return Counter(db.query(what).fetchall())


def keyed(keys: dict[Any, int | None], rows: Counter[Any]) -> Counter[tuple[Any, ...]]:
    """With the keys that the rows have, where the naive executor knows one partition."""
    return Counter({(t, keys[t, v], v, *w): n for (t, _, v, *w), n in rows.items()})


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", range(6))
def test_rows_with_their_windows(name: str, seed: int) -> None:
    r = random.Random(f"{name} {seed}")
    whole = name == "SESSION of all"  # one partition: the naive executor has one key then
    ref = Naive(SHAPES[name], r.choice((0, 5, 20)), r.choice((0, 0, 3)))
    late = f" ALLOW LATENESS {ref.lateness}" if ref.lateness and "SESSION" in name else ""
    if not late:
        ref.lateness = 0
    with laminardb.open() as db:
        db.execute(
            f"CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - {ref.delay});"
            "CREATE SOURCE late (ts BIGINT, v BIGINT)"
        )
        query = f"SELECT {SHOWN} FROM {SPELLINGS[name][seed % 2]}"
        db.execute(f"CREATE STREAM s AS {query} EMIT CHANGES{late} LATE DATA TO late")
        if "SESSION" in name:
            db.execute(f"CREATE STREAM f AS {query} EMIT ON WINDOW CLOSE{late}")
        db.start()
        sub = db.subscribe_stream("s")
        told: Counter[tuple[Any, ...]] = Counter()
        keys: dict[Any, int | None] = {}
        everything = Naive(SHAPES[name], 10**6, 0)
        for i in range(14):
            rows: list[Row] = [
                (r.choice((None, i * 3 + r.randint(-25, 8), i * 3 + r.randint(-3, 8), i * 3)),
                 r.choice((0, 1, None)), 100 * i + n)
                for n in range(r.randint(1, 4))
            ]  # fmt: skip
            db.insert("t", rows)
            keys |= {(t, v): k for t, k, v in rows}
            for naive in (ref, everything):
                naive.insert([(t, 0 if whole else k, v) for t, k, v in rows])
            if r.random() < 0.2:
                testing.reload(db)
            while (batch := sub.try_next()) is not None:
                for *row, weight in batch.fetchall():
                    told[tuple(row)] += weight
            want = keyed(keys, ref.windowed(False))
            assert state(db, "SELECT * FROM s") == want
            assert +told == want and min(told.values(), default=0) >= 0
            assert state(db, query) == keyed(keys, everything.windowed(False))
            if "SESSION" in name:
                assert state(db, "SELECT * FROM f") == keyed(keys, ref.windowed(True))
        metrics = some(db.stream_metrics("s"))
        assert (metrics.late_rows, metrics.null_time_rows) == (ref.late, ref.null_time)
        assert state(db, "SELECT * FROM late") == Counter((t, v) for t, _, v in ref.late_rows)
        db.execute(f"CREATE STREAM again AS {query}{late}")
        assert state(db, "SELECT * FROM again") == keyed(keys, ref.windowed(False))
        assert some(db.stream_metrics("again")).late_rows == ref.late


def test_sessions_beside_others() -> None:
    """Joined, filtered, counted without their bounds, and below windows of windows."""
    with testing.database("CREATE SOURCE t (ts BIGINT, k VARCHAR, WATERMARK FOR ts)") as db:
        queries = {
            "counted": "SELECT k, count(*) AS n, max(window_end - window_start) AS longest"
            " FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), 3)) GROUP BY k",
            "filtered": "SELECT ts FROM SESSION(t, ts, 3) WHERE window_time > 6",
            "joined": "SELECT a.ts, b.ts AS other"
            " FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), 3)) AS a"
            " JOIN t AS b ON b.ts = a.window_start",
            "total": "SELECT count(*) AS n FROM SESSION(t, ts, 3)",
        }
        for name, sql in queries.items():
            db.execute(f"CREATE STREAM {name} AS {sql}")
        db.feed("t", "ts | k\n1 | a\n2 | b\n4 | a\n9 | a\n9 | b")
        want: dict[str, list[tuple[Any, ...]]] = {
            "counted": [("a", 3, 6), ("b", 2, 3)],
            "filtered": [(9,), (9,)],
            "joined": [(1, 1), (2, 2), (4, 1), *[(9, 9)] * 4],
            "total": [(5,)],
        }
        for name, sql in queries.items():
            assert sorted(db.query(sql).fetchall()) == want[name], name
            assert sorted(db.query(f"SELECT * FROM {name}").fetchall()) == want[name], name


@pytest.mark.parametrize("window", ("TUMBLE(t, ts, 10)", "HOP(t, ts, 5, 10)", "CUMULATE(t, ts, 5, 10)"))
def test_rows_that_go_when_their_window_was_final(window: str) -> None:
    """What the stream was told stays, also for who reads it: SELECT is the sum of the changes."""
    r = random.Random(window)
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 3)")
        newest = "(SELECT * FROM t LATEST ON ts PARTITION BY k)"
        db.execute(f"CREATE STREAM s AS SELECT * FROM {window.replace('(t,', f'({newest},')} EMIT CHANGES")
        db.start()
        sub = db.subscribe_stream("s")
        told: Counter[tuple[Any, ...]] = Counter()
        for i in range(40):
            db.insert("t", [(i * 3 + r.randint(-20, 5), r.randint(0, 4), r.randint(0, 1)) for _ in range(2)])
            if i % 7 == 0:
                testing.reload(db)
            while (batch := sub.try_next()) is not None:
                for *row, weight in batch.fetchall():
                    told[tuple(row)] += weight
            assert state(db, "SELECT * FROM s") == +told and min(told.values()) >= 0
        assert some(db.stream_metrics("s")).late_rows > 0
        assert len(+told) > 10  # more than the five that LATEST ON has now
