# SPDX-License-Identifier: Apache-2.0
"""DuckDB as a judge, steps that change tables here and in a model, small reproductions of faults."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import laminardb
from draw import Draw, shrink
from generate import Generator, Query, Tables, ddl
from values import LITE, Bag, Row, bag, difference, literal, same

SETTINGS = (
    "SET threads = 1; SET default_null_order = 'nulls_last'; SET TimeZone = 'UTC';"
    "SET error_on_division_by_zero = false; SET order_by_non_integer_literal = true"
)


def duck() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(SETTINGS)
    con.execute("PRAGMA disable_optimizer")  # quicker for small tables, and one fault less to think of
    return con


def load_duck(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: list[Row]) -> None:
    con.execute(f"CREATE OR REPLACE TABLE {name} ({ddl(columns)})")
    if rows:
        con.execute(f"INSERT INTO {name} VALUES {values(rows, columns)}")


def values(rows: list[Row], columns: dict[str, str]) -> str:
    kinds = list(columns.values())
    return ", ".join(
        "(" + ", ".join(literal(v, k) for v, k in zip(row, kinds, strict=True)) + ")" for row in rows
    )


def lite(tables: Tables, rows: dict[str, list[Row]]) -> sqlite3.Connection:
    con = sqlite3.connect(":memory:")
    con.execute("PRAGMA case_sensitive_like = true")
    names: dict[str, str] = dict(zip(LITE, ("INTEGER", "TEXT", "REAL"), strict=True))
    for name, columns in tables.items():
        con.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {names[k]}' for c, k in columns.items())})")
        con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", rows[name])
    return con


# ---------------------------------------------------------------------- what happens to tables


@dataclass(frozen=True)
class Step:
    """Rows into a source or table (those with an existing key replace), or a statement."""

    table: str
    rows: tuple[Row, ...] = ()
    text: str = ""
    change: Callable[[dict[Any, Row]], None] | None = None


Transaction = tuple[list[Step], bool]  # and whether it is kept
KEYED = "v"


def apply(db: laminardb.Connection, step: Step | Transaction, wait: bool = True) -> None:
    if isinstance(step, tuple):
        db.execute("BEGIN")
        for each in step[0]:
            apply(db, each)
        db.execute("COMMIT" if step[1] else "ROLLBACK")
    elif step.text:
        db.execute(step.text)
    else:
        db.insert(step.table, list(step.rows), wait=wait)


class Model:
    """What the tables hold after some steps."""

    def __init__(self, tables: Tables) -> None:
        self.rows: dict[str, list[Row]] = {t: [] for t in tables if t != KEYED}
        self.keyed: dict[Any, Row] = {}

    def apply(self, step: Step | Transaction) -> None:
        if isinstance(step, tuple):
            for each in step[0] if step[1] else []:
                self.apply(each)
        elif step.change is not None:
            step.change(self.keyed)
        elif step.table == KEYED:
            self.keyed.update({row[0]: row for row in step.rows})
        else:
            self.rows[step.table] += step.rows

    def all(self) -> dict[str, list[Row]]:
        return {**self.rows, KEYED: list(self.keyed.values())}


def delete(low: int, high: int) -> Step:
    def change(rows: dict[Any, Row]) -> None:
        for key in [k for k in rows if low <= k <= high]:
            del rows[key]

    return Step(KEYED, text=f"DELETE FROM {KEYED} WHERE vid BETWEEN {low} AND {high}", change=change)


def update(columns: dict[str, str], at: int, value: Any, low: int, high: int) -> Step:
    name = list(columns)[at]

    def change(rows: dict[Any, Row]) -> None:
        for key in [k for k in rows if low <= k <= high]:
            rows[key] = (*rows[key][:at], value, *rows[key][at + 1 :])

    text = f"UPDATE {KEYED} SET {name} = {literal(value, columns[name])} WHERE vid BETWEEN {low} AND {high}"
    return Step(KEYED, text=text, change=change)


# ---------------------------------------------------------------------- small reproductions


def declare(db: laminardb.Connection, tables: Tables) -> None:
    for name, columns in tables.items():
        if name == KEYED:
            db.execute(f"CREATE TABLE {name} ({ddl(columns)}, PRIMARY KEY (vid))")
        else:
            db.execute(f"CREATE SOURCE {name} ({ddl(columns)})")


class Fault:
    """A query answered wrongly after some steps: what is the least of both that still is?"""

    MODES = ("once", "stream", "late stream")

    def __init__(
        self,
        tables: Tables,
        below: dict[str, Query],
        numbers: list[int],
        lite: bool = False,
        once: bool = False,
    ) -> None:
        self.tables, self.below, self.numbers, self.lite, self.once = tables, below, numbers, lite, once
        self.con = duck()

    def query(self, numbers: list[int]) -> Query:
        streams = {name: q.kinds for name, q in self.below.items()}
        return Generator(Draw(given=numbers), self.tables, streams, lite=self.lite).query(self.once)

    def answer(self, steps: list[Step | Transaction], q: Query, mode: str) -> Bag:
        with laminardb.open() as db:
            declare(db, self.tables)
            for name, under in self.below.items():
                db.execute(f"CREATE STREAM {name} AS {under.ours}")
            db.start()
            if mode == "stream":
                db.execute(f"CREATE STREAM fault AS {q.ours}")
            for step in steps:
                apply(db, step)
            if mode == "late stream":
                db.execute(f"CREATE STREAM fault AS {q.ours}")
            return bag(db.query(q.ours if mode == "once" else "SELECT * FROM fault").fetchall())

    def want(self, steps: list[Step | Transaction], q: Query) -> Bag:
        model = Model(self.tables)
        for step in steps:
            model.apply(step)
        for name, rows in model.all().items():
            if name in self.tables:
                load_duck(self.con, name, self.tables[name], rows)
        if self.lite and q.lite is not None:
            with contextlib.suppress(sqlite3.OperationalError):
                return bag(lite(self.tables, model.all()).execute(q.lite).fetchall())
        for name, under in self.below.items():
            self.con.execute(f"CREATE OR REPLACE VIEW {name} AS {under.duck}")
        return bag(self.con.execute(q.duck).fetchall())

    def fails(self, steps: list[Step | Transaction], numbers: list[int], mode: str) -> str:
        """What is wrong, as a text; nothing where the query is not one or all is well."""
        try:
            q = self.query(numbers)
            want = self.want(steps, q)
        except (duckdb.Error, ValueError, IndexError, AssertionError):
            return ""
        try:
            got = self.answer(steps, q, mode)
        except laminardb.LaminarError as e:
            return f"{type(e).__name__}: {e}"
        return "" if same(got, want) else difference(got, want)

    def report(self, steps: list[Step | Transaction], seconds: float = 20) -> str:
        mode = next(
            (m for m in self.MODES[: 1 if self.once else 3] if self.fails(steps, self.numbers, m)), None
        )
        if mode is None:
            return "not reproduced by one query alone"
        is_error = "Error:" in self.fails(steps, self.numbers, mode)

        def still(some: list[Step | Transaction], numbers: list[int]) -> bool:
            text = self.fails(some, numbers, mode)
            return bool(text) and ("Error:" in text) == is_error

        steps, numbers = shrink(steps, self.numbers, still, seconds)
        q = self.query(numbers)
        lines = [f"{n} ({ddl(c)})" for n, c in self.tables.items()]
        lines += [f"CREATE STREAM {n} AS {u.ours}" for n, u in self.below.items()]
        lines += [str(self.show(s)) for s in steps]
        lines += [f"{mode}: {q.ours}", f"duck: {q.duck}", self.fails(steps, numbers, mode)]
        return "\n".join(lines)

    def show(self, step: Step | Transaction) -> str:
        if isinstance(step, tuple):
            inner = "; ".join(map(self.show, step[0]))
            return f"BEGIN; {inner}; {'COMMIT' if step[1] else 'ROLLBACK'}"
        return (
            step.text or f"INSERT INTO {step.table} VALUES {values(list(step.rows), self.tables[step.table])}"
        )


def single(steps: list[Step | Transaction]) -> list[Step | Transaction]:
    """The same with one row an insert."""
    out: list[Step | Transaction] = []
    for s in steps:
        if isinstance(s, tuple) or s.text:
            out.append(s)
        else:
            out += [Step(s.table, (row,)) for row in s.rows]
    return out
