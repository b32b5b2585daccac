/* SPDX-License-Identifier: Apache-2.0 */
/* blend.inc.h - template: moves of values of one width.
 * Parameters, undefined at the end: BLEND, SCATTER function names; VALUE C type of that width.
 * BLEND: out[i] = in's value of row i where take[i] is set. SCATTER: out[rows[i]] = in's value of
 * row i; rows NULL: i itself. */
static void
BLEND(void *restrict out, const void *restrict in, int32_t by, const uint8_t *restrict take,
      int32_t n) {
    VALUE *restrict z = out;
    const VALUE *restrict x = in;
    if (by == 0) {
        const VALUE v = x[0];
        for (int32_t i = 0; i < n; i++) {
            z[i] = take[i] ? v : z[i];
        }
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        z[i] = take[i] ? x[i] : z[i];
    }
}

static void
SCATTER(void *restrict out, const void *restrict in, int32_t by, const int32_t *restrict rows,
        int32_t n) {
    VALUE *restrict z = out;
    const VALUE *restrict x = in;
    if (rows == NULL) {
        for (int32_t i = 0; i < n; i++) {
            z[i] = x[i * by];
        }
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        z[rows[i]] = x[i * by];
    }
}
#undef BLEND
#undef SCATTER
#undef VALUE
