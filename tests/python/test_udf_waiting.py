# SPDX-License-Identifier: Apache-2.0
"""Streams of a kept database wait for functions that are not registered yet. Whoever reads them, whenever it
came, sees what it would have seen if they had never waited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import laminardb
import pytest

CONFIG = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)
OLD = ["w", "r", "a", "d"]
NEW = {
    "n1": "SELECT k, twice(v) AS v, ts FROM t",
    "n2": "SELECT k, v + 1 AS v, ts FROM w",
    "n3": "SELECT k, v FROM t",
    "n4": "SELECT k, v + 1 AS v FROM r",
    "n5": "SELECT k, n + 1 AS n FROM d",
    "n6": "SELECT w.k, w.v, t.v AS u FROM w JOIN t ON w.v = t.v",
}


def register(db: laminardb.Connection) -> None:
    db.register_udf("twice", lambda x: 2 * x, mode="row", return_type=int, arg_types=[int])


def rows(first: int, end: int) -> list[tuple[int, int, int]]:
    return [(i % 2, i, i) for i in range(first, end)]


def read(sub: Any) -> list[Any]:
    """What was delivered, by deliveries."""
    out = []
    while (batch := sub.try_next()) is not None:
        out.append((batch.position, sorted(map(str, batch.fetchall()))))
    return out


def make(db: laminardb.Connection, timed: bool) -> None:
    groups = "TUMBLE(ts, INTERVAL '10' MILLISECOND)" if timed else "k"
    mark = ", WATERMARK FOR ts" if timed else ""
    db.execute(f"CREATE SOURCE t (k BIGINT, v BIGINT, ts BIGINT{mark})")
    db.execute("CREATE TABLE c (k BIGINT PRIMARY KEY, v BIGINT)")
    db.execute("CREATE STREAM w AS SELECT k, twice(v) AS v, ts FROM t")
    db.execute("CREATE STREAM r AS SELECT k, v + 1 AS v, ts FROM w")
    db.execute(f"CREATE STREAM a AS SELECT sum(twice(v)) AS s, count(*) AS n FROM t GROUP BY {groups}")
    db.execute("CREATE STREAM d AS SELECT twice(v) AS k, count(*) AS n FROM c GROUP BY 1")


def insert(db: laminardb.Connection, first: int, end: int) -> None:
    db.insert("t", rows(first, end))
    for i in range(first, end):
        db.insert("c", (i, i % 3))
    db.execute(f"DELETE FROM c WHERE k IN ({first}, {first - 1})")


def play(path: Path, waits: bool, checkpoint: bool, timed: bool) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with laminardb.open(path, config=CONFIG) as db:
        register(db)
        make(db, timed)
        db.start()
        before = {n: db.subscribe_stream(n) for n in OLD}
        insert(db, 0, 4)
        if checkpoint:
            db.checkpoint()
        insert(db, 4, 6)
        positions = {n: read(sub)[-1][0] for n, sub in before.items()}
    with laminardb.open(path, config=CONFIG) as db:
        if not waits:
            register(db)
        db.start()
        subs = {n + " resumed": db.subscribe_stream(n, from_=at) for n, at in positions.items()}
        subs |= {n + " early": db.subscribe_stream(n) for n in OLD}
        insert(db, 6, 8)
        for name, query in NEW.items():
            db.execute(f"CREATE STREAM {name} AS {query}")
        subs |= {n: db.subscribe_stream(n) for n in [*OLD, *NEW]}
        insert(db, 8, 10)
        if waits:
            register(db)
        insert(db, 100, 102)
        seen = {n: read(sub) for n, sub in subs.items()}
        seen |= {"all of " + n: sorted(db.query_stream(n).fetchall()) for n in [*OLD, *NEW]}
    return seen


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_readers_see_what_they_would_have_seen(tmp_path: Path, checkpoint: bool, timed: bool) -> None:
    wanted = play(tmp_path / "a", False, checkpoint, timed)
    got = play(tmp_path / "b", True, checkpoint, timed)
    assert got.keys() == wanted.keys()
    for name in wanted:
        assert got[name] == wanted[name], name


def test_a_reader_of_before_the_start(tmp_path: Path) -> None:
    """It gets what there is at the start, and then the changes."""
    seen = []
    for waits in (False, True):
        with laminardb.open(tmp_path / str(waits), config=CONFIG) as db:
            register(db)
            make(db, timed=False)
            insert(db, 0, 4)
        with laminardb.open(tmp_path / str(waits), config=CONFIG) as db:
            if not waits:
                register(db)
            subs = {n: db.subscribe_stream(n) for n in OLD}
            insert(db, 4, 6)
            db.start()
            insert(db, 6, 8)
            if waits:
                register(db)
            seen.append({n: read(sub) for n, sub in subs.items()})
    for name in OLD:
        assert seen[1][name] == seen[0][name], name


@pytest.mark.parametrize("checkpoint", [False, True])
def test_readers_of_values_that_cannot_be_made_again(tmp_path: Path, checkpoint: bool) -> None:
    """Random values, and groups whose rows are not retained: who reads them has them as they are."""
    with laminardb.open(tmp_path / "d", config=CONFIG) as db:
        register(db)
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT) WITH (retain = 3)")
        db.execute("CREATE STREAM g AS SELECT k, sum(twice(v)) AS v FROM t GROUP BY k")
        db.execute("CREATE STREAM u AS SELECT v, random() AS z, twice(v) AS w FROM t")
        db.execute("CREATE STREAM old AS SELECT z FROM u")
        db.start()
        for i in range(20):
            db.insert("t", (i % 4, i))
        if checkpoint:
            db.checkpoint()
        db.insert("t", (0, 21))
    with laminardb.open(tmp_path / "d", config=CONFIG) as db:
        db.start()
        db.execute("CREATE STREAM values AS SELECT z FROM u")
        db.execute("CREATE STREAM one AS SELECT count(*) AS n, sum(v) AS v FROM g")
        db.execute("CREATE STREAM more AS SELECT twice(v) AS v FROM one")
        subs = {n: db.subscribe_stream(n) for n in ("old", "values", "one", "more")}
        for i in range(3):
            db.insert("t", (i, 22 + i))
            if i == 1:
                register(db)
        read_rows = {
            n: [row for batch in iter(sub.try_next, None) for row in batch.fetchall()]
            for n, sub in subs.items()
        }
        kept = {z for (z,) in db.query("SELECT z FROM u").fetchall()}
        assert len(read_rows["values"]) == 3
        for name in ("old", "values"):
            assert {z for (z,) in db.query_stream(name).fetchall()} == kept
            assert {z for (z,) in read_rows[name]} <= kept and len(read_rows[name]) == 3
        sums = [
            2 * (sum(range(20)) + 21 + 22),
            2 * (sum(range(20)) + 21 + 22 + 23),
            2 * (sum(range(20)) + 90),
        ]
        assert read_rows["one"] == [(4, v) for v in sums]
        assert read_rows["more"] == [(2 * v,) for v in sums]
        assert db.query_stream("one").fetchall() == [(4, sums[-1])]


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_function_that_fails_as_its_stream_catches_up(tmp_path: Path, checkpoint: bool) -> None:
    """The readers fail with it, those that came meanwhile too, and RETRY takes all of them up again."""

    def picky(x: int) -> int:
        if x == 5:
            raise ValueError("not five")
        return 2 * x

    with laminardb.open(tmp_path / "d", config=CONFIG) as db:
        register(db)
        db.execute("CREATE SOURCE t (v BIGINT); CREATE STREAM w AS SELECT twice(v) AS v FROM t")
        db.start()
        if checkpoint:
            db.checkpoint()
        db.insert("t", [(1,), (2,)])
    with laminardb.open(tmp_path / "d", config=CONFIG) as db:
        db.start()
        db.execute("CREATE STREAM n AS SELECT count(*) AS n FROM w; CREATE STREAM m AS SELECT n FROM n")
        db.insert("t", (5,))
        db.register_udf("twice", picky, mode="row", return_type=int, arg_types=[int])
        for name in ("w", "n", "m"):
            error = db.stream_metrics(name)
            assert error is not None and "not five" in str(error.error)
        db.insert("t", (6,))
        register(db)
        db.execute("ALTER STREAM w RETRY")
        db.insert("t", (7,))
        assert db.query_stream("n").fetchall() == db.query_stream("m").fetchall() == [(5,)]


# ---- memory


LIMITED = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000, memory_limit=16 << 20)
FULL = 'memory_limit leaves no room to keep rows of "t" for stream "s", which waits for function "twice"'


def batch_of(first: int, count: int) -> dict[str, list[Any]]:
    return {
        "k": [i % 3 for i in range(count)],
        "v": list(range(first, first + count)),
        "x": ["x" * 90] * count,
    }


def wait_with_little_memory(path: Path, rows: int = 0, checkpoint: bool = True) -> None:
    with laminardb.open(path, config=LIMITED) as db:
        register(db)
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT, x VARCHAR)")
        db.execute(
            "CREATE STREAM s AS SELECT k, count(*) AS n, sum(twice(v)) AS v, max(x) AS x FROM t GROUP BY k"
        )
        db.execute("CREATE STREAM r AS SELECT count(*) AS n, sum(twice(v)) AS v FROM t")
        db.start()
        if checkpoint:
            db.checkpoint()
        for i in range(0, rows, 50):
            db.insert("t", batch_of(i, 50))


def fill(db: laminardb.Connection, count: int, size: int, first: int = 0) -> int:
    """Inserts until one is refused: how many rows were accepted."""
    for i in range(first, first + count, size):
        try:
            assert db.insert("t", batch_of(i, size)) == size
        except MemoryError as refused:
            assert FULL in str(refused) and refused.code == 990  # type: ignore[attr-defined]
            for step in ("register the function", 'DROP STREAM "s"', "raise memory_limit"):
                assert step in str(refused)
            return i
    raise AssertionError("nothing was refused")


def check_all(db: laminardb.Connection, count: int) -> None:
    assert db.query("SELECT count(*) FROM t").fetchall() == [(count,)]
    assert db.query_stream("r").fetchall() == [(count, count * (count - 1))]
    assert sorted(db.query_stream("s").fetchall()) == sorted(
        db.query("SELECT k, count(*), sum(2 * v), max(x) FROM t GROUP BY k").fetchall()
    )


@pytest.mark.parametrize("size", [1, 4000])
def test_what_cannot_be_kept_is_refused(tmp_path: Path, size: int) -> None:
    wait_with_little_memory(tmp_path / "d")
    with laminardb.open(tmp_path / "d", config=LIMITED) as db:
        db.start()
        count = fill(db, 1_000_000, size)
        assert count >= 2_000
        with pytest.raises(MemoryError, match="leaves no room"):
            db.insert("t", batch_of(count, 4_000))
        register(db)
        check_all(db, count)
        assert db.insert("t", batch_of(count, size)) == size
        check_all(db, count + size)


def test_transactions_and_pauses_keep_within_the_memory(tmp_path: Path) -> None:
    wait_with_little_memory(tmp_path / "d")
    with laminardb.open(tmp_path / "d", config=LIMITED) as db:
        db.start()
        db.execute("BEGIN")
        fill(db, 1_000_000, 1000)
        db.execute("ROLLBACK")
        assert db.query("SELECT count(*) FROM t").fetchall() == [(0,)]
        db.execute("BEGIN")
        count = fill(db, 1_000_000, 1000)
        db.execute("COMMIT")
        register(db)
        check_all(db, count)
    wait_with_little_memory(tmp_path / "e")
    with laminardb.open(tmp_path / "e", config=LIMITED) as db:
        db.start()
        db.pause()
        count = fill(db, 1_000_000, 1000)
        db.start()
        register(db)
        check_all(db, count)


def test_room_is_made_by_each_next_step(tmp_path: Path) -> None:
    wait_with_little_memory(tmp_path / "d")
    with laminardb.open(tmp_path / "d", config=LIMITED) as db:
        db.start()
        count = fill(db, 1_000_000, 400)
        db.execute("SET memory_limit = '24 MB'")
        more = fill(db, 1_000_000, 400, count)
        assert more > count + 1_000
        db.execute("DROP STREAM s")
        db.execute("DROP STREAM r")
        assert db.insert("t", batch_of(more, 50)) == 50


def test_what_was_acknowledged_before_is_not_lost(tmp_path: Path) -> None:
    """The log has more for a waiting stream than there is memory: the database keeps it, shut."""
    wait_with_little_memory(tmp_path / "d", rows=100_000)
    with pytest.raises(MemoryError, match="leaves no room"):
        laminardb.open(tmp_path / "d", config=LIMITED)
    with laminardb.open(tmp_path / "d") as db:
        db.start()
        register(db)
        check_all(db, 100_000)
