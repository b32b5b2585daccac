# SPDX-License-Identifier: Apache-2.0
"""metrics_history: what was counted when."""

from __future__ import annotations

from datetime import UTC, datetime

import laminardb
import pytest
from laminardb import LaminarConfig

START = 1_700_000_000_000


def at(second: float) -> datetime:
    return datetime.fromtimestamp(START / 1000 + second, UTC)


@pytest.fixture
def db() -> laminardb.Connection:
    db = laminardb.open(config=LaminarConfig(deterministic=True))
    db.tick(START)
    db.execute(
        "CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);"
        "CREATE STREAM s AS SELECT count(*) AS n FROM t"
    )
    db.start()
    return db


def test_work_takes_a_sample_a_second(db: laminardb.Connection) -> None:
    for quarter in range(13):  # 0 .. 3 s
        db.tick(START + 250 * quarter)
        db.insert("t", {"ts": [quarter * 1000, quarter * 1000]})
    samples = db.metrics_history()
    assert [s.time for s in samples] == [at(0), at(1), at(2), at(3), at(3)]
    assert [s.ingested for s in samples] == [0, 8, 16, 24, 26]
    assert [s.inserts for s in samples] == [0, 4, 8, 12, 13]
    assert [s.watermark for s in samples] == [None, 2000, 6000, 10_000, 11_000]
    assert samples[-1].emitted == db.metrics().total_events_emitted and samples[-1].memory_bytes > 0
    assert samples == sorted(samples, key=lambda s: (s.time, s.ingested))


def test_no_work_takes_none(db: laminardb.Connection) -> None:
    db.insert("t", {"ts": 1})
    db.tick(START + 3_600_000)
    db.query("SELECT count(*) FROM t")
    assert [(s.time, s.ingested) for s in db.metrics_history(120)] == [(at(0), 0), (at(3600), 1)]
    assert [(s.time, s.ingested) for s in db.metrics_history(1)] == [(at(3600), 1)]
    db.insert("t", {"ts": 2})  # the rate over the pause is right: its sample is from before the row
    assert [s.ingested for s in db.metrics_history(10**9)] == [0, 1, 2]


def test_the_oldest_make_room(db: laminardb.Connection) -> None:
    for second in range(3700):
        db.tick(START + 1000 * second)
        db.insert("t", {"ts": second})
    samples = db.metrics_history(10**30)
    assert len(samples) == 3601
    assert [s.ingested for s in samples] == list(range(100, 3701))
    assert samples[0].time == at(100)
    assert len(db.metrics_history(1)) == 62  # a minute ago is within the minute


def test_bad_minutes(db: laminardb.Connection) -> None:
    for minutes in (0, -1, -(10**30)):
        with pytest.raises(ValueError, match="minutes must be 1 or more"):
            db.metrics_history(minutes)
    with pytest.raises(TypeError):
        db.metrics_history("1")  # type: ignore[arg-type]
    db.close()
    with pytest.raises(laminardb.ConnectionError):
        db.metrics_history()
