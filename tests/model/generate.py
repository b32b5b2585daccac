# SPDX-License-Identifier: Apache-2.0
"""Random schemas, rows and queries of the whole streaming grammar, in our dialect, DuckDB's and SQLite's.

Everything comes from numbered decisions (draw.py): a seed is a case, and a failing case can be made small.
GRAMMAR names the productions; tests ask which of them were hit. Answers never depend on an order that the
query does not give: LIMIT and positions in frames come with an order of all columns.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from aggregates import AGGREGATES, BOUNDS, EXCLUDES, FRAMES, RANGES, RANKS, VALUES, Aggregate
from draw import Coverage, Draw
from expressions import EXPRESSIONS, NO, Expressions, Sql, joined, sql
from values import BIG, BOOL, DATE, DOUBLE, INT, INTERVAL, LITE, MOMENT, SIMPLE, TEXT, TYPES, Column

FORMS = (
    "plain",
    "distinct",
    "group",
    "sets",
    "window",
    "distinct on",
    "latest on",
    "qualify",
    "set operation",
    "top",
)
RELATIONS = ("table", "filter", "query", "with", "values", "union all", "series")
JOINS = ("inner", "left", "right", "full", "cross", "semi", "anti", "using", "natural", "asof", "asof left",
         "lateral", "left lateral", "comma")  # fmt: skip
ONS = ("equal", "two equal", "equal and", "not distinct", "less", "any condition")
SETS = ("UNION ALL", "UNION", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL")
GROUPINGS = ("ROLLUP", "CUBE", "GROUPING SETS", "mixed")
SUBQUERIES = ("scalar", "scalar correlated", "exists", "exists correlated", "not exists", "in", "not in",
              "in correlated", "any", "all")  # fmt: skip
WITHS = ("plain", "FILTER", "DISTINCT", "ORDER BY")
ONCE = ("as a stream", "as a stream", "ordered", "recursive")

GRAMMAR: dict[str, tuple[str, ...]] = {
    "expression": EXPRESSIONS,
    "query": FORMS,
    "relation": RELATIONS,
    "join": JOINS,
    "on": ONS,
    "set operation": SETS,
    "grouping": GROUPINGS,
    "subquery": SUBQUERIES,
    "aggregate": tuple(sorted({a.name for a in AGGREGATES})),
    "aggregate with": WITHS,
    "answered once": ONCE,
    "window function": (*RANKS, *VALUES, "aggregate"),
    "frame": FRAMES,
    "exclude": EXCLUDES,
    "bound": BOUNDS,
    "clause": ("WHERE", "HAVING", "LIMIT", "OFFSET", "PARTITION BY", "IGNORE NULLS"),
}


@dataclass(frozen=True)
class Query:
    ours: str
    duck: str
    lite: str | None
    tables: tuple[str, ...]
    bound: str  # as `ours`, some literals are parameters
    kinds: tuple[str, ...]
    ordered: bool
    params: list[object] | dict[str, object] | None = field(default=None)


@dataclass(frozen=True)
class Part:
    """A query without a name, and the types of its columns c0, c1, ..."""

    sql: Sql
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    sql: Sql
    cols: list[Column]


CALLS = {
    (exact, lite): [a for a in AGGREGATES if (a.exact or not exact) and (a.lite != NO or not lite)]
    for exact in (False, True)
    for lite in (False, True)
}  # what may be called where its last digits count, and what SQLite has

Tables = dict[str, dict[str, str]]
LITERAL = re.compile("\x01(\\d+)\x01")  # a literal of `ours` until the query is complete: its number
PARAMETERS = (BIG, INT, DOUBLE, TEXT, BOOL, DATE, MOMENT)


def tables(d: Draw, names: tuple[str, ...] = ("t", "u"), lite: bool = False) -> Tables:
    """Schemas over a small pool of types, so that columns of different tables can meet."""
    pool = (
        [d.pick(LITE) for _ in range(3)] if lite else [d.pick((*TYPES, *SIMPLE, *SIMPLE)) for _ in range(5)]
    )
    key = d.pick(LITE if lite else (BIG, TEXT, INT, *pool))
    out: Tables = {}
    for name in names:
        kinds = [d.pick(pool) for _ in range(d.between(2, 4))]
        out[name] = {f"{name}k": key, **{f"{name}{i}": k for i, k in enumerate(kinds)}}
    return out


def ddl(columns: dict[str, str]) -> str:
    return ", ".join(f"{c} {kind}" for c, kind in columns.items())


PLACE = "\x02"  # where FILTER goes


def sql_call(texts: list[str], args: list[Sql]) -> Sql:
    ours, duck, lite = (t.replace("{F}", PLACE) for t in texts)
    return sql(ours, *args, duck=duck, lite=lite)


class Generator(Expressions):
    def __init__(
        self,
        draw: Draw,
        tables: Tables,
        streams: dict[str, tuple[str, ...]] | None = None,
        coverage: Coverage | None = None,
        pairs: Counter[tuple[str, str]] | None = None,
        lite: bool = False,
    ) -> None:
        super().__init__(draw, coverage or Coverage(GRAMMAR), Counter() if pairs is None else pairs, lite)
        self.tables, self.streams = tables, streams or {}
        self.withs: list[Part] = []
        self.names = 0
        self.left = 4  # relations that may still be read
        self.inside = 0  # depth of subqueries
        self.read: set[str] = set()
        self.recursion = ""
        self.comma = False

    def rows(self, table: str, count: int) -> list[tuple[object, ...]]:
        kinds = list(self.tables[table].values())
        return [tuple(self.value(kind) for kind in kinds) for _ in range(count)]

    def alias(self) -> str:
        self.names += 1
        return f"r{self.names - 1}"

    def kind(self, cols: list[Column]) -> str:
        """Mostly a type that is there."""
        if cols and self.d.below(10) < 8:
            return self.d.pick(cols).kind
        return self.d.pick(LITE if self.lite else SIMPLE)

    # ------------------------------------------------------------------ relations
    def table(self) -> Relation:
        self.left -= 1
        name = self.d.pick([*self.tables, *self.streams])
        self.read.add(name)
        self.hit("relation", "table")
        alias = self.alias()
        if name in self.streams:
            cols = [Column(f"{alias}.c{i}", k) for i, k in enumerate(self.streams[name])]
        else:
            cols = [Column(f"{alias}.{c}", k) for c, k in self.tables[name].items()]
        return Relation(Sql.same(f"{name} AS {alias}"), cols)

    def named(self, part: Part) -> Relation:
        alias = self.alias()
        cols = [Column(f"{alias}.c{i}", k) for i, k in enumerate(part.kinds)]
        return Relation(sql("({}) AS " + alias, part.sql), cols)

    def relation(self, depth: int) -> Relation:
        how = self.d.below(100)
        if how < 55 or depth == 0 or self.left <= 0:
            return self.table()
        if how < 65:
            self.hit("relation", "filter")
            inner = self.table()
            where = self.condition(inner.cols, 1)
            alias = self.alias()
            cols = [Column(f"{alias}.{c.name.split('.')[1]}", c.kind) for c in inner.cols]
            return Relation(sql("(SELECT * FROM {} WHERE {}) AS " + alias, inner.sql, where), cols)
        if how < 78:
            self.hit("relation", "query")
            return self.named(self.select(depth - 1))
        if how < 86:
            self.hit("relation", "with")
            if not self.withs or self.d.chance(0.5):
                self.withs.append(self.select(depth - 1))
            at = self.d.below(len(self.withs))
            alias = self.alias()
            cols = [Column(f"{alias}.c{i}", k) for i, k in enumerate(self.withs[at].kinds)]
            return Relation(Sql.same(f"w{at} AS {alias}"), cols)
        if how < 92:
            self.hit("relation", "values")
            return self.values()
        if how < 95 and not self.lite:
            self.hit("relation", "series")
            alias = self.alias()
            low = self.d.between(-2, 2)
            text = f"generate_series({low}, {low + self.d.below(4)}) AS {alias}(c0)"
            return Relation(Sql(text, text, None), [Column(f"{alias}.c0", BIG)])
        self.hit("relation", "union all")
        inner, other = self.table(), self.table()
        kinds = tuple(self.kind(inner.cols) for _ in range(self.d.between(1, 3)))
        terms = [self.term(r, kinds) for r in (inner, other)]
        return self.named(Part(joined(" UNION ALL ", terms), kinds))

    def term(self, source: Relation, kinds: tuple[str, ...]) -> Sql:
        items = [self.expr(k, source.cols, 1) for k in kinds]
        return sql("SELECT {} FROM {}", self.items(items), source.sql)

    def values(self) -> Relation:
        kinds = tuple(self.d.pick(LITE if self.lite else SIMPLE) for _ in range(self.d.between(1, 2)))
        rows = [joined(", ", [self.literal(k) for k in kinds]) for _ in range(self.d.between(1, 4))]
        alias = self.alias()
        names = ", ".join(f"c{i}" for i in range(len(kinds)))
        body = joined(", ", [sql("({})", row) for row in rows])
        lite = ", ".join(f"column{i + 1} AS c{i}" for i in range(len(kinds)))
        given = sql(
            f"(VALUES {{}}) AS {alias}({names})", body, lite=f"(SELECT {lite} FROM (VALUES {{}})) AS {alias}"
        )
        return Relation(given, [Column(f"{alias}.c{i}", k) for i, k in enumerate(kinds)])

    def source(self, depth: int) -> Relation:
        """FROM: a relation or a few that are joined."""
        found = self.relation(depth)
        for _ in range(2):
            if self.left <= 0 or not self.d.chance(0.35 if depth == 2 else 0.2):
                break
            self.comma = False
            found = self.join(found, depth)
            if self.comma:  # it binds weaker than JOIN: nothing may follow
                break
        return found

    def join(self, left: Relation, depth: int) -> Relation:
        kind = self.d.pick(JOINS)
        if kind in ("lateral", "left lateral"):
            return self.lateral(left, kind)
        if kind.startswith("asof"):
            return self.asof(left, kind)
        if kind in ("using", "natural"):
            return self.using(left, kind)
        right = self.relation(min(depth - 1, 1)) if depth > 0 else self.table()
        both = left.cols + right.cols
        self.hit("join", kind)
        self.comma = kind == "comma"
        if kind in ("cross", "comma"):
            return Relation(
                sql("{} CROSS JOIN {}" if kind == "cross" else "{}, {}", left.sql, right.sql), both
            )
        on = self.on(left.cols, right.cols, kind == "inner")
        word = "JOIN" if kind == "inner" else kind.upper() + " JOIN"
        lite = NO if kind in ("semi", "anti") else ""
        text = sql(f"{{}} {word} {{}} ON {{}}", left.sql, right.sql, on, lite=lite or None)
        return Relation(text, left.cols if kind in ("semi", "anti") else both)

    def pairs_of(self, left: list[Column], right: list[Column]) -> list[tuple[Column, Column]]:
        return [(a, b) for a in left for b in right if a.kind == b.kind]

    def on(self, left: list[Column], right: list[Column], inner: bool) -> Sql:
        pairs = self.pairs_of(left, right)
        how = self.d.pick(("equal", "equal", *ONS))
        if not pairs and how != "any condition":
            how = "any condition"
        self.hit("on", how)
        if how == "any condition":
            return self.condition_of_join(left + right, inner)
        a, b = self.d.pick(pairs)
        text = {
            "not distinct": "{} IS NOT DISTINCT FROM {}",
            "less": f"{{}} {self.d.pick(('<', '>=', '<>'))} {{}}",
        }
        on = sql(text.get(how, "{} = {}"), Sql.same(a.name), Sql.same(b.name))
        if how == "two equal":
            a, b = self.d.pick(pairs)
            return sql("{} AND {} = {}", on, Sql.same(a.name), Sql.same(b.name))
        if how == "equal and":
            return sql("{} AND {}", on, self.condition_of_join(left + right, inner))
        return on

    def condition_of_join(self, cols: list[Column], inner: bool) -> Sql:
        """A subquery in ON that reads both sides stands in inner joins alone."""
        self.inside += not inner
        found = self.condition(cols, 1)
        self.inside -= not inner
        return found

    def using(self, left: Relation, kind: str) -> Relation:
        """Both sides as subqueries with the common name k, which is read by that name alone."""
        right = self.table()
        pairs = self.pairs_of(left.cols, right.cols)
        if not pairs:
            return left
        self.hit("join", kind)
        a, b = self.d.pick(pairs)
        sides, cols = [], []
        outer = self.d.pick(
            ("", "LEFT ", "RIGHT ", "FULL ", "SEMI ", "ANTI ") if kind == "using" else ("", "LEFT ", "FULL ")
        )
        for key, side in ((a, left), (b, right)):
            alias = self.alias()
            rest = [c for c in side.cols if c != key][:3]
            items = ", ".join(
                [f"{key.name} AS {alias[0]}k", *(f"{c.name} AS {alias}_{i}" for i, c in enumerate(rest))]
            )
            sides.append(sql(f"(SELECT {items} FROM {{}}) AS {alias}", side.sql))
            if side is left or outer not in ("SEMI ", "ANTI "):
                cols += [Column(f"{alias}.{alias}_{i}", c.kind) for i, c in enumerate(rest)]
        text = f"{{}} {outer}JOIN {{}} USING (rk)" if kind == "using" else f"{{}} NATURAL {outer}JOIN {{}}"
        return Relation(sql(text, *sides, lite=NO), [Column("rk", a.kind), *cols])

    def asof(self, left: Relation, kind: str) -> Relation:
        """The right side has one row per key and time: which of several equal ones counts is ours alone."""
        right = self.table()
        times = [p for p in self.pairs_of(left.cols, right.cols) if p[0].kind in (BIG, INT, DATE, MOMENT)]
        keys = [p for p in self.pairs_of(left.cols, right.cols) if p[0].kind != DOUBLE]
        if not times:
            return left
        self.hit("join", kind)
        (lt, rt), (lk, rk) = self.d.pick(times), self.d.pick(keys)
        value = self.d.pick([c for c in right.cols if c.kind != INTERVAL])
        alias = self.alias()
        inner = sql(
            f"(SELECT {rk.name} AS c0, {rt.name} AS c1, max({value.name}) AS c2 FROM {{}} GROUP BY 1, 2)"
            f" AS {alias}",
            right.sql,
        )
        sign = self.d.pick((">=", ">", "<=", "<"))
        word = "ASOF JOIN" if kind == "asof" else "ASOF LEFT JOIN"
        on = f"{lk.name} = {alias}.c0 AND {lt.name} {sign} {alias}.c1"
        cols = [Column(f"{alias}.c{i}", k) for i, k in enumerate((rk.kind, rt.kind, value.kind))]
        return Relation(sql(f"{{}} {word} {{}} ON {on}", left.sql, inner, lite=NO), left.cols + cols)

    def lateral(self, left: Relation, kind: str) -> Relation:
        self.hit("join", kind)
        inner = self.table()
        alias = self.alias()
        where = self.correlation(inner.cols, left.cols)
        if self.d.chance(0.5):
            call, result = self.aggregate(inner.cols, exact=True)
            kinds: tuple[str, ...] = (result,)
            part = sql("SELECT {} AS c0 FROM {} WHERE {}", call, inner.sql, where)
        else:
            kinds = tuple(self.kind(inner.cols) for _ in range(2))
            items = self.items([self.expr(k, inner.cols, 1) for k in kinds])
            part = sql("SELECT {} FROM {} WHERE {}", items, inner.sql, where)
        self.comma = kind == "lateral"
        word = (
            "{}, LATERAL ({}) AS " + alias
            if kind == "lateral"
            else "{} LEFT JOIN LATERAL ({}) AS " + alias + " ON TRUE"
        )
        cols = [Column(f"{alias}.c{i}", k) for i, k in enumerate(kinds)]
        return Relation(sql(word, left.sql, part, lite=NO), left.cols + cols)

    # ------------------------------------------------------------------ subqueries in expressions
    def correlation(self, inner: list[Column], outer: list[Column]) -> Sql:
        pairs = self.pairs_of(inner, outer)
        if not pairs or self.d.below(10) == 9:
            return self.condition(inner + outer, 1)
        a, b = self.d.pick(pairs)
        sign = self.d.pick(("=", "=", "=", "<", ">=", "<>"))
        return Sql.same(f"{a.name} {sign} {b.name}")

    def inner(self, outer: list[Column]) -> tuple[Relation, Sql]:
        """A table of a subquery and its condition, which may read `outer`."""
        found = self.table()
        where = self.correlation(found.cols, outer) if outer else self.condition(found.cols, 1)
        return found, where

    def may_nest(self, cols: list[Column]) -> bool:
        return self.inside == 0 and self.left > 0 and bool(cols)

    def subquery(self, kind: str, cols: list[Column]) -> Sql | None:
        if not self.may_nest(cols):
            return None
        self.inside += 1
        correlated = self.d.chance(0.5)
        found, where = self.inner(cols if correlated else [])
        calls = [
            a for a in AGGREGATES if a.result == kind and a.exact and a.name not in ("any_value", "first")
        ]
        if self.lite:
            calls = [a for a in calls if a.lite != NO]
        out = None
        if calls:
            self.hit("subquery", "scalar correlated" if correlated else "scalar")
            call, _ = self.call_of(self.d.pick(calls), found.cols)
            out = sql("(SELECT {} FROM {} WHERE {})", call, found.sql, where)
        self.inside -= 1
        return out

    def predicate(self, cols: list[Column]) -> Sql | None:
        if not self.may_nest(cols):
            return None
        self.inside += 1
        how = self.choose("subquery", SUBQUERIES[2:])
        found, where = self.inner(cols if "correlated" in how else [])
        if "exists" in how:
            word = "NOT EXISTS" if how == "not exists" else "EXISTS"
            out = sql(f"{word} (SELECT 1 FROM {{}} WHERE {{}})", found.sql, where)
        else:
            kind = self.d.pick(found.cols).kind
            x, y = self.expr(kind, cols, 1), self.expr(kind, found.cols, 1)
            if how in ("any", "all"):
                sign = self.d.pick(("=", "<>", "<", ">="))
                pattern, lite = f"({{}} {sign} {how.upper()} (SELECT {{}} FROM {{}} WHERE {{}}))", NO
            else:
                word = "NOT IN" if how == "not in" else "IN"
                pattern, lite = f"({{}} {word} (SELECT {{}} FROM {{}} WHERE {{}}))", None
            out = sql(pattern, x, y, found.sql, where, lite=lite)
        self.inside -= 1
        return out

    # ------------------------------------------------------------------ aggregates
    def aggregate(self, cols: list[Column], exact: bool) -> tuple[Sql, str]:
        kinds = {c.kind for c in cols}
        calls = CALLS[exact, self.lite]
        fitting = [a for a in calls if kinds.issuperset(a.args)]
        return self.call_of(self.d.pick(fitting if self.d.below(10) < 8 and fitting else calls), cols)

    def call_of(self, a: Aggregate, cols: list[Column]) -> tuple[Sql, str]:
        self.hit("aggregate", a.name)
        self.inside += 1
        args = [self.expr(k, cols, 1) for k in a.args]
        how = self.d.pick(("plain", "plain", "plain", "FILTER", "DISTINCT"))
        ordered = "{O}" in a.ours
        if how == "DISTINCT" and "{D}" not in a.ours:
            how = "plain"
        distinct = "DISTINCT " if how == "DISTINCT" else ""
        order = ""
        if ordered:
            self.hit("aggregate with", "ORDER BY")
            order = f" ORDER BY {{0}}{self.d.pick((' DESC', ''))} NULLS LAST"
        texts = [t.replace("{D}", distinct).replace("{O}", order) for t in (a.ours, a.duck, a.lite)]
        self.hit("aggregate with", how)
        call = self.filtered(sql_call(texts, args), cols if how == "FILTER" else None)
        self.inside -= 1
        return call, a.result

    def filtered(self, call: Sql, cols: list[Column] | None) -> Sql:
        """FILTER at its place in the call."""
        given = Sql.same("") if cols is None else sql(" FILTER (WHERE {})", self.condition(cols, 1))
        lite = None if call.lite is None or given.lite is None else call.lite.replace(PLACE, given.lite)
        return Sql(call.ours.replace(PLACE, given.ours), call.duck.replace(PLACE, given.duck), lite)

    # ------------------------------------------------------------------ queries
    def items(self, items: list[Sql]) -> Sql:
        return joined(", ", [sql(f"{{}} AS c{i}", x) for i, x in enumerate(items)])

    def where(self, cols: list[Column], head: Sql) -> Sql:
        if not self.d.chance(0.5):
            return head
        self.hit("clause", "WHERE")
        return sql("{} WHERE {}", head, self.condition(cols))

    def select(self, depth: int) -> Part:
        d = self.d
        how = d.below(100)
        form = "plain" if how < 24 else "group" if how < 45 else "window" if how < 60 else d.pick(FORMS)
        if self.lite and form in ("sets", "distinct on", "latest on", "qualify"):
            form = "group"
        if depth == 0 and form in ("window", "set operation", "top", "sets"):
            form = "group"
        self.hit("query", form)
        made: dict[str, Part] = {}
        if form in ("plain", "distinct"):
            return self.plain(depth, form == "distinct")
        if form in ("group", "sets"):
            return self.group(depth, form == "sets")
        if form == "window":
            return self.window(depth)
        if form == "set operation":
            return self.set_operation(depth)
        if form == "top":
            return self.top(depth)
        assert not made
        return self.first_of_each(depth, form)

    def plain(self, depth: int, distinct: bool) -> Part:
        source = self.source(depth)
        kinds = tuple(self.kind(source.cols) for _ in range(self.d.between(1, 3)))
        items = [self.expr(k, source.cols) for k in kinds]
        word = "SELECT DISTINCT {}" if distinct else "SELECT {}"
        return Part(self.where(source.cols, sql(word + " FROM {}", self.items(items), source.sql)), kinds)

    def group(self, depth: int, sets: bool) -> Part:
        d = self.d
        source = self.source(depth)
        kinds = [self.kind(source.cols) for _ in range(d.between(1, 2) if sets else d.below(3))]
        self.inside += 1
        keys = [self.expr(k, source.cols, 1) for k in kinds]
        self.inside -= 1
        calls = [self.aggregate(source.cols, exact=depth < 2) for _ in range(d.between(1, 3))]
        items = self.items(keys + [c for c, _ in calls])
        text = self.where(source.cols, sql("SELECT {} FROM {}", items, source.sql))
        if keys:
            text = sql("{} GROUP BY " + self.grouping(keys, sets), text, lite=NO if sets else None)
        if d.chance(0.2):
            self.hit("clause", "HAVING")
            having = sql(f"count(*) > {d.below(3)}")
            if d.chance(0.5):
                kind = next((c.kind for c in source.cols if c.kind != INTERVAL), BIG)
                self.inside += 1
                having = sql("max({}) IS NOT NULL", self.expr(kind, source.cols, 1))
                self.inside -= 1
            text = sql("{} HAVING {}", text, having)
        result = (*kinds, *(k for _, k in calls))
        return Part(text, tuple(result))

    def grouping(self, keys: list[Sql], sets: bool) -> str:
        constants = sum(not re.search(r"\br\d", k.ours) for k in keys)
        if not sets or constants > 1 or len({k.ours for k in keys}) < len(keys):  # equal keys are one key
            return ", ".join(str(i + 1) for i in range(len(keys)))
        how = self.choose("grouping", GROUPINGS)
        one = {
            "ROLLUP": "ROLLUP (1)",
            "CUBE": "CUBE (1)",
            "GROUPING SETS": "GROUPING SETS (1, ())",
            "mixed": "1, GROUPING SETS ((), ())",
        }
        two = {
            "ROLLUP": "ROLLUP (1, 2)",
            "CUBE": "CUBE (1, 2)",
            "GROUPING SETS": "GROUPING SETS ((1, 2), 2, ())",
            "mixed": "1, ROLLUP (2)",
        }
        return (one if len(keys) == 1 else two)[how]

    def set_operation(self, depth: int) -> Part:
        d = self.d
        first = self.source(depth - 1)
        kinds = tuple(self.kind(first.cols) for _ in range(d.between(1, 2)))
        text = self.where(first.cols, self.term(first, kinds))
        words: list[str] = []
        for _ in range(d.between(1, 2)):
            word = self.choose("set operation", SETS)
            words.append(word)
            lite = (
                NO
                if word.endswith(" ALL") and word != "UNION ALL" or "INTERSECT" in word and len(words) > 1
                else None
            )
            if d.below(5) == 4:
                rows = [joined(", ", [self.literal(k) for k in kinds]) for _ in range(d.between(1, 3))]
                other = sql("VALUES {}", joined(", ", [sql("({})", row) for row in rows]))
            else:
                source = self.source(0)
                other = self.where(source.cols, self.term(source, kinds))
            text = sql(f"{{}} {word} {{}}", text, other, lite=lite)
        return Part(text, kinds)

    def top(self, depth: int) -> Part:
        """All columns are sort keys, so ties are equal rows and the answer is one."""
        d = self.d
        inner = self.select(depth - 1)
        inner = Part(inner.sql, inner.kinds)
        orders = [
            f"{i + 1}{d.pick(('', ' DESC'))} NULLS {d.pick(('LAST', 'FIRST'))}"
            for i in range(len(inner.kinds))
        ]
        tail = f" ORDER BY {', '.join(orders)} LIMIT {d.between(1, 6)}"
        self.hit("clause", "LIMIT")
        if d.chance(0.3):
            self.hit("clause", "OFFSET")
            tail += f" OFFSET {d.between(1, 3)}"
        return Part(sql("SELECT * FROM ({}) AS " + self.alias() + tail, inner.sql), inner.kinds)

    def narrow(self, depth: int, distinct: bool = False) -> tuple[Relation, list[Column]]:
        """A subquery of few columns: all of them order its rows."""
        found = self.named(self.plain(depth - 1 if depth else 0, distinct))
        return found, found.cols

    def total(self, cols: list[Column], first: list[str]) -> str:
        return ", ".join([*first, *(c.name + " NULLS LAST" for c in cols)])

    def first_of_each(self, depth: int, form: str) -> Part:
        d = self.d
        source, cols = self.narrow(depth)
        kinds = tuple(c.kind for c in cols)
        key = d.pick(cols)
        items = ", ".join(f"{c.name} AS c{i}" for i, c in enumerate(cols))
        down = f"{d.pick(cols).name}{d.pick((' DESC', ''))} NULLS {d.pick(('LAST', 'FIRST'))}"
        order = self.total(cols, [down])
        if form == "distinct on":
            order = self.total(cols, [key.name + " NULLS LAST", down])
            text = f"SELECT DISTINCT ON ({key.name}) {items} FROM {{}} ORDER BY {order}"
            return Part(sql("SELECT * FROM (" + text + ") AS " + self.alias(), source.sql, lite=NO), kinds)
        if form == "qualify":
            over = f"PARTITION BY {key.name} ORDER BY {order}"
            text = f"SELECT {items} FROM {{}} QUALIFY row_number() OVER ({over}) <= {d.between(1, 2)}"
            return Part(sql(text, source.sql, lite=NO), kinds)
        times = [c for c in cols if c.kind in (BIG, INT, DATE, MOMENT)]
        if not times:
            return Part(sql(f"SELECT {items} FROM {{}}", source.sql), kinds)
        time = d.pick(times)  # of rows with the newest time only the key and the time are told
        head = f"SELECT {key.name} AS c0, {time.name} AS c1 FROM {{}}"
        over = f"PARTITION BY {key.name} ORDER BY {time.name} DESC NULLS LAST"
        duck = f"{head} QUALIFY row_number() OVER ({over}) = 1"
        return Part(
            sql(f"{head} LATEST ON {time.name} PARTITION BY {key.name}", source.sql, duck=duck, lite=NO),
            (key.kind, time.kind),
        )

    # ------------------------------------------------------------------ window functions
    def window(self, depth: int) -> Part:
        # Which of several equal rows stands where is nobody's promise: several calls need different rows.
        many = self.d.between(1, 3)
        source, cols = self.narrow(depth, many > 1)
        calls = [self.window_call(cols, exact=depth < 2) for _ in range(many)]
        items = [Sql.same(c.name) for c in cols] + [c for c, _ in calls]
        kinds = (*(c.kind for c in cols), *(k for _, k in calls))
        return Part(sql("SELECT {} FROM {}", self.items(items), source.sql), kinds)

    def window_call(self, cols: list[Column], exact: bool) -> tuple[Sql, str]:
        d = self.d
        partition = ""
        if d.chance(0.6):
            self.hit("clause", "PARTITION BY")
            partition = f"PARTITION BY {d.pick(cols).name} "
        down = f"{d.pick(cols).name}{d.pick(('', ' DESC'))} NULLS {d.pick(('LAST', 'FIRST'))}"
        total = f"ORDER BY {self.total(cols, [down])}"
        how = d.below(10)
        if how < 3:
            name = self.choose("window function", RANKS)
            order = total if name in ("row_number", "ntile") else f"ORDER BY {down}"
            text = f"{name}({d.between(1, 4) if name == 'ntile' else ''}) OVER ({partition}{order})"
            return Sql.same(text), DOUBLE if name in ("percent_rank", "cume_dist") else BIG
        if how < 6:
            return self.value_of_frame(cols, partition, total)
        self.hit("window function", "aggregate")
        calls = [a for a in CALLS[exact, self.lite] if a.over]
        kinds = {c.kind for c in cols}
        a = d.pick([c for c in calls if kinds.issuperset(c.args)] or calls)
        self.inside += 1
        args = [self.expr(k, cols, 1) for k in a.args]
        call = sql_call([t.replace("{D}", "") for t in (a.ours, a.duck, a.lite)], args)
        self.hit("aggregate", a.name)
        call = self.filtered(call, cols if d.chance(0.15) and not self.lite else None)  # SQLite 3.40 errs
        self.inside -= 1
        frame = self.frame(cols, total, down)
        return sql(
            "{} OVER (" + partition + frame.replace("{", "{{").replace("}", "}}") + ")", call
        ), a.result

    def value_of_frame(self, cols: list[Column], partition: str, total: str) -> tuple[Sql, str]:
        d = self.d
        name = self.choose("window function", VALUES)
        c = d.pick(cols)
        nulls = ""
        if d.chance(0.2) and not self.lite:
            self.hit("clause", "IGNORE NULLS")
            nulls = " IGNORE NULLS"
        args = f"{c.name}{nulls}"
        if name in ("lag", "lead") and d.chance(0.5):
            args = f"{c.name}, {d.between(0, 3)}{nulls}"
        if name == "nth_value":
            args = f"{c.name}, {d.between(1, 3)}{nulls}"
        frame = "" if name in ("lag", "lead") else " " + self.rows_frame("ROWS")
        return Sql.same(f"{name}({args}) OVER ({partition}{total}{frame})"), c.kind

    def frame(self, cols: list[Column], total: str, down: str) -> str:
        how = self.choose("frame", FRAMES)
        if how == "none":
            return self.d.pick((f"ORDER BY {down}", total, ""))
        if how == "ROWS":
            return f"{total} {self.rows_frame(how)}"
        if how == "GROUPS":
            return f"ORDER BY {down} {self.rows_frame(how)}"
        times = [c for c in cols if c.kind in RANGES]
        if how == "RANGE" or not times or self.lite:
            return f"ORDER BY {down} {self.rows_frame('RANGE', fixed=True)}"
        c = self.d.pick(times)
        order = f"ORDER BY {c.name}{self.d.pick(('', ' DESC'))} NULLS LAST"
        return f"{order} {self.rows_frame('RANGE', RANGES[c.kind])}"

    def rows_frame(self, unit: str, offsets: tuple[str, ...] = ("1", "2", "0"), fixed: bool = False) -> str:
        d = self.d
        able = BOUNDS[::2] if fixed else BOUNDS
        low = d.below(len(able) - 1)
        high = d.between(max(low, 1), len(able) - 1)
        names = []
        for at in (low, high):
            self.hit("bound", able[at])
            names.append(
                able[at].replace("n ", f"{d.pick(offsets)} ") if able[at].startswith("n ") else able[at]
            )
        exclude = self.choose("exclude", EXCLUDES) if d.chance(0.4) else "nothing"
        tail = "" if exclude == "nothing" else f" EXCLUDE {exclude}"
        return f"{unit} BETWEEN {names[0]} AND {names[1]}{tail}"

    # ------------------------------------------------------------------ the whole
    def ordered(self, part: Part) -> Part:
        orders = [
            f"{i + 1}{self.d.pick(('', ' DESC'))} NULLS {self.d.pick(('LAST', 'FIRST'))}"
            for i in range(len(part.kinds))
        ]
        tail = f" ORDER BY {', '.join(orders)}"
        if self.d.chance(0.3):
            tail += f" LIMIT {self.d.below(5)}"
        if self.d.chance(0.2):
            tail += f"{'' if 'LIMIT' in tail else ' LIMIT 1000'} OFFSET {self.d.below(4)}"
        return Part(sql("SELECT * FROM ({}) AS " + self.alias() + tail, part.sql), part.kinds)

    def recursive(self, part: Part) -> Part:
        """Rows of the query beside those that a few steps make."""
        low, high, word = self.d.below(3), self.d.between(2, 5), self.d.pick(("UNION ALL", "UNION"))
        step = f"SELECT {low} AS n {word} SELECT n + 1 FROM steps WHERE n < {high}"
        self.recursion = f"steps(n) AS ({step})"
        items = ", ".join(f"a.c{i}" for i in range(len(part.kinds)))
        read = f"FROM ({{}}) AS a JOIN steps ON n < {self.d.between(1, 4)}"
        text = f"SELECT {items}, n AS c{len(part.kinds)} {read}"
        return Part(sql(text, part.sql), (*part.kinds, BIG))

    def query(self, once: bool = False) -> Query:
        part = self.select(2)
        how = self.choose("answered once", ONCE) if once else "as a stream"
        if how == "ordered":
            part = self.ordered(part)
        if how == "recursive":
            part = self.recursive(part)
        text = part.sql
        if self.recursion or self.withs:
            parts = [sql(f"w{i} AS ({{}})", w.sql) for i, w in enumerate(self.withs)]
            parts += [Sql.same(self.recursion)] if self.recursion else []
            word = "WITH RECURSIVE" if self.recursion else "WITH"
            text = sql(word + " {} {}", joined(", ", parts), text)
        plain = LITERAL.sub(lambda m: self.literals[int(m[1])][0], text.ours)
        style = self.d.pick(("", "", "", "?", "$", "$p", ":p"))
        given: list[object] = []

        def place(m: re.Match[str]) -> str:
            text, value = self.literals[int(m[1])]
            able = not text.startswith("CAST") and value is not None
            if not style or not able or self.d.chance(0.3):
                return text
            given.append(value)
            return style if style == "?" else f"{style}{len(given)}"

        bound = LITERAL.sub(place, text.ours)
        read = tuple(sorted(self.read))
        if not given:
            return Query(plain, text.duck, text.lite, read, plain, part.kinds, how == "ordered")
        named: dict[str, object] = {f"p{i + 1}": v for i, v in enumerate(given)}
        params = named if style in ("$p", ":p") else given
        return Query(plain, text.duck, text.lite, read, bound, part.kinds, how == "ordered", params)
