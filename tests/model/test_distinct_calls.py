# SPDX-License-Identifier: Apache-2.0
"""Calls with DISTINCT over the same columns share what is looked up: with and without FILTERs, before and
behind the call that has none, more of them than marks have bits, by numbers and texts, NULLs among them.
Against sets, for any split, through reloads, streams made late, one-off queries and inputs that retract."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import laminardb
import pytest
from laminardb.testing import reload

Row = tuple[int, int | None, str | None, int | None]
FILTERS: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    ("f < 2", lambda r: r[3] is not None and r[3] < 2),
    ("f >= 2", lambda r: r[3] is not None and r[3] >= 2),
    ("f IS NULL", lambda r: r[3] is None),
    ("n % 2 = 0", lambda r: r[1] is not None and r[1] % 2 == 0),
    ("g > 0", lambda r: r[0] > 0),
    ("", lambda r: True),
    ("", lambda r: True),
)


def calls(rng: random.Random, count: int) -> list[tuple[str, Callable[[Iterable[Row]], Any]]]:
    made: list[tuple[str, Callable[[Iterable[Row]], Any]]] = []
    for _ in range(count):
        column = rng.choice((1, 1, 2))
        name, text = ("count", "sum", "max")[rng.randrange(3) if column == 1 else 0], "gntf"[column]
        condition, passes = rng.choice(FILTERS)

        def value(rows: Iterable[Row], column: int = column, name: str = name, passes: Any = passes) -> Any:
            values = {r[column] for r in rows if r[column] is not None and passes(r)}
            if name == "count":
                return len(values)
            best: Any = sum if name == "sum" else max
            return best(values) if values else None

        behind = f" FILTER (WHERE {condition})" if condition else ""
        made.append((f"{name}(DISTINCT {text}){behind}", value))
    return made


def random_row(rng: random.Random, values: int) -> Row:
    n = None if rng.random() < 0.1 else rng.randrange(values)
    t = None if rng.random() < 0.1 else f"text number {rng.randrange(values)}"[rng.choice((0, 5)) :]
    return rng.randrange(3), n, t, rng.choice((None, 0, 1, 2, 3))


@pytest.mark.parametrize("seed", range(40))
def test_calls_of_the_same_columns(seed: int) -> None:
    rng = random.Random(seed)
    made = calls(rng, rng.choice((2, 4, 12)))
    columns = ", ".join(f"{text} AS c{i}" for i, (text, _) in enumerate(made))
    sql = f"SELECT g, {columns} FROM {{}} GROUP BY g"
    values, rows = rng.choice((5, 60, 4000)), list[Row]()

    def check(db: laminardb.Connection, names: Iterable[str]) -> None:
        want = {g: [f([r for r in rows if r[0] == g]) for _, f in made] for g in {r[0] for r in rows}}
        for query in [f"SELECT * FROM {name}" for name in names] + [sql.format("t")]:
            assert {r[0]: list(r[1:]) for r in db.query(query).fetchall()} == want, query

    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (g BIGINT, n BIGINT, t VARCHAR, f BIGINT)")
        db.execute("CREATE TABLE k (id BIGINT PRIMARY KEY, g BIGINT, n BIGINT, t VARCHAR, f BIGINT)")
        db.execute(f"CREATE STREAM s AS {sql.format('t')}; CREATE STREAM changing AS {sql.format('k')}")
        db.start()
        for _ in range(12):
            batch = [random_row(rng, values) for _ in range(rng.choice((1, 2, 40, 1000)))]
            db.insert("t", batch)
            db.insert("k", [(len(rows) + i, *row) for i, row in enumerate(batch)])
            rows += batch
            if rng.random() < 0.3:
                reload(db)
            check(db, ("s", "changing"))
        db.execute(f"CREATE STREAM late AS {sql.format('t')}")
        check(db, ("s", "late"))
        gone = rng.sample(range(len(rows)), len(rows) // 3)
        db.execute(f"DELETE FROM k WHERE id IN ({', '.join(map(str, gone)) or 'NULL'})")
        kept = sorted(db.query("SELECT * FROM changing").fetchall(), key=repr)
        assert kept == sorted(db.query(sql.format("k")).fetchall(), key=repr)
