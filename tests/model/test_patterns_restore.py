# SPDX-License-Identifier: Apache-2.0
"""Faults that other systems had when state was put back, by their numbers in patterns.py.

laminardb.testing.reload takes the state of every stream to the bytes of a checkpoint, and goes on from those.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb.testing import reload
from running import Row, changes, some

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as c:
        c.start()
        yield c


def test_02_groups_go_after_a_restore_at_every_moment() -> None:
    """Rows come, state is put back, all rows go: every group has gone, and no count was below zero."""
    rows = [("a", 1), ("a", 2), ("b", 1), ("b", 5), ("c", 7), ("a", 3)]
    for moment in range(len(rows) + 1):
        with laminardb.open() as db:
            db.execute(
                "CREATE TABLE t (id BIGINT PRIMARY KEY, k VARCHAR, v BIGINT);"
                "CREATE STREAM g AS SELECT k, count(*) AS n, sum(v) AS s, min(v) AS low, max(v) AS high,"
                " count(DISTINCT v) AS d FROM t GROUP BY k EMIT CHANGES"
            )
            db.start()
            sub = db.subscribe_stream("g")
            for i, row in enumerate(rows):
                if i == moment:
                    reload(db)
                db.insert("t", (i, *row))
            if moment == len(rows):
                reload(db)
            for i in range(len(rows)):
                db.execute("DELETE FROM t WHERE id = ?", [i])
                if i == moment // 2:
                    reload(db)
            state: Counter[Row] = Counter()
            for *values, weight in changes(sub):
                assert values[1] > 0, values
                state[tuple(values)] += weight
                assert state[tuple(values)] >= 0
            assert not +state and db.query("SELECT * FROM g").fetchall() == []
            metrics = db.stream_metrics("g")
            assert metrics is not None and (metrics.state_rows + metrics.shared_state_rows) == 0


#: An operator of src/op/ops.def: a stream that needs it.
OPERATORS = {
    "scan": "SELECT * FROM t",
    "filter": "SELECT ts, k FROM t WHERE v > 1",
    "project": "SELECT ts + 1 AS a, k || 'x' AS b FROM t",
    "keep": "SELECT v, random() >= 0 AS r FROM d",
    "aggregate": "SELECT k, count(*) AS n, sum(v) AS s, min(v) AS low, median(v) AS m,"
    " string_agg(DISTINCT k) AS l FROM t GROUP BY k",
    "aggregate of windows": "SELECT k, window_start AS w, count(*) AS n, first(v) AS f FROM t"
    " GROUP BY k, HOP(ts, 5, 10) EMIT ON WINDOW CLOSE ALLOW LATENESS 4",
    "aggregate of sessions": "SELECT k, window_start AS w, window_end AS e, count(DISTINCT v) AS n FROM t"
    " GROUP BY k, SESSION(ts, 3)",
    "aggregate after": "SELECT window_end AS e, max(v) AS n FROM t GROUP BY TUMBLE(ts, 10)"
    " EMIT AFTER WATERMARK ALLOW LATENESS 6",
    "join": "SELECT a.v AS x, b.v AS y FROM t AS a LEFT JOIN d AS b ON a.k = b.k AND a.v <> b.v",
    "join that forgets": "SELECT a.ts AS x, b.ts AS y FROM t AS a FULL JOIN u AS b"
    " ON a.k = b.k AND a.ts BETWEEN b.ts - 5 AND b.ts + 5",
    "asof": "SELECT a.v AS x, b.v AS y FROM t AS a ASOF LEFT JOIN d AS b ON a.k = b.k AND a.v >= b.v",
    "asof_bounded": "SELECT a.ts AS x, b.ts AS y FROM t AS a ASOF LEFT JOIN u AS b"
    " ON a.k = b.k AND a.ts >= b.ts",
    "versions": "SELECT t.ts AS x, r.v AS y FROM t"
    " JOIN d FOR SYSTEM_TIME AS OF TIMESTAMP '2999-01-01' AS r ON t.k = r.k",
    "window": "SELECT ts, k, window_start AS w FROM HOP(t, ts, 4, 10)",
    "series": "SELECT k, n FROM t, generate_series(1, t.v) AS g(n)",
    "sort": "SELECT * FROM t ORDER BY ts",
    "top_n": "SELECT k, v FROM t ORDER BY v DESC, ts, k LIMIT 3 OFFSET 1",
    "over": "SELECT k, ts, v, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS s,"
    " lag(v) OVER (PARTITION BY k ORDER BY ts) AS p FROM t",
    "distinct": "SELECT DISTINCT k, v FROM t",
    "union_all": "SELECT k, v FROM t UNION ALL SELECT k, v FROM d",
    "process": "SELECT * FROM counted(TABLE t PARTITION BY k)",
    "gate": "SELECT k, sum(v) AS s FROM d GROUP BY k EMIT EVERY INTERVAL '1' SECOND",
    "collect": "SELECT k, v FROM d",
    "result": "SELECT k, count(*) AS n FROM t GROUP BY k",
}
OPTIONS = {"result": "WITH (state_ttl = '9 ms')"}


def counted(key: str, rows: list[dict[str, Any]], state: int | None, timers: Any) -> tuple[list[Row], int]:
    """Each row's number, and 5 ms behind it how many there are."""
    n = state or 0
    out: list[Row] = [(key, None, n)] if timers.fired else []
    for row in rows:
        n += 1
        out.append((key, n, None))
        timers.set(row["ts"] + 5)
    return out, n


def register(db: laminardb.Connection) -> None:
    """The functions that OPERATORS call."""
    db.register_processor("counted", counted, return_type={"k": str, "n": int, "total": int}, state_type=int)


def test_61_every_operator_has_a_case() -> None:
    text = (ROOT / "src/op/ops.def").read_text(encoding="utf-8")
    names = set(re.findall(r"^OPERATOR\(op_(\w+)_class\)", text, re.MULTILINE))
    assert names == {name for name in OPERATORS if " " not in name}


def play(case: str, restores: bool) -> list[Any]:
    """What a subscriber is told, batch by batch, and what the stream is in the end."""
    told: list[Any] = []
    config = laminardb.LaminarConfig(deterministic=True)
    with laminardb.open(config=config) as db:
        for name in "tu":
            db.execute(f"CREATE SOURCE {name} (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - 6)")
        db.execute("CREATE TABLE d (k VARCHAR PRIMARY KEY, v BIGINT)")
        if case == "process":
            register(db)
        db.execute(f"CREATE STREAM s {OPTIONS.get(case, '')} AS {OPERATORS[case]}")
        db.start()
        sub = db.subscribe_stream("s")
        for i in range(24):
            db.tick(500 * i)
            late = 40 if i % 9 == 8 else 0
            db.insert(
                "tu"[i % 5 == 2], [(4 * i - late + j, "abc"[(i + j) % 3], (i * 7 + j) % 5) for j in range(2)]
            )
            if i % 3 == 0:
                db.insert("d", ("abc"[i // 3 % 3], i))
            if i % 7 == 6:
                db.execute("DELETE FROM d WHERE k = 'b'")
            if restores:
                reload(db)
            while (batch := sub.try_next()) is not None:
                deleted = batch.deleted
                told.append((sorted(batch, key=repr), sorted(deleted or (), key=repr)))
        told.append(sorted(db.query("SELECT * FROM s").fetchall(), key=repr))
        metrics = db.stream_metrics("s")
        assert metrics is not None and metrics.error is None
        told.append((metrics.late_rows, (metrics.state_rows + metrics.shared_state_rows)))
    return told


@pytest.mark.parametrize("name", OPERATORS)
def test_61_every_operator_is_restored(name: str) -> None:
    """Its stream tells the same, whether or not its state is put back after every insert."""
    once = play(name, False)
    assert len(once) > 2 and play(name, True) == once


def formats(directory: Path) -> str:
    """Of the log, the manifests and the states in it."""
    log, manifest, state = (sorted(directory.glob(kind))[-1] for kind in ("wal-*", "checkpoint-*", "state-*"))
    return f"{log.read_bytes()[:12].hex()} {manifest.read_bytes()[:8].hex()} {state.read_bytes()[:4].hex()}"


def test_63_every_format_opens_or_says_why(tmp_path: Path) -> None:
    """Directories of every version of the format: what this one writes is among them."""
    import golden

    golden.make(tmp_path / "now")
    now, known = formats(tmp_path / "now/golden.ldb"), set()
    held = set()  # no state of before takes more than one of now
    for kept in sorted((ROOT / "tests/golden").iterdir()):
        copy = tmp_path / kept.name
        shutil.copytree(kept, copy)
        known.add(formats(copy / "golden.ldb"))
        try:
            with laminardb.open(copy / "golden.ldb", config=golden.CONFIG) as db:
                db.verify()
                held.add(some(db.stream_metrics("s_aggregate")).state_bytes)
                assert golden.shown(db) == json.loads((kept / "expected.json").read_text(encoding="utf-8"))
                for i in range(12, 15):
                    golden.insert(db, i)
        except laminardb.LaminarError as e:
            assert formats(copy / "golden.ldb") != now and "format" in str(e), e
    assert len(held) == 1, held
    assert now in known, "python tests/model/golden.py tests/golden/NAME"


@pytest.mark.parametrize("window", ("TUMBLE(ts, 10)", "HOP(ts, 5, 10)", "SESSION(ts, 5)"))
def test_64_rows_within_the_lateness_after_a_restore(db: laminardb.Connection, window: str) -> None:
    """Open windows and their late rows are there after it, and so is the watermark that judges them."""
    db.execute(
        "CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts AS ts); CREATE SOURCE late (ts BIGINT);"
        f"CREATE STREAM s AS SELECT window_start AS w, count(*) AS n FROM t GROUP BY {window}"
        " EMIT ON WINDOW CLOSE ALLOW LATENESS 20 LATE DATA TO late"
    )
    sub = db.subscribe_stream("s")
    db.insert("t", [(1,), (2,)])
    db.insert("t", [(18,)])  # the first window is over, and not final
    reload(db)
    assert sub.try_next() is None
    db.insert("t", [(3,), (-40,)])  # allowed; too late
    reload(db)
    db.insert("t", [(100,)])
    told: dict[Any, Any] = dict(changes(sub))
    assert told[{"HOP(ts, 5, 10)": 0, "SESSION(ts, 5)": 1}.get(window, 0)] == 3
    assert db.query("SELECT * FROM late").fetchall() == [(-40,)]
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.late_rows == 1


def test_68_all_streams_are_at_one_moment(db: laminardb.Connection) -> None:
    """Whoever reads two streams while rows come never sees one further than the other."""
    db.execute(
        "CREATE SOURCE t (k BIGINT, v BIGINT);"
        "CREATE STREAM a AS SELECT count(*) AS n, sum(v) AS s FROM t;"
        "CREATE STREAM b AS SELECT k, count(*) AS n, sum(v) AS s FROM t GROUP BY k;"
        "CREATE STREAM c AS SELECT sum(n) AS n, sum(s) AS s FROM b;"
        "CREATE STREAM same AS SELECT a.n - c.n AS n, a.s - c.s AS s FROM a, c EMIT CHANGES"
    )
    faults: list[Any] = []
    answers = Counter[str]()
    done = threading.Event()
    sub = db.subscribe_stream("same", snapshot=True)

    def read() -> None:
        while not done.is_set() or answers["read"] < 20:
            row = db.query("SELECT a.n = c.n AND a.s IS NOT DISTINCT FROM c.s, a.n FROM a, c").fetchone()
            answers["read"] += 1
            if row is not None and row[1] and not row[0]:
                faults.append(row)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for i in range(400):
        db.insert("t", [(i % 7, i), (i % 3, 1)])
    done.set()
    for thread in readers:
        thread.join()
    assert faults == [] and answers["read"] >= 20
    for n, s, _ in changes(sub):
        assert (n, s) in ((0, 0), (None, None), (0, None)), (n, s)
    assert db.query("SELECT * FROM same").fetchall() == [(0, 0)]


def test_59_what_a_checkpoint_says_it_holds(tmp_path: Path) -> None:
    """After each, a copy of the directory, whose log has nothing, has every operator's stream as it was."""
    import golden

    path = tmp_path / "db"
    config = laminardb.LaminarConfig(deterministic=True, durability="off", checkpoint_interval_ms=3_600_000)
    with laminardb.open(path, config=config) as db:
        golden.declare(db)
        for i in range(12):
            golden.insert(db, i)
            made = db.checkpoint()
            copy = tmp_path / f"copy{i}"
            shutil.copytree(path, copy)
            with laminardb.open(copy, config=config) as twin:
                assert twin.checkpoint_status().checkpoint_id == made
                assert golden.shown(twin) == golden.shown(db), i
        assert sum(map(len, golden.shown(db).values())) > 100


def test_62_definitions_come_back(tmp_path: Path) -> None:
    """Random definitions, renamed, replaced, altered and dropped: opened again, every text is the same."""
    r = random.Random(62)
    config = laminardb.LaminarConfig(durability="async")
    for case in range(20):
        path = tmp_path / str(case)
        with laminardb.open(path, config=config) as db:
            for step in range(25):
                run_definition(db, r, step)
            before = definitions(db)
        for _ in range(2):
            with laminardb.open(path, config=config) as db:
                assert definitions(db) == before, case


def run_definition(db: laminardb.Connection, r: random.Random, step: int) -> None:
    names = sorted(definitions(db)) or ["x"]
    some, new = r.choice(names), f"o{step}"
    statements = (
        f'CREATE SOURCE "{new} Q" (ts TIMESTAMP, k BIGINT, "Two Words" VARCHAR, WATERMARK FOR ts)',
        f"CREATE SOURCE {new} (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts - 5) WITH (retain = '100 rows')",
        f"CREATE TABLE {new} (k BIGINT PRIMARY KEY, v VARCHAR DEFAULT 'it''s', CHECK (k > 0))",
        f'CREATE STREAM {new} AS SELECT k, count(*) AS n FROM "{some}" GROUP BY k',
        f'CREATE OR REPLACE VIEW {new} AS SELECT * FROM "{some}" WHERE k > {step}',
        f'CREATE OR REPLACE STREAM {some if some[0] != "x" else new} AS SELECT {step} AS k FROM "{names[0]}"',
        f"CREATE FUNCTION {new}(a) AS a + {step}",
        f'ALTER SOURCE "{some}" ADD COLUMN c{step} DOUBLE',
        f'ALTER TABLE "{some}" RENAME COLUMN v TO w{step}',
        f'DROP STREAM IF EXISTS "{some}"',
        f'DROP VIEW "{some}" CASCADE',
        f'DROP SOURCE "{some}" CASCADE',
    )
    try:
        db.execute(r.choice(statements))
    except laminardb.LaminarError as e:
        assert e.code < 900, e  # refused, and not for a fault of the engine


def definitions(db: laminardb.Connection) -> dict[str, str]:
    return {
        row[0]: str(db.query(f'SHOW CREATE {kind} "{row[0]}"').fetchall())
        for kind in ("SOURCE", "TABLE", "STREAM", "VIEW")
        for row in db.query(f"SHOW {kind}S").fetchall()
    }


def test_65_a_stream_that_fails_on_every_row(tmp_path: Path) -> None:
    """It has failed after each opening, says so, and the others and the database go on."""
    with laminardb.open(tmp_path / "db") as db:
        db.execute(
            "CREATE SOURCE t (k BIGINT, v BIGINT);"
            "CREATE STREAM bad AS SELECT CAST(CAST(v AS VARCHAR) || 'x' AS BIGINT) AS b FROM t;"
            "CREATE STREAM above AS SELECT count(*) AS n FROM bad;"
            "CREATE STREAM good AS SELECT sum(v) AS s FROM t"
        )
        db.start()
        db.insert("t", [(1, 2)])
    for life in range(2, 5):
        with laminardb.open(tmp_path / "db") as db:
            states = {row[0]: row[1] for row in db.query("SHOW STREAMS").fetchall()}
            assert states == {"bad": "failed", "above": "failed", "good": "running"}
            db.insert("t", [(1, 2)])
            assert db.query("SELECT s FROM good").fetchall() == [(2 * life,)]
            with pytest.raises(laminardb.StreamError):
                db.query("SELECT * FROM bad")
    with laminardb.open(tmp_path / "db") as db:
        db.execute("DROP STREAM above; CREATE OR REPLACE STREAM bad AS SELECT v AS b FROM t")
        assert db.query("SELECT count(*) AS n FROM bad").fetchall() == [(4,)]
