# SPDX-License-Identifier: Apache-2.0
"""The examples in docstrings, run as they are printed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import laminardb
import pytest

MODULES = sorted(m.name for m in pkgutil.iter_modules(laminardb.__path__) if m.name != "_laminardb")


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(f"laminardb.{name}") for name in MODULES]
    assert sum(len(t.examples) for m in modules for t in finder.find(m, m.__name__)) > 100


@pytest.mark.parametrize("name", ["", *MODULES])
def test_examples(name: str) -> None:
    module = importlib.import_module(f"laminardb.{name}" if name else "laminardb")
    names = {**vars(module), "laminardb": laminardb}
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, globs=names, optionflags=options).failed == 0
