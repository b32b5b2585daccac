# SPDX-License-Identifier: Apache-2.0
"""Notebooks: the one of the guide runs, and in a real JupyterLab its tables are live.

With LAMINAR_PICTURES set to a folder, the pictures of the guide are made anew there.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs/guide/notebook.ipynb"

pytestmark = [
    pytest.mark.skipif(not NOTEBOOK.is_file(), reason="needs the source tree"),
    pytest.mark.filterwarnings("ignore"),  # of Jupyter's own
]


def outputs(notebook: Any, text: str) -> list[Any]:
    """Of the cell that has the text."""
    found = next(cell for cell in notebook.cells if text in cell.source and cell.cell_type == "code")
    return list(found.outputs)


def test_the_notebook_of_the_guide(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    import nbformat

    notebook = nbformat.read(str(NOTEBOOK), 4)
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (table,) = outputs(notebook, "--name dear")
    assert "<table" in table["data"]["text/html"] and "TIMESTAMP" in table["data"]["text/html"]
    (plan,) = outputs(notebook, "analyze=True")
    assert "lm-bar" in plan["data"]["text/html"]
    (graph,) = outputs(notebook, "db.topology()")
    assert graph["data"]["text/html"].startswith("<svg")
    (live,) = outputs(notebook, 'laminardb.mv(db, "averages")')
    assert "<table" in live["data"]["text/html"], "what is seen without a kernel"


# What the page has: the live tables, each with its texts of cells and how it goes.
LIVE = """[...document.querySelectorAll('.lm-live')].map(live => ({
  cells: [...live.querySelectorAll('tbody td')].map(cell => cell.textContent),
  fps: parseFloat(live.dataset.fps || 0), frames: parseInt(live.dataset.frames || 0),
  sparks: live.querySelectorAll('.lm-spark polyline[points*=","]').length,
  flashes: parseInt(live.dataset.flashed || 0),
  rate: live.querySelector('.lm-rate').textContent, note: live.querySelector('.lm-note').textContent}))"""
# Counts what the page paints.
PAINTS = """new Promise(done => {let n = 0; const end = performance.now() + 1500;
  const paint = now => {n++; now < end ? requestAnimationFrame(paint) : done(n / 1.5)};
  requestAnimationFrame(paint)})"""
# 100,000 changes a second for 5 s, on a thread; what showing takes is what the kernel's own thread takes.
FLOOD = """
import threading, time
def flood():
    keys = [f"K{i}" for i in range(1000)]
    batch = {"symbol": keys, "price": [1.0] * 1000, "volume": [1] * 1000, "at": [None] * 1000}
    end, n = time.monotonic() + 5, 0
    began = time.monotonic()
    while time.monotonic() < end:
        db.insert("trades", batch)
        n += 1
        time.sleep(max(0, began + n / 100 - time.monotonic()))
    global flooded, batches
    batches, flooded = n, n * 1000 / (time.monotonic() - began)
threading.Thread(target=flood, daemon=True).start()
"""


# What handling the messages of pages takes, on whatever thread that is.
MEASURE = """
import time
from ipykernel.comm.manager import CommManager
spent, at, handled = 0.0, time.monotonic(), CommManager.comm_msg
def comm_msg(self, *message):
    global spent
    began = time.thread_time()
    handled(self, *message)
    spent += time.thread_time() - began
CommManager.comm_msg = comm_msg
get_ipython().kernel.shell_handlers["comm_msg"] = get_ipython().kernel.comm_manager.comm_msg
"""


class Lab:
    """A notebook that is open in a page."""

    def __init__(self, page: Any, address: str) -> None:
        from browser import until

        self.page = page
        self._until = until
        page.call("Page.enable")
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        page.call("Page.navigate", url=f"{address}/lab/tree/notebook.ipynb?reset")
        ready = "!!(window.jupyterapp && jupyterapp.shell.currentWidget?.content?.model?.cells?.length)"
        until(lambda: page.js(ready))
        kernel = "jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status"
        until(lambda: page.js(kernel) == "idle")

    def command(self, name: str, arguments: str = "{}") -> None:
        self.page.js(f"jupyterapp.commands.execute('{name}', {arguments}).then(() => 1)")

    def run(self, code: str) -> str:
        """Runs code in the notebook's kernel, behind what runs there; what it prints."""
        return str(
            self.page.js(
                "(async () => {let text = ''; const f = jupyterapp.shell.currentWidget.sessionContext"
                f".session.kernel.requestExecute({{code: {json.dumps(code)}}});"
                "f.onIOPub = m => {text += m.content.text || m.content.evalue || ''};"
                "await f.done; return text})()"
            )
        )

    def live(self) -> list[dict[str, Any]]:
        return list(self.page.js(LIVE))

    def show(self, selector: str, at: int = 0) -> None:
        there = f"document.querySelectorAll('{selector}')[{at}]"
        self._until(lambda: self.page.js(f"!!{there}"))
        self.page.js(f"{there}.scrollIntoView({{block: 'center'}})")

    def until(self, what: Callable[[dict[str, Any]], Any], at: int = 0) -> None:
        """A live table comes to be so, looked at; what is not looked at asks for nothing."""

        def seen() -> Any:
            self.show(".lm-live", at)
            return what(self.live()[at])

        self._until(seen)


def pictures(lab: Lab, folder: Path) -> None:
    lab.command("application:toggle-left-area")
    clip = {"x": 40, "y": 90, "width": 920, "height": 800}
    for theme in ("Light", "Dark"):
        lab.command("apputils:change-theme", f"{{theme: 'JupyterLab {theme}'}}")
        time.sleep(1.5)
        lab.show(".lm-live")
        lab.run("trade(3000, 7)")
        time.sleep(0.6)
        (folder / f"live-{theme.lower()}.png").write_bytes(lab.page.picture(clip))
        lab.show("input.lm-find")
        time.sleep(0.5)
        (folder / f"table-{theme.lower()}.png").write_bytes(lab.page.picture(clip))


def test_live_tables_in_jupyterlab(tmp_path: Path) -> None:
    for package in ("jupyterlab", "anywidget", "websocket"):
        pytest.importorskip(package)
    import browser

    if browser.CHROMIUM is None:
        pytest.skip("needs chromium")
    shutil.copy(NOTEBOOK, tmp_path)
    with browser.jupyter_lab(tmp_path) as address, browser.browser(tmp_path) as page:
        lab = Lab(page, address)
        lab.command("notebook:run-all-cells")
        lab.until(lambda table: table["cells"][1:2] == ["200"])
        # Rows that come after it was drawn are in it, and what changed says so.
        lab.run("trade(1000, 5)")
        lab.until(lambda table: table["cells"][1] == "201")
        assert lab.live()[0]["flashes"] >= 3 and lab.live()[0]["sparks"] >= 3
        lab.run("db.insert('trades', [('<b>new</b>', 1.0, 1, None)])")
        for at in (0, 1):
            lab.until(lambda table: "<b>new</b>" in table["cells"], at)
        lab.until(lambda table: True)
        # Sorting and finding in a table of rows.
        page.js("document.querySelector('.lm-grid th.lm-n').click()")
        sort = "document.querySelector('.lm-grid th.lm-n').getAttribute('aria-sort')"
        assert page.js(sort) == "ascending" and page.js("!!document.querySelector('input.lm-find')")
        # Paused, it stays; resumed, it follows.
        buttons = "document.querySelector('.lm-live').querySelectorAll('button')"
        page.js(f"{buttons}[0].click()")
        lab.run("trade(1005, 5)")
        time.sleep(0.4)
        assert lab.live()[0]["cells"][1] == "201"
        page.js(f"{buttons}[0].click()")
        lab.until(lambda table: table["cells"][1] == "202")
        page.js(f"{buttons}[1].click()")
        lab.until(lambda table: "variable frozen" in table["note"])
        assert lab.run("print(len(frozen))").strip() == "6"
        if "LAMINAR_PICTURES" in os.environ:
            pictures(lab, Path(os.environ["LAMINAR_PICTURES"]))
        lab.until(lambda table: True)
        # Under a flood the page paints and the kernel has little to do for it.
        before = [table["frames"] for table in lab.live()]
        lab.run(FLOOD)
        began = time.monotonic()
        lab.run(MEASURE)
        paints = page.js(PAINTS)
        share = float(lab.run("print(spent / (time.monotonic() - at))"))
        browser.until(lambda: lab.run("print(globals().get('flooded'))").strip() != "None")
        flooded = float(lab.run("print(flooded)"))
        after, took = lab.live(), time.monotonic() - began
        rates = [(table["frames"] - n) / took for table, n in zip(after, before, strict=True)]
        told = ", ".join(f"{rate:.1f}" for rate in rates)
        print(f"\n{paints:.0f} paints/s, {share:.1%} of a core, {flooded:.0f} changes/s, {told} frames/s")
        # On a machine with other work the page cannot draw more than it paints.
        assert share < 0.05 and paints > 0 and min(rates) >= min(10, paints / 3) / 2
        batches = lab.run("print(batches)").strip()
        for at in (0, 1):  # what they show is the last state
            lab.until(lambda table: "K0" in table["cells"] and batches in table["cells"], at)
