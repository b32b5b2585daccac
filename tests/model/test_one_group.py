# SPDX-License-Identifier: Apache-2.0
"""Totals without GROUP BY take many rows of one group at once: they equal those of a stream that met the
rows one by one, and exact arithmetic, also with NaN, infinities, signed zeros and sums that leave the range
of a double on the way."""

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import laminardb
import pytest

ODD = (math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, -0.0, 5e-324, 1e-300, 1e16, -1e16, 1.0)
SQL = "SELECT sum(x), min(x), max(x), avg(x), count(x), sum(n), min(n), max(n), var_pop(x), corr(x, n) FROM t"


def numbers(rng: random.Random, count: Any, odd: Any) -> Iterator[Any]:
    for _ in range(count):
        u = rng.random()
        x = rng.choice(ODD) if u < odd else rng.uniform(-1e3, 1e3)
        yield x, rng.randint(-(2**49), 2**49) >> rng.randint(0, 48)


def same(a: Any, b: Any) -> Any:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-14)
    return a == b


def total(values: Any) -> Any:
    """The exact total in a double's range or, of the special values, what IEEE addition says."""
    if any(map(math.isnan, values)) or {math.inf, -math.inf} <= set(values):
        return math.nan
    if any(map(math.isinf, values)):
        return next(v for v in values if math.isinf(v))
    exact = sum(map(Fraction, values))
    try:
        return float(exact)
    except OverflowError:
        return None


@pytest.mark.parametrize("seed", range(60))
def test_totals_of_one_group(seed: int) -> None:
    rng = random.Random(seed)
    rows = list(numbers(rng, rng.choice((1, 15, 16, 17, 200, 5000)), rng.choice((0, 0, 0.001, 0.05))))
    db = laminardb.open()
    db.execute("CREATE SOURCE t (x DOUBLE, n BIGINT); CREATE STREAM s AS " + SQL)
    db.start()
    at = 0
    while at < len(rows):
        step = rng.choice((1, 3, 700))
        db.insert("t", [{"x": x, "n": n} for x, n in rows[at : at + step]])
        at += step
    want = total([x for x, _ in rows])
    if want is None:
        with pytest.raises(laminardb.LaminarError):
            db.query(SQL)
        return
    (once,) = db.query(SQL).fetchall()
    (kept,) = db.query("SELECT * FROM s").fetchall()
    assert all(map(same, once, kept)), (once, kept)
    assert same(once[0], want)
    assert once[5:8] == (sum(n for _, n in rows), min(n for _, n in rows), max(n for _, n in rows))
    ordered = [x for x, _ in rows if not math.isnan(x)]
    assert same(once[2], math.nan if len(ordered) < len(rows) else max(ordered))
    assert same(once[1], min(ordered) if ordered else math.nan)
    db.close()


@pytest.mark.parametrize("seed", range(12))
def test_integers_at_the_ends_of_their_range(seed: int) -> None:
    rng = random.Random(seed)
    ends = (-(2**63), 2**63 - 1, -1, 0, 1, 2**32, -(2**32), 2**31)
    values = [rng.choice(ends) if rng.random() < 0.7 else rng.randrange(-(2**63), 2**63) for _ in range(5000)]
    values[:2048] = [rng.choice(ends[:2])] * 2048
    groups = [i // 2048 if seed % 2 else rng.randrange(2) for i in range(len(values))]
    groups, values = groups * 2, values + [~v for v in values]  # each pair is -1: totals are BIGINTs again
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (g BIGINT, n BIGINT)")
        db.insert("t", {"g": groups, "n": values})
        assert db.sql("SELECT sum(n), count(n) FROM t").fetchall() == [(sum(values), len(values))]
        found = dict(db.sql("SELECT g, sum(n) FROM t GROUP BY g").fetchall())
    assert found == {g: sum(v for h, v in zip(groups, values, strict=True) if h == g) for g in set(groups)}
