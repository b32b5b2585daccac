# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that call: their threads, their errors, their end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import laminardb
import pytest


@pytest.fixture
def streams(db: laminardb.Connection) -> laminardb.Connection:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE SOURCE log (k BIGINT)")
    db.execute("CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
    db.start()
    return db


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def test_both_kinds(streams: laminardb.Connection) -> None:
    db = streams
    got: list[Any] = []
    names: set[str] = set()

    def on_data(batch: laminardb.QueryResult) -> None:
        names.add(threading.current_thread().name)
        got.extend(batch)
        db.insert("log", {"k": batch.num_rows})  # a callback may call the database

    db.insert("t", {"k": 1})
    query = db.subscribe_callback("SELECT k FROM t", on_data)
    wait_for(lambda: got == [(1,)])
    stream = db.subscribe_stream_callback("s", on_data, on_error=print)
    assert repr(query) == "CallbackSubscription(active)" and query.is_active and stream.is_active
    assert not query.wait(0.01)
    db.insert("t", {"k": 2})
    wait_for(lambda: sorted(got) == [(1,), (2,), (2, 1)])
    assert names == {"laminardb-callback-query", "laminardb-callback-stream"}
    query.cancel()
    query.cancel()
    assert query.wait(5) and repr(query) == "CallbackSubscription(cancelled)" and not query.is_active
    db.close()
    assert stream.wait(5) and not stream.is_active
    assert not any(t.name.startswith("laminardb-") for t in threading.enumerate())


def test_leaving_with_cancels(streams: laminardb.Connection) -> None:
    got: list[object] = []
    with (
        streams.subscribe_callback("SELECT * FROM t", got.append) as called,
        streams.subscribe("SELECT * FROM t") as read,
    ):
        assert called.is_active and read.is_active
    assert not called.is_active and not read.is_active
    with pytest.raises(ValueError), streams.subscribe("SELECT * FROM t") as read:
        raise ValueError
    assert not read.is_active


def test_finite_query_ends(db: laminardb.Connection) -> None:
    got: list[Any] = []
    sub = db.subscribe_callback("SELECT 1 AS one", got.extend)
    assert sub.wait(5) and got == [(1,)] and not sub.is_active


def test_errors_become_messages(streams: laminardb.Connection) -> None:
    messages: list[str] = []
    seen: list[Any] = []

    def on_data(batch: laminardb.QueryResult) -> None:
        seen.extend(batch)
        if len(seen) < 3:
            raise ValueError("no good")

    sub = streams.subscribe_stream_callback("s", on_data, messages.append)
    for k in range(4):
        streams.insert("t", {"k": k})
    wait_for(lambda: len(seen) == 4)
    assert messages == ["ValueError: no good"] * 2 and sub.is_active
    sub.cancel()
    assert sub.wait(5)
    streams.execute("CREATE STREAM bad AS SELECT 9223372036854775807 + k AS x FROM t WHERE k > 5")
    bad = streams.subscribe_stream_callback("bad", seen.append, messages.append)
    streams.insert("t", {"k": 9})
    assert bad.wait(5) and messages[2].startswith("StreamError (600): ")


@pytest.mark.parametrize("on_error", [None, lambda message: 1 / 0])
def test_without_a_way_out_it_stops(
    streams: laminardb.Connection, on_error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)

    def broken(batch: Any) -> None:
        batch.nope()

    sub = streams.subscribe_stream_callback("s", broken, on_error)
    streams.insert("t", {"k": 1})
    assert sub.wait(5) and not sub.is_active
    assert faults[0].exc_type is (AttributeError if on_error is None else ZeroDivisionError)


def test_cancel_and_wait_inside_a_callback(streams: laminardb.Connection) -> None:
    waited: list[bool] = []
    made: list[laminardb.CallbackSubscription] = []
    ready = threading.Event()

    def on_data(batch: laminardb.QueryResult) -> None:
        ready.wait(5)
        waited.append(made[0].wait())
        made[0].cancel()

    made.append(streams.subscribe_stream_callback("s", on_data))
    ready.set()
    streams.insert("t", {"k": 1})
    streams.insert("t", {"k": 1})
    assert made[0].wait(5) and waited == [False]


def test_wrong_arguments(streams: laminardb.Connection) -> None:
    for call in (
        lambda: streams.subscribe_callback("SELECT k FROM t", 1),  # type: ignore[arg-type]
        lambda: streams.subscribe_callback("SELECT k FROM t", print, 1),  # type: ignore[arg-type]
        lambda: streams.on_change("s")(1),  # type: ignore[type-var]
    ):
        with pytest.raises(TypeError, match="callable"):
            call()
    with pytest.raises(laminardb.SchemaError):
        streams.subscribe_stream_callback("nope", print)
    assert not any(t.name.startswith("laminardb-") for t in threading.enumerate())


def test_on_change(streams: laminardb.Connection) -> None:
    ops: list[str] = []

    @streams.on_change("s")
    def changed(event: laminardb.ChangeEvent) -> None:
        ops.extend(row.op for row in event)

    assert callable(changed)
    streams.insert("t", {"k": 1})
    streams.insert("t", {"k": 1})
    wait_for(lambda: ops == ["Insert", "Update"])


PATIENCE = int(os.environ.get("LAMINAR_PATIENCE", "1"))  # how many times slower than usual everything is
EXITS = {
    "idle": "",
    "busy": "f = lambda: [db.insert('t', {'k': i}) for i in range(10**9)]\n"
    "threading.Thread(target=f, daemon=True).start()",
    "calls": "db.subscribe_stream_callback('s', lambda b: db.query('SELECT 1'))",
    "slow callback": "db.subscribe_stream_callback('s', lambda b: time.sleep(60)); db.insert('t', {'k': 2})",
    "no name left": "del db",
    "closed": "db.close()",
    "exception": "raise SystemExit(0)",
}


def ended(code: str, seconds: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds * PATIENCE)


@pytest.mark.parametrize("state", EXITS)
def test_interpreter_exit(state: str) -> None:
    code = (
        "import laminardb, threading, time, asyncio\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) FROM t GROUP BY k')\n"
        "db.start()\n"
        "keep = [db.subscribe_stream_callback('s', lambda b: b.fetchall()) for _ in range(3)]\n"
        "keep.append(db.subscribe_callback('SELECT * FROM t', lambda b: b.to_dicts()))\n"
        "laminardb.mv(db, 's').subscribe(lambda e: list(e))\n"
        "async def wait():\n"
        "    asyncio.ensure_future(anext(await db.subscribe_stream_async('s')))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(wait())\n"
        "db.insert('t', {'k': 1})\n"
        f"{EXITS[state]}\n"
    )
    for _ in range(3):
        began = time.monotonic()
        out = ended(code, 30)
        assert out.returncode == 0 and out.stderr == "", out.stderr
        assert time.monotonic() - began < 5 * PATIENCE


def test_interrupts() -> None:
    """Ctrl-C ends a wait for a callback subscription, and an event loop that waits for rows."""
    head = (
        "import laminardb, signal, os, threading, asyncio\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT * FROM t'); db.start()\n"
        "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "async def read():\n    async for b in await db.subscribe_stream_async('s'): pass\n"
    )
    for wait in ("db.subscribe_stream_callback('s', print).wait()", "asyncio.run(read())"):
        code = f"{head}try:\n    {wait}\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
        out = ended(code, 20)
        assert out.stdout == "interrupted\n" and out.returncode == 0, out.stderr
