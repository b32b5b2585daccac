/* SPDX-License-Identifier: Apache-2.0 */
/* block.h - a text file in blocks: a window over its bytes that moves on when the caller has used
 * what lies in it. Only a record that is longer than a block makes the window grow.
 *
 * All bytes in the window are valid UTF-8 without NUL, up to a character that the block's end cuts.
 * data[size] is always a line feed, so that scans need no bound. */
#ifndef LAMINAR_IO_BLOCK_H
#define LAMINAR_IO_BLOCK_H

#include "base/mem.h"
#include "os/vfs.h"

#define BLOCK_BYTES (1 << 20)
#define RECORD_BYTES_MAX (64 << 20)

typedef struct block {
    mem      *mem;
    vfs_file *file;
    int64_t   offset; /* in the file, of what comes next */
    int64_t   bytes;  /* of the file when it was opened */
    char     *data;
    size_t    unit; /* bytes of the window at first */
    size_t    capacity;
    size_t    at, size; /* the unused bytes are data + at .. data + size */
    size_t    checked;  /* up to here the bytes are known to be text */
    int64_t   line;     /* of data[at], from 1; the caller moves it on with `at` */
    bool      ended;    /* the file has no more */
    bool      no_text;  /* what follows data[checked] is none: the window cannot move on */
} block;

/* unit 0: BLOCK_BYTES. Errors name the path, which must live as long as the file is open for
 * reading. */
status block_open(block *b, mem *m, vfs *fs, const char *path, size_t unit, error *err) MUST_USE;
void   block_close(block *b); /* also of one that was never opened, when it is zeroed */
status block_rewind(block *b, error *err) MUST_USE; /* to the start, behind a byte order mark */
/* How much of `count` files is used when b is a part of number `at`, from 0 to 1. */
ALWAYS_INLINE double
block_part_used(const block *b, int32_t at, int32_t count) {
    const double used = (double)(b->offset - (int64_t)(b->size - b->at));
    const double part = b->bytes <= 0 || used >= (double)b->bytes ? 1 : used / (double)b->bytes;
    return (at + part) / count;
}

/* More bytes behind those that are unused; DONE when the file has none. */
status block_fill(block *b, error *err) MUST_USE;

#endif
