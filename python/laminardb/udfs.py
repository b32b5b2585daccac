# SPDX-License-Identifier: Apache-2.0
"""Functions of the program in SQL: decorators, and what is read from a function's signature.

``@udf``, ``@table_function``, ``@udaf`` and ``@processor`` note what SQL has to know of a function or class
and give back the same object; ``Connection.register_udf`` and its sisters register it. What calls them lives
in :mod:`laminardb.udf_calls`. Of all this a database's directory holds names and types alone."""

from __future__ import annotations

import inspect
import threading
import traceback as tracebacks
import typing
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from .udf_types import annotated, of_annotation, sql_type

if TYPE_CHECKING:
    from types import TracebackType

    Mode = Literal["arrow", "numpy", "row"]
    Nulls = Literal["propagate", "pass"]

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

#: Seconds that a call may take when nothing else is said.
TIMEOUT = 30.0
_MODES = ("arrow", "numpy", "row")
_NULLS = ("propagate", "pass")
_NOTED = "__laminardb_function__"


class Stopped(BaseException):
    """Raised in a function whose call took too long, or whose query was cancelled.

    It is no Exception, so that ``except Exception`` in a function does not keep it running.

    Example:
        >>> issubclass(laminardb.udfs.Stopped, Exception)
        False
    """


@dataclass(frozen=True)
class _Function:
    """What is known of a function before it is registered."""

    kind: Literal["scalar", "table", "aggregate", "processor", "native"]
    function: Any
    name: str
    result: str
    mode: Mode
    null: Nulls = "propagate"
    arguments: tuple[str, ...] | None = None
    state: str | None = None
    volatile: bool = False
    ordered: bool = False
    version: str | None = None
    timeout: float | None = TIMEOUT
    address: int = 0
    context: int = 0

    @property
    def timeout_ms(self) -> int:
        return 0 if self.timeout is None else max(1, round(self.timeout * 1000))


def _check(mode: Any, null: Any, timeout: Any, version: Any) -> None:
    if mode is not None and mode not in _MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, _MODES))}, not {mode!r}")
    if null not in _NULLS:
        raise ValueError(f'null must be "propagate" or "pass", not {null!r}')
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout must be more than 0 seconds, or None, not {timeout!r}")
    if version is not None and not isinstance(version, str):
        raise TypeError(f"version must be a str, not {type(version).__name__}")


# ---- signatures


@dataclass(frozen=True)
class _Signature:
    names: list[str]
    annotations: list[Any]
    required: int
    is_variadic: bool
    result: Any


def _signature(f: Any, skip: int = 0) -> _Signature:
    """Positional parameters, with their annotations where they can be understood."""
    try:
        parameters = list(inspect.signature(f).parameters.values())[skip:]
    except (ValueError, TypeError):  # of C, and does not say
        return _Signature([], [], 0, True, None)
    hints: dict[str, Any] = {}
    try:
        hints = typing.get_type_hints(f)
    except Exception:  # names that only the caller's scope has
        hints = dict(getattr(f, "__annotations__", {}))
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return _Signature(
        [p.name for p in plain],
        [hints.get(p.name) for p in plain],
        sum(p.default is p.empty for p in plain),
        any(p.kind is p.VAR_POSITIONAL for p in parameters),
        hints.get("return"),
    )


def _mode_of(annotations: list[Any]) -> Mode:
    """arrow, numpy or row by what the parameters are; without a word arrow where pyarrow is installed."""
    kinds = {annotated(a) for a in annotations} - {None}
    for mode in _MODES:
        if mode in kinds:
            return typing.cast("Mode", mode)
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return "row"
    return "arrow"


def _arguments(given: Any, s: _Signature) -> tuple[str, ...] | None:
    """SQL types of the arguments; None: any number of any types."""
    if given is not None:
        return tuple(sql_type(t) for t in given)
    if s.is_variadic or s.required < len(s.names):
        return None
    return tuple(of_annotation(a) or "ANY" for a in s.annotations)


def _result(given: Any, s: _Signature, name: str) -> str:
    if given is not None:
        return sql_type(given)
    found = of_annotation(s.result)
    if found is None or found == "ANY":
        raise TypeError(f'{name}: say return_type="DOUBLE", or annotate what the function returns as float')
    return found


def _noted(f: Any, what: _Function) -> Any:
    try:
        setattr(f, _NOTED, what)
    except AttributeError:  # a builtin

        def called(*args: Any) -> Any:
            return f(*args)

        called.__name__ = called.__qualname__ = what.name
        called.__doc__ = f.__doc__
        setattr(called, _NOTED, what)
        return called
    return f


def _name_of(f: Any, name: str | None) -> str:
    found = name or getattr(f, "__name__", type(f).__name__)
    if not isinstance(found, str):
        raise TypeError(f"name must be a str, not {type(found).__name__}")
    return found


def _scalar(
    f: Any,
    return_type: Any,
    name: str | None,
    mode: Any,
    null: Any,
    arg_types: Any,
    volatile: bool,
    version: str | None,
    timeout: float | None,
) -> _Function:
    if not callable(f):
        raise TypeError(f"a function is a callable, not {type(f).__name__}")
    _check(mode, null, timeout, version)
    called = _name_of(f, name)
    s = _signature(f)
    return _Function(
        "scalar",
        f,
        called,
        _result(return_type, s, called),
        mode or _mode_of(s.annotations),
        null,
        _arguments(arg_types, s),
        volatile=volatile,
        version=version,
        timeout=timeout,
    )


# ---- decorators


@overload
def udf(f: F, /) -> F: ...
@overload
def udf(
    *,
    return_type: Any = None,
    name: str | None = None,
    mode: Mode | None = None,
    null: Nulls = "propagate",
    arg_types: Any = None,
    volatile: bool = False,
    version: str | None = None,
    timeout: float | None = TIMEOUT,
) -> Callable[[F], F]: ...
def udf(
    f: Any = None,
    /,
    *,
    return_type: Any = None,
    name: str | None = None,
    mode: Any = None,
    null: Any = "propagate",
    arg_types: Any = None,
    volatile: bool = False,
    version: str | None = None,
    timeout: float | None = TIMEOUT,
) -> Any:
    """Notes how SQL calls a function; gives the function back, callable as before.

    f: the function, where the decorator stands without parentheses.
    return_type: a pyarrow type, a SQL type ("DECIMAL(18, 2)") or a Python type (float); by default the
    annotation of what the function returns.
    name: in SQL; that of the function.
    mode: "arrow": called with a pyarrow.Array for each column and a pyarrow.Scalar for each literal; gives an
    array, chunked array, scalar (for all rows), numpy array or list. "numpy": with numpy arrays (masked ones
    where there are NULLs) and Python values. "row": once a row with Python values. By default what the
    annotations of the parameters are; without any "arrow" where pyarrow is installed, else "row".
    null: "propagate": rows with a NULL argument are not given and are NULL; "pass": they are given.
    arg_types: of the arguments, as return_type; by default their annotations. "ANY", pyarrow.Array,
    numpy.ndarray or nothing: as the column is. Others are cast to.
    volatile: not the same for the same arguments: a row's value is computed once, and kept.
    version: any text, kept with the name: code of another version is not taken for a stream that waits.
    timeout: seconds that one call may take; None: any.
    Raises TypeError, ValueError: an argument is none of these.

    Example:
        >>> @laminardb.udf(return_type="DOUBLE", mode="row")
        ... def half(x: float) -> float:
        ...     return x / 2
        >>> half(3.0)
        1.5
        >>> db = laminardb.open()
        >>> db.register_udf(half)
        >>> db.query("SELECT half(5) AS h").fetchone()
        (2.5,)
    """

    def note(g: Any) -> Any:
        return _noted(g, _scalar(g, return_type, name, mode, null, arg_types, volatile, version, timeout))

    return note if f is None else note(f)


def table_function(
    *,
    return_type: Any,
    name: str | None = None,
    null: Nulls = "propagate",
    arg_types: Any = None,
    volatile: bool = False,
    version: str | None = None,
    timeout: float | None = TIMEOUT,
) -> Callable[[F], F]:
    """Notes a function that yields rows, for FROM f(x) and, with columns of what stands before it, LATERAL.

    return_type: of a row: {"name": type, ...}, a pyarrow.Schema or struct, or "STRUCT(a INTEGER, ...)".
    Rows are tuples, dicts, or plain values where there is one column.
    name, null, arg_types, volatile, version, timeout: as of :func:`udf`. It is called once a row.
    Raises TypeError, ValueError: an argument is none of these.

    Example:
        >>> @laminardb.table_function(return_type={"word": str, "size": int})
        ... def words(text: str):
        ...     for word in text.split():
        ...         yield word, len(word)
        >>> db = laminardb.open()
        >>> db.register_udf(words)
        >>> db.query("SELECT * FROM words('a few words')").fetchall()
        [('a', 1), ('few', 3), ('words', 5)]
    """
    row = sql_type(return_type)
    if not row.upper().startswith("STRUCT"):
        raise TypeError(f"a row of a table function is a STRUCT, not {row}")

    def note(f: Any) -> Any:
        what = _scalar(f, row + "[]", name, "row", null, arg_types, volatile, version, timeout)
        return _noted(f, replace(what, kind="table"))

    return note


def udaf(
    *,
    return_type: Any,
    accumulator_type: Any = None,
    name: str | None = None,
    mode: Mode | None = None,
    null: Nulls = "propagate",
    arg_types: Any = None,
    ordered: bool = False,
    version: str | None = None,
    timeout: float | None = TIMEOUT,
) -> Callable[[C], C]:
    """Notes a class as an aggregate function: one object a group.

    The class has accumulate(*columns), merge(other) and evaluate(); and, if it likes, retract(*columns),
    which takes rows back, and state() with the classmethod from_state(state), which save a group in
    checkpoints. Without retract, or without state, the rows of a group are kept and given again.
    Literals behind the columns are the arguments of the class: ema(price, 0.2) makes objects of EMA(0.2).
    from_state gets them too, behind the state, where it takes them.
    With arg_types=[] it is called as f(): accumulate() once a row in mode "row", else accumulate(n) with the
    number of rows, and retract likewise.

    return_type, name, mode, null, arg_types, version, timeout: as of :func:`udf`, for accumulate.
    accumulator_type: of what state gives: a dict or tuple of a STRUCT, or another value.
    ordered: its value depends on the order of its rows; parts are never merged.
    Raises TypeError, ValueError: an argument is none of these, or the class has no such methods.

    Example:
        >>> @laminardb.udaf(return_type=float, mode="row")
        ... class Span:
        ...     def __init__(self) -> None:
        ...         self.seen: list[float] = []
        ...     def accumulate(self, x: float) -> None:
        ...         self.seen.append(x)
        ...     def merge(self, other: "Span") -> None:
        ...         self.seen += other.seen
        ...     def evaluate(self) -> float:
        ...         return max(self.seen) - min(self.seen)
        >>> db = laminardb.open()
        >>> db.register_udaf("span", Span)
        >>> db.query("SELECT span(v) AS s FROM (VALUES (1), (5)) AS t(v)").fetchone()
        (4.0,)
    """
    return lambda cls: _noted(
        cls,
        _aggregate(
            cls, return_type, accumulator_type, name, mode, null, arg_types, ordered, version, timeout
        ),
    )


def _aggregate(
    cls: Any,
    return_type: Any,
    accumulator_type: Any,
    name: str | None,
    mode: Any,
    null: Any,
    arg_types: Any,
    ordered: bool,
    version: str | None,
    timeout: float | None,
) -> _Function:
    _check(mode, null, timeout, version)
    if not isinstance(cls, type):
        raise TypeError(f"an aggregate is a class, not {type(cls).__name__}")
    missing = [m for m in ("accumulate", "evaluate") if not callable(getattr(cls, m, None))]
    if missing:
        raise TypeError(f"the aggregate {cls.__name__} has no method {missing[0]}")
    if hasattr(cls, "state") != hasattr(cls, "from_state"):
        raise TypeError(f"the aggregate {cls.__name__} needs both of state and from_state")
    if hasattr(cls, "state") and accumulator_type is None:
        raise TypeError(f"say accumulator_type, of what {cls.__name__}.state gives")
    s = _signature(typing.cast(Any, cls).accumulate, 1)
    called = _name_of(cls, name)
    return _Function(
        "aggregate",
        cls,
        called,
        _result(return_type, s, called),
        mode or _mode_of(s.annotations),
        null,
        _arguments(arg_types, s),
        state=sql_type(accumulator_type) if hasattr(cls, "state") else None,
        ordered=ordered,
        version=version,
        timeout=timeout,
    )


def processor(
    *,
    return_type: Any,
    state_type: Any,
    name: str | None = None,
    mode: Mode | None = None,
    version: str | None = None,
    timeout: float | None = TIMEOUT,
) -> Callable[[F], F]:
    """Notes a process of its own for each key: SELECT * FROM f(TABLE clicks PARTITION BY user).

    The function is called as f(key, rows, state, timers) when a key has new rows, or a timer of it has come.
    key: the value of the PARTITION BY column, or a tuple of several. rows: by mode a list of dicts, a dict of
    numpy arrays, or a pyarrow.RecordBatch; empty when only timers came. timers: see :class:`Timers`.
    A function that returns gives (rows, state): state is what it returned last time, None at first. A
    generator yields rows, and keeps its state in ``state.value``. None as state forgets the key.

    return_type: of a row, as of :func:`table_function`. state_type: of the state, which checkpoints hold.
    name, mode, version, timeout: as of :func:`udf`; mode is "row" where nothing is said.
    Raises TypeError, ValueError: an argument is none of these.

    Example:
        >>> @laminardb.processor(return_type={"user": str, "clicks": int}, state_type=int)
        ... def counted(key, rows, state, timers):
        ...     state.value = (state.value or 0) + len(rows)
        ...     yield key, state.value
        >>> db = laminardb.open()
        >>> db.register_processor("counted", counted)
        >>> _ = db.execute("CREATE SOURCE clicks (user VARCHAR)")
        >>> _ = db.execute("CREATE STREAM c AS SELECT * FROM counted(TABLE clicks PARTITION BY user)")
        >>> db.start()
        >>> _ = db.insert("clicks", [{"user": "ann"}, {"user": "ann"}])
        >>> db.query_stream("c").fetchall()
        [('ann', 2)]
    """
    return lambda f: _noted(f, _processor(f, return_type, state_type, name, mode, version, timeout))


def _processor(
    f: Any,
    return_type: Any,
    state_type: Any,
    name: str | None,
    mode: Any,
    version: str | None,
    timeout: float | None,
) -> _Function:
    _check(mode, "pass", timeout, version)
    if not callable(f):
        raise TypeError(f"a processor is a callable, not {type(f).__name__}")
    row = sql_type(return_type)
    if not row.upper().startswith("STRUCT"):
        raise TypeError(f"a row of a processor is a STRUCT, not {row}")
    return _Function(
        "processor",
        f,
        _name_of(f, name),
        row,
        mode or "row",
        "pass",
        state=sql_type(state_type),
        version=version,
        timeout=timeout,
    )


def native(
    address: Any,
    arg_types: Any,
    return_type: Any,
    *,
    name: str = "native",
    null: Nulls = "propagate",
    volatile: bool = False,
    parallel: bool = True,
    version: str | None = None,
    context: int = 0,
) -> Any:
    """A function of machine code for register_udf, which runs without the interpreter.

    address: an int, a ctypes function, a cffi function pointer, or what has an ``address`` (numba.cfunc);
    of a function with the signature of ``laminar_scalar.call`` in laminar_functions.h. arg_types,
    return_type: SQL, pyarrow or Python types. parallel: it may run on several threads at the same time.
    context: an address that it gets as its first argument. name, null, volatile, version: as of :func:`udf`.
    A wrong address or signature ends the process. Raises TypeError: the address is none of these.

    Example:
        >>> laminardb.native(4096, ["DOUBLE"], "DOUBLE", name="twice")
        native(twice(DOUBLE) -> DOUBLE)
    """
    _check(None, null, None, version)
    return _Native(
        _Function(
            "native",
            address,
            name,
            sql_type(return_type),
            "row",
            null,
            tuple(sql_type(t) for t in arg_types),
            volatile=volatile,
            ordered=not parallel,
            version=version,
            timeout=None,
            address=_address(address),
            context=context,
        )
    )


class _Native:
    """What native gives."""

    __slots__ = (_NOTED, "__name__")

    def __init__(self, what: _Function) -> None:
        setattr(self, _NOTED, what)
        self.__name__ = what.name

    def __repr__(self) -> str:
        what = getattr(self, _NOTED)
        return f"native({what.name}({', '.join(what.arguments)}) -> {what.result})"


def _address(of: Any) -> int:
    address = getattr(of, "address", None)
    if isinstance(of, int) and not isinstance(of, bool):
        found = of
    elif isinstance(address, int):
        found = address
    elif type(of).__module__ == "_cffi_backend":
        from importlib import import_module

        found = int(import_module("_cffi_backend").FFI().cast("uintptr_t", of))
    else:
        import ctypes

        pointers: Any = (vars(ctypes)["_CFuncPtr"], ctypes.c_void_p)
        if not isinstance(of, pointers):
            raise TypeError(
                f"an address is an int, of ctypes or cffi, or has .address, not {type(of).__name__}"
            )
        found = ctypes.cast(of, ctypes.c_void_p).value or 0
    if found <= 0:
        raise ValueError(f"a function has no address {found}")
    return found


def described(name: Any, f: Any, kind: str, given: dict[str, Any]) -> _Function:
    """What register_udf and its sisters were given: noted by a decorator, or with the types beside it."""
    if f is None and not isinstance(name, str):
        name, f = None, name
    if name is not None and not isinstance(name, str):
        raise TypeError(f"a function's name is a str, not {type(name).__name__}")
    said = {k: v for k, v in given.items() if v is not None}
    what: _Function | None = getattr(f, _NOTED, None) if f is not None else None
    if what is None or said:
        make: Any = {"scalar": udf, "aggregate": udaf, "processor": processor}[kind]
        if what is not None and what.kind in ("table", "native"):
            raise TypeError(f"{what.name}: what it is stands in its decorator")
        if f is None:
            raise TypeError("a function is a callable, not None")
        before = {} if what is None else _repeated(what, kind)
        if kind != "scalar" and "return_type" not in {**before, **said}:
            raise TypeError(f"say return_type, or decorate it with @laminardb.{make.__name__}")
        if kind == "processor" and "state_type" not in {**before, **said}:
            raise TypeError("say state_type, or decorate it with @laminardb.processor")
        original = f if what is None else what.function
        builders: Any = {"scalar": _of_udf, "aggregate": _of_udaf, "processor": _of_processor}[kind]
        what = builders(original, {**before, **said})
    assert what is not None
    kinds = {"scalar": ("scalar", "table", "native")}.get(kind, (kind,))
    if what.kind not in kinds:
        other = {"aggregate": "register_udaf", "processor": "register_processor"}.get(
            what.kind, "register_udf"
        )
        raise TypeError(f"{what.name} is registered by {other}")
    return what if name is None else replace(what, name=name)


def _repeated(what: _Function, kind: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "return_type": what.result,
        "name": what.name,
        "mode": what.mode,
        "version": what.version,
        "timeout": what.timeout,
    }
    if kind == "processor":
        return {**said, "state_type": what.state}
    said |= {"null": what.null, "arg_types": what.arguments}
    if kind == "aggregate":
        return {**said, "accumulator_type": what.state, "ordered": what.ordered}
    return {**said, "volatile": what.volatile}


_PLAIN: dict[str, Any] = {
    "return_type": None,
    "name": None,
    "mode": None,
    "null": "propagate",
    "arg_types": None,
    "version": None,
    "timeout": TIMEOUT,
}


def _of_udf(f: Any, said: dict[str, Any]) -> _Function:
    return _scalar(f, **{**_PLAIN, "volatile": False, **said})


def _of_udaf(f: Any, said: dict[str, Any]) -> _Function:
    return _aggregate(f, **{**_PLAIN, "accumulator_type": None, "ordered": False, **said})


def _of_processor(f: Any, said: dict[str, Any]) -> _Function:
    plain = {k: v for k, v in _PLAIN.items() if k not in ("null", "arg_types")}
    return _processor(f, **{**plain, **said})


# ---- exceptions, for the extension

_here = threading.local()
_lock = threading.Lock()
_traces: OrderedDict[str, str] = OrderedDict()
_elsewhere: OrderedDict[str, BaseException] = OrderedDict()
_REMEMBERED = 32
_PACKAGE = str(Path(__file__).parent)


def _code(about: Any) -> Any:
    """The code object of the function behind a glue, or None."""
    function = getattr(about, "function", about)
    if isinstance(function, type):
        function = getattr(function, "accumulate", None)
    return getattr(getattr(function, "__func__", function), "__code__", None)


def _user_frames(error: BaseException) -> TracebackType | None:
    """The traceback from the first frame on that is not of this package."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace


def _place(error: BaseException, about: Any) -> str:
    """file:line of the function's file where it raised, else of where the function begins."""
    code = _code(about)
    frames = [(f.f_code.co_filename, line) for f, line in tracebacks.walk_tb(_user_frames(error))]
    file = frames[0][0] if code is None and frames else getattr(code, "co_filename", None)
    for name, line in reversed(frames):
        if name == file:
            return f"{name}:{line}"
    return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def _cut(text: str, size: int) -> str:
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def _failure(error: BaseException, name: str, about: Any, stopped: str | None, here: bool) -> str:
    """The text of the engine's error; what it came from is remembered by its first line."""
    try:
        said = str(error)
    except Exception:
        said = "(its text cannot be read)"
    place = _place(error, about)
    head = _cut(stopped or f"{type(error).__name__}: {said}".replace("\n", " "), 400)
    head += f" at {place[-240:]}" if place else ""
    trace = "".join(tracebacks.format_exception(type(error), error, _user_frames(error)))
    with _lock:
        _traces[head] = trace
        _traces.move_to_end(head)
        if len(_traces) > _REMEMBERED:
            _traces.popitem(last=False)
        if not here and not isinstance(error, Exception | Stopped):
            _elsewhere[head] = error
            if len(_elsewhere) > _REMEMBERED:
                _elsewhere.popitem(last=False)
    if here:
        if not hasattr(_here, "failures"):
            _here.failures = []
        _here.failures = [*_here.failures[-7:], (head, error)]
    return _cut(f"{head}\n{trace}", 800)


def _settle() -> BaseException | None:
    """At the end of a call that went well: what is to be raised all the same."""
    failures = _here.__dict__.pop("failures", [])
    return next((e for _, e in failures if not isinstance(e, Exception | Stopped)), None)


def _explain(error: BaseException, message: str) -> BaseException:
    """The error with its traceback and cause; or what is raised in its place."""
    failures = _here.__dict__.pop("failures", [])
    for head, cause in reversed(failures):
        if not isinstance(cause, Exception | Stopped):
            return typing.cast(BaseException, cause)
        if head in message:
            error.__cause__ = cause
            break
    with _lock:
        for head in [h for h in _elsewhere if h in message]:
            return _elsewhere.pop(head)
        for head in reversed(_traces):
            if head in message:
                vars(error)["traceback"] = _traces[head]
                break
    return error
