# SPDX-License-Identifier: Apache-2.0
"""Queries on several threads: the answers of one thread, no wake-ups when idle, clean exits, and signals."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import laminardb
import pytest

ROWS = 120_000
FILL = f"""
    CREATE SOURCE t (id BIGINT, k BIGINT, g BIGINT, x DOUBLE, s VARCHAR, at TIMESTAMP);
    CREATE SOURCE d (k BIGINT, name VARCHAR);
    INSERT INTO d SELECT i, 'n' || (i % 5) FROM generate_series(0, 40) AS q(i);
    INSERT INTO t SELECT i, CASE WHEN i % 17 = 3 THEN NULL ELSE i * 7919 % 53 END, i * 104729 % 60013,
        sin(i) * 1e6, 'text ' || (i % 97), TIMESTAMP '2024-01-01' + i * INTERVAL '1 second'
        FROM generate_series(1, {ROWS}) AS q(i);
"""
# The order of the rows is that of one thread where a query says ORDER BY, and where rows pass through.
ORDERED = [
    "SELECT id, x FROM t WHERE x > 999000",
    "SELECT t.id, name FROM t JOIN d USING (k) WHERE id % 7 = 0",
    "SELECT * FROM t ORDER BY s, x DESC LIMIT 20 OFFSET 11",
    "SELECT k, count(*) AS n FROM t GROUP BY k ORDER BY n DESC, k",
    "SELECT id FROM t WHERE k = 5 LIMIT 10",
    "SELECT id, g FROM t WHERE k < 10 ORDER BY g, id",
    "SELECT k, string_agg(id, ',') FROM t WHERE id < 60000 AND id % 500 < 5 GROUP BY k ORDER BY k",
    "SELECT k, first(id), last(s), string_agg(DISTINCT s) FROM t WHERE id % 99 < 2 GROUP BY 1 ORDER BY k",
    "SELECT id, lag(s) OVER w, sum(x) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY id)",
    "SELECT id, rank() OVER w, count(DISTINCT s) OVER w FROM t WINDOW w AS (PARTITION BY g ORDER BY k)",
    "SELECT id, sum(id) OVER (PARTITION BY s ORDER BY at ROWS 5 PRECEDING) FROM t WHERE id > 5",
    "SELECT id, sum(id) OVER (PARTITION BY s ORDER BY id RANGE BETWEEN 100 PRECEDING AND 7 FOLLOWING) FROM t",
    "SELECT id, x, count(*) OVER (), first_value(s) OVER (ORDER BY id) FROM t",
    "SELECT id, ntile(7) OVER (PARTITION BY id % 2 ORDER BY g, id) FROM t JOIN d ON t.k = d.k",
]
ANY_ORDER = [
    "SELECT k, s, count(*), sum(x), stddev(x), min(s), max(at), bool_and(id > 3) FROM t GROUP BY k, s",
    "SELECT g, count(*), sum(x) FROM t GROUP BY g",
    "SELECT g, median(id), mode(k) FROM t GROUP BY g",
    "SELECT k, median(id), quantile_cont(x, 0.3) FROM t GROUP BY k",
    "SELECT s, count(DISTINCT k), count(DISTINCT g), sum(DISTINCT k) FROM t GROUP BY s",
    "SELECT count(DISTINCT g), count(DISTINCT id) FROM t",
    "SELECT count(DISTINCT (k, g)) FROM t",
    "SELECT count(DISTINCT id) FILTER (WHERE k > 7) FROM t",
    "SELECT count(*), sum(x), min(id), max(s) FROM t WHERE k IS NULL",
    "SELECT count(*), sum(x), min(id) FROM t WHERE id < 0",
    "SELECT DISTINCT k, s FROM t",
    "SELECT DISTINCT id, g FROM t",
    "SELECT k, id FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY x) <= 3",
    "SELECT id, sum(x) OVER (PARTITION BY k ORDER BY id) FROM t WHERE id % 50 = 0",
    "SELECT tumble(at, INTERVAL '1 hour') AS w, count(*), sum(x) FROM t GROUP BY w",
    "SELECT hop(at, INTERVAL '10 minutes', INTERVAL '1 hour') AS w, k, count(*) FROM t GROUP BY w, k",
    "SELECT session(at, INTERVAL '1 minute') AS w, k, count(*) FROM t WHERE id % 40 < 3 GROUP BY w, k",
    "SELECT k % 5 AS m, s, count(*) FROM t GROUP BY CUBE (m, s)",
    "SELECT count(*) FROM t LEFT JOIN d ON t.k = d.k AND length(d.name) + t.id % 3 > 2",
    "SELECT count(*), count(t.id) FROM t RIGHT JOIN d ON t.k = d.k + 30",
    "SELECT count(*), count(t.id), count(d.k) FROM t FULL JOIN d ON t.k = d.k + 30",
    "SELECT count(*) FROM t WHERE k NOT IN (SELECT k FROM d WHERE k > 20)",
    "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM d WHERE d.k = t.k AND d.name <> 'n1')",
    "SELECT count(*), sum(a.x) FROM t AS a JOIN t AS b ON a.id = b.g",
    "SELECT id FROM t WHERE x > (SELECT avg(x) FROM t) + 900000",
    "WITH c AS (SELECT g, count(*) AS n FROM t GROUP BY g) SELECT n, count(*) FROM c GROUP BY n",
    "SELECT count(*) FROM (SELECT id FROM t WHERE k < 5 UNION ALL SELECT g FROM t WHERE k > 45)",
    "SELECT id FROM t WHERE k = 1 INTERSECT SELECT g FROM t",
    "SELECT random() < 2, count(*) FROM t GROUP BY 1",
    f"SELECT count(*), min(id) FROM t WHERE id > {ROWS - 60_000}",
]


@pytest.fixture(scope="module")
def filled() -> laminardb.Connection:
    db = laminardb.open()
    db.execute(FILL)
    db.execute(
        "CREATE TABLE u (id BIGINT PRIMARY KEY, k BIGINT); INSERT INTO u SELECT id, k FROM t;"
        "DELETE FROM u WHERE id % 3 = 0; UPDATE u SET k = -1 WHERE id % 5 = 0"
    )
    return db


def close(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e6)
    return a == b


def check(one: list[tuple[object, ...]], many: list[tuple[object, ...]], ordered: bool) -> None:
    assert len(one) == len(many)
    if not ordered:
        # Doubles last: they differ in their last digits.
        def key(row: tuple[object, ...]) -> tuple[str, ...]:
            return (
                *(str(v) for v in row if not isinstance(v, float)),
                *(f"{v:.6e}" for v in row if isinstance(v, float)),
            )

        one, many = sorted(one, key=key), sorted(many, key=key)
    for x, y in zip(one, many, strict=True):
        assert all(close(v, w) for v, w in zip(x, y, strict=True)), (x, y)


@pytest.mark.parametrize("sql", ORDERED + ANY_ORDER)
def test_answers_of_one_thread(filled: laminardb.Connection, sql: str) -> None:
    filled.execute("SET threads = 1")
    one = filled.sql(sql).fetchall()
    for threads in (2, 3, 8):
        filled.execute(f"SET threads = {threads}")
        check(one, filled.sql(sql).fetchall(), sql in ORDERED)


@pytest.mark.parametrize(
    "sql", ["SELECT k, count(*), sum(id) FROM u GROUP BY k", "SELECT count(DISTINCT id) FROM u"]
)
def test_rows_that_died(filled: laminardb.Connection, sql: str) -> None:
    filled.execute("SET threads = 1")
    one = filled.sql(sql).fetchall()
    filled.execute("SET threads = 3")
    check(one, filled.sql(sql).fetchall(), False)


# Stored sides of several shares and regions, against SQLite: keys that repeat, NULLs, texts.
BUILDS = [
    "SELECT count(*), sum(a.x), sum(b.y) FROM a JOIN b ON a.k = b.k",
    "SELECT count(*), sum(a.x), sum(b.y) FROM a JOIN b ON a.k = b.k AND a.s = b.s",
    "SELECT count(*), sum(a.x), sum(b.y) FROM a LEFT JOIN b ON a.s = b.s AND a.k + 1 = b.k",
    "SELECT count(*), sum(a.x), sum(b.y) FROM a LEFT JOIN b ON a.k = b.k AND a.x > b.y",
    "SELECT count(*), sum(a.x), sum(b.y) FROM b LEFT JOIN a ON a.k = b.k AND a.s < b.s",
    "SELECT count(*), sum(a.x), sum(b.y) FROM a FULL JOIN b ON a.k = b.k",
    "SELECT count(*), sum(a.x), sum(b.y) FROM a FULL JOIN b ON a.k = b.k AND a.x % 3 = b.y % 3",
    "SELECT count(*), sum(x) FROM a WHERE k IN (SELECT k + 5 FROM b)",
    "SELECT count(*), sum(y) FROM b WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.s = b.s AND a.k = b.k)",
    "SELECT count(*), sum(a.x), sum(c.x) FROM a, b, a AS c WHERE a.k = b.k AND b.y = c.x",
    # Stored rows that come out, or not, for their matches, which the parts tell them.
    "SELECT count(*), sum(x) FROM a WHERE x < 20000 AND k IN (SELECT k FROM b)",
    "SELECT count(*), sum(x) FROM a WHERE x < 20000 AND NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)",
    "SELECT count(*), sum(x) FROM a WHERE x < 20000 AND EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND y > x)",
    """SELECT count(*), sum(x) FROM a WHERE x < 20000
        AND (x % 7 = 0 OR EXISTS (SELECT 1 FROM b WHERE b.k = a.k))""",
    """SELECT s, count(*), sum(x) FROM a WHERE x < 20000 AND k IN (SELECT k FROM b)
        GROUP BY s ORDER BY s NULLS LAST""",
    "SELECT DISTINCT s FROM a WHERE x < 20000 AND k IN (SELECT k FROM b) ORDER BY s NULLS LAST",
    """SELECT n, count(*) FROM (SELECT q.x, count(b.y) AS n FROM (SELECT k, x FROM a WHERE x < 20000) AS q
        LEFT JOIN b ON q.k = b.k AND b.y % 3 = 0 GROUP BY q.x) AS r GROUP BY n ORDER BY n""",
    """SELECT count(*), sum(q.x), sum(b.y) FROM (SELECT k, x FROM a WHERE x < 20000 AND k IS NOT NULL) AS q
        LEFT JOIN b ON q.k = b.k""",
    """SELECT count(*), sum(q.x), sum(r.n) FROM (SELECT k, x FROM a WHERE x < 20000) AS q
        LEFT JOIN (SELECT k, x AS n FROM a WHERE x < 30000 AND EXISTS (SELECT 1 FROM b WHERE b.k = a.k))
        AS r ON q.k = r.k""",
    """WITH c AS (SELECT a.x, b.y FROM a JOIN b ON a.k = b.k WHERE a.x % 3 < 2)
        SELECT (SELECT count(*) FROM c), (SELECT sum(x) FROM c WHERE y > 5)""",
]


@pytest.fixture(scope="module")
def builds() -> Iterator[tuple[laminardb.Connection, sqlite3.Connection]]:
    db, oracle = laminardb.open(), sqlite3.connect(":memory:")
    r = random.Random(5)
    for name, value in (("a", "x"), ("b", "y")):
        rows = [
            (
                None if r.random() < 0.05 else r.randrange(60_000),
                None if r.random() < 0.05 else f"key of the text {r.randrange(4)}"[r.randrange(2) * 11 :],
                i,
            )
            for i in range(90_000)
        ]
        oracle.execute(f"CREATE TABLE {name} (k BIGINT, s VARCHAR, {value} BIGINT)")
        oracle.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", rows)
        oracle.execute(f"CREATE INDEX of_{name} ON {name} (k)")
        db.execute(f"CREATE SOURCE {name} (k BIGINT, s VARCHAR, {value} BIGINT)")
        columns = list(zip(*rows, strict=True))
        db.insert(name, {"k": list(columns[0]), "s": list(columns[1]), value: list(columns[2])})
    oracle.execute("CREATE INDEX b_y ON b (y)")
    oracle.execute("CREATE INDEX a_x ON a (x)")
    yield db, oracle
    oracle.close()
    db.close()


@pytest.mark.parametrize("sql", BUILDS)
def test_large_stored_sides(builds: tuple[laminardb.Connection, sqlite3.Connection], sql: str) -> None:
    db, oracle = builds
    wanted = oracle.execute(sql).fetchall()
    for threads in (1, 2, 3, 8):
        db.execute(f"SET threads = {threads}")
        assert db.sql(sql).fetchall() == wanted


def test_window_functions_of_large_partitions(
    builds: tuple[laminardb.Connection, sqlite3.Connection],
) -> None:
    """Portions of whole partitions: many small ones, and a few that are larger than a portion."""
    db, oracle = builds
    for key in ("k", "s", "x % 2"):
        sql = f"""SELECT count(*), sum(n), sum(n * l), sum(n * t) FROM (SELECT row_number() OVER w AS n,
            coalesce(lag(x, 3) OVER w, -1) AS l,
            sum(x) OVER (PARTITION BY {key} ORDER BY x ROWS 9 PRECEDING) % 97 AS t
            FROM a WINDOW w AS (PARTITION BY {key} ORDER BY x)) AS q"""
        wanted = oracle.execute(sql).fetchall()
        for threads in (1, 2, 3, 8):
            db.execute(f"SET threads = {threads}")
            assert db.sql(sql).fetchall() == wanted


@pytest.mark.parametrize("threads", [1, 3])
def test_a_fault_in_a_portion_ends_all(
    builds: tuple[laminardb.Connection, sqlite3.Connection], threads: int
) -> None:
    db, _ = builds
    db.execute(f"SET threads = {threads}")
    for _ in range(3):
        with pytest.raises(laminardb.QueryError, match="at least 1, not 0"):
            db.sql(
                "SELECT ntile(CASE WHEN x = 80000 THEN 0 ELSE 3 END) OVER (PARTITION BY k ORDER BY x) FROM a"
            )
        with pytest.raises(laminardb.LaminarError) as cancelled:
            db.execute("SET statement_timeout_ms = 1")
            try:
                db.sql("SELECT max(x) OVER (PARTITION BY k ORDER BY x) AS m, s FROM a ORDER BY m, s")
            finally:
                db.execute("RESET statement_timeout_ms")
        assert cancelled.value.code == 402
    assert len(db.sql("SELECT x, count(*) OVER (PARTITION BY k) FROM a").fetchall()) == 90_000


def test_rows_of_a_join_come_in_one_order(builds: tuple[laminardb.Connection, sqlite3.Connection]) -> None:
    db, _ = builds
    found = []
    for threads in (1, 2, 3, 8):
        db.execute(f"SET threads = {threads}")
        found.append(db.sql("SELECT a.x, b.y FROM a JOIN b ON a.k = b.k").fetchall())
    assert all(f == found[0] for f in found)


def test_a_deterministic_database_has_one_thread() -> None:
    with laminardb.open(config=laminardb.Config(deterministic=True, threads=4)) as db:
        db.execute(FILL)
        before = threading_count()
        db.sql("SELECT k, count(*) FROM t GROUP BY k")
        assert threading_count() == before


def threading_count() -> int:
    return len(os.listdir("/proc/self/task"))


def pool_threads() -> list[str]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().strip() == "laminardb-pool":
            found.append(task.name)
    return found


def switches(task: str) -> int:
    status = Path(f"/proc/self/task/{task}/status").read_text()
    return sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)


def test_threads_come_with_the_first_use_sleep_and_go() -> None:
    before = pool_threads()
    db = laminardb.open()
    db.execute(FILL)
    db.execute("SET threads = 3")
    db.sql("SELECT count(*) FROM d WHERE k > 3")
    assert pool_threads() == before  # a small query needs none
    db.sql("SELECT count(*) FROM t WHERE x > 3")
    mine = [t for t in pool_threads() if t not in before]
    assert len(mine) == 2
    time.sleep(0.05)
    counts = [switches(t) for t in mine]
    time.sleep(0.5)
    assert [switches(t) for t in mine] == counts
    db.close()
    assert pool_threads() == before


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "end", ["", "db.close()", "del db", "sys.exit(0)", "x = db.subscribe('SELECT * FROM d')"]
)
def test_exit(end: str) -> None:
    run(
        "import sys, laminardb\ndb = laminardb.open(config=laminardb.Config(threads=4))\n"
        f"db.execute('''{FILL}''')\n"
        f"assert db.sql('SELECT k FROM t GROUP BY k').num_rows == 54\n{end}"
    )


def test_fork_after_a_parallel_query() -> None:
    run(f"""if True:
        import os, laminardb
        db = laminardb.open(config=laminardb.Config(threads=4))
        db.execute('''{FILL}''')
        assert db.sql('SELECT k FROM t GROUP BY k').num_rows == 54
        child = os.fork()
        if child == 0:
            try:
                db.sql('SELECT k FROM t GROUP BY k')
            except laminardb.ConnectionError as e:
                assert e.code == 100 and 'fork' in str(e)
                db.close()
                own = laminardb.open(config=laminardb.Config(threads=4))
                own.execute('''{FILL}''')
                assert own.sql('SELECT k FROM t GROUP BY k').num_rows == 54
                own.close()
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert db.sql('SELECT k FROM t GROUP BY k').num_rows == 54
    """)


def test_a_signal_ends_all_parts() -> None:
    """In a process of its own: a worker of the test runner has uses for its main thread and for SIGINT."""
    run(f"""if True:
        import os, signal, threading, laminardb
        db = laminardb.open(config=laminardb.Config(threads=3))
        db.execute('''{FILL}''')
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        try:
            db.sql('SELECT count(*) FROM t AS a, t AS b WHERE a.x + b.x > 3')
            raise AssertionError('the query went on')
        except KeyboardInterrupt:
            pass
        timer.join()
        assert db.sql('SELECT count(*) FROM t').fetchall() == [({ROWS},)]
    """)


def test_close_while_parts_run() -> None:
    db = laminardb.open(config=laminardb.Config(threads=3))
    db.execute(FILL)
    faults: list[laminardb.LaminarError] = []

    def ask() -> None:
        try:
            db.sql("SELECT count(*) FROM t AS a, t AS b WHERE a.x + b.x > 3")
        except laminardb.LaminarError as e:
            faults.append(e)

    asker = threading.Thread(target=ask)
    asker.start()
    time.sleep(0.2)
    db.close()
    asker.join(20)
    assert not asker.is_alive() and len(faults) == 1
