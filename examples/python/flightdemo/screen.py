# SPDX-License-Identifier: Apache-2.0
"""Progress for people: a block that is redrawn in place on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from time import perf_counter
from typing import Any

FRAME_SECONDS = 0.2
LINE_SECONDS = 30.0
LINES = 10
RECENT = 5000


@dataclass
class Frame:
    """What there is to see at one moment."""

    now: datetime
    watermark: datetime | None
    rows: int
    total_rows: int
    inserts: int
    seconds: float
    p50: float
    p99: float
    late_rows: int
    windows: int
    top: Sequence[tuple[Any, ...]]
    newest: Sequence[tuple[Any, ...]]


def percentiles(nanoseconds: Sequence[int]) -> tuple[float, float]:
    """Median and 99th percentile in microseconds."""
    ordered = sorted(nanoseconds)
    if not ordered:
        return 0.0, 0.0
    return ordered[len(ordered) // 2] / 1000, ordered[len(ordered) * 99 // 100] / 1000


def minute(at: datetime | None) -> str:
    return "none yet" if at is None else f"{at:%Y-%m-%d %H:%M}"


class Screen:
    """Draws frames; due() tells when the next one is wanted."""

    def __init__(self, total_rows: int) -> None:
        self.live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._next_time = 0.0 if self.live else perf_counter() + LINE_SECONDS
        self._step = total_rows // LINES + 1
        self._next_rows = self._step
        self._height = 0
        self._last: Frame | None = None

    def due(self, rows: int) -> bool:
        return perf_counter() >= self._next_time or (not self.live and rows >= self._next_rows)

    def draw(self, frame: Frame) -> None:
        if self.live:
            self._redraw(frame)
            self._next_time = perf_counter() + FRAME_SECONDS
        else:
            print(self._line(frame), flush=True)
            self._next_time = perf_counter() + LINE_SECONDS
            while self._next_rows <= frame.rows:
                self._next_rows += self._step
        self._last = frame

    def close(self) -> None:
        """Leaves the last frame where it is and gives the cursor back."""
        if self.live:
            sys.stdout.write("\x1b[?25h")
            sys.stdout.flush()

    def _rates(self, f: Frame) -> tuple[float, float]:
        """Rows and inserts a second since the frame before."""
        last = self._last
        rows, inserts, seconds = (last.rows, last.inserts, last.seconds) if last else (0, 0, 0.0)
        passed = f.seconds - seconds
        return ((f.rows - rows) / passed, (f.inserts - inserts) / passed) if passed > 0 else (0.0, 0.0)

    def _line(self, f: Frame) -> str:
        rows, inserts = self._rates(f)
        return (
            f"{minute(f.now)}  {f.rows:>7,} rows  {rows:>7,.0f} rows/s  {inserts:>6,.0f} inserts/s  "
            f"p50 {f.p50:,.0f} us  p99 {f.p99:,.0f} us  watermark {minute(f.watermark)}  late {f.late_rows:,}"
        )

    def _redraw(self, f: Frame) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        width, height = size.columns or 80, size.lines or 24
        lines = [line[: width - 1] for line in self._block(f, width)][: height - 1]
        back = f"\x1b[{self._height}F" if self._height else "\x1b[?25l"
        sys.stdout.write(back + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._height = len(lines)

    def _block(self, f: Frame, width: int) -> list[str]:
        rows, inserts = self._rates(f)
        share = f.rows / f.total_rows if f.total_rows else 1.0
        bar_width = max(10, min(width, 96) - 56)
        bar = "#" * int(share * bar_width)
        return [
            f"{minute(f.now)}  [{bar:.<{bar_width}}] {share:>4.0%}  {f.rows:>7,} rows  {f.seconds:>6.1f} s",
            "",
            f"in       {rows:>9,.0f} rows/s {inserts:>12,.0f} inserts/s",
            f"out      {f.p50:>9,.0f} us p50 {f.p99:>12,.0f} us p99      insert() to batch in hand",
            f"windows  {f.windows:>9,} closed {f.late_rows:>12,} late rows   watermark {minute(f.watermark)}",
            "",
            *self._tables(f),
        ]

    @staticmethod
    def _tables(f: Frame) -> list[str]:
        left = ["busiest routes         flights", *(f"{r:>3}  {o} > {d} {n:>15,}" for r, o, d, n in f.top)]
        right = [
            f"{'newest closed hours':<19}{'flights':>9}{'average':>9}{'longest':>9}",
            *(f"{h:%m-%d %H:%M}  {c:<2} {n:>12} {a:>7.1f}m {m:>7}m" for c, h, n, a, m in f.newest),
        ]
        return [f"{a:<30}   {b}".rstrip() for a, b in zip_longest(left, right, fillvalue="")]
