# SPDX-License-Identifier: Apache-2.0
"""WITH (retain = ...) of a stream of windows: of the rows of final windows the newest stay, open windows all.

Against lists; through reloads, for every kind of window. What is told to
subscribers and to streams above is not touched by what goes.
"""

from __future__ import annotations

import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload

WINDOWS = {
    "TUMBLE": "TUMBLE(ts, 10)",
    "HOP": "HOP(ts, 5, 10)",
    "CUMULATE": "CUMULATE(ts, 5, 10)",
    "SESSION": "SESSION(ts, 2)",
}
EMITS = ("", "EMIT ON WINDOW CLOSE", "EMIT CHANGES")


def stream(window: str, emit: str, retain: str) -> str:
    return (
        f"WITH (retain = '{retain}') AS SELECT window_start AS w, window_end AS e, count(*) AS n FROM t "
        f"GROUP BY {WINDOWS[window]} HAVING count(*) > 0 {emit}"
    )


@pytest.mark.parametrize("emit", EMITS)
@pytest.mark.parametrize("window", WINDOWS)
def test_the_newest_final_rows_stay(window: str, emit: str) -> None:
    r = random.Random(f"{window} {emit}")
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts AS ts)")
        names = {"4 rows": "few", "none": "nothing", "20 ms": "recent", "all": "whole"}
        for retain, name in names.items():
            db.execute(f"CREATE STREAM {name} {stream(window, emit, retain)}")
        db.execute("CREATE STREAM above AS SELECT sum(n) AS n, count(*) AS c FROM few")
        db.execute("CREATE STREAM above_all AS SELECT sum(n) AS n, count(*) AS c FROM whole")
        db.start()
        told = {name: db.subscribe_stream(name) for name in ("few", "whole")}
        now = 100
        finished: list[tuple[int, tuple[int, ...]]] = []  # when a row was final, and the row
        for _ in range(60):
            now += r.choice((1, 3, 7))
            db.insert("t", [(now,)])
            if r.random() < 0.2:
                reload(db)
            shown = {n: sorted(db.query(f"SELECT w, e, n FROM {n}").fetchall()) for n in names.values()}
            late = 1 if window == "SESSION" else 0
            final = [row for row in shown["whole"] if row[1] + late <= now]
            known = {row for _, row in finished}
            finished += [(now, row) for row in sorted(final, key=lambda row: row[1]) if row not in known]
            still = [] if emit == "EMIT ON WINDOW CLOSE" else [x for x in shown["whole"] if x not in final]
            assert shown["nothing"] == sorted(still)
            assert shown["recent"] == sorted([x for at, x in finished if at >= now - 20] + still)
            assert len(shown["few"]) == min(4, len(finished)) + len(still)
            ends = sorted(row[1] for _, row in finished)[-4:]
            assert sorted(row[1] for row in shown["few"] if row not in still) == ends
        assert len(finished) > 10
        assert db.query("SELECT * FROM above").fetchall() == db.query("SELECT * FROM above_all").fetchall()
        db.execute("CREATE STREAM made_late AS SELECT sum(n) AS n, count(*) AS c FROM few")
        assert db.query("SELECT * FROM above").fetchall() == db.query("SELECT * FROM made_late").fetchall()
        assert changes(told["few"]) == changes(told["whole"])


def changes(
    subscription: laminardb.Subscription | laminardb.StreamSubscription,
) -> list[Counter[tuple[object, ...]]]:
    told = []
    while (batch := subscription.try_next()) is not None:
        told.append(Counter(batch.fetchall()))
    return told


def memory(db: laminardb.Connection) -> int:
    return int({row[0]: row[1] for row in db.query("SELECT * FROM laminar.metrics").fetchall()}["memory"])


def test_memory_stays_where_few_rows_are_kept() -> None:
    with laminardb.open() as db:
        db.execute(
            "CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts) WITH (retain = 'none');"
            "CREATE STREAM s WITH (retain = '1000 rows') AS "
            "SELECT k, window_start AS w, count(*) AS n FROM t GROUP BY k, TUMBLE(ts, 10)"
        )
        db.start()
        used = []
        for n in range(200):
            db.insert("t", {"ts": [n * 10] * 1000, "k": list(range(1000))})
            used.append(memory(db))
        assert max(used[100:]) <= max(used[:100]) * 1.1
        assert db.query("SELECT min(w), count(*) FROM s").fetchall() == [(1980, 2000)]


def test_what_it_is_for() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        with pytest.raises(laminardb.SchemaError, match="no groups of a window"):
            db.execute(
                "CREATE STREAM s WITH (retain = '1 hour') AS SELECT k, count(*) AS n FROM t GROUP BY k"
            )
        text = (
            "CREATE STREAM s WITH (retain = '2 rows') AS SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10)"
        )
        db.execute(text)
        assert "retain" in db.query("SHOW CREATE STREAM s").fetchall()[0][1]
