/* SPDX-License-Identifier: Apache-2.0 */
/* top_n.h - the parts of ORDER BY ... LIMIT, of all rows or of each key: op_top_n.c with the
 * one-off algorithms, top_n_bars.c with the rows those skip, top_n_stream.c with the
 * maintained one.
 *
 * Both order rows by the sort keys and break ties by all columns, so that the answer depends on the
 * rows alone, not on how or when they came. Without keys of either kind the order is that of
 * arrival. */
#ifndef LAMINAR_OP_TOP_N_H
#define LAMINAR_OP_TOP_N_H

#include "batch/builder.h"
#include "op/rows.h"
#include "state/group_table.h"
#include "state/ordered.h"

typedef struct top_n {
    op      base;
    int64_t end; /* limit + offset, saturating: rows beyond it are not shown */
    /* Key columns, sort keys, other columns. `keys` starts behind the key columns; key_count 0:
     * order of arrival. */
    sort_key *all_keys;
    sort_key *keys;
    int32_t   key_count;
    int32_t   part_count; /* key columns */
    column   *views;      /* of the delta under way */

    /* one-off */
    builder rows;
    column *kept_views; /* of the builder's rows */
    int32_t sorted;     /* leading rows of the builder in order; the last of `end` is the bar */
    int64_t skipped, passed; /* without sort keys: rows left out, rows let through */
    /* by part: the row of the builder that is its bar, -1: it has fewer rows; NULL: no bars */
    int32_t *bars;
    /* By part, beside it: the word of its first sort key, by which most rows are told from it
     * without a comparison. Not set unless bars_have_words. */
    uint64_t *bar_words;
    bool      bars_have_words;
    int32_t   bar_room;

    group_table parts; /* key columns -> part; unused without keys: there is one part, 0 */

    /* stream */
    group_table table;     /* all columns -> slot */
    state_array records;   /* top_n_row per slot */
    state_array totals;    /* top_n_part per part */
    ordered     order;     /* slots with positive weight, a tree per part */
    idle_book   ages;      /* of parts */
    slot_list   leaving;   /* slots whose weight may be 0 at the tick */
    slot_list   touched;   /* parts that changed in this tick */
    column     *part_keys; /* key columns of the delta under way */
} top_n;

/* ---- top_n_bars.c */
/* The first rows of each key, in order, of so many; they lead the builder. */
status top_n_bars_set(top_n *t, const delta *kept, int32_t of, error *err) MUST_USE;
/* Picks the rows that sort before row `bar` of `kept`. */
status top_n_bar_pass(const top_n *t, const delta *in, const delta *kept, int32_t bar,
                      int32_t *rows, int32_t *count, error *err) MUST_USE;
/* Picks the rows that sort before the bars of their keys. */
status top_n_bars_pass(top_n *t, const delta *in, const delta *kept, int32_t *rows, int32_t *count,
                       error *err) MUST_USE;
void   top_n_bars_close(top_n *t);

/* ---- top_n_stream.c */
status top_n_stream_open(top_n *t, const data_type *types, int32_t count, error *err) MUST_USE;
void   top_n_stream_close(top_n *t);
status top_n_stream_push(top_n *t, const delta *in, error *err) MUST_USE;
status top_n_stream_tick(top_n *t, error *err) MUST_USE;
status top_n_stream_forget(top_n *t, error *err) MUST_USE;
status top_n_stream_snapshot(top_n *t, op *target, int32_t port, error *err) MUST_USE;
status top_n_stream_give(op *of, op *to, error *err) MUST_USE; /* rows_giver, merge.h */
status top_n_stream_rebuild(top_n *t, error *err) MUST_USE;    /* after a restore */
status top_n_stream_validate(const top_n *t, error *err) MUST_USE;

#endif
