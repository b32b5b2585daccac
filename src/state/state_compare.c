/* SPDX-License-Identifier: Apache-2.0 */
/* state_compare.c - equality of stored rows with batch rows, in bulk, and SQL order between stored
 * rows.
 *
 * Key equality: NULL = NULL, NaN = NaN, -0.0 = 0.0, text by bytes, as kernel/hash.c and
 * kernel/equal.c have it. */
#include "state/state_columns.h"
#include "type/nested.h"

typedef struct equal_task { /* one column */
    uint8_t         *out;
    const slot      *slots;
    const int32_t   *rows; /* NULL: i */
    int32_t          count;
    const uint8_t   *stored;
    const uint8_t   *stored_nulls; /* NULL: none */
    const void      *in;
    const uint64_t  *validity; /* NULL: no NULLs */
    const text_heap *heap;
} equal_task;

typedef bool (*equal_value)(const equal_task *t, size_t at, size_t row);

ALWAYS_INLINE bool
equal_i8(const equal_task *t, size_t at, size_t row) {
    return t->stored[at] == ((const uint8_t *)t->in)[row];
}

ALWAYS_INLINE bool
equal_i16(const equal_task *t, size_t at, size_t row) {
    return ((const int16_t *)(const void *)t->stored)[at] == ((const int16_t *)t->in)[row];
}

ALWAYS_INLINE bool
equal_i32(const equal_task *t, size_t at, size_t row) {
    return ((const int32_t *)(const void *)t->stored)[at] == ((const int32_t *)t->in)[row];
}

ALWAYS_INLINE bool
equal_i64(const equal_task *t, size_t at, size_t row) {
    return ((const int64_t *)(const void *)t->stored)[at] == ((const int64_t *)t->in)[row];
}

ALWAYS_INLINE bool
equal_i128(const equal_task *t, size_t at, size_t row) {
    return ((const int128 *)(const void *)t->stored)[at] == ((const int128 *)t->in)[row];
}

ALWAYS_INLINE bool
equal_f32(const equal_task *t, size_t at, size_t row) {
    const float x = ((const float *)(const void *)t->stored)[at];
    const float y = ((const float *)t->in)[row];
    return (x == y) | ((x != x) & (y != y));
}

ALWAYS_INLINE bool
equal_f64(const equal_task *t, size_t at, size_t row) {
    const double x = ((const double *)(const void *)t->stored)[at];
    const double y = ((const double *)t->in)[row];
    return (x == y) | ((x != x) & (y != y));
}

ALWAYS_INLINE bool
equal_text(const equal_task *t, size_t at, size_t row) {
    const strview *x = (const strview *)(const void *)t->stored + at;
    const strview *y = (const strview *)t->in + row;
    if (x->word[0] != y->word[0]) {
        return false;
    }
    return LIKELY(y->size <= STRVIEW_INLINE_MAX) ? x->word[1] == y->word[1]
                                                 : text_heap_equal(t->heap, x, y);
}

ALWAYS_INLINE bool
equal_interval(const equal_task *t, size_t at, size_t row) {
    return interval_total_us((const interval *)(const void *)t->stored + at) ==
           interval_total_us((const interval *)t->in + row);
}

ALWAYS_INLINE void
compare_all(const equal_task *t, equal_value equal, bool nulls, bool listed) {
    for (int32_t i = 0; i < t->count; i++) {
        const size_t row = (size_t)(listed ? t->rows[i] : i);
        const size_t at = t->slots[i];
        bool         same = equal(t, at, row);
        if (nulls) {
            const bool stored_null = t->stored_nulls != NULL && t->stored_nulls[at] != 0;
            const bool in_null = t->validity != NULL && !bits_get(t->validity, (int64_t)row);
            same = (stored_null == in_null) & (same | stored_null);
        }
        t->out[i] &= same;
    }
}

ALWAYS_INLINE void
specialise(const equal_task *t, equal_value equal) {
    if (t->stored_nulls != NULL || t->validity != NULL) {
        compare_all(t, equal, true, t->rows != NULL);
    } else if (t->rows != NULL) {
        compare_all(t, equal, false, true);
    } else {
        compare_all(t, equal, false, false);
    }
}

/* Text under NULL may be anything on the batch side, so it is not looked at. */
static void
compare_null_texts(const equal_task *t) {
    for (int32_t i = 0; i < t->count; i++) {
        const size_t row = (size_t)(t->rows != NULL ? t->rows[i] : i);
        const size_t at = t->slots[i];
        const bool   stored_null = t->stored_nulls != NULL && t->stored_nulls[at] != 0;
        const bool   in_null = t->validity != NULL && !bits_get(t->validity, (int64_t)row);
        t->out[i] &= stored_null == in_null && (stored_null || equal_text(t, at, row));
    }
}

/* A key of several spellings: byte by byte is not enough. */
static void
compare_nested(const equal_task *t, data_type type) {
    for (int32_t i = 0; i < t->count; i++) {
        const size_t row = (size_t)(t->rows != NULL ? t->rows[i] : i);
        const size_t at = t->slots[i];
        const bool   stored_null = t->stored_nulls != NULL && t->stored_nulls[at] != 0;
        const bool   in_null = t->validity != NULL && !bits_get(t->validity, (int64_t)row);
        if (stored_null || in_null || t->out[i] == 0) {
            t->out[i] &= stored_null == in_null;
            continue;
        }
        const strview stored =
            text_heap_load(t->heap, (const strview *)(const void *)t->stored + at);
        t->out[i] = nested_compare(type, strview_text(&stored),
                                   strview_text((const strview *)t->in + row)) == 0;
    }
}

static void
compare_texts(const equal_task *t) {
    if (t->stored_nulls != NULL || t->validity != NULL) {
        compare_null_texts(t);
    } else {
        specialise(t, equal_text);
    }
}

void
state_columns_equal(const state_columns *c, uint8_t *out, const slot *slots, const column *in,
                    const int32_t *rows, int32_t count) {
    for (int32_t k = 0; k < c->column_count; k++) {
        const equal_task t = {.out = out,
                              .slots = slots,
                              .rows = rows,
                              .count = count,
                              .stored = c->values[k].data,
                              .stored_nulls = c->nulls[k].count > 0 ? c->nulls[k].data : NULL,
                              .in = in[k].values,
                              .validity = in[k].validity,
                              .heap = &c->heap};
        switch (type_physical(c->types[k])) {
        case PHYSICAL_BOOL:
        case PHYSICAL_I8:
        case PHYSICAL_U8:
            specialise(&t, equal_i8);
            break;
        case PHYSICAL_I16:
        case PHYSICAL_U16:
            specialise(&t, equal_i16);
            break;
        case PHYSICAL_I32:
        case PHYSICAL_U32:
            specialise(&t, equal_i32);
            break;
        case PHYSICAL_I64:
        case PHYSICAL_U64:
            specialise(&t, equal_i64);
            break;
        case PHYSICAL_I128:
            specialise(&t, equal_i128);
            break;
        case PHYSICAL_F32:
            specialise(&t, equal_f32);
            break;
        case PHYSICAL_F64:
            specialise(&t, equal_f64);
            break;
        case PHYSICAL_TEXT:
            compare_texts(&t);
            break;
        case PHYSICAL_NESTED:
            if (type_equal_by_bytes(c->types[k])) {
                compare_texts(&t);
            } else {
                compare_nested(&t, c->types[k]);
            }
            break;
        case PHYSICAL_INTERVAL:
            specialise(&t, equal_interval);
            break;
        case PHYSICAL_COUNT:
            UNREACHABLE();
        }
    }
}

static int
order_i64(int64_t x, int64_t y) {
    return (x > y) - (x < y);
}

static int
order_i128(int128 x, int128 y) {
    return (x > y) - (x < y);
}

static int
order_f64(double x, double y) {
    const int nan_x = x != x;
    const int nan_y = y != y;
    return nan_x | nan_y ? nan_x - nan_y : (x > y) - (x < y);
}

int
state_columns_compare(const state_columns *c, int32_t column_index, slot a, slot b) {
    const state_array *v = &c->values[column_index];
    const state_array *nulls = &c->nulls[column_index];
    if (nulls->count > 0 && (nulls->data[a] != 0 || nulls->data[b] != 0)) {
        return (int)nulls->data[a] - (int)nulls->data[b];
    }
    switch (type_physical(c->types[column_index])) {
    case PHYSICAL_BOOL:
    case PHYSICAL_U8:
        return order_i64(v->data[a], v->data[b]);
    case PHYSICAL_I8:
        return order_i64(*ARRAY_AT(v, int8_t, a), *ARRAY_AT(v, int8_t, b));
    case PHYSICAL_I16:
        return order_i64(*ARRAY_AT(v, int16_t, a), *ARRAY_AT(v, int16_t, b));
    case PHYSICAL_I32:
        return order_i64(*ARRAY_AT(v, int32_t, a), *ARRAY_AT(v, int32_t, b));
    case PHYSICAL_I64:
        return order_i64(*ARRAY_AT(v, int64_t, a), *ARRAY_AT(v, int64_t, b));
    case PHYSICAL_I128:
        return order_i128(*ARRAY_AT(v, int128, a), *ARRAY_AT(v, int128, b));
    case PHYSICAL_U16:
        return order_i64(*ARRAY_AT(v, uint16_t, a), *ARRAY_AT(v, uint16_t, b));
    case PHYSICAL_U32:
        return order_i64(*ARRAY_AT(v, uint32_t, a), *ARRAY_AT(v, uint32_t, b));
    case PHYSICAL_U64:
        return order_i128((int128)*ARRAY_AT(v, uint64_t, a), (int128)*ARRAY_AT(v, uint64_t, b));
    case PHYSICAL_F32:
        return order_f64((double)*ARRAY_AT(v, float, a), (double)*ARRAY_AT(v, float, b));
    case PHYSICAL_F64:
        return order_f64(*ARRAY_AT(v, double, a), *ARRAY_AT(v, double, b));
    case PHYSICAL_TEXT: {
        const strview x = text_heap_load(&c->heap, ARRAY_AT(v, strview, a));
        const strview y = text_heap_load(&c->heap, ARRAY_AT(v, strview, b));
        return strview_compare(&x, &y);
    }
    case PHYSICAL_NESTED: {
        const strview x = text_heap_load(&c->heap, ARRAY_AT(v, strview, a));
        const strview y = text_heap_load(&c->heap, ARRAY_AT(v, strview, b));
        return nested_compare(c->types[column_index], strview_text(&x), strview_text(&y));
    }
    case PHYSICAL_INTERVAL: {
        const value x = {.type = c->types[column_index], .iv = *ARRAY_AT(v, interval, a)};
        const value y = {.type = c->types[column_index], .iv = *ARRAY_AT(v, interval, b)};
        return value_compare(&x, &y);
    }
    case PHYSICAL_COUNT:
        break;
    }
    UNREACHABLE();
}
