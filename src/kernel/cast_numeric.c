/* SPDX-License-Identifier: Apache-2.0 */
/* cast_numeric.c - loops for CAST among BOOLEAN, integers, FLOAT and DOUBLE. The rules are
 * value_cast's; a test compares all pairs. */
#include "kernel/cast_numeric.h"

#include <math.h>

/* Whether a value `a` of S keeps its value as a T. Of one sign, there and back again is enough and
 * becomes vectors. */
#define SIGNED(T) ((T) - 1 < (T)1)
#define FITS_IN(S, T, a) (SIGNED(S) == SIGNED(T) ? (S)(T)(a) == (a) : (int128)(T)(a) == (int128)(a))

ALWAYS_INLINE bool
in_int64(double a) {
    return a >= -0x1p63 && a < 0x1p63;
}

/* Half to even, as the processor rounds; 0 for what int64 cannot hold. */
ALWAYS_INLINE int64_t
rounded(double a) {
    return in_int64(a) ? __builtin_llrint(a) : 0;
}

/* From -0.5 on: half to even is 0. */
ALWAYS_INLINE bool
in_u64(double a) {
    return a >= -0.5 && a < 0x1p64;
}

/* From 2^63 on a double has no fraction. */
ALWAYS_INLINE uint64_t
rounded_u64(double a) {
    return a < 0x1p63 ? (uint64_t)rounded(a) : a < 0x1p64 ? (uint64_t)a : 0;
}

ALWAYS_INLINE bool
in_i128(double a) {
    return a >= -0x1p127 && a < 0x1p127;
}

ALWAYS_INLINE int128
rounded_i128(double a) {
    return in_int64(a) ? (int128)rounded(a) : in_i128(a) ? (int128)a : 0;
}

#define NAME(to) cast_truth_##to
#define SOURCE uint8_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_i8_##to
#define SOURCE int8_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_i16_##to
#define SOURCE int16_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_i32_##to
#define SOURCE int32_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_i64_##to
#define SOURCE int64_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_i128_##to
#define SOURCE int128
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_u8_##to
#define SOURCE uint8_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_u16_##to
#define SOURCE uint16_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_u32_##to
#define SOURCE uint32_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_u64_##to
#define SOURCE uint64_t
#include "kernel/cast_integer.inc.h"

#define NAME(to) cast_f32_##to
#define SOURCE float
#include "kernel/cast_float.inc.h"

#define NAME(to) cast_f64_##to
#define SOURCE double
#include "kernel/cast_float.inc.h"

#define KERNEL cast_f32_f32
#define IN float
#define OUT float
#define FITS true
#define EXPR a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f64_f64
#define IN double
#define OUT double
#define FITS true
#define EXPR a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f32_f64
#define IN float
#define OUT double
#define FITS true
#define EXPR (double)a
#include "kernel/cast_column.inc.h"

/* Finite stays finite. */
#define KERNEL cast_f64_f32
#define IN double
#define OUT float
#define FITS (isinf(a) || !isinf((float)a))
#define EXPR (float)a
#include "kernel/cast_column.inc.h"

static cast_kernel *const kernels[TYPE_COUNT][TYPE_COUNT] = {
#define FROM TYPE_BOOL
#define NAME(to) cast_truth_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_I8
#define NAME(to) cast_i8_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_I16
#define NAME(to) cast_i16_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_I32
#define NAME(to) cast_i32_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_I64
#define NAME(to) cast_i64_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_I128
#define NAME(to) cast_i128_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_U8
#define NAME(to) cast_u8_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_U16
#define NAME(to) cast_u16_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_U32
#define NAME(to) cast_u32_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_U64
#define NAME(to) cast_u64_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_F32
#define NAME(to) cast_f32_##to
#include "kernel/cast_row.inc.h"
#define FROM TYPE_F64
#define NAME(to) cast_f64_##to
#include "kernel/cast_row.inc.h"
};

cast_kernel *
cast_numeric_kernel(data_type from, data_type to) {
    return kernels[from.id][to.id];
}
