# SPDX-License-Identifier: Apache-2.0
"""The example programs run, and print what they say they do. flights.py and native_functions.py have files
of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "python"
OWN_TEST = {"flights.py", "native_functions.py"}
NAMES = sorted(p.name for p in FOLDER.glob("*.py") if p.name not in OWN_TEST)

LINES = {
    "quickstart.py": [
        "changed: [('ACME', 1, 100)]",
        "changed: [('ACME', 2, 150), ('INIT', 1, 900)]",
        "0   ACME  2024-03-01 09:30:00  41.5  42.0",
        "1   INIT  2024-03-01 09:30:00  7.25  7.25",
        "0   INIT     910",
        "1   ACME     170",
    ],
    "joins.py": [
        "  +1 unknown 1 99.0",
        "  -1 Lisbon 1 20.0",
        "  +1 Lisbon 2 25.0",
        "  -1 unknown 1 99.0",
        "0  Lisbon       3   124.0",
        "1    Oslo       1    15.0",
    ],
    "windows.py": [
        "12:01:10  31.0  late rows: 0",
        "    closed: roof 12:00, 3 readings, 22.0 degrees",
        "12:00:59  99.0  late rows: 1",
        "    closed: roof 12:01, 2 readings, 30.5 degrees",
        "0   roof  2024-03-01 12:00:00         4     41.0",
    ],
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the source tree")


@pytest.mark.parametrize("name", NAMES)
def test_example(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(FOLDER / name)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    printed = iter(done.stdout.splitlines())
    for line in LINES[name]:  # in this order, with others between them
        assert line in printed, f"{line!r} is missing, or in another place, in\n{done.stdout}"
