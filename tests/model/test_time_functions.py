# SPDX-License-Identifier: Apache-2.0
"""Functions of time against DuckDB, and time zones against Python's zoneinfo: the same files, other code."""

from __future__ import annotations

import datetime as dt
import random
import zoneinfo
from typing import Any

import laminardb
import pytest

duckdb = pytest.importorskip("duckdb")

PARTS = (
    "millennium century decade year isoyear quarter month week yearweek day dow isodow doy era hour minute "
    "second millisecond microsecond"
).split()
UNITS = "millennium century decade year isoyear quarter month week day hour minute second millisecond".split()
EXPRESSIONS = [
    *(f"date_part('{p}', t)" for p in PARTS),
    *(f"{p}(t)" for p in PARTS if p not in ("dow", "doy")),
    *(f"date_trunc('{u}', t)" for u in UNITS),
    *(f"date_diff('{u}', t, u)" for u in UNITS if u != "week"),
    *(f"date_sub('{u}', t, u)" for u in UNITS),
    "last_day(t)",
    "dayname(t)",
    "monthname(t)",
    "epoch_us(t)",
    "weekday(t)",
    "weekofyear(t)",
    "round(julian(t), 6)",
    "make_timestamp(year(t), month(t), day(t), hour(t), minute(t), 1.5)",
    "make_date(year(t), month(t), day(t))",
    "make_time(hour(t), minute(t), 7.25)",
    "time_bucket(INTERVAL '7 minutes', t)",
    "time_bucket(INTERVAL '3 months', t)",
    "time_bucket(INTERVAL '5 days', t, INTERVAL '3 hours')",
    "time_bucket(INTERVAL '5 months', t, TIMESTAMP '1999-04-01')",
    "time_bucket(INTERVAL '11 hours', t, TIMESTAMP '2001-04-01 05:00:01')",
    "time_bucket(INTERVAL '2 months', t, INTERVAL '3 days')",
    "strftime(t, '%Y-%m-%d %H:%M:%S.%f %j %U %W %V %G %u %w %a %A %b %B %p %I %y %g %n')",
    "strftime(t, '%-d/%-m/%-y %-H %-I %-M %-S %-j %c %x %X')",
    "strptime(strftime(t, '%Y-%m-%d %H:%M:%S.%f'), '%Y-%m-%d %H:%M:%S.%f')",
    "strptime(strftime(t, '%d %B %Y %I:%M %p'), '%d %B %Y %I:%M %p')",
    "strptime(strftime(t, '%-d/%-m/%Y'), '%d/%m/%Y')",
    "t + INTERVAL '1 month'",
    "t - INTERVAL '13 months 3 days'",
    "t + age(t, u) IS NOT NULL",
]
CORNERS = [
    "1970-01-01 00:00:00",
    "1969-12-31 23:59:59.999999",
    "2000-02-29 23:59:59.999999",
    "2024-12-30 00:00:00",
    "2021-01-03 12:00:00",
    "1900-02-28 00:00:00",
    "2023-03-31 10:00:00",
]


def moments(count: int, seed: int, low: int, high: int) -> list[dt.datetime]:
    rng = random.Random(seed)
    first, last = dt.datetime(low, 1, 1), dt.datetime(high, 12, 31)
    span = (last - first) // dt.timedelta(microseconds=1)
    made = [first + dt.timedelta(microseconds=rng.randrange(span)) for _ in range(count)]
    return [*(dt.datetime.fromisoformat(c) for c in CORNERS), *made]


def test_parts_and_formats_are_those_of_duckdb() -> None:
    rows = list(zip(moments(300, 1, 1200, 2400), moments(300, 2, 1900, 2100), strict=True))
    oracle = duckdb.connect()
    oracle.execute("CREATE TABLE x (t TIMESTAMP, u TIMESTAMP)")
    oracle.executemany("INSERT INTO x VALUES (?, ?)", rows)
    compared = 0
    with laminardb.open() as db:
        db.execute("CREATE SOURCE x (t TIMESTAMP, u TIMESTAMP)")
        db.insert("x", rows)
        for e in EXPRESSIONS:
            sql = f"SELECT t, u, {e} AS v FROM x ORDER BY t, u"
            got, want = db.query(sql).fetchall(), oracle.execute(sql).fetchall()
            assert got == want, next((g, w) for g, w in zip(got, want, strict=True) if g != w)
            compared += len(want)
    assert compared >= 20_000


def test_ages_are_those_of_duckdb() -> None:
    rows = list(zip(moments(500, 3, 1900, 2100), moments(500, 4, 1900, 2100), strict=True))
    oracle = duckdb.connect()
    oracle.execute("CREATE TABLE x (t TIMESTAMP, u TIMESTAMP)")
    oracle.executemany("INSERT INTO x VALUES (?, ?)", rows)
    part = "date_part('{}', age(t, u))"
    columns = ", ".join(part.format(p) for p in ("year", "month", "day", "hour", "minute", "microsecond"))
    sql = f"SELECT t, u, {columns} FROM x ORDER BY t, u"
    with laminardb.open() as db:
        db.execute("CREATE SOURCE x (t TIMESTAMP, u TIMESTAMP)")
        db.insert("x", rows)
        assert db.query(sql).fetchall() == oracle.execute(sql).fetchall()


ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kolkata",
    "Pacific/Apia",  # skipped a day
    "Africa/Casablanca",
    "Europe/Dublin",  # negative daylight saving
    "America/St_Johns",
    "Pacific/Chatham",
    "Etc/GMT+5",
    "UTC",
]


def near_transitions(zone: zoneinfo.ZoneInfo) -> list[dt.datetime]:
    """Local times within two hours of a change of the offset."""
    found, step = [], dt.timedelta(days=1)
    day, rng = dt.datetime(1995, 1, 1), random.Random(5)
    while day < dt.datetime(2060, 1, 1):
        if day.replace(tzinfo=zone).utcoffset() != (day + step).replace(tzinfo=zone).utcoffset():
            found += [day + dt.timedelta(minutes=15 * rng.randrange(96)) for _ in range(6)]
        day += step
    return found


def zoned(local: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Of a time that there is twice the later one, of a time that there is not the one counted on."""
    early, late = (local.replace(tzinfo=zone, fold=f).astimezone(dt.UTC) for f in (0, 1))
    exists = late.astimezone(zone).replace(tzinfo=None) == local
    return late if exists else early


@pytest.mark.parametrize("name", ZONES)
def test_zones_are_those_of_python(name: str) -> None:
    try:
        zone = zoneinfo.ZoneInfo(name)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this system has no zoneinfo files")
    times = sorted({*moments(800, 6, 1850, 2150), *near_transitions(zone)})
    with laminardb.open() as db:
        db.execute("CREATE SOURCE x (t TIMESTAMP, z VARCHAR)")
        db.insert("x", {"t": times, "z": [name] * len(times)})
        rows: list[tuple[Any, ...]] = db.query(
            f"SELECT t, t AT TIME ZONE '{name}', CAST(t AS TIMESTAMPTZ) AT TIME ZONE '{name}', "
            "timezone(z, t) FROM x ORDER BY t"
        ).fetchall()
    for t, instant, local, same in rows:
        assert instant == same == zoned(t, zone), (name, t, instant, zoned(t, zone))
        assert local == t.replace(tzinfo=dt.UTC).astimezone(zone).replace(tzinfo=None), (name, t, local)
    assert len(rows) >= 800


# Each is a text, a number or a truth, which the drivers cannot show in a zone of their own.
IN_ZONE = """
    CAST({t} AS VARCHAR)
    'x' || {t}
    CAST(CAST({t} AS DATE) AS VARCHAR)
    CAST(CAST({t} AS TIMESTAMP) AS VARCHAR)
    CAST(CAST(CAST({t} AS TIMESTAMP) AS TIMESTAMPTZ) AS VARCHAR)
    CAST(CAST(CAST({t} AS DATE) AS TIMESTAMPTZ) AS VARCHAR)
    CAST(TRY_CAST(CAST(CAST({t} AS TIMESTAMP) AS VARCHAR) AS TIMESTAMPTZ) AS VARCHAR)
    CAST(date_trunc('minute', {t}) AS VARCHAR)
    CAST(date_trunc('day', {t}) AS VARCHAR)
    CAST(date_trunc('week', {t}) AS VARCHAR)
    CAST(date_trunc('month', {t}) AS VARCHAR)
    CAST({t} + INTERVAL 1 DAY AS VARCHAR)
    CAST({t} - INTERVAL 1 DAY AS VARCHAR)
    CAST({t} + INTERVAL 1 MONTH AS VARCHAR)
    CAST({t} + INTERVAL 24 HOURS AS VARCHAR)
    strftime({t}, '%Y-%m-%d %H:%M:%S %z')
    date_diff('day', {t}, TIMESTAMPTZ '2024-07-01 23:00:00+00')
    date_sub('hour', {t}, TIMESTAMPTZ '2024-07-01 23:00:00+00')
    date_diff('month', {t}, TIMESTAMPTZ '2024-07-01 23:00:00+00')
    extract(hour FROM {t})
    date_part('dow', {t})
    extract(epoch FROM {t})
    year({t})
    dayofyear({t})
    week({t})
    dayname({t})
    CAST(last_day({t}) AS VARCHAR)
    {t} = CAST({t} AS TIMESTAMP)
    CAST({t} AT TIME ZONE 'Asia/Tokyo' AS VARCHAR)
"""


def instants_near_transitions(zone: zoneinfo.ZoneInfo) -> list[dt.datetime]:
    rng = random.Random(9)
    near = [t.replace(tzinfo=zone).astimezone(dt.UTC) for t in near_transitions(zone)]
    far = [dt.datetime(1905, 1, 1) + dt.timedelta(minutes=rng.randrange(100_000_000)) for _ in range(60)]
    return rng.sample(near, min(60, len(near))) + [t.replace(tzinfo=dt.UTC) for t in far]


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_timestamptz_in_the_zone_of_the_session(name: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    zone = zoneinfo.ZoneInfo(name)
    with laminardb.open() as db, duckdb.connect() as other:
        try:
            other.execute(f"SET TimeZone = '{name}'")
        except duckdb.Error:
            pytest.skip("DuckDB without ICU")
        db.execute("CREATE TABLE x (i INT, t TIMESTAMPTZ)")
        times = instants_near_transitions(zone)
        db.insert("x", {"i": list(range(len(times))), "t": times})
        other.execute("CREATE TABLE x (i INT, t TIMESTAMPTZ)")
        other.executemany("INSERT INTO x VALUES (?, ?)", list(enumerate(times)))
        db.execute(f"SET TimeZone = '{name}'")
        for text in filter(None, map(str.strip, IN_ZONE.splitlines())):
            sql = f"SELECT {text.replace('{t}', 't')} FROM x ORDER BY i"
            mine, theirs = db.query(sql).fetchall(), other.execute(sql).fetchall()
            for t, (m,), (d,) in zip(times, mine, theirs, strict=True):
                assert m == d, (name, text, t, m, d)
