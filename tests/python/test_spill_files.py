# SPDX-License-Identifier: Apache-2.0
"""Queries larger than memory_limit go to disk, and leave nothing there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig

LIMIT = 16 << 20
ROWS = 2_000_000

GROUPS = f"SELECT count(*), sum(c), sum(x) FROM (SELECT x, count(*) AS c FROM range({ROWS}) r(x) GROUP BY x)"
DISTINCT = (
    f"SELECT count(*), sum(x) FROM (SELECT DISTINCT x, 'a text of some bytes ' || x FROM range({ROWS}) r(x))"
)
JOIN = f"SELECT count(*), sum(a.x) FROM range({ROWS}) a(x) JOIN range({ROWS}) b(x) ON a.x = b.x"
ORDER = (
    f"SELECT x FROM (SELECT ({ROWS} - 1 - x) AS x, 'text of some bytes ' || x AS t FROM range({ROWS}) r(x)) "
    f"ORDER BY x, t LIMIT 3 OFFSET {ROWS - 4}"
)
OVER = (
    "SELECT count(*), sum(x), sum(r) FROM (SELECT x, row_number() OVER (PARTITION BY k ORDER BY x) AS r "
    f"FROM (SELECT x, x % 20000 AS k FROM range({ROWS}) r(x)))"
)
ASOF = (
    f"SELECT count(*), sum(a.x), sum(b.x) FROM range({ROWS}) a(x) "
    f"ASOF JOIN (SELECT 2 * x AS x FROM range({ROWS}) r(x)) b ON a.x >= b.x"
)
SUM = ROWS * (ROWS - 1) // 2
CASES = [
    (GROUPS, [(ROWS, ROWS, SUM)]),
    (DISTINCT, [(ROWS, SUM)]),
    (JOIN, [(ROWS, SUM)]),
    (ORDER, [(ROWS - 4,), (ROWS - 3,), (ROWS - 2,)]),
    (OVER, [(ROWS, SUM, ROWS * (ROWS // 20000 + 1) // 2)]),
    (ASOF, [(ROWS, SUM, SUM - ROWS // 2)]),
]


def limited(tmp_path: Path, **more: Any) -> laminardb.Connection:
    return laminardb.open(config=LaminarConfig(memory_limit=LIMIT, temp_directory=str(tmp_path), **more))


@pytest.mark.parametrize("sql, rows", CASES, ids=["groups", "distinct", "join", "order", "over", "asof"])
def test_state_of_many_times_the_limit(tmp_path: Path, sql: str, rows: list[tuple[Any, ...]]) -> None:
    with limited(tmp_path) as db:
        assert db.query(sql).fetchall() == rows
        assert db._memory() < 1 << 20, "the query left memory behind"
    assert os.listdir(tmp_path) == []


def test_explain_says_what_was_spilled(tmp_path: Path) -> None:
    with limited(tmp_path) as db:
        plan = "\n".join(row[0] for row in db.query(f"EXPLAIN ANALYZE {GROUPS}").fetchall())
        assert "spilled: " in plan
        assert "spilled" not in str(db.query("EXPLAIN ANALYZE SELECT count(*) FROM range(10)").fetchall())


def test_limits_of_spilling(tmp_path: Path) -> None:
    with limited(tmp_path) as db:
        db.config_set("temp_directory", str(tmp_path / "missing"))
        with pytest.raises(laminardb.QueryError, match=r"missing.*No such file") as e:
            db.query(GROUPS)
        assert e.value.code == 400 and "temp_directory" in (e.value.hint or "")
        db.config_set("temp_directory", None)
        with pytest.raises(MemoryError):
            db.query(GROUPS)
        db.execute("RESET temp_directory")
        assert db.config_get("temp_directory") == str(tmp_path)
        db.config_set("max_temp_directory_size", 1 << 20)
        with pytest.raises(laminardb.QueryError, match="temporary files would hold more than 1048576 bytes"):
            db.query(GROUPS)
        db.config_set("max_temp_directory_size", None)
        with pytest.raises(MemoryError):  # one group alone
            db.query(f"SELECT len(array_agg(x)) FROM range({ROWS}) r(x)")
        with pytest.raises(MemoryError, match="no room for one partition, of [0-9]+ rows or more"):
            db.query(f"SELECT max(s) FROM (SELECT sum(x) OVER (ORDER BY x) AS s FROM range({ROWS}) r(x))")
        assert db.query(GROUPS).fetchone() == (ROWS, ROWS, SUM)


def test_settings_take_a_folder() -> None:
    with laminardb.open() as db:
        assert db.config_get("temp_directory") == "/tmp"
        assert db.query("SHOW temp_directory").fetchone() == ("/tmp",)
        for bad in ("", "x" * 4001):
            with pytest.raises(ValueError, match="temp_directory must be a text of 1 to 4000 bytes"):
                db.config_set("temp_directory", bad)
        with pytest.raises(TypeError, match="temp_directory must be a text"):
            db.config_set("temp_directory", 3)
    with pytest.raises(TypeError, match="temp_directory must be a str or None"):
        LaminarConfig(temp_directory=3)
    with pytest.raises(ValueError, match="temp_directory must be a text of"):
        LaminarConfig(temp_directory="")
    with laminardb.open(config=LaminarConfig(temp_directory=None)) as db:
        assert db.config_get("temp_directory") is None


def holds_a_file(pid: int, folder: str) -> bool:
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            if folder in os.readlink(fd):
                return True
    return False


def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    script = (
        "import laminardb, sys\n"
        f"c = laminardb.LaminarConfig(memory_limit={LIMIT}, temp_directory={str(tmp_path)!r})\n"
        "db = laminardb.open(config=c)\n"
        "print('ready', flush=True)\n"
        f"while True: db.query({GROUPS!r})\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen([sys.executable, "-P", "-c", script], stdout=subprocess.PIPE, env=env) as child:
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        while not holds_a_file(child.pid, str(tmp_path)):
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert os.listdir(tmp_path) == []
