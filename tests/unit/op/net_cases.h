/* SPDX-License-Identifier: Apache-2.0 */
/* net_cases.h - rows_consolidate against the plain delta_consolidate, whatever the hashes are. */
#ifndef LAMINAR_TESTS_OP_NET_CASES_H
#define LAMINAR_TESTS_OP_NET_CASES_H

#include "../batch/random_rows.h"
#include "circuit.h"
#include "op/rows.h"

/* The same rows as the plain one gives, and those that go first. */
static inline void
test_consolidate(void **state) {
    (void)state;
    static zset     net, plain;
    mem             m;
    arena           a;
    error           err;
    rng             r;
    const data_type few[] = {{.id = TYPE_BOOL}, {.id = TYPE_TEXT}, {.id = TYPE_F64}};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 21);
    for (int round = 0; round < 500; round++) {
        const int32_t n = (int32_t)rng_below(&r, 80);
        const int32_t columns = (int32_t)rng_below(&r, 4);
        const delta   in = random_delta(&r, &a, few, columns, n, round % 8);
        delta         left, want;
        CHECK_OK(rows_consolidate(&left, &in, &a, &err));
        CHECK_OK(delta_consolidate(&want, &in, &a, &err));
        zset_clear(&net);
        zset_clear(&plain);
        take_into(&net, &left);
        take_into(&plain, &want);
        CHECK_EQ(left.row_count, want.row_count);
        zset_check_equal(&net, &plain, "consolidated");
        for (int32_t i = 1; i < left.row_count; i++) {
            CHECK(left.weight[i - 1] < 0 || left.weight[i] > 0);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

#endif
