# SPDX-License-Identifier: Apache-2.0
"""WHERE key = constant and key IN (constants) find their rows by the table's index, or leave segments out:
with the same answer as the scan of a table without keys."""

import random
from collections.abc import Callable

import laminardb
import pytest

TYPES: dict[str, Callable[[int], str]] = {
    "BIGINT": lambda i: str(i),
    "SMALLINT": lambda i: str(i),
    "VARCHAR": lambda i: f"'a text that is longer than {i}'",
    "DOUBLE": lambda i: f"{i}.5",
    "DECIMAL(20, 3)": lambda i: f"{i}.125",
    "DATE": lambda i: f"DATE '2024-01-01' + {i}",
    "UUID": lambda i: f"CAST('00000000-0000-0000-0000-{i:012d}' AS UUID)",
}


@pytest.mark.parametrize("sql_type", TYPES)
def test_lists_of_keys(sql_type: str) -> None:
    rng = random.Random(sql_type)
    text = TYPES[sql_type]
    with laminardb.open() as db:
        db.execute(
            f"CREATE TABLE keyed (k {sql_type} PRIMARY KEY, v BIGINT);"
            f"CREATE TABLE plain (k {sql_type}, v BIGINT);"
            f"CREATE TABLE pairs (k {sql_type}, v BIGINT, PRIMARY KEY (k, v));"
            f"CREATE SOURCE rows (k {sql_type}, v BIGINT)"
        )
        for start in range(0, 3000, 1500):
            rows = ", ".join(f"({text(i)}, {i % 7})" for i in range(start, start + 1500))
            for name in ("keyed", "plain", "pairs", "rows"):
                db.execute(f"INSERT INTO {name} VALUES {rows}")
        for name in ("keyed", "plain", "pairs"):
            db.execute(f"DELETE FROM {name} WHERE v = 3")
            db.execute(f"UPDATE {name} SET v = v + 10 WHERE v = 4")
        for _ in range(60):
            items = [text(rng.randint(0, 3050)) for _ in range(rng.choice((1, 2, 5, 40)))]
            items += rng.choice(([], ["NULL"], items[:2]))
            rng.shuffle(items)
            choice = f"k IN ({', '.join(items)})"
            where = rng.choice(
                (choice, f"{choice} AND v > 1", f"v = 2 AND {choice}", f"NOT {choice}", f"k = {items[0]}")
            )
            answers = [
                sorted(db.query(f"SELECT k, v FROM {name} WHERE {where}").fetchall())
                for name in ("plain", "keyed", "pairs")
            ]
            assert answers[0] == answers[1] == answers[2], where
            every = db.query(f"SELECT count(*) FROM rows WHERE {where}").fetchall()
            assert every == db.query(f"SELECT count(*) FILTER (WHERE {where}) FROM rows").fetchall(), where


def test_a_list_of_keys_reads_no_more() -> None:
    with laminardb.open() as db:
        db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)")
        db.insert("t", {"k": list(range(5000)), "v": [1] * 5000})
        plan = db.explain("SELECT * FROM t WHERE k IN (7, 4999, 7, 123456, NULL)", analyze=True)
        scan = next(line for line in plan.splitlines() if "Scan t" in line)
        assert "rows: 2," in scan
