/* SPDX-License-Identifier: Apache-2.0 */
/* callout.c - see callout.h. A caller counts itself and then looks at the gate; who closes it shuts
 * the gate and then looks at the count: one of the two sees the other. */
#include "os/callout.h"

#include "base/clock.h"
#include "os/thread.h"

static _Atomic int64_t  under_way;
static _Atomic uint64_t closer; /* thread_id; 0: open */
static _Atomic uint32_t word;   /* futex: changes when one is over while the gate is shut */

bool
callout_begin(void) {
    atomic_fetch_add(&under_way, 1);
    const uint64_t by = atomic_load(&closer);
    if (UNLIKELY(by != 0 && by != thread_id())) {
        callout_end();
        return false;
    }
    return true;
}

void
callout_end(void) {
    atomic_fetch_sub(&under_way, 1);
    if (UNLIKELY(atomic_load(&closer) != 0)) {
        atomic_fetch_add(&word, 1);
        futex_wake_all(&word);
    }
}

bool
callout_close(int64_t timeout_us) {
    engine_clock clock;
    clock_init_real(&clock);
    const int64_t end_ns = sat_add_i64(clock_ticks_ns(&clock), sat_mul_i64(timeout_us, 1000));
    atomic_store(&closer, thread_id());
    for (;;) {
        const uint32_t seen = atomic_load(&word);
        const int64_t  left_us = (end_ns - clock_ticks_ns(&clock)) / 1000;
        if (atomic_load(&under_way) == 0 || left_us <= 0) {
            return atomic_load(&under_way) == 0;
        }
        futex_wait(&word, seen, left_us);
    }
}

void
callout_open(void) {
    atomic_store(&closer, 0);
}
