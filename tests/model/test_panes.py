# SPDX-License-Identifier: Apache-2.0
"""Hopping windows that are made of panes, in all emit modes, against windows row by row.

Slides that divide the size and that do not, offsets, negative times, lateness, rows behind windows that are
final and before ones that are not, gaps, watermarks by hand, reloads, streams made at any moment, many calls,
text; and inputs that panes are not for, which must give the same: rows that are taken back, calls that do not
merge.
"""

from __future__ import annotations

import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload
from naive import Naive, Row, Shape

CASES = 480
PER_TEST = 80
SLIDES = ((5, 5), (5, 10), (10, 15), (10, 25), (12, 20), (4, 28), (5, 160), (6, 246), (8, 12), (5, 7), (3, 9))
CALLS = "count(*) AS n, sum(v) AS total, count(DISTINCT v) AS d"  # with one that does not merge: no panes
MERGED = "count(*) AS n, sum(v) AS total, max(v) AS high, min(v) AS low, avg(v) AS a, max(t) AS last"
MODES = ("ON WINDOW CLOSE", "ON WINDOW CLOSE", "AFTER WATERMARK", "ON UPDATE", "CHANGES")


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.slide, self.size = r.choice(SLIDES)
        self.offset = r.choice((0, 0, 1, -3, 7))
        self.ref = Naive(
            Shape("hop", self.size, self.slide, self.offset),
            r.choice((0, 0, 3, 40)),
            r.choice((0, 0, 1, 9)),
        )
        self.merged = r.random() < 0.8
        self.mode = r.choice(MODES)
        self.db = laminardb.open()
        self.made = False
        self.delivered: Counter[tuple[object, ...]] = Counter()

    def make(self) -> None:
        late = f"ALLOW LATENESS INTERVAL '{self.ref.lateness}' MILLISECOND" if self.ref.lateness else ""
        calls = MERGED if self.merged else CALLS
        self.db.execute(
            f"CREATE STREAM s AS SELECT k, window_start AS s, window_end AS e, {calls} FROM t WHERE v <> 99 "
            f"GROUP BY k, HOP(ts, {self.slide}, {self.size}, {self.offset}) EMIT {self.mode} {late}"
        )
        self.sub = self.db.subscribe_stream("s", snapshot=True)
        self.made = True

    def is_shown(self, w: tuple[int, int]) -> bool:
        if self.mode == "ON WINDOW CLOSE":
            return self.ref.is_final(w)
        reached = self.ref.watermark is not None and w[1] <= self.ref.watermark
        return reached or self.mode != "AFTER WATERMARK"

    def answer(self) -> Counter[tuple[object, ...]]:
        out: Counter[tuple[object, ...]] = Counter()
        for (k, w), vs in self.ref.groups().items():
            if not self.is_shown(w):
                continue
            n, total = len(vs), sum(vs)
            text = max(f"a text of some length: {v}" for v in vs)
            more = (max(vs), min(vs), total / n, text) if self.merged else (len(set(vs)),)
            out[k, *w, n, total, *more] += 1
        return out

    def check(self) -> None:
        want = self.answer()
        assert Counter(self.db.sql("SELECT * FROM s").fetchall()) == want
        while (batch := self.sub.try_next()) is not None:
            for row in batch.fetchall():
                weight = row[-1] if self.mode == "CHANGES" else 1
                self.delivered[row[:-1] if self.mode == "CHANGES" else row] += weight
        if self.mode in ("ON WINDOW CLOSE", "CHANGES"):
            assert +self.delivered == want and not -self.delivered
        else:
            assert set(want) <= set(self.delivered)
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.error is None and metrics.late_rows == self.ref.late
        assert ((metrics.state_rows + metrics.shared_state_rows) > 0) == (self.ref.open_groups() > 0)

    def run(self) -> None:
        r, db = self.r, self.db
        db.execute(
            "CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, t VARCHAR, "
            f"WATERMARK FOR ts AS ts - {self.ref.delay})"
        )
        db.start()
        now, made_at = r.choice((-500, 0, 10**12)), r.choice((0, 0, 12))
        for step in range(r.randint(8, 60)):
            if step == made_at:
                self.make()
            rows: list[Row] = []
            for _ in range(r.choice((1, 1, 2, 8))):
                now += r.choice((0, 0, 1, 3, 11, 1 if r.random() < 0.9 else 100_000))
                t = None if r.random() < 0.03 else now - r.choice((0, 0, 1, 6, 30, self.size))
                rows.append((t, r.choice((1, 2, None)), r.randint(-4, 4)))
            self.ref.insert(rows)
            db.insert("t", [(t, k, v, f"a text of some length: {v}") for t, k, v in rows])
            if r.random() < 0.1 and self.ref.watermark is not None:
                further = self.ref.watermark + r.choice((0, 3, 50, 10**6))
                db.advance_watermark("t", further)
                self.ref.advance(further)
            if r.random() < 0.15:
                reload(db)
            if self.made:
                self.check()
        if not self.made:
            self.make()
        if self.ref.watermark is not None:  # E9
            db.advance_watermark("t", self.ref.watermark + 10**7)
            self.ref.advance(self.ref.watermark + 10**7)
            self.check()
            metrics = db.stream_metrics("s")
            assert metrics is not None and (metrics.state_rows + metrics.shared_state_rows) == 0


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_windows_of_panes(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: every {case.slide} of {case.size} from {case.offset}, {case.mode}")
            raise
        finally:
            case.db.close()


@pytest.mark.parametrize("rows", (60, 3_000, 120_000))
def test_asked_once(rows: int) -> None:
    """One-off queries, on one thread and on several; panes with many rows of a key, and with one."""
    for keys in (3, rows):
        r = random.Random(rows + keys)
        slide, size = r.choice(SLIDES)
        want: dict[tuple[int, int], list[int]] = {}
        shape = Shape("hop", size, slide, 2)
        with laminardb.open() as db:
            db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT)")
            values = [(r.randint(-99, rows // 9), r.randrange(keys), r.randint(-4, 4)) for _ in range(rows)]
            ts, k, v = zip(*values, strict=True)
            db.insert("t", {"ts": list(ts), "k": list(k), "v": list(v)})
            for t, key, value in values:
                for start, _ in shape.windows(t):
                    want.setdefault((key, start), []).append(value)
            got = db.sql(
                "SELECT k, window_start, count(*), sum(v), max(v) FROM t "
                f"GROUP BY k, HOP(ts, {slide}, {size}, 2)"
            ).fetchall()
            assert sorted(got) == sorted((*at, len(x), sum(x), max(x)) for at, x in want.items())


def test_rows_that_are_taken_back() -> None:
    """The newest row of each id moves: windows over it change until they are final, and not by panes."""
    for seed in range(40):
        r = random.Random(seed)
        slide, size = r.choice(SLIDES)
        with laminardb.open() as db:
            db.execute(f"""
                CREATE SOURCE t (ts BIGINT, id BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 500);
                CREATE STREAM newest AS SELECT * FROM t LATEST ON ts PARTITION BY id, v % 3;
                CREATE STREAM s AS SELECT window_start AS w, count(*) AS n, sum(v) AS total FROM newest
                    GROUP BY HOP(ts, {slide}, {size}) EMIT ON WINDOW CLOSE;
            """)
            db.start()
            now = 0
            for _ in range(30):
                now += r.choice((0, 1, 7))
                db.insert("t", [(now, r.randint(1, 9), r.randint(0, 5))])
            kept: dict[int, tuple[int, int]] = {}
            for ts, _, v in db.sql("SELECT * FROM newest").fetchall():
                for w, _ in Shape("hop", size, slide).windows(ts):
                    n, total = kept.get(w, (0, 0))
                    kept[w] = (n + 1, total + v)
            db.advance_watermark("t", 10**6)
            assert {w: (n, x) for w, n, x in db.sql("SELECT * FROM s").fetchall()} == kept
