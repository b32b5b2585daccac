# SPDX-License-Identifier: Apache-2.0
"""ALTER beside everything else that is going on: subscriptions, writers, threads; RETRY by position."""

from __future__ import annotations

import threading
from collections import Counter

import laminardb
import pytest


def drain(sub: laminardb.StreamSubscription) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    while (batch := sub.try_next()) is not None:
        rows += batch.fetchall()
    return rows


def test_a_retried_stream_gives_nothing_twice_and_loses_nothing() -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
        db.execute(
            "CREATE STREAM s AS SELECT id % 3 k, sum(CAST(v AS SMALLINT)) n FROM t GROUP BY 1 EMIT CHANGES"
        )
        db.start()
        sub = db.subscribe_stream("s")
        state: Counter[tuple[object, ...]] = Counter()

        def take(sub: laminardb.StreamSubscription) -> tuple[int, int] | None:
            position = None
            while (batch := sub.try_next()) is not None:
                position = batch.position
                for *row, weight in batch.fetchall():
                    state[tuple(row)] += weight
            return position

        db.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
        db.execute("UPDATE t SET v = v * 10 WHERE id < 3")
        position = take(sub)
        db.execute("INSERT INTO t VALUES (4, 70000)")
        with pytest.raises(laminardb.StreamError):
            take(sub)
        db.execute("DELETE FROM t WHERE id IN (1, 4)")
        db.execute("INSERT INTO t VALUES (5, 5)")
        with pytest.raises(laminardb.StreamError):
            db.query("SELECT * FROM s")
        db.execute("ALTER STREAM s RETRY")
        sub = db.subscribe_stream("s", from_=position)
        take(sub)
        db.execute("INSERT INTO t VALUES (6, 6)")
        take(sub)
        assert +state == Counter(db.query("SELECT * FROM s").fetchall())
        assert min(state.values()) >= 0
        assert sorted(db.query("SELECT * FROM s").fetchall()) == [(0, 9), (2, 25)]


def test_a_retried_windowed_stream_meets_the_watermarks_again() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, v BIGINT, WATERMARK FOR ts)")
        db.execute(
            "CREATE STREAM w AS SELECT TUMBLE(ts, 10) w, sum(v) n FROM t GROUP BY 1 EMIT ON WINDOW CLOSE"
        )
        db.execute(
            "CREATE STREAM high AS SELECT w, CAST(n AS TINYINT) AS n, n // (n - 7) AS q FROM w EMIT CHANGES"
        )
        db.start()
        sub = db.subscribe_stream("high")
        db.insert("t", {"ts": [1, 5, 12], "v": [1, 2, 3]})
        db.insert("t", {"ts": [3, 25], "v": [100, 4]})  # the 3 is late
        first = drain(sub)
        assert [row[:2] for row in first] == [(0, 3), (10, 3)]
        db.insert("t", {"ts": [27, 31], "v": [500, 1]})
        with pytest.raises(laminardb.StreamError):
            drain(sub)
        with pytest.raises(laminardb.StreamError, match="failed again"):
            db.execute("ALTER STREAM high RETRY")
        assert db.query("SELECT * FROM w").fetchall() == [(0, 3), (10, 3), (20, 504)]


def test_writers_and_threads_meet_an_altered_table() -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT count(*) AS n, sum(v) AS v FROM t")
        db.start()
        done = threading.Event()
        sent = [0, 0]
        faults: list[BaseException] = []

        def insert(part: int) -> None:
            i = part
            while not done.is_set():
                try:
                    sent[part] += db.insert("t", {"id": [i, i + 2], "v": [1, 1]})
                except laminardb.IngestionError as e:
                    if e.code != 302:  # made for the columns of before: nothing of it was kept
                        faults.append(e)
                        return
                    continue
                i += 4

        def read() -> None:
            while not done.is_set():
                n, v = db.query("SELECT count(*), sum(v) FROM t").fetchall()[0]
                if n != (v or 0):
                    faults.append(AssertionError((n, v)))

        threads = [threading.Thread(target=insert, args=(k,)) for k in (0, 1)]
        threads.append(threading.Thread(target=read))
        for t in threads:
            t.start()
        for i in range(40):
            db.execute(f"ALTER TABLE t ADD COLUMN c{i} VARCHAR DEFAULT 'a text that is longer than a view'")
            db.execute(f"ALTER TABLE t RENAME COLUMN c{i} TO d{i}")
            if i % 2:
                db.execute(f"ALTER TABLE t DROP COLUMN d{i}")
        done.set()
        for t in threads:
            t.join()
        assert faults == []
        assert db.query("SELECT * FROM s").fetchall() == [(sum(sent), sum(sent))]
        assert db.query("SELECT count(*) FROM t").fetchall() == [(sum(sent),)]
        assert db.query("SELECT count(d0) = count(*) FROM t").fetchall() == [(True,)]


def test_an_open_subscription_goes_on_and_holds_its_columns() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (a BIGINT, b BIGINT, c BIGINT)")
        db.start()
        sub = db.subscribe("SELECT c, sum(a) AS a FROM t GROUP BY c")
        db.insert("t", {"a": 1, "b": 2, "c": 3})
        db.execute("ALTER SOURCE t DROP COLUMN b")
        db.execute("ALTER SOURCE t ADD COLUMN d BIGINT DEFAULT 4")
        with pytest.raises(laminardb.SchemaError, match="an open subscription reads column"):
            db.execute("ALTER SOURCE t DROP COLUMN c")
        db.insert("t", {"a": 10, "c": 3})
        assert drain(sub)[-1] == (3, 11)  # type: ignore[arg-type]
        sub.cancel()
        db.execute("ALTER SOURCE t DROP COLUMN c")
        assert db.query("SELECT * FROM t").fetchall() == [(1, 4), (10, 4)]


def test_results_of_before_stay() -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, s VARCHAR)")
        texts = [f"text number {i} of some length" for i in range(3000)]
        db.insert("t", {"id": list(range(3000)), "s": texts})
        before = db.query("SELECT * FROM t")
        rows = db.stream("SELECT * FROM t")
        first = next(rows)
        db.execute("ALTER TABLE t DROP COLUMN s")
        db.execute("ALTER TABLE t ADD COLUMN x BIGINT DEFAULT 1")
        assert before.fetchall()[2999] == (2999, "text number 2999 of some length")
        assert first.num_rows + sum(batch.num_rows for batch in rows) == 3000
        assert db.query("SELECT sum(x), sum(id) FROM t").fetchall() == [(3000, 2999 * 1500)]


def test_flush_is_a_statement() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (v BIGINT)")
        db.execute("CREATE STREAM s AS SELECT count(*) AS n FROM t")
        db.start()
        for i in range(100):
            db.insert("t", {"v": i}, wait=False)
        done = db.execute("FLUSH")
        assert done.result_type == "ddl" and done.ddl_type == "FLUSH"
        assert db.query("SELECT * FROM s").fetchall() == [(100,)]
        with pytest.raises(laminardb.QueryError, match="expected the end of the statement"):
            db.execute("FLUSH t")
