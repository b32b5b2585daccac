# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven by its DevTools protocol, and a JupyterLab for it to look at."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --remote-debugging-port=0 "
    "--remote-allow-origins=* --force-color-profile=srgb --window-size=1000,1400"
).split()


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What it gives, once that is true."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


class Page:
    """One tab."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=60)
        self._count = 0

    def call(self, method: str, **params: Any) -> Any:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]

    def js(self, expression: str) -> Any:
        """The value of an expression, which may be a promise."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def picture(self, clip: dict[str, float] | None = None) -> bytes:
        more = {"clip": {**clip, "scale": 1}} if clip else {}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **more)["data"])

    def close(self) -> None:
        self._socket.close()


@contextmanager
def process(command: list[str], **more: Any) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """The address of one that serves the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    import laminardb

    package = str(Path(laminardb.__file__).parent.parent)
    home = folder / "home"
    home.mkdir()
    paths = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH", "")) if p)
    env = {**os.environ, "HOME": str(home), "PYTHONPATH": paths, "JUPYTER_PREFER_ENV_PATH": "1"}
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
    ]
    (home / ".jupyter").mkdir()
    announcements = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (home / ".jupyter" / "labconfig").mkdir()
    (home / ".jupyter" / "labconfig" / "page_config.json").write_text(json.dumps(announcements))
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')  # all cells are drawn
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/api", timeout=5):
                return True
        except OSError:
            return False

    with process([sys.executable, "-m", "jupyterlab", *options], cwd=folder, env=env):
        until(answers)
        yield address


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A tab of a new one."""
    assert CHROMIUM is not None
    data = folder / "chromium"
    with process([CHROMIUM, *_FLAGS, f"--user-data-dir={data}", "about:blank"]):
        told = data / "DevToolsActivePort"
        until(lambda: told.is_file() and "\n" in told.read_text())
        port = told.read_text().split("\n")[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            tabs = json.load(answer)
        page = Page(next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page"))
        try:
            yield page
        finally:
            page.close()
