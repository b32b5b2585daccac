# SPDX-License-Identifier: Apache-2.0
"""docs/guide: the examples of each page run from top to bottom, the pictures are what the generator draws."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs/guide").glob("*.md"))
PYTHON_PAGES = [page for page in PAGES if page.stem != "shell"]  # test_shell.py has that one

pytestmark = pytest.mark.skipif(not PAGES, reason="needs the source tree")


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=[page.stem for page in PYTHON_PAGES])
def test_examples(page: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    for package in ("duckdb", "numpy", "pandas", "polars", "pyarrow"):
        if re.search(rf"import {package}|to_{package}|{package} as", "".join(blocks)):
            pytest.importorskip(package)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    names["db"].close()


def test_pictures() -> None:
    spec = importlib.util.spec_from_file_location("gen_pictures", ROOT / "tools/gen_pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = ROOT / "docs/guide/img"
    drawn = module.pictures()
    assert {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.svg")} == drawn, (
        "run python tools/gen_pictures.py"
    )
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"\(img/(\S+)\)", text)) == set(drawn)
