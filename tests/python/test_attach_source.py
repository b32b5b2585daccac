# SPDX-License-Identifier: Apache-2.0
"""attach_source: what an iterable gives is in the source, once and in order, whatever ends it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import laminardb
import pytest
from laminardb import Connection, IngestionError, SchemaError


@pytest.fixture
def table(db: Connection) -> Connection:
    db.execute("CREATE SOURCE t (v BIGINT); CREATE STREAM s AS SELECT count(*) AS n, sum(v) AS v FROM t")
    db.start()
    return db


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.001)


def values(db: Connection) -> list[int]:
    return [v for (v,) in db.query("SELECT v FROM t").fetchall()]


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_a_generator(table: Connection, batch: int) -> None:
    feed = table.attach_source("t", ({"v": i} for i in range(500)), batch=batch)
    assert feed.wait(60) and feed.error is None and feed.rows == 500 and not feed.is_active
    assert values(table) == list(range(500))
    assert table.query("FROM s").fetchall() == [(500, 124750)]
    assert repr(feed) == "AttachedSource('t', finished, rows=500)"


def test_batches(table: Connection) -> None:
    feed = table.attach_source(
        "T", iter([{"v": [1, 2]}, [{"v": 3}], [(4,), (5,)], table.query("SELECT 6 AS v")])
    )
    assert feed.wait(60) and feed.error is None and values(table) == [1, 2, 3, 4, 5, 6]


def test_an_asynchronous_generator(table: Connection) -> None:
    ended = []

    async def rows() -> AsyncIterator[Any]:
        try:
            for i in range(300):
                await asyncio.sleep(0)
                yield {"v": i}
        finally:
            ended.append(True)

    async def main() -> None:
        beats = 0
        feed = table.attach_source("t", rows(), batch=10)
        while feed.is_active:
            beats += 1
            await asyncio.sleep(0.001)
        assert feed.error is None and feed.rows == 300 and beats > 0

    asyncio.run(main())
    assert values(table) == list(range(300)) and ended == [True]


def test_an_asynchronous_one_is_cancelled(table: Connection) -> None:
    async def rows() -> AsyncIterator[Any]:
        yield {"v": 1}
        await asyncio.sleep(1000)

    async def main() -> None:
        feed = table.attach_source("t", rows())
        while feed.rows == 0:
            await asyncio.sleep(0.001)
        feed.cancel()
        while feed.is_active:
            await asyncio.sleep(0.001)
        assert feed.error is None

    asyncio.run(main())
    assert values(table) == [1]


def test_cancel(table: Connection) -> None:
    closed = threading.Event()

    def rows() -> Iterator[Any]:
        try:
            i = 0
            while True:
                yield {"v": i}
                i += 1
        finally:
            closed.set()

    feed = table.attach_source("t", rows())
    until(lambda: feed.rows >= 10)
    feed.cancel()
    feed.cancel()
    assert feed.wait(60) and closed.wait(60) and feed.error is None
    assert values(table) == list(range(feed.rows))


@pytest.mark.parametrize("how", ["close", "shutdown"])
def test_the_end_of_the_database(how: str) -> None:
    db = laminardb.open()
    db.execute("CREATE SOURCE t (v BIGINT)")
    db.start()
    feed = db.attach_source("t", ({"v": 1} for _ in iter(int, 1)))
    until(lambda: feed.rows >= 10)
    getattr(db, how)()
    assert feed.wait(60) and feed.error is None
    if how == "shutdown":
        assert len(values(db)) == feed.rows
    db.close()


def test_an_error_of_the_iterable(table: Connection) -> None:
    def rows() -> Iterator[Any]:
        yield {"v": 1}
        raise OSError("the line is dead")

    feed = table.attach_source("t", rows())
    assert feed.wait(60) and isinstance(feed.error, OSError) and values(table) == [1]
    assert table.source_metrics("t").error == "OSError: the line is dead"  # type: ignore[union-attr]
    errors = table.query("SELECT code, kind, object, message FROM laminar.errors").fetchall()
    assert errors == [(800, "source", "t", "OSError: the line is dead")]
    assert table.pipeline_state == "Running" and table.insert("t", {"v": 2}) == 1


def test_a_row_that_is_refused(table: Connection) -> None:
    feed = table.attach_source("t", [{"v": 1}, {"v": "many"}, {"v": 3}])
    assert feed.wait(60) and isinstance(feed.error, IngestionError) and values(table) == [1]
    wrong: list[Exception] = []
    feed = table.attach_source("t", [{"v": "few"}, {"x": 1}, {"v": 4}], on_error=wrong.append)
    assert feed.wait(60) and feed.error is None and values(table) == [1, 4]
    assert [type(e) for e in wrong] == [IngestionError, IngestionError]


def test_back_pressure(table: Connection) -> None:
    """A subscriber that blocks holds the feed up; no row is lost or kept in between."""
    slow = table.subscribe("SELECT v FROM t", max_lag_bytes=1000, on_lag="block")
    asked = 0

    def rows() -> Iterator[Any]:
        nonlocal asked
        for i in range(2000):
            asked += 1
            yield {"v": i}

    feed = table.attach_source("t", rows())
    until(lambda: table.stats("t")["is_backpressured"] is True)
    assert feed.is_active and asked < 2000
    seen: list[int] = []
    while len(seen) < 2000:
        batch = slow.next_timeout(60_000)
        assert batch is not None
        seen += [v for (v,) in batch.fetchall()]
    assert feed.wait(60) and feed.error is None and seen == list(range(2000))


@pytest.mark.parametrize("rows", [5, "abc", {"v": [1]}, None])
def test_not_an_iterable_of_rows(table: Connection, rows: Any) -> None:
    with pytest.raises(TypeError, match="iterable of rows or batches"):
        table.attach_source("t", rows)


def test_refused(table: Connection) -> None:
    async def none() -> AsyncIterator[Any]:
        yield {"v": 1}

    with pytest.raises(SchemaError, match="not found"):
        table.attach_source("nothing", [])
    with pytest.raises(TypeError, match="running event loop"):
        table.attach_source("t", none())
    with pytest.raises(ValueError, match="at least 1"):
        table.attach_source("t", [], batch=0)


@pytest.mark.parametrize("how", ["the end", "Ctrl-C", "a wait"])
def test_the_interpreter_ends(how: str) -> None:
    end = {
        "the end": "",
        "Ctrl-C": "os.kill(os.getpid(), signal.SIGINT); time.sleep(5)",
        "a wait": "waits = db.attach_source('t', wait())",
    }[how]
    script = (
        "import laminardb, os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait():\n    time.sleep(1000)\n    yield\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (v BIGINT) WITH (retain = \\'10 rows\\')')\n"
        "db.start()\n"
        "feed = db.attach_source('t', ({'v': 1} for _ in iter(int, 1)))\n"
        "while feed.rows < 10: pass\n" + end
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True)
    if how == "Ctrl-C":
        assert done.stderr.strip().endswith("KeyboardInterrupt") and "Fatal" not in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")
