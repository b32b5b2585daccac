/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - non-cryptographic 64-bit hashing. Equal bytes give equal hashes within one process and
 * across restarts. */
#ifndef LAMINAR_BASE_HASH_H
#define LAMINAR_BASE_HASH_H

#include "base/compiler.h"

/* Multiply-fold of two 64-bit words, the mixing step of the wyhash family (public domain idea by
 * Wang Yi). */
ALWAYS_INLINE uint64_t
hash_fold(uint64_t a, uint64_t b) {
    const uint128 p = (uint128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

ALWAYS_INLINE uint64_t
hash_u64(uint64_t x) {
    return hash_fold(x ^ 0x9e3779b97f4a7c15ULL, 0xe7037ed1a0b428dbULL);
}

/* Order matters: combine(h, a) then b differs from b then a. */
ALWAYS_INLINE uint64_t
hash_combine(uint64_t h, uint64_t next) {
    return hash_fold(h ^ 0xa0761d6478bd642fULL, next ^ 0x8ebc6af09c88c6e3ULL);
}

uint64_t hash_bytes(const void *data, size_t size);

#endif
