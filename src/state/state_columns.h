/* SPDX-License-Identifier: Apache-2.0 */
/* state_columns.h - rows inside operator state: one state_array a column, addressed by slot; slots
 * are reused. */
#ifndef LAMINAR_STATE_STATE_COLUMNS_H
#define LAMINAR_STATE_STATE_COLUMNS_H

#include "batch/column.h"
#include "state/store.h"
#include "state/text_heap.h"

typedef uint32_t slot; /* index of a row or group in state */
#define SLOT_NONE UINT32_MAX

/* Which slots are in use, for checks after a restore. */
typedef struct slot_set {
    uint64_t count;                      /* above every one of them */
    bool (*has)(const void *of, slot s); /* NULL: all */
    const void *of;
} slot_set;

ALWAYS_INLINE bool
slot_set_has(const slot_set *set, uint64_t s) {
    return s < set->count && (set->has == NULL || set->has(set->of, (slot)s));
}

typedef struct state_columns {
    int32_t      column_count;
    bool         has_views; /* a column of texts, BLOBs or nested values */
    data_type   *types;
    state_array *values; /* type_width bytes an element; text: stored views */
    state_array
             *nulls; /* one byte an element: 1 = NULL; empty until the column gets its first NULL */
    text_heap heap;
    mem      *mem;
} state_columns;

status   state_columns_open(state_columns *c, store *s, const char *name, const data_type *types,
                            int32_t count, error *err) MUST_USE;
void     state_columns_close(state_columns *c);
uint64_t state_columns_count(const state_columns *c); /* 0 when there are no columns */
status   state_columns_extend(state_columns *c, uint64_t n, uint64_t *first, error *err) MUST_USE;
/* All rows of `in` to new slots, behind the others. When it fails there are none. */
status state_columns_append(state_columns *c, const column *in, int32_t count, error *err) MUST_USE;
/* Writes row rows[i] of `in` to slots[i] (NULL rows: i). Old text of the slots must have been
 * freed. When it fails the slots hold no text. */
status state_columns_write(state_columns *c, const slot *slots, const column *in,
                           const int32_t *rows, int32_t count, error *err) MUST_USE;
void   state_columns_clear(
      state_columns *c,
      slot           s); /* frees its text; the slot must be written before it is read again */
/* Rows `slots` of one column as a transient column in `a`: text is copied to `a` (state may change
 * while the rows travel). SLOT_NONE gives NULL. */
status state_columns_read(const state_columns *c, int32_t column_index, const slot *slots,
                          int32_t count, arena *a, column *out, error *err) MUST_USE;
/* The same, but texts are shown where they lie: good until the next change of `c` (its texts may
 * move, and freed ones are written over). For what is emitted or looked at before that. */
status state_columns_show(const state_columns *c, int32_t column_index, const slot *slots,
                          int32_t count, arena *a, column *out, error *err) MUST_USE;
/* out[i] &= stored row slots[i] equals row rows[i] (NULL: i) of `in` in all columns, key equality.
 */
void state_columns_equal(const state_columns *c, uint8_t *out, const slot *slots, const column *in,
                         const int32_t *rows, int32_t count);
/* SQL order of one column between two stored rows. */
int state_columns_compare(const state_columns *c, int32_t column_index, slot a, slot b);
/* After a restore: there are values for all slots, and what lies in those in use is whole. */
status state_columns_check(const state_columns *c, const slot_set *in, error *err) MUST_USE;

#endif
