# SPDX-License-Identifier: Apache-2.0
"""Queries that judge each other, without a second database.

TLP (Rigger & Su, OOPSLA 2020): the rows where p is true, false and NULL are together all rows; so for plain
rows, DISTINCT, grouped and global aggregates. NoREC (Rigger & Su, ESEC/FSE 2020): as many rows pass WHERE p,
which the planner may push, index and reorder, as CASE finds where it can do nothing.

A failing case prints its seed; LAMINAR_SEED=n runs that one alone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import laminardb
import pytest
from draw import Draw
from generate import LITERAL, Generator, ddl, tables
from judges import declare
from values import BIG, INT, SIMPLE, plain

DATABASES = 1000
QUERIES = 50  # 50,000 cases
PER_TEST = 50

Row = tuple[object, ...]


def rows(db: laminardb.Connection, sql: str) -> Counter[Row]:
    """Which of 0.0 and -0.0 stands for both in a group is nobody's promise."""
    return Counter(tuple(map(plain, row)) for row in db.query(sql).fetchall())


def partitions(p: str) -> tuple[str, str, str]:
    return f"({p})", f"(NOT ({p}))", f"(({p}) IS NULL)"


class Case:
    def __init__(self, g: Generator, db: laminardb.Connection) -> None:
        self.g, self.db = g, db
        source = g.source(1)
        self.cols, self.source = source.cols, source.sql.ours
        self.p = g.condition(self.cols).ours

    def text(self, sql: str) -> str:
        """With the literals in place and the names of WITH before it."""
        heads = ", ".join(f"w{i} AS ({w.sql.ours})" for i, w in enumerate(self.g.withs))
        whole = f"WITH {heads} {sql}" if heads else sql
        return LITERAL.sub(lambda m: self.g.literals[int(m[1])][0], whole)

    def ask(self, sql: str) -> Counter[Row]:
        return rows(self.db, self.text(sql))

    def parts(self, sql: str) -> list[Counter[Row]]:
        return [self.ask(sql.replace("{where}", p)) for p in partitions(self.p)]

    def items(self) -> str:
        g = self.g
        return ", ".join(g.expr(g.kind(self.cols), self.cols, 1).ours for _ in range(g.d.between(1, 3)))

    def plain(self) -> None:
        items = self.items()
        parts = self.parts(f"SELECT {items} FROM {self.source} WHERE " + "{where}")
        assert sum(parts, Counter()) == self.ask(f"SELECT {items} FROM {self.source}")

    def distinct(self) -> None:
        items = self.items()
        parts = self.parts(f"SELECT DISTINCT {items} FROM {self.source} WHERE " + "{where}")
        whole = self.ask(f"SELECT DISTINCT {items} FROM {self.source}")
        assert all(n == 1 for part in (*parts, whole) for n in part.values()), "DISTINCT gave a row twice"
        assert set().union(*parts) == set(whole)

    def union(self) -> None:
        items = self.items()
        terms = [f"SELECT {items} FROM {self.source} WHERE {p}" for p in partitions(self.p)]
        assert self.ask(" UNION ALL ".join(terms)) == self.ask(f"SELECT {items} FROM {self.source}")

    def aggregates(self) -> None:
        g = self.g
        a = g.expr(g.d.pick((BIG, INT)), self.cols, 1).ours
        m = g.expr(g.d.pick(SIMPLE), self.cols, 1).ours
        k = g.expr(g.kind(self.cols), self.cols, 1).ours if g.d.chance(0.6) else "1"
        calls = f"count(*) AS n, sum({a}) AS s, min({m}) AS l, max({m}) AS h"
        inner = f"SELECT {k} AS k, {calls} FROM {self.source}"
        terms = [f"{inner} WHERE {p} GROUP BY 1" for p in partitions(self.p)]
        outer = f"SELECT k, sum(n), sum(s), min(l), max(h) FROM ({' UNION ALL '.join(terms)}) AS x GROUP BY k"
        assert self.ask(outer) == self.ask(f"{inner} GROUP BY 1")

    def norec(self) -> None:
        some = sum(self.ask(f"SELECT count(*) FROM {self.source} WHERE {self.p}").elements(), ())
        case = self.ask(f"SELECT coalesce(sum(CASE WHEN {self.p} THEN 1 ELSE 0 END), 0) FROM {self.source}")
        assert some == sum(case.elements(), ())


FORMS: tuple[Callable[[Case], None], ...] = (
    Case.plain,
    Case.distinct,
    Case.union,
    Case.aggregates,
    Case.norec,
    Case.norec,
)


def run_database(seed: int) -> int:
    draw = Draw(seed)
    schema = tables(draw, ("t", "u"))
    whole = Generator(draw, schema)
    ran = 0
    with laminardb.open() as db:
        declare(db, schema)
        for t in schema:
            if given := whole.rows(t, draw.pick((0, 1, 5, 20, 60))):
                db.insert(t, given)
        for i in range(QUERIES):
            case = Case(Generator(Draw(seed * QUERIES + i), schema), db)
            form = FORMS[i % len(FORMS)]
            try:
                form(case)
            except Exception as e:
                e.add_note(
                    f"LAMINAR_SEED={seed} query {i} {form.__name__}\n"
                    + "\n".join(f"{t} ({ddl(c)})" for t, c in schema.items())
                    + f"\nFROM {case.text(case.source)}\nWHERE {case.text(case.p)}"
                )
                raise
            ran += 1
    return ran


@pytest.mark.parametrize("block", range(DATABASES // PER_TEST))
def test_parts_are_the_whole(block: int) -> None:
    if "LAMINAR_SEED" in os.environ:
        if block == 0:
            run_database(int(os.environ["LAMINAR_SEED"]))
        return
    ran = sum(run_database(100_000 + seed) for seed in range(block * PER_TEST, (block + 1) * PER_TEST))
    assert ran == PER_TEST * QUERIES
