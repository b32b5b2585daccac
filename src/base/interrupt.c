/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.c - see interrupt.h. */
#include "base/interrupt.h"

static _Thread_local interrupt *current;

interrupt *
interrupt_set_current(interrupt *i) {
    interrupt *before = current;
    if (before == NULL) {
        interrupt_forget();
    } else {
        interrupt_looked();
    }
    current = i;
    return before;
}

interrupt *
interrupt_current(void) {
    return current;
}

bool
interrupt_stops(void) {
    return interrupt_poll(current);
}

status
interrupt_look(error *err) {
    return interrupt_poll(current) ? interrupt_reason(current, err) : OK;
}

bool
interrupt_check(interrupt *i) {
    const int64_t now_ns = clock_ticks_ns(i->clock);
    if (now_ns < i->next_ns) {
        return false;
    }
    i->timed_out = i->deadline_ns != 0 && now_ns >= i->deadline_ns;
    const bool stop = i->timed_out || (i->check != NULL && i->check(i->context));
    i->next_ns = sat_add_i64(clock_ticks_ns(i->clock), INTERRUPT_CHECK_NS);
    if (stop) {
        atomic_store_explicit(&i->cancelled, true, memory_order_relaxed);
    }
    return stop;
}

bool
interrupt_seen(const interrupt *i) {
    return i != NULL &&
           (atomic_load_explicit(&i->cancelled, memory_order_relaxed) ||
            (i->of != NULL && atomic_load_explicit(&i->of->cancelled, memory_order_relaxed)) ||
            (i->deadline_ns != 0 && clock_ticks_ns(i->clock) >= i->deadline_ns));
}

void
interrupt_init_part(interrupt *part, interrupt *of) {
    *part = (interrupt){.of = of};
    if (of != NULL) {
        part->clock = of->clock;
        part->next_ns = of->deadline_ns;
        part->deadline_ns = of->deadline_ns;
        part->timeout_ms = of->timeout_ms;
    }
}

status
interrupt_reason(const interrupt *i, error *err) {
    if (i != NULL && i->timed_out) {
        return error_set(err, ERR_QUERY_CANCELLED,
                         "the query ran longer than statement_timeout_ms allows (%lld ms)",
                         (long long)i->timeout_ms);
    }
    return error_set(err, ERR_QUERY_CANCELLED, "%s",
                     i != NULL && i->message != NULL ? i->message : "query was cancelled");
}
