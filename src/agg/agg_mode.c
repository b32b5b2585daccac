/* SPDX-License-Identifier: Apache-2.0 */
/* agg_mode.c - mode(x): the most frequent value, of equally frequent ones the smallest (with WITHIN
 * GROUP (ORDER BY x DESC) the largest), NULL over no rows; entropy(x): the binary entropy of the
 * values' shares, 0 over no rows; histogram(x): a MAP of each value, in its order, to how often it
 * is there, NULL over no rows. All from a multiset; NULL values do not count. */
#include <math.h>

#include "agg/multiset.h"
#include "type/nested.h"

typedef struct frequencies {
    agg      base;
    sort_key key;
    multiset values;
} frequencies;

static status
resolve_mode(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = s->types[0];
    return s->types[0].id != TYPE_NULL && type_is_orderable(s->types[0]) ? OK : ERR_WRONG_TYPE;
}

static status
resolve_entropy(const agg_class *class, agg_signature *s, error *err) {
    TRY(resolve_mode(class, s, err));
    s->output = type_of(TYPE_F64);
    return OK;
}

static status
resolve_histogram(const agg_class *class, agg_signature *s, error *err) {
    TRY(resolve_mode(class, s, err));
    return type_map(&s->output, s->types[0], type_of(TYPE_I64), err);
}

static void
close_frequencies(agg *base) {
    frequencies *self = (frequencies *)base;
    multiset_close(&self->values);
    mem_free(base->mem, self, sizeof(*self));
}

static status
open_frequencies(agg **out, const agg_class *class, const agg_signature *signature,
                 const agg_site *site, error *err) {
    agg *made;
    TRY(agg_new(&made, sizeof(frequencies), class, signature, site, err));
    frequencies *self = (frequencies *)made;
    const bool   mode = class == &agg_mode_class;
    self->key = (sort_key){
        .column = 0, .descending = signature->order_count > 0 && signature->orders[0].descending};
    const multiset_options options = {.column_count = 1,
                                      .types = signature->types,
                                      .key_count = 1,
                                      .keys = &self->key,
                                      .rank = mode ? RANK_FREQUENT : RANK_NONE,
                                      .counted = !mode};
    const status           opened = multiset_open(&self->values, site, &options, err);
    if (opened < 0) {
        close_frequencies(made);
        return opened;
    }
    *out = made;
    return OK;
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    return multiset_init(&((frequencies *)base)->values, slots, count, err);
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    return multiset_update(&((frequencies *)base)->values, slots, columns, weight, filter, count,
                           scratch, err);
}

static status
value_mode(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    multiset *values = &((frequencies *)base)->values;
    slot     *entries = arena_alloc(a, (size_t)count * sizeof(*entries));
    if (entries == NULL) {
        return error_memory(err);
    }
    TRY(multiset_settle(values, err));
    for (int32_t i = 0; i < count; i++) {
        entries[i] = multiset_first(values, slots[i]);
    }
    return multiset_read(values, 0, entries, count, a, out, err);
}

static double
entropy_of(const multiset *values, slot group) {
    const double total = (double)multiset_copies(values, group);
    double       sum = 0;
    for (multiset_cursor c = multiset_begin(values, group); c.entry != SLOT_NONE;
         multiset_next(values, &c)) {
        const double share = (double)multiset_weight(values, c.entry) / total;
        sum -= share * log2(share);
    }
    return fmax(sum, 0);
}

static status
value_entropy(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    multiset *values = &((frequencies *)base)->values;
    double   *results = arena_alloc(a, (size_t)count * sizeof(*results));
    if (results == NULL) {
        return error_memory(err);
    }
    TRY(multiset_settle(values, err));
    for (int32_t i = 0; i < count; i++) {
        results[i] = entropy_of(values, slots[i]);
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = results};
    return OK;
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    return multiset_merge(&((frequencies *)base)->values, slots,
                          &((const frequencies *)other)->values, from, count, scratch, err);
}

static status
count_values(strview *out, agg *base, slot group, int64_t entry_count, arena *a, error *err) {
    multiset *values = &((frequencies *)base)->values;
    slot     *entries = arena_alloc(a, (size_t)entry_count * sizeof(*entries));
    value    *pairs = arena_alloc(a, (size_t)entry_count * sizeof(*pairs));
    column    keys;
    value     made;
    int32_t   n = 0;
    if (entries == NULL || pairs == NULL) {
        return error_memory(err);
    }
    for (multiset_cursor c = multiset_begin(values, group); c.entry != SLOT_NONE;
         multiset_next(values, &c)) {
        entries[n++] = c.entry;
    }
    TRY(multiset_read(values, 0, entries, n, a, &keys, err));
    for (int32_t i = 0; i < n; i++) {
        const value pair[2] = {column_value(&keys, i),
                               value_i64(multiset_weight(values, entries[i]))};
        TRY(nested_make(&pairs[i], type_item(base->output), pair, 2, a, err));
    }
    TRY(nested_make(&made, base->output, pairs, n, a, err));
    *out = strview_of(made.s.data, (uint32_t)made.s.size);
    return OK;
}

static status
value_histogram(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    multiset *values = &((frequencies *)base)->values;
    strview  *results = arena_alloc_zero(a, (size_t)count * sizeof(*results));
    bool     *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (results == NULL || nulls == NULL) {
        return error_memory(err);
    }
    TRY(multiset_settle(values, err));
    for (int32_t i = 0; i < count; i++) {
        int64_t n = 0;
        for (multiset_cursor c = multiset_begin(values, slots[i]); c.entry != SLOT_NONE;
             multiset_next(values, &c)) {
            n++;
        }
        if (n > INT32_MAX / 64) {
            return error_set(err, ERR_QUERY_FAILED, "histogram of %lld values is too large",
                             (long long)n);
        }
        nulls[i] = n == 0;
        TRY(n > 0 ? count_values(&results[i], base, slots[i], n, a, err) : OK);
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = results};
    return agg_set_nulls(out, nulls, count, a, err);
}

static status
clear(agg *base, slot s, error *err) {
    return multiset_clear(&((frequencies *)base)->values, s, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    return multiset_rebuild(&((frequencies *)base)->values, groups, err);
}

static status
validate(const agg *base, error *err) {
    return multiset_validate(&((const frequencies *)base)->values, err);
}

const agg_class agg_mode_class = {
    .name = "mode",
    .column_min = 1,
    .column_max = 1,
    .keeps_rows = true,
    .resolve = resolve_mode,
    .open = open_frequencies,
    .close = close_frequencies,
    .init = init,
    .update = update,
    .value = value_mode,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_entropy_class = {
    .name = "entropy",
    .column_min = 1,
    .column_max = 1,
    .keeps_rows = true,
    .resolve = resolve_entropy,
    .open = open_frequencies,
    .close = close_frequencies,
    .init = init,
    .update = update,
    .value = value_entropy,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};

const agg_class agg_histogram_class = {
    .name = "histogram",
    .column_min = 1,
    .column_max = 1,
    .keeps_rows = true,
    .resolve = resolve_histogram,
    .open = open_frequencies,
    .close = close_frequencies,
    .init = init,
    .update = update,
    .value = value_histogram,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};
