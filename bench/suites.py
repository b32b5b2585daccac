# SPDX-License-Identifier: Apache-2.0
"""The suites of the performance page: which commands they are, and how their answers become rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from run import LESS_IS_BETTER

ROOT = Path(__file__).resolve().parent.parent
QUERIES = [f"q{i}" for i in range(23)]
ADHOC = (
    "h1 h2 h3 h4 h5 h6 h7 h8 h9 h10 filter_count sum distinct topk like window running asof "
    "t1 t3 t6 t9 t13 t18"
).split()
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Context:
    ref: Path
    python: Path  # ours
    peers: Path | None
    quick: bool
    work: Path
    disk: str | None
    repeat: int = 3  # runs of each case beside peers, of which the best counts


@dataclass(frozen=True)
class Part:
    name: str
    command: list[str | Path]
    timeout: float
    read: Callable[[str], Rows]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    name: str
    title: str
    serves: tuple[str, ...]
    minutes: float  # of an idle machine with two processors
    parts: Callable[[Context], list[Part]]


# ---- how answers become rows


def lines(printed: str) -> Rows:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def table(path: Path, _printed: str) -> Rows:
    rows: Rows = json.loads(path.read_text())
    return rows


def referee_rows(path: Path, _printed: str) -> Rows:
    """Without its single runs."""
    return [
        {k: v for k, v in row.items() if k not in ("runs", "suite")}
        for row in json.loads(path.read_text())["rows"]
    ]


def benches(path: Path, _printed: str) -> Rows:
    """Of bench/run.py: the best and the median of its rounds."""
    rows = []
    for row in json.loads(path.read_text()):
        values = sorted(row["ours"])
        if not values:
            rows.append({"case": row["name"], "answer": f"error: {row.get('fault')}"})
            continue
        best = values[0] if row["unit"] in LESS_IS_BETTER else values[-1]
        median = values[len(values) // 2]
        rows.append(
            {"case": row["name"], "unit": row["unit"], "best": best, "median": median, "answer": "ok"}
        )
    return rows


# ---- the commands


def script(c: Context, name: str, *args: str | int | Path) -> list[str | Path]:
    return [c.python, ROOT / "bench" / name, *(str(a) for a in args)]


def referee(c: Context, suite: str, name: str, timeout: float, *args: str | int) -> Part:
    """A part of the referee's suite; needs the peers' environment."""
    if c.peers is None:
        raise SystemExit("figures: the peers are missing: run tools/peers.sh path/to/bench")
    out = c.work / f"{suite}-{name}.referee.json"
    out.unlink(missing_ok=True)
    command: list[str | Path] = [c.peers, c.ref / "run.py", "--ours", c.python]
    command += ["--suite", suite, "--json", out]
    each = 60 if c.quick else 120
    command += [
        "--timeout",
        str(each),
        "--repeat",
        "1" if c.quick else str(c.repeat),
        *(str(a) for a in args),
    ]
    return Part(name, command, timeout, partial(referee_rows, out))


def nexmark(c: Context) -> list[Part]:
    """Every query over each number of events and size of batch, with one core and with two."""
    sizes = [
        (5_000 if c.quick else 100_000, "1", 1),
        (50_000 if c.quick else 1_000_000, "64,1024,16384", 1),
        (50_000 if c.quick else 1_000_000, "8192", 50),
    ]
    if not c.quick:
        sizes += [(10_000_000, "64,1024,16384", 1), (20_000_000, "64,1024,16384", 1)]
    parts = []
    for events, batch, disorder in sizes:
        for query in QUERIES:
            command = script(c, "nexmark.py", c.ref, query, "--events", events, "--batch", batch, "--json")
            cores = ["--cores", "1,2", "--disorder", str(disorder)]
            name = f"{query}-{events}-{'disorder' if disorder > 1 else 'order'}"
            limit = 120 if c.quick else 1800 if events > 10_000_000 else 900
            parts.append(Part(name, [*command, *cores], limit, lines))
    return parts


def where(c: Context) -> list[Part]:
    size = ("--events", "50000", "--runs", "1") if c.quick else ()
    return [Part(q, script(c, "where.py", c.ref, q, "--json", *size), 300, lines) for q in QUERIES]


def peers(c: Context) -> list[Part]:
    events = 50_000 if c.quick else 1_000_000
    return [
        referee(
            c, "nexmark", q, 300 if c.quick else 1800, "--events", events, "--batch", 8192, "--queries", q
        )
        for q in QUERIES
    ]


def adhoc(c: Context) -> list[Part]:
    parts = []
    for size in (100_000,) if c.quick else (1_000_000, 10_000_000):
        for case in ADHOC:
            name = f"{case}-{size}"
            part = referee(c, "adhoc", name, 300 if c.quick else 1500, "--size", size, "--queries", case)
            parts.append(part)
    return parts


def tpch(c: Context) -> list[Part]:
    out = c.work / "tpch.json"
    scale = "0.05" if c.quick else "1"
    command: list[str | Path] = [c.python, "-m", "tpch", scale, out]
    env = {"PYTHONPATH": str(ROOT / "tests/model")}
    return [Part("tpch", command, 900, partial(table, out), env)]


def latency_part(c: Context, name: str, *cases: str, timeout: float = 900) -> Part:
    return referee(c, "latency", name, timeout, "--queries", *cases, *(["--quick"] if c.quick else []))


def bench_part(c: Context, name: str, only: str, timeout: float = 900) -> Part:
    out = c.work / f"bench-{name}.json"
    command = script(c, "run.py", "--only", only, "--json", out)
    return Part(name, command + (["--quick"] if c.quick else []), timeout, partial(benches, out))


def latency(c: Context) -> list[Part]:
    return [
        latency_part(c, "python", "one row, "),
        latency_part(c, "select", "SELECT 1"),
        bench_part(c, "c", "(C)"),
    ]


def ingestion(c: Context) -> list[Part]:
    rows = ("--rows", "100000", "--rounds", "2") if c.quick else ()
    return [
        Part("stream", script(c, "ingestion.py", "--json", *rows), 600, lines),
        latency_part(c, "peers", "ingest ", "insert 1 row", timeout=3000),
    ]


def groups(c: Context) -> list[Part]:
    return [latency_part(c, "groups", "64 rows into", timeout=1800)]


def keeping(c: Context) -> list[Part]:
    more = (["--quick"] if c.quick else []) + (["--directory", c.disk] if c.disk else [])
    own = [
        Part(p, script(c, "keeping.py", p, "--json", *more), 900, lines)
        for p in ("log", "producers", "checkpoint", "recovery")
    ]
    return [*own, latency_part(c, "peers", "checkpoint 1M", "kill -9")]


def durable(c: Context) -> list[Part]:
    command = script(c, "durable_inserts.py", 500 if c.quick else 10_000, *([c.disk] if c.disk else []))
    return [Part("durable", [*command, "--json"], 600, lines)]


def footprint(c: Context) -> list[Part]:
    return [
        latency_part(c, "peers", "import", "installed size", "RSS at open", "idle", timeout=1800),
        Part("wheel", script(c, "wheel.py"), 900, lines),
    ]


def memory(c: Context) -> list[Part]:
    more = ["--quick"] if c.quick else []
    return [Part(p, script(c, "memory.py", p, "--json", *more), 1800, lines) for p in ("groups", "sources")]


def micro(c: Context) -> list[Part]:
    return [bench_part(c, "micro", "", timeout=3600)]


def udf(c: Context) -> list[Part]:
    rows = ("--rows", "100000", "--rounds", "2") if c.quick else ()

    def read(printed: str) -> Rows:
        figures = json.loads(printed)
        return [{"case": k, "value": v, "answer": "ok"} for k, v in figures.items()]

    return [Part("udf", script(c, "udf.py", *rows), 600, read)]


SUITES = [
    Suite("peers", "NEXmark beside all peers", ("p1",), 60, peers),
    Suite("nexmark", "NEXmark by events, batches and cores", ("p1",), 150, nexmark),
    Suite("where", "where the time of each stream goes", ("p1",), 12, where),
    Suite("adhoc", "one-off queries beside all peers", ("p2",), 90, adhoc),
    Suite("tpch", "TPC-H beside DuckDB", ("p2",), 2, tpch),
    Suite("latency", "one row to its subscriber, and SELECT 1", ("p3", "p8"), 8, latency),
    Suite("ingestion", "rows in by every form", ("p4",), 15, ingestion),
    Suite("groups", "64 rows into many groups", ("p5",), 10, groups),
    Suite("keeping", "log, checkpoint, recovery", ("p6", "p7"), 8, keeping),
    Suite("durable", "one-row inserts that are kept", ("p6",), 1, durable),
    Suite("footprint", "size, import, memory, idle", ("p8",), 10, footprint),
    Suite("memory", "bytes of a group and of a source", ("p9",), 5, memory),
    Suite("micro", "kernels, state, parts of the engine", ("p1",), 25, micro),
    Suite("udf", "functions in Python", (), 1, udf),
]
