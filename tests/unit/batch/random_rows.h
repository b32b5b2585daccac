/* SPDX-License-Identifier: Apache-2.0 */
/* random_rows.h - random deltas of all types, and comparison of rows cell by cell with column_value
 * as the reference. */
#ifndef LAMINAR_TESTS_RANDOM_ROWS_H
#define LAMINAR_TESTS_RANDOM_ROWS_H

#include "batch/column.h"
#include "unit.h"

static const data_type random_types[] = {{.id = TYPE_NULL},
                                         {.id = TYPE_BOOL},
                                         {.id = TYPE_I8},
                                         {.id = TYPE_I16},
                                         {.id = TYPE_I32},
                                         {.id = TYPE_I64},
                                         {.id = TYPE_F64},
                                         {.id = TYPE_TEXT},
                                         {.id = TYPE_TEXT},
                                         {.id = TYPE_DATE},
                                         {.id = TYPE_TIMESTAMP_MS},
                                         {.id = TYPE_TIMESTAMP},
                                         {.id = TYPE_INTERVAL},
                                         {.id = TYPE_I128},
                                         {.id = TYPE_U8},
                                         {.id = TYPE_U16},
                                         {.id = TYPE_U32},
                                         {.id = TYPE_U64},
                                         {.id = TYPE_F32},
                                         {.id = TYPE_BLOB},
                                         {.id = TYPE_UUID},
                                         {.id = TYPE_TIME},
                                         {.id = TYPE_TIMESTAMPTZ},
                                         {.id = TYPE_DECIMAL, .precision = 9, .scale = 2},
                                         {.id = TYPE_DECIMAL, .precision = 38, .scale = 10}};
#define RANDOM_TYPES ((int32_t)(sizeof(random_types) / sizeof(random_types[0])))

typedef enum random_flags { RANDOM_NULLS = 1, RANDOM_OFFSETS = 2, RANDOM_WEIGHTS = 4 } random_flags;

/* Lengths around the inline limit, and now and then a long text. */
static inline text
random_text(rng *r, arena *a) {
    const size_t size = rng_below(r, 12) == 0 ? rng_below(r, 300) : rng_below(r, 18);
    char        *data =
        arena_alloc(a, size); /* exact size: a read beyond is seen by ASan in the last block */
    assert_non_null(data);
    for (size_t i = 0; i < size; i++) {
        data[i] = (char)('a' + rng_below(r, 3));
    }
    return (text){data, size};
}

static inline void
random_offsets(rng *r, arena *a, column *c, int32_t rows) {
    const int32_t lead = (int32_t)rng_below(r, 5); /* offsets need not begin at 0 */
    int32_t      *offsets = arena_alloc(a, ((size_t)rows + 1) * 4);
    char         *bytes = arena_alloc(a, (size_t)rows * 40 + 8);
    assert_true(offsets != NULL && bytes != NULL);
    offsets[0] = lead;
    for (int32_t i = 0; i < rows; i++) {
        const int32_t size = (int32_t)rng_below(r, rng_below(r, 8) == 0 ? 40 : 15);
        for (int32_t k = 0; k < size; k++) {
            bytes[offsets[i] + k] = (char)('A' + rng_below(r, 4));
        }
        offsets[i + 1] = offsets[i] + size;
    }
    /* The end of the bytes is the end of an allocation of its own. */
    char *exact = malloc((size_t)offsets[rows] + 1);
    assert_non_null(exact);
    memcpy(exact + 1, bytes, (size_t)offsets[rows]);
    assert_true(arena_cleanup_add(a, free, exact));
    c->layout = COLUMN_OFFSETS;
    c->values = offsets;
    c->bytes = exact + 1;
}

static inline void
random_cell(rng *r, arena *a, physical kind, void *values, int32_t i) {
    const uint64_t x = rng_next(r);
    const int64_t  small = (int64_t)rng_below(r, 5) - 2;
    switch (kind) {
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
        ((int64_t *)values)[i] = (int64_t)(x & 1 ? x : (uint64_t)small);
        break;
    case PHYSICAL_I128:
        ((int128 *)values)[i] = x & 1 ? (int128)((uint128)x << 62) : small;
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
        ((float *)values)[i] = x % 9 == 0 ? 0.0f / (float)(x % 9) : (float)small / 4;
        break;
    case PHYSICAL_F64:
        ((double *)values)[i] = x % 9 == 0 ? 0.0 / (double)(x % 9) : (double)small / 4;
        break;
    case PHYSICAL_TEXT: {
        const text t = random_text(r, a);
        ((strview *)values)[i] = strview_of(t.data, (uint32_t)t.size);
        break;
    }
    case PHYSICAL_INTERVAL:
        ((interval *)values)[i] = (interval){(int32_t)small, (int32_t)(x % 40), (int64_t)(x >> 20)};
        break;
    case PHYSICAL_NESTED: /* test_nested.c */
    case PHYSICAL_COUNT:
        fail();
    }
}

static inline column
random_column(rng *r, arena *a, data_type type, int32_t rows, int flags) {
    column         c = {.type = type};
    const physical kind = type_physical(type);
    if (kind == PHYSICAL_TEXT && (flags & RANDOM_OFFSETS) && rng_below(r, 2) == 0) {
        random_offsets(r, a, &c, rows);
    } else {
        void *values = arena_alloc_zero(a, (size_t)rows * type_width(type));
        assert_non_null(values);
        for (int32_t i = 0; i < rows; i++) {
            random_cell(r, a, kind, values, i);
        }
        c.values = values;
    }
    if (type.id == TYPE_NULL || ((flags & RANDOM_NULLS) && rng_below(r, 3) != 0)) {
        uint64_t      *bits = arena_alloc(a, (size_t)bits_words(rows) * 8);
        const uint64_t percent = type.id == TYPE_NULL ? 0 : 1 + rng_below(r, 100);
        assert_non_null(bits);
        memset(bits, 0xff, (size_t)bits_words(rows) * 8);
        for (int32_t i = 0; i < rows; i++) {
            bits_put(bits, i, rng_below(r, 100) < percent);
            if (kind == PHYSICAL_TEXT && c.layout == COLUMN_FLAT && !bits_get(bits, i)) {
                ((strview *)c.values)[i] = (strview){.word = {0x1234567800000fffULL, 1}};
            }
        }
        c.validity = bits;
    }
    return c;
}

static inline delta
random_delta(rng *r, arena *a, const data_type *types, int32_t count, int32_t rows, int flags) {
    column *columns = arena_alloc(a, (size_t)count * sizeof(column));
    assert_non_null(columns);
    for (int32_t i = 0; i < count; i++) {
        columns[i] = random_column(r, a, types[i], rows, flags);
    }
    delta d = {.row_count = rows, .column_count = count, .columns = columns};
    if (flags & RANDOM_WEIGHTS) {
        int64_t *weight = arena_alloc(a, (size_t)rows * 8);
        assert_non_null(weight);
        for (int32_t i = 0; i < rows; i++) {
            weight[i] = (int64_t)rng_below(r, 5) - 2;
        }
        d.weight = weight;
    }
    return d;
}

/* Same type, same NULL, same bits. */
static inline bool
same_value(const value *x, const value *y) {
    if (!type_equal(x->type, y->type) || x->is_null != y->is_null) {
        return false;
    }
    if (x->is_null) {
        return true;
    }
    switch (type_physical(x->type)) {
    case PHYSICAL_BOOL:
        return x->b == y->b;
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        return memcmp(&x->d, &y->d, 8) == 0;
    case PHYSICAL_I128:
        return x->h == y->h;
    case PHYSICAL_TEXT:
        return text_equal(x->s, y->s);
    case PHYSICAL_INTERVAL:
        return memcmp(&x->iv, &y->iv, sizeof(interval)) == 0;
    default:
        return x->i == y->i;
    }
}

static inline bool
same_cells(const column *x, int64_t x_row, const column *y, int64_t y_row) {
    const value a = column_value(x, x_row);
    const value b = column_value(y, y_row);
    return same_value(&a, &b);
}

static inline void
check_rows(const delta *x, int64_t x_first, const delta *y, int64_t y_first, int64_t count) {
    assert_int_equal(x->column_count, y->column_count);
    for (int32_t c = 0; c < x->column_count; c++) {
        for (int64_t i = 0; i < count; i++) {
            if (!same_cells(&x->columns[c], x_first + i, &y->columns[c], y_first + i)) {
                print_error("column %d (%s): row %lld of %d is not row %lld of %d\n", c,
                            type_name(x->columns[c].type), (long long)(x_first + i), x->row_count,
                            (long long)(y_first + i), y->row_count);
                fail();
            }
        }
    }
}

#endif
