# SPDX-License-Identifier: Apache-2.0
"""ORDER BY ... LIMIT ... OFFSET of more rows than it buffers, beside the same rows sorted in full: first keys
that are judged by words and ones that are not, with NULLs, ties, -0.0 and NaN, of one thread and of two."""

import math
import random
from typing import Any

import laminardb
import pyarrow as pa
import pytest

ROWS = 40_000
SPECIAL = (0.0, -0.0, math.inf, -math.inf, math.nan)


def table(r: random.Random) -> pa.Table:
    def nulls(values: list[Any]) -> list[Any]:
        return [None if r.random() < 0.1 else v for v in values]

    few, span = r.choice((3, 50, 2000)), r.choice((30, 10**6, 2**63 - 1))
    doubles = [r.choice(SPECIAL) if r.random() < 0.05 else r.uniform(-few, few) for _ in range(ROWS)]
    columns: dict[str, Any] = {
        "a": pa.array([r.randint(-few, few) for _ in range(ROWS)], pa.int64()),
        "b": pa.array([r.randint(-span, span) for _ in range(ROWS)], pa.int64()),
        "c": pa.array(nulls([r.randint(-few, few) for _ in range(ROWS)]), pa.int64()),
        "d": pa.array(doubles, pa.float64()),
        "e": pa.array([f"k{r.randint(0, few)}" for _ in range(ROWS)], pa.string()),
        "f": pa.array([r.random() < 0.5 for _ in range(ROWS)], pa.bool_()),
        "n": pa.array(range(ROWS), pa.int64()),
    }
    return pa.table(columns)


def ordering(r: random.Random) -> str:
    names = r.sample("abcdef", r.randint(1, 3)) + ["n"]
    ways = ("", " DESC", " NULLS FIRST", " NULLS LAST", " DESC NULLS FIRST", " DESC NULLS LAST")
    return ", ".join(name + r.choice(ways) for name in names)


def listed(rows: Any) -> list[str]:
    return [repr(row) for row in zip(*(c.to_pylist() for c in rows.columns), strict=True)]


@pytest.mark.parametrize("seed", range(12))
def test_as_sorted_in_full(seed: int) -> None:
    r = random.Random(seed)
    with laminardb.open(config=laminardb.LaminarConfig(threads=1 + seed % 2)) as db:
        db.execute("CREATE TABLE t (a BIGINT, b BIGINT, c BIGINT, d DOUBLE, e VARCHAR, f BOOLEAN, n BIGINT)")
        rows = table(r)
        for first in range(0, ROWS, 7_000):
            db.insert("t", rows.slice(first, 7_000))
        for _ in range(6):
            by, limit, offset = ordering(r), r.choice((1, 10, 100, 3000)), r.choice((0, 0, 7, 500))
            whole = listed(db.query(f"SELECT a, b, c, d, e, f, n FROM t ORDER BY {by}").to_arrow())
            got = db.query(f"SELECT a, b, c, d, e, f, n FROM t ORDER BY {by} LIMIT {limit} OFFSET {offset}")
            assert listed(got.to_arrow()) == whole[offset : offset + limit], (by, limit, offset)
