# SPDX-License-Identifier: Apache-2.0
"""laminar.metrics and its like: they agree with what the calls tell, and any query may read them."""

from __future__ import annotations

import laminardb
import pytest
from laminardb import Connection, QueryError

TABLES = "checkpoints errors metrics operators pipelines queries sinks sources streams watermarks".split()


@pytest.fixture
def full(db: Connection) -> Connection:
    db.execute("CREATE SOURCE t (k BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts); CREATE TABLE b (k BIGINT)")
    db.execute("CREATE PIPELINE p; CREATE STREAM s AS SELECT k, count(*) AS n FROM t WHERE k > 1 GROUP BY k")
    db.execute("CREATE STREAM bad IN PIPELINE p AS SELECT k + 9223372036854775800 AS k FROM t")
    db.execute("CREATE SINK w FROM s WITH (connector = 'python')")
    db.register_sink("w", lambda batch: None)
    db.start()
    for k in (1, 2, 2, 100):
        db.insert("t", {"k": k, "ts": "2024-01-01"})
    db.flush()
    return db


@pytest.mark.parametrize("name", TABLES)
def test_each(full: Connection, name: str) -> None:
    rows = full.query(f"SELECT * FROM laminar.{name}")
    described = full.query(f"DESCRIBE SELECT * FROM LAMINAR.{name.upper()}").to_dicts()
    assert rows.columns == described["column_name"]
    assert full.query(f"SELECT count(*) FROM laminar.{name}").fetchall()[0][0] >= len(rows) - 1


def test_they_agree_with_the_calls(full: Connection) -> None:
    values = dict(full.query("SELECT name, value FROM laminar.metrics").fetchall())
    m = full.metrics()
    assert values["ingested"] == m.total_events_ingested == 4
    assert values["emitted"] == m.total_events_emitted and values["sinks"] == 1
    assert values["watermark"] == m.pipeline_watermark and values["delivered"] > 0
    s = full.stream_metrics("s")
    assert s is not None
    row = full.query(
        "SELECT pipeline, state, rows_in, rows_out, state_rows, sql FROM laminar.streams WHERE name = 's'"
    ).fetchall()
    assert row == [(None, "running", s.rows_in, s.total_events, s.state_rows, s.sql)]
    assert full.query("SELECT name, rows FROM laminar.sources").fetchall() == [("t", 4), ("b", 0)]
    assert full.query("SELECT name, state FROM laminar.sinks").fetchall() == [("w", "running")]
    assert full.query("SELECT name, state FROM laminar.pipelines").fetchall()[1] == ("p", "Faulted")
    assert full.query("SELECT is_idle FROM laminar.watermarks WHERE name = 't'").fetchall() == [(False,)]
    active = full.query("SELECT sql FROM laminar.queries WHERE state = 'active'").fetchall()
    assert active == [("SELECT sql FROM laminar.queries WHERE state = 'active'",)]
    assert full.query("FROM laminar.checkpoints").fetchall() == []


def test_operators(full: Connection) -> None:
    rows = full.query(
        "SELECT operator, rows_in, rows_out FROM laminar.operators WHERE stream = 's' ORDER BY number"
    ).fetchall()
    assert any(name == "filter" and read == 4 and gave == 3 for name, read, gave in rows), rows


def test_state_of_operators() -> None:
    """Rows and bytes of state go with the window, whose rows are result then."""
    with laminardb.open() as db:
        db.execute(
            "CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts);"
            "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k, TUMBLE(ts, 10) HAVING count(*) > 0"
        )
        db.start()
        figures = "SELECT sum(state_rows), sum(state_bytes), sum(result_rows) FROM laminar.operators"
        base = db.query(figures).fetchall()[0]
        db.insert("t", {"ts": [1] * 5000, "k": list(range(5000))})
        full = db.query(figures).fetchall()[0]
        metrics = db.stream_metrics("s")
        assert metrics is not None and full == (5000, metrics.state_bytes, 0) and full[1] > 5000 * 16
        db.advance_watermark("t", 100)
        assert db.query(figures).fetchall()[0] == (0, base[1], 5000)


def test_errors(full: Connection) -> None:
    code, kind, name, message = full.query(
        "SELECT code, kind, object, message FROM laminar.errors"
    ).fetchall()[0]
    assert (code, kind, name) == (400, "stream", "bad") and "overflow" in message
    with laminardb.open() as db:  # a ring, of texts that are cut between characters
        for i in range(300):
            db._note_error("source", "t", i, f"{i} " + "ä" * 500)
        rows = db.query("SELECT code, message FROM laminar.errors").fetchall()
        assert [code for code, _ in rows] == list(range(44, 300))
        assert all(m.startswith(f"{code} ää") and set(m.split()[1]) == {"ä"} for code, m in rows)


def test_they_are_tables_like_others(full: Connection) -> None:
    joined = full.query(
        "SELECT s.name, count(*) FROM laminar.streams s JOIN laminar.operators o ON o.stream = s.name"
        " WHERE s.name IN (SELECT name FROM laminar.watermarks) GROUP BY ALL"
    ).fetchall()
    assert [name for name, _ in joined] == ["s"]
    full.execute("CREATE VIEW broken AS SELECT name, error FROM laminar.streams WHERE state = 'failed'")
    assert full.query("SELECT name FROM broken").fetchall() == [("bad",)]
    full.execute("CREATE TABLE kept AS SELECT * FROM laminar.metrics")
    assert full.query("SELECT value FROM kept WHERE name = 'ingested'").fetchall() == [(4,)]
    assert "Read laminar.metrics" in full.explain("SELECT * FROM laminar.metrics")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM laminar.metric", "did you mean laminar.metrics"),
        ("SELECT * FROM other.metrics", "one part"),
        ("CREATE STREAM x AS SELECT * FROM laminar.metrics", "a system table"),
        ("SELECT * FROM laminar.metrics FOR SYSTEM_TIME AS OF now()", "what is now"),
        ("INSERT INTO laminar.metrics VALUES (1)", "one part|expected"),
    ],
)
def test_refused(db: Connection, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        db.execute(sql)


def test_a_table_called_laminar_stays_a_table(db: Connection) -> None:
    db.execute("CREATE TABLE laminar (metrics BIGINT); INSERT INTO laminar VALUES (1)")
    assert db.query("SELECT laminar.metrics FROM laminar").fetchall() == [(1,)]
    assert len(db.query("SELECT * FROM laminar.metrics")) > 5
