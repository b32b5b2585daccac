# SPDX-License-Identifier: Apache-2.0
"""An interpreter may end whenever it likes: with open handles, waiting threads, in an error, half closed.
Each exit must be code 0 within 5 seconds and say nothing. LAMINAR_EXITS=200 plays more (make full)."""

import os
import random
import subprocess
import sys

import pytest

EXITS = int(os.environ.get("LAMINAR_EXITS", "40"))
PER_TEST = 10

START = """
import atexit, gc, os, signal, sys, threading, time
import laminardb
Refused = laminardb.LaminarError
db = laminardb.open()
db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR);"
           "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
db.start()
subs = []
def spawn(run):
    def quiet():
        try:
            run()
        except (Refused, StopIteration, NameError):
            pass
    threading.Thread(target=quiet, daemon=True).start()
def insert_for_ever():
    while True:
        db.insert("t", {"k": 1, "s": "a text that is no short one"})
def wait_for_ever():
    sub = db.subscribe_stream("n")
    subs.append(sub)
    while True:
        sub.next()
def query_once():
    try:
        db.query("SELECT count(*) FROM t").fetchall()
    except (Refused, NameError):
        pass
def close_once():
    try:
        db.close()
    except NameError:
        pass
def query_for_ever():
    while True:
        db.query("SELECT k, count(*) FROM t GROUP BY k").fetchall()
"""

# Each step may be left out; the last one ends the interpreter, or does not.
STEPS = [
    "spawn(insert_for_ever)",
    "spawn(wait_for_ever)",
    "spawn(wait_for_ever)",
    "spawn(query_for_ever)",
    "db.insert('t', [{'k': i % 3, 's': 'x' * i} for i in range(100)])",
    "subs.append(db.subscribe('SELECT * FROM t EMIT CHANGES'))",
    "kept = db.query('SELECT * FROM t')",
    "kept = iter(db.query('SELECT k FROM t'))",
    "ring = [db]; ring.append(ring); del ring; gc.collect()",
    "[s.cancel() for s in list(subs)]",
    "atexit.register(query_once)",
    "atexit.register(close_once)",
    "other = laminardb.open(); other.execute('CREATE SOURCE x (k BIGINT)')",
    "time.sleep(0.02)",
    "gc.disable()",
]
ENDS = [
    "",
    "db.close()",
    "sys.exit(0)",
    "raise SystemExit",
    "spawn(db.close)",
    "del db, subs",
    "sys.modules.pop('laminardb'); del laminardb",
    "os._exit(0)",
]


def script(seed: int) -> str:
    r = random.Random(seed)
    steps = [s for s in STEPS if r.random() < 0.4]
    r.shuffle(steps)
    return START + "\n".join([*steps, r.choice(ENDS)]) + "\n"


@pytest.mark.parametrize("block", range(EXITS // PER_TEST))
def test_exit_in_any_state(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        text = script(seed)
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=5)
        assert (done.returncode, done.stderr) == (0, ""), f"seed {seed}\n{text}\n{done.stderr}"
