/* SPDX-License-Identifier: Apache-2.0 */
/* Template: CAST of one column of fixed width. Returns whether all values fit, those under NULL
 * included: a false is looked into row by row. Parameters, all #undef'd at the end:
 * - KERNEL: function name
 * - IN, OUT: C types
 * - FITS: whether a value `a` converts; a constant when all do
 * - EXPR: the result of `a`; defined, but meaningless, when it does not fit
 */
static bool
KERNEL(void *restrict out, const void *restrict in, int32_t n, data_type from UNUSED,
       data_type to UNUSED) {
    const IN *restrict x = in;
    OUT *restrict z = out;
    bool fits = true;
    for (int32_t i = 0; i < n; i++) {
        const IN a = x[i];
        fits &= FITS;
        z[i] = EXPR;
    }
    return fits;
}
#undef KERNEL
#undef IN
#undef OUT
#undef FITS
#undef EXPR
