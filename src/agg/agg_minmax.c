/* SPDX-License-Identifier: Apache-2.0 */
/* agg_minmax.c - min(x) and max(x) in SQL order (NaN above all numbers); first(x) and last(x) in
 * the order of arrival. NULL values do not count; NULL over no rows. The work is in
 * extreme_append.c and extreme_multiset.c.
 *
 * Under retraction equal values of a group are one: it came when its first copy came (for last: its
 * newest), and goes with its last copy. */
#include "agg/extreme.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    const data_type t = s->types[0];
    s->output = t;
    const bool orders = t.id != TYPE_NULL && t.id != TYPE_INTERVAL && type_is_orderable(t);
    return orders ? OK : ERR_WRONG_TYPE;
}

static const extreme_class *
pick(data_type input, bool append_only) {
    if (!append_only) {
        return &extreme_multiset_class;
    }
    return input.id == TYPE_TEXT ? &extreme_text_class : &extreme_append_class;
}

static status
open_extreme(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    const extreme_class *how = pick(signature->types[0], site->append_only);
    agg                 *made;
    TRY(agg_new(&made, how->size, class, signature, site, err));
    extreme *self = (extreme *)made;
    self->how = how;
    self->largest = class == &agg_max_class || class == &agg_last_class;
    self->by_arrival = class == &agg_first_class || class == &agg_last_class;
    TRY(how->open(self, site, err));
    *out = made;
    return OK;
}

static void
close_extreme(agg *base) {
    extreme *self = (extreme *)base;
    self->how->close(self);
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    extreme *self = (extreme *)base;
    return self->how->init(self, slots, count, err);
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    extreme       *self = (extreme *)base;
    const uint8_t *use;
    TRY(agg_contributing(&use, columns, filter, count, scratch, err));
    return self->how->update(self, slots, columns, weight, use, count, scratch, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    const extreme *self = (const extreme *)base;
    return self->how->value(self, slots, count, a, out, err);
}

static status
clear(agg *base, slot s, error *err) {
    extreme *self = (extreme *)base;
    return self->how->clear(self, s, err);
}

static status
rebuild(agg *base, error *err) {
    extreme *self = (extreme *)base;
    return self->how->rebuild == NULL ? OK : self->how->rebuild(self, err);
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
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_max_class = {
    .name = "max",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_first_class = {
    .name = "first",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_last_class = {
    .name = "last",
    .column_min = 1,
    .column_max = 1,
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_extreme,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .rebuild = rebuild,
    .validate = validate,
};
