/* SPDX-License-Identifier: Apache-2.0 */
/* agg_distinct.c - an aggregate over different rows, by itself: what window functions open for a
 * call with DISTINCT. (Grouped queries take the copies away below the aggregate.)
 *
 * A multiset counts the copies of each row; the aggregate inside sees a row when its first copy
 * comes and loses it when its last one goes. */
#include "agg/agg_distinct.h"

#include "agg/multiset.h"

typedef struct distinct {
    agg       base;
    agg      *inner;
    sort_key *keys;
    multiset  seen;
} distinct;

static void
close_distinct(agg *base) {
    distinct *self = (distinct *)base;
    if (self->inner != NULL) {
        self->inner->class->close(self->inner);
    }
    multiset_close(&self->seen);
    mem_free(base->mem, self->keys, sizeof(sort_key) * (size_t)base->signature->column_count);
    mem_free(base->mem, self, sizeof(*self));
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    distinct *self = (distinct *)base;
    TRY(multiset_init(&self->seen, slots, count, err));
    return self->inner->class->init(self->inner, slots, count, err);
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    distinct     *self = (distinct *)base;
    multiset_turn turned;
    TRY(multiset_update_turns(&self->seen, slots, columns, weight, filter, count, &turned, scratch,
                              err));
    return turned.count == 0
               ? OK
               : self->inner->class->update(self->inner, turned.slots, turned.columns,
                                            turned.weights, NULL, turned.count, scratch, err);
}

static status
get_value(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    agg *inner = ((distinct *)base)->inner;
    return inner->class->value(inner, slots, count, a, out, err);
}

static status
clear(agg *base, slot s, error *err) {
    distinct *self = (distinct *)base;
    TRY(multiset_clear(&self->seen, s, err));
    return self->inner->class->clear(self->inner, s, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    distinct *self = (distinct *)base;
    TRY(multiset_rebuild(&self->seen, groups, err));
    return self->inner->class->rebuild(self->inner, groups, err);
}

static status
validate(const agg *base, error *err) {
    const distinct *self = (const distinct *)base;
    TRY(multiset_validate(&self->seen, err));
    return self->inner->class->validate == NULL ? OK
                                                : self->inner->class->validate(self->inner, err);
}

static const agg_class distinct_class = {.name = "distinct",
                                         .close = close_distinct,
                                         .init = init,
                                         .update = update,
                                         .value = get_value,
                                         .clear = clear,
                                         .rebuild = rebuild,
                                         .validate = validate};

status
agg_distinct_open(agg **out, const agg_class *class, const agg_signature *signature,
                  const agg_site *site, error *err) {
    agg          *made;
    const int32_t count = signature->column_count;
    char          name[160];
    TRY(agg_new(&made, sizeof(distinct), &distinct_class, signature, site, err));
    distinct *self = (distinct *)made;
    snprintf(name, sizeof(name), "%.120s.distinct", site->name);
    const agg_site seen = {
        .store = site->store, .mem = site->mem, .name = name, .append_only = site->append_only};
    self->keys = mem_alloc_zero(site->mem, sizeof(sort_key) * (size_t)count);
    status s = self->keys == NULL ? error_memory(err) : OK;
    for (int32_t i = 0; s == OK && i < count; i++) {
        self->keys[i].column = i;
    }
    const multiset_options options = {
        .column_count = count, .types = signature->types, .key_count = count, .keys = self->keys};
    s = s < 0 ? s : multiset_open(&self->seen, &seen, &options, err);
    s = s < 0 ? s : class->open(&self->inner, class, signature, site, err);
    if (s < 0) {
        close_distinct(made);
        return s;
    }
    *out = made;
    return OK;
}
