# SPDX-License-Identifier: Apache-2.0
"""WITH (state_ttl = ...): what a stream remembers leaves when nothing touched it for so long.

Against loops that take one row after another: groups, DISTINCT, window functions, top-n per key, joins of all
kinds, joins with a table, groups above a join. By event time, of one source or two, in any order of times,
and by the engine's clock. How rows are cut into inserts does not show, streams made early and late agree,
queries and changes do, and reloads at any moment change nothing. In the end nothing is remembered (E9).
"""

from __future__ import annotations

import random
from collections import Counter

import laminardb
import pytest
from laminardb import LaminarConfig
from laminardb.testing import reload

CASES = 400
PER_TEST = 50
Row = tuple[object, ...]
KINDS = ("INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI")


class Book:
    """Keys by the step in which they were last touched."""

    def __init__(self) -> None:
        self.last: dict[object, int | None] = {}

    def take(self, now: int | None, kept: int) -> list[object]:
        if now is None:
            return []
        for key, step in self.last.items():
            self.last[key] = now if step is None else step
        over = [key for key, step in self.last.items() if step is not None and step + kept < now]
        for key in over:
            del self.last[key]
        return over


class Keyed:
    """Rows by key; the result of a key is a function of its rows, and stays when they are forgotten."""

    def __init__(self, result: object) -> None:
        self.rows: dict[object, list[Row]] = {}
        self.result = result
        self.out: Counter[Row] = Counter()
        self.book = Book()

    def push(self, key: object, row: Row, step: int | None) -> None:
        rows = self.rows.setdefault(key, [])
        self.out.subtract(self.result(key, rows))  # type: ignore[operator]
        rows.append(row)
        self.out.update(self.result(key, rows))  # type: ignore[operator]
        self.book.last[key] = step

    def forget(self, now: int | None, kept: int) -> None:
        for key in self.book.take(now, kept):
            del self.rows[key]

    def size(self) -> int:
        return sum(len(rows) for rows in self.rows.values())


def group(key: object, rows: list[tuple[int, int]]) -> list[Row]:
    vs = [v for _, v in rows]
    return [(key, len(rows), sum(vs), min(vs), len(set(vs)))] if rows else []


def over(key: object, rows: list[tuple[int, int]]) -> list[Row]:
    out: list[Row] = []
    total = 0
    for i, (n, v) in enumerate(sorted(rows, key=lambda x: (x[1], x[0]))):
        total += v
        out.append((key, n, i + 1, total))
    return out


def top(key: object, rows: list[tuple[int, int]]) -> list[Row]:
    return [(key, n, v) for n, v in sorted(rows, key=lambda x: (-x[1], x[0]))[:2]]


class Join:
    """Each stored row counts its matches; forgotten ones stay counted."""

    def __init__(self, kind: str, kept_side: int | None = None) -> None:
        self.kind, self.kept_side = kind, kept_side
        self.sides: list[dict[int, list[object]]] = [{}, {}]  # id -> [key, value, matches]
        self.books = [Book(), Book()]
        self.out: Counter[Row] = Counter()
        self.ids = 0
        self.log: list[tuple[object, Row]] = []

    def tracked(self, side: int) -> bool:
        kinds = ("RIGHT", "FULL") if side == 1 else ("LEFT", "FULL", "SEMI", "ANTI")
        return self.kind in kinds

    def alone(self, side: int, entry: list[object], weight: int) -> None:
        row: tuple[object, ...] = (
            (entry[0], entry[1]) if self.kind in ("SEMI", "ANTI") else (entry[0], entry[1], None)
        )
        if side == 1:
            row = (None, None, entry[1])
        self.out[row] += weight

    def moved(self, side: int, entry: list[object], before: int) -> None:
        if self.tracked(side) and (before > 0) != (entry[2] > 0):  # type: ignore[operator]
            shown = (entry[2] > 0) == (self.kind == "SEMI")  # type: ignore[operator]
            self.alone(side, entry, 1 if shown else -1)

    def change(self, side: int, entry: list[object], weight: int) -> None:
        matches = 0
        for other in self.sides[1 - side].values():
            if entry[0] is None or other[0] != entry[0]:
                continue
            matches += 1
            if self.kind not in ("SEMI", "ANTI"):
                left, right = (entry, other) if side == 0 else (other, entry)
                self.out[left[0], left[1], right[1]] += weight
                self.log.append((left[0], (self.ids, right[1])))
            before = other[2]
            other[2] += weight  # type: ignore[operator]
            self.moved(1 - side, other, before)  # type: ignore[arg-type]
        if weight > 0:
            entry[2] = matches
        if self.tracked(side) and (entry[2] > 0) == (self.kind == "SEMI"):  # type: ignore[operator]
            self.alone(side, entry, weight)

    def push(self, side: int, key: object, value: object, step: int | None) -> int:
        entry = [key, value, 0]
        self.ids += 1
        self.change(side, entry, 1)
        if key is not None:
            self.sides[side][self.ids] = entry
            if side != self.kept_side:
                self.books[side].last[self.ids] = step
        return self.ids

    def remove(self, side: int, at: int) -> None:
        self.change(side, self.sides[side].pop(at), -1)

    def forget(self, now: int | None, kept: int) -> None:
        for side in (0, 1):
            for at in self.books[side].take(now, kept):
                del self.sides[side][at]  # type: ignore[arg-type]

    def size(self) -> int:
        return len(self.sides[0]) + len(self.sides[1])


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.shape = r.choice(("group", "distinct", "over", "top", "join", "join", "join", "table", "above"))
        self.kind = r.choice(KINDS) if self.shape == "join" else r.choice(("INNER", "LEFT", "SEMI", "ANTI"))
        self.by_clock = r.random() < 0.3
        self.ttl = r.choice((1, 7, 16, 40, 100))
        step_us = max(1, self.ttl * 1000 // 16)
        self.step_us, self.kept = step_us, -(-self.ttl * 1000 // step_us)
        self.delays = {"a": r.choice((0, 3)), "b": r.choice((0, 5))}
        self.marks: dict[str, int | None] = {"a": None}
        if self.shape in ("join", "above"):
            self.marks["b"] = None
        self.clock: int | None = None
        kind = "INNER" if self.shape == "above" else self.kind
        self.join = Join(kind, 1 if self.shape == "table" else None)
        self.keyed = Keyed({"over": over, "top": top}.get(self.shape, group))
        self.seen: set[object] = set()
        self.seen_book = Book()
        self.distinct: Counter[Row] = Counter()
        self.stored: dict[int, int] = {}  # of the table: key -> id in the join
        config = LaminarConfig(deterministic=True) if self.by_clock else None
        self.db = laminardb.open(config=config)
        self.now, self.n = 1000, 0

    def query(self) -> str:
        return {
            "group": "SELECT k, count(*) AS c, sum(v) AS s, min(v) AS lo, count(DISTINCT v) AS d FROM a "
            "GROUP BY k",
            "distinct": "SELECT DISTINCT k FROM a",
            "over": "SELECT k, n, row_number() OVER w AS i, sum(v) OVER (w ROWS UNBOUNDED PRECEDING) AS s "
            "FROM a WINDOW w AS (PARTITION BY k ORDER BY v, n)",
            "top": "SELECT k, n, v FROM a QUALIFY row_number() OVER (PARTITION BY k ORDER BY v DESC, n) <= 2",
            "join": "SELECT a.k, a.n{} FROM a {} JOIN b ON a.k = b.k",
            "table": "SELECT a.k, a.n{} FROM a {} JOIN t b ON a.k = b.k",
            "above": "SELECT a.k, count(*) AS c, sum(b.n) AS s, min(b.n) AS lo, count(DISTINCT b.n) AS d "
            "FROM a JOIN b ON a.k = b.k GROUP BY a.k",
        }[self.shape].format("" if self.kind in ("SEMI", "ANTI") else ", b.n AS m", self.kind)

    # ---- the reference

    def step(self) -> int | None:
        return None if self.clock is None else self.clock * 1000 // self.step_us

    def forget(self) -> None:
        now = self.step()
        self.join.forget(now, self.kept)
        self.keyed.forget(now, self.kept)
        self.seen -= set(self.seen_book.take(now, self.kept))

    def pass_time(self, source: str, ts: int | None) -> None:
        if self.by_clock:
            self.clock = self.now
        elif ts is not None:
            mark = ts - self.delays[source]
            before = self.marks[source]
            self.marks[source] = mark if before is None else max(mark, before)
            marks = list(self.marks.values())
            if None not in marks:
                low = min(m for m in marks if m is not None)
                self.clock = low if self.clock is None else max(self.clock, low)
        self.forget()

    def take(self, source: str, row: tuple[int | None, int | None, int, int]) -> None:
        ts, k, v, n = row
        self.pass_time(source, ts)
        step = self.step()
        if self.shape == "distinct":
            self.distinct[(k,)] += k not in self.seen
            self.seen.add(k)
            self.seen_book.last[k] = step
        elif self.shape in ("group", "over", "top"):
            self.keyed.push(k, (n, v), step)
        else:
            self.join.push(source == "b", k, n, step)
            for key, pair in self.join.log:
                if self.shape == "above":
                    self.keyed.push(key, pair, step)
            self.join.log.clear()

    def answer(self) -> Counter[Row]:
        if self.shape == "distinct":
            return +self.distinct
        return +(self.keyed if self.shape in ("group", "over", "top", "above") else self.join).out

    def size(self) -> int:
        if self.shape == "distinct":
            return len(self.seen)
        if self.shape == "group":
            return len(self.keyed.rows)
        if self.shape == "above":
            return len(self.keyed.rows) + self.join.size()
        if self.shape == "top":
            return sum(min(2, len(rows)) for rows in self.keyed.rows.values())
        return self.keyed.size() + self.join.size()

    # ---- the run

    def insert(self) -> None:
        r = self.r
        source = r.choice(tuple(self.marks))
        rows = []
        for _ in range(r.choice((1, 1, 2, 6, 15))):
            if not self.by_clock:
                self.now += r.choice((0, 0, 1, 3, self.ttl // 2, self.ttl + 1))
            self.n += 1
            ts = None if r.random() < 0.05 else self.now - r.choice((0, 0, 1, 4, 2 * self.ttl))
            rows.append((ts, r.choice((1, 2, 3, 4, None)), r.randint(0, 4), self.n))
        for row in rows:
            self.take(source, row)
        while rows:  # how they are cut does not show
            count = r.choice((1, len(rows)))
            self.db.insert(source, rows[:count])
            rows = rows[count:]

    def change_table(self) -> None:
        k = self.r.choice((1, 2, 3))
        self.n += 1
        self.pass_time("", None)
        if k in self.stored and self.r.random() < 0.4:
            self.join.remove(1, self.stored.pop(k))
            self.db.execute(f"DELETE FROM t WHERE k = {k}")
            return
        if k in self.stored:
            self.join.remove(1, self.stored[k])
        self.stored[k] = self.join.push(1, k, self.n, None)
        self.db.insert("t", [(k, self.n)])

    def make(self, name: str) -> None:
        options = f"WITH (state_ttl = '{self.ttl} ms')"
        self.db.execute(f"CREATE STREAM {name} {options} AS {self.query()} EMIT CHANGES")

    def read(self, name: str) -> Counter[Row]:
        return Counter(self.db.sql(f"SELECT * FROM {name}").fetchall())

    def run(self) -> None:
        r, db = self.r, self.db
        for name in ("a", "b"):
            mark = "" if self.by_clock else f", WATERMARK FOR ts AS ts - {self.delays[name]}"
            db.execute(f"CREATE SOURCE {name} (ts BIGINT, k BIGINT, v BIGINT, n BIGINT{mark})")
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, n BIGINT)")
        db.start()
        if self.by_clock:
            db.tick(self.now)
        self.make("s")
        sub = db.subscribe_stream("s", snapshot=True)
        for _ in range(r.randint(3, 25)):
            if self.by_clock and r.random() < 0.7:
                self.now += r.choice((1, self.ttl // 2, self.ttl, 2 * self.ttl))
                db.tick(self.now)
            if self.shape == "table" and r.random() < 0.4:
                self.change_table()
            else:
                self.insert()
            if r.random() < 0.2:
                reload(db)
            assert self.read("s") == self.answer()
        if self.shape != "table":  # a stream made late meets the changes of a table at once
            self.make("made_late")
            assert self.read("made_late") == self.answer()
            self.insert()
            assert self.read("made_late") == self.answer()
        changes: Counter[Row] = Counter()
        while (batch := sub.try_next()) is not None:
            for *row, weight in batch.fetchall():
                changes[tuple(row)] += weight
        assert +changes == self.answer() and not -changes
        self.check_size()

    def check_size(self) -> None:
        if self.by_clock:
            self.now += 3 * self.ttl
            self.db.tick(self.now)
        else:
            for ahead in (1, 3):  # what came before time was known counts from the first of these
                for name in self.marks:
                    self.db.advance_watermark(name, self.now + ahead * self.ttl)
        metrics = self.db.stream_metrics("s")
        assert metrics is not None and metrics.state_rows == len(self.stored)
        assert metrics.lost_rows == 0
        assert self.read("s") == self.answer()


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_state_ttl(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.shape} {case.kind} ttl {case.ttl} by_clock {case.by_clock}")
            raise
        finally:
            case.db.close()
