# SPDX-License-Identifier: Apache-2.0
"""approx_count_distinct: its error, its memory, and that nothing but the values matters."""

import random

import laminardb
import pytest
from laminardb.testing import reload
from optional import some

EXACT_MAX = 1536
SHAPES = ["i", "i * i", "'key ' || i", "i / 7.0", "i::HUGEINT * 1000000007", "[i, -i]"]


def both(db: laminardb.Connection, shape: str, count: int) -> tuple[int, int]:
    relation = f"(SELECT {shape} AS x FROM range({count}) AS r(i))"
    (about,) = some(db.query(f"SELECT approx_count_distinct(x) FROM {relation}").fetchone())
    (exact,) = some(db.query(f"SELECT count(DISTINCT x) FROM {relation}").fetchone())
    return about, exact


@pytest.mark.parametrize("shape", SHAPES)
def test_few_are_exact_and_many_within_two_percent(shape: str) -> None:
    with laminardb.open() as db:
        for count in (0, 1, 7, EXACT_MAX, EXACT_MAX + 1, 2000, 5000, 20_000, 100_000):
            about, exact = both(db, shape, count)
            assert about == exact if exact <= EXACT_MAX else abs(about - exact) <= 0.02 * exact, (
                count,
                about,
            )


def test_a_million_take_little_memory() -> None:
    sql = "SELECT {} FROM (SELECT i * 31 AS x FROM range(1000000) AS r(i))"
    with laminardb.open() as db:
        db.execute("SET memory_limit = '8 MiB'; SET threads = 1; SET temp_directory = NULL")
        (about,) = some(db.query(sql.format("approx_count_distinct(x)")).fetchone())
        assert abs(about - 1_000_000) <= 20_000
        with pytest.raises(MemoryError):
            db.query(sql.format("count(DISTINCT x)"))


def test_order_split_threads_and_streams_do_not_matter() -> None:
    values = [random.Random(3).randrange(60_000) for _ in range(90_000)]
    answers = set()
    for seed, threads in ((1, 1), (2, 2), (3, 4)):
        rng = random.Random(seed)
        rng.shuffle(values)
        with laminardb.open() as db:
            db.execute(f"SET threads = {threads}")
            db.execute("CREATE SOURCE s (k INT, x INT)")
            db.execute("CREATE STREAM a AS SELECT k, approx_count_distinct(x) AS n FROM s GROUP BY k")
            db.start()
            at = 0
            while at < len(values):
                part = values[at : at + rng.randrange(1, 40_000)]
                db.insert("s", {"k": [x % 2 for x in part], "x": part})
                at += len(part)
                reload(db)
            once = db.query("SELECT k, approx_count_distinct(x) AS n FROM s GROUP BY k ORDER BY k").fetchall()
            assert db.query("SELECT * FROM a ORDER BY k").fetchall() == once
            answers.add(tuple(once))
    assert len(answers) == 1


def test_exact_where_rows_go() -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id INT PRIMARY KEY, x INT)")
        db.execute("CREATE STREAM a AS SELECT approx_count_distinct(x) AS n FROM t")
        db.start()
        db.insert("t", {"id": list(range(8000)), "x": [i // 2 for i in range(8000)]})
        assert db.query("SELECT n FROM a").fetchone() == (4000,)
        db.execute("DELETE FROM t WHERE id % 2 = 0")
        assert db.query("SELECT n FROM a").fetchone() == (4000,)
        db.execute("DELETE FROM t WHERE x < 3000")
        assert db.query("SELECT n FROM a").fetchone() == (1000,)
