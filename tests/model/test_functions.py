# SPDX-License-Identifier: Apache-2.0
"""Scalar functions against DuckDB over rows made to bite, and regular expressions against Python's.

A case is an expression over the columns s, t (VARCHAR), n (small BIGINT), i, j (BIGINT), x, y (DOUBLE),
d, e (DATE) and a, b (TIMESTAMP), or a pair: ours and DuckDB's where the spelling differs. Both sides compute
it over all rows. Where one side fails, rows are computed one by one and must fail on both.

What is different on purpose is not here but in DIFFERENCES, each with its reason and both answers.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import laminardb
import pyarrow as pa
import pytest
from laminardb.interval import Interval

SEED = int(os.environ.get("LAMINAR_SEED", "20240229"))
ROWS = 300

TEXTS = [
    "",
    "a",
    "abc",
    "ABC",
    "aBc aBc",
    "hello world",
    "  blanks  ",
    "é",
    "Éclair à la crème",
    "日本語テキスト",
    "😀 smile",
    "a,b,,c",
    "https://example.com/path/to?x=1&channel_id=42#top",
    "a long text of more than twelve bytes",
    "0042",
    "-17",
    "3.25",
    "100% sure_thing",
    "tab\there\nline",
    "ßtraße",
    'O\'Brien "q" \\ back',
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "kitten",
    "sitting",
]
WHOLE = [0, 1, -1, 2, 3, 7, 10, -10, 42, 255, 256, 65535, 10**6, -(10**9), 2**31 - 1, -(2**31), 2**53, 2**62]
EXTREME = [2**63 - 1, -(2**63), *WHOLE]
REALS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-9, 1e10, -1e10, 123.456, 1e300, -1e300, 3.0]
REALS += [math.nan, math.inf, -math.inf, math.pi]
DATES = [dt.date(*d) for d in ((1970, 1, 1), (1969, 12, 31), (2000, 2, 29), (1900, 3, 1), (2024, 2, 29))]
DATES += [dt.date(*d) for d in ((2023, 12, 31), (2021, 1, 3), (2020, 12, 28), (1600, 1, 1), (2199, 7, 4))]
DATES.append(dt.date(1, 1, 1))

REGEX_PATTERNS = ["a", "^a", "[a-z]+", "(\\w+) (\\w+)", "\\d+", "x*", ".", "a|b|", "(?i)ABC", "\\s", "[^a-z]"]
REGEX_PATTERNS += ["[é-ü]", "^$", "e$", "\\bh\\w*", "(a+?)(a*)", "(.)(.)", "[[:alpha:]]+", "a{2,3}"]
REGEX_PATTERNS += ["=(\\d+)", "(a)(b)?", "\\p{Lu}"]

TEXT_CASES: list[str | tuple[str, str]] = [
    "upper(replace(s, 'ß', 's'))",
    "lower(s)",
    "length(s)",
    "strlen(s)",
    "reverse(s)",
    "left(s, n)",
    "right(s, n)",
    "substring(s, 2, 3)",
    "substring(s, greatest(n, 1))",
    "trim(s)",
    "ltrim(s, 'a ')",
    "rtrim(s, t)",
    "replace(s, 'a', t)",
    "replace(s, t, 'x')",
    "s || t",
    "concat(s, t, n)",
    "concat_ws(t, s, 'x', NULL, n)",
    "starts_with(s, t)",
    "ends_with(s, t)",
    "suffix(s, left(t, 1))",
    "contains(s, t)",
    "strpos(s, left(t, 1))",
    "instr(s, right(t, 1))",
    ("lpad(s, abs(n) % 40, 'xé')", "lpad(s, (abs(n) % 40)::INT, 'xé')"),
    ("rpad(s, abs(n) % 40, 'xé')", "rpad(s, (abs(n) % 40)::INT, 'xé')"),
    "repeat(s, n % 5)",
    "split_part(s, ',', 2)",
    "split_part(s, ' ', -1)",
    "split_part(s, left(t || 'a', 1), 1)",
    "ascii(s)",
    ("chr(abs(n) % 1000 + 1)", "chr((abs(n) % 1000 + 1)::INT)"),
    "strip_accents(s)",
    "translate(s, 'aeé', 'xy')",
    "md5(s)",
    "sha1(s)",
    "sha256(s)",
    "hex(s)",
    "bin(left(s, 2))",
    "url_encode(s)",
    "url_decode(url_encode(s))",
    "unicode(s)",
    "bit_length(s)",
    "overlay(s PLACING 'xy' FROM 2 FOR 3)",
    "levenshtein(strip_accents(s), t)",
    "damerau_levenshtein(left(s, 5), left(t, 5))",
    "jaro_similarity(s, t)",
    "jaro_winkler_similarity(s, t)",
    "hamming(left(s, 1), left(t, 1))",
    ("from_base64(to_base64(s))", "decode(from_base64(to_base64(encode(s))))"),
    ("to_base64(s)", "to_base64(encode(s))"),
    "format('{}|{:>9}|{:<3}|', s, n, i)",
    "format('{:,} {:x} {:08d}', i, abs(n), n)",
    "CASE WHEN abs(y) < 1e15 THEN format('{:.3f} {:e} {:12.2f}', y, y, y) END",
    "printf('%d|%5d|%-5d|%05d|%x', n, n, n, n, abs(n))",
    "CASE WHEN abs(x) < 1e15 THEN printf('%.2f %e %10.3f', x, x, x) END",
    "printf('%s|%8s|%-8s', s, t, s)",
    "s ^@ t",
    "s LIKE t",
    "s LIKE '%a%'",
    "s ILIKE '%A%'",
    "s GLOB '*a*'",
    "s GLOB '[a-k]*'",
    *(
        template.replace("{p}", "'" + pattern + "'")
        for pattern in REGEX_PATTERNS
        for template in (
            "regexp_matches(s, {p})",
            "regexp_full_match(s, {p})",
            "regexp_extract(s, {p})",
            "regexp_extract(s, {p}, 1)",
            "regexp_replace(s, {p}, '<\\0>')",
            "regexp_replace(s, {p}, '-', 'g')",
            "regexp_matches(s, {p}, 'i')",
            "regexp_matches(s, {p}, 's')",
        )
    ),
    "regexp_escape(regexp_replace(s, '[^a-z. ]', '', 'g')) IS NOT NULL",
]

NUMBER_CASES: list[str | tuple[str, str]] = [
    *(f"{f}(x)" for f in ("atan", "sinh", "cosh", "tanh", "asinh", "cbrt", "degrees", "radians", "even")),
    *(f"{f}(x)" for f in ("isnan", "isinf", "isfinite", "signbit", "abs", "floor", "ceil", "round", "trunc")),
    *(f"CASE WHEN isfinite(x) THEN {f}(x) END" for f in ("sin", "cos", "tan")),
    *(f"CASE WHEN abs(x) < 1 THEN {f}(x) END" for f in ("asin", "acos", "atanh")),
    "CASE WHEN x >= 1 THEN acosh(x) END",
    "CASE WHEN x > 0 THEN gamma(x) END",
    "CASE WHEN x > 0 THEN lgamma(x) END",
    "atan2(x, y)",
    "nextafter(x, y)",
    ("fdiv(x, y)", "CASE WHEN y <> 0 THEN fdiv(x, y) END"),
    ("fmod(n, j)", "CASE WHEN j <> 0 THEN fmod(n, j) END"),
    "i & j",
    "i | j",
    "xor(i, j)",
    "~i",
    "bit_count(i)",
    ("abs(n) << (abs(n) % 20)", "abs(n) << (abs(n) % 20)"),
    "n >> (abs(n) % 20)",
    "gcd(i, j)",
    "lcm(n, n + 1)",
    "CASE WHEN n BETWEEN 0 AND 20 THEN factorial(n::INT) END",
    "hex(i)",
    "bin(i)",
    "sign(i)",
    "round(x, 2)",
    "2 ^ n",
    "power(x, 2)",
    "greatest(i, j, n)",
    "least(x, y)",
]

# query, our answer, DuckDB's, why
DIFFERENCES: list[tuple[str, object, object, str]] = [
    ("SELECT 'abc' SIMILAR TO 'a%'", True, False, "the standard's patterns, as in PostgreSQL, not RE2"),
    ("SELECT upper('ß')", "ß", "ẞ", "it has no simple upper case; PostgreSQL keeps it too"),
    ("SELECT split_part('abc', '', 1)", "abc", "a", "as in PostgreSQL: no separator, one part"),
    ("SELECT regexp_extract('abc', 'b', NULL)", None, "", "every argument counts as an input"),
    ("SELECT regexp_matches(E'a\\nb', '^b', 'n')", True, False, "as in PostgreSQL ^ and $ match at lines"),
]


def pick(rng: random.Random, pool: list[Any], nulls: float = 0.08) -> object:
    return None if rng.random() < nulls else rng.choice(pool)


def make_table(seed: int, extreme: bool = False) -> pa.Table:
    rng = random.Random(seed)
    whole = EXTREME if extreme else WHOLE

    def moments() -> list[Any]:
        pool = []
        for _ in range(60):
            us = rng.choice((0, 1, 999999, 500000))
            time = dt.time(rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59), us)
            pool.append(dt.datetime.combine(rng.choice(DATES), rng.choice((dt.time(), time))))
        return [pick(rng, pool) for _ in range(ROWS)]

    def column(pool: list[Any]) -> list[Any]:
        return [pick(rng, pool) for _ in range(ROWS)]

    return pa.table(
        {
            "id": pa.array(range(ROWS), pa.int64()),
            "s": pa.array(column(TEXTS), pa.string()),
            "t": pa.array(column(TEXTS), pa.string()),
            "n": pa.array(column(list(range(-6, 20))), pa.int64()),
            "i": pa.array(column(whole), pa.int64()),
            "j": pa.array(column(whole), pa.int64()),
            "x": pa.array(column(REALS), pa.float64()),
            "y": pa.array(column(REALS), pa.float64()),
            "d": pa.array(column(DATES), pa.date32()),
            "e": pa.array(column(DATES), pa.date32()),
            "a": pa.array(moments(), pa.timestamp("us")),
            "b": pa.array(moments(), pa.timestamp("us")),
        }
    )


SCHEMA = "id BIGINT, s VARCHAR, t VARCHAR, n BIGINT, i BIGINT, j BIGINT, x DOUBLE, y DOUBLE, d DATE, e DATE"
SCHEMA += ", a TIMESTAMP, b TIMESTAMP"


class Sides:
    """The same rows in both engines."""

    def __init__(self, seed: int, extreme: bool = False) -> None:
        table = make_table(seed, extreme)
        self.ours = laminardb.open()
        self.ours.execute(f"CREATE SOURCE t ({SCHEMA})")
        self.ours.insert("t", table)
        self.duck = duckdb.connect()
        self.duck.execute("SET TimeZone = 'UTC'")
        self.duck.execute(f"CREATE TABLE t ({SCHEMA})")
        self.duck.register("arrow_rows", table)
        self.duck.execute("INSERT INTO t SELECT * FROM arrow_rows")

    def run_ours(self, expression: str, where: str = "") -> dict[int, object]:
        rows = self.ours.query(f"SELECT id, {expression} FROM t{where}").fetchall()
        return {row[0]: row[1] for row in rows}

    def run_duck(self, expression: str, where: str = "") -> dict[int, object]:
        rows = self.duck.execute(f"SELECT id, {expression} FROM t{where}").fetchall()
        return {row[0]: row[1] for row in rows}

    def close(self) -> None:
        self.ours.close()
        self.duck.close()


def same(ours: object, duck: object) -> bool:
    if ours is None or duck is None:
        return ours is duck
    if isinstance(ours, bool) or isinstance(duck, bool):
        return ours == duck
    if isinstance(ours, int | float) and isinstance(duck, int | float):
        if math.isnan(ours) or math.isnan(duck):
            return math.isnan(ours) and math.isnan(duck)
        return ours == duck or math.isclose(ours, duck, rel_tol=1e-12, abs_tol=1e-300)
    if isinstance(ours, Interval):
        got = (ours.months * 30 + ours.days) * 86_400_000_000 + ours.microseconds
        return isinstance(duck, dt.timedelta) and got == duck // dt.timedelta(microseconds=1)
    return ours == duck


def row_answer(run: Any, expression: str, row: int) -> tuple[str, object]:
    try:
        return "value", run(expression, f" WHERE id = {row}")[row]
    except (laminardb.LaminarError, duckdb.Error) as e:
        return "error", str(e)


def compare(sides: Sides, ours: str, duck: str) -> None:
    try:
        got, want = sides.run_ours(ours), sides.run_duck(duck)
    except (laminardb.LaminarError, duckdb.Error):
        for row in range(0, ROWS, 5):
            x, y = row_answer(sides.run_ours, ours, row), row_answer(sides.run_duck, duck, row)
            agree = x[0] == y[0] and (x[0] == "error" or same(x[1], y[1]))
            inputs = sides.ours.query(f"SELECT * FROM t WHERE id = {row}").fetchall()
            assert agree, f"{ours} over {inputs} is {x}, not {y}"
        return
    for row, value in got.items():
        if not same(value, want[row]):
            inputs = sides.ours.query(f"SELECT * FROM t WHERE id = {row}").fetchall()
            raise AssertionError(f"{ours} over {inputs} is {value!r}, not {want[row]!r}")


@pytest.fixture(scope="module")
def sides() -> Iterator[Any]:
    both = Sides(SEED)
    yield both
    both.close()


def names(case: str | tuple[str, str]) -> str:
    return case if isinstance(case, str) else case[0]


@pytest.mark.parametrize("case", TEXT_CASES + NUMBER_CASES, ids=names)
def test_function(sides: Sides, case: str | tuple[str, str]) -> None:
    compare(sides, *((case, case) if isinstance(case, str) else case))


@pytest.mark.parametrize(("sql", "ours", "duck", "why"), DIFFERENCES, ids=lambda v: str(v)[:40])
def test_differences(sides: Sides, sql: str, ours: object, duck: object, why: str) -> None:
    """A difference that is gone must leave the list."""
    assert why
    assert same(sides.ours.query(sql).fetchall()[0][0], ours)
    assert same(sides.duck.execute(sql).fetchall()[0][0], duck)


# regular expressions: Python's re over the common subset

ATOMS = ["a", "b", "c", "é", ".", "[ab]", "[^a]", "[a-cé]", "\\d", "\\w", "\\s", "\\W", "1", "\\b", "^"]
ATOMS.append("\\.")
COUNTS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{2,}", "{0,2}?"]


def random_pattern(rng: random.Random, depth: int) -> str:
    choice = rng.random()
    if depth == 0 or choice < 0.25:
        atom = rng.choice(ATOMS)
        return atom + (rng.choice(COUNTS) if rng.random() < 0.3 and atom not in ("\\b", "^") else "")
    if choice < 0.55:
        return random_pattern(rng, depth - 1) + random_pattern(rng, depth - 1)
    if choice < 0.7:
        return random_pattern(rng, depth - 1) + "|" + random_pattern(rng, depth - 1)
    inner = random_pattern(rng, depth - 1)
    return rng.choice(("(", "(?:")) + inner + ")" + (rng.choice(COUNTS) if rng.random() < 0.4 else "")


def loops_over_nothing(pattern: str) -> bool:
    """Engines disagree about the groups of a repetition whose body matched the empty text."""
    for start in range(len(pattern)):
        if pattern[start] != "(" or (start and pattern[start - 1] == "\\"):
            continue
        depth = 0
        for end in range(start, len(pattern)):
            depth += (pattern[end] == "(") - (pattern[end] == ")")
            if depth == 0:
                body, rest = pattern[start : end + 1], pattern[end + 1 : end + 2]
                if rest in ("*", "+", "?", "{") and re.compile(body, re.ASCII).match(""):
                    return True
                if rest in ("*", "+", "?", "{") and re.search(r"\\b|\^", body):
                    return True
                break
    return False


def test_regex_is_that_of_python() -> None:
    rng = random.Random(SEED)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < 6000:
        pattern = random_pattern(rng, 4)
        if loops_over_nothing(pattern):
            continue
        pairs.append((pattern, "".join(rng.choice("aabbcé1 .") for _ in range(rng.randint(0, 9)))))
    with laminardb.open() as db:
        db.execute("CREATE SOURCE r (id BIGINT, p VARCHAR, s VARCHAR)")
        db.insert("r", [{"id": k, "p": p, "s": s} for k, (p, s) in enumerate(pairs)])
        rows = db.query(
            "SELECT id, regexp_matches(s, p), regexp_full_match(s, p), regexp_extract(s, p), "
            "regexp_extract(s, p, 1), regexp_replace(s, p, '#'), regexp_matches(s, p, 'i') FROM r"
        ).fetchall()
    assert len(rows) == len(pairs)
    matched = 0
    for key, *got in rows:
        pattern, s = pairs[key]
        compiled = re.compile(pattern, re.ASCII)
        found = compiled.search(s)
        group = found[1] if found and compiled.groups else None
        want = [
            found is not None,
            compiled.fullmatch(s) is not None,
            found[0] if found else "",
            group or "",
            compiled.sub("#", s, count=1),
            re.compile(pattern, re.ASCII | re.IGNORECASE).search(s) is not None,
        ]
        assert got == want, f"{pattern!r} in {s!r}: {got}, not {want}"
        matched += found is not None
    assert matched > 2000
