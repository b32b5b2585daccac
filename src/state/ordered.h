/* SPDX-License-Identifier: Apache-2.0 */
/* ordered.h - slots kept in an order given by a comparison: MIN/MAX with retraction, top-n, timers.
 *
 * A treap (Seidel, Aragon 1996) over state arrays, so it snapshots and restores with everything
 * else. O(log n) each. Priorities come from the slot number, so the same history gives the same
 * tree. The order must not change while a slot is in it. */
#ifndef LAMINAR_STATE_ORDERED_H
#define LAMINAR_STATE_ORDERED_H

#include "state/state_columns.h"

/* <0, 0, >0; must be a total order over the slots that are in (0 only for a == b). */
typedef int (*slot_compare)(const void *context, slot a, slot b);

typedef struct ordered {
    state_array nodes; /* {slot left, right, parent, count} by slot; count = size of the subtree, 0
                          = not in */
    state_array        roots; /* per tree: slot + 1, 0 = empty */
    state_array        sums;  /* int64_t by slot: weights in the subtree; empty unless weighed */
    const state_array *weights;
    slot_compare       compare;
    const void        *context;
} ordered;

status ordered_open(ordered *o, store *s, const char *name, slot_compare compare,
                    const void *context, error *err) MUST_USE;
/* From now on (nothing is in yet) each slot counts weights[slot] > 0 times, an int64_t. */
status ordered_weigh(ordered *o, store *s, const char *name, const state_array *weights,
                     error *err) MUST_USE;
/* The weight of s, which is in, has changed. */
status   ordered_reweigh(ordered *o, slot s, error *err) MUST_USE;
void     ordered_close(ordered *o);
bool     ordered_has(const ordered *o, slot s);
slot     ordered_next(const ordered *o, slot s); /* SLOT_NONE behind the last */
slot     ordered_previous(const ordered *o, slot s);
uint64_t ordered_rank(const ordered *o, slot s); /* 0-based, in its tree */
status   ordered_validate(const ordered *o, error *err) MUST_USE;
/* After a restore: the trees are trees, of slots that may be in one. tree_of says of a slot in
 * which (with the context of `compare`); NULL: there is one tree. Whether the order is that of
 * `compare` is not looked at: only answers depend on it. */
status ordered_check(const ordered *o, const slot_set                    *in,
                     slot (*tree_of)(const void *context, slot s), error *err) MUST_USE;

/* ---- many trees over one set of slots: an order per key. A slot is in one tree at most, and only
 * slots of one tree are compared. */
status ordered_insert_in(ordered *o, slot tree, slot s, error *err) MUST_USE; /* s must not be in */
status ordered_remove_in(ordered *o, slot tree, slot s, error *err) MUST_USE; /* s must be in */
slot   ordered_first_in(const ordered *o, slot tree); /* SLOT_NONE when empty */
slot   ordered_last_in(const ordered *o, slot tree);
uint64_t ordered_count_in(const ordered *o, slot tree);
int64_t  ordered_weight_in(const ordered *o, slot tree); /* of all its slots; needs weights */
slot     ordered_at_in(const ordered *o, slot tree, uint64_t rank); /* SLOT_NONE beyond the end */
/* Of 0-based copy `rank` of all, each slot counted with its weight; SLOT_NONE beyond the end. */
slot ordered_at_weight_in(const ordered *o, slot tree, int64_t rank);
/* The first slot that `compare` does not find before s, which need not be in; SLOT_NONE: all are.
 */
slot ordered_bound_in(const ordered *o, slot tree, slot s, slot_compare compare);

/* ---- one tree */
MUST_USE ALWAYS_INLINE status
ordered_insert(ordered *o, slot s, error *err) {
    return ordered_insert_in(o, 0, s, err);
}

MUST_USE ALWAYS_INLINE status
ordered_remove(ordered *o, slot s, error *err) {
    return ordered_remove_in(o, 0, s, err);
}

ALWAYS_INLINE slot
ordered_first(const ordered *o) {
    return ordered_first_in(o, 0);
}

ALWAYS_INLINE slot
ordered_last(const ordered *o) {
    return ordered_last_in(o, 0);
}

ALWAYS_INLINE uint64_t
ordered_count(const ordered *o) {
    return ordered_count_in(o, 0);
}

ALWAYS_INLINE slot
ordered_at(const ordered *o, uint64_t rank) {
    return ordered_at_in(o, 0, rank);
}

#endif
