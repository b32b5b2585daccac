/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_blocks.h - blocks of state (state/store.h) in files of checkpoints.
 *
 * With the token the stores give places and snapshots; the blocks are read from these and written
 * without it. A block that has not changed since the newest checkpoint stays in the file that has
 * it, unless less than half of that file is still of use. */
#ifndef LAMINAR_DB_CHECKPOINT_BLOCKS_H
#define LAMINAR_DB_CHECKPOINT_BLOCKS_H

#include "state/store.h"
#include "store/manifest.h"

typedef struct block_job {
    int32_t  shot;
    uint32_t id;
    uint64_t block;
    size_t   size;
} block_job;

typedef struct block_file {
    manifest_file file; /* live: what is needed from now on */
    bool          left; /* nothing stays in it */
} block_file;

typedef struct block_writing {
    mem             *mem;
    int64_t          id; /* of the checkpoint */
    block_shelf      shelf;
    block_file      *files; /* of the newest checkpoint */
    int32_t          file_count;
    store_snapshot **shots;
    int32_t          shot_count, shot_capacity;
    block_job       *jobs;
    int32_t          job_count, job_capacity;
    int64_t          size; /* of all jobs */
} block_writing;

/* newest NULL: there is none, or it cannot be read. Must not move until blocks_fini. */
status blocks_begin(block_writing *w, mem *m, int64_t id, const manifest *newest,
                    error *err) MUST_USE;
/* How many files the checkpoint needs, and which; the salt of the new one is its own. */
int32_t blocks_files(const block_writing *w, manifest_file *out, uint64_t salt);
/* The new file, when there is one. ERR_OUT_OF_MEMORY may come of too much that was written
 * meanwhile. */
status blocks_write(block_writing *w, vfs *fs, const char *path, uint64_t salt,
                    error *err) MUST_USE;
void   blocks_forget(block_writing *w); /* the checkpoint came to nothing */
void   blocks_fini(block_writing *w);

#endif
