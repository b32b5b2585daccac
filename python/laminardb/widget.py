# SPDX-License-Identifier: Apache-2.0
"""A live table in a notebook: what a subscription or a stream shows at the end of a cell, where anywidget is.

The page asks for frames, a few ahead of what came, and the kernel says with each how often: at intervals of
22 times what the frames of all tables that are looked at cost in processor time, 60 ms at least. So showing
takes less than a twentieth of a core, and a page that does not look asks for nothing. Between two frames the
engine keeps what changed, bounded: the last row of each key (conflate) or the newest rows (drop_oldest); a
stream with keys is simply read.

Invariants: a frame has at most ROWS rows; every text of a frame went through markup.cut; all is done in the
handler of the page's message, on the kernel's own thread.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from .asking import quoted
from .display import _numeric, html_table
from .errors import LaminarError, QueryError, SubscriptionError
from .markup import cut, static
from .shown import as_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .connection import Connection
    from .result import QueryResult
    from .subscription import _Common

ROWS = 50  # of a frame
_KEYS_MAX = 10_000  # of which rows are remembered
_LEAST_WAIT_MS = 60
_SHARE = 22  # an interval is so many times what the frames within it cost
_FRAME_MAX = 540  # pixels; a table scrolls beyond that
_LAG_BYTES = 256 << 10
_PLAIN = {int, str, bool, type(None)}  # what is equal as it is written
_VIEW = "application/vnd.jupyter.widget-view+json"

Rows = list[tuple[str, tuple[Any, ...]]]  # id, values


class _Named:
    """The rows of a stream with keys: read anew when something has changed."""

    def __init__(self, db: Connection, name: str, keys: list[int] | None) -> None:
        self._db = db
        self._name = name
        self.keys = keys or []
        self._is_one_row = keys is None
        self._seen = -1
        self.changes = 0
        self.result: QueryResult | None = None
        self.over = False

    def read(self) -> Rows | None:
        """None: nothing has changed."""
        metrics = self._db.stream_metrics(self._name)
        if metrics is None:
            self.over = True
            return None
        if metrics.total_events == self._seen:
            return None
        self.changes += metrics.total_events - max(0, self._seen) if self._seen >= 0 else 0
        self._seen = metrics.total_events
        self.result = self._db._query(f"SELECT * FROM {quoted(self._name)} LIMIT {ROWS}", None, None)
        rows = self.result.fetchall()
        return [(repr([row[k] for k in self.keys]), row) for row in rows]

    def whole(self) -> QueryResult:
        return self._db.query_stream(self._name)


class _Followed:
    """The rows of a query, or of a stream without keys, by a subscription of the table's own.

    shown: the user's subscription, which the table reads along without looking at its rows, so that nothing
    piles up in it and all changes are counted.
    """

    def __init__(self, db: Connection, sql: str, params: Any, shown: _Common | None) -> None:
        self._db = db
        self._sql = sql
        self._params = params
        self._shown = shown
        self._changes = self._subscribed()
        self.keys = self._changes._key_columns() or []
        self._is_one_row = self._changes._key_columns() is None
        self._log: deque[tuple[str, tuple[Any, ...]]] = deque(maxlen=ROWS)
        self._state: dict[Any, tuple[Any, int]] = {}  # of a key: columns, and the place in them
        self._held = 0  # rows of the columns in _state, with old ones
        self._count = 0
        self.changes = 0
        self.result: QueryResult | None = None
        self.over = False

    def _subscribed(self) -> Any:
        self._is_log = False
        policy: Literal["conflate", "drop_oldest"]
        for policy in ("conflate", "drop_oldest"):
            try:
                made = self._db.subscribe(
                    self._sql,
                    self._params,
                    on_lag=policy,
                    max_lag_bytes=_LAG_BYTES,
                )
            except SubscriptionError:
                continue
            self._is_log = policy == "drop_oldest"
            return made
        return self._db.subscribe(self._sql, self._params)

    def _drain_shown(self) -> int:
        """Reads the user's subscription along; how many rows came."""
        count = 0
        for _ in range(2000 if self._shown is not None else 0):
            try:
                batch = self._shown.try_next()  # type: ignore[union-attr]
            except LaminarError:
                continue
            if batch is None:
                break
            count += len(batch)
        return count

    def read(self) -> Rows | None:
        before, came, delivered = self._changes.dropped, False, 0
        for _ in range(1000):
            batch = self._changes.try_next()
            if batch is None:
                break
            came = True
            delivered += len(batch)
            self._apply(batch)
        counted = self._drain_shown()
        self.changes += counted if self._shown is not None else delivered + self._changes.dropped - before
        self.over = not self._changes.is_active
        if not came:
            return None
        if self._is_log:
            return list(reversed(self._log))
        first = islice(self._state.items(), ROWS)
        return [(repr(key), tuple(column[i] for column in columns)) for key, (columns, i) in first]

    def listed(self) -> list[tuple[Any, ...]]:
        """The rows of now, once, without the user's subscription being read."""
        self._shown = None
        rows = self.read() or []
        self._changes.cancel()
        return [row for _, row in rows]

    def _apply(self, batch: QueryResult) -> None:
        self.result = batch
        if batch.columns and batch.columns[-1] == "__weight":
            self._is_log = True
        if self._is_log:
            for row in _last(batch, ROWS):
                self._count += 1
                self._log.append((str(self._count), row))
            return
        if batch.deleted is not None:
            for key in self._names(_columns(batch.deleted), len(batch.deleted)):
                self._state.pop(key, None)
        # Rows are many and those that are shown few: nothing here makes one of each.
        columns, count = _columns(batch), len(batch)
        places = _placed(self._names(columns, count), columns)
        if len(self._state) + count <= _KEYS_MAX:
            self._state.update(places)
        else:
            for key, place in places:
                if key in self._state or len(self._state) < _KEYS_MAX:
                    self._state[key] = place
        self._held += count
        if self._held > 4 * _KEYS_MAX:  # most rows of the columns are old ones
            held = list(self._state.values())
            columns = [[columns[k][i] for columns, i in held] for k in range(batch.num_columns)]
            self._state = dict(_placed(list(self._state), columns))
            self._held = 0

    def _names(self, columns: list[list[Any]], count: int) -> list[Any]:
        """What tells the rows apart."""
        if self._is_one_row:
            return [()] * count
        parts = [columns[k] for k in self.keys] or columns
        if len(parts) == 1 and set(map(type, parts[0])) <= _PLAIN:
            return parts[0]
        return [tuple(map(repr, row)) for row in zip(*parts, strict=True)]

    def whole(self) -> QueryResult:
        return self._db._query(self._sql, self._params, None)


def _placed(names: list[Any], columns: list[list[Any]]) -> Iterator[tuple[Any, tuple[Any, int]]]:
    return zip(names, zip(repeat(columns), range(len(names)), strict=False), strict=True)


def _columns(result: QueryResult) -> list[list[Any]]:
    return [result._column(k) for k in range(result.num_columns)]


def _last(batch: QueryResult, count: int) -> list[tuple[Any, ...]]:
    """The last rows, without making the others."""
    found: list[tuple[Any, ...]] = []
    for i in range(batch.num_batches - 1, -1, -1):
        found = batch._batch(i).fetchall() + found
        if len(found) >= count:
            break
    return found[-count:]


def feed_of(shown: Any) -> _Named | _Followed:
    """Where the rows of a subscription, or of a MaterializedView, come from."""
    if hasattr(shown, "connection"):  # a view
        db, name = shown.connection, shown.name
    else:
        db, what, params = shown._of
        if type(shown).__name__ == "Subscription":
            return _Followed(db, what, params, shown)
        name = what
    probe = db.subscribe_stream(name)
    keys = probe._key_columns()
    probe.cancel()
    if keys == []:
        return _Followed(db, f"SELECT * FROM {quoted(name)}", None, None)
    return _Named(db, name, keys)


class LiveTable:
    """Makes the frames of one table."""

    # Of tables that are looked at: when a frame was asked for, and what one costs.
    _costs: ClassVar[dict[int, tuple[float, float]]] = {}

    def __init__(self, shown: Any) -> None:
        self._feed = feed_of(shown)
        self._last: dict[str, Any] = {}
        self._rates: deque[tuple[float, int]] = deque(maxlen=30)
        self._sending = 0.0  # what that costs beyond making it

    def frame(self) -> dict[str, Any]:
        """What the page draws next; it cannot fail: an error is what it shows."""
        began, used = time.perf_counter(), time.thread_time()
        made: dict[str, Any] = {"kind": "frame"}
        try:
            rows = self._feed.read()
            if rows is not None:
                self._last = self._drawn(rows)
            made.update(self._last)
            full = len(self._last.get("ids", ())) >= ROWS
            made["note"] = f"{ROWS} rows are shown" if full else ""
            made["over"] = self._feed.over
            if self._feed.over:
                made["note"] = "it has ended"
        except LaminarError as e:
            made.update(note=cut(str(e), 300)[0], failed=True, over=True)
        self._rates.append((began, self._feed.changes))
        (then, before), (now, after) = self._rates[0], self._rates[-1]
        made["rate"] = round((after - before) / (now - then)) if now > then else 0
        made["wait"] = max(_LEAST_WAIT_MS, 1000 * _SHARE * self._cost(began, used))
        return made

    def _cost(self, now: float, used: float) -> float:
        """What one frame of each table costs, by the last ones."""
        _, before = self._costs.pop(id(self), (0, 0.0))
        cost = self._sending + time.thread_time() - used
        self._costs[id(self)] = now, max(cost, 0.8 * before)
        for other, (asked, _) in list(self._costs.items()):
            if asked < now - 1:
                del self._costs[other]
        return sum(cost for _, cost in self._costs.values())

    def send(self, put: Callable[[dict[str, Any]], object], view: Any) -> None:
        """Gives a frame to a page."""
        made = self.frame()
        used = time.thread_time()
        put({**made, "view": view})
        self._sending = time.thread_time() - used

    def _drawn(self, rows: Rows) -> dict[str, Any]:
        result = self._feed.result
        assert result is not None
        columns, types = result.columns, result._column_types
        numeric = _numeric(columns, [], types)
        means: list[float | None] = []
        for k, is_number in enumerate(numeric):
            found = [float(row[k]) for _, row in rows if row[k] is not None] if is_number else []
            found = [v for v in found if v - v == 0]  # finite
            means.append(sum(found) / len(found) if found else None)
        return {
            "columns": [cut(name)[0] for name in columns],
            "types": [cut(name, 60)[0] for name in types],
            "numeric": numeric,
            "keys": self._feed.keys,
            "ids": [cut(key)[0] for key, _ in rows],
            "rows": [[None if v is None else cut(v)[0] for v in row] for _, row in rows],
            "means": means,
        }

    def freeze(self) -> QueryResult:
        """All rows of now."""
        return self._feed.whole()


def static_html(shown: Any) -> str:
    """The rows of now as a table, for pages without a widget."""
    feed = feed_of(shown)
    try:
        return feed.whole()._repr_html_()
    except QueryError:
        if isinstance(feed, _Named):
            raise
    rows, result = feed.listed(), feed.result  # of changes, which no query gives
    if result is None:
        return html_table([], [], 0)
    return html_table(result.columns, rows, feed.changes, result._column_types)


def _variables() -> dict[str, Any] | None:
    """Of the kernel of Jupyter's or of marimo's that this runs in, where a page can answer; else None."""
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return cast("dict[str, Any]", shell.user_ns)
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook() and marimo.app_meta().mode in ("edit", "run"):
        return sys.modules["__main__"].__dict__
    return None


def _keep(variables: dict[str, Any], result: QueryResult) -> str:
    """Binds the rows to a variable: frozen, or frozen_2 and so on when that is somebody else's."""
    name, i = "frozen", 1
    while name in variables and variables[name] is not variables.get("_laminardb_frozen"):
        i += 1
        name = f"frozen_{i}"
    variables[name] = variables["_laminardb_frozen"] = result
    return name


def widget_of(shown: Any) -> Any:
    """An anywidget of the table; None where none can run."""
    variables = _variables()
    if variables is None:
        return None
    try:
        import anywidget
    except ImportError:
        return None
    try:
        table = LiveTable(shown)
    except (AttributeError, LaminarError):  # it is over, or was made by something else than a connection
        return None

    class Live(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = static("widget.js")
        _css = static("table.css") + static("widget.css")

    made = Live()

    def answer(_: Any, content: Any, buffers: Any) -> None:
        view = content.get("view")
        if content.get("kind") == "next":
            table.send(made.send, view)
        elif content.get("kind") == "freeze":
            try:
                result = table.freeze()
                note = f"{len(result):,} rows are in the variable {_keep(variables, result)}"
            except LaminarError as e:
                note = cut(str(e), 300)[0]
            made.send({"kind": "frozen", "note": note, "view": view})

    made.on_msg(answer)
    return made


class _Page:
    """HTML and nothing else."""

    def __init__(self, html: str) -> None:
        self._repr_html_ = html.__str__


def page(html: str) -> Any:
    """HTML for marimo, which runs scripts in frames and does not know how high they are."""
    import sys

    marimo = sys.modules.get("marimo")
    if marimo is None or "<script>" not in html:
        return _Page(html)
    return marimo.iframe(html, height=f"{min(_FRAME_MAX, 60 + 24 * html.count('<tr'))}px")


def display(shown: Any) -> Any:
    """What marimo shows in the place of a live table."""
    made = widget_of(shown)
    return page(shown._repr_html_()) if made is None else made


def bundle(shown: Any, include: Any, exclude: Any) -> Any:
    """The bundle of a live table where one can run, beside the rows of now for where it cannot."""
    rest = as_bundle(shown, include, exclude)
    if include is not None and _VIEW not in include or exclude is not None and _VIEW in exclude:
        return rest
    made = widget_of(shown)
    if made is None:
        return rest
    found = made._repr_mimebundle_()
    data, metadata = found if isinstance(found, tuple) else (found, {})
    return {**data, **rest}, metadata
