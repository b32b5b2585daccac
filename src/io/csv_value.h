/* SPDX-License-Identifier: Apache-2.0 */
/* csv_value.h - a field of a CSV file as a value of a column. */
#ifndef LAMINAR_IO_CSV_VALUE_H
#define LAMINAR_IO_CSV_VALUE_H

#include "io/csv_record.h"
#include "io/csv_scan.h"
#include "io/scan_common.h"

typedef struct csv_target {
    const csv_options *options;
    arena             *scratch; /* for text whose escapes are undone; valid with the batch */
} csv_target;

/* ERR_INGESTION_FAILED, without a message: it does not fit. */
status csv_put(csv_target *t, scan_column *c, int32_t row, const csv_field *f) MUST_USE;

#endif
