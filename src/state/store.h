/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the block store under all operator state.
 *
 * State is arrays of fixed-size elements addressed by index. An array is cut into 64 KiB blocks,
 * each with the epoch of its last write. It grows in place (page tables move, elements keep their
 * index); nothing in it is a pointer, so a byte image of the blocks is a checkpoint. A snapshot
 * marks an epoch: the first write to a block that a live snapshot still needs copies the old block
 * aside. One writer (the holder of the engine token); snapshots are made by it and may be read by
 * other threads. A snapshot outlives the arrays and even the store that it shows. */
#ifndef LAMINAR_STATE_STORE_H
#define LAMINAR_STATE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/image.h"
#include "base/mem.h"

#define STORE_BLOCK_BYTES 65536

typedef struct store          store;
typedef struct store_snapshot store_snapshot;

/* Where a block lies in files of whoever saves the store. file 0: nowhere. */
typedef struct block_place {
    uint64_t file;
    int64_t  at; /* offset of its first byte */
} block_place;

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
    bool         mapped;
    uint32_t     id;     /* within its store */
    uint32_t    *epochs; /* of each block's last write; 0 = never */
    uint64_t     epoch_capacity;
    store       *owner;
    block_place *places; /* of blocks, when they were last saved */
    uint64_t     place_capacity;
    uint32_t     wide_size; /* of an element in images of before; 0: as now */
    void (*narrow)(void *to, const void *wide);
} state_array;

status   store_open(store **out, mem *m, error *err) MUST_USE;
void     store_close(store *s); /* all arrays must be closed before */
mem     *store_mem(const store *s);
uint64_t store_epoch(const store *s);
size_t   store_bytes(const store *s); /* arrays and copies held for snapshots */

status array_open(state_array *a, store *s, const char *name, uint32_t element_size,
                  error *err) MUST_USE;
/* Just opened: images of before have elements of `wide_size` bytes, a power of two, which `narrow`
 * makes into one of now. */
void array_accept_wide(state_array *a, uint32_t wide_size, void (*narrow)(void *, const void *));
/* Frees the memory, or leaves it to the snapshots that show it. A zeroed array closes as nothing.
 */
void array_close(state_array *a);
/* Grows count by n zeroed elements; *first (may be NULL) is the index of the first. */
status array_extend(state_array *a, uint64_t n, uint64_t *first, error *err) MUST_USE;
/* The same without zeroes: the caller writes all n. */
status array_append(state_array *a, uint64_t n, uint64_t *first, error *err) MUST_USE;
/* Makes count at least `count`. */
status array_reserve_to(state_array *a, uint64_t count, error *err) MUST_USE;
void   array_truncate(state_array *a, uint64_t count);
void   array_empty(state_array *a); /* no element, and no memory */
/* For checkpoints, which store arrays under their names. NULL: no such array. */
const char  *array_name(const state_array *a);
uint32_t     store_array_limit(const store *s);           /* ids are below it */
state_array *store_array_at(const store *s, uint32_t id); /* NULL: free id */
uint32_t     store_live_arrays(const store *s);
void         store_close_gaps(store *s); /* ids become dense, in their order */

void array_touch_slow(state_array *a, uint64_t first, uint64_t n);
void array_touch_each_slow(state_array *a, const uint32_t *indexes, int32_t n);

/* Declares that elements first .. first+n-1 are about to change. One compare (no call) once all
 * blocks are of this epoch, which they stay until the next snapshot. Cannot fail: without memory to
 * set a block aside the snapshots that show it are lost. */
ALWAYS_INLINE status
array_touch(state_array *a, uint64_t first, uint64_t n, error *err) {
    (void)err;
    if (UNLIKELY(a->stale_blocks > 0)) {
        array_touch_slow(a, first, n);
    }
    return OK;
}

/* The same for single elements in any order; UINT32_MAX is passed over. */
ALWAYS_INLINE status
array_touch_each(state_array *a, const uint32_t *indexes, int32_t n, error *err) {
    (void)err;
    if (UNLIKELY(a->stale_blocks > 0)) {
        array_touch_each_slow(a, indexes, n);
    }
    return OK;
}

#define ARRAY_AT(a, type, i) ((type *)(void *)(a)->data + (i))

/* ---- snapshots */
status store_snapshot_open(store_snapshot **out, store *s, error *err) MUST_USE;
void   store_snapshot_close(store_snapshot *s); /* by any thread; NULL is fine */
/* It shows nothing any more: what is written costs no copy for it. By any thread. */
void     store_snapshot_let_go(store_snapshot *s);
uint64_t snapshot_array_count(const store_snapshot *s, const state_array *a);
/* Copies elements first .. first+n-1 as they were when the snapshot was made. By any thread.
 * ERR_OUT_OF_MEMORY: a write could not set aside what it replaced. The writer goes on, and the
 * snapshot is lost. */
status snapshot_read(const store_snapshot *s, const state_array *a, uint64_t first, uint64_t n,
                     void *out, error *err) MUST_USE;
/* The first `size` bytes of a block of the array that had the id when the snapshot was made, which
 * may be closed since. By any thread. */
status snapshot_read_block(const store_snapshot *s, uint32_t id, uint64_t block, size_t size,
                           void *out, error *err) MUST_USE;

/* ---- image.c: all arrays as they are now, and back into a store whose arrays the same operators
 * have opened. What is derived from them (indexes) is rebuilt by their owners. */

/* Where blocks lie that do not stand in the image itself. */
typedef struct block_shelf {
    void *context;
    /* A block that has not changed since it was saved there may stay there. */
    bool (*has)(void *context, const block_place *at, size_t size);
    /* A place for `size` bytes that snapshot_read_block gives, once `keep` has the snapshot. */
    status (*put)(void *context, uint32_t id, uint64_t block, size_t size, block_place *at,
                  error *err);
    /* The snapshot of all blocks that were put since the last call; its owner from now on, which
     * cannot fail. Called after a failure too. */
    void (*keep)(void *context, store_snapshot *shot);
    status (*take)(void *context, const block_place *at, void *to, size_t size, error *err);
} block_shelf;

/* shelf NULL: everything stands in the image. */
status store_image_put(store *s, const block_shelf *shelf, buf *out, error *err) MUST_USE;
status store_image_take(store *s, const block_shelf *shelf, image_reader *in, error *err) MUST_USE;
/* What was saved with the snapshot came to nothing: all blocks count as changed. By any thread. */
void store_forget_saved(const store_snapshot *shot);
/* Array number `from` of those of another store, counted in the order of their ids, into `to`.
 * False: they are not alike. */
bool   store_array_alike(const state_array *to, const store *other, uint32_t from);
status store_array_copy(state_array *to, const store *other, uint32_t from, error *err) MUST_USE;

#endif
