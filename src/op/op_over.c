/* SPDX-License-Identifier: Apache-2.0 */
/* op_over.c - window functions: each input row, and behind it what the calls give for it.
 *
 * The rows of a partition (equal key columns) stand in the order of the sort keys; ties are broken
 * by all other columns, so the answer depends on the rows alone. Copies of a row are rows of their
 * own.
 *
 * One-off queries sort all rows once and compute all calls partition by partition (over_once.c).
 * Streams keep the rows of each partition in order and compute again what a tick can have changed
 * (over_stream.c).
 *
 * push:  keeps the rows
 * tick:  one-off: sorts, computes, emits. Stream: -old and +new of the rows whose answer changed */
#include "op/merge.h"
#include "op/over_state.h"

/* Partition columns, sort keys, and every other column. */
static status
open_order(over *o, error *err) {
    const op_spec *spec = o->base.spec;
    arena         *a = o->base.env->arena;
    const size_t room = (size_t)spec->key_count + (size_t)spec->sort_count + (size_t)o->input_count;
    bool        *is_key = arena_alloc_zero(a, (size_t)o->input_count * sizeof(*is_key));
    o->order = arena_alloc_zero(a, room * sizeof(*o->order));
    if (o->order == NULL || is_key == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        o->order[o->order_count++] = (sort_key){.column = spec->key_columns[i]};
        is_key[spec->key_columns[i]] = true;
    }
    for (int32_t i = 0; i < spec->sort_count; i++) {
        o->order[o->order_count++] = spec->sort_keys[i];
        is_key[spec->sort_keys[i].column] = true;
    }
    o->peer_count = spec->sort_count;
    for (int32_t i = 0; i < o->input_count; i++) {
        if (!is_key[i]) {
            o->order[o->order_count++] = (sort_key){.column = i};
        }
    }
    return OK;
}

static void
note_read(over *o, int32_t column_index) {
    if (column_index >= 0) {
        o->reads[column_index] = true;
    }
}

static bool
has_range_offset(const over_frame *f) {
    return f->unit == FRAME_RANGE &&
           (f->start.kind == BOUND_PRECEDING || f->start.kind == BOUND_FOLLOWING ||
            f->end.kind == BOUND_PRECEDING || f->end.kind == BOUND_FOLLOWING);
}

static status
open_calls(over *o, error *err) {
    const op_spec *spec = o->base.spec;
    o->reads = arena_alloc_zero(o->base.env->arena, (size_t)o->input_count * sizeof(*o->reads));
    if (o->reads == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->call_count; i++) {
        const over_call *call = &o->calls[i];
        note_read(o, call->argument);
        note_read(o, call->filter);
        note_read(o, call->count_column);
        note_read(o, call->fallback);
        for (int32_t k = 0; k < call->signature.column_count; k++) {
            note_read(o, call->columns[k]);
        }
        if (over_has_frame(call->kind) && has_range_offset(&call->frame)) {
            note_read(o, spec->sort_keys[0].column);
        }
        const bool picks = call->kind == OVER_ROW_NUMBER ||
                           (call->kind >= OVER_NTILE && call->kind <= OVER_NTH_VALUE);
        const bool by_order = call->kind == OVER_AGGREGATE && call->class->order_matters;
        o->ties_matter |= picks || by_order || call->frame.unit == FRAME_ROWS;
    }
    /* one-off: by each worker */
    return spec->mode == MODE_STREAM ? over_aggregates_open(o, err) : OK;
}

static status
over_open(op *self, error *err) {
    over          *o = (over *)self;
    const op_spec *spec = self->spec;
    arena         *a = self->env->arena;
    o->input_count = spec->input[0]->count;
    o->call_count = spec->over_count;
    o->calls = spec->overs;
    assert(spec->output->count == o->input_count + o->call_count);
    o->views = arena_alloc(a, (size_t)o->input_count * sizeof(column));
    o->output = arena_alloc(a, (size_t)spec->output->count * sizeof(column));
    if (o->views == NULL || o->output == NULL) {
        return error_memory(err);
    }
    TRY(open_order(o, err));
    TRY(open_calls(o, err));
    return spec->mode == MODE_STREAM ? over_stream_open(o, err) : over_once_open(o, err);
}

static void
over_close(op *self) {
    over *o = (over *)self;
    over_stream_close(o);
    over_aggregates_close(o);
    builder_fini(&o->rows);
    row_sort_close(&o->sorted);
}

static status
over_push(op *self, int32_t port, const delta *in, error *err) {
    over *o = (over *)self;
    (void)port;
    return self->spec->mode == MODE_STREAM ? over_stream_push(o, in, err)
                                           : row_sort_add(&o->sorted, in, err);
}

static status
over_tick(op *self, int64_t frontier_us, error *err) {
    over *o = (over *)self;
    (void)frontier_us;
    return self->spec->mode == MODE_STREAM ? over_stream_tick(o, err) : over_once_tick(o, err);
}

static status
over_snapshot(op *self, op *target, int32_t port, error *err) {
    return over_stream_snapshot((over *)self, target, port, err);
}

static status
over_merge(op *self, op *other, error *err) {
    return merge_by_rows(self, other, over_stream_give, err);
}

static status
over_validate(const op *self, error *err) {
    return self->spec->mode == MODE_STREAM ? over_stream_validate((const over *)self, err) : OK;
}

static int64_t
over_state_rows(const op *self) {
    return over_stream_rows((const over *)self);
}

static status
over_save(op *self, buf *out, error *err) {
    (void)err;
    image_put_i64(out, (int64_t)((over *)self)->state->row_count);
    return OK;
}

static status
over_forget(op *self, error *err) {
    return over_stream_forget((over *)self, err);
}

static status
over_load(op *self, image_reader *in, error *err) {
    over   *o = (over *)self;
    int64_t count;
    TRY(image_take_i64(in, &count, err));
    o->state->row_count = (uint64_t)count;
    TRY(over_stream_rebuild(o, err));
    const slot_set parts = group_table_slots(&o->state->parts);
    const slot_set one = {.count = 1};
    for (int32_t i = 0; i < o->call_count; i++) {
        agg *a = o->aggs[i], *spare = o->spare[i];
        TRY(a == NULL ? OK : a->class->rebuild(a, &parts, err));
        TRY(spare == NULL ? OK : spare->class->rebuild(spare, &one, err));
    }
    return OK;
}

const op_class op_over_class = {
    .name = "over",
    .size = sizeof(over),
    .open = over_open,
    .push = over_push,
    .tick = over_tick,
    .forget = over_forget,
    .snapshot = over_snapshot,
    .merge = over_merge,
    .validate = over_validate,
    .state_rows = over_state_rows,
    .settle = over_aggregates_settle,
    .save = over_save,
    .load = over_load,
    .close = over_close,
};
