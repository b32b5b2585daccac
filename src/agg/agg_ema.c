/* SPDX-License-Identifier: Apache-2.0 */
/* agg_ema.c - ema(x, alpha [ORDER BY ...]): the exponential moving average after the last row,
 * which starts at the first value and moves by alpha towards each further one. NULL values do not
 * count; NULL over no rows. */
#include <math.h>

#include "agg/listing.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    if (!type_is_numeric(s->types[0])) {
        return ERR_WRONG_TYPE;
    }
    s->types[0] = type_of(TYPE_F64);
    s->output = s->types[0];
    const value *alpha = &s->constants[0];
    const bool   number = type_is_numeric(alpha->type) && !alpha->is_null;
    const double part = number ? value_to_double(alpha) : -1;
    return part > 0 && part <= 1 ? OK
                                 : error_set(err, ERR_QUERY_FAILED,
                                             "the weight of ema is a number above 0 and at most 1");
}

static double
alpha_of(const agg_signature *s) {
    return value_to_double(&s->constants[0]);
}

static double
average(const double *values, const int64_t *copies, int32_t count, double alpha) {
    double now = values[0];
    for (int32_t i = 0; i < count; i++) { /* copies at once: what is left of the distance */
        const double left = copies[i] == 1 ? 1 - alpha : pow(1 - alpha, (double)copies[i]);
        now = now == values[i] ? now : values[i] + (now - values[i]) * left;
    }
    return now;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    double *results = arena_alloc(a, (size_t)count * sizeof(*results));
    bool   *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (results == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t        n;
        column         values;
        const int64_t *copies;
        TRY(listing_read((listing *)base, slots[i], a, &n, &values, 1, &copies, err));
        nulls[i] = n == 0;
        results[i] = n == 0 ? 0 : average(values.values, copies, n, alpha_of(base->signature));
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = results};
    return agg_set_nulls(out, nulls, count, a, err);
}

const agg_class agg_ema_class = {
    .name = "ema",
    .column_min = 1,
    .column_max = 1,
    .constant_min = 1,
    .constant_max = 1,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .resolve = resolve,
    .open = listing_open,
    .close = listing_close,
    .init = listing_init,
    .update = listing_update,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};
