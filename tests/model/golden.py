# SPDX-License-Identifier: Apache-2.0
"""A kept database as a version of the format wrote it: `python tests/model/golden.py FOLDER` makes one.

It has sources, a table, a stream of each operator, a checkpoint and a log behind it, and `expected.json`,
which has what each stream showed. tests/golden holds one for each version; test_63 opens copies of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import laminardb
from test_patterns_restore import OPERATORS, OPTIONS

CONFIG = laminardb.LaminarConfig(
    deterministic=True, checkpoint_interval_ms=3_600_000, wal_segment_bytes=65_536
)
QUERIES = {name: query for name, query in OPERATORS.items() if name != "process"}  # code is not kept
NAMES = tuple(name.replace(" ", "_") for name in QUERIES)


def declare(db: laminardb.Connection) -> None:
    for name in "tu":
        db.execute(f"CREATE SOURCE {name} (ts BIGINT, k VARCHAR, v BIGINT, WATERMARK FOR ts AS ts - 6)")
    db.execute("CREATE TABLE d (k VARCHAR PRIMARY KEY, v BIGINT)")
    for name, query in QUERIES.items():
        db.execute(f"CREATE STREAM s_{name.replace(' ', '_')} {OPTIONS.get(name, '')} AS {query}")
    db.start()


def insert(db: laminardb.Connection, i: int) -> None:
    db.tick(500 * i)
    rows = [(4 * i - 40 * (i % 5 == 4) + j, "abc"[(i + j) % 3], (i * 7 + j) % 5) for j in range(3)]
    db.insert("tu"[i % 3 == 2], rows)
    db.insert("d", ("abc"[i % 3], i))
    if i % 4 == 3:
        db.execute("DELETE FROM d WHERE k = 'b'")


def shown(db: laminardb.Connection) -> dict[str, Any]:
    """As JSON has it."""
    state = {n: sorted(map(repr, db.query(f"SELECT * FROM s_{n}").fetchall())) for n in NAMES}
    state["t"] = sorted(map(repr, db.query("SELECT * FROM t").fetchall()))
    return state


def make(folder: Path) -> None:
    folder.mkdir(parents=True)
    with laminardb.open(folder / "golden.ldb", config=CONFIG) as db:
        declare(db)
        for i in range(12):
            insert(db, i)
            if i == 10:  # enough rows for what the log says of many
                db.insert("t", [(40 + j % 4, "abc"[j % 3], j % 5) for j in range(300)])
            if i in (4, 8):
                db.checkpoint()
        (folder / "expected.json").write_text(json.dumps(shown(db), indent=1), encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
