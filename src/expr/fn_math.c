/* SPDX-License-Identifier: Apache-2.0 */
/* fn_math.c - rounding, roots, logarithms, powers. Outside its domain (sqrt(-1), ln(0)) a function
 * is NULL, as a division by zero is: a row of odd data must not end a stream. NaN in gives NaN out.
 */
#include <math.h>

#include "expr/call.h"

#define KERNEL fn_floor_f64
#define EXPR floor(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_ceil_f64
#define EXPR ceil(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_round_f64
#define EXPR round(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_trunc_f64
#define EXPR trunc(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_exp
#define EXPR exp(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_sign_f64
#define EXPR (a != a ? a : (double)((a > 0) - (a < 0)))
#include "expr/unary_f64.inc.h"

status
fn_sign_i64(fn_call *c) {
    const int64_t *restrict x = c->args[0].values;
    int32_t *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = (x[i] > 0) - (x[i] < 0);
    }
    return OK;
}

status
fn_sign_i128(fn_call *c) {
    const int128 *restrict x = c->args[0].values;
    int32_t *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = (x[i] > 0) - (x[i] < 0);
    }
    return OK;
}

/* floor, ceil, round, trunc of integers; epoch_us of a TIMESTAMP. */
status
fn_identity(fn_call *c) {
    c->alias = c->args[0].values;
    return OK;
}

/* ---- functions with a domain: loops over valid rows, NULL outside */
#define KERNEL fn_sqrt
#define IN_DOMAIN (a >= 0.0)
#define EXPR sqrt(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_ln
#define IN_DOMAIN (a > 0.0)
#define EXPR log(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_log10
#define IN_DOMAIN (a > 0.0)
#define EXPR log10(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_log2
#define IN_DOMAIN (a > 0.0)
#define EXPR log2(a)
#include "expr/domain_f64.inc.h"

/* log(base, x) and power(x, y): what libm answers with NaN for numbers is outside the domain. */
static bool
null_or(fn_call *c, int32_t row, double a, double b, double result) {
    double *z = c->values;
    if (result != result && a == a && b == b) {
        return fn_set_null(c, row);
    }
    z[row] = result;
    return true;
}

status
fn_log_base(fn_call *c) {
    const double *x = c->args[0].values;
    const double *y = c->args[1].values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double a = x[i * c->args[0].step];
        const double b = y[i * c->args[1].step];
        const bool   outside = a <= 0.0 || a == 1.0 || b <= 0.0;
        const double r = outside ? (double)NAN : log(b) / log(a);
        if (fn_is_valid(c, i) && !null_or(c, i, a, b, r)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

status
fn_power(fn_call *c) {
    const double *x = c->args[0].values;
    const double *y = c->args[1].values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double a = x[i * c->args[0].step];
        const double b = y[i * c->args[1].step];
        if (fn_is_valid(c, i) && !null_or(c, i, a, b, pow(a, b))) {
            return error_memory(c->err);
        }
    }
    return OK;
}

/* ---- round(x, digits) */
static double
power_of_ten(int32_t n) {
    double p = 1.0;
    for (int32_t i = 0; i < n; i++) {
        p *= 10.0;
    }
    return p;
}

static double
round_digits(double x, int64_t digits) {
    if (digits > 300 || !isfinite(x)) {
        return x;
    }
    if (digits < -308) {
        return 0.0;
    }
    if (digits < 0) {
        const double p = power_of_ten((int32_t)-digits);
        return round(x / p) * p;
    }
    const double p = power_of_ten((int32_t)digits);
    const double scaled = x * p;
    /* Beyond 2^53 there are no digits left to round. */
    return fabs(scaled) < 9007199254740992.0 ? round(scaled) / p : x;
}

status
fn_round_digits_f64(fn_call *c) {
    const double  *x = c->args[0].values;
    const int64_t *digits = c->args[1].values;
    double        *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            z[i] = round_digits(x[i * c->args[0].step], digits[i * c->args[1].step]);
        }
    }
    return OK;
}

/* Half away from zero, as for DOUBLE. False: the result is beyond BIGINT. */
static bool
round_integer(int64_t x, int64_t digits, int64_t *out) {
    *out = x;
    if (digits >= 0) {
        return true;
    }
    if (digits < -19) {
        *out = 0;
        return true;
    }
    int128 p = 1;
    for (int64_t i = digits; i < 0; i++) {
        p *= 10;
    }
    const int128 half = x < 0 ? -(p / 2) : p / 2;
    const int128 r = (x + half) / p * p;
    *out = (int64_t)r;
    return r == *out;
}

status
fn_round_digits_i64(fn_call *c) {
    const int64_t *x = c->args[0].values;
    const int64_t *digits = c->args[1].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t n = digits[i * c->args[1].step];
        if (fn_is_valid(c, i) && !round_integer(x[i * c->args[0].step], n, &z[i])) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "integer overflow: round(%lld, %lld) is not a BIGINT",
                             (long long)x[i * c->args[0].step], (long long)n);
        }
    }
    return OK;
}
