# SPDX-License-Identifier: Apache-2.0
"""Writer: rows into one source."""

from __future__ import annotations

from .errors import IngestionError
from .shown import Shown

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any, Literal

    from .connection import Connection


class Writer(Shown):
    """Inserts into one source and moves its watermark. Made by ``Connection.writer``; a context manager.

    connection, name: where the rows go.
    What was inserted is in every stream when ``insert`` returns: the writer holds nothing back. After close()
    every call raises IngestionError 301.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> with db.writer("t") as writer:
        ...     writer.insert([(1, "a"), (2, "b")])
        2
    """

    __slots__ = ("_connection", "_name")

    def __init__(self, connection: Connection, name: str) -> None:
        connection._source_stats(name)  # an unknown source, or a closed connection, says so now
        self._connection: Connection | None = connection
        self._name = name

    def _open(self) -> Connection:
        if self._connection is None:
            error = IngestionError(f'IngestionError (301): the writer of "{self._name}" is closed')
            error.code = 301
            raise error
        return self._connection

    @property
    def name(self) -> str:
        """The source.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> writer = db.writer("t")
            >>> writer.name
            't'
        """
        return self._name

    @property
    def schema(self) -> Any:
        """The source's schema, as Connection.schema gives it.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> writer = db.writer("t")
            >>> writer.schema.names
            ['k', 's']
        """
        return self._open().schema(self._name)

    def insert(self, data: Any) -> int:
        """As Connection.insert: all rows or none; returns the row count.

        data, wait: as there. Raises what that does; IngestionError 301 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> writer = db.writer("t")
            >>> writer.insert({"k": [1, 2]})
            2
        """
        return self._open().insert(self._name, data)

    def watermark(self, timestamp_ms: int) -> None:
        """No row before this epoch millisecond will come: windows close. It never goes back.

        A source without WATERMARK FOR is event-timed from the first call on.
        timestamp_ms: epoch milliseconds. Raises IngestionError 301 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
            >>> db.writer("t").watermark(5000)
            >>> db.pipeline_watermark
            5000
        """
        self._open()._advance(self._name, timestamp_ms)

    @property
    def current_watermark(self) -> int:
        """Epoch milliseconds; the smallest int64 before any row.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (ts BIGINT, WATERMARK FOR ts)")
            >>> writer = db.writer("t")
            >>> _ = writer.insert({"ts": 5000})
            >>> writer.current_watermark
            5000
        """
        return self._open()._source_stats(self._name)["watermark"]

    def flush(self) -> None:
        """Returns when all that was inserted is applied: at once.

        Raises IngestionError: 301 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> writer = db.writer("t")
            >>> _ = writer.insert({"k": 1})
            >>> writer.flush()
        """
        self._open()._source_stats(self._name)

    def close(self) -> None:
        """Twice is fine.

        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> writer = db.writer("t")
            >>> writer.close()
            >>> writer
            Writer('t', closed)
        """
        self._connection = None

    def __enter__(self) -> Writer:
        self._open()
        return self

    def __exit__(self, *exc: object) -> Literal[False]:
        self.close()
        return False

    def __repr__(self) -> str:
        return f"Writer({self._name!r}, {'closed' if self._connection is None else 'open'})"


BatchWriter = Writer
