# SPDX-License-Identifier: Apache-2.0
"""Settings: what open() was given, SET and config_set are one table, and each does what it says."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import LaminarConfig

LONG = "SELECT count(*) FROM t a, t b, t c WHERE a.k + b.k + c.k = -1"


@pytest.fixture
def db() -> Any:
    with laminardb.open() as connection:
        connection.execute("CREATE SOURCE t (k BIGINT)")
        connection.insert("t", {"k": list(range(3000))})
        yield connection


def test_open_gives_the_first_values() -> None:
    given = {"buffer_size": 10, "insert_timeout_ms": 20, "max_lag_bytes": 30, "statement_timeout_ms": 4000}
    with laminardb.open(config=LaminarConfig(memory_limit=1 << 30, threads=2, **given)) as db:
        for key, value in {**given, "memory_limit": 1 << 30, "threads": 2}.items():
            assert db.config_get(key) == value
            db.config_set(key, value + 1)
            assert db.config_get(key.upper()) == value + 1
            db.execute(f"RESET {key}")
            assert db.config_get(key) == value
        listed = {s.name: s.value for s in db.config_list() if s.meaning and s.effect}
        assert listed == {key: db.config_get(key) for key in listed} and len(listed) >= 6


def test_bad_values_name_key_value_and_what_is_allowed(db: Any) -> None:
    with pytest.raises(ValueError, match=r"buffer_size must be an integer of at least 1, not 0"):
        db.config_set("buffer_size", 0)
    with pytest.raises(TypeError, match=r"buffer_size must be an integer .* not many"):
        db.config_set("buffer_size", "many")
    with pytest.raises(ValueError, match=r'no setting "bufer_size"(.|\n)*"buffer_size"'):
        db.config_set("bufer_size", 1)
    with pytest.raises(ValueError, match="no setting"):
        db.config_get('x"; DROP SOURCE t')
    assert db.config_get("buffer_size") == 65536


def test_statement_timeout(db: Any) -> None:
    db.config_set("statement_timeout_ms", 50)
    began = time.monotonic()
    with pytest.raises(laminardb.QueryError, match=r"longer than statement_timeout_ms allows \(50 ms\)") as e:
        db.query(LONG)
    assert e.value.code == 402 and time.monotonic() - began < 20
    assert db.query("SELECT count(*) FROM t").fetchone() == (3000,)
    db.config_set("statement_timeout_ms", None)
    assert db.query("SELECT count(*) FROM t a, t b").fetchone() == (9_000_000,)


def test_memory_limit(db: Any) -> None:
    db.config_set("memory_limit", db._memory() + 100_000)
    with pytest.raises(MemoryError):
        db.insert("t", {"k": list(range(1_000_000))})
    db.execute("SET memory_limit = NULL")
    assert db.insert("t", {"k": list(range(100_000))}) == 100_000


def test_max_lag_bytes(db: Any) -> None:
    db.start()
    db.config_set("max_lag_bytes", 1000)
    subscription = db.subscribe("SELECT k FROM t")
    db.insert("t", {"k": list(range(50_000))})
    with pytest.raises(laminardb.SubscriptionError, match=r"\(503\): \d+ rows missed"):
        while subscription.try_next() is not None:
            pass


def test_integer_division(db: Any) -> None:
    sql = "SELECT 7 / 2, -7 / 2, 7 // 2, 7 / 0, CAST(7 AS TINYINT) / CAST(2 AS UBIGINT), 7.0 / 2"
    assert db.query(sql).fetchone() == (3, -3, 3, None, 3, 3.5)
    db.execute("CREATE STREAM cut AS SELECT k, k / 2 AS h FROM t WHERE k < 4")
    db.execute("SET integer_division = false")
    assert db.query(sql).fetchone() == (3.5, -3.5, 3, None, 3.5, 3.5)
    db.execute("CREATE STREAM real AS SELECT k, k / 2 AS h FROM t WHERE k < 4")
    db.start()
    assert sorted(db.query("SELECT * FROM cut")) == [(0, 0), (1, 0), (2, 1), (3, 1)]  # as it was made
    assert sorted(db.query("SELECT * FROM real")) == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    db.execute("RESET integer_division")
    assert db.query("SELECT 7 / 2").fetchone() == (3,)


@pytest.mark.parametrize(
    ("order", "up", "down"),
    [
        ("nulls_largest", [1, 2, None], [None, 2, 1]),
        ("nulls_last", [1, 2, None], [2, 1, None]),
        ("nulls_first", [None, 1, 2], [None, 2, 1]),
    ],
)
def test_default_null_order(order: str, up: list[Any], down: list[Any]) -> None:
    rows = "(VALUES (2), (NULL), (1)) v (x)"
    with laminardb.open() as db:
        db.config_set("default_null_order", order)
        assert [x for (x,) in db.query(f"SELECT x FROM {rows} ORDER BY x")] == up
        assert [x for (x,) in db.query(f"SELECT x FROM {rows} ORDER BY x DESC")] == down
        assert [x for (x,) in db.query(f"SELECT x FROM {rows} ORDER BY x NULLS LAST")] == [1, 2, None]
        numbered = db.query(f"SELECT x, row_number() OVER (ORDER BY x DESC) AS n FROM {rows} ORDER BY n")
        assert [x for x, _ in numbered] == down
        first = db.query(f"SELECT string_agg(coalesce(CAST(x AS VARCHAR), '-'), '' ORDER BY x) FROM {rows}")
        assert first.fetchone() == ("".join("-" if x is None else str(x) for x in up),)
        with pytest.raises(ValueError, match="nulls_largest"):
            db.config_set("default_null_order", "nulls_somewhere")


def test_the_list_says_value_default_meaning_and_effect(db: Any) -> None:
    db.config_set("threads", 3)
    db.config_set("retain", "2 rows")
    listed = {s.name: s for s in db.config_list()}
    assert listed["threads"][1:3] == (3, None) and listed["retain"][1:3] == ("2 rows", "all")
    assert listed["external_access"][1:3] == (True, True) and listed["buffer_size"].default == 65536
    assert all(s.meaning and s.effect for s in listed.values())
    known = set(LaminarConfig._known) - {"storage_dir"}
    assert known - {"deterministic", "random_seed"} <= set(listed)
    db.execute("RESET ALL")
    assert all(s.value == s.default for s in db.config_list())


def test_batch_size() -> None:
    with laminardb.open(config=LaminarConfig(batch_size=100)) as db:
        rows = [(i, None if i % 7 == 0 else f"text {i}") for i in range(1050)]
        db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        for at in range(0, 1050, 150):
            db.insert("t", rows[at : at + 150])
        result = db.query("SELECT * FROM t")
        assert result.fetchall() == rows and result.num_batches == 11
        assert [len(batch) for batch in db.stream("SELECT * FROM t")] == [100] * 10 + [50]
        assert db.query("SELECT 1 WHERE false").fetchall() == []
        db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()
        assert db.query_stream("n").num_batches == 11
        db.config_set("batch_size", 5000)
        assert db.query("SELECT * FROM t").num_batches == 1
        assert db.query("SELECT * FROM range(10000) AS t(x)").num_batches == 2
        db.config_set("batch_size", None)
        assert db.query("SELECT * FROM t").fetchall() == rows
        with pytest.raises(ValueError, match="batch_size"):
            db.config_set("batch_size", 0)


def test_max_concurrent_queries() -> None:
    with laminardb.open(config=LaminarConfig(max_concurrent_queries=1)) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.insert("t", {"k": list(range(3000))})
        running = threading.Thread(target=lambda: pytest.raises(laminardb.QueryError, db.query, LONG))
        running.start()
        while db.active_query_count == 0:
            time.sleep(0.001)
        with pytest.raises(
            laminardb.QueryError, match="1 queries run already(.|\n)*max_concurrent_queries"
        ) as e:
            db.query("SELECT 1")
        assert e.value.code == 400
        with pytest.raises(ValueError, match="max_concurrent_queries is only lowered .*: at most 1"):
            db.config_set("max_concurrent_queries", 2)
        for q in db.queries():
            db.cancel_query(q.id)
        running.join()
        db.config_set("max_concurrent_queries", 1)
        assert db.query("SELECT 1").fetchall() == [(1,)]


def test_retain_is_for_sources_that_do_not_say() -> None:
    with laminardb.open(config=LaminarConfig(retain="3 rows")) as db:
        db.execute(
            "CREATE SOURCE a (k BIGINT); CREATE SOURCE b (k BIGINT) WITH (retain = 'all');"
            "CREATE TABLE c (k BIGINT)"
        )
        db.execute("SET retain = 'all'; CREATE SOURCE d (k BIGINT)")
        for name in "abcd":
            for i in range(10):
                db.insert(name, {"k": i})
        assert [len(db.query(f"SELECT * FROM {name}")) for name in "abcd"] == [3, 10, 10, 10]
        for bad in ("often", "", "-1 rows"):
            with pytest.raises(ValueError, match="retain must say which rows"):
                db.config_set("retain", bad)
    with pytest.raises(ValueError, match="retain must say which rows"):
        laminardb.open(config=LaminarConfig(retain="it's"))


def test_external_access(tmp_path: Any) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("k\n1\n")
    with laminardb.open(config=LaminarConfig(external_access=False)) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        for sql in (
            f"SELECT * FROM '{path}'",
            f"SELECT * FROM read_csv('{path}')",
            f"SELECT * FROM '{tmp_path}/x.parquet'",
            f"COPY t FROM '{path}'",
            f"COPY t TO '{tmp_path}/out.csv'",
            f"COPY (SELECT 1) TO '{tmp_path}/out.parquet'",
            f"CREATE VIEW v AS SELECT * FROM '{path}'",
        ):
            with pytest.raises(laminardb.QueryError, match="external_access is false"):
                db.execute(sql)
        assert [f.name for f in tmp_path.iterdir()] == ["rows.csv"]
        mine = {"k": [1, 2]}
        assert mine and db.query("SELECT count(*) FROM mine").fetchone() == (2,)  # no file
        with pytest.raises(ValueError, match="stays so"):
            db.config_set("external_access", True)
        db.execute("RESET external_access; RESET ALL; SET external_access = false")
        assert db.config_get("external_access") is False
    with laminardb.open() as db:
        assert db.query(f"SELECT * FROM '{path}'").fetchall() == [(1,)]
        db.config_set("external_access", False)
        db.execute("RESET ALL")
        with pytest.raises(laminardb.QueryError, match="external_access"):
            db.query(f"SELECT * FROM '{path}'")


def allowed(name: str) -> set[str]:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        status = (task / "status").read_text()
        if f"Name:\t{name}\n" in status:
            found.add(re.search(r"Cpus_allowed_list:\t(.*)", status)[1])  # type: ignore[index]
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are looked at in /proc")
def test_cpu_affinity() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    with laminardb.open(config=LaminarConfig(cpu_affinity=[cpus[0]], threads=3)) as db:
        before = allowed("laminardb-pool")
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.insert("t", {"k": list(range(300_000))})
        assert db.query("SELECT count(DISTINCT k) FROM t").fetchone() == (300_000,)
        assert db.config_get("cpu_affinity") == str(cpus[0])
        assert allowed("laminardb-pool") - before == {str(cpus[0])} - before
        assert os.sched_getaffinity(0) == set(cpus)  # the caller's threads are the caller's
        db.execute("SET cpu_affinity = 'all'")
        db.query("SELECT count(DISTINCT k) FROM t")
        own = re.search(r"Cpus_allowed_list:\t(.*)", Path("/proc/self/status").read_text())
        assert own is not None and own[1] in allowed("laminardb-pool")
        for bad in ("0-", "x", "3-1", "9999", "1,,2", "", "1023"):
            with pytest.raises(ValueError, match="cpu_affinity must name processors"):
                db.config_set("cpu_affinity", bad)
    for value, error in (([], ValueError), ([True], TypeError), (1.5, TypeError), ([-1], ValueError)):
        with pytest.raises(error, match="cpu_affinity"):
            LaminarConfig(cpu_affinity=value)


def test_where_a_bare_name_lives(tmp_path: Any) -> None:
    config = LaminarConfig(storage_dir=tmp_path, checkpoint_interval_ms=5000)
    assert config.storage_dir == str(tmp_path) and config.checkpoint_interval_ms == 5000
    place = laminardb.connection._place
    assert place("trades", str(tmp_path)) == str(tmp_path / "trades")
    for path in ("", ":memory:", "./trades", "/x/trades", "trades.ldb", "trades.db"):
        assert place(path, str(tmp_path)) == path
    assert place("trades", None) == "trades"


def test_what_a_database_is_opened_with(tmp_path: Path) -> None:
    """Of the four settings of a config none is hidden: also those that nothing changes later."""
    config = laminardb.Config(
        buffer_size=77, storage_dir=str(tmp_path), checkpoint_interval_ms=60_000, table_spill_threshold=500
    )
    with laminardb.open("trades", config=config) as db:
        for key in ("buffer_size", "storage_dir", "checkpoint_interval_ms", "table_spill_threshold"):
            assert db.config_get(key) == getattr(config, key)
        listed = {s.name: s for s in db.config_list()}
        assert listed["storage_dir"][1:3] == (str(tmp_path), str(tmp_path))
        assert [s.name for s in db.config_list()] == sorted(listed)
        assert listed["storage_dir"].effect == "when a database is opened"
        assert db.config_get("deterministic") is False and db.config_get("random_seed") is None
        db.config_set("table_spill_threshold", 600)
        assert db.config_get("table_spill_threshold") == 600
        for key in ("storage_dir", "deterministic", "random_seed"):
            with pytest.raises(ValueError, match=f"{key} cannot become 5: a database is opened with it"):
                db.config_set(key, 5)
    with pytest.raises(laminardb.ConnectionError):
        db.config_get("storage_dir")


def test_show_of_every_setting(tmp_path: Path) -> None:
    """Also of what a database is opened with, which SET does not change."""
    config = laminardb.LaminarConfig(storage_dir=str(tmp_path), deterministic=True, random_seed=7)
    for given in (None, config):
        with laminardb.open("kept" if given else ":memory:", config=given) as db:
            for setting in db.config_list():
                assert db.query(f"SHOW {setting.name}").fetchall()[0][0] == setting.value, setting.name
            for name, value in (("deterministic", "true"), ("random_seed", "1"), ("storage_dir", "'x'")):
                with pytest.raises(ValueError, match=f"{name} is set when a database is opened"):
                    db.execute(f"SET {name} = {value}")
            db.execute("RESET ALL")
    assert config.storage_dir == str(tmp_path)
