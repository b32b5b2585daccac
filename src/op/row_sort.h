/* SPDX-License-Identifier: Apache-2.0 */
/* row_sort.h - the rows of a one-off query in an order: in memory (row_sort.c), and where that has
 * no room as sorted runs on disk, which are merged as they are read (row_merge.c).
 *
 * Runs are in the order in which their rows came, so a merge that takes equal rows from the run
 * that comes first is as stable as the sort of each. */
#ifndef LAMINAR_OP_ROW_SORT_H
#define LAMINAR_OP_ROW_SORT_H

#include "op/rows.h"
#include "op/spill.h"

/* What sorting costs beside the rows, in bytes of each: its number, and keys with their numbers. */
#define SORT_ROW_BYTES 40

typedef struct row_merge row_merge;

typedef struct row_sort {
    op             *owner;
    const schema   *schema;
    const sort_key *keys;
    int32_t         key_count;
    int64_t         row_bytes; /* memory that each row takes beside itself, from its owner */
    builder         rows;
    data_type      *types;
    column         *views; /* of the builder's rows */
    spill_file      file;
    spill_rows     *runs;
    int32_t         run_count, run_capacity; /* 0 runs: all rows are in memory */
    row_merge      *merge;                   /* of the runs that are read; else NULL */
    int64_t         bytes_before;            /* in use before the rows in memory */
    bool            based;                   /* bytes_before is set */
} row_sort;

/* ---- row_sort.c */
status row_sort_open(row_sort *s, op *owner, const schema *rows, const sort_key *keys,
                     int32_t key_count, error *err) MUST_USE;
void   row_sort_close(row_sort *s); /* fine for one that is zeroed */
/* As often as the weights say. */
status row_sort_add(row_sort *s, const delta *rows, error *err) MUST_USE;
/* While there are no runs: the rows as they came, and their numbers in order, from `a`. */
status row_sort_order(row_sort *s, delta *all, int32_t **order, arena *a, error *err) MUST_USE;
/* The rows in memory become a run. */
status row_sort_spill(row_sort *s, error *err) MUST_USE;

/* ---- row_merge.c: the rows of all runs in order, at the tick. Its arrays lie in scratch. */
status row_merge_start(row_sort *s, error *err) MUST_USE;
/* Up to BATCH_ROWS rows, valid until the next call; no rows: the end. */
status row_merge_next(row_sort *s, delta *out, error *err) MUST_USE;
void   row_merge_end(row_sort *s); /* fine where none is under way */

#endif
