/* SPDX-License-Identifier: Apache-2.0 */
/* group_table_check.c - group_table_validate: the index, the free list and the keys agree. */
#include "state/group_table.h"

#define CHECK_ROWS 1024

static status
broken(error *err, const char *what, uint64_t s) {
    return error_set(err, ERR_INTERNAL_ERROR, "group table: %s (slot %llu)", what,
                     (unsigned long long)s);
}

/* Every entry is reached from its home without a hole, and each live slot has one. */
static status
check_index(const group_table *t, error *err) {
    const uint64_t  mask = t->index_size - 1;
    const uint64_t *hashes = ARRAY_AT(&t->hashes, uint64_t, 0);
    uint64_t        entries = 0;
    for (uint64_t at = 0; at < t->index_size; at++) {
        const uint64_t e = t->index[at];
        if (e == 0) {
            continue;
        }
        const slot s = (slot)e - 1;
        if (!group_table_is_live(t, s) || (hashes[s] ^ e) >> 32 != 0) {
            return broken(err, "an index entry has no group", s);
        }
        for (uint64_t k = (hashes[s] >> 32) & mask; k != at; k = (k + 1) & mask) {
            if (t->index[k] == 0 || t->index[k] == e) {
                return broken(err, "an index entry cannot be reached", s);
            }
        }
        entries++;
    }
    if (entries != t->live_count || (entries > 0 && entries > t->index_limit)) {
        return broken(err, "the index has the wrong number of entries", entries);
    }
    return OK;
}

static status
check_free(const group_table *t, error *err) {
    const uint64_t count = group_table_slot_count(t);
    uint64_t       live = 0;
    for (uint64_t s = 0; s < count; s++) {
        live += t->live.data[s];
    }
    if (live != t->live_count || live + t->free_count != count || count > t->free_capacity) {
        return broken(err, "live and free slots do not add up", live);
    }
    for (uint64_t k = 0; k < t->free_count; k++) {
        if (t->free_slots[k] >= count || t->live.data[t->free_slots[k]] != 0) {
            return broken(err, "a free slot is live", t->free_slots[k]);
        }
    }
    return OK;
}

/* The keys of the given live slots lead back to them: no key is in twice, each hash is that of its
 * key. */
static status
check_keys(const group_table *t, const slot *slots, int32_t count, arena *a, error *err) {
    const int32_t key_count = t->keys.column_count;
    column       *keys = arena_alloc(a, (size_t)key_count * sizeof(*keys));
    slot         *found = arena_alloc(a, (size_t)count * sizeof(*found));
    if (keys == NULL || found == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < key_count; k++) {
        TRY(state_columns_read(&t->keys, k, slots, count, a, &keys[k], err));
    }
    TRY(group_table_find(t, keys, count, found, a, err));
    for (int32_t i = 0; i < count; i++) {
        if (found[i] != slots[i]) {
            return broken(err, "a key does not lead to its group", slots[i]);
        }
    }
    return OK;
}

static status
check_all_keys(const group_table *t, arena *a, error *err) {
    const uint64_t count = group_table_slot_count(t);
    slot           slots[CHECK_ROWS];
    int32_t        n = 0;
    for (uint64_t s = 0; s < count; s++) {
        if (group_table_is_live(t, (slot)s)) {
            slots[n++] = (slot)s;
        }
        if (n == CHECK_ROWS || (s + 1 == count && n > 0)) {
            TRY(check_keys(t, slots, n, a, err));
            arena_reset(a);
            n = 0;
        }
    }
    return OK;
}

status
group_table_validate(const group_table *t, error *err) {
    TRY(check_free(t, err));
    if (t->index_size > 0) {
        TRY(check_index(t, err));
    } else if (t->dense == NULL) { /* made by group_table_append: keys lead nowhere yet */
        return OK;
    }
    arena a;
    arena_init(&a, t->mem);
    const status result = check_all_keys(t, &a, err);
    arena_fini(&a);
    return result;
}
