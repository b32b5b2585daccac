# SPDX-License-Identifier: Apache-2.0
"""HUGEINT, UBIGINT and DECIMAL against Python's int, Decimal and Fraction, to the last digit."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import laminardb
import pytest

HUGE = 2**127
TYPES: dict[str, Callable[..., Any]] = {
    "HUGEINT": lambda r: r.choice((r.randint(-HUGE, HUGE - 1), r.randint(-5, 5), HUGE - 1, -HUGE)),
    "UBIGINT": lambda r: r.choice((r.randint(0, 2**64 - 1), r.randint(0, 5), 2**64 - 1)),
    "DECIMAL(38,0)": lambda r: decimal(r, 38, 0),
    "DECIMAL(38,38)": lambda r: decimal(r, 38, 38),
    "DECIMAL(27,9)": lambda r: decimal(r, 27, 9),
    "DECIMAL(18,4)": lambda r: decimal(r, 18, 4),
    "DECIMAL(5,2)": lambda r: decimal(r, 5, 2),
}


def decimal(r: random.Random, precision: int, scale: int) -> Decimal:
    most = 10**precision - 1
    units = r.choice((r.randint(-most, most), r.randint(-9, 9), most, -most))
    return Decimal(f"{units}e-{scale}")


def exact_sum(values: list[int] | list[Decimal]) -> Fraction:
    return sum((Fraction(v) for v in values), Fraction(0))


def in_range(kind: str, total: Fraction) -> bool:
    if not kind.startswith("DECIMAL"):
        return -HUGE <= total < HUGE
    scale = int(kind[:-1].split(",")[1])
    return bool(abs(total) * 10**scale < 10**38)


@pytest.mark.parametrize("kind", TYPES)
def test_sums_with_retraction(kind: str) -> None:
    """last(x) per key is summed over the keys: each insert takes the key's old value away."""
    r = random.Random(kind)
    with laminardb.open() as db:
        db.execute(f"CREATE SOURCE t (k BIGINT, n BIGINT, x {kind})")
        db.execute("CREATE STREAM newest AS SELECT k, last(x ORDER BY n) AS x FROM t GROUP BY k")
        db.execute("CREATE STREAM s AS SELECT k % 3 AS g, sum(x) AS s, avg(x) AS a FROM newest GROUP BY g")
        db.start()
        newest: dict[int, object] = {}
        for n in range(60):
            k, x = r.randint(0, 8), TYPES[kind](r)
            if kind == "HUGEINT" and r.random() < 0.5:  # sums mostly in range
                x //= 16
            after = {**newest, k: x}
            groups = defaultdict(list)
            for key, value in after.items():
                groups[key % 3].append(value)
            want = {g: exact_sum(v) for g, v in groups.items()}
            if not all(in_range(kind, total) for total in want.values()):
                continue  # it would fail the stream
            newest = after
            db.insert("t", [(k, n, x)])
            rows = db.query("SELECT * FROM s").fetchall()
            assert {g: Fraction(s) for g, s, _ in rows} == want
            assert {g: a for g, _, a in rows} == {g: float(want[g] / len(v)) for g, v in groups.items()}


@pytest.mark.parametrize("kind", TYPES)
def test_overflow_is_of_the_total_alone(kind: str) -> None:
    r = random.Random(kind)
    most = {"HUGEINT": HUGE - 1, "UBIGINT": 2**64 - 1}.get(kind) or max(TYPES[kind](r) for _ in range(50))
    for _ in range(12):
        least = most.copy_negate() if isinstance(most, Decimal) else -most
        values: Any = [most, most, least, least, r.choice((most, least)), most]
        if kind == "UBIGINT":
            values = [abs(v) for v in values]
        r.shuffle(values)
        total = exact_sum(values)
        with laminardb.open() as db:
            db.execute(f"CREATE SOURCE t (x {kind})")
            while values:
                cut = r.randint(1, len(values))
                db.insert("t", {"x": values[:cut]})
                values = values[cut:]
            if in_range(kind, total):
                assert Fraction(db.query("SELECT sum(x) FROM t").fetchall()[0][0]) == total
            else:
                with pytest.raises(laminardb.QueryError, match="overflow in sum"):
                    db.query("SELECT sum(x) FROM t")
