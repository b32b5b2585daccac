# SPDX-License-Identifier: Apache-2.0
"""A database larger than its memory: python bench/paging.py FOLDER [--gb 10] [--limit-mb 2048].

Takes bids until their rows are so large, asks, makes a checkpoint, opens the database again and asks the
same; the database is removed at the end. Prints rates, memory of the process, and bytes on disk.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import laminardb
import numpy as np
import pyarrow as pa

BATCH = 1 << 18
ROW_BYTES = 8 * 4 + 8 + 16 + 44  # five numbers, a view and its text
DDL = """
    CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel BIGINT, url VARCHAR,
        ts TIMESTAMP);
    CREATE STREAM per_channel AS SELECT channel, count(*) AS n, max(price) AS high FROM bid GROUP BY channel
"""
QUERIES = (
    "SELECT count(*), max(price) FROM bid",
    "SELECT channel, count(*), sum(price) FROM bid GROUP BY channel ORDER BY channel",
    "SELECT count(*), min(url) FROM bid WHERE ts BETWEEN '2023-11-14 22:20:00' AND '2023-11-14 22:20:10'",
    "SELECT url, count(*) FROM bid GROUP BY url ORDER BY 2 DESC, 1 LIMIT 3",
    "SELECT * FROM per_channel ORDER BY channel",
)
URLS = pa.array([f"https://www.nexmark.com/item.htm?query={i}" for i in range(1000)])


def bids(rng: np.random.Generator, batch: int) -> pa.Table:
    ids = np.arange(batch * BATCH, (batch + 1) * BATCH)
    return pa.table(
        {
            "auction": 1000 + rng.integers(0, 5000, BATCH) + batch * 10,
            "bidder": rng.integers(0, 100_000, BATCH),
            "price": rng.integers(100, 10_000_000, BATCH),
            "channel": rng.integers(0, 20, BATCH),
            "url": URLS.take(pa.array(rng.integers(0, 1000, BATCH))),
            "ts": pa.array(1_700_000_000_000_000 + ids * 100, pa.timestamp("us")),
        }
    )


def resident_mb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


def timed(what: str, run: Callable[[], object]) -> tuple[object, float]:
    began = time.perf_counter()
    found = run()
    took = time.perf_counter() - began
    print(f"{what:60.60} {took:8.2f} s, process {resident_mb():6} MB", flush=True)
    return found, took


def ask(db: laminardb.Connection) -> list[object]:
    return [timed("  " + q, lambda q=q: db.query(q).fetchall())[0] for q in QUERIES]


def ingest(db: laminardb.Connection, batches: int) -> None:
    rng = np.random.default_rng(1)
    took = 0.0
    for i in range(batches):
        rows = bids(rng, i)
        began = time.perf_counter()
        db.insert("bid", rows)
        took += time.perf_counter() - began
    m = db.source_metrics("bid")
    assert m is not None
    print(
        f"ingest: {batches * BATCH / 1e6:.1f} M rows, {m.retained_bytes / 1e9:.2f} GB in {took:.1f} s: "
        f"{batches * BATCH / took / 1e6:.2f} M rows/s, {m.retained_bytes / took / 1e6:.0f} MB/s; "
        f"{m.spilled_bytes / 1e9:.2f} GB on disk alone; process {resident_mb()} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gb", type=float, default=10)
    parser.add_argument("--limit-mb", type=int, default=2048)
    given = parser.parse_args()
    path = given.folder / "paging.ldb"
    config = laminardb.LaminarConfig(
        memory_limit=given.limit_mb << 20, durability="async", checkpoint_interval_ms=3_600_000
    )
    batches = int(given.gb * 1e9 / ROW_BYTES / BATCH)
    shutil.rmtree(path, ignore_errors=True)
    with laminardb.open(path, config=config) as db:
        db.execute(DDL)
        db.start()
        ingest(db, batches)
        before = ask(db)
        timed("checkpoint", db.checkpoint)
    size = sum(f.stat().st_size for f in path.glob("rows-*"))
    print(f"rows on disk: {size / 1e9:.3f} GB in {len(list(path.glob('rows-*')))} files", flush=True)
    print(f"{size / batches / BATCH:.1f} bytes a row", flush=True)
    opened, took = timed("open", lambda: laminardb.open(path, config=config))
    print(f"opened: {size / took / 1e9:.2f} GB/s of files", flush=True)
    assert isinstance(opened, laminardb.Connection)
    with opened as db:
        print("the same answers:", ask(db) == before, flush=True)
        timed("verify", db.verify)
    shutil.rmtree(path)


if __name__ == "__main__":
    main()
