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

typedef struct array_view {
    const state_array *array; /* NULL: closed since */
    uint64_t           count;
    uint64_t           block_count;
    block_copy       **copies; /* per block; NULL until the first copy */
} array_view;

struct store_snapshot {
    store          *store;
    store_snapshot *next; /* older */
    store_snapshot *previous;
    uint32_t        epoch;
    uint32_t        view_count;
    array_view     *views; /* by array id */
};

struct store {
    mem             *mem;
    mutex            lock;
    state_array    **arrays; /* by id; NULL: free */
    char           **names;
    uint32_t         array_count;
    uint32_t         array_capacity;
    uint32_t         epoch;
    store_snapshot  *snapshots; /* newest first */
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

/* Saves the block for the snapshots that still see it in place. The caller holds the lock. */
status snapshot_set_aside(state_array *a, uint64_t block, error *err) MUST_USE;
/* Drops the array from all snapshots. The caller holds the lock. */
void snapshot_forget_array(const state_array *a);

#endif
