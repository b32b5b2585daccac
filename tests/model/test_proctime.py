# SPDX-License-Identifier: Apache-2.0
"""Windows over PROCTIME(): rows lie where the clock stood when they came, and windows end with the clock.

naive.py with the clock as event time and as watermark. Streams are made at any moment, in pauses too, over
the source, or over a stream or a view that has PROCTIME() as a column; one-off queries agree.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import laminardb
import pytest
from laminardb import LaminarConfig
from naive import Naive, Shape
from running import some

CASES = 600
PER_TEST = 100
EPOCH = dt.datetime(1970, 1, 1)

FROM = {
    "source": ("t", "PROCTIME()"),
    "subquery": ("(SELECT k, v, PROCTIME() AS at FROM t)", "at"),
    "stream": ("p", "at"),
    "view": ("w", "at"),
}


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        kind = r.choice(("hop", "hop", "cumulate", "session"))
        if kind == "hop":
            slide = r.choice((5, 10))
            size = slide * r.randint(1, 3)
            self.ref, call = Naive(Shape(kind, size, slide), 0, 0), f"HOP(%s, {slide}, {size})"
        elif kind == "cumulate":
            self.ref, call = Naive(Shape(kind, 20, 5), 0, 0), "CUMULATE(%s, 5, 20)"
        else:
            self.ref, call = Naive(Shape(kind, 7), 0, 0), "SESSION(%s, 7)"
        table, column = FROM[r.choice(tuple(FROM))]
        self.emit = r.choice(("", "EMIT CHANGES", "EMIT ON WINDOW CLOSE"))
        self.final = self.emit == "EMIT ON WINDOW CLOSE"
        self.query = (
            f"SELECT k, window_start AS s, window_end AS e, count(*) AS n, sum(v) AS total FROM {table} "
            f"GROUP BY k, {call % column}"
        )
        self.db = laminardb.open(config=LaminarConfig(deterministic=True))
        self.now = 1000
        self.delivered: Counter[tuple[object, ...]] = Counter()

    def go_to(self, now: int) -> None:
        self.now = now
        self.db.tick(now)
        self.ref.advance(now)

    def run(self) -> None:
        r, db = self.r, self.db
        self.go_to(self.now)
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.execute("CREATE VIEW w AS SELECT k, v, PROCTIME() AS at FROM t")
        db.start()
        made, paused, sub = r.randint(0, 20), False, None
        for i in range(30):
            if i == made:
                db.execute("CREATE STREAM p AS SELECT *, PROCTIME() AS at FROM t")
                db.execute(f"CREATE STREAM s AS {self.query} {self.emit}")
            self.go_to(self.now + r.choice((0, 0, 1, 3, 9, 30)))
            if r.random() < 0.15:
                db.resume() if paused else db.pause()
                paused = not paused
            if r.random() < 0.7:
                rows = [(r.choice((1, 2, None)), r.randint(0, 9)) for _ in range(r.randint(1, 3))]
                db.insert("t", rows)
                self.ref.insert([(self.now, k, v) for k, v in rows])
            if i >= made and not paused:
                self.check()
                if sub is None:
                    sub = db.subscribe(f"{self.query} {self.emit}")
            if sub is not None:
                self.drain(sub)
        if paused:
            db.resume()
        self.go_to(self.now + 1)
        self.check()
        if sub is not None and self.emit:
            self.drain(sub)
            assert +self.delivered == Counter(self.answers(self.final))

    def drain(self, sub: laminardb.Subscription) -> None:
        while (batch := sub.try_next()) is not None:
            for row in batch.fetchall():
                self.delivered[row[:5]] += row[5] if self.emit == "EMIT CHANGES" else 1

    def answers(self, final: bool) -> list[tuple[object, ...]]:
        def at(t: int) -> dt.datetime:
            return EPOCH + dt.timedelta(milliseconds=t)

        return [(k, at(s), at(e), n, total) for k, s, e, n, total, _ in self.ref.answers(final)]

    def check(self) -> None:
        assert Counter(self.db.sql("SELECT * FROM s").fetchall()) == Counter(self.answers(self.final))
        assert Counter(self.db.sql(self.query).fetchall()) == Counter(self.answers(False))
        metrics = some(self.db.stream_metrics("s"))
        assert metrics.late_rows == 0
        if self.final and self.ref.shape.kind == "hop":  # maybe as panes, which are fewer or more
            assert ((metrics.state_rows + metrics.shared_state_rows) > 0) == (self.ref.open_groups() > 0)
        else:
            assert (metrics.state_rows + metrics.shared_state_rows) == self.ref.open_groups()


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_windows_over_the_clock(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.query} {case.emit}")
            raise
        finally:
            case.db.close()


def test_the_system_clock_closes_windows_without_rows() -> None:
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE t (v BIGINT);
            CREATE STREAM s AS SELECT sum(v) AS total FROM t GROUP BY TUMBLE(PROCTIME(), 20) EMIT FINAL;
            CREATE STREAM above AS SELECT max(total) AS best FROM s
        """)
        db.start()
        above = db.subscribe_stream("above")
        db.insert("t", [(1,), (2,)])
        seen = above.next_timeout(10_000)
        assert seen is not None and seen.fetchall() == [(3,)]


def test_what_proctime_is_not() -> None:
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE t (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts);
            CREATE TABLE tab (v BIGINT);
            CREATE STREAM clocked AS SELECT window_start AS s, window_end AS e, sum(v) AS total FROM t
                GROUP BY TUMBLE(PROCTIME(), 10)
        """)
        for sql, why in (
            ("SELECT PROCTIME()", "no source"),
            ("SELECT PROCTIME() FROM tab", "no source"),
            ("SELECT PROCTIME() FROM clocked", "no source"),
            ("SELECT PROCTIME() FROM t a, t b", "several sources"),
            ("SELECT PROCTIME(1) FROM t", "no argument"),
            ("SELECT * FROM t AS x(a, b, c), (SELECT PROCTIME() FROM t) y", "2 columns, and 3 names"),
        ):
            with pytest.raises(laminardb.QueryError, match=why):
                db.sql(sql)
        assert db.sql("SELECT * FROM t NATURAL JOIN (SELECT *, PROCTIME() AS at FROM t) y").columns == [
            "ts",
            "v",
            "at",
        ]
        for sql, why in (
            (
                "SELECT count(*) AS n FROM (SELECT ts, PROCTIME() AS at FROM t) GROUP BY TUMBLE(at, 10) "
                "ALLOW LATENESS 5",
                "ever late",
            ),
            (
                "SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10) "
                "UNION ALL SELECT count(*) FROM t GROUP BY TUMBLE(PROCTIME(), 10)",
                "windows over PROCTIME",
            ),
        ):
            with pytest.raises(laminardb.QueryError, match=why):
                db.execute(f"CREATE STREAM no AS {sql}")
