/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - a stream fails, and with it all that reads it; nothing else.
 *
 * What concerns the stream and its readers happens at once, on the thread that runs them. What
 * others see (the list of errors, the end of its change log, timers) may have to wait until threads
 * are done (abreast.c). */
#include "exec/engine_internal.h"

void
stream_tell_failure(stream *s) {
    error told = s->reason;
    if (s->part == NULL) {
        error_log_add(&s->engine->errors, clock_now_us(s->engine->clock), "stream",
                      s->object == NULL ? TEXT("") : s->object->name, -told.status, told.message);
    }
    if (s->backfill != NULL) {
        return; /* stream_join_end sees it; nobody reads it yet */
    }
    stream_silence(s);
    told.status = ERR_STREAM_FAILED;
    changelog_end(s->log, LOG_FAILED, &told);
    if (s->object == NULL && s->part == NULL && s->sink == NULL) {
        changelog_abandon(s->log); /* its subscription reads what is in the log */
    }
    atomic_store_explicit(&s->engine->has_abandoned, true, memory_order_release);
    engine_check_fault(s->engine);
}

void
stream_fail_reader(const stream *s, stream *reader) {
    error below = s->reason;
    if (s->part == NULL) {
        error_set(&below, s->reason.status, "input stream \"%.*s\" failed: %.300s",
                  s->object == NULL ? 0 : (int)s->object->name.size,
                  s->object == NULL ? "" : s->object->name.data, s->reason.message);
    }
    stream_fail(reader, &below);
}

void
stream_fail(stream *s, const error *reason) {
    if (s->failed) {
        return;
    }
    s->failed = true;
    s->reason = *reason;
    if (s->crew != NULL) {
        crew_note_failure(s->crew, s);
    } else {
        stream_tell_failure(s);
    }
    if (s->backfill != NULL) {
        return;
    }
    stream_drop_pending(s);
    for (int32_t i = 0; i < s->dependents.count; i++) {
        const stream_input *in = s->dependents.items[i];
        if (!crew_hands_over(in)) { /* else when its turn comes */
            stream_fail_reader(s, in->owner);
        }
    }
}

void
engine_check_fault(engine *e) {
    int32_t running = 0, failed = 0;
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        const bool    counts = s->object != NULL && s->backfill == NULL;
        running += counts && (s->running || s->failed);
        failed += counts && s->failed;
    }
    atomic_store_explicit(&e->faulted, running > 0 && running == failed, memory_order_relaxed);
}

bool
engine_is_faulted(const engine *e) {
    return atomic_load_explicit(&e->faulted, memory_order_relaxed);
}
