/* SPDX-License-Identifier: Apache-2.0 */
/* extreme_multiset.c - minimum or maximum under retraction: every (group, value) with its weight,
 * in order.
 *
 * An entry is a slot of `entries`, keyed by (group, value). Entries of positive weight stand in
 * `order`, by group and then by value, so the entries of a group are neighbours; best[group] is the
 * first of them (the last for max), SLOT_NONE when there is none. Between the pushes of a tick a
 * weight may be negative: such an entry is remembered but stands in no order. An entry of weight 0
 * is removed. By arrival, `order` is by group and then by the number the entry got when it came. */
#include <stdio.h>

#include "agg/extreme.h"
#include "state/group_table.h"
#include "state/ordered.h"

typedef struct multiset {
    extreme     base;
    group_table entries;
    state_array weights;  /* int64_t by entry */
    state_array best;     /* entry + 1 by group: a zeroed group has none */
    state_array arrivals; /* int64_t by entry; unused unless by arrival */
    state_array clock;    /* one int64_t: the next number of arrival */
    ordered     order;
} multiset;

static slot
group_of(const multiset *self, slot entry) {
    return *ARRAY_AT(&self->entries.keys.values[0], slot, entry);
}

static slot
best_of(const multiset *self, slot group) {
    return *ARRAY_AT(&self->best, slot, group) - 1; /* 0 - 1 is SLOT_NONE */
}

/* Of two entries of one group. */
static int
compare_within(const multiset *self, slot a, slot b) {
    if (!self->base.by_arrival) {
        return state_columns_compare(&self->entries.keys, 1, a, b);
    }
    const int64_t x = *ARRAY_AT(&self->arrivals, int64_t, a);
    const int64_t y = *ARRAY_AT(&self->arrivals, int64_t, b);
    return (x > y) - (x < y);
}

static int
compare_entries(const void *context, slot a, slot b) {
    const multiset *self = context;
    const slot      x = group_of(self, a);
    const slot      y = group_of(self, b);
    return x != y ? (x > y) - (x < y) : compare_within(self, a, b);
}

static void
multiset_close(extreme *base) {
    multiset *self = (multiset *)base;
    group_table_close(&self->entries);
    array_close(&self->weights);
    array_close(&self->best);
    array_close(&self->arrivals);
    array_close(&self->clock);
    ordered_close(&self->order);
    mem_free(base->base.mem, self, sizeof(*self));
}

static status
open_parts(multiset *self, store *s, const char *name, error *err) {
    /* Groups are slots: the bits of an INTEGER. */
    const data_type types[2] = {type_of(TYPE_I32), self->base.base.input};
    char            label[160];
    snprintf(label, sizeof(label), "%.120s.entries", name);
    TRY(group_table_open(&self->entries, s, label, types, 2, err));
    snprintf(label, sizeof(label), "%.120s.weights", name);
    TRY(array_open(&self->weights, s, label, sizeof(int64_t), err));
    snprintf(label, sizeof(label), "%.120s.best", name);
    TRY(array_open(&self->best, s, label, sizeof(slot), err));
    snprintf(label, sizeof(label), "%.120s.arrivals", name);
    TRY(array_open(&self->arrivals, s, label, sizeof(int64_t), err));
    snprintf(label, sizeof(label), "%.120s.clock", name);
    TRY(array_open(&self->clock, s, label, sizeof(int64_t), err));
    return ordered_open(&self->order, s, name, compare_entries, self, err);
}

static status
multiset_open(extreme *base, const agg_site *site, error *err) {
    const status opened = open_parts((multiset *)base, site->store, site->name, err);
    if (opened < 0) {
        multiset_close(base);
    }
    return opened;
}

static status
multiset_init(extreme *base, const slot *slots, int32_t count, error *err) {
    return agg_zero_slots(&((multiset *)base)->best, slots, count, err);
}

/* ---- update */

/* The entry has become positive. */
static status
enter(multiset *self, slot entry, error *err) {
    const slot group = group_of(self, entry);
    TRY(array_touch(&self->best, group, 1, err));
    TRY(ordered_insert(&self->order, entry, err));
    const slot best = best_of(self, group);
    if (best != SLOT_NONE) {
        const int order = compare_within(self, entry, best);
        if (self->base.largest ? order < 0 : order > 0) {
            return OK;
        }
    }
    *ARRAY_AT(&self->best, slot, group) = entry + 1;
    return OK;
}

/* The neighbour of `entry` that comes next when the best goes; SLOT_NONE at the end of the group.
 */
static slot
runner_up(const multiset *self, slot entry) {
    const slot next = self->base.largest ? ordered_previous(&self->order, entry)
                                         : ordered_next(&self->order, entry);
    return next != SLOT_NONE && group_of(self, next) == group_of(self, entry) ? next : SLOT_NONE;
}

/* The entry is no longer positive. */
static status
leave(multiset *self, slot entry, error *err) {
    const slot group = group_of(self, entry);
    if (best_of(self, group) == entry) {
        TRY(array_touch(&self->best, group, 1, err));
        *ARRAY_AT(&self->best, slot, group) = runner_up(self, entry) + 1;
    }
    return ordered_remove(&self->order, entry, err);
}

/* Puts entries where their new weights want them. An entry may be listed more than once. */
static status
arrange(multiset *self, const slot *entries, int32_t count, error *err) {
    for (int32_t i = 0; i < count; i++) {
        const slot entry = entries[i];
        if (!group_table_is_live(&self->entries, entry)) {
            continue;
        }
        const int64_t weight = *ARRAY_AT(&self->weights, int64_t, entry);
        if (weight > 0) {
            if (!ordered_has(&self->order, entry)) {
                TRY(enter(self, entry, err));
            }
            continue;
        }
        if (ordered_has(&self->order, entry)) {
            TRY(leave(self, entry, err));
        }
        if (weight == 0) {
            TRY(group_table_remove(&self->entries, entry, err));
        }
    }
    return OK;
}

/* Adds row weights one by one. An entry gets a number when it comes, for last with every copy; it
 * leaves the order then, and arrange() puts it where it belongs now. */
static status
add_arrivals(multiset *self, const slot *entries, const int64_t *weight, const uint8_t *fresh,
             int32_t count, error *err) {
    TRY(array_reserve_to(&self->arrivals, group_table_slot_count(&self->entries), err));
    TRY(array_reserve_to(&self->clock, 1, err));
    TRY(array_touch(&self->clock, 0, 1, err));
    TRY(array_touch_each(&self->arrivals, entries, count, err));
    int64_t *weights = ARRAY_AT(&self->weights, int64_t, 0);
    int64_t *arrivals = ARRAY_AT(&self->arrivals, int64_t, 0);
    int64_t *next = ARRAY_AT(&self->clock, int64_t, 0);
    for (int32_t i = 0; i < count; i++) {
        const slot    entry = entries[i];
        const int64_t more = weight == NULL ? 1 : weight[i];
        const int64_t before = fresh[i] ? 0 : weights[entry];
        weights[entry] = before + more;
        const bool comes = before + more > 0 && (before <= 0 || (self->base.largest && more > 0));
        if (!comes && !fresh[i]) {
            continue;
        }
        if (ordered_has(&self->order, entry)) {
            TRY(leave(self, entry, err));
        }
        arrivals[entry] = (*next)++;
    }
    return OK;
}

static void
add_weights(multiset *self, const slot *entries, const int64_t *weight, const uint8_t *fresh,
            int32_t count) {
    int64_t *weights = ARRAY_AT(&self->weights, int64_t, 0);
    for (int32_t i = 0; i < count; i++) {
        const int64_t before = fresh[i] ? 0 : weights[entries[i]];
        weights[entries[i]] = before + (weight == NULL ? 1 : weight[i]);
    }
}

/* The (group, value) columns of the rows that contribute and, when weighted, their weights. */
static status
gather_rows(column *keys, const int64_t **weight, const slot *slots, const column *input,
            const uint8_t *use, int32_t *count, arena *scratch, error *err) {
    const column groups = {.type = type_of(TYPE_I32), .layout = COLUMN_FLAT, .values = slots};
    keys[0] = groups;
    keys[1] = *input;
    if (use == NULL) {
        keys[1].validity = NULL; /* no NULL among the rows, or there would be a list */
        return OK;
    }
    int32_t *rows = arena_alloc(scratch, (size_t)*count * sizeof(*rows));
    int64_t *weights = arena_alloc(scratch, (size_t)*count * sizeof(*weights));
    if (rows == NULL || weights == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < *count; i++) {
        rows[n] = i;
        n += use[i] != 0;
    }
    *count = n;
    if (n == 0) {
        return OK;
    }
    if (*weight != NULL) {
        for (int32_t i = 0; i < n; i++) {
            weights[i] = (*weight)[rows[i]];
        }
        *weight = weights;
    }
    TRY(column_gather(&keys[0], &groups, rows, n, scratch, err));
    TRY(column_gather(&keys[1], input, rows, n, scratch, err));
    keys[1].validity = NULL;
    return OK;
}

static status
multiset_update(extreme *base, const slot *slots, const column *input, const int64_t *weight,
                const uint8_t *use, int32_t count, arena *scratch, error *err) {
    multiset *self = (multiset *)base;
    column    keys[2];
    TRY(gather_rows(keys, &weight, slots, input, use, &count, scratch, err));
    if (count == 0) {
        return OK;
    }
    slot    *entries = arena_alloc(scratch, (size_t)count * sizeof(*entries));
    uint8_t *fresh = arena_alloc(scratch, (size_t)count);
    if (entries == NULL || fresh == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&self->entries, keys, count, entries, fresh, scratch, err));
    TRY(array_reserve_to(&self->weights, group_table_slot_count(&self->entries), err));
    TRY(array_touch_each(&self->weights, entries, count, err));
    if (self->base.by_arrival) {
        TRY(add_arrivals(self, entries, weight, fresh, count, err));
    } else {
        add_weights(self, entries, weight, fresh, count);
    }
    return arrange(self, entries, count, err);
}

static status
multiset_value(const extreme *base, const slot *slots, int32_t count, arena *a, column *out,
               error *err) {
    const multiset *self = (const multiset *)base;
    slot           *entries = arena_alloc(a, (size_t)count * sizeof(*entries));
    if (entries == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        entries[i] = best_of(self, slots[i]);
    }
    return state_columns_read(&self->entries.keys, 1, entries, count, a, out, err);
}

static status
multiset_clear(extreme *base, slot s, error *err) {
    multiset *self = (multiset *)base;
    for (slot entry = best_of(self, s); entry != SLOT_NONE; entry = best_of(self, s)) {
        TRY(leave(self, entry, err));
        TRY(group_table_remove(&self->entries, entry, err));
    }
    return OK;
}

static status
multiset_rebuild(extreme *base, error *err) {
    return group_table_rebuild(&((multiset *)base)->entries, err);
}

/* ---- validate */

static status
broken(error *err, const char *what, slot s) {
    return error_set(err, ERR_INTERNAL_ERROR, "min/max multiset: %s (slot %u)", what, s);
}

static status
multiset_validate(const extreme *base, error *err) {
    const multiset *self = (const multiset *)base;
    TRY(group_table_validate(&self->entries, err));
    TRY(ordered_validate(&self->order, err));
    uint64_t positive = 0;
    for (uint64_t i = 0; i < group_table_slot_count(&self->entries); i++) {
        const slot entry = (slot)i;
        if (!group_table_is_live(&self->entries, entry)) {
            continue;
        }
        const int64_t weight = *ARRAY_AT(&self->weights, int64_t, entry);
        if (weight == 0 || (weight > 0) != ordered_has(&self->order, entry)) {
            return broken(err, "an entry stands in the wrong place", entry);
        }
        positive += weight > 0;
    }
    if (positive != ordered_count(&self->order)) {
        return broken(err, "the order holds what is not an entry", SLOT_NONE);
    }
    for (uint64_t g = 0; g < self->best.count; g++) {
        const slot best = best_of(self, (slot)g);
        if (best == SLOT_NONE) {
            continue;
        }
        const slot beyond = self->base.largest ? ordered_next(&self->order, best)
                                               : ordered_previous(&self->order, best);
        if (group_of(self, best) != (slot)g ||
            (beyond != SLOT_NONE && group_of(self, beyond) == (slot)g)) {
            return broken(err, "the best of a group is not the best", (slot)g);
        }
    }
    return OK;
}

const extreme_class extreme_multiset_class = {
    .size = sizeof(multiset),
    .open = multiset_open,
    .close = multiset_close,
    .init = multiset_init,
    .update = multiset_update,
    .value = multiset_value,
    .clear = multiset_clear,
    .rebuild = multiset_rebuild,
    .validate = multiset_validate,
};
