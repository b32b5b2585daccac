/* SPDX-License-Identifier: Apache-2.0 */
/* subscription_internal.h - what a subscription is made of: for subscription.c, and for
 * subscription_sink.c, where the thread of a sink is the reader. */
#ifndef LAMINAR_DB_SUBSCRIPTION_INTERNAL_H
#define LAMINAR_DB_SUBSCRIPTION_INTERNAL_H

#include "db/subscription.h"

struct laminar_subscription {
    laminar_database *db; /* retained */
    mem              *mem;
    arena             arena; /* shape */
    schema            shape;
    data_type        *types; /* of its columns */
    bool              with_weight;
    bool              append_only;
    bool              one_row; /* of a result that never has more */
    _Atomic bool      blocks;  /* counted in db->blocking_readers */
    changelog        *log;     /* NULL: finite */
    bool              anonymous;
    mutex             reading;
    log_cursor        cursor; /* log NULL: finite */
    result           *first;  /* delivered before anything else; NULL: none */
    _Atomic bool      has_first;
    bool              counts_ops; /* its stream was told by stream_want_ops */
    int32_t           key_count;  /* columns of `shape` that identify a row */
    int32_t          *key_columns;
    watch             watch;
    mutex             watch_lock; /* one arming at a time; before all other locks */
    query_entry      *listed;     /* NULL for named streams */
    _Atomic bool      cancelled;
    _Atomic bool      finished;
    _Atomic bool      stopped; /* either of them from outside: what waiters look at */
};

status subscription_new(laminar_subscription **out, laminar_database *db, const plan *p,
                        error *err) MUST_USE;
void   subscription_free(laminar_subscription *s);
/* The anonymous stream of a plan, and its rows from now on. */
status subscribe_changes(laminar_subscription *s, laminar_database *db, const plan *p,
                         arena *plan_arena, const laminar_subscription_options *o,
                         const stream_options *how, error *err) MUST_USE;

/* ---- subscription_sink.c: whether inserts wait for it, which the database counts */
void subscription_begin_blocking(laminar_subscription *s);
void subscription_end_blocking(laminar_subscription *s);

#endif
