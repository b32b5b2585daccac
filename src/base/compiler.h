/* SPDX-License-Identifier: Apache-2.0 */
/* compiler.h - the only place where compiler extensions are named. */
#ifndef LAMINAR_BASE_COMPILER_H
#define LAMINAR_BASE_COMPILER_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define UNREACHABLE() __builtin_unreachable()
#define UNUSED __attribute__((unused))
/* In a loop that waits for another core: lets the sibling run and saves power. */
#if defined(__x86_64__)
#define CPU_RELAX() __builtin_ia32_pause()
#else
#define CPU_RELAX() __asm__ volatile("" ::: "memory")
#endif
/* Asks for the cache line at p, to be read soon. Any address is fine. */
#define PREFETCH(p) __builtin_prefetch(p)
#define ARRAY_COUNT(a) ((int32_t)(sizeof(a) / sizeof((a)[0])))

/* 128-bit integers are values of columns and carry exact sums; the keyword is an extension, so it
 * has one name here. Aligned to 8 bytes: that is what Arrow promises of its buffers. */
__extension__ typedef __int128          int128 __attribute__((aligned(8)));
__extension__ typedef unsigned __int128 uint128 __attribute__((aligned(8)));
#define INT128_MAX ((int128)(~(uint128)0 >> 1))
#define INT128_MIN (-INT128_MAX - 1)

/* The builtin for 128 bits needs a function that not every compiler's library has. */
ALWAYS_INLINE bool
mul_overflow_i128(int128 a, int128 b, int128 *out) {
    if (a == (int64_t)a && b == (int64_t)b) {
        *out = a * b;
        return false;
    }
    const uint128 x = a < 0 ? (uint128)0 - (uint128)a : (uint128)a;
    const uint128 y = b < 0 ? (uint128)0 - (uint128)b : (uint128)b;
    const bool    negative = (a < 0) != (b < 0);
    const uint128 limit = (uint128)INT128_MAX + negative;
    const uint128 r = x * y;
    *out = (int128)(negative ? (uint128)0 - r : r);
    return x != 0 && (r > limit || r / x != y);
}

ALWAYS_INLINE int64_t
min_i64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

ALWAYS_INLINE int64_t
max_i64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Arithmetic on event times saturates: INT64_MIN is "before everything". */
ALWAYS_INLINE int64_t
sat_add_i64(int64_t a, int64_t b) {
    int64_t r;
    if (!__builtin_add_overflow(a, b, &r)) {
        return r;
    }
    return b > 0 ? INT64_MAX : INT64_MIN;
}

ALWAYS_INLINE int64_t
sat_sub_i64(int64_t a, int64_t b) {
    int64_t r;
    if (!__builtin_sub_overflow(a, b, &r)) {
        return r;
    }
    return b < 0 ? INT64_MAX : INT64_MIN;
}

ALWAYS_INLINE int64_t
sat_mul_i64(int64_t a, int64_t b) {
    int64_t r;
    if (!__builtin_mul_overflow(a, b, &r)) {
        return r;
    }
    return (a > 0) == (b > 0) ? INT64_MAX : INT64_MIN;
}

/* Rounds towards minus infinity; divisor > 0. */
ALWAYS_INLINE int64_t
floor_div_i64(int64_t a, int64_t b) {
    const int64_t q = a / b;
    return q - ((a % b) < 0);
}

/* What floor_div_i64 leaves: 0 .. b - 1 for b > 0. */
ALWAYS_INLINE int64_t
floor_mod_i64(int64_t a, int64_t b) {
    const int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

#endif
