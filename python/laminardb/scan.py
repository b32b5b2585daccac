# SPDX-License-Identifier: Apache-2.0
"""Objects of the program as tables of a query: ``db.sql("SELECT * FROM df")``, and files that pyarrow reads.

A name is looked for among the objects given to the call, then in the caller's local variables, in those of
the functions around it that are still running, and in its globals.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType
    from typing import Any

_ROWS = "a DataFrame, an Arrow table, a QueryResult, a dict of lists or a list of dicts"
_INLINE = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<lambda>")


def _scopes(frame: FrameType) -> Iterator[Mapping[str, Any]]:
    """The variables that code in the frame sees, and those of the functions around it, innermost first."""
    yield frame.f_locals
    name, outer = frame.f_code.co_qualname, frame.f_back
    while ".<locals>." in name or name in _INLINE:
        name = name.rpartition(".<locals>.")[0] or "<module>"
        while outer is not None and (
            outer.f_code.co_qualname != name or outer.f_code.co_filename != frame.f_code.co_filename
        ):
            outer = outer.f_back
        if outer is None:
            break
        yield outer.f_locals
        outer = outer.f_back
    yield frame.f_globals


def _is_records(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(row, dict) for row in found)


def _is_columns(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(name, str) for name in found)
        and all(isinstance(v, list | tuple) or hasattr(v, "__array__") for v in found.values())
    )


def _holds_rows(found: Any) -> bool:
    if isinstance(found, type):
        return False
    if hasattr(found, "__arrow_c_stream__") or hasattr(found, "__arrow_c_array__"):
        return not type(found).__name__.endswith(("Array", "Series"))
    package, kind = type(found).__module__.partition(".")[0], type(found).__name__
    if package == "pandas":
        return kind == "DataFrame"
    if package == "polars":
        return kind == "LazyFrame"
    if package == "numpy":
        return getattr(getattr(found, "dtype", None), "names", None) is not None
    if package == "pyarrow":
        return hasattr(found, "to_table") or hasattr(found, "to_reader")
    return _is_columns(found) or _is_records(found)


def _sql_type(values: list[Any]) -> str:
    """The narrowest type that holds the Python values."""
    import datetime
    import decimal
    import uuid

    types = {type(v) for v in values if v is not None}
    exact = {
        bool: "BOOLEAN",
        int: "BIGINT",
        float: "DOUBLE",
        str: "VARCHAR",
        bytes: "BLOB",
        datetime.date: "DATE",
        datetime.time: "TIME",
        datetime.timedelta: "INTERVAL",
        uuid.UUID: "UUID",
    }
    if not types:
        return "VARCHAR"
    if types == {datetime.datetime}:
        aware = any(v is not None and v.tzinfo is not None for v in values)
        return "TIMESTAMPTZ" if aware else "TIMESTAMP"
    if types == {int}:
        wide = any(v is not None and not -(2**63) <= v < 2**63 for v in values)
        return "HUGEINT" if wide else "BIGINT"
    if types == {decimal.Decimal}:
        digits = [v.as_tuple() for v in values if v is not None and v.is_finite()]
        scale = max((-int(d.exponent) for d in digits), default=0)
        scale = max(scale, 0)
        whole = max((len(d.digits) + int(d.exponent) for d in digits), default=1)
        return f"DECIMAL({min(max(whole, 0) + scale or 1, 38)}, {scale})" if scale <= 38 else "DOUBLE"
    if len(types) == 1:
        return exact.get(types.pop(), "VARCHAR")
    if types <= {int, float, bool}:
        return "DOUBLE"
    return "VARCHAR"


def _result_of(columns: dict[str, list[Any]]) -> Any:
    """Columns of Python values as a QueryResult."""
    from .connection import Connection

    names = {name: '"' + name.replace('"', '""') + '"' for name in columns}
    fields = ", ".join(f"{names[name]} {_sql_type(values)}" for name, values in columns.items())
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"the lists of the dict have different lengths: {sorted(lengths)}")
    with Connection() as db:
        db.execute(f"CREATE TABLE rows ({fields})")
        if lengths != {0}:
            db.insert("rows", columns)
        return db.query("SELECT * FROM rows")


def _columns_of(found: Any) -> dict[str, list[Any]]:
    if isinstance(found, list):
        names = dict.fromkeys(name for row in found for name in row)
        return {str(name): [row.get(name) for row in found] for name in names}
    from .frames import _plain_list

    return {k: _plain_list(v) if hasattr(v, "dtype") else list(v) for k, v in found.items()}


def _frame_table(frame: Any, columns: list[str] | None, schema_only: bool) -> Any:
    """A pandas frame as Arrow data; where its types tell the schema, rows are not looked at for it."""
    from .frames import adapt

    if columns is not None:
        frame = frame[columns]
    if schema_only and not any(dtype.kind == "O" for dtype in frame.dtypes):
        frame = frame.head(0)
    made = adapt(frame)
    return _result_of(made) if isinstance(made, dict) else made


class Resolver:
    """Answers the engine's questions for what it does not have. Made per statement."""

    __slots__ = ("_given", "_found", "_frame", "_made", "_readers", "_writing")

    def __init__(self, frame: FrameType | None, given: Mapping[str, Any]) -> None:
        self._frame = frame
        self._given = given
        self._found: dict[str, Any] = {}
        self._made: dict[str, Any] = {}
        self._readers: set[int] = set()
        self._writing: tuple[Any, ...] = ()  # of the file that COPY TO is at

    def open(
        self, is_file: bool, name: str, format: str | None, schema_only: bool, columns: list[str] | None
    ) -> Any:
        """None: no such object; a str: nor, and what to do; True: read on; else an Arrow stream's owner."""
        if is_file:
            return _open_file(name, format, schema_only, columns)
        found, nearest = self._find(name)
        if found is None:
            return nearest
        return self._rows(name, found, schema_only, columns)

    def objects(self) -> Mapping[str, Any]:
        """What the statement read of the program, by name: to run it again without the frame."""
        return self._found

    def _find(self, name: str) -> tuple[Any, str | None]:
        seen: set[str] = set()
        scopes = [self._given]
        if self._frame is not None:
            scopes += _scopes(self._frame)
        wrong = None
        for scope in scopes:
            if name in scope:
                if _holds_rows(scope[name]):
                    self._found[name] = scope[name]
                    return scope[name], None
                wrong = wrong or type(scope[name]).__name__
            seen.update(key for key, value in scope.items() if key[:1] != "_" and _holds_rows(value))
        if wrong is not None:
            return None, f'the variable "{name}" is a {wrong}: a table of a query is {_ROWS}'
        import difflib

        near = difflib.get_close_matches(name, sorted(seen), 1)
        return None, f'did you mean the variable "{near[0]}"?' if near else None

    def _rows(self, name: str, found: Any, schema_only: bool, columns: list[str] | None) -> Any:
        if hasattr(found, "read_next_batch"):  # a reader: its rows can be had once
            if not schema_only:
                return True
            if id(found) in self._readers:
                raise ValueError(f'"{name}" is a reader, and its rows can be read once; make a table of it')
            self._readers.add(id(found))
            return found
        if type(found).__module__.partition(".")[0] == "pandas":
            return _frame_table(found, columns, schema_only)
        if hasattr(found, "__arrow_c_stream__"):
            if columns and type(found).__module__.partition(".")[0] in ("pyarrow", "polars"):
                return found.select(columns)
            return found
        if name not in self._made:
            self._made[name] = _whole(found)
        return self._made[name]

    def write(self, path: str, format: str, rows: object, more: bool) -> None:
        """A part of COPY TO a file in a format of pyarrow: a capsule of an Arrow stream, None to give up."""
        pyarrow = _pyarrow(format)
        if rows is None:
            self._abandon()
            return
        try:
            reader = pyarrow.RecordBatchReader._import_from_c_capsule(rows)
            if not self._writing:
                self._writing = _open_writer(pyarrow, path, format, reader.schema)
            for batch in reader:
                self._writing[0].write_batch(batch)
        except BaseException:
            self._abandon()
            raise
        if not more:
            writing, self._writing = self._writing, ()
            for part in writing:
                part.close()

    def _abandon(self) -> None:
        import contextlib

        writing, self._writing = self._writing, ()
        for part in writing:
            with contextlib.suppress(Exception):  # the file goes, and so does what its end has to say
                part.close()


def _open_writer(pyarrow: Any, path: str, format: str, schema: Any) -> tuple[Any, ...]:
    """What is closed at the end, in this order; the first takes the batches."""
    if format == "parquet":
        from pyarrow.parquet import ParquetWriter

        return (ParquetWriter(path, schema),)
    file = pyarrow.OSFile(path, "wb")
    return (pyarrow.ipc.new_file(file, schema), file)


def _whole(found: Any) -> Any:
    """Objects that are converted as a whole, once for a statement."""
    if hasattr(found, "__arrow_c_array__"):
        return _pyarrow("a record batch").table(found) if not hasattr(found, "select") else found
    package = type(found).__module__.partition(".")[0]
    if package == "polars":
        return found.collect()
    if package == "pyarrow":
        return found.to_table()
    if package == "numpy":
        from .frames import adapt

        return _result_of(adapt(found))
    return _result_of(_columns_of(found))


def _pyarrow(what: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError(f"{what} needs the package pyarrow: pip install pyarrow") from None
    return pyarrow


def _open_file(path: str, format: str | None, schema_only: bool, columns: list[str] | None) -> Any:
    pyarrow = _pyarrow(f"reading {format} files")
    if format == "parquet":
        from pyarrow.parquet import ParquetFile

        file = ParquetFile(path, memory_map=True)
        if schema_only:
            return pyarrow.RecordBatchReader.from_batches(file.schema_arrow, [])
        fields = file.schema_arrow if columns is None else [file.schema_arrow.field(c) for c in columns]
        return pyarrow.RecordBatchReader.from_batches(
            pyarrow.schema(fields), file.iter_batches(columns=columns)
        )
    source = pyarrow.memory_map(path)
    try:
        reader = pyarrow.ipc.open_file(source)
    except pyarrow.ArrowInvalid:
        source.seek(0)
        return pyarrow.ipc.open_stream(source) if schema_only else True
    if schema_only:
        return pyarrow.RecordBatchReader.from_batches(reader.schema, [])
    batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
    if columns is None:
        return pyarrow.RecordBatchReader.from_batches(reader.schema, batches)
    schema = pyarrow.schema([reader.schema.field(c) for c in columns])
    return pyarrow.RecordBatchReader.from_batches(schema, (b.select(columns) for b in batches))
