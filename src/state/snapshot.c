/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - the block store as it was: views of arrays, copies set aside, changed blocks. See
 * store_internal.h for the rules. */
#include "state/store_internal.h"

static void
release_copy(store *s, block_copy *copy) {
    if (copy == NULL || --copy->holders > 0) {
        return;
    }
    const size_t size = sizeof(*copy) + copy->size;
    atomic_fetch_sub_explicit(&s->bytes, size, memory_order_relaxed);
    mem_free(s->mem, copy, size);
}

static void
drop_view(store *s, array_view *v) {
    if (v->copies != NULL) {
        for (uint64_t b = 0; b < v->block_count; b++) {
            release_copy(s, v->copies[b]);
        }
        mem_free(s->mem, v->copies, v->block_count * sizeof(*v->copies));
    }
    *v = (array_view){0};
}

status
store_snapshot_open(store_snapshot **out, store *s, error *err) {
    store_snapshot *shot = mem_alloc_zero(s->mem, sizeof(*shot));
    if (shot == NULL) {
        return error_memory(err);
    }
    shot->store = s;
    shot->view_count = s->array_count;
    if (s->array_count > 0) {
        shot->views = mem_alloc_zero(s->mem, s->array_count * sizeof(*shot->views));
        if (shot->views == NULL) {
            mem_free(s->mem, shot, sizeof(*shot));
            return error_memory(err);
        }
    }
    mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->array_count; i++) {
        state_array *a = s->arrays[i];
        if (a != NULL) {
            const uint64_t blocks = array_blocks(a, a->count);
            shot->views[i] = (array_view){.array = a, .count = a->count, .block_count = blocks};
            a->stale_blocks = (uint32_t)blocks;
        }
    }
    shot->epoch = s->epoch++;
    shot->next = s->snapshots;
    if (shot->next != NULL) {
        shot->next->previous = shot;
    }
    s->snapshots = shot;
    mutex_unlock(&s->lock);
    *out = shot;
    return OK;
}

void
store_snapshot_close(store_snapshot *shot) {
    if (shot == NULL) {
        return;
    }
    store *s = shot->store;
    mutex_lock(&s->lock);
    if (shot->previous != NULL) {
        shot->previous->next = shot->next;
    } else {
        s->snapshots = shot->next;
    }
    if (shot->next != NULL) {
        shot->next->previous = shot->previous;
    }
    for (uint32_t i = 0; i < shot->view_count; i++) {
        drop_view(s, &shot->views[i]);
    }
    mutex_unlock(&s->lock);
    mem_free(s->mem, shot->views, shot->view_count * sizeof(*shot->views));
    mem_free(s->mem, shot, sizeof(*shot));
}

void
snapshot_forget_array(const state_array *a) {
    for (store_snapshot *shot = a->owner->snapshots; shot != NULL; shot = shot->next) {
        if (a->id < shot->view_count && shot->views[a->id].array == a) {
            drop_view(a->owner, &shot->views[a->id]);
        }
    }
}

/* The view through which `shot` sees this block in place, or NULL. */
static array_view *
view_in_place(store_snapshot *shot, const state_array *a, uint64_t block) {
    if (a->id >= shot->view_count) {
        return NULL;
    }
    array_view *v = &shot->views[a->id];
    return v->array == a && block < v->block_count ? v : NULL;
}

status
snapshot_set_aside(state_array *a, uint64_t block, error *err) {
    store         *s = a->owner;
    const uint32_t epoch = a->epochs[block];
    size_t         size = 0;
    for (store_snapshot *shot = s->snapshots; shot != NULL && shot->epoch >= epoch;
         shot = shot->next) {
        array_view *v = view_in_place(shot, a, block);
        if (v == NULL) {
            continue;
        }
        const size_t seen = block_size(a, v->count, block);
        size = seen > size ? seen : size;
        if (v->copies == NULL) {
            v->copies = mem_alloc_zero(s->mem, v->block_count * sizeof(*v->copies));
            if (v->copies == NULL) {
                return error_memory(err);
            }
        }
    }
    if (size == 0) {
        return OK;
    }
    block_copy *copy = mem_alloc(s->mem, sizeof(*copy) + size);
    if (copy == NULL) {
        return error_memory(err);
    }
    *copy = (block_copy){.epoch = epoch, .size = size};
    memcpy(copy->data, a->data + block * STORE_BLOCK_BYTES, size);
    atomic_fetch_add_explicit(&s->bytes, sizeof(*copy) + size, memory_order_relaxed);
    for (store_snapshot *shot = s->snapshots; shot != NULL && shot->epoch >= epoch;
         shot = shot->next) {
        array_view *v = view_in_place(shot, a, block);
        if (v != NULL) {
            assert(v->copies[block] == NULL);
            v->copies[block] = copy;
            copy->holders++;
        }
    }
    return OK;
}

uint64_t
snapshot_epoch(const store_snapshot *shot) {
    return (uint64_t)shot->epoch + 1;
}

uint64_t
snapshot_array_count(const store_snapshot *shot, const state_array *a) {
    mutex_lock(&shot->store->lock);
    const bool     seen = a->id < shot->view_count && shot->views[a->id].array == a;
    const uint64_t count = seen ? shot->views[a->id].count : 0;
    mutex_unlock(&shot->store->lock);
    return count;
}

/* Where the block's content lies. The caller holds the lock. */
static const uint8_t *
block_data(const array_view *v, uint64_t block) {
    if (v->copies != NULL && v->copies[block] != NULL) {
        return v->copies[block]->data;
    }
    return v->array->data + block * STORE_BLOCK_BYTES;
}

void
snapshot_read(const store_snapshot *shot, const state_array *a, uint64_t first, uint64_t n,
              void *out) {
    uint8_t *next = out;
    uint64_t at = first * a->element_size;
    uint64_t left = n * a->element_size;
    mutex_lock(&shot->store->lock);
    assert(a->id < shot->view_count && shot->views[a->id].array == a);
    const array_view *v = &shot->views[a->id];
    assert(first + n <= v->count);
    while (left > 0) {
        const uint64_t within = at % STORE_BLOCK_BYTES;
        const uint64_t room = STORE_BLOCK_BYTES - within;
        const uint64_t part = left < room ? left : room;
        memcpy(next, block_data(v, at / STORE_BLOCK_BYTES) + within, part);
        next += part;
        at += part;
        left -= part;
    }
    mutex_unlock(&shot->store->lock);
}

/* Copies the block out when it was written in `epoch` or later; returns its size, 0 when it was
 * not. */
static size_t
copy_changed(const store_snapshot *shot, const array_view *v, uint64_t block, uint64_t epoch,
             uint8_t *out) {
    size_t size = 0;
    mutex_lock(&shot->store->lock);
    if (v->array != NULL) {
        const block_copy *copy = v->copies == NULL ? NULL : v->copies[block];
        const uint32_t    written = copy != NULL ? copy->epoch : v->array->epochs[block];
        if (written >= epoch) {
            size = block_size(v->array, v->count, block);
            memcpy(out, block_data(v, block), size);
        }
    }
    mutex_unlock(&shot->store->lock);
    return size;
}

status
snapshot_changed_blocks(const store_snapshot *shot, uint64_t epoch, snapshot_block_fn fn, void *arg,
                        error *err) {
    mem     *m = shot->store->mem;
    uint8_t *bytes = mem_alloc(m, STORE_BLOCK_BYTES);
    if (bytes == NULL) {
        return error_memory(err);
    }
    status result = OK;
    for (uint32_t i = 0; i < shot->view_count && result >= 0; i++) {
        const array_view *v = &shot->views[i];
        for (uint64_t b = 0; b < v->block_count && result >= 0; b++) {
            const size_t size = copy_changed(shot, v, b, epoch, bytes);
            if (size > 0) {
                result = fn(arg, i, b, bytes, size, err);
            }
        }
    }
    mem_free(m, bytes, STORE_BLOCK_BYTES);
    return result;
}
