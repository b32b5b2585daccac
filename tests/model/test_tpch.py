# SPDX-License-Identifier: Apache-2.0
"""The 22 queries of TPC-H: answers equal DuckDB's, once and as streams that were there before the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import laminardb
import pyarrow.parquet as pq
import pytest
from tpch import QUERIES, TABLES, difference, generate, load, load_duck, plain

ONCE_SCALE, STREAM_SCALE = 0.1, 0.01
SLICE = 5_000  # rows of an insert


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("tpch")
    generate(made, ONCE_SCALE)
    return made


@pytest.fixture(scope="module", params=["arrow", "csv"])
def loaded(request: pytest.FixtureRequest, folder: Path) -> tuple[Any, duckdb.DuckDBPyConnection]:
    return load(folder, request.param), load_duck(folder)


@pytest.mark.parametrize("number", QUERIES)
def test_once(number: int, loaded: tuple[Any, duckdb.DuckDBPyConnection]) -> None:
    ours, duck = loaded
    text = QUERIES[number]
    assert difference(ours.query(text).fetchall(), duck.execute(text).fetchall()) is None


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("tpch_streams")
    generate(folder, STREAM_SCALE)
    ours, duck = laminardb.open(), load_duck(folder)
    rows = {name: plain(pq.read_table(folder / f"{name}.parquet")) for name in TABLES}
    for name in TABLES:
        ours.create_table(name, rows[name].schema)
    for number, text in QUERIES.items():
        ours.execute(f"CREATE STREAM q{number} AS {text}")
    ours.start()
    # All tables grow at once, so that each side of each join meets rows of the other that came before it.
    for first in range(0, max(len(r) for r in rows.values()), SLICE):
        for name in TABLES:
            if first < len(rows[name]):
                ours.insert(name, rows[name].slice(first, SLICE))
    return ours, duck


@pytest.mark.parametrize("number", QUERIES)
def test_stream(number: int, streamed: tuple[Any, duckdb.DuckDBPyConnection]) -> None:
    ours, duck = streamed
    rows = ours.query(f"SELECT * FROM q{number}").fetchall()
    assert difference(rows, duck.execute(QUERIES[number]).fetchall()) is None


def test_order_of_joins(loaded: tuple[Any, duckdb.DuckDBPyConnection]) -> None:
    """Small intermediate results first, not the order of FROM: nations of a region before all customers."""
    ours, _ = loaded
    text = (
        "SELECT count(*) FROM customer, nation, region WHERE c_nationkey = n_nationkey"
        " AND n_regionkey = r_regionkey AND r_name = 'ASIA'"
    )
    lines = [row[0] for row in ours.query(f"EXPLAIN {text}").fetchall()]
    depth = {
        name: len(line) - len(line.lstrip()) for name in TABLES for line in lines if f"Scan {name} " in line
    }
    assert depth["customer"] < depth["region"]
    assert depth["customer"] < depth["nation"]
