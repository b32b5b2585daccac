/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - a seed that differs from run to run. */
#include "base/rng.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"

uint64_t
rng_seed_from_system(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed)) {
        return seed;
    }
    /* Early in the boot of a machine: time and address layout have to do. */
    engine_clock c;
    clock_init_real(&c);
    const uint64_t now = (uint64_t)clock_now_us(&c);
    return hash_combine(hash_u64(now ^ (uint64_t)(uintptr_t)&c), (uint64_t)clock_ticks_ns(&c));
}
