# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what is opened from one goes on as if nothing had been, whatever there was."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig
from optional import some

CONFIG = LaminarConfig(checkpoint_interval_ms=3_600_000)
requirement = pytest.mark.requirement


def copy(path: Path, to: str = "copy.ldb") -> Path:
    """As a process that dies leaves it."""
    target = path.parent / to
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(path, target)
    return target


def shown(db: laminardb.Connection) -> dict[str, Any]:
    """All that can be seen of a database, but for what counts from its opening."""
    out: dict[Any, Any] = {"state": db.pipeline_state, "watermark": db.pipeline_watermark}
    for name in db.list_tables():
        out[name] = sorted(map(repr, db.query(f'SELECT * FROM "{name}"').fetchall()))
        stats = db.stats(name)
        out[name, "stats"] = (stats["total_rows"], stats["retained_rows"])
        if name == "t":  # others count time by the clock
            out[name, "watermark"] = stats["watermark"]
    states = dict(db.query("SELECT name, state FROM laminar.streams").fetchall())
    for s in db.streams():
        m = some(db.stream_metrics(s.name))
        out[s.name, "sql"] = s.sql
        out[s.name, "counts"] = (m.late_rows, m.null_time_rows, m.error)
        if m.error is None and states[s.name] != "stopped":
            out[s.name] = sorted(map(repr, db.query(f'SELECT * FROM "{s.name}"').fetchall()))
    listed = "SELECT name, state, error FROM laminar.streams ORDER BY name"
    out["streams"] = db.query(listed).fetchall()
    out["pipelines"] = db.query("SHOW PIPELINES").fetchall()
    out["views"] = db.query("SHOW VIEWS").fetchall()
    out["indexes"] = db.query("SHOW INDEXES").fetchall()
    return out


DEFINITIONS = (
    "CREATE FUNCTION twice(a) AS a * 2",
    "CREATE SOURCE t (ts BIGINT, k BIGINT, s TEXT, v DOUBLE, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)",
    "CREATE SOURCE late (ts BIGINT, k BIGINT, s VARCHAR, v DOUBLE)",
    "CREATE SOURCE few (k BIGINT, s VARCHAR) WITH (retain = '20 rows')",
    "CREATE TABLE u (k BIGINT PRIMARY KEY, n VARCHAR DEFAULT 'none', CHECK (k < 1000))",
    "CREATE INDEX un ON u (n)",
    "CREATE STREAM a AS SELECT k, count(*) AS n, sum(v) AS v FROM t GROUP BY k",
    "CREATE STREAM b AS SELECT k, count(*) AS n, sum(v) AS v FROM t GROUP BY k HAVING count(*) > 2",
    "CREATE STREAM gone AS SELECT k, count(*) AS n, sum(v) AS v FROM t GROUP BY k ORDER BY n LIMIT 3",
    "CREATE STREAM w AS SELECT window_start, count(*) AS n FROM t GROUP BY TUMBLE(ts, 5000) "
    "EMIT ON WINDOW CLOSE ALLOW LATENESS INTERVAL '1' SECOND LATE DATA TO late",
    "CREATE STREAM ww AS SELECT window_start, n FROM w WHERE n > 1",
    "CREATE STREAM j AS SELECT t.k, u.n, t.s FROM t LEFT JOIN u ON t.k = u.k",
    "CREATE STREAM top AS SELECT k, v FROM t ORDER BY v DESC LIMIT 5",
    "CREATE STREAM last AS SELECT DISTINCT ON (k) k, s FROM t ORDER BY k, ts DESC",
    "CREATE STREAM d AS SELECT DISTINCT k, random() < 2 AS r FROM few",
    "CREATE STREAM ses AS SELECT session_start(ts, 300), k, sum(v) AS v FROM t GROUP BY SESSION(ts, 300), k",
    "CREATE STREAM run AS SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS 3 PRECEDING) AS v FROM t",
    "SET integer_division = false",
    "CREATE STREAM half AS SELECT k / 2 AS h, twice(k) AS tw FROM few",
    "SET integer_division = true",
    "CREATE FUNCTION other(a) AS a * 2",
    "CREATE OR REPLACE FUNCTION other(a) AS twice(a) * 3",
    "CREATE STREAM thrice AS SELECT other(k) AS tw FROM few",
    "CREATE VIEW vv AS SELECT * FROM a WHERE n > 1",
    "CREATE PIPELINE p",
    "CREATE STREAM ps IN PIPELINE p AS SELECT k, count(*) AS n FROM t GROUP BY k",
    "CREATE STREAM pw IN PIPELINE p AS SELECT window_start, sum(v) AS v FROM t GROUP BY HOP(ts, 1000, 3000)",
    "CREATE PIPELINE q",
    "CREATE STREAM qs IN PIPELINE q AS SELECT k, max(v) AS m FROM t GROUP BY k",
    "CREATE STREAM bad AS SELECT k, 9223372036854775807 + k AS x FROM few WHERE k > 50",
    "CREATE STREAM worse AS SELECT count(*) AS n FROM bad",
)


class Feeder:
    """The same changes for every database that is given the same seed."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.ts = 1_000_000

    def step(self, db: laminardb.Connection) -> None:
        what = self.r.random()
        if what < 0.6:
            rows = []
            for _ in range(self.r.randrange(1, 8)):
                self.ts += self.r.randrange(0, 400)
                back = self.r.choice((0, 0, 0, 500, 4000, 20000))
                s, v = f"s {self.r.randrange(9)}", self.r.random()
                rows.append((self.ts - back, self.r.randrange(6), s, v))
            db.insert("t", rows)
        elif what < 0.75:
            db.insert("few", [(self.r.randrange(50), "x" * self.r.randrange(30))])
        elif what < 0.85:
            values = [self.r.randrange(8), f"n {self.r.randrange(4)}"]
            db.execute("INSERT INTO u (k, n) VALUES (?, ?)", values)
        elif what < 0.9:
            db.execute("UPDATE u SET n = n || '!' WHERE k = ?", [self.r.randrange(8)])
        elif what < 0.95:
            db.execute("DELETE FROM u WHERE k = ?", [self.r.randrange(8)])
        else:
            both = "INSERT INTO u (k, n) VALUES (7, 'in'); INSERT INTO few VALUES (1, 'in')"
            db.execute(f"BEGIN; {both}; COMMIT")


def build(path: Path, seed: int) -> laminardb.Connection:
    db = laminardb.open(path, config=CONFIG)
    for sql in DEFINITIONS:
        db.execute(sql)
    db.start()
    feeder = Feeder(seed)
    for _ in range(60):
        feeder.step(db)
    db.execute("DROP STREAM gone")
    db.execute("ALTER TABLE u ADD COLUMN more BIGINT DEFAULT 5")
    db.execute("ALTER SOURCE few RENAME COLUMN s TO words")
    db.execute("CREATE STREAM after AS SELECT k, more, count(*) AS n FROM u GROUP BY k, more")
    return db


def pause(db: laminardb.Connection) -> None:
    db.pause()


def pause_pipeline(db: laminardb.Connection) -> None:
    db.execute("PAUSE PIPELINE p")


def stop_pipeline(db: laminardb.Connection) -> None:
    db.execute("STOP PIPELINE q")


def fail_stream(db: laminardb.Connection) -> None:
    db.insert("few", [(60, "too many")])


def nothing(db: laminardb.Connection) -> None:
    pass


def resume(db: laminardb.Connection) -> None:
    db.resume()


def resume_pipeline(db: laminardb.Connection) -> None:
    db.execute("RESUME PIPELINE p")


def start_pipeline(db: laminardb.Connection) -> None:
    db.execute("START PIPELINE q")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (nothing, nothing),
        (pause, resume),
        (pause_pipeline, resume_pipeline),
        (stop_pipeline, start_pipeline),
        (fail_stream, nothing),
    ],
)
def test_everything_goes_on(
    tmp_path: Path,
    before: Callable[[laminardb.Connection], None],
    after: Callable[[laminardb.Connection], None],
) -> None:
    path = tmp_path / "a.ldb"
    with build(path, 1) as db:
        before(db)
        feeder = Feeder(2)
        feeder.ts = 1_030_000
        for _ in range(15):
            feeder.step(db)
        assert db.checkpoint() == 1
        twin = laminardb.open(copy(path), config=CONFIG)
        assert shown(twin) == shown(db)
        for at in range(3):
            # Each life begins with what the one before had.
            seed = random.Random(at).randrange(1000)
            for each in (db, twin):
                again = Feeder(seed)
                again.ts = feeder.ts + 10_000 * at
                for _ in range(12):
                    again.step(each)
                if at == 1:
                    after(each)
            assert shown(twin) == shown(db)
            if at < 2:
                twin.checkpoint()
            twin.close()
            twin = laminardb.open(tmp_path / "copy.ldb", config=CONFIG)
            assert shown(twin) == shown(db)
        twin.close()


def test_what_is_shared_stays_shared(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    with build(path, 3) as db:
        plan = db.query("EXPLAIN STREAM b").fetchall()
        assert any("shared with: a" in line for (line,) in plan)
        db.checkpoint()
    with laminardb.open(path, config=CONFIG) as db:
        assert db.query("EXPLAIN STREAM b").fetchall() == plan
        db.execute("DROP STREAM a CASCADE")
        db.insert("t", [(2_000_000, 1, "x", 1.0)] * 3)
        db.checkpoint()
    with laminardb.open(path, config=CONFIG) as db:
        assert db.query("SELECT k, n FROM b WHERE k = 1").fetchall()[0] >= (1, 3)


@requirement("F-PY-026.1")
@requirement("F-PY-026.5")
def test_a_checkpoint_has_a_number_and_what_was_there(tmp_path: Path) -> None:
    config = LaminarConfig(storage_dir=str(tmp_path), checkpoint_interval_ms=60_000)
    with laminardb.open("trading", config=config) as db:
        db.execute("CREATE SOURCE orders (id BIGINT, qty INT)")
        db.insert("orders", [(i, i) for i in range(100)])
        first = db.checkpoint()
        assert first == 1 and isinstance(first, int) and first.checkpoint_id == 1
        assert repr(first) == "CheckpointResult(checkpoint_id=1)" and f"{first}" == str(first) == "1"
        assert db.execute("CHECKPOINT").rows_affected == 2 and db.checkpoint() == 3
        assert [c.checkpoint_id for c in db.checkpoints()] == [2, 3]
    with laminardb.open("trading", config=config) as db:
        assert db.query("SELECT count(*), sum(qty) FROM orders").fetchone() == (100, 4950)
        assert db.checkpoint() == 4
        (last,) = [c for c in db.checkpoints() if c.checkpoint_id == 4]
        assert last.rows == 100 and last.trigger == "asked" and last.duration_ms >= last.stall_ms >= 0
        status = db.checkpoint_status()
        assert status.checkpoint_id == 4 and status.enabled and status.interval_ms == 60_000
        assert status.last_checkpoint_at == last.created_at and (status.wal_bytes or 0) > 0
        listed = db.query("SELECT checkpoint_id, rows FROM laminar.checkpoints").fetchall()
        assert listed == [r[:1] + r[3:4] for r in db.query("SHOW CHECKPOINTS").fetchall()]


@requirement("F-PY-026.2")
@requirement("F-PY-026.3")
def test_without_an_interval_there_are_none(tmp_path: Path) -> None:
    for path in (":memory:", tmp_path / "a.ldb"):
        with laminardb.open(path) as db:
            assert db.is_checkpoint_enabled is False
            with pytest.raises(laminardb.CheckpointError, match="checkpoint_interval_ms") as e:
                db.checkpoint()
            assert e.value.code == 701
            with pytest.raises(laminardb.CheckpointError, match="not enabled"):
                db.execute("CHECKPOINT")
            assert db.checkpoints() == [] and db.checkpoint_status().checkpoint_id is None
    with laminardb.open(tmp_path / "a.ldb") as db:
        db.config_set("checkpoint_interval_ms", 1_000_000)
        assert db.is_checkpoint_enabled and db.checkpoint() == 1


@requirement("F-PY-026.4")
def test_the_configuration_arrives(tmp_path: Path) -> None:
    place = tmp_path / "x"
    config = LaminarConfig(storage_dir=place, checkpoint_interval_ms=77, wal_limit_bytes=1 << 20)
    with laminardb.open("here", config=config) as db:
        assert db.config_get("checkpoint_interval_ms") == 77 and db.config_get("wal_limit_bytes") == 1 << 20
        assert db.is_checkpoint_enabled is True
    assert (tmp_path / "x/here/LOCK").exists()


@requirement("F-PY-026.6")
def test_the_status_wraps_number_and_flag() -> None:
    status = laminardb.CheckpointStatus(checkpoint_id=laminardb.CheckpointResult(42), enabled=True)
    assert repr(status) == "CheckpointStatus(checkpoint_id=42, enabled=True)"
    assert type(status.checkpoint_id) is int and status.enabled is True


def test_memory_has_checkpoints_in_memory() -> None:
    with laminardb.open(config=CONFIG) as db:
        db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()
        before = db._memory()
        for i in range(5):
            db.insert("t", [(k % 100,) for k in range(1000)])
            assert db.checkpoint() == i + 1
        assert len(db.checkpoints()) == 2 and db.checkpoint_status().wal_bytes is None
        assert db._memory() - before < 2 << 20


def fill(db: laminardb.Connection, rows: int) -> None:
    db.execute("CREATE SOURCE IF NOT EXISTS t (k BIGINT, s VARCHAR)")
    db.execute("CREATE STREAM IF NOT EXISTS n AS SELECT k, count(*) AS n FROM t GROUP BY k")
    db.start()
    for _ in range(0, rows, 2000):
        db.insert("t", [(k % 50, f"text {k}") for k in range(min(rows, 2000))])


def test_the_log_goes_where_two_checkpoints_have_it(tmp_path: Path) -> None:
    config = LaminarConfig(wal_limit_bytes=1 << 17, wal_segment_bytes=1 << 16)
    with laminardb.open(tmp_path / "a.ldb", config=config) as db:
        fill(db, 60_000)
        deadline = time.monotonic() + 30
        while len(db.checkpoints()) < 2 or (db.checkpoint_status().wal_bytes or 0) > 1 << 20:
            db.insert("t", [(1, "more")] * 1000)
            assert time.monotonic() < deadline
        assert {c.trigger for c in db.checkpoints()} == {"log"}
        want = db.query("SELECT * FROM n ORDER BY k").fetchall()
    with laminardb.open(tmp_path / "a.ldb") as db:
        assert db.query("SELECT * FROM n ORDER BY k").fetchall() == want


def test_time_makes_checkpoints(tmp_path: Path) -> None:
    with laminardb.open(tmp_path / "a.ldb", config=LaminarConfig(checkpoint_interval_ms=20)) as db:
        fill(db, 1000)
        deadline = time.monotonic() + 30
        while not any(c.trigger == "interval" for c in db.checkpoints()):
            db.insert("t", (1, "x"))
            assert time.monotonic() < deadline
        db.config_set("checkpoint_interval_ms", 3_600_000)


def test_inserts_go_on_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=CONFIG) as db:
        fill(db, 5000)
        done = threading.Event()
        acknowledged = [0, 0]

        def insert(which: int) -> None:
            while not done.is_set():
                db.insert("t", [(100 + which, "a")] * 10)
                acknowledged[which] += 10

        threads = [threading.Thread(target=insert, args=(which,)) for which in (0, 1)]
        for t in threads:
            t.start()
        for n in range(5):
            db.checkpoint()
            told = list(acknowledged)
            with laminardb.open(copy(path, f"c{n}.ldb"), config=CONFIG) as twin:
                for which in (0, 1):
                    (rows,) = some(twin.query("SELECT count(*) FROM t WHERE k = ?", [100 + which]).fetchone())
                    assert rows >= told[which] and rows % 10 == 0
                    counted = twin.query("SELECT n FROM n WHERE k = ?", [100 + which]).fetchone()
                    assert rows == 0 or counted == (rows,)
        done.set()
        for t in threads:
            t.join()


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    config = LaminarConfig(checkpoint_interval_ms=3_600_000)
    with laminardb.open(path, config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
        db.execute("CREATE STREAM n AS SELECT k, count(*) AS n, sum(v) AS v FROM t GROUP BY k")
        db.start()
        db.insert("t", {"k": list(range(100_000)), "v": [1] * 100_000})
        sizes = []
        for n in range(40):
            db.insert("t", {"k": list(range(n * 500, n * 500 + 500)), "v": [1] * 500})
            db.checkpoint()
            sizes.append(db.checkpoints()[-1].size_bytes)
        assert sizes[0] > 4_000_000
        assert max(sizes[1:10]) < sizes[0] / 8, sizes
        files = list(path.glob("blocks-*"))
        assert len(files) < 40 and sum(f.stat().st_size for f in files) < 4 * sizes[0]
        with laminardb.open(copy(path), config=config) as twin:
            sums = "SELECT count(*), sum(n), sum(v), sum(k * n) FROM n"
            wanted = twin.query(sums).fetchall()
            assert wanted == db.query(sums).fetchall()
        db.execute("CREATE STREAM again AS SELECT k, max(v) AS m FROM t GROUP BY k")
        db.execute("DROP STREAM n")  # its blocks are of no use any more
        for _ in range(3):
            db.insert("t", {"k": [1], "v": [1]})
            db.checkpoint()
    with laminardb.open(copy(path), config=config) as db:
        assert db.query("SELECT count(*), sum(m) FROM again").fetchall() == [(100_000, 100_000)]
        assert db.query("SELECT count(*) FROM t").fetchall() == [(wanted[0][1] + 3,)]
        db.verify()


def test_only_new_inserts_are_indexed_again(tmp_path: Path) -> None:
    """The index of inserts has 56 bytes for each; a checkpoint writes the blocks that are new."""
    path = tmp_path / "a.ldb"
    config = LaminarConfig(checkpoint_interval_ms=3_600_000, durability="async")
    with laminardb.open(path, config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.execute("CREATE TABLE d (id BIGINT PRIMARY KEY, v BIGINT)")
        db.insert("d", (1, 0))
        for i in range(20_000):
            db.insert("t", (i,))
        for i in range(3_000):
            db.execute("UPDATE d SET v = ?", [i])
        sizes = []
        for i in range(3):
            db.insert("t", (20_000 + i,))
            db.checkpoint()
            sizes.append(db.checkpoints()[-1].size_bytes)
        assert sizes[0] > 1_000_000 and max(sizes[1:]) < sizes[0] / 5, sizes
        db.execute("ALTER SOURCE t ADD COLUMN w BIGINT DEFAULT 5")  # another table takes the index over
        db.insert("t", (20_003, 6))
        db.checkpoint()
        assert db.checkpoints()[-1].size_bytes < sizes[0], sizes
    with laminardb.open(copy(path), config=config) as db:
        sums = (20_004, 20_003 * 10_002, 100_021)
        assert db.query("SELECT count(*), sum(k), sum(w) FROM t").fetchone() == sums
        assert db.query("SELECT * FROM d").fetchall() == [(1, 2_999)]
        db.insert("t", (0, 0))
        db.verify()


def test_as_many_are_kept_as_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    config = LaminarConfig(checkpoint_interval_ms=3_600_000, checkpoint_retention=4)
    with laminardb.open(path, config=config) as db:
        assert db.config_get("checkpoint_retention") == 4
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.execute("CREATE STREAM n AS SELECT count(*) AS n, sum(k) AS k FROM t")
        db.start()
        ids = []
        for i in range(7):
            db.insert("t", [(i,)] * 3000)
            ids.append(db.checkpoint())
        assert [c.checkpoint_id for c in db.checkpoints()] == ids[3:]
    with laminardb.open(path, config=config) as db:
        db.restore(ids[-3])  # behind what the log still has
        assert db.query("SELECT n, k FROM n").fetchall() == [(15_000, 30_000)]
        db.verify()
        with pytest.raises(ValueError, match="checkpoint_retention"):
            db.execute("SET checkpoint_retention = 1")
        db.execute("RESET checkpoint_retention")
        assert db.config_get("checkpoint_retention") == 4
        db.execute("SET checkpoint_retention = 2")
        db.insert("t", (1,))
        db.checkpoint()
        assert len(db.checkpoints()) == 2
        names = {f.name.split("-")[0] for f in path.iterdir()}
        assert len(list(path.glob("checkpoint-*"))) == len(list(path.glob("state-*"))) == 2, names
    with laminardb.open(path) as db:
        assert db.query("SELECT n, k FROM n").fetchall() == [(15_001, 30_001)]
    with pytest.raises(ValueError, match="checkpoint_retention"):
        LaminarConfig(checkpoint_retention=1)


def test_off_keeps_what_checkpoints_have(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    config = LaminarConfig(checkpoint_interval_ms=3_600_000, durability="off")
    with laminardb.open(path, config=config) as db:
        fill(db, 1000)
        db.checkpoint()
        db.insert("t", [(7, "not logged")])
        with laminardb.open(copy(path)) as twin:
            assert twin.query("SELECT count(*) FROM t").fetchone() == (1000,)
        db.execute("SET durability = 'group'")
        assert db.checkpoints()[-1].trigger == "durability"
        db.insert("t", [(8, "logged")])
        with laminardb.open(copy(path)) as twin:
            assert twin.query("SELECT count(*) FROM t").fetchone() == (1002,)
        db.execute("SET durability = 'off'")
        db.insert("t", [(9, "not logged")])
    with laminardb.open(path) as db:
        assert db.query("SELECT count(*) FROM t").fetchone() == (1003,)
        assert db.checkpoints()[-1].trigger == "close"


def test_damage_leaves_the_work_to_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    small = LaminarConfig(checkpoint_interval_ms=3_600_000, wal_segment_bytes=1 << 16)
    with laminardb.open(path, config=small) as db:
        fill(db, 6000)
        db.checkpoint()
        fill(db, 3000)
        db.checkpoint()
        db.insert("t", [(1, "behind")])
        want = shown(db)
    newest = sorted(n for n in os.listdir(path) if n.endswith("2") and not n.startswith("wal"))
    assert [n.partition("-")[0] for n in newest] == ["checkpoint", "rows", "state"]
    r = random.Random(5)
    for name in newest:
        whole = (path / name).read_bytes()
        for how in ("flip",) * 8 + ("cut", "gone", "swap"):
            broken = copy(path)
            if how == "flip":
                at = r.randrange(len(whole))
                (broken / name).write_bytes(
                    whole[:at] + bytes([whole[at] ^ 1 << r.randrange(8)]) + whole[at + 1 :]
                )
            elif how == "cut":
                (broken / name).write_bytes(whole[: r.randrange(len(whole))])
            elif how == "gone":
                (broken / name).unlink()
            else:
                (broken / name).write_bytes((path / name.replace("2", "1")).read_bytes())
            with laminardb.open(broken, config=CONFIG) as db:
                assert shown(db) == want, (name, how)
                told = db.query("SELECT count(*) FROM laminar.errors WHERE kind = 'checkpoint'").fetchone()
                assert told == (0 if how == "gone" and name.startswith("checkpoint") else 1,), (name, how)
    broken = copy(path)
    for name in os.listdir(broken):
        if name.startswith("state"):
            (broken / name).write_bytes(b"nothing of it")
    with pytest.raises(laminardb.CheckpointError, match="state-0000000000000002") as e:
        laminardb.open(broken)
    assert e.value.code == 702


def test_a_reader_comes_back_with_its_position(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=CONFIG) as db:
        db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()
        sub = db.subscribe_stream("s")
        db.insert("t", (1,))
        first = some(sub.next())
        db.insert("t", (1,))
        db.checkpoint()
        db.insert("t", (2,))
        second = [some(sub.next()).fetchall(), some(sub.next()).fetchall()]
        db.checkpoint()
        db.insert("t", (1,))
        third = some(sub.next())
        position = first.position
    for _ in range(2):
        with laminardb.open(path, config=CONFIG) as db:
            if position == first.position:
                # older than the older of the two checkpoints
                with pytest.raises(laminardb.SubscriptionError) as e:
                    db.subscribe_stream("s", from_=position)
                assert e.value.code == 503
                state = db.query("FROM s ORDER BY k").fetchall()
                assert state == [(1, 3), (2, 1)] and second == [[(1, 2)], [(2, 1)]]
            else:
                sub = db.subscribe_stream("s", from_=position)
                got = [some(sub.next()).fetchall(), some(sub.next()).fetchall()]
                assert got == [[(2, 1)], third.fetchall()] and sub.try_next() is None
        position = (some(position)[0] + 1, 0)


def test_what_has_checkpoints_is_looked_after(tmp_path: Path) -> None:
    path = tmp_path / "a.ldb"
    small = LaminarConfig(checkpoint_interval_ms=3_600_000, wal_segment_bytes=1 << 16)
    with laminardb.open(path, config=small) as db:
        for n in range(3):
            fill(db, 6000)
            assert db.checkpoint() == n + 1
        db.insert("t", [(1, "behind")])
        found = db.verify()
        assert found.checkpoints == 2 and found.records >= 1
        db.backup(tmp_path / "backup.ldb")
        want = shown(db)
        name = next(n for n in os.listdir(path) if n.startswith("rows-") and n.endswith("3"))
        whole = (path / name).read_bytes()
        (path / name).write_bytes(whole[:100] + b"?" + whole[101:])
        with pytest.raises(laminardb.CheckpointError, match=name) as e:
            db.verify()
        assert e.value.code == 702
    with laminardb.open(tmp_path / "backup.ldb", config=small) as db:
        assert shown(db) == want and db.verify().checkpoints == 1
        assert db.checkpoint() == 4
    salvaged = laminardb.salvage(path, tmp_path / "salvaged.ldb")
    assert salvaged.checkpoint_id == 2 and salvaged.reason is None and salvaged.records > 1
    with laminardb.open(tmp_path / "salvaged.ldb", config=small) as db:
        assert shown(db) == want


def test_sinks_go_on_behind_a_checkpoint(tmp_path: Path) -> None:
    path, out, few = tmp_path / "a.ldb", tmp_path / "out.csv", tmp_path / "few.csv"
    with laminardb.open(path, config=CONFIG) as db:
        db.execute("CREATE SOURCE t (a BIGINT) WITH (retain = '2 rows')")
        db.execute("CREATE STREAM n AS SELECT a % 2 AS odd, count(*) AS n FROM t GROUP BY odd EMIT CHANGES")
        sink = f"CREATE SINK k FROM t WHERE a > 1 WITH (connector = 'file', path = '{out}', format = 'csv')"
        db.execute(sink)
        db.execute(f"CREATE SINK f FROM n WITH (connector = 'file', path = '{few}', format = 'csv')")
        db.start()
        db.insert("t", [{"a": 1}, {"a": 2}])
        db.checkpoint()
        db.insert("t", {"a": 3})
    for life in range(4, 8):
        with laminardb.open(path, config=CONFIG) as db:
            assert [s.name for s in db.sinks()] == ["k", "f"]
            db.insert("t", {"a": life})
            if life % 2 == 0:
                db.checkpoint()
    assert out.read_text() == "a\n2\n3\n4\n5\n6\n7\n"
    assert [line.split(",")[1] for line in few.read_text().splitlines()[-2:]] == ["3", "4"]


@pytest.mark.parametrize("started", [True, False])
def test_off_keeps_what_was_shut_down(tmp_path: Path, started: bool) -> None:
    config = LaminarConfig(checkpoint_interval_ms=3_600_000, durability="off")
    with laminardb.open(tmp_path / "a.ldb", config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM n AS SELECT count(*) AS n FROM t")
        if started:
            db.start()
        db.insert("t", [(1,), (2,)])
        db.shutdown()
    with laminardb.open(tmp_path / "a.ldb", config=config) as db:
        assert db.query("SELECT count(*) FROM t").fetchone() == (2,)
        assert db.pipeline_state == ("Running" if started else "Created")
        db.start()
        db.insert("t", (3,))
        assert db.query("FROM n").fetchall() == [(3,)]
