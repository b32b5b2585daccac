/* SPDX-License-Identifier: Apache-2.0 */
/* arrangement.h - an indexed Z-set: rows with weights, found by key. The state of one side of a
 * join.
 *
 * Rows of one key hang on a doubly linked chain of row slots. Equal rows share a slot and add their
 * weights; a row whose weight reaches 0 leaves. For append-only inputs rows are not looked up (each
 * insertion is a slot), which saves the row index.
 *
 * Rows may be dropped by their age (arrangement_age): they stand in a calendar on pages of a span
 * of time each. Slots of dropped append-only rows are not used again: whoever drops many makes the
 * arrangement anew from what is left. */
#ifndef LAMINAR_STATE_ARRANGEMENT_H
#define LAMINAR_STATE_ARRANGEMENT_H

#include "state/ages.h"

typedef struct arrangement {
    group_table   keys;        /* key -> key slot */
    state_array   heads;       /* slot of the first row, per key slot */
    group_table   rows;        /* all columns -> row slot; unused when append_only */
    state_columns append_rows; /* rows when append_only */
    state_array   links;       /* {slot next, previous, key} per row slot */
    state_array   weights;     /* int64_t per row slot; append_only: none while all of them are 1 */
    int32_t       key_count, column_count;
    int32_t      *key_columns;
    bool          append_only;
    /* Set before the first update, else NULL and false: */
    const bool *null_safe; /* per key: NULL is a value like others */
    bool        keep_totals;
    state_array totals; /* int64_t per key slot: sum of the weights of its rows */
    bool        aged;
    int32_t     age_column;
    int64_t     page_width;
    calendar    ages;       /* rows by time / page_width */
    idle_book   touched;    /* rows by when they came: arrangement_forget_after */
    int64_t     clock_us;   /* the time of the next update */
    uint64_t    gone_count; /* append_only: slots of dropped rows, whose weight is 0 */
    mem        *mem;
} arrangement;

status arrangement_open(arrangement *a, store *s, const char *name, const data_type *types,
                        int32_t column_count, const int32_t *key_columns, int32_t key_count,
                        bool append_only, error *err) MUST_USE;
void   arrangement_close(arrangement *a);
/* Adds `in`. Rows with a NULL in a key column that is not null_safe are skipped. row_slots (may be
 * NULL) gets each input row's slot (SLOT_NONE when skipped or gone). Text columns must be views. A
 * row may stand at a negative weight between two updates of a tick. After a failure only
 * arrangement_close is allowed. */
status arrangement_update(arrangement *a, const delta *in, slot *row_slots, arena *scratch,
                          error *err) MUST_USE;

/* Before the first update: rows can be dropped by the time in column `number`, a page of
 * `page_width` of its units at once. Rows without a time are skipped as those without a key are. */
status arrangement_age(arrangement *a, store *s, const char *name, data_type type, int32_t number,
                       int64_t page_width, error *err) MUST_USE;
/* The greatest time that may stand on the oldest page; false: there is none. */
bool   arrangement_oldest(const arrangement *a, int64_t *time);
status arrangement_drop_oldest(arrangement *a, error *err) MUST_USE; /* the rows of that page */

status arrangement_drop(arrangement *a, slot row, error *err) MUST_USE; /* that row */

/* Before the first update: rows are over that came, or came again, more than ttl_us before. */
status arrangement_forget_after(arrangement *a, store *s, const char *name, int64_t ttl_us,
                                error *err) MUST_USE;
status arrangement_drop_over(arrangement *a, int64_t clock_us, arena *scratch, error *err) MUST_USE;

/* Would arrangement_update skip the row? */
bool arrangement_is_keyless(const arrangement *a, const column *columns, int32_t row);
/* The key slot of each row; SLOT_NONE where no stored row has the key. NULL matches nothing, unless
 * the key is null_safe. */
status arrangement_find(const arrangement *a, const column *keys, int32_t row_count,
                        slot *key_slots, arena *scratch, error *err) MUST_USE;
/* All (probe row, stored row) pairs with equal key. Resumable: fills at most pairs_max and returns
 * the number; 0 = finished. Start with a cursor that has key_slots alone; the arrangement must not
 * change before the end. */
typedef struct probe_cursor {
    const slot *key_slots; /* per probe row, of arrangement_find */
    int32_t     row;
    slot        next;
    bool        started;
} probe_cursor;
int32_t arrangement_pairs(const arrangement *a, probe_cursor *c, int32_t row_count,
                          int32_t *probe_rows, slot *stored_rows, int32_t pairs_max);
void    probe_skip_row(probe_cursor *c); /* no further pairs of the row under way */
/* Keys: of a row, their rows one by one (SLOT_NONE: the end), sums of weights. */
slot     arrangement_key(const arrangement *a, slot row);
slot     arrangement_first(const arrangement *a, slot key);
slot     arrangement_next(const arrangement *a, slot row);
int64_t  arrangement_total(const arrangement *a, slot key); /* needs keep_totals */
bool     arrangement_has_key(const arrangement *a, slot key);
bool     arrangement_has_row(const arrangement *a, slot row);
uint64_t arrangement_slot_count(const arrangement *a); /* above every row slot */
uint64_t arrangement_key_count(const arrangement *a);  /* above every key slot */
/* After a restore: the indexes, and a look at all links. */
status               arrangement_rebuild(arrangement *a, error *err) MUST_USE;
slot_set             arrangement_rows(const arrangement *a); /* slots with a row */
int64_t              arrangement_weight(const arrangement *a, slot row);
bool                 arrangement_is_plain(const arrangement *a);  /* all weights are 1 */
const state_columns *arrangement_columns(const arrangement *a);   /* to read the rows */
int64_t              arrangement_row_count(const arrangement *a); /* different live rows */
/* Every live row: resumable walk over slots; returns count written (0 = end). */
int32_t arrangement_scan(const arrangement *a, uint64_t *next_slot, slot *rows, int64_t *weights,
                         int32_t rows_max);
status  arrangement_validate(const arrangement *a, error *err) MUST_USE;

#endif
