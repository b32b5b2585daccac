# SPDX-License-Identifier: Apache-2.0
"""Objects of the program in FROM: which are found, where they are looked for, and what they hold."""
# ruff: noqa: F841 - queries read the variables by name

import datetime
import decimal
from collections.abc import Callable, Iterator
from typing import Any

import laminardb
import pytest
from optional import some

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

COLUMNS = {"k": [1, 2, 3], "name": ["a", None, "a text of more than twelve bytes"], "x": [0.5, None, 1.5]}
ROWS = list(zip(*COLUMNS.values(), strict=True))
GLOBAL_TABLE = pa.table(COLUMNS)


@pytest.fixture
def db() -> Iterator[Any]:
    with laminardb.open() as db:
        yield db


def result_of(db: laminardb.Connection) -> Any:
    db.execute("CREATE TABLE made (k BIGINT, name VARCHAR, x DOUBLE)")
    db.insert("made", COLUMNS)
    return db.query("SELECT * FROM made")


MAKERS: dict[str, Callable[[laminardb.Connection], Any]] = {
    "pandas": lambda db: pd.DataFrame(COLUMNS),
    "pandas_int": lambda db: pd.DataFrame({"k": [1, 2, 3]}),
    "polars": lambda db: pl.DataFrame(COLUMNS),
    "polars_lazy": lambda db: pl.DataFrame(COLUMNS).lazy(),
    "arrow_table": lambda db: pa.table(COLUMNS),
    "arrow_batch": lambda db: pa.RecordBatch.from_pydict(COLUMNS),
    "arrow_reader": lambda db: pa.table(COLUMNS).to_reader(max_chunksize=2),
    "result": result_of,
    "dict_of_lists": lambda db: COLUMNS,
    "list_of_dicts": lambda db: [dict(zip(COLUMNS, row, strict=True)) for row in ROWS],
    "numpy": lambda db: pd.DataFrame({"k": [1, 2, 3], "x": [0.5, 1.0, 1.5]}).to_records(index=False),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind(db: laminardb.Connection, kind: Any) -> None:
    thing = MAKERS[kind](db)
    assert db.sql("SELECT sum(k), count(*) FROM thing").fetchall() == [(6, 3)]
    if kind in ("pandas_int", "numpy"):
        return
    if kind == "arrow_reader":
        thing = MAKERS[kind](db)
    assert db.sql("SELECT * FROM thing").fetchall() == ROWS


def test_columns_that_are_wanted_alone(db: laminardb.Connection) -> None:
    wide = pa.table({f"c{i}": [i, i + 1] for i in range(50)})
    assert db.sql("SELECT c7 + c30 AS s FROM wide ORDER BY s DESC").fetchall() == [(39,), (37,)]
    assert "columns: c7, c30" in db.explain("SELECT c7, c30 FROM wide")


def test_one_object_twice_and_readers_once(db: laminardb.Connection) -> None:
    rows = pa.table(COLUMNS)
    assert db.sql("SELECT count(*) FROM rows a JOIN rows b ON a.k < b.k").fetchall() == [(3,)]
    reader = rows.to_reader()
    with pytest.raises(laminardb.QueryError, match="reader"):
        db.sql("SELECT count(*) FROM reader a JOIN reader b ON a.k < b.k")


def test_order_of_the_places(db: laminardb.Connection) -> None:
    df = {"k": [1]}
    assert db.sql("SELECT k FROM df").fetchall() == [(1,)]
    assert db.sql("SELECT k FROM df", df={"k": [2]}).fetchall() == [(2,)]
    assert db.sql("SELECT count(*) FROM GLOBAL_TABLE").fetchall() == [(3,)]
    db.execute("CREATE TABLE df (k BIGINT)")
    assert db.sql("SELECT k FROM df", df={"k": [2]}).fetchall() == []  # the catalogue comes first
    assert db.sql("WITH df AS (SELECT 7 AS k) SELECT k FROM df").fetchall() == [(7,)]


def test_scopes(db: laminardb.Connection) -> None:
    here = {"k": [1, 2]}

    def inner() -> Any:
        return db.sql("SELECT count(*) FROM here").fetchall()

    assert inner() == [(2,)]
    assert [db.sql("SELECT count(*) FROM here").fetchall() for _ in range(2)] == [[(2,)], [(2,)]]
    assert (lambda: db.sql("SELECT count(*) FROM here").fetchall())() == [(2,)]
    assert some(db.execute("SELECT count(*) FROM here").to_query_result()).fetchall() == [(2,)]
    assert len(list(db.stream("SELECT * FROM here"))) == 1
    space: dict[str, Any] = {"db": db}
    exec("df = {'k': [5]}\nfound = db.sql('SELECT k FROM df').fetchall()", space)  # a notebook's cell
    assert space["found"] == [(5,)]


def test_types(db: laminardb.Connection) -> None:
    values = {
        "b": [True, None],
        "i": [2**40, 1],
        "h": [2**70, -1],
        "f": [1, 2.5],
        "d": [datetime.date(2024, 1, 31), None],
        "ts": [datetime.datetime(2024, 1, 31, 9, 30), datetime.datetime(1969, 1, 1)],
        "t": [datetime.time(9, 30), None],
        "s": ["é", ""],
        "x": [decimal.Decimal("1.50"), decimal.Decimal("-0.025")],
        "y": [b"\x00\xff", None],
        "n": [None, None],
    }
    result = db.sql("SELECT * FROM values", values=values)
    assert result.fetchall() == list(zip(*values.values(), strict=True))
    names = [row[1] for row in db.sql("DESCRIBE SELECT * FROM values", values=values).fetchall()]
    assert names == ["BOOLEAN", "BIGINT", "HUGEINT", "DOUBLE", "DATE", "TIMESTAMP", "TIME"] + [
        "VARCHAR",
        "DECIMAL(4,3)",
        "BLOB",
        "VARCHAR",
    ]


def test_into_tables(db: laminardb.Connection) -> None:
    df = pl.DataFrame({"k": list(range(5000)), "v": [f"value number {i}" for i in range(5000)]})
    db.execute("CREATE TABLE t AS SELECT * FROM df WHERE k % 2 = 0")
    assert db.sql("SELECT count(*), min(v) FROM t").fetchall() == [(2500, "value number 0")]
    assert int(db.execute("INSERT INTO t SELECT * FROM df")) == 5000
    assert db.sql("SELECT count(*) FROM t WHERE k IN (SELECT k FROM df WHERE k < 10)").fetchall() == [(15,)]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT * FROM prizes", 'did you mean the variable "prices"'),
        ("SELECT * FROM number", 'the variable "number" is a int'),
        ("CREATE STREAM s AS SELECT * FROM prices", "a stream keeps on reading"),
        ("CREATE VIEW v AS SELECT * FROM prices", "a view is text"),
        ("SELECT * FROM uneven", "different lengths"),
    ],
)
def test_refusals(db: laminardb.Connection, sql: str, text: str) -> None:
    prices, number = {"k": [1]}, 5
    uneven = {"a": [1], "b": [1, 2]}
    assert prices and number and uneven
    with pytest.raises(laminardb.LaminarError, match=text):
        db.execute(sql)
    assert db.sql("SELECT * FROM prices").fetchall() == [(1,)]


def test_an_object_that_fails(db: laminardb.Connection) -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> None:
            raise RuntimeError("no rows today")

    broken = Broken()
    assert broken
    with pytest.raises(laminardb.QueryError, match="no rows today") as caught:
        db.sql("SELECT * FROM broken")
    assert caught.value.position == 14

    def fail_late() -> Iterator[Any]:
        yield pa.RecordBatch.from_pydict({"k": [1]})
        raise RuntimeError("and none tomorrow")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("k", pa.int64())]), fail_late())
    with pytest.raises(laminardb.QueryError, match="none tomorrow"):
        db.sql("SELECT * FROM reader")
    assert db.sql("SELECT 1").fetchall() == [(1,)]


def test_text_is_not_copied(db: laminardb.Connection) -> None:
    text = pa.array(["a text of more than twelve bytes " * 4] * 100_000)
    texts = pa.table({"s": text})
    result = db.sql("SELECT s FROM texts").to_arrow()
    assert result.num_rows == 100_000 and result.column(0).to_pylist()[0] == text[0].as_py()
