# SPDX-License-Identifier: Apache-2.0
"""Every scalar function that DuckDB has under the same name, over values of every type: the same answer, or
a place in DIFFERENT; refused only where REFUSED says so. A call that DuckDB refuses is not looked at."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib.util
import itertools
import math
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import laminardb

ROOT = Path(__file__).resolve().parents[2]
PAIRS, TRIPLES = 60, 30
VALUES = [
    "'abc'", "'Hällo Wörld'", "''", "'a,b,c'", "3", "-2", "0", "1.5::DOUBLE", "-0.25::DOUBLE", "1.25", "-7.5",
    "DATE '2024-02-29'", "DATE '1969-12-31'", "TIMESTAMP '2024-02-29 13:45:10.123456'", "TIME '13:45:10.5'",
    "INTERVAL '1 month 3 days 04:05:06'", "true", "'\\xAAb'::BLOB", "[3,1,2]", "['b','a']", "[1,NULL]",
    "[]::INT[]", "NULL", "{'a':1,'b':'x'}", "MAP {'a':1,'b':2}", "'{\"a\":[1,2]}'",
    "UUID '00000000-0000-4000-8000-000000000001'",
]  # fmt: skip

# What a call gives depends on the moment, the session, or chance.
VOLATILE = set(
    """
        random uuid uuidv4 uuidv7 gen_random_uuid now today get_current_time get_current_timestamp hash
        transaction_timestamp current_localtime current_localtimestamp typeof pg_typeof version setseed
        error ago current_date current_schema current_database current_user current_catalog session_user
        alias sleep_ms age pi md5_number list_value list_pack row struct_pack unnest write_log
        generate_subscripts regexp_split_to_table current_schemas
    """.split()
)
DIFFERENT = {
    "NULL outside the domain, where DuckDB has NaN or an infinity": """
        acos acosh asin atanh cot fdiv fmod gamma lgamma ln log log10 log2 mod pow power sqrt divide
    """,
    "an order of its own: lists of different values are sorted": """
        array_distinct array_intersect list_distinct list_intersect
    """,
    "NULL is unknown, not an empty list or text": """
        array_contains array_has list_contains list_has array_resize list_resize array_slice list_slice
        array_to_string element_at json_merge_patch list_where array_where map_contains_entry
        regexp_extract regexp_split_to_array split str_split str_split_regex string_split string_split_regex
        string_to_array list_position array_position list_indexof array_indexof map_contains
        map_contains_value list_has_any list_has_all array_has_any array_has_all
    """,
    "as in PostgreSQL": "substr substring regexp_escape concat concat_ws",
    "64 bits of a BIGINT; DuckDB's literal is an INTEGER": "bit_count",
    "Python's datetime holds microseconds": "make_timestamp_ns",
    "a text": "from_base64",
}
REFUSED = {
    "JSON functions take JSON, not values of other types": """
        array_to_json json json_array_length json_contains json_exists json_extract json_extract_path
        json_extract_path_text json_extract_string json_keys json_merge_patch json_quote json_type
        json_valid json_value row_to_json to_json from_json from_json_strict json_transform
        json_transform_strict json_pretty json_structure json_set json_insert json_replace json_remove
    """,
    "NULL has no fields": "struct_extract_at",
    "a TIME has no zone": "timezone_hour timezone_minute",
    "a BOOLEAN, a number and a text are not one type": """
        add subtract divide multiply fdiv fmod mod gcd lcm greatest_common_divisor least_common_multiple
        greatest least nullif if array_value list_resize array_resize array_append array_prepend
        array_push_back array_push_front list_append list_prepend list_concat list_cat array_cat array_concat
        list_contains array_contains list_has array_has list_has_all list_has_any array_has_all
        array_has_any list_position array_position list_indexof array_indexof list_select array_select
        list_zip array_zip map map_contains map_contains_entry map_contains_value map_from_entries range
        generate_series nextafter atan2 pow power round round_even roundbankers trunc log hex to_hex bin
        to_binary xor chr
    """,
    "no implicit cast of the argument": """
        array_extract list_extract list_element element_at array_length array_pop_front array_slice
        list_slice cardinality char_length character_length contains decode jaro_similarity
        jaro_winkler_similarity left right repeat lpad rpad split_part str_split_regex string_split_regex
        substr substring regexp_extract parse_dirname parse_dirpath parse_filename struct_extract
        to_base list_median list_where array_where from_hex unhex time_bucket timezone make_date
        make_time epoch_ms epoch_ns epoch_us
    """,
    "directions and NULLS of a sort are texts that must be known": """
        array_grade_up list_grade_up grade_up array_reverse_sort list_reverse_sort list_sort array_sort
    """,
    "characters are counted from 1": """
        overlay
    """,
    "fields of an INTERVAL": """
        century date_add date_trunc datepart datesub datetrunc date_part date_sub day dayofmonth decade
        hour microsecond millennium millisecond minute month nanosecond quarter second year
    """,
}  # fmt: skip


def names(of: dict[str, str]) -> set[str]:
    return {name for listed in of.values() for name in listed.split()}


def our_functions() -> set[str]:
    spec = importlib.util.spec_from_file_location("gen_docs", ROOT / "tools/gen_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.read_functions())


def plain(x: Any) -> Any:
    if type(x).__name__ == "Interval":
        return dt.timedelta(days=x.days + 30 * x.months, microseconds=x.microseconds)
    if isinstance(x, dt.datetime):
        return x.replace(tzinfo=None)
    if isinstance(x, float | decimal.Decimal):
        return "nan" if x != x else float(f"{x:.10g}")
    if isinstance(x, list | tuple):
        return [plain(y) for y in x]
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    return x if isinstance(x, bool | int | str | bytes | dt.date | dt.time | dt.timedelta | None) else str(x)


def same(ours: Any, duck: Any) -> bool:
    a, b = plain(ours), plain(duck)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return bool(a == b)


def test_functions_of_both() -> None:
    rng = random.Random(1)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    db = laminardb.open()
    theirs = con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'macro')"
    ).fetchall()
    common = sorted(n for n in our_functions() & {n for (n,) in theirs} if n[0].isalpha())
    pairs, triples = (list(itertools.product(VALUES, repeat=n)) for n in (2, 3))
    compared = 0
    different: dict[str, list[str]] = defaultdict(list)
    refused: dict[str, list[str]] = defaultdict(list)
    for name in common:
        if name in VOLATILE:
            continue
        calls = [(), *((v,) for v in VALUES), *rng.sample(pairs, PAIRS), *rng.sample(triples, TRIPLES)]
        for values in calls:
            sql = f"SELECT {name}({', '.join(values)})"
            try:
                duck = con.execute(sql).fetchall()[0][0]
            except (duckdb.Error, UnicodeDecodeError):  # it gives bytes as a text here and there
                continue
            compared += 1
            try:
                ours = db.query(sql).fetchall()[0][0]
            except laminardb.LaminarError as e:
                refused[name].append(f"{sql}: {str(e).splitlines()[0]} where DuckDB says {duck!r}")
                continue
            if not same(ours, duck):
                different[name].append(f"{sql}: {ours!r} where DuckDB says {duck!r}")
    print(f"\nfunctions of both: {len(common)}, calls compared: {compared}")
    assert len(common) >= 330 and compared >= 2000
    assert {n: c[:3] for n, c in different.items() if n not in names(DIFFERENT)} == {}
    assert {n: c[:3] for n, c in refused.items() if n not in names(REFUSED)} == {}


def test_lists_name_functions() -> None:
    assert names(DIFFERENT) | names(REFUSED) <= our_functions()
