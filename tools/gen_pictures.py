#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/guide/img/*.svg: what the guide tells about time, windows and emission."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "docs/guide/img"
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 } .small { font-size: 11px; fill: #59636e }
  .axis { stroke: #818b98 } .mark { stroke: #0969da; stroke-width: 2; fill: none } .dot { fill: #0969da }
  .late { fill: #cf222e } .bar { fill: #0969da; fill-opacity: .18; stroke: #0969da }
  .guide { stroke: #d1d9e0 } .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } .axis { stroke: #656c76 } .guide { stroke: #3d444d }
    .mark, .bar { stroke: #4493f8 } .dot, .bar { fill: #4493f8 } .late { fill: #f85149 }
    .page { fill: #0d1117 }
  }"""


def svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img">\n<title>{title}</title>\n<style>{STYLE}\n</style>\n'
        f'<rect class="page" width="{width}" height="{height}"/>\n{body}\n</svg>\n'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def label(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{words}</text>'


def dot(x: float, y: float, kind: str = "dot", r: float = 4.5) -> str:
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{r:g}"/>'


def bar(x: float, y: float, width: float, height: float = 14) -> str:
    return f'<rect class="bar" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3"/>'


def watermark() -> str:
    """Rows in their order of arrival; the watermark is the greatest time so far less the delay."""
    seconds, delay = [6, 8, 7, 11, 9, 15, 12, 8, 17, 20], 5

    def at(i: int, s: float) -> tuple[float, float]:
        return 70 + 52 * i, 250 - 10 * s

    parts = [line(50, 250, 600, 250, "axis"), line(50, 250, 50, 30, "axis")]
    parts += [label(600, 272, "order of arrival", "small", "end"), label(56, 30, "event time (s)", "small")]
    for s in range(5, 25, 5):
        y = 250 - 10 * s
        parts += [line(50, y, 600, y, "guide"), label(44, y + 4, str(s), "small", "end")]
    path, mark = [], None
    for i, s in enumerate(seconds):
        x, y = at(i, s)
        late = mark is not None and s < mark
        parts.append(dot(x, y, "late" if late else "dot"))
        if late:
            parts.append(label(x + 8, y + 4, "late", "small"))
        mark = max(s - delay, s - delay if mark is None else mark)
        path += [(x + 26, at(i, mark)[1]), (x + 78, at(i, mark)[1])]
    steps = " ".join(f"{x:g},{y:g}" for x, y in path)
    parts.append(f'<polyline class="mark" points="{steps}"/>')
    parts.append(label(600, 210, "watermark = newest − 5 s", "", "end"))
    return svg(620, 285, "Rows and the watermark that follows them", parts)


def windows() -> str:
    """The windows of each kind that hold a row, over the same rows."""
    rows = [1, 4, 5, 12, 21]

    def x(t: float) -> float:
        return 225 + 12 * t

    parts = [label(20, 34, "rows")] + [dot(x(t), 30) for t in rows]
    parts += [line(x(t), 14, x(t), 262, "guide") for t in range(0, 35, 5)]
    y = 60
    kinds: list[tuple[str, list[tuple[int, int]]]] = [
        ("TUMBLE 10", [(0, 10), (10, 20), (20, 30)]),
        ("HOP 5, 10", [(-5, 5), (0, 10), (5, 15), (10, 20), (15, 25), (20, 30)]),
        ("CUMULATE 5, 10", [(0, 5), (0, 10), (10, 15), (10, 20), (20, 25), (20, 30)]),
        ("SESSION 5", [(1, 10), (12, 17), (21, 26)]),
    ]
    for name, spans in kinds:
        parts.append(label(20, y + 12, name))
        ends: list[float] = []
        for start, end in spans:
            lane = next((i for i, e in enumerate(ends) if e <= start), len(ends))
            ends[lane : lane + 1] = [end]
            parts.append(bar(x(start) + 1, y + 18 * lane, x(end) - x(start) - 2))
        y += 18 * len(ends) + 18
    parts += [label(x(t), y + 8, str(t), "small", "middle") for t in range(0, 35, 5)]
    return svg(600, y + 20, "TUMBLE, HOP, CUMULATE and SESSION over the same rows", parts)


def emission() -> str:
    """When each mode tells of one window: rows at 1, 3, 4, its end at 6, a late row at 7, final at 9."""

    def x(t: float) -> float:
        return 170 + 44 * t

    parts = [label(20, 34, "rows of a window")] + [dot(x(t), 30) for t in (1, 3, 4)] + [dot(x(7), 30, "late")]
    parts.append(label(x(7) + 9, 34, "late", "small"))
    for t, words in ((6, "watermark: end"), (9, "end + lateness")):
        parts += [line(x(t), 14, x(t), 250, "guide"), label(x(t), 266, words, "small", "middle")]
    modes: list[tuple[str, list[tuple[float, str]]]] = [
        ("EMIT CHANGES", [(1, "+1"), (3, "−1 +2"), (4, "−2 +3"), (7, "−3 +4")]),
        ("EMIT ON UPDATE", [(1, "1"), (3, "2"), (4, "3"), (7, "4")]),
        ("EMIT EVERY", [(2, "1"), (5, "3"), (8, "4")]),
        ("AFTER WATERMARK", [(6, "3"), (7, "4")]),
        ("ON WINDOW CLOSE", [(9, "4")]),
    ]
    for i, (name, marks) in enumerate(modes):
        y = 72 + 38 * i
        parts += [label(20, y + 5, name), line(x(0), y, x(10), y, "axis")]
        parts += [dot(x(t), y, r=4) for t, _ in marks]
        parts += [label(x(t), y - 9, words, "small", "middle") for t, words in marks]
    return svg(640, 280, "When each mode of EMIT tells of a window", parts)


def pictures() -> dict[str, str]:
    """File name to SVG."""
    return {"watermark.svg": watermark(), "windows.svg": windows(), "emit.svg": emission()}


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in pictures().items():
        (OUT / name).write_text(text, encoding="utf-8")
