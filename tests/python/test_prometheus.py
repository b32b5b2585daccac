# SPDX-License-Identifier: Apache-2.0
"""The metrics page, read by the parsers that others read it with."""

from __future__ import annotations

from typing import Any

import laminardb
import pytest
from optional import some

parser = pytest.importorskip("prometheus_client.parser")
openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str, strict: bool) -> tuple[dict[str, Any], Samples]:
    parse = openmetrics.text_string_to_metric_families if strict else parser.text_string_to_metric_families
    families = {f.name: f for f in parse(text)}
    samples = {
        (s.name, tuple(sorted(s.labels.items()))): s.value for f in families.values() for s in f.samples
    }
    assert len(samples) == sum(len(f.samples) for f in families.values())  # none twice
    return families, samples


@pytest.mark.parametrize("strict", [False, True])
def test_values_are_the_metrics(db: Any, strict: bool) -> None:
    odd = 'a "b" \\ {c}'
    quoted = odd.replace('"', '""')
    db.execute(
        "CREATE SOURCE t (ts BIGINT, k BIGINT, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);"
        f'CREATE SOURCE "{quoted}" (k BIGINT);'
        "CREATE STREAM w AS SELECT TUMBLE(ts, 1000) AS w, count(*) AS n FROM t GROUP BY 1"
        " EMIT ON WINDOW CLOSE"
    )
    db.start()
    db.insert("t", {"ts": [5_000, 10_500], "k": [1, 2]})
    db.insert("t", {"ts": [5_000, None], "k": [3, 4]})
    text = db.prometheus(openmetrics=strict)
    families, samples = read(text, strict)
    m, source, stream = db.metrics(), db.source_metrics("t"), db.stream_metrics("w")

    def value(name: str, **labels: str) -> float | None:
        return samples.get((f"laminardb_{name}", tuple(sorted(labels.items()))))

    assert value("ingested_rows_total") == m.total_events_ingested == 4
    assert value("late_rows_total") == m.total_events_dropped == 1
    assert value("state", state="Running") == 1 and value("state", state="Paused") == 0
    assert some(value("memory_bytes")) > 0 and some(value("uptime_seconds")) > 0
    assert value("source_rows_total", source="t") == source.total_events == 4
    assert value("source_null_time_rows_total", source="t") == 1
    assert value("source_watermark_seconds", source="t") == 9.5 == source.watermark / 1000
    assert value("source_rows_total", source=odd) == 0
    assert value("stream_rows_out_total", stream="w") == stream.total_events == 1
    assert value("stream_late_rows_total", stream="w") == 1 == stream.late_rows
    assert value("stream_state_bytes", stream="w") == stream.state_bytes
    assert value("stream_failed", stream="w") == 0
    assert value("stream_latency_seconds_count", stream="w") == stream.latency.count > 0
    assert value("stream_latency_seconds", stream="w", quantile="0.5") == stream.latency.p50_us / 1e6
    for f in families.values():
        assert f.name.startswith("laminardb_") and f.documentation and f.type != "unknown", f
    assert families["laminardb_source_rows"].type == "counter"
    assert families["laminardb_stream_latency_seconds"].type == "summary"


@pytest.mark.parametrize("strict", [False, True])
def test_an_empty_database(db: Any, strict: bool) -> None:
    _, samples = read(db.prometheus(openmetrics=strict), strict)
    assert samples["laminardb_ingested_rows_total", ()] == 0
    assert not any(name.startswith("laminardb_watermark") for name, _ in samples)
    assert not any(name.startswith(("laminardb_source", "laminardb_stream")) for name, _ in samples)


def test_counters_never_fall(db: Any) -> None:
    db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT count(*) AS n FROM t")
    db.start()
    db.insert("t", {"k": [1, 2, 3]})
    before = read(db.prometheus(), False)[1]
    db.execute("DROP STREAM s; DROP SOURCE t")
    after = read(db.prometheus(), False)[1]
    for name in ("ingested_rows", "emitted_rows", "inserts", "ticks"):
        key = (f"laminardb_{name}_total", ())
        assert after[key] >= before[key] > 0


def test_a_closed_database_says_so() -> None:
    db = laminardb.open()
    db.close()
    with pytest.raises(laminardb.ConnectionError, match="closed"):
        db.prometheus()
