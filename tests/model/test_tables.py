# SPDX-License-Identifier: Apache-2.0
"""Tables against SQLite: random inserts, upserts, updates, deletes and transactions; after each statement the
table is SQLite's, and every stream over it is its query, answered once and by DuckDB."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import Counter
from typing import Any

import duckdb
import laminardb
import pytest

SEEDS = range(12)
STATEMENTS = 60

STREAMS = {
    "sums": "SELECT g, count(*) AS n, sum(v) AS s, min(v) AS low, max(v) AS high FROM t GROUP BY g",
    "kinds": "SELECT DISTINCT g, w FROM t",
    "joined": "SELECT t.id, t.v, r.f FROM t LEFT JOIN r ON t.g = r.g",
    "best": "SELECT id, v FROM t ORDER BY v DESC, id LIMIT 3",
    "numbered": "SELECT id, row_number() OVER (PARTITION BY g ORDER BY v, id) AS n FROM t",
    "pairs": "SELECT a.id AS x, b.id AS y FROM t AS a JOIN t AS b ON a.g = b.g AND a.v < b.v",
    "above": "SELECT n, count(*) AS groups FROM sums GROUP BY n",
}


def statements(rng: random.Random) -> list[str]:
    """One statement, or all of a transaction. Both databases understand them alike."""

    def row() -> str:
        w = rng.choice(["NULL", f"'w{rng.randint(0, 40)}'"])
        v = "NULL" if rng.random() < 0.1 else rng.randint(-3, 12)
        return f"({rng.randint(0, 15)}, '{rng.choice('abc')}', {v}, {w})"

    def rows() -> str:
        return ", ".join(row() for _ in range(rng.choice((1, 1, 2, 5))))

    def one() -> str:
        kind = rng.randint(0, 9)
        key = rng.randint(0, 15)
        where = rng.choice(["", " WHERE g = 'a'", f" WHERE id > {key}", f" WHERE id = {key}"])
        upsert = "ON CONFLICT (id) DO UPDATE SET"
        if kind <= 2:
            return f"INSERT OR IGNORE INTO t VALUES {rows()}"
        if kind == 3:
            return f"INSERT INTO t VALUES {row()} {upsert} v = t.v + excluded.v, g = excluded.g"
        if kind == 4:
            return f"INSERT INTO t VALUES {rows()} {upsert} v = excluded.v WHERE t.v < 5"
        if kind == 5:
            return f"UPDATE t SET v = v + {rng.randint(-4, 4)}, g = '{rng.choice('abc')}'{where}"
        if kind == 6:
            return f"UPDATE t SET {rng.choice(('id = id + 100', 'w = NULL', 'w = NULL'))}{where}"
        if kind == 7:
            return f"DELETE FROM t{where}"
        if kind == 8:
            return f"UPDATE t SET v = (SELECT max(f) FROM r WHERE r.g = t.g){where}"
        added = f"INSERT INTO r VALUES ('{rng.choice('abc')}', {rng.randint(0, 3)})"
        return rng.choice([added, "DELETE FROM r WHERE f = 2"])

    if rng.random() < 0.75:
        return [one()]
    return ["BEGIN", *(one() for _ in range(rng.randint(1, 5))), rng.choice(["COMMIT", "COMMIT", "ROLLBACK"])]


def bag(rows: list[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    return Counter(rows)


def changed(db: Any, sql: str, errors: type[Exception]) -> Counter[tuple[Any, ...]] | None:
    """What RETURNING gives; None: refused."""
    try:
        done = db.execute(sql)
    except errors:
        return None
    rows = done if isinstance(done, sqlite3.Cursor) else done.to_query_result()
    return bag(rows.fetchall() if rows is not None else [])


def returning(sql: str, rng: random.Random) -> str:
    """Of several rows with one key SQLite gives each, and this the one that stays."""
    several = "ON CONFLICT" in sql and sql.count("(") > 3
    if not sql.startswith(("INSERT", "UPDATE", "DELETE")) or several or rng.random() < 0.5:
        return sql
    column = "f" if sql.startswith(("INSERT INTO r", "DELETE FROM r")) else "v"
    return sql + rng.choice([" RETURNING *", f" RETURNING {column} + 1 AS x"])


def alter_both(db: laminardb.Connection, lite: sqlite3.Connection) -> None:
    for sql in (
        "ALTER TABLE t ADD COLUMN note VARCHAR DEFAULT 'noted down'",
        "ALTER TABLE t RENAME COLUMN note TO remark",
        "UPDATE t SET remark = g WHERE v > 3",
    ):
        db.execute(sql)
        lite.execute(sql)
        assert bag(db.query("SELECT * FROM t").fetchall()) == bag(lite.execute("SELECT * FROM t").fetchall())
    for each in (db, lite):
        each.execute("ALTER TABLE t DROP COLUMN remark")


@pytest.mark.parametrize("seed", SEEDS)
def test_tables_are_those_of_sqlite(seed: int) -> None:
    rng, other = random.Random(seed), random.Random(seed + 1000)
    lite = sqlite3.connect(":memory:", isolation_level=None)
    duck = duckdb.connect()
    with laminardb.open() as db:
        for each in (db, lite):
            each.execute(
                "CREATE TABLE t (id BIGINT PRIMARY KEY, g VARCHAR, v BIGINT CHECK (v < 40), w VARCHAR UNIQUE)"
            )
            each.execute("CREATE TABLE r (g VARCHAR, f BIGINT)")
        late = {name for name in STREAMS if rng.random() < 0.3 and name not in ("sums", "above")}
        for name, sql in STREAMS.items():
            if name not in late:
                db.execute(f"CREATE STREAM {name} AS {sql}")
        db.start()
        for at in range(STATEMENTS):
            if at == STATEMENTS // 2:
                for name in late:
                    db.execute(f"CREATE STREAM {name} AS {STREAMS[name]}")
                late.clear()
            if at % 20 == 10:
                alter_both(db, lite)
            for sql in (returning(each, other) for each in statements(rng)):
                before = lite.execute("SELECT * FROM t").fetchall()
                ours = changed(db, sql, laminardb.LaminarError)
                theirs = changed(lite, sql, sqlite3.IntegrityError)
                if ours is not None and theirs is None and sql.startswith("UPDATE t SET id"):
                    lite.execute("DELETE FROM t")  # it asks row by row, not at the end of the statement
                    rows = db.query("SELECT * FROM t").fetchall()
                    lite.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
                    continue
                assert ours == theirs, (seed, sql, before)
                for table in "tr":
                    want = bag(lite.execute(f"SELECT * FROM {table}").fetchall())
                    assert bag(db.query(f"SELECT * FROM {table}").fetchall()) == want, (seed, sql, before)
            check(db, duck, set(STREAMS) - late, (seed, at))
            if (found := rng.randint(0, 15)) is not None:
                by_key = db.query("SELECT g, v FROM t WHERE id = ?", [found]).fetchall()
                assert by_key == lite.execute("SELECT g, v FROM t WHERE id = ?", [found]).fetchall()


def check(db: laminardb.Connection, duck: duckdb.DuckDBPyConnection, names: set[str], where: Any) -> None:
    duck.execute("CREATE OR REPLACE TABLE t (id BIGINT, g VARCHAR, v BIGINT, w VARCHAR)")
    duck.execute("CREATE OR REPLACE TABLE r (g VARCHAR, f BIGINT)")
    for table, marks in (("t", "?, ?, ?, ?"), ("r", "?, ?")):
        if rows := db.query(f"SELECT * FROM {table}").fetchall():
            duck.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    duck.execute(f"CREATE OR REPLACE VIEW sums AS {STREAMS['sums']}")
    duck.execute("SET default_null_order = 'nulls_last'")
    for name in sorted(names):
        sql = STREAMS[name]
        once = bag(db.query(sql).fetchall())
        assert bag(db.query(f"SELECT * FROM {name}").fetchall()) == once, (where, name)
        if name not in ("best", "numbered"):  # NULLs sort elsewhere
            assert bag(duck.execute(sql).fetchall()) == once, (where, name)


def test_others_wait_for_a_transaction_and_give_up() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(insert_timeout_ms=200)) as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        db.start()
        db.execute("BEGIN")
        db.execute("INSERT INTO t VALUES (1)")
        messages: list[str] = []

        def other() -> None:
            messages.append(str(db.query("SELECT count(*) FROM t").fetchall()))
            messages.append(str(db.query("SELECT * FROM t WHERE id = 1").fetchall()))
            for call in (lambda: db.execute("DELETE FROM t"), lambda: db.insert("t", {"id": 2})):
                try:
                    call()
                except laminardb.IngestionError as e:
                    messages.append(str(e.code))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert messages == ["[(0,)]", "[]", "300", "300"]
        db.execute("COMMIT")
        assert db.query("SELECT * FROM t").fetchall() == [(1,)]
