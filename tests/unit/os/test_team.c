/* SPDX-License-Identifier: Apache-2.0 */
/* test_team.c - every step runs once; of several faults the first in the order of the steps is
 * told, whatever the threads; a query that is to stop ends all. */
#include "os/team.h"

#include "unit.h"

#define STEPS 500

typedef struct work {
    _Atomic int32_t calls[STEPS];
    int32_t         fails_from, fails_each; /* steps that fail; fails_each 0: none */
    interrupt      *stopped_by;             /* cancelled by step STEPS / 2 */
} work;

static status
step(void *context, int32_t at, error *err) {
    work *w = context;
    atomic_fetch_add(&w->calls[at], 1);
    if (w->stopped_by != NULL && at == STEPS / 2) {
        atomic_store(&w->stopped_by->cancelled, true);
    }
    if (w->fails_each > 0 && at >= w->fails_from && (at - w->fails_from) % w->fails_each == 0) {
        return error_set(err, ERR_QUERY_FAILED, "step %d", at);
    }
    return OK;
}

static void
run_with(pool *p, int32_t threads) {
    error      err;
    const team t = {.pool = p, .threads = threads};
    work       w = {.fails_each = 0};
    CHECK_OK(team_run(&t, STEPS, step, &w, &err));
    for (int32_t i = 0; i < STEPS; i++) {
        CHECK_EQ(atomic_load(&w.calls[i]), 1);
    }
    w = (work){.fails_from = 77, .fails_each = 3};
    CHECK_FAILS(team_run(&t, STEPS, step, &w, &err), ERR_QUERY_FAILED);
    CHECK(strcmp(err.message, "step 77") == 0);
    CHECK_EQ(atomic_load(&w.calls[STEPS - 1]), 0);

    interrupt  query = {.message = "enough"};
    const team watched = {.pool = p, .threads = threads, .watched = &query};
    w = (work){.stopped_by = &query};
    interrupt *before = interrupt_set_current(&query);
    CHECK_FAILS(team_run(&watched, STEPS, step, &w, &err), ERR_QUERY_CANCELLED);
    CHECK(interrupt_current() == &query);
    interrupt_set_current(before);
    CHECK(strcmp(err.message, "enough") == 0);
    CHECK(threads > 1 || atomic_load(&w.calls[STEPS / 2 + 1]) == 0);
}

static void
test_steps(void **state) {
    (void)state;
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    pool *p;
    CHECK_OK(pool_open(&p, &m, &err));
    for (int32_t threads = 1; threads <= 8; threads++) {
        for (int32_t round = 0; round < 20; round++) {
            run_with(p, threads);
        }
    }
    run_with(NULL, 8);
    pool_stop(p);
    run_with(p, 3); /* it refuses: the caller's thread does it */
    pool_close(p);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_steps))
