# SPDX-License-Identifier: Apache-2.0
"""Every code of errors.def: the least that raises it, with the class that the table says, or where else it is
tested."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import laminardb
import pytest

ROOT = Path(__file__).resolve().parents[2]
ERRORS = ROOT / "src/base/errors.def"
Raiser = Callable[[laminardb.Connection], Any]


def dropped_writer(db: laminardb.Connection) -> None:
    writer = db.writer("t")
    writer.close()
    writer.insert((1, "x"))


def lagging(db: laminardb.Connection) -> None:
    sub = db.subscribe_stream("s", max_lag_bytes=1 << 12)
    for _ in range(20):
        db.insert("t", [(i, "a text that takes room " * 4) for i in range(1000)])
    for _ in range(40):
        sub.try_next()


def failing_stream(db: laminardb.Connection) -> None:
    db.execute("CREATE STREAM f AS SELECT 9223372036854775807 + a AS x FROM t")
    sub = db.subscribe_stream("f")
    db.insert("t", (1, "x"))
    sub.next()


def after_shutdown(db: laminardb.Connection) -> None:
    db.shutdown()
    db.insert("t", (1, "x"))


def after_close(db: laminardb.Connection) -> None:
    db.close()
    db.query("SELECT 1")


def too_slow(db: laminardb.Connection) -> None:
    db.execute("SET statement_timeout_ms = 1")
    db.query("SELECT count(*) FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b")


def too_large(db: laminardb.Connection) -> None:
    with laminardb.open(config=laminardb.LaminarConfig(memory_limit=8 << 20)) as small:
        small.config_set("temp_directory", None)  # else it is written there
        small.query("SELECT count(*) FROM (SELECT DISTINCT i FROM generate_series(1, 10000000) AS s(i)) AS d")


RAISED: dict[str, Raiser] = {
    "CONNECTION_CLOSED": after_close,
    "TABLE_NOT_FOUND": lambda db: db.schema("nowhere"),
    "TABLE_EXISTS": lambda db: db.execute("CREATE SOURCE t (b BIGINT)"),
    "SCHEMA_MISMATCH": lambda db: db.execute("ALTER SOURCE t DROP COLUMN nowhere"),
    "INVALID_SCHEMA": lambda db: db.execute("CREATE SOURCE u (b BIGINT, B VARCHAR)"),
    "INGESTION_FAILED": lambda db: db.insert("t", (None, "x")),
    "WRITER_CLOSED": dropped_writer,
    "QUERY_FAILED": lambda db: db.query("SELECT nowhere FROM t"),
    "SQL_PARSE_ERROR": lambda db: db.query("SELECT FROM WHERE"),
    "QUERY_CANCELLED": too_slow,
    "SUBSCRIPTION_FAILED": lambda db: db.subscribe("SELECT count(*) FROM t", on_lag="drop_oldest"),
    "SUBSCRIPTION_LAGGED": lagging,
    "STREAM_FAILED": failing_stream,
    "SHUTDOWN": after_shutdown,
    "NOT_FOUND_IN_QUERY": lambda db: db.query("SELECT * FROM nowhere"),
    "OUT_OF_MEMORY": too_large,
    "WRONG_TYPE": lambda db: db.config_set("memory_limit", "much"),
    "INVALID_ARGUMENT": lambda db: db.config_set("statement_timeout_ms", -5),
}

ELSEWHERE = {
    "BATCH_SCHEMA_MISMATCH": "tests/python/test_alter.py: rows made for the columns of before",
    "CONNECTION_FAILED": "tests/python/test_fork.py: a child of fork",
    "CONNECTION_IN_USE": "tests/python/test_regressions.py: a signal handler in a query",
    "SUBSCRIPTION_CLOSED": "unit db/subscription: the C interface; Python raises RuntimeError",
    "SUBSCRIPTION_TIMEOUT": "unit db/subscription: the C interface; Python gives None",
    "CONNECTOR_FAILED": "tests/python/test_files.py and test_copy.py: files that are missing",
    "CHECKPOINT_FAILED": "of databases in directories",
    "CHECKPOINT_DISABLED": "of databases in directories",
    "CORRUPTION": "of databases in directories",
    "INTERNAL_ERROR": "a fault of ours: nothing raises it on purpose",
}


def table() -> dict[str, tuple[int, str]]:
    found = re.findall(r"^ERROR\((\w+),\s*(\d+),\s*(\w+),", ERRORS.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (200 if name == "NOT_FOUND_IN_QUERY" else int(code), cls) for name, code, cls in found}


@pytest.mark.skipif(not ERRORS.is_file(), reason="needs the source tree")
def test_every_code_is_raised_or_told_where() -> None:
    assert len(table()) >= 28
    assert table().keys() == RAISED.keys() | ELSEWHERE.keys() and not RAISED.keys() & ELSEWHERE.keys()


@pytest.mark.skipif(not ERRORS.is_file(), reason="needs the source tree")
@pytest.mark.parametrize("name", RAISED)
def test_code(name: str) -> None:
    code, cls = table()[name]
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (a BIGINT NOT NULL, s VARCHAR)")
        db.execute("CREATE STREAM s AS SELECT a, s FROM t")
        db.start()
        with pytest.raises(Exception) as e:  # noqa: B017
            RAISED[name](db)
        assert type(e.value).__name__ == cls, repr(e.value)
        assert f"({code})" in str(e.value) or getattr(e.value, "code", None) == code, repr(e.value)
        assert str(e.value).strip()
        if name not in ("CONNECTION_CLOSED", "SHUTDOWN"):
            assert db.query("SELECT 1").fetchall() == [(1,)]  # the database lives
