# SPDX-License-Identifier: Apache-2.0
"""Aggregates and window functions of random queries: what they take and give, and how it is spelled."""

from __future__ import annotations

from dataclasses import dataclass

from expressions import NO
from values import (
    BIG,
    BOOL,
    DATE,
    DEC,
    DOUBLE,
    HUGE,
    INT,
    INTEGERS,
    LIST,
    LITE,
    LONGDEC,
    MOMENT,
    TEXT,
    TYPES,
    UBIG,
)  # fmt: skip


@dataclass(frozen=True)
class Aggregate:
    name: str
    args: tuple[str, ...]
    result: str
    ours: str  # {} for each argument, {D} for DISTINCT, {O} for ORDER BY, {F} for FILTER
    duck: str
    lite: str
    exact: bool  # the same bits in any order of its rows
    over: bool  # also a window function in both


AGGREGATES: list[Aggregate] = []


def agg(
    name: str, args: tuple[str, ...], result: str, ours: str = "", duck: str = "", lite: str = "",
    exact: bool = True, over: bool = True,
) -> None:  # fmt: skip
    ours = ours or f"{name}({{D}}{', '.join(['{}'] * len(args))})"
    duck = duck or ours
    ours, duck = (t if "{F}" in t else t + "{F}" for t in (ours, duck))
    able = set(args) <= set(LITE) and name in ("count", "count(*)", "sum", "avg", "min", "max")
    AGGREGATES.append(Aggregate(name, args, result, ours, duck, (lite or duck) if able else NO, exact, over))


FINITE = "CASE WHEN {} BETWEEN -1000 AND 1000 THEN {} END".replace("{}", "{0}")


def _fill() -> None:
    agg("count(*)", (), BIG, "count(*)")
    for k in TYPES:
        agg("count", (k,), BIG)
        agg("min", (k,), k)
        agg("max", (k,), k)
        agg("any_value", (k,), k, "any_value({0}{O})", over=False)
        agg("first", (k,), k, "first({0}{O})", "any_value({0}{O})", over=False)
    for k in INTEGERS:
        cut = "CAST({D}{} % 1000 AS DOUBLE)".replace("{D}", "")
        agg("sum", (k,), HUGE if k in (HUGE, UBIG) else BIG)
        agg("avg", (k,), DOUBLE, "avg({} % 1000)")
        for name in ("bit_and", "bit_or", "bit_xor"):
            if k not in (UBIG, HUGE):
                agg(name, (k,), k, f"{name}({{}})")
        agg("median", (k,), DOUBLE, "median({} % 1000)", over=k not in (HUGE,))
        agg("quantile_disc", (k,), k, "quantile_disc({}, 0.25)")
        agg("quantile_cont", (k,), DOUBLE, f"quantile_cont({cut}, 0.75)")
        for name in ("var_samp", "var_pop", "stddev_samp", "stddev_pop"):
            agg(name, (k,), DOUBLE, f"{name}({cut})", exact=False)
    for k in (INT, BIG):
        two = "{} % 1000, {} % 1000"
        for name in ("covar_pop", "covar_samp", "regr_count", "regr_sxx", "regr_avgx"):
            agg(name, (k, k), BIG if name == "regr_count" else DOUBLE, f"{name}({two})", exact=False)
        agg("product", (k,), DOUBLE, "product({} % 3)", over=False)
        agg("sum of a CASE", (k, BOOL), BIG, "sum(CASE WHEN {1} THEN {0} ELSE 0 END)")
    agg("sum", (DEC,), LONGDEC, f"CAST(sum({{D}}{{}}){{F}} AS {LONGDEC})", over=False)
    agg("sum", (DOUBLE,), DOUBLE, f"sum({FINITE})")
    agg("avg", (DOUBLE,), DOUBLE, f"avg({FINITE})")
    agg("array_agg", (BIG,), LIST, "array_agg({0}{O})", over=False)
    agg("count_if", (BOOL,), BIG, "count_if({})", "count(CASE WHEN {} THEN 1 END)")
    for name in ("bool_and", "bool_or"):
        agg(name, (BOOL,), BOOL, f"{name}({{}})")
    agg("string_agg", (TEXT,), TEXT, "string_agg({0}, ','{O})", over=False)
    agg("arg_max", (INT,), BIG, "arg_max({0} % 7, {0})", over=False)
    agg("arg_min", (INT,), BIG, "arg_min({0} % 7, {0})", over=False)
    agg("count(DISTINCT a, b)", (BIG, TEXT), BIG, "count(DISTINCT ({}, {}))", over=False)


_fill()

RANKS = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile")
VALUES = ("lag", "lead", "first_value", "last_value", "nth_value")
FRAMES = ("none", "ROWS", "RANGE", "GROUPS", "RANGE of values")
EXCLUDES = ("nothing", "CURRENT ROW", "GROUP", "TIES", "NO OTHERS")
BOUNDS = ("UNBOUNDED PRECEDING", "n PRECEDING", "CURRENT ROW", "n FOLLOWING", "UNBOUNDED FOLLOWING")
RANGES = {
    BIG: ("1", "3"),
    DOUBLE: ("0.5", "2"),
    DEC: ("1.00", "0.50"),
    DATE: ("INTERVAL '1' DAY", "INTERVAL '40' DAY"),
    MOMENT: ("INTERVAL '1' SECOND", "INTERVAL '2' HOUR"),
}
