# SPDX-License-Identifier: Apache-2.0
"""Importing laminardb loads its own core modules and nothing else; the rest comes with first use."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import laminardb
import pytest

CORE = "_laminardb asking codes config connection defaults errors operating result scan shown subscription"
OPTIONAL = {"pyarrow", "pandas", "polars", "numpy", "IPython", "anywidget"}
PACKAGES = str(Path(laminardb.__file__).parent.parent)


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh interpreter, without site packages, has loaded after the code, beyond its own."""
    text = f"import sys; before = set(sys.modules); sys.path.insert(0, {PACKAGES!r})\n{code}\n"
    text += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_import_loads_only_the_core() -> None:
    core = {"laminardb", *(f"laminardb.{m}" for m in CORE.split())}
    assert loaded_by("import laminardb") - {"os", "stat", "posixpath", "genericpath", "os.path", "_stat"} <= (
        core | {"__future__", "_collections_abc", "atexit"}  # atexit is part of the interpreter
    )


def test_work_without_times_loads_nothing_more() -> None:
    code = """
import laminardb
db = laminardb.open()
db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR)")
db.execute("CREATE STREAM n AS SELECT s, sum(v) AS v FROM t GROUP BY s")
db.start()
sub = db.subscribe_stream("n")
db.insert("t", [{"k": 1, "v": 0.5, "s": "a"}, {"k": None, "v": 1, "s": "b"}])
assert sub.try_next().fetchall() == [("a", 0.5), ("b", 1.0)]
assert db.query("SELECT count(*) FROM t").fetchone() == (2,)
db.close()
"""
    assert loaded_by(code) == loaded_by("import laminardb")


def test_every_public_name_is_there() -> None:
    assert set(laminardb.__all__) <= set(dir(laminardb))
    names = {name for names in laminardb._LATER.values() for name in names} | set(laminardb._LATER)
    for name in [*laminardb.__all__, *names]:
        assert getattr(laminardb, name) is getattr(laminardb, name)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        laminardb.nothing_of_the_kind  # noqa: B018 - the lookup is the test
    found: dict[str, object] = {}
    exec("from laminardb import *", found)
    assert set(laminardb.__all__) <= set(found)
    assert found["Writer"] is found["BatchWriter"]


def test_nothing_optional_is_imported() -> None:
    code = "import laminardb\nfor name in laminardb.__all__: getattr(laminardb, name)"
    assert not {m.partition(".")[0] for m in loaded_by(code)} & OPTIONAL


def test_the_wheel_is_small() -> None:
    """All that it holds is the package: at most 6 MB (what importing costs, `make instructions` counts)."""
    package = Path(laminardb.__file__).parent
    files = [f for f in package.rglob("*") if f.is_file() and f.suffix != ".pyc"]
    if any(b".debug_info" in f.read_bytes() for f in files if f.suffix == ".so"):
        pytest.skip("a build with debug information")
    with io.BytesIO() as wheel:
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as z:
            for f in files:
                z.write(f, f.relative_to(package))
        assert 500_000 < len(wheel.getvalue()) <= 6_000_000
