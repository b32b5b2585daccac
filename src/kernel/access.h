/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - one row of a column, for the paths of the kernels that go row by row. Little-endian,
 * like the Arrow buffers. */
#ifndef LAMINAR_KERNEL_ACCESS_H
#define LAMINAR_KERNEL_ACCESS_H

#include <math.h>

#include "batch/column.h"

/* A column of type NULL has no values worth reading, whatever its validity says. */
ALWAYS_INLINE bool
row_is_null(const column *c, int64_t row) {
    return c->type.id == TYPE_NULL || column_is_null(c, row);
}

/* BOOL and what lies in up to 64 bits, extended; UBIGINT by its bits. */
ALWAYS_INLINE int64_t
row_i64(const column *c, physical p, int64_t row) {
    switch (p) {
    case PHYSICAL_BOOL:
        return ((const uint8_t *)c->values)[row];
    case PHYSICAL_I8:
        return ((const int8_t *)c->values)[row];
    case PHYSICAL_I16:
        return ((const int16_t *)c->values)[row];
    case PHYSICAL_I32:
        return ((const int32_t *)c->values)[row];
    case PHYSICAL_U8:
        return ((const uint8_t *)c->values)[row];
    case PHYSICAL_U16:
        return ((const uint16_t *)c->values)[row];
    case PHYSICAL_U32:
        return ((const uint32_t *)c->values)[row];
    default:
        assert(p == PHYSICAL_I64 || p == PHYSICAL_U64);
        return ((const int64_t *)c->values)[row];
    }
}

/* All integers. */
ALWAYS_INLINE int128
row_wide(const column *c, physical p, int64_t row) {
    return p == PHYSICAL_I128  ? ((const int128 *)c->values)[row]
           : p == PHYSICAL_U64 ? (int128)((const uint64_t *)c->values)[row]
                               : (int128)row_i64(c, p, row);
}

ALWAYS_INLINE text
row_text(const column *c, int64_t row) {
    if (c->layout == COLUMN_OFFSETS) {
        const int32_t *offsets = c->values;
        return (text){c->bytes + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
    }
    return strview_text((const strview *)c->values + row);
}

/* The bits of a double as a key: equal keys have equal bits (-0.0 is 0.0, there is one NaN). */
ALWAYS_INLINE uint64_t
f64_key(double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    bits = d == 0.0 ? 0 : bits;
    return d != d ? UINT64_C(0x7ff8000000000000) : bits;
}

/* An integer that orders as SQL orders doubles: NaN above all, -0.0 as 0.0. */
ALWAYS_INLINE int64_t
f64_order(double d) {
    const uint64_t bits = f64_key(d);
    if (d != d) {
        return INT64_MAX;
    }
    return (bits >> 63) != 0 ? (int64_t)(~bits ^ (UINT64_C(1) << 63)) : (int64_t)bits;
}

/* The double of an integer of f64_order. */
ALWAYS_INLINE double
f64_of_order(int64_t order) {
    const uint64_t bits = (uint64_t)order;
    const uint64_t raw = order < 0 ? ~(bits ^ (UINT64_C(1) << 63)) : bits;
    double         d;
    memcpy(&d, &raw, sizeof(d));
    return order == INT64_MAX ? (double)NAN : d;
}

ALWAYS_INLINE bool
f64_key_equal(double a, double b) {
    return a == b || (a != a && b != b);
}

#endif
