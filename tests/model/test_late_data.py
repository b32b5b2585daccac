# SPDX-License-Identifier: Apache-2.0
"""LATE DATA TO: what naive.py finds late arrives in the target, each row once, whenever the stream was made.

Two stages: late rows of `t` go to `late`, which is windowed again and sends what is late there to `later`.
In between: pauses, transactions, shadows (a stream over the windowed one), OR REPLACE.
"""

from __future__ import annotations

import random
from collections import Counter

import laminardb
import pytest
from naive import Naive, Row, Shape
from running import some

CASES = 600
PER_TEST = 100


def shape(r: random.Random) -> tuple[Shape, str]:
    kind = r.choice(("hop", "hop", "cumulate", "session"))
    if kind == "hop":
        slide = r.choice((1, 3, 5))
        size = slide * r.randint(1, 3)
        return Shape(kind, size, slide), f"HOP(ts, {slide}, {size})"
    if kind == "cumulate":
        return Shape(kind, 6, 2), "CUMULATE(ts, 2, 6)"
    return Shape(kind, 4), "SESSION(ts, 4)"


class Case:
    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        (first, self.first), (second, self.second) = shape(r), shape(r)
        self.ref = Naive(first, r.choice((0, 1, 5)), r.choice((0, 0, 3)))
        self.behind = Naive(second, r.choice((0, 2)), 0)
        self.emit = r.choice(("", "EMIT CHANGES", "EMIT ON WINDOW CLOSE", "EMIT FINAL"))
        self.db = laminardb.open()

    def rows(self) -> list[Row]:
        r, now, out = self.r, 0, []
        for _ in range(r.randint(5, 60)):
            now += r.choice((0, 1, 2, 7))
            t = None if r.random() < 0.05 else now - r.choice((0, 0, 1, 5, 25))
            out.append((t, r.choice((1, 2, None)), r.randint(-5, 5)))
        return out

    def make(self) -> None:
        lateness = f"ALLOW LATENESS {self.ref.lateness} " if self.ref.lateness else ""
        self.db.execute(
            f"CREATE STREAM s AS SELECT k, window_start AS s, count(*) AS n FROM t WHERE v <> 5 "
            f"GROUP BY k, {self.first} {self.emit} {lateness}LATE DATA TO late"
        )

    def insert(self, rows: list[Row]) -> None:
        """One insert, by `insert`, in a pause, or as a transaction of several."""
        db, r = self.db, self.r
        how = r.choice(("insert", "insert", "insert", "pause", "transaction"))
        if how == "pause":
            db.pause()
        if how == "transaction":
            db.execute("BEGIN")
        parts = [rows] if how != "transaction" else [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
        for part in parts:
            if part:
                db.insert("t", part)
        if how == "transaction":
            db.execute("COMMIT")
        if how == "pause":
            db.resume()

    def run(self) -> None:
        r, db = self.r, self.db
        db.execute(f"""
            CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT NOT NULL,
                             WATERMARK FOR ts AS ts - {self.ref.delay});
            CREATE SOURCE late (v BIGINT, ts BIGINT NOT NULL, WATERMARK FOR ts AS ts - {self.behind.delay});
            CREATE SOURCE later (ts BIGINT, v BIGINT);
            CREATE STREAM again AS SELECT window_start AS s, sum(v) AS total FROM late
                GROUP BY {self.second} EMIT CHANGES LATE DATA TO later;
        """)
        db.start()
        rows, early = self.rows(), r.random() < 0.5
        if early:
            self.make()
        while rows:
            n = r.choice((1, 1, 3, 10))
            batch, rows = rows[:n], rows[n:]
            before = len(self.ref.late_rows)
            self.ref.insert([(t, k, v) for t, k, v in batch if v != 5])
            times = [t for t, _, _ in batch if t is not None]
            if times:
                self.ref.advance(max(times) - self.ref.delay)
            self.insert(batch)
            if early:
                self.follow(self.ref.late_rows[before:])
            elif r.random() < 0.1 or not rows:
                early = True
                self.make()
                self.follow(self.ref.late_rows)
            if early and r.random() < 0.1:  # it repeats `s` in a shadow, which sends nothing
                db.execute(
                    "CREATE OR REPLACE STREAM above AS SELECT count(*) AS n FROM s "
                    f"GROUP BY s % {r.randint(2, 5)}"
                )
            self.check(early)
        assert some(db.stream_metrics("s")).late_rows == self.ref.late
        if "above" not in db.list_streams():
            db.execute("DROP SOURCE later CASCADE")
            db.execute("DROP STREAM s")
            self.make()  # a new stream sends what it finds late
            want = Counter((v, t) for t, _, v in self.ref.late_rows)
            assert Counter(db.sql("SELECT v, ts FROM late").fetchall()) == want + want

    def follow(self, late: list[Row]) -> None:
        if late:
            self.behind.insert([(t, None, v) for t, _, v in late])

    def check(self, made: bool) -> None:
        late = self.db.sql("SELECT v, ts FROM late").fetchall()
        assert late == ([(v, t) for t, _, v in self.ref.late_rows] if made else [])
        later = self.db.sql("SELECT ts, v FROM later").fetchall()
        assert later == [(t, v) for t, _, v in self.behind.late_rows]
        got = Counter(self.db.sql("SELECT * FROM again").fetchall())
        assert got == Counter((s, total) for _, s, _, _, total, _ in self.behind.answers(False))


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_late_rows_arrive_once(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = Case(seed)
        try:
            case.run()
        except Exception as e:
            e.add_note(f"seed {seed}: {case.first}, {case.second}, {case.emit}, {case.ref.delay}")
            raise
        finally:
            case.db.close()


def test_a_large_input_is_filled_without_the_token() -> None:
    """Beyond 65,536 rows the stream joins by a backfill, while inserts go on."""
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE t (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts);
            CREATE SOURCE late (v BIGINT, ts BIGINT)
        """)
        db.start()
        for i in range(100):
            db.insert("t", [(i * 10 + 9, 0)] * 1000)
            db.insert("t", [(i * 10 - 5, i)] * 3)
        db.execute("CREATE STREAM s AS SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10) LATE DATA TO late")
        want = [(i, i * 10 - 5) for i in range(100) for _ in range(3)]
        assert db.sql("SELECT * FROM late").fetchall() == want
        db.insert("t", (-100, 7))
        assert db.sql("SELECT * FROM late").fetchall() == [*want, (7, -100)]


def test_weights_are_rows() -> None:
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE t (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts);
            CREATE SOURCE late (ts BIGINT)
        """)
        db.start()
        db.execute("""
            CREATE STREAM s AS SELECT window_start, count(*) AS n
            FROM (SELECT ts FROM t UNION ALL SELECT ts FROM t)
            GROUP BY TUMBLE(ts, 10) EMIT CHANGES LATE DATA TO late
        """)
        db.insert("t", (100, 1))
        db.insert("t", (1, 1))
        assert db.sql("SELECT * FROM late").fetchall() == [(1,), (1,)]


def refused(db: laminardb.Connection, sql: str, *words: str) -> None:
    with pytest.raises(laminardb.LaminarError) as e:
        db.execute(sql)
    for word in words:
        assert word in str(e.value)


def test_what_cannot_be_sent_is_refused() -> None:
    with laminardb.open() as db:
        db.execute("""
            CREATE SOURCE t (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts);
            CREATE SOURCE u (ts BIGINT, v BIGINT, WATERMARK FOR ts AS ts);
            CREATE SOURCE plain (ts BIGINT, v BIGINT);
            CREATE SOURCE narrow (v INTEGER);
            CREATE SOURCE strict (ts BIGINT NOT NULL, v BIGINT NOT NULL);
            CREATE SOURCE other (ts BIGINT, w BIGINT);
            CREATE TABLE tab (ts BIGINT, v BIGINT);
            CREATE STREAM newest AS SELECT last(ts) AS ts, v FROM t GROUP BY v
        """)
        query = "CREATE STREAM s AS SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10) LATE DATA TO "
        refused(db, query + "narrow", '"v"', "another type", "INTEGER", "BIGINT")
        refused(db, query + "strict", '"v"', "NOT NULL")
        refused(db, query + "other", '"w"')
        refused(db, query + "tab", "TABLE".lower(), "source")
        refused(db, query + "t", "go round")
        refused(db, query + "nothing", "Source not found")
        refused(db, "CREATE STREAM s AS SELECT v FROM t LATE DATA TO u", "needs a window")
        refused(
            db,
            "CREATE STREAM s AS SELECT count(*) FROM plain GROUP BY TUMBLE(ts, 10) LATE DATA TO u",
            "watermark",
        )
        refused(db, "SELECT count(*) FROM t GROUP BY TUMBLE(ts, 10) LATE DATA TO u", "answered once")
        with pytest.raises(laminardb.QueryError, match="subscription"):
            db.subscribe("SELECT count(*) AS n FROM t GROUP BY TUMBLE(ts, 10) LATE DATA TO u")
        db.execute(query + "u")
        refused(db, "DROP SOURCE u", '"s"', "CASCADE")
        # u -> second -> t -> s -> u would be a circle, also through a stream in between
        db.execute("CREATE STREAM middle AS SELECT * FROM u WHERE v > 0")
        refused(
            db,
            "CREATE STREAM second AS SELECT count(*) AS n FROM middle GROUP BY TUMBLE(ts, 10) LATE DATA TO t",
            "go round",
        )
        edges = [(e.from_node, e.to_node) for e in db.topology().edges]
        assert ("t", "s") in edges and ("s", "u") in edges
        assert [s.name for s in db.sources()].count("u") == 1
        db.execute("DROP SOURCE u CASCADE")
        assert "s" not in db.list_streams()
