# SPDX-License-Identifier: Apache-2.0
"""kill -9 right before the n-th call of the system that a real process makes for its files (strace -f,
without --seccomp-bpf, with which signals are silently not injected). What test_kill.py checks holds after
each; kills are counted, and too few of them fail. LAMINAR_CALL_KILLS says how many (make crash: 1,500)."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_kill import CHILD, check

KILLS = int(os.environ.get("LAMINAR_CALL_KILLS", "24"))
RUNS = 4
SECONDS = 20  # of one life, at most

# How far into a life a call may be the one: first those that come with each insert, then those of opening.
CALLS = {"pwrite64": 60, "fdatasync": 40, "rename": 1, "fsync": 2}
CALLS |= {"fallocate": 1, "ftruncate": 2, "mkdir": 1}


def strace_works(folder: Path) -> bool:
    """Whether a process can be killed that way here at all."""
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-o", str(folder / "trace"), "-e", "inject=mkdir:signal=SIGKILL:when=1"]
    subprocess.run([*command, sys.executable, "-c", "import os; os.mkdir('made')"], cwd=folder, check=False)
    return not (folder / "made").exists() and "killed by SIGKILL" in (folder / "trace").read_text()


def live(path: Path, first: int, seed: int, durability: str, call: str, at: int) -> tuple[int, bool]:
    """One life. The first row number that was not acknowledged, and whether the call ended it."""
    trace = path.parent / "trace"
    command = ["strace", "-f", "-o", str(trace), "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:signal=SIGKILL:when={at}"]
    command += [sys.executable, "-c", CHILD, str(path), str(first), str(seed), durability]
    said, piece = b"", b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        while select.select([child.stdout], [], [], SECONDS)[0]:
            piece = os.read(child.stdout.fileno(), 65536)
            said += piece
            # The call is not made any more: a life without a new file, or whose directory is there.
            if not piece or (said.count(b"\n") > 60 and call not in ("pwrite64", "fdatasync")):
                break
        if piece:
            end_tracee(child.pid)
        wrong = child.stderr.read().decode()
    assert "Error" not in wrong, wrong
    killed = "killed by SIGKILL" in trace.read_text()
    numbers = [int(n) for n in said[: said.rfind(b"\n") + 1].split() if n != b"ready"]
    return (numbers[-1] if numbers else first), killed and not piece


def end_tracee(strace: int) -> None:
    """Its only child, whose end ends strace too."""
    children = Path(f"/proc/{strace}/task/{strace}/children").read_text().split()
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)


def test_kill_at_each_call(tmp_path: Path) -> None:
    if not strace_works(tmp_path):
        pytest.skip("strace cannot end a process here (not installed, or ptrace is not allowed)")
    r = random.Random(8)
    calls = list(CALLS)
    killed = dict.fromkeys(calls, 0)
    life = 0
    for run in range(RUNS):
        kept, reached = tmp_path / f"kept{run}.ldb", 0
        while sum(killed.values()) < KILLS * (run + 1) // RUNS and life < 3 * KILLS:
            durability = ("group", "full", "async")[life % 3]
            call = calls[life % len(calls)] if r.random() < 0.5 else calls[life % 2]
            at = r.randint(1, CALLS[call])
            goes_on = call in calls[:2]  # the others are made where nothing is yet
            path, known = (kept, reached) if goes_on else (tmp_path / f"new{life}.ldb", 0)
            acknowledged, by_call = live(path, known, r.randrange(2**31), durability, call, at)
            life += 1
            killed[call] += by_call
            if not path.exists():
                continue  # it ended before there was anything
            try:
                known = check(path, acknowledged)
            except Exception as e:  # noqa: BLE001 - an end before the definitions were made
                assert known == acknowledged == 0 and "not found" in str(e).lower(), e
            reached = known if goes_on else reached
    print(f"{sum(killed.values())} of {life} lives ended by a call: {killed}")
    assert sum(killed.values()) >= KILLS, killed
    assert killed["pwrite64"] >= KILLS // 8 and killed["fdatasync"] >= KILLS // 8, killed
