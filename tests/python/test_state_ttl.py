# SPDX-License-Identifier: Apache-2.0
"""WITH (state_ttl = ...): memory comes back, rows taken back too late are counted, and what is refused."""

from __future__ import annotations

import laminardb
import pytest
from laminardb import LaminarConfig, SchemaError, testing
from optional import package, some

np = package("numpy")

KEYS = 100_000
QUERIES = {
    "group": "SELECT k, count(*) AS n, max(v) AS high, count(DISTINCT v) AS d FROM t GROUP BY k",
    "distinct": "SELECT DISTINCT k FROM t",
    "over": "SELECT k, v, sum(v) OVER (PARTITION BY k ORDER BY v) AS s FROM t",
    "top": "SELECT k, v FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY v DESC) <= 3",
    "join": "SELECT t.k, u.v FROM t LEFT JOIN u ON t.k = u.k",
    "changing": "SELECT k, count(*) AS n FROM (SELECT k, v, count(*) AS c FROM t GROUP BY k, v) GROUP BY k",
}


@pytest.mark.parametrize("shape", QUERIES)
def test_memory_comes_back(shape: str) -> None:
    """E9: twice KEYS keys, and `state bytes` are back within 1 % of them."""
    with laminardb.open() as db:
        for name in ("t", "u"):
            columns = "ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - 60000"
            db.execute(f"CREATE SOURCE {name} ({columns})")
        db.execute(f"CREATE STREAM s WITH (state_ttl = '1 hour') AS {QUERIES[shape]}")
        db.start()
        base = some(db.stream_metrics("s")).state_bytes
        for turn in range(2):
            start = 10_000_000 * (turn + 1)
            for first in range(0, KEYS, 20_000):
                k = np.arange(first, first + 20_000, dtype=np.int64)
                for name in ("t", "u")[: 1 + (shape == "join")]:
                    db.insert(name, {"ts": start + k % 50_000, "k": k, "v": k % 7})
            held = some(db.stream_metrics("s"))
            assert held.state_rows >= KEYS and held.state_bytes > KEYS * 16
            for ahead in (3_600_000, 7_200_000):  # time stands until both sources have a watermark
                for name in ("t", "u"):
                    db.advance_watermark(name, start + 50_000 + ahead)
            left = some(db.stream_metrics("s"))
            assert left.error is None and left.state_rows == 0
            assert left.state_bytes <= base + held.state_bytes * 0.01
        assert db.sql("SELECT count(*) FROM s").fetchone() == (2 * KEYS,)  # its rows stay


def test_some_keys_stay() -> None:
    """Memory of most keys comes back while a few go on, and those go on as they were."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        db.execute("CREATE STREAM s WITH (state_ttl = '10 s') AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.execute("CREATE STREAM j WITH (state_ttl = '10 s') AS SELECT a.k FROM t a JOIN t b ON a.k = b.k")
        db.start()
        k = np.arange(KEYS, dtype=np.int64)
        db.insert("t", {"ts": np.zeros(KEYS, dtype=np.int64), "k": k})
        held = {name: some(db.stream_metrics(name)).state_bytes for name in ("s", "j")}
        for second in range(2, 14, 2):
            db.insert("t", {"ts": np.full(10, second * 1000), "k": np.arange(10)})
        assert some(db.stream_metrics("s")).state_rows == 10
        assert db.sql("SELECT sum(n) FROM s WHERE k < 10").fetchone() == (70,)
        for name, before in held.items():
            assert some(db.stream_metrics(name)).state_bytes < before / 10
        db.insert("t", {"ts": [14_000], "k": [3]})
        assert db.sql("SELECT n FROM s WHERE k = 3").fetchall() == [(8,)]
        # the rows of 12 s and 14 s find the five before them, twice, and themselves; the older ones are gone
        assert db.sql("SELECT count(*) FROM j WHERE k = 3").fetchone() == (6 * 6 + 11 + 11,)


def test_made_late_from_much() -> None:
    """A stream made later reads its input without the engine's lock, and forgets the same."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts - 50)")
        query = "WITH (state_ttl = '100 ms') AS SELECT k, count(*) AS n FROM t GROUP BY k"
        db.execute(f"CREATE STREAM early {query}")
        db.start()
        random = np.random.default_rng(1)
        for first in range(0, 300_000, 30_000):
            ts = np.arange(first, first + 30_000) // 10
            db.insert("t", {"ts": ts, "k": random.integers(0, 3000, 30_000)})
        db.execute(f"CREATE STREAM made_late {query}")
        rows = [sorted(db.sql(f"SELECT * FROM {name}").fetchall()) for name in ("early", "made_late")]
        assert rows[0] == rows[1] and len(rows[0]) > 3000


def test_by_the_clock() -> None:
    with laminardb.open(config=LaminarConfig(deterministic=True)) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.execute("CREATE STREAM s WITH (state_ttl = '16 s') AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()
        db.tick(1_000_000)
        db.insert("t", [(1,), (2,)])
        db.tick(1_016_000)
        db.insert("t", [(2,)])
        assert some(db.stream_metrics("s")).state_rows == 2
        db.tick(1_017_000)  # more than 16 s after the first row
        assert some(db.stream_metrics("s")).state_rows == 1
        db.insert("t", [(1,), (2,)])
        assert sorted(db.sql("SELECT * FROM s").fetchall()) == [(1, 1), (1, 1), (2, 3)]


def test_rows_that_are_taken_back_too_late() -> None:
    """The table's row is matched, the groups above are forgotten, then the table's row goes."""
    queries = {
        "g": "SELECT k, count(*) AS n, min(w) AS w FROM pairs GROUP BY k",
        "d": "SELECT DISTINCT k, w FROM pairs",
        "o": "SELECT k, row_number() OVER (PARTITION BY k ORDER BY w) AS i FROM pairs",
        "p": "SELECT k, w FROM pairs QUALIFY row_number() OVER (PARTITION BY k ORDER BY w) <= 1",
        "j": "SELECT x.k, b.k AS m FROM pairs x LEFT JOIN b ON x.k = b.k",
    }
    with laminardb.open() as db:
        db.execute("CREATE SOURCE a (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        db.execute("CREATE SOURCE b (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, w BIGINT)")
        db.execute("CREATE STREAM pairs AS SELECT a.ts, a.k, t.w FROM a JOIN t ON a.k = t.k")
        for name, query in queries.items():
            db.execute(f"CREATE STREAM {name} WITH (state_ttl = '10 ms') AS {query}")
        db.start()
        db.insert("t", [(1, 5)])
        db.insert("a", [(0, 1)])
        db.insert("b", [(0, 7)])
        before = {name: db.sql(f"SELECT * FROM {name}").fetchall() for name in queries}
        for ts in (100, 200):
            db.insert("b", [(ts, 8)])
            db.insert("a", [(ts, 9)])
        db.execute("DELETE FROM t WHERE k = 1")  # `pairs` takes its row back; the others know nothing of it
        for name in queries:
            metrics = some(db.stream_metrics(name))
            assert metrics.error is None and metrics.lost_rows == 1, name
            assert db.sql(f"SELECT * FROM {name}").fetchall() == before[name], name
        testing.reload(db)
        assert all(some(db.stream_metrics(name)).lost_rows == 1 for name in queries)
        db.insert("t", [(1, 6)])  # the source's row is remembered by `pairs`, which has no ttl
        assert db.sql("SELECT k FROM d").fetchall() == [(1,), (1,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT k FROM a WHERE k > 1",
        "SELECT count(*) AS n FROM a",
        "SELECT k, count(*) AS n FROM a GROUP BY k, TUMBLE(ts, 1000)",
        "SELECT a.k FROM a JOIN a b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + 10",
        "SELECT k, count(*) AS n FROM t GROUP BY k",
        "SELECT k FROM a ORDER BY ts LIMIT 3",
    ],
)
def test_refused(query: str) -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE a (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts)")
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY)")
        with pytest.raises(SchemaError, match="remembers nothing that needs it"):
            db.execute(f"CREATE STREAM s WITH (state_ttl = '1 s') AS {query}")


def test_refused_elsewhere() -> None:
    with laminardb.open() as db:
        with pytest.raises(SchemaError, match="unknown option"):
            db.execute("CREATE SOURCE a (k BIGINT) WITH (state_ttl = '1 s')")
        db.execute("CREATE SOURCE a (k BIGINT)")
        with pytest.raises(SchemaError, match="longer than nothing"):
            db.execute("CREATE STREAM s WITH (state_ttl = 0) AS SELECT DISTINCT k FROM a")
        db.execute("CREATE STREAM s WITH (state_ttl = '1 s') AS SELECT DISTINCT k FROM a")
        with pytest.raises(SchemaError, match="decided when a stream is made"):
            db.execute("ALTER STREAM s SET (state_ttl = '2 s')")
        db.execute("ALTER STREAM s SET (retain = 'all')")
        db.execute("ALTER STREAM s RENAME TO r")
        assert "state_ttl" in some(db.sql("SHOW CREATE STREAM r").fetchone())[-1]
