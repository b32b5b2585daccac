/* SPDX-License-Identifier: Apache-2.0 */
/* op_gate.c - lets changes out once per tick, without pairs that cancel each other and with
 * retractions first.
 *
 * Joins may emit +x and -x in one tick, and +new before -old of one key; readers of changes want
 * neither. Where the planner knows that this cannot happen (append-only or already consolidated
 * input), the gate forwards and holds nothing.
 *
 * A gate that holds (EMIT EVERY) does the same over many ticks, until it is told to let go.
 *
 * push:  buffers a copy of the rows
 * tick:  emits what is left of them: without any retraction as they came, else consolidated,
 *        negative weights first */
#include "op/gate.h"

#include "batch/rows_image.h"
#include "op/rows.h"

#define HELD_ROWS 65536        /* are consolidated at the earliest */
#define WEIGHTS_KEPT (1 << 16) /* room for so many stays from tick to tick */

typedef struct gate {
    op       base;
    builder  rows;    /* of this tick, or held */
    column  *columns; /* a view of them */
    int64_t *weights; /* of these rows, while weighted; else all are 1 */
    int32_t  weight_capacity;
    bool     weighted;
    bool     negative; /* some weight is */
    bool     holds, released;
    int32_t  compact_at; /* rows, of a gate that holds */
} gate;

static status
gate_open(op *self, error *err) {
    gate *g = (gate *)self;
    if (self->spec->pass_through) {
        return OK;
    }
    const schema *output = self->spec->output;
    data_type    *types = schema_types(output, self->env->arena);
    g->columns = arena_alloc(self->env->arena, sizeof(column) * (size_t)(output->count + 1));
    if (types == NULL || g->columns == NULL) {
        return error_memory(err);
    }
    TRY(builder_init(&g->rows, self->env->mem, types, output->count, err));
    return OK;
}

static void
drop_weights(gate *g) {
    mem_free(g->base.env->mem, g->weights, sizeof(int64_t) * (size_t)g->weight_capacity);
    g->weights = NULL;
    g->weight_capacity = 0;
}

static void
gate_close(op *self) {
    gate *g = (gate *)self;
    drop_weights(g);
    builder_fini(&g->rows);
}

/* Room for `count` weights; the first `used` are kept. */
static status
reserve_weights(gate *g, int32_t used, int32_t count, error *err) {
    if (count > g->weight_capacity) {
        const int64_t capacity =
            max_i64(max_i64(count, 64), min_i64(INT32_MAX, 2 * (int64_t)g->weight_capacity));
        int64_t *weights =
            mem_resize(g->base.env->mem, g->weights, sizeof(int64_t) * (size_t)g->weight_capacity,
                       sizeof(int64_t) * (size_t)capacity);
        if (weights == NULL) {
            return error_memory(err);
        }
        g->weights = weights;
        g->weight_capacity = (int32_t)capacity;
    }
    for (int32_t i = 0; i < used && !g->weighted; i++) {
        g->weights[i] = 1;
    }
    g->weighted = true;
    return OK;
}

static status
append(gate *g, const delta *in, error *err) {
    const int32_t used = builder_rows(&g->rows);
    if (used > INT32_MAX - in->row_count) {
        return error_set(err, ERR_QUERY_FAILED,
                         "one tick made more than %d changes; insert less at once", INT32_MAX);
    }
    if (in->weight != NULL || g->weighted) {
        TRY(reserve_weights(g, used, used + in->row_count, err));
    }
    TRY(builder_append_delta(&g->rows, in, err));
    for (int32_t i = 0; g->weighted && i < in->row_count; i++) {
        g->weights[used + i] = delta_weight(in, i);
        g->negative |= g->weights[used + i] < 0;
    }
    return OK;
}

/* What cancels out goes, so that memory follows the changed rows, not the changes. */
static status
compact(gate *g, error *err) {
    batch *taken;
    delta  net = {0};
    TRY(builder_take(&g->rows, &taken, err));
    delta rows = taken->rows;
    rows.weight = g->weights;
    g->weighted = false;
    arena           *scratch = g->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    status           s = rows_consolidate(&net, &rows, scratch, err);
    if (s == OK && net.row_count > 0) {
        s = append(g, &net, err);
    }
    arena_rewind(scratch, mark);
    batch_release(taken);
    g->compact_at = (int32_t)min_i64(INT32_MAX, max_i64(HELD_ROWS, 2 * (int64_t)net.row_count));
    return s;
}

static status
gate_push(op *self, int32_t port, const delta *in, error *err) {
    gate *g = (gate *)self;
    (void)port;
    if (self->spec->pass_through) {
        return op_emit(self, in, err);
    }
    TRY(append(g, in, err));
    return g->holds && g->negative && builder_rows(&g->rows) > g->compact_at ? compact(g, err) : OK;
}

void
gate_hold(op *self) {
    gate *g = (gate *)self;
    assert(self->spec->held);
    g->holds = true;
    g->compact_at = HELD_ROWS;
}

void
gate_release(op *self) {
    ((gate *)self)->released = true;
}

int32_t
gate_rows(const op *self) {
    return builder_rows(&((const gate *)self)->rows);
}

/* The rows as they came. */
static status
emit_all(gate *g, const delta *in, error *err) {
    return in->row_count <= BATCH_ROWS ? op_emit(&g->base, in, err)
                                       : rows_emit(&g->base, in, NULL, 0, in->row_count, err);
}

static status
emit_consolidated(gate *g, const delta *in, error *err) {
    arena *scratch = g->base.env->scratch;
    delta  net;
    TRY(rows_consolidate(&net, in, scratch, err));
    /* Negative weights stand first already. */
    return net.row_count == 0 ? OK : emit_all(g, &net, err);
}

static status
gate_tick(op *self, int64_t frontier_us, error *err) {
    gate *g = (gate *)self;
    (void)frontier_us;
    if (self->spec->pass_through || (g->holds && !g->released)) {
        return OK;
    }
    g->released = false;
    if (builder_rows(&g->rows) == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(self->env->scratch);
    batch           *taken = NULL; /* few rows go out as they lie here */
    delta            rows;
    if (builder_is_small(&g->rows)) {
        builder_view(&g->rows, g->columns, &rows);
    } else {
        TRY(builder_take(&g->rows, &taken, err));
        rows = taken->rows;
    }
    rows.weight = g->weighted ? g->weights : NULL;
    const status s = g->negative ? emit_consolidated(g, &rows, err) : emit_all(g, &rows, err);
    arena_rewind(self->env->scratch, mark);
    builder_truncate(&g->rows, 0);
    batch_release(taken);
    g->weighted = false;
    g->negative = false;
    g->compact_at = HELD_ROWS;
    if (g->weight_capacity > WEIGHTS_KEPT) {
        drop_weights(g);
    }
    return s;
}

/* What both hold is held; other gates are empty between ticks. */
static status
gate_merge(op *self, op *other, error *err) {
    const gate *from = (const gate *)other;
    if (self->spec->pass_through || builder_rows(&from->rows) == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(self->env->scratch);
    column          *columns =
        arena_alloc(self->env->scratch, sizeof(column) * (size_t)(self->spec->output->count + 1));
    delta rows;
    if (columns == NULL) {
        return error_memory(err);
    }
    builder_view(&from->rows, columns, &rows);
    rows.weight = from->weighted ? from->weights : NULL;
    TRY(append((gate *)self, &rows, err));
    arena_rewind(self->env->scratch, mark);
    return OK;
}

static status
gate_validate(const op *self, error *err) {
    const gate *g = (const gate *)self;
    bool        negative = false;
    if (self->spec->pass_through) {
        return OK;
    }
    const int32_t count = builder_rows(&g->rows);
    for (int32_t i = 0; g->weighted && i < count; i++) {
        negative |= g->weights[i] < 0;
    }
    if (negative != g->negative || (g->weighted && count > g->weight_capacity)) {
        return error_set(err, ERR_INTERNAL_ERROR, "gate: %d rows, room for %d weights, %snegative",
                         count, g->weight_capacity, g->negative ? "" : "not ");
    }
    return OK;
}

/* Rows that are held; between ticks other gates are empty. */
static status
gate_save(op *self, buf *out, error *err) {
    gate *g = (gate *)self;
    if (self->spec->pass_through) {
        return OK;
    }
    column *columns =
        arena_alloc(self->env->scratch, sizeof(column) * (size_t)(self->spec->output->count + 1));
    delta rows;
    if (columns == NULL) {
        return error_memory(err);
    }
    builder_view(&g->rows, columns, &rows);
    rows.weight = g->weighted ? g->weights : NULL;
    rows_image_put(out, &rows);
    return OK;
}

static status
gate_load(op *self, image_reader *in, error *err) {
    gate    *g = (gate *)self;
    int64_t *weights;
    if (self->spec->pass_through) {
        return OK;
    }
    TRY(rows_image_take(in, &g->rows, &weights, self->env->scratch, err));
    const int32_t count = builder_rows(&g->rows);
    if (weights == NULL) {
        return OK;
    }
    TRY(reserve_weights(g, 0, count, err));
    for (int32_t i = 0; i < count; i++) {
        g->weights[i] = weights[i];
        g->negative |= weights[i] < 0;
    }
    return OK;
}

const op_class op_gate_class = {
    .name = "gate",
    .size = sizeof(gate),
    .open = gate_open,
    .push = gate_push,
    .tick = gate_tick,
    .merge = gate_merge,
    .validate = gate_validate,
    .save = gate_save,
    .load = gate_load,
    .close = gate_close,
};
