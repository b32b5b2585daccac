# SPDX-License-Identifier: Apache-2.0
"""Packages that some tests need: the test that touches a missing one is skipped, and says which it was."""

from __future__ import annotations

from typing import Any

import pytest


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
