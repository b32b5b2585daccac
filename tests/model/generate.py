# SPDX-License-Identifier: Apache-2.0
"""Random schemas, rows and queries of the supported grammar, in our dialect and in DuckDB's.

Everything comes from one random.Random, so a seed is a case. Values are chosen to bite: NULLs, NaN,
infinities, -0.0, extremes, empty and long texts, dates before 1970. Sums stay far from overflow, so that an
error is always a finding.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import re
from dataclasses import dataclass, field

INT, REAL, TEXT, BOOL, DATE, TIME = "BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"
SMALL = "INTEGER"
TYPES = (INT, SMALL, REAL, TEXT, BOOL, DATE, TIME)
NUMBERS = (INT, SMALL, REAL)

TEXTS = (
    "",
    "a",
    "b",
    "ab",
    "A",
    "zz",
    "é",
    "a long text of more than twelve bytes",
    "a long text of more than twelve byteS",
    "%",
    "x_y",
)


@dataclass(frozen=True)
class Sql:
    """One expression in both dialects."""

    ours: str
    duck: str

    @staticmethod
    def same(text: str) -> Sql:
        return Sql(text, text)


@dataclass(frozen=True)
class Query:
    ours: str
    duck: str
    tables: tuple[str, ...]
    append_only: bool
    bound: str  # as `ours`, some literals are parameters
    params: list[object] | dict[str, object] | None = field(default=None)


LITERAL = re.compile("\x01(\\d+)\x01")  # a literal of `ours` until the query is complete: its number


class Generator:
    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.tables = {name: self.columns(name) for name in ("t", "u")}
        self.literals: list[tuple[str, object]] = []
        self.withs: list[Sql] = []

    def columns(self, table: str) -> dict[str, str]:
        kinds = self.r.sample(TYPES, self.r.randint(2, 5))
        cols = {f"{table}{i}": kind for i, kind in enumerate(kinds)}
        return {f"{table}k": self.r.choice((INT, TEXT, SMALL)), **cols}

    def ddl(self, table: str) -> str:
        return ", ".join(f"{c} {kind}" for c, kind in self.tables[table].items())

    # ------------------------------------------------------------------ rows
    def value(self, kind: str) -> object:
        r = self.r
        if r.random() < 0.12:
            return None
        if kind in (INT, SMALL):
            return r.choice((r.randint(-3, 3), r.randint(-3, 3), r.randint(-100, 100), 2**31 - 1, -(2**31)))
        if kind == REAL:
            special = (math.nan, math.inf, -math.inf, -0.0, 0.0, 1e300, -1e-300)
            return (
                r.choice(special)
                if r.random() < 0.06
                else r.choice((r.randint(-3, 3) / 2, round(r.uniform(-50, 50), 3)))
            )
        if kind == TEXT:
            return r.choice(TEXTS)
        if kind == BOOL:
            return r.random() < 0.5
        if kind == DATE:
            return dt.date(1970, 1, 1) + dt.timedelta(
                days=r.choice((r.randint(-3, 3), r.randint(-30000, 30000)))
            )
        return dt.datetime(1970, 1, 1) + dt.timedelta(
            seconds=r.choice((r.randint(-100, 100), r.randint(-(10**9), 10**9))),
            microseconds=r.choice((0, 1, 500000, 999999)),
        )

    def rows(self, table: str, count: int) -> list[tuple[object, ...]]:
        return [tuple(self.value(kind) for kind in self.tables[table].values()) for _ in range(count)]

    # ------------------------------------------------------------------ expressions over given columns
    def literal(self, kind: str) -> Sql:
        text, value = self.constant(kind)
        self.literals.append((text, value))
        return Sql(f"\x01{len(self.literals) - 1}\x01", text)

    def constant(self, kind: str) -> tuple[str, object]:
        r = self.r
        if kind in (INT, SMALL):
            i = r.randint(-4, 4)
            return str(i), i
        if kind == REAL:
            x = r.randint(-9, 9) / 2
            return f"{x}e0", x
        if kind == TEXT:
            s = r.choice(TEXTS)
            return f"'{s}'", s
        if kind == BOOL:
            b = r.random() < 0.5
            return str(b).upper(), b
        if kind == DATE:
            d = dt.date(r.randint(1890, 2050), r.randint(1, 9), r.randint(10, 19))
            return f"DATE '{d}'", d
        t = dt.datetime(r.randint(1950, 1990), 1, r.randint(1, 9), r.randint(0, 9), 30)
        return f"TIMESTAMP '{t}'", t

    def expr(self, kind: str, cols: dict[str, str], depth: int = 2) -> Sql:
        r = self.r
        have = [c for c, k in cols.items() if k == kind]
        if have and (depth == 0 or r.random() < 0.4):
            return Sql.same(r.choice(have))
        if depth == 0 or r.random() < 0.15:
            return self.literal(kind)
        if r.random() < 0.12:
            c, a, b = (
                self.condition(cols, depth - 1),
                self.expr(kind, cols, depth - 1),
                self.expr(kind, cols, depth - 1),
            )
            return Sql(
                f"CASE WHEN {c.ours} THEN {a.ours} ELSE {b.ours} END",
                f"CASE WHEN {c.duck} THEN {a.duck} ELSE {b.duck} END",
            )
        if r.random() < 0.1:
            a, b = self.expr(kind, cols, depth - 1), self.expr(kind, cols, depth - 1)
            return Sql(f"coalesce({a.ours}, {b.ours})", f"coalesce({a.duck}, {b.duck})")
        if kind in (INT, SMALL):
            return self.integer(cols, depth)
        if kind == REAL:
            a, b = self.expr(REAL, cols, depth - 1), self.expr(r.choice((REAL, INT)), cols, depth - 1)
            op = r.choice("+-*")
            return Sql(f"({a.ours} {op} {b.ours})", f"({a.duck} {op} {b.duck})")
        if kind == TEXT:
            return self.text(cols, depth)
        if kind == BOOL:
            return self.condition(cols, depth)
        return Sql.same(r.choice(have)) if have else self.literal(kind)

    def integer(self, cols: dict[str, str], depth: int) -> Sql:
        r = self.r
        if r.random() < 0.25:
            a = self.expr(TEXT, cols, depth - 1)
            return Sql(f"length({a.ours})", f"length({a.duck})")
        a, b = (
            Sql(f"({x.ours} % 1000)", f"({x.duck} % 1000)")
            for x in (self.expr(INT, cols, depth - 1), self.expr(INT, cols, depth - 1))
        )
        op = r.choice(("+", "-", "*", "/", "%"))
        return Sql(f"({a.ours} {op} {b.ours})", f"({a.duck} {'//' if op == '/' else op} {b.duck})")

    def text(self, cols: dict[str, str], depth: int) -> Sql:
        r = self.r
        a = self.expr(TEXT, cols, depth - 1)
        if r.random() < 0.3:
            b = self.expr(TEXT, cols, depth - 1)
            return Sql(f"({a.ours} || {b.ours})", f"({a.duck} || {b.duck})")
        form = r.choice(
            (
                "upper({})",
                "lower({})",
                "substring({}, 2, 3)",
                "trim({})",
                "replace({}, 'a', 'bb')",
                "left({}, 2)",
            )
        )
        return Sql(form.format(a.ours), form.format(a.duck))

    def condition(self, cols: dict[str, str], depth: int = 2) -> Sql:
        r = self.r
        pick = r.random()
        if depth > 0 and pick < 0.3:
            a, b, op = (
                self.condition(cols, depth - 1),
                self.condition(cols, depth - 1),
                r.choice(("AND", "OR")),
            )
            return Sql(f"({a.ours} {op} {b.ours})", f"({a.duck} {op} {b.duck})")
        if depth > 0 and pick < 0.38:
            a = self.condition(cols, depth - 1)
            return Sql(f"(NOT {a.ours})", f"(NOT {a.duck})")
        kind = r.choice(list(cols.values()))
        a = self.expr(kind, cols, max(depth - 1, 0))
        if pick < 0.5:
            is_null = r.choice(("IS NULL", "IS NOT NULL"))
            return Sql(f"({a.ours} {is_null})", f"({a.duck} {is_null})")
        if kind == TEXT and pick < 0.6:
            pattern = r.choice(("'a%'", "'%b%'", "'_'", "'%text%'", "'%'"))
            return Sql(f"({a.ours} LIKE {pattern})", f"({a.duck} LIKE {pattern})")
        if pick < 0.7:
            items = [self.literal(kind) for _ in range(r.randint(1, 3))]
            neg = r.choice(("", "NOT "))
            return Sql(
                *(
                    f"({x} {neg}IN ({', '.join(y)}))"
                    for x, y in ((a.ours, [i.ours for i in items]), (a.duck, [i.duck for i in items]))
                )
            )
        b = self.expr(kind, cols, max(depth - 1, 0))
        op = r.choice(("=", "<>", "<", "<=", ">", ">="))
        return Sql(f"({a.ours} {op} {b.ours})", f"({a.duck} {op} {b.duck})")

    # ------------------------------------------------------------------ queries
    def relation(self) -> tuple[Sql, dict[str, str], tuple[str, ...], bool]:
        """FROM clause, its columns, the tables read, whether it only ever grows."""
        r = self.r
        pick = r.random()
        if pick < 0.45:
            return Sql.same("t"), self.tables["t"], ("t",), True
        if pick < 0.55:
            return self.around()
        if pick < 0.7:
            cols = self.tables["t"]
            c = self.condition(cols, 1)
            return (
                Sql(f"(SELECT * FROM t WHERE {c.ours}) AS t", f"(SELECT * FROM t WHERE {c.duck}) AS t"),
                cols,
                ("t",),
                True,
            )
        cols = {**self.tables["t"], **self.tables["u"]}
        left = r.random() < 0.4
        keys = [
            (a, b) for a, ka in self.tables["t"].items() for b, kb in self.tables["u"].items() if ka == kb
        ]
        if not keys:
            return Sql.same("t"), self.tables["t"], ("t",), True
        a, b = r.choice(keys)
        on = Sql.same(f"{a} = {b}")
        if r.random() < 0.25:
            more = self.condition(cols, 0)
            on = Sql(f"{on.ours} AND {more.ours}", f"{on.duck} AND {more.duck}")
        join = "LEFT JOIN" if left else "JOIN"
        return Sql(f"t {join} u ON {on.ours}", f"t {join} u ON {on.duck}"), cols, ("t", "u"), not left

    def around(self) -> tuple[Sql, dict[str, str], tuple[str, ...], bool]:
        """A name of WITH, a UNION ALL or a join with VALUES as the relation."""
        r = self.r
        cols = self.tables["t"]
        pick = r.random()
        if pick < 0.4:
            if not self.withs or r.random() < 0.5:
                c = self.condition(cols, 1)
                self.withs.append(Sql(*(f"SELECT * FROM t WHERE {x}" for x in (c.ours, c.duck))))
            return Sql.same(f"w{r.randrange(len(self.withs))} AS t"), cols, ("t",), True
        if pick < 0.7:
            c = self.condition(cols, 1)
            both = (f"(SELECT * FROM t UNION ALL SELECT * FROM t WHERE {x}) AS t" for x in (c.ours, c.duck))
            return Sql(*both), cols, ("t",), True
        key, kind = r.choice(list(cols.items()))
        more = r.choice(TYPES)
        rows = self.values((kind, more))
        left = r.random() < 0.3
        join = Sql(
            *(
                f"t {'LEFT JOIN' if left else 'JOIN'} ({x}) AS v(v0, v1) ON {key} = v0"
                for x in (rows.ours, rows.duck)
            )
        )
        return join, {**cols, "v0": kind, "v1": more}, ("t",), not left

    def values(self, kinds: tuple[str, ...]) -> Sql:
        rows = [[self.literal(k) for k in kinds] for _ in range(self.r.randint(1, 4))]
        return Sql(
            *(
                "VALUES " + ", ".join("(" + ", ".join(getattr(x, d) for x in row) + ")" for row in rows)
                for d in ("ours", "duck")
            )
        )

    def union(self) -> Query:
        r = self.r
        kinds = tuple(r.choice(TYPES) for _ in range(r.randint(1, 3)))
        terms, tables, append_only = [], ("t",), True
        for i in range(r.randint(2, 3)):
            if i > 0 and r.random() < 0.25:
                terms.append(self.values(kinds))
                continue
            source, cols, read, grows = self.relation()
            items = [self.expr(k, cols, 1) for k in kinds]
            where = self.condition(cols, 1)
            terms.append(
                Sql(
                    *(
                        f"SELECT {', '.join(getattr(x, d) for x in items)} FROM {getattr(source, d)}"
                        f" WHERE {getattr(where, d)}"
                        for d in ("ours", "duck")
                    )
                )
            )
            tables, append_only = tuple({*tables, *read}), append_only and grows
        words = [r.choice((" UNION ALL ", " UNION ALL ", " UNION ")) for _ in terms]
        texts = [
            "".join(w + getattr(t, d) for w, t in zip(["", *words], terms, strict=False))
            for d in ("ours", "duck")
        ]
        return self.complete(texts[0], texts[1], tables, append_only)

    def complete(self, ours: str, duck: str, tables: tuple[str, ...], append_only: bool) -> Query:
        """WITH before it, literals into place; half of the queries get some of them as parameters."""
        r = self.r
        if self.withs:
            names = ("ours", "duck")
            heads = [", ".join(f"w{i} AS ({getattr(w, d)})" for i, w in enumerate(self.withs)) for d in names]
            ours, duck = f"WITH {heads[0]} {ours}", f"WITH {heads[1]} {duck}"
        plain = self.complete_text(ours)
        style = r.choice(("", "", "", "?", "$", "$p", ":p"))
        given: list[object] = []

        def place(m: re.Match[str]) -> str:
            text, value = self.literals[int(m[1])]
            if not style or r.random() < 0.3:
                return text
            given.append(value)
            return style if style == "?" else f"{style}{len(given)}"

        bound = LITERAL.sub(place, ours)
        if not given:
            return Query(plain, duck, tables, append_only, plain)
        named = {f"p{i + 1}": v for i, v in enumerate(given)}
        return Query(plain, duck, tables, append_only, bound, named if style in ("$p", ":p") else given)

    def complete_text(self, ours: str) -> str:
        return LITERAL.sub(lambda m: self.literals[int(m[1])][0], ours)

    def aggregate(self, cols: dict[str, str]) -> Sql:
        r = self.r
        name = r.choice(("count(*)", "count", "sum", "avg", "min", "max"))
        if name == "count(*)":
            call = Sql.same(name)
        else:
            # Infinities, NaN and 1e300 make sums of doubles order-dependent in the oracle: integers are
            # summed here, doubles in the unit tests.
            kind = r.choice((INT, SMALL)) if name in ("sum", "avg") else r.choice(TYPES)
            a = self.expr(kind, cols, 1)
            call = Sql(f"{name}({a.ours})", f"{name}({a.duck})")
        if r.random() < 0.2:
            c = self.condition(cols, 1)
            call = Sql(f"{call.ours} FILTER (WHERE {c.ours})", f"{call.duck} FILTER (WHERE {c.duck})")
        return call

    def query(self) -> Query:
        r = self.r
        if r.random() < 0.15:
            return self.union()
        source, cols, tables, append_only = self.relation()
        where = self.condition(cols) if r.random() < 0.5 else None
        head = Sql(f" FROM {source.ours}", f" FROM {source.duck}")
        if where:
            head = Sql(f"{head.ours} WHERE {where.ours}", f"{head.duck} WHERE {where.duck}")
        if r.random() < 0.45:
            items = [self.expr(r.choice(TYPES), cols) for _ in range(r.randint(1, 4))]
            distinct = "DISTINCT " if r.random() < 0.25 else ""
            return self.finish("SELECT " + distinct, items, head, "", tables, append_only, top=not distinct)
        keys = [self.expr(r.choice(list(cols.values())), cols, 1) for _ in range(r.randint(0, 2))]
        calls = [self.aggregate(cols) for _ in range(r.randint(1, 3))]
        tail = f" GROUP BY {', '.join(str(i + 1) for i in range(len(keys)))}" if keys else ""
        if keys and len({k.ours for k in keys}) == len(keys) and r.random() < 0.25:
            one = ("ROLLUP (1)", "GROUPING SETS (1, ())", "1, GROUPING SETS ((), ())")
            two = (
                "ROLLUP (1, 2)",
                "CUBE (1, 2)",
                "1, ROLLUP (2)",
                "GROUPING SETS ((1, 2), 2, ())",
                "GROUPING SETS (1, CUBE (2))",
            )
            tail = f" GROUP BY {r.choice(one if len(keys) == 1 else two)}"
        if r.random() < 0.2:
            tail += f" HAVING count(*) > {r.randint(0, 3)}"
        return self.finish("SELECT ", keys + calls, head, tail, tables, False, top=bool(keys))

    def finish(
        self,
        verb: str,
        items: list[Sql],
        head: Sql,
        tail: str,
        tables: tuple[str, ...],
        append_only: bool,
        top: bool,
    ) -> Query:
        r = self.r
        if top and r.random() < 0.15:
            # All columns are sort keys, so ties are equal rows and the answer is one.
            order = ", ".join(
                f"{i + 1}{r.choice((' DESC', ''))} NULLS {r.choice(('FIRST', 'LAST'))}"
                for i in range(len(items))
            )
            tail += f" ORDER BY {order} LIMIT {r.randint(1, 6)}"
            if r.random() < 0.3:
                tail += f" OFFSET {r.randint(1, 3)}"
            append_only = False
        texts = [
            verb
            + ", ".join(f"{getattr(x, d)} AS c{i}" for i, x in enumerate(items))
            + getattr(head, d)
            + tail
            for d in ("ours", "duck")
        ]
        return self.complete(texts[0], texts[1], tables, append_only)
