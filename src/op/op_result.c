/* SPDX-License-Identifier: Apache-2.0 */
/* op_result.c - the rows of a stream whose state forgets (state_ttl).
 *
 * Elsewhere a stream's rows are in its state, or can be made again from its inputs. Where state
 * leaves by its age neither holds, so they are kept: a multiset of rows, in a store of its own, as
 * it is result and not state. Changes go through as they come.
 *
 * push:  adds weights, emits. A weight may be negative within a tick */
#include "op/merge.h"
#include "state/group_table.h"

typedef struct result_rows {
    op          base;
    group_table rows;
    state_array weights; /* int64_t per slot */
    column     *views;
} result_rows;

static int64_t *
weight_at(const result_rows *r, slot s) {
    return ARRAY_AT(&r->weights, int64_t, s);
}

static status
result_open(op *self, error *err) {
    result_rows  *r = (result_rows *)self;
    op_env       *env = self->env;
    const schema *input = self->spec->input[0];
    data_type    *types = schema_types(input, env->arena);
    r->views = arena_alloc(env->arena, (size_t)input->count * sizeof(column));
    if (types == NULL || r->views == NULL) {
        return error_memory(err);
    }
    TRY(group_table_open(&r->rows, env->results, "result.rows", types, input->count, err));
    return array_open(&r->weights, env->results, "result.weights", sizeof(int64_t), err);
}

static void
result_close(op *self) {
    result_rows *r = (result_rows *)self;
    group_table_close(&r->rows);
    array_close(&r->weights);
}

static status
add_rows(result_rows *r, const delta *in, error *err) {
    arena   *scratch = r->base.env->scratch;
    slot    *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    uint8_t *is_new = arena_alloc(scratch, (size_t)in->row_count);
    if (slots == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(columns_to_views(r->views, in->columns, in->column_count, in->row_count, scratch, err));
    TRY(group_table_map(&r->rows, r->views, in->row_count, slots, is_new, scratch, err));
    TRY(array_reserve_to(&r->weights, group_table_slot_count(&r->rows), err));
    TRY(array_touch_each(&r->weights, slots, in->row_count, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        if (is_new[i]) {
            *weight_at(r, slots[i]) = 0;
        }
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        *weight_at(r, slots[i]) += delta_weight(in, i);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        if (*weight_at(r, slots[i]) == 0 && group_table_is_live(&r->rows, slots[i])) {
            TRY(group_table_remove(&r->rows, slots[i], err));
        }
    }
    return OK;
}

static status
result_push(op *self, int32_t port, const delta *in, error *err) {
    const arena_mark mark = arena_save(self->env->scratch);
    (void)port;
    TRY(add_rows((result_rows *)self, in, err));
    arena_rewind(self->env->scratch, mark);
    return op_emit(self, in, err);
}

static status
result_snapshot(op *self, op *target, int32_t port, error *err) {
    const result_rows *r = (const result_rows *)self;
    const arena_mark   mark = arena_save(self->env->scratch);
    const uint64_t     count = group_table_slot_count(&r->rows);
    slot_writer        w;
    TRY(slot_writer_open(&w, self, target, port, &r->rows.keys, err));
    for (uint64_t s = 0; s < count; s++) {
        if (group_table_is_live(&r->rows, (slot)s)) {
            TRY(slot_writer_add(&w, (slot)s, *weight_at(r, (slot)s), err));
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(self->env->scratch, mark);
    return OK;
}

static status
result_validate(const op *self, error *err) {
    const result_rows *r = (const result_rows *)self;
    TRY(group_table_validate(&r->rows, err));
    for (uint64_t s = 0; s < group_table_slot_count(&r->rows); s++) {
        if (group_table_is_live(&r->rows, (slot)s) && *weight_at(r, (slot)s) <= 0) {
            return error_set(err, ERR_INTERNAL_ERROR, "result: row %llu has weight %lld",
                             (unsigned long long)s, (long long)*weight_at(r, (slot)s));
        }
    }
    return OK;
}

static status
result_load(op *self, image_reader *in, error *err) {
    result_rows *r = (result_rows *)self;
    (void)in;
    TRY(group_table_rebuild(&r->rows, err));
    const slot_set rows = group_table_slots(&r->rows);
    bool           settled = r->weights.count >= rows.count;
    for (uint64_t s = 0; settled && s < rows.count; s++) {
        settled = !slot_set_has(&rows, s) || *weight_at(r, (slot)s) > 0;
    }
    return settled ? OK : image_corrupt("a row of a result", err);
}

static status
take_rows(void *context, const delta *rows, error *err) {
    return add_rows(context, rows, err);
}

/* Rows of both went through already: nothing comes out. */
static status
result_merge(op *self, op *other, error *err) {
    const op_spec spec = {.sink = {.context = self, .take = take_rows}};
    op           *to;
    TRY(op_open(&to, &op_collect_class, self->env, &spec, err));
    return result_snapshot(other, to, 0, err);
}

static int64_t
result_row_count(const op *self) {
    return (int64_t)((const result_rows *)self)->rows.live_count;
}

const op_class op_result_class = {
    .name = "result",
    .size = sizeof(result_rows),
    .open = result_open,
    .push = result_push,
    .snapshot = result_snapshot,
    .merge = result_merge,
    .validate = result_validate,
    .result_rows = result_row_count,
    .load = result_load,
    .close = result_close,
};
