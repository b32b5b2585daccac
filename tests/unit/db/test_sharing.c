/* SPDX-License-Identifier: Apache-2.0 */
/* test_sharing.c - streams with parts in common come and go at random, with subscriptions,
 * reloads and faults; each always equals its query. Ten equal streams take the memory of one, and
 * all of it comes back. */
#include "base/rng.h"
#include "database.h"
#include "db/internal.h"

#define JOINED "SELECT t.k AS k, v, w FROM t JOIN r ON t.k = r.k"
#define COUNTED "SELECT k, sum(v) AS s, count(*) AS n FROM t GROUP BY k"

static const char *const queries[] = {
    COUNTED,
    JOINED,
    "SELECT k, s + n AS s FROM (" COUNTED ") WHERE n > 1",
    "SELECT k, sum(v * w) AS x FROM (" JOINED ") GROUP BY k",
    "SELECT max(x) AS x FROM (SELECT k, sum(v * w) AS x FROM (" JOINED ") GROUP BY k)",
    "SELECT DISTINCT k, v + w AS d FROM (" JOINED ")",
    "SELECT a.k AS k, a.s + b.n AS s, a.n + b.s AS n FROM (" COUNTED ") a JOIN (" COUNTED ") b "
    "ON a.k = b.k",
    "SELECT c.k AS k, s + n AS s, w FROM (" COUNTED ") c LEFT JOIN r ON c.k = r.k",
    "SELECT k, CAST(s + n AS TINYINT) AS s FROM (" COUNTED ")",
    "SELECT k, CAST(sum(v) AS TINYINT) AS s FROM t GROUP BY k",
    "SELECT k, s FROM (SELECT k, CAST(sum(v) AS TINYINT) AS s FROM t GROUP BY k) WHERE s > 0",
};
enum { QUERIES = ARRAY_COUNT(queries), NAMES = 8, STEPS = 120, RUNS = 25 };

typedef struct world {
    laminar_database     *db;
    rng                   random;
    const char           *made[NAMES]; /* NULL: not there */
    laminar_subscription *subs[NAMES];
} world;

static int
below(world *w, int bound) {
    return (int)rng_below(&w->random, (uint64_t)bound);
}

/* A fault is no news: an overflow, and a stream that fell by one. */
static bool
try_run(world *w, const char *sql) {
    laminar_error        err;
    const laminar_status s = laminar_database_execute(w->db, sql, NULL, &err);
    CHECK(s >= 0 || err.code == 400 || err.code == 600);
    return s >= 0;
}

static void
make(world *w, int at) {
    char        line[1024];
    const char *chosen = queries[below(w, QUERIES)];
    snprintf(line, sizeof(line), "CREATE OR REPLACE STREAM s%d AS %s%s", at, chosen,
             below(w, 2) == 0 ? "" : " EMIT CHANGES");
    w->made[at] = try_run(w, line) ? chosen : w->made[at];
}

static void
follow(world *w, int at) {
    laminar_error err;
    laminar_subscription_close(w->subs[at]);
    w->subs[at] = NULL;
    if (w->made[at] != NULL && below(w, 3) > 0) {
        CHECK(laminar_database_subscribe(&w->subs[at], w->db, w->made[at], &err) >= 0 ||
              err.code == 400 || err.code == 600);
    }
}

static void
step(world *w) {
    char          line[256];
    laminar_error err;
    const int     at = below(w, NAMES), k = below(w, 4), v = below(w, 12) == 0 ? 100 : below(w, 9);
    switch (below(w, 10)) {
    case 0:
    case 1:
        make(w, at);
        return;
    case 2:
        snprintf(line, sizeof(line), "DROP STREAM IF EXISTS s%d", at);
        db_run(w->db, line);
        w->made[at] = NULL;
        return;
    case 3:
        follow(w, at);
        return;
    case 4:
        DB_OK(laminar_database_reload(w->db, &err));
        return;
    case 5:
        snprintf(line, sizeof(line), "ALTER STREAM s%d RETRY", at);
        if (w->made[at] != NULL) {
            (void)laminar_database_execute(w->db, line, NULL, &err);
        }
        return;
    case 6:
        snprintf(line, sizeof(line), "DELETE FROM t WHERE v > %d", 20 + below(w, 100));
        db_run(w->db, line);
        return;
    default:
        snprintf(line, sizeof(line), "INSERT INTO %s VALUES (%d, %d)", below(w, 3) == 0 ? "r" : "t",
                 k, v);
        db_run(w->db, line);
    }
}

static void
compare(world *w) {
    char                 line[64];
    laminar_error        err;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    for (int at = 0; at < NAMES; at++) {
        snprintf(line, sizeof(line), "s%d", at);
        if (w->made[at] == NULL) {
            continue;
        }
        DB_OK(laminar_database_stream_stats(w->db, line, &stats, &err));
        if (!stats.failed) {
            snprintf(line, sizeof(line), "SELECT * FROM s%d", at);
            db_check_same(w->db, line, w->made[at]);
        }
    }
}

static void
test_random(void **state) {
    (void)state;
    for (uint64_t run = 0; run < RUNS; run++) {
        world         w = {.db = db_open()};
        laminar_error err;
        rng_init(&w.random, run);
        db_run(w.db, "CREATE TABLE t (k BIGINT, v BIGINT); CREATE SOURCE r (k BIGINT, w BIGINT)");
        DB_OK(laminar_database_start(w.db, &err));
        for (int32_t i = 0; i < STEPS; i++) {
            step(&w);
            compare(&w);
        }
        for (int at = 0; at < NAMES; at++) {
            laminar_subscription_close(w.subs[at]);
        }
        laminar_database_close(w.db);
    }
}

static int64_t
bytes(const laminar_database *db) {
    return atomic_load(&db->mem->bytes_used);
}

static void
test_memory(void **state) {
    (void)state;
    char              line[256];
    laminar_error     err;
    laminar_database *db = db_open();
    db_run(db, "CREATE SOURCE t (k BIGINT, v BIGINT); CREATE SOURCE r (k BIGINT, w BIGINT)");
    DB_OK(laminar_database_start(db, &err));
    db_run(db, "INSERT INTO t SELECT value, value % 7 FROM generate_series(1, 20000) g(value)");
    db_run(db, "INSERT INTO r SELECT value, value % 5 FROM generate_series(1, 20000) g(value)");
    db_run(db, "CREATE STREAM s0 AS " JOINED "; DROP STREAM s0");
    const int64_t base = bytes(db);
    db_run(db, "CREATE STREAM s0 AS " JOINED);
    const int64_t one = bytes(db) - base;
    CHECK(one > 1000000);
    for (int i = 1; i < 10; i++) {
        snprintf(line, sizeof(line), "CREATE STREAM s%d AS " JOINED, i);
        db_run(db, line);
    }
    CHECK(bytes(db) - base < one + one / 4);
    for (int i = 0; i < 10; i++) {
        CHECK(bytes(db) - base > one / 2);
        snprintf(line, sizeof(line), "DROP STREAM s%d", i);
        db_run(db, line);
    }
    CHECK(bytes(db) <= base + 1024);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_random), UNIT(test_memory))
