/* SPDX-License-Identifier: Apache-2.0 */
/* test_errors.c - what is refused, where the error points, what it says and what it suggests. */
#include "unit.h"

#include "sql/parser.h"

typedef struct refusal {
    const char *sql;
    int32_t     position;
    const char *message; /* a part of it */
    const char *hint;    /* a part of it; NULL: none */
} refusal;

static const refusal refusals[] = {
    /* misspelt keywords */
    {"SELCT a FROM t", 0,
     "expected a statement (SELECT, CREATE, INSERT, UPDATE, DELETE, DROP, SHOW, SET or EXPLAIN), "
     "found \"SELCT\"",
     "did you mean \"SELECT\"?"},
    {"CRAETE SOURCE s (a INT)", 0, "found \"CRAETE\"", "did you mean \"CREATE\"?"},
    {"INSRT INTO t VALUES (1)", 0, "found \"INSRT\"", "did you mean \"INSERT\"?"},
    {"dorp stream s", 0, "found \"dorp\"", "did you mean \"DROP\"?"},
    {"EXPLIAN SELECT 1", 0, "found \"EXPLIAN\"", "did you mean \"EXPLAIN\"?"},
    {"SELECT 1; SELCT 2", 10, "found \"SELCT\"", "did you mean \"SELECT\"?"},
    {"SELECT a FORM t", 9, "found \"FORM\"", "did you mean \"FROM\"?"},
    {"SELECT * FORM t", 9, "found \"FORM\"", "did you mean \"FROM\"?"},
    {"SELECT count(*) FRM t", 16, "found \"FRM\"", "did you mean \"FROM\"?"},
    {"SELECT a FROM t WEHRE x = 1", 16, "found \"WEHRE\"", "did you mean \"WHERE\"?"},
    {"SELECT a FROM t GRUOP BY a", 16, "found \"GRUOP\"", "did you mean \"GROUP\"?"},
    {"SELECT a FROM t WHERE x = 1 GRUOP BY a", 28, "found \"GRUOP\"", "did you mean \"GROUP\"?"},
    {"SELECT a FROM t GROUP YB a", 22, "expected BY after GROUP, found \"YB\"",
     "did you mean \"BY\"?"},
    {"SELECT a FROM t ORDR BY a", 16, "found \"ORDR\"", "did you mean \"ORDER\"?"},
    {"SELECT a FROM t WHERE a HAVNG b", 24, "found \"HAVNG\"", "did you mean \"HAVING\"?"},
    {"SELECT a FROM t LIMT 5", 16, "found \"LIMT\"", "did you mean \"LIMIT\"?"},
    {"SELECT a FROM t JION u ON a = b", 16, "found \"JION\"", "did you mean \"JOIN\"?"},
    {"SELECT a FROM t LEFT JION u ON a = b", 21, "expected JOIN after LEFT",
     "did you mean \"JOIN\"?"},
    {"SELECT a FROM t WHERE x = 1 AN y = 2", 28, "found \"AN\"", "did you mean \"AND\"?"},
    {"SELECT a FROM t EMTI CHANGES", 16, "found \"EMTI\"", "did you mean \"EMIT\"?"},
    {"SELECT a FROM t EMIT CHNAGES", 21,
     "expected CHANGES, FINAL, ON WINDOW CLOSE, AFTER WATERMARK, ON UPDATE or EVERY after EMIT",
     "did you mean \"CHANGES\"?"},
    {"SELECT a FROM t EMIT ON WINDWO CLOSE", 24, "expected WINDOW CLOSE or UPDATE after EMIT ON",
     "did you mean \"WINDOW\"?"},
    {"SELECT x IS NUL", 12, "expected NULL, TRUE, FALSE or DISTINCT FROM after IS",
     "did you mean \"NULL\"?"},
    {"SELECT CASE WHEN a THEN b ELS c END", 26, "expected WHEN, ELSE or END after a branch of CASE",
     "did you mean \"ELSE\"?"},
    {"SELECT INTERVAL 5 secnd", 18, "expected a unit such as SECONDS or DAYS",
     "did you mean \"SECOND\"?"},
    {"CREATE STREM v AS SELECT 1", 7,
     "expected SOURCE, STREAM, TABLE, VIEW or MATERIALIZED VIEW after CREATE, found \"STREM\"",
     "did you mean \"STREAM\"?"},
    {"CREATE MATERIALISED VIEW v AS SELECT 1", 7, "found \"MATERIALISED\"",
     "did you mean \"MATERIALIZED\"?"},
    {"CREATE SOURCE s (a INT NOT NUL)", 27, "expected NULL after NOT", "did you mean \"NULL\"?"},
    {"CREATE SOURCE s (a INT DEFUALT 1)", 23, "expected \",\" or \")\" after a column",
     "did you mean \"DEFAULT\"?"},
    /* something is missing */
    {"SELECT FROM t", 7, "expected a column name or expression after SELECT, found \"FROM\"", NULL},
    {"SELECT", 6, "expected a column name or expression after SELECT, found the end of the text",
     NULL},
    {"SELECT a,, b", 9, "expected a column name or expression after \",\", found \",\"", NULL},
    {"SELECT a +", 10,
     "expected a column name or expression after \"+\", found the end of the text", NULL},
    {"SELECT a FROM", 13, "expected a table name or a subquery after FROM", NULL},
    {"SELECT a FROM;", 13, "found the end of the statement", NULL},
    {"SELECT a FROM t JOIN u", 22, "expected ON or USING after the joined table", NULL},
    {"SELECT a FROM t WHERE", 21, "after WHERE, found the end of the text", NULL},
    {"SELECT (1", 9, "expected \")\" after the expression in parentheses", NULL},
    {"SELECT ()", 8, "expected an expression after \"(\"", NULL},
    {"SELECT f(1", 10, "expected \")\" after the arguments of a function", NULL},
    {"SELECT a IN ()", 13, "expected a column name or expression after \"(\", found \")\"", NULL},
    {"SELECT a IN 1", 12, "expected \"(\" after IN, found \"1\"", NULL},
    {"SELECT a BETWEEN 1 OR 2", 19, "expected AND after the lower bound of BETWEEN, found \"OR\"",
     NULL},
    {"SELECT CASE a END", 14, "expected WHEN after the value of CASE", NULL},
    {"SELECT CASE WHEN a THEN END", 24, "after THEN, found \"END\"", NULL},
    {"SELECT CAST(a)", 13, "expected AS after the value of CAST", NULL},
    {"SELECT a::", 10, "expected a type after \"::\"", NULL},
    {"SELECT POSITION('a', b)", 19, "expected IN after the text that POSITION looks for", NULL},
    {"SELECT t.", 9, "expected a column name after \".\"", NULL},
    {"SELECT a AS", 11, "expected a name after AS", NULL},
    {"SELECT * FROM (a JOIN b)", 23, "expected ON or USING after the joined table", NULL},
    {"CREATE", 6, "after CREATE, found the end of the text", NULL},
    {"CREATE SOURCE s (a)", 18, "expected a type after \"a\", found \")\"", NULL},
    {"CREATE SOURCE s ()", 17, "expected a column name after \"(\"", NULL},
    {"CREATE SOURCE s (WATERMARK FOR a)", 16, "there is a WATERMARK but no column", NULL},
    {"CREATE STREAM s AS INSERT", 19,
     "expected a query (SELECT, FROM, WITH or VALUES) after AS, found \"INSERT\"", NULL},
    {"DROP STREAM", 11, "expected a name after STREAM", NULL},
    {"INSERT INTO t", 13, "expected VALUES or a query after the name", NULL},
    {"EXPLAIN", 7,
     "expected a query (SELECT, FROM, WITH or VALUES), a change (INSERT, UPDATE, DELETE or MERGE), "
     "CREATE, STREAM or WATERMARK after EXPLAIN",
     NULL},
    /* too much, or in the wrong place */
    {"SELECT a b c FROM t", 11,
     "expected a clause, an operator or the end of the statement, found \"c\"", NULL},
    {"SELECT a FROM t ORDER BY a WHERE b", 27, "found \"WHERE\"",
     "the order is SELECT, FROM, WHERE"},
    {"SELECT a FROM t LIMIT 5, 10", 23, "found \",\"", "LIMIT 5 OFFSET 10"},
    {"SELECT f(t.*)", 9, "t.* stands only in the list of a SELECT", NULL},
    {"SELECT a < b < c", 13, "< cannot follow another comparison", "a < b AND b < c"},
    {"SELECT a LIKE b NOT LIKE c", 16, "cannot follow another comparison", "AND"},
    {"SELECT * FROM a CROSS JOIN b ON c", 29, "CROSS JOIN takes no condition", NULL},
    {"SELECT a FROM (SELECT 1 EMIT CHANGES)", 24, "EMIT stands at the end of the whole statement",
     NULL},
    {"DROP STREAM a b", 14, "expected the end of the statement, found \"b\"", NULL},
    {"foo", 0, "expected a statement", NULL},
    {")", 0, "expected a statement", NULL},
    {"SELECT order FROM t", 7, "after SELECT, found \"order\"", "write \"order\" in double quotes"},
    {"SELECT a AS end FROM t", 12, "expected a name after AS, found \"end\"",
     "end is a reserved word"},
    {"CREATE SOURCE s (a INT, order INT)", 24, "expected a column name, found \"order\"",
     "write \"order\" in double quotes"},
    {"CREATE SOURCE s (a INT NULL NOT NULL)", 28, "column \"a\" is both NULL and NOT NULL", NULL},
    {"CREATE SOURCE s (a INT DEFAULT 1 DEFAULT 2)", 33, "two DEFAULTs", NULL},
    {"CREATE SOURCE s (a INT, WATERMARK FOR a, WATERMARK FOR a)", 41, "more than one WATERMARK",
     NULL},
    {"CREATE TABLE t (a INT, PRIMARY KEY (b))", 36, "no column of that name", NULL},
    {"CREATE SOURCE s (a INT) WITH (x = y)", 34, "the value of option \"x\" must be a literal",
     "write 'y' in single quotes"},
    {"CREATE STREAM s WITH (a = 1) AS SELECT 1 WITH (b = 2)", 41, "WITH is given twice", NULL},
    {"INSERT INTO t VALUES (1), (2, 3)", 26, "row 2 has 2 values, but row 1 has 1", NULL},
    {"INSERT INTO t (a) VALUES (1, 2)", 26, "row 1 has 2 values, but 1 columns are named", NULL},
    {"SELECT a UNION", 14, "expected a query (SELECT, FROM, VALUES or \"(\") after UNION", NULL},
    {"SELECT a UNION ALL WITH b AS (SELECT 1) SELECT 1", 19,
     "expected SELECT, or WITH in parentheses after UNION", NULL},
    {"SELECT a ORDER BY a UNION SELECT b", 20, "found \"UNION\"",
     "of one SELECT they stand with it in parentheses"},
    {"(SELECT a", 9, "expected \")\" after the query", NULL},
    {"VALUES 1", 7, "expected \"(\" after VALUES", NULL},
    {"VALUES (1, 2), (3)", 15, "row 2 has 1 values, but row 1 has 2", NULL},
    {"WITH a AS SELECT 1", 10, "expected \"(\" after AS", NULL},
    {"WITH a AS (SELECT 1) DROP TABLE t", 21,
     "expected SELECT, FROM or VALUES after the queries of WITH", NULL},
    {"WITH a AS (SELECT 1) UPDATE t", 29, "expected SET after the table", NULL},
    {"WITH a (x AS (SELECT 1) SELECT 1", 10, "expected \")\" after the column names", NULL},
    {"WITH a AS (SELECT 1 EMIT CHANGES) SELECT 1", 20, "EMIT stands at the end of the whole", NULL},
    {"SELECT * FROM t AS u (a", 23, "expected \")\" after the column names", NULL},
    {"SELECT $0", 7, "numbered from 1", NULL},
    {"SELECT ?65536", 7, "numbered from 1 to 32766", NULL},
    {"SELECT a AS ''", 12, "a name has 1 to 255 bytes", NULL},
    {"SELECT x::DECIMAL(99999999)", 18, "from 0 to 1000000", NULL},
    /* not part of this grammar */
    {"SELECT a FROM t EXCEPT b FROM u", 23,
     "expected a query (SELECT, FROM, VALUES or \"(\") after EXCEPT", NULL},
    {"VALUES (DEFAULT)", 8, "expected a column name or expression after \"(\"",
     "DEFAULT is a reserved word"},
    {"SELECT sum(a) OVER (PARTITION b) FROM t", 30, "expected BY after PARTITION, found \"b\"",
     NULL},
    {"SELECT sum(a) OVER (ORDER BY a ROWS 1 FORWARD) FROM t", 38,
     "expected PRECEDING or FOLLOWING after the offset of a frame, found \"FORWARD\"", NULL},
    {"SELECT sum(a) OVER (ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM t", 49,
     "the frame ends before it starts",
     "the order is UNBOUNDED PRECEDING, n PRECEDING, CURRENT ROW, n FOLLOWING, UNBOUNDED "
     "FOLLOWING"},
    {"SELECT sum(a) OVER (ROWS 1 PRECEDING EXCLUDE ROW) FROM t", 45,
     "expected CURRENT ROW, GROUP, TIES or NO OTHERS after EXCLUDE, found \"ROW\"", NULL},
    {"SELECT a FROM t WINDOW w (ORDER BY a)", 25,
     "expected AS after the name of a window, found \"(\"", NULL},
    {"SELECT a FROM t LATEST ON ts", 28,
     "expected PARTITION after the time of LATEST ON, found the end of the text", NULL},
    {"SELECT a FROM t FOR SYSTEM_TIME AS x", 35,
     "expected OF after FOR SYSTEM_TIME AS, found \"x\"", NULL},
    {"SELECT a FROM t ASOF u ON a = b", 21, "expected JOIN after ASOF, found \"u\"", NULL},
    {"SELECT a FROM t ASOF JOIN u TOLERANCE 1", 28,
     "expected ON or USING after the joined table, found \"TOLERANCE\"", NULL},
    {"SELECT a FROM t NATURAL CROSS JOIN u", 24, "expected JOIN", NULL},
    {"SELECT a FROM t NATURAL JOIN u ON a = b", 31, "NATURAL JOIN takes no condition", NULL},
    {"SELECT a FROM t, LATERAL u", 25, "expected a query in parentheses", NULL},
    {"SELECT a FROM t FULL JOIN u", 27, "expected ON or USING", NULL},
    {"SELECT a FROM (t JOIN u USING (k)", 33, "expected \")\"", NULL},
    {"SELECT DISTINCT ON a b FROM t", 19, "expected \"(\" after DISTINCT ON, found \"a\"", NULL},
    {"SELECT * EXCLUDE () FROM t", 18, "expected a column name after EXCLUDE, found \")\"", NULL},
    {"SELECT f(a => 1, 2)", 17, "an argument without a name stands behind", NULL},
    {"SELECT (SELECT 1", 16, "expected \")\"", NULL},
    {"SELECT a IN (SELECT 1, )) b", 24, "found \")\"", NULL},
    {"SELECT EXISTS (SELECT 1 EMIT CHANGES)", 24, "EMIT stands at the end", NULL},
    {"SELECT a = ALL (1, 2)", 17, "expected \")\" after the list of ALL", NULL},
    {"SELECT a + ALL (1)", 11, "ALL in an expression is not part of this grammar", NULL},
    {"INSERT INTO t BY NAME VALUES (1)", 22, "the values of VALUES have no names", NULL},
    {"INSERT INTO t (a) BY NAME SELECT 1", 21, "the columns are named already", NULL},
    {"INSERT INTO t (a) DEFAULT VALUES", 18, "expected VALUES or a query", NULL},
    {"CREATE UNIQUE INDEX i ON t (a)", 7, "an index is a hint", "UNIQUE (column, ...)"},
    {"CREATE LOOKUP TABLE t (a INT)", 7, "a LOOKUP TABLE has a PRIMARY KEY", "PRIMARY KEY"},
    {"SELECT INTERVAL (1) FORTNIGHTS", 20, "expected a unit such as SECONDS or DAYS", NULL},
    {"SELECT f(a ORDER BY b) WITHIN GROUP (ORDER BY c)", 23,
     "the call has an ORDER BY already: write one of the two", NULL},
    {"SELECT a FROM generate(t ts)", 25, "expected \")\" after the arguments of a table function",
     NULL},
    {"SELECT a FROM t GROUP BY ROLLUP()", 32,
     "expected a column name or expression after \"(\", found \")\"", NULL},
    {"SELECT a FROM t GROUP BY GROUPING SETS a", 39, "expected \"(\" after SETS, found \"a\"",
     NULL},
    {"SELECT a FROM t EMIT AFTER CLOSE", 27, "expected WATERMARK after EMIT AFTER", NULL},
    {"SELECT a FROM t LATE DATA late", 26, "expected TO after LATE DATA", NULL},
    {"SELECT * FROM TABLE(t)", 20, "expected TUMBLE, HOP, CUMULATE or SESSION after TABLE(", NULL},
    {"SELECT * FROM f(TABLE t PARTITION a)", 34, "expected BY after PARTITION", NULL},
    {"SELECT * FROM f(TABLE t, 1)", 23, "expected \")\" after the table of a processor", NULL},
    {"SELECT * FROM TUMBLE(t)", 22, "expected \",\" after the table of a window", NULL},
    {"SELECT a EMIT CHANGES ALLOW LATENESS INTERVAL '1' DAY LATE DATA x", 64,
     "expected TO after LATE DATA", NULL},
    {"CREATE SOURCE t AS SELECT 1", 16, "a SOURCE takes rows from outside, not from a query",
     "CREATE STREAM"},
    {"SHOW", 4, "expected SOURCES, STREAMS, TABLES", NULL},
    {"SET a = lower('x')", 8, "the value of setting \"a\" must be a literal", NULL},
    {"ALTER PIPELINE i STOP", 15, "ALTER PIPELINE is not part of this grammar", NULL},
    {"CREATE TABLE t (a INT REFERENCES u)", 22, "REFERENCES is not part of this grammar", NULL},
    {"CREATE TABLE t (a INT PRIMARY KEY, b INT PRIMARY KEY)", 41,
     "there is more than one PRIMARY KEY", "PRIMARY KEY (a, b)"},
    {"UPDATE t SET a = 1, A = 2", 20, "column \"A\" is set twice", NULL},
    {"UPDATE t SET t.a = 1", 14, "a column of SET has one name", "SET column = value"},
    {"UPDATE t SET (a, b) = (SELECT 1, 2)", 22, "not to a query", "FROM"},
    {"UPDATE t SET (a, b) = (1)", 24, "expected \",\" after a value", NULL},
    {"UPDATE t SEET a = 1", 14, "expected SET after the table", NULL},
    {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHNG", 40,
     "expected DO NOTHING, DO UPDATE, FAIL or REPLACE after DO", "did you mean \"NOTHING\"?"},
    {"CREATE TABLE t (a INT) ON CONFLICT DO UPDATE SET a = 1", 38, "DO UPDATE belongs to an INSERT",
     "ON CONFLICT REPLACE"},
    {"UPSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", 25, "is said twice", NULL},
    {"ALTER TABLE t ADDD a INT", 14, "expected ADD, DROP, ALTER, RENAME or SET after the name",
     "did you mean \"ADD\"?"},
    {"ALTER TABLE t ADD a INT UNIQUE", 24, "an added column has NOT NULL and DEFAULT", NULL},
    {"ALTER VIEW v RETRY", 13, "expected RENAME TO after the name", NULL},
    {"EXPLAIN ANALYZE WATERMARK s", 16, "expected a query", NULL},
    {"RESTORE FROM t", 13, "expected CHECKPOINT after RESTORE FROM", NULL},
    {"RESTORE FROM CHECKPOINT a", 24,
     "expected the number of a checkpoint after RESTORE FROM CHECKPOINT", NULL},
    {"SELECT INTERVAL '1-2' YEAR TO MONTH", 27,
     "INTERVAL with a range of units is not part of this grammar", NULL},
    /* tokens */
    {"SELECT 'abc", 7, "this string does not end", NULL},
    {"SELECT E'abc\\'", 7, "this string does not end", NULL},
    {"SELECT \"abc", 7, "this quoted name does not end", NULL},
    {"SELECT \"\"", 7, "must not be empty", NULL},
    {"SELECT 1 /* abc", 9, "this comment does not end", NULL},
    {"SELECT $a$ $b$", 7, "this dollar-quoted string does not end", NULL},
    {"SELECT E'\\q'", 9, "this escape", NULL},
    {"SELECT 1abc", 7, "followed by letters", NULL},
    {"SELECT 1__0", 7, "an underscore in a number", NULL},
    {"SELECT 1e", 7, "the exponent of this number has no digits", NULL},
    {"SELECT `a`", 7, "not with backticks", NULL},
    {"SELECT \xe2\x80\x98"
     "a\xe2\x80\x99",
     7, "typographic quotation mark", NULL},
    {"SELECT a\xe2\x80\x8b FROM t", 8, "invisible character", NULL},
    {"SELECT 1 \xe2\x80\x93 2", 9, "typographic dash", NULL},
    {"SELECT \\a", 7, "a backslash stands only inside a string", NULL},
    {"SELECT \x01", 7, "control character", NULL},
    {"SELECT 'a\xff'", 9, "must be UTF-8, byte 0xff is not", NULL},
    {"SELECT a FROM \xc3(", 14, "must be UTF-8", NULL},
};

static void
check_refusal(const refusal *r, const error *err, status s) {
    const bool hinted = r->hint == NULL ? err->hint[0] == '\0' : strstr(err->hint, r->hint) != NULL;
    if (s != ERR_SQL_PARSE_ERROR || err->position != r->position ||
        strstr(err->message, r->message) == NULL || !hinted) {
        print_error("%s\n  status %d at %d: %s (%s)\n  wanted %d: %s (%s)\n", r->sql, (int)s,
                    err->position, err->message, err->hint, r->position, r->message,
                    r->hint == NULL ? "" : r->hint);
        fail();
    }
}

static void
test_refusals(void **state) {
    (void)state;
    mem   m;
    arena a;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        error        err = {0};
        ast_script   script;
        const status s = sql_parse(&script, &a, text_of(refusals[i].sql), &err);
        check_refusal(&refusals[i], &err, s);
        CHECK(script.count == 0 && script.statements == NULL);
        CHECK_FAILS(sql_parse(&script, &a, text_of(refusals[i].sql), NULL), ERR_SQL_PARSE_ERROR);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_expression_alone(void **state) {
    (void)state;
    static const refusal expressions[] = {
        {"", 0, "expected a column name or expression, found the end of the text", NULL},
        {"a b", 2, "expected an operator or the end of the expression, found \"b\"", NULL},
        {"a; b", 1, "expected an operator or the end of the expression", NULL},
        {"price > 5 ADN b", 10, "found \"ADN\"", "did you mean \"AND\"?"},
        {"a, b", 1, "found \",\"", NULL},
        {"SELECT 1", 0, "expected a column name or expression", "(SELECT ...)"},
    };
    mem       m;
    arena     a;
    ast_expr *e;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(expressions); i++) {
        error        err = {0};
        const status s = sql_parse_expression(&e, &a, text_of(expressions[i].sql), &err);
        check_refusal(&expressions[i], &err, s);
        CHECK(e == NULL);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* NUL bytes have a place too; and a token that is far too long is cut on a character. */
static void
test_odd_bytes(void **state) {
    (void)state;
    mem        m;
    arena      a;
    ast_script script;
    error      err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    CHECK_FAILS(sql_parse(&script, &a, (text){.data = "SELECT '\0'", .size = 10}, &err),
                ERR_SQL_PARSE_ERROR);
    CHECK_EQ(err.position, 8);
    CHECK(strstr(err.message, "NUL byte") != NULL);
    char sql[400] = "SELECT 1 b ";
    for (size_t i = 11; i < 200; i += 2) {
        memcpy(sql + i, "\xc3\xa9", 3);
    }
    CHECK_FAILS(sql_parse(&script, &a, text_of(sql), &err), ERR_SQL_PARSE_ERROR);
    CHECK_EQ(err.position, 11);
    CHECK(strstr(err.message, "...") != NULL && text_is_utf8(text_of(err.message)));
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_refusals), UNIT(test_expression_alone), UNIT(test_odd_bytes))
