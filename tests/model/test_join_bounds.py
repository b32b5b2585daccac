# SPDX-License-Identifier: Apache-2.0
"""Joins whose condition bounds the distance of two event times: rows go when the watermark has passed all
that could match them, what comes later is late, and the answer is that of the rows that were accepted.

Every kind of join, every way to write the interval, two and three sources, any split of the input, streams
made early and late, read by query, by changes and by a stream above, through reloads; against loops.
What is kept is counted to the row (E9), late rows are counted (E7) and sent.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload

CASES = 480
PER_TEST = 80
EPOCH = dt.datetime(1970, 1, 1)
KINDS = ("INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI")

Row = tuple[int | None, int | None, int]


class Side:
    """The rows of one source, as a stream meets them."""

    def __init__(self, name: str, delay: int) -> None:
        self.name, self.delay = name, delay
        self.watermark: int | None = None
        self.accepted: list[Row] = []
        self.late: list[Row] = []


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.kind = r.choice(KINDS)
        self.lo, self.hi = sorted((r.randint(-6, 6), r.randint(-6, 6)))
        if r.random() < 0.15:
            self.lo = self.hi = 0
        self.keyed = r.random() < 0.8
        self.timestamps = r.random() < 0.5
        self.lateness = r.choice((0, 0, 0, 3))
        self.a, self.b = Side("a", r.choice((0, 2, 9))), Side("b", r.choice((0, 1, 9)))
        three = self.kind in ("INNER", "LEFT") and r.random() < 0.3
        self.third = Side("c", r.choice((0, 3))) if three else None
        self.sides = [s for s in (self.a, self.b, self.third) if s is not None]
        self.sends = self.third is None and r.random() < 0.3
        self.db = laminardb.open()
        self.fresh = 0  # rows since the frontier moved
        self.changes: Counter[tuple[object, ...]] = Counter()

    # ---- text

    def ms(self, n: int) -> str:
        return f"INTERVAL '{n}' MILLISECOND" if self.timestamps else f"({n})"

    def interval(self, x: str, y: str) -> str:
        """lo <= y - x <= hi"""
        lo, hi, r = self.lo, self.hi, self.r
        ways = [
            f"{y} BETWEEN {x} + {self.ms(lo)} AND {x} + {self.ms(hi)}",
            f"{x} <= {y} - {self.ms(lo)} AND {y} <= {x} + {self.ms(hi)}",
            f"{y} - {x} >= {self.ms(lo)} AND {x} - {y} >= {self.ms(-hi)}",
            f"NOT ({y} > {x} + {self.ms(hi)}) AND {x} + {self.ms(lo)} <= {y}",
        ]
        if not self.timestamps:
            ways.append(f"{y} > {x} + {lo - 1} AND {y} < {x} + {hi + 1} AND {y} >= {x} - 100")
        if lo == hi == 0:
            ways.append(f"{x} = {y}")
        return r.choice(ways)

    def query(self) -> str:
        on = self.interval("a.ts", "b.ts") + (" AND a.k = b.k" if self.keyed else "")
        narrow = self.kind in ("SEMI", "ANTI")
        if self.third is not None:
            return (
                f"SELECT a.v, b.v AS w, c.v AS x FROM a {self.kind} JOIN b ON {on} "
                f"JOIN c ON {self.interval('a.ts', 'c.ts')}"
            )
        return f"SELECT a.v{'' if narrow else ', b.v AS w'} FROM a {self.kind} JOIN b ON {on}"

    def make(self) -> None:
        emit = "EMIT CHANGES"
        if self.lateness:
            emit += f" ALLOW LATENESS INTERVAL {self.lateness} MILLISECOND"
        late = " LATE DATA TO late_a" if self.sends else ""
        self.db.execute(f"CREATE STREAM s AS {self.query()} {emit}{late}")
        self.db.execute("CREATE STREAM above AS SELECT count(*) AS n, sum(v) AS v FROM s")

    def time(self, t: int | None) -> object:
        return t if t is None or not self.timestamps else EPOCH + dt.timedelta(milliseconds=t)

    # ---- the reference

    def frontier(self) -> int | None:
        marks = [s.watermark for s in self.sides]
        return None if None in marks else min(m for m in marks if m is not None)

    def take(self, side: Side, rows: list[Row]) -> None:
        before = self.frontier()
        for row in rows:
            t = row[0]
            is_late = t is not None and before is not None and t + self.lateness < before
            (side.late if is_late else side.accepted).append(row)
        times = [t for t, _, _ in rows if t is not None]
        if times:
            mark = max(times) - side.delay
            side.watermark = mark if side.watermark is None else max(mark, side.watermark)
        self.fresh = self.fresh + len(rows) if self.frontier() == before else 0

    def near(self, x: Row, y: Row) -> bool:
        return x[0] is not None and y[0] is not None and self.lo <= y[0] - x[0] <= self.hi

    def matches(self, x: Row, y: Row) -> bool:
        return self.near(x, y) and (not self.keyed or (x[1] is not None and x[1] == y[1]))

    def answer(self) -> Counter[tuple[object, ...]]:
        out: Counter[tuple[object, ...]] = Counter()
        pairs = [(x, y) for x, y in itertools.product(self.a.accepted, self.b.accepted) if self.matches(x, y)]
        left = Counter(x for x, _ in pairs)
        right = Counter(y for _, y in pairs)
        if self.kind in ("SEMI", "ANTI"):
            return Counter((x[2],) for x in self.a.accepted if (left[x] > 0) == (self.kind == "SEMI"))
        joined: list[tuple[Row | None, Row | None]] = list(pairs)
        if self.kind in ("LEFT", "FULL"):
            joined += [(x, None) for x in self.a.accepted if left[x] == 0]
        if self.kind in ("RIGHT", "FULL"):
            joined += [(None, y) for y in self.b.accepted if right[y] == 0]
        for x, y in joined:
            row = (x and x[2], y and y[2])
            if self.third is None:
                out[row] += 1
                continue
            for z in self.third.accepted:
                if x is not None and self.near(x, z):
                    out[(*row, z[2])] += 1
        return out

    def kept(self, more: int = 0) -> int:
        """Rows of a two-way join that may still find a match. `<` is taken for `<=`: a unit more."""
        frontier = self.frontier()
        n = 0
        for side, reach in ((self.a, max(0, self.hi)), (self.b, max(0, -self.lo))):
            for t, k, _ in side.accepted:
                if t is None or (self.keyed and k is None):
                    continue
                n += frontier is None or (t + reach + more + self.lateness >= frontier)
        return n

    # ---- the run

    def insert(self, side: Side, rows: list[Row]) -> None:
        self.take(side, rows)
        self.db.insert(side.name, [(self.time(t), k, v) for t, k, v in rows])

    def check(self, made: bool) -> None:
        if not made:
            return
        want = self.answer()
        assert Counter(self.db.sql("SELECT * FROM s").fetchall()) == want
        n = sum(want.values())
        total = sum(v * c for (v, *_), c in want.items() if isinstance(v, int)) if n else None
        if not any(row[0] is not None for row in want):
            total = None
        assert self.db.sql("SELECT * FROM above").fetchall() == [(n, total)]
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.late_rows == sum(len(s.late) for s in self.sides)
        if self.third is None:
            assert (
                self.kept() <= (metrics.state_rows + metrics.shared_state_rows) <= self.kept(1) + self.fresh
            )
        if self.sends:
            late = self.db.sql("SELECT ts, v FROM late_a").fetchall()
            sent = self.a.late + self.b.late
            assert Counter(late) == Counter((self.time(t), v) for t, _, v in sent)

    def collect(self, subscription: object) -> None:
        while True:
            batch = subscription.try_next()  # type: ignore[attr-defined]
            if batch is None:
                return
            for *row, weight in batch.fetchall():
                self.changes[tuple(row)] += weight

    def run(self) -> None:
        r, db = self.r, self.db
        ts = "TIMESTAMP" if self.timestamps else "BIGINT"
        for s in self.sides:
            delay = f"INTERVAL {s.delay} MILLISECOND" if self.timestamps else str(s.delay)
            columns = f"ts {ts}, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - {delay}"
            db.execute(f"CREATE SOURCE {s.name} ({columns})")
        db.execute(f"CREATE SOURCE late_a (ts {ts}, v BIGINT)")
        db.start()
        made_at = r.choice((0, 0, r.randint(0, 30)))
        subscription = None
        now, value = 0, 0
        for step in range(r.randint(5, 40)):
            if step >= made_at and subscription is None:
                self.make()
                subscription = db.subscribe_stream("s", snapshot=True)
            rows: list[Row] = []
            for _ in range(r.choice((1, 1, 2, 5))):
                now += r.choice((0, 0, 1, 3))
                value += r.random() < 0.8
                t = None if r.random() < 0.05 else now - r.choice((0, 0, 1, 4, 12))
                rows.append((t, r.choice((1, 2, 3, None)), value))
            self.insert(r.choice(self.sides), rows)
            if r.random() < 0.2:
                reload(db)
            self.check(subscription is not None)
        if subscription is None:
            self.make()
            subscription = db.subscribe_stream("s", snapshot=True)
        self.collect(subscription)
        assert +self.changes == self.answer() and not -self.changes
        self.check(True)
        for s in self.sides:  # E9: all of it goes when the watermark has passed
            db.advance_watermark(s.name, now + 1000)
        metrics = db.stream_metrics("s")
        assert metrics is not None and (metrics.state_rows + metrics.shared_state_rows) == 0
        assert Counter(db.sql("SELECT * FROM s").fetchall()) == self.answer()


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_joins_on_intervals(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.kind} {case.lo}..{case.hi} late {case.lateness}")
            raise
        finally:
            case.db.close()


@pytest.mark.parametrize("low", (-5, 0, 1))
@pytest.mark.parametrize("kind", KINDS)
def test_boundaries(kind: str, low: int) -> None:
    """A row at each distance from -7 to 7 of one of the other side, which comes first or last."""
    for first, distance, strict in itertools.product((True, False), range(-7, 8), (True, False)):
        with laminardb.open() as db:
            lower, upper = (">", "<") if strict else (">=", "<=")
            db.execute(f"""
                CREATE SOURCE a (ts BIGINT, WATERMARK FOR ts AS ts - 100);
                CREATE SOURCE b (ts BIGINT, WATERMARK FOR ts AS ts - 100);
                CREATE STREAM s AS SELECT a.ts FROM a {kind} JOIN b
                    ON b.ts {lower} a.ts + ({low}) AND b.ts {upper} a.ts + 5
            """)
            db.start()
            rows = [("a", 1000), ("b", 1000 + distance)]
            (name, t), (last, u) = rows if first else reversed(rows)
            db.insert(name, [(t,)])
            db.advance_watermark("a", u)  # the last moment at which the other one is not late
            db.advance_watermark("b", u)
            db.insert(last, [(u,)])
            is_match = low < distance < 5 if strict else low <= distance <= 5
            wanted: dict[str, list[tuple[int | None]]] = {
                "INNER": [(1000,)] * is_match,
                "SEMI": [(1000,)] * is_match,
                "ANTI": [(1000,)] * (not is_match),
                "LEFT": [(1000,)],
                "RIGHT": [(1000,)] if is_match else [(None,)],
                "FULL": [(1000,)] if is_match else [(1000,), (None,)],
            }
            assert sorted(db.sql("SELECT * FROM s").fetchall(), key=str) == sorted(wanted[kind], key=str)
            metrics = db.stream_metrics("s")
            assert metrics is not None and metrics.late_rows == 0
            db.insert(last, [(u - 1,)])
            metrics = db.stream_metrics("s")
            assert metrics is not None and metrics.late_rows == 1


class WindowCase:
    """Two windowed counts joined on window and key, in one query or as streams of their own."""

    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.kind = r.choice(KINDS[:4])
        self.sizes = {"a": 10, "b": r.choice((10, 10, 20))}
        self.streams = r.random() < 0.5
        self.emit = r.choice(("", "EMIT ON WINDOW CLOSE")) if self.streams else ""
        self.lateness = r.choice((0, 0, 7))
        self.delays = {"a": r.choice((0, 5)), "b": r.choice((0, 12))}
        self.marks: dict[str, int | None] = {"a": None, "b": None}
        self.groups: dict[str, Counter[tuple[int, int]]] = {"a": Counter(), "b": Counter()}
        self.late = 0
        self.db = laminardb.open()

    def frontier(self, name: str) -> int | None:
        marks = [self.marks[name]] if self.streams else list(self.marks.values())
        return None if None in marks else min(m for m in marks if m is not None)

    def make(self) -> None:
        late = f" ALLOW LATENESS INTERVAL '{self.lateness}' MILLISECOND" if self.lateness else ""
        counts = {
            n: f"SELECT k, window_start AS w, count(*) AS n FROM {n} GROUP BY k, TUMBLE(ts, {self.sizes[n]})"
            for n in ("a", "b")
        }
        parts = {n: f"({q})" for n, q in counts.items()}
        if self.streams:
            for n, q in counts.items():
                self.db.execute(f"CREATE STREAM w_{n} AS {q} {self.emit or 'EMIT ON UPDATE'}{late}")
            parts = {n: f"w_{n}" for n in counts}
        self.db.execute(
            f"CREATE STREAM s AS SELECT x.k, x.w, x.n, y.k AS l, y.w AS z, y.n AS m FROM {parts['a']} x "
            f"{self.kind} JOIN {parts['b']} y ON x.k = y.k AND x.w = y.w "
            f"EMIT CHANGES{'' if self.streams else late}"
        )

    def insert(self, name: str, rows: list[tuple[int, int]]) -> None:
        frontier, size = self.frontier(name), self.sizes[name]
        for t, k in rows:
            w = t - t % size
            if frontier is not None and w + size + self.lateness <= frontier:
                self.late += 1
            else:
                self.groups[name][k, w] += 1
        before = self.marks[name]
        mark = max(t for t, _ in rows) - self.delays[name]
        self.marks[name] = mark if before is None else max(before, mark)
        self.db.insert(name, rows)

    def side(self, name: str) -> dict[tuple[int, int], int]:
        frontier = self.frontier(name)
        end = self.sizes[name] + self.lateness
        groups = dict(self.groups[name])
        closed = {g: n for g, n in groups.items() if frontier is not None and g[1] + end <= frontier}
        return closed if self.emit else groups

    def answer(self) -> Counter[tuple[object, ...]]:
        a, b = self.side("a"), self.side("b")
        out: Counter[tuple[object, ...]] = Counter((*g, n, *g, b[g]) for g, n in a.items() if g in b)
        if self.kind in ("LEFT", "FULL"):
            out.update((*g, n, None, None, None) for g, n in a.items() if g not in b)
        if self.kind in ("RIGHT", "FULL"):
            out.update((None, None, None, *g, n) for g, n in b.items() if g not in a)
        return out

    def check(self) -> None:
        assert Counter(self.db.sql("SELECT * FROM s").fetchall()) == self.answer()

    def run(self) -> None:
        r, db = self.r, self.db
        for n, delay in self.delays.items():
            db.execute(f"CREATE SOURCE {n} (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts - {delay})")
        db.start()
        made_at, changes, now = r.choice((0, 5)), None, 0
        sums: Counter[tuple[object, ...]] = Counter()
        for step in range(r.randint(6, 40)):
            if step == made_at:
                self.make()
                changes = db.subscribe_stream("s", snapshot=True)
            now += r.choice((0, 1, 4, 15))
            times = [max(0, now - r.choice((0, 0, 2, 9, 30))) for _ in range(r.choice((1, 1, 3)))]
            rows = [(t, r.randint(1, 2)) for t in times]
            self.insert(r.choice("ab"), rows)
            if r.random() < 0.2:
                reload(db)
            if changes is not None:
                self.check()
        for n in ("a", "b"):  # E9
            db.advance_watermark(n, now + 1000)
            self.marks[n] = now + 1000
        self.check()
        assert changes is not None
        while (batch := changes.try_next()) is not None:
            for *row, weight in batch.fetchall():
                sums[tuple(row)] += weight
        assert +sums == self.answer() and not -sums
        metrics = db.stream_metrics("s")
        assert metrics is not None and (metrics.state_rows + metrics.shared_state_rows) == 0
        assert self.streams or metrics.late_rows == self.late


@pytest.mark.parametrize("block", range(3))
def test_joins_on_windows(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = WindowCase(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {vars(case)}")
            raise
        finally:
            case.db.close()


class GroupCase:
    """Groups above a join of windows, in one query: they end with the windows."""

    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.kind = r.choice(("INNER", "LEFT"))
        self.final = r.random() < 0.6
        self.sizes = {"a": 10, "b": r.choice((10, 10, 20))}
        self.lateness = r.choice((0, 0, 7))
        self.delays = {"a": r.choice((0, 5)), "b": r.choice((0, 12))}
        self.marks: dict[str, int | None] = {"a": None, "b": None}
        self.rows: dict[str, list[tuple[int, int, int]]] = {"a": [], "b": []}
        self.db = laminardb.open()

    def make(self, name: str) -> None:
        late = f" ALLOW LATENESS INTERVAL '{self.lateness}' MILLISECOND" if self.lateness else ""
        self.db.execute(
            f"CREATE STREAM {name} AS SELECT x.window_start AS w, x.k, count(*) AS n, sum(y.v) AS v "
            f"FROM TUMBLE(a, ts, 10) x {self.kind} JOIN TUMBLE(b, ts, {self.sizes['b']}) y "
            f"ON x.k = y.k AND x.window_start = y.window_start GROUP BY x.window_start, x.k "
            f"{'EMIT ON WINDOW CLOSE' if self.final else ''}{late}"
        )

    def frontier(self) -> int | None:
        marks = list(self.marks.values())
        return None if None in marks else min(m for m in marks if m is not None)

    def insert(self, name: str, rows: list[tuple[int, int, int]]) -> None:
        frontier, size = self.frontier(), self.sizes[name]
        for t, k, v in rows:
            w = t - t % size
            if frontier is None or w + size + self.lateness > frontier:
                self.rows[name].append((w, k, v))
        mark = max(t for t, _, _ in rows) - self.delays[name]
        before = self.marks[name]
        self.marks[name] = mark if before is None else max(before, mark)
        self.db.insert(name, rows)

    def answer(self) -> Counter[tuple[object, ...]]:
        groups: dict[tuple[int, int], list[int | None]] = {}
        for w, k, _ in self.rows["a"]:
            found: list[int | None] = [v for u, j, v in self.rows["b"] if (u, j) == (w, k)]
            if self.kind == "LEFT" and not found:
                found = [None]
            if found:
                groups.setdefault((w, k), []).extend(found)
        out: Counter[tuple[object, ...]] = Counter()
        frontier, length = self.frontier(), max(self.sizes.values()) + self.lateness
        for (w, k), vs in groups.items():
            some = [v for v in vs if v is not None]
            if not self.final or (frontier is not None and w + length <= frontier):
                out[w, k, len(vs), sum(some) if some else None] += 1
        return out

    def run(self) -> None:
        r, db = self.r, self.db
        for name in ("a", "b"):
            mark = f"WATERMARK FOR ts AS ts - {self.delays[name]}"
            db.execute(f"CREATE SOURCE {name} (ts BIGINT, k BIGINT, v BIGINT, {mark})")
        db.start()
        self.make("s")
        now = 0
        for _ in range(r.randint(5, 40)):
            rows = []
            for _ in range(r.choice((1, 1, 2, 5))):
                now += r.choice((0, 0, 1, 3, 9))
                rows.append((now - r.choice((0, 0, 1, 12)), r.choice((1, 2)), r.randint(0, 5)))
            self.insert(r.choice(("a", "b")), rows)
            if r.random() < 0.2:
                reload(db)
            assert Counter(db.sql("SELECT * FROM s").fetchall()) == self.answer()
        self.make("made_late")
        assert Counter(db.sql("SELECT * FROM made_late").fetchall()) == self.answer()
        for name in ("a", "b"):
            db.advance_watermark(name, now + 1000)
            self.marks[name] = now + 1000
        metrics = db.stream_metrics("s")
        assert metrics is not None and (metrics.state_rows + metrics.shared_state_rows) == 0  # E9
        assert Counter(db.sql("SELECT * FROM s").fetchall()) == self.answer()


def test_groups_above_joins_of_windows() -> None:
    for seed in range(200):
        case = GroupCase(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.kind} {case.sizes} late {case.lateness} final {case.final}")
            raise
        finally:
            case.db.close()
