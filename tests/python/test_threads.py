# SPDX-License-Identifier: Apache-2.0
"""Several threads in one engine: nothing lost, nothing twice, order per thread, bounded queue, flush."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import laminardb
import pytest
from optional import package, some

pa = package("pyarrow")
HAS_ARROW = importlib.util.find_spec("pyarrow") is not None


def together(*work: Callable[[], None]) -> None:
    faults: list[BaseException] = []

    def guarded(f: Callable[[], None]) -> None:
        try:
            f()
        except BaseException as e:
            faults.append(e)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
        assert not t.is_alive()
    if faults:
        raise faults[0]


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("rows", [1, 7, 1500])
def test_nothing_lost_nothing_twice(db: laminardb.Connection, wait: bool, rows: int) -> None:
    db.execute("CREATE SOURCE t (who BIGINT, n BIGINT)")
    db.execute(
        "CREATE STREAM s AS SELECT who, count(*) AS c, sum(n) AS total, max(n) AS top FROM t GROUP BY who"
    )
    db.start()
    sub = db.subscribe("SELECT who, n FROM t")
    batches = 600 if rows < 100 else 60

    def work(who: int) -> Callable[[], None]:
        def run() -> None:
            for i in range(batches):
                ns = list(range(i * rows, (i + 1) * rows))
                of = {"who": [who] * rows, "n": ns}
                if i % 2:
                    other: Any = pa.table(of) if HAS_ARROW else list(zip(*of.values(), strict=True))
                    db.insert("t", other, wait=wait)
                else:
                    db.insert("t", of, wait=wait)

        return run

    together(*(work(who) for who in range(3)))
    db.flush()
    n = batches * rows
    want = [(who, n, n * (n - 1) // 2, n - 1) for who in range(3)]
    assert sorted(db.query("SELECT * FROM s").fetchall()) == want
    seen: dict[int, list[int]] = {0: [], 1: [], 2: []}
    while (batch := sub.try_next()) is not None:
        for who, value in batch.fetchall():
            seen[who].append(value)
    assert seen == {who: list(range(n)) for who in range(3)}  # each thread's rows in its own order


def test_streams_come_and_go_under_load(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.start()
    stop = threading.Event()

    def insert() -> None:
        while not stop.is_set():
            db.insert("t", {"k": [1, 2, 3]})

    def churn() -> None:
        try:
            for i in range(40):
                db.execute(f"CREATE STREAM s{i} AS SELECT k, count(*) AS n FROM t GROUP BY k")
                sub = db.subscribe(f"SELECT * FROM s{i}")
                first = sub.try_next()
                assert first is None or {n for _, n in first.fetchall()} == {some(first.fetchone())[1]}
                bounds = f"SELECT coalesce(min(n), 0), coalesce(max(n), 0) FROM s{i}"
                a, b = (some(db.query(bounds).fetchone()) for _ in range(2))
                assert a[0] == a[1] and b[0] == b[1] and b[0] >= a[0]
                del sub
                db.execute(f"DROP STREAM s{i}")
        finally:
            stop.set()

    together(insert, insert, churn)


def test_windows_do_not_see_the_sharing() -> None:
    """Late rows are the same however busy the engine was: judged by the watermark before their insert."""
    for _ in range(5):
        with laminardb.open() as db:
            db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts AS ts)")
            db.execute(
                "CREATE STREAM w AS SELECT window_start AS s, count(*) AS n FROM t GROUP BY TUMBLE(ts, 10)"
            )
            db.start()

            # Ten rows a window in order, then ten late ones for it: whatever shares a tick, late stays late.
            def insert(db: laminardb.Connection = db) -> None:
                for w in range(1, 200):
                    db.insert("t", {"ts": [w * 10]}, wait=False)
                    db.insert("t", {"ts": [w * 10 - 5]}, wait=False)

            def ask(db: laminardb.Connection = db) -> None:
                for _ in range(300):
                    db.query("SELECT count(*) FROM t")

            together(insert, ask)
            db.flush()
            metrics = db.stream_metrics("w")
            assert metrics is not None and metrics.late_rows == 199
            assert db.query("SELECT count(*), sum(n) FROM w").fetchone() == (199, 199)


@pytest.mark.parametrize("durability", ["group", "off"])
@pytest.mark.parametrize("how", ["shutdown", "close"])
def test_what_was_queued_is_kept_at_the_end(tmp_path: Path, how: str, durability: str) -> None:
    """Rows that nobody waited for were acknowledged: here they wait for another thread's transaction."""
    path = tmp_path / "kept.ldb"
    config = laminardb.LaminarConfig(durability=durability)
    with laminardb.open(path, config=config) as db:
        db.execute("CREATE SOURCE t (v BIGINT); CREATE TABLE q (v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT sum(v) AS v FROM t")
        db.start()

        def change() -> None:
            db.execute("BEGIN; INSERT INTO q VALUES (1)")

        together(change)
        assert db.insert("t", {"v": [1, 2]}, wait=False) == 2 and db.insert("t", {"v": 3}, wait=False) == 1
        if how == "shutdown":
            db.shutdown()
            assert db.query("SELECT * FROM s").fetchall() == [(6,)]
            with pytest.raises(laminardb.ConnectionError, match="901"):
                db.insert("t", {"v": 4}, wait=False)
    with laminardb.open(path, config=config) as db:
        assert db.query("SELECT count(*), sum(v) FROM t").fetchall() == [(3, 6)]
        assert db.query("SELECT * FROM s").fetchall() == [(6,)]
        assert db.query("SELECT count(*) FROM q").fetchall() == [(0,)]


def test_flush_and_bounds() -> None:
    config = laminardb.LaminarConfig(buffer_size=10, insert_timeout_ms=200)
    with laminardb.open(config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT NOT NULL)")
        db.start()
        assert db.insert("t", {"k": list(range(1000))}, wait=False) == 1000
        with pytest.raises(laminardb.IngestionError, match="NOT NULL"):
            db.insert("t", {"k": None}, wait=False)
        db.flush()
        assert db.query("SELECT count(*) FROM t").fetchone() == (1000,)
    with pytest.raises(laminardb.ConnectionError, match="closed"):
        db.flush()


def test_close_under_load() -> None:
    for _ in range(10):
        db = laminardb.open()
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.start()

        def insert(db: laminardb.Connection = db) -> None:
            try:
                while True:
                    db.insert("t", {"k": 1}, wait=False)
            except laminardb.ConnectionError as e:
                assert e.code == 101

        def close(db: laminardb.Connection = db) -> None:
            time.sleep(0.02)
            db.close()

        together(insert, insert, close)
