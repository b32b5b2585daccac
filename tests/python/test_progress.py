# SPDX-License-Identifier: Apache-2.0
"""How far a query is: what its callback is told, what the list of queries shows, and how it ends a query."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig, Progress
from optional import package

np = package("numpy")

ROWS = 2_000_000


@pytest.fixture(scope="module")
def big() -> Iterator[laminardb.Connection]:
    with laminardb.open(config=LaminarConfig(threads=2)) as db:
        db.execute("CREATE SOURCE t (k BIGINT, g BIGINT, v DOUBLE)")
        k = np.arange(ROWS)
        db.insert("t", {"k": k, "g": k * 7919 % 500_000, "v": np.sin(k)})
        yield db


@pytest.fixture
def db(big: laminardb.Connection) -> Iterator[laminardb.Connection]:
    yield big
    big.set_progress(None)
    big.execute("RESET ALL")


QUERIES = [
    "SELECT sum(v), max(sqrt(abs(sin(v) + cos(v)))), min(ln(v + 2)), count(DISTINCT g) FROM t",
    "SELECT g, count(*), sum(v) FROM t GROUP BY g",
    "SELECT * FROM t ORDER BY v, k",
    "SELECT DISTINCT g FROM t",
    "SELECT count(*) FROM t AS a JOIN t AS b ON a.g = b.g AND a.k < b.k",
    "SELECT k, rank() OVER (PARTITION BY g ORDER BY v) FROM t",
    "SELECT count(*) FROM (SELECT k FROM t UNION ALL SELECT g FROM t) u WHERE regexp_matches(k::TEXT, '7.7')",
]


def check(seen: list[Progress]) -> None:
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 1 and fractions[-1] == 1.0
    assert all(f < 1 for f in fractions[:-1])
    assert [p.elapsed for p in seen] == sorted(p.elapsed for p in seen)
    assert len({p.id for p in seen}) == 1
    assert seen[-1].remaining == 0
    assert all(p.remaining is None or p.remaining >= 0 for p in seen)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("sql", QUERIES)
def test_progress_grows_to_the_end(db: laminardb.Connection, sql: str, threads: int) -> None:
    seen: list[Progress] = []
    callers: set[int] = set()

    def report(p: Progress) -> None:
        seen.append(p)
        callers.add(threading.get_ident())

    db.execute(f"SET threads = {threads}")
    db.set_progress(report, interval_ms=5)
    db.query(sql)
    assert callers == {threading.get_ident()}
    check(seen)
    assert len(seen) > 3
    # What scans read is known, and is all that is counted where nothing is held back.
    if "ORDER BY" not in sql:
        assert seen[-1].rows_read == seen[-1].rows_to_read
    middle = [p.fraction for p in seen if 0.02 < p.fraction < 0.98]
    assert middle, "it went from nothing to the end"


def test_while_it_spills(db: laminardb.Connection, tmp_path: Path) -> None:
    with laminardb.open(config=LaminarConfig(memory_limit=48 << 20, temp_directory=str(tmp_path))) as small:
        small.execute("CREATE SOURCE t (k BIGINT, g BIGINT)")
        k = np.arange(1_000_000)
        small.insert("t", {"k": k, "g": k * 7919 % 1_000_003})
        seen: list[Progress] = []
        small.set_progress(seen.append, interval_ms=5)
        assert len(small.query("SELECT g, count(*) FROM t GROUP BY g HAVING max(k) < 1000")) == 1000
        check(seen)


def test_files(db: laminardb.Connection, tmp_path: Path) -> None:
    lines = "".join(f"{i},{i * 3 % 1000},some text {i}\n" for i in range(200_000))
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("k,v,s\n" + lines)
    (tmp_path / "c.json").write_text("".join(f'{{"k": {i}, "s": "text {i}"}}\n' for i in range(200_000)))
    for sql in (
        f"SELECT count(*), sum(v) FROM '{tmp_path}/*.csv' WHERE s LIKE '%9%'",
        f"SELECT count(*), max(s) FROM '{tmp_path}/c.json'",
    ):
        seen: list[Progress] = []
        db.set_progress(seen.append, interval_ms=5)
        db.query(sql)
        check(seen)
        assert any(0.1 < p.fraction < 0.9 for p in seen)


def test_false_ends_the_query(db: laminardb.Connection) -> None:
    calls = []

    def report(p: Progress) -> bool:
        calls.append(p)
        return len(calls) < 3

    db.set_progress(report, interval_ms=5)
    with pytest.raises(laminardb.QueryError, match=r"\(402\)"):
        db.query(QUERIES[4])
    assert len(calls) == 3
    db.set_progress(None)
    assert db.query("SELECT count(*) FROM t").fetchone() == (ROWS,)
    assert len(calls) == 3


def test_an_exception_comes_out(db: laminardb.Connection) -> None:
    def report(p: Progress) -> None:
        raise KeyError("from the callback")

    db.set_progress(report, interval_ms=5)
    with pytest.raises(KeyError, match="from the callback"):
        db.query(QUERIES[4])
    db.set_progress(None)
    assert db.query("SELECT count(*) FROM t").fetchone() == (ROWS,)


def test_no_use_of_the_database_within(db: laminardb.Connection) -> None:
    faults: list[BaseException] = []

    def report(p: Progress) -> None:
        try:
            db.query("SELECT 1")
        except laminardb.ConnectionError as e:
            faults.append(e)

    db.set_progress(report, interval_ms=5)
    db.query(QUERIES[1])
    assert faults and all(getattr(e, "code", 0) == 102 for e in faults)


def test_another_thread_sees_it(db: laminardb.Connection) -> None:
    """Without a callback, too."""
    thread = threading.Thread(target=lambda: db.query(QUERIES[4]))
    thread.start()
    seen: list[Any] = []
    while thread.is_alive():
        seen += [q for q in db.queries() if q.active]
        time.sleep(0.005)
    thread.join()
    assert len(seen) > 2
    fractions = [q.progress for q in seen]
    assert fractions == sorted(fractions) and 0 < fractions[-1] < 1
    assert seen[-1].rows_to_read == 2 * ROWS and 0 < seen[-1].rows_read <= 2 * ROWS
    assert seen[-1].elapsed > 0
    last = db.queries()[-1]
    assert (last.active, last.progress, last.rows_read) == (False, 1.0, 2 * ROWS)
    listed = db.query("SHOW QUERIES")
    assert listed.columns == ["id", "sql", "state", "progress", "rows_read", "rows_to_read", "elapsed_ms"]
    assert listed.fetchall()[-1][3] == 1.0


def test_short_queries_and_subscriptions_tell_nothing(db: laminardb.Connection) -> None:
    calls: list[Progress] = []
    db.set_progress(calls.append)
    assert db.query("SELECT 1").fetchone() == (1,)
    db.execute("CREATE TABLE u (a BIGINT)")
    db.execute("INSERT INTO u VALUES (1)")
    db.execute("UPDATE u SET a = 2")
    subscription = db.subscribe("SELECT a FROM u")
    assert calls == []
    assert [q.progress for q in db.queries() if q.active] == [None]
    subscription.cancel()
    db.execute("DROP TABLE u")


def test_arguments(db: laminardb.Connection) -> None:
    with pytest.raises(TypeError, match="callback must be callable or None, not int"):
        db.set_progress(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="interval_ms must be at least 1, not 0"):
        db.set_progress(print, interval_ms=0)
    closed = laminardb.open()
    closed.close()
    with pytest.raises(laminardb.ConnectionError, match="101"):
        closed.set_progress(print)


def test_many_threads() -> None:
    """Each query tells the thread that runs it."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.insert("t", {"k": np.arange(300_000)})
        seen: dict[int, list[Progress]] = {}
        lock = threading.Lock()

        def report(p: Progress) -> None:
            with lock:
                seen.setdefault(p.id, []).append(p)

        db.set_progress(report, interval_ms=5)
        sql = "SELECT count(*) FROM (SELECT DISTINCT md5(k::VARCHAR) FROM t) AS d"
        threads = [threading.Thread(target=lambda: db.query(sql)) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(seen) == 4
        for calls in seen.values():
            check(calls)
