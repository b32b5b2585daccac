# SPDX-License-Identifier: Apache-2.0
"""Where our answers differ from DuckDB's, and why: the one table, each line of which a test asks again.

The random queries of this folder keep clear of these, or say the same in DuckDB's words; everything else that
differs is a fault. An answer is what the first row holds; REFUSED stands for a QueryError.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

REFUSED = "refused"


@dataclass(frozen=True)
class Difference:
    query: str
    ours: Any
    duck: Any
    why: str


DIFFERENCES = (
    Difference("SELECT 7 / 2", 3, 3.5, "integers divide as in PostgreSQL; SET integer_division = false"),
    Difference("SELECT 1 / 0", None, math.inf, "a stream survives a zero divisor: NULL"),
    Difference("SELECT ln(0e0)", None, -math.inf, "outside its domain a function is NULL"),
    Difference("SELECT sqrt(-1e0)", None, math.nan, "outside its domain a function is NULL"),
    Difference("SELECT sign('nan'::DOUBLE)", math.nan, 0, "NaN has no sign"),
    Difference(
        "SELECT corr(x, y) FROM (VALUES (1, 2)) AS v(x, y)",
        None,
        math.nan,
        "one row has no correlation, as in PostgreSQL",
    ),
    Difference(
        "SELECT count_if(x > 1) FROM (VALUES (1)) AS v(x) WHERE x > 1", 0, None, "a count over nothing is 0"
    ),
    Difference("SELECT first(x) FROM (VALUES (NULL), (1)) AS v(x)", 1, None, "first and last skip NULL"),
    Difference(
        "SELECT x FROM (VALUES (1), (NULL)) AS v(x) ORDER BY x DESC",
        None,
        1,
        "NULL is the largest value, as in PostgreSQL; SET default_null_order",
    ),
    Difference(
        "SELECT typeof(sum(x)) FROM (VALUES (1::BIGINT)) AS v(x)",
        "BIGINT",
        "HUGEINT",
        "SUM of integers is BIGINT, beyond it an error",
    ),
    Difference("SELECT 127::TINYINT + 1::TINYINT", 128, REFUSED, "small integers are added as INTEGER"),
    Difference(
        "SELECT CAST(2.5 AS INTEGER)", 2, 3, "2.5 is a DOUBLE here, a DECIMAL there: its halves go to even"
    ),
    Difference(
        "SELECT epoch_ms(TIMESTAMP '1969-12-31 23:59:59.9999')", -1, 0, "times are cut down, as by date_trunc"
    ),
    Difference("SELECT list_concat(NULL::BIGINT[], NULL::BIGINT[])", None, [], "nothing but NULL gives NULL"),
    Difference(
        "SELECT y FROM (SELECT x, x AS y, count(*) FROM (VALUES (1)) AS v(x) GROUP BY ROLLUP (1, 2)) AS g"
        " ORDER BY y NULLS FIRST OFFSET 1",
        1,
        None,
        "equal keys of grouping sets are one key, wherever they stand",
    ),
    Difference(
        "SELECT count(*) FROM (VALUES (1)) AS a(x) LEFT JOIN (VALUES (1)) AS b(y)"
        " ON x IN (SELECT 2 WHERE x > y)",
        REFUSED,
        1,
        "a subquery in ON of an outer join reads one side: the message says what to write",
    ),
    Difference(
        "SELECT count(*) OVER (ORDER BY x RANGE 1 PRECEDING)"
        " FROM (VALUES (CAST(-2147483648 AS INTEGER))) AS v(x)",
        1,
        REFUSED,
        "a frame that reaches beyond the type ends with it",
    ),
)
