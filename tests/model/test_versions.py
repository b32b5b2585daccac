# SPDX-License-Identifier: Apache-2.0
"""FOR SYSTEM_TIME AS OF against versions that are kept in a list.

A table's row has a version from when it came until it went; a row of the left side meets the versions of
its own time. Rows of the left may be older than the table, of now, or of a time that is yet to come.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections import Counter
from typing import Any

import laminardb
import pytest
from laminardb import testing

EPOCH = dt.datetime(1970, 1, 1)
END = 1 << 60
Row = tuple[Any, ...]
Database = laminardb.Connection | testing.TestDatabase
TIMES = {"BIGINT": "", "TIMESTAMP": "", "TIMESTAMP_S": "", "BIGINT s": " WITH (time_unit = 's')"}


class Model:
    """A table of (k, g, v) with the key k, and its past. Times are seconds."""

    def __init__(self) -> None:
        self.now: dict[int | None, tuple[Row, int]] = {}
        self.past: list[tuple[Row, int, int]] = []
        self.left: list[Row] = []

    def put(self, row: Row, at: int) -> None:
        self.drop(row[0], at)
        self.now[row[0]] = (row, at)

    def drop(self, k: int | None, at: int) -> None:
        if k in self.now:
            row, since = self.now.pop(k)
            self.past.append((row, since, at))

    def versions(self, at: int) -> list[Row]:
        there = [(row, since, END) for row, since in self.now.values()]
        return [row for row, since, until in self.past + there if since <= at < until]

    def joined(self, kind: str, column: int, more: bool) -> Counter[Row]:
        out: Counter[Row] = Counter()
        for ts, k, n in self.left:
            found = (
                [r for r in self.versions(ts) if k is not None and r[column] == k] if ts is not None else []
            )
            if more:
                found = [r for r in found if r[1] is None or r[2] > n]
            if kind in ("SEMI", "ANTI"):
                out[(ts, k, n)] += bool(found) == (kind == "SEMI")
                continue
            for r in found:
                out[(ts, k, n, r[0], r[1], r[2])] += 1
            if not found and kind == "LEFT":
                out[(ts, k, n, None, None, None)] += 1
        return +out


#: Column 0 is the key, and found by order, whatever else is asked; EXPLAIN says so.
QUERIES = [
    (kind, column, more)
    for kind in ("INNER", "LEFT", "SEMI", "ANTI")
    for column, more in ((0, False), (1, False), (0, True))
]


def sql(kind: str, column: int, more: bool, time: str) -> str:
    shown = "l.ts, l.k, l.n" + ("" if kind in ("SEMI", "ANTI") else ", r.k AS rk, r.g, r.v")
    on = f"l.k = r.{'kg'[column]}{' AND (r.g IS NULL OR r.v > l.n)' if more else ''}"
    return f"SELECT {shown} FROM l {kind} JOIN r FOR SYSTEM_TIME AS OF {time} AS r ON {on}"


def second(v: Any) -> Any:
    return int((v - EPOCH).total_seconds()) if isinstance(v, dt.datetime) else v


def answer(db: Database, query: str, kind: str) -> Counter[Row]:
    rows = db.query(query).fetchall()
    scale = 1000 if kind == "BIGINT" else 1
    times = [second(r[0]) for r in rows]
    return Counter((t if t is None else t // scale, *r[1:]) for t, r in zip(times, rows, strict=True))


def change(db: Database, m: Model, r: random.Random, at: int) -> None:
    key: int = r.randint(0, 4)
    row = (key, r.choice((0, 1, None)), r.randint(0, 9))
    match r.choice(("insert", "insert", "upsert", "update", "delete", "batch", "transaction", "rollback")):
        case "insert" | "upsert":
            db.insert("r", row)
            m.put(row, at)
        case "update":
            db.execute("UPDATE r SET v = v + 1 WHERE k <= ?", [key])
            for k in [k for k in m.now if k is not None and k <= key]:
                old = m.now[k][0]
                m.put((k, old[1], old[2] + 1), at)
        case "delete":
            db.execute("DELETE FROM r WHERE k = ?", [key])
            m.drop(key, at)
        case "batch":
            rows = [(k, k % 2, r.randint(0, 9)) for k in r.sample(range(5), 3)]
            db.insert("r", rows)
            for each in rows:
                m.put(each, at)
        case "transaction":
            db.execute("BEGIN")
            db.execute("DELETE FROM r")
            db.insert("r", row)
            db.execute("UPDATE r SET v = 100")
            db.execute("COMMIT")
            for held in list(m.now):
                m.drop(held, at)
            m.put((key, row[1], 100), at)
        case _:
            db.execute("BEGIN")
            db.execute("DELETE FROM r")
            db.insert("r", row)
            db.execute("ROLLBACK")


def feed(db: Database, m: Model, r: random.Random, at: int, kind: str) -> None:
    rows = [
        (
            r.choice((at, at - r.randint(0, 6), at + r.randint(0, 6), None)),
            r.choice((0, 1, 2, 3, None)),
            r.randint(0, 2),
        )
        for _ in range(r.randint(1, 4))
    ]
    m.left += rows

    def moment(ts: int | None) -> Any:
        if ts is None or kind == "BIGINT s":
            return ts
        return ts * 1000 if kind == "BIGINT" else EPOCH + dt.timedelta(seconds=ts)

    db.insert("l", [(moment(ts), k, n) for ts, k, n in rows])


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("seed", range(4))
def test_versions_are_those_of_a_list(kind: str, seed: int) -> None:
    r = random.Random(f"{kind} {seed}")
    with testing.database(now=0) as db:
        m = Model()
        db.execute(
            f"CREATE SOURCE l (ts {kind.split()[0]}, k BIGINT, n BIGINT, WATERMARK FOR ts){TIMES[kind]};"
            "CREATE TABLE r (k BIGINT PRIMARY KEY, g BIGINT, v BIGINT)"
        )
        early = r.sample(QUERIES, 4)
        for at, (join, column, more) in enumerate(early):
            db.execute(f"CREATE STREAM early{at} AS {sql(join, column, more, 'l.ts')} EMIT CHANGES")
        db.start()
        seen: list[Counter[Row]] = [Counter() for _ in early]
        subs = [db.subscribe_stream(f"early{at}") for at in range(len(early))]
        for at in range(1, 25):
            db.tick(at * 1000)
            if at == 12:
                db.execute("BEGIN")
                feed(db, m, r, at, kind)
                db.execute("COMMIT")
            if at == 15:
                db.pause()
            for _ in range(r.randint(1, 3)):
                change(db, m, r, at) if r.random() < 0.5 else feed(db, m, r, at, kind)
            if at == 17:
                db.resume()
            if r.random() < 0.2:
                testing.reload(db)
            for i, sub in enumerate(subs):
                while (batch := sub.try_next()) is not None:
                    for *row, weight in batch.fetchall():
                        seen[i][tuple(row)] += weight
            if 15 <= at < 17:
                continue
            for i, (join, column, more) in enumerate(early):
                want = m.joined(join, column, more)
                assert answer(db, f"SELECT * FROM early{i}", kind) == want, (at, join, column)
                rows = db.query(f"SELECT * FROM early{i}").fetchall()
                assert +seen[i] == Counter(rows) and min(seen[i].values(), default=0) >= 0, (at, join)
            join, column, more = r.choice(QUERIES)
            assert answer(db, sql(join, column, more, "l.ts"), kind) == m.joined(join, column, more), (
                at,
                join,
            )
            then = r.randint(0, at)
            rows = db.query(
                f"SELECT * FROM r FOR SYSTEM_TIME AS OF TIMESTAMP '1970-01-01 00:00:{then:02}'"
            ).fetchall()
            assert Counter(rows) == Counter(m.versions(then)), (at, then)
        for i, (join, column, more) in enumerate(QUERIES):
            db.execute(f"CREATE STREAM made{i} AS {sql(join, column, more, 'l.ts')}")
            assert answer(db, f"SELECT * FROM made{i}", kind) == m.joined(join, column, more), (join, column)


def test_processing_time_is_when_the_row_came() -> None:
    """Later changes leave the answer alone; of changes at one instant the last counts."""
    with testing.database(now=1000) as db:
        db.execute("CREATE SOURCE l (k BIGINT); CREATE TABLE r (k BIGINT PRIMARY KEY, v BIGINT)")
        query = "SELECT l.k, r.v FROM l LEFT JOIN r FOR SYSTEM_TIME AS OF PROCTIME() ON l.k = r.k"
        db.execute(f"CREATE STREAM j AS {query}")
        for now, row, shown in (
            (1000, None, None),
            (2000, (1, 10), 10),
            (3000, (1, 20), 20),
            (4000, (1, 30), 30),
        ):
            db.tick(now)
            if row is not None:
                db.insert("r", row)
            db.insert("l", [(1,)])
            assert (1, shown) in db.query("SELECT * FROM j").fetchall()
        db.insert("r", (1, 40))
        want = [(1, None), (1, 10), (1, 20), (1, 40)]
        db.tick(5000)
        db.execute("DELETE FROM r")
        db.execute(f"CREATE STREAM late AS {query}")
        for name in ("j", "late"):
            assert sorted(db.query(f"SELECT * FROM {name}").fetchall(), key=str) == sorted(want, key=str)


def test_altered_inputs() -> None:
    """Columns that no object has stay where they are when others move."""
    with testing.database(now=1000) as db:
        db.execute(
            "CREATE SOURCE l (k BIGINT, x BIGINT); CREATE TABLE r (w BIGINT, k BIGINT PRIMARY KEY, v BIGINT);"
            "CREATE STREAM j AS SELECT l.k, r.v, PROCTIME() AS at"
            " FROM l JOIN r FOR SYSTEM_TIME AS OF PROCTIME() ON l.k = r.k"
        )
        db.insert("r", (0, 1, 10))
        db.insert("l", (1, 0))
        db.execute(
            "ALTER SOURCE l DROP COLUMN x; ALTER TABLE r DROP COLUMN w; ALTER SOURCE l ADD COLUMN y BIGINT"
        )
        db.tick(2000)
        db.insert("r", (1, 20))
        db.insert("l", (1, 0))
        at = [EPOCH + dt.timedelta(seconds=s) for s in (1, 2)]
        assert sorted(db.query("SELECT * FROM j").fetchall()) == [(1, 10, at[0]), (1, 20, at[1])]


def test_versions_of_many_rows_are_held() -> None:
    """Rows that are gone and outnumber the live ones stay while a stream reads versions."""
    with testing.database(now=1000) as db:
        db.execute(
            "CREATE TABLE r (k BIGINT PRIMARY KEY, v BIGINT); CREATE SOURCE l (ts TIMESTAMP, k BIGINT)"
        )
        db.execute("CREATE STREAM j AS SELECT r.v FROM l JOIN r FOR SYSTEM_TIME AS OF l.ts ON l.k = r.k")
        for v in range(40):
            db.tick(1000 * (v + 1))
            db.insert("r", {"k": list(range(5000)), "v": [v] * 5000})
        times = [EPOCH + dt.timedelta(seconds=v + 1) for v in range(40)]
        db.insert("l", {"ts": times, "k": [77] * 40})
        for query in ("SELECT * FROM j", "SELECT r.v FROM l JOIN r FOR SYSTEM_TIME AS OF l.ts ON l.k = r.k"):
            assert sorted(db.query(query).fetchall()) == [(v,) for v in range(40)]


def test_a_key_finds_its_version_by_order() -> None:
    """However many versions a key had: no join looks at all of them."""
    with testing.database(now=1000) as db:
        db.execute(
            "CREATE TABLE r (a BIGINT, v BIGINT, b VARCHAR, PRIMARY KEY (a, b));"
            "CREATE SOURCE l (ts BIGINT, k BIGINT)"
        )
        for join in ("JOIN", "LEFT JOIN", "SEMI JOIN", "ANTI JOIN"):
            for on, ordered in (
                ("l.k = r.a AND r.b = 'x'", False),
                ("l.k = r.a", False),
                ("l.k + 1 = r.a AND upper('b') = r.b", False),
                ("r.a = l.k AND CAST(l.k AS VARCHAR) = r.b", True),
                ("r.a = l.k AND CAST(l.k AS VARCHAR) = r.b AND r.v > 3", True),
            ):
                plan = db.explain(f"SELECT l.* FROM l {join} r FOR SYSTEM_TIME AS OF l.ts ON {on}")
                assert ("Asof" in plan) == ordered, (join, on, plan)
        rows = (
            "SELECT l.ts, r.v FROM l {} r FOR SYSTEM_TIME AS OF l.ts"
            " ON r.a = l.k AND CAST(l.k AS VARCHAR) = r.b{}"
        )
        for name, join, more in (("i", "JOIN", " AND r.v > 3"), ("o", "LEFT JOIN", "")):
            db.execute(f"CREATE STREAM {name} AS {rows.format(join, more)}")
        for v in range(8):
            db.tick(1000 * (v + 1))
            db.insert("r", [(1, v, "1"), (1, 100, "2")])
        db.execute("DELETE FROM r")
        db.insert("l", [(t, 1) for t in (999, 4999, 5000, 7500, 8000, 9000)])
        want = {
            "i": [(5000, 4), (7500, 6)],
            "o": [(999, None), (4999, 3), (5000, 4), (7500, 6), (8000, None), (9000, None)],
        }
        for name, join, more in (("i", "JOIN", " AND r.v > 3"), ("o", "LEFT JOIN", "")):
            assert sorted(db.query(f"SELECT * FROM {name}").fetchall()) == want[name]
            assert sorted(db.query(rows.format(join, more)).fetchall()) == want[name]


def test_other_columns_find_the_versions_that_had_their_values() -> None:
    """Of 200,000 versions a row looks at those with its value."""
    with testing.database(now=1000) as db:
        db.execute(
            "CREATE TABLE r (k BIGINT PRIMARY KEY, g BIGINT, v BIGINT); CREATE SOURCE l (ts BIGINT, g BIGINT)"
        )
        db.execute("CREATE STREAM j AS SELECT r.v FROM l JOIN r FOR SYSTEM_TIME AS OF l.ts ON l.g = r.g")
        keys = list(range(20_000))
        for v in range(10):
            db.tick(1000 * (v + 1))
            db.insert("r", {"k": keys, "g": [v * 20_000 + k for k in keys], "v": [v] * 20_000})
        began = time.process_time()
        db.insert("l", {"ts": [5000] * 10_000, "g": [80_000 + n for n in range(10_000)]})
        assert time.process_time() - began < 2  # looking at all of them takes some twenty seconds
        assert db.query("SELECT v, count(*) AS n FROM j GROUP BY v").fetchall() == [(4, 10_000)]
