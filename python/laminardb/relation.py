# SPDX-License-Identifier: Apache-2.0
"""Relation: a query under construction. Each method gives a longer query; it runs when its rows are wanted.

``db.sql`` answers at once with a QueryResult, because that is promised (its repr, len and rows are there) and
because an error belongs to the line that made it. The relational methods of that result begin a Relation
over its *text*, not over its rows: so what is built on it runs as one query, sees rows that came meanwhile,
and can be kept up to date with ``live()``. Where a relation begins without running anything:
``db.relation(sql)`` and ``db.table(name)``. A relation is planned when it is made, so a wrong name is an
error there too.
"""

from __future__ import annotations

from .asking import quoted
from .result import QueryResult, _Relational
from .scan import Resolver
from .shown import Plan

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Literal

    import pandas
    import polars
    import pyarrow

    from .asking import Parameters
    from .changes import MaterializedView
    from .connection import Connection
    from .subscription import Subscription

    JoinKind = Literal["inner", "left", "right", "full", "semi", "anti"]

_BY_POSITION = "parameters by position cannot be joined with others: give them by name ($name)"
_JOINS = ("inner", "left", "right", "full", "semi", "anti")


def relation_of(result: QueryResult) -> Relation:
    """The relation that a result begins: over its text, or else over the rows that it holds."""
    if hasattr(result, "_made_of"):
        return Relation(*result._made_of)
    from .defaults import default_connection

    return Relation(default_connection(), "SELECT * FROM this_result", None, {"this_result": result})


def _listed(parts: tuple[str, ...], what: str) -> str:
    """Column expressions as they stand in a SELECT."""
    for part in parts:
        if not isinstance(part, str):
            raise TypeError(f"{what} takes SQL expressions as str, not {type(part).__name__}")
    if not parts:
        raise TypeError(f"{what} needs at least one SQL expression")
    return ", ".join(parts)


class Relation(_Relational):
    """A query that runs when its rows are wanted, once: fetch, iterate, convert or show it.

    connection, sql, params, objects, inner: what those methods make it of.
    Made by the relational methods of a QueryResult, by :meth:`Connection.relation` and
    :meth:`Connection.table`. Immutable: every method gives another relation. It has all that a QueryResult
    has; the result that it ran to is kept, and ``execute()`` runs it anew. Expressions are SQL texts; values
    go in as parameters by name.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE)")
        >>> _ = db.insert("trades", [("A", 1.0), ("B", 5.0), ("A", 3.0)])
        >>> dear = db.table("trades").filter("price > $least", {"least": 2}).order("price DESC")
        >>> dear.project("symbol", "price * 2 AS twice").fetchall()
        [('B', 10.0), ('A', 6.0)]
        >>> db.table("trades").aggregate("symbol, max(price) AS top", "symbol").order("symbol").fetchall()
        [('A', 3.0), ('B', 5.0)]
    """

    __slots__ = ("_connection", "_inner", "_name", "_objects", "_order", "_params", "_ran", "_sql")

    def __init__(
        self,
        connection: Connection,
        sql: str,
        params: Parameters | None = None,
        objects: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        order: str = "",
        inner: str = "",
    ) -> None:
        self._connection = connection
        self._sql = sql.rstrip("; \t\r\n")
        self._params = params
        self._objects = objects or {}
        self._name = name
        self._order = order  # by which the text ends, and
        self._inner = inner  # the text without it
        self._ran: QueryResult | None = None
        connection._query(f"EXPLAIN {self._sql}", params, self._resolver())

    def _resolver(self) -> Resolver:
        return Resolver(None, self._objects)

    def _relation(self) -> Relation:
        return self

    def _nested(self, sql: str = "", alias: str = "") -> str:
        """The relation as a table of FROM; a comment at its end stays inside."""
        return f"({sql or self._sql}\n) AS {quoted(alias or self._name or 'r')}"

    def _with(self, sql: str, **more: Any) -> Relation:
        params = more.pop("params", self._params)
        objects = more.pop("objects", self._objects)
        return Relation(self._connection, sql, params, objects, name=self._name, **more)

    def _bound(self, params: Mapping[str, Any] | None) -> Parameters | None:
        """The parameters so far with more by name."""
        if not params:
            return self._params
        if self._params is not None and not hasattr(self._params, "keys"):
            raise TypeError(_BY_POSITION)
        mine: dict[str, Any] = dict(self._params or {})
        for key, value in params.items():
            if key in mine and mine[key] is not value and mine[key] != value:
                raise ValueError(f"the parameter ${key} is {mine[key]!r} already and cannot be {value!r}")
            mine[key] = value
        return mine

    # ---- building

    def filter(self, condition: str, params: Mapping[str, Any] | None = None) -> Relation:
        """The rows for which a condition is true; ORDER BY stays. params: by name, for ``$name``.

        Raises:
            QueryError: the condition is wrong, or names what is not there.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.filter("k = $k", {"k": 1}).fetchall()
            [(1, 'a')]
        """
        _listed((condition,), "filter")
        bound = self._bound(params)
        if self._order:
            inner = f"SELECT * FROM {self._nested(self._inner)} WHERE {condition}"
            return self._with(
                f"{inner}\nORDER BY {self._order}", params=bound, order=self._order, inner=inner
            )
        return self._with(f"SELECT * FROM {self._nested()} WHERE {condition}", params=bound)

    def project(self, *expressions: str) -> Relation:
        """Columns made of expressions: ``project("a", "b + 1 AS c")``. ORDER BY stays.

        Raises QueryError: an expression is wrong.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.project("k + 1 AS more").fetchall()
            [(2,), (3,), (3,)]
        """
        shown = _listed(expressions, "project")
        if self._order:
            inner = f"SELECT {shown} FROM {self._nested(self._inner)}"
            return self._with(f"{inner}\nORDER BY {self._order}")
        return self._with(f"SELECT {shown} FROM {self._nested()}")

    select = project

    def aggregate(self, expressions: str, group_by: str = "") -> Relation:
        """One row of aggregates, or one per group: ``aggregate("k, sum(v) AS v", "k")``.

        expressions, group_by: SQL, with commas between. Raises QueryError: an expression is wrong.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.aggregate("k, count(*) AS n", "k").order("k").fetchall()
            [(1, 1), (2, 2)]
        """
        shown = _listed((expressions,), "aggregate")
        tail = f" GROUP BY {group_by}" if group_by else ""
        return self._with(f"SELECT {shown} FROM {self._nested()}{tail}")

    def join(self, other: Relation | QueryResult | str, on: str, how: JoinKind = "inner") -> Relation:
        """The rows of both that belong together.

        other: a relation, a result, or the name of a source, table or stream. on: the name of a column that
        both have, several with commas between, or a condition. In it a side goes by its alias, or the name of
        its table; without one, or where both have the same, the left is ``l`` and the right ``r``. how:
        inner, left, right, full, semi or anti.
        Raises QueryError: a name or the condition is wrong. ValueError: no such `how`.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> _ = db.execute("CREATE TABLE names (k BIGINT, name VARCHAR)")
            >>> _ = db.insert("names", (1, "one"))
            >>> t.join("names", "k").fetchall()
            [(1, 'a', 'one')]
        """
        if how not in _JOINS:
            raise ValueError(f"how must be one of {', '.join(_JOINS)}, not {how!r}")
        _listed((on,), "join")
        right = self._other(other)
        columns = [column.strip() for column in on.split(",")]
        plain = all(column.isidentifier() for column in columns)
        tail = f"USING ({', '.join(map(quoted, columns))})" if plain else f"ON {on}"
        left, second = self._name or "l", right._name or "r"
        if left == second:
            left, second = "l", "r"
        both = f"{self._nested(alias=left)} {how.upper()} JOIN {right._nested(alias=second)}"
        return self._merged(right, f"SELECT * FROM {both} {tail}")

    def union(self, other: Relation | QueryResult | str) -> Relation:
        """The rows of both, all of them: ``distinct()`` behind it drops those that are there twice.

        other: a relation, a result or a name. Raises QueryError: the columns do not go together.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> len(t.union(t))
            6
        """
        return self._set("UNION ALL", other)

    def intersect(self, other: Relation | QueryResult | str) -> Relation:
        """The rows that both have, each once.

        other: a relation, a result or a name. Raises QueryError: the columns do not go together.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.intersect(t.filter("k = 2")).fetchall()
            [(2, 'b')]
        """
        return self._set("INTERSECT", other)

    def except_(self, other: Relation | QueryResult | str) -> Relation:
        """The rows that the other one has not, each once.

        other: a relation, a result or a name. Raises QueryError: the columns do not go together.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.except_(t.filter("k = 2")).fetchall()
            [(1, 'a')]
        """
        return self._set("EXCEPT", other)

    def distinct(self) -> Relation:
        """Each row once.

        Raises ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> len(t.distinct())
            2
        """
        return self._with(f"SELECT DISTINCT * FROM {self._nested()}")

    def order(self, *expressions: str) -> Relation:
        """In an order: ``order("a", "b DESC")``. filter, project and limit keep it, other methods do not.

        expressions: SQL. Raises QueryError: an expression is wrong.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.order("k DESC").fetchone()
            (2, 'b')
        """
        order = _listed(expressions, "order")
        inner = f"SELECT * FROM {self._nested()}"
        return self._with(f"{inner}\nORDER BY {order}", order=order, inner=inner)

    sort = order

    def limit(self, count: int, offset: int = 0) -> Relation:
        """The first `count` rows behind the first `offset` ones.

        Raises ValueError: one of them is negative.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.order("k").limit(1, offset=1).fetchall()
            [(2, 'b')]
        """
        for name, value in (("count", count), ("offset", offset)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} must be an int, not {type(value).__name__}")
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, not {value}")
        text = f"{self._inner}\nORDER BY {self._order}" if self._order else f"SELECT * FROM {self._nested()}"
        return self._with(f"{text}\nLIMIT {count} OFFSET {offset}")

    def alias(self, name: str) -> Relation:
        """The same under a name, by which the conditions of a join call it.

        Raises TypeError: the name is no str.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.alias("a").join(t.alias("b"), "a.k = b.k + 1").num_rows
            2
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be str, not {type(name).__name__}")
        made = self._with(self._sql, order=self._order, inner=self._inner)
        made._name = name
        return made

    def _other(self, other: Relation | QueryResult | str) -> Relation:
        if isinstance(other, str):
            return self._connection.table(other)
        if isinstance(other, Relation | QueryResult):
            made = other._relation()
            if made._connection is self._connection:
                return made
            held = other if isinstance(other, QueryResult) else other.execute()
            name = f"held_{id(held):x}"
            return Relation(self._connection, f"SELECT * FROM {name}", None, {name: held}, name=made._name)
        raise TypeError(
            f"the other side is a Relation, a QueryResult or a table's name, not {type(other).__name__}"
        )

    def _merged(self, other: Relation, sql: str) -> Relation:
        params = other._params
        if params is not None and not hasattr(params, "keys"):
            raise TypeError(_BY_POSITION)
        for name, found in other._objects.items():
            if self._objects.get(name, found) is not found:
                raise ValueError(f'both sides read an object called "{name}", and they are different ones')
        objects = {**self._objects, **other._objects}
        return self._with(sql, params=self._bound(dict(params or {})), objects=objects)

    def _set(self, word: str, other: Relation | QueryResult | str) -> Relation:
        right = self._other(other)
        return self._merged(
            right, f"SELECT * FROM {self._nested()} {word} SELECT * FROM {right._nested(alias='s')}"
        )

    # ---- what becomes of it

    @property
    def sql_text(self) -> str:
        """The query as SQL, with its parameters as they are.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.filter("k = 1").sql_text.splitlines()[0]
            'SELECT * FROM (SELECT * FROM "t"'
        """
        return self._sql

    def explain(self) -> str:
        """Its plan as an operator tree.

        Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> "scan" in t.explain().lower()
            True
        """
        rows = self._connection._query(f"EXPLAIN {self._sql}", self._params, self._resolver())
        return Plan("\n".join(row[0] for row in rows))

    def execute(self) -> QueryResult:
        """Runs it now, whether it has run or not; the result is also what the relation shows from now on.

        Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.execute()
            QueryResult(rows=3, columns=2)
        """
        self._ran = self._connection._query(self._sql, self._params, self._resolver())
        return self._ran

    def live(self, **options: Any) -> Subscription:
        """A subscription: the rows of now, then each change as it happens. options: those of subscribe.

        Raises:
            QueryError: it reads objects of the program, which do not change.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> changes = t.live()
            >>> changes.try_next().num_rows
            3
        """
        return self._connection.subscribe(self._sql, self._params, **options)

    def create_stream(self, name: str) -> MaterializedView:
        """CREATE STREAM name AS this query: kept up to date under a name, by which others read it.

        Raises SchemaError: 201, the name is taken. QueryError: the query does not make one.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> db.start()
            >>> t.aggregate("count(*) AS n").create_stream("counted").query().fetchall()
            [(3,)]
        """
        from .changes import MaterializedView

        self._connection.execute(f"CREATE STREAM {quoted(name)} AS {self._sql}", self._params)
        return MaterializedView(self._connection, name)

    def create_view(self, name: str) -> Relation:
        """CREATE VIEW name AS this query; the relation of that name.

        Raises SchemaError: 201, the name is taken. QueryError: the query does not make one.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.filter("k = 1").create_view("ones").fetchall()
            [(1, 'a')]
        """
        self._connection.execute(f"CREATE VIEW {quoted(name)} AS {self._sql}", self._params)
        return self._connection.table(name)

    # ---- the surface of a QueryResult

    @property
    def _result(self) -> QueryResult:
        return self._ran if self._ran is not None else self.execute()

    @property
    def num_rows(self) -> int:
        """Rows of its result.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.num_rows
            3
        """
        return self._result.num_rows

    @property
    def num_columns(self) -> int:
        """Columns of its result.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.num_columns
            2
        """
        return self._result.num_columns

    @property
    def num_batches(self) -> int:
        """Arrow batches of its result.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.num_batches
            1
        """
        return self._result.num_batches

    @property
    def columns(self) -> list[str]:
        """Column names.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.columns
            ['k', 's']
        """
        return self._result.columns

    @property
    def schema(self) -> Any:
        """As QueryResult.schema.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.schema.names
            ['k', 's']
        """
        return self._result.schema

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows as tuples.

        Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.fetchall()
            [(1, 'a'), (2, 'b'), (2, 'b')]
        """
        return self._result.fetchall()

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row, or None.

        Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.fetchone()
            (1, 'a')
        """
        return self._result.fetchone()

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The first rows.

        size: how many. Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.fetchmany(2)
            [(1, 'a'), (2, 'b')]
        """
        return self._result.fetchmany(size)

    def to_arrow(self) -> pyarrow.Table:
        """As QueryResult.to_arrow.

        Raises QueryError: the query fails. ImportError: the package is missing.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.to_arrow().num_rows  # doctest: +NEEDS_PYARROW
            3
        """
        return self._result.to_arrow()

    arrow = to_arrow

    def to_pandas(self) -> pandas.DataFrame:
        """As QueryResult.to_pandas.

        Raises QueryError: the query fails. ImportError: the package is missing.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> len(t.to_pandas())  # doctest: +NEEDS_PANDAS
            3
        """
        return self._result.to_pandas()

    df = to_pandas

    def to_polars(self, *, lazy: bool = False) -> polars.DataFrame | polars.LazyFrame:
        """As QueryResult.to_polars.

        lazy: a LazyFrame. Raises QueryError: the query fails. ImportError: polars is missing.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.to_polars().height  # doctest: +NEEDS_POLARS
            3
        """
        return self._result.to_polars(lazy=lazy)

    pl = to_polars

    def to_df(self) -> Any:
        """As QueryResult.to_df.

        Raises QueryError: the query fails. ImportError: the package is missing.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> len(t.to_df())  # doctest: +NEEDS_PYARROW
            3
        """
        return self._result.to_df()

    def to_dicts(self) -> dict[str, list[Any]]:
        """As QueryResult.to_dicts.

        Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.to_dicts()
            {'k': [1, 2, 2], 's': ['a', 'b', 'b']}
        """
        return self._result.to_dicts()

    def show(self, max_rows: int = 20) -> None:
        """Prints the first rows as a table.

        max_rows: how many. Raises QueryError: the query fails.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> t = db.table("t")
            >>> t.limit(1).show()
               k  s
            0  1  a
        """
        self._result.show(max_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._result.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._result.__arrow_c_schema__()

    def __len__(self) -> int:
        return len(self._result)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._result)

    def __bool__(self) -> bool:
        return True

    def _repr_html_(self) -> str:
        return self._result._repr_html_()

    def _repr_latex_(self) -> str:
        return self._result._repr_latex_()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {**self._result._repr_mimebundle_(include, exclude), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Relation({' '.join(self._sql.split())})"
