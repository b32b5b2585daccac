/* SPDX-License-Identifier: Apache-2.0 */
/* key_index.h - hash of a key -> position of the live row that has it, by open addressing.
 *
 * Keys themselves lie in the table's rows: whoever searches compares them there. Room is made
 * before a change is applied, and never taken back, so that putting, removing and undoing cannot
 * fail. Removal shifts what follows back: there are no tombstones. */
#ifndef LAMINAR_TABLE_KEY_INDEX_H
#define LAMINAR_TABLE_KEY_INDEX_H

#include "base/error.h"
#include "base/mem.h"

typedef struct key_slot {
    uint64_t hash;
    int64_t  position; /* -1: free */
} key_slot;

typedef struct key_index {
    mem      *mem;
    key_slot *slots;
    int64_t   capacity; /* a power of two, or 0 */
    int64_t   count;
} key_index;

void   key_index_fini(key_index *x);
status key_index_reserve(key_index *x, int64_t more, error *err) MUST_USE;
void   key_index_put(key_index *x, uint64_t hash, int64_t position);    /* there is room */
void   key_index_remove(key_index *x, uint64_t hash, int64_t position); /* it is there */
/* Slots of one hash, in the order of probing: the first, then the one behind. -1: no more. */
int64_t key_index_first(const key_index *x, uint64_t hash);
int64_t key_index_next(const key_index *x, uint64_t hash, int64_t slot);

#endif
