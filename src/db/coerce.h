/* SPDX-License-Identifier: Apache-2.0 */
/* coerce.h - inserted values and columns into the declared types: value_coerce, with messages of an
 * insert. */
#ifndef LAMINAR_DB_COERCE_H
#define LAMINAR_DB_COERCE_H

#include "base/interrupt.h"
#include "batch/column.h"

typedef struct coerce_target {
    data_type  type;
    bool       event_time; /* BIGINT as epoch ms takes timestamps */
    interrupt *guard;      /* of coerce_column; NULL: none */
} coerce_target;

/* ERR_INGESTION_FAILED with "value 'x' of type T does not fit U". Text made for VARCHAR comes from
 * `a`. */
status coerce_value(value *out, const value *in, coerce_target to, arena *a, error *err) MUST_USE;
/* A whole column; *bad_row gets the row of the first value that is refused. */
status coerce_column(column *out, const column *in, int32_t row_count, coerce_target to, arena *a,
                     int32_t *bad_row, error *err) MUST_USE;

#endif
