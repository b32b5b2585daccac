# SPDX-License-Identifier: Apache-2.0
"""Figures as text, and what the page's parts share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
Results = dict[str, dict[str, Any]]  # by suite: what figures.py wrote


def number(value: float) -> str:
    """Three digits."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def rate(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{number(value / size)} {unit}"
    return number(value)


def table(head: list[str], rows: Iterable[list[str]], left: int = 1) -> str:
    """Markdown; columns from `left` on stand to the right."""
    ruler = ["---" if i < left else "---:" for i in range(len(head))]
    made = [head, ruler, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in made).replace("|  |", "| |")


def rows_of(results: Results, suite: str, **wanted: Any) -> list[Row]:
    found = results.get(suite, {}).get("rows", [])
    return [r for r in found if all(r.get(k) == v for k, v in wanted.items())]


def right(row: Row) -> bool:
    return row.get("answer") == "ok"


def by_case(rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """case -> engine -> row"""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if "engine" in row:
            found.setdefault(row["case"], {})[row["engine"]] = row
    return found


def mean(values: list[float]) -> float:
    """The geometric one."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def cell(row: Row | None, value: str) -> str:
    """A figure with what the referee says of its answer."""
    if row is None or not value:
        return "-"
    return value if right(row) else f"{value} (wrong)"
