/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt_meter.c - see interrupt.h: what threads do between two looks, in debug builds. */
#include "base/interrupt.h"

#ifndef NDEBUG
static _Atomic(interrupt_meter *) meter;
static _Thread_local int64_t      rows_done, bytes_done, steps_done;

void
interrupt_measure(interrupt_meter *m) {
    interrupt_looked();
    atomic_store(&meter, m);
}

void
interrupt_did(int64_t rows, int64_t bytes, int64_t steps) {
    rows_done += rows;
    bytes_done += bytes;
    steps_done += steps;
}

void
interrupt_forget(void) {
    rows_done = bytes_done = steps_done = 0;
}

static void
raise_to(_Atomic int64_t *highest, int64_t to) {
    int64_t before = atomic_load_explicit(highest, memory_order_relaxed);
    while (before < to && !atomic_compare_exchange_weak_explicit(
                              highest, &before, to, memory_order_relaxed, memory_order_relaxed)) {
    }
}

void
interrupt_looked(void) {
    interrupt_meter *m = atomic_load_explicit(&meter, memory_order_relaxed);
    if (m != NULL) {
        raise_to(&m->rows_max, rows_done);
        raise_to(&m->bytes_max, bytes_done);
        raise_to(&m->steps_max, steps_done);
        atomic_fetch_add_explicit(&m->looks, 1, memory_order_relaxed);
    }
    interrupt_forget();
}
#endif
