/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal.h - what store.c (arrays) and snapshot.c (views of the past) share; nobody else
 * includes it.
 *
 * Epochs: a snapshot takes the current epoch and starts the next one. A block's epoch is that of
 * its last write, so a snapshot sees the block in place exactly while block epoch <= snapshot
 * epoch. The first write after that sets one copy aside, which all snapshots that saw the old
 * content share by count. Lock: the writer takes it to set blocks aside and to move memory, readers
 * to copy out. Writes into blocks of the current epoch need none, because no reader looks there. */
#ifndef LAMINAR_STATE_STORE_INTERNAL_H
#define LAMINAR_STATE_STORE_INTERNAL_H

#include "os/thread.h"
#include "state/store.h"

typedef struct block_copy {
    uint32_t epoch;   /* of the last write it contains */
    uint32_t holders; /* snapshots */
    size_t   size;
    uint8_t  data[];
} block_copy;

/* Memory of a closed array that snapshots show. */
typedef struct array_rest {
    uint32_t holders; /* snapshots */
    bool     mapped;
    uint8_t *data;
    uint64_t bytes;
} array_rest;

typedef struct array_view {
    const state_array *array; /* NULL: closed since, or none */
    array_rest        *rest;  /* of a closed one */
    uint64_t           count;
    uint64_t           block_count;
    block_copy       **copies; /* per block; NULL until the first copy */
} array_view;

struct store_snapshot {
    store          *store;
    store_snapshot *next; /* older */
    store_snapshot *previous;
    uint32_t        epoch;
    bool            lost; /* something could not be set aside */
    uint32_t        view_count;
    array_view     *views; /* by the ids that arrays had */
};

struct store {
    mem          *mem;
    mem          *aside; /* account of what is set aside; NULL: no snapshot was made yet */
    mutex         lock;
    state_array **arrays; /* by id; NULL: free */
    char        **names;
    uint32_t      array_count;
    uint32_t      array_capacity;
    uint32_t      epoch;
    uint32_t      saved_epoch;  /* blocks written before it lie where their places say; with lock */
    store_snapshot  *snapshots; /* newest first */
    bool             closed;    /* the last snapshot frees it */
    _Atomic uint64_t bytes;
};

ALWAYS_INLINE uint64_t
blocks_of(uint64_t bytes) {
    return (bytes + STORE_BLOCK_BYTES - 1) / STORE_BLOCK_BYTES;
}

ALWAYS_INLINE uint64_t
array_blocks(const state_array *a, uint64_t count) {
    return blocks_of(count * a->element_size);
}

/* Bytes of `block` that the first `count` elements reach into. */
ALWAYS_INLINE size_t
block_size(const state_array *a, uint64_t count, uint64_t block) {
    const uint64_t end = count * a->element_size;
    const uint64_t first = block * STORE_BLOCK_BYTES;
    return (size_t)(end <= first                      ? 0
                    : end - first < STORE_BLOCK_BYTES ? end - first
                                                      : STORE_BLOCK_BYTES);
}

/* Saves the block for the snapshots that still see it in place; they are lost when there is no
 * memory for it. The caller holds the lock. */
void snapshot_set_aside(state_array *a, uint64_t block);
/* The array's memory goes to the snapshots that show it. False: there are none. The caller holds
 * the lock. */
bool snapshot_take_over(const state_array *a);
void store_free(store *s);

#endif
