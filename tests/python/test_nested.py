# SPDX-License-Identifier: Apache-2.0
"""Lists, structs and maps between Python, Arrow and the engine."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import laminardb
import pytest

pa = pytest.importorskip("pyarrow")

T = "CREATE SOURCE t (k BIGINT, l DOUBLE[], s STRUCT(a BIGINT, b VARCHAR), m MAP(BIGINT, VARCHAR))"

TYPES = [
    ("INTEGER[]", pa.list_(pa.int32())),
    ("VARCHAR[]", pa.large_list(pa.large_string())),
    ("DOUBLE[]", pa.list_view(pa.float64())),
    ("BOOLEAN[3]", pa.list_(pa.bool_(), 3)),
    ("BIGINT[][]", pa.list_(pa.list_(pa.int64()))),
    ("STRUCT(a BIGINT, b VARCHAR)", pa.struct([("a", pa.int64()), ("b", pa.string())])),
    ("STRUCT(x DATE, y STRUCT(z DECIMAL(10,2)))[]",
     pa.list_(pa.struct([("x", pa.date32()), ("y", pa.struct([("z", pa.decimal128(10, 2))]))]))),
    ("MAP(VARCHAR, DOUBLE)", pa.map_(pa.string(), pa.float64())),
    ("MAP(BIGINT, VARCHAR[])", pa.map_(pa.int64(), pa.list_(pa.string()))),
    ("STRUCT(l SMALLINT[], m MAP(VARCHAR, STRUCT(q BOOLEAN)))",
     pa.struct([("l", pa.list_(pa.int16())), ("m", pa.map_(pa.string(), pa.struct([("q", pa.bool_())])))])),
]  # fmt: skip


def make(rng: random.Random, t: Any) -> Any:
    if rng.random() < 0.15:
        return None
    if pa.types.is_map(t):
        keys = rng.sample(range(100), rng.randint(0, 4))
        return [(k if pa.types.is_integer(t.key_type) else f"key {k}", make(rng, t.item_type)) for k in keys]
    if pa.types.is_struct(t):
        return {f.name: make(rng, f.type) for f in t}
    if pa.types.is_fixed_size_list(t):
        return [make(rng, t.value_type) for _ in range(t.list_size)]
    if pa.types.is_nested(t):
        return [make(rng, t.value_type) for _ in range(rng.randint(0, 4))]
    if pa.types.is_boolean(t):
        return rng.random() < 0.5
    if pa.types.is_date(t):
        return dt.date(2024, 1, rng.randint(1, 28))
    if pa.types.is_decimal(t):
        return Decimal(rng.randint(-999, 999)).scaleb(-2)
    if pa.types.is_floating(t):
        return rng.choice([0.5, -1.0, float(rng.randint(0, 9))])
    if pa.types.is_integer(t):
        return rng.randint(-100, 100)
    return rng.choice(["", "x", "a text of more than twelve bytes", "ä, 'b'"])


def plain(t: Any, v: Any) -> Any:
    """As a query gives it: maps are dicts."""
    if v is None:
        return None
    if pa.types.is_map(t):
        return {k: plain(t.item_type, x) for k, x in v}
    if pa.types.is_struct(t):
        return {f.name: plain(f.type, v[f.name]) for f in t}
    return [plain(t.value_type, x) for x in v] if pa.types.is_nested(t) else v


@pytest.mark.parametrize(("sql", "arrow"), TYPES)
def test_round_trip(db: laminardb.Connection, sql: str, arrow: Any) -> None:
    rng = random.Random(sql)
    values = [make(rng, arrow) for _ in range(200)]
    wanted = [plain(arrow, v) for v in values]
    db.execute(f"CREATE SOURCE a (k BIGINT, v {sql}); CREATE SOURCE b (k BIGINT, v {sql})")
    table = pa.table({"k": range(200), "v": pa.array(values, arrow)})
    db.insert("a", table.slice(3, 100))  # offsets that are not 0, bits that begin anywhere
    db.insert("a", table.slice(103))
    db.insert("a", table.slice(0, 3))
    assert db.query("SELECT v FROM a ORDER BY k").to_dicts()["v"] == wanted
    # what comes out goes in again, and Python's values are the same ones
    out = db.query("SELECT k, v FROM a ORDER BY k").to_arrow()
    out.validate(full=True)
    assert [plain(out.schema.field("v").type, v) for v in out["v"].to_pylist()] == wanted
    db.insert("b", out)
    db.insert("b", [{"k": 1000 + i, "v": v} for i, v in enumerate(values)])
    assert db.query("SELECT v FROM b WHERE k < 1000 ORDER BY k").to_dicts()["v"] == wanted
    assert db.query("SELECT v FROM b WHERE k >= 1000 ORDER BY k").to_dicts()["v"] == wanted
    # text too
    text = db.query("SELECT CAST(v AS VARCHAR) AS t FROM a ORDER BY k").to_dicts()["t"]
    for t, v in zip(text[:40], wanted, strict=False):
        assert db.query(f"SELECT CAST(? AS {sql})", [t]).fetchone() == (v,)
    assert [f[1] for f in db.query("DESCRIBE a").fetchall()] == ["BIGINT", sql]


def test_python_values(db: laminardb.Connection) -> None:
    db.execute(T)
    db.insert("t", {"k": 1, "l": (1, "2.5", Decimal("3.5")), "s": (1, "x"), "m": {1: "a"}})
    db.insert("t", {"l": [1, 2], "k": 2})  # a row: k is no list
    db.insert("t", {"l": [[1], None], "k": [3, 4]})  # columns
    db.insert("t", [(5, [], {"b": "y"}, [(7, "z")])])
    assert db.query("SELECT * FROM t ORDER BY k").fetchall() == [
        (1, [1.0, 2.5, 3.5], {"a": 1, "b": "x"}, {1: "a"}),
        (2, [1.0, 2.0], None, None),
        (3, [1.0], None, None),
        (4, None, None, None),
        (5, [], {"a": None, "b": "y"}, {7: "z"}),
    ]
    assert db.query("SELECT ?, ?, ?", [[1, 2.5, None], {"a": [{"b": None}]}, {1: "x"}]).fetchall() == [
        ([1.0, 2.5, None], {"a": [{"b": None}]}, {1: "x"})
    ]
    assert db.query("SELECT k FROM t WHERE l = $l", {"l": [1, 2]}).fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"l": [1, "x"]}, r'row 1, column "l": cannot convert VARCHAR \'x\' to DOUBLE'),
        ({"l": 5}, r'row 1, column "l": value \'5\' of type BIGINT does not fit DOUBLE\[\]'),
        ({"s": {"a": 1, "bb": 2}}, r'STRUCT\(a BIGINT, b VARCHAR\) has no field "bb"; did you mean "b"'),
        ({"s": (1, 2, 3)}, "3 values for the 2 fields"),
        ({"m": {1: "a", "1": "b"}}, "twice the key 1"),
        ({"m": [(None, "a")]}, "a key that is NULL"),
        ({"m": [1]}, "item 1 is no pair of a key and a value"),
    ],
)
def test_refusals(db: laminardb.Connection, row: dict[str, Any], message: str) -> None:
    db.execute(T)
    with pytest.raises(laminardb.IngestionError, match=message):
        db.insert("t", [row])
    assert db.query("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_a_value_that_holds_itself(db: laminardb.Connection) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="more than 64 levels"):
        db.query("SELECT ?", [loop])


def test_json(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE t (k BIGINT, l VARCHAR[], s STRUCT(a DOUBLE, b BIGINT[]), m MAP(VARCHAR, BIGINT))"
    )
    first = '{"k": 1, "l": ["a\\u00e9\\n", null], "s": {"b": [1, 2], "a": 1e2}, "m": {"x": 1}}'
    db.insert_json("t", first + '\n{"k": 2, "l": []}')
    assert db.query("SELECT * FROM t ORDER BY k").fetchall() == [
        (1, ["aé\n", None], {"a": 100.0, "b": [1, 2]}, {"x": 1}),
        (2, [], None, None),
    ]
    for bad, message in (
        ('{"l": [1, }', "line 1"),
        ('{"l": {"a": 1}}', r"an object does not fit VARCHAR\[\]"),
        ('{"s": {"q": 1}}', 'has no field "q"'),
        ('{"m": {"a": 1, "a": 2}}', "twice the key a"),
        ('{"s": {"b": ["x"]}}', "cannot convert VARCHAR 'x' to BIGINT"),
    ):
        with pytest.raises(laminardb.IngestionError, match=message):
            db.insert_json("t", bad)
    assert db.query("SELECT count(*) FROM t").fetchall() == [(2,)]


def test_bad_arrow_arrays_are_refused(db: laminardb.Connection) -> None:
    db.execute("CREATE SOURCE t (v BIGINT[])")
    items = pa.array([1, 2, 3])

    def of(offsets: list[int]) -> Any:
        """pyarrow looks at them when the table is made, so they change afterwards."""
        room = bytearray(4 * len(offsets))
        parts = [None, pa.py_buffer(room)]
        array = pa.Array.from_buffers(pa.list_(pa.int64()), len(offsets) - 1, parts, children=[items])
        table = pa.table({"v": array})
        room[:] = b"".join(o.to_bytes(4, "little", signed=True) for o in offsets)
        return table

    db.insert("t", of([0, 1, 3]))
    for offsets in ([0, 4, 4], [-1, 0, 1], [0, 3, 1], [0, 2**31 - 1, 2**31 - 1]):
        with pytest.raises(laminardb.IngestionError, match="its items are said to lie at"):
            db.insert("t", of(offsets))
    sizes = bytearray(4)
    parts = [None, pa.py_buffer((2).to_bytes(4, "little")), pa.py_buffer(sizes)]
    views = pa.Array.from_buffers(pa.list_view(pa.int64()), 1, parts, children=[items])
    table = pa.table({"v": views})
    sizes[0] = 5
    with pytest.raises(laminardb.IngestionError, match="its items are said to lie at 2 to 7 of 3"):
        db.insert("t", table)
    deep = pa.int64()
    for _ in range(70):
        deep = pa.list_(deep)
    with pytest.raises(laminardb.SchemaError, match="more than 64 levels"):
        db.insert("t", pa.table({"v": pa.array([None], deep)}))
    assert db.query("SELECT * FROM t").fetchall() == [([1],), ([2, 3],)]


def test_unnest_keeps_no_rows() -> None:
    """A stream over unnest() of what stands to its left joins nothing and remembers nothing."""
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (id BIGINT, l BIGINT[])")
        sql = "SELECT id, x FROM t, unnest(l) AS u(x) WHERE x > 1"
        assert "Join" not in db.explain(sql)
        db.execute(f"CREATE STREAM s AS {sql}")
        db.start()
        db.insert("t", [{"id": i, "l": list(range(5))} for i in range(1000)])
        assert db.query("SELECT count(*), sum(x) FROM s").fetchall() == [(3000, 9000)]
        metrics = db.stream_metrics("s")
        assert metrics is not None
        assert metrics.state_rows == 0


def test_json_is_text_with_an_extension_name() -> None:
    with laminardb.open() as db:
        db.execute("CREATE SOURCE t (id BIGINT, j JSON, l JSON[])")
        db.insert(
            "t", [{"id": 1, "j": '{"a": 1}', "l": ["1", '"x"']}, {"id": 2, "j": {"b": [1, None]}, "l": None}]
        )
        db.insert_json(
            "t", '{"id": 3, "j": {"c": [1.50]}, "l": [1, "x", null, {"d": 2}]}\n{"id": 4, "j": "x"}'
        )
        rows = db.query("SELECT j, l FROM t").fetchall()
        assert rows == [
            ('{"a": 1}', ["1", '"x"']),
            ('{"b":[1,null]}', None),
            ('{"c": [1.50]}', ["1", '"x"', None, '{"d": 2}']),
            ('"x"', None),
        ]
        stream = db.query("SELECT * FROM t").__arrow_c_stream__()
        reader = pa.RecordBatchReader._import_from_c_capsule(stream)
        field = reader.schema.field("j")
        name = getattr(field.type, "extension_name", None) or (field.metadata or {}).get(
            b"ARROW:extension:name"
        )
        assert name in ("arrow.json", b"arrow.json")
        table = reader.read_all()
        db.execute("CREATE SOURCE u (id BIGINT, j JSON, l JSON[])")
        assert db.insert("u", table) == 4
        assert db.query("SELECT j, l FROM u").fetchall() == rows
        for bad in ("{", "abc", ""):
            with pytest.raises(laminardb.IngestionError, match="does not fit JSON"):
                db.insert("t", {"id": 5, "j": bad})
            with pytest.raises(laminardb.IngestionError, match="does not fit JSON"):
                db.insert("t", pa.table({"id": [5], "j": [bad]}))
        with pytest.raises(laminardb.IngestionError):
            db.insert_json("t", '{"id": 5, "j": [1,}')
