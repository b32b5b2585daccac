# SPDX-License-Identifier: Apache-2.0
"""Why a stream shows, or a sink writes, what it does: ``EXPLAIN WATERMARK`` as objects and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .highlight import terminal_lines
from .shown import Shown


@dataclass(frozen=True, slots=True)
class InputState(Shown):
    """A source or table that a stream reads, at any depth.

    name: its name. kind: source or table. has_event_time: WATERMARK FOR, or a Writer's.
    watermark: epoch milliseconds, None before any row and without event time. behind_ms: how far it trails
    the most advanced input. rows: stored. rows_null_time: without event time. rows_waiting: held back by a
    pause. is_idle: silent for its idle_timeout, so that no watermark waits for it.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> db.why("n").inputs[0].name
        't'
    """

    name: str
    kind: str
    has_event_time: bool
    watermark: int | None
    behind_ms: int | None
    rows: int
    rows_null_time: int
    rows_waiting: int
    is_idle: bool = False


@dataclass(frozen=True, slots=True)
class Why(Shown):
    """What became of the rows of a stream or sink, and what it waits for. ``print(db.why("s"))`` says it.

    name: of the stream or sink.
    state: "running", "waiting" (for start), "paused", "stopped" or "failed"; of a sink also "waiting" (for
    its program), "retrying" and "finished". watermark: the least of its inputs', epoch milliseconds or None.
    held_by: the input that it waits for. rows_in: read; of these rows_filtered were not kept by a condition,
    rows_late came after their windows were final, rows_null_time have no event time. rows_waiting: held back
    by a pause, or not written yet. rows_out: emitted, or written. next_final: the watermark, epoch
    milliseconds, at which the first open window is final. suggestion: one thing to do next. kind: "stream" or
    "sink".

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> why = db.why("n")
        >>> why.state, why.suggestion
        ('running', 'no row has reached it: insert into "t"')
    """

    name: str
    state: str
    watermark: int | None
    held_by: str | None
    rows_in: int
    rows_out: int
    rows_filtered: int
    rows_late: int
    rows_null_time: int
    rows_waiting: int
    next_final: int | None
    inputs: tuple[InputState, ...]
    suggestion: str
    kind: str = "stream"

    @classmethod
    def _of(cls, rows: list[dict[str, Any]]) -> Why:
        s = rows[0]
        same = "name kind state watermark held_by rows_out"
        same += " rows_filtered rows_late rows_null_time rows_waiting"
        inputs = tuple(
            InputState(
                r["name"],
                r["kind"],
                r["state"] in ("event time", "idle"),
                r["watermark"],
                r["behind_ms"],
                r["rows"],
                r["rows_null_time"],
                r["rows_waiting"],
                r["state"] == "idle",
            )
            for r in rows[1:]
        )
        return cls(
            rows_in=s["rows"],
            next_final=s["next_final"],
            inputs=inputs,
            suggestion=s["suggestion"],
            **{k: s[k] for k in same.split()},
        )

    def _html(self) -> str:
        from .drawing import text_html

        return text_html(str(self))

    def __str__(self) -> str:
        lost = [
            f"{count:,} {what}"
            for count, what in (
                (self.rows_filtered, "filtered"),
                (self.rows_late, "late"),
                (self.rows_null_time, "without event time"),
                (self.rows_waiting, "waiting"),
            )
            if count
        ]
        lines = [
            f"{self.kind} {self.name}: {self.state}, watermark {_instant(self.watermark)}",
            f"  rows: {self.rows_in:,} in, {self.rows_out:,} out" + "".join(f", {text}" for text in lost),
        ]
        if self.next_final is not None:
            lines.append(f"  first open window: final at {_instant(self.next_final)}")
        for i in self.inputs:
            line = f"  {i.kind} {i.name}: {i.rows:,} rows"
            if i.has_event_time:
                line += f", watermark {_instant(i.watermark)}"
            if i.behind_ms:
                line += f", {i.behind_ms:,} ms behind"
            if i.is_idle:
                line += ", idle: not waited for"
            if i.name == self.held_by and len(self.inputs) > 1:
                line += "  <- holds the watermark back"
            lines.append(line)
        return terminal_lines("\n".join([*lines, f"  next: {self.suggestion}"]))


def _instant(ms: int | None) -> str:
    if ms is None:
        return "none"
    from datetime import datetime, timedelta

    try:
        at = datetime(1970, 1, 1) + timedelta(milliseconds=ms)
    except OverflowError:
        return f"{ms} ms"
    return at.isoformat(" ", "milliseconds")
