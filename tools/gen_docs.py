# SPDX-License-Identifier: Apache-2.0
"""gen_docs.py - writes docs/sql/functions.md from src/expr/functions.def and src/agg/aggregates.def.

Signatures come from the definitions; what a function does and an example of it stand in function_texts.txt. A
function that is defined and not described there is an error. The test of this page computes every example.

    python tools/gen_docs.py           writes the page
    python tools/gen_docs.py --check   exits with 1 when the page is not what it would write
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ROOT / "src/expr/functions.def"
JSON_FUNCTIONS = ROOT / "src/expr/json_functions.def"
MACROS = ROOT / "src/expr/macros.def"
AGGREGATES = ROOT / "src/agg/aggregates.def"
TEXTS = ROOT / "tools/function_texts.txt"
PAGE = ROOT / "docs/sql/functions.md"


class Entry(NamedTuple):
    text: str
    example: str
    result: str


def read_sections() -> dict[str, dict[str, str]]:
    """Title of a section: name of a function: what it does | an example | what that gives."""
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in TEXTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = sections[line[3:]] = {}
        elif line and not line.startswith("; "):
            name, _, text = line.partition("  ")
            section[name] = text
    return sections


# Functions that take NULL for a value; everywhere else one NULL argument makes the result NULL.
NULLS = {
    "greatest": "NULLs are left out; NULL when all are",
    "least": "NULLs are left out; NULL when all are",
    "if": "a NULL condition is not true",
    "iif": "a NULL condition is not true",
    "nullif": "NULL when the first is",
    "coalesce": "NULL when all are",
    "ifnull": "NULL when both are",
    "concat": "NULLs are left out",
    "concat_ws": "NULLs are left out; NULL when the separator is",
    "json_array": "NULL is null",
    "json_set": "NULL is null as a value",
    "json_insert": "NULL is null as a value",
    "json_replace": "NULL is null as a value",
    "json_remove": "NULL when the JSON is",
    "json_object": "NULL is null as a value, an error as a name",
    "struct_update": "a NULL struct is one of NULLs",
    "struct_concat": "a NULL struct is one of NULLs",
    "struct_contains": "NULL is found; a NULL row has no answer",
    "struct_has": "NULL is found; a NULL row has no answer",
    "struct_position": "NULL is found; a NULL row has no answer",
    "struct_indexof": "NULL is found; a NULL row has no answer",
    "hash": "NULL has a hash",
    "typeof": "never NULL",
    "pg_typeof": "never NULL",
}

FORMS = [
    (
        "CASE WHEN c THEN x ... ELSE y END",
        "the first branch whose condition is true",
        "CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END",
        "b",
    ),
    (
        "CASE v WHEN w THEN x ... END",
        "the first branch whose value equals v",
        "CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END",
        "b",
    ),
    (
        "CAST(x AS type), x::type",
        "the value in another type, or an error",
        "CAST('12' AS INTEGER) + 1",
        "13",
    ),
    ("TRY_CAST(x AS type)", "NULL where CAST fails", "TRY_CAST('x' AS INTEGER)", "NULL"),
    (
        "x [NOT] IN (a, b, ...)",
        "equal to one of them; NULL when that is unknown",
        "3 NOT IN (1, NULL)",
        "NULL",
    ),
    ("x [NOT] BETWEEN a AND b", "x >= a AND x <= b", "5 BETWEEN 1 AND 10", "true"),
    ("x IS [NOT] NULL", "never NULL", "NULL IS NULL", "true"),
    ("x IS [NOT] TRUE, FALSE", "never NULL", "NULL IS NOT TRUE", "true"),
    (
        "x IS [NOT] DISTINCT FROM y",
        "comparison in which NULL equals NULL",
        "NULL IS NOT DISTINCT FROM NULL",
        "true",
    ),
    ("a AND b, a OR b, NOT a", "three-valued logic", "NULL AND FALSE", "false"),
]

# Of the rows of prices below.
AGGREGATE_TEXTS = {
    "count_star": ("count(*)", "BIGINT", "number of rows", "4"),
    "count": ("count(any)", "BIGINT", "number of values that are not NULL", "3"),
    "sum": (
        "sum(number)",
        "BIGINT, HUGEINT (of HUGEINT, UBIGINT), DECIMAL(38,s) or DOUBLE",
        "exact in any order, a total beyond the type is an error; DOUBLE is compensated",
        "6",
    ),
    "avg": ("avg(number), mean(number)", "DOUBLE", "arithmetic mean; of exact totals, rounded once", "2.0"),
    "min": ("min(any)", "as the argument", "smallest value", "1"),
    "max": ("max(any)", "as the argument", "largest value", "3"),
    "first": ("first(any), any_value(any)", "as the argument", "value that arrived first", "1"),
    "last": ("last(any), last_value(any)", "as the argument", "value that arrived last", "3"),
    "count_if": ("count_if(condition)", "BIGINT", "rows for which it is true | count_if(v > 1)", "2"),
    "approx_count_distinct": (
        "approx_count_distinct(any)",
        "BIGINT",
        "different values, about: exact to 1,536 and where rows are taken back, then within 2 %",
        "3",
    ),
    "arg_min": ("arg_min(any, any), min_by", "as the first", "x of the smallest y | arg_min(v, -v)", "3"),
    "arg_max": ("arg_max(any, any), max_by", "as the first", "x of the largest y | arg_max(v, -v)", "1"),
    "var_pop": ("var_pop(number)", "DOUBLE", "variance of all", "0.6666666666666666"),
    "var_samp": ("var_samp(number), variance", "DOUBLE", "variance of a sample; NULL below two rows", "1.0"),
    "stddev_pop": ("stddev_pop(number)", "DOUBLE", "standard deviation of all", "0.816496580927726"),
    "stddev_samp": ("stddev_samp(number), stddev", "DOUBLE", "standard deviation of a sample", "1.0"),
    "sem": ("sem(number)", "DOUBLE", "standard error of the mean", "0.47140452079103173"),
    "skewness": ("skewness(number)", "DOUBLE", "of a sample; NULL below three rows", "0.0"),
    "kurtosis": (
        "kurtosis(number)",
        "DOUBLE",
        "excess of a sample; NULL below four rows | kurtosis(v) IS NULL",
        "true",
    ),
    "kurtosis_pop": ("kurtosis_pop(number)", "DOUBLE", "excess of all", "-1.5"),
    "covar_pop": (
        "covar_pop(number, number)",
        "DOUBLE",
        "covariance of all | covar_pop(v, v)",
        "0.6666666666666666",
    ),
    "covar_samp": (
        "covar_samp(number, number)",
        "DOUBLE",
        "covariance of a sample | covar_samp(v, v)",
        "1.0",
    ),
    "corr": ("corr(number, number)", "DOUBLE", "correlation; NULL without spread | corr(v, -v)", "-1.0"),
    "regr_slope": ("regr_slope(y, x)", "DOUBLE", "of the least squares line | regr_slope(2 * v, v)", "2.0"),
    "regr_intercept": ("regr_intercept(y, x)", "DOUBLE", "of that line | regr_intercept(v + 5, v)", "5.0"),
    "regr_r2": ("regr_r2(y, x)", "DOUBLE", "share of the spread it explains | regr_r2(v, v)", "1.0"),
    "regr_count": ("regr_count(y, x)", "BIGINT", "rows without NULL | regr_count(v, v)", "3"),
    "regr_avgx": ("regr_avgx(y, x)", "DOUBLE", "mean of x | regr_avgx(1, v)", "2.0"),
    "regr_avgy": ("regr_avgy(y, x)", "DOUBLE", "mean of y | regr_avgy(v, v)", "2.0"),
    "regr_sxx": ("regr_sxx(y, x)", "DOUBLE", "squared deviations of x | regr_sxx(1, v)", "2.0"),
    "regr_syy": ("regr_syy(y, x)", "DOUBLE", "squared deviations of y | regr_syy(v, v)", "2.0"),
    "regr_sxy": ("regr_sxy(y, x)", "DOUBLE", "products of both deviations | regr_sxy(v, -v)", "-2.0"),
    "wavg": (
        "wavg(value, weight), vwap",
        "DOUBLE",
        "weighted mean; NULL without weight | wavg(v, v)",
        "2.3333333333333335",
    ),
    "median": ("median(number or time)", "DOUBLE or time", "middle, or between the two middle ones", "2.0"),
    "quantile_cont": (
        "quantile_cont(x, p), percentile_cont(p) WITHIN GROUP (ORDER BY x)",
        "DOUBLE or time",
        "place p from 0 to 1, interpolated | quantile_cont(v, 0.75)",
        "2.5",
    ),
    "quantile_disc": (
        "quantile_disc(x, p), percentile_disc(p) WITHIN GROUP (ORDER BY x)",
        "as x",
        "first value whose share reaches p | quantile_disc(v, 0.75)",
        "3",
    ),
    "approx_quantile": (
        "approx_quantile(x, p)",
        "DOUBLE",
        "within 0.05 %, bounded state | approx_quantile(v, 0.5)",
        "2.0",
    ),
    "mad": ("mad(number)", "DOUBLE", "median distance from the median", "1.0"),
    "mode": ("mode(any)", "as the argument", "most frequent, of several the smallest", "1"),
    "entropy": (
        "entropy(any)",
        "DOUBLE",
        "of the values' shares, in bits | entropy(v % 2)",
        "0.9182958340544896",
    ),
    "bool_and": ("bool_and(condition), every", "BOOLEAN", "true for all rows | bool_and(v > 1)", "false"),
    "bool_or": ("bool_or(condition)", "BOOLEAN", "true for any row | bool_or(v > 1)", "true"),
    "bit_and": ("bit_and(integer)", "as the argument", "bits that all have", "0"),
    "bit_or": ("bit_or(integer)", "as the argument", "bits that any has", "3"),
    "bit_xor": ("bit_xor(integer)", "as the argument", "bits that an odd number has", "0"),
    "product": ("product(number)", "DOUBLE", "of all; does not overflow on its way", "6.0"),
    "geometric_mean": (
        "geometric_mean(number), geomean",
        "DOUBLE",
        "NaN below 0 | geometric_mean(v * v)",
        "3.3019272488946267",
    ),
    "string_agg": (
        "string_agg(any [, separator] [ORDER BY ...]), group_concat, listagg",
        "VARCHAR",
        "texts with the separator (a comma) between; without ORDER BY as they arrived, or by value "
        "where rows are taken back | string_agg(v, '-' ORDER BY v DESC)",
        "3-2-1",
    ),
    "array_agg": (
        "array_agg(any [ORDER BY ...]), list",
        "T[]",
        "the values, NULL too; in the order of string_agg | array_agg(v ORDER BY v)",
        "[1, 2, 3, NULL]",
    ),
    "map_agg": (
        "map_agg(key, value [ORDER BY ...])",
        "MAP(K, V)",
        "keys in their order, the last value of each; a NULL key is left out | map_agg(v % 2, v ORDER BY v)",
        "{0=2, 1=3}",
    ),
    "histogram": (
        "histogram(any)",
        "MAP(T, BIGINT)",
        "how often each value is there | histogram(v % 2)",
        "{0=1, 1=2}",
    ),
    "json_group_array": (
        "json_group_array(any [ORDER BY ...]), json_agg, jsonb_agg, json_arrayagg",
        "JSON",
        "array_agg as JSON | json_group_array(v ORDER BY v)",
        "[1,2,3,null]",
    ),
    "json_group_object": (
        "json_group_object(key, value [ORDER BY ...]), json_object_agg, jsonb_object_agg, json_objectagg",
        "JSON",
        "map_agg as JSON | json_group_object('k' || v, v)",
        '{"k1":1,"k2":2,"k3":3}',
    ),
    "ema": (
        "ema(number, alpha [ORDER BY ...])",
        "DOUBLE",
        "exponential moving average after the last row | ema(v, 0.5 ORDER BY v)",
        "2.25",
    ),
}

TYPES = {
    "BOOL": "BOOLEAN",
    "I8": "TINYINT",
    "I16": "SMALLINT",
    "I32": "INTEGER",
    "I64": "BIGINT",
    "F64": "DOUBLE",
    "TEXT": "VARCHAR",
    "MOMENT": "time",
    "ANY": "any",
    "JSON": "JSON",
    "SAME": "any",
    "PRINTED": "any",
}
# By the last letter of a pattern (src/expr/nested_match.c), and by name.
NESTED_RESULTS = {
    "L": "T[]",
    "T": "T",
    "K": "K",
    "V": "V",
    "M": "MAP(K, V)",
    "k": "K[]",
    "v": "V[]",
    "e": "STRUCT(key K, value V)[]",
    "t": "VARCHAR[]",
    "n": "BIGINT[]",
    "r": "DOUBLE[]",
    "o": "TIMESTAMP[]",
    "q": "TIMESTAMPTZ[]",
    "j": "JSON[]",
    "N": "T",
    "i": "BIGINT",
    "s": "VARCHAR",
    "b": "BOOLEAN",
    "d": "DOUBLE",
}
TYPED_RESULTS = {
    "row": "STRUCT",
    "struct_pack": "STRUCT",
    "struct_insert": "STRUCT",
    "struct_update": "STRUCT",
    "struct_concat": "STRUCT",
    "struct_contains": "BOOLEAN",
    "struct_has": "BOOLEAN",
    "struct_position": "BIGINT",
    "struct_indexof": "BIGINT",
    "histogram_bins": "MAP(K, BIGINT)",
    "struct_keys": "VARCHAR[]",
    "struct_values": "STRUCT",
    "struct_extract": "as the field",
    "array_extract": "as the field",
    "map": "MAP(K, V)",
    "map_from_entries": "MAP(K, V)",
    "from_json": "of the structure",
    "json_transform": "of the structure",
    "from_json_strict": "of the structure",
    "json_transform_strict": "of the structure",
    "timezone_cast": "the type of the third",
    "try_timezone_cast": "the type of the third",
    "json_each": "STRUCT(key, value, type, ...)[]",
    "json_tree": "STRUCT(key, value, type, ...)[]",
    "list_zip": "STRUCT[]",
    "array_zip": "STRUCT[]",
}
NUMBERS = {"INTEGER", "BIGINT", "DOUBLE"}
OPERATOR = re.compile(r"[^a-z]+")


class Overload(NamedTuple):
    parameters: tuple[str, ...]
    result: str
    variadic: bool


def read_functions() -> dict[str, list[Overload]]:
    listed = "".join(p.read_text(encoding="utf-8") for p in (FUNCTIONS, JSON_FUNCTIONS))
    text = re.sub(r"/\*.*?\*/", "", listed, flags=re.DOTALL)
    pattern = r'(?:FUNCTION|REWRITE)\("([^"]+)",\s*ARGS\d(?:\(([^)]*)\))?,\s*(\w+),\s*([^,)]*)'
    found: dict[str, list[Overload]] = {}
    for name, parameters, result, flags in re.findall(pattern, text):
        types = tuple(TYPES.get(p.strip(), p.strip()) for p in parameters.split(",") if p.strip())
        found.setdefault(name, []).append(Overload(types, TYPES.get(result, result), "FN_VARIADIC" in flags))
    for name, shown in re.findall(r'LAMBDA\("([^"]+)", "([^"]+)"\)', text):
        result = {"transform": "U[]", "apply": "U[]", "filter": "T[]"}.get(name.split("_")[-1], "T")
        found.setdefault(name, []).append(Overload((shown,), result, False))
    macros = re.sub(r"/\*.*?\*/", "", MACROS.read_text(encoding="utf-8"), flags=re.DOTALL)
    for name, shown, result in re.findall(r'MACRO\("([^"]+)",\s*"([^"]*)",\s*"([^"]*)"', macros):
        found.setdefault(name, []).append(Overload((shown,), result, False))
    pattern = r'(NESTED(?:_PREPARED)?|TYPED)\("([^"]+)",\s*"?([^",]+)"?,\s*"([^"]*)"'
    for kind, name, form, shown in re.findall(pattern, text):
        types = tuple(shown.split(", ")) if OPERATOR.fullmatch(name) else (shown,)
        result = NESTED_RESULTS[form[-1]] if kind != "TYPED" else TYPED_RESULTS[name]
        found.setdefault(name, []).append(Overload(types, result, False))
    return found


def read_aggregates() -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", AGGREGATES.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"AGGREGATE\(agg_(\w+)_class,", text)


def united(overloads: list[Overload]) -> list[Overload]:
    """Overloads over each type of number become one over "number", those over all types one over "any"."""
    uniform = [o for o in overloads if len(set(o.parameters)) == 1]
    out: list[Overload] = []
    for arity in sorted({len(o.parameters) for o in uniform}):
        same = [o for o in uniform if len(o.parameters) == arity]
        kinds = {o.parameters[0] for o in same}
        if len(kinds) > 6 and len({o.result for o in same}) == 1:
            out.append(Overload(("any",) * arity, same[0].result, same[0].variadic))
        elif kinds >= NUMBERS:
            numbers = [o for o in same if o.parameters[0] in NUMBERS]
            result = "number" if len({o.result for o in numbers}) > 1 else numbers[0].result
            out.append(Overload(("number",) * arity, result, False))
            out += [o for o in same if o not in numbers]
        else:
            out += same
    return out + [o for o in overloads if o not in uniform]


def signature(name: str, o: Overload) -> str:
    p = o.parameters
    if name == "neg":
        return f"-{p[0]}"
    if OPERATOR.fullmatch(name) and len(p) == 1:
        return f"{name}{p[0]}"
    if OPERATOR.fullmatch(name):
        return f"{p[0]} {name} {p[1]}"
    if name in ("like", "ilike", "similar_to", "glob"):
        word = name.upper().replace("_", " ")
        return f"{p[0]} {word} {p[1]}" + (f" ESCAPE {p[2]}" if len(p) > 2 else "")
    return f"{name}({', '.join(p)}{', ...' if o.variadic else ''})"


def code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def entry(name: str, text: str) -> Entry:
    what, example, result = (part.strip() for part in text.rsplit(" | ", 2))
    if what.startswith("= "):
        what = f"another name of {what[2:]}"
    return Entry(what, example, result)


SECTION_HEADS = {
    "Dates and times": r"""Times of day, dates and timestamps without a zone are taken as they are written;
TIMESTAMPTZ is an instant, and is shown, read and cut in UTC or where `SET TimeZone = 'Europe/Berlin'` says.
`AT TIME ZONE` goes between the two by the system's zoneinfo files (exact in case: `'Europe/Berlin'`), `'UTC'`
or an offset (`'+02:00'`). A local time that there is twice, when clocks go back, is the later one; one that
there is not is counted on from before the gap. A month added to the 31st ends at the last day of a shorter
month. Names of days and months are English.
""",
    "Lists, structs and maps": """A list is written `[1, 2]`, a struct `{'a': 1}`, a map `MAP {'k': 1}`;
`x[1]` is the first item, `x[-1]` the last, `x[2:3]` a slice, `s.a` a field, `m['k']` the value of a key.
What is not there is NULL.

A lambda is `x -> expression`, `(x, position) -> expression` or `lambda x: expression`; its expression may use
columns, and whatever else may stand at its place, beside its own names. `[x + 1 FOR x IN list IF x > 0]` is
`list_transform(list_filter(list, x -> x > 0), x -> x + 1)`. `unnest(list)` gives the items as rows: in FROM
(`FROM t, unnest(t.list) WITH ORDINALITY AS u(item, n)`, of a MAP the columns key and value) and in a select
list; of several lists the shorter ones end in NULLs. `s.*` stands for the fields of a STRUCT, and `unnest(s)`
as an item of a select list too; `recursive := true` opens lists in lists and then the STRUCTs in them,
`max_depth := n` so many levels. `date_part` and `regexp_extract` with a list of names give a STRUCT:
`date_part(['year', 'month'], d)`.
""",
    "JSON": r"""A JSON value is a text, of type JSON or any VARCHAR, and read strictly (RFC 8259): what is no
JSON is an error that names the place, for which `json_valid` and TRY_CAST ask first. A column of type JSON
takes JSON alone, which is checked when it comes and kept as it is spelt; `insert_json` gives it any value.
`x::JSON` reads a text and writes all else, as `to_json` does; `j::STRUCT(a INTEGER, b VARCHAR[])`, LIST, MAP
and single values read JSON: what a STRUCT has no field for is left out, what is missing is NULL. Through
Arrow it goes as text with the extension name arrow.json. A path leads to one value: `$.name."a b"[0]`,
`$[#-1]` or `$[-1]` for the last element, `/name/0`, or a name alone; `*` and `..` are refused. Results have
no blanks, numbers keep their digits whatever their size, and of a name that stands twice the first counts.
Values may nest 512 levels deep.
""",
    "Time and chance": r"""Such a function is called once for each row and each place in the text where it
stands; a value that has an alias is one value. In a statement that is answered once the functions of time
give one instant. In a stream a value is computed when its row comes, and kept: a later query of the stream
shows it, and the row's retraction carries it. So `WHERE ts > now() - INTERVAL '1' HOUR` judges a row when it
comes, and the row does not leave an hour later. For rows that are there before the stream is made (or
started), the values are those of that moment. Over a grouped query, a group gets new values with each change
of its row. Two things are refused: a call in the ON of an outer join of a stream, and a windowed stream over
a stream with such values that is made after its rows came.
""",
    "Regular expressions": r"""Patterns have the syntax of RE2 and are matched in linear time:
`|`, `* + ? {n} {n,} {n,m}` and lazy ones with a `?` behind, `( )`, `(?: )`, `(?P<name> )`, `(?i)` `(?m)`
`(?s)` `(?U)`, `.`, `[a-z]`, `[^a]`, `[[:alpha:]]`, `\d \s \w` and their capitals (ASCII), `\p{Lu}`
(Unicode), `^ $ \A \z \b \B`, `\n \t \xHH`, `\x{H}`, `\Q...\E`. There is no look-around and no reference
to a group inside a pattern. The leftmost match counts, and of these the first a backtracking matcher
would find. The last argument may be options: `i` any case, `c` not, `s` `.` matches a newline, `m` or `n`
`^` and `$` match at the ends of lines, `l` the pattern is plain text, `g` all matches.
""",
}


def function_rows(functions: dict[str, list[Overload]], section: dict[str, str]) -> list[str]:
    rows = ["| call | result | what it gives | example |", "|---|---|---|---|"]
    for name, text in section.items():
        e = entry(name, text)
        overloads = united(functions[name])
        calls = "<br>".join(code(signature(name, o)) for o in overloads)
        results = "<br>".join(o.result for o in overloads)
        nulls = f"; {NULLS[name]}" if name in NULLS else ""
        rows.append(f"| {calls} | {results} | {e.text}{nulls} | {code(e.example)} gives {code(e.result)} |")
    return rows


HEAD = """<!-- Made by tools/gen_docs.py: change that, not this page. -->
# Functions

Where nothing else is said, a function of a NULL argument is NULL. "number" is INTEGER, BIGINT or DOUBLE
(TINYINT and SMALLINT widen to INTEGER), "time" is DATE or TIMESTAMP of any unit and "any" is any type;
several arguments of type "any" are brought to one type where nothing is lost. An integer overflow is an
error; a division by zero is NULL.
"""

AGGREGATE_HEAD = """## Aggregates

Rows with a NULL argument do not count. Of no rows counts are 0, `entropy` is 0.0 and everything else NULL.
Each takes `DISTINCT` before its arguments, `ORDER BY` behind them, `FILTER (WHERE condition)` behind the
call, and each is kept exactly when rows are taken back: NaN, infinities and the last copy of a minimum leave
nothing behind. `first`, `last`, `ema` and what lists values look at the `ORDER BY`; of rows at one place
the smallest values come first. In an OVER clause lists are in the order of the window.

The examples are of `v` over the rows 1, 2, 3 and NULL.

| call | result | what it gives | example |
|---|---|---|---|"""

WINDOW_HEAD = """## Windows

`GROUP BY TUMBLE(time, size [, offset])` makes one group of each window `[start, end)` of that size. `time`
is TIMESTAMP of any unit or BIGINT in epoch milliseconds, `size` and `offset` are intervals or milliseconds.
In such a query `window_start`, `window_end` and `window_time` (one millisecond before the end) have the
type of the time, and the call itself, as `tumble_start(...)`, gives `window_start`; `tumble_end(...)` gives
`window_end`, `tumble_rowtime(...)` and `tumble_proctime(...)` `window_time`.
"""


def check(functions: dict[str, list[Overload]], aggregates: list[str]) -> None:
    described = {name for section in read_sections().values() for name in section}
    problems = [f"{n} is in functions.def and not described" for n in sorted(set(functions) - described)]
    problems += [f"{n} is described and not in functions.def" for n in sorted(described - set(functions))]
    problems += [f"aggregate {n} is not described" for n in aggregates if n not in AGGREGATE_TEXTS]
    if problems:
        raise SystemExit("gen_docs: " + "\ngen_docs: ".join(problems))


def render() -> str:
    functions, aggregates = read_functions(), read_aggregates()
    check(functions, aggregates)
    lines = [HEAD]
    for title, section in read_sections().items():
        lines += [f"## {title}", "", *([SECTION_HEADS[title]] if title in SECTION_HEADS else [])]
        lines += [*function_rows(functions, section), ""]
    lines += ["## Forms with a grammar of their own", ""]
    lines += ["| form | what it gives | example |", "|---|---|---|"]
    for form, what, example, result in FORMS:
        lines.append(f"| {code(form)} | {what} | {code(example)} gives {code(result)} |")
    lines += ["", AGGREGATE_HEAD]
    for name in aggregates:
        call, type_name, what, result = AGGREGATE_TEXTS[name]
        what, _, example = what.partition(" | ")
        example = example or ("count(*)" if name == "count_star" else f"{name}(v)")
        lines.append(f"| {code(call)} | {type_name} | {what} | {code(example)} gives {code(result)} |")
    return "\n".join([*lines, "", WINDOW_HEAD])


def main() -> int:
    page = render()
    if "--check" in sys.argv:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        print("gen_docs: docs/sql/functions.md is not up to date: run python tools/gen_docs.py")
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
