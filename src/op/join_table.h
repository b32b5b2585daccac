/* SPDX-License-Identifier: Apache-2.0 */
/* join_table.h - the stored side of a one-off join: rows in packed columns, and an index by their
 * keys that is made once, when all rows are there.
 *
 * Rows are numbered as they came; a `slot` is such a number. The first row of a key stands for the
 * key. The index is cut into regions by the hashes (Balkesen et al. 2013): rows are dealt out to
 * the regions, and each region is made by one thread and fits its caches. What is in a region, and
 * the order of the rows of a key, depend on the rows alone and not on the threads. A small table
 * has a filter too, which fits a core's own cache and turns away most rows that match nothing. Keys
 * that are whole numbers close together are found without hashes (join_dense.h). */
#ifndef LAMINAR_OP_JOIN_TABLE_H
#define LAMINAR_OP_JOIN_TABLE_H

#include "batch/builder.h"
#include "op/op.h"
#include "state/arrangement.h"

/* What the index costs of each row, at most, beside the row. */
#define JOIN_INDEX_BYTES 60

typedef struct join_region { /* open addressing: a tag of the hash above, a slot + 1 below */
    uint64_t *entries;
    uint32_t  mask;
} join_region;

typedef struct join_table {
    op              *owner;
    int32_t          column_count, key_count;
    const data_type *types;
    const int32_t   *key_columns;
    const bool      *null_safe; /* per key: NULL is a value like others; NULL: none is */
    bool             counts;    /* `matched` is wanted */
    bool             by_key;    /* and counts per key: `key_of` is wanted too */
    builder          rows;
    int32_t          row_count;
    int64_t         *weights; /* NULL: all are 1 */
    int32_t          weight_room;
    bool             sealed; /* all rows are there; only now is set what follows */
    column          *views;  /* of the rows */
    column          *keys;
    int32_t         *next;    /* per row: the next one of its key, -1: none; NULL: no key has two */
    int32_t         *key_of;  /* per row: the first one of its key */
    int64_t         *matched; /* per row or key: sum of the weights of its matches */
    uint64_t        *entries;
    uint64_t         entry_count;
    join_region     *regions;
    int32_t          region_bits;
    uint64_t        *filter; /* a bit for each tag, from its low bits; NULL: too many rows for it */
    uint32_t         filter_mask; /* of a bit's number */
    /* join_dense.h: of a key of whole numbers, from its smallest value on. */
    int64_t   dense_min;
    uint64_t  dense_span; /* numbers up to the largest one */
    int32_t  *dense;      /* per number: its first row + 1, 0: none; in the place of the regions */
    uint64_t *present;    /* a bit per number, in the place of the filter */
} join_table;

status join_table_open(join_table *t, op *owner, const data_type *types, int32_t column_count,
                       const int32_t *key_columns, int32_t key_count, const bool *null_safe,
                       error *err) MUST_USE;
void   join_table_close(join_table *t); /* fine for one that is zeroed */
/* Would join_table_add leave the row out? */
bool join_table_is_keyless(const join_table *t, const column *columns, int32_t row);
/* Rows (text as views), but for those with a NULL in a key that is not null_safe. */
status join_table_add(join_table *t, const delta *in, error *err) MUST_USE;
/* No more rows: makes the index, on the threads of the owner's pool. Once. */
status join_table_seal(join_table *t, error *err) MUST_USE;

/* ---- sealed. Several threads may read. */
/* The key slot of each row; SLOT_NONE where no stored row has the key. */
status join_table_find(const join_table *t, const column *keys, int32_t row_count, slot *key_slots,
                       arena *a, error *err) MUST_USE;
/* As arrangement_pairs. The rows of a key come in their order. */
int32_t join_table_pairs(const join_table *t, probe_cursor *c, int32_t row_count,
                         int32_t *probe_rows, slot *stored_rows, int32_t pairs_max);
/* Sum of the weights of the rows of a key. */
int64_t join_table_total(const join_table *t, slot key);
ALWAYS_INLINE int64_t
join_table_weight(const join_table *t, slot row) {
    return t->weights == NULL ? 1 : t->weights[row];
}
ALWAYS_INLINE int64_t *
join_table_matched(const join_table *t, slot row) {
    return &t->matched[t->by_key ? (slot)t->key_of[row] : row];
}
/* Rows `slots` of a column; text is shared with the table. */
status join_table_read(const join_table *t, int32_t at, const slot *slots, int32_t count, arena *a,
                       column *out, error *err) MUST_USE;
/* Also while it is not sealed: rows first .. of up to BATCH_ROWS, first being a multiple of those.
 * `columns` has room for them. */
void   join_table_slice(const join_table *t, int32_t first, column *columns, delta *out);
status join_table_validate(const join_table *t, error *err) MUST_USE;

#endif
