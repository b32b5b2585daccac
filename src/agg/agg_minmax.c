/* SPDX-License-Identifier: Apache-2.0 */
/* agg_minmax.c - min(x) and max(x) in SQL order (NaN above all numbers); arg_min(x, y) and
 * arg_max(x, y), the x of the row with the smallest or largest y; first(x) and last(x) in the order
 * of arrival or of their ORDER BY. Rows with a NULL argument do not count; NULL over no rows. Of
 * rows that stand at one place in the order the one with the smallest values counts. The work is in
 * extreme_*.c.
 *
 * By arrival, under retraction, equal values of a group are one: it came when its first copy came
 * (for last: its newest), and goes with its last copy. */
#include "agg/extreme.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = s->types[0];
    for (int32_t i = 0; i < s->argument_count; i++) {
        const data_type t = s->types[i];
        if (t.id == TYPE_NULL || !type_is_orderable(t)) {
            return ERR_WRONG_TYPE;
        }
    }
    return OK;
}

static const extreme_class *
pick(const agg_signature *s, bool append_only) {
    if (!append_only) {
        return &extreme_multiset_class;
    }
    const physical p = type_physical(s->types[0]);
    const bool     fixed = p <= PHYSICAL_I64 || p == PHYSICAL_F64;
    return fixed && s->column_count == 1 && s->order_count == 0 ? &extreme_append_class
                                                                : &extreme_row_class;
}

static void
close_extreme(agg *base) {
    extreme *self = (extreme *)base;
    self->how->close(self);
    if (self->keys != NULL) {
        mem_free(base->mem, self->keys, (size_t)self->all_key_count * sizeof(*self->keys));
    }
    mem_free(base->mem, self, self->how->size);
}

/* keys: those that the function means, then all columns. */
static status
set_order(extreme *e, error *err) {
    const agg_class *class = e->base.class;
    const agg_signature *s = e->base.signature;
    const bool           ordered = class == &agg_first_class || class == &agg_last_class;
    const bool           reverse = class == &agg_last_class;
    e->key_count = ordered ? s->order_count : 1;
    e->all_key_count = e->key_count + s->column_count;
    e->by_arrival = ordered && s->order_count == 0;
    e->largest = class == &agg_max_class || class == &agg_last_class;
    e->keys = mem_alloc(e->base.mem, (size_t)e->all_key_count * sizeof(*e->keys));
    if (e->keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; ordered && i < s->order_count; i++) {
        const sort_key *k = &s->orders[i];
        e->keys[i] = (sort_key){.column = k->column,
                                .descending = k->descending != reverse,
                                .nulls_first = k->nulls_first != reverse};
    }
    if (!ordered) {
        const bool of_another = class == &agg_arg_min_class || class == &agg_arg_max_class;
        const bool largest = class == &agg_max_class || class == &agg_arg_max_class;
        e->keys[0] = (sort_key){.column = of_another, .descending = largest};
    }
    for (int32_t i = 0; i < s->column_count; i++) {
        e->keys[e->key_count + i] = (sort_key){.column = i};
    }
    return OK;
}

static status
open_extreme(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    const extreme_class *how = pick(signature, site->append_only);
    agg                 *made;
    TRY(agg_new(&made, how->size, class, signature, site, err));
    extreme *self = (extreme *)made;
    self->how = how;
    status opened = set_order(self, err);
    opened = opened < 0 ? opened : how->open(self, site, err);
    if (opened < 0) {
        close_extreme(made);
        return opened;
    }
    *out = made;
    return OK;
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    extreme *self = (extreme *)base;
    return self->how->init(self, slots, count, err);
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    extreme *self = (extreme *)base;
    for (int32_t i = 0; i < base->signature->argument_count; i++) {
        TRY(agg_contributing(&filter, &columns[i], filter, count, scratch, err));
    }
    return self->how->update(self, slots, columns, weight, filter, count, scratch, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    extreme *self = (extreme *)base;
    return self->how->value(self, slots, count, a, out, err);
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    extreme *self = (extreme *)base;
    assert(!self->by_arrival);
    return self->how->merge(self, slots, (const extreme *)other, from, count, scratch, err);
}

static status
clear(agg *base, slot s, error *err) {
    extreme *self = (extreme *)base;
    return self->how->clear(self, s, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    extreme *self = (extreme *)base;
    return self->how->rebuild(self, groups, err);
}

static status
validate(const agg *base, error *err) {
    const extreme *self = (const extreme *)base;
    return self->how->validate == NULL ? OK : self->how->validate(self, err);
}

const agg_class agg_min_class = {
    .name = "min",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_max_class = {
    .name = "max",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_first_class = {
    .name = "first",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .order_matters = true,
    .resolve = resolve,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_last_class = {
    .name = "last",
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .order_matters = true,
    .resolve = resolve,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_arg_min_class = {
    .name = "arg_min",
    .column_min = 2,
    .column_max = 2,
    .ignores_copies = true,
    .resolve = resolve,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_arg_max_class = {
    .name = "arg_max",
    .column_min = 2,
    .column_max = 2,
    .ignores_copies = true,
    .resolve = resolve,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};
