/* SPDX-License-Identifier: Apache-2.0 */
/* sort.h - the parts of ORDER BY: op_sort.c (rows in memory) and sort_merge.c (sorted runs on
 * disk).
 *
 * Runs are in the order in which their rows came, so a merge that takes equal rows from the run
 * that comes first is as stable as the sort of each. */
#ifndef LAMINAR_OP_SORT_H
#define LAMINAR_OP_SORT_H

#include "op/rows.h"
#include "op/spill.h"

typedef struct sort {
    op          base;
    builder     rows;
    data_type  *types;
    column     *views; /* of the builder's rows */
    spill_file  file;
    spill_rows *runs;
    int32_t     run_count, run_capacity;
    int64_t     first, end;   /* places that are wanted */
    int64_t     place;        /* of the next row of the merge */
    int64_t     bytes_before; /* in use before the rows in memory */
    bool        based;        /* bytes_before is set */
} sort;

/* ---- sort_merge.c */
/* The rows in this order, as one more run. */
status sort_add_run(sort *o, const delta *all, const int32_t *order, error *err) MUST_USE;
/* Emits the rows of all runs in order. */
status sort_merge(sort *o, error *err) MUST_USE;
void   sort_close_runs(sort *o);

#endif
