# SPDX-License-Identifier: Apache-2.0
"""Faults that were there once, each by the smallest program that showed it."""

from __future__ import annotations

import datetime as dt
import gc
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import laminardb
import pytest
from optional import some

Rows = list[tuple[object, ...]]


def drain(sub: laminardb.Subscription | laminardb.StreamSubscription) -> Rows:
    out: Rows = []
    while (batch := sub.try_next()) is not None:
        out += batch.fetchall()
    return out


def rows(db: laminardb.Connection, sql: str) -> Rows:
    return sorted(db.query(sql).fetchall(), key=repr)


# ---------------------------------------------------------------------- definitions
def test_a_bad_replacement_leaves_the_old(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    db.insert("t", {"k": 9223372036854775807})
    for bad in (
        "CREATE OR REPLACE STREAM s AS SELECT nope FROM t",
        "CREATE OR REPLACE STREAM s AS SELECT * FROM s",
        "CREATE OR REPLACE STREAM s AS SELECT k + k AS k FROM t",  # fails on the row that is there
        "CREATE OR REPLACE STREAM t AS SELECT 1 AS one",
        "CREATE OR REPLACE SOURCE s (x BIGINT)",
    ):
        with pytest.raises(laminardb.LaminarError):
            db.execute(bad)
        assert (db.list_streams(), db.list_tables()) == (["s"], ["t"])
    db.execute("CREATE OR REPLACE STREAM S AS SELECT k - 1 AS k FROM t")
    assert rows(db, "SELECT * FROM s") == [(9223372036854775806,)]
    db.execute("DROP SOURCE t CASCADE")
    assert db.list_streams() == db.list_tables() == []


def test_a_refused_drop_touches_nothing(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM a AS SELECT k FROM t")
    db.execute("CREATE STREAM b AS SELECT k FROM a")
    db.start()
    sub = db.subscribe("SELECT * FROM a")
    with pytest.raises(laminardb.SchemaError, match="open subscription"):
        db.execute("DROP SOURCE t CASCADE")
    assert (db.list_streams(), db.list_tables()) == (["a", "b"], ["t"])
    sub.cancel()  # `sub` is still referred to: cancelling is enough
    db.execute("DROP SOURCE t CASCADE")
    assert db.list_streams() == db.list_tables() == []


def test_a_failed_subscription_holds_nothing(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (v BIGINT); CREATE STREAM a AS SELECT v * 1000000 AS v FROM t")
    db.start()
    sub = db.subscribe("SELECT * FROM a")
    db.insert("t", {"v": 2**62})
    with pytest.raises(laminardb.StreamError):
        sub.next()
    db.execute("DROP STREAM a")


def test_streams_have_a_depth(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE s0 (k BIGINT)")
    db.start()
    with pytest.raises(laminardb.QueryError, match="deep"):
        for i in range(1000):
            db.execute(f"CREATE STREAM s{i + 1} AS SELECT * FROM s{i}")
    db.insert("s0", {"k": 1})
    assert rows(db, f"SELECT * FROM {db.list_streams()[-1]}") == [(1,)]
    db.execute("DROP SOURCE s0 CASCADE")


# ---------------------------------------------------------------------- subscriptions
def test_subscribed_before_the_start(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '1' HOUR)")
    db.execute("CREATE STREAM sums AS SELECT k, count(*) AS n FROM t GROUP BY k")
    db.execute("CREATE STREAM kept AS SELECT * FROM t WHERE k > 0")
    window = "SELECT tumble(ts, INTERVAL '1' MINUTE) AS w, count(*) AS n FROM kept GROUP BY 1"
    subs = {
        "SELECT * FROM sums": db.subscribe("SELECT * FROM sums EMIT CHANGES"),
        window: db.subscribe(f"{window} EMIT CHANGES"),
        "SELECT max(n) AS m FROM sums": db.subscribe("SELECT max(n) AS m FROM sums EMIT CHANGES"),
    }
    named = db.subscribe_stream("sums")
    start = dt.datetime(2024, 1, 1)
    db.insert("t", [{"k": i % 3, "ts": start + dt.timedelta(seconds=40 * i)} for i in range(6)])
    db.start()
    assert sorted(drain(named)) == [(0, 2), (1, 2), (2, 2)]
    db.insert("t", {"k": 1, "ts": start})
    assert drain(named) == [(1, 3)]
    for sql, sub in subs.items():
        total: Counter[tuple[object, ...]] = Counter()
        for *row, weight in drain(sub):
            total[tuple(row)] += weight  # type: ignore[operator]
        assert {r: n for r, n in total.items() if n} == Counter(db.query(sql).fetchall()), sql


def test_subscribed_after_the_shutdown(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.insert("t", {"k": 1})
    db.start()
    db.shutdown()
    sub = db.subscribe("SELECT * FROM t")
    assert [b.fetchall() for b in sub] == [[(1,)]]


def test_a_cancelled_subscription_costs_nothing(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (s VARCHAR)")
    db.start()
    subs = [db.subscribe("SELECT s, count(*) FROM t GROUP BY s"), db.subscribe("SELECT s || 'x' AS s FROM t")]
    db.insert("t", {"s": [f"text number {i}" for i in range(5000)]})
    held = db._memory()
    for sub in subs:
        sub.cancel()
    assert db._memory() < held - 200000
    used = db._memory()
    for i in range(3000):
        db.insert("t", {"s": f"{i}"})
    assert db._memory() < used + 400000  # the source's own rows


def test_many_small_changes_come_as_few_batches(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
    db.start()
    sub = db.subscribe("SELECT * FROM t")
    for i in range(3000):
        db.insert("t", {"k": i, "s": None if i % 7 == 0 else f"a text with number {i}"})
    batch = some(sub.try_next())
    assert batch.num_batches < 5
    expected = [(i, None if i % 7 == 0 else f"a text with number {i}") for i in range(3000)]
    assert batch.fetchall() == expected


def test_changes_of_a_join_reach_its_readers_in_order(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE l (k BIGINT, a BIGINT); CREATE SOURCE r (k BIGINT, b BIGINT)")
    db.execute("CREATE STREAM j AS SELECT l.k, a, b FROM l LEFT JOIN r ON l.k = r.k")
    db.execute("CREATE STREAM c AS SELECT * FROM j EMIT CHANGES")
    db.start()
    sub = db.subscribe_stream("c")
    db.insert("l", {"k": 1, "a": 1})
    db.insert("r", {"k": 1, "b": 2})
    assert drain(sub) == [(1, 1, None, 1), (1, 1, None, -1), (1, 1, 2, 1)]


def test_deliveries_do_not_depend_on_other_readers(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT count(*) AS n FROM t GROUP BY k")
    db.start()
    sub = db.subscribe_stream("s")
    db.insert("t", [{"k": 1}, {"k": 2}, {"k": 2}])
    assert sorted(drain(sub)) == [(1,), (2,)]
    db.insert("t", [{"k": 1}, {"k": 2}])  # {1, 2} becomes {2, 3}
    assert drain(sub) == [(3,)]
    db.execute("CREATE STREAM more AS SELECT * FROM s")
    db.insert("t", [{"k": 1}, {"k": 2}])
    assert drain(sub) == [(4,)]


def test_exact_retractions_from_the_first_reader_on(db: laminardb.Connection) -> None:
    """An upsert keeps no old rows until somebody needs them; then also of groups touched before."""
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.execute("CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
    db.start()
    db.insert("t", [{"k": 1}, {"k": 1}, {"k": 2}])
    sub = db.subscribe("SELECT n, count(*) AS c FROM s GROUP BY n EMIT CHANGES")
    assert sorted(drain(sub)) == [(1, 1, 1), (2, 1, 1)]
    db.insert("t", {"k": 2})
    assert sorted(drain(sub)) == [(1, 1, -1), (2, 1, -1), (2, 2, 1)]


def test_state_while_another_thread_reads(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.start()
    sub = db.subscribe("SELECT * FROM t")
    seen: Rows = []
    reader = threading.Thread(target=lambda: seen.extend(row for b in sub for row in b.fetchall()))
    reader.start()
    for i in range(2000):
        db.insert("t", {"k": i})
        assert sub.is_active
    db.shutdown()
    reader.join()
    assert len(seen) == 2000 and not sub.is_active


def test_a_wait_outlasts_signal_handlers(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    sub = db.subscribe("SELECT * FROM t")
    old = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        begun = time.monotonic()
        assert sub.next_timeout(300) is None
        assert time.monotonic() - begun >= 0.299
        other = threading.Thread(target=sub.next)  # the time also bounds the wait for another reader
        other.start()
        time.sleep(0.05)
        begun = time.monotonic()
        assert sub.next_timeout(100) is None
        assert 0.099 <= time.monotonic() - begun < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    sub.cancel()
    other.join()


def test_a_signal_handler_cannot_hang_a_query(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    db.insert("t", {"k": list(range(3000))})
    faults: list[BaseException | int] = []

    def handle(*_: object) -> None:
        calls: list[Callable[[], int]] = [
            lambda: db.insert("t", {"k": 1}),
            lambda: db.query("SELECT 1").num_rows,
        ]
        for call in calls:
            try:
                faults.append(call())
            except laminardb.LaminarError as e:
                faults.append(e)

    old = signal.signal(signal.SIGUSR1, handle)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        while len(faults) < 2:  # the first reads a stream: it runs with the engine in its hands
            assert db.query("SELECT count(*) FROM s a JOIN s b ON a.k < b.k").num_rows == 1
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, old)
    assert all(isinstance(f, int) or getattr(f, "code", 0) == 102 for f in faults), faults


def test_a_signal_handler_may_close(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    db.insert("t", {"k": list(range(3000))})
    sub = db.subscribe_stream("s")
    old = signal.signal(signal.SIGUSR1, lambda *_: db.close())
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(laminardb.LaminarError) as told:
            while True:  # reads a stream: it runs with the engine in its hands
                db.query("SELECT count(*) FROM s a JOIN s b ON a.k < b.k")
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, old)
    assert told.value.code in (101, 402)
    assert db.is_closed
    assert sub.next() is None and not sub.is_active  # the engine has ended, not the handle alone


# ---------------------------------------------------------------------- rows in
def test_rows_for_a_source_made_again(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.insert("t", {"k": 1})
    db.execute("DROP SOURCE t; CREATE SOURCE t (k BIGINT)")
    assert db.insert("t", ({"k": i} for i in range(3))) == 3
    assert rows(db, "SELECT k FROM t") == [(0,), (1,), (2,)]


def test_a_column_named_twice(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (a BIGINT, b BIGINT)")
    for data in ({"a": 1, "A": 2}, [{"a": 1, "A": 2, "b": 3}], {"a": [1], "A": [2]}):
        with pytest.raises(laminardb.IngestionError, match="twice"):
            db.insert("t", data)
    assert rows(db, "SELECT * FROM t") == []
    with pytest.raises(ValueError, match="null character"):
        db.insert("t\0x", {"a": 1})


def test_python_code_within_rows(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE SOURCE u (k BIGINT)")
    db.start()
    db.insert("t", {"k": 0})

    def inserting() -> Iterator[dict[str, int]]:
        for i in range(3):
            db.insert("t", {"k": 100 + i})
            db.insert("u", {"k": i})
            yield {"k": i}

    assert db.insert("t", inserting()) == 3
    assert [k for (k,) in rows(db, "SELECT k FROM t")] == [0, 0, 1, 100, 101, 102, 2]

    class Changes:
        def __index__(self) -> int:
            data.clear()
            return 1

    data: dict[str, object] = {}
    data.update(k=Changes())
    with pytest.raises(RuntimeError, match="changed size"):
        db.insert("t", data)

    class Stops:
        def __iter__(self) -> Iterator[object]:
            raise KeyboardInterrupt

    for bad in (Stops(), {"k": [1], "K2": 1}, {"k": Stops()}):
        with pytest.raises((KeyboardInterrupt, TypeError, laminardb.IngestionError)):
            db.insert("t", bad)
    with pytest.raises(KeyboardInterrupt):
        db.insert("t", Stops())

    def dropping() -> Iterator[dict[str, int]]:
        yield {"k": 1}
        db.execute("DROP SOURCE u; CREATE SOURCE u (k BIGINT)")
        yield {"k": 2}

    with pytest.raises(laminardb.SchemaError, match="dropped"):
        db.insert("u", dropping())
    assert db.insert("u", {"k": 1}) == 1

    def closing() -> Iterator[dict[str, int]]:
        yield {"k": 1}
        db.close()
        yield {"k": 2}

    with pytest.raises(laminardb.ConnectionError):
        db.insert("t", closing())
    gc.collect()


def test_closing_under_inserts() -> None:
    """An insert that queued behind the one who closes is refused, not forgotten."""
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        db = laminardb.open()
        db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()

        def insert(wait: bool, db: laminardb.Connection = db) -> None:
            with pytest.raises(laminardb.ConnectionError):
                while True:
                    db.insert("t", {"k": 1}, wait=wait)

        threads = [threading.Thread(target=insert, args=(i > 0,), daemon=True) for i in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.005)
        db.close()
        for t in threads:
            t.join(20)
            assert not t.is_alive()


# ---------------------------------------------------------------------- time
def test_a_late_made_stream_meets_advances_in_their_place(db: laminardb.Connection) -> None:
    for name in "ab":
        db.execute(f"CREATE SOURCE {name} (k BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts)")
    db.start()
    query = (
        "SELECT tumble(a.ts, INTERVAL '10' SECOND) AS w, count(*) AS n FROM a JOIN b ON a.k = b.k "
        "GROUP BY tumble(a.ts, INTERVAL '10' SECOND)"
    )
    db.execute(f"CREATE STREAM early AS {query}")
    at = [dt.datetime(1970, 1, 1) + dt.timedelta(seconds=s) for s in (100, 0, 5, 60)]
    db.insert("a", {"k": 1, "ts": at[0]})
    db.insert("b", {"k": 1, "ts": at[1]})
    db.insert("a", {"k": 1, "ts": at[2]})
    db.advance_watermark("b", 50000)  # makes a row at 5 s late from here on, not before
    db.insert("b", {"k": 2, "ts": at[3]})
    db.execute(f"CREATE STREAM late AS {query}")
    assert rows(db, "SELECT * FROM late") == rows(db, "SELECT * FROM early")
    assert len(rows(db, "SELECT * FROM late")) == 2
