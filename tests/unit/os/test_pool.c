/* SPDX-License-Identifier: Apache-2.0 */
/* test_pool.c - every part runs once, whoever is there to run it; one job at a time. */
#include "os/pool.h"

#include "unit.h"

#define PARTS 7

typedef struct job {
    pool            *p;
    int64_t          sums[PARTS]; /* written by the thread of the part alone */
    _Atomic int32_t  calls, by_caller;
    _Atomic bool     hold;
    bool             nested;
    _Atomic uint32_t entered;
} job;

static void
add_up(void *context, int32_t at, bool calling) {
    job *j = context;
    atomic_fetch_add(&j->calls, 1);
    atomic_fetch_add(&j->by_caller, calling);
    atomic_fetch_add(&j->entered, 1);
    futex_wake_all(&j->entered);
    if (j->nested) {
        CHECK(!pool_run(j->p, 2, add_up, j, NULL)); /* its own job is under way */
    }
    for (int64_t i = 0; i < 1000 * (at + 1); i++) {
        j->sums[at] += i;
    }
    while (atomic_load(&j->hold)) {
        futex_wait(&j->entered, atomic_load(&j->entered), 100);
    }
}

static void
check_sums(const job *j) {
    for (int64_t at = 0; at < PARTS; at++) {
        const int64_t n = 1000 * (at + 1);
        CHECK_EQ(j->sums[at], n * (n - 1) / 2);
    }
    CHECK_EQ(atomic_load(&j->calls), PARTS);
}

static void
test_all_parts(void **state) {
    (void)state;
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    pool *p;
    CHECK_OK(pool_open(&p, &m, &err));
    for (int32_t round = 0; round < 200; round++) {
        job j = {.p = p, .nested = round % 8 == 1};
        CHECK(pool_run(p, PARTS, add_up, &j, NULL));
        check_sums(&j);
    }
    pool_stop(p);
    job refused = {.p = p};
    CHECK(!pool_run(p, PARTS, add_up, &refused, NULL)); /* and runs nothing */
    CHECK_EQ(atomic_load(&refused.calls), 0);
    pool_close(p);
    CHECK_EQ(mem_fini(&m), 0);
}

static void *
other_caller(void *arg) {
    job *j = arg;
    job  own = {.p = j->p};
    while (atomic_load(&j->entered) == 0) {
        futex_wait(&j->entered, 0, 1000);
    }
    const bool ran = pool_run(j->p, 2, add_up, &own, NULL);
    CHECK(!ran && atomic_load(&own.calls) == 0);
    atomic_store(&j->hold, false);
    return NULL;
}

/* A second caller is refused at once, and the first is not disturbed. */
static void
test_busy(void **state) {
    (void)state;
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    pool *p;
    CHECK_OK(pool_open(&p, &m, &err));
    job    j = {.p = p, .hold = true};
    thread second;
    CHECK_OK(thread_start(&second, "second", other_caller, &j, &err));
    CHECK(pool_run(p, PARTS, add_up, &j, NULL));
    check_sums(&j);
    thread_join(&second);
    pool_close(p);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Without memory for threads nothing is run: the caller goes on by itself. */
static void
test_no_memory(void **state) {
    (void)state;
    error err;
    mem   m;
    mem_init(&m, INT64_MAX);
    pool *p = NULL;
    atomic_store(&m.fail_at, 1);
    CHECK_FAILS(pool_open(&p, &m, &err), ERR_OUT_OF_MEMORY);
    CHECK_OK(pool_open(&p, &m, &err));
    job j = {.p = p};
    atomic_store(&m.fail_at, atomic_load(&m.allocations) + 1);
    CHECK(!pool_run(p, PARTS, add_up, &j, NULL));
    CHECK_EQ(atomic_load(&j.calls), 0);
    CHECK(pool_run(p, PARTS, add_up, &j, NULL));
    check_sums(&j);
    pool_close(p);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_all_parts), UNIT(test_busy), UNIT(test_no_memory))
