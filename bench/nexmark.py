# SPDX-License-Identifier: Apache-2.0
"""All NEXmark queries as streams, with the generator, the oracles and the comparison of a referee benchmark.

    python bench/nexmark.py path/to/bench --events 1000000 --batch 64,1024 [--cores 1,2] [--disorder 50] [q4]

One process, so that configurations of many small inserts take seconds: what is timed is insert and delivery,
and the answer is what the subscription delivered, netted and compared as the referee does it. `path/to/bench`
holds its nexmark.py and queries.py. With one core the process stays on one processor, and the engine takes
one thread. --json prints an object a line.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import laminardb
import pyarrow as pa

Around = Callable[[bool], None]  # called before and after what is timed


def delivered(db: laminardb.Connection, batches: list[Any], around: Around) -> tuple[list[Any], float, float]:
    """What came out, and the seconds that it took: of the wall and of the processor."""
    subscription, got = db.subscribe_stream("s"), []
    around(True)
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    for table, batch in batches:
        db.insert(table, batch)
        while (result := subscription.try_next()) is not None:
            got.append(result)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gc.enable()
    around(False)
    return got, wall, cpu


def touched(queries: Any, name: str, data: dict[str, Any], events: int) -> tuple[float, float]:
    """Bytes an event that the query cannot but read: numbers in columns that it names; texts, which are
    all checked as UTF-8 when they come in."""
    words = set(re.findall(r"\w+", queries.render(queries.QUERIES[name].stream, "bigint")))
    numbers = texts = 0
    for table in data.values():
        for column in table.column_names:
            if pa.types.is_string(table.schema.field(column).type):
                texts += table.column(column).nbytes
            elif column in words:
                numbers += table.column(column).nbytes
    return numbers / events, texts / events


def create(db: laminardb.Connection, query: str, shards: int) -> int:
    """With shards, where the query has keys that rows can be dealt out by: how many it has."""
    try:
        if shards > 1:
            db.execute(f"CREATE STREAM s WITH (shards = {shards}) AS {query}")
            return shards
    except laminardb.SchemaError as e:
        if "shards: " not in str(e):
            raise
    db.execute(f"CREATE STREAM s AS {query}")
    return 0


def once(
    nexmark: Any,
    queries: Any,
    name: str,
    data: Any,
    want: Any,
    batch: int,
    cores: int,
    around: Around = lambda begins: None,
    shards: int = 0,
) -> dict[str, Any]:
    q = queries.QUERIES[name]
    mark = ", WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND" if q.windowed else ""
    emit = " EMIT CHANGES" if q.kind == "retract" else ""
    with laminardb.open(config=laminardb.LaminarConfig(threads=cores)) as db:
        for t in q.tables:
            db.execute(f"CREATE SOURCE {t} ({queries.DDL['bigint'][t]}{mark})")
        if "side" in q.oracle:
            db.execute(f"CREATE TABLE side ({queries.DDL['bigint']['side']})")
            db.insert("side", nexmark.side_table())
        made = create(db, f"{queries.render(q.stream, 'bigint')}{emit}", shards)
        db.start()
        got, wall, cpu = delivered(db, list(nexmark.batches(data, batch, q.tables)), around)
        state, held = db.stream_metrics("s"), [db.source_metrics(t) for t in q.tables]
        tables = [r.to_arrow() for r in got]
    tables = [t if isinstance(t, pa.Table) else pa.Table.from_batches([t]) for t in tables]
    net = queries.net([pa.concat_tables(tables)] if tables else [], q.kind, q.keys)
    answer = "ok" if net is None and want.num_rows == 0 else queries.compare(net, want)
    return {
        "answer": answer,
        "shards": made,
        "seconds": wall,
        "cpu_s": cpu,
        "state_mib": (state.state_bytes if state else 0) / 2**20,
        "delivered_bytes": sum(t.nbytes for t in tables),
        "source_mib": sum(m.retained_bytes for m in held if m) / 2**20,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def measure(nexmark: Any, queries: Any, name: str, args: argparse.Namespace) -> None:
    q, rate = queries.QUERIES[name], nexmark.DEFAULT_RATE
    want = queries.expected(name, nexmark.load(args.events, 1, rate, args.disorder))
    data = nexmark.load(args.events, 1, rate, args.disorder, "bigint", q.tables)
    numbers, texts = touched(queries, name, data, args.events)
    every = os.sched_getaffinity(0)
    for cores in args.cores:
        os.sched_setaffinity(0, sorted(every)[:cores])
        for batch in args.batch:
            found = once(nexmark, queries, name, data, want, batch, cores, shards=args.shards)
            gc.collect()
            if args.json:
                setting = {"case": name, "events": args.events, "batch": batch, "cores": cores}
                sizes = {"numbers_bytes": numbers, "text_bytes": texts}
                print(json.dumps(setting | {"disorder": args.disorder} | found | sizes), flush=True)
                continue
            wall, cpu = (args.events / found[k] / 1e6 for k in ("seconds", "cpu_s"))
            rates = f"{wall:8.3f} M/s wall {cpu:8.3f} M/s cpu"
            parts = f"  {found['shards']} shards" if found["shards"] else ""
            print(f"{name:4} batch {batch:6} {cores} cores {found['answer']:6} {rates}{parts}", flush=True)
    os.sched_setaffinity(0, every)


def numbers_of(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("queries", nargs="*")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--batch", type=numbers_of, default=[8192], help="events of an insert: 64,1024")
    parser.add_argument("--cores", type=numbers_of, default=[os.cpu_count()], help="how many: 1,2")
    parser.add_argument("--disorder", type=int, default=1, help="how many events may change places")
    parser.add_argument("--shards", type=int, default=0, help="parts of the streams that can have some")
    parser.add_argument("--json", action="store_true", help="an object a line")
    args = parser.parse_intermixed_args()
    sys.path.insert(0, args.bench)
    nexmark, queries = importlib.import_module("nexmark"), importlib.import_module("queries")
    for name in args.queries or list(queries.QUERIES):
        measure(nexmark, queries, name, args)


if __name__ == "__main__":
    sys.path.pop(0)  # this file has the name of the referee's
    main()
