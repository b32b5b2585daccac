# SPDX-License-Identifier: Apache-2.0
"""Tumbling windows against brute force.

Watermarks, late rows, NULL times, allowed lateness, splits into inserts, moments of creation. The reference
follows the written rules word by word, in plain Python integers (milliseconds): the watermark is the largest
event time seen minus the delay and moves once per insert; a row is late iff window_end + lateness <= the
watermark before its insert; a window is final iff window_end + lateness <= the watermark after one.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field

import laminardb
import pytest

CASES = 1500
PER_TEST = 100
EPOCH = dt.datetime(1970, 1, 1)

Row = tuple[int | None, int | None, int]
Group = tuple[int | None, int]


@dataclass
class Reference:
    """What the stream must show, recomputed from the rows that were not late."""

    size: int
    offset: int
    delay: int
    lateness: int
    watermark: int | None = None
    rows: list[tuple[int, int | None, int]] = field(default_factory=list)
    late: int = 0
    null_time: int = 0

    def start(self, t: int) -> int:
        return (t - self.offset) // self.size * self.size + self.offset

    def is_final(self, start: int) -> bool:
        return self.watermark is not None and start + self.size + self.lateness <= self.watermark

    def insert(self, rows: list[Row]) -> None:
        for t, k, v in rows:
            if t is None:
                self.null_time += 1
            elif self.is_final(self.start(t)):
                self.late += 1
            else:
                self.rows.append((t, k, v))
        times = [t for t, _, _ in rows if t is not None]
        if times:
            self.advance(max(times) - self.delay)

    def advance(self, watermark: int) -> None:
        self.watermark = watermark if self.watermark is None else max(self.watermark, watermark)

    def groups(self, final: bool) -> dict[Group, tuple[int, int]]:
        out: dict[Group, tuple[int, int]] = {}
        for t, k, v in self.rows:
            key = (k, self.start(t))
            n, total = out.get(key, (0, 0))
            out[key] = (n + 1, total + v)
        return {key: g for key, g in out.items() if not final or self.is_final(key[1])}


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        size = r.choice((1, 3, 5, 10, 100))
        self.ref = Reference(
            size, r.choice((0, 0, 1, -3, size - 1)), r.choice((0, 1, 5, 20)), r.choice((0, 0, 1, 7))
        )
        self.kind = r.choice(("BIGINT", "TIMESTAMP", "TIMESTAMP(3)"))
        self.emit = r.choice(("EMIT ON WINDOW CLOSE", "", "EMIT CHANGES"))
        self.chained = r.random() < 0.3
        self.db = laminardb.open()
        self.state: Counter[tuple[object, ...]] = Counter()
        self.delivered: Counter[tuple[object, ...]] = Counter()

    def text(self) -> str:
        offset = f", INTERVAL '{self.ref.offset / 1000:.3f}' SECOND" if self.ref.offset else ""
        window = f"TUMBLE(ts, INTERVAL '{self.ref.size / 1000:.3f}' SECOND{offset})"
        late = (
            f" ALLOW LATENESS INTERVAL '{self.ref.lateness / 1000:.3f}' SECOND" if self.ref.lateness else ""
        )
        source = "filtered" if self.chained else "t"
        return (
            f"SELECT k, window_start AS s, window_end AS e, count(*) AS n, sum(v) AS total FROM {source} "
            f"GROUP BY k, {window} {self.emit}{late}"
        )

    def time(self, ms: int | None) -> object:
        return ms if ms is None or self.kind == "BIGINT" else EPOCH + dt.timedelta(milliseconds=ms)

    def row(self, key: Group, group: tuple[int, int]) -> tuple[object, ...]:
        return (key[0], self.time(key[1]), self.time(key[1] + self.ref.size), *group)

    def rows(self) -> list[Row]:
        r, now, out = self.r, self.r.randint(-50, 50), []
        for _ in range(r.randint(0, 40)):
            now += r.choice((0, 1, 2, 7, 30))
            t = None if r.random() < 0.05 else now - r.choice((0, 0, 1, 5, 25, 120))
            out.append((t, r.choice((1, 2, None)), r.randint(-5, 5)))
        return out

    def drain(self, sub: laminardb.Subscription) -> None:
        while (batch := sub.try_next()) is not None:
            for row in batch.fetchall():
                self.delivered[row[:5]] += row[5] if self.emit == "EMIT CHANGES" else 1

    def run(self) -> None:
        r, db = self.r, self.db
        delay = f"INTERVAL '{self.ref.delay / 1000:.3f}' SECOND"
        db.execute(f"CREATE SOURCE t (ts {self.kind}, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - {delay})")
        rows = self.rows()
        inserts = []
        while rows:
            n = r.choice((1, 1, 3, len(rows)))
            inserts.append(rows[:n])
            rows = rows[n:]
        made, started = r.randint(0, len(inserts)), r.randint(0, len(inserts))
        sub = None
        for i, batch in enumerate([*inserts, []]):
            if i == started:
                db.start()
            if i == made:
                if self.chained:
                    db.execute("CREATE STREAM filtered AS SELECT * FROM t WHERE v > -100")
                db.execute(f"CREATE STREAM s AS {self.text()}")
            if i >= made and i >= started and sub is None:
                self.check_state()
                sub = db.subscribe(self.text())
            if batch:
                db.insert("t", [(self.time(t), k, v) for t, k, v in batch])
                self.ref.insert(batch)
            if r.random() < 0.1 and self.ref.watermark is not None:
                further = self.ref.watermark + r.choice((0, 3, 50))
                db.advance_watermark("t", further)
                self.ref.advance(further)
            if sub is not None:
                self.drain(sub)
                self.check_state()
        self.check_end()

    def check_state(self) -> None:
        want = {self.row(k, g) for k, g in self.ref.groups(final="CLOSE" in self.emit).items()}
        assert set(self.db.query("SELECT * FROM s").fetchall()) == want

    def check_end(self) -> None:
        groups = self.ref.groups(final="CLOSE" in self.emit)
        want = Counter(self.row(k, g) for k, g in groups.items())
        if self.emit:  # once each, or as changes that add up
            assert +self.delivered == want and min(self.delivered.values(), default=0) >= 0
        else:
            assert set(want) <= set(self.delivered)
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.error is None
        assert (metrics.late_rows, metrics.null_time_rows) == (self.ref.late, self.ref.null_time)
        if self.ref.watermark is not None:
            assert self.db.stats("t")["watermark"] == self.ref.watermark


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_tumble_is_brute_force(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.kind} delay {case.ref.delay}: {case.text()}")
            raise
        finally:
            case.db.close()
