# SPDX-License-Identifier: Apache-2.0
"""Looking after databases that are kept in a directory: what verify() and salvage() found."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from ._laminardb import _salvage
from .shown import as_bundle, as_html


class Verified(NamedTuple):
    """What verify() read: records of the log behind the older checkpoint, their bytes, and checkpoints.

    Example:
        >>> laminardb.keeping.Verified(records=3, bytes=270, checkpoints=1).records
        3
    """

    records: int
    bytes: int
    checkpoints: int = 0

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)


class Salvaged(NamedTuple):
    """What salvage() could copy: records, why there are not more (None: nothing is missing), and the
    checkpoint that they come behind (0: they are from the beginning).

    Example:
        >>> laminardb.keeping.Salvaged(records=3, reason=None).checkpoint_id
        0
    """

    records: int
    reason: str | None
    checkpoint_id: int = 0

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)


def salvage(path: str | os.PathLike[str], into: str | os.PathLike[str]) -> Salvaged:
    """What can still be read of a database that is refused with code 702, as a new one in `into`.

    All that happened up to the damage is there; `path` is not changed.

    Raises:
        ConnectionError: 100: a directory cannot be made or read, or `into` has a database already.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> db = laminardb.open(folder / "a.ldb")
        >>> _ = db.execute("CREATE TABLE t (k BIGINT PRIMARY KEY); INSERT INTO t VALUES (1)")
        >>> db.close()
        >>> laminardb.salvage(folder / "a.ldb", folder / "b.ldb").reason is None
        True
        >>> laminardb.open(folder / "b.ldb").query("SELECT k FROM t").fetchall()
        [(1,)]
    """
    return Salvaged(*_salvage(path, into))
