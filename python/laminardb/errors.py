# SPDX-License-Identifier: Apache-2.0
"""Exceptions of laminardb.

Every one carries ``code`` (see :mod:`laminardb.codes`); errors in SQL text also carry their place.
"""

from __future__ import annotations

import builtins

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any


class LaminarError(Exception):
    """Base of all errors of laminardb.

    Attributes:
        code: number from :mod:`laminardb.codes`.
        line, column: place in the SQL text, from 1; None without one.
        position: the same as a character offset from 0; None without one.
        hint: the next step ('did you mean "price"?'), or None.
    """

    code: int = 900
    line: int | None = None
    column: int | None = None
    position: int | None = None
    hint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Class, code, message, place and hint as JSON-able values."""
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
    """The database cannot be opened, is closed or was shut down (1xx, 901)."""

    code = 100


class QueryError(LaminarError):
    """A statement failed (4xx; 200 for names in its text)."""

    code = 400


class IngestionError(LaminarError):
    """Rows were refused; nothing of the batch was kept (3xx)."""

    code = 300


class SchemaError(LaminarError):
    """A name is unknown or taken, or a schema is wrong (200-203)."""

    code = 203


class SubscriptionError(LaminarError):
    """A subscription cannot be made or continued (5xx)."""

    code = 500


class StreamError(LaminarError):
    """A stream failed while it ran (600)."""

    code = 600


class CheckpointError(LaminarError):
    """A checkpoint failed (70x)."""

    code = 700


class ConnectorError(LaminarError):
    """A connector failed (800)."""

    code = 800
