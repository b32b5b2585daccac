# SPDX-License-Identifier: Apache-2.0
"""EXISTS over inner joins that leave few rows: SEMI and ANTI joins stand above them, answers are DuckDB's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import duckdb
import laminardb
import pytest

ROWS = 30_000
CONDITIONS = [
    "EXISTS (SELECT 1 FROM big b WHERE b.k = a.k AND b.w <> a.w)",
    "NOT EXISTS (SELECT 1 FROM big b WHERE b.k = a.k AND b.w > a.w)",
    "a.k IN (SELECT k FROM big WHERE w > 3)",
    "NOT EXISTS (SELECT 1 FROM big b WHERE b.k = a.k AND b.v = a.v AND b.w <> a.w)",
]


@pytest.fixture(scope="module")
def both() -> Iterator[Any]:
    rng = random.Random(3)

    def some(n: int) -> Any:
        return None if rng.random() < 0.02 else rng.randrange(n)

    tables: dict[str, tuple[str, list[Any]]] = {
        "big": ("k BIGINT, v BIGINT, w BIGINT", [(some(9000), some(500), some(8)) for _ in range(ROWS)]),
        "side": ("v BIGINT, g BIGINT", [(i, i % 50) for i in range(500)]),
        "few": ("g BIGINT, name VARCHAR", [(i, f"n{i % 25}") for i in range(50)]),
    }
    duck = duckdb.connect()
    with laminardb.open() as ours:
        for name, (columns, rows) in tables.items():
            ours.execute(f"CREATE TABLE {name} ({columns})")
            duck.execute(f"CREATE TABLE {name} ({columns})")
            ours.insert(name, rows)
            for at in range(0, len(rows), 1000):
                shown = [tuple("NULL" if x is None else repr(x) for x in row) for row in rows[at : at + 1000]]
                duck.execute(f"INSERT INTO {name} VALUES " + ", ".join(f"({', '.join(r)})" for r in shown))
        yield ours, duck


@pytest.mark.parametrize("first", range(len(CONDITIONS)))
@pytest.mark.parametrize("second", [None, *range(len(CONDITIONS))])
def test_answers(both: Any, first: Any, second: Any) -> None:
    ours, duck = both
    chosen = [CONDITIONS[first]] + ([] if second is None else [CONDITIONS[second]])
    text = (
        "SELECT few.name, a.k, a.w, side.v FROM side, big a, few WHERE side.v = a.v AND few.g = side.g "
        f"AND few.name = 'n7' AND {' AND '.join(chosen)} ORDER BY ALL"
    )
    got = ours.sql(text).fetchall()
    assert got == duck.execute(text).fetchall()
    assert len(got) > 0 or second is not None
    plan = ours.explain(text)
    lines = [line for line in str(plan).splitlines() if " Join " in line]
    assert "Semi Join" in lines[0] or "Anti Join" in lines[0]  # the outermost
