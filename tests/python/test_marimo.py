# SPDX-License-Identifier: Apache-2.0
"""A marimo notebook in a browser: results, plans, the graph, live tables, and SQL cells by DB-API."""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore")  # of marimo's own

CELLS = [
    """
import marimo as mo
import laminardb
import laminardb.dbapi
db = laminardb.open()
db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE)")
db.execute("CREATE STREAM counts AS SELECT symbol, count(*) AS trades FROM trades GROUP BY symbol")
db.start()
db.insert("trades", [("AAPL", 150.0), ("GOOG", None)])
""",
    'db.query("SELECT symbol, price FROM trades")',
    'db.explain("SELECT symbol, max(price) FROM trades GROUP BY symbol", analyze=True)',
    "db.topology()",
    "db.sources()",
    'laminardb.mv(db, "counts")',
    'db.relation("SELECT max(price) AS top FROM trades").live()',
    """
import threading, time
def more():
    for _ in range(10000):
        db.insert("trades", ("<b>new</b>", 1.0))
        time.sleep(0.05)
threading.Thread(target=more, daemon=True).start()
""",
    """
con = laminardb.dbapi.connect()
con.cursor().execute("CREATE TABLE u (k BIGINT); INSERT INTO u VALUES (41), (42)")
""",
    'found = mo.sql("SELECT max(k) AS most FROM u", engine=con)',
]
# Elements lie in shadow trees, tables with a script in frames.
SEEN = """JSON.stringify((() => {
  const all = root => [...root.querySelectorAll('*')].flatMap(e => [
    e, ...(e.shadowRoot ? all(e.shadowRoot) : []),
    ...(e.localName === 'iframe' && e.contentDocument ? all(e.contentDocument) : [])]);
  const found = all(document), cells = e => [...e.querySelectorAll('tbody td')].map(c => c.textContent);
  const frames = found.filter(e => e.localName === 'iframe');
  return {
    live: found.filter(e => e.classList.contains('lm-live'))
      .map(e => ({cells: cells(e), frames: +e.dataset.frames})),
    grids: found.filter(e => e.localName === 'table' && e.classList.contains('lm-grid')).map(cells),
    gaps: frames.map(e => [e.clientHeight, e.contentDocument.querySelector('.laminar')])
      .map(([height, shown]) => shown ? height - shown.getBoundingClientRect().bottom : null),
    bars: found.filter(e => e.classList.contains('lm-bar')).length,
    graphs: found.filter(e => e.localName === 'svg' && e.textContent.includes('counts')).length,
    text: found.map(e => e.localName === 'td' ? e.textContent : '').join(' ')};
})())"""


def notebook() -> str:
    """Cells in marimo's form of a file."""
    import ast

    made = ["import marimo", "app = marimo.App()"]
    names = ("mo", "laminardb", "db", "con")
    for cell in CELLS:
        used = {n.id for n in ast.walk(ast.parse(cell)) if isinstance(n, ast.Name)}
        given = {
            n.id
            for n in ast.walk(ast.parse(cell))
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        imported = {"mo", "laminardb"} if "import laminardb\n" in cell else set()
        body = "\n".join("    " + line for line in cell.strip().split("\n"))
        needs = ", ".join(n for n in names if n in used - given - imported)
        gives = "".join(f"{n}, " for n in names if n in given | imported)
        made.append(f"@app.cell\ndef _({needs}):\n{body}\n    return ({gives})")
    return "\n\n".join([*made, 'if __name__ == "__main__":\n    app.run()\n'])


def test_a_notebook_in_a_browser(tmp_path: Path) -> None:
    for package in ("marimo", "anywidget", "websocket"):
        pytest.importorskip(package)
    if not any(find_spec(name) for name in ("pandas", "polars")):
        pytest.skip("marimo's SQL cells need pandas or polars")
    import browser

    if browser.CHROMIUM is None:
        pytest.skip("needs chromium")
    (tmp_path / "notebook.py").write_text(notebook())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "marimo", "run", str(tmp_path / "notebook.py"), *options]

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return True
        except OSError:
            return False

    with browser.process(command, cwd=tmp_path), browser.browser(tmp_path) as page:
        browser.until(answers)
        page.call("Page.enable")
        page.call("Page.navigate", url=address)

        def seen() -> Any:
            return json.loads(page.js(SEEN))

        browser.until(lambda: len(seen()["live"]) == 2)
        # Rows that come after they were drawn are in the live tables.
        browser.until(lambda: "<b>new</b>" in seen()["live"][0]["cells"])
        first = seen()["live"]
        count = int(first[0]["cells"][-1])
        browser.until(lambda: int(seen()["live"][0]["cells"][-1]) >= count + 10)
        now = seen()
        assert now["live"][0]["frames"] > first[0]["frames"] and now["live"][1]["cells"] == ["150.0"]
        assert ["AAPL", "150.0", "GOOG", "NULL"] in now["grids"]
        assert now["bars"] >= 2 and now["graphs"] == 1
        assert now["gaps"] and all(gap is not None and 0 <= gap < 80 for gap in now["gaps"]), now["gaps"]
        browser.until(lambda: "42" in seen()["text"].split())


def test_what_marimo_asks_for(db: Any) -> None:
    """Without marimo it is the HTML and nothing else."""
    db.execute("CREATE TABLE t (k BIGINT)")
    if "marimo" in sys.modules:
        pytest.skip("marimo is there")
    for shown in (db.query("SELECT * FROM t"), db.sources(), db.topology(), db.subscribe("SELECT k FROM t")):
        assert shown._display_()._repr_html_() == shown._repr_html_()
