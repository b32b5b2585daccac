# SPDX-License-Identifier: Apache-2.0
"""EMIT AFTER WATERMARK: a window shows when the watermark reaches its end, then with each late row that is
allowed. The oracle is the same query without it, whose windows show from their first row on."""

from __future__ import annotations

import random
from typing import Any

import laminardb
import pytest
from optional import some

WINDOWS = {
    "tumble": "TUMBLE(ts, INTERVAL '10' SECOND)",
    "hop": "HOP(ts, INTERVAL '5' SECOND, INTERVAL '15' SECOND)",
    "session": "SESSION(ts, INTERVAL '3' SECOND)",  # over when the watermark is behind its end; it may move
}


def query(window: str, emit: str) -> str:
    return (
        f"SELECT window_start AS s, window_end AS e, k, count(*) AS n, sum(v) AS total FROM t "
        f"GROUP BY {WINDOWS[window]}, k {emit} ALLOW LATENESS INTERVAL '7' SECOND"
    )


def state(db: laminardb.Connection, name: str) -> list[tuple[Any, ...]]:
    return sorted(db.query_stream(name).fetchall())


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("seed", range(3))
def test_against_the_open_windows(window: str, seed: int) -> None:
    r = random.Random(seed)
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 2000)")
        db.start()
        db.execute(f"CREATE STREAM every AS {query(window, '')}")
        db.execute(f"CREATE STREAM after AS {query(window, 'EMIT AFTER WATERMARK')}")
        db.execute("CREATE STREAM above AS SELECT count(*) AS rows, sum(n) AS n FROM after")
        sub = db.subscribe_stream("after")
        shown: dict[Any, tuple[Any, ...]] = {}
        now = 100_000
        for step in range(120):
            now += r.choice([0, 500, 1500, 9000])
            times = [now - r.choice([0, 1000, 4000, 9000, 30_000]) for _ in range(r.randrange(1, 4))]
            keys, values = [r.randrange(2) for _ in times], [r.randrange(9) for _ in times]
            db.insert("t", {"ts": times, "k": keys, "v": values})
            if r.random() < 0.1:
                db.advance_watermark("t", now + 3000)
            mark = some(db.source_metrics("t")).watermark
            wanted = [row for row in state(db, "every") if row[1] < mark + (window != "session")]
            assert state(db, "after") == wanted, step
            deliveries = 0
            while (batch := sub.try_next()) is not None:
                deliveries += 1
                rows = batch.fetchall()
                assert len({row[:3] for row in rows}) == len(rows)  # one update per tick
                for row in [] if batch.deleted is None else batch.deleted.fetchall():
                    del shown[row[:3]]  # a session whose end moved, or that became part of another
                shown.update({row[:3]: row for row in rows})
            assert deliveries <= 2
            assert sorted(shown.values()) == wanted
            counted = db.query_stream("above").fetchall()
            assert counted == [(len(wanted), sum(row[3] for row in wanted) if wanted else None)]
        assert some(db.stream_metrics("after")).late_rows == some(db.stream_metrics("every")).late_rows > 0
        db.execute(f"CREATE STREAM late AS {query(window, 'EMIT AFTER WATERMARK')}")
        assert state(db, "late") == state(db, "after")
        assert len(shown) > 20


def test_what_has_no_end_to_wait_for() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        db.execute("CREATE SOURCE u (ts BIGINT)")
        for text, part in [
            ("SELECT k, count(*) FROM t GROUP BY k", "needs a window"),
            ("SELECT count(*) FROM u GROUP BY TUMBLE(ts, 1000)", "no watermark ever closes"),
        ]:
            with pytest.raises(laminardb.QueryError, match=part):
                db.execute(f"CREATE STREAM s AS {text} EMIT AFTER WATERMARK")
        text = "SELECT count(*) FROM t GROUP BY TUMBLE(ts, 1000) EMIT AFTER WATERMARK"
        assert "emits from its end on" in db.explain(f"{text} ALLOW LATENESS INTERVAL '1' SECOND")
        assert "emits then" in db.explain(text)  # final as soon as it has ended
