/* SPDX-License-Identifier: Apache-2.0 */
/* Template: CAST of a DECIMAL or an integer, which is one without digits behind the point, to an
 * equal or a finer scale. Parameters, all #undef'd at the end:
 * - KERNEL: function name
 * - IN, OUT: C types, signed
 * - IN_MIN, IN_MAX: limits of IN
 */
static bool
KERNEL(void *restrict out, const void *restrict in, int32_t n, data_type from, data_type to) {
    const IN *restrict x = in;
    OUT *restrict z = out;
    const int128 power = decimal_powers[to.scale - from.scale];
    int128       min = 0;
    int128       max = 0;
    (void)type_wide_range(to, &min, &max);
    const IN  low = (IN)(min / power < IN_MIN ? IN_MIN : min / power);
    const IN  high = (IN)(max / power > IN_MAX ? IN_MAX : max / power);
    const OUT factor = (OUT)power;
    bool      fits = true;
    for (int32_t i = 0; i < n; i++) {
        const IN   a = x[i];
        const bool ok = (a >= low) & (a <= high);
        fits &= ok;
        z[i] = ok ? (OUT)a * factor : 0;
    }
    return fits;
}
#undef KERNEL
#undef IN
#undef OUT
#undef IN_MIN
#undef IN_MAX
