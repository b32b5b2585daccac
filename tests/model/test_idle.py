# SPDX-License-Identifier: Apache-2.0
"""WITH (idle_timeout = ...): which sources the watermark of a stream waits for, against plain integers.

A source is idle once its newest entry, or its making, is the timeout old; deadlines come in order, before
what comes at the same time. The stream's watermark is the least of those that are not idle, and never
falls. The stream is made at any moment, in pauses too: it must find the same late rows and the same final
windows.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import laminardb
import pytest
from laminardb import LaminarConfig
from naive import Naive, Shape
from running import some

CASES = 800
PER_TEST = 100
NEVER = 10**15
QUERY = """
    SELECT window_start AS s, count(*) AS n, sum(v) AS total
    FROM (SELECT ts, v FROM a UNION ALL SELECT ts, v FROM b UNION ALL SELECT ts, v FROM c)
    GROUP BY TUMBLE(ts, 10)
"""


@dataclass
class Source:
    timeout: int
    heard: int
    watermark: int = -NEVER
    idle: bool = False


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.db = laminardb.open(config=LaminarConfig(deterministic=True))
        self.now = 1000
        self.db.tick(self.now)
        self.sources = {name: Source(r.choice((NEVER, 5, 8, 20)), self.now) for name in "abc"}
        for name, s in self.sources.items():
            option = f" WITH (idle_timeout = '{s.timeout} ms')" if s.timeout < NEVER else ""
            self.db.execute(f"CREATE SOURCE {name} (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts){option}")
        self.db.execute("CREATE SOURCE late (ts BIGINT, v BIGINT)")
        self.ref = Naive(Shape("hop", 10, 10), delay=2 * NEVER, lateness=0)
        self.emit = r.choice(("EMIT CHANGES", "EMIT ON WINDOW CLOSE", ""))

    def settle(self) -> None:
        marks = [s.watermark for s in self.sources.values() if not s.idle]
        if marks:
            self.ref.advance(min(marks))

    def go_to(self, now: int) -> None:
        self.now = now
        while True:
            due = [s for s in self.sources.values() if not s.idle and s.heard + s.timeout <= now]
            if not due:
                return
            min(due, key=lambda s: s.heard + s.timeout).idle = True
            self.settle()

    def insert(self) -> None:
        r = self.r
        name = r.choice("aabbc")
        s = self.sources[name]
        self.go_to(self.now + r.choice((0, 0, 1, 3, 9, 30)))
        self.db.tick(self.now)
        if r.random() < 0.1:
            watermark = max(0, s.watermark) + r.randint(1, 30)
            self.db.advance_watermark(name, watermark)
            times: list[int] = [watermark]
        else:
            rows = [(self.now - 1000 + r.randint(-40, 10), r.randint(0, 9)) for _ in range(r.randint(1, 3))]
            self.db.insert(name, rows)
            self.ref.insert([(t, None, v) for t, v in rows])
            times = [t for t, _ in rows]
        s.idle, s.heard = False, self.now
        s.watermark = max(s.watermark, *times)
        self.settle()

    def run(self) -> None:
        r, db = self.r, self.db
        db.start()
        made, paused = r.randint(0, 20), False
        for i in range(30):
            if i == made:
                db.execute(f"CREATE STREAM s AS {QUERY} {self.emit} LATE DATA TO late")
            if r.random() < 0.15:
                db.resume() if paused else db.pause()
                paused = not paused
            self.insert()
            if r.random() < 0.2 and not paused:
                self.go_to(self.now + r.choice((4, 10, 50)))
                db.tick(self.now)
            if i >= made and not paused:
                self.check()
        if paused:
            db.resume()
        self.check()
        metrics = some(db.stream_metrics("s"))
        assert metrics.late_rows == self.ref.late and metrics.watermark == self.ref.watermark

    def check(self) -> None:
        got = self.db.sql("SELECT * FROM s").fetchall()
        want = self.ref.answers(self.emit == "EMIT ON WINDOW CLOSE")
        assert Counter(got) == Counter((s, n, total) for _, s, _, n, total, _ in want)
        idle = [s.idle for s in self.sources.values()]
        assert [i.is_idle for i in self.db.why("s").inputs] == idle


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_idle_sources_hold_nothing_back(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.emit} {case.sources}")
            raise
        finally:
            case.db.close()


def test_the_clock_of_the_system_works_too() -> None:
    """The worker thread wakes for the deadline; nothing else happens."""
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE a (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts);
            CREATE SOURCE b (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts) WITH (idle_timeout = '30 ms');
            CREATE STREAM s AS SELECT window_start AS s, count(*) AS n
                FROM (SELECT ts FROM a UNION ALL SELECT ts FROM b) GROUP BY TUMBLE(ts, 10) EMIT FINAL
        """)
        db.start()
        sub = db.subscribe_stream("s")
        db.insert("b", (5, 1))
        db.insert("a", [(5, 1), (25, 1)])
        first = sub.next_timeout(10_000)
        assert first is not None and first.fetchall() == [(0, 2)]


def test_bad_timeouts_are_refused() -> None:
    with laminardb.open() as db:
        for bad, why in (
            ("0", "longer than nothing"),
            ("'soon'", "soon"),
            ("NULL", "interval"),
            ("'1 month'", "length"),
        ):
            with pytest.raises(laminardb.LaminarError, match=why):
                db.execute(f"CREATE SOURCE a (ts BIGINT, WATERMARK FOR ts AS ts) WITH (idle_timeout = {bad})")
