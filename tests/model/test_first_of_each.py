# SPDX-License-Identifier: Apache-2.0
"""The first n rows of each key of many rows: what is skipped by the bars of keys never belonged to them.

Against the same rows ranked here, for keys of few and of many rows, NULLs, rows in rising and falling order
and rows several times, on one thread and two.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import laminardb
import pytest
from draw import Draw

ROWS = 60_000


def rows_of(d: Draw) -> list[tuple[int | None, str | None, int | None, int]]:
    keys = d.pick([3, 40, 900, 9_000, 50_000])
    step = d.pick([0, 1, -1])  # in any order, rising, falling
    most = d.pick([50, 1_000_000])
    rows = []
    for i in range(ROWS):
        k = d.below(keys)
        v = i * step if step else d.below(most)
        rows.append(
            (
                None if k == 1 else k,
                None if k % 7 == 5 else f"t{k % 5}",
                None if v % 101 == 3 else v,
                d.below(9),
            )
        )
    return rows


def ranked(rows: list[tuple[Any, ...]], keys: list[int], falling: bool, n: int) -> list[tuple[Any, ...]]:
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[k] for k in keys)].append(row)
    found = []
    for group in groups.values():
        # NULLs last in either direction; ties by all columns, so that equal rows alone are exchanged
        group.sort(key=lambda r: [(x is None, x) if x is not None else (True, 0) for x in (r[0], r[1], r[3])])
        group.sort(key=lambda r: (r[2] is None, 0 if r[2] is None else -r[2] if falling else r[2]))
        found += group[:n]
    return sorted(found, key=repr)


@pytest.mark.parametrize("seed", range(12))
def test_first_rows_of_each_key(seed: int) -> None:
    d = Draw(seed)
    rows = rows_of(d)
    names = ["k", "s", "v", "w"]
    keys = d.pick([[0], [1], [0, 1]])
    falling, n = d.chance(0.5), d.between(1, 4)
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR, v BIGINT, w BIGINT)")
        db.insert("t", dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
        order = f"v {'DESC NULLS LAST' if falling else 'NULLS LAST'}"
        part = ", ".join(names[k] for k in keys)
        sql = f"SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY {part} ORDER BY {order}) <= {n}"
        wanted = ranked(rows, keys, falling, n)
        for threads in (1, 2):
            db.config_set("threads", threads)
            assert sorted(db.query(sql).fetchall(), key=repr) == wanted, f"seed {seed}, {threads} threads"
