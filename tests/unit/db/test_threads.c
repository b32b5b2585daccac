/* SPDX-License-Identifier: Apache-2.0 */
/* test_threads.c - one database, several threads: writers, readers of streams and tables,
 * subscribers, interrupts. Meant for ThreadSanitizer as well. */
#include "database.h"
#include "db/internal.h"
#include "os/thread.h"

#define WRITERS 2
#define INSERTS 600
#define ROWS 20

typedef struct worker {
    laminar_database     *db;
    laminar_subscription *sub;
    int32_t               number;
    int64_t               rows, sum;
    _Atomic bool         *stop;
    laminar_status        last;
} worker;

/* Half of the inserts by appender, half by SQL. */
static void *
write_rows(void *arg) {
    worker           *w = arg;
    laminar_appender *a = NULL;
    w->last = laminar_appender_open(&a, w->db, "t", NULL);
    for (int32_t i = 0; i < INSERTS && w->last == LAMINAR_OK; i++) {
        if (i % 2 == 0) {
            w->last = laminar_database_execute(
                w->db, "INSERT INTO t VALUES (1, 'some text that is longer than a view', 1)", NULL,
                NULL);
            continue;
        }
        for (int32_t row = 0; row < ROWS; row++) {
            (void)laminar_append_bigint(a, 0, row % 7, NULL);
            (void)laminar_append_text(a, 1, "x", 1, NULL);
            (void)laminar_append_bigint(a, 2, w->number, NULL);
        }
        w->last = laminar_appender_flush(a, NULL, NULL);
    }
    laminar_appender_close(a);
    return NULL;
}

/* What a reader sees only grows. */
static void *
query_rows(void *arg) {
    static const char *const queries[] = {"SELECT sum(n) FROM counts",
                                          "SELECT count(*) FROM t WHERE s LIKE '%text%' OR k < 9"};
    worker                  *w = arg;
    int64_t                  seen[2] = {0, 0};
    while (!atomic_load(w->stop) && w->last == LAMINAR_OK) {
        laminar_result *r = NULL;
        laminar_value   v = {0};
        const int64_t   which = w->rows++ % 2;
        w->last = laminar_database_execute(w->db, queries[which], &r, NULL);
        if (w->last == LAMINAR_OK) {
            w->last = laminar_result_value(r, 0, 0, &v);
        }
        if (w->last == LAMINAR_OK && v.i < seen[which]) {
            w->last = -1;
        }
        seen[which] = v.i;
        laminar_result_free(r);
    }
    return NULL;
}

static void *
follow(void *arg) {
    worker *w = arg;
    w->last = db_follow(w->sub, &w->rows, &w->sum);
    return NULL;
}

static void
test_writers(void **state) {
    (void)state;
    laminar_error     err;
    error             e;
    _Atomic bool      stop = false;
    worker            writers[WRITERS], reader = {.stop = &stop}, follower = {0};
    thread            threads[WRITERS + 2];
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR, v BIGINT);"
               "CREATE STREAM rows AS SELECT v + 1 AS w, s FROM t;"
               "CREATE STREAM counts AS SELECT k, count(*) AS n, max(s) AS top FROM t GROUP BY k");
    DB_OK(laminar_database_start(db, &err));
    reader.db = follower.db = db;
    DB_OK(laminar_database_subscribe_stream(&follower.sub, db, "rows", &err));
    CHECK_EQ(thread_start(&threads[0], "reader", query_rows, &reader, &e), OK);
    CHECK_EQ(thread_start(&threads[1], "follower", follow, &follower, &e), OK);
    for (int32_t i = 0; i < WRITERS; i++) {
        writers[i] = (worker){.db = db, .number = i};
        CHECK_EQ(thread_start(&threads[2 + i], "writer", write_rows, &writers[i], &e), OK);
    }
    for (int32_t i = 0; i < WRITERS; i++) {
        thread_join(&threads[2 + i]);
        CHECK_EQ(writers[i].last, LAMINAR_OK);
    }
    atomic_store(&stop, true);
    thread_join(&threads[0]);
    CHECK_EQ(reader.last, LAMINAR_OK);
    DB_OK(laminar_database_shutdown(db, &err));
    thread_join(&threads[1]);
    CHECK_EQ(follower.last, LAMINAR_DONE);
    const int64_t total = WRITERS * (INSERTS / 2 + INSERTS / 2 * ROWS);
    CHECK_EQ(follower.rows, total);
    CHECK_EQ(follower.sum, WRITERS * INSERTS / 2 * 2 + INSERTS / 2 * ROWS * (1 + 2));
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), total);
    db_check_same(db, "SELECT * FROM counts",
                  "SELECT k, count(*) AS n, max(s) AS top FROM t GROUP BY k");
    laminar_subscription_close(follower.sub);
    laminar_database_close(db);
}

/* Objects come and go while another thread inserts. */
static void *
make_and_drop(void *arg) {
    worker *w = arg;
    while (!atomic_load(w->stop) && w->last == LAMINAR_OK) {
        laminar_subscription *sub = NULL;
        w->last = laminar_database_execute(
            w->db, "CREATE STREAM temporary AS SELECT k, sum(v) AS v FROM t GROUP BY k", NULL,
            NULL);
        if (w->last == LAMINAR_OK) {
            w->last = laminar_database_subscribe(&sub, w->db, "SELECT v FROM temporary", NULL);
        }
        laminar_subscription_close(sub);
        if (w->last == LAMINAR_OK) {
            w->last = laminar_database_execute(w->db, "DROP STREAM temporary", NULL, NULL);
        }
        w->rows++;
    }
    return NULL;
}

static void
test_ddl_among_inserts(void **state) {
    (void)state;
    laminar_error     err;
    error             e;
    _Atomic bool      stop = false;
    thread            maker, writer;
    laminar_database *db = db_open();
    worker            w = {.db = db}, m = {.db = db, .stop = &stop};
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR, v BIGINT)");
    DB_OK(laminar_database_start(db, &err));
    CHECK_EQ(thread_start(&maker, "maker", make_and_drop, &m, &e), OK);
    CHECK_EQ(thread_start(&writer, "writer", write_rows, &w, &e), OK);
    thread_join(&writer);
    atomic_store(&stop, true);
    thread_join(&maker);
    CHECK_EQ(w.last, LAMINAR_OK);
    CHECK_EQ(m.last, LAMINAR_OK);
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), INSERTS / 2 + INSERTS / 2 * ROWS);
    laminar_database_close(db);
}

static void *
run_long_query(void *arg) {
    worker       *w = arg;
    laminar_error err;
    do {
        w->last = laminar_database_execute(
            w->db, "SELECT count(*) FROM t AS a JOIN t AS b ON a.k = b.k AND a.v + b.v >= 0", NULL,
            &err);
    } while (w->last == LAMINAR_OK);
    w->rows = err.code;
    atomic_store(w->stop, true);
    return NULL;
}

static void
test_interrupt(void **state) {
    (void)state;
    laminar_error     err;
    error             e;
    _Atomic bool      stopped = false;
    thread            runner;
    laminar_database *db = db_open();
    worker            w = {.db = db, .stop = &stopped};
    static char       csv[3000 * 12];
    size_t            size = (size_t)snprintf(csv, sizeof(csv), "k,v\n");
    for (int32_t i = 0; i < 3000; i++) {
        size += (size_t)snprintf(csv + size, sizeof(csv) - size, "1,%d\n", i);
    }
    db_run(db, "CREATE SOURCE t (k BIGINT, v BIGINT)");
    DB_OK(laminar_database_insert_csv(db, "t", csv, size, ',', NULL, NULL, &err));
    CHECK_EQ(thread_start(&runner, "runner", run_long_query, &w, &e), OK);
    while (!atomic_load(&stopped)) { /* it may not have begun, or be between two queries */
        _Atomic uint32_t word = 0;
        (void)futex_wait(&word, 0, 2000);
        laminar_database_interrupt(db);
        CHECK_EQ(db_integer(db, "SELECT 1"), 1);
    }
    thread_join(&runner);
    CHECK_EQ(w.last, -402);
    CHECK_EQ(w.rows, 402);
    laminar_database_close(db);
}

/* Keeps the engine busy: the state of a stream is read by whoever holds it. */
static _Atomic int32_t sums;

static void *
sum_state(void *arg) {
    worker *w = arg;
    while (!atomic_load(w->stop) && w->last == LAMINAR_OK) {
        laminar_result *r = NULL;
        w->last = laminar_database_execute(w->db, "SELECT sum(n) FROM counts", &r, NULL);
        laminar_result_free(r);
        atomic_fetch_add(&sums, 1);
    }
    return NULL;
}

/* Rows of a transaction go in by the hand of its thread, however busy readers keep the engine: in
 * the queue nobody would take them along. */
static void
test_transactions_beside_readers(void **state) {
    (void)state;
    laminar_error     err;
    error             e;
    _Atomic bool      stop = false;
    thread            readers[2];
    worker            w[2];
    laminar_appender *a = NULL;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (k BIGINT, s VARCHAR, w BIGINT)");
    db_run(db, "CREATE STREAM counts AS SELECT k, count(*) AS n FROM t GROUP BY k");
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    for (int64_t k = 0; k < 20000; k++) {
        DB_OK(laminar_append_bigint(a, 0, k, &err));
    }
    DB_OK(laminar_appender_flush(a, NULL, &err));
    for (int32_t i = 0; i < 2; i++) {
        w[i] = (worker){.db = db, .stop = &stop};
        CHECK_EQ(thread_start(&readers[i], "reader", sum_state, &w[i], &e), OK);
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < 400 || atomic_load(&sums) < 50; i++) {
        db_run(db, "BEGIN");
        for (int32_t part = 0; part < 2; part++) {
            DB_OK(laminar_append_bigint(a, 0, i, &err));
            DB_OK(laminar_append_bigint(a, 2, part, &err));
            DB_OK(laminar_appender_flush(a, NULL, &err));
        }
        db_run(db, i % 4 == 0 ? "ROLLBACK" : "COMMIT");
        kept += i % 4 == 0 ? 0 : 2;
    }
    atomic_store(&stop, true);
    for (int32_t i = 0; i < 2; i++) {
        thread_join(&readers[i]);
        CHECK_EQ(w[i].last, LAMINAR_OK);
    }
    CHECK_EQ(db_integer(db, "SELECT sum(n) FROM counts"), 20000 + kept);
    laminar_appender_close(a);
    laminar_database_close(db);
}

/* ---- a sink whose thread closes the database: nobody is left to join it or to free what it has */
typedef struct ender {
    laminar_database *db; /* until it is closed */
    bool              twice;
    _Atomic bool      within, go, closed;
} ender;

static void
wait_for(_Atomic bool *flag) {
    _Atomic uint32_t never = 0;
    while (!atomic_load(flag)) {
        (void)futex_wait(&never, 0, 1000);
    }
}

static laminar_status
end_write(void *context, laminar_result *rows, laminar_error *err) {
    ender *e = context;
    laminar_result_free(rows);
    wait_for(&e->go); /* the other thread has left the database */
    if (e->twice) {
        CHECK_EQ(laminar_database_end(e->db, err), LAMINAR_OK);
    }
    laminar_database_close(e->db);
    return LAMINAR_OK;
}

static void
end_closed(void *context) {
    ender *e = context;
    atomic_store(&e->closed, true);
}

/* All but so many bytes, within a minute. */
static void
wait_until_freed(const mem *m, int64_t but) {
    _Atomic uint32_t never = 0;
    for (int32_t ms = 0; ms < 60000 && atomic_load(&m->bytes_used) != but; ms++) {
        (void)futex_wait(&never, 0, 1000);
    }
    CHECK_EQ(atomic_load(&m->bytes_used), but);
}

static void
test_sink_that_closes(void **state) {
    (void)state;
    laminar_error err;
    for (int32_t i = 0; i < 20; i++) {
        ender                     e = {.db = db_open(), .twice = i % 2 == 1};
        const laminar_sink_writer writer = {.write = end_write, .close = end_closed, .context = &e};
        mem                      *m = e.db->mem;
        void *const held = mem_alloc(m, 1); /* so that the account can be looked at in the end */
        assert_non_null(held);
        db_run(e.db,
               "CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'program');"
               "CREATE SINK other FROM t WITH (connector = 'program')");
        DB_OK(laminar_database_register_sink(e.db, "k", &writer, &err));
        DB_OK(laminar_database_start(e.db, &err));
        db_run(e.db, "INSERT INTO t VALUES (1), (2)");
        atomic_store(&e.go, true);
        wait_until_freed(m, 1);
        CHECK(atomic_load(&e.closed));
        mem_free(m, held, 1);
    }
}

static laminar_status
hang_write(void *context, laminar_result *rows, laminar_error *err) {
    ender *e = context;
    (void)err;
    laminar_result_free(rows);
    atomic_store(&e->within, true);
    wait_for(&e->go);
    return LAMINAR_OK;
}

/* The end of a database waits for no writer that does not come back; what it has goes with it. */
static void
test_sink_that_hangs(void **state) {
    (void)state;
    laminar_error             err;
    ender                     e = {.db = db_open()};
    const laminar_sink_writer writer = {.write = hang_write, .close = end_closed, .context = &e};
    mem                      *m = e.db->mem;
    void *const               held = mem_alloc(m, 1);
    assert_non_null(held);
    db_run(e.db, "CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'program')");
    DB_OK(laminar_database_register_sink(e.db, "k", &writer, &err));
    DB_OK(laminar_database_start(e.db, &err));
    db_run(e.db, "INSERT INTO t VALUES (1), (2)");
    wait_for(&e.within);
    laminar_database_close(e.db);
    CHECK(!atomic_load(&e.closed));
    atomic_store(&e.go, true);
    wait_until_freed(m, 1);
    CHECK(atomic_load(&e.closed));
    mem_free(m, held, 1);
}

UNIT_MAIN(UNIT(test_writers), UNIT(test_ddl_among_inserts), UNIT(test_interrupt),
          UNIT(test_transactions_beside_readers), UNIT(test_sink_that_closes),
          UNIT(test_sink_that_hangs))
