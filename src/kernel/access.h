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

/* BOOL and all integers, sign-extended. */
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
    default:
        assert(p == PHYSICAL_I64);
        return ((const int64_t *)c->values)[row];
    }
}

ALWAYS_INLINE text
row_text(const column *c, int64_t row) {
    if (c->layout == COLUMN_OFFSETS) {
        const int32_t *offsets = c->values;
        return (text){c->bytes + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
    }
    return strview_text((const strview *)c->values + row);
}

ALWAYS_INLINE value
row_value(const column *c, int64_t row) {
    value          v = {.type = c->type};
    const physical p = type_physical(c->type);
    if (row_is_null(c, row)) {
        v.is_null = true;
    } else if (p == PHYSICAL_BOOL) {
        v.b = ((const uint8_t *)c->values)[row] != 0;
    } else if (p == PHYSICAL_F64) {
        v.d = ((const double *)c->values)[row];
    } else if (p == PHYSICAL_TEXT) {
        v.s = row_text(c, row);
    } else if (p == PHYSICAL_INTERVAL) {
        v.iv = ((const interval *)c->values)[row];
    } else {
        v.i = row_i64(c, p, row);
    }
    return v;
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
