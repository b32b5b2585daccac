# SPDX-License-Identifier: Apache-2.0
"""attach_source: iterables and asynchronous iterables that feed a source.

A synchronous one has a daemon thread, an asynchronous one a task of the running loop. Each waits for its
insert before it asks for the next item, so a source that is full holds its feed up, and nothing is kept in
between.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .errors import ConnectionError, IngestionError
from .shown import Shown

if TYPE_CHECKING:
    from .connection import Connection

_EXIT_SECONDS = 1.0  # how long the interpreter's exit waits for a feed that is at an insert
_live: WeakSet[AttachedSource] = WeakSet()


class AttachedSource(Shown):
    """An iterable that feeds a source. Made by ``db.attach_source``.

    batch: rows to an insert. on_error: told of what ends it.
    source: the name. rows: inserted so far. error: the exception that ended it, None while it runs and when
    it ended well: at its end, by cancel(), or because the database was shut down or closed.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> feed = db.attach_source("t", ({"k": i} for i in range(3)))
        >>> feed.wait(10), feed.rows, feed.error
        (True, 3, None)
    """

    def __init__(
        self, db: Connection, source: str, on_error: Callable[[Exception], object] | None, batch: int
    ) -> None:
        self.source = source
        self.rows = 0
        self.error: BaseException | None = None
        self._db = db
        self._on_error = on_error
        self._batch = batch
        self._cancelled = False
        self._done = threading.Event()
        _live.add(self)

    @property
    def is_active(self) -> bool:
        """It may still insert rows.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> feed = db.attach_source("t", ({"k": i} for i in range(3)))
            >>> feed.wait(10), feed.is_active
            (True, False)
        """
        return not self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for its end, at most so many seconds; True: it has ended. Not from the loop of its task.

        timeout: None: for ever. Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> feed = db.attach_source("t", ({"k": i} for i in range(3)))
            >>> feed.wait(10)
            True
        """
        return self._done.wait(timeout)

    def cancel(self) -> None:
        """Ends it before its next insert. Twice is fine, from any thread.

        A thread that waits within the iterable ends when that gives its next item.
        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> feed = db.attach_source("t", ({"k": 1} for _ in iter(int, 1)))
            >>> feed.cancel()
            >>> feed.wait(10), feed.error
            (True, None)
        """
        self._cancelled = True

    def _insert(self, item: Any) -> bool:
        """False: the database takes no more."""
        try:
            self.rows += self._db.insert(self.source, item)
        except ConnectionError:
            return False
        except (IngestionError, TypeError) as e:
            if self._on_error is None:
                raise
            self._on_error(e)
        return True

    def _end(self, error: BaseException | None) -> None:
        self.error = error
        if error is not None and not self._db.is_closed:
            code = getattr(error, "code", None) or 800
            self._db._note_error("source", self.source, code, f"{type(error).__name__}: {error}")
        self._done.set()
        _live.discard(self)

    def __enter__(self) -> AttachedSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()

    def __repr__(self) -> str:
        state = "active" if self.is_active else "finished" if self.error is None else "failed"
        return f"AttachedSource({self.source!r}, {state}, rows={self.rows})"


def _chunks(rows: Iterator[Any], size: int) -> Iterator[Any]:
    """Items one by one, or, from size 2 on, in lists of so many."""
    if size == 1:
        yield from rows
        return
    kept: list[Any] = []
    for row in rows:
        kept.append(row)
        if len(kept) == size:
            yield kept
            kept = []
    if kept:
        yield kept


class _Threaded(AttachedSource):
    def run(self, rows: Iterable[Any]) -> None:
        thread = threading.Thread(
            target=self._work, args=(rows,), name=f"laminardb-source-{self.source}", daemon=True
        )
        thread.start()

    def _work(self, rows: Iterable[Any]) -> None:
        error: BaseException | None = None
        it: Any = None
        try:
            it = iter(rows)
            for item in _chunks(it, self._batch):
                if self._cancelled or not self._insert(item):
                    break
        except BaseException as e:
            error = e
        try:
            if hasattr(it, "close"):
                it.close()
        except Exception as e:
            error = error or e
        self._end(error)


class _Task(AttachedSource):
    def run(self, rows: AsyncIterable[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task = loop.create_task(self._work(rows), name=f"laminardb-source-{self.source}")

    def cancel(self) -> None:
        super().cancel()
        if self.is_active and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _take(self, it: AsyncIterator[Any]) -> None:
        kept: list[Any] = []
        async for item in it:
            kept.append(item)
            if len(kept) >= self._batch:
                whole = kept[0] if self._batch == 1 else kept
                kept = []
                if self._cancelled or not await asyncio.to_thread(self._insert, whole):
                    return
        if kept and not self._cancelled:
            await asyncio.to_thread(self._insert, kept)

    async def _work(self, rows: AsyncIterable[Any]) -> None:
        error: BaseException | None = None
        it = rows.__aiter__()
        try:
            await self._take(it)
        except asyncio.CancelledError:
            pass
        except BaseException as e:
            error = e
        try:
            close = getattr(it, "aclose", None)
            if close is not None:
                await close()
        except Exception as e:
            error = error or e
        self._end(error)


def attach(
    db: Connection,
    source: str,
    rows: Iterable[Any] | AsyncIterable[Any],
    on_error: Callable[[Exception], object] | None,
    batch: int,
) -> AttachedSource:
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    db._source_stats(source)  # SchemaError: there is no such source
    if isinstance(rows, AsyncIterable):
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise TypeError("an asynchronous iterable is attached within a running event loop") from None
        task = _Task(db, source, on_error, batch)
        task.run(rows, loop)
        return task
    whole = isinstance(rows, str | bytes | dict) or hasattr(rows, "__dataframe__") or hasattr(rows, "dtype")
    if whole or not isinstance(rows, Iterable):
        raise TypeError(
            f"attach_source takes an iterable of rows or batches, not {type(rows).__name__}"
            + ("; insert() takes it whole" if whole else "")
        )
    made = _Threaded(db, source, on_error, batch)
    made.run(rows)
    return made


@atexit.register
def _end_all() -> None:
    until = time.monotonic() + _EXIT_SECONDS
    feeds = list(_live)
    for feed in feeds:
        feed._cancelled = True
    for feed in feeds:
        if isinstance(feed, _Threaded):
            feed.wait(max(0.0, min(0.2, until - time.monotonic())))
