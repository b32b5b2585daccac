/* SPDX-License-Identifier: Apache-2.0 */
/* asof.h - the parts of ASOF joins: asof_once.c with the one-off algorithm, asof_spill.c with what
 * it does on disk, asof_stream.c with the maintained one, asof_bound.c with what that forgets.
 *
 * Times are 64-bit integers that order as the column of the match does. Among right rows of one
 * time the last in the order of all columns is taken looking back, the first looking ahead, so the
 * answer depends on the rows alone. NULL keys and times match nothing. */
#ifndef LAMINAR_OP_ASOF_H
#define LAMINAR_OP_ASOF_H

#include "batch/builder.h"
#include "op/judge.h"
#include "op/row_sort.h"
#include "state/calendar.h"

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
    row_sort    right;
    row_sort    left;   /* while the right rows are on disk */
    builder     window; /* of the right rows, in order, when they come back */
    bool        sorted;
    delta       rows;        /* right rows that are looked at */
    int32_t    *order;       /* their numbers in order */
    int64_t    *times;       /* in that order; NULL: there is none */
    group_table groups;      /* keys -> group */
    int32_t    *group_start; /* per group, and one more: its first place in `order` */
    int32_t    *group_hint;  /* per group: where the last search ended */

    /* stream */
    data_type  *types[2], *key_types;
    group_table parts; /* keys -> tree of both sides */
    asof_side   sides[2];
    sort_key   *right_order; /* all columns of the right side */
    judge       judge;       /* of late rows, where rows are forgotten */
    calendar    ages[2];     /* likewise: rows by time / page_width */
    int64_t     page_width[2];
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

/* ---- asof_once.c */
status asof_once_open(asof *o, error *err) MUST_USE;
void   asof_once_close(asof *o);
status asof_once_push(asof *o, int32_t port, const delta *in, error *err) MUST_USE;
status asof_open_groups(asof *o, error *err) MUST_USE;
/* Right rows in order, for matches to be found among them; `groups` is empty. From `a`. */
status asof_index(asof *o, const delta *all, int32_t *order, arena *a, error *err) MUST_USE;
/* Left rows, whose columns are in `views`, with their matches. */
status asof_answer(asof *o, const delta *in, error *err) MUST_USE;
/* Rows of `in` that have no match: padded. */
status asof_answer_none(asof *o, const delta *in, const int32_t *rows, int32_t count,
                        error *err) MUST_USE;
/* A match is looked for around the first right row behind the time of the left one, not at it. */
bool asof_looks_after(const asof *o);

/* ---- asof_spill.c: left rows wait, and are answered at the tick */
status asof_keep_left(asof *o, const delta *in, error *err) MUST_USE;
status asof_spilled(asof *o, error *err) MUST_USE;

/* ---- asof_bound.c */
status asof_bound_open(asof *o, int32_t side, error *err) MUST_USE;
status asof_age(asof *o, int32_t side, const slot *slots, const int64_t *times,
                const uint8_t *is_new, int32_t count, error *err) MUST_USE;
status asof_forget(asof *o, int64_t frontier_us, error *err) MUST_USE;

/* ---- asof_stream.c */
status  asof_open_parts(asof *o, error *err) MUST_USE;
status  asof_open_side(asof *o, int32_t side, error *err) MUST_USE;
void    asof_close_side(asof *o, int32_t side);
int64_t asof_time(const asof *o, int32_t side, slot s);
/* A row out of the order of its key, which it had as *part; SLOT_NONE: none. */
status asof_take_out(asof *o, int32_t side, slot s, slot *part, error *err) MUST_USE;
status asof_drop_part(asof *o, slot part, error *err) MUST_USE; /* when it has no row */
status asof_stream_open(asof *o, error *err) MUST_USE;
void   asof_stream_close(asof *o);
status asof_stream_push(asof *o, int32_t side, const delta *in, error *err) MUST_USE;
status asof_stream_tick(asof *o, error *err) MUST_USE;
status asof_stream_snapshot(asof *o, op *target, int32_t port, error *err) MUST_USE;
/* op_class.merge */
status  asof_stream_merge(asof *o, asof *other, error *err) MUST_USE;
status  asof_stream_rebuild(asof *o, error *err) MUST_USE; /* after a restore */
status  asof_stream_validate(const asof *o, error *err) MUST_USE;
int64_t asof_stream_rows(const asof *o);

#endif
