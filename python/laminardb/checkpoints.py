# SPDX-License-Identifier: Apache-2.0
"""What checkpoint(), checkpoints() and checkpoint_status() give."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from .shown import Shown, as_bundle, as_html

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


class CheckpointResult(int):
    """The number of a checkpoint: an int, whose text is its digits.

    Example:
        >>> laminardb.CheckpointResult(7), f"{laminardb.CheckpointResult(7)}"
        (CheckpointResult(checkpoint_id=7), '7')
    """

    __slots__ = ()

    @property
    def checkpoint_id(self) -> int:
        """The number as a plain int.

        Example:
            >>> laminardb.CheckpointResult(7).checkpoint_id
            7
        """
        return int(self)

    def __repr__(self) -> str:
        return f"CheckpointResult(checkpoint_id={int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)

    def __format__(self, spec: str) -> str:
        return format(int(self), spec)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)


@dataclass(frozen=True, slots=True)
class CheckpointInfo(Shown):
    """One checkpoint that there is.

    checkpoint_id: the number, from 1.
    created_at: aware, UTC. epoch: the newest insert in it. rows: of sources and tables. size_bytes: written
    for it; what an older one had written is used again. duration_ms: from its beginning until it was on disk.
    stall_ms: how long inserts had to wait for it. trigger: "asked", "interval", "log" (it was long),
    "durability" (no longer off) or "close".

    Example:
        >>> db = laminardb.open(config=laminardb.LaminarConfig(checkpoint_interval_ms=60_000))
        >>> _ = db.checkpoint()
        >>> [c.stall_ms <= c.duration_ms for c in db.checkpoints()]
        [True]
    """

    checkpoint_id: int
    created_at: datetime
    epoch: int
    rows: int
    size_bytes: int
    duration_ms: float
    stall_ms: float
    trigger: str


@dataclass(frozen=True, repr=False)
class CheckpointStatus(Shown):
    """Whether there are checkpoints, and the newest one; fields that are not known are None.

    checkpoint_id, last_checkpoint_at: of the newest one.
    wal_bytes: of the files of the log. interval_ms: how often one is made. last_duration_ms, last_stall_ms:
    as in CheckpointInfo.

    Example:
        >>> laminardb.CheckpointStatus(checkpoint_id=42, enabled=True)
        CheckpointStatus(checkpoint_id=42, enabled=True)
    """

    checkpoint_id: int | None
    enabled: bool
    last_checkpoint_at: datetime | None = None
    wal_bytes: int | None = None
    interval_ms: int | None = None
    last_duration_ms: float | None = None
    last_stall_ms: float | None = None

    def __post_init__(self) -> None:
        if self.checkpoint_id is not None:
            object.__setattr__(self, "checkpoint_id", int(self.checkpoint_id))

    def __repr__(self) -> str:
        shown = [(f.name, getattr(self, f.name)) for f in fields(self)]
        kept = [f"{name}={value!r}" for name, value in shown[:2]]
        kept += [f"{name}={value!r}" for name, value in shown[2:] if value is not None]
        return f"CheckpointStatus({', '.join(kept)})"

    @classmethod
    def _of(cls, told: tuple[Any, ...]) -> CheckpointStatus:
        enabled, interval_ms, wal_bytes, last_id, created_us, duration_us, stall_us = told
        if last_id == 0:
            return cls(None, enabled, None, None if wal_bytes < 0 else wal_bytes, interval_ms or None)
        return cls(
            last_id,
            enabled,
            _instant(created_us),
            None if wal_bytes < 0 else wal_bytes,
            interval_ms or None,
            duration_us / 1000,
            stall_us / 1000,
        )
