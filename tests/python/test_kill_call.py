# SPDX-License-Identifier: Apache-2.0
"""kill -9 right before the n-th call of the system that a real process makes for its files (strace -f,
without --seccomp-bpf, with which signals are silently not injected). What test_kill.py checks holds after
each; kills are counted, and too few of them fail. LAMINAR_CALL_KILLS says how many (make crash: 1,500)."""

from __future__ import annotations

import os
import random
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_kill import CHILD, check

KILLS = int(os.environ.get("LAMINAR_CALL_KILLS", "24"))
RUNS = max(4, KILLS // 40)  # each with a database of its own, which grows
SECONDS = 20  # of one life, at most

# What is imported costs a thousand calls, each of which the tracer would stop at: it is attached behind them.
WAITING = "import sys, laminardb\nprint('here', flush=True)\nsys.stdin.readline()\n"

# How far into a life a call may be the one: first those that come with each insert, then those of opening.
CALLS = {"pwrite64": 60, "fdatasync": 20, "rename": 1, "fsync": 2}
CALLS |= {"fallocate": 1, "ftruncate": 2, "mkdir": 1}


def traced(
    code: str, args: list[str], folder: Path, call: str, at: int
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """A process that runs the code, and its tracer, which ends it before that call."""
    program = [sys.executable, "-c", WAITING + code, *args]
    pipe = subprocess.PIPE
    child = subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder)
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == b"here\n"
    command = ["strace", "-f", "-p", str(child.pid), "-o", str(folder / "trace"), "-e", f"trace={call}"]
    strace = subprocess.Popen([*command, "-e", f"inject={call}:signal=SIGKILL:when={at}"], stderr=pipe)
    assert strace.stderr is not None
    if b"attached" in strace.stderr.readline():
        child.stdin.write(b"go\n")
        child.stdin.flush()
    else:  # that is not allowed here
        child.kill()
    return child, strace


def ended(child: subprocess.Popen[bytes], strace: subprocess.Popen[bytes], folder: Path) -> tuple[str, str]:
    """What the trace and the process said at last."""
    wrong = child.communicate()[1].decode()
    strace.communicate()
    trace = folder / "trace"
    return (trace.read_text() if trace.exists() else ""), wrong


def strace_works(folder: Path) -> bool:
    """Whether a process can be killed that way here at all."""
    if shutil.which("strace") is None:
        return False
    trace, _ = ended(*traced("import os; os.mkdir('made')", [], folder, "mkdir", 1), folder)
    return not (folder / "made").exists() and "killed by SIGKILL" in trace


def live(path: Path, first: int, seed: int, durability: str, call: str, at: int) -> tuple[int, bool, bool]:
    """One life. The first row number that was not acknowledged, and whether it came so far as to insert, and
    whether the call ended it."""
    args = [str(path), str(first), str(seed), durability]
    said, piece = b"", b""
    child, strace = traced(CHILD, args, path.parent, call, at)
    assert child.stdout is not None
    while select.select([child.stdout], [], [], SECONDS)[0]:
        piece = os.read(child.stdout.fileno(), 65536)
        said += piece
        # The call is not made any more: a life without a new file, or whose directory is there.
        if not piece or (said.count(b"\n") > 60 and call not in ("pwrite64", "fdatasync")):
            break
    if piece:
        child.kill()
    trace, wrong = ended(child, strace, path.parent)
    assert "Error" not in wrong, wrong
    numbers = [int(n) for n in said[: said.rfind(b"\n") + 1].split() if n != b"ready"]
    return (numbers[-1] if numbers else first), b"ready" in said, "killed by SIGKILL" in trace and not piece


def test_kill_at_each_call(tmp_path: Path) -> None:
    if not strace_works(tmp_path):
        pytest.skip("strace cannot end a process here (not installed, or ptrace is not allowed)")
    r = random.Random(8)
    calls = list(CALLS)
    killed = dict.fromkeys(calls, 0)
    life = 0
    for run in range(RUNS):
        kept, reached, kept_begun = tmp_path / f"kept{run}.ldb", 0, False
        while sum(killed.values()) < KILLS * (run + 1) // RUNS and life < 3 * KILLS:
            durability = ("group", "full", "async")[life % 3]
            call = calls[life % len(calls)] if r.random() < 0.5 else calls[life % 2]
            at = r.randint(1, CALLS[call])
            goes_on = call in calls[:2]  # the others are made where nothing is yet
            path, known = (kept, reached) if goes_on else (tmp_path / f"new{life}.ldb", 0)
            acknowledged, begun, by_call = live(path, known, r.randrange(2**31), durability, call, at)
            kept_begun |= begun and goes_on
            life += 1
            killed[call] += by_call
            if not path.exists():
                continue  # it ended before there was anything
            try:
                known = check(path, acknowledged, kept_begun if goes_on else begun)
            except Exception as e:  # noqa: BLE001 - an end before the definitions were made
                assert known == acknowledged == 0 and "not found" in str(e).lower(), e
            reached = known if goes_on else reached
    print(f"{sum(killed.values())} of {life} lives ended by a call: {killed}")
    assert sum(killed.values()) >= KILLS, killed
    assert killed["pwrite64"] >= KILLS // 8 and killed["fdatasync"] >= KILLS // 8, killed
