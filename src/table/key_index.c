/* SPDX-License-Identifier: Apache-2.0 */
/* key_index.c - linear probing over (hash, position) at a load of at most three quarters. */
#include "table/key_index.h"

#define CAPACITY_MIN 16

void
key_index_fini(key_index *x) {
    mem_free(x->mem, x->slots, (size_t)x->capacity * sizeof(key_slot));
    *x = (key_index){.mem = x->mem};
}

static void
place(key_slot *slots, int64_t capacity, uint64_t hash, int64_t position) {
    uint64_t at = hash & (uint64_t)(capacity - 1);
    while (slots[at].position >= 0) {
        at = (at + 1) & (uint64_t)(capacity - 1);
    }
    slots[at] = (key_slot){.hash = hash, .position = position};
}

status
key_index_reserve(key_index *x, int64_t more, error *err) {
    int64_t capacity = x->capacity == 0 ? CAPACITY_MIN : x->capacity;
    while (x->count + more > capacity - capacity / 4) {
        capacity *= 2;
    }
    if (capacity == x->capacity) {
        return OK;
    }
    key_slot *slots = mem_alloc(x->mem, (size_t)capacity * sizeof(key_slot));
    if (slots == NULL) {
        return error_memory(err);
    }
    for (int64_t i = 0; i < capacity; i++) {
        slots[i] = (key_slot){.position = -1};
    }
    for (int64_t i = 0; i < x->capacity; i++) {
        if (x->slots[i].position >= 0) {
            place(slots, capacity, x->slots[i].hash, x->slots[i].position);
        }
    }
    mem_free(x->mem, x->slots, (size_t)x->capacity * sizeof(key_slot));
    x->slots = slots;
    x->capacity = capacity;
    return OK;
}

void
key_index_put(key_index *x, uint64_t hash, int64_t position) {
    assert(x->count < x->capacity);
    place(x->slots, x->capacity, hash, position);
    x->count++;
}

void
key_index_remove(key_index *x, uint64_t hash, int64_t position) {
    const uint64_t mask = (uint64_t)(x->capacity - 1);
    uint64_t       at = hash & mask;
    while (x->slots[at].position != position) {
        assert(x->slots[at].position >= 0);
        at = (at + 1) & mask;
    }
    /* What could stand here moves back, so that no search ends too early. */
    for (uint64_t next = (at + 1) & mask; x->slots[next].position >= 0; next = (next + 1) & mask) {
        const uint64_t home = x->slots[next].hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            x->slots[at] = x->slots[next];
            at = next;
        }
    }
    x->slots[at].position = -1;
    x->count--;
}

static int64_t
search(const key_index *x, uint64_t hash, uint64_t at) {
    const uint64_t mask = (uint64_t)(x->capacity - 1);
    while (x->slots[at].position >= 0) {
        if (x->slots[at].hash == hash) {
            return (int64_t)at;
        }
        at = (at + 1) & mask;
    }
    return -1;
}

int64_t
key_index_first(const key_index *x, uint64_t hash) {
    return x->capacity == 0 ? -1 : search(x, hash, hash & (uint64_t)(x->capacity - 1));
}

int64_t
key_index_next(const key_index *x, uint64_t hash, int64_t slot) {
    return search(x, hash, ((uint64_t)slot + 1) & (uint64_t)(x->capacity - 1));
}
