/* SPDX-License-Identifier: Apache-2.0 */
/* coerce.h - what an inserted value may become: nothing is lost, nothing is guessed.
 *
 * integer -> wider or narrower integer in range, DOUBLE, VARCHAR, BOOLEAN (0 and 1 alone); DOUBLE
 * -> integer when integral and in range; BOOLEAN -> integer 0/1; text -> number, BOOLEAN or time
 * when all of it parses; timestamps and dates -> BIGINT of an event-time column as epoch ms; any
 * scalar -> VARCHAR by its CAST text. All else is refused with both types and the value. */
#ifndef LAMINAR_DB_COERCE_H
#define LAMINAR_DB_COERCE_H

#include "batch/column.h"

typedef struct coerce_target {
    data_type type;
    bool      event_time; /* BIGINT as epoch ms takes timestamps */
} coerce_target;

/* ERR_INGESTION_FAILED with "value 'x' of type T does not fit U". Text made for VARCHAR comes from
 * `a`. */
status coerce_value(value *out, const value *in, coerce_target to, arena *a, error *err) MUST_USE;
/* A whole column; *bad_row gets the row of the first value that is refused. */
status coerce_column(column *out, const column *in, int32_t row_count, coerce_target to, arena *a,
                     int32_t *bad_row, error *err) MUST_USE;

#endif
