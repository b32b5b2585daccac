# SPDX-License-Identifier: Apache-2.0
"""Snapshots of counters. Counters count rows; watermarks are epoch milliseconds, before any row -2**63."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .shown import Shown


@dataclass(frozen=True, slots=True)
class LatencyMetrics(Shown):
    """Microseconds from an insert to its changes being published; percentiles are within 1/32.

    min_us, mean_us, max_us; p50_us, p90_us, p99_us, p999_us: so many of 100 (1,000) are not above it.
    count: how many inserts were measured (all of the first 64, then one in sixteen).

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> _ = db.insert("t", {"k": 1})
        >>> latency = db.stream_metrics("n").latency
        >>> latency.count, 0 < latency.p50_us <= latency.max_us
        (1, True)
    """

    count: int
    min_us: float
    mean_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    max_us: float

    @classmethod
    def _of(cls, ns: dict[str, int]) -> LatencyMetrics:
        names = ("min", "mean", "p50", "p90", "p99", "p999", "max")
        return cls(ns["count"], *(ns[name] / 1000 for name in names))


@dataclass(frozen=True, slots=True, repr=False)
class PipelineMetrics(Shown):
    """The whole database. Counters never fall, also when objects are dropped.

    uptime_secs: seconds since it was opened. source_count, stream_count, sink_count: how many there are.
    pipeline_watermark: epoch milliseconds, the least of its sources.
    total_events_ingested: rows accepted by sources. total_events_emitted: rows that named streams gave.
    total_events_dropped: rows late for every window of a named stream. total_cycles: inserts and watermarks
    taken through the streams. total_batches: inserts. source_count: sources and tables.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
        >>> m = db.metrics()
        >>> m.total_events_ingested, m.source_count, m.state
        (3, 1, 'Created')
    """

    total_events_ingested: int
    total_events_emitted: int
    total_events_dropped: int
    total_cycles: int
    total_batches: int
    uptime_secs: float
    state: str
    source_count: int
    stream_count: int
    sink_count: int
    pipeline_watermark: int

    def __repr__(self) -> str:
        return (
            f"PipelineMetrics(state={self.state}, ingested={self.total_events_ingested}, "
            f"emitted={self.total_events_emitted})"
        )


def _utilization(s: dict[str, int]) -> float:
    return min(1.0, s["queued"] / s["capacity"])


@dataclass(frozen=True, slots=True, repr=False)
class SourceMetrics(Shown):
    """One source or table.

    name: its name. retained_rows, retained_bytes: what is kept. null_time_rows: came without event time.
    pending: rows held back from the streams by a pause, or queued for a busy engine. capacity: rows that may
    be queued before an insert has to wait (`buffer_size`, its own or the one that sources share);
    utilization: how much of that is used.
    retained_bytes: of the rows kept; spilled_bytes: of these, those in segments that are on disk and not, or
    not wholly, in memory.
    is_backpressured: the next insert has to wait, for the queue or for a full subscription that blocks.
    watermark: without WATERMARK FOR, when its newest row came. error: what ended the feed of attach_source.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
        >>> m = db.source_metrics("t")
        >>> m.total_events, m.capacity, m.utilization
        (3, 65536, 0.0)
    """

    name: str
    total_events: int
    pending: int
    capacity: int
    is_backpressured: bool
    watermark: int
    utilization: float
    retained_rows: int
    retained_bytes: int
    spilled_bytes: int
    null_time_rows: int
    error: str | None = None

    @classmethod
    def _of(cls, name: str, s: dict[str, int], error: str | None = None) -> SourceMetrics:
        # Rows held by a pause wait outside of the queue: they press on nobody.
        return cls(
            name,
            s["total_rows"],
            s["pending"],
            s["capacity"],
            bool(s["is_backpressured"]),
            s["watermark"],
            _utilization(s),
            s["retained_rows"],
            s["retained_bytes"],
            s["spilled_bytes"],
            s["null_time_rows"],
            error,
        )

    def __repr__(self) -> str:
        return f"SourceMetrics(name={self.name!r}, events={self.total_events}, pending={self.pending})"


@dataclass(frozen=True, slots=True, repr=False)
class StreamMetrics(Shown):
    """One stream.

    name: its name. pending, capacity, is_backpressured: rows held by a pause; of its inputs' queues.
    watermark: epoch milliseconds. latency: from an insert to its changes.
    total_events: rows it emitted. rows_in: rows it read. error: why it failed, or None. late_rows,
    null_time_rows: rows that no window took. lost_rows: rows taken back when state_ttl had made the stream
    forget them. state_rows, state_bytes: what its operators remember; what it shares with other streams,
    which remember it once together, stands apart in shared_state_rows and shared_state_bytes. sql: the
    statement that made it.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> _ = db.insert("t", {"k": 1})
        >>> m = db.stream_metrics("n")
        >>> m.total_events, m.rows_in, m.error
        (1, 1, None)
    """

    name: str
    total_events: int
    pending: int
    capacity: int
    is_backpressured: bool
    watermark: int
    sql: str | None
    rows_in: int
    late_rows: int
    null_time_rows: int
    lost_rows: int
    state_rows: int
    state_bytes: int
    error: str | None
    latency: LatencyMetrics
    shared_state_rows: int = 0
    shared_state_bytes: int = 0

    @classmethod
    def _of(cls, name: str, sql: str | None, s: dict[str, Any]) -> StreamMetrics:
        return cls(
            name,
            s["rows_out"],
            s["pending"],
            s["capacity"],
            bool(s["is_backpressured"]),
            s["watermark"],
            sql,
            s["rows_in"],
            s["late_rows"],
            s["null_time_rows"],
            s["lost_rows"],
            s["state_rows"],
            s["state_bytes"],
            s["error"],
            LatencyMetrics._of(s["latency"]),
            s["shared_state_rows"],
            s["shared_state_bytes"],
        )

    def __repr__(self) -> str:
        return f"StreamMetrics(name={self.name!r}, events={self.total_events}, pending={self.pending})"


@dataclass(frozen=True, slots=True)
class MetricsSample(Shown):
    """The counters of a database as they were at a time (aware, UTC).

    inserts, ticks: how many there were. memory_bytes: held by the engine.
    ingested, emitted, dropped: rows, as in PipelineMetrics; delivered: rows that sinks wrote. watermark:
    epoch milliseconds, None before a row.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
        >>> db.metrics_history()[-1].ingested
        3
    """

    time: datetime
    ingested: int
    emitted: int
    dropped: int
    inserts: int
    ticks: int
    watermark: int | None
    memory_bytes: int
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class TableStats(Shown):
    """What a source or table holds: see Connection.table_stats.

    row_count: rows retained. size_bytes: their memory.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
        >>> db.table_stats("t").row_count
        3
    """

    row_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Watermark(Shown):
    """How far event time is complete: see Connection.watermark.

    current: epoch milliseconds, before any row -2**63. lag_ms: how far it lies behind the database's clock,
    0 before any row and when it is ahead.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
        >>> _ = db.insert("t", {"ts": 5000})
        >>> db.watermark("t").current
        5000
    """

    current: int
    lag_ms: int = 0


class Metrics(Shown):
    """A PipelineMetrics with the rate computed.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
        >>> m = laminardb.Metrics(db.metrics())
        >>> m.total_events_ingested, m.state
        (3, 'Created')
    """

    __slots__ = ("_metrics",)

    def __init__(self, metrics: PipelineMetrics) -> None:
        self._metrics = metrics

    @property
    def events_per_second(self) -> float:
        """Rows ingested per second since the database was opened; 0 when no time has passed.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.insert("t", [(1, "a"), (2, "b"), (2, "b")])
            >>> laminardb.Metrics(db.metrics()).events_per_second > 0
            True
        """
        seconds = self.uptime_secs
        return float(self.total_events_ingested / seconds) if seconds > 0 else 0.0

    def __getattr__(self, name: str) -> Any:
        if name == "_metrics":
            raise AttributeError(name)
        return getattr(self._metrics, name)

    def _shown_fields(self) -> list[tuple[str, Any]]:
        from .drawing import fields_of

        return [("events_per_second", self.events_per_second), *fields_of(self._metrics)]

    def __repr__(self) -> str:
        return (
            f"Metrics(state={self.state!r}, eps={self.events_per_second:.1f}, uptime={self.uptime_secs:.1f}s)"
        )
