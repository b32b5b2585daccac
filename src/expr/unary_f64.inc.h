/* SPDX-License-Identifier: Apache-2.0 */
/* unary_f64.inc.h - template: a DOUBLE function of one DOUBLE that is defined everywhere.
 * Parameters, undefined at the end: KERNEL name; EXPR the result of a. */
status
KERNEL(fn_call *c) {
    const double *restrict x = c->args[0].values;
    double *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double a = x[i];
        z[i] = EXPR;
    }
    return OK;
}
#undef KERNEL
#undef EXPR
