# SPDX-License-Identifier: Apache-2.0
"""Windows, lateness and watermarks by the written rules, row by row, in plain Python integers (milliseconds).

Nothing of the engine is in here and nothing is clever: a query's answer is computed again from all rows that
were accepted. The rules:

- the watermark is the largest event time seen minus the delay; it moves once per insert, after the insert;
- windows are [start, end), start = t - floorMod(t - offset, slide); a row is in each that holds its time;
- a pair of row and window is late iff end + lateness <= the watermark before the row's insert; a row whose
  windows all are is late and counted; for sessions a row is late iff t + lateness < that watermark;
- a session joins rows of a key at most `gap` apart, and ends at its last row + gap;
- a window is final iff end + lateness <= watermark, a session iff end + lateness < watermark;
- EMIT AFTER WATERMARK shows a window from end <= watermark on, a session from end < watermark on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Row = tuple[int | None, int | None, int]  # time, key, value
Window = tuple[int, int]
Answer = tuple[int | None, int, int, int, int, int]  # key, start, end, count, sum, distinct values


@dataclass(frozen=True)
class Shape:
    """One kind of window: `hop` (TUMBLE: slide = size), `cumulate` or `session` (size: the gap)."""

    kind: str
    size: int
    slide: int = 0
    offset: int = 0

    def windows(self, t: int) -> list[Window]:
        if self.kind == "hop":
            first = t - (t - self.offset) % self.slide
            return [(s, s + self.size) for s in range(first, t - self.size, -self.slide)]
        start = t - (t - self.offset) % self.size
        ends = range(start + self.slide, start + self.size + 1, self.slide)
        return [(start, end) for end in ends if end > t]


@dataclass
class Naive:
    shape: Shape
    delay: int
    lateness: int
    watermark: int | None = None
    rows: list[tuple[int, int | None, int, list[Window]]] = field(default_factory=list)
    late: int = 0
    late_rows: list[Row] = field(default_factory=list)
    null_time: int = 0

    def is_over(self, end: int) -> bool:
        return self.watermark is not None and end + self.lateness <= self.watermark

    def insert(self, rows: list[Row]) -> None:
        for t, k, v in rows:
            if t is None:
                self.null_time += 1
                continue
            if self.shape.kind == "session":
                windows: list[Window] = []
                late = self.watermark is not None and t + self.lateness < self.watermark
            else:
                windows = [w for w in self.shape.windows(t) if not self.is_over(w[1])]
                late = not windows
            self.late += late
            if late:
                self.late_rows.append((t, k, v))
            else:
                self.rows.append((t, k, v, windows))
        times = [t for t, _, _ in rows if t is not None]
        if times:
            self.advance(max(times) - self.delay)

    def advance(self, watermark: int) -> None:
        self.watermark = watermark if self.watermark is None else max(self.watermark, watermark)

    def groups(self) -> dict[tuple[int | None, Window], list[int]]:
        out: dict[tuple[int | None, Window], list[int]] = {}
        if self.shape.kind != "session":
            for _, k, v, windows in self.rows:
                for w in windows:
                    out.setdefault((k, w), []).append(v)
            return out
        for key in {k for _, k, _, _ in self.rows}:
            times = sorted((t, v) for t, k, v, _ in self.rows if k == key)
            while times:
                taken = [times.pop(0)]
                while times and times[0][0] - taken[-1][0] <= self.shape.size:
                    taken.append(times.pop(0))
                out[key, (taken[0][0], taken[-1][0] + self.shape.size)] = [v for _, v in taken]
        return out

    def windowed(self, final: bool) -> Counter[tuple[int, int | None, int, int, int]]:
        """The rows with the bounds of their windows: time, key, value, start, end."""
        out: Counter[tuple[int, int | None, int, int, int]] = Counter()
        for t, k, v, windows in self.rows:
            if self.shape.kind == "session":
                windows = [w for key, w in self.groups() if key == k and w[0] <= t < w[1]]
            out.update((t, k, v, *w) for w in windows if not final or self.is_final(w))
        return out

    def is_final(self, w: Window) -> bool:
        if self.shape.kind == "session":
            return self.watermark is not None and w[1] + self.lateness < self.watermark
        return self.is_over(w[1])

    def is_reached(self, w: Window) -> bool:
        """EMIT AFTER WATERMARK shows it."""
        if self.watermark is None:
            return False
        return w[1] < self.watermark if self.shape.kind == "session" else w[1] <= self.watermark

    def answers(self, final: bool, reached: bool = False) -> set[Answer]:
        return {
            (k, w[0], w[1], len(vs), sum(vs), len(set(vs)))
            for (k, w), vs in self.groups().items()
            if (not final or self.is_final(w)) and (not reached or self.is_reached(w))
        }

    def open_groups(self) -> int:
        return sum(not self.is_final(w) for _, w in self.groups())
