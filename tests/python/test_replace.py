# SPDX-License-Identifier: Apache-2.0
"""CREATE OR REPLACE of a stream or view that others read: those are made again from it, all or none."""

from __future__ import annotations

import random
from pathlib import Path

import laminardb
import pytest

PER_KEY = "CREATE OR REPLACE STREAM per_key AS SELECT k, sum(v) AS total, max({}) AS top FROM t GROUP BY k"
FIRST = PER_KEY.format("CAST(w AS BIGINT)")
MENDED = PER_KEY.format("TRY_CAST(w AS BIGINT)")
READERS = """
    CREATE STREAM overall AS SELECT count(*) AS n, sum(total) AS total FROM per_key;
    CREATE VIEW large AS SELECT * FROM per_key WHERE total > 10;
    CREATE STREAM ranked AS SELECT k, total, top FROM large ORDER BY total DESC, k LIMIT 3;
    CREATE STREAM both AS SELECT r.k, r.total, o.n FROM ranked r CROSS JOIN overall o
"""
NAMES = ("per_key", "overall", "large", "ranked", "both")
ONCE = {
    "per_key": "SELECT k, sum(v), max(TRY_CAST(w AS BIGINT)) FROM t GROUP BY k",
    "overall": "SELECT count(*), sum(total) FROM (SELECT sum(v) AS total FROM t GROUP BY k)",
    "large": "SELECT k, sum(v), max(TRY_CAST(w AS BIGINT)) FROM t GROUP BY k HAVING sum(v) > 10",
    "ranked": """SELECT k, sum(v) AS total, max(TRY_CAST(w AS BIGINT)) FROM t GROUP BY k
                 HAVING sum(v) > 10 ORDER BY total DESC, k LIMIT 3""",
    "both": """SELECT r.k, r.total, o.n FROM (SELECT k, sum(v) AS total FROM t GROUP BY k HAVING sum(v) > 10
               ORDER BY total DESC, k LIMIT 3) r CROSS JOIN (SELECT count(DISTINCT k) AS n FROM t) o""",
}


def rows(db: laminardb.Connection, sql: str) -> list[object]:
    return sorted(db.query(sql).fetchall(), key=repr)


def check(db: laminardb.Connection) -> None:
    for name in NAMES:
        assert rows(db, f"SELECT * FROM {name}") == rows(db, ONCE[name]), name


def some_rows(dice: random.Random, count: int, bad: bool = False) -> list[dict[str, object]]:
    return [
        {
            "k": dice.randrange(8),
            "v": dice.randrange(10),
            "w": "none" if bad and i == 0 else str(dice.randrange(99)),
        }
        for i in range(count)
    ]


def define(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, v BIGINT, w VARCHAR)")
    db.execute(FIRST)
    db.execute(READERS)
    db.start()


def test_failed_stream_with_readers_is_mended() -> None:
    dice = random.Random(1)
    with laminardb.open(":memory:") as db:
        define(db)
        db.insert("t", some_rows(dice, 40))
        check(db)
        db.insert("t", some_rows(dice, 3, bad=True))
        assert db.stream_metrics("per_key").error  # type: ignore[union-attr]
        db.execute(MENDED)
        check(db)
        states = {r[0]: r[1] for r in db.query("SHOW STREAMS").fetchall()}
        assert states == dict.fromkeys(("per_key", "overall", "ranked", "both"), "running")
        for _ in range(20):
            db.insert("t", some_rows(dice, 5, bad=True))
            check(db)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_replaced_comes_back(tmp_path: Path, seed: int, checkpoint: bool) -> None:
    """Replaced several times, with inserts between, and opened again: from the log, and from a checkpoint."""
    dice = random.Random(seed)
    path = tmp_path / "kept.ldb"
    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000 if checkpoint else None)
    for life in range(3):
        with laminardb.open(path, config=config) as db:
            if life == 0:
                define(db)
            check(db)
            for _ in range(dice.randrange(1, 4)):
                db.insert("t", some_rows(dice, dice.randrange(1, 30), bad=dice.random() < 0.3))
                if dice.random() < 0.6:
                    db.execute(MENDED)
                    db.execute(
                        dice.choice(
                            ("CREATE OR REPLACE VIEW large AS SELECT * FROM per_key WHERE 10 < total", MENDED)
                        )
                    )
            db.execute(MENDED)
            check(db)
            if checkpoint:
                db.checkpoint()
                db.insert("t", some_rows(dice, 3))
                check(db)


def test_many_rows() -> None:
    """More than a moment's work for each of the readers, which are filled while nobody else inserts."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.start()
        db.execute("INSERT INTO t SELECT x, x % 97 FROM range(300000) r(x)")
        db.execute("CREATE STREAM s AS SELECT k, sum(v) AS v FROM t GROUP BY k")
        db.execute("CREATE STREAM r AS SELECT v, count(*) AS n FROM s GROUP BY v")
        db.execute("CREATE STREAM u AS SELECT s.k, r.n FROM s JOIN r ON s.v = r.v")
        db.execute("CREATE OR REPLACE STREAM s AS SELECT k, sum(v) + 1 AS v FROM t GROUP BY k")
        assert db.query("SELECT min(v), max(v), sum(n) FROM r").fetchall() == [(1, 97, 300_000)]
        db.insert("t", {"k": 5, "v": 1})
        once = "SELECT v, count(*) FROM (SELECT sum(v) + 1 AS v FROM t GROUP BY k) GROUP BY v"
        assert rows(db, "SELECT * FROM r") == rows(db, once)
        assert db.query("SELECT count(*) FROM u").fetchone() == (300_000,)


def test_reader_as_it_was_typed_takes_new_columns() -> None:
    with laminardb.open(":memory:") as db:
        db.execute("CREATE SOURCE t (a BIGINT, b BIGINT); CREATE STREAM s AS SELECT a FROM t")
        db.execute("CREATE STREAM r AS SELECT * FROM s")
        db.start()
        db.insert("t", {"a": 1, "b": 2})
        db.execute("CREATE OR REPLACE STREAM s AS SELECT a, b FROM t")
        assert db.query("SELECT * FROM r").fetchall() == [(1, 2)]


def test_what_cannot_be_is_refused_and_all_stays(tmp_path: Path) -> None:
    with laminardb.open(":memory:") as db:
        define(db)
        dice = random.Random(3)
        db.insert("t", some_rows(dice, 30))
        before = {name: rows(db, f"SELECT * FROM {name}") for name in NAMES}
        texts = {name: db.query(f"SHOW CREATE STREAM {name}").fetchall() for name in NAMES if name != "large"}

        def refused(sql: str, error: type[Exception], *parts: str) -> None:
            with pytest.raises(error) as e:
                db.execute(sql)
            for part in parts:
                assert part in str(e.value)
            assert {name: rows(db, f"SELECT * FROM {name}") for name in NAMES} == before
            assert {name: db.query(f"SHOW CREATE STREAM {name}").fetchall() for name in texts} == texts

        refused(
            "CREATE OR REPLACE STREAM per_key AS SELECT k, sum(v) AS total FROM t GROUP BY k",
            laminardb.SchemaError,
            'cannot replace "per_key": "ranked" reads it, and would fail with the new one',
            "top",
            "DROP that first",
        )
        refused(
            "CREATE OR REPLACE STREAM per_key AS SELECT k, total, n AS top FROM both",
            laminardb.QueryError,
            '"both", which reads',
        )
        refused("CREATE OR REPLACE STREAM per_key AS SELECT 1 / 'x' FROM t", laminardb.QueryError)
        with db.subscribe("SELECT * FROM overall"):
            refused(MENDED, laminardb.SchemaError, "an open subscription reads it")
        options = f"connector = 'file', path = '{tmp_path / 'out.csv'}', format = 'csv'"
        db.execute(f"CREATE SINK out FROM overall WITH ({options})")
        refused(MENDED, laminardb.SchemaError, 'cannot replace "per_key"', '"out"')
        refused("CREATE OR REPLACE SOURCE t (k BIGINT)", laminardb.SchemaError, 'cannot replace "t"')
        db.execute("DROP SINK out")
        db.execute(MENDED)
        check(db)
