/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - what several operators need to handle rows: text as views, lists of slots, and writers
 * that cut output into deltas. */
#ifndef LAMINAR_OP_ROWS_H
#define LAMINAR_OP_ROWS_H

#include "batch/builder.h"
#include "op/op.h"
#include "state/state_columns.h"

/* ERR_QUERY_CANCELLED once the query was cancelled. Long loops ask once per batch. */
ALWAYS_INLINE status
op_poll(const op *self, error *err) {
    if (interrupt_poll(self->env->interrupted)) {
        return interrupt_reason(self->env->interrupted, err);
    }
    return OK;
}

ALWAYS_INLINE int64_t
delta_weight(const delta *d, int32_t row) {
    return d->weight == NULL ? 1 : d->weight[row];
}

/* Types of a schema's columns, from `a`; NULL: out of memory. */
data_type *schema_types(const schema *s, arena *a);
/* The columns with text as views; `out` has room for all of them. Nothing is copied but column
 * structs. */
status columns_to_views(column *out, const column *in, int32_t column_count, int32_t row_count,
                        arena *a, error *err) MUST_USE;
/* Which of the shards of `of` each row falls to, by its keys. hashes: room for count. */
void shard_numbers(uint8_t *out, const op *of, const column *keys, uint64_t *hashes, int32_t count);
/* Rows of the operator's shard: `in` itself, or picked ones, transient in scratch. Text may
 * have any layout. */
status op_shard(const op *self, delta *out, const delta *in, error *err) MUST_USE;
/* Picks rows_a of a, then rows_b of b, into one transient column. Types equal, text as views. */
status column_join_rows(column *out, const column *a, const int32_t *rows_a, int32_t count_a,
                        const column *b, const int32_t *rows_b, int32_t count_b, arena *memory,
                        error *err) MUST_USE;
/* One row per distinct row with the sum of its weights, where that is not 0: rows that go first,
 * each at the place of its first. Transient in `a`. The same rows as delta_consolidate. */
status rows_consolidate(delta *out, const delta *in, arena *a, error *err) MUST_USE;
/* Emits rows[first .. end) of `in` (any size) in deltas of at most BATCH_ROWS, rows NULL: its rows
 * first .. end as they lie, without a copy. DONE: the consumers have enough. */
status rows_emit(op *self, const delta *in, const int32_t *rows, int64_t first, int64_t end,
                 error *err) MUST_USE;

/* ---- rows as often as their weight says, for operators that number rows. Start with a zeroed
 * cursor. */
typedef struct repeat_cursor {
    int32_t row;
    int64_t done; /* copies of `row` given so far */
} repeat_cursor;
/* Fills at most rows_max row numbers; *count 0 = finished. A negative weight is an internal error:
 * one-off inputs are final. */
status repeat_next(repeat_cursor *c, const delta *in, int32_t *rows, int32_t rows_max,
                   int32_t *count, error *err) MUST_USE;
/* Appends the rows of `in` to b as often as their weight says. */
status rows_append(const op *self, builder *b, const delta *in, error *err) MUST_USE;

/* Compares stored rows by sort keys: < 0, 0, > 0. */
int slots_compare(const state_columns *rows, const sort_key *keys, int32_t key_count, slot a,
                  slot b);

/* ---- a list of slots that lives until the tick ends */
#define SLOT_BLOCK_SLOTS 252

typedef struct slot_block slot_block;
struct slot_block {
    slot_block *next;
    int32_t     count;
    slot        slots[SLOT_BLOCK_SLOTS];
};

typedef struct slot_list {
    slot_block *first, *last;
} slot_list;

/* The list takes its blocks from `a`, always the same arena; forget it (zero it) when that is
 * reset. */
status slot_list_add(slot_list *l, slot s, arena *a, error *err) MUST_USE;

/* ---- writes stored rows, by slot, as deltas; one per BATCH_ROWS rows. Output columns beyond the
 * stored ones are NULL. */
typedef struct slot_writer {
    op                  *self;
    op                  *target; /* NULL: all outputs of self; else a snapshot's reader */
    int32_t              port;
    int32_t              count;
    const state_columns *columns;
    column              *output; /* as many as self->spec->output */
    slot                *slots;
    int64_t             *weights;
    bool                 weighted; /* some weight is not 1 */
} slot_writer;

/* Memory comes from env->scratch: bracket the writer's life with arena_save and arena_rewind. */
status slot_writer_open(slot_writer *w, op *self, op *target, int32_t port,
                        const state_columns *columns, error *err) MUST_USE;
status slot_writer_flush(slot_writer *w, error *err) MUST_USE;

ALWAYS_INLINE status
slot_writer_add(slot_writer *w, slot s, int64_t weight, error *err) {
    w->slots[w->count] = s;
    w->weights[w->count] = weight;
    w->weighted |= weight != 1;
    w->count++;
    return w->count == BATCH_ROWS ? slot_writer_flush(w, err) : OK;
}

/* To `target` when there is one, else to all outputs of self. */
ALWAYS_INLINE status
op_send(op *self, op *target, int32_t port, const delta *rows, error *err) {
    return target == NULL ? op_emit(self, rows, err) : op_push(target, port, rows, err);
}

#endif
