# SPDX-License-Identifier: Apache-2.0
"""TPC-H: its data in both databases, its 22 queries, and their answers side by side.

Money is DECIMAL(15,2) as the benchmark has it: sums are compared exactly, averages with a tolerance. The rows
come in as Arrow tables or by our own reader of CSV files. `make tpch SF=1` prints times at a scale.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import laminardb
import pyarrow as pa
import pyarrow.parquet as pq

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
FILES = sorted(Path(__file__).parent.glob("q*.sql"))
QUERIES = {int(p.stem[1:]): p.read_text(encoding="utf-8") for p in FILES}
Rows = list[tuple[Any, ...]]
T = TypeVar("T")


def generate(folder: Path, scale: float) -> None:
    """Parquet files for DuckDB and for Arrow, CSV files for our own reader."""
    tool = Path(sys.executable).parent / "tpchgen-cli"
    for form in ("parquet", "csv"):
        command = [tool, form, "-s", str(scale), f"--output-dir={folder}"]
        subprocess.run(command, check=True, capture_output=True)


def plain(table: pa.Table) -> pa.Table:
    """Text as plain strings."""
    fields = []
    for f in table.schema:
        text = pa.types.is_string_view(f.type) or pa.types.is_large_string(f.type)
        fields.append(pa.field(f.name, pa.string() if text else f.type))
    return table.cast(pa.schema(fields))


def load(folder: Path, way: str = "arrow") -> Any:
    ours = laminardb.open()
    for name in TABLES:
        if way == "csv":
            ours.create_table(name, plain(pq.read_schema(folder / f"{name}.parquet").empty_table()).schema)
            ours.execute(f"COPY {name} FROM '{folder / name}.csv'")
        else:
            rows = plain(pq.read_table(folder / f"{name}.parquet"))
            ours.create_table(name, rows.schema)
            ours.insert(name, rows)
    return ours


def load_duck(folder: Path) -> duckdb.DuckDBPyConnection:
    duck = duckdb.connect()
    for name in TABLES:
        duck.execute(f"CREATE TABLE {name} AS SELECT * FROM '{folder / name}.parquet'")
    return duck


def same(x: Any, y: Any) -> bool:
    if isinstance(x, Decimal) and isinstance(y, float):  # a quotient: DECIMAL here, DOUBLE in DuckDB
        return abs(x - Decimal(y)) <= Decimal(5).scaleb(int(x.as_tuple().exponent) - 1)
    if isinstance(x, float) or isinstance(y, float):
        if x is None or y is None:
            return False
        return math.isclose(float(x), float(y), rel_tol=1e-9, abs_tol=1e-9)
    return bool(x == y)


def difference(ours: Rows, duck: Rows) -> str | None:
    """The first row that differs; ties of ORDER BY may come in any order."""
    if len(ours) != len(duck):
        return f"{len(ours)} rows, and DuckDB has {len(duck)}"

    def key(row: tuple[Any, ...]) -> str:
        return repr([round(float(v), 4) if isinstance(v, float | Decimal) else v for v in row])

    for x, y in zip(sorted(ours, key=key), sorted(duck, key=key), strict=True):
        if not all(same(a, b) for a, b in zip(x, y, strict=True)):
            return f"{x} and DuckDB has {y}"
    return None


def _ask(query: Callable[[str], Any], text: str) -> list[tuple[Any, ...]]:
    return list(query(text).fetchall())


def timed(run: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    done = run()
    return time.perf_counter() - start, done


def main(scale: float, json_path: str | None = None) -> None:
    """Prints the times; a path gets them as JSON."""
    found: list[dict[str, Any]] = []
    folder = Path("build/tpch") / f"sf{scale:g}"
    if not (folder / "lineitem.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        generate(folder, scale)
    took, duck = timed(lambda: load_duck(folder))
    print(f"DuckDB loaded the Parquet files in {took:.2f} s")
    for way in ("csv", "arrow"):
        took, ours = timed(partial(load, folder, way))
        print(f"loaded from {way} in {took:.2f} s")
        total = [0.0, 0.0]
        for number, text in QUERIES.items():
            mine, rows = timed(partial(_ask, ours.query, text))
            theirs, wanted = timed(partial(_ask, duck.execute, text))
            wrong = difference(rows, wanted)
            total = [total[0] + mine, total[1] + theirs]
            answer = f"WRONG: {wrong}" if wrong else "ok"
            found.append({"case": f"q{number}", "way": way, "ours": mine, "duckdb": theirs, "answer": answer})
            print(f"q{number:02} {mine:8.3f} s  DuckDB {theirs:8.3f} s  {wrong or 'same'}", flush=True)
        print(f"all {total[0]:8.3f} s  DuckDB {total[1]:8.3f} s")
        ours.close()
    if json_path:
        Path(json_path).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
