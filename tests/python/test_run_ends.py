# SPDX-License-Identifier: Apache-2.0
"""Run-end encoded Arrow arrays: of every kind of value, sliced, in lists and structs, against pyarrow."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import laminardb
import pytest
from optional import package

pa = package("pyarrow")

ENDS = (pa.int16(), pa.int32(), pa.int64())
VALUES: dict[str, Callable[[random.Random, int], Any]] = {
    "BIGINT": lambda r, n: pa.array([r.choice((None, 1, -(2**63))) for _ in range(n)], pa.int64()),
    "BOOLEAN": lambda r, n: pa.array([r.choice((None, True, False)) for _ in range(n)], pa.bool_()),
    "DOUBLE": lambda r, n: pa.array([r.choice((None, 0.5)) for _ in range(n)], pa.float64()),
    "VARCHAR": lambda r, n: pa.array([r.choice((None, "", "a text that is longer")) for _ in range(n)]),
    "DECIMAL(9,2)": lambda r, n: pa.array([None, *[r.randint(-9, 9)] * (n - 1)], pa.decimal128(9, 2)),
    "TIME": lambda r, n: pa.array([r.choice((None, 0, 3600)) for _ in range(n)], pa.time32("s")),
    "INTEGER[]": lambda r, n: pa.array(
        [r.choice((None, [], [1, None])) for _ in range(n)], pa.list_(pa.int32())
    ),
    "STRUCT(a INTEGER)": lambda r, n: pa.array(
        [r.choice((None, {"a": 1}, {"a": None})) for _ in range(n)], pa.struct([("a", pa.int32())])
    ),
    "VARCHAR ": lambda r, n: pa.array([r.choice((None, "x", "y")) for _ in range(n)]).dictionary_encode(),
}


def run_ends(r: random.Random, values: Any) -> Any:
    ends, at = [], 0
    for _ in range(len(values)):
        at += r.choice((1, 1, 2, 7))
        ends.append(at)
    return pa.RunEndEncodedArray.from_arrays(pa.array(ends, r.choice(ENDS)), values)


def plain(a: Any) -> list[Any]:
    """What the array says, run by run."""
    out: list[Any] = []
    values, ends = a.values.to_pylist(), a.run_ends.to_pylist()
    for value, end in zip(values, ends, strict=True):
        out += [value] * (end - len(out))
    return out[a.offset : a.offset + len(a)]


@pytest.mark.parametrize("kind", VALUES)
def test_values_of_every_kind(kind: str) -> None:
    for seed in range(30):
        r = random.Random(seed)
        encoded = run_ends(r, VALUES[kind](r, r.randint(1, 40)))
        first = r.randint(0, len(encoded) - 1)
        part = encoded.slice(first, r.randint(0, len(encoded) - first))
        with laminardb.open() as db:
            db.create_table("t", pa.schema([("x", encoded.type)]))
            assert db.query("DESCRIBE t").fetchall()[0][1] == kind.strip()
            for a in (encoded, part):
                db.insert("t", pa.table({"x": a}))
            got = [row[0] for row in db.query("SELECT x FROM t").fetchall()]
            want = plain(encoded) + plain(part)
            assert list(map(repr, got)) == [repr(v) for v in want], (kind, seed)


def test_inside_of_lists_and_structs() -> None:
    for seed in range(50):
        r = random.Random(seed)
        encoded = run_ends(r, pa.array([r.choice((None, "a", "b")) for _ in range(r.randint(1, 20))]))
        flat, n = plain(encoded), len(encoded)
        offsets = sorted(r.randint(0, n) for _ in range(r.randint(2, 8)))
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), encoded)
        structs = pa.StructArray.from_arrays([encoded, pa.array(range(n))], ["s", "i"])
        first = r.randint(0, len(lists) - 1)
        with laminardb.open() as db:
            got = db.sql("SELECT * FROM given", given=pa.table({"l": lists.slice(first)})).fetchall()
            assert [row[0] for row in got] == [
                flat[a:b] for a, b in zip(offsets[first:], offsets[first + 1 :], strict=False)
            ]
            got = db.sql("SELECT x.s, x.i FROM given", given=pa.table({"x": structs.slice(1)})).fetchall()
            assert got == list(zip(flat, range(n), strict=True))[1:]


def test_schemas_become_columns() -> None:
    """create_table knows what any Arrow type becomes, also in dictionaries, lists and structs."""
    kinds = {
        "VARCHAR": pa.dictionary(pa.int32(), pa.string()),
        "BIGINT[]": pa.list_(pa.int64()),
        "SMALLINT[3]": pa.list_(pa.int16(), 3),
        "STRUCT(a TINYINT, b FLOAT[])": pa.struct([("a", pa.int8()), ("b", pa.large_list(pa.float32()))]),
        "MAP(VARCHAR, DATE)": pa.map_(pa.string(), pa.date32()),
        "TIME": pa.time64("ns"),
        "BLOB": pa.binary(4),
        "FLOAT": pa.float16(),
        "DECIMAL(38,2)": pa.decimal256(60, 2),
    }
    with laminardb.open() as db:
        db.create_table("t", pa.schema([(f"c{i}", kind) for i, kind in enumerate(kinds.values())]))
        assert [row[1] for row in db.query("DESCRIBE t").fetchall()] == list(kinds)
