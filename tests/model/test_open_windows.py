# SPDX-License-Identifier: Apache-2.0
"""query_stream: equal to its SQL run again, and by windows: what is "final" is what EMIT ON WINDOW CLOSE has
shown of the same query, never changes, and with what is "open" makes up all."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from typing import Any

import laminardb
import pytest

EPOCH = dt.datetime(1970, 1, 1)
SHAPES = {
    "tumble": ("k, window_start, window_end", "k, TUMBLE(ts, INTERVAL '10' SECOND)"),
    "start": ("window_start", "TUMBLE(ts, INTERVAL '10' SECOND)"),
    "end": ("window_end AS fin", "TUMBLE(ts, INTERVAL '10' SECOND)"),
    "hop": ("window_end", "HOP(ts, INTERVAL '5' SECOND, INTERVAL '15' SECOND)"),
    "session": ("k, window_start, window_end", "k, SESSION(ts, INTERVAL '4' SECOND)"),
}
LATENESS = ("", " ALLOW LATENESS INTERVAL '3' SECOND")
TIMES = {
    "TIMESTAMP": "",
    "TIMESTAMP_MS": "",
    "BIGINT": "",
    "TIMESTAMPTZ": "",
    "BIGINT s": " WITH (time_unit = 's')",
}


def rows(
    db: laminardb.Connection, name: str, window: Any, where: str | None = None
) -> Counter[tuple[Any, ...]]:
    return Counter(db.query_stream(name, where, window=window).fetchall())


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("late", LATENESS)
@pytest.mark.parametrize("shape", SHAPES)
def test_final_is_what_was_shown_on_close(shape: str, late: str, kind: str) -> None:
    if kind.startswith("BIGINT") and shape == "end":
        pytest.skip("an INTERVAL is taken from a TIMESTAMP")
    r = random.Random(f"{shape}{late}{kind}")
    shown, group = SHAPES[shape]
    with laminardb.open() as db:
        db.execute(
            f"CREATE SOURCE t (k BIGINT, v BIGINT, ts {kind.split()[0]}, WATERMARK FOR ts){TIMES[kind]}"
        )
        query = f"SELECT {shown}, sum(v) AS v, count(*) AS n FROM t GROUP BY {group}"
        db.execute(f"CREATE STREAM updating AS {query}{late}")
        db.execute(f"CREATE STREAM closing AS {query} EMIT ON WINDOW CLOSE{late}")
        db.start()
        assert rows(db, "updating", "final") == rows(db, "updating", "open") == Counter()
        second = 0
        final_before: Counter[tuple[Any, ...]] = Counter()
        for _ in range(40):
            second += r.choice((0, 1, 1, 2, 9))
            batch = []
            for _ in range(r.randint(1, 3)):
                at = max(0, second - r.randint(0, 6))
                time: Any = at if kind == "BIGINT s" else at * 1000
                if not kind.startswith("BIGINT"):
                    time = EPOCH + dt.timedelta(seconds=at)
                batch.append((r.randint(0, 2), r.randint(0, 9), time))
            db.insert("t", batch)
            every, final, open_ = (rows(db, "updating", w) for w in ("all", "final", "open"))
            assert final + open_ == every == rows(db, "updating", "all")
            assert final == rows(db, "closing", "all") == rows(db, "closing", "final")
            assert final_before <= final and rows(db, "closing", "open") == Counter()
            some = rows(db, "updating", "final", "v > 5 OR n = 1")
            assert some == Counter({row: n for row, n in final.items() if row[-2] > 5 or row[-1] == 1})
            final_before = final


def test_what_has_no_windows_says_so() -> None:
    db = laminardb.open()
    db.execute(
        "CREATE SOURCE t (v BIGINT, ts TIMESTAMP, WATERMARK FOR ts); CREATE STREAM plain AS SELECT v FROM t;"
        "CREATE STREAM hidden AS SELECT sum(v) AS v FROM t GROUP BY TUMBLE(ts, INTERVAL '1' SECOND)"
    )
    db.start()
    for name in ("plain", "hidden"):
        with pytest.raises(laminardb.QueryError, match="tells when a row of it is final") as e:
            db.query_stream(name, window="final")
        assert e.value.code == 400
        assert db.query_stream(name).fetchall() == []
    with pytest.raises(ValueError, match="window must be one of all, open, final, not 'closed'"):
        db.query_stream("plain", window="closed")  # type: ignore[arg-type]
    with pytest.raises(laminardb.QueryError, match="Stream not found: nothing"):
        db.query_stream("nothing", window="open")


QUERIES = {
    "filtered": "SELECT k, v * 2 AS d FROM t WHERE v > 2",
    "grouped": "SELECT k, sum(v) AS s, count(*) AS n, max(v) AS m FROM t GROUP BY k",
    "having_": "SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) > 2",
    "distinct_": "SELECT DISTINCT v % 3 AS m FROM t",
    "joined": "SELECT t.k, t.v, r.w FROM t LEFT JOIN r ON t.k = r.k",
    "top": "SELECT k, v FROM r2 ORDER BY v DESC, k LIMIT 3",
    "over_": "SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v, w) AS n FROM r2",
    "upon": "SELECT n, count(*) AS c FROM grouped GROUP BY n",
    "union_": "SELECT k FROM t UNION SELECT k FROM r",
}


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_its_sql_run_again(seed: int) -> None:
    r = random.Random(seed)
    with laminardb.open() as db:
        db.execute(
            "CREATE SOURCE t (k BIGINT, v BIGINT); CREATE TABLE r (k BIGINT PRIMARY KEY, w VARCHAR);"
            "CREATE TABLE r2 (k BIGINT, v BIGINT, w BIGINT PRIMARY KEY)"
        )
        for name, sql in QUERIES.items():
            db.execute(f"CREATE STREAM {name} AS {sql}")
        db.start()
        for step in range(40):
            match r.choice("t t t r r2 change gone".split()):
                case "t":
                    db.insert("t", [(r.randint(0, 4), r.randint(0, 9)) for _ in range(r.randint(1, 4))])
                case "r":
                    db.insert("r", (r.randint(0, 4), f"w{step}"))
                case "r2":
                    db.insert("r2", (r.randint(0, 2), r.randint(0, 9), r.randint(0, 30)))
                case "change":
                    db.execute("UPDATE r2 SET v = v + 1 WHERE k = ?", [r.randint(0, 2)])
                case _:
                    db.execute("DELETE FROM r WHERE k = ?", [r.randint(0, 4)])
            for name, sql in QUERIES.items():
                again = Counter(db.query(sql).fetchall())
                assert (
                    rows(db, name, "all") == again == Counter(db.query(f"SELECT * FROM {name}").fetchall())
                ), name
            kept = Counter(db.query(f"SELECT * FROM ({QUERIES['grouped']}) WHERE k > 1 AND s > 9").fetchall())
            assert rows(db, "grouped", "all", "k > 1 AND s > 9") == kept
