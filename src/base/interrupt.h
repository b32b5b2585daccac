/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.h - how a running query learns that it is no longer wanted: a flag that any thread
 * sets, and a check of the embedding program (a language binding looks for signals there), which is
 * called on the executing thread every INTERRUPT_CHECK_NS at most. */
#ifndef LAMINAR_BASE_INTERRUPT_H
#define LAMINAR_BASE_INTERRUPT_H

#include "base/clock.h"
#include "base/error.h"

#define INTERRUPT_CHECK_NS (5 * 1000 * 1000)

typedef struct interrupt interrupt;
struct interrupt {
    _Atomic bool cancelled;
    interrupt   *of; /* of a part that another thread runs: the query's own; else NULL */
    bool (*check)(void *context); /* true: stop; NULL: none */
    void         *context;
    engine_clock *clock;
    int64_t       next_ns;     /* when to check again; the executing thread's own */
    int64_t       deadline_ns; /* of the monotonic clock: no longer wanted from then on; 0: none */
    int64_t       timeout_ms;  /* what the deadline was made from, for the message */
    bool          timed_out;
    const char   *message; /* what a cancellation says; NULL: that a query was cancelled */
};

bool interrupt_check(interrupt *i); /* the slow part of interrupt_poll */
/* From any thread, without a call of the check: it was cancelled, or its deadline is over. */
bool interrupt_seen(const interrupt *i);
/* ERR_QUERY_CANCELLED and why, for a query that interrupt_poll told to stop. */
status interrupt_reason(const interrupt *i, error *err);

/* For a part of the query that another thread runs: it ends with the query and at its deadline. */
void interrupt_init_part(interrupt *part, interrupt *of);

#define INTERRUPT_ROWS 1024 /* between two looks, for loops that go row by row */

/* ---- debug builds: how much a thread does between two looks, for tests to bound. Rows are those
 * that operators are handed, bytes those that are given back, steps what loops say that they did.
 * NULL: nobody measures. */
typedef struct interrupt_meter {
    _Atomic int64_t rows_max, bytes_max, steps_max, looks;
} interrupt_meter;
#ifdef NDEBUG
#define interrupt_did(rows, bytes, steps) ((void)0)
#define interrupt_looked() ((void)0)
#define interrupt_forget() ((void)0)
#else
void interrupt_measure(interrupt_meter *m);
void interrupt_did(int64_t rows, int64_t bytes, int64_t steps);
void interrupt_looked(void);
void interrupt_forget(void); /* what was done outside of queries */
#endif

/* True once the query is to stop. NULL: never. For loops to call once a batch. */
ALWAYS_INLINE bool
interrupt_poll(interrupt *i) {
    if (i == NULL) {
        return false;
    }
    interrupt_looked();
    return atomic_load_explicit(&i->cancelled, memory_order_relaxed) ||
           (i->of != NULL && atomic_load_explicit(&i->of->cancelled, memory_order_relaxed)) ||
           ((i->check != NULL || i->deadline_ns != 0) && interrupt_check(i));
}

/* ---- for loops deep below a query, in kernels that know nothing of queries: the interrupt of the
 * query that this thread runs. NULL: none, as in the ticks of streams. */
interrupt *interrupt_set_current(interrupt *i); /* returns the one before, to be put back */
interrupt *interrupt_current(void);
bool       interrupt_stops(void);               /* interrupt_poll of the current one */
status     interrupt_look(error *err) MUST_USE; /* ERR_QUERY_CANCELLED and why, when it stops */

#define INTERRUPT_STRIDE (1 << 12) /* simple steps between two looks */
#define INTERRUPT_WORK (1 << 18)   /* bytes or items between two looks: less than a millisecond */

/* Counts work and looks now and then; *spent begins at 0. */
ALWAYS_INLINE status
interrupt_spend(int64_t *spent, int64_t work, error *err) {
    *spent += work;
    interrupt_did(0, 0, work);
    if (LIKELY(*spent < INTERRUPT_WORK)) {
        return OK;
    }
    *spent = 0;
    return interrupt_look(err);
}

#endif
