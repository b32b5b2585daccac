/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - see listing.h. */
#include "agg/listing.h"

#include <stdio.h>

#include "kernel/kernel.h"

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
    agg_site kept = *site;
    if (self->base.class == &agg_array_agg_class && s->constant_count > 0 && site->append_only) {
        self->most = (uint64_t)s->constants[0].i;
        kept.once = false; /* the last entry is to be found at any time */
    }
    return multiset_open(&self->rows, &kept, &options, err);
}

status
listing_open(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    return listing_open_sized(out, sizeof(listing), class, signature, site, err);
}

status
listing_open_sized(agg **out, size_t size, const agg_class *class, const agg_signature *signature,
                   const agg_site *site, error *err) {
    agg *made;
    TRY(agg_new(&made, size, class, signature, site, err));
    ((listing *)made)->size = size;
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
    mem_free(base->mem, self, self->size);
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

/* ---- the first entries of each group alone */

/* Leaves out rows that come behind the last entry of a group that has enough. */
static status
pass_first(listing *self, const slot *slots, const column *columns, const uint8_t **use,
           int32_t count, arena *scratch, error *err) {
    const sort_key *key = &self->base.signature->orders[0];
    const ordered  *order = &self->rows.order;
    slot           *last = arena_alloc(scratch, (size_t)count * sizeof(*last));
    uint8_t        *kept = arena_alloc(scratch, (size_t)count);
    column          bars;
    if (last == NULL || kept == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        kept[i] = *use == NULL || (*use)[i] != 0;
        const bool full = kept[i] && ordered_count_in(order, slots[i]) >= self->most;
        last[i] = full ? ordered_last_in(order, slots[i]) : SLOT_NONE;
    }
    TRY(multiset_read(&self->rows, key->column, last, count, scratch, &bars, err));
    for (int32_t i = 0; i < count; i++) {
        if (last[i] != SLOT_NONE) {
            const int way = compare_rows(&columns[key->column], i, &bars, i);
            kept[i] = key->descending ? way >= 0 : way <= 0;
        }
    }
    *use = kept;
    return OK;
}

static status
drop_last(listing *self, slot group, arena *scratch, error *err) {
    multiset        *rows = &self->rows;
    const arena_mark mark = arena_save(scratch);
    const int32_t    width = rows->options.column_count;
    const slot       last = ordered_last_in(&rows->order, group);
    const int64_t    minus = -multiset_weight(rows, last);
    column          *columns = arena_alloc(scratch, (size_t)width * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < width; k++) {
        TRY(multiset_read(rows, k, &last, 1, scratch, &columns[k], err));
    }
    TRY(multiset_update(rows, &group, columns, &minus, NULL, 1, scratch, err));
    arena_rewind(scratch, mark);
    return OK;
}

static status
keep_first(listing *self, const slot *slots, int32_t count, arena *scratch, error *err) {
    for (int32_t i = 0; self->most > 0 && i < count; i++) {
        while (ordered_count_in(&self->rows.order, slots[i]) > self->most) {
            TRY(drop_last(self, slots[i], scratch, err));
        }
    }
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
    if (self->most > 0) {
        TRY(pass_first(self, slots, all, &filter, count, scratch, err));
    }
    TRY(multiset_update(&self->rows, slots, all, weight, filter, count, scratch, err));
    return keep_first(self, slots, count, scratch, err);
}

status
listing_merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
              arena *scratch, error *err) {
    listing *self = (listing *)base;
    assert(!self->by_arrival);
    TRY(multiset_merge(&self->rows, slots, &((const listing *)other)->rows, from, count, scratch,
                       err));
    return keep_first(self, slots, count, scratch, err);
}

status
listing_clear(agg *base, slot s, error *err) {
    return multiset_clear(&((listing *)base)->rows, s, err);
}

status
listing_rebuild(agg *base, const slot_set *groups, error *err) {
    return multiset_rebuild(&((listing *)base)->rows, groups, err);
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
