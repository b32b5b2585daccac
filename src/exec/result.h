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
    /* Of a delivery of a subscription: */
    bool           delivered;
    uint64_t       epoch, part; /* its position, see log_position */
    struct result *gone;        /* last rows of the keys that left; NULL: none */
    uint8_t       *row_ops;     /* change_op per row; NULL: all CHANGE_INSERT, or nobody asked */
} result;

typedef enum change_op { CHANGE_INSERT, CHANGE_UPDATE, CHANGE_DELETE } change_op;

status  result_new(result **out, mem *m, const schema *s, bool with_weight, error *err) MUST_USE;
result *result_retain(result *r);
void    result_release(result *r);
/* Takes over the caller's reference, also when it fails. */
status result_add(result *r, batch *b, error *err) MUST_USE;
/* The same rows in batches of `size` rows, the last one may have fewer. Takes over the reference,
 * also when it fails. */
status result_cut(result **r, int64_t size, error *err) MUST_USE;
/* Copies one op per row; all batches have been added. */
status result_set_ops(result *r, const uint8_t *ops, error *err) MUST_USE;
/* Value of one cell; rows are counted over all batches. Text borrows from the result. */
value result_value(const result *r, int64_t row, int32_t column_index);

#endif
