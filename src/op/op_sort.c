/* SPDX-License-Identifier: Apache-2.0 */
/* op_sort.c - ORDER BY of one-off queries, and a LIMIT too large for op_top_n.c, which keeps its
 * rows in memory. Streams have no order; they use top_n.
 *
 * push:  copies the rows, as often as their weight says; what memory has no room for goes to disk
 *        as a sorted run
 * tick:  sorts all of them, stably, and emits; or merges the runs */
#include "op/row_sort.h"

#define COUNTED_ROWS (16 * BATCH_ROWS)

typedef struct sort {
    op       base;
    row_sort rows;
    int64_t  first, end; /* places that are wanted */
    int64_t  place;      /* of the next row of the merge */
} sort;

static status
sort_open(op *self, error *err) {
    sort          *o = (sort *)self;
    const op_spec *spec = self->spec;
    assert(spec->mode == MODE_ONCE);
    o->first = spec->offset;
    o->end = spec->limit < 0 ? INT64_MAX : sat_add_i64(o->first, spec->limit);
    return row_sort_open(&o->rows, self, spec->input[0], spec->sort_keys, spec->sort_count, err);
}

static void
sort_close(op *self) {
    row_sort_close(&((sort *)self)->rows);
}

static status
sort_push(op *self, int32_t port, const delta *in, error *err) {
    (void)port;
    return row_sort_add(&((sort *)self)->rows, in, err);
}

static status
emit_sorted(sort *o, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            all;
    int32_t         *order;
    TRY(row_sort_order(&o->rows, &all, &order, scratch, err));
    progress_add(o->base.env->counted, (PROGRESS_SORT - 1) * (int64_t)all.row_count);
    const int64_t end = min_i64(all.row_count, o->end);
    status        s = OK;
    for (int64_t at = o->first; at < end && s == OK; at += COUNTED_ROWS) {
        const int64_t next = min_i64(at + COUNTED_ROWS, end);
        s = rows_emit(&o->base, &all, order, at, next, err);
        progress_add(o->base.env->counted, next - at);
    }
    arena_rewind(scratch, mark);
    return s < 0 ? s : OK;
}

/* Those rows whose places are wanted. DONE: there are no more, or nobody wants them. */
static status
emit_wanted(sort *o, const delta *rows, error *err) {
    arena        *scratch = o->base.env->scratch;
    const int64_t first = max_i64(o->first - o->place, 0);
    const int64_t end = min_i64(o->end - o->place, rows->row_count);
    o->place += rows->row_count;
    if (first == 0 && end == rows->row_count) {
        return op_emit(&o->base, rows, err);
    }
    int32_t *picked = arena_alloc(scratch, sizeof(*picked) * (size_t)rows->row_count);
    if (picked == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->row_count; i++) {
        picked[i] = i;
    }
    TRY(rows_emit(&o->base, rows, picked, first, end, err));
    return o->place >= o->end ? DONE : OK;
}

static status
emit_merged(sort *o, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    status           s = row_merge_start(&o->rows, err);
    while (s == OK) {
        const arena_mark inner = arena_save(scratch);
        delta            rows;
        s = row_merge_next(&o->rows, &rows, err);
        if (s < 0 || rows.row_count == 0) {
            break;
        }
        progress_add(o->base.env->counted, PROGRESS_SORT * (int64_t)rows.row_count);
        s = emit_wanted(o, &rows, err);
        arena_rewind(scratch, inner);
    }
    row_merge_end(&o->rows);
    arena_rewind(scratch, mark);
    return s < 0 ? s : OK;
}

static status
sort_tick(op *self, int64_t frontier_us, error *err) {
    sort *o = (sort *)self;
    (void)frontier_us;
    if (o->rows.run_count > 0) {
        return emit_merged(o, err);
    }
    return builder_rows(&o->rows.rows) == 0 ? OK : emit_sorted(o, err);
}

const op_class op_sort_class = {
    .name = "sort",
    .size = sizeof(sort),
    .open = sort_open,
    .push = sort_push,
    .tick = sort_tick,
    .close = sort_close,
};
