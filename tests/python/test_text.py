# SPDX-License-Identifier: Apache-2.0
"""Tokens and completion through the extension: places are characters, not bytes."""

from __future__ import annotations

import laminardb
import pytest
from laminardb._laminardb import sql_tokens


def test_tokens_are_places_of_characters() -> None:
    sql = "SELECT 'ä漢😀' AS \"ö\" -- ü"
    assert [(kind, sql[start:end]) for kind, start, end in sql_tokens(sql)] == [
        ("keyword", "SELECT"),
        ("string", "'ä漢😀'"),
        ("keyword", "AS"),
        ("quoted name", '"ö"'),
        ("comment", "-- ü"),
    ]


@pytest.mark.parametrize("sql", ["", "'", "\ud800", "a\ud800'b\udfff", "\x00\x1b[31m", "$x$", "/*", '"'])
def test_tokens_of_anything_stay_within(sql: str) -> None:
    before = 0
    for kind, start, end in sql_tokens(sql):
        assert kind and before <= start < end <= len(sql)
        before = end


def test_tokens_want_text() -> None:
    with pytest.raises(TypeError):
        sql_tokens(b"SELECT")  # type: ignore[arg-type]


def test_complete() -> None:
    with laminardb.open() as db:
        db.execute('CREATE SOURCE "größe" (länge BIGINT, "a b" VARCHAR)')
        assert db.complete("SELECT '漢' AS x FROM gr") == [("größe", "source", 21)]
        assert db.complete("SELECT '漢', t. FROM größe t", 14) == [
            ('"a b"', "column", 14),
            ("länge", "column", 14),
        ]
        assert db.complete("SELECT '漢", 9) == []
        assert db.complete("\ud800 SEL") == []
        for position in (-1, 8):
            with pytest.raises(ValueError, match="position"):
                db.complete("SELECT ", position)
    with pytest.raises(laminardb.ConnectionError) as closed:
        db.complete("SELECT ")
    assert closed.value.code == 101
