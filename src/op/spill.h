/* SPDX-License-Identifier: Apache-2.0 */
/* spill.h - rows of one-off queries that memory has no room for, in unnamed files.
 *
 * An operator asks spill_wanted as it grows, and from a quarter of what its query may take it
 * writes what comes: in order (spill_rows: runs of a sort), or dealt out by the hashes of keys
 * (spill_set). A part of a set is worked on alone and begins again as a set of its own when it is
 * still too large. The rest is room for arrays that double, and for other operators.
 *
 * A file has no name and one owner. Blocks are written once and read back against their hash. */
#ifndef LAMINAR_OP_SPILL_H
#define LAMINAR_OP_SPILL_H

#include "batch/builder.h"
#include "op/op.h"
#include "os/vfs.h"

#define SPILL_PARTS 16
#define SPILL_LEVEL_MAX 6 /* a part that has been dealt out so often has few keys, or one */

/* One per database: where rows go, and how many. Shared by all queries. */
struct spill_place {
    vfs                  *fs;
    const mem            *account;   /* whose limit it is about */
    _Atomic(const text *) directory; /* NULL: nothing is spilled. NUL-terminated, lives as long */
    _Atomic int64_t       bytes_limit;
    _Atomic int64_t       bytes_used;    /* of all files that are open */
    _Atomic int64_t       bytes_written; /* ever */
};

void spill_place_init(spill_place *p, vfs *fs, const mem *account);
/* The query's memory presses: rows must go to disk, or the query must do with less. base: bytes in
 * use before the operator had any; more: bytes that it is about to take. */
bool spill_wanted(const op_env *env, int64_t base, int64_t more);
/* Of what the query may take, a sixteenth: the least that is worth a run or a part. */
int64_t spill_unit(const op_env *env);
int64_t spill_bytes_used(const op_env *env); /* of the database, now */
/* Some limit is set, and there is a directory. */
bool spill_is_possible(const op_env *env);

typedef struct spill_file {
    op       *owner;
    vfs_file *file; /* NULL: not made yet */
    int64_t   end;
} spill_file;

void spill_file_close(spill_file *f);

typedef struct spill_block {
    int64_t  offset;
    uint64_t hash;
    size_t   bytes;
} spill_block;

/* Rows with their weights, in the order in which they were added. */
typedef struct spill_rows {
    spill_file  *to;
    buf          pending;
    spill_block *blocks;
    int32_t      count, capacity;
    int64_t      rows, bytes, block_bytes;
} spill_rows;

void   spill_rows_init(spill_rows *s, spill_file *to);
void   spill_rows_fini(spill_rows *s);
status spill_rows_add(spill_rows *s, const delta *rows, error *err) MUST_USE;
status spill_rows_end(spill_rows *s, error *err) MUST_USE; /* after the last row */

typedef struct spill_reader {
    const spill_rows *from;
    int32_t           next;
    builder           rows;
    column           *columns;
    int64_t          *weights;
    char             *block;
    size_t            block_bytes, block_room;
    image_reader      at;
} spill_reader;

/* The arrays of the reader lie in `a`, up to the caller's rewind; close gives back the rest. */
status spill_reader_open(spill_reader *r, const spill_rows *from, const schema *s, arena *a,
                         error *err) MUST_USE;
void   spill_reader_close(spill_reader *r); /* fine for one that is zeroed */
/* Up to BATCH_ROWS rows, valid until the next call; no rows: the end. Text as views. */
status spill_reader_next(spill_reader *r, delta *out, error *err) MUST_USE;

/* Gives all rows, as views transient in scratch, until `take` gives something else than OK, which
 * it returns. */
typedef status spill_take(void *context, delta *rows, error *err);
status spill_rows_read(const spill_rows *from, const schema *s, spill_take *take, void *context,
                       error *err) MUST_USE;

/* ---- rows by the hashes of their keys */
typedef struct spill_part spill_part;
struct spill_part {
    spill_part *next;
    int32_t     level;
    spill_rows  sides[2];
};

typedef struct spill_set {
    spill_file  file;
    int64_t     base;  /* bytes in use before the state that is being built */
    bool        based; /* base is set */
    bool        open;  /* rows are being dealt out, into `parts` */
    int32_t     level; /* of these */
    spill_part *parts[SPILL_PARTS];
    spill_part *waiting;
} spill_set;

void spill_set_init(spill_set *s, op *owner);
void spill_set_close(spill_set *s);
/* The operator's state counts from now on. */
void spill_set_count(spill_set *s);
/* State is to be dealt out, or not to grow. more: bytes that it is about to take. */
bool   spill_set_presses(spill_set *s, int64_t more);
status spill_set_begin(spill_set *s, error *err) MUST_USE;
status spill_set_add(spill_set *s, int32_t side, const delta *rows, const column *keys,
                     int32_t key_count, error *err) MUST_USE;
/* Ends what is open and takes the next part, for the caller to free; NULL: none is left. Rows that
 * are dealt out from now on are a level deeper than it. */
status spill_set_next(spill_set *s, spill_part **out, error *err) MUST_USE;
void   spill_part_free(const spill_set *s, spill_part *p);
/* All rows of one side of a part, as spill_rows_read gives them. */
status spill_part_read(const spill_set *s, const spill_part *p, int32_t side, spill_take *take,
                       void *context, error *err) MUST_USE;

#endif
