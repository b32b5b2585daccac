# SPDX-License-Identifier: Apache-2.0
"""max(x, n), min(x, n), arg_max(x, y, n), arg_min(x, y, n): the first values of sorted rows, asked once, in
streams that only grow, and in those that take rows back; where none is, n entries of a group are kept."""

import random
from typing import Any

import laminardb
import pytest
from running import some

CALLS = """max(x, 5), min(x, 3), arg_max(s, x, 4), arg_min(s, x, 2), min(DISTINCT x, 4), max(s, 2),
    max(x, 2) FILTER (WHERE x % 2 = 0)"""


def wanted(rows: Any) -> Any:
    xs = sorted(x for x, _ in rows if x is not None)
    by = sorted((x, s) for x, s in rows if x is not None)
    down = sorted(((-x, s) for x, s in rows if x is not None))
    even = [x for x in reversed(xs) if x % 2 == 0]
    lists = (
        xs[::-1][:5],
        xs[:3],
        [s for _, s in down[:4]],
        [s for _, s in by[:2]],
        sorted(set(xs))[:4],
        sorted((s for _, s in rows), reverse=True)[:2],
        even[:2],
    )
    return tuple(v or None for v in lists)


def groups_of(rows: Any) -> Any:
    out: dict[Any, Any] = {}
    for g, x, s in rows:
        out.setdefault(g, []).append((x, s))
    return {g: wanted(v) for g, v in out.items()}


def random_rows(r: random.Random, count: Any) -> Any:
    return [
        (
            r.randrange(12),
            None if r.random() < 0.1 else r.randrange(60),
            f"a text of some length {r.randrange(9)}",
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_asked_once(threads: Any) -> None:
    rows = random_rows(random.Random(threads), 80_000)
    with laminardb.open(config=laminardb.Config(threads=threads)) as db:
        db.execute("CREATE SOURCE t (g BIGINT, x BIGINT, s VARCHAR)")
        db.insert("t", rows)
        found = db.sql(f"SELECT g, {CALLS} FROM t GROUP BY g").fetchall()
    assert {row[0]: row[1:] for row in found} == groups_of(rows)


@pytest.mark.parametrize("seed", range(4))
def test_streams(seed: int) -> None:
    """Of a source, and of a table whose rows go again."""
    r = random.Random(seed)
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (g BIGINT, x BIGINT, s VARCHAR)")
        db.execute("CREATE TABLE u (id BIGINT PRIMARY KEY, g BIGINT, x BIGINT, s VARCHAR)")
        db.execute(f"CREATE STREAM a AS SELECT g, {CALLS} FROM t GROUP BY g")
        db.execute(f"CREATE STREAM b AS SELECT g, {CALLS} FROM u GROUP BY g")
        db.start()
        rows, live = [], {}
        for step in range(12):
            more = random_rows(r, r.choice((1, 5, 300)))
            db.insert("t", more)
            rows += more
            for i, row in enumerate(more):
                live[1000 * step + i] = row
            db.insert("u", [(1000 * step + i, *row) for i, row in enumerate(more)])
            gone = [i for i in live if r.random() < 0.3]
            for i in gone:
                del live[i]
            if gone:
                db.execute(f"DELETE FROM u WHERE id IN ({', '.join(map(str, gone))})")
            for name, of in (("a", rows), ("b", live.values())):
                found = db.sql(f"SELECT * FROM {name}").fetchall()
                assert {row[0]: row[1:] for row in found} == groups_of(of)


def test_a_stream_keeps_no_more() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (g BIGINT, x BIGINT)")
        db.execute("CREATE STREAM s AS SELECT g, max(x, 3) AS best FROM t GROUP BY g")
        db.start()
        sizes: list[int] = []
        for _ in range(3):
            for _ in range(20):
                at = 1000 * len(sizes)
                db.insert(
                    "t",
                    {"g": [i % 10 for i in range(2000)], "x": [at + i * 7919 % 1999 for i in range(2000)]},
                )
            sizes.append(some(db.stream_metrics("s")).state_bytes)
        assert sizes[2] == sizes[0]


def test_a_query_keeps_no_more() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (x BIGINT); INSERT INTO t SELECT * FROM generate_series(1, 1500000)")
        db.execute("SET memory_limit = '40MB'")
        with pytest.raises(MemoryError):
            db.sql("SELECT list_slice(array_agg(x ORDER BY x DESC), 1, 3) FROM t")
        assert db.sql("SELECT max(x, 3), min(x, 2) FROM t").fetchall() == [
            ([1500000, 1499999, 1499998], [1, 2])
        ]
