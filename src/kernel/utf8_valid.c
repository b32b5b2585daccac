/* SPDX-License-Identifier: Apache-2.0 */
/* utf8_valid.c - UTF-8 by table lookups, after J. Keiser and D. Lemire, "Validating UTF-8 In Less
 * Than One Instruction Per Byte" (Software: Practice and Experience 51, 2021).
 *
 * What can be wrong with two neighbours shows in three nibbles: both of the first byte and the high
 * one of the second. Each of the three has a table of the faults it allows, one bit each; a fault
 * is there when all three have its bit. Only what is two or three bytes back needs a comparison of
 * its own. A block with a fault is not told apart further: the caller's decoder finds the place. */
#include "kernel/dispatch.h"

#ifdef KERNEL_X86
#include <immintrin.h>

enum {
    FAULT_TOO_SHORT = 1 << 0,  /* 11______ 0_______ and 11______ 11______ */
    FAULT_TOO_LONG = 1 << 1,   /* 0_______ 10______ */
    FAULT_LONG_THREE = 1 << 2, /* 11100000 100_____: would fit two bytes */
    FAULT_TOO_LARGE = 1 << 3,  /* 11110100 1001____, 11110101 ...: above U+10FFFF */
    FAULT_SURROGATE = 1 << 4,  /* 11101101 101_____ */
    FAULT_LONG_TWO = 1 << 5,   /* 1100000_ 10______: would fit one byte */
    /* 11110000 1000____: would fit three bytes; 11110101 1000____ ...: too large */
    FAULT_FOUR = 1 << 6,
    FAULT_TWO_CONTINUED = 1 << 7, /* 10______ 10______: right behind a longer lead alone */

    /* What the first byte's low nibble has no say in. */
    FAULT_ANY_LOW = FAULT_TOO_SHORT | FAULT_TOO_LONG | FAULT_TWO_CONTINUED,
    FAULT_HIGH_LEAD = FAULT_ANY_LOW | FAULT_TOO_LARGE | FAULT_FOUR,
    FAULT_CONTINUED = FAULT_TOO_LONG | FAULT_LONG_TWO | FAULT_TWO_CONTINUED
};

static const uint8_t faults_of_first_high[16] = {
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TOO_LONG,
    FAULT_TWO_CONTINUED,
    FAULT_TWO_CONTINUED,
    FAULT_TWO_CONTINUED,
    FAULT_TWO_CONTINUED,
    FAULT_TOO_SHORT | FAULT_LONG_TWO,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT | FAULT_LONG_THREE | FAULT_SURROGATE,
    FAULT_TOO_SHORT | FAULT_TOO_LARGE | FAULT_FOUR,
};

static const uint8_t faults_of_first_low[16] = {
    FAULT_ANY_LOW | FAULT_LONG_TWO | FAULT_LONG_THREE | FAULT_FOUR,
    FAULT_ANY_LOW | FAULT_LONG_TWO,
    FAULT_ANY_LOW,
    FAULT_ANY_LOW,
    FAULT_ANY_LOW | FAULT_TOO_LARGE,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD | FAULT_SURROGATE,
    FAULT_HIGH_LEAD,
    FAULT_HIGH_LEAD,
};

static const uint8_t faults_of_second_high[16] = {
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_CONTINUED | FAULT_LONG_THREE | FAULT_FOUR,
    FAULT_CONTINUED | FAULT_LONG_THREE | FAULT_TOO_LARGE,
    FAULT_CONTINUED | FAULT_SURROGATE | FAULT_TOO_LARGE,
    FAULT_CONTINUED | FAULT_SURROGATE | FAULT_TOO_LARGE,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
    FAULT_TOO_SHORT,
};

/* Bytes before `end` of a character that goes on behind it; what lies before is well-formed. */
static int64_t
unfinished(const char *bytes, int64_t end) {
    static const uint8_t least[3] = {0xC0, 0xE0, 0xF0}; /* leads of more than 1, 2, 3 bytes */
    for (int64_t back = 1; back <= 3 && back <= end; back++) {
        if ((uint8_t)bytes[end - back] >= least[back - 1]) {
            return back;
        }
    }
    return 0;
}

#define KERNEL utf8_blocks_avx2
#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define BYTES 32
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define SPLAT(byte) _mm256_set1_epi8((char)(byte))
#define TABLE(t) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(t)))
#define LOOKUP(table, nibbles) _mm256_shuffle_epi8(table, nibbles)
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define MINUS(a, b) _mm256_subs_epu8(a, b)
#define NIBBLE_HIGH(x) _mm256_and_si256(_mm256_srli_epi16(x, 4), low_nibble)
#define BEFORE(n, x, last) _mm256_alignr_epi8(x, _mm256_permute2x128_si256(last, x, 0x21), 16 - (n))
#define ANY(x) (!_mm256_testz_si256(x, x))
#define HIGH(x) (_mm256_movemask_epi8(x) != 0)
#include "kernel/utf8_valid.inc.h"

#define KERNEL utf8_blocks_avx512
#define TARGET __attribute__((target("avx512f,avx512bw")))
#define VECTOR __m512i
#define BYTES 64
#define LOAD(p) _mm512_loadu_si512(p)
#define SPLAT(byte) _mm512_set1_epi8((char)(byte))
#define TABLE(t) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(t)))
#define LOOKUP(table, nibbles) _mm512_shuffle_epi8(table, nibbles)
#define AND(a, b) _mm512_and_si512(a, b)
#define OR(a, b) _mm512_or_si512(a, b)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define MINUS(a, b) _mm512_subs_epu8(a, b)
#define NIBBLE_HIGH(x) _mm512_and_si512(_mm512_srli_epi16(x, 4), low_nibble)
#define BEFORE(n, x, last)                                                                         \
    _mm512_alignr_epi8(                                                                            \
        x, _mm512_permutex2var_epi64(last, _mm512_setr_epi64(6, 7, 8, 9, 10, 11, 12, 13), x),      \
        16 - (n))
#define ANY(x) (_mm512_test_epi8_mask(x, x) != 0)
#define HIGH(x) (_mm512_movepi8_mask(x) != 0)
#include "kernel/utf8_valid.inc.h"
#endif
