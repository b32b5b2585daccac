/* SPDX-License-Identifier: Apache-2.0 */
/* idle.c - WITH (idle_timeout = ...): a source that is silent for so long leaves the minimum of
 * watermarks until it is heard again.
 *
 * Silence is counted from the ingest instant of its newest entry that the streams have seen, or
 * from when the source was made. So idleness is a function of the log and of the engine's time, and
 * a replay finds the same moments (replay.c). What a stream's watermark had reached stays, when a
 * source joins the minimum again. */
#include <stddef.h>

#include "exec/engine_internal.h"

int64_t
source_silent_since_us(const source *s) {
    const int64_t n = source_flowed_entries(s);
    return n == 0 ? s->opened_us : table_entry(s->table, n - 1)->ingested_us;
}

/* The timer is not moved with every insert: it looks when it goes off. */
static void
silence_due(timer *t, int64_t due_us) {
    source       *s = (source *)(void *)((char *)t - offsetof(source, silence));
    const int64_t end_us = sat_add_i64(source_silent_since_us(s), s->object->idle_timeout_us);
    if (end_us > due_us) {
        timer_set(&s->engine->timers, t, end_us);
        return;
    }
    engine_keep_floor(s->engine);
    s->idle = true;
    source_tick(s, s->engine->paused ? s->engine->held_sequence : s->engine->sequence);
    engine_send_late(s->engine);
}

status
source_open_idle(source *s, error *err) {
    engine *e = s->engine;
    if (s->object->idle_timeout_us == 0) {
        return OK;
    }
    TRY(timer_init(&e->timers, &s->silence, silence_due, err));
    s->opened_us = engine_arrival_us(e);
    timer_set(&e->timers, &s->silence, sat_add_i64(s->opened_us, s->object->idle_timeout_us));
    return OK;
}

void
source_heard(source *s) {
    engine *e = s->engine;
    if (s->silence.fire == NULL || !s->idle) {
        return;
    }
    engine_keep_floor(e);
    s->idle = false;
    timer_set(&e->timers, &s->silence,
              sat_add_i64(source_silent_since_us(s), s->object->idle_timeout_us));
}

bool
source_is_idle(const source *s) {
    return s->idle;
}
