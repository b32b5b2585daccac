# SPDX-License-Identifier: Apache-2.0
"""Pauses, stops and starts of a named pipeline do not show: each stream of it has a twin outside, which runs
all the time, and equals it whenever the pipeline runs; the changes that a subscriber got sum up to the same.
While it is paused, its streams show what they showed when the pause began.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import laminardb
import pytest
from running import bag

CASES = 200
PER_TEST = 50

# {x} is the suffix of the twin. The last part says whether the stream reads another one.
STREAMS = {
    "sums": "SELECT k, sum(v) AS s, count(*) AS n FROM a GROUP BY k",
    "kept": "SELECT * FROM a WHERE v > 2",
    "pairs": "SELECT a.k, a.v, b.w FROM a JOIN b ON a.k = b.k",
    "left_pairs": "SELECT a.k, a.v, b.w FROM a LEFT JOIN b ON a.k = b.k",
    "rows_of_table": "SELECT k, w FROM b WHERE w < 6",
    "windows": "SELECT TUMBLE(ts, INTERVAL '10' SECOND) AS w, k, sum(v) AS s FROM a GROUP BY 1, k {emit}",
    "sessions": "SELECT SESSION(ts, INTERVAL '3' SECOND) AS w, k, count(*) AS n FROM a GROUP BY 1, k {emit}",
    "best": "SELECT k, v FROM a ORDER BY v DESC, k, ts LIMIT 3",
    "distinct_keys": "SELECT DISTINCT k FROM a",
    "running_sums": "SELECT k, v, sum(v) OVER (PARTITION BY k ORDER BY ts, v, i) AS s FROM a",
    "of_sums": "SELECT s, count(*) AS n FROM sums{x} GROUP BY s",
    "of_pairs": "SELECT k, max(w) AS w FROM pairs{x} GROUP BY k",
    "sums_and_table": "SELECT s.k, s.s, b.w FROM sums{x} s JOIN b ON s.k = b.k",
}
NEEDS = {"of_sums": "sums", "of_pairs": "pairs", "sums_and_table": "sums"}
EMITS = ("EMIT CHANGES", "EMIT ON WINDOW CLOSE", "")


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        self.db = laminardb.open()
        retain = r.choice(("", "", " WITH (retain = '5 rows')"))
        self.retains = bool(retain)
        self.db.execute(
            "CREATE SOURCE a (i BIGINT, k BIGINT, v BIGINT, ts TIMESTAMP,"
            " WATERMARK FOR ts AS ts - INTERVAL '4' SECOND)"
            f"{retain}; CREATE TABLE b (k BIGINT PRIMARY KEY, w BIGINT); CREATE PIPELINE p"
        )
        self.names: list[str] = []
        self.subs: dict[str, Any] = {}
        self.sums: dict[str, Counter[Any]] = {}
        self.frozen: dict[str, Counter[Any]] = {}
        self.state = "Created"
        self.now = 0
        self.i = 0

    def rows(self, name: str) -> Counter[Any]:
        return bag(self.db.query(f"SELECT * FROM {name}").fetchall())

    def make(self) -> None:
        left = [n for n in STREAMS if n not in self.names and NEEDS.get(n, "") in ["", *self.names]]
        if not left:
            return
        name = self.r.choice(left)
        emit = self.r.choice(EMITS)
        if self.retains and name not in ("sums", "kept", "distinct_keys"):
            return
        self.names.append(name)
        for x, place in (("", ""), ("_p", " IN PIPELINE p")):
            sql = STREAMS[name].replace("{x}", x)
            sql = sql.replace("{emit}", emit) if "{emit}" in sql else f"{sql} EMIT CHANGES"
            self.db.execute(f"CREATE STREAM {name}{x}{place} AS {sql}")
            if sql.endswith("EMIT CHANGES"):
                self.subs[name + x] = self.db.subscribe_stream(
                    name + x, snapshot=not x or self.state != "Stopped"
                )
                self.sums[name + x] = Counter()
        self.frozen.pop(name, None)

    def step(self) -> None:
        r, db = self.r, self.db
        kind = r.choice(("rows",) * 5 + ("table",) * 3 + ("act",) * 3 + ("make", "look", "many", "reload"))
        if kind in ("rows", "many"):
            n = r.randint(1, 3) if kind == "rows" else r.choice((50, 3000))
            rows = []
            for _ in range(n):
                self.i += 1
                ts = self.now + r.randint(-6000, 2000)
                rows.append({"i": self.i, "k": r.randint(0, 3), "v": r.randint(0, 9), "ts": max(0, ts)})
            if kind == "many" and any(n.endswith("pairs") for n in self.names):
                rows = rows[:20]
            self.now += r.choice((0, 500, 3000))
            db.insert("a", [{**row, "ts": _time(row["ts"])} for row in rows])
        elif kind == "table":
            k = r.randint(0, 3)
            in_one = r.random() < 0.3
            if in_one:
                db.begin()
            db.execute(f"INSERT INTO b VALUES ({k}, {r.randint(0, 9)})")
            if r.random() < 0.3:
                db.execute(f"UPDATE b SET w = w + 1 WHERE k <> {k}")
            if r.random() < 0.3:
                db.execute(f"DELETE FROM b WHERE k = {r.randint(0, 3)}")
            if in_one:
                r.choice((db.commit, db.rollback))()
        elif kind == "act":
            self.act()
        elif kind == "make":
            self.make()
        elif kind == "reload":
            db._reload()
        self.look()

    def act(self) -> None:
        p = self.db.pipeline("p")
        moves = {
            "Created": ("start", "db"),
            "Running": ("pause", "pause", "stop"),
            "Paused": ("resume", "resume", "stop", "start"),
        }
        move = self.r.choice(moves.get(self.state, ("start",)))
        if move == "stop" and self.retains:
            move = "pause" if self.state == "Running" else "resume"
        if move == "db":
            self.db.start()
            self.state = "Running"
        else:
            getattr(p, move)()
            self.state = {"start": "Running", "resume": "Running", "pause": "Paused", "stop": "Stopped"}[move]
        if move == "start" and self.db.pipeline_state == "Created":
            self.db.start()
        if self.state == "Paused":
            self.frozen = {n: self.rows(n + "_p") for n in self.names}
        assert p.state == self.state

    def look(self) -> None:
        for name in self.names:
            if self.state == "Running":
                assert self.rows(name + "_p") == self.rows(name), name
            elif self.state == "Paused":
                # One that was made in the pause waits for its end.
                assert self.rows(name + "_p") == self.frozen.get(name, self.rows(name + "_p")), name
            elif self.state == "Stopped":
                with pytest.raises(laminardb.QueryError, match="stopped"):
                    if not self.db.query(f"SELECT * FROM {name}_p").fetchall():
                        raise laminardb.QueryError("it was made when the pipeline was stopped")
        for name, sub in self.subs.items():
            while (batch := sub.try_next()) is not None:
                for *row, weight in batch.fetchall():
                    self.sums[name][tuple(row)] += weight

    def end(self) -> None:
        self.db.start()
        self.db.pipeline("p").start()
        self.state = "Running"
        self.look()
        for name in self.names:
            if name in self.subs:
                ours = +self.sums[name + "_p"]
                assert ours == +self.sums[name], name
                assert -self.sums[name + "_p"] == Counter(), name
                if not self.retains:
                    assert ours == self.rows(name + "_p"), name
        self.db.close()


def _time(ms: int) -> str:
    return f"1970-01-01 {ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


@pytest.mark.parametrize("first", range(0, CASES, PER_TEST))
def test_a_pause_or_stop_of_a_pipeline_does_not_show(first: int) -> None:
    for seed in range(first, first + PER_TEST):
        case = Case(seed)
        try:
            for _ in range(3):
                case.make()
            for _ in range(40):
                case.step()
            case.end()
        except BaseException as e:
            e.add_note(f"seed {seed}, streams {case.names}, {case.state}")
            raise


def test_streams_that_live_by_the_clock() -> None:
    """PROCTIME windows, EMIT EVERY and state_ttl, whose deadlines pass within a pause."""
    for seed in range(40):
        r = random.Random(seed)
        db = laminardb.open(config=laminardb.LaminarConfig(deterministic=True))
        db.execute("CREATE SOURCE a (k BIGINT, v BIGINT); CREATE PIPELINE p")
        texts = {
            "w": "SELECT TUMBLE(PROCTIME(), INTERVAL '10' SECOND) AS s, count(*) AS n FROM a GROUP BY 1"
            " EMIT ON WINDOW CLOSE",
            "e": "SELECT k, sum(v) AS v FROM a GROUP BY k EMIT EVERY INTERVAL '5' SECOND",
        }
        for x, place in (("", ""), ("_p", " IN PIPELINE p")):
            for name, text in texts.items():
                db.execute(f"CREATE STREAM {name}{x}{place} AS {text}")
        db.start()
        subs = {name + x: db.subscribe_stream(name + x) for name in texts for x in ("", "_p")}
        p, now = db.pipeline("p"), 0
        for _ in range(60):
            what = r.choice(("rows", "rows", "time", "time", "act"))
            if what == "rows":
                db.insert("a", {"k": r.randint(0, 2), "v": r.randint(0, 9)})
            elif what == "time":
                now += r.choice((1000, 4000, 12000))
                db.tick(now)
            elif p.state == "Running":
                p.pause()
            else:
                p.resume()
        p.resume()
        now += 60000
        db.tick(now)
        seen = {
            name: [row for b in iter(sub.try_next, None) for row in b.fetchall()]
            for name, sub in subs.items()
        }
        assert Counter(seen["w"]) == Counter(seen["w_p"]), seed
        assert dict(seen["e"]) == dict(seen["e_p"]), seed
        for name in texts:
            assert bag(db.query(f"SELECT * FROM {name}").fetchall()) == bag(
                db.query(f"SELECT * FROM {name}_p").fetchall()
            )
        db.close()
