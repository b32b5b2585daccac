# SPDX-License-Identifier: Apache-2.0
"""The figures of each suite as tables of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from figure import Results, Row, by_case, cell, number, rate, right, rows_of, table

ORDER = (
    "peers nexmark where adhoc tpch latency ingestion groups keeping durable footprint memory micro udf"
).split()  # of the suites on the page
TITLES = (
    "pass-through, decimal arithmetic, filter, join and filter, join and averages, hottest auctions, "
    "last ten per seller, highest bid per window, window join, winning bids, formatted time, session count, "
    "tumbling count, side table join, calculation and filter, filtered distinct, the same by channel, "
    "auction statistics, last bid per pair, top ten per auction, wide join, regular expression, split"
).split(", ")


def titled(case: str) -> str:
    at = re.fullmatch(r"q(\d+)", case)
    return f"{case} {TITLES[int(at[1])]}" if at and int(at[1]) < len(TITLES) else case


def faults(rows: list[Row]) -> str:
    """What did not come to an answer."""
    bad = [r for r in rows if r.get("answer", "ok") != "ok" and r.get("engine", "ours") == "ours"]
    return "\n" + "".join(f"\n- {r['case']}: {r['answer']}" for r in bad) if bad else ""


# ---- streams


def peers(results: Results) -> Iterator[str]:
    rows = rows_of(results, "peers")
    cases = by_case(rows)
    engines = list(dict.fromkeys(r["engine"] for r in rows if "engine" in r))
    able = [e for e in engines if any("rate" in c.get(e, {}) for c in cases.values())]

    def shown(row: Row | None) -> str:
        return cell(
            row, f"{rate(row['rate'])} / {rate(row['rate_per_core'])}" if row and "rate" in row else ""
        )

    yield "Events per second / per CPU-second, batches of 8,192. Batch engines answer once over all rows."
    body = [[titled(q), *(shown(c.get(e)) for e in able)] for q, c in cases.items()]
    yield table(["query", *able], body)
    yield "Peak memory of the process, MiB:"
    body = []
    for q, c in cases.items():
        cells = [c.get(e, {}).get("peak_mib") for e in able]
        body.append([q, *("-" if v is None else f"{v:,.0f}" for v in cells)])
    yield table(["query", *able], body)
    why = {(r["engine"], r["answer"]): r["case"] for r in rows if "engine" in r and not right(r)}
    said = [
        f"- {e}, {q}: {a}" for (e, a), q in sorted(why.items()) if not a.startswith("unsupported: no text")
    ]
    if said:
        yield "What the referee says of answers that are not right (a query each):\n\n" + "\n".join(said)


SLOWEST = 5


def where(results: Results) -> Iterator[str]:
    rows = [r for r in rows_of(results, "where") if "shares" in r]
    if not rows:
        return
    yield (
        f"{rows[0]['events']:,} events in batches of {rows[0]['batch']:,}, one thread, the best of a few "
        "runs; shares of the samples of the processor in all of them, by leaf function. *Pages* is the "
        "kernel, almost all of it memory that is touched for the first time; *operators* the rest of the "
        "engine. The bound is what the query cannot go without (bench/where.py): bytes read once, bytes that "
        "stay written once, lookups in state."
    )
    kinds = list(rows[0]["shares"])
    body = []
    for r in rows:
        parts = [f"{r['bound'][k] * 1e3:.1f}" for k in ("read", "keep", "probe")]
        cells = [f"{r['cpu_s'] * 1e3:.1f}", f"{r['bound_s'] * 1e3:.1f} ({' + '.join(parts)})"]
        cells += [f"{r['cpu_s'] / max(r['bound_s'], 1e-9):.1f}", f"{r['state_mib']:.1f}"]
        cells += [f"{r['delivered_mib']:.1f}", *(f"{r['shares'][k]:.0%}" for k in kinds)]
        body.append([titled(r["case"]), *cells])
    head = ["query", "CPU, ms", "bound, ms (read + keep + probe)", "times the bound", "state, MiB"]
    yield table([*head, "delivered, MiB", *kinds], body)
    yield f"The {SLOWEST} slowest, function by function:"
    body = []
    for r in sorted(rows, key=lambda r: -float(r["cpu_s"]))[:SLOWEST]:
        body.append([titled(r["case"]), ", ".join(f"{name} {share:.1%}" for name, _, share in r["top"])])
    yield table(["query", "share of its samples"], body, left=2)


def nexmark(results: Results) -> Iterator[str]:
    rows = [r for r in rows_of(results, "nexmark") if "events" in r]
    settings = sorted({(r["disorder"], r["events"], r["batch"]) for r in rows})
    queries = list(dict.fromkeys(r["case"] for r in rows))
    for field, title in (("cpu_s", "Events per CPU-second"), ("seconds", "Events per second of wall time")):
        yield f"{title}, with one core / with two; what is delivered is compared. Columns: batch at events."
        head = [f"{b:,} at {rate(e)}" + (", out of order" if d > 1 else "") for d, e, b in settings]
        body = []
        for q in queries:
            cells = []
            for d, e, b in settings:
                pair = []
                for cores in (1, 2):
                    wanted = {"case": q, "disorder": d, "events": e, "batch": b, "cores": cores}
                    found = [r for r in rows if all(r[k] == v for k, v in wanted.items())]
                    pair.append(cell(found[0], rate(e / max(found[0][field], 1e-9))) if found else "-")
                cells.append(" / ".join(pair))
            body.append([q, *cells])
        yield table(["query", *head], body)
    yield "State of the stream, rows of its sources at the end, peak memory of the process (one core), MiB:"
    most = max((r["events"] for r in rows), default=0)
    body = []
    for q in queries:
        found = [r for r in rows if r["case"] == q and r["events"] == most and r["cores"] == 1]
        if found:
            r = max(found, key=lambda r: r["batch"])
            sizes = [f"{r[k]:,.1f}" for k in ("state_mib", "source_mib", "peak_mib")]
            body.append([f"{q}, {r['batch']:,} at {rate(most)}", *sizes])
    yield table(["query", "state", "sources", "process, peak"], body)


# ---- one-off queries


def adhoc(results: Results) -> Iterator[str]:
    sizes: dict[int, list[Row]] = {}
    for row in rows_of(results, "adhoc"):
        at = re.search(r"-(\d+)$", row["part"])
        sizes.setdefault(int(at[1]) if at else 0, []).append(row)
    for size, rows in sorted(sizes.items()):
        cases = by_case(rows)
        engines = list(dict.fromkeys(r["engine"] for r in rows if "engine" in r))

        def shown(row: Row | None) -> str:
            text = (
                f"{number(row['seconds'] * 1e3)} / {number(row['cpu_s'] * 1e3)}"
                if row and "seconds" in row
                else ""
            )
            return cell(row, text)

        yield f"{size:,} rows in the largest table: milliseconds of wall / CPU time, two threads but for 1t."
        yield table(["query", *engines], [[q, *(shown(c.get(e)) for e in engines)] for q, c in cases.items()])


def tpch(results: Results) -> Iterator[str]:
    rows = rows_of(results, "tpch", way="arrow")
    yield "Milliseconds, loaded through Arrow; all answers are compared with DuckDB's."
    body = [
        [
            r["case"],
            number(r["ours"] * 1e3),
            number(r["duckdb"] * 1e3),
            number(r["duckdb"] / r["ours"]),
            r["answer"],
        ]
        for r in rows
    ]
    if rows:
        ours, duck = (sum(r[k] for r in rows) for k in ("ours", "duckdb"))
        body.append(["all", number(ours * 1e3), number(duck * 1e3), number(duck / ours), ""])
    yield table(["query", "laminardb", "DuckDB", "DuckDB / ours", "answer"], body)


# ---- the referee's latency suite, and rows of our own scripts


def referee(rows: list[Row]) -> str:
    body = []
    for case, engines in by_case(rows).items():
        for engine, row in engines.items():
            figures = {k: v for k, v in row.get("figures", {}).items() if k != "check"}
            text = ", ".join(f"{k} {number(v) if isinstance(v, float) else v}" for k, v in figures.items())
            note = "ok" if right(row) else row["answer"]
            body.append([case, engine, text or "-", note if len(note) < 90 else note[:87] + "..."])
    return table(["what", "engine", "figures", "answer"], body, left=4)


def plain(rows: list[Row]) -> str:
    """Rows with the same fields in one table."""
    kinds: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        fields = tuple(k for k in row if k not in ("part", "answer"))
        kinds.setdefault(fields, []).append(row)
    texts = []
    for fields, found in kinds.items():
        left = sum(isinstance(found[0][k], str) for k in fields)
        order = sorted(fields, key=lambda k: not isinstance(found[0][k], str))
        body = []
        for r in found:
            values = [
                f"{v:,}" if isinstance(v, int) else number(v) if isinstance(v, float) else str(v)
                for v in (r[k] for k in order)
            ]
            body.append([*values, r.get("answer", "ok")])
        texts.append(table([*(k.replace("_", " ") for k in order), "answer"], body, left))
    return "\n\n".join(texts)


def mixed(results: Results, suite: str) -> Iterator[str]:
    """The referee's rows, then our own."""
    rows = rows_of(results, suite)
    theirs = [r for r in rows if "engine" in r]
    ours = [r for r in rows if "engine" not in r]
    if ours:
        yield plain(ours)
    if theirs:
        yield referee(theirs)


TEXTS = {
    "peers": "NEXmark beside the peers",
    "nexmark": "NEXmark by events, batches and cores",
    "where": "Where the time of each stream goes",
    "adhoc": "One-off queries",
    "tpch": "TPC-H",
    "latency": "Latency",
    "ingestion": "Ingestion",
    "groups": "64 rows into many groups",
    "keeping": "Log, checkpoints, recovery",
    "durable": "One-row inserts that are kept",
    "footprint": "Size, import, memory, idle",
    "memory": "Bytes of groups and of sources",
    "micro": "Kernels, state and parts of the engine",
    "udf": "Functions in Python",
}
OWN = {"peers": peers, "nexmark": nexmark, "where": where, "adhoc": adhoc, "tpch": tpch}


def sections(results: Results) -> Iterator[tuple[str, str]]:
    for name in ORDER:
        if name in results:
            command = f'`make figures REF=path/to/bench ARGS="--only {name}"`'
            parts = OWN[name](results) if name in OWN else mixed(results, name)
            text = "\n\n".join([command, *(p for p in parts if p)])
            yield TEXTS[name], text + faults(rows_of(results, name))
