# SPDX-License-Identifier: Apache-2.0
"""Databases that are kept: where they lie, who may open them, what comes back, what damage says."""

from __future__ import annotations

import datetime as dt
import errno
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import laminardb
import pytest
from laminardb import LaminarConfig
from optional import some

DDL = """
    CREATE SOURCE trades (ts TIMESTAMP, symbol VARCHAR, price DOUBLE, WATERMARK FOR ts AS ts);
    CREATE TABLE limits (symbol VARCHAR PRIMARY KEY, high DOUBLE);
    CREATE STREAM best AS SELECT symbol, max(price) AS high FROM trades GROUP BY symbol;
    CREATE STREAM minutes AS SELECT window_start, count(*) AS n FROM TUMBLE(trades, ts, INTERVAL '1 minute')
        GROUP BY window_start EMIT ON WINDOW CLOSE
"""
FIRST = dt.datetime(2026, 1, 5, 9)


def trade(minute: int, symbol: str = "ACME", price: float = 1.0) -> dict[str, object]:
    return {"ts": FIRST + dt.timedelta(minutes=minute), "symbol": symbol, "price": price}


def shown(db: laminardb.Connection) -> dict[str, object]:
    names = ("trades", "limits", "best", "minutes")
    return {n: sorted(db.query(f"SELECT * FROM {n}").fetchall(), key=repr) for n in names}


def fill(db: laminardb.Connection) -> None:
    db.execute(DDL)
    db.start()
    for i in range(10):
        db.insert("trades", trade(i, "ACME" if i % 3 else "INIT", i / 2))
    db.insert("limits", [{"symbol": "ACME", "high": 5.0}, {"symbol": "INIT", "high": 1.0}])
    db.execute("UPDATE limits SET high = 7 WHERE symbol = 'ACME'")


def test_all_comes_back_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        fill(db)
        before = shown(db)
        watermark = db.pipeline_watermark
    for _ in range(3):
        with laminardb.open(path) as db:
            assert shown(db) == before
            assert (db.pipeline_watermark, db.pipeline_state) == (watermark, "Running")
    with laminardb.open(path) as db:
        changes = db.subscribe_stream("best")
        db.insert("trades", trade(10, "ACME", 100.0))
        got = changes.next_timeout(5000)
        assert got is not None and got.fetchall() == [("ACME", 100.0)]
        assert db.query("SELECT count(*) FROM minutes").fetchone() == (10,)


def test_late_rows_are_late_after_a_restart(tmp_path: Path) -> None:
    with laminardb.open(tmp_path / "kept.ldb") as db:
        fill(db)
    with laminardb.open(tmp_path / "kept.ldb") as db:
        late = some(db.stream_metrics("minutes")).late_rows
        db.insert("trades", trade(0))
        assert some(db.stream_metrics("minutes")).late_rows == late + 1


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("", ":memory:", "bare"):
        laminardb.open(path).close()
    assert os.listdir() == []
    for given, made in (
        ("a.ldb", "a.ldb"),
        ("b.db", "b.db"),
        ("./c", "c"),
        (pathlib.Path("d"), "d"),
        (str(tmp_path / "e"), "e"),
    ):
        laminardb.open(given).close()
        assert (tmp_path / made / "LOCK").exists(), given
        assert (tmp_path / made).stat().st_mode & 0o777 == 0o700
    config = LaminarConfig(storage_dir="data")
    laminardb.open("trading", config=config).close()
    assert (tmp_path / "data/trading/LOCK").exists()
    laminardb.open("a.ldb", config=config).close()  # a path wins
    assert os.listdir("data") == ["trading"]


def test_one_process_has_it(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path):
        with pytest.raises(laminardb.ConnectionError, match=rf"is open in process {os.getpid()}") as e:
            laminardb.open(path)
        assert e.value.code == 102
        code = f"import laminardb; laminardb.open({str(path)!r})"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert f"process {os.getpid()}" in child.stderr
    laminardb.open(path).close()


def test_a_child_of_fork_does_not_keep_it(tmp_path: Path) -> None:
    code = f"""
import os, time, warnings, laminardb
warnings.simplefilter("ignore")
db = laminardb.open({str(tmp_path / "kept.ldb")!r})
pid = os.fork()
if pid == 0:
    time.sleep(60)
    os._exit(0)
db.close()
laminardb.open({str(tmp_path / "kept.ldb")!r}).close()
os.kill(pid, 9)
os.waitpid(pid, 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    bad = [tmp_path / "none" / "x.ldb", tmp_path / "file", tmp_path / "file" / "x", tmp_path / ("x" * 300)]
    for path in bad:
        with pytest.raises(laminardb.ConnectionError) as e:
            laminardb.open(path)
        assert e.value.code == 100
    for wrong in (b"x.ldb", 3, None):
        with pytest.raises(TypeError):
            laminardb.open(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NUL"):
        laminardb.open("a\0.ldb")
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(laminardb.ConnectionError, match="Permission denied"):
        laminardb.open(tmp_path / "kept.ldb")


def test_a_file_system_that_may_only_be_read(tmp_path: Path) -> None:
    """A database that is there and a new one, on a mount of this test's own."""
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
    code = (
        "import laminardb, sys\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        laminardb.open(path)\n"
        "    except laminardb.ConnectionError as e:\n"
        "        print(e.code, path in str(e), 'Read-only file system' in str(e))\n"
    )
    mount = f"mount --bind '{tmp_path}' '{tmp_path}' && mount -o remount,bind,ro '{tmp_path}' || exit 77"
    wanted = [sys.executable, "-c", code, str(path), str(tmp_path / "new.ldb")]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mount}; exec "$@"', "sh", *wanted],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no mounts here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["100 True True"] * 2
    with laminardb.open(path) as db:
        assert db.query("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_directory_that_was_removed(tmp_path: Path) -> None:
    """What needs a name in it says so; queries go on, and another opening begins anew."""
    path = tmp_path / "kept.ldb"
    with laminardb.open(path, config=LaminarConfig(checkpoint_interval_ms=1_000_000_000)) as db:
        db.execute("CREATE SOURCE t (k BIGINT)")
        db.start()
        db.insert("t", [(1,)])
        shutil.rmtree(path)
        for call in (db.checkpoint, db.verify, lambda: db.backup(tmp_path / "copy.ldb")):
            with pytest.raises(laminardb.LaminarError, match="No such file or directory") as e:
                call()
            assert str(path) in str(e.value)
        for _ in range(2):
            with pytest.raises(laminardb.LaminarError, match="was removed") as e:
                db.insert("t", [(2,)])
            assert str(path) in str(e.value)
        # The first one was in memory when its sync failed; nothing comes behind it.
        assert db.query("SELECT count(*) FROM t").fetchone() == (2,)
    with laminardb.open(path) as db:
        assert db.query("SHOW SOURCES").fetchall() == []


def test_a_script_may_declare_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    ddl = [
        "CREATE SOURCE t (k BIGINT, s VARCHAR)",
        "CREATE STREAM c AS SELECT *, 1 AS one FROM t",
        "CREATE TABLE q AS SELECT 1 AS a, 'x' AS b",
        "CREATE FUNCTION f(x) AS x + 1",
        "CREATE VIEW v AS SELECT * FROM t",
    ]
    with laminardb.open(path) as db:
        for sql in ddl:
            db.execute(sql)
            with pytest.raises(laminardb.SchemaError, match="already exists"):
                db.execute(sql)
        db.start()
        db.insert("t", {"k": 1, "s": "x"})
    for _ in range(2):
        with laminardb.open(path) as db:
            for sql in ddl:
                assert (
                    db.execute(sql.replace("(", " ( ").replace("SELECT", "-- again\n select")).result_type
                    == "ddl"
                )
            for sql, part in (
                ("CREATE SOURCE t (k DOUBLE, s VARCHAR)", "it has BIGINT where this one has DOUBLE"),
                ("CREATE STREAM c AS SELECT * FROM t", "another definition"),
                ("CREATE FUNCTION f(x) AS x + 2", "it has 1 where this one has 2"),
                ("CREATE TABLE t (k BIGINT)", "already exists"),
            ):
                with pytest.raises(laminardb.SchemaError, match=part) as e:
                    db.execute(sql)
                assert e.value.code == 201
            assert db.query("SELECT * FROM c").fetchall() == [(1, "x", 1)]
            assert db.query("SELECT *, f(a) FROM q").fetchall() == [(1, "x", 2)]


def test_definitions_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        db.execute("SET timezone = 'Europe/Berlin'; SET integer_division = false")
        db.execute("CREATE SOURCE t (k BIGINT, z TIMESTAMPTZ)")
        db.execute("CREATE STREAM halves AS SELECT k / 2 AS h, hour(z) AS hour FROM t WHERE k > ?", [0])
        db.execute("RESET timezone; RESET integer_division")
        db.execute("CREATE SOURCE gone (a BIGINT); DROP SOURCE gone")
        db.execute("CREATE TABLE old (a BIGINT); ALTER TABLE old RENAME TO young")
        db.execute("ALTER TABLE young ADD COLUMN b VARCHAR DEFAULT 'b'; INSERT INTO young (a) VALUES (1)")
        db.execute("CREATE OR REPLACE TABLE again AS SELECT 1 AS a")
        db.execute("CREATE OR REPLACE TABLE again AS SELECT 2 AS a, 3 AS b")
        db.execute("CREATE STREAM drawn AS SELECT k, random() AS r, uuid() AS u FROM t")
        db.start()
        for i in range(5):
            db.insert("t", {"k": i, "z": dt.datetime(2026, 7, 1, tzinfo=dt.UTC)})
        queries = [f"SELECT * FROM {n}" for n in ("t", "halves", "young", "again", "drawn")]
        before = [db.query(q).fetchall() for q in queries]
        assert before[1][0] == (0.5, 2)
    with laminardb.open(path) as db:
        assert [db.query(q).fetchall() for q in queries] == before
        assert db.query("SELECT 3 / 2").fetchone() == (1,)
        with pytest.raises(laminardb.QueryError):
            db.query("SELECT * FROM gone")


def test_a_transaction_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        fill(db)
        db.execute("BEGIN")
        db.execute("DELETE FROM limits")
        db.insert("trades", trade(20))
        copy = tmp_path / "copy.ldb"
        shutil.copytree(path, copy)
        db.execute("ROLLBACK")
        want = shown(db)
    for each in (path, copy):
        with laminardb.open(each) as db:
            assert shown(db) == want


def damage(path: Path, at: int) -> None:
    bytes_ = bytearray(path.read_bytes())
    bytes_[at] ^= 0xFF
    path.write_bytes(bytes_)


def test_damage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        fill(db)
    log = next(path.glob("wal-*"))
    whole = log.read_bytes()
    used = len(whole.rstrip(b"\0"))
    for at in range(0, used, used // 20):
        damage(log, at)
        if at < used - 32:  # the mark of the end alone costs nothing
            with pytest.raises(laminardb.CheckpointError, match=log.name) as e:
                laminardb.open(path)
            assert e.value.code == 702
        log.write_bytes(whole)
    log.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(laminardb.CheckpointError, match="bytes where"):
        laminardb.open(path)
    log.write_bytes(whole)
    with laminardb.open(path) as db:
        assert db.query("SELECT count(*) FROM trades").fetchone() == (10,)


@pytest.mark.parametrize("durability", ["group", "full", "async"])
def test_modes(tmp_path: Path, durability: str) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path, config=LaminarConfig(durability=durability)) as db:
        assert db.query("SHOW durability").fetchone() == (durability,)
        fill(db)
        db.execute("SET durability = 'full'; SET durability = 'async'; RESET durability")
        want = shown(db)
        copy = tmp_path / "copy.ldb"
        shutil.copytree(path, copy)  # what kill -9 leaves
    with laminardb.open(copy) as db:
        assert shown(db) == want
    with pytest.raises(ValueError, match="durability must be one of group, full, async"):
        LaminarConfig(durability="some")


def test_a_full_disk_refuses_the_insert(tmp_path: Path) -> None:
    """In a file system of its own where that may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("may not mount")
    try:
        with laminardb.open(folder / "kept.ldb") as db:
            db.execute("CREATE SOURCE t (s VARCHAR)")
            kept = 0
            with pytest.raises(laminardb.IngestionError, match=os.strerror(errno.ENOSPC)):
                for _ in range(100):
                    db.insert("t", [{"s": "x" * 1000}] * 100)
                    kept += 100
            assert 0 < kept < 10000
            assert db.query("SELECT count(*) FROM t").fetchone() == (kept,)
        with laminardb.open(folder / "kept.ldb") as db:
            assert db.query("SELECT count(*) FROM t").fetchone() == (kept,)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_sinks_go_on_behind_what_they_wrote(tmp_path: Path) -> None:
    path, out = tmp_path / "kept.ldb", tmp_path / "out.csv"
    with laminardb.open(path) as db:
        db.execute("CREATE SOURCE t (a BIGINT)")
        db.execute(f"CREATE SINK k FROM t WITH (connector = 'file', path = '{out}', format = 'csv')")
        db.start()
        db.insert("t", [{"a": 1}, {"a": 2}])
    assert out.read_text() == "a\n1\n2\n"
    with out.open("a") as f:
        f.write("9")  # a line that was being written
    for life in range(3, 6):
        with laminardb.open(path) as db:
            assert [s.name for s in db.sinks()] == ["k"]
            db.insert("t", {"a": life})
    assert out.read_text() == "a\n1\n2\n3\n4\n5\n"
    shutil.rmtree(path.parent / "none", ignore_errors=True)
    out.unlink()
    out.mkdir()  # nothing can be written there: the database opens all the same
    with laminardb.open(path) as db:
        db.insert("t", {"a": 6})
        assert db.query("SELECT count(*) FROM t").fetchone() == (6,)


def test_pipelines_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        db.execute("CREATE SOURCE t (a BIGINT); CREATE PIPELINE p; CREATE PIPELINE q")
        db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(a) AS x FROM t")
        db.execute("CREATE STREAM r IN PIPELINE q AS SELECT max(a) AS x FROM t")
        db.start()
        db.insert("t", {"a": 1})
        db.pipeline("p").pause()
        db.pipeline("q").stop()
        db.insert("t", {"a": 2})
        states = {p.name: p.state for p in db.pipelines()}
        versions = [(v.version, v.sql) for v in db.pipeline("p").versions()]
    with laminardb.open(path) as db:
        assert {p.name: p.state for p in db.pipelines()} == states
        assert [(v.version, v.sql) for v in db.pipeline("p").versions()] == versions
        db.insert("t", {"a": 3})
        db.pipeline("p").resume()
        assert db.query("SELECT * FROM s").fetchall() == [(6,)]
        db.pipeline("q").start()
        assert db.query("SELECT * FROM r").fetchall() == [(3,)]


def test_retries_do_not_keep_a_database_from_opening(tmp_path: Path) -> None:
    path = tmp_path / "kept.ldb"
    with laminardb.open(path) as db:
        db.execute("CREATE SOURCE t (a VARCHAR)")
        db.execute("CREATE STREAM s AS SELECT CAST(a AS BIGINT) AS n FROM t")
        db.execute("CREATE SINK k FROM t WITH (connector = 'python', retries = 0)")
        db.register_sink("k", lambda batch: 1 / 0)
        db.start()
        db.insert("t", {"a": "no number"})
        assert some(db.stream_metrics("s")).error
        db.execute("CREATE OR REPLACE STREAM s AS SELECT TRY_CAST(a AS BIGINT) AS n FROM t")
        for _ in range(500):
            if some(db.sink_metrics("k")).state == "failed":
                break
            time.sleep(0.01)
        db.register_sink("k", lambda batch: None)
        db.execute("ALTER SINK k RETRY")
        db.insert("t", {"a": "1"})
    with laminardb.open(path) as db:
        assert sorted(db.query("SELECT n FROM s").fetchall(), key=repr) == [(1,), (None,)]


def test_what_is_away_or_forbidden_now_does_not_keep_it_from_opening(tmp_path: Path) -> None:
    """A file that a view reads, and limits of this life that definitions of an earlier one do not meet."""
    path, csv = tmp_path / "kept.ldb", tmp_path / "a.csv"
    csv.write_text("x,y\n1,2\n")
    with laminardb.open(path) as db:
        db.execute(f"CREATE VIEW v AS SELECT * FROM '{csv}'; CREATE VIEW w AS SELECT x + 1 AS z FROM v")
        db.execute("CREATE SOURCE t (a BIGINT)")
        db.execute(f"CREATE STREAM s AS SELECT a FROM t WHERE a IN ({', '.join(map(str, range(5000)))})")
        db.start()
        db.insert("t", {"a": 7})
    csv.unlink()
    for config in (
        LaminarConfig(),
        LaminarConfig(external_access=False),
        LaminarConfig(statement_timeout_ms=1, max_concurrent_queries=1),
    ):
        with laminardb.open(path, config=config) as db:
            db.config_set("statement_timeout_ms", None)  # what follows is no matter of time
            assert db.query_stream("s").fetchall() == [(7,)]
            db.execute(f"CREATE VIEW v AS SELECT * FROM '{csv}'")  # a script runs again
            with pytest.raises(laminardb.QueryError):
                db.query("SELECT * FROM w")
            assert db.schema("v").names == ["x", "y"]
    csv.write_text("x,y\n3,4\n")
    with laminardb.open(path) as db:
        assert db.query("SELECT z FROM w").fetchall() == [(4,)]


def test_a_log_longer_than_memory(tmp_path: Path) -> None:
    """It is run record by record (D13): 48 MB of it where 24 MiB are allowed."""
    path = tmp_path / "a.ldb"
    with laminardb.open(path, config=LaminarConfig(durability="async")) as db:
        db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR) WITH (retain = '1000 rows')")
        db.execute("CREATE STREAM n AS SELECT count(*) AS n, max(k) AS k FROM t")
        db.start()
        for i in range(24):
            db.insert("t", {"k": [i] * 2000, "s": ["x" * 1000] * 2000})
    assert sum(f.stat().st_size for f in path.glob("wal-*")) > 48_000_000
    with laminardb.open(path, config=LaminarConfig(memory_limit=24 << 20)) as db:
        assert db.query("SELECT n, k FROM n").fetchall() == [(48_000, 23)]


def test_no_descriptor_left(tmp_path: Path) -> None:
    """Each call that needs one says so and changes nothing (D26); with descriptors again all goes on."""
    path = tmp_path / "a.ldb"
    config = LaminarConfig(checkpoint_interval_ms=3_600_000, wal_segment_bytes=65_536)
    refused = 0
    with laminardb.open(path, config=config) as db:
        db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        db.start()
        db.insert("t", (0, "first"))
        db.checkpoint()  # all is imported
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        acknowledged = 1
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
            with pytest.raises(laminardb.CheckpointError, match="Too many open files"):
                db.checkpoint()
            with pytest.raises(laminardb.ConnectionError, match="Too many open files"):
                laminardb.open(tmp_path / "b.ldb")
            for i in range(40):
                try:
                    db.insert("t", {"k": [i] * 100, "s": ["y" * 50] * 100})
                    acknowledged += 100
                except laminardb.LaminarError as e:
                    assert "Too many open files" in str(e), e
                    refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert refused > 0 and db.query("SELECT count(*) FROM t").fetchall() == [(acknowledged,)]
        db.insert("t", (1, "again"))
        db.checkpoint()
        assert not (tmp_path / "b.ldb").exists() or not list((tmp_path / "b.ldb").glob("wal-*"))
    with laminardb.open(path, config=config) as db:
        assert db.query("SELECT count(*) FROM t").fetchall() == [(acknowledged + 1,)]
