# SPDX-License-Identifier: Apache-2.0
"""Aggregates with DISTINCT over windows, against DuckDB: every kind of frame, FILTER, rows of tables that are
taken back, streams made early and late, inserts cut anywhere, reloads."""

from __future__ import annotations

import math
import random
from typing import Any

import laminardb
import pytest
from laminardb.testing import reload

duckdb = pytest.importorskip("duckdb")

FRAMES = (
    "",
    "ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES",
    "RANGE BETWEEN 2 PRECEDING AND 2 FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
)
NAMES = ("id", "k", "v", "d", "o")
COLUMNS = "(id INT{}, k VARCHAR, v INT, d DOUBLE, o INT)"

Row = tuple[Any, ...]


def query(r: random.Random) -> str:
    frame = r.choice(FRAMES)
    order = "o, id" if frame.startswith("ROWS") else "o"  # rows at one place are in no order
    keys = r.choice((f"PARTITION BY k ORDER BY {order} {frame}", "PARTITION BY k"))
    over = f"{r.choice(('', 'FILTER (WHERE id % 3 <> 0)'))} OVER ({keys})"
    return (
        f"SELECT id, count(DISTINCT v) {over} AS a, sum(DISTINCT v) {over} AS b, "
        f"avg(DISTINCT d) {over} AS c, max(DISTINCT v) {over} AS e, count(DISTINCT k) {over} AS g FROM t"
    )


def row(r: random.Random, i: int) -> Row:
    return (
        i,
        r.choice("abc"),
        r.choice((None, *range(6))),
        r.choice((None, 0.5, 1.5, 2.5)),
        r.randint(0, 20),
    )


def same(x: Row, y: Row) -> bool:
    return len(x) == len(y) and all(
        a == b or (isinstance(a, float) and isinstance(b, float) and math.isclose(a, b))
        for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize("seed", range(30))
def test_against_duckdb(seed: int) -> None:
    r = random.Random(seed)
    rows = [row(r, i) for i in range(r.randint(1, 60))]
    with duckdb.connect() as other:
        other.execute(f"CREATE TABLE t {COLUMNS.format('')}")
        other.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
        sql = query(r)
        want = sorted(other.execute(sql).fetchall())
    keyed = r.random() < 0.5
    early = r.random() < 0.5
    old = [row(r, x[0]) for x in rows if keyed and r.random() < 0.3]  # replaced by those of their key
    with laminardb.open(":memory:") as db:
        db.start()
        kind = "TABLE" if keyed else "SOURCE"
        db.execute(f"CREATE {kind} t {COLUMNS.format(' PRIMARY KEY' if keyed else '')}")
        if early:
            db.execute(f"CREATE STREAM s AS {sql}")
        given = old + rows
        while given:
            n = r.randint(1, 7)
            db.insert("t", [dict(zip(NAMES, x, strict=True)) for x in given[:n]])
            given = given[n:]
            if r.random() < 0.2:
                reload(db)
        if not early:
            db.execute(f"CREATE STREAM s AS {sql}")
        for answer in (sql, "SELECT * FROM s"):
            got = sorted(db.query(answer).fetchall())
            assert len(got) == len(want) and all(map(same, got, want)), sql
