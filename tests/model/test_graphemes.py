# SPDX-License-Identifier: Apache-2.0
"""Characters as a reader counts them, and composed texts: DuckDB and Python give the same."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator

import duckdb
import laminardb

LETTERS = (
    "ab é中\n\r\u0301\u0308\u0323\u0327\u200d\ufe0f\u0e33\u1100\u1161\u11a8\uac00\uac01👩👨🚀❤🇩🇪🇫🏽"
    "\u0600\u0903\u0915\u093c\u1e9b\u0345\u212b\uf900"
)


def texts(count: int, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(count):
        yield "".join(rng.choice(LETTERS) for _ in range(rng.randrange(9)))


def test_graphemes_are_those_of_duckdb() -> None:
    call = (
        "length_grapheme(t), left_grapheme(t, n), right_grapheme(t, n), substring_grapheme(t, n), "
        "substring_grapheme(t, n, k)"
    )
    rng = random.Random(2)
    rows = [(t, rng.randrange(-4, 5), rng.randrange(-3, 4)) for t in texts(3000, 1)]
    with laminardb.open() as db, duckdb.connect() as other:
        db.execute("CREATE TABLE x (i BIGINT, t VARCHAR, n BIGINT, k BIGINT)")
        db.insert("x", [{"i": i, "t": t, "n": n, "k": k} for i, (t, n, k) in enumerate(rows)])
        other.execute("CREATE TABLE x (i BIGINT, t VARCHAR, n BIGINT, k BIGINT)")
        other.executemany("INSERT INTO x VALUES (?, ?, ?, ?)", [(i, *r) for i, r in enumerate(rows)])
        query = f"SELECT t, n, k, {call} FROM x ORDER BY i"
        assert db.query(query).fetchall() == other.execute(query).fetchall()


def test_composed_texts_are_those_of_python() -> None:
    every = [chr(c) for c in range(1, 0x30000) if unicodedata.decomposition(chr(c))]
    marks = ["a" + m * 3 for m in ("\u0301\u0323", "\u0308\u0327\u0301", "\u05b0\u0591")]
    long = "x" + "\u0301\u0323" * 3000
    wanted = [*texts(3000, 3), *every, *(unicodedata.normalize("NFD", t) for t in every), *marks, long]
    with laminardb.open() as db:
        db.execute("CREATE SOURCE x (i BIGINT, t VARCHAR)")
        db.insert("x", [{"i": i, "t": t} for i, t in enumerate(wanted)])
        got = [r[0] for r in db.query("SELECT nfc_normalize(t) FROM x ORDER BY i").fetchall()]
        assert got == [unicodedata.normalize("NFC", t) for t in wanted]
