# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: changes of a query or a named stream, each batch a QueryResult."""

from __future__ import annotations

from . import _laminardb
from .shown import Shown

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any, Self

    from .connection import Connection


class _Common(_laminardb.Subscription, Shown):
    """What all subscriptions have."""

    __slots__ = ()

    @property
    def is_active(self) -> bool:
        """True until it is cancelled, its query ended or its database closed.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe("SELECT k FROM t")
            >>> changes.is_active
            True
            >>> changes.cancel()
            >>> changes.is_active
            False
        """
        return self._state == "active"

    @property
    def schema(self) -> Any:
        """Schema of the batches: a pyarrow.Schema when pyarrow is installed, else laminardb.types.Schema.

        Raises:
            RuntimeError: after cancel().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> db.subscribe("SELECT k FROM t").schema.names
            ['k']
        """
        if self._state == "cancelled":
            raise RuntimeError(f"{type(self).__name__} has been cancelled")
        from .types import Schema

        return Schema._best(self._schema_capsule())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._state})"


class _Live(_Common):
    """What a notebook shows as a live table; see widget."""

    __slots__ = ("_of",)

    _of: tuple[Connection, str, Any]  # where the rows come from: SQL with parameters, or a name

    def _html(self) -> str:
        from .widget import static_html

        return static_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        from .widget import bundle

        return bundle(self, include, exclude)

    def _display_(self) -> Any:
        """What marimo asks for."""
        from .widget import display

        return display(self)


class Subscription(_Live):
    """Changes of a SQL query: its current result first, then what changes.

    Iterate it, or call try_next, next or next_timeout. It has no thread of its own: waiting sleeps in the
    engine without the GIL. One thread at a time reads it; cancel may come from any thread, and is what
    leaving ``with db.subscribe(...) as changes`` does.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
        >>> changes = db.subscribe("SELECT k FROM t")
        >>> next(changes).fetchall()
        [(1,), (2,), (2,)]
        >>> changes.try_next() is None, changes
        (True, Subscription(active))
    """

    __slots__ = ()

    def __repr__(self) -> str:
        state = self._state
        return f"{type(self).__name__}({'cancelled, finished' if state == 'cancelled' else state})"


class StreamSubscription(_Live):
    """Changes of a named stream, from the next one on. Reading is as with Subscription.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> changes = db.subscribe_stream("n")
        >>> _ = db.insert("t", {"k": 1})
        >>> changes.next().fetchall()
        [(1, 1)]
    """

    __slots__ = ()
