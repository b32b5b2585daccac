/* SPDX-License-Identifier: Apache-2.0 */
/* packed_internal.h - the parts of packed.h: numbers, texts and columns as nodes.
 *
 * A node is a code of one byte and what it needs; how many values it holds is known from outside.
 * Writers put nodes into a buf, which remembers a failure; readers look at every count and size
 * before they use it. All numbers are little-endian, nothing is aligned. */
#ifndef LAMINAR_STORE_PACKED_INTERNAL_H
#define LAMINAR_STORE_PACKED_INTERNAL_H

#include "base/image.h"
#include "store/packed.h"

enum {
    PACKED_FRAME = 1024,     /* values that share a base and a number of bits */
    PACKED_BITS_MAX = 57,    /* read by one load of 8 bytes from any bit on; else all 64 */
    PACKED_SLACK = 8,        /* zeros behind frames, so that such a load stays within */
    PACKED_WORDS_MAX = 32768 /* of a dictionary */
};

typedef enum packed_code {
    PACKED_PLAIN,  /* as they lie in memory; texts: total u64, node of their sizes, bytes */
    PACKED_ONE,    /* all are this one */
    PACKED_FRAMES, /* per frame: bits u8, base, (value - base) in so many bits each; slack */
    PACKED_DELTAS, /* per frame: bits u8, first, least difference, the differences over it */
    PACKED_WORDS,  /* a dictionary: count u32, its node, node of the indexes */
    PACKED_RUNS,   /* count u32, node of values, node of lengths */
    PACKED_HALVES, /* 16 bytes wide: node of the low and node of the high 8 bytes */
    PACKED_CODE_END
} packed_code;

typedef struct packed_shape { /* of a number */
    uint8_t width;            /* 1, 2, 4, 8, 16 */
    bool    is_unsigned;
} packed_shape;

static const packed_shape packed_index = {4, true}; /* sizes, indexes, lengths */

typedef struct packer {
    buf    out;
    arena *scratch;
    bool   failed; /* as err says, or scratch memory ran out */
    status fault;
    error *err;
} packer;

typedef struct unpacker {
    const packed *packed;
    int32_t       part;  /* -1: the directory */
    const char   *begin; /* of its bytes, which lie at packed->place.offset + place */
    int64_t       place;
    const char   *at;
    const char   *end;
    int64_t       raw_left; /* memory that the directory did not promise is not taken */
    bool          is_plain; /* all texts so far are ASCII */
    chunk        *chunk;    /* for what is returned */
    arena        *scratch;
    error        *err;
} unpacker;

/* ---- packed.c */
/* ERR_CORRUPTION with file offset and column. */
status packed_corrupt(const unpacker *u, const char *what) MUST_USE;
/* The next `size` bytes. */
status packed_take(unpacker *u, size_t size, const char **out) MUST_USE;
status packed_take_u32(unpacker *u, uint32_t *out) MUST_USE;
status packed_raw(unpacker *u, int64_t bytes) MUST_USE; /* charges the promise */

/* ---- packed_numbers.c, packed_unpack.c */
#define PACKED_CHOICES(code) (1u << (code))
#define PACKED_ALL UINT32_MAX
void   packed_put_numbers(packer *p, const void *values, packed_shape s, int32_t count,
                          uint32_t choices);
status packed_take_numbers(unpacker *u, void *out, packed_shape s, int32_t count,
                           int32_t depth) MUST_USE;
/* Indexes below `limit`. */
status   packed_take_indexes(unpacker *u, uint32_t **out, int32_t count, uint32_t limit,
                             int32_t depth) MUST_USE;
void    *packed_scratch(packer *p, size_t bytes); /* NULL: failed */
uint32_t packed_bits_for(uint64_t range);
size_t   packed_bits_bytes(uint32_t bits, int32_t count);

/* ---- packed_text.c */
void packed_put_texts(packer *p, const strview *texts, int32_t count);
/* `keep`: the bytes go to the chunk, else the texts point to where they lie. */
status packed_take_texts(unpacker *u, strview *out, int32_t count, bool keep) MUST_USE;

/* ---- packed_column.c */
int64_t packed_put_column(packer *p, const column *c, int32_t rows); /* its raw bytes */
status  packed_take_column(unpacker *u, column *out, data_type t, int32_t rows,
                           int32_t depth) MUST_USE;

/* ---- packed_part.c: entries of the directory */
void   packed_put_type(buf *out, data_type t);
status packed_take_type(unpacker *u, data_type *out, int32_t depth) MUST_USE;
/* min and max borrow from the column. */
void   packed_range(packed_part *part, const column *c, int32_t rows, arena *scratch);
void   packed_put_part(buf *out, const packed_part *part);
status packed_take_part(unpacker *u, packed_part *out, arena *a) MUST_USE;

#endif
