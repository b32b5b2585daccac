# SPDX-License-Identifier: Apache-2.0
"""The types of random tests: values that bite, their literals, and when two databases gave the same rows.

Few values per type, so that keys meet; NULLs, NaN, infinities, -0.0, extremes, empty and long texts, times
before 1970. Doubles are small multiples of powers of two beside these: their sums are exact in any order.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from laminardb.interval import Interval

Row = tuple[Any, ...]
Bag = Counter[Row]

BOOL, TEXT, BLOB, UUID = "BOOLEAN", "VARCHAR", "BLOB", "UUID"
TINY, SMALL, INT, BIG, HUGE = "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"
UTINY, USMALL, UINT, UBIG = "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"
REAL, DOUBLE, DEC, LONGDEC = "FLOAT", "DOUBLE", "DECIMAL(9,2)", "DECIMAL(20,4)"
DATE, TIME, MOMENT, INTERVAL = "DATE", "TIME", "TIMESTAMP", "INTERVAL"
SECONDS, MILLIS, NANOS, ZONED = "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"
LIST, STRUCT = "BIGINT[]", "STRUCT(a INTEGER, b VARCHAR)"

SIGNED = (TINY, SMALL, INT, BIG, HUGE)
UNSIGNED = (UTINY, USMALL, UINT, UBIG)
INTEGERS = (*SIGNED, *UNSIGNED)
FLOATS = (DOUBLE, REAL)
DECIMALS = (DEC, LONGDEC)
MOMENTS = (MOMENT, SECONDS, MILLIS, NANOS, ZONED)
NUMBERS = (BIG, INT, *FLOATS, *DECIMALS, TINY, SMALL, HUGE, *UNSIGNED)
TYPES = (
    *NUMBERS,
    TEXT,
    BOOL,
    DATE,
    MOMENT,
    SECONDS,
    MILLIS,
    NANOS,
    ZONED,
    TIME,
    INTERVAL,
    UUID,
    BLOB,
    LIST,
    STRUCT,
)
SIMPLE = (BIG, INT, DOUBLE, TEXT, BOOL, DATE, MOMENT)  # more likely than the others
LITE = (BIG, TEXT, DOUBLE)  # what SQLite has, too

_MINE = {TINY: (-(2**7), 2**7 - 1), SMALL: (-(2**15), 2**15 - 1), INT: (-(2**31), 2**31 - 1)}
_MINE |= {BIG: (-(2**31), 2**31 - 1), HUGE: (-(2**100), 2**100), UTINY: (0, 255), USMALL: (0, 2**16 - 1)}
_MINE |= {UINT: (0, 2**32 - 1), UBIG: (0, 2**40)}


def _day(n: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=n)


def _at(seconds: float, us: int = 0) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds, microseconds=us)


_TIMES = (_at(0), _at(1), _at(-1), _at(60), _at(3600 * 25), _at(86400 * 40))
FEW: dict[str, tuple[Any, ...]] = {k: (0, 1, 2, 3, -1, -2) for k in SIGNED}
FEW |= {k: (0, 1, 2, 3, 5, 7) for k in UNSIGNED}
FEW |= {k: (0.0, 1.0, 0.5, -0.5, 2.0, -1.5, 2.25) for k in FLOATS}
FEW |= {k: tuple(map(Decimal, ("0.00", "1.00", "0.50", "-0.50", "2.25", "-1.01"))) for k in DECIMALS}
FEW |= {
    TEXT: ("a", "b", "ab", "", "A", "x_y", "%"),
    BOOL: (False, True),
    BLOB: (b"", b"a", b"b", b"\x00", b"a\xff"),
    UUID: tuple(uuid.UUID(int=i) for i in (0, 1, 2, 2**127)),
    DATE: tuple(map(_day, (0, 1, 2, -1, 31))),
    TIME: (dt.time(0), dt.time(1, 2, 3), dt.time(12), dt.time(23, 59, 59, 999999)),
    MOMENT: _TIMES,
    SECONDS: _TIMES,
    MILLIS: _TIMES,
    NANOS: _TIMES,
    ZONED: tuple(t.replace(tzinfo=dt.UTC) for t in _TIMES),
    INTERVAL: tuple(dt.timedelta(seconds=s) for s in (0, 1, 60, -1, 86400)),
    LIST: ([], [1], [1, 2], [2], [None], [1, None], [3, 1, 2]),
    STRUCT: tuple({"a": a, "b": b} for a in (1, 2, None) for b in ("x", None)),
}
RARE: dict[str, tuple[Any, ...]] = dict(_MINE)
RARE |= {k: (math.nan, math.inf, -math.inf, -0.0) for k in FLOATS}
RARE[DOUBLE] += (1e300, -1e-300)
RARE |= {DEC: (Decimal("9999.99"), Decimal("-9999.99")), LONGDEC: (Decimal("99999.9999"), Decimal("0.0001"))}
RARE |= {
    TEXT: ("é", "a long text of more than twelve bytes", "a long text of more than twelve byteS", "zz"),
    DATE: (_day(-30000), _day(30000)),
    MOMENT: (_at(-(10**9), 1), _at(10**9, 999999)),
    SECONDS: (_at(-(10**9)), _at(10**9)),
    MILLIS: (_at(-(10**9), 1000), _at(10**9, 999000)),
    NANOS: (_at(-(10**9), 1), _at(10**9, 999999)),
    ZONED: (_at(-(10**9), 1).replace(tzinfo=dt.UTC),),
    INTERVAL: (dt.timedelta(days=400), dt.timedelta(days=-31, microseconds=1)),
    LIST: ([2**31, -5, None, 7], [0] * 9),
}
LITE_RARE = {
    BIG: (-(2**31), 2**31 - 1),
    TEXT: ("a long text of more than twelve bytes", "zz"),
    DOUBLE: (64.5, -99.0),
}


def literal(value: Any, kind: str) -> str:
    """A constant of exactly this type, in both dialects."""
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return str(value) if kind in (INT, BIG) and abs(value) < 2**31 else f"CAST({value} AS {kind})"
    if isinstance(value, float):
        return (
            f"{value!r}e0"
            if math.isfinite(value) and "e" not in repr(value) and kind == DOUBLE
            else f"CAST('{value!r}' AS {kind})"
        )
    if isinstance(value, bytes):
        return f"from_hex('{value.hex()}')"
    if isinstance(value, list):
        return f"CAST([{', '.join('NULL' if v is None else str(v) for v in value)}] AS {kind})"
    if isinstance(value, dict):
        a, b = ("NULL" if v is None else repr(v) for v in value.values())
        return f"CAST({{'a': {a}, 'b': {b}}} AS {kind})"
    if isinstance(value, dt.timedelta):
        us = value // dt.timedelta(microseconds=1)
        return f"(INTERVAL '{us // 86_400_000_000}' DAY + INTERVAL '{us % 86_400_000_000 / 1e6:.6f}' SECOND)"
    text = str(value).replace("'", "''")
    return f"'{text}'" if kind == TEXT else f"CAST('{text}' AS {kind})"


def lite_literal(value: Any) -> str:
    return "NULL" if value is None else "'" + value + "'" if isinstance(value, str) else repr(value)


def plain(v: Any) -> Any:
    """A value as every database shows it: 9 digits of a float, no -0.0, NaN as a word, times in UTC."""
    if v is None or isinstance(v, bool | str | bytes):
        return v
    if isinstance(v, float):
        return "nan" if math.isnan(v) else 0.0 if v == 0 else float(f"{v:.9g}")
    if isinstance(v, int):
        return v
    if isinstance(v, Decimal):
        return v.normalize() if v else 0
    if isinstance(v, dt.datetime) and v.tzinfo is not None:
        return str(v.astimezone(dt.UTC).replace(tzinfo=None))
    if isinstance(v, list | tuple) and not isinstance(v, Interval):
        return tuple(map(plain, v))
    if isinstance(v, dict):
        return tuple(map(plain, v.values()))
    if isinstance(v, Interval):
        return str(dt.timedelta(days=v.months * 30 + v.days, microseconds=v.microseconds))
    return str(v)


def bag(rows: list[Row]) -> Bag:
    return Counter(tuple(map(plain, row)) for row in rows)


def near(x: Any, y: Any) -> bool:
    if (isinstance(x, float) and isinstance(y, float | int)) or (isinstance(x, int) and isinstance(y, float)):
        return x == y or math.isclose(x, y, rel_tol=1e-8, abs_tol=1e-8)  # an int beside a rounded float
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(map(near, x, y))
    return x == y and isinstance(x, bool) == isinstance(y, bool)


def same(got: Bag, want: Bag) -> bool:
    """Equal, or equal but for the last digits of doubles."""
    if got == want:
        return True
    if got.total() != want.total():
        return False
    left = list((want - got).elements())
    for row in (got - want).elements():
        found = next((i for i, other in enumerate(left) if near(row, other)), None)
        if found is None:
            return False
        left.pop(found)
    return True


def difference(got: Bag, want: Bag) -> str:
    return f"more: {dict(got - want)}\nless: {dict(want - got)}"


@dataclass(frozen=True)
class Column:
    name: str  # with its relation's name before it
    kind: str


def domain(kind: str, lite: bool = False) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    few = FEW[kind]
    rare = (LITE_RARE if lite else RARE).get(kind, few)
    return few, rare
