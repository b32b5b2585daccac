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

from __future__ import annotations

from . import _laminardb, codes
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
from .result import ExecuteResult, QueryResult
from .subscription import StreamSubscription, Subscription

# Type checkers take this name for True; the module typing would be a quarter of the import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import dbapi, display, prometheus, testing, types
    from .aio import AsyncStreamSubscription, AsyncSubscription
    from .callbacks import CallbackSubscription
    from .changes import ChangeEvent, ChangeRow, MaterializedView, mv
    from .checkpoints import CheckpointInfo, CheckpointResult, CheckpointStatus
    from .feeds import AttachedSource
    from .keeping import Salvaged, Verified, salvage
    from .metrics import (
        LatencyMetrics,
        Metrics,
        MetricsSample,
        PipelineMetrics,
        SourceMetrics,
        StreamMetrics,
        TableStats,
        Watermark,
    )
    from .pipeline import (
        Pipeline,
        PipelineEdge,
        PipelineNode,
        PipelineTopology,
        PipelineVersion,
        Progress,
        QueryInfo,
        SinkInfo,
        SourceInfo,
        StreamInfo,
    )
    from .relation import Relation
    from .setting import Setting
    from .sinks import SinkMetrics
    from .types import Column, Schema
    from .udfs import native, processor, table_function, udaf, udf
    from .why import InputState, Why
    from .writer import Writer
    from .writer import Writer as BatchWriter

Config = LaminarConfig
__version__: str = _laminardb.__version__

# What is imported when it is first asked for: module -> its names here.
_LATER = {
    "aio": ("AsyncStreamSubscription", "AsyncSubscription"),
    "callbacks": ("CallbackSubscription",),
    "changes": ("ChangeEvent", "ChangeRow", "MaterializedView", "mv"),
    "checkpoints": ("CheckpointInfo", "CheckpointResult", "CheckpointStatus"),
    "dbapi": (),
    "feeds": ("AttachedSource",),
    "display": (),
    "magics": ("load_ipython_extension", "unload_ipython_extension"),
    "keeping": ("Salvaged", "Verified", "salvage"),
    "metrics": (
        "LatencyMetrics",
        "Metrics",
        "MetricsSample",
        "PipelineMetrics",
        "SourceMetrics",
        "StreamMetrics",
        "TableStats",
        "Watermark",
    ),
    "pipeline": (
        "Pipeline",
        "PipelineEdge",
        "PipelineNode",
        "PipelineTopology",
        "PipelineVersion",
        "Progress",
        "QueryInfo",
        "SinkInfo",
        "SourceInfo",
        "StreamInfo",
    ),
    "prometheus": (),
    "relation": ("Relation",),
    "setting": ("Setting",),
    "sinks": ("SinkMetrics",),
    "testing": (),
    "types": ("Column", "Schema"),
    "udfs": ("native", "processor", "table_function", "udaf", "udf"),
    "why": ("InputState", "Why"),
    "writer": ("BatchWriter", "Writer"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name == module or name in names:
            found = __import__(f"{__name__}.{module}", None, None, ("*",))
            value = found if name == module else getattr(found, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AsyncStreamSubscription",
    "AsyncSubscription",
    "AttachedSource",
    "BatchWriter",
    "CallbackSubscription",
    "ChangeEvent",
    "ChangeRow",
    "CheckpointError",
    "CheckpointInfo",
    "CheckpointResult",
    "CheckpointStatus",
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
    "MetricsSample",
    "Pipeline",
    "PipelineEdge",
    "PipelineMetrics",
    "PipelineNode",
    "PipelineTopology",
    "PipelineVersion",
    "Progress",
    "QueryError",
    "QueryInfo",
    "QueryResult",
    "Relation",
    "Salvaged",
    "Schema",
    "SchemaError",
    "Setting",
    "SinkInfo",
    "SinkMetrics",
    "SourceInfo",
    "SourceMetrics",
    "StreamError",
    "StreamInfo",
    "StreamMetrics",
    "StreamSubscription",
    "Subscription",
    "SubscriptionError",
    "TableStats",
    "Verified",
    "Watermark",
    "Why",
    "Writer",
    "codes",
    "connect",
    "dbapi",
    "display",
    "execute",
    "mv",
    "native",
    "open",
    "processor",
    "prometheus",
    "salvage",
    "sql",
    "table_function",
    "testing",
    "types",
    "udaf",
    "udf",
]
