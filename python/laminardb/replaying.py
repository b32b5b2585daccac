# SPDX-License-Identifier: Apache-2.0
"""Connection.replay: a generator of batches over the engine's replay, or an insert of what it gives."""

from __future__ import annotations

import math

from . import _laminardb
from .instants import microseconds
from .result import QueryResult

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .asking import Asking

_FIRST, _LAST = -(1 << 63), (1 << 63) - 1


def _pace(speed: Any) -> float:
    """What the engine takes: 0 is without a pace."""
    if speed is None:
        return 0.0
    if isinstance(speed, bool) or not hasattr(type(speed), "__float__"):
        raise TypeError(f"speed must be a number above 0 or None, not {type(speed).__name__}")
    pace = float(speed)
    if not 0 < pace < math.inf:
        raise ValueError(f"speed must be a number above 0 or None, not {speed!r}")
    return pace


def _batches(replay: _laminardb.Replay) -> Generator[QueryResult]:
    while (batch := replay.next()) is not None:
        yield batch


def replayed(
    db: Asking, source: str, start: Any, end: Any, speed: float | None
) -> Generator[QueryResult]:
    """The batches; what is wrong with the call is said by it, not by the first batch."""
    first = _FIRST if start is None else microseconds(start, "start")
    last = _LAST if end is None else microseconds(end, "end")
    return _batches(_laminardb.Replay(db, source, first, last, _pace(speed)))


def insert_replayed(db: Asking, rows: Generator[QueryResult], to: str) -> int:
    """Inserts batch by batch: what was inserted before a failure stays."""
    db._schema_capsule(to)  # an unknown name is an error also without rows
    return sum(db.insert(to, batch) for batch in rows)
