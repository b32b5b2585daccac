/* SPDX-License-Identifier: Apache-2.0 */
/* int192.c - see int192.h. */
#include "agg/int192.h"

#include <math.h>

#include "type/decimal.h"

static bool
is_negative(int192 x) {
    return x.high >> 63 != 0;
}

static int32_t
bits_of(int192 x) {
    return x.high != 0     ? 192 - __builtin_clzll(x.high)
           : x.middle != 0 ? 128 - __builtin_clzll(x.middle)
           : x.low != 0    ? 64 - __builtin_clzll(x.low)
                           : 0;
}

/* By 0 to 191 bits. */
static int192
shift_left(int192 x, int32_t by) {
    for (; by >= 64; by -= 64) {
        x = (int192){0, x.low, x.middle};
    }
    if (by > 0) {
        x.high = x.high << by | x.middle >> (64 - by);
        x.middle = x.middle << by | x.low >> (64 - by);
        x.low <<= by;
    }
    return x;
}

/* Takes b from *a when it is not larger. */
static bool
take(int192 *a, int192 b) {
    const bool less = a->high != b.high       ? a->high < b.high
                      : a->middle != b.middle ? a->middle < b.middle
                                              : a->low < b.low;
    if (!less) {
        int192_add(a, int192_negative(b));
    }
    return !less;
}

/* Both below 2^190, not 0. Long division for 64 digits from the first one on; what is left turns
 * the last of them to 1, which is all that rounding to 53 has to know. */
static double
divide(int192 a, int192 b) {
    const int32_t shift = bits_of(a) - bits_of(b);
    a = shift_left(a, shift < 0 ? -shift : 0);
    b = shift_left(b, shift > 0 ? shift : 0);
    uint64_t q = 0;
    for (int32_t i = 0; i < 64; i++) {
        a = i == 0 ? a : shift_left(a, 1);
        q = q << 1 | take(&a, b);
    }
    q |= (a.low | a.middle | a.high) != 0;
    return ldexp((double)q, shift - 63);
}

double
int192_quotient(int192 total, int64_t count, int32_t scale) {
    const bool   negative = is_negative(total) != (count < 0);
    const int192 a = is_negative(total) ? int192_negative(total) : total;
    const int192 b = int192_multiply(int192_of(decimal_powers[scale]), count);
    const int192 size = is_negative(b) ? int192_negative(b) : b;
    double       out;
    if (bits_of(a) <= 53 && bits_of(size) <= 53) {
        out = (double)a.low / (double)size.low;
    } else {
        out = divide(a, size);
    }
    return negative ? -out : out;
}
