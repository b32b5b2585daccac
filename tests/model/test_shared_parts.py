# SPDX-License-Identifier: Apache-2.0
"""O6: a stream that shares what it computes is told by nothing from one that computes alone.

Two databases go through the same random program; in one of them streams share. Streams are made, replaced and
dropped at random moments, with subscriptions to them and to their text, over two sources with late rows, and
a table that is updated and deleted from; in between are pauses, transactions, failures with RETRY, and
reloads from the bytes of a checkpoint. After each step both have the same rows in every stream, gave the same
changes to every subscription, and counted the same. Most queries of a case come from one family, so that they
have parts in common. LAMINAR_SEED=n runs one case.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import laminardb
import pytest
from laminardb.testing import reload
from running import some

CASES = 900
PER_TEST = 100

JOIN = "SELECT a.k AS k, v, w, a.ts AS ts FROM a JOIN b ON a.k = b.k"
OUTER = "SELECT a.k AS k, v, w FROM a LEFT JOIN b ON a.k = b.k AND v < w"
WITH_TABLE = "SELECT a.k AS k, v, g FROM a JOIN t ON a.k = t.id"
GROUPS = "SELECT k, sum(v) AS s, count(*) AS n, max(v) AS m FROM a GROUP BY k"
NEAR = "SELECT a.k AS k, v, w FROM a JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - 3 AND b.ts + 3"
ASOF = "SELECT a.k AS k, v, w FROM a ASOF JOIN b ON a.k = b.k AND a.ts >= b.ts"
WINDOW = "SELECT k, window_start AS s, count(*) AS n, sum(v) AS v FROM a GROUP BY k, {}"
TUMBLE, HOP, SESSION = (WINDOW.format(w) for w in ("TUMBLE(ts, 5)", "HOP(ts, 2, 4)", "SESSION(ts, 4)"))
TWICE = (
    f"SELECT x.k AS k, x.s + x.n + x.m AS s, y.s + y.n + y.m AS n FROM ({GROUPS}) x JOIN ({GROUPS}) y "
    "ON x.k = y.k"
)
ROWS = "SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v, ts) AS r FROM a"
SMALL = "SELECT k, CAST(sum(v) AS TINYINT) AS s FROM a GROUP BY k"

FAMILIES = (
    (JOIN, f"SELECT k, sum(v * w) AS x FROM ({JOIN}) GROUP BY k", f"SELECT DISTINCT k, v FROM ({JOIN})"),
    (JOIN, f"SELECT k, w FROM ({JOIN}) WHERE v > 3", f"SELECT count(*) AS n FROM ({JOIN})"),
    (f"SELECT window_start AS s, sum(w) AS w FROM ({JOIN}) GROUP BY TUMBLE(ts, 5)", JOIN),
    (OUTER, f"SELECT k, count(w) AS n FROM ({OUTER}) GROUP BY k"),
    (
        WITH_TABLE,
        f"SELECT g, sum(v) AS s FROM ({WITH_TABLE}) GROUP BY g",
        "SELECT g, count(*) AS n FROM t GROUP BY g",
    ),
    (
        GROUPS,
        f"SELECT k, s FROM ({GROUPS}) WHERE n > m",
        f"SELECT n + m AS n, sum(s) AS c FROM ({GROUPS}) GROUP BY 1",
    ),
    (TWICE, GROUPS),
    (f"SELECT x.k AS k, s + n + m AS s, w FROM ({GROUPS}) x JOIN b ON x.k = b.k", GROUPS),
    (f"SELECT k, n FROM ({GROUPS}) UNION ALL SELECT w AS k, count(*) AS n FROM b GROUP BY w", GROUPS),
    (NEAR, f"SELECT k, count(*) AS n FROM ({NEAR}) GROUP BY k", f"SELECT k FROM ({NEAR}) WHERE v > w"),
    (ASOF, f"SELECT w, sum(v) AS s FROM ({ASOF}) GROUP BY w"),
    (
        TUMBLE,
        f"SELECT k, max(n + v) AS n FROM ({TUMBLE}) GROUP BY k",
        f"SELECT s, v FROM ({TUMBLE}) WHERE n > 1",
    ),
    (f"{TUMBLE} EMIT ON WINDOW CLOSE", f"{TUMBLE} EMIT CHANGES", TUMBLE, f"{TUMBLE} ALLOW LATENESS 4"),
    (HOP, f"SELECT k, sum(n + v) AS n FROM ({HOP}) GROUP BY k", f"{HOP} EMIT ON WINDOW CLOSE"),
    (SESSION, f"SELECT k, count(*) AS n FROM ({SESSION}) GROUP BY k"),
    (ROWS, f"SELECT * FROM ({ROWS}) WHERE r <= 2", f"SELECT r, count(*) AS n FROM ({ROWS}) GROUP BY r"),
    (SMALL, f"SELECT k, s FROM ({SMALL}) WHERE k > 1", f"SELECT max(s) AS s FROM ({SMALL})"),
    ("SELECT id, max(CAST(g AS TINYINT)) AS g FROM t GROUP BY id",) * 2,
    (f"SELECT k, CAST(s AS TINYINT) + n + m AS s FROM ({GROUPS})", GROUPS),
)
MODES = ("", "", " EMIT CHANGES", " EMIT EVERY INTERVAL '2' SECOND")
IDLE = "WITH (idle_timeout = '4 seconds')"
START = 1_700_000_000_000


class Side:
    """One of the two databases, with all that its subscriptions were given."""

    def __init__(self, shares: bool) -> None:
        self.db = laminardb.open(config=laminardb.LaminarConfig(deterministic=True))
        self.db.tick(START)
        self.db.execute(f"SET share_state = {str(shares).lower()}")
        self.db.execute("CREATE SOURCE a (k BIGINT, v BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 4)")
        self.db.execute(f"CREATE SOURCE b (k BIGINT, w BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 4) {IDLE}")
        self.db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, g BIGINT)")
        self.readers: dict[str, Any] = {}

    def run(self, sql: str) -> str:
        try:
            self.db.execute(sql)
        except laminardb.LaminarError as e:
            return str(e)
        return ""

    def subscribe(self, name: str, sql: str | None) -> str:
        try:
            of = self.db.subscribe(sql) if sql is not None else self.db.subscribe_stream(name, snapshot=True)
        except laminardb.LaminarError as e:
            return str(e)
        self.readers[name if sql is None else f"text of {name}"] = of
        return ""

    def rows(self, name: str) -> object:
        try:
            return sorted(map(repr, self.db.query(f"SELECT * FROM {name}").fetchall()))
        except laminardb.LaminarError as e:
            return str(e)

    def changes(self, name: str) -> object:
        """What was given since the last time, summed for each moment."""
        given: dict[int, Counter[str]] = {}
        try:
            while (batch := self.readers[name].try_next()) is not None:
                at = given.setdefault(batch.position[0], Counter())
                at.update(map(repr, batch.fetchall()))
                if batch.deleted is not None:
                    at.update(f"- {row!r}" for row in batch.deleted.fetchall())
        except laminardb.LaminarError as e:
            return given, str(e)
        return given

    def counts(self, name: str) -> object:
        m = some(self.db.stream_metrics(name))
        return m.late_rows, m.null_time_rows, m.watermark, m.error


class Case:
    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.sides = self.open_sides()
        self.streams: dict[str, str] = {}
        self.now, self.clock = 0, START
        self.paused = False
        self.families = self.r.sample(FAMILIES, self.r.choice((1, 1, 2, 3)))
        self.steps: list[str] = []
        self.shared = 0

    def open_sides(self) -> tuple[Side, Side]:
        return Side(False), Side(True)

    def both(self, what: str) -> bool:
        self.steps.append(what)
        alone, sharing = (side.run(what) for side in self.sides)
        assert (alone == "") == (sharing == ""), (what, alone, sharing)
        return alone == ""

    def query(self) -> str:
        sql = self.r.choice(self.r.choice(self.families))
        return sql if "EMIT" in sql or "LATENESS" in sql else sql + self.r.choice(MODES)

    # ------------------------------------------------------------------ steps
    def create(self) -> None:
        name, sql = f"s{self.r.randint(1, 7)}", self.query()
        if self.both(f"CREATE OR REPLACE STREAM {name} AS {sql}"):
            self.streams[name] = sql
            for side in self.sides:
                side.readers.pop(name, None)

    def above(self) -> None:
        if self.streams:
            name, of = f"u{self.r.randint(1, 2)}", self.r.choice(list(self.streams))
            sql = f"SELECT count(*) AS n FROM {of}"
            if not of.startswith("u") and self.both(f"CREATE OR REPLACE STREAM {name} AS {sql}"):
                self.streams[name] = sql
                for side in self.sides:
                    side.readers.pop(name, None)

    def drop(self) -> None:
        if self.streams:
            name = self.r.choice(list(self.streams))
            if self.both(f"DROP STREAM {name}"):
                del self.streams[name]
                for side in self.sides:
                    side.readers.pop(name, None)

    def subscribe(self) -> None:
        if self.streams:
            name = self.r.choice(list(self.streams))
            sql = self.streams[name] if self.r.random() < 0.5 else None
            self.steps.append(f"subscribe {name} {sql}")
            alone, sharing = (side.subscribe(name, sql) for side in self.sides)
            assert (alone == "") == (sharing == ""), (name, alone, sharing)

    def unsubscribe(self) -> None:
        if self.sides[0].readers:
            name = self.r.choice(list(self.sides[0].readers))
            self.steps.append(f"close {name}")
            for side in self.sides:
                reader = side.readers.pop(name, None)
                if reader is not None:
                    reader.cancel()

    def insert(self) -> None:
        r, table = self.r, self.r.choice("aab")
        rows = []
        for _ in range(r.choice((1, 1, 2, 5, 20))):
            self.now += r.choice((0, 0, 1, 2))
            ts = r.choice(("NULL", *[str(self.now - r.choice((0, 0, 1, 3, 6, 12)))] * 9))
            rows.append(f"({r.choice((1, 2, 3, 'NULL'))}, {r.choice((0, 1, 5, 9, 40))}, {ts})")
        self.both(f"INSERT INTO {table} VALUES {', '.join(rows)}")

    def change(self) -> None:
        r, at = self.r, self.r.randint(1, 4)
        self.both(
            r.choice(
                (
                    f"INSERT INTO t VALUES ({at}, {r.choice((1, 2, 3, 300))})",
                    f"UPDATE t SET g = {r.choice((1, 2, 3))} WHERE id <= {at}",
                    f"DELETE FROM t WHERE id = {at}",
                )
            )
        )

    def transaction(self) -> None:
        self.both("BEGIN")
        for _ in range(self.r.randint(1, 3)):
            self.r.choice((self.insert, self.change))()
        self.both(self.r.choice(("COMMIT", "COMMIT", "ROLLBACK")))

    def pause(self) -> None:
        self.steps.append("pause or resume")
        for side in self.sides:
            (side.db.resume if self.paused else side.db.pause)()
        self.paused = not self.paused

    def tick(self) -> None:
        self.clock += self.r.choice((500, 1000, 3000))
        self.steps.append(f"tick {self.clock - START}")
        for side in self.sides:
            side.db.tick(self.clock)

    def reload(self) -> None:
        self.steps.append("reload")
        for side in self.sides:
            reload(side.db)

    def retry(self) -> None:
        if self.streams:
            self.both(f"ALTER STREAM {self.r.choice(list(self.streams))} RETRY")

    # ------------------------------------------------------------------ what must hold
    def look(self) -> None:
        alone, sharing = self.sides
        for name in self.streams:
            assert failed(alone.rows(name)) == failed(sharing.rows(name)), name
            if not failed(alone.rows(name)):
                assert alone.rows(name) == sharing.rows(name), name
                assert alone.counts(name) == sharing.counts(name), name
            self.shared += some(sharing.db.stream_metrics(name)).shared_state_bytes > 0
        for name in alone.readers:
            assert alone.changes(name) == sharing.changes(name), name

    def run(self) -> int:
        steps = [self.create] * 5 + [self.insert] * 8 + [self.change] * 3 + [self.subscribe] * 3
        steps += [self.above, self.drop, self.drop, self.unsubscribe, self.transaction]
        steps += [self.pause, self.reload, self.retry, self.tick, self.tick]
        for side in self.sides:
            side.db.start()
        for _ in range(self.r.randint(10, 40)):
            self.r.choice(steps)()
            self.look()
        for name in list(self.streams)[::-1]:
            self.both(f"DROP STREAM IF EXISTS {name} CASCADE")
        for side in self.sides:
            side.readers.clear()
            side.db.close()
        return self.shared


def failed(rows: object) -> bool:
    return isinstance(rows, str)


def run(seed: int) -> int:
    case = Case(seed)
    try:
        return case.run()
    except BaseException:
        print(f"LAMINAR_SEED={seed}", *case.steps, sep="\n")
        raise


@pytest.mark.parametrize("first", range(0, CASES, PER_TEST))
def test_sharing_is_told_by_nothing(first: int) -> None:
    if (seed := os.environ.get("LAMINAR_SEED")) is not None:
        run(int(seed))
        return
    assert sum(run(seed) for seed in range(first, first + PER_TEST)) > PER_TEST, "too little is shared"
