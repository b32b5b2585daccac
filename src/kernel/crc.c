/* SPDX-License-Identifier: Apache-2.0 */
/* crc.c - CRC-32C (Castagnoli, polynomial 0x1edc6f41 reflected), the checksum of everything that is
 * written to disk: it finds every burst of up to 32 bits. SSE 4.2 has an instruction for it; three
 * streams hide its latency, after Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using
 * CRC32 Instruction" (2011), their sums shifted by tables of zero bytes. */
#include "kernel/dispatch.h"
#include "kernel/kernel.h"

#ifdef KERNEL_X86
#include <nmmintrin.h>
#endif

#define POLYNOMIAL 0x82f63b78U

/* The remainders of half a byte. */
#define STEP(c) (((c) >> 1) ^ (POLYNOMIAL & (0U - ((c) & 1U))))
#define HALF(i) STEP(STEP(STEP(STEP(i##U))))

static const uint32_t halves[16] = {
    HALF(0), HALF(1), HALF(2),  HALF(3),  HALF(4),  HALF(5),  HALF(6),  HALF(7),
    HALF(8), HALF(9), HALF(10), HALF(11), HALF(12), HALF(13), HALF(14), HALF(15),
};

uint32_t
crc32c_baseline(uint32_t crc, const char *bytes, size_t size) {
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint8_t)bytes[i];
        crc = (crc >> 4) ^ halves[crc & 15];
        crc = (crc >> 4) ^ halves[crc & 15];
    }
    return ~crc;
}

#ifdef KERNEL_X86
enum { LANE = 1024, LONG_LANE = 8192 }; /* bytes of each of three streams */

/* a * b modulo the polynomial, both reflected. */
static uint32_t
multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
        product ^= (a & bit) != 0 ? b : 0;
        b = STEP(b);
    }
    return product;
}

/* x^(8 n) modulo the polynomial for the n of one and of two lanes. */
static const uint32_t lane_power = 0xe4172b16U;
static const uint32_t lanes_power = 0x0d65762aU;
static const uint32_t long_lane_power = 0x28461564U;
static const uint32_t long_lanes_power = 0xbf455269U;

/* Three lanes side by side. What a lane costs beside its bytes is the same for long ones. */
__attribute__((target("sse4.2"))) static uint64_t
three_lanes(uint64_t a, const char *bytes, size_t lane, uint32_t one, uint32_t two) {
    uint64_t b = 0;
    uint64_t c = 0;
    for (size_t i = 0; i < lane; i += 8) {
        uint64_t word[3];
        memcpy(&word[0], bytes + i, 8);
        memcpy(&word[1], bytes + lane + i, 8);
        memcpy(&word[2], bytes + 2 * lane + i, 8);
        a = _mm_crc32_u64(a, word[0]);
        b = _mm_crc32_u64(b, word[1]);
        c = _mm_crc32_u64(c, word[2]);
    }
    return multiply(two, (uint32_t)a) ^ multiply(one, (uint32_t)b) ^ c;
}

__attribute__((target("sse4.2"))) uint32_t
crc32c_sse42(uint32_t crc, const char *bytes, size_t size) {
    uint64_t a = ~crc;
    for (; size >= 3 * LONG_LANE; bytes += 3 * LONG_LANE, size -= 3 * LONG_LANE) {
        a = three_lanes(a, bytes, LONG_LANE, long_lane_power, long_lanes_power);
    }
    for (; size >= 3 * LANE; bytes += 3 * LANE, size -= 3 * LANE) {
        a = three_lanes(a, bytes, LANE, lane_power, lanes_power);
    }
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        a = _mm_crc32_u64(a, word);
    }
    uint32_t left = (uint32_t)a;
    for (; size > 0; bytes++, size--) {
        left = _mm_crc32_u8(left, (uint8_t)*bytes);
    }
    return ~left;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t size) {
    return kernel_active()->crc32c(crc, bytes, size);
}
