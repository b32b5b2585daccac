/* SPDX-License-Identifier: Apache-2.0 */
/* packed.h - a batch as few bytes, for files: columns of any type, each in the smallest of several
 * light encodings, and each to be read without the others.
 *
 *     head        64 bytes: what it is, version, counts, sizes
 *     directory   per column its type, how many bytes it takes, its NULLs, its least and greatest
 *     columns     one after another; that of the weights, where there are any, is the last
 *
 * What is encoded is chosen by measured size (packed_numbers.c): plain, one value, frames of 1,024
 * values as a base and the bits beyond it, the same for differences, a dictionary, runs. Texts are
 * lengths and bytes, or a dictionary; lists and structs are taken apart into columns of their
 * parts. NULLs are a bit a row, and their values are not kept. docs/format.md has every byte.
 *
 * Directory and columns carry a CRC-32C for each 64 KiB, the head has one of its own (D20). All of
 * them also cover the salt of the file and which block of which column it is, so that what belongs
 * elsewhere is told (D19). Nothing that is read is trusted beyond its checksum: sizes, codes,
 * counts and values are looked at before they are used, so that bytes of anybody's making are
 * refused with ERR_CORRUPTION and the offset, and cost no more memory than the directory said. */
#ifndef LAMINAR_STORE_PACKED_H
#define LAMINAR_STORE_PACKED_H

#include "batch/column.h"

enum { PACKED_HEAD = 64, PACKED_VERSION = 1, PACKED_RANGE_TEXT = 32 };

/* Where packed rows lie: the salt is mixed into their checksums, the offset is that of their head
 * in the file, for messages. */
typedef struct packed_place {
    uint64_t salt;
    int64_t  offset;
} packed_place;

typedef struct packed_part { /* a column, as the directory tells of it */
    data_type type;
    int32_t   null_count;
    int64_t   at;        /* of its bytes, counted from the head */
    int64_t   size;      /* of them, with their checksums */
    int64_t   raw_bytes; /* of the values and texts when they are in memory */
    /* Bounds of what is not NULL, in SQL order (NaN above numbers). Nothing for nested types and
     * where all is NULL. Those of texts of more than PACKED_RANGE_TEXT bytes are cut: is_exact says
     * that both bounds are values of the column. A text without a short bound above has
     * max.is_null. */
    bool  has_range, is_exact;
    value min, max;
} packed_part;

typedef struct packed {
    packed_place place;
    int32_t      row_count;
    int32_t      column_count;
    bool         has_weight;
    int64_t      size;  /* of all */
    packed_part *parts; /* column_count of them, and one more for the weights */
} packed;

/* Appends the rows; `out` is as it was when it fails. Scratch memory comes from out's account. */
status packed_put(buf *out, const delta *rows, uint64_t salt, error *err) MUST_USE;

/* From the first PACKED_HEAD bytes: how many bytes from the head on packed_open needs, and how many
 * there are in all. */
status packed_look(text head, packed_place place, int64_t *lead, int64_t *size,
                   error *err) MUST_USE;
/* Head and directory. What it points to comes from `a`; nothing points into `lead`. */
status packed_open(packed *out, text lead, packed_place place, arena *a, error *err) MUST_USE;
/* One column (column_count: the weights, as BIGINT) of its bytes, parts[at].at .. + size; memory
 * comes from `c`, which owns the column. */
status packed_column(column *out, const packed *p, int32_t at, text bytes, chunk *c,
                     error *err) MUST_USE;
/* All columns, of all bytes. */
status packed_batch(batch **out, mem *m, text bytes, packed_place place, error *err) MUST_USE;

#endif
