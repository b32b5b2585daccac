/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and key equality against value_compare: equal keys have equal hashes in every layout,
 * different ones (nearly) never. */
#include "random_column.h"

#include "kernel/kernel.h"

#define ROUNDS 300

/* What "the same key" means, said without any kernel. */
static bool
same_key(const column *a, int64_t i, const column *b, int64_t j) {
    const value x = column_value(a, i);
    const value y = column_value(b, j);
    return value_compare(&x, &y) == 0;
}

static void
test_one_column(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 1);
    int64_t collisions = 0;
    for (int round = 0; round < ROUNDS; round++, arena_reset(&a)) {
        const data_type id = random_type(&r);
        const int32_t   n = row_counts[rng_below(&r, 7)];
        const column    x = random_column(&r, id, n, &a);
        const column    y = random_column(&r, id, n, &a);
        uint64_t       *hx = arena_alloc(&a, (size_t)n * 8);
        uint64_t       *hy = arena_alloc(&a, (size_t)n * 8);
        hash_columns(hx, &x, 1, n);
        hash_columns(hy, &y, 1, n);
        for (int32_t k = 0; k < 4 * n; k++) {
            const int32_t i = (int32_t)rng_below(&r, (uint64_t)n);
            const int32_t j = (int32_t)rng_below(&r, (uint64_t)n);
            const bool    same = same_key(&x, i, &y, j);
            CHECK(!same || hx[i] == hy[j]);
            collisions += !same && hx[i] == hy[j];
        }
    }
    CHECK_EQ(collisions, 0);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_more_columns(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 2);
    for (int round = 0; round < ROUNDS; round++, arena_reset(&a)) {
        const int32_t count = 2 + (int32_t)rng_below(&r, 2);
        const int32_t n = row_counts[rng_below(&r, 7)];
        column        c[3];
        uint64_t     *h = arena_alloc(&a, (size_t)n * 8);
        uint64_t     *swapped = arena_alloc(&a, (size_t)n * 8);
        for (int32_t k = 0; k < count; k++) {
            c[k] = random_column(&r, random_type(&r), n, &a);
        }
        hash_columns(h, c, count, n);
        for (int32_t q = 0; q < 4 * n; q++) {
            const int32_t i = (int32_t)rng_below(&r, (uint64_t)n);
            const int32_t j = (int32_t)rng_below(&r, (uint64_t)n);
            bool          same = true;
            for (int32_t k = 0; k < count; k++) {
                same &= same_key(&c[k], i, &c[k], j);
            }
            CHECK_EQ(same, h[i] == h[j]);
        }
        const column other[3] = {c[1], c[0], c[2]};
        hash_columns(swapped, other, count, n);
        for (int32_t i = 0; i < n; i++) { /* (a, b) is not (b, a) */
            CHECK(h[i] != swapped[i] || c[0].type.id == TYPE_NULL || c[1].type.id == TYPE_NULL ||
                  column_value(&c[0], i).is_null || column_value(&c[1], i).is_null ||
                  type_equal(c[0].type, c[1].type) || type_physical(c[0].type) < PHYSICAL_TEXT);
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Low and high bits of the hashes of 0, 1, 2 ... fill buckets evenly. */
static void
test_spread(void **state) {
    (void)state;
    static int64_t  values[65536];
    static uint64_t hashes[65536];
    static int32_t  low[256];
    static int32_t  high[256];
    for (int64_t step = 1; step <= 1 << 20; step *= 32) {
        memset(low, 0, sizeof(low));
        memset(high, 0, sizeof(high));
        for (int64_t i = 0; i < 65536; i++) {
            values[i] = i * step;
        }
        const column c = {.type = type_of(TYPE_I64), .values = values};
        hash_columns(hashes, &c, 1, 65536);
        for (int32_t i = 0; i < 65536; i++) {
            low[hashes[i] & 255]++;
            high[hashes[i] >> 56]++;
        }
        for (int32_t b = 0; b < 256; b++) { /* 256 expected, deviation 16 */
            CHECK(low[b] > 128 && low[b] < 384 && high[b] > 128 && high[b] < 384);
        }
    }
}

static void
test_equal(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 3);
    for (int round = 0; round < ROUNDS * 2; round++, arena_reset(&a)) {
        const data_type id = random_type(&r);
        const int32_t   n = row_counts[rng_below(&r, 7)];
        const column    x =
            random_view_column(&r, rng_below(&r, 20) == 0 ? type_of(TYPE_NULL) : id, n, &a);
        const column y = random_view_column(&r, id, n, &a);
        int32_t     *xr = arena_alloc(&a, (size_t)n * 4);
        int32_t     *yr = arena_alloc(&a, (size_t)n * 4);
        uint8_t     *out = arena_alloc(&a, (size_t)n);
        uint8_t     *before = arena_alloc(&a, (size_t)n);
        for (int32_t i = 0; i < n; i++) {
            xr[i] = (int32_t)rng_below(&r, (uint64_t)n);
            yr[i] = (int32_t)rng_below(&r, (uint64_t)n);
            out[i] = before[i] = rng_below(&r, 4) > 0;
        }
        const int32_t *xrows = rng_below(&r, 2) == 0 ? xr : NULL;
        const int32_t *yrows = rng_below(&r, 2) == 0 ? yr : NULL;
        equal_rows(out, &x, xrows, &y, yrows, n);
        for (int32_t i = 0; i < n; i++) {
            const bool same = same_key(&x, xrows ? xrows[i] : i, &y, yrows ? yrows[i] : i);
            CHECK_EQ(out[i], before[i] && same);
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_one_column), UNIT(test_more_columns), UNIT(test_spread), UNIT(test_equal))
