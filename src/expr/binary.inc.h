/* SPDX-License-Identifier: Apache-2.0 */
/* binary.inc.h - template: a kernel of two operands of one type that cannot fail. Writes every row.
 * Parameters, undefined at the end: KERNEL name; IN, OUT C types; EXPR the result of one row from a
 * and b. Two constants come with row_count 1, so that no loop needs both steps. */
status
KERNEL(fn_call *c) {
    const IN *restrict x = c->args[0].values;
    const IN *restrict y = c->args[1].values;
    OUT *restrict z = c->values;
    const int32_t n = c->row_count;
    if (c->args[1].step == 0) {
        const IN b = y[0];
        for (int32_t i = 0; i < n; i++) {
            const IN a = x[i];
            z[i] = (OUT)(EXPR);
        }
    } else if (c->args[0].step == 0) {
        const IN a = x[0];
        for (int32_t i = 0; i < n; i++) {
            const IN b = y[i];
            z[i] = (OUT)(EXPR);
        }
    } else {
        for (int32_t i = 0; i < n; i++) {
            const IN a = x[i];
            const IN b = y[i];
            z[i] = (OUT)(EXPR);
        }
    }
    return OK;
}
#undef KERNEL
#undef IN
#undef OUT
#undef EXPR
