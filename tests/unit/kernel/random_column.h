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

static const data_type column_types[] = {{.id = TYPE_NULL},
                                         {.id = TYPE_BOOL},
                                         {.id = TYPE_I8},
                                         {.id = TYPE_I16},
                                         {.id = TYPE_I32},
                                         {.id = TYPE_I64},
                                         {.id = TYPE_I128},
                                         {.id = TYPE_U8},
                                         {.id = TYPE_U16},
                                         {.id = TYPE_U32},
                                         {.id = TYPE_U64},
                                         {.id = TYPE_F32},
                                         {.id = TYPE_F64},
                                         {.id = TYPE_DECIMAL, .precision = 4, .scale = 1},
                                         {.id = TYPE_DECIMAL, .precision = 18, .scale = 9},
                                         {.id = TYPE_DECIMAL, .precision = 20, .scale = 0},
                                         {.id = TYPE_DECIMAL, .precision = 38, .scale = 6},
                                         {.id = TYPE_TEXT},
                                         {.id = TYPE_BLOB},
                                         {.id = TYPE_UUID},
                                         {.id = TYPE_DATE},
                                         {.id = TYPE_TIME},
                                         {.id = TYPE_TIMESTAMP_S},
                                         {.id = TYPE_TIMESTAMP_MS},
                                         {.id = TYPE_TIMESTAMP},
                                         {.id = TYPE_TIMESTAMP_NS},
                                         {.id = TYPE_TIMESTAMPTZ},
                                         {.id = TYPE_INTERVAL}};
#define COLUMN_TYPES ((int32_t)(sizeof(column_types) / sizeof(column_types[0])))

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

static inline int128
random_i128(rng *r) {
    return rng_below(r, 4) != 0
               ? random_i64(r)
               : (int128)((uint128)rng_next(r) << 64 | rng_next(r)) >> rng_below(r, 128);
}

/* One that the type holds: what a column may have where it is not NULL. */
static inline int128
fitting(int128 x, data_type t) {
    int128 min, max;
    if (t.id == TYPE_TIME) {
        return (x < 0 ? -(x + 1) : x) % INT64_C(86400000000);
    }
    return t.id == TYPE_DECIMAL && type_wide_range(t, &min, &max) ? x % (max + 1) : x;
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
                                           "-99.95",
                                           "12345678901234567890",
                                           "09:30:00.5",
                                           "00112233-4455-6677-8899-aabbccddeeff",
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
        const int64_t x = (int64_t)fitting(random_i64(r), t);
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
        case PHYSICAL_U64:
            ((int64_t *)values)[i] = x;
            break;
        case PHYSICAL_I128:
            ((int128 *)values)[i] = fitting(random_i128(r), t);
            break;
        case PHYSICAL_U8:
            ((uint8_t *)values)[i] = (uint8_t)x;
            break;
        case PHYSICAL_U16:
            ((uint16_t *)values)[i] = (uint16_t)x;
            break;
        case PHYSICAL_U32:
            ((uint32_t *)values)[i] = (uint32_t)x;
            break;
        case PHYSICAL_F32:
            ((float *)values)[i] = (float)random_f64(r);
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

/* `n` rows of type `t`; a slice of a longer column half of the time. */
static inline column
random_column(rng *r, data_type t, int32_t n, arena *a) {
    column        c = {.type = t, .layout = COLUMN_FLAT};
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
    if (type_physical(t) == PHYSICAL_TEXT) {
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
random_view_column(rng *r, data_type t, int32_t n, arena *a) {
    column c = random_column(r, t, n, a);
    error  err = {0};
    column views;
    CHECK_OK(column_views(&views, &c, n, a, &err));
    return views;
}

static inline data_type
random_type(rng *r) {
    return column_types[rng_below(r, COLUMN_TYPES)];
}

#endif
