# SPDX-License-Identifier: Apache-2.0
"""UPDATE, DELETE and INSERT that read files and the caller's objects: in FROM, USING, WITH and subqueries, in
streams' eyes and within a transaction; what cannot be read changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import laminardb
import pytest
from optional import package

pa, pd = package("pyarrow"), package("pandas")

ROWS = [(1, 1), (2, 2), (3, 3)]


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text("id,v\n1,10\n2,20\n")
    Path("x.json").write_text('{"id":1,"v":"a"}\n{"id":3,"v":"c"}\n')
    with laminardb.open() as connection:
        connection.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
        connection.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
        yield connection


CHANGES = [
    ("UPDATE t SET v = x.v FROM 'x.csv' x WHERE t.id = x.id", [(1, 10), (2, 20), (3, 3)]),
    ("UPDATE t SET v = x.v FROM read_csv('x.csv') x WHERE t.id = x.id", [(1, 10), (2, 20), (3, 3)]),
    ("UPDATE t SET v = frame.v FROM frame WHERE t.id = frame.id", [(1, 100), (2, 200), (3, 3)]),
    ("UPDATE t SET v = arrow.v FROM arrow WHERE t.id = arrow.id", [(1, 1), (2, 7), (3, 8)]),
    ("UPDATE t SET v = (SELECT max(v) FROM 'x.csv')", [(1, 20), (2, 20), (3, 20)]),
    (
        "UPDATE t SET v = (SELECT max(v) FROM frame) WHERE id IN (SELECT id FROM 'x.json')",
        [(1, 200), (2, 2), (3, 200)],
    ),
    ("UPDATE t SET v = 0 WHERE EXISTS (SELECT 1 FROM frame f WHERE f.id = t.id)", [(1, 0), (2, 0), (3, 3)]),
    (
        "UPDATE t SET v = f.v FROM frame f JOIN 'x.csv' x USING (id) WHERE t.id = f.id",
        [(1, 100), (2, 200), (3, 3)],
    ),
    ("DELETE FROM t USING 'x.csv' x WHERE t.id = x.id", [(3, 3)]),
    ("DELETE FROM t USING frame WHERE t.id = frame.id", [(3, 3)]),
    ("DELETE FROM t WHERE id IN (SELECT id FROM 'x.json')", [(2, 2)]),
    ("INSERT INTO t SELECT id + 10, v FROM frame", [*ROWS, (11, 100), (12, 200)]),
    ("INSERT INTO t SELECT id + 10, v FROM 'x.csv'", [*ROWS, (11, 10), (12, 20)]),
    ("INSERT INTO t BY NAME FROM frame", [(1, 100), (2, 200), (3, 3)]),
    ("UPSERT INTO t FROM frame", [(1, 100), (2, 200), (3, 3)]),
    (
        "INSERT INTO t VALUES (4, (SELECT max(v) FROM frame)), (5, 1 + (SELECT min(v) FROM 'x.csv'))",
        [*ROWS, (4, 200), (5, 11)],
    ),
    ("WITH q AS (FROM frame) UPDATE t SET v = q.v FROM q WHERE q.id = t.id", [(1, 100), (2, 200), (3, 3)]),
    ("WITH q AS (FROM 'x.csv') DELETE FROM t USING q WHERE q.id = t.id", [(3, 3)]),
    ("WITH q AS (FROM frame) INSERT INTO t SELECT id + 10, v FROM q", [*ROWS, (11, 100), (12, 200)]),
]


@pytest.mark.parametrize("sql, rows", CHANGES, ids=[sql[:40] for sql, _ in CHANGES])
def test_changes(db: Any, sql: str, rows: list[tuple[int, int]]) -> None:
    """A stream over the table says the same, and so does a cursor."""
    frame = pd.DataFrame({"id": [1, 2], "v": [100, 200]})
    arrow = pa.table({"id": [2, 3], "v": [7, 8]})
    db.start()
    db.execute("CREATE STREAM n AS SELECT count(*) AS n, sum(v) AS v FROM t")
    db.execute(sql)
    assert db.query("FROM t ORDER BY id").fetchall() == rows
    assert db.query("FROM n").fetchall() == [(len(rows), sum(v for _, v in rows))]
    db.execute("DELETE FROM t")
    db.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    db.cursor().execute(sql)
    assert db.query("FROM t ORDER BY id").fetchall() == rows
    assert len(frame) == arrow.num_rows


def test_returning_and_transactions(db: Any) -> None:
    frame = pd.DataFrame({"id": [1, 2], "v": [100, 200]})
    gone = db.execute(
        "DELETE FROM t WHERE id IN (SELECT id FROM frame) RETURNING id, (SELECT count(*) FROM 'x.csv')"
    )
    assert sorted(gone.to_query_result().fetchall()) == [(1, 2), (2, 2)]
    db.execute("BEGIN; UPDATE t SET v = (SELECT sum(v) FROM frame); INSERT INTO t FROM 'x.csv'")
    assert sorted(db.query("FROM t").fetchall()) == [(1, 10), (2, 20), (3, 300)]
    db.execute("ROLLBACK")
    assert db.query("FROM t").fetchall() == [(3, 3)]
    reader = pa.RecordBatchReader.from_batches(
        pa.schema({"id": pa.int64()}), pa.table({"id": [3]}).to_batches()
    )
    assert int(db.execute("DELETE FROM t WHERE id IN (SELECT id FROM reader)")) == 1
    assert reader.schema.names == ["id"]
    cursor = db.cursor()
    cursor.executemany("INSERT INTO t SELECT id + ?, v FROM frame", [[10], [20]])
    assert sorted(db.query("SELECT id FROM t").fetchall()) == [(11,), (12,), (21,), (22,)]
    assert len(frame) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET v = nothing.v FROM nothing WHERE t.id = nothing.id",
        "DELETE FROM t USING 'none.csv' x WHERE t.id = x.id",
        "DELETE FROM t WHERE id IN (SELECT nope FROM frame)",
        "UPDATE t SET v = (SELECT v FROM frame)",
        "INSERT INTO t VALUES (9, (SELECT v FROM 'none.csv'))",
        "UPDATE t SET v = x.w FROM 'broken.csv' x WHERE t.id = x.id",
    ],
)
def test_what_cannot_be_read_changes_nothing(db: Any, sql: str) -> None:
    frame = pd.DataFrame({"id": [1, 2], "v": [100, 200]})
    Path("broken.csv").write_text("id,w\n1,5\n2,6\n3\n")
    with pytest.raises(laminardb.LaminarError):
        db.execute(sql)
    assert db.query("FROM t ORDER BY id").fetchall() == ROWS
    assert len(frame) == 2
