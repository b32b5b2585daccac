/* SPDX-License-Identifier: Apache-2.0 */
/* test_functions.c - functions of the program's own: registering, calls in queries and streams,
 * what they may give back and what not, and what they may not do. */
#include <stdlib.h>

#include "base/rng.h"
#include "database.h"
#include "os/thread.h"

/* ---- functions of one DOUBLE, as a program would write them */
typedef struct made {
    const void *buffers[2];
    double     *values;
    uint8_t    *bits;
} made;

static void
release_array(struct ArrowArray *a) {
    made *m = a->private_data;
    free(m->values);
    free(m->bits);
    free(m);
    a->release = NULL;
}

static void
release_type(struct ArrowSchema *s) {
    s->release = NULL;
}

static double *
make_doubles(struct ArrowArray *out, struct ArrowSchema *type, int64_t count) {
    made *m = calloc(1, sizeof(*m));
    m->values = calloc((size_t)count + 1, sizeof(double));
    m->buffers[1] = m->values;
    *out = (struct ArrowArray){.length = count,
                               .n_buffers = 2,
                               .buffers = m->buffers,
                               .release = release_array,
                               .private_data = m};
    *type = (struct ArrowSchema){.format = "g", .name = "", .flags = 2, .release = release_type};
    return m->values;
}

typedef struct counts {
    _Atomic int64_t   calls, rows, closed;
    double            factor;
    bool              fails;
    const char       *format;    /* of the result, when it is to be wrong */
    int64_t           length;    /* likewise; 0: right */
    bool              broadcast; /* one value for all rows */
    laminar_database *calls_back;
    int32_t           code_met; /* what the call back failed with */
} counts;

static double
argument(const laminar_call *call, int32_t at, int64_t row) {
    const double *v = call->arguments[at].buffers[1];
    return v[call->arguments[at].offset + (call->constants[at] ? 0 : row)];
}

static laminar_status
scale(void *context, const laminar_call *call, struct ArrowArray *out, struct ArrowSchema *type,
      laminar_error *err) {
    counts *c = context;
    atomic_fetch_add(&c->calls, 1);
    atomic_fetch_add(&c->rows, call->row_count);
    if (c->fails) {
        (void)snprintf(err->message, sizeof(err->message), "no way: user.py:12");
        return -400;
    }
    if (c->calls_back != NULL) {
        laminar_error e;
        CHECK(laminar_database_execute(c->calls_back, "SELECT 1", NULL, &e) < 0);
        c->code_met = e.code;
    }
    const int64_t count = c->length != 0 ? c->length : c->broadcast ? 1 : call->row_count;
    double       *values = make_doubles(out, type, count);
    for (int64_t i = 0; i < count && i < call->row_count; i++) {
        values[i] = argument(call, 0, i) * c->factor;
    }
    if (c->format != NULL) {
        type->format = c->format;
    }
    return LAMINAR_OK;
}

static void
note_close(void *context) {
    counts *c = context;
    atomic_fetch_add(&c->closed, 1);
}

static const char *const one_double[] = {"DOUBLE"};

static laminar_scalar
scaler(counts *c, uint32_t flags) {
    laminar_scalar f = LAMINAR_SCALAR_INIT;
    f.flags = flags;
    f.argument_count = 1;
    f.arguments = one_double;
    f.result = "DOUBLE";
    f.call = scale;
    f.close = note_close;
    f.context = c;
    return f;
}

/* The rows in the order in which they come. */
static void
expect(laminar_database *db, const char *sql, const char *rows) {
    laminar_error   err;
    laminar_result *r = NULL;
    db_check_ok(laminar_database_execute(db, sql, &r, &err), &err, sql, __FILE__, __LINE__);
    shown *s = shown_new();
    show_result(s, r);
    laminar_result_free(r);
    if (strcmp(s->text, rows) != 0) {
        print_error("%s\n  gave %.2000s\n  not %s\n", sql, s->text, rows);
        fail();
    }
    free(s);
}

static void
start(laminar_database *db) {
    laminar_error err;
    DB_OK(laminar_database_start(db, &err));
}

static void
put(laminar_database *db, const char *name, counts *c, uint32_t flags) {
    laminar_error        err;
    const laminar_scalar f = scaler(c, flags);
    DB_OK(laminar_database_register_scalar(db, name, &f, &err));
}

static laminar_database *
open_rows(void) {
    laminar_database *db = db_open();
    db_run(db, "CREATE TABLE t (k BIGINT PRIMARY KEY, v DOUBLE)");
    db_run(db, "INSERT INTO t VALUES (1, 1.5), (2, NULL), (3, 3.5)");
    return db;
}

/* ---- scalar calls */
static void
test_values_of_rows(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = open_rows();
    put(db, "twice", &c, 0);
    expect(db, "SELECT k, twice(v) FROM t ORDER BY k", "1,3|2,NULL|3,7");
    CHECK_EQ(c.calls, 1);
    CHECK_EQ(c.rows, 2); /* the NULL was not shown */
    expect(db, "SELECT sum(twice(x)) FROM range(10000) r(x)", "99990000");
    expect(db, "SELECT k FROM t WHERE TWICE(v) > 4", "3");
    expect(db, "SELECT CASE WHEN k = 3 THEN twice(v) ELSE 0 END FROM t ORDER BY k", "0|0|7");
    expect(db, "SELECT twice(k) FROM t ORDER BY k", "2|4|6"); /* BIGINT becomes DOUBLE */
    expect(db, "SELECT twice('4')", "8");
    expect(db, "SELECT twice(NULL)", "NULL");
    laminar_database_close(db);
    CHECK_EQ(c.closed, 1);
}

static void
test_constants_once(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = db_open();
    put(db, "twice", &c, 0);
    expect(db, "SELECT sum(twice(3)) FROM range(10000) r(x)", "60000");
    CHECK_EQ(c.calls, 1);
    CHECK_EQ(c.rows, 1);
    db_run(db, "EXPLAIN SELECT twice(3)");
    CHECK_EQ(c.calls, 1);
    laminar_database_close(db);
}

static void
test_one_value_for_all_rows(void **state) {
    (void)state;
    counts            c = {.factor = 2, .broadcast = true};
    laminar_database *db = open_rows();
    put(db, "first_twice", &c, 0);
    expect(db, "SELECT k, first_twice(v) FROM t ORDER BY k", "1,3|2,NULL|3,3");
    laminar_database_close(db);
}

static void
test_wrong_results(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = open_rows();
    put(db, "twice", &c, 0);
    c.length = 5;
    db_refuse(db, "SELECT twice(v) FROM t", 400, "5 values for 2 rows");
    c.length = 0;
    c.format = "l";
    db_refuse(db, "SELECT twice(v) FROM t", 400, "it is a BIGINT, and a DOUBLE was declared");
    c.format = "u";
    db_refuse(db, "SELECT twice(v) FROM t", 400, "wrong result");
    c.format = "?";
    db_refuse(db, "SELECT twice(v) FROM t", 400, "wrong result");
    c.format = NULL;
    c.fails = true;
    db_refuse(db, "SELECT 1,\n twice(v) FROM t", 400,
              "function \"twice\" failed: no way: user.py:12\nLINE 2:  twice(v) FROM t");
    c.fails = false;
    expect(db, "SELECT twice(v) FROM t WHERE k = 1", "3");
    laminar_database_close(db);
}

static void
test_wrong_calls(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = open_rows();
    put(db, "twice", &c, 0);
    db_refuse(db, "SELECT twice()", 400, "twice(DOUBLE) takes 1 argument, and 0 are given");
    db_refuse(db, "SELECT twice('x')", 400, "x");
    db_refuse(db, "SELECT twice(CAST('4' AS VARCHAR) || k) FROM t", 400, "CAST(... AS DOUBLE)");
    db_refuse(db, "SELECT twice(DISTINCT v) FROM t", 400, "a value for each row");
    db_refuse(db, "SELECT twice(v) OVER () FROM t", 400, "");
    CHECK_EQ(c.calls, 0);
    laminar_database_close(db);
}

static void
test_names(void **state) {
    (void)state;
    counts            c = {.factor = 2}, other = {.factor = 3};
    laminar_error     err;
    laminar_database *db = db_open();
    laminar_scalar    f = scaler(&c, 0);
    put(db, "Abs", &other, 0); /* it hides what is built in, */
    expect(db, "SELECT abs(2)", "6");
    db_run(db, "DROP FUNCTION abs"); /* which is there again */
    expect(db, "SELECT abs(2)", "2");
    CHECK_EQ(other.closed, 1);
    db_run(db, "CREATE FUNCTION plus_one(x) AS x + 1");
    DB_FAILS(laminar_database_unregister(db, "plus_one", &err), 200);
    DB_FAILS(laminar_database_register_scalar(db, "Plus_One", &f, &err), 201);
    DB_FAILS(laminar_database_unregister(db, "nobody", &err), 200);
    f.result = "NO_TYPE";
    DB_FAILS(laminar_database_register_scalar(db, "f", &f, &err), 400);
    f.result = "DOUBLE) RETURNS DOUBLE AS 1; DROP TABLE t --";
    CHECK(laminar_database_register_scalar(db, "f", &f, &err) < 0);
    CHECK_EQ(c.closed, 0); /* what failed to be registered stays the caller's */
    put(db, "Twice", &c, 0);
    put(db, "twice", &other, 0);
    expect(db, "SELECT tWiCe(2)", "6");
    CHECK_EQ(c.closed, 1);
    expect(db, "SHOW FUNCTIONS",
           "plus_one,scalar,CREATE FUNCTION plus_one(x) AS x + 1|Twice,scalar,CREATE OR REPLACE "
           "FUNCTION \"Twice\"(a1 DOUBLE) RETURNS DOUBLE LANGUAGE EXTERNAL");
    db_run(db, "DROP FUNCTION twice");
    CHECK_EQ(other.closed, 2);
    db_refuse(db, "SELECT twice(2)", 400, "twice");
    laminar_database_close(db);
}

static void
test_without_code(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_error     err;
    laminar_database *db = db_open();
    db_run(db, "CREATE FUNCTION twice(a1 DOUBLE) RETURNS DOUBLE LANGUAGE EXTERNAL");
    db_refuse(db, "SELECT twice(2)", 400, "its code is not registered");
    db_run(db, "CREATE SOURCE t (v DOUBLE)");
    start(db);
    laminar_subscription_options options = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    laminar_subscription        *sub = NULL;
    options.sql = "SELECT twice(v) FROM t";
    DB_FAILS(laminar_subscription_open(&sub, db, &options, &err), 400);
    put(db, "twice", &c, 0);
    expect(db, "SELECT twice(2)", "4");
    DB_OK(laminar_database_unregister(db, "twice", &err));
    CHECK_EQ(c.closed, 1);
    db_refuse(db, "SELECT twice(2)", 400, "its code is not registered");
    laminar_database_close(db);
}

static void
test_code_is_replaced(void **state) {
    (void)state;
    counts            c = {.factor = 2}, other = {.factor = 10};
    laminar_error     err;
    laminar_database *db = open_rows();
    laminar_scalar    f;
    put(db, "times", &c, 0);
    db_run(db, "CREATE STREAM s AS SELECT k, times(v) AS w FROM t");
    start(db);
    put(db, "times", &other, 0);
    expect(db, "SELECT times(1)", "10");
    db_run(db, "INSERT INTO t VALUES (4, 4)");
    expect(db, "SELECT k, w FROM s ORDER BY k", "1,3|2,NULL|3,7|4,8"); /* as it began */
    f = scaler(&other, 0);
    f.result = "BIGINT";
    DB_FAILS(laminar_database_register_scalar(db, "times", &f, &err), 202);
    f = scaler(&other, LAMINAR_FUNCTION_VOLATILE);
    DB_FAILS(laminar_database_register_scalar(db, "times", &f, &err), 202);
    db_refuse(db, "DROP FUNCTION times", 202, "s");
    f = scaler(&other, 0);
    f.version = "2's";
    DB_OK(laminar_database_register_scalar(db, "times", &f, &err));
    expect(db, "SELECT times(1)", "10");
    db_run(db, "DROP FUNCTION times CASCADE");
    db_refuse(db, "SELECT * FROM s", 200, "s");
    laminar_database_close(db);
    CHECK_EQ(c.closed, 1);
}

/* Wherever a statement has an expression. */
static void
test_places(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = open_rows();
    put(db, "twice", &c, 0);
    expect(db, "SELECT twice(v), count(*) FROM t GROUP BY twice(v) ORDER BY 1 NULLS LAST",
           "3,1|7,1|NULL,1");
    expect(db, "SELECT k FROM t ORDER BY twice(-v) NULLS FIRST", "2|3|1");
    expect(db, "SELECT max(twice(v)) AS m FROM t HAVING max(twice(v)) > 6", "7");
    expect(db, "SELECT a.k, b.k FROM t a JOIN t b ON twice(a.v) = b.v * 2 ORDER BY 1", "1,1|3,3");
    expect(db,
           "SELECT a.k FROM t a LEFT JOIN t b ON a.k = b.k AND twice(b.v) > 5 "
           "WHERE b.k IS NULL ORDER BY 1",
           "1|2");
    expect(db, "SELECT list_sum(list_transform([1, 2, 3], x -> twice(x)))", "12");
    expect(db, "SELECT twice((SELECT max(v) FROM t))", "7");
    expect(db, "SELECT sum(twice(v)) OVER (ORDER BY k) FROM t ORDER BY k", "3|3|10");
    expect(db, "SELECT k FROM t WHERE v IS NOT NULL AND twice(v) IN (3, 9)", "1");
    db_run(db, "CREATE FUNCTION four(x) AS twice(twice(x))");
    expect(db, "SELECT four(v) FROM t WHERE k = 1", "6");
    db_refuse(db, "DROP FUNCTION twice", 202, "four");
    db_run(db, "CREATE VIEW w AS SELECT k, twice(v) AS v FROM t");
    expect(db, "SELECT v FROM w WHERE k = 3", "7");
    db_run(db, "INSERT INTO t SELECT 5, twice(4)");
    db_run(db, "UPDATE t SET v = twice(v) WHERE k = 5");
    expect(db, "SELECT v FROM t WHERE k = 5", "16");
    db_run(db, "DELETE FROM t WHERE twice(v) = 32");
    db_run(db, "CREATE TABLE d (k BIGINT, v DOUBLE DEFAULT twice(21))");
    db_run(db, "INSERT INTO d (k) VALUES (1)");
    expect(db, "SELECT v FROM d", "42");
    db_refuse(db, "CREATE TABLE e (v DOUBLE CHECK (twice(v) > 0))", 400, "CHECK");
    db_run(db, "PREPARE p AS SELECT twice($1)");
    expect(db, "EXECUTE p(3)", "6");
    laminar_database_close(db);
    CHECK_EQ(c.closed, 1);
}

/* ---- streams */
static void
test_streams_follow(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = open_rows();
    put(db, "twice", &c, 0);
    db_run(db, "CREATE STREAM a AS SELECT k, twice(v) AS w FROM t WHERE twice(v) > 3");
    db_run(db, "CREATE STREAM b AS SELECT k, v * 2 AS w FROM t WHERE v * 2 > 3");
    db_run(db, "CREATE STREAM total AS SELECT sum(twice(v)) AS w, count(*) AS n FROM t");
    start(db);
    const char *const changes[] = {
        "INSERT INTO t SELECT x, x * 0.25 FROM range(10, 3000) r(x)",
        "UPDATE t SET v = v + 1 WHERE k % 3 = 0", "DELETE FROM t WHERE k % 7 = 1",
        "UPDATE t SET v = NULL WHERE k = 3", "INSERT INTO t VALUES (1, 1.5)"};
    for (int32_t i = 0; i < ARRAY_COUNT(changes); i++) {
        db_run(db, changes[i]);
        expect(db, "SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b)", "0");
        expect(db, "SELECT count(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)", "0");
        expect(db, "SELECT w = (SELECT sum(v * 2) FROM t), n = (SELECT count(*) FROM t) FROM total",
               "1,1");
    }
    laminar_database_close(db);
    CHECK_EQ(c.closed, 1);
}

static laminar_status
next_number(void *context, const laminar_call *call, struct ArrowArray *out,
            struct ArrowSchema *type, laminar_error *err) {
    counts *c = context;
    (void)err;
    double *values = make_doubles(out, type, call->row_count);
    for (int64_t i = 0; i < call->row_count; i++) {
        values[i] = (double)atomic_fetch_add(&c->calls, 1);
    }
    return LAMINAR_OK;
}

static void
test_volatile_is_kept(void **state) {
    (void)state;
    counts            c = {.calls = 100};
    laminar_error     err;
    laminar_database *db = open_rows();
    laminar_scalar    f = scaler(&c, LAMINAR_FUNCTION_VOLATILE);
    f.call = next_number;
    DB_OK(laminar_database_register_scalar(db, "next_number", &f, &err));
    db_run(db, "CREATE STREAM s AS SELECT count(*) AS n, sum(w) AS total, "
               "sum(v) AS v FROM (SELECT v, next_number(1) AS w FROM t)");
    start(db);
    expect(db, "SELECT n, total FROM s", "3,303"); /* 100, 101, 102: a value a row */
    db_run(db, "DELETE FROM t WHERE k = 2");
    expect(db, "SELECT n, total FROM s", "2,202");
    db_run(db, "UPDATE t SET v = 9 WHERE k = 1"); /* 100 goes, 103 comes */
    expect(db, "SELECT n, total FROM s", "2,205");
    laminar_database_close(db);
}

static void
test_failing_stream_retries(void **state) {
    (void)state;
    counts            c = {.factor = 2}, other = {.factor = 2};
    laminar_database *db = open_rows();
    put(db, "twice", &c, 0);
    db_run(db, "CREATE STREAM s AS SELECT k, twice(v) AS w FROM t");
    db_run(db, "CREATE STREAM apart AS SELECT count(*) AS n FROM t");
    start(db);
    c.fails = true;
    db_run(db, "INSERT INTO t VALUES (4, 4)"); /* it stands */
    expect(db, "SELECT n FROM apart", "4");
    db_refuse(db, "SELECT * FROM s", 600, "no way: user.py:12");
    db_run(db, "INSERT INTO t VALUES (5, 5)");
    put(db, "twice", &other, 0);
    db_run(db, "ALTER STREAM s RETRY");
    expect(db, "SELECT k, w FROM s ORDER BY k", "1,3|2,NULL|3,7|4,8|5,10");
    CHECK(other.calls > 0);
    laminar_database_close(db);
}

/* ---- code that comes later */
static void
expect_waiting(laminar_database *db, const char *stream) {
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "SELECT state, error FROM laminar.streams WHERE name = '%s'",
                   stream);
    expect(db, sql, "waiting_for_udf,it waits for function \"twice\"");
}

static void
test_made_without_code(void **state) {
    (void)state;
    counts            c = {.factor = 2};
    laminar_database *db = open_rows();
    db_run(db, "CREATE FUNCTION twice(a1 DOUBLE) RETURNS DOUBLE LANGUAGE EXTERNAL");
    start(db);
    db_run(db, "CREATE STREAM s AS SELECT k, twice(v) AS w FROM t");
    db_run(db, "CREATE STREAM total AS SELECT sum(w) AS w FROM s");
    db_run(db, "CREATE STREAM apart AS SELECT count(*) AS n FROM t");
    expect_waiting(db, "s");
    expect_waiting(db, "total");
    db_run(db, "INSERT INTO t VALUES (4, 4)");
    expect(db, "SELECT n FROM apart", "4");
    db_refuse(db, "SELECT * FROM s", 400, "it waits for function \"twice\"");
    db_refuse(db, "SELECT * FROM total", 400, "it waits for function \"twice\"");
    put(db, "twice", &c, 0);
    expect(db, "SELECT k, w FROM s ORDER BY k", "1,3|2,NULL|3,7|4,8");
    expect(db, "SELECT w FROM total", "18");
    db_run(db, "UPDATE t SET v = 1 WHERE k = 4");
    expect(db, "SELECT w FROM total", "12");
    laminar_database_close(db);
}

static laminar_database *
open_at(const char *path) {
    laminar_error     err;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    options.checkpoint_interval_ms = 3600 * 1000;
    DB_OK(laminar_database_open(&db, path, &options, &err));
    return db;
}

static void
remove_all(const char *path) {
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", path);
    CHECK_EQ(system(command), 0); /* NOLINT: a path of mkdtemp */
}

/* What runs keeps its state and what comes for it, over several lives. */
static void
reopen_without_code(bool with_checkpoint) {
    counts        c = {.factor = 2};
    laminar_error err;
    char          path[] = "/tmp/laminar-functions-XXXXXX";
    int64_t       rows = 0, sum = 0;
    CHECK(mkdtemp(path) != NULL);
    laminar_database *db = open_at(path);
    put(db, "twice", &c, 0);
    db_run(db, "CREATE SOURCE t (k BIGINT, v DOUBLE) WITH (retain = '2 rows');"
               "CREATE STREAM s AS SELECT k, twice(v) AS w FROM t;"
               "CREATE STREAM total AS SELECT count(*) AS n, sum(w) AS w FROM s");
    start(db);
    for (int32_t i = 0; i < 10; i++) {
        db_run(db, "INSERT INTO t VALUES (1, 1.5)");
    }
    expect(db, "SELECT n, w FROM total", "10,30");
    if (with_checkpoint) {
        DB_OK(laminar_database_checkpoint(db, NULL, &err));
    }
    laminar_database_close(db);
    for (int32_t life = 0; life < 3; life++) {
        db = open_at(path);
        expect_waiting(db, "s");
        expect_waiting(db, "total");
        for (int32_t i = 0; i < 5; i++) {
            db_run(db, "INSERT INTO t VALUES (2, 2.5)");
        }
        if (life == 1) {
            DB_OK(laminar_database_checkpoint(db, NULL, &err));
            db_run(db, "INSERT INTO t VALUES (2, 2.5)");
        }
        laminar_database_close(db);
    }
    db = open_at(path);
    laminar_subscription *sub = NULL;
    DB_OK(laminar_database_subscribe_stream(&sub, db, "s", &err));
    put(db, "twice", &c, 0);
    expect(db, "SELECT n, w FROM total", "26,110");
    db_run(db, "INSERT INTO t VALUES (3, 1)");
    expect(db, "SELECT n, w FROM total", "27,112");
    DB_OK(laminar_database_end(db, &err));
    CHECK_EQ(db_follow(sub, &rows, &sum), LAMINAR_DONE);
    CHECK_EQ(rows, 1); /* what came since it subscribed, as if nothing had waited */
    CHECK_EQ(sum, 3);
    laminar_subscription_close(sub);
    laminar_database_close(db);
    remove_all(path);
}

static void
test_reopened_without_code(void **state) {
    (void)state;
    reopen_without_code(true);
    reopen_without_code(false);
}

static void
check_twins(laminar_database *db) {
    db_check_same(db, "SELECT * FROM a", "SELECT * FROM b");
    db_check_same(db, "SELECT * FROM a_total", "SELECT * FROM b_total");
}

/* Rows come, change and go, also while the code is missing, over checkpoints and openings: streams
 * of a function equal those of the expression that it is. */
static void
play_twins(uint64_t seed) {
    counts        c = {.factor = 2};
    rng           r;
    laminar_error err;
    char          path[] = "/tmp/laminar-functions-XXXXXX";
    char          sql[200];
    CHECK(mkdtemp(path) != NULL);
    rng_init(&r, seed);
    laminar_database *db = open_at(path);
    bool              has_code = rng_below(&r, 2) == 0;
    db_run(db, "CREATE FUNCTION twice(a1 DOUBLE) RETURNS DOUBLE LANGUAGE EXTERNAL");
    if (has_code) {
        put(db, "twice", &c, 0);
    }
    db_run(db, "CREATE TABLE t (k BIGINT PRIMARY KEY, v DOUBLE);"
               "CREATE STREAM a AS SELECT k, twice(v) AS w FROM t WHERE twice(v) > 10;"
               "CREATE STREAM b AS SELECT k, v * 2 AS w FROM t WHERE v * 2 > 10;"
               "CREATE STREAM a_total AS SELECT k % 3 AS g, sum(w) AS w, count(*) AS n FROM a "
               "GROUP BY k % 3;"
               "CREATE STREAM b_total AS SELECT k % 3 AS g, sum(w) AS w, count(*) AS n FROM b "
               "GROUP BY k % 3");
    start(db);
    for (int32_t step = 0; step < 60; step++) {
        const int32_t k = (int32_t)rng_below(&r, 40), v = (int32_t)rng_below(&r, 20);
        switch (rng_below(&r, 8)) {
        case 0:
            laminar_database_close(db);
            db = open_at(path);
            has_code = false;
            break;
        case 1:
            DB_OK(laminar_database_checkpoint(db, NULL, &err));
            break;
        case 2:
            put(db, "twice", &c, 0);
            has_code = true;
            break;
        case 3:
            (void)snprintf(sql, sizeof(sql), "DELETE FROM t WHERE k %% 7 = %d", k % 7);
            db_run(db, sql);
            break;
        case 4:
            (void)snprintf(sql, sizeof(sql), "UPDATE t SET v = v + 1 WHERE k < %d", k);
            db_run(db, sql);
            break;
        default:
            (void)snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO t VALUES (%d, %d), (%d, NULL)",
                           k, v, k + 40);
            db_run(db, sql);
        }
        if (has_code) {
            check_twins(db);
        }
    }
    put(db, "twice", &c, 0);
    check_twins(db);
    laminar_database_close(db);
    remove_all(path);
}

static void
test_twins(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        play_twins(seed);
    }
}

/* ---- what a function may not do */
static void
test_calls_back_are_refused(void **state) {
    (void)state;
    laminar_database *db = open_rows(), *elsewhere = db_open();
    counts            c = {.factor = 2, .calls_back = db};
    put(db, "twice", &c, LAMINAR_FUNCTION_PARALLEL);
    expect(db, "SELECT twice(v) FROM t WHERE k = 1", "3");
    CHECK_EQ(c.code_met, 400);
    db_run(db, "CREATE STREAM s AS SELECT twice(v) AS w FROM t");
    start(db);
    c.code_met = 0;
    db_run(db, "INSERT INTO t VALUES (4, 4)");
    CHECK_EQ(c.code_met, 400);
    laminar_database_close(db);
    laminar_database_close(elsewhere);
}

static void *
ask_often(void *context) {
    laminar_database *db = context;
    for (int32_t i = 0; i < 20; i++) {
        expect(db, "SELECT sum(twice(x)) FROM range(10000) r(x)", "99990000");
    }
    return NULL;
}

static void
ask_from_threads(uint32_t flags) {
    counts            c = {.factor = 2};
    error             err;
    thread            threads[16];
    laminar_database *db = open_rows();
    put(db, "twice", &c, flags);
    db_run(db, "CREATE STREAM s AS SELECT sum(twice(v)) AS w FROM t");
    start(db);
    for (int32_t i = 0; i < ARRAY_COUNT(threads); i++) {
        CHECK_EQ(thread_start(&threads[i], "asks", ask_often, db, &err), OK);
    }
    for (int32_t i = 0; i < 100; i++) {
        db_run(db, "INSERT OR REPLACE INTO t VALUES (9, 9)");
    }
    for (int32_t i = 0; i < ARRAY_COUNT(threads); i++) {
        thread_join(&threads[i]);
    }
    expect(db, "SELECT w FROM s", "28");
    laminar_database_close(db);
    CHECK_EQ(c.closed, 1);
}

static void
test_threads(void **state) {
    (void)state;
    ask_from_threads(0);
    ask_from_threads(LAMINAR_FUNCTION_PARALLEL);
    ask_from_threads(LAMINAR_FUNCTION_PARALLEL | LAMINAR_FUNCTION_ON_CALLER);
}

UNIT_MAIN(UNIT(test_values_of_rows), UNIT(test_constants_once), UNIT(test_one_value_for_all_rows),
          UNIT(test_wrong_results), UNIT(test_wrong_calls), UNIT(test_names),
          UNIT(test_without_code), UNIT(test_code_is_replaced), UNIT(test_places),
          UNIT(test_streams_follow), UNIT(test_volatile_is_kept), UNIT(test_failing_stream_retries),
          UNIT(test_made_without_code), UNIT(test_reopened_without_code), UNIT(test_twins),
          UNIT(test_calls_back_are_refused), UNIT(test_threads))
