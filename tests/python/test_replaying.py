# SPDX-License-Identifier: Apache-2.0
"""replay against the rows as they were inserted, sorted by their times."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import subprocess
import sys
import threading
import time
from typing import Any

import laminardb
import pytest

Row = tuple[Any, ...]
EPOCH = dt.datetime(1970, 1, 1)
TYPES = {"BIGINT s": " WITH (time_unit = 's')"} | dict.fromkeys(
    ("BIGINT", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS"), ""
)
SPEEDS = ((0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (True, TypeError))


def manual() -> laminardb.Connection:
    return laminardb.open(config=laminardb.LaminarConfig(deterministic=True))


def rows_of(batches: Any) -> list[Row]:
    return [row for batch in batches for row in batch]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", TYPES)
def test_by_event_time(seed: int, kind: str) -> None:
    r = random.Random(seed)
    with manual() as db:
        db.execute(f"CREATE SOURCE t (n BIGINT, ts {kind.split()[0]}, WATERMARK FOR ts){TYPES[kind]}")
        rows: list[tuple[int, int | None]] = []
        for _ in range(r.randint(0, 12)):
            size = r.choice((1, 1, 3, 50, 2000, 9000))
            new = [
                (len(rows) + i, None if r.random() < 0.02 else len(rows) // 10 + r.randint(-20, 20))
                for i in range(size)
            ]
            rows += new
            scale = 1000 if kind == "BIGINT" else 1
            at: list[Any] = [s if s is None else s * scale for _, s in new]
            if "BIGINT" not in kind:
                at = [s if s is None else EPOCH + dt.timedelta(seconds=s) for _, s in new]
            db.insert("t", {"n": [n for n, _ in new], "ts": at})
        bounds = [None, *(r.randint(-50, 1000) for _ in range(4))]
        for _ in range(6):
            start, end = r.choice(bounds), r.choice(bounds)
            timed = [(s, n) for n, s in rows if s is not None]
            want = [n for s, n in sorted(timed) if (start is None or s >= start) and (end is None or s < end)]
            got = db.replay("t", start and start * 1000, end and end * 1000)
            assert [row[0] for row in rows_of(got)] == want


def test_by_ingestion_time_across_batches_and_pauses() -> None:
    with manual() as db:
        db.execute("CREATE SOURCE t (n BIGINT, s VARCHAR)")
        rows: list[Row] = []
        for second in range(1, 8):
            db.tick(second * 1000)
            new = [(second, f"{second} {i}") for i in range((1, 5000, 20_000)[second % 3])]
            db.insert("t", new)
            rows += new
        assert rows_of(db.replay("t")) == rows
        assert rows_of(db.replay("t", 2000, 5000)) == [row for row in rows if 2 <= row[0] < 5]
        assert rows_of(db.replay("t", "1970-01-01T00:00:07")) == [row for row in rows if row[0] == 7]
        assert rows_of(db.replay("t", 8000)) == rows_of(db.replay("t", 5000, 5000)) == []
        assert all(isinstance(b, laminardb.QueryResult) and 0 < b.num_rows <= 8192 for b in db.replay("t"))


def test_it_is_lazy_and_a_snapshot() -> None:
    with manual() as db:
        db.execute("CREATE SOURCE t (n BIGINT) WITH (retain = '20000 rows')")
        db.insert("t", {"n": list(range(20_000))})
        replay = db.replay("t")
        first = next(replay)
        db.insert("t", {"n": list(range(40_000))})
        assert [row[0] for row in [*first, *rows_of(replay)]] == list(range(20_000))
        assert [row[0] for row in rows_of(db.replay("t"))] == list(range(20_000, 40_000))
        db.execute("DROP SOURCE t")


def test_into_another_source() -> None:
    with manual() as db:
        db.execute(
            "CREATE SOURCE t (n BIGINT, ts TIMESTAMP, WATERMARK FOR ts);"
            "CREATE SOURCE again (ts TIMESTAMP, n BIGINT, extra BIGINT DEFAULT 7, WATERMARK FOR ts);"
            "CREATE SOURCE narrow (n BIGINT);"
            "CREATE STREAM w AS SELECT window_start, count(*) AS n FROM again"
            "   GROUP BY TUMBLE(ts, INTERVAL '10' SECOND) EMIT ON WINDOW CLOSE"
        )
        db.start()
        order = list(range(100))
        random.Random(1).shuffle(order)
        db.insert("t", [(n, EPOCH + dt.timedelta(seconds=n)) for n in order])
        assert db.replay("t", 10_000, 60_000, to="again") == 50
        assert db.query("SELECT n, extra FROM again").fetchall() == [(n, 7) for n in range(10, 60)]
        assert sum(row[1] for row in db.query("SELECT * FROM w")) == 40  # nothing was late
        assert db.replay("t", 10_000, 10_000, to="again") == 0
        assert db.replay("again", to="again") == 50  # of the snapshot, so it ends
        with pytest.raises(laminardb.IngestionError, match="ts"):
            db.replay("t", to="narrow")
        with pytest.raises(laminardb.SchemaError, match="agian") as e:
            db.replay("t", to="agian")
        assert e.value.code == 200


def test_what_is_refused(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (n BIGINT); CREATE TABLE r (n BIGINT); CREATE STREAM s AS SELECT n FROM t")
    with pytest.raises(laminardb.SchemaError, match="nothing") as unknown:
        db.replay("nothing")
    assert unknown.value.code == 200
    with pytest.raises(laminardb.QueryError, match="query_at"):
        db.replay("r")
    with pytest.raises(laminardb.SchemaError):
        db.replay("s")
    for bad, error in SPEEDS:
        with pytest.raises(error, match="speed must be a number above 0"):
            db.replay("t", speed=bad)  # type: ignore[arg-type]
    for name in ("start", "end"):
        with pytest.raises(TypeError, match=f"{name} must be epoch"):
            db.replay("t", **{name: 1.5})  # type: ignore[call-overload]
    replay = db.replay("t")
    db.insert("t", {"n": 1})
    db.close()
    with pytest.raises(laminardb.ConnectionError, match="Connection is closed"):
        next(replay)
    with pytest.raises(laminardb.ConnectionError):
        db.replay("t")


def paced(db: laminardb.Connection, speed: float) -> tuple[threading.Thread, list[tuple[int, list[int]]]]:
    got: list[tuple[int, list[int]]] = []

    def read() -> None:
        for batch in db.replay("t", speed=speed):
            now = db.query("SELECT epoch_ms(now()::TIMESTAMP)").fetchall()[0][0]
            got.append((now, [row[0] for row in batch]))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, got


@pytest.mark.parametrize("speed", [1.0, 2, 0.5, 1e9])
def test_paced_by_the_clock_of_the_database(speed: float) -> None:
    with manual() as db:
        db.tick(100_000)
        db.execute("CREATE SOURCE t (n BIGINT, ts BIGINT, WATERMARK FOR ts)")
        db.insert("t", [(n, n * 1000) for n in (3, 1, 2, 2, 10)])
        thread, got = paced(db, speed)
        while not got:
            time.sleep(0.001)
        if speed < 1e9:
            assert got == [(100_000, [1])]
        for second in range(101, 120):
            db.tick(second * 1000)
            want = sum(n <= 1 + (second - 100) * speed for n in (3, 1, 2, 2, 10))
            while sum(len(ns) for _, ns in got) < want:
                time.sleep(0.001)
        thread.join(10)
        assert not thread.is_alive()
        assert [n for _, ns in got for n in ns] == [1, 2, 2, 3, 10]
        for now, ns in got:
            assert all(100 + (n - 1) / speed <= now / 1000 + 1e-6 for n in ns)
        if speed == 1.0:
            assert got == [(100_000, [1]), (101_000, [2, 2]), (102_000, [3]), (109_000, [10])]


def test_waiting_ends_with_the_database() -> None:
    db = manual()
    db.execute("CREATE SOURCE t (n BIGINT, ts BIGINT, WATERMARK FOR ts)")
    db.insert("t", [(1, 1), (2, 1_000_000)])
    failed: list[BaseException] = []

    def read() -> None:
        try:
            rows_of(db.replay("t", speed=1))
        except laminardb.ConnectionError as e:
            failed.append(e)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.05)
    db.close()
    thread.join(10)
    assert not thread.is_alive() and len(failed) == 1


def test_closing_the_generator_gives_the_rows_back() -> None:
    with manual() as db:
        db.execute("CREATE SOURCE t (n BIGINT) WITH (retain = 'none')")
        db.insert("t", {"n": list(range(100_000))})
        replay = db.replay("t")
        next(replay, None)
        replay.close()
        with contextlib.suppress(StopIteration):
            next(replay)


# A timer's signal stands for SIGINT, which pytest's workers use themselves.
ENDLESS = """
import laminardb, signal
signal.signal(signal.SIGALRM, signal.default_int_handler)
db = laminardb.open()
db.execute("CREATE SOURCE t (n BIGINT, ts BIGINT, WATERMARK FOR ts)")
db.insert("t", [(1, 1_700_000_000_000), (2, 1_700_000_900_000)])
try:
    for batch in db.replay("t", speed=1.0):
        print(len(batch), flush=True)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
except KeyboardInterrupt:
    print("interrupted", db.query("SELECT count(*) FROM t").fetchone(), flush=True)
"""


def test_ctrl_c_ends_the_wait() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split("\n") == ["1", "interrupted (2,)", ""], done.stderr
