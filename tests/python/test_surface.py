# SPDX-License-Identifier: Apache-2.0
"""The public surface: what is promised is there, each member has a call in surface.py, and none leaks."""

from __future__ import annotations

import dataclasses
import gc
import os

import laminardb
import pytest
import surface

#: By section of the contract; what comes with restore and functions written in Python is not here yet.
PROMISED = {
    "module": "open connect sql execute mv __version__ codes types Connection Writer BatchWriter QueryResult "
    "ExecuteResult LaminarConfig Config Subscription AsyncSubscription StreamSubscription "
    "AsyncStreamSubscription CallbackSubscription SourceInfo SinkInfo StreamInfo QueryInfo "
    "PipelineNode PipelineEdge PipelineTopology PipelineMetrics SourceMetrics StreamMetrics "
    "MaterializedView Schema Column ChangeEvent ChangeRow LatencyMetrics MetricsSample Metrics "
    "CheckpointResult CheckpointStatus CheckpointInfo "
    "TableStats Watermark display testing dbapi LaminarError ConnectionError QueryError "
    "IngestionError SchemaError SubscriptionError StreamError CheckpointError ConnectorError",
    "Connection": "insert insert_json insert_csv writer query sql stream query_stream query_at replay "
    "subscribe subscribe_async subscribe_stream subscribe_stream_async subscribe_callback "
    "subscribe_stream_callback schema create_table flush list_tables tables list_streams "
    "materialized_views list_sinks start pause resume shutdown close execute explain stats sources "
    "sinks streams queries cancel_query topology metrics source_metrics all_source_metrics "
    "stream_metrics all_stream_metrics metrics_history prometheus config_get config_set config_list "
    "is_checkpoint_enabled checkpoint checkpoints checkpoint_status restore "
    "on_change why is_closed pipeline_state pipeline_watermark total_events_processed source_count "
    "sink_count active_query_count __enter__ __exit__ __aenter__ __aexit__",
    "QueryResult": "num_rows num_columns num_batches columns schema to_arrow arrow to_pandas df to_polars pl "
    "to_dicts to_df fetchall fetchone fetchmany show _repr_html_ __len__ __iter__ __arrow_c_stream__",
    "ExecuteResult": "result_type rows_affected ddl_type ddl_object to_query_result __int__ __bool__",
    "Subscription": "__iter__ __next__ next next_timeout try_next cancel is_active schema lag dropped",
    "StreamSubscription": "__iter__ __next__ next next_timeout try_next cancel is_active schema",
    "AsyncSubscription": "__aiter__ __anext__ try_next cancel is_active schema",
    "AsyncStreamSubscription": "__aiter__ __anext__ next next_timeout try_next cancel is_active schema",
    "CallbackSubscription": "is_active cancel wait",
    "Writer": "insert watermark current_watermark flush close __enter__ __exit__",
    "codes": "CONNECTION_FAILED CONNECTION_CLOSED CONNECTION_IN_USE TABLE_NOT_FOUND TABLE_EXISTS "
    "SCHEMA_MISMATCH INVALID_SCHEMA INGESTION_FAILED WRITER_CLOSED BATCH_SCHEMA_MISMATCH QUERY_FAILED "
    "SQL_PARSE_ERROR QUERY_CANCELLED SUBSCRIPTION_FAILED SUBSCRIPTION_CLOSED SUBSCRIPTION_TIMEOUT "
    "INTERNAL_ERROR SHUTDOWN SUBSCRIPTION_LAGGED STREAM_FAILED CHECKPOINT_FAILED CHECKPOINT_DISABLED "
    "CORRUPTION CONNECTOR_FAILED",
}
TIMES = int(os.environ.get("LAMINAR_LEAK_CALLS", "200"))


@pytest.mark.parametrize("section", PROMISED)
def test_what_is_promised_is_there(section: str) -> None:
    of = laminardb if section == "module" else getattr(laminardb, section)
    assert [name for name in PROMISED[section].split() if not hasattr(of, name)] == []


#: Whose fields are read in test_records_can_be_read, or that are plain slots.
READ = ("ChangeEvent", "ChangeRow", "Why", "LaminarConfig", "Metrics")
SLOTS = {"ExecuteResult", "MaterializedView", "Writer", "LaminarError", "PipelineTopology", *READ}


def test_every_member_has_a_call_and_a_text() -> None:
    public = surface.public_names()
    known = set(surface.CASES) | surface.ELSEWHERE
    missing = {name for name in public - known if name.partition(".")[0] not in READ}
    assert missing == set(), "add a case to surface.py"
    assert len(public) > 120 and set(surface.CASES) <= public
    bare = []
    for name in sorted(public):
        of, _, member = name.partition(".")
        text = getattr(getattr(getattr(laminardb, of), member, None), "__doc__", None) or ""
        if of not in SLOTS and not text.strip():
            bare.append(name)
    assert bare == [], "no docstring"


def test_records_can_be_read() -> None:
    s = surface.Stage()
    made = [
        s.db.metrics(),
        *s.db.all_source_metrics(),
        *s.db.all_stream_metrics(),
        *s.db.metrics_history(),
        *s.db.sources(),
        *s.db.streams(),
        *s.db.queries(),
        *s.topology.nodes,
        *s.topology.edges,
        s.db.table_stats("t"),
        s.db.watermark("e"),
        s.event,
        s.event[0],
        s.why,
    ]
    for record in made:
        assert type(record).__name__ in repr(record) or type(record).__name__ == "Why"
        if dataclasses.is_dataclass(record):
            assert all(hasattr(record, f.name) for f in dataclasses.fields(record))
    s.end()


@pytest.mark.parametrize("name", sorted(surface.CASES))
def test_no_call_leaks(name: str) -> None:
    case = surface.CASES[name]
    s = surface.Stage()

    calls = 10_000 if "insert" in name else TIMES  # what inserts keep is given back in waves

    def measure() -> tuple[int, int]:
        for _ in range(calls):
            case(s)
        s.db.flush()
        s.loop.run_until_complete(_nothing())
        gc.collect()
        return len(gc.get_objects()), s.db._memory()

    before = measure()
    for _ in range(1):
        before = measure()  # caches fill: of types, modules, the list of queries
    rounds = []
    for _ in range(6):  # one that adds nothing is enough: what leaks does so in each
        after = measure()
        rounds.append((after[0] - before[0], after[1] - before[1]))
        if rounds[-1][0] < calls // 4 and rounds[-1][1] < 8 * calls:
            break
        before = after
    else:
        pytest.fail(f"{name}: objects and bytes more in {calls} calls: {rounds}")
    s.end()


async def _nothing() -> None:
    return None
