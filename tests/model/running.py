# SPDX-License-Identifier: Apache-2.0
"""What tests of single faults share: the changes of a subscription, and rows as bags."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

Row = tuple[Any, ...]
T = TypeVar("T")


def some(value: T | None) -> T:
    """The value, which is one."""
    assert value is not None
    return value


def changes(sub: Any) -> list[Row]:
    out: list[Row] = []
    while (batch := sub.try_next()) is not None:
        out += batch.fetchall()
    return out


def bag(rows: list[Row]) -> Counter[Row]:
    return Counter(rows)
