/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - the real clock moves on, the manual one only when told. */
#include "base/clock.h"

#include "unit.h"

static void
test_real(void **state) {
    (void)state;
    engine_clock c;
    clock_init_real(&c);
    CHECK(clock_now_us(&c) > 1700000000LL * 1000000); /* after November 2023 */
    CHECK(clock_now_us(&c) < 7000000000LL * 1000000);
    int64_t last = clock_ticks_ns(&c);
    for (int32_t i = 0; i < 1000; i++) {
        const int64_t next = clock_ticks_ns(&c);
        CHECK(next >= last);
        last = next;
    }
}

static void
test_manual(void **state) {
    (void)state;
    engine_clock c;
    clock_init_manual(&c, -5);
    CHECK_EQ(clock_now_us(&c), -5);
    CHECK_EQ(clock_ticks_ns(&c), -5000);
    clock_advance(&c, 1000005);
    CHECK_EQ(clock_now_us(&c), 1000000);
    CHECK_EQ(clock_ticks_ns(&c), 1000000000);
    clock_advance(&c, INT64_MAX);
    CHECK_EQ(clock_now_us(&c), INT64_MAX);
    CHECK_EQ(clock_ticks_ns(&c), INT64_MAX);
}

/* The saturating helpers of compiler.h, which all event times go through. */
static void
test_saturation(void **state) {
    (void)state;
    CHECK_EQ(sat_add_i64(INT64_MAX, 1), INT64_MAX);
    CHECK_EQ(sat_add_i64(INT64_MIN, -1), INT64_MIN);
    CHECK_EQ(sat_sub_i64(INT64_MIN, 1), INT64_MIN);
    CHECK_EQ(sat_sub_i64(0, INT64_MIN), INT64_MAX);
    CHECK_EQ(sat_mul_i64(INT64_MAX, -2), INT64_MIN);
    CHECK_EQ(sat_mul_i64(INT64_MIN, -1), INT64_MAX);
    CHECK_EQ(sat_mul_i64(-3, 4), -12);
    CHECK_EQ(floor_div_i64(-1, 10), -1);
    CHECK_EQ(floor_div_i64(-10, 10), -1);
    CHECK_EQ(floor_div_i64(9, 10), 0);
    CHECK_EQ(floor_div_i64(INT64_MIN, 1), INT64_MIN);
    CHECK_EQ(min_i64(-1, 1), -1);
    CHECK_EQ(max_i64(-1, 1), 1);
}

UNIT_MAIN(UNIT(test_real), UNIT(test_manual), UNIT(test_saturation))
