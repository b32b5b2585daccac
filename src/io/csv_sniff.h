/* SPDX-License-Identifier: Apache-2.0 */
/* csv_sniff.h - what a CSV file is, from its first rows: delimiter, header, names and types. */
#ifndef LAMINAR_IO_CSV_SNIFF_H
#define LAMINAR_IO_CSV_SNIFF_H

#include "io/csv_record.h"
#include "io/csv_scan.h"
#include "io/guess.h"

typedef struct csv_shape {
    csv_dialect dialect;
    bool        header;
    int32_t     count;
    text       *names;
    guess      *types;
} csv_shape;

/* Names and types come from `a`. The block is left anywhere. Errors have a line, and no file. */
status csv_sniff(csv_shape *out, arena *a, block *b, const csv_options *o, error *err) MUST_USE;
/* To the first row: behind the lines to skip and the header, whose fields are in *r when there is
 * one. DONE: the file ends before. */
status csv_begin(csv_record *r, block *b, const csv_shape *shape, const csv_options *o,
                 error *err) MUST_USE;
/* csv_cut, with more of the file when it is needed. DONE: no more records. The block stays. */
status csv_next(csv_record *r, block *b, const csv_dialect *d, error *err) MUST_USE;
void   csv_pass(block *b, const csv_record *r);
/* "line 7: " in front of an error. */
status     csv_at_line(error *err, status s, int64_t line);
csv_field *csv_fields_new(arena *a); /* for a record; NULL: out of memory */

#endif
