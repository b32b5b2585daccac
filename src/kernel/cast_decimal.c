/* SPDX-License-Identifier: Apache-2.0 */
/* cast_decimal.c - loops for CAST from and to DECIMAL; what is rarer goes through value_cast. */
#include "kernel/cast_numeric.h"
#include "type/decimal.h"

#define KERNEL finer_i32_i64
#define IN int32_t
#define OUT int64_t
#define IN_MIN INT32_MIN
#define IN_MAX INT32_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i32_i128
#define IN int32_t
#define OUT int128
#define IN_MIN INT32_MIN
#define IN_MAX INT32_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i64_i32
#define IN int64_t
#define OUT int32_t
#define IN_MIN INT64_MIN
#define IN_MAX INT64_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i64_i64
#define IN int64_t
#define OUT int64_t
#define IN_MIN INT64_MIN
#define IN_MAX INT64_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i64_i128
#define IN int64_t
#define OUT int128
#define IN_MIN INT64_MIN
#define IN_MAX INT64_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i128_i32
#define IN int128
#define OUT int32_t
#define IN_MIN INT128_MIN
#define IN_MAX INT128_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i128_i64
#define IN int128
#define OUT int64_t
#define IN_MIN INT128_MIN
#define IN_MAX INT128_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL finer_i128_i128
#define IN int128
#define OUT int128
#define IN_MIN INT128_MIN
#define IN_MAX INT128_MAX
#include "kernel/cast_finer.inc.h"

#define KERNEL coarser_i64_i32
#define IN int64_t
#define OUT int32_t
#define IN_MIN INT64_MIN
#define IN_MAX INT64_MAX
#include "kernel/cast_coarser.inc.h"

#define KERNEL coarser_i64_i64
#define IN int64_t
#define OUT int64_t
#define IN_MIN INT64_MIN
#define IN_MAX INT64_MAX
#include "kernel/cast_coarser.inc.h"

#define KERNEL coarser_i64_i128
#define IN int64_t
#define OUT int128
#define IN_MIN INT64_MIN
#define IN_MAX INT64_MAX
#include "kernel/cast_coarser.inc.h"

#define KERNEL coarser_i128_i32
#define IN int128
#define OUT int32_t
#define IN_MIN INT128_MIN
#define IN_MAX INT128_MAX
#include "kernel/cast_coarser.inc.h"

#define KERNEL coarser_i128_i64
#define IN int128
#define OUT int64_t
#define IN_MIN INT128_MIN
#define IN_MAX INT128_MAX
#include "kernel/cast_coarser.inc.h"

#define KERNEL coarser_i128_i128
#define IN int128
#define OUT int128
#define IN_MIN INT128_MIN
#define IN_MAX INT128_MAX
#include "kernel/cast_coarser.inc.h"

static bool
decimals_f64(void *restrict out, const void *restrict in, int32_t n, data_type from,
             data_type to UNUSED) {
    const int64_t *x = in;
    double        *z = out;
    const int128  *wide = in;
    const bool     is_wide = type_physical(from) == PHYSICAL_I128;
    for (int32_t i = 0; i < n; i++) {
        z[i] = decimal_to_double(is_wide ? wide[i] : x[i], from.scale);
    }
    return true;
}

static bool
f64_decimals(void *restrict out, const void *restrict in, int32_t n, data_type from UNUSED,
             data_type to) {
    const double *x = in;
    int64_t      *z = out;
    int128       *wide = out;
    const bool    is_wide = type_physical(to) == PHYSICAL_I128;
    bool          fits = true;
    for (int32_t i = 0; i < n; i++) {
        int128 units = 0;
        fits &= decimal_from_double(x[i], to.precision, to.scale, &units);
        if (is_wide) {
            wide[i] = units;
        } else {
            z[i] = (int64_t)units;
        }
    }
    return fits;
}

enum { SIZE_I32, SIZE_I64, SIZE_I128, SIZE_NONE };

static int32_t
size_of(data_type t) {
    switch (type_physical(t)) {
    case PHYSICAL_I32:
        return SIZE_I32;
    case PHYSICAL_I64:
        return SIZE_I64;
    case PHYSICAL_I128:
        return SIZE_I128;
    default:
        return SIZE_NONE;
    }
}

cast_kernel *
cast_decimal_kernel(data_type from, data_type to) {
    static cast_kernel *const finer[3][3] = {
        {NULL, finer_i32_i64, finer_i32_i128},
        {finer_i64_i32, finer_i64_i64, finer_i64_i128},
        {finer_i128_i32, finer_i128_i64, finer_i128_i128},
    };
    static cast_kernel *const coarser[3][3] = {
        {NULL, NULL, NULL},
        {coarser_i64_i32, coarser_i64_i64, coarser_i64_i128},
        {coarser_i128_i32, coarser_i128_i64, coarser_i128_i128},
    };
    if (from.id == TYPE_F64 || to.id == TYPE_F64) {
        return from.id == TYPE_F64 ? f64_decimals : decimals_f64;
    }
    const bool    numbers = type_is_numeric(from) && type_is_numeric(to);
    const int32_t x = size_of(from);
    const int32_t z = size_of(to);
    if (!numbers || x == SIZE_NONE || z == SIZE_NONE) {
        return NULL;
    }
    return from.scale <= to.scale ? finer[x][z] : coarser[x][z];
}
