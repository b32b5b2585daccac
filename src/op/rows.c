/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - see rows.h. */
#include "op/rows.h"

#include "base/hash.h"

data_type *
schema_types(const schema *s, arena *a) {
    data_type *types = arena_alloc(a, (size_t)s->count * sizeof(*types));
    if (types != NULL) {
        for (int32_t i = 0; i < s->count; i++) {
            types[i] = s->fields[i].type;
        }
    }
    return types;
}

status
columns_to_views(column *out, const column *in, int32_t column_count, int32_t row_count, arena *a,
                 error *err) {
    for (int32_t i = 0; i < column_count; i++) {
        if (in[i].layout == COLUMN_FLAT) {
            out[i] = in[i];
        } else {
            TRY(column_views(&out[i], &in[i], row_count, a, err));
        }
    }
    return OK;
}

/* What says to which instance rows go. Of one whole number the lowest bits may not count, so that
 * neighbours, which often come side by side, stay together. Checkpoints of streams with shards rely
 * on it, and on hash_columns. */
static void
shard_hashes(uint64_t *out, const column *keys, int32_t width, int32_t count, int32_t bits) {
    if (bits == 0 || width != 1 || type_physical(keys->type) != PHYSICAL_I64) {
        hash_columns(out, keys, width, count);
        return;
    }
    const int64_t *words = keys->values;
    for (int32_t i = 0; i < count; i++) {
        const bool valid = keys->validity == NULL || bits_get(keys->validity, i);
        out[i] = hash_u64(valid ? (uint64_t)words[i] >> bits : 0);
    }
}

/* Bits that the table of groups does not use. */
static int32_t
shard_of(uint64_t hash, int32_t count) {
    return (int32_t)((hash >> 16 & 0xffff) * (uint64_t)count >> 16);
}

void
shard_numbers(uint8_t *out, const op *of, const column *keys, uint64_t *hashes, int32_t count) {
    shard_hashes(hashes, keys, of->shard_width, count, of->shard_bits);
    for (int32_t i = 0; i < count; i++) {
        out[i] = (uint8_t)shard_of(hashes[i], of->shard_count);
    }
}

static status
own_rows(const op *self, const delta *in, int32_t *rows, int32_t *count, error *err) {
    arena    *scratch = self->env->scratch;
    column   *keys = arena_alloc(scratch, (size_t)self->shard_width * sizeof(*keys));
    uint64_t *hashes = arena_alloc(scratch, (size_t)in->row_count * sizeof(*hashes));
    int32_t   n = 0;
    if (keys == NULL || hashes == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < self->shard_width; i++) {
        keys[i] = in->columns[self->shard[i]];
    }
    shard_hashes(hashes, keys, self->shard_width, in->row_count, self->shard_bits);
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[n] = i;
        n += shard_of(hashes[i], self->shard_count) == self->shard_at;
    }
    *count = n;
    return OK;
}

static int32_t
dealt_rows(const op *self, const uint8_t *dealt, int32_t row_count, int32_t *rows) {
    int32_t n = 0;
    for (int32_t i = 0; i < row_count; i++) {
        rows[n] = i;
        n += dealt[i] == self->shard_at;
    }
    return n;
}

status
op_shard(const op *self, delta *out, const delta *in, error *err) {
    *out = *in;
    if (self->shard_count == 0) {
        return OK;
    }
    arena   *scratch = self->env->scratch;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int32_t  count = 0;
    if (rows == NULL) {
        return error_memory(err);
    }
    if (self->env->dealt != NULL) {
        count = dealt_rows(self, self->env->dealt, in->row_count, rows);
    } else {
        TRY(own_rows(self, in, rows, &count, err));
    }
    out->row_count = count;
    return count == 0 || count == in->row_count ? OK
                                                : delta_gather(out, in, rows, count, scratch, err);
}

static void
append_validity(uint64_t *validity, int32_t first, const column *in, int32_t count) {
    if (in->validity == NULL) {
        bits_fill(validity, first, count, true);
    } else {
        bits_copy(validity, first, (const uint8_t *)in->validity, 0, count);
    }
}

status
column_join_rows(column *out, const column *a, const int32_t *rows_a, int32_t count_a,
                 const column *b, const int32_t *rows_b, int32_t count_b, arena *memory,
                 error *err) {
    if (count_a == 0) {
        return column_gather(out, b, rows_b, count_b, memory, err);
    }
    if (count_b == 0) {
        return column_gather(out, a, rows_a, count_a, memory, err);
    }
    column head;
    column tail;
    TRY(column_gather(&head, a, rows_a, count_a, memory, err));
    TRY(column_gather(&tail, b, rows_b, count_b, memory, err));
    const size_t  width = type_width(a->type);
    const int32_t count = count_a + count_b;
    uint8_t      *values = arena_alloc(memory, (size_t)count * width);
    if (values == NULL) {
        return error_memory(err);
    }
    memcpy(values, head.values, (size_t)count_a * width);
    memcpy(values + (size_t)count_a * width, tail.values, (size_t)count_b * width);
    uint64_t *validity = NULL;
    if (head.validity != NULL || tail.validity != NULL) {
        validity = arena_alloc(memory, (size_t)bits_words(count) * sizeof(*validity));
        if (validity == NULL) {
            return error_memory(err);
        }
        append_validity(validity, 0, &head, count_a);
        append_validity(validity, count_a, &tail, count_b);
    }
    *out = (column){.type = a->type, .layout = COLUMN_FLAT, .validity = validity, .values = values};
    return OK;
}

/* `columns` has room for the slices. */
static void
slice_rows(delta *out, const delta *in, int64_t first, int32_t count, column *columns) {
    for (int32_t i = 0; i < in->column_count; i++) {
        columns[i] = column_slice(&in->columns[i], first);
    }
    *out = (delta){.row_count = count,
                   .column_count = in->column_count,
                   .columns = columns,
                   .weight = in->weight == NULL ? NULL : in->weight + first};
}

static status
emit_slices(op *self, const delta *in, int64_t first, int64_t end, error *err) {
    arena           *scratch = self->env->scratch;
    const arena_mark all = arena_save(scratch);
    column *columns = arena_alloc(scratch, sizeof(*columns) * (size_t)(in->column_count + 1));
    status  s = columns == NULL ? error_memory(err) : OK;
    for (int64_t at = first; at < end && s == OK; at += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        delta            out;
        slice_rows(&out, in, at, (int32_t)min_i64(BATCH_ROWS, end - at), columns);
        s = op_poll(self, err);
        s = s < 0 ? s : op_emit(self, &out, err);
        arena_rewind(scratch, mark);
    }
    arena_rewind(scratch, all);
    return s;
}

status
rows_emit(op *self, const delta *in, const int32_t *rows, int64_t first, int64_t end, error *err) {
    if (rows == NULL) {
        return emit_slices(self, in, first, end, err);
    }
    arena *scratch = self->env->scratch;
    status s = OK;
    for (int64_t at = first; at < end && s != DONE; at += BATCH_ROWS) {
        TRY(op_poll(self, err));
        const arena_mark mark = arena_save(scratch);
        delta            out;
        const int32_t    count = (int32_t)min_i64(BATCH_ROWS, end - at);
        TRY(delta_gather(&out, in, rows + at, count, scratch, err));
        s = op_emit(self, &out, err);
        arena_rewind(scratch, mark);
        TRY(s);
    }
    return s;
}

status
repeat_next(repeat_cursor *c, const delta *in, int32_t *rows, int32_t rows_max, int32_t *count,
            error *err) {
    int32_t n = 0;
    while (c->row < in->row_count && n < rows_max) {
        const int64_t weight = delta_weight(in, c->row);
        if (weight < 0) {
            return error_set(err, ERR_INTERNAL_ERROR,
                             "a one-off query met a retraction where final rows were due");
        }
        while (c->done < weight && n < rows_max) {
            rows[n++] = c->row;
            c->done++;
        }
        if (c->done == weight) {
            c->row++;
            c->done = 0;
        }
    }
    *count = n;
    return OK;
}

static bool
all_weights_one(const delta *in) {
    int64_t unlike_one = 0;
    for (int32_t i = 0; in->weight != NULL && i < in->row_count; i++) {
        unlike_one |= in->weight[i] ^ 1;
    }
    return unlike_one == 0;
}

static status
append_checked(builder *b, const delta *rows, error *err) {
    if (builder_rows(b) > INT32_MAX - rows->row_count) {
        return error_set(err, ERR_QUERY_FAILED, "ORDER BY over more than %d rows; add a LIMIT",
                         INT32_MAX);
    }
    return builder_append_delta(b, rows, err);
}

status
rows_append(const op *self, builder *b, const delta *in, error *err) {
    arena *scratch = self->env->scratch;
    if (all_weights_one(in)) {
        return append_checked(b, in, err);
    }
    const arena_mark mark = arena_save(scratch);
    int32_t         *rows = arena_alloc(scratch, BATCH_ROWS * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    repeat_cursor cursor = {0};
    for (;;) {
        int32_t count = 0;
        TRY(op_poll(self, err));
        TRY(repeat_next(&cursor, in, rows, BATCH_ROWS, &count, err));
        if (count == 0) {
            break;
        }
        const arena_mark inner = arena_save(scratch);
        delta            copies;
        TRY(delta_gather(&copies, in, rows, count, scratch, err));
        TRY(append_checked(b, &copies, err));
        arena_rewind(scratch, inner);
    }
    arena_rewind(scratch, mark);
    return OK;
}

static int
compare_key(const state_columns *rows, const sort_key *key, slot a, slot b) {
    const state_array *nulls = &rows->nulls[key->column]; /* empty while there are none */
    const bool         a_null = nulls->count > 0 && nulls->data[a] != 0;
    const bool         b_null = nulls->count > 0 && nulls->data[b] != 0;
    if (a_null || b_null) {
        return a_null == b_null ? 0 : (a_null == key->nulls_first ? -1 : 1);
    }
    const int order = state_columns_compare(rows, key->column, a, b);
    return key->descending ? -order : order;
}

int
slots_compare(const state_columns *rows, const sort_key *keys, int32_t key_count, slot a, slot b) {
    for (int32_t i = 0; i < key_count; i++) {
        const int order = compare_key(rows, &keys[i], a, b);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

status
slot_list_add(slot_list *l, slot s, arena *a, error *err) {
    if (l->last == NULL || l->last->count == SLOT_BLOCK_SLOTS) {
        slot_block *block = arena_alloc(a, sizeof(*block));
        if (block == NULL) {
            return error_memory(err);
        }
        block->next = NULL;
        block->count = 0;
        if (l->last == NULL) {
            l->first = block;
        } else {
            l->last->next = block;
        }
        l->last = block;
    }
    l->last->slots[l->last->count++] = s;
    return OK;
}

status
slot_writer_open(slot_writer *w, op *self, op *target, int32_t port, const state_columns *columns,
                 error *err) {
    arena        *scratch = self->env->scratch;
    const int32_t column_count = self->spec->output->count;
    *w = (slot_writer){.self = self, .target = target, .port = port, .columns = columns};
    w->output = arena_alloc(scratch, (size_t)column_count * sizeof(*w->output));
    w->slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->slots));
    w->weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->weights));
    if (w->output == NULL || w->slots == NULL || w->weights == NULL) {
        return error_memory(err);
    }
    assert(columns->column_count <= column_count);
    return OK;
}

static status
write_rows(slot_writer *w, error *err) {
    const schema *output = w->self->spec->output;
    arena        *scratch = w->self->env->scratch;
    for (int32_t i = 0; i < output->count; i++) {
        if (i < w->columns->column_count) {
            TRY(state_columns_show(w->columns, i, w->slots, w->count, scratch, &w->output[i], err));
        } else {
            const value null = {.type = output->fields[i].type, .is_null = true};
            TRY(column_constant(&w->output[i], &null, w->count, scratch, err));
        }
    }
    const delta out = {.row_count = w->count,
                       .column_count = output->count,
                       .columns = w->output,
                       .weight = w->weighted ? w->weights : NULL};
    return op_send(w->self, w->target, w->port, &out, err);
}

status
slot_writer_flush(slot_writer *w, error *err) {
    if (w->count == 0) {
        return OK;
    }
    TRY(op_poll(w->self, err));
    const arena_mark mark = arena_save(w->self->env->scratch);
    const status     s = write_rows(w, err);
    arena_rewind(w->self->env->scratch, mark);
    w->count = 0;
    w->weighted = false;
    return s;
}
