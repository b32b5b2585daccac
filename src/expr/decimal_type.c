/* SPDX-License-Identifier: Apache-2.0 */
/* decimal_type.c - digits of the results of DECIMAL arithmetic. w digits before the point, s behind
 * it:
 *
 *     a + b, a - b     w = max(w1, w2) + 1, s = max(s1, s2)
 *     a * b            w = w1 + w2, s = s1 + s2
 *     a / b            w = w1 + s2, s = max(s1, s2) + 6, rounded
 *     a // b           w = w1 + s2, s = 0, truncated
 *     a % b            w = min(w1, w2), s = max(s1, s2)
 *     round, ceil, floor, trunc of a     w = w1 + 1, s = 0; round(a, n): s = n when n is constant
 *
 * All results are exact but those of / and round. More than 38 digits: those before the point are
 * fewer (a value that needs them is an error, of a sum an argument too), of a quotient first those
 * behind it, down to max(s1, s2, 6). A product with more than 38 behind the point is a DOUBLE. */
#include "expr/resolve.h"
#include "type/decimal.h"

bool
decimal_is_kind(uint8_t kind) {
    return kind >= TYPE_EXACT && kind <= TYPE_ROUNDED;
}

bool
decimal_argument(const expr *arg, data_type *out) {
    if (arg->type.id == TYPE_I128 && !expr_is_number_literal(arg)) {
        *out = type_decimal(DECIMAL_PRECISION_MAX, 0);
        return true;
    }
    return expr_is_number_literal(arg) ? expr_exact_type(arg, out)
                                       : type_as_decimal(arg->type, out);
}

static int32_t
larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static bool
make(int32_t whole, int32_t scale, data_type *out) {
    const int32_t precision = larger(whole + scale, 1);
    if (scale > DECIMAL_PRECISION_MAX) {
        return false;
    }
    *out =
        type_decimal(precision < DECIMAL_PRECISION_MAX ? precision : DECIMAL_PRECISION_MAX, scale);
    return true;
}

static bool
make_quotient(int32_t whole, int32_t least_scale, data_type *out) {
    int32_t scale = least_scale + 6;
    if (whole + scale > DECIMAL_PRECISION_MAX) {
        scale = larger(DECIMAL_PRECISION_MAX - whole, larger(least_scale, 6));
    }
    return make(whole, scale, out);
}

/* round(x, n): a constant n is how many digits stay. */
static int32_t
rounded_scale(data_type x, expr *const *given) {
    const expr *digits = given == NULL ? NULL : given[1];
    if (digits == NULL || digits->kind != EXPR_CONSTANT || digits->constant.is_null) {
        return x.scale;
    }
    const int64_t n = digits->constant.i;
    return n < 0 ? 0 : n < x.scale ? (int32_t)n : x.scale;
}

bool
decimal_result(uint8_t kind, const data_type *args, expr *const *given, int32_t count,
               data_type *out) {
    const data_type x = args[0];
    const data_type y = count > 1 ? args[1] : x;
    const int32_t   x_whole = x.precision - x.scale;
    const int32_t   y_whole = y.precision - y.scale;
    const int32_t   finer = larger(x.scale, y.scale);
    switch (kind) {
    case TYPE_SUM:
        return make(larger(x_whole, y_whole) + 1, finer, out);
    case TYPE_PRODUCT:
        return make(x_whole + y_whole, x.scale + y.scale, out);
    case TYPE_QUOTIENT:
        return make_quotient(x_whole + y.scale, finer, out);
    case TYPE_WHOLE_QUOTIENT:
        return make(x_whole + y.scale, 0, out);
    case TYPE_REMAINDER:
        return make(x_whole < y_whole ? x_whole : y_whole, finer, out);
    case TYPE_INTEGRAL:
        return make(x_whole + 1, 0, out);
    case TYPE_ROUNDED:
        return make(x_whole + 1, rounded_scale(x, given), out);
    default:
        *out = x;
        return true;
    }
}
