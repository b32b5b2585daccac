# SPDX-License-Identifier: Apache-2.0
"""Late rows that a running join refused are known as long as a reading of the stream can meet them.

A join is made again from the rows of its sources when its stream is read, without those that it refused.
Against loops over the rows that are retained; what is known of refused rows stays as small as these are.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload

CASES = 240
KINDS = ("INNER", "LEFT", "FULL", "SEMI", "ANTI")

Row = tuple[int, int, int]


class Source:
    def __init__(self, name: str, r: random.Random) -> None:
        self.name, self.delay = name, r.choice((0, 3))
        self.retain = r.choice((None, 0, 1, 5, 25, 100))
        self.watermark: int | None = None
        self.rows: list[tuple[Row, bool]] = []  # and whether they were late

    def create(self, db: laminardb.Connection) -> None:
        kept = "" if self.retain is None else f" WITH (retain = '{self.retain} rows')"
        mark = f"WATERMARK FOR ts AS ts - {self.delay}"
        db.execute(f"CREATE SOURCE {self.name} (ts BIGINT, k BIGINT, v BIGINT, {mark}){kept}")

    def shown(self) -> list[Row]:
        kept = self.rows if self.retain is None else self.rows[max(0, len(self.rows) - self.retain) :]
        return [row for row, late in kept if not late]


def answer(kind: str, reach: int, left: list[Row], right: list[Row]) -> Counter[tuple[int | None, ...]]:
    pairs = [
        (i, j)
        for i, j in itertools.product(range(len(left)), range(len(right)))
        if left[i][1] == right[j][1] and abs(left[i][0] - right[j][0]) <= reach
    ]
    lefts, rights = {i for i, _ in pairs}, {j for _, j in pairs}
    if kind in ("SEMI", "ANTI"):
        return Counter((x[2],) for i, x in enumerate(left) if (i in lefts) == (kind == "SEMI"))
    out: Counter[tuple[int | None, ...]] = Counter((left[i][2], right[j][2]) for i, j in pairs)
    if kind in ("LEFT", "FULL"):
        out.update((x[2], None) for i, x in enumerate(left) if i not in lefts)
    if kind == "FULL":
        out.update((None, y[2]) for j, y in enumerate(right) if j not in rights)
    return out


def run(seed: int) -> None:
    r = random.Random(seed)
    kind, reach = r.choice(KINDS), r.choice((0, 2, 6))
    sources = [Source("a", r), Source("b", r)]
    with laminardb.open() as db:
        for s in sources:
            s.create(db)
        db.start()
        columns = "a.v" if kind in ("SEMI", "ANTI") else "a.v, b.v AS w"
        db.execute(
            f"CREATE STREAM s AS SELECT {columns} FROM a {kind} JOIN b "
            f"ON a.k = b.k AND b.ts BETWEEN a.ts - {reach} AND a.ts + {reach}"
        )
        now = 0
        for _ in range(r.randint(20, 120)):
            source = r.choice(sources)
            marks = [s.watermark for s in sources]
            frontier = None if None in marks else min(m for m in marks if m is not None)
            rows = []
            for _ in range(r.choice((1, 1, 4))):
                now += r.choice((0, 0, 1, 3))
                rows.append((max(0, now - r.choice((0, 1, 5, 20, 40))), r.choice((1, 2)), r.randint(0, 9)))
            source.rows += [(row, frontier is not None and row[0] < frontier) for row in rows]
            mark = max(t for t, _, _ in rows) - source.delay
            source.watermark = mark if source.watermark is None else max(mark, source.watermark)
            db.insert(source.name, rows)
            if r.random() < 0.05:
                reload(db)
            if r.random() < 0.5:
                want = answer(kind, reach, sources[0].shown(), sources[1].shown())
                assert Counter(db.sql("SELECT * FROM s").fetchall()) == want, f"seed {seed}: {kind}"


@pytest.mark.parametrize("block", range(4))
def test_readings_leave_out_what_was_refused(block: int) -> None:
    for seed in range(block * CASES // 4, (block + 1) * CASES // 4):
        run(seed)


def state_bytes(db: laminardb.Connection) -> int:
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.error is None
    return metrics.state_bytes + metrics.shared_state_bytes


@pytest.mark.parametrize("join", ["interval", "asof"])
def test_refused_rows_go_with_the_rows_of_the_source(join: str) -> None:
    on = "a.k = b.k AND b.ts BETWEEN a.ts - 5 AND a.ts + 5"
    text = {
        "interval": f"SELECT a.v, b.v AS w FROM a JOIN b ON {on}",
        "asof": "SELECT a.v, b.v AS w FROM a ASOF JOIN b MATCH_CONDITION (a.ts >= b.ts) ON a.k = b.k",
    }[join]
    sizes = []
    with laminardb.open() as db:
        for name in ("a", "b"):
            columns = "ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts"
            db.execute(f"CREATE SOURCE {name} ({columns}) WITH (retain = '1000 rows')")
        db.execute(f"CREATE STREAM s AS {text}")
        db.start()
        for name in ("a", "b"):
            db.insert(name, [(1_000_000, 0, 0)])
        for n in range(100):
            for name in ("a", "b"):
                db.insert(name, {"ts": [n] * 500, "k": list(range(n * 500, n * 500 + 500)), "v": [n] * 500})
            sizes.append(state_bytes(db))
        metrics = db.stream_metrics("s")
        assert metrics is not None and metrics.late_rows == 100_000
    assert max(sizes[50:]) <= max(sizes[:50]) * 1.05, sizes[::10]


def test_refused_rows_that_went_are_forgotten() -> None:
    """A row that changes when its window is final is there as it was: what came and went since is gone."""
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE a (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts);
            CREATE TABLE names (k BIGINT PRIMARY KEY, name VARCHAR);
            CREATE STREAM named AS SELECT a.ts, a.k, n.name FROM a JOIN names n ON a.k = n.k;
            CREATE STREAM s AS SELECT name, window_start FROM TUMBLE(named, ts, 5) EMIT CHANGES""")
        db.start()
        db.insert("names", [(1, "first")])
        db.insert("a", [(10, 1)])
        db.insert("a", [(1000, 1)])
        db.advance_watermark("a", 990)
        sizes = []
        for n in range(3000):
            db.insert("names", [(1, f"name number {n} of a row that is late")])
            if n % 100 == 0:
                sizes.append(state_bytes(db))
                shown = db.sql("SELECT * FROM s ORDER BY window_start").fetchall()
                assert shown == [("first", 10), (f"name number {n} of a row that is late", 1000)]
    assert max(sizes[5:]) <= sizes[4], sizes
