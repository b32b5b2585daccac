# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: changes of a query or a named stream, each batch a QueryResult."""

from __future__ import annotations

from . import _laminardb

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any


class _Common(_laminardb.Subscription):
    """What all subscriptions have."""

    __slots__ = ()

    @property
    def is_active(self) -> bool:
        """True until it is cancelled, its query ended or its database closed."""
        return self._state == "active"

    @property
    def schema(self) -> Any:
        """Schema of the batches: a pyarrow.Schema when pyarrow is installed, else laminardb.types.Schema.

        Raises:
            RuntimeError: after cancel().
        """
        if self._state == "cancelled":
            raise RuntimeError(f"{type(self).__name__} has been cancelled")
        from .types import Schema

        return Schema._best(self._schema_capsule())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._state})"


class Subscription(_Common):
    """Changes of a SQL query: its current result first, then what changes.

    Iterate it, or call try_next, next or next_timeout. It has no thread of its own: waiting sleeps in the
    engine without the GIL. One thread at a time reads it; cancel may come from any thread.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        state = self._state
        return f"{type(self).__name__}({'cancelled, finished' if state == 'cancelled' else state})"


class StreamSubscription(_Common):
    """Changes of a named stream, from the next one on. Reading is as with Subscription."""

    __slots__ = ()
