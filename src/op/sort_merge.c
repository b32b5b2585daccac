/* SPDX-License-Identifier: Apache-2.0 */
/* sort_merge.c - the external part of ORDER BY: runs are written sorted, and merged by a heap of
 * their next rows. Where there are more runs than may be read at once, neighbours are merged into
 * longer runs first. */
#include "op/sort.h"

/* A run that is read holds a block as bytes and as rows, and about as much again. */
#define READER_BLOCKS 6
#define FAN_IN_MIN 4
#define FAN_IN_MAX 256

/* ---- runs */

/* NULL: out of memory. */
static spill_rows *
open_run(sort *o) {
    mem *m = o->base.env->mem;
    if (o->run_count == o->run_capacity) {
        const int32_t grown = o->run_capacity == 0 ? 8 : o->run_capacity * 2;
        void         *runs = mem_resize(m, o->runs, sizeof(*o->runs) * (size_t)o->run_capacity,
                                        sizeof(*o->runs) * (size_t)grown);
        if (runs == NULL) {
            return NULL;
        }
        o->runs = runs;
        o->run_capacity = grown;
    }
    spill_rows *run = &o->runs[o->run_count++];
    spill_rows_init(run, &o->file);
    return run;
}

status
sort_add_run(sort *o, const delta *all, const int32_t *order, error *err) {
    arena      *scratch = o->base.env->scratch;
    spill_rows *run = open_run(o);
    if (run == NULL) {
        return error_memory(err);
    }
    for (int32_t first = 0; first < all->row_count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(BATCH_ROWS, all->row_count - first);
        delta            rows;
        TRY(delta_gather(&rows, all, order + first, count, scratch, err));
        TRY(spill_rows_add(run, &rows, err));
        arena_rewind(scratch, mark);
    }
    return spill_rows_end(run, err);
}

void
sort_close_runs(sort *o) {
    for (int32_t i = 0; i < o->run_count; i++) {
        spill_rows_fini(&o->runs[i]);
    }
    mem_free(o->base.env->mem, o->runs, sizeof(*o->runs) * (size_t)o->run_capacity);
    o->runs = NULL;
    o->run_count = 0;
    o->run_capacity = 0;
    spill_file_close(&o->file);
}

/* ---- the merge of some of them */

typedef struct merge_input {
    spill_reader reader;
    delta        rows; /* that are in memory; row_count 0: the run is at its end */
    int32_t      at;
} merge_input;

typedef struct merge {
    sort        *owner;
    int32_t      count; /* inputs */
    merge_input *inputs;
    int32_t      heap_count;
    int32_t     *heap; /* input numbers; the least row first */
    builder      out;
    spill_rows  *to; /* NULL: rows are emitted */
} merge;

static bool
comes_before(const merge *m, int32_t a, int32_t b) {
    const op_spec     *spec = m->owner->base.spec;
    const merge_input *x = &m->inputs[a];
    const merge_input *y = &m->inputs[b];
    const int          order = compare_sort_keys(x->rows.columns, x->at, y->rows.columns, y->at,
                                                 spec->sort_keys, spec->sort_count);
    return order != 0 ? order < 0 : a < b;
}

/* Puts the input at the top of the heap into its place. */
static void
sift_down(merge *m) {
    const int32_t moved = m->heap[0];
    int32_t       at = 0;
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= m->heap_count) {
            break;
        }
        if (child + 1 < m->heap_count && comes_before(m, m->heap[child + 1], m->heap[child])) {
            child++;
        }
        if (comes_before(m, moved, m->heap[child])) {
            break;
        }
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = moved;
}

static void
sift_up(merge *m, int32_t at) {
    const int32_t moved = m->heap[at];
    while (at > 0 && comes_before(m, moved, m->heap[(at - 1) / 2])) {
        m->heap[at] = m->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    m->heap[at] = moved;
}

static status
open_merge(merge *m, const spill_rows *runs, error *err) {
    const op     *self = &m->owner->base;
    const schema *in = self->spec->input[0];
    arena        *scratch = self->env->scratch;
    m->inputs = arena_alloc_zero(scratch, sizeof(*m->inputs) * (size_t)m->count);
    m->heap = arena_alloc(scratch, sizeof(*m->heap) * (size_t)m->count);
    if (m->inputs == NULL || m->heap == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < m->count; i++) {
        TRY(spill_reader_open(&m->inputs[i].reader, &runs[i], in, scratch, err));
        TRY(spill_reader_next(&m->inputs[i].reader, &m->inputs[i].rows, err));
        if (m->inputs[i].rows.row_count > 0) {
            m->heap[m->heap_count++] = i;
            sift_up(m, m->heap_count - 1);
        }
    }
    return builder_init(&m->out, self->env->mem, m->owner->types, in->count, err);
}

static void
close_merge(merge *m) {
    for (int32_t i = 0; m->inputs != NULL && i < m->count; i++) {
        spill_reader_close(&m->inputs[i].reader);
    }
    builder_fini(&m->out);
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
give(merge *m, error *err) {
    arena           *scratch = m->owner->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            rows;
    builder_view(&m->out, m->owner->views, &rows);
    if (rows.row_count == 0) {
        return OK;
    }
    const status s =
        m->to != NULL ? spill_rows_add(m->to, &rows, err) : emit_wanted(m->owner, &rows, err);
    arena_rewind(scratch, mark);
    builder_truncate(&m->out, 0);
    return s;
}

/* The rows first .. at of the input, which are next. */
static status
copy_rows(merge *m, const merge_input *in, int32_t first, error *err) {
    arena           *scratch = m->owner->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const int32_t    count = in->at - first;
    int32_t         *rows = arena_alloc(scratch, sizeof(*rows) * (size_t)count);
    delta            picked;
    if (rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        rows[i] = first + i;
    }
    TRY(delta_gather(&picked, &in->rows, rows, count, scratch, err));
    TRY(builder_append_delta(&m->out, &picked, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* As many rows of the first input as come before those of all others. */
static status
take_run(merge *m, error *err) {
    const int32_t at = m->heap[0];
    merge_input  *in = &m->inputs[at];
    const int32_t first = in->at;
    const int32_t end =
        (int32_t)min_i64(in->rows.row_count, first + BATCH_ROWS - builder_rows(&m->out));
    int32_t next = m->heap_count > 1 ? m->heap[1] : -1;
    if (m->heap_count > 2 && comes_before(m, m->heap[2], next)) {
        next = m->heap[2];
    }
    do {
        in->at++;
    } while (in->at < end && (next < 0 || comes_before(m, at, next)));
    TRY(copy_rows(m, in, first, err));
    if (in->at == in->rows.row_count) {
        in->at = 0;
        TRY(spill_reader_next(&in->reader, &in->rows, err));
    }
    if (in->rows.row_count == 0) {
        m->heap[0] = m->heap[--m->heap_count];
    }
    if (m->heap_count > 0) {
        sift_down(m);
    }
    return OK;
}

static status
run_merge(merge *m, const spill_rows *runs, error *err) {
    TRY(open_merge(m, runs, err));
    while (m->heap_count > 0) {
        TRY(take_run(m, err));
        if (builder_rows(&m->out) == BATCH_ROWS) {
            TRY(op_poll(&m->owner->base, err));
            const status s = give(m, err);
            if (s != OK) {
                return s;
            }
        }
    }
    return give(m, err);
}

/* Merges `count` runs from number `first` on; to NULL: emits their rows. */
static status
merge_runs(sort *o, int32_t first, int32_t count, spill_rows *to, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    merge            m = {.owner = o, .count = count, .to = to};
    status           s = run_merge(&m, &o->runs[first], err);
    close_merge(&m);
    arena_rewind(scratch, mark);
    return s >= 0 && to != NULL ? spill_rows_end(to, err) : s;
}

/* Neighbours become one run each, in their order. */
static status
shorten(sort *o, int32_t fan_in, error *err) {
    int32_t made = 0;
    for (int32_t first = 0; first < o->run_count; first += fan_in) {
        const int32_t count = (int32_t)min_i64(fan_in, o->run_count - first);
        spill_rows    longer;
        spill_rows_init(&longer, &o->file);
        const status s = merge_runs(o, first, count, &longer, err);
        if (s < 0) {
            spill_rows_fini(&longer);
            return s;
        }
        for (int32_t i = 0; i < count; i++) {
            spill_rows_fini(&o->runs[first + i]);
        }
        o->runs[made++] = longer;
    }
    o->run_count = made;
    return OK;
}

status
sort_merge(sort *o, error *err) {
    const int64_t block = o->runs[0].block_bytes;
    const int64_t fit = 2 * spill_unit(o->base.env) / (READER_BLOCKS * block);
    const int32_t fan_in = (int32_t)min_i64(max_i64(fit, FAN_IN_MIN), FAN_IN_MAX);
    while (o->run_count > fan_in) {
        TRY(shorten(o, fan_in, err));
    }
    const status s = merge_runs(o, 0, o->run_count, NULL, err);
    return s < 0 ? s : OK;
}
