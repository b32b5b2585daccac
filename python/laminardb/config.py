# SPDX-License-Identifier: Apache-2.0
"""LaminarConfig: settings of a database, given once at open."""

from __future__ import annotations

from .shown import Shown

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


DURABILITIES = ("group", "full", "async", "off")  # as laminar_durability


def _whole(key: str, value: Any, least: int = 1) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{key} must be an int, not {value!r}")
    if not least <= value < 2**63:
        raise ValueError(f"{key} must be at least {least}, not {value!r}")
    return value


def _text(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError(f"{key} must be a str or None, not {value!r}")
    if not 0 < len(value.encode()) <= 4000 or "\0" in value:
        raise ValueError(f"{key} must be a text of 1 to 4000 bytes, not {value!r:.100}")
    return value


def _path(key: str, value: Any) -> Any:
    found = value.__fspath__() if hasattr(type(value), "__fspath__") else value
    return _text(key, found)


def _flag(key: str, value: Any) -> Any:
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be True or False, not {value!r}")
    return value


def _seed(key: str, value: Any) -> Any:
    return _whole(key, value, 0)


def _cpus(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return _text(key, value)
    if not isinstance(value, list | tuple | set | frozenset | range):
        raise TypeError(f"{key} must be a text such as '0-3,6', numbers of processors or None, not {value!r}")
    if not value:
        raise ValueError(f"{key} must name at least one processor")
    return ",".join(str(_whole(key, cpu, 0)) for cpu in sorted(value))


def _log_size(key: str, value: Any) -> Any:
    return _whole(key, value, 65536)


def _generations(key: str, value: Any) -> Any:
    return 2 if value is None else _whole(key, value, 2)


def _script_size(key: str, value: Any) -> Any:
    if _whole(key, value, 1000) > 64 << 20:
        raise ValueError(f"{key} must be at most {64 << 20}, not {value!r}")
    return value


def _durability(key: str, value: Any) -> Any:
    if value not in DURABILITIES:
        raise ValueError(f"{key} must be one of {', '.join(DURABILITIES)}, not {value!r}")
    return value


#: What a database is opened with and keeps.
OPENED_WITH = ("deterministic", "random_seed", "storage_dir")


class LaminarConfig(Shown):
    """Read-only, hashable, reusable settings. All are given by name; ``config_set`` changes them later.

    Args:
        buffer_size: rows that may wait for a busy engine; a further insert waits for room. A source made WITH
            (buffer_size = ...) has a buffer of its own.
        storage_dir: the directory in which a database with a bare name lives, made where it is missing:
            open("trades") is then storage_dir/trades. None: it lives in memory.
        checkpoint_interval_ms: how often a checkpoint is made of what changed; None: when the log has grown,
            and not when asked. A database in memory has checkpoints in memory then.
        checkpoint_retention: how many checkpoints are kept, two or more: ``restore`` can go back to each of
            them.
        table_spill_threshold: rows of a source or table beyond which older ones are written to disk where
            the database has a directory; they stay in memory, too, up to half of memory_limit.
        threads: at most this many threads work on one large query or insert; None: the number of processors.
        cpu_affinity: processors that the engine's own threads run on: "0-3,6" or a sequence of numbers; None:
            all that the process may use.
        batch_size: rows of each batch of a result but the last; None: as they come out of the query.
        max_concurrent_queries: queries that may run at once, a further one is refused with QueryError 400;
            None: 1,024. SET only lowers it.
        max_sql_size: bytes of the text of a script, 1,000 to 64 MiB; None: 1 MiB. SET only lowers it.
        retain: which rows a source keeps that does not say: "1 hour", "1000000 rows", "none"; None: all.
        external_access: False: statements can neither read nor write files (COPY, files in FROM), and SET
            cannot change that.
        memory_limit: bytes that the database may hold; None: half of what the machine, or its cgroup, has
            (`SET memory_limit = NULL`: no limit). Rows of sources and tables may take half of it: the oldest
            beyond that are on disk alone, in the database's directory or in temp_directory. A query writes
            rows to temporary files where it can (ORDER BY, GROUP BY, DISTINCT, joins on keys); else it, or
            an insert, raises MemoryError.
        temp_directory: the folder of these files, which have no names and vanish with the process; None: no
            files.
        max_temp_directory_size: bytes that they may hold together; None: no limit.
        insert_timeout_ms: how long an insert waits for room, or for subscriptions with on_lag="block", before
            it raises IngestionError 300.
        statement_timeout_ms: how long a query may run before it raises QueryError 402; None: no limit.
        max_future_skew: milliseconds that a row may move a watermark beyond the clock, where its source does
            not say; None: no bound.
        deterministic: True: the clock stands at 1970 until ``tick(now)`` moves it, and no thread is started:
            the same calls give the same results to the byte. For tests and replays.
        random_seed: of ``random()``, ``uuid()`` and their like in a deterministic database; None: 0.
        durability: what a call that changes a kept database waits for. "group": a sync to disk that calls
            which wait at the same time share. "full": one of its own. "async": the operating system, which
            survives the process; a loss of power may take what came within the last 100 ms. "off": nothing is
            logged, so what came since the last checkpoint goes with the process.
        wal_limit_bytes: how far the log of a kept database grows before a checkpoint lets it begin anew;
            None: 256 MiB.
        wal_segment_bytes: of a file of the log; None: 16 MiB.
        max_lag_bytes: what a subscription may leave unread when it names no limit; None: 256 MiB.

    Raises:
        TypeError: an unknown setting (names the nearest) or a value of a wrong type.
        ValueError: a value out of range.

    Example:
        >>> laminardb.LaminarConfig(buffer_size=2048, threads=2)
        LaminarConfig(buffer_size=2048, storage_dir=None, checkpoint_interval_ms=None, \
table_spill_threshold=1000000, threads=2)
    """

    __slots__ = ("_values",)
    # Key: its default, and what checks and settles a value. The first four are always shown.
    _known: dict[str, tuple[Any, Callable[[str, Any], Any]]] = {
        "buffer_size": (65536, _whole),
        "storage_dir": (None, _path),
        "checkpoint_interval_ms": (None, _whole),
        "table_spill_threshold": (1_000_000, _whole),
        "threads": (None, _whole),
        "cpu_affinity": (None, _cpus),
        "batch_size": (None, _whole),
        "max_concurrent_queries": (None, _whole),
        "max_sql_size": (None, _script_size),
        "retain": (None, _text),
        "external_access": (True, _flag),
        "memory_limit": (None, _whole),
        "temp_directory": ("/tmp", _text),
        "max_temp_directory_size": (None, _whole),
        "insert_timeout_ms": (30000, _whole),
        "max_lag_bytes": (None, _whole),
        "statement_timeout_ms": (None, _whole),
        "max_future_skew": (None, _whole),
        "deterministic": (False, _flag),
        "random_seed": (None, _seed),
        "durability": ("group", _durability),
        "checkpoint_retention": (2, _generations),
        "wal_limit_bytes": (None, _log_size),
        "wal_segment_bytes": (None, _log_size),
    }

    def __init__(self, **settings: Any) -> None:
        values = {key: default for key, (default, _) in self._known.items()}
        for key, value in settings.items():
            if key not in self._known:
                from difflib import get_close_matches

                near = get_close_matches(key, self._known, 1, 0.5)
                hint = f', did you mean "{near[0]}"?' if near else f"; there are {', '.join(self._known)}"
                raise TypeError(f'LaminarConfig has no setting "{key}"{hint}')
            default, settle = self._known[key]
            if value is None and (default is None or key == "temp_directory"):
                values[key] = None
            else:
                values[key] = settle(key, value)
        if values["random_seed"] is not None and not values["deterministic"]:
            raise ValueError("random_seed is for deterministic=True: else the clock differs")
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:
        values: dict[str, Any] = object.__getattribute__(self, "_values")
        if name in values:
            return values[name]
        raise AttributeError(f"LaminarConfig has no setting {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"LaminarConfig is read-only: make a new one with {name}={value!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LaminarConfig) and bool(self._values == other._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __copy__(self) -> LaminarConfig:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> LaminarConfig:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (dict(self._values),))

    def __repr__(self) -> str:
        always = tuple(self._known)[:4]
        shown = [k for k, v in self._values.items() if k in always or v != self._known[k][0]]
        return f"LaminarConfig({', '.join(f'{k}={_shown(self._values[k])}' for k in shown)})"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def _rebuild(values: dict[str, Any]) -> LaminarConfig:
    return LaminarConfig(**values)
