/* SPDX-License-Identifier: Apache-2.0 */
/* import.h - one column of an import: what import_batch.c finds out and import_values.c and
 * import_text.c convert. */
#ifndef LAMINAR_ARROW_IMPORT_H
#define LAMINAR_ARROW_IMPORT_H

#include "arrow/format.h"
#include "os/team.h"

/* Rows start .. start + count of the array's buffers (its offset is counted in); already checked by
 * arrow_check_array. */
typedef struct arrow_rows {
    const struct ArrowArray *array;
    const arrow_format      *format;
    const char              *name; /* for messages: column "x" */
    int64_t                  start;
    int32_t                  count;
    const uint64_t          *validity; /* from bit 0 on; NULL: no NULLs */
    const team              *help;     /* threads for long texts; NULL: none */
} arrow_rows;

ALWAYS_INLINE bool
arrow_row_is_null(const arrow_rows *r, int32_t row) {
    return r->validity != NULL && !bits_get(r->validity, row);
}

/* The value buffer from the first wanted row on; copied to `a` when the producer did not align it.
 * NULL: out of memory. */
const void *arrow_values(const arrow_rows *r, int64_t count, arena *a);
/* Everything but text and dictionaries. */
status arrow_import_values(column *out, const arrow_rows *r, arena *a, error *err) MUST_USE;
/* Lists, maps, structs and run ends (import_nested.c): their children are checked and imported
 * first. */
status arrow_import_nested(column *out, const arrow_rows *r, const struct ArrowSchema *s, arena *a,
                           error *err) MUST_USE;
/* import_batch.c: rows first .. first + count, counted from the array's offset, of any column.
 * help NULL: one thread. */
status arrow_import_rows(column *out, const struct ArrowSchema *s, const struct ArrowArray *array,
                         int64_t first, int64_t count, const char *name, const team *help, arena *a,
                         error *err) MUST_USE;
/* utf8 keeps its offsets; large_utf8 and utf8_view become views. The bytes stay the producer's. */
status arrow_import_text(column *out, const arrow_rows *r, arena *a, error *err) MUST_USE;

#endif
