/* SPDX-License-Identifier: Apache-2.0 */
/* op_keep.c - values of volatile functions (now(), random(), uuid()) beside the rows that they were
 * computed for.
 *
 * Such a function is called once for each row, when the row comes, and what it gave is kept: the
 * row's retraction carries it, and a query over the stream shows it. Copies of a row have values of
 * their own; which of them leaves first is not defined.
 *
 * push:  append-only input: computes, keeps, emits. Else buffers a copy of the rows, because a
 *        retraction may come before its row within a tick
 * tick:  of what is left of them, first takes rows back with their values, then adds */
#include <stdlib.h>

#include "batch/builder.h"
#include "op/merge.h"

typedef struct keep {
    op          base;
    program    *program;
    eval_env    eval;
    arrangement rows; /* input columns, which are the key, and values */
    int32_t     width, count;
    column     *columns; /* of the delta under way */
    bool       *null_safe;
    builder     buffer;  /* of this tick */
    int64_t    *weights; /* of these rows, in the tick arena */
    int32_t     weight_capacity;
} keep;

static status
keep_open(op *self, error *err) {
    keep         *k = (keep *)self;
    const schema *input = self->spec->input[0], *output = self->spec->output;
    arena        *a = self->env->arena;
    const size_t  width = (size_t)input->count;
    k->width = input->count;
    k->count = output->count - input->count;
    k->columns = arena_alloc_zero(a, (size_t)output->count * sizeof(column));
    k->null_safe = arena_alloc(a, (width + 1) * sizeof(bool));
    int32_t   *keys = arena_alloc(a, (width + 1) * sizeof(*keys));
    data_type *types = schema_types(output, a);
    if (k->columns == NULL || k->null_safe == NULL || keys == NULL || types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < k->width; i++) {
        keys[i] = i;
        k->null_safe[i] = true;
    }
    k->eval = *self->env->eval;
    TRY(program_compile_for(&k->program, a, self->spec->exprs, k->count, input, &k->eval, err));
    TRY(arrangement_open(&k->rows, self->env->store, "keep.rows", types, output->count, keys,
                         k->width, self->spec->append_only[0], err));
    k->rows.null_safe = k->null_safe;
    if (!self->spec->append_only[0]) {
        TRY(builder_init(&k->buffer, self->env->mem, types, k->width, err));
    }
    return OK;
}

static void
keep_close(op *self) {
    keep *k = (keep *)self;
    arrangement_close(&k->rows);
    builder_fini(&k->buffer);
}

/* Rows of weight 1: computes, keeps, emits. */
static status
add_rows(keep *k, const delta *in, error *err) {
    arena *scratch = k->base.env->scratch;
    k->eval.now_us = clock_now_us(k->eval.clock); /* one instant for all calls of a row */
    TRY(program_run(k->program, in, k->columns + k->width, scratch, err));
    if (k->width > 0) {
        memcpy(k->columns, in->columns, (size_t)k->width * sizeof(column));
    }
    column *views = arena_alloc(scratch, (size_t)(k->width + k->count) * sizeof(column));
    if (views == NULL) {
        return error_memory(err);
    }
    TRY(columns_to_views(views, k->columns, k->width + k->count, in->row_count, scratch, err));
    const delta out = {
        .row_count = in->row_count, .column_count = k->width + k->count, .columns = views};
    TRY(arrangement_update(&k->rows, &out, NULL, scratch, err));
    return op_emit(&k->base, &out, err);
}

/* ---- taking back */
typedef struct wanted {
    slot    key;
    int32_t row;
} wanted;

static int
by_key(const void *x, const void *y) {
    const wanted *a = x, *b = y;
    return a->key != b->key ? (a->key < b->key ? -1 : 1) : (a->row > b->row) - (a->row < b->row);
}

/* A stored row for each row of `in`; every copy of a stored row serves once. */
static status
pick_rows(keep *k, const delta *in, slot *picked, error *err) {
    arena       *scratch = k->base.env->scratch;
    const size_t n = (size_t)in->row_count;
    slot        *keys = arena_alloc(scratch, n * sizeof(*keys));
    wanted      *list = arena_alloc(scratch, n * sizeof(*list));
    if (keys == NULL || list == NULL) {
        return error_memory(err);
    }
    TRY(arrangement_find(&k->rows, in->columns, in->row_count, keys, scratch, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        list[i] = (wanted){.key = keys[i], .row = i};
    }
    qsort(list, n, sizeof(*list), by_key);
    slot    at = SLOT_NONE;
    int64_t left = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        if (list[i].key == SLOT_NONE) {
            return error_set(err, ERR_INTERNAL_ERROR, "keep: a row is taken back that never came");
        }
        if (i == 0 || list[i].key != list[i - 1].key) {
            at = arrangement_first(&k->rows, list[i].key);
            left = at == SLOT_NONE ? 0 : arrangement_weight(&k->rows, at);
        }
        while (left == 0 && at != SLOT_NONE) {
            at = arrangement_next(&k->rows, at);
            left = at == SLOT_NONE ? 0 : arrangement_weight(&k->rows, at);
        }
        if (at == SLOT_NONE) {
            return error_set(err, ERR_INTERNAL_ERROR, "keep: more rows are taken back than came");
        }
        picked[list[i].row] = at;
        left--;
    }
    return OK;
}

/* Rows to be taken back once each. */
static status
remove_rows(keep *k, const delta *in, error *err) {
    arena        *scratch = k->base.env->scratch;
    const size_t  n = (size_t)in->row_count;
    const int32_t all = k->width + k->count;
    slot         *picked = arena_alloc(scratch, n * sizeof(*picked));
    int64_t      *weights = arena_alloc(scratch, n * sizeof(*weights));
    column       *views = arena_alloc(scratch, (size_t)all * sizeof(column));
    if (picked == NULL || weights == NULL || views == NULL) {
        return error_memory(err);
    }
    TRY(columns_to_views(views, in->columns, k->width, in->row_count, scratch, err));
    const delta keyed = {.row_count = in->row_count, .column_count = k->width, .columns = views};
    TRY(pick_rows(k, &keyed, picked, err));
    for (int32_t i = 0; i < all; i++) {
        TRY(state_columns_read(arrangement_columns(&k->rows), i, picked, in->row_count, scratch,
                               &views[i], err));
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        weights[i] = -1;
    }
    const delta out = {
        .row_count = in->row_count, .column_count = all, .columns = views, .weight = weights};
    TRY(arrangement_update(&k->rows, &out, NULL, scratch, err));
    return op_emit(&k->base, &out, err);
}

/* ---- the rows of one sign, a delta at a time, each as often as it weighs */
static status
each_copy(keep *k, const delta *in, int sign, status (*fn)(keep *k, const delta *rows, error *err),
          error *err) {
    arena   *scratch = k->base.env->scratch;
    int32_t *rows = arena_alloc(scratch, BATCH_ROWS * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i <= in->row_count; i++) {
        int64_t left = i < in->row_count ? delta_weight(in, i) * sign : 0;
        while (left > 0 || (i == in->row_count && count > 0)) {
            const bool full = count == BATCH_ROWS || i == in->row_count;
            if (!full) {
                rows[count++] = i;
                left--;
                continue;
            }
            const arena_mark mark = arena_save(scratch);
            delta            part;
            TRY(delta_gather(&part, in, rows, count, scratch, err));
            part.weight = NULL;
            TRY(fn(k, &part, err));
            arena_rewind(scratch, mark);
            count = 0;
        }
    }
    return OK;
}

static status
buffer_rows(keep *k, const delta *in, error *err) {
    const int32_t used = builder_rows(&k->buffer);
    if (used > INT32_MAX - in->row_count) {
        return error_set(err, ERR_QUERY_FAILED,
                         "one tick made more than %d changes; insert less at once", INT32_MAX);
    }
    TRY(builder_append_delta(&k->buffer, in, err));
    if (used + in->row_count > k->weight_capacity) {
        const int64_t capacity = max_i64(used + in->row_count, 2 * (int64_t)k->weight_capacity);
        int64_t *grown = arena_alloc(k->base.env->tick_arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return error_memory(err);
        }
        if (used > 0) {
            memcpy(grown, k->weights, (size_t)used * sizeof(*grown));
        }
        k->weights = grown;
        k->weight_capacity = (int32_t)min_i64(capacity, INT32_MAX);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        k->weights[used + i] = delta_weight(in, i);
    }
    return OK;
}

static status
keep_push(op *self, int32_t port, const delta *in, error *err) {
    keep *k = (keep *)self;
    (void)port;
    if (!self->spec->append_only[0]) {
        return buffer_rows(k, in, err);
    }
    return in->weight == NULL ? add_rows(k, in, err) : each_copy(k, in, 1, add_rows, err);
}

static status
keep_tick(op *self, int64_t frontier_us, error *err) {
    keep *k = (keep *)self;
    (void)frontier_us;
    if (self->spec->append_only[0] || builder_rows(&k->buffer) == 0) {
        return OK;
    }
    batch *taken;
    TRY(builder_take(&k->buffer, &taken, err));
    delta rows = taken->rows;
    rows.weight = k->weights;
    const arena_mark mark = arena_save(self->env->scratch);
    delta            net;
    status           s = rows_consolidate(&net, &rows, self->env->scratch, err);
    if (s == OK && net.row_count > 0) {
        s = each_copy(k, &net, -1, remove_rows, err);
        s = s < 0 ? s : each_copy(k, &net, 1, add_rows, err);
    }
    arena_rewind(self->env->scratch, mark);
    batch_release(taken);
    k->weights = NULL;
    k->weight_capacity = 0;
    return s;
}

static status
keep_snapshot(op *self, op *target, int32_t port, error *err) {
    keep            *k = (keep *)self;
    const arena_mark mark = arena_save(self->env->scratch);
    slot_writer      w;
    slot             slots[256];
    int64_t          weights[256];
    uint64_t         next = 0;
    int32_t          count;
    TRY(slot_writer_open(&w, self, target, port, arrangement_columns(&k->rows), err));
    while ((count = arrangement_scan(&k->rows, &next, slots, weights, ARRAY_COUNT(slots))) > 0) {
        for (int32_t i = 0; i < count; i++) {
            TRY(slot_writer_add(&w, slots[i], weights[i], err));
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(self->env->scratch, mark);
    return OK;
}

static status
keep_validate(const op *self, error *err) {
    return arrangement_validate(&((const keep *)self)->rows, err);
}

/* Each row came out as it will stay, wherever it came: nothing changes. */
static status
keep_merge(op *self, op *other, error *err) {
    return merge_arrangement(&((keep *)self)->rows, &((const keep *)other)->rows, self->env, err);
}

static int64_t
keep_state_rows(const op *self) {
    return arrangement_row_count(&((const keep *)self)->rows);
}

static status
keep_load(op *self, image_reader *in, error *err) {
    (void)in;
    return arrangement_rebuild(&((keep *)self)->rows, err);
}

const op_class op_keep_class = {
    .name = "keep",
    .size = sizeof(keep),
    .open = keep_open,
    .push = keep_push,
    .tick = keep_tick,
    .snapshot = keep_snapshot,
    .merge = keep_merge,
    .validate = keep_validate,
    .state_rows = keep_state_rows,
    .load = keep_load,
    .close = keep_close,
};
