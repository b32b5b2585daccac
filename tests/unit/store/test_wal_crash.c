/* SPDX-License-Identifier: Apache-2.0 */
/* test_wal_crash.c - the log across power cuts and deaths of its process: at any call, with any
 * part of what was not synced on disk, in recovery too. What was acknowledged is there, what is
 * there was appended, in order and whole, and the log goes on from there. */
#include "wal_records.h"

enum { WORLDS = 2500, LIVES = 6 };

typedef struct world {
    faulty_vfs fs;
    rng        r;
    mem        m;
    int64_t    acknowledged; /* durable by commit */
    int64_t    appended;     /* at most this is there */
    int64_t    held;         /* elsewhere, as by a checkpoint */
    int64_t    crashes, in_recovery, cut;
} world;

/* Some appends and commits; ends when the log fails. */
static void
live(world *h, wal *w) {
    error         err = {0};
    const int32_t steps = (int32_t)rng_below(&h->r, 25);
    for (int32_t i = 0; i < steps; i++) {
        const uint64_t what = rng_below(&h->r, 10);
        status         s = OK;
        if (what < 6) {
            s = append_next(w, &err);
            h->appended = max_i64(h->appended, wal_last(w));
        } else if (what < 8) {
            s = wal_commit(w, wal_last(w), WAL_DURABLE, &err);
            h->acknowledged = s == OK ? max_i64(h->acknowledged, wal_last(w)) : h->acknowledged;
        } else if (what < 9) {
            s = wal_commit(w, wal_last(w), WAL_WRITTEN, &err);
        } else {
            const int64_t upto =
                h->held + (int64_t)rng_below(&h->r, (uint64_t)(h->acknowledged - h->held + 1));
            h->held = upto; /* the checkpoint is durable before the log forgets */
            s = wal_forget(w, upto, &err);
        }
        if (s < 0) {
            CHECK(err.message[0] != '\0');
        }
    }
}

static void
check_recovered(world *h, const wal *w, const taken *t) {
    const int64_t last = wal_durable(w);
    CHECK(last >= h->acknowledged);
    CHECK(last <= h->appended);
    CHECK_EQ(t->count, last - h->held);
    CHECK(t->count == 0 || t->first == h->held + 1);
    h->cut += last < h->appended;
    h->appended = h->acknowledged = last; /* it has been read: it must not go again */
}

/* Opens, lives, and loses its power at some call; the next life finds what was promised. */
static void
one_life(world *h, bool last) {
    wal  *w = NULL;
    taken t = {0};
    error err = {0};
    h->fs.write_short = rng_below(&h->r, 2) != 0;
    h->fs.sync_forgets = rng_below(&h->r, 2) != 0;
    if (!last) {
        faulty_arm(&h->fs, FAULTY_ANY, 1 + (int64_t)rng_below(&h->r, 120),
                   rng_below(&h->r, 4) != 0);
    }
    const status s =
        wal_open(&w, &h->m, &h->fs.base, DIRECTORY, SMALL_SEGMENT, h->held, take_record, &t, &err);
    if (s == OK) {
        check_recovered(h, w, &t);
        live(h, w);
        if (wal_close(w, &err) == OK) {
            h->acknowledged = h->appended;
        }
    } else {
        if (last || s != ERR_CONNECTOR_FAILED) {
            print_error("%s\n", err.message);
            fail();
        }
        h->in_recovery++;
    }
    faulty_arm(&h->fs, 0, 0, false);
    h->crashes++;
    if (last || rng_below(&h->r, 4) != 0) { /* else the process died, and the machine lives */
        faulty_crash(&h->fs, rng_below(&h->r, 5) == 0 ? NULL : &h->r);
    }
}

static void
test_power_cuts(void **state) {
    (void)state;
    static world h;
    int64_t      crashes = 0;
    int64_t      in_recovery = 0;
    int64_t      cut = 0;
    for (int32_t i = 0; i < WORLDS; i++) {
        memset(&h, 0, sizeof(h));
        rng_init(&h.r, (uint64_t)i);
        mem_init(&h.m, INT64_MAX);
        faulty_init(&h.fs);
        for (int32_t n = 0; n < LIVES; n++) {
            one_life(&h, false);
        }
        one_life(&h, true);
        faulty_fini(&h.fs);
        CHECK_EQ(mem_fini(&h.m), 0);
        crashes += h.crashes;
        in_recovery += h.in_recovery;
        cut += h.cut;
    }
    print_message("%lld ends, %lld of them in recovery; %lld tails were cut\n", (long long)crashes,
                  (long long)in_recovery, (long long)cut);
    CHECK(crashes >= 15000 && in_recovery > 500 && cut > 400);
}

UNIT_MAIN(UNIT(test_power_cuts))
