# SPDX-License-Identifier: Apache-2.0
"""The lines of the table P1 to P9: each figure that is a target, out of the suites' rows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from figure import Results, Row, by_case, mean, number, rate, right, rows_of

STATELESS = ("q0", "q1", "q2", "q10", "q14", "q21", "q22")
FILTERS = ("q0", "q2")  # pass-through and filter: their bound is the bytes that they must touch
BATCH_ENGINES = ("duckdb", "chdb", "polars", "datafusion")


@dataclass(frozen=True)
class Line:
    key: str  # of its reason
    number: str
    figure: str
    target: str
    measured: str
    met: bool | None
    peers: str = ""


def absent(key: str, p: str, figure: str, target: str) -> Line:
    return Line(key, p, figure, target, "-", None)


def below(found: dict[str, float], bound: float) -> str:
    """Names of those short of a bound, worst first."""
    short = sorted((v, k) for k, v in found.items() if v < bound)
    return ", ".join(f"{k} {number(v)}" for v, k in short)


def at_least(found: dict[str, float], bound: float) -> str:
    return f"{sum(v >= bound for v in found.values())} of {len(found)}"


# ---- P1: streams


def streams(cases: dict[str, dict[str, Row]]) -> Iterator[tuple[str, Row, dict[str, Row]]]:
    """query, ours, the others that are right"""
    for case, engines in cases.items():
        ours = engines.get("ours")
        if ours and right(ours) and "rate_per_core" in ours:
            yield case, ours, {e: r for e, r in engines.items() if e != "ours" and right(r)}


def is_stream(engine: str) -> bool:
    return not engine.startswith(BATCH_ENGINES)


def p1(results: Results) -> Iterator[Line]:
    cases = by_case(rows_of(results, "peers"))
    found = list(streams(cases))
    duck = {
        q: ours["rate_per_core"] / others["duckdb-2t"]["rate_per_core"]
        for q, ours, others in found
        if "duckdb-2t" in others
    }
    texts = {
        "p1-answers": ("NEXmark q0 to q22: answers", "all right"),
        "p1-duckdb": ("streaming beside DuckDB asked once, per CPU-second, each query", "1.0 or more"),
        "p1-mean": ("geometric mean over all queries, events per CPU-second", "12 M or more"),
        "p1-stateful": (
            "stateful queries beside the best right streaming peer, per CPU-second",
            "10 or more",
        ),
    }
    if not found:
        yield from (absent(k, "P1", *t) for k, t in texts.items())
    else:
        wrong = [q for q, e in cases.items() if not right(e.get("ours", {}))]
        all_right = f"{len(found)} of {len(cases)}" + (f"; not {', '.join(wrong)}" if wrong else "")
        yield Line("p1-answers", "P1", *texts["p1-answers"], all_right, not wrong and len(cases) == 23)
        ahead = f"{at_least(duck, 1)}; geometric mean {number(mean([*duck.values()]))}"
        short = below(duck, 1)
        yield Line(
            "p1-duckdb", "P1", *texts["p1-duckdb"], ahead + (f"; below: {short}" if short else ""), not short
        )
        ours = mean([o["rate_per_core"] for _, o, _ in found])
        theirs = mean([o["duckdb-2t"]["rate_per_core"] for _, _, o in found if "duckdb-2t" in o])
        yield Line(
            "p1-mean", "P1", *texts["p1-mean"], rate(ours), ours >= 12e6, f"DuckDB once {rate(theirs)}"
        )
        yield stateful(found, *texts["p1-stateful"])
    yield from p1_filters(results, {q: (o, others) for q, o, others in found})


def stateful(found: list[tuple[str, Row, dict[str, Row]]], figure: str, target: str) -> Line:
    ratios, peers = {}, []
    for q, ours, others in found:
        best = max(
            (r["rate_per_core"], e) for e, r in [*others.items(), ("", {"rate_per_core": 0})] if is_stream(e)
        )
        if q not in STATELESS and best[0] > 0:
            ratios[q] = ours["rate_per_core"] / best[0]
            peers.append(f"{q} {best[1]} {rate(best[0])}")
    short = below(ratios, 10)
    reached = f"{at_least(ratios, 10)} with a right peer"
    text = reached + (f"; below: {short}" if short else "")
    return Line("p1-stateful", "P1", figure, target, text, not short, ", ".join(peers))


def p1_filters(results: Results, found: dict[str, tuple[Row, dict[str, Row]]]) -> Iterator[Line]:
    """Beside what reading their bytes and checking their texts takes, and beside peers."""
    speeds = {r["case"]: r["best"] for r in rows_of(results, "micro") if "best" in r}
    memory, check = speeds.get("memory, read"), speeds.get("utf8_fault, ASCII")
    sizes = {r["case"]: r for r in rows_of(results, "nexmark") if "text_bytes" in r}
    figure, target = "pass-through (q0) and filter (q2), of the roofline of their bytes", "60 % or more"
    shares = {}
    for q in FILTERS:
        if q in found and q in sizes and memory and check:
            bound = (
                sizes[q]["numbers_bytes"] / memory / 1e9 + sizes[q]["text_bytes"] / min(memory, check) / 1e9
            )
            shares[q] = found[q][0]["rate_per_core"] * bound
    if shares and memory and check:
        text = ", ".join(f"{q} {v:.0%}" for q, v in shares.items())
        note = f"bound: read at {number(memory)} GB/s, texts checked at {number(min(memory, check))} GB/s"
        yield Line("p1-roofline", "P1", figure, target, text, min(shares.values()) >= 0.6, note)
    else:
        yield absent("p1-roofline", "P1", figure, target)
    figure, target = "the same beside the best streaming peer, per CPU-second", "1.0 or more"
    ratios, peers = {}, []
    for q in FILTERS:
        if q in found:
            ours, others = found[q]
            rates = [(r["rate_per_core"], e) for e, r in others.items() if is_stream(e)]
            if rates:
                ratios[q] = ours["rate_per_core"] / max(rates)[0]
                peers.append(f"{q} {max(rates)[1]} {rate(max(rates)[0])}")
    if ratios:
        text = ", ".join(f"{q} {number(v)} ({rate(found[q][0]['rate_per_core'])})" for q, v in ratios.items())
        yield Line("p1-filters", "P1", figure, target, text, min(ratios.values()) >= 1, ", ".join(peers))
    else:
        yield absent("p1-filters", "P1", figure, target)


# ---- P2: one-off queries


def p2(results: Results) -> Iterator[Line]:
    parts: dict[int, list[Row]] = {}
    for row in rows_of(results, "adhoc"):
        at = re.search(r"-(\d+)$", row["part"])
        if at:
            parts.setdefault(int(at[1]), []).append(row)
    for size in sorted(parts) or [1_000_000, 10_000_000]:
        yield from p2_size(size, by_case(parts.get(size, [])))
    rows = rows_of(results, "tpch", way="arrow")
    figure, target = "TPC-H beside DuckDB, all 22 queries", "faster in total"
    if rows and all(right(r) for r in rows):
        ours, duck = (sum(r[k] for r in rows) for k in ("ours", "duckdb"))
        text, theirs = f"{number(ours)} s ({number(duck / ours)}x)", f"DuckDB {number(duck)} s"
        yield Line("p2-tpch", "P2", figure, target, text, ours < duck, theirs)
    else:
        yield absent("p2-tpch", "P2", figure, target)


def p2_size(size: int, cases: dict[str, dict[str, Row]]) -> Iterator[Line]:
    best, duck, engines_ahead = {}, {}, {}
    for case, engines in cases.items():
        ours = engines.get("ours")
        rights = {e: r["seconds"] for e, r in engines.items() if right(r) and "seconds" in r and e != "ours"}
        if ours and right(ours) and rights:
            least, engine = min((s, e) for e, s in rights.items())
            best[case], engines_ahead[case] = (
                ours["seconds"] / least,
                f"{case} {engine} {number(least * 1e3)} ms",
            )
            ducks = [s for e, s in rights.items() if e.startswith("duckdb")]
            if ducks:
                duck[case] = min(ducks) / ours["seconds"]
    rows = f"{rate(size)} rows"
    texts = (f"one-off shapes of {rows}: time beside the best engine's", "1.3 or less, each shape")
    if not best:
        yield absent("p2-best", "P2", *texts)
    else:
        slow = sorted(((v, k) for k, v in best.items() if v > 1.3), reverse=True)
        met = f"{len(best) - len(slow)} of {len(best)}"
        said = met + (f"; above: {', '.join(f'{k} {number(v)}' for v, k in slow)}" if slow else "")
        yield Line("p2-best", "P2", *texts, said, not slow, ", ".join(engines_ahead[k] for _, k in slow))
    texts = (f"the same, beside DuckDB ({rows})", "faster on every one")
    if not duck:
        yield absent("p2-duckdb", "P2", *texts)
    else:
        short = below(duck, 1)
        text = f"{at_least(duck, 1)}; geometric mean {number(mean([*duck.values()]))}x"
        text += f"; below: {short}" if short else ""
        yield Line("p2-duckdb", "P2", *texts, text, not short)


# ---- what the referee's latency suite and our own scripts give: one figure a line


def figure_of(row: Row, name: str) -> float | None:
    value = row.get("figures", {}).get(name)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def of_engines(results: Results, suite: str, case: str, name: str) -> tuple[float | None, dict[str, float]]:
    """Ours and the peers' that are right."""
    found = {}
    for row in rows_of(results, suite, case=case):
        value = figure_of(row, name)
        if value is not None and right(row):
            found[row["engine"]] = value
    return found.pop("ours", None), found


def peers_text(peers: dict[str, float], unit: str, more_is_better: bool, most: int = 4) -> str:
    order = sorted(peers.items(), key=lambda p: p[1], reverse=more_is_better)
    shown = (f"{e} {rate(v) if unit == 'rows/s' else number(v)}" for e, v in order[:most])
    return ", ".join(shown) + (f" {unit}" if peers else "")


def simple(
    results: Results,
    key: str,
    text: str,
    suite: str,
    case: str,
    name: str,
    bound: float,
    unit: str,
    target: str = "",
) -> Line:
    """A figure of the referee's; rows/s are to reach the bound, everything else to stay within it."""
    more = unit == "rows/s"
    shown = target or f"{rate(bound) if more else f'{bound:g}'} {unit} or {'more' if more else 'less'}"
    ours, peers = of_engines(results, suite, case, name)
    p = key.split("-")[0].upper()
    if ours is None:
        return absent(key, p, text, shown)
    value = f"{rate(ours) if more else number(ours)} {unit}"
    met = ours >= bound if more else ours <= bound
    return Line(key, p, text, shown, value, met, peers_text(peers, unit, more))


def bench_line(results: Results, key: str, text: str, case: str, bound: float, unit: str) -> Line:
    rows = rows_of(results, "latency", case=case)
    p, shown = key.split("-")[0].upper(), f"{bound:g} {unit} or less"
    if not rows or "best" not in rows[0]:
        return absent(key, p, text, shown)
    return Line(key, p, text, shown, f"{number(rows[0]['best'])} {unit}", rows[0]["best"] <= bound)


def p3(results: Results) -> Iterator[Line]:
    for part, bound in (("p50", 3), ("p99", 20)):
        case = f"one row -> filter, {part} (C)"
        yield bench_line(
            results, f"p3-c-{part}", f"one row to its subscriber in C, {part}", case, bound, "us"
        )
    for mode in ("try_next", "next"):
        text = f"the same in Python, {mode}, p50"
        yield simple(results, f"p3-{mode}", text, "latency", f"one row, {mode}", "p50_us", 8, "us")
    for mode in ("callback", "async"):
        for part, bound in (("p50", 50), ("p99", 200)):
            text, case = f"the same, {mode}, {part}", f"one row, {mode}"
            yield simple(results, f"p3-{mode}-{part}", text, "latency", case, f"{part}_us", bound, "us")


def largest(results: Results, form: str) -> str:
    """The referee's case of a form with the most rows that was measured."""
    sizes = [
        int(r["case"].split()[-1]) for r in rows_of(results, "ingestion") if f"ingest {form} " in r["case"]
    ]
    return f"ingest {form} {max(sizes, default=0)}"


def p4(results: Results) -> Iterator[Line]:
    yield simple(results, "p4-one", "one-row dicts", "ingestion", "insert 1 row", "rate", 500_000, "rows/s")
    forms = (("list[dict]", 10e6), ("columns", 30e6), ("csv", 10e6), ("json", 10e6))
    for form, bound in forms:
        key = f"p4-{'dicts' if form == 'list[dict]' else form}"
        yield simple(results, key, form, "ingestion", largest(results, form), "rate", bound, "rows/s")
    rows = rows_of(results, "ingestion", case="Arrow", part="stream")
    text, target = "Arrow, with a filter stream on", "100 M rows/s or more"
    if rows and right(rows[0]):
        ours = rows[0]["rate"]
        _, peers = of_engines(results, "ingestion", largest(results, "arrow"), "rate")
        shown = peers_text(peers, "rows/s", True) + (" without a stream" if peers else "")
        yield Line("p4-arrow", "P4", text, target, f"{rate(ours)} rows/s", ours >= 100e6, shown)
    else:
        yield absent("p4-arrow", "P4", text, target)


def p5(results: Results) -> Iterator[Line]:
    for count, label, bound in ((1_000, "1 k", 30), (100_000, "100 k", 60), (1_000_000, "1 M", 100)):
        text = f"64 rows into a GROUP BY of {label} groups, p50"
        key = f"p5-{label.replace(' ', '').lower()}"
        yield simple(results, key, text, "groups", f"64 rows into {count} groups", "p50_us", bound, "us")


# ---- P6 and P7: what is kept

Judge = Callable[[Row], tuple[str, bool]]


def own(
    results: Results, key: str, figure: str, target: str, wanted: Row, judge: Judge, peers: str = ""
) -> Line:
    p = key.split("-")[0].upper()
    rows = [r for r in rows_of(results, "keeping") if all(r.get(k) == v for k, v in wanted.items())]
    if not rows:
        return absent(key, p, figure, target)
    text, met = judge(rows[0])
    return Line(key, p, figure, target, text, met, peers)


def within(field: str, bound: float, unit: str, more: bool = False) -> Judge:
    def judge(row: Row) -> tuple[str, bool]:
        return f"{number(row[field])} {unit}", row[field] >= bound if more else row[field] <= bound

    return judge


def p6(results: Results) -> Iterator[Line]:
    first = {"case": "checkpoint", "what": "first"}
    _, stalls = of_engines(results, "keeping", "checkpoint 1M groups", "stall_ms")
    _, wholes = of_engines(results, "keeping", "checkpoint 1M groups", "duration_ms")
    groups = next((r["groups"] for r in rows_of(results, "keeping", **first)), 1_000_000)
    title, judge = f"checkpoint of {rate(groups)} groups", within("stall_ms", 20, "ms")
    yield own(
        results,
        "p6-stall",
        f"{title}: inserts wait",
        "20 ms or less",
        first,
        judge,
        peers_text(stalls, "ms", False),
    )
    judge = within("whole_ms", 150, "ms")
    yield own(
        results,
        "p6-whole",
        f"{title}: whole",
        "150 ms or less",
        first,
        judge,
        peers_text(wholes, "ms", False),
    )
    before = rows_of(results, "keeping", **first)

    def proportional(row: Row) -> tuple[str, bool]:
        whole = before[0]
        text = f"{number(row['written_mb'])} MB, {number(row['whole_ms'])} ms"
        return f"{text}; the first {number(whole['written_mb'])} MB", row["written_mb"] <= 0.05 * whole[
            "written_mb"
        ]

    changed = {"case": "checkpoint", "what": "1000 neighbouring keys"}
    target = "in proportion (of the first one's bytes 5 % or less)"
    yield own(results, "p6-next", "the next one, after 1,000 rows", target, changed, proportional)
    for batch, bound, label in ((65_536, 1.15, "64 K"), (1_024, 1.40, "1 K")):
        wanted = {"case": "log", "batch": batch, "stream": "GROUP BY"}
        text = f"the log's CPU, {label} rows an insert: `async` beside `off`, with a GROUP BY"
        yield own(
            results, f"p6-log-{label[:-2]}", text, f"{bound:g} or less", wanted, within("ratio", bound, "x")
        )
    for threads, bound, what in (
        (4, 1.2, "the greater of work and bytes / device rate"),
        (1, 1.3, "work and a bare write and fdatasync"),
    ):
        wanted = {"case": "producers", "threads": threads, "batch": 1_024}
        text = f"`group`, {threads} producer{'s' if threads > 1 else ''} of 1,024 rows, beside {what}"
        yield own(
            results, f"p6-group-{threads}", text, f"{bound:g} or less", wanted, within("ratio", bound, "x")
        )


def p7(results: Results) -> Iterator[Line]:
    rows = [r for r in rows_of(results, "keeping", case="recovery") if "mb_per_s" in r]
    _, crash = of_engines(results, "keeping", "kill -9", "recovery_ms")
    peers = peers_text(crash, "ms after kill -9", False)
    for key, start, target, bound in (
        ("p7-log", "log, 65,536", "500 MB/s or more", 500),
        ("p7-checkpoint", "checkpoint", "1,000 MB/s or more", 1000),
    ):
        found = [r for r in rows if r["what"].startswith(start)]
        if found:
            text = f"{number(found[0]['mb_per_s'])} MB/s ({number(found[0]['mb_per_cpu_s'])} a CPU-second)"
            yield Line(
                key, "P7", f"opening: {found[0]['what']}", target, text, found[0]["mb_per_s"] >= bound, peers
            )
        else:
            yield absent(key, "P7", f"opening: {start}", target)


# ---- P8 and P9: size and memory


def p8(results: Results) -> Iterator[Line]:
    wheel = rows_of(results, "footprint", case="wheel")
    if wheel and right(wheel[0]):
        size, (_, peers) = wheel[0]["mb"], of_engines(results, "footprint", "installed size", "mib")
        shown = peers_text(peers, "MiB installed", False)
        yield Line("p8-wheel", "P8", "wheel", "6 MB or less", f"{number(size)} MB", size <= 6, shown)
    else:
        yield absent("p8-wheel", "P8", "wheel", "6 MB or less")
    yield simple(results, "p8-import", "import", "footprint", "import", "import_ms", 15, "ms")
    yield simple(
        results,
        "p8-rss",
        "memory above the interpreter after open",
        "footprint",
        "RSS at open",
        "open_mib",
        20,
        "MiB",
    )
    text, target = "idle: wake-ups a second", "0 of ours (the interpreter's 0.1 are in the figure)"
    yield simple(results, "p8-idle", text, "footprint", "idle", "wakeups_per_s", 0.15, "a second", target)
    text = "idle: CPU"
    yield simple(results, "p8-cpu", text, "footprint", "idle", "cpu_percent", 0.05, "%", "0 % (below 0.05)")
    yield simple(results, "p8-select", "SELECT 1, warm", "latency", "SELECT 1", "warm_us", 10, "us")


def p9(results: Results) -> Iterator[Line]:
    rows = [r for r in rows_of(results, "memory", case="groups") if "ratio" in r]
    most = max((r["groups"] for r in rows), default=0)
    for key, what in (
        ("p9-bigint", "BIGINT, count and sum"),
        ("p9-text", "text of 20 bytes, count and sum"),
    ):
        figure, target = f"bytes of a group ({what}), beside key and state", "2 or less"
        found = [r for r in rows if r["what"] == what and r["groups"] == most]
        if found:
            text = f"{number(found[0]['ratio'])} ({number(found[0]['bytes'])} bytes for {found[0]['holds']})"
            yield Line(key, "P9", figure, target, text, found[0]["ratio"] <= 2)
        else:
            yield absent(key, "P9", figure, target)
    rows = [r for r in rows_of(results, "memory", case="sources") if "ratio" in r]
    for batch in sorted({r["batch"] for r in rows}, reverse=True) or [1_000_000, 8_192, 64]:
        figure = f"bytes of a source, inserts of {batch:,} rows, beside its Arrow size"
        ratios = {r["what"]: r["ratio"] for r in rows if r["batch"] == batch}
        if ratios:
            text = "; ".join(
                f"{what} {number(v)}" for what, v in sorted(ratios.items(), key=lambda p: -p[1])[:3]
            )
            key = f"p9-source-{batch}"
            met = max(ratios.values()) <= 1.2
            yield Line(key, "P9", figure, "1.2 or less", f"greatest: {text}", met)
        else:
            yield absent(f"p9-source-{batch}", "P9", figure, "1.2 or less")


def lines(results: Results) -> list[Line]:
    return [line for part in (p1, p2, p3, p4, p5, p6, p7, p8, p9) for line in part(results)]
