/* SPDX-License-Identifier: Apache-2.0 */
/* Template: smallest and largest of n values; validity may be NULL. Eight lanes of their own, which
 * become vectors; the comparison leaves NaN out. Parameters, all #undef'd at the end:
 * - KERNEL: function name
 * - IN: C type of a value
 * - WIDE: C type of *min and *max, which are narrowed; on entry they are values of IN
 * - TARGET: what stands in front: static, the attribute that names the CPU level, or nothing
 */
TARGET void
KERNEL(const void *values, const uint64_t *validity, int32_t n, WIDE *min, WIDE *max) {
    const IN *restrict x = values;
    IN      least[8];
    IN      most[8];
    int32_t i = 0;
    for (int32_t lane = 0; lane < 8; lane++) {
        least[lane] = (IN)*min;
        most[lane] = (IN)*max;
    }
    for (; validity == NULL && i + 8 <= n; i += 8) {
        for (int32_t lane = 0; lane < 8; lane++) {
            const IN a = x[i + lane];
            least[lane] = a < least[lane] ? a : least[lane];
            most[lane] = a > most[lane] ? a : most[lane];
        }
    }
    for (; validity != NULL && i + 8 <= n; i += 8) {
        const uint64_t valid = validity[i >> 6] >> (i & 63);
        for (int32_t lane = 0; lane < 8; lane++) {
            const IN   a = x[i + lane];
            const bool on = (valid >> lane) & 1;
            least[lane] = (on & (a < least[lane])) ? a : least[lane];
            most[lane] = (on & (a > most[lane])) ? a : most[lane];
        }
    }
    for (; i < n; i++) {
        const IN   a = x[i];
        const bool on = validity == NULL || bits_get(validity, i);
        least[0] = (on & (a < least[0])) ? a : least[0];
        most[0] = (on & (a > most[0])) ? a : most[0];
    }
    for (int32_t lane = 0; lane < 8; lane++) {
        *min = least[lane] < *min ? least[lane] : *min;
        *max = most[lane] > *max ? most[lane] : *max;
    }
}
#undef KERNEL
#undef IN
#undef WIDE
#undef TARGET
