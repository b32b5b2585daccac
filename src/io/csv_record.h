/* SPDX-License-Identifier: Apache-2.0 */
/* csv_record.h - one record of a CSV block cut into its fields; nothing is converted. */
#ifndef LAMINAR_IO_CSV_RECORD_H
#define LAMINAR_IO_CSV_RECORD_H

#include "base/arena.h"
#include "base/text.h"
#include "io/block.h"
#include "io/csv.h"

typedef struct csv_field { /* between the quotes, when there are some */
    const char *data;
    uint32_t    size;
    bool        quoted;
    bool        escaped; /* escapes in it are not undone yet */
} csv_field;

typedef struct csv_dialect {
    char    delimiter, quote, escape; /* quote 0: none */
    bool    stops[256];               /* bytes at which a plain field may end */
    int32_t field_max;
} csv_dialect;

typedef struct csv_record {
    int32_t    count;
    csv_field *fields; /* room for CSV_COLUMNS_MAX + 1 */
    int64_t    lines;  /* that it takes */
    size_t     bytes;
} csv_record;

void csv_dialect_init(csv_dialect *d, char delimiter, char quote, char escape);
/* The record at the block's place, which stays. DONE: it goes on behind the block, or there is none
 * (then the block has no bytes left); *bytes of a cut one mean nothing. A malformed record is
 * ERR_INGESTION_FAILED without a line; `bytes` then leads to the next line. */
status csv_cut(csv_record *out, const csv_dialect *d, const block *b, error *err) MUST_USE;
/* A blank line is cut as a record of one empty field. */
bool csv_is_blank(const csv_record *r);
/* The text of a field; escapes are undone into memory of `a`. data NULL: out of memory. */
text csv_field_text(const csv_field *f, const csv_dialect *d, arena *a);

#endif
