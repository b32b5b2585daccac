# SPDX-License-Identifier: Apache-2.0
"""A database that has nothing to do does nothing: no thread of its process wakes, whoever waits for what."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

START = """
import asyncio, threading, time
import laminardb
db = laminardb.open()
db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
db.start()
async def read():
    async for rows in await db.subscribe_stream_async("s"):
        pass
def insert_300():
    for i in range(300):
        db.insert("t", {"k": i}, wait=False)
"""
EVERY = "CREATE STREAM e AS SELECT k, count(*) AS n FROM t GROUP BY k EMIT EVERY INTERVAL '1' SECOND"
IDLE = "CREATE SOURCE i (ts BIGINT, WATERMARK FOR ts AS ts) WITH (idle_timeout = '1 s')"
WAITS = {
    "next": "db.subscribe_stream('s').next()",
    "next_timeout": "db.subscribe_stream('s').next_timeout(10**9)",
    "iteration": "list(db.subscribe('SELECT * FROM t'))",
    "asyncio": "asyncio.run(read())",
    "callback": "db.subscribe_callback('SELECT * FROM t', print).wait()",
    "sleeping worker": "[threading.Thread(target=insert_300).start() for _ in range(4)]; time.sleep(9999)",
    "EMIT EVERY": f'db.execute("{EVERY}"); db.insert("t", {{"k": 1}}); time.sleep(9999)',
    "idle source": f'db.execute("{IDLE}"); db.insert("i", {{"ts": 1}}); time.sleep(9999)',
}
WINDOW_S, WINDOWS = 4, 10


def wakes(pid: int) -> int:
    """How often threads of the process have gone to sleep."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return total


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts the wake-ups that Linux counts")
def test_nothing_wakes() -> None:
    """Some window without any, for each way to wait: on a busy machine the first may still see it begin."""
    running = {
        name: subprocess.Popen([sys.executable, "-c", START + text], stdout=subprocess.DEVNULL)
        for name, text in WAITS.items()
    }
    try:
        time.sleep(1)
        restless = dict.fromkeys(running, 0)
        for _ in range(WINDOWS):
            before = {name: wakes(running[name].pid) for name in restless}
            time.sleep(WINDOW_S)
            assert all(p.poll() is None for p in running.values()), "a process ended"
            restless = {name: n for name in restless if (n := wakes(running[name].pid) - before[name]) > 0}
            if not restless:
                return
        raise AssertionError(f"wake-ups in {WINDOW_S} s: {restless}")
    finally:
        for p in running.values():
            p.kill()
            p.wait()
