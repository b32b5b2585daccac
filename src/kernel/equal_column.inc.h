/* SPDX-License-Identifier: Apache-2.0 */
/* Template: key equality of two columns of one type, row by row. Parameters, all
 * #undef'd at the end:
 * - KERNEL: function name
 * - IN: C type of a value
 * - EQUAL: whether `*a` and `*b`, pointers to two values that are not NULL, are equal
 */
static void
KERNEL(uint8_t *restrict out, const column *lhs, const int32_t *restrict lhs_rows,
       const column *rhs, const int32_t *restrict rhs_rows, int32_t count) {
    const IN *restrict x = lhs->values;
    const IN *restrict y = rhs->values;
    if (lhs->validity != NULL || rhs->validity != NULL) {
        for (int32_t i = 0; i < count; i++) {
            const int64_t l = lhs_rows != NULL ? lhs_rows[i] : i;
            const int64_t r = rhs_rows != NULL ? rhs_rows[i] : i;
            const bool    l_null = column_is_null(lhs, l);
            const bool    r_null = column_is_null(rhs, r);
            const IN     *a = &x[l];
            const IN     *b = &y[r];
            out[i] &= l_null || r_null ? l_null == r_null : EQUAL;
        }
    } else if (lhs_rows != NULL && rhs_rows != NULL) {
        for (int32_t i = 0; i < count; i++) {
            const IN *a = &x[lhs_rows[i]];
            const IN *b = &y[rhs_rows[i]];
            out[i] &= EQUAL;
        }
    } else if (lhs_rows != NULL) {
        for (int32_t i = 0; i < count; i++) {
            const IN *a = &x[lhs_rows[i]];
            const IN *b = &y[i];
            out[i] &= EQUAL;
        }
    } else {
        for (int32_t i = 0; i < count; i++) {
            const IN *a = &x[i];
            const IN *b = &y[rhs_rows != NULL ? rhs_rows[i] : i];
            out[i] &= EQUAL;
        }
    }
}
#undef KERNEL
#undef IN
#undef EQUAL
