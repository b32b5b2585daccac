/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - the clock of a deterministic database, and timers that the worker thread fires
 * while others insert. Meant for ThreadSanitizer as well. */
#include "database.h"
#include "db/internal.h"
#include "os/thread.h"

#define WRITERS 2
#define INSERTS 400

static void
test_tick(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = NULL;
    laminar_options       options = LAMINAR_OPTIONS_INIT;
    options.deterministic = true;
    DB_OK(laminar_database_open(&db, ":memory:", &options, &err));
    db_run(db, "CREATE SOURCE t (v BIGINT);"
               "CREATE STREAM s AS SELECT sum(v) AS total FROM t EMIT EVERY INTERVAL '1' SECOND");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_tick(db, 1500000, &err));
    DB_OK(laminar_database_subscribe_stream(&sub, db, "s", &err));
    db_run(db, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
    DB_OK(laminar_database_tick(db, 1999999, &err));
    db_check_next(sub, NULL);
    DB_OK(laminar_database_tick(db, 2000000, &err));
    db_check_next(sub, "3");
    DB_FAILS(laminar_database_tick(db, 1999999, &err), 991);
    CHECK(strstr(err.message, "never goes back") != NULL);
    db_run(db, "INSERT INTO t VALUES (4)");
    DB_OK(laminar_database_tick(db, 2000000, &err));
    db_check_next(sub, NULL);
    db_run(db, "DROP STREAM s"); /* lets out what is held */
    db_check_next(sub, "7");
    CHECK(!db->queue.has_worker);
    laminar_subscription_close(sub);
    DB_OK(laminar_database_end(db, &err));
    DB_FAILS(laminar_database_tick(db, 3000000, &err), 101);
    laminar_database_close(db);

    db = db_open();
    DB_FAILS(laminar_database_tick(db, 1, &err), 991);
    laminar_database_close(db);
}

typedef struct worker {
    laminar_database     *db;
    laminar_subscription *sub;
    int64_t               rows, sum;
    laminar_status        last;
} worker;

static void *
write_rows(void *arg) {
    worker *w = arg;
    for (int32_t i = 0; i < INSERTS && w->last == LAMINAR_OK; i++) {
        w->last = laminar_database_execute(w->db, "INSERT INTO t VALUES (1), (2)", NULL, NULL);
    }
    return NULL;
}

static void *
follow(void *arg) {
    worker *w = arg;
    w->last = db_follow(w->sub, &w->rows, &w->sum);
    return NULL;
}

/* Nothing is lost between writers, the worker's timers and the end. */
static void
test_worker(void **state) {
    (void)state;
    laminar_error     err;
    error             e;
    worker            writers[WRITERS], follower = {0};
    thread            threads[WRITERS + 1];
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (v BIGINT);"
               "CREATE STREAM s AS SELECT v FROM t EMIT EVERY INTERVAL '2' MILLISECONDS");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe_stream(&follower.sub, db, "s", &err));
    CHECK_EQ(thread_start(&threads[WRITERS], "follower", follow, &follower, &e), OK);
    for (int32_t i = 0; i < WRITERS; i++) {
        writers[i] = (worker){.db = db};
        CHECK_EQ(thread_start(&threads[i], "writer", write_rows, &writers[i], &e), OK);
    }
    for (int32_t i = 0; i < WRITERS; i++) {
        thread_join(&threads[i]);
        CHECK_EQ(writers[i].last, LAMINAR_OK);
    }
    DB_OK(laminar_database_shutdown(db, &err));
    thread_join(&threads[WRITERS]);
    CHECK_EQ(follower.last, LAMINAR_DONE);
    CHECK_EQ(follower.rows, WRITERS * INSERTS * 2);
    CHECK_EQ(follower.sum, WRITERS * INSERTS * 3);
    laminar_subscription_close(follower.sub);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_tick), UNIT(test_worker))
