# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of asyncio code: the engine wakes the running loop through a descriptor, without a thread.

Rows are taken in the step that hands them out, never before a wait. So a cancelled or timed-out wait loses
nothing: the rows are there for the next read.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Self
from weakref import WeakKeyDictionary

from . import _laminardb
from .result import QueryResult
from .subscription import _Common

_TAKEN_AT_ONCE = 64  # waiters that one pass of the loop wakes: other tasks run in between
_READS_IN_A_ROW = 16  # batches that a busy subscription hands out before other tasks run


class _Hub:
    """What one event loop waits with: a notifier of the engine, and who waits for which subscription."""

    __slots__ = ("__weakref__", "notifier", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.notifier = _laminardb.Notifier()
        self.waiting: dict[int, list[asyncio.Future[None]]] = {}
        loop.add_reader(self.notifier.fileno(), self._wake)

    def _wake(self) -> None:
        for tag in self.notifier.take(_TAKEN_AT_ONCE):
            for waiter in self.waiting.pop(tag, ()):
                if not waiter.done():
                    waiter.set_result(None)

    def has_waiters(self, tag: int) -> bool:
        return any(not w.done() and not w.get_loop().is_closed() for w in self.waiting.get(tag, ()))

    async def wait(self, subscription: _Async) -> None:
        """Until there may be something to read."""
        tag = id(subscription)  # stays taken: the waiting coroutine holds the subscription
        waiter = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(tag, []).append(waiter)
        try:
            subscription._notify(self.notifier, tag)
            await waiter
        finally:
            others = self.waiting.get(tag)
            if others is not None and waiter in others:  # cancelled before it was woken
                others.remove(waiter)
                if not others:
                    del self.waiting[tag]


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, _Hub] = WeakKeyDictionary()
_hubs_lock = threading.Lock()


def _hub_of(loop: asyncio.AbstractEventLoop) -> _Hub:
    with _hubs_lock:
        hub = _hubs.get(loop)
        if hub is None:
            hub = _hubs[loop] = _Hub(loop)
        return hub


class _Async(_Common):
    """Asynchronous iteration over a subscription."""

    __slots__ = ("_hub", "_reads")

    _hub: _Hub
    _reads: int
    __iter__ = None  # type: ignore[assignment]

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.cancel()

    async def __anext__(self) -> QueryResult:
        self._reads = getattr(self, "_reads", 0) + 1
        if self._reads >= _READS_IN_A_ROW:
            self._reads = 0
            await asyncio.sleep(0)
        while True:
            batch = self.try_next()
            if batch is None and not self.is_active:
                batch = self.try_next()  # it ended in between: its last rows, or why it failed
                if batch is None:
                    raise StopAsyncIteration
            if batch is not None:
                return batch
            self._reads = 0
            hub = _hub_of(asyncio.get_running_loop())
            before = getattr(self, "_hub", hub)
            if before is not hub and before.has_waiters(id(self)):
                raise RuntimeError(f"{type(self).__name__} is being awaited by another event loop")
            self._hub = hub
            await hub.wait(self)


class AsyncSubscription(_Async):
    """Changes of a SQL query for ``async for``: its current result first, then what changes.

    ``await anext(sub)`` gives one batch; asyncio.timeout and cancellation lose nothing. Any number of them
    share one descriptor of their event loop. try_next never waits.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with laminardb.open() as db:
        ...         db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
        ...         db.start()
        ...         changes = await db.subscribe_async("SELECT k FROM t")
        ...         db.insert("t", {"k": 1})
        ...         async for batch in changes:
        ...             return batch.fetchall()
        >>> asyncio.run(main())
        [(1,)]
    """

    __slots__ = ()

    def __repr__(self) -> str:
        state = self._state
        return f"{type(self).__name__}({'cancelled, finished' if state == 'cancelled' else state})"


class AsyncStreamSubscription(_Async):
    """Changes of a named stream for ``async for``, from the next one on.

    next and next_timeout are the synchronous ones of StreamSubscription: they block the calling thread.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with laminardb.open() as db:
        ...         db.execute("CREATE SOURCE t (k BIGINT); CREATE STREAM s AS SELECT k FROM t")
        ...         db.start()
        ...         changes = await db.subscribe_stream_async("s")
        ...         db.insert("t", {"k": 1})
        ...         async for batch in changes:
        ...             return batch.fetchall()
        >>> asyncio.run(main())
        [(1,)]
    """

    __slots__ = ()
