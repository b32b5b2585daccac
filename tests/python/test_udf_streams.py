# SPDX-License-Identifier: Apache-2.0
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false
"""Aggregates, processors and functions of the program in streams: each equals a built-in twin, however the
rows are cut into inserts, taken back, or interrupted by a restart."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import laminardb
import pytest
from optional import package, some

pa = package("pyarrow")
np = package("numpy")
requirement = pytest.mark.requirement


# ---- the functions: each has a twin in SQL


@laminardb.udf
def euros(price: float) -> float:
    return price * 0.908


@laminardb.udaf(return_type=float, accumulator_type={"total": float, "count": int}, mode="row")
class Mean:
    """avg, with all that a class may have."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def accumulate(self, x: float) -> None:
        self.total += x
        self.count += 1

    def retract(self, x: float) -> None:
        self.total -= x
        self.count -= 1

    def merge(self, other: Mean) -> None:
        self.total += other.total
        self.count += other.count

    def evaluate(self) -> float | None:
        return self.total / self.count if self.count else None

    def state(self) -> dict[str, Any]:
        return {"total": self.total, "count": self.count}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Mean:
        made = cls()
        made.total, made.count = state["total"], state["count"]
        return made


@laminardb.udaf(return_type=float, mode="row")
class Highest:
    """max, without retract and state: rows are kept and given again."""

    def __init__(self, floor: float = 0.0) -> None:
        self.best = floor

    def accumulate(self, x: float) -> None:
        self.best = max(self.best, x)

    def merge(self, other: Highest) -> None:
        self.best = max(self.best, other.best)

    def evaluate(self) -> float:
        return self.best


def register(db: laminardb.Connection) -> None:
    db.register_udf(euros)
    db.register_udaf("mean_of", Mean)
    db.register_udaf("highest", Highest)


#: name: own, twin. Prices are whole numbers, so that sums are exact in any order.
TWINS = {
    "converted": (
        "SELECT auction, euros(price) AS e FROM {} WHERE euros(price) > 50",
        "SELECT auction, price * 0.908 AS e FROM {} WHERE price * 0.908 > 50",
    ),
    "means": (
        "SELECT auction, mean_of(price) AS m, highest(price) AS h FROM {} GROUP BY auction",
        "SELECT auction, avg(price) AS m, max(price) AS h FROM {} GROUP BY auction",
    ),
    "floors": (
        "SELECT bidder, highest(price, 70.0) AS h FROM {} GROUP BY bidder",
        "SELECT bidder, greatest(max(price), 70.0) AS h FROM {} GROUP BY bidder",
    ),
    "of_means": (
        "SELECT max(euros(m)) AS x FROM (SELECT auction, mean_of(price) AS m FROM {} GROUP BY auction)",
        "SELECT max(m * 0.908) AS x FROM (SELECT auction, avg(price) AS m FROM {} GROUP BY auction)",
    ),
}
WINDOWS = (
    "SELECT window_start, mean_of(price) AS m FROM {} GROUP BY TUMBLE(ts, INTERVAL '1' SECOND)",
    "SELECT window_start, avg(price) AS m FROM {} GROUP BY TUMBLE(ts, INTERVAL '1' SECOND)",
)


def create(db: laminardb.Connection, source: str, twins: dict[str, tuple[str, str]]) -> None:
    for name, (own, twin) in twins.items():
        db.execute(f"CREATE STREAM own_{name} AS {own.format(source)}")
        db.execute(f"CREATE STREAM twin_{name} AS {twin.format(source)}")


def compare(db: laminardb.Connection, twins: dict[str, tuple[str, str]]) -> None:
    for name in twins:
        own, twin = (sorted(db.query_stream(f"{p}_{name}").fetchall()) for p in ("own", "twin"))
        assert own == twin, name


def bids(seed: int, count: int) -> list[tuple[int, int, float, int]]:
    r = random.Random(seed)
    return [(r.randrange(7), r.randrange(5), float(r.randrange(100)), 20 * i) for i in range(count)]


def in_parts(rows: list[Any], r: random.Random) -> list[list[Any]]:
    parts = []
    while rows:
        n = r.choice([1, 1, 2, 5, 40, 200])
        parts.append(rows[:n])
        rows = rows[n:]
    return parts


@requirement("F-PY-031.5")
@pytest.mark.parametrize("seed", range(3))
def test_twins_under_any_split(db: laminardb.Connection, seed: int) -> None:
    register(db)
    twins = {**TWINS, "windows": WINDOWS}
    db.execute(
        "CREATE SOURCE bids (auction BIGINT, bidder BIGINT, price DOUBLE, ts BIGINT, WATERMARK FOR ts)"
    )
    create(db, "bids", twins)
    db.start()
    for part in in_parts(bids(seed, 500), random.Random(seed)):
        db.insert("bids", part)
    compare(db, twins)
    for own, twin in TWINS.values():  # one-off, over all rows
        assert sorted(db.query(own.format("bids")).fetchall()) == sorted(
            db.query(twin.format("bids")).fetchall()
        )


@pytest.mark.parametrize("seed", range(3))
def test_twins_under_retractions(db: laminardb.Connection, seed: int) -> None:
    register(db)
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, auction BIGINT, bidder BIGINT, price DOUBLE)")
    create(db, "t", TWINS)
    db.start()
    r = random.Random(seed)
    for i, (auction, bidder, price, _) in enumerate(bids(seed, 120)):
        db.insert("t", (i % 60, auction, bidder, price))
        if i % 10 == 9:
            what = r.randrange(3)
            if what == 0:
                db.execute(f"DELETE FROM t WHERE auction = {r.randrange(7)}")
            elif what == 1:
                db.execute(f"UPDATE t SET price = price + 1 WHERE bidder = {r.randrange(5)}")
            else:
                db.execute(f"UPDATE t SET auction = {r.randrange(7)} WHERE id < {r.randrange(60)}")
            compare(db, TWINS)
    db.execute("DELETE FROM t")
    compare(db, TWINS)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_twins_of_a_kept_database(tmp_path: Path, checkpoint: bool) -> None:
    """Streams wait for what they need, keep their input meanwhile, and catch up."""
    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)
    path, rows = tmp_path / "d.ldb", bids(1, 300)
    with laminardb.open(path, config=config) as db:
        register(db)
        db.execute(
            "CREATE SOURCE b (auction BIGINT, bidder BIGINT, price DOUBLE, ts BIGINT, WATERMARK FOR ts)"
        )
        create(db, "b", TWINS)
        db.start()
        db.insert("b", rows[:150])
        compare(db, TWINS)
        if checkpoint:
            db.checkpoint()
        db.insert("b", rows[150:200])
    (tmp_path / "d.ldb" / "functions.pickle").write_bytes(b"cos\nsystem\n(S'touch planted'\ntR.")
    with laminardb.open(path, config=config) as db:
        db.start()
        with pytest.raises(laminardb.LaminarError):
            db.query("SELECT euros(1.0)")
        db.insert("b", rows[200:250])  # accepted, and waits
        register(db)
        compare(db, TWINS)
        db.insert("b", rows[250:])
        compare(db, TWINS)
        assert db.query_stream("twin_means").num_rows == 7
    assert not Path("planted").exists()


@pytest.mark.parametrize("mode", ["arrow", "numpy"])
def test_aggregates_by_batch(db: laminardb.Connection, mode: Any) -> None:
    pytest.importorskip("pyarrow" if mode == "arrow" else "numpy")

    class Total:
        def __init__(self) -> None:
            self.total = 0.0

        def accumulate(self, x: Any, y: Any) -> None:
            if mode == "numpy":
                self.total += float((x * y).sum())
            else:
                import pyarrow.compute as pc

                self.total += pc.sum(pc.multiply(x, y)).as_py()

        def merge(self, other: Any) -> None:
            self.total += other.total

        def evaluate(self) -> Any:
            return self.total if mode == "numpy" else pa.scalar(self.total)

    db.register_udaf("total", Total, return_type=float, arg_types=["DOUBLE", "DOUBLE"], mode=mode)
    db.execute("CREATE SOURCE t (k BIGINT, x DOUBLE, y DOUBLE)")
    db.execute("CREATE STREAM s AS SELECT k, total(x, y) AS v FROM t GROUP BY k")
    db.start()
    rows = [(i % 3, float(i), 2.0) for i in range(300)] + [(0, None, 1.0)]
    db.insert("t", rows)
    wanted = db.query("SELECT k, sum(x * y) FROM t GROUP BY k ORDER BY k").fetchall()
    assert sorted(db.query_stream("s").fetchall()) == wanted
    assert db.query("SELECT k, total(x, y) FROM t GROUP BY k ORDER BY k").fetchall() == wanted


class Rows:
    """count(*): what it is given has no columns. Rows are kept, and given again."""

    def __init__(self, from_: int = 0) -> None:
        self.n = from_

    def accumulate(self, count: int = 1) -> None:
        self.n += count

    def merge(self, other: Any) -> None:
        self.n += other.n

    def evaluate(self) -> int:
        return self.n


class CountedRows(Rows):
    """The same with all that a class may have."""

    def retract(self, count: int = 1) -> None:
        self.n -= count

    def state(self) -> int:
        return self.n

    @classmethod
    def from_state(cls, state: int) -> CountedRows:
        return cls(state)


@pytest.mark.parametrize("mode", ["row", "numpy", "arrow"])
@pytest.mark.parametrize("kind", [Rows, CountedRows])
def test_aggregates_without_arguments(tmp_path: Path, mode: Any, kind: type[Rows]) -> None:
    if mode != "row":
        pytest.importorskip("numpy" if mode == "numpy" else "pyarrow")

    def register(db: laminardb.Connection) -> None:
        state = int if kind is CountedRows else None
        db.register_udaf("n", kind, return_type=int, accumulator_type=state, arg_types=[], mode=mode)

    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)
    own = "SELECT g, n() AS n, n() FILTER (WHERE v > 5) AS few, n(100) AS more FROM t GROUP BY g"
    twin = "SELECT g, count(*), count(*) FILTER (WHERE v > 5), 100 + count(*) FROM t GROUP BY g ORDER BY g"
    whole = "SELECT n() AS n, max(v) AS v FROM t"

    def check(db: laminardb.Connection) -> None:
        wanted = db.query(twin).fetchall()
        assert sorted(db.query_stream("s").fetchall()) == wanted
        assert sorted(db.query(own).fetchall()) == wanted
        assert db.query_stream("w").fetchall() == db.query("SELECT count(*), max(v) FROM t").fetchall()

    with laminardb.open(tmp_path / "d", config=config) as db:
        register(db)
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, g BIGINT, v BIGINT)")
        db.execute(f"CREATE STREAM s AS {own}; CREATE STREAM w AS {whole}")
        db.start()
        counted = db.query("SELECT n() FROM t")
        assert counted.columns == ["n()"] and counted.fetchall() == [(0,)]
        assert "aggs: n()" in str(db.query("EXPLAIN SELECT n() FROM t").fetchall())
        for i in range(0, 40, 4):
            db.insert("t", [(k, k % 3, k % 11) for k in range(i, i + 4)])
        db.insert("t", [(k, k % 3, None) for k in range(5000, 9000)])
        check(db)
        db.execute("DELETE FROM t WHERE v > 7 OR k > 6000")
        check(db)
        db.execute("UPDATE t SET g = 4 WHERE k < 20")
        check(db)
        frames = "OVER (PARTITION BY g ORDER BY k ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)"
        assert (
            db.query(f"SELECT k, n() {frames} FROM t ORDER BY k").fetchall()
            == db.query(f"SELECT k, count(*) {frames} FROM t ORDER BY k").fetchall()
        )
        db.checkpoint()
        db.insert("t", (9999, 1, 1))
    with laminardb.open(tmp_path / "d", config=config) as db:
        db.start()
        db.insert("t", (10000, 1, 1))
        register(db)
        check(db)
        db.execute("DELETE FROM t")
        check(db)
        with pytest.raises(laminardb.LaminarError):
            db.query("SELECT n(v) FROM t")


@requirement("F-PY-031.2")
def test_exponential_moving_average(db: laminardb.Connection) -> None:
    """The class of the specification, filled in."""
    pytest.importorskip("pyarrow")
    import pyarrow as pa

    calls = set()

    @laminardb.udaf(
        return_type=pa.float64(),
        accumulator_type=pa.struct([("sum", pa.float64()), ("count", pa.int64())]),
    )
    class ExponentialMovingAverage:
        def __init__(self, alpha: float = 0.1):
            self.alpha = alpha
            self.average: float | None = None
            self.count = 0

        def accumulate(self, values: pa.Array) -> None:
            calls.add("accumulate")
            for value in values.to_pylist():
                before = value if self.average is None else self.average
                self.average = self.alpha * value + (1 - self.alpha) * before
                self.count += 1

        def merge(self, other: ExponentialMovingAverage) -> None:
            calls.add("merge")
            if other.average is not None:
                before = other.average if self.average is None else self.average
                weight = (1 - self.alpha) ** other.count
                self.average = weight * before + (1 - weight) * other.average
                self.count += other.count

        def evaluate(self) -> pa.Scalar:
            calls.add("evaluate")
            return pa.scalar(self.average, pa.float64())

    db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE)")
    db.start()
    db.insert("trades", [("A", 10.0), ("A", 20.0), ("B", 5.0)])
    db.register_udaf("ema", ExponentialMovingAverage)
    result = db.query("SELECT symbol, ema(price) FROM trades GROUP BY symbol")
    assert sorted(result.fetchall()) == [("A", 11.0), ("B", 5.0)]
    half = db.query("SELECT symbol, ema(price, 0.5) FROM trades GROUP BY symbol")
    assert sorted(half.fetchall()) == [("A", 15.0), ("B", 5.0)]
    assert {"accumulate", "evaluate"} <= calls


# ---- failures in streams


def test_a_failing_function_fails_its_stream_alone(db: laminardb.Connection) -> None:
    def picky(x: int) -> int:
        if x == 13:
            raise ValueError("not thirteen")
        return x

    db.register_udf("picky", picky, mode="row", return_type=int, arg_types=[int])
    db.execute("CREATE SOURCE t (v BIGINT)")
    db.execute("CREATE STREAM s AS SELECT picky(v) AS w FROM t; CREATE STREAM other AS SELECT v FROM t")
    db.start()
    changes = db.subscribe_stream("s")
    db.insert("t", [(1,), (2,)])
    assert db.insert("t", {"v": 13}) == 1  # the insert stands
    db.insert("t", {"v": 4})
    got: list[Any] = []
    with pytest.raises(laminardb.StreamError, match="ValueError: not thirteen at .*test_udf_streams.py") as e:
        while (batch := changes.next()) is not None:
            got += batch.fetchall()
    assert e.value.code == 600 and got == [(1,), (2,)]
    error = some(db.stream_metrics("s")).error
    assert error is not None and "not thirteen" in error
    assert db.query_stream("other").num_rows == 4
    db.register_udf("picky", lambda x: x, mode="row", return_type=int, arg_types=[int])
    db.execute("ALTER STREAM s RETRY")
    assert db.query_stream("s").fetchall() == [(1,), (2,), (13,), (4,)]


def test_volatile_values_are_kept_for_their_retraction(db: laminardb.Connection) -> None:
    calls = iter(range(1000))
    db.register_udf(
        "ticket", lambda x: next(calls), mode="row", return_type=int, arg_types=[int], volatile=True
    )
    db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)")
    db.execute("CREATE STREAM s AS SELECT k, ticket(v) AS w FROM t")
    db.start()
    db.insert("t", [(i, i) for i in range(5)])
    first = dict(db.query_stream("s").fetchall())
    db.execute("DELETE FROM t WHERE k < 3")
    assert dict(db.query_stream("s").fetchall()) == {k: v for k, v in first.items() if k >= 3}


def test_volatile_values_after_a_crash(tmp_path: Path) -> None:
    """Those of before the checkpoint are kept, those behind it made again; both go with their rows."""
    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)

    def register(db: laminardb.Connection, first: int) -> None:
        calls = iter(range(first, first + 1000))
        db.register_udf(
            "ticket", lambda x: next(calls), mode="row", return_type=int, arg_types=[int], volatile=True
        )

    with laminardb.open(tmp_path / "a", config=config) as db:
        register(db, 1000)
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT k, ticket(v) AS w FROM t")
        db.execute("CREATE STREAM n AS SELECT count(*) AS n, sum(w) AS w FROM s")
        db.start()
        db.insert("t", [(i, i) for i in range(5)])
        db.checkpoint()
        db.insert("t", [(i, i) for i in range(5, 10)])
        db.execute("DELETE FROM t WHERE k IN (1, 6)")
        before = dict(db.query_stream("s").fetchall())
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    with laminardb.open(tmp_path / "b", config=config) as db:
        register(db, 5000)
        after = dict(db.query_stream("s").fetchall())
        assert after.keys() == before.keys()
        assert {k: v for k, v in after.items() if k < 5} == {k: v for k, v in before.items() if k < 5}
        assert all(v >= 5000 for k, v in after.items() if k >= 5)
        db.execute("DELETE FROM t WHERE k IN (0, 7)")
        left = {k: v for k, v in after.items() if k not in (0, 7)}
        assert dict(db.query_stream("s").fetchall()) == left
        assert db.query_stream("n").fetchall() == [(len(left), sum(left.values()))]
        db.execute("DELETE FROM t")
        assert db.query_stream("s").fetchall() == []
        assert db.query_stream("n").fetchall() == [(0, None)]


# ---- processors


@pytest.mark.parametrize("mode", ["row", "numpy", "arrow"])
@pytest.mark.parametrize("yields", [True, False])
def test_a_processor_counts_by_key(db: laminardb.Connection, mode: Any, yields: bool) -> None:
    if mode != "row":
        pytest.importorskip("numpy" if mode == "numpy" else "pyarrow")

    def sum_of(rows: Any) -> float:
        if mode == "row":
            return float(sum(r["v"] for r in rows))
        return float(rows["v"].sum() if mode == "numpy" else sum(rows.column("v").to_pylist()))

    def yielding(key: Any, rows: Any, state: Any, timers: Any) -> Any:
        state.value = (state.value or 0.0) + sum_of(rows)
        yield key, state.value

    def returning(key: Any, rows: Any, state: Any, timers: Any) -> Any:
        total = (state or 0.0) + sum_of(rows)
        return [{"k": key, "total": total}], total

    db.register_processor(
        "summed",
        yielding if yields else returning,
        return_type={"k": str, "total": float},
        state_type=float,
        mode=mode,
    )
    db.execute("CREATE SOURCE t (k VARCHAR, v DOUBLE)")
    db.execute("CREATE STREAM s AS SELECT * FROM summed(TABLE t PARTITION BY k)")
    db.start()
    db.insert("t", [("a", 1.0), ("b", 2.0), ("a", 3.0)])
    db.insert("t", [("b", 4.0)])
    assert sorted(db.query_stream("s").fetchall()) == [("a", 4.0), ("b", 2.0), ("b", 6.0)]


def sessions(key: Any, rows: Any, state: Any, timers: Any) -> Any:
    """A session ends a second after its last click."""
    if timers.fired and state.value is not None:
        yield key, state.value["clicks"]
        state.value = None
    for row in rows:
        before = state.value or {"clicks": 0, "ends": None}
        if before["ends"] is not None:
            timers.cancel(before["ends"])
        ends = row["ts"] + 1000
        timers.set(ends)
        state.value = {"clicks": before["clicks"] + 1, "ends": ends}


def test_timers_and_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "d.ldb"
    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)

    def opened() -> laminardb.Connection:
        db = laminardb.open(path, config=config)
        db.register_processor(
            "sessions",
            sessions,
            return_type={"k": str, "clicks": int},
            state_type={"clicks": int, "ends": int},
        )
        return db

    with opened() as db:
        db.execute("CREATE SOURCE c (k VARCHAR, ts BIGINT, WATERMARK FOR ts)")
        db.execute("CREATE STREAM s AS SELECT * FROM sessions(TABLE c PARTITION BY k)")
        db.start()
        db.insert("c", [("a", 0), ("a", 500), ("b", 600)])
        assert db.query_stream("s").fetchall() == []
        db.checkpoint()
    with opened() as db:
        db.start()
        db.insert("c", [("b", 1200)])  # b goes on, and 1,200 is before a's end at 1,500
        db.insert("c", [("x", 1600)])
        assert db.query_stream("s").fetchall() == [("a", 2)]
        db.insert("c", [("x", 5000)])
        assert sorted(db.query_stream("s").fetchall()) == [("a", 2), ("b", 2), ("x", 1)]


def test_processors_say_what_is_wrong(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k VARCHAR)")
    makes: list[tuple[Callable[..., Any], str]] = [
        (lambda k, rows, state, timers: 5, "returns \\(rows, state\\)"),
        (lambda k, rows, state, timers: ([(k, 1)], None), "TypeError"),
        (lambda k, rows, state, timers: ([(1,)], None), "TypeError"),
        (lambda k, rows, state, timers: ([], "text"), "TypeError"),
        (lambda k, rows, state, timers: 1 / 0, "ZeroDivisionError"),
    ]
    for i, (make, _) in enumerate(makes):
        db.register_processor(f"p{i}", make, return_type={"k": str}, state_type=int)
        db.execute(f"CREATE STREAM s{i} AS SELECT * FROM p{i}(TABLE t PARTITION BY k)")
    db.start()
    db.insert("t", {"k": "a"})
    for i, (_, said) in enumerate(makes):
        error = some(db.stream_metrics(f"s{i}")).error
        assert error is not None and re.search(said, error), (i, error)
    with pytest.raises(TypeError, match="STRUCT"):
        db.register_processor("q", print, return_type=int, state_type=int)
