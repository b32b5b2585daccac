# SPDX-License-Identifier: Apache-2.0
"""LaminarConfig: settings of a database, given once at open."""

from __future__ import annotations

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from typing import Any


DURABILITIES = ("group", "full", "async")  # as laminar_durability


class LaminarConfig:
    """Read-only, hashable, reusable settings.

    Args:
        buffer_size: rows that may wait for a busy engine; a further insert waits for room.
        insert_timeout_ms: how long it waits before it raises IngestionError 300.
        threads: at most this many threads work on one large query; None: the number of processors.
        memory_limit: bytes that the database may hold; None: half of what the machine, or its cgroup, has
            (`SET memory_limit = NULL`: no limit). Beyond it a query writes rows to temporary files where it
            can (ORDER BY, GROUP BY, DISTINCT, joins on keys); else it, or an insert, raises MemoryError.
        temp_directory: the folder of these files, which have no names and vanish with the process; None: no
            files.
        max_temp_directory_size: bytes that they may hold together; None: no limit.
        insert_timeout_ms: how long an insert waits for subscriptions with on_lag="block"; None: 30,000.
        statement_timeout_ms: how long a query may run before it raises QueryError 402; None: no limit.
        max_future_skew: milliseconds that a row may move a watermark beyond the clock, where its source does
            not say; None: no bound.
        deterministic: True: the clock stands at 1970 until ``tick(now)`` moves it, and no thread is started:
            the same calls give the same results to the byte. For tests and replays.
        random_seed: of ``random()``, ``uuid()`` and their like in a deterministic database; None: 0.
        storage_dir: where databases opened by a bare name are kept, made where it is missing; None: they are
            in memory.
        durability: what a call that changes a kept database waits for. "group": a sync to disk that calls
            which wait at the same time share. "full": one of its own. "async": the operating system, which
            survives the process; a loss of power may take what came within the last 100 ms.
        max_lag_bytes: what a subscription may leave unread when it names no limit; None: 256 MiB.

    Raises:
        TypeError: an unknown setting (names the nearest) or a value of a wrong type.
        ValueError: a value out of range.
    """

    __slots__ = ("_values",)
    _defaults: dict[str, Any] = {
        "buffer_size": 65536,
        "threads": None,
        "memory_limit": None,
        "temp_directory": "/tmp",
        "max_temp_directory_size": None,
        "insert_timeout_ms": 30000,
        "storage_dir": None,
        "durability": "group",
        "max_lag_bytes": None,
        "statement_timeout_ms": None,
        "max_future_skew": None,
        "deterministic": False,
        "random_seed": None,
    }

    def __init__(self, **settings: Any) -> None:
        for key, value in settings.items():
            if key not in self._defaults:
                from difflib import get_close_matches

                near = get_close_matches(key, self._defaults, 1, 0.5)
                hint = f', did you mean "{near[0]}"?' if near else f"; there are {', '.join(self._defaults)}"
                raise TypeError(f'LaminarConfig has no setting "{key}"{hint}')
            if isinstance(self._defaults[key], bool):
                if not isinstance(value, bool):
                    raise TypeError(f"{key} must be True or False, not {value!r}")
                continue
            if key == "durability":
                if value not in DURABILITIES:
                    raise ValueError(f"durability must be one of {', '.join(DURABILITIES)}, not {value!r}")
                continue
            if key in ("temp_directory", "storage_dir"):
                if value is not None and not isinstance(value, str):
                    raise TypeError(f"{key} must be a str or None, not {value!r}")
                if value is not None and (not 0 < len(value.encode()) <= 4000 or "\0" in value):
                    raise ValueError(f"{key} must be a text of 1 to 4000 bytes, not {value!r:.100}")
                continue
            if value is None and self._defaults[key] is not None:
                raise TypeError(f"{key} must be an int, not None")
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise TypeError(f"{key} must be an int or None, not {value!r}")
            least = 0 if key == "random_seed" else 1
            if value is not None and not least <= value < 2**63:
                raise ValueError(f"{key} must be at least {least}, not {value!r}")
        if settings.get("random_seed") is not None and not settings.get("deterministic"):
            raise ValueError("random_seed is for deterministic=True: else the clock differs")
        object.__setattr__(self, "_values", {**self._defaults, **settings})

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
        shown = (f"{k}={v!r}" for k, v in self._values.items() if v != self._defaults[k])
        return f"LaminarConfig({', '.join(shown)})"


def _rebuild(values: dict[str, Any]) -> LaminarConfig:
    return LaminarConfig(**values)
