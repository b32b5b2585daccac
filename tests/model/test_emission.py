# SPDX-License-Identifier: Apache-2.0
"""Every mode of EMIT over every kind of query: what it tells, and that it is refused where it has no meaning.

All modes of one query read the same inserts. Whatever the mode: added up, what subscribers got is the stream,
the stream is its query asked once (nothing is late here), and a row is taken back only by modes that may.
EMIT ON WINDOW CLOSE is told nothing before the window is over, and each row once; what would change
a row afterwards is refused with the way out.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig
from running import some

W = "(SELECT k, window_start, window_end, count(*) AS n FROM t GROUP BY k, TUMBLE(ts, 10))"
V = W.replace("FROM t", "FROM u")
ON = "x.window_start = y.window_start AND x.window_end = y.window_end"
WHOLE = f"SELECT * FROM {W} AS x"

#: Their rows may come once, when their window is final.
CLOSING = {
    "window": WHOLE,
    "session": "SELECT k, window_start, window_end, count(*) AS n FROM t GROUP BY k, SESSION(ts, 5)",
    "cumulate": "SELECT window_start, window_end, count(*) AS n FROM t GROUP BY CUMULATE(ts, 5, 10)",
    "hop": "SELECT window_start, window_end, sum(v) AS n FROM t GROUP BY HOP(ts, 4, 10)",
    "from": "SELECT k, window_start, window_end, max(v) AS n FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), 5, 10))"
    " GROUP BY k, window_start, window_end",
    "having": "SELECT k, window_start, window_end, count(*) AS n FROM t GROUP BY k, TUMBLE(ts, 10)"
    " HAVING count(*) > 1",
    "distinct": f"SELECT DISTINCT window_start, window_end, n FROM {W}",
    "windows of windows": f"SELECT window_start, window_end, max(n) AS n FROM {W} GROUP BY window_start,"
    f" window_end",
    "filter": f"{WHOLE} WHERE n > 1",
    "join of windows": f"SELECT x.*, y.n AS m FROM {W} AS x JOIN {V} AS y ON {ON} AND x.k = y.k",
    "left join of windows": f"SELECT x.*, y.n AS m FROM {W} AS x LEFT JOIN {V} AS y ON {ON}",
    "full join of windows": "SELECT coalesce(x.window_start, y.window_start) AS window_start,"
    f" coalesce(x.window_end, y.window_end) AS window_end, x.n, y.n AS m FROM {W} AS x FULL JOIN {V} AS"
    f" y ON {ON}",
    "anti join of windows": f"{WHOLE} WHERE NOT EXISTS (SELECT 1 FROM {V} AS y WHERE {ON} AND x.k = y.k)",
    "above a join": "SELECT a.k, window_start, window_end, count(*) AS n FROM t AS a"
    " JOIN u AS b ON a.k = b.k AND a.ts BETWEEN b.ts - 5 AND b.ts + 5 GROUP BY a.k, TUMBLE(a.ts, 10)",
    "above a left join": "SELECT window_start, window_end, count(b.v) AS n FROM t AS a"
    " LEFT JOIN u AS b ON a.k = b.k AND a.ts BETWEEN b.ts - 5 AND b.ts + 5 GROUP BY TUMBLE(a.ts, 10)",
    "above an asof join": "SELECT window_start, window_end, sum(b.v) AS n FROM t AS a"
    " ASOF JOIN u AS b ON a.k = b.k AND a.ts >= b.ts GROUP BY TUMBLE(a.ts, 10)",
    "union": f"SELECT * FROM {W} UNION ALL SELECT * FROM {V}",
    "intersect": f"SELECT window_start, window_end, n FROM {W} INTERSECT SELECT window_start,"
    f" window_end, n FROM {V}",
    "except": f"SELECT window_start, window_end FROM {W} EXCEPT SELECT window_start, window_end FROM {V}",
    "top n of each window": f"{WHOLE} QUALIFY row_number() OVER (PARTITION BY window_end ORDER BY n"
    f" DESC, k) <= 2",
    "share of each window": f"SELECT *, n * 10 // sum(n) OVER (PARTITION BY window_start) AS f FROM {W}",
    "running sum": f"SELECT *, sum(n) OVER (PARTITION BY k ORDER BY window_start ROWS 3 PRECEDING) AS s"
    f" FROM {W}",
    "rollup": "SELECT k, window_start, window_end, count(*) AS n FROM t GROUP BY TUMBLE(ts, 10), ROLLUP (k)",
    "with": f"WITH w AS {W} SELECT a.*, b.m FROM w AS a JOIN (SELECT window_start, max(n) AS m FROM w"
    " GROUP BY window_start) AS b USING (window_start)",
}

#: They have windows, and something above that would change rows of a window that was final.
CHANGING = {
    f"SELECT x.*, d.name FROM {W} AS x JOIN d ON x.k = d.k": "join below the window",
    f"SELECT x.*, d.name FROM {W} AS x LEFT JOIN d ON x.k = d.k": "join below the window",
    f"SELECT x.*, y.n AS m FROM {W} AS x LEFT JOIN {V} AS y ON x.k = y.k": "window_start and window_end",
    f"{WHOLE} WHERE k IN (SELECT k FROM d)": "join below the window",
    f"{WHOLE} WHERE n > (SELECT avg(v) FROM u)": "add window_start to that GROUP BY",
    f"SELECT k, sum(n) AS s FROM {W} GROUP BY k": "add window_start to that GROUP BY",
    f"SELECT *, rank() OVER (ORDER BY n) AS r FROM {W}": "PARTITION BY window_start",
    f"SELECT *, lead(n) OVER (PARTITION BY k ORDER BY window_start) AS r FROM {W}": "PARTITION BY",
    f"SELECT *, lag(n) OVER (PARTITION BY k ORDER BY window_start DESC) AS r FROM {W}": "PARTITION BY",
    f"{WHOLE} ORDER BY n LIMIT 3": "PARTITION BY window_start",
}

#: Nothing ever ends.
ENDLESS = {
    "append": "SELECT ts, v FROM t WHERE v > 0",
    "group": "SELECT k, count(*) AS n FROM t GROUP BY k",
    "global": "SELECT count(*) AS n, max(v) AS m FROM t",
    "rows": "SELECT ts, window_start FROM TUMBLE(t, ts, 10)",
    "interval join": "SELECT a.ts, b.ts AS bts FROM t AS a JOIN u AS b ON a.k = b.k AND a.ts BETWEEN"
    " b.ts - 5 AND b.ts + 5",
    "outer join": "SELECT a.ts, d.name FROM t AS a LEFT JOIN d ON a.k = d.k",
    "top": "SELECT k, v FROM t ORDER BY v DESC, k LIMIT 3",
}

MODES = {
    "plain": "",
    "updates": "EMIT ON UPDATE",
    "changes": "EMIT CHANGES",
    "every": "EMIT EVERY INTERVAL '1' SECOND",
    "periodically": "EMIT PERIODICALLY INTERVAL '1' SECOND",
    "after": "EMIT AFTER WATERMARK",
    "close": "EMIT ON WINDOW CLOSE",
    "finals": "EMIT FINAL",
}
ENDS = ("after", "close", "finals")


class Reader:
    """What one mode has told, added up."""

    def __init__(self, db: laminardb.Connection, mode: str) -> None:
        self.db, self.mode, self.told = db, mode, Counter[tuple[Any, ...]]()
        self.sub = db.subscribe_stream(mode, snapshot=True)
        self.taken_back, self.batches = 0, 0

    def take(self, over: int) -> None:
        while (batch := self.sub.try_next()) is not None:
            self.batches += 1
            names = batch.columns
            for row in batch.fetchall():
                weight = row[-1] if self.mode == "changes" else 1
                self.told[row[:-1] if self.mode == "changes" else row] += weight
                self.taken_back += weight < 0
                if self.mode in ENDS and "window_end" in names:
                    assert row[names.index("window_end")] <= over, (self.mode, row, over)
            if batch.deleted is not None:
                for row in batch.deleted.fetchall():
                    self.told[row] -= 1
                    self.taken_back += 1
        assert self.mode not in ("close", "finals") or self.taken_back == 0


def database() -> laminardb.Connection:
    db = laminardb.open(config=LaminarConfig(deterministic=True))
    for name in "tu":
        db.execute(f"CREATE SOURCE {name} (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - 20)")
    db.execute("CREATE TABLE d (k VARCHAR PRIMARY KEY, name VARCHAR)")
    db.start()
    return db


def run(query: str, modes: list[str], seed: int, keyed: bool) -> None:
    r = random.Random(f"{query} {seed}")
    with database() as db:
        for mode in modes:
            db.execute(f"CREATE STREAM {mode} AS {query} {MODES[mode]}")
        readers = [Reader(db, mode) for mode in modes]
        now = high = 0
        newest = {"t": -100, "u": -100}
        for _ in range(30):
            high += r.randint(0, 6)
            name = r.choice("tud")
            if name == "d":
                db.insert("d", (r.choice("abc"), r.choice("xyz")))
            else:
                rows = [
                    (high + r.randint(-10, 10), r.choice("abc"), r.randint(0, 5))
                    for _ in range(r.randint(1, 4))
                ]
                db.insert(name, rows)
                newest[name] = max(newest[name], *(row[0] for row in rows))
            if r.random() < 0.3:
                now += 1000
                db.tick(now)
            for reader in readers:
                reader.take(max(newest.values()) - 20 if " u" not in query else min(newest.values()) - 20)
        for name in "tu":
            db.advance_watermark(name, 100_000)
        db.tick(now + 1000)
        want = Counter(db.query(query).fetchall())
        for reader in readers:
            reader.take(100_000)
            assert some(db.stream_metrics(reader.mode)).late_rows == 0
            assert Counter(db.query(f"SELECT * FROM {reader.mode}").fetchall()) == want, reader.mode
            assert all(reader.told[row] > 0 for row in want), reader.mode
            if not keyed or reader.mode in ("changes", "close", "finals"):
                assert +reader.told == want and min(reader.told.values(), default=0) >= 0, reader.mode
        counts = {reader.mode: reader.batches for reader in readers}
        assert counts["every"] <= counts["plain"] and counts["plain"] == counts["updates"]


@pytest.mark.parametrize("name", CLOSING)
def test_windows_in_every_mode(name: str) -> None:
    for seed in range(2):
        run(CLOSING[name], list(MODES), seed, keyed=True)


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends(name: str) -> None:
    run(ENDLESS[name], [mode for mode in MODES if mode not in ENDS], 0, keyed=name != "append")
    with database() as db:
        for mode in ENDS:
            with pytest.raises(laminardb.QueryError, match="needs a window|no group of this query ends") as e:
                db.execute(f"CREATE STREAM s AS {ENDLESS[name]} {MODES[mode]}")
            assert "GROUP BY" in str(e.value)


@pytest.mark.parametrize("query", CHANGING)
def test_what_changes_final_rows_is_refused(query: str) -> None:
    """With the way out; other modes take the query, and tell of the changes."""
    with database() as db:
        for mode in ("close", "finals"):
            with pytest.raises(
                laminardb.QueryError, match="rows of a window once, and these change with"
            ) as e:
                db.execute(f"CREATE STREAM s AS {query} {MODES[mode]}")
            assert CHANGING[query] in str(e.value)
    run(query, [mode for mode in MODES if mode not in ENDS], 0, keyed=True)
