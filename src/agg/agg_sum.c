/* SPDX-License-Identifier: Apache-2.0 */
/* agg_sum.c - sum(x): BIGINT for integers (exact; a total beyond BIGINT is an error when it is
 * emitted), DECIMAL(38, s) for DECIMALs of up to 18 digits (exact: 2^63 of them fit), DOUBLE for
 * doubles and FLOAT. NULL over no rows. */
#include "agg/running_sum.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    if (s->types[0].id == TYPE_F32) {
        s->types[0] = type_of(TYPE_F64);
    }
    const data_type input = s->types[0];
    s->output = input.id == TYPE_DECIMAL ? type_decimal(DECIMAL_PRECISION_MAX, input.scale)
                : input.id == TYPE_F64   ? input
                                         : type_of(TYPE_I64);
    return running_sum_takes(input) ? OK : ERR_WRONG_TYPE;
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
decimal_value(running_sum *self, const slot *slots, int32_t count, arena *a, column *out,
              error *err) {
    int128 *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        values[i] = exact_total(ARRAY_AT(&self->sums, exact_sum, slots[i]));
    }
    return running_sum_column(self, slots, values, count, a, out, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    running_sum *self = (running_sum *)base;
    if (base->input.id == TYPE_DECIMAL) {
        return decimal_value(self, slots, count, a, out, err);
    }
    int64_t *values = arena_alloc(a, (size_t)count * sizeof(*values));
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
