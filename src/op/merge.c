/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - see merge.h. */
#include "op/merge.h"

/* ---- rows out of state */

status
feed_open(row_feed *f, op *of, op *to, int32_t port, const state_columns *columns, int32_t first,
          int32_t width, error *err) {
    arena *scratch = of->env->scratch;
    *f = (row_feed){
        .of = of, .to = to, .port = port, .first = first, .width = width, .columns = columns};
    f->output = arena_alloc(scratch, (size_t)(width + 1) * sizeof(*f->output));
    f->slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*f->slots));
    f->weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*f->weights));
    return f->output == NULL || f->slots == NULL || f->weights == NULL ? error_memory(err) : OK;
}

status
feed_flush(row_feed *f, error *err) {
    arena           *scratch = f->of->env->scratch, *pushed = f->to->env->scratch;
    const arena_mark mark = arena_save(scratch), before = arena_save(pushed);
    bool             plain = true;
    if (f->count == 0) {
        return OK;
    }
    TRY(op_poll(f->of, err));
    for (int32_t i = 0; i < f->width; i++) {
        TRY(state_columns_read(f->columns, f->first + i, f->slots, f->count, scratch, &f->output[i],
                               err));
    }
    for (int32_t i = 0; i < f->count; i++) {
        plain &= f->weights[i] == 1;
    }
    const delta rows = {.row_count = f->count,
                        .column_count = f->width,
                        .columns = f->output,
                        .weight = plain ? NULL : f->weights};
    f->count = 0;
    TRY(f->to->class->push(f->to, f->port, &rows, err)); /* counted already, where they came */
    if (pushed != scratch) {
        arena_rewind(pushed, before);
    }
    arena_rewind(scratch, mark);
    return OK;
}

status
feed_add(row_feed *f, slot s, int64_t weight, error *err) {
    f->slots[f->count] = s;
    f->weights[f->count++] = weight;
    return f->count == BATCH_ROWS ? feed_flush(f, err) : OK;
}

status
feed_arrangement(op *of, op *to, int32_t port, const arrangement *a, int32_t first, int32_t width,
                 error *err) {
    const arena_mark mark = arena_save(of->env->scratch);
    row_feed         f;
    slot             slots[256];
    int64_t          weights[256];
    uint64_t         next = 0;
    int32_t          count;
    TRY(feed_open(&f, of, to, port, arrangement_columns(a), first, width, err));
    while ((count = arrangement_scan(a, &next, slots, weights, ARRAY_COUNT(slots))) > 0) {
        for (int32_t i = 0; i < count; i++) {
            TRY(feed_add(&f, slots[i], weights[i], err));
        }
    }
    TRY(feed_flush(&f, err));
    arena_rewind(of->env->scratch, mark);
    return OK;
}

status
merge_arrangement(arrangement *into, const arrangement *from, const op_env *env, error *err) {
    const state_columns *stored = arrangement_columns(from);
    arena               *scratch = env->scratch;
    uint64_t             next = 0;
    for (;;) {
        const arena_mark mark = arena_save(scratch);
        slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
        int64_t         *weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*weights));
        column *columns = arena_alloc(scratch, (size_t)stored->column_count * sizeof(*columns));
        if (slots == NULL || weights == NULL || columns == NULL) {
            return error_memory(err);
        }
        const int32_t count = arrangement_scan(from, &next, slots, weights, BATCH_ROWS);
        if (count == 0) {
            arena_rewind(scratch, mark);
            return OK;
        }
        for (int32_t i = 0; i < stored->column_count; i++) {
            TRY(state_columns_read(stored, i, slots, count, scratch, &columns[i], err));
        }
        const delta rows = {.row_count = count,
                            .column_count = stored->column_count,
                            .columns = columns,
                            .weight = weights};
        TRY(arrangement_update(into, &rows, NULL, scratch, err));
        arena_rewind(scratch, mark);
    }
}

/* ---- what was given and is taken back */

static status
take_back(void *context, const delta *rows, error *err) {
    op              *self = context;
    arena           *scratch = self->env->scratch;
    const arena_mark mark = arena_save(scratch);
    int64_t         *weights = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*weights));
    delta            out = *rows;
    if (weights == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->row_count; i++) {
        weights[i] = -delta_weight(rows, i);
    }
    out.weight = weights;
    TRY(op_emit(self, &out, err));
    arena_rewind(scratch, mark);
    return OK; /* consumers that have enough still need what is taken back */
}

status
merge_open_back(op **out, op *self, op_env *env, error *err) {
    op_spec *spec = arena_alloc_zero(env->arena, sizeof(*spec));
    if (spec == NULL) {
        return error_memory(err);
    }
    spec->sink = (op_sink){.context = self, .take = take_back};
    return op_open(out, &op_collect_class, env, spec, err);
}

/* In the environment of `other`, of which nothing is asked afterwards. */
static status
take_back_all(op *self, op *other, rows_giver give, error *err) {
    op *third, *back;
    TRY(merge_open_back(&back, self, other->env, err));
    TRY(op_open(&third, other->class, other->env, other->spec, err));
    third->old_rows_wanted = true;
    status s = op_connect(third, back, 0, err);
    s = s < 0 ? s : give(other, third, err);
    s = s < 0 || third->class->tick == NULL ? s : third->class->tick(third, INT64_MIN, err);
    op_close(third);
    return s < 0 ? s : OK;
}

status
merge_by_rows(op *self, op *other, rows_giver give, error *err) {
    const int64_t frontier_us = self->frontier_us;
    TRY(take_back_all(self, other, give, err));
    self->frontier_us = INT64_MIN; /* they were judged when they came: none is late now */
    const status s = give(other, self, err);
    self->frontier_us = frontier_us;
    return s < 0 ? s : OK;
}
