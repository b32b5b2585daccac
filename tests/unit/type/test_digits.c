/* SPDX-License-Identifier: Apache-2.0 */
/* test_digits.c - the short way for doubles gives what strtod gives, or leaves the text to others;
 * texts are made where that is hard: many digits, and values next to the middle of two doubles. */

#include <float.h>
#include <inttypes.h>

#include "type/digits.h"
#include "unit.h"

/* 1: taken. */
static int
check(const char *shown) {
    double d = 0;
    if (!digits_double(text_of(shown), &d)) {
        return 0;
    }
    const double wanted = strtod(shown, NULL);
    if (memcmp(&d, &wanted, sizeof(d)) != 0) {
        print_error("%s: %.17g, and strtod says %.17g\n", shown, d, wanted);
        fail();
    }
    return 1;
}

static void
test_as_strtod(void **state) {
    (void)state;
    static const int digits[] = {15, 16, 17, 18, 19};
    rng              r;
    int              taken = 0, all = 0;
    char             shown[64];
    rng_init(&r, 7);
    for (int i = 0; i < 200000; i++) {
        const double v = (double)rng_next(&r) / 18446744073709551616.0 * (i % 3 == 0 ? 1 : 1000);
        (void)snprintf(shown, sizeof(shown), "%s%.*f", i % 2 == 0 ? "-" : "",
                       digits[i % 5] - (v >= 100  ? 3
                                        : v >= 10 ? 2
                                                  : 1),
                       v);
        taken += check(shown);
        all++;
    }
    CHECK(LDBL_MANT_DIG != 64 || taken > all * 99 / 100);
}

/* The middle of two doubles, exactly, and one unit of the last digit beside it. */
static void
test_middles(void **state) {
    (void)state;
    rng  r;
    char shown[64];
    rng_init(&r, 8);
    for (int i = 0; i < 200000; i++) {
        const uint64_t odd = (UINT64_C(1) << 53 | rng_next(&r) >> 11) | 1; /* 54 bits: a middle */
        const int      cut = (int)rng_below(&r, 4);                        /* binary places */
        const uint64_t five[] = {1, 5, 25, 125};
        const uint64_t m = odd * five[cut]; /* odd / 2^cut is m / 10^cut, exactly */
        for (int beside = -1; beside <= 1; beside++) {
            const uint64_t v = m + (uint64_t)(int64_t)beside;
            const uint64_t power[] = {1, 10, 100, 1000};
            if (cut == 0) {
                (void)snprintf(shown, sizeof(shown), "%" PRIu64, v);
            } else {
                (void)snprintf(shown, sizeof(shown), "%" PRIu64 ".%0*" PRIu64, v / power[cut], cut,
                               v % power[cut]);
            }
            (void)check(shown);
        }
    }
}

/* Any 19 digits: one in 2,048 is rounded to a middle first. */
static void
test_any_digits(void **state) {
    (void)state;
    rng  r;
    int  taken = 0, all = 0;
    char shown[64];
    rng_init(&r, 9);
    for (; all < 200000; all++) {
        const uint64_t v =
            UINT64_C(1000000000000000000) + rng_next(&r) % UINT64_C(9000000000000000000);
        (void)snprintf(shown, sizeof(shown), "%" PRIu64 "0", v);
        const size_t point = 1 + (size_t)rng_below(&r, 18);
        memmove(shown + point + 1, shown + point, 19 - point);
        shown[point] = '.';
        taken += check(shown);
    }
    CHECK(LDBL_MANT_DIG != 64 || (taken > all * 99 / 100 && taken < all));
}

UNIT_MAIN(UNIT(test_as_strtod), UNIT(test_middles), UNIT(test_any_digits))
