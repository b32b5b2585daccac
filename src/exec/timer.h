/* SPDX-License-Identifier: Apache-2.0 */
/* timer.h - deadlines of the engine's clock: when a stream is to do something although no row came
 * (EMIT EVERY, idle sources, windows over processing time).
 *
 * Who waits embeds a timer, makes it with timer_init, sets it with timer_set as often as it likes
 * and gives it back with timer_fini. All with the engine token. `fire` runs with the token between
 * two ticks, when everything is settled and published; it may set its own and other timers, feed
 * and tick streams and publish.
 *
 * A timer fires at its deadline, not when somebody looks: before a row is stored at time t, and
 * before the worker thread or laminar_database_tick goes on to t, all timers due at or before t
 * fire in order of their deadlines (equal ones in order of creation), and each is told its own
 * deadline. So what comes out depends on deadlines and times of arrival alone, never on how busy
 * the engine was or in which steps the clock was moved. Times never go back: engine_now_us.
 *
 * In a pause no timer fires. What a pause held back goes through the streams with the times of its
 * arrival, and timers fire between the inserts as they would have. */
#ifndef LAMINAR_EXEC_TIMER_H
#define LAMINAR_EXEC_TIMER_H

#include "base/error.h"
#include "base/mem.h"

#define TIMER_NEVER INT64_MAX

typedef struct timer timer;
struct timer {
    int64_t  due_us; /* while it is set */
    uint64_t order;  /* of creation */
    int32_t  place;  /* in the heap; -1: not set */
    void (*fire)(timer *t, int64_t due_us);
};

typedef struct timer_heap { /* of one engine: the earliest first */
    mem     *mem;
    timer  **items;
    int32_t  count, capacity;
    int32_t  made; /* timers that exist: each has its place, so that setting one cannot fail */
    uint64_t order;
} timer_heap;

void   timer_heap_init(timer_heap *h, mem *m);
void   timer_heap_fini(timer_heap *h); /* all timers were given back */
status timer_init(timer_heap *h, timer *t, void (*fire)(timer *t, int64_t due_us),
                  error *err) MUST_USE;
void   timer_fini(timer_heap *h, timer *t); /* one that was never made (all zero): nothing */
/* Earlier or later than before; TIMER_NEVER: not at all. */
void    timer_set(timer_heap *h, timer *t, int64_t due_us);
int64_t timer_heap_due_us(const timer_heap *h); /* of the earliest; TIMER_NEVER */
/* Takes out the earliest that is due at or before now_us; NULL: none is. */
bool   timer_is_set(const timer *t);
timer *timer_heap_take(timer_heap *h, int64_t now_us);

#endif
