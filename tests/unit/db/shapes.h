/* SPDX-License-Identifier: Apache-2.0 */
/* shapes.h - queries that take long in every operator and aggregate, for tests of how soon a query
 * that is no longer wanted ends. They read t (k BIGINT, v DOUBLE, s VARCHAR) of 1 M rows. */
#ifndef LAMINAR_TESTS_DB_SHAPES_H
#define LAMINAR_TESTS_DB_SHAPES_H

#include "database.h"

typedef struct shape {
    const char *sql;
    int64_t     memory_limit; /* bytes beyond what the database has; 0: none */
} shape;

static const shape shapes[] = {
    {"SELECT x FROM (SELECT hash(x) AS h, x FROM range(3000000) r(x)) ORDER BY h", 0},
    {"SELECT x FROM (SELECT md5(CAST(x % 1000000 AS VARCHAR)) AS h, x FROM range(1000000) r(x)) "
     "ORDER BY h, x",
     0},
    {"SELECT max(n) FROM (SELECT x, count(*) AS n FROM range(3000000) r(x) GROUP BY x)", 0},
    {"SELECT count(*) FROM (SELECT DISTINCT x, hash(x) FROM range(2000000) r(x))", 0},
    {"SELECT count(*) FROM range(2000000) a(x) JOIN range(2000000) b(x) ON a.x = b.x", 0},
    {"SELECT count(*) FROM (SELECT 1 AS k FROM range(10000)) a JOIN (SELECT 1 AS k FROM "
     "range(10000)) b ON a.k = b.k",
     0},
    {"SELECT count(*) FROM (SELECT 1 AS k, x FROM range(10000) r(x)) a JOIN (SELECT 1 AS k, x FROM "
     "range(10000) r(x)) b "
     "ON a.k = b.k AND a.x + b.x < 0",
     0},
    {"SELECT count(*) FROM range(100000) a, range(100000) b", 0},
    {"SELECT count(*) FROM range(100000) a(x), range(100000) b(x) WHERE a.x + b.x = -1", 0},
    {"SELECT count(*) FROM range(1000000) a(x) FULL JOIN range(1000000) b(x) ON a.x = b.x + 500000",
     0},
    {"SELECT sum(x) FROM generate_series(1, 1000000000) r(x)", 0},
    {"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r", 0},
    {"WITH RECURSIVE r(n) AS (SELECT 0 UNION SELECT (n * 7 + s.x) % 1000000 FROM r, range(3) s(x)) "
     "SELECT count(*) FROM r",
     0},
    {"SELECT median(x), count(DISTINCT x), mode(x % 1000003) FROM range(2000000) r(x)", 0},
    {"SELECT string_agg(CAST(x AS VARCHAR), ',' ORDER BY hash(x)) FROM range(500000) r(x)", 0},
    {"SELECT x % 3, quantile_cont(x, 0.3) FROM range(2000000) r(x) GROUP BY 1", 0},
    {"SELECT max(s) FROM (SELECT sum(x) OVER (ORDER BY hash(x)) AS s FROM range(500000) r(x))", 0},
    {"SELECT max(s) FROM (SELECT max(x) OVER (ORDER BY x ROWS BETWEEN 1000 PRECEDING AND 1000 "
     "FOLLOWING) AS s "
     "FROM range(300000) r(x))",
     0},
    {"SELECT max(s) FROM (SELECT row_number() OVER (PARTITION BY x % 7 ORDER BY hash(x)) AS s FROM "
     "range(500000) r(x))",
     0},
    {"SELECT count(*) FROM range(300000) a(x) ASOF JOIN range(300000) b(x) ON a.x >= b.x", 0},
    {"SELECT count(*) FROM range(3000) r(x) WHERE repeat('ab', 10000) LIKE repeat('%a', 5000) || "
     "'%c'",
     0},
    {"SELECT count(*) FROM range(300) r(x) WHERE repeat('ab', 100000 + CAST(x AS INTEGER)) LIKE "
     "'%a%b%a%b%c%'",
     0},
    {"SELECT count(*) FROM range(3000) r(x) WHERE regexp_matches(repeat('ab', 20000 + CAST(x AS "
     "INTEGER)), '(a|b)*c(a|b)*d')",
     0},
    {"SELECT sum(len(l)) FROM (SELECT list_sort(range(100000 + CAST(x AS INTEGER))) AS l FROM "
     "range(200) r(x))",
     0},
    {"SELECT sum(list_sum(list_transform(range(10000), v -> v * x))) FROM range(1000) r(x)", 0},
    {"SELECT max(length(repeat('abc', 1000000))) FROM range(300) r(x)", 0},
    {"SELECT count(*) FROM (SELECT unnest(range(100000)) FROM range(300) r(x))", 0},
    {"SELECT x FROM range(3000000) r(x)", 0},
    {"SELECT count(*) FROM (SELECT x FROM range(1000000) r(x) EXCEPT ALL SELECT x FROM "
     "range(900000) q(x))",
     0},
    {"SELECT max(n) FROM (SELECT x, count(*) AS n FROM range(1000000) r(x) GROUP BY x)", 8 << 20},
    {"SELECT x FROM (SELECT hash(x) AS h, x FROM range(1000000) r(x)) ORDER BY h LIMIT 10 OFFSET "
     "900000",
     8 << 20},
    {"SELECT count(*) FROM range(1000000) a(x) JOIN range(1000000) b(x) ON a.x = b.x", 8 << 20},
    {"SELECT sum(k), max(v), count(DISTINCT s) FROM t GROUP BY k % 100000", 0},
    {"SELECT count(*) FROM t a JOIN t b ON a.k = b.k", 0},
    {"SELECT k, v FROM t ORDER BY v, s", 0},
    {"CREATE TABLE c AS SELECT * FROM t", 0},
    {"SELECT k % 50000 AS g, k, v FROM t QUALIFY row_number() OVER (PARTITION BY k % 50000 ORDER "
     "BY "
     "v) <= 3",
     0},
    {"SELECT k, v FROM t ORDER BY v DESC LIMIT 300000", 0},
    {"SELECT DISTINCT s FROM t", 0},
    {"SELECT k % 100000, list(v), string_agg(s, ','), approx_count_distinct(s) FROM t GROUP BY 1",
     0},
    {"SELECT k % 3, list(v ORDER BY s) FROM t GROUP BY 1", 0},
    {"SELECT list(s) FROM t", 0},
    {"SELECT count(*) FROM t WHERE s IN (SELECT s FROM t WHERE k % 3 = 0)", 0},
    {"SELECT count(*) FROM t a WHERE NOT EXISTS (SELECT 1 FROM t b WHERE a.k = b.k AND a.v <> b.v)",
     0},
    {"SELECT x, count(*), sum(v) FROM (SELECT k % 1000 AS x, v FROM t UNION ALL SELECT k % 77, v "
     "FROM t) GROUP BY ROLLUP (x)",
     0},
    {"SELECT count(*) FROM t a JOIN t FOR SYSTEM_TIME AS OF now() b ON a.k = b.k", 0},
    {"SELECT v + random() FROM t", 0},
    {"SELECT min(s), max(s), arg_max(s, v), first(s), last(s) FROM t GROUP BY k % 200000", 0},
    {"SELECT covar_pop(k, v), kurtosis(v), entropy(k % 1000) FROM t GROUP BY k % 100000", 0},
    {"SELECT lag(v) OVER w, sum(v) OVER w, first_value(s) OVER w FROM t WINDOW w AS (PARTITION BY "
     "k "
     "% 1000 ORDER BY v)",
     0},
    {"SELECT sum(v) OVER (PARTITION BY k ORDER BY s) FROM t", 0},
    {"SELECT * FROM t INTERSECT SELECT * FROM t", 0},
    {"UPDATE t SET v = v + 1 WHERE k % 2 = 0", 0},
    {"DELETE FROM t WHERE k % 7 = 3", 0},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

#endif
