# SPDX-License-Identifier: Apache-2.0
"""One-row inserts into a kept database, for each durability, from one thread and from eight, beside a bare
write and fdatasync of as many bytes. What was inserted is counted after another opening.

    python bench/durable_inserts.py [ROWS [DIRECTORY]]
"""

from __future__ import annotations

import os
import sys
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
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name)
        alone = bare(folder / "bare", rows)
        print(f"{rows} rows, {os.cpu_count()} processors, {name}")
        print(f"bare write + fdatasync     {alone:8.3f} s {rows / alone:12,.0f} rows/s")
        for durability in ("full", "group", "async", "off"):
            for threads in (1, THREADS):
                path = folder / f"{durability}-{threads}.ldb"
                seconds = inserts(path, durability, rows, threads)
                rate, beside = rows / seconds, alone / seconds
                name = f"{durability:6} {threads} threads"
                print(f"{name}  {seconds:12.3f} s {rate:12,.0f} rows/s {beside:8.2f} x bare")


if __name__ == "__main__":
    main()
