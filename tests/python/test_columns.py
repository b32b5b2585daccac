# SPDX-License-Identifier: Apache-2.0
"""Columns for insert: lists of one kind and of many, arrays and series of every library, and what is none."""

from __future__ import annotations

import array
import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import laminardb
import pytest

DDL = "CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR, ts TIMESTAMP, i INTEGER)"


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as db:
        db.execute(DDL)
        yield db


def stored(db: laminardb.Connection, columns: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What insert made of the columns."""
    before = db.query("SELECT count(*) FROM t").fetchall()[0][0]
    n = db.insert("t", columns)
    rows = db.query(f"SELECT {', '.join(columns)} FROM t").fetchall()
    assert len(rows) == before + n
    return rows[before:]


def test_runs_of_numbers_are_the_same_as_rows(db: laminardb.Connection) -> None:
    """Lists that change between ints, floats, bools, texts and None at any place."""
    kinds: list[Callable[[random.Random], Any]] = [
        lambda r: r.randint(-(2**63), 2**63 - 1) // 2**12,
        lambda r: float(r.randint(-9, 9)),
        lambda r: r.random() < 0.5,
        lambda r: str(r.randint(0, 99)),
        lambda r: None,
    ]
    for seed in range(60):
        r = random.Random(seed)
        lists: dict[str, list[Any]] = {"k": [], "v": [], "s": [], "i": []}
        size = r.choice((1, 511, 512, 513, 1500))
        for name, items in lists.items():
            while len(items) < size:
                kind = r.choice(kinds if name != "i" else kinds[1:])
                items += [kind(r) for _ in range(r.choice((1, 2, 700)))]
            del items[size:]
        got = stored(db, lists)
        db.execute(f"CREATE SOURCE rows{seed} (k BIGINT, v DOUBLE, s VARCHAR, i INTEGER)")
        rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
        assert db.insert(f"rows{seed}", rows) == size
        assert got == db.query(f"SELECT * FROM rows{seed}").fetchall(), seed


@pytest.mark.parametrize(("bad", "row"), [("x", 601), (2**70, 601), (0.5, 601)])
def test_a_bad_value_behind_a_run_is_named(db: laminardb.Connection, bad: Any, row: int) -> None:
    with pytest.raises(laminardb.IngestionError, match=f'row {row}, column "k"'):
        db.insert("t", {"k": [1] * 600 + [bad] + [2] * 600})
    assert db.query("SELECT count(*) FROM t").fetchone() == (0,)


def test_numpy(db: laminardb.Connection) -> None:
    np = pytest.importorskip("numpy")
    nan = float("nan")
    assert stored(db, {"k": np.arange(20000), "v": np.arange(20000) / 2}) == [
        (i, i / 2) for i in range(20000)
    ]
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i8", "f4", "f8", "?"):
        assert stored(db, {"k": np.array([0, 1], dtype=kind)}) == [(0,), (1,)], kind
        assert stored(db, {"i": np.array([0, 1], dtype=kind)}) == [(0,), (1,)], kind
        assert stored(db, {"v": np.array([0, 1], dtype=kind)}) == [(0.0,), (1.0,)], kind
    assert stored(db, {"k": np.arange(6)[::-2], "v": np.arange(6.0)[1::2]}) == [(5, 1.0), (3, 3.0), (1, 5.0)]
    assert str(stored(db, {"v": np.array([nan, 1])})) == "[(nan,), (1.0,)]"
    assert stored(db, {"s": np.array(["a", "bc"])}) == [("a",), ("bc",)]
    assert stored(db, {"s": np.array(["a", None], dtype=object)}) == [("a",), (None,)]
    times = np.array(["2024-01-01T10:00", "NaT"], dtype="datetime64[ns]")
    assert stored(db, {"ts": times}) == [(dt.datetime(2024, 1, 1, 10),), (None,)]
    assert stored(db, {"k": np.int64(5), "v": np.float64(2.5), "s": np.str_("q")}) == [(5, 2.5, "q")]
    with pytest.raises(TypeError, match="a column has one dimension, not 2"):
        db.insert("t", {"k": np.zeros((2, 2))})
    with pytest.raises(laminardb.IngestionError, match="row 2, column \"k\": value '0.5'"):
        db.insert("t", {"k": np.array([1, 0.5])})
    with pytest.raises(laminardb.IngestionError, match='column "v" has 1 values, others have 2'):
        db.insert("t", {"k": np.array([1, 2]), "v": np.array([1.0])})


def test_series_and_arrow_arrays(db: laminardb.Connection) -> None:
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    want = [(1, "a", 1.5), (None, None, None)]
    mixed = {
        "k": pd.Series([1, None], dtype="Int64"),
        "s": pl.Series(["a", None]),
        "v": pa.array([1.5, None]),
    }
    assert stored(db, mixed) == want
    assert stored(db, {"v": pd.Series([1.5, None]), "k": pa.chunked_array([[1], [None]])}) == [
        (1.5, 1),
        (None, None),
    ]


def test_a_list_may_stand_beside_an_array_of_the_standard_library(db: laminardb.Connection) -> None:
    assert stored(db, {"k": [1, 2], "v": array.array("d", [0.5, 1.5])}) == [(1, 0.5), (2, 1.5)]
    with pytest.raises(TypeError, match="column \"v\" is a <class 'int'> where the others are lists"):
        db.insert("t", {"k": [1, 2], "v": 5})


def one_row(r: random.Random, odd: float) -> dict[str, Any]:
    kinds: list[Callable[[], Any]] = [
        lambda: r.randint(-(2**63), 2**63 - 1),
        lambda: None,
        lambda: Decimal(r.randint(-9, 9)),
        lambda: r.random() < 0.5,
    ]
    row = {
        "k": kinds[0]() if r.random() > odd else r.choice(kinds)(),
        "v": r.random() if r.random() > odd else r.choice((1, None, True, Decimal("0.5"), 2**70)),
        "s": f"text {r.randint(0, 9)} é" if r.random() > odd else r.choice((1, None, 2.5, True, 10**50)),
    }
    if r.random() < odd:
        del row[r.choice(("v", "s"))]
    if r.random() < odd:
        row = dict(reversed(row.items()))
    if r.random() < odd:
        row = {name.upper(): value for name, value in row.items()}
    return row


@pytest.mark.parametrize("odd", (0.0, 0.001, 0.1))
def test_lists_of_rows_are_the_same_as_rows(odd: float) -> None:
    """Rows that are alike are taken many at once: up to any row that is not."""
    r = random.Random(int(odd * 1000))
    declared = "(k BIGINT, v DOUBLE DEFAULT 7, s VARCHAR)"
    for size in (1, 2, 127, 128, 129, 1000, 3000):
        with laminardb.open() as db:
            db.execute(f"CREATE SOURCE whole {declared}; CREATE SOURCE single {declared}")
            rows = [one_row(r, odd) for _ in range(size)]
            assert db.insert("whole", rows) == size
            for row in rows:
                db.insert("single", row)
            assert db.query("SELECT * FROM whole").fetchall() == db.query("SELECT * FROM single").fetchall()
            whole = [row for row in rows if list(row) == ["k", "v", "s"]]
            before = db.query("SELECT count(*) FROM single").fetchall()[0][0]
            tuples = [tuple(row.values()) for row in whole]
            assert db.insert("single", tuples) == len(tuples) if tuples else True
            db.execute(f"CREATE SOURCE again {declared}")
            assert db.insert("again", whole) == len(whole) if whole else True
            assert (
                db.query("SELECT * FROM single").fetchall()[before:]
                == db.query("SELECT * FROM again").fetchall()
            )


def test_what_is_wrong_in_a_list_of_rows(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE u (k BIGINT, v DOUBLE)")
    for at in (0, 1, 200, 999):
        rows: list[Any] = [{"k": i, "v": 0.5} for i in range(1000)]
        rows[at] = {"k": at, "v": "half"}
        with pytest.raises(laminardb.IngestionError, match=f'row {at + 1}, column "v"'):
            db.insert("u", rows)
        rows[at] = {"k": at, "w": 0.5}
        with pytest.raises(laminardb.IngestionError, match='unknown column "w"'):
            db.insert("u", rows)
        rows[at] = {"k": at, "v": object()}
        with pytest.raises(TypeError, match='column "v"'):
            db.insert("u", rows)
        rows[at] = {}
        with pytest.raises(TypeError, match="empty dict"):
            db.insert("u", rows)
        with pytest.raises(TypeError, match="a row of 1 values for 2 columns"):
            db.insert("u", [(1, 2)] * at + [(1,)])
    # Two rows whose keys together look like a layout of both columns, and mean one of them.
    with pytest.raises(laminardb.IngestionError, match='names column "k" twice'):
        db.insert("u", [{"k": 1}, {"v": 1.0, "K": 2}, *[{"k": 1, "K": 2}] * 9])
    assert db.query("SELECT count(*) FROM u").fetchone() == (0,)


def test_a_list_of_rows_that_shrinks_meanwhile(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE u (k BIGINT, v DOUBLE)")
    rows: list[dict[str, Any]] = [{"k": i, "v": 1.0} for i in range(300)]

    class Index:
        def __index__(self) -> int:
            del rows[150:]
            return 5

    rows[140]["k"] = Index()
    assert db.insert("u", rows) == 150
    assert db.query("SELECT count(*), max(k) FROM u WHERE k >= 140").fetchone() == (9, 149)
