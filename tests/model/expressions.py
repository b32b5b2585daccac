# SPDX-License-Identifier: Apache-2.0
"""Random expressions of any type over given columns, in our dialect, DuckDB's and, where it can, SQLite's.

OPERATORS is the list of what may be called: name, types of the arguments, type of the result and how the
dialects spell it. Arguments of integer arithmetic are cut to three digits, so that an overflow is a finding.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from draw import Coverage, Draw
from values import (
    BIG,
    BLOB,
    BOOL,
    DATE,
    DEC,
    DECIMALS,
    DOUBLE,
    FLOATS,
    HUGE,
    INT,
    INTEGERS,
    INTERVAL,
    LIST,
    LITE,
    LONGDEC,
    MILLIS,
    MOMENT,
    NANOS,
    REAL,
    SECONDS,
    SIGNED,
    STRUCT,
    TEXT,
    TIME,
    TYPES,
    UBIG,
    UINT,
    UUID,
    ZONED,
    Column,
    domain,
    lite_literal,
    literal,
)  # fmt: skip

NO = "\x00"  # SQLite cannot say it


@dataclass(frozen=True)
class Sql:
    """A piece of text in three dialects; `lite` is None where SQLite has no such thing."""

    ours: str
    duck: str
    lite: str | None

    @staticmethod
    def same(text: str) -> Sql:
        return Sql(text, text, text)


def sql(pattern: str, *parts: Sql, duck: str | None = None, lite: str | None = None) -> Sql:
    """`pattern` with {} for each part; the other dialects are spelled alike unless they say how."""
    texts = [p.lite for p in parts]
    able = lite != NO and all(t is not None for t in texts)
    return Sql(
        pattern.format(*[p.ours for p in parts]),
        (duck or pattern).format(*[p.duck for p in parts]),
        (lite or duck or pattern).format(*texts) if able else None,
    )


def joined(separator: str, parts: list[Sql]) -> Sql:
    return sql(separator.join(["{}"] * len(parts)), *parts)


@dataclass(frozen=True)
class Operator:
    name: str
    args: tuple[str, ...]
    result: str
    ours: str
    duck: str
    lite: str


OPERATORS: list[Operator] = []
BY_RESULT: dict[str, list[Operator]] = defaultdict(list)


def op(name: str, args: tuple[str, ...], result: str, ours: str, duck: str = "", lite: str = NO) -> None:
    """`=` for lite: spelled as in DuckDB. A mark ~ before {} cuts an integer to three digits."""
    duck = duck or ours
    lite = duck if lite == "=" else lite
    cut = [t.replace("~{}", "({} % 1000)") for t in (ours, duck, lite)]
    OPERATORS.append(Operator(name, args, result, *cut))


def wide(kind: str) -> str:
    """The type that integer arithmetic of this one is done in."""
    return kind if kind in (BIG, HUGE, UBIG) else BIG if kind == UINT else INT


def _compare() -> None:
    for k in TYPES:
        lite = "=" if k in LITE else NO
        for name in ("=", "<>", "<", "<=", ">", ">="):
            op(name, (k, k), BOOL, f"({{}} {name} {{}})", lite=lite)
        op("IS DISTINCT FROM", (k, k), BOOL, "({} IS DISTINCT FROM {})", lite=lite)
        op("IS NOT DISTINCT FROM", (k, k), BOOL, "({} IS NOT DISTINCT FROM {})", lite=lite)
        op("BETWEEN", (k, k, k), BOOL, "({} BETWEEN {} AND {})", lite=lite)
        op("NOT BETWEEN", (k, k, k), BOOL, "({} NOT BETWEEN {} AND {})", lite=lite)
        op("IS NULL", (k,), BOOL, "({} IS NULL)", lite=lite)
        op("IS NOT NULL", (k,), BOOL, "({} IS NOT NULL)", lite=lite)
        op("IN", (k, k, k), BOOL, "({} IN ({}, {}))", lite=lite)
        op("NOT IN", (k, k, k), BOOL, "({} NOT IN ({}, {}))", lite=lite)
        op("CASE x", (k, k, k), k, "(CASE {} WHEN {} THEN {} END)", lite=lite)
        op("nullif", (k, k), k, "nullif({}, {})", lite=lite)
        if k != INTERVAL:  # DuckDB takes -1 day and 86459 seconds for less than nothing there
            op("greatest", (k, k), k, "greatest({}, {})")
            op("least", (k, k), k, "least({}, {})")
        op("ifnull", (k, k), k, "ifnull({}, {})", lite=lite)
        op("if", (BOOL, k, k), k, "if({}, {}, {})")
    mixed = ((INT, DOUBLE), (BIG, INT), (INT, DEC), (DEC, LONGDEC), (UBIG, BIG), (HUGE, BIG), (UINT, INT),
             (DATE, MOMENT), (MOMENT, MILLIS), (SECONDS, NANOS), (REAL, DOUBLE), (INT, UBIG),
             (DEC, DOUBLE))  # fmt: skip
    for a, b in mixed:
        for name in ("=", "<>", "<", ">="):
            op(name, (a, b), BOOL, f"({{}} {name} {{}})")


def _logic() -> None:
    for name in ("AND", "OR"):
        op(name, (BOOL, BOOL), BOOL, f"({{}} {name} {{}})", lite="=")
    op("NOT", (BOOL,), BOOL, "(NOT {})", lite="=")
    for name in ("TRUE", "FALSE", "UNKNOWN"):
        for no in ("", "NOT "):
            duck = f"({{}} IS {no}NULL)" if name == "UNKNOWN" else ""
            op(f"IS {no}{name}", (BOOL,), BOOL, f"({{}} IS {no}{name})", duck, lite="=")


def _integers() -> None:
    for k in INTEGERS:
        w, lite = wide(k), "=" if k in LITE else NO
        duck = f"CAST(~{{}} AS {w})"
        op("+", (k, k), w, "(~{} + ~{})", f"({duck} + {duck})", lite=NO if lite == NO else "(~{} + ~{})")
        op("*", (k, k), w, "(~{} * ~{})", f"({duck} * {duck})", lite=NO if lite == NO else "(~{} * ~{})")
        op("/", (k, k), w, "(~{} / ~{})", f"({duck} // {duck})", lite=NO if lite == NO else "(~{} / ~{})")
        op("//", (k, k), w, "(~{} // ~{})", f"({duck} // {duck})", lite=NO if lite == NO else "(~{} / ~{})")
        op("%", (k, k), w, "(~{} % ~{})", f"({duck} % {duck})", lite=NO if lite == NO else "(~{} % ~{})")
        op("mod", (k, k), w, "mod(~{}, ~{})", f"mod({duck}, {duck})")
        if k in SIGNED:
            op("-", (k, k), w, "(~{} - ~{})", f"({duck} - {duck})", lite=NO if lite == NO else "(~{} - ~{})")
            op("neg", (k,), w, "(-~{})", f"(-{duck})", lite=NO if lite == NO else "(-~{})")
            op("abs", (k,), w, "abs(~{})", f"abs({duck})", lite=NO if lite == NO else "abs(~{})")
        else:
            op("-", (k, k), BIG, "(CAST(~{} AS BIGINT) - CAST(~{} AS BIGINT))")
        op("sign", (k,), INT, "sign({})")
        if k not in (HUGE, UBIG):
            for sign in "&|":
                op(sign, (k, k), w, f"({{}} {sign} {{}})", f"(CAST({{}} AS {w}) {sign} CAST({{}} AS {w}))")
            op("xor", (k, k), w, "({} # {})", f"xor(CAST({{}} AS {w}), CAST({{}} AS {w}))")
        for to in INTEGERS:
            if to != k:
                op(
                    "CAST",
                    (k,),
                    to,
                    f"CAST(abs(~{{}}) % 100 AS {to})",
                    f"CAST(abs(CAST({{}} % 1000 AS BIGINT)) % 100 AS {to})",
                )
        op("TRY_CAST", (k,), "TINYINT", "TRY_CAST({} AS TINYINT)")
        op("CAST", (k,), DOUBLE, "CAST(~{} AS DOUBLE)", lite="CAST(~{} AS REAL)" if k in LITE else NO)
        op("CAST", (k,), DEC, f"CAST(~{{}} AS {DEC})")
        op("CAST", (k,), TEXT, "CAST({} AS VARCHAR)", lite=NO if lite == NO else "CAST({} AS TEXT)")
        op("CAST", (k,), BOOL, "CAST({} AS BOOLEAN)")
    op("gcd", (BIG, BIG), BIG, "gcd({}, {})")
    op("<<", (BIG,), BIG, "((abs({}) % 100) << 3)")
    op(">>", (BIG,), BIG, "(abs({}) >> 2)")


def _fractions() -> None:
    for k in FLOATS:
        lite = "=" if k in LITE else NO
        for name in "+-*":
            op(name, (k, k), k, f"({{}} {name} {{}})", lite=lite)
        op("neg", (k,), k, "(- {})", lite=lite)
        op("abs", (k,), k, "abs({})", lite=lite)
        for name in ("floor", "ceil"):
            op(name, (k,), k, f"{name}({{}})")
        op("round", (k,), k, "round({})")
        op("trunc", (k,), k, "trunc({})")
        op("sign", (k,), INT, "CAST(sign(CASE WHEN isfinite({0}) THEN {0} END) AS INTEGER)")
        op("isnan", (k,), BOOL, "isnan({})")
        op("isinf", (k,), BOOL, "isinf({})")
        op("CAST", (k,), INT, "CAST(trunc(CASE WHEN {0} BETWEEN -100 AND 100 THEN {0} END) AS INTEGER)")
        op("TRY_CAST", (k,), BIG, "TRY_CAST(floor({}) AS BIGINT)")
        op("sqrt", (k,), DOUBLE, "sqrt(abs({}))")
    op("/", (DOUBLE, DOUBLE), DOUBLE, "({} / {})", "(CASE WHEN {1} = 0 THEN NULL ELSE {0} / {1} END)")
    op("CAST", (REAL,), DOUBLE, "CAST({} AS DOUBLE)")
    op("CAST", (DOUBLE,), REAL, "CAST(CASE WHEN {0} BETWEEN -1e9 AND 1e9 THEN {0} END AS FLOAT)")
    for k in DECIMALS:
        op("+", (k, k), k, f"CAST({{}} + {{}} AS {k})")
        op("-", (k, k), k, f"CAST({{}} - {{}} AS {k})")
        op("neg", (k,), k, "(- {})")
        op("abs", (k,), k, "abs({})")
        op(
            "*",
            (k, k),
            LONGDEC,
            f"CAST(CAST({{}} AS DECIMAL(15,4)) * CAST({{}} AS DECIMAL(9,2)) % 100000 AS {LONGDEC})",
        )
        op("%", (k, k), k, f"CAST({{}} % {{}} AS {k})")
        for name in ("floor", "ceil"):
            op(name, (k,), k, f"CAST({name}({{}}) AS {k})")
        op("round", (k,), k, f"CAST(round({{}}, 1) AS {k})")
        op("sign", (k,), INT, "CAST(sign({}) AS INTEGER)")
        op("CAST", (k,), DOUBLE, "CAST({} AS DOUBLE)")
        op("CAST", (k,), INT, "CAST({} AS INTEGER)")
        op("CAST", (k,), TEXT, "CAST({} AS VARCHAR)")
    op("CAST", (DEC,), LONGDEC, f"CAST({{}} AS {LONGDEC})")
    op("CAST", (LONGDEC,), DEC, f"CAST({{}} AS {DEC})")


def _texts() -> None:
    op("||", (TEXT, TEXT), TEXT, "({} || {})", lite="=")
    for name in ("upper", "lower", "reverse", "md5"):
        op(name, (TEXT,), TEXT, f"{name}({{}})", lite="=" if name in ("upper", "lower") else NO)
    for name in ("trim", "ltrim", "rtrim"):
        op(name, (TEXT,), TEXT, f"{name}({{}})", lite="=")
        op(name, (TEXT, TEXT), TEXT, f"{name}({{}}, {{}})")
    op("length", (TEXT,), BIG, "length({})", lite="=")
    op("replace", (TEXT, TEXT, TEXT), TEXT, "replace({}, {}, {})")
    op("substring", (TEXT,), TEXT, "substring({}, 2, 3)", lite="=")
    op("left", (TEXT,), TEXT, "left({}, 2)")
    op("right", (TEXT,), TEXT, "right({}, 2)")
    op("repeat", (TEXT,), TEXT, "repeat({}, 2)")
    op("lpad", (TEXT,), TEXT, "lpad({}, 4, 'xy')")
    op("rpad", (TEXT,), TEXT, "rpad({}, 4, 'xy')")
    op("strpos", (TEXT, TEXT), BIG, "strpos({}, {})", lite="instr({}, {})")
    op("position", (TEXT, TEXT), BIG, "position({} IN {})")
    op("concat", (TEXT, TEXT), TEXT, "concat({}, {})")
    op("concat_ws", (TEXT, TEXT), TEXT, "concat_ws('-', {}, {})")
    op("split_part", (TEXT, TEXT), TEXT, "split_part({}, CASE WHEN {} = '' THEN 'b' ELSE 'a' END, 1)")
    op("ascii", (TEXT,), INT, "ascii({})")
    op("translate", (TEXT,), TEXT, "translate({}, 'ab', 'ba')")
    for name in ("contains", "starts_with", "ends_with"):
        op(name, (TEXT, TEXT), BOOL, f"{name}({{}}, {{}})")
    for pattern in ("'a%'", "'%b%'", "'_'", "'%text%'", "'%'", "'A_'"):
        op("LIKE", (TEXT,), BOOL, f"({{}} LIKE {pattern})", lite="=")
        op("NOT LIKE", (TEXT,), BOOL, f"({{}} NOT LIKE {pattern})", lite="=")
        op("ILIKE", (TEXT,), BOOL, f"({{}} ILIKE {pattern})")
    op("LIKE", (TEXT, TEXT), BOOL, "({} LIKE {})", lite="=")
    op("regexp_matches", (TEXT,), BOOL, "regexp_matches({}, '^[a-c]+$')")
    op("regexp_replace", (TEXT,), TEXT, "regexp_replace({}, '[ab]', 'x')")
    op("TRY_CAST", (TEXT,), BIG, "TRY_CAST({} AS BIGINT)")
    op(
        "TRY_CAST",
        (TEXT,),
        DATE,
        "TRY_CAST({} AS DATE)",
    )
    op("CAST", (BOOL,), TEXT, "CAST({} AS VARCHAR)")
    op("CAST", (BOOL,), INT, "CAST({} AS INTEGER)", lite="=")
    op("CAST", (UUID,), TEXT, "CAST({} AS VARCHAR)")
    op("length", (BLOB,), BIG, "octet_length({})")
    op("||", (BLOB, BLOB), BLOB, "({} || {})")
    op("hex", (BLOB,), TEXT, "hex({})")
    op("encode", (TEXT,), BLOB, "encode({})")


def _times() -> None:
    for k in (MOMENT, MILLIS, SECONDS, DATE):
        for unit in ("year", "month", "day", "dow", "doy", "week", "quarter"):
            call = f"date_part('{unit}', {{}})"  # whole numbers here
            op("date_part", (k,), BIG, call, f"CAST(floor({call}) AS BIGINT)")
        op("epoch", (k,), DOUBLE, "epoch({})")
        op("date_trunc", (k,), MOMENT, "CAST(date_trunc('month', {}) AS TIMESTAMP)")
        op("CAST", (k,), TEXT, "CAST({} AS VARCHAR)")
    for k in (MOMENT, MILLIS, SECONDS):
        for unit in ("hour", "minute", "second", "millisecond"):
            op(
                "date_part",
                (k,),
                BIG,
                f"date_part('{unit}', {{}})",
                f"CAST(date_part('{unit}', {{}}) AS BIGINT)",
            )
        op("CAST", (k,), DATE, "CAST({} AS DATE)")
        op("CAST", (k,), TIME, "CAST({} AS TIME)")
    for k in (MOMENT, NANOS, ZONED):
        op("+", (k, INTERVAL), k, f"CAST({{}} + {{}} AS {k})")
        op("-", (k, INTERVAL), k, f"CAST({{}} - {{}} AS {k})")
    op("-", (MOMENT, MOMENT), INTERVAL, "({} - {})")
    op("CAST", (DATE,), MOMENT, "CAST({} AS TIMESTAMP)")
    op("CAST", (MOMENT,), SECONDS, "CAST(date_trunc('second', {}) AS TIMESTAMP_S)")
    op("CAST", (MOMENT,), MILLIS, "CAST(date_trunc('millisecond', {}) AS TIMESTAMP_MS)")
    op("CAST", (MILLIS,), MOMENT, "CAST({} AS TIMESTAMP)")
    op("CAST", (MOMENT,), NANOS, "CAST({} AS TIMESTAMP_NS)")
    op("+", (DATE, INT), DATE, "({} + CAST(~{} AS INTEGER))")
    op("-", (DATE, INT), DATE, "({} - CAST(~{} AS INTEGER))")
    op("-", (DATE, DATE), BIG, "({} - {})")
    op("+", (DATE, TIME), MOMENT, "({} + {})")
    op("+", (TIME, INTERVAL), TIME, "({} + {})")
    op("last_day", (DATE,), DATE, "last_day({})")
    op("date_diff", (MOMENT, MOMENT), BIG, "date_diff('day', {}, {})")
    op("+", (INTERVAL, INTERVAL), INTERVAL, "({} + {})")
    op("-", (INTERVAL, INTERVAL), INTERVAL, "({} - {})")
    op("*", (INTERVAL, INT), INTERVAL, "({} * CAST(~{} AS INTEGER))")
    op("time_bucket", (MOMENT,), MOMENT, "time_bucket(INTERVAL '7' SECOND, {}, TIMESTAMP '1970-01-01')")
    op("epoch_ms", (MOMENT,), BIG, "epoch_ms(date_trunc('second', {}))")
    op("extract", (TIME,), BIG, "EXTRACT(hour FROM {})", "CAST(EXTRACT(hour FROM {}) AS BIGINT)")


def _nested() -> None:
    op("[]", (LIST, BIG), BIG, "({})[(~{})]", "({})[CAST(~{} AS BIGINT)]")
    op("len", (LIST,), BIG, "len({})")
    op(
        "list_contains",
        (LIST, BIG),
        BOOL,
        "list_contains({}, {})",
        "(CASE WHEN {1} IS NOT NULL THEN list_contains({0}, {1}) END)",
    )
    op("list_value", (BIG, BIG), LIST, "[{}, {}]")
    op(
        "list_concat",
        (LIST, LIST),
        LIST,
        "list_concat({}, {})",
        "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE list_concat({0}, {1}) END)",
    )
    op("list_sum", (LIST,), BIG, "CAST(list_sum({}) AS BIGINT)")
    op("slice", (LIST,), LIST, "({})[1:2]")
    op("list_position", (LIST, BIG), INT, "list_position({}, {})")
    op("field", (STRUCT,), INT, "({}).a")
    op("field", (STRUCT,), TEXT, "({}).b")
    op("struct", (INT, TEXT), STRUCT, "{{'a': CAST({} AS INTEGER), 'b': {}}}")


for _fill in (_compare, _logic, _integers, _fractions, _texts, _times, _nested):
    _fill()
for _each in OPERATORS:
    BY_RESULT[_each.result].append(_each)
PAIRS = {(o.name, kind) for o in OPERATORS for kind in o.args}

EXPRESSIONS = ("column", "literal", "operator", "CASE", "coalesce", "subquery")


class Expressions:
    """Expressions over columns; what a subquery is, a subclass says."""

    def __init__(self, draw: Draw, coverage: Coverage, pairs: Counter[tuple[str, str]], lite: bool) -> None:
        self.d, self.coverage, self.pairs, self.lite = draw, coverage, pairs, lite
        self.literals: list[tuple[str, object]] = []

    def hit(self, group: str, name: str) -> None:
        self.coverage.hits[f"{group}: {name}"] += 1

    def choose(self, group: str, names: tuple[str, ...]) -> str:
        name = self.d.pick(names)
        self.hit(group, name)
        return name

    def value(self, kind: str) -> object:
        d = self.d
        few, rare = domain(kind, self.lite)
        how = d.below(100)
        return None if how >= 90 else d.pick(rare) if how >= 82 else d.pick(few)

    def literal(self, kind: str, null: bool = False) -> Sql:
        few, rare = domain(kind, self.lite)
        value = None if null else self.d.pick(few) if self.d.below(10) < 9 else self.d.pick(rare)
        text = literal(value, kind)
        self.literals.append((text, value))
        lite = lite_literal(value) if kind in (*LITE, BOOL) else None
        return Sql(f"\x01{len(self.literals) - 1}\x01", text, lite)

    def column(self, kind: str, cols: list[Column]) -> Sql | None:
        have = [c for c in cols if c.kind == kind]
        return Sql.same(self.d.pick(have).name) if have else None

    def expr(self, kind: str, cols: list[Column], depth: int = 2) -> Sql:
        d = self.d
        how = d.below(100)
        if how < 45 or depth == 0:
            found = self.column(kind, cols)
            if found is not None:
                self.hit("expression", "column")
                return found
            if depth == 0:
                self.hit("expression", "literal")
                return self.literal(kind, null=how == 99)
        if how < 55:
            self.hit("expression", "literal")
            return self.literal(kind, null=how == 54)
        if how < 62:
            self.hit("expression", "CASE")
            parts = [
                self.condition(cols, depth - 1),
                self.expr(kind, cols, depth - 1),
                self.expr(kind, cols, depth - 1),
            ]
            return sql("CASE WHEN {} THEN {} ELSE {} END", *parts)
        if how < 67:
            self.hit("expression", "coalesce")
            return sql("coalesce({}, {})", self.expr(kind, cols, depth - 1), self.expr(kind, cols, depth - 1))
        if how < 70 and (found := self.subquery(kind, cols)) is not None:
            self.hit("expression", "subquery")
            return found
        self.hit("expression", "operator")
        return self.call(kind, cols, depth)

    def call(self, kind: str, cols: list[Column], depth: int) -> Sql:
        choices = BY_RESULT[kind]
        if self.lite:
            choices = [o for o in choices if set(o.args) <= {*LITE, BOOL} and o.lite != NO]
        o = self.d.pick(choices)
        for arg in o.args:
            self.pairs[o.name, arg] += 1
        args = [self.expr(a, cols, depth - 1) for a in o.args]
        return sql(o.ours, *args, duck=o.duck, lite=o.lite)

    def condition(self, cols: list[Column], depth: int = 2) -> Sql:
        d = self.d
        how = d.below(100)
        if depth > 0 and how < 8 and (found := self.predicate(cols)) is not None:
            return found
        if depth > 0 and how < 25:
            return self.call(BOOL, cols, depth)
        # Comparisons of a column that is there say more than those of literals.
        kind = d.pick(cols).kind if cols else BIG
        left = self.expr(kind, cols, max(depth - 1, 0))
        choices = [o for o in BY_RESULT[BOOL] if o.args[0] == kind and (not self.lite or o.lite != NO)]
        o = d.pick(choices)
        for arg in o.args:
            self.pairs[o.name, arg] += 1
        rest = [self.expr(a, cols, max(depth - 1, 0)) for a in o.args[1:]]
        return sql(o.ours, left, *rest, duck=o.duck, lite=o.lite)

    def subquery(self, kind: str, cols: list[Column]) -> Sql | None:
        return None

    def predicate(self, cols: list[Column]) -> Sql | None:
        return None
