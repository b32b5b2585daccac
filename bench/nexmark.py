# SPDX-License-Identifier: Apache-2.0
"""All NEXmark queries as streams, with the generator, the oracles and the comparison of a referee benchmark.

    python bench/nexmark.py path/to/bench --events 1000000 --batch 64 [--disorder 50] [q4 q9 ...]

One process, so that configurations of many small inserts take seconds: what is timed is insert and delivery,
and the answer is what the subscription delivered, netted and compared as the referee does it. `path/to/bench`
holds its nexmark.py and queries.py.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
import time
from typing import Any

import laminardb
import pyarrow as pa


def delivered(db: laminardb.Connection, batches: list[Any]) -> tuple[list[Any], float, float]:
    """What came out, and the seconds that it took: of the wall and of the processor."""
    subscription, got = db.subscribe_stream("s"), []
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    for table, batch in batches:
        db.insert(table, batch)
        while (result := subscription.try_next()) is not None:
            got.append(result)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gc.enable()
    return got, wall, cpu


def run(nexmark: Any, queries: Any, name: str, args: argparse.Namespace) -> str:
    q, rate = queries.QUERIES[name], nexmark.DEFAULT_RATE
    want = queries.expected(name, nexmark.load(args.events, 1, rate, args.disorder))
    data = nexmark.load(args.events, 1, rate, args.disorder, "bigint", q.tables)
    mark = ", WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND" if q.windowed else ""
    emit = " EMIT CHANGES" if q.kind == "retract" else ""
    with laminardb.open() as db:
        for t in q.tables:
            db.execute(f"CREATE SOURCE {t} ({queries.DDL['bigint'][t]}{mark})")
        if "side" in q.oracle:
            db.execute(f"CREATE TABLE side ({queries.DDL['bigint']['side']})")
            db.insert("side", nexmark.side_table())
        db.execute(f"CREATE STREAM s AS {queries.render(q.stream, 'bigint')}{emit}")
        db.start()
        got, wall, cpu = delivered(db, nexmark.batches(data, args.batch, q.tables))
        tables = [r.to_arrow() for r in got]
    tables = [t if isinstance(t, pa.Table) else pa.Table.from_batches([t]) for t in tables]
    net = queries.net([pa.concat_tables(tables)] if tables else [], q.kind, q.keys)
    answer = "ok" if net is None and want.num_rows == 0 else queries.compare(net, want)
    rates = f"{args.events / wall / 1e6:8.3f} M/s wall {args.events / cpu / 1e6:8.3f} M/s cpu"
    return f"{name:4} {answer:6} {rates}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("queries", nargs="*")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--disorder", type=int, default=1, help="how many events may change places")
    args = parser.parse_intermixed_args()
    sys.path.insert(0, args.bench)
    nexmark, queries = importlib.import_module("nexmark"), importlib.import_module("queries")
    for name in args.queries or list(queries.QUERIES):
        print(run(nexmark, queries, name, args), flush=True)
        gc.collect()


if __name__ == "__main__":
    sys.path.pop(0)  # this file has the name of the referee's
    main()
