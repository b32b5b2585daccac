/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - time as the engine sees it. Tests give a manual clock. */
#ifndef LAMINAR_BASE_CLOCK_H
#define LAMINAR_BASE_CLOCK_H

#include "base/compiler.h"

typedef struct engine_clock engine_clock;
struct engine_clock {
    int64_t (*now_us)(engine_clock *c);   /* wall time: microseconds since 1970-01-01 UTC */
    int64_t (*ticks_ns)(engine_clock *c); /* monotonic, for measuring; manual: now_us * 1000 */
    _Atomic int64_t manual_us;            /* manual and stepped clocks alone */
};

void clock_init_real(engine_clock *c);
void clock_init_manual(engine_clock *c, int64_t now_us);
/* Wall time moved by hand, measurements real: waits and time-outs go on. */
void clock_init_stepped(engine_clock *c, int64_t now_us);
void clock_advance(engine_clock *c, int64_t us); /* manual and stepped clocks alone */

ALWAYS_INLINE int64_t
clock_now_us(engine_clock *c) {
    return c->now_us(c);
}

ALWAYS_INLINE int64_t
clock_ticks_ns(engine_clock *c) {
    return c->ticks_ns(c);
}

#endif
