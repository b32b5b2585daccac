# SPDX-License-Identifier: Apache-2.0
"""Relations: queries under construction, against the same queries written out and against DuckDB."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from typing import Any

import laminardb
import pytest
from laminardb import Relation


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as made:
        made.execute("CREATE SOURCE t (k BIGINT, v BIGINT); CREATE TABLE r (k BIGINT PRIMARY KEY, w VARCHAR)")
        made.insert("t", [(1, 10), (2, 20), (1, 30), (3, 5), (3, 5)])
        made.insert("r", [(1, "one"), (2, "two")])
        yield made


def test_each_method_is_its_sql(db: laminardb.Connection) -> None:
    t = db.table("t")
    for built, sql in (
        (t.filter("v > 5"), "SELECT * FROM t WHERE v > 5"),
        (t.project("v + 1 AS x", "k"), "SELECT v + 1 AS x, k FROM t"),
        (t.select("v"), "SELECT v FROM t"),
        (t.aggregate("sum(v), count(*)"), "SELECT sum(v), count(*) FROM t"),
        (t.aggregate("k, sum(v) AS v", "k"), "SELECT k, sum(v) AS v FROM t GROUP BY k"),
        (t.join("r", "k"), "SELECT * FROM t JOIN r USING (k)"),
        (
            t.join("r", "t.k = r.k AND r.w = 'one'", "left"),
            "SELECT * FROM t LEFT JOIN r ON t.k = r.k AND w = 'one'",
        ),
        (t.alias("a").join(db.table("r").alias("b"), "a.k < b.k"), "SELECT * FROM t JOIN r ON t.k < r.k"),
        (t.join("r", "k", "anti"), "SELECT * FROM t ANTI JOIN r USING (k)"),
        (t.join(t.project("k", "v").distinct(), "k, v", "semi"), "SELECT * FROM t"),
        (t.union(t), "SELECT * FROM t UNION ALL SELECT * FROM t"),
        (t.intersect(t.filter("k = 3")), "SELECT DISTINCT * FROM t WHERE k = 3"),
        (t.except_(t.filter("k = 3")), "SELECT DISTINCT * FROM t WHERE k <> 3"),
        (t.distinct(), "SELECT DISTINCT * FROM t"),
        (t.filter("k = 1").create_view("ones"), "SELECT * FROM t WHERE k = 1"),
    ):
        assert isinstance(built, Relation)
        assert sorted(built.fetchall(), key=repr) == sorted(db.query(sql).fetchall(), key=repr), sql
        assert built.sql_text.startswith("SELECT") and built.explain()
    assert t.order("v DESC", "k").limit(2).fetchall() == [(1, 30), (2, 20)]
    assert t.sort("v").limit(2, 2).fetchall() == [(1, 10), (2, 20)]
    ordered = t.order("v DESC").filter("k <> 2").project("v")
    assert ordered.fetchall() == [(30,), (10,), (5,), (5,)] and ordered.limit(1).fetchall() == [(30,)]


def test_it_equals_duckdb_chain_by_chain() -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    r = random.Random(7)
    rows = {"k": [r.randint(0, 5) for _ in range(200)], "v": [r.randint(-9, 9) for _ in range(200)]}
    with laminardb.open() as db:
        ours = db.sql("SELECT * FROM rows", rows=rows)
        other = duckdb.connect()
        theirs = other.from_arrow(ours.to_arrow())
        for _ in range(150):
            a: Any = ours
            b: Any = theirs
            for _ in range(r.randint(1, 5)):
                match r.choice("filter project distinct union order aggregate limit".split()):
                    case "filter":
                        condition = f"v >= {r.randint(-9, 5)} OR k = {r.randint(0, 5)}"
                        a, b = a.filter(condition), b.filter(condition)
                    case "project":
                        a, b = a.project("k + 1 AS k", "v"), b.project("k + 1 AS k, v")
                    case "distinct":
                        a, b = a.distinct(), b.distinct()
                    case "union":
                        a, b = a.union(a), b.union(b)
                    case "order":
                        a, b = a.order("v DESC", "k"), b.order("v DESC, k")
                    case "aggregate":
                        a = a.aggregate("k, sum(v)::BIGINT AS v", "k")
                        b = b.aggregate("k, sum(v)::BIGINT AS v", "k")
                    case _:
                        n = r.randint(0, 30)
                        a, b = a.order("v DESC", "k").limit(n), b.order("v DESC, k").limit(n)
            assert sorted(a.fetchall()) == sorted(b.fetchall()), a


def test_results_of_sql_begin_over_their_text(db: laminardb.Connection) -> None:
    result = db.sql("SELECT * FROM t WHERE k <= $most -- all\n;", {"most": 2})
    assert type(result) is laminardb.QueryResult and repr(result) == "QueryResult(rows=3, columns=2)"
    dear = result.filter("v > $least", {"least": 10})
    assert isinstance(dear, Relation)
    db.insert("t", (2, 99))
    assert sorted(dear.fetchall()) == [(1, 30), (2, 20), (2, 99)] and len(result) == 3
    db.insert("t", (2, 98))
    assert len(dear) == 3 and len(dear.execute()) == 4 and len(dear) == 4


def test_other_results_begin_over_their_rows(db: laminardb.Connection) -> None:
    result = db.query("SELECT * FROM t")
    db.insert("t", (9, 9))
    assert result.filter("k = 9").fetchall() == [] and len(result.distinct()) == 4
    assert sorted(db.table("r").join(result, "k").project("w", "v").fetchall()) == [
        ("one", 10),
        ("one", 30),
        ("two", 20),
    ]
    with laminardb.open() as far:
        far.execute("CREATE SOURCE x (k BIGINT)")
        far.insert("x", {"k": 2})
        assert db.table("r").join(far.table("x"), "k").fetchall() == [(2, "two")]


def test_objects_of_the_program_go_along(db: laminardb.Connection) -> None:
    def made() -> Any:
        frame = {"k": [1, 2], "x": [0.5, 1.5]}
        assert frame
        return db.sql("SELECT * FROM frame")

    assert made().join("r", "k").order("x DESC").project("w").fetchall() == [("two",), ("one",)]
    assert len(db.relation("SELECT * FROM given", given={"k": [1]}).union(made().project("k"))) == 3
    with pytest.raises(ValueError, match="different ones"):
        db.relation("FROM g", g={"k": [1]}).union(db.relation("FROM g", g={"k": [2]}))
    with pytest.raises(laminardb.QueryError):
        made().live()


def test_it_is_lazy_and_its_errors_are_not(db: laminardb.Connection) -> None:
    ran = len([q for q in db.queries() if not q.sql.startswith("EXPLAIN")])
    lazy = db.relation("SELECT * FROM t").filter("v > 1").order("v").limit(3)
    assert len([q for q in db.queries() if not q.sql.startswith("EXPLAIN")]) == ran
    assert repr(lazy).startswith("Relation(SELECT")
    lazy.fetchall()
    lazy.fetchall()
    assert len([q for q in db.queries() if not q.sql.startswith("EXPLAIN")]) == ran + 1
    wrongs: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: db.relation("SELECT w FROM t"), 'column "w" does not exist'),
        (lambda: db.table("tt"), "did you mean"),
        (lambda: lazy.filter("vv > 1"), 'did you mean "v"'),
        (lambda: lazy.project("nofunction(v)"), "nofunction"),
        (lambda: lazy.order("x"), '"x"'),
        (lambda: lazy.aggregate("k, sum(v)"), "k"),
        (lambda: lazy.join("r", "v"), '"v"'),
        (lambda: lazy.union(db.table("t").project("k")), "column"),
        (lambda: lazy.filter("v >"), "401"),
        (lambda: db.sql("SHOW TABLES").filter("true"), "401"),
    )
    for wrong, said in wrongs:
        with pytest.raises(laminardb.QueryError, match=said):
            wrong()
    refused: tuple[tuple[Callable[[], object], type[Exception]], ...] = (
        (lambda: lazy.filter(1), TypeError),  # type: ignore[arg-type]
        (lambda: lazy.project(), TypeError),
        (lambda: lazy.limit(-1), ValueError),
        (lambda: lazy.limit(True), TypeError),
        (lambda: lazy.alias(5), TypeError),  # type: ignore[arg-type]
        (lambda: lazy.join("r", "k", "outer"), ValueError),  # type: ignore[arg-type]
        (lambda: lazy.join(5, "k"), TypeError),  # type: ignore[arg-type]
    )
    for bad, error in refused:
        with pytest.raises(error):
            bad()


def test_parameters_meet(db: laminardb.Connection) -> None:
    by_place = db.sql("SELECT * FROM t WHERE k = ?", [1])
    assert by_place.order("v").fetchall() == [(1, 10), (1, 30)]
    with pytest.raises(TypeError, match="by name"):
        by_place.filter("v > $x", {"x": 1})
    with pytest.raises(TypeError, match="by name"):
        db.table("t").union(by_place)
    named = db.sql("SELECT * FROM t WHERE k = $k", {"k": 1})
    assert len(named.union(db.sql("SELECT * FROM t WHERE k = $k", {"k": 1}))) == 4
    with pytest.raises(ValueError, match=r"\$k is 1 already"):
        named.union(db.sql("SELECT * FROM t WHERE k = $k", {"k": 2}))


def test_live(db: laminardb.Connection) -> None:
    totals = db.sql("SELECT * FROM t").filter("k < $k", {"k": 3}).aggregate("k, sum(v) AS v", "k")
    sub = totals.live()
    assert isinstance(sub, laminardb.Subscription)
    first = sub.next_timeout(1000)
    assert first is not None and sorted(first) == [(1, 40), (2, 20)]
    db.insert("t", [(1, 1), (3, 1)])
    then = sub.next_timeout(1000)
    assert then is not None and then.fetchall() == [(1, 41)]
    db.start()
    view = totals.create_stream("totals")
    assert isinstance(view, laminardb.MaterializedView)
    db.insert("t", (2, 5))
    assert sorted(db.table("totals")) == [(1, 41), (2, 25)]


def test_it_has_the_surface_of_a_result(db: laminardb.Connection, capsys: Any) -> None:
    result = db.query("SELECT * FROM t ORDER BY v")
    lazy = db.table("t").order("v")
    public = {name for name in dir(laminardb.QueryResult) if not name.startswith("_")}
    assert public - set(dir(Relation)) == {"deleted", "position"}  # of a subscription's results
    for name in ("num_rows", "num_columns", "columns"):
        assert getattr(lazy, name) == getattr(result, name)
    assert lazy.fetchone() == result.fetchone() and lazy.fetchmany(2) == result.fetchmany(2)
    assert lazy.to_dicts() == result.to_dicts() and list(lazy) == list(result) and len(lazy) == 5
    assert bool(db.table("t").filter("false")) and lazy.num_batches == result.num_batches
    lazy.show(2)
    result.show(2)
    out = capsys.readouterr().out
    assert out[: len(out) // 2] == out[len(out) // 2 :] and lazy._repr_html_() == result._repr_html_()
    pyarrow = pytest.importorskip("pyarrow")
    assert pyarrow.table(lazy).equals(result.to_arrow()) and lazy.schema == result.schema


def test_results_do_not_keep_frames_or_leak() -> None:
    class Seen:
        pass

    import weakref

    def call() -> Any:
        seen = Seen()
        ref = weakref.ref(seen)
        with laminardb.open() as made:
            result = made.sql("SELECT 1 AS one")
            result.filter("one = 1").fetchall()
        return ref

    gc.disable()
    try:
        assert call()() is None
    finally:
        gc.enable()
