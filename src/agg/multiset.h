/* SPDX-License-Identifier: Apache-2.0 */
/* multiset.h - the rows of every group with their weights, in order: what MIN and MAX under
 * retraction, quantiles, modes and ordered lists are read from.
 *
 * Equal rows of a group are one entry with a weight: a slot of `entries`, keyed by (group,
 * columns). Entries of positive weight are in order within their group: by rank where there is one,
 * then by the sort keys, then by all columns. Between the pushes of a tick a weight may be
 * negative: such an entry is remembered and stands in no order. An entry of weight 0 is removed.
 *
 * Kept in order all the time by a treap a group with the weights of its subtrees; or, when values
 * are asked for once, sorted at the first question (multiset_sort.c). Where no row is taken back
 * either, and nobody asks how often one is there, rows are not looked up: each is an entry. */
#ifndef LAMINAR_AGG_MULTISET_H
#define LAMINAR_AGG_MULTISET_H

#include "agg/agg_common.h"
#include "state/group_table.h"
#include "state/ordered.h"

typedef enum multiset_rank {
    RANK_NONE,
    RANK_FIRST,   /* by the arrival of an entry's first copy */
    RANK_LAST,    /* by the arrival of its newest copy, newest first */
    RANK_FREQUENT /* by weight, heaviest first */
} multiset_rank;

typedef struct multiset_options {
    int32_t          column_count;
    const data_type *types;
    int32_t          key_count;
    const sort_key  *keys; /* over the columns; lives as long as the multiset */
    multiset_rank    rank;
    bool             counted; /* multiset_at and multiset_copies are wanted */
    bool             repeats; /* equal rows may be entries of their own */
    /* Of n entries that repeat only those around place (n - 1) * part are asked for. */
    bool   one_place;
    double part;
} multiset_options;

typedef struct multiset {
    multiset_options options;
    mem             *mem;
    bool             once;
    bool             listed;  /* each row is an entry: `entries` is not used */
    bool             unit;    /* and each has weight 1: `weights` is not used */
    state_columns    list;    /* group, columns: of the entries that are listed */
    group_table      entries; /* else */
    state_array      weights; /* int64_t by entry */
    state_array      heads;   /* first entry + 1 by group: a zeroed group has none */
    state_array      copies;  /* int64_t by group: positive weights; unused unless counted */
    state_array      ranks;   /* int64_t by entry; unused without rank */
    state_array      clock;   /* one int64_t: the next number of arrival */
    ordered          order;
    int64_t          negatives; /* entries of negative weight */
    /* once, after sorting: */
    slot     *sorted;  /* entries of positive weight in order */
    int64_t  *through; /* weights up to and with each, within its group; NULL: all are 1 */
    uint64_t *starts;  /* by group: its first place in sorted; group_count + 1 of them */
    uint64_t  sorted_count, sorted_room, group_count;
} multiset;

/* A walk through the entries of a group. */
typedef struct multiset_cursor {
    slot     entry; /* SLOT_NONE: at the end */
    uint64_t place;
} multiset_cursor;

/* After a failure the multiset is closed by multiset_close, as after success. */
status multiset_open(multiset *m, const agg_site *site, const multiset_options *options,
                     error *err) MUST_USE;
void   multiset_close(multiset *m);
status multiset_init(multiset *m, const slot *slots, int32_t count, error *err) MUST_USE;
/* use: which rows count (NULL: all). */
/* Which rows came with their first copy (weight 1) or went with their last (-1); of others the
 * weight is 0. */
typedef struct multiset_turn {
    int32_t        count;
    const slot    *slots;
    const column  *columns;
    const int64_t *weights;
} multiset_turn;

status multiset_update(multiset *m, const slot *slots, const column *columns, const int64_t *weight,
                       const uint8_t *use, int32_t count, arena *scratch, error *err) MUST_USE;
status multiset_update_turns(multiset *m, const slot *slots, const column *columns,
                             const int64_t *weight, const uint8_t *use, int32_t count,
                             multiset_turn *turned, arena *scratch, error *err) MUST_USE;
/* Adds the rows of group from[i] of `other` to slots[i]; it may be the same multiset. */
status multiset_merge(multiset *m, const slot *slots, const multiset *other, const slot *from,
                      int32_t count, arena *scratch, error *err) MUST_USE;
status multiset_clear(multiset *m, slot group, error *err) MUST_USE;
status multiset_rebuild(multiset *m, const slot_set *groups, error *err) MUST_USE;
status multiset_validate(const multiset *m, error *err) MUST_USE;

/* ---- reading; first of all: */
status multiset_settle(multiset *m, error *err) MUST_USE;
/* The best entry of a group; SLOT_NONE: it has none. */
slot            multiset_first(const multiset *m, slot group);
multiset_cursor multiset_begin(const multiset *m, slot group);
void            multiset_next(const multiset *m, multiset_cursor *c);
int64_t         multiset_copies(const multiset *m, slot group);
/* The entry of 0-based copy `rank` < copies of the group. */
slot multiset_at(const multiset *m, slot group, int64_t rank);
/* Column `at` of entries (SLOT_NONE: NULL). */
status multiset_read(const multiset *m, int32_t at, const slot *entries, int32_t count, arena *a,
                     column *out, error *err) MUST_USE;

/* ---- multiset_sort.c, multiset_merge.c and multiset.c */
int    multiset_compare(const multiset *m, slot a, slot b);
status multiset_sort(multiset *m, error *err) MUST_USE;
void   multiset_unsort(multiset *m);

/* The entries as rows: the group, then the columns. */
ALWAYS_INLINE const state_columns *
multiset_rows(const multiset *m) {
    return m->listed ? &m->list : &m->entries.keys;
}

ALWAYS_INLINE slot
multiset_group(const multiset *m, slot entry) {
    return *ARRAY_AT(&multiset_rows(m)->values[0], slot, entry);
}

ALWAYS_INLINE int64_t
multiset_weight(const multiset *m, slot entry) {
    return m->unit ? 1 : *ARRAY_AT(&m->weights, int64_t, entry);
}

ALWAYS_INLINE uint64_t
multiset_slot_count(const multiset *m) {
    return m->listed ? state_columns_count(&m->list) : group_table_slot_count(&m->entries);
}

ALWAYS_INLINE bool
multiset_is_live(const multiset *m, slot entry) {
    return m->listed ? multiset_weight(m, entry) > 0 : group_table_is_live(&m->entries, entry);
}

#endif
