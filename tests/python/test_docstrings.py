# SPDX-License-Identifier: Apache-2.0
"""The examples in docstrings, run as printed; each public symbol has one, and tells arguments and errors."""

from __future__ import annotations

import doctest
import functools
import importlib
import inspect
import pkgutil
import re
from typing import Any

import laminardb
import pytest

MODULES = sorted(m.name for m in pkgutil.iter_modules(laminardb.__path__) if m.name != "_laminardb")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
#: Modules whose public names are used through them.
PUBLIC_MODULES = [getattr(laminardb, name) for name in "dbapi display testing prometheus types".split()]
#: An example that needs a package which may be missing says which.
PACKAGES = {
    doctest.register_optionflag(f"NEEDS_{name.upper()}"): name for name in ("pyarrow", "pandas", "polars")
}


@functools.cache
def is_missing(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return True
    return False


def run(test: doctest.DocTest) -> None:
    for example in test.examples:
        if any(example.options.get(flag) and is_missing(name) for flag, name in PACKAGES.items()):
            example.options[doctest.SKIP] = True
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    said: list[str] = []
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize("name", ["", *MODULES])
def test_examples(name: str) -> None:
    module = importlib.import_module(f"laminardb.{name}" if name else "laminardb")
    names = {**vars(module), "laminardb": laminardb}
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, globs=names):
        run(test)


def is_own(member: Any) -> bool:
    member = member.fget if isinstance(member, property) else member
    member = inspect.unwrap(getattr(member, "__func__", member))
    of = getattr(member, "__objclass__", None)
    module = getattr(member if of is None else of, "__module__", None) or ""
    return module.partition(".")[0] == "laminardb"


def public_symbols() -> dict[str, Any]:
    """Everything that a user may call, make or read, by its name; fields of records are their class's."""
    found: dict[str, Any] = {}
    tops = {name: getattr(laminardb, name) for name in laminardb.__all__}
    for module in PUBLIC_MODULES:
        short = module.__name__.rpartition(".")[2]
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                tops[f"{short}.{name}"] = value
    for name, value in tops.items():
        if inspect.isclass(value) or inspect.isroutine(value):
            found[name] = value
        if not inspect.isclass(value):
            continue
        for member in dir(value):
            at = inspect.getattr_static(value, member)
            if member.startswith("_") or type(at).__name__ in ("member_descriptor", "_tuplegetter"):
                continue
            if (inspect.isroutine(at) or inspect.isdatadescriptor(at)) and is_own(at):
                found[f"{name}.{member}"] = at
    return found


SYMBOLS = public_symbols()


def test_every_public_symbol_has_an_example() -> None:
    assert len(SYMBOLS) > 300
    bare = [name for name, value in SYMBOLS.items() if ">>>" not in (value.__doc__ or "")]
    assert bare == []


def parameters(value: Any) -> list[str]:
    try:
        taken = inspect.signature(value).parameters
    except ValueError:  # the builtin constructors of exceptions and of int
        return []
    return [name for name in taken if name not in ("self", "cls")]


CALLED = [name for name, value in SYMBOLS.items() if inspect.isroutine(value) or inspect.isclass(value)]


@pytest.mark.parametrize("name", CALLED)
def test_parameters_and_errors_are_told(name: str) -> None:
    value = getattr(SYMBOLS[name], "__func__", SYMBOLS[name])
    text = value.__doc__ or ""
    assert [p for p in parameters(value) if not re.search(rf"(?<!\w){p}(?!\w)", text)] == []
    if not inspect.isclass(value):
        assert re.search(r"Raises|Cannot fail", text), "what it raises, or that it cannot fail"


def test_examples_of_the_extension() -> None:
    """Those that the finder does not see, because their functions are written in C."""
    parser, done = doctest.DocTestParser(), set()
    for name, value in SYMBOLS.items():
        if type(value).__name__ in ("method_descriptor", "getset_descriptor", "builtin_function_or_method"):
            if value.__doc__ in done:
                continue
            done.add(value.__doc__)
            run(parser.get_doctest(value.__doc__, {"laminardb": laminardb}, name, None, None))
    assert len(done) > 20
