/* SPDX-License-Identifier: Apache-2.0 */
/* import_values.c - numbers, booleans and times of an Arrow array. What has the engine's layout is
 * borrowed; the rest is converted in loops over all rows, and rows that do not fit are looked for
 * afterwards, among those that are not NULL. */
#include "arrow/import.h"

static const uint64_t no_values[2];

#define DAY_MS 86400000

const void *
arrow_values(const arrow_rows *r, int64_t count, arena *a) {
    const uint8_t *base = r->array->buffers[1];
    const size_t   width = r->format->width;
    if (base == NULL || count == 0) {
        return no_values;
    }
    base += (size_t)r->start * width;
    if (((uintptr_t)base & (size_t)(r->format->alignment - 1)) == 0) {
        return base;
    }
    void *copy = arena_alloc(a, (size_t)count * width);
    if (copy != NULL) {
        memcpy(copy, base, (size_t)count * width);
    }
    return copy;
}

/* Bit `start` on as bytes; eight at a time, and no byte is read that holds none of the bits. */
static void
unpack_bits(uint8_t *out, const uint8_t *bits, int64_t start, int64_t count) {
    int64_t i = 0;
    for (; i < count && ((start + i) & 7) != 0; i++) {
        out[i] = (bits[(start + i) >> 3] >> ((start + i) & 7)) & 1;
    }
    for (; i + 8 <= count; i += 8) {
        const uint64_t spread =
            (bits[(start + i) >> 3] * 0x0101010101010101ULL) & 0x8040201008040201ULL;
        const uint64_t bytes = ((spread + 0x7f7f7f7f7f7f7f7fULL) >> 7) & 0x0101010101010101ULL;
        memcpy(out + i, &bytes, 8);
    }
    for (; i < count; i++) {
        out[i] = (bits[(start + i) >> 3] >> ((start + i) & 7)) & 1;
    }
}

/* ---- one loop per conversion */

static void
widen_u8(int16_t *restrict out, const uint8_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
    }
}

static void
widen_u16(int32_t *restrict out, const uint16_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
    }
}

static void
widen_u32(int64_t *restrict out, const uint32_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
    }
}

static void
widen_f32(double *restrict out, const float *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = (double)in[i];
    }
}

static void
days_of_ms(int32_t *restrict out, const int64_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = (int32_t)floor_div_i64(in[i], DAY_MS);
    }
}

static void
ms_of_seconds(int64_t *restrict out, const int64_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = (int64_t)((uint64_t)in[i] * 1000);
    }
}

static void
us_of_ns(int64_t *restrict out, const int64_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = floor_div_i64(in[i], 1000);
    }
}

static void
us_intervals(interval *restrict out, const interval *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
        out[i].us = floor_div_i64(in[i].us, 1000); /* Arrow's field of that place is in ns */
    }
}

/* The first row that is not NULL and lies outside low .. high; -1: none. */
static int32_t
row_outside(const arrow_rows *r, const int64_t *values, int64_t low, int64_t high) {
    bool any = false;
    for (int32_t i = 0; i < r->count; i++) {
        any |= values[i] < low || values[i] > high;
    }
    for (int32_t i = 0; any && i < r->count; i++) {
        if (!arrow_row_is_null(r, i) && (values[i] < low || values[i] > high)) {
            return i;
        }
    }
    return -1;
}

/* ---- what does not fit */

static status
check_fit(const arrow_rows *r, const void *in, error *err) {
    const int64_t *v = in;
    int32_t        row = -1;
    switch (r->format->kind) {
    case ARROW_U64:
        row = row_outside(r, v, 0, INT64_MAX);
        return row < 0 ? OK
                       : error_set(err, ERR_INGESTION_FAILED,
                                   "row %d, %s: %llu is larger than 9223372036854775807, the "
                                   "largest BIGINT",
                                   row + 1, r->name, (unsigned long long)v[row]);
    case ARROW_DATE64:
        row = row_outside(r, v, (int64_t)INT32_MIN * DAY_MS, ((int64_t)INT32_MAX + 1) * DAY_MS - 1);
        return row < 0 ? OK
                       : error_set(err, ERR_INGESTION_FAILED,
                                   "row %d, %s: date64 value %lld ms is beyond the range of DATE",
                                   row + 1, r->name, (long long)v[row]);
    case ARROW_TIMESTAMP_S:
        row = row_outside(r, v, INT64_MIN / 1000, INT64_MAX / 1000);
        return row < 0 ? OK
                       : error_set(err, ERR_INGESTION_FAILED,
                                   "row %d, %s: timestamp of %lld s is beyond the range of "
                                   "TIMESTAMP_MS",
                                   row + 1, r->name, (long long)v[row]);
    default:
        return OK;
    }
}

static void
convert(void *out, const void *in, const arrow_rows *r) {
    switch (r->format->kind) {
    case ARROW_U8:
        widen_u8(out, in, r->count);
        break;
    case ARROW_U16:
        widen_u16(out, in, r->count);
        break;
    case ARROW_U32:
        widen_u32(out, in, r->count);
        break;
    case ARROW_F32:
        widen_f32(out, in, r->count);
        break;
    case ARROW_DATE64:
        days_of_ms(out, in, r->count);
        break;
    case ARROW_TIMESTAMP_S:
        ms_of_seconds(out, in, r->count);
        break;
    case ARROW_TIMESTAMP_NS:
        us_of_ns(out, in, r->count);
        break;
    case ARROW_INTERVAL:
        us_intervals(out, in, r->count);
        break;
    default:
        UNREACHABLE();
    }
}

static status
import_nulls(column *out, const arrow_rows *r, arena *a, error *err) {
    const value null = value_null(TYPE_NULL);
    return column_constant(out, &null, r->count, a, err);
}

status
arrow_import_values(column *out, const arrow_rows *r, arena *a, error *err) {
    *out = (column){.type = type_of((type_id)r->format->type), .validity = r->validity};
    out->layout = COLUMN_FLAT;
    if (r->format->kind == ARROW_NULL) {
        return import_nulls(out, r, a, err);
    }
    if (r->format->kind == ARROW_BOOL) {
        uint8_t *bytes = arena_alloc(a, (size_t)r->count);
        if (bytes == NULL) {
            return error_memory(err);
        }
        if (r->count > 0) {
            unpack_bits(bytes, r->array->buffers[1], r->start, r->count);
        }
        out->values = bytes;
        return OK;
    }
    const void *in = arrow_values(r, r->count, a);
    if (in == NULL) {
        return error_memory(err);
    }
    TRY(check_fit(r, in, err));
    if (r->format->kind == ARROW_PLAIN || r->format->kind == ARROW_U64) {
        out->values = in;
        return OK;
    }
    void *converted = arena_alloc(a, (size_t)r->count * type_width(out->type));
    if (converted == NULL) {
        return error_memory(err);
    }
    convert(converted, in, r);
    out->values = converted;
    return OK;
}
