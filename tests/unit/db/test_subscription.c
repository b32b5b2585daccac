/* SPDX-License-Identifier: Apache-2.0 */
/* test_subscription.c - subscriptions: what they give, when they end, who frees what last. */
#include <time.h>

#include "database.h"
#include "os/thread.h"

static laminar_database *
open_running(void) {
    laminar_error     err;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (k VARCHAR, v BIGINT);"
               "CREATE STREAM rows AS SELECT k, v FROM t WHERE v > 0;"
               "CREATE STREAM sums AS SELECT k, sum(v) AS total FROM t GROUP BY k;"
               "CREATE STREAM changes AS SELECT k, sum(v) AS total FROM t GROUP BY k EMIT CHANGES");
    DB_OK(laminar_database_start(db, &err));
    return db;
}

static void
test_deliveries(void **state) {
    (void)state;
    laminar_error         err;
    struct ArrowSchema    shape;
    laminar_subscription *rows = NULL, *sums = NULL, *changes = NULL, *state_first = NULL;
    laminar_subscription *constant = NULL, *none = NULL;
    laminar_database     *db = open_running();
    db_run(db, "INSERT INTO t VALUES ('before', 1)");
    DB_OK(laminar_database_subscribe_stream(&rows, db, "rows", &err));
    DB_OK(laminar_database_subscribe_stream(&sums, db, "sums", &err));
    DB_OK(laminar_database_subscribe_stream(&changes, db, "changes", &err));
    DB_OK(laminar_database_subscribe(&state_first, db, "SELECT max(v) AS top FROM t", &err));
    DB_OK(laminar_database_subscribe(&constant, db, "SELECT 1 + 1, 'x'", &err));
    DB_FAILS(laminar_database_subscribe_stream(&none, db, "t", &err), 200);
    DB_FAILS(laminar_database_subscribe_stream(&none, db, "sms", &err), 200);
    DB_FAILS(laminar_database_subscribe(&none, db, "SELECT x FROM t", &err), 400);
    DB_FAILS(laminar_database_subscribe(&none, db, "SELECT 1; SELECT 2", &err), 500);
    DB_FAILS(laminar_database_subscribe(&none, db, "INSERT INTO t VALUES ('a', 1)", &err), 500);
    CHECK(none == NULL);
    db_check_next(rows, NULL);
    db_check_next(state_first, "1");
    db_check_next(state_first, NULL);
    CHECK_EQ(laminar_subscription_state(constant), LAMINAR_SUBSCRIPTION_ACTIVE);
    db_check_next(constant, "2,x");
    db_check_next(constant, NULL);
    CHECK_EQ(laminar_subscription_state(constant), LAMINAR_SUBSCRIPTION_FINISHED);
    db_run(db, "INSERT INTO t VALUES ('a', 5), ('b', -1), ('a', 2)");
    db_run(db, "INSERT INTO t VALUES ('b', 1)");
    db_check_next(rows, "a,5|a,2|b,1"); /* append-only: several ticks may come as one */
    db_check_next(rows, NULL);
    db_check_next(sums, "a,7|b,-1");
    db_check_next(sums, "b,0");
    db_check_next(sums, NULL);
    db_check_next(changes, "a,7,1|b,-1,1");
    db_check_next(changes, "b,-1,-1|b,0,1");
    db_check_next(state_first, "5");
    db_check_next(state_first, NULL);
    DB_OK(laminar_subscription_schema(changes, &shape, &err));
    CHECK_EQ(shape.n_children, 3);
    CHECK_STR(shape.children[2]->name, "__weight");
    shape.release(&shape);
    CHECK_EQ(laminar_subscription_state(sums), LAMINAR_SUBSCRIPTION_ACTIVE);
    laminar_subscription_cancel(sums);
    laminar_subscription_cancel(sums);
    db_run(db, "INSERT INTO t VALUES ('b', 1)");
    db_check_next(sums, NULL);
    CHECK_EQ(laminar_subscription_state(sums), LAMINAR_SUBSCRIPTION_CANCELLED);
    db_run(db, "DROP STREAM changes"); /* what was queued, then the end */
    db_check_next(changes, "b,0,-1|b,1,1");
    db_check_next(changes, NULL);
    CHECK_EQ(laminar_subscription_state(changes), LAMINAR_SUBSCRIPTION_FINISHED);
    laminar_subscription_close(rows);
    laminar_subscription_close(sums);
    laminar_subscription_close(changes);
    laminar_subscription_close(state_first);
    laminar_subscription_close(constant);
    laminar_subscription_close(NULL);
    laminar_database_close(db);
}

/* A fault inside a stream is the stream's own: the insert stands, readers get code 600. */
static void
test_failed_stream(void **state) {
    (void)state;
    laminar_error         err;
    laminar_result       *r = NULL;
    laminar_stream_stats  stats = {.size = sizeof(stats)};
    laminar_subscription *bad = NULL, *above = NULL, *good = NULL, *late = NULL;
    laminar_database     *db = db_open();
    db_run(db, "CREATE SOURCE t (v BIGINT);"
               "CREATE STREAM bad AS SELECT v + 9223372036854775807 AS w FROM t;"
               "CREATE STREAM above AS SELECT max(w) AS top FROM bad;"
               "CREATE STREAM good AS SELECT v FROM t");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe_stream(&bad, db, "bad", &err));
    DB_OK(laminar_database_subscribe_stream(&above, db, "above", &err));
    DB_OK(laminar_database_subscribe_stream(&good, db, "good", &err));
    db_run(db, "INSERT INTO t VALUES (0)");
    db_run(db, "INSERT INTO t VALUES (1)");
    db_run(db, "INSERT INTO t VALUES (-1)");
    db_check_next(bad, "9223372036854775807");
    DB_FAILS(laminar_subscription_next(bad, -1, &r, NULL, &err), 600);
    CHECK_STR(err.class_name, "StreamError");
    CHECK(strstr(err.message, "9223372036854775807") != NULL);
    CHECK_EQ(laminar_subscription_state(bad), LAMINAR_SUBSCRIPTION_FINISHED);
    db_check_next(above, "9223372036854775807");
    DB_FAILS(laminar_subscription_next(above, 0, &r, NULL, &err), 600);
    CHECK(strstr(err.message, "\"bad\"") != NULL);
    db_check_next(good, "0|1|-1");
    DB_OK(laminar_database_stream_stats(db, "bad", &stats, &err));
    CHECK(stats.failed && stats.error[0] != '\0');
    DB_FAILS(laminar_database_query_stream(db, "bad", NULL, &r, &err), 600);
    DB_FAILS(laminar_database_subscribe(&late, db, "SELECT w FROM bad", &err), 600);
    CHECK(late == NULL);
    db_refuse(db, "SELECT * FROM above", 600, "");
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), 3);
    db_run(db, "CREATE OR REPLACE STREAM above AS SELECT max(v) AS top FROM good; "
               "DROP STREAM bad CASCADE");
    db_check_rows(db, "SELECT * FROM above", "1");
    laminar_subscription_close(bad);
    laminar_subscription_close(above);
    laminar_subscription_close(good);
    laminar_database_close(db);
}

/* Database, subscriptions, a result and its Arrow stream, freed in every order. */
enum { DATABASE, NAMED, ANONYMOUS, RESULT, ARROW, THINGS };

typedef struct things {
    laminar_database       *db;
    laminar_subscription   *named, *anonymous;
    laminar_result         *result;
    struct ArrowArrayStream arrow;
} things;

static void
free_thing(things *t, int32_t which) {
    switch (which) {
    case DATABASE:
        laminar_database_close(t->db);
        break;
    case NAMED:
        CHECK(laminar_subscription_state(t->named) != LAMINAR_SUBSCRIPTION_CANCELLED);
        laminar_subscription_close(t->named);
        break;
    case ANONYMOUS:
        laminar_subscription_close(t->anonymous);
        break;
    case RESULT:
        CHECK_EQ(laminar_result_row_count(t->result), 2);
        laminar_result_free(t->result);
        break;
    default: {
        struct ArrowArray batch;
        CHECK_EQ(t->arrow.get_next(&t->arrow, &batch), 0);
        CHECK_EQ(batch.length, 2);
        batch.release(&batch);
        t->arrow.release(&t->arrow);
        break;
    }
    }
}

static void
free_in_order(const int32_t *order) {
    laminar_error err;
    things        t = {.db = open_running()};
    DB_OK(laminar_database_subscribe_stream(&t.named, t.db, "sums", &err));
    DB_OK(laminar_database_subscribe(&t.anonymous, t.db, "SELECT k, count(*) FROM sums GROUP BY k",
                                     &err));
    db_run(t.db, "INSERT INTO t VALUES ('a', 1), ('a text that is longer than a view', 2)");
    DB_OK(laminar_subscription_next(t.named, 0, &t.result, NULL, &err));
    DB_OK(laminar_result_stream(t.result, &t.arrow, &err));
    db_run(t.db, "INSERT INTO t VALUES ('unread', 3)");
    for (int32_t i = 0; i < THINGS; i++) {
        free_thing(&t, order[i]);
    }
}

static void
permute(int32_t *order, int32_t at, int64_t *runs) {
    if (at == THINGS) {
        free_in_order(order);
        (*runs)++;
    }
    for (int32_t i = at; i < THINGS; i++) {
        const int32_t other = order[at];
        order[at] = order[i];
        order[i] = other;
        permute(order, at + 1, runs);
        order[i] = order[at];
        order[at] = other;
    }
}

static void
test_freed_in_any_order(void **state) {
    (void)state;
    int32_t order[THINGS] = {DATABASE, NAMED, ANONYMOUS, RESULT, ARROW};
    int64_t runs = 0;
    permute(order, 0, &runs);
    CHECK_EQ(runs, 120);
}

/* After the database is closed, what was queued is still read; then the end. */
static void
test_outlives(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL, *first = NULL;
    laminar_database     *db = open_running();
    DB_OK(laminar_database_subscribe_stream(&sub, db, "sums", &err));
    db_run(db, "INSERT INTO t VALUES ('a', 1)");
    DB_OK(laminar_database_subscribe(&first, db, "SELECT k FROM t", &err));
    laminar_database_close(db);
    db_check_next(sub, "a,1");
    db_check_next(sub, NULL);
    CHECK_EQ(laminar_subscription_state(sub), LAMINAR_SUBSCRIPTION_FINISHED);
    db_check_next(first, "a");
    db_check_next(first, NULL);
    laminar_subscription_close(first);
    laminar_subscription_close(sub);
}

/* ---- waiting */
typedef struct waiter {
    laminar_subscription *sub;
    int64_t               rows;
    _Atomic int32_t       deliveries;
    laminar_status        last;
} waiter;

static void *
read_to_end(void *arg) {
    waiter *w = arg;
    for (;;) {
        laminar_result *r = NULL;
        w->last = laminar_subscription_next(w->sub, -1, &r, NULL, NULL);
        if (w->last != LAMINAR_OK) {
            return NULL;
        }
        w->rows += laminar_result_row_count(r);
        atomic_fetch_add(&w->deliveries, 1);
        laminar_result_free(r);
    }
}

static void
pause_ms(int64_t ms) {
    const struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}

/* A waiter wakes for rows, for cancel, for shutdown, for DROP, and for the end of the database. */
static void
test_waking(void **state) {
    (void)state;
    for (int32_t how = 0; how < 4; how++) {
        laminar_error     err;
        error             e;
        thread            reader;
        waiter            w = {0};
        laminar_database *db = open_running();
        DB_OK(laminar_database_subscribe_stream(&w.sub, db, "rows", &err));
        CHECK_EQ(thread_start(&reader, "reader", read_to_end, &w, &e), OK);
        for (int32_t i = 1; i <= 3; i++) {
            db_run(db, "INSERT INTO t VALUES ('a', 1), ('b', 2)");
            for (int32_t k = 0; k < 2000 && atomic_load(&w.deliveries) < i; k++) {
                pause_ms(1);
            }
            CHECK_EQ(atomic_load(&w.deliveries), i);
        }
        pause_ms(5);
        if (how == 0) {
            laminar_subscription_cancel(w.sub);
        } else if (how == 1) {
            DB_OK(laminar_database_shutdown(db, &err));
        } else if (how == 2) {
            db_run(db, "DROP STREAM rows");
        } else {
            CHECK_EQ(laminar_database_end(db, NULL), LAMINAR_OK);
        }
        thread_join(&reader);
        CHECK_EQ(w.last, LAMINAR_DONE);
        CHECK_EQ(w.rows, 6);
        CHECK_EQ(laminar_subscription_state(w.sub),
                 how == 0 ? LAMINAR_SUBSCRIPTION_CANCELLED : LAMINAR_SUBSCRIPTION_FINISHED);
        laminar_subscription_close(w.sub);
        laminar_database_close(db);
    }
}

static int64_t
now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
test_timeout(void **state) {
    (void)state;
    laminar_error         err;
    laminar_result       *r = NULL;
    bool                  interrupted = true;
    laminar_subscription *sub = NULL;
    laminar_database     *db = open_running();
    DB_OK(laminar_database_subscribe_stream(&sub, db, "rows", &err));
    const int64_t start = now_ms();
    CHECK_EQ(laminar_subscription_next(sub, 30000, &r, &interrupted, &err), LAMINAR_DONE);
    const int64_t took = now_ms() - start;
    CHECK(took >= 29 && took < 5000);
    CHECK(r == NULL && !interrupted);
    CHECK_EQ(laminar_subscription_state(sub), LAMINAR_SUBSCRIPTION_ACTIVE);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_deliveries), UNIT(test_failed_stream), UNIT(test_freed_in_any_order),
          UNIT(test_outlives), UNIT(test_waking), UNIT(test_timeout))
