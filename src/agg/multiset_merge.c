/* SPDX-License-Identifier: Apache-2.0 */
/* multiset_merge.c - the rows of groups of one multiset into groups of another.
 *
 * A group's entries are walked in its order. Those that stand in none (a negative weight: the row
 * is in another part; or all, where values are asked for once) are found by one look at all. */
#include "agg/multiset.h"
#include "batch/chunk.h"

typedef struct moved {
    int64_t count;
    slot   *entries; /* of `other` */
    slot   *groups;  /* where they go */
} moved;

static bool
stands_apart(const multiset *m, slot entry) {
    return m->once || multiset_weight(m, entry) < 0;
}

/* Entries in no order, whose group is wanted: place[group] is 1 + its number in `from`. */
static int64_t
collect_apart(const multiset *other, const int32_t *place, const slot *slots, moved *out) {
    int64_t n = out->count;
    for (uint64_t i = 0; i < multiset_slot_count(other); i++) {
        const slot entry = (slot)i;
        if (!multiset_is_live(other, entry) || !stands_apart(other, entry)) {
            continue;
        }
        const slot group = multiset_group(other, entry);
        if (place[group] != 0) {
            if (out->entries != NULL) {
                out->entries[n] = entry;
                out->groups[n] = slots[place[group] - 1];
            }
            n++;
        }
    }
    return n;
}

static status
make_places(const multiset *other, const slot *from, int32_t count, arena *scratch, int32_t **out,
            error *err) {
    int32_t *place = arena_alloc_zero(scratch, other->heads.count * sizeof(*place));
    if (place == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        place[from[i]] = i + 1;
    }
    *out = place;
    return OK;
}

static status
collect(const multiset *other, const slot *slots, const slot *from, int32_t count, arena *scratch,
        moved *out, error *err) {
    int32_t   *place = NULL;
    const bool apart = other->once || other->negatives > 0;
    *out = (moved){0};
    int64_t n = 0;
    for (int32_t i = 0; i < count && !other->once; i++) {
        n += (int64_t)ordered_count_in(&other->order, from[i]);
    }
    if (apart) {
        TRY(make_places(other, from, count, scratch, &place, err));
        n += collect_apart(other, place, slots, out);
    }
    out->entries = arena_alloc(scratch, (size_t)n * sizeof(slot));
    out->groups = arena_alloc(scratch, (size_t)n * sizeof(slot));
    if (out->entries == NULL || out->groups == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count && !other->once; i++) {
        for (multiset_cursor c = multiset_begin(other, from[i]); c.entry != SLOT_NONE;
             multiset_next(other, &c)) {
            out->entries[out->count] = c.entry;
            out->groups[out->count++] = slots[i];
        }
    }
    if (apart) {
        out->count = collect_apart(other, place, slots, out);
    }
    assert(out->count == n);
    return OK;
}

/* One batch of entries as rows with weights. */
static status
add_entries(multiset *m, const multiset *other, const slot *entries, const slot *groups,
            int32_t count, arena *scratch, error *err) {
    const int32_t width = m->options.column_count;
    column       *columns = arena_alloc(scratch, (size_t)width * sizeof(*columns));
    int64_t      *weights = arena_alloc(scratch, (size_t)count * sizeof(*weights));
    if (columns == NULL || weights == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < width; k++) {
        TRY(multiset_read(other, k, entries, count, scratch, &columns[k], err));
    }
    for (int32_t i = 0; i < count; i++) {
        weights[i] = multiset_weight(other, entries[i]);
    }
    return multiset_update(m, groups, columns, weights, NULL, count, scratch, err);
}

status
multiset_merge(multiset *m, const slot *slots, const multiset *other, const slot *from,
               int32_t count, arena *scratch, error *err) {
    assert(m->options.rank != RANK_FIRST && m->options.rank != RANK_LAST);
    moved rows;
    TRY(collect(other, slots, from, count, scratch, &rows, err));
    for (int64_t i = 0; i < rows.count; i += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int64_t    left = rows.count - i;
        TRY(add_entries(m, other, rows.entries + i, rows.groups + i,
                        left < BATCH_ROWS ? (int32_t)left : BATCH_ROWS, scratch, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}
