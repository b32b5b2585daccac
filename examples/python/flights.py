# SPDX-License-Identifier: Apache-2.0
"""The flights that left New York in 2013, replayed as a live feed into laminardb: `make demo`.

A flight enters the feed when it leaves, with its scheduled time as event time: a delayed one comes after
flights that were scheduled later. Five streams stay up to date on the way. At the end a few questions are
asked, and every figure is computed once more in plain Python.

    python examples/python/flights.py                    as fast as it goes
    python examples/python/flights.py --speed 1000000    the year in half a minute: to watch
    python examples/python/flights.py --speed 3600       an hour of 2013 in a second
    python examples/python/flights.py --days 10          the first ten days
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter, perf_counter_ns
from types import FrameType
from typing import Any

import laminardb
from flightdemo import check, data
from flightdemo.data import Insert
from flightdemo.screen import RECENT, Frame, Screen, percentiles

EPOCH = datetime(1970, 1, 1)
DELAY = timedelta(hours=2)
UNKNOWN = "not in the register"

INPUTS = """
CREATE SOURCE flights (
    scheduled TIMESTAMP NOT NULL,
    carrier   VARCHAR NOT NULL,
    flight    INTEGER NOT NULL,
    tailnum   VARCHAR,
    origin    VARCHAR NOT NULL,
    dest      VARCHAR NOT NULL,
    dep_time  TIMESTAMP,
    dep_delay INTEGER,
    arr_delay INTEGER,
    air_time  INTEGER,
    distance  INTEGER,
    WATERMARK FOR scheduled AS scheduled - INTERVAL '2' HOUR
);
CREATE TABLE airlines (carrier VARCHAR NOT NULL, name VARCHAR);
CREATE TABLE planes (
    tailnum VARCHAR NOT NULL, year INTEGER, type VARCHAR, manufacturer VARCHAR, model VARCHAR,
    engines INTEGER, seats INTEGER, speed INTEGER, engine VARCHAR
);
CREATE TABLE airports (
    faa VARCHAR NOT NULL, name VARCHAR, lat DOUBLE, lon DOUBLE, alt INTEGER, tz DOUBLE, dst VARCHAR,
    tzone VARCHAR
);
CREATE SOURCE weather (origin VARCHAR, hour TIMESTAMP, visibility DOUBLE, wind DOUBLE);
"""

STREAMS = f"""
CREATE STREAM carrier_delays AS
    SELECT carrier, window_start AS hour, count(*) AS departures, avg(dep_delay) AS average,
           max(dep_delay) AS longest
    FROM flights
    WHERE dep_delay IS NOT NULL
    GROUP BY carrier, TUMBLE(scheduled, INTERVAL '1' HOUR)
    EMIT ON WINDOW CLOSE;

CREATE STREAM routes AS
    SELECT origin, dest, count(*) AS flights FROM flights GROUP BY origin, dest;

CREATE STREAM top_routes AS
    SELECT origin, dest, flights FROM routes ORDER BY flights DESC, origin, dest LIMIT 10;

CREATE STREAM makers AS
    SELECT coalesce(p.manufacturer, '{UNKNOWN}') AS maker, a.name AS airline, count(*) AS flights,
           avg(f.dep_delay) AS average
    FROM flights f
    JOIN airlines a ON f.carrier = a.carrier
    LEFT JOIN planes p ON f.tailnum = p.tailnum
    GROUP BY maker, airline;

CREATE STREAM cancellations AS
    SELECT CAST(scheduled AS DATE) AS day, count(*) FILTER (WHERE dep_time IS NULL) AS cancelled,
           count(*) AS flights
    FROM flights
    GROUP BY day;
"""

TOP = "SELECT * FROM top_routes ORDER BY flights DESC, origin, dest"

QUESTIONS = {
    "Which airlines keep their schedule?": """
        SELECT a.name AS airline, count(*) AS flights, round(avg(f.dep_delay), 1) AS average_delay,
               round(100.0 * count(*) FILTER (WHERE f.dep_delay > 15) / count(f.dep_delay), 1) AS percent_late
        FROM flights f JOIN airlines a ON f.carrier = a.carrier
        GROUP BY airline ORDER BY percent_late, flights DESC LIMIT 5""",
    "At what time of the day are delays longest?": """
        SELECT extract(HOUR FROM scheduled) / 4 * 4 AS from_hour, count(*) AS flights,
               round(avg(dep_delay), 1) AS average_delay, max(dep_delay) AS longest_delay
        FROM flights WHERE dep_time IS NOT NULL GROUP BY from_hour ORDER BY from_hour""",
    "What does fog do?": """
        SELECT CASE WHEN w.visibility < 1 THEN 'below 1 mile' WHEN w.visibility < 5 THEN '1 to 5 miles'
                    ELSE '5 miles and more' END AS visibility,
               count(*) AS flights, round(avg(f.dep_delay), 1) AS average_delay,
               round(100.0 * count(*) FILTER (WHERE f.dep_time IS NULL) / count(*), 1) AS percent_cancelled
        FROM flights f JOIN weather w ON w.origin = f.origin AND w.hour = date_trunc('hour', f.scheduled)
        GROUP BY 1 ORDER BY average_delay DESC""",
    "Which were the worst hours of an airline? (from the stream)": """
        SELECT a.name AS airline, d.hour, d.departures, round(d.average, 1) AS average_delay, d.longest
        FROM carrier_delays d JOIN airlines a ON d.carrier = a.carrier
        WHERE d.departures >= 10 ORDER BY d.average DESC LIMIT 5""",
    "Who waited longest?": """
        SELECT f.scheduled, f.dep_time, f.carrier || ' ' || CAST(f.flight AS VARCHAR) AS flight, f.origin,
               a.name AS destination, f.dep_delay / 60 AS hours
        FROM flights f JOIN airports a ON f.dest = a.faa
        WHERE f.dep_delay IS NOT NULL ORDER BY f.dep_delay DESC LIMIT 5""",
}


@dataclass
class Replay:
    """What was fed, and what the subscribers saw of it."""

    fed: int = 0
    rows: int = 0
    seconds: float = 0.0
    end: datetime | None = None
    stopped: bool = False
    latencies: list[int] = field(default_factory=list)
    closed: list[tuple[Any, ...]] = field(default_factory=list)
    routes: dict[tuple[str, str], int] = field(default_factory=dict)

    def stop(self, number: int, _: FrameType | None) -> None:
        """The first Ctrl-C ends the feed between two inserts, the second one everything."""
        self.stopped = True
        signal.signal(number, signal.default_int_handler)


class Player:
    """Feeds the inserts, reads what the streams make of each, and shows it."""

    def __init__(self, db: laminardb.Connection, feed: list[Insert], speed: float) -> None:
        self.db, self.feed, self.speed = db, feed, speed
        self.replay = Replay()
        self.total = sum(len(insert.rows) for insert in feed)
        self.screen = Screen(self.total)
        self.hours = db.subscribe_stream("carrier_delays")
        self.routes = db.subscribe_stream("routes")
        self.begin = perf_counter()

    def run(self) -> Replay:
        previous = signal.signal(signal.SIGINT, self.replay.stop)
        try:
            for insert in self.feed:
                self.wait(insert)
                if self.replay.stopped:
                    break
                self.deliver(insert)
                if self.screen.due(self.replay.rows):
                    self.show()
            if not self.replay.stopped:
                self.finish()
            self.replay.seconds = perf_counter() - self.begin
            self.show()
        finally:
            signal.signal(signal.SIGINT, previous)
            self.screen.close()
        return self.replay

    def wait(self, insert: Insert) -> None:
        """Until it is time for the insert, when a speed was given."""
        if not self.speed:
            return
        target = self.begin + (insert.at - self.feed[0].at).total_seconds() / self.speed
        while not self.replay.stopped and (left := target - perf_counter()) > 0:
            time.sleep(min(left, 0.05))
            if self.screen.due(self.replay.rows):
                self.show()

    def deliver(self, insert: Insert) -> None:
        """One insert and what it changed, timed from before it until the changed routes are in hand."""
        replay = self.replay
        before = perf_counter_ns()
        self.db.insert("flights", insert.columns)
        changed = self.routes.try_next()
        replay.latencies.append(perf_counter_ns() - before)
        replay.fed += 1
        replay.rows += len(insert.rows)
        while changed is not None:
            for origin, dest, flights in changed:
                replay.routes[origin, dest] = flights
            changed = self.routes.try_next()
        self.take_hours()

    def take_hours(self) -> None:
        while (batch := self.hours.try_next()) is not None:
            self.replay.closed.extend(batch)

    def finish(self) -> None:
        """The feed is over: no flight will come any more, so the last hours may close."""
        self.replay.end = self.feed[-1].at + timedelta(hours=1)
        self.db.advance_watermark("flights", (self.replay.end - EPOCH) // timedelta(milliseconds=1))
        self.take_hours()

    def show(self) -> None:
        replay = self.replay
        delays = self.db.stream_metrics("carrier_delays")
        assert delays is not None
        p50, p99 = percentiles(replay.latencies[-RECENT:])
        self.screen.draw(
            Frame(
                now=self.feed[max(replay.fed, 1) - 1].at,
                watermark=EPOCH + timedelta(milliseconds=delays.watermark) if replay.fed else None,
                rows=replay.rows,
                total_rows=self.total,
                inserts=replay.fed,
                seconds=perf_counter() - self.begin,
                p50=p50,
                p99=p99,
                late_rows=delays.late_rows,
                windows=len(replay.closed),
                top=[(rank, *row) for rank, row in enumerate(self.db.query(TOP), 1)],
                newest=replay.closed[:-11:-1],
            )
        )


def prepare(db: laminardb.Connection, days: int) -> None:
    db.execute(INPUTS)
    for table in ("airlines", "planes", "airports"):
        db.insert_csv(table, data.table_text(table), null="NA")
    db.insert("weather", data.weather(days))
    db.execute(STREAMS)
    db.start()


def introduce(feed: list[Insert], seconds: float) -> None:
    rows = [row for insert in feed for row in insert.rows]
    delays = [row.dep_delay for row in rows if row.dep_delay is not None]
    slow = sum(timedelta(minutes=delay) > DELAY for delay in delays)
    in_time = 1 - slow / max(1, len(delays))
    print(f"feed   {len(rows):,} flights from New York, {len(rows) - len(delays):,} of them cancelled")
    print(f"       {data.out_of_order(feed):,} come after one that was scheduled later")
    print(f"       {len(feed):,} inserts, each the news of 5 minutes; read and sorted in {seconds:.1f} s")
    print(f"       watermark 2 hours behind: {in_time:.1%} of the flights left within that, {slow:,} later;")
    print("       those whose hour is closed by then are late rows: counted, and in no window\n")


def summarise(replay: Replay) -> None:
    p50, p99 = percentiles(replay.latencies)
    worst = max(replay.latencies, default=0) / 1000
    seconds = replay.seconds or 1.0
    verb = "stopped" if replay.stopped else "done"
    print(f"\n{verb:<6} {replay.rows:,} rows in {replay.fed:,} inserts in {replay.seconds:.2f} s")
    print(f"       {replay.rows / seconds:,.0f} rows/s, {replay.fed / seconds:,.0f} inserts/s, ", end="")
    print("five streams up to date after each insert")
    print(f"       insert() to batch in hand: p50 {p50:,.0f} us, p99 {p99:,.0f} us, max {worst:,.0f} us")


def ask(db: laminardb.Connection) -> None:
    for question, sql in QUESTIONS.items():
        before = perf_counter()
        answer = db.query(sql)
        print(f"\n{question}  ({(perf_counter() - before) * 1000:.1f} ms)")
        answer.show()
    print()


def mapping(table: str, key: str, value: str) -> dict[str, str]:
    return {row[key]: row[value] for row in csv.DictReader(io.StringIO(data.table_text(table)))}


def verify(db: laminardb.Connection, fed: list[Insert], replay: Replay) -> bool:
    """Compares every figure with plain Python's; prints a line for each comparison."""
    hours, late = check.windows(fed, DELAY, replay.end)
    routes = check.routes(fed)
    planes, airlines = mapping("planes", "tailnum", "manufacturer"), mapping("airlines", "carrier", "name")
    cancelled = sum(row.dep_time is None for insert in fed for row in insert.rows)
    metrics = db.stream_metrics("carrier_delays")
    assert metrics is not None

    def rows(name: str) -> list[tuple[Any, ...]]:
        return db.query(f"SELECT * FROM {name}").fetchall()

    count, gone = db.query("SELECT count(*), count(dep_time) FROM flights").fetchall()[0]
    top = [(rank, *row) for rank, row in enumerate(db.query(TOP), 1)]
    seen = [(*route, flights) for route, flights in replay.routes.items()]
    makers = check.makers(fed, planes, airlines, UNKNOWN)
    results = [
        check.number("flights in the source", count, replay.rows),
        check.number("  of them cancelled", count - gone, cancelled),
        check.rows("delays per carrier and hour", "windows", rows("carrier_delays"), hours, 2),
        check.rows("  as the subscriber got them", "windows", replay.closed, hours, 2),
        check.number("  late for them", metrics.late_rows, late),
        check.rows("flights per route", "routes", rows("routes"), routes, 2),
        check.rows("  as the subscriber saw them", "routes", seen, routes, 2),
        check.rows("busiest routes", "ranks", top, check.top(routes, 10), 1),
        check.rows("delays per manufacturer, airline", "pairs", rows("makers"), makers, 2),
        check.rows("cancellations per day", "days", rows("cancellations"), check.cancellations(fed), 1),
    ]
    return all(results)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Replays the flights of 2013 as a live feed.")
    parser.add_argument("--speed", type=float, default=0, help="seconds of feed a second; 0: all it can")
    parser.add_argument("--days", type=int, default=365, help="replay the first days of the year only")
    options = parser.parse_args()
    if not options.speed >= 0 or options.days < 1:
        parser.error("--speed must be 0 or more, --days at least 1")
    return options


def main() -> int:
    options = arguments()
    before = perf_counter()
    feed = data.make_feed(options.days)
    gc.freeze()  # the feed stays: the garbage collector need not look through it while the clock runs
    introduce(feed, perf_counter() - before)
    with laminardb.open() as db:
        prepare(db, options.days)
        replay = Player(db, feed, options.speed).run()
        summarise(replay)
        if sys.stdout.isatty() and not options.speed:
            print("       to watch it slower: make demo SPEED=1000000 (seconds of 2013 in one second)")
        ask(db)
        equal = verify(db, feed[: replay.fed], replay)
    if not equal:
        return 1
    return 130 if replay.stopped else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
