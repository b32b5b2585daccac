# SPDX-License-Identifier: Apache-2.0
"""The metrics of a database as text for Prometheus (exposition format 0.0.4) and OpenMetrics 1.0.

Units are seconds and bytes; counters count rows and never fall while the database is open. A watermark that
no row has set has no sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .metrics import SourceMetrics, StreamMetrics
    from .operating import Operating
    from .sinks import SinkMetrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

STATES = ("Created", "Starting", "Running", "Paused", "ShuttingDown", "Stopped", "Faulted")
QUANTILES = ((0.5, "p50_us"), (0.9, "p90_us"), (0.99, "p99_us"), (0.999, "p999_us"))

Labels = dict[str, str]
Sample = tuple[str, Labels, float]  # suffix of the name, labels, value
Family = tuple[str, str, str, list[Sample]]  # name, type, help, samples


def _each(name: str, kind: str, text: str, values: Sequence[tuple[Labels, float | None]]) -> Family:
    suffix = "_total" if kind == "counter" else ""
    return name, kind, text, [(suffix, labels, value) for labels, value in values if value is not None]


def _seconds(watermark: int) -> float | None:
    return watermark / 1000 if watermark > -(2**63) else None


def _of_database(db: Operating) -> Iterator[Family]:
    m = db.metrics()
    for name, text, count in (
        ("ingested_rows", "Rows accepted by sources and tables.", m.total_events_ingested),
        ("emitted_rows", "Rows that streams gave.", m.total_events_emitted),
        ("late_rows", "Rows that came too late for every window of a stream.", m.total_events_dropped),
        ("inserts", "Inserts.", m.total_batches),
        ("ticks", "Times that inserts and watermarks went through the streams.", m.total_cycles),
    ):
        yield _each(name, "counter", text, [({}, count)])
    for name, text, value in (
        ("uptime_seconds", "Since the database was opened.", m.uptime_secs),
        ("memory_bytes", "Memory of the engine.", db._memory()),
        ("watermark_seconds", "The lowest watermark, since 1970.", _seconds(m.pipeline_watermark)),
        ("active_queries", "Queries and subscriptions by SQL that are open.", db.active_query_count),
    ):
        yield _each(name, "gauge", text, [({}, value)])
    states = [({"state": s}, s == m.state) for s in STATES]
    yield _each("state", "gauge", "1 for the state that the database is in.", states)


def _of_sources(sources: list[SourceMetrics]) -> Iterator[Family]:
    for name, kind, text, field in (
        ("source_rows", "counter", "Rows accepted.", "total_events"),
        ("source_null_time_rows", "counter", "Rows without event time.", "null_time_rows"),
        ("source_pending_rows", "gauge", "Rows that streams have not seen yet.", "pending"),
        ("source_capacity_rows", "gauge", "Rows that may wait before an insert does.", "capacity"),
        ("source_backpressured", "gauge", "1 when the next insert has to wait.", "is_backpressured"),
        ("source_retained_rows", "gauge", "Rows kept.", "retained_rows"),
        ("source_retained_bytes", "gauge", "Bytes of the rows kept, in memory or on disk.", "retained_bytes"),
        ("source_spilled_bytes", "gauge", "Of these, bytes that are on disk alone.", "spilled_bytes"),
    ):
        yield _each(name, kind, text, [({"source": s.name}, getattr(s, field)) for s in sources])
    marks = [({"source": s.name}, _seconds(s.watermark)) for s in sources]
    yield _each("source_watermark_seconds", "gauge", "Event time reached, since 1970.", marks)


def _of_streams(streams: list[StreamMetrics]) -> Iterator[Family]:
    for name, kind, text, field in (
        ("stream_rows_in", "counter", "Rows read.", "rows_in"),
        ("stream_rows_out", "counter", "Rows given.", "total_events"),
        ("stream_late_rows", "counter", "Rows that came too late for every window.", "late_rows"),
        ("stream_null_time_rows", "counter", "Rows without event time.", "null_time_rows"),
        ("stream_pending_rows", "gauge", "Rows of its inputs that it has not seen yet.", "pending"),
        ("stream_state_rows", "gauge", "Groups and rows that its operators remember.", "state_rows"),
        ("stream_state_bytes", "gauge", "Memory of what they remember.", "state_bytes"),
    ):
        yield _each(name, kind, text, [({"stream": s.name}, getattr(s, field)) for s in streams])
    failed = [({"stream": s.name}, float(s.error is not None)) for s in streams]
    yield _each("stream_failed", "gauge", "1 when it has stopped on an error.", failed)
    marks = [({"stream": s.name}, _seconds(s.watermark)) for s in streams]
    yield _each("stream_watermark_seconds", "gauge", "Event time reached, since 1970.", marks)
    latency: list[Sample] = []
    for s in streams:
        labels = {"stream": s.name}
        if s.latency.count > 0:
            for q, field in QUANTILES:
                latency.append(("", {**labels, "quantile": str(q)}, getattr(s.latency, field) / 1e6))
        latency.append(("_sum", labels, s.latency.mean_us * s.latency.count / 1e6))
        latency.append(("_count", labels, s.latency.count))
    text = "From an insert to its changes being published; one insert in sixteen is measured."
    yield "stream_latency_seconds", "summary", text, latency


def _escaped(text: str, quote: bool) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def _labels(labels: Labels) -> str:
    inner = ",".join(f'{name}="{_escaped(value, True)}"' for name, value in labels.items())
    return "{" + inner + "}" if inner else ""


def _of_sinks(sinks: list[SinkMetrics]) -> Iterator[Family]:
    for name, kind, text, field in (
        ("sink_rows", "counter", "Rows written.", "total_events"),
        ("sink_errors", "counter", "Failures of the connector, mended ones too.", "errors"),
        ("sink_dropped_rows", "counter", "Rows lost by on_lag = 'drop_oldest'.", "dropped"),
        ("sink_pending_rows", "gauge", "Rows that wait to be written.", "pending"),
    ):
        yield _each(name, kind, text, [({"sink": s.name}, getattr(s, field)) for s in sinks])
    failed = [({"sink": s.name}, float(s.state == "failed")) for s in sinks]
    yield _each("sink_failed", "gauge", "1 when it has been tried often enough.", failed)


def text(db: Operating, openmetrics: bool = False) -> str:
    """The page that a scraper reads; its media type is CONTENT_TYPE or OPENMETRICS_CONTENT_TYPE.

    db: the connection. openmetrics: the newer format. Raises ConnectionError 101 after close().

    Example:
        >>> laminardb.prometheus.text(laminardb.open()).splitlines()[2]
        'laminardb_ingested_rows_total 0.0'
    """
    lines: list[str] = []
    for families in (
        _of_database(db),
        _of_sources(db.all_source_metrics()),
        _of_streams(db.all_stream_metrics()),
        _of_sinks(db.all_sink_metrics()),
    ):
        for name, kind, about, samples in families:
            full = f"laminardb_{name}"
            if not samples:
                continue
            # The older format knows a counter by its whole name.
            head = f"{full}_total" if kind == "counter" and not openmetrics else full
            lines += [f"# HELP {head} {_escaped(about, openmetrics)}", f"# TYPE {head} {kind}"]
            lines += [
                f"{full}{suffix}{_labels(labels)} {float(value)!r}" for suffix, labels, value in samples
            ]
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"
