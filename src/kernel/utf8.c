/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - is it UTF-8? Texts go by blocks with the widest registers there are (all of it:
 * utf8_valid.c; plain text, bytes 0x01 .. 0x7f, here), a strict decoder takes what is shorter than
 * a block and finds the place of a fault. */
#include "kernel/dispatch.h"
#include "kernel/kernel.h"

#ifdef KERNEL_X86
#include <immintrin.h>
#endif

#define BLOCKS_MIN 64
#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)

static uint64_t
load_8(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

int64_t
plain_blocks_baseline(const char *bytes, int64_t size) {
    int64_t i = 0;
    for (; i + 32 <= size; i += 32) {
        const uint64_t a = load_8(bytes + i), b = load_8(bytes + i + 8);
        const uint64_t c = load_8(bytes + i + 16), d = load_8(bytes + i + 24);
        /* x - 1 borrows into a high bit where a byte is 0 (and nowhere before the first such). */
        const uint64_t zero = (a - LOW_BITS) | (b - LOW_BITS) | (c - LOW_BITS) | (d - LOW_BITS);
        if (((a | b | c | d | zero) & HIGH_BITS) != 0) {
            break;
        }
    }
    return i;
}

#ifdef KERNEL_X86
/* As signed numbers the plain bytes are those above 0. */
__attribute__((target("avx2"))) int64_t
plain_blocks_avx2(const char *bytes, int64_t size) {
    const __m256i zero = _mm256_setzero_si256();
    int64_t       i = 0;
    for (; i + 128 <= size; i += 128) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i));
        const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i + 32));
        const __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i + 64));
        const __m256i d = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i + 96));
        const __m256i least = _mm256_min_epi8(_mm256_min_epi8(a, b), _mm256_min_epi8(c, d));
        if (_mm256_movemask_epi8(_mm256_cmpgt_epi8(least, zero)) != -1) {
            break;
        }
    }
    for (; i + 32 <= size; i += 32) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i));
        if (_mm256_movemask_epi8(_mm256_cmpgt_epi8(a, zero)) != -1) {
            break;
        }
    }
    return i;
}

__attribute__((target("avx512f,avx512bw"))) int64_t
plain_blocks_avx512(const char *bytes, int64_t size) {
    const __m512i zero = _mm512_setzero_si512();
    int64_t       i = 0;
    for (; i + 256 <= size; i += 256) {
        const __m512i a = _mm512_loadu_si512(bytes + i);
        const __m512i b = _mm512_loadu_si512(bytes + i + 64);
        const __m512i c = _mm512_loadu_si512(bytes + i + 128);
        const __m512i d = _mm512_loadu_si512(bytes + i + 192);
        const __m512i least = _mm512_min_epi8(_mm512_min_epi8(a, b), _mm512_min_epi8(c, d));
        if (_mm512_cmple_epi8_mask(least, zero) != 0) {
            break;
        }
    }
    for (; i + 64 <= size; i += 64) {
        if (_mm512_cmple_epi8_mask(_mm512_loadu_si512(bytes + i), zero) != 0) {
            break;
        }
    }
    return i;
}
#endif

static bool
continues(uint8_t c) {
    return (c & 0xC0) == 0x80;
}

/* Bytes of the sequence that begins at p (not ASCII), 0 when there is none. The second byte's range
 * keeps out overlong forms (E0, F0), surrogates (ED) and what lies beyond U+10FFFF (F4). */
static int64_t
sequence_size(const uint8_t *p, int64_t left) {
    const uint8_t lead = p[0];
    if (lead >= 0xC2 && lead <= 0xDF) {
        return left >= 2 && continues(p[1]) ? 2 : 0;
    }
    if ((lead & 0xF0) == 0xE0) {
        const uint8_t least = lead == 0xE0 ? 0xA0 : 0x80;
        const uint8_t most = lead == 0xED ? 0x9F : 0xBF;
        return left >= 3 && p[1] >= least && p[1] <= most && continues(p[2]) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const uint8_t least = lead == 0xF0 ? 0x90 : 0x80;
        const uint8_t most = lead == 0xF4 ? 0x8F : 0xBF;
        return left >= 4 && p[1] >= least && p[1] <= most && continues(p[2]) && continues(p[3]) ? 4
                                                                                                : 0;
    }
    return 0;
}

bool
utf8_is_plain(const char *bytes, int64_t size) {
    int64_t i = size >= BLOCKS_MIN ? kernel_active()->plain_blocks(bytes, size) : 0;
    while (i < size && (int8_t)bytes[i] > 0) {
        i++;
    }
    return i == size;
}

int64_t
utf8_fault(const char *bytes, int64_t size) {
    const kernel_table *table = kernel_active();
    int64_t             i = size >= BLOCKS_MIN ? table->utf8_blocks(bytes, size) : 0;
    int64_t             ascii_end = i; /* of the last words that were ASCII */
    int64_t             ascii_words = 0;
    while (i < size) {
        if (size - i >= 8) {
            const uint64_t high = load_8(bytes + i) & HIGH_BITS;
            if (high == 0) {
                ascii_words = ascii_end == i ? ascii_words + 1 : 1;
                i += 8;
                if (ascii_words >= 4 && size - i >= BLOCKS_MIN) { /* a run: worth a call */
                    i += table->plain_blocks(bytes + i, size - i);
                    ascii_words = 0;
                }
                ascii_end = i;
                continue;
            }
            i += __builtin_ctzll(high) >> 3;
        }
        if (((uint8_t)bytes[i] & 0x80) == 0) {
            i++;
            continue;
        }
        const int64_t n = sequence_size((const uint8_t *)bytes + i, size - i);
        if (n == 0) {
            return i;
        }
        i += n;
    }
    return -1;
}
