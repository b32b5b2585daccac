/* SPDX-License-Identifier: Apache-2.0 */
/* agg_count.c - count(*) and count(x): the sum of weights, of all rows or of those whose argument
 * is not NULL. Never NULL. */
#include "agg/agg_common.h"

typedef struct counter {
    agg         base;
    mem        *mem;
    state_array counts; /* int64_t by slot */
} counter;

static bool
resolve(data_type input, data_type *output) {
    (void)input;
    *output = type_of(TYPE_I64);
    return true;
}

static status
open_class(agg **out, const agg_class *class, store *s, mem *m, const char *name, data_type input,
           bool append_only, error *err) {
    counter *self = mem_alloc_zero(m, sizeof(*self));
    if (self == NULL) {
        return error_memory(err);
    }
    self->mem = m;
    self->base = (agg){
        .class = class, .input = input, .output = type_of(TYPE_I64), .append_only = append_only};
    const status opened = array_open(&self->counts, s, name, sizeof(int64_t), err);
    if (opened < 0) {
        mem_free(m, self, sizeof(*self));
        return opened;
    }
    *out = &self->base;
    return OK;
}

static status
open_star(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
          error *err) {
    return open_class(out, &agg_count_star_class, s, m, name, input, append_only, err);
}

static status
open_argument(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
              error *err) {
    return open_class(out, &agg_count_class, s, m, name, input, append_only, err);
}

static void
close_counter(agg *base) {
    counter *self = (counter *)base;
    array_close(&self->counts);
    mem_free(self->mem, self, sizeof(*self));
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    return agg_zero_slots(&((counter *)base)->counts, slots, count, err);
}

ALWAYS_INLINE void
add_body(int64_t *counts, const slot *slots, const int64_t *weight, const uint8_t *filter,
         int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        const int64_t w = weight == NULL ? 1 : weight[i];
        counts[slots[i]] += filter == NULL || filter[i] != 0 ? w : 0;
    }
}

static NOINLINE void
add_plain(int64_t *counts, const slot *slots, int32_t count) {
    add_body(counts, slots, NULL, NULL, count);
}

static NOINLINE void
add_weighted(int64_t *counts, const slot *slots, const int64_t *weight, int32_t count) {
    add_body(counts, slots, weight, NULL, count);
}

static NOINLINE void
add_filtered(int64_t *counts, const slot *slots, const uint8_t *filter, int32_t count) {
    add_body(counts, slots, NULL, filter, count);
}

static NOINLINE void
add_weighted_filtered(int64_t *counts, const slot *slots, const int64_t *weight,
                      const uint8_t *filter, int32_t count) {
    add_body(counts, slots, weight, filter, count);
}

static status
update_star(agg *base, const slot *slots, const column *input, const int64_t *weight,
            const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    (void)input;
    (void)scratch;
    counter *self = (counter *)base;
    TRY(array_touch_each(&self->counts, slots, count, err));
    int64_t *counts = ARRAY_AT(&self->counts, int64_t, 0);
    if (weight == NULL && filter == NULL) {
        add_plain(counts, slots, count);
    } else if (filter == NULL) {
        add_weighted(counts, slots, weight, count);
    } else if (weight == NULL) {
        add_filtered(counts, slots, filter, count);
    } else {
        add_weighted_filtered(counts, slots, weight, filter, count);
    }
    return OK;
}

static status
update_argument(agg *base, const slot *slots, const column *input, const int64_t *weight,
                const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    if (input->type.id == TYPE_NULL) {
        return OK;
    }
    const uint8_t *contributing;
    TRY(agg_contributing(&contributing, input, filter, count, scratch, err));
    return update_star(base, slots, input, weight, contributing, count, scratch, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    const counter *self = (const counter *)base;
    int64_t       *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        values[i] = *ARRAY_AT(&self->counts, int64_t, slots[i]);
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = values};
    return OK;
}

static status
clear(agg *base, slot s, error *err) {
    return agg_zero_slots(&((counter *)base)->counts, &s, 1, err);
}

const agg_class agg_count_star_class = {
    .name = "count_star",
    .resolve = resolve,
    .changes_every_row = true,
    .open = open_star,
    .close = close_counter,
    .init = init,
    .update = update_star,
    .value = value_of,
    .clear = clear,
};

const agg_class agg_count_class = {
    .name = "count",
    .resolve = resolve,
    .open = open_argument,
    .close = close_counter,
    .init = init,
    .update = update_argument,
    .value = value_of,
    .clear = clear,
};
