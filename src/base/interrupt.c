/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.c - see interrupt.h. */
#include "base/interrupt.h"

bool
interrupt_check(interrupt *i) {
    const int64_t now_ns = clock_ticks_ns(i->clock);
    if (now_ns < i->next_ns) {
        return false;
    }
    const bool stop = i->check(i->context);
    i->next_ns = sat_add_i64(clock_ticks_ns(i->clock), INTERRUPT_CHECK_NS);
    if (stop) {
        atomic_store_explicit(&i->cancelled, true, memory_order_relaxed);
    }
    return stop;
}
