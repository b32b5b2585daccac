# SPDX-License-Identifier: Apache-2.0
"""QueryResult and ExecuteResult: what statements give."""

from __future__ import annotations

from . import _laminardb
from .shown import Shown, chosen

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    import pandas
    import polars
    import pyarrow

    from .asking import Parameters
    from .connection import Connection
    from .relation import JoinKind, Relation
    from .subscription import Subscription

    Origin = tuple[Connection, str, Parameters | None, Mapping[str, Any]]


_SHOWN = 60  # rows that a notebook shows


class _Relational:
    """What begins or goes on with a Relation; see laminardb.Relation."""

    __slots__ = ()

    def _relation(self) -> Relation:
        raise NotImplementedError

    def filter(self, condition: str, params: Mapping[str, Any] | None = None) -> Relation:
        """Relation.filter of the query that this is of.

        condition, params: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.filter("k = $k", {"k": 1}).fetchall()
            [(1, 'a')]
        """
        return self._relation().filter(condition, params)

    def project(self, *expressions: str) -> Relation:
        """Relation.project of the query that this is of.

        expressions: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.project("k + 1 AS more").fetchall()
            [(2,), (3,), (3,)]
        """
        return self._relation().project(*expressions)

    def select(self, *expressions: str) -> Relation:
        """Relation.select of the query that this is of.

        expressions: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.select("k").fetchall()
            [(1,), (2,), (2,)]
        """
        return self._relation().select(*expressions)

    def aggregate(self, expressions: str, group_by: str = "") -> Relation:
        """Relation.aggregate of the query that this is of.

        expressions, group_by: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.aggregate("k, count(*) AS n", "k").order("k").fetchall()
            [(1, 1), (2, 2)]
        """
        return self._relation().aggregate(expressions, group_by)

    def join(self, other: Relation | QueryResult | str, on: str, how: JoinKind = "inner") -> Relation:
        """Relation.join of the query that this is of.

        other, on, how: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> _ = db.execute("CREATE TABLE names (k BIGINT, name VARCHAR)")
            >>> _ = db.insert("names", (1, "one"))
            >>> result.join("names", "k").fetchall()
            [(1, 'a', 'one')]
        """
        return self._relation().join(other, on, how)

    def union(self, other: Relation | QueryResult | str) -> Relation:
        """Relation.union of the query that this is of.

        other: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> len(result.union("t"))
            6
        """
        return self._relation().union(other)

    def intersect(self, other: Relation | QueryResult | str) -> Relation:
        """Relation.intersect of the query that this is of.

        other: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.intersect(result.filter("k = 2")).fetchall()
            [(2, 'b')]
        """
        return self._relation().intersect(other)

    def except_(self, other: Relation | QueryResult | str) -> Relation:
        """Relation.except_ of the query that this is of.

        other: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.except_(result.filter("k = 2")).fetchall()
            [(1, 'a')]
        """
        return self._relation().except_(other)

    def distinct(self) -> Relation:
        """Relation.distinct of the query that this is of.

        Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> len(result.distinct())
            2
        """
        return self._relation().distinct()

    def order(self, *expressions: str) -> Relation:
        """Relation.order of the query that this is of.

        expressions: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.order("k DESC").fetchone()
            (2, 'b')
        """
        return self._relation().order(*expressions)

    def sort(self, *expressions: str) -> Relation:
        """Relation.sort of the query that this is of.

        expressions: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.sort("k DESC").fetchone()
            (2, 'b')
        """
        return self._relation().sort(*expressions)

    def limit(self, count: int, offset: int = 0) -> Relation:
        """Relation.limit of the query that this is of.

        count, offset: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.order("k").limit(1, offset=1).fetchall()
            [(2, 'b')]
        """
        return self._relation().limit(count, offset)

    def alias(self, name: str) -> Relation:
        """Relation.alias of the query that this is of.

        name: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> result.alias("a").join(result.alias("b"), "a.k = b.k + 1").num_rows
            2
        """
        return self._relation().alias(name)

    def live(self, **options: Any) -> Subscription:
        """Relation.live of the query that this is of.

        options: as there. Raises what that does.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> result = db.sql("SELECT * FROM t")
            >>> changes = result.live()
            >>> changes.try_next().num_rows
            3
        """
        return self._relation().live(**options)


class QueryResult(_laminardb.Result, _Relational):
    """A finished, immutable set of rows.

    Its relational methods (filter, project, aggregate, join, order, limit, live and so on) begin a Relation:
    a further query over the text that a result of ``sql`` came of, over the rows of any other result.

    fetch*, iteration, show and to_dicts need no package; to_arrow needs pyarrow, to_pandas pandas, to_polars
    polars. Anything that speaks the Arrow PyCapsule protocol takes it as it is: ``pyarrow.table(result)``,
    ``polars.DataFrame(result)``, ``duckdb.sql("FROM result")``.

    Example:
        >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
        >>> result, result.fetchall()
        (QueryResult(rows=2, columns=2), [(1, 'x'), (2, 'y')])
    """

    __slots__ = ("_made_of",)

    _made_of: Origin  # of results of sql alone

    def _relation(self) -> Relation:
        from .relation import relation_of

        return relation_of(self)

    @property
    def schema(self) -> Any:
        """The Arrow schema: a pyarrow.Schema when pyarrow is installed, else laminardb.types.Schema.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> result.schema.names
            ['a', 'b']
        """
        from .types import Schema

        return Schema._best(self.__arrow_c_schema__())

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow.Table that shares the result's memory.

        Raises ImportError: pyarrow is missing.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> result.to_arrow().num_rows  # doctest: +NEEDS_PYARROW
            2
        """
        import pyarrow

        return pyarrow.RecordBatchReader.from_stream(self).read_all()

    arrow = to_arrow

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas DataFrame (through pyarrow when it is installed).

        Raises ImportError: pandas is missing.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> len(result.to_pandas())  # doctest: +NEEDS_PANDAS
            2
        """
        import pandas

        try:
            import pyarrow  # noqa: F401
        except ImportError:
            return pandas.DataFrame({i: self._column(i) for i in range(self.num_columns)}).set_axis(
                self.columns, axis=1
            )
        return self.to_arrow().to_pandas()

    df = to_pandas

    def to_polars(self, *, lazy: bool = False) -> polars.DataFrame | polars.LazyFrame:
        """A polars DataFrame, or a LazyFrame with lazy=True.

        Raises ImportError: polars is missing.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> result.to_polars().height  # doctest: +NEEDS_POLARS
            2
        """
        import polars

        frame = polars.DataFrame(self)
        return frame.lazy() if lazy else frame

    pl = to_polars

    def to_df(self) -> Any:
        """The best frame there is: polars, else pandas, else pyarrow.

        Raises ImportError: none of them is installed.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> len(result.to_df())  # doctest: +NEEDS_PYARROW
            2
        """
        for convert in (self.to_polars, self.to_pandas):
            try:
                return convert()
            except ImportError:
                continue
        return self.to_arrow()

    def to_dicts(self) -> dict[str, list[Any]]:
        """One dict of lists: column name to values. Of equally named columns the last one stays.

        Cannot fail.

        Example:
            >>> laminardb.open().query("SELECT 1 AS a, 2 AS b").to_dicts()
            {'a': [1], 'b': [2]}
        """
        return {name: self._column(i) for i, name in enumerate(self.columns)}

    def show(self, max_rows: int = 20) -> None:
        """Prints the first rows as a table.

        max_rows: how many are shown. Cannot fail but by its writing.

        Example:
            >>> laminardb.open().query("SELECT 1 AS a, 'x' AS b").show()
               a  b
            0  1  x
        """
        from . import display

        rows = self.fetchmany(max_rows)
        print(display.text_table(self.columns, rows, self.num_rows, self._column_types))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"QueryResult(rows={self.num_rows}, columns={self.num_columns})"

    def _repr_html_(self) -> str:
        try:
            from . import display

            rows = self.fetchmany(_SHOWN)
            return display.html_table(self.columns, rows, self.num_rows, self._column_types)
        except Exception:
            return f"<pre>{self!r}</pre>"

    def _display_(self) -> Any:
        """What marimo asks for."""
        from .shown import as_display

        return as_display(self)

    def _repr_latex_(self) -> str:
        from . import display

        return display.latex_table(self.columns, self.fetchmany(_SHOWN), self.num_rows)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        made = {"text/plain": self.__repr__, "text/html": self._repr_html_, "text/latex": self._repr_latex_}
        return chosen(made, include, exclude)


_laminardb._set_result_class(QueryResult)


class ExecuteResult(Shown):
    """What ``execute`` gives, for every kind of statement.

    result: the engine's.

    Attributes:
        result_type: "ddl", "rows_affected", "query" or "metadata".
        rows_affected: rows changed, or rows of the query.
        ddl_type, ddl_object: for DDL, e.g. "CREATE SOURCE" and the name; else None.

    Example:
        >>> done = laminardb.open().execute("CREATE SOURCE t (k BIGINT)")
        >>> done, done.ddl_type, bool(done)
        (ExecuteResult(ddl, CREATE SOURCE t), 'CREATE SOURCE', True)
    """

    __slots__ = ("_result", "ddl_object", "ddl_type", "result_type", "rows_affected")

    def __init__(self, result: QueryResult) -> None:
        self._result = result
        self.result_type, self.ddl_type, self.ddl_object, self.rows_affected = result._outcome

    def to_query_result(self) -> QueryResult | None:
        """The rows; None for DDL and row counts.

        Cannot fail.

        Example:
            >>> laminardb.open().execute("SELECT 1 AS one").to_query_result()
            QueryResult(rows=1, columns=1)
        """
        return self._result if self.result_type in ("query", "metadata") else None

    def __int__(self) -> int:
        return self.rows_affected

    def __bool__(self) -> bool:
        return self.rows_affected > 0 or self.result_type != "rows_affected"

    def _html(self) -> str:
        rows = self.to_query_result()
        if rows is not None:
            return rows._repr_html_()
        from .drawing import text_html

        return text_html(repr(self))

    def __repr__(self) -> str:
        if self.result_type == "ddl":
            text = f"ExecuteResult(ddl, {self.ddl_type} {self.ddl_object}".rstrip() + ")"
            if text.isprintable():
                return text
            from .markup import visible

            return visible(text)
        if self.result_type == "rows_affected":
            return f"ExecuteResult(rows_affected={self.rows_affected})"
        return f"ExecuteResult({self.result_type}, rows={self.rows_affected})"
