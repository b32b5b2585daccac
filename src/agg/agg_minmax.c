/* SPDX-License-Identifier: Apache-2.0 */
/* agg_minmax.c - min(x) and max(x) in SQL order (NaN above all numbers); first(x) and last(x) in
 * the order of arrival. NULL values do not count; NULL over no rows. The work is in
 * extreme_append.c and extreme_multiset.c.
 *
 * Under retraction equal values of a group are one: it came when its first copy came (for last: its
 * newest), and goes with its last copy. */
#include "agg/extreme.h"

static bool
resolve(data_type input, data_type *output) {
    *output = input;
    return input.id != TYPE_NULL && input.id != TYPE_INTERVAL && type_is_orderable(input);
}

static const extreme_class *
pick(data_type input, bool append_only) {
    if (!append_only) {
        return &extreme_multiset_class;
    }
    return input.id == TYPE_TEXT ? &extreme_text_class : &extreme_append_class;
}

static status
open_class(agg **out, const agg_class *class, store *s, mem *m, const char *name, data_type input,
           bool append_only, error *err) {
    data_type output = {0};
    if (!resolve(input, &output)) {
        return error_set(err, ERR_WRONG_TYPE, "%s does not take %s", class->name, type_name(input));
    }
    const extreme_class *how = pick(input, append_only);
    extreme             *self = mem_alloc_zero(m, how->size);
    if (self == NULL) {
        return error_memory(err);
    }
    *self = (extreme){
        .base = {.class = class, .input = input, .output = output, .append_only = append_only},
        .how = how,
        .mem = m,
        .largest = class == &agg_max_class || class == &agg_last_class,
        .by_arrival = class == &agg_first_class || class == &agg_last_class};
    TRY(how->open(self, s, name, err));
    *out = &self->base;
    return OK;
}

static status
open_min(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
         error *err) {
    return open_class(out, &agg_min_class, s, m, name, input, append_only, err);
}

static status
open_max(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
         error *err) {
    return open_class(out, &agg_max_class, s, m, name, input, append_only, err);
}

static status
open_first(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
           error *err) {
    return open_class(out, &agg_first_class, s, m, name, input, append_only, err);
}

static status
open_last(agg **out, store *s, mem *m, const char *name, data_type input, bool append_only,
          error *err) {
    return open_class(out, &agg_last_class, s, m, name, input, append_only, err);
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
update(agg *base, const slot *slots, const column *input, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    extreme       *self = (extreme *)base;
    const uint8_t *use;
    TRY(agg_contributing(&use, input, filter, count, scratch, err));
    return self->how->update(self, slots, input, weight, use, count, scratch, err);
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
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_min,
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
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_max,
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
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_first,
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
    .resolve = resolve,
    .ignores_copies = true,
    .open = open_last,
    .close = close_extreme,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .rebuild = rebuild,
    .validate = validate,
};
