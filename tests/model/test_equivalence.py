# SPDX-License-Identifier: Apache-2.0
"""E1-E8: for random schemas, rows, queries, splits into inserts and orders,

    changes of a stream, summed == its state == the one-off query == DuckDB.

A world is one schema of two sources and a table that is updated and deleted from, what happens to them, cut
into inserts and transactions at random, and ten queries: each query is a case, a stream made at a random
moment, with a subscription to its text and one to the stream that comes and goes, with a snapshot first or
from where it stopped before. Queries may read the streams of earlier ones. The pipeline starts, pauses and
resumes at random moments. In every second world all streams are taken to the bytes of a checkpoint and go on
from those, at random moments (E4). In every third world two threads insert (half of it without waiting) while
the main thread does all that.

Every other world also has an event-timed source and a windowed stream over it: no row of it is unaccounted
for (E7), its watermarks never go back and a window that was final never changes again (E6).

At one random position inside each world every case is also compared with the one-off query over the rows up
to there, so every stream shows the same prefix (E5). A failing world prints its seed and, where one query
alone fails, the least rows and query that do; LAMINAR_SEED=n runs that world alone.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import duckdb
import laminardb
import pytest
from draw import Coverage, Draw
from generate import GRAMMAR, Generator, Query, Tables, tables
from judges import (
    KEYED,
    Fault,
    Model,
    Step,
    Transaction,
    apply,
    declare,
    delete,
    duck,
    load_duck,
    single,
    update,
)
from laminardb.testing import reload
from values import BIG, TYPES, Bag, Row, bag, difference, plain, same

WORLDS = 5000
CASES_IN_WORLD = 10  # 50,000 cases
PER_TEST = 100
REPEATED = 25  # one world in so many runs twice: E8
assert WORLDS * CASES_IN_WORLD >= 50_000

Delivery = tuple[int, list[tuple[Row, int]]]  # epoch, changes
COVERAGE = Coverage(GRAMMAR)
UNANSWERED: list[str] = []  # queries that DuckDB cannot answer


def nonzero(sums: Bag) -> Bag:
    return Counter({row: n for row, n in sums.items() if n != 0})


Handle = laminardb.Subscription | laminardb.StreamSubscription


class Reader:
    """A subscription, all it was given, and the state that its deliveries add up to."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.weighted = handle.schema.names[-1:] == ["__weight"]
        self.keys = [] if self.weighted else handle._key_columns() or []
        self.state: dict[Row, Row] = {}  # of keyed streams: key -> row
        self.deliveries: list[Delivery] = []
        self.position: tuple[int, int] | None = None

    def drain(self) -> None:
        while (batch := self.handle.try_next()) is not None:
            self.take(batch)

    def go_on(self, handle: Handle) -> None:
        """Reads on with a subscription from the last position: no gap, no repetition."""
        self.handle = handle

    def take(self, batch: laminardb.QueryResult) -> None:
        position = batch.position
        assert position is not None and (self.position is None or position > self.position), "E6"
        self.position = position
        rows = batch.fetchall()
        gone = [] if batch.deleted is None else batch.deleted.fetchall()
        if self.weighted:
            changes = [(row[:-1], row[-1]) for row in rows]
        elif self.keys:
            changes = self.replace(rows, gone)
        else:
            changes = [(r, 1) for r in rows] + [(r, -1) for r in gone]
        self.deliveries.append((position[0], [(tuple(map(plain, row)), n) for row, n in changes]))

    def key(self, row: Row) -> Row:
        return tuple(plain(row[k]) for k in self.keys)

    def replace(self, rows: list[Row], gone: list[Row]) -> list[tuple[Row, int]]:
        """Updates of a keyed stream show the new row of each key: the old one is what was held."""
        changes = []
        for row in gone:
            held = self.state.pop(self.key(row))
            assert same(bag([held]), bag([row])), "deleted shows another row than the last one of its key"
            changes.append((held, -1))
        for row in rows:
            key = self.key(row)
            if key in self.state:
                changes.append((self.state[key], -1))
            self.state[key] = row
            changes.append((row, 1))
        return changes

    def sum(self, epoch: int | None = None) -> Bag:
        total: Bag = Counter()
        for at, changes in self.deliveries:
            if epoch is None or at <= epoch:
                for row, weight in changes:
                    total[row] += weight
        return nonzero(total)


class Case:
    """One query as a stream, with its readers."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.name = world, f"s{number}"
        self.draw = Draw(world.seed * 1000 + number + 1)
        self.below = world.streams()
        g = Generator(self.draw, world.tables, {c.name: c.query.kinds for c in self.below}, COVERAGE)
        self.query: Query = g.query()
        self.below = [c for c in self.below if c.name in self.query.tables]
        self.emit = world.r.choice(("", "", " EMIT CHANGES", " EMIT ON UPDATE"))
        self.made = False
        self.of_text: Reader | None = None
        self.of_stream: Reader | None = None
        self.gone: Reader | None = None  # may come back

    def make(self) -> None:
        if self.made:
            return
        self.made = True
        for below in self.below:
            below.make()
        text = f"CREATE STREAM {self.name} AS {self.query.bound}{self.emit}"
        self.world.db.execute(text, self.query.params)

    def subscribe(self) -> None:
        for below in self.below:
            below.make()
        if self.of_text is None:
            self.of_text = Reader(self.world.db.subscribe(f"{self.query.ours} EMIT CHANGES"))

    def come(self) -> None:
        if self.of_stream is not None:
            return
        before, db = self.gone, self.world.db
        if before is not None and before.position is not None and self.world.r.random() < 0.7:
            self.of_stream = before
            before.go_on(db.subscribe_stream(self.name, from_=before.position))
        else:
            self.of_stream = Reader(db.subscribe_stream(self.name, snapshot=True))

    def go(self) -> None:
        if self.of_stream is not None:
            if self.world.r.random() < 0.7:
                self.of_stream.drain()
            self.of_stream.handle.cancel()
            self.gone, self.of_stream = self.of_stream, None

    def agree(self, got: Bag, want: Bag, what: str) -> None:
        assert same(got, want), f"{what}\n{difference(got, want)}"

    def check(self, want: Bag, prefix: Bag, epoch: int) -> None:
        db, q = self.world.db, self.query
        metrics = db.stream_metrics(self.name)
        assert metrics is not None and metrics.error is None, metrics
        self.agree(bag(db.query(q.ours).fetchall()), want, "one-off query differs from DuckDB")
        if q.params is not None:
            self.agree(bag(db.query(q.bound, q.params).fetchall()), want, "parameters change the answer")
        self.agree(
            bag(db.query(f"SELECT * FROM {self.name}").fetchall()), want, "state of the stream differs"
        )
        for reader in (self.of_text, self.of_stream):
            assert reader is not None
            reader.drain()
            self.agree(reader.sum(), want, f"summed changes of {reader.handle} differ")
            if reader.deliveries and reader.deliveries[0][0] <= epoch:
                shown = reader.sum(epoch)
                if not same(shown, prefix):
                    # Append-only results of several ticks may come as one.
                    grows = "[append-only]" in str(db.query(f"EXPLAIN {q.ours}").fetchall()[0])
                    assert grows and shown <= prefix <= want, (
                        f"{reader.handle} shows no prefix at {epoch}\n{difference(shown, prefix)}"
                    )


class Windows:
    """A windowed stream over an event-timed source, and what must hold of it at any moment."""

    DELAY_S, SIZE_S = 2, 5

    def __init__(self, world: World) -> None:
        self.world, self.r = world, world.r
        self.reader: Handle | None = None
        self.rows = self.null_times = 0
        self.watermarks = [-(2**63), -(2**63)]  # of the source and the stream, as seen last
        self.sums: Bag = Counter()

    def declare(self) -> None:
        watermark = f"WATERMARK FOR ts AS ts - INTERVAL '{self.DELAY_S}' SECOND"
        self.world.db.execute(f"CREATE SOURCE w (k BIGINT, ts TIMESTAMP, {watermark})")

    def make(self) -> None:
        window = f"TUMBLE(ts, INTERVAL '{self.SIZE_S}' SECOND)"
        self.world.db.execute(
            "CREATE STREAM sw AS SELECT k, window_start, count(*) AS n"
            f" FROM w GROUP BY k, {window} EMIT CHANGES"
        )
        self.reader = self.world.db.subscribe_stream("sw", snapshot=True)

    def inserts(self) -> list[Step | Transaction]:
        """Times run ahead, fall back and are missing now and then."""
        now = dt.datetime(2024, 1, 1)
        out: list[Step | Transaction] = []
        for _ in range(self.r.choice((1, 2, 4, 8))):
            batch: list[Row] = []
            for _ in range(self.r.choice((1, 1, 2, 5))):
                now += dt.timedelta(seconds=self.r.choice((-9, -3, 0, 1, 2, 7)))
                missing = self.r.random() < 0.1
                self.null_times += missing
                batch.append((self.r.randint(1, 3), None if missing else now))
            self.rows += len(batch)
            out.append(Step("w", tuple(batch)))
        return out

    def look(self) -> None:
        """What is delivered from now on may not touch a window that is final now."""
        if self.reader is None:
            return
        db = self.world.db
        source, stream = db.source_metrics("w"), db.stream_metrics("sw")
        assert source is not None and stream is not None and stream.error is None
        for i, seen in enumerate((source.watermark, stream.watermark)):
            assert seen >= self.watermarks[i], "E6: a watermark went back"
        final = self.watermarks[1]
        while (batch := self.reader.try_next()) is not None:
            for k, start, n, weight in batch.fetchall():
                end = start + dt.timedelta(seconds=self.SIZE_S)
                end_ms = (end - dt.datetime(1970, 1, 1)) // dt.timedelta(milliseconds=1)
                assert end_ms > final, f"E6: the window {start} changed after it was final at {final}"
                self.sums[(k, start, n)] += weight
        if db.pipeline_state == "Running":  # before, the stream has read nothing of what its source has
            self.watermarks = [source.watermark, stream.watermark]

    def check(self) -> None:
        self.look()
        m = self.world.db.stream_metrics("sw")
        assert m is not None
        state = self.world.db.query("SELECT * FROM sw").fetchall()
        assert nonzero(self.sums) == Counter(state), "summed changes of windows differ from their state"
        processed = sum(n for _, _, n in state)
        assert (m.rows_in, m.null_time_rows) == (self.rows, self.null_times), "E7"
        assert m.rows_in == processed + m.late_rows + m.null_time_rows, f"E7: {m} {processed}"


class World:
    def __init__(self, seed: int, con: duckdb.DuckDBPyConnection, pool: ThreadPoolExecutor) -> None:
        self.seed, self.con, self.pool = seed, con, pool
        draw = Draw(seed)
        self.tables: Tables = tables(draw, ("t", "u", KEYED))
        self.tables[KEYED] = {"vid": BIG, **self.tables[KEYED]}
        self.g = Generator(draw, self.tables)
        self.r = random.Random(seed)
        self.threaded = self.r.random() < 1 / 3
        self.turns = random.Random(-seed) if seed % 4 > 1 else None
        self.db = self.open()
        self.cases: list[Case] = []
        for i in range(CASES_IN_WORLD):
            self.cases.append(Case(self, i))
        self.windows = Windows(self) if seed % 2 else None
        self.logs: dict[str, tuple[Reader | list[Row], Reader]] = {}
        self.model = Model(self.tables)
        self.steps: list[Step | Transaction] = []
        self.running: list[Future[None]] = []
        self.changing: set[Future[None]] = set()

    def open(self) -> laminardb.Connection:
        return laminardb.open()

    def streams(self) -> list[Case]:
        """Earlier cases that the next one may read."""
        able = [c for c in self.cases if set(c.query.kinds) <= set(TYPES) and not c.below]
        return self.r.sample(able, 1) if able and self.r.random() < 0.4 else []

    # ------------------------------------------------------------------ what happens
    def inserts(self) -> list[Step | Transaction]:
        """All rows in random order (E3), cut into inserts at random (E2), some of them empty."""
        out: list[Step | Transaction] = []
        for t in ("t", "u"):
            left = self.g.rows(t, self.r.choice((0, 1, 3, 8, 16)))
            self.r.shuffle(left)
            while left:
                n = self.r.choice((1, 1, 2, 5, len(left)))
                out.append(Step(t, tuple(left[:n])))
                left = left[n:]
        for _ in range(self.r.choice((0, 1, 4, 8))):
            out.append(self.change())
        if self.windows is not None:
            out += self.windows.inserts()
        self.r.shuffle(out)
        return out

    def change(self) -> Step | Transaction:
        """Of the table: rows with old and new keys, updates, deletes, or a transaction of some."""
        r, columns = self.r, self.tables[KEYED]
        how = r.random()
        if how < 0.15:
            steps = [s for s in (self.change() for _ in range(r.choice((1, 2, 3)))) if isinstance(s, Step)]
            return steps, r.random() < 0.7
        low = r.randint(0, 9)
        if how < 0.3:
            return delete(low, low + r.choice((0, 0, 3)))
        if how < 0.5:
            at = r.randint(1, len(columns) - 1)
            value = self.g.value(list(columns.values())[at])
            return update(columns, at, value, low, low + r.choice((0, 0, 3)))
        some = self.g.rows(KEYED, r.choice((1, 2, 5)))
        return Step(KEYED, tuple((r.randint(0, 9), *row[1:]) for row in some))

    def events(self) -> list[Callable[[], None]]:
        """Each case's life in its order, merged at random with start, pause and resume."""
        lives: list[list[Callable[[], None]]] = [[self.db.start]]
        if self.r.random() < 0.3:
            lives[0] += [self.db.pause, self.db.resume]
        for c in self.cases:
            often = self.r.choice((0, 0, 1, 1, 2))
            lives.append([c.make, c.come, *[c.go, c.come] * often])
            lives.append([c.subscribe])
        if self.windows is not None:
            lives.append([self.windows.make])
        order = [i for i, life in enumerate(lives) for _ in life]
        self.r.shuffle(order)
        left = [iter(life) for life in lives]
        return [next(left[i]) for i in order]

    def insert_here(self, steps: list[Step | Transaction]) -> None:
        for step in steps:
            apply(self.db, step)
            self.restore()

    def restore(self) -> None:
        """E4: in every second world the streams go on from the bytes of a checkpoint, at any moment."""
        if self.turns is not None and self.turns.random() < 0.25:
            reload(self.db)

    def insert_aside(self, steps: list[Step | Transaction]) -> None:
        """Two threads; all that happens to the table in the first, in its order."""

        def run(mine: Sequence[Step | Transaction], wait: bool) -> None:
            for step in mine:
                apply(self.db, step, wait)

        self.running = [f for f in self.running if not f.done()]
        keyed = [s for s in steps if isinstance(s, tuple) or s.table == KEYED]
        others = [s for s in steps if not (isinstance(s, tuple) or s.table == KEYED)]
        self.running.append(self.pool.submit(run, others, self.r.random() < 0.5))
        for f in [f for f in self.running if f in self.changing]:
            f.result()  # changes keep their order
        self.changing = {self.pool.submit(run, keyed, True)}
        self.running += self.changing

    def run(self) -> None:
        self.changing = set()
        declare(self.db, self.tables)
        for t in self.tables:
            # Rows in the order of the engine, and how many there were at each position.
            rows = Reader(self.db.subscribe(f"SELECT * FROM {t}{' EMIT CHANGES' if t == KEYED else ''}"))
            self.logs[t] = (rows, Reader(self.db.subscribe(f"SELECT count(*) FROM {t} EMIT CHANGES")))
        if self.windows is not None:
            self.windows.declare()
        inserts, events = self.inserts(), self.events()
        places = sorted(self.r.randint(0, len(events)) for _ in inserts)
        insert = self.insert_aside if self.threaded else self.insert_here
        for i, event in enumerate(events):
            self.insert([s for s, at in zip(inserts, places, strict=True) if at == i], insert)
            event()
            self.restore()
            if self.r.random() < 0.2:
                self.drain()
        self.insert([s for s, at in zip(inserts, places, strict=True) if at == len(events)], insert)
        for f in self.running:
            f.result()
        self.db.flush()
        self.drain()

    def insert(
        self, steps: list[Step | Transaction], how: Callable[[list[Step | Transaction]], None]
    ) -> None:
        for step in steps:
            if isinstance(step, tuple) or step.table != "w":
                self.model.apply(step)
                self.steps.append(step)
        how(steps)

    def drain(self) -> None:
        for c in self.cases:
            for reader in (c.of_text, c.of_stream):
                if reader is not None:
                    reader.drain()
        if self.windows is not None:
            self.windows.look()

    # ------------------------------------------------------------------ what must hold
    def prefix(self, table: str, epoch: int) -> list[Row]:
        rows, counts = self.logs[table]
        if isinstance(rows, Reader):
            state: dict[str, Row] = {}
            for at, changes in self.changes:
                for row, weight in changes if at <= epoch else []:
                    if weight > 0:
                        state[str(row[0])] = row
                    elif state.get(str(row[0])) is row or repr(state.get(str(row[0]))) == repr(row):
                        del state[str(row[0])]
            return list(state.values())
        shown = (row[0] for at, c in counts.deliveries if at <= epoch for row, weight in c if weight > 0)
        return rows[: max(shown, default=0)]

    def read_logs(self) -> None:
        """The tables are what went in; the rows of sources in their order, the changes of the table."""
        for t, (rows, counts) in self.logs.items():
            counts.drain()
            fetched: list[Row] = []
            self.changes: list[Delivery] = []
            assert isinstance(rows, Reader)
            while (batch := rows.handle.try_next()) is not None:
                fetched += batch.fetchall()
                if t == KEYED:
                    assert batch.position is not None
                    some = batch.fetchall()
                    self.changes.append((batch.position[0], [(row[:-1], row[-1]) for row in some]))
            if t != KEYED:
                assert bag(fetched) == bag(self.model.rows[t]), f"rows of {t} were lost or doubled"
                self.logs[t] = (fetched, counts)
            else:
                assert bag(self.db.query(f"SELECT * FROM {t}").fetchall()) == bag(self.model.all()[t])
                assert bag(self.prefix(t, 2**62)) == bag(self.model.all()[t]), "changes of the table"
            load_duck(self.con, t, self.tables[t], self.model.all()[t])

    def check(self) -> None:
        self.read_logs()
        if self.windows is not None:
            self.windows.check()
        epochs = sorted({at for t in self.tables for at, _ in self.logs[t][1].deliveries})
        epoch = self.r.choice(epochs or [0])
        with laminardb.open() as before:
            declare(before, self.tables)
            for t in self.tables:
                if rows := self.prefix(t, epoch):
                    before.insert(t, rows)
            for c in self.cases:
                try:
                    if any(c in other.below for other in self.cases):
                        self.con.execute(f"CREATE OR REPLACE VIEW {c.name} AS {c.query.duck}")
                        before.execute(f"CREATE VIEW {c.name} AS {c.query.ours}")
                    want = self.ask_duck(c.query)
                    c.check(want, bag(before.query(c.query.ours).fetchall()), epoch)
                except BaseException as e:
                    q = c.query
                    e.add_note(f"{c.name}{c.emit}: {q.ours}\nduck {q.duck}\nbound {q.bound} {q.params}")
                    below = {b.name: b.query for b in c.below}
                    e.add_note(Fault(self.tables, below, c.draw.taken).report(single(self.steps)))
                    raise

    def ask_duck(self, q: Query) -> Bag:
        """Its answer; ours, answered once, where it has not got the operator."""
        try:
            return bag(self.con.execute(q.duck).fetchall())
        except duckdb.NotImplementedException:
            UNANSWERED.append(q.duck)
            return bag(self.db.query(q.ours).fetchall())

    def deliveries(self) -> list[object]:
        return [r.deliveries for c in self.cases for r in (c.of_text, c.of_stream) if r is not None]


def run_world(seed: int, con: duckdb.DuckDBPyConnection, pool: ThreadPoolExecutor) -> None:
    worlds = [World(seed, con, pool)]
    try:
        worlds[0].run()
        worlds[0].check()
        if seed % REPEATED == 0 and not worlds[0].threaded:
            worlds.append(World(seed, con, pool))
            worlds[1].run()
            worlds[1].check()
            assert worlds[0].deliveries() == worlds[1].deliveries(), "E8: two runs differ"
    except BaseException as e:
        e.add_note(f"LAMINAR_SEED={seed} threaded {worlds[0].threaded}")
        raise
    finally:
        for f in worlds[-1].running:
            f.exception()
        for world in worlds:
            world.db.close()


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duck()


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as p:
        yield p


@pytest.mark.parametrize("block", range(WORLDS // PER_TEST))
def test_incremental_is_once_is_duckdb(
    block: int, con: duckdb.DuckDBPyConnection, pool: ThreadPoolExecutor
) -> None:
    if "LAMINAR_SEED" in os.environ:
        if block == 0:
            run_world(int(os.environ["LAMINAR_SEED"]), con, pool)
        return
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        run_world(seed, con, pool)


def test_the_grammar_was_used() -> None:
    if sum(COVERAGE.hits.values()) < 100_000:
        pytest.skip("holds for a whole run")
    assert {m for m in COVERAGE.missing() if not m.startswith("answered once")} == set()
    assert len(UNANSWERED) < WORLDS * CASES_IN_WORLD / 1000
