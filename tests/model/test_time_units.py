# SPDX-License-Identifier: Apache-2.0
"""The same instants in every unit of time give the same windows, the same late rows, the same final ones."""

from __future__ import annotations

import datetime as dt
import random

import laminardb
import pytest

TYPES = ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ", "BIGINT")
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
    answers = {}
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
            metrics = db.stream_metrics("s")
            once = db.query(
                f"SELECT window_start, window_end, sum(v), count(*) FROM t GROUP BY {window}"
            ).fetchall()
            answers[kind] = [
                sorted((second(a), second(b), s, n) for a, b, s, n in rows) for rows in (got, once)
            ]
            answers[kind].append([metrics.late_rows])
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
