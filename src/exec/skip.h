/* SPDX-License-Identifier: Apache-2.0 */
/* skip.h - min/max skipping for one-off scans. */
#ifndef LAMINAR_EXEC_SKIP_H
#define LAMINAR_EXEC_SKIP_H

#include "plan/plan.h"
#include "table/table.h"

/* False: no row of the segment that the cursor stands in makes `predicate` (over the scan's output
 * columns) true. */
bool segment_may_match(const expr *predicate, const plan_node *scan, const table_cursor *c);

#endif
