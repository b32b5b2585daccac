/* SPDX-License-Identifier: Apache-2.0 */
/* csv_scan.h - CSV files as a relation: read in blocks, so of any size; delimiter, header and types
 * are found out from the first rows where nothing says them.
 *
 * Found types are BOOLEAN, BIGINT, DOUBLE, DATE, TIME, TIMESTAMP and VARCHAR. Only columns that are
 * looked at are converted. A field equal to null_text that is not in quotes is NULL; so is an empty
 * field, or one in quotes of a column that is no text, unless null_text is given. Errors
 * (ERR_QUERY_FAILED) name file, line, column, value and type. Limits: csv.h, and 64 MiB a row. */
#ifndef LAMINAR_IO_CSV_SCAN_H
#define LAMINAR_IO_CSV_SCAN_H

#include "batch/relation.h"
#include "io/files.h"

typedef struct csv_options {
    char    delimiter;   /* 0: found out */
    char    quote;       /* 0: none */
    char    escape;      /* in quotes, before a quote; the quote itself: doubled */
    int8_t  header;      /* 0, 1; -1: found out */
    text    null_text;   /* data NULL: the empty field */
    int64_t skip;        /* lines before the header */
    int64_t sample_rows; /* looked at for types; -1: all */
    bool    all_text;    /* every type that is not given is VARCHAR */
    bool    ignore_errors;
    bool    null_padding;                  /* a short row ends in NULLs */
    bool    union_by_name;                 /* the files have different columns */
    bool    with_path;                     /* a further column "filename" */
    int32_t field_max, depth_max;          /* bytes of a field, levels of JSON; 0: the highest */
    size_t  block_bytes;                   /* read at a time; 0: 1 MiB */
    text    date_format, timestamp_format; /* of time_pattern.h; data NULL: ISO 8601 */
    /* All columns, when they are known. */
    int32_t      column_count;
    const field *columns;
    /* Types of some, by name. */
    int32_t      type_count;
    const field *types;
    bool         types_may_miss; /* no error when the file does not have one */
} csv_options;

void csv_options_init(csv_options *o);

/* Looks into the first file (with union_by_name: into all). Paths, texts and fields of the options
 * must live as long as the relation. */
status csv_scan_open(relation **out, mem *m, vfs *fs, const file_list *files,
                     const csv_options *options, text label, error *err) MUST_USE;

#endif
