# SPDX-License-Identifier: Apache-2.0
"""Faults that other systems had, each by its number in patterns.py, with the fewest rows that show it."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import random
import re
import struct
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import laminardb
import numpy as np
import pyarrow as pa
import pytest
from patterns import OPEN, PATTERNS
from running import Row, bag, changes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as c:
        c.start()
        yield c


# ---------------------------------------------------------------------- the table


def exists(test: str) -> bool:
    name, _, function = test.partition("::")
    path = Path(__file__).parent / name if "/" not in name else ROOT / name
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".c":
        return f"UNIT({function})" in text
    return path.suffix == ".slt" or re.search(rf"^(async )?def {function}\(", text, re.MULTILINE) is not None


def test_every_pattern_has_a_test() -> None:
    assert list(PATTERNS) == list(range(1, 79))
    for number, tests in PATTERNS.items():
        for test in tests:
            assert test.startswith("open: ") or exists(test), f"pattern {number}: no test {test}"
    assert sum(tests[0].startswith("open: ") for tests in PATTERNS.values()) <= OPEN
    mine = {t for tests in PATTERNS.values() for t in tests if t.startswith("test_patterns")}
    written = set()
    for path in Path(__file__).parent.glob("test_patterns*.py"):
        found = re.findall(r"^def (test_\d\d_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        written |= {f"{path.name}::{name}" for name in found}
    assert mine == written


# ---------------------------------------------------------------------- A. retraction and aggregates


def test_01_extremes_go(db: laminardb.Connection) -> None:
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, x BIGINT)")
    db.execute("CREATE STREAM s AS SELECT min(x) AS low, max(x) AS high FROM t EMIT CHANGES")
    r, rows = random.Random(1), dict[int, int]()
    for i in range(300):
        if rows and r.random() < 0.5:
            gone = r.choice((min, max))(rows, key=lambda k: rows[k])
            del rows[gone]
            db.execute("DELETE FROM t WHERE id = ?", [gone])
        else:
            rows[i] = r.randint(-9, 9)
            db.insert("t", (i, rows[i]))
        want = (min(rows.values(), default=None), max(rows.values(), default=None))
        assert db.query("SELECT * FROM s").fetchall() == [want]


def test_03_groups_vanish(db: laminardb.Connection) -> None:
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, k VARCHAR, x BIGINT)")
    db.execute("CREATE STREAM s AS SELECT k, count(*) AS n, sum(x) AS total FROM t GROUP BY k EMIT CHANGES")
    sub = db.subscribe_stream("s")
    db.insert("t", (1, "a", 5))
    db.execute("DELETE FROM t")
    assert changes(sub) == [("a", 1, 5, 1), ("a", 1, 5, -1)]
    assert db.query("SELECT * FROM s").fetchall() == []


def test_04_nothing_is_one_row(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x BIGINT)")
    sub = db.subscribe("SELECT count(*), sum(x) FROM t EMIT CHANGES")
    assert changes(sub) == [(0, None, 1)]
    db.insert("t", (4,))
    assert changes(sub) == [(0, None, -1), (1, 4, 1)]
    assert db.query("SELECT count(*), sum(x) FROM t WHERE x > 9").fetchall() == [(0, None)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT k, sum(x) AS total FROM t GROUP BY k",
        "SELECT DISTINCT k, x FROM t",
        "SELECT a.id AS p, b.id AS q FROM t AS a LEFT JOIN t AS b ON a.x = b.x AND a.id < b.id",
        "SELECT id, x FROM t ORDER BY x, id LIMIT 2",
        "SELECT id, lag(x) OVER (ORDER BY id) AS before FROM t",
    ],
)
def test_05_changes_apply_in_their_order(db: laminardb.Connection, query: str) -> None:
    """One by one, in the order in which they come: no row is taken away that is not there."""
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, k VARCHAR, x BIGINT)")
    sub = db.subscribe(f"{query} EMIT CHANGES")
    r, state = random.Random(5), Counter[Row]()
    for _ in range(120):
        if r.random() < 0.3:
            db.execute(f"DELETE FROM t WHERE id = {r.randint(0, 6)}")
        else:
            db.insert(
                "t", [(r.randint(0, 6), r.choice("ab"), r.randint(0, 2)) for _ in range(r.randint(1, 3))]
            )
        for *row, weight in changes(sub):
            state[tuple(row)] += weight
            assert state[tuple(row)] >= 0, (query, row)
        assert +state == bag(db.query(query).fetchall())


def test_07_sums_do_not_wrap(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x BIGINT)")
    db.execute("CREATE STREAM s AS SELECT sum(x) AS total FROM t")
    db.execute("CREATE STREAM n AS SELECT count(*) AS n FROM t")
    db.insert("t", [(2**63 - 1,), (1,)])
    metrics = db.stream_metrics("s")
    assert metrics is not None and metrics.error is not None and "BIGINT" in metrics.error
    with pytest.raises(laminardb.QueryError):
        db.query("SELECT sum(x) FROM t")
    db.insert("t", (-1,))
    assert db.query("SELECT * FROM n").fetchall() == [(3,)]  # the others live
    assert db.query("SELECT sum(x) FROM t").fetchall() == [(2**63 - 1,)]  # of the total alone
    assert db.query("SELECT sum(x::HUGEINT) FROM t WHERE x > 0").fetchall() == [(2**63,)]


def test_08_averages_of_the_largest(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x BIGINT)")
    db.execute("CREATE STREAM s AS SELECT avg(x) AS mean FROM t")
    db.insert("t", [(2**63 - 1,)] * 3)
    assert db.query("SELECT * FROM s").fetchall() == [(float(2**63 - 1),)]


def test_09_distinct_counts_copies(db: laminardb.Connection) -> None:
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, x BIGINT)")
    db.execute("CREATE STREAM d AS SELECT DISTINCT x FROM t")
    db.execute("CREATE STREAM c AS SELECT count(DISTINCT x) AS n, sum(DISTINCT x) AS s FROM t")
    db.insert("t", [(i, 7) for i in range(5)])
    for left in range(4, 0, -1):
        db.execute(f"DELETE FROM t WHERE id = {left}")
        assert db.query("SELECT * FROM d").fetchall() == [(7,)]
        assert db.query("SELECT * FROM c").fetchall() == [(1, 7)]
    db.execute("DELETE FROM t")
    assert db.query("SELECT * FROM d").fetchall() == []
    assert db.query("SELECT * FROM c").fetchall() == [(0, None)]


def test_10_filters_flip(db: laminardb.Connection) -> None:
    """The old row is taken back by what it was, not by what the new one is."""
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, ok BOOLEAN, x BIGINT)")
    query = (
        "SELECT count(*) FILTER (WHERE ok) AS n, sum(x) FILTER (WHERE ok) AS s,"
        " max(x) FILTER (WHERE NOT ok) AS m, sum(CASE WHEN ok THEN x ELSE -x END) AS c FROM t"
    )
    db.execute(f"CREATE STREAM s AS {query}")
    db.insert("t", [(1, True, 5), (2, False, 3), (3, None, 2)])
    for text, want in (
        ("UPDATE t SET ok = NOT ok", (1, 3, 5, -4)),
        ("UPDATE t SET ok = TRUE WHERE id = 3", (2, 5, 5, 0)),
        ("UPDATE t SET ok = NULL", (0, None, None, -10)),
    ):
        db.execute(text)
        assert db.query("SELECT * FROM s").fetchall() == [want] == db.query(query).fetchall()


def test_11_first_and_last(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k VARCHAR, ts BIGINT, x BIGINT)")
    query = "SELECT k, first(x ORDER BY ts) AS f, last(x ORDER BY ts) AS l FROM t GROUP BY k"
    db.execute(f"CREATE STREAM s AS {query}")
    rows = [
        ("nulls", 1, None),
        ("nulls", 2, None),
        ("leading", 1, None),
        ("leading", 2, 4),
        ("leading", 3, None),
    ]
    rows += [("tie", 1, 9), ("tie", 1, 3), ("tie", 1, 6)]
    for order in itertools.islice(itertools.permutations(rows), 0, 40000, 997):
        assert bag(db.query("SELECT * FROM s").fetchall()) == bag(db.query(query).fetchall())
        with laminardb.open() as other:
            other.execute("CREATE SOURCE t (k VARCHAR, ts BIGINT, x BIGINT)")
            other.execute(f"CREATE STREAM s AS {query}")
            other.start()
            other.insert("t", list(order))
            got = {k: (f, la) for k, f, la in other.query("SELECT * FROM s").fetchall()}
            assert got["nulls"] == (None, None) and got["leading"] == (4, 4)
            assert got["tie"] in ((3, 9), (3, 3), (9, 9), (6, 6)) or len(set(got["tie"])) <= 2
            assert bag(other.query(query).fetchall()) == bag(other.query("SELECT * FROM s").fetchall())


def test_14_variance_of_large_numbers(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x DOUBLE)")
    db.execute("CREATE STREAM s AS SELECT var_samp(x) AS v, stddev_pop(x) AS d FROM t")
    for i in (1, 2, 3):
        db.insert("t", (1e9 + i,))
    for text in ("SELECT * FROM s", "SELECT var_samp(x), stddev_pop(x) FROM t"):
        v, d = db.query(text).fetchall()[0]
        assert math.isclose(v, 1.0, rel_tol=1e-12) and math.isclose(d, math.sqrt(2 / 3), rel_tol=1e-12)


# ---------------------------------------------------------------------- B. NULL, equality, types


def test_17_null_is_a_group(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (a VARCHAR, b BIGINT)")
    query = "SELECT a, b, count(*) AS n FROM t GROUP BY a, b"
    db.execute(f"CREATE STREAM s AS {query}")
    keys = list(itertools.product((None, "", "0", "NULL"), (None, 0, 1)))
    for row in keys * 2:
        db.insert("t", row)
    want = {(*key, 2): 1 for key in keys}
    assert bag(db.query("SELECT * FROM s").fetchall()) == want == bag(db.query(query).fetchall())


def test_18_not_in_with_null(db: laminardb.Connection) -> None:
    db.execute("CREATE TABLE t (x BIGINT)")
    db.execute("CREATE TABLE u (id BIGINT PRIMARY KEY, y BIGINT)")
    query = "SELECT x, x NOT IN (SELECT y FROM u) AS out FROM t"
    db.execute(f"CREATE STREAM s AS {query}")
    db.insert("t", [(1,), (2,), (None,)])

    def check(one: object, two: object, null: object) -> None:
        want = {(1, one): 1, (2, two): 1, (None, null): 1}
        assert bag(db.query("SELECT * FROM s").fetchall()) == want == bag(db.query(query).fetchall())

    check(True, True, True)  # of nothing
    db.insert("u", (1, 1))
    check(False, True, None)
    db.insert("u", (2, None))
    check(False, None, None)
    db.execute("DELETE FROM u WHERE id = 1")
    check(None, None, None)
    db.execute("DELETE FROM u")
    check(True, True, True)


def nans() -> pa.Array:
    bits = [
        0x7FF8000000000000,
        0xFFF8000000000000,
        0x7FF0000000000001,
        0xFFFFFFFFFFFFFFFF,
        0x7FF8DEADBEEF0000,
    ]
    return pa.array(np.array(bits, dtype=np.uint64).view(np.float64))


def test_19_every_nan_is_one(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x DOUBLE)")
    db.execute("CREATE STREAM g AS SELECT x, count(*) AS n FROM t GROUP BY x")
    db.execute("CREATE STREAM d AS SELECT DISTINCT x FROM t")
    db.execute("CREATE STREAM j AS SELECT count(*) AS n FROM t AS a JOIN t AS b ON a.x = b.x")
    db.insert("t", pa.table({"x": nans()}))
    assert [n for _, n in db.query("SELECT * FROM g").fetchall()] == [5]
    assert len(db.query("SELECT * FROM d").fetchall()) == 1
    assert db.query("SELECT * FROM j").fetchall() == [(25,)]
    assert db.query("SELECT count(DISTINCT x), count(*) FILTER (WHERE x > 1e308) FROM t").fetchall() == [
        (1, 5)
    ]


def test_19_zeros_are_one(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (x DOUBLE, f FLOAT)")
    db.execute("CREATE STREAM g AS SELECT x, f, count(*) AS n FROM t GROUP BY x, f")
    db.insert("t", [(0.0, -0.0), (-0.0, 0.0), (0.0, 0.0)])
    assert [n for *_, n in db.query("SELECT * FROM g").fetchall()] == [3]
    joined = "SELECT count(*) FROM t AS a JOIN t AS b ON a.x = b.f"
    assert db.query(joined).fetchall() == [(9,)]


def test_21_garbage_under_null(db: laminardb.Connection) -> None:
    """What stands in the bytes of a NULL is never read: rows differ there, and nothing else does."""
    validity = pa.py_buffer(bytes([0b01010101]))
    ints = pa.py_buffer(struct.pack("<8q", *range(8)))
    poisoned = pa.Array.from_buffers(pa.int64(), 8, [validity, ints])
    doubles = pa.py_buffer(struct.pack("<8d", *[math.nan, math.inf, 0.0, -0.0, 5, 6, 7, 8]))
    words = pa.array(["a", "b", "c", "d", "e", "f", "g", "h"])
    texts = pa.Array.from_buffers(pa.string(), 8, [validity, *words.buffers()[1:]])
    reals = pa.Array.from_buffers(pa.float64(), 8, [validity, doubles])
    db.execute("CREATE SOURCE t (i BIGINT, d DOUBLE, s VARCHAR)")
    db.execute("CREATE STREAM g AS SELECT i IS NULL AS none, count(*) AS n FROM t GROUP BY 1")
    db.execute("CREATE STREAM k AS SELECT i, d, s, count(*) AS n FROM t WHERE i IS NULL GROUP BY i, d, s")
    db.insert("t", pa.table({"i": poisoned, "d": reals, "s": texts}))
    assert bag(db.query("SELECT * FROM k").fetchall()) == {(None, None, None, 4): 1}
    assert bag(db.query("SELECT * FROM g").fetchall()) == {(True, 4): 1, (False, 4): 1}
    assert db.query("SELECT count(DISTINCT i), sum(i), count(DISTINCT s), min(d) FROM t").fetchall()[0][
        :3
    ] == (4, 12, 4)
    assert db.query("SELECT count(*) FROM t AS a JOIN t AS b ON a.i = b.i").fetchall() == [(4,)]


def columns_of_every_type(n: int) -> dict[str, list[Any]]:
    r = random.Random(22)

    def some(make: Any) -> list[Any]:
        return [None if r.random() < 0.2 else make() for _ in range(n)]

    day = dt.date(2000, 1, 1)
    return {
        "i": some(lambda: r.randint(-5, 5)),
        "d": some(lambda: r.randint(-5, 5) / 2),
        "s": some(lambda: r.choice(("", "a", "a text longer than a view holds"))),
        "b": some(lambda: r.random() < 0.5),
        "y": some(lambda: day + dt.timedelta(days=r.randint(0, 9))),
        "m": some(lambda: Decimal(r.randint(-99, 99)) / 100),
        "l": some(lambda: [r.randint(0, 2) for _ in range(r.randint(0, 2))]),
    }


def test_22_slices(db: laminardb.Connection) -> None:
    """Offsets that are no multiple of eight, in every column and buffer."""
    data = columns_of_every_type(90)
    whole = pa.table(
        {
            **{k: pa.array(v) for k, v in data.items() if k != "m"},
            "m": pa.array(data["m"], pa.decimal128(9, 2)),
        }
    )
    columns = "i BIGINT, d DOUBLE, s VARCHAR, b BOOLEAN, y DATE, l BIGINT[], m DECIMAL(9,2)"
    items = "s, b, count(*) AS n, sum(i) AS i, sum(d) AS d, max(y) AS y, sum(m) AS m, count(l) AS l"
    query = f"SELECT {items} FROM {{}} GROUP BY s, b"
    for offset in range(1, 10):
        name = f"t{offset}"
        db.execute(f"CREATE SOURCE {name} ({columns})")
        db.execute(f"CREATE STREAM s{offset} AS {query.format(name)}")
        for size in (1, 7, 8, 60):
            part = whole.slice(offset, size)
            db.insert(name, part)
            db.insert(name, part.slice(offset % size, max(size - offset, 1)))
        rows = []
        for size in (1, 7, 8, 60):
            part = whole.slice(offset, size)
            rows += list(zip(*part.to_pydict().values(), strict=True))
            rows += list(
                zip(*part.slice(offset % size, max(size - offset, 1)).to_pydict().values(), strict=True)
            )
        stored = db.query(f"SELECT * FROM {name}").fetchall()
        assert Counter(map(repr, stored)) == Counter(map(repr, rows))
        assert bag(db.query(f"SELECT * FROM s{offset}").fetchall()) == bag(
            db.query(query.format(name)).fetchall()
        )


def test_24_halves_of_decimals(db: laminardb.Connection) -> None:
    """Halves go away from zero, as PostgreSQL's do, once and in streams."""
    db.execute("CREATE SOURCE t (x DECIMAL(9,3))")
    query = "SELECT x, x::DECIMAL(9,2) AS two, round(x, 2) AS r, x::DECIMAL(9,0)::BIGINT AS whole FROM t"
    db.execute(f"CREATE STREAM s AS {query}")
    values = ("0.125", "-0.125", "0.135", "-0.135", "2.500", "-2.500", "3.500", "0.005", "-0.005")
    db.insert("t", [(Decimal(v),) for v in values])
    for text in ("SELECT * FROM s", query):
        for x, two, rounded, whole in db.query(text).fetchall():
            away = x.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
            assert (two, rounded) == (away, away), x
            assert whole == int(x.quantize(Decimal(1), rounding="ROUND_HALF_UP")), x


def test_25_integers_beyond_doubles(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (i BIGINT)")
    db.execute("CREATE SOURCE u (d DOUBLE)")
    db.execute("CREATE STREAM s AS SELECT i, d FROM t JOIN u ON i = d")
    big = 2**53
    db.insert("t", [(big,), (big + 1,)])
    db.insert("u", (float(big),))
    got = db.query("SELECT * FROM s").fetchall()
    assert got == db.query("SELECT i, d FROM t JOIN u ON i = d").fetchall()
    once = [i for i in (big, big + 1) if db.query(f"SELECT {i} = d FROM u").fetchall() == [(True,)]]
    assert [i for i, _ in got] == once  # a key of a join and a comparison agree


def test_27_spelling_of_names(db: laminardb.Connection) -> None:
    db.execute('CREATE SOURCE Foo (Bar BIGINT, "BAZ q" BIGINT)')
    for name in ("foo", "FOO", "Foo", '"Foo"'):
        db.execute(f"INSERT INTO {name} VALUES (1, 2)")
    for name, column in itertools.product(
        ("foo", "FOO", '"Foo"'), ("bar", "BAR", '"Bar"', "foo.bar", "FOO.Bar")
    ):
        assert db.query(f"SELECT count({column}) FROM {name}").fetchall() == [(4,)]
    assert db.query('SELECT Bar, "BAZ q" FROM foo LIMIT 0').columns == ["Bar", "BAZ q"]
    for wrong in ('SELECT * FROM "foo"', 'SELECT "bar" FROM foo', "SELECT baz FROM foo"):
        with pytest.raises(laminardb.QueryError):
            db.query(wrong)
    db.execute('CREATE STREAM "S t" AS SELECT bar FROM FOO')
    assert len(db.query_stream("S t").fetchall()) == 4
    with pytest.raises(laminardb.SchemaError):
        db.execute("CREATE SOURCE foo (x BIGINT)")


# ---------------------------------------------------------------------- C. joins


def test_29_padding_comes_and_goes(db: laminardb.Connection) -> None:
    """Matches of one row: 0, 1, 0, 2, 1, 0, on either side of a full join."""
    db.execute("CREATE TABLE l (id BIGINT PRIMARY KEY, k BIGINT)")
    db.execute("CREATE TABLE r (id BIGINT PRIMARY KEY, k BIGINT)")
    query = "SELECT l.id AS a, r.id AS b FROM l FULL JOIN r ON l.k = r.k"
    db.execute(f"CREATE STREAM s AS {query}")
    for one, many in (("l", "r"), ("r", "l")):
        db.insert(one, (1, 7))
        for text in (
            f"INSERT INTO {many} VALUES (10, 7)",
            f"DELETE FROM {many}",
            f"INSERT INTO {many} VALUES (10, 7), (11, 7)",
            f"DELETE FROM {many} WHERE id = 10",
            f"UPDATE {many} SET k = 8",
            f"UPDATE {many} SET k = 7",
            f"UPDATE {one} SET k = NULL",
            f"DELETE FROM {one}",
        ):
            db.execute(text)
            left = dict(db.query("SELECT id, k FROM l").fetchall())
            right = dict(db.query("SELECT id, k FROM r").fetchall())
            pairs = [(a, b) for a, x in left.items() for b, y in right.items() if x == y and x is not None]
            want = pairs + [(a, None) for a in left if a not in [p[0] for p in pairs]]
            want += [(None, b) for b in right if b not in [p[1] for p in pairs]]
            assert bag(db.query("SELECT * FROM s").fetchall()) == bag(want), text
        db.execute(f"DELETE FROM {many}")


def test_30_semi_is_not_inner(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE l (k BIGINT)")
    db.execute("CREATE SOURCE r (k BIGINT)")
    db.execute("CREATE STREAM semi AS SELECT l.k FROM l SEMI JOIN r ON l.k = r.k")
    db.execute("CREATE STREAM anti AS SELECT l.k FROM l ANTI JOIN r ON l.k = r.k")
    db.execute("CREATE STREAM held AS SELECT k FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.k)")
    db.insert("r", [(1,)] * 5)
    db.insert("l", [(1,), (1,), (2,)])
    db.insert("r", [(1,)] * 3)
    assert (
        db.query("SELECT * FROM semi").fetchall() == [(1,), (1,)] == db.query("SELECT * FROM held").fetchall()
    )
    assert db.query("SELECT * FROM anti").fetchall() == [(2,)]


def test_31_one_row_an_insert(db: laminardb.Connection) -> None:
    """A pair is found however far apart its rows came."""
    db.execute("CREATE SOURCE l (k BIGINT, x BIGINT)")
    db.execute("CREATE SOURCE r (k BIGINT, y BIGINT)")
    db.execute("CREATE STREAM s AS SELECT l.k, x, y FROM l JOIN r ON l.k = r.k")
    for i in range(50):
        db.insert("l", (i % 7, i))
        db.insert("r", ((i * 3) % 7, i))
    want = [(a % 7, a, b) for a in range(50) for b in range(50) if a % 7 == (b * 3) % 7]
    assert bag(db.query("SELECT * FROM s").fetchall()) == bag(want)


def test_33_a_table_changes_between_probes(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE trades (symbol VARCHAR, n BIGINT)")
    db.execute("CREATE TABLE names (symbol VARCHAR PRIMARY KEY, name VARCHAR)")
    db.execute("CREATE STREAM s AS SELECT n, name FROM trades LEFT JOIN names USING (symbol) EMIT CHANGES")
    sub = db.subscribe_stream("s")
    db.insert("trades", ("A", 1))
    assert changes(sub) == [(1, None, 1)]
    db.insert("names", ("A", "old"))
    assert bag(changes(sub)) == {(1, None, -1): 1, (1, "old", 1): 1}
    db.execute("UPDATE names SET name = 'new'")
    db.insert("trades", ("A", 2))
    assert bag(changes(sub)) == {(1, "old", -1): 1, (1, "new", 1): 1, (2, "new", 1): 1}
    db.execute("DELETE FROM names")
    db.insert("trades", ("A", 3))
    assert bag(db.query("SELECT * FROM s").fetchall()) == {(1, None): 1, (2, None): 1, (3, None): 1}


def test_34_bounds_of_intervals(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE l (t TIMESTAMP)")
    db.execute("CREATE SOURCE r (t TIMESTAMP)")
    base = dt.datetime(2024, 1, 1)
    bounds = ((-5, 5), (0, 5), (-5, -2), (2, 5), (0, 0))
    for i, (low, high) in enumerate(bounds):
        on = f"l.t BETWEEN r.t + INTERVAL '{low}' SECOND AND r.t + INTERVAL '{high}' SECOND"
        db.execute(f"CREATE STREAM s{i} AS SELECT l.t AS a, r.t AS b FROM l JOIN r ON {on}")
    steps = (-6, -5, -3, -2, -1, 0, 1, 2, 4, 5, 6)
    for s in steps:
        db.insert("l", (base + dt.timedelta(seconds=s),))
        if s in (0, -6):
            db.insert("r", (base,))
    for i, (low, high) in enumerate(bounds):
        got = [round((a - b).total_seconds()) for a, b in db.query(f"SELECT * FROM s{i}").fetchall()]
        assert Counter(got) == {s: 2 for s in steps if low <= s <= high}


def test_37_both_halves_of_a_self_join(db: laminardb.Connection) -> None:
    """Rows of one insert meet each other and themselves: old with new, new with old, new with new."""
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, k BIGINT)")
    db.execute("CREATE STREAM s AS SELECT a.id AS x, b.id AS y FROM t AS a JOIN t AS b ON a.k = b.k")
    ids: list[int] = []
    for part in ([1, 2], [3], [4, 5, 6]):
        db.insert("t", [(i, 0) for i in part])
        ids += part
        assert bag(db.query("SELECT * FROM s").fetchall()) == bag(list(itertools.product(ids, ids)))
    db.execute("DELETE FROM t WHERE id IN (2, 5)")
    assert bag(db.query("SELECT * FROM s").fetchall()) == bag(list(itertools.product((1, 3, 4, 6), repeat=2)))
    db.execute("UPDATE t SET k = id")
    assert bag(db.query("SELECT * FROM s").fetchall()) == {(i, i): 1 for i in (1, 3, 4, 6)}


def test_38_diamonds(db: laminardb.Connection) -> None:
    """d = b join c, both over a: at no moment does d show one half of an insert."""
    db.execute("CREATE TABLE a (k BIGINT PRIMARY KEY, x BIGINT)")
    db.execute("CREATE STREAM c AS SELECT k, sum(x) AS x FROM a GROUP BY k")
    db.execute("CREATE STREAM b AS SELECT k, x FROM a")
    db.execute("CREATE STREAM d AS SELECT b.k, b.x AS bx, c.x AS cx FROM b JOIN c ON b.k = c.k EMIT CHANGES")
    sub, state = db.subscribe_stream("d"), Counter[Row]()
    r = random.Random(38)
    for _ in range(200):
        db.insert("a", [(r.randint(0, 4), r.randint(0, 99)) for _ in range(r.randint(1, 3))])
        while (batch := sub.try_next()) is not None:
            for *row, weight in batch.fetchall():
                state[tuple(row)] += weight
            assert all(n == 1 and row[1] == row[2] for row, n in state.items() if n)


def test_39_a_join_too_large() -> None:
    config = laminardb.LaminarConfig(memory_limit=64 << 20)
    with laminardb.open(config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT, x BIGINT)")
        db.start()
        db.insert("t", [(1, i) for i in range(10_000)])
        with pytest.raises((MemoryError, laminardb.LaminarError)):
            db.query(
                "SELECT a.x * 10000 + b.x AS s, count(*) FROM t AS a JOIN t AS b ON a.k = b.k GROUP BY 1"
            )
        assert db.query("SELECT count(*) FROM t").fetchall() == [(10_000,)]
        assert db.query("SELECT sum(x) FROM t WHERE x < 4").fetchall() == [(6,)]
