/* SPDX-License-Identifier: Apache-2.0 */
/* agg_avg.c - avg(x), also called mean: the exact (integers, DECIMAL) or compensated (doubles)
 * total by the number of rows, as DOUBLE; exact ones are rounded once. NULL over no rows. */
#include "agg/running_sum.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = type_of(TYPE_F64);
    if (s->types[0].id == TYPE_F32) {
        s->types[0] = s->output;
    }
    return running_sum_takes(s->types[0]) ? OK : ERR_WRONG_TYPE;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    running_sum *self = (running_sum *)base;
    double      *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    TRY(running_sum_settle(self, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        const int64_t n = running_sum_count(self, slots[i]);
        if (n == 0) {
            values[i] = 0;
        } else if (base->input.id == TYPE_F64) {
            values[i] = running_sum_double(self, slots[i], (double)n);
        } else {
            values[i] = int192_quotient(running_sum_total(self, slots[i]), n, base->input.scale);
        }
    }
    return running_sum_column(self, slots, values, count, a, out, err);
}

const agg_class agg_avg_class = {
    .name = "avg",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .open = running_sum_open,
    .close = running_sum_close,
    .init = running_sum_init,
    .update = running_sum_update,
    .value = value_of,
    .clear = running_sum_clear,
    .merge = running_sum_merge,
    .rebuild = running_sum_rebuild,
};
