# SPDX-License-Identifier: Apache-2.0
"""WITH (shards = ...): what of a stream in parts is seen beside its answers, and that it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import laminardb
import pytest
from optional import some

GROUPS = "SELECT k, count(*) AS n, sum(v) AS s FROM t GROUP BY k"
SUMS = {k: (40, sum(i % 7 for i in range(k, 4000, 100))) for k in range(100)}


def fill(db: laminardb.Connection) -> None:
    db.insert("t", {"k": [i % 100 for i in range(4000)], "v": [i % 7 for i in range(4000)]})


def shown(db: laminardb.Connection, name: str = "s") -> dict[int, tuple[int, int]]:
    return {k: (n, s) for k, n, s in db.query(f"SELECT * FROM {name}").fetchall()}


def plan(db: laminardb.Connection, name: str = "s") -> str:
    return "\n".join(row[0] for row in db.sql(f"EXPLAIN STREAM {name}").fetchall())


@pytest.fixture
def db() -> Any:
    with laminardb.open() as opened:
        opened.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        opened.start()
        yield opened


def test_the_plan_names_shards_and_keys(db: laminardb.Connection) -> None:
    db.execute(f"CREATE STREAM s WITH (shards = 3) AS {GROUPS}")
    assert "Union All  shards: 3" in plan(db)
    assert [f"shard: {at} of 3 by k" in plan(db) for at in (1, 2, 3)] == [True] * 3
    fill(db)
    assert shown(db) == SUMS
    m = some(db.stream_metrics("s"))
    assert m.state_bytes > 0 and m.state_rows == 100 and m.total_events == 100


def test_streams_with_the_same_shards_share_them(db: laminardb.Connection) -> None:
    db.execute(f"CREATE STREAM s WITH (shards = 2) AS {GROUPS}")
    db.execute(f"CREATE STREAM r WITH (shards = 2) AS {GROUPS}")
    fill(db)
    assert "shared with: r" in plan(db)
    assert some(db.stream_metrics("s")).shared_state_rows == 100
    db.execute("DROP STREAM s")
    fill(db)
    assert shown(db, "r") == {k: (2 * n, 2 * s) for k, (n, s) in SUMS.items()}


@pytest.mark.parametrize("checkpoint", [False, True])
def test_kept(tmp_path: Path, checkpoint: bool) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path, config=laminardb.LaminarConfig(checkpoint_interval_ms=60_000)) as db:
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.start()
        db.execute(f"CREATE STREAM s WITH (shards = 4) AS {GROUPS}")
        fill(db)
        if checkpoint:
            db.checkpoint()
    with laminardb.open(path) as db:
        assert shown(db) == SUMS
        assert "shards: 4" in plan(db)
        fill(db)
        assert shown(db) == {k: (2 * n, 2 * s) for k, (n, s) in SUMS.items()}


def test_a_pipeline_of_its_own(db: laminardb.Connection) -> None:
    """There it runs as one: what the pipeline holds back is held for the whole stream."""
    db.execute("CREATE PIPELINE p")
    db.execute(f"CREATE STREAM s IN PIPELINE p WITH (shards = 2) AS {GROUPS}")
    db.execute("START PIPELINE p")
    fill(db)
    db.execute("PAUSE PIPELINE p")
    fill(db)
    assert shown(db) == SUMS
    db.execute("RESUME PIPELINE p")
    assert shown(db) == {k: (2 * n, 2 * s) for k, (n, s) in SUMS.items()}
    db.execute("STOP PIPELINE p")
    db.execute("START PIPELINE p")
    fill(db)
    assert shown(db) == {k: (3 * n, 3 * s) for k, (n, s) in SUMS.items()}


def test_a_shard_that_fails_takes_the_stream_with_it(db: laminardb.Connection) -> None:
    db.execute("CREATE TABLE d (k BIGINT PRIMARY KEY, v VARCHAR)")
    db.execute(
        "CREATE STREAM s WITH (shards = 2) AS "
        "SELECT t.k, sum(CAST(d.v AS BIGINT)) AS s FROM t JOIN d ON t.k = d.k GROUP BY t.k"
    )
    db.execute("INSERT INTO d VALUES (1, '10'), (2, 'ten'), (3, '30')")
    with pytest.raises(laminardb.LaminarError, match="ten"):
        fill(db)
        db.query("SELECT * FROM s")
    db.execute("UPDATE d SET v = '20' WHERE k = 2")
    db.execute("ALTER STREAM s RETRY")
    assert sorted(db.query("SELECT * FROM s").fetchall()) == [(1, 400), (2, 800), (3, 1200)]
    fill(db)
    assert sorted(db.query("SELECT * FROM s").fetchall()) == [(1, 800), (2, 1600), (3, 2400)]


@pytest.mark.parametrize("rows", [10, 70_000])
def test_made_over_rows_that_are_there(db: laminardb.Connection, rows: int) -> None:
    db.insert("t", {"k": [i % 1000 for i in range(rows)], "v": [1] * rows})
    db.execute(f"CREATE STREAM s WITH (shards = 2) AS {GROUPS}")
    db.insert("t", {"k": [i % 1000 for i in range(rows)], "v": [1] * rows})
    assert sum(n for n, _ in shown(db).values()) == 2 * rows
    assert "shard: 2 of 2 by k" in plan(db)
