# SPDX-License-Identifier: Apache-2.0
"""Streams that cannot be: refused when made, or failed with a reason and made anew. Nothing else suffers."""

from __future__ import annotations

from collections.abc import Iterator

import laminardb
import pytest
from optional import some

BIG = 2**63 - 1


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as connection:
        connection.execute(
            "CREATE SOURCE t (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts);"
            "CREATE SOURCE plain (ts TIMESTAMP, v BIGINT);"
            "CREATE TABLE d (k VARCHAR PRIMARY KEY, v BIGINT)"
        )
        connection.start()
        yield connection


def refused(db: laminardb.Connection, sql: str, *texts: str) -> laminardb.LaminarError:
    """With every text in the message; and nothing came of it."""
    before = [s.name for s in db.streams()], [s.name for s in db.sources()]
    with pytest.raises(laminardb.LaminarError) as e:
        db.execute(sql)
    for text in texts:
        assert text in str(e.value), (text, str(e.value))
    assert ([s.name for s in db.streams()], [s.name for s in db.sources()]) == before
    return e.value


@pytest.mark.parametrize("emit", ("EMIT ON WINDOW CLOSE", "EMIT FINAL", "EMIT AFTER WATERMARK"))
def test_windows_that_never_close(db: laminardb.Connection, emit: str) -> None:
    over = "CREATE STREAM s AS SELECT count(*) AS n FROM {} GROUP BY TUMBLE({}, INTERVAL '1' MINUTE) "
    refused(
        db,
        over.format("plain", "ts") + emit,
        "no watermark ever closes",
        "WATERMARK FOR ts",
        "Writer.watermark",
    )
    refused(db, over.format("t", "ts + 1") + emit, "not the event time of t")
    refused(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k " + emit, "needs a window")
    db.execute("CREATE OR REPLACE SOURCE plain (ts TIMESTAMP, v BIGINT) WITH (watermark = 'manual')")
    db.execute(over.format("plain", "ts") + emit)
    db.insert("plain", [("2026-01-05 09:00:30", 1)])
    db.advance_watermark("plain", 1_767_603_660_000)
    assert db.query("SELECT * FROM s").fetchall() == [(1,)]


def test_a_window_that_waits_says_for_what(db: laminardb.Connection) -> None:
    """It may close, and nothing comes that closes it."""
    db.execute("CREATE STREAM s AS SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10) EMIT ON WINDOW CLOSE")
    db.insert("t", [(3, "a", 1)])
    why = db.why("s")
    assert why.held_by == "t" and "waits for the watermark" in str(why) and "watermark(10)" in str(why)


def test_windows_that_do_not_fit(db: laminardb.Connection) -> None:
    window = "CREATE STREAM s AS SELECT count(*) AS n FROM t GROUP BY "
    for call, texts in {
        "HOP(ts, 20, 10)": ("slide is longer than the window", "the order is HOP(ts, slide, size)"),
        "HOP(ts, SLIDE => 11, SIZE => 10)": ("slide is longer than the window",),
        "CUMULATE(ts, 20, 10)": ("step is longer than the window",),
        "CUMULATE(ts, 4, 10)": ("whole number of steps",),
        "HOP(ts, 1, 10001)": ("10001 windows, and the limit is 10000", "make the slide longer"),
        "CUMULATE(ts, 1, 10001)": ("10001 windows, and the limit is 10000", "make the step longer"),
        "TUMBLE(ts, 0)": ("longer than nothing",),
        "SESSION(ts, INTERVAL '-1' SECOND)": ("longer than nothing",),
        "TUMBLE(k, 10)": ("needs a time",),
    }.items():
        refused(db, window + call, *texts)
        with pytest.raises(laminardb.QueryError):
            db.query("SELECT count(*) FROM t GROUP BY " + call)
    db.execute(window + "HOP(ts, 1, 10000)")
    db.insert("t", [(0, "a", 1)])
    assert db.query("SELECT count(*), sum(n) FROM s").fetchall() == [(10_000, 10_000)]


def test_a_stream_over_itself(db: laminardb.Connection) -> None:
    refused(db, "CREATE STREAM s AS SELECT * FROM s", "Table not found: s")
    db.execute("CREATE STREAM s AS SELECT k, sum(v) AS v FROM t GROUP BY k")
    refused(db, "CREATE OR REPLACE STREAM s AS SELECT k, v FROM s", "cannot read the stream that it replaces")
    db.execute("CREATE STREAM above AS SELECT k, v FROM s")
    refused(db, "CREATE OR REPLACE STREAM s AS SELECT k, v FROM above", "which reads what it replaces")
    refused(
        db,
        "CREATE STREAM l AS SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10) LATE DATA TO t",
        "would go round",
    )
    db.insert("t", [(1, "a", 2)])
    assert db.query("SELECT * FROM above").fetchall() == [("a", 2)]


def test_drop_of_what_others_need(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE STREAM s AS SELECT t.k, sum(d.v) AS v FROM t JOIN d ON t.k = d.k GROUP BY t.k;"
        "CREATE STREAM above AS SELECT k FROM s"
    )
    for sql, reader in (("SOURCE t", '"s", "above"'), ("TABLE d", '"s"'), ("STREAM s", '"above"')):
        error = refused(db, f"DROP {sql}", reader, "CASCADE")
        assert error.code == 202
    db.insert("d", [("a", 3)])
    db.insert("t", [(1, "a", 2)])
    assert db.query("SELECT * FROM s").fetchall() == [("a", 3)]
    db.execute("DROP STREAM s CASCADE")
    assert db.list_streams() == []
    db.execute("DROP TABLE d; DROP SOURCE t")


def test_alter_of_a_column_in_use(db: laminardb.Connection) -> None:
    db.execute("CREATE STREAM s AS SELECT k, sum(v) AS v FROM t GROUP BY k")
    refused(db, "ALTER SOURCE t DROP COLUMN v", 'cannot drop column "v": "s" uses it')
    refused(db, "ALTER SOURCE t RENAME COLUMN v TO w", 'cannot rename column "v": "s" uses it')
    refused(db, "ALTER SOURCE t DROP COLUMN ts", "its watermark uses it")
    db.execute("ALTER SOURCE t ADD COLUMN w BIGINT; ALTER SOURCE t DROP COLUMN w")
    db.insert("t", [(1, "a", 2)])
    assert db.query("SELECT * FROM s").fetchall() == [("a", 2)]


@pytest.mark.parametrize(
    "bad,good",
    (
        ("sum(v)", "sum(CAST(v AS HUGEINT))"),
        ("sum(v * v)", "sum(CAST(v AS DOUBLE) * v)"),
        ("max(v + 1)", "max(v)"),
    ),
)
def test_overflow_fails_the_stream_alone(db: laminardb.Connection, bad: str, good: str) -> None:
    """The insert stands, others go on; CREATE OR REPLACE reads everything again."""
    db.execute(f"CREATE STREAM s AS SELECT k, {bad} AS x FROM t GROUP BY k")
    db.execute("CREATE STREAM other AS SELECT count(*) AS n FROM t")
    sub = db.subscribe_stream("s")
    db.insert("t", [(1, "a", 1), (2, "b", 1)])
    db.insert("t", [(3, "a", BIG), (4, "a", BIG)])
    db.insert("t", [(5, "b", 7)])
    assert "overflow" in (some(db.stream_metrics("s")).error or "")
    assert some(sub.next()).num_rows == 2
    with pytest.raises(laminardb.StreamError, match="overflow") as e:
        sub.next()
    assert e.value.code == 600
    with pytest.raises(laminardb.StreamError, match="overflow"):
        db.query("SELECT * FROM s")
    assert db.query("SELECT * FROM other").fetchall() == [(5,)]
    db.execute(f"CREATE OR REPLACE STREAM s AS SELECT k, {good} AS x FROM t GROUP BY k")
    assert some(db.stream_metrics("s")).error is None
    want = db.query(f"SELECT k, {good} AS x FROM t GROUP BY k ORDER BY k").fetchall()
    assert db.query("SELECT * FROM s ORDER BY k").fetchall() == want
    db.insert("t", [(6, "c", 2)])
    assert len(db.query("SELECT * FROM s").fetchall()) == 3


@pytest.mark.parametrize(
    "bad,good",
    (
        ("sum(v) OVER (PARTITION BY k)", "sum(CAST(v AS DOUBLE)) OVER (PARTITION BY k)"),
        ("v + 1", "v"),
    ),
)
def test_overflow_above_rows(db: laminardb.Connection, bad: str, good: str) -> None:
    """Made over rows that overflow it is refused; met by them later it fails."""
    db.execute(f"CREATE STREAM s AS SELECT k, {bad} AS x FROM t")
    db.insert("t", [(1, "a", BIG), (1, "a", BIG)])
    assert "overflow" in (some(db.stream_metrics("s")).error or "")
    refused(db, f"CREATE STREAM again AS SELECT k, {bad} AS x FROM t", "overflow")
    db.execute(f"CREATE OR REPLACE STREAM s AS SELECT k, {good} AS x FROM t")
    assert some(db.stream_metrics("s")).error is None
    assert len(db.query("SELECT * FROM s").fetchall()) == 2


def test_deletes_of_rows_that_never_were(db: laminardb.Connection) -> None:
    """They change nothing, say so by their count, and streams hear of nothing."""
    db.execute("CREATE STREAM s AS SELECT count(*) AS n, sum(v) AS v FROM d EMIT CHANGES")
    db.insert("d", [("a", 1)])
    sub = db.subscribe_stream("s")
    for sql in (
        "DELETE FROM d WHERE k = 'never'",
        "DELETE FROM d USING t WHERE d.k = t.k",
        "UPDATE d SET v = 5 WHERE k = 'never'",
        "DELETE FROM d WHERE v > 100",
    ):
        assert db.execute(sql).rows_affected == 0
    db.execute("DELETE FROM d WHERE k = 'a'")
    db.execute("DELETE FROM d WHERE k = 'a'")
    assert some(sub.next()).fetchall() == [(1, 1, -1), (0, None, 1)]
    assert sub.try_next() is None
    refused(db, "DELETE FROM t WHERE v = 1", "a source only takes new rows")
    assert db.query("SELECT * FROM s").fetchall() == [(0, None)]
