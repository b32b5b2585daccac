/* SPDX-License-Identifier: Apache-2.0 */
/* skip.h - min/max skipping for one-off scans. */
#ifndef LAMINAR_EXEC_SKIP_H
#define LAMINAR_EXEC_SKIP_H

#include "plan/plan.h"
#include "table/table.h"

/* False: no row of the segment that the cursor stands in makes `predicate` (over the scan's output
 * columns) true. */
bool segment_may_match(const expr *predicate, const plan_node *scan, const table_cursor *c);

/* What a scan reads of a table: these rows. */
typedef struct key_rows {
    int64_t  count;     /* -1: all rows */
    int64_t *positions; /* ascending, each once */
} key_rows;
/* A filter directly above the scan that sets all columns of a key equal to constants, or the one
 * column of a key to one of a list: the rows that have them, in memory of `a`. With the token. */
status find_by_key(key_rows *out, const table *t, const expr *predicate, const plan_node *scan,
                   arena *a, arena *scratch, error *err) MUST_USE;

#endif
