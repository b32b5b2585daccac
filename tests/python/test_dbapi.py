# SPDX-License-Identifier: Apache-2.0
"""PEP 249, clause by clause, and the programs that speak it."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import dbapi


@pytest.fixture
def con() -> Any:
    with dbapi.connect() as con:
        con.execute("CREATE TABLE t (k BIGINT PRIMARY KEY CHECK (k < 100), name VARCHAR, price DECIMAL(9,2))")
        yield con


@pytest.fixture
def cur(con: Any) -> Any:
    with con.cursor() as cur:
        cur.execute("INSERT INTO t VALUES (1, 'a', 1.25), (2, 'b', 2.5), (3, NULL, 3)")
        yield cur


def test_module() -> None:
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 2, "qmark")
    assert issubclass(dbapi.Warning, Exception) and issubclass(dbapi.Error, Exception)
    assert issubclass(dbapi.InterfaceError, dbapi.Error) and issubclass(dbapi.DatabaseError, dbapi.Error)
    for name in (
        "DataError",
        "OperationalError",
        "IntegrityError",
        "InternalError",
        "ProgrammingError",
        "NotSupportedError",
    ):
        assert issubclass(getattr(dbapi, name), dbapi.DatabaseError)
    assert laminardb.dbapi is dbapi


def test_fetching(cur: Any) -> None:
    assert cur.description is None and cur.rowcount == 3
    assert cur.execute("SELECT k, name FROM t ORDER BY k") is cur
    assert (cur.rowcount, cur.rownumber, cur.arraysize) == (3, 0, 1)
    assert cur.fetchone() == (1, "a") and cur.rownumber == 1
    assert cur.fetchmany() == [(2, "b")] and cur.rownumber == 2
    assert cur.fetchall() == [(3, None)] and cur.rownumber == 3
    assert cur.fetchone() is None and cur.fetchmany(5) == [] and cur.fetchall() == []
    assert list(cur.execute("SELECT k FROM t ORDER BY k")) == [(1,), (2,), (3,)]
    cur.arraysize = 2
    assert cur.execute("SELECT k FROM t ORDER BY k").fetchmany() == [(1,), (2,)]
    rows = cur.execute("SELECT * FROM range(100000)").fetchall()
    assert len(rows) == 100_000 and rows[-1] == (99_999,)
    cur.execute("CREATE TABLE u (k BIGINT)")
    assert cur.rowcount == -1 and cur.description is None
    with pytest.raises(dbapi.InterfaceError, match="no rows to fetch"):
        cur.fetchone()
    cur.setinputsizes([1])
    cur.setoutputsize(1, 2)


def test_description(cur: Any) -> None:
    cur.execute(
        "SELECT k, name, price, CAST(k AS DOUBLE) AS d, now() AS n, current_date AS day, name::BLOB AS b,"
        " [price] AS l FROM t"
    )
    kinds = [d[1] for d in cur.description]
    assert [d[0] for d in cur.description] == ["k", "name", "price", "d", "n", "day", "b", "l"]
    assert all(len(d) == 7 for d in cur.description)
    assert cur.description[2] == ("price", "DECIMAL(9,2)", None, None, 9, 2, None)
    assert cur.description[7][4:6] == (None, None)
    for kind, family in zip(
        kinds,
        [
            dbapi.NUMBER,
            dbapi.STRING,
            dbapi.NUMBER,
            dbapi.NUMBER,
            dbapi.DATETIME,
            dbapi.DATETIME,
            dbapi.BINARY,
        ],
        strict=False,
    ):
        assert kind == family
        assert family == kind
        assert [
            f for f in (dbapi.NUMBER, dbapi.STRING, dbapi.DATETIME, dbapi.BINARY, dbapi.ROWID) if f == kind
        ] == [family]
    assert kinds[7] != dbapi.NUMBER


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT name FROM t WHERE k = ?", [2]),
        ("SELECT name FROM t WHERE k = $1", (2,)),
        ("SELECT name FROM t WHERE k = $k", {"k": 2}),
        ("SELECT name FROM t WHERE k = :k", {"k": 2}),
    ],
)
def test_parameters(cur: Any, sql: str, params: Any) -> None:
    assert cur.execute(sql, params).fetchall() == [("b",)]


def test_errors(con: Any, cur: Any) -> None:
    for sql, kind, code in [
        ("SELEC", dbapi.ProgrammingError, 401),
        ("SELECT * FROM nowhere", dbapi.ProgrammingError, 200),
        ("SELECT nope FROM t", dbapi.ProgrammingError, 400),
        ("CREATE TABLE t (k BIGINT)", dbapi.ProgrammingError, 201),
        ("INSERT INTO t VALUES (100, 'x', 1)", dbapi.IntegrityError, 300),
        ("INSERT INTO t VALUES (1, 'x', 1) ON CONFLICT FAIL", dbapi.IntegrityError, 300),
    ]:
        with pytest.raises(kind) as told:
            cur.execute(sql)
        cause = told.value.__cause__
        assert isinstance(cause, laminardb.LaminarError) and not isinstance(cause, dbapi.Error)
        assert (told.value.code, str(told.value)) == (cause.code, str(cause)) and told.value.code == code
        assert told.value.to_dict() == cause.to_dict() | {"class": kind.__name__}
    with pytest.raises(dbapi.InterfaceError):
        closed = con.cursor()
        closed.close()
        closed.execute("SELECT 1")
    con.close()
    with pytest.raises(dbapi.InterfaceError, match="closed"):
        cur.execute("SELECT 1")


def test_transactions(con: Any, cur: Any) -> None:
    con.commit()
    con.rollback()  # without one: nothing
    assert not con.in_transaction
    con.begin()
    assert con.in_transaction
    seen: list[bool] = []
    other = threading.Thread(target=lambda: seen.append(con.in_transaction))
    other.start()
    other.join()
    assert seen == [False]
    cur.execute("DELETE FROM t")
    con.rollback()
    assert cur.execute("SELECT count(*) FROM t").fetchone() == (3,)
    cur.execute("BEGIN; DELETE FROM t WHERE k = 1")
    con.commit()
    assert cur.execute("SELECT count(*) FROM t").fetchone() == (2,)
    with pytest.raises(laminardb.QueryError, match="open already"):
        con.begin()
        con.begin()
    con.rollback()


def test_executemany(con: Any, cur: Any) -> None:
    assert cur.executemany("INSERT INTO t VALUES (?, ?, ?)", ((k, "x", k) for k in range(10, 20))) is cur
    assert cur.rowcount == 10 and cur.description is None and not con.in_transaction
    with pytest.raises(dbapi.IntegrityError):
        cur.executemany("INSERT INTO t VALUES (?, 'y', 0)", [[50], [51], [500]])
    assert not con.in_transaction
    assert cur.execute("SELECT count(*) FROM t").fetchone() == (13,)  # all or none
    con.begin()
    cur.executemany("INSERT INTO t VALUES (?, 'y', 0)", [[60], [61]])
    assert con.in_transaction
    con.rollback()
    assert cur.execute("SELECT count(*) FROM t").fetchone() == (13,)


def test_constructors() -> None:
    now = time.time()
    assert dbapi.Date(2024, 2, 29) == datetime.date(2024, 2, 29)
    assert dbapi.Time(1, 2, 3) == datetime.time(1, 2, 3)
    assert dbapi.Timestamp(2024, 2, 29, 1, 2, 3) == datetime.datetime(2024, 2, 29, 1, 2, 3)
    assert dbapi.Binary(b"ab") == b"ab"
    local = datetime.datetime.fromtimestamp(now)
    assert dbapi.DateFromTicks(now) == local.date()
    assert dbapi.TimeFromTicks(now) == local.time().replace(microsecond=0)
    assert dbapi.TimestampFromTicks(now) == local
    with dbapi.connect() as con:
        row = (
            con.cursor()
            .execute("SELECT ?, ?, ?", [dbapi.Date(1, 1, 1), dbapi.Binary(b"\0"), local])
            .fetchone()
        )
        assert row == (datetime.date(1, 1, 1), b"\0", local)


def test_pandas_reads_by_it(con: Any, cur: Any) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.warns(UserWarning, match="pandas only supports SQLAlchemy"):
        frame = pandas.read_sql("SELECT k, name FROM t WHERE k < ? ORDER BY k", con, params=[3])
    assert frame.to_dict("list") == {"k": [1, 2], "name": ["a", "b"]}


def read_by_pandas(*arguments: Any, **options: Any) -> Any:
    pandas = pytest.importorskip("pandas")
    with pytest.warns(UserWarning, match="pandas only supports SQLAlchemy"):
        return pandas.read_sql(*arguments, **options)


def test_pandas_reads_in_pieces_and_by_index(con: Any, cur: Any) -> None:
    frame = read_by_pandas("SELECT k, price FROM t ORDER BY k", con, index_col="k", coerce_float=True)
    assert frame["price"].to_dict() == {1: 1.25, 2: 2.5, 3: 3.0}
    pieces = list(read_by_pandas("SELECT k FROM t ORDER BY k", con, chunksize=2))
    assert [list(piece["k"]) for piece in pieces] == [[1, 2], [3]]
    con.execute("CREATE STREAM n AS SELECT count(*) AS n FROM t")
    con.start()
    assert list(read_by_pandas("SELECT n FROM n", con)["n"]) == [3]


def test_polars_reads_by_it(con: Any, cur: Any) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.read_database("SELECT * FROM t ORDER BY k", con)
    assert frame.schema == {"k": polars.Int64, "name": polars.String, "price": polars.Decimal(9, 2)}
    assert frame.rows()[2] == (3, None, 3)
    some = polars.read_database("SELECT k FROM t WHERE k > ?", con, execute_options={"parameters": [1]})
    assert some["k"].to_list() == [2, 3]
    assert polars.read_database("SELECT k FROM t ORDER BY k", con.cursor())["k"].to_list() == [1, 2, 3]
    pieces = polars.read_database("SELECT k FROM t ORDER BY k", con, iter_batches=True, batch_size=2)
    assert [piece["k"].to_list() for piece in pieces] == [[1, 2], [3]]


NOTEBOOK = '''
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from laminardb import dbapi

    con = dbapi.connect()
    return con, mo


@app.cell
def _(con, mo):
    _made = mo.sql("CREATE SOURCE t (k BIGINT, v DOUBLE)", output=False, engine=con)
    _rows = mo.sql("INSERT INTO t VALUES (1, 0.5), (2, 1.5)", output=False, engine=con)
    found = mo.sql("SELECT k, v * 2 AS twice FROM t ORDER BY k", output=False, engine=con)
    return (found,)


@app.cell
def _(con, found):
    from marimo._sql.get_engines import get_engines_from_variables

    engines = [type(engine).__name__ for _, engine in get_engines_from_variables([("con", con)])]
    assert engines == ["DBAPIEngine"], engines
    print(found.to_dict("list") if hasattr(found, "iloc") else found.to_dict(as_series=False))


if __name__ == "__main__":
    app.run()
'''


def test_a_sql_cell_of_marimo(tmp_path: Path) -> None:
    pytest.importorskip("marimo")
    notebook = tmp_path / "notebook.py"
    notebook.write_text(NOTEBOOK, encoding="utf-8")
    packages = str(Path(laminardb.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, str(notebook)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": packages},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'k': [1, 2], 'twice': [1.0, 3.0]}"
