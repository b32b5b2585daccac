# SPDX-License-Identifier: Apache-2.0
"""gen_docs.py - writes docs/sql/functions.md from src/expr/functions.def and src/agg/aggregates.def.

Signatures come from the definitions; what a function does and an example of it stand here. A function that is
defined and not described here is an error. The test of this page computes every example.

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
AGGREGATES = ROOT / "src/agg/aggregates.def"
PAGE = ROOT / "docs/sql/functions.md"


class Entry(NamedTuple):
    text: str
    example: str
    result: str


# name: what it does | an example | what that gives. "= f": another name of f.
SECTIONS: dict[str, dict[str, str]] = {
    "Arithmetic": {
        "+": "sum; a DATE moves by days, a time by an INTERVAL | DATE '2024-02-28' + 2 | 2024-03-01",
        "-": "difference; of dates the days, of times an INTERVAL "
        "| DATE '2024-03-01' - DATE '2024-02-01' | 29",
        "*": "product; a multiple of an INTERVAL | INTERVAL '20' MINUTE * 3 | 01:00:00",
        "/": "quotient; of integers cut towards zero; by zero NULL | -7 / 2 | -3",
        "//": "whole part of the quotient, cut towards zero; by zero NULL | 7.5 // 2 | 3.0",
        "%": "remainder with the sign of the dividend; by zero NULL | -7 % 3 | -1",
        "mod": "remainder, as % | mod(7, -3) | 1",
        "neg": "the sign turned, written -x | -(2 + 3) | -5",
    },
    "Comparison": {
        "=": "equal; also written ==. NaN equals NaN | 0.0 = -0.0 | true",
        "<>": "not equal; also written != | 1 <> NULL | NULL",
        "<": "less; NaN is above all numbers, text goes by bytes | 'Z' < 'a' | true",
        "<=": "less or equal | 2 <= 2 | true",
        ">": "greater | INTERVAL '1' MONTH > INTERVAL '29' DAY | true",
        ">=": "greater or equal | DATE '2024-01-01' >= '2024-01-02' | false",
        "greatest": "the largest argument | greatest(3, 7, NULL) | 7",
        "least": "the smallest argument | least(3, 7, NULL) | 3",
    },
    "Choice": {
        "if": "the second argument where the first is true, else the third (NULL without one) "
        "| if(1 > 2, 'a', 'b') | b",
        "iif": "= if | iif(TRUE, 1, 2) | 1",
        "nullif": "the first argument, NULL where it equals the second | nullif(5, 5) | NULL",
        "coalesce": "the first argument that is not NULL; later ones are not computed "
        "| coalesce(NULL, 2, 3) | 2",
        "ifnull": "coalesce of two | ifnull(NULL, 'none') | none",
    },
    "Patterns": {
        "like": "% stands for any text, _ for one character; a third argument escapes; written x "
        "LIKE y ESCAPE z "
        "| '10%' LIKE '10!%' ESCAPE '!' | true",
        "ilike": "like without regard to case | 'Hello' ILIKE 'h%' | true",
        "similar_to": "the whole text is like the pattern of the SQL standard: % _ | * + ? {n} ( ) [ ]; "
        "a third argument escapes, without it a backslash does; written x SIMILAR TO y ESCAPE z "
        "| 'abc' SIMILAR TO '(a|b)%' | true",
        "glob": "the whole text is like a file name pattern: * ? [a-z] [!a]; written x GLOB y "
        "| 'report.csv' GLOB '*.csv' | true",
    },
    "Regular expressions": {
        "~": "the text holds a match; before a BIGINT all bits turned | 'abc' ~ '^a.c$' | true",
        "~*": "the same without regard to case | 'ABC' ~* 'b' | true",
        "!~": "the text holds no match | 'abc' !~ 'x' | true",
        "!~*": "the same without regard to case | 'ABC' !~* 'b' | false",
        "regexp_matches": "true when the text holds a match | regexp_matches('a-1', '\\d') | true",
        "regexp_like": "= regexp_matches | regexp_like('ABC', 'b', 'i') | true",
        "regexp_full_match": "true when the whole text is a match | regexp_full_match('abc', 'b') | false",
        "regexp_extract": "the first match, or that group of it; '' when there is none "
        "| regexp_extract('a=1&b=2', 'b=(\\d+)', 1) | 2",
        "regexp_replace": "the first match replaced, or with option g all; \\1 to \\9 stand for groups "
        "| regexp_replace('a1b22', '\\d+', '<\\0>', 'g') | a<1>b<22>",
        "regexp_count": "number of matches | regexp_count('banana', 'an') | 2",
        "regexp_escape": "a pattern that matches this text alone | regexp_escape('a.b') | a\\.b",
    },
    "Numbers": {
        "abs": "value without its sign | abs(-1.5) | 1.5",
        "ceil": "next whole number upwards | ceil(-1.2) | -1.0",
        "ceiling": "= ceil | ceiling(1.2) | 2.0",
        "floor": "next whole number downwards | floor(-1.2) | -2.0",
        "round": "nearest number with so many digits behind the point (0; negative: before it), "
        "halves away from zero "
        "| round(1250, -2) | 1300",
        "trunc": "whole part, or with so many digits behind the point | trunc(-1.987, 1) | -1.9",
        "sign": "-1, 0 or 1 | sign(-3) | -1",
        "sqrt": "square root; NULL below 0 | sqrt(16) | 4.0",
        "ln": "natural logarithm; NULL from 0 downwards | ln(1) | 0.0",
        "log": "logarithm to base 10, with two arguments to the base given first | log(2, 8) | 3.0",
        "log10": "logarithm to base 10 | log10(1000) | 3.0",
        "log2": "logarithm to base 2 | log2(8) | 3.0",
        "exp": "e to that power | exp(0) | 1.0",
        "power": "x to the power of y; NULL where there is none | power(2, 10) | 1024.0",
        "pow": "= power | pow(9, 0.5) | 3.0",
        "^": "power; also written ** | 2 ^ 10 | 1024.0",
        "pi": "the ratio of circumference and diameter | pi() | 3.141592653589793",
        "e": "Euler's number | e() | 2.718281828459045",
        "sin": "sine; NULL of an infinity | sin(0) | 0.0",
        "cos": "cosine; NULL of an infinity | cos(0) | 1.0",
        "tan": "tangent; NULL of an infinity | tan(0) | 0.0",
        "cot": "cotangent; NULL of 0 | cot(0) | NULL",
        "asin": "arc sine; NULL beyond -1 to 1 | asin(2) | NULL",
        "acos": "arc cosine; NULL beyond -1 to 1 | acos(1) | 0.0",
        "atan": "arc tangent | atan(0) | 0.0",
        "atan2": "angle of the point (x, y), given as atan2(y, x) | atan2(0, 1) | 0.0",
        "sinh": "hyperbolic sine | sinh(0) | 0.0",
        "cosh": "hyperbolic cosine | cosh(0) | 1.0",
        "tanh": "hyperbolic tangent | tanh(0) | 0.0",
        "asinh": "inverse hyperbolic sine | asinh(0) | 0.0",
        "acosh": "inverse hyperbolic cosine; NULL below 1 | acosh(1) | 0.0",
        "atanh": "inverse hyperbolic tangent; NULL from 1 on either way | atanh(0) | 0.0",
        "cbrt": "cube root | cbrt(27) | 3.0",
        "degrees": "radians to degrees | degrees(pi()) | 180.0",
        "radians": "degrees to radians | radians(180) | 3.141592653589793",
        "gamma": "gamma function; NULL of 0, -1, -2 ... | gamma(5) | 24.0",
        "lgamma": "logarithm of the size of the gamma function | lgamma(1) | 0.0",
        "even": "next even number away from 0 | even(2.5) | 4.0",
        "fdiv": "whole part of the quotient, downwards; by zero NULL | fdiv(-7, 2) | -4.0",
        "fmod": "remainder with the sign of the divisor; by zero NULL | fmod(-7, 2) | 1.0",
        "div": "whole part of the quotient, as // | div(-7, 2) | -3",
        "nextafter": "next DOUBLE from the first towards the second | nextafter(1, 2) | 1.0000000000000002",
        "isnan": "true for NaN | isnan(CAST('nan' AS DOUBLE)) | true",
        "isinf": "true for an infinity | isinf(CAST('-inf' AS DOUBLE)) | true",
        "isfinite": "true for a number that is neither | isfinite(1.5) | true",
        "signbit": "true when there is a minus sign, that of -0.0 too | signbit(-0.5) | true",
        "width_bucket": "number of the bucket among so many of one width between two bounds; 0 "
        "below, one more "
        "above | width_bucket(5, 0, 10, 4) | 3",
        "factorial": "1 * 2 * ... * n | factorial(5) | 120",
        "gcd": "greatest common divisor | gcd(12, -18) | 6",
        "lcm": "least common multiple | lcm(4, 6) | 12",
        "&": "bits that both have | 6 & 3 | 2",
        "|": "bits that one of them has | 6|1 | 7",
        "#": "bits that one of them alone has | 6 # 3 | 5",
        "xor": "as # | xor(6, 3) | 5",
        "<<": "bits to the left; a bit that is lost is an overflow | 1 << 10 | 1024",
        ">>": "bits to the right, the sign stays | -8 >> 1 | -4",
        "bit_count": "number of bits that are set | bit_count(7) | 3",
    },
    "Text": {
        "||": "joined text | 'a' || 1 | a1",
        "concat": "joined text; NULLs are left out | concat('a', NULL, 1) | a1",
        "concat_ws": "joined text with the first argument in between | concat_ws('-', 'a', NULL, "
        "'b') | a-b",
        "upper": "in upper case, character by character | upper('grün') | GRÜN",
        "ucase": "= upper | ucase('a') | A",
        "lower": "in lower case, character by character | lower('GRÜN') | grün",
        "lcase": "= lower | lcase('A') | a",
        "length": "number of characters | length('grün') | 4",
        "len": "= length | len('ab') | 2",
        "char_length": "= length | char_length('日本') | 2",
        "character_length": "= length | character_length('日本') | 2",
        "octet_length": "number of bytes | octet_length('grün') | 5",
        "strlen": "= octet_length | strlen('grün') | 5",
        "substring": "from a place, counted from 1, so many characters; also substring(x FROM a FOR n) "
        "| substring('laminar', 3, 4) | mina",
        "substr": "= substring | substr('laminar', 6) | ar",
        "left": "the first characters; a negative number: all but the last | left('laminar', 3) | lam",
        "right": "the last characters; a negative number: all but the first | right('laminar', 3) | nar",
        "trim": "without blanks, or the given characters, at both ends | trim('xxaxx', 'x') | a",
        "ltrim": "without them at the start | ltrim('xxax', 'x') | ax",
        "rtrim": "without them at the end | rtrim('xaxx', 'x') | xa",
        "replace": "every place of the second text becomes the third | replace('banana', 'an', 'x') | bxxa",
        "starts_with": "true when the text begins so | starts_with('laminar', 'lam') | true",
        "prefix": "= starts_with | prefix('laminar', 'x') | false",
        "^@": "true when the text begins so | 'laminar' ^@ 'lam' | true",
        "ends_with": "true when the text ends so | ends_with('laminar', 'nar') | true",
        "suffix": "= ends_with | suffix('laminar', 'x') | false",
        "contains": "true when the text holds the other | contains('laminar', 'min') | true",
        "strpos": "place of the second text in the first, from 1; 0 when it is not there "
        "| strpos('laminar', 'min') | 3",
        "position": "as strpos; written position(x IN y) | position('min' IN 'laminar') | 3",
        "instr": "= strpos | instr('laminar', 'x') | 0",
        "lpad": "filled up at the start to so many characters (with blanks), or cut "
        "| lpad('7', 3, '0') | 007",
        "rpad": "filled up at the end | rpad('7', 3, '0') | 700",
        "repeat": "so many times | repeat('ab', 3) | ababab",
        "reverse": "the characters backwards | reverse('abc') | cba",
        "split_part": "the part of that number, from 1, between separators; negative: from the end "
        "| split_part('a,b,c', ',', 2) | b",
        "ascii": "code point of the first character | ascii('é') | 233",
        "chr": "the character of a code point | chr(233) | é",
        "initcap": "each word with a capital first letter | initcap('hello WORLD') | Hello World",
        "translate": "the n-th character of the second text becomes that of the third, or vanishes | "
        "translate('12345', '143', 'ax') | a2x5",
        "strip_accents": "letters without their accents | strip_accents('Éclair ñ ß') | Eclair n ß",
        "overlay": "so many characters from a place on replaced; also overlay(x PLACING y FROM a FOR n) | "
        "overlay('Txxxas', 'hom', 2, 3) | Thomas",
        "quote_literal": "as a string of SQL | quote_literal('it''s') | 'it''s'",
        "quote_ident": "as a name of SQL, in double quotes where it needs them | quote_ident('a b') "
        "| \"a b\"",
        "bit_length": "number of bits | bit_length('é') | 16",
        "unicode": "code point of the first character; -1 of an empty text | unicode('é') | 233",
        "ord": "= unicode | ord('A') | 65",
        "btrim": "= trim | btrim('xax', 'x') | a",
        "md5": "MD5 in hexadecimal | md5('a') | 0cc175b9c0f1b6a831c399e269772661",
        "sha1": "SHA-1 in hexadecimal | sha1('a') | 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
        "sha256": "SHA-256 in hexadecimal | left(sha256('a'), 16) | ca978112ca1bbdca",
        "hex": "number, or the bytes of a text, in hexadecimal | hex(255) | FF",
        "to_hex": "= hex | to_hex(-1) | FFFFFFFFFFFFFFFF",
        "bin": "number, or the bytes of a text, in binary | bin(5) | 101",
        "to_binary": "= bin | to_binary(6) | 110",
        "to_base64": "bytes of the text in Base64 | to_base64('aé') | YcOp",
        "from_base64": "the text again | from_base64('YcOp') | aé",
        "url_encode": "as a part of a URL | url_encode('a b/é') | a%20b%2F%C3%A9",
        "url_decode": "the text again | url_decode('a%20b%2F%C3%A9+x') | a b/é+x",
        "levenshtein": "insertions, deletions and changes from one to the other | levenshtein('kitten', "
        "'sitting') | 3",
        "editdist3": "= levenshtein | editdist3('a', 'b') | 1",
        "damerau_levenshtein": "the same, an exchange of neighbours counts one | "
        "damerau_levenshtein('ab', 'ba') | 1",
        "hamming": "places that differ, of texts of one length | hamming('duck', 'luck') | 1",
        "mismatches": "= hamming | mismatches('ab', 'cd') | 2",
        "jaccard": "share of all characters that both have | jaccard('duck', 'luck') | 0.6",
        "jaro_similarity": "0 to 1 | jaro_similarity('duck', 'duck') | 1.0",
        "jaro_winkler_similarity": "the same, a common start counts more | "
        "jaro_winkler_similarity('duck', 'duck') | 1.0",
        "format": "{} stands for the arguments, as in Python: {0}, {:>8}, {:05d}, {:,}, {:.2f}, {:x} | "
        "format('{}: {:.2f}', 'a', 1.5) | a: 1.50",
        "printf": "as in C: %d %x %o %e %f %g %s %c %%, with flags, width and precision | printf('%s: "
        "%5.2f', 'a', 1.5) | a:  1.50",
    },
    "Dates and times": {
        "strftime": "a time as text, in the given format: %Y %m %d %H %M %S %f %L %j %y %b %B %a "
        "%A %p %I %e %u %w %F %T "
        "%s %% | strftime(DATE '2024-02-29', '%d.%m.%Y') | 29.02.2024",
        "date_trunc": "cut down to a unit | date_trunc('month', DATE '2024-02-29') | 2024-02-01",
        "date_part": "one part of a time: year, quarter, month, week, day, hour, minute, second, "
        "millisecond, microsecond, "
        "dow, isodow, doy, epoch | date_part('year', DATE '2024-02-29') | 2024",
        "datepart": "= date_part | datepart('dow', DATE '2024-03-03') | 0",
        "extract": "date_part, written extract(part FROM x) | extract(month FROM DATE '2024-02-29') | 2",
        "date_diff": "number of such boundaries between two times "
        "| date_diff('day', DATE '2024-02-28', DATE '2024-03-01') | 2",
        "datediff": "= date_diff | datediff('year', DATE '2023-12-31', DATE '2024-01-01') | 1",
        "year": "the year | year(DATE '2024-02-29') | 2024",
        "month": "the month, 1 to 12 | month(DATE '2024-02-29') | 2",
        "day": "the day of the month | day(DATE '2024-02-29') | 29",
        "dayofmonth": "= day | dayofmonth(DATE '2024-02-29') | 29",
        "hour": "the hour, 0 to 23 | hour(TIMESTAMP '2024-01-01 10:30:00') | 10",
        "minute": "the minute | minute(TIMESTAMP '2024-01-01 10:30:00') | 30",
        "second": "the whole second | second(TIMESTAMP '2024-01-01 10:30:05.9') | 5",
        "dayofweek": "0 for Sunday to 6 | dayofweek(DATE '2024-03-03') | 0",
        "dayofyear": "the day of the year, from 1 | dayofyear(DATE '2024-12-31') | 366",
        "week": "the ISO week | week(DATE '2021-01-03') | 53",
        "quarter": "1 to 4 | quarter(DATE '2024-02-29') | 1",
        "epoch": "whole seconds since 1970 | epoch(TIMESTAMP '1970-01-02') | 86400",
        "epoch_ms": "milliseconds since 1970; of an integer the time "
        "| epoch_ms(1500) | 1970-01-01 00:00:01.5",
        "epoch_us": "microseconds since 1970 | epoch_us(TIMESTAMP '1970-01-01 00:00:01') | 1000000",
        "to_timestamp": "the time so many seconds after 1970 | to_timestamp(1.5) | 1970-01-01 00:00:01.5",
        "make_timestamp": "the time so many microseconds after 1970 "
        "| make_timestamp(1000000) | 1970-01-01 00:00:01",
        "time_bucket": "start of the interval of that length that holds the time "
        "| time_bucket(INTERVAL '15' MINUTE, TIMESTAMP '2024-01-01 10:44:59') | 2024-01-01 10:30:00",
    },
    "Anything": {
        "hash": "a number that is the same for equal arguments, in every process "
        "| hash(0.0) = hash(-0.0) | true",
        "typeof": "name of the type | typeof(1.5) | DOUBLE",
    },
}

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
    "hash": "NULL has a hash",
    "typeof": "never NULL",
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
        "different values, counted exactly",
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
    "SAME": "any",
    "PRINTED": "any",
}
NUMBERS = {"INTEGER", "BIGINT", "DOUBLE"}
OPERATOR = re.compile(r"[^a-z]+")


class Overload(NamedTuple):
    parameters: tuple[str, ...]
    result: str
    variadic: bool


def read_functions() -> dict[str, list[Overload]]:
    text = re.sub(r"/\*.*?\*/", "", FUNCTIONS.read_text(encoding="utf-8"), flags=re.DOTALL)
    pattern = r'(?:FUNCTION|REWRITE)\("([^"]+)",\s*ARGS\d(?:\(([^)]*)\))?,\s*(\w+),\s*([^,)]*)'
    found: dict[str, list[Overload]] = {}
    for name, parameters, result, flags in re.findall(pattern, text):
        types = tuple(TYPES.get(p.strip(), p.strip()) for p in parameters.split(",") if p.strip())
        found.setdefault(name, []).append(Overload(types, TYPES.get(result, result), "FN_VARIADIC" in flags))
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
nothing behind. `first`, `last`, `string_agg` and `ema` look at the `ORDER BY`; of rows at one place the
smallest values come first.

The examples are of `v` over the rows 1, 2, 3 and NULL.

| call | result | what it gives | example |
|---|---|---|---|"""

WINDOW_HEAD = """## Windows

`GROUP BY TUMBLE(time, size [, offset])` makes one group of each window `[start, end)` of that size. `time`
is TIMESTAMP of any unit or BIGINT in epoch milliseconds, `size` and `offset` are intervals or milliseconds.
In such a query `window_start`, `window_end` and `window_time` (one millisecond before the end) have the
type of the time, and the call itself, as `tumble_start(...)`, gives `window_start`; `tumble_end(...)` gives
`window_end`.
"""


def check(functions: dict[str, list[Overload]], aggregates: list[str]) -> None:
    described = {name for section in SECTIONS.values() for name in section}
    problems = [f"{n} is in functions.def and not described" for n in sorted(set(functions) - described)]
    problems += [f"{n} is described and not in functions.def" for n in sorted(described - set(functions))]
    problems += [f"aggregate {n} is not described" for n in aggregates if n not in AGGREGATE_TEXTS]
    if problems:
        raise SystemExit("gen_docs: " + "\ngen_docs: ".join(problems))


def render() -> str:
    functions, aggregates = read_functions(), read_aggregates()
    check(functions, aggregates)
    lines = [HEAD]
    for title, section in SECTIONS.items():
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
