/* SPDX-License-Identifier: Apache-2.0 */
/* fn_decimal.c - arithmetic of DECIMALs. Digits of the results: decimal_type.c. A result of fewer
 * than 38 digits holds every value by its type, so sums and products are plain loops; with 38 a
 * value that needs more is an error. Division and remainder by zero are NULL. */
#include "expr/call.h"
#include "type/decimal.h"

static bool
is_wide(data_type t) {
    return type_physical(t) == PHYSICAL_I128;
}

/* The digits of one argument, whatever its width. */
ALWAYS_INLINE int128
units_of(const operand *o, bool wide, int32_t row) {
    return wide ? ((const int128 *)o->values)[row * o->step]
                : ((const int64_t *)o->values)[row * o->step];
}

ALWAYS_INLINE void
put_units(fn_call *c, bool wide, int32_t row, int128 units) {
    if (wide) {
        ((int128 *)c->values)[row] = units;
    } else {
        ((int64_t *)c->values)[row] = (int64_t)units;
    }
}

/* An argument as 128-bit integers. */
static status
widen(operand *out, const operand *o, int32_t row_count, arena *scratch, error *err) {
    *out = *o;
    if (is_wide(o->type)) {
        return OK;
    }
    const int32_t n = o->step == 0 ? 1 : row_count;
    int128       *z = arena_alloc(scratch, (size_t)n * sizeof(*z));
    if (z == NULL) {
        return error_memory(err);
    }
    const int64_t *x = o->values;
    for (int32_t i = 0; i < n; i++) {
        z[i] = x[i];
    }
    out->values = z;
    return OK;
}

/* ---- sums: arguments of one type. Two numbers of 38 digits may wrap, but not into the range. */
#define KERNEL add_64
#define IN int64_t
#define OUT int64_t
#define EXPR (int64_t)((uint64_t)a + (uint64_t)b)
static
#include "expr/binary.inc.h"

#define KERNEL add_64_128
#define IN int64_t
#define OUT int128
#define EXPR (int128) a + b
    static
#include "expr/binary.inc.h"

#define KERNEL add_128
#define IN int128
#define OUT int128
#define EXPR (int128)((uint128)a + (uint128)b)
    static
#include "expr/binary.inc.h"

#define KERNEL subtract_64
#define IN int64_t
#define OUT int64_t
#define EXPR (int64_t)((uint64_t)a - (uint64_t)b)
    static
#include "expr/binary.inc.h"

#define KERNEL subtract_64_128
#define IN int64_t
#define OUT int128
#define EXPR (int128) a - b
    static
#include "expr/binary.inc.h"

#define KERNEL subtract_128
#define IN int128
#define OUT int128
#define EXPR (int128)((uint128)a - (uint128)b)
    static
#include "expr/binary.inc.h"

    static status
    check_digits(fn_call *c, const char *symbol) {
    const int128 *z = c->values;
    const int128  limit = decimal_powers[DECIMAL_PRECISION_MAX];
    bool          fits = true;
    if (c->type.precision < DECIMAL_PRECISION_MAX) {
        return OK;
    }
    for (int32_t i = 0; i < c->row_count; i++) {
        fits &= (z[i] < limit) & (z[i] > -limit);
    }
    for (int32_t i = 0; !fits && i < c->row_count; i++) {
        if (fn_is_valid(c, i) && !decimal_fits(z[i], DECIMAL_PRECISION_MAX)) {
            return fn_overflow(c, i, symbol);
        }
    }
    return OK;
}

status
fn_add_decimal(fn_call *c) {
    if (!is_wide(c->args[0].type)) {
        return is_wide(c->type) ? add_64_128(c) : add_64(c);
    }
    TRY(add_128(c));
    return check_digits(c, "+");
}

status
fn_subtract_decimal(fn_call *c) {
    if (!is_wide(c->args[0].type)) {
        return is_wide(c->type) ? subtract_64_128(c) : subtract_64(c);
    }
    TRY(subtract_128(c));
    return check_digits(c, "-");
}

/* ---- products */
#define KERNEL multiply_64
#define IN int64_t
#define OUT int64_t
#define EXPR (int64_t)((uint64_t)a * (uint64_t)b)
static
#include "expr/binary.inc.h"

#define KERNEL multiply_64_128
#define IN int64_t
#define OUT int128
#define EXPR (int128) a *b
    static
#include "expr/binary.inc.h"

    status
    fn_multiply_decimal(fn_call *c) {
    if (!is_wide(c->args[0].type) && !is_wide(c->args[1].type)) {
        return is_wide(c->type) ? multiply_64_128(c) : multiply_64(c);
    }
    operand x, y;
    TRY(widen(&x, &c->args[0], c->row_count, c->scratch, c->err));
    TRY(widen(&y, &c->args[1], c->row_count, c->scratch, c->err));
    int128 *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const bool overflows =
            mul_overflow_i128(units_of(&x, true, i), units_of(&y, true, i), &z[i]);
        if (UNLIKELY(overflows || !decimal_fits(z[i], c->type.precision)) && fn_is_valid(c, i)) {
            return fn_overflow(c, i, "*");
        }
    }
    return OK;
}

/* ---- quotients */

/* a * 10^shift / b; shift may be negative or beyond 38. */
static bool
divide_shifted(int128 a, int32_t shift, int128 b, bool truncate, int128 *out) {
    if (shift > DECIMAL_PRECISION_MAX) {
        const int32_t more = shift - DECIMAL_PRECISION_MAX;
        if (more > DECIMAL_PRECISION_MAX || mul_overflow_i128(a, decimal_powers[more], &a)) {
            return false;
        }
        shift = DECIMAL_PRECISION_MAX;
    }
    if (shift < 0) {
        *out = 0; /* a divisor beyond 128 bits is larger than any dividend */
        return mul_overflow_i128(b, decimal_powers[-shift], &b) ||
               decimal_multiply_divide(a, 1, b, truncate, out);
    }
    return decimal_multiply_divide(a, decimal_powers[shift], b, truncate, out);
}

static status
divide_decimals(fn_call *c, int32_t shift, bool truncate, const char *symbol) {
    const operand *x = &c->args[0];
    const operand *y = &c->args[1];
    const bool     x_wide = is_wide(x->type);
    const bool     y_wide = is_wide(y->type);
    const bool     z_wide = is_wide(c->type);
    for (int32_t i = 0; i < c->row_count; i++) {
        const int128 b = units_of(y, y_wide, i);
        int128       q = 0;
        if (!fn_is_valid(c, i)) {
            continue;
        }
        if (b == 0) {
            if (!fn_set_null(c, i)) {
                return error_memory(c->err);
            }
        } else if (!divide_shifted(units_of(x, x_wide, i), shift, b, truncate, &q) ||
                   !decimal_fits(q, c->type.precision)) {
            return fn_overflow(c, i, symbol);
        }
        put_units(c, z_wide, i, q);
    }
    return OK;
}

status
fn_divide_decimal(fn_call *c) {
    return divide_decimals(c, c->type.scale - c->args[0].type.scale + c->args[1].type.scale, false,
                           "/");
}

status
fn_divide_whole_decimal(fn_call *c) {
    return divide_decimals(c, c->args[1].type.scale - c->args[0].type.scale, true, "//");
}

/* ---- remainders: each argument has digits of its own, as the finer one's may be too many for the
 * other */

/* x * 10^shift % y; y has at most 38 digits, so twice a remainder lies in 128 bits. */
static int128
modulo_shifted(int128 x, int32_t shift, int128 y) {
    const uint128 size = (uint128)(y < 0 ? -y : y);
    uint128       rest = (uint128)(x < 0 ? -x : x) % size;
    for (int32_t i = 0; i < shift && rest != 0; i++) {
        const uint128 twice = rest * 2 % size;
        const uint128 eight = twice * 2 % size * 2 % size;
        rest = (eight + twice) % size;
    }
    return x < 0 ? -(int128)rest : (int128)rest;
}

/* x % (y * 10^shift): beyond 128 bits it is larger than any x. */
static int128
modulo_of_shifted(int128 x, int128 y, int32_t shift) {
    int128 by;
    return mul_overflow_i128(y, decimal_powers[shift], &by) ? x : x % by;
}

status
fn_modulo_decimal(fn_call *c) {
    const bool    x_wide = is_wide(c->args[0].type);
    const bool    y_wide = is_wide(c->args[1].type);
    const bool    z_wide = is_wide(c->type);
    const int32_t shift = c->args[1].type.scale - c->args[0].type.scale;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int128 x = units_of(&c->args[0], x_wide, i);
        const int128 y = units_of(&c->args[1], y_wide, i);
        int128       rest = 0;
        if (y == 0 && fn_is_valid(c, i) && !fn_set_null(c, i)) {
            return error_memory(c->err);
        }
        if (y != 0 && fn_is_valid(c, i)) {
            rest = shift == 0  ? x % y
                   : shift > 0 ? modulo_shifted(x, shift, y)
                               : modulo_of_shifted(x, y, -shift);
        }
        put_units(c, z_wide, i, rest);
    }
    return OK;
}

/* ---- one argument; the range is as wide below zero as above */
status
fn_negate_decimal(fn_call *c) {
    const bool wide = is_wide(c->type);
    for (int32_t i = 0; i < c->row_count; i++) {
        put_units(c, wide, i, (int128)((uint128)0 - (uint128)units_of(&c->args[0], wide, i)));
    }
    return OK;
}

status
fn_abs_decimal(fn_call *c) {
    const bool wide = is_wide(c->type);
    for (int32_t i = 0; i < c->row_count; i++) {
        const int128 x = units_of(&c->args[0], wide, i);
        put_units(c, wide, i, x < 0 ? (int128)((uint128)0 - (uint128)x) : x);
    }
    return OK;
}

status
fn_sign_decimal(fn_call *c) {
    const bool wide = is_wide(c->args[0].type);
    int32_t   *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const int128 x = units_of(&c->args[0], wide, i);
        z[i] = (x > 0) - (x < 0);
    }
    return OK;
}

/* ---- rounding */
typedef enum rounding { ROUND_NEAREST, ROUND_DOWN, ROUND_UP, ROUND_TO_ZERO } rounding;

static int128
round_units(int128 x, int128 power, rounding how) {
    const int128 whole = x / power;
    const int128 rest = x % power;
    switch (how) {
    case ROUND_NEAREST:
        return decimal_divide(x, power);
    case ROUND_DOWN:
        return whole - (rest < 0);
    case ROUND_UP:
        return whole + (rest > 0);
    case ROUND_TO_ZERO:
        return whole;
    }
    UNREACHABLE();
}

static status
round_all(fn_call *c, rounding how) {
    const operand *o = &c->args[0];
    const bool     wide = is_wide(o->type);
    const bool     z_wide = is_wide(c->type);
    const int128   power = decimal_powers[o->type.scale];
    for (int32_t i = 0; i < c->row_count; i++) {
        put_units(c, z_wide, i, round_units(units_of(o, wide, i), power, how));
    }
    return OK;
}

status
fn_round_decimal(fn_call *c) {
    return round_all(c, ROUND_NEAREST);
}

status
fn_floor_decimal(fn_call *c) {
    return round_all(c, ROUND_DOWN);
}

status
fn_ceil_decimal(fn_call *c) {
    return round_all(c, ROUND_UP);
}

status
fn_trunc_decimal(fn_call *c) {
    return round_all(c, ROUND_TO_ZERO);
}

/* round(x, n): to n digits behind the point (before it when negative), in the scale of the result.
 */
status
fn_round_digits_decimal(fn_call *c) {
    const operand *o = &c->args[0];
    const bool     wide = is_wide(o->type);
    const bool     z_wide = is_wide(c->type);
    const int32_t  scale = o->type.scale;
    for (int32_t i = 0; i < c->row_count; i++) {
        int64_t n = ((const int64_t *)c->args[1].values)[i * c->args[1].step];
        int128  x = units_of(o, wide, i);
        if (!fn_is_valid(c, i)) {
            continue;
        }
        n = n > scale ? scale : n;
        if (scale - n > DECIMAL_PRECISION_MAX) {
            x = 0;
        } else {
            const int128 power = decimal_powers[scale - n];
            x = decimal_divide(x, power);
            if (mul_overflow_i128(x, power, &x)) {
                return fn_overflow(c, i, "rounded to");
            }
        }
        x /= decimal_powers[scale - c->type.scale]; /* what is cut is 0 */
        if (!decimal_fits(x, c->type.precision)) {
            return fn_overflow(c, i, "rounded to");
        }
        put_units(c, z_wide, i, x);
    }
    return OK;
}
