# SPDX-License-Identifier: Apache-2.0
"""Joins of rows with the windows that they lie in, or near: the condition keeps the distance of an event time
and the bound of a window. Both sides are forgotten when nothing can match any more, a row is late when all
windows that it could match are final, and the answer is that of what was accepted; against loops.
"""

from __future__ import annotations

import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload

CASES = 300
PER_TEST = 100
KINDS = ("INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI")

Row = tuple[int, int, int]  # ts, k, v
Window = tuple[int, int]  # start, k


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.kind = r.choice(KINDS)
        self.size = 10
        self.slide = r.choice((10, 10, 5))
        self.by_end = r.random() < 0.6
        # bound - ts lies between these
        self.lo, self.hi = sorted((r.randint(-12, 12), r.randint(-12, 12)))
        self.keyed = r.random() < 0.7
        self.lateness = r.choice((0, 0, 4))
        self.rows_first = self.kind in ("SEMI", "ANTI") or r.random() < 0.5
        self.own_source = r.random() < 0.6  # the windows are of the same source
        self.of_best = r.random() < 0.4  # rows with the greatest value of a window near them
        self.delays = {"t": r.choice((0, 3)), "u": r.choice((0, 8))}
        self.marks: dict[str, int | None] = {"t": None, "u": None}
        self.accepted: list[Row] = []
        self.groups: dict[Window, Counter[int]] = {}
        self.late = 0
        self.changes: Counter[tuple[object, ...]] = Counter()
        self.db = laminardb.open()

    def query(self) -> str:
        source = "t" if self.own_source else "u"
        call = f"TUMBLE({source}, ts, 10)" if self.slide == 10 else f"HOP({source}, ts, {self.slide}, 10)"
        groups = "window_start, window_end, k"
        m = f"(SELECT {groups}, max(v) AS v FROM {call} GROUP BY {groups})"
        bound = f"m.window_{'end' if self.by_end else 'start'}"
        # from the bound that the case is about to the start and the end of its window
        from_start, to_end = (self.size, 0) if self.by_end else (0, self.size)
        on = self.r.choice(
            (
                f"{bound} BETWEEN a.ts + ({self.lo}) AND a.ts + ({self.hi})",
                f"a.ts BETWEEN {bound} - ({self.hi}) AND {bound} - ({self.lo})",
                f"{bound} - a.ts >= ({self.lo}) AND NOT {bound} > a.ts + ({self.hi})",
                f"m.window_start - a.ts >= ({self.lo - from_start}) "
                f"AND m.window_end - a.ts <= ({self.hi + to_end})",
                f"a.ts < m.window_end - ({self.lo + to_end - 1}) "
                f"AND a.ts >= m.window_start - ({self.hi - from_start})",
            )
        )
        on += " AND a.k = m.k" if self.keyed else ""
        on += " AND a.v = m.v" if self.of_best else ""
        if self.kind in ("SEMI", "ANTI"):
            return f"SELECT a.ts, a.k, a.v FROM t a {self.kind} JOIN {m} m ON {on}"
        sides = ("t a", f"{m} m") if self.rows_first else (f"{m} m", "t a")
        return f"SELECT a.ts, a.k, a.v, {bound}, m.k, m.v FROM {sides[0]} {self.kind} JOIN {sides[1]} ON {on}"

    # ---- the reference

    def frontier(self) -> int | None:
        marks = [self.marks["t"]] if self.own_source else list(self.marks.values())
        return None if None in marks else min(m for m in marks if m is not None)

    def waits(self) -> int:
        """A row is late so long behind its time."""
        return max(0, self.hi + (0 if self.by_end else self.size))

    def take(self, name: str, rows: list[Row]) -> None:
        before = self.frontier()
        for ts, k, v in rows:
            if name == "t":
                if before is not None and ts + self.waits() + self.lateness < before:
                    self.late += 1
                else:
                    self.accepted.append((ts, k, v))
            if (name == "t") == self.own_source:
                self.group(ts, k, v, before)
        mark = max(ts for ts, _, _ in rows) - self.delays[name]
        old = self.marks[name]
        self.marks[name] = mark if old is None else max(old, mark)

    def group(self, ts: int, k: int, v: int, before: int | None) -> None:
        starts = range(ts - ts % self.slide, ts - self.size, -self.slide)
        open_ones = [s for s in starts if before is None or s + self.size + self.lateness > before]
        self.late += not open_ones
        for start in open_ones:
            self.groups.setdefault((start, k), Counter())[v] += 1

    def answer(self) -> Counter[tuple[object, ...]]:
        windows = [
            (s + (self.size if self.by_end else 0), k, max(values)) for (s, k), values in self.groups.items()
        ]
        pairs = [
            (a, w)
            for a in self.accepted
            for w in windows
            if self.lo <= w[0] - a[0] <= self.hi
            and (not self.keyed or a[1] == w[1])
            and (not self.of_best or a[2] == w[2])
        ]
        matched, used = Counter(a for a, _ in pairs), {w for _, w in pairs}
        if self.kind in ("SEMI", "ANTI"):
            return Counter(a for a in self.accepted if (matched[a] > 0) == (self.kind == "SEMI"))
        out: Counter[tuple[object, ...]] = Counter((*a, *w) for a, w in pairs)
        rows_are_left = self.rows_first
        if self.kind == "FULL" or self.kind == ("LEFT" if rows_are_left else "RIGHT"):
            out.update((*a, None, None, None) for a in self.accepted if matched[a] == 0)
        if self.kind == "FULL" or self.kind == ("RIGHT" if rows_are_left else "LEFT"):
            out.update((None, None, None, *w) for w in windows if w not in used)
        return out

    # ---- the run

    def check(self) -> None:
        assert Counter(self.db.sql("SELECT * FROM s").fetchall()) == self.answer()
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.late_rows == self.late

    def collect(self, changes: laminardb.StreamSubscription) -> None:
        while (batch := changes.try_next()) is not None:
            for *row, weight in batch.fetchall():
                self.changes[tuple(row)] += weight
        assert +self.changes == self.answer() and not -self.changes

    def run(self) -> None:
        r, db = self.r, self.db
        for name in ("t", "u"):
            delay = self.delays[name]
            db.execute(
                f"CREATE SOURCE {name} (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - {delay})"
            )
        late = f" ALLOW LATENESS INTERVAL '{self.lateness}' MILLISECOND" if self.lateness else ""
        db.execute(f"CREATE STREAM s AS {self.query()} EMIT CHANGES{late}")
        plan = "\n".join(line for (line,) in db.query("EXPLAIN STREAM s").fetchall())
        assert "keeps rows until" in plan, plan
        db.start()
        changes = db.subscribe_stream("s")
        now, value = 100, 0
        for _ in range(r.randint(5, 40)):
            rows: list[Row] = []
            for _ in range(r.choice((1, 1, 2, 5))):
                now += r.choice((0, 1, 1, 4))
                value += 1
                v = r.randint(1, 9) if self.of_best else value
                rows.append((now - r.choice((0, 0, 1, 4, 15, 40)), r.choice((1, 2)), v))
            name = "t" if self.own_source else r.choice("tu")
            self.take(name, rows)
            db.insert(name, rows)
            if r.random() < 0.15:
                reload(db)
            self.check()
        self.collect(changes)
        for name in ("t", "u"):  # E9: all of it goes when the watermark has passed
            db.advance_watermark(name, now + 1000)
        metrics = db.stream_metrics("s")
        assert metrics is not None and metrics.state_rows + metrics.shared_state_rows == 0
        assert Counter(db.sql("SELECT * FROM s").fetchall()) == self.answer()


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_rows_and_windows(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.kind} {case.lo}..{case.hi} late {case.lateness}: {case.query()}")
            raise
        finally:
            case.db.close()


@pytest.mark.parametrize("best", ("max(price) * 1", "max(price)"))
def test_what_a_window_keeps_goes_with_it(best: str) -> None:
    """The highest bids of each window (NEXmark q7): bytes of state do not grow with the stream.

    By the watermark alone, and where the plan knows that smaller bids match nothing any more.
    """
    with laminardb.open() as db:
        db.execute(f"""
            CREATE SOURCE bid (price BIGINT, extra VARCHAR, ts BIGINT, WATERMARK FOR ts AS ts - 100);
            CREATE STREAM best AS SELECT b.price, b.extra, b.ts FROM bid b
                JOIN (SELECT {best} AS price, window_end FROM TUMBLE(bid, ts, 1000) GROUP BY window_end) m
                ON b.price = m.price WHERE b.ts BETWEEN m.window_end - 1000 AND m.window_end
        """)
        db.start()
        r = random.Random(7)
        seen, rows_kept = [], 0
        for i in range(60):
            rows = [(r.randrange(10_000), "x" * 40, i * 200 + j // 5) for j in range(1000)]
            db.insert("bid", rows)
            metrics = db.stream_metrics("best")
            assert metrics is not None
            seen.append(metrics.state_bytes)
            rows_kept = max(rows_kept, metrics.state_rows)
        if best == "max(price)":
            assert max(seen) <= 65_536 and rows_kept <= 20
        else:
            assert max(seen[40:]) <= 1.2 * max(seen[:20])
        once = db.sql("""
            SELECT b.price, b.extra, b.ts FROM bid b
            JOIN (SELECT max(price) AS price, ts // 1000 AS w FROM bid GROUP BY ALL) m
            ON b.price = m.price WHERE b.ts BETWEEN w * 1000 AND w * 1000 + 1000
        """).fetchall()
        assert Counter(db.sql("SELECT * FROM best").fetchall()) == Counter(once)
