# SPDX-License-Identifier: Apache-2.0
"""The size of the wheel, as one JSON line. Builds it with the tools of this interpreter; what make build has
compiled is not compiled again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    env = dict(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-build-isolation", "-C", "build-dir=build/python", "-w", folder, str(ROOT)]
        subprocess.run(command, check=True, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        with ZipFile(wheel) as z:
            unpacked = sum(i.file_size for i in z.infolist())
            assert any(i.filename.endswith(".so") for i in z.infolist()), "no extension in it"
        size = wheel.stat().st_size
    row = {"case": "wheel", "mb": size / 1e6, "unpacked_mb": unpacked / 1e6, "answer": "ok"}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
