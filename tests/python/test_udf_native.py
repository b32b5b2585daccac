# SPDX-License-Identifier: Apache-2.0
"""Functions of machine code that other packages make: addresses of cffi and of Numba, by the Arrow C ABI."""

from __future__ import annotations

import gc
import runpy
import shutil
from pathlib import Path
from typing import Any

import laminardb
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"
EXAMPLE = runpy.run_path(str(EXAMPLES / "native_functions.py"))


def _check(db: laminardb.Connection, function: Any) -> None:
    """In a query over many rows and in a stream, the same as the built-in."""
    db.register_udf("doubled", laminardb.native(function, ["DOUBLE"], "DOUBLE"))
    del function
    gc.collect()
    db.execute("CREATE SOURCE t (x DOUBLE)")
    db.execute("CREATE STREAM s AS SELECT sum(doubled(x)) AS own, sum(2 * x) AS built_in FROM t")
    db.start()
    db.insert("t", [(float(i) if i % 7 else None,) for i in range(20_000)])
    found = db.query("SELECT sum(doubled(x)), sum(2 * x) FROM t").fetchall()
    assert found[0][0] == found[0][1]
    assert db.query("SELECT * FROM s").fetchall() == found


def test_a_cffi_function(db: laminardb.Connection, tmp_path: Path) -> None:
    pytest.importorskip("cffi")
    pytest.importorskip("setuptools", reason="cffi compiles with it")
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    _check(db, EXAMPLE["by_cffi"](str(tmp_path)))


def test_a_numba_cfunc(db: laminardb.Connection) -> None:
    pytest.importorskip("numba")
    _check(db, EXAMPLE["by_numba"]())
