# SPDX-License-Identifier: Apache-2.0
"""SQL types of what users write for a type: SQL, types of pyarrow, of Python and of numpy."""

from __future__ import annotations

import types
import typing
from typing import Any

_PYTHON = {
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "float": "DOUBLE",
    "str": "VARCHAR",
    "bytes": "BLOB",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
    "timedelta": "INTERVAL",
    "Interval": "INTERVAL",
    "Decimal": "DECIMAL(38, 9)",
    "UUID": "UUID",
}
_ARROW = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float": "FLOAT",
    "float16": "FLOAT",
    "float32": "FLOAT",
    "double": "DOUBLE",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "string_view": "VARCHAR",
    "binary": "BLOB",
    "large_binary": "BLOB",
    "binary_view": "BLOB",
    "date32[day]": "DATE",
    "date64[ms]": "DATE",
    "time32[s]": "TIME",
    "time32[ms]": "TIME",
    "time64[us]": "TIME",
    "time64[ns]": "TIME",
    "timestamp[s]": "TIMESTAMP_S",
    "timestamp[ms]": "TIMESTAMP_MS",
    "timestamp[us]": "TIMESTAMP",
    "timestamp[ns]": "TIMESTAMP_NS",
    "month_day_nano_interval": "INTERVAL",
    "extension<arrow.uuid>": "UUID",
}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _struct(fields: typing.Iterable[tuple[str, Any]]) -> str:
    return "STRUCT(" + ", ".join(f"{_quoted(name)} {sql_type(t)}" for name, t in fields) + ")"


def _of_arrow(t: Any) -> str | None:
    """Of a type or schema of pyarrow, known by its words alone, so that pyarrow is not imported."""
    if type(t).__name__ == "Schema":
        return _struct((field.name, field.type) for field in t)
    text = str(t)
    if text in _ARROW:
        return _ARROW[text]
    if text.startswith("timestamp["):
        return "TIMESTAMPTZ"
    if text.startswith("decimal"):
        return f"DECIMAL({t.precision}, {t.scale})"
    if text.startswith("struct<"):
        return _struct((t.field(i).name, t.field(i).type) for i in range(t.num_fields))
    if text.startswith("map<"):
        return f"MAP({sql_type(t.key_type)}, {sql_type(t.item_type)})"
    if text.startswith("fixed_size_list<"):
        return f"{sql_type(t.value_type)}[{t.list_size}]"
    if "list" in text.partition("<")[0]:
        return f"{sql_type(t.value_type)}[]"
    return sql_type(t.value_type) if text.startswith("dictionary<") else None


def _of_generic(t: Any) -> str | None:
    """list[int], dict[str, float], float | None."""
    origin, inside = typing.get_origin(t), [a for a in typing.get_args(t) if a is not type(None)]
    if origin is list and len(inside) == 1:
        return f"{sql_type(inside[0])}[]"
    if origin is dict and len(inside) == 2:
        return f"MAP({sql_type(inside[0])}, {sql_type(inside[1])})"
    if origin in (typing.Union, types.UnionType) and len(inside) == 1:
        return sql_type(inside[0])
    return None


def _module(t: Any) -> str:
    return str(getattr(t, "__module__", None) or "").partition(".")[0]


def _of_numpy(t: Any) -> str | None:
    """numpy.float64 and its like."""
    words = {"bool_": "bool", "str_": "string", "bytes_": "binary"}
    return _ARROW.get(words.get(t.__name__, t.__name__)) if isinstance(t, type) else None


def annotated(t: Any) -> str | None:
    """Which mode a parameter of this annotation speaks for."""
    if isinstance(t, str):
        first = t.partition("[")[0]
        if first.partition(".")[0] in ("pa", "pyarrow"):
            return "arrow"
        if first.partition(".")[0] in ("np", "numpy"):
            return "numpy"
        return "row" if first.rpartition(".")[2] in _PYTHON else None
    of = typing.get_origin(t) or t
    if _module(of) == "pyarrow":
        return "arrow"
    if _module(of) == "numpy":
        return "numpy" if getattr(of, "__name__", "") == "ndarray" else "row"
    try:
        return "row" if of_annotation(t) not in (None, "ANY") else None
    except TypeError:
        return None


def of_annotation(t: Any) -> str | None:
    """The SQL type that an annotation names; "ANY" for arrays; None: it names none."""
    if t is None or t is Any or t is typing.cast(Any, object):
        return None
    if isinstance(t, str):
        return _PYTHON.get(t.rpartition(".")[2], None if annotated(t) is None else "ANY")
    of = typing.get_origin(t) or t
    if _module(of) == "pyarrow" and isinstance(of, type):
        return "ANY"
    if _module(of) == "numpy":
        return "ANY" if getattr(of, "__name__", "") == "ndarray" else _of_numpy(of)
    if typing.get_origin(t) is not None:
        return _of_generic(t)
    return _PYTHON.get(t.__name__) if isinstance(t, type) else None


def sql_type(t: Any) -> str:
    """SQL of a type: SQL itself, a type of pyarrow, Python or numpy, {"name": type} for a STRUCT.

    Raises TypeError: it is none of these."""
    found: str | None
    if isinstance(t, str):
        found = t.strip() or None
    elif isinstance(t, dict):
        found = _struct(t.items())
    elif _module(type(t)) == "pyarrow":
        found = _of_arrow(t)
    else:
        found = of_annotation(t)
    if found is None:
        raise TypeError(f'a type is SQL, of pyarrow, or of Python, such as "DOUBLE" or float, not {t!r}')
    return found
