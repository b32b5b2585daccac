# SPDX-License-Identifier: Apache-2.0
"""Windows in FROM without a GROUP BY: a stream leaves out the same pairs of row and window whenever it was
made and however it is read: by its rows, by changes, by a stream above, after a reload."""

from __future__ import annotations

import random
from collections import Counter

import laminardb
import pytest
from laminardb.testing import reload
from naive import Naive, Row, Shape

CASES = 150
PER_TEST = 50


def run(db: laminardb.Connection, seed: int) -> None:
    r = random.Random(seed)
    if r.random() < 0.7:
        slide = r.choice((1, 3, 5))
        ref = Naive(Shape("hop", slide * r.randint(1, 4), slide, r.choice((0, 2))), r.choice((0, 4)), 0)
        call = f"HOP(t, ts, {ref.shape.slide}, {ref.shape.size}, {ref.shape.offset})"
    else:
        ref = Naive(Shape("cumulate", 12, 4), r.choice((0, 4)), 0)
        call = "CUMULATE(t, ts, 4, 12)"
    where = r.choice(("", " WHERE window_start % 2 = 0"))
    query = f"SELECT k, v, window_start AS w, window_end AS e FROM {call}{where} EMIT CHANGES"
    db.execute(f"CREATE SOURCE t (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - {ref.delay})")
    db.start()
    changes: Counter[tuple[object, ...]] = Counter()
    made_at, sub, now = r.choice((0, 0, 9)), None, 0
    for step in range(r.randint(10, 30)):
        if step == made_at:
            db.execute(f"CREATE STREAM s AS {query}")
            db.execute("CREATE STREAM above AS SELECT w, count(*) AS n FROM s GROUP BY w")
            sub = db.subscribe_stream("s", snapshot=True)
        rows: list[Row] = []
        for _ in range(r.choice((1, 1, 4))):
            now += r.choice((0, 1, 3, 9))
            rows.append((now - r.choice((0, 0, 2, 9, 25)), r.choice((1, 2)), r.randint(0, 3)))
        ref.insert(rows)
        db.insert("t", [(t, f"a key that is long enough: {k}", v) for t, k, v in rows])
        if r.random() < 0.2:
            reload(db)
        if sub is None:
            continue
        pairs = [(f"a key that is long enough: {k}", v, *w) for _, k, v, ws in ref.rows for w in ws]
        want = Counter(p for p in pairs if not where or p[2] % 2 == 0)
        assert Counter(db.sql("SELECT * FROM s").fetchall()) == want
        assert dict(db.sql("SELECT * FROM above").fetchall()) == Counter(p[2] for p in want.elements())
        while (batch := sub.try_next()) is not None:
            for *row, weight in batch.fetchall():
                changes[tuple(row)] += weight
        assert changes == want
        metrics = db.stream_metrics("s")
        assert metrics is not None and metrics.late_rows == ref.late


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_pairs_of_row_and_window(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        with laminardb.open() as db:
            try:
                run(db, seed)
            except Exception as e:
                e.add_note(f"seed {seed}")
                raise
