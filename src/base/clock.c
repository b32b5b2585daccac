/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - the real clock and the manual one: the only file that asks the system for the time. */
#include "base/clock.h"

#include <time.h>

static int64_t
real_now_us(engine_clock *c) {
    (void)c;
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
real_ticks_ns(engine_clock *c) {
    (void)c;
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
manual_now_us(engine_clock *c) {
    return atomic_load_explicit(&c->manual_us, memory_order_acquire);
}

/* A measurement under a manual clock is as repeatable as the rest. */
static int64_t
manual_ticks_ns(engine_clock *c) {
    return sat_mul_i64(manual_now_us(c), 1000);
}

void
clock_init_real(engine_clock *c) {
    c->now_us = real_now_us;
    c->ticks_ns = real_ticks_ns;
    atomic_init(&c->manual_us, 0);
}

void
clock_init_manual(engine_clock *c, int64_t now_us) {
    c->now_us = manual_now_us;
    c->ticks_ns = manual_ticks_ns;
    atomic_init(&c->manual_us, now_us);
}

void
clock_init_stepped(engine_clock *c, int64_t now_us) {
    clock_init_manual(c, now_us);
    c->ticks_ns = real_ticks_ns;
}

void
clock_advance(engine_clock *c, int64_t us) {
    assert(c->now_us == manual_now_us);
    int64_t now = atomic_load_explicit(&c->manual_us, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&c->manual_us, &now, sat_add_i64(now, us),
                                                  memory_order_acq_rel, memory_order_relaxed)) {
    }
}
