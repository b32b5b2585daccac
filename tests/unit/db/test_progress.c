/* SPDX-License-Identifier: Apache-2.0 */
/* laminar_database_set_progress: what it is told, on which thread, and how it ends a query. */
#include "database.h"
#include "os/thread.h"

typedef struct teller {
    laminar_database *db;
    int64_t           calls, stop_at;
    double            fraction;
    int64_t           rows_read, rows_to_read;
    uint64_t          thread;
    bool              calls_back;
} teller;

static bool
tell(void *context, const laminar_progress *p) {
    teller *t = context;
    CHECK_EQ(p->size, sizeof(*p));
    CHECK(p->fraction >= t->fraction && p->fraction <= 1);
    CHECK(p->id > 0 && p->elapsed_us > 0 && p->left_us >= -1);
    CHECK(t->thread == 0 || t->thread == thread_id());
    t->thread = thread_id();
    t->fraction = p->fraction;
    t->rows_read = p->rows_read;
    t->rows_to_read = p->rows_to_read;
    if (t->calls_back) {
        laminar_error err;
        DB_FAILS(laminar_database_execute(t->db, "SELECT 1", NULL, &err), 102);
    }
    return ++t->calls != t->stop_at;
}

static laminar_database *
open_told(teller *t, int32_t threads) {
    laminar_error     err;
    laminar_options   options = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    options.threads = threads;
    DB_OK(laminar_database_open(&db, ":memory:", &options, &err));
    db_run(db, "CREATE TABLE t (k BIGINT, g BIGINT)");
    db_run(db, "INSERT INTO t SELECT x, hash(x) % 1000 FROM range(150000) r(x)");
    *t = (teller){.db = db};
    laminar_database_set_progress(db, tell, t, 5);
    return db;
}

static const char slow[] = "SELECT count(*) FROM t AS a JOIN t AS b ON a.g = b.g AND a.k + b.k < 0";

static void
test_told(void **state) {
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        teller            t;
        laminar_database *db = open_told(&t, threads);
        db_run(db, slow);
        CHECK(t.calls > 2 && t.fraction == 1);
        CHECK_EQ(t.rows_read, 300000);
        CHECK_EQ(t.rows_to_read, 300000);
        t = (teller){.db = db, .calls_back = true};
        db_run(db, "SELECT count(*) FROM (SELECT hash(k) AS h, g FROM t ORDER BY h, g) AS o");
        CHECK(t.calls > 0 && t.fraction == 1);
        laminar_database_close(db);
    }
}

static void
test_ends(void **state) {
    (void)state;
    laminar_error     err;
    teller            t;
    laminar_database *db = open_told(&t, 2);
    for (int64_t at = 1; at < 4; at++) {
        t = (teller){.db = db, .stop_at = at};
        DB_FAILS(laminar_database_execute(db, slow, NULL, &err), 402);
        CHECK_EQ(t.calls, at);
    }
    laminar_database_set_progress(db, NULL, NULL, 0);
    t = (teller){.db = db};
    db_run(db, slow);
    CHECK_EQ(t.calls, 0);
    laminar_database_close(db);
}

/* The engine is not theirs alone while a query over a stream, or a change, runs. */
static void
test_silent(void **state) {
    (void)state;
    laminar_error     err;
    teller            t;
    laminar_database *db = open_told(&t, 1);
    db_run(db, "CREATE STREAM s AS SELECT g, k FROM t");
    DB_OK(laminar_database_start(db, &err));
    t = (teller){.db = db};
    db_run(db, "SELECT count(*) FROM (SELECT hash(k) AS h FROM s ORDER BY h)");
    db_run(db, "UPDATE t SET g = length(md5(CAST(k AS VARCHAR))) WHERE k < 100000");
    CHECK_EQ(t.calls, 0);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_told), UNIT(test_ends), UNIT(test_silent))
