# SPDX-License-Identifier: Apache-2.0
"""One-row inserts into a kept database, for each durability, from one thread and from eight, beside a bare
write and fdatasync of as many bytes. What was inserted is counted after another opening.

    python bench/durable_inserts.py [ROWS [DIRECTORY]] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import laminardb
from laminardb import LaminarConfig

THREADS = 8


def timed(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def bare(path: Path, rows: int) -> float:
    """Into a file that has its room and was written before, as a log's has."""
    record = bytes(96)
    fd = os.open(path, os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, bytes(rows * len(record)), 0)
    os.fsync(fd)

    def run() -> None:
        for i in range(rows):
            os.pwrite(fd, record, i * len(record))
            os.fdatasync(fd)

    seconds = timed(run)
    os.close(fd)
    return seconds


def inserts(path: Path, durability: str, rows: int, threads: int) -> float:
    config = LaminarConfig(durability=durability)
    share = rows // threads
    with laminardb.open(path, config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE)")
        db.start()

        def work(first: int) -> None:
            for i in range(first, first + share):
                db.insert("t", (i, 0.5))

        def run() -> None:
            if threads == 1:
                work(0)
                return
            workers = [threading.Thread(target=work, args=(n * share,)) for n in range(threads)]
            for w in workers:
                w.start()
            for w in workers:
                w.join()

        seconds = timed(run)
    with laminardb.open(path, config=config) as db:
        got = db.query("SELECT count(*), count(DISTINCT k), sum(v) FROM t").fetchone()
    done = share * threads
    assert got == (done, done, done * 0.5), got
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="?", type=int, default=10_000)
    parser.add_argument("directory", nargs="?")
    parser.add_argument("--json", action="store_true", help="an object a line")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.directory) as name:
        folder = Path(name)
        alone = bare(folder / "bare", args.rows)
        if not args.json:
            print(f"{args.rows} rows, {os.cpu_count()} processors, {name}")
            print(f"bare write + fdatasync     {alone:8.3f} s {args.rows / alone:12,.0f} rows/s")
        for durability in ("full", "group", "async", "off"):
            for threads in (1, THREADS):
                path = folder / f"{durability}-{threads}.ldb"
                seconds = inserts(path, durability, args.rows, threads)
                rate, beside = args.rows / seconds, alone / seconds
                if args.json:
                    row = {"case": durability, "threads": threads, "rows_per_s": rate, "beside_bare": beside}
                    print(json.dumps(row | {"bare_us": alone / args.rows * 1e6}), flush=True)
                    continue
                name = f"{durability:6} {threads} threads"
                print(f"{name}  {seconds:12.3f} s {rate:12,.0f} rows/s {beside:8.2f} x bare")


if __name__ == "__main__":
    main()
