/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.h - files of JSON objects as a relation: one after the other (JSON lines), or in one
 * array; of any size. Keys and types are found out from the first rows where nothing says them:
 * BOOLEAN, BIGINT, DOUBLE, DATE, TIME, TIMESTAMP and VARCHAR; objects and arrays are their text.
 * Errors (ERR_QUERY_FAILED) name file, line, column, value and type. Limits: json.h, and 64 MiB a
 * row. */
#ifndef LAMINAR_IO_JSON_SCAN_H
#define LAMINAR_IO_JSON_SCAN_H

#include "io/csv_scan.h"

/* Of the options: columns, types, sample_rows, ignore_errors, all_text, union_by_name, with_path.
 * Paths, texts and fields must live as long as the relation. */
status json_scan_open(relation **out, mem *m, vfs *fs, const file_list *files,
                      const csv_options *options, text label, error *err) MUST_USE;

#endif
