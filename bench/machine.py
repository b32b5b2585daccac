# SPDX-License-Identifier: Apache-2.0
"""What figures belong to: the machine, its load, versions of all that ran, the commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = ("laminardb", "numpy", "pyarrow", "duckdb", "pandas", "polars", "tpchgen-cli")
PEERS = (
    "laminardb pyclink duckdb chdb polars datafusion csp perspective-python pathway bytewax numpy pyarrow"
).split()
VERSIONS = """
import json, platform, sys
from importlib import metadata
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def said(*command: str | Path) -> str:
    """What a command prints, or nothing."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def versions(python: str | Path, names: tuple[str, ...] | list[str]) -> dict[str, str]:
    text = said(python, "-c", VERSIONS, *names)
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def commit() -> str:
    """The last commit that changed the engine or its package, "+" when files differ from it."""
    parts = ("src", "include", "python", "meson.build")
    number = said("git", "log", "-1", "--format=%h", "--", *parts)
    return number + ("+" if said("git", "status", "--porcelain", "--", *parts) else "")


def load() -> float:
    return round(os.getloadavg()[0], 2)


def memory_gib() -> int:
    return int(field("/proc/meminfo", "MemTotal").split()[0] or 0) // 1024**2


def machine(python: str | Path, peers: str | Path | None) -> dict[str, Any]:
    compiler = said(os.environ.get("CC", "cc").split()[-1], "--version").splitlines()
    return {
        "cpu": field("/proc/cpuinfo", "model name") or platform.machine(),
        "processors": os.cpu_count(),
        "memory_gib": memory_gib(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": compiler[0] if compiler else "",
        "ours": versions(python, OURS),
        "peers": versions(peers, PEERS) if peers else {},
        "commit": commit(),
    }


def now() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
