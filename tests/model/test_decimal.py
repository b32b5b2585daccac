# SPDX-License-Identifier: Apache-2.0
"""DECIMAL arithmetic, casts and comparisons against exact numbers: types, digits, rounding, overflow."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

import laminardb
import pyarrow as pa
import pytest

WIDE = Context(prec=200)
PAIRS = 90
ROWS = 40
INTEGERS = {"TINYINT": (8, 3), "SMALLINT": (16, 5), "INTEGER": (32, 10), "BIGINT": (64, 19)}


class Kind(NamedTuple):
    precision: int
    scale: int
    name: str  # of an integer type, else ""

    @property
    def sql(self) -> str:
        return self.name or f"DECIMAL({self.precision},{self.scale})"

    @property
    def whole(self) -> int:
        return self.precision - self.scale

    def fits(self, x: Fraction) -> bool:
        units = x * 10**self.scale
        assert units.denominator == 1, (self, x)
        if self.name:
            bits = INTEGERS[self.name][0]
            return bool(-(2 ** (bits - 1)) <= units < 2 ** (bits - 1))
        return bool(abs(units) < 10**self.precision)


def kind_of(precision: int, scale: int) -> Kind:
    return Kind(min(max(precision, 1), 38), scale, "")


def some_kind(r: random.Random, integers: bool) -> Kind:
    if integers and r.random() < 0.15:
        name = r.choice(tuple(INTEGERS))
        return Kind(INTEGERS[name][1], 0, name)
    precision = r.choice((1, 4, 9, 17, 18, 19, 27, 37, 38, r.randint(1, 38)))
    return Kind(precision, r.choice((0, precision, precision // 2, r.randint(0, precision))), "")


def some_value(r: random.Random, kind: Kind) -> Decimal | None:
    if r.random() < 0.05:
        return None
    most = 10**kind.precision - 1
    if kind.name:
        most = 2 ** (INTEGERS[kind.name][0] - 1) - 1
    round_number = r.randint(-9, 9) * 10 ** r.randint(0, kind.precision - 1)
    units = r.choice((r.randint(-most, most), most, -most, r.randint(-9, 9), 0, round_number))
    units = max(-most, min(most, units))
    return WIDE.scaleb(Decimal(units), -kind.scale)


def half_away(x: Fraction) -> int:
    return (1 if x >= 0 else -1) * int(abs(x) + Fraction(1, 2))


def rounded(x: Fraction, scale: int) -> Fraction:
    return Fraction(half_away(x * 10**scale), 10**scale)


# ---- what the engine says that results are (src/expr/decimal_type.c)


def sum_kind(a: Kind, b: Kind) -> Kind | None:
    scale = max(a.scale, b.scale)
    return kind_of(max(a.whole, b.whole) + 1 + scale, scale)


def product_kind(a: Kind, b: Kind) -> Kind | None:
    scale = a.scale + b.scale
    return None if scale > 38 else kind_of(a.whole + b.whole + scale, scale)


def quotient_kind(a: Kind, b: Kind) -> Kind | None:
    whole, least = a.whole + b.scale, max(a.scale, b.scale)
    scale = least + 6
    if whole + scale > 38:
        scale = max(38 - whole, max(least, 6))
    return None if scale > 38 else kind_of(whole + scale, scale)


def remainder_kind(a: Kind, b: Kind) -> Kind | None:
    scale = max(a.scale, b.scale)
    return kind_of(min(a.whole, b.whole) + scale, scale)


Exact = Callable[[Fraction, Fraction, Kind], Fraction | None]
OPERATORS: dict[str, tuple[Callable[[Kind, Kind], Kind | None], Exact]] = {
    "+": (sum_kind, lambda x, y, k: x + y),
    "-": (sum_kind, lambda x, y, k: x - y),
    "*": (product_kind, lambda x, y, k: x * y),
    "/": (quotient_kind, lambda x, y, k: None if y == 0 else rounded(x / y, k.scale)),
    "//": (
        lambda a, b: kind_of(a.whole + b.scale, 0),
        lambda x, y, k: None if y == 0 else Fraction(int(x / y)),
    ),
    "%": (remainder_kind, lambda x, y, k: None if y == 0 else x - y * int(x / y)),
}


def arrow(kind: Kind, values: Sequence[Decimal | None]) -> pa.Array:
    if kind.name:
        bits = INTEGERS[kind.name][0]
        return pa.array([None if v is None else int(v) for v in values], getattr(pa, f"int{bits}")())
    return pa.array(values, pa.decimal128(kind.precision, kind.scale))


Rows = list[tuple[Decimal | None, Decimal | None]]


def made(seed: int, integers: bool) -> Iterator[tuple[random.Random, Kind, Kind, Rows]]:
    for i in range(PAIRS):
        r = random.Random(f"{seed} {i}")
        a, b = some_kind(r, False), some_kind(r, integers)
        yield r, a, b, [(some_value(r, a), some_value(r, b)) for _ in range(ROWS)]


@pytest.fixture(scope="module")
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as connection:
        yield connection


@pytest.mark.parametrize("operator", OPERATORS)
def test_arithmetic(db: laminardb.Connection, operator: str) -> None:
    kind_for, exact = OPERATORS[operator]
    cases = overflows = 0
    for _, a, b, rows in made(1, True):
        result = kind_for(a, b)
        fits: list[tuple[Decimal | None, Decimal | None]] = []
        want: list[object] = []
        beyond: list[tuple[Decimal | None, Decimal | None]] = []
        for x, y in rows:
            # Arguments of a sum become the result's type first: where that is cut to 38 digits they must fit.
            if (
                operator in "+-"
                and result is not None
                and any(v is not None and not result.fits(Fraction(v)) for v in (x, y))
            ):
                continue
            z = None if result is None or x is None or y is None else exact(Fraction(x), Fraction(y), result)
            if z is not None and result is not None and not result.fits(z):
                beyond.append((x, y))
            else:
                fits.append((x, y))
                want.append(z)
        text = f"a {operator} b"
        given = pa.table({"a": arrow(a, [x for x, _ in fits]), "b": arrow(b, [y for _, y in fits])})
        if result is None:  # more than 38 digits behind the point
            assert set(db.sql(f"SELECT typeof({text}) FROM given", given=given).fetchall()) <= {("DOUBLE",)}
            continue
        assert db.sql(f"SELECT typeof({text}) FROM given LIMIT 1", given=given.slice(0, 1)).fetchall() in (
            [(result.sql,)],
            [],
        ), (a, b, operator)
        got = db.sql(f"SELECT {text} FROM given", given=given).fetchall()
        for (value,), expected, row in zip(got, want, fits, strict=True):
            assert (None if value is None else Fraction(value)) == expected, (a, b, operator, row)
            assert value is None or -value.as_tuple().exponent == result.scale
        for x, y in beyond[:2]:
            given = pa.table({"a": arrow(a, [x]), "b": arrow(b, [y])})
            with pytest.raises(laminardb.QueryError, match="overflow|outside|range|fit|digits"):
                db.sql(f"SELECT {text} FROM given", given=given).fetchall()
        cases, overflows = cases + len(rows), overflows + len(beyond)
    assert cases >= PAIRS * ROWS // 2 and (overflows > 0 or operator == "%")


def test_comparison(db: laminardb.Connection) -> None:
    for _, a, b, rows in made(2, True):
        given = pa.table({"a": arrow(a, [x for x, _ in rows]), "b": arrow(b, [y for _, y in rows])})
        if max(a.whole, b.whole) + max(a.scale, b.scale) > 38:
            continue  # no DECIMAL holds both: a value that does not fit the common one is an error
        text = "a < b, a <= b, a = b, a <> b, a >= b, a > b, a IS NOT DISTINCT FROM b"
        for got, (x, y) in zip(
            db.sql(f"SELECT {text} FROM given", given=given).fetchall(), rows, strict=True
        ):
            if x is None or y is None:
                assert got == (None,) * 6 + (x is None and y is None,), (a, b, x, y)
            else:
                assert got == (x < y, x <= y, x == y, x != y, x >= y, x > y, x == y), (a, b, x, y)
        ordered = db.sql("SELECT a FROM given ORDER BY a", given=given).fetchall()
        known = sorted(x for x, _ in rows if x is not None)
        assert [row[0] for row in ordered] == known + [None] * (ROWS - len(known))


def test_casts_between_decimals_and_integers(db: laminardb.Connection) -> None:
    """Rounded half away from zero; what has too many digits is an error, and NULL with TRY_CAST."""
    for r, a, b, rows in made(3, True):
        values = [x for x, _ in rows]
        given = pa.table({"a": arrow(a, values)})
        want = [None if x is None else rounded(Fraction(x), b.scale) for x in values]
        kept = [x if x is not None and b.fits(x) else None for x in want]
        got = db.sql(f"SELECT TRY_CAST(a AS {b.sql}) FROM given", given=given).fetchall()
        assert [None if x is None else Fraction(x) for (x,) in got] == kept, (a, b)
        bad = [x for x, w in zip(values, want, strict=True) if w is not None and not b.fits(w)]
        if bad:
            one = pa.table({"a": arrow(a, [r.choice(bad)])})
            with pytest.raises(laminardb.QueryError):
                db.sql(f"SELECT CAST(a AS {b.sql}) FROM given", given=one).fetchall()


def test_casts_of_text_and_double(db: laminardb.Connection) -> None:
    for _, a, b, rows in made(4, False):
        values = [x for x, _ in rows]
        given = pa.table({"a": arrow(a, values)})
        casts = f"CAST(a AS VARCHAR), CAST(CAST(a AS VARCHAR) AS {a.sql}), CAST(a AS DOUBLE)"
        for (text, back, double), x in zip(
            db.sql(f"SELECT {casts} FROM given", given=given).fetchall(), values, strict=True
        ):
            assert (text, back) == (None if x is None else f"{x:f}", x), (a, x)
            assert double == (None if x is None else float(Fraction(x))), (a, x)
        texts = pa.table({"s": [None if x is None else str(x) for x in values]})
        want = [None if x is None else rounded(Fraction(x), b.scale) for x in values]
        got = db.sql(f"SELECT TRY_CAST(s AS {b.sql}) FROM given", given=texts).fetchall()
        assert [None if x is None else Fraction(x) for (x,) in got] == [
            w if w is not None and b.fits(w) else None for w in want
        ], (a, b)


def test_rounding_functions(db: laminardb.Connection) -> None:
    for r, a, _, rows in made(5, False):
        values = [x for x, _ in rows if x is not None]
        n = r.randint(-3, a.scale + 2)
        given = pa.table({"a": arrow(a, values)})
        scale = 0 if n < 0 else min(n, a.scale)
        most = 10 ** min(38, a.whole + 1 + scale)
        steps = Fraction(10) ** -min(n, a.scale)
        exact: dict[str, Callable[[Fraction], Fraction]] = {
            f"round(a, {n})": lambda x, steps=steps: half_away(x / steps) * steps,  # type: ignore[misc]
            "ceil(a)": lambda x: Fraction(-((-x).__floor__())),
            "floor(a)": lambda x: Fraction(x.__floor__()),
            "trunc(a)": lambda x: Fraction(int(x)),
            "round(a)": lambda x: Fraction(half_away(x)),
            "abs(a)": abs,
            "-a": lambda x: -x,
            "sign(a)": lambda x: Fraction((x > 0) - (x < 0)),
        }
        for text, of in exact.items():
            want = [of(Fraction(x)) for x in values]
            if any(abs(x) * 10**scale >= most for x in want):
                continue  # it has one digit more before the point, where there is room
            got = db.sql(f"SELECT {text} FROM given", given=given).fetchall()
            assert [Fraction(x) for (x,) in got] == want, (a, text)
