/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - Arrow's format strings that the engine reads (format.c), and the checks of a
 * producer's structs (validate.c). */
#ifndef LAMINAR_ARROW_FORMAT_H
#define LAMINAR_ARROW_FORMAT_H

#include "arrow/arrow.h"

typedef enum arrow_kind {
    ARROW_NULL,
    ARROW_BOOL,  /* bits */
    ARROW_PLAIN, /* the engine's own layout */
    ARROW_F16,
    ARROW_UTF8, /* the three text layouts: of binary too */
    ARROW_LARGE_UTF8,
    ARROW_UTF8_VIEW,
    ARROW_FIXED_BINARY,
    ARROW_UUID,    /* fixed binary of 16 bytes with the extension arrow.uuid */
    ARROW_DECIMAL, /* of 32, 64, 128 or 256 bits */
    ARROW_UNITS,   /* times of another unit, or with a range */
    ARROW_INTERVAL,
    ARROW_LIST, /* the lists: width is that of an offset, of a fixed one `multiply` the size */
    ARROW_LIST_VIEW,
    ARROW_FIXED_LIST,
    ARROW_MAP,
    ARROW_STRUCT,
    ARROW_RUN_ENDS /* two children: where runs end, and a value for each; its type is theirs */
} arrow_kind;

/* What is known of a column from its format alone. */
typedef struct arrow_format {
    const char *format;
    data_type   type; /* of the column that it becomes; of nested kinds the children decide */
    uint8_t     kind; /* arrow_kind */
    uint8_t     alignment;
    uint8_t     buffers; /* utf8_view: at least */
    int32_t     width;   /* bytes of a value in buffer 1; 0: bits or none. utf8: of an offset */
    /* ARROW_UNITS: value * multiply / divide. ARROW_DECIMAL: value * 10^multiply. */
    int64_t multiply, divide;
} arrow_format;

/* False: none that the engine reads. metadata as in ArrowSchema. */
bool arrow_format_of(arrow_format *out, const char *format, const char *metadata);

ALWAYS_INLINE bool
arrow_is_nested(const arrow_format *f) {
    return f->kind >= ARROW_LIST;
}

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
status arrow_check_field(const struct ArrowSchema *s, const char *name, arrow_format *format,
                         data_type *type, error *err) MUST_USE;
/* The struct array of a record with `columns` children and no NULL rows. */
status arrow_check_record_array(const struct ArrowArray *a, int64_t columns, error *err) MUST_USE;
/* A column's array, of which rows first .. first + count (before its own offset) are wanted:
 * counts, lengths, buffer pointers, children where there have to be some. */
status arrow_check_array(const struct ArrowArray *a, const arrow_format *format, bool dictionary,
                         int64_t first, int64_t count, const char *name, error *err) MUST_USE;
/* How many children an array of this schema has. */
int64_t arrow_child_count(const arrow_format *f, const struct ArrowSchema *s);

#endif
