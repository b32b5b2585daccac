# SPDX-License-Identifier: Apache-2.0
"""All NEXmark queries as streams, with the generator, the oracles and the comparison of a referee benchmark.

    python bench/nexmark.py path/to/bench --events 1000000 --batch 64,1024 [--cores 1,2] [--disorder 50] [q4]

One process, so that configurations of many small inserts take seconds: what is timed is insert and delivery,
and the answer is what the subscription delivered, netted and compared as the referee does it. The oracle's
answers lie beside the referee's data, as files that are mapped: 20 M events fit into 23 GiB with all that is
held of them. `path/to/bench` holds its nexmark.py and queries.py. With one core the process stays on one
processor, and the engine takes one thread. --json prints an object a line.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
import laminardb
import machine
import pyarrow as pa

PIECE_ROWS = 250_000
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


def limit_duckdb(folder: Path) -> None:
    """Connections that the referee makes take a third of the memory, and go on in files beyond it."""
    config: Any = {"memory_limit": f"{machine.memory_gib() // 3}GiB", "temp_directory": str(folder)}
    duckdb.connect = partial(duckdb.connect, config=config)


def mapped(path: Path) -> pa.Table:
    """A table whose pages are the kernel's to take back."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def pieces(results: list[Any]) -> Iterator[pa.Table]:
    """Deliveries in their order, many together; takes them off the list, so that each is held once."""
    results.reverse()
    while results:
        some, rows = [], 0
        while results and rows < PIECE_ROWS:
            one = results.pop().to_arrow()
            some.append(one if isinstance(one, pa.Table) else pa.Table.from_batches([one]))
            rows += one.num_rows
        yield pa.concat_tables(some).combine_chunks()


def keep(path: Path, tables: Iterable[pa.Table]) -> pa.Table | None:
    """The tables as one, mapped, in a file that is whole or not there; None: there are none."""
    part, writer = path.with_suffix(f".{os.getpid()}.tmp"), None
    for table in tables:
        writer = writer or pa.ipc.new_file(str(part), table.schema)
        writer.write_table(table)
    if writer is None:
        return None
    writer.close()
    part.replace(path)
    return mapped(path)


def oracle(nexmark: Any, queries: Any, name: str, events: int, disorder: int) -> pa.Table:
    """The referee's answer; asked of DuckDB once."""
    of = (queries.QUERIES[name].oracle, events, disorder, nexmark.VERSION, metadata.version("duckdb"))
    path = nexmark.cache_dir() / f"answer-{name}-{hashlib.sha256(repr(of).encode()).hexdigest()[:16]}.arrow"
    if not path.exists():
        keep(path, [queries.expected(name, nexmark.load(events, 1, nexmark.DEFAULT_RATE, disorder))])
    return mapped(path)


def fingerprint(table: pa.Table) -> tuple[Any, ...]:
    """Of its rows in any order: how many they are, and the sum and the parity of 64 bits of each."""
    renamed = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
    con = duckdb.connect()
    con.register("t", renamed)
    hashed = f"SELECT hash({', '.join(renamed.column_names)}) AS h FROM t"
    found = con.sql(f"SELECT count(*), sum(h::HUGEINT), bit_xor(h) FROM ({hashed})").fetchall()[0]
    con.close()
    return (*found, *(str(field.type) for field in table.schema))


class Verdicts:
    """Compares deliveries with the oracle's answer. The same deliveries again have their verdict, and so do
    rows that net to an answer that was right; what is not found right this way is compared in full."""

    def __init__(self, queries: Any, name: str, want: pa.Table) -> None:
        self.queries, self.q, self.want = queries, queries.QUERIES[name], want
        self.last: tuple[pa.Table, str] | None = None
        self.right: set[tuple[Any, ...]] = set()

    def compared(self, net: pa.Table) -> str:
        rows = fingerprint(net)
        if rows in self.right:
            return "ok"
        verdict: str = self.queries.compare(net, self.want)
        if verdict == "ok":
            self.right.add(rows)
        return verdict

    def of(self, table: pa.Table | None) -> str:
        if table is None or table.num_rows == 0:
            return "ok" if self.want.num_rows == 0 else "WRONG: nothing was delivered"
        if self.last is not None and table.equals(self.last[0]):
            return self.last[1]
        self.last = None
        net = self.queries.net([table], self.q.kind, self.q.keys)
        self.last = (table, self.compared(net))
        return self.last[1]


def once(
    nexmark: Any,
    queries: Any,
    name: str,
    batches: list[Any],
    cores: int,
    around: Around = lambda begins: None,
    shards: int = 0,
) -> tuple[pa.Table | None, dict[str, Any]]:
    """What was delivered, in its order, and the figures of it."""
    q = queries.QUERIES[name]
    mark = ", WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND" if q.windowed else ""
    emit = " EMIT CHANGES" if q.kind == "retract" else ""
    # What is delivered is kept here until the end: half of the memory, which is the default, is too little.
    config = laminardb.LaminarConfig(threads=cores, memory_limit=machine.memory_gib() << 30)
    with laminardb.open(config=config) as db:
        for t in q.tables:
            db.execute(f"CREATE SOURCE {t} ({queries.DDL['bigint'][t]}{mark})")
        if "side" in q.oracle:
            db.execute(f"CREATE TABLE side ({queries.DDL['bigint']['side']})")
            db.insert("side", nexmark.side_table())
        made = create(db, f"{queries.render(q.stream, 'bigint')}{emit}", shards)
        db.start()
        got, wall, cpu = delivered(db, batches, around)
        state, held = db.stream_metrics("s"), [db.source_metrics(t) for t in q.tables]
        path = nexmark.cache_dir() / f"delivered-{os.getpid()}.arrow"
        table = keep(path, pieces(got))
        path.unlink(missing_ok=True)  # its pages stay while they are mapped
    return table, {
        "shards": made,
        "seconds": wall,
        "cpu_s": cpu,
        "state_mib": (state.state_bytes if state else 0) / 2**20,
        "delivered_bytes": table.nbytes if table is not None else 0,
        "source_mib": sum(m.retained_bytes for m in held if m) / 2**20,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def measure(nexmark: Any, queries: Any, name: str, args: argparse.Namespace) -> None:
    q, rate = queries.QUERIES[name], nexmark.DEFAULT_RATE
    want = oracle(nexmark, queries, name, args.events, args.disorder)
    verdicts = Verdicts(queries, name, want)
    data = nexmark.load(args.events, 1, rate, args.disorder, "bigint", q.tables)
    data = {t: table.combine_chunks() for t, table in data.items()}  # what batches() would copy for each run
    numbers, texts = touched(queries, name, data, args.events)
    every = os.sched_getaffinity(0)
    for batch in args.batch:
        batches = list(nexmark.batches(data, batch, q.tables))
        for cores in args.cores:
            os.sched_setaffinity(0, sorted(every)[:cores])
            table, found = once(nexmark, queries, name, batches, cores, shards=args.shards)
            os.sched_setaffinity(0, every)
            found = {"answer": verdicts.of(table)} | found
            del table
            gc.collect()
            pa.default_memory_pool().release_unused()
            if args.json:
                setting = {"case": name, "events": args.events, "batch": batch, "cores": cores}
                sizes = {"numbers_bytes": numbers, "text_bytes": texts}
                print(json.dumps(setting | {"disorder": args.disorder} | found | sizes), flush=True)
                continue
            wall, cpu = (args.events / found[k] / 1e6 for k in ("seconds", "cpu_s"))
            rates = f"{wall:8.3f} M/s wall {cpu:8.3f} M/s cpu"
            parts = f"  {found['shards']} shards" if found["shards"] else ""
            print(f"{name:4} batch {batch:6} {cores} cores {found['answer']:6} {rates}{parts}", flush=True)


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
    limit_duckdb(nexmark.cache_dir())
    for name in args.queries or list(queries.QUERIES):
        measure(nexmark, queries, name, args)


if __name__ == "__main__":
    main()
