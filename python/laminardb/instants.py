# SPDX-License-Identifier: Apache-2.0
"""Instants as users write them: epoch milliseconds, datetimes, ISO 8601 text; without a zone they are UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(value: Any, name: str) -> int:
    """Microseconds since 1970; what is beyond 64 bits is cut to the ends of time."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"{name} must be ISO 8601 text such as '2024-01-31 09:30:00', not {value!r}"
            ) from None
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MICROSECOND
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(
            f"{name} must be epoch milliseconds, a datetime or ISO 8601 text, not {type(value).__name__}"
        )
    ms: int = value.__index__()
    return min(max(ms * 1000, -(1 << 62)), 1 << 62)
