/* SPDX-License-Identifier: Apache-2.0 */
/* text_heap.h - texts longer than 12 bytes inside operator state. A stored strview holds a heap
 * offset instead of a pointer. */
#ifndef LAMINAR_STATE_TEXT_HEAP_H
#define LAMINAR_STATE_TEXT_HEAP_H

#include "batch/column.h"
#include "state/store.h"

#define TEXT_HEAP_CLASSES 32

typedef struct text_heap {
    state_array bytes;
    /* By size class, offsets (0: none; no text lies at 0); chained through the freed bytes. Empty
     * after a restore: what was free then stays unused. */
    uint64_t free_lists[TEXT_HEAP_CLASSES];
} text_heap;

status text_heap_open(text_heap *h, store *s, const char *name, error *err) MUST_USE;
void   text_heap_close(text_heap *h);
/* Pointer form -> stored form and back. Short texts pass through unchanged. Loaded views are valid
 * until the next put; those of a text that is freed, until then. */
status text_heap_put(text_heap *h, strview *stored, const strview *v, error *err) MUST_USE;
/* All rows of a column of views, in one run behind the others but for what finds a free block. What
 * is NULL becomes the empty text. When it fails, nothing is stored. */
status  text_heap_put_all(text_heap *h, strview *stored, const column *in, int32_t count,
                          error *err) MUST_USE;
strview text_heap_load(const text_heap *h, const strview *stored);
void    text_heap_show(const text_heap *h, strview *stored, int32_t count); /* loads all in place */
bool    text_heap_equal(const text_heap *h, const strview *stored, const strview *v);
/* The bytes are used again by later puts; when they cannot be written now (no memory to keep a
 * snapshot's copy) they stay unused. */
void text_heap_free(text_heap *h, const strview *stored);
/* Writes `size` bytes of a text of more than 12 from byte `at` on. Comparing it is over then. */
status text_heap_change(text_heap *h, const strview *stored, size_t at, const void *bytes,
                        size_t size, error *err) MUST_USE;

/* ---- after a restore: the texts that are in use lie within the heap, each in a block of its own.
 * A heap whose blocks were shared would hand out bytes of one text as the free list of another. */
typedef struct text_map {
    const text_heap *heap;
    uint64_t        *taken; /* a bit for each step of the heap */
    size_t           size;
} text_map;

status text_map_open(text_map *m, const text_heap *h, error *err) MUST_USE;
void   text_map_close(text_map *m);
status text_map_take(text_map *m, const strview *stored, error *err) MUST_USE;

#endif
