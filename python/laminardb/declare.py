# SPDX-License-Identifier: Apache-2.0
"""Schemas from Python as CREATE SOURCE text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from .errors import SchemaError
from .types import Schema, _ArrowType

_SQL_NAMES = {
    "int8": "TINYINT",
    "i8": "TINYINT",
    "int16": "SMALLINT",
    "i16": "SMALLINT",
    "int32": "INTEGER",
    "i32": "INTEGER",
    "int64": "BIGINT",
    "i64": "BIGINT",
    "uint8": "UTINYINT",
    "u8": "UTINYINT",
    "uint16": "USMALLINT",
    "u16": "USMALLINT",
    "uint32": "UINTEGER",
    "u32": "UINTEGER",
    "uint64": "UBIGINT",
    "u64": "UBIGINT",
    "float32": "FLOAT",
    "f32": "FLOAT",
    "float": "FLOAT",
    "float64": "DOUBLE",
    "f64": "DOUBLE",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "str": "VARCHAR",
    "utf8": "VARCHAR",
    "large_string": "VARCHAR",
    "large_utf8": "VARCHAR",
    "binary": "BLOB",
    "bytes": "BLOB",
    "large_binary": "BLOB",
    "date32": "DATE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "datetime": "TIMESTAMP",
}
_PASSED = """TINYINT INT1 SMALLINT INT2 SHORT INTEGER INT INT4 SIGNED BIGINT LONG HUGEINT INT128 UTINYINT
USMALLINT UINTEGER UBIGINT FLOAT FLOAT4 REAL FLOAT8 LOGICAL DECIMAL NUMERIC DEC VARCHAR TEXT CHAR CHARACTER
BPCHAR BLOB BYTEA VARBINARY TIME TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_US TIMESTAMP_NS TIMESTAMPTZ TIMESTAMP_LTZ
INTERVAL UUID GUID JSON JSONB""".split()
_ZONES = ("WITH TIME ZONE", "WITHOUT TIME ZONE")
_ENDINGS = {  # of names of several words
    "DOUBLE": ("PRECISION",),
    "CHARACTER": ("VARYING",),
    "CHAR": ("VARYING",),
    "TIMESTAMP": _ZONES,
    "TIME": _ZONES[1:],
}
_TOKEN = re.compile(r'\s*("(?:[^"]|"")+"|[^\W\d]\w*|\d+|[()\[\],])')
# Arrow formats; timestamps with a zone and decimals are told apart below.
_ARROW = {
    "b": "BOOLEAN",
    "c": "TINYINT",
    "s": "SMALLINT",
    "i": "INTEGER",
    "l": "BIGINT",
    "C": "UTINYINT",
    "S": "USMALLINT",
    "I": "UINTEGER",
    "L": "UBIGINT",
    "f": "FLOAT",
    "g": "DOUBLE",
    "u": "VARCHAR",
    "U": "VARCHAR",
    "vu": "VARCHAR",
    "z": "BLOB",
    "Z": "BLOB",
    "vz": "BLOB",
    "tdD": "DATE",
    "tdm": "TIMESTAMP_MS",
    "tts": "TIME",
    "ttm": "TIME",
    "ttu": "TIME",
    "ttn": "TIME",
    "e": "FLOAT",
    "tss:": "TIMESTAMP",
    "tsm:": "TIMESTAMP_MS",
    "tsu:": "TIMESTAMP",
    "tsn:": "TIMESTAMP_NS",
    "tin": "INTERVAL",
}
_WITH_ARGUMENTS = (
    "DECIMAL",
    "NUMERIC",
    "DEC",
    "VARCHAR",
    "CHAR",
    "CHARACTER",
    "CHARACTER VARYING",
    "CHAR VARYING",
)


def _unknown(name: object) -> SchemaError:
    near = get_close_matches(str(name).lower(), [*_SQL_NAMES, *map(str.lower, _PASSED)], 1, 0.6)
    hint = f'\ndid you mean "{near[0]}"?' if near else ""
    error = SchemaError(f"SchemaError (203): Unknown type: {name}{hint}")
    error.code, error.hint = 203, hint.strip() or None
    return error


class _Words:
    """The tokens of a type's text, which is read to its end or is none."""

    def __init__(self, name: object) -> None:
        self.name = name
        text = str(name).strip()
        self.left: list[str] = []
        at = 0
        if text.count("(") > 64:
            raise _unknown(name)
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _unknown(name)
            self.left.append(found[1])
            at = found.end()

    def has(self, token: str) -> bool:
        """Takes it, when it is the next one."""
        if self.left and self.left[0].upper() == token:
            del self.left[0]
            return True
        return False

    def need(self, token: str) -> None:
        if not self.has(token):
            raise _unknown(self.name)

    def any(self) -> str:
        if not self.left:
            raise _unknown(self.name)
        return self.left.pop(0)

    def number(self) -> str:
        found = self.any()
        if not found.isdecimal():
            raise _unknown(self.name)
        return found


def _several(words: _Words, one: Callable[[], str]) -> str:
    """(one, one ...)"""
    words.need("(")
    found = [one()]
    while words.has(","):
        found.append(one())
    words.need(")")
    return f"({', '.join(found)})"


def _plain_type(words: _Words) -> str:
    word = words.any()
    name = _SQL_NAMES.get(word.lower(), word.upper())
    for ending in _ENDINGS.get(name, ()):
        parts = ending.split()
        if [w.upper() for w in words.left[: len(parts)]] == parts:
            del words.left[: len(parts)]
            name = f"{name} {ending}"
            break
    else:
        if name not in _PASSED and name not in _SQL_NAMES.values():
            raise _unknown(words.name)
    if name in _WITH_ARGUMENTS and words.left[:1] == ["("]:
        name += _several(words, words.number)
    return name


def _any_type(words: _Words) -> str:
    if words.has("STRUCT") or words.has("ROW"):
        name = "STRUCT" + _several(words, lambda: f"{_field_name(words)} {_any_type(words)}")
    elif words.has("MAP"):
        name = "MAP" + _several(words, lambda: _any_type(words))
    else:
        name = _plain_type(words)
    while words.has("["):
        name += "[]" if words.has("]") else f"[{words.number()}]"
        if not name.endswith("[]"):
            words.need("]")
    return name


def _field_name(words: _Words) -> str:
    name = words.any()
    return name if name.startswith('"') else quoted(name)


def sql_type(name: object) -> str:
    """SQL name of a type name that create_table takes: its own names, and all of SQL, nested ones too.

    SchemaError for others.
    """
    words = _Words(name)
    found = _any_type(words)
    if words.left:
        raise _unknown(name)
    return found


def _decimal(of: _ArrowType) -> str:
    precision, scale = map(int, of.format[2:].split(",")[:2])
    if of.metadata.get("laminardb:type") == "HUGEINT":
        return "HUGEINT"
    precision, scale = max(precision - min(scale, 0), scale), max(scale, 0)
    return f"DECIMAL({min(precision, 38)}, {scale})"


def _nested(of: _ArrowType) -> str:
    inside = [_arrow_type(child) for child in of.children]
    if of.format == "+s":
        fields = zip(of.children, inside, strict=True)
        return f"STRUCT({', '.join(f'{quoted(child.name)} {kind}' for child, kind in fields)})"
    if of.format == "+m":
        key, value = (_arrow_type(child) for child in of.children[0].children)
        return f"MAP({key}, {value})"
    if of.format == "+r":  # run ends, values
        return inside[1]
    if of.format.startswith(("+l", "+L", "+vl", "+vL", "+w:")):
        return f"{inside[0]}[{of.format[3:] if of.format.startswith('+w:') else ''}]"
    raise _unknown(of.format)


def _arrow_type(of: _ArrowType) -> str:
    kind = of.format
    if of.dictionary is not None:
        return _arrow_type(of.dictionary)
    if kind.startswith("+"):
        return _nested(of)
    if kind.startswith("d:"):
        return _decimal(of)
    if kind.startswith("w:"):
        is_uuid = of.metadata.get("ARROW:extension:name") == "arrow.uuid"
        return "UUID" if is_uuid else "BLOB"
    if kind.startswith("ts") and not kind.endswith(":"):
        return "TIMESTAMPTZ"
    if kind not in _ARROW:
        raise _unknown(kind)
    return _ARROW[kind]


def quoted(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def create_source(name: str, schema: Any) -> str:
    """CREATE SOURCE for a mapping of names to types, or anything with an Arrow schema."""
    if isinstance(schema, Mapping):
        columns = [f"{quoted(str(k))} {sql_type(v)}" for k, v in schema.items()]
    elif hasattr(schema, "__arrow_c_schema__"):
        columns = [
            f"{quoted(c.name)} {_arrow_type(kind)}{'' if c.nullable else ' NOT NULL'}"
            for c, kind in Schema(schema.__arrow_c_schema__())._with_arrow_types()
        ]
    else:
        raise TypeError(
            f"a schema is a dict of names to types or has __arrow_c_schema__, not {type(schema).__name__}"
        )
    return f"CREATE SOURCE {quoted(name)} ({', '.join(columns)})"
