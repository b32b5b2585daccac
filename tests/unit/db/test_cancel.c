/* SPDX-License-Identifier: Apache-2.0 */
/* test_cancel.c - a query that is no longer wanted ends soon, whatever it is at.
 *
 * Every shape is stopped at random moments through the caller's check. How soon it would have
 * listened is measured in the processor time of its thread between two checks, so that a busy
 * machine does not count. */
#include <time.h>

#include "base/rng.h"
#include "database.h"
#include "db/internal.h"
#include "shapes.h"
#include "sql/limits.h"

typedef struct watcher {
    int64_t calls, stop_at; /* stop_at 0: never */
    int64_t last_ns, gap_ns;
} watcher;

static int64_t
thread_ns(void) {
    struct timespec t;
    CHECK_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool
look(void *context) {
    watcher      *w = context;
    const int64_t now = thread_ns();
    w->gap_ns = now - w->last_ns > w->gap_ns ? now - w->last_ns : w->gap_ns;
    w->last_ns = now;
    return ++w->calls == w->stop_at;
}

static laminar_database *
open_watched(watcher *w, int32_t threads) {
    laminar_error     err;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    options.threads = threads;
    options.interrupted = look;
    options.interrupted_context = w;
    DB_OK(laminar_database_open(&db, ":memory:", &options, &err));
    db_run(db, "CREATE TABLE t (k BIGINT, v DOUBLE, s VARCHAR)");
    db_run(
        db,
        "INSERT INTO t SELECT hash(x) % 1000000, x * 0.5, 'text ' || x FROM range(1000000) r(x)");
    return db;
}

static laminar_status
run(laminar_database *db, watcher *w, const shape *s, int64_t stop_at, laminar_error *err) {
    laminar_result *r = NULL;
    if (s->memory_limit > 0) {
        atomic_store(&db->mem->bytes_limit, atomic_load(&db->mem->bytes_used) + s->memory_limit);
    }
    *w = (watcher){.stop_at = stop_at, .last_ns = thread_ns()};
    const laminar_status got = laminar_database_execute(db, s->sql, &r, err);
    laminar_result_free(r);
    atomic_store(&db->mem->bytes_limit, INT64_MAX);
    return got;
}

/* Processor time that may pass between two looks of the query, which are 5 ms apart where nothing
 * is in the way: a bound that a loop without a look breaks, on any machine and in any build. */
#define GAP_MAX_NS (1000 * 1000 * 1000)

static void
check_works(laminar_database *db) {
    db_run(db, "DROP TABLE IF EXISTS c");
    db_run(db, "SELECT count(*) FROM range(10)");
}

static void
check_stopped(laminar_status got, const laminar_error *err, const watcher *w, const shape *s) {
    const bool reached = w->stop_at > 0 && w->calls >= w->stop_at;
    const bool right = reached ? got == -402 && err->code == 402 : got == LAMINAR_OK || got == -400;
    if (!right || w->gap_ns > GAP_MAX_NS) {
        print_error("%s: %d after %lld calls, stopped at %lld, %.1f ms between two\n", s->sql,
                    (int)got, (long long)w->calls, (long long)w->stop_at, (double)w->gap_ns / 1e6);
        fail();
    }
}

/* At its n-th look, whatever it is at then. */
static void
test_stops_where_it_is(void **state) {
    (void)state;
    rng     r;
    int64_t widest = 0;
    int64_t stopped = 0;
    rng_init(&r, 7);
    for (int32_t threads = 1; threads <= 2; threads++) {
        watcher           w = {0};
        laminar_database *db = open_watched(&w, threads);
        for (size_t i = 0; i < SHAPES; i++) {
            laminar_error err;
            const int64_t at = 1 + (int64_t)rng_below(&r, 40);
            check_stopped(run(db, &w, &shapes[i], at, &err), &err, &w, &shapes[i]);
            widest = w.gap_ns > widest ? w.gap_ns : widest;
            stopped += w.calls >= w.stop_at;
            w.stop_at = 0;
            check_works(db);
        }
        laminar_database_close(db);
    }
    print_message("%lld stopped, at most %.1f ms between two looks\n", (long long)stopped,
                  (double)widest / 1e6);
    CHECK(stopped > (int64_t)SHAPES);
}

/* The same by the statement's own time-out, and what it says. */
static void
test_timeout(void **state) {
    (void)state;
    watcher           w = {0};
    laminar_database *db = open_watched(&w, 2);
    for (size_t i = 0; i < SHAPES; i++) {
        laminar_error err;
        db_run(db, "SET statement_timeout_ms = 15");
        const laminar_status s = run(db, &w, &shapes[i], 0, &err);
        CHECK(s >= 0 || s == -402);
        CHECK(s >= 0 || strstr(err.message, "longer than statement_timeout_ms allows") != NULL);
        CHECK(w.gap_ns <= GAP_MAX_NS);
        db_run(db, "RESET statement_timeout_ms");
        check_works(db);
    }
    laminar_database_close(db);
}

/* As many as may run at once do, and one more is refused until one of them is over. */
static void
test_running_queries(void **state) {
    (void)state;
    static query_entry *running[SQL_QUERIES_MAX];
    laminar_database   *db = db_open();
    error               err = {0};
    for (int32_t i = 0; i < SQL_QUERIES_MAX - 1; i++) {
        CHECK_OK(db_query_begin(db, TEXT("SELECT 1"), NULL, &running[i], &err));
    }
    db_run(db, "SELECT 1");
    CHECK_OK(db_query_begin(db, TEXT("SELECT 1"), NULL, &running[SQL_QUERIES_MAX - 1], &err));
    db_refuse(db, "SELECT 1", 400, "1024 queries run already");
    db_query_end(db, running[7]);
    db_run(db, "SELECT 1");
    for (int32_t i = 0; i < SQL_QUERIES_MAX; i++) {
        if (i != 7) {
            db_query_end(db, running[i]);
        }
    }
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_stops_where_it_is), UNIT(test_timeout), UNIT(test_running_queries))
