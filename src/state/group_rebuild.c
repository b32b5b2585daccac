/* SPDX-License-Identifier: Apache-2.0 */
/* group_rebuild.c - what a group table has beside its keys and marks, made of them: hashes where a
 * dense table is left, and after a restore the way to the groups and the free slots. */
#include "base/work.h"
#include "state/group_dense.h"

#define HASHED_AT_ONCE 1024

status
group_make_hashes(group_table *t, error *err) {
    const uint64_t count = t->live.count;
    TRY(array_reserve_to(&t->hashes, count, err));
    TRY(array_touch(&t->hashes, 0, count, err));
    for (uint64_t s = 0; s < count; s += HASHED_AT_ONCE) {
        const uint64_t     left = count - s;
        const state_array *values = &t->keys.values[0];
        const column       keys = {.type = t->keys.types[0],
                                   .values = values->data + s * values->element_size};
        group_hash_keys(ARRAY_AT(&t->hashes, uint64_t, s), &keys, 1,
                        (int32_t)(left < HASHED_AT_ONCE ? left : HASHED_AT_ONCE));
    }
    return OK;
}

/* Marks behind the last hash are those of slots that were never used, in states of before. */
static void
cut_marks(group_table *t) {
    uint64_t count = t->live.count;
    while (count > t->hashes.count && t->hashes.count > 0 && t->live.data[count - 1] == 0) {
        count--;
    }
    array_truncate(&t->live, count);
}

/* The way to the groups, of keys that were looked at. */
static status
rebuild_index(group_table *t, error *err) {
    bool dense;
    TRY(group_dense_rebuild(t, &dense, err));
    if (dense) {
        return OK;
    }
    t->may_be_dense = false;
    if (t->hashes.count < t->live.count) {
        if (t->keys.column_count != 1 || t->keys.nulls[0].count > 0 ||
            physical_is_view(type_physical(t->keys.types[0]))) {
            return image_corrupt("hashes of groups", err);
        }
        TRY(group_make_hashes(t, err));
    }
    return group_make_index(t, err);
}

status
group_table_rebuild(group_table *t, error *err) {
    cut_marks(t);
    const uint64_t count = t->live.count;
    uint64_t       live = 0;
    uint8_t        bits = 0;
    group_free_index(t);
    group_dense_close(t);
    if (count < t->hashes.count || count >= SLOT_NONE ||
        (t->keys.column_count > 0 && state_columns_count(&t->keys) < count)) {
        return image_corrupt("keys, hashes and marks of groups", err);
    }
    for (uint64_t s = 0; s < count; s++) {
        live += t->live.data[s];
        bits |= t->live.data[s];
    }
    if (bits > 1) {
        return image_corrupt("a mark of a group", err);
    }
    const slot_set used = group_table_slots(t);
    TRY(state_columns_check(&t->keys, &used, err));
    work_step(1, 2);
    t->live_count = live;
    TRY(group_reserve_free(t, count == 0 ? SLOT_STEP_MIN : count, err));
    TRY(rebuild_index(t, err));
    for (uint64_t s = count; s > 0; s--) {
        if (t->live.data[s - 1] == 0) {
            t->free_slots[t->free_count++] = (slot)(s - 1);
        }
    }
    return OK;
}
