# SPDX-License-Identifier: Apache-2.0
"""The same instants in every unit of time give the same windows, the same late rows, the same final ones."""

from __future__ import annotations

import datetime as dt
import random
import warnings
from typing import Any

import laminardb
import pytest
from running import some

TYPES = ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ", "BIGINT")
UNITS = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
WINDOWS = (
    "TUMBLE(ts, INTERVAL '10' SECOND)",
    "TUMBLE(ts, INTERVAL '10' SECOND, INTERVAL '3' SECOND)",
    "HOP(ts, INTERVAL '4' SECOND, INTERVAL '10' SECOND)",
    "CUMULATE(ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND)",
    "SESSION(ts, INTERVAL '3' SECOND)",
)
EPOCH = dt.datetime(1970, 1, 1)


def second(value: dt.datetime | int) -> float:
    if isinstance(value, int):
        return value / 1000
    return (value.replace(tzinfo=None) - EPOCH).total_seconds()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    "emit", ("", " EMIT ON WINDOW CLOSE", " EMIT ON WINDOW CLOSE ALLOW LATENESS INTERVAL '2' SECOND")
)
def test_same_windows_in_every_unit(window: str, emit: str) -> None:
    r = random.Random(window + emit)
    batches = [[(r.randint(-40, 40), r.randint(0, 9)) for _ in range(r.randint(1, 6))] for _ in range(8)]
    answers: dict[str, list[Any]] = {}
    for kind in TYPES:
        with laminardb.open() as db:
            db.execute(f"CREATE SOURCE t (ts {kind}, v BIGINT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)")
            db.execute(
                f"CREATE STREAM s AS SELECT window_start AS a, window_end AS b, sum(v) AS s, count(*) AS n"
                f" FROM t GROUP BY {window}{emit}"
            )
            db.start()
            assert [f.type for f in db.schema("s")][:2] == [db.schema("t").field("ts").type] * 2
            for batch in batches:
                rows = [
                    (s * 1000 if kind == "BIGINT" else EPOCH + dt.timedelta(seconds=s), v) for s, v in batch
                ]
                db.insert("t", rows)
            got = db.query("SELECT * FROM s").fetchall()
            metrics = some(db.stream_metrics("s"))
            once = db.query(
                f"SELECT window_start, window_end, sum(v), count(*) FROM t GROUP BY {window}"
            ).fetchall()
            answers[kind] = [
                sorted((second(a), second(b), s, n) for a, b, s, n in rows) for rows in (got, once)
            ]
            answers[kind].append(metrics.late_rows)
    assert all(a == answers["TIMESTAMP"] for a in answers.values()), answers
    assert answers["TIMESTAMP"][1]


def test_nanoseconds_part_windows_exactly() -> None:
    """The last nanosecond before a bound is below it; sessions know their nanoseconds."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts TIMESTAMP_NS, v BIGINT, WATERMARK FOR ts)")
        db.execute(
            "CREATE STREAM s AS SELECT window_start, sum(v) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' SECOND)"
        )
        db.execute(
            "CREATE STREAM g AS SELECT CAST(window_end AS VARCHAR) AS e, sum(v) FROM t"
            " GROUP BY SESSION(ts, INTERVAL '1' SECOND)"
        )
        db.start()
        db.insert_csv("t", "ts,v\n1969-12-31 23:59:59.999999999,1\n1970-01-01 00:00:00.000000001,2\n")
        db.insert_csv("t", "ts,v\n1970-01-01 00:00:01.000000001,4\n1970-01-01 00:00:02.000000002,8\n")
        rows = db.query("SELECT * FROM s ORDER BY 1").fetchall()
        assert [v for _, v in rows] == [1, 2, 4, 8]
        assert sorted(db.query("SELECT * FROM g").fetchall()) == [
            ("1970-01-01 00:00:02.000000001", 7),
            ("1970-01-01 00:00:03.000000002", 8),
        ]


@pytest.mark.parametrize("emit", ("", " EMIT ON WINDOW CLOSE", " EMIT AFTER WATERMARK ALLOW LATENESS 2000"))
def test_bigint_times_of_every_unit(emit: str) -> None:
    """time_unit: windows, late rows, streams of windows, joins and sessions are those of milliseconds."""
    r = random.Random(emit)
    batches = [[(r.randint(-40, 40), r.randint(0, 3)) for _ in range(r.randint(1, 6))] for _ in range(10)]
    answers: dict[str, dict[str, Any]] = {}
    for unit, per_second in UNITS.items():
        with laminardb.open() as db:
            db.execute(
                "CREATE SOURCE t (ts BIGINT, k BIGINT DEFAULT 7, WATERMARK FOR ts AS ts - 5000)"
                f" WITH (time_unit = '{unit}');"
                "CREATE SOURCE late (ts BIGINT, k BIGINT)"
            )
            windows = {
                "a": "SELECT window_start AS a, window_end AS b, k, count(*) AS n FROM t"
                f" GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND, INTERVAL '3' SECOND)"
                f"{emit} LATE DATA TO late",
                "b": "SELECT a, b, max(n) AS n, count(*) AS m FROM a GROUP BY a, b",
                "c": "SELECT TUMBLE(a, INTERVAL '20' SECOND) AS a, sum(n) AS n FROM a GROUP BY 1",
                "d": "SELECT window_start AS a, window_end AS b, count(*) FROM t"
                f" GROUP BY SESSION(ts, 3000){emit}",
                "e": "SELECT window_start AS a, window_end AS b, count(*) AS n FROM"
                " TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), 5000, 10000))"
                f" GROUP BY window_start, window_end{emit}",
                "i": f"SELECT b, max(n) AS n FROM a GROUP BY b{' EMIT ON WINDOW CLOSE' if emit else ''}",
                "f": "SELECT x.a, x.b, x.n, y.n AS m FROM a AS x JOIN b AS y ON x.a = y.a",
                "g": "SELECT min(ts) AS a, max(ts) AS b, count(*) FROM t"
                " UNION ALL SELECT ts, ts, k FROM t WHERE ts > 0",
                "h": "SELECT lag(ts) OVER (PARTITION BY k ORDER BY ts, k) AS a, ts AS b, k FROM t",
            }
            for name, sql in windows.items():
                db.execute(f"CREATE STREAM {name} AS {sql}")
            db.start()
            for batch in batches:
                db.insert("t", [(s * per_second, k) for s, k in batch])
            db.insert("t", {"ts": [EPOCH + dt.timedelta(seconds=100)]})
            db.insert("t", [("1970-01-01 00:01:41", 1)])
            got: dict[str, Any] = {}
            for name in (*windows, "late"):
                rows = db.query(f"SELECT * FROM {name}").fetchall()
                times = 1 if name in ("c", "i", "late") else 2
                counted = name in ("g", "h")
                shown = [[v and v / per_second for v in row[:times]] + list(row[times:]) for row in rows]
                got[name] = len(rows) if counted else sorted(shown)
            got["late rows"] = some(db.stream_metrics("a")).late_rows
            got["watermark"] = some(db.source_metrics("t")).watermark
            assert db.query("SELECT typeof(ts) FROM t LIMIT 1").fetchall() == [("BIGINT",)]
            assert db.query("SELECT count(*) FROM t WHERE ts IN (SELECT ts FROM late)").fetchone() is not None
            answers[unit] = got
    for unit, got in answers.items():
        for name, rows in got.items():
            assert rows == answers["ms"][name], (unit, name)
    assert answers["ms"]["late rows"] and answers["ms"]["watermark"] == 96_000


def test_a_wrong_unit_is_said_once() -> None:
    """The first time tells, when its size is that of another unit; rows are kept as they are."""
    for declared in UNITS:
        for unit, per_second in UNITS.items():
            with laminardb.open() as db, warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                db.execute(f"CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts) WITH (time_unit = '{declared}')")
                db.execute("INSERT INTO t VALUES (NULL)")
                for _ in range(2):
                    db.insert("t", [(1_700_000_000 * per_second,)])
                assert db.query("SELECT count(ts) FROM t").fetchone() == (2,)
                texts = [str(w.message) for w in said]
                assert len(texts) == (unit != declared), (declared, unit, texts)
                assert all(f"WITH (time_unit = '{unit}')" in text for text in texts)
    with laminardb.open() as db, warnings.catch_warnings():
        warnings.simplefilter("error")
        db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts); CREATE SOURCE u (ts BIGINT, v BIGINT)")
        db.insert("t", [(5,)])
        db.insert("u", [(1_700_000_000, 1)])
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
        with pytest.warns(UserWarning, match="time_unit = 'ns'"):
            db.insert_csv("t", "ts\n1700000000000000000\n")


def test_time_unit_says_what_it_is_about() -> None:
    with laminardb.open() as db:
        for columns, option, message in (
            ("ts BIGINT, WATERMARK FOR ts", "'h'", "is 's', 'ms', 'us' or 'ns'"),
            ("ts BIGINT", "'s'", "has none"),
            ("ts TIMESTAMP, WATERMARK FOR ts", "'s'", "has TIMESTAMP"),
        ):
            with pytest.raises(laminardb.SchemaError, match=message):
                db.execute(f"CREATE SOURCE t ({columns}) WITH (time_unit = {option})")
