# SPDX-License-Identifier: Apache-2.0
"""What goes through the nodes of a topology: rows, rows a second, watermarks.

A rate is that since the last look at the same database when that was between 0.1 and 60 s ago, else the mean
since the database was opened.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from .pipeline import PipelineNode

_looks: WeakKeyDictionary[Any, tuple[float, dict[str, int]]] = WeakKeyDictionary()


def short(count: float) -> str:
    """A number of at most five characters or so: 950, 12.5k, 3.1M."""
    for unit in ("", "k", "M", "G"):
        if abs(count) < 1000:
            return f"{count:.0f}{unit}" if count == int(count) or abs(count) >= 100 else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.0f}T"


@dataclass(frozen=True, slots=True)
class Flow:
    """What went through a node. watermark: epoch milliseconds or None. error: why it failed."""

    rows: int
    rows_per_second: float
    watermark: int | None
    error: str | None = None

    def note(self) -> str:
        """The line in its box."""
        if self.error:
            return "failed"
        return f"{short(self.rows)} rows, {short(self.rows_per_second)}/s" + self._mark(True)

    def title(self) -> str:
        """The whole of it."""
        text = f"{self.rows:,} rows, {self.rows_per_second:,.1f} rows/s" + self._mark(False)
        return f"{text}, {self.error[:200]}" if self.error else text

    def _mark(self, in_short: bool) -> str:
        if self.watermark is None or self.watermark == -(2**63):
            return ""
        from .why import _instant

        text = _instant(self.watermark)
        return f" · {text[11:19]}" if in_short and len(text) > 18 else f", watermark {text}"


def flows(db: Any, nodes: Iterable[PipelineNode]) -> dict[str, Flow]:
    """Of each node that counts rows, by name."""
    of = {"source": db.source_metrics, "stream": db.stream_metrics, "sink": db.sink_metrics}
    found = {node.name: of[node.node_type](node.name) for node in nodes}
    now = time.monotonic()
    rows: dict[str, int] = {name: m.total_events for name, m in found.items() if m is not None}
    seconds = max(db.metrics().uptime_secs, 1e-3)
    then, before = _looks.get(db, (0.0, dict[str, int]()))
    _looks[db] = (now, rows)
    since = now - then
    recent = 0.1 <= since <= 60

    def rate(name: str) -> float:
        if recent and name in before:
            return float(max(0, rows[name] - before[name]) / since)
        return float(rows[name] / seconds)

    return {
        name: Flow(m.total_events, rate(name), getattr(m, "watermark", None), getattr(m, "error", None))
        for name, m in found.items()
        if m is not None
    }
