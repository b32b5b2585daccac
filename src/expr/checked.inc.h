/* SPDX-License-Identifier: Apache-2.0 */
/* checked.inc.h - template: integer arithmetic whose overflow is an error. One pass computes all
 * rows and collects overflow in a sign bit; only when that is set, a second pass looks for a valid
 * row to blame. Parameters, undefined at the end: KERNEL name; IN C type; SIGNED its signed twin;
 * EXPR the wrapped result r of a and b; FAULT negative as a SIGNED when r is wrong; OVERFLOWS tells
 * for one row; SYMBOL for the message. */
status
KERNEL(fn_call *c) {
    const IN *restrict x = c->args[0].values;
    const IN *restrict y = c->args[1].values;
    IN *restrict z = c->values;
    const int32_t n = c->row_count;
    const int32_t x_step = c->args[0].step;
    const int32_t y_step = c->args[1].step;
    SIGNED        fault = 0;
    if (y_step == 0) {
        const IN b = y[0];
        for (int32_t i = 0; i < n; i++) {
            const IN a = x[i];
            const IN r = EXPR;
            fault |= (SIGNED)(FAULT);
            z[i] = r;
        }
    } else if (x_step == 0) {
        const IN a = x[0];
        for (int32_t i = 0; i < n; i++) {
            const IN b = y[i];
            const IN r = EXPR;
            fault |= (SIGNED)(FAULT);
            z[i] = r;
        }
    } else {
        for (int32_t i = 0; i < n; i++) {
            const IN a = x[i];
            const IN b = y[i];
            const IN r = EXPR;
            fault |= (SIGNED)(FAULT);
            z[i] = r;
        }
    }
    if (LIKELY(fault >= 0)) {
        return OK;
    }
    for (int32_t i = 0; i < n; i++) {
        IN unused;
        if (fn_is_valid(c, i) && OVERFLOWS(x[i * x_step], y[i * y_step], &unused)) {
            return fn_overflow(c, i, SYMBOL);
        }
    }
    return OK;
}
#undef KERNEL
#undef IN
#undef SIGNED
#undef EXPR
#undef FAULT
#undef OVERFLOWS
#undef SYMBOL
