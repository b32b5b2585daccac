# SPDX-License-Identifier: Apache-2.0
"""Frames, arrays and iterators of them as something the engine takes: Arrow data, columns, rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from .asking import quoted

if TYPE_CHECKING:
    from .connection import Connection


def _plain_list(values: Any) -> list[Any]:
    """A numpy array as Python values; datetimes as datetime, NaT as None."""
    if values.dtype.kind == "M":
        values = values.astype("datetime64[us]")
    if values.dtype.kind == "S":
        return [v.decode() for v in values.tolist()]
    found: list[Any] = values.tolist()
    return found


def column(values: Any) -> list[Any]:
    """One column of a dict: an array or series of numpy, pandas, polars or pyarrow as a list."""
    package = type(values).__module__.partition(".")[0]
    if package == "pandas":
        items = _plain_list(values.to_numpy()) if values.dtype.kind == "M" else values.tolist()
        return [None if gone else v for v, gone in zip(items, values.isna(), strict=True)]
    if getattr(values, "ndim", 1) != 1:
        raise TypeError(f"a column has one dimension, not {values.ndim}")
    if package == "numpy":
        return _plain_list(values)
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, name):
            found: list[Any] = getattr(values, name)()
            return found
    return list(values)


def _pandas_columns(frame: Any) -> dict[str, list[Any]]:
    """NaN, NaT and pandas.NA are NULL, as they are for pyarrow."""
    columns = {}
    for i, name in enumerate(frame.columns):
        columns[name] = column(frame.iloc[:, i])
    return columns


def adapt(data: Any) -> Any:
    """What ``insert`` does with data that have ``__array__``: the index of a pandas frame is no column."""
    package = type(data).__module__.partition(".")[0]
    if package == "pandas":
        if not hasattr(data, "columns"):
            raise TypeError("insert takes a pandas DataFrame, not a Series: use series.to_frame()")
        if not all(isinstance(name, str) for name in data.columns):
            raise TypeError(f"column names of the DataFrame must be str, not {list(data.columns)!r}")
        if not data.columns.is_unique:
            raise TypeError("the DataFrame has two columns of one name")
        try:
            import pyarrow
        except ImportError:
            return _pandas_columns(data)
        try:
            return pyarrow.Table.from_pandas(data, preserve_index=False)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError):
            return _pandas_columns(data)  # a column of mixed types: the engine says which value does not fit
    if package == "numpy":
        if data.dtype.names is None:
            raise TypeError(
                "insert takes a structured numpy array: its field names are the columns; "
                "for plain arrays pass a dict of columns"
            )
        rows = data.reshape(-1)
        return {name: _plain_list(rows[name]) for name in data.dtype.names}
    return data


def _is_batch(db: Connection, source: str, item: Any) -> bool:
    """Many rows at once: Arrow data, a frame, a list of rows, or a dict of columns."""
    if isinstance(item, dict):
        name = next(iter(item), None)
        values = item.get(name)
        if not isinstance(values, list) and getattr(values, "ndim", 0) != 1:
            return False
        types = {c.lower(): str(t) for c, t in zip(*_columns(db, source), strict=True)}
        return "[" not in types.get(str(name).lower(), "")  # else a row whose first value is a list
    if isinstance(item, list):
        return bool(item) and isinstance(item[0], dict | tuple | list)
    return (
        hasattr(item, "__arrow_c_stream__")
        or hasattr(item, "__arrow_c_array__")
        or getattr(item, "ndim", 0) > 0
    )


def _columns(db: Connection, source: str) -> tuple[list[str], list[str]]:
    shown = db._execute(f"SELECT * FROM {quoted(source)} LIMIT 0")
    return shown.columns, shown._column_types


def insert_all(db: Connection, source: str, items: Iterator[Any]) -> int | Iterable[Any]:
    """Batches of an iterator, all or none, as one change; of any other the rows, which the caller inserts.

    In a transaction of the caller's what came before a refused batch stays until it is rolled back.
    """
    first = next(items, items)
    if first is items:
        return items
    if not _is_batch(db, source, first):
        return chain((first,), items)
    batches = [first, *items]
    if db.in_transaction:
        return sum(db.insert(source, batch) for batch in batches)
    db.begin()
    try:
        rows = sum(db.insert(source, batch) for batch in batches)
    except BaseException:
        db.rollback()
        raise
    db.commit()
    return rows
