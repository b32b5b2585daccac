# SPDX-License-Identifier: Apache-2.0
"""What keeping costs: the log's CPU, groups of producers, checkpoints, recovery.

    python bench/keeping.py [log producers checkpoint recovery] [--directory D] [--quick] [--json]

Modes take turns within a run, so ratios compare on a busy machine too; what was inserted is counted, after
another opening where there is one. --json prints an object a line."""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import laminardb
import numpy as np
import pyarrow as pa
from laminardb import LaminarConfig

HOUR = 3_600_000
Row = dict[str, Any]


def opened(path: Path, durability: str) -> laminardb.Connection:
    """No checkpoints but those that are asked for."""
    config = LaminarConfig(durability=durability, checkpoint_interval_ms=HOUR, wal_limit_bytes=8 << 30)
    return laminardb.open(path, config=config)


def rows_of(count: int, first: int = 0) -> pa.RecordBatch:
    keys = np.arange(first, first + count)
    names = pa.array([f"name {i}" for i in range(100)]).take(pa.array(keys % 100))
    return pa.record_batch({"k": keys, "name": names, "v": np.round(keys * 0.25 % 1000, 2)})


def log_bytes(path: Path) -> int:
    """Of the log without the room that its last file has left."""
    return sum(len(f.read_bytes().rstrip(b"\0")) for f in path.glob("wal-*"))


# ---- the log's CPU: async beside off


def log_cost(folder: Path, scale: float) -> Iterator[Row]:
    for batch in (65_536, 1_024):
        for stream in (False, True):
            inserts = max(4, int((400 if batch > 10_000 else 10_000) * scale))
            yield log_ratio(folder, batch, stream, inserts)


def log_ratio(folder: Path, batch: int, stream: bool, inserts: int, rounds: int = 8) -> Row:
    """CPU of inserts into two databases, a few inserts of each in turn; the least of each counts."""
    data = rows_of(batch)
    modes = ("off", "async")
    paths = {m: folder / f"log-{m}.ldb" for m in modes}
    for path in paths.values():
        shutil.rmtree(path, ignore_errors=True)
    dbs = {m: opened(paths[m], m) for m in modes}
    for db in dbs.values():
        db.execute("CREATE SOURCE t (k BIGINT, name VARCHAR, v DOUBLE) WITH (retain = '1000000 rows')")
        if stream:
            db.execute("CREATE STREAM s AS SELECT name, sum(v) AS total FROM t GROUP BY name")
        db.start()
        db.insert("t", data)
    took: dict[str, list[float]] = {m: [] for m in modes}
    each = max(1, inserts // rounds)
    for _ in range(rounds):
        for m, db in dbs.items():
            gc.collect()
            start = time.process_time()
            for _ in range(each):
                db.insert("t", data)
            took[m].append((time.process_time() - start) / each)
    for db in dbs.values():
        metrics = db.source_metrics("t")
        assert metrics is not None and metrics.total_events == batch * (each * rounds + 1), metrics
        db.close()
    least = {m: min(t) for m, t in took.items()}
    ratios = [a / o for a, o in zip(took["async"], took["off"], strict=True)]
    return {
        "case": "log",
        "batch": batch,
        "stream": "GROUP BY" if stream else "none",
        "off_us": least["off"] * 1e6,
        "async_us": least["async"] * 1e6,
        "ratio": least["async"] / least["off"],
        "median_ratio": statistics.median(ratios),
        "log_bytes_per_insert": log_bytes(paths["async"]) / (each * rounds + 1),
        "answer": "ok",
    }


# ---- group commit


def device(folder: Path, size: int, writes: int) -> float:
    """Seconds of a write of so many bytes and its fdatasync, into a file that was written before."""
    path = folder / "device"
    content = os.urandom(size)
    fd = os.open(path, os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, bytes(size * writes), 0)
    os.fsync(fd)
    start = time.perf_counter()
    for i in range(writes):
        os.pwrite(fd, content, i * size)
        os.fdatasync(fd)
    took = (time.perf_counter() - start) / writes
    os.close(fd)
    path.unlink()
    return took


def inserting(path: Path, durability: str, threads: int, batch: int, inserts: int) -> tuple[float, int]:
    """Seconds of all inserts, and the log's bytes."""
    shutil.rmtree(path, ignore_errors=True)
    data = rows_of(batch)
    with opened(path, durability) as db:
        db.execute("CREATE SOURCE t (k BIGINT, name VARCHAR, v DOUBLE)")
        db.execute("CREATE STREAM s AS SELECT name, count(*) AS n FROM t GROUP BY name")
        db.start()
        share = inserts // threads

        def work() -> None:
            for _ in range(share):
                db.insert("t", data)

        start = time.perf_counter()
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        took = time.perf_counter() - start
        size = log_bytes(path)
        assert db.query("SELECT sum(n) FROM s").fetchone() == (share * threads * batch,)
    return took, size


def producers(folder: Path, scale: float) -> Iterator[Row]:
    for threads, batch in ((4, 1_024), (1, 1_024), (1, 1)):
        inserts = max(40, int(2000 * scale)) // threads * threads
        yield group_ratio(folder, threads, batch, inserts)


def group_ratio(folder: Path, threads: int, batch: int, inserts: int) -> Row:
    """`group` beside what it cannot but take. Several producers: the greater of the work without a log and
    the log's bytes at the rate of the disk. One: the work, and a bare write and fdatasync an insert."""
    best = {"off": 1e9, "group": 1e9, "bare": 1e9, "megabyte": 1e9}
    size = 0
    for _ in range(3):
        best["off"] = min(best["off"], inserting(folder / "p.ldb", "off", threads, batch, inserts)[0])
        took, size = inserting(folder / "p.ldb", "group", threads, batch, inserts)
        best["group"] = min(best["group"], took)
        best["bare"] = min(best["bare"], device(folder, max(96, size // inserts), 200))
        best["megabyte"] = min(best["megabyte"], device(folder, 1 << 20, 64))
    write = size / (1 << 20) * best["megabyte"]
    bound = best["off"] + inserts * best["bare"] if threads == 1 else max(best["off"], write)
    return {
        "case": "producers",
        "threads": threads,
        "batch": batch,
        "inserts": inserts,
        "off_s": best["off"],
        "group_s": best["group"],
        "log_bytes": size,
        "device_mb_per_s": 1.048576 / best["megabyte"],
        "bare_sync_us": best["bare"] * 1e6,
        "bound_s": bound,
        "ratio": best["group"] / bound,
        "answer": "ok",
    }


# ---- checkpoints, and opening what they wrote


def written(db: laminardb.Connection, change: Callable[[], None]) -> Row:
    """A checkpoint after a change, one row inserted again and again beside it."""
    change()
    waits, over = [], threading.Event()
    row = pa.record_batch({"k": np.array([1]), "v": np.array([0.0])})

    def beside() -> None:
        while not over.is_set():
            start = time.perf_counter()
            db.insert("t", row)
            waits.append(time.perf_counter() - start)
            time.sleep(0.0002)

    thread = threading.Thread(target=beside)
    thread.start()
    time.sleep(0.05)
    start = time.perf_counter()
    db.checkpoint()
    whole = time.perf_counter() - start
    over.set()
    thread.join()
    made = db.checkpoints()[-1]
    return {
        "whole_ms": whole * 1e3,
        "stall_ms": made.stall_ms,
        "longest_insert_ms": max(waits) * 1e3,
        "written_mb": made.size_bytes / 1e6,
    }


def checkpoint(folder: Path, scale: float) -> Iterator[Row]:
    groups, path = int(1_000_000 * scale), folder / "c.ldb"
    rng = np.random.default_rng(3)
    db = opened(path, "async")
    db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE)")
    db.execute("CREATE STREAM s AS SELECT k, count(*) AS n, sum(v) AS total FROM t GROUP BY k")
    db.start()
    sent = 0

    def insert(keys: np.ndarray) -> None:
        nonlocal sent
        sent += len(keys)
        db.insert("t", pa.record_batch({"k": keys, "v": np.ones(len(keys))}))

    def fill() -> None:
        for at in range(0, groups, 65_536):
            insert(np.arange(at, min(at + 65_536, groups)))

    yield {"case": "checkpoint", "what": "first", "groups": groups} | written(db, fill)
    for count in (1_000, 10_000, 100_000):
        first = int(groups * 0.4)
        keys = np.arange(first, min(first + count, groups))
        found = written(db, lambda keys=keys: insert(keys))
        yield {"case": "checkpoint", "what": f"{count} neighbouring keys", "groups": groups} | found
    found = written(db, lambda: insert(rng.integers(0, groups, 1_000)))
    yield {"case": "checkpoint", "what": "1000 random keys", "groups": groups} | found
    db.checkpoint()
    db.close()
    size = sum(f.stat().st_size for f in path.iterdir() if f.is_file() and not f.name.startswith("wal-"))
    gc.collect()
    best, least = 1e9, 1e9
    for _ in range(3):
        start, cpu = time.perf_counter(), time.process_time()
        db = opened(path, "async")
        best, least = min(best, time.perf_counter() - start), min(least, time.process_time() - cpu)
        answer = db.query("SELECT count(*), sum(total) FROM s").fetchone()
        assert answer == (groups, float(sent)), (answer, groups, sent)
        db.close()
    yield {
        "case": "recovery",
        "what": f"checkpoint of {groups:,} groups",
        "mb": size / 1e6,
        "ms": best * 1e3,
        "mb_per_s": size / best / 1e6,
        "mb_per_cpu_s": size / least / 1e6,
        "answer": "ok",
    }


def recovery(folder: Path, scale: float) -> Iterator[Row]:
    """The log alone: a copy of the files of a database that is open is what a crash leaves."""
    for batch, total in ((65_536, 6_000_000), (10_000, 4_000_000), (1_000, 2_000_000), (10, 200_000)):
        inserts = max(4, int(total * scale) // batch)
        path, crashed = folder / f"w{batch}.ldb", folder / f"crashed{batch}.ldb"
        with opened(path, "async") as db:
            db.execute("CREATE SOURCE t (k BIGINT, name VARCHAR, v DOUBLE)")
            db.execute("CREATE STREAM s AS SELECT name, sum(v) AS total, count(*) AS n FROM t GROUP BY name")
            db.start()
            for i in range(inserts):
                db.insert("t", rows_of(batch, i * batch))
            used = log_bytes(path)
            shutil.copytree(path, crashed)
        start, cpu = time.perf_counter(), time.process_time()
        with opened(crashed, "async") as db:
            took, cpu = time.perf_counter() - start, time.process_time() - cpu
            assert db.query("SELECT sum(n) FROM s").fetchone() == (inserts * batch,)
        yield {
            "case": "recovery",
            "what": f"log, {batch:,} rows a record",
            "mb": used / 1e6,
            "ms": took * 1e3,
            "mb_per_s": used / took / 1e6,
            "mb_per_cpu_s": used / cpu / 1e6,
            "rows_per_s": inserts * batch / took,
            "answer": "ok",
        }
        shutil.rmtree(crashed)
        shutil.rmtree(path)


PARTS = {"log": log_cost, "producers": producers, "checkpoint": checkpoint, "recovery": recovery}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all when none is named")
    parser.add_argument("--directory", help="of the disk to be measured")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--json", action="store_true", help="an object a line")
    args = parser.parse_args()
    for part in args.parts or PARTS:
        with tempfile.TemporaryDirectory(dir=args.directory) as name:
            for row in PARTS[part](Path(name), 0.1 if args.quick else 1.0):
                if args.json:
                    print(json.dumps(row), flush=True)
                else:
                    shown = (f"{k} {v:,.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
                    print("  ".join(shown))


if __name__ == "__main__":
    main()
