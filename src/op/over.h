/* SPDX-License-Identifier: Apache-2.0 */
/* over.h - the parts of the operator of window functions.
 *
 *   op_over.c         the operator
 *   over_once.c       one-off queries
 *   over_portions.c   what they compute, on several threads
 *   over_stream.c     partitions kept in order, and what a tick changes in them
 *   over_view.c       rows in order, cut into partitions and groups of peers
 *   over_frame.c      which rows the frame of each row holds
 *   over_place.c      functions that count rows or pick one: ranks, lag, first_value ...
 *   over_aggregate.c  aggregates over frames
 *
 * All functions work on a view: columns with the rows of some partitions one after the other, each
 * in order and up to its end, but maybe not from its beginning. A row is its index in the view. */
#ifndef LAMINAR_OP_OVER_H
#define LAMINAR_OP_OVER_H

#include "batch/builder.h"
#include "op/row_sort.h"
#include "state/group_table.h"
#include "state/ordered.h"

/* The rows of one partition in the view are at .. end - 1. */
typedef struct over_part {
    int32_t at, end;
    int32_t from;   /* results are wanted from this row on */
    int64_t first;  /* rows of the partition before the view */
    int64_t groups; /* groups of peers before the view; it begins with a whole group */
    int32_t head;   /* a copy of the first rows of the partition, when first > 0 and some call looks
                       at them */
    slot slot;      /* where aggregates keep what belongs to the partition */
} over_part;

typedef struct over_view {
    const column  *columns; /* of the input; only those that calls and frames look at are set */
    int32_t        row_count;
    int32_t        part_count;
    over_part     *parts;
    int32_t       *group;       /* per row: its group of peers, numbered through the view */
    int32_t       *group_start; /* per group, and one more: its first row */
    const uint8_t *fresh;       /* streams: rows that aggregates have not seen; NULL: all */
    bool           keeps;       /* aggregates over frames from the first row on keep their state */
} over_view;

/* Rows [start, end) of the view per row; rows before `from` are not set. A frame that begins with
 * the partition begins with the view's part of it. */
typedef struct over_bounds {
    int32_t *start, *end;
} over_bounds;

typedef struct over {
    op               base;
    int32_t          input_count, call_count;
    const over_call *calls;
    sort_key        *order;                   /* partition columns, sort keys, other columns */
    int32_t          order_count, peer_count; /* sort keys are order[key_count .. + peer_count) */
    bool            *reads;                   /* per input column: calls or frames look at it */
    bool             ties_matter;
    agg            **aggs;  /* per call; NULL: no aggregate */
    agg            **spare; /* streams: per call, for frames that do not begin with the partition */
    column          *views; /* of the delta under way */
    column          *output;
    builder          rows;      /* streams: of the tick; one-off: that came back from disk */
    column          *row_views; /* streams: of the builder's rows */
    row_sort         sorted;    /* one-off: all of the input */

    struct over_state *state; /* streams */
} over;

ALWAYS_INLINE bool
over_is_kept(const over_call *call) {
    return call->kind == OVER_AGGREGATE && call->frame.start.kind == BOUND_FIRST;
}

/* ---- over_view.c */
/* same[i]: rows i and i - 1 of `rows` (NULL: of the columns) are equal in the given columns;
 * same[0] is 0. */
status over_same_as_previous(uint8_t *same, const column *columns, const sort_key *keys,
                             int32_t key_count, const int32_t *rows, int32_t count, arena *a,
                             error *err) MUST_USE;
/* Fills group and group_start. peer[i]: row i is a peer of row i - 1; not across parts. */
status over_number_groups(over_view *v, const uint8_t *peer, arena *a, error *err) MUST_USE;

/* ---- over_frame.c */
status over_find_bounds(over_bounds *out, const over *o, const over_view *v, const over_frame *f,
                        arena *a, error *err) MUST_USE;

/* ---- over_place.c, over_aggregate.c: the results of call i; rows before `from` mean nothing */
status over_place(column *out, const over *o, const over_view *v, int32_t i, arena *a,
                  error *err) MUST_USE;
status over_aggregates_open(over *o, error *err) MUST_USE;
void   over_aggregates_close(over *o);
status over_aggregate(column *out, over *o, const over_view *v, int32_t i, arena *a,
                      error *err) MUST_USE;
/* Rows of the view in or out of the kept state of all calls: weight +1 or -1. */
status over_aggregates_settle(op *self, error *err) MUST_USE; /* op_class.settle */
status over_aggregates_move(over *o, const over_view *v, slot part, int32_t first, int32_t end,
                            int64_t weight, error *err) MUST_USE;
/* All calls. */
status over_compute(column *out, over *o, const over_view *v, arena *a, error *err) MUST_USE;

/* ---- over_once.c */
status over_once_open(over *o, error *err) MUST_USE;
status over_once_tick(over *o, error *err) MUST_USE;

/* ---- over_portions.c */
/* What the calls give for whole partitions, whose rows stand in this order. DONE: the consumers
 * have enough. */
status over_answer(over *o, const delta *all, const int32_t *order, error *err) MUST_USE;

/* ---- over_stream.c */
status  over_stream_open(over *o, error *err) MUST_USE;
void    over_stream_close(over *o);
status  over_stream_push(over *o, const delta *in, error *err) MUST_USE;
status  over_stream_tick(over *o, error *err) MUST_USE;
status  over_stream_forget(over *o, error *err) MUST_USE;
status  over_stream_snapshot(over *o, op *target, int32_t port, error *err) MUST_USE;
status  over_stream_give(op *of, op *to, error *err) MUST_USE; /* rows_giver, merge.h */
status  over_stream_validate(const over *o, error *err) MUST_USE;
int64_t over_stream_rows(const over *o);

#endif
