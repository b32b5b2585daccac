# SPDX-License-Identifier: Apache-2.0
"""The frames of a live table: what a page is given when it asks, without a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import laminardb
import pytest
from laminardb.widget import ROWS, LiveTable

GROUPED = "SELECT k, count(*) AS n FROM t GROUP BY k"
SHOWN: dict[str, Callable[[laminardb.Connection], Any]] = {
    "a stream with keys": lambda db: laminardb.mv(db, "n"),
    "a subscription of it": lambda db: db.subscribe_stream("n"),
    "a grouped query": lambda db: db.relation(GROUPED).live(),
    "a filter": lambda db: db.relation("SELECT k, s FROM t WHERE k > 0").live(),
    "a stream without keys": lambda db: laminardb.mv(db, "f"),
    "one row": lambda db: db.subscribe("SELECT count(*) AS n FROM t"),
    "a top": lambda db: db.subscribe("SELECT k, s FROM t ORDER BY k DESC LIMIT 2"),
    "changes": lambda db: db.subscribe(GROUPED + " EMIT CHANGES"),
}
AFTER = {  # the rows of the frame after (1, a), (2, b) and then (2, c)
    "a stream with keys": [["1", "1"], ["2", "2"]],
    "a subscription of it": [["1", "1"], ["2", "2"]],
    "a grouped query": [["1", "1"], ["2", "2"]],
    "a filter": [["2", "c"], ["2", "b"], ["1", "a"]],
    "a stream without keys": [["2", "c"], ["2", "b"], ["1", "a"]],
    "one row": [["3"]],
    "a top": [["2", "b"], ["2", "c"]],
    "changes": [["2", "2", "1"], ["2", "1", "-1"], ["2", "1", "1"], ["1", "1", "1"]],
}


@pytest.fixture
def filled(db: laminardb.Connection) -> laminardb.Connection:
    db.execute(f"CREATE SOURCE t (k BIGINT, s VARCHAR); CREATE STREAM n AS {GROUPED}")
    db.execute("CREATE STREAM f AS SELECT k, s FROM t WHERE k > 0")
    db.start()
    db.insert("t", [(1, "a"), (2, "b")])
    return db


@pytest.mark.parametrize("name", SHOWN)
def test_frames(filled: laminardb.Connection, name: str) -> None:
    table = LiveTable(SHOWN[name](filled))
    first = table.frame()
    json.dumps(first)
    assert first["kind"] == "frame" and not first.get("failed") and first["rows"], first
    filled.insert("t", (2, "c"))
    second = table.frame()
    assert second["rows"] == AFTER[name]
    assert len(second["ids"]) == len(set(second["ids"])) == len(second["rows"])
    assert set(first["ids"]) <= set(second["ids"]) or name == "a top"
    assert second["rate"] > 0 and second["wait"] >= 60
    assert table.frame()["rows"] == second["rows"], "nothing has changed"


def test_a_frame_is_bounded_whatever_comes(filled: laminardb.Connection) -> None:
    tables = [LiveTable(made(filled)) for made in SHOWN.values()]
    for start in range(0, 20_000, 1000):
        filled.insert("t", {"k": list(range(start, start + 1000)), "s": ["x" * 10_000] * 1000})
    for table in tables:
        made = table.frame()
        assert len(made["rows"]) <= ROWS and len(json.dumps(made)) < 100_000
        assert not made.get("failed"), made["note"]


def test_keys_that_leave(filled: laminardb.Connection) -> None:
    filled.execute("CREATE TABLE u (k BIGINT PRIMARY KEY)")
    filled.insert("u", [(1,), (2,)])
    table = LiveTable(filled.subscribe("SELECT k, count(*) AS n FROM u GROUP BY k"))
    assert len(table.frame()["rows"]) == 2
    filled.execute("DELETE FROM u WHERE k = 1")
    assert table.frame()["rows"] == [["2", "1"]]


def test_many_keys(filled: laminardb.Connection) -> None:
    """The last row of each key, however many changes there were of others."""
    table = LiveTable(filled.subscribe("SELECT k, s, count(*) AS n FROM t GROUP BY k, s"))
    single = LiveTable(filled.subscribe("SELECT k, count(*) AS n FROM t GROUP BY k"))
    for round in range(12):
        filled.insert("t", {"k": list(range(5000)), "s": ["a"] * 5000})
        if round % 3 == 0:
            table.frame()
            single.frame()
    assert table.frame()["rows"] == [["1", "a", "13"], ["2", "b", "1"]] + [
        [str(k), "a", "12"] for k in (0, *range(2, ROWS - 1))
    ]
    found = single.frame()["rows"]
    assert found == [["1", "13"], ["2", "13"]] + [[str(k), "12"] for k in (0, *range(3, ROWS))]


def test_all_tables_share_one_budget(filled: laminardb.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at together may be asked for less often, and sending counts."""
    monkeypatch.setattr(LiveTable, "_costs", {})
    used = 0.0
    monkeypatch.setattr("laminardb.widget.time.thread_time", lambda: used)

    def put(_: object) -> None:
        nonlocal used
        used += 0.004

    one, two = (LiveTable(laminardb.mv(filled, "n")) for _ in range(2))
    one.send(put, 1)
    assert one.frame()["wait"] == pytest.approx(22 * 4)
    two.send(put, 2)
    two.send(put, 2)
    assert one.frame()["wait"] == two.frame()["wait"] == pytest.approx(22 * 8)


def test_freezing_and_the_end(filled: laminardb.Connection) -> None:
    table = LiveTable(laminardb.mv(filled, "n"))
    table.frame()
    assert sorted(table.freeze().fetchall()) == [(1, 1), (2, 1)]
    filled.execute("DROP STREAM n")
    assert table.frame()["over"]
    live = LiveTable(filled.subscribe("SELECT k FROM t"))
    assert live.frame()["rows"]
    filled.close()
    assert live.frame()["over"]


def test_without_a_page_it_is_a_table(filled: laminardb.Connection) -> None:
    for name, made in SHOWN.items():
        shown = made(filled)
        bundle = shown._repr_mimebundle_()
        assert list(bundle) == ["text/plain", "text/html"] and "<table" in bundle["text/html"]
        if name == "changes":  # there is no query of them
            assert "__weight" in bundle["text/html"] and shown.try_next() is not None, "it was not read"
    gone = filled.subscribe("SELECT k FROM t")
    gone.cancel()
    assert "<table" in gone._repr_html_()
