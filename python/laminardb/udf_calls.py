# SPDX-License-Identifier: Apache-2.0
"""Between the extension and functions of the program: arguments as they like them, results as Arrow.

The extension calls the objects of this module with Columns: ``_laminardb.Column`` owns an Arrow array, which
pyarrow moves out by its address and numpy looks into. A result goes back as None, when it was exported to the
address given for it, as a list of values, or as ("buffer", values, mask) of fixed-width values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .instants import microseconds

if TYPE_CHECKING:
    from ._laminardb import Column
    from .udfs import _Function

_DTYPES = {
    "c": "i1",
    "s": "i2",
    "i": "i4",
    "l": "i8",
    "C": "u1",
    "S": "u2",
    "I": "u4",
    "L": "u8",
    "f": "f4",
    "g": "f8",
    "tdD": "i4",
    "ttu": "m8[us]",
    "tss:": "M8[s]",
    "tsm:": "M8[ms]",
    "tsu:": "M8[us]",
    "tsn:": "M8[ns]",
    "tsu:UTC": "M8[us]",
}


class _Holder:
    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __arrow_c_schema__(self) -> Any:
        return self._capsule


def format_of(capsule: Any) -> str:
    from .types import Schema

    return Schema(capsule)._arrow_types[0].format


def _arrow_type(capsule: Any) -> Any:
    import pyarrow

    return pyarrow.schema(_Holder(capsule)).field(0).type


def _named(f: Any) -> str:
    return str(getattr(f, "__name__", type(f).__name__))


# ---- arguments


def _arrow_reader(types: list[Any]) -> Callable[[tuple[Column, ...]], list[Any]]:
    """pyarrow arrays; scalars of constants. types: of each argument, None where it may be any."""
    import pyarrow

    imported = pyarrow.Array._import_from_c

    def read(columns: tuple[Column, ...]) -> list[Any]:
        arrays = [
            imported(c.address, (types[i] if i < len(types) else None) or c.schema_address)
            for i, c in enumerate(columns)
        ]
        return [a[0] if c.is_constant else a for a, c in zip(arrays, columns, strict=True)]

    return read


def _objects(values: list[Any]) -> Any:
    import numpy

    array = numpy.empty(len(values), object)
    for i, v in enumerate(values):
        array[i] = v
    return array


def numpy_column(c: Column) -> Any:
    """A view of fixed-width values (masked where some are NULL), an array of objects of others."""
    import numpy

    if c.is_constant:
        return c.tolist()[0]
    kind = c.format
    values: Any = c
    if kind == "b":
        bits = numpy.frombuffer(values, numpy.uint8)
        count = c.offset + len(c)
        array = numpy.unpackbits(bits, bitorder="little", count=count)[c.offset :].view(bool)
    elif kind in _DTYPES:
        array = numpy.frombuffer(values, _DTYPES[kind])
        array = array.astype("M8[D]") if kind == "tdD" else array
    else:
        return _objects(c.tolist())
    if c.null_count != 0:
        valid = numpy.frombuffer(c.valid(), bool)
        if not valid.all():
            return numpy.ma.MaskedArray(array, ~valid)
    return array


def _numpy_reader(types: list[Any]) -> Callable[[tuple[Column, ...]], list[Any]]:
    return lambda columns: [numpy_column(c) for c in columns]


# ---- results


def _count_checked(result: Any, count: int, f: Any) -> Any:
    if len(result) not in (count, 1):
        raise ValueError(f"{_named(f)} returned {len(result)} values for {count} rows")
    return result


def _is_text(t: Any) -> bool:
    return str(t) in ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")


class _ArrowResult:
    """Takes what a function in arrow mode may return, to a wanted type."""

    def __init__(self, f: Any, wanted: Any) -> None:
        import pyarrow

        self.pa, self.f, self.wanted = pyarrow, f, wanted

    def _same(self, a: Any) -> Any:
        """Of the wanted type; what holds the same values in another layout becomes it."""
        if a.type == self.wanted:
            return a
        if self.pa.types.is_dictionary(a.type):
            return self._same(a.dictionary_decode())
        both_text = _is_text(a.type) and _is_text(self.wanted)
        if self.pa.types.is_null(a.type) or (
            both_text and ("string" in str(a.type)) == ("string" in str(self.wanted))
        ):
            return a.cast(self.wanted)
        if hasattr(self.wanted, "storage_type") and a.type == self.wanted.storage_type:
            return a
        raise TypeError(f"{_named(self.f)} returned {a.type}, where {self.wanted} is declared")

    def _array(self, result: Any, count: int) -> Any:
        pa = self.pa
        if isinstance(result, pa.ChunkedArray):
            return self._same(result.combine_chunks())
        if isinstance(result, pa.Scalar):
            one: Any = pa.array([result.as_py()], result.type)
            return self._same(one)
        if type(result).__module__ == "numpy" and getattr(result, "ndim", 0) == 1:
            made = pa.array(result)
            return made if made.type == self.wanted else self._same_number(made)
        if isinstance(result, list | tuple):
            return pa.array(result, self.wanted)
        if hasattr(result, "__arrow_c_array__") and not isinstance(result, pa.RecordBatch):
            return self._same(pa.array(result))
        if hasattr(result, "item") and getattr(result, "ndim", 1) == 0:
            result = result.item()
        return pa.array([result], self.wanted)

    def _same_number(self, made: Any) -> Any:
        """numpy's whole numbers and floats of another width: what fits becomes the wanted type."""
        types = self.pa.types
        alike = (types.is_integer(made.type) and types.is_integer(self.wanted)) or (
            types.is_floating(made.type) and types.is_floating(self.wanted)
        )
        temporal = types.is_temporal(made.type) and types.is_temporal(self.wanted)
        return made.cast(self.wanted) if alike or temporal else self._same(made)

    def __call__(self, result: Any, count: int, out: int) -> None:
        if not isinstance(result, self.pa.Array) or result.type != self.wanted:
            result = self._same(result) if isinstance(result, self.pa.Array) else self._array(result, count)
        if isinstance(result, self.pa.ExtensionArray):
            result = result.storage
        if len(result) != count and len(result) != 1:
            _count_checked(result, count, self.f)
        result._export_to_c(out)


class _NumpyResult:
    """Takes what a function in numpy mode may return, to the Arrow format that is wanted."""

    def __init__(self, f: Any, wanted: str) -> None:
        self.f, self.wanted = f, wanted

    def __call__(self, result: Any, count: int, out: int) -> Any:
        import numpy

        if hasattr(result, "to_pylist"):
            result = result.to_pylist()
        if isinstance(result, list | tuple):
            return _count_checked(list(result), count, self.f)
        if not isinstance(result, numpy.ndarray) or result.ndim == 0:
            return [result.item() if isinstance(result, numpy.generic | numpy.ndarray) else result]
        _count_checked(result, count, self.f)
        dtype = "?" if self.wanted == "b" else _DTYPES.get(self.wanted)
        if result.dtype == object or dtype is None:
            return result.tolist()
        mask = None
        if isinstance(result, numpy.ma.MaskedArray):
            mask = numpy.ascontiguousarray(numpy.ma.getmaskarray(result)).view("u1")
            result = result.filled(0) if result.dtype.kind not in "mM" else result.data
        target = numpy.dtype("M8[D]" if self.wanted == "tdD" else dtype)
        if result.dtype != target:
            if not numpy.can_cast(result.dtype, target, "safe"):
                raise TypeError(f"{_named(self.f)} returned {result.dtype}, where {target} is declared")
            result = result.astype(target)
        if self.wanted == "tdD":
            result = result.astype("i8").astype("i4")
        elif result.dtype.kind in "mM":
            unset = numpy.isnat(result)
            if unset.any():
                mask = (unset if mask is None else unset | mask.astype(bool)).view("u1")
            result = result.view("i8")
        return "buffer", numpy.ascontiguousarray(result).view("u1"), mask


# ---- scalar functions


class Batch:
    """A scalar function that is called with columns."""

    __slots__ = ("function", "_read", "_take")

    def __init__(self, what: _Function, capsule: Any, arguments: list[Any]) -> None:
        self.function = what.function
        if what.mode == "arrow":
            self._read = _arrow_reader([None if a is None else _arrow_type(a) for a in arguments])
            self._take: Any = _ArrowResult(what.function, _arrow_type(capsule))
        else:
            self._read = _numpy_reader(arguments)
            self._take = _NumpyResult(what.function, format_of(capsule))

    def __call__(self, count: int, columns: tuple[Column, ...], out: int) -> Any:
        return self._take(self.function(*self._read(columns)), count, out)


def _as_row(row: Any) -> Any:
    return row if isinstance(row, tuple | dict) else (row,)


class Rows:
    """A function that yields rows, called once a row of its arguments."""

    __slots__ = ("function",)

    def __init__(self, what: _Function) -> None:
        self.function = what.function

    def __call__(self, *args: Any) -> list[Any]:
        return [_as_row(row) for row in self.function(*args)]


# ---- aggregates


def _plain(v: Any) -> Any:
    return v.as_py() if hasattr(v, "as_py") else v


class Aggregate:
    """Makes, feeds and reads the objects of a class, one a group."""

    __slots__ = ("function", "_mode", "_read", "_takes_arguments")

    def __init__(self, what: _Function, arguments: list[Any]) -> None:
        self.function = what.function
        self._mode = what.mode
        if what.mode == "arrow":
            self._read = _arrow_reader([None if a is None else _arrow_type(a) for a in arguments])
        else:
            self._read = _numpy_reader(arguments)
        self._takes_arguments = False
        if what.state is not None:
            try:
                parameters = inspect.signature(what.function.from_state).parameters
                self._takes_arguments = len(parameters) > 1
            except (ValueError, TypeError):
                pass

    def open(self, constants: tuple[Column, ...]) -> Any:
        return self.function(*[c.tolist()[0] for c in constants])

    def _give(self, method: Any, count: int, columns: tuple[Column, ...]) -> None:
        if not columns:  # nothing else says how many rows there are
            for _ in range(count if self._mode == "row" else 1):
                method(*(() if self._mode == "row" else (count,)))
            return
        if self._mode != "row":
            method(*self._read(columns))
            return
        lists = [c.tolist() * (count if c.is_constant else 1) for c in columns]
        for row in zip(*lists, strict=True):
            method(*row)

    def accumulate(self, group: Any, count: int, columns: tuple[Column, ...]) -> None:
        self._give(group.accumulate, count, columns)

    def retract(self, group: Any, count: int, columns: tuple[Column, ...]) -> None:
        self._give(group.retract, count, columns)

    def merge(self, group: Any, other: Any) -> None:
        group.merge(other)

    def evaluate(self, groups: list[Any]) -> list[Any]:
        return [_plain(g.evaluate()) for g in groups]

    def save(self, groups: list[Any]) -> list[Any]:
        return [_plain(g.state()) for g in groups]

    def load(self, constants: tuple[Column, ...], states: tuple[Column, ...]) -> list[Any]:
        more = [c.tolist()[0] for c in constants] if self._takes_arguments else []
        return [self.function.from_state(state, *more) for state in states[0].tolist()]


# ---- processors

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class State:
    """What a processor that is a generator keeps of a key.

    value: of the declared type, None at first; set it. None forgets it.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Timers:
    """Timers of a key.

    fired: the times that have come, as datetimes in UTC. watermark: up to where event time is complete, a
    datetime in UTC; None: nowhere yet.
    """

    __slots__ = ("_key", "_noted", "fired", "watermark")

    def __init__(self, key: int, fired: list[datetime], watermark: datetime | None, noted: list[Any]) -> None:
        self._key, self._noted, self.fired, self.watermark = key, noted, fired, watermark

    def set(self, at: Any) -> None:
        """Calls the processor again for this key when the watermark comes to `at`.

        at: epoch milliseconds, a datetime or ISO 8601 text, in UTC where nothing else is said."""
        self._noted.append((self._key, microseconds(at, "at"), False))

    def cancel(self, at: Any) -> None:
        """Takes a timer back; without one nothing happens. at: as it was set."""
        self._noted.append((self._key, microseconds(at, "at"), True))


def _instant(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


class Processor:
    """Calls a function for each key with new rows or fired timers."""

    __slots__ = ("function", "_mode", "_is_generator")

    def __init__(self, what: _Function) -> None:
        self.function = what.function
        self._mode = what.mode
        called = what.function if inspect.isroutine(what.function) else type(what.function).__call__
        self._is_generator = inspect.isgeneratorfunction(called)

    def _slices(self, names: list[str], columns: tuple[Column, ...]) -> Callable[[int, int], Any]:
        if self._mode == "arrow":
            import pyarrow

            batch = pyarrow.RecordBatch.from_arrays(_arrow_reader([])(columns), names=names)
            return lambda a, b: batch.slice(a, b - a)
        if self._mode == "numpy":
            arrays = [numpy_column(c) for c in columns]
            return lambda a, b: {n: v[a:b] for n, v in zip(names, arrays, strict=True)}
        rows = [
            dict(zip(names, row, strict=True)) for row in zip(*[c.tolist() for c in columns], strict=True)
        ]
        return lambda a, b: rows[a:b]

    def __call__(
        self,
        names: list[str],
        keys: tuple[Column, ...],
        counts: list[int],
        columns: tuple[Column, ...],
        states: tuple[Column, ...],
        fired_counts: list[int],
        fired_us: list[int],
        watermark_us: int | None,
    ) -> tuple[list[Any], list[int], list[Any], list[Any]]:
        lists = [c.tolist() for c in keys]
        before = states[0].tolist()
        part = self._slices(names, columns)
        fired = [_instant(us) for us in fired_us]
        watermark = None if watermark_us is None else _instant(watermark_us)
        out: list[Any] = []
        out_counts: list[int] = []
        after: list[Any] = []
        noted: list[Any] = []
        row = timer = 0
        for i, count in enumerate(counts):
            key = lists[0][i] if len(lists) == 1 else tuple(c[i] for c in lists)
            timers = Timers(i, fired[timer : timer + fired_counts[i]], watermark, noted)
            made, state = self._one(key, part(row, row + count), before[i], timers)
            row += count
            timer += fired_counts[i]
            out += made
            out_counts.append(len(made))
            after.append(state)
        return out, out_counts, after, noted

    def _one(self, key: Any, rows: Any, before: Any, timers: Timers) -> tuple[list[Any], Any]:
        if self._is_generator:
            state = State(before)
            return [_as_row(r) for r in self.function(key, rows, state, timers)], _plain(state.value)
        given = self.function(key, rows, before, timers)
        if not isinstance(given, tuple) or len(given) != 2:
            raise TypeError(f"{_named(self.function)} returns (rows, state), not {type(given).__name__}")
        made, after = given
        if hasattr(made, "to_pylist"):
            made = made.to_pylist()
        return [_as_row(r) for r in made or ()], _plain(after)
