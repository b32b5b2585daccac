/* SPDX-License-Identifier: Apache-2.0 */
/* test_database.c - laminar.h as a C program uses it: opening, options, statements and their
 * errors, DDL, shutdown and closing, the clock. */
#include <sys/wait.h>
#include <unistd.h>

#include "database.h"

static void
test_open(void **state) {
    (void)state;
    laminar_error     err;
    laminar_database *db = NULL;
    CHECK_STR(laminar_version(), LAMINAR_VERSION);
    static const char *const good[] = {":memory:", "", "trading_db"};
    for (size_t i = 0; i < 3; i++) {
        DB_OK(laminar_database_open(&db, good[i], NULL, &err));
        CHECK_STR(laminar_database_state(db), "Created");
        laminar_database_close(db);
    }
    DB_OK(laminar_database_open(&db, NULL, NULL, NULL));
    laminar_database_close(db);
    laminar_database_close(NULL);
    /* Directories whose parents are not there. */
    static const char *const bad[] = {"./none/here", "none/trades.db", "/no/such/x", "none/a.ldb"};
    for (size_t i = 0; i < 4; i++) {
        db = NULL;
        DB_FAILS(laminar_database_open(&db, bad[i], NULL, &err), 100);
        CHECK(db == NULL && strstr(err.message, bad[i]) != NULL);
        CHECK(laminar_database_open(&db, bad[i], NULL, NULL) < 0);
    }
    laminar_options options = LAMINAR_OPTIONS_INIT;
    options.threads = -1;
    DB_FAILS(laminar_database_open(&db, "", &options, &err), 991);
    options = (laminar_options){.size = sizeof(options), .memory_limit = -1};
    DB_FAILS(laminar_database_open(&db, "", &options, &err), 991);
    CHECK_STR(err.class_name, "ValueError");
    options.memory_limit = 10; /* less than a database needs */
    DB_FAILS(laminar_database_open(&db, "", &options, &err), 990);
    /* An older caller's struct ends early: what it does not have is not read. */
    options =
        (laminar_options){.size = offsetof(laminar_options, memory_limit), .memory_limit = 10};
    DB_OK(laminar_database_open(&db, "", &options, &err));
    laminar_database_close(db);
}

static void
test_statements(void **state) {
    (void)state;
    laminar_error     err;
    laminar_result   *r = NULL;
    laminar_value     v;
    laminar_database *db = db_open();
    DB_OK(laminar_database_execute(db, "CREATE SOURCE t (a INT, b VARCHAR)", &r, &err));
    CHECK_EQ(laminar_result_get_kind(r), LAMINAR_RESULT_DDL);
    CHECK_STR(laminar_result_ddl_type(r), "CREATE SOURCE");
    CHECK_STR(laminar_result_ddl_object(r), "t");
    CHECK_EQ(laminar_result_row_count(r), 0);
    CHECK_EQ(laminar_result_column_count(r), 0);
    CHECK(laminar_result_column_name(r, 0) == NULL);
    CHECK(laminar_result_value(r, 0, 0, &v) < 0);
    laminar_result_free(r);
    /* A script gives the last result; what ran before a fault stays. */
    DB_OK(laminar_database_execute(db,
                                   "INSERT INTO t VALUES (1, 'x'); INSERT INTO t VALUES "
                                   "(2, 'y'), (3, NULL);",
                                   &r, &err));
    CHECK_EQ(laminar_result_get_kind(r), LAMINAR_RESULT_ROWS_AFFECTED);
    CHECK_EQ(laminar_result_rows_affected(r), 2);
    laminar_result_free(r);
    r = NULL;
    DB_FAILS(
        laminar_database_execute(
            db, "INSERT INTO t VALUES (4, 'z'); SELECT nothing FROM t; DROP SOURCE t", &r, &err),
        400);
    CHECK(r == NULL);
    CHECK_EQ(err.position, 38);
    CHECK_EQ(err.line, 1);
    CHECK_EQ(err.column, 39);
    DB_OK(laminar_database_execute(db, "SELECT a, b FROM t ORDER BY a DESC", &r, &err));
    CHECK_EQ(laminar_result_get_kind(r), LAMINAR_RESULT_QUERY);
    CHECK(laminar_result_ddl_type(r) == NULL);
    CHECK_EQ(laminar_result_row_count(r), 4);
    CHECK_STR(laminar_result_column_name(r, 1), "b");
    CHECK_EQ(laminar_result_column_type(r, 0), LAMINAR_TYPE_INTEGER);
    CHECK_EQ(laminar_result_column_type(r, 2), LAMINAR_TYPE_NULL);
    CHECK_EQ(laminar_result_value(r, 1, 1, &v), LAMINAR_OK);
    CHECK(v.is_null && v.type == LAMINAR_TYPE_VARCHAR);
    CHECK(laminar_result_value(r, 4, 0, &v) < 0 && laminar_result_value(r, 0, -1, &v) < 0);
    laminar_database_close(db); /* the result stays */
    CHECK_EQ(laminar_result_value(r, 0, 1, &v), LAMINAR_OK);
    CHECK(v.text_size == 1 && v.text[0] == 'z');
    laminar_result_free(r);
    laminar_result_free(NULL);
}

static void
test_errors(void **state) {
    (void)state;
    laminar_error     err;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE trades (price DOUBLE, volume BIGINT)");
    db_refuse(db, "SELEC 1", 401, "SELEC");
    db_refuse(db, "", 401, "no statement");
    db_refuse(db, " ; -- nothing\n ", 401, "no statement");
    db_refuse(db, "SELECT * FROM nowhere", 200, "nowhere");
    db_refuse(db, "SELECT * FROM trade", 200, "did you mean \"trades\"?");
    db_refuse(db, "SELECT prise FROM trades", 400, "did you mean \"price\"?");
    db_refuse(db, "SELECT 1 / ", 401, "^");
    db_refuse(db, "INSERT INTO trades VALUES (1)", 400, "");
    db_refuse(db, "CREATE SOURCE trades (a INT)", 201, "trades");
    db_refuse(db, "CREATE SOURCE x (a INT, A INT)", 203, "A");
    db_refuse(db, "DROP STREAM trades", 200, "SOURCE");
    db_refuse(db, "SELECT sum(price) FROM trades EMIT CHANGES", 400, "EMIT");
    DB_FAILS(laminar_database_execute(db, "SELECT\n  'ü' AS a,\n  prise\nFROM trades", NULL, &err),
             400);
    CHECK_EQ(err.line, 3);
    CHECK_EQ(err.column, 3);
    CHECK_EQ(err.position, 21); /* characters, not bytes */
    CHECK_STR(err.class_name, "QueryError");
    CHECK_STR(err.hint, "did you mean \"price\"?");
    /* Bytes that are not text, and text that ends where its size says. */
    CHECK_EQ(laminar_database_execute_text(db, "SELECT '\xff'", 10, NULL, &err), -401);
    DB_OK(laminar_database_execute_text(db, "SELECT 1 nonsense (", 8, NULL, &err));
    CHECK_EQ(laminar_database_execute_text(db, "SELECT\0 1", 9, NULL, &err), -401);
    DB_FAILS(laminar_database_query_stream(db, "trades", NULL, NULL, &err), 200);
    CHECK(laminar_database_execute(db, "SELECT prise FROM trades", NULL, NULL) < 0);
    laminar_database_close(db);
}

/* The statement's text is gone when the stream is used. */
static void
test_text_is_copied(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_result       *r = NULL;
    laminar_database     *db = db_open();
    static const char     sql[] =
        "CREATE SOURCE t (k VARCHAR DEFAULT 'a default longer than a view', v BIGINT);"
        "CREATE STREAM s AS SELECT k || ' and a longer constant' AS \"a \"\"quoted\"\" name\", "
        "count(*), v AS other FROM t WHERE k LIKE '%default%' OR k IN ('some rather long text', "
        "'b') GROUP BY k, v";
    char *own = malloc(sizeof(sql));
    assert_non_null(own);
    memcpy(own, sql, sizeof(sql));
    DB_OK(laminar_database_execute(db, own, NULL, &err));
    memset(own, 'x', sizeof(sql));
    free(own);
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe_stream(&sub, db, "s", &err));
    db_run(db, "INSERT INTO t (v) VALUES (1); INSERT INTO t VALUES ('some rather long text', 2)");
    db_check_next(sub, "a default longer than a view and a longer constant,1,1");
    db_check_next(sub, "some rather long text and a longer constant,1,2");
    DB_OK(laminar_database_query_stream(db, "s", "other = 2", &r, &err));
    CHECK_EQ(laminar_result_row_count(r), 1);
    CHECK_STR(laminar_result_column_name(r, 0), "a \"quoted\" name");
    CHECK_STR(laminar_result_column_name(r, 1), "count(*)");
    laminar_result_free(r);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

static void
check_names(laminar_database *db, laminar_object_kind kind, const char *wanted) {
    laminar_error   err;
    laminar_result *r = NULL;
    char            names[256] = "";
    DB_OK(laminar_database_list(db, kind, &r, &err));
    CHECK_EQ(laminar_result_get_kind(r), LAMINAR_RESULT_METADATA);
    for (int64_t i = 0; i < laminar_result_row_count(r); i++) {
        laminar_value v;
        CHECK_EQ(laminar_result_value(r, i, 0, &v), LAMINAR_OK);
        const size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%.*s", i > 0 ? " " : "", (int)v.text_size,
                 v.text);
    }
    laminar_result_free(r);
    CHECK_STR(names, wanted);
}

static void
test_ddl(void **state) {
    (void)state;
    laminar_error      err;
    struct ArrowSchema shape;
    laminar_database  *db = db_open();
    db_run(db, "CREATE SOURCE a (v BIGINT); CREATE TABLE b (v BIGINT);"
               "CREATE STREAM s1 AS SELECT v FROM a; CREATE STREAM s2 AS SELECT v FROM s1;"
               "CREATE STREAM s3 AS SELECT s2.v FROM s2 JOIN b ON s2.v = b.v");
    check_names(db, LAMINAR_OBJECT_SOURCE, "a");
    check_names(db, LAMINAR_OBJECT_TABLE, "b");
    check_names(db, LAMINAR_OBJECT_STREAM, "s1 s2 s3");
    db_refuse(db, "DROP SOURCE a", 202, "s1");
    db_refuse(db, "DROP STREAM s1", 202, "s2");
    db_refuse(db, "CREATE OR REPLACE STREAM s2 AS SELECT v + 1 AS w FROM s1", 202,
              "\"s3\" reads it, and would fail with the new one: ");
    db_refuse(db, "CREATE OR REPLACE STREAM s1 AS SELECT v FROM s3", 400, "\"s3\", which reads");
    db_refuse(db, "CREATE OR REPLACE STREAM s3 AS SELECT nothing FROM s2", 400, "nothing");
    db_refuse(db, "CREATE OR REPLACE STREAM s3 AS SELECT * FROM s3", 400, "replaces");
    db_refuse(db, "CREATE OR REPLACE SOURCE s3 (v BIGINT)", 201, "STREAM");
    db_refuse(db, "CREATE OR REPLACE TABLE b (v BIGINT, v INT)", 202, "s3");
    check_names(db, LAMINAR_OBJECT_STREAM, "s1 s2 s3"); /* each is still there */
    db_run(db, "CREATE STREAM IF NOT EXISTS s2 AS SELECT 1 AS other FROM a");
    DB_OK(laminar_database_schema(db, "S2", &shape, &err));
    CHECK_EQ(shape.n_children, 1);
    CHECK_STR(shape.children[0]->name, "v");
    CHECK_STR(shape.children[0]->format, "l");
    shape.release(&shape);
    db_run(db, "DROP TABLE b CASCADE");
    check_names(db, LAMINAR_OBJECT_STREAM, "s1 s2");
    db_run(db, "CREATE OR REPLACE STREAM s2 AS SELECT v + 1 AS w FROM s1");
    db_run(db, "INSERT INTO a VALUES (1), (2)");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_start(db, &err));
    CHECK_STR(laminar_database_state(db), "Running");
    db_check_rows(db, "SELECT * FROM s2 ORDER BY w", "2|3");
    db_run(db, "DROP SOURCE a CASCADE; DROP SOURCE IF EXISTS a; DROP STREAM IF EXISTS s1");
    check_names(db, LAMINAR_OBJECT_STREAM, "");
    db_refuse(db, "DROP SOURCE a", 200, "a");
    db_run(db, "CREATE SOURCE a (w VARCHAR); INSERT INTO a VALUES ('new')");
    db_check_rows(db, "SELECT * FROM a", "new");
    DB_FAILS(laminar_database_schema(db, "nothing", &shape, &err), 200);
    CHECK_STR(err.class_name, "SchemaError");
    laminar_database_close(db);
}

static void
test_shutdown(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_appender     *a = NULL;
    laminar_database     *db = db_open();
    db_run(db, "CREATE SOURCE t (v BIGINT); CREATE STREAM s AS SELECT v FROM t");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe_stream(&sub, db, "s", &err));
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    db_run(db, "INSERT INTO t VALUES (1)");
    DB_OK(laminar_append_bigint(a, 0, 2, &err));
    DB_OK(laminar_database_shutdown(db, &err));
    DB_OK(laminar_database_shutdown(db, &err));
    CHECK_STR(laminar_database_state(db), "Stopped");
    DB_FAILS(laminar_appender_flush(a, NULL, &err), 901);
    db_refuse(db, "INSERT INTO t VALUES (2)", 901, "shut down");
    db_refuse(db, "CREATE SOURCE u (v BIGINT)", 901, "shut down");
    db_refuse(db, "DROP STREAM s", 901, "shut down");
    DB_FAILS(laminar_database_start(db, &err), 901);
    DB_FAILS(laminar_database_advance(db, "t", 1, &err), 901);
    db_check_rows(db, "SELECT * FROM s", "1");
    db_check_next(sub, "1"); /* what was queued, then the end */
    CHECK_EQ(laminar_subscription_state(sub), LAMINAR_SUBSCRIPTION_FINISHED);
    db_check_next(sub, NULL);
    laminar_appender_close(a);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

/* Every call on a handle whose database was ended says 101; a child of fork gets 100. */
static void
test_end(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL, *none = NULL;
    laminar_appender     *a = NULL;
    laminar_result       *r = NULL;
    laminar_stream_stats  stats = {.size = sizeof(stats)};
    struct ArrowSchema    shape;
    laminar_database     *db = db_open();
    db_run(db, "CREATE SOURCE t (v BIGINT); CREATE STREAM s AS SELECT v FROM t");
    DB_OK(laminar_database_start(db, &err));
    const pid_t child = fork();
    if (child == 0) {
        const laminar_status got = laminar_database_execute(db, "SELECT 1", NULL, &err);
        const bool           right = got == -100 && strstr(err.message, "fork") != NULL;
        laminar_database_close(db);
        _exit(right ? 0 : 1);
    }
    int how = -1;
    CHECK_EQ(waitpid(child, &how, 0), child);
    CHECK_EQ(how, 0);
    DB_OK(laminar_database_subscribe(&sub, db, "SELECT v FROM t", &err));
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    DB_OK(laminar_append_bigint(a, 0, 1, &err));
    CHECK_EQ(laminar_database_end(db, NULL), LAMINAR_OK);
    CHECK_EQ(laminar_database_end(db, NULL), LAMINAR_OK);
    DB_FAILS(laminar_database_execute(db, "SELECT syntax error", NULL, &err), 101);
    DB_FAILS(laminar_database_start(db, &err), 101);
    DB_FAILS(laminar_database_shutdown(db, &err), 101);
    DB_FAILS(laminar_database_query_stream(db, "s", NULL, &r, &err), 101);
    DB_FAILS(laminar_database_subscribe_stream(&none, db, "s", &err), 101);
    DB_FAILS(laminar_database_subscribe(&none, db, "SELECT 1", &err), 101);
    DB_FAILS(laminar_database_list(db, LAMINAR_OBJECT_SOURCE, &r, &err), 101);
    DB_FAILS(laminar_database_schema(db, "t", &shape, &err), 101);
    DB_FAILS(laminar_database_stream_stats(db, "s", &stats, &err), 101);
    DB_FAILS(laminar_database_insert_csv(db, "t", "v\n1", 3, ',', NULL, NULL, &err), 101);
    DB_FAILS(laminar_database_advance(db, "t", 1, &err), 101);
    DB_FAILS(laminar_appender_flush(a, NULL, &err), 101);
    CHECK_STR(err.class_name, "ConnectionError");
    laminar_database_interrupt(db);
    CHECK_STR(laminar_database_state(db), "Stopped");
    CHECK_EQ(laminar_subscription_state(sub), LAMINAR_SUBSCRIPTION_FINISHED);
    laminar_subscription_close(sub);
    laminar_database_close(db); /* the appender still holds its memory */
    laminar_appender_close(a);
}

static int64_t
fixed_clock(void *context) {
    return (*(int64_t *)context)++;
}

static void
test_clock(void **state) {
    (void)state;
    laminar_error         err;
    laminar_database     *db = NULL;
    int64_t               now = INT64_C(1704067200000000);
    const laminar_options options = {
        .size = sizeof(options), .clock_us = fixed_clock, .clock_context = &now};
    DB_OK(laminar_database_open(&db, "", &options, &err));
    db_run(db, "CREATE SOURCE t (v BIGINT); INSERT INTO t VALUES (1)");
    CHECK_EQ(now, INT64_C(1704067200000001)); /* once for an insert */
    laminar_database_close(db);
}

/* DDL, rows and streams come and go: memory returns to where it was. */
static void
test_memory_returns(void **state) {
    (void)state;
    laminar_error     err;
    laminar_database *db = db_open();
    DB_OK(laminar_database_start(db, &err));
    int64_t level = 0;
    for (int32_t round = 0; round < 90; round++) {
        db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR); CREATE STREAM s1 AS SELECT k, count(*) "
                   "AS n, max(s) AS top FROM t GROUP BY k; CREATE STREAM s2 AS SELECT DISTINCT n "
                   "FROM s1; INSERT INTO t VALUES (1, 'a text longer than a view'), (2, 'b')");
        laminar_subscription *sub = NULL;
        DB_OK(laminar_database_subscribe(&sub, db, "SELECT k, s FROM t ORDER BY k LIMIT 1", &err));
        db_refuse(db, "DROP SOURCE t CASCADE", 202, "subscription");
        db_refuse(db, "SELECT max(k + s) FROM t", 400, "");
        laminar_subscription_close(sub);
        db_run(db, "DROP SOURCE IF EXISTS t CASCADE");
        if (round == 70) { /* the list of finished queries is full */
            level = laminar_database_memory(db);
        }
    }
    CHECK_EQ(laminar_database_memory(db), level);
    laminar_database_close(db);
}

/* A stream that fails gives its state back at once, and so does what reads it; its counters stay.
 */
static void
test_failed_stream(void **state) {
    (void)state;
    laminar_error        err;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    laminar_database    *db = db_open();
    const size_t         room = 40000 * 16;
    char                *csv = malloc(room);
    assert_non_null(csv);
    size_t size = (size_t)snprintf(csv, room, "k,v\n");
    for (int i = 0; i < 40000; i++) {
        size += (size_t)snprintf(csv + size, room - size, "%d,1\n", i);
    }
    db_run(db, "CREATE SOURCE t (k BIGINT, v BIGINT);"
               "CREATE STREAM s AS SELECT k, sum(v) AS total FROM t GROUP BY k;"
               "CREATE STREAM above AS SELECT total, k, count(*) AS n FROM s GROUP BY total, k;"
               "CREATE STREAM other AS SELECT count(*) AS n FROM t");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_insert_csv(db, "t", csv, size, ',', NULL, NULL, &err));
    free(csv);
    const int64_t before = laminar_database_memory(db);
    db_run(db, "INSERT INTO t VALUES (1, 9223372036854775807)");
    CHECK(laminar_database_memory(db) < before - 2000000);
    DB_OK(laminar_database_stream_stats(db, "s", &stats, &err));
    CHECK(stats.failed);
    CHECK_EQ(stats.rows_in, 40001);
    CHECK_EQ(stats.rows_out, 40000);
    CHECK_EQ(stats.state_bytes, 0);
    DB_OK(laminar_database_stream_stats(db, "above", &stats, &err));
    CHECK(stats.failed);
    CHECK_EQ(stats.rows_in, 40000);
    db_refuse(db, "SELECT * FROM above", 600, "failed");
    db_refuse(db, "CREATE STREAM more AS SELECT * FROM s", 600, "failed");
    db_run(db, "INSERT INTO t VALUES (1, 1)");
    db_check_rows(db, "SELECT n FROM other", "40002");
    db_run(db, "EXPLAIN WATERMARK s");
    db_run(db, "DROP STREAM s CASCADE; CREATE STREAM s AS SELECT k, sum(v % 7) AS total FROM t "
               "GROUP BY k");
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM s"), 40000);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_open), UNIT(test_statements), UNIT(test_errors), UNIT(test_text_is_copied),
          UNIT(test_ddl), UNIT(test_shutdown), UNIT(test_end), UNIT(test_clock),
          UNIT(test_memory_returns), UNIT(test_failed_stream))
