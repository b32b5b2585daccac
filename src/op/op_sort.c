/* SPDX-License-Identifier: Apache-2.0 */
/* op_sort.c - ORDER BY of one-off queries, and a LIMIT too large for op_top_n.c, which keeps its
 * rows in memory. Streams have no order; they use top_n.
 *
 * push:  copies the rows, as often as their weight says; what memory has no room for goes to disk
 *        as a sorted run
 * tick:  sorts all of them, stably, and emits; or merges the runs (sort_merge.c) */
#include "op/sort.h"

/* What sorting costs beside the rows, in bytes of each: its number, and keys with their numbers. */
#define SORT_ROW_BYTES 40

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
    o->types = types;
    o->file = (spill_file){.owner = self};
    o->first = self->spec->offset;
    o->end = self->spec->limit < 0 ? INT64_MAX : sat_add_i64(o->first, self->spec->limit);
    TRY(builder_init(&o->rows, self->env->mem, types, input->count, err));
    return OK;
}

static void
sort_close(op *self) {
    sort *o = (sort *)self;
    builder_fini(&o->rows);
    sort_close_runs(o);
}

/* Sorts what is in memory, and hands it on in order. */
static status
give_sorted(sort  *o, status (*give)(sort *o, const delta *all, const int32_t *order, error *err),
            error *err) {
    const op_spec   *spec = o->base.spec;
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            all;
    builder_view(&o->rows, o->views, &all);
    int32_t *order = arena_alloc(scratch, (size_t)all.row_count * sizeof(*order));
    if (order == NULL) {
        return error_memory(err);
    }
    TRY(op_poll(&o->base, err));
    TRY(sort_rows(order, all.columns, all.row_count, spec->sort_keys, spec->sort_count, scratch,
                  err));
    TRY(give(o, &all, order, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* What is in memory becomes a run. */
static status
spill(sort *o, error *err) {
    TRY(give_sorted(o, sort_add_run, err));
    builder_fini(&o->rows);
    o->based = false;
    return builder_init(&o->rows, o->base.env->mem, o->types, o->base.spec->input[0]->count, err);
}

static status
sort_push(op *self, int32_t port, const delta *in, error *err) {
    sort *o = (sort *)self;
    (void)port;
    if (LIKELY(!spill_is_possible(self->env))) {
        return rows_append(self, &o->rows, in, err);
    }
    if (!o->based) {
        o->bytes_before = spill_bytes_used(self->env);
        o->based = true;
    }
    TRY(rows_append(self, &o->rows, in, err));
    const int64_t more = (int64_t)builder_rows(&o->rows) * SORT_ROW_BYTES;
    return spill_wanted(self->env, o->bytes_before, more) ? spill(o, err) : OK;
}

static status
emit_all(sort *o, const delta *all, const int32_t *order, error *err) {
    return rows_emit(&o->base, all, order, o->first, min_i64(all->row_count, o->end), err);
}

static status
sort_tick(op *self, int64_t frontier_us, error *err) {
    sort *o = (sort *)self;
    (void)frontier_us;
    if (o->run_count > 0 && builder_rows(&o->rows) > 0) {
        TRY(spill(o, err));
    }
    if (o->run_count > 0) {
        return sort_merge(o, err);
    }
    return builder_rows(&o->rows) == 0 ? OK : give_sorted(o, emit_all, err);
}

const op_class op_sort_class = {
    .name = "sort",
    .size = sizeof(sort),
    .open = sort_open,
    .push = sort_push,
    .tick = sort_tick,
    .close = sort_close,
};
