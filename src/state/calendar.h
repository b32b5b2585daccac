/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.h - slots by a time: which of them go when a frontier moves.
 *
 * Each time that some slot has is a page, in order; its slots hang on a doubly linked chain, so
 * that a slot leaves by itself, and what a page costs is what goes with it. Slots whose time is
 * NULL stand on a page that is in no order: it never comes up. */
#ifndef LAMINAR_STATE_CALENDAR_H
#define LAMINAR_STATE_CALENDAR_H

#include "state/group_table.h"
#include "state/ordered.h"

typedef struct calendar {
    group_table times; /* time -> page */
    state_array heads; /* uint32_t per page: first slot + 1 */
    state_array links; /* calendar_link per slot */
    ordered     order; /* of pages, by time */
} calendar;

typedef struct calendar_link { /* slots and pages + 1; 0: none */
    uint32_t next, previous;
    uint32_t page;
} calendar_link;

/* `type` is a time or BIGINT. Must not move. */
status calendar_open(calendar *c, store *s, const char *name, data_type type, error *err) MUST_USE;
void   calendar_close(calendar *c); /* a zeroed one closes as nothing */
/* Slots that are not in, each with its time; all slots are below slot_limit. */
status calendar_add(calendar *c, const column *times, const slot *slots, int32_t count,
                    uint64_t slot_limit, arena *scratch, error *err) MUST_USE;
status calendar_remove(calendar *c, slot s, error *err) MUST_USE; /* s is in */
/* The whole page goes; its slots are the caller's to forget. */
status calendar_drop(calendar *c, slot page, error *err) MUST_USE;
/* After a restore: the index, and a look at all links. owners: slots that may be in; whole: and all
 * of them are. */
status calendar_rebuild(calendar *c, const slot_set *owners, bool whole, error *err) MUST_USE;
/* slot_count: how many are in. */
status calendar_validate(const calendar *c, uint64_t slot_count, error *err) MUST_USE;

/* Pages in order; SLOT_NONE: no more. */
ALWAYS_INLINE slot
calendar_first(const calendar *c) {
    return ordered_first(&c->order);
}

ALWAYS_INLINE slot
calendar_next(const calendar *c, slot page) {
    return ordered_next(&c->order, page);
}

ALWAYS_INLINE int64_t
calendar_time(const calendar *c, slot page) {
    return *ARRAY_AT(&c->times.keys.values[0], int64_t, page);
}

/* The page of a slot; *timed: it has a time. */
ALWAYS_INLINE slot
calendar_page(const calendar *c, slot s, bool *timed) {
    const slot page = ARRAY_AT(&c->links, calendar_link, s)->page - 1;
    *timed = ordered_has(&c->order, page);
    return page;
}

/* Slots of a page, one by one; SLOT_NONE: no more. */
ALWAYS_INLINE slot
calendar_first_on(const calendar *c, slot page) {
    return *ARRAY_AT(&c->heads, uint32_t, page) - 1;
}

ALWAYS_INLINE slot
calendar_next_on(const calendar *c, slot s) {
    return ARRAY_AT(&c->links, calendar_link, s)->next - 1;
}

#endif
