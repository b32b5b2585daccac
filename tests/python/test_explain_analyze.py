# SPDX-License-Identifier: Apache-2.0
"""EXPLAIN ANALYZE: what each operator did, with the same rows for any number of threads."""

from __future__ import annotations

import re
from collections.abc import Iterator

import laminardb
import pytest

ROWS = 120_000
LINE = re.compile(
    r"^ *(?P<name>[A-Z]\w+).*\[[\w\-, ]+\](?:  about (?P<about>\d+) rows?)?"
    r"  rows: (?P<out>\d+)(?: of (?P<into>\d+))?, "
    r"time: [\d.]+ ms, memory: [\d.]+ (?:B|KiB|MiB)$"
)
TOTAL = re.compile(r"^Total  rows: (\d+), time: ([\d.]+) ms, threads: at most (\d+)$")


@pytest.fixture(scope="module")
def filled() -> Iterator[laminardb.Connection]:
    with laminardb.open() as db:
        db.execute(
            "CREATE SOURCE t (id BIGINT, k BIGINT); CREATE SOURCE d (k BIGINT, name VARCHAR);"
            "INSERT INTO d SELECT i, 'n' || i FROM generate_series(1, 50) AS q(i);"
            f"INSERT INTO t SELECT i, i % 100 FROM generate_series(1, {ROWS}) AS q(i)"
        )
        yield db


def counts(text: str) -> list[tuple[str, int, int]]:
    lines = text.splitlines()
    assert TOTAL.match(lines[-1]), lines[-1]
    found = []
    for line in lines[:-1]:
        m = LINE.match(line)
        assert m, line
        found.append((m["name"], int(m["into"] or m["out"]), int(m["out"])))
    return found


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (
            "SELECT name, count(*) FROM t JOIN d USING (k) WHERE id > 100 GROUP BY 1 ORDER BY 2 DESC LIMIT 3",
            [
                ("Top", 50, 3),
                ("Aggregate", 59950, 50),
                ("Inner", 119950, 59950),
                ("Filter", ROWS, 119900),
                ("Scan", ROWS, ROWS),
                ("Scan", 50, 50),
            ],
        ),
        ("SELECT count(DISTINCT id) FROM t", [("Aggregate", ROWS, 1), ("Scan", ROWS, ROWS)]),
        ("SELECT DISTINCT k FROM t", [("Distinct", ROWS, 100), ("Scan", ROWS, ROWS)]),
        ("SELECT DISTINCT id FROM t", [("Distinct", ROWS, ROWS), ("Scan", ROWS, ROWS)]),
        (
            "SELECT id FROM t WHERE k = 7 ORDER BY id DESC",
            [("Sort", 1200, 1200), ("Project", 1200, 1200), ("Filter", ROWS, 1200), ("Scan", ROWS, ROWS)],
        ),
    ],
)
def test_rows(
    filled: laminardb.Connection, sql: str, wanted: list[tuple[str, int, int]], threads: int
) -> None:
    filled.execute(f"SET threads = {threads}")
    assert counts(filled.explain(sql, analyze=True)) == wanted
    rows = filled.sql(f"EXPLAIN ANALYZE {sql}")
    assert rows.columns == ["plan"]
    assert counts("\n".join(row[0] for row in rows)) == wanted


def test_steps_of_a_recursion_add_up(filled: laminardb.Connection) -> None:
    sql = "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 10) SELECT * FROM r"
    assert ("Filter", 10, 9) in counts(filled.explain(sql, analyze=True))


def test_plan_is_that_of_explain(filled: laminardb.Connection) -> None:
    sql = "SELECT k, count(*) FROM t WHERE id % 2 = 0 GROUP BY k HAVING count(*) > 1"
    plain = filled.explain(sql).splitlines()
    ran = filled.explain(sql, analyze=True).splitlines()[:-1]
    assert [line.split("  rows: ")[0] for line in ran] == plain


def test_parameters_and_faults(filled: laminardb.Connection) -> None:
    assert "id > 5" in filled.explain("SELECT * FROM t WHERE id > ? AND id < 9", [5], analyze=True)
    with pytest.raises(laminardb.QueryError, match="EMIT is for streams"):
        filled.explain("SELECT k, count(*) FROM t GROUP BY k EMIT CHANGES", analyze=True)
    with pytest.raises(laminardb.QueryError, match="out of range|overflow"):
        filled.sql("EXPLAIN ANALYZE SELECT id + 9223372036854775807 FROM t")
    assert filled.sql("SELECT count(*) FROM t").fetchall() == [(ROWS,)]


def test_estimates(filled: laminardb.Connection) -> None:
    plan = filled.explain("SELECT k, count(*) FROM t WHERE id > 5 GROUP BY k").splitlines()
    assert plan[-1].endswith(f"about {ROWS} rows")
    about = [int(line.split("  about ")[1].split()[0]) for line in plan]
    assert about == sorted(about) and about[0] == 100
    assert "about" not in filled.explain("SELECT 1")
    assert "about" not in filled.explain("SELECT k, count(*) FROM t GROUP BY k EMIT CHANGES")
