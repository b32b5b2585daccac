/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - CSV text to rows of a known schema (RFC 4180, any one-byte delimiter, \n or \r\n line
 * ends, quoted fields may hold both).
 *
 * The first line names the columns, in any order; columns that are not named get their default. An
 * empty unquoted field is NULL, and so is an unquoted field equal to null_text; in VARCHAR columns
 * an empty quoted field is the empty text. Integral doubles ("3.0") fit integer columns. Text must
 * be UTF-8 without NUL bytes. Limits: 4,096 columns, 16 MiB a field. */
#ifndef LAMINAR_IO_CSV_H
#define LAMINAR_IO_CSV_H

#include "base/interrupt.h"
#include "batch/filler.h"
#include "os/team.h"

#define CSV_COLUMNS_MAX 4096
#define CSV_FIELD_MAX (16 << 20)

typedef struct csv_format {
    char delimiter;
    text null_text; /* data NULL: none */
    /* Counted from 1, 0: none. Where it is BIGINT a time such as '2024-01-31 09:30:00' fits too, as
     * epoch milliseconds. */
    int32_t event_time_column;
    int32_t rows_max;  /* 0: INSERT_ROWS_MAX */
    int32_t field_max; /* 0: CSV_FIELD_MAX */
    team    help;      /* its threads read long texts in parts; watched NULL: not interrupted */
} csv_format;

/* All rows as one batch of target's columns, or an error: ERR_INGESTION_FAILED naming line, column,
 * value and type; unknown columns name the nearest. fill: what columns get that are not named;
 * NULL: NULLs. *out is NULL when there are no rows. */
status csv_read(batch **out, mem *m, const schema *target, filler *fill, text csv,
                const csv_format *format, error *err) MUST_USE;

#endif
