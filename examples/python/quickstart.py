# SPDX-License-Identifier: Apache-2.0
"""The first five minutes: a source, two streams, a subscription, a query."""

from __future__ import annotations

import laminardb

with laminardb.open() as db:
    db.execute("""
        CREATE SOURCE trades (
            symbol VARCHAR, price DOUBLE, volume BIGINT, ts TIMESTAMP,
            WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
        );
        CREATE STREAM totals AS
            SELECT symbol, count(*) AS trades, sum(volume) AS volume FROM trades GROUP BY symbol;
        CREATE STREAM minutes AS
            SELECT symbol, window_start AS minute, min(price) AS low, max(price) AS high
            FROM trades GROUP BY symbol, TUMBLE(ts, INTERVAL '1' MINUTE)
            EMIT ON WINDOW CLOSE
    """)
    db.start()
    changes = db.subscribe_stream("totals")

    # A row, a list of rows, or columns. When insert returns, every stream has them.
    db.insert("trades", {"symbol": "ACME", "price": 41.5, "volume": 100, "ts": "2024-03-01 09:30:00"})
    print("changed:", changes.try_next().fetchall())

    db.insert(
        "trades",
        [
            {"symbol": "ACME", "price": 42.0, "volume": 50, "ts": "2024-03-01 09:30:20"},
            {"symbol": "INIT", "price": 7.25, "volume": 900, "ts": "2024-03-01 09:30:40"},
        ],
    )
    print("changed:", sorted(changes.try_next().fetchall()))

    # Event time passes 09:31:05: the minute from 09:30 is over for good.
    db.insert(
        "trades",
        {
            "symbol": ["INIT", "ACME"],
            "price": [7.5, 41.0],
            "volume": [10, 20],
            "ts": ["2024-03-01 09:31:10", "2024-03-01 09:31:08"],
        },
    )
    print("\nfinal minutes:")
    db.query("SELECT * FROM minutes ORDER BY symbol").show()

    print("\nby volume:")
    db.query("SELECT symbol, volume FROM totals ORDER BY volume DESC").show()
