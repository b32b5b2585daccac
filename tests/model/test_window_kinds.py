# SPDX-License-Identifier: Apache-2.0
"""HOP, CUMULATE and SESSION, in every spelling and emit mode, against an executor that shares nothing.

E1, E2, E6, E7 (late and NULL-time rows are counted), E9 (what the state holds are the open windows), streams
made at any moment, over sources, over streams, over inputs that take rows back; one-off queries agree.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import Counter

import laminardb
import pytest
from naive import Answer, Naive, Row, Shape

CASES = 1600
PER_TEST = 100
EPOCH = dt.datetime(1970, 1, 1)


def ms(n: int) -> str:
    return f"INTERVAL '{n / 1000:.3f}' SECOND"


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        kind = r.choice(("hop", "hop", "cumulate", "session", "session"))
        if kind == "hop":
            slide = r.choice((1, 2, 3, 5, 10))
            size = slide * r.randint(1, 4) + r.choice((0, 0, 1))
            shape = Shape(kind, size, slide, r.choice((0, 0, 1, -2)))
        elif kind == "cumulate":
            step = r.choice((1, 2, 5))
            shape = Shape(kind, step * r.randint(1, 4), step, r.choice((0, 0, 3)))
        else:
            shape = Shape(kind, r.choice((1, 3, 10, 40)))
        self.ref = Naive(shape, r.choice((0, 1, 5, 20)), r.choice((0, 0, 1, 7)))
        self.kind = r.choice(("BIGINT", "TIMESTAMP", "TIMESTAMP(3)"))
        modes = ("ON WINDOW CLOSE", "FINAL", "", "ON UPDATE", "CHANGES", "CHANGES", "AFTER WATERMARK")
        mode = r.choice(modes)
        self.emit = f"EMIT {mode}" if mode else ""
        self.final = self.emit in ("EMIT ON WINDOW CLOSE", "EMIT FINAL")
        self.reached = self.emit == "EMIT AFTER WATERMARK"
        self.chained = r.random() < 0.3
        self.distinct = r.random() < 0.5  # a session's rows are kept for what does not merge
        self.db = laminardb.open()
        self.delivered: Counter[Answer] = Counter()
        self.spelling = r.randrange(4)

    def call(self) -> str:
        s, r = self.ref.shape, self.spelling
        if s.kind == "session":
            return f"SESSION(ts, {'GAP => ' * (r % 2)}{ms(s.size)})"
        offset = f", {'OFFSET => ' * (r == 1)}{ms(s.offset)}" if s.offset else ""
        if s.kind == "cumulate":
            args = (f"STEP => {ms(s.slide)}, SIZE => {ms(s.size)}", f"{s.slide}, {s.size}")
            return f"CUMULATE(ts, {args[r != 1]}{offset})"
        if r == 1:
            return f"HOPPING(ts, SLIDE => {ms(s.slide)}, SIZE => {ms(s.size)}{offset})"
        spellings = (
            f"HOP(ts, {ms(s.slide)}, {ms(s.size)}{offset})",
            "",
            f"SLIDE(ts, {s.slide}, {s.size}{offset})",
            f"HOPPING(ts, {s.size}, {s.slide}{offset})",
        )
        return spellings[r]

    def text(self, source: str) -> str:
        bounds = "window_start AS s, window_end AS e"
        values = f"k, {bounds}, count(*) AS n, sum(v) AS total, {self.many()} AS d"
        late = f" ALLOW LATENESS {ms(self.ref.lateness)}" if self.ref.lateness else ""
        call = self.call()
        if self.spelling == 3 and self.ref.shape.kind != "session":
            name, args = call.split("(ts, ", 1)
            query = (
                f"SELECT {values} FROM TABLE({name}(TABLE {source}, DESCRIPTOR(ts), {args}) "
                "GROUP BY k, window_start, window_end"
            )
        elif self.spelling == 3:
            query = (
                f"SELECT {values} FROM TABLE(SESSION(TABLE {source} PARTITION BY k, DESCRIPTOR(ts), "
                f"{ms(self.ref.shape.size)})) GROUP BY k, window_start, window_end"
            )
        else:
            query = f"SELECT {values} FROM {source} GROUP BY k, {call}"
        return f"{query} {self.emit}{late}"

    def many(self) -> str:
        return "count(DISTINCT v)" if self.distinct else "count(*)"

    def time(self, t: int | None) -> object:
        return t if t is None or self.kind == "BIGINT" else EPOCH + dt.timedelta(milliseconds=t)

    def shown(self, answers: set[Answer]) -> set[tuple[object, ...]]:
        return {
            (k, self.time(s), self.time(e), n, total, d if self.distinct else n)
            for k, s, e, n, total, d in answers
        }

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
                self.delivered[row[:6]] += row[6] if self.emit == "EMIT CHANGES" else 1

    def run(self) -> None:
        r, db = self.r, self.db
        watermark = f"WATERMARK FOR ts AS ts - {ms(self.ref.delay)}"
        db.execute(f"CREATE SOURCE t (ts {self.kind}, k BIGINT, v BIGINT, {watermark})")
        rows, inserts = self.rows(), []
        while rows:
            n = r.choice((1, 1, 3, len(rows)))
            inserts.append(rows[:n])
            rows = rows[n:]
        made, started = r.randint(0, len(inserts)), r.randint(0, len(inserts))
        source = "filtered" if self.chained else "t"
        sub = None
        for i, batch in enumerate([*inserts, []]):
            if i == started:
                db.start()
            if i == made:
                if self.chained:
                    db.execute("CREATE STREAM filtered AS SELECT * FROM t WHERE v > -100")
                db.execute(f"CREATE STREAM s AS {self.text(source)}")
            if i >= made and i >= started and sub is None:
                self.check_state()
                sub = db.subscribe(self.text(source))
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
        got = self.db.query("SELECT * FROM s").fetchall()
        assert Counter(got) == Counter(self.shown(self.ref.answers(self.final, self.reached)))

    def check_end(self) -> None:
        want = Counter(self.shown(self.ref.answers(self.final, self.reached)))
        if self.final or self.emit == "EMIT CHANGES":
            assert +self.delivered == want and min(self.delivered.values(), default=0) >= 0
        else:
            assert set(want) <= set(self.delivered)
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.error is None
        assert (metrics.late_rows, metrics.null_time_rows) == (self.ref.late, self.ref.null_time)
        once = self.final or (self.reached and self.ref.lateness == 0)
        if once and self.ref.shape.kind == "hop":  # maybe as panes, which are fewer or more
            assert ((metrics.state_rows + metrics.shared_state_rows) > 0) == (self.ref.open_groups() > 0)
        else:
            assert (metrics.state_rows + metrics.shared_state_rows) == self.ref.open_groups()
        if self.ref.watermark is not None:  # E9: all of it goes when the watermark has passed
            self.db.advance_watermark("t", self.ref.watermark + 10_000)
            metrics = self.db.stream_metrics("s")
            assert metrics is not None and (metrics.state_rows + metrics.shared_state_rows) == 0


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_windows_are_brute_force(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.kind} delay {case.ref.delay}: {case.text('t')}")
            raise
        finally:
            case.db.close()


def test_sessions_shrink_fall_apart_and_vanish() -> None:
    """The newest row of each id moves: its old place is taken back, at every tick, in any session."""
    for seed in range(150):
        r = random.Random(seed)
        gap = r.choice((1, 3, 10))
        with laminardb.open() as db:
            db.execute("CREATE SOURCE t (id BIGINT, ts BIGINT, k BIGINT, v BIGINT)")
            newest = "SELECT id, last(ts) AS ts, last(k) AS k, last(v) AS v FROM t GROUP BY id"
            db.execute(f"CREATE STREAM newest AS {newest}")
            text = (
                "SELECT k, window_start AS s, window_end AS e, count(*) AS n, sum(v) AS total, "
                "count(DISTINCT v) AS d "
                f"FROM newest GROUP BY k, SESSION(ts, {gap})"
            )
            db.execute(f"CREATE STREAM s AS {text} EMIT CHANGES")
            db.start()
            sub, state = db.subscribe_stream("s"), Counter[tuple[object, ...]]()
            rows: dict[int, Row] = {}
            for _ in range(25):
                moves = range(r.randint(1, 4))
                batch: dict[int, Row] = {
                    r.randint(0, 12): (r.randint(0, 40), r.choice((1, 2)), r.randint(0, 3)) for _ in moves
                }
                rows.update(batch)
                db.insert("t", [(i, *row) for i, row in batch.items()])
                ref = Naive(Shape("session", gap), 0, 10**9)
                ref.insert(list(rows.values()))
                while (changes := sub.try_next()) is not None:
                    for row in changes.fetchall():
                        state[row[:6]] += row[6]
                want = Counter(ref.answers(final=False))
                assert +state == want and min(state.values()) >= 0, seed
                assert Counter(db.query("SELECT * FROM s").fetchall()) == want, seed
                assert Counter(db.query(text).fetchall()) == want, seed


MERGED = (
    "count(*), count(v), count_if(v > 2), sum(v), sum(h), sum(d), avg(v), avg(d), min(v), max(x), "
    "first(x ORDER BY v, x), last(v ORDER BY x, v), arg_min(x, v), arg_max(v, x), var_samp(d), corr(d, v), "
    "wavg(d, v), bool_and(v > 0), bit_xor(v), product(d), median(v), quantile_disc(x, 0.3), mad(d), mode(v), "
    "entropy(x), string_agg(x, ' ' ORDER BY x, v), ema(d, 0.5 ORDER BY v, d)"
)


def test_sessions_merge_every_aggregate() -> None:
    """Rows in any order, whose sessions meet and merge, against the same rows in order of time."""
    source = "CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, h HUGEINT, d DOUBLE, x VARCHAR)"
    text = f"SELECT k, window_start AS s, window_end AS e, {MERGED} FROM t GROUP BY k, SESSION(ts, 6)"
    for seed in range(40):
        r = random.Random(seed)
        rows = [
            (
                r.randint(0, 200),
                r.choice((1, 2)),
                r.choice((None, 1, 2, 3, 4)),
                r.randint(-1, 1) * 10**30,
                r.choice((0.5, -0.25, 2.0)),
                r.choice(("a", "b", "a longer text than 12 bytes")),
            )
            for _ in range(r.randint(1, 80))
        ]
        answers = []
        for ordered in (True, False):
            with laminardb.open() as db:
                db.execute(source)
                db.execute(f"CREATE STREAM s AS {text}")
                db.start()
                left = sorted(rows, key=lambda row: row[0]) if ordered else rows
                while left:
                    n = r.randint(1, 12)
                    db.insert("t", left[:n])
                    left = left[n:]
                answers.append(db.query("SELECT * FROM s ORDER BY ALL").fetchall())
                answers.append(db.query(f"{text} ORDER BY ALL").fetchall())
        for other in answers[1:]:
            assert len(other) == len(answers[0])
            for want, got in zip(answers[0], other, strict=True):
                for a, b in zip(want, got, strict=True):
                    close = (
                        isinstance(a, float)
                        and isinstance(b, float)
                        and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
                    )
                    assert a == b or close, (seed, want, got)
