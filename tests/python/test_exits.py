# SPDX-License-Identifier: Apache-2.0
"""An interpreter may end whenever it likes: with open handles, waiting threads, in an error, half closed.
Each exit must be code 0 within 5 seconds and say nothing. LAMINAR_EXITS=200 plays more (make full)."""

import os
import random
import subprocess
import sys
import time

import pytest

EXITS = int(os.environ.get("LAMINAR_EXITS", "40"))
PER_TEST = 10

START = """
import asyncio, atexit, gc, os, signal, sys, threading, time  # asyncio: logging must not come while we fork
import laminardb
Refused = laminardb.LaminarError
db = laminardb.open(config=laminardb.LaminarConfig(insert_timeout_ms=100))
db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR);"
           "CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k;"
           "CREATE TABLE c (k BIGINT PRIMARY KEY) ON CONFLICT FAIL")
db.start()
subs = []
readers = []
def spawn(run):
    def quiet():
        try:
            run()
        except (Refused, StopIteration, NameError, KeyError):  # KeyError: the package left sys.modules
            pass
    threading.Thread(target=quiet, daemon=True).start()
def insert_once():
    try:
        db.insert('t', [{'k': i % 3, 's': 'x' * i} for i in range(100)])
    except Refused:
        pass
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
def slow_reader():
    subs.append(db.subscribe("SELECT * FROM t", max_lag_bytes=1, on_lag="block"))
def no_wait_for_ever():
    while True:
        db.insert("t", {"k": 2}, wait=False)
async def read_async(how_long):
    import asyncio
    readers = [await db.subscribe_stream_async("n"), await db.subscribe_async("SELECT k FROM t")]
    subs.extend(readers)
    async def read(sub):
        async for rows in sub:
            pass
    tasks = [asyncio.create_task(read(sub)) for sub in readers]
    await asyncio.sleep(how_long)
def loop_aside():
    import asyncio
    asyncio.run(read_async(1000))
def loop_left_open():
    import asyncio
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *what: None)  # it would tell of the tasks that it leaves
    subs.append(loop)
    subs.append(loop.create_task(read_async(0.01)))
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    subs.clear()
def call_back(rows):
    rows.fetchall()
    query_once()
def fork_child(end):
    import warnings
    warnings.simplefilter("ignore")  # 3.12 warns of threads
    pid = os.fork()
    if pid == 0:
        end()
    else:
        assert os.waitpid(pid, 0)[1] == 0
def arrow_of(n):
    import pyarrow
    bytes_of_python = pyarrow.py_buffer(bytearray(8 * n))  # to let go of them takes the GIL
    return pyarrow.table({"k": pyarrow.Array.from_buffers(pyarrow.int64(), n, [None, bytes_of_python])})
def arrow_for_ever():
    while True:
        db.insert("t", arrow_of(2000), wait=False)
def refuse_arrow_for_ever():  # whoever applies them lets go of them: mostly the worker
    while True:
        db.insert("c", arrow_of(2000), wait=False)
def endless_stream():
    import pyarrow
    rows = arrow_of(2000).to_batches()[0]
    def batches():
        while True:
            time.sleep(0.0001)
            yield rows
    # pyarrow frees a reader without the GIL and wants it back: Python < 3.14 ends a daemon thread in
    # there, through C++ frames, and the process with it. So the last reference is the module's.
    readers.append(pyarrow.RecordBatchReader.from_batches(rows.schema, batches()))
    db.insert("t", readers[-1])
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
    "insert_once()",
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
    "slow_reader()",
    "spawn(no_wait_for_ever)",
    "spawn(loop_aside)",
    "loop_left_open()",
    "import asyncio; asyncio.run(read_async(0.01))",
    "kept_callback = db.subscribe_callback('SELECT k FROM t EMIT CHANGES', call_back)",
    "db.subscribe_stream_callback('n', call_back, lambda message: None)",
    "db.on_change('n')(lambda event: event.to_dicts())",
    "fork_child(sys.exit)",
    "fork_child(lambda: os._exit(0))",
    "fork_child(lambda: (db.close(), sys.exit()))",
    "db.pause()",
    "[spawn(refuse_arrow_for_ever) for _ in range(3)]",
    "spawn(arrow_for_ever)",
    "spawn(endless_stream)",
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


@pytest.fixture(scope="module")
def patience() -> float:
    """5 seconds, and more on a machine that is busy with something else."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", START + "db.close()"], check=True)
    return 5 + 20 * (time.monotonic() - began)


@pytest.mark.parametrize("block", range(EXITS // PER_TEST))
def test_exit_in_any_state(block: int, patience: float) -> None:
    pytest.importorskip("pyarrow")
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        text = script(seed)
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=patience)
        assert (done.returncode, done.stderr) == (0, ""), f"seed {seed}\n{text}\n{done.stderr}"
