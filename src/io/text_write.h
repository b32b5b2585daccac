/* SPDX-License-Identifier: Apache-2.0 */
/* text_write.h - rows as CSV text or JSON lines, so that reading them back gives the same values.
 */
#ifndef LAMINAR_IO_TEXT_WRITE_H
#define LAMINAR_IO_TEXT_WRITE_H

#include "batch/column.h"
#include "io/csv_scan.h"

/* Of the options: delimiter (0: comma), quote, escape, null_text. A text is put in quotes where it
 * would be read as something else: when it is empty, equals the null text, or holds a delimiter,
 * quote or line end. */
void csv_write_header(buf *out, const schema *s, const csv_options *o);
void csv_write_row(buf *out, buf *scratch, const delta *rows, int32_t row, const csv_options *o);
/* One object and a line feed. NaN and infinite numbers are texts. */
void json_write_row(buf *out, buf *scratch, const schema *s, const delta *rows, int32_t row);

#endif
