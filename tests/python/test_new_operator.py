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
PARTS = ["src", "include", "shell", "examples/c", "tests/unit", "tests/fuzz", "tools"]
PARTS += ["meson.build", "meson.options"]


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


def built_engine() -> Path | None:
    """The archive that make check has built with the same options, of the sources as they are."""
    archive = ROOT / "build/library/liblaminar_core.a"
    sources = [p for part in ("src", "include") for p in (ROOT / part).rglob("*.[ch]")]
    if archive.exists() and all(p.stat().st_mtime < archive.stat().st_mtime for p in sources):
        return archive
    return None


def build(tree: Path, name: str) -> subprocess.CompletedProcess[str]:
    """One test program. ops.def makes declarations alone, so the objects of the others are as they were."""
    archive = built_engine()
    program = f"tests/unit/unit_op_{name}"
    if archive is None:
        return run("ninja", "-C", "build", program, cwd=tree)
    own = "liblaminar_core.a.p/src_op_op_sample_rows.c.o"
    objects = [own, f"{program}.p/op_test_{name}.c.o"]
    done = run("ninja", "-C", "build", *objects, cwd=tree)
    if done.returncode != 0:
        return done
    linked: list[str | Path] = ["gcc", "-o", program, *objects[::-1], archive, "-lcmocka", "-lm", "-pthread"]
    return run(*linked, cwd=tree / "build")


@pytest.mark.skipif(shutil.which("gcc") is None and shutil.which("cc") is None, reason="no C compiler")
def test_made_operator_builds_and_runs(tree: Path) -> None:
    done = new_operator(tree, "sample_rows")
    assert done.returncode == 0, done.stderr
    assert "src/exec/lower.c" in done.stdout
    again = new_operator(tree, "sample_rows")
    assert again.returncode == 1 and "src/op/op_sample_rows.c" in again.stderr

    options = [
        "-Dpython=false",
        "-Dlibrary=false",
        "-Dtests=true",
        "-Dwerror_strict=true",
    ]
    done = run("meson", "setup", "build", *options, cwd=tree)
    assert done.returncode == 0, done.stdout
    for name in ("registry", "sample_rows"):
        done = build(tree, name)
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
    assert build(tree, "sample_rows").returncode == 0
    done = run(tree / "build/tests/unit/unit_op_sample_rows", cwd=tree)
    assert done.returncode != 0 and "should have" in done.stdout + done.stderr
