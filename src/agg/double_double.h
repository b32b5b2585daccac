/* SPDX-License-Identifier: Apache-2.0 */
/* double_double.h - numbers of 106 bits as the unevaluated sum of two doubles (Dekker 1971; Hida,
 * Li and Bailey 2001): sums of squares that can be taken back. Finite values whose results are
 * finite.
 */
#ifndef LAMINAR_AGG_DOUBLE_DOUBLE_H
#define LAMINAR_AGG_DOUBLE_DOUBLE_H

#include <math.h>

#include "base/compiler.h"

typedef struct dd {
    double high, low; /* |low| <= ulp(high) / 2 */
} dd;

ALWAYS_INLINE dd
dd_two_sum(double a, double b) {
    const double s = a + b;
    const double part = s - a;
    return (dd){s, (a - (s - part)) + (b - part)};
}

ALWAYS_INLINE dd
dd_quick_sum(double a, double b) { /* |a| >= |b| */
    const double s = a + b;
    return (dd){s, b - (s - a)};
}

ALWAYS_INLINE dd
dd_add(dd a, dd b) {
    dd s = dd_two_sum(a.high, b.high);
    dd t = dd_two_sum(a.low, b.low);
    s = dd_quick_sum(s.high, s.low + t.high);
    return dd_quick_sum(s.high, s.low + t.low);
}

/* Exact to 2^-104 of |a| + |b|, where dd_add is to that of the sum: for totals of many terms. */
ALWAYS_INLINE dd
dd_accumulate(dd a, dd b) {
    const dd s = dd_two_sum(a.high, b.high);
    return dd_quick_sum(s.high, s.low + (a.low + b.low));
}

ALWAYS_INLINE dd
dd_negative(dd a) {
    return (dd){-a.high, -a.low};
}

ALWAYS_INLINE dd
dd_product(double a, double b) {
    const double p = a * b;
    return (dd){p, fma(a, b, -p)};
}

ALWAYS_INLINE dd
dd_multiply(dd a, dd b) {
    dd p = dd_product(a.high, b.high);
    p.low += a.high * b.low + a.low * b.high;
    return dd_quick_sum(p.high, p.low);
}

ALWAYS_INLINE dd
dd_divide(dd a, dd b) {
    const double q = a.high / b.high;
    dd           rest = dd_add(a, dd_negative(dd_multiply(b, (dd){q, 0})));
    const double more = rest.high / b.high;
    rest = dd_add(rest, dd_negative(dd_multiply(b, (dd){more, 0})));
    const dd sum = dd_quick_sum(q, more);
    return dd_add(sum, (dd){rest.high / b.high, 0});
}

ALWAYS_INLINE dd
dd_of(double x) {
    return (dd){x, 0};
}

ALWAYS_INLINE double
dd_value(dd a) {
    return a.high + a.low;
}

#endif
