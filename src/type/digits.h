/* SPDX-License-Identifier: Apache-2.0 */
/* digits.h - the short way for plain numbers in text: false where it is not sure, then the caller
 * takes the long one (value_parse).
 *
 * Doubles are exact by Clinger 1990: mantissa up to 2^53, a power of ten up to 22; with 16 to 19
 * digits by a quotient of 64 bits, where there is such a type. */
#ifndef LAMINAR_TYPE_DIGITS_H
#define LAMINAR_TYPE_DIGITS_H

#include "type/type.h"

/* Up to 18 digits, with a minus sign or none. */
ALWAYS_INLINE bool
digits_integer(text t, int64_t *out) {
    const bool negative = t.size > 0 && t.data[0] == '-';
    size_t     i = negative ? 1 : 0;
    if (t.size - i == 0 || t.size - i > 18) {
        return false;
    }
    int64_t v = 0;
    for (; i < t.size; i++) {
        const unsigned digit = (unsigned)(t.data[i] - '0');
        if (digit > 9) {
            return false;
        }
        v = v * 10 + digit;
    }
    *out = negative ? -v : v;
    return true;
}

/* mantissa / 10^decimals, of at most 19; false: it lies between two doubles too closely to tell. */
bool digits_quotient(uint64_t mantissa, int32_t decimals, double *out);

ALWAYS_INLINE bool
digits_double(text t, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool          negative = t.size > 0 && t.data[0] == '-';
    uint64_t            mantissa = 0;
    int32_t             digits = 0, decimals = 0;
    bool                after_point = false;
    for (size_t i = negative ? 1 : 0; i < t.size; i++) {
        const unsigned digit = (unsigned)(t.data[i] - '0');
        if (digit <= 9) {
            mantissa = mantissa * 10 + digit;
            digits++;
            decimals += after_point;
        } else if (t.data[i] == '.' && !after_point) {
            after_point = true;
        } else {
            return false;
        }
    }
    if (digits == 0 || digits > 19) {
        return false;
    }
    double v;
    if (LIKELY(mantissa <= UINT64_C(1) << 53)) {
        v = (double)mantissa / powers[decimals];
    } else if (!digits_quotient(mantissa, decimals, &v)) {
        return false;
    }
    *out = negative ? -v : v;
    return true;
}

ALWAYS_INLINE bool
digits_in_range(int64_t v, data_type t) {
    switch (t.id) {
    case TYPE_I8:
        return v >= INT8_MIN && v <= INT8_MAX;
    case TYPE_I16:
        return v >= INT16_MIN && v <= INT16_MAX;
    case TYPE_I32:
        return v >= INT32_MIN && v <= INT32_MAX;
    case TYPE_I64:
        return true;
    default:
        return false;
    }
}

#endif
