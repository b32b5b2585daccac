# SPDX-License-Identifier: Apache-2.0
"""COPY between tables and files, round trips of every type, and SUMMARIZE."""

import datetime
import decimal
import json
import os
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest

FORMATS = ["csv", "jsonl", "parquet", "arrow"]
TYPES: dict[str, Callable[[random.Random], Any]] = {
    "BOOLEAN": lambda r: r.random() < 0.5,
    "TINYINT": lambda r: r.randrange(-128, 128),
    "SMALLINT": lambda r: r.randrange(-(2**15), 2**15),
    "INTEGER": lambda r: r.randrange(-(2**31), 2**31),
    "BIGINT": lambda r: r.choice([-(2**63), 2**63 - 1, r.randrange(10)]),
    "UINTEGER": lambda r: r.randrange(2**32),
    "UBIGINT": lambda r: r.choice([2**64 - 1, 0]),
    "HUGEINT": lambda r: r.choice([2**100, -(2**100), 1]),
    "FLOAT": lambda r: r.choice([0.5, -1.25, float("inf")]),
    "DOUBLE": lambda r: r.choice([r.random(), 1e300, 5e-324, -0.0, float("-inf"), 3.0]),
    "DECIMAL(18,3)": lambda r: decimal.Decimal(r.randrange(-(10**12), 10**12)) / 1000,
    "DECIMAL(38,10)": lambda r: decimal.Decimal(f"{r.randrange(10**27)}.0123456789"),
    "VARCHAR": lambda r: r.choice(["", " x ", 'q"uo,te', "line\nbreak\r\n", "é", "NULL", "a\\b", "a text"]),
    "DATE": lambda r: datetime.date(r.randrange(1, 9999), r.randrange(1, 13), 28),
    "TIME": lambda r: datetime.time(r.randrange(24), r.randrange(60), 1, r.randrange(10**6)),
    "TIMESTAMP": lambda r: datetime.datetime(r.randrange(1900, 2200), 2, 3, 4, 5, 6, r.randrange(10**6)),
    "UUID": lambda r: uuid.UUID(int=r.randrange(2**128)),
    "BLOB": lambda r: r.choice([b"", b"\x00\xff", b"plain", b'"\\,\n']),
}


@pytest.fixture
def db() -> Iterator[Any]:
    with laminardb.open() as db:
        yield db


@pytest.mark.parametrize("ending", FORMATS)
def test_round_trip_of_every_type(db: laminardb.Connection, tmp_path: Path, ending: Any) -> None:
    if ending in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    rng = random.Random(11)
    kinds = [k for k in TYPES if ending in ("csv", "jsonl") or k not in ("UUID", "BLOB", "HUGEINT", "TIME")]
    columns = ", ".join(f'"c {i}" {kind}' for i, kind in enumerate(kinds))
    db.execute(f"CREATE TABLE a ({columns}); CREATE TABLE b ({columns})")
    rows = [tuple(None if rng.random() < 0.2 else TYPES[k](rng) for k in kinds) for _ in range(300)]
    db.insert("a", rows)
    path = tmp_path / f"t.{ending}"
    assert int(db.execute(f"COPY a TO '{path}'")) == 300
    assert os.listdir(tmp_path) == [path.name]  # nothing is left beside it
    assert int(db.execute(f"COPY b FROM '{path}'")) == 300
    assert db.sql("SELECT * FROM b").fetchall() == db.sql("SELECT * FROM a").fetchall() == rows


def test_options_and_column_lists(db: laminardb.Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    db.execute("CREATE TABLE t (k BIGINT, v VARCHAR, d DOUBLE DEFAULT 1.5)")
    db.insert("t", [(1, "a;b", 2.0), (2, None, None)])
    db.execute(f"COPY t (v, k) TO '{path}' (DELIMITER ';', HEADER false, NULL 'NA')")
    assert path.read_text() == '"a;b";1\nNA;2\n'
    db.execute("CREATE TABLE u (k BIGINT, v VARCHAR, d DOUBLE DEFAULT 1.5)")
    assert int(db.execute(f"COPY u (v, k) FROM '{path}' WITH (delim ';', header false, nullstr 'NA')")) == 2
    assert db.sql("SELECT * FROM u").fetchall() == [(1, "a;b", 1.5), (2, None, 1.5)]
    db.execute(f"COPY (SELECT k * 2 AS \"x y\", v FROM t ORDER BY k DESC) TO '{path}' (FORMAT csv)")
    assert path.read_text() == "x y,v\n4,\n2,a;b\n"
    db.execute(f"COPY t TO '{path}' (FORMAT json)")
    assert path.read_text() == '{"k":1,"v":"a;b","d":2.0}\n{"k":2,"v":null,"d":null}\n'


def test_all_or_nothing(db: laminardb.Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    db.execute("CREATE TABLE t (k BIGINT, v BIGINT)")
    path.write_text("k,v\n" + "1,2\n" * 5000 + "3,x\n")
    fault = "line 5002, column \"v\": value 'x' does not fit BIGINT"
    with pytest.raises(laminardb.IngestionError, match=fault):
        db.execute(f"COPY t FROM '{path}'")
    assert db.sql("SELECT count(*) FROM t").fetchall() == [(0,)]
    assert int(db.execute(f"COPY t FROM '{path}' (ignore_errors)")) == 5000
    path.write_text("v,k\n1,2\n")
    db.execute(f"COPY t FROM '{path}'")  # by name
    assert db.sql("SELECT k, v FROM t WHERE k = 2").fetchall() == [(2, 1)]
    before = path.read_text()
    with pytest.raises(laminardb.QueryError):
        db.execute(f"COPY (SELECT CAST('x' || k AS BIGINT) FROM t) TO '{path}'")
    assert path.read_text() == before and os.listdir(tmp_path) == ["t.csv"]


@pytest.mark.parametrize(
    ("sql", "error", "text"),
    [
        ("COPY t FROM 'DIR/none.csv'", laminardb.IngestionError, "No such file"),
        ("COPY nope FROM 'DIR/t.csv'", laminardb.QueryError, "nope"),
        ("COPY t (kk) FROM 'DIR/t.csv'", laminardb.QueryError, 'no column "kk"'),
        ("COPY t FROM 'DIR/t.csv' (headr true)", laminardb.QueryError, "did you mean header"),
        ("COPY t TO 'DIR/no/dir.csv'", laminardb.QueryError, "No such file or directory"),
        ("COPY t TO 'DIR/*.csv'", laminardb.QueryError, "COPY TO writes one file"),
        ("COPY t TO 'DIR/t.xls'", laminardb.QueryError, "no known format"),
        ("COPY (SELECT 1) FROM 'DIR/t.csv'", laminardb.QueryError, "expected TO"),
        ("COPY t", laminardb.QueryError, "expected FROM or TO"),
        ("SUMMARIZE nope", laminardb.QueryError, "nope"),
    ],
)
def test_refusals(db: laminardb.Connection, tmp_path: Path, sql: str, error: Any, text: str) -> None:
    db.execute("CREATE TABLE t (k BIGINT)")
    (tmp_path / "t.csv").write_text("k\n1\n")
    with pytest.raises(error, match=text):
        db.execute(sql.replace("DIR", str(tmp_path)))


def test_streams_see_what_is_copied(db: laminardb.Connection, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("k,v\n1,2\n1,3\n2,5\n")
    db.execute("CREATE SOURCE s (k BIGINT, v BIGINT)")
    db.execute("CREATE STREAM m AS SELECT k, sum(v) AS v FROM s GROUP BY k")
    db.start()
    db.execute(f"COPY s FROM '{tmp_path}/t.csv'")
    db.execute(f"COPY m TO '{tmp_path}/m.csv'")
    assert sorted((tmp_path / "m.csv").read_text().split()) == ["1,5", "2,5", "k,v"]


def test_summarize(db: laminardb.Connection, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    day = datetime.date(2024, 1, 1)
    rows = [
        (i, i % 7.0 if i % 5 else None, f"n{i % 3}", day + datetime.timedelta(i % 28)) for i in range(100)
    ]
    db.execute("CREATE TABLE t (k BIGINT, x DOUBLE, s VARCHAR, d DATE)")
    db.insert("t", rows)
    theirs = duckdb.connect()
    theirs.execute("CREATE TABLE t (k BIGINT, x DOUBLE, s VARCHAR, d DATE)")
    theirs.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    ours = db.sql("SUMMARIZE t")
    expected = theirs.sql("SUMMARIZE t")
    assert ours.columns == expected.columns
    for got, wanted in zip(ours.fetchall(), expected.fetchall(), strict=True):
        assert got[:4] == wanted[:4] and got[10:] == wanted[10:]
        assert abs(got[4] - wanted[4]) <= 0.2 * wanted[4] + 1
        if got[5] is not None:
            assert [float(v) for v in got[5:10]] == pytest.approx([float(v) for v in wanted[5:10]], rel=0.05)
    df = {"a": [1, None]}
    found = db.sql("SUMMARIZE SELECT a AS n FROM df", df=df).fetchall()
    assert found[0][:4] == ("n", "BIGINT", "1", "1") and found[0][10:] == (2, decimal.Decimal("50.00"))


ROWS = 1_200_000
WIDE = "SELECT i, i * 3 AS a, i * 5 AS b, i * 7 AS c, i * 11 AS d, i * 13 AS e, i % 10 AS g FROM t"


@pytest.fixture(scope="module")
def large() -> Iterator[Any]:
    """Its rows take 10 MB; what WIDE gives of them takes 67."""
    with laminardb.open() as db:
        db.execute(f"CREATE SOURCE t (i BIGINT); INSERT INTO t SELECT * FROM generate_series(1, {ROWS})")
        db.execute("SET memory_limit = '40MB'")
        yield db


@pytest.mark.parametrize("ending", FORMATS)
def test_the_answer_is_never_held(large: Any, tmp_path: Path, ending: Any) -> None:
    if ending in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    path = tmp_path / f"t.{ending}"
    with pytest.raises(MemoryError):
        large.sql(WIDE)
    assert int(large.execute(f"COPY ({WIDE}) TO '{path}'")) == ROWS
    if ending in ("csv", "jsonl"):
        with path.open() as f:
            lines = sum(1 for _ in f)
        assert lines == ROWS + (ending == "csv")
    elif ending == "parquet":
        from pyarrow.parquet import ParquetFile

        groups = ParquetFile(path).metadata
        sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
        assert min(sizes[:-1]) >= 100_000 and sum(sizes) == ROWS  # large ones, but not all at once
        assert len(sizes) >= 8
    found = large.sql(f"SELECT count(*), sum(i), sum(e), min(g), max(g) FROM '{path}'").fetchall()
    total = ROWS * (ROWS + 1) // 2
    assert found == [(ROWS, total, 13 * total, 0, 9)]
    assert int(large.execute(f"COPY t TO '{path}'")) == ROWS


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize("fault", ["cast", "time", "folder"])
def test_no_half_file(large: Any, tmp_path: Path, fault: Any, ending: Any) -> None:
    """The query fails, or is cancelled, when most rows are written; or the file cannot be."""
    if ending != "csv":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"t.{ending}"
    path.write_text("what was there")
    if fault == "cast":
        with pytest.raises(laminardb.QueryError, match="1100000"):
            late = "CASE WHEN i = 1100000 THEN 'x1100000' ELSE '7' END"
            large.execute(f"COPY (SELECT i, CAST({late} AS INT) FROM t) TO '{path}'")
    elif fault == "time":
        large.execute("SET statement_timeout_ms = 20")
        with pytest.raises(laminardb.QueryError, match="20 ms"):
            large.execute(f"COPY ({WIDE}) TO '{path}'")
        large.execute("RESET statement_timeout_ms")
    else:
        with pytest.raises(laminardb.QueryError) as refused:
            large.execute(f"COPY t TO '{tmp_path}/none/t.{ending}'")
        assert refused.value.position == len("COPY t TO ")
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == "what was there"


def test_a_stream_is_copied(db: laminardb.Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    db.execute("CREATE SOURCE t (k BIGINT, x BIGINT)")
    db.execute("INSERT INTO t SELECT i % 3, i FROM generate_series(1, 9) AS q(i)")
    db.execute("CREATE STREAM s AS SELECT k, sum(x) AS n FROM t GROUP BY k")
    db.start()
    assert int(db.execute(f"COPY (SELECT * FROM s ORDER BY k) TO '{path}'")) == 3
    assert path.read_text().split() == ["k,n", "0,18", "1,12", "2,15"]


def test_nested_values_in_json_files(tmp_path: Path) -> None:
    """They are JSON there, not texts of SQL, and come back as they were; other readers take them, too."""
    path = tmp_path / "a.json"
    with laminardb.open() as db:
        db.execute(
            "CREATE TABLE a (k INT, l BIGINT[], s STRUCT(a BIGINT, b VARCHAR), m MAP(VARCHAR, BIGINT),"
            " j JSON, t VARCHAR[], d DATE[])"
        )
        db.execute(
            "INSERT INTO a VALUES (1, [1, NULL], {'a': 1, 'b': 'x\"y'}, MAP {'k': 1},"
            " '{\"z\": [1, null]}',"
            " ['a,b', NULL, 'c''d', ''], [DATE '2024-01-01']), (2, NULL, NULL, NULL, NULL, NULL, NULL),"
            " (3, [], {'a': NULL, 'b': NULL}, MAP {}, '\"s\"', [], [])"
        )
        db.execute(f"COPY a TO '{path}' (FORMAT json)")
        first = json.loads(path.read_text().splitlines()[0])
        assert first["l"] == [1, None] and first["s"] == {"a": 1, "b": 'x"y'} and first["m"] == {"k": 1}
        assert first["j"] == {"z": [1, None]} and first["t"] == ["a,b", None, "c'd", ""]
        db.execute("CREATE TABLE b AS FROM a WITH NO DATA")
        db.execute(f"COPY b FROM '{path}' (FORMAT json)")
        assert db.sql("FROM b ORDER BY k").fetchall() == db.sql("FROM a ORDER BY k").fetchall()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_instants_are_written_in_the_zone_as_duckdb_does(tmp_path: Path, zone: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = (
        "SELECT i, TIMESTAMPTZ '2024-01-15 12:30:00.5+00' + INTERVAL 1 DAY * 60 * i AS a, "
        "[TIMESTAMPTZ '2024-07-15 12:30:00+00', NULL] AS l, "
        "{'x': TIMESTAMPTZ '1969-12-31 23:59:59.123456+00'} AS s, "
        "CASE WHEN i > 0 THEN TIMESTAMPTZ '1880-01-01 00:00:00+00' END AS n, "
        "TIMESTAMP '2024-01-01 00:00:00' AS plain "
        "FROM generate_series(0, 9) AS r(i)"
    )
    queries = [
        rows + " ORDER BY a DESC",
        rows + " ORDER BY i LIMIT 3",
        f"SELECT l, a FROM ({rows}) ORDER BY i",
    ]
    other = duckdb.connect()
    with laminardb.open() as db:
        for run in (db.execute, other.execute):
            run(f"SET TimeZone = '{zone}'")
        for query in queries:
            for ending in ("csv", "json"):
                ours, theirs = tmp_path / f"ours.{ending}", tmp_path / f"theirs.{ending}"
                db.execute(f"COPY ({query}) TO '{ours}'")
                other.execute(f"COPY ({query}) TO '{theirs}'")
                assert ours.read_text() == theirs.read_text()
        db.execute(f"CREATE TABLE t AS {rows}")
        db.execute(f"COPY t TO '{tmp_path}/t.csv'")
        db.execute("CREATE TABLE back (i BIGINT, a TIMESTAMPTZ)")
        db.execute(
            f"INSERT INTO back SELECT i, a FROM read_csv('{tmp_path}/t.csv', types := 'a TIMESTAMPTZ')"
        )
        assert db.query("SELECT i, a FROM t EXCEPT SELECT i, a FROM back").fetchall() == []
        assert db.query("SELECT i, a FROM t LIMIT 1").columns == ["i", "a"]
