/* SPDX-License-Identifier: Apache-2.0 */
/* agg_sum.c - sum(x): BIGINT for integers (exact; a total beyond BIGINT is an error when it is
 * emitted), DOUBLE for doubles. NULL over no rows. */
#include "agg/running_sum.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    if (!running_sum_takes(s->types[0])) {
        return ERR_WRONG_TYPE;
    }
    s->output = type_of(s->types[0].id == TYPE_F64 ? TYPE_F64 : TYPE_I64);
    return OK;
}

static status
overflow(error *err, int128 total) {
    (void)error_set(err, ERR_QUERY_FAILED,
                    "integer overflow in sum: the total of a group is about %.17g, BIGINT ends at "
                    "%s9223372036854775808",
                    (double)total, total < 0 ? "-" : "");
    return error_hint(err, "sum(CAST(x AS DOUBLE)) has the range");
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    running_sum *self = (running_sum *)base;
    int64_t     *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    TRY(running_sum_settle(self, slots, count, err));
    if (base->input.id == TYPE_F64) {
        for (int32_t i = 0; i < count; i++) {
            const double total = running_sum_double(self, slots[i], 1);
            memcpy(&values[i], &total, sizeof(total));
        }
    } else {
        for (int32_t i = 0; i < count; i++) {
            const int128 total = exact_total(ARRAY_AT(&self->sums, exact_sum, slots[i]));
            values[i] = (int64_t)total;
            if (UNLIKELY(values[i] != total)) {
                return overflow(err, total);
            }
        }
    }
    return running_sum_column(self, slots, values, count, a, out, err);
}

const agg_class agg_sum_class = {
    .name = "sum",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .open = running_sum_open,
    .close = running_sum_close,
    .init = running_sum_init,
    .update = running_sum_update,
    .value = value_of,
    .clear = running_sum_clear,
};
