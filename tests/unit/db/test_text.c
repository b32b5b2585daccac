/* SPDX-License-Identifier: Apache-2.0 */
/* laminar_text.h: tokens, statements, completion, text in a terminal. */
#include "database.h"
#include "db/internal.h"
#include "laminar_text.h"

/* ---------------------------------------------------------------------------------- tokens */
/* "keyword:SELECT number:1", an open token with a star. */
static const char *
tokens_of(const char *sql, size_t size) {
    static char   out[4000];
    size_t        made = 0;
    laminar_token t = {0};
    size_t        before = 0;
    while (laminar_token_next(sql, size, &t)) {
        CHECK(t.start >= before && t.size > 0 && t.start + t.size <= size);
        before = t.start + t.size;
        made += (size_t)snprintf(out + made, sizeof(out) - made, "%s%s%s:%.*s", made > 0 ? " " : "",
                                 laminar_token_kind_name(t.kind), t.is_open ? "*" : "", (int)t.size,
                                 sql + t.start);
    }
    out[made] = '\0';
    return out;
}

static void
check_tokens(const char *sql, const char *wanted) {
    const char *got = tokens_of(sql, strlen(sql));
    if (strcmp(got, wanted) != 0) {
        print_error("%s\n gave   %s\n wanted %s\n", sql, got, wanted);
        fail();
    }
}

static void
test_tokens(void **state) {
    (void)state;
    check_tokens("", "");
    check_tokens("SELECT 1.5e3", "keyword:SELECT number:1.5e3");
    check_tokens("select \"a b\".c, 'it''s' -- x\n;",
                 "keyword:select quoted name:\"a b\" operator:. name:c operator:, string:'it''s' "
                 "comment:-- x operator:;");
    check_tokens("count(*) sum (x) foo(1) left('a', 1)",
                 "function:count operator:( operator:* operator:) function:sum operator:( name:x "
                 "operator:) function:foo operator:( number:1 operator:) function:left operator:( "
                 "string:'a' operator:, number:1 operator:)");
    check_tokens("a LEFT JOIN b", "name:a keyword:LEFT keyword:JOIN name:b");
    check_tokens("CREATE SOURCE t (k BIGINT, date DATE)",
                 "keyword:CREATE keyword:SOURCE name:t operator:( name:k type:BIGINT operator:, "
                 "name:date type:DATE operator:)");
    check_tokens("INSERT INTO t(k) x::int",
                 "keyword:INSERT keyword:INTO name:t operator:( name:k operator:) name:x "
                 "operator::: type:int");
    check_tokens("CAST(x AS VARCHAR) DATE '2024-01-01' $1 :n ?",
                 "keyword:CAST operator:( name:x keyword:AS type:VARCHAR operator:) type:DATE "
                 "string:'2024-01-01' parameter:$1 parameter::n parameter:?");
    check_tokens("a /* b /* c */ d */ e", "name:a comment:/* b /* c */ d */ name:e");
    check_tokens("t.first", "name:t operator:. name:first");
}

static void
test_open_tokens(void **state) {
    (void)state;
    check_tokens("a 'b -- c;", "name:a string*:'b -- c;");
    check_tokens("e'a\\'", "string*:e'a\\'");
    check_tokens("\"a;", "quoted name*:\"a;");
    check_tokens("\"a\"\"", "quoted name*:\"a\"\"");
    check_tokens("\"\" a", "error:\"\" name:a");
    check_tokens("$q$ a ' $", "string*:$q$ a ' $");
    check_tokens("a /* b", "name:a comment*:/* b");
    check_tokens("1abc", "error:1 name:abc");
    check_tokens("a \xe2\x80\x9c"
                 "b",
                 "name:a error:\xe2\x80\x9c name:b");
    check_tokens("a\xff\xfe"
                 "b 'c\xff'",
                 "name:a error:\xff error:\xfe name:b string:'c\xff'");
    check_tokens("\x1b[31m \\", "error:\x1b operator:[ error:31 name:m error:\\");
    const char nul[] = "a\0b";
    CHECK(strncmp(tokens_of(nul, 3), "name:a error:", 13) == 0);
}

/* Any bytes, cut anywhere: tokens stay within the text and come to an end. */
static void
test_any_bytes(void **state) {
    (void)state;
    static const char pieces[] = "'\"$a;-/*\xe2\x80\x9c\xff\xf0 e\\(1.\n:";
    uint32_t          seed = 7;
    char              bytes[40];
    for (int32_t round = 0; round < 20000; round++) {
        size_t size = 0;
        for (; size < sizeof(bytes) && (seed >> 8) % 41 != 0; size++) {
            seed = seed * 1664525U + 1013904223U;
            bytes[size] = pieces[(seed >> 10) % (sizeof(pieces) - 1)];
        }
        seed = seed * 1664525U + 1013904223U;
        char *own = test_malloc(size + 1);
        memcpy(own, bytes, size);
        (void)tokens_of(own, size);
        laminar_statement s = {0};
        size_t            last = 0;
        while (laminar_statement_next(own, size, &s)) {
            CHECK(s.start >= last && s.next <= size && s.start + s.size <= s.next);
            last = s.next;
        }
        (void)laminar_statement_is_complete(own, size);
        (void)laminar_text_cells(own, size);
        char out[LAMINAR_TEXT_VISIBLE_MAX(sizeof(bytes))];
        CHECK(laminar_text_visible(own, size, 0, out, sizeof(out)) <= sizeof(out));
        test_free(own);
    }
}

/* ---------------------------------------------------------------------------------- statements */
static void
check_statements(const char *sql, const char *wanted, bool complete) {
    char              got[500];
    size_t            made = 0;
    laminar_statement s = {0};
    while (laminar_statement_next(sql, strlen(sql), &s)) {
        made += (size_t)snprintf(got + made, sizeof(got) - made, "[%.*s]%s", (int)s.size,
                                 sql + s.start, s.is_complete ? "" : "...");
    }
    got[made] = '\0';
    if (strcmp(got, wanted) != 0 || laminar_statement_is_complete(sql, strlen(sql)) != complete) {
        print_error("%s gave %s, wanted %s\n", sql, got, wanted);
        fail();
    }
}

static void
test_statements(void **state) {
    (void)state;
    check_statements("", "", false);
    check_statements(" ;; -- nothing\n", "", false);
    check_statements("SELECT 1", "[SELECT 1]...", false);
    check_statements("SELECT 1;", "[SELECT 1]", true);
    check_statements("a; b ; -- c;", "[a][b]", true);
    check_statements("a; /* b", "[a][/* b]...", false);
    check_statements("a; b", "[a][b]...", false);
    check_statements("'a;b';", "['a;b']", true);
    check_statements("'a;", "['a;]...", false);
    check_statements("\"a;\" $x$ ; $x$ /* ; */ -- ;\n;", "[\"a;\" $x$ ; $x$]", true);
}

/* ---------------------------------------------------------------------------------- completion */
static laminar_database *
open_stage(void) {
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE trades (symbol VARCHAR, price DOUBLE, \"Order\" BIGINT, \"a b\" "
               "VARCHAR)");
    db_run(db, "CREATE TABLE names (symbol VARCHAR PRIMARY KEY, title VARCHAR)");
    db_run(db, "CREATE STREAM totals AS SELECT symbol, sum(price) AS total FROM trades GROUP BY "
               "symbol");
    db_run(db, "CREATE VIEW seen AS SELECT title FROM names");
    db_run(db, "CREATE FUNCTION twice(x) AS x * 2");
    db_run(db, "CREATE PIPELINE pipe");
    return db;
}

/* The candidates at the "|" of a text, with blanks between them; " @n" is where the word starts. */
static const char *
complete_at(laminar_database *db, const char *marked) {
    static char     out[1 << 16];
    char            sql[500];
    laminar_error   err;
    laminar_result *r = NULL;
    const char     *mark = strchr(marked, '|');
    const size_t    at = (size_t)(mark - marked);
    const size_t    size = strlen(marked) - 1;
    memcpy(sql, marked, at);
    memcpy(sql + at, mark + 1, size - at);
    DB_OK(laminar_database_complete(db, sql, size, at, &r, &err));
    size_t made = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < laminar_result_row_count(r); i++) {
        laminar_value word, kind, start;
        DB_OK(laminar_result_value(r, i, 0, &word));
        DB_OK(laminar_result_value(r, i, 1, &kind));
        DB_OK(laminar_result_value(r, i, 2, &start));
        CHECK(start.i >= 0 && (size_t)start.i <= at);
        made += (size_t)snprintf(out + made, sizeof(out) - made, "%s%.*s:%.*s", i > 0 ? " " : "",
                                 (int)kind.text_size, kind.text, (int)word.text_size, word.text);
    }
    laminar_result_free(r);
    return out;
}

static void
check_complete(laminar_database *db, const char *marked, const char *wanted) {
    const char *got = complete_at(db, marked);
    if (strcmp(got, wanted) != 0) {
        print_error("%s\n gave   %s\n wanted %s\n", marked, got, wanted);
        fail();
    }
}

static void
check_offers(laminar_database *db, const char *marked, const char *first, const char *has,
             const char *lacks) {
    const char *got = complete_at(db, marked);
    if (strncmp(got, first, strlen(first)) != 0 || strstr(got, has) == NULL ||
        (lacks != NULL && strstr(got, lacks) != NULL)) {
        print_error("%s\n gave %s\n wanted first %s, %s, not %s\n", marked, got, first, has,
                    lacks == NULL ? "" : lacks);
        fail();
    }
}

static void
test_complete(void **state) {
    (void)state;
    laminar_database *db = open_stage();
    check_complete(db, "SEL|", "keyword:SELECT");
    check_complete(db, "sel|", "keyword:select");
    check_complete(db, "SELECT 1; sel|", "keyword:select");
    check_complete(db, "SELECT * FROM tr|", "source:trades");
    check_offers(db, "SELECT * FROM |", "table:names view:seen", "source:trades", "function:");
    check_complete(db, "SELECT * FROM trades JOIN na|", "table:names");
    check_complete(db, "SELECT t.| FROM trades t",
                   "column:\"Order\" column:\"a b\" column:price column:symbol");
    check_complete(db, "SELECT t.pr| FROM trades AS t, names n", "column:price");
    check_complete(db, "SELECT n.| FROM trades AS t, names n", "column:symbol column:title");
    check_complete(db, "SELECT totals.| FROM totals", "column:symbol column:total");
    check_complete(db, "SELECT x.| FROM trades", "");
    check_offers(db, "SELECT pr| FROM trades", "column:price", "function:printf", "table:");
    check_offers(db, "SELECT | FROM trades", "column:\"Order\" column:\"a b\" column:price",
                 "alias:trades keyword:ALL", "title");
    check_complete(db, "SELECT \"O| FROM trades", "column:\"Order\"");
    check_complete(db, "SELECT \"O|\" FROM trades", "column:\"Order\"");
    check_complete(db, "SELECT twi|", "function:twice");
    check_complete(db, "SELECT 'tr|'", "");
    check_complete(db, "SELECT 1 -- tr|\n", "");
    check_complete(db, "SELECT 12|", "");
    check_complete(db, "SELECT price FROM trades wh|", "keyword:where");
    check_complete(db, "SELECT price FROM trades GROUP |", "keyword:BY");
    check_offers(db, "SELECT price::big|", "type:bigint", "bigint", NULL);
    check_offers(db, "CREATE TABLE x (k VAR|", "type:VARBINARY type:VARCHAR", "type:VARCHAR", NULL);
    check_complete(db, "SET time|", "setting:timezone");
    check_complete(db, "START PIPELINE p|", "pipeline:pipe");
    check_complete(db, "EXPLAIN WATERMARK to|", "stream:totals");
    check_complete(db, "SELECT * FROM laminar.me|", "table:metrics");
    check_complete(db, "INSERT INTO trades (sy|", "column:symbol");
    check_offers(db, "UPDATE names SET ti|", "column:title", "function:", "table:");
    check_complete(db, "WITH recent AS (SELECT 1) SELECT * FROM rec|", "table:recent");
    check_complete(db, "CREATE STREAM to|", "");
    check_complete(db, "CREATE TABLE |", "keyword:IF EXISTS keyword:IF NOT EXISTS");
    laminar_database_close(db);
}

/* Columns that the text itself makes. */
static void
test_complete_made_columns(void **state) {
    (void)state;
    laminar_database *db = open_stage();
#define X "WITH x AS (SELECT symbol, price AS c FROM trades) "
    check_complete(db, X "SELECT x.|", "column:c column:symbol");
    check_complete(db, X "SELECT x.| FROM x", "column:c column:symbol");
    check_complete(db, X "SELECT y.| FROM x AS y", "column:c column:symbol");
    check_offers(db, X "SELECT | FROM x", "column:c column:symbol alias:x keyword:", "x", "price");
    check_complete(db, X "SELECT * FROM x| ", "table:x");
    check_complete(db, "WITH x(p, q) AS (SELECT 1, 2, 3 AS r) SELECT x.|",
                   "column:p column:q column:r");
    check_complete(db,
                   "WITH x AS MATERIALIZED (SELECT 1 + 1 AS p, count(*)), y AS (SELECT *, p q "
                   "FROM x) SELECT y.| FROM y",
                   "column:p column:q");
    check_complete(db, "WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT x.| FROM x) TABLE x",
                   "column:n");
    check_complete(db, "WITH names AS (SELECT * FROM names) SELECT n.| FROM names n",
                   "column:symbol column:title");
    check_complete(db, "SELECT s.| FROM (SELECT t.price, symbol AS c FROM trades t) s",
                   "column:c column:price");
    check_complete(db, "SELECT s.| FROM (SELECT n.*, [1, 2] AS l FROM names n, trades) AS s(a)",
                   "column:a column:l column:title");
    check_complete(db,
                   "SELECT s.| FROM (SELECT * EXCLUDE (price, symbol) RENAME (\"Order\" AS o) "
                   "FROM trades) s",
                   "column:\"a b\" column:o");
    check_complete(db, "SELECT s.| FROM (FROM names SELECT title t) s", "column:t");
    check_complete(db, "SELECT s.| FROM (FROM names) s", "column:symbol column:title");
    check_complete(db, "SELECT s.| FROM ((TABLE names) UNION SELECT 1 AS x, 2 AS y) s",
                   "column:symbol column:title");
    check_complete(db, "SELECT v.| FROM (VALUES (1, [2, 3], f(4, 5)), (1, 2, 3)) v(a)",
                   "column:a column:column2 column:column3");
    check_complete(db,
                   "SELECT s.| FROM (SELECT DISTINCT ON (price, 1) price p, extract(year FROM "
                   "now()) y FROM trades) s",
                   "column:p column:y");
    check_complete(db, "SELECT r.| FROM range(3) AS r(n)", "column:n");
    check_complete(db, "SELECT r.| FROM generate_series(1, 3) r", "column:r");
    check_offers(db, "SELECT ra| FROM range(3)", "column:range", "function:rank", "alias:");
    check_complete(db, "SELECT j.pa| FROM json_each('[]') j", "column:parent column:path");
    check_complete(db, "SELECT * FROM trades t WHERE EXISTS (SELECT t.pr| FROM names)",
                   "column:price");
    check_complete(db, "SELECT s.| FROM (SELECT s.| FROM names) s", "");
    check_complete(db, "SELECT s.| FROM (SELECT title, FROM names) s JOIN (SELECT", "column:title");
    check_complete(db, "SELECT s.| FROM (SELECT title FROM names", "");
    laminar_database_close(db);
}

/* What refers to itself over and over, or opens and closes nothing, costs a bounded number of
 * steps. */
static void
test_complete_is_bounded(void **state) {
    (void)state;
    laminar_database *db = open_stage();
    char              sql[40000];
    size_t            size = (size_t)snprintf(sql, sizeof(sql), "WITH x0 AS (TABLE trades)");
    for (int i = 1; i < 31; i++) {
        size += (size_t)snprintf(sql + size, sizeof(sql) - size,
                                 ", x%d AS (SELECT *, *, * FROM x%d, x%d)", i, i - 1, i - 1);
    }
    size += (size_t)snprintf(sql + size, sizeof(sql) - size, " SELECT x30.");
    laminar_error   err;
    laminar_result *r = NULL;
    DB_OK(laminar_database_complete(db, sql, size, size, &r, &err));
    laminar_result_free(r);
    static const char *const parts[] = {"WITH RECURSIVE x AS (SELECT *, * FROM x) SELECT x. ",
                                        "FROM (",
                                        "FROM x AS (",
                                        "(",
                                        ")",
                                        "WITH x AS (FROM (",
                                        "SELECT * EXCEPT (",
                                        "[{(",
                                        "x(x) AS (",
                                        ", x AS (SELECT x.* FROM x), "};
    for (int i = 0; i < ARRAY_COUNT(parts); i++) {
        const size_t part = strlen(parts[i]);
        for (size = 0; size + part < sizeof(sql); size += part) {
            memcpy(sql + size, parts[i], part);
        }
        for (size_t at = 0; at <= size; at += size / 7) {
            DB_OK(laminar_database_complete(db, sql, size, at, &r, &err));
            laminar_result_free(r);
        }
    }
    laminar_database_close(db);
}

static void
test_complete_refuses(void **state) {
    (void)state;
    laminar_error     err;
    laminar_result   *r = NULL;
    laminar_database *db = db_open();
    CHECK(laminar_database_complete(db, "a", 1, 2, &r, &err) < 0);
    CHECK(strcmp(err.class_name, "ValueError") == 0 && r == NULL);
    DB_OK(laminar_database_end(db, &err));
    DB_FAILS(laminar_database_complete(db, "a", 1, 1, &r, &err), 101);
    laminar_database_close(db);
}

/* ---------------------------------------------------------------------------------- rows */
typedef struct taken {
    int64_t parts, rows, sum, stop_at;
    int32_t columns;
} taken;

static laminar_status
take_part(void *context, laminar_result *rows, laminar_error *err) {
    taken        *t = context;
    const int64_t count = laminar_result_row_count(rows);
    t->columns = laminar_result_column_count(rows);
    for (int64_t i = 0; i < count; i++) {
        laminar_value v;
        CHECK(laminar_result_value(rows, i, 0, &v) == LAMINAR_OK);
        t->sum += v.i;
    }
    t->rows += count;
    laminar_result_free(rows);
    if (++t->parts != t->stop_at) {
        return LAMINAR_OK;
    }
    snprintf(err->message, sizeof(err->message), "enough");
    return -1;
}

static taken
take_all(laminar_database *db, const char *sql) {
    taken           t = {.parts = 0};
    laminar_error   err;
    laminar_result *r = NULL;
    DB_OK(laminar_database_execute_rows(db, sql, strlen(sql), take_part, &t, &r, &err));
    CHECK(r != NULL);
    laminar_result_free(r);
    return t;
}

static void
test_rows_as_they_come(void **state) {
    (void)state;
    laminar_error     err;
    laminar_result   *r = NULL;
    laminar_database *db = open_stage();
    taken             t = take_all(db, "SELECT x, x + 1 FROM range(100000) r(x)");
    CHECK(t.parts > 5 && t.columns == 2);
    CHECK_EQ(t.rows, 100000);
    CHECK_EQ(t.sum, 4999950000);
    t = take_all(db, "SELECT 7 AS a; SELECT x FROM range(10) r(x) WHERE x > 100");
    CHECK_EQ(t.parts, 1);
    CHECK_EQ(t.rows, 0);
    CHECK_EQ(t.columns, 1);
    t = take_all(db, "CREATE TABLE n (k BIGINT)");
    CHECK_EQ(t.parts, 0);
    t = (taken){.stop_at = 2};
    const char *many = "SELECT x FROM range(100000) r(x)";
    CHECK(laminar_database_execute_rows(db, many, strlen(many), take_part, &t, &r, &err) < 0);
    CHECK(r == NULL && strstr(err.message, "enough") != NULL);
    CHECK_EQ(t.parts, 2);
    laminar_database_close(db);
}

/* Every allocation is refused in turn. */
static void
test_refused_memory(void **state) {
    (void)state;
    laminar_database *db = open_stage();
    static const char typed[] = "WITH w AS (SELECT 1) SELECT \"Order\" FROM trades t, w WHERE p";
    static const char rows[] = "SELECT symbol, price FROM trades";
    for (int32_t which = 0; which < 2; which++) {
        int64_t refused = 0;
        for (int64_t n = 1;; n++, refused++) {
            laminar_error   err;
            laminar_result *r = NULL;
            taken           t = {.parts = 0};
            atomic_store(&db->mem->fail_at, atomic_load(&db->mem->allocations) + n);
            const laminar_status s = which == 0
                                         ? laminar_database_complete(db, typed, sizeof(typed) - 1,
                                                                     sizeof(typed) - 1, &r, &err)
                                         : laminar_database_execute_rows(db, rows, sizeof(rows) - 1,
                                                                         take_part, &t, &r, &err);
            const bool spared = atomic_load(&db->mem->allocations) < atomic_load(&db->mem->fail_at);
            atomic_store(&db->mem->fail_at, 0);
            CHECK((s >= 0) == (r != NULL));
            CHECK(s >= 0 || err.code == 990);
            laminar_result_free(r);
            if (spared) {
                break;
            }
        }
        CHECK(refused > 2);
    }
    laminar_database_close(db);
}

/* ---------------------------------------------------------------------------------- terminal */
static void
check_cells(const char *bytes, size_t cells) {
    const size_t got = laminar_text_cells(bytes, strlen(bytes));
    if (got != cells) {
        print_error("\"%s\" has %zu cells, not %zu\n", bytes, got, cells);
        fail();
    }
}

static void
test_cells(void **state) {
    (void)state;
    int32_t cells;
    check_cells("", 0);
    check_cells("abc", 3);
    check_cells("\xc3\xa4\xc3\xb6", 2);
    check_cells("e\xcc\x81", 1);                                    /* e and an accent */
    check_cells("\xe6\xbc\xa2\xe5\xad\x97", 4);                     /* two ideographs */
    check_cells("\xef\xbd\xb1", 1);                                 /* a halfwidth letter */
    check_cells("\xf0\x9f\x98\x80", 2);                             /* a face */
    check_cells("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 2);             /* a flag */
    check_cells("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", 2); /* a family */
    check_cells("\xe2\x9d\xa4\xef\xb8\x8f", 2);                     /* a heart as a picture */
    check_cells("\xea\xb0\x80", 2);                                 /* a Hangul syllable */
    check_cells("\xff\x1b", 0);
    CHECK_EQ(laminar_text_step("e\xcc\x81x", 4, &cells), 3);
    CHECK_EQ(cells, 1);
    CHECK_EQ(laminar_text_step("", 0, &cells), 0);
}

static void
check_visible(const char *bytes, size_t size, unsigned flags, const char *wanted) {
    char         out[200];
    const size_t made = laminar_text_visible(bytes, size, flags, out, sizeof(out));
    if (made != strlen(wanted) || memcmp(out, wanted, made) != 0) {
        print_error("gave \"%.*s\", wanted \"%s\"\n", (int)made, out, wanted);
        fail();
    }
}

static void
test_visible(void **state) {
    (void)state;
    check_visible("a\\b", 3, 0, "a\\b");
    check_visible("a\n\t\r\0\x1b[31m\x7f", 11, 0, "a\\n\\t\\r\\x00\\x1b[31m\\x7f");
    check_visible("a\n\tb\x1b", 5, LAMINAR_TEXT_LINES, "a\n\tb\\x1b");
    check_visible("\xc2\x9b\xc2\xad", 4, 0, "\\u009b\\u00ad"); /* CSI, soft hyphen */
    check_visible("\xe2\x80\xae"
                  "x\xe2\x81\xa6\xd8\x9c",
                  9, 0, "\\u202ex\\u2066\\u061c");
    check_visible("\xe2\x80\xa8\xef\xbb\xbf\xe2\x80\x8b", 9, 0, "\\u2028\\ufeff\\u200b");
    check_visible("\xf3\xa0\x80\x81", 4, 0, "\\U000e0001");
    check_visible("\xff\xc3(\xed\xa0\x80", 6, 0, "\\xff\\xc3(\\xed\\xa0\\x80");
    check_visible("\xc3\xa4\xe2\x80\x8d\xf0\x9f\x98\x80", 9, 0,
                  "\xc3\xa4\xe2\x80\x8d\xf0\x9f\x98\x80");
    char small[5];
    CHECK_EQ(laminar_text_visible("ab\x1bz", 4, 0, small, sizeof(small)), 2);
    CHECK_EQ(laminar_text_visible("abc\xc3\xa4", 5, 0, small, 4), 3);
}

UNIT_MAIN(UNIT(test_tokens), UNIT(test_open_tokens), UNIT(test_any_bytes), UNIT(test_statements),
          UNIT(test_complete), UNIT(test_complete_made_columns), UNIT(test_complete_is_bounded),
          UNIT(test_complete_refuses), UNIT(test_rows_as_they_come), UNIT(test_refused_memory),
          UNIT(test_cells), UNIT(test_visible))
