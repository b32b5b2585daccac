/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h - seeded pseudo-random numbers (splitmix64 by Sebastiano Vigna): the same seed gives the
 * same sequence. */
#ifndef LAMINAR_BASE_RNG_H
#define LAMINAR_BASE_RNG_H

#include "base/compiler.h"

typedef struct rng {
    uint64_t state;
} rng;

ALWAYS_INLINE void
rng_init(rng *r, uint64_t seed) {
    r->state = seed;
}

ALWAYS_INLINE uint64_t
rng_next(rng *r) {
    uint64_t z = (r->state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* 0 .. bound - 1; bound > 0. */
ALWAYS_INLINE uint64_t
rng_below(rng *r, uint64_t bound) {
    return (uint64_t)(((uint128)rng_next(r) * bound) >> 64);
}

uint64_t rng_seed_from_system(void);

#endif
