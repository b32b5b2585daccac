/* SPDX-License-Identifier: Apache-2.0 */
/* group_append.c - groups that are known to be new, for a caller who never asks for one: the table
 * has then keys, hashes and marks, but no index, until group_table_map or group_table_remove needs
 * it. */
#include "state/group_dense.h"

static void
drop_index(group_table *t) {
    mem_free(t->mem, t->index, t->index_size * sizeof(*t->index));
    t->index = NULL;
    t->index_size = t->index_limit = 0;
}

status
group_table_append(group_table *t, const column *keys, const uint64_t *hashes, int32_t count,
                   arena *a, error *err) {
    const arena_mark mark = arena_save(a);
    slot            *slots = arena_alloc(a, (size_t)count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(t->may_be_dense ? group_dense_leave(t, err) : OK);
    while (t->free_count < (uint64_t)count) {
        TRY(group_add_slots(t, err));
    }
    for (int32_t i = 0; i < count; i++) {
        slots[i] = t->free_slots[t->free_count - 1 - (uint64_t)i];
    }
    TRY(array_touch_each(&t->live, slots, count, err));
    TRY(array_touch_each(&t->hashes, slots, count, err));
    TRY(state_columns_write(&t->keys, slots, keys, NULL, count, err));
    for (int32_t i = 0; i < count; i++) {
        t->live.data[slots[i]] = 1;
        *ARRAY_AT(&t->hashes, uint64_t, slots[i]) = hashes[i];
    }
    t->free_count -= (uint64_t)count;
    t->live_count += (uint64_t)count;
    drop_index(t);
    arena_rewind(a, mark);
    return OK;
}
