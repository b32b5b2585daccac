# SPDX-License-Identifier: Apache-2.0
"""Registering: what is known of a function as the engine wants it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from . import udf_calls
from .udfs import _Function, described

if TYPE_CHECKING:
    from .operating import Operating

_VOLATILE, _NULLS, _PARALLEL, _ORDERED, _ON_CALLER = 1, 2, 4, 8, 16

#: Objects whose machine code is registered, for as long as their database.
_owners: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()


def _capsule(db: Operating, sql: str) -> Any:
    """The Arrow schema of one column of a SQL type: one for each consumer, since pyarrow moves it out."""
    return db._execute(f"SELECT CAST(NULL AS {sql}) AS x").__arrow_c_schema__()


def _flags(what: _Function) -> int:
    return (
        (_VOLATILE if what.volatile else 0)
        | (_NULLS if what.null == "pass" else 0)
        | _PARALLEL
        | (_ON_CALLER if getattr(sys, "_is_gil_enabled", lambda: True)() else 0)
        | (_ORDERED if what.kind == "aggregate" and what.ordered else 0)
    )


def register(db: Operating, name: Any, f: Any, kind: str, given: dict[str, Any]) -> None:
    what = described(name, f, kind, given)
    if what.kind == "native":
        flags = _flags(what) & ~_ON_CALLER & ~(_PARALLEL if what.ordered else 0)
        db._register_native(
            what.name, what.address, flags, what.arguments, what.result, what.version, what.context
        )
        _owners.setdefault(db, []).append(what.function)
        return
    capsule = _capsule(db, what.result)
    state = None if what.state is None else _capsule(db, what.state)
    arguments = [None if a.upper() == "ANY" else _capsule(db, a) for a in what.arguments or ()]
    flags = _flags(what)
    if what.kind == "processor":
        db._register_processor(
            what.name,
            udf_calls.Processor(what),
            flags,
            what.result,
            what.state or "",
            what.version,
            what.timeout_ms,
            capsule,
            state,
        )
    elif what.kind == "aggregate":
        db._register_aggregate(
            what.name,
            udf_calls.Aggregate(what, arguments),
            flags,
            what.arguments,
            what.result,
            what.state,
            what.version,
            what.timeout_ms,
            hasattr(what.function, "retract"),
            hasattr(what.function, "merge"),
            capsule,
            state,
        )
    else:
        by_row = what.mode == "row"
        glue = (
            udf_calls.Rows(what)
            if what.kind == "table"
            else what.function
            if by_row
            else udf_calls.Batch(what, _capsule(db, what.result), arguments)
        )
        db._register_scalar(
            what.name,
            glue,
            by_row,
            flags,
            what.arguments,
            what.result,
            what.kind == "table",
            what.version,
            what.timeout_ms,
            capsule,
        )
