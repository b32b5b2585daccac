/* SPDX-License-Identifier: Apache-2.0 */
/* column.h - columns, chunks, deltas: how rows look everywhere in the engine.
 *
 * A `column` is a borrowed view of one column of a batch. Layout is Arrow's with few differences,
 * both for speed inside: BOOLEAN is a byte a row, and VARCHAR is 16-byte views with a pointer
 * instead of Arrow's buffer index (a gather then needs no buffer table). DECIMAL of up to 18 digits
 * has 8 bytes a row. Text and BLOB that came from Arrow may keep their offsets form
 * (COLUMN_OFFSETS) until somebody needs views.
 *
 * A `delta` is a batch of changes: rows with a signed weight each; weight == NULL means +1 for
 * every row. Ownership: a column whose `owner` is NULL lives in a scratch arena and is valid during
 * the call that received it. To keep rows beyond the call, use batch_keep: it retains what has an
 * owner and copies the rest. */
#ifndef LAMINAR_BATCH_COLUMN_H
#define LAMINAR_BATCH_COLUMN_H

#include "base/arena.h"
#include "base/bits.h"
#include "base/error.h"
#include "type/type.h"

#define VALUE_BYTES_MAX (64 << 20) /* of a text, BLOB or nested value that comes in or is made */

#define BATCH_ROWS 2048 /* rows of one delta at most */

/* Text or BLOB. Up to 12 bytes lie in the view itself, zero-padded, so that equal short texts have
 * equal words. */
typedef union strview {
    struct {
        uint32_t    size;
        char        prefix[4];
        const char *data; /* size > 12; in operator state: an offset into the text heap instead (see
                             state/text_heap.h) */
    };
    struct {
        uint32_t inline_size;
        char     inlined[12];
    };
    uint64_t word[2];
} strview;

#define STRVIEW_INLINE_MAX 12

/* At most 12 bytes, by loads that overlap: a call of memcpy costs more than the copy. */
ALWAYS_INLINE void
copy_short(char *to, const char *from, uint32_t size) {
    __asm__("" : "+r"(from)); /* else gcc sees an array of 4 bytes behind the test for 8 */
    if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

ALWAYS_INLINE uint64_t
load_four(const char *p) {
    uint32_t w;
    __asm__("" : "+r"(p)); /* as in copy_short */
    memcpy(&w, p, sizeof(w));
    return w;
}

/* In two words that never lie in memory in pieces: loading those as a whole would wait for each. */
ALWAYS_INLINE strview
strview_of(const char *data, uint32_t size) {
    uint64_t low = 0;
    uint64_t high = 0;
    if (size > STRVIEW_INLINE_MAX) {
        low = load_four(data);
        high = (uint64_t)(uintptr_t)data;
    } else if (size >= 8) {
        low = load_four(data);
        high = load_four(data + 4) | load_four(data + size - 4) >> (8 * (12 - size)) << 32;
    } else if (size >= 4) {
        low = load_four(data);
        high = load_four(data + size - 4) >> (8 * (8 - size));
    } else if (size > 0) {
        low = (uint64_t)(uint8_t)data[0] | (uint64_t)(uint8_t)data[size / 2] << (8 * (size / 2)) |
              (uint64_t)(uint8_t)data[size - 1] << (8 * (size - 1));
    }
    return (strview){.word = {size | low << 32, high}};
}

ALWAYS_INLINE const char *
strview_data(const strview *v) {
    return v->size <= STRVIEW_INLINE_MAX ? v->inlined : v->data;
}

ALWAYS_INLINE text
strview_text(const strview *v) { /* borrows *v when inlined */
    return (text){strview_data(v), v->size};
}

ALWAYS_INLINE bool
strview_equal(const strview *a, const strview *b) {
    if (a->word[0] != b->word[0]) {
        return false;
    }
    if (a->size <= STRVIEW_INLINE_MAX) {
        return a->word[1] == b->word[1];
    }
    return memcmp(a->data, b->data, a->size) == 0;
}

int strview_compare(const strview *a, const strview *b); /* bytewise order */

typedef struct chunk chunk;

/* COLUMN_FLAT: values has type_width bytes a row.
 * COLUMN_OFFSETS: VARCHAR and BLOB only. values: int32_t[rows + 1]; row i is bytes[values[i] ..
 * values[i+1])
 */
typedef enum column_layout { COLUMN_FLAT, COLUMN_OFFSETS } column_layout;

typedef struct column {
    data_type type;
    uint8_t   layout; /* column_layout */
    /* Bit i set: row i is not NULL; NULL: no NULLs. Bits beyond the last row are undefined. */
    const uint64_t *validity;
    const void     *values; /* values under NULL are defined, but mean nothing */
    const char     *bytes;  /* COLUMN_OFFSETS only */
    /* Keeps all of the above (and the text behind views) alive; NULL: transient. */
    chunk *owner;
} column;

/* Bytes of the longest text, BLOB or nested value; 0 for other types. */
int64_t column_longest(const column *c, int32_t rows);

typedef struct field {
    text      name;
    data_type type;
    bool      nullable;
} field;

typedef struct schema {
    int32_t count;
    field  *fields;
} schema;

typedef struct delta {
    int32_t        row_count; /* 1 .. BATCH_ROWS between operators; larger in a kept batch */
    int32_t        column_count;
    const column  *columns;
    const int64_t *weight; /* NULL: all +1 */
} delta;

ALWAYS_INLINE bool
column_is_null(const column *c, int64_t row) {
    return c->validity != NULL && !bits_get(c->validity, row);
}

/* ---- chunk: a reference-counted arena that owns column memory; thread-safe counts */
chunk *chunk_new(mem *m) MUST_USE;
chunk *chunk_retain(chunk *c);  /* returns c; NULL is fine */
void   chunk_release(chunk *c); /* NULL is fine */
/* 64-byte aligned, and a whole word may be read at its end. The maker alone calls it; memory that
 * others see already must not be among what it writes. */
void *chunk_alloc(chunk *c, size_t bytes) MUST_USE;
/* Keeps `other` alive as long as c. */
bool chunk_depend(chunk *c, chunk *other) MUST_USE;
/* Runs release(arg) when the last reference goes (Arrow imports). */
bool   chunk_on_free(chunk *c, void (*release)(void *arg), void *arg) MUST_USE;
size_t chunk_bytes(const chunk *c);

/* ---- batch: a delta that is kept. The struct lies in its own chunk. */
typedef struct batch {
    chunk *chunk;
    delta  rows;
} batch;

/* Retains owned columns, copies transient ones (text too). */
status batch_keep(batch **out, mem *m, const delta *rows, error *err) MUST_USE;
void   batch_release(batch *b); /* NULL is fine */
batch *batch_retain(batch *b);

/* ---- views over columns */
/* Rows first .. first + count of `in`; first must be a multiple of 64 when in->validity is not NULL
 * (else use column_gather). */
column column_slice(const column *in, int64_t first);
/* Text as views, whatever the layout (other types: *out = *in). Views point into in's bytes; memory
 * for them comes from `a`. */
status column_views(column *out, const column *in, int32_t row_count, arena *a,
                    error *err) MUST_USE;
/* rows[i] picks a row of in; -1 gives NULL. Text is shared, not copied. out->owner is NULL. */
status column_gather(column *out, const column *in, const int32_t *rows, int32_t count, arena *a,
                     error *err) MUST_USE;
status delta_gather(delta *out, const delta *in, const int32_t *rows, int32_t count, arena *a,
                    error *err) MUST_USE;
/* One row as a scalar; text borrows. */
value column_value(const column *c, int64_t row);
/* The way back, into values of v's type; a text of more than 12 bytes is pointed to. */
void column_store(void *values, int64_t row, const value *v);
/* Bytes of text that lie outside the views: texts over STRVIEW_INLINE_MAX bytes, one that repeats
 * from row to row counted once. COLUMN_OFFSETS: all text. Other types: 0. */
int64_t column_text_bytes(const column *c, int32_t row_count);
/* `count` rows of one value. Text is copied to `a`. */
status column_constant(column *out, const value *v, int32_t count, arena *a, error *err) MUST_USE;

/* ---- schema */
schema *schema_copy(const schema *s, arena *a); /* names too; NULL: out of memory */
int32_t schema_find(const schema *s, text name,
                    bool exact);                        /* index or -1; exact: quoted identifier */
bool    schema_equal(const schema *a, const schema *b); /* names and types */

/* Sorts equal rows together and adds weights; rows of weight 0 vanish. All rows of negative weight
 * come before those of positive weight, so an old row is taken back before its successor arrives,
 * whatever the key is; both parts are in SQL order of their columns. Reference implementation for
 * gates, tests and EMIT CHANGES. `out` is transient in `a`; row_count 0 is possible. */
status delta_consolidate(delta *out, const delta *in, arena *a, error *err) MUST_USE;

#endif
