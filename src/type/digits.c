/* SPDX-License-Identifier: Apache-2.0 */
/* digits.c - see digits.h. */
#include "type/digits.h"

#include <float.h>
#include <string.h>

/* In 64 bits the mantissa and the power of ten are exact, and the quotient is right to half of its
 * last bit. The double of that is right too, unless it is the middle between two of them, where the
 * first rounding may have hidden on which side the value lies. */
bool
digits_quotient(uint64_t mantissa, int32_t decimals, double *out) {
#if LDBL_MANT_DIG == 64
    static const long double powers[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
                                         1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
                                         1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L};
    const long double        quotient = (long double)mantissa / powers[decimals];
    uint64_t                 bits;
    memcpy(&bits, &quotient, sizeof(bits)); /* of the 80 those of the mantissa come first */
    *out = (double)quotient;
    return (bits & 0x7ff) != 0x400;
#else
    (void)mantissa;
    (void)decimals;
    (void)out;
    return false;
#endif
}
