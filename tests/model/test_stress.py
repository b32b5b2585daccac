# SPDX-License-Identifier: Apache-2.0
"""Random sequences of everything a user may do.

Make, replace and drop sources and streams (streams on streams, joins, windows, top-n), insert rows of every
shape, open and close subscriptions, start at a random moment.

At random points and at the end, for every live object:

    SELECT * FROM s == the one-off query of its text == what a subscription was given, summed.

A failing case prints its seed; LAMINAR_SEED=n runs that one alone.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import laminardb
import pytest

SECONDS = 12.0
EPOCH = dt.datetime(2024, 1, 1)
Row = tuple[object, ...]


def bag(rows: list[Row]) -> Counter[Row]:
    return Counter(rows)


class Relation:
    """A source or stream. All show k BIGINT, v BIGINT, t VARCHAR; those of `timed` also ts TIMESTAMP."""

    def __init__(self, name: str, text: str, inputs: list[Relation], **traits: bool) -> None:
        self.name, self.text, self.inputs = name, text, inputs
        self.timed = traits.get("timed", False)
        self.append_only = traits.get("append_only", False)
        self.keyed = traits.get("keyed", False)  # k identifies a row
        self.closes = traits.get("closes", False)
        self.changes = traits.get("changes", False)
        self.joins: int = max((i.joins for i in inputs), default=0)
        self.depth: int = 1 + max((i.depth for i in inputs), default=0)

    def reads(self, other: Relation) -> bool:
        return any(i is other or i.reads(other) for i in self.inputs)


class Reader:
    """A subscription and what it was given."""

    def __init__(
        self,
        handle: laminardb.Subscription | laminardb.StreamSubscription,
        of: Relation,
        start: Counter[Row],
        weighted: bool,
    ) -> None:
        self.handle, self.of, self.weighted = handle, of, weighted
        self.sum = start
        self.newest = {row[0]: row for row in start}

    def drain(self) -> None:
        while (batch := self.handle.try_next()) is not None:
            self.take(batch)

    def take(self, batch: laminardb.QueryResult) -> None:
        for row in batch.fetchall():
            if self.weighted:
                self.sum[row[:-1]] += row[-1]
            else:
                self.sum[row] += 1
                self.newest[row[0]] = row

    def check(self, want: Counter[Row]) -> None:
        self.drain()
        if self.weighted or self.of.append_only:
            self.sum = Counter({row: n for row, n in self.sum.items() if n != 0})
            assert self.sum == want, f"subscription to {self.of.name}: {self.of.text}"
        else:  # the newest row of each key; keys that left are not told
            for row in want:
                assert self.newest.get(row[0]) == row, f"subscription to {self.of.name}: {self.of.text}"


class Model:
    def __init__(self, seed: int, delay_s: int) -> None:
        self.r = random.Random(seed)
        self.db = laminardb.open()
        self.delay_s = delay_s
        self.relations: list[Relation] = []
        self.readers: list[Reader] = []
        self.started = False
        self.names = 0
        self.clock = 0
        self.rows_left = 500

    # ------------------------------------------------------------------ objects
    def sources(self) -> list[Relation]:
        return [x for x in self.relations if not x.inputs]

    def streams(self) -> list[Relation]:
        return [x for x in self.relations if x.inputs]

    def name(self) -> str:
        self.names += 1
        return f"r{self.names}"

    def make_source(self) -> None:
        if len(self.sources()) >= 4:
            return
        name = self.name()
        watermark = f", WATERMARK FOR ts AS ts - INTERVAL '{self.delay_s}' SECOND"
        self.db.execute(f"CREATE SOURCE {name} (k BIGINT, v BIGINT, t VARCHAR, ts TIMESTAMP{watermark})")
        self.relations.append(Relation(name, "", [], timed=True, append_only=True))

    def definition(self, name: str) -> Relation:
        """A random query over one or two relations."""
        r = self.r
        a = r.choice([x for x in self.relations if x.depth < 6])
        pick = r.randrange(10)
        if pick == 0:
            ts = ", ts" if a.timed else ""
            text = f"SELECT k, v + 1 AS v, t{ts} FROM {a.name} WHERE v % 3 <> {r.randrange(3)} OR t IS NULL"
            return Relation(name, text, [a], timed=a.timed, append_only=a.append_only)
        if pick == 1:
            distinct = r.choice(("", "", "DISTINCT "))
            text = f"SELECT k, count({distinct}v) % 1000 AS v, max(t) AS t FROM {a.name} GROUP BY k"
            return Relation(name, text, [a], keyed=True)
        if pick == 2:  # an upsert where its input is append-only
            text = f"SELECT k, count(*) AS v, min(t) AS t FROM {a.name} GROUP BY k"
            return Relation(name, text, [a], keyed=True)
        if pick == 3:
            text = f"SELECT count(*) AS k, sum(v % 7) AS v, max(t) AS t FROM {a.name}" + (
                " GROUP BY k HAVING count(*) > 1" if r.random() < 0.6 else ""
            )
            return Relation(name, text, [a])
        if pick in (4, 5):
            b = r.choice([x for x in self.relations if x.depth < 6])
            if a.joins + b.joins < 2:
                join = r.choice(("JOIN", "JOIN", "LEFT JOIN"))
                more = r.choice(("", " AND a.v >= b.v"))
                text = (
                    f"SELECT a.k AS k, coalesce(b.v, a.v) AS v, b.t AS t "
                    f"FROM {a.name} a {join} {b.name} b ON a.k = b.k{more}"
                )
                made = Relation(
                    name, text, [a, b], append_only=a.append_only and b.append_only and join == "JOIN"
                )
                made.joins = a.joins + b.joins + 1
                return made
        if pick == 6:
            order = r.choice(("DESC", "ASC"))
            text = f"SELECT k, v, t FROM {a.name} ORDER BY v {order}, k, t LIMIT {r.randint(1, 9)}"
            return Relation(name, text + r.choice(("", " OFFSET 2")), [a])
        if pick == 7:
            return Relation(
                name, f"SELECT DISTINCT k, v % 4 AS v, t FROM {a.name}", [a], append_only=a.append_only
            )
        timed = [x for x in self.relations if x.timed and x.depth < 6]
        if pick >= 8 and timed:
            a = r.choice(timed)
            text = (
                f"SELECT k, count(*) AS v, max(t) AS t, tumble(ts, INTERVAL '20' SECOND) AS ts "
                f"FROM {a.name} GROUP BY k, tumble(ts, INTERVAL '20' SECOND)"
            )
            closes = r.random() < 0.4
            return Relation(name, text, [a], closes=closes, append_only=closes)
        return Relation(name, f"SELECT k, v, t FROM {a.name}", [a], append_only=a.append_only)

    def create(self, made: Relation, head: str) -> None:
        emit = " EMIT ON WINDOW CLOSE" if made.closes else " EMIT CHANGES" if made.changes else ""
        self.db.execute(f"{head} {made.name} AS {made.text}{emit}")

    def make_stream(self) -> None:
        if not self.relations or len(self.streams()) >= 10:
            return
        made = self.definition(self.name())
        made.changes = not made.closes and self.r.random() < 0.5
        self.create(made, "CREATE STREAM")
        self.relations.append(made)

    def replace_stream(self) -> None:
        old = [x for x in self.streams() if not any(y.reads(x) for y in self.relations)]
        if not old:
            return
        gone = self.r.choice(old)
        bad = (
            f"CREATE OR REPLACE STREAM {gone.name} AS SELECT {self.r.choice(('nope', '*'))} FROM {gone.name}"
        )
        with pytest.raises(laminardb.LaminarError):
            self.db.execute(bad)
        self.check_stream(gone)
        made = self.definition(gone.name)
        if made.reads(gone) or any(x.of is gone or x.of.reads(gone) for x in self.readers):
            return
        self.create(made, "CREATE OR REPLACE STREAM")
        self.relations[self.relations.index(gone)] = made
        self.relations.append(self.relations.pop(self.relations.index(made)))

    def drop(self) -> None:
        if not self.relations:
            return
        gone = self.r.choice(self.relations)
        kind = "STREAM" if gone.inputs else "SOURCE"
        dead = [x for x in self.relations if x is gone or x.reads(gone)]
        readers = [x for x in self.readers if x.of in dead or any(x.of.reads(d) for d in dead)]
        if self.r.random() < 0.5:
            for x in readers:
                self.end(x)
            readers = []
        if any(x.of not in self.relations for x in readers):  # queries of their own: not to be pulled away
            with pytest.raises(laminardb.SchemaError):
                self.db.execute(f"DROP {kind} {gone.name} CASCADE")
            return
        self.db.execute(f"DROP {kind} {gone.name} CASCADE")
        for x in readers:
            x.drain()
            assert not x.handle.is_active
            self.readers.remove(x)
        self.relations = [x for x in self.relations if x not in dead]

    def start(self) -> None:
        self.db.start()
        self.started = True

    # ------------------------------------------------------------------ rows
    def rows(self, count: int) -> list[Row]:
        r = self.r
        out: list[Row] = []
        for _ in range(count):
            late = r.randint(0, max(self.delay_s - 1, 0))
            self.clock += r.choice((0, 0, 1, 3))
            text = r.choice((None, "", "a", "b", "a text that is too long for a view", "ü"))
            ts = EPOCH + dt.timedelta(seconds=self.clock - min(late, 9))
            out.append((r.randint(0, 12) if r.random() < 0.95 else None, r.randint(-20, 20), text, ts))
        return out

    def insert(self) -> None:
        if not self.sources() or self.rows_left <= 0:
            return
        name = self.r.choice(self.sources()).name
        rows = self.rows(self.r.choice((1, 1, 1, 2, 5, 20)))
        self.rows_left -= len(rows)
        if self.r.random() < 0.03:  # a segment of its own; keys that meet few others
            first = self.r.choice((100, 1000))
            rows = [(None if i % 97 == 0 else first + i, *row[1:]) for i, row in enumerate(self.rows(1500))]
        self.insert_rows(self.db, name, rows, self.r.randrange(6))

    @staticmethod
    def insert_rows(
        db: laminardb.Connection, name: str, rows: list[Row], shape: int, wait: bool = True
    ) -> None:
        columns = ("k", "v", "t", "ts")
        dicts = [dict(zip(columns, row, strict=True)) for row in rows]
        if shape == 0:
            db.insert(name, rows, wait=wait)
        elif shape == 1:
            db.insert(name, dicts, wait=wait)
        elif shape == 2:
            db.insert(name, {c: [row[i] for row in rows] for i, c in enumerate(columns)}, wait=wait)
        elif shape == 3:
            db.insert(name, (d for d in dicts), wait=wait)
        elif shape == 4:
            quoted = [
                "NULL" if x is None else str(x) if isinstance(x, int) else f"'{x}'"
                for row in rows
                for x in row
            ]
            db.execute(
                f"INSERT INTO {name} VALUES "
                + ", ".join(f"({', '.join(quoted[i : i + 4])})" for i in range(0, len(quoted), 4))
            )
        else:
            lines = (
                ",".join("" if x is None else f'"{x}"' if isinstance(x, str) else str(x) for x in row)
                for row in rows
            )
            db.insert_csv(name, "k,v,t,ts\n" + "\n".join(lines))

    def advance(self) -> None:
        if self.sources() and self.delay_s < 1000:
            ms = int((EPOCH - dt.datetime(1970, 1, 1)).total_seconds() * 1000) + (self.clock - 10) * 1000
            self.db.advance_watermark(self.r.choice(self.sources()).name, ms)

    # ------------------------------------------------------------------ subscriptions
    def subscribe(self) -> None:
        if len(self.readers) >= 8 or not self.relations:
            return
        if self.r.random() < 0.4:
            named = [x for x in self.streams() if x.changes or x.append_only or x.keyed]
            if not named:
                return
            of = self.r.choice(named)
            handle = self.db.subscribe_stream(of.name)
            start = bag(self.db.query(f"SELECT * FROM {of.name}").fetchall())
            self.readers.append(Reader(handle, of, start, of.changes))
            return
        of = self.definition("(query)")
        of.changes = not (of.closes or of.append_only or of.keyed) or self.r.random() < 0.5
        of.changes = of.changes and not of.closes
        emit = " EMIT ON WINDOW CLOSE" if of.closes else " EMIT CHANGES" if of.changes else ""
        self.readers.append(Reader(self.db.subscribe(of.text + emit), of, Counter(), of.changes))

    def end(self, reader: Reader) -> None:
        if self.r.random() < 0.7:
            reader.handle.cancel()
            assert reader.handle.try_next() is None
            assert not reader.handle.is_active
        else:
            del reader.handle
        self.readers.remove(reader)

    def unsubscribe(self) -> None:
        if self.readers:
            self.end(self.r.choice(self.readers))

    # ------------------------------------------------------------------ checks
    def want(self, of: Relation) -> Counter[Row]:
        rows = self.db.query(of.text).fetchall()
        if of.closes:
            mark = min(self.db.stats(s.name)["watermark"] for s in self.sources() if of.reads(s))
            rows = [
                row
                for row in rows
                if (row[-1] - dt.datetime(1970, 1, 1)).total_seconds() * 1000 + 20000 <= mark
            ]
        return bag(rows)

    def check_stream(self, s: Relation) -> None:
        metrics = self.db.stream_metrics(s.name)
        assert metrics is not None and metrics.error is None, metrics
        state = bag(self.db.query(f"SELECT * FROM {s.name}").fetchall())
        assert state == (self.want(s) if self.started else Counter()), f"{s.name}: {s.text}"

    def check_all(self) -> None:
        for s in self.streams():
            self.check_stream(s)
        for x in self.readers:
            if self.started or not any(i.inputs for i in x.of.inputs) and x.of not in self.relations:
                x.check(self.want(x.of))

    def step(self) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (1, self.make_source),
            (5, self.make_stream),
            (2, self.replace_stream),
            (1, self.drop),
            (1, self.start),
            (20, self.insert),
            (2, self.advance),
            (4, self.subscribe),
            (2, self.unsubscribe),
        ]
        self.r.choices([f for _, f in acts], [w for w, _ in acts])[0]()

    def run(self, steps: int) -> None:
        self.make_source()
        for _ in range(steps):
            self.step()
            if self.r.random() < 0.1:
                self.check_all()
        self.start()
        self.check_all()


def seeds(first: int) -> list[int]:
    return (
        [int(os.environ["LAMINAR_SEED"])]
        if "LAMINAR_SEED" in os.environ
        else list(range(first, first + 100000))
    )


def note(e: BaseException, m: Model, seed: int) -> None:
    e.add_note(
        f"LAMINAR_SEED={seed}\n" + "\n".join(f"{x.name} {'!' * x.changes} {x.text}" for x in m.relations)
    )


def test_one_thread() -> None:
    end = time.monotonic() + SECONDS
    for seed in seeds(0):
        m = Model(seed, delay_s=10)
        try:
            m.run(steps=120)
        except Exception as e:
            note(e, m, seed)
            raise
        finally:
            m.db.close()
        if time.monotonic() > end:
            break


def run_threads(m: Threaded, seed: int) -> None:
    """Three threads insert, one makes, drops and reads: then everything must agree."""
    for _ in range(3):
        m.make_source()
    names = [s.name for s in m.sources()]
    faults: list[BaseException] = []

    def insert(number: int) -> None:
        try:
            other = Model.__new__(Model)
            other.r, other.delay_s, other.clock = random.Random(seed * 10 + number), m.delay_s, 0
            for _ in range(60):
                m.insert_rows(
                    m.db,
                    other.r.choice(names),
                    other.rows(other.r.choice((1, 1, 3, 8))),
                    other.r.randrange(6),
                    wait=other.r.random() < 0.5,
                )
        except BaseException as e:
            faults.append(e)

    def wait(reader: Reader) -> None:
        try:
            for batch in reader.handle:
                reader.take(batch)
        except BaseException as e:
            faults.append(e)

    threads = [threading.Thread(target=insert, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    acts = (m.make_stream, m.make_stream, m.replace_stream, m.start, m.subscribe_anonymous, m.unsubscribe)
    waiting = Reader(m.db.subscribe(f"SELECT * FROM {names[0]}"), m.relations[0], Counter(), False)
    waiter = threading.Thread(target=wait, args=(waiting,))
    waiter.start()
    while any(t.is_alive() for t in threads):
        m.r.choice(acts)()
        for x in m.readers:
            x.drain()
        assert waiting.handle.is_active
    for t in threads:
        t.join()
    m.db.flush()
    m.start()
    m.check_all()
    m.db.shutdown()
    waiter.join()
    assert not faults, faults
    assert waiting.sum == bag(m.db.query(f"SELECT * FROM {names[0]}").fetchall())


class Threaded(Model):
    """No moment between two calls is quiet: nothing may be compared while the others insert."""

    def check_stream(self, s: Relation) -> None:
        if threading.active_count() <= 2:
            super().check_stream(s)

    def subscribe_anonymous(self) -> None:
        if len(self.readers) < 5:
            of = self.definition("(query)")
            of.closes, of.changes, of.append_only = False, True, False
            self.readers.append(Reader(self.db.subscribe(of.text + " EMIT CHANGES"), of, Counter(), True))


def test_four_threads() -> None:
    end = time.monotonic() + SECONDS
    for seed in seeds(0):
        m = Threaded(seed, delay_s=100000)
        try:
            run_threads(m, seed)
        except BaseException as e:
            note(e, m, seed)
            raise
        finally:
            m.db.close()
        if time.monotonic() > end:
            break
