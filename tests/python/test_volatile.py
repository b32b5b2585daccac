# SPDX-License-Identifier: Apache-2.0
"""Volatile functions in streams: one value a row, kept; changes carry what was shown."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import laminardb
import pytest

QUERIES = [
    "SELECT k, v, random() AS r, uuid() AS u FROM t",
    "SELECT k, count(*) AS n, uuid() AS u, now() AS at FROM t GROUP BY k",
    "SELECT k, v, random() AS r FROM t WHERE random() < 0.5",
    "SELECT k, n, random() AS r, uuid() AS u FROM (SELECT k, count(*) % 3 AS n FROM t GROUP BY k) g "
    "WHERE n > 0",
    "SELECT r < 0.5 AS low, count(*) AS n FROM (SELECT random() AS r FROM t) x GROUP BY 1",
    "SELECT t.k, u.v, random() AS r FROM t JOIN t AS u ON t.k = u.k AND t.v < u.v",
    "SELECT k, v, uuid() AS u FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v DESC) AS n "
    "FROM t) x WHERE n <= 2",
    "SELECT n % 2 AS odd, uuid() AS u FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g",  # copies of a row
]


def drain(sub: laminardb.Subscription, state: Counter[tuple[Any, ...]]) -> None:
    while (batch := sub.try_next()) is not None:
        for *row, weight in batch.fetchall():
            state[tuple(row)] += weight
            assert state[tuple(row)] >= 0, "a row is taken back that was not shown"


@pytest.mark.parametrize("sql", QUERIES)
@pytest.mark.parametrize("seed", [1, 2])
def test_changes_carry_the_values_that_were_shown(sql: str, seed: int) -> None:
    rng = random.Random(seed)
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.insert("t", [(rng.randrange(4), rng.randrange(9)) for _ in range(10)])
        db.execute(f"CREATE STREAM s AS {sql}")
        db.start()
        sub = db.subscribe(f"{sql} EMIT CHANGES")
        changes: Counter[tuple[Any, ...]] = Counter()
        first = Counter(db.query("SELECT * FROM s").fetchall())
        assert first == Counter(db.query("SELECT * FROM s").fetchall()), "a stream shows what it kept"
        named: Counter[tuple[Any, ...]] = Counter(first)
        named_sub = db.subscribe_stream("s")
        for _ in range(12):
            db.insert("t", [(rng.randrange(4), rng.randrange(9)) for _ in range(rng.randrange(1, 5))])
            drain(sub, changes)
            while (batch := named_sub.try_next()) is not None:
                named.update(batch.fetchall())
                if batch.deleted is not None:
                    named.subtract(batch.deleted.fetchall())
        shown = Counter(db.query("SELECT * FROM s").fetchall())
        assert sum(n for n in changes.values() if n) == sum(shown.values()) or "random() < 0.5" in sql
        if "WHERE random()" not in sql and " OVER " not in sql and "GROUP" not in sql:
            assert +named == shown, "rows that came with one value are shown with it"


def test_a_stream_made_late_computes_values_once() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts TIMESTAMP, v BIGINT, WATERMARK FOR ts AS ts)")
        db.start()
        db.execute("CREATE STREAM s AS SELECT ts, v, random() AS r, now() AS at FROM t")
        tumble = "AS SELECT TUMBLE(ts, INTERVAL '1' MINUTE) AS w"
        db.execute(f"CREATE STREAM early {tumble}, sum(r) AS r FROM s GROUP BY 1")
        db.insert("t", [("2024-01-01 00:00:00", 1), ("2024-01-01 00:01:00", 2)])
        before = db.query("SELECT * FROM s").fetchall()
        db.execute("CREATE STREAM over AS SELECT sum(r) AS r, min(at) AS at FROM s")
        assert db.query("SELECT * FROM s").fetchall() == before
        assert db.query("SELECT r, at FROM over").fetchall() == [
            (pytest.approx(sum(row[2] for row in before)), before[0][3])
        ]
        assert sorted(r for _, r in db.query("SELECT * FROM early")) == sorted(row[2] for row in before)
        with pytest.raises(laminardb.LaminarError, match="must be made before the rows come"):
            db.execute(f"CREATE STREAM late {tumble}, max(r) FROM s GROUP BY 1")
        db.execute(f"CREATE STREAM same {tumble}, sum(r) FROM s GROUP BY 1")  # it has what early has
        assert sorted(db.query("SELECT * FROM same")) == sorted(db.query("SELECT * FROM early"))
        db.execute(f"CREATE STREAM own {tumble}, count(uuid()) AS n FROM t GROUP BY 1")
        assert sorted(n for _, n in db.query("SELECT * FROM own")) == [1, 1]


def test_each_insert_has_its_time() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT v, now() AS at FROM t")
        db.start()
        db.insert("t", [(1,), (2,)])
        db.insert("t", [(3,)])
        first, second, third = (at for _, at in db.query("SELECT v, at FROM s ORDER BY v"))
        assert first == second < third


def test_the_seed_decides_what_follows() -> None:
    with laminardb.open() as db:
        runs = []
        for seed in (0.5, 0.5, -0.5):
            db.query("SELECT setseed(?)", [seed])
            runs.append([db.query("SELECT random(), random()").fetchone() for _ in range(3)])
        assert runs[0] == runs[1] != runs[2]
        eight = "(VALUES (1),(2),(3),(4),(5),(6),(7),(8))"
        numbers = [x for (x,) in db.query(f"SELECT random() FROM {eight} a, {eight} b")]
        assert len(set(numbers)) == 64 and all(0 <= x < 1 for x in numbers) and 0.3 < sum(numbers) / 64 < 0.7
