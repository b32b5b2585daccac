/* SPDX-License-Identifier: Apache-2.0 */
/* result.h - a finished set of rows: a schema and kept batches. Counted, immutable, may outlive its
 * database's objects (not its mem). */
#ifndef LAMINAR_EXEC_RESULT_H
#define LAMINAR_EXEC_RESULT_H

#include "batch/column.h"

typedef struct result {
    _Atomic int32_t references;
    mem            *mem;
    arena           arena; /* schema and the batch list */
    schema          schema;
    bool with_weight; /* batches carry weights that count as a last BIGINT column "__weight"
                         (already part of schema) */
    int64_t  row_count;
    int32_t  batch_count, batch_capacity;
    batch  **batches;
    int32_t  end_capacity;
    int64_t *ends; /* rows up to the end of each batch */
} result;

status  result_new(result **out, mem *m, const schema *s, bool with_weight, error *err) MUST_USE;
result *result_retain(result *r);
void    result_release(result *r);
/* Takes over the caller's reference, also when it fails. */
status result_add(result *r, batch *b, error *err) MUST_USE;
/* Value of one cell; rows are counted over all batches. Text borrows from the result. */
value result_value(const result *r, int64_t row, int32_t column_index);

#endif
