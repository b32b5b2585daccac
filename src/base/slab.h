/* SPDX-License-Identifier: Apache-2.0 */
/* slab.h - blocks that are made one after the other and go in about that order, as the entries of a
 * log do: many share one request for memory, and what went serves those that come.
 *
 * One thread at a time makes blocks; any thread gives them back, also when the pool is closed. A
 * block that stays keeps its slab, so slabs are small. */
#ifndef LAMINAR_BASE_SLAB_H
#define LAMINAR_BASE_SLAB_H

#include "base/mem.h"

#define SLAB_BYTES_MAX 16384

typedef struct slab_pool slab_pool;

slab_pool *slab_pool_open(mem *m) MUST_USE; /* NULL: out of memory */
/* Memory goes with the last block. NULL is fine. */
void slab_pool_close(slab_pool *p);
/* 16-byte aligned; a large one is a request of its own. NULL: out of memory. */
void *slab_alloc(slab_pool *p, size_t bytes) MUST_USE;
void  slab_free(void *block); /* NULL is fine */

#endif
