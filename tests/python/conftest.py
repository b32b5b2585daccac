# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import laminardb
import pytest


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as connection:
        yield connection
