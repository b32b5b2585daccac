/* SPDX-License-Identifier: Apache-2.0 */
/* minmax.c - smallest and largest value, and how many there are.
 *
 * 32 and 64-bit integers gain from wide registers and exist per CPU level; doubles run at memory
 * speed as they are. */
#include "kernel/access.h"
#include "kernel/dispatch.h"
#include "kernel/kernel.h"

#include <math.h>

#define KERNEL minmax_i8
#define IN int8_t
#define WIDE int64_t
#define TARGET static
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_u8
#define IN uint8_t
#define WIDE int64_t
#define TARGET static
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_i16
#define IN int16_t
#define WIDE int64_t
#define TARGET static
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_u16
#define IN uint16_t
#define WIDE int64_t
#define TARGET static
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_u32
#define IN uint32_t
#define WIDE int64_t
#define TARGET static
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_i32_baseline
#define IN int32_t
#define WIDE int64_t
#define TARGET
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_i64_baseline
#define IN int64_t
#define WIDE int64_t
#define TARGET
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_doubles
#define IN double
#define WIDE double
#define TARGET static
#include "kernel/minmax_column.inc.h"

#ifdef KERNEL_X86
#define KERNEL minmax_i32_avx2
#define IN int32_t
#define WIDE int64_t
#define TARGET __attribute__((target("avx2")))
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_i64_avx2
#define IN int64_t
#define WIDE int64_t
#define TARGET __attribute__((target("avx2")))
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_i32_avx512
#define IN int32_t
#define WIDE int64_t
#define TARGET TARGET_AVX512
#include "kernel/minmax_column.inc.h"

#define KERNEL minmax_i64_avx512
#define IN int64_t
#define WIDE int64_t
#define TARGET TARGET_AVX512
#include "kernel/minmax_column.inc.h"
#endif

int64_t
count_valid(const column *c, int32_t row_count) {
    if (c->type.id == TYPE_NULL) {
        return 0;
    }
    return c->validity == NULL ? row_count : bits_count(c->validity, row_count);
}

static minmax_kernel *
integer_kernel(physical p) {
    switch (p) {
    case PHYSICAL_BOOL:
    case PHYSICAL_U8:
        return minmax_u8;
    case PHYSICAL_U16:
        return minmax_u16;
    case PHYSICAL_U32:
        return minmax_u32;
    case PHYSICAL_I8:
        return minmax_i8;
    case PHYSICAL_I16:
        return minmax_i16;
    case PHYSICAL_I32:
        return kernel_active()->minmax_i32;
    default:
        assert(p == PHYSICAL_I64);
        return kernel_active()->minmax_i64;
    }
}

bool
minmax_i64(const column *c, int32_t row_count, int64_t *min, int64_t *max) {
    if (count_valid(c, row_count) == 0) {
        return false;
    }
    const physical p = type_physical(c->type);
    int64_t        first = 0; /* row that is not NULL; there is one */
    if (c->validity != NULL) {
        int64_t word = 0;
        while (c->validity[word] == 0) {
            word++;
        }
        first = word * 64 + __builtin_ctzll(c->validity[word]);
    }
    *min = *max = row_i64(c, p, first);
    integer_kernel(p)(c->values, c->validity, row_count, min, max);
    return true;
}

bool
minmax_f64(const column *c, int32_t row_count, double *min, double *max) {
    assert(c->type.id == TYPE_F64 || c->type.id == TYPE_NULL);
    if (count_valid(c, row_count) == 0) {
        return false;
    }
    *min = (double)INFINITY;
    *max = (double)-INFINITY;
    minmax_doubles(c->values, c->validity, row_count, min, max);
    return *min <= *max; /* crossed: all were NaN */
}
