# SPDX-License-Identifier: Apache-2.0
"""Parameters: four spellings, a sequence or a mapping, every type, every place where an expression stands."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import laminardb
import pytest

UTC = dt.UTC


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as c:
        c.execute("CREATE SOURCE t (k VARCHAR, v BIGINT, ts TIMESTAMP)")
        c.execute(
            "INSERT INTO t VALUES ('a', 1, '2024-01-01'), ('b', 2, '2024-01-02'), ('c', 3, '2024-01-03')"
        )
        yield c


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT k FROM t WHERE v >= ? AND v < ?", [2, 3]),
        ("SELECT k FROM t WHERE v >= $1 AND v < $2", (2, 3)),
        ("SELECT k FROM t WHERE v < ?2 AND v >= ?1", [2, 3]),
        ("SELECT k FROM t WHERE v >= $low AND v < $high", {"low": 2, "high": 3}),
        ("SELECT k FROM t WHERE v >= :low AND v < :high", MappingProxyType({"high": 3, "low": 2})),
        ("SELECT k FROM t WHERE v >= $1 AND v < $2", {"1": 2, "2": 3}),
        ("SELECT k FROM t WHERE v = $1 AND v <= $1", [2]),
    ],
)
def test_four_styles(db: laminardb.Connection, sql: str, params: Any) -> None:
    for run in (db.query, db.sql):
        assert run(sql, params).fetchall() == [("b",)]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -(2**63),
        2**63 - 1,
        1.5,
        -0.0,
        math.inf,
        "",
        "it's -- ; DROP SOURCE t; é \U0001f600",
        dt.date(1969, 12, 31),
        dt.datetime(2024, 1, 31, 9, 30, 0, 500001),
        dt.datetime(1960, 1, 1, 0, 0, 0, 1),
        dt.timedelta(days=3, seconds=5, microseconds=7),
        dt.timedelta(microseconds=-1),
        dt.timedelta(days=-2, hours=3),
    ],
)
def test_values_come_back_as_they_went(db: laminardb.Connection, value: object) -> None:
    row = db.query("SELECT ?, $1", [value]).fetchone()
    assert row is not None
    assert row == (value, value)
    assert [type(v) for v in row] == [type(value)] * 2


def test_other_values(db: laminardb.Connection) -> None:
    aware = dt.datetime(2024, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert db.query("SELECT ?", [aware]).fetchone() == (dt.datetime(2024, 1, 1, tzinfo=dt.UTC),)
    assert db.query("SELECT ?", [2**80]).fetchone() == (float(2**80),)
    got = db.query("SELECT ?", [math.nan]).fetchone()
    assert got is not None and math.isnan(got[0])
    for wrong in (bytearray(b"x"), object()):
        with pytest.raises(TypeError, match="a parameter is a str, bytes, int"):
            db.query("SELECT ?", [wrong])
    for wrong in ("x", b"x", 5, {1}, iter([1])):
        with pytest.raises(TypeError, match="params is a list or tuple"):
            db.query("SELECT ?", wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="names of parameters are str"):
        db.query("SELECT $a", {1: 1})  # type: ignore[dict-item]


def test_a_text_is_never_sql(db: laminardb.Connection) -> None:
    evil = "x'; DROP SOURCE t; SELECT '"
    assert db.query("SELECT count(*) FROM t WHERE k = ?", [evil]).fetchone() == (0,)
    assert db.execute("INSERT INTO t (k) VALUES (?)", [evil]).rows_affected == 1
    assert db.query("SELECT k FROM t WHERE k = :k", {"k": evil}).fetchall() == [(evil,)]


def test_text_takes_the_type_of_what_it_meets(db: laminardb.Connection) -> None:
    assert db.query("SELECT k FROM t WHERE ts > ?", ["2024-01-02 12:00:00"]).fetchall() == [("c",)]
    assert db.query("SELECT k FROM t WHERE ts > ?", [dt.datetime(2024, 1, 2, 12)]).fetchall() == [("c",)]
    assert db.query("SELECT k FROM t WHERE ts > ?", [dt.date(2024, 1, 2)]).fetchall() == [("c",)]
    assert db.query("SELECT max(ts) - ? FROM t", [dt.timedelta(days=1)]).fetchone() == (
        dt.datetime(2024, 1, 2),
    )


def test_every_place(db: laminardb.Connection) -> None:
    assert db.query("SELECT k FROM t ORDER BY v DESC LIMIT ? OFFSET ?", [1, 1]).fetchall() == [("b",)]
    assert db.query("SELECT k FROM t ORDER BY v DESC LIMIT ?", [None]).num_rows == 3
    assert db.query("SELECT sum(v) FILTER (WHERE k <> $k) FROM t", {"k": "a"}).fetchone() == (5,)
    assert db.query("SELECT k FROM t WHERE v IN (?, ?)", [1, 3]).num_rows == 2
    assert db.query("SELECT v + ? AS w FROM t GROUP BY w HAVING w > ?", [1, 3]).fetchall() == [(4,)]
    assert db.query("SELECT k FROM (SELECT * FROM t WHERE v > ?) s WHERE v < ?", [1, 3]).fetchall() == [
        ("b",)
    ]
    assert "Filter  v > 2" in db.explain("SELECT k FROM t WHERE v > ?", [2])
    assert (
        db.execute("INSERT INTO t VALUES (?, ?, ?), ('e', ? + 1, NULL)", ["d", 4, None, 4]).rows_affected == 2
    )
    assert db.query("SELECT v FROM t WHERE k IN ('d', 'e') ORDER BY v").fetchall() == [(4,), (5,)]


def test_in_a_stream_it_is_part_of_the_definition(db: laminardb.Connection) -> None:
    db.start()
    db.execute(
        "CREATE STREAM s AS SELECT k, v * :by AS w FROM t WHERE k <> :not AND ts >= :since AND v < :most",
        {"by": 2, "not": "it's", "since": dt.datetime(2024, 1, 2), "most": 2.5},
    )
    assert db.query("SELECT * FROM s").fetchall() == [("b", 4)]
    db.execute(
        "INSERT INTO t VALUES ('b', 1, '2024-01-09'), ('it''s', 1, '2024-01-09'), ('b', 3, '2024-01-09')"
    )
    assert db.query("SELECT * FROM s ORDER BY w").fetchall() == [("b", 2), ("b", 4)]
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.sql is not None
    assert "k <> 'it''s'" in metrics.sql and ":" not in metrics.sql.replace("00:00:00", "")
    db.execute(metrics.sql.replace("STREAM s", "STREAM again"))
    assert db.query("SELECT * FROM again ORDER BY w").fetchall() == [("b", 2), ("b", 4)]


def test_several_statements(db: laminardb.Connection) -> None:
    db.execute(
        "INSERT INTO t (k, v) VALUES ($k, $v); INSERT INTO t (v, k) VALUES ($v, $k)", {"k": "z", "v": 9}
    )
    assert db.query("SELECT count(*) FROM t WHERE k = ? AND v = ?", ["z", 9]).fetchone() == (2,)


@pytest.mark.parametrize(
    ("sql", "params", "message", "position"),
    [
        ("SELECT ?", None, "parameters need values, and none were given", 7),
        ("SELECT ?", [], "parameter 1 has no value: 0 were given", 7),
        ("SELECT ?, ?", [1], "parameter 2 has no value: 1 was given", 10),
        ("SELECT $3", [1, 2], "parameter 3 has no value: 2 were given", 7),
        ("SELECT ?", [1, 2, 3], "3 values were given, and the statement has 1 parameter", None),
        ("SELECT 1", [1], "1 values were given, and the statement has 0 parameters", None),
        ("SELECT $low", {"lov": 1}, 'parameter "low" has no value', 7),
        ("SELECT $low", {"low": 1, "hihg": 2}, 'there is no parameter "hihg"', None),
        ("SELECT $low", [1], 'parameter "low" has a name', 7),
        ("SELECT ?", {"low": 1}, "parameter 1 stands by position", 7),
        ("SELECT $a + :A", {"a": 1}, 'parameter "A" has no value', 12),
        ("SELECT 1 LIMIT ?", ["x"], "LIMIT must be a whole number, not VARCHAR", 15),
        ("SELECT 1 LIMIT ?", [-1], "LIMIT must not be negative: -1", 15),
        ("SELECT 1 + ?", [dt.date(2024, 1, 1)], None, None),
    ],
)
def test_errors(
    db: laminardb.Connection, sql: str, params: Any, message: str | None, position: int | None
) -> None:
    if message is None:
        assert db.query(sql, params).fetchone() == (dt.date(2024, 1, 2),)
        return
    with pytest.raises(laminardb.QueryError) as e:
        db.query(sql, params)
    assert e.value.code == 400
    assert message in str(e.value)
    assert e.value.position == position
