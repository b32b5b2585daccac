/* SPDX-License-Identifier: Apache-2.0 */
/* import_values.c - numbers, booleans and times of an Arrow array. What has the engine's layout is
 * borrowed; the rest is converted in loops over all rows, and rows that do not fit are looked for
 * afterwards, among those that are not NULL. */
#include "arrow/import.h"
#include "type/decimal.h"
#include "type/uuid.h"

static const uint64_t no_values[4];

const void *
arrow_values(const arrow_rows *r, int64_t count, arena *a) {
    const uint8_t *base = r->array->buffers[1];
    const size_t   width = (size_t)r->format->width;
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

static float
half_to_float(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    const int32_t  exponent = (h >> 10) & 31;
    const uint32_t mantissa = h & 1023;
    float          f;
    uint32_t       bits;
    if (exponent == 0) { /* a multiple of 2^-24 */
        f = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &f, sizeof(bits));
        bits |= sign;
    } else {
        const uint32_t wide = exponent == 31 ? 255 : (uint32_t)(exponent + 127 - 15);
        bits = sign | wide << 23 | mantissa << 13;
    }
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static void
widen_f16(float *restrict out, const uint16_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = half_to_float(in[i]);
    }
}

static void
us_intervals(interval *restrict out, const interval *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i];
        out[i].us = floor_div_i64(in[i].us, 1000); /* Arrow's field of that place is in ns */
    }
}

static void
read_uuids(int128 *restrict out, const uint8_t *restrict in, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = uuid_from_bytes(in + 16 * (size_t)i);
    }
}

/* ---- what may not fit */

static status
does_not_fit(const arrow_rows *r, int32_t row, error *err) {
    return error_set(err, ERR_INGESTION_FAILED,
                     "row %d, %s: its value of Arrow type \"%.32s\" is beyond the range of %s",
                     row + 1, r->name, r->format->format, type_name(r->format->type));
}

/* Times: one loop over 64-bit values, then a look at what it found to be outside. */
static status
import_units(column *out, const arrow_rows *r, const void *in, arena *a, error *err) {
    const arrow_format *f = r->format;
    int64_t             min = 0, max = 0;
    int64_t            *units = arena_alloc(a, (size_t)r->count * sizeof(*units));
    int32_t            *days = (int32_t *)(void *)units;
    if (units == NULL) {
        return error_memory(err);
    }
    (void)type_integer_range(f->type, &min, &max);
    for (int32_t i = 0; i < r->count; i++) {
        const int64_t v = f->width == 4 ? ((const int32_t *)in)[i] : ((const int64_t *)in)[i];
        int64_t       t;
        bool          ok = !__builtin_mul_overflow(v, f->multiply, &t);
        t = f->divide == 1 ? t : floor_div_i64(t, f->divide);
        ok = ok && t >= min && t <= max;
        if (!ok && !arrow_row_is_null(r, i)) {
            return does_not_fit(r, i, err);
        }
        if (f->type.id == TYPE_DATE) {
            days[i] = ok ? (int32_t)t : 0;
        } else {
            units[i] = ok ? t : 0;
        }
    }
    out->values = units;
    return OK;
}

/* The number of a decimal of any width; false: it needs more than 128 bits. */
ALWAYS_INLINE bool
decimal_at(const void *in, int32_t width, int32_t row, int128 *out) {
    switch (width) {
    case 4:
        *out = ((const int32_t *)in)[row];
        return true;
    case 8:
        *out = ((const int64_t *)in)[row];
        return true;
    case 16:
        *out = ((const int128 *)in)[row];
        return true;
    default:
        *out = ((const int128 *)in)[2 * (int64_t)row];
        return ((const int128 *)in)[2 * (int64_t)row + 1] == (*out < 0 ? -1 : 0);
    }
}

static status
import_decimals(column *out, const arrow_rows *r, const void *in, arena *a, error *err) {
    const arrow_format *f = r->format;
    const bool          is_wide = type_physical(f->type) == PHYSICAL_I128;
    const int128        power = decimal_powers[f->multiply];
    void               *values = arena_alloc(a, (size_t)r->count * type_width(f->type));
    int128             *wide = values;
    int64_t            *narrow = values;
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < r->count; i++) {
        int128     units = 0;
        const bool fits = decimal_at(in, f->width, i, &units) &&
                          !mul_overflow_i128(units, power, &units) &&
                          decimal_fits(units, f->type.precision);
        if (UNLIKELY(!fits)) {
            units = 0;
            if (!arrow_row_is_null(r, i)) {
                return does_not_fit(r, i, err);
            }
        }
        if (is_wide) {
            wide[i] = units;
        } else {
            narrow[i] = (int64_t)units;
        }
    }
    out->values = values;
    return OK;
}

static void
convert(void *out, const void *in, const arrow_rows *r) {
    switch (r->format->kind) {
    case ARROW_F16:
        widen_f16(out, in, r->count);
        break;
    case ARROW_UUID:
        read_uuids(out, in, r->count);
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
    *out = (column){.type = r->format->type, .validity = r->validity};
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
    if (r->format->kind == ARROW_PLAIN) {
        out->values = in;
        return OK;
    }
    if (r->format->kind == ARROW_UNITS) {
        return import_units(out, r, in, a, err);
    }
    if (r->format->kind == ARROW_DECIMAL) {
        return import_decimals(out, r, in, a, err);
    }
    void *converted = arena_alloc(a, (size_t)r->count * type_width(out->type));
    if (converted == NULL) {
        return error_memory(err);
    }
    convert(converted, in, r);
    out->values = converted;
    return OK;
}
