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

/* The same sequence, handed out to any number of threads. */
typedef struct shared_rng {
    _Atomic uint64_t state;
} shared_rng;

ALWAYS_INLINE void
shared_rng_init(shared_rng *r, uint64_t seed) {
    atomic_store_explicit(&r->state, seed, memory_order_relaxed);
}

ALWAYS_INLINE uint64_t
shared_rng_next(shared_rng *r) {
    rng own = {atomic_fetch_add_explicit(&r->state, 0x9e3779b97f4a7c15ULL, memory_order_relaxed)};
    return rng_next(&own);
}

uint64_t rng_seed_from_system(void);

#endif
