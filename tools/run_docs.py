# SPDX-License-Identifier: Apache-2.0
"""run_docs.py - runs the examples of docs/sql/statements and writes what they give behind them.

The ```sql blocks of a page are run from top to bottom in one new database; behind a block whose last
statement has rows stands a ```text block with them. The test of the pages compares.

    python tools/run_docs.py           writes the results
    python tools/run_docs.py --check   exits with 1 when a page is not what it would write
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import laminardb

PAGES = sorted((Path(__file__).resolve().parents[1] / "docs/sql/statements").glob("*.md"))
BLOCK = re.compile(r"^```sql\n(.*?)^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def shown(value: Any) -> str:
    return "NULL" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def table(result: laminardb.QueryResult) -> str:
    rows = [list(result.columns)] + [[shown(v) for v in row] for row in result.fetchall()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(result.columns))]
    lines = [" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def render(page: Path) -> str:
    db = laminardb.open(":memory:")
    db.start()

    def run(block: re.Match[str]) -> str:
        try:
            result = db.execute(block[1]).to_query_result()
        except laminardb.LaminarError as e:
            raise SystemExit(f"{page.name}: {e}\nin\n{block[1]}") from None
        text = f"```sql\n{block[1]}```\n"
        return text if result is None else f"{text}\n```text\n{table(result)}```\n"

    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return BLOCK.sub(run, page.read_text(encoding="utf-8"))
        finally:
            os.chdir(before)
            db.close()


def main() -> int:
    stale = [page for page in PAGES if render(page) != page.read_text(encoding="utf-8")]
    for page in stale:
        if "--check" in sys.argv:
            print(f"run_docs: {page.name} is not up to date: run python tools/run_docs.py")
        else:
            page.write_text(render(page), encoding="utf-8")
    print(f"run_docs: {len(PAGES)} pages, {len(stale)} {'stale' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
