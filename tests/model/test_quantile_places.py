# SPDX-License-Identifier: Apache-2.0
"""Quantiles of one-off queries put only the rows around one place in order: they equal those of sorted rows,
for groups of every size, and for words that repeat, rise, fall or alternate."""

import math
import random
from collections.abc import Callable
from typing import Any

import laminardb
import pytest

SHAPES: dict[str, Callable[..., Any]] = {
    "any": lambda r, i, n: r.randrange(10**9),
    "few": lambda r, i, n: r.randrange(3),
    "one": lambda r, i, n: 7,
    "rising": lambda r, i, n: i,
    "falling": lambda r, i, n: -i,
    "saw": lambda r, i, n: (i % 2) * 10**6 + i,
    "pipe": lambda r, i, n: min(i, n - i),
    "one far": lambda r, i, n: 10**12 if i == 0 else r.randrange(50),
}
PARTS = (0, 0.001, 0.25, 0.3, 0.5, 0.75, 0.999, 1)


def continuous(rows: Any, part: Any) -> Any:
    place = (len(rows) - 1) * part
    low = math.floor(place)
    high = min(low + 1, len(rows) - 1)
    return rows[low] + (rows[high] - rows[low]) * (place - low)


def discrete(rows: Any, part: Any) -> Any:
    return rows[max(0, math.ceil(len(rows) * part) - 1)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_places(shape: Any, threads: Any) -> None:
    r = random.Random(shape)
    sizes = [*range(1, 40), 63, 64, 65, 100, 333, 1000, 5000, *([60_000] if threads > 1 else [])]
    groups = {g: [SHAPES[shape](r, i, n) for i in range(n)] for g, n in enumerate(sizes)}
    rows = [(g, v) for g, values in groups.items() for v in values]
    with laminardb.open(config=laminardb.Config(threads=threads)) as db:
        db.execute("CREATE SOURCE t (g BIGINT, v BIGINT)")
        db.insert("t", {"g": [g for g, _ in rows], "v": [v for _, v in rows]})
        for part in PARTS:
            sql = f"""SELECT g, quantile_cont(v, {part}), quantile_disc(v, {part}), median(v), mad(v),
                percentile_disc({part}) WITHIN GROUP (ORDER BY v DESC) FROM t GROUP BY g"""
            found = {row[0]: row[1:] for row in db.sql(sql).fetchall()}
            assert len(found) == len(groups)
            for g, values in groups.items():
                ordered = sorted(values)
                middle = continuous(ordered, 0.5)
                assert found[g] == pytest.approx(
                    (
                        continuous(ordered, part),
                        discrete(ordered, part),
                        middle,
                        continuous(sorted(abs(v - middle) for v in values), 0.5),
                        discrete(ordered[::-1], part),
                    ),
                    rel=1e-12,
                )
