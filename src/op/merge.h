/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - partial instances of operators that keep the rows of their input: op_class.merge by
 * giving those rows once more.
 *
 * What `other` gave for its rows is taken back, and the rows go into `self`, which then answers for
 * all of them. What has to be taken back is what an operator without a history gives for the same
 * rows, so a third instance computes it; that asks nothing of the two but to be right. */
#ifndef LAMINAR_OP_MERGE_H
#define LAMINAR_OP_MERGE_H

#include "op/rows.h"
#include "state/arrangement.h"

/* Pushes every row that `of` keeps to `to`, an operator of its class, as often as it weighs. */
typedef status (*rows_giver)(op *of, op *to, error *err);
status merge_by_rows(op *self, op *other, rows_giver give, error *err) MUST_USE;

/* An operator, in that environment, whose rows leave `self` with their weights turned round. */
status merge_open_back(op **out, op *self, op_env *env, error *err) MUST_USE;

/* ---- stored rows as deltas that are pushed; memory from of->env->scratch */
typedef struct row_feed {
    op                  *of, *to;
    int32_t              port, first, width, count; /* columns first .. first + width are pushed */
    const state_columns *columns;
    column              *output;
    slot                *slots;
    int64_t             *weights;
} row_feed;

status feed_open(row_feed *f, op *of, op *to, int32_t port, const state_columns *columns,
                 int32_t first, int32_t width, error *err) MUST_USE;
status feed_add(row_feed *f, slot s, int64_t weight, error *err) MUST_USE;
status feed_flush(row_feed *f, error *err) MUST_USE;
/* All live rows of an arrangement, of which `width` columns from `first` on are pushed. */
status feed_arrangement(op *of, op *to, int32_t port, const arrangement *a, int32_t first,
                        int32_t width, error *err) MUST_USE;

/* ---- rows from one arrangement into another of the same columns, where nothing comes out */
status merge_arrangement(arrangement *into, const arrangement *from, const op_env *env,
                         error *err) MUST_USE;

#endif
