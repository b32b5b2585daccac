/* SPDX-License-Identifier: Apache-2.0 */
/* fn_arith.c - + - * / // % and negation of numbers. Integer overflow is an error that shows the
 * values; division and remainder by zero are NULL, because a stream must survive a zero volume. */
#include <math.h>

#include "expr/call.h"

/* A constant divisor d, |d| > 1, as a multiplication (N is one bit less than the type has): with
 * shift = ceil(log2 |d|) and magic = floor(2^(N + shift) / |d|) + 1, u / |d| = u * magic >> (N +
 * shift) for all u <= 2^N. */
typedef struct divisor {
    uint64_t magic;
    uint64_t size;     /* |d| */
    uint64_t negative; /* all ones when d < 0 */
    uint32_t shift;    /* I32: of the 64-bit product. I64: of its upper half */
} divisor;

static status
prepare_divisor(void **state, arena *a, const value *const *constants, uint32_t bits, error *err) {
    const value *v = constants[1];
    if (v == NULL || v->is_null || v->i == 0 || v->i == 1 || v->i == -1) {
        return OK;
    }
    divisor *m = arena_alloc(a, sizeof(*m));
    if (m == NULL) {
        return error_memory(err);
    }
    const uint64_t size = v->i < 0 ? (uint64_t)0 - (uint64_t)v->i : (uint64_t)v->i;
    const uint32_t log = 64 - (uint32_t)__builtin_clzll(size - 1);
    *m = (divisor){
        .magic = (uint64_t)(((uint128)1 << (bits + log)) / size) + 1,
        .size = size,
        .negative = v->i < 0 ? UINT64_MAX : 0,
        .shift = bits == 31 ? bits + log : log - 1,
    };
    *state = m;
    return OK;
}

status
fn_prepare_divisor_i32(void **state, arena *a, const value *const *constants,
                       const data_type *types UNUSED, int32_t arg_count UNUSED, error *err) {
    return prepare_divisor(state, a, constants, 31, err);
}

status
fn_prepare_divisor_i64(void **state, arena *a, const value *const *constants,
                       const data_type *types UNUSED, int32_t arg_count UNUSED, error *err) {
    return prepare_divisor(state, a, constants, 63, err);
}

#define KERNEL fn_add_i32
#define IN int32_t
#define SIGNED int32_t
#define EXPR (int32_t)((uint32_t)a + (uint32_t)b)
#define FAULT ((a ^ r) & (b ^ r))
#define OVERFLOWS __builtin_add_overflow
#define SYMBOL "+"
#include "expr/checked.inc.h"

#define KERNEL fn_add_i64
#define IN int64_t
#define SIGNED int64_t
#define EXPR (int64_t)((uint64_t)a + (uint64_t)b)
#define FAULT ((a ^ r) & (b ^ r))
#define OVERFLOWS __builtin_add_overflow
#define SYMBOL "+"
#include "expr/checked.inc.h"

#define KERNEL fn_subtract_i32
#define IN int32_t
#define SIGNED int32_t
#define EXPR (int32_t)((uint32_t)a - (uint32_t)b)
#define FAULT ((a ^ b) & (a ^ r))
#define OVERFLOWS __builtin_sub_overflow
#define SYMBOL "-"
#include "expr/checked.inc.h"

#define KERNEL fn_subtract_i64
#define IN int64_t
#define SIGNED int64_t
#define EXPR (int64_t)((uint64_t)a - (uint64_t)b)
#define FAULT ((a ^ b) & (a ^ r))
#define OVERFLOWS __builtin_sub_overflow
#define SYMBOL "-"
#include "expr/checked.inc.h"

#define KERNEL fn_multiply_i32
#define IN int32_t
#define SIGNED int32_t
#define EXPR (int32_t)((uint32_t)a * (uint32_t)b)
#define FAULT ((int64_t)a * b == r ? 0 : -1)
#define OVERFLOWS __builtin_mul_overflow
#define SYMBOL "*"
#include "expr/checked.inc.h"

#define KERNEL fn_multiply_i64
#define IN int64_t
#define SIGNED int64_t
#define EXPR (int64_t)((uint64_t)a * (uint64_t)b)
#define FAULT (__builtin_mul_overflow(a, b, &(int64_t){0}) ? -1 : 0)
#define OVERFLOWS __builtin_mul_overflow
#define SYMBOL "*"
#include "expr/checked.inc.h"

#define KERNEL fn_divide_i32
#define IN int32_t
#define UIN uint32_t
#define BY_MAGIC ((uint64_t)u * (uint32_t)m.magic >> m.shift)
#define FROM_MAGIC ((q ^ (sign ^ (uint32_t)m.negative)) - (sign ^ (uint32_t)m.negative))
#define EXPR (a / b)
#define MINUS_ONE (0u - (uint32_t)a)
#define MINUS_ONE_FAILS true
#define SYMBOL "/"
#include "expr/divide.inc.h"

#define KERNEL fn_divide_i64
#define IN int64_t
#define UIN uint64_t
#define BY_MAGIC ((uint64_t)((uint128)u * m.magic >> 64) >> m.shift)
#define FROM_MAGIC ((q ^ (sign ^ m.negative)) - (sign ^ m.negative))
#define EXPR (a / b)
#define MINUS_ONE ((uint64_t)0 - (uint64_t)a)
#define MINUS_ONE_FAILS true
#define SYMBOL "/"
#include "expr/divide.inc.h"

#define KERNEL fn_modulo_i32
#define IN int32_t
#define UIN uint32_t
#define BY_MAGIC ((uint64_t)u * (uint32_t)m.magic >> m.shift)
#define FROM_MAGIC (((u - q * (uint32_t)m.size) ^ sign) - sign)
#define EXPR (a % b)
#define MINUS_ONE 0
#define MINUS_ONE_FAILS false
#define SYMBOL "%"
#include "expr/divide.inc.h"

#define KERNEL fn_modulo_i64
#define IN int64_t
#define UIN uint64_t
#define BY_MAGIC ((uint64_t)((uint128)u * m.magic >> 64) >> m.shift)
#define FROM_MAGIC (((u - q * m.size) ^ sign) - sign)
#define EXPR (a % b)
#define MINUS_ONE 0
#define MINUS_ONE_FAILS false
#define SYMBOL "%"
#include "expr/divide.inc.h"

#define KERNEL fn_add_f64
#define IN double
#define OUT double
#define EXPR (a + b)
#include "expr/binary.inc.h"

#define KERNEL fn_subtract_f64
#define IN double
#define OUT double
#define EXPR (a - b)
#include "expr/binary.inc.h"

#define KERNEL fn_multiply_f64
#define IN double
#define OUT double
#define EXPR (a * b)
#include "expr/binary.inc.h"

/* The three below divide first and null the zero divisors after: the loops stay free of branches.
 */
#define KERNEL quotient_f64
#define IN double
#define OUT double
#define EXPR (b == 0.0 ? 0.0 : a / b)
static
#include "expr/binary.inc.h"

#define KERNEL whole_quotient_f64
#define IN double
#define OUT double
#define EXPR (b == 0.0 ? 0.0 : trunc(a / b))
    static
#include "expr/binary.inc.h"

#define KERNEL remainder_f64
#define IN double
#define OUT double
#define EXPR (b == 0.0 ? 0.0 : fmod(a, b))
    static
#include "expr/binary.inc.h"

    static status
    null_zero_divisors(fn_call *c) {
    const double *y = c->args[1].values;
    if (c->args[1].step == 0 && y[0] != 0.0) {
        return OK;
    }
    for (int32_t i = 0; i < c->row_count; i++) {
        if (UNLIKELY(y[i * c->args[1].step] == 0.0) && fn_is_valid(c, i) && !fn_set_null(c, i)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

status
fn_divide_f64(fn_call *c) {
    TRY(quotient_f64(c));
    return null_zero_divisors(c);
}

status
fn_divide_whole_f64(fn_call *c) {
    TRY(whole_quotient_f64(c));
    return null_zero_divisors(c);
}

status
fn_modulo_f64(fn_call *c) {
    TRY(remainder_f64(c));
    return null_zero_divisors(c);
}

/* ---- one argument */
status
fn_negate_f64(fn_call *c) {
    const double *restrict x = c->args[0].values;
    double *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = -x[i];
    }
    return OK;
}

status
fn_abs_f64(fn_call *c) {
    const double *restrict x = c->args[0].values;
    double *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = fabs(x[i]);
    }
    return OK;
}

/* Only the smallest integer has no negative. Rows of it that are NULL do not count. */
static status
check_smallest(fn_call *c, const char *name) {
    int128 smallest = 0;
    int128 largest = 0;
    (void)type_wide_range(c->type, &smallest, &largest);
    for (int32_t i = 0; i < c->row_count; i++) {
        const value v = fn_value(&c->args[0], i);
        if (fn_is_valid(c, i) && value_wide(&v) == smallest) {
            return fn_overflow_one(c, i, name);
        }
    }
    return OK;
}

#define KERNEL fn_negate_i32
#define IN int32_t
#define SMALLEST INT32_MIN
#define EXPR (int32_t)(0u - (uint32_t)a)
#define NAME "-"
#include "expr/sign.inc.h"

#define KERNEL fn_negate_i64
#define IN int64_t
#define SMALLEST INT64_MIN
#define EXPR (int64_t)((uint64_t)0 - (uint64_t)a)
#define NAME "-"
#include "expr/sign.inc.h"

#define KERNEL fn_abs_i32
#define IN int32_t
#define SMALLEST INT32_MIN
#define EXPR (int32_t)(a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
#define NAME "abs"
#include "expr/sign.inc.h"

#define KERNEL fn_abs_i64
#define IN int64_t
#define SMALLEST INT64_MIN
#define EXPR (int64_t)(a < 0 ? (uint64_t)0 - (uint64_t)a : (uint64_t)a)
#define NAME "abs"
#include "expr/sign.inc.h"

#define KERNEL fn_negate_i128
#define IN int128
#define SMALLEST INT128_MIN
#define EXPR (int128)((uint128)0 - (uint128)a)
#define NAME "-"
#include "expr/sign.inc.h"

#define KERNEL fn_abs_i128
#define IN int128
#define SMALLEST INT128_MIN
#define EXPR (int128)(a < 0 ? (uint128)0 - (uint128)a : (uint128)a)
#define NAME "abs"
#include "expr/sign.inc.h"
