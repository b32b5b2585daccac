/* SPDX-License-Identifier: Apache-2.0 */
/* cast_numeric.c - loops for CAST among types of fixed width. The rules are value_cast's; a test
 * compares all pairs. */
#include "kernel/cast_numeric.h"

#include "type/calendar.h"

#define MS_PER_DAY INT64_C(86400000)

/* Half to even, as the processor rounds; 0 for what int64 cannot hold. */
ALWAYS_INLINE int64_t
rounded(double a) {
    return a >= -0x1p63 && a < 0x1p63 ? __builtin_llrint(a) : 0;
}

/* Rounded, a value is inside of -limit - 1 .. limit: the halves at the ends go to the even
 * neighbour. */
ALWAYS_INLINE bool
rounds_within(double a, double limit) {
    return a >= -limit - 1.5 && a < limit + 0.5;
}

ALWAYS_INLINE bool
fits_product(int64_t a, int64_t factor) {
    return a >= INT64_MIN / factor && a <= INT64_MAX / factor;
}

ALWAYS_INLINE bool
fits_i32(int64_t a) {
    return a == (int32_t)a;
}

/* Wraps instead of undefined overflow: what does not fit has no meaning. */
ALWAYS_INLINE int64_t
product(int64_t a, int64_t factor) {
    return (int64_t)((uint64_t)a * (uint64_t)factor);
}

#define KERNEL cast_bool_i8
#define IN uint8_t
#define OUT int8_t
#define FITS true
#define EXPR (int8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_bool_i16
#define IN uint8_t
#define OUT int16_t
#define FITS true
#define EXPR (int16_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_bool_i32
#define IN uint8_t
#define OUT int32_t
#define FITS true
#define EXPR (int32_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_bool_i64
#define IN uint8_t
#define OUT int64_t
#define FITS true
#define EXPR (int64_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_bool_f64
#define IN uint8_t
#define OUT double
#define FITS true
#define EXPR (double)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i8_bool
#define IN int8_t
#define OUT uint8_t
#define FITS true
#define EXPR (uint8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i8_i16
#define IN int8_t
#define OUT int16_t
#define FITS true
#define EXPR (int16_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i8_i32
#define IN int8_t
#define OUT int32_t
#define FITS true
#define EXPR (int32_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i8_i64
#define IN int8_t
#define OUT int64_t
#define FITS true
#define EXPR (int64_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i8_f64
#define IN int8_t
#define OUT double
#define FITS true
#define EXPR (double)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i16_bool
#define IN int16_t
#define OUT uint8_t
#define FITS true
#define EXPR (uint8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i16_i8
#define IN int16_t
#define OUT int8_t
#define FITS (a == (int8_t)a)
#define EXPR (int8_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i16_i32
#define IN int16_t
#define OUT int32_t
#define FITS true
#define EXPR (int32_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i16_i64
#define IN int16_t
#define OUT int64_t
#define FITS true
#define EXPR (int64_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i16_f64
#define IN int16_t
#define OUT double
#define FITS true
#define EXPR (double)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i32_bool
#define IN int32_t
#define OUT uint8_t
#define FITS true
#define EXPR (uint8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i32_i8
#define IN int32_t
#define OUT int8_t
#define FITS (a == (int8_t)a)
#define EXPR (int8_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i32_i16
#define IN int32_t
#define OUT int16_t
#define FITS (a == (int16_t)a)
#define EXPR (int16_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i32_i64
#define IN int32_t
#define OUT int64_t
#define FITS true
#define EXPR (int64_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i32_f64
#define IN int32_t
#define OUT double
#define FITS true
#define EXPR (double)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i64_bool
#define IN int64_t
#define OUT uint8_t
#define FITS true
#define EXPR (uint8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i64_i8
#define IN int64_t
#define OUT int8_t
#define FITS (a == (int8_t)a)
#define EXPR (int8_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i64_i16
#define IN int64_t
#define OUT int16_t
#define FITS (a == (int16_t)a)
#define EXPR (int16_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i64_i32
#define IN int64_t
#define OUT int32_t
#define FITS (a == (int32_t)a)
#define EXPR (int32_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_i64_f64
#define IN int64_t
#define OUT double
#define FITS true
#define EXPR (double)a
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f64_bool
#define IN double
#define OUT uint8_t
#define FITS true
#define EXPR (uint8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f64_i8
#define IN double
#define OUT int8_t
#define FITS rounds_within(a, INT8_MAX)
#define EXPR (int8_t)rounded(a)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f64_i16
#define IN double
#define OUT int16_t
#define FITS rounds_within(a, INT16_MAX)
#define EXPR (int16_t)rounded(a)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f64_i32
#define IN double
#define OUT int32_t
#define FITS rounds_within(a, INT32_MAX)
#define EXPR (int32_t)rounded(a)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_f64_i64
#define IN double
#define OUT int64_t
#define FITS (a >= -0x1p63 && a < 0x1p63)
#define EXPR rounded(a)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_date_ms
#define IN int32_t
#define OUT int64_t
#define FITS true
#define EXPR ((int64_t)a * MS_PER_DAY)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_date_us
#define IN int32_t
#define OUT int64_t
#define FITS fits_product(a, US_PER_DAY)
#define EXPR product(a, US_PER_DAY)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_ms_date
#define IN int64_t
#define OUT int32_t
#define FITS fits_i32(floor_div_i64(a, MS_PER_DAY))
#define EXPR (int32_t)floor_div_i64(a, MS_PER_DAY)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_us_date
#define IN int64_t
#define OUT int32_t
#define FITS true
#define EXPR (int32_t)floor_div_i64(a, US_PER_DAY)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_ms_us
#define IN int64_t
#define OUT int64_t
#define FITS fits_product(a, 1000)
#define EXPR product(a, 1000)
#include "kernel/cast_column.inc.h"

#define KERNEL cast_us_ms
#define IN int64_t
#define OUT int64_t
#define FITS true
#define EXPR floor_div_i64(a, 1000)
#include "kernel/cast_column.inc.h"

static cast_kernel *const kernels[TYPE_COUNT][TYPE_COUNT] = {
    [TYPE_BOOL] =
        {
            [TYPE_I8] = cast_bool_i8,
            [TYPE_I16] = cast_bool_i16,
            [TYPE_I32] = cast_bool_i32,
            [TYPE_I64] = cast_bool_i64,
            [TYPE_F64] = cast_bool_f64,
        },
    [TYPE_I8] =
        {
            [TYPE_BOOL] = cast_i8_bool,
            [TYPE_I16] = cast_i8_i16,
            [TYPE_I32] = cast_i8_i32,
            [TYPE_I64] = cast_i8_i64,
            [TYPE_F64] = cast_i8_f64,
        },
    [TYPE_I16] =
        {
            [TYPE_BOOL] = cast_i16_bool,
            [TYPE_I8] = cast_i16_i8,
            [TYPE_I32] = cast_i16_i32,
            [TYPE_I64] = cast_i16_i64,
            [TYPE_F64] = cast_i16_f64,
        },
    [TYPE_I32] =
        {
            [TYPE_BOOL] = cast_i32_bool,
            [TYPE_I8] = cast_i32_i8,
            [TYPE_I16] = cast_i32_i16,
            [TYPE_I64] = cast_i32_i64,
            [TYPE_F64] = cast_i32_f64,
        },
    [TYPE_I64] =
        {
            [TYPE_BOOL] = cast_i64_bool,
            [TYPE_I8] = cast_i64_i8,
            [TYPE_I16] = cast_i64_i16,
            [TYPE_I32] = cast_i64_i32,
            [TYPE_F64] = cast_i64_f64,
        },
    [TYPE_F64] =
        {
            [TYPE_BOOL] = cast_f64_bool,
            [TYPE_I8] = cast_f64_i8,
            [TYPE_I16] = cast_f64_i16,
            [TYPE_I32] = cast_f64_i32,
            [TYPE_I64] = cast_f64_i64,
        },
    [TYPE_DATE] = {[TYPE_TIMESTAMP_MS] = cast_date_ms, [TYPE_TIMESTAMP] = cast_date_us},
    [TYPE_TIMESTAMP_MS] = {[TYPE_DATE] = cast_ms_date, [TYPE_TIMESTAMP] = cast_ms_us},
    [TYPE_TIMESTAMP] = {[TYPE_DATE] = cast_us_date, [TYPE_TIMESTAMP_MS] = cast_us_ms},
};

cast_kernel *
cast_numeric_kernel(data_type from, data_type to) {
    return kernels[from.id][to.id];
}
