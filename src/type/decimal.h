/* SPDX-License-Identifier: Apache-2.0 */
/* decimal.h - exact decimal numbers: 128-bit units with a scale, value = units / 10^scale. Rounding
 * is half away from zero, as in PostgreSQL and DuckDB. */
#ifndef LAMINAR_TYPE_DECIMAL_H
#define LAMINAR_TYPE_DECIMAL_H

#include "type/number.h"
#include "type/type.h"

#define DECIMAL_TEXT_MAX 48

/* 10^n, 0 <= n <= 38. */
extern const int128 decimal_powers[DECIMAL_PRECISION_MAX + 1];

ALWAYS_INLINE bool
decimal_fits(int128 units, int32_t precision) {
    return units < decimal_powers[precision] && units > -decimal_powers[precision];
}

/* units / power, half away from zero; power is a power of ten or 1. */
ALWAYS_INLINE int128
decimal_divide(int128 units, int128 power) {
    const int128 half = power / 2;
    const int128 rest = units % power;
    return units / power + (power > 1 && rest >= half) - (power > 1 && rest <= -half);
}

/* a * b / c, half away from zero, without a limit in between; c is not 0. False: the result needs
 * more than 127 bits. With `truncate` towards zero. */
bool decimal_multiply_divide(int128 a, int128 b, int128 c, bool truncate, int128 *out);

/* From one scale to another, rounded; false: it does not fit `precision` digits. */
bool decimal_rescale(int128 units, int32_t from_scale, int32_t to_scale, int32_t precision,
                     int128 *out);
/* '1.5', '-.5', '1e3', '+12'. More digits behind the point than `scale` are rounded, and *exact is
 * false then. */
number_result decimal_parse(text s, int32_t precision, int32_t scale, int128 *out, bool *exact);
/* The smallest DECIMAL that holds a number as it is written ([-]digits[.digits]). False: more than
 * 38 digits, or an exponent. */
bool decimal_type_of_text(text s, data_type *out);
/* The smallest DECIMAL(p, 0) that holds x; false: it has 39 digits. */
bool decimal_type_of_integer(int128 x, data_type *out);

/* The nearest double. */
double decimal_to_double(int128 units, int32_t scale);
/* The nearest decimal of x as a double would be written with that many digits; false: NaN, infinite
 * or more than `precision` digits. */
bool decimal_from_double(double x, int32_t precision, int32_t scale, int128 *out);
/* Rounded to an integer, half to even, as CAST of a DOUBLE does; false: NaN or outside of int128.
 */
bool wide_from_double(double x, int128 *out);

/* [+-]digits, as number_parse_i64. */
number_result wide_parse(text s, int128 *out);
/* Return the size; no terminator. out: room for DECIMAL_TEXT_MAX bytes. */
size_t wide_write(char *out, int128 x);
size_t decimal_write(char *out, int128 units, int32_t scale);

#endif
