# SPDX-License-Identifier: Apache-2.0
"""TPC-H: its data in both databases, its 22 queries, and their answers side by side.

Money is DOUBLE here, so sums are compared with a tolerance. `make tpch SF=1` prints times at a scale.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import laminardb
import pyarrow as pa
import pyarrow.parquet as pq

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
FILES = sorted(Path(__file__).parent.glob("q*.sql"))
QUERIES = {int(p.stem[1:]): p.read_text(encoding="utf-8") for p in FILES}
Rows = list[tuple[Any, ...]]


def generate(folder: Path, scale: float) -> None:
    tool = Path(sys.executable).parent / "tpchgen-cli"
    command = [tool, "parquet", "-s", str(scale), f"--output-dir={folder}"]
    subprocess.run(command, check=True, capture_output=True)


def plain(table: pa.Table) -> pa.Table:
    """Decimals as doubles, text as plain strings."""
    fields = []
    for f in table.schema:
        kind = f.type
        if pa.types.is_decimal(kind):
            kind = pa.float64()
        elif pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
            kind = pa.string()
        fields.append(pa.field(f.name, kind))
    return table.cast(pa.schema(fields))


def load(folder: Path) -> tuple[Any, duckdb.DuckDBPyConnection]:
    ours, duck = laminardb.open(), duckdb.connect()
    for name in TABLES:
        rows = plain(pq.read_table(folder / f"{name}.parquet"))
        ours.create_table(name, rows.schema)
        ours.insert(name, rows)
        duck.register("rows_in", rows)
        duck.execute(f"CREATE TABLE {name} AS SELECT * FROM rows_in")
        duck.unregister("rows_in")
    return ours, duck


def same(x: Any, y: Any) -> bool:
    if isinstance(x, float) or isinstance(y, float):
        both = x is not None and y is not None
        return both and math.isclose(float(x), float(y), rel_tol=1e-9, abs_tol=1e-9)
    return bool(x == y)


def difference(ours: Rows, duck: Rows) -> str | None:
    """The first row that differs; ties of ORDER BY may come in any order."""
    if len(ours) != len(duck):
        return f"{len(ours)} rows, and DuckDB has {len(duck)}"

    def key(row: tuple[Any, ...]) -> str:
        return repr([round(v, 4) if isinstance(v, float) else v for v in row])

    for x, y in zip(sorted(ours, key=key), sorted(duck, key=key), strict=True):
        if not all(same(a, b) for a, b in zip(x, y, strict=True)):
            return f"{x} and DuckDB has {y}"
    return None


def main(scale: float) -> None:
    folder = Path("build/tpch") / f"sf{scale:g}"
    if not (folder / "lineitem.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        generate(folder, scale)
    ours, duck = load(folder)
    duck.execute("SET threads = 1")
    total = [0.0, 0.0]
    for number, text in QUERIES.items():
        times, answers = [], []
        for run in (lambda q: ours.query(q).fetchall(), lambda q: duck.execute(q).fetchall()):
            start = time.perf_counter()
            answers.append(run(text))
            times.append(time.perf_counter() - start)
        wrong = difference(*answers)
        total = [a + b for a, b in zip(total, times, strict=True)]
        print(f"q{number:02} {times[0]:8.3f} s  DuckDB {times[1]:8.3f} s  {wrong or 'same'}", flush=True)
    print(f"all {total[0]:8.3f} s  DuckDB {total[1]:8.3f} s (one thread)")
