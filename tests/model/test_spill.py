# SPDX-License-Identifier: Apache-2.0
"""Random queries under random memory limits answer as they do without one: what memory has no room for goes
to disk. No group and no partition of these is too large for the least limit, so a MemoryError is a fault.

A failing case prints its seed; LAMINAR_SEED=n runs that one alone.
"""

from __future__ import annotations

import os
from typing import Any

import laminardb
import pytest
from draw import Draw

CASES = 240
PER_TEST = 40
ROWS = 40_000
MIB = 1 << 20

# Exact whatever the order of the rows of a group; the last ones keep their rows.
PLAIN = ["count(*)", "sum(v)", "min(s)", "max(v)", "count(s)", "bool_or(v > 3)", "max(d)", "avg(v)"]
KEEPING = ["count(DISTINCT s)", "sum(DISTINCT v % 100)", "median(v)", "len(array_agg(v))", "mode(v)"]
KEYS = ["k", "s", "v % 20000", "k / 7", "d", "k % 3", "n", "s || k"]
JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"]
CONDITIONS = ["a.k = b.k", "a.k = b.k AND a.s = b.s", "a.s = b.s", "a.n = b.n", "a.d = b.d"]
RESIDUALS = ["", " AND a.v < b.v", " AND a.v % 3 <> b.v % 2"]


@pytest.fixture(scope="module")
def db() -> Any:
    d = Draw(7)
    with laminardb.open() as db:
        for name, rows in (("t", ROWS), ("u", ROWS // 2)):
            db.execute(f"CREATE SOURCE {name} (k BIGINT, s VARCHAR, v BIGINT, d DOUBLE, n INTEGER)")
            ids = [d.between(0, 15_000) for _ in range(rows)]
            db.insert(
                name,
                {
                    "k": ids,
                    "s": [None if i % 11 == 0 else f"{'long text ' * (i % 5)}{i % 12_000}" for i in ids],
                    "v": [d.between(-1000, 1_000_000) for _ in range(rows)],
                    "d": [float("nan") if i % 501 == 0 else -0.0 if i % 2 else i * 0.5 for i in range(rows)],
                    "n": [None if i % 3 else i for i in range(rows)],
                },
            )
        yield db


def some(d: Draw, of: list[str], most: int) -> list[str]:
    return list(dict.fromkeys(d.pick(of) for _ in range(d.between(1, most))))


def checked(columns: list[str], query: str) -> str:
    """One row that depends on every value, whatever the order."""
    sums = ", ".join(f"sum(hash({c}) % 1000003)" for c in columns)
    return f"SELECT count(*), {sums} FROM ({query}) q"


def grouped(d: Draw) -> str:
    keys, calls = some(d, KEYS, 2), some(d, PLAIN, 3)
    if d.chance(0.4):
        calls += some(d, KEEPING, 2)
    items = [f"{e} AS c{i}" for i, e in enumerate(keys + calls)]
    query = f"SELECT {', '.join(items)} FROM t GROUP BY {', '.join(keys)}"
    return checked([f"c{i}" for i in range(len(items))], query)


def distinct(d: Draw) -> str:
    items = [f"{e} AS c{i}" for i, e in enumerate(some(d, KEYS, 3))]
    terms = [f"SELECT {', '.join(items)} FROM {t}" for t in ("t", "u")]
    query = f"SELECT DISTINCT {', '.join(items)} FROM t" if d.chance(0.5) else " UNION ".join(terms)
    return checked([f"c{i}" for i in range(len(items))], query)


def joined(d: Draw) -> str:
    how = d.pick(JOINS)
    # Rows with d = 0 meet all others of them: a key of its own kind, kept few.
    small = "(SELECT * FROM t WHERE d <> 0 OR v % 500 = 0)"
    left, right = f"{small} a", f"{small.replace('FROM t', 'FROM u')} b"
    columns = ["a.k", "a.s", "a.v"] + ([] if how in ("SEMI JOIN", "ANTI JOIN") else ["b.v", "b.s"])
    items = ", ".join(f"{c} AS c{i}" for i, c in enumerate(columns))
    on = d.pick(CONDITIONS) + d.pick(RESIDUALS)
    return checked(
        [f"c{i}" for i in range(len(columns))], f"SELECT {items} FROM {left} {how} {right} ON {on}"
    )


def windowed(d: Draw) -> str:
    """Frames whose answer does not depend on which of two equal rows comes first, as none are."""
    calls = [
        "row_number()",
        "rank()",
        "lag(v, 2)",
        "first_value(s)",
        "sum(v)",
        "min(s)",
        "count(DISTINCT v % 10)",
    ]
    keys = ", ".join(some(d, ["s", "v % 5000", "k % 300", "k // 40"], 2))
    frame = d.pick(["", "", " ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING", " RANGE UNBOUNDED PRECEDING"])
    over = f"(PARTITION BY {keys} ORDER BY v{d.pick(['', ' DESC'])}, k, s, d, n{frame})"
    items = ["k", "s", "v"] + [f"{c} OVER {over}" for c in some(d, calls, 3)]
    query = f"SELECT {', '.join(f'{e} AS c{i}' for i, e in enumerate(items))} FROM t"
    return checked([f"c{i}" for i in range(len(items))], query)


def nearest(d: Draw) -> str:
    """Of one key (or none) there may be more rows than there is room for."""
    keys = d.pick(["", "a.k % 7 = b.k % 7 AND ", "a.s = b.s AND ", "a.n = b.n AND "])
    how = d.pick(["ASOF JOIN", "ASOF LEFT JOIN"])
    at = d.pick(["a.v {} b.v", "a.d {} b.d", "a.k {} b.k"]).format(d.pick([">=", ">", "<=", "<"]))
    query = f"SELECT a.k AS c0, a.v AS c1, b.v AS c2, b.s AS c3, b.d AS c4 FROM u a {how} t b ON {keys}{at}"
    return checked([f"c{i}" for i in range(5)], query)


def crossed(d: Draw) -> str:
    """Joins without keys, or whose rows all have one: pairs are few, candidates are not."""
    how = d.pick(JOINS)
    on = d.pick(["a.k = b.k + 1 OR a.v = b.v", "a.v + 20 < b.v AND a.v + 40 > b.v", "a.s = b.s OR a.d = b.d"])
    one = d.pick(["", "a.k // 20000 = b.k // 20000 AND "])
    columns = ["a.k", "a.s", "a.v"] + ([] if how in ("SEMI JOIN", "ANTI JOIN") else ["b.v", "b.s"])
    items = ", ".join(f"{c} AS c{i}" for i, c in enumerate(columns))
    row = "SELECT k, repeat(s, 8) AS s, v, d FROM"
    few = f"{row} t WHERE v % 400 = {d.between(0, 3)}"
    many = [f"{row} {table} WHERE v % {n} = 0" for table, n in (("t", 8), ("u", 4))]
    sides = d.pick([(few, many[0]), (many[1], few)])  # the side that is stored has the many
    query = f"SELECT {items} FROM ({sides[0]}) a {how} ({sides[1]}) b ON {one}({on})"
    return checked([f"c{i}" for i in range(len(columns))], query)


def shared(d: Draw) -> str:
    both = f"SELECT k, s, v FROM t WHERE v % {d.between(2, 9)} <> 0"
    query = f"SELECT a.s AS c0, b.v AS c1 FROM q a {d.pick(JOINS[:3])} q b ON a.k = b.k + 1 AND a.s < b.s"
    return f"WITH q AS MATERIALIZED ({both}) {checked(['c0', 'c1'], query)}"


def ordered(d: Draw) -> str:
    keys = [f"{k}{d.pick(['', ' DESC', ' NULLS FIRST'])}" for k in some(d, ["k", "s", "v", "d", "n"], 3)]
    rows = "SELECT k, s, v, d, n FROM t UNION ALL SELECT k, s, v, d, n FROM u"
    if d.chance(0.3):  # a result of many rows
        return f"SELECT k, s, v FROM ({rows}) WHERE v % 4 = 0 ORDER BY {', '.join(keys)}, k, s, v"
    place = f"LIMIT {d.between(1, 300)} OFFSET {d.between(65_537, 99_000)}"
    rows += " UNION ALL SELECT k, s, v, d, n FROM t"
    return f"SELECT k, s, v, n FROM ({rows}) ORDER BY {', '.join(keys)} {place}"


def counted(d: Draw) -> str:
    """Operators that spill on top of one another."""
    inner = "SELECT s AS a, count(*) AS b FROM (SELECT DISTINCT s, v % 50 AS w FROM t) x GROUP BY s"
    groups = f"SELECT b, count(*) FROM ({inner}) y JOIN t ON t.s = y.a GROUP BY b"
    return f"{groups} ORDER BY b LIMIT {d.between(5, 50)}"


SHAPES = [
    grouped,
    grouped,
    distinct,
    joined,
    joined,
    ordered,
    counted,
    windowed,
    windowed,
    nearest,
    nearest,
    crossed,
    shared,
]


def run(db: laminardb.Connection, seed: int) -> bool:
    d = Draw(seed)
    sql = d.pick(SHAPES)(d)
    db.config_set("threads", d.between(1, 2))
    wanted = repr(db.query(sql).fetchall())
    room = len(wanted) + int(d.pick([3, 4, 6, 10]) * MIB)
    db.config_set("memory_limit", db._memory() + room)
    try:
        got = repr(db.query(sql).fetchall())
        plan = str(db.query(f"EXPLAIN ANALYZE {sql}").fetchall())
    except MemoryError:
        raise AssertionError(f"seed {seed}: no room in {room} bytes: {sql}") from None
    finally:
        db.config_set("memory_limit", None)
    assert got == wanted, f"seed {seed}: {sql}"
    return "spilled:" in plan


@pytest.mark.parametrize("first", range(0, CASES, PER_TEST))
def test_limits_change_no_answer(db: laminardb.Connection, first: int) -> None:
    if "LAMINAR_SEED" in os.environ:
        run(db, int(os.environ["LAMINAR_SEED"]))
        return
    spilled = sum(run(db, first + i) for i in range(PER_TEST))
    assert spilled >= PER_TEST // 3, f"only {spilled} of {PER_TEST} queries needed the disk"
