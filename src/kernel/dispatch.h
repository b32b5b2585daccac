/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.h - the kernels that exist once per CPU level, as one constant table per level. cpu.c
 * picks the table. */
#ifndef LAMINAR_KERNEL_DISPATCH_H
#define LAMINAR_KERNEL_DISPATCH_H

#include "base/compiler.h"

#if defined(__x86_64__)
#define KERNEL_X86 1
/* Whole 512-bit registers: both compilers prefer half of one unless told. */
#define AVX512 "avx512f,avx512dq,avx512bw,avx512vl"
#if defined(__clang__)
#define TARGET_AVX512 __attribute__((target(AVX512), min_vector_width(512)))
#else
#define TARGET_AVX512 __attribute__((target(AVX512 ",prefer-vector-width=512")))
#endif
#endif

/* Narrows *min and *max by the n values that validity (NULL: all) shows; both are values of the
 * column's type on entry. */
typedef void minmax_kernel(const void *values, const uint64_t *validity, int32_t n, int64_t *min,
                           int64_t *max);

typedef struct kernel_table {
    const char *level;
    /* Bytes at the beginning that are 0x01 .. 0x7f for sure: whole blocks, so that fewer than a
     * block may be missing. */
    int64_t (*plain_blocks)(const char *bytes, int64_t size);
    /* Bytes at the beginning that are whole characters of UTF-8 for sure. */
    int64_t (*utf8_blocks)(const char *bytes, int64_t size);
    minmax_kernel *minmax_i32;
    minmax_kernel *minmax_i64;
    uint32_t (*crc32c)(uint32_t crc, const char *bytes, size_t size);
} kernel_table;

const kernel_table *kernel_active(void);

int64_t       plain_blocks_baseline(const char *bytes, int64_t size);
minmax_kernel minmax_i32_baseline;
minmax_kernel minmax_i64_baseline;
uint32_t      crc32c_baseline(uint32_t crc, const char *bytes, size_t size);
#ifdef KERNEL_X86
int64_t       plain_blocks_avx2(const char *bytes, int64_t size);
int64_t       utf8_blocks_avx2(const char *bytes, int64_t size);
minmax_kernel minmax_i32_avx2;
minmax_kernel minmax_i64_avx2;
int64_t       plain_blocks_avx512(const char *bytes, int64_t size);
int64_t       utf8_blocks_avx512(const char *bytes, int64_t size);
minmax_kernel minmax_i32_avx512;
minmax_kernel minmax_i64_avx512;
uint32_t      crc32c_sse42(uint32_t crc, const char *bytes, size_t size);
#endif

#endif
