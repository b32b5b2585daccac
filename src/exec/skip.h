/* SPDX-License-Identifier: Apache-2.0 */
/* skip.h - min/max skipping for one-off scans. */
#ifndef LAMINAR_EXEC_SKIP_H
#define LAMINAR_EXEC_SKIP_H

#include "plan/plan.h"
#include "table/table.h"

/* False: no row of the segment that the cursor stands in makes `predicate` (over the scan's output
 * columns) true. */
bool segment_may_match(const expr *predicate, const plan_node *scan, const table_cursor *c);

/* What a scan reads of a table: the position of one row, or */
#define ROWS_ALL INT64_C(-1)
#define ROWS_NONE INT64_C(-2)
/* A filter directly above the scan that sets all columns of a key equal to constants: the row that
 * has it. With the token. */
status find_by_key(int64_t *row, const table *t, const expr *predicate, const plan_node *scan,
                   arena *a, error *err) MUST_USE;

#endif
