# SPDX-License-Identifier: Apache-2.0
"""Rows a second into a source that has a filter stream on it, by the form in which they come.

    python bench/ingestion.py [--rows 1000000] [--rounds 5] [--json]

The best of some rounds by wall time and by CPU time; what came is counted each time, in the source and in the
stream. --json prints an object a line."""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from typing import Any

import laminardb
import numpy as np
import pyarrow as pa


def forms(rows: int) -> dict[str, Callable[[Any], Any]]:
    """By name, what inserts all rows into the source t."""
    rng = np.random.default_rng(5)
    keys, values = rng.integers(0, 1000, rows), np.round(rng.random(rows), 4)
    names = pa.array([f"sym{i}" for i in range(100)]).take(pa.array(rng.integers(0, 100, rows)))
    table = pa.table({"k": keys, "v": values, "s": names})
    dicts, lists = table.to_pylist(), table.to_pydict()
    lines = "\n".join(json.dumps(row) for row in dicts)
    numbers = zip(keys.tolist(), values.tolist(), lists["s"], strict=True)
    commas = "k,v,s\n" + "".join(f"{k},{v},{s}\n" for k, v, s in numbers)
    batches = table.to_batches(max_chunksize=8192)
    some = dicts[: max(1, rows // 5)]

    def one_by_one(db: Any) -> None:
        for row in some:
            db.insert("t", row)

    def in_batches(db: Any) -> None:
        for batch in batches:
            db.insert("t", batch)

    return {
        "one-row dict": one_by_one,
        "list[dict]": lambda db: db.insert("t", dicts),
        "columns, lists": lambda db: db.insert("t", lists),
        "columns, NumPy": lambda db: db.insert("t", {"k": keys, "v": values, "s": lists["s"]}),
        "Arrow": lambda db: db.insert("t", table),
        "Arrow, batches of 8,192": in_batches,
        "CSV": lambda db: db.insert_csv("t", commas),
        "JSON lines": lambda db: db.insert_json("t", lines),
    }


def measure(name: str, insert: Callable[[Any], Any], rows: int, rounds: int) -> dict[str, Any]:
    wall, cpu = 1e9, 1e9
    rows = max(1, rows // 5) if name == "one-row dict" else rows
    for _ in range(rounds):
        with laminardb.open() as db:
            db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR)")
            db.execute("CREATE STREAM f AS SELECT k, v FROM t WHERE k >= 500")
            db.start()
            gc.collect()
            gc.disable()
            start, spent = time.perf_counter(), time.process_time()
            insert(db)
            wall, cpu = min(wall, time.perf_counter() - start), min(cpu, time.process_time() - spent)
            gc.enable()
            seen = db.query("SELECT count(*), count(*) FILTER (WHERE k >= 500) FROM t").fetchone()
            stream = db.stream_metrics("f")
            came = (rows, stream.total_events if stream else None)
            assert seen == came, (name, seen, came)
    return {"case": name, "rows": rows, "rate": rows / wall, "rate_per_core": rows / cpu, "answer": "ok"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="an object a line")
    args = parser.parse_args()
    for name, insert in forms(args.rows).items():
        row = measure(name, insert, args.rows, args.rounds)
        text = (
            f"{name:26} {row['rate'] / 1e6:9.2f} M rows/s {row['rate_per_core'] / 1e6:9.2f} M per CPU-second"
        )
        print(json.dumps(row) if args.json else text, flush=True)


if __name__ == "__main__":
    main()
