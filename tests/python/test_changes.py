# SPDX-License-Identifier: Apache-2.0
"""What a delivery says beside its rows: keys that left, true ops, positions; and the views made of that."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import laminardb
import pytest
from laminardb import ChangeEvent, ChangeRow, MaterializedView


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def test_keys_that_left_are_deleted(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k VARCHAR, v BIGINT)")
    db.execute("CREATE STREAM big AS SELECT k, min(v) AS low FROM t GROUP BY k HAVING min(v) > 10")
    db.start()
    big = db.subscribe_stream("big")
    db.insert("t", [("a", 20), ("b", 30)])
    batch = big.try_next()
    assert batch is not None and sorted(batch) == [("a", 20), ("b", 30)] and batch.deleted is None
    db.insert("t", [("a", 5), ("b", 25)])
    batch = big.try_next()
    assert batch is not None and batch.fetchall() == [("b", 25)]
    assert batch.deleted is not None and batch.deleted.fetchall() == [("a", 20)]
    assert batch.deleted.columns == ["k", "low"] and batch.deleted.position is None
    db.insert("t", [("b", 1)])
    batch = big.try_next()
    assert batch is not None and batch.num_rows == 0 and batch.columns == ["k", "low"]
    assert batch.deleted is not None and batch.deleted.fetchall() == [("b", 25)]


def test_without_groups_one_row_follows_the_other(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k VARCHAR, v BIGINT)")
    db.execute("CREATE STREAM total AS SELECT count(*) AS n FROM t")
    db.start()
    sub = db.subscribe_stream("total")
    events: list[ChangeEvent] = []
    thread = MaterializedView(db, "total").subscribe(events.append)
    db.insert("t", ("a", 1))
    db.insert("t", ("b", 1))
    batches = [sub.try_next(), sub.try_next()]
    assert batches[1] is not None and batches[1].fetchall() == [(2,)]
    assert batches[1].deleted is not None and batches[1].deleted.fetchall() == [(1,)]
    wait_for(lambda: len(events) == 2)
    assert [(r.op, r.values) for r in events[1]] == [("Update", (2,))]
    thread.cancel()
    thread.join(5)


def test_positions_grow_and_compare(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
    db.start()
    db.insert("t", {"k": 1})
    a, b = db.subscribe_stream("s"), db.subscribe_stream("s", snapshot=True)
    first = b.try_next()
    assert first is not None and first.fetchall() == [(1, 1)]
    db.insert("t", {"k": 2})
    db.insert("t", {"k": 1})
    mine, other = [a.try_next(), a.try_next()], [b.try_next(), b.try_next()]
    places = [x.position for x in mine if x is not None]
    assert places == [x.position for x in other if x is not None]
    assert first.position is not None and first.position < places[0] < places[1]  # type: ignore[operator]
    assert db.query("SELECT 1").position is None and db.query("SELECT 1").deleted is None
    assert db.subscribe_stream("s", snapshot=False).try_next() is None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT k, sum(v) AS s FROM t GROUP BY k",
        "SELECT k, sum(v) AS s, count(*) AS n FROM t GROUP BY k",
        "SELECT k, sum(v) AS s FROM t GROUP BY k HAVING sum(v) > 0",
        "SELECT count(*) AS n, sum(v) AS s, k FROM t GROUP BY k HAVING sum(v) > 0",
        "SELECT k, sum(v) AS s FROM t GROUP BY k EMIT CHANGES",
        "SELECT k, sum(v) AS s FROM t GROUP BY k ORDER BY s DESC LIMIT 5",
    ],
)
@pytest.mark.parametrize("keys", [6, 3000])
def test_ops_rebuild_the_result(sql: str, keys: int) -> None:
    """A dict kept by ops alone equals the stream; an insert is of a new key, all else of a known one."""
    rng = random.Random(keys)
    with laminardb.open() as db:
        db.execute(f"CREATE SOURCE t (k VARCHAR, v BIGINT); CREATE STREAM s AS {sql}")
        db.start()
        events: list[ChangeEvent] = []
        view = laminardb.mv(db, "s")
        thread = view.subscribe(handler=events.append)
        at = [c.lower() for c in view.query().columns].index("k")
        for _ in range(12):
            n = rng.choice([1, 5, 5000]) if keys > 100 else rng.randint(1, 6)
            db.insert(
                "t", [(f"a key beyond twelve {rng.randrange(keys)}", rng.randint(-9, 9)) for _ in range(n)]
            )
        have: dict[Any, tuple[Any, ...]] = {}

        def replayed() -> bool:
            have.clear()
            for event in list(events):
                rows = list(event)
                for row in sorted(rows, key=lambda r: r.op != "Delete"):
                    key = row.values[at]
                    if "LIMIT" in sql and row.op == "Insert":
                        have.pop(key, None)
                    assert (key in have) == (row.op != "Insert"), (row, sql)
                    if row.op == "Delete":
                        assert have.pop(key) == row.values
                    else:
                        have[key] = row.values
            return sorted(have.values()) == sorted(view.query())

        wait_for(replayed)
        thread.cancel()
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize("sql", ["sum(v) AS s, count(*) AS n", "count(*) AS n, sum(v) + 1 AS s"])
@pytest.mark.parametrize("emit", ["", " EMIT CHANGES"])
@pytest.mark.parametrize("having", ["", " HAVING sum(v) > 10"])
def test_the_one_row_of_an_aggregate_without_groups(sql: str, emit: str, having: str) -> None:
    rng = random.Random(sql + emit + having)
    with laminardb.open() as db:
        db.execute(f"CREATE TABLE t (v BIGINT); CREATE STREAM s AS SELECT {sql} FROM t{having}{emit}")
        db.start()
        sub = db.subscribe_stream("s", snapshot=True)
        keys = sub._key_columns()
        assert keys is None
        have: tuple[Any, ...] | None = None
        seen = set()
        for _ in range(60):
            if rng.random() < 0.4:
                db.execute("DELETE FROM t WHERE v >= ?", [rng.randint(0, 9)])
            else:
                db.insert("t", [(rng.randint(0, 9),) for _ in range(rng.randint(1, 3))])
            for batch in iter(sub.try_next, None):
                for row in ChangeEvent(batch, keys):
                    seen.add(row.op)
                    assert (have is None) == (row.op == "Insert"), row
                    have = None if row.op == "Delete" else row.values
            assert db.query_stream("s").fetchone() == have
        assert "Update" in seen and (not having or seen == {"Insert", "Update", "Delete"})


def test_rows_of_no_key_stay_rows(db: laminardb.Connection) -> None:
    """More than one row: no row takes the place of another one."""
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT); CREATE STREAM s AS SELECT v FROM t")
    db.start()
    sub = db.subscribe_stream("s")
    assert sub._key_columns() == []
    db.insert("t", (1, 5))
    db.execute("UPDATE t SET v = 6")
    ops = [(row.op, row.values) for batch in iter(sub.try_next, None) for row in ChangeEvent(batch, [])]
    assert ops == [("Insert", (5,)), ("Insert", (6,)), ("Delete", (5,))]


def test_events_and_rows(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (k VARCHAR, v BIGINT)")
    view = laminardb.mv(db, "s", "SELECT k, max(v) AS top FROM t GROUP BY k")
    assert laminardb.mv(db, "S", "SELECT 1").name == "S" and db.list_streams() == ["s"]
    db.start()
    events: list[ChangeEvent] = []
    thread = view.subscribe(events.append)
    assert isinstance(thread, threading.Thread) and thread.daemon and thread.name == "laminardb-handler-s"
    db.insert("t", [("a", 1), ("b", 2)])
    db.insert("t", [("a", 3), ("c", 4)])
    db.insert("t", [("b", 9)])
    wait_for(lambda: len(events) == 3)
    assert [e.op for e in events] == ["Insert", "Update", "Update"]
    assert len(events[1]) == 2 and {r["k"]: r.op for r in events[1]} == {"a": "Update", "c": "Insert"}
    row = events[2][0]
    assert row == ChangeRow("Update", ("b", 9), ["k", "top"]) and row.to_dict() == {"k": "b", "top": 9}
    assert repr(row) == "ChangeRow(Update, {'k': 'b', 'top': 9})" and row[1] == 9 and len(row) == 2
    assert repr(events[2]) == "ChangeEvent(Update, rows=1)" and events[2].position is not None
    assert events[2].to_dicts() == [{"k": "b", "top": 9, "__op": "Update"}]
    with pytest.raises(KeyError):
        row["nope"]
    assert view.schema().names == ["k", "top"] and sorted(view.query("k < 'c'")) == [("a", 3), ("b", 9)]
    assert view.query(where="k = 'a'").fetchall() == [("a", 3)] and view.query(where="").num_rows == 3
    raw = view.subscribe()
    assert isinstance(raw, laminardb.StreamSubscription)
    db.close()
    thread.join(5)
    assert not thread.is_alive()


def test_a_handler_may_use_the_database_and_may_fail(
    db: laminardb.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE SOURCE log (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
    db.start()
    faults: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)

    def handler(event: ChangeEvent) -> None:
        for row in event:
            db.insert("log", {"k": row["k"]})
            if row["k"] == 3:
                raise RuntimeError("three")

    def logged(rows: int) -> bool:
        return db.query("SELECT count(*) FROM log").fetchone() == (rows,)

    thread = laminardb.mv(db, "s").subscribe(handler)
    for k in range(5):
        db.insert("t", {"k": k})
        if k <= 3:
            wait_for(partial(logged, k + 1))
    thread.join(5)
    assert not thread.is_alive() and len(faults) == 1 and faults[0].exc_type is RuntimeError
    with pytest.raises(TypeError, match="callable"):
        laminardb.mv(db, "s").subscribe(42)  # type: ignore[call-overload]
    with pytest.raises(laminardb.SchemaError):
        laminardb.mv(db, "nope").subscribe()


def test_drop_and_close_under_a_handler() -> None:
    for how in ("drop", "close", "cancel"):
        with laminardb.open() as db:
            db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) FROM t GROUP BY k")
            db.start()
            thread = laminardb.mv(db, "s").subscribe(lambda event: None)
            db.insert("t", {"k": 1})
            if how == "drop":
                db.execute("DROP STREAM s")
            elif how == "close":
                db.close()
            else:
                thread.cancel()
            thread.join(5)
            assert not thread.is_alive()
