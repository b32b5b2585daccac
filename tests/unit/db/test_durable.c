/* SPDX-License-Identifier: Apache-2.0 */
/* test_durable.c - a kept database whose process dies and whose machine loses power, at any call of
 * the file system, in recovery too: what was acknowledged is there once, what was not is there
 * whole or not at all, and streams say what their queries say. */
#include "database.h"
#include "db/checkpoint.h"
#include "db/durable_internal.h"
#include "db/restore.h"

#include "../os/faulty_vfs.h"

enum { LIVES = 6 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { WORLDS = 200 };
#else
enum { WORLDS = 3000 };
#endif

typedef struct world {
    faulty_vfs fs;
    rng        r;
    int64_t    acknowledged, tried; /* rows of t: 0 .. n - 1 */
    int64_t    other;               /* rows of a checkpoint that may have been gone back to; -1 */
    int64_t    ends, in_recovery, lost, checkpoints, restores, undone;
} world;

static laminar_database *
open_kept(world *h, error *err) {
    laminar_error     e;
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    o.deterministic = true;
    assert_int_equal(laminar_database_open(&db, ":memory:", &o, &e), LAMINAR_OK);
    if (durable_open(db, &h->fs.base, "d", err) < 0) {
        laminar_database_close(db);
        return NULL;
    }
    return db;
}

static bool
run(laminar_database *db, const char *sql) {
    laminar_error        err;
    const laminar_status s = laminar_database_execute(db, sql, NULL, &err);
    CHECK(s == LAMINAR_OK || err.message[0] != '\0');
    return s == LAMINAR_OK;
}

static bool
define(laminar_database *db) {
    return run(db, "CREATE SOURCE IF NOT EXISTS t (n BIGINT, k VARCHAR)") &&
           run(db, "CREATE TABLE IF NOT EXISTS a (id BIGINT PRIMARY KEY, v BIGINT)") &&
           run(db, "CREATE STREAM IF NOT EXISTS s AS SELECT k, count(*) AS c, sum(n) AS x FROM t "
                   "GROUP BY k") &&
           run(db, "INSERT INTO a SELECT x, 100 FROM range(4) r(x) ON CONFLICT DO NOTHING");
}

/* One to six rows, alone or with a transfer in one transaction. */
static bool
insert(world *h, laminar_database *db) {
    char          sql[1000];
    size_t        size = 0;
    const int64_t count = 1 + (int64_t)rng_below(&h->r, 6);
    for (int64_t i = 0; i < count; i++) {
        size += (size_t)snprintf(sql + size, sizeof(sql) - size, "%s(%lld, 'key %lld')",
                                 i == 0 ? "INSERT INTO t VALUES " : ", ",
                                 (long long)(h->acknowledged + i),
                                 (long long)((h->acknowledged + i) % 3));
    }
    h->tried = h->acknowledged + count;
    bool done;
    if (rng_below(&h->r, 3) == 0) {
        done = run(db, "BEGIN") && run(db, "UPDATE a SET v = v - 1 WHERE id = 1") && run(db, sql) &&
               run(db, "UPDATE a SET v = v + 1 WHERE id = 2") && run(db, "COMMIT");
        if (!done) {
            (void)run(db, "ROLLBACK");
        }
    } else {
        done = run(db, sql);
    }
    h->acknowledged = done ? h->tried : h->acknowledged;
    h->other = done ? -1 : h->other;
    return done;
}

/* What a recovered database shows. */
static void
check(world *h, laminar_database *db) {
    const int64_t rows = db_integer(db, "SELECT count(*) FROM t");
    CHECK(rows == h->acknowledged || rows == h->tried || rows == h->other);
    CHECK_EQ(db_integer(db, "SELECT count(DISTINCT n) FROM t WHERE n >= 0"), rows);
    CHECK(rows == 0 || db_integer(db, "SELECT max(n) FROM t") == rows - 1);
    CHECK_EQ(db_integer(db, "SELECT sum(v) FROM a"), 400);
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM (SELECT * FROM s EXCEPT ALL SELECT k, count(*), "
                            "sum(n) FROM t GROUP BY k)"),
             0);
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM s"), min_i64(rows, 3));
    h->lost += rows < h->tried;
    h->acknowledged = h->tried = rows;
    h->other = -1;
}

/* One that fails is none, and all goes on without it. */
static bool
checkpoint(laminar_database *db) {
    error        err = {0};
    const status s = checkpoint_make(db, CHECKPOINT_ASKED, NULL, &err);
    CHECK(s == OK || err.message[0] != '\0');
    return s == OK;
}

/* Back to one of those that there are: it happened when it says so, and else may have, which the
 * next opening shows; until then all is as it was. */
static bool
restore(world *h, laminar_database *db) {
    enum { ROWS_OF_A = 4 };
    const checkpoints *all = &db->durable->checkpoints;
    error              err = {0};
    if (all->count == 0) {
        return true;
    }
    const manifest *to = &all->list[rng_below(&h->r, (uint64_t)all->count)];
    const int64_t   rows = to->rows - ROWS_OF_A;
    const status    s = restore_checkpoint(db, to->id, &err);
    if (s == OK) {
        h->restores++;
        h->acknowledged = h->tried = rows;
        check(h, db);
        return true;
    }
    CHECK(err.message[0] != '\0');
    CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), h->acknowledged);
    CHECK_EQ(db_integer(db, "SELECT coalesce(sum(c), 0)::BIGINT FROM s"), h->acknowledged);
    h->undone++;
    h->other = rows;
    return false;
}

static void
one_life(world *h, bool last) {
    error err = {0};
    h->fs.write_short = rng_below(&h->r, 2) != 0;
    h->fs.sync_forgets = rng_below(&h->r, 2) != 0;
    if (!last) {
        faulty_arm(&h->fs, FAULTY_ANY, 1 + (int64_t)rng_below(&h->r, 60), rng_below(&h->r, 4) != 0);
    }
    laminar_database *db = open_kept(h, &err);
    h->ends++;
    if (db == NULL) {
        if (last || (err.status != ERR_CONNECTION_FAILED && err.status != ERR_CONNECTOR_FAILED)) {
            print_error("%s\n", err.message);
            fail();
        }
        h->in_recovery++;
    } else {
        laminar_error e;
        if (define(db) && laminar_database_start(db, &e) == LAMINAR_OK) {
            check(h, db);
            const int32_t steps = (int32_t)rng_below(&h->r, 20);
            for (int32_t i = 0; i < steps && insert(h, db); i++) {
                h->checkpoints += rng_below(&h->r, 8) == 0 && checkpoint(db);
                if (rng_below(&h->r, 12) == 0 && !restore(h, db)) {
                    break;
                }
            }
        }
        laminar_database_close(db);
    }
    faulty_arm(&h->fs, 0, 0, false);
    if (last || rng_below(&h->r, 4) != 0) {
        faulty_crash(&h->fs, rng_below(&h->r, 5) == 0 ? NULL : &h->r);
    }
}

static void
test_ends(void **state) {
    (void)state;
    static world h;
    int64_t      ends = 0;
    int64_t      in_recovery = 0;
    int64_t      lost = 0;
    int64_t      made = 0;
    int64_t      restores = 0;
    int64_t      undone = 0;
    for (int32_t i = 0; i < WORLDS; i++) {
        memset(&h, 0, sizeof(h));
        rng_init(&h.r, (uint64_t)i);
        h.other = -1;
        faulty_init(&h.fs);
        for (int32_t n = 0; n < LIVES; n++) {
            one_life(&h, false);
        }
        one_life(&h, true);
        faulty_fini(&h.fs);
        ends += h.ends;
        in_recovery += h.in_recovery;
        lost += h.lost;
        made += h.checkpoints;
        restores += h.restores;
        undone += h.undone;
    }
    print_message("%lld ends, %lld of them in recovery; %lld times an insert that was not "
                  "acknowledged was not there; %lld checkpoints, %lld restores, %lld undone\n",
                  (long long)ends, (long long)in_recovery, (long long)lost, (long long)made,
                  (long long)restores, (long long)undone);
    CHECK(ends == WORLDS * (LIVES + 1) && in_recovery > WORLDS / 2 && lost > WORLDS / 3 &&
          made > WORLDS && restores > WORLDS / 4 && undone > WORLDS / 40);
}

/* Back at an older checkpoint, with a log that still has what that undid: an opening that any call
 * fails in is refused, or shows what was restored. */
static void
test_faults_behind_a_restore(void **state) {
    (void)state;
    static world  h;
    error         err = {0};
    laminar_error e;
    int64_t       refused = 0;
    memset(&h, 0, sizeof(h));
    rng_init(&h.r, 1);
    faulty_init(&h.fs);
    laminar_database *db = open_kept(&h, &err);
    CHECK(db != NULL && define(db) && laminar_database_start(db, &e) == LAMINAR_OK);
    CHECK(insert(&h, db) && checkpoint(db));
    const int64_t rows = h.acknowledged;
    CHECK(insert(&h, db) && checkpoint(db));
    CHECK(restore_checkpoint(db, db->durable->checkpoints.list[0].id, &err) == OK);
    laminar_database_close(db);
    for (int32_t call = 1; call < 120; call++) {
        faulty_arm(&h.fs, FAULTY_ANY, call, false);
        db = open_kept(&h, &err);
        faulty_arm(&h.fs, 0, 0, false);
        refused += db == NULL;
        if (db != NULL) {
            CHECK_EQ(db_integer(db, "SELECT count(*) FROM t"), rows);
            laminar_database_close(db);
        }
    }
    CHECK(refused > 20);
    faulty_fini(&h.fs);
}

UNIT_MAIN(UNIT(test_ends), UNIT(test_faults_behind_a_restore))
