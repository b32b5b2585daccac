/* SPDX-License-Identifier: Apache-2.0 */
/* group_table.h - keys to dense slots: the heart of GROUP BY, DISTINCT and join indexes.
 *
 * Keys are stored as state_columns; the hash index beside them is rebuilt at load, not stored.
 * Parallel state (aggregates, chain heads) is the caller's, in arrays addressed by the same slot.
 * Bulk: a batch is hashed first, then probed, then compared column by column. */
#ifndef LAMINAR_STATE_GROUP_TABLE_H
#define LAMINAR_STATE_GROUP_TABLE_H

#include "state/state_columns.h"

typedef struct group_table {
    state_columns keys;
    uint64_t   *index; /* open addressing: high 32 bits hash tag, low 32 bits slot + 1; 0 = empty */
    uint64_t    index_size;  /* power of two */
    uint64_t    index_limit; /* grow beyond this many groups */
    uint64_t    live_count;  /* groups in the table */
    state_array hashes; /* uint64_t per slot (saves rehashing when the index grows); dense: none */
    state_array live;   /* uint8_t per slot; its count is the number of slots */
    slot       *free_slots; /* stack with room for all slots */
    uint64_t    free_count, free_capacity;
    mem        *mem;
    bool        may_be_dense; /* group_dense.h may stand for the index */
    slot       *dense; /* per number from dense_first on: slot + 1, 0: none; NULL: by hashes */
    int64_t     dense_first;
    uint64_t    dense_span;
} group_table;

status group_table_open(group_table *t, store *s, const char *name, const data_type *key_types,
                        int32_t key_count, error *err) MUST_USE;
void   group_table_close(group_table *t);
/* Just opened: as long as all keys are whole numbers close together they need no hashes. */
void group_table_allow_dense(group_table *t);
/* Slot of each row's key, new groups made as needed; is_new[i] (may be NULL) is 1 where row i is
 * the first of a new group. Zero key columns: one group. Text columns must be views. New slots may
 * be reused ones: the caller must initialise parallel state where is_new. When it fails the groups
 * it made are gone again. */
status group_table_map(group_table *t, const column *keys, int32_t row_count, slot *slots,
                       uint8_t *is_new, arena *a, error *err) MUST_USE;
/* Groups that are known to be new, with the hashes that they have in a table of the same keys. From
 * then on the table has no index, so it must not be asked for a key until map has made it again. */
status group_table_append(group_table *t, const column *keys, const uint64_t *hashes, int32_t count,
                          arena *a, error *err) MUST_USE;
/* As map, without making groups: SLOT_NONE where the key is unknown. */
status group_table_find(const group_table *t, const column *keys, int32_t row_count, slot *slots,
                        arena *a, error *err) MUST_USE;
/* Frees the slot and its key. Fails only while a snapshot is live (no memory for the copy); then
 * the group is still in. Removing what was made since the last snapshot cannot fail. */
status group_table_remove(group_table *t, slot s, error *err) MUST_USE;
/* slots[at] is removed next, and those behind it after that: asks for what they will need. */
void group_table_removes(const group_table *t, const slot *slots, int32_t at, int32_t count);
/* Above every slot: size for parallel arrays. */
uint64_t group_table_slot_count(const group_table *t);
bool     group_table_is_live(const group_table *t, slot s);
/* After a restore: the index, and a look at what it is made from. */
status   group_table_rebuild(group_table *t, error *err) MUST_USE;
slot_set group_table_slots(const group_table *t); /* those in use */
status   group_table_validate(const group_table *t, error *err) MUST_USE;

#endif
