/* SPDX-License-Identifier: Apache-2.0 */
/* asof.h - the parts of ASOF joins: op_asof.c with the one-off algorithm, asof_stream.c with the
 * maintained one.
 *
 * Times are 64-bit integers that order as the column of the match does. Among right rows of one
 * time the last in the order of all columns is taken looking back, the first looking ahead, so the
 * answer depends on the rows alone. NULL keys and times match nothing. */
#ifndef LAMINAR_OP_ASOF_H
#define LAMINAR_OP_ASOF_H

#include "batch/builder.h"
#include "op/rows.h"
#include "state/group_table.h"
#include "state/ordered.h"

enum { ASOF_LEFT = 0, ASOF_RIGHT = 1 };

typedef struct asof_side { /* streams */
    group_table table;     /* all columns -> slot */
    state_array records;   /* asof_row per slot */
    ordered     order;     /* rows that are there and have keys and a time, a tree per key */
    slot_list   touched;   /* rows whose weight moved in this tick */
} asof_side;

typedef struct asof {
    op             base;
    int32_t        key_count;
    const int32_t *keys[2]; /* columns of the keys; the column of the match stands behind them */
    bool           pads;    /* LEFT: left rows without a match come out */
    column        *views[2];
    column        *key_views; /* of the delta under way */
    column        *output;    /* left columns, then right columns */

    /* one-off: right rows sorted by keys, time and the rest */
    builder     rows;
    column     *row_views;
    bool        sorted;
    int32_t    *order;       /* right rows in order */
    int64_t    *times;       /* in that order */
    group_table groups;      /* keys -> group */
    int32_t    *group_start; /* per group, and one more: its first place in `order` */
    int32_t    *group_hint;  /* per group: where the last search ended */

    /* stream */
    group_table parts; /* keys -> tree of both sides */
    asof_side   sides[2];
    sort_key   *right_order; /* all columns of the right side */
} asof;

/* ---- op_asof.c */
/* The times of a column of the match; rows without one get 0. */
status asof_times(int64_t **out, const column *c, int32_t count, arena *a, error *err) MUST_USE;
/* Are the two within the tolerance? */
bool asof_is_near(const asof *o, int64_t left, int64_t right);
/* Is `before` at least as near to `time` as `after`? */
bool asof_prefers_earlier(const asof *o, int64_t time, int64_t before, int64_t after);
/* Where keys and time are all there. */
status asof_complete_rows(uint8_t **out, const asof *o, int32_t side, int32_t count, arena *a,
                          error *err) MUST_USE;

/* ---- asof_stream.c */
status  asof_stream_open(asof *o, error *err) MUST_USE;
void    asof_stream_close(asof *o);
status  asof_stream_push(asof *o, int32_t side, const delta *in, error *err) MUST_USE;
status  asof_stream_tick(asof *o, error *err) MUST_USE;
status  asof_stream_snapshot(asof *o, op *target, int32_t port, error *err) MUST_USE;
status  asof_stream_validate(const asof *o, error *err) MUST_USE;
int64_t asof_stream_rows(const asof *o);

#endif
