# SPDX-License-Identifier: Apache-2.0
"""Back to a checkpoint: all is as it was then, readers see the difference, and it lasts."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig
from test_checkpoints import (
    CONFIG,
    Feeder,
    build,
    copy,
    fail_stream,
    nothing,
    pause,
    pause_pipeline,
    resume,
    resume_pipeline,
    shown,
    start_pipeline,
    stop_pipeline,
)

WAYS = [
    (nothing, nothing),
    (pause, resume),
    (pause_pipeline, resume_pipeline),
    (stop_pipeline, start_pipeline),
    (fail_stream, nothing),
]


def feed(dbs: list[laminardb.Connection], seed: int, ts: int, steps: int = 12) -> None:
    for db in dbs:
        feeder = Feeder(seed)
        feeder.ts = ts
        for _ in range(steps):
            feeder.step(db)


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_all_is_as_it_was_and_goes_on(tmp_path: Path, before: Any, after: Any) -> None:
    path = tmp_path / "a.ldb"
    with build(path, 1) as db:
        before(db)
        feed([db], 2, 1_030_000)
        at = db.checkpoint()
        twin = laminardb.open(copy(path), config=CONFIG)
        want = shown(db)
        feed([db], 3, 1_060_000)
        db.execute("DROP STREAM after; CREATE STREAM more AS SELECT count(*) AS n FROM t")
        db.execute("ALTER SOURCE few ADD COLUMN extra BIGINT")
        assert shown(db) != want
        db.restore(at)
        assert shown(db) == want
        assert [c.trigger for c in db.checkpoints()] == ["asked", "restore"]
        assert db.verify().checkpoints == 2
        for life in range(2):
            feed([db, twin], 4 + life, 1_060_000 + 20_000 * life)
            assert shown(db) == shown(twin)
            if life == 0:
                after(db)
                after(twin)
        killed = laminardb.open(copy(path, "killed.ldb"), config=CONFIG)
        assert shown(killed) == shown(twin)
        killed.close()
        twin.close()


def memory() -> laminardb.Connection:
    return laminardb.open(config=CONFIG)


def definitions(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
    db.execute("CREATE TABLE u (k BIGINT PRIMARY KEY, n VARCHAR)")
    db.execute("CREATE STREAM n AS SELECT k, count(*) AS n, sum(v) AS v FROM t GROUP BY k")
    db.execute("CREATE STREAM c AS SELECT k, count(*) AS n FROM t GROUP BY k EMIT CHANGES")
    db.execute("CREATE STREAM f AS SELECT k, v FROM t WHERE v > 1")
    db.start()


@pytest.fixture(params=["memory", "kept"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with memory() if request.param == "memory" else laminardb.open(tmp_path / "a.ldb", config=CONFIG) as made:
        yield made


def rows(sub: Any) -> tuple[list[Any], list[Any]]:
    came, went = [], []
    while (batch := sub.try_next()) is not None:
        came += batch.fetchall()
        if (gone := batch.deleted) is not None:
            went += gone.fetchall()
    return sorted(came), sorted(went)


def test_subscriptions_see_the_difference(db: laminardb.Connection) -> None:
    definitions(db)
    db.insert("t", [(1, 1), (2, 2), (3, 3)])
    at = db.checkpoint()
    subs: dict[str, laminardb.Subscription | laminardb.StreamSubscription] = {}
    subs.update({name: db.subscribe_stream(name) for name in "ncf"})
    subs["sql"] = db.subscribe("SELECT k, max(v) AS m FROM t GROUP BY k")
    subs["bound"] = db.subscribe("SELECT k, v FROM t WHERE k >= ?", [2])
    subs["table"] = db.subscribe("SELECT k, n FROM u")
    subs["none"] = db.subscribe("SELECT sum(v) AS v FROM t HAVING count(*) > 100")
    db.insert("t", [(1, 10), (2, 20), (4, 40)])
    db.execute("INSERT INTO u VALUES (1, 'a')")
    for sub in subs.values():
        rows(sub)
    db.restore(at)
    assert rows(subs["n"]) == ([(1, 1, 1), (2, 1, 2)], [(4, 1, 40)])
    assert rows(subs["c"]) == ([(1, 1, 1), (1, 2, -1), (2, 1, 1), (2, 2, -1), (4, 1, -1)], [])
    assert rows(subs["f"]) == ([], [(1, 10), (2, 20), (4, 40)])
    assert rows(subs["sql"]) == ([(1, 1), (2, 2)], [(4, 40)])
    assert rows(subs["bound"]) == ([], [(2, 20), (4, 40)])
    assert rows(subs["table"]) == ([], [(1, "a")])
    assert rows(subs["none"]) == ([], [])
    db.insert("t", (1, 100))
    db.execute("INSERT INTO u VALUES (1, 'b')")
    assert rows(subs["n"]) == ([(1, 2, 101)], [])
    assert rows(subs["sql"]) == ([(1, 100)], [])
    assert rows(subs["f"]) == ([(1, 100)], []) and rows(subs["bound"]) == ([], [])
    assert rows(subs["table"]) == ([(1, "b")], [])
    for sub in subs.values():
        assert sub.is_active
        sub.cancel()


def test_changes_tell_what_happened(db: laminardb.Connection) -> None:
    definitions(db)
    db.insert("t", [(1, 1), (2, 2)])
    at = db.checkpoint()
    view = laminardb.mv(db, "n")
    ops = []
    there = threading.Event()

    def take(event: Any) -> None:
        for change in event:
            ops.append((str(change.op).rpartition(".")[2], tuple(change)))
        there.set()

    thread = view.subscribe(take)
    db.insert("t", [(1, 10), (3, 30)])
    assert there.wait(10)
    there.clear()
    db.restore(at)
    assert there.wait(10)
    thread.cancel()
    assert sorted(ops[2:]) == [("Delete", (3, 1, 30)), ("Update", (1, 1, 1))]
    assert sorted(view.query().fetchall()) == [(1, 1, 1), (2, 1, 2)]


def test_positions_go_on_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=CONFIG) as db:
        definitions(db)
        reader = db.subscribe_stream("n")
        db.insert("t", [(1, 1)])
        at = db.checkpoint()
        db.insert("t", [(1, 10)])
        db.insert("t", [(2, 20)])
        deliveries = []
        while (batch := reader.try_next()) is not None:
            deliveries.append(batch)
        db.restore(at)
        db.insert("t", [(5, 50)])
        for old in deliveries:  # wherever a reader stood
            again = db.subscribe_stream("n", from_=old.position)
            state = Counter({(1, 1, 1): 1}) if old is deliveries[0] else Counter({(1, 2, 11): 1})
            if old is deliveries[2]:
                state[(2, 1, 20)] = 1
            by_key = {row[0]: row for row in state}
            while (batch := again.try_next()) is not None:
                gone = batch.deleted
                for row in gone.fetchall() if gone is not None else []:
                    del by_key[row[0]]
                by_key.update({row[0]: row for row in batch.fetchall()})
            assert sorted(by_key.values()) == [(1, 1, 1), (5, 1, 50)]
        last = None
        while (batch := reader.try_next()) is not None:
            last = batch.position
        assert last is not None and last > (deliveries[-1].position or (0, 0))
        killed = laminardb.open(copy(path), config=CONFIG)
        with killed:
            killed.insert("t", [(6, 60)])
            resumed = killed.subscribe_stream("n", from_=last)
            assert rows(resumed) == ([(6, 1, 60)], [])
            with pytest.raises(laminardb.SubscriptionError) as e:  # it would miss the restore
                killed.subscribe_stream("n", from_=deliveries[-1].position)
            assert e.value.code == 503


def test_streams_that_differ_end_with_a_reason(db: laminardb.Connection) -> None:
    definitions(db)
    db.insert("t", [(1, 1)])
    at = db.checkpoint()
    db.execute("CREATE STREAM late AS SELECT count(*) AS n FROM t")
    db.execute("CREATE OR REPLACE STREAM f AS SELECT k, v, v + 1 AS w FROM t")
    db.execute("CREATE SOURCE made (x BIGINT)")
    subs = [db.subscribe_stream("late"), db.subscribe_stream("f"), db.subscribe("SELECT x FROM made")]
    keep = db.subscribe_stream("n")
    db.insert("t", [(1, 5)])
    for sub in subs:
        rows(sub)
    db.restore(at)
    for sub, what in zip(subs, ("is not in checkpoint", "another definition", "no such result"), strict=True):
        with pytest.raises(laminardb.StreamError, match=what) as e:
            sub.next_timeout(1000)
        assert e.value.code == 600 and not sub.is_active
    assert keep.is_active and db.list_streams() == ["n", "c", "f"]
    with pytest.raises(laminardb.LaminarError, match="made"):
        db.insert("made", {"x": 1})
    db.insert("t", [(1, 7)])
    assert db.query("SELECT * FROM f").fetchall() == [(1, 7)]


def test_sinks_write_the_difference(db: laminardb.Connection, tmp_path: Path) -> None:
    definitions(db)
    target = tmp_path / "out.json"
    db.execute(f"CREATE SINK s FROM c WITH (connector = 'file', path = '{target}')")
    got: list[tuple[Any, ...]] = []

    class Keep:
        def write(self, batch: laminardb.QueryResult) -> None:
            got.extend(batch.fetchall())

    db.register_sink("kept", Keep())
    db.execute(
        "CREATE STREAM cs AS SELECT k, sum(v) AS v FROM t GROUP BY k EMIT CHANGES;"
        "CREATE SINK kept FROM cs WITH (connector = 'python')"
    )
    db.insert("t", [(1, 1), (2, 2)])
    at = db.checkpoint()
    db.insert("t", [(1, 10), (3, 30)])
    db.execute("CREATE SINK later FROM t WITH (connector = 'python')")
    db.restore(at)
    db.insert("t", [(2, 5)])
    db.flush()
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    held: Counter[tuple[int, int]] = Counter()
    for line in lines:
        held[line["k"], line["n"]] += line["__weight"]
    assert {k for k, w in held.items() if w} == {(1, 1), (2, 2)} and set(held.values()) <= {0, 1}
    sums: Counter[tuple[int, int]] = Counter()
    for k, v, weight in got:
        sums[k, v] += weight
    assert {k for k, w in sums.items() if w} == {(1, 1), (2, 7)}
    assert [s.name for s in db.sinks()] == ["s", "kept"]
    assert {s.state for s in db.sinks()} == {"running"}


def test_what_is_refused(db: laminardb.Connection, tmp_path: Path) -> None:
    definitions(db)
    with pytest.raises(laminardb.CheckpointError, match="none was made yet") as e:
        db.restore(1)
    assert e.value.code == 700
    for _ in range(3):
        db.checkpoint()
    with pytest.raises(laminardb.CheckpointError, match="there is no checkpoint 1: there are 2 and 3"):
        db.execute("RESTORE FROM CHECKPOINT 1")
    db.execute("BEGIN; INSERT INTO u VALUES (1, 'a')")
    with pytest.raises(laminardb.QueryError, match="cannot be part of a transaction"):
        db.restore(2)
    db.execute("COMMIT")
    for bad in (
        "RESTORE",
        "RESTORE FROM 1",
        "RESTORE FROM CHECKPOINT",
        "RESTORE FROM CHECKPOINT 'a'",
        "RESTORE FROM CHECKPOINT 99999999999999999999",
    ):
        with pytest.raises(laminardb.QueryError):
            db.execute(bad)
    with pytest.raises(TypeError):
        db.restore("2")  # type: ignore[arg-type]
    assert db.query("SELECT * FROM u").fetchall() == [(1, "a")]
    db.execute("RESTORE FROM CHECKPOINT 3")
    with laminardb.open() as other, pytest.raises(laminardb.CheckpointError) as e:
        other.restore(1)
    assert e.value.code == 701


def test_a_damaged_checkpoint_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=CONFIG) as db:
        definitions(db)
        db.insert("t", [(1, 1)])
        at = db.checkpoint()
        sub = db.subscribe_stream("n")
        db.insert("t", [(2, 2)])
        state = next(path.glob("state-*"))
        state.write_bytes(state.read_bytes()[:-1] + b"!")
        with pytest.raises(laminardb.CheckpointError, match=state.name) as e:
            db.restore(at)
        assert e.value.code == 702
        db.insert("t", [(3, 3)])
        assert rows(sub) == ([(2, 1, 2), (3, 1, 3)], [])
        assert db.query("SELECT count(*) FROM t").fetchone() == (3,)
        assert db.pipeline_state == "Running"
    with laminardb.open(path, config=CONFIG) as db:
        assert db.query("SELECT count(*) FROM t").fetchone() == (3,)


def test_others_go_on_meanwhile(db: laminardb.Connection) -> None:
    definitions(db)
    db.insert("t", [(k % 10, 1) for k in range(1000)])
    db.checkpoint()
    stop = threading.Event()
    wrong: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            writer = db.writer("t")
            while not stop.is_set():
                db.insert("t", [(seed, 1)])
                writer.insert((seed, 1))
                writer.flush()
                db.query("SELECT count(*) FROM t").fetchone()
                db.query("SELECT sum(n) FROM n").fetchone()
        except BaseException as e:
            wrong.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    for _ in range(12):
        db.restore(db.checkpoints()[0].checkpoint_id)
    stop.set()
    for t in threads:
        t.join()
    assert not wrong
    assert db.query("SELECT sum(n) FROM n").fetchone() == db.query("SELECT count(*) FROM t").fetchone()


def test_counters_never_fall(db: laminardb.Connection) -> None:
    definitions(db)
    db.insert("t", [(1, 1)])
    at = db.checkpoint()
    db.insert("t", [(1, 1)] * 5)
    before = db.metrics()
    db.restore(at)
    after = db.metrics()
    assert after.total_events_ingested >= before.total_events_ingested


def test_settings_and_the_interval_stay(db: laminardb.Connection) -> None:
    db.execute("SET timezone = 'Europe/Berlin'")
    definitions(db)
    at = db.checkpoint()
    db.execute("SET timezone = 'Asia/Tokyo'; SET integer_division = false")
    db.restore(at)
    assert db.config_get("timezone") == "Asia/Tokyo" and db.config_get("integer_division") is False
    assert db.is_checkpoint_enabled


def test_without_a_log_it_lasts_too(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    config = LaminarConfig(checkpoint_interval_ms=3_600_000, durability="off")
    with laminardb.open(path, config=config) as db:
        definitions(db)
        db.insert("t", [(1, 1)])
        at = db.checkpoint()
        db.insert("t", [(2, 2)])
        db.checkpoint()
        db.restore(at)
        with laminardb.open(copy(path), config=config) as killed:
            assert killed.query("SELECT * FROM t").fetchall() == [(1, 1)]


def test_the_log_behind_it_needs_it(tmp_path: Path) -> None:
    """Without the checkpoint that a restore made, what came after it is not run behind another state."""
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=CONFIG) as db:
        definitions(db)
        db.insert("t", [(1, 1)])
        at = db.checkpoint()
        db.insert("t", [(2, 2)])
        db.restore(at)
        db.insert("t", [(3, 3)])
        found = copy(path)
    newest = sorted(found.glob("checkpoint-*"))[-1]
    newest.write_bytes(b"x" + newest.read_bytes()[1:])
    with pytest.raises(laminardb.CheckpointError) as e:
        laminardb.open(found, config=CONFIG)
    assert e.value.code == 702
    saved = laminardb.salvage(found, tmp_path / "saved.ldb")
    assert saved.reason is not None
    with laminardb.open(tmp_path / "saved.ldb", config=CONFIG) as db:
        assert db.query("SELECT * FROM t").fetchall() in ([(1, 1)], [(1, 1), (2, 2)])


def test_a_checkpoint_that_fails_says_what_is_kept(tmp_path: Path) -> None:
    for durability, hint in (("off", "no log has what came"), ("group", "nothing is lost")):
        path = tmp_path / f"{durability}.ldb"
        config = LaminarConfig(checkpoint_interval_ms=3_600_000, durability=durability)
        db = laminardb.open(path, config=config)
        db.execute("CREATE TABLE t (x BIGINT)")
        for kind in ("state", "rows", "checkpoint"):
            (path / f"{kind}-0000000000000001").mkdir()  # what is to be written there cannot be
        with pytest.raises(laminardb.CheckpointError, match=hint) as e:
            db.checkpoint()
        assert e.value.code == 700
        for kind in ("state", "rows", "checkpoint"):
            (path / f"{kind}-0000000000000001").rmdir()
        db.checkpoint()
        db.close()


def test_settings_stand_behind_a_checkpoint(tmp_path: Path) -> None:
    """A record behind it means what it meant, whatever the last definition in it was bound under."""
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=CONFIG) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.execute("SET integer_division = false")
        db.execute("CREATE STREAM a AS SELECT k / 2 AS h FROM t")
        db.execute("SET integer_division = true; CREATE TABLE u (x BIGINT); DROP TABLE u")
        db.checkpoint()
        db.execute("CREATE STREAM b AS SELECT k / 2 AS h FROM t")
        db.start()
        db.insert("t", [(3,)])
        want = [db.query(f"SELECT h FROM {s}").fetchall() for s in "ab"]
        killed = copy(path)
    with laminardb.open(killed, config=CONFIG) as db:
        assert [db.query(f"SELECT h FROM {s}").fetchall() for s in "ab"] == want
