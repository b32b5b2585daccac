/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - the block store as it was: views of arrays, copies set aside. See
 * store_internal.h for the rules. */
#include "state/store_internal.h"

static void
release_copy(store *s, block_copy *copy) {
    if (copy == NULL || --copy->holders > 0) {
        return;
    }
    const size_t size = sizeof(*copy) + copy->size;
    atomic_fetch_sub_explicit(&s->bytes, size, memory_order_relaxed);
    mem_free(s->aside, copy, size);
}

static void
release_rest(store *s, array_rest *rest) {
    if (rest == NULL || --rest->holders > 0) {
        return;
    }
    if (rest->mapped) {
        mem_unmap(s->mem, rest->data, rest->bytes);
    } else {
        mem_free(s->mem, rest->data, rest->bytes);
    }
    atomic_fetch_sub_explicit(&s->bytes, rest->bytes, memory_order_relaxed);
    mem_free(s->mem, rest, sizeof(*rest));
}

static void
drop_view(store *s, array_view *v) {
    if (v->copies != NULL) {
        for (uint64_t b = 0; b < v->block_count; b++) {
            release_copy(s, v->copies[b]);
        }
        mem_free(s->aside, v->copies, v->block_count * sizeof(*v->copies));
    }
    release_rest(s, v->rest);
    *v = (array_view){0};
}

status
store_snapshot_open(store_snapshot **out, store *s, error *err) {
    if (s->aside == NULL && (s->aside = mem_open_child(s->mem)) == NULL) {
        return error_memory(err);
    }
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
    const bool is_last = s->closed && s->snapshots == NULL;
    mem       *m = s->mem;
    mutex_unlock(&s->lock);
    mem_free(m, shot->views, shot->view_count * sizeof(*shot->views));
    mem_free(m, shot, sizeof(*shot));
    if (is_last) {
        store_free(s);
    }
}

void
store_snapshot_let_go(store_snapshot *shot) {
    mutex_lock(&shot->store->lock);
    for (uint32_t i = 0; i < shot->view_count; i++) {
        drop_view(shot->store, &shot->views[i]);
    }
    mutex_unlock(&shot->store->lock);
}

/* Of the array; NULL: the snapshot does not show it. */
static array_view *
view_of(const store_snapshot *shot, const state_array *a) {
    if (a->id < shot->view_count && shot->views[a->id].array == a) {
        return &shot->views[a->id];
    }
    for (uint32_t i = 0; i < shot->view_count; i++) { /* ids may have moved */
        if (shot->views[i].array == a) {
            return &shot->views[i];
        }
    }
    return NULL;
}

bool
snapshot_take_over(const state_array *a) {
    store      *s = a->owner;
    array_rest *rest = s->snapshots == NULL ? NULL : mem_alloc(s->mem, sizeof(*rest));
    if (rest != NULL) {
        *rest = (array_rest){.mapped = a->mapped, .data = a->data, .bytes = a->bytes};
    }
    for (store_snapshot *shot = s->snapshots; shot != NULL; shot = shot->next) {
        array_view *v = view_of(shot, a);
        if (v != NULL) {
            v->array = NULL;
            v->rest = rest;
            shot->lost = shot->lost || rest == NULL;
            if (rest != NULL) {
                rest->holders++;
            }
        }
    }
    if (rest != NULL && rest->holders == 0) {
        mem_free(s->mem, rest, sizeof(*rest));
        rest = NULL;
    }
    return rest != NULL;
}

/* The view through which `shot` sees this block in place, or NULL. */
static array_view *
view_in_place(const store_snapshot *shot, const state_array *a, uint64_t block) {
    array_view *v = shot->lost ? NULL : view_of(shot, a);
    return v != NULL && block < v->block_count ? v : NULL;
}

static block_copy *
copy_block(const state_array *a, uint64_t block, uint32_t epoch, size_t size) {
    store      *s = a->owner;
    block_copy *copy = mem_alloc(s->aside, sizeof(*copy) + size);
    if (copy != NULL) {
        *copy = (block_copy){.epoch = epoch, .size = size};
        memcpy(copy->data, a->data + block * STORE_BLOCK_BYTES, size);
        atomic_fetch_add_explicit(&s->bytes, sizeof(*copy) + size, memory_order_relaxed);
    }
    return copy;
}

void
snapshot_set_aside(state_array *a, uint64_t block) {
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
            v->copies = mem_alloc_zero(s->aside, v->block_count * sizeof(*v->copies));
            shot->lost = v->copies == NULL;
        }
    }
    if (size == 0) {
        return;
    }
    block_copy *copy = copy_block(a, block, epoch, size);
    for (store_snapshot *shot = s->snapshots; shot != NULL && shot->epoch >= epoch;
         shot = shot->next) {
        array_view *v = view_in_place(shot, a, block);
        if (v != NULL && copy != NULL) {
            assert(v->copies[block] == NULL);
            v->copies[block] = copy;
            copy->holders++;
        }
        shot->lost = shot->lost || (v != NULL && copy == NULL);
    }
    if (copy != NULL && copy->holders == 0) {
        copy->holders = 1;
        release_copy(s, copy);
    }
}

uint64_t
snapshot_array_count(const store_snapshot *shot, const state_array *a) {
    mutex_lock(&shot->store->lock);
    const array_view *v = view_of(shot, a);
    const uint64_t    count = v == NULL ? 0 : v->count;
    mutex_unlock(&shot->store->lock);
    return count;
}

/* Where the block's content lies. The caller holds the lock. */
static const uint8_t *
block_data(const array_view *v, uint64_t block) {
    if (v->copies != NULL && v->copies[block] != NULL) {
        return v->copies[block]->data;
    }
    const uint8_t *data = v->array != NULL ? v->array->data : v->rest->data;
    return data + block * STORE_BLOCK_BYTES;
}

static status
say_lost(error *err) {
    (void)error_memory(err);
    return error_hint(err, "what is written meanwhile is kept twice: raise memory_limit");
}

status
snapshot_read(const store_snapshot *shot, const state_array *a, uint64_t first, uint64_t n,
              void *out, error *err) {
    uint8_t *next = out;
    uint64_t at = first * a->element_size;
    uint64_t left = n * a->element_size;
    mutex_lock(&shot->store->lock);
    const array_view *v = view_of(shot, a);
    assert(v != NULL && first + n <= v->count);
    const bool lost = shot->lost;
    while (left > 0 && !lost) {
        const uint64_t within = at % STORE_BLOCK_BYTES;
        const uint64_t room = STORE_BLOCK_BYTES - within;
        const uint64_t part = left < room ? left : room;
        memcpy(next, block_data(v, at / STORE_BLOCK_BYTES) + within, part);
        next += part;
        at += part;
        left -= part;
    }
    mutex_unlock(&shot->store->lock);
    return lost ? say_lost(err) : OK;
}

status
snapshot_read_block(const store_snapshot *shot, uint32_t id, uint64_t block, size_t size, void *out,
                    error *err) {
    mutex_lock(&shot->store->lock);
    const bool lost = shot->lost;
    if (!lost) {
        assert(id < shot->view_count && block < shot->views[id].block_count);
        memcpy(out, block_data(&shot->views[id], block), size);
    }
    mutex_unlock(&shot->store->lock);
    return lost ? say_lost(err) : OK;
}

void
store_forget_saved(const store_snapshot *shot) {
    mutex_lock(&shot->store->lock);
    shot->store->saved_epoch = 0;
    mutex_unlock(&shot->store->lock);
}
