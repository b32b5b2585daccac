/* SPDX-License-Identifier: Apache-2.0 */
/* op_sort.c - ORDER BY of one-off queries. Streams have no order; they use top_n.
 *
 * push:  copies the rows, as often as their weight says
 * tick:  sorts all of them, stably, and emits */
#include "batch/builder.h"
#include "op/rows.h"

typedef struct sort {
    op      base;
    builder rows;
    column *views; /* of the builder's rows */
} sort;

static status
sort_open(op *self, error *err) {
    sort         *o = (sort *)self;
    const schema *input = self->spec->input[0];
    data_type    *types = schema_types(input, self->env->arena);
    o->views = arena_alloc(self->env->arena, (size_t)input->count * sizeof(column));
    if (types == NULL || o->views == NULL) {
        return error_memory(err);
    }
    assert(self->spec->mode == MODE_ONCE);
    TRY(builder_init(&o->rows, self->env->mem, types, input->count, err));
    return OK;
}

static void
sort_close(op *self) {
    sort *o = (sort *)self;
    builder_fini(&o->rows);
}

static status
sort_push(op *self, int32_t port, const delta *in, error *err) {
    sort *o = (sort *)self;
    (void)port;
    return rows_append(self, &o->rows, in, err);
}

static status
sort_tick(op *self, int64_t frontier_us, error *err) {
    sort          *o = (sort *)self;
    const op_spec *spec = self->spec;
    arena         *scratch = self->env->scratch;
    (void)frontier_us;
    if (builder_rows(&o->rows) == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(scratch);
    delta            all;
    builder_view(&o->rows, o->views, &all);
    int32_t *order = arena_alloc(scratch, (size_t)all.row_count * sizeof(*order));
    if (order == NULL) {
        return error_memory(err);
    }
    TRY(op_poll(self, err));
    TRY(sort_rows(order, all.columns, all.row_count, spec->sort_keys, spec->sort_count, scratch,
                  err));
    TRY(rows_emit(self, &all, order, 0, all.row_count, err));
    arena_rewind(scratch, mark);
    return OK;
}

const op_class op_sort_class = {
    .name = "sort",
    .size = sizeof(sort),
    .open = sort_open,
    .push = sort_push,
    .tick = sort_tick,
    .close = sort_close,
};
