/* SPDX-License-Identifier: Apache-2.0 */
/* op_gate.c - lets changes out once per tick, without pairs that cancel each other and with
 * retractions first.
 *
 * Joins may emit +x and -x in one tick, and +new before -old of one key; readers of changes want
 * neither. Where the planner knows that this cannot happen (append-only or already consolidated
 * input), the gate forwards and holds nothing.
 *
 * push:  buffers a copy of the rows
 * tick:  emits what is left of them: without any retraction as they came, else consolidated,
 *        negative weights first */
#include "batch/builder.h"
#include "op/rows.h"

typedef struct gate {
    op       base;
    builder  rows;    /* of this tick */
    int64_t *weights; /* of these rows, in the tick arena; NULL: all 1 so far */
    int32_t  weight_capacity;
    bool     negative; /* some weight is */
} gate;

static status
gate_open(op *self, error *err) {
    gate *g = (gate *)self;
    if (self->spec->pass_through) {
        return OK;
    }
    const schema *output = self->spec->output;
    data_type    *types = schema_types(output, self->env->arena);
    if (types == NULL) {
        return error_memory(err);
    }
    TRY(builder_init(&g->rows, self->env->mem, types, output->count, err));
    return OK;
}

static void
gate_close(op *self) {
    gate *g = (gate *)self;
    builder_fini(&g->rows);
}

/* Room for `count` weights; those below `used` are kept, or are 1 when there was no array yet. */
static status
reserve_weights(gate *g, int32_t used, int32_t count, error *err) {
    if (g->weights != NULL && count <= g->weight_capacity) {
        return OK;
    }
    const int64_t capacity = max_i64(count, min_i64(INT32_MAX, 2 * (int64_t)g->weight_capacity));
    int64_t *weights = arena_alloc(g->base.env->tick_arena, (size_t)capacity * sizeof(*weights));
    if (weights == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < used; i++) {
        weights[i] = g->weights == NULL ? 1 : g->weights[i];
    }
    g->weights = weights;
    g->weight_capacity = (int32_t)capacity;
    return OK;
}

static status
gate_push(op *self, int32_t port, const delta *in, error *err) {
    gate *g = (gate *)self;
    (void)port;
    if (self->spec->pass_through) {
        return op_emit(self, in, err);
    }
    const int32_t used = builder_rows(&g->rows);
    if (used > INT32_MAX - in->row_count) {
        return error_set(err, ERR_QUERY_FAILED,
                         "one tick made more than %d changes; insert less at once", INT32_MAX);
    }
    TRY(builder_append_delta(&g->rows, in, err));
    if (in->weight == NULL && g->weights == NULL) {
        return OK;
    }
    TRY(reserve_weights(g, used, used + in->row_count, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        g->weights[used + i] = delta_weight(in, i);
        g->negative |= g->weights[used + i] < 0;
    }
    return OK;
}

/* The rows as they came. */
static status
emit_all(gate *g, const delta *in, error *err) {
    arena *scratch = g->base.env->scratch;
    if (in->row_count <= BATCH_ROWS) {
        return op_emit(&g->base, in, err);
    }
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[i] = i;
    }
    return rows_emit(&g->base, in, rows, 0, in->row_count, err);
}

static status
emit_consolidated(gate *g, const delta *in, error *err) {
    arena *scratch = g->base.env->scratch;
    delta  net;
    TRY(delta_consolidate(&net, in, scratch, err));
    if (net.row_count == 0) {
        return OK;
    }
    int32_t *rows = arena_alloc(scratch, (size_t)net.row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < net.row_count; i++) {
        rows[count] = i;
        count += delta_weight(&net, i) < 0;
    }
    for (int32_t i = 0; i < net.row_count; i++) {
        if (delta_weight(&net, i) > 0) {
            rows[count++] = i;
        }
    }
    return rows_emit(&g->base, &net, rows, 0, count, err);
}

static status
gate_tick(op *self, int64_t frontier_us, error *err) {
    gate *g = (gate *)self;
    (void)frontier_us;
    if (self->spec->pass_through || builder_rows(&g->rows) == 0) {
        return OK;
    }
    batch *taken;
    TRY(builder_take(&g->rows, &taken, err));
    delta rows = taken->rows;
    rows.weight = g->weights;
    const arena_mark mark = arena_save(self->env->scratch);
    const status     s = g->negative ? emit_consolidated(g, &rows, err) : emit_all(g, &rows, err);
    arena_rewind(self->env->scratch, mark);
    batch_release(taken);
    g->weights = NULL;
    g->weight_capacity = 0;
    g->negative = false;
    return s;
}

const op_class op_gate_class = {
    .name = "gate",
    .size = sizeof(gate),
    .open = gate_open,
    .push = gate_push,
    .tick = gate_tick,
    .close = gate_close,
};
