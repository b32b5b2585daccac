/* SPDX-License-Identifier: Apache-2.0 */
/* agg_sum.c - sum(x): exact for integers (BIGINT; of HUGEINT and UBIGINT: HUGEINT) and DECIMAL
 * (DECIMAL(38, s)): totals have room for every number of rows, so only one that is beyond the type
 * when it is asked for is an error, whatever the order of the rows was. DOUBLE for FLOAT and
 * DOUBLE. NULL over no rows. */
#include "agg/running_sum.h"
#include "type/value_text.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    if (s->types[0].id == TYPE_F32) {
        s->types[0] = type_of(TYPE_F64);
    }
    const data_type input = s->types[0];
    const bool      wide = input.id == TYPE_I128 || input.id == TYPE_U64;
    s->output = input.id == TYPE_DECIMAL ? type_decimal(DECIMAL_PRECISION_MAX, input.scale)
                : input.id == TYPE_F64   ? input
                                         : type_of(wide ? TYPE_I128 : TYPE_I64);
    return running_sum_takes(input) ? OK : ERR_WRONG_TYPE;
}

static status
overflow(const running_sum *self, int192 total, error *err) {
    char range[VALUE_RANGE_MAX];
    (void)value_range_text(self->base.output, range);
    (void)error_set(err, ERR_QUERY_FAILED,
                    "overflow in sum: the total of a group is about %.17g, outside %s %s",
                    int192_quotient(total, 1, self->base.output.scale),
                    type_name(self->base.output), range);
    return error_hint(err, self->base.output.id == TYPE_I64
                               ? "sum(CAST(x AS HUGEINT)) is exact to 38 digits"
                               : "sum(CAST(x AS DOUBLE)) has the range");
}

static status
doubles(running_sum *self, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    double *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    TRY(running_sum_settle(self, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        values[i] = running_sum_double(self, slots[i], 1);
    }
    return running_sum_column(self, slots, values, count, a, out, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    running_sum *self = (running_sum *)base;
    if (base->input.id == TYPE_F64) {
        return doubles(self, slots, count, a, out, err);
    }
    const size_t width = type_width(base->output);
    uint8_t     *values = arena_alloc(a, (size_t)count * width);
    int128       min, max;
    (void)type_wide_range(base->output, &min, &max);
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const int192 total = running_sum_total(self, slots[i]);
        int128       narrow;
        if (UNLIKELY(!int192_narrow(total, &narrow) || narrow < min || narrow > max)) {
            return overflow(self, total, err);
        }
        memcpy(values + (size_t)i * width, &narrow, width); /* little-endian: the low bytes */
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
    .merge = running_sum_merge,
    .rebuild = running_sum_rebuild,
};
