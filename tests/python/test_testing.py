# SPDX-License-Identifier: Apache-2.0
"""laminardb.testing: tables as texts, expectations that can fail and say how."""

from __future__ import annotations

import doctest
from collections.abc import Iterator

import laminardb
import pytest
from laminardb import testing

SCRIPT = """
    CREATE SOURCE trades (ts TIMESTAMP, symbol VARCHAR, price DOUBLE, WATERMARK FOR ts AS ts);
    CREATE STREAM minutes AS SELECT symbol, tumble(ts, INTERVAL '1' MINUTE) AS start, sum(price) AS total
        FROM trades GROUP BY 1, 2 EMIT ON WINDOW CLOSE;
    CREATE STREAM totals AS SELECT symbol, sum(price) AS total FROM trades GROUP BY symbol
"""


@pytest.fixture
def db() -> Iterator[testing.TestDatabase]:
    with testing.database(SCRIPT) as made:
        yield made


def feed(db: testing.TestDatabase) -> None:
    db.feed(
        "trades",
        """
        ts                  | symbol | price
        --------------------+--------+------
        2026-01-01 00:00:01 | A      | 1.5
        2026-01-01 00:00:59 | A      | 2
        2026-01-01 00:00:10 | 'B | ' | NULL
        """,
    )


def test_docstring() -> None:
    assert doctest.testmod(testing).failed == 0


def test_rows(db: testing.TestDatabase) -> None:
    feed(db)
    db.expect("totals", "| total | symbol |\n| 3.5 | A |\n| NULL | 'B | ' |")
    db.expect("SELECT count(*) AS n FROM trades", "n\n3")
    db.expect("SELECT price FROM trades ORDER BY price DESC NULLS LAST", "price\n2\n1.5\nNULL", ordered=True)
    db.expect("SELECT price FROM trades WHERE false", "price")


def test_windows_close_by_the_watermark(db: testing.TestDatabase) -> None:
    minutes = db.watch("minutes")
    feed(db)
    minutes.expect_nothing()
    db.watermark("trades", 1767225660000)
    minutes.expect(
        """
        op     | symbol | start               | total
        Insert | A      | 2026-01-01 00:00:00 | 3.5
        Insert | 'B | ' | 2026-01-01 00:00:00 | NULL
        """
    )
    minutes.expect_nothing()


def test_ops(db: testing.TestDatabase) -> None:
    feed(db)
    totals = db.watch("totals")
    db.feed("trades", "symbol | price\nA | 1\nC | 0")
    totals.expect("op | symbol | total\nUpdate | A | 4.5\nInsert | C | 0")
    db.feed("trades", "symbol | price\nC | 1")
    db.feed("trades", "symbol | price\nC | 1")
    totals.skip(1).expect("total\n2")
    db.feed("trades", "symbol | price\nC | 1")
    totals.skip().expect_nothing()
    with pytest.raises(AssertionError, match="has 0 deliveries"):
        totals.skip(1)


def test_difference(db: testing.TestDatabase) -> None:
    feed(db)
    with pytest.raises(AssertionError) as failed:
        db.expect("totals", "symbol | total\nA | 3.5\nD | 1")
    assert str(failed.value).splitlines() == [
        "totals is not as expected (- missing, + not expected)",
        "  symbol | total",
        "  A      | 3.5",
        "- D      | 1.0",
        "+ B |    | NULL",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        "symbol | total\nA | 3.5",
        "symbol | total\nA | 3.5\n'B | ' | NULL\n'B | ' | NULL",
        "symbol | total\nA | 3.5001\n'B | ' | NULL",
        "symbol | total\nA | 3.5\n'B | ' | 0",
        "symbol | total\na | 3.5\n'B | ' | NULL",
        "symbol",
    ],
)
def test_what_must_fail(db: testing.TestDatabase, rows: str) -> None:
    feed(db)
    with pytest.raises(AssertionError, match="not as expected"):
        db.expect("totals", rows)


def test_order_counts_when_asked(db: testing.TestDatabase) -> None:
    feed(db)
    with pytest.raises(AssertionError):
        db.expect("SELECT price FROM trades ORDER BY 1", "price\n2\n1.5\nNULL", ordered=True)


def test_what_was_delivered_and_not_expected(db: testing.TestDatabase) -> None:
    totals = db.watch("totals")
    feed(db)
    with pytest.raises(AssertionError, match="Insert {'symbol': 'A', 'total': 3.5}"):
        totals.expect_nothing()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line of column names"),
        ("a | b\n1", "2 columns \\(a, b\\), but 1 values in: 1"),
        ("a\n'1", "quote is not closed"),
        ("a\n'1' 2", "quote is not closed, or something follows it"),
    ],
)
def test_tables_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        testing.table(text)


def test_errors_of_the_engine_stay(db: testing.TestDatabase) -> None:
    with pytest.raises(AssertionError, match="no column 'totl'; there is: symbol, total"):
        db.expect("totals", "totl\n1")
    with pytest.raises(laminardb.IngestionError, match="line 3"):
        db.feed("trades", "price\n1\nx")
    db.expect("trades", "price")


def test_a_script_that_fails_leaves_nothing_open() -> None:
    with pytest.raises(laminardb.QueryError):
        testing.database("CREATE SOURCE")
