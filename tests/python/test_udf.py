# SPDX-License-Identifier: Apache-2.0
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false
"""Scalar and table functions of the program: modes, types, NULLs, errors, and the examples of F-PY-031."""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import decimal
import re
import shutil
import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import laminardb
import pytest
from optional import package

np = package("numpy")
pa = package("pyarrow")
requirement = pytest.mark.requirement


@pytest.fixture
def trades(db: laminardb.Connection) -> laminardb.Connection:
    db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE, volume BIGINT)")
    db.start()
    db.insert("trades", [("A", 10.0, 1), ("A", 20.0, 3), ("B", 5.0, 2), ("B", None, 9)])
    return db


# ---- the examples, as printed


@requirement("F-PY-031.1")
def test_vwap_per_group(trades: laminardb.Connection) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.compute  # noqa: F401

    db = trades

    @laminardb.udf(return_type=pa.float64())
    def vwap(prices: pa.Array, volumes: pa.Array) -> pa.Array:
        """Volume-weighted average price."""
        return pa.compute.divide(
            pa.compute.sum(pa.compute.multiply(prices, volumes)),
            pa.compute.sum(volumes),
        )

    # Manual registration on a connection
    db.register_udf("vwap", vwap)

    # Use in SQL
    result = db.query("SELECT symbol, vwap(price, volume) FROM trades GROUP BY symbol")
    assert sorted(result.fetchall()) == [("A", 17.5), ("B", 5.0)]


@requirement("F-PY-031.1")
def test_zscore_with_scalars() -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    import pyarrow as pa
    import pyarrow.compute as pc

    @laminardb.udf(return_type=pa.float64())
    def zscore(values: pa.Array, mean: pa.Scalar, stddev: pa.Scalar) -> pa.Array:
        assert isinstance(mean, pa.Scalar) and isinstance(stddev, pa.Scalar)
        return pc.divide(pc.subtract(values, pc.cast(mean, pa.float64())), pc.cast(stddev, pa.float64()))

    with laminardb.open(":memory:") as db:
        db.register_udf("zscore", zscore)
        db.execute("CREATE SOURCE readings (sensor_id INT, value DOUBLE)")
        db.start()

        db.insert("readings", [
            {"sensor_id": 1, "value": 10.0},
            {"sensor_id": 2, "value": 20.0},
            {"sensor_id": 3, "value": 15.0},
        ])  # fmt: skip

        result = db.query("""
            SELECT sensor_id,
                   zscore(value, 15.0, 5.0) AS z
            FROM readings
        """)
        print(result.to_pandas())
        assert result.fetchall() == [(1, -1.0), (2, 1.0), (3, 0.0)]


# ---- modes, types, NULLs

VALUES: list[tuple[str, Any]] = [
    ("BOOLEAN", True),
    ("TINYINT", -7),
    ("UTINYINT", 255),
    ("SMALLINT", -30000),
    ("INTEGER", 1 << 30),
    ("UINTEGER", (1 << 32) - 1),
    ("BIGINT", -(1 << 63)),
    ("UBIGINT", (1 << 64) - 1),
    ("HUGEINT", 1 << 100),
    ("FLOAT", 0.5),
    ("DOUBLE", 1.5),
    ("DECIMAL(18, 2)", decimal.Decimal("-12.34")),
    ("DECIMAL(38, 10)", decimal.Decimal("123456789012345678.0123456789")),
    ("VARCHAR", "grüße"),
    ("BLOB", b"\0\xff"),
    ("UUID", uuid.UUID(int=1 << 127 | 5)),
    ("DATE", dt.date(1969, 12, 31)),
    ("TIME", dt.time(23, 59, 59, 999999)),
    ("TIMESTAMP_S", dt.datetime(1960, 1, 1)),
    ("TIMESTAMP_MS", dt.datetime(2024, 1, 1, 0, 0, 0, 1000)),
    ("TIMESTAMP", dt.datetime(2024, 1, 1, 0, 0, 0, 1)),
    ("TIMESTAMP_NS", dt.datetime(2024, 1, 1, 0, 0, 0, 1)),
    ("TIMESTAMPTZ", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ("INTERVAL", dt.timedelta(days=3, seconds=5)),
    ("BIGINT[]", [1, None, 3]),
    ("DOUBLE[2]", [1.0, 2.0]),
    ("STRUCT(a BIGINT, b VARCHAR[])", {"a": 1, "b": ["x", None]}),
    ("MAP(VARCHAR, BIGINT)", {"k": 1, "l": None}),
]


@pytest.mark.parametrize("mode", ["row", "numpy", "arrow"])
def test_every_type_comes_back(db: laminardb.Connection, mode: Any) -> None:
    if mode != "row":
        pytest.importorskip("numpy" if mode == "numpy" else "pyarrow")
    names = [f"c{i}" for i in range(len(VALUES))]
    db.execute(f"CREATE SOURCE t ({', '.join(f'{n} {t}' for n, (t, _) in zip(names, VALUES, strict=True))})")
    db.start()
    values = tuple(v for _, v in VALUES)
    db.insert("t", [values, tuple(None for _ in values), values])
    for name, (sql, value) in zip(names, VALUES, strict=True):
        if mode == "numpy" and sql in ("INTERVAL",):
            continue
        for null in ("propagate", "pass"):
            db.register_udf("same", lambda x: x, return_type=sql, arg_types=[sql], mode=mode, null=null)
            got = [row[0] for row in db.query(f"SELECT same({name}) FROM t").fetchall()]
            assert got == [value, None, value], (sql, null)
            db.execute("DROP FUNCTION same")


@pytest.mark.parametrize("mode", ["row", "numpy", "arrow"])
def test_nulls_empty_and_constants(trades: laminardb.Connection, mode: Any) -> None:
    if mode != "row":
        pytest.importorskip("numpy" if mode == "numpy" else "pyarrow")
    seen: list[Any] = []

    def given(x: Any, y: Any) -> Any:
        seen.append((x, y))
        return x

    trades.register_udf("given", given, return_type=float, mode=mode, arg_types=["DOUBLE", "BIGINT"])
    rows = trades.query("SELECT given(price, volume) FROM trades").fetchall()
    assert rows == [(10.0,), (20.0,), (5.0,), (None,)]
    assert trades.query("SELECT given(price, NULL) FROM trades").fetchall() == [(None,)] * 4
    count = len(seen)
    assert trades.query("SELECT given(price, volume) FROM trades WHERE price > 99").fetchall() == []
    assert len(seen) == count  # nothing was called for nothing
    assert trades.query("SELECT given(2.5, 1)").fetchall() == [(2.5,)]


@requirement("F-PY-031.8")
def test_arguments_of_different_types(trades: laminardb.Connection) -> None:
    @laminardb.udf
    def label(symbol: str, price: float, volume: int, day: dt.date, flag: bool) -> str:
        return f"{symbol}:{price:.1f}:{volume}:{day:%y}:{flag}"

    trades.register_udf(label)
    rows = trades.query(
        "SELECT label(symbol, price, volume, DATE '2024-05-01', volume > 1) FROM trades"
    ).fetchall()
    assert rows == [("A:10.0:1:24:False",), ("A:20.0:3:24:True",), ("B:5.0:2:24:True",), (None,)]
    assert label("x", 1, 2, dt.date(2023, 1, 1), True) == "x:1.0:2:23:True"  # as it was


def test_what_a_function_may_return(trades: laminardb.Connection) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("numpy")
    answers = [
        pa.array([1.0, 2.0, 3.0]),
        pa.chunked_array([[1.0], [2.0, 3.0]]),
        [1.0, 2.0, 3.0],
        (1, 2, 3),
        np.array([1.0, 2.0, 3.0]),
        np.array([1.0, 2.0, 3.0], "f4"),
    ]
    for mode in ("arrow", "numpy"):
        for answer in answers:
            trades.register_udf(
                "f", lambda x, a=answer: a, return_type=float, arg_types=["DOUBLE"], mode=mode
            )
            rows = trades.query("SELECT f(price) FROM trades WHERE price > 0").fetchall()
            assert rows == [(1.0,), (2.0,), (3.0,)], (mode, answer)
        for answer in (pa.scalar(7.0), 7.0, np.float64(7.0), [7.0]):
            trades.register_udf(
                "f", lambda x, a=answer: a, return_type=float, arg_types=["DOUBLE"], mode=mode
            )
            assert trades.query("SELECT f(price) FROM trades WHERE price > 0").fetchall() == [(7.0,)] * 3
    masked = np.ma.MaskedArray([1, 2, 3], [False, True, False])
    trades.register_udf("g", lambda x: masked, return_type=int, arg_types=["DOUBLE"], mode="numpy")
    assert trades.query("SELECT g(price) FROM trades WHERE price > 0").fetchall() == [(1,), (None,), (3,)]


def test_what_a_function_keeps_stays_valid(trades: laminardb.Connection) -> None:
    pytest.importorskip("pyarrow")
    kept: list[Any] = []

    def keep(x: Any) -> Any:
        kept.append(x)
        return x

    trades.register_udf(keep, return_type="DOUBLE", arg_types=["DOUBLE"], mode="arrow")
    trades.query("SELECT keep(price) FROM trades WHERE price > 0")
    trades.execute("CREATE SOURCE many (x DOUBLE)")
    trades.insert("many", [(float(i),) for i in range(20_000)])
    trades.query("SELECT keep(x) FROM many")
    trades.execute("DROP SOURCE many")
    trades.close()
    assert [v for a in kept for v in a.to_pylist()] == [10.0, 20.0, 5.0, *map(float, range(20_000))]


def test_mode_and_types_by_annotation() -> None:
    from laminardb import udfs

    def noted(f: Any) -> Any:
        return udfs._scalar(f, None, None, None, "propagate", None, False, None, 1.0)

    def rows(x: float, y: str | None) -> int:
        return 1

    def arrays(x: np.ndarray, y: int) -> float:  # type: ignore[name-defined]
        return 1

    def arrow(x: pa.Array) -> float:  # type: ignore[name-defined]
        return 1

    def nested(x: list[int]) -> dict[str, float]:
        return {}

    assert (noted(rows).mode, noted(rows).arguments, noted(rows).result) == (
        "row",
        ("DOUBLE", "VARCHAR"),
        "BIGINT",
    )
    assert (noted(arrays).mode, noted(arrays).arguments) == ("numpy", ("ANY", "BIGINT"))
    assert (noted(arrow).mode, noted(arrow).arguments, noted(arrow).result) == ("arrow", ("ANY",), "DOUBLE")
    assert (noted(nested).arguments, noted(nested).result) == (("BIGINT[]",), "MAP(VARCHAR, DOUBLE)")
    with pytest.raises(TypeError, match="return_type"):
        noted(lambda x: x)
    with pytest.raises(ValueError, match="mode must be"):
        laminardb.udf(return_type=int, mode="rows")(len)  # type: ignore[call-overload]
    assert laminardb.udf(return_type=int, mode="row")(len)("abc") == 3


def test_arrow_types_as_sql() -> None:
    pytest.importorskip("pyarrow")
    from laminardb.udf_types import sql_type

    assert (
        sql_type(pa.struct([("sum", pa.float64()), ("n", pa.int64())])) == 'STRUCT("sum" DOUBLE, "n" BIGINT)'
    )
    assert sql_type(pa.list_(pa.string())) == "VARCHAR[]"
    assert sql_type(pa.list_(pa.float32(), 3)) == "FLOAT[3]"
    assert sql_type(pa.map_(pa.string(), pa.date32())) == "MAP(VARCHAR, DATE)"
    assert (
        sql_type(pa.timestamp("us", "UTC")) == "TIMESTAMPTZ"
        and sql_type(pa.timestamp("ns")) == "TIMESTAMP_NS"
    )
    assert sql_type(pa.decimal128(10, 2)) == "DECIMAL(10, 2)"
    assert sql_type(pa.dictionary(pa.int8(), pa.string())) == "VARCHAR"
    for wrong in (5, object, pa.duration("s")):
        with pytest.raises(TypeError):
            sql_type(wrong)


def test_table_functions(trades: laminardb.Connection) -> None:
    @laminardb.table_function(return_type={"i": int, "twice": float})
    def counting(n: int) -> Any:
        for i in range(n):
            yield {"i": i, "twice": 2.0 * i}

    trades.register_udf(counting)
    assert trades.query("SELECT * FROM counting(3)").fetchall() == [(0, 0.0), (1, 2.0), (2, 4.0)]
    rows = trades.query("SELECT volume, i FROM trades, counting(volume) WHERE volume < 4").fetchall()
    assert sorted(rows) == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]


# ---- errors


@requirement("F-PY-031.3")
@pytest.mark.parametrize("mode", ["row", "numpy", "arrow"])
def test_another_type_than_declared(trades: laminardb.Connection, mode: Any) -> None:
    answers: list[Any] = ["text", b"", [1.0], True, object()]
    if mode == "numpy":
        answers = [np.array(["a", "b", "c"]), ["x"] * 3, object()]
    elif mode == "arrow":
        answers = [pa.array([1, 2, 3]), pa.array(["a"] * 3), ["x"] * 3, pa.array([True] * 3)]
    for answer in answers:
        trades.register_udf("f", lambda x, a=answer: a, return_type=float, arg_types=["DOUBLE"], mode=mode)
        with pytest.raises(laminardb.QueryError, match=r"TypeError|ArrowInvalid|ArrowTypeError") as e:
            trades.query("SELECT f(price) FROM trades WHERE price > 0")
        assert e.value.code == 400 and "test_udf.py" in str(e.value)
    if mode != "row":
        trades.register_udf("f", lambda x: [1.0, 2.0], return_type=float, arg_types=["DOUBLE"], mode=mode)
        with pytest.raises(laminardb.QueryError, match="returned 2 values for 3 rows"):
            trades.query("SELECT f(price) FROM trades WHERE price > 0")


def test_values_that_do_not_fit(db: laminardb.Connection) -> None:
    for sql, value in [
        ("TINYINT", 128),
        ("UBIGINT", -1),
        ("BIGINT", 1 << 63),
        ("DECIMAL(4, 1)", decimal.Decimal("1000.0")),
        ("DECIMAL(4, 1)", decimal.Decimal("1.25")),
        ("TIMESTAMP_S", dt.datetime(2024, 1, 1, 0, 0, 0, 5)),
        ("DOUBLE[2]", [1.0]),
        ("TIMESTAMP", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        ("STRUCT(a BIGINT)", {"b": 1}),
    ]:
        db.register_udf("f", lambda v=value: v, return_type=sql, arg_types=[], mode="row")
        with pytest.raises(laminardb.QueryError, match=r"(Overflow|Type|Value)Error"):
            db.query("SELECT f()")
        db.execute("DROP FUNCTION f")


@requirement("F-PY-031.4")
def test_an_exception_is_a_query_error(trades: laminardb.Connection) -> None:
    class Own(Exception):
        pass

    def fails(x: float) -> float:
        raise Own(f"no {x}")

    trades.register_udf("fails", fails, mode="row")
    with pytest.raises(laminardb.QueryError) as e:
        trades.query("SELECT fails(price) FROM trades")
    line = fails.__code__.co_firstlineno + 1
    said = f'function "fails" failed: Own: no 10.0 at {__file__}:{line}'
    assert e.value.code == 400 and said in str(e.value)
    assert isinstance(e.value.__cause__, Own)
    assert e.value.traceback is not None and "raise Own" in e.value.traceback
    assert "udf_calls" not in e.value.traceback  # it begins with the user's code
    trades.register_udf("fails", lambda x: x, return_type=float, arg_types=[float], mode="row")
    assert trades.query("SELECT fails(1.0)").fetchone() == (1.0,)
    with pytest.raises(laminardb.QueryError) as other:
        trades.query("SELECT nothing_of_the_name(1)")
    assert other.value.traceback is None and other.value.__cause__ is None


def test_interrupts_and_exits_come_through(trades: laminardb.Connection) -> None:
    for raised in (KeyboardInterrupt("by hand"), SystemExit(3)):

        def leaves(x: float, e: BaseException = raised) -> float:
            raise e

        trades.register_udf("leaves", leaves, return_type=float, arg_types=["DOUBLE"], mode="row")
        with pytest.raises(type(raised)) as e:
            trades.query("SELECT leaves(price) FROM trades")
        assert e.value is raised
    assert trades.query("SELECT 1").fetchone() == (1,)


def test_time_out(trades: laminardb.Connection) -> None:
    def slow(x: float) -> float:
        while True:
            with contextlib.suppress(Exception):  # it does not help
                time.sleep(0.005)

    trades.register_udf("slow", slow, return_type=float, arg_types=["DOUBLE"], mode="row", timeout=0.05)
    began = time.monotonic()
    with pytest.raises(
        laminardb.QueryError, match="TimeoutError: a call took longer than 50 ms at .*test_udf.py"
    ):
        trades.query("SELECT slow(price) FROM trades")
    assert time.monotonic() - began < 5


def test_cancel(trades: laminardb.Connection) -> None:
    begun = threading.Event()

    def slow(x: float) -> float:
        begun.set()
        while True:
            time.sleep(0.005)

    trades.register_udf("slow", slow, return_type=float, arg_types=["DOUBLE"], mode="row")

    def cancel() -> None:
        begun.wait(10)
        trades.cancel_query(trades.queries()[-1].id)

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(laminardb.QueryError):
        trades.query("SELECT slow(price) FROM trades")
    thread.join(10)


def test_the_database_of_the_call(trades: laminardb.Connection) -> None:
    def again(x: float) -> float:
        trades.query("SELECT 1")
        return x

    trades.register_udf("again", again, return_type=float, arg_types=["DOUBLE"], mode="row")
    with pytest.raises(laminardb.QueryError):
        trades.query("SELECT again(price) FROM trades")
    with laminardb.open() as other:  # another one may be called

        def asks(x: float) -> float:
            return float(other.query("SELECT 2.5").fetchall()[0][0]) + x

        trades.register_udf("asks", asks, return_type=float, arg_types=["DOUBLE"], mode="row")
        assert trades.query("SELECT asks(1.0)").fetchone() == (3.5,)


def test_values_and_defaults(db: laminardb.Connection) -> None:
    db.register_udf("twice", lambda x: x * 2, mode="row", return_type=int, arg_types=[int])
    db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT DEFAULT twice(21))")
    db.execute("INSERT INTO t VALUES (twice(1), twice(2) + 1)")
    db.execute("INSERT INTO t (k) VALUES (5)")
    assert db.query("SELECT * FROM t ORDER BY k").fetchall() == [(2, 5), (5, 42)]


def test_names_and_versions(trades: laminardb.Connection) -> None:
    trades.register_udf("upper", lambda x: x + "!", return_type=str, arg_types=[str], mode="row")
    assert trades.query("SELECT upper('a')").fetchone() == ("a!",)  # it hides what is built in
    trades.execute("DROP FUNCTION upper")
    assert trades.query("SELECT upper('a')").fetchone() == ("A",)
    with pytest.raises(TypeError, match="register_udaf"):
        trades.register_udf(laminardb.udaf(return_type=int)(_Count))
    with pytest.raises(TypeError):
        trades.register_udf("f", 5)
    with pytest.raises(laminardb.LaminarError) as e:
        trades.unregister_udf("nothing")
    assert e.value.code == 200


def test_a_default_takes_the_newest_code(db: laminardb.Connection) -> None:
    db.register_udf("f", lambda x: x, mode="row", return_type=int, arg_types=[int])
    db.execute("CREATE TABLE t (k BIGINT, v BIGINT DEFAULT f(7))")
    db.start()
    db.execute("INSERT INTO t (k) VALUES (1)")
    db.register_udf("f", lambda x: x + 100, mode="row", return_type=int, arg_types=[int])
    db.execute("INSERT INTO t (k) VALUES (2)")
    db.insert("t", [{"k": 3}])
    db.execute("INSERT INTO t (k) VALUES (f(4))")
    assert db.query("SELECT * FROM t").fetchall() == [(1, 7), (2, 107), (3, 107), (104, 107)]


def test_defaults_beside_functions_and_subqueries(db: laminardb.Connection) -> None:
    db.register_udf("f", lambda x: x * 10, mode="row", return_type=int, arg_types=[int])
    db.execute(
        "CREATE TABLE t (k BIGINT DEFAULT f(7), v BIGINT DEFAULT 5, s VARCHAR, n BIGINT NOT NULL DEFAULT 1)"
    )
    db.start()
    db.execute("INSERT INTO t VALUES (f(2), DEFAULT, 'a', DEFAULT)")
    db.execute(
        "INSERT INTO t (s, v, k) VALUES ('b', f(3), DEFAULT), (DEFAULT, DEFAULT, f(4)), (DEFAULT, f(5), 6)"
    )
    db.execute(
        "INSERT INTO t VALUES ((SELECT max(k) FROM t), DEFAULT, DEFAULT, 2),"
        " (DEFAULT, DEFAULT, DEFAULT, DEFAULT)"
    )
    assert db.query("SELECT * FROM t").fetchall() == [
        (20, 5, "a", 1),
        (70, 30, "b", 1),
        (40, 5, None, 1),
        (6, 50, None, 1),
        (70, 5, None, 2),
        (70, 5, None, 1),
    ]
    rows = ", ".join(
        f"({f'f({i})' if i % 3 else 'DEFAULT'}, {'DEFAULT' if i % 2 else i})" for i in range(300)
    )
    db.execute("CREATE SOURCE many (k BIGINT DEFAULT -1, v BIGINT DEFAULT f(-1))")
    db.execute(f"INSERT INTO many VALUES {rows}")
    assert db.query("SELECT * FROM many").fetchall() == [
        (i * 10 if i % 3 else -1, -10 if i % 2 else i) for i in range(300)
    ]
    returned = db.query("INSERT INTO t VALUES (f(9), DEFAULT, 'r', DEFAULT) RETURNING k, v").fetchall()
    assert returned == [(90, 5)]
    with pytest.raises(laminardb.QueryError, match="2 values, and 4 columns"):
        db.execute("INSERT INTO t VALUES (f(2), DEFAULT)")
    db.execute("CREATE TABLE strict (k BIGINT, v BIGINT NOT NULL)")
    with pytest.raises(laminardb.LaminarError, match="v"):
        db.execute("INSERT INTO strict VALUES (f(2), DEFAULT)")
    assert db.query("SELECT * FROM strict").fetchall() == []
    assert "Insert into t" in str(db.query("EXPLAIN INSERT INTO t VALUES (f(2), DEFAULT, 'a', 1)").fetchall())


def test_a_name_that_is_nearly_one(trades: laminardb.Connection) -> None:
    trades.register_udf("rounded_up", lambda x: x, return_type=float, arg_types=[float], mode="row")
    with pytest.raises(laminardb.QueryError, match='did you mean "rounded_up"'):
        trades.query("SELECT roundedup(1.5)")
    split = laminardb.table_function(return_type={"word": str}, arg_types=[str])(
        lambda text: [(w,) for w in text.split()]
    )
    trades.register_udf("split_words", split)
    with pytest.raises(laminardb.QueryError, match='did you mean "split_words"'):
        trades.query("SELECT * FROM split_word('a b')")


class _Count:
    def accumulate(self) -> None: ...

    def evaluate(self) -> int:
        return 0


# ---- threads


@requirement("F-PY-031.6")
def test_calls_from_threads_of_the_engine(db: laminardb.Connection) -> None:
    """Inserts that nobody waits for are ticked by whoever comes along."""

    def traced(x: int) -> int:
        return x + 1

    db.register_udf("traced", traced, mode="row", return_type=int, arg_types=[int])
    db.execute("CREATE SOURCE t (v BIGINT)")
    db.execute("CREATE STREAM s AS SELECT traced(total) AS w FROM (SELECT sum(v) AS total FROM t)")
    db.start()
    stop = time.monotonic() + 0.5
    threads = [threading.Thread(target=_fill, args=(db, stop)) for _ in range(4)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        db.query("SELECT traced(v) FROM t LIMIT 10").fetchall()
    for t in threads:
        t.join(30)
        assert not t.is_alive()
    db.flush()
    total = db.query("SELECT sum(v) FROM t").fetchall()[0][0]
    assert db.query_stream("s").fetchall() == [(total + 1,)]


@requirement("F-PY-031.6")
def test_calls_of_the_timer_thread(db: laminardb.Connection) -> None:
    """Windows of the clock end on a thread that Python does not know; what functions ask of the database
    there is refused, in every method."""
    names: set[str] = set()

    def traced(x: int) -> int:
        names.add(threading.current_thread().name)
        return x + 1

    class Asks:
        def __init__(self) -> None:
            self.n = 0

        def accumulate(self, x: int) -> None:
            self.n += 1

        def evaluate(self) -> int:
            db.query("SELECT 1")
            return self.n

    db.register_udf("traced", traced, mode="row", return_type=int, arg_types=[int])
    db.register_udaf("asks", Asks, mode="row", return_type=int, arg_types=[int])
    db.execute(
        "CREATE SOURCE t (v BIGINT);"
        "CREATE STREAM s AS SELECT traced(max(v)) AS w FROM t"
        "    GROUP BY TUMBLE(PROCTIME(), INTERVAL '200' MILLISECOND) EMIT ON WINDOW CLOSE;"
        "CREATE STREAM a AS SELECT asks(v) AS w FROM t"
        "    GROUP BY TUMBLE(PROCTIME(), INTERVAL '200' MILLISECOND) EMIT ON WINDOW CLOSE"
    )
    db.start()
    changes, failed = db.subscribe_stream("s"), db.subscribe_stream("a")
    db.insert("t", {"v": 1})
    got = changes.next_timeout(20_000)
    assert got is not None and got.fetchall()[0][0] == 2
    assert names and threading.current_thread().name not in names
    with pytest.raises(laminardb.StreamError, match="re-entrant"):
        failed.next_timeout(20_000)


def _fill(db: laminardb.Connection, stop: float) -> None:
    while time.monotonic() < stop:
        db.insert("t", {"v": 1}, wait=False)


@requirement("F-PY-031.7")
def test_overhead_is_measured() -> None:
    """bench/udf.py measures; that it runs, and checks its answers, is what is tested."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("numpy")
    bench = Path(__file__).resolve().parents[2] / "bench" / "udf.py"
    if not bench.exists():
        pytest.skip("needs the source tree")
    import json
    import sys

    done = subprocess.run(
        [sys.executable, str(bench), "--rows", "20000", "--rounds", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout)
    assert figures["batch_overhead_us"] >= 0 and figures["row_mode_rows_per_s"] > 0


# ---- native functions

NATIVE = r"""
#include <stdlib.h>
#include <string.h>
#include "laminar_functions.h"
static void drop(struct ArrowArray *a) {
    free((void *)a->buffers[1]); free((void *)a->buffers); a->release = NULL;
}
static void drop_type(struct ArrowSchema *s) { s->release = NULL; }
int32_t twice(void *context, const laminar_call *call, struct ArrowArray *out, struct ArrowSchema *type,
              laminar_error *err) {
    (void)context, (void)err;
    const int64_t n = call->row_count;
    double *v = malloc(n * 8 + 1);
    const double *in = (const double *)call->arguments[0].buffers[1] + call->arguments[0].offset;
    for (int64_t i = 0; i < n; i++) v[i] = 2 * in[call->constants[0] ? 0 : i];
    const void **buffers = calloc(2, sizeof(void *));
    buffers[1] = v;
    memset(out, 0, sizeof *out); memset(type, 0, sizeof *type);
    out->length = n, out->n_buffers = 2, out->buffers = buffers, out->release = drop;
    type->format = "g", type->name = "", type->release = drop_type;
    return 0;
}
"""


def test_native_functions(trades: laminardb.Connection, tmp_path: Path) -> None:
    headers = Path(__file__).resolve().parents[2] / "include"
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not headers.exists():
        pytest.skip("needs a C compiler and the source tree")
    (tmp_path / "f.c").write_text(NATIVE)
    made = tmp_path / "f.so"
    subprocess.run([compiler, "-shared", "-fPIC", f"-I{headers}", "-o", made, tmp_path / "f.c"], check=True)
    library = ctypes.CDLL(str(made))
    trades.register_udf("twice", laminardb.native(library.twice, ["DOUBLE"], "DOUBLE"))
    rows = trades.query("SELECT twice(price) FROM trades").fetchall()
    assert rows == [(20.0,), (40.0,), (10.0,), (None,)]
    address = ctypes.cast(library.twice, ctypes.c_void_p).value
    assert address is not None
    trades.register_udf("again", laminardb.native(address, [float], float))
    assert trades.query("SELECT again(1.5)").fetchone() == (3.0,)
    with pytest.raises(TypeError):
        laminardb.native("twice", [], "DOUBLE")
    with pytest.raises(ValueError, match="no address"):
        laminardb.native(0, [], "DOUBLE")


# ---- what never happens


def test_nothing_is_evaluated_from_files() -> None:
    sources = Path(laminardb.__file__).parent
    words = re.compile(r"\b(pickle|marshal|dill|shelve)\b|(?<![.\w])eval\(|(?<![.\w])exec\(")
    found = {
        (path.name, m[0])
        for path in sources.rglob("*.py")
        for m in words.finditer(path.read_text(encoding="utf-8"))
    }
    assert found == set()


# ---- blocks of rows


@pytest.mark.parametrize("mode", ["arrow", "numpy", "row"])
def test_blocks_of_a_query_are_large_and_lose_nothing(db: laminardb.Connection, mode: Any) -> None:
    """Parts side by side, parts of a filter, NULLs and texts: the same values as one row at a time."""
    if mode != "row":
        pytest.importorskip("pyarrow" if mode == "arrow" else "numpy")
    count, sizes = 60_000, []

    def tell(a: Any, t: Any) -> Any:
        if mode == "row":
            return f"{a}{t}"
        sizes.append(len(a))
        return [f"{x}{y}" for x, y in zip(a.tolist(), t.tolist(), strict=True)]

    db.register_udf("tell", tell, return_type=str, arg_types=["BIGINT", "VARCHAR"], mode=mode)
    db.execute("CREATE SOURCE t (id BIGINT, a BIGINT, t VARCHAR)")
    db.start()
    rows = [(i, None if i % 11 == 0 else i * 7, f"{'long text ' * (i % 3)}{i}") for i in range(count)]
    for at in range(0, count, 7001):
        db.insert("t", rows[at : at + 7001])
    wanted = [(i, None if a is None else f"{a}{t}") for i, a, t in rows]

    def ask(more: str) -> list[Any]:
        return db.query(f"SELECT id, tell(a, t) AS s FROM t {more}").fetchall()

    assert sorted(ask("")) == wanted
    assert mode == "row" or max(sizes) > 4096
    assert sorted(ask("WHERE id % 97 = 5")) == [w for w in wanted if w[0] % 97 == 5]
    assert sorted(ask("WHERE id < 5000 OR id > 50000")) == [w for w in wanted if not 5000 <= w[0] <= 50000]
    sizes.clear()
    assert len(ask("LIMIT 5")) == 5
    assert sum(sizes) <= 4096
    db.execute("CREATE STREAM s AS SELECT id % 10 AS k, max(a) AS a, count(*) AS n FROM t GROUP BY 1")
    grouped = db.query("SELECT k, tell(a, 'x' || k) AS s, n FROM s ORDER BY k").fetchall()
    assert grouped == [(k, f"{max(r[1] or 0 for r in rows[k::10])}x{k}", count // 10) for k in range(10)]


def test_a_result_is_taken_before_the_next_call(db: laminardb.Connection) -> None:
    numpy = pytest.importorskip("numpy")
    memory, calls = numpy.empty(1 << 16), []

    def doubled(a: Any) -> Any:
        calls.append(len(a))
        out = memory[: len(a)]
        numpy.multiply(a, 2, out=out)
        return out

    db.register_udf("doubled", doubled, return_type=float, arg_types=["DOUBLE"], mode="numpy")
    db.execute("CREATE SOURCE t (a DOUBLE)")
    db.start()
    db.insert("t", [(float(i),) for i in range(50_000)])
    found = db.query("SELECT a, doubled(a) AS b FROM t").fetchall()
    memory[:] = -1
    assert len(calls) > 2
    assert found == [(float(i), 2.0 * i) for i in range(50_000)]
