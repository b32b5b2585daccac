/* SPDX-License-Identifier: Apache-2.0 */
/* op_asof.c - ASOF joins: each left row with the one right row of equal keys that is nearest in the
 * direction of the match (>=, >, <=, <, or either), within a tolerance; LEFT: left rows without one
 * come out padded with NULLs.
 *
 * push:  one-off: port 1 is kept, port 0 is answered (asof_once.c). Stream: both are kept
 * tick:  stream: -old and +new of the left rows whose match changed (asof_stream.c). One-off: left
 *        rows, where the right ones are on disk (asof_spill.c) */
#include "op/asof.h"

#include "kernel/access.h"
#include "kernel/kernel.h"

/* ---- times */

status
asof_times(int64_t **out, const column *c, int32_t count, arena *a, error *err) {
    enum { ASOF_STRIDE = 1 << 15 }; /* rows between two looks */
    const physical p = type_physical(c->type);
    int64_t       *times = arena_alloc(a, (size_t)count * sizeof(*times));
    if (times == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (row_is_null(c, i)) {
            times[i] = 0;
        } else if (p == PHYSICAL_F64) {
            times[i] = f64_order(((const double *)c->values)[i]);
        } else {
            times[i] = row_i64(c, p, i);
        }
        TRY(i % ASOF_STRIDE == ASOF_STRIDE - 1 ? interrupt_look(err) : OK);
    }
    *out = times;
    return OK;
}

static bool
is_double(const asof *o) {
    const int32_t at = o->keys[ASOF_LEFT][o->key_count];
    return o->base.spec->input[ASOF_LEFT]->fields[at].type.id == TYPE_F64;
}

static uint64_t
distance(int64_t x, int64_t y) {
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

bool
asof_is_near(const asof *o, int64_t left, int64_t right) {
    const value *most = &o->base.spec->tolerance;
    if (most->is_null || left == right) {
        return true;
    }
    if (is_double(o)) {
        const double d = f64_of_order(left) - f64_of_order(right);
        return (d < 0 ? -d : d) <= most->d;
    }
    return distance(left, right) <= (uint64_t)most->i;
}

bool
asof_prefers_earlier(const asof *o, int64_t time, int64_t before, int64_t after) {
    if (is_double(o)) {
        return !(f64_of_order(after) - f64_of_order(time) <
                 f64_of_order(time) - f64_of_order(before));
    }
    return distance(time, before) <= distance(time, after);
}

status
asof_complete_rows(uint8_t **out, const asof *o, int32_t side, int32_t count, arena *a,
                   error *err) {
    uint8_t *complete = arena_alloc(a, (size_t)count);
    if (complete == NULL) {
        return error_memory(err);
    }
    memset(complete, 1, (size_t)count);
    for (int32_t k = 0; k <= o->key_count; k++) {
        const column *c = &o->views[side][o->keys[side][k]];
        for (int32_t i = 0; i < count && (c->validity != NULL || c->type.id == TYPE_NULL); i++) {
            complete[i] &= !row_is_null(c, i);
        }
    }
    *out = complete;
    return OK;
}

/* ---- open, close */

static status
asof_open(op *self, error *err) {
    asof          *o = (asof *)self;
    const op_spec *spec = self->spec;
    arena         *a = self->env->arena;
    o->judge.self = self;
    o->key_count = spec->key_count;
    o->keys[ASOF_LEFT] = spec->left_keys;
    o->keys[ASOF_RIGHT] = spec->right_keys;
    o->pads = spec->join == OP_JOIN_LEFT;
    assert(spec->output->count == spec->input[ASOF_LEFT]->count + spec->input[ASOF_RIGHT]->count);
    o->output = arena_alloc(a, (size_t)spec->output->count * sizeof(column));
    o->key_views = arena_alloc(a, (size_t)o->key_count * sizeof(column));
    for (int32_t side = 0; side < 2; side++) {
        o->views[side] = arena_alloc(a, (size_t)spec->input[side]->count * sizeof(column));
    }
    if (o->output == NULL || o->key_views == NULL || o->views[0] == NULL || o->views[1] == NULL) {
        return error_memory(err);
    }
    return spec->mode == MODE_STREAM ? asof_stream_open(o, err) : asof_once_open(o, err);
}

static void
asof_close(op *self) {
    asof *o = (asof *)self;
    asof_stream_close(o);
    asof_once_close(o);
}

/* ---- the operator */

static status
asof_push(op *self, int32_t port, const delta *in, error *err) {
    asof            *o = (asof *)self;
    arena           *scratch = self->env->scratch;
    const arena_mark mark = arena_save(scratch);
    TRY(op_poll(self, err));
    TRY(columns_to_views(o->views[port], in->columns, in->column_count, in->row_count, scratch,
                         err));
    delta rows = *in;
    rows.columns = o->views[port];
    const asof *live = (const asof *)self->spec->live;
    TRY(judge_rows(&o->judge, live == NULL ? NULL : &live->judge, port, o->views[port], &rows,
                   err));
    if (rows.row_count == 0) {
        arena_rewind(scratch, mark);
        return OK;
    }
    const status s = self->spec->mode == MODE_STREAM ? asof_stream_push(o, port, &rows, err)
                                                     : asof_once_push(o, port, &rows, err);
    arena_rewind(scratch, mark);
    return s;
}

static status
asof_tick(op *self, int64_t frontier_us, error *err) {
    asof *o = (asof *)self;
    if (self->spec->mode == MODE_ONCE) {
        return o->right.run_count > 0 ? asof_spilled(o, err) : OK;
    }
    TRY(asof_stream_tick(o, err));
    return o->judge.bound != NULL ? asof_forget(o, frontier_us, err) : OK;
}

static status
asof_snapshot(op *self, op *target, int32_t port, error *err) {
    return asof_stream_snapshot((asof *)self, target, port, err);
}

static status
asof_merge(op *self, op *other, error *err) {
    return asof_stream_merge((asof *)self, (asof *)other, err);
}

static status
asof_validate(const op *self, error *err) {
    return self->spec->mode == MODE_STREAM ? asof_stream_validate((const asof *)self, err) : OK;
}

static int64_t
asof_state_rows(const op *self) {
    return asof_stream_rows((const asof *)self);
}

static status
asof_load(op *self, image_reader *in, error *err) {
    asof *a = (asof *)self;
    (void)in;
    TRY(asof_stream_rebuild(a, err));
    return judge_rebuild(&a->judge, err);
}

const op_class op_asof_class = {
    .name = "asof",
    .size = sizeof(asof),
    .open = asof_open,
    .push = asof_push,
    .tick = asof_tick,
    .snapshot = asof_snapshot,
    .merge = asof_merge,
    .validate = asof_validate,
    .state_rows = asof_state_rows,
    .load = asof_load,
    .close = asof_close,
};

/* Of a plan node with a bound: what it has forgotten is made again from its inputs. */
const op_class op_asof_bounded_class = {
    .name = "asof_bounded",
    .size = sizeof(asof),
    .open = asof_open,
    .push = asof_push,
    .tick = asof_tick,
    .merge = asof_merge,
    .validate = asof_validate,
    .state_rows = asof_state_rows,
    .load = asof_load,
    .close = asof_close,
};
