# SPDX-License-Identifier: Apache-2.0
"""Limits: each is listed, lets its own number in and refuses one more, before memory is taken; what is
endless ends, while others go on."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig
from optional import package

pa = package("pyarrow")

VALUE = 64 << 20
INSERT = 1 << 24


@pytest.fixture
def db() -> Any:
    with laminardb.open() as connection:
        connection.execute("CREATE SOURCE t (k BIGINT, s VARCHAR, ts TIMESTAMP)")
        connection.execute("INSERT INTO t VALUES (1, 'a', '2024-01-01 00:00:00')")
        yield connection


def test_limits_are_listed(db: Any) -> None:
    wanted = {
        "sql_text_bytes": 1 << 20,
        "expression_depth": 256,
        "query_depth": 64,
        "columns": 1600,
        "compound_queries": 500,
        "function_arguments": 127,
        "like_pattern_bytes": 50_000,
        "parameters": 32_766,
        "value_bytes": VALUE,
        "joins": 32,
        "queries": 1024,
        "subscriptions": 4096,
        "windows_per_row": 10_000,
        "json_depth": 64,
        "csv_field_bytes": 16 << 20,
        "name_bytes": 255,
        "insert_rows": INSERT,
    }
    assert {name: db.limits().get(name) for name in wanted} == wanted
    assert db.limits() == {row[0]: row[1] for row in db.query("SHOW LIMITS").fetchall()}


def columns(n: int) -> str:
    return "SELECT " + ", ".join(f"k AS c{i}" for i in range(n)) + " FROM t"


def windows(n: int) -> str:
    return (
        f"SELECT count(*) FROM (SELECT 1 FROM t GROUP BY HOP(ts, INTERVAL 1 SECOND, INTERVAL {n} SECONDS)) w"
    )


def nested(n: int) -> str:
    return "SELECT k FROM (" * (n - 1) + "SELECT k FROM t" + ")" * (n - 1)


# The limit, a statement of the size n, and what a refusal says.
STATEMENTS = [
    (256, lambda n: "SELECT k" + " + 1" * (n - 1) + " FROM t", "256"),
    (64, nested, "64|deep"),
    (1 << 20, lambda n: "SELECT 1 " + "-" * 3 + " " * (n - 12), "1048577 bytes, and max_sql_size is 1048576"),
    (1600, columns, "1600"),
    (500, lambda n: " UNION ALL ".join(["SELECT k FROM t"] * n), "500"),
    (127, lambda n: f"SELECT concat({', '.join(['s'] * n)}) FROM t", "127"),
    (32, lambda n: "SELECT count(*) FROM t" + "".join(f" JOIN t AS t{i} ON true" for i in range(n)), "32"),
    (255, lambda n: f'SELECT k AS "{"x" * n}" FROM t', "255"),
    (10_000, windows, "10000"),
    (50_000, lambda n: f"SELECT s LIKE '{'a' * n}' FROM t", "50000"),
    (50_000, lambda n: f"SELECT s ILIKE repeat('a', {n - 1} + k) FROM t", "50000"),
    (32_766, lambda n: f"SELECT ${n}", "32766"),
    (VALUE, lambda n: f"SELECT length(repeat('a', {n} - 1 + k)) FROM t", "64 MiB"),
]


@pytest.mark.parametrize("limit, make, says", STATEMENTS, ids=lambda x: str(x) if isinstance(x, int) else "")
def test_statements_at_their_limits(db: Any, limit: int, make: Any, says: str) -> None:
    given = [None] * 32_767
    for n in (limit - 1, limit):
        sql = make(n)
        db.query(sql, given[:n] if "$" in sql else None)
    with pytest.raises(laminardb.LaminarError, match=says):
        db.query(make(limit + 1))
    assert db.query("SELECT count(*) FROM t").fetchone() == (1,)


def test_values_at_their_limit(db: Any) -> None:
    for n in (VALUE - 1, VALUE):
        assert db.insert("t", {"k": [2], "s": ["x" * n]}) == 1
    with pytest.raises(laminardb.IngestionError, match=r"67108865 bytes"):
        db.insert("t", {"k": [2], "s": ["x" * (VALUE + 1)]})
    assert db.query("SELECT count(*), max(length(s)) FROM t").fetchone() == (3, VALUE)
    half = "SELECT length(string_agg(repeat('x', n), '')) FROM (VALUES ({}), ({})) AS v(n)"
    for n in (VALUE - 1, VALUE):
        assert db.query(half.format(VALUE // 2, n - VALUE // 2)).fetchone() == (n,)
    with pytest.raises(laminardb.QueryError, match="at most 64 MiB"):
        db.query(half.format(VALUE // 2, VALUE // 2 + 1))
    for made in ("len(list(s))", "length(json_group_array(s)::VARCHAR)"):
        with pytest.raises(laminardb.QueryError, match="more than 64 MiB"):
            db.query(f"SELECT {made} FROM (SELECT repeat('x', 1000000) AS s FROM range(70))")


def test_tables_at_their_limit(db: Any) -> None:
    for n in (1599, 1600):
        db.execute(f"CREATE TABLE w{n} ({', '.join(f'c{i} BIGINT' for i in range(n))})")
    with pytest.raises(laminardb.LaminarError, match="1600"):
        db.execute(f"CREATE TABLE w1601 ({', '.join(f'c{i} BIGINT' for i in range(1601))})")
    db.execute("ALTER TABLE w1599 ADD COLUMN more BIGINT")
    with pytest.raises(laminardb.LaminarError, match="1600"):
        db.execute("ALTER TABLE w1600 ADD COLUMN more BIGINT")


def test_texts_in_at_their_limits(db: Any) -> None:
    for n in (63, 64):
        db.insert_json("t", '{"k": 3, "s": ' + "[" * (n - 1) + "]" * (n - 1) + "}")
    with pytest.raises(laminardb.IngestionError, match="64"):
        db.insert_json("t", '{"k": 3, "s": ' + "[" * 64 + "]" * 64 + "}")
    for n in ((16 << 20) - 1, 16 << 20):
        db.insert_csv("t", "k,s\n4," + "x" * n)
    with pytest.raises(laminardb.IngestionError, match="16 MiB"):
        db.insert_csv("t", "k,s\n4," + "x" * ((16 << 20) + 1))
    assert db.query("SELECT k, count(*) FROM t GROUP BY k ORDER BY k").fetchall() == [(1, 1), (3, 2), (4, 2)]


def test_rows_of_an_insert_at_their_limit() -> None:
    """As Arrow in one batch and in several; other ways: test_rows_of_an_insert_and_names_are_lowered."""
    np, pa = pytest.importorskip("numpy"), pytest.importorskip("pyarrow")
    values = pa.array(np.zeros(INSERT + 1, np.int8))
    part = INSERT // 2

    def arrow(n: int) -> Any:
        return pa.table({"b": values.slice(0, n)})

    def arrow_in_parts(n: int) -> Any:
        return pa.table({"b": pa.chunked_array([values.slice(0, part), values.slice(part, n - part)])})

    with laminardb.open() as db:
        db.execute("CREATE SOURCE f (b TINYINT) WITH (retain = 'none')")
        for make in (arrow, arrow_in_parts):
            for n in (INSERT - 1, INSERT):
                assert db.insert("f", make(n)) == n
            with pytest.raises(laminardb.IngestionError, match=r"more than 16777216 rows[\s\S]*in parts"):
                db.insert("f", make(INSERT + 1))
        assert db.insert("f", {"b": [1]}) == 1


def test_size_of_sql(db: Any) -> None:
    """A setting; what is no SQL text is not meant."""
    long = "SELECT length('" + "x" * (2 << 20) + "') AS n"
    calls: list[Any] = [
        lambda: db.query(long),
        lambda: db.execute(f"INSERT INTO t (s) VALUES ('{'x' * (2 << 20)}')"),
        lambda: db.subscribe(f"SELECT k FROM t WHERE s <> '{'x' * (2 << 20)}'"),
        lambda: db.explain(long),
    ]
    for call in calls:
        with pytest.raises(
            laminardb.QueryError,
            match=r"\(401\): SQL text has 20971\d\d bytes[\s\S]*open the database with max_sql_size",
        ):
            call()
    assert db.query("SELECT length($1)", ["x" * (2 << 20)]).fetchone() == (2 << 20,)
    assert db.insert("t", {"k": [9], "s": ["x" * (2 << 20)]}) == 1
    with pytest.raises(ValueError, match="max_sql_size is only lowered while .* is open: at most 1048576"):
        db.execute("SET max_sql_size = '4 MiB'")
    with laminardb.open(config=LaminarConfig(max_sql_size=4 << 20)) as wide:
        assert wide.limits()["sql_text_bytes"] == 4 << 20 == wide.config_get("max_sql_size")
        assert wide.query(long).fetchone() == (2 << 20,)
        wide.execute("CREATE VIEW v AS " + long)
        wide.execute("SET max_sql_size = 1000")
        assert wide.query("SELECT n FROM v").fetchone() == (2 << 20,), "what was made is read again"
        with pytest.raises(laminardb.QueryError, match="max_sql_size is 1000"):
            wide.query("SELECT 1" + " " * 1000)
        wide.execute("RESET max_sql_size")
        assert wide.limits()["sql_text_bytes"] == 4 << 20
    for size in (999, (64 << 20) + 1):
        with pytest.raises(ValueError, match="max_sql_size must be at"):
            LaminarConfig(max_sql_size=size)
    for wrong in ("'65 MiB'", "999", "NULL"):
        with pytest.raises((ValueError, TypeError), match="max_sql_size must be at least 1000 bytes"):
            db.execute(f"SET max_sql_size = {wrong}")


def test_memory_has_a_limit() -> None:
    """Half of what the machine has, or what is said; an error says which setting."""
    with laminardb.open() as db, laminardb.open(config=LaminarConfig(memory_limit=20 << 20)) as small:
        limit = db.config_get("memory_limit")
        assert 32 << 20 < limit <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        assert small.config_get("memory_limit") == 20 << 20
        small.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        with pytest.raises(
            MemoryError, match=r"memory_limit is reached[\s\S]*SET memory_limit = '8 GB' raises it"
        ):
            small.insert("t", {"k": list(range(4_000_000))})
        assert small.insert("t", {"k": [1]}) == 1
        db.execute("SET memory_limit = NULL")
        assert db.config_get("memory_limit") is None
        db.execute("RESET memory_limit")
        assert db.config_get("memory_limit") == limit


def test_subscriptions_at_their_limit(db: Any) -> None:
    db.start()
    db.execute("CREATE STREAM n AS SELECT count(*) AS n FROM t")
    open_ones = [db.subscribe_stream("n") for _ in range(4096)]
    with pytest.raises(laminardb.SubscriptionError, match="4096 subscriptions are open"):
        db.subscribe_stream("n")
    with pytest.raises(laminardb.SubscriptionError, match="4096 subscriptions are open"):
        db.subscribe("SELECT k FROM t")
    open_ones.pop().cancel()
    open_ones.append(db.subscribe("SELECT k FROM t"))
    db.insert("t", {"k": [5], "s": ["b"]})
    assert open_ones[0].next_timeout(1000) is not None


ENDLESS = [
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r, range(2)) SELECT count(*) FROM r",
    "SELECT sum(a.x * b.x) FROM range(100000) a(x), range(100000) b(x)",
    "SELECT sum(x) FROM generate_series(1, 1000000000000000000) r(x)",
    "SELECT array_agg(x) FROM generate_series(1, 900000000) r(x)",
]


@pytest.mark.parametrize("sql", ENDLESS)
def test_what_is_endless_ends(sql: str) -> None:
    """By a limit or the time-out; memory stays below its own, and others are served meanwhile."""
    limit = 32 << 20
    with laminardb.open(config=LaminarConfig(memory_limit=limit, statement_timeout_ms=300)) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        failed: list[BaseException] = []

        def run() -> None:
            try:
                db.query(sql)
            except BaseException as e:
                failed.append(e)

        began = time.monotonic()
        thread = threading.Thread(target=run)
        thread.start()
        served = 0
        while thread.is_alive():
            assert db._memory() <= limit * 11 // 10
            assert db.insert("t", {"k": [served]}) == 1
            served += 1
            assert db.query("SELECT count(*) FROM t").fetchone() == (served,)
        assert time.monotonic() - began < 20
        assert failed and isinstance(failed[0], laminardb.QueryError | MemoryError), failed
        assert db.query("SELECT count(*) FROM t").fetchone() == (served,)


def test_like_is_linear(db: Any) -> None:
    text, pattern = "a" * 50_000, "%a" * 24_999
    began = time.process_time()
    assert db.query("SELECT $1 LIKE $2, $1 LIKE $3", [text, pattern, pattern + "b"]).fetchone() == (
        True,
        False,
    )
    assert time.process_time() - began < 1
    with pytest.raises(laminardb.QueryError, match="60000 bytes; at most 50000"):
        db.query("SELECT $1 LIKE $2", [text, "%a" * 30_000])


# What lowers a limit, and what is as large as it is then, for a number.
LOWERED: list[tuple[str, Any, str]] = [
    ("max_columns", lambda n: "SELECT " + ", ".join(f"k AS c{i}" for i in range(n)) + " FROM t", "columns"),
    ("max_compound_queries", lambda n: " UNION ALL ".join(["SELECT k FROM t"] * n), "queries in a UNION"),
    ("max_function_arguments", lambda n: f"SELECT concat({', '.join(['s'] * n)}) FROM t", "arguments"),
    (
        "max_in_list_items",
        lambda n: f"SELECT 1 FROM t WHERE k IN ({', '.join(map(str, range(n)))})",
        "IN list",
    ),
    (
        "max_row_items",
        lambda n: f"SELECT 1 FROM t WHERE ({', '.join(['k'] * n)}) = ({', '.join(['k'] * n)})",
        "a row",
    ),
    (
        "max_query_depth",
        lambda n: "SELECT 1 FROM " + "(SELECT 1 FROM " * (n - 1) + "t" + ")" * (n - 1),
        "deep",
    ),
    (
        "max_expression_depth",
        lambda n: "SELECT " + "(" * (n // 2) + "k" + ")" * (n // 2) + " FROM t",
        "level",
    ),
    ("max_joins", lambda n: "SELECT 1 FROM t" + "".join(f", t AS t{i}" for i in range(n)), "joins"),
    ("max_windows_per_row", windows, "windows"),
]


@pytest.mark.parametrize(("name", "make", "says"), LOWERED, ids=[name for name, _, _ in LOWERED])
def test_limits_are_lowered(db: Any, name: str, make: Any, says: str) -> None:
    limit = name.removeprefix("max_")
    highest = db.limits()[limit]
    low = 8
    db.execute(f"SET {name} = {low}")
    assert db.limits()[limit] == low and db.query(f"SHOW {name}").fetchall() == [(low,)]
    for n in (low - 1, low):
        db.query(make(n))
    with pytest.raises(laminardb.QueryError, match=says):
        db.query(make(3 * low))
    if name not in ("max_expression_depth", "max_query_depth"):
        with pytest.raises(laminardb.QueryError, match=says):
            db.query(make(low + 1))
    db.execute(f"RESET {name}")
    assert db.limits()[limit] == highest
    db.query(make(3 * low))
    for wrong in (highest + 1, 0, -1, "'x'", "NULL"):
        with pytest.raises(ValueError, match=f"{name} must be a number from 1 to {highest}"):
            db.execute(f"SET {name} = {wrong}")
    db.execute(f"SET {name} = {low}")
    db.execute("RESET ALL")
    assert db.limits()[limit] == highest


def test_parameters_and_subscriptions_are_lowered(db: Any) -> None:
    db.execute("SET max_parameters = 3; SET max_subscriptions = 2")
    assert db.query("SELECT $3 + $1 + $2", [1, 2, 3]).fetchone() == (6,)
    with pytest.raises(laminardb.QueryError, match="1 to 3"):
        db.query("SELECT $4", [1, 2, 3, 4])
    db.execute("CREATE STREAM s AS SELECT k FROM t")
    open_ones = [db.subscribe("SELECT * FROM s") for _ in range(2)]
    with pytest.raises(laminardb.LaminarError, match="2 subscriptions are open"):
        db.subscribe("SELECT * FROM s")
    open_ones.pop().cancel()
    db.subscribe("SELECT * FROM s").cancel()


def test_rows_of_an_insert_and_names_are_lowered(db: Any) -> None:
    db.execute("CREATE SOURCE few (k BIGINT); SET max_insert_rows = 2")
    db.execute("CREATE TABLE many AS SELECT true AS b FROM range(3)")  # a query's rows are no such insert
    assert db.query("SELECT count(*) FROM many").fetchone() == (3,)
    db.execute("SET max_name_bytes = 3")
    ways: list[Any] = [
        lambda n: db.insert("few", {"k": list(range(n))}),
        lambda n: db.insert("few", [{"k": i} for i in range(n)]),
        lambda n: db.insert_csv("few", "k\n" + "1\n" * n),
        lambda n: db.insert_json("few", '{"k":1}' * n),
        lambda n: db.insert("few", pa.table({"k": list(range(n))})),
    ]
    for way in ways:
        assert way(1) == 1 and way(2) == 2
        with pytest.raises(laminardb.IngestionError, match="more than 2 rows"):
            way(3)
    assert db.query("SELECT k AS abc FROM few LIMIT 1").columns == ["abc"]
    for longer in ("k AS abcd", 'k AS "abcd"', "k AS 'abcd'", "k abcd"):
        with pytest.raises(laminardb.QueryError, match="a name has 1 to 3 bytes, this one has 4"):
            db.query(f"SELECT {longer} FROM few")
    db.execute("RESET ALL")
    assert db.insert("few", {"k": [1, 2, 3]}) == 3


# SET name = n, what is as large as n, and what a refusal says; n is lowered to `low`.
MADE: list[tuple[str, int, Any, str]] = [
    ("max_like_pattern_bytes", 6, lambda n: f"SELECT s LIKE '{'a' * n}' FROM t", "has 7 bytes; at most 6"),
    ("max_like_pattern_bytes", 6, lambda n: f"SELECT s ILIKE repeat('a', {n} - 1 + k) FROM t", "at most 6"),
    ("max_like_pattern_bytes", 6, lambda n: f"SELECT 1 FROM t WHERE s NOT LIKE '{'_' * n}'", "at most 6"),
    ("max_like_pattern_bytes", 6, lambda n: f"SELECT 'abc' LIKE '{'%' * n}'", "at most 6"),
    ("max_value_bytes", 9, lambda n: f"SELECT repeat('a', {n})", "of 10 bytes is too long"),
    ("max_value_bytes", 9, lambda n: f"SELECT repeat('a', {n} - 1 + k) FROM t", "at most 9"),
    ("max_value_bytes", 9, lambda n: f"SELECT 1 FROM t WHERE repeat('a', {n}) = 'b'", "at most 9"),
    ("max_value_bytes", 9, lambda n: f"SELECT string_agg('a', '') FROM range({n})", "at most 9"),
    ("max_value_bytes", 9, lambda n: f"SELECT string_agg('a', '') OVER () FROM range({n})", "at most 9"),
    ("max_value_bytes", 9, lambda n: f"SELECT (10 ** {n - 1} * k)::HUGEINT::VARCHAR FROM t", "at most 9"),
    ("max_series_rows", 5, lambda n: f"SELECT * FROM generate_series(1, {n})", "more than 5 rows"),
    ("max_series_rows", 5, lambda n: f"SELECT unnest(range({n}))", "5"),
    (
        "max_recursion_steps",
        7,
        lambda n: f"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {n})"
        " SELECT * FROM r",
        "not ended after 7 steps",
    ),
    (
        "max_grouping_sets",
        8,
        lambda n: f"SELECT 1 FROM t GROUP BY GROUPING SETS ({', '.join(['k'] * n)})",
        "than 8",
    ),
    (
        "max_grouping_keys",
        3,
        lambda n: f"SELECT 1 FROM t GROUP BY ROLLUP ({', '.join(f'k + {i}' for i in range(n))})",
        "more than 3 different",
    ),
]


@pytest.mark.parametrize(
    ("name", "low", "make", "says"), MADE, ids=lambda x: x if str(x).startswith("max_") else ""
)
def test_what_is_made_is_lowered(db: Any, name: str, low: int, make: Any, says: str) -> None:
    wanted = db.query(make(low + 1)).fetchall()
    db.execute(f"SET {name} = {low}")
    for n in (low - 1, low):
        db.query(make(n))
    with pytest.raises(laminardb.QueryError, match=says):
        db.query(make(low + 1))
    db.execute(f"RESET {name}")
    assert db.query(make(low + 1)).fetchall() == wanted


def test_what_comes_in_is_lowered(db: Any, tmp_path: Any) -> None:
    def file(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    def nested(n: int) -> str:
        return '{"k": 3, "s": ' + "[" * (n - 1) + "]" * (n - 1) + "}"

    db.execute("CREATE TABLE p (k BIGINT PRIMARY KEY, s VARCHAR); INSERT INTO p VALUES (1, 'a')")
    fields: list[Any] = [
        lambda n: db.insert_csv("t", "k,s\n4," + "x" * n),
        lambda n: db.insert_csv("t", 'k,s\n4,"' + "x" * n + '"'),
        lambda n: db.query(f"SELECT * FROM read_csv('{file('a.csv', 'k,s' + chr(10) + '4,' + 'x' * n)}')"),
        lambda n: db.insert_json("t", '{"k":4,"s":"' + "x" * (n - 1) + '\\n"}'),
    ]
    levels: list[Any] = [
        lambda n: db.insert_json("t", nested(n)),
        lambda n: db.query(f"SELECT * FROM read_json('{file('a.json', nested(n))}')"),
    ]
    values: list[Any] = [
        lambda n: db.insert("t", {"k": [2], "s": ["x" * n]}),
        lambda n: db.insert("t", [{"k": 2, "s": "x" * n}]),
        lambda n: db.insert("t", pa.table({"k": [2], "s": ["x" * n]})),
        lambda n: db.insert_csv("t", "k,s\n2," + "x" * n),
        lambda n: db.execute(f"INSERT INTO t (k, s) VALUES (2, '{'x' * n}')"),
        lambda n: db.execute(f"UPDATE p SET s = '{'x' * n}'"),
        lambda n: db.execute(f"INSERT INTO p VALUES (1, 'b') ON CONFLICT DO UPDATE SET s = '{'x' * n}'"),
    ]
    cases = [("csv_field_bytes", 6, fields), ("json_depth", 4, levels), ("value_bytes", 13, values)]
    for name, low, ways in cases:
        db.execute(f"SET max_{name} = {low}")
        for way in ways:
            way(low - 1)
            way(low)
            with pytest.raises(
                laminardb.LaminarError, match=f"more than {low} levels|max_{name}|at most {low} "
            ):
                way(low + 1)
        db.execute("RESET ALL")
        for way in ways:
            way(low + 1)


def test_streams_keep_the_limits_that_they_were_made_under(db: Any) -> None:
    db.start()
    db.execute("CREATE STREAM s AS SELECT repeat(s, 20) AS x, s LIKE 'bb%%%%' AS y FROM t")
    db.execute("SET max_value_bytes = 3; SET max_like_pattern_bytes = 3")
    db.insert("t", {"k": [2], "s": ["bb"]})
    assert db.query("SELECT max(x), bool_or(y) FROM (SELECT * FROM s)").fetchall() == [("b" * 40, True)]


def test_fixed_limits_say_so(db: Any) -> None:
    with pytest.raises(ValueError, match="cannot be set"):
        db.execute("SET max_sql_text_bytes = 5")


def test_what_was_made_outlives_a_lower_limit(tmp_path: Any) -> None:
    path = str(tmp_path / "kept")
    wide = columns(20)
    with laminardb.open(path) as db:
        db.execute("CREATE TABLE t (k BIGINT)")
        db.execute(f"CREATE VIEW v AS {wide}")
        db.execute("SET max_columns = 5")
        assert len(db.query("SELECT * FROM v").columns) == 20
        with pytest.raises(laminardb.QueryError, match="at most 5|columns"):
            db.query(wide)
    with laminardb.open(path) as db:
        assert len(db.query("SELECT * FROM v").columns) == 20
