# SPDX-License-Identifier: Apache-2.0
"""The usage examples of the specification, run as printed; asserts are added after them."""

from __future__ import annotations

import asyncio
import threading

import laminardb
import pytest


def test_fpy024_subscriptions(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    with laminardb.open(":memory:") as db:
        db.execute("CREATE SOURCE ticks (symbol VARCHAR, price DOUBLE, ts BIGINT)")
        db.execute(
            "CREATE STREAM vwap AS SELECT symbol, SUM(price)/COUNT(*) AS avg_price FROM ticks GROUP BY symbol"
        )
        db.start()

        # --- Sync iteration over SQL query stream ---
        sub = db.subscribe("SELECT * FROM ticks")
        db.insert("ticks", {"symbol": "AAPL", "price": 150.0, "ts": 1})
        batch = sub.try_next()  # non-blocking poll
        if batch is not None:
            print(batch.to_pandas())
        sub.cancel()
        assert batch is not None and batch.fetchall() == [("AAPL", 150.0, 1)]

        # --- Sync iteration over named stream ---
        ssub = db.subscribe_stream("vwap")
        print(ssub.schema)  # pyarrow.Schema
        db.insert("ticks", {"symbol": "GOOG", "price": 2800.0, "ts": 2})
        result = ssub.next_timeout(1000)  # wait up to 1 second
        if result:
            print(result.to_dicts())
        assert result is not None and result.to_dicts() == {"symbol": ["GOOG"], "avg_price": [2800.0]}
        assert ssub.schema.names == ["symbol", "avg_price"]
        ssub.cancel()
        assert not ssub.is_active and not sub.is_active

        # --- Callback mode ---
        from laminardb import ChangeEvent

        mv = laminardb.mv(db, "vwap")
        fired = threading.Event()

        def on_change(event: ChangeEvent) -> None:
            print(f"Got {len(event)} rows")
            fired.set()

        thread = mv.subscribe(handler=on_change)
        db.insert("ticks", {"symbol": "AAPL", "price": 155.0, "ts": 3})
        # callback fires in background daemon thread
        assert fired.wait(5) and thread.daemon
    thread.join(5)
    assert not thread.is_alive()
    out = capsys.readouterr().out
    assert "AAPL" in out and "avg_price: double" in out and "Got 1 rows" in out


def test_fpy030_adhoc(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    with laminardb.open(":memory:") as db:
        # Create and populate
        db.execute("CREATE SOURCE orders (id BIGINT, symbol VARCHAR, qty INT, price DOUBLE)")
        db.execute(
            "CREATE STREAM portfolio AS SELECT symbol, SUM(qty) AS total_qty, AVG(price) AS avg_price "
            "FROM orders GROUP BY symbol"
        )
        db.start()

        db.insert(
            "orders",
            [
                {"id": 1, "symbol": "AAPL", "qty": 100, "price": 150.0},
                {"id": 2, "symbol": "GOOG", "qty": 50, "price": 2800.0},
                {"id": 3, "symbol": "AAPL", "qty": 200, "price": 152.0},
            ],
        )

        # Ad-hoc query on source data
        result = db.query("SELECT symbol, SUM(qty) AS total FROM orders GROUP BY symbol")
        print(result.to_pandas())
        assert sorted(result.fetchall()) == [("AAPL", 300), ("GOOG", 50)]

        # Query a named stream (re-executes its SQL definition)
        portfolio = db.query_stream("portfolio")
        print(portfolio.to_dicts())
        assert sorted(portfolio) == [("AAPL", 300, 151.0), ("GOOG", 50, 2800.0)]

        # Filtered stream query
        aapl_only = db.query_stream("portfolio", filter="symbol = 'AAPL'")
        print(aapl_only.to_pandas())
        assert aapl_only.fetchall() == [("AAPL", 300, 151.0)]

        # ExecuteResult for DDL
        er = db.execute("CREATE SOURCE new_source (x INT)")
        assert er.result_type == "ddl"
        assert er.ddl_type == "CREATE SOURCE"
        assert er.ddl_object == "new_source"

        # Cursor-style
        result = db.query("SELECT * FROM orders")
        first = result.fetchone()  # single tuple
        top5 = result.fetchmany(5)  # list of tuples
        all_rows = result.fetchall()  # all as tuples
        assert first == (1, "AAPL", 100, 150.0)
        assert top5 == all_rows and len(all_rows) == 3

        # Explain plan
        plan = db.explain("SELECT * FROM orders WHERE symbol = 'AAPL'")
        print(plan)
        assert "filter" in plan.lower() and "orders" in plan

        # DuckDB-style alias
        result = db.sql("SELECT COUNT(*) FROM orders")
        assert result.fetchall() == [(3,)]


def test_fpy024_async(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")

    async def main() -> None:
        async with laminardb.open(":memory:") as db:
            db.execute("CREATE SOURCE events (id BIGINT, data VARCHAR)")
            db.start()

            # --- Async iteration over SQL query stream ---
            asub = await db.subscribe_async("SELECT * FROM events")
            db.insert("events", {"id": 1, "data": "hello"})
            async for batch in asub:
                print(batch.to_pandas())
                break  # process one batch

            # --- Async iteration over named stream ---
            db.execute("CREATE STREAM derived AS SELECT id, UPPER(data) AS upper_data FROM events")
            assub = await db.subscribe_stream_async("derived")
            db.insert("events", {"id": 2, "data": "world"})
            async for batch in assub:
                print(batch.to_arrow())
                break

    asyncio.run(main())
    out = capsys.readouterr().out
    assert "hello" in out and "WORLD" in out


def test_fpy025_streaming_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    rounds = 20  # 100 in the specification; its consume() never ends

    async def streaming_pipeline() -> None:
        async with laminardb.open(":memory:") as db:
            db.execute("CREATE SOURCE market_data (symbol VARCHAR, price DOUBLE, volume BIGINT, ts BIGINT)")
            db.execute("""
                CREATE STREAM ohlc AS
                SELECT symbol,
                       FIRST_VALUE(price) AS open,
                       MAX(price) AS high,
                       MIN(price) AS low,
                       LAST_VALUE(price) AS close
                FROM market_data
                GROUP BY symbol
            """)
            db.start()

            sub = await db.subscribe_stream_async("ohlc")

            # Insert data from another coroutine
            async def produce() -> None:
                for i in range(rounds):
                    db.insert(
                        "market_data",
                        {
                            "symbol": "AAPL",
                            "price": 150.0 + i * 0.1,
                            "volume": 1000 + i,
                            "ts": i,
                        },
                    )
                    await asyncio.sleep(0.01)
                sub.cancel()

            async def consume() -> None:
                async for batch in sub:
                    print(batch.to_pandas())

            await asyncio.gather(produce(), consume())

    asyncio.run(streaming_pipeline())
    assert capsys.readouterr().out.count("AAPL") == rounds
