/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - numbers from and to text, the same in every locale. No blanks, no separators; the
 * whole text must be the number. */
#ifndef LAMINAR_TYPE_NUMBER_H
#define LAMINAR_TYPE_NUMBER_H

#include "base/text.h"

#define NUMBER_TEXT_MAX 32 /* bytes that number_write_* may need */

typedef enum number_result {
    NUMBER_OK,
    NUMBER_MALFORMED,
    NUMBER_TOO_LARGE, /* well written, but beyond the type */
    NUMBER_INEXACT    /* would have to be rounded */
} number_result;

number_result number_parse_i64(text s, int64_t *out);
/* Correctly rounded. Also "inf", "infinity", "nan" with a sign, without regard to case; "1e999" is
 * too large, "1e-999" is 0. */
number_result number_parse_f64(text s, double *out);

/* Return the size; no terminator. out: room for NUMBER_TEXT_MAX bytes. */
size_t number_write_i64(char *out, int64_t v);
/* The shortest text that reads back as the same double: "1.0", "0.1", "1e+300", "nan", "-inf". */
size_t number_write_f64(char *out, double v);
/* The same for a FLOAT, which needs fewer digits: "0.1". */
size_t number_write_f32(char *out, float v);

/* Rounds half to even. False for NaN and for what an int64 cannot hold. */
ALWAYS_INLINE bool
number_round_i64(double x, int64_t *out) {
    if (!(x >= -0x1p63 && x < 0x1p63)) {
        return false;
    }
    *out = __builtin_llrint(x);
    return true;
}

#endif
