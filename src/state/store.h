/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the block store under all operator state.
 *
 * State is arrays of fixed-size elements addressed by index. An array is cut into 64 KiB blocks,
 * each with the epoch of its last write. It grows in place (page tables move, elements keep their
 * index); nothing in it is a pointer, so a byte image of the blocks is a checkpoint. A snapshot
 * marks an epoch: the first write to a block that a live snapshot still needs copies the old block
 * aside. One writer (the holder of the engine token); snapshots are made by it and may be read by
 * other threads. */
#ifndef LAMINAR_STATE_STORE_H
#define LAMINAR_STATE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/image.h"
#include "base/mem.h"

#define STORE_BLOCK_BYTES 65536

typedef struct store          store;
typedef struct store_snapshot store_snapshot;

/* Owned by the structure that declares it (which must not move); registered with its store under a
 * name. Read `data` freely between writes; before changing element i call array_touch(a, i). */
typedef struct state_array {
    uint8_t *data;     /* may move when the array grows */
    uint64_t count;    /* elements in use */
    uint64_t capacity; /* elements */
    uint64_t bytes;    /* allocated */
    uint32_t element_size;
    uint32_t stale_blocks; /* blocks in use not yet written in the current epoch: 0 makes
                              array_touch free */
    bool      mapped;
    uint32_t  id;     /* within its store */
    uint32_t *epochs; /* of each block's last write; 0 = never */
    uint64_t  epoch_capacity;
    store    *owner;
} state_array;

status   store_open(store **out, mem *m, error *err) MUST_USE;
void     store_close(store *s); /* all arrays and snapshots must be closed before */
mem     *store_mem(const store *s);
uint64_t store_epoch(const store *s);
size_t   store_bytes(const store *s); /* arrays and copies held for snapshots */

status array_open(state_array *a, store *s, const char *name, uint32_t element_size,
                  error *err) MUST_USE;
/* Closing frees the memory; live snapshots forget the array (count 0). A zeroed array closes as
 * nothing. */
void array_close(state_array *a);
/* Grows count by n zeroed elements; *first (may be NULL) is the index of the first. */
status array_extend(state_array *a, uint64_t n, uint64_t *first, error *err) MUST_USE;
/* Makes count at least `count`. */
status array_reserve_to(state_array *a, uint64_t count, error *err) MUST_USE;
void   array_truncate(state_array *a, uint64_t count);
/* For checkpoints, which store arrays under their names. NULL: no such array. */
const char  *array_name(const state_array *a);
uint32_t     store_array_limit(const store *s);           /* ids are below it */
state_array *store_array_at(const store *s, uint32_t id); /* NULL: free id */
uint32_t     store_live_arrays(const store *s);
void         store_close_gaps(store *s); /* ids become dense, in their order; no snapshot is open */

status array_touch_slow(state_array *a, uint64_t first, uint64_t n, error *err) MUST_USE;
status array_touch_each_slow(state_array *a, const uint32_t *indexes, int32_t n,
                             error *err) MUST_USE;

/* Declares that elements first .. first+n-1 are about to change. One compare (no call) once all
 * blocks are of this epoch, which they stay until the next snapshot. */
MUST_USE ALWAYS_INLINE status
array_touch(state_array *a, uint64_t first, uint64_t n, error *err) {
    return LIKELY(a->stale_blocks == 0) ? OK : array_touch_slow(a, first, n, err);
}

/* The same for single elements in any order; UINT32_MAX is passed over. */
MUST_USE ALWAYS_INLINE status
array_touch_each(state_array *a, const uint32_t *indexes, int32_t n, error *err) {
    return LIKELY(a->stale_blocks == 0) ? OK : array_touch_each_slow(a, indexes, n, err);
}

#define ARRAY_AT(a, type, i) ((type *)(void *)(a)->data + (i))

/* ---- snapshots */
status store_snapshot_open(store_snapshot **out, store *s, error *err) MUST_USE;
void   store_snapshot_close(store_snapshot *s); /* by any thread; NULL is fine */
/* What to give to snapshot_changed_blocks of the next snapshot to get what was written after this
 * one. */
uint64_t snapshot_epoch(const store_snapshot *s);
uint64_t snapshot_array_count(const store_snapshot *s, const state_array *a);
/* Copies elements first .. first+n-1 as they were when the snapshot was made. By any thread. */
void snapshot_read(const store_snapshot *s, const state_array *a, uint64_t first, uint64_t n,
                   void *out);

typedef status (*snapshot_block_fn)(void *arg, uint32_t array_id, uint64_t block, const void *data,
                                    size_t size, error *err);
/* Blocks written in `epoch` or later (0: all), as the snapshot sees them: calls fn per block with a
 * private copy, no lock held. By any thread, but arrays must not be opened or closed meanwhile. */
status snapshot_changed_blocks(const store_snapshot *s, uint64_t epoch, snapshot_block_fn fn,
                               void *arg, error *err) MUST_USE;
/* Puts a saved block back (restore); the array grows to hold it. */
status array_restore_block(state_array *a, uint64_t block, const void *data, size_t size,
                           error *err) MUST_USE;

/* ---- image.c: all arrays as they are now, and back into a store whose arrays the same operators
 * have opened. What is derived from them (indexes) is rebuilt by their owners. */
status store_image_put(store *s, buf *out, error *err) MUST_USE;
status store_image_take(store *s, image_reader *in, error *err) MUST_USE;
/* Array number `from` of those of another store, counted in the order of their ids, into `to`.
 * False: they are not alike. */
bool   store_array_alike(const state_array *to, const store *other, uint32_t from);
status store_array_copy(state_array *to, const store *other, uint32_t from, error *err) MUST_USE;

#endif
