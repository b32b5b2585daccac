# SPDX-License-Identifier: Apache-2.0
"""Where the time of each NEXmark stream goes, by samples of the processor, and how far it is from its bound.

    python bench/where.py path/to/bench [--events 1000000] [--batch 8192] [--runs 3] [--json] [q4 ...]

Needs `perf`. Samples are taken (cpu-clock, 2 kHz) while rows go in and changes come out, in --runs
processes of one thread; each leaf function falls to one kind of work. The bound of a query is what it cannot
go without, at what the machine gives, measured here each time: bytes that must be read once (numbers that the
query names, all texts, which are checked), bytes that stay (state, what is delivered) written for the first
time, and PROBES, a lookup of a row in state. --json prints an object a line."""

from __future__ import annotations

import argparse
import collections
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import laminardb
import numpy as np

RATE_HZ = 2000
TOP = 10  # functions of a profile
PROBE_NS = 4  # of a table in the second-level cache
# Rows of an event that are looked up in state, about: a bid (0.92 of the events) once in each join side,
# group and partition that it meets; persons and auctions alone are few.
PROBES: dict[str, float] = {
    "q3": 0.16, "q4": 3.7, "q5": 2.8, "q6": 3.7, "q7": 1.8, "q8": 0.32, "q9": 2.8, "q11": 0.92, "q12": 0.92,
    "q13": 1.8, "q15": 2.8, "q16": 7.4, "q17": 0.92, "q18": 0.92, "q19": 0.92, "q20": 1.8,
}  # fmt: skip
KINDS: dict[str, str] = {  # a leaf function is of the first kind whose pattern is found in its name
    "text check": r"^(plain_blocks|utf8_(blocks|fault)|arrow_import|import_)",
    "hashing": r"^(hash_|walk_|reindex|make_(integer_)?group|add_group|drop_group|group_|place$|place_all|"
    r"settle_|map_|find_one|lookup_|index_|key_index)",
    "copying": r"^(__mem(move|cpy|set)|gather|copy_|keep|place_|column_(views|gather|text)|state_columns_|"
    r"text_heap_|append_|tail_|array_|table_|chunk_|batch_|delta_gather|scatter)",
    "allocation": r"^(_int_(malloc|free)|malloc|free|calloc|realloc|cfree|slab_|arena_|mem_|sysmalloc|mi_)",
}
OTHERS = ("pages", "operators", "Python and Arrow")  # of the kernel; of the engine; of everybody else


def kind_of(symbol: str, module: str) -> str:
    if "kernel" in module or symbol.startswith("[k]"):
        return "pages"
    name = symbol.split("] ")[-1]
    for kind, pattern in KINDS.items():
        if re.match(pattern, name) and ("libpython" not in module or kind == "allocation"):
            return kind
    return "operators" if "_laminardb" in module else "Python and Arrow"


# ---- what the machine gives


def seconds_of(work: Any, runs: int) -> float:
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def machine_rates() -> dict[str, float]:
    """Bytes a second: read, and written for the first time, by one core."""
    size = 64 << 20
    block = np.ones(size // 8, dtype=np.int64)
    read = size / seconds_of(lambda: block.max(), 5)
    touch = size / seconds_of(lambda: np.empty(size // 8, dtype=np.int64).fill(1), 3)
    return {"read": read, "touch": touch}


# ---- one process that is measured


def attach(path: str) -> subprocess.Popen[bytes]:
    command = [
        "perf",
        "record",
        "-q",
        "-F",
        str(RATE_HZ),
        "-e",
        "cpu-clock",
        "-o",
        path,
        "-p",
        str(os.getpid()),
    ]
    sampler = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(1)  # until it samples
    return sampler


def run(ref: str, name: str, events: int, batch: int, path: str) -> dict[str, Any]:
    """Here, once: `path` gets the samples."""
    sys.path[:0] = [ref, str(Path(__file__).parent)]  # the referee's nexmark.py before ours
    nexmark, queries = importlib.import_module("nexmark"), importlib.import_module("queries")
    spec = importlib.util.spec_from_file_location("streams", Path(__file__).with_name("nexmark.py"))
    assert spec is not None and spec.loader is not None
    ours = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ours)
    q = queries.QUERIES[name]
    data = nexmark.load(events, 1, nexmark.DEFAULT_RATE, 1, "bigint", q.tables)
    want = ours.oracle(nexmark, queries, name, events, 1)
    sampler: list[subprocess.Popen[bytes]] = []

    def around(begin: bool) -> None:
        if begin:
            sampler.append(attach(path))
        else:
            sampler[0].send_signal(signal.SIGINT)
            sampler[0].wait()

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    batches = list(nexmark.batches(data, batch, q.tables))
    found: dict[str, Any]
    table, found = ours.once(nexmark, queries, name, batches, 1, around)
    answer = ours.Verdicts(queries, name, want).of(table)
    numbers, texts = ours.touched(queries, name, data, events)
    found |= {"answer": answer, "numbers_bytes": numbers, "text_bytes": texts}
    return found


def samples(path: str) -> collections.Counter[tuple[str, str]]:
    command = ["perf", "report", "-i", path, "--no-children", "--stdio", "-F", "sample,dso,sym", "-t", "\t"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for line in printed.splitlines():
        parts = [p.strip() for p in line.split("\t")]
        if len(parts) == 3 and parts[0].isdigit():
            found[(parts[2], parts[1])] += int(parts[0])
    return found


def child(args: argparse.Namespace, name: str, path: str) -> dict[str, Any]:
    command = [sys.executable, __file__, args.bench, name, "--inner", path]
    command += ["--events", str(args.events), "--batch", str(args.batch)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


# ---- a query


def profile(args: argparse.Namespace, name: str, rates: dict[str, float]) -> dict[str, Any]:
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.runs):
            path = str(Path(folder) / f"{i}.data")
            runs.append(child(args, name, path))
            counted += samples(path)
    total = max(1, sum(counted.values()))
    shares = dict.fromkeys((*KINDS, *OTHERS), 0.0)
    for (symbol, module), count in counted.items():
        shares[kind_of(symbol, module)] += count / total
    best = min(runs, key=lambda r: r["cpu_s"])
    n = args.events
    bound = {
        "read": n * (best["numbers_bytes"] + best["text_bytes"]) / rates["read"],
        "keep": (best["state_mib"] * 2**20 + best["delivered_bytes"]) / rates["touch"],
        "probe": n * PROBES.get(name, 0.0) * PROBE_NS * 1e-9,
    }
    top = [[s.split("] ")[-1], kind_of(s, m), c / total] for (s, m), c in counted.most_common(TOP)]
    answers = {r["answer"] for r in runs}
    return {
        "case": name,
        "events": n,
        "batch": args.batch,
        "answer": "ok" if answers == {"ok"} else "; ".join(sorted(answers)),
        "cpu_s": best["cpu_s"],
        "state_mib": best["state_mib"],
        "delivered_mib": best["delivered_bytes"] / 2**20,
        "bound_s": sum(bound.values()),
        "bound": bound,
        "samples": total,
        "shares": shares,
        "top": top,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("queries", nargs="*")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--inner", help=argparse.SUPPRESS)  # one measured process: where its samples go
    args = parser.parse_intermixed_args()
    if args.inner:
        print(json.dumps(run(args.bench, args.queries[0], args.events, args.batch, args.inner)))
        return
    rates = machine_rates()
    for name in args.queries or [f"q{i}" for i in range(23)]:
        row = profile(args, name, rates)
        if args.json:
            print(json.dumps(row), flush=True)
            continue
        parts = ", ".join(f"{k} {v:.0%}" for k, v in row["shares"].items())
        far = row["cpu_s"] / row["bound_s"]
        print(
            f"{name:4} {row['cpu_s'] * 1e3:7.1f} ms, {far:5.1f} x its bound: {parts} ({row['answer']})",
            flush=True,
        )


if __name__ == "__main__":
    assert laminardb  # the package that is measured
    sys.path.pop(0)  # this folder has a file of the referee's name
    main()
