/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the arrays of the block store: allocation, growth, and the epochs of their blocks.
 *
 * Up to 64 KiB an array is one allocation that doubles; beyond that it is page-granular memory that
 * grows by moving page tables. Invariant: stale_blocks is the number of blocks below
 * blocks_of(count) whose epoch is not the store's. */
#include "state/store.h"

#include "state/store_internal.h"

#define ARRAY_BYTES_MIN 256

status
store_open(store **out, mem *m, error *err) {
    store *s = mem_alloc_zero(m, sizeof(*s));
    if (s == NULL) {
        return error_memory(err);
    }
    s->mem = m;
    s->epoch = 1;
    const status opened = mutex_init(&s->lock, err);
    if (opened < 0) {
        mem_free(m, s, sizeof(*s));
        return opened;
    }
    *out = s;
    return OK;
}

void
store_close(store *s) {
    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->array_count; i++) {
        assert(s->arrays[i] == NULL);
    }
    mutex_lock(&s->lock);
    s->closed = true;
    const bool is_last = s->snapshots == NULL;
    mutex_unlock(&s->lock);
    if (is_last) {
        store_free(s);
    }
}

void
store_free(store *s) {
    mutex_fini(&s->lock);
    if (s->aside != NULL) {
        mem_close_shared(s->aside);
    }
    mem_free(s->mem, s->arrays, s->array_capacity * sizeof(*s->arrays));
    mem_free(s->mem, s->names, s->array_capacity * sizeof(*s->names));
    mem_free(s->mem, s, sizeof(*s));
}

mem *
store_mem(const store *s) {
    return s->mem;
}

uint64_t
store_epoch(const store *s) {
    return s->epoch;
}

size_t
store_bytes(const store *s) {
    return (size_t)atomic_load_explicit(&s->bytes, memory_order_relaxed);
}

uint32_t
store_array_limit(const store *s) {
    return s->array_count;
}

state_array *
store_array_at(const store *s, uint32_t id) {
    return id < s->array_count ? s->arrays[id] : NULL;
}

void
store_close_gaps(store *s) {
    uint32_t next = 0;
    mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->array_count; i++) {
        if (s->arrays[i] != NULL) {
            s->arrays[next] = s->arrays[i];
            s->names[next] = s->names[i];
            s->arrays[next]->id = next;
            next++;
        }
    }
    s->array_count = next;
    mutex_unlock(&s->lock);
}

const char *
array_name(const state_array *a) {
    return a->owner->names[a->id];
}

/* Room for one more array in the tables. */
static status
reserve_id(store *s, error *err) {
    if (s->array_count < s->array_capacity) {
        return OK;
    }
    const uint32_t grown = s->array_capacity == 0 ? 16 : 2 * s->array_capacity;
    const size_t   size_old = s->array_capacity * sizeof(void *);
    void          *arrays = mem_alloc(s->mem, grown * sizeof(void *));
    void          *names = arrays == NULL ? NULL : mem_alloc(s->mem, grown * sizeof(void *));
    if (names == NULL) {
        mem_free(s->mem, arrays, grown * sizeof(void *));
        return error_memory(err);
    }
    if (size_old > 0) {
        memcpy(arrays, s->arrays, size_old);
        memcpy(names, s->names, size_old);
    }
    mem_free(s->mem, s->arrays, size_old);
    mem_free(s->mem, s->names, size_old);
    s->arrays = arrays;
    s->names = names;
    s->array_capacity = grown;
    return OK;
}

status
array_open(state_array *a, store *s, const char *name, uint32_t element_size, error *err) {
    assert(element_size > 0 && element_size <= STORE_BLOCK_BYTES);
    memset(a, 0, sizeof(*a));
    const size_t name_size = strlen(name) + 1;
    char        *name_copy = mem_alloc(s->mem, name_size);
    if (name_copy == NULL) {
        return error_memory(err);
    }
    memcpy(name_copy, name, name_size);
    mutex_lock(&s->lock);
    uint32_t id = 0;
    while (id < s->array_count && s->arrays[id] != NULL) {
        id++;
    }
    const status reserved = id < s->array_count ? OK : reserve_id(s, err);
    if (reserved < 0) {
        mutex_unlock(&s->lock);
        mem_free(s->mem, name_copy, name_size);
        return reserved;
    }
    a->element_size = element_size;
    a->id = id;
    a->owner = s;
    s->arrays[id] = a;
    s->names[id] = name_copy;
    s->array_count = id == s->array_count ? id + 1 : s->array_count;
    mutex_unlock(&s->lock);
    return OK;
}

static void
account(store *s, uint64_t added, uint64_t removed) {
    atomic_fetch_add_explicit(&s->bytes, added - removed, memory_order_relaxed);
}

/* Its memory, which nobody shows any more, and the tables of its blocks. */
static void
free_memory(state_array *a, bool is_shown) {
    store *s = a->owner;
    if (!is_shown) {
        if (a->mapped) {
            mem_unmap(s->mem, a->data, a->bytes);
        } else {
            mem_free(s->mem, a->data, a->bytes);
        }
        account(s, 0, a->bytes);
    }
    mem_free(s->mem, a->epochs, a->epoch_capacity * sizeof(*a->epochs));
    mem_free(s->mem, a->places, a->place_capacity * sizeof(*a->places));
}

void
array_close(state_array *a) {
    store *s = a->owner;
    if (s == NULL) {
        return;
    }
    mutex_lock(&s->lock);
    const bool is_shown = snapshot_take_over(a);
    char      *name = s->names[a->id];
    s->arrays[a->id] = NULL;
    s->names[a->id] = NULL;
    mutex_unlock(&s->lock);
    mem_free(s->mem, name, strlen(name) + 1);
    free_memory(a, is_shown);
    memset(a, 0, sizeof(*a));
}

void
array_empty(state_array *a) {
    mutex_lock(&a->owner->lock);
    const bool is_shown = snapshot_take_over(a);
    mutex_unlock(&a->owner->lock);
    free_memory(a, is_shown);
    *a = (state_array){.element_size = a->element_size,
                       .id = a->id,
                       .owner = a->owner,
                       .wide_size = a->wide_size,
                       .narrow = a->narrow};
}

void
array_accept_wide(state_array *a, uint32_t wide_size, void (*narrow)(void *, const void *)) {
    assert(STORE_BLOCK_BYTES % wide_size == 0 && wide_size > a->element_size);
    a->wide_size = wide_size;
    a->narrow = narrow;
}

#define LARGE_ARRAY_BYTES (UINT64_C(1) << 20)

static uint64_t
grown_bytes(const state_array *a, uint64_t needed) {
    if (needed <= STORE_BLOCK_BYTES) {
        uint64_t bytes = ARRAY_BYTES_MIN;
        while (bytes < needed) {
            bytes *= 2;
        }
        return bytes;
    }
    /* Room that is not used costs addresses alone, but counts against limits. */
    const uint64_t room = a->bytes < LARGE_ARRAY_BYTES ? a->bytes / 4 : a->bytes / 16;
    const uint64_t wanted = a->bytes + room;
    return blocks_of(wanted > needed ? wanted : needed) * STORE_BLOCK_BYTES;
}

/* Moves the data to `bytes` of memory. The caller holds the lock. */
static status
move(state_array *a, uint64_t bytes, error *err) {
    mem  *m = a->owner->mem;
    void *data;
    if (a->mapped) {
        data = mem_remap(m, a->data, a->bytes, bytes);
    } else if (bytes > STORE_BLOCK_BYTES) {
        data = mem_map(m, bytes);
        if (data != NULL && a->bytes > 0) {
            memcpy(data, a->data, a->bytes);
            mem_free(m, a->data, a->bytes);
        }
    } else {
        data = mem_resize(m, a->data, a->bytes, bytes);
        if (data != NULL) { /* blocks are written out whole: no byte may be undefined */
            memset((uint8_t *)data + a->bytes, 0, bytes - a->bytes);
        }
    }
    if (data == NULL) {
        return error_memory(err);
    }
    account(a->owner, bytes, a->bytes);
    a->data = data;
    a->mapped = bytes > STORE_BLOCK_BYTES;
    a->bytes = bytes;
    a->capacity = bytes / a->element_size;
    return OK;
}

static status
grow(state_array *a, uint64_t count, error *err) {
    if (count > (UINT64_MAX >> 17) / a->element_size) {
        return error_memory(err);
    }
    const uint64_t bytes = grown_bytes(a, count * a->element_size);
    const uint64_t blocks = blocks_of(bytes);
    mem           *m = a->owner->mem;
    mutex_lock(&a->owner->lock);
    status result = OK;
    if (blocks > a->epoch_capacity) {
        const size_t old = a->epoch_capacity * sizeof(*a->epochs);
        uint32_t    *epochs = mem_resize(m, a->epochs, old, blocks * sizeof(*epochs));
        if (epochs == NULL) {
            result = error_memory(err);
        } else {
            memset(epochs + a->epoch_capacity, 0, blocks * sizeof(*epochs) - old);
            a->epochs = epochs;
            a->epoch_capacity = blocks;
        }
    }
    if (result == OK) {
        result = move(a, bytes, err);
    }
    mutex_unlock(&a->owner->lock);
    return result;
}

/* Makes the block one of the current epoch. */
static void
stamp(state_array *a, uint64_t block) {
    store *s = a->owner;
    if (a->epochs[block] == s->epoch) {
        return;
    }
    if (a->epochs[block] == 0 && a->mapped) {
        mem_populate(a->data + block * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES);
    }
    mutex_lock(&s->lock);
    snapshot_set_aside(a, block);
    a->stale_blocks -= block < array_blocks(a, a->count);
    a->epochs[block] = s->epoch;
    mutex_unlock(&s->lock);
}

static void
stamp_range(state_array *a, uint64_t first, uint64_t n) {
    const uint64_t last_byte = (first + n) * a->element_size - 1;
    const uint64_t last = last_byte / STORE_BLOCK_BYTES;
    for (uint64_t b = first * a->element_size / STORE_BLOCK_BYTES; b <= last; b++) {
        stamp(a, b);
    }
}

void
array_touch_slow(state_array *a, uint64_t first, uint64_t n) {
    assert(first + n <= a->count);
    if (n > 0) {
        stamp_range(a, first, n);
    }
}

void
array_touch_each_slow(state_array *a, const uint32_t *indexes, int32_t n) {
    for (int32_t i = 0; i < n && a->stale_blocks > 0; i++) {
        if (indexes[i] != UINT32_MAX) {
            assert(indexes[i] < a->count);
            stamp_range(a, indexes[i], 1);
        }
    }
}

status
array_append(state_array *a, uint64_t n, uint64_t *first, error *err) {
    if (first != NULL) {
        *first = a->count;
    }
    if (n == 0) {
        return OK;
    }
    if (UNLIKELY(n > a->capacity - a->count)) {
        if (n > UINT64_MAX / 2) {
            return error_memory(err);
        }
        TRY(grow(a, a->count + n, err));
    }
    stamp_range(a, a->count, n);
    a->count += n;
    return OK;
}

status
array_extend(state_array *a, uint64_t n, uint64_t *first, error *err) {
    const uint64_t count = a->count;
    TRY(array_append(a, n, first, err));
    if (n > 0) {
        memset(a->data + count * a->element_size, 0, n * a->element_size);
    }
    return OK;
}

status
array_reserve_to(state_array *a, uint64_t count, error *err) {
    return count <= a->count ? OK : array_extend(a, count - a->count, NULL, err);
}

void
array_truncate(state_array *a, uint64_t count) {
    assert(count <= a->count);
    const uint64_t blocks = array_blocks(a, a->count);
    for (uint64_t b = array_blocks(a, count); b < blocks; b++) {
        a->stale_blocks -= a->epochs[b] != a->owner->epoch;
    }
    a->count = count;
}
