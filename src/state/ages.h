/* SPDX-License-Identifier: Apache-2.0 */
/* ages.h - when slots were last touched, and which of them were not for too long (state_ttl).
 *
 * Time is cut into steps of a sixteenth of the ttl; a step is a page of a calendar. A slot is over
 * when the clock has reached a step that begins more than the ttl after it was touched, so a touch
 * within a step costs one comparison. Slots that were touched before the clock was known count from
 * the first moment that it is. */
#ifndef LAMINAR_STATE_AGES_H
#define LAMINAR_STATE_AGES_H

#include "state/calendar.h"

typedef struct idle_book {
    int64_t  step_us; /* 0: nothing is over, and nothing is kept */
    int64_t  kept;    /* steps */
    calendar pages;
} idle_book;

#define AGES_STEPS 16

/* The step of a time; INT64_MIN: it is not known. */
ALWAYS_INLINE int64_t
ages_step(int64_t ttl_us, int64_t time_us) {
    const int64_t step_us = max_i64(1, ttl_us / AGES_STEPS);
    return time_us == INT64_MIN ? INT64_MIN : floor_div_i64(time_us, step_us);
}

/* ttl_us 0: slots are never over. Must not move. */
status ages_open(idle_book *a, store *s, const char *name, int64_t ttl_us, error *err) MUST_USE;
void   ages_close(idle_book *a); /* a zeroed one closes as nothing */
/* Slots, in or not, some more than once, SLOT_NONE among them; all are below slot_limit. */
status ages_touch(idle_book *a, int64_t clock_us, const slot *slots, int32_t count,
                  uint64_t slot_limit, arena *scratch, error *err) MUST_USE;
status ages_remove(idle_book *a, slot s, error *err) MUST_USE; /* no matter whether it is in */
/* Takes out up to `room` slots that are over; *count < room: there are no more. */
status ages_take(idle_book *a, int64_t clock_us, slot *slots, int32_t room, int32_t *count,
                 arena *scratch, error *err) MUST_USE;
/* Takes out all slots that are over and gives each to `forget`. */
typedef status ages_forget(void *context, slot s, error *err);
status         ages_drain(idle_book *a, int64_t clock_us, ages_forget *forget, void *context,
                          arena *scratch, error *err) MUST_USE;
/* For state that is made anew: the page of a slot that is in (INT64_MIN: it is not), and a slot
 * onto a page. */
int64_t ages_page(const idle_book *a, slot s);
status  ages_put(idle_book *a, const int64_t *pages, const slot *slots, int32_t count,
                 uint64_t slot_limit, arena *scratch, error *err) MUST_USE;
/* When the next slot is over; INT64_MAX: none will be. */
int64_t ages_due_us(const idle_book *a);
/* After a restore; owners: slots that may be in. */
status ages_rebuild(idle_book *a, const slot_set *owners, error *err) MUST_USE;

#endif
