# SPDX-License-Identifier: Apache-2.0
"""ON CONFLICT DO UPDATE with subqueries gives what SQLite gives, row after row."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import laminardb
import pytest

TABLES = [
    "CREATE TABLE t (k BIGINT PRIMARY KEY, x BIGINT, s VARCHAR)",
    "CREATE TABLE u (a BIGINT, b BIGINT)",
]
# What reads t has to name its row: SQLite answers other subqueries once in a statement.
VALUES = [
    "(SELECT max(b) FROM u)",
    "(SELECT sum(b) FROM u WHERE a = excluded.k)",
    "(SELECT count(*) FROM u WHERE b > t.x)",
    "(SELECT min(b) FROM u WHERE a = t.k AND b <> excluded.x) + x",
    "CASE WHEN EXISTS (SELECT 1 FROM u WHERE a = excluded.x) THEN t.x ELSE excluded.x END",
    "(SELECT max(o.x) + 1 FROM t AS o WHERE o.k <> excluded.x)",
    "(SELECT count(*) FROM t AS o WHERE o.x = excluded.x)",
    "x + excluded.x",
]
CONDITIONS = [
    "",
    " WHERE excluded.x IN (SELECT a FROM u)",
    " WHERE (SELECT count(*) FROM u WHERE a = t.k) > 0",
    " WHERE t.x < excluded.x",
    " WHERE NOT EXISTS (SELECT 1 FROM t AS o WHERE o.x > t.x)",
]


def rows(r: random.Random, n: int) -> str:
    return ", ".join(
        f"({r.randint(0, 5)}, {r.choice(['NULL', *map(str, range(6))])}, '{r.randint(0, 3)}')"
        for _ in range(n)
    )


@pytest.mark.parametrize("seed", range(40))
def test_equal_to_sqlite(seed: int) -> None:
    r = random.Random(seed)
    lite = sqlite3.connect(":memory:")
    with laminardb.open() as db:
        script = list(TABLES)
        script += [f"INSERT INTO u VALUES ({r.randint(0, 5)}, {r.randint(0, 9)})" for _ in range(6)]
        for _ in range(4):
            sets = f"x = {r.choice(VALUES)}"
            if r.random() < 0.5:
                sets += ", s = (SELECT max(s) || excluded.s FROM t AS o WHERE o.k = t.k)"
            script.append(
                f"INSERT INTO t VALUES {rows(r, r.randint(1, 6))} ON CONFLICT (k) DO UPDATE SET {sets}"
                f"{r.choice(CONDITIONS)}"
            )
        for sql in script:
            lite.execute(sql)
            db.execute(sql)
            got = db.query("SELECT * FROM t ORDER BY k").fetchall()
            assert got == lite.execute("SELECT * FROM t ORDER BY k").fetchall(), script


@pytest.fixture
def db() -> Any:
    with laminardb.open() as connection:
        for sql in TABLES:
            connection.execute(sql)
        connection.execute(
            "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'); INSERT INTO u VALUES (1, 10), (2, 20)"
        )
        yield connection


def test_many_rows_are_one_query_and_all_or_nothing(db: Any) -> None:
    db.execute("INSERT INTO t SELECT x, 0, 'n' FROM generate_series(3, 9000) r(x)")
    db.execute("INSERT INTO u SELECT x, x * 2 FROM generate_series(3, 9000) r(x)")
    db.execute(
        "INSERT INTO t SELECT x, 1, 'm' FROM generate_series(1, 9500) r(x) ON CONFLICT DO UPDATE "
        "SET x = (SELECT max(b) FROM u WHERE a = excluded.k) WHERE (SELECT count(*) FROM u WHERE a = t.k) = 1"
    )
    wanted = sum(2 * k for k in range(3, 9001)) + 30 + 500
    assert db.query("SELECT count(*), sum(x) FROM t").fetchall() == [(9500, wanted)]
    with pytest.raises(laminardb.QueryError, match="one value gave 9000 rows"):
        db.execute(
            "INSERT INTO t VALUES (9999, 1, 'c'), (1, 1, 'c') ON CONFLICT DO UPDATE SET x = (SELECT b FROM u)"
        )
    assert db.query("SELECT count(*), sum(x) FROM t").fetchall() == [(9500, wanted)]


def test_with_returning_files_and_streams(db: Any, tmp_path: Any) -> None:
    db.start()
    path = tmp_path / "f.csv"
    path.write_text("a,b\n1,7\n2,8\n")
    db.execute("CREATE STREAM total AS SELECT sum(x) AS n FROM t")
    got = db.query(
        f"INSERT INTO t VALUES (1, 5, 'z'), (3, 5, 'z') ON CONFLICT DO UPDATE "
        f"SET x = (SELECT f.b FROM read_csv('{path}') AS f WHERE f.a = t.k) RETURNING k, x"
    ).fetchall()
    assert sorted(got) == [(1, 7), (3, 5)]
    assert db.query("SELECT n FROM total").fetchall() == [(14,)]
    with pytest.raises(laminardb.QueryError, match=r"nope"):
        db.execute("INSERT INTO t VALUES (1, 5, 'z') ON CONFLICT DO UPDATE SET x = (SELECT nope FROM u)")
