/* SPDX-License-Identifier: Apache-2.0 */
/* timed.c - the entry of every fuzz target: no input of up to 64 KiB takes more than 50 ms of the
 * thread's CPU, for each time that a target goes through it. That is for a plain build; sanitizers
 * and coverage make code about ten times slower, and FUZZ_SLOWDOWN=n in the environment says how
 * much slower a machine or build is. An input that took too long is run again: what the first run
 * paid for (memory from the system) is not its fault. */
#include <time.h>

#include "fuzz.h"

#define SIZE_MAX_TIMED 65536
#define MS_MAX 50
#define RUNS 3

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWDOWN 20
#endif
#endif
#ifndef SLOWDOWN
#ifdef __SANITIZE_ADDRESS__
#define SLOWDOWN 20
#else
#define SLOWDOWN 1
#endif
#endif

static double
cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
limit_ms(void) {
    const char  *given = getenv("FUZZ_SLOWDOWN");
    const double slowdown = given == NULL ? SLOWDOWN : strtod(given, NULL);
    return MS_MAX * fuzz_passes * (slowdown >= 1 ? slowdown : 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    double least = 0;
    int    result = 0;
    for (int run = 0; run < RUNS; run++) {
        const double from = cpu_ms();
        result = fuzz_target(data, size);
        const double took = cpu_ms() - from;
        least = run == 0 || took < least ? took : least;
        if (size > SIZE_MAX_TIMED || least <= limit_ms()) {
            return result;
        }
    }
    FUZZ_CHECK(least <= limit_ms(), "%zu bytes took %.1f ms of CPU, of at most %.0f", size, least,
               limit_ms());
    return result;
}
