# SPDX-License-Identifier: Apache-2.0
"""Functions of the program: what a call costs beside the function itself, and beside built-ins and DuckDB.

    python bench/udf.py [--rows 1000000] [--rounds 5]

Prints JSON: batch_overhead_us (a batch of 2,048 rows in arrow mode, over calling the function with the
same arrays), numpy_ms and builtin_ms (a * b + c), row_mode_rows_per_s (x -> x), and duckdb_arrow_ms, its
Arrow function of a * b + c, where duckdb is installed. Every answer is checked."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import laminardb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BATCH = 2048


def best(run: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def batch_overhead(rounds: int) -> float:
    """Microseconds a batch: a tick with the function, less the same tick without, less the function."""
    calls = 0

    def twice(x: pa.Array) -> pa.Array:
        nonlocal calls
        calls += 1
        return pc.add(x, x)

    batch = pa.record_batch({"v": pa.array(np.arange(BATCH, dtype="f8"))})
    column, count = batch.column(0), 200

    def inserts(sql: str) -> float:
        with laminardb.open() as db:
            db.register_udf("twice", twice, return_type="DOUBLE", arg_types=["DOUBLE"], mode="arrow")
            db.execute("CREATE SOURCE t (v DOUBLE) WITH (retain = '1 rows')")
            db.execute(f"CREATE STREAM s AS SELECT sum({sql}) AS w FROM t")
            db.start()
            db.insert("t", batch)

            def run() -> None:
                for _ in range(count):
                    db.insert("t", batch)

            seconds = best(run, rounds)
            total = db.query_stream("s").fetchall()[0][0]
            assert total == 2.0 * (BATCH * (BATCH - 1) // 2) * (count * rounds + 1)
            return seconds / count

    with_function, without = inserts("twice(v)"), inserts("v + v")
    alone = best(lambda: [pc.add(column, column) for _ in range(count)], rounds) / count
    built_in = 0.3e-6  # v + v of 2,048 rows, which `without` has and `with_function` has not
    assert calls >= count * rounds
    return max(0.0, (with_function - without - alone + built_in) * 1e6)


def expression(rows: int, rounds: int) -> dict[str, float]:
    data = pa.table({n: np.random.default_rng(i).random(rows) for i, n in enumerate("abc")})

    def fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        return a * b + c

    found: dict[str, float] = {}
    wanted = float((data["a"].to_numpy() * data["b"].to_numpy() + data["c"].to_numpy()).sum())
    with laminardb.open() as db:
        db.register_udf("fma", fma, return_type=float, arg_types=["DOUBLE"] * 3, mode="numpy")
        db.register_udf("same", lambda x: x, return_type=float, arg_types=["DOUBLE"], mode="row")
        db.execute("CREATE SOURCE t (a DOUBLE, b DOUBLE, c DOUBLE)")
        db.start()
        db.insert("t", data)

        def query(sql: str) -> None:
            answer = db.query(f"SELECT sum({sql}) AS x FROM t").fetchall()[0][0]
            assert abs(answer - wanted) < 1e-6 * wanted, (sql, answer, wanted)

        query("fma(a, b, c)")
        found["numpy_ms"] = best(lambda: query("fma(a, b, c)"), rounds) * 1e3
        found["builtin_ms"] = best(lambda: query("a * b + c"), rounds) * 1e3
        seconds = best(lambda: query("same(a * b + c)"), rounds)
        found["row_mode_rows_per_s"] = rows / seconds
    found["numpy_over_builtin"] = found["numpy_ms"] / found["builtin_ms"]
    return found | duckdb(data, wanted, rounds)


def duckdb(data: Any, wanted: float, rounds: int) -> dict[str, float]:
    try:
        import duckdb as other
    except ImportError:
        return {}
    db = other.connect()
    db.execute("SET threads = 1")
    double = other.typing.DOUBLE if hasattr(other, "typing") else "DOUBLE"

    def fma(a: Any, b: Any, c: Any) -> Any:
        return pc.add(pc.multiply(a, b), c)

    db.create_function("fma", fma, [double] * 3, double, type="arrow")
    db.create_function("same", lambda x: x, [double], double)
    db.register("given", data)
    db.execute("CREATE TABLE t AS SELECT * FROM given")

    def query(sql: str) -> None:
        answer = db.execute(f"SELECT sum({sql}) FROM t").fetchall()[0][0]
        assert abs(answer - wanted) < 1e-6 * wanted

    return {
        "duckdb_arrow_ms": best(lambda: query("fma(a, b, c)"), rounds) * 1e3,
        "duckdb_row_mode_rows_per_s": data.num_rows / best(lambda: query("same(a * b + c)"), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    figures = {"batch_overhead_us": batch_overhead(args.rounds), "rows": args.rows}
    print(json.dumps(figures | expression(args.rows, args.rounds), indent=1))


if __name__ == "__main__":
    main()
