# SPDX-License-Identifier: Apache-2.0
"""The corpus of fuzz_image: states of checkpoints with every operator that remembers something.

python tests/fuzz/images.py            # writes tests/fuzz/corpus/image
"""

from __future__ import annotations

import importlib
import re
import struct
import sys
import tempfile
from pathlib import Path

import laminardb

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/model"))
CASES = importlib.import_module("test_patterns_restore")  # has a query for each operator

CONTENT = 65536 - 4  # of a block of a sealed file: docs/format.md
WINDOWS = "GROUP BY k, HOP(ts, 5, 10)"
CALLS = {
    "numbers": "count(v), sum(v), avg(v), min(v), max(v), product(v), var_samp(v), kurtosis(v), bit_xor(v)",
    "texts": "min(k), max(k), first(k), last(k), arg_min(k, v), arg_max(v, k), string_agg(k), list(k)",
    "ordered": "median(v), quantile_disc(v, 0.3), mode(k), entropy(v), list(v ORDER BY k),"
    " ema(v, 0.5 ORDER BY ts)",
    "sketches": "approx_count_distinct(k), approx_count_distinct(v), corr(v, ts), regr_slope(v, ts)",
    "distinct": "count(DISTINCT v), sum(DISTINCT v), string_agg(DISTINCT k)",
    "nested": "list([v, ts]), first({'a': k, 'b': v}), map_agg(v, k), max(v, 2)",
}
STREAMS = {
    **{f"calls {name}": f"SELECT v % 2 AS g, {calls} FROM t GROUP BY 1" for name, calls in CALLS.items()},
    **{
        f"calls of a table {name}": f"SELECT v % 2 AS g, {calls.replace('ts', 'v')} FROM d GROUP BY 1"
        for name, calls in CALLS.items()
        if "ema" not in calls
    },
    "all rows": "SELECT count(*) AS n, max(k) AS m FROM t",
    "windows": "SELECT k, window_start AS w, count(*) AS n, max(k) AS m FROM t GROUP BY k, TUMBLE(ts, 5)",
    "panes": f"SELECT k, window_start AS w, sum(v) AS s FROM t {WINDOWS} EMIT ON WINDOW CLOSE",
    "late windows": f"SELECT window_start AS w, count(DISTINCT v) AS s FROM t {WINDOWS} ALLOW LATENESS 10",
    "sessions": "SELECT k, window_start AS w, sum(v) AS s FROM t GROUP BY k, SESSION(ts, 3)",
    "sessions of rows": "SELECT k, window_start AS w, list(v) AS s FROM t GROUP BY k, SESSION(ts, 3)",
    "sessions that change": "SELECT k, window_start AS w, count(*) AS n FROM"
    " (SELECT DISTINCT ts, k FROM t) GROUP BY k, SESSION(ts, 3)",
    "top of each": "SELECT k, ts, v FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY v DESC) <= 2",
    "top of a table": "SELECT k, v FROM d ORDER BY v LIMIT 2",
    "first rows": "SELECT k, v FROM t LIMIT 5",
    "frames": "SELECT k, ts, max(v) OVER w AS a, count(DISTINCT v) OVER w AS b, rank() OVER w AS c,"
    " median(v) OVER (PARTITION BY k) AS m FROM t WINDOW w AS (PARTITION BY k ORDER BY ts, v)",
    "frames of a table": "SELECT k, sum(v) OVER (ORDER BY v ROWS 1 PRECEDING) AS a FROM d",
    "inner join": "SELECT t.k, u.v FROM t JOIN u ON t.k = u.k",
    "residual join": "SELECT t.k, d.v FROM t FULL JOIN d ON t.k = d.k AND t.v < d.v",
    "semi join": "SELECT k, v FROM t WHERE k IN (SELECT k FROM d)",
    "anti join": "SELECT k, v FROM d WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.k = d.k)",
    "scalar join": "SELECT k, (SELECT max(v) FROM d WHERE d.k = t.k) AS m FROM t",
    "nearest": "SELECT t.ts AS x, u.ts AS y FROM t ASOF JOIN u ON t.k = u.k AND t.ts <= u.ts",
    "distinct of a table": "SELECT DISTINCT v % 2 AS g FROM d",
    "versions by key": "SELECT t.ts AS x, r.v AS y FROM t JOIN d FOR SYSTEM_TIME AS OF"
    " TIMESTAMP '2999-01-01' AS r ON t.v = r.v",
    **{
        f"ttl {name}": f"WITH (state_ttl = '9 ms') AS {query}"
        for name, query in {
            "groups": "SELECT k, count(*) AS n, count(DISTINCT v) AS d, max(k) AS m FROM t GROUP BY k",
            "join": "SELECT t.k, u.v FROM t LEFT JOIN u ON t.k = u.k",
            "over": "SELECT k, v, sum(v) OVER (PARTITION BY k ORDER BY v) AS s FROM t",
            "top": "SELECT k, v FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY v DESC) <= 2",
            "distinct": "SELECT DISTINCT k FROM t",
        }.items()
    },
}


def unsealed(path: Path, size: int) -> bytes:
    """The content of a sealed file."""
    raw = path.read_bytes()
    blocks = [raw[at : at + CONTENT + 4][:-4] for at in range(0, len(raw), CONTENT + 4)]
    content = b"".join(blocks)
    assert len(content) == size
    return content


def image(query: str, directory: Path) -> bytes:
    """The state of a database in which the stream `s` is this query, and has met some rows."""
    config = laminardb.LaminarConfig(deterministic=True, checkpoint_interval_ms=1_000_000_000)
    with laminardb.open(directory / "x.ldb", config=config) as db:
        for name in "tu":
            db.execute(f"CREATE SOURCE {name} (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - 6)")
        db.execute("CREATE TABLE d (k VARCHAR PRIMARY KEY, v BIGINT)")
        db.execute(f"CREATE STREAM s {query if query.startswith('WITH (') else 'AS ' + query}")
        db.start()
        keys = ("a", "b", "key c of more than twelve bytes")
        for i in range(6):
            db.tick(10 * i)
            db.insert("tu"[i % 3 == 2], [(4 * i + j, keys[(i + j) % 3], (i * 7 + j) % 5) for j in range(2)])
            db.insert("d", (keys[i % 3], i))
        db.execute("DELETE FROM d WHERE k = 'b'")
        db.checkpoint()
        state = max((directory / "x.ldb").glob("state-*"))
        manifest = max((directory / "x.ldb").glob("checkpoint-*")).read_bytes()
        (size,) = struct.unpack_from("<q", manifest, 8 + 12 * 8)
        return unsealed(state, size)


def main() -> None:
    """Every operator whose class loads something stands in some image."""
    target = ROOT / "tests/fuzz/corpus/image"
    target.mkdir(exist_ok=True)
    queries = {
        name: f"{CASES.OPTIONS.get(name, '')} AS {query}".strip() for name, query in CASES.OPERATORS.items()
    }
    queries = {n: q.removeprefix("AS ") for n, q in queries.items() if n != "process"} | STREAMS
    found = b""
    for name, query in queries.items():
        with tempfile.TemporaryDirectory() as made:
            content = image(query, Path(made))
        (target / name.replace(" ", "_")).write_bytes(content)
        found += content
    classes = [p.read_text(encoding="utf-8") for p in (ROOT / "src/op").glob("op_*.c")]
    loads = {re.search(r'\.name = "(\w+)"', c)[1] for c in classes if ".load = " in c}  # type: ignore[index]
    missing = {n for n in loads - {"process"} if struct.pack("<q", len(n)) + n.encode() not in found}
    assert not missing, missing


if __name__ == "__main__":
    main()
