# SPDX-License-Identifier: Apache-2.0
"""E4 across processes: a database that is kept comes back as it was.

The worlds of test_equivalence.py in a directory. At random moments the directory is copied, as a process that
dies leaves it, and the copy is opened: rows of sources and tables, the state of every stream, watermarks and
the state of the pipeline are those of the database that goes on. At the end it is closed and opened again,
twice, the second time by a script that declares everything once more. In every second world checkpoints are
made at random moments, so that an opening begins with one and runs the log behind it. Every copy goes back to
a checkpoint of its own, after other changes: it must then show what it showed when that was made, so must
what is opened afterwards, and the changes that its subscriptions got must lead from the one to the other.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import laminardb
import pytest
from judges import KEYED, declare, duck
from running import some
from test_equivalence import Reader, World
from values import bag, same

WORLDS = 400
CONFIG = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)
PER_TEST = 40


class Kept(World):
    """A world in a directory of its own."""

    folder: Path
    copies = 0
    checkpoints = 0
    restores = 0

    def open(self) -> laminardb.Connection:
        self.path = self.folder / f"{self.seed}.ldb"
        return laminardb.open(self.path, config=CONFIG)

    def shown(self, db: laminardb.Connection) -> dict[str, object]:
        """All that can be seen, with the names of what it is of."""
        out: dict[str, object] = {}
        for t in self.tables:
            out[t] = bag(db.query(f"SELECT * FROM {t}").fetchall())
        names = {s.name for s in db.streams()}
        for c in self.cases:
            if c.name in names:
                out[c.name] = bag(db.query(f"SELECT * FROM {c.name}").fetchall())
        if self.windows is not None and "sw" in names:
            m = some(db.stream_metrics("sw"))
            out["sw"] = bag(db.query("SELECT * FROM sw").fetchall())
            out["late"] = (m.late_rows, m.null_time_rows, m.watermark)
        out["streams"] = sorted(names)
        out["sources"] = sorted(s.name for s in db.sources())
        out["state"] = db.pipeline_state
        out["watermark"] = db.pipeline_watermark
        return out

    def compare(self, want: dict[str, object], path: Path) -> None:
        with laminardb.open(path, config=CONFIG) as db:
            got = self.shown(db)
            assert got.keys() == want.keys()
            for name, value in want.items():
                assert got[name] == value, f"{name} came back otherwise: {got[name]} was {value}"

    def go_back(self, want: dict[str, object], path: Path) -> None:
        with laminardb.open(path, config=CONFIG) as db:
            at = db.checkpoint()
            readers = {
                s.name: Reader(db.subscribe_stream(s.name, snapshot=True))
                for s in db.streams()
                if s.name in want and some(db.stream_metrics(s.name)).error is None
            }
            for t in self.tables:
                if t == KEYED:
                    db.execute(f"DELETE FROM {t} WHERE vid % 2 = {self.seed % 2}")
                else:
                    db.execute(f"INSERT INTO {t} SELECT * FROM {t} LIMIT {1 + self.seed % 7}")
            if self.windows is not None:
                last = (
                    "SELECT k, ts + INTERVAL '30' SECOND FROM w WHERE ts IS NOT NULL ORDER BY ts DESC LIMIT 2"
                )
                db.execute(f"INSERT INTO w {last}")
            db.execute("CREATE TABLE not_then (x BIGINT)")
            db.restore(at)
            got = self.shown(db)
            assert got.keys() == want.keys()
            for name, value in want.items():
                assert got[name] == value, f"{name} was put back otherwise: {got[name]} was {value}"
            for name, reader in readers.items():
                reader.drain()
                told = want[name]
                assert isinstance(told, Counter)
                assert same(reader.sum(), told), f"changes of {name} do not lead back"
            killed = self.folder / "killed.ldb"
            shutil.rmtree(killed, ignore_errors=True)
            shutil.copytree(path, killed)
            self.compare(want, killed)
            Kept.restores += 1

    def restore(self) -> None:
        super().restore()
        if self.seed % 2 == 0 and self.r.random() < 0.05:
            self.db.checkpoint()
            Kept.checkpoints += 1
        if not self.threaded and self.r.random() < 0.02:
            copy = self.folder / "copy.ldb"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(self.path, copy)
            want = self.shown(self.db)
            self.compare(want, copy)
            self.go_back(want, copy)
            Kept.copies += 1

    def close_and_open(self) -> None:
        want = self.shown(self.db)
        self.db.close()
        self.compare(want, self.path)
        with laminardb.open(self.path) as db:
            declare(db, self.tables)  # a script runs its DDL again
            if self.windows is not None:
                with pytest.raises(laminardb.SchemaError, match="another definition"):
                    db.execute("CREATE SOURCE w (other BIGINT)")
            assert self.shown(db) == want


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duck()


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as p:
        yield p


def run_world(seed: int, folder: Path, con: duckdb.DuckDBPyConnection, pool: ThreadPoolExecutor) -> None:
    Kept.folder = folder
    world = Kept(seed, con, pool)
    try:
        world.run()
        world.close_and_open()
    except BaseException as e:
        e.add_note(f"LAMINAR_SEED={seed} threaded {world.threaded}")
        raise
    finally:
        for f in world.running:
            f.exception()
        world.db.close()
        shutil.rmtree(world.path, ignore_errors=True)


@pytest.mark.parametrize("block", range(WORLDS // PER_TEST))
def test_what_is_kept_comes_back(
    block: int, tmp_path: Path, con: duckdb.DuckDBPyConnection, pool: ThreadPoolExecutor
) -> None:
    if "LAMINAR_SEED" in os.environ:
        if block == 0:
            run_world(int(os.environ["LAMINAR_SEED"]), tmp_path, con, pool)
        return
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        run_world(seed, tmp_path, con, pool)


def test_copies_were_opened() -> None:
    if "LAMINAR_SEED" not in os.environ and Kept.copies == 0:
        pytest.skip("holds for a whole run")
    assert Kept.copies > 200 and Kept.restores == Kept.copies
    assert Kept.checkpoints > 400
