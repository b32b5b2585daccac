/* SPDX-License-Identifier: Apache-2.0 */
/* test_rng.c - the published sequence of splitmix64, bounds, and seeds that differ. */
#include "base/rng.h"

#include "unit.h"

static void
test_known_sequence(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 1234567);
    CHECK(rng_next(&r) == 6457827717110365317ULL);
    CHECK(rng_next(&r) == 3203168211198807973ULL);
    CHECK(rng_next(&r) == 9817491932198370423ULL);
}

static void
test_bounds(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 1);
    int64_t seen[10] = {0};
    for (int32_t i = 0; i < 100000; i++) {
        const uint64_t x = rng_below(&r, 10);
        CHECK(x < 10);
        seen[x]++;
        CHECK_EQ(rng_below(&r, 1), 0);
    }
    for (int32_t i = 0; i < 10; i++) {
        CHECK(seen[i] > 9000 && seen[i] < 11000);
    }
}

static void
test_system_seed(void **state) {
    (void)state;
    const uint64_t a = rng_seed_from_system();
    const uint64_t b = rng_seed_from_system();
    CHECK(a != b);
}

UNIT_MAIN(UNIT(test_known_sequence), UNIT(test_bounds), UNIT(test_system_seed))
