# SPDX-License-Identifier: Apache-2.0
"""A new operator, begun as docs/internals/adding-an-operator.md says: it builds, and its test can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["src", "include", "examples/c", "tests/unit", "tests/fuzz", "tools", "meson.build", "meson.options"]


def copy_tree(to: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__", ".*", "build")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, ignore=skipped)
        else:
            shutil.copy(ROOT / part, to / part)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True)


def new_operator(tree: Path, name: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, tree / "tools/new_operator.py", name, cwd=tree)


def contents(tree: Path) -> dict[str, bytes]:
    return {str(p.relative_to(tree)): p.read_bytes() for p in sorted(tree.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    copy_tree(root)
    return root


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Filter",
        "2fast",
        "a-b",
        "a__b",
        "_a",
        "x" * 31,
        "filter",
        "distinct",
        "rows",
        "op",
        "delta",
        "while",
        "../x",
    ],
)
def test_refuses(tree: Path, name: str) -> None:
    before = contents(tree)
    done = new_operator(tree, name)
    assert done.returncode == 1, done.stdout
    assert f"'{name}': " in done.stderr and "Traceback" not in done.stderr
    assert contents(tree) == before


@pytest.mark.skipif(shutil.which("gcc") is None and shutil.which("cc") is None, reason="no C compiler")
def test_made_operator_builds_and_runs(tree: Path) -> None:
    done = new_operator(tree, "sample_rows")
    assert done.returncode == 0, done.stderr
    assert "src/exec/lower.c" in done.stdout
    again = new_operator(tree, "sample_rows")
    assert again.returncode == 1 and "src/op/op_sample_rows.c" in again.stderr

    tests = ["unit_op_registry", "unit_op_sample_rows"]
    options = [
        "-Dpython=false",
        "-Dlibrary=false",
        "-Dtests=true",
        "-Dwerror_strict=true",
        "-Dbuildtype=debug",
    ]
    done = run("meson", "setup", "build", *options, cwd=tree)
    assert done.returncode == 0, done.stdout
    done = run("ninja", "-C", "build", *(f"tests/unit/{t}" for t in tests), cwd=tree)
    assert done.returncode == 0, done.stdout[-3000:]

    registered = (tree / "src/op/ops.def").read_text().count("\nOPERATOR(")
    done = run(tree / "build/tests/unit/unit_op_registry", cwd=tree)
    assert done.returncode == 0, done.stderr
    assert f"{registered} operators" in done.stdout + done.stderr
    done = run(tree / "build/tests/unit/unit_op_sample_rows", cwd=tree)
    assert done.returncode == 0, done.stderr

    # The test that came with it sees an operator that changes rows.
    source = tree / "src/op/op_sample_rows.c"
    text = source.read_text()
    changed = text.replace(
        "    (void)port;\n", "    (void)port;\n    if (in->row_count > 15) {\n        return OK;\n    }\n"
    )
    assert changed != text
    source.write_text(changed)
    assert run("ninja", "-C", "build", f"tests/unit/{tests[1]}", cwd=tree).returncode == 0
    done = run(tree / "build/tests/unit/unit_op_sample_rows", cwd=tree)
    assert done.returncode != 0 and "should have" in done.stdout + done.stderr
