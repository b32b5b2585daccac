# SPDX-License-Identifier: Apache-2.0
"""What register_sink takes, and what sinks tell of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .metrics import LatencyMetrics
from .shown import Shown

if TYPE_CHECKING:
    from .result import QueryResult


class Target:
    """A callable, or an object with write and, if it likes, flush and close, as the engine calls it."""

    __slots__ = ("_close", "_flush", "_write")

    def __init__(self, to: Any) -> None:
        write = getattr(to, "write", None)
        self._write = write if callable(write) else to
        if not callable(self._write):
            raise TypeError(f"a sink is a callable or has a method write, which {type(to).__name__} has not")
        whole = self._write is write
        self._flush = getattr(to, "flush", None) if whole else None
        self._close = getattr(to, "close", None) if whole else None

    def write(self, batch: QueryResult) -> None:
        self._write(batch)

    def flush(self) -> None:
        if self._flush is not None:
            self._flush()

    def close(self) -> None:
        if self._close is not None:
            self._close()


@dataclass(frozen=True, slots=True)
class SinkMetrics(Shown):
    """One sink.

    name: its name.
    total_events: rows written. pending: rows that wait. errors: of the connector, those that a retry mended
    too; last_error: the newest. latency: how long a delivery took to be written, retries too. state:
    "running", "waiting" (for register_sink), "retrying", "failed" or "finished". position: of the last
    delivery that was written. dropped: rows lost by on_lag = 'drop_oldest'.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
        >>> db.register_sink("k", lambda batch: None)
        >>> db.start()
        >>> _ = db.insert("t", {"v": 1})
        >>> db.flush()
        >>> m = db.sink_metrics("k")
        >>> m.total_events, m.pending, m.errors, m.state
        (1, 0, 0, 'running')
    """

    name: str
    total_events: int
    pending: int
    errors: int
    last_error: str | None
    latency: LatencyMetrics
    state: str = field(default="running", compare=False)
    position: tuple[int, int] = field(default=(0, 0), repr=False, compare=False)
    dropped: int = field(default=0, repr=False, compare=False)

    @classmethod
    def _of(cls, name: str, s: dict[str, Any]) -> SinkMetrics:
        return cls(
            name,
            s["total_rows"],
            s["pending"],
            s["errors"],
            s["last_error"],
            LatencyMetrics._of(s["latency"]),
            s["state"],
            (s["epoch"], s["part"]),
            s["dropped"],
        )
