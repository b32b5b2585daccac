# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C in every call that can block: KeyboardInterrupt comes promptly and the database lives on.

Each script runs blocking calls in an interpreter of its own; a timer's signal strikes while a call blocks.
How late KeyboardInterrupt comes is measured, beside the same for time.sleep, which tells how busy the
machine is.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROMPT_S = 1.0
ATTEMPTS = 3  # a busy machine may hold up a whole process

START = """
import os, signal, sys, threading, time
import laminardb
from laminardb import LaminarError

# The timer's signal stands for SIGINT: it comes from outside, whoever holds the interpreter's lock.
signal.signal(signal.SIGALRM, signal.default_int_handler)
DELAY = 0.03

def interrupted(name, call):
    # Runs the call, which must block until the signal comes; prints how late KeyboardInterrupt came.
    began = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, DELAY)
        call()
        print(name, "did-not-block", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print(name, time.perf_counter() - began - DELAY, flush=True)

def alive(db):
    before = db.query("SELECT count(*) FROM t").fetchone()[0]
    db.insert("t", {"k": 1, "v": 0.5})
    assert db.query("SELECT count(*) FROM t").fetchone() == (before + 1,)
    db.flush()

db = laminardb.open()
db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE); CREATE STREAM s AS SELECT k, v FROM t")
interrupted("control", lambda: time.sleep(60))
"""

# A query over a stream holds the engine: everything that needs it has to wait.
HELD = """
db.execute("CREATE STREAM plus AS SELECT k, v + 1 AS v FROM t")
db.start()
db.insert("t", {"k": [1] * 100_000, "v": [float(i) for i in range(100_000)]})
def hold():
    try:
        db.query("SELECT count(*) FROM s AS a JOIN s AS b ON a.k = b.k AND a.v * b.v <> 0.5")
    except LaminarError as e:
        assert e.code == 402, e
writer = db.writer("t")
calls = {
    "query": lambda: db.query("SELECT count(*) FROM t"),
    "sql": lambda: db.sql("SELECT 1 AS one FROM t"),
    "execute": lambda: db.execute("CREATE SOURCE never (k BIGINT)"),
    "explain": lambda: db.explain("SELECT * FROM s"),
    "query_stream": lambda: db.query_stream("s"),
    "stream": lambda: next(db.stream("SELECT * FROM s")),
    "insert": lambda: db.insert("t", {"k": 7, "v": 0.5}),
    "insert columns": lambda: db.insert("t", {"k": [7], "v": [0.5]}),
    "insert_csv": lambda: db.insert_csv("t", "k,v\\n7,1"),
    "insert_json": lambda: db.insert_json("t", '{"k": 7}'),
    "flush": db.flush,
    "writer": lambda: db.writer("t"),
    "writer.insert": lambda: writer.insert({"k": 7}),
    "writer.watermark": lambda: writer.watermark(1),
    "writer.flush": writer.flush,
    "writer.current_watermark": lambda: writer.current_watermark,
    "create_table": lambda: db.create_table("never", {"k": "i64"}),
    "schema": lambda: db.schema("t"),
    "list_tables": db.list_tables,
    "list_streams": db.list_streams,
    "stats": lambda: db.stats("t"),
    "metrics": db.metrics,
    "source_metrics": lambda: db.source_metrics("t"),
    "stream_metrics": lambda: db.stream_metrics("s"),
    "topology": db.topology,
    "why": lambda: db.why("s"),
    "subscribe": lambda: db.subscribe("SELECT * FROM t"),
    "subscribe_stream": lambda: db.subscribe_stream("s"),
    "subscribe_callback": lambda: db.subscribe_callback("SELECT * FROM t", print),
    "config_list": db.config_list,
    "start": db.start,
    "pause": db.pause,
    "resume": db.resume,
    "shutdown": db.shutdown,
}
holder = threading.Thread(target=hold)
holder.start()
while not any(q.active for q in db.queries()):
    time.sleep(0.001)
time.sleep(0.1)
for name, call in calls.items():
    interrupted(name, call)
for q in db.queries():
    db.cancel_query(q.id)
holder.join()
alive(db)
assert db.query("SELECT count(*) FROM t WHERE k = 7").fetchone() == (0,)
assert "never" not in db.list_tables() and db.pipeline_state == "Running"

# close() cancels queries and waits for an insert, whose tick here lasts.
db.execute("CREATE SOURCE x (k BIGINT)")
db.execute("CREATE STREAM p AS SELECT count(*) AS n FROM x JOIN x AS y ON x.k = y.k")
inserting = threading.Thread(target=lambda: db.insert("x", {"k": [1] * 16000}))
inserting.start()
time.sleep(0.05)
interrupted("close", db.close)
assert not db.is_closed
inserting.join()
alive(db)
"""

READS = """
db.start()
of_text, of_stream = db.subscribe("SELECT * FROM t"), db.subscribe_stream("s")
for sub in (of_text, of_stream):
    while sub.try_next() is not None:
        pass
    name = type(sub).__name__
    interrupted(name + ".next", sub.next)
    interrupted(name + ".next_timeout", lambda: sub.next_timeout(60_000))
    interrupted(name + ".iterate", lambda: list(sub))
    alive(db)
    assert sub.next_timeout(5000).fetchall() == [(1, 0.5)]
def other_reader():
    try:
        of_stream.next()
    except LaminarError:
        pass
threading.Thread(target=other_reader, daemon=True).start()
time.sleep(0.05)
interrupted("next beside another reader", of_stream.next)
callback = db.subscribe_callback("SELECT * FROM t EMIT CHANGES", lambda rows: None)
interrupted("CallbackSubscription.wait", callback.wait)
handler = laminardb.mv(db, "s").subscribe(lambda event: None)
interrupted("handler.join", handler.join)
import asyncio
async def read():
    async for rows in await db.subscribe_stream_async("s"):
        pass
interrupted("async for", lambda: asyncio.run(read()))
async def read_blocking():
    (await db.subscribe_stream_async("s")).next()
interrupted("next of an async subscription", lambda: asyncio.run(read_blocking()))
alive(db)
callback.cancel()
assert callback.wait(5)
"""

PRESSURE = """
db.start()
slow = db.subscribe("SELECT * FROM t", max_lag_bytes=1, on_lag="block")
db.insert("t", {"k": 0, "v": 0.5})
interrupted("insert for a slow reader", lambda: db.insert("t", {"k": 7, "v": 0.5}))
interrupted("insert columns for a slow reader", lambda: db.insert("t", {"k": [7], "v": [0.5]}))
slow.cancel()
alive(db)
assert db.query("SELECT count(*) FROM t WHERE k = 7").fetchone() == (0,)

db.execute("SET buffer_size = 1")
db.insert("t", {"k": [1] * 60000, "v": [float(i) for i in range(60000)]})
def hold():
    try:
        db.query("SELECT count(*) FROM s AS a JOIN s AS b ON a.k = b.k AND a.v * b.v <> 0.5")
    except LaminarError as e:
        assert e.code == 402, e
holder = threading.Thread(target=hold)
holder.start()
time.sleep(0.1)
db.insert("t", {"k": 8, "v": 0.5}, wait=False)
interrupted("insert into a full queue", lambda: db.insert("t", {"k": 7, "v": 0.5}, wait=False))
interrupted("insert into a full queue, waiting", lambda: db.insert("t", {"k": 7, "v": 0.5}))
for q in db.queries():
    db.cancel_query(q.id)
holder.join()
alive(db)
assert db.query("SELECT k FROM t WHERE k BETWEEN 7 AND 8").fetchall() == [(8,)]
"""

WORK = """
db.start()
db.insert("t", {"k": [1] * 60000, "v": [float(i) for i in range(60000)]})
join = "SELECT count(*) AS n FROM t AS a JOIN t AS b ON a.k = b.k AND a.v * b.v <> 0.5"
interrupted("long query", lambda: db.query(join))
interrupted("long query over a stream", lambda: db.query(join.replace(" t AS", " s AS")))
interrupted("CREATE TABLE AS", lambda: db.execute("CREATE TABLE never AS " + join))
interrupted("INSERT SELECT", lambda: db.execute("INSERT INTO t " + join.replace("AS n", "AS k, 1.0 AS v")))
times = ", ".join(f"({i})" for i in range(20))
many = db.query(f"SELECT a.k, a.v FROM t AS a CROSS JOIN (VALUES {times}) AS x(i)")
interrupted("fetchall", lambda: [many.fetchall() for _ in range(100)])
interrupted("to_dicts", lambda: [many.to_dicts() for _ in range(100)])
rows = [{"k": 7, "v": 0.5}] * 10_000_000
interrupted("list of dicts", lambda: db.insert("t", rows))
rows = {"k": [7] * 20_000_000}
interrupted("columns", lambda: db.insert("t", rows))
del rows
import itertools
interrupted("generator", lambda: db.insert("t", ({"k": 7} for _ in itertools.count())))
interrupted("C iterator", lambda: db.insert("t", itertools.repeat({"k": 7})))
alive(db)
assert "never" not in db.list_tables()
assert db.query("SELECT count(*) FROM t WHERE k = 7").fetchone() == (0,)
"""

LARGE = """
import itertools
import pyarrow as pa
db.start()
interrupted("large CSV", lambda: db.insert_csv("t", "k,v\\n" + "7,0.5\\n" * 5_000_000))
interrupted("large JSON", lambda: db.insert_json("t", '{"k": 7, "v": 0.5}\\n' * 4_000_000))
texts = pa.table({"k": ["7"] * 3_000_000})
interrupted("Arrow texts for numbers", lambda: db.insert("t", texts))
batch = pa.record_batch({"k": pa.array([7] * 10, pa.int64())})
endless = pa.RecordBatchReader.from_batches(batch.schema, itertools.repeat(batch))
interrupted("endless Arrow stream", lambda: db.insert("t", endless))
alive(db)
assert db.query("SELECT count(*) FROM t WHERE k = 7").fetchone() == (0,)
"""

SCRIPTS = {"large": LARGE, "held": HELD, "reads": READS, "pressure": PRESSURE, "work": WORK}


def outcome(script: str) -> dict[str, float]:
    if "import pyarrow" in script:
        pytest.importorskip("pyarrow")
    text = START + textwrap.dedent(script) + "db.close()\nprint('end 0', flush=True)\n"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    lines = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    assert lines[-1][0] == "end", done.stdout
    assert not [name for name, late in lines if late == "did-not-block"], done.stdout
    return {name: float(late) for name, late in lines}


@pytest.mark.parametrize("name", SCRIPTS)
def test_keyboard_interrupt(name: str) -> None:
    slow: dict[str, float] = {}
    for _ in range(ATTEMPTS):
        late = outcome(SCRIPTS[name])
        limit = PROMPT_S + 2 * late["control"]
        slow = {call: seconds for call, seconds in late.items() if seconds > limit}
        if not slow:
            return
    raise AssertionError(f"KeyboardInterrupt came late: {slow}")
