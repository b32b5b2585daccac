# SPDX-License-Identifier: Apache-2.0
"""What may be missing: packages (who touches a missing one is skipped, and says which it was), and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class _Package:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(("_", "pytest")):  # collectors look at all that a module has
            raise AttributeError(attribute)
        return getattr(pytest.importorskip(self._name), attribute)


def package(name: str) -> Any:
    """The package, imported when something of it is used."""
    return _Package(name)


def some(value: T | None) -> T:
    """The value, which is one."""
    assert value is not None
    return value


def each(*calls: Callable[[], object]) -> None:
    """One after the other."""
    for call in calls:
        call()
