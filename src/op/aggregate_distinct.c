/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_distinct.c - aggregate calls with DISTINCT.
 *
 * Each call keeps how often a value, or a row of values, is in a group. Only crossings of zero
 * reach the aggregate: weight +1 when a value comes, -1 when its last copy leaves. Rows with a NULL
 * argument are skipped, as most aggregates do. The pairs of one group hang on a chain, so that a
 * group can leave as a whole; a pair of an append-only input that never loses groups is in the
 * table and nowhere else. Of several calls over the same columns of such an input, as
 * COUNT(DISTINCT x) with and without FILTERs, only the first without a FILTER looks its pairs up;
 * the others ask which of those they have (aggregate_shared.c). What ORDER BY inside the call sorts
 * by is an argument too (the binder sees to it), so it is the same for all copies.
 */
#include "op/aggregate.h"

typedef struct distinct_entry { /* pair slots + 1; 0: none */
    int64_t  weight;
    uint32_t next, previous;
} distinct_entry;

/* Rows of one delta that count: gathered, with the pair each belongs to. */
typedef struct distinct_rows {
    int32_t  count;
    int32_t *rows; /* of the delta */
    column  *pair; /* group slot, values */
    slot    *pairs;
    uint8_t *is_new;
} distinct_rows;

status
distinct_calls_open(aggregate *a, int32_t call, error *err) {
    aggregate_distinct  *d = &a->distinct[call];
    const op_spec       *spec = a->base.spec;
    store               *st = a->base.env->store;
    const agg_signature *signature = &spec->aggs[call].signature;
    const int32_t        width = signature->column_count;
    data_type *types = arena_alloc(a->base.env->scratch, (size_t)(width + 1) * sizeof(*types));
    if (types == NULL) {
        return error_memory(err);
    }
    types[0] = type_of(TYPE_I64);
    memcpy(types + 1, signature->types, (size_t)width * sizeof(*types));
    TRY(group_table_open(&d->pairs, st, "aggregate.distinct", types, width + 1, err));
    d->tracked =
        !spec->append_only[0] || a->windowed || spec->session || op_ttl_us(&a->base, 0) > 0;
    distinct_shared_open(a, call);
    TRY(array_open(&d->entries, st, "aggregate.distinct_entries", sizeof(distinct_entry), err));
    TRY(array_open(&d->heads, st, "aggregate.distinct_heads", sizeof(uint32_t), err));
    return OK;
}

void
distinct_calls_close(aggregate *a, int32_t call) {
    aggregate_distinct *d = &a->distinct[call];
    array_close(&d->heads);
    array_close(&d->entries);
    group_table_close(&d->pairs);
    distinct_shared_close(a, call);
}

void
distinct_choose_rows(const aggregate *a, int32_t call, const uint8_t *filter, uint8_t *counts,
                     int32_t count) {
    const op_agg *spec = &a->base.spec->aggs[call];
    for (int32_t i = 0; i < count; i++) {
        counts[i] = filter == NULL || filter[i] != 0;
    }
    const int32_t width = spec->class->keeps_nulls ? 0 : spec->signature.argument_count;
    for (int32_t k = 0; k < width; k++) {
        const column *argument = &a->arguments[k];
        for (int32_t i = 0; i < count && argument->validity != NULL; i++) {
            counts[i] = counts[i] & !column_is_null(argument, i);
        }
        if (argument->type.id == TYPE_NULL) {
            memset(counts, 0, (size_t)count);
        }
    }
}

/* The rows that count, and their pairs. */
static status
map_pairs(aggregate *a, int32_t call, const slot *slots, const uint8_t *filter, int32_t count,
          distinct_rows *r, error *err) {
    arena        *scratch = a->base.env->scratch;
    const int32_t width = a->base.spec->aggs[call].signature.column_count;
    int64_t      *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    uint8_t      *counts = arena_alloc(scratch, (size_t)count);
    r->pair = arena_alloc(scratch, (size_t)(width + 1) * sizeof(*r->pair));
    r->rows = arena_alloc(scratch, (size_t)count * sizeof(*r->rows));
    r->pairs = arena_alloc(scratch, (size_t)count * sizeof(*r->pairs));
    r->is_new = arena_alloc(scratch, (size_t)count);
    if (groups == NULL || counts == NULL || r->pair == NULL || r->rows == NULL ||
        r->pairs == NULL || r->is_new == NULL) {
        return error_memory(err);
    }
    distinct_choose_rows(a, call, filter, counts, count);
    int32_t n = 0;
    for (int32_t i = 0; i < count; i++) {
        groups[n] = slots[i];
        r->rows[n] = i;
        n += counts[i];
    }
    r->count = n;
    r->pair[0] = (column){.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = groups};
    if (n == 0) {
        return OK;
    }
    for (int32_t k = 0; k < width; k++) {
        r->pair[k + 1] = a->arguments[k];
        if (n < count) {
            TRY(column_gather(&r->pair[k + 1], &a->arguments[k], r->rows, n, scratch, err));
        }
    }
    return group_table_map(&a->distinct[call].pairs, r->pair, n, r->pairs, r->is_new, scratch, err);
}

static status
link_pair(aggregate_distinct *d, slot pair, slot group, error *err) {
    uint32_t *head = ARRAY_AT(&d->heads, uint32_t, group);
    TRY(array_touch(&d->heads, group, 1, err));
    *ARRAY_AT(&d->entries, distinct_entry, pair) = (distinct_entry){.next = *head};
    if (*head != 0) {
        TRY(array_touch(&d->entries, *head - 1, 1, err));
        ARRAY_AT(&d->entries, distinct_entry, *head - 1)->previous = pair + 1;
    }
    *head = pair + 1;
    return OK;
}

static status
remove_pair(aggregate_distinct *d, slot pair, slot group, error *err) {
    const distinct_entry entry = *ARRAY_AT(&d->entries, distinct_entry, pair);
    if (entry.next != 0) {
        TRY(array_touch(&d->entries, entry.next - 1, 1, err));
        ARRAY_AT(&d->entries, distinct_entry, entry.next - 1)->previous = entry.previous;
    }
    if (entry.previous != 0) {
        TRY(array_touch(&d->entries, entry.previous - 1, 1, err));
        ARRAY_AT(&d->entries, distinct_entry, entry.previous - 1)->next = entry.next;
    } else {
        TRY(array_touch(&d->heads, group, 1, err));
        *ARRAY_AT(&d->heads, uint32_t, group) = entry.next;
    }
    return group_table_remove(&d->pairs, pair, err);
}

/* Adds weights to pairs; fills the rows of `r` that cross zero with the weight they hand on. */
static status
cross_weights(aggregate *a, int32_t call, const distinct_rows *r, const int64_t *weight,
              int32_t *crossed, int64_t *crossed_weight, int32_t *crossed_count, error *err) {
    aggregate_distinct *d = &a->distinct[call];
    const int64_t      *groups = r->pair[0].values;
    TRY(array_reserve_to(&d->entries, group_table_slot_count(&d->pairs), err));
    TRY(array_reserve_to(&d->heads, group_table_slot_count(&a->groups), err));
    int32_t n = 0;
    for (int32_t i = 0; i < r->count; i++) {
        TRY(array_touch(&d->entries, r->pairs[i], 1, err));
        if (r->is_new[i]) {
            TRY(link_pair(d, r->pairs[i], (slot)groups[i], err));
        }
    }
    for (int32_t i = 0; i < r->count; i++) {
        distinct_entry *entry = ARRAY_AT(&d->entries, distinct_entry, r->pairs[i]);
        const bool      was_in = entry->weight > 0;
        entry->weight += weight == NULL ? 1 : weight[r->rows[i]];
        const bool is_in = entry->weight > 0;
        crossed[n] = i;
        crossed_weight[n] = is_in ? 1 : -1;
        n += was_in != is_in;
    }
    for (int32_t i = 0; i < r->count; i++) {
        if (group_table_is_live(&d->pairs, r->pairs[i]) &&
            ARRAY_AT(&d->entries, distinct_entry, r->pairs[i])->weight == 0) {
            TRY(remove_pair(d, r->pairs[i], (slot)groups[i], err));
        }
    }
    *crossed_count = n;
    return OK;
}

status
distinct_calls_update(aggregate *a, int32_t call, const slot *slots, const int64_t *weight,
                      const uint8_t *filter, int32_t count, error *err) {
    arena        *scratch = a->base.env->scratch;
    distinct_rows r = {0};
    if (a->distinct[call].base >= 0) {
        return distinct_shared_update(a, call, slots, filter, count, err);
    }
    TRY(map_pairs(a, call, slots, filter, count, &r, err));
    TRY(distinct_shared_note(a, call, r.rows, r.pairs, r.count, count, err));
    int32_t *crossed = arena_alloc(scratch, (size_t)count * sizeof(*crossed));
    int64_t *crossed_weight = arena_alloc(scratch, (size_t)count * sizeof(*crossed_weight));
    slot    *crossed_groups = arena_alloc(scratch, (size_t)count * sizeof(*crossed_groups));
    if (crossed == NULL || crossed_weight == NULL || crossed_groups == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    if (a->distinct[call].tracked) {
        TRY(cross_weights(a, call, &r, weight, crossed, crossed_weight, &n, err));
    } else {
        for (int32_t i = 0; i < r.count; i++) {
            crossed[n] = i;
            n += r.is_new[i];
        }
        crossed_weight = NULL;
    }
    if (n == 0) {
        return OK;
    }
    const int64_t *groups = r.pair[0].values;
    for (int32_t i = 0; i < n; i++) {
        crossed_groups[i] = (slot)groups[crossed[i]];
    }
    const int32_t width = a->base.spec->aggs[call].signature.column_count;
    column       *values = arena_alloc(scratch, (size_t)width * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < width; k++) {
        TRY(column_gather(&values[k], &r.pair[k + 1], crossed, n, scratch, err));
    }
    agg *self = a->aggs[call];
    return self->class->update(self, crossed_groups, values, crossed_weight, NULL, n, scratch, err);
}

status
distinct_calls_merge(aggregate *a, int32_t call, const aggregate *other, const slot *to,
                     error *err) {
    const aggregate_distinct *d = &other->distinct[call];
    arena                    *scratch = a->base.env->scratch;
    const int32_t             width = a->base.spec->aggs[call].signature.column_count;
    for (uint64_t next = 0; next < group_table_slot_count(&d->pairs);) {
        const arena_mark mark = arena_save(scratch);
        int64_t         *weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*weights));
        slot            *pairs = arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs));
        slot            *groups = arena_alloc(scratch, BATCH_ROWS * sizeof(*groups));
        int32_t          count = 0;
        column           group;
        if (weights == NULL || pairs == NULL || groups == NULL) {
            return error_memory(err);
        }
        for (; next < group_table_slot_count(&d->pairs) && count < BATCH_ROWS; next++) {
            if (group_table_is_live(&d->pairs, (slot)next)) {
                weights[count] =
                    d->tracked ? ARRAY_AT(&d->entries, distinct_entry, next)->weight : 1;
                pairs[count++] = (slot)next;
            }
        }
        TRY(op_poll(&a->base, err));
        TRY(state_columns_read(&d->pairs.keys, 0, pairs, count, scratch, &group, err));
        for (int32_t i = 0; i < count; i++) {
            groups[i] = to[((const int64_t *)group.values)[i]];
        }
        for (int32_t k = 0; k < width; k++) {
            TRY(state_columns_read(&d->pairs.keys, k + 1, pairs, count, scratch, &a->arguments[k],
                                   err));
        }
        TRY(count == 0 ? OK : distinct_calls_update(a, call, groups, weights, NULL, count, err));
        distinct_calls_end(a);
        arena_rewind(scratch, mark);
    }
    return OK;
}

status
distinct_calls_clear(aggregate *a, int32_t call, slot group, error *err) {
    aggregate_distinct *d = &a->distinct[call];
    if (group >= d->heads.count) {
        return OK;
    }
    uint32_t pair = *ARRAY_AT(&d->heads, uint32_t, group);
    if (pair == 0) {
        return OK;
    }
    TRY(array_touch(&d->heads, group, 1, err));
    *ARRAY_AT(&d->heads, uint32_t, group) = 0;
    while (pair != 0) {
        const uint32_t next = ARRAY_AT(&d->entries, distinct_entry, pair - 1)->next;
        TRY(group_table_remove(&d->pairs, pair - 1, err));
        pair = next;
    }
    return OK;
}

/* The pairs of a group hang on its chain, which says of each that it is of the group. */
static bool
chain_holds(const aggregate_distinct *d, uint64_t group, const slot_set *pairs, uint64_t *chained) {
    uint32_t previous = 0;
    for (uint32_t pair = *ARRAY_AT(&d->heads, uint32_t, group); pair != 0;) {
        if (!slot_set_has(pairs, pair - 1)) {
            return false;
        }
        const distinct_entry *entry = ARRAY_AT(&d->entries, distinct_entry, pair - 1);
        const int64_t         of = *ARRAY_AT(&d->pairs.keys.values[0], int64_t, pair - 1);
        if (entry->previous != previous || entry->weight <= 0 || of != (int64_t)group) {
            return false; /* or it runs in a circle */
        }
        ++*chained;
        previous = pair;
        pair = entry->next;
    }
    return true;
}

status
distinct_calls_rebuild(aggregate *a, int32_t call, const slot_set *groups, error *err) {
    aggregate_distinct *d = &a->distinct[call];
    uint64_t            chained = 0;
    TRY(group_table_rebuild(&d->pairs, err));
    if (!d->tracked) {
        return d->base < 0 ? OK : distinct_shared_rebuild(a, call, err);
    }
    const slot_set pairs = group_table_slots(&d->pairs);
    if (d->entries.count < pairs.count || d->heads.count >= SLOT_NONE) {
        return image_corrupt("the values of a DISTINCT call", err);
    }
    for (uint64_t g = 0; g < d->heads.count; g++) {
        const bool used = *ARRAY_AT(&d->heads, uint32_t, g) != 0;
        if (used && (!slot_set_has(groups, g) || !chain_holds(d, g, &pairs, &chained))) {
            return image_corrupt("the values of a DISTINCT call", err);
        }
    }
    return chained == d->pairs.live_count ? OK : image_corrupt("a value of no group", err);
}

status
distinct_calls_validate(const aggregate *a, int32_t call, error *err) {
    const aggregate_distinct *d = &a->distinct[call];
    if (!a->base.spec->aggs[call].distinct) {
        return OK;
    }
    TRY(group_table_validate(&d->pairs, err));
    TRY(d->base < 0 ? OK : distinct_shared_validate(a, call, err));
    uint64_t chained = 0;
    for (uint64_t s = 0; d->tracked && s < d->heads.count; s++) {
        uint32_t previous = 0;
        uint32_t pair = *ARRAY_AT(&d->heads, uint32_t, s);
        while (pair != 0 && chained <= d->pairs.live_count) {
            const distinct_entry *entry = ARRAY_AT(&d->entries, distinct_entry, pair - 1);
            if (entry->previous != previous || entry->weight <= 0) {
                return error_set(err, ERR_INTERNAL_ERROR,
                                 "aggregate: pair %u of a DISTINCT call has weight %lld", pair - 1,
                                 (long long)entry->weight);
            }
            chained++;
            previous = pair;
            pair = entry->next;
        }
    }
    if (d->tracked && chained != d->pairs.live_count) {
        return error_set(err, ERR_INTERNAL_ERROR,
                         "aggregate: %llu of %llu DISTINCT pairs on chains",
                         (unsigned long long)chained, (unsigned long long)d->pairs.live_count);
    }
    return OK;
}
