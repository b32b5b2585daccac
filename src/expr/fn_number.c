/* SPDX-License-Identifier: Apache-2.0 */
/* fn_number.c - trigonometry, tests of DOUBLEs, whole numbers and their bits. Outside its domain a
 * function is NULL, as in fn_math.c. */
#include <math.h>

#include "expr/call.h"

static const double pi = 3.14159265358979323846;

#define KERNEL fn_atan
#define EXPR atan(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_sinh
#define EXPR sinh(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_cosh
#define EXPR cosh(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_tanh
#define EXPR tanh(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_asinh
#define EXPR asinh(a)
#include "expr/unary_f64.inc.h"

/* One step of Newton more: libm is a unit off at whole cubes. */
static double
cube_root(double a) {
    const double y = cbrt(a);
    return isfinite(y) && y != 0.0 ? y - (y * y * y - a) / (3.0 * y * y) : y;
}

#define KERNEL fn_cbrt
#define EXPR cube_root(a)
#include "expr/unary_f64.inc.h"

#define KERNEL fn_degrees
#define EXPR (a * (180.0 / pi))
#include "expr/unary_f64.inc.h"

#define KERNEL fn_radians
#define EXPR (a * (pi / 180.0))
#include "expr/unary_f64.inc.h"

/* Away from zero to the next even number. */
#define KERNEL fn_even
#define EXPR (a < 0 ? 2.0 * floor(a / 2.0) : 2.0 * ceil(a / 2.0))
#include "expr/unary_f64.inc.h"

#define KERNEL fn_sin
#define IN_DOMAIN isfinite(a)
#define EXPR sin(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_cos
#define IN_DOMAIN isfinite(a)
#define EXPR cos(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_tan
#define IN_DOMAIN isfinite(a)
#define EXPR tan(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_cot
#define IN_DOMAIN (isfinite(a) && a != 0.0)
#define EXPR (1.0 / tan(a))
#include "expr/domain_f64.inc.h"

#define KERNEL fn_asin
#define IN_DOMAIN (a >= -1.0 && a <= 1.0)
#define EXPR asin(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_acos
#define IN_DOMAIN (a >= -1.0 && a <= 1.0)
#define EXPR acos(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_acosh
#define IN_DOMAIN (a >= 1.0)
#define EXPR acosh(a)
#include "expr/domain_f64.inc.h"

#define KERNEL fn_atanh
#define IN_DOMAIN (a > -1.0 && a < 1.0)
#define EXPR atanh(a)
#include "expr/domain_f64.inc.h"

/* Whole numbers up to zero are poles. */
#define KERNEL fn_gamma
#define IN_DOMAIN (a > 0.0 || (a < 0.0 && isfinite(a) && a != floor(a)))
#define EXPR tgamma(a)
#include "expr/domain_f64.inc.h"

/* lgamma_r: lgamma writes a global. */
static double
log_gamma(double a) {
    int sign;
    return lgamma_r(a, &sign);
}

#define KERNEL fn_lgamma
#define IN_DOMAIN (a > 0.0 || a != floor(a) || !isfinite(a))
#define EXPR log_gamma(a)
#include "expr/domain_f64.inc.h"

status
fn_pi(fn_call *c) {
    *(double *)c->values = pi;
    return OK;
}

status
fn_e(fn_call *c) {
    *(double *)c->values = exp(1.0);
    return OK;
}

/* ---- two DOUBLEs */
typedef double binary_f64(double a, double b);

ALWAYS_INLINE status
map_pairs(fn_call *c, binary_f64 *f, bool divides) {
    const double *x = c->args[0].values;
    const double *y = c->args[1].values;
    double       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double a = x[i * c->args[0].step];
        const double b = y[i * c->args[1].step];
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (divides && b == 0.0) {
            if (!fn_set_null(c, i)) {
                return error_memory(c->err);
            }
            continue;
        }
        z[i] = f(a, b);
    }
    return OK;
}

static double
floor_quotient(double a, double b) {
    return floor(a / b);
}

static double
floor_remainder(double a, double b) {
    return a - b * floor(a / b);
}

status
fn_atan2(fn_call *c) {
    return map_pairs(c, atan2, false);
}

status
fn_nextafter(fn_call *c) {
    return map_pairs(c, nextafter, false);
}

status
fn_fdiv(fn_call *c) {
    return map_pairs(c, floor_quotient, true);
}

status
fn_fmod(fn_call *c) {
    return map_pairs(c, floor_remainder, true);
}

/* ---- tests */
ALWAYS_INLINE status
test_rows(fn_call *c, bool (*test)(double a)) {
    const double *x = c->args[0].values;
    uint8_t      *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = test(x[i]);
    }
    return OK;
}

static bool
is_nan(double a) {
    return a != a;
}

static bool
is_infinite(double a) {
    return isinf(a);
}

static bool
is_finite(double a) {
    return isfinite(a);
}

static bool
has_sign(double a) {
    return signbit(a);
}

status
fn_isnan(fn_call *c) {
    return test_rows(c, is_nan);
}

status
fn_isinf(fn_call *c) {
    return test_rows(c, is_infinite);
}

status
fn_isfinite(fn_call *c) {
    return test_rows(c, is_finite);
}

status
fn_signbit(fn_call *c) {
    return test_rows(c, has_sign);
}

/* ---- trunc(x, digits): towards zero */
status
fn_trunc_digits_f64(fn_call *c) {
    const double  *x = c->args[0].values;
    const int64_t *digits = c->args[1].values;
    double        *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double  a = x[i * c->args[0].step];
        const int64_t n = digits[i * c->args[1].step];
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const double p = pow(10.0, (double)(n < 0 ? -max_i64(n, -400) : min_i64(n, 400)));
        const double scaled = n < 0 ? a / p : a * p;
        if (!isfinite(a) || (n >= 0 && !(fabs(scaled) < 9007199254740992.0))) {
            z[i] = a; /* no digits are left to cut */
        } else {
            z[i] = n < 0 ? (isinf(p) ? 0.0 : trunc(scaled) * p) : trunc(scaled) / p;
        }
    }
    return OK;
}

status
fn_trunc_digits_i64(fn_call *c) {
    const int64_t *x = c->args[0].values;
    const int64_t *digits = c->args[1].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        int64_t a = x[i * c->args[0].step];
        int64_t p = 1;
        for (int64_t n = max_i64(digits[i * c->args[1].step], -19); n < 0; n++) {
            p = sat_mul_i64(p, 10);
        }
        z[i] = p == INT64_MAX ? 0 : a / p * p;
    }
    return OK;
}

/* ---- width_bucket(x, low, high, count): 0 below low, count + 1 from high on; low may be above
 * high, then all is mirrored */
status
fn_width_bucket(fn_call *c) {
    const double  *x = c->args[0].values;
    const double  *low = c->args[1].values;
    const double  *high = c->args[2].values;
    const int64_t *count = c->args[3].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double  a = x[i * c->args[0].step];
        const double  l = low[i * c->args[1].step];
        const double  h = high[i * c->args[2].step];
        const int64_t n = count[i * c->args[3].step];
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (n <= 0 || n > INT32_MAX || !isfinite(l) || !isfinite(h) || l == h || a != a) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "width_bucket: two different finite bounds and 1 to 2147483647 "
                             "buckets are needed, and a number, not NaN");
        }
        const double at = (a - l) / (h - l) * (double)n;
        z[i] = at < 0 ? 0 : at >= (double)n ? n + 1 : (int64_t)at + 1;
    }
    return OK;
}

/* ---- whole numbers */
static uint64_t
magnitude(int64_t a) {
    return a < 0 ? (uint64_t)0 - (uint64_t)a : (uint64_t)a;
}

static uint64_t
greatest_divisor(uint64_t a, uint64_t b) {
    while (b != 0) {
        const uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static status
pair_overflow(fn_call *c, int32_t row, const char *name) {
    return error_set(c->err, ERR_QUERY_FAILED, "integer overflow: %s(%lld, %lld)", name,
                     (long long)fn_integer(&c->args[0], row),
                     (long long)fn_integer(&c->args[1], row));
}

status
fn_gcd(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const uint64_t g = greatest_divisor(magnitude(fn_integer(&c->args[0], i)),
                                            magnitude(fn_integer(&c->args[1], i)));
        if (g > INT64_MAX) {
            return pair_overflow(c, i, "gcd");
        }
        z[i] = (int64_t)g;
    }
    return OK;
}

status
fn_lcm(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const uint64_t a = magnitude(fn_integer(&c->args[0], i));
        const uint64_t b = magnitude(fn_integer(&c->args[1], i));
        uint64_t       m;
        if (!fn_is_valid(c, i) || a == 0 || b == 0) {
            continue;
        }
        if (__builtin_mul_overflow(a / greatest_divisor(a, b), b, &m) || m > INT64_MAX) {
            return pair_overflow(c, i, "lcm");
        }
        z[i] = (int64_t)m;
    }
    return OK;
}

status
fn_factorial(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t n = fn_integer(&c->args[0], i);
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (n < 0 || n > 20) {
            return error_set(c->err, ERR_QUERY_FAILED,
                             "factorial(%lld): there is one of 0 to 20 in a BIGINT", (long long)n);
        }
        z[i] = 1;
        for (int64_t k = 2; k <= n; k++) {
            z[i] *= k;
        }
    }
    return OK;
}

/* ---- bits */
typedef enum bit_operation { BIT_AND, BIT_OR, BIT_XOR } bit_operation;

ALWAYS_INLINE status
combine_bits(fn_call *c, bit_operation op) {
    const int64_t *x = c->args[0].values;
    const int64_t *y = c->args[1].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t a = x[i * c->args[0].step];
        const int64_t b = y[i * c->args[1].step];
        z[i] = op == BIT_AND ? a & b : op == BIT_OR ? a | b : a ^ b;
    }
    return OK;
}

status
fn_bit_and(fn_call *c) {
    return combine_bits(c, BIT_AND);
}

status
fn_bit_or(fn_call *c) {
    return combine_bits(c, BIT_OR);
}

status
fn_bit_xor(fn_call *c) {
    return combine_bits(c, BIT_XOR);
}

status
fn_bit_not(fn_call *c) {
    const int64_t *x = c->args[0].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = ~x[i];
    }
    return OK;
}

status
fn_bit_count(fn_call *c) {
    const int64_t *x = c->args[0].values;
    int64_t       *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = __builtin_popcountll((uint64_t)x[i]);
    }
    return OK;
}

/* Multiplies by a power of two; bits that would be lost are an overflow. */
status
fn_shift_left(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t a = fn_integer(&c->args[0], i);
        const int64_t n = fn_integer(&c->args[1], i);
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (n < 0 || n > 63 || (int64_t)((uint64_t)a << n) >> n != a) {
            if (a == 0 && n > 63) {
                continue;
            }
            return fn_overflow(c, i, "<<");
        }
        z[i] = (int64_t)((uint64_t)a << n);
    }
    return OK;
}

/* Divides by a power of two, downwards. */
status
fn_shift_right(fn_call *c) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int64_t a = fn_integer(&c->args[0], i);
        const int64_t n = fn_integer(&c->args[1], i);
        if (fn_is_valid(c, i) && n < 0) {
            return error_set(c->err, ERR_QUERY_FAILED, ">> by a negative number of bits: %lld",
                             (long long)n);
        }
        z[i] = a >> (n < 0 || n > 63 ? 63 : n);
    }
    return OK;
}
