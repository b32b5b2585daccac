# SPDX-License-Identifier: Apache-2.0
"""Named pipelines: statements, states, versions, topology; what is refused.

tests/model/test_pipelines.py has the property that pauses do not show.
"""

from __future__ import annotations

import datetime as dt

import laminardb
import pytest
from laminardb import Connection, QueryError, SchemaError

SQL = (
    "CREATE SOURCE t (k BIGINT, v BIGINT); CREATE PIPELINE p;"
    "CREATE STREAM s IN PIPELINE p AS SELECT k, sum(v) AS v FROM t GROUP BY k;"
    "CREATE STREAM d AS SELECT count(*) AS n FROM t"
)


def test_states(db: Connection) -> None:
    db.execute(SQL)
    p = db.pipeline("P")
    assert (p.name, p.state, repr(p)) == ("p", "Created", "Pipeline(name='p')")
    p.start()
    assert (p.state, db.pipeline_state) == ("Running", "Created")
    db.insert("t", {"k": 1, "v": 1})
    assert db.query("FROM s").fetchall() == [(1, 1)] and db.query("FROM d").fetchall() == []
    db.start()
    assert db.query("FROM d").fetchall() == [(1,)]
    p.pause()
    p.pause()
    db.insert("t", {"k": 1, "v": 1})
    assert p.state == "Paused" and db.stream_metrics("s").pending == 1  # type: ignore[union-attr]
    assert "RESUME PIPELINE" in db.why("s").suggestion
    db.start()  # one that was paused by name stays so
    assert p.state == "Paused"
    p.stop()
    assert p.state == "Stopped" and "START PIPELINE" in db.why("s").suggestion
    with pytest.raises(QueryError, match="does not run"):
        p.pause()
    db.start()
    assert p.state == "Stopped"
    p.start()
    assert db.query("FROM s").fetchall() == [(1, 2)]
    db.pause()
    assert p.state == "Paused"
    db.resume()
    assert p.state == "Running"
    db.shutdown()
    assert p.state == "Stopped"
    with pytest.raises(laminardb.ConnectionError, match="shut down"):
        p.start()


def test_a_pipeline_of_failed_streams_is_faulted(db: Connection) -> None:
    db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
    db.execute("CREATE STREAM s IN PIPELINE p AS SELECT v + 9223372036854775807 AS v FROM t")
    db.start()
    db.insert("t", {"v": 1})
    assert db.pipeline("p").state == "Faulted"
    assert db.query("SHOW STREAMS").fetchall()[0][1] == "failed"


def test_shutdown_lets_a_pause_flow(db: Connection) -> None:
    db.execute(SQL)
    db.start()
    changes = db.subscribe_stream("s")
    db.pipeline("p").pause()
    db.insert("t", {"k": 1, "v": 7})
    assert changes.try_next() is None
    db.shutdown()
    assert changes.try_next().fetchall() == [(1, 7)]  # type: ignore[union-attr]
    assert db.query("FROM s").fetchall() == [(1, 7)]


def test_versions(db: Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, v BIGINT); CREATE PIPELINE p")
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    db.execute("CREATE STREAM s IN PIPELINE p AS SELECT k FROM t")
    db.execute("CREATE STREAM other AS SELECT k FROM t")
    db.execute("CREATE OR REPLACE STREAM s IN PIPELINE p AS SELECT v FROM t")
    db.execute("DROP STREAM s")
    versions = db.pipeline("p").versions()
    assert [v.version for v in versions] == [1, 2, 3, 4]
    assert versions[0].sql == versions[3].sql == 'CREATE PIPELINE "p";\n'
    assert versions[1].sql == 'CREATE PIPELINE "p";\nCREATE STREAM s IN PIPELINE p AS SELECT k FROM t;\n'
    assert "SELECT v FROM t" in versions[2].sql
    assert all(v.created_at > before for v in versions)
    with laminardb.open() as again:  # the text makes it again
        again.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        again.execute(versions[2].sql)
        assert [v.sql for v in again.pipeline("p").versions()][-1] == versions[2].sql
    db.execute("CREATE OR REPLACE PIPELINE p")
    assert len(db.pipeline("p").versions()) == 4
    for i in range(100):
        db.execute(f"CREATE OR REPLACE STREAM s IN PIPELINE p AS SELECT {i} AS i FROM t")
    assert [v.version for v in db.pipeline("p").versions()] == list(range(41, 105))


def test_topology(db: Connection) -> None:
    db.execute(
        SQL + "; CREATE SOURCE u (a BIGINT); CREATE STREAM q IN PIPELINE p AS SELECT max(v) AS v FROM s"
    )
    topology = db.pipeline("p").topology()
    assert [n.name for n in topology.nodes] == ["t", "s", "q"]
    assert [(e.from_node, e.to_node) for e in topology.edges] == [("t", "s"), ("s", "q")]


def test_a_stream_reads_its_own_pipeline(db: Connection) -> None:
    db.execute(SQL + "; CREATE PIPELINE r; CREATE STREAM x IN PIPELINE r AS SELECT v FROM t")
    for place, source in (("", "s"), (" IN PIPELINE p", "d"), (" IN PIPELINE r", "s")):
        with pytest.raises(QueryError, match="another pipeline"):
            db.execute(f"CREATE STREAM y{place} AS SELECT * FROM {source}")
    assert db.list_streams() == ["s", "d", "x"]
    db.start()
    db.insert("t", {"k": 1, "v": 1})
    assert db.query("SELECT s.v, n FROM s, d, x").fetchall() == [(1, 1)]  # a query reads what it likes
    with pytest.raises(laminardb.QueryError, match="subscription reads streams of one pipeline"):
        db.subscribe("SELECT s.v FROM s JOIN x ON s.v = x.v")


def test_a_subscription_pauses_with_what_it_reads(db: Connection) -> None:
    db.execute(SQL)
    db.start()
    db.insert("t", {"k": 1, "v": 1})
    p = db.pipeline("p")
    p.pause()
    db.insert("t", {"k": 1, "v": 1})
    late = db.subscribe("SELECT v FROM s")
    assert late.try_next().fetchall() == [(1,)]  # type: ignore[union-attr]
    named = db.subscribe_stream("s", snapshot=True)
    assert named.try_next().fetchall() == [(1, 1)]  # type: ignore[union-attr]
    p.resume()
    assert late.try_next().fetchall() == [(2,)]  # type: ignore[union-attr]
    assert named.try_next().fetchall() == [(1, 2)]  # type: ignore[union-attr]
    p.stop()
    db.insert("t", {"k": 1, "v": 1})
    p.start()
    assert late.try_next().fetchall() == [(3,)]  # type: ignore[union-attr]


def test_drop(db: Connection) -> None:
    db.execute(SQL)
    with pytest.raises(SchemaError, match='it has the streams "s"'):
        db.execute("DROP PIPELINE p")
    with pytest.raises(SchemaError, match="already exists"):
        db.execute("CREATE PIPELINE p")
    db.execute("CREATE PIPELINE IF NOT EXISTS p")
    db.start()
    sub = db.subscribe("SELECT * FROM s")
    with pytest.raises(SchemaError, match="open subscription"):
        db.execute("DROP PIPELINE p CASCADE")
    sub.cancel()
    p = db.pipeline("p")
    p.pause()
    db.insert("t", {"k": 1, "v": 1})
    db.execute("DROP PIPELINE p CASCADE")
    for call in (p.start, p.stop, p.pause, p.resume, p.topology, p.versions):
        with pytest.raises(SchemaError, match="Pipeline not found: p"):
            call()
    assert db.list_streams() == ["d"] and db.pipelines() == []
    db.execute("DROP PIPELINE IF EXISTS p")
    with pytest.raises(SchemaError, match="Pipeline not found: p"):
        db.pipeline("p")


def test_a_stream_of_a_paused_pipeline_goes(db: Connection) -> None:
    """What was kept for it is forgotten; the others of the pipeline get theirs."""
    db.execute(SQL + "; CREATE STREAM f IN PIPELINE p AS SELECT v FROM t WHERE v > 1")
    db.start()
    db.pipeline("p").pause()
    db.insert("t", {"k": [1, 2], "v": [1, 2]})
    with pytest.raises(SchemaError, match="paused"):
        db.execute("ALTER SOURCE t ADD COLUMN w BIGINT")
    db.execute("DROP STREAM s")
    db.pipeline("p").resume()
    assert db.query("FROM f").fetchall() == [(2,)]
    db.execute("ALTER SOURCE t ADD COLUMN w BIGINT")


def test_what_cannot_be_made_again_is_not_stopped(db: Connection) -> None:
    db.execute(SQL + "; CREATE STREAM n IN PIPELINE p AS SELECT v, random() AS r FROM t")
    db.start()
    with pytest.raises(QueryError, match="cannot be made again"):
        db.pipeline("p").stop()
    assert db.pipeline("p").state == "Running"
    with pytest.raises(QueryError, match="transaction"):
        db.begin()
        db.pipeline("p").pause()
    db.rollback()


def test_rows_that_were_given_up_fail_the_start(db: Connection) -> None:
    db.execute("CREATE SOURCE t (v BIGINT) WITH (retain = '2 rows'); CREATE PIPELINE p")
    db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
    db.start()
    for v in range(5000):
        db.insert("t", {"v": v})
    db.pipeline("p").stop()
    db.pipeline("p").start()
    error = db.stream_metrics("s").error  # type: ignore[union-attr]
    assert error is not None and "do not retain" in error
    assert db.pipeline("p").state == "Faulted"
