# SPDX-License-Identifier: Apache-2.0
"""RANGE frames with offsets over keys of every ordered number and time, against exact arithmetic row by row.

Once, as a stream over rows that come in any order, and over a table whose rows leave and move.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import random
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import laminardb

EPOCH = dt.datetime(2024, 1, 28)
DAY = 86_400_000_000
UNITS = {"HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000, "DAY": DAY}

Number = Fraction | float


class Key(NamedTuple):
    """A value of the key: how it is inserted, and what it is compared as."""

    sql: object
    at: Any


class Offset(NamedTuple):
    text: str
    move: Callable[[Any, int], Any]  # key, -1 or 1


class Kind(NamedTuple):
    type: str
    key: Callable[[random.Random], Key]
    offset: Callable[[random.Random], Offset]


def exact(by: Fraction, text: str) -> Offset:
    return Offset(text, lambda at, sign: at + sign * by)


def whole_offset(r: random.Random) -> Offset:
    n = r.choice((0, 1, 2, 3, 7))
    return exact(Fraction(n), str(n))


def finer_offset(r: random.Random) -> Offset:
    text = r.choice(("0", "0.5", "1", "1.5", "2.25", "0.125", "2.999"))
    return exact(Fraction(text), text)


def double_moved(x: float, by: float, sign: int) -> float:
    moved = x + sign * by
    return sign * math.inf if math.isnan(moved) and not math.isnan(x) else moved


def double_offset(r: random.Random) -> Offset:
    by = r.choice((0.0, 0.1, 0.5, 1.0, 2.5, 1e300, math.inf))
    return Offset(f"CAST('{by!r}' AS DOUBLE)", lambda at, sign: double_moved(float(at), by, sign))


def float_offset(r: random.Random) -> Offset:
    if r.random() < 0.5:
        return double_offset(r)
    text = r.choice(("0", "1", "2.5"))
    return Offset(text, lambda at, sign: double_moved(at, float(text), sign))


def number(low: int, high: int, scale: int = 0, extremes: tuple[int, ...] = ()) -> Callable[..., Key]:
    def make(r: random.Random) -> Key:
        units = r.choice(extremes) if extremes and r.random() < 0.2 else r.randint(low, high)
        return Key(Decimal(f"{units}E-{scale}") if scale else units, Fraction(units, 10**scale))

    return make


def double_key(r: random.Random) -> Key:
    x = r.choice((-2.0, -0.5, -0.0, 0.0, 0.1, 0.5, 0.6, 1.0, 1.1, 3.0, 1e300, math.inf, -math.inf, math.nan))
    return Key(x, x)


def float_key(r: random.Random) -> Key:
    x = struct.unpack("f", struct.pack("f", r.choice((-2, -0.1, 0, 0.1, 0.5, 0.6, 1.1, 3.3))))[0]
    return Key(x, x)


def time_key(step: int, days: int = 2) -> Callable[..., Key]:
    """Whole steps of microseconds from an epoch before the end of February; compared in microseconds."""

    def make(r: random.Random) -> Key:
        us = r.randint(0, max(6, days)) * DAY + r.choice((0, 0, 1, 2, 3, 5)) * max(step, 1)
        return Key(EPOCH + dt.timedelta(microseconds=us - us % step), us - us % step)

    return make


def date_key(r: random.Random) -> Key:
    days = r.randint(0, 70)
    return Key(EPOCH.date() + dt.timedelta(days=days), days * DAY)


def clock_key(r: random.Random) -> Key:
    us = r.choice((0, 1, 3_600_000_000, 7_200_000_000, DAY - 1, DAY // 2, DAY // 2 + 1_000_000))
    return Key((dt.datetime.min + dt.timedelta(microseconds=us)).time(), us)


def ns_key(r: random.Random) -> Key:
    us, ns = r.randint(0, 40) * DAY + r.choice((0, 1)), r.choice((0, 1, 999))
    base = EPOCH + dt.timedelta(microseconds=us)
    return Key(f"{base:%Y-%m-%d %H:%M:%S.%f}{ns:03}", Fraction(us * 1000 + ns, 1000))


def interval_key(r: random.Random) -> Key:
    days, us = r.randint(0, 3), r.choice((0, 1, 5_000_000))
    return Key(f"{days} days {us} microseconds", days * DAY + us)


def months_moved(at: Any, months: int, days: int, us: int) -> Any:
    whole = math.floor(at)
    t = EPOCH + dt.timedelta(microseconds=whole)
    month = t.year * 12 + t.month - 1 + months
    last = calendar.monthrange(month // 12, month % 12 + 1)[1]
    t = t.replace(year=month // 12, month=month % 12 + 1, day=min(t.day, last))
    since = t + dt.timedelta(days=days, microseconds=us) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds + (at - whole)


def interval_offset(months: bool) -> Callable[..., Offset]:
    def make(r: random.Random) -> Offset:
        pick = r.randint(0, 4 if months else 3)
        if pick == 4:
            m, d = r.choice(((1, 0), (2, 3), (1, 1)))
            return Offset(
                f"INTERVAL '{m} months {d} days'", lambda at, sign: months_moved(at, sign * m, sign * d, 0)
            )
        if pick == 3:
            ms = r.choice((0, 1, 1000, 86_400_000))
            return exact(Fraction(ms * 1000), str(ms))
        unit, n = r.choice(tuple(UNITS)), r.choice((0, 1, 2, 5))
        return exact(Fraction(n * UNITS[unit]), f"INTERVAL '{n}' {unit}")

    return make


def span_offset(r: random.Random) -> Offset:
    unit, n = r.choice(tuple(UNITS)), r.choice((0, 1, 2, 5))
    return exact(Fraction(n * UNITS[unit]), f"INTERVAL '{n}' {unit}")


BIG = 10**38 - 1
KINDS = (
    Kind("TINYINT", number(-5, 5, extremes=(-128, 127)), finer_offset),
    Kind("BIGINT", number(-5, 5, extremes=(-(2**63), 2**63 - 1)), finer_offset),
    Kind("BIGINT", number(-5, 5), double_offset),
    Kind("UBIGINT", number(0, 9, extremes=(2**64 - 1, 2**63)), whole_offset),
    Kind("HUGEINT", number(-5, 5, extremes=(-(2**127), 2**127 - 1, 2**127 - 3, BIG)), finer_offset),
    Kind("DECIMAL(9,2)", number(-500, 500, 2), finer_offset),
    Kind("DECIMAL(38,4)", number(-50_000, 50_000, 4, (-BIG, BIG)), finer_offset),
    Kind("DECIMAL(9,1)", number(-50, 50, 1), double_offset),
    Kind("DOUBLE", double_key, float_offset),
    Kind("FLOAT", float_key, float_offset),
    Kind("DATE", date_key, interval_offset(True)),
    Kind("TIME", clock_key, interval_offset(False)),
    Kind("TIMESTAMP", time_key(1), interval_offset(True)),
    Kind("TIMESTAMP_MS", time_key(1000), interval_offset(True)),
    Kind("TIMESTAMP_S", time_key(1_000_000, 70), interval_offset(True)),
    Kind("TIMESTAMP_NS", ns_key, interval_offset(True)),
    Kind("TIMESTAMPTZ", time_key(1, 70), interval_offset(True)),
    Kind("INTERVAL", interval_key, span_offset),
)


def rank(at: Any) -> tuple[bool, Any]:
    nan = isinstance(at, float) and math.isnan(at)
    return (nan, 0 if nan else at)


Row = tuple[int, int, Key | None]  # id, partition, key


class Frame:
    """One random window: its text, and for each row the ids in its frame."""

    def __init__(self, r: random.Random, kind: Kind) -> None:
        self.descending, self.nulls_first = r.random() < 0.5, r.random() < 0.5
        low = r.choice(("first", "preceding", "preceding", "current", "following"))
        high = r.choice(
            {
                "first": ("preceding", "current", "following"),
                "preceding": ("preceding", "current", "last"),
                "current": ("current", "following", "last"),
                "following": ("following", "last"),
            }[low]
        )
        self.bounds = [(low, kind.offset(r)), (high, kind.offset(r))]
        words = {"first": "UNBOUNDED PRECEDING", "current": "CURRENT ROW", "last": "UNBOUNDED FOLLOWING"}
        a, b = (words.get(way) or f"{offset.text} {way.upper()}" for way, offset in self.bounds)
        order = f"o {'DESC' if self.descending else 'ASC'} NULLS {'FIRST' if self.nulls_first else 'LAST'}"
        self.text = f"PARTITION BY k ORDER BY {order} RANGE BETWEEN {a} AND {b}"
        # Where one offset is a double both are doubles.
        floats = ("DOUBLE" in a, "DOUBLE" in b)
        self.floats = floats[0] != floats[1] and kind.type not in ("DOUBLE", "FLOAT")

    def place(self, row: Row, rows: list[Row], end: bool) -> int:
        """Of the bound among the rows of its partition, which stand in order."""
        way, offset = self.bounds[end]
        at = row[2]
        if way in ("first", "last"):
            return 0 if way == "first" else len(rows)
        if at is None or way == "current":
            same = [
                i
                for i, x in enumerate(rows)
                if (x[2] is None) == (at is None)
                and (at is None or x[2] is None or rank(x[2].at) == rank(at.at))
            ]
            return same[-1] + 1 if end else same[0]
        sign = (1 if way == "following" else -1) * (-1 if self.descending else 1)
        moved = rank(offset.move(float(at.at) if self.floats else at.at, sign))
        keyed = [i for i, x in enumerate(rows) if x[2] is not None]

        def in_front(x: Row) -> bool:
            assert x[2] is not None
            has = rank(float(x[2].at) if self.floats or isinstance(moved[1], float) else x[2].at)
            before = has > moved if self.descending else has < moved
            return before or (end and has == moved)

        return keyed[0] + sum(in_front(rows[i]) for i in keyed)

    def answers(self, rows: list[Row]) -> list[tuple[int, int, int | None]]:
        out: list[tuple[int, int, int | None]] = []
        for k in {row[1] for row in rows}:
            nulls = [row for row in rows if row[1] == k and row[2] is None]
            keyed = [row for row in rows if row[1] == k and row[2] is not None]
            keyed.sort(key=lambda row: rank(row[2].at if row[2] else 0), reverse=self.descending)
            part = nulls + keyed if self.nulls_first else keyed + nulls
            for row in part:
                ids = [x[0] for x in part[self.place(row, part, False) : self.place(row, part, True)]]
                out.append((row[0], len(ids), sum(ids) if ids else None))
        return sorted(out)


def make_rows(r: random.Random, kind: Kind, count: int, first: int = 0) -> list[Row]:
    return [(first + i, r.choice((1, 2)), kind.key(r) if r.random() < 0.85 else None) for i in range(count)]


def as_input(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(i, k, None if key is None else key.sql) for i, k, key in rows]


def check(kind: Kind, seed: int) -> None:
    r = random.Random(seed)
    rows = make_rows(r, kind, r.randint(1, 24))
    frames = [Frame(r, kind) for _ in range(3)]
    with laminardb.open() as db:
        db.execute(f"CREATE SOURCE t (id BIGINT, k BIGINT, o {kind.type})")
        db.execute(f"CREATE TABLE c (id BIGINT PRIMARY KEY, k BIGINT, o {kind.type})")
        texts = [
            f"SELECT id, count(*) OVER w, sum(id) OVER w FROM {{}} WINDOW w AS ({f.text})" for f in frames
        ]
        for i, text in enumerate(texts):
            db.execute(f"CREATE STREAM s{i} AS {text.format('t')}")
            db.execute(f"CREATE STREAM c{i} AS {text.format('c')}")
        db.start()
        left, table = list(rows), dict[int, Row]()
        while left:
            n = r.randint(1, 6)
            db.insert("t", as_input(left[:n]))
            db.insert("c", as_input(left[:n]))
            table.update((row[0], row) for row in left[:n])
            left = left[n:]
        for _ in range(3):  # rows move and leave
            moved = [
                (i, k, key)
                for (_, k, key), i in zip(make_rows(r, kind, 3), r.choices(range(24), k=3), strict=True)
            ]
            moved = list({row[0]: row for row in moved}.values())
            db.insert("c", as_input(moved))
            table.update((row[0], row) for row in moved)
            gone = r.choice(sorted(table))
            db.execute("DELETE FROM c WHERE id = ?", [gone])
            del table[gone]
        for i, (frame, text) in enumerate(zip(frames, texts, strict=True)):
            for answer, have in (
                (text.format("t"), rows),
                (f"SELECT * FROM s{i}", rows),
                (f"SELECT * FROM c{i}", list(table.values())),
                (text.format("c"), list(table.values())),
            ):
                got = sorted(db.query(answer).fetchall())
                assert got == frame.answers(have), (kind.type, seed, answer, frame.text, have)


def test_range_frames_of_every_key() -> None:
    for kind in KINDS:
        for seed in range(15):
            check(kind, seed)
