/* SPDX-License-Identifier: Apache-2.0 */
/* number.c - numbers from and to text.
 *
 * Locale: the C library reads and writes the locale's decimal point. We never show it one (strtod
 * gets digits and an exponent alone) and never trust the one it writes (everything between the
 * digits is skipped). */
#include "type/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* More significant digits than any halfway point between two doubles has (767); what follows
 * matters only as "not zero". */
#define DIGITS_MAX 800
#define EXACT_POWER_MAX 22 /* 10^22 is the largest power of ten that a double holds exactly */

static const double power_of_ten[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool
is_digit(char c) {
    return c >= '0' && c <= '9';
}

number_result
number_parse_i64(text s, int64_t *out) {
    size_t     i = 0;
    const bool negative = s.size > 0 && s.data[0] == '-';
    if (s.size > 0 && (s.data[0] == '-' || s.data[0] == '+')) {
        i = 1;
    }
    if (i == s.size) {
        return NUMBER_MALFORMED;
    }
    int64_t v = 0; /* kept negative: the smallest value has no positive twin */
    bool    overflow = false;
    for (; i < s.size; i++) {
        if (!is_digit(s.data[i])) {
            return NUMBER_MALFORMED;
        }
        overflow |= __builtin_mul_overflow(v, 10, &v);
        overflow |= __builtin_sub_overflow(v, (int64_t)(s.data[i] - '0'), &v);
    }
    if (overflow || (!negative && v == INT64_MIN)) {
        return NUMBER_TOO_LARGE;
    }
    *out = negative ? v : -v;
    return NUMBER_OK;
}

/* A decimal as written: digits * 10^exponent, leading zeros gone. */
typedef struct decimal {
    char    digits[DIGITS_MAX + 1];
    int32_t count;
    bool    rest; /* a digit other than 0 was left out */
    int64_t exponent;
} decimal;

static void
take_digit(decimal *d, char c, bool fraction) {
    if (d->count == 0 && c == '0') {
        d->exponent -= fraction;
    } else if (d->count < DIGITS_MAX) {
        d->digits[d->count++] = c;
        d->exponent -= fraction;
    } else {
        d->rest |= c != '0';
        d->exponent += !fraction;
    }
}

/* [digits][.digits][e[+-]digits], at least one digit in front of the e, nothing behind. */
static bool
read_decimal(decimal *d, const char *p, const char *end) {
    d->count = 0;
    d->rest = false;
    d->exponent = 0;
    bool any = false;
    bool fraction = false;
    for (; p < end && (is_digit(*p) || (*p == '.' && !fraction)); p++) {
        if (*p == '.') {
            fraction = true;
        } else {
            take_digit(d, *p, fraction);
            any = true;
        }
    }
    if (!any || p == end) {
        return any;
    }
    if (*p != 'e' && *p != 'E') {
        return false;
    }
    p++;
    const bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end) {
        return false;
    }
    int64_t exponent = 0;
    for (; p < end; p++) {
        if (!is_digit(*p)) {
            return false;
        }
        if (exponent < INT64_C(1) << 40) {
            exponent = exponent * 10 + (*p - '0');
        }
    }
    d->exponent += negative ? -exponent : exponent;
    return true;
}

/* Correctly rounded value; infinity when too large. */
static double
decimal_value(decimal *d) {
    if (d->count == 0) {
        return 0.0;
    }
    if (d->count <= 15 && d->exponent >= -EXACT_POWER_MAX && d->exponent <= EXACT_POWER_MAX) {
        int64_t m = 0;
        for (int32_t i = 0; i < d->count; i++) {
            m = m * 10 + (d->digits[i] - '0');
        }
        /* Both operands are exact, so the one operation rounds correctly. */
        return d->exponent < 0 ? (double)m / power_of_ten[-d->exponent]
                               : (double)m * power_of_ten[d->exponent];
    }
    char   with_exponent[DIGITS_MAX + 32];
    size_t size = (size_t)d->count;
    memcpy(with_exponent, d->digits, size);
    int64_t exponent = d->exponent;
    if (d->rest) {
        with_exponent[size++] = '1'; /* stands for all that was left out */
        exponent--;
    }
    exponent = max_i64(min_i64(exponent, 100000), -100000);
    (void)snprintf(with_exponent + size, sizeof(with_exponent) - size, "e%" PRId64, exponent);
    return strtod(with_exponent, NULL);
}

number_result
number_parse_f64(text s, double *out) {
    const char *p = s.data;
    const char *end = s.data + s.size;
    const bool  negative = s.size > 0 && *p == '-';
    if (s.size > 0 && (*p == '-' || *p == '+')) {
        p++;
    }
    const text unsigned_part = {p, (size_t)(end - p)};
    double     v;
    if (p < end && (is_digit(*p) || *p == '.')) {
        decimal d;
        if (!read_decimal(&d, p, end)) {
            return NUMBER_MALFORMED;
        }
        v = decimal_value(&d);
        if (isinf(v)) {
            return NUMBER_TOO_LARGE;
        }
    } else if (text_equal_nocase(unsigned_part, TEXT("inf")) ||
               text_equal_nocase(unsigned_part, TEXT("infinity"))) {
        v = (double)INFINITY;
    } else if (text_equal_nocase(unsigned_part, TEXT("nan"))) {
        v = (double)NAN;
    } else {
        return NUMBER_MALFORMED;
    }
    *out = negative ? -v : v;
    return NUMBER_OK;
}

size_t
number_write_i64(char *out, int64_t v) {
    char     reversed[20];
    size_t   count = 0;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    size_t size = 0;
    if (v < 0) {
        out[size++] = '-';
    }
    while (count > 0) {
        out[size++] = reversed[--count];
    }
    return size;
}

/* Few digits behind the point are the common case: d = m / 10^k with m below 10^15 is one rounding,
 * and texts of up to 15 digits are all different doubles, so m's digits are the shortest text. */
static bool
short_digits(decimal *out, double d) {
    if (d >= 1e15 || d < 1e-5) {
        return false;
    }
    for (int32_t k = 0; k <= 20; k++) {
        const double scaled = d * power_of_ten[k];
        if (scaled >= 1e15) {
            return false;
        }
        const int64_t m = __builtin_llrint(scaled);
        if (m > 0 && m < INT64_C(1000000000000000) && (double)m / power_of_ten[k] == d) {
            char digits[NUMBER_TEXT_MAX];
            out->count = (int32_t)number_write_i64(digits, m);
            memcpy(out->digits, digits, (size_t)out->count);
            out->exponent = -k;
            return true;
        }
    }
    return false;
}

static void
digits_of(decimal *out, double d, int32_t precision) {
    char written[64];
    (void)snprintf(written, sizeof(written), "%.*e", precision - 1, d);
    out->count = 0;
    out->rest = false;
    const char *p = written;
    for (; *p != 'e'; p++) {
        if (is_digit(*p)) {
            out->digits[out->count++] = *p;
        }
    }
    int64_t    exponent = 0;
    const bool negative = p[1] == '-';
    for (p += 2; is_digit(*p); p++) {
        exponent = exponent * 10 + (*p - '0');
    }
    out->exponent = (negative ? -exponent : exponent) - (out->count - 1);
}

/* `single`: d is a float, and reading it back as one is enough. */
static void
shortest_digits(decimal *out, double d, bool single) {
    out->rest = false;
    if (single) {
        for (int32_t precision = d < 0x1p-126 ? 1 : 6; precision <= 9; precision++) {
            digits_of(out, d, precision);
            if ((float)decimal_value(out) == (float)d) {
                break;
            }
        }
    } else if (!short_digits(out, d)) {
        /* Normal doubles carry 15 digits for sure; the smallest ones fewer. */
        const bool subnormal = d < 0x1p-1022;
        for (int32_t precision = subnormal ? 1 : 15; precision <= 17; precision++) {
            digits_of(out, d, precision);
            if (decimal_value(out) == d) {
                break;
            }
        }
    }
    while (out->count > 1 && out->digits[out->count - 1] == '0') {
        out->count--;
        out->exponent++;
    }
}

static size_t
write_fixed(char *out, const decimal *d,
            int64_t point) { /* the point stands behind `point` digits */
    size_t size = 0;
    if (point <= 0) {
        out[size++] = '0';
        out[size++] = '.';
        for (int64_t i = point; i < 0; i++) {
            out[size++] = '0';
        }
        memcpy(out + size, d->digits, (size_t)d->count);
        return size + (size_t)d->count;
    }
    for (int64_t i = 0; i < max_i64(point, d->count); i++) {
        if (i == point) {
            out[size++] = '.';
        }
        out[size++] = i < d->count ? d->digits[i] : '0';
    }
    if (point >= d->count) {
        out[size++] = '.';
        out[size++] = '0';
    }
    return size;
}

static size_t
write_scientific(char *out, const decimal *d, int64_t exponent) {
    size_t size = 0;
    out[size++] = d->digits[0];
    if (d->count > 1) {
        out[size++] = '.';
        memcpy(out + size, d->digits + 1, (size_t)d->count - 1);
        size += (size_t)d->count - 1;
    }
    out[size++] = 'e';
    out[size++] = exponent < 0 ? '-' : '+';
    const int64_t magnitude = exponent < 0 ? -exponent : exponent;
    if (magnitude < 10) {
        out[size++] = '0';
    }
    return size + number_write_i64(out + size, magnitude);
}

static size_t
write_float(char *out, double v, bool single) {
    if (isnan(v)) {
        memcpy(out, "nan", 3);
        return 3;
    }
    size_t size = 0;
    if (signbit(v)) {
        out[size++] = '-';
    }
    if (isinf(v)) {
        memcpy(out + size, "inf", 3);
        return size + 3;
    }
    if (v == 0.0) {
        memcpy(out + size, "0.0", 3);
        return size + 3;
    }
    decimal d;
    shortest_digits(&d, fabs(v), single);
    const int64_t exponent = d.exponent + d.count - 1;
    if (exponent >= -4 && exponent < 16) {
        return size + write_fixed(out + size, &d, exponent + 1);
    }
    return size + write_scientific(out + size, &d, exponent);
}

size_t
number_write_f64(char *out, double v) {
    return write_float(out, v, false);
}

size_t
number_write_f32(char *out, float v) {
    return write_float(out, (double)v, true);
}
