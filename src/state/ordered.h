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
    state_array  root; /* one slot */
    slot_compare compare;
    const void  *context;
} ordered;

status   ordered_open(ordered *o, store *s, const char *name, slot_compare compare,
                      const void *context, error *err) MUST_USE;
void     ordered_close(ordered *o);
status   ordered_insert(ordered *o, slot s, error *err) MUST_USE; /* s must not be in */
status   ordered_remove(ordered *o, slot s, error *err) MUST_USE; /* s must be in */
bool     ordered_has(const ordered *o, slot s);
slot     ordered_first(const ordered *o); /* SLOT_NONE when empty */
slot     ordered_last(const ordered *o);
slot     ordered_next(const ordered *o, slot s);
slot     ordered_previous(const ordered *o, slot s);
uint64_t ordered_count(const ordered *o);
slot     ordered_at(const ordered *o, uint64_t rank); /* 0-based; SLOT_NONE beyond the end */
uint64_t ordered_rank(const ordered *o, slot s);
status   ordered_validate(const ordered *o, error *err) MUST_USE;

#endif
