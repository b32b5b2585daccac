/* SPDX-License-Identifier: Apache-2.0 */
/* agg_count.c - count(*) and count(x, ...): the sum of weights, of all rows or of those none of
 * whose arguments is NULL. Never NULL. */
#include "agg/agg_common.h"

typedef struct counter {
    agg         base;
    state_array counts; /* int64_t by slot */
} counter;

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = type_of(TYPE_I64);
    return OK;
}

static status
open_counter(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    TRY(agg_new(out, sizeof(counter), class, signature, site, err));
    counter     *self = (counter *)*out;
    const status opened = array_open(&self->counts, site->store, site->name, sizeof(int64_t), err);
    if (opened < 0) {
        mem_free(site->mem, self, sizeof(*self));
        *out = NULL;
    }
    return opened;
}

static void
close_counter(agg *base) {
    counter *self = (counter *)base;
    array_close(&self->counts);
    mem_free(base->mem, self, sizeof(*self));
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
update_star(agg *base, const slot *slots, const column *columns, const int64_t *weight,
            const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    (void)columns;
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
update_argument(agg *base, const slot *slots, const column *columns, const int64_t *weight,
                const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    const int32_t column_count = base->signature->argument_count;
    for (int32_t i = 0; i < column_count; i++) {
        if (columns[i].type.id == TYPE_NULL) {
            return OK;
        }
        TRY(agg_contributing(&filter, &columns[i], filter, count, scratch, err));
    }
    return update_star(base, slots, columns, weight, filter, count, scratch, err);
}

static status
resolve_if(const agg_class *class, agg_signature *s, error *err) {
    TRY(resolve(class, s, err));
    return s->types[0].id == TYPE_BOOL ? OK : ERR_WRONG_TYPE;
}

/* count_if: rows whose argument is true. */
static status
update_if(agg *base, const slot *slots, const column *columns, const int64_t *weight,
          const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    const uint8_t *is_true = columns->values;
    uint8_t       *use = arena_alloc(scratch, (size_t)count);
    if (use == NULL) {
        return error_memory(err);
    }
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    for (int32_t i = 0; i < count; i++) {
        use[i] = (filter == NULL || filter[i] != 0) && is_true[i] != 0;
    }
    return update_star(base, slots, columns, weight, use, count, scratch, err);
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

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    (void)scratch;
    counter           *self = (counter *)base;
    const state_array *parts = &((const counter *)other)->counts;
    TRY(array_touch_each(&self->counts, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        *ARRAY_AT(&self->counts, int64_t, slots[i]) += *ARRAY_AT(parts, int64_t, from[i]);
    }
    return OK;
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    return agg_check_slots(&((counter *)base)->counts, groups, err);
}

const agg_class agg_count_star_class = {
    .name = "count_star",
    .zero_of_nothing = true,
    .resolve = resolve,
    .changes_every_row = true,
    .open = open_counter,
    .close = close_counter,
    .init = init,
    .update = update_star,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
};

const agg_class agg_count_class = {
    .name = "count",
    .zero_of_nothing = true,
    .column_min = 1,
    .column_max = AGG_ARGUMENTS_MAX,
    .resolve = resolve,
    .open = open_counter,
    .close = close_counter,
    .init = init,
    .update = update_argument,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
};

const agg_class agg_count_if_class = {
    .name = "count_if",
    .zero_of_nothing = true,
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve_if,
    .open = open_counter,
    .close = close_counter,
    .init = init,
    .update = update_if,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
};
