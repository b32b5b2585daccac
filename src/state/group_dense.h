/* SPDX-License-Identifier: Apache-2.0 */
/* group_dense.h - within the group table: groups of one whole number, found by an array by the
 * number. As long as all keys were numbers close together the table has neither hashes nor an index
 * of them; the first batch with others makes both. */
#ifndef LAMINAR_STATE_GROUP_DENSE_H
#define LAMINAR_STATE_GROUP_DENSE_H

#include "state/group_table.h"

/* ---- group_dense.c */
/* group_table_map; *taken: false when the keys do not fit, and nothing was done. */
status group_dense_map(group_table *t, const column *keys, int32_t row_count, slot *slots,
                       uint8_t *is_new, arena *a, bool *taken, error *err) MUST_USE;
void   group_dense_find(const group_table *t, const column *keys, int32_t row_count, slot *slots);
/* Takes the group out; its slot and mark are left to the caller. */
void group_dense_remove(group_table *t, slot s);
/* After a restore: the array, where the keys lie close together; else *taken is false. */
status group_dense_rebuild(group_table *t, bool *taken, error *err) MUST_USE;
/* From now on by hashes. Fails without a change. */
status group_dense_leave(group_table *t, error *err) MUST_USE;
void   group_dense_close(group_table *t);

#define SLOT_STEP_MIN 16

/* ---- group_table.c */
status group_add_slots(group_table *t, error *err) MUST_USE;  /* when none is free */
status group_make_index(group_table *t, error *err) MUST_USE; /* of all live slots */
void   group_hash_keys(uint64_t *out, const column *keys, int32_t key_count, int32_t row_count);
/* Room for so many free slots; the index and these go. */
status group_reserve_free(group_table *t, uint64_t slot_count, error *err) MUST_USE;
void   group_free_index(group_table *t);

/* ---- group_rebuild.c */
status group_make_hashes(group_table *t, error *err) MUST_USE; /* of all slots; one integer key */

#endif
