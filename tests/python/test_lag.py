# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that fall behind: bounded memory, and no loss that is not said."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import threading
import time
from typing import Any

import laminardb
import pytest

LIMIT = 20_000


@pytest.fixture
def db() -> Any:
    with laminardb.open(config=laminardb.LaminarConfig(insert_timeout_ms=200)) as connection:
        connection.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        connection.execute("CREATE STREAM rows AS SELECT k, v FROM t")
        connection.execute("CREATE STREAM last AS SELECT k, max(v) AS v FROM t GROUP BY k")
        connection.execute("CREATE STREAM high AS SELECT k, min(v) AS v FROM t GROUP BY k HAVING min(v) > 0")
        connection.start()
        yield connection


def test_error_tells_how_many(db: laminardb.Connection) -> None:
    sub = db.subscribe_stream("rows", max_lag_bytes=LIMIT)
    assert (sub.lag, sub.dropped) == (0, 0)
    given, missed = 0, 0
    for i in range(5000):
        db.insert("t", {"k": i, "v": i})
        assert sub.lag <= LIMIT
    while sub.is_active:
        try:
            batch = sub.try_next()
        except laminardb.SubscriptionError as e:
            assert e.code == 503 and re.fullmatch(r"Subscription lagged \(503\): \d+ rows missed", str(e))
            missed += int(str(e).split(" rows missed")[0].split()[-1])
            continue
        if batch is None:
            break
        given += len(batch)
    assert given > 0 and missed > 0 and given + missed == 5000 and sub.dropped == missed
    db.insert("t", {"k": 1, "v": 1})
    assert sub.next() is not None


def test_drop_oldest(db: laminardb.Connection) -> None:
    sub = db.subscribe("SELECT v FROM t", max_lag_bytes=LIMIT, on_lag="drop_oldest")
    for i in range(5000):
        db.insert("t", {"k": i, "v": i})
    assert 0 < sub.lag <= LIMIT
    rows = [row[0] for batch in iter(sub.try_next, None) for row in batch]
    assert rows == list(range(5000 - len(rows), 5000)) and sub.dropped == 5000 - len(rows) > 0


@pytest.mark.parametrize("name", ["last", "high"])
def test_conflate_keeps_the_last_of_each_key(db: laminardb.Connection, name: str) -> None:
    rng = random.Random(3)
    sub = db.subscribe_stream(name, max_lag_bytes=LIMIT, on_lag="conflate")
    have: dict[Any, Any] = {}
    batches = 0
    for round_number in range(4):
        for _ in range(1500):
            high = 60 if round_number else 9
            db.insert(
                "t", [(rng.randrange(50), rng.randint(-1, high * 10)) for _ in range(rng.randint(1, 3))]
            )
        for batch in iter(sub.try_next, None):
            batches += 1
            have |= dict(batch)
            for key, _ in batch.deleted or ():
                have.pop(key, None)
        assert have == dict(db.query_stream(name)) and sub.lag == 0
    assert batches < 4 * 1500 and sub.dropped == 0


def test_block_makes_producers_wait(db: laminardb.Connection) -> None:
    sub = db.subscribe_stream("last", max_lag_bytes=LIMIT, on_lag="block")
    done = threading.Event()

    def produce() -> None:
        for i in range(3000):
            db.insert("t", {"k": i % 7, "v": i})
        done.set()

    producer = threading.Thread(target=produce)
    producer.start()
    time.sleep(0.05)
    assert not done.is_set() and 0 < sub.lag < 2 * LIMIT
    assert db.query("SELECT 1").fetchone() == (1,)  # a waiting producer holds nothing
    seen = 0
    while seen < 3000:
        batch = sub.next_timeout(5000)
        assert batch is not None
        seen += len(batch)
    producer.join(5)
    assert done.is_set() and sub.dropped == 0


def test_block_times_out_and_keeps_nothing(db: laminardb.Connection) -> None:
    sub = db.subscribe_stream("rows", max_lag_bytes=1000, on_lag="block")
    with pytest.raises(laminardb.IngestionError, match="insert_timeout_ms") as e:
        for i in range(100):
            db.insert("t", {"k": i, "v": i})
    assert e.value.code == 300
    accepted = db.query("SELECT count(*) FROM t").fetchall()[0][0]
    assert accepted < 100
    with pytest.raises(laminardb.IngestionError):
        db.execute("INSERT INTO t VALUES (1, 1)")
    assert sum(len(b) for b in iter(sub.try_next, None)) == accepted
    assert db.insert("t", {"k": 1, "v": 1}) == 1
    sub.cancel()
    blocked = db.subscribe_stream("rows", max_lag_bytes=1, on_lag="block")
    db.insert("t", {"k": 1, "v": 1})
    threading.Timer(0.05, blocked.cancel).start()
    assert db.insert("t", {"k": 2, "v": 2}) == 1  # a cancelled reader holds nobody
    blocked = db.subscribe_stream("rows", max_lag_bytes=1, on_lag="block")
    db.insert("t", {"k": 3, "v": 3})
    threading.Timer(0.05, db.close).start()
    with pytest.raises(laminardb.ConnectionError, match="closed"):
        db.insert("t", {"k": 4, "v": 4})


def test_interrupt_of_a_blocked_insert() -> None:
    code = (
        "import laminardb, signal, os, threading\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT * FROM t'); db.start()\n"
        "sub = db.subscribe_stream('s', max_lag_bytes=1, on_lag='block')\n"
        "db.insert('t', {'k': 1})\n"
        "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    db.insert('t', {'k': 2})\n"
        "except KeyboardInterrupt:\n    print('interrupted', db.query('SELECT count(*) FROM t').fetchone())\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert out.stdout == "interrupted (1,)\n" and out.returncode == 0, out.stderr


def test_illegal_combinations(db: laminardb.Connection) -> None:
    def fails(**lag: Any) -> str:
        with pytest.raises(laminardb.SubscriptionError) as e:
            db.subscribe_stream(lag.pop("name"), **lag)
        assert e.value.code == 500
        return str(e.value)

    assert "append-only" in fails(name="last", on_lag="drop_oldest")
    assert "GROUP BY" in fails(name="rows", on_lag="conflate")
    assert "drop_oldest" in fails(name="rows", on_lag="never")
    assert "max_lag_bytes" in fails(name="rows", max_lag_bytes=0)
    for sql in ("SELECT count(*) FROM t", "SELECT k, max(v) FROM t GROUP BY k EMIT CHANGES"):
        with pytest.raises(laminardb.SubscriptionError):
            db.subscribe(sql, on_lag="conflate")
    db.subscribe("SELECT k, max(v) FROM t GROUP BY k", on_lag="conflate").cancel()


def test_lag_of_waiting_kinds() -> None:
    """The lag error reaches asynchronous readers and on_error, and reading goes on."""
    config = laminardb.LaminarConfig(max_lag_bytes=5000)

    async def main() -> None:
        with laminardb.open(config=config) as db:
            db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
            db.start()
            sub = await db.subscribe_stream_async("s")
            messages: list[str] = []
            hold = threading.Event()
            callback = db.subscribe_stream_callback("s", lambda batch: hold.wait(5), messages.append)
            for i in range(500):
                db.insert("t", {"k": i})
            with pytest.raises(laminardb.SubscriptionError, match="Subscription lagged") as e:
                await anext(sub)
            assert e.value.code == 503 and sub.is_active
            hold.set()
            for _ in range(500):
                if messages:
                    break
                await asyncio.sleep(0.01)
            assert "Subscription lagged (503)" in messages[0] and callback.is_active
            while sub.try_next() is not None:
                pass
            db.insert("t", {"k": 7})
            assert (await anext(sub)).fetchall() == [(7,)]

    asyncio.run(main())


def test_cancelled_and_slow_readers_hold_no_memory(db: laminardb.Connection) -> None:
    cancelled, slow = db.subscribe_stream("last"), db.subscribe_stream("last", max_lag_bytes=LIMIT)
    cancelled.cancel()
    db.insert("t", {"k": 1, "v": 1})
    assert cancelled.lag == 0 and slow.lag > 0

    def grow() -> int:
        before = db._memory()
        for i in range(20_000):
            db.insert("t", {"k": 1, "v": i % 3})
        return db._memory() - before

    grow()
    assert grow() < 20_000 * 150  # the stored rows and their index, not 20,000 entries of a log


@pytest.mark.parametrize("on_lag", ["error", "drop_oldest", "block", "conflate"])
def test_resumed_beyond_its_limit(on_lag: str) -> None:
    """More may lie behind a position than the new reader may leave unread: its rule holds at once."""
    with laminardb.open(config=laminardb.LaminarConfig(insert_timeout_ms=200)) as db:
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT k, v FROM t")
        db.execute("CREATE STREAM m AS SELECT k, max(v) AS v FROM t GROUP BY k")
        db.start()
        name = "m" if on_lag == "conflate" else "s"
        first = db.subscribe_stream(name)
        db.insert("t", {"k": 0, "v": 0})
        batch = first.next()
        assert batch is not None
        first.cancel()
        for i in range(2000):
            db.insert("t", {"k": i % 5, "v": i})
        rule: Any = on_lag
        sub = db.subscribe_stream(name, from_=batch.position, max_lag_bytes=LIMIT, on_lag=rule)
        if on_lag == "error":
            assert sub.dropped == 2000 and sub.lag == 0
            with pytest.raises(laminardb.SubscriptionError, match="2000 rows missed"):
                sub.next()
        elif on_lag == "drop_oldest":
            assert 0 < sub.lag <= LIMIT
            rows = [row[1] for batch in iter(sub.try_next, None) for row in batch]
            assert rows == list(range(2000 - len(rows), 2000)) and sub.dropped == 2000 - len(rows) > 0
        elif on_lag == "block":
            assert sub.lag > LIMIT
            with pytest.raises(laminardb.IngestionError, match="full"):
                db.insert("t", {"k": 1, "v": 1})
            assert sum(len(batch) for batch in iter(sub.try_next, None)) == 2000
            assert db.insert("t", {"k": 1, "v": 1}) == 1
        else:
            assert sub.lag <= LIMIT
            rows = [row for batch in iter(sub.try_next, None) for row in batch]
            assert sorted(rows) == [(k, 1995 + k) for k in range(5)]
