/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - hashing of byte strings by multiply-folding 8-byte words.
 *
 * Up to 16 bytes cost two folds and no loop; the words of a short input overlap instead of being
 * padded, so nothing outside of data[0 .. size) is read. Long inputs run three independent
 * lanes. */
#include "base/hash.h"

static const uint64_t seeds[4] = {
    0xa0761d6478bd642fULL,
    0xe7037ed1a0b428dbULL,
    0x8ebc6af09c88c6e3ULL,
    0x589965cc75374cc3ULL,
};

ALWAYS_INLINE uint64_t
load_8(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

ALWAYS_INLINE uint64_t
load_4(const uint8_t *p) {
    uint32_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

ALWAYS_INLINE uint64_t
finish(uint64_t a, uint64_t b, uint64_t h, size_t size) {
    return hash_fold(seeds[1] ^ size, hash_fold(a ^ seeds[1], b ^ h));
}

/* 17 bytes or more; apart from the short case so that it alone is inlined in its caller's loop. */
static NOINLINE uint64_t
hash_long(const uint8_t *p, size_t size) {
    uint64_t h = seeds[0];
    size_t   left = size;
    if (left > 48) {
        uint64_t h1 = h;
        uint64_t h2 = h;
        do {
            h = hash_fold(load_8(p) ^ seeds[1], load_8(p + 8) ^ h);
            h1 = hash_fold(load_8(p + 16) ^ seeds[2], load_8(p + 24) ^ h1);
            h2 = hash_fold(load_8(p + 32) ^ seeds[3], load_8(p + 40) ^ h2);
            p += 48;
            left -= 48;
        } while (left > 48);
        h ^= h1 ^ h2;
    }
    while (left > 16) {
        h = hash_fold(load_8(p) ^ seeds[1], load_8(p + 8) ^ h);
        p += 16;
        left -= 16;
    }
    /* The last 16 bytes, reaching back into what was read before. */
    return finish(load_8(p + left - 16), load_8(p + left - 8), h, size);
}

uint64_t
hash_bytes(const void *data, size_t size) {
    const uint8_t *p = data;
    if (size > 16) {
        return hash_long(p, size);
    }
    uint64_t a = 0;
    uint64_t b = 0;
    if (size >= 8) {
        a = load_8(p);
        b = load_8(p + size - 8);
    } else if (size >= 4) {
        a = load_4(p);
        b = load_4(p + size - 4);
    } else if (size > 0) { /* first, middle and last byte are all there is */
        a = ((uint64_t)p[0] << 16) | ((uint64_t)p[size >> 1] << 8) | p[size - 1];
    }
    return finish(a, b, seeds[0], size);
}
