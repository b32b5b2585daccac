# SPDX-License-Identifier: Apache-2.0
"""MERGE INTO against DuckDB: the same table afterwards, and a stream over it is its query."""

from __future__ import annotations

import random

import duckdb
import laminardb
import pytest

SCHEMA = "(id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR)"
MATCHED = [
    "WHEN MATCHED THEN UPDATE SET v = t.v + n.v",
    "WHEN MATCHED AND n.v > 2 THEN UPDATE SET v = n.v, s = n.s",
    "WHEN MATCHED AND t.v < n.v THEN DELETE",
    "WHEN MATCHED AND n.s = 'b' THEN DO NOTHING",
    "WHEN MATCHED THEN UPDATE BY NAME",
    "WHEN MATCHED AND n.v IS NULL THEN UPDATE SET s = 'null'",
]
MISSING = [
    "WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.v, n.s)",
    "WHEN NOT MATCHED AND n.v > 1 THEN INSERT (s, id) VALUES (n.s, n.id)",
    "WHEN NOT MATCHED THEN INSERT BY NAME",
    "WHEN NOT MATCHED AND n.s = 'a' THEN DO NOTHING",
]
LEFT = [
    "WHEN NOT MATCHED BY SOURCE THEN DELETE",
    "WHEN NOT MATCHED BY SOURCE AND t.v > 2 THEN UPDATE SET v = t.v - 1",
    "WHEN NOT MATCHED BY SOURCE AND t.s IS NULL THEN UPDATE SET s = 'left'",
]


def values(rng: random.Random, keys: list[int]) -> str:
    def cell(x: object) -> str:
        return "NULL" if x is None else repr(x)

    rows = [(k, rng.choice([None, 0, 1, 2, 3, 4]), rng.choice([None, "a", "b", "c"])) for k in keys]
    return ", ".join(f"({k}, {cell(v)}::BIGINT, {cell(s)}::VARCHAR)" for k, v, s in rows)


def unreached(before: str, when: str) -> bool:
    return " AND " not in before and before.split(" THEN ")[0] == when.split(" THEN ")[0]


def statement(rng: random.Random) -> str:
    whens = [w for kind in (MATCHED, MISSING, LEFT) for w in rng.sample(kind, rng.randrange(3))]
    rng.shuffle(whens)
    whens = [w for w in whens if " AND " in w] + [
        w for i, w in enumerate(whens) if " AND " not in w and not any(unreached(v, w) for v in whens[:i])
    ]
    whens = whens or [MATCHED[0]]
    source = f"(VALUES {values(rng, rng.sample(range(8), rng.randrange(1, 7)))}) AS n(id, v, s)"
    on = rng.choice(["ON t.id = n.id", "USING (id)", "ON t.id = n.id AND n.v IS NOT NULL"])
    return f"MERGE INTO t USING {source} {on} {' '.join(whens)}"


def test_merge_is_duckdbs() -> None:
    rng = random.Random(20)
    for _ in range(60):
        oracle = duckdb.connect()
        db = laminardb.open(":memory:")
        for execute in (oracle.execute, db.execute):
            execute(f"CREATE TABLE t {SCHEMA}")
        db.execute("CREATE STREAM sums AS SELECT s, sum(v) AS v, count(*) AS n FROM t GROUP BY s")
        db.start()
        seed = f"INSERT INTO t VALUES {values(rng, rng.sample(range(8), 5))}"
        oracle.execute(seed)
        db.execute(seed)
        for _ in range(6):
            sql = statement(rng)
            try:
                changed = oracle.execute(sql).fetchall()[0][0]
            except duckdb.ConstraintException:  # a key comes twice
                with pytest.raises(laminardb.LaminarError):
                    db.execute(sql)
            else:
                assert db.execute(sql).rows_affected == changed, sql
            rows = oracle.execute("SELECT * FROM t ORDER BY id").fetchall()
            assert db.query("SELECT * FROM t ORDER BY id").fetchall() == rows, sql
            sums = oracle.execute("SELECT s, sum(v)::BIGINT, count(*) FROM t GROUP BY s").fetchall()
            assert sorted(db.query("SELECT * FROM sums").fetchall(), key=repr) == sorted(sums, key=repr), sql
        db.close()
        oracle.close()


def test_returning_is_duckdbs() -> None:
    rng = random.Random(21)
    for _ in range(60):
        oracle = duckdb.connect()
        db = laminardb.open(":memory:")
        seed = f"INSERT INTO t VALUES {values(rng, rng.sample(range(8), 5))}"
        for execute in (oracle.execute, db.execute):
            execute(f"CREATE TABLE t {SCHEMA}")
            execute(seed)
        sql = f"{statement(rng)} RETURNING merge_action, *"
        try:
            want = oracle.execute(sql).fetchall()
        except duckdb.ConstraintException:
            with pytest.raises(laminardb.LaminarError):
                db.query(sql)
            continue
        assert sorted(db.query(sql).fetchall(), key=repr) == sorted(want, key=repr), sql
        db.close()
        oracle.close()
