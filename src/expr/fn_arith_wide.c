/* SPDX-License-Identifier: Apache-2.0 */
/* fn_arith_wide.c - arithmetic of UBIGINT, HUGEINT and FLOAT. As in fn_arith.c, overflow is an
 * error, a difference of UBIGINTs below 0 included, and division by zero is NULL. */
#include <math.h>

#include "expr/call.h"

#define KERNEL fn_add_u64
#define IN uint64_t
#define SIGNED int64_t
#define EXPR (a + b)
#define FAULT ((a & b) | ((a | b) & ~r))
#define OVERFLOWS __builtin_add_overflow
#define SYMBOL "+"
#include "expr/checked.inc.h"

#define KERNEL fn_subtract_u64
#define IN uint64_t
#define SIGNED int64_t
#define EXPR (a - b)
#define FAULT ((~a & b) | ((~a | b) & r))
#define OVERFLOWS __builtin_sub_overflow
#define SYMBOL "-"
#include "expr/checked.inc.h"

#define KERNEL fn_multiply_u64
#define IN uint64_t
#define SIGNED int64_t
#define EXPR (a * b)
#define FAULT (__builtin_mul_overflow(a, b, &(uint64_t){0}) ? -1 : 0)
#define OVERFLOWS __builtin_mul_overflow
#define SYMBOL "*"
#include "expr/checked.inc.h"

#define KERNEL fn_add_i128
#define IN int128
#define SIGNED int128
#define EXPR (int128)((uint128)a + (uint128)b)
#define FAULT ((a ^ r) & (b ^ r))
#define OVERFLOWS __builtin_add_overflow
#define SYMBOL "+"
#include "expr/checked.inc.h"

#define KERNEL fn_subtract_i128
#define IN int128
#define SIGNED int128
#define EXPR (int128)((uint128)a - (uint128)b)
#define FAULT ((a ^ b) & (a ^ r))
#define OVERFLOWS __builtin_sub_overflow
#define SYMBOL "-"
#include "expr/checked.inc.h"

#define KERNEL fn_multiply_i128
#define IN int128
#define SIGNED int128
#define EXPR (int128)((uint128)a * (uint128)b)
#define FAULT (mul_overflow_i128(a, b, &(int128){0}) ? -1 : 0)
#define OVERFLOWS mul_overflow_i128
#define SYMBOL "*"
#include "expr/checked.inc.h"

#define KERNEL fn_divide_u64
#define IN uint64_t
#define EXPR (a / b)
#define IS_MINUS_ONE false
#define MINUS_ONE 0
#define MINUS_ONE_FAILS false
#define SYMBOL "/"
#include "expr/divide_wide.inc.h"

#define KERNEL fn_modulo_u64
#define IN uint64_t
#define EXPR (a % b)
#define IS_MINUS_ONE false
#define MINUS_ONE 0
#define MINUS_ONE_FAILS false
#define SYMBOL "%"
#include "expr/divide_wide.inc.h"

#define KERNEL fn_divide_i128
#define IN int128
#define EXPR (a / b)
#define IS_MINUS_ONE (b == -1)
#define MINUS_ONE (int128)((uint128)0 - (uint128)a)
#define MINUS_ONE_FAILS (a == INT128_MIN)
#define SYMBOL "/"
#include "expr/divide_wide.inc.h"

#define KERNEL fn_modulo_i128
#define IN int128
#define EXPR (a % b)
#define IS_MINUS_ONE (b == -1)
#define MINUS_ONE 0
#define MINUS_ONE_FAILS false
#define SYMBOL "%"
#include "expr/divide_wide.inc.h"

#define KERNEL fn_add_f32
#define IN float
#define OUT float
#define EXPR (a + b)
#include "expr/binary.inc.h"

#define KERNEL fn_subtract_f32
#define IN float
#define OUT float
#define EXPR (a - b)
#include "expr/binary.inc.h"

#define KERNEL fn_multiply_f32
#define IN float
#define OUT float
#define EXPR (a * b)
#include "expr/binary.inc.h"

#define KERNEL quotient_f32
#define IN float
#define OUT float
#define EXPR (b == 0.0f ? 0.0f : a / b)
static
#include "expr/binary.inc.h"

#define KERNEL whole_quotient_f32
#define IN float
#define OUT float
#define EXPR (b == 0.0f ? 0.0f : truncf(a / b))
    static
#include "expr/binary.inc.h"

#define KERNEL remainder_f32
#define IN float
#define OUT float
#define EXPR (b == 0.0f ? 0.0f : fmodf(a, b))
    static
#include "expr/binary.inc.h"

    static status
    null_zero_divisors(fn_call *c) {
    const float *y = c->args[1].values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (UNLIKELY(y[i * c->args[1].step] == 0.0f) && fn_is_valid(c, i) && !fn_set_null(c, i)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

status
fn_divide_f32(fn_call *c) {
    TRY(quotient_f32(c));
    return null_zero_divisors(c);
}

status
fn_divide_whole_f32(fn_call *c) {
    TRY(whole_quotient_f32(c));
    return null_zero_divisors(c);
}

status
fn_modulo_f32(fn_call *c) {
    TRY(remainder_f32(c));
    return null_zero_divisors(c);
}

status
fn_negate_f32(fn_call *c) {
    const float *restrict x = c->args[0].values;
    float *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = -x[i];
    }
    return OK;
}

status
fn_abs_f32(fn_call *c) {
    const float *restrict x = c->args[0].values;
    float *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = fabsf(x[i]);
    }
    return OK;
}

status
fn_floor_f32(fn_call *c) {
    const float *restrict x = c->args[0].values;
    float *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = floorf(x[i]);
    }
    return OK;
}

status
fn_ceil_f32(fn_call *c) {
    const float *restrict x = c->args[0].values;
    float *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = ceilf(x[i]);
    }
    return OK;
}

status
fn_round_f32(fn_call *c) {
    const float *restrict x = c->args[0].values;
    float *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = roundf(x[i]);
    }
    return OK;
}

status
fn_trunc_f32(fn_call *c) {
    const float *restrict x = c->args[0].values;
    float *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = truncf(x[i]);
    }
    return OK;
}
