/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles against sorted values: within the promised 1/32, extremes exact. */
#include "base/histogram.h"

#include <stdlib.h>

#include "base/rng.h"
#include "unit.h"

static int
compare(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void
percentiles_are_near(void **state) {
    (void)state;
    enum { N = 5000 };
    static int64_t values[N];
    rng            r;
    rng_init(&r, 7);
    for (int round = 0; round < 20; round++) {
        histogram h = {0};
        int64_t   sum = 0;
        for (int i = 0; i < N; i++) {
            values[i] = (int64_t)(rng_next(&r) >> (20 + rng_below(&r, 43)));
            sum += values[i];
            histogram_add(&h, values[i]);
        }
        qsort(values, N, sizeof(values[0]), compare);
        CHECK_EQ(h.count, N);
        CHECK_EQ(h.sum, sum);
        CHECK_EQ(h.min, values[0]);
        CHECK_EQ(h.max, values[N - 1]);
        static const double parts[] = {0, 0.5, 0.9, 0.99, 0.999};
        for (int i = 0; i < ARRAY_COUNT(parts); i++) {
            const int64_t exact = values[(int)(parts[i] * (double)N)];
            const int64_t got = histogram_percentile(&h, parts[i]);
            CHECK(got >= exact - exact / 31 - 1 && got <= exact + exact / 31 + 1);
        }
        CHECK(histogram_percentile(&h, 1) == h.max);
    }
}

static void
edges(void **state) {
    (void)state;
    histogram h = {0};
    CHECK_EQ(histogram_percentile(&h, 0.5), 0);
    histogram_add(&h, -5);
    CHECK_EQ(h.max, 0);
    histogram_add(&h, INT64_MAX);
    histogram_add(&h, INT64_MAX);
    CHECK_EQ(h.sum, INT64_MAX);
    CHECK_EQ(h.count, 3);
    CHECK_EQ(histogram_percentile(&h, 0), 0);
    CHECK(histogram_percentile(&h, 0.9) > 0);
}

UNIT_MAIN(UNIT(percentiles_are_near), UNIT(edges))
