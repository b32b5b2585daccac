# SPDX-License-Identifier: Apache-2.0
"""The testing requirements of the specification (requirements.toml), each in a test that does what it says.

Other files look at the same things harder; here one can see that none was forgotten."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest

HERE = Path(__file__).parent
requirement = pytest.mark.requirement


@pytest.fixture
def running() -> Iterator[laminardb.Connection]:
    with laminardb.open(":memory:") as db:
        db.execute(
            "CREATE SOURCE ticks (symbol VARCHAR, price DOUBLE, ts BIGINT);"
            "CREATE STREAM totals AS SELECT symbol, sum(price) AS total FROM ticks GROUP BY symbol"
        )
        db.start()
        yield db


def tick(db: laminardb.Connection, symbol: str = "A", price: float = 1.0) -> None:
    db.insert("ticks", {"symbol": symbol, "price": price, "ts": 1})


def test_every_requirement_has_a_test() -> None:
    listed = tomllib.loads((HERE / "requirements.toml").read_text(encoding="utf-8"))
    wanted = {f"{f}.{i}" for f in listed for i in range(1, len(listed[f]["requirements"]) + 1)}
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("test_*.py")))
    marked = re.findall(r'requirement\("(F-PY-\d{3}\.\d+)"', text)
    assert {len(listed[f]["requirements"]) for f in listed} == {10, 8, 6, 11, 9} and len(wanted) == 60
    assert wanted - set(marked) == set(), "no test"
    assert {m for m in marked if m.partition(".")[0] in listed} <= wanted, "no such requirement"


# ---- F-PY-024


@requirement("F-PY-024.1")
def test_a_subscription_iterates_and_ends(running: laminardb.Connection) -> None:
    assert [batch.fetchall() for batch in running.subscribe("SELECT 1 AS one")] == [[(1,)]]
    sub = running.subscribe("SELECT symbol FROM ticks")
    tick(running)
    first = next(sub)
    assert isinstance(first, laminardb.QueryResult) and first.fetchall() == [("A",)] and iter(sub) is sub
    running.close()
    with pytest.raises(StopIteration):
        next(sub)


@requirement("F-PY-024.2")
@requirement("F-PY-025.2")
@requirement("F-PY-025.4")
def test_an_async_subscription_iterates_and_ends(running: laminardb.Connection) -> None:
    async def main() -> None:
        sub = await running.subscribe_async("SELECT symbol FROM ticks")
        assert type(sub) is laminardb.AsyncSubscription and sub.__aiter__() is sub
        tick(running)
        async for batch in sub:
            assert isinstance(batch, laminardb.QueryResult) and batch.fetchall() == [("A",)]
            break
        running.close()
        with pytest.raises(StopAsyncIteration):
            await sub.__anext__()
        finite = await laminardb.open().subscribe_async("SELECT 1 AS one")
        assert [batch.fetchall() async for batch in finite] == [[(1,)]]

    asyncio.run(main())


@requirement("F-PY-024.3")
def test_the_schema_of_a_stream_subscription(running: laminardb.Connection) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    schema = running.subscribe_stream("totals").schema
    assert isinstance(schema, pyarrow.Schema)
    assert schema.names == ["symbol", "total"] and schema.types == [pyarrow.string(), pyarrow.float64()]


@requirement("F-PY-024.4")
def test_next_timeout_gives_up(running: laminardb.Connection) -> None:
    sub = running.subscribe_stream("totals")
    began = time.monotonic()
    assert sub.next_timeout(30) is None and time.monotonic() - began >= 0.029
    tick(running)
    batch = sub.next_timeout(10_000)
    assert batch is not None and batch.fetchall() == [("A", 1.0)]


@requirement("F-PY-024.5")
def test_try_next_does_not_wait(running: laminardb.Connection) -> None:
    for sub in (running.subscribe("SELECT symbol FROM ticks"), running.subscribe_stream("totals")):
        assert sub.try_next() is None and sub.is_active


@requirement("F-PY-024.6")
@requirement("F-PY-024.8")
@requirement("F-PY-024.9")
def test_cancel_and_what_is_left(running: laminardb.Connection) -> None:
    for made, cancelled in (
        (lambda: running.subscribe("SELECT symbol FROM ticks"), "Subscription(cancelled, finished)"),
        (lambda: running.subscribe_stream("totals"), "StreamSubscription(cancelled)"),
    ):
        sub: Any = made()
        name = type(sub).__name__
        tick(running)
        assert sub.is_active and repr(sub) == f"{name}(active)"
        sub.cancel()
        sub.cancel()
        assert not sub.is_active and repr(sub) == cancelled
        assert sub.try_next() is sub.next() is sub.next_timeout(1) is None and list(sub) == []
        with pytest.raises(RuntimeError, match="has been cancelled"):
            _ = sub.schema
    ended = running.subscribe_stream("totals")
    running.close()
    assert ended.next() is None and repr(ended) == "StreamSubscription(finished)"


@requirement("F-PY-024.7")
def test_a_handler_gets_change_events_in_the_background(running: laminardb.Connection) -> None:
    seen: list[Any] = []
    came = threading.Event()

    def handle(event: laminardb.ChangeEvent) -> None:
        seen.append((threading.current_thread(), event))
        came.set()

    thread = laminardb.mv(running, "totals").subscribe(handler=handle)
    tick(running, price=5)
    assert came.wait(10) and thread.daemon
    on, event = seen[0]
    assert on is thread is not threading.main_thread() and isinstance(event, laminardb.ChangeEvent)
    assert [(row.op, row["symbol"], row["total"]) for row in event] == [("Insert", "A", 5.0)]
    running.close()
    thread.join(10)
    assert not thread.is_alive()


@requirement("F-PY-024.10")
def test_many_threads_subscribe(running: laminardb.Connection) -> None:
    got: list[int] = []

    def read(i: int) -> None:
        sub: Any = running.subscribe("SELECT ts FROM ticks") if i % 2 else running.subscribe_stream("totals")
        ready.wait()
        rows = 0
        while rows < 200 and (batch := sub.next()) is not None:
            rows += len(batch)
        got.append(rows)
        sub.cancel()

    ready = threading.Barrier(9)
    threads = [threading.Thread(target=read, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    ready.wait()
    for i in range(200):
        tick(running, str(i))
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads) and sorted(got) == [200] * 8


# ---- F-PY-025


@requirement("F-PY-025.1")
@requirement("F-PY-025.8")
def test_the_async_context_manager() -> None:
    async def main() -> None:
        async with laminardb.open(":memory:") as db:
            assert isinstance(db, laminardb.Connection) and not db.is_closed
        assert db.is_closed
        failing = laminardb.open()
        with pytest.raises(ZeroDivisionError):
            async with failing:
                _ = 1 / 0
        assert failing.is_closed
        assert await laminardb.open().__aexit__(None, None, None) is False

    asyncio.run(main())


@requirement("F-PY-025.3")
@requirement("F-PY-025.5")
def test_subscriptions_of_one_loop(running: laminardb.Connection) -> None:
    async def count(sub: Any, wanted: int) -> int:
        rows = 0
        async for batch in sub:
            rows += len(batch)
            if rows >= wanted:
                break
        return rows

    async def main() -> None:
        subs = [await running.subscribe_stream_async("totals") for _ in range(4)]
        assert all(type(sub) is laminardb.AsyncStreamSubscription for sub in subs)
        silent = await running.subscribe_async("SELECT * FROM ticks WHERE price < 0")
        waiting = asyncio.ensure_future(silent.__anext__())
        readers = [asyncio.ensure_future(count(sub, 20)) for sub in subs]
        for i in range(20):
            tick(running, str(i))
            await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.gather(*readers), 30) == [20] * 4
        assert not waiting.done()
        silent.cancel()
        with pytest.raises(StopAsyncIteration):
            await waiting

    asyncio.run(main())


@requirement("F-PY-025.6")
def test_opening_again_starts_nothing_more() -> None:
    def threads() -> int:
        folder = Path("/proc/self/task")
        return sum(1 for _ in folder.iterdir()) if folder.is_dir() else threading.active_count()

    async def use() -> None:
        async with laminardb.open() as db:
            sub = await db.subscribe_async("SELECT 1 AS one")
            assert [len(batch) async for batch in sub] == [1]

    asyncio.run(use())
    before = threads()
    for _ in range(20):
        asyncio.run(use())
    assert threads() <= before


@requirement("F-PY-025.7")
def test_others_run_while_a_call_waits(running: laminardb.Connection) -> None:
    sub = running.subscribe_stream("totals")
    waiting = threading.Thread(target=sub.next)
    waiting.start()
    steps = 0
    while steps < 1000:  # would stand still if the waiter held the lock
        steps += 1
    assert waiting.is_alive()
    tick(running)
    waiting.join(10)
    assert not waiting.is_alive()
    ran = threading.Event()
    other = threading.Thread(target=ran.set)
    slow = threading.Thread(
        target=lambda: running.query(
            "SELECT count(*) FROM range(3000) a(x), range(3000) b(y) WHERE x * y % 7 = 1"
        )
    )
    slow.start()
    other.start()
    assert ran.wait(30)
    slow.join()


# ---- F-PY-029

FOUR = {
    "buffer_size": 65536,
    "storage_dir": None,
    "checkpoint_interval_ms": None,
    "table_spill_threshold": 1_000_000,
}


@requirement("F-PY-029.1")
@requirement("F-PY-029.2")
@requirement("F-PY-029.5")
def test_the_configs_defaults() -> None:
    config = laminardb.LaminarConfig()
    assert {
        name: getattr(config, name) for name in FOUR
    } == FOUR and laminardb.Config is laminardb.LaminarConfig
    given = {"buffer_size": 5, "storage_dir": "/x", "checkpoint_interval_ms": 6, "table_spill_threshold": 7}
    config = laminardb.LaminarConfig(**given)
    assert {name: getattr(config, name) for name in FOUR} == given
    with pytest.raises(AttributeError):
        config.buffer_size = 1


@requirement("F-PY-029.3")
@requirement("F-PY-029.6")
def test_open_takes_a_config() -> None:
    config = laminardb.LaminarConfig(buffer_size=1024, checkpoint_interval_ms=30_000)
    with laminardb.open("db", config=config) as db:
        assert db.config_get("buffer_size") == 1024
    assert config.checkpoint_interval_ms == 30_000
    with pytest.raises(TypeError, match="must be a LaminarConfig"):
        laminardb.open("db", config={"buffer_size": 1})  # type: ignore[arg-type]


@requirement("F-PY-029.4")
def test_the_configs_repr() -> None:
    assert repr(
        laminardb.LaminarConfig(storage_dir="/var/lib/laminar/prod", checkpoint_interval_ms=30000)
    ) == (
        'LaminarConfig(buffer_size=65536, storage_dir="/var/lib/laminar/prod", '
        "checkpoint_interval_ms=30000, table_spill_threshold=1000000)"
    )
    assert repr(laminardb.LaminarConfig()) == (
        "LaminarConfig(buffer_size=65536, storage_dir=None, checkpoint_interval_ms=None, "
        "table_spill_threshold=1000000)"
    )


@requirement("F-PY-029.7")
def test_storage_dir_is_where_a_bare_name_lives(tmp_path: Path) -> None:
    config = laminardb.LaminarConfig(storage_dir=str(tmp_path / "data"))
    for given in ("trades", str(tmp_path / "elsewhere.ldb"), ":memory:"):
        with laminardb.open(given, config=config) as db:
            db.execute("CREATE TABLE t (k BIGINT); INSERT INTO t VALUES (1)")
    assert (tmp_path / "data/trades").is_dir() and (tmp_path / "elsewhere.ldb").is_dir()
    with laminardb.open("trades", config=config) as db:
        assert db.query("SELECT * FROM t").fetchall() == [(1,)]


@requirement("F-PY-029.8")
def test_a_config_serves_several_connections() -> None:
    config = laminardb.LaminarConfig(buffer_size=77)
    for again in (config, copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert again == config and hash(again) == hash(config)
        with laminardb.open(config=again) as db:
            assert db.config_get("buffer_size") == 77


# ---- F-PY-030


@pytest.fixture
def orders(running: laminardb.Connection) -> laminardb.Connection:
    for symbol, price in (("A", 1.0), ("B", 2.0), ("A", 3.0)):
        tick(running, symbol, price)
    return running


@requirement("F-PY-030.1")
@requirement("F-PY-030.6")
@requirement("F-PY-030.7")
@requirement("F-PY-030.8")
@requirement("F-PY-030.11")
def test_query_and_fetch(orders: laminardb.Connection) -> None:
    text = "SELECT symbol, price FROM ticks ORDER BY price"
    rows = [("A", 1.0), ("B", 2.0), ("A", 3.0)]
    for ask in (orders.query, orders.sql):
        result = ask(text)
        assert isinstance(result, laminardb.QueryResult) and result.num_rows == 3
        assert result.fetchall() == rows and all(type(row) is tuple for row in result.fetchall())
        assert result.fetchone() == rows[0] and type(result.fetchone()) is tuple
        assert [result.fetchmany(n) for n in (0, 2, 9)] == [[], rows[:2], rows]
    assert orders.query("SELECT 1 WHERE false").fetchone() is None


@requirement("F-PY-030.2")
@requirement("F-PY-030.10")
def test_execute_says_what_it_was(orders: laminardb.Connection) -> None:
    for text, kind, count, true in (
        ("CREATE SOURCE more (x INT)", "ddl", 0, True),
        ("INSERT INTO more VALUES (1), (2)", "rows_affected", 2, True),
        ("SELECT * FROM more", "query", 2, True),
        ("SHOW SOURCES", "metadata", 2, True),
        ("INSERT INTO more SELECT x FROM more WHERE false", "rows_affected", 0, False),
    ):
        result = orders.execute(text)
        assert (result.result_type, int(result), bool(result)) == (kind, count, true), text


@requirement("F-PY-030.3")
@requirement("F-PY-030.4")
@requirement("F-PY-030.5")
def test_query_stream_and_its_filter(orders: laminardb.Connection) -> None:
    assert sorted(orders.query_stream("totals")) == [("A", 4.0), ("B", 2.0)]
    assert orders.query_stream("totals", filter="symbol = 'A'").fetchall() == [("A", 4.0)]
    with pytest.raises(laminardb.QueryError, match="Stream not found: nothing") as e:
        orders.query_stream("nothing")
    assert e.value.code == 200


@requirement("F-PY-030.9")
def test_explain_gives_a_plan(orders: laminardb.Connection) -> None:
    plan = orders.explain("SELECT * FROM ticks WHERE symbol = 'A'")
    assert isinstance(plan, str) and "Filter" in plan and "Scan ticks" in plan
