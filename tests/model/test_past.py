# SPDX-License-Identifier: Apache-2.0
"""query_at against what was recorded: after every change under a clock that the test moves, each query's
answer is kept; in the end query_at has to give all of them again."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import laminardb
import pytest

DDL = """
CREATE TABLE r (k BIGINT PRIMARY KEY, v BIGINT);
CREATE TABLE u (k BIGINT, v BIGINT);
CREATE SOURCE t (k BIGINT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);
CREATE SOURCE i (k BIGINT, v BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts) WITH (idle_timeout = '3 s');
CREATE SOURCE p (k BIGINT, v BIGINT);
CREATE VIEW both_ AS SELECT k, v FROM r UNION ALL SELECT k, v FROM t;
CREATE STREAM sums AS SELECT k, sum(v) AS v, count(*) AS n FROM t GROUP BY k;
CREATE STREAM joined AS SELECT t.k, t.v, r.v AS w FROM t LEFT JOIN r ON t.k = r.k;
CREATE STREAM windows AS SELECT k, window_start, sum(v) AS v FROM t
    GROUP BY k, TUMBLE(ts, INTERVAL '2' SECOND);
CREATE STREAM final AS SELECT window_start, count(*) AS n FROM t GROUP BY TUMBLE(ts, INTERVAL '2' SECOND)
    EMIT ON WINDOW CLOSE;
CREATE STREAM above AS SELECT v, count(*) AS n FROM windows GROUP BY v;
CREATE STREAM tops AS SELECT k, v FROM r ORDER BY v DESC LIMIT 2;
CREATE STREAM kinds AS SELECT DISTINCT v FROM u;
CREATE STREAM versions AS SELECT p.k, p.v, r.v AS w FROM (SELECT *, PROCTIME() AS at FROM p) AS p
    LEFT JOIN r FOR SYSTEM_TIME AS OF p.at AS r ON p.k = r.k;
CREATE STREAM spoken AS SELECT window_start, sum(v) AS v
    FROM (SELECT v, ts FROM t UNION ALL SELECT v, ts FROM i)
    GROUP BY TUMBLE(ts, INTERVAL '2' SECOND) EMIT ON WINDOW CLOSE;
CREATE STREAM minutes AS SELECT window_start, count(*) AS n FROM (SELECT *, PROCTIME() AS at FROM p)
    GROUP BY TUMBLE(at, INTERVAL '5' SECOND) EMIT ON WINDOW CLOSE;
CREATE STREAM rare AS SELECT count(*) AS n, max(v) AS v FROM p EMIT EVERY INTERVAL '4' SECOND;
CREATE STREAM changes AS SELECT k, max(v) AS v FROM r GROUP BY k EMIT CHANGES;
CREATE STREAM passed AS SELECT k, v FROM t WHERE v % 2 = 0;
"""
STREAMS = ("sums joined windows final above tops kinds versions spoken minutes rare changes passed").split()
QUERIES = [f"SELECT * FROM {name}" for name in ("r", "u", "t", "p", "both_", *STREAMS)] + [
    "SELECT r.k, count(*), sum(t.v), now() FROM r JOIN t USING (k) GROUP BY r.k",
    "SELECT s.k, s.v, r.v FROM sums s JOIN r USING (k)",
    "SELECT count(*) FROM r WHERE k = 1",
    "SELECT v FROM r WHERE k IN (SELECT k FROM windows)",
    "WITH a AS (SELECT k, v FROM u) SELECT x.k, y.v FROM a x JOIN a y USING (k)",
]
Rows = list[tuple[Any, ...]]


def shown(rows: laminardb.QueryResult) -> Rows:
    return sorted(rows.fetchall(), key=repr)


def answers(db: laminardb.Connection) -> list[Rows]:
    return [shown(db.query(q)) for q in QUERIES]


def event_time(r: random.Random, second: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(seconds=second + r.randint(-5, 1))


def change(db: laminardb.Connection, r: random.Random, second: int) -> None:
    k, v = r.randint(0, 3), r.randint(0, 5)
    match r.choice("r r R update delete u gone t t t i p p advance transaction rollback".split()):
        case "r":
            db.insert("r", (k, v))
        case "R":
            db.insert("r", [(each, v) for each in r.sample(range(4), 3)])
        case "update":
            db.execute("UPDATE r SET v = v + 1 WHERE k <= ?", [k])
        case "delete":
            db.execute("DELETE FROM r WHERE k = ?", [k])
        case "u":
            db.insert("u", [(k, v)] * r.randint(1, 2))
        case "gone":
            db.execute("DELETE FROM u WHERE v = ?", [v])
        case "t":
            db.insert("t", [(k, v, event_time(r, second)) for _ in range(r.randint(1, 3))])
        case "i":
            db.insert("i", (k, v, event_time(r, second)))
        case "p":
            db.insert("p", (k, v))
        case "advance":
            db.advance_watermark("t", (second - 1) * 1000)
        case kind:
            db.execute("BEGIN")
            db.insert("r", (k, v))
            db.execute("UPDATE u SET v = v + 1")
            db.insert("t", (k, v, event_time(r, second)))
            db.tick((second := second + 1) * 1000)  # others see nothing until it is committed
            db.execute("DELETE FROM r WHERE k < ?", [k])
            db.execute("COMMIT" if kind == "transaction" else "ROLLBACK")


@pytest.mark.parametrize("seed", range(6))
def test_every_instant_is_answered_as_it_was(seed: int) -> None:
    r = random.Random(seed)
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.execute(DDL)
        db.start()
        recorded: list[tuple[int, list[Rows]]] = []
        second = 1
        for _ in range(6):
            db.tick(second * 1000)
            if r.random() < 0.8:
                change(db, r, second)
            now = next(db.query("SELECT epoch_ms(now()::TIMESTAMP)").__iter__())[0]
            recorded.append((now, answers(db)))
            second = now // 1000 + r.choice((1, 1, 1, 2, 7))
        for now, want in r.sample(recorded, len(recorded)):
            for query, rows in zip(QUERIES, want, strict=True):
                assert shown(db.query_at(query, now)) == rows, (now, query)
        assert answers(db) == recorded[-1][1]  # nothing was touched


def test_between_two_changes_and_before_all() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.tick(10_000)
        db.execute("CREATE SOURCE s (v BIGINT); CREATE STREAM n AS SELECT count(*) AS n FROM s")
        db.start()
        for at in (11_000, 12_000):
            db.tick(at)
            db.insert("s", {"v": at})
        counts = [db.query_at("SELECT count(*) FROM s", at).fetchone() for at in (0, 10_999, 11_000, 11_999)]
        assert counts == [(0,), (0,), (1,), (1,)]
        assert [db.query_at("SELECT n FROM n", at).fetchall() for at in (0, 11_500, 12_000)] == [
            [(0,)],
            [(1,)],
            [(2,)],
        ]
        assert db.query_at("SELECT count(*) FROM s", 1 << 80).fetchone() == (2,)
        assert db.query_at("SELECT count(*) FROM s", -(1 << 80)).fetchone() == (0,)
        late = "CREATE STREAM late AS SELECT max(v) AS m FROM s"
        db.execute(late)
        assert db.query_at("SELECT m FROM late", 11_500).fetchall() == [(11_000,)]


def test_in_a_pause_streams_stay() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.execute("CREATE SOURCE s (v BIGINT); CREATE STREAM n AS SELECT count(*) AS n FROM s")
        db.start()
        for at in (1000, 2000):
            db.tick(at)
            db.insert("s", {"v": 1})
        db.pause()
        db.tick(3000)
        db.insert("s", {"v": 1})
        assert db.query_at("SELECT count(*) FROM s", 3000).fetchone() == (3,)
        assert [db.query_at("SELECT n FROM n", at).fetchone() for at in (1000, 2000, 3000)] == [
            (1,),
            (2,),
            (2,),
        ]
        db.resume()
        assert db.query_at("SELECT n FROM n", 3000).fetchone() == (3,)


def test_a_source_that_forgets_names_the_oldest_instant() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.execute("CREATE SOURCE s (v BIGINT) WITH (retain = '2 rows')")
        db.execute("CREATE STREAM n AS SELECT count(*) AS n FROM s")
        db.start()
        for at in range(1, 6):
            db.tick(at * 1000)
            db.insert("s", {"v": at})
        assert db.query_at("SELECT v FROM s", 4000).fetchall() == [(4,)]
        with pytest.raises(laminardb.QueryError, match=r"oldest .* is 1970-01-01 00:00:03.*3000") as e:
            db.query_at("SELECT v FROM s", 2000)
        assert e.value.code == 400 and "retain" in str(e.value)
        assert db.query_at("SELECT n FROM n", 5000).fetchall() == [(5,)]
        with pytest.raises(laminardb.QueryError, match=r'"n" had then is not kept.*\(5000\)'):
            db.query_at("SELECT n FROM n", 4999)


def fill_history(history: str) -> laminardb.Connection:
    """A table whose row is changed 100,000 times, 20,000 in a second."""
    db = laminardb.open(config=laminardb.LaminarConfig(deterministic=True))
    db.execute(f"CREATE TABLE c (k BIGINT PRIMARY KEY, v BIGINT){history}")
    for second in range(1, 6):
        db.tick(second * 1000)
        for step in range(20):
            db.insert("c", {"k": list(range(1000)), "v": [second * 100 + step] * 1000})
    return db


def test_a_table_keeps_all_or_its_history() -> None:
    with fill_history("") as db:
        whole = db._memory()
        assert [db.query_at("SELECT min(v), max(v) FROM c", at * 1000).fetchone() for at in range(1, 6)] == [
            (at * 100 + 19, at * 100 + 19) for at in range(1, 6)
        ]
    with fill_history(" WITH (history = '2 s')") as db:
        assert db.query_at("SELECT min(v), max(v), count(*) FROM c", 3000).fetchone() == (319, 319, 1000)
        assert db._memory() < whole
        with pytest.raises(laminardb.QueryError, match="history = 'all'") as e:
            db.query_at("SELECT v FROM c", 1000)
        oldest = int(str(e.value).split("(")[2].split(")")[0])
        assert 1000 < oldest <= 3000
        assert db.query_at("SELECT max(v) FROM c", oldest).fetchone() == (oldest // 10 + 19,)
    with fill_history(" WITH (history = 'none')") as db:
        assert db._memory() < whole / 2
        with pytest.raises(laminardb.QueryError, match="not kept"):
            db.query_at("SELECT v FROM c", 1000)


def test_history_is_about_tables_and_checked() -> None:
    db = laminardb.open()
    for bad, said in (
        ("CREATE SOURCE s (v BIGINT) WITH (history = '1 s')", "retain says"),
        ("CREATE TABLE s (v BIGINT) WITH (history = '-1 s')", "longer than nothing"),
        ("CREATE TABLE s (v BIGINT) WITH (history = 'ever')", "'1 hour', 'all' or 'none'"),
        ("CREATE TABLE s (v BIGINT) WITH (histroy = 'all')", "history"),
    ):
        with pytest.raises(laminardb.LaminarError, match=said):
            db.execute(bad)
    db.execute("CREATE TABLE s (v BIGINT) WITH (history = '1 hour')")
    assert "history" in str(db.query("SHOW CREATE TABLE s").fetchone())


def test_what_has_no_answer_of_then() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        db.execute("CREATE SOURCE s (v BIGINT); CREATE STREAM x AS SELECT v, random() AS x FROM s")
        db.start()
        for at in (1000, 2000):
            db.tick(at)
            db.insert("s", {"v": at})
        with pytest.raises(laminardb.QueryError, match=r"random\(\)"):
            db.query_at("SELECT v, x FROM x", 1500)
        assert len(db.query_at("SELECT v, x FROM x", 2000)) == 2
        for text in ("INSERT INTO s VALUES (1)", "SHOW TABLES", "FROM s EMIT CHANGES", "DROP STREAM x"):
            with pytest.raises(laminardb.QueryError, match="only a query"):
                db.query_at(text, 1500)
        with pytest.raises(laminardb.QueryError, match='column "w" does not exist'):
            db.query_at("SELECT w FROM s", 1500)
        assert len(db.query("SELECT * FROM s")) == 2


def test_instants_as_they_are_written() -> None:
    with laminardb.open(config=laminardb.LaminarConfig(deterministic=True)) as db:
        at = dt.datetime(2024, 5, 1, 12, 0, 0, 250, tzinfo=dt.UTC)
        db.tick(at)
        db.execute("CREATE SOURCE s (v BIGINT)")
        db.insert("s", {"v": 1})
        east = at.astimezone(dt.timezone(dt.timedelta(hours=2)))
        before = at - dt.timedelta(microseconds=1)
        for when, count in (
            (int(at.timestamp() * 1000), 1),  # to the end of the millisecond
            (int(at.timestamp() * 1000) - 1, 0),
            (at, 1),
            (at.replace(tzinfo=None), 1),
            (before, 0),
            (east, 1),
            (at.isoformat(), 1),
            (east.isoformat(), 1),
            ("2024-05-01T12:00:00.000249Z", 0),
            ("2024-05-01 11:59", 0),
        ):
            assert db.query_at("SELECT count(*) FROM s WHERE v = ?", when, [1]).fetchone() == (count,), when
        for bad, error in ((True, TypeError), (1.5, TypeError), (None, TypeError), ("noon", ValueError)):
            with pytest.raises(error, match="timestamp must be"):
                db.query_at("SELECT 1", bad)  # type: ignore[arg-type]
