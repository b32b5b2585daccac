/* SPDX-License-Identifier: Apache-2.0 */
/* Template: values of a key column as unsigned words in the same order; words under NULL mean
 * nothing. Parameters, all #undef'd at the end:
 * - KERNEL: function name
 * - IN: C type of a value
 * - IMAGE: the uint64_t of a value `a`
 */
static void
KERNEL(uint64_t *restrict out, const void *values, int32_t first, int32_t end) {
    const IN *restrict x = values;
    for (int32_t i = first; i < end; i++) {
        const IN a = x[i];
        out[i] = IMAGE;
    }
}
#undef KERNEL
#undef IN
#undef IMAGE
