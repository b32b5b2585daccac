# SPDX-License-Identifier: Apache-2.0
"""What streams share: whom EXPLAIN names, what it saves, and how long it lives.

That no answer changes by it is tests/model/test_shared_parts.py.
"""

from __future__ import annotations

import threading
from typing import Any

import laminardb
import pytest
from laminardb.testing import reload
from optional import package

np = package("numpy")

GROUPS = "SELECT k, sum(v) AS s, count(*) AS n FROM a GROUP BY k"
JOIN = "SELECT a.k AS k, v, w FROM a JOIN b ON a.k = b.k"
KEYS = 20_000


@pytest.fixture
def db() -> Any:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE a (k BIGINT, v BIGINT); CREATE SOURCE b (k BIGINT, w BIGINT)")
        db.start()
        yield db


def explain(db: Any, what: str) -> list[str]:
    return [row[0] for row in db.query(f"EXPLAIN {what}").fetchall()]


def shared(db: Any, what: str) -> list[str]:
    """The operators that EXPLAIN says are shared, with whom."""
    lines = [line.strip().split("  ") for line in explain(db, what)]
    return [f"{line[0]}: {line[-1][13:]}" for line in lines if line[-1].startswith("shared with: ")]


def fill(db: Any, keys: int = KEYS) -> None:
    k = np.arange(keys, dtype=np.int64)
    db.insert("a", {"k": k, "v": k % 7})
    db.insert("b", {"k": k, "w": k % 5})


def state(db: Any, name: str) -> tuple[int, int]:
    m = db.stream_metrics(name)
    return m.state_bytes, m.shared_state_bytes


def test_explain_names_the_others(db: Any) -> None:
    db.execute(f"CREATE STREAM one AS {GROUPS}; CREATE STREAM pairs AS {JOIN}")
    assert shared(db, "STREAM one") == []
    assert shared(db, f"CREATE STREAM two AS {GROUPS}") == ["Aggregate: one"]
    db.execute(f"CREATE STREAM two AS SELECT k, s * n AS x FROM ({GROUPS}) WHERE n > 1 EMIT CHANGES")
    db.execute(f"CREATE STREAM sums AS SELECT k, sum(v * w) AS x FROM ({JOIN}) GROUP BY k")
    db.execute(f"CREATE STREAM more AS SELECT k, sum(v * w) AS x FROM ({JOIN}) GROUP BY k")
    assert shared(db, "STREAM one") == ["Aggregate: two"]
    assert shared(db, "STREAM two") == ["Aggregate: one"]
    assert shared(db, "STREAM more") == ["Aggregate: sums", "Inner Join: pairs, sums"]
    assert shared(db, f"CREATE STREAM x AS SELECT k, count(*) AS n FROM ({JOIN}) GROUP BY k") == []
    assert explain(db, "STREAM two")[-2].startswith("    Aggregate  keys: k")
    sub = db.subscribe(GROUPS)
    assert shared(db, "STREAM one") == ["Aggregate: two, 1 subscription"]
    sub.cancel()
    db.execute("DROP STREAM two; INSERT INTO a VALUES (1, 1)")
    assert shared(db, "STREAM one") == []
    with pytest.raises(laminardb.QueryError, match="a is a source"):
        db.query("EXPLAIN STREAM a")


def test_what_is_not_shared(db: Any) -> None:
    """Where an answer could tell, each stream computes for itself."""
    db.execute("CREATE SOURCE e (k BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 5)")
    window = "SELECT k, count(*) AS n FROM e GROUP BY k, TUMBLE(ts, 10)"
    for i, sql in enumerate(
        (
            window,
            f"{window} EMIT ON WINDOW CLOSE",
            f"{window} ALLOW LATENESS 7",
            f"SELECT n FROM ({window}) w JOIN b ON w.k = b.k",  # shares: b has no watermark
            "SELECT random() > 2 AS r, count(*) AS n FROM a GROUP BY 1",
            "SELECT random() > 2 AS r, count(*) AS n FROM a GROUP BY 1",
            "SELECT k, v FROM a WHERE v > 1",
            "SELECT k, v FROM a WHERE v > 1",
        )
    ):
        db.execute(f"CREATE STREAM s{i} AS {sql}")
    for i in (1, 2, 4, 5, 6, 7):
        assert shared(db, f"STREAM s{i}") == []


def test_ten_streams_cost_one(db: Any) -> None:
    db.execute(f"CREATE STREAM s0 AS {JOIN}")
    fill(db)
    alone, none = state(db, "s0")
    assert alone > KEYS * 16 and none == 0
    for i in range(1, 10):
        db.execute(f"CREATE STREAM s{i} AS {JOIN}")
    for i in range(10):
        own, common = state(db, f"s{i}")
        assert own == 0 and common == alone
    for i in range(9):
        db.execute(f"DROP STREAM s{i}")
    assert state(db, "s9") == (alone, 0)
    db.insert("a", {"k": [1], "v": [100]})
    assert db.query("SELECT count(*) FROM s9").fetchone() == (KEYS + 1,)


def test_aggregates_above_a_shared_join_keep_what_they_had(db: Any) -> None:
    """The first stream's own operators move with their state."""
    db.execute(f"CREATE STREAM s0 AS SELECT k % 10 AS g, sum(v) AS s FROM ({JOIN}) GROUP BY 1")
    fill(db)
    before = db.query("SELECT * FROM s0 ORDER BY ALL").fetchall()
    reads_both = "SELECT sum(w) AS w, count(v) AS n FROM ({}) WHERE k >= 0"
    db.execute(f"CREATE STREAM s1 AS SELECT DISTINCT k, v FROM ({JOIN})")
    db.execute(f"CREATE STREAM s2 AS {reads_both.format(JOIN)}")
    assert db.query("SELECT * FROM s0 ORDER BY ALL").fetchall() == before
    assert reload(db)
    fill(db)
    for name, sql in (
        ("s0", f"SELECT k % 10 AS g, sum(v) AS s FROM ({JOIN}) GROUP BY 1"),
        ("s1", f"SELECT DISTINCT k, v FROM ({JOIN})"),
        ("s2", reads_both.format(JOIN)),
    ):
        assert db.query(f"SELECT * FROM {name} ORDER BY ALL").fetchall() == (
            db.query(f"{sql} ORDER BY ALL").fetchall()
        )


def test_filled_while_others_insert(db: Any) -> None:
    """A stream over a large shared part is filled without the engine, while inserts go on."""
    fill(db, 200_000)
    db.execute(f"CREATE STREAM s0 AS SELECT k, v, w FROM ({JOIN.replace('JOIN', 'LEFT JOIN')})")
    stop = threading.Event()

    def write() -> None:
        at = 0
        while not stop.is_set():
            db.insert("b", {"k": [at], "w": [1]})
            at += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for i in range(1, 4):
            db.execute(
                f"CREATE STREAM s{i} AS SELECT k % 2 AS k, count(w) AS n, sum(v) AS v "
                f"FROM ({JOIN.replace('JOIN', 'LEFT JOIN')}) GROUP BY 1"
            )
    finally:
        stop.set()
        thread.join()
    assert shared(db, "STREAM s3") == ["Aggregate: s1, s2", "Left Join: s0, s1, s2"]
    grouped = "SELECT k % 2 AS k, count(w) AS n, sum(v) AS v FROM s0 GROUP BY 1 ORDER BY 1"
    expected = db.query(grouped).fetchall()
    for i in range(1, 4):
        assert db.query(f"SELECT * FROM s{i} ORDER BY 1").fetchall() == expected


def test_rows_that_are_no_longer_retained(db: Any) -> None:
    """A stream made now has only the rows that are there: it cannot share with one that has seen more."""
    db.execute("CREATE SOURCE r (k BIGINT) WITH (retain = '3 rows')")
    sql = "SELECT count(*) AS n, sum(k) AS s FROM r"
    db.execute(f"CREATE STREAM early AS {sql}")
    for k in range(10):
        db.insert("r", {"k": [k]})
    db.execute(f"CREATE STREAM late AS {sql}")
    assert db.query("SELECT n FROM early").fetchone() == (10,)
    assert db.query("SELECT n FROM late").fetchone() == (3,)
    assert shared(db, "STREAM late") == []


def test_columns_of_a_shared_scan_may_move(db: Any) -> None:
    db.execute("CREATE TABLE t (x BIGINT, id BIGINT PRIMARY KEY, g BIGINT)")
    sql = "SELECT g, count(*) AS n FROM t GROUP BY g"
    db.execute(f"CREATE STREAM s0 AS {sql}; CREATE STREAM s1 AS {sql}")
    assert shared(db, "STREAM s1") == ["Aggregate: s0"]
    with pytest.raises(laminardb.LaminarError, match='"s0", "s1"'):
        db.execute("ALTER TABLE t DROP COLUMN g")
    db.execute("ALTER TABLE t DROP COLUMN x; DROP STREAM s0; INSERT INTO t VALUES (1, 5), (2, 5)")
    assert db.query("SELECT * FROM s1").fetchall() == [(5, 2)]
    db.execute(f"CREATE OR REPLACE STREAM s1 AS {sql}; DROP STREAM s1; DROP TABLE t")


def test_started_together() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE a (k BIGINT, v BIGINT)")
        db.execute(f"CREATE STREAM s0 AS {GROUPS}; CREATE STREAM s1 AS {GROUPS}; INSERT INTO a VALUES (1, 2)")
        db.start()
        assert shared(db, "STREAM s0") == ["Aggregate: s1"]
        assert db.query("SELECT * FROM s1").fetchall() == [(1, 2, 1)]
