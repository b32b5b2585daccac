/* SPDX-License-Identifier: Apache-2.0 */
/* test_print.c - statements and the text they print as; and the details of trees that text does not
 * show. */
#include "unit.h"

#include "sql/parser.h"

static const char *const golden[][2] = {
    /* SELECT */
    {"select a, b from t", "SELECT a, b FROM t"},
    {"SELECT 1", "SELECT 1"},
    {"FROM t", "SELECT * FROM t"},
    {"FROM t SELECT x WHERE y = ?", "SELECT x FROM t WHERE y = ?1"},
    {"from t where a", "SELECT * FROM t WHERE a"},
    {"SELECT ALL a b, c AS 'n m', t.*, *, FROM t AS q",
     "SELECT a AS b, c AS \"n m\", t.*, * FROM t AS q"},
    {"SELECT DISTINCT a.end, \"select\".\"Group\"", "SELECT DISTINCT a.end, \"select\".\"Group\""},
    {"SELECT * FROM a, b JOIN c ON a.x = c.x LEFT OUTER JOIN d USING (k, v,), e",
     "SELECT * FROM a, b JOIN c ON a.x = c.x LEFT JOIN d USING (k, v), e"},
    {"SELECT * FROM a, b c, d", "SELECT * FROM a CROSS JOIN b AS c CROSS JOIN d"},
    {"SELECT * FROM a INNER JOIN b ON TRUE CROSS JOIN c",
     "SELECT * FROM a JOIN b ON TRUE CROSS JOIN c"},
    {"SELECT * FROM (SELECT 1 one) q, (FROM z)",
     "SELECT * FROM (SELECT 1 AS one) AS q CROSS JOIN (SELECT * FROM z)"},
    {"SELECT a FROM t GROUP BY ALL HAVING count(*) > 1",
     "SELECT a FROM t GROUP BY ALL HAVING count(*) > 1"},
    {"SELECT a FROM t GROUP BY a, 2, ORDER BY 1 DESC NULLS LAST, b ASC, c NULLS FIRST, OFFSET 2 "
     "LIMIT 5",
     "SELECT a FROM t GROUP BY a, 2 ORDER BY 1 DESC NULLS LAST, b, c NULLS FIRST LIMIT 5 OFFSET 2"},
    {"SELECT value, key, ts, source, stream, data, day, year, window_start FROM s EMIT FINAL",
     "SELECT value, key, ts, source, stream, data, day, year, window_start FROM s EMIT ON WINDOW "
     "CLOSE"},
    {"SELECT a FROM t EMIT CHANGES ALLOW LATENESS INTERVAL '5' SECOND",
     "SELECT a FROM t EMIT CHANGES ALLOW LATENESS INTERVAL '5' SECOND"},
    {"SELECT emit, filter, over, window, sample FROM emit",
     "SELECT emit, filter, over, window, sample FROM emit"},
    {"SELECT /* a /* b */ c */ 1 -- done", "SELECT 1"},
    {"\xef\xbb\xbfSELECT\xc2\xa0"
     "1",
     "SELECT 1"},
    {"SELECT {'a':\xc2\xa0"
     "1}",
     "SELECT struct_pack(\"a\" => 1)"},
    {"select * exclude a, t.* except (a, t.b,) from t",
     "SELECT * EXCLUDE (a), t.* EXCLUDE (a, t.b) FROM t"},
    {"SELECT * RENAME a AS b REPLACE (1 AS c) EXCLUDE (d) FROM t",
     "SELECT * EXCLUDE (d) REPLACE (1 AS c) RENAME (a AS b) FROM t"},
    {"SELECT * not ilike '%a' FROM t EXCEPT (SELECT 1)",
     "SELECT * NOT ILIKE '%a' FROM t EXCEPT SELECT 1"},
    {"SELECT columns(*), max(COLUMNS('x''y')) + #2 FROM t",
     "SELECT COLUMNS(*), max(COLUMNS('x''y')) + #2 FROM t"},
    {"SELECT a FROM t ORDER BY ALL DESC LIMIT 10% OFFSET 1 ROW",
     "SELECT a FROM t ORDER BY ALL DESC LIMIT 10 PERCENT OFFSET 1"},
    {"SELECT a FROM t GROUP BY rollup(a, (b, c)), Cube (d), grouping sets ((), a, (b, c), rollup "
     "(d),)",
     "SELECT a FROM t GROUP BY ROLLUP (a, (b, c)), CUBE (d), GROUPING SETS ((), a, (b, c), ROLLUP "
     "(d))"},
    {"with recursive a as (select 1), b(x) as (select 2) select * from a",
     "WITH RECURSIVE a AS (SELECT 1), b (x) AS (SELECT 2) SELECT * FROM a"},
    {"WITH recursive AS (SELECT 1) FROM recursive",
     "WITH recursive AS (SELECT 1) SELECT * FROM recursive"},
    {"SELECT a FROM t GROUP BY (a, b), c", "SELECT a FROM t GROUP BY a, b, c"},
    {"SELECT 1 FROM t GROUP BY ()", "SELECT 1 FROM t GROUP BY ()"},
    {"SELECT a FROM t LIMIT 10 % 3", "SELECT a FROM t LIMIT 10 % 3"},
    {"SELECT a FROM t FETCH NEXT ROW ONLY", "SELECT a FROM t LIMIT 1"},
    {"FROM a LEFT JOIN b FOR SYSTEM_TIME AS OF a.ts - x AS c ON a.k = c.k, d e for system_time as "
     "of now()",
     "SELECT * FROM a LEFT JOIN b FOR SYSTEM_TIME AS OF a.ts - x AS c ON a.k = c.k CROSS JOIN d "
     "FOR "
     "SYSTEM_TIME AS OF now() AS e"},
    {"select * from f(table t partition by a, \"B\") g(x), f(TABLE (SELECT 1 AS a)), t AS table_",
     "SELECT * FROM f(TABLE t PARTITION BY a, \"B\") AS g (x) CROSS JOIN f(TABLE (SELECT 1 AS a)) "
     "CROSS JOIN t AS table_"},
    {"SELECT * FROM range(1, 2) WITH ORDINALITY AS r(x, i), LATERAL f(x) g",
     "SELECT * FROM range(1, 2) WITH ORDINALITY AS r (x, i) CROSS JOIN LATERAL f(x) AS g"},
    /* expressions */
    {"SELECT a > 1 AND b < 2 AND c = 3 OR NOT d", "SELECT a > 1 AND b < 2 AND c = 3 OR NOT d"},
    {"SELECT a OR b OR (c OR d) OR (e OR f) AND g", "SELECT a OR b OR c OR d OR (e OR f) AND g"},
    {"SELECT 1+2*3- -4, (1+2)*3, -(-x), a-(b-c), (a-b)-c",
     "SELECT 1 + 2 * 3 - -4, (1 + 2) * 3, - -x, a - (b - c), a - b - c"},
    {"SELECT a==b, a!=b, x//2, x||y||z, x%y", "SELECT a = b, a <> b, x // 2, x || y || z, x % y"},
    {"SELECT 'it''s', E'a\\n\\u00e9\\x41', $$x'y$$, $t$ $$ $t$, ''", "SELECT 'it''s', 'a\n\xc3\xa9"
                                                                     "A', 'x''y', ' $$ ', ''"},
    {"SELECT COLUMNS(['a', b]), COLUMNS(c -> c = 'x'), f(*columns(*), 1), [*COLUMNS('a')], "
     "* EXCLUDE (COLUMNS('x'), t.a) FROM t",
     "SELECT COLUMNS(['a', b]), COLUMNS((c) -> c = 'x'), f(*COLUMNS(*), 1), [*COLUMNS('a')], "
     "* EXCLUDE (COLUMNS('x'), t.a) FROM t"},
    {"CREATE MACRO m(a, b INT = 5, c DEFAULT 'x') AS a + b",
     "CREATE MACRO m (a, b INT := 5, c := 'x') AS $a + $b"},
    {"CREATE FUNCTION f(a) RETURNS INT RETURN a", "CREATE FUNCTION f (a) RETURNS INT AS $a"},
    {"UNPIVOT t ON a + 1 AS b, COLUMNS('x') INTO NAME n VALUE v",
     "SELECT * FROM (SELECT * EXCLUDE (*COLUMNS('x'), a), unnest(column_names('b', *COLUMNS('x'))) "
     "AS n, unnest([a + 1, *COLUMNS('x')]) AS v FROM t) WHERE v IS NOT NULL"},
    {"SELECT x IN l, x NOT IN [1] || l, count(*) FILTER (x > 1) FROM main.t",
     "SELECT list_contains(l, x), NOT list_contains([1] || l, x), count(*) FILTER (WHERE x > 1) "
     "FROM t"},
    {"CREATE TEMPORARY VIEW v AS FROM main.t", "CREATE TEMP VIEW v AS SELECT * FROM t"},
    {"CREATE TEMP TABLE main.c AS SELECT 1 AS x UNION SELECT 2 WITH NO DATA",
     "CREATE TEMP TABLE c AS SELECT 1 AS x UNION SELECT 2 LIMIT 0"},
    {"SELECT 0xFf, 0o17, 0b1_01, 0x1_00", "SELECT 255, 15, 5, 256"},
    {"SELECT a ~~ b, a !~~ b || c, a ~~* b, a !~~* b, a ~~~ b",
     "SELECT a LIKE b, a NOT LIKE b || c, a ILIKE b, a NOT ILIKE b, a GLOB b"},
    {"SELECT a COLLATE \"C\" < b, a COLLATE nocase = b, (a || b) COLLATE NOCASE",
     "SELECT a < b, lower(a) = lower(b), (a || b) COLLATE NOCASE"},
    {"SELECT a COLLATE nocase.noaccent IN (b, c) FROM t ORDER BY a COLLATE NOACCENT DESC",
     "SELECT lower(strip_accents(a)) IN (lower(strip_accents(b)), lower(strip_accents(c))) FROM t "
     "ORDER BY strip_accents(a) DESC"},
    {"SELECT 1_000, .5, 1e3, 1., 1_0.2_5e-1_0", "SELECT 1000, .5, 1e3, 1., 10.25e-10"},
    {"SELECT NULL, true, False", "SELECT NULL, TRUE, FALSE"},
    {"SELECT EXTRACT(year FROM ts), extract('hour' from ts)",
     "SELECT date_part('year', ts), date_part('hour', ts)"},
    {"SELECT SUBSTRING(x FROM 2 FOR 3), substring(x for 3), substring(x FROM 2), substring(x, 1)",
     "SELECT SUBSTRING(x, 2, 3), substring(x, 1, 3), substring(x, 2), substring(x, 1)"},
    {"SELECT POSITION('a' IN b)", "SELECT strpos(b, 'a')"},
    {"SELECT TRIM(LEADING 'x' FROM y), TRIM(TRAILING FROM y), TRIM(BOTH 'z' FROM y), trim(y), "
     "trim('q' from y), trim(y, 'q'), trim(both)",
     "SELECT ltrim(y, 'x'), rtrim(y), trim(y, 'z'), trim(y), trim(y, 'q'), trim(y, 'q'), "
     "trim(both)"},
    {"SELECT trim((leading) IS NULL)", "SELECT trim(leading IS NULL)"},
    {"SELECT LEFT(x, 2), Replace(a, b, c), IF(a, b, c), right(x, 1), date(x), coalesce(a)",
     "SELECT LEFT(x, 2), Replace(a, b, c), IF(a, b, c), right(x, 1), date(x), coalesce(a)"},
    {"SELECT count(*), count(DISTINCT x) FILTER (WHERE y > 0), sum(ALL z), f()",
     "SELECT count(*), count(DISTINCT x) FILTER (WHERE y > 0), sum(z), f()"},
    {"SELECT f(x, ',' ORDER BY y DESC, z NULLS FIRST,) FILTER (WHERE y > 0)",
     "SELECT f(x, ',' ORDER BY y DESC, z NULLS FIRST) FILTER (WHERE y > 0)"},
    {"SELECT p(0.9) WITHIN GROUP (ORDER BY x DESC) FILTER (WHERE x > 0), m() within group (order "
     "by y)",
     "SELECT p(0.9) WITHIN GROUP (ORDER BY x DESC) FILTER (WHERE x > 0), m() WITHIN GROUP (ORDER "
     "BY "
     "y)"},
    {"SELECT CASE x WHEN 1 THEN 'a' ELSE 'b' END, CASE WHEN a THEN b WHEN c THEN d END",
     "SELECT CASE x WHEN 1 THEN 'a' ELSE 'b' END, CASE WHEN a THEN b WHEN c THEN d END"},
    {"SELECT x::DOUBLE   PRECISION, TRY_CAST(x AS DECIMAL(10,2)), CAST(y AS TIMESTAMP(3) WITH TIME "
     "ZONE), -a::INT",
     "SELECT CAST(x AS DOUBLE PRECISION), TRY_CAST(x AS DECIMAL(10, 2)), CAST(y AS TIMESTAMP(3) "
     "WITH TIME ZONE), -CAST(a AS INT)"},
    {"SELECT INTERVAL '5' seconds, INTERVAL 5 MINUTES, INTERVAL '1 hour 5 minutes', INTERVAL 1.5 "
     "day, interval '1' centuries",
     "SELECT INTERVAL '5' SECOND, INTERVAL '5' MINUTE, INTERVAL '1 hour 5 minutes', INTERVAL '1.5' "
     "DAY, INTERVAL '1' CENTURY"},
    {"SELECT DATE '2024-01-01', timestamp 'x', TIMESTAMP WITHOUT TIME ZONE 'y', interval, date, "
     "date + 1",
     "SELECT DATE '2024-01-01', timestamp 'x', TIMESTAMP 'y', interval, date, date + 1"},
    {"SELECT a IS NULL, a IS NOT TRUE, a IS UNKNOWN, a IS NOT DISTINCT FROM b",
     "SELECT a IS NULL, a IS NOT TRUE, a IS NULL, a IS NOT DISTINCT FROM b"},
    {"SELECT a NOT BETWEEN 1 AND 2, a NOT IN (1, 2,), a LIKE 'x%' ESCAPE '\\', a NOT ILIKE b",
     "SELECT a NOT BETWEEN 1 AND 2, a NOT IN (1, 2), a LIKE 'x%' ESCAPE '\\', a NOT ILIKE b"},
    {"SELECT (a = b) = c, (a < b) IS NULL, (NOT a) = b, a = (NOT b)",
     "SELECT (a = b) = c, a < b IS NULL, (NOT a) = b, a = (NOT b)"},
    {"SELECT $1, $name, :name, ?, ?5, ?", "SELECT $1, $name, $name, ?1, ?5, ?6"},
    {"SELECT CURRENT_TIMESTAMP, current_date()", "SELECT CURRENT_TIMESTAMP(), current_date()"},
    {"SELECT \"a\"\"b\", \"\xc3\xa9\", \xc3\xa9t\xc3\xa9",
     "SELECT \"a\"\"b\", \"\xc3\xa9\", \xc3\xa9t\xc3\xa9"},
    /* other statements */
    {"CREATE OR REPLACE SOURCE trades (ts BIGINT NOT NULL, \"symbol x\" VARCHAR(10) DEFAULT 'a' "
     "NULL, watermark INT, "
     "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,) WITH (retain = '1 hour', 'conn.x' = -5, b = "
     "TRUE,)",
     "CREATE OR REPLACE SOURCE trades (ts BIGINT NOT NULL, \"symbol x\" VARCHAR(10) DEFAULT 'a', "
     "watermark INT, "
     "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH (retain = '1 hour', \"conn.x\" = -5, b = "
     "TRUE)"},
    {"CREATE SOURCE IF NOT EXISTS s (a INT, WATERMARK FOR a)",
     "CREATE SOURCE IF NOT EXISTS s (a INT, WATERMARK FOR a)"},
    {"CREATE TABLE t (a INT DEFAULT 1 + 1 NOT NULL PRIMARY KEY)",
     "CREATE TABLE t (a INT NOT NULL PRIMARY KEY DEFAULT 1 + 1)"},
    {"CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, B))",
     "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, B))"},
    {"CREATE TABLE t (UNIQUE (a), a INT CHECK (a > 0) UNIQUE, b INT, CONSTRAINT c CHECK (a < b), "
     "CONSTRAINT k PRIMARY KEY (b)) ON CONFLICT IGNORE WITH (x = 1)",
     "CREATE TABLE t (a INT UNIQUE UNIQUE, b INT PRIMARY KEY, CHECK (a > 0), CONSTRAINT c CHECK (a "
     "< b)) ON CONFLICT DO NOTHING WITH (x = 1)"},
    {"UPDATE t x SET a = 1, (b, \"c d\") = (DEFAULT, a + 1) FROM u, v WHERE u.k = x.k RETURNING *",
     "UPDATE t AS x SET a = 1, b = DEFAULT, \"c d\" = a + 1 FROM u CROSS JOIN v WHERE u.k = x.k "
     "RETURNING *"},
    {"DELETE FROM t USING u WHERE t.a = u.a", "DELETE FROM t USING u WHERE t.a = u.a"},
    {"INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET n = n + excluded.n WHERE n < 5",
     "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET n = n + excluded.n WHERE n < 5"},
    {"INSERT OR IGNORE INTO t SELECT 1", "INSERT INTO t SELECT 1 ON CONFLICT DO NOTHING"},
    {"UPSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1) ON CONFLICT REPLACE"},
    {"start transaction", "BEGIN"},
    {"ALTER TABLE t ADD b INT DEFAULT 1 NOT NULL",
     "ALTER TABLE t ADD COLUMN b INT NOT NULL DEFAULT 1"},
    {"CREATE MATERIALIZED VIEW s WITH (retain = 1) AS SELECT k, sum(x) FROM t GROUP BY k, "
     "TUMBLE(ts, INTERVAL '1' MINUTE) EMIT ON WINDOW CLOSE",
     "CREATE STREAM s WITH (retain = 1) AS SELECT k, sum(x) FROM t GROUP BY k, TUMBLE(ts, INTERVAL "
     "'1' MINUTE) EMIT ON WINDOW CLOSE"},
    {"CREATE STREAM s AS FROM t EMIT ON UPDATE WITH (a = NULL)",
     "CREATE STREAM s WITH (a = NULL) AS SELECT * FROM t EMIT ON UPDATE"},
    {"DROP STREAM IF EXISTS s CASCADE", "DROP STREAM IF EXISTS s CASCADE"},
    {"DROP MATERIALIZED VIEW x", "DROP STREAM x"},
    {"DROP SOURCE \"if\"", "DROP SOURCE \"if\""},
    {"DROP TABLE if", "DROP TABLE if"},
    {"INSERT t (a, b,) VALUES (1, 'x'), (-2, NULL),",
     "INSERT INTO t (a, b) VALUES (1, 'x'), (-2, NULL)"},
    {"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"},
    {"INSERT INTO t (a) (SELECT 1)", "INSERT INTO t (a) SELECT 1"},
    {"INSERT INTO t (VALUES (1))", "INSERT INTO t VALUES (1)"},
    {"INSERT INTO t (values) VALUES (1)", "INSERT INTO t (values) VALUES (1)"},
    {"VALUES (1, 'a'), (2, NULL), ORDER BY 1 LIMIT 1",
     "VALUES (1, 'a'), (2, NULL) ORDER BY 1 LIMIT 1"},
    {"FROM (VALUES (1, 2)) v (a, \"B c\",)", "SELECT * FROM (VALUES (1, 2)) AS v (a, \"B c\")"},
    {"SELECT * FROM t AS u(a), values AS v", "SELECT * FROM t AS u (a) CROSS JOIN values AS v"},
    {"SELECT a UNION ALL FROM t UNION ALL (SELECT b) ORDER BY 1 LIMIT 2",
     "SELECT a UNION ALL SELECT * FROM t UNION ALL SELECT b ORDER BY 1 LIMIT 2"},
    {"SELECT a UNION SELECT b UNION DISTINCT SELECT c UNION ALL SELECT d",
     "(SELECT a UNION SELECT b UNION SELECT c) UNION ALL SELECT d"},
    {"SELECT a UNION SELECT b INTERSECT SELECT c EXCEPT ALL SELECT d UNION ALL BY NAME SELECT e",
     "((SELECT a UNION (SELECT b INTERSECT SELECT c)) EXCEPT ALL SELECT d) UNION ALL BY NAME "
     "SELECT e"},
    {"SELECT a UNION (SELECT b UNION SELECT c LIMIT 1)",
     "SELECT a UNION (SELECT b UNION SELECT c LIMIT 1)"},
    {"((SELECT a)) ORDER BY a", "SELECT a ORDER BY a"},
    {"(SELECT a LIMIT 3) LIMIT 2", "(SELECT a LIMIT 3) LIMIT 2"},
    {"WITH a AS (SELECT 1), \"b c\"(x, y,) AS (VALUES (1, 2)), FROM a, \"b c\"",
     "WITH a AS (SELECT 1), \"b c\" (x, y) AS (VALUES (1, 2)) SELECT * FROM a CROSS JOIN \"b c\""},
    {"WITH a AS (SELECT 1) (WITH b AS (SELECT 2) FROM a, b)",
     "WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT * FROM a CROSS JOIN b)"},
    {"CREATE STREAM s AS WITH a AS (SELECT 1) FROM a EMIT CHANGES WITH (b = 1)",
     "CREATE STREAM s WITH (b = 1) AS WITH a AS (SELECT 1) SELECT * FROM a EMIT CHANGES"},
    {"EXPLAIN FROM t EMIT CHANGES", "EXPLAIN SELECT * FROM t EMIT CHANGES"},
    {"EXPLAIN WATERMARK FOR s", "EXPLAIN WATERMARK s"},
};

static void
test_golden(void **state) {
    (void)state;
    mem   m;
    arena a;
    buf   out;
    error err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    buf_init(&out, &m, 1 << 20);
    for (int32_t i = 0; i < ARRAY_COUNT(golden); i++) {
        ast_script script;
        for (int32_t pass = 0; pass < 2; pass++) { /* what was printed prints the same */
            CHECK_OK(sql_parse(&script, &a, text_of(golden[i][pass]), &err));
            CHECK_EQ(script.count, 1);
            buf_clear(&out);
            sql_print_statement(script.statements[0], &out);
            CHECK_TEXT(buf_text(&out), golden[i][1]);
        }
    }
    buf_fini(&out);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static text
slice(text sql, int32_t from, int32_t to) {
    return (text){.data = sql.data + from, .size = (size_t)(to - from)};
}

static void
test_positions(void **state) {
    (void)state;
    const text sql = TEXT(";; SELECT (a + b) * c, (a), count( x ), -1 IS NULL, a AND b AND c ; "
                          "INSERT INTO t VALUES (1, 2), (3, 4);DROP STREAM s");
    mem        m;
    arena      a;
    ast_script script;
    error      err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    CHECK_OK(sql_parse(&script, &a, sql, &err));
    CHECK_EQ(script.count, 3);
    static const char *const items[] = {"(a + b) * c", "a", "count( x )", "-1 IS NULL",
                                        "a AND b AND c"};
    const ast_statement     *s = script.statements[0];
    CHECK_EQ(s->select->item_count, ARRAY_COUNT(items));
    for (int32_t i = 0; i < ARRAY_COUNT(items); i++) {
        const ast_expr *e = s->select->items[i].expr;
        CHECK_TEXT(slice(sql, e->position, e->end), items[i]);
    }
    CHECK_TEXT(slice(sql, s->position, s->end),
               "SELECT (a + b) * c, (a), count( x ), -1 IS NULL, a AND b AND c");
    s = script.statements[1];
    CHECK_TEXT(slice(sql, s->position, s->end), "INSERT INTO t VALUES (1, 2), (3, 4)");
    CHECK_EQ(s->select->row_count, 2);
    CHECK_EQ(s->select->row_width, 2);
    CHECK_TEXT(s->select->rows[2]->text, "3");
    CHECK_EQ(script.statements[2]->object, AST_OBJECT_STREAM);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_tree(void **state) {
    (void)state;
    mem       m;
    arena     a;
    ast_expr *e;
    error     err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    CHECK_OK(sql_parse_expression(&e, &a, TEXT("a != b + 1"), &err));
    CHECK_TEXT(e->op, "<>");
    CHECK_EQ(e->height, 3);
    CHECK_EQ(e->args[1]->args[1]->kind, AST_INTEGER);
    CHECK_OK(sql_parse_expression(&e, &a, TEXT("\"A\".b"), &err));
    CHECK(e->qualifier.quoted && !e->name.quoted);
    CHECK_OK(sql_parse_expression(&e, &a, TEXT("f(?, $2, ?, ?2, $n)"), &err));
    CHECK_EQ(e->args[0]->number, 1);
    CHECK_EQ(e->args[1]->number, 2);
    CHECK_EQ(e->args[2]->number, 2);
    CHECK_EQ(e->args[3]->number, 2);
    CHECK_TEXT(e->args[4]->text, "n");
    CHECK_OK(sql_parse_expression(&e, &a, TEXT("x::character varying(7)"), &err));
    CHECK_TEXT(e->type.name.text, "character varying");
    CHECK_EQ(e->type.arguments[0], 7);
    /* a chain of n terms is a tree of height log n */
    buf long_chain;
    buf_init(&long_chain, &m, 1 << 20);
    buf_append_text(&long_chain, TEXT("a = 0"));
    for (int32_t i = 1; i < 10000; i++) {
        buf_printf(&long_chain, " OR a = %d", i);
    }
    CHECK_OK(sql_parse_expression(&e, &a, buf_text(&long_chain), &err));
    CHECK_EQ(e->height, 16);
    buf_fini(&long_chain);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_empty(void **state) {
    (void)state;
    static const char *const empty[] = {"", " ", ";", ";;\n;", "-- nothing", "/* */ ;"};
    mem                      m;
    arena                    a;
    ast_script               script;
    error                    err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(empty); i++) {
        CHECK_OK(sql_parse(&script, &a, text_of(empty[i]), &err));
        CHECK_EQ(script.count, 0);
    }
    CHECK_OK(sql_parse(&script, &a, (text){.data = NULL}, &err));
    CHECK_EQ(script.count, 0);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_golden), UNIT(test_positions), UNIT(test_tree), UNIT(test_empty))
