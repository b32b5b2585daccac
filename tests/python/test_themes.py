# SPDX-License-Identifier: Apache-2.0
"""What notebooks show, in a real browser under the marks by which notebooks say light or dark."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import laminardb
import pytest

# Of the notebook's page: attributes of <html> and <body>, and whether it is dark.
PAGES = {
    "jupyterlab-light": ("", 'data-jp-theme-light="true"', False),
    "jupyterlab-dark": ("", 'data-jp-theme-light="false"', True),
    "vscode-light": ("", 'class="vscode-light" data-vscode-theme-kind="vscode-light"', False),
    "vscode-dark": ("", 'class="vscode-dark" data-vscode-theme-kind="vscode-dark"', True),
    "vscode-attribute-light": ("", 'data-vscode-theme-kind="vscode-light"', False),
    "vscode-attribute-dark": ("", 'data-vscode-theme-kind="vscode-dark"', True),
    "vscode-contrast": (
        "",
        'class="vscode-high-contrast" data-vscode-theme-kind="vscode-high-contrast"',
        True,
    ),
    # The light one has the class of the dark one too.
    "vscode-contrast-light": (
        "",
        'class="vscode-high-contrast-light vscode-high-contrast" '
        'data-vscode-theme-kind="vscode-high-contrast-light"',
        False,
    ),
    "html-light": ('class="light"', "", False),
    "html-dark": ('class="dark"', "", True),
    "data-theme-light": ('data-theme="light"', "", False),
    "data-theme-dark": ('data-theme="dark"', "", True),
    "colab-light": ('theme="light"', "", False),
    "colab-dark": ('theme="dark"', "", True),
    "system-light": ("", "", False),
    "system-dark": ("", "", True),
}
# Of each text: how much its colour and that of what lies behind it differ, as WCAG counts; the worst first.
CONTRAST = """(() => {
  const rgb = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = c => {
    const line = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map(v => line(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = e => {
    for (let at = e; at; at = at.parentElement) {
      const box = at.tagName === "g" && at.querySelector("rect");
      const c = rgb(box ? getComputedStyle(box).fill : getComputedStyle(at).backgroundColor);
      if (box || c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement, own = texts.currentNode.data.trim();
    if (!own || e.closest("style, script, title")) continue;
    const c = rgb(e.tagName === "text" ? getComputedStyle(e).fill : getComputedStyle(e).color);
    const [a, b] = [light(c), light(behind(e))].sort((x, y) => y - x);
    found.push([(a + .05) / (b + .05), own.slice(0, 40), e.className.toString(), c, behind(e)]);
  }
  return found.sort((x, y) => x[0] - y[0]);
})()"""


@pytest.fixture(scope="module")
def shown() -> Iterator[dict[str, Any]]:
    """What a person looks at, by name."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE, note VARCHAR, ts TIMESTAMP)")
        db.execute("CREATE STREAM totals AS SELECT symbol, sum(price) AS total FROM trades GROUP BY symbol")
        db.start()
        rows = [(f"s{i % 4}", i / 3, None if i % 2 else "long " * 60, None) for i in range(12)]
        db.insert("trades", [*rows, ("<b>é\x1b[31m", 1e300, "", None)])
        sql = "SELECT symbol, 'text' AS t, 12 AS n, upper(symbol) AS u FROM trades -- why\nWHERE price > 1.5"
        yield {
            "result": db.query("SELECT * FROM trades"),
            "plan": db.explain("SELECT symbol, sum(price) FROM trades GROUP BY symbol", analyze=True),
            "topology": db.topology(),
            "metrics": db.metrics(),
            "streams": db.streams(),
            "live": laminardb.mv(db, "totals"),
            "sql": laminardb.display.html_sql(sql),
            "error": caught(db),
        }


def caught(db: laminardb.Connection) -> laminardb.LaminarError:
    try:
        db.query("SELECT prise FROM trades")
    except laminardb.LaminarError as error:
        return error
    raise AssertionError


def as_html(shown: Any) -> str:
    # Plans are texts that show themselves as trees.
    return str(shown if str(shown).startswith("<") else shown._repr_html_())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("websocket")
    import browser

    if browser.CHROMIUM is None:
        pytest.skip("needs chromium")
    with browser.browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


def visit(page: Any, path: Path, body: str, of_html: str, of_body: str, dark: bool, system: str) -> None:
    """A page of a notebook with the texts in it."""
    import browser

    colors = "background:#1e1e1e;color:#d4d4d4" if dark else "background:#ffffff;color:#1f1f1f"
    path.write_text(
        f'<!doctype html><html {of_html}><meta charset="utf-8">'
        f'<body {of_body} style="{colors}">{body}</body>',
        encoding="utf-8",
    )
    scheme = [{"name": "prefers-color-scheme", "value": system}]
    page.call("Emulation.setEmulatedMedia", features=scheme)
    page.call("Page.navigate", url=path.as_uri())
    browser.until(
        lambda: page.js("document.readyState") == "complete" and page.js("location.href") == path.as_uri()
    )


@pytest.mark.parametrize("name", PAGES)
def test_texts_can_be_read(name: str, page: Any, shown: dict[str, Any], tmp_path: Path) -> None:
    """Whatever the system says, when the notebook says something else."""
    of_html, of_body, dark = PAGES[name]
    body = "".join(f"<section>{as_html(item)}</section>" for item in shown.values())
    system = name.removeprefix("system-") if name.startswith("system") else "light" if dark else "dark"
    visit(page, tmp_path / "page.html", body, of_html, of_body, dark, system)
    contrasts = page.js(CONTRAST)
    assert len(contrasts) > 150
    assert contrasts[0][0] >= 4.5, [c for c in contrasts if c[0] < 4.5][:12]
    behind = "getComputedStyle(document.querySelector('.lm-grid')).backgroundColor"
    assert (page.js(behind) == "rgb(255, 255, 255)") is not dark


def test_scripts_run_as_vscode_runs_them(page: Any, shown: dict[str, Any], tmp_path: Path) -> None:
    """HTML that is set, and then its scripts one by one at the end of the output, where they do not stay."""
    both = "".join(f'<div class="output">{html.escape(as_html(shown["result"]))}</div>' for _ in range(2))
    visit(page, tmp_path / "page.html", both, "", 'class="vscode-dark"', True, "light")
    page.js(
        """for (const output of document.querySelectorAll(".output")) {
             output.innerHTML = output.textContent;
             for (const old of [...output.getElementsByTagName("script")]) {
               const script = document.createElement("script");
               script.text = old.innerText;
               output.appendChild(script).parentNode.removeChild(script);
             }
           }"""
    )
    assert page.js(
        "[...document.querySelectorAll('.output')].map(o => o.querySelectorAll('.lm-find').length)"
    ) == [1, 1]
    page.js("document.querySelectorAll('.output')[1].querySelector('th.lm-n').click()")
    counts = "[...document.querySelectorAll('.output')].map(o => o.querySelectorAll('[aria-sort=ascending]'))"
    assert page.js(f"{counts}.map(found => found.length)") == [0, 1]


def test_sorting_moves_nothing_but_rows(page: Any, shown: dict[str, Any], tmp_path: Path) -> None:
    visit(page, tmp_path / "page.html", as_html(shown["result"]), "", "", False, "light")
    high = "document.querySelector('thead').getBoundingClientRect().height"
    before = page.js(high)
    page.js("document.querySelector('th.lm-n').click()")
    assert page.js("document.querySelectorAll('[aria-sort=ascending]').length") == 1
    assert page.js(high) == before


def test_bundles_are_complete(shown: dict[str, Any]) -> None:
    """A notebook takes the richest kind that it knows; what it takes needs nothing from elsewhere."""
    for name, item in shown.items():
        if str(item).startswith("<"):
            continue
        made = item._repr_mimebundle_()
        data = made[0] if isinstance(made, tuple) else made
        assert data["text/plain"] and "<" in data["text/html"], name
        text = data["text/html"].replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|\b(?:src|href)=|url[(]|@import", text), name
        # Every rule is of what lies in a block of ours.
        style = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
        rules = re.sub(r"@media[^{]*", "", re.sub(r"\{[^{}]*\}", "{}", style)).replace("\n", "")
        selectors = [s for rule in rules.split("{}") for s in rule.strip("{} ").split(",") if s.strip()]
        assert all(".laminar" in s or ".lm-live" in s for s in selectors), (name, selectors)


def test_a_live_table_has_its_widget(shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anywidget")
    from laminardb import widget

    monkeypatch.setattr(widget, "_variables", dict)  # as in a kernel
    made = shown["live"]._repr_mimebundle_()
    data = made[0] if isinstance(made, tuple) else made
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(data)
