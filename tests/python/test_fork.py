# SPDX-License-Identifier: Apache-2.0
"""A forked child gets a clear error from every call on a database of its parent, whatever the parent's
threads were doing; it can open its own; the parent notices nothing."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import laminardb
import pytest
from surface import Summed


def print_key(key: Any, rows: Any, state: Any, timers: Any) -> tuple[list[Any], Any]:
    return [], state


# Arguments of the methods that need some.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "set_progress": (print,),
    "advance_watermark": ("t", 1),
    "tick": (1,),
    "backup": ("/nowhere",),
    "restore": (1,),
    "cancel_query": (1,),
    "complete": ("SELECT ",),
    "config_get": ("buffer_size",),
    "config_set": ("buffer_size", 5),
    "attach_source": ("t", []),
    "create_table": ("x", {"k": "i64"}),
    "execute": ("SELECT 1",),
    "explain": ("SELECT 1",),
    "insert": ("t", {"k": 1}),
    "insert_csv": ("t", "k\n1"),
    "insert_json": ("t", '{"k": 1}'),
    "on_change": ("s",),
    "pipeline": ("p",),
    "query": ("SELECT 1",),
    "query_at": ("SELECT 1", 0),
    "query_stream": ("s",),
    "register_processor": (laminardb.processor(return_type={"k": int}, state_type=int)(print_key),),
    "register_sink": ("k", print),
    "register_udaf": (laminardb.udaf(return_type=int, mode="row")(Summed),),
    "register_udf": (laminardb.udf(return_type=int, mode="row")(lambda: 1),),
    "unregister_udf": ("k",),
    "relation": ("SELECT 1",),
    "replay": ("t",),
    "schema": ("t",),
    "sink_metrics": ("k",),
    "source_metrics": ("t",),
    "sql": ("SELECT 1",),
    "stats": ("t",),
    "stream": ("SELECT 1",),
    "stream_metrics": ("s",),
    "subscribe": ("SELECT k FROM t",),
    "table": ("t",),
    "table_stats": ("t",),
    "watermark": ("t",),
    "subscribe_async": ("SELECT k FROM t",),
    "subscribe_callback": ("SELECT k FROM t", print),
    "subscribe_stream": ("s",),
    "subscribe_stream_async": ("s",),
    "subscribe_stream_callback": ("s", print),
    "why": ("s",),
    "writer": ("t",),
}
HARMLESS = {"close", "is_closed"}
START = "CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t"


def call(o: Any, name: str) -> None:
    found: Any = getattr(o, name)
    made: Any = found(*ARGUMENTS.get(name, ())) if callable(found) else None
    if inspect.iscoroutine(made):
        made.send(None)
    elif inspect.isgenerator(made):
        next(made)
    elif name == "on_change":
        made(print)


def refused(run: Callable[[], object]) -> str | None:
    """None when it was refused as it must be, else what happened."""
    try:
        run()
    except laminardb.ConnectionError as e:
        return None if e.code == 100 and "fork" in str(e) else repr(e)
    except Exception as e:
        return repr(e)
    return "no error"


def in_child(run: Callable[[], object], parent_db: Any = None) -> None:
    """Runs a function in a forked child, which must end well and soon."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # a hang ends the child, and the test
        try:
            run()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child ended with {status}"


def own_database() -> None:
    with laminardb.open() as mine:
        mine.execute(START)
        mine.start()
        sub = mine.subscribe_stream("s")
        mine.insert("t", [{"k": 1}, {"k": 2}])
        batch = sub.next()
        assert batch is not None and batch.fetchall() == [(1,), (2,)]


def test_every_method_refuses_a_forked_child() -> None:
    with laminardb.open() as db:
        db.execute(START)
        db.start()
        db.insert("t", {"k": 1})
        kept = db.query("SELECT k FROM t")
        subs = [db.subscribe("SELECT k FROM t"), db.subscribe_stream("s")]
        writer, view = db.writer("t"), laminardb.mv(db, "s")
        called = db.subscribe_callback("SELECT k FROM t", lambda rows: None)

        def child() -> None:
            names = [n for n in dir(type(db)) if not n.startswith("_") and n not in HARMLESS]
            got = {name: refused(partial(call, db, name)) for name in names}
            for sub in subs:
                for name in ("try_next", "next", "lag", "dropped", "schema", "__next__"):
                    got[f"{sub} {name}"] = refused(partial(call, sub, name))
                sub.cancel()
            got["writer"] = refused(lambda: writer.insert({"k": 1}))
            got["watermark"] = refused(lambda: writer.watermark(1))
            got["view"] = refused(view.query)
            wrong = {name: what for name, what in got.items() if what is not None}
            assert not wrong, wrong
            assert kept.fetchall() == [(1,)], "a result is the child's own copy"
            called.cancel()
            assert called.wait(1) and not called.is_active
            writer.close()
            db.close()
            own_database()

        in_child(child)
        assert not db.is_closed and all(s.is_active for s in subs) and called.is_active
        assert db.insert("t", {"k": 2}) == 1
        assert db.query("SELECT k FROM t").fetchall() == [(1,), (2,)]
        assert subs[0].try_next() is not None
        called.cancel()
        assert called.wait(5)


def test_fork_while_threads_work() -> None:
    """Locks of the engine are held at the moment of the fork, and nobody in the child will open them."""
    with laminardb.open() as db:
        db.execute(START + "; CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()
        stop = threading.Event()
        inserted = [0, 0]

        def insert(i: int) -> None:
            while not stop.is_set():
                inserted[i] += db.insert("t", [{"k": k} for k in range(50)])

        def read() -> None:
            for _ in db.subscribe_stream("n"):
                pass

        def query() -> None:
            while not stop.is_set():
                db.query("SELECT count(*) FROM n")

        sub = db.subscribe_stream("n")
        waiting = threading.Thread(target=lambda: [None for _ in sub])
        workers = [threading.Thread(target=insert, args=(i,)) for i in range(2)]
        workers += [threading.Thread(target=query), waiting]
        threading.Thread(target=read, daemon=True).start()
        for w in workers:
            w.start()

        def child() -> None:
            for run in (
                lambda: db.insert("t", {"k": 1}),
                lambda: db.query("SELECT 1"),
                lambda: db.flush(),
                lambda: sub.next(),
                lambda: sub.try_next(),
                lambda: db.subscribe_stream("s"),
            ):
                assert refused(run) is None
            sub.cancel()
            own_database()

        try:
            for _ in range(15):
                in_child(child)
        finally:
            stop.set()
            for w in workers[:3]:
                w.join()
            sub.cancel()
            waiting.join()
        assert db.query("SELECT count(*) FROM t").fetchone() == (sum(inserted),)


CHILDREN = """
import multiprocessing, os, sys
import laminardb

def work(n):
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.insert("t", {"k": list(range(n))})
        return db.query("SELECT sum(k) FROM t").fetchone()[0]

def use(db):
    try:
        db.insert("t", {"k": 1})
    except laminardb.ConnectionError as e:
        os._exit(7 if e.code == 100 else 1)

if __name__ == "__main__":
    method = multiprocessing.get_context(sys.argv[1])
    db = laminardb.open()
    db.execute("CREATE SOURCE t (k BIGINT)")
    changes = db.subscribe("SELECT k FROM t")
    with method.Pool(2) as pool:
        assert pool.map(work, [10, 100, 1000]) == [45, 4950, 499500]
    child = method.Process(target=use, args=(db,))
    try:
        child.start()
    except TypeError as e:
        assert sys.argv[1] != "fork" and "pickle" in str(e), e
    else:
        child.join()
        assert child.exitcode == 7, child.exitcode
    assert db.insert("t", {"k": 5}) == 1 and changes.next().fetchall() == [(5,)]
    db.close()
    print("done")
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(method: str, tmp_path: Any) -> None:
    script = tmp_path / "children.py"
    script.write_text(CHILDREN)
    done = subprocess.run([sys.executable, str(script), method], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", ""), done.stderr
