# SPDX-License-Identifier: Apache-2.0
"""from_=position: a reader that goes and comes back misses nothing and sees nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import laminardb
import pytest
from optional import some

SCHEMA = "CREATE SOURCE t (k BIGINT, v BIGINT)"
STREAMS = {
    "changes": "SELECT k, sum(v) AS v, count(*) AS n FROM t GROUP BY k EMIT CHANGES",
    "rows": "SELECT k, v FROM t WHERE v % 3 <> 0",
}
LONG = 100_000


def made() -> laminardb.Connection:
    db = laminardb.open()
    db.execute(SCHEMA)
    for name, sql in STREAMS.items():
        db.execute(f"CREATE STREAM {name} AS {sql}")
    db.start()
    return db


def add(total: Counter[tuple[object, ...]], batch: laminardb.QueryResult, weighted: bool) -> None:
    for row in batch.fetchall():
        total[row[:-1] if weighted else row] += row[-1] if weighted else 1


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("seed", range(40))
def test_the_sum_is_exact_over_any_number_of_resumptions(name: str, seed: int) -> None:
    r = random.Random(seed)
    total: Counter[tuple[object, ...]] = Counter()
    with made() as db:
        sub = db.subscribe_stream(name)
        position = None
        resumed = 0
        for _ in range(60):
            db.insert("t", [{"k": r.randint(0, 3), "v": r.randint(0, 9)} for _ in range(r.randint(1, 4))])
            if r.random() < 0.1:
                db.pause()
                db.insert("t", {"k": 9, "v": 1})
                db.resume()
            for _ in range(r.randint(0, 3)):
                if (batch := sub.try_next()) is not None:
                    add(total, batch, name == "changes")
                    assert position is None or some(batch.position) > position, "positions grow"
                    position = batch.position
            if position is not None and r.random() < 0.3:
                sub.cancel()  # what was queued is lost to this reader, not to the next
                sub = db.subscribe_stream(name, from_=position)
                resumed += 1
        while (batch := sub.try_next()) is not None:
            add(total, batch, name == "changes")
        assert resumed > 3
        assert {k: n for k, n in total.items() if n} == Counter(db.query_stream(name).fetchall())


def test_positions_that_cannot_be_resumed() -> None:
    with made() as db:
        sub = db.subscribe_stream("rows")
        db.insert("t", {"k": 1, "v": 1})
        batch = sub.next()
        assert batch is not None
        epoch, part = some(batch.position)
        with pytest.raises(laminardb.SubscriptionError, match="lies ahead") as ahead:
            db.subscribe_stream("rows", from_=(epoch + 1, 0))
        assert ahead.value.code == 500
        for wrong in ((-1, 0), (0, -1)):
            with pytest.raises(laminardb.SubscriptionError, match="at least 0") as negative:
                db.subscribe_stream("rows", from_=wrong)
            assert negative.value.code == 500
        for odd in (5, "1,2", (1,), [1, 2]):
            with pytest.raises(TypeError):
                db.subscribe_stream("rows", from_=odd)  # type: ignore[arg-type]
        with pytest.raises(laminardb.SubscriptionError):
            db.subscribe_stream("rows", from_=(epoch, part), snapshot=True)
        again = db.subscribe_stream("rows", from_=(epoch, part))
        assert again.try_next() is None


def test_what_lies_more_than_64_mib_back_is_gone_and_said_so() -> None:
    with made() as db:
        sub = db.subscribe_stream("rows")
        db.insert("t", {"k": 1, "v": 1})
        first = sub.next()
        assert first is not None
        sub.cancel()
        block = {"k": [1] * LONG, "v": [1] * LONG}  # 1.6 MB
        for _ in range(60):
            db.insert("t", block)
        held = 60 * LONG * 16
        assert db._memory() < 1.1 * held + 70 * 2**20, "rows of the source, and 64 MiB of the log"
        with pytest.raises(laminardb.SubscriptionError, match="older than what the change log keeps") as gone:
            db.subscribe_stream("rows", from_=first.position)
        assert gone.value.code == 503
        assert "snapshot=True" in str(gone.value)


def test_a_slow_reader_keeps_its_position_alive() -> None:
    with made() as db:
        slow = db.subscribe_stream("rows")
        db.insert("t", {"k": 1, "v": 1})
        first = slow.next()
        assert first is not None
        block = {"k": [1] * LONG, "v": [1] * LONG}
        for _ in range(60):
            db.insert("t", block)
        again = db.subscribe_stream("rows", from_=first.position)
        assert sum(b.num_rows for b in iter(again.try_next, None)) == 60 * LONG
        assert slow.lag > 0


def test_async_subscription_resumes() -> None:
    async def run() -> list[tuple[object, ...]]:
        with made() as db:
            sub = await db.subscribe_stream_async("rows")
            db.insert("t", {"k": 1, "v": 1})
            first = await anext(sub)
            sub.cancel()
            db.insert("t", {"k": 2, "v": 2})
            again = await db.subscribe_stream_async("rows", from_=first.position)
            return (await anext(again)).fetchall()

    assert asyncio.run(run()) == [(2, 2)]


def test_parameters_of_subscriptions() -> None:
    with made() as db:
        db.insert("t", [{"k": i, "v": i} for i in range(5)])
        by_place = db.subscribe("SELECT k FROM t WHERE v > ?", [2])
        by_name = db.subscribe("SELECT k FROM t WHERE v > $low", {"low": 2})
        for sub in (by_place, by_name):
            batch = sub.next()
            assert batch is not None
            assert sorted(batch.fetchall()) == [(3,), (4,)]
        db.insert("t", [{"k": 8, "v": 8}, {"k": 0, "v": 0}])
        assert [row for b in iter(by_name.try_next, None) for row in b.fetchall()] == [(8,)]
        with pytest.raises(laminardb.QueryError):
            db.subscribe("SELECT k FROM t WHERE v > ?")
        with pytest.raises(TypeError):
            db.subscribe("SELECT k FROM t WHERE v > ?", 5)  # type: ignore[arg-type]

        seen: list[int] = []
        calls = db.subscribe_callback(
            "SELECT k FROM t WHERE v = ?", lambda b: seen.extend(k for (k,) in b.fetchall()), params=[4]
        )
        db.insert("t", {"k": 44, "v": 4})
        db.shutdown()
        calls.wait()
        assert sorted(seen) == [4, 44]


def test_stream_gives_the_batches_of_a_finite_query() -> None:
    with made() as db:
        db.insert("t", {"k": list(range(10_000)), "v": list(range(10_000))})
        batches = list(db.stream("SELECT k FROM t WHERE k >= ? ORDER BY k", [100]))
        assert [k for b in batches for (k,) in b.fetchall()] == list(range(100, 10_000))
        assert list(db.stream("SELECT k FROM t WHERE k < 0")) == []
        lazy = db.stream("SELECT nothing FROM t")
        with pytest.raises(laminardb.QueryError):
            next(lazy)
