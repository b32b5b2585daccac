/* SPDX-License-Identifier: Apache-2.0 */
/* test_timer.c - timers go off in order of deadline and creation, whatever is set and unset. */
#include "exec/timer.h"

#include "unit.h"

#define TIMERS 60

static void
ignore(timer *t, int64_t due_us) {
    (void)t;
    (void)due_us;
}

/* The earliest of those that are set, by looking at all. */
static timer *
earliest(timer *timers) {
    timer *best = NULL;
    for (int32_t i = 0; i < TIMERS; i++) {
        timer *t = &timers[i];
        if (t->fire != NULL && timer_is_set(t) && (best == NULL || t->due_us < best->due_us)) {
            best = t;
        }
    }
    return best;
}

static void
test_order(void **state) {
    (void)state;
    error      err;
    mem        m;
    timer_heap h;
    timer      timers[TIMERS] = {0};
    rng        r;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 8);
    timer_heap_init(&h, &m);
    for (int32_t i = 0; i < TIMERS; i++) {
        CHECK_OK(timer_init(&h, &timers[i], ignore, &err));
    }
    int64_t now_us = 0, taken = 0;
    for (int32_t step = 0; step < 20000; step++) {
        timer *t = &timers[rng_below(&r, TIMERS)];
        if (rng_below(&r, 3) > 0) {
            timer_set(&h, t,
                      rng_below(&r, 5) == 0 ? TIMER_NEVER : now_us + (int64_t)rng_below(&r, 40));
        } else {
            now_us += (int64_t)rng_below(&r, 4);
        }
        const timer *wanted = earliest(timers);
        CHECK_EQ(timer_heap_due_us(&h), wanted == NULL ? TIMER_NEVER : wanted->due_us);
        while (wanted != NULL && wanted->due_us <= now_us) {
            CHECK(timer_heap_take(&h, now_us) == wanted);
            CHECK(!timer_is_set(wanted));
            wanted = earliest(timers);
            taken++;
        }
        CHECK(timer_heap_take(&h, now_us) == NULL);
    }
    CHECK(taken > 1000);
    for (int32_t i = 0; i < TIMERS; i++) {
        timer_fini(&h, &timers[i]);
    }
    timer_fini(&h, &timers[0]); /* twice is fine */
    timer_heap_fini(&h);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
use_timers(mem *m, error *err) {
    timer_heap h;
    timer      timers[20] = {0};
    status     s = OK;
    timer_heap_init(&h, m);
    for (int32_t i = 0; s == OK && i < 20; i++) {
        s = timer_init(&h, &timers[i], ignore, err);
    }
    for (int32_t i = 0; i < 20; i++) {
        timer_fini(&h, &timers[i]);
    }
    timer_heap_fini(&h);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("timers", use_timers) >= 2);
}

UNIT_MAIN(UNIT(test_order), UNIT(test_torture))
