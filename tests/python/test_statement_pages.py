# SPDX-License-Identifier: Apache-2.0
"""docs/sql/statements: every statement has a page, every example on it gives what stands behind it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/sql/statements"
PAGES = sorted(FOLDER.glob("*.md"))
ELSEWHERE = {"DESC": "DESCRIBE", "FROM": "SELECT", "TABLE": "SELECT", "END": "COMMIT", "ABORT": "ROLLBACK"}

pytestmark = pytest.mark.skipif(not PAGES, reason="needs the source tree")


def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_docs", ROOT / "tools/run_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_examples(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("```sql\n") >= 1 and text.count("```text\n") >= 1
    assert runner().render(page) == text, "run python tools/run_docs.py"


def test_a_wrong_result_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sql\nSELECT 1 AS x;\n```\n\n```text\nx\n2\n```\n", encoding="utf-8")
    assert runner().render(page) == "```sql\nSELECT 1 AS x;\n```\n\n```text\nx\n1\n```\n"
    page.write_text("```sql\nSELECT y;\n```\n", encoding="utf-8")
    with pytest.raises(SystemExit, match='column "y" is unknown'):
        runner().render(page)


def test_every_statement_has_a_page() -> None:
    source = (ROOT / "src/sql/parse_statement.c").read_text(encoding="utf-8")
    body = source[source.index("parse_statement_body(") : source.index("leftover_error(")]
    words = set(re.findall(r"case KEYWORD_(\w+):", body))
    changes = (ROOT / "src/sql/parse_change.c").read_text(encoding="utf-8")
    body = changes[changes.index("parser_at_transaction(") : changes.index("status\nparse_transaction(")]
    words |= set(re.findall(r"case KEYWORD_(\w+):", body)) - {"START"}
    kinds = (ROOT / "src/sql/ast.h").read_text(encoding="utf-8")
    creates = {"CREATE " + kind for kind in re.findall(r"\bAST_CREATE_(\w+)", kinds)}
    assert len(words) >= 25 and len(creates) >= 6
    titles = " ".join(page.read_text(encoding="utf-8").split("\n", 1)[0] for page in PAGES)
    missing = {w for w in words | creates if not re.search(rf"\b{ELSEWHERE.get(w, w)}\b", titles)}
    assert missing == set(), "write docs/sql/statements/<name>.md"


def test_the_grammar_lists_the_pages() -> None:
    text = (ROOT / "docs/sql/grammar.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\(statements/([\w-]+)\.md\)", text)) == [page.stem for page in PAGES]
