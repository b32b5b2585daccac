/* SPDX-License-Identifier: Apache-2.0 */
/* decimal.c - see decimal.h. */
#include "type/decimal.h"

#include <math.h>

#define E19 ((int128)UINT64_C(10000000000000000000))

const int128 decimal_powers[DECIMAL_PRECISION_MAX + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    INT64_C(10000000000),
    INT64_C(100000000000),
    INT64_C(1000000000000),
    INT64_C(10000000000000),
    INT64_C(100000000000000),
    INT64_C(1000000000000000),
    INT64_C(10000000000000000),
    INT64_C(100000000000000000),
    INT64_C(1000000000000000000),
    E19,
    E19 * 10,
    E19 * 100,
    E19 * 1000,
    E19 * 10000,
    E19 * 100000,
    E19 * 1000000,
    E19 * 10000000,
    E19 * 100000000,
    E19 * 1000000000,
    E19 *INT64_C(10000000000),
    E19 *INT64_C(100000000000),
    E19 *INT64_C(1000000000000),
    E19 *INT64_C(10000000000000),
    E19 *INT64_C(100000000000000),
    E19 *INT64_C(1000000000000000),
    E19 *INT64_C(10000000000000000),
    E19 *INT64_C(100000000000000000),
    E19 *INT64_C(1000000000000000000),
    E19 *E19,
};

static uint128
magnitude(int128 x) {
    return x < 0 ? (uint128)0 - (uint128)x : (uint128)x;
}

/* ---- products of 256 bits */

typedef struct uint256 {
    uint128 high, low;
} uint256;

static uint256
multiply(uint128 a, uint128 b) {
    const uint128 mask = UINT64_MAX;
    const uint128 a0 = a & mask, a1 = a >> 64;
    const uint128 b0 = b & mask, b1 = b >> 64;
    const uint128 low = a0 * b0;
    const uint128 cross = a1 * b0 + (low >> 64);
    const uint128 other = a0 * b1 + (cross & mask);
    return (uint256){.high = a1 * b1 + (cross >> 64) + (other >> 64),
                     .low = other << 64 | (low & mask)};
}

/* Quotient and remainder; n.high < d, so that the quotient fits. Bit by bit: the large ones are
 * rare.
 */
static uint128
divide(uint256 n, uint128 d, uint128 *rest) {
    uint128 r = n.high;
    uint128 q = 0;
    if (r == 0) {
        *rest = n.low % d;
        return n.low / d;
    }
    for (int32_t i = 127; i >= 0; i--) {
        const bool carry = r >> 127 != 0;
        r = r << 1 | ((n.low >> i) & 1);
        const bool takes = carry || r >= d;
        r -= takes ? d : 0;
        q = q << 1 | takes;
    }
    *rest = r;
    return q;
}

bool
decimal_multiply_divide(int128 a, int128 b, int128 c, bool truncate, int128 *out) {
    const bool    negative = ((a < 0) != (b < 0)) != (c < 0);
    const uint256 product = multiply(magnitude(a), magnitude(b));
    const uint128 divisor = magnitude(c);
    uint128       rest;
    if (product.high >= divisor) {
        return false;
    }
    uint128 q = divide(product, divisor, &rest);
    q += !truncate && rest >= divisor - rest;
    if (q > (uint128)INT128_MAX) {
        return false;
    }
    *out = negative ? -(int128)q : (int128)q;
    return true;
}

bool
decimal_rescale(int128 units, int32_t from_scale, int32_t to_scale, int32_t precision,
                int128 *out) {
    if (from_scale > to_scale) {
        *out = decimal_divide(units, decimal_powers[from_scale - to_scale]);
    } else if (mul_overflow_i128(units, decimal_powers[to_scale - from_scale], out)) {
        return false;
    }
    return decimal_fits(*out, precision);
}

/* ---- text */

/* A number as written: the digits of its mantissa from `at` on, a point among them, and the power
 * of ten of the first one. */
typedef struct written {
    const char *at, *end;
    int64_t     power;
    bool        negative;
} written;

static bool
is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* e[+-]digits up to the end; nothing is 0. */
static bool
take_exponent(const char *p, const char *end, int64_t *out) {
    *out = 0;
    if (p == end) {
        return true;
    }
    if ((*p != 'e' && *p != 'E') || ++p == end) {
        return false;
    }
    const bool negative = *p == '-';
    p += negative || *p == '+';
    if (p == end) {
        return false;
    }
    for (; p < end; p++) {
        if (!is_digit(*p)) {
            return false;
        }
        *out = *out < INT64_C(1) << 40 ? *out * 10 + (*p - '0') : *out;
    }
    *out = negative ? -*out : *out;
    return true;
}

static bool
read_written(text s, written *out) {
    const char *p = s.data;
    const char *end = s.data + s.size;
    int64_t     whole = 0;
    int64_t     digits = 0;
    bool        point = false;
    out->negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    out->at = p;
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        point |= *p == '.';
        digits += *p != '.';
        whole += !point;
    }
    out->end = p;
    int64_t exponent;
    if (digits == 0 || !take_exponent(p, end, &exponent)) {
        return false;
    }
    out->power = whole - 1 + exponent;
    return true;
}

number_result
decimal_parse(text s, int32_t precision, int32_t scale, int128 *out, bool *exact) {
    written w;
    if (!read_written(s, &w)) {
        return NUMBER_MALFORMED;
    }
    int128  units = 0;
    int64_t power = w.power;
    int32_t first_cut = 0; /* the first digit behind the last one kept */
    *exact = true;
    for (const char *p = w.at; p < w.end; p++) {
        if (*p == '.') {
            continue;
        }
        const int32_t digit = *p - '0';
        if (power >= -scale) {
            if (units >= decimal_powers[DECIMAL_PRECISION_MAX - 1]) {
                return NUMBER_TOO_LARGE;
            }
            units = units * 10 + digit;
        } else {
            first_cut = power == -scale - 1 ? digit : first_cut;
            *exact &= digit == 0;
        }
        power--;
    }
    for (; power >= -scale && units != 0; power--) {
        if (units >= decimal_powers[DECIMAL_PRECISION_MAX - 1]) {
            return NUMBER_TOO_LARGE;
        }
        units *= 10;
    }
    units += first_cut >= 5;
    *out = w.negative ? -units : units;
    return decimal_fits(units, precision) ? NUMBER_OK : NUMBER_TOO_LARGE;
}

bool
decimal_type_of_text(text s, data_type *out) {
    int32_t scale = 0;
    int32_t digits = 0; /* from the first that is not 0 on, and all behind the point */
    bool    point = false;
    for (size_t i = 0; i < s.size; i++) {
        const char c = s.data[i];
        if (c == '.' && !point) {
            point = true;
        } else if (is_digit(c)) {
            digits += digits > 0 || c != '0' || point;
            scale += point;
        } else if (i > 0 || (c != '-' && c != '+')) {
            return false;
        }
        if (digits > DECIMAL_PRECISION_MAX) {
            return false;
        }
    }
    *out = type_decimal(digits == 0 ? 1 : digits, scale);
    return true;
}

bool
decimal_type_of_integer(int128 x, data_type *out) {
    int32_t digits = 1;
    while (digits <= DECIMAL_PRECISION_MAX && !decimal_fits(x, digits)) {
        digits++;
    }
    if (digits > DECIMAL_PRECISION_MAX) {
        return false;
    }
    *out = type_decimal(digits, 0);
    return true;
}

number_result
wide_parse(text s, int128 *out) {
    size_t     i = 0;
    const bool negative = s.size > 0 && s.data[0] == '-';
    if (s.size > 0 && (s.data[0] == '-' || s.data[0] == '+')) {
        i = 1;
    }
    if (i == s.size) {
        return NUMBER_MALFORMED;
    }
    int128 v = 0; /* kept negative: the smallest value has no positive twin */
    bool   overflow = false;
    for (; i < s.size; i++) {
        if (!is_digit(s.data[i])) {
            return NUMBER_MALFORMED;
        }
        overflow |= mul_overflow_i128(v, 10, &v);
        overflow |= __builtin_sub_overflow(v, (int128)(s.data[i] - '0'), &v);
    }
    if (overflow || (!negative && v == INT128_MIN)) {
        return NUMBER_TOO_LARGE;
    }
    *out = negative ? v : -v;
    return NUMBER_OK;
}

static size_t
write_digits(char *out, uint128 x) {
    char   reversed[DECIMAL_TEXT_MAX];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + (int)(x % 10));
        x /= 10;
    } while (x > 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    return count;
}

size_t
wide_write(char *out, int128 x) {
    if (x < 0) {
        *out++ = '-';
    }
    return write_digits(out, magnitude(x)) + (x < 0);
}

size_t
decimal_write(char *out, int128 units, int32_t scale) {
    char         digits[DECIMAL_TEXT_MAX];
    const size_t count = write_digits(digits, magnitude(units));
    const size_t fraction = (size_t)scale;
    size_t       size = 0;
    if (units < 0) {
        out[size++] = '-';
    }
    const size_t whole = count > fraction ? count - fraction : 0;
    if (whole == 0) {
        out[size++] = '0';
    }
    memcpy(out + size, digits, whole);
    size += whole;
    if (fraction > 0) {
        out[size++] = '.';
        for (size_t i = count; i < fraction; i++) {
            out[size++] = '0';
        }
        memcpy(out + size, digits + whole, count - whole);
        size += count - whole;
    }
    return size;
}

/* ---- doubles */

double
decimal_to_double(int128 units, int32_t scale) {
    const int128 exact = (int128)1 << 53;
    if (units >= -exact && units <= exact && scale <= 22) {
        return (double)(int64_t)units / (double)decimal_powers[scale];
    }
    /* Digits and an exponent: the one way that rounds once. */
    char   digits[DECIMAL_TEXT_MAX + 8];
    double d = 0;
    size_t size = wide_write(digits, units);
    digits[size++] = 'e';
    size += number_write_i64(digits + size, -scale);
    (void)number_parse_f64((text){digits, size}, &d);
    return d;
}

bool
decimal_from_double(double x, int32_t precision, int32_t scale, int128 *out) {
    const double scaled = x * (double)decimal_powers[scale];
    if (fabs(scaled) < 0x1p40 && scale <= 22) {
        const double nearest = round(scaled);
        if (fabs(fabs(scaled - nearest) - 0.5) >
            1e-3) { /* the error of the product is far smaller */
            *out = (int64_t)nearest;
            return decimal_fits(*out, precision);
        }
    }
    char         digits[NUMBER_TEXT_MAX];
    bool         exact;
    const size_t size = number_write_f64(digits, x);
    return decimal_parse((text){digits, size}, precision, scale, out, &exact) == NUMBER_OK;
}

bool
wide_from_double(double x, int128 *out) {
    const double whole = rint(x);
    if (!(whole >= -0x1p127 && whole < 0x1p127)) {
        return false;
    }
    *out = (int128)whole;
    return true;
}
