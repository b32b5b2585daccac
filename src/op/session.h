/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - what aggregate_session.c and session_rebuild.c share: one open session, and the rows
 * of a key. */
#ifndef LAMINAR_OP_SESSION_H
#define LAMINAR_OP_SESSION_H

#include "op/aggregate.h"

typedef struct session {
    int64_t  start, last; /* times of its first and last row, in units of the time column */
    int64_t  due;         /* a value that `last` had: its place in by_due */
    int64_t  row_count;   /* rows it was made of: which of two is moved */
    uint32_t key;         /* slot of keys */
    uint32_t group;       /* group slot + 1; 0: none yet */
    uint32_t forward;     /* what it became part of; itself while it lives; next free slot */
    uint32_t live;
} session;

#define SESSION_PROBE 0 /* a slot of no session: a place in the order that is looked for */

typedef struct key_record {
    uint32_t session_count; /* alive */
    uint32_t dirty;         /* its place in this tick's list + 1; 0: none */
} key_record;

ALWAYS_INLINE session *
session_at(const aggregate_sessions *s, slot at) {
    return ARRAY_AT(&s->sessions, session, at);
}

ALWAYS_INLINE key_record *
session_key_at(const aggregate_sessions *s, slot key) {
    return ARRAY_AT(&s->records, key_record, key);
}

/* Key slots of the rows in a->views; new keys are prepared. */
status session_map_keys(aggregate *a, int32_t row_count, slot *keys, error *err) MUST_USE;
/* The groups of rows in a->views whose sessions are these. */
status session_map_groups(aggregate *a, const int64_t *numbers, int32_t count, slot *groups,
                          error *err) MUST_USE;
/* A new session of one time, in order. */
status session_new(aggregate *a, slot key, int64_t time, slot *out, error *err) MUST_USE;
/* Out of the orders: no row will find it. Its slot stays until session_free. */
status session_unlink(aggregate *a, slot at, error *err) MUST_USE;
status session_free(aggregate *a, slot at, error *err) MUST_USE;
/* The last session of the key that starts at `time` or before, SLOT_NONE. */
slot session_before(aggregate *a, slot key, int64_t time);

/* ---- session_rows.c: rows that are kept */
status session_rows_open(aggregate *a, error *err) MUST_USE;
/* Adds the delta in a->views. */
status session_rows_add(aggregate *a, const slot *keys, const delta *in, error *err) MUST_USE;
/* Slots of the key's rows from `low` to `high`, in scratch, in no order. */
status session_rows_find(const aggregate *a, slot key, int64_t low, int64_t high, slot **rows,
                         int32_t *count, error *err) MUST_USE;
ALWAYS_INLINE int64_t
session_row_time(const aggregate *a, slot row) {
    const state_columns *c = arrangement_columns(&a->sessions.rows);
    return *ARRAY_AT(&c->values[1 + a->base.spec->session_key], int64_t, row);
}
/* These rows in a->views, with their weights (times `sign`). At most BATCH_ROWS. */
status session_rows_read(aggregate *a, const slot *rows, int32_t count, delta *out,
                         error *err) MUST_USE;
/* Rows of a session that is over. */
status session_rows_drop(aggregate *a, slot key, int64_t low, int64_t high, error *err) MUST_USE;

#endif
