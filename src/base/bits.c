/* SPDX-License-Identifier: Apache-2.0 */
/* bits.c - ranges of bits, a word at a time. Bits outside of the range named are never changed. */
#include "base/bits.h"

/* The lowest `count` bits set; count is 0 .. 64. */
ALWAYS_INLINE uint64_t
low_mask(int64_t count) {
    return count >= 64 ? ~0ULL : (1ULL << count) - 1;
}

/* In plain arithmetic: the builtin is a library call on baseline x86-64, this one vectorises. */
ALWAYS_INLINE uint64_t
ones(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555ULL;
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    x += x >> 8;
    x += x >> 16;
    x += x >> 32;
    return x & 0x7f;
}

void
bits_fill(uint64_t *w, int64_t first, int64_t count, bool on) {
    while (count > 0) {
        const int64_t  at = first & 63;
        const int64_t  step = min_i64(count, 64 - at);
        const uint64_t mask = low_mask(step) << at;
        uint64_t      *word = &w[first >> 6];
        *word = on ? *word | mask : *word & ~mask;
        first += step;
        count -= step;
    }
}

int64_t
bits_count(const uint64_t *w, int64_t count) {
    const int64_t whole = count >> 6;
    uint64_t      total = 0;
    for (int64_t i = 0; i < whole; i++) {
        total += ones(w[i]);
    }
    if ((count & 63) != 0) {
        total += ones(w[whole] & low_mask(count & 63));
    }
    return (int64_t)total;
}

bool
bits_all(const uint64_t *w, int64_t count) {
    const int64_t whole = count >> 6;
    for (int64_t i = 0; i < whole; i++) {
        if (w[i] != ~0ULL) {
            return false;
        }
    }
    const uint64_t mask = low_mask(count & 63);
    return mask == 0 || (w[whole] & mask) == mask;
}

/* `count` (1 .. 64) bits of `src` from bit `first` on, reading only the bytes that hold them. */
ALWAYS_INLINE uint64_t
load_bits(const uint8_t *src, int64_t first, int64_t count) {
    const uint8_t *p = src + (first >> 3);
    const int64_t  shift = first & 7;
    const int64_t  bytes = (shift + count + 7) >> 3;
    uint64_t       x = 0;
    memcpy(&x, p, bytes > 8 ? 8 : (size_t)bytes);
    x >>= shift;
    if (bytes > 8) { /* then shift > 0 */
        x |= (uint64_t)p[8] << (64 - shift);
    }
    return x & low_mask(count);
}

ALWAYS_INLINE void
store_bits(uint64_t *word, int64_t at, int64_t count, uint64_t bits) {
    const uint64_t mask = low_mask(count) << at;
    *word = (*word & ~mask) | (bits << at);
}

void
bits_copy(uint64_t *dst, int64_t dst_first, const uint8_t *src, int64_t src_first, int64_t count) {
    const int64_t at = dst_first & 63;
    if (at != 0 && count > 0) {
        const int64_t step = min_i64(count, 64 - at);
        store_bits(&dst[dst_first >> 6], at, step, load_bits(src, src_first, step));
        dst_first += step;
        src_first += step;
        count -= step;
    }
    if (count <= 0) {
        return;
    }
    uint64_t *out = dst + (dst_first >> 6);
    if ((src_first & 7) == 0) {
        memcpy(out, src + (src_first >> 3), (size_t)(count >> 6) * sizeof(*out));
    } else {
        for (int64_t i = 0; i < count >> 6; i++) {
            out[i] = load_bits(src, src_first + i * 64, 64);
        }
    }
    const int64_t whole = count & ~(int64_t)63;
    if (count > whole) {
        store_bits(&out[whole >> 6], 0, count - whole,
                   load_bits(src, src_first + whole, count - whole));
    }
}
