/* SPDX-License-Identifier: Apache-2.0 */
/* subscription.h - what the list of queries asks of a subscription. */
#ifndef LAMINAR_DB_SUBSCRIPTION_H
#define LAMINAR_DB_SUBSCRIPTION_H

#include "db/internal.h"

/* Cancelled, or its consumer has met the end. From any thread. */
bool subscription_is_over(const laminar_subscription *s);
/* Its consumers get no more and finish; waiters wake. From any thread, while it is not closed;
 * takes no lock. db_reap afterwards. */
void subscription_finish(laminar_subscription *s);

/* ---- restore_readers.c */
enum { BOUND_SETTINGS = 5 };
typedef struct query_memo { /* stream_memo of the stream of a query */
    text    sql;            /* as definitions are kept */
    int64_t settings[BOUND_SETTINGS];
} query_memo;
/* What a query is bound under. */
void bound_settings(const laminar_database *db, int64_t *out);

/* ---- for sinks */
/* The query of a plan, whose arena it takes over; running: its stream begins to read now, else with
 * the start. Its current rows first. With the token, which may be given up meanwhile. */
status subscription_open_plan(laminar_subscription **out, laminar_database *db, const plan *p,
                              arena *plan_arena, const object *sink, text listed_as, bool running,
                              const laminar_subscription_options *o, error *err) MUST_USE;
/* Sleeps until there may be something to read, or *poke (whose setter calls subscription_stir) is
 * set. counts: the thread will want a lock that inserts keep. */
void subscription_wait(laminar_subscription *s, const _Atomic bool *poke, bool counts);
void subscription_stir(laminar_subscription *s);
/* From any thread: what is unread, and rows that were lost. */
void subscription_pending(laminar_subscription *s, int64_t *rows, int64_t *bytes, int64_t *dropped);
/* No insert waits for it any more; it does again. */
void subscription_stop_blocking(laminar_subscription *s);
void subscription_block_again(laminar_subscription *s);
/* With the token: its anonymous stream; NULL: it was closed. */
stream *subscription_stream(const laminar_subscription *s);
/* With the token, while nobody reads: its failed stream, whose inputs are alive, goes on where it
 * stopped, and so does the reader. */
status subscription_revive(laminar_subscription *s, error *err) MUST_USE;
/* While nobody reads: the end, which the reader has met, is met again. */
void subscription_listen_again(laminar_subscription *s);

#endif
