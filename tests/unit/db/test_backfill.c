/* SPDX-License-Identifier: Apache-2.0 */
/* test_backfill.c - streams made over large sources while others work.
 *
 * The check for interrupts runs on the filling thread, which does not hold the engine then: what it
 * does to the database stands for what other threads do at that moment, at a place that is known.
 * The clock makes every look at it the next one. */
#include "database.h"
#include "db/internal.h"
#include "os/thread.h"

#define LARGE 90000 /* rows: more than are read with the token */

typedef struct meanwhile {
    laminar_database *db;
    void (*act)(struct meanwhile *m);
    const char    *sql;
    int32_t        left; /* how often act is still to run */
    int32_t        runs; /* how often it did */
    laminar_status last; /* what the database said to it */
    char           message[1024];
    bool           stops;
} meanwhile;

static _Atomic int64_t ticks_ns;

static int64_t
hurried_ns(engine_clock *c) {
    (void)c;
    return atomic_fetch_add(&ticks_ns, 20000000);
}

static bool
interfere(void *context) {
    meanwhile *m = context;
    if (m->db == NULL || m->left == 0) {
        return false;
    }
    m->left--;
    m->runs++;
    laminar_database *db = m->db;
    m->db = NULL; /* not from within itself */
    m->act(m);
    m->db = db;
    return m->stops;
}

/* A database whose checks run m->act while m->left > 0. */
static laminar_database *
open_with(meanwhile *m) {
    laminar_error     err;
    laminar_database *db = NULL;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    options.interrupted = interfere;
    options.interrupted_context = m;
    *m = (meanwhile){0};
    DB_OK(laminar_database_open(&db, ":memory:", &options, &err));
    db->clock.base.ticks_ns = hurried_ns;
    return db;
}

static void
insert(laminar_database *db, int64_t first, int64_t count) {
    laminar_error     err;
    laminar_appender *a = NULL;
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    for (int64_t i = first; i < first + count; i++) {
        DB_OK(laminar_append_bigint(a, 0, i % 97, &err));
        DB_OK(laminar_append_bigint(a, 1, i % 1000, &err));
        DB_OK(laminar_append_bigint(a, 2, i - (i * 7919) % 3000, &err)); /* ms, out of order */
        DB_OK(laminar_appender_end_row(a, &err));
    }
    DB_OK(laminar_appender_flush(a, NULL, &err));
    laminar_appender_close(a);
}

static void
make_large(laminar_database *db) {
    laminar_error err;
    db_run(db, "CREATE SOURCE t (k BIGINT, v BIGINT, ts BIGINT, "
               "WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);"
               "CREATE TABLE names (k BIGINT, name VARCHAR)");
    DB_OK(laminar_database_start(db, &err));
    for (int64_t at = 0; at < LARGE; at += LARGE / 30) {
        insert(db, at, LARGE / 30);
    }
    db_run(db, "INSERT INTO names VALUES (1, 'one'), (2, 'two'), (3, 'three')");
}

static void
act_sql(meanwhile *m, laminar_database *db) {
    laminar_error err = {0};
    m->last = laminar_database_execute(db, m->sql, NULL, &err);
    snprintf(m->message, sizeof(m->message), "%s", err.message);
}

static laminar_database *acted; /* whom the functions below act on */

static void
run_sql(meanwhile *m) {
    act_sql(m, acted);
}

static void
arm(meanwhile *m, laminar_database *db, void (*act)(meanwhile *m), int32_t times, const char *sql) {
    *m = (meanwhile){.db = db, .act = act, .left = times, .sql = sql};
    acted = db;
}

/* Small and large inserts, a watermark moved by hand, rows of another input. */
static int64_t inserted;

static void
insert_more(meanwhile *m) {
    laminar_error err;
    const int64_t first = LARGE + inserted;
    const int64_t count = m->runs % 4 == 1 ? 70000 : 500;
    insert(acted, first, count);
    inserted += count;
    db_run(acted,
           "INSERT INTO t VALUES (5, 5, 3), (6, 6, NULL); INSERT INTO names VALUES (4, 'x')");
    if (m->runs % 3 == 0) {
        DB_OK(laminar_database_advance(acted, "t", LARGE + inserted - 500, &err));
    }
}

static const char *const queries[] = {
    "SELECT k, count(*) AS n, sum(v) AS total, max(v) AS high FROM t GROUP BY k",
    "SELECT k, v FROM t WHERE v > 990",
    "SELECT TUMBLE(ts, INTERVAL '2' SECOND) AS w, k % 5 AS g, count(*) AS n, sum(v) AS total "
    "FROM t GROUP BY TUMBLE(ts, INTERVAL '2' SECOND), k % 5",
    "SELECT TUMBLE(ts, INTERVAL '2' SECOND) AS w, count(*) AS n, min(v) AS low "
    "FROM t GROUP BY TUMBLE(ts, INTERVAL '2' SECOND) EMIT ON WINDOW CLOSE",
    "SELECT n.name AS name, count(*) AS n, sum(t.v) AS total FROM t LEFT JOIN names n ON t.k = n.k "
    "GROUP BY n.name",
    "SELECT n % 10 AS d, count(*) AS c FROM early0 GROUP BY n % 10",
    "SELECT g, sum(n) AS n, count(*) AS windows FROM early2 GROUP BY g",
    "SELECT k, v FROM t ORDER BY v DESC, k DESC, ts DESC LIMIT 20",
};
#define QUERIES ((int32_t)(sizeof(queries) / sizeof(queries[0])))

static void
compare(laminar_database *db, int32_t i) {
    char                 early[64], late[64];
    laminar_error        err;
    laminar_stream_stats a = {.size = sizeof(a)}, b = {.size = sizeof(b)};
    snprintf(early, sizeof(early), "SELECT * FROM early%d", i);
    snprintf(late, sizeof(late), "SELECT * FROM late%d", i);
    db_check_same(db, late, early);
    DB_OK(laminar_database_stream_stats(db, early + 14, &a, &err));
    DB_OK(laminar_database_stream_stats(db, late + 14, &b, &err));
    CHECK_EQ(b.late_rows, a.late_rows);
    CHECK_EQ(b.null_time_rows, a.null_time_rows);
    CHECK_EQ(b.watermark_ms, a.watermark_ms);
    CHECK_EQ(b.state_rows, a.state_rows);
}

/* A stream made late, with inserts in the middle, equals one made early, then and later. */
static void
test_same_as_early(void **state) {
    (void)state;
    meanwhile         m;
    char              sql[512];
    laminar_database *db = open_with(&m);
    inserted = 0;
    make_large(db);
    db_run(db, "SET share_state = false"); /* else there would be nothing to fill */
    for (int32_t i = 0; i < QUERIES; i++) {
        snprintf(sql, sizeof(sql), "CREATE STREAM early%d AS %s", i, queries[i]);
        db_run(db, sql);
    }
    for (int32_t i = 0; i < QUERIES; i++) {
        arm(&m, db, insert_more, 3, NULL);
        snprintf(sql, sizeof(sql), "CREATE STREAM late%d AS %s", i, queries[i]);
        db_run(db, sql);
        CHECK_EQ(m.runs, 3);
        compare(db, i);
    }
    m.db = NULL;
    insert(db, LARGE + inserted, 5000);
    db_run(db, "INSERT INTO names VALUES (9, 'nine'); INSERT INTO t VALUES (9, 1, 400000)");
    for (int32_t i = 0; i < QUERIES; i++) {
        compare(db, i);
    }
    laminar_metrics metrics = {.size = sizeof(metrics)};
    laminar_error   err;
    DB_OK(laminar_database_metrics(db, &metrics, &err));
    CHECK_EQ(metrics.stream_count, 2 * QUERIES);
    laminar_database_close(db);
}

static void
look_at_counts(meanwhile *m) {
    laminar_metrics metrics = {.size = sizeof(metrics)};
    laminar_error   err;
    DB_OK(laminar_database_metrics(acted, &metrics, &err));
    m->last = metrics.stream_count;
    db_refuse(acted, "SELECT * FROM s", 200, "not found");
    db_check_rows(acted, "SELECT count(*) FROM t", "90000");
}

/* What the stream is made of stays; it cannot be seen before it is there. */
static void
test_inputs_stay(void **state) {
    (void)state;
    static const char *const refused[] = {
        "DROP SOURCE t CASCADE", "DROP STREAM middle CASCADE", "DROP VIEW looked CASCADE",
        "CREATE OR REPLACE VIEW looked AS SELECT 1 AS one FROM t"};
    meanwhile         m;
    laminar_database *db = open_with(&m);
    make_large(db);
    db_run(db, "CREATE STREAM middle AS SELECT k, v FROM t WHERE v >= 0;"
               "CREATE VIEW looked AS SELECT k, sum(v) AS total FROM middle GROUP BY k");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        arm(&m, db, run_sql, 1, refused[i]);
        db_run(db, "CREATE STREAM s AS SELECT * FROM looked");
        CHECK_EQ(m.runs, 1);
        CHECK_EQ(m.last, -202);
        if (strstr(m.message, "stream \"s\" that is being filled reads it") == NULL) {
            print_error("%s: %s\n", refused[i], m.message);
            fail();
        }
        CHECK(strstr(m.message, "wait until it has read what is there") != NULL);
        db_run(db, "DROP STREAM s");
    }
    arm(&m, db, look_at_counts, 1, NULL);
    db_run(db, "CREATE STREAM s AS SELECT * FROM looked");
    CHECK_EQ(m.last, 1);
    db_check_same(db, "SELECT * FROM s", "SELECT k, sum(v) FROM t GROUP BY k");
    laminar_database_close(db);
}

/* The number of the last query of the list, which is active. */
static int64_t
last_active(laminar_database *db, int64_t *count) {
    laminar_error   err;
    laminar_result *list = NULL;
    laminar_value   id, state;
    DB_OK(laminar_database_queries(db, &list, &err));
    *count = laminar_result_row_count(list);
    DB_OK(laminar_result_value(list, *count - 1, 0, &id));
    DB_OK(laminar_result_value(list, *count - 1, 2, &state));
    CHECK(memcmp(state.text, "active", 6) == 0);
    laminar_result_free(list);
    return id.i;
}

static void
cancel_it(meanwhile *m) {
    laminar_error err;
    int64_t       count;
    DB_OK(laminar_database_cancel_query(acted, last_active(acted, &count), &err));
    m->last = 0;
}

static void
do_nothing(meanwhile *m) {
    m->last = 0;
}

/* Cancelled from outside or by the check: no trace. */
static void
test_cancel(void **state) {
    (void)state;
    meanwhile         m;
    laminar_error     err;
    laminar_database *db = open_with(&m);
    make_large(db);
    const int64_t before = laminar_database_memory(db);
    for (int32_t i = 0; i < 3; i++) {
        arm(&m, db, i == 1 ? do_nothing : cancel_it, 1, NULL);
        m.stops = i == 1;
        if (i == 2) {
            laminar_subscription *sub = NULL;
            DB_FAILS(laminar_database_subscribe(&sub, db,
                                                "SELECT k, count(*) AS n FROM t GROUP BY k", &err),
                     402);
            CHECK(sub == NULL);
        } else {
            db_refuse(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k", 402,
                      "cancelled");
        }
        CHECK_EQ(m.runs, 1);
        db_refuse(db, "SELECT * FROM s", 200, "not found");
        insert(db, LARGE, 10);
    }
    CHECK(laminar_database_memory(db) < before + 100000);
    m.db = NULL;
    db_run(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k");
    db_check_same(db, "SELECT * FROM s", "SELECT k, count(*) FROM t GROUP BY k");
    db_run(db, "DROP SOURCE t CASCADE");
    laminar_database_close(db);
}

static void
end_it(meanwhile *m) {
    m->last = 0;
    CHECK_EQ(laminar_database_end(acted, NULL), LAMINAR_OK);
}

/* The filler outlives what it reads. */
static void
test_close(void **state) {
    (void)state;
    meanwhile             m;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = open_with(&m);
    make_large(db);
    db_run(db, "CREATE STREAM middle AS SELECT k, v FROM t WHERE v >= 0");
    arm(&m, db, end_it, 1, NULL);
    db_refuse(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM middle GROUP BY k", 101,
              "closed");
    CHECK_EQ(m.runs, 1);
    laminar_database_close(db);

    db = open_with(&m);
    make_large(db);
    arm(&m, db, end_it, 1, NULL);
    DB_FAILS(
        laminar_database_subscribe(&sub, db, "SELECT k, count(*) AS n FROM t GROUP BY k", &err),
        101);
    laminar_database_close(db);
}

/* The name is looked up again. */
static void
test_names(void **state) {
    (void)state;
    meanwhile         m;
    laminar_database *db = open_with(&m);
    make_large(db);
    arm(&m, db, run_sql, 1, "CREATE SOURCE s (a BIGINT)");
    db_refuse(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k", 201, "exists");
    CHECK_EQ(m.last, LAMINAR_OK);
    arm(&m, db, run_sql, 1, "DROP SOURCE s; CREATE STREAM s AS SELECT k FROM t WHERE v = 1");
    db_refuse(db, "CREATE OR REPLACE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k", 201,
              "SOURCE");
    db_run(db, "DROP SOURCE s");

    arm(&m, db, run_sql, 1, "CREATE STREAM s AS SELECT 1 AS one");
    db_run(db, "CREATE STREAM IF NOT EXISTS s AS SELECT k, count(*) AS n FROM t GROUP BY k");
    CHECK_EQ(m.runs, 1);
    db_check_rows(db, "SELECT * FROM s", "1");

    arm(&m, db, run_sql, 1, "CREATE STREAM above AS SELECT one FROM s");
    db_refuse(db, "CREATE OR REPLACE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k", 202,
              "\"above\" reads it, and would fail");
    CHECK_EQ(m.last, LAMINAR_OK);
    db_run(db, "DROP STREAM above");
    arm(&m, db, run_sql, 1, "INSERT INTO t VALUES (1, 1, 1)");
    db_run(db, "CREATE OR REPLACE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k");
    db_check_same(db, "SELECT * FROM s", "SELECT k, count(*) FROM t GROUP BY k");
    laminar_database_close(db);
}

/* A fault in the rows that are there, in those that come, and in an input. */
static void
test_faults(void **state) {
    (void)state;
    static const char overflow[] = "INSERT INTO t VALUES (1, 9223372036854775807, 1)";
    meanwhile         m;
    laminar_database *db = open_with(&m);
    make_large(db);
    arm(&m, db, run_sql, 1, overflow);
    db_refuse(db, "CREATE STREAM s AS SELECT k, v + 1 AS w FROM t", 400, "integer overflow");
    CHECK_EQ(m.last, LAMINAR_OK);
    m.db = NULL;
    db_refuse(db, "CREATE STREAM s AS SELECT k, v + 1 AS w FROM t", 400, "integer overflow");
    db_run(db, "CREATE STREAM middle AS SELECT k, v FROM t WHERE v > 5");
    db_run(db, "CREATE STREAM doubled AS SELECT k, v FROM t WHERE (k - 300) * 2 < v");
    arm(&m, db, run_sql, 1, "INSERT INTO t VALUES (9223372036854775807, 6, 1)");
    db_refuse(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM doubled GROUP BY k", 400,
              "input stream \"doubled\" failed");
    CHECK_EQ(m.last, LAMINAR_OK);
    db_refuse(db, "SELECT * FROM s", 200, "not found");
    db_check_rows(db, "SELECT count(*) FROM t", "90002");
    laminar_database_close(db);
}

static void
pause_it(meanwhile *m) {
    laminar_error err;
    DB_OK(m->runs == 1 ? laminar_database_pause(acted, &err)
                       : laminar_database_resume(acted, &err));
    insert(acted, LARGE, 700);
}

/* A pause that begins or ends meanwhile; a shutdown refuses the stream. */
static void
test_pause(void **state) {
    (void)state;
    meanwhile         m;
    laminar_error     err;
    laminar_database *db = open_with(&m);
    make_large(db);
    db_run(db, "SET share_state = false");
    db_run(db, "CREATE STREAM early2 AS SELECT k, count(*) AS n FROM t GROUP BY k");
    arm(&m, db, pause_it, 1, NULL);
    db_run(db, "CREATE STREAM one AS SELECT k, count(*) AS n FROM t GROUP BY k");
    CHECK_EQ(m.runs, 1);
    db_check_same(db, "SELECT * FROM one", "SELECT * FROM early2");
    CHECK_EQ(db_integer(db, "SELECT sum(n) FROM one"), LARGE);
    arm(&m, db, pause_it, 1, NULL);
    m.runs = 1;
    db_run(db, "CREATE STREAM two AS SELECT k, count(*) AS n FROM t GROUP BY k");
    db_check_same(db, "SELECT * FROM two", "SELECT * FROM early2");
    CHECK_EQ(db_integer(db, "SELECT sum(n) FROM one"), LARGE + 1400);
    DB_OK(laminar_database_pause(db, &err));
    insert(db, LARGE, 70000);
    arm(&m, db, pause_it, 2, NULL);
    m.runs = 1;
    db_run(db, "CREATE STREAM three AS SELECT k, count(*) AS n FROM t GROUP BY k");
    DB_OK(laminar_database_resume(db, &err));
    db_check_same(db, "SELECT * FROM three", "SELECT * FROM early2");
    db_check_same(db, "SELECT * FROM three", "SELECT k, count(*) FROM t GROUP BY k");
    laminar_database_close(db);
}

static void
shut_down(meanwhile *m) {
    laminar_error err;
    m->last = laminar_database_shutdown(acted, &err);
}

static void
test_shutdown(void **state) {
    (void)state;
    meanwhile             m;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = open_with(&m);
    make_large(db);
    arm(&m, db, shut_down, 1, NULL);
    db_refuse(db, "CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k", 901, "shut down");
    m.db = NULL;
    DB_OK(laminar_database_subscribe(&sub, db, "SELECT count(*) AS n FROM t", &err));
    db_check_next(sub, "90000");
    db_check_next(sub, NULL);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

/* subscribe(sql): the first delivery is the state after what came meanwhile, then changes. */
static void
test_subscription(void **state) {
    (void)state;
    meanwhile             m;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = open_with(&m);
    make_large(db);
    arm(&m, db, run_sql, 3, "INSERT INTO t VALUES (1, 1, 1)");
    DB_OK(laminar_database_subscribe(&sub, db, "SELECT count(*) AS n FROM t", &err));
    CHECK_EQ(m.runs, 3);
    db_check_next(sub, "90003");
    db_check_next(sub, NULL);
    db_run(db, "INSERT INTO t VALUES (1, 1, 1)");
    db_check_next(sub, "90004");
    int64_t count;
    CHECK_EQ(last_active(db, &count), 1);
    CHECK_EQ(count, 1);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

static void
look_at_start(meanwhile *m) {
    m->stops = m->sql != NULL;
    act_sql(m, acted);
    CHECK_STR(laminar_database_state(acted), "Starting");
}

/* The start fills streams the same way, one after the other; cancelled, it can be called again. */
static void
test_start(void **state) {
    (void)state;
    meanwhile             m;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = open_with(&m);
    db_run(db, "CREATE SOURCE t (k BIGINT, v BIGINT, ts BIGINT);"
               "CREATE STREAM s AS SELECT count(*) AS n FROM t;"
               "CREATE STREAM bad AS SELECT v - 9223372036854775807 - 2 AS w FROM t;"
               "CREATE STREAM above AS SELECT n + 1 AS more FROM s");
    insert(db, 0, LARGE);
    DB_OK(laminar_database_subscribe_stream(&sub, db, "above", &err));
    arm(&m, db, look_at_start, 1, "SELECT 1");
    m.stops = true;
    DB_FAILS(laminar_database_start(db, &err), 402);
    CHECK_EQ(m.runs, 1);
    CHECK_EQ(m.last, -102);
    CHECK_STR(laminar_database_state(db), "Created");
    db_check_rows(db, "SELECT * FROM s", "");
    insert(db, LARGE, 10);
    m.db = NULL;
    DB_OK(laminar_database_start(db, &err));
    CHECK_STR(laminar_database_state(db), "Running");
    db_check_rows(db, "SELECT * FROM s", "90010");
    db_check_rows(db, "SELECT * FROM above", "90011");
    db_check_next(sub, "90011");
    db_check_next(sub, NULL);
    laminar_stream_stats stats = {.size = sizeof(stats)};
    DB_OK(laminar_database_stream_stats(db, "bad", &stats, &err));
    CHECK(stats.failed);
    insert(db, LARGE, 1);
    db_check_next(sub, "90012");
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

/* ---- other threads */
typedef struct writer {
    laminar_database *db;
    _Atomic bool     *stop;
    int64_t           rows;
} writer;

static void *
keep_inserting(void *arg) {
    writer *w = arg;
    while (!atomic_load(w->stop)) {
        insert(w->db, w->rows, 100);
        w->rows += 100;
    }
    return NULL;
}

static void
test_writers(void **state) {
    (void)state;
    meanwhile             m;
    laminar_error         err;
    error                 e;
    thread                threads[2];
    _Atomic bool          stop = false;
    char                  sql[512];
    laminar_database     *db = open_with(&m);
    writer                writers[2] = {{.db = db, .stop = &stop}, {.db = db, .stop = &stop}};
    laminar_subscription *sub = NULL;
    clock_init_real(&db->clock.base);
    make_large(db);
    db_run(db, "SET share_state = false");
    for (int32_t i = 0; i < QUERIES; i++) {
        snprintf(sql, sizeof(sql), "CREATE STREAM early%d AS %s", i, queries[i]);
        db_run(db, sql);
    }
    for (int32_t i = 0; i < 2; i++) {
        CHECK_EQ(thread_start(&threads[i], "writer", keep_inserting, &writers[i], &e), OK);
    }
    for (int32_t i = 0; i < QUERIES; i++) {
        snprintf(sql, sizeof(sql), "CREATE STREAM late%d AS %s", i, queries[i]);
        db_run(db, sql);
        DB_OK(laminar_database_subscribe(&sub, db, queries[0], &err));
        laminar_subscription_close(sub);
    }
    atomic_store(&stop, true);
    for (int32_t i = 0; i < 2; i++) {
        thread_join(&threads[i]);
        CHECK(writers[i].rows > 0);
    }
    for (int32_t i = 0; i < QUERIES; i++) {
        compare(db, i);
    }
    laminar_database_close(db);
}

/* ---- memory */

/* Each allocation of CREATE STREAM and of inserts in its middle is refused in turn, or a sample of
 * them: either all went well and the stream is right, or nothing is left of it. */
static int64_t
play(int64_t fail_at) {
    meanwhile         m;
    laminar_error     err;
    laminar_database *db = open_with(&m);
    mem              *account = db->mem;
    make_large(db);
    db_run(db, "CREATE STREAM middle AS SELECT k, v, ts FROM t WHERE v >= 0");
    const int64_t before = atomic_load(&account->allocations);
    arm(&m, db, run_sql, 2, "INSERT INTO t VALUES (1, 1, 1), (2, 2, 200000)");
    atomic_store(&account->fail_at, fail_at == 0 ? 0 : before + fail_at);
    const laminar_status made = laminar_database_execute(
        db,
        "CREATE STREAM s AS SELECT TUMBLE(ts, INTERVAL '2' SECOND) AS w, count(*) AS n, "
        "min(v) AS low FROM middle GROUP BY TUMBLE(ts, INTERVAL '2' SECOND)",
        NULL, &err);
    const int64_t asked = atomic_load(&account->allocations) - before;
    atomic_store(&account->fail_at, 0);
    m.db = NULL;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    if (made == LAMINAR_OK) {
        DB_OK(laminar_database_stream_stats(db, "s", &stats, &err));
        CHECK_EQ(db_integer(db, "SELECT sum(n) FROM s") + stats.late_rows,
                 db_integer(db, "SELECT count(*) FROM t"));
    } else {
        CHECK_EQ(made, -990);
        db_refuse(db, "SELECT * FROM s", 200, "not found");
    }
    db_run(db, "DROP SOURCE t CASCADE");
    laminar_database_close(db);
    return asked;
}

static void
test_memory(void **state) {
    (void)state;
    const int64_t total = play(0);
    const int64_t step = torture_is_whole() ? 1 : total / 40 + 1;
    int64_t       runs = 0;
    for (int64_t n = 1; n <= total; n += n < 30 && torture_is_whole() ? 1 : step) {
        (void)play(n);
        runs++;
    }
    torture_note("backfill", total, runs);
    CHECK(total > 100 && runs > 10);
}

UNIT_MAIN(UNIT(test_same_as_early), UNIT(test_inputs_stay), UNIT(test_cancel), UNIT(test_close),
          UNIT(test_names), UNIT(test_faults), UNIT(test_pause), UNIT(test_shutdown),
          UNIT(test_subscription), UNIT(test_start), UNIT(test_writers), UNIT(test_memory))
