/* SPDX-License-Identifier: Apache-2.0 */
/* random_column.h - columns of every type for the kernel tests: few distinct values, the edges of
 * the type, NULLs over garbage, both layouts of text, slices that begin inside of the memory. */
#ifndef LAMINAR_TESTS_KERNEL_RANDOM_COLUMN_H
#define LAMINAR_TESTS_KERNEL_RANDOM_COLUMN_H

#include "unit.h"

#include <math.h>

#include "batch/column.h"
#include "kernel/access.h"

static const int32_t row_counts[] = {0, 1, 63, 64, 65, 777, 2048};

static const type_id column_types[] = {TYPE_NULL, TYPE_BOOL,         TYPE_I8,        TYPE_I16,
                                       TYPE_I32,  TYPE_I64,          TYPE_F64,       TYPE_TEXT,
                                       TYPE_DATE, TYPE_TIMESTAMP_MS, TYPE_TIMESTAMP, TYPE_INTERVAL};

static inline int64_t
random_i64(rng *r) {
    switch (rng_below(r, 6)) {
    case 0:
        return rng_below(r, 2) == 0 ? INT64_MIN : INT64_MAX;
    case 1:
    case 2:
        return (int64_t)rng_next(r) >> rng_below(r, 64);
    default:
        return (int64_t)rng_below(r, 9) - 4;
    }
}

static inline double
random_f64(rng *r) {
    static const double special[] = {0.0,     -0.0,     0.5,          -0.5,         1.5,
                                     2.5,     127.5,    127.49,       -128.5,       -128.6,
                                     32767.5, -32768.5, 2147483647.5, 2147483647.4, -2147483648.5,
                                     0x1p63,  -0x1p63,  1e300,        -1e-300};
    switch (rng_below(r, 8)) {
    case 0:
        return rng_below(r, 2) == 0 ? (double)NAN : (double)-NAN;
    case 1:
        return rng_below(r, 2) == 0 ? (double)INFINITY : (double)-INFINITY;
    case 2:
    case 3:
        return special[rng_below(r, sizeof(special) / sizeof(special[0]))];
    case 4:
        return (double)(int64_t)rng_next(r);
    default:
        return (double)rng_below(r, 9) - 4;
    }
}

/* Sizes around 4, 8 and 12, few letters, NUL among them; sometimes a number or a time. */
static inline text
random_text(rng *r, arena *a) {
    static const char *const readable[] = {"12",
                                           "-7",
                                           "300",
                                           "1.5",
                                           "1e3",
                                           "true",
                                           "2024-01-31",
                                           "2024-01-31 09:30:00.5",
                                           "5 minutes",
                                           "nan",
                                           "customer_000123",
                                           "customer_000124",
                                           "customer_00"};
    if (rng_below(r, 3) == 0) {
        return text_of(readable[rng_below(r, sizeof(readable) / sizeof(readable[0]))]);
    }
    const size_t size = (size_t)rng_below(r, rng_below(r, 4) == 0 ? 40 : 14);
    char        *p = arena_alloc(a, size + 1);
    for (size_t i = 0; i < size; i++) {
        p[i] = "aab\0z"[rng_below(r, 5)];
    }
    return (text){p, size};
}

static inline void
random_values(rng *r, data_type t, int32_t n, void *values) {
    for (int32_t i = 0; i < n; i++) {
        const int64_t x = random_i64(r);
        switch (type_physical(t)) {
        case PHYSICAL_BOOL:
            ((uint8_t *)values)[i] = x & 1;
            break;
        case PHYSICAL_I8:
            ((int8_t *)values)[i] = (int8_t)x;
            break;
        case PHYSICAL_I16:
            ((int16_t *)values)[i] = (int16_t)x;
            break;
        case PHYSICAL_I32:
            ((int32_t *)values)[i] = (int32_t)x;
            break;
        case PHYSICAL_I64:
            ((int64_t *)values)[i] = x;
            break;
        case PHYSICAL_F64:
            ((double *)values)[i] = random_f64(r);
            break;
        default:
            ((interval *)values)[i] =
                (interval){.months = (int32_t)rng_below(r, 3),
                           .days = (int32_t)rng_below(r, 3) * (int32_t)(30 - rng_below(r, 2)),
                           .us = rng_below(r, 4) == 0 ? random_i64(r) : (int64_t)rng_below(r, 2)};
            break;
        }
    }
}

static inline void
random_texts(rng *r, column *c, int32_t n, bool offsets, arena *a) {
    if (!offsets) {
        strview *views = arena_alloc(a, (size_t)n * sizeof(strview));
        for (int32_t i = 0; i < n; i++) {
            const text t = random_text(r, a);
            views[i] = strview_of(t.data, (uint32_t)t.size);
            if (column_is_null(c, i) && rng_below(r, 2) == 0) {
                views[i] = strview_of("", 0);
            }
        }
        c->values = views;
        return;
    }
    int32_t *at = arena_alloc(a, ((size_t)n + 1) * sizeof(int32_t));
    char    *bytes = arena_alloc(a, (size_t)n * 40 + 1);
    at[0] = 0;
    for (int32_t i = 0; i < n; i++) {
        const text t = random_text(r, a);
        memcpy(bytes + at[i], t.data, t.size);
        at[i + 1] = at[i] + (int32_t)t.size;
    }
    char *exact = arena_alloc(a, (size_t)at[n]);
    memcpy(exact, bytes, (size_t)at[n]);
    c->layout = COLUMN_OFFSETS;
    c->values = at;
    c->bytes = exact;
}

/* `n` rows of type `id`; a slice of a longer column half of the time. */
static inline column
random_column(rng *r, type_id id, int32_t n, arena *a) {
    column        c = {.type = type_of(id), .layout = COLUMN_FLAT};
    const int32_t first = rng_below(r, 2) == 0 ? 0 : 64 * (int32_t)(1 + rng_below(r, 2));
    const int32_t all = first + n;
    uint64_t     *validity = NULL;
    if (rng_below(r, 2) == 0) {
        const uint64_t null_rate = rng_below(r, 3); /* none, some, most */
        validity = arena_alloc(a, (size_t)bits_words(all) * 8 + 8);
        for (int64_t w = 0; w <= bits_words(all); w++) {
            const uint64_t x = rng_next(r);
            validity[w] = rng_below(r, 6) == 0 ? 0
                          : null_rate == 0     ? UINT64_MAX
                          : null_rate == 1     ? x | rng_next(r)
                                               : x & rng_next(r);
        }
        c.validity = validity;
    }
    if (id == TYPE_TEXT) {
        random_texts(r, &c, all, rng_below(r, 2) == 0, a);
    } else {
        void *values = arena_alloc(a, (size_t)all * type_width(c.type) + 1);
        random_values(r, c.type, all, values);
        c.values = values;
    }
    const size_t width = c.layout == COLUMN_OFFSETS ? sizeof(int32_t) : type_width(c.type);
    c.values = (const char *)c.values + (size_t)first * width;
    c.validity = c.validity == NULL ? NULL : c.validity + first / 64;
    return c;
}

/* As random_column, with text as views. */
static inline column
random_view_column(rng *r, type_id id, int32_t n, arena *a) {
    column c = random_column(r, id, n, a);
    error  err = {0};
    column views;
    CHECK_OK(column_views(&views, &c, n, a, &err));
    return views;
}

static inline type_id
random_type(rng *r) {
    return column_types[rng_below(r, sizeof(column_types) / sizeof(column_types[0]))];
}

#endif
