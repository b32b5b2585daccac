# SPDX-License-Identifier: Apache-2.0
"""The connection as a user meets it: errors, life cycle, results, threads."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from typing import Any

import laminardb
import pytest
from optional import package, some

pa = package("pyarrow")


def test_sql_errors_have_place_and_hint(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE orders (id BIGINT, price DOUBLE)")
    with pytest.raises(laminardb.QueryError) as e:
        db.query("SELECT id,\n       prce FROM orders")
    x = e.value
    assert (x.code, x.line, x.column, x.position) == (400, 2, 8, 18)
    assert x.hint == 'did you mean "price"?' and x.hint in str(x)
    assert "       ^" in str(x) and str(x).startswith("QueryError (400): ")
    assert x.to_dict()["class"] == "QueryError" and x.to_dict()["line"] == 2


@pytest.mark.parametrize(
    ("sql", "cls", "code", "text"),
    [
        ("SELCT 1", laminardb.QueryError, 401, "SELECT"),
        ("SELECT * FROM nowhere", laminardb.QueryError, 200, "nowhere"),
        ("SELECT nofunction(1)", laminardb.QueryError, 400, "nofunction"),
        ("SELECT 'a' + INTERVAL '1' DAY FROM t", laminardb.QueryError, 400, ""),
        ("CREATE SOURCE t (k BIGINT)", laminardb.SchemaError, 201, "already exists"),
        ("CREATE SOURCE x (k BIGNT)", laminardb.SchemaError, 203, "BIGINT"),
        ("DROP SOURCE y", laminardb.QueryError, 200, "y"),
        ("SELECT k FROM t GROUP BY v", laminardb.QueryError, 400, "GROUP BY"),
        ("SELECT " + "(" * 100_000 + "1", laminardb.QueryError, 401, ""),
        ("SELECT \0", laminardb.QueryError, 401, ""),
        ("", laminardb.QueryError, 401, "no statement"),
        ("SELECT 9223372036854775807 + 1", laminardb.QueryError, 400, "overflow"),
        ("CREATE STREAM s AS SELECT k FROM t EMIT ON WINDOW CLOSE", laminardb.QueryError, 400, "window"),
    ],
)
def test_errors(
    db: laminardb.Connection, sql: str, cls: type[laminardb.LaminarError], code: int, text: str
) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE)")
    with pytest.raises(cls) as e:
        db.execute(sql)
    assert e.value.code == code, str(e.value)
    assert text in str(e.value)
    assert db.query("SELECT 1").fetchall() == [(1,)]


def test_close(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.start()
    sub = db.subscribe("SELECT * FROM t")
    db.insert("t", {"k": 1})
    result = db.query("SELECT * FROM t")
    assert repr(db) == "Connection(open)" and not db.is_closed
    db.close()
    db.close()
    assert repr(db) == "Connection(closed)" and db.is_closed
    for call in (
        lambda: db.query("SELECT 1"),
        lambda: db.insert("t", {"k": 1}),
        db.start,
        lambda: db.subscribe("SELECT 1"),
        db.list_tables,
    ):
        with pytest.raises(laminardb.ConnectionError, match="Connection is closed") as e:
            call()
        assert e.value.code == 101
    assert result.fetchall() == [(1,)]
    assert sub.try_next() is not None
    assert sub.next() is None and not sub.is_active
    with pytest.raises(laminardb.ConnectionError, match="closed"), db:
        pass


def test_constants_are_finite(db: laminardb.Connection) -> None:
    sub = db.subscribe("SELECT 1 AS one, 'x' AS s")
    assert [b.fetchall() for b in sub] == [[(1, "x")]]
    assert repr(sub) == "Subscription(finished)"


def test_subscription_states(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    a, b = db.subscribe("SELECT k FROM t"), db.subscribe_stream("s")
    assert (repr(a), repr(b)) == ("Subscription(active)", "StreamSubscription(active)")
    assert iter(b) is b and b.try_next() is None and b.next_timeout(1) is None
    a.cancel()
    b.cancel()
    b.cancel()
    assert (repr(a), repr(b)) == ("Subscription(cancelled, finished)", "StreamSubscription(cancelled)")
    assert b.next() is None and b.try_next() is None and list(b) == []
    with pytest.raises(RuntimeError, match="has been cancelled"):
        _ = b.schema
    with pytest.raises(laminardb.SchemaError) as e:
        db.subscribe_stream("nope")
    assert e.value.code == 200


def test_cancel_wakes_a_waiter(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    sub = db.subscribe_stream("s")
    got: list[Any] = []
    waiter = threading.Thread(target=lambda: got.append(sub.next()))
    waiter.start()
    time.sleep(0.05)
    sub.cancel()
    waiter.join(5)
    assert not waiter.is_alive() and got == [None]


def test_order_never_matters() -> None:
    """Rows before or after the stream, the stream before or after start: the same answer."""
    steps = ["source", "stream", "start", "a", "b"]
    answers = []
    for order in (
        steps,
        ["source", "a", "stream", "b", "start"],
        ["source", "start", "a", "stream", "b"],
        ["source", "a", "b", "start", "stream"],
    ):
        with laminardb.open() as db:
            for step in order:
                if step == "source":
                    db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
                elif step == "stream":
                    db.execute("CREATE STREAM s AS SELECT k, sum(v) AS v FROM t GROUP BY k")
                elif step == "start":
                    db.start()
                else:
                    db.insert("t", [{"k": i % 3, "v": i} for i in range(10)])
            answers.append(sorted(db.query("SELECT * FROM s").fetchall()))
    assert answers == [[(0, 36), (1, 24), (2, 30)]] * 4


def test_streams_on_streams(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT, v BIGINT)")
    db.execute("CREATE STREAM sums AS SELECT k, sum(v) AS v FROM t GROUP BY k")
    db.execute("CREATE STREAM big AS SELECT count(*) AS n, max(v) AS top FROM sums WHERE v > 10")
    db.start()
    sub = db.subscribe_stream("big")
    db.insert("t", [{"k": 1, "v": 8}, {"k": 2, "v": 20}])
    db.insert("t", {"k": 1, "v": 8})
    db.insert("t", {"k": 2, "v": -15})
    assert [b.fetchall() for b in (sub.try_next(), sub.try_next(), sub.try_next()) if b] == [
        [(1, 20)],
        [(2, 20)],
        [(1, 16)],
    ]
    with pytest.raises(laminardb.LaminarError, match="CASCADE"):
        db.execute("DROP STREAM sums")
    db.execute("DROP STREAM sums CASCADE")
    assert db.list_streams() == []
    assert db.list_tables() == ["t"]


def test_a_failing_stream_fails_alone(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.execute(
        "CREATE STREAM bad AS SELECT k * 4611686018427387904 AS x FROM t;"
        "CREATE STREAM good AS SELECT count(*) AS n FROM t"
    )
    db.start()
    sub = db.subscribe_stream("bad")
    assert db.insert("t", {"k": 1}) == 1
    assert db.insert("t", {"k": 2}) == 1
    assert db.query("SELECT * FROM good").fetchall() == [(2,)]
    metrics = db.stream_metrics("bad")
    assert metrics is not None and metrics.error is not None and "overflow" in metrics.error
    assert sub.try_next() is not None
    with pytest.raises(laminardb.StreamError) as e:
        sub.next()
    assert e.value.code == 600
    assert db.stream_metrics("none") is None


def test_results(db: laminardb.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    r = db.query("SELECT 1 AS a, 'x' AS b, NULL AS c, 1.5 AS d, TRUE AS e")
    assert repr(r) == "QueryResult(rows=1, columns=5)" and len(r) == 1
    assert r.columns == ["a", "b", "c", "d", "e"]
    assert r.fetchone() == (1, "x", None, 1.5, True) == r.fetchone()
    assert list(r) == r.fetchall() == r.fetchmany(3)
    assert r.to_arrow().to_pylist() == [{"a": 1, "b": "x", "c": None, "d": 1.5, "e": True}]
    assert r.to_polars().lazy().collect().rows() == [(1, "x", None, 1.5, True)]
    assert r.df()["a"].tolist() == [1]
    assert "<table" in r._repr_html_()
    empty = db.query("SELECT 1 AS a WHERE FALSE")
    assert empty.fetchall() == [] and empty.fetchone() is None and empty.to_arrow().num_rows == 0
    r.show()
    assert capsys.readouterr().out.splitlines()[0].split() == ["a", "b", "c", "d", "e"]
    assert "\x1b" not in str(db.query("SELECT chr(27) AS x")._repr_html_())
    assert "&lt;b&gt;" in db.query("SELECT '<b>' AS x")._repr_html_()


def test_execute_result(db: laminardb.Connection) -> None:
    ddl = db.execute("CREATE SOURCE sensors (x INT)")
    assert (
        repr(ddl) == "ExecuteResult(ddl, CREATE SOURCE sensors)"
        and bool(ddl)
        and ddl.to_query_result() is None
    )
    n = db.execute("INSERT INTO sensors VALUES (1), (2)")
    assert (repr(n), int(n), bool(n)) == ("ExecuteResult(rows_affected=2)", 2, True)
    q = db.execute("SELECT * FROM sensors")
    assert repr(q) == "ExecuteResult(query, rows=2)" and some(q.to_query_result()).num_rows == 2


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE SOURCE another (x INT)",
        "INSERT INTO t VALUES (2)",
        "UPDATE t SET x = 3",
        "SELECT 1; DELETE FROM t",
        "INSERT INTO t VALUES (2); DROP TABLE t",
        "BEGIN",
        "COPY t TO 'nothing.csv'",
    ],
)
def test_who_asks_for_rows_changes_nothing(db: laminardb.Connection, sql: str) -> None:
    db.execute("CREATE TABLE t (x INT); INSERT INTO t VALUES (1)")
    for ask in (db.query, db.sql):
        with pytest.raises(laminardb.QueryError, match="Expected query result") as e:
            ask(sql)
        assert e.value.code == 400
    assert db.list_tables() == ["t"] and db.query("FROM t").fetchall() == [(1,)] and not db.in_transaction


def test_what_gives_rows_may_change_something(db: laminardb.Connection) -> None:
    assert db.query("CREATE TABLE t (x INT); INSERT INTO t VALUES (1); FROM t").fetchall() == [(1,)]
    assert db.query("INSERT INTO t VALUES (2) RETURNING x + 1 AS y").fetchall() == [(3,)]
    assert db.query("DELETE FROM t WHERE x = 1 RETURNING x").fetchall() == [(1,)]
    for sql in ("SHOW TABLES", "DESCRIBE t", "EXPLAIN SELECT 1", "SUMMARIZE t", "SHOW buffer_size"):
        assert db.query(sql).num_columns > 0


def test_config() -> None:
    c = laminardb.LaminarConfig(threads=2, memory_limit=1 << 30)
    assert (c.threads, c.memory_limit) == (2, 1 << 30)
    assert copy.deepcopy(c) == c == pickle.loads(pickle.dumps(c)) and hash(c) == hash(copy.copy(c))
    four = "buffer_size=65536, storage_dir=None, checkpoint_interval_ms=None, table_spill_threshold=1000000"
    assert repr(c) == f"LaminarConfig({four}, threads=2, memory_limit={1 << 30})"
    assert repr(laminardb.Config()) == f"LaminarConfig({four})"
    with pytest.raises(AttributeError, match="read-only"):
        c.threads = 3
    with pytest.raises(TypeError, match='did you mean "threads"'):
        laminardb.LaminarConfig(thread=1)
    with pytest.raises(ValueError, match="threads"):
        laminardb.LaminarConfig(threads=0)
    with laminardb.open(config=laminardb.LaminarConfig(memory_limit=4 << 20)) as db:
        db.execute("CREATE SOURCE t (s VARCHAR)")
        with pytest.raises(MemoryError):
            for _ in range(100):
                db.insert("t", {"s": ["x" * 1000] * 1000})
        assert db.query("SELECT 1").fetchall() == [(1,)]


def test_broken_capsules(db: laminardb.Connection) -> None:
    class Wrong:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return "no capsule"

    class Other:
        def __arrow_c_array__(self, requested_schema: object = None) -> object:
            return pa.array([1]).__arrow_c_array__()  # not a record

    db.execute("CREATE SOURCE t (k BIGINT)")
    for data in (Wrong(), Other()):
        with pytest.raises((ValueError, TypeError, laminardb.LaminarError)):
            db.insert("t", data)
    db.execute("CREATE SOURCE s (x VARCHAR)")
    for broken in (  # an end beyond the buffer cannot be seen: the C interface does not tell how long it is
        b"\x05\x00\x00\x00\x01\x00\x00\x00",
        b"\xff\xff\xff\xff\x01\x00\x00\x00",
    ):
        offsets = bytearray(b"\x00\x00\x00\x00\x03\x00\x00\x00")
        array = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(b"abc"))
        table = pa.table({"x": array})
        offsets[:] = broken  # behind pyarrow's back
        with pytest.raises(laminardb.LaminarError):
            db.insert("s", table)
    db.insert("s", pa.table({"x": ["a"]}))
    assert db.query("SELECT * FROM s").fetchall() == [("a",)]


def test_two_threads_insert(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE t (k BIGINT);"
        "CREATE STREAM s AS SELECT k % 10 AS d, count(*) AS n FROM t GROUP BY k % 10"
    )
    db.start()
    sub = db.subscribe_stream("s")

    def work(base: int) -> None:
        for i in range(2000):
            db.insert("t", {"k": base + i})

    threads = [threading.Thread(target=work, args=(i * 2000,)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(db.query("SELECT * FROM s").fetchall()) == [(d, 400) for d in range(10)]
    last: dict[int, int] = {}
    while (b := sub.try_next()) is not None:
        last.update(b.fetchall())
    assert last == {d: 400 for d in range(10)}


def test_nothing_leaks(db: laminardb.Connection) -> None:
    pytest.importorskip("pyarrow")
    """After everything is dropped, the account is where it was."""

    def once() -> None:
        db.execute(
            "CREATE SOURCE t (k BIGINT, s VARCHAR);"
            "CREATE STREAM s AS SELECT s, count(*) AS n, max(k) AS m FROM t GROUP BY s"
        )
        db.start()
        sub = db.subscribe("SELECT s.s, t.k FROM s JOIN t ON s.s = t.s")
        db.insert("t", [{"k": i, "s": f"some longer text {i % 7}"} for i in range(300)])
        for _ in range(3):
            db.query("SELECT s, count(*) FROM t GROUP BY s ORDER BY 2 DESC LIMIT 3").to_arrow()
        while sub.try_next() is not None:
            pass
        del sub
        gc.collect()
        db.execute("DROP STREAM s; DROP SOURCE t")

    for _ in range(20):  # until the list of finished queries is full
        once()
    before = db._memory()
    for _ in range(20):
        once()
    assert db._memory() <= before + 4096


def test_fork_is_refused(db: laminardb.Connection) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            db.query("SELECT 1")
        except laminardb.ConnectionError as e:
            code = 0 if e.code == 100 and "fork" in str(e) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert db.query("SELECT 1").fetchall() == [(1,)]


def test_interrupt_while_waiting() -> None:
    code = (
        "import laminardb, signal, os, threading\n"
        "db = laminardb.open()\n"
        "db.execute('CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT * FROM t'); db.start()\n"
        "sub = db.subscribe_stream('s')\n"
        "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    sub.next()\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert out.stdout == "interrupted\n" and out.returncode == 0, out.stderr


def test_exit_with_everything_open() -> None:
    code = (
        "import laminardb, threading\n"
        "db = laminardb.open(); db.execute('CREATE SOURCE t (k BIGINT)'); db.start()\n"
        "sub = db.subscribe('SELECT * FROM t')\n"
        "threading.Thread(target=sub.next, daemon=True).start()\n"
        "db.insert('t', {'k': 1})\n"
    )
    for _ in range(5):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
        assert out.returncode == 0, out.stderr


def test_how_a_notebook_shows_a_result(db: laminardb.Connection) -> None:
    result = db.query("SELECT '<a & b_c>\\' AS \"x%\", 1 AS n FROM range(70)")
    bundle = result._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html", "text/latex"]
    assert bundle["text/plain"] == repr(result) and "&lt;a &amp; b_c&gt;" in bundle["text/html"]
    latex = bundle["text/latex"].splitlines()
    assert latex[0] == r"\begin{tabular}{rrr}" and latex[1] == r" & x\% & n \\"
    assert latex[3] == r"0 & <a \& b\_c>\textbackslash{} & 1 \\"
    assert latex[-2] == r"\multicolumn{3}{l}{60 of 70 rows} \\" and latex[-1] == r"\end{tabular}"
    assert list(result._repr_mimebundle_(include={"text/html"})) == ["text/html"]
    assert list(result._repr_mimebundle_(exclude={"text/html"})) == ["text/plain", "text/latex"]
    relation = db.relation("SELECT 1 AS one")
    assert relation._repr_mimebundle_()["text/plain"] == repr(relation) and "1" in relation._repr_latex_()


def test_a_field_that_a_schema_has_not() -> None:
    """As pyarrow's Schema has it: KeyError of a name, IndexError of a position."""
    schema = laminardb.Schema(laminardb.open().query("SELECT 1 AS a, 2 AS b").__arrow_c_schema__())
    assert schema.field("b").name == schema.field(1).name == schema.field(-1).name == "b"
    with pytest.raises(KeyError, match='no column "c"; there are a, b'):
        schema.field("c")
    with pytest.raises(IndexError):
        schema.field(2)
