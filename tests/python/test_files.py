# SPDX-License-Identifier: Apache-2.0
"""Files as tables: CSV against DuckDB, JSON, Parquet and Arrow files, patterns of paths, what is refused."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")


@pytest.fixture
def db() -> Iterator[Any]:
    with laminardb.open() as db:
        yield db


def write(path: Path, text: str) -> Any:
    path.write_text(text, newline="")
    return str(path)


CSV = {
    "header": "id,name,price\n1,a,1.5\n2,b,\n",
    "semicolon": "x;y\n1;a,b\n2;c,d\n",
    "tab": "x\ty\n1\t2\n",
    "pipe_without_header": "1|2.5|x\n3|4.5|y\n",
    "quoted": 'a,b\n"1","x ""y"""\n"2","line\nbreak"\n',
    "times": "d,ts,t\n2024-01-31,2024-01-31 09:30:00,09:30:00\n1969-12-31,1969-12-31T23:59:59.5,00:00:00\n",
    "mixed": "a\n1\nx\n",
    "mixed_numbers": "a\n1\n2.5\n-3e2\n",
    "booleans": "a,b\ntrue,false\nfalse,true\n",
    "crlf": "a,b\r\n1,2\r\n3,4\r\n",
    "last_line_open": "a,b\n1,2\n3,4",
    "all_text": "name,city\nann,oslo\nbob,rome\n",
    "large": "n\n9223372036854775807\n-9223372036854775808\n",
    "blank_lines": "a,b\n1,2\n\n3,4\n",
    "empty_fields": "a,b,c\n,,\n1,,x\n",
}


@pytest.mark.parametrize("kind", CSV)
def test_csv_is_read_as_duckdb_reads_it(db: laminardb.Connection, tmp_path: Path, kind: Any) -> None:
    path = write(tmp_path / "t.csv", CSV[kind])
    theirs = duckdb.sql(f"SELECT * FROM read_csv('{path}')")
    ours = db.sql(f"SELECT * FROM '{path}'")
    assert ours.columns == theirs.columns
    types = [row[1] for row in db.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
    assert types == [str(t) for t in theirs.types]
    assert ours.fetchall() == theirs.fetchall()


def test_random_csv(db: laminardb.Connection, tmp_path: Path) -> None:
    rng = random.Random(5)
    for _ in range(30):
        columns = rng.randrange(1, 6)
        makers = [rng.choice(("int", "float", "text", "date")) for _ in range(columns)]

        def value(kind: Any) -> Any:
            if rng.random() < 0.1:
                return ""
            made: dict[str, Callable[[], str]] = {
                "int": lambda: str(rng.randrange(-(10**6), 10**6)),
                "float": lambda: repr(rng.random() * 100),
                "text": lambda: rng.choice(["x", "a b", '"a,b"', '"q""q"', "é", "long text of a field"]),
                "date": lambda: f"20{rng.randrange(10, 30)}-0{rng.randrange(1, 10)}-1{rng.randrange(10)}",
            }
            return made[kind]()

        lines = [",".join(f"col{i}" for i in range(columns))]
        lines += [",".join(value(kind) for kind in makers) for _ in range(rng.randrange(1, 3000))]
        if columns == 1:
            lines = [line for line in lines if line]
        path = write(tmp_path / "t.csv", "\n".join(lines) + "\n")
        theirs = duckdb.sql(f"SELECT * FROM read_csv('{path}', header=true)")
        ours = db.sql(f"SELECT * FROM read_csv('{path}', header => true)")
        assert ours.fetchall() == theirs.fetchall()


def test_options(db: laminardb.Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "1;31/12/2023;NA\n2;01/01/2024;x\n")
    assert (
        db.sql(
            f"SELECT * FROM read_csv('{path}', header => false, delim => ';', nullstr => 'NA', "
            "columns => 'id INT, day DATE, v VARCHAR', dateformat => '%d/%m/%Y') WHERE id = 1"
        ).fetchall()
        == duckdb.sql(
            f"SELECT * FROM read_csv('{path}', header=false, delim=';', nullstr='NA', "
            "columns={'id': 'INT', 'day': 'DATE', 'v': 'VARCHAR'}, dateformat='%d/%m/%Y') WHERE id = 1"
        ).fetchall()
    )
    assert db.sql("SELECT * FROM read_csv(?, all_varchar => true)", [path]).fetchall()[0][0] == "1"


def test_patterns(db: laminardb.Connection, tmp_path: Path) -> None:
    for month in range(1, 4):
        (tmp_path / f"y{month}").mkdir()
        write(tmp_path / f"y{month}" / "t.csv", f"month,v\n{month},{month * 10}\n")
    write(tmp_path / "y1" / "more.csv", "v,extra\n7,x\n")
    (tmp_path / "dir.csv").mkdir()
    assert db.sql(f"SELECT sum(v) FROM '{tmp_path}/y*/t.csv'").fetchall() == [(60,)]
    assert db.sql(f"SELECT sum(v) FROM '{tmp_path}/**/[ts].csv'").fetchall() == [(60,)]
    assert db.sql(f"SELECT sum(v) FROM '{tmp_path}/y[!1-2]/?.csv'").fetchall() == [(30,)]
    rows = db.sql(
        f"SELECT month, v, extra, filename FROM read_csv('{tmp_path}/y1/*.csv', union_by_name => true, "
        "filename => true) ORDER BY v"
    ).fetchall()
    assert [row[:3] for row in rows] == [(None, 7, "x"), (1, 10, None)]
    assert [os.path.basename(row[3]) for row in rows] == ["more.csv", "t.csv"]
    with pytest.raises(laminardb.QueryError, match="union_by_name"):
        db.sql(f"SELECT * FROM '{tmp_path}/y1/*.csv'")
    with pytest.raises(laminardb.QueryError, match="no file matches"):
        db.sql(f"SELECT * FROM '{tmp_path}/z*.csv'")


def test_json(db: laminardb.Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"k": 1, "v": 0.5, "s": "é"}\n{"v": 2, "k": 3, "more": {"a": [1]}}\n')
    expected = [(1, 0.5, "é", None), (3, 2.0, None, '{"a": [1]}')]
    assert db.sql(f"SELECT * FROM '{path}'").fetchall() == expected
    array = write(tmp_path / "t.json", '[{"k": 1}, {"k": 3}]')
    assert db.sql(f"SELECT * FROM read_json('{array}')").fetchall() == [(1,), (3,)]
    assert db.sql(f"SELECT sum(k) FROM read_ndjson('{path}')").fetchall() == [(4,)]


@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather", "arrows"])
def test_files_of_pyarrow(db: laminardb.Connection, tmp_path: Path, ending: Any) -> None:
    text = [f"text number {i}" for i in range(1000)]
    table = pa.table({"k": list(range(1000)), "s": text, "x": [0.5] * 1000})
    path = str(tmp_path / f"t.{ending}")
    if ending == "parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, path, row_group_size=100)
    else:
        make = pa.ipc.new_stream if ending == "arrows" else pa.ipc.new_file
        with pa.OSFile(path, "wb") as file, make(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    found = db.sql(f"SELECT count(*), sum(k), max(s) FROM '{path}'").fetchall()
    assert found == [(1000, 499500, "text number 999")]
    assert db.sql(f"SELECT s FROM '{path}' WHERE k = 77").fetchall() == [("text number 77",)]
    assert db.sql(f"SELECT count(*) FROM '{path}' a JOIN '{path}' b ON a.k = b.k").fetchall() == [(1000,)]


def test_large_file_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("k,s\n")
        for i in range(300_000):
            file.write(f"{i % 10},some longer text {i}\n")
    with laminardb.open(config=laminardb.LaminarConfig(memory_limit=6 << 20)) as db:
        found = db.sql(f"SELECT k, count(*), max(s) FROM '{path}' GROUP BY k ORDER BY k").fetchall()
    assert found == [(k, 30_000, f"some longer text {99990 + k}") for k in range(10)]


def test_objects_over_files(db: laminardb.Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "k,v\n1,10\n2,20\n")
    db.execute(f"CREATE VIEW v AS SELECT * FROM '{path}'")
    assert db.sql("SELECT sum(v) FROM v").fetchall() == [(30,)]
    write(tmp_path / "t.csv", "k,v\n1,10\n2,20\n3,30\n")
    assert db.sql("SELECT sum(v) FROM v").fetchall() == [(60,)]
    db.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'")
    assert int(db.execute(f"INSERT INTO t SELECT * FROM '{path}' WHERE k > 1")) == 2
    assert db.sql("SELECT t.k FROM t WHERE t.k = 1").fetchall() == [(1,)]
    assert db.sql(f"SELECT t.k FROM '{path}' WHERE t.k = 3").fetchall() == [(3,)]  # the file's name
    assert db.sql(f"SELECT a.x FROM '{path}' AS a(x, y) WHERE y = 30").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT * FROM 'DIR/tt.csv'", r"did you mean 'DIR/t.csv'\?"),
        ("SELECT * FROM 'DIR/t.xyz'", 'ending "xyz" is no known format'),
        ("SELECT * FROM read_csv('DIR')", "is a directory"),
        ("SELECT * FROM read_csv('DIR/pipe')", "no regular file"),
        ("SELECT * FROM read_csv('/dev/zero')", "no regular file"),
        ("SELECT * FROM read_csv('DIR/t.csv', delim => 'ab')", "one character"),
        ("SELECT * FROM read_csv('DIR/t.csv', header => 'x')", "true or false"),
        ("SELECT * FROM read_csv('DIR/t.csv', dateformat => '%Q')", "after % stands one of"),
        ("SELECT * FROM read_csv('DIR/t.csv', columns => 'a NOTYPE')", "NOTYPE"),
        ("SELECT * FROM read_csv(5)", "a path is a text"),
        ("SELECT * FROM read_csv('DIR/t.csv.gz')", "No such file"),
        ("CREATE STREAM s AS SELECT * FROM 'DIR/t.csv'", "a stream keeps on reading"),
        ("SELECT nope FROM 'DIR/t.csv'", "nope"),
    ],
)
def test_refusals(db: laminardb.Connection, tmp_path: Path, sql: str, text: str) -> None:
    write(tmp_path / "t.csv", "k,v\n1,10\n")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(laminardb.QueryError, match=text.replace("DIR", str(tmp_path))):
        db.execute(sql.replace("DIR", str(tmp_path)))


def test_a_bad_row_is_named(db: laminardb.Connection, tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(30_000))
    path = write(tmp_path / "t.csv", "k,v\n" + rows + "5,five\n")
    fault = "line 30002, column \"v\": value 'five' does not fit BIGINT"
    with pytest.raises(laminardb.QueryError, match=fault) as e:
        db.sql(f"SELECT sum(v) FROM '{path}'")
    assert "ignore_errors => true" in (e.value.hint or "")
    assert db.sql(f"SELECT count(*) FROM read_csv('{path}', ignore_errors => true)").fetchall() == [(30_000,)]
    assert db.sql(f"SELECT count(*) FROM read_csv('{path}', types => 'v VARCHAR')").fetchall() == [(30_001,)]
