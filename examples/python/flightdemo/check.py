# SPDX-License-Identifier: Apache-2.0
"""The same figures once more, in plain Python over the rows that were fed, without laminardb."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flightdemo.data import Insert

HOUR = timedelta(hours=1)
Row = tuple[Any, ...]


class Tally:
    """count, average and maximum of what is added; None is counted as a row only."""

    __slots__ = ("longest", "rows", "total", "values")

    def __init__(self) -> None:
        self.rows = self.values = self.total = 0
        self.longest: int | None = None

    def add(self, value: int | None) -> None:
        self.rows += 1
        if value is not None:
            self.values += 1
            self.total += value
            self.longest = value if self.longest is None else max(self.longest, value)

    @property
    def average(self) -> float | None:
        return self.total / self.values if self.values else None


def windows(fed: Sequence[Insert], delay: timedelta, end: datetime | None) -> tuple[list[Row], int]:
    """Departures per carrier and scheduled hour: the closed hours, and how many rows came too late.

    The watermark is the newest event time less the delay. It moves after each insert; a row is late when its
    hour had ended by the watermark that its insert met. end: where the watermark was moved to at last.
    """
    tallies: dict[tuple[str, datetime], Tally] = defaultdict(Tally)
    watermark, late = datetime.min, 0
    for insert in fed:
        for row in insert.rows:
            hour = row.scheduled.replace(minute=0)
            if row.dep_delay is None:
                continue
            if hour + HOUR <= watermark:
                late += 1
            else:
                tallies[row.carrier, hour].add(row.dep_delay)
        watermark = max(watermark, max(row.scheduled for row in insert.rows) - delay)
    watermark = max(watermark, end or watermark)
    closed = [(*k, t.rows, t.average, t.longest) for k, t in tallies.items() if k[1] + HOUR <= watermark]
    return closed, late


def routes(fed: Sequence[Insert]) -> list[Row]:
    counts = Counter((row.origin, row.dest) for insert in fed for row in insert.rows)
    return [(*route, count) for route, count in counts.items()]


def top(rows: list[Row], count: int) -> list[Row]:
    """The rows with the largest last column, with their rank; equal ones by name."""
    ranked = sorted(rows, key=lambda r: (-r[-1], r[:-1]))[:count]
    return [(rank, *row) for rank, row in enumerate(ranked, 1)]


def makers(
    fed: Sequence[Insert], planes: dict[str, str], airlines: dict[str, str], unknown: str
) -> list[Row]:
    """Flights and average delay per manufacturer and airline, with one name for unknown planes."""
    tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
    for insert in fed:
        for row in insert.rows:
            maker = planes.get(row.tailnum, unknown) if row.tailnum else unknown
            tallies[maker, airlines[row.carrier]].add(row.dep_delay)
    return [(*key, tally.rows, tally.average) for key, tally in tallies.items()]


def cancellations(fed: Sequence[Insert]) -> list[Row]:
    """Per scheduled day: flights without a departure, and all flights."""
    days: dict[date, Tally] = defaultdict(Tally)
    for insert in fed:
        for row in insert.rows:
            days[row.scheduled.date()].add(row.dep_delay)
    return [(day, tally.rows - tally.values, tally.rows) for day, tally in days.items()]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-12)
    return bool(a == b)


def difference(found: Iterable[Row], wanted: Iterable[Row], keys: int) -> str:
    """The first difference of two sets of rows whose first columns are keys; empty when they are equal."""
    left: dict[Row, Row] = {}
    for row in found:
        if row[:keys] in left:
            return f"{row[:keys]} is there twice"
        left[row[:keys]] = row
    right = {row[:keys]: row for row in wanted}
    for key, row in right.items():
        if key not in left:
            return f"{row} is missing"
        if len(row) != len(left[key]) or not all(map(same, row, left[key])):
            return f"{left[key]} is there, {row} is right"
    extra = next((row for key, row in left.items() if key not in right), None)
    return "" if extra is None else f"{extra} is there and should not be"


def report(name: str, unit: str, count: int, wrong: str) -> bool:
    """Prints one line: what was compared, how much of it, and the first difference if there is one."""
    print(f"check  {name:<34} {count:>7,} {unit:<9} {f'DIFFERENT: {wrong}' if wrong else 'equal'}")
    return not wrong


def rows(name: str, unit: str, found: Iterable[Row], wanted: Sequence[Row], keys: int) -> bool:
    """Compares rows whose first columns are their keys."""
    return report(name, unit, len(wanted), difference(found, wanted, keys))


def number(name: str, found: int, wanted: int) -> bool:
    return report(name, "rows", wanted, "" if found == wanted else f"laminardb has {found:,}")
