# SPDX-License-Identifier: Apache-2.0
"""What a group and a row of a source take, beside what they hold.

    python bench/memory.py [groups sources] [--quick] [--json]

A group's measure is its key and the values of its aggregates: 8 bytes a number, a text its bytes and a length
of 4. A source's measure is the Arrow table that went in. Beside what the engine counts (state_bytes,
retained_bytes) stands what the process grew by. --json prints an object a line."""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import laminardb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]
ENV = dict(os.environ, ARROW_DEFAULT_MEMORY_POOL="system")  # gives back what it does not need
SHORT, LONG = "key", "a key 20 long "  # and six digits
SQL = {
    "int64": "BIGINT",
    "int16": "SMALLINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "timestamp[us]": "TIMESTAMP",
}
GROUPED: dict[str, tuple[str, int]] = {  # the stream, and the bytes that a group holds
    "BIGINT, count": ("SELECT k, count(*) AS n FROM t GROUP BY k", 8 + 8),
    "BIGINT, count and sum": ("SELECT k, count(*) AS n, sum(v) AS s FROM t GROUP BY k", 8 + 16),
    "BIGINT, count, sum, min, max": (
        "SELECT k, count(*) AS n, sum(v) AS s, min(v) AS l, max(v) AS h FROM t GROUP BY k",
        8 + 32,
    ),
    "two BIGINTs, count and sum": (
        "SELECT k, j, count(*) AS n, sum(v) AS s FROM t GROUP BY k, j",
        16 + 16,
    ),
    "text of 9 bytes, count": ("SELECT short, count(*) AS n FROM t GROUP BY short", 9 + 4 + 8),
    "text of 20 bytes, count": ("SELECT long, count(*) AS n FROM t GROUP BY long", 20 + 4 + 8),
    "text of 20 bytes, count and sum": (
        "SELECT long, count(*) AS n, sum(v) AS s FROM t GROUP BY long",
        20 + 4 + 16,
    ),
}


def resident() -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def texts(form: str, keys: np.ndarray) -> pa.Array:
    """Without Python objects, whose memory would stay with the process."""
    digits = pc.utf8_lpad(pc.cast(pa.array(keys % 1_000_000), pa.string()), 6, "0")
    return pc.binary_join_element_wise(form, digits, "")


def group_bytes(what: str, groups: int) -> Row:
    query, holds = GROUPED[what]
    db = laminardb.open()
    columns = "k BIGINT, j BIGINT, short VARCHAR, long VARCHAR, v BIGINT"
    db.execute(f"CREATE SOURCE t ({columns}) WITH (retain = 'none')")
    db.execute(f"CREATE STREAM s AS {query}")
    db.start()

    def rows(first: int, count: int) -> pa.RecordBatch:
        k = np.arange(first, first + count)
        short, long = texts(SHORT, k), texts(LONG, k)
        return pa.record_batch({"k": k, "j": k * 7, "short": short, "long": long, "v": k % 1000})

    db.insert("t", rows(0, 1))
    before_state, before = db.stream_metrics("s"), resident()
    for at in range(1, groups, 16_384):
        db.insert("t", rows(at, min(16_384, groups - at)))
    after_state = db.stream_metrics("s")
    assert before_state is not None and after_state is not None and after_state.error is None
    grown = resident() - before
    assert db.query("SELECT count(*), sum(n) FROM s").fetchone() == (groups, groups)
    state = after_state.state_bytes
    db.close()
    return {
        "case": "groups",
        "what": what,
        "groups": groups,
        "bytes": state / groups,
        "process_bytes": grown / groups,
        "holds": holds,
        "ratio": state / groups / holds,
        "answer": "ok",
    }


KEPT = (
    "BIGINT and DOUBLE",
    "the same and one of 100 texts",
    "the same and any text of 9 bytes",
    "the same and any text of 20 bytes",
    "the same, one DOUBLE in ten NULL",
    "BOOLEAN, SMALLINT, TIMESTAMP",
)


def table_of(what: str, rows: int) -> pa.Table:
    rng, i = np.random.default_rng(1), np.arange(rows)
    if what == KEPT[5]:
        small = (i % 30_000).astype(np.int16)
        return pa.table({"b": pa.array(i % 3 == 0), "i": small, "t": pa.array(i * 1000, pa.timestamp("us"))})
    number = rng.random(rows)
    columns = {"k": pa.array(i), "v": pa.array(number, mask=i % 10 == 0 if what == KEPT[4] else None)}
    if what == KEPT[1]:
        few = pa.array([f"symbol {n}" for n in range(100)])
        columns["s"] = few.take(pa.array(rng.integers(0, 100, rows)))
    elif what in KEPT[2:4]:
        columns["s"] = texts(SHORT if what == KEPT[2] else LONG, i)
    return pa.table(columns)


def source_bytes(what: str, rows: int, batch: int) -> Row:
    table = table_of(what, rows)
    arrow = table.nbytes
    db = laminardb.open()
    columns = ", ".join(f"{f.name} {SQL[str(f.type)]}" for f in table.schema)
    db.execute(f"CREATE SOURCE t ({columns})")
    db.start()
    before = resident()
    for at in range(0, rows, batch):
        part = table.slice(at, batch)
        # a copy of its own for each insert: slices share their table's memory
        db.insert("t", pa.table({n: pa.concat_arrays(part.column(n).chunks) for n in part.column_names}))
    metrics = db.source_metrics("t")
    assert metrics is not None
    counted = metrics.retained_bytes
    del part
    grown = resident() - before
    assert db.query("SELECT count(*) FROM t").fetchone() == (rows,)
    db.close()
    return {
        "case": "sources",
        "what": what,
        "rows": rows,
        "batch": batch,
        "bytes": counted / rows,
        "process_bytes": grown / rows,
        "arrow_bytes": arrow / rows,
        "ratio": counted / arrow,
        "process_ratio": grown / arrow,
        "answer": "ok",
    }


def jobs(parts: list[str], quick: bool) -> list[tuple[str, str, int, int]]:
    scale = 10 if quick else 1
    found = []
    if "groups" in parts:
        for count in (200_000, 1_000_000):
            found += [("groups", what, count // scale, 0) for what in GROUPED]
    if "sources" in parts:
        for batch in (1_000_000, 8_192, 64):
            found += [("sources", what, 1_000_000 // scale, batch) for what in KEPT]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=["groups", "sources", []])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, what, count, batch = json.loads(args.one)
        print(json.dumps(group_bytes(what, count) if kind == "groups" else source_bytes(what, count, batch)))
        return
    for job in jobs(args.parts or ["groups", "sources"], args.quick):  # each in a process of its own
        command = [sys.executable, __file__, "--one", json.dumps(job)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=ENV)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        row = json.loads(done.stdout)
        if args.json:
            print(json.dumps(row), flush=True)
        else:
            shown = "  ".join(f"{k} {v:,.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            print(shown)


if __name__ == "__main__":
    main()
