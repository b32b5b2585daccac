/* SPDX-License-Identifier: Apache-2.0 */
/* subscription_sink.c - the subscription of a sink, which its thread reads.
 *
 * It outlives a failure of its stream: the stream stays for ALTER SINK ... RETRY, and the cursor
 * stands behind what was taken. */
#include "db/subscription_internal.h"

void
subscription_begin_blocking(laminar_subscription *s) {
    if (!atomic_exchange(&s->blocks, true)) {
        atomic_fetch_add(&s->db->blocking_readers, 1);
    }
}

void
subscription_end_blocking(laminar_subscription *s) {
    if (atomic_exchange(&s->blocks, false)) {
        atomic_fetch_sub(&s->db->blocking_readers, 1);
    }
}

status
subscription_open_plan(laminar_subscription **out, laminar_database *db, const plan *p,
                       arena *plan_arena, const object *sink, text listed_as, bool running,
                       const laminar_subscription_options *o, error *err) {
    laminar_subscription *s = NULL;
    TRY(subscription_new(&s, db, p, err));
    status made = db_query_begin(db, listed_as, NULL, &s->listed, err);
    if (made == OK) {
        const stream_options how = {.running = running, .sink = sink};
        made = subscribe_changes(s, db, p, plan_arena, o, &how, err);
        db_query_end(db, s->listed);
        s->listed = NULL;
    }
    if (made < 0) {
        subscription_free(s);
        return made;
    }
    *out = s;
    return OK;
}

void
subscription_wait(laminar_subscription *s, const _Atomic bool *poke, bool counts) {
    if (s->cursor.log == NULL || atomic_load(&s->has_first)) {
        return;
    }
    atomic_fetch_add(&s->db->sleeping_readers, counts);
    (void)log_cursor_wait(&s->cursor, poke, -1);
    atomic_fetch_sub(&s->db->sleeping_readers, counts);
}

void
subscription_stir(laminar_subscription *s) {
    changelog_stir(s->log);
}

void
subscription_pending(laminar_subscription *s, int64_t *rows, int64_t *bytes, int64_t *dropped) {
    *rows = s->cursor.log == NULL ? 0 : log_cursor_lag_rows(&s->cursor);
    *bytes = laminar_subscription_lag(s, dropped);
}

void
subscription_stop_blocking(laminar_subscription *s) {
    log_cursor_unblock(&s->cursor); /* a sink's has a log */
    subscription_end_blocking(s);
}

void
subscription_block_again(laminar_subscription *s) {
    log_cursor_block(&s->cursor);
    subscription_begin_blocking(s);
}

stream *
subscription_stream(const laminar_subscription *s) {
    return engine_stream_of(s->db->engine, s->log);
}

status
subscription_revive(laminar_subscription *s, error *err) {
    stream *failed = subscription_stream(s);
    if (failed == NULL) {
        return error_set(err, ERR_STREAM_FAILED, "its stream is gone");
    }
    TRY(stream_retry(failed, err));
    subscription_listen_again(s);
    return OK;
}

void
subscription_listen_again(laminar_subscription *s) {
    atomic_store(&s->finished, false);
}
