# SPDX-License-Identifier: Apache-2.0
"""Streams over a table with a PRIMARY KEY know its key: a new row of a known key is an update."""

from __future__ import annotations

import random

import laminardb
import pytest


def both(batch: laminardb.QueryResult | None) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    assert batch is not None
    return sorted(batch.fetchall()), sorted(batch.deleted.fetchall()) if batch.deleted else []


@pytest.mark.parametrize(
    "query",
    ["SELECT id, v FROM t WHERE v >= 0", "SELECT id, v FROM (SELECT * FROM s WHERE v >= 0)"],
)
def test_an_update_is_no_deletion(query: str) -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR)")
        db.execute("CREATE STREAM s AS SELECT id, v FROM t")
        db.execute(f"CREATE STREAM k AS {query}")
        db.start()
        sub = db.subscribe_stream("k")
        db.insert("t", {"id": [1, 2, 3], "v": [1, 2, 3]})
        assert both(sub.try_next()) == ([(1, 1), (2, 2), (3, 3)], [])
        db.execute("UPDATE t SET v = v * 10 WHERE id < 3")
        assert both(sub.try_next()) == ([(1, 10), (2, 20)], [])
        db.execute("UPDATE t SET v = -1 WHERE id = 1")
        assert both(sub.try_next()) == ([], [(1, 10)])
        db.execute("UPDATE t SET id = 4 WHERE id = 2")
        assert both(sub.try_next()) == ([(4, 20)], [(2, 20)])
        db.execute("DELETE FROM t WHERE id = 3")
        assert both(sub.try_next()) == ([], [(3, 3)])
        db.execute("INSERT INTO t(id, v) VALUES (4, 5), (3, 6)")
        assert both(sub.try_next()) == ([(3, 6), (4, 5)], [])
        db.execute("UPDATE t SET s = 'not shown'")
        assert sub.try_next() is None


def test_without_all_of_the_key_the_row_is_the_key() -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (a BIGINT, b BIGINT, v BIGINT, PRIMARY KEY (a, b))")
        db.execute("CREATE STREAM whole AS SELECT b, a, v FROM t")
        db.execute("CREATE STREAM part AS SELECT a, v FROM t")
        db.start()
        whole, part = db.subscribe_stream("whole"), db.subscribe_stream("part")
        db.insert("t", {"a": [1, 1], "b": [1, 2], "v": [5, 6]})
        assert both(whole.try_next()) == ([(1, 1, 5), (2, 1, 6)], [])
        part.try_next()
        db.execute("UPDATE t SET v = v + 1")
        assert both(whole.try_next()) == ([(1, 1, 6), (2, 1, 7)], [])
        assert both(part.try_next()) == ([(1, 7)], [(1, 5)])  # 6 went and came


def test_operations_are_true() -> None:
    rng = random.Random(8)
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT id, v FROM t WHERE v % 5 <> 0")
        db.start()
        sub = db.subscribe_stream("s")
        shown: dict[object, object] = {}
        for _ in range(300):
            ids = rng.sample(range(20), rng.randint(1, 4))
            if rng.random() < 0.3:
                db.execute(f"DELETE FROM t WHERE id IN ({', '.join(map(str, ids))})")
            else:
                db.insert("t", {"id": ids, "v": [rng.randrange(100) for _ in ids]})
            while (batch := sub.try_next()) is not None:
                for id_, v in batch.deleted.fetchall() if batch.deleted else []:
                    assert shown.pop(id_) == v
                shown.update(batch.fetchall())
            assert sorted(shown.items()) == sorted(db.query("SELECT * FROM s").fetchall())
