# SPDX-License-Identifier: Apache-2.0
"""Makes docs/performance.md of the figures in bench/results and the reasons in bench/reasons.toml.

    python bench/page.py [--check] [FOLDER]

Nothing on the page is written by hand. --check exits with 1 when it is not what this would write. Of another
folder of figures the page is written into that folder."""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import raw
import targets
from figure import Results, table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
PAGE = ROOT / "docs/performance.md"
BUSY = 0.7  # load average above which something else was running beside a single process

HEAD = """\
# Performance

The table of targets, then what was measured, how and on what. Made by `python bench/page.py` of the figures
in `bench/results`, which `make figures REF=path/to/bench` measures; nothing here is written by hand.
What was tried on the way, with figures before and after: [performance-notes.md](performance-notes.md).
Where the time of each query goes, and how far it is from what the machine allows: [roofline.md](roofline.md)
and, for one-off queries, [roofline_adhoc.md](roofline_adhoc.md).
"""

METHOD = """\
## Method

- Answers first: a figure counts when its answer is right. Streams are netted and compared with DuckDB's
  answer to the same query, one-off queries row by row; `(wrong)` marks an engine whose answer differs, `-`
  one that cannot.
- The referee benchmark starts a process for each measurement, lets the engines take turns inside a
  repetition, and gives the median of three for throughput, the best of three for latency. Only ratios of one
  run compare.
- *Events per CPU-second* counts user and system time of all threads of the process: engines with different
  numbers of threads compare by it. *Per second* is wall time.
- Our own suites (`bench/*.py`, `bench/micro/*.c`) check answers as well, and take turns where they compare.
- With one core, a process is bound to one processor and the engine takes one thread.
- A command that fails or takes longer than its limit leaves a row that says so, and stops no other.
"""


def load_note(head: dict[str, Any], processors: int) -> str:
    low, high = head["load"]
    note = f"load {low:g} to {high:g}"
    return f"**measured with load {high:g}**" if high > processors * BUSY + 1 else note


def suites_table(results: Results, processors: int) -> str:
    rows = []
    for name, found in results.items():
        size = "quick: small sizes" if found["quick"] else "full"
        runs = found.get("repeat", 3)
        size += "" if runs == 3 or found["quick"] else f", {runs} run{'s' if runs > 1 else ''} of each case"
        state = load_note(found, processors)
        faults = len(found["faults"])
        commit = found["machine"]["commit"]
        took = f"{found['seconds'] / 60:.1f} min"
        rows.append([f"`--only {name}`", size, found["when"], commit, took, state, str(faults or "none")])
    head = ["suite", "sizes", "measured", "commit", "took", "load average", "commands that failed"]
    return table(head, rows, left=7)


def machine_text(results: Results) -> str:
    newest = max(results.values(), key=lambda r: r["when"])["machine"]

    def listed(versions: dict[str, str]) -> str:
        return ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))

    peers: dict[str, str] = {}
    for found in results.values():
        peers = found["machine"]["peers"] or peers
    lines = [
        f"- {newest['cpu']}, {newest['processors']} processors, {newest['memory_gib']} GiB of memory",
        f"- Linux {newest['kernel']}, {newest['libc']}, {newest['compiler']}",
        f"- Ours: {listed(newest['ours'])}",
        f"- Peers, in an environment of their own: {listed(peers)}" if peers else "- Peers: not measured",
    ]
    return "\n".join(lines)


def targets_text(lines: list[targets.Line], reasons: dict[str, str]) -> str:
    marks = {True: "met", False: "**not met**", None: "not measured"}
    rows = [[ln.number, ln.figure, ln.target, ln.measured, ln.peers or "", marks[ln.met]] for ln in lines]
    count = {mark: sum(marks[ln.met] == mark for ln in lines) for mark in marks.values()}
    shown = ", ".join(f"{n} {mark.strip('*')}" for mark, n in count.items())
    said = f"Of {len(lines)} figures: {shown}."
    text = table(["#", "figure", "target", "measured", "peers, same run", ""], rows, left=6)
    missed = [
        f"- **{ln.number} {ln.figure}**: {ln.measured}; the target is {ln.target}. "
        + " ".join(reasons.get(ln.key, "The reason is not known yet.").split())
        for ln in lines
        if ln.met is False
    ]
    why = "\n### Not met: reasons, and what was tried\n\n" + "\n".join(missed) + "\n" if missed else ""
    return f"## Targets\n\n{said}\n\n{text}\n{why}"


def read(folder: Path) -> Results:
    found = {}
    for name in raw.ORDER:
        path = folder / f"{name}.json"
        if path.is_file():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def reasons() -> dict[str, str]:
    text = (ROOT / "bench/reasons.toml").read_text(encoding="utf-8")
    said: dict[str, str] = tomllib.loads(text)
    return said


def render(results: Results) -> str:
    if not results:
        return HEAD + "\nNothing has been measured yet.\n"
    processors = max(r["machine"]["processors"] for r in results.values())
    parts = [HEAD]
    busy = [n for n, r in results.items() if "**" in load_note(r, processors)]
    quick = [n for n, r in results.items() if r["quick"]]
    if busy:
        parts.append(
            f"Other work kept the machine busy during {', '.join(busy)} (the load average stands with each "
            "suite): wall times there are too long, ratios of CPU time compare.\n"
        )
    if quick:
        parts.append(f"Small sizes only, to try the suites: {', '.join(quick)}.\n")
    parts.append(targets_text(targets.lines(results), reasons()))
    parts.append(METHOD)
    parts.append(
        f"## Machine and versions\n\n{machine_text(results)}\n\n{suites_table(results, processors)}\n"
    )
    profile = ROOT / "bench/profile.md"
    if profile.is_file():
        parts.append(profile.read_text(encoding="utf-8"))
    parts += [f"## {title}\n\n{text}\n" for title, text in raw.sections(results)]
    return "\n".join(parts)


def write(folder: Path) -> Path:
    path = PAGE if folder.resolve() == RESULTS.resolve() else folder / "performance.md"
    path.write_text(render(read(folder)), encoding="utf-8")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=RESULTS)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if not given.check:
        print(f"page: {write(given.folder)}")
        return 0
    same = PAGE.read_text(encoding="utf-8") == render(read(given.folder))
    print("page: as the figures have it" if same else "page: run python bench/page.py")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
