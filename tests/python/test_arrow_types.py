# SPDX-License-Identifier: Apache-2.0
"""Every scalar type through Arrow and back, in every shape that a producer may hand over: NULLs, slices with
an offset, no rows, several chunks, dictionaries of any index, views, large offsets."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import laminardb
import pytest
from optional import package

pa = package("pyarrow")

UTC = dt.UTC
TYPES: dict[str, tuple[Any, list[object]]] = {
    "BOOLEAN": (pa.bool_(), [True, False]),
    "TINYINT": (pa.int8(), [-128, 0, 127]),
    "SMALLINT": (pa.int16(), [-(2**15), 2**15 - 1]),
    "INTEGER": (pa.int32(), [-(2**31), 2**31 - 1]),
    "BIGINT": (pa.int64(), [-(2**63), 2**63 - 1]),
    "UTINYINT": (pa.uint8(), [0, 255]),
    "USMALLINT": (pa.uint16(), [0, 2**16 - 1]),
    "UINTEGER": (pa.uint32(), [0, 2**32 - 1]),
    "UBIGINT": (pa.uint64(), [0, 2**64 - 1]),
    "HUGEINT": (pa.decimal128(38, 0), [Decimal(-(10**37)), Decimal(7), Decimal(10**37)]),
    "FLOAT": (pa.float32(), [-1.5, 0.0, 3.0e38, float("inf")]),
    "DOUBLE": (pa.float64(), [-1.5, 5e-324, 1e300]),
    "DECIMAL(9,2)": (pa.decimal128(9, 2), [Decimal("-9999999.99"), Decimal("0.01")]),
    "DECIMAL(38,10)": (
        pa.decimal128(38, 10),
        [Decimal("1234567890123456789012345678.0123456789"), Decimal("-1e-10")],
    ),
    "VARCHAR": (pa.string(), ["", "é", "short", "a text that does not fit into a view"]),
    "BLOB": (pa.binary(), [b"", b"\x00\xff", b"bytes that do not fit into a view"]),
    "DATE": (pa.date32(), [dt.date(1, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]),
    "TIME": (pa.time64("us"), [dt.time(0), dt.time(23, 59, 59, 999999)]),
    "TIMESTAMP_S": (pa.timestamp("s"), [dt.datetime(1900, 1, 1), dt.datetime(2024, 1, 1, 1, 2, 3)]),
    "TIMESTAMP_MS": (pa.timestamp("ms"), [dt.datetime(1900, 1, 1), dt.datetime(2024, 1, 1, 1, 2, 3, 4000)]),
    "TIMESTAMP": (pa.timestamp("us"), [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]),
    "TIMESTAMP_NS": (pa.timestamp("ns"), [dt.datetime(1970, 1, 1), dt.datetime(2024, 1, 1, 1, 2, 3, 4)]),
    "TIMESTAMPTZ": (
        pa.timestamp("us", "UTC"),
        [dt.datetime(1900, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, 1, tzinfo=UTC)],
    ),
}


def column(kind: str, rows: int, nulls: bool) -> Any:
    type_, values = TYPES[kind]
    r = random.Random(f"{kind} {rows} {nulls}")
    return pa.array([None if nulls and r.random() < 0.3 else r.choice(values) for _ in range(rows)], type_)


SHAPES: dict[str, Callable[[Any], Any]] = {
    "whole": lambda a: a,
    "sliced": lambda a: a.slice(13, 1500),
    "short": lambda a: a.slice(9, 3),
    "empty": lambda a: a.slice(5, 0),
    "chunked": lambda a: pa.chunked_array([a.slice(0, 5), a.slice(5, 0), a.slice(5, 1100), a.slice(1200)]),
}


def through(kind: str, given: Any) -> Any:
    with laminardb.open() as db:
        db.execute(f"CREATE SOURCE t (x {kind})")
        assert db.insert("t", pa.table({"x": given})) == len(given)
        return pa.table(db.query("SELECT x FROM t").to_arrow())["x"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("nulls", (False, True))
def test_round_trip(kind: str, nulls: bool) -> None:
    for shape in SHAPES.values():
        given = shape(column(kind, 2500, nulls))
        got = through(kind, given)
        assert got.type == TYPES[kind][0]
        assert got.to_pylist() == given.to_pylist()
        again = through(kind, got)  # what came out goes in again as it is
        assert again.equals(got)


@pytest.mark.parametrize("kind", TYPES)
def test_dictionaries(kind: str) -> None:
    """Any type of index, NULLs among the indices and among the values, slices, a new dictionary per chunk."""
    values = pa.array([*TYPES[kind][1], None], TYPES[kind][0])
    r = random.Random(kind)
    indices = (
        pa.int8(),
        pa.uint8(),
        pa.int16(),
        pa.uint16(),
        pa.int32(),
        pa.uint32(),
        pa.int64(),
        pa.uint64(),
    )
    for index in indices:
        numbers = [None if r.random() < 0.2 else r.randrange(len(values)) for _ in range(1200)]
        given = pa.DictionaryArray.from_arrays(pa.array(numbers, index), values)
        for part in (given, given.slice(17, 1050), given.slice(3, 2), given.slice(0, 0)):
            assert through(kind, part).to_pylist() == part.to_pylist()
        other = pa.DictionaryArray.from_arrays(pa.array([0, None, 0], index), values.slice(1))
        both = pa.chunked_array([given, other.slice(0, 2)])
        assert through(kind, both).to_pylist() == both.to_pylist()


def test_dictionaries_of_a_stream() -> None:
    """Each insert brings a dictionary of its own; the stream's groups are those of the values."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (x VARCHAR, n BIGINT)")
        db.execute("CREATE STREAM s AS SELECT x, sum(n) AS n FROM t GROUP BY x")
        db.start()
        want: dict[str | None, int] = {}
        r = random.Random(5)
        for _ in range(20):
            words = r.sample(["a", "b", "a word of more than twelve bytes", "é", "", "another long word"], 3)
            picked = [r.choice([*words, None]) for _ in range(r.choice((1, 40, 1500)))]
            rows = pa.table({"x": pa.array(picked).dictionary_encode(), "n": list(range(len(picked)))})
            db.insert("t", rows)
            for i, x in enumerate(picked):
                want[x] = want.get(x, 0) + i
        assert dict(db.query("SELECT * FROM s").fetchall()) == want


@pytest.mark.parametrize("index", (-1, 2, 127))
def test_a_wrong_index_is_refused(index: int) -> None:
    bad = pa.DictionaryArray.from_arrays(pa.array([0, 1, index], pa.int8()), pa.array(["x", "y"]), safe=False)
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (x VARCHAR)")
        with pytest.raises(
            laminardb.IngestionError, match=rf'row 3, column "x": dictionary index {index} is not'
        ):
            db.insert("t", pa.table({"x": bad}))
        assert db.query("SELECT count(*) FROM t").fetchone() == (0,)
    empty = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int8()), pa.array([], pa.string()))
    assert through("VARCHAR", empty).to_pylist() == [None, None]


def test_other_layouts() -> None:
    texts = ["x", None, "a text that does not fit into a view", "é"]
    for type_ in (pa.string(), pa.large_string(), pa.string_view()):
        for words in (texts, texts[1:3]):
            assert through("VARCHAR", pa.array(words, type_)).to_pylist() == words
            plain = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 0]), pa.array(words[:2], type_))
            assert through("VARCHAR", plain).to_pylist() == plain.to_pylist()
    blobs = [b"\x00", None, b"bytes that do not fit into a view"]
    for type_ in (pa.binary(), pa.large_binary(), pa.binary_view()):
        assert through("BLOB", pa.array(blobs, type_)).to_pylist() == blobs


def test_pandas_and_polars_categories() -> None:
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    words = ["a", "a word of more than twelve bytes", None, "a"]
    frames = (
        pd.DataFrame({"x": pd.Categorical(words)}),
        pl.DataFrame({"x": pl.Series(words, dtype=pl.Categorical)}),
        pl.DataFrame({"x": pl.Series(words, dtype=pl.Enum(["unused", "a", words[1]]))}),
    )
    for frame in frames:
        with laminardb.open() as db:
            db.execute("CREATE SOURCE t (x VARCHAR)")
            db.insert("t", frame)
            db.insert("t", frame[1:3])
            assert [x for (x,) in db.query("SELECT x FROM t").fetchall()] == words + words[1:3]
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (x BIGINT)")
        db.insert("t", pd.DataFrame({"x": pd.Categorical([7, 5, 7])}))
        assert db.query("SELECT x FROM t").fetchall() == [(7,), (5,), (7,)]


def test_uuid_and_the_last_hugeint() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (u UUID, h HUGEINT)")
        rows = [(uuid.UUID(int=2**128 - 1), 2**127 - 1), (uuid.UUID(int=0), -(2**127)), (None, None)]
        db.insert("t", rows)
        table = db.query("SELECT * FROM t").to_arrow()
        db.insert("t", table)
        got = db.query("SELECT * FROM t").fetchall()
        assert [(None if u is None else uuid.UUID(str(u)), h and int(h)) for u, h in got] == rows * 2


def test_text_is_checked_as_a_whole_and_by_row() -> None:
    """Cuts inside a character, a fault in one text, anything under a NULL, a NUL byte."""

    def texts(parts: list[bytes], valid: int | None = None) -> Any:
        offsets = [0]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
        bits = None if valid is None else pa.py_buffer(valid.to_bytes(1, "little"))
        at = pa.array(offsets, pa.int32()).buffers()[1]
        return pa.Array.from_buffers(pa.string(), len(parts), [bits, at, pa.py_buffer(b"".join(parts))])

    long = "ä text of more than sixty-four bytes, so that blocks are looked at ".encode()
    assert through("VARCHAR", texts([long, b"\xc3\xa9", b"", long, b""])).to_pylist()[1] == "é"
    assert through("VARCHAR", texts([long, b"\xff\x00", long], 0b101)).to_pylist()[1] is None
    for parts, row in (
        ([long, b"\xc3", b"\xa9", long], 2),
        ([long, long, b"\xf0\x90\x80"], 3),
        ([long + b"\xff"], 1),
    ):
        with pytest.raises(laminardb.IngestionError, match=rf'row {row}, column "x": the text is not UTF-8'):
            through("VARCHAR", texts(parts))
    with pytest.raises(laminardb.IngestionError, match='row 2, column "x": the text holds a NUL byte'):
        through("VARCHAR", texts([long, b"a\x00"]))
