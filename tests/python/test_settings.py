# SPDX-License-Identifier: Apache-2.0
"""Settings: what open() was given, SET and config_set are one table, and each does what it says."""

from __future__ import annotations

import time
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig

LONG = "SELECT count(*) FROM t a, t b, t c WHERE a.k + b.k + c.k = -1"


@pytest.fixture
def db() -> Any:
    with laminardb.open() as connection:
        connection.execute("CREATE SOURCE t (k BIGINT)")
        connection.insert("t", {"k": list(range(3000))})
        yield connection


def test_open_gives_the_first_values() -> None:
    given = {"buffer_size": 10, "insert_timeout_ms": 20, "max_lag_bytes": 30, "statement_timeout_ms": 4000}
    with laminardb.open(config=LaminarConfig(memory_limit=1 << 30, threads=2, **given)) as db:
        for key, value in {**given, "memory_limit": 1 << 30, "threads": 2}.items():
            assert db.config_get(key) == value
            db.config_set(key, value + 1)
            assert db.config_get(key.upper()) == value + 1
            db.execute(f"RESET {key}")
            assert db.config_get(key) == value
        listed = {name: value for name, value, meaning in db.config_list() if meaning}
        assert listed == {key: db.config_get(key) for key in listed} and len(listed) >= 6


def test_bad_values_name_key_value_and_what_is_allowed(db: Any) -> None:
    with pytest.raises(ValueError, match=r"buffer_size must be an integer of at least 1, not 0"):
        db.config_set("buffer_size", 0)
    with pytest.raises(TypeError, match=r"buffer_size must be an integer .* not many"):
        db.config_set("buffer_size", "many")
    with pytest.raises(ValueError, match=r'no setting "bufer_size"(.|\n)*"buffer_size"'):
        db.config_set("bufer_size", 1)
    with pytest.raises(ValueError, match="no setting"):
        db.config_get('x"; DROP SOURCE t')
    assert db.config_get("buffer_size") == 65536


def test_statement_timeout(db: Any) -> None:
    db.config_set("statement_timeout_ms", 50)
    began = time.monotonic()
    with pytest.raises(laminardb.QueryError, match=r"longer than statement_timeout_ms allows \(50 ms\)") as e:
        db.query(LONG)
    assert e.value.code == 402 and time.monotonic() - began < 20
    assert db.query("SELECT count(*) FROM t").fetchone() == (3000,)
    db.config_set("statement_timeout_ms", None)
    assert db.query("SELECT count(*) FROM t a, t b").fetchone() == (9_000_000,)


def test_memory_limit(db: Any) -> None:
    db.config_set("memory_limit", db._memory() + 100_000)
    with pytest.raises(MemoryError):
        db.insert("t", {"k": list(range(1_000_000))})
    db.execute("SET memory_limit = NULL")
    assert db.insert("t", {"k": list(range(100_000))}) == 100_000


def test_max_lag_bytes(db: Any) -> None:
    db.start()
    db.config_set("max_lag_bytes", 1000)
    subscription = db.subscribe("SELECT k FROM t")
    db.insert("t", {"k": list(range(50_000))})
    with pytest.raises(laminardb.SubscriptionError, match=r"\(503\): \d+ rows missed"):
        while subscription.try_next() is not None:
            pass


def test_integer_division(db: Any) -> None:
    sql = "SELECT 7 / 2, -7 / 2, 7 // 2, 7 / 0, CAST(7 AS TINYINT) / CAST(2 AS UBIGINT), 7.0 / 2"
    assert db.query(sql).fetchone() == (3, -3, 3, None, 3, 3.5)
    db.execute("CREATE STREAM cut AS SELECT k, k / 2 AS h FROM t WHERE k < 4")
    db.execute("SET integer_division = false")
    assert db.query(sql).fetchone() == (3.5, -3.5, 3, None, 3.5, 3.5)
    db.execute("CREATE STREAM real AS SELECT k, k / 2 AS h FROM t WHERE k < 4")
    db.start()
    assert sorted(db.query("SELECT * FROM cut")) == [(0, 0), (1, 0), (2, 1), (3, 1)]  # as it was made
    assert sorted(db.query("SELECT * FROM real")) == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    db.execute("RESET integer_division")
    assert db.query("SELECT 7 / 2").fetchone() == (3,)


@pytest.mark.parametrize(
    ("order", "up", "down"),
    [
        ("nulls_largest", [1, 2, None], [None, 2, 1]),
        ("nulls_last", [1, 2, None], [2, 1, None]),
        ("nulls_first", [None, 1, 2], [None, 2, 1]),
    ],
)
def test_default_null_order(order: str, up: list[Any], down: list[Any]) -> None:
    rows = "(VALUES (2), (NULL), (1)) v (x)"
    with laminardb.open() as db:
        db.config_set("default_null_order", order)
        assert [x for (x,) in db.query(f"SELECT x FROM {rows} ORDER BY x")] == up
        assert [x for (x,) in db.query(f"SELECT x FROM {rows} ORDER BY x DESC")] == down
        assert [x for (x,) in db.query(f"SELECT x FROM {rows} ORDER BY x NULLS LAST")] == [1, 2, None]
        numbered = db.query(f"SELECT x, row_number() OVER (ORDER BY x DESC) AS n FROM {rows} ORDER BY n")
        assert [x for x, _ in numbered] == down
        first = db.query(f"SELECT string_agg(coalesce(CAST(x AS VARCHAR), '-'), '' ORDER BY x) FROM {rows}")
        assert first.fetchone() == ("".join("-" if x is None else str(x) for x in up),)
        with pytest.raises(ValueError, match="nulls_largest"):
            db.config_set("default_null_order", "nulls_somewhere")
