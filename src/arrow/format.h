/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - Arrow's format strings that the engine reads, and the checks of a producer's structs
 * (validate.c). */
#ifndef LAMINAR_ARROW_FORMAT_H
#define LAMINAR_ARROW_FORMAT_H

#include "arrow/arrow.h"

typedef enum arrow_kind {
    ARROW_NULL,
    ARROW_BOOL,  /* bits */
    ARROW_PLAIN, /* the engine's own layout */
    ARROW_U8,
    ARROW_U16,
    ARROW_U32,
    ARROW_U64,
    ARROW_F32,
    ARROW_UTF8,
    ARROW_LARGE_UTF8,
    ARROW_UTF8_VIEW,
    ARROW_DATE64,
    ARROW_TIMESTAMP_S,
    ARROW_TIMESTAMP_NS,
    ARROW_INTERVAL
} arrow_kind;

typedef struct arrow_format {
    const char *format; /* timestamps: without the zone */
    uint8_t     kind;   /* arrow_kind */
    uint8_t     type;   /* type_id of the column that it becomes */
    uint8_t     width;  /* bytes of a value in buffer 1; 0: bits or none. utf8: of an offset */
    uint8_t     alignment;
    uint8_t     buffers; /* utf8_view: at least */
} arrow_format;

/* NULL: none that the engine reads. */
const arrow_format *arrow_format_of(const char *format);

/* What a message calls a column: its name, or its number when the name is empty, long or not UTF-8.
 */
typedef struct arrow_name {
    char text[80];
} arrow_name;
arrow_name arrow_name_of(const struct ArrowSchema *column_schema, int64_t index);

/* The schema of a record: a struct whose children are there. */
status arrow_check_record(const struct ArrowSchema *s, error *err) MUST_USE;
/* A column's schema; *format is of the column (of its indices, when it is a dictionary), *type what
 * it becomes. */
status arrow_check_field(const struct ArrowSchema *s, const char *name, const arrow_format **format,
                         data_type *type, error *err) MUST_USE;
/* The struct array of a record with `columns` children and no NULL rows. */
status arrow_check_record_array(const struct ArrowArray *a, int64_t columns, error *err) MUST_USE;
/* A column's array, of which rows first .. first + count (before its own offset) are wanted:
 * counts, lengths, buffer pointers. */
status arrow_check_array(const struct ArrowArray *a, const arrow_format *format, bool dictionary,
                         int64_t first, int64_t count, const char *name, error *err) MUST_USE;

#endif
