# SPDX-License-Identifier: Apache-2.0
"""What metrics say of a queue in front of a busy engine, of a reader that blocks, and before a start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import laminardb
import pytest

LOWEST = -(2**63)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def opened(buffer_size: int = 100) -> laminardb.Connection:
    config = laminardb.LaminarConfig(buffer_size=buffer_size, insert_timeout_ms=20_000)
    db = laminardb.open(config=config)
    db.execute("CREATE SOURCE t (k BIGINT); CREATE SOURCE u (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    return db


def on_a_thread(run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_rows_that_wait_for_a_busy_engine() -> None:
    """A transaction holds all other threads' rows back: they queue, until nothing more fits."""
    with opened() as db:
        idle = db.source_metrics("t")
        assert idle is not None and (idle.pending, idle.capacity, idle.utilization) == (0, 100, 0.0)
        assert not idle.is_backpressured
        db.execute("BEGIN")
        on_a_thread(lambda: db.insert("t", {"k": list(range(40))}, wait=False)).join()
        t, u, s = db.source_metrics("t"), db.source_metrics("u"), db.stream_metrics("s")
        assert t is not None and u is not None and s is not None
        assert (t.pending, t.utilization, t.is_backpressured) == (40, 0.4, False)
        assert (u.pending, u.utilization, u.is_backpressured) == (0, 0.4, False)
        assert (s.pending, s.is_backpressured) == (40, False)

        blocked = on_a_thread(lambda: db.insert("u", {"k": list(range(61))}, wait=False))  # one too many
        until(lambda: db.stats("u")["is_backpressured"] is True)
        t, s = db.source_metrics("t"), db.stream_metrics("s")
        assert t is not None and t.is_backpressured and s is not None and s.is_backpressured
        stats = db.stats("t")
        assert (stats["pending"], stats["capacity"], stats["utilization"]) == (40, 100, 0.4)
        assert [m.is_backpressured for m in db.all_source_metrics()] == [True, True]

        db.execute("COMMIT")
        blocked.join()
        db.flush()
        t, u, s = db.source_metrics("t"), db.source_metrics("u"), db.stream_metrics("s")
        assert t is not None and u is not None and s is not None
        assert (t.total_events, t.pending, u.total_events, s.pending) == (40, 0, 61, 0)
        assert not (t.is_backpressured or u.is_backpressured or s.is_backpressured) and u.utilization == 0


def test_a_full_queue_presses_on_everybody() -> None:
    with opened() as db:
        db.execute("BEGIN")
        on_a_thread(
            lambda: db.insert("t", {"k": list(range(500))}, wait=False)
        ).join()  # let in when it is empty
        stats = db.stats("u")
        assert (stats["pending"], stats["utilization"], stats["is_backpressured"]) == (0, 1.0, True)
        db.execute("ROLLBACK")
        db.flush()
        assert db.stats("u")["is_backpressured"] is False and db.stats("t")["total_events"] == 500
        db.config_set("buffer_size", 7)
        assert db.stats("t")["capacity"] == 7


def put(db: laminardb.Connection, name: str, count: int) -> threading.Thread:
    return on_a_thread(lambda: db.insert(name, {"k": list(range(count))}, wait=False))


def test_a_source_with_a_buffer_of_its_own() -> None:
    """Its rows count against its own bound, and others' against theirs."""
    with opened() as db:
        db.execute("CREATE SOURCE own (k BIGINT) WITH (buffer_size = 10)")
        db.execute("CREATE STREAM of_both AS SELECT k FROM own UNION ALL SELECT k FROM t")
        assert db.stats("own")["capacity"] == 10 and db.stats("t")["capacity"] == 100
        db.execute("BEGIN")
        put(db, "own", 8).join()
        own, t, both = db.source_metrics("own"), db.source_metrics("t"), db.stream_metrics("of_both")
        assert own is not None and t is not None and both is not None
        assert (own.pending, own.utilization, own.is_backpressured) == (8, 0.8, False)
        assert (t.pending, t.utilization, both.pending, both.capacity) == (0, 0.0, 8, 10)
        put(db, "t", 95).join()  # the common buffer has all its room
        assert db.stats("t")["utilization"] == 0.95 and db.stats("own")["utilization"] == 0.8
        both = db.stream_metrics("of_both")
        assert both is not None and (both.pending, both.capacity) == (103, 100)

        blocked = put(db, "own", 3)
        until(lambda: db.stats("own")["is_backpressured"] is True)
        t, both, s = db.source_metrics("t"), db.stream_metrics("of_both"), db.stream_metrics("s")
        assert t is not None and both is not None and s is not None
        assert (t.is_backpressured, s.is_backpressured, both.is_backpressured) == (False, False, True)
        put(db, "t", 5).join()  # 100 of 100
        db.execute("COMMIT")
        blocked.join()
        db.flush()
        assert [db.stats(n)["total_events"] for n in ("own", "t")] == [11, 100]
        assert [db.stats(n)["utilization"] for n in ("own", "t")] == [0.0, 0.0]


def test_a_full_buffer_of_its_own_gives_up_in_time() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(insert_timeout_ms=50)) as db:
        db.execute("CREATE SOURCE own (k BIGINT) WITH (buffer_size = 2)")
        db.execute("BEGIN")
        failures: list[laminardb.LaminarError] = []

        def fill() -> None:
            db.insert("own", {"k": [1, 2]}, wait=False)
            try:
                db.insert("own", {"k": 3}, wait=False)
            except laminardb.IngestionError as e:
                failures.append(e)

        on_a_thread(fill).join()
        db.execute("COMMIT")
        assert [e.code for e in failures] == [300]
        assert '2 rows of "own" wait for the engine (its buffer_size is 2)' in str(failures[0])
        db.flush()
        assert db.sql("SELECT k FROM own").fetchall() == [(1,), (2,)]
        db.insert("own", {"k": 3}, wait=False)
        db.flush()
        assert db.stats("own")["total_events"] == 3 and db.stats("own")["pending"] == 0


def test_threads_that_press_on_a_small_buffer_lose_nothing() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE own (k BIGINT) WITH (buffer_size = 3)")
        db.execute("CREATE STREAM s AS SELECT count(*) AS n, sum(k) AS total FROM own")
        db.start()
        threads = [
            on_a_thread(lambda: [db.insert("own", {"k": [1, 2]}, wait=False) for _ in range(200)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.join()
        db.flush()
        assert db.query_stream("s").fetchall() == [(3200, 4800)]
        stats = db.stats("own")
        assert (stats["pending"], stats["utilization"], stats["is_backpressured"]) == (0, 0.0, False)


def test_the_buffer_of_a_source_is_altered_and_comes_back(tmp_path: Path) -> None:
    with laminardb.open(tmp_path / "kept") as db:
        db.execute("CREATE SOURCE own (k BIGINT) WITH (buffer_size = 3)")
        db.execute("ALTER SOURCE own SET (buffer_size = 5)")
        assert db.stats("own")["capacity"] == 5
    with laminardb.open(tmp_path / "kept") as db:
        assert db.stats("own")["capacity"] == 5


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "'many'", "NULL"])
def test_a_bad_buffer_size_says_what_is_allowed(value: str) -> None:
    with laminardb.open() as db:
        with pytest.raises(laminardb.SchemaError, match=r'"buffer_size" is a number of rows, 1 or more') as e:
            db.execute(f"CREATE SOURCE own (k BIGINT) WITH (buffer_size = {value})")
        assert e.value.code == 203 and e.value.hint is not None


def test_a_reader_that_blocks() -> None:
    with opened() as db:
        sub = db.subscribe_stream("s", max_lag_bytes=1, on_lag="block")
        db.insert("t", {"k": 1})
        t, u, s = db.source_metrics("t"), db.source_metrics("u"), db.stream_metrics("s")
        assert t is not None and u is not None and s is not None
        assert (t.is_backpressured, u.is_backpressured, s.is_backpressured) == (True, False, True)
        assert t.utilization == 0 and t.pending == 0
        assert sub.next() is not None
        t = db.source_metrics("t")
        assert t is not None and not t.is_backpressured


def test_rows_of_a_pause_press_on_nobody() -> None:
    with opened() as db:
        db.pause()
        db.insert("t", {"k": list(range(500))})
        stats = db.stats("t")
        assert (stats["pending"], stats["utilization"], stats["is_backpressured"]) == (500, 0.0, False)


def test_a_stream_has_no_watermark_before_it_reads() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE e (ts BIGINT, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)")
        db.execute("CREATE SOURCE p (k BIGINT)")
        db.execute("CREATE STREAM es AS SELECT ts FROM e; CREATE STREAM ps AS SELECT k FROM p")
        db.insert("e", {"ts": 10_000})
        db.insert("p", {"k": 1})

        def watermarks() -> list[int]:
            return [m.watermark for m in db.all_stream_metrics()]

        e = db.source_metrics("e")
        assert e is not None and e.watermark == 9_000
        assert watermarks() == [LOWEST, LOWEST]
        db.start()
        assert watermarks()[0] == 9_000 and watermarks()[1] > LOWEST
        db.pause()
        db.insert("e", {"ts": 20_000})
        assert watermarks()[0] == 9_000
        db.resume()
        assert watermarks()[0] == 19_000


def test_the_state_of_a_closed_connection() -> None:
    db = laminardb.open()
    assert db.pipeline_state == "Created"
    db.shutdown()
    assert db.pipeline_state == "Stopped"
    db.close()
    with pytest.raises(laminardb.ConnectionError, match="Connection is closed") as e:
        _ = db.pipeline_state
    assert e.value.code == 101
