# SPDX-License-Identifier: Apache-2.0
"""What a SQL INTERVAL with months is in Python."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """A SQL INTERVAL with months; one without is a datetime.timedelta."""

    months: int
    days: int
    microseconds: int
