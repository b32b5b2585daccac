# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that call: each has one daemon thread, which sleeps in the engine."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from typing import Any, Self
from weakref import WeakSet

from .errors import StreamError, SubscriptionError
from .result import QueryResult
from .shown import Shown
from .subscription import Subscription, _Common

_live: WeakSet[DeliveryThread] = WeakSet()
_live_lock = threading.Lock()
_EXIT_SECONDS = 1.0  # how long the interpreter's exit waits for callbacks that still run


class DeliveryThread(threading.Thread):
    """Reads a subscription to its end and hands each batch to a function.

    An exception of that function, or a failure of the stream, goes to on_error as a message; then the next
    batch follows. Without on_error, or when it raises too, the subscription stops and threading.excepthook
    shows the exception.
    """

    def __init__(
        self,
        name: str,
        changes: _Common,
        on_data: Callable[[QueryResult], object],
        on_error: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._changes = changes
        self._on_data = on_data
        self._on_error = on_error

    def start(self) -> None:
        """Starts the thread; the interpreter's exit cancels it."""
        super().start()
        with _live_lock:
            _live.add(self)

    def run(self) -> None:
        try:
            while self._deliver_one():
                pass
        finally:
            self._changes.cancel()

    def _deliver_one(self) -> bool:
        try:
            batch = self._changes.next()
            if batch is None:
                return False
            self._on_data(batch)
        except Exception as e:
            if self._on_error is None:
                raise
            self._on_error(str(e) if isinstance(e, StreamError | SubscriptionError) else _message(e))
        return True

    def cancel(self) -> None:
        """Ends the thread once a running callback has returned. Twice is fine, from any thread."""
        self._changes.cancel()


def _message(e: Exception) -> str:
    text = str(e)
    return f"{type(e).__name__}: {text}" if text else type(e).__name__


def check_callable(function: Any, name: str) -> None:
    """TypeError unless it can be called."""
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {type(function).__name__}")


class CallbackSubscription(Shown):
    """A subscription that calls on_data(QueryResult) on a thread of its own.

    Made by Connection.subscribe_callback and subscribe_stream_callback. It ends by cancel(), when its query
    ended or the connection closed, and when on_data raised and there is no on_error.

    Example:
        >>> db = laminardb.open()
        >>> got = []
        >>> changes = db.subscribe_callback("SELECT 1 AS one", got.append)
        >>> changes.wait(10), got
        (True, [QueryResult(rows=1, columns=1)])
    """

    __slots__ = ("_changes", "_thread")

    def __init__(
        self,
        changes: _Common,
        on_data: Callable[[QueryResult], object],
        on_error: Callable[[str], object] | None,
    ) -> None:
        kind = "query" if isinstance(changes, Subscription) else "stream"
        self._changes = changes
        self._thread = DeliveryThread(f"laminardb-callback-{kind}", changes, on_data, on_error)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()

    @property
    def is_active(self) -> bool:
        """True until it is cancelled or has ended.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe_callback("SELECT k FROM t", print)
            >>> changes.is_active
            True
            >>> changes.cancel()
            >>> changes.is_active
            False
        """
        return self._changes.is_active and self._thread.is_alive()

    def cancel(self) -> None:
        """Ends it once a running callback has returned. Twice is fine, also from inside a callback.

        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe_callback("SELECT k FROM t", print)
            >>> changes.cancel()
            >>> changes
            CallbackSubscription(cancelled)
        """
        self._thread.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended, at most `timeout` seconds; True when it has.

        Inside its own callbacks it does not wait and gives False.
        timeout: None: for ever. Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> changes = db.subscribe_callback("SELECT k FROM t", print)
            >>> changes.wait(0.01)
            False
            >>> db.close()
            >>> changes.wait(10)
            True
        """
        if threading.current_thread() is self._thread:
            return False
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def __repr__(self) -> str:
        return f"CallbackSubscription({'active' if self.is_active else self._changes._state})"


@atexit.register
def _end_all() -> None:
    """No callback starts once the interpreter tears down what it would use."""
    with _live_lock:
        threads = [t for t in _live if t.is_alive()]
    for thread in threads:
        thread.cancel()
    end = time.monotonic() + _EXIT_SECONDS
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))
