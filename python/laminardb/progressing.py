# SPDX-License-Identifier: Apache-2.0
"""What a person sees of what takes long: a line on a terminal, one display in a notebook, else nothing.

Nothing is shown before DELAY seconds, and what was shown goes when the work is done. shown.watcher() decides
whether somebody looks, so this module is loaded for people alone. Any thread may report: a line is written
whole.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from ._laminardb import _work_begin, _work_end, _work_look
from .flow import short
from .markup import cut, escaped, framed, width

if TYPE_CHECKING:
    from .connection import Connection
    from .pipeline import Progress

DELAY = 0.5  # seconds
INTERVAL_MS = 200
_COLUMNS = 79
_WHAT_MAX = 22  # columns, beside figures

_lock = threading.Lock()


def seconds(value: float) -> str:
    """A time as a person says it."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(int(value + 0.5), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def line_of(p: Progress) -> str:
    """How far a query is, and how long it still takes."""
    text = f"{p.fraction:4.0%}  {short(p.rows_read)} of {short(p.rows_to_read)} rows  {seconds(p.elapsed)}"
    return text if p.remaining is None else f"{text}, about {seconds(p.remaining)} to go"


class _Terminal:
    """One line of standard error, which the next output overwrites."""

    def show(self, text: str, fraction: float | None) -> None:
        text = cut(f"laminardb: {text}", _COLUMNS)[0]
        with _lock:
            sys.stderr.write(f"\r{text}{' ' * max(0, _COLUMNS - width(text))}\r")
            sys.stderr.flush()

    def end(self) -> None:
        with _lock:
            sys.stderr.write(f"\r{' ' * _COLUMNS}\r")
            sys.stderr.flush()


class _Notebook:
    """One display, which is made anew in its place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def _put(self, html: str, text: str) -> None:
        from IPython.display import display

        bundle = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def show(self, text: str, fraction: float | None) -> None:
        share = 0 if fraction is None else 100 * fraction
        bar = f'<span class="lm-track"><span class="lm-bar" style="width:{share:.1f}%"></span></span> '
        self._put(
            framed(f'<p class="lm-note">{bar if fraction is not None else ""}{escaped(text)}</p>'), text
        )

    def end(self) -> None:
        self._put("", "")


def place() -> _Terminal | _Notebook:
    """Where it is shown, anew for each thing that takes long."""
    return _Notebook() if "ipykernel" in sys.modules else _Terminal()


class QueryProgress:
    """What Connection.set_progress is given: shows the queries that take longer than DELAY."""

    def __init__(self) -> None:
        self._shown: dict[int, _Terminal | _Notebook] = {}

    def __call__(self, p: Progress) -> None:
        at = self._shown.get(p.id)
        if p.fraction >= 1:
            if at is not None:
                del self._shown[p.id]
                at.end()
            return
        if p.elapsed < DELAY:
            return
        if at is None:
            for lost in [id for id in self._shown if id < p.id - 64]:  # of queries that failed
                del self._shown[lost]
            at = self._shown[p.id] = place()
        at.show(line_of(p), p.fraction)


def work_line(what: str, done: int, total: int, elapsed: float, left: float | None = None) -> str:
    """How far what reads and writes files is, where that is known."""
    if total <= 0:
        return f"{what}  {seconds(elapsed)}"
    text = f"{cut(what, _WHAT_MAX)[0]}  {min(done / total, 1):4.0%}  {short(done)}B of {short(total)}B"
    return f"{text}, {seconds(elapsed)}" if left is None else f"{text}, about {seconds(left)} to go"


class Pace:
    """The time left by how fast it went of late: a log is run, which takes longer than reading state."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])

    def left(self, done: int, total: int, elapsed: float) -> float | None:
        """Seconds, by the last half of what has passed; None where nothing was done in it."""
        seen = self._seen
        seen.append((elapsed, done))
        while len(seen) > 2 and seen[1][0] <= 0.5 * elapsed:
            seen.popleft()
        gained = done - seen[0][1]
        if gained <= 0 or not 0 < done < total:
            return None
        return (elapsed - seen[0][0]) * (total - done) / gained


class Working:
    """What reads and writes a database's files, as a context: told by a thread of its own."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._work: object = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="laminardb-progress", daemon=True)

    def _tell(self) -> None:
        began, wait, at = time.monotonic(), DELAY / 4, None
        pace = Pace()
        while not self._over.wait(wait):
            elapsed = time.monotonic() - began
            done, total = _work_look(self._work)
            left = pace.left(done, total, elapsed)
            if elapsed < DELAY:
                continue
            at = at or place()
            line = work_line(self._what, done, total, elapsed, left)
            at.show(line, done / total if total > 0 else None)
            wait = INTERVAL_MS / 1000
        if at is not None:
            at.end()

    def __enter__(self) -> Working:
        self._work = _work_begin()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        _work_end()
        self._over.set()
        self._thread.join()


def attach(db: Connection) -> None:
    """From now on long queries of the connection show how far they are; set_progress replaces that."""
    db.set_progress(QueryProgress(), interval_ms=INTERVAL_MS)
