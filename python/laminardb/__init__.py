# SPDX-License-Identifier: Apache-2.0
"""laminardb: an embedded streaming SQL database.

Sources take rows, SQL streams keep their results up to date as rows arrive, subscriptions deliver each
change, and ad-hoc SQL runs over everything at any moment.

>>> import laminardb
>>> db = laminardb.open()
>>> _ = db.execute("CREATE SOURCE trades (symbol VARCHAR, volume BIGINT)")
>>> _ = db.execute("CREATE STREAM volumes AS SELECT symbol, sum(volume) AS v FROM trades GROUP BY symbol")
>>> db.start()
>>> changes = db.subscribe_stream("volumes")
>>> db.insert("trades", {"symbol": "ACME", "volume": 100})
1
>>> changes.try_next().fetchall()
[('ACME', 100)]
>>> db.close()
"""

from . import _laminardb, codes, display, types
from .aio import AsyncStreamSubscription, AsyncSubscription
from .callbacks import CallbackSubscription
from .changes import ChangeEvent, ChangeRow, MaterializedView, mv
from .config import LaminarConfig
from .connection import Connection, open  # noqa: A004 - contract
from .defaults import connect, execute, sql
from .errors import (
    CheckpointError,
    ConnectionError,  # noqa: A004 - contract
    ConnectorError,
    IngestionError,
    LaminarError,
    QueryError,
    SchemaError,
    StreamError,
    SubscriptionError,
)
from .metrics import LatencyMetrics, Metrics, PipelineMetrics, SourceMetrics, StreamMetrics
from .pipeline import (
    PipelineEdge,
    PipelineNode,
    PipelineTopology,
    QueryInfo,
    SinkInfo,
    SourceInfo,
    StreamInfo,
)
from .result import ExecuteResult, QueryResult
from .subscription import StreamSubscription, Subscription
from .types import Column, Schema
from .why import InputState, Why
from .writer import Writer

Config = LaminarConfig
BatchWriter = Writer
__version__: str = _laminardb.__version__

__all__ = [
    "AsyncStreamSubscription",
    "AsyncSubscription",
    "BatchWriter",
    "CallbackSubscription",
    "ChangeEvent",
    "ChangeRow",
    "CheckpointError",
    "Column",
    "Config",
    "Connection",
    "ConnectionError",
    "ConnectorError",
    "ExecuteResult",
    "IngestionError",
    "InputState",
    "LaminarConfig",
    "LaminarError",
    "LatencyMetrics",
    "MaterializedView",
    "Metrics",
    "PipelineEdge",
    "PipelineMetrics",
    "PipelineNode",
    "PipelineTopology",
    "QueryError",
    "QueryInfo",
    "QueryResult",
    "Schema",
    "SchemaError",
    "SinkInfo",
    "SourceInfo",
    "SourceMetrics",
    "StreamError",
    "StreamInfo",
    "StreamMetrics",
    "StreamSubscription",
    "Subscription",
    "SubscriptionError",
    "Why",
    "Writer",
    "codes",
    "connect",
    "display",
    "execute",
    "mv",
    "open",
    "sql",
    "types",
]
