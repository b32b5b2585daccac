/* SPDX-License-Identifier: Apache-2.0 */
/* test_stress.c - many threads and one database: inserts, queries, subscriptions, DDL, statistics,
 * checkpoints, interrupts, mixed at random, and in the end everything closed while readers wait.
 * Made for ThreadSanitizer (make tsan), where LAMINAR_STRESS calls are made; the counts are checked
 * anywhere.
 *
 * The rows of `t` are never dropped, so what the inserts reported is what the count must be. */
#include "database.h"
#include "os/thread.h"

enum { THREADS = 8, CALLS_DEFAULT = 8000, OBJECTS = 4 };

typedef enum call_kind {
    INSERT,
    APPEND,
    CSV,
    QUERY,
    SUBSCRIBE,
    NEXT,
    DDL,
    STATS,
    STOP,
    SAVE,
    KINDS
} call_kind;

typedef struct worker {
    thread                handle;
    laminar_database     *db;
    laminar_subscription *sub;
    _Atomic int64_t      *rows; /* that inserts reported */
    rng                   r;
    int64_t               calls;
    int64_t               went[KINDS], refused[KINDS];
} worker;

static int64_t
calls_wanted(void) {
    const char *asked = getenv("LAMINAR_STRESS");
    return asked == NULL ? CALLS_DEFAULT : strtoll(asked, NULL, 10);
}

/* What another thread did may stand in the way; nothing else may. */
static bool
went(worker *w, call_kind kind, laminar_status s, const laminar_error *err) {
    static const int32_t allowed[] = {200 /* dropped */,
                                      201 /* made twice */,
                                      202,
                                      203,
                                      300,
                                      301,
                                      302,
                                      303,
                                      402 /* interrupted */,
                                      404,
                                      405,
                                      600};
    if (s >= 0) {
        w->went[kind]++;
        return s == LAMINAR_OK;
    }
    bool known = false;
    for (int32_t i = 0; i < ARRAY_COUNT(allowed); i++) {
        known |= err->code == allowed[i];
    }
    if (!known) {
        print_error("kind %d: code %d: %s\n", (int)kind, (int)err->code, err->message);
        abort(); /* cmocka's fail() belongs to the main thread */
    }
    w->refused[kind]++;
    return false;
}

static void
run_sql(worker *w, call_kind kind, const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    if (went(w, kind, laminar_database_execute(w->db, sql, &r, &err), &err)) {
        for (int64_t i = 0; i < laminar_result_row_count(r) && i < 3; i++) {
            laminar_value v;
            (void)laminar_result_value(r, i, 0, &v);
        }
        laminar_result_free(r);
    }
}

static void
insert(worker *w) {
    char      sql[160];
    const int k = (int)rng_below(&w->r, 50);
    snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d, 'thread text %d'), (%d, NULL)", k, k * k,
             k + 1);
    laminar_error   err;
    laminar_result *r = NULL;
    if (went(w, INSERT, laminar_database_execute(w->db, sql, &r, &err), &err)) {
        atomic_fetch_add(w->rows, laminar_result_rows_affected(r));
        laminar_result_free(r);
    }
}

static void
append(worker *w) {
    laminar_error     err;
    laminar_appender *a = NULL;
    int64_t           count = 0;
    if (!went(w, APPEND, laminar_appender_open(&a, w->db, "t", &err), &err)) {
        return;
    }
    for (int32_t i = 0; i < 5; i++) {
        (void)laminar_append_bigint(a, 0, (int64_t)rng_below(&w->r, 100), &err);
        (void)laminar_appender_end_row(a, &err);
    }
    if (went(w, APPEND, laminar_appender_flush(a, &count, &err), &err)) {
        atomic_fetch_add(w->rows, count);
    }
    laminar_appender_close(a);
}

static void
insert_csv(worker *w) {
    static const char csv[] = "k,s\n1,one\n2,two\n3,\n";
    laminar_error     err;
    int64_t           count = 0;
    if (went(w, CSV,
             laminar_database_insert_csv(w->db, "t", csv, sizeof(csv) - 1, ',', NULL, &count, &err),
             &err)) {
        atomic_fetch_add(w->rows, count);
    }
}

static void
query(worker *w) {
    static const char *const queries[] = {
        "SELECT * FROM totals", "SELECT k, count(*) FROM t GROUP BY k",
        "SELECT count(*) FROM t WHERE s LIKE '%text 4%'", "SELECT * FROM made_1 WHERE n > 1",
        "SELECT a.k FROM totals AS a JOIN totals AS b ON a.k = b.k"};
    run_sql(w, QUERY, queries[rng_below(&w->r, ARRAY_COUNT(queries))]);
}

static void
subscribe(worker *w) {
    laminar_error err;
    laminar_subscription_close(w->sub);
    w->sub = NULL;
    const laminar_status s =
        rng_below(&w->r, 2) == 0
            ? laminar_database_subscribe_stream(&w->sub, w->db, "totals", &err)
            : laminar_database_subscribe(&w->sub, w->db, "SELECT k, s FROM t WHERE k < 5", &err);
    (void)went(w, SUBSCRIBE, s, &err);
}

static void
next(worker *w) {
    laminar_error   err;
    laminar_result *r = NULL;
    if (w->sub == NULL) {
        subscribe(w);
        return;
    }
    const int64_t wait_us = rng_below(&w->r, 4) == 0 ? 500 : 0;
    if (went(w, NEXT, laminar_subscription_next(w->sub, wait_us, &r, NULL, &err), &err)) {
        laminar_result_free(r);
    }
}

static void
change(worker *w) {
    char      sql[200];
    const int object = (int)rng_below(&w->r, OBJECTS);
    if (rng_below(&w->r, 2) == 0) {
        snprintf(sql, sizeof(sql), "DROP STREAM IF EXISTS made_%d", object);
    } else {
        snprintf(sql, sizeof(sql),
                 "CREATE STREAM IF NOT EXISTS made_%d AS SELECT k %% %d AS g, count(*) AS n FROM "
                 "totals GROUP BY k %% %d",
                 object, object + 2, object + 2);
    }
    run_sql(w, DDL, sql);
}

static void
look(worker *w) {
    laminar_error        err;
    laminar_result      *r = NULL;
    struct ArrowSchema   shape;
    laminar_source_stats source = {.size = sizeof(source)};
    laminar_stream_stats stream = {.size = sizeof(stream)};
    (void)laminar_database_memory(w->db);
    (void)laminar_database_state(w->db);
    (void)went(w, STATS, laminar_database_source_stats(w->db, "t", &source, &err), &err);
    (void)went(w, STATS, laminar_database_stream_stats(w->db, "made_2", &stream, &err), &err);
    if (went(w, STATS, laminar_database_list(w->db, LAMINAR_OBJECT_STREAM, &r, &err), &err)) {
        laminar_result_free(r);
    }
    if (went(w, STATS, laminar_database_schema(w->db, "totals", &shape, &err), &err)) {
        shape.release(&shape);
    }
}

static void
stop(worker *w) {
    if (w->sub != NULL && rng_below(&w->r, 2) == 0) {
        laminar_subscription_cancel(w->sub);
        w->went[STOP]++;
    } else if (rng_below(&w->r, 8) == 0) {
        laminar_database_interrupt(w->db);
        w->went[STOP]++;
    }
}

static void
save(worker *w) {
    run_sql(w, SAVE, "CHECKPOINT");
}

static void *
work(void *arg) {
    static void (*const calls[])(worker *) = {insert, append,    insert_csv, query, query,
                                              next,   next,      next,       look,  change,
                                              stop,   subscribe, insert,     next,  save};
    worker *w = arg;
    for (int64_t i = 0; i < w->calls; i++) {
        calls[rng_below(&w->r, ARRAY_COUNT(calls))](w);
    }
    return NULL;
}

/* Waits until the database ends. */
static void *
wait_for_end(void *arg) {
    worker         *w = arg;
    laminar_error   err;
    laminar_status  s;
    laminar_result *r = NULL;
    while ((s = laminar_subscription_next(w->sub, -1, &r, NULL, &err)) == LAMINAR_OK) {
        laminar_result_free(r);
    }
    return NULL;
}

static void
test_mixed_calls(void **state) {
    (void)state;
    static worker     workers[THREADS];
    error             err = {0};
    laminar_error     failed;
    _Atomic int64_t   rows = 0;
    int64_t           made = 0;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    options.checkpoint_interval_ms = 3600000;
    db_check_ok(laminar_database_open(&db, ":memory:", &options, &failed), &failed, "open",
                __FILE__, __LINE__);
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR DEFAULT 'd');"
               "CREATE STREAM totals AS SELECT k, count(*) AS n, max(s) AS s FROM t GROUP BY k");
    db_check_ok(laminar_database_start(db, &failed), &failed, "start", __FILE__, __LINE__);
    for (int32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.db = db, .rows = &rows, .calls = calls_wanted() / THREADS};
        rng_init(&workers[i].r, (uint64_t)i + 7);
        CHECK_OK(thread_start(&workers[i].handle, "worker", work, &workers[i], &err));
    }
    for (int32_t i = 0; i < THREADS; i++) {
        thread_join(&workers[i].handle);
        for (int32_t kind = 0; kind < KINDS; kind++) {
            made += workers[i].went[kind] + workers[i].refused[kind];
        }
    }
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), atomic_load(&rows));
    CHECK_EQ(db_integer(db, "SELECT sum(n) FROM totals"), atomic_load(&rows));
    print_message("%lld calls, %lld rows\n", (long long)made, (long long)atomic_load(&rows));
    CHECK(made >= calls_wanted() * 9 / 10 && atomic_load(&rows) > calls_wanted() / 10);
    for (int32_t i = 0; i < THREADS; i++) { /* the end wakes who waits */
        laminar_subscription_close(workers[i].sub);
        workers[i].sub = NULL;
        db_check_ok(laminar_database_subscribe_stream(&workers[i].sub, db, "totals", &failed),
                    &failed, "subscribe", __FILE__, __LINE__);
        CHECK_OK(thread_start(&workers[i].handle, "waiter", wait_for_end, &workers[i], &err));
    }
    CHECK_EQ(laminar_database_end(db, NULL), LAMINAR_OK);
    for (int32_t i = 0; i < THREADS; i++) {
        thread_join(&workers[i].handle);
        laminar_subscription_close(workers[i].sub);
    }
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_mixed_calls))
