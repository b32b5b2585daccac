/* SPDX-License-Identifier: Apache-2.0 */
/* Template: CAST of a DECIMAL to a coarser scale or to an integer, half away from zero. Parameters
 * as of cast_finer.inc.h. */
static bool
KERNEL(void *restrict out, const void *restrict in, int32_t n, data_type from, data_type to) {
    const IN *restrict x = in;
    OUT *restrict z = out;
    const IN power = (IN)decimal_powers[from.scale - to.scale];
    const IN half = power / 2;
    int128   min = 0;
    int128   max = 0;
    (void)type_wide_range(to, &min, &max);
    const IN low = (IN)(min < IN_MIN ? IN_MIN : min);
    const IN high = (IN)(max > IN_MAX ? IN_MAX : max);
    bool     fits = true;
    for (int32_t i = 0; i < n; i++) {
        const IN whole = x[i] / power;
        const IN rest = x[i] - whole * power;
        const IN a = (IN)(whole + (rest >= half) - (rest <= -half));
        fits &= (a >= low) & (a <= high);
        z[i] = (OUT)a;
    }
    return fits;
}
#undef KERNEL
#undef IN
#undef OUT
#undef IN_MIN
#undef IN_MAX
