/* SPDX-License-Identifier: Apache-2.0 */
/* divide.inc.h - template: truncating division or remainder. Division by zero gives NULL. A
 * constant divisor was turned into a multiplication by prepare (struct divisor in fn_arith.c).
 * Parameters, undefined at the end: KERNEL name; IN C type; UIN its unsigned twin; BY_MAGIC the
 * quotient of u by the divisor m; FROM_MAGIC the result from quotient q, a, u, sign; EXPR the
 * result of a and b, b neither 0 nor -1; MINUS_ONE the result for b = -1; MINUS_ONE_FAILS whether
 * that can overflow; SYMBOL for the message. */
status
KERNEL(fn_call *c) {
    const IN *restrict x = c->args[0].values;
    const IN *restrict y = c->args[1].values;
    IN *restrict z = c->values;
    const int32_t n = c->row_count;
    const int32_t x_step = c->args[0].step;
    const int32_t y_step = c->args[1].step;
    if (c->state != NULL) {
        const divisor m = *(const divisor *)c->state;
        for (int32_t i = 0; i < n; i++) {
            const IN  a = x[i];
            const UIN sign = (UIN)(a < 0 ? -1 : 0);
            const UIN u = ((UIN)a ^ sign) - sign;
            const UIN q = (UIN)(BY_MAGIC);
            z[i] = (IN)(FROM_MAGIC);
        }
        return OK;
    }
    for (int32_t i = 0; i < n; i++) {
        const IN a = x[i * x_step];
        const IN b = y[i * y_step];
        if (UNLIKELY(b == 0)) {
            z[i] = 0;
            if (fn_is_valid(c, i) && !fn_set_null(c, i)) {
                return error_memory(c->err);
            }
        } else if (UNLIKELY(b == -1)) {
            if (MINUS_ONE_FAILS && (UIN)a == (UIN)0 - (UIN)a && a != 0 && fn_is_valid(c, i)) {
                return fn_overflow(c, i, SYMBOL);
            }
            z[i] = (IN)(MINUS_ONE);
        } else {
            z[i] = (IN)(EXPR);
        }
    }
    return OK;
}
#undef KERNEL
#undef IN
#undef UIN
#undef BY_MAGIC
#undef FROM_MAGIC
#undef EXPR
#undef MINUS_ONE
#undef MINUS_ONE_FAILS
#undef SYMBOL
