# SPDX-License-Identifier: Apache-2.0
"""Two workers (pytest -n 2 --dist loadgroup): the tests of the package stay together, in order, on one of
them, since some count what their process does; so does each file of property tests, which adds up what it has
played."""

from __future__ import annotations

from pathlib import Path

import pytest

PYTHON = Path(__file__).parent / "python"


@pytest.hookimpl(tryfirst=True)  # before the worker reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = "python" if PYTHON in item.path.parents else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))
