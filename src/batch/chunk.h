/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.h - what makers of chunks need beyond column.h: the first block in one allocation, and
 * taking over foreign memory. */
#ifndef LAMINAR_BATCH_CHUNK_H
#define LAMINAR_BATCH_CHUNK_H

#include "base/slab.h"
#include "batch/column.h"

/* Lies in memory of the chunk that it belongs to, or of the caller of chunk_adopt. */
typedef struct chunk_block {
    struct chunk_block *older;
    void               *memory;
    size_t              bytes;
} chunk_block;

/* A chunk whose first `bytes` of chunk_take come from the same allocation as the chunk itself. */
chunk *chunk_new_sized(mem *m, size_t bytes) MUST_USE;
/* The same in a block of the pool. */
chunk *chunk_new_pooled(slab_pool *pool, mem *m, size_t bytes) MUST_USE;
/* batch_keep, in a block of the pool; the batch may outlive it. */
status batch_keep_pooled(batch **out, slab_pool *pool, mem *m, const delta *rows,
                         error *err) MUST_USE;
/* Like chunk_alloc with a chosen alignment (a power of two, 8 .. 64). */
void *chunk_take(chunk *c, size_t bytes, size_t alignment) MUST_USE;
/* Takes over `memory`, which came from mem_alloc of the chunk's account. `node` lies in memory of
 * the chunk. Cannot fail. */
void chunk_adopt(chunk *c, chunk_block *node, void *memory, size_t bytes);
mem *chunk_mem(const chunk *c);

ALWAYS_INLINE size_t
chunk_round(size_t bytes, size_t alignment) {
    return (bytes + alignment - 1) & ~(alignment - 1);
}

#endif
