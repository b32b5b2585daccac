# SPDX-License-Identifier: Apache-2.0
"""Functions that do what they must not, thousands of times, from eight threads, with checkpoints going on:
each gives the right exception, nothing hangs, and the process ends when it should."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest
from optional import some

RUNS = int(os.environ.get("LAMINAR_UDF_RUNS", "2400"))
THREADS = 8


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    faulthandler.dump_traceback_later(90, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def sleeps(x: float) -> float:
    while True:
        time.sleep(0.001)


def raises(x: float) -> float:
    raise ValueError("hostile")


def wrong_type(x: float) -> Any:
    return "text"


def leaves(x: float) -> float:
    sys.exit(3)


def interrupted(x: float) -> float:
    raise KeyboardInterrupt


def deep(x: float) -> float:
    return deep(x)


def collects(x: float) -> float:
    gc.collect(0)
    return x


def fine(x: float) -> float:
    return x


Expected = dict[str, tuple[Callable[..., Any], type[BaseException] | None, str, float]]
CASES: Expected = {
    "sleeps": (sleeps, laminardb.QueryError, "TimeoutError", 0.02),
    "raises": (raises, laminardb.QueryError, "hostile", 30),
    "wrong_type": (wrong_type, laminardb.QueryError, "TypeError", 30),
    "leaves": (leaves, SystemExit, "3", 30),
    "interrupted": (interrupted, KeyboardInterrupt, "", 30),
    "deep": (deep, laminardb.QueryError, "RecursionError", 30),
    "collects": (collects, None, "", 30),
    "fine": (fine, None, "", 30),
}


def run_one(db: laminardb.Connection, name: str) -> None:
    _, error, text, _ = CASES[name]
    rows: Any = None
    caught: BaseException | None = None
    try:
        rows = db.query(f"SELECT {name}(v) FROM t LIMIT 20").fetchall()
    except (Exception, SystemExit, KeyboardInterrupt) as e:
        caught = e
    if error is None:
        assert caught is None and len(rows) == 20, (name, caught)
    else:
        assert type(caught) is error and text in str(caught), (name, caught)


def test_thousands_of_runs_with_checkpoints(tmp_path: Path) -> None:
    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000, durability="off")
    with laminardb.open(tmp_path / "d.ldb", config=config) as db:
        for name, (f, _, _, timeout) in CASES.items():
            db.register_udf(name, f, return_type=float, arg_types=["DOUBLE"], mode="row", timeout=timeout)
        db.execute("CREATE SOURCE t (v DOUBLE) WITH (retain = '1000 rows')")
        db.execute("CREATE STREAM s AS SELECT collects(v) AS w FROM t")
        db.start()
        db.insert("t", [(float(i),) for i in range(50)])
        failures: list[BaseException] = []
        done = threading.Event()

        def work(seed: int) -> None:
            r = random.Random(seed)
            # Sleepers take their time-out each: the rest are many more.
            names = ["sleeps"] * 2 + [n for n in CASES if n != "sleeps"] * 8
            try:
                for _ in range(RUNS // THREADS):
                    run_one(db, r.choice(names))
                    if r.random() < 0.1:
                        db.insert("t", {"v": 1.0})
            except BaseException as e:
                failures.append(e)

        def checkpoints() -> None:
            while not done.wait(0.02):
                db.checkpoint()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
        keeper = threading.Thread(target=checkpoints)
        for t in (*threads, keeper):
            t.start()
        for t in threads:
            t.join()
        done.set()
        keeper.join()
        assert failures == []
        assert some(db.stream_metrics("s")).error is None
        run_one(db, "fine")


def test_a_gigabyte(db: laminardb.Connection) -> None:
    pytest.importorskip("numpy")
    import numpy as np

    db.register_udf("big", lambda x: "x" * (1 << 26), return_type=str, arg_types=["BIGINT"], mode="row")
    db.execute("CREATE SOURCE t (v BIGINT)")
    db.start()
    db.insert("t", [(i,) for i in range(24)])
    with pytest.raises((laminardb.QueryError, MemoryError)):
        db.query("SELECT big(v) FROM t")
    db.register_udf(
        "long", lambda x: np.zeros(1 << 27, "i1"), return_type="TINYINT", arg_types=["BIGINT"], mode="numpy"
    )
    with pytest.raises(laminardb.QueryError, match="values for 24 rows"):
        db.query("SELECT long(v) FROM t")
    assert db.query("SELECT count(*) FROM t").fetchone() == (24,)


def test_the_last_reference_goes_in_a_call() -> None:
    holder = [laminardb.open()]

    def drops(x: float) -> float:
        holder.clear()
        return x

    holder[0].register_udf(drops, mode="row", return_type=float, arg_types=[float])
    gone = weakref.ref(holder[0])
    assert holder.pop().query("SELECT drops(1.5)").fetchone() == (1.5,)
    gc.collect()
    assert gone() is None


def test_closing_in_a_call() -> None:
    db = laminardb.open()

    def closes(x: float) -> float:
        db.close()
        return x

    db.register_udf(closes, mode="row", return_type=float, arg_types=[float])
    with contextlib.suppress(laminardb.LaminarError):
        db.query("SELECT closes(1.5)")
    with contextlib.suppress(laminardb.LaminarError):
        db.close()


def test_other_databases_in_a_call() -> None:
    """A function may open, ask, fill and close others, in queries and in ticks, and the collector in it."""
    db, other = laminardb.open(), laminardb.open()
    other.execute("CREATE SOURCE seen (x BIGINT)")
    other.execute("CREATE STREAM counted AS SELECT count(*) AS n FROM seen")
    other.start()

    @laminardb.udf(mode="row")
    def noted(x: int) -> int:
        third: list[object] = [laminardb.open()]
        third.append(third)  # ended by the collector
        del third
        gc.collect(0)
        other.insert("seen", {"x": x})
        with laminardb.open() as fourth:
            return int(fourth.sql(f"SELECT {x} + 1").fetchone()[0])  # type: ignore[index]

    db.register_udf(noted)
    db.execute("CREATE SOURCE t (x BIGINT)")
    db.execute("CREATE STREAM s AS SELECT x % 3 AS k, sum(noted(x)) AS y FROM t GROUP BY k")
    db.start()
    db.insert("t", [{"x": i} for i in range(20)])
    assert db.sql("SELECT sum(y) FROM s").fetchone() == (210,)
    assert db.sql("SELECT sum(noted(x)) FROM t").fetchone() == (210,)
    assert other.sql("SELECT n >= 40 FROM counted").fetchone() == (True,)
    db.close()
    other.close()


def test_functions_go_with_their_database() -> None:
    class Held:
        def __call__(self, x: float) -> float:
            return x

    f = Held()
    gone = weakref.ref(f)
    db = laminardb.open()
    db.register_udf("held", f, return_type=float, arg_types=[float], mode="row")
    db.register_udf("other", f, return_type=float, arg_types=[float], mode="row")
    del f
    assert db.query("SELECT held(1.0)").fetchone() == (1.0,)
    db.unregister_udf("held")
    with pytest.raises(laminardb.LaminarError):
        db.query("SELECT held(1.0)")
    assert gone() is not None
    db.close()
    del db
    gc.collect()
    assert gone() is None


EXITS = {
    "sys.exit in a call": "db.query('SELECT leaves(1.0)')",
    "a stream that runs": "db.insert('t', [(float(i),) for i in range(100)])",
    "threads in calls": "spawn(lambda: db.query('SELECT slow(v) FROM t'))\ntime.sleep(0.05)",
    "threads that insert": "spawn(for_ever)\ntime.sleep(0.05)",
    "waiting inserts": "for i in range(200): db.insert('t', (1.0,), wait=False)",
    "atexit": "import atexit; atexit.register(lambda: db.query('SELECT same(1.0)').fetchall())",
    "a last query in a destructor": "class D:\n def __del__(self):\n  try:\n   db.query('SELECT same(1.0)')\n"
    "  except Exception: pass\nd = D()",
    "an error": "raise SystemExit(0)",
}
START = """
import sys, threading, time
import laminardb
db = laminardb.open()
def slow(x):
    while True:
        time.sleep(0.01)
db.register_udf("slow", slow, return_type=float, arg_types=["DOUBLE"], mode="row")
db.register_udf("same", lambda x: x, return_type=float, arg_types=["DOUBLE"], mode="row")
db.register_udf("leaves", lambda x: sys.exit(0), return_type=float, arg_types=["DOUBLE"], mode="row")
db.execute("CREATE SOURCE t (v DOUBLE); CREATE STREAM s AS SELECT same(v) AS w FROM t")
db.start()
db.insert("t", (1.0,))
def spawn(run):
    def quiet():
        try:
            run()
        except BaseException:
            pass
    threading.Thread(target=quiet, daemon=True).start()
def for_ever():
    while True:
        db.insert("t", [(1.0,)] * 50)
"""


@pytest.mark.parametrize("what", EXITS)
def test_exits(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START + EXITS[what]], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_forked_child_calls_its_own_functions(db: laminardb.Connection) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    db.register_udf("f", lambda x: x + 1, return_type=int, arg_types=["BIGINT"], mode="row")
    assert db.query("SELECT f(1)").fetchone() == (2,)
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(20)  # not faulthandler's watchdog, whose thread is the parent's
            with laminardb.open() as own:
                own.register_udf("f", lambda x: x + 2, return_type=int, arg_types=["BIGINT"], mode="row")
                os._exit(0 if own.query("SELECT f(1)").fetchone() == (3,) else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
