/* SPDX-License-Identifier: Apache-2.0 */
/* divide_wide.inc.h - template: truncating division or remainder, without the multiplication of
 * divide.inc.h. Parameters, undefined at the end: KERNEL name; IN C type; EXPR the result of a and
 * b, b neither 0 nor -1; IS_MINUS_ONE whether b is; MINUS_ONE the result then, and MINUS_ONE_FAILS
 * whether that overflows; SYMBOL for the message. */
status
KERNEL(fn_call *c) {
    const IN *restrict x = c->args[0].values;
    const IN *restrict y = c->args[1].values;
    IN *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const IN a = x[i * c->args[0].step];
        const IN b = y[i * c->args[1].step];
        if (UNLIKELY(b == 0)) {
            z[i] = 0;
            if (fn_is_valid(c, i) && !fn_set_null(c, i)) {
                return error_memory(c->err);
            }
        } else if (UNLIKELY(IS_MINUS_ONE)) {
            if (MINUS_ONE_FAILS && fn_is_valid(c, i)) {
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
#undef EXPR
#undef IS_MINUS_ONE
#undef MINUS_ONE
#undef MINUS_ONE_FAILS
#undef SYMBOL
