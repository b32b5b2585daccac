# SPDX-License-Identifier: Apache-2.0
"""Runs the suites of the performance page, each into a JSON file of its own, and makes the page of them.

    make figures REF=path/to/bench [ARGS="--only p1,latency --quick --resume"]
    python bench/figures.py path/to/bench [--only SUITE_OR_TARGET,...] [--quick] [--resume] [--list]

Each suite is a row of commands (bench/suites.py), each with a time-out; a command that fails or takes too
long leaves a row that says so. --resume takes what the same engine has already given by the same command;
--parts measures some commands of a suite again.
--quick tries everything with small sizes, into build/figures/quick, with a page beside the figures.

`path/to/bench` is a referee benchmark: its run.py compares answers and engines. The peers live in .venv-bench
(tools/peers.sh), because both sides import "laminardb"; measured is the package of this interpreter."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import machine
import page
from suites import SUITES, Context, Part, Suite

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"


def execute(part: Part, log: Path) -> tuple[str, str]:
    """What it prints, and what is wrong with it, if anything. It and its children end with its time."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | part.env
    with log.open("w") as errors:
        started = subprocess.Popen(
            [str(c) for c in part.command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=env,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            printed, fault = started.communicate(timeout=part.timeout)[0], ""
            if started.returncode != 0:
                last = log.read_text().strip().splitlines()[-1:] or ["nothing on stderr"]
                fault = f"exit {started.returncode}: {last[0][:160]}"
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            printed, fault = started.communicate()[0], f"no result after {part.timeout:.0f} s"
        except BaseException:
            os.killpg(started.pid, signal.SIGKILL)
            raise
    return printed, fault


def key(part: Part, commit: str) -> str:
    """What a measurement is of: the engine, the command, and the script that the command runs."""
    seen = hashlib.sha256("\n".join(str(c) for c in part.command).encode())
    for word in part.command:
        if str(word).endswith(".py") and Path(word).is_file():
            seen.update(Path(word).read_bytes())
    return f"{commit}-{seen.hexdigest()[:12]}"


def measured(suite: Suite, part: Part, folder: Path, commit: str) -> dict[str, Any] | None:
    """What was found before, of the same engine by the same script, without a fault."""
    kept = folder / suite.name / f"{part.name}.json"
    if not kept.is_file():
        return None
    before: dict[str, Any] = json.loads(kept.read_text())
    return before if before.get("key") == key(part, commit) and not before["fault"] else None


def run_part(suite: Suite, part: Part, folder: Path, commit: str, resume: bool) -> dict[str, Any]:
    before = measured(suite, part, folder, commit) if resume else None
    if before is not None:
        return before
    kept = folder / suite.name / f"{part.name}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    load, start = machine.load(), time.monotonic()
    printed, fault = execute(part, kept.with_suffix(".log"))
    try:
        rows = part.read(printed)
    except (OSError, ValueError, KeyError) as e:
        rows, fault = [], fault or f"{type(e).__name__}: {e}"
    if fault:
        rows.append({"case": part.name, "answer": f"error: {fault}"})
    found = {
        "key": key(part, commit),
        "seconds": round(time.monotonic() - start, 1),
        "load": [load, machine.load()],
        "fault": fault,
        "rows": [{"part": part.name} | row for row in rows],
    }
    kept.write_text(json.dumps(found))
    return found


def rounded(value: Any) -> Any:
    """Six digits are more than any figure is worth, and keep the files small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value


def write(path: Path, head: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """A row a line, so that a change of figures can be read."""
    lines = ",\n".join(f"  {json.dumps(rounded(row))}" for row in rows)
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n' + lines + "\n ]\n}\n"
    json.loads(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def run_suite(suite: Suite, context: Context, given: argparse.Namespace) -> bool:
    described = machine.machine(context.python, context.peers)
    head = {
        "suite": suite.name,
        "quick": context.quick,
        "repeat": context.repeat,
        "when": machine.now(),
        "machine": described,
    }
    parts, rows, loads, seconds, faults = suite.parts(context), [], [], 0.0, []
    for number, part in enumerate(parts, 1):
        if any(fnmatchcase(part.name, f"{p}*") for p in given.parts.split(",")):
            found = run_part(suite, part, context.work, described["commit"], given.resume)
        elif (before := measured(suite, part, context.work, described["commit"])) is not None:
            found = before
        else:
            continue
        rows += found["rows"]
        loads += found["load"]
        seconds += found["seconds"]
        if found["fault"]:
            faults.append(f"{part.name}: {found['fault']}")
        took = f"{found['seconds']:8.1f} s   {found['fault']}"
        print(f"  {number:3}/{len(parts)} {part.name:30} {took}", flush=True)
    if not loads:
        print(f"{suite.name}: has no such command\n", flush=True)
        return True
    head |= {"seconds": round(seconds, 1), "load": [min(loads), max(loads)], "faults": faults}
    write(given.results / f"{suite.name}.json", head, rows)
    print(f"{suite.name}: took {seconds / 60:.1f} min, load {min(loads)} to {max(loads)}\n", flush=True)
    return not faults


def chosen(only: str) -> list[Suite]:
    names = [n.strip().lower() for n in only.split(",") if n.strip()]
    found = [s for s in SUITES if not names or s.name in names or any(p in names for p in s.serves)]
    known = {s.name for s in SUITES} | {p for s in SUITES for p in s.serves}
    for name in names:
        if name not in known:
            raise SystemExit(f"figures: there is no suite {name!r}; there are: {', '.join(sorted(known))}")
    return found


def last_time(results: Path, suite: Suite) -> str:
    path = results / f"{suite.name}.json"
    if not path.is_file():
        return f"not measured yet, about {suite.minutes:g} min"
    head = json.loads(path.read_text())
    kind = "quick, " if head["quick"] else ""
    return f"took {head['seconds'] / 60:.1f} min ({kind}{head['when']}, {head['machine']['commit']})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ref", type=Path, help="the referee benchmark")
    parser.add_argument("--only", default="", help="suites (latency) or targets (p3), with commas")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try all of it")
    parser.add_argument("--resume", action="store_true", help="keep what this engine has given before")
    parser.add_argument("--parts", default="", help="only commands that begin so (q4-,q*-1000000-)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case beside the peers")
    parser.add_argument("--list", action="store_true", help="the suites and how long they take")
    parser.add_argument("--results", type=Path, help="where the JSON files go")
    parser.add_argument("--disk", help="a folder on the disk to be measured")
    given = parser.parse_args()
    work = ROOT / "build/figures" / ("quick" if given.quick else "full")
    given.results = given.results or (work / "results" if given.quick else RESULTS)
    suites = chosen(given.only)
    for suite in suites:
        serves = " ".join(suite.serves).upper()
        print(f"{suite.name:12} {serves:10} {suite.title}: {last_time(given.results, suite)}")
    if given.list:
        return 0
    if not (given.ref / "run.py").is_file():
        raise SystemExit("figures: say where the referee is: make figures REF=path/to/bench")
    work.mkdir(parents=True, exist_ok=True)
    peers = ROOT / ".venv-bench/bin/python"
    context = Context(
        ref=given.ref.resolve(),
        python=Path(sys.executable),
        peers=peers if peers.exists() else None,
        quick=given.quick,
        work=work,
        disk=given.disk,
        repeat=given.repeat,
    )
    print(f"\nload average {machine.load()}; results go to {given.results}\n", flush=True)
    whole = True
    for suite in suites:
        print(f"{suite.name}: {suite.title}", flush=True)
        whole = run_suite(suite, context, given) and whole
        print(f"page: {page.write(given.results)}", flush=True)
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
