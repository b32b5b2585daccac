/* SPDX-License-Identifier: Apache-2.0 */
/* op_top_n.c - ORDER BY ... LIMIT ... OFFSET, and LIMIT alone; the same of the rows of each key.
 *
 * A one-off query buffers rows and now and then sorts the buffer and cuts it to limit + offset
 * rows; once that many are known, rows that do not sort before the last of them are not even
 * copied. Without sort keys nothing is kept: rows pass in order of arrival until there are enough.
 * Streams keep an ordered index of their rows (top_n_stream.c).
 *
 * push:  one-off: passes or buffers; DONE when no further row can matter. Stream: updates the index
 * tick:  one-off: sorts and emits the window of rows [offset, offset + limit). Stream: emits how it
 *        changed */
#include "op/top_n.h"

#include "op/merge.h"

#define TOP_N_BUFFER_ROWS 8192

/* The key columns, the sort keys, and after them every column that is not among those. */
static status
open_keys(top_n *t, error *err) {
    const op_spec *spec = t->base.spec;
    const int32_t  column_count = spec->input[0]->count;
    t->part_count = spec->key_count;
    if (spec->sort_count == 0 && spec->key_count == 0) {
        return OK;
    }
    const size_t room = (size_t)spec->key_count + (size_t)spec->sort_count + (size_t)column_count;
    t->all_keys = arena_alloc_zero(t->base.env->arena, room * sizeof(*t->keys));
    if (t->all_keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        t->all_keys[i].column = spec->key_columns[i];
    }
    t->keys = t->all_keys + spec->key_count;
    if (spec->sort_count > 0) {
        memcpy(t->keys, spec->sort_keys, (size_t)spec->sort_count * sizeof(*t->keys));
    }
    t->key_count = spec->sort_count;
    for (int32_t i = 0; i < column_count; i++) {
        bool is_key = false;
        for (int32_t k = 0; k < spec->sort_count; k++) {
            is_key |= spec->sort_keys[k].column == i;
        }
        for (int32_t k = 0; k < spec->key_count; k++) {
            is_key |= spec->key_columns[k] == i;
        }
        if (!is_key) {
            t->keys[t->key_count++] = (sort_key){.column = i};
        }
    }
    return OK;
}

static status
top_n_open(op *self, error *err) {
    top_n         *t = (top_n *)self;
    const op_spec *spec = self->spec;
    arena         *a = self->env->arena;
    const int32_t  count = spec->input[0]->count;
    t->end = spec->limit < 0 ? INT64_MAX : sat_add_i64(spec->limit, spec->offset);
    data_type *types = schema_types(spec->input[0], a);
    t->views = arena_alloc(a, (size_t)count * sizeof(column));
    t->kept_views = arena_alloc(a, (size_t)count * sizeof(column));
    if (types == NULL || t->views == NULL || t->kept_views == NULL) {
        return error_memory(err);
    }
    TRY(open_keys(t, err));
    if (spec->mode == MODE_STREAM) {
        return top_n_stream_open(t, types, count, err);
    }
    TRY(builder_init(&t->rows, self->env->mem, types, count, err));
    return OK;
}

static void
top_n_close(op *self) {
    top_n *t = (top_n *)self;
    builder_fini(&t->rows);
    top_n_bars_close(t);
    top_n_stream_close(t);
}

/* LIMIT without ORDER BY: rows pass until there are enough. */
static status
pass_rows(top_n *t, const delta *in, error *err) {
    const op_spec *spec = t->base.spec;
    arena         *scratch = t->base.env->scratch;
    int32_t       *rows = arena_alloc(scratch, BATCH_ROWS * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    const int64_t wanted = t->end - spec->offset;
    repeat_cursor cursor = {0};
    while (t->passed < wanted) {
        int32_t count = 0;
        TRY(repeat_next(&cursor, in, rows, BATCH_ROWS, &count, err));
        if (count == 0) {
            return OK;
        }
        const int64_t skip = min_i64(count, spec->offset - t->skipped);
        const int64_t pass = min_i64(count - skip, wanted - t->passed);
        delta         unweighted = *in;
        unweighted.weight = NULL;
        t->skipped += skip;
        t->passed += pass;
        if (pass == in->row_count && in->weight == NULL) {
            TRY(op_emit(&t->base, in, err));
        } else {
            TRY(rows_emit(&t->base, &unweighted, rows, skip, skip + pass, err));
        }
    }
    return DONE;
}

#define PICK_ROWS (1 << 15) /* between two looks */

/* Sorts `in` and picks the rows at places [first, end), of each key when there are keys. */
static status
pick_rows(const top_n *t, const delta *in, int64_t first, int32_t *picked, int32_t *count,
          error *err) {
    arena           *scratch = t->base.env->scratch;
    const int32_t    n = in->row_count;
    const int32_t    key_count = t->part_count + t->key_count;
    int64_t          place = 0;
    const arena_mark mark = arena_save(scratch);
    TRY(sort_rows(picked, in->columns, n, t->all_keys, key_count, scratch, err));
    uint8_t *same = arena_alloc(scratch, (size_t)n);
    if (same == NULL) {
        return error_memory(err);
    }
    memset(same, 1, (size_t)n);
    for (int32_t at = 1; at < n; at += PICK_ROWS) {
        const int32_t rows = n - at < PICK_ROWS ? n - at : PICK_ROWS;
        TRY(op_poll(&t->base, err));
        for (int32_t k = 0; k < t->part_count; k++) {
            const column *c = &in->columns[t->all_keys[k].column];
            equal_rows(same + at, c, picked + at, c, picked + at - 1, rows);
        }
    }
    *count = 0;
    for (int32_t i = 0; i < n; i++) {
        place = i > 0 && same[i] ? place + 1 : 0;
        picked[*count] = picked[i];
        *count += place >= first && place < t->end;
        TRY(i % PICK_ROWS == PICK_ROWS - 1 ? op_poll(&t->base, err) : OK);
    }
    arena_rewind(scratch, mark);
    return OK;
}

/* Sorts the buffer and keeps the first `end` rows, of each key. */
static status
compact(top_n *t, error *err) {
    arena           *scratch = t->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    batch           *all;
    TRY(op_poll(&t->base, err));
    TRY(builder_take(&t->rows, &all, err));
    const int32_t count = all->rows.row_count;
    int32_t       kept = 0;
    int32_t      *order = arena_alloc(scratch, (size_t)count * sizeof(*order));
    status        s = order == NULL ? error_memory(err) : OK;
    if (s == OK) {
        s = pick_rows(t, &all->rows, 0, order, &kept, err);
    }
    delta first;
    if (s == OK) {
        s = delta_gather(&first, &all->rows, order, kept, scratch, err);
    }
    if (s == OK) {
        s = builder_append_delta(&t->rows, &first, err);
    }
    if (s == OK && t->part_count > 0) {
        s = top_n_bars_set(t, &first, count, err);
    }
    batch_release(all);
    arena_rewind(scratch, mark);
    t->sorted = kept;
    return s;
}

/* Buffers the rows of `in` that sort before the bar. */
static status
keep_rows(top_n *t, const delta *in, error *err) {
    arena *scratch = t->base.env->scratch;
    if (t->part_count > 0 ? t->bars == NULL : t->sorted < t->end) {
        return rows_append(&t->base, &t->rows, in, err);
    }
    delta kept;
    builder_view(&t->rows, t->kept_views, &kept);
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    if (t->part_count > 0) {
        TRY(top_n_bars_pass(t, in, &kept, rows, &count, err));
    } else {
        TRY(top_n_bar_pass(t, in, &kept, t->sorted - 1, rows, &count, err));
    }
    if (count == 0) {
        return OK;
    }
    delta better;
    TRY(delta_gather(&better, in, rows, count, scratch, err));
    return rows_append(&t->base, &t->rows, &better, err);
}

static status
top_n_push(op *self, int32_t port, const delta *in, error *err) {
    top_n *t = (top_n *)self;
    arena *scratch = self->env->scratch;
    (void)port;
    if (self->spec->limit == 0) {
        return DONE;
    }
    if (self->spec->mode == MODE_ONCE && t->key_count == 0) {
        return pass_rows(t, in, err);
    }
    TRY(columns_to_views(t->views, in->columns, in->column_count, in->row_count, scratch, err));
    delta rows = *in;
    rows.columns = t->views;
    if (self->spec->mode == MODE_STREAM) {
        return top_n_stream_push(t, &rows, err);
    }
    TRY(keep_rows(t, &rows, err));
    const int64_t kept = t->part_count > 0 ? t->sorted : t->end;
    const int64_t room = max_i64(sat_mul_i64(kept, 2), TOP_N_BUFFER_ROWS);
    return builder_rows(&t->rows) > room ? compact(t, err) : OK;
}

static status
top_n_tick(op *self, int64_t frontier_us, error *err) {
    top_n *t = (top_n *)self;
    arena *scratch = self->env->scratch;
    (void)frontier_us;
    if (self->spec->mode == MODE_STREAM) {
        return top_n_stream_tick(t, err);
    }
    if (t->key_count == 0 || builder_rows(&t->rows) == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(scratch);
    delta            all;
    builder_view(&t->rows, t->kept_views, &all);
    int32_t  count = 0;
    int32_t *picked = arena_alloc(scratch, (size_t)all.row_count * sizeof(*picked));
    if (picked == NULL) {
        return error_memory(err);
    }
    TRY(pick_rows(t, &all, self->spec->offset, picked, &count, err));
    TRY(rows_emit(self, &all, picked, 0, count, err));
    arena_rewind(scratch, mark);
    return OK;
}

static status
top_n_snapshot(op *self, op *target, int32_t port, error *err) {
    return top_n_stream_snapshot((top_n *)self, target, port, err);
}

static status
top_n_merge(op *self, op *other, error *err) {
    return merge_by_rows(self, other, top_n_stream_give, err);
}

static status
top_n_validate(const op *self, error *err) {
    const top_n *t = (const top_n *)self;
    return self->spec->mode == MODE_STREAM ? top_n_stream_validate(t, err) : OK;
}

static int64_t
top_n_state_rows(const op *self) {
    return (int64_t)((const top_n *)self)->table.live_count;
}

static status
top_n_forget(op *self, error *err) {
    return top_n_stream_forget((top_n *)self, err);
}

static status
top_n_load(op *self, image_reader *in, error *err) {
    top_n *t = (top_n *)self;
    (void)in;
    return top_n_stream_rebuild(t, err);
}

const op_class op_top_n_class = {
    .name = "top_n",
    .size = sizeof(top_n),
    .open = top_n_open,
    .push = top_n_push,
    .tick = top_n_tick,
    .forget = top_n_forget,
    .snapshot = top_n_snapshot,
    .merge = top_n_merge,
    .validate = top_n_validate,
    .state_rows = top_n_state_rows,
    .load = top_n_load,
    .close = top_n_close,
};
