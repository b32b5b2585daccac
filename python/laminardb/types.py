# SPDX-License-Identifier: Apache-2.0
"""Schemas without pyarrow: names and Arrow types read from a capsule."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from .markup import visible
from .shown import Shown, as_bundle, as_html


class _ArrowSchema(ctypes.Structure):
    pass


_ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowSchema))),
    ("dictionary", ctypes.POINTER(_ArrowSchema)),
]

_NAMES = {
    "n": "null",
    "b": "bool",
    "c": "int8",
    "s": "int16",
    "i": "int32",
    "l": "int64",
    "g": "double",
    "u": "string",
    "tdD": "date32[day]",
    "tsm:": "timestamp[ms]",
    "tsu:": "timestamp[us]",
    "tin": "month_day_nano_interval",
}


class Column(NamedTuple):
    """A column of a schema: name, Arrow type name, whether NULL is allowed.

    Example:
        >>> laminardb.Column("k", "int64")
        Column(name='k', type='int64', nullable=True)
    """

    name: str
    type: str
    nullable: bool = True

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)


class _ArrowType(NamedTuple):
    """A type of Arrow's, with what is inside."""

    name: str
    format: str
    metadata: dict[str, str]
    children: list[_ArrowType]
    dictionary: _ArrowType | None


def _metadata(address: int | None) -> dict[str, str]:
    """Pairs of texts, each behind its length, behind their number: 32-bit integers of this machine."""

    def take(count: int) -> bytes:
        nonlocal address
        assert address is not None
        data = ctypes.string_at(address, count)
        address += count
        return data

    def number() -> int:
        return int.from_bytes(take(4), sys.byteorder, signed=True)

    texts = [take(number()).decode("utf-8", "replace") for _ in range(2 * number())] if address else []
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _read_type(of: _ArrowSchema) -> _ArrowType:
    return _ArrowType(
        (of.name or b"").decode(),
        of.format.decode(),
        _metadata(of.metadata),
        [_read_type(of.children[i].contents) for i in range(of.n_children)],
        _read_type(of.dictionary.contents) if of.dictionary else None,
    )


class Schema(Shown):
    """The reading interface of pyarrow.Schema: names, types, field, iteration, len, capsule.

    Example:
        >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
        >>> schema = laminardb.Schema(result.__arrow_c_schema__())
        >>> print(schema)
        a: int64
        b: string
    """

    __slots__ = ("_arrow_types", "_capsule", "_columns")

    def __init__(self, capsule: Any) -> None:
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype = ctypes.c_void_p
        pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        record = _ArrowSchema.from_address(pointer(capsule, b"arrow_schema"))
        self._capsule = capsule
        self._columns = []
        self._arrow_types: list[_ArrowType] = []
        for i in range(record.n_children):
            child = record.children[i].contents
            kind: str = child.format.decode()
            self._arrow_types.append(_read_type(child))
            self._columns.append(Column(child.name.decode(), _NAMES.get(kind, kind), bool(child.flags & 2)))

    @staticmethod
    def _best(capsule: Any) -> Any:
        try:
            import pyarrow
        except ImportError:
            return Schema(capsule)
        return pyarrow.schema(_Holder(capsule))

    def _with_arrow_types(self) -> Iterator[tuple[Column, _ArrowType]]:
        return zip(self._columns, self._arrow_types, strict=True)

    @property
    def names(self) -> list[str]:
        """Column names.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> laminardb.Schema(result.__arrow_c_schema__()).names
            ['a', 'b']
        """
        return [c.name for c in self._columns]

    @property
    def types(self) -> list[str]:
        """Arrow type names.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> laminardb.Schema(result.__arrow_c_schema__()).types
            ['int64', 'string']
        """
        return [c.type for c in self._columns]

    def field(self, key: int | str) -> Column:
        """A column by position or name.

        key: a position from 0, or a name. Raises KeyError, IndexError: there is none.

        Example:
            >>> result = laminardb.open().query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
            >>> laminardb.Schema(result.__arrow_c_schema__()).field("a").type
            'int64'
        """
        if not isinstance(key, str):
            return self._columns[key]
        for column in self._columns:
            if column.name == key:
                return column
        raise KeyError(f'there is no column "{key}"; there are {", ".join(self.names)}')

    def __arrow_c_schema__(self) -> Any:
        return self._capsule

    def __len__(self) -> int:
        return len(self._columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    def _html(self) -> str:
        from .drawing import listing_html

        return listing_html(self._columns)

    def __repr__(self) -> str:
        return "\n".join(
            f"{visible(c.name)}: {c.type}{'' if c.nullable else ' not null'}" for c in self._columns
        )


class _Holder:
    """Hands one capsule to a consumer."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __arrow_c_schema__(self) -> Any:
        return self._capsule
