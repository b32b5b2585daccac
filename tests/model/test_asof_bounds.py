# SPDX-License-Identifier: Apache-2.0
"""ASOF joins of sources with event times: corrections come until the watermark passes, then rows go.

Every match and tolerance, INNER and LEFT, late rows on both sides, any split, reloads, streams made early and
late, read by query, by changes and by a stream above; against loops over the accepted rows. What is kept is
bounded by the watermark (E9): at last nothing, or one right row of each key.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload

CASES = 320
PER_TEST = 80
EPOCH = dt.datetime(1970, 1, 1)
MATCHES = (">=", ">=", ">", "<=", "<", "NEAREST")

Row = tuple[int | None, int | None, int]


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.match = r.choice(MATCHES)
        self.tolerance = r.choice((None, 0, 2, 7))
        self.bounded = self.tolerance is not None or self.match in (">=", ">")
        self.left = r.random() < 0.5
        self.timestamps = r.random() < 0.5
        self.delays = {"l": r.choice((0, 3, 10)), "q": r.choice((0, 3))}
        self.marks: dict[str, int | None] = {"l": None, "q": None}
        self.accepted: dict[str, list[Row]] = {"l": [], "q": []}
        self.late = 0
        self.db = laminardb.open()
        self.changes: Counter[tuple[object, ...]] = Counter()

    def make(self) -> None:
        within = ""
        if self.tolerance is not None:
            ms = f"INTERVAL '{self.tolerance}' MILLISECOND" if self.timestamps else str(self.tolerance)
            within = f"TOLERANCE {ms}"
        match = "NEAREST(l.ts, q.ts)" if self.match == "NEAREST" else f"l.ts {self.match} q.ts"
        self.db.execute(
            f"CREATE STREAM s AS SELECT l.v, q.v AS w FROM l ASOF {'LEFT ' * self.left}JOIN q "
            f"MATCH_CONDITION ({match}) ON l.k = q.k {within} EMIT CHANGES"
        )
        self.db.execute("CREATE STREAM above AS SELECT count(*) AS n FROM s")
        self.sub = self.db.subscribe_stream("s", snapshot=True)

    def frontier(self) -> int | None:
        a, b = self.marks["l"], self.marks["q"]
        return None if a is None or b is None else min(a, b)

    def time(self, t: int | None) -> object:
        return t if t is None or not self.timestamps else EPOCH + dt.timedelta(milliseconds=t)

    def insert(self, name: str, rows: list[Row]) -> None:
        frontier = self.frontier()
        for row in rows:
            t = row[0]
            if self.bounded and t is not None and frontier is not None and t < frontier:
                self.late += 1
            else:
                self.accepted[name].append(row)
        times = [t for t, _, _ in rows if t is not None]
        if times:
            mark, before = max(times) - self.delays[name], self.marks[name]
            self.marks[name] = mark if before is None else max(mark, before)
        self.db.insert(name, [(self.time(t), k, v) for t, k, v in rows])

    def find(self, t: int, k: int) -> int | None:
        rows = [(u, v) for u, j, v in self.accepted["q"] if j == k and u is not None]
        behind = max((x for x in rows if x[0] < t or (x[0] == t and self.match != ">")), default=None)
        ahead = min((x for x in rows if x[0] > t or (x[0] == t and self.match == "<=")), default=None)
        if self.match in (">=", ">"):
            found = behind
        elif self.match in ("<=", "<"):
            found = ahead
        elif behind is not None and ahead is not None:
            found = behind if t - behind[0] <= ahead[0] - t else ahead
        else:
            found = behind or ahead
        far = found is not None and self.tolerance is not None and abs(found[0] - t) > self.tolerance
        return None if found is None or far else found[1]

    def answer(self) -> Counter[tuple[object, ...]]:
        out: Counter[tuple[object, ...]] = Counter()
        for t, k, v in self.accepted["l"]:
            w = None if t is None or k is None else self.find(t, k)
            out[v, w] += w is not None or self.left
        return +out

    def check(self) -> None:
        want = self.answer()
        assert Counter(self.db.sql("SELECT * FROM s").fetchall()) == want
        assert self.db.sql("SELECT * FROM above").fetchall() == [(sum(want.values()),)]
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.error is None and metrics.late_rows == self.late

    def run(self) -> None:
        r, db = self.r, self.db
        ts = "TIMESTAMP" if self.timestamps else "BIGINT"
        for name, delay in self.delays.items():
            span = f"INTERVAL {delay} MILLISECOND" if self.timestamps else str(delay)
            db.execute(f"CREATE SOURCE {name} (ts {ts}, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - {span})")
        db.start()
        made_at, made, now = r.choice((0, 0, 15)), False, 0
        for step in range(r.randint(5, 45)):
            if step >= made_at and not made:
                made = True
                self.make()
            rows: list[Row] = []
            for _ in range(r.choice((1, 1, 2, 5))):
                now += r.choice((0, 0, 1, 4))
                t = None if r.random() < 0.05 else now - r.choice((0, 0, 1, 4, 12))
                rows.append((t, r.choice((1, 2, None)), r.randint(1, 50)))
            self.insert(r.choice("lq"), rows)
            if r.random() < 0.2:
                reload(db)
            if made:
                self.check()
        if not made:
            self.make()
        for name in ("l", "q"):
            db.advance_watermark(name, now + 1000)
        self.check()
        while (batch := self.sub.try_next()) is not None:
            for *row, weight in batch.fetchall():
                self.changes[tuple(row)] += weight
        assert +self.changes == self.answer() and not -self.changes
        metrics = db.stream_metrics("s")
        assert metrics is not None
        if self.bounded:  # E9
            keys = len({k for t, k, _ in self.accepted["q"] if t is not None and k is not None})
            assert (metrics.state_rows + metrics.shared_state_rows) == (keys if self.tolerance is None else 0)


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_asof_until_the_watermark(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.match} within {case.tolerance}, left {case.left}, {case.delays}")
            raise
        finally:
            case.db.close()
