/* SPDX-License-Identifier: Apache-2.0 */
/* int192.h - exact totals of 128-bit numbers. A number times a row count needs at most 190 bits,
 * and so does any sum over fewer than 2^63 rows: nothing overflows on the way, whatever the order.
 */
#ifndef LAMINAR_AGG_INT192_H
#define LAMINAR_AGG_INT192_H

#include "base/compiler.h"

/* Two's complement. In words, so that a state element needs no padding. */
typedef struct int192 {
    uint64_t low, middle, high;
} int192;

ALWAYS_INLINE int192
int192_of(int128 x) {
    return (int192){(uint64_t)x, (uint64_t)((uint128)x >> 64), x < 0 ? UINT64_MAX : 0};
}

ALWAYS_INLINE void
int192_add(int192 *sum, int192 x) {
    const uint128 low = (uint128)sum->low + x.low;
    const uint128 middle = (uint128)sum->middle + x.middle + (uint64_t)(low >> 64);
    sum->low = (uint64_t)low;
    sum->middle = (uint64_t)middle;
    sum->high += x.high + (uint64_t)(middle >> 64);
}

ALWAYS_INLINE int192
int192_negative(int192 x) {
    int192 out = {~x.low, ~x.middle, ~x.high};
    int192_add(&out, (int192){1, 0, 0});
    return out;
}

/* x * w, modulo 2^192. */
ALWAYS_INLINE int192
int192_multiply(int192 x, int64_t w) {
    const uint64_t size = w < 0 ? (uint64_t)0 - (uint64_t)w : (uint64_t)w;
    const uint128  low = (uint128)x.low * size;
    const uint128  middle = (uint128)x.middle * size + (uint64_t)(low >> 64);
    const int192   product = {(uint64_t)low, (uint64_t)middle,
                              x.high * size + (uint64_t)(middle >> 64)};
    return w < 0 ? int192_negative(product) : product;
}

/* False: it needs more than 128 bits. */
ALWAYS_INLINE bool
int192_narrow(int192 x, int128 *out) {
    *out = (int128)((uint128)x.middle << 64 | x.low);
    return x.high == (*out < 0 ? UINT64_MAX : 0);
}

/* total / (count * 10^scale), rounded once; count is not 0, scale at most 38. */
double int192_quotient(int192 total, int64_t count, int32_t scale);

#endif
