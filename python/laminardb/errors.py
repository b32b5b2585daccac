# SPDX-License-Identifier: Apache-2.0
"""Exceptions of laminardb.

Every one carries ``code`` (see :mod:`laminardb.codes`); errors in SQL text also carry their place.
"""

from __future__ import annotations

import builtins

from .shown import Shown

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any


class LaminarError(Shown, Exception):
    """Base of all errors of laminardb.

    Attributes:
        code: number from :mod:`laminardb.codes`.
        line, column: place in the SQL text, from 1; None without one.
        position: the same as a character offset from 0; None without one.
        hint: the next step ('did you mean "price"?'), or None.
        traceback: of the exception that a function of the program raised, as text; else None. The exception
            itself is ``__cause__`` where it was raised on the thread that called.

    Example:
        >>> db = laminardb.open()
        >>> try:
        ...     db.query("SELECT cownt(1)")
        ... except laminardb.LaminarError as error:
        ...     print(error.code, error.column, error.hint)
        400 8 did you mean "count"?
    """

    code: int = 900
    line: int | None = None
    column: int | None = None
    position: int | None = None
    hint: str | None = None
    traceback: str | None = None

    def _html(self) -> str:
        from .drawing import text_html

        return text_html(str(self), "lm-bad")

    def to_dict(self) -> dict[str, Any]:
        """Class, code, message, place and hint as JSON-able values.

        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> try:
            ...     db.query("SELECT 1 +")
            ... except laminardb.LaminarError as error:
            ...     print(error.to_dict()["class"], error.to_dict()["code"])
            QueryError 401
        """
        return {
            "class": type(self).__name__,
            "code": self.code,
            "message": str(self),
            "line": self.line,
            "column": self.column,
            "position": self.position,
            "hint": self.hint,
        }


class ConnectionError(LaminarError, builtins.ConnectionError):  # noqa: A001 - the name is the contract
    """The database cannot be opened, is closed or was shut down (1xx, 901).

    Example:
        >>> db = laminardb.open()
        >>> db.close()
        >>> try:
        ...     db.query("SELECT 1")
        ... except laminardb.ConnectionError as error:
        ...     print(error.code)
        101
    """

    code = 100


class QueryError(LaminarError):
    """A statement failed (4xx; 200 for names in its text).

    Example:
        >>> db = laminardb.open()
        >>> try:
        ...     db.query("SELECT * FROM nothing")
        ... except laminardb.QueryError as error:
        ...     print(error.code)
        200
    """

    code = 400


class IngestionError(LaminarError):
    """Rows were refused; nothing of the batch was kept (3xx).

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> try:
        ...     db.insert("t", {"k": "one"})
        ... except laminardb.IngestionError as error:
        ...     print(error.code)
        300
    """

    code = 300


class SchemaError(LaminarError):
    """A name is unknown or taken, or a schema is wrong (200-203).

    Example:
        >>> db = laminardb.open()
        >>> try:
        ...     db.schema("nothing")
        ... except laminardb.SchemaError as error:
        ...     print(error.code)
        200
    """

    code = 203


class SubscriptionError(LaminarError):
    """A subscription cannot be made or continued (5xx).

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> try:
        ...     db.subscribe("SELECT k FROM t", on_lag="conflate")
        ... except laminardb.SubscriptionError as error:
        ...     print(error.code)
        500
    """

    code = 500


class StreamError(LaminarError):
    """A stream failed while it ran (600).

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT)")
        >>> changes = db.subscribe("SELECT k * 9223372036854775807 AS k FROM t")
        >>> _ = db.insert("t", {"k": 2})
        >>> try:
        ...     changes.next()
        ... except laminardb.StreamError as error:
        ...     print(error.code)
        600
    """

    code = 600


class CheckpointError(LaminarError):
    """A checkpoint failed (70x).

    Example:
        >>> laminardb.CheckpointError("no").code
        700
    """

    code = 700


class ConnectorError(LaminarError):
    """A connector failed (800).

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (v BIGINT)")
        >>> _ = db.execute("CREATE SINK k FROM t WITH (connector = 'python', retries = 0)")
        >>> db.register_sink("k", lambda batch: 1 / 0)
        >>> db.start()
        >>> _ = db.insert("t", {"v": 1})
        >>> try:
        ...     db.flush()
        ... except laminardb.ConnectorError as error:
        ...     print(error.code)
        800
    """

    code = 800
