# SPDX-License-Identifier: Apache-2.0
"""What metrics say of a queue in front of a busy engine, of a reader that blocks, and before a start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

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
