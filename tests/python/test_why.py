# SPDX-License-Identifier: Apache-2.0
"""EXPLAIN WATERMARK and why(): a silent stream says what it waits for, with one step to take."""

from __future__ import annotations

import laminardb
import pytest
from optional import some

MINUTE = 60_000


@pytest.fixture
def trades(db: laminardb.Connection) -> laminardb.Connection:
    db.execute(
        "CREATE SOURCE trades (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)"
    )
    db.execute("CREATE SOURCE quotes (ts BIGINT, k VARCHAR, WATERMARK FOR ts AS ts)")
    db.execute(
        "CREATE STREAM minutes AS SELECT k, tumble(ts, INTERVAL '1' MINUTE) AS w, sum(v) AS s FROM trades "
        "WHERE v > 2 GROUP BY 1, 2 EMIT ON WINDOW CLOSE"
    )
    return db


def insert(db: laminardb.Connection, ts: int | None, v: int = 5, source: str = "trades") -> None:
    row = {"ts": ts, "k": "a"}
    db.insert(source, row | {"v": v} if source == "trades" else row)


def test_before_start(trades: laminardb.Connection) -> None:
    why = trades.why("minutes")
    assert (why.state, why.watermark, why.inputs[0].name) == ("waiting", None, "trades")
    assert "call start()" in why.suggestion


def test_no_row(trades: laminardb.Connection) -> None:
    trades.start()
    assert trades.why("minutes").suggestion == 'no row has reached it: insert into "trades"'


def test_filtered(trades: laminardb.Connection) -> None:
    trades.start()
    insert(trades, 1000, v=1)
    why = trades.why("minutes")
    assert (why.rows_in, why.rows_filtered, why.rows_out) == (1, 1, 0)
    assert "kept none of 1 rows" in why.suggestion


def test_open_window_and_the_step_that_closes_it(trades: laminardb.Connection) -> None:
    trades.start()
    insert(trades, 10_000)
    why = trades.why("minutes")
    assert (why.watermark, why.next_final, why.held_by) == (5_000, MINUTE, "trades")
    assert "writer('trades').watermark(60000)" in why.suggestion
    assert "1970-01-01 00:01:00.000" in why.suggestion
    with trades.writer("trades") as writer:  # the suggested step
        writer.watermark(some(why.next_final))
    after = trades.why("minutes")
    assert (after.rows_out, after.next_final) == (1, None)
    assert after.suggestion == "nothing: it is up to date"


def test_late(trades: laminardb.Connection) -> None:
    trades.start()
    insert(trades, 200_000, v=0)
    insert(trades, 10_000)
    why = trades.why("minutes")
    assert (why.rows_late, why.rows_out) == (1, 0)
    assert "ALLOW LATENESS" in why.suggestion


def test_null_time(trades: laminardb.Connection) -> None:
    trades.start()
    insert(trades, None)
    why = trades.why("minutes")
    assert why.rows_null_time == 1
    assert "NOT NULL" in why.suggestion


def test_input_that_holds_back(trades: laminardb.Connection) -> None:
    trades.execute(
        "CREATE STREAM joined AS SELECT tumble(t.ts, INTERVAL '1' MINUTE) AS w, count(*) AS n "
        "FROM trades t JOIN quotes q ON t.k = q.k GROUP BY 1"
    )
    trades.start()
    insert(trades, 300_000)
    why = trades.why("joined")
    assert (why.held_by, why.watermark) == ("quotes", None)
    assert why.suggestion.startswith('source "quotes" has had no row')
    insert(trades, 100_000, source="quotes")
    why = trades.why("joined")
    assert (why.held_by, why.watermark) == ("quotes", 100_000)
    assert [(i.name, i.behind_ms) for i in why.inputs] == [("trades", 0), ("quotes", 195_000)]
    assert "source quotes: 1 rows, watermark 1970-01-01 00:01:40.000, 195,000 ms behind  <- holds" in str(why)


def test_paused(trades: laminardb.Connection) -> None:
    trades.start()
    trades.pause()
    insert(trades, 10_000)
    why = trades.why("minutes")
    assert (why.state, why.rows_waiting) == ("paused", 1)
    assert "call resume()" in why.suggestion


def test_failed(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (v BIGINT)")
    db.execute("CREATE STREAM s AS SELECT v * 9223372036854775807 AS x FROM t")
    db.start()
    db.insert("t", {"v": 2})
    why = db.why("s")
    assert why.state == "failed"
    assert 'ALTER STREAM "s" RETRY' in why.suggestion


def test_sessions(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts AS ts)")
    db.execute(
        "CREATE STREAM s AS SELECT session(ts, 1000) AS w, count(*) AS n FROM t GROUP BY 1 "
        "EMIT ON WINDOW CLOSE"
    )
    db.start()
    db.insert("t", [{"ts": 0}, {"ts": 900}, {"ts": 1700}])
    due = db.why("s").next_final
    assert due == 2700
    with db.writer("t") as writer:
        writer.watermark(due)
    assert db.why("s").rows_out == 0, "a session is final past its end, not at it"
    with db.writer("t") as writer:
        writer.watermark(due + 1)
    assert db.why("s").rows_out == 1


def test_streams_over_streams_name_their_sources(trades: laminardb.Connection) -> None:
    trades.execute("CREATE STREAM top AS SELECT max(s) AS m FROM minutes")
    trades.start()
    assert [i.name for i in trades.why("top").inputs] == ["trades"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("EXPLAIN WATERMARK trades", "trades is a source"),
        ("EXPLAIN WATERMARK FOR minuts", "minutes"),
        ("EXPLAIN WATERMARK", "expected a name"),
        ("EXPLAIN WATERMARK minutes minutes", "expected the end of the statement"),
    ],
)
def test_errors(trades: laminardb.Connection, sql: str, message: str) -> None:
    with pytest.raises(laminardb.QueryError, match=message):
        trades.sql(sql)


def test_no_such_stream(db: laminardb.Connection) -> None:
    with pytest.raises(laminardb.QueryError, match="not found"):
        db.why("s")
