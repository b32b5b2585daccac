# SPDX-License-Identifier: Apache-2.0
"""Rows in: every accepted shape, every refusal. A refused batch leaves nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any, NamedTuple

import laminardb
import pytest
from optional import package

np = package("numpy")
polars = package("polars")
pa = package("pyarrow")

DDL = "CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR)"


class Point(NamedTuple):
    k: int
    v: float


@dataclasses.dataclass
class Data:
    k: int
    s: str


@pytest.fixture
def t(db: laminardb.Connection) -> laminardb.Connection:
    db.execute(DDL)
    return db


def rows(db: laminardb.Connection) -> list[tuple[Any, ...]]:
    return db.query("SELECT * FROM t").fetchall()


@pytest.mark.parametrize(
    ("data", "want"),
    [
        ({"k": 1, "v": 2.5, "s": "x"}, [(1, 2.5, "x")]),
        ({"K": 1}, [(1, None, None)]),
        ({"k": [1, 2], "s": ["a", None]}, [(1, None, "a"), (2, None, None)]),
        ([{"k": 1, "v": 1}, {"s": "b", "k": 2}], [(1, 1.0, None), (2, None, "b")]),
        ([(1, 2, "c"), [3, None, ""]], [(1, 2.0, "c"), (3, None, "")]),
        (Point(4, 0.5), [(4, 0.5, None)]),
        ([Data(5, "y"), Data(6, "z")], [(5, None, "y"), (6, None, "z")]),
        (({"k": i} for i in range(2)), [(0, None, None), (1, None, None)]),
        (pa.table({"s": ["q"], "k": pa.array([7], pa.int8())}), [(7, None, "q")]),
        (pa.record_batch({"v": [1.5, None]}), [(None, 1.5, None), (None, None, None)]),
        (
            polars.DataFrame({"k": [8], "s": ["long text that is not inlined"]}),
            [(8, None, "long text that is not inlined")],
        ),
        ({"k": np.int32(3), "v": np.float64(2.5)}, [(3, 2.5, None)]),
        ({"k": True, "v": decimal.Decimal("1.25")}, [(1, 1.25, None)]),
        ({"k": 3.0, "s": 12}, [(3, None, "12")]),
        ({"k": "42", "v": "1e3"}, [(42, 1000.0, None)]),
    ],
)
def test_accepted(t: laminardb.Connection, data: object, want: list[tuple[Any, ...]]) -> None:
    assert t.insert("t", data) == len(want)
    assert rows(t) == want


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ([{"k": 1}, {"k": 1.5}], ["row 2", '"k"', "1.5", "DOUBLE", "BIGINT"]),
        ({"k": ["1", "x1"]}, ["row 2", '"k"', "x1", "VARCHAR", "BIGINT"]),
        ({"kk": 1}, ['"kk"', 'did you mean "k"?']),
        ({"k": 2**64}, ['"k"', str(2**64)]),
        ({"k": [1, 2], "v": [1.0]}, ["1 values", "2"]),
        ({"s": "\ud800"}, ["UTF-8"]),
        ({"s": "a\0b"}, ["NUL"]),
        (pa.table({"k": [1, 2], "v": ["1", "z"]}), ["row 2", '"v"', "'z'", "VARCHAR", "DOUBLE"]),
        (pa.table({"x": [1]}), ['"x"']),
    ],
)
def test_refused(t: laminardb.Connection, data: object, parts: list[str]) -> None:
    t.insert("t", {"k": 0})
    with pytest.raises(laminardb.IngestionError) as e:
        t.insert("t", data)
    for part in parts:
        assert part in str(e.value)
    assert e.value.code == 300
    assert rows(t) == [(0, None, None)]
    t.insert("t", {"k": 9})
    assert len(rows(t)) == 2


@pytest.mark.parametrize("data", [{}, [], None, 5, "k,v", b"x", [{}], [5], {"k": object()}, [(1, 2)]])
def test_not_rows(t: laminardb.Connection, data: object) -> None:
    with pytest.raises(TypeError):
        t.insert("t", data)
    assert rows(t) == []


def test_unknown_source(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE trades (k BIGINT)")
    with pytest.raises(laminardb.SchemaError, match="trads") as e:
        db.insert("trads", {"k": 1})
    assert e.value.code == 200 and 'did you mean "trades"?' in str(e.value)


def test_times(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE x (a TIMESTAMP, d DATE, e BIGINT, m TIMESTAMP(3),"
        " WATERMARK FOR e AS e - INTERVAL '1' SECOND)"
    )
    when = dt.datetime(2024, 1, 31, 9, 30, 0, 500000)
    aware = when.replace(tzinfo=dt.timezone(dt.timedelta(hours=2)))
    db.insert(
        "x",
        [
            {"a": when, "d": when.date(), "e": when, "m": when},
            {"a": aware, "d": "2024-02-01", "e": 5, "m": "1969-12-31 23:59:59.999"},
        ],
    )
    ms = int(when.replace(tzinfo=dt.UTC).timestamp() * 1000)
    assert db.query("SELECT * FROM x").fetchall() == [
        (when, when.date(), ms, when),
        (when - dt.timedelta(hours=2), dt.date(2024, 2, 1), 5, dt.datetime(1969, 12, 31, 23, 59, 59, 999000)),
    ]
    assert db.stats("x")["watermark"] == ms - 1000


def test_not_null_and_default(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE n (a BIGINT NOT NULL, b VARCHAR DEFAULT 'none', c DOUBLE DEFAULT 1.5)")
    assert db.insert("n", {"a": 1}) == 1
    db.execute("INSERT INTO n (a, b) VALUES (2, 'two')")
    with pytest.raises(laminardb.IngestionError, match='row 2, column "a".*NOT NULL'):
        db.insert("n", [{"a": 3}, {"b": "x"}])
    assert db.query("SELECT * FROM n").fetchall() == [(1, "none", 1.5), (2, "two", 1.5)]


def test_computed_defaults(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE d (k BIGINT, at TIMESTAMP DEFAULT now(), r DOUBLE DEFAULT random(), "
        "s VARCHAR DEFAULT 'more than twelve bytes ' || (random() * 0)::INT)"
    )
    writer = db.writer("d")

    def write() -> None:
        writer.insert([{"k": 9000}, {"k": 9001}])
        writer.flush()

    inserts: list[Callable[[], object]] = [
        lambda: db.insert("d", {"k": 1}),
        lambda: db.insert("d", [{"k": 10}, {"k": 11, "s": "given"}, {"k": 12, "r": None}]),
        lambda: db.insert("d", {"k": list(range(1000, 6000))}),
        lambda: db.insert("d", pa.table({"k": list(range(6000, 9000))})),
        lambda: db.insert_csv("d", "k\n20\n21\n"),
        lambda: db.insert_json("d", '[{"k": 30}, {"k": 31, "s": "given"}, {"s": "given"}]'),
        write,
        lambda: db.execute("INSERT INTO d (k) VALUES (40), (41)"),
        lambda: db.execute("INSERT INTO d BY NAME SELECT k + 50 AS k FROM d WHERE k < 2"),
    ]
    for i, insert in enumerate(inserts):
        insert()
        assert db.query("SELECT count(DISTINCT at) FROM d").fetchall() == [(i + 1,)]
    rows = db.query("SELECT k, at, r, s FROM d").fetchall()
    assert len(rows) == 8014
    assert len({r for _, _, r, _ in rows if r is not None}) == 8013
    assert {s for *_, s in rows} == {"given", "more than twelve bytes 0"}
    assert sum(s == "given" for *_, s in rows) == 3
    writer.close()


def test_default_that_fails(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE f (k BIGINT, n UTINYINT DEFAULT 300 + (random() * 0)::INT)")
    calls: list[Callable[[], object]] = [
        lambda: db.insert("f", [{"k": 1, "n": 1}, {"k": 2}]),
        lambda: db.insert("f", {"k": [1, 2]}),
        lambda: db.insert("f", pa.table({"k": [1, 2]})),
        lambda: db.insert_csv("f", "k\n1\n"),
        lambda: db.insert_json("f", '{"k": 1}'),
    ]
    for call in calls:
        with pytest.raises(
            laminardb.IngestionError, match='the DEFAULT of column "n": cannot convert .* 300'
        ):
            call()
    assert db.query("SELECT count(*) FROM f").fetchall() == [(0,)]


def test_arrow_layouts(t: laminardb.Connection) -> None:
    base = pa.table(
        {
            "k": list(range(20)),
            "v": [float(i) for i in range(20)],
            "s": [f"text number {i} of twenty" for i in range(20)],
        }
    )
    t.insert("t", base.slice(3, 5))
    t.insert("t", pa.table({"s": pa.array(["x", "y", None, "x"]).dictionary_encode()}))
    t.insert(
        "t",
        pa.chunked_array([pa.array([1]), pa.array([2, 3])]).to_frame()
        if False
        else pa.table({"k": pa.chunked_array([[1], [2, 3]])}),
    )
    t.insert("t", pa.table({"s": pa.array(["big"], pa.large_string())}))
    got = rows(t)
    assert got[:5] == [(i, float(i), f"text number {i} of twenty") for i in range(3, 8)]
    assert [r[2] for r in got[5:9]] == ["x", "y", None, "x"]
    assert [r[0] for r in got[9:12]] == [1, 2, 3]
    assert got[12][2] == "big"


def test_large_arrow_is_kept_and_right(t: laminardb.Connection) -> None:
    n = 20_000
    table = pa.table(
        {
            "k": pa.array(range(n)),
            "v": pa.array([float(i) for i in range(n)]),
            "s": pa.array([f"row {i} with a longer text" for i in range(n)]),
        }
    )
    t.insert("t", table)
    assert t.query("SELECT * FROM t").to_arrow().cast(table.schema).equals(table)
    assert t.query("SELECT count(*), sum(k), min(s), max(s) FROM t").fetchall() == [
        (n, n * (n - 1) // 2, "row 0 with a longer text", "row 9999 with a longer text")
    ]


def test_csv(t: laminardb.Connection) -> None:
    assert t.insert_csv("t", 'k,s\n1,plain\n2,"with, comma"\r\n3,"a ""quote"" and\nline"\n,\n5,""\n') == 5
    assert rows(t) == [
        (1, None, "plain"),
        (2, None, "with, comma"),
        (3, None, 'a "quote" and\nline'),
        (None, None, None),
        (5, None, ""),
    ]
    assert t.insert_csv("t", "v;k\n1.5;NA\n", delimiter=";", null="NA") == 1
    assert rows(t)[-1] == (None, 1.5, None)


@pytest.mark.parametrize(
    ("csv", "parts"),
    [
        ("k,w\n1,2", ["line 1", '"w"']),
        ("k,v\n1,2\n3,x\n", ["line 3", '"v"', "'x'", "DOUBLE"]),
        ("k,v\n1\n", ["line 2", "1 fields", "2"]),
        ("k,v\n1,2,3\n", ["line 2", "more than"]),
        ('k,s\n1,"open\n', ["line 2", "never closed"]),
        ("", ["line 1", "header"]),
        (b"k,s\n1,\xff\n", ["line 2", "UTF-8"]),
        (b"k,s\n1,a\x00b\n", ["line 2", "NUL"]),
        ("k\n99999999999999999999\n", ["line 2", "BIGINT"]),
    ],
)
def test_bad_csv(t: laminardb.Connection, csv: str | bytes, parts: list[str]) -> None:
    with pytest.raises(laminardb.IngestionError) as e:
        t.insert_csv("t", csv)
    for part in parts:
        assert part in str(e.value)
    assert rows(t) == []
