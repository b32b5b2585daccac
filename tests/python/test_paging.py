# SPDX-License-Identifier: Apache-2.0
"""Databases that are larger than memory_limit: they take rows, answer, and come back as they were."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig
from optional import package

np = package("numpy")
pa = package("pyarrow")

LIMIT = 32 << 20
BATCH = 50_000
BATCHES = 24  # of 64 bytes a row and texts: more than 100 MB
DDL = """
    CREATE SOURCE t (id BIGINT, k BIGINT, a BIGINT, b BIGINT, c DOUBLE, d DOUBLE, e BIGINT, s VARCHAR);
    CREATE STREAM sums AS SELECT k, count(*) AS n, sum(a % 1000) AS a FROM t GROUP BY k
"""


def rows(batch: int) -> Any:
    rng = np.random.default_rng(batch)
    ids = np.arange(batch * BATCH, (batch + 1) * BATCH)
    made = {
        "id": ids,
        "k": ids % 17,
        "a": rng.integers(0, 1 << 60, BATCH) >> 4,
        "b": rng.integers(0, 1 << 60, BATCH),
        "c": rng.random(BATCH),
        "d": rng.random(BATCH),
        "e": rng.integers(0, 1 << 60, BATCH),
        "s": [None if i % 5 == 0 else f"the text of row {i}" for i in ids],
    }
    return pa.table(made)


QUERIES = (
    "SELECT count(*), count(s), min(id), max(id), max(b), min(c), max(d) FROM t",
    "SELECT k, count(*), sum(a // 1000000) FROM t GROUP BY k ORDER BY k",
    "SELECT id, a, s FROM t WHERE id BETWEEN 49990 AND 50010 ORDER BY id",
    "SELECT max(length(s)), min(s), max(s) FROM t",
    "SELECT id, e FROM t ORDER BY e DESC LIMIT 20",
)


@pytest.fixture(scope="module")
def expected() -> list[list[tuple[object, ...]]]:
    with laminardb.open() as db:
        db.execute(DDL)
        db.start()
        for i in range(BATCHES):
            db.insert("t", rows(i))
        return answers(db)


def answers(db: laminardb.Connection) -> list[list[tuple[object, ...]]]:
    found = [db.query(q).fetchall() for q in QUERIES]
    return [*found, db.query("SELECT * FROM sums ORDER BY k").fetchall()]


def memory(db: laminardb.Connection) -> tuple[int, int]:
    m = db.source_metrics("t")
    assert m is not None
    return m.retained_bytes, m.spilled_bytes


def test_kept(tmp_path: Path, expected: list[list[tuple[object, ...]]]) -> None:
    config = LaminarConfig(
        memory_limit=LIMIT,
        wal_limit_bytes=48 << 20,
        durability="async",
        threads=2,
        checkpoint_interval_ms=3_600_000,
    )
    path = tmp_path / "large.ldb"
    with laminardb.open(path, config=config) as db:
        db.execute(DDL)
        db.start()
        for i in range(BATCHES):
            db.insert("t", rows(i))
        retained, spilled = memory(db)
        assert retained > 2 * LIMIT and spilled > LIMIT
        assert answers(db) == expected
        db.checkpoint()
        assert db.query("SELECT spilled_bytes > 0 FROM laminar.sources WHERE name = 't'").fetchall() == [
            (True,)
        ]
    for _ in range(2):
        with laminardb.open(path, config=config) as db:
            assert answers(db) == expected
            db.verify()
            assert memory(db)[1] > 0
    on_disk = [p for p in path.iterdir() if re.fullmatch(r"rows-[0-9a-f]{16}", p.name)]
    assert 0 < len(on_disk) < 60


def test_in_memory(expected: list[list[tuple[object, ...]]], tmp_path: Path) -> None:
    config = LaminarConfig(memory_limit=LIMIT, temp_directory=str(tmp_path), threads=2)
    with laminardb.open(config=config) as db:
        db.execute(DDL)
        db.start()
        for i in range(BATCHES):
            db.insert("t", rows(i))
        assert memory(db)[1] > LIMIT
        assert answers(db) == expected
        assert list(tmp_path.iterdir()) == []  # its files have no names


def test_threshold(tmp_path: Path) -> None:
    config = LaminarConfig(table_spill_threshold=BATCH, memory_limit=LIMIT * 16, durability="async")
    with laminardb.open(tmp_path / "db.ldb", config=config) as db:
        db.execute(DDL)
        assert db.query("SHOW table_spill_threshold").fetchall() == [(BATCH,)]
        for i in range(6):
            db.insert("t", rows(i))
        for _ in range(500):
            if any(p.name.startswith("rows-") for p in (tmp_path / "db.ldb").iterdir()):
                break
            db.query("SELECT count(*) FROM range(100000) AS r(x)")
        else:
            pytest.fail("nothing was written")
        assert db.query("SELECT count(*) FROM t").fetchall() == [(6 * BATCH,)]
    # What no checkpoint has goes with the database: the log has it.
    assert not any(p.name.startswith("rows-00000001") for p in (tmp_path / "db.ldb").iterdir())
    with laminardb.open(tmp_path / "db.ldb") as db:
        assert db.query("SELECT count(*), max(id) FROM t").fetchall() == [(6 * BATCH, 6 * BATCH - 1)]


def test_tables_that_change(tmp_path: Path) -> None:
    """Keys are found and rows replaced and deleted where their rows are on disk alone."""
    config = LaminarConfig(
        memory_limit=2 * LIMIT, durability="async", wal_limit_bytes=16 << 20, checkpoint_interval_ms=3_600_000
    )
    count = 200_000
    with laminardb.open(tmp_path / "db.ldb", config=config) as db:
        db.execute("CREATE TABLE m (id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR)")
        values = dict.fromkeys(range(count), 0)
        for first in range(0, count, 20_000):
            ids = list(range(first, first + 20_000))
            db.insert("m", pa.table({"id": ids, "v": [0] * len(ids), "s": [f"row {i} " * 24 for i in ids]}))
        assert (found := db.source_metrics("m")) is not None and found.spilled_bytes > 0
        for i in range(0, count, 997):
            db.execute(f"UPDATE m SET v = {i} WHERE id = {i}")
            values[i] = i
        db.execute("DELETE FROM m WHERE id % 10 = 3")
        db.execute("BEGIN; UPDATE m SET v = v + 1 WHERE id < 5000; ROLLBACK")
        left = {i: v for i, v in values.items() if i % 10 != 3}
        for _ in range(2):
            assert db.query("SELECT count(*), sum(v), sum(id) FROM m").fetchall() == [
                (len(left), sum(left.values()), sum(left))
            ]
            assert db.query("SELECT v, s FROM m WHERE id = 997").fetchall() == [(997, "row 997 " * 24)]
            db.checkpoint()
    with laminardb.open(tmp_path / "db.ldb", config=config) as db:
        assert dict(db.query("SELECT id, v FROM m").fetchall()) == left


def test_damage(tmp_path: Path) -> None:
    """Rows that cannot be read back are an error that names the file; what does not need them goes on."""
    config = LaminarConfig(memory_limit=LIMIT, durability="async", threads=1)
    path = tmp_path / "db.ldb"
    with laminardb.open(path, config=config) as db:
        db.execute(DDL)
        for i in range(8):
            db.insert("t", rows(i))
        assert memory(db)[1] > 0, db.query("SELECT * FROM laminar.errors").fetchall()
        first = min(p for p in path.iterdir() if p.name.startswith("rows-"))
        with first.open("r+b") as f:
            for at in range(70_000, first.stat().st_size, 65_536):
                f.seek(at)
                byte = f.read(1)
                f.seek(at)
                f.write(bytes([byte[0] ^ 1]))
        for _ in range(2):
            with pytest.raises(
                laminardb.LaminarError, match=rf"{first.name}.* is damaged in the 65536 bytes"
            ):
                db.query("SELECT sum(c), max(s), max(e) FROM t")
        assert db.query("SELECT count(*) FROM t WHERE id >= 399990").fetchall() == [(10,)]
        db.insert("t", rows(8))
        assert db.query("SELECT count(*), min(id) FROM t WHERE id >= 449990").fetchall() == [(10, 449990)]
