# SPDX-License-Identifier: Apache-2.0
"""PREPARE, EXECUTE, DEALLOCATE; SET VARIABLE; EXPLAIN of statements that change rows."""

from __future__ import annotations

from pathlib import Path

import laminardb
import pytest


@pytest.fixture
def db() -> laminardb.Connection:
    db = laminardb.open(":memory:")
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, s VARCHAR)")
    return db


def test_prepared_statements_take_values(db: laminardb.Connection) -> None:
    db.execute("PREPARE put AS INSERT INTO t VALUES (?, ?)")
    assert db.execute("EXECUTE put(1, 'it''s; DROP TABLE t')").rows_affected == 1
    assert db.execute("execute PUT(1 + 1, NULL)").rows_affected == 1
    db.execute("PREPARE get AS SELECT s FROM t WHERE id = $id")
    assert db.query("EXECUTE get(id := 1)").fetchall() == [("it's; DROP TABLE t",)]
    assert db.query("EXECUTE get(id => 2)").fetchall() == [(None,)]
    db.execute("PREPARE get AS SELECT count(*) FROM t")  # in its place
    assert db.query("EXECUTE get").fetchall() == db.query("EXECUTE get()").fetchall() == [(2,)]
    db.execute("DROP TABLE t")
    with pytest.raises(laminardb.QueryError, match="EXECUTE get\n *\\^"):  # looked up when it runs
        db.query("EXECUTE get")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("EXECUTE gett(1)", 'prepared statement "gett" does not exist(.|\n)*did you mean "get"'),
        ("DEALLOCATE gett", 'prepared statement "gett" does not exist'),
        ("EXECUTE get", "parameter 1 has no value"),
        ("EXECUTE get(1, 2)", "2 values were given, and the statement has 1 parameter"),
        ("EXECUTE get(x := 1)", 'parameter "1" has no value'),
        ("EXECUTE get(1, x := 1)", "name all arguments of EXECUTE or none"),
        ("EXECUTE get(id)", "column|EXECUTE"),
        ("PREPARE a(INT) AS SELECT $1", "parameters of PREPARE have no types"),
        ("PREPARE a AS EXECUTE get(1)", "cannot be prepared"),
        ("PREPARE a AS SELEC 1", "expected a statement"),
    ],
)
def test_what_is_refused(db: laminardb.Connection, sql: str, message: str) -> None:
    db.execute("PREPARE get AS SELECT $1 + 1")
    with pytest.raises(laminardb.QueryError, match=message):
        db.execute(sql)
    assert db.query("EXECUTE get(1)").fetchall() == [(2,)]


def test_deallocate(db: laminardb.Connection) -> None:
    for name in ("a", "b", '"C c"'):
        db.execute(f"PREPARE {name} AS SELECT 1")
    db.execute("DEALLOCATE PREPARE a")
    with pytest.raises(laminardb.QueryError, match="does not exist"):
        db.execute("EXECUTE a")
    assert db.query('EXECUTE "C c"').fetchall() == [(1,)]
    db.execute("DEALLOCATE ALL")
    with pytest.raises(laminardb.QueryError, match="does not exist"):
        db.execute("EXECUTE b")


def test_definitions_keep_the_values(tmp_path: Path) -> None:
    with laminardb.open(str(tmp_path / "kept")) as db:
        db.execute("CREATE TABLE t (id BIGINT, v BIGINT)")
        db.execute("PREPARE make AS CREATE STREAM s AS SELECT count(*) AS n FROM t WHERE id > ?")
        db.execute("EXECUTE make(1)")
        db.execute(
            "PREPARE put AS MERGE INTO t USING (SELECT ? AS id) n USING (id) "
            "WHEN NOT MATCHED THEN INSERT VALUES (n.id, 0)"
        )
        db.start()
        for i in range(4):
            db.execute("EXECUTE put(?)", [i])
    with laminardb.open(str(tmp_path / "kept")) as db:
        db.start()
        assert db.query("SELECT * FROM s").fetchall() == [(2,)]
        with pytest.raises(laminardb.QueryError, match="does not exist"):  # ended with the program
            db.execute("EXECUTE put(9)")


def test_variables(db: laminardb.Connection) -> None:
    db.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    for expression, want in (
        ("40 + 2", 42),
        ("'text'", "text"),
        ("(SELECT max(s) FROM t)", "b"),
        ("(SELECT list(s ORDER BY s DESC) FROM t)", ["b", "a"]),
        ("(SELECT s FROM t WHERE id = 3)", None),
        (
            "{'x': 1, 'y': 'long enough to need bytes of its own'}",
            {"x": 1, "y": "long enough to need bytes of its own"},
        ),
    ):
        db.execute(f"SET VARIABLE v = {expression}")
        assert db.query("SELECT getvariable('V')").fetchall() == [(want,)]
    assert db.execute("UPDATE t SET s = getvariable('v').y WHERE id = 1").rows_affected == 1
    db.execute("RESET VARIABLE v")
    assert db.query("SELECT getvariable('v')").fetchall() == [(None,)]
    for sql in (
        "CREATE STREAM x AS SELECT getvariable('v') FROM t",
        "CREATE VIEW x AS SELECT getvariable('v')",
        "CREATE TABLE x (a BIGINT DEFAULT getvariable('v'))",
    ):
        with pytest.raises(laminardb.LaminarError, match="a variable ends with the program"):
            db.execute(sql)
    db.execute("SET VARIABLE v = 5")
    db.execute("CREATE TABLE made AS SELECT getvariable('v') AS v")
    assert db.query("FROM made").fetchall() == [(5,)]


def plan(db: laminardb.Connection, sql: str) -> list[str]:
    return [line for (line,) in db.query(sql).fetchall()]


def test_explain_of_changes(db: laminardb.Connection) -> None:
    db.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    assert plan(db, "EXPLAIN INSERT INTO t VALUES (3, 'c'), (4, 'd')") == ["Insert into t  rows: 2"]
    lines = plan(db, "EXPLAIN INSERT INTO t SELECT id + 10, s FROM t")
    assert lines[0] == "Insert into t" and lines[-1].lstrip().startswith("Scan t")
    lines = plan(db, "EXPLAIN UPDATE t SET s = 'x' WHERE id = 1")
    assert lines[0] == "Update t" and any("id = 1" in line for line in lines)
    assert plan(db, "EXPLAIN DELETE FROM t")[0] == "Delete from t"
    merge = "MERGE INTO t USING (SELECT 1 AS id) n USING (id) WHEN MATCHED THEN DELETE"
    lines = plan(db, f"EXPLAIN {merge}")
    assert lines[0] == "Merge into t" and any("Join" in line for line in lines)
    assert db.query("SELECT count(*) FROM t").fetchone() == (2,)  # nothing was run

    lines = plan(db, f"EXPLAIN ANALYZE {merge}")
    assert lines[0] == "Merge into t" and "rows: 1" in lines[-1]
    assert "rows: 1" in plan(db, "EXPLAIN ANALYZE UPDATE t SET s = 'y' RETURNING *")[-1]
    assert (
        "rows: 2"
        in plan(db, "EXPLAIN ANALYZE INSERT INTO t SELECT id + 10, s FROM t UNION ALL SELECT 50, ''")[-1]
    )
    assert plan(db, "EXPLAIN ANALYZE CREATE TABLE u AS SELECT * FROM t")[0] == "Create table u"
    assert db.query("SELECT count(*) FROM u").fetchone() == (3,)
    assert "rows: 3" in plan(db, "EXPLAIN ANALYZE DELETE FROM u")[-1]
    for sql, message in (
        ("EXPLAIN UPDATE t SET nothing = 1", 'column "nothing" does not exist'),
        ("EXPLAIN DELETE FROM nothing", "Table not found"),
        ("EXPLAIN DROP TABLE t", "expected a query"),
    ):
        with pytest.raises(laminardb.LaminarError, match=message):
            db.execute(sql)
