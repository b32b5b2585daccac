/* SPDX-License-Identifier: Apache-2.0 */
/* extreme.inc.h - template: the greatest or least argument of each row. NULL arguments are passed
 * over; all NULL gives NULL. Parameters, undefined at the end: KERNEL name; VALUE C type; REPLACES
 * tells whether the new value a beats the kept b. */
static status
KERNEL(fn_call *c) {
    VALUE *restrict z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        bool found = false;
        for (int32_t k = 0; k < c->arg_count; k++) {
            const operand *o = &c->args[k];
            if (operand_is_null(o, i)) {
                continue;
            }
            const VALUE a = ((const VALUE *)o->values)[i * o->step];
            const VALUE b = z[i];
            if (!found || REPLACES) {
                z[i] = a;
                found = true;
            }
        }
        if (!found && !fn_set_null(c, i)) {
            return error_memory(c->err);
        }
    }
    return OK;
}
#undef KERNEL
#undef VALUE
#undef REPLACES
