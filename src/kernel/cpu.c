/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.c - picks the kernel table by our own CPUID check: ifunc and target_clones do not survive
 * TSan, musl and cross builds.
 *
 * Before kernel_init the baseline is active, so that order of calls cannot matter for results. */
#include "kernel/dispatch.h"
#include "kernel/kernel.h"

#ifdef KERNEL_X86
#include <cpuid.h>
#endif

static const kernel_table baseline = {
    .level = "baseline",
    .plain_blocks = plain_blocks_baseline,
    .utf8_blocks = plain_blocks_baseline,
    .minmax_i32 = minmax_i32_baseline,
    .minmax_i64 = minmax_i64_baseline,
    .crc32c = crc32c_baseline,
};

#ifdef KERNEL_X86
static const kernel_table avx2 = {
    .level = "avx2",
    .plain_blocks = plain_blocks_avx2,
    .utf8_blocks = utf8_blocks_avx2,
    .minmax_i32 = minmax_i32_avx2,
    .minmax_i64 = minmax_i64_avx2,
    .crc32c = crc32c_sse42,
};

static const kernel_table avx512 = {
    .level = "avx512",
    .plain_blocks = plain_blocks_avx512,
    .utf8_blocks = utf8_blocks_avx512,
    .minmax_i32 = minmax_i32_avx512,
    .minmax_i64 = minmax_i64_avx512,
    .crc32c = crc32c_sse42,
};

/* The register states that the operating system saves and restores (XCR0). */
static uint64_t
saved_states(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static const kernel_table *
best_table(void) {
    const uint64_t ymm_states = 0x06; /* SSE, AVX */
    const uint64_t zmm_states = 0xe6; /* and opmask, ZMM0-15, ZMM16-31 */
    const uint32_t avx512_parts = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    unsigned       a;
    unsigned       b;
    unsigned       c;
    unsigned       d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0) {
        return &baseline;
    }
    const unsigned c_of_1 = c;
    const uint64_t states = saved_states();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (states & ymm_states) != ymm_states ||
        (b & bit_AVX2) == 0 || (c_of_1 & bit_FMA) == 0) {
        return &baseline;
    }
    if ((states & zmm_states) == zmm_states && (b & avx512_parts) == avx512_parts) {
        return &avx512;
    }
    return &avx2;
}
#else
static const kernel_table *
best_table(void) {
    return &baseline;
}
#endif

static const kernel_table *_Atomic active = &baseline;

void
kernel_init(void) {
    atomic_store_explicit(&active, best_table(),
                          memory_order_relaxed); /* points to constants: no order needed */
}

const kernel_table *
kernel_active(void) {
    return atomic_load_explicit(&active, memory_order_relaxed);
}

const char *
kernel_level(void) {
    return kernel_active()->level;
}

bool
kernel_has_fma(void) {
    return kernel_active() != &baseline;
}
