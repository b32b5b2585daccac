/* SPDX-License-Identifier: Apache-2.0 */
/* log_entry.c - entries of change logs: one allocation with the lists of its batches behind it. */
#include <string.h>

#include "batch/chunk.h"
#include "exec/changelog.h"

int
log_position_compare(log_position a, log_position b) {
    if (a.epoch != b.epoch) {
        return a.epoch < b.epoch ? -1 : 1;
    }
    return a.part < b.part ? -1 : a.part > b.part;
}

/* In the pool, or (pool NULL) outside of any log. */
static log_entry *
entry_new(slab_pool *pool, mem *m, log_position at, const log_changes *changes) {
    const int32_t count = changes->shown_count + changes->gone_count;
    const size_t  bytes = sizeof(log_entry) + sizeof(batch *) * (size_t)count + changes->op_count;
    log_entry    *e = pool == NULL ? mem_alloc(m, bytes) : slab_alloc(pool, bytes);
    if (e == NULL) {
        return NULL;
    }
    *e = (log_entry){0};
    atomic_init(&e->references, 1);
    atomic_init(&e->next, NULL);
    e->mem = pool == NULL ? m : NULL;
    e->bytes = bytes;
    e->position = at;
    e->shown_count = changes->shown_count;
    e->gone_count = changes->gone_count;
    e->shown = (batch **)(void *)(e + 1);
    e->gone = e->shown + e->shown_count;
    for (int32_t i = 0; i < e->shown_count; i++) {
        e->shown[i] = changes->shown[i];
    }
    for (int32_t i = 0; i < e->gone_count; i++) {
        e->gone[i] = changes->gone[i];
    }
    if (changes->op_count > 0) {
        e->ops = (uint8_t *)(e->gone + e->gone_count);
        memcpy(e->ops, changes->ops, changes->op_count);
    }
    return e;
}

void
log_entry_release(log_entry *e) {
    /* A loop, not recursion: a slow reader may let go of a long chain at once. */
    while (e != NULL && atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1) {
        log_entry *next = atomic_load_explicit(&e->next, memory_order_acquire);
        for (int32_t i = 0; i < e->shown_count + e->gone_count; i++) {
            batch_release(e->shown[i]);
        }
        if (e->mem == NULL) {
            slab_free(e);
        } else {
            mem_free(e->mem, e, e->bytes);
        }
        e = next;
    }
}

log_entry *
log_entry_retain(log_entry *e) {
    atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
    return e;
}

/* Bytes that a batch keeps alive: its own, and a share of what it borrows from the table. */
static int64_t
batch_bytes(const batch *b) {
    int64_t bytes = (int64_t)chunk_bytes(b->chunk);
    for (int32_t i = 0; i < b->rows.column_count; i++) {
        const column *c = &b->rows.columns[i];
        if (c->owner != b->chunk) {
            bytes += (int64_t)type_width(c->type) * b->rows.row_count;
        }
    }
    return bytes;
}

/* Sets the totals of e, which comes after totals of `bytes` and `rows`. */
static void
add_totals(log_entry *e, int64_t bytes, int64_t rows) {
    bytes += (int64_t)e->bytes;
    for (int32_t i = 0; i < e->shown_count + e->gone_count; i++) {
        bytes += batch_bytes(e->shown[i]);
        rows += e->shown[i]->rows.row_count;
    }
    e->bytes_before_next = bytes;
    e->rows_before_next = rows;
}

status
log_entry_make(log_entry **out, slab_pool *pool, mem *m, log_position at,
               const log_changes *changes, error *err) {
    *out = entry_new(pool, m, at, changes);
    if (*out != NULL) {
        add_totals(*out, 0, 0);
        return OK;
    }
    for (int32_t i = 0; i < changes->shown_count; i++) {
        batch_release(changes->shown[i]);
    }
    for (int32_t i = 0; i < changes->gone_count; i++) {
        batch_release(changes->gone[i]);
    }
    return error_memory(err);
}
