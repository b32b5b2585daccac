/* SPDX-License-Identifier: Apache-2.0 */
/* Template: adds one column of fixed width to the hashes of a batch. Parameters, all #undef'd at
 * the end:
 * - KERNEL: function name
 * - IN: C type of a value
 * - WORD: the 64-bit word of a value `a`; equal keys have equal words
 */
static void
KERNEL(uint64_t *restrict out, const column *c, int32_t n, bool first) {
    const IN *restrict x = c->values;
    const uint64_t *restrict validity = c->validity;
    if (validity == NULL && first) {
        for (int32_t i = 0; i < n; i++) {
            const IN a = x[i];
            out[i] = hash_u64(WORD);
        }
    } else if (validity == NULL) {
        for (int32_t i = 0; i < n; i++) {
            const IN a = x[i];
            out[i] = hash_combine(out[i], WORD);
        }
    } else {
        for (int32_t i = 0; i < n; i++) {
            const IN       a = x[i];
            const uint64_t word = bits_get(validity, i) ? WORD : NULL_WORD;
            out[i] = first ? hash_u64(word) : hash_combine(out[i], word);
        }
    }
}
#undef KERNEL
#undef IN
#undef WORD
