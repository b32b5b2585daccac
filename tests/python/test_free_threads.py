# SPDX-License-Identifier: Apache-2.0
"""Many threads at the same objects at once, with and without a GIL: no crash, no hang, no row lost or torn.

`make freethreaded` runs these in a Python without a GIL, under ThreadSanitizer."""

from __future__ import annotations

import datetime
import decimal
import random
import threading
from collections.abc import Callable
from typing import Any

import laminardb
import pytest

THREADS = 32


def all_at_once(count: int, work: Callable[[int], object]) -> None:
    """Runs it on so many threads, which begin together; raises what one of them raised."""
    gate = threading.Barrier(count)
    faults: list[BaseException] = []

    def run(at: int) -> None:
        try:
            gate.wait()
            work(at)
        except BaseException as e:
            faults.append(e)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a thread hangs"
    if faults:
        raise faults[0]


def test_subscribe_next_cancel_close() -> None:
    """Each thread does all four in turn on what all share; the last word is a close under their feet."""
    for seed in range(3):
        db = laminardb.open()
        db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
        db.start()
        shared = [db.subscribe_stream("s") for _ in range(4)]

        def work(at: int, db: Any = db, shared: Any = shared, seed: int = seed) -> None:
            r = random.Random(1000 * seed + at)
            try:
                for i in range(20):
                    what = r.choice(("insert", "own", "shared", "cancel", "query"))
                    if what == "insert":
                        db.insert("t", {"k": [at, i]})
                    elif what == "own":
                        own = db.subscribe("SELECT * FROM s")
                        own.next_timeout(1)
                        own.cancel()
                        assert own.next() is None
                    elif what == "shared":
                        r.choice(shared).next_timeout(1)
                    elif what == "cancel" and i > 15:
                        r.choice(shared).cancel()
                    else:
                        db.query("SELECT sum(n) FROM s").fetchall()
                if at == 0:
                    db.close()
            except (laminardb.ConnectionError, laminardb.QueryError) as e:
                assert e.code in (101, 402)  # closed, or cancelled by the close

        all_at_once(THREADS, work)
        db.close()
        for sub in shared:
            while sub.next() is not None:  # what it had before the end
                pass
            assert not sub.is_active


def test_one_connection_many_sources() -> None:
    """The appender that a connection keeps goes from hand to hand."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE a (k BIGINT); CREATE SOURCE b (k BIGINT); CREATE TABLE c (k BIGINT)")

        def work(at: int) -> None:
            for i in range(60):
                db.insert("abc"[(at + i) % 3], {"k": i})
                if at == 0 and i % 10 == 0:
                    db.execute(f"CREATE OR REPLACE VIEW v AS SELECT {i} AS i")

        all_at_once(8, work)
        counts = [db.query(f"SELECT count(*), sum(k) FROM {t}").fetchone() for t in "abc"]
        assert (sum(c[0] for c in counts if c), sum(c[1] for c in counts if c)) == (8 * 60, 8 * 1770)


def test_what_is_inserted_changes_meanwhile() -> None:
    """Lists and dicts that another thread writes to: each insert is of some state, or refused as a whole."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        columns: dict[str, list[Any]] = {"k": [1] * 50, "s": ["x"] * 50}
        row: dict[str, Any] = {"k": 1, "s": "x"}
        stop = threading.Event()
        inserted = 0

        def work(at: int) -> None:
            nonlocal inserted
            if at == 0:
                for i in range(3000):
                    columns["k"].append(1)
                    columns["s"].append("x" * (i % 30))
                    columns["k"].pop()
                    columns["s"].pop()
                    row["s"] = "y" * (i % 40)
                stop.set()
                return
            while not stop.is_set():
                try:
                    count = db.insert("t", columns if at == 1 else row)
                except (laminardb.IngestionError, RuntimeError, TypeError):
                    continue  # columns of different lengths, or a dict that changed
                if at == 1:
                    inserted += count

        all_at_once(3, work)
        total = db.query("SELECT count(*) FROM t").fetchone()
        assert total is not None and total[0] >= inserted
        assert db.query("SELECT DISTINCT k FROM t").fetchall() == [(1,)]


def test_values_of_all_kinds_at_once() -> None:
    """The classes of values are found by whoever needs them first; results are read by all."""
    with laminardb.open() as db:
        result = db.query(
            "SELECT 1.25::DECIMAL(9, 2) AS d, '2024-01-31 09:30:00'::TIMESTAMP AS t, INTERVAL '1' MONTH AS i,"
            " '00000000-0000-0000-0000-000000000001'::UUID AS u, [1, 2] AS l FROM range(50)"
        )

        def work(at: int) -> None:
            rows = result.fetchall()
            assert len(rows) == 50 and len(set(map(str, rows))) == 1
            assert rows[0][0] == decimal.Decimal("1.25")
            assert rows[0][1] == datetime.datetime(2024, 1, 31, 9, 30)
            assert result.to_dicts()["l"] == [[1, 2]] * 50
            assert db.query("SELECT $d AS d", {"d": decimal.Decimal(at)}).fetchone() == (at,)

        all_at_once(8, work)


@pytest.mark.parametrize("wait", [True, False])
def test_rows_arrive_once_and_in_order(wait: bool) -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (who BIGINT, n BIGINT)")
        db.start()
        changes = db.subscribe("SELECT who, n FROM t")

        def work(at: int) -> None:
            for i in range(100):
                db.insert("t", {"who": at, "n": i}, wait=wait)

        all_at_once(8, work)
        db.flush()
        seen: dict[int, list[int]] = {at: [] for at in range(8)}
        while (batch := changes.try_next()) is not None:
            for who, n in batch.fetchall():
                seen[who].append(n)
        assert seen == {at: list(range(100)) for at in range(8)}
