# SPDX-License-Identifier: Apache-2.0
"""One-off queries against DuckDB and SQLite: random SELECTs of the grammar over random tables.

Half of the databases have every scalar type and are judged by DuckDB, half have what SQLite has, too, and are
judged by SQLite, by DuckDB where SQLite has not got the words. Ordered queries are compared row by row in
their order. Besides, every operator meets all values of its types. What was hit of the grammar and of the
pairs of operator and type is printed and has floors.

A failing case prints the least rows and query that fail; LAMINAR_SEED=n runs that database alone.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import random
import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import laminardb
import pytest
from differences import DIFFERENCES, REFUSED, Difference
from draw import Coverage, Draw
from expressions import OPERATORS, PAIRS, Operator, Sql, sql
from generate import GRAMMAR, Generator, Query, Tables, ddl, tables
from judges import Fault, Step, duck, lite, load_duck
from values import FEW, RARE, Bag, Row, bag, difference, literal, near, plain, same

DATABASES = 2600
QUERIES = 20  # 52,000 cases
PER_TEST = 100
assert DATABASES * QUERIES >= 50_000

COVERAGE = Coverage(GRAMMAR)

#: Operators of the engine by their names in ops.def, as EXPLAIN shows the nodes that become them.
SHOWN = {
    "scan": "Scan ",
    "filter": "Filter ",
    "project": "Project ",
    "aggregate": "Aggregate",
    "join": r"(Inner|Left|Right|Full|Semi|Anti|Mark|Single) Join",
    "asof": r"Asof (Left )?Join",
    "series": "Series ",
    "sort": "Sort",
    "top_n": "Top N",
    "over": "Over",
    "distinct": "Distinct",
    "union_all": "Union All",
}
#: Those of streams, which other tests compare with these; `collect` ends every query.
OF_STREAMS = {"keep", "process", "asof_bounded", "versions", "window", "result", "gate", "collect"}
OPS_DEF = Path(__file__).parents[2] / "src" / "op" / "ops.def"
NODES: Counter[str] = Counter()  # of the first query of every second database
HITS: Counter[tuple[str, str]] = Counter()
ASKED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duck()


def numbers(rows: Bag) -> Bag:
    """Conditions as SQLite shows them."""
    out: Bag = Counter()
    for row, n in rows.items():
        out[tuple(int(v) if isinstance(v, bool) else v for v in row)] += n
    return out


class Database:
    def __init__(self, seed: int, con: duckdb.DuckDBPyConnection) -> None:
        draw = Draw(seed)
        self.lite, self.con = seed % 2 == 1, con
        self.tables: Tables = tables(draw, ("t", "u", "w"), self.lite)
        g = Generator(draw, self.tables, lite=self.lite)
        self.rows: dict[str, list[Row]] = {n: g.rows(n, draw.pick((0, 1, 4, 9, 16))) for n in self.tables}
        self.loaded = False
        self.sqlite = lite(self.tables, self.rows) if self.lite else None
        self.db = laminardb.open()
        for name, columns in self.tables.items():
            self.db.execute(f"CREATE {'SOURCE' if seed % 4 < 2 else 'TABLE'} {name} ({ddl(columns)})")
            if self.rows[name]:
                self.db.insert(name, self.rows[name])

    def judge(self, q: Query) -> tuple[str, list[Row]]:
        if self.sqlite is not None and q.lite is not None:
            with contextlib.suppress(sqlite3.OperationalError):  # it refuses some ON clauses
                return "SQLite", self.sqlite.execute(q.lite).fetchall()
        if not self.loaded:
            for name, columns in self.tables.items():
                load_duck(self.con, name, columns, self.rows[name])
            self.loaded = True
        try:
            return "DuckDB", self.con.execute(q.duck).fetchall()
        except duckdb.NotImplementedException:
            return "nobody", []

    def check(self, q: Query) -> None:
        who, want = self.judge(q)
        ASKED[who] += 1
        got = self.db.query(q.ours).fetchall()
        if who == "nobody":
            return
        a, b = bag(got), bag(want)
        if who == "SQLite":
            a, b = numbers(a), numbers(b)
        assert same(a, b), f"{who} says otherwise\n{difference(a, b)}"
        if q.ordered and who == "DuckDB":
            for i, (x, y) in enumerate(zip(got, want, strict=True)):
                assert near(tuple(map(plain, x)), tuple(map(plain, y))), f"row {i} is {x}, and should be {y}"

    def run(self, seed: int, queries: int) -> None:
        for i in range(queries):
            draw = Draw(seed * QUERIES + i)
            q = Generator(draw, self.tables, None, COVERAGE, HITS, self.lite).query(once=True)
            try:
                self.check(q)
                if i == 0 and seed % 2 == 0:
                    plan = self.db.explain(q.ours)
                    NODES.update(o for o, n in SHOWN.items() if re.search(rf"^ *{n}", plan, re.MULTILINE))
            except BaseException as e:
                e.add_note(f"LAMINAR_SEED={seed} query {i}: {q.ours}\nDuckDB: {q.duck}\nSQLite: {q.lite}")
                steps = [Step(n, (row,)) for n, rows in self.rows.items() for row in rows]
                e.add_note(Fault(self.tables, {}, draw.taken, self.lite, once=True).report(list(steps)))
                raise


def run_database(seed: int, con: duckdb.DuckDBPyConnection) -> None:
    database = Database(seed, con)
    try:
        database.run(seed, QUERIES)
    finally:
        database.db.close()


@pytest.mark.parametrize("block", range(DATABASES // PER_TEST))
def test_queries_are_those_of_others(block: int, con: duckdb.DuckDBPyConnection) -> None:
    if "LAMINAR_SEED" in os.environ:
        if block == 0:
            run_database(int(os.environ["LAMINAR_SEED"]), con)
        return
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        run_database(seed, con)


def test_every_operator_is_listed() -> None:
    operators = set(re.findall(r"^OPERATOR\(op_(\w+)_class\)", OPS_DEF.read_text(), re.MULTILINE))
    assert operators == SHOWN.keys() | OF_STREAMS


def test_enough_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    if sum(ASKED.values()) < DATABASES * QUERIES:
        pytest.skip("holds for a whole run")
    pairs = len(HITS.keys() & PAIRS) / len(PAIRS)
    asked = ", ".join(f"{who} {n}" for who, n in ASKED.most_common())
    with capsys.disabled():
        print(f"\ndifferential: {asked}; {COVERAGE.share():.1%} of {len(COVERAGE.all)} productions,", end=" ")
        print(f"{pairs:.1%} of {len(PAIRS)} pairs of operator and type,", end=" ")
        print(f"{len(NODES)} of {len(SHOWN)} operators of the engine")
    assert NODES.keys() == SHOWN.keys(), sorted(SHOWN.keys() - NODES.keys())
    assert COVERAGE.share() >= 0.95, COVERAGE.missing()
    assert pairs >= 0.9, sorted(PAIRS - HITS.keys())
    assert ASKED["nobody"] < sum(ASKED.values()) / 1000
    assert ASKED["SQLite"] > 15_000


# ---------------------------------------------------------------------- every operator, all values


def operands(o: Operator) -> list[Row]:
    rows = list(itertools.product(*[[None, *FEW[k], *RARE.get(k, ())] for k in o.args]))
    random.Random(o.ours).shuffle(rows)
    return rows[:80]


def one_query(o: Operator, rows: list[Row]) -> Sql:
    names = [Sql.same(f"a{i}") for i in range(len(o.args))]
    given = ", ".join(
        "(" + ", ".join([str(i), *map(literal, row, o.args)]) + ")" for i, row in enumerate(rows)
    )
    head = f"FROM (VALUES {given}) AS r(i, {', '.join(n.ours for n in names)})"
    call = sql(o.ours, *names, duck=o.duck)
    return Sql(f"SELECT i, {call.ours} {head}", f"SELECT i, {call.duck} {head}", None)


@pytest.mark.parametrize("part", range(8))
def test_every_operator_meets_all_values(part: int, con: duckdb.DuckDBPyConnection) -> None:
    assert len(PAIRS) > 800
    with laminardb.open() as db:
        for o in OPERATORS[part::8]:
            rows = operands(o)
            q = one_query(o, rows)
            want, got = (dict(x.fetchall()) for x in (con.execute(q.duck), db.query(q.ours)))
            wrong = [
                (rows[i], got[i], want[i]) for i in want if not same(bag([(got[i],)]), bag([(want[i],)]))
            ]
            assert not wrong, f"{o.name}{o.args} {o.ours}: {wrong[:3]}"


# ---------------------------------------------------------------------- what differs on purpose


def first(ask: Any, query: str, errors: type[Exception]) -> Any:
    try:
        return ask(query).fetchall()[0][0]
    except errors:
        return REFUSED


def is_same(x: Any, y: Any) -> bool:
    if isinstance(x, float) and isinstance(y, float) and math.isnan(x):
        return math.isnan(y)
    return type(x) is type(y) and x == y


@pytest.mark.parametrize("d", DIFFERENCES, ids=lambda d: d.query)
def test_differences_are_as_written(d: Difference) -> None:
    assert d.why and not is_same(d.ours, d.duck)
    with laminardb.open() as db:
        assert is_same(first(db.query, d.query, laminardb.QueryError), d.ours)
    with duckdb.connect() as plain_duck:
        assert is_same(first(plain_duck.execute, d.query, duckdb.Error), d.duck)
