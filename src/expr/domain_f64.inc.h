/* SPDX-License-Identifier: Apache-2.0 */
/* domain_f64.inc.h - template: a DOUBLE function of one DOUBLE; NULL outside its domain.
 * Parameters, undefined at the end: KERNEL name; IN_DOMAIN condition on a; EXPR the result of a. */
status
KERNEL(fn_call *c) {
    const double *restrict x = c->args[0].values;
    double *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        const double a = x[i];
        if (LIKELY(IN_DOMAIN)) {
            z[i] = EXPR;
        } else if (a != a) {
            z[i] = a;
        } else {
            z[i] = 0.0;
            if (fn_is_valid(c, i) && !fn_set_null(c, i)) {
                return error_memory(c->err);
            }
        }
    }
    return OK;
}
#undef KERNEL
#undef IN_DOMAIN
#undef EXPR
