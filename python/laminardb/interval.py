# SPDX-License-Identifier: Apache-2.0
"""What a SQL INTERVAL with months is in Python."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """A SQL INTERVAL with months; one without is a datetime.timedelta.

    Example:
        >>> laminardb.open().query("SELECT INTERVAL '1' MONTH").fetchone()
        (Interval(months=1, days=0, microseconds=0),)
    """

    months: int
    days: int
    microseconds: int
