/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h - what makes files of a directory a checkpoint (rule D10).
 *
 * A checkpoint with the number n is the sealed files state-n, and rows-k and blocks-k for numbers
 * k up to n of checkpoints that wrote them, and the manifest checkpoint-n, which has their sizes
 * and salts and is written last: without it there is no checkpoint, with it all of it was on disk.
 * Numbers grow,
 * whatever the clock does (D18), and are 16 hexadecimal digits in names. */
#ifndef LAMINAR_STORE_MANIFEST_H
#define LAMINAR_STORE_MANIFEST_H

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/vfs.h"

typedef enum file_kind {
    FILE_STATE, /* one for each checkpoint */
    FILE_ROWS,  /* segments of tables */
    FILE_BLOCKS /* of the state of operators */
} file_kind;

typedef struct manifest_file {
    int64_t  kind; /* FILE_ROWS, FILE_BLOCKS */
    int64_t  number;
    uint64_t salt;
    int64_t  size;  /* of its content */
    int64_t  count; /* of segments in it */
    int64_t  live;  /* bytes of blocks in it that the checkpoint needs */
} manifest_file;

typedef struct manifest {
    int64_t        id;
    int64_t        created_us;
    int64_t        after;       /* the log's last record that it holds */
    int64_t        floor;       /* older checkpoints than this one cannot be brought up to date */
    int64_t        epoch;       /* the newest insert in it */
    int64_t        rows, bytes; /* rows in it; bytes that were written for it */
    int64_t        duration_us, stall_us;
    int64_t        trigger;
    int64_t        has_readers; /* somebody had read change logs before it */
    uint64_t       state_salt;
    int64_t        state_size;
    int64_t        file_count;
    manifest_file *files;
    bool           damaged; /* its manifest cannot be read: only id is known */
} manifest;

/* "directory/kind-number" into `out`. */
status manifest_path(const char *directory, file_kind kind, int64_t number, buf *out,
                     error *err) MUST_USE;
/* Its files are on disk; afterwards it is. *is_doubtful: it failed, and may be there all the same
 * when the directory is read again: its files must stay. */
status manifest_write(const manifest *m, mem *memory, vfs *fs, const char *directory,
                      bool *is_doubtful, error *err) MUST_USE;
/* All manifests of a directory, oldest first. next_id (may be NULL; else what looks like a part of
 * a checkpoint and belongs to none is removed): above all numbers that are or were there. */
status manifests_read(manifest **out, int32_t *count, int64_t *next_id, mem *memory, vfs *fs,
                      const char *directory, error *err) MUST_USE;
/* ERR_CORRUPTION: it is damaged. */
status manifest_readable(const manifest *m, const char *directory, error *err) MUST_USE;
/* Reads all of its files. ERR_CORRUPTION with the file. */
status manifest_check(const manifest *m, mem *memory, vfs *fs, const char *directory,
                      error *err) MUST_USE;
/* Its files, read and checked, in a directory that has none, as a checkpoint with a log that begins
 * behind it. */
status manifest_export(const manifest *m, mem *memory, vfs *fs, const char *directory,
                       const char *into, error *err) MUST_USE;
void   manifests_free(manifest *list, int32_t count, mem *memory);
/* Of files in the order of their numbers: the first with that number or a higher one. */
int64_t manifest_bytes(const manifest *m); /* of the content of its files */
int64_t manifest_file_at(const manifest_file *files, int64_t count, int64_t number);
status  manifest_copy(manifest *out, const manifest *m, mem *memory, error *err) MUST_USE;
void    manifest_fini(manifest *m, mem *memory);
/* Removes the manifest, then the files that no other one of the list has. */
status manifest_remove(const manifest *list, int32_t count, int32_t at, mem *memory, vfs *fs,
                       const char *directory, error *err) MUST_USE;

#endif
