/* SPDX-License-Identifier: Apache-2.0 */
/* arrangement.h - an indexed Z-set: rows with weights, found by key. The state of one side of a
 * join.
 *
 * Rows of one key hang on a doubly linked chain of row slots. Equal rows share a slot and add their
 * weights; a row whose weight reaches 0 leaves. For append-only inputs rows are not looked up (each
 * insertion is a slot), which saves the row index. */
#ifndef LAMINAR_STATE_ARRANGEMENT_H
#define LAMINAR_STATE_ARRANGEMENT_H

#include "state/group_table.h"

typedef struct arrangement {
    group_table   keys;        /* key -> key slot */
    state_array   heads;       /* slot of the first row, per key slot */
    group_table   rows;        /* all columns -> row slot; unused when append_only */
    state_columns append_rows; /* rows when append_only */
    state_array   links;       /* {slot next, previous, key} per row slot */
    state_array   weights;     /* int64_t per row slot */
    int32_t       key_count, column_count;
    int32_t      *key_columns;
    bool          append_only;
    bool          keep_null_keys; /* false after open; set it before the first update */
    mem          *mem;
} arrangement;

status arrangement_open(arrangement *a, store *s, const char *name, const data_type *types,
                        int32_t column_count, const int32_t *key_columns, int32_t key_count,
                        bool append_only, error *err) MUST_USE;
void   arrangement_close(arrangement *a);
/* Adds `in`. Rows with a NULL in a key column are stored under no key when keep_null_keys (outer
 * joins), else skipped. row_slots (may be NULL) gets each input row's slot (SLOT_NONE when skipped
 * or gone). Text columns must be views. A row may stand at a negative weight between two updates of
 * a tick. After a failure only arrangement_close is allowed. */
status arrangement_update(arrangement *a, const delta *in, slot *row_slots, arena *scratch,
                          error *err) MUST_USE;

/* All (probe row, stored row) pairs with equal key. NULL keys match nothing. Resumable: fills at
 * most pairs_max and returns the number; 0 = finished. Start with a zeroed cursor; its memory is in
 * scratch, which must not be rewound before the end, and the arrangement must not change. */
typedef struct probe_cursor {
    slot   *key_slots; /* per probe row, in scratch */
    int32_t row;
    slot    next;
    bool    started;
} probe_cursor;
status arrangement_probe(const arrangement *a, const column *keys, int32_t row_count,
                         probe_cursor *c, int32_t *probe_rows, slot *stored_rows, int32_t pairs_max,
                         int32_t *pair_count, arena *scratch, error *err) MUST_USE;
/* The indexes, after a restore. */
status               arrangement_rebuild(arrangement *a, error *err) MUST_USE;
int64_t              arrangement_weight(const arrangement *a, slot row);
const state_columns *arrangement_columns(const arrangement *a);   /* to read the rows */
int64_t              arrangement_row_count(const arrangement *a); /* different live rows */
/* Every live row: resumable walk over slots; returns count written (0 = end). */
int32_t arrangement_scan(const arrangement *a, uint64_t *next_slot, slot *rows, int64_t *weights,
                         int32_t rows_max);
status  arrangement_validate(const arrangement *a, error *err) MUST_USE;

#endif
