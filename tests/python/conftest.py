# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal
from collections.abc import Iterator

import laminardb
import pytest

# A shell's background job starts with SIGINT ignored, and its children do; they are to be interrupted here.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as connection:
        yield connection
