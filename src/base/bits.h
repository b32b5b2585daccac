/* SPDX-License-Identifier: Apache-2.0 */
/* bits.h - bitmaps of 64-bit words, bit 0 of word 0 first (Arrow's validity order on little-endian
 * machines). */
#ifndef LAMINAR_BASE_BITS_H
#define LAMINAR_BASE_BITS_H

#include "base/compiler.h"

ALWAYS_INLINE int64_t
bits_words(int64_t count) {
    return (count + 63) >> 6;
}

ALWAYS_INLINE bool
bits_get(const uint64_t *w, int64_t i) {
    return (w[i >> 6] >> (i & 63)) & 1;
}

ALWAYS_INLINE void
bits_set(uint64_t *w, int64_t i) {
    w[i >> 6] |= 1ULL << (i & 63);
}

ALWAYS_INLINE void
bits_clear(uint64_t *w, int64_t i) {
    w[i >> 6] &= ~(1ULL << (i & 63));
}

ALWAYS_INLINE void
bits_put(uint64_t *w, int64_t i, bool on) {
    const uint64_t m = 1ULL << (i & 63);
    w[i >> 6] = on ? w[i >> 6] | m : w[i >> 6] & ~m;
}

void    bits_fill(uint64_t *w, int64_t first, int64_t count, bool on);
int64_t bits_count(const uint64_t *w, int64_t count); /* bits set among the first `count` */
bool    bits_all(const uint64_t *w, int64_t count);
/* Copies `count` bits from byte-addressed `src` at any bit offset to `dst` at `dst_first`; never
 * reads past the last byte needed, and changes no other bit of `dst`. They must not overlap. */
void bits_copy(uint64_t *dst, int64_t dst_first, const uint8_t *src, int64_t src_first,
               int64_t count);

#endif
