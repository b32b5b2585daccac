/* SPDX-License-Identifier: Apache-2.0 */
/* sign.inc.h - template: an integer function of one argument that only the smallest integer
 * overflows. Parameters, undefined at the end: KERNEL name; IN C type; EXPR the result of a;
 * SMALLEST integer; NAME for the message. */
status
KERNEL(fn_call *c) {
    const IN *restrict x = c->args[0].values;
    IN *restrict z = c->values;
    IN smallest = 0;
    for (int32_t i = 0; i < c->row_count; i++) {
        const IN a = x[i];
        smallest = a < smallest ? a : smallest;
        z[i] = EXPR;
    }
    if (LIKELY(smallest != SMALLEST)) {
        return OK;
    }
    return check_smallest(c, NAME);
}
#undef KERNEL
#undef IN
#undef EXPR
#undef SMALLEST
#undef NAME
