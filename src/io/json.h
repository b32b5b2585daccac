/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - JSON text to rows of a known schema: an array of objects, one object, or objects one
 * after the other (JSON lines).
 *
 * Keys are matched to columns by name in any case; missing ones take their default, null is NULL.
 * Numbers are exact: integers of any column that can hold them, the nearest double otherwise. An
 * object or array as a value is its text in a VARCHAR column and is refused elsewhere. Text must be
 * UTF-8 without NUL. Limits: 64 levels, 4,096 columns, 16 MiB for a text with escapes. */
#ifndef LAMINAR_IO_JSON_H
#define LAMINAR_IO_JSON_H

#include "base/arena.h"
#include "base/interrupt.h"
#include "batch/filler.h"
#include "os/team.h"

#define JSON_DEPTH_MAX 64

typedef struct json_target {
    text          name; /* of the source, for messages */
    const schema *shape;
    filler       *fill; /* of keys that are missing; NULL: NULLs */
    /* What a value that is not of its column's type becomes, or why not. */
    status (*coerce)(value *out, const value *in, int32_t at, void *context, arena *a, error *err);
    void *context;
    team  help;                  /* its threads read long lines of objects in parts; watched:
                                    NULL: not interrupted */
    int32_t rows_max;            /* 0: INSERT_ROWS_MAX */
    int32_t depth_max, text_max; /* levels, bytes of a text with escapes; 0: the highest */
    /* Of a part of a file: */
    bool        of_file;    /* rows have no number, commas may stand between objects */
    int64_t     first_line; /* of the text; 0: 1 */
    const bool *wanted;     /* columns; the others are checked and left NULL. NULL: all */
} json_target;

/* All rows as one batch or an error (ERR_INGESTION_FAILED with the line). *out is NULL when there
 * are no rows. */
status json_read(batch **out, mem *m, const json_target *target, text json, error *err) MUST_USE;

#endif
