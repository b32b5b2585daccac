/* SPDX-License-Identifier: Apache-2.0 */
/* scan_common.h - what scans of CSV and JSON files share: columns of one batch that are filled
 * value by value, and errors that name the file. */
#ifndef LAMINAR_IO_SCAN_COMMON_H
#define LAMINAR_IO_SCAN_COMMON_H

#include "batch/column.h"

typedef struct scan_column { /* NULL values: nobody looks at it */
    data_type type;
    void     *values;
    uint64_t *validity;
    int32_t   null_count;
} scan_column;

/* Room for BATCH_ROWS rows. */
status scan_column_init(scan_column *c, data_type type, arena *a, error *err) MUST_USE;
void   scan_column_begin(scan_column *c); /* a new batch */
void   scan_column_null(scan_column *c, int32_t row);
/* Transient. */
column scan_column_view(const scan_column *c);
/* ERR_QUERY_FAILED with the file's name in front of the message and its hint. */
status scan_fault(error *err, status s, const char *path);

#endif
