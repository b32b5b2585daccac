# SPDX-License-Identifier: Apache-2.0
"""The default connection of the module: in memory, made when first used, made again when it was closed."""

from __future__ import annotations

from _thread import allocate_lock
from sys import _getframe

from .connection import Connection
from .result import ExecuteResult, QueryResult
from .scan import Resolver

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any

    from .asking import Parameters

_lock = allocate_lock()
_connection: Connection | None = None
_SCHEME = "laminardb://"


def default_connection() -> Connection:
    """The connection behind laminardb.sql and laminardb.execute."""
    global _connection
    with _lock:
        if _connection is None or _connection.is_closed:
            _connection = Connection(":memory:")
        return _connection


def connect(uri: str = ":memory:") -> Connection:
    """Opens a database by its address: ``laminardb://name``, ``laminardb://`` (in memory), or as open().

    Raises ValueError: the uri is none. ConnectionError: it cannot be opened.

    Example:
        >>> with laminardb.connect("laminardb://") as db:
        ...     db.query("SELECT 1").fetchone()
        (1,)
    """
    if not isinstance(uri, str):
        raise TypeError(f"uri must be a str, not {type(uri).__name__}")
    scheme, mark, _ = uri.partition("://")
    if mark and scheme.lower() != "laminardb":
        raise ValueError(f'"{uri}" is no address of a database: it begins with {_SCHEME}')
    path = uri[len(_SCHEME) :] if mark else uri
    return Connection(path or ":memory:")


def sql(query: str, params: Parameters | None = None, **objects: Any) -> QueryResult:
    """Connection.sql on the default connection.

    query, params, objects: as of Connection.sql. Raises what that does.

    Example:
        >>> laminardb.sql("SELECT ? + 1 AS two", [1]).fetchall()
        [(2,)]
    """
    return default_connection()._sql(query, params, Resolver(_getframe(1), objects))


def execute(sql: str, params: Parameters | None = None, **objects: Any) -> ExecuteResult:
    """Connection.execute on the default connection.

    sql, params, objects: as of Connection.execute. Raises what that does.

    Example:
        >>> laminardb.execute("CREATE OR REPLACE TABLE notes (text VARCHAR)")
        ExecuteResult(ddl, CREATE TABLE notes)
    """
    rows = default_connection()._execute(sql, params, Resolver(_getframe(1), objects))
    return ExecuteResult(rows)
