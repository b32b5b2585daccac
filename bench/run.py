#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py - micro benchmarks of the engine, each with an answer check.

Usage: bench/run.py [--only TEXT] [--rounds N] [--quick] [--against PYTHON] [--json FILE]
Each benchmark runs in a process of its own, N times; the table shows the best and the median. With
--against, another Python interpreter that has laminardb installed runs the same benchmarks, turn by turn
with this one, and the table shows the ratio (above 1: this one is faster).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Bench = Callable[[float], tuple[float, str]]
BENCHES: dict[str, Bench] = {}


def bench(name: str) -> Callable[[Bench], Bench]:
    def add(function: Bench) -> Bench:
        BENCHES[name] = function
        return function

    return add


def check(actual: Any, wanted: Any) -> None:
    if actual != wanted:
        raise AssertionError(f"the answer is {actual!r}, wanted {wanted!r}")


def connect(*ddl: str) -> Any:
    import laminardb

    db = laminardb.open(":memory:")
    for statement in ddl:
        db.execute(statement)
    db.start()
    return db


def one(db: Any, sql: str) -> Any:
    return db.query(sql).fetchall()[0][0]


# ---- latency: microseconds


def row_to_subscriber(scale: float, ddl: str, wanted: Callable[[int], tuple[Any, ...]]) -> tuple[float, str]:
    db = connect("CREATE SOURCE t (k BIGINT, v DOUBLE)", ddl)
    changes = db.subscribe_stream("s")
    warm, rows = 500, int(20_000 * scale)
    start = 0.0
    for i in range(warm + rows):
        if i == warm:
            start = time.perf_counter()
        db.insert("t", {"k": i % 1000, "v": float(i)})
        got = changes.try_next()
        if i < warm or i % 1000 == 0:
            check(got.fetchall(), [wanted(i)])
    took = time.perf_counter() - start
    db.close()
    return took / rows * 1e6, "us"


@bench("one row -> filter")
def row_to_filter(scale: float) -> tuple[float, str]:
    ddl = "CREATE STREAM s AS SELECT k, v FROM t WHERE v >= 0"
    return row_to_subscriber(scale, ddl, lambda i: (i % 1000, float(i)))


@bench("one row -> GROUP BY")
def row_to_group(scale: float) -> tuple[float, str]:
    ddl = "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k"
    return row_to_subscriber(scale, ddl, lambda i: (i % 1000, i // 1000 + 1))


@bench("insert one row")
def insert_one(scale: float) -> tuple[float, str]:
    db = connect("CREATE SOURCE t (k BIGINT, v DOUBLE)")
    rows = int(50_000 * scale)
    row = {"k": 1, "v": 2.5}
    start = time.perf_counter()
    for _ in range(rows):
        db.insert("t", row)
    took = time.perf_counter() - start
    check(one(db, "SELECT count(*) FROM t"), rows)
    db.close()
    return took / rows * 1e6, "us"


# ---- hopping windows: CPU per row, whatever size / slide is


def hop(scale: float, ratio: int, emit: str = "ON WINDOW CLOSE") -> tuple[float, str]:
    import numpy as np

    rows, chunk = int(200_000 * scale), 2000
    db = connect(
        "CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts)",
        "CREATE STREAM s AS SELECT k, window_start, count(*) AS n, sum(v) AS v, max(v) AS high FROM t "
        f"GROUP BY k, HOP(ts, 10, {10 * ratio}) EMIT {emit}",
    )
    i = np.arange(rows)
    ts, k, v = i // 100, i * 7919 % 100, i % 1000
    start = time.process_time()
    for at in range(0, rows, chunk):
        db.insert("t", {"ts": ts[at : at + chunk], "k": k[at : at + chunk], "v": v[at : at + chunk]})
    took = time.process_time() - start
    db.advance_watermark("t", 10**9)
    check(one(db, "SELECT sum(n) FROM s"), rows * ratio)
    db.close()
    return took / rows * 1e9, "ns/row"


for ratio in (1, 10, 100, 1000):
    BENCHES[f"hop, size / slide = {ratio}"] = partial(hop, ratio=ratio)
    BENCHES[f"open hop, size / slide = {ratio}"] = partial(hop, ratio=ratio, emit="ON UPDATE")


# ---- state: bytes of an operator per key that it remembers


STATES = {
    "GROUP BY, count and sum": "SELECT k, count(*) AS n, sum(v) AS v FROM l GROUP BY k",
    "GROUP BY a text of 20 bytes": "SELECT t, count(*) AS n FROM l GROUP BY t",
    "DISTINCT": "SELECT DISTINCT k FROM l",
    "newest row of each key": "SELECT * FROM l LATEST ON ts PARTITION BY k",
    "join, a row on each side": "SELECT l.k, r.v FROM l JOIN r ON l.k = r.k",
    "LEFT join, likewise": "SELECT l.k, r.v FROM l LEFT JOIN r ON l.k = r.k",
    "join on an interval, likewise": "SELECT l.k, r.v FROM l JOIN r "
    "ON l.k = r.k AND r.ts BETWEEN l.ts - 9 AND l.ts",
    "ASOF join, likewise": "SELECT l.k, r.v FROM l ASOF JOIN r ON l.k = r.k AND l.ts >= r.ts",
    "TUMBLE, count and sum": "SELECT k, count(*) AS n, sum(v) AS v FROM l GROUP BY k, TUMBLE(ts, 10)",
}


def state(scale: float, query: str) -> tuple[float, str]:
    import numpy as np

    keys, chunk = int(200_000 * scale), 20_000
    columns = "ts BIGINT, k BIGINT, v BIGINT, t VARCHAR, WATERMARK FOR ts AS ts - 1000"
    db = connect(
        f"CREATE SOURCE l ({columns}) WITH (retain = 'none')",
        f"CREATE SOURCE r ({columns}) WITH (retain = 'none')",
        f"CREATE STREAM s AS {query}",
    )
    base = db.stream_metrics("s").state_bytes
    for at in range(0, keys, chunk):
        k = np.arange(at, min(at + chunk, keys))
        rows = {"ts": k % 7, "k": k, "v": k % 1000, "t": [f"a key 20 long {i:06}" for i in k]}
        db.insert("l", rows)
        if " r " in query:
            db.insert("r", rows)
    held = db.stream_metrics("s")
    check(held.error, None)
    db.close()
    return (held.state_bytes - base) / keys, "B/key"


for what, query in STATES.items():
    BENCHES[f"state: {what}"] = partial(state, query=query)


# ---- a key that has half of the rows


def skewed(scale: float, share: float) -> tuple[float, str]:
    import numpy as np

    rows, chunk = int(40_000 * scale), 1000
    columns = "ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts"
    db = connect(
        f"CREATE SOURCE l ({columns})",
        f"CREATE SOURCE r ({columns})",
        "CREATE STREAM s AS SELECT l.v, r.v AS w FROM l JOIN r "
        "ON l.k = r.k AND r.ts BETWEEN l.ts - 2 AND l.ts",
    )
    i = np.arange(rows)
    k = np.where(i * 7919 % 1000 < share * 1000, 0, i % 1000)
    start = time.process_time()
    for at in range(0, rows, chunk):
        for name in ("l", "r"):
            db.insert(
                name, {"ts": i[at : at + chunk] // 10, "k": k[at : at + chunk], "v": i[at : at + chunk]}
            )
    took = time.process_time() - start
    db.close()
    return took / (2 * rows) * 1e9, "ns/row"


for share in (0.0, 0.5):
    BENCHES[f"interval join, {share:.0%} of the rows of one key"] = partial(skewed, share=share)


# ---- ten equal streams: what one costs, or ten times that


def equal_streams(scale: float, query: str, count: int, share: bool) -> tuple[float, str]:
    import numpy as np

    rows, chunk, keys = int(100_000 * scale), 2000, 50_000
    db = connect("CREATE SOURCE l (k BIGINT, v BIGINT)", "CREATE SOURCE r (k BIGINT, w BIGINT)")
    db.execute(f"SET share_state = {str(share).lower()}")
    for at in range(count):
        db.execute(f"CREATE STREAM s{at} AS {query}")
    db.insert("r", {"k": np.arange(keys), "w": np.arange(keys)})
    i = np.arange(rows)
    k, v = i * 7919 % keys, i % 100
    start = time.process_time()
    for at in range(0, rows, chunk):
        db.insert("l", {"k": k[at : at + chunk], "v": v[at : at + chunk]})
    took = time.process_time() - start
    for at in range(1, count):
        check(one(db, f"SELECT sum(s) FROM s{at}"), one(db, "SELECT sum(s) FROM s0"))
    db.close()
    return took / rows * 1e9, "ns/row"


EQUAL = {
    "GROUP BY": "SELECT k, sum(v) AS s FROM l GROUP BY k",
    "join": "SELECT l.k, v + w AS s FROM l JOIN r ON l.k = r.k",
    "GROUP BY over a join": "SELECT l.k, sum(v * w) AS s FROM l JOIN r ON l.k = r.k GROUP BY l.k",
}
for what, query in EQUAL.items():
    BENCHES[f"one stream, {what}"] = partial(equal_streams, query=query, count=1, share=True)
    BENCHES[f"ten streams apart, {what}"] = partial(equal_streams, query=query, count=10, share=False)
    BENCHES[f"ten streams sharing, {what}"] = partial(equal_streams, query=query, count=10, share=True)


# ---- large batches through streams, with one thread and with two


def abreast(scale: float, ddl: list[str], batch: int, threads: int) -> tuple[float, str]:
    import numpy as np
    import pyarrow as pa

    rows = int(1_000_000 * scale) // batch * batch or batch
    db = connect("CREATE SOURCE t (k BIGINT, v BIGINT, s VARCHAR)", f"SET threads = {threads}", *ddl)
    i = np.arange(rows)
    texts = pa.array([f"Channel {n}/path" for n in range(64)]).take(pa.array(i % 64))
    data = pa.record_batch({"k": i * 7919 % 10_000, "v": i % 100, "s": texts})
    batches = [data.slice(at, batch) for at in range(0, rows, batch)]
    got = [db.subscribe_stream(f"s{at}") for at in range(len(ddl))]
    start = time.perf_counter()
    for each in batches:
        db.insert("t", each)
    took = time.perf_counter() - start
    for at, changes in enumerate(got):
        seen = 0
        while (delivery := changes.try_next()) is not None:
            seen += delivery.num_rows
        check(seen, db.stream_metrics(f"s{at}").total_events)
        check(one(db, f"SELECT sum(n) FROM s{at}"), rows)
    db.close()
    return took / rows * 1e9, "ns/row"


def grouping(at: int, over: str = "t") -> str:
    return f"CREATE STREAM s{at} AS SELECT k, count(*) AS n, sum(v + {at}) AS x FROM {over} GROUP BY k"


TEXTS = "CREATE STREAM s0 AS SELECT 1 AS n, upper(s) AS s, split_part(s, '/', 1) AS c FROM t WHERE v >= 0"
VIEW = "CREATE STREAM s0 AS SELECT 1 AS n, k, v * 2 AS v, upper(s) AS s FROM t WHERE v >= 0"
for what, ddl in {
    "two GROUP BY": [grouping(at) for at in range(2)],
    "four GROUP BY": [grouping(at) for at in range(4)],
    "texts by row": [TEXTS],
    "four GROUP BY over a stream": [VIEW, *(grouping(at, "s0") for at in range(1, 5))],
}.items():
    for batch in (8192, 65_536):
        for threads in (1, 2):
            name = f"{what}, batches of {batch}, {threads} thread{'s' * (threads > 1)}"
            BENCHES[name] = partial(abreast, ddl=ddl, batch=batch, threads=threads)


# ---- one stream with state: on one thread, and its shards on two


def of_keys(scale: float, query: str, keys: int, shards: int) -> tuple[float, str]:
    """Rows whose deliveries are taken and let go, in the second pass over them: all groups are there."""
    import numpy as np
    import pyarrow as pa

    batch = 65_536
    rows = int(1_000_000 * scale) // batch * batch or batch
    threads, option = max(shards, 1), f"WITH (shards = {shards})" if shards else ""
    db = connect("CREATE SOURCE t (k BIGINT, v BIGINT) WITH (retain = 'none')", f"SET threads = {threads}")
    db.execute(f"CREATE STREAM s {option} AS {query}")
    i = np.arange(rows)
    data = pa.record_batch({"k": i * 7919 % keys, "v": i % 100})
    batches = [data.slice(at, batch) for at in range(0, rows, batch)]
    changes, took = db.subscribe_stream("s"), 0.0
    for _ in range(2):
        start = time.perf_counter()
        for each in batches:
            db.insert("t", each)
            while changes.try_next() is not None:
                pass
        took = time.perf_counter() - start
    check(one(db, "SELECT sum(n) FROM s"), 2 * rows)
    db.close()
    return took / rows * 1e9, "ns/row"


for what, query in {
    "count and sum": "SELECT k, count(*) AS n, sum(v) AS x FROM t GROUP BY k",
    "count DISTINCT": "SELECT k, count(DISTINCT v) AS d, count(*) AS n FROM t GROUP BY k",
    "min, max, avg": "SELECT k, count(*) AS n, min(v) AS a, max(v) AS b, avg(v) AS c FROM t GROUP BY k",
}.items():
    for keys, label in ((10_000, "10k"), (1_000_003, "1M")):
        for shards in (0, 2):
            name = f"{what} of {label} keys, {shards or 'no'} shards"
            BENCHES[name] = partial(of_keys, query=query, keys=keys, shards=shards)


# ---- databases that are kept: what a call waits for, and what opening takes


def kept(durability: str | None, folder: str) -> Any:
    import laminardb

    if durability is None:
        return laminardb.open()
    return laminardb.open(f"{folder}/kept.ldb", config=laminardb.LaminarConfig(durability=durability))


def keep_rows(scale: float, durability: str | None, batch: int) -> tuple[float, str]:
    """Microseconds a call, with a GROUP BY stream over the rows."""
    import tempfile

    import pyarrow as pa

    rows = int(max(batch, min(10_000, 200 * batch) * scale)) // batch * batch
    with tempfile.TemporaryDirectory(dir=os.environ.get("LAMINAR_DISK")) as folder:
        db = kept(durability, folder)
        db.execute("CREATE SOURCE t (k BIGINT, name VARCHAR, v DOUBLE)")
        db.execute("CREATE STREAM s AS SELECT name, sum(v) AS total FROM t GROUP BY name")
        db.start()
        data: Any = {"k": 1, "name": "a name", "v": 1.5}
        if batch > 1:
            data = pa.table(
                {"k": range(batch), "name": [f"name {i % 100}" for i in range(batch)], "v": [1.5] * batch}
            )
        start = time.perf_counter()
        for _ in range(rows // batch):
            db.insert("t", data)
        took = time.perf_counter() - start
        check(one(db, "SELECT sum(total) FROM s"), rows * 1.5)
        db.close()
    return took / (rows // batch) * 1e6, "us/call"


def bare_sync(scale: float) -> tuple[float, str]:
    """What the disk takes for 100 bytes and an fdatasync, in a file that has its size."""
    import tempfile

    calls = int(2000 * scale)
    with tempfile.NamedTemporaryFile(dir=os.environ.get("LAMINAR_DISK")) as f:
        f.write(bytes(1 << 20))
        f.flush()
        os.fsync(f.fileno())
        start = time.perf_counter()
        for i in range(calls):
            os.pwrite(f.fileno(), bytes([i % 255 + 1]) * 100, i * 100)
            os.fdatasync(f.fileno())
        took = time.perf_counter() - start
    return took / calls * 1e6, "us/call"


def reopen(scale: float, batch: int) -> tuple[float, str]:
    """Opening runs the log: megabytes of it a second, with the stream's work."""
    import tempfile

    import pyarrow as pa

    rows = int(2_000_000 * scale) if batch > 1000 else int(100_000 * scale)
    data = pa.table(
        {"k": range(batch), "name": [f"name {i % 100}" for i in range(batch)], "v": [1.5] * batch}
    )
    with tempfile.TemporaryDirectory(dir=os.environ.get("LAMINAR_DISK")) as folder:
        db = kept("async", folder)
        db.execute("CREATE SOURCE t (k BIGINT, name VARCHAR, v DOUBLE)")
        db.execute("CREATE STREAM s AS SELECT name, sum(v) AS total FROM t GROUP BY name")
        db.start()
        for _ in range(rows // batch):
            db.insert("t", data)
        db.close()
        used = sum(len(f.read_bytes().rstrip(b"\0")) for f in Path(folder, "kept.ldb").glob("wal-*"))
        start = time.perf_counter()
        db = kept("async", folder)
        took = time.perf_counter() - start
        check(one(db, "SELECT sum(total) FROM s"), rows // batch * batch * 1.5)
        db.close()
    return used / took / 1e6, "MB/s"


for mode in (None, "async", "group", "full"):
    for size in (1, 1000, 65536):
        BENCHES[f"kept {mode or 'in memory'}, {size} rows a call"] = partial(
            keep_rows, durability=mode, batch=size
        )
BENCHES["kept: a bare write and fdatasync"] = bare_sync
for size in (10, 10_000):
    BENCHES[f"kept: opening a log of {size} rows a record"] = partial(reopen, batch=size)


@bench("SELECT 1")
def select_one(scale: float) -> tuple[float, str]:
    db = connect()
    runs = int(20_000 * scale)
    start = time.perf_counter()
    for _ in range(runs):
        result = db.query("SELECT 1")
    took = time.perf_counter() - start
    check(result.fetchall(), [(1,)])
    db.close()
    return took / runs * 1e6, "us"


# ---- ingestion: rows per second

SOURCE = "CREATE SOURCE t (k BIGINT, name VARCHAR, v DOUBLE)"


def ingest(rows: int, data: Any, insert: Callable[[Any, Any], Any]) -> tuple[float, str]:
    db = connect(SOURCE)
    start = time.perf_counter()
    insert(db, data)
    took = time.perf_counter() - start
    check(one(db, "SELECT count(*) FROM t"), rows)
    check(one(db, "SELECT sum(k) FROM t"), rows * (rows - 1) // 2)
    check(one(db, "SELECT count(*) FROM t WHERE name = 'name 7'"), len(range(7, rows, 100)))
    db.close()
    return rows / took, "rows/s"


def columns(rows: int) -> dict[str, list[Any]]:
    return {
        "k": list(range(rows)),
        "name": [f"name {i % 100}" for i in range(rows)],
        "v": [i * 0.5 for i in range(rows)],
    }


@bench("insert list[dict]")
def insert_dicts(scale: float) -> tuple[float, str]:
    rows = int(200_000 * scale)
    data = [{"k": i, "name": f"name {i % 100}", "v": i * 0.5} for i in range(rows)]
    return ingest(rows, data, lambda db, d: db.insert("t", d))


@bench("insert columns")
def insert_columns(scale: float) -> tuple[float, str]:
    rows = int(500_000 * scale)
    return ingest(rows, columns(rows), lambda db, d: db.insert("t", d))


@bench("insert Arrow table")
def insert_arrow(scale: float) -> tuple[float, str]:
    import pyarrow as pa

    rows = int(2_000_000 * scale)
    return ingest(rows, pa.table(columns(rows)), lambda db, d: db.insert("t", d))


@bench("insert CSV")
def insert_csv(scale: float) -> tuple[float, str]:
    rows = int(500_000 * scale)
    data = "k,name,v\n" + "".join(f"{i},name {i % 100},{i * 0.5}\n" for i in range(rows))
    return ingest(rows, data, lambda db, d: db.insert_csv("t", d))


# ---- streams: rows per second


def grouped(scale: float, groups: int) -> tuple[float, str]:
    """Batches of 64 rows into a GROUP BY that has all its groups already, each tick read by a subscriber."""
    import numpy as np
    import pyarrow as pa

    groups = max(64, int(groups * min(1.0, scale)))
    batches = int(30_000 * scale)
    db = connect(
        "CREATE SOURCE t (k BIGINT, v BIGINT)",
        "CREATE STREAM s AS SELECT k, count(*) AS n, sum(v) AS total FROM t GROUP BY k",
    )
    db.insert("t", pa.table({"k": np.arange(groups), "v": np.zeros(groups, dtype=np.int64)}))
    keys = np.random.default_rng(1).integers(0, groups, size=(batches, 64))
    values = np.ones(64, dtype=np.int64)
    made = [pa.record_batch({"k": k, "v": values}) for k in keys]
    changes = db.subscribe_stream("s")
    start = time.perf_counter()
    seen = 0
    for batch in made:
        db.insert("t", batch)
        seen += changes.try_next().num_rows
    took = time.perf_counter() - start
    check(seen, sum(len(np.unique(k)) for k in keys))
    check(one(db, "SELECT sum(total) FROM s"), batches * 64)
    check(one(db, "SELECT count(*) FROM s"), groups)
    db.close()
    return batches * 64 / took, "rows/s"


for count, label in ((1_000, "1k"), (100_000, "100k"), (1_000_000, "1M")):
    bench(f"GROUP BY {label}, batches of 64")(lambda scale, count=count: grouped(scale, count))


def bids(scale: float) -> tuple[list[Any], Any, Any, int]:
    """Bids in the manner of NEXmark: recent auctions, 5,000 bidders, 10,000 rows a second of event time."""
    import numpy as np
    import pyarrow as pa

    rows = int(2_000_000 * scale)
    r = np.random.default_rng(7)
    auction = np.arange(rows) // 15 + r.integers(0, 100, size=rows)
    bidder = r.integers(0, 5_000, size=rows)
    table = pa.table(
        {
            "auction": auction,
            "bidder": bidder,
            "price": r.integers(100, 10_000, size=rows),
            "ts": np.arange(rows) // 10 + 1_700_000_000_000,
        }
    )
    return table.to_batches(max_chunksize=16_384), auction, bidder, rows


BIDS = (
    "CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, ts BIGINT, "
    "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)"
)


def run_bids(scale: float, ddl: str) -> tuple[Any, float, int, Any, Any, int]:
    batches, auction, bidder, rows = bids(scale)
    db = connect(BIDS, ddl)
    changes = db.subscribe_stream("s")
    seen = 0
    start = time.perf_counter()
    for batch in batches:
        db.insert("bid", batch)
        while (result := changes.try_next()) is not None:
            seen += result.num_rows
    return db, time.perf_counter() - start, seen, auction, bidder, rows


@bench("bids, filter (as q2)")
def bids_filter(scale: float) -> tuple[float, str]:
    ddl = "CREATE STREAM s AS SELECT auction, price FROM bid WHERE auction % 123 = 0"
    db, took, seen, auction, _, rows = run_bids(scale, ddl)
    check(seen, int((auction % 123 == 0).sum()))
    db.close()
    return rows / took, "rows/s"


@bench("bids, 10 s windows (as q12)")
def bids_windows(scale: float) -> tuple[float, str]:
    import numpy as np

    ddl = (
        "CREATE STREAM s AS SELECT bidder, TUMBLE(ts, INTERVAL '10' SECOND) AS w, count(*) AS n FROM bid "
        "GROUP BY bidder, TUMBLE(ts, INTERVAL '10' SECOND)"
    )
    db, took, _, _, bidder, rows = run_bids(scale, ddl)
    groups = np.unique((np.arange(rows) // 100_000) * 10_000 + bidder)
    check(one(db, "SELECT count(*) FROM s"), len(groups))
    check(one(db, "SELECT sum(n) FROM s"), rows)
    db.close()
    return rows / took, "rows/s"


@bench("bids, per auction (as q17)")
def bids_auctions(scale: float) -> tuple[float, str]:
    import numpy as np

    ddl = (
        "CREATE STREAM s AS SELECT auction, count(*) AS n, min(price) AS low, max(price) AS high, "
        "avg(price) AS mean FROM bid GROUP BY auction"
    )
    db, took, _, auction, _, rows = run_bids(scale, ddl)
    check(one(db, "SELECT count(*) FROM s"), len(np.unique(auction)))
    check(one(db, "SELECT sum(n) FROM s"), rows)
    db.close()
    return rows / took, "rows/s"


# ---- queries asked once that find few rows, or read all of a column


def keyed_table(scale: float) -> tuple[Any, int]:
    rows = int(1_000_000 * scale)
    db = connect("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR)")
    db.execute(f"INSERT INTO t SELECT i * 7, i * 3, 'text ' || i FROM generate_series(0, {rows - 1}) AS q(i)")
    return db, rows


@bench("row by the key of a TABLE")
def by_key(scale: float) -> tuple[float, str]:
    db, rows = keyed_table(scale)
    asked = [i * 7919 % rows for i in range(2000)]
    start = time.perf_counter()
    found = [db.sql(f"SELECT v, s FROM t WHERE id = {7 * i}").fetchall() for i in asked]
    took = time.perf_counter() - start
    check(found, [[(3 * i, f"text {i}")] for i in asked])
    check(db.sql("SELECT v FROM t WHERE id = 5").fetchall(), [])
    db.close()
    return took / len(asked) * 1e6, "us"


@bench("rows by smallest and largest values of segments")
def by_segment(scale: float) -> tuple[float, str]:
    import numpy as np

    rows, chunk = int(1_000_000 * scale), 16_384
    db = connect("CREATE SOURCE t (ts BIGINT, v BIGINT)")
    ts = np.arange(rows)
    for at in range(0, rows, chunk):
        db.insert("t", {"ts": ts[at : at + chunk], "v": ts[at : at + chunk] % 1000})
    asked = [i * 7919 % (rows - 50) for i in range(1000)]
    start = time.perf_counter()
    found = [one(db, f"SELECT sum(v) FROM t WHERE ts BETWEEN {i} AND {i + 49}") for i in asked]
    took = time.perf_counter() - start
    check(found, [int((ts[i : i + 50] % 1000).sum()) for i in asked])
    db.close()
    return took / len(asked) * 1e6, "us"


@bench("sum of a column / sum of its array by numpy")
def full_scan(scale: float) -> tuple[float, str]:
    """Both on one thread, in turn; the array is larger than caches, so numpy goes at the rate of memory."""
    import numpy as np

    rows = int(8_000_000 * scale)
    values = np.arange(rows) % 1000
    db = connect("CREATE SOURCE t (v BIGINT)", "SET threads = 1")
    db.insert("t", {"v": values})
    best = [1e9, 1e9]
    for _ in range(9):
        for at, ask in enumerate((lambda: one(db, "SELECT sum(v) FROM t"), lambda: int(values.sum()))):
            start = time.perf_counter()
            got = ask()
            best[at] = min(best[at], time.perf_counter() - start)
            check(got, int(values.sum()))
    db.close()
    return best[0] / best[1], "times"


# ---- running them


def work(name: str, scale: float) -> int:
    """In the process of one benchmark: its number as JSON on the last line."""
    try:
        value, unit = BENCHES[name](scale)
        print(json.dumps({"value": value, "unit": unit}))
    except Exception as fault:
        print(json.dumps({"fault": f"{type(fault).__name__}: {fault}"}))
    return 0


def run_worker(python: str, name: str, scale: float) -> dict[str, Any]:
    command = [python, str(Path(__file__).resolve()), "--worker", name, "--scale", str(scale)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        return {"fault": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]}
    made: dict[str, Any] = json.loads(lines[-1])
    return made


LESS_IS_BETTER = ("us", "us/call", "ns", "ns/row", "B/key", "bytes", "times")


def better(unit: str, values: list[float]) -> float:
    return min(values) if unit in LESS_IS_BETTER else max(values)


def shown(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if unit == "rows/s" else f"{value:,.2f} {unit}"


C_BENCHES = {
    "subscriber": "one row -> filter, GROUP BY, SELECT 1 (C)",
    "producers": "two producers, inserts of 1,024 rows, of one row (C)",
    "kernels": "memory, hash, equal, compare, sort, select, minmax, cast, crc32c, utf8 kernels",
    "utf8": "utf8 baseline and best level kernels",
    "state": "group table, arrangement, ordered, calendar, columns, text heap, store: state structures",
    "group_table": "group table sizes: state structures",
    "packed": "packed columns",
}


def run_c(what: str, rounds: int) -> list[dict[str, Any]]:
    """bench/micro/{what}.c, linked with the engine's archive."""
    build, env = ROOT / "build/bench", dict(os.environ)
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    program = build / what
    if not (build / "build.ninja").exists():
        setup = ["meson", "setup", str(build), str(ROOT), "-Dpython=false", "-Dlibrary=false"]
        subprocess.run(setup, check=True, env=env, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build), "--quiet"], check=True, env=env)
    source = ROOT / f"bench/micro/{what}.c"
    folders = [f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}"]
    compiler = [*env.get("CC", "cc").split(), "-O2", "-std=gnu17", "-D_GNU_SOURCE", *folders, str(source)]
    archive = [str(build / "liblaminar_core.a"), "-lpthread", "-lm", "-o", str(program)]
    subprocess.run(compiler + archive, check=True)
    values: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            name, value, unit, _ = line.split("\t")
            values.setdefault((name, unit), []).append(float(value))
    return [{"name": name, "unit": unit, "ours": got} for (name, unit), got in values.items()]


def print_row(row: dict[str, Any]) -> None:
    unit, ours, theirs = row["unit"], row["ours"], row.get("theirs")
    if not ours:
        print(f"{row['name']:<34}  {row['fault']}")
        return
    best, median = better(unit, ours), statistics.median(ours)
    line = f"{row['name']:<34}{shown(best, unit):>22}{shown(median, unit):>22}"
    if theirs:
        other = better(unit, theirs)
        line += f"{shown(other, unit):>22}{(other / best if unit in LESS_IS_BETTER else best / other):>9.2f}x"
    elif theirs is not None:
        line += f"  {row['their_fault']}"
    print(line, flush=True)


def run_python(name: str, args: argparse.Namespace, scale: float) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "unit": "", "ours": []}
    if args.against:
        row["theirs"] = []
    for _ in range(args.rounds):
        for side, python in (("ours", sys.executable), ("theirs", args.against)):
            if python is None:
                continue
            got = run_worker(python, name, scale)
            if "fault" in got:
                row["fault" if side == "ours" else "their_fault"] = got["fault"]
            else:
                row["unit"] = got["unit"]
                row[side].append(got["value"])
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description="micro benchmarks, each with an answer check")
    parser.add_argument("--only", default="", help="benchmarks whose name contains this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    parser.add_argument("--against", help="another Python interpreter with laminardb in it")
    parser.add_argument("--json", help="writes all numbers to this file")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--scale", type=float, default=1.0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work(args.worker, args.scale)
    scale = 0.1 if args.quick else 1.0
    args.rounds = 1 if args.quick else args.rounds
    head = f"{'benchmark':<34}{'best':>22}{'median':>22}"
    print(head + (f"{'the other, best':>22}{'ratio':>10}" if args.against else ""), flush=True)
    rows = []
    for name in BENCHES:
        if args.only in name:
            rows.append(run_python(name, args, scale))
            print_row(rows[-1])
    for what, shows in C_BENCHES.items():
        if not args.against and args.only in shows:
            for row in run_c(what, args.rounds):
                rows.append(row)
                print_row(row)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if any(not row["ours"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
