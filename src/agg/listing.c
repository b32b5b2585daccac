/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - see listing.h. */
#include "agg/listing.h"

#include <stdio.h>

static size_t
types_size(const agg *base) {
    return (size_t)(base->signature->column_count + 1) * sizeof(data_type);
}

static status
open_rows(listing *self, const agg_site *site, error *err) {
    const agg_signature *s = self->base.signature;
    char                 label[160];
    self->types = mem_alloc(site->mem, types_size(&self->base));
    if (self->types == NULL) {
        return error_memory(err);
    }
    memcpy(self->types, s->types, (size_t)s->column_count * sizeof(data_type));
    self->types[s->column_count] = type_of(TYPE_I64);
    self->by_arrival = s->order_count == 0;
    self->arrival = (sort_key){.column = s->column_count};
    const multiset_options options = {.column_count = s->column_count + self->by_arrival,
                                      .types = self->types,
                                      .key_count = self->by_arrival ? 1 : s->order_count,
                                      .keys = self->by_arrival ? &self->arrival : s->orders};
    snprintf(label, sizeof(label), "%.120s.clock", site->name);
    TRY(array_open(&self->clock, site->store, label, sizeof(int64_t), err));
    return multiset_open(&self->rows, site, &options, err);
}

status
listing_open(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    agg *made;
    TRY(agg_new(&made, sizeof(listing), class, signature, site, err));
    const status opened = open_rows((listing *)made, site, err);
    if (opened < 0) {
        listing_close(made);
        return opened;
    }
    *out = made;
    return OK;
}

void
listing_close(agg *base) {
    listing *self = (listing *)base;
    multiset_close(&self->rows);
    array_close(&self->clock);
    if (self->types != NULL) {
        mem_free(base->mem, self->types, types_size(base));
    }
    mem_free(base->mem, self, sizeof(*self));
}

status
listing_init(agg *base, const slot *slots, int32_t count, error *err) {
    return multiset_init(&((listing *)base)->rows, slots, count, err);
}

static status
number_rows(listing *self, column *out, int32_t count, arena *scratch, error *err) {
    int64_t *numbers = arena_alloc(scratch, (size_t)count * sizeof(*numbers));
    if (numbers == NULL) {
        return error_memory(err);
    }
    TRY(array_reserve_to(&self->clock, 1, err));
    TRY(array_touch(&self->clock, 0, 1, err));
    int64_t *next = ARRAY_AT(&self->clock, int64_t, 0);
    for (int32_t i = 0; i < count; i++) {
        numbers[i] = (*next)++;
    }
    *out = (column){.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = numbers};
    return OK;
}

status
listing_update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
               const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    listing      *self = (listing *)base;
    const int32_t width = base->signature->column_count;
    column       *all = arena_alloc(scratch, (size_t)(width + 1) * sizeof(*all));
    if (all == NULL) {
        return error_memory(err);
    }
    if (!base->class->keeps_nulls) {
        TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    }
    memcpy(all, columns, (size_t)width * sizeof(*all));
    if (self->by_arrival) {
        TRY(number_rows(self, &all[width], count, scratch, err));
    }
    return multiset_update(&self->rows, slots, all, weight, filter, count, scratch, err);
}

status
listing_merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
              arena *scratch, error *err) {
    assert(!((listing *)base)->by_arrival);
    return multiset_merge(&((listing *)base)->rows, slots, &((const listing *)other)->rows, from,
                          count, scratch, err);
}

status
listing_clear(agg *base, slot s, error *err) {
    return multiset_clear(&((listing *)base)->rows, s, err);
}

status
listing_rebuild(agg *base, error *err) {
    return multiset_rebuild(&((listing *)base)->rows, err);
}

status
listing_validate(const agg *base, error *err) {
    return multiset_validate(&((const listing *)base)->rows, err);
}

status
listing_read(listing *self, slot group, arena *a, int32_t *count, column *values, int32_t width,
             const int64_t **weights, error *err) {
    multiset *rows = &self->rows;
    int64_t   n = 0;
    TRY(multiset_settle(rows, err));
    for (multiset_cursor c = multiset_begin(rows, group); c.entry != SLOT_NONE;
         multiset_next(rows, &c)) {
        n++;
    }
    *count = (int32_t)n;
    if (n == 0) {
        return OK;
    }
    if (n > INT32_MAX) {
        return error_set(err, ERR_QUERY_FAILED, "a list of %lld values is too long", (long long)n);
    }
    slot    *entries = arena_alloc(a, (size_t)n * sizeof(*entries));
    int64_t *copies = arena_alloc(a, (size_t)n * sizeof(*copies));
    if (entries == NULL || copies == NULL) {
        return error_memory(err);
    }
    int64_t i = 0;
    for (multiset_cursor c = multiset_begin(rows, group); c.entry != SLOT_NONE;
         multiset_next(rows, &c)) {
        entries[i] = c.entry;
        copies[i++] = multiset_weight(rows, c.entry);
    }
    *weights = copies;
    for (int32_t k = 0; k < width; k++) {
        TRY(multiset_read(rows, k, entries, (int32_t)n, a, &values[k], err));
    }
    return OK;
}
