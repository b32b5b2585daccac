# SPDX-License-Identifier: Apache-2.0
"""JSON, frames, arrays, writers, declared schemas, and the functions of the module."""

from __future__ import annotations

import builtins
import datetime as dt
import json
import math
import random
import re
import threading
from typing import Any

import laminardb
import pytest
from optional import package

np = package("numpy")
pd = package("pandas")
polars = package("polars")
pa = package("pyarrow")

WHEN = dt.datetime(2024, 1, 31, 9, 30, 0, 500_000)


@pytest.fixture
def t(db: laminardb.Connection) -> laminardb.Connection:
    db.execute("CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR)")
    return db


def rows(db: laminardb.Connection) -> list[tuple[Any, ...]]:
    return db.query("SELECT * FROM t").fetchall()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('{"k": 1, "v": 2.5, "s": "x"}', [(1, 2.5, "x")]),
        ('[{"k":1},{"v":1e3}]', [(1, None, None), (None, 1000.0, None)]),
        ('{"k":1}\n{"s":"a","K":2}\r\n\n{}', [(1, None, None), (2, None, "a"), (None, None, None)]),
        ('{"k":9007199254740993,"v":9007199254740993}', [(2**53 + 1, 9007199254740992.0, None)]),
        ('{"k":-9223372036854775808,"v":-0.0}', [(-(2**63), 0.0, None)]),
        ('{"k":3.0,"v":0.1,"s":1.50}', [(3, 0.1, "1.5")]),
        ('{"k":true,"s":false}', [(1, None, "false")]),
        ('{"k":"42","v":"1e3","s":null}', [(42, 1000.0, None)]),
        (r'{"s":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}', [(None, None, 'a"\\/\b\f\n\r\té😀')]),
        ('{"s":{"a":[1,{}]}}', [(None, None, '{"a":[1,{}]}')]),
        ('\ufeff[ {"s" : "ü" } ] ', [(None, None, "ü")]),
        ('{"s":' + "[" * 63 + "]" * 63 + "}", [(None, None, "[" * 63 + "]" * 63)]),
        (r'{"\u006b":7}', [(7, None, None)]),
        ("[]", []),
    ],
)
def test_json(t: laminardb.Connection, text: str, want: list[tuple[Any, ...]]) -> None:
    assert t.insert_json("t", text) == len(want)
    assert rows(t) == want
    t.insert_json("t", text.encode())
    assert rows(t) == want * 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["line 1"]),
        ("5", ["line 1", "object"]),
        ('{"k":1}\n{"k":2\n', ["line 3", "the end"]),
        ('{"k":1}\n{"kk":2}', ["line 2", '"kk"', 'did you mean "k"?']),
        ('{"k":1,\n"k":2}', ["line 2", "twice"]),
        ('{"k":1.5}', ["line 1", '"k"', "1.5", "BIGINT"]),
        ('{"k":1}\n{"k":"x1"}', ["line 2", "row 2", '"k"', "x1", "BIGINT"]),
        ('{"k":99999999999999999999}', ['"k"', "BIGINT"]),
        ('{"k":{}}', ["object", "BIGINT"]),
        ('{"k":01}', ["line 1"]),
        ('{"k":.5}', ["line 1"]),
        ('{"k":NaN}', ["line 1", "NaN"]),
        ('{"k":1.}', ["digit"]),
        ('{"k":1e}', ["digit"]),
        ("{'k':1}", ["quotes"]),
        ('{"s":"a\nb"}', ["control"]),
        ('{"s":"abc', ["closed"]),
        (r'{"s":"\x"}', ["escape"]),
        (r'{"s":"\ud800"}', ["surrogate"]),
        (r'{"s":"\udc00"}', ["surrogate"]),
        (r'{"s":"\u0000"}', ["NUL"]),
        (r'{"s":"\u12"}', ["hexadecimal"]),
        ('[{"k":1}] x', ["follow"]),
        ('[{"k":1},]', ["object"]),
        ('{"k":1,}', ["quotes"]),
        ('{"s":' + "[" * 64 + "]" * 64 + "}", ["64 levels"]),
        ('{"s":' + "[" * 1_000_000, ["64 levels"]),
    ],
)
def test_json_refused(t: laminardb.Connection, text: str, parts: list[str]) -> None:
    with pytest.raises(laminardb.IngestionError) as e:
        t.insert_json("t", text)
    assert e.value.code == 300 and all(part in str(e.value) for part in parts), str(e.value)
    assert rows(t) == []
    with pytest.raises(laminardb.SchemaError):
        t.insert_json("nope", "{}")


def test_json_equals_pythons(t: laminardb.Connection) -> None:
    """Random rows written by the standard library come back as they were; a cut text leaves nothing."""
    rng = random.Random(5)
    alphabet = 'aü"\\\n\t😀\u2028/ \x7f'
    for _ in range(60):
        made = []
        for _ in range(rng.randrange(1, 20)):
            row = {
                "k": rng.choice([None, rng.getrandbits(63), -rng.getrandbits(rng.randrange(1, 63))]),
                "v": rng.choice(
                    [None, rng.random() * 10 ** rng.randrange(-300, 300), float(rng.randrange(9))]
                ),
                "s": rng.choice([None, "".join(rng.choices(alphabet, k=rng.randrange(30)))]),
            }
            made.append({key: row[key] for key in rng.sample(list(row), rng.randrange(4))})
        lines = rng.random() < 0.5
        ascii_only = rng.random() < 0.5
        dumped = [json.dumps(row, ensure_ascii=ascii_only) for row in made]
        text = "\n".join(dumped) if lines else "[" + ",".join(dumped) + "]"
        before = rows(t)
        if not lines:
            with pytest.raises(laminardb.IngestionError):
                t.insert_json("t", text[: rng.randrange(len(text))])
        assert rows(t) == before
        t.insert_json("t", text)
        assert rows(t)[len(before) :] == [tuple(row.get(c) for c in "kvs") for row in made]


def test_json_types_and_defaults(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE e (d DATE, at TIMESTAMP, n INTEGER DEFAULT 7, b BOOLEAN, ts BIGINT, "
        "WATERMARK FOR ts AS ts - 0)"
    )
    db.insert_json("e", '{"d":"2024-01-31","at":"2024-01-31T09:30:00.5","b":1,"ts":"2024-01-31 09:30:00"}')
    ms = int(WHEN.replace(microsecond=0, tzinfo=dt.UTC).timestamp() * 1000)
    assert db.query("SELECT * FROM e").fetchall() == [(WHEN.date(), WHEN, 7, True, ms)]
    with pytest.raises(laminardb.IngestionError, match="INTEGER"):
        db.insert_json("e", '{"n":3000000000}')


@pytest.mark.parametrize("with_pyarrow", [True, False])
def test_pandas(t: laminardb.Connection, with_pyarrow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_pyarrow:
        real = builtins.__import__

        def without(name: str, *args: Any, **kwargs: Any) -> Any:
            if name == "pyarrow" or name.startswith("pyarrow."):
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without)
    frame = pd.DataFrame({"v": [1.5, math.nan], "k": [1, 2], "s": ["a", None]}, index=[10, 20])
    assert t.insert("t", frame) == 2
    assert t.insert("t", frame.set_index("k")) == 2
    assert t.insert("t", frame[frame.k > 5]) == 0
    assert rows(t) == [(1, 1.5, "a"), (2, None, None), (None, 1.5, "a"), (None, None, None)]
    with pytest.raises(laminardb.IngestionError, match='"k"'):
        t.insert("t", pd.DataFrame({"k": [1, "x"]}, dtype=object))
    for wrong in (frame.k, pd.DataFrame({1: [2]}), pd.DataFrame([[1, 2]], columns=["k", "k"])):
        with pytest.raises(TypeError):
            t.insert("t", wrong)
    t.execute("CREATE SOURCE w (at TIMESTAMP, n BIGINT)")
    when = pd.DataFrame({"at": pd.to_datetime([WHEN, None]), "n": pd.array([1, None], dtype="Int64")})
    assert t.insert("w", when) == 2
    assert t.query("SELECT * FROM w").fetchall() == [(WHEN, 1), (None, None)]


def test_polars_and_numpy(t: laminardb.Connection) -> None:
    assert t.insert("t", polars.DataFrame({"s": ["q"], "k": [1]})) == 1
    assert t.insert("t", polars.DataFrame({"k": []}, schema={"k": polars.Int64})) == 0
    made = np.array([(2, 0.5, "x"), (3, 1.5, "yy")], dtype=[("k", "i4"), ("v", "f4"), ("s", "U5")])
    assert t.insert("t", made) == 2
    assert t.insert("t", made.view(np.recarray)[:1]) == 1
    assert rows(t) == [(1, None, "q"), (2, 0.5, "x"), (3, 1.5, "yy"), (2, 0.5, "x")]
    with pytest.raises(TypeError, match="structured"):
        t.insert("t", np.array([1, 2]))
    t.execute("CREATE SOURCE w (at TIMESTAMP)")
    t.insert("w", np.array([(np.datetime64(WHEN),), (np.datetime64("NaT", "ns"),)], dtype=[("at", "M8[ns]")]))
    assert t.query("SELECT * FROM w").fetchall() == [(WHEN,), (None,)]
    assert t.insert("t", {"k": np.int64(9)}) == 1


def test_generators_of_batches(t: laminardb.Connection) -> None:
    """All batches of a generator or none, as one change."""
    changes = t.subscribe("SELECT k FROM t")
    assert t.insert("t", ({"k": [i, i], "s": ["a", None]} for i in range(3))) == 6
    batch = changes.try_next()
    assert batch is not None and batch.fetchall() == [(i,) for i in (0, 0, 1, 1, 2, 2)]
    assert t.insert("t", ([(i, 0.5, "x"), (i, None, None)] for i in range(2))) == 4
    assert t.insert("t", ([{"k": i}] for i in range(2)), wait=False) == 2
    assert t.insert("t", iter(())) == 0
    kept = t.query("SELECT count(*) FROM t").fetchone()
    with pytest.raises(laminardb.IngestionError, match='row 1, column "k"'):
        t.insert("t", iter([{"k": [1]}, {"k": ["one"]}]))
    with pytest.raises(TypeError, match="a row is a dict"):
        t.insert("t", iter([None, {"k": 1}]))
    assert t.query("SELECT count(*) FROM t").fetchone() == kept and not t.in_transaction
    t.begin()
    assert t.insert("t", ({"k": [i]} for i in range(5))) == 5
    t.rollback()
    assert t.query("SELECT count(*) FROM t").fetchone() == kept
    t.execute("CREATE TABLE lists (items INT[], k INT)")
    assert t.insert("lists", ({"items": [i, i], "k": i} for i in range(3))) == 3  # rows
    assert t.query("FROM lists WHERE k = 2").fetchall() == [([2, 2], 2)]


def test_generators_of_frames(t: laminardb.Connection) -> None:
    assert t.insert("t", (polars.DataFrame({"k": [i]}) for i in range(3))) == 3
    assert t.insert("t", (pa.table({"k": [i, None]}) for i in range(3))) == 6
    assert t.insert("t", (pd.DataFrame({"k": [i]}) for i in range(3))) == 3
    assert t.insert("t", ({"k": np.arange(2)} for _ in range(3))) == 6
    assert len(rows(t)) == 18


def test_writer(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE t (k BIGINT, ts BIGINT, WATERMARK FOR ts AS ts - 0); CREATE SOURCE plain (k BIGINT)"
    )
    db.execute(
        "CREATE STREAM w AS SELECT TUMBLE(ts, 100) AS w, count(*) AS n FROM t GROUP BY TUMBLE(ts, 100) "
        "EMIT ON WINDOW CLOSE"
    )
    db.start()
    with db.writer("t") as writer:
        assert isinstance(writer, laminardb.BatchWriter) and repr(writer) == "Writer('t', open)"
        assert writer.current_watermark == -(2**63) and writer.schema.names == ["k", "ts"]
        assert writer.insert([{"k": 1, "ts": 5}, {"k": 2, "ts": 50}]) == 2
        assert writer.current_watermark == 50
        writer.watermark(100)
        writer.watermark(60)
        assert writer.current_watermark == db.pipeline_watermark == 100
        assert db.query("SELECT * FROM w").fetchall() == [(0, 2)]
        writer.flush()
    assert repr(writer) == "Writer('t', closed)"
    writer.close()
    for call in (lambda: writer.insert({"k": 1}), lambda: writer.watermark(1), writer.flush):
        with pytest.raises(laminardb.IngestionError) as e:
            call()
        assert e.value.code == 301
    with pytest.raises(laminardb.SchemaError):
        db.writer("nope")
    plain = db.writer("plain")
    plain.insert({"k": 1})
    plain.watermark(70)
    assert plain.current_watermark == 70 and db.pipeline_watermark == 100
    plain.watermark(200)
    plain.insert({"k": 1})
    assert plain.current_watermark == 200 and db.pipeline_watermark == 100


def test_create_table(db: laminardb.Connection) -> None:
    db.create_table("a", {"k": "int64", "i": "i32", "f": "double", "s": "str", "b": "bool", "d": "date"})
    assert db.schema("a").types == [
        pa.int64(),
        pa.int32(),
        pa.float64(),
        pa.string(),
        pa.bool_(),
        pa.date32(),
    ]
    schema = pa.schema([pa.field('q"x', pa.int64(), nullable=False), pa.field("at", pa.timestamp("us"))])
    db.create_table("Odd name", schema)
    assert db.schema("Odd name") == schema and db.list_tables() == ["a", "Odd name"]
    assert db.insert("Odd name", {'q"x': 1}) == 1
    db.create_table("c", db.schema("a"))
    db.create_table("e", {"k": "BIGINT", "s": "VARCHAR", "t": "TIMESTAMP_MS"})
    for wrong in (
        "in64",
        "vector",
        "int; DROP SOURCE a",
        "int) --",
        "struct(int)",
        "map()",
        "int[x]",
        "dec(",
        "",
    ):
        with pytest.raises(laminardb.SchemaError, match=re.escape(f"Unknown type: {wrong}")):
            db.create_table("x", {"k": wrong})
    sql = {
        "a": "DOUBLE PRECISION",
        "b": "timestamp with time zone",
        "c": "int64[][2]",
        "d": 'STRUCT(x int8, "odd ""name" MAP(character varying(9), decimal(5, 1)))',
        "e": "JSON",
    }
    db.create_table("of_sql", sql)
    assert db.query("SELECT * FROM of_sql")._column_types == [
        "DOUBLE",
        "TIMESTAMPTZ",
        "BIGINT[][2]",
        'STRUCT(x TINYINT, "odd ""name" MAP(VARCHAR, DECIMAL(5,1)))',
        "JSON",
    ]
    with pytest.raises(laminardb.SchemaError) as e:
        db.create_table("a", {"k": "int64"})
    assert e.value.code == 201
    with pytest.raises(TypeError):
        db.create_table("x", 5)


def test_the_default_connection() -> None:
    assert laminardb.sql("SELECT 1 + 1").fetchone() == (2,)
    laminardb.execute("CREATE SOURCE module_t (k BIGINT); INSERT INTO module_t VALUES (3)")
    assert laminardb.sql("SELECT k FROM module_t").fetchall() == [(3,)]
    from laminardb.defaults import default_connection

    default_connection().close()
    made: list[laminardb.Connection] = []
    threads = [threading.Thread(target=lambda: made.append(default_connection())) for _ in range(8)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert len(set(map(id, made))) == 1 and made[0].list_tables() == []
    made[0].close()
    for uri in (":memory:", "laminardb://", "laminardb://trades", "trades"):
        with laminardb.connect(uri) as db:
            assert db.query("SELECT 1").fetchone() == (1,)
    for wrong, error in (("http://x", ValueError), (5, TypeError)):
        with pytest.raises(error):
            laminardb.connect(wrong)  # type: ignore[arg-type]
