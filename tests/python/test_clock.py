# SPDX-License-Identifier: Apache-2.0
"""Deterministic databases, timers, EMIT EVERY."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import laminardb
import pytest
from laminardb import testing
from optional import some

TOTALS = "SELECT k, sum(v) AS total FROM t GROUP BY k"
START = 1_700_000_000_000  # ms; a whole number of seconds


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.tick(START)
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.start()
        yield db


def drain(sub: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    while (batch := sub.try_next()) is not None:
        rows += batch.fetchall()
    return sorted(rows)


def test_the_clock_is_the_callers(db: laminardb.Connection) -> None:
    db.insert("t", {"k": 1, "v": 1})
    assert some(db.source_metrics("t")).watermark == START
    db.tick(datetime.fromtimestamp(START / 1000, UTC) + timedelta(seconds=2))
    db.insert("t", {"k": 1, "v": 1})
    assert some(db.source_metrics("t")).watermark == START + 2000
    db.tick(datetime(2030, 1, 1))
    with pytest.raises(ValueError, match="never goes back"):
        db.tick(START)
    with pytest.raises(ValueError, match="ISO 8601 text such as"):
        db.tick("now")
    with pytest.raises(TypeError, match="milliseconds, a datetime or ISO 8601 text, not float"):
        db.tick(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not bool"):
        db.tick(True)
    with laminardb.open() as other, pytest.raises(ValueError, match="system's clock"):
        other.tick(START)
    with pytest.raises(TypeError, match="deterministic must be True or False, not 1"):
        laminardb.LaminarConfig(deterministic=1)


def test_emit_every(db: laminardb.Connection) -> None:
    db.execute(f"CREATE STREAM s AS {TOTALS} EMIT EVERY INTERVAL '1' SECOND")
    db.execute("CREATE STREAM above AS SELECT count(*) AS keys, sum(total) AS total FROM s")
    sub = db.subscribe_stream("s")
    below = db.subscribe_stream("above")
    for i in range(5):
        db.insert("t", {"k": i % 2, "v": i})
        assert drain(sub) == []
        assert len(drain(below)) == 1  # readers of the stream do not lag
    assert sorted(db.query_stream("s").fetchall()) == [(0, 6), (1, 4)]
    db.tick(START + 999)
    assert drain(sub) == []
    db.tick(START + 1000)
    assert drain(sub) == [(0, 6), (1, 4)]
    db.tick(START + 5000)
    assert drain(sub) == []  # nothing changed
    db.insert("t", {"k": 1, "v": 7})
    db.insert("t", {"k": 1, "v": -7})
    db.insert("t", {"k": 2, "v": 1})
    db.tick(START + 6000)
    assert drain(sub) == [(2, 1)]  # what comes back to its value did not change


def test_emit_every_keeps_appended_rows_in_order(db: laminardb.Connection) -> None:
    db.execute("CREATE STREAM s AS SELECT v FROM t WHERE v % 3 <> 1 EMIT PERIODICALLY INTERVAL '10' SECOND")
    sub = db.subscribe_stream("s")
    for i in range(0, 9000, 3000):
        db.insert("t", {"k": [0] * 3000, "v": list(range(i, i + 3000))})
    db.tick(START + 20_000)
    got = []
    while (batch := sub.try_next()) is not None:
        got += [v for (v,) in batch]
    assert got == [v for v in range(9000) if v % 3 != 1]


def test_a_reader_that_begins_with_the_state_gets_nothing_twice(db: laminardb.Connection) -> None:
    db.execute("CREATE STREAM s AS SELECT v FROM t EMIT EVERY INTERVAL '1' SECOND")
    early = db.subscribe_stream("s")
    db.insert("t", {"k": 1, "v": 1})
    late = db.subscribe_stream("s", snapshot=True)
    assert drain(late) == drain(early) == [(1,)]
    db.insert("t", {"k": 1, "v": 2})
    db.tick(START + 1000)
    assert drain(late) == drain(early) == [(2,)]
    by_query = db.subscribe("SELECT count(*) AS n FROM t EMIT EVERY INTERVAL '1' SECOND")
    assert drain(by_query) == [(2,)]
    db.insert("t", {"k": 1, "v": 3})
    assert drain(by_query) == []
    db.tick(START + 2000)
    assert drain(by_query) == [(3,)]
    db.insert("t", {"k": 1, "v": 4})
    db.shutdown()
    assert drain(early) == [(3,), (4,)]  # the end lets out what is held
    assert early.next() is None


def test_emit_every_refuses_what_is_no_interval(db: laminardb.Connection) -> None:
    refused = {"INTERVAL '0' SECOND": "longer than nothing", "'x'": "INTERVAL", "INTERVAL '1' MONTH": "days"}
    for text, part in refused.items():
        with pytest.raises(laminardb.QueryError, match=part):
            db.execute(f"CREATE STREAM s AS SELECT v FROM t EMIT EVERY {text}")
    with pytest.raises(laminardb.QueryError, match="answered once"):
        db.query("SELECT v FROM t EMIT EVERY INTERVAL '1' SECOND")


def test_pause(db: laminardb.Connection) -> None:
    db.execute("CREATE STREAM s AS SELECT count(*) AS n FROM t EMIT EVERY INTERVAL '1' SECOND")
    sub = db.subscribe_stream("s")
    db.insert("t", {"k": 1, "v": 1})
    db.pause()
    db.tick(START + 1500)
    db.insert("t", {"k": 1, "v": 1})
    assert drain(sub) == []
    db.tick(START + 4500)
    db.resume()
    assert drain(sub) == [(1,), (2,)]  # at 1 s and at 2 s, as if there had been no pause


QUERIES = [
    ("SELECT k, sum(v) AS total, count(*) AS n FROM t GROUP BY k", True),
    ("SELECT k, max(v) AS high FROM t GROUP BY k HAVING sum(v) > 3", True),
    ("SELECT DISTINCT v % 4 AS d FROM t", False),
]


def play(seed: int, query: str, steps: bool) -> tuple[list[Any], list[Any]]:
    """Deliveries of the stream, and its state at each second."""
    r = random.Random(seed)
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.tick(START)
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.start()
        db.execute(f"CREATE STREAM s AS {query} EMIT EVERY INTERVAL '1' SECOND")
        sub = db.subscribe_stream("s")
        now, deliveries, states = START, [], []
        for _ in range(40):
            for _ in range(r.randrange(4)):
                rows = r.randrange(1, 4)
                keys = [r.randrange(3) for _ in range(rows)]
                db.insert("t", {"k": keys, "v": [r.randrange(-3, 4) for _ in range(rows)]})
            later = now + r.choice([100, 400, 700, 1000, 2500])
            if later // 1000 > now // 1000:
                states.append((now // 1000 * 1000 + 1000, sorted(db.query_stream("s").fetchall())))
            while steps and now + 130 < later:
                now += 130
                db.tick(now)
            now = later
            db.tick(now)
            while (batch := sub.try_next()) is not None:
                gone = batch.deleted
                deliveries.append((batch.position, batch.fetchall(), [] if gone is None else gone.fetchall()))
        return deliveries, states


@pytest.mark.parametrize("query, keyed", QUERIES)
@pytest.mark.parametrize("seed", range(4))
def test_emit_every_against_its_definition(seed: int, query: str, keyed: bool) -> None:
    deliveries, states = play(seed, query, False)
    assert play(seed, query, True) == (deliveries, states)  # however the clock is moved
    assert play(seed, query, False) == (deliveries, states)
    before: list[Any] = []
    wanted = []
    for _, state in states:
        shown = [row for row in state if row not in before]
        left = [row for row in before if row not in state]
        if keyed:
            left = [row for row in left if row[0] not in {other[0] for other in state}]
        if shown or left:
            wanted.append((sorted(shown), sorted(left)))
        before = state
    assert [(sorted(rows), sorted(gone)) for _, rows, gone in deliveries] == wanted


def test_many_changes_are_held_in_little_memory(db: laminardb.Connection) -> None:
    db.execute(f"CREATE STREAM s AS {TOTALS} EMIT EVERY INTERVAL '1' SECOND")
    sub = db.subscribe_stream("s")
    for i in range(120):
        db.insert("t", {"k": list(range(1000)), "v": [i] * 1000})
    db.tick(START + 1000)
    assert drain(sub) == [(k, sum(range(120))) for k in range(1000)]


def test_by_the_systems_clock() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.start()
        db.execute("CREATE STREAM s AS SELECT count(*) AS n FROM t EMIT EVERY INTERVAL '50' MILLISECONDS")
        sub = db.subscribe_stream("s")
        for i in range(3):
            db.insert("t", {"k": 1, "v": 1})
            batch = sub.next_timeout(10_000)
            assert batch is not None and batch.fetchall() == [(i + 1,)]


def test_testing_with_a_clock() -> None:
    script = """CREATE SOURCE t (k BIGINT);
                CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k EMIT EVERY INTERVAL '1' SECOND"""
    with testing.database(script, now=datetime(2024, 1, 1)) as db:
        seen = db.watch("s")
        db.feed("t", "k\n1\n2")
        db.feed("t", "k\n1")
        db.tick(datetime(2024, 1, 1, 0, 0, 1))
        seen.expect("op | k | n\nInsert | 1 | 2\nInsert | 2 | 1")
        db.feed("t", "k\n1")
        db.tick(datetime(2024, 1, 1, 0, 0, 2))
        seen.expect("op | k | n\nUpdate | 1 | 3")


def test_rows_from_the_future() -> None:
    """A row moves the watermark to the clock and the skew at most; the writer as far as it likes."""
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.tick(START)
        for name, option in (("free", ""), ("bound", " WITH (max_future_skew = '2 s')")):
            db.execute(f"CREATE SOURCE {name} (ts BIGINT, WATERMARK FOR ts AS ts - 500){option}")
        db.start()
        db.execute("CREATE STREAM s AS SELECT count(*) AS n FROM bound GROUP BY TUMBLE(ts, 1000) EMIT FINAL")
        for ts, free, bound in (
            (START + 2000, START + 1500, START + 1500),
            (START + 2001, START + 1501, START + 1500),
            (START + 99_000, START + 98_500, START + 1500),
        ):
            for name, mark in (("free", free), ("bound", bound)):
                db.insert(name, (ts,))
                assert some(db.source_metrics(name)).watermark == mark
        db.tick(START + 5000)
        db.insert("bound", (START + 1500,))  # the clock has moved, its row has not
        assert some(db.source_metrics("bound")).watermark == START + 1500
        db.advance_watermark("bound", START + 200_000)
        assert sorted(db.sql("SELECT n FROM s").fetchall()) == [(1,), (1,), (2,)]
        with pytest.raises(laminardb.LaminarError, match="longer than nothing"):
            db.execute("CREATE SOURCE no (ts BIGINT) WITH (max_future_skew = '0 s')")


def test_rows_from_the_future_in_every_source() -> None:
    """max_future_skew of the database bounds sources that have none of their own, from when it is set."""
    config = laminardb.LaminarConfig(deterministic=True, max_future_skew=3000)
    with laminardb.open(config=config) as db:
        db.tick(START)
        db.execute(
            "CREATE SOURCE a (ts BIGINT, WATERMARK FOR ts);"
            "CREATE SOURCE b (ts BIGINT, WATERMARK FOR ts) WITH (max_future_skew = '1 s')"
        )
        db.start()

        def marks() -> list[int]:
            db.insert("a", (START + 99_000,))
            db.insert("b", (START + 99_000,))
            return [some(db.source_metrics(name)).watermark - START for name in "ab"]

        assert marks() == [3000, 1000]
        db.execute("SET max_future_skew = '10 s'")
        assert db.config_get("max_future_skew") == 10_000 and marks() == [10_000, 1000]
        db.config_set("max_future_skew", None)
        assert marks() == [99_000, 1000]
        db.execute("RESET max_future_skew")
        assert db.config_get("max_future_skew") == 3000
        for bad in ("0", "'0 s'", "'soon'", "'1 month'", "true"):
            with pytest.raises((ValueError, TypeError), match="length of time"):
                db.execute(f"SET max_future_skew = {bad}")
