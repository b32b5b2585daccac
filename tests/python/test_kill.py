# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random times: what was acknowledged is there once, what was not is there whole or not at all,
and streams say what their queries say. The same directory goes through all lives of a run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import laminardb
import pytest

RUNS = int(os.environ.get("LAMINAR_KILLS", "180")) // 10
LIVES = 10

# Inserts batches of rows (n, k) with growing n and says after each how far it is; every tenth batch stands in
# a transaction beside two changes of a table.
CHILD = """
import sys, laminardb
path, first, seed, durability = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
import random
r = random.Random(seed)
db = laminardb.open(path)
db.execute(f"SET durability = '{durability}'")
db.execute("CREATE SOURCE t (n BIGINT, k VARCHAR)")
db.execute("CREATE TABLE account (id BIGINT PRIMARY KEY, balance BIGINT)")
db.execute("CREATE STREAM sums AS SELECT k, count(*) AS rows, sum(n) AS total FROM t GROUP BY k")
db.execute("CREATE STREAM total AS SELECT sum(balance) AS all_of_it FROM account")
if db.sql("SELECT count(*) FROM account").fetchone()[0] == 0:
    db.insert("account", [{"id": i, "balance": 100} for i in range(10)])
db.start()
n = first
print("ready", flush=True)
while True:
    size = r.choice((1, 1, 1, 3, 50))
    rows = [{"n": n + i, "k": f"key {(n + i) % 7}"} for i in range(size)]
    if r.random() < 0.1:
        a, b = r.sample(range(10), 2)
        db.execute("BEGIN")
        db.execute(f"UPDATE account SET balance = balance - 5 WHERE id = {a}")
        db.insert("t", rows)
        db.execute(f"UPDATE account SET balance = balance + 5 WHERE id = {b}")
        db.execute("COMMIT")
    else:
        db.insert("t", rows)
    n += size
    print(n, flush=True)
"""


def live(path: Path, first: int, seed: int, durability: str, seconds: float) -> int:
    """One life, ended by SIGKILL. The first row number that was not acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(first), str(seed), durability],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stderr is not None
    if child.stdout.readline() != "ready\n":
        raise AssertionError(child.stderr.read())
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    said, wrong = child.communicate()
    assert child.returncode == -signal.SIGKILL, wrong
    lines = said[: said.rfind("\n") + 1].split()
    return int(lines[-1]) if lines else first


def check(path: Path, acknowledged: int, begun: bool = True) -> int:
    """What a database that opens after a kill must show. The first row number that is not there.
    begun: the start was acknowledged, behind the accounts."""
    with laminardb.open(path) as db:
        rows = [n for (n,) in db.sql("SELECT n FROM t ORDER BY n").fetchall()]
        assert rows == list(range(len(rows))), "rows are missing or doubled"
        assert len(rows) >= acknowledged, "an acknowledged row is gone"
        once = db.sql("SELECT k, count(*) AS rows, sum(n) AS total FROM t GROUP BY k ORDER BY k").fetchall()
        assert db.sql("SELECT * FROM sums ORDER BY k").fetchall() == once
        balance = db.sql("SELECT sum(balance) FROM account").fetchone()
        total = db.sql("SELECT * FROM total").fetchall()
        if begun:
            assert balance == (1000,) and total == [balance]
        else:  # the accounts, all or none, and streams that were not started yet
            assert balance in ((1000,), (None,)) and total in ([balance], [])
        return len(rows)


@pytest.mark.parametrize("run", range(RUNS))
def test_kill_9(run: int, tmp_path: Path) -> None:
    r = random.Random(run)
    path, known, unseen = tmp_path / "kept.ldb", 0, 0
    for life in range(LIVES):
        durability = ("group", "full", "async")[(run + life) % 3]
        acknowledged = live(path, known, r.randrange(2**31), durability, r.random() * 0.15)
        assert acknowledged >= known
        known = check(path, acknowledged)
        unseen += known - acknowledged
    assert known > 100, f"{LIVES} lives have inserted {known} rows"
