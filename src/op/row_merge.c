/* SPDX-License-Identifier: Apache-2.0 */
/* row_merge.c - the external part of sorting: sorted runs are merged by a heap of their next rows.
 * Where there are more runs than may be read at once, neighbours are merged into longer runs first.
 */
#include "op/row_sort.h"

/* A run that is read holds a block as bytes and as rows, and about as much again. */
#define READER_BLOCKS 6
#define FAN_IN_MIN 4
#define FAN_IN_MAX 256

/* ---- the merge of some runs */

typedef struct merge_input {
    spill_reader reader;
    delta        rows; /* that are in memory; row_count 0: the run is at its end */
    int32_t      at;
} merge_input;

struct row_merge {
    row_sort    *owner;
    int32_t      count; /* inputs */
    merge_input *inputs;
    int32_t      heap_count;
    int32_t     *heap; /* input numbers; the least row first */
    builder      out;
};

static bool
comes_before(const row_merge *m, int32_t a, int32_t b) {
    const row_sort    *s = m->owner;
    const merge_input *x = &m->inputs[a];
    const merge_input *y = &m->inputs[b];
    const int          order =
        compare_sort_keys(x->rows.columns, x->at, y->rows.columns, y->at, s->keys, s->key_count);
    return order != 0 ? order < 0 : a < b;
}

/* Puts the input at the top of the heap into its place. */
static void
sift_down(row_merge *m) {
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
sift_up(row_merge *m, int32_t at) {
    const int32_t moved = m->heap[at];
    while (at > 0 && comes_before(m, moved, m->heap[(at - 1) / 2])) {
        m->heap[at] = m->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    m->heap[at] = moved;
}

static status
fill_merge(row_merge *m, const spill_rows *runs, error *err) {
    const row_sort *s = m->owner;
    op_env         *env = s->owner->env;
    m->inputs = mem_alloc_zero(env->mem, sizeof(*m->inputs) * (size_t)m->count);
    m->heap = mem_alloc(env->mem, sizeof(*m->heap) * (size_t)m->count);
    if (m->inputs == NULL || m->heap == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < m->count; i++) {
        merge_input *in = &m->inputs[i];
        TRY(spill_reader_open(&in->reader, &runs[i], s->schema, env->scratch, err));
        TRY(spill_reader_next(&in->reader, &in->rows, err));
        if (in->rows.row_count > 0) {
            m->heap[m->heap_count++] = i;
            sift_up(m, m->heap_count - 1);
        }
    }
    return builder_init(&m->out, env->mem, s->types, s->schema->count, err);
}

void
row_merge_end(row_sort *s) {
    row_merge *m = s->merge;
    mem       *memory = s->owner == NULL ? NULL : s->owner->env->mem;
    if (m == NULL) {
        return;
    }
    for (int32_t i = 0; m->inputs != NULL && i < m->count; i++) {
        spill_reader_close(&m->inputs[i].reader);
    }
    mem_free(memory, m->inputs, sizeof(*m->inputs) * (size_t)m->count);
    mem_free(memory, m->heap, sizeof(*m->heap) * (size_t)m->count);
    builder_fini(&m->out);
    mem_free(memory, m, sizeof(*m));
    s->merge = NULL;
}

/* Of `count` runs from number `first` on. */
static status
open_merge(row_sort *s, int32_t first, int32_t count, error *err) {
    s->merge = mem_alloc_zero(s->owner->env->mem, sizeof(*s->merge));
    if (s->merge == NULL) {
        return error_memory(err);
    }
    s->merge->owner = s;
    s->merge->count = count;
    return fill_merge(s->merge, &s->runs[first], err);
}

/* The rows first .. at of the input, which are next. */
static status
copy_rows(row_merge *m, const merge_input *in, int32_t first, error *err) {
    arena           *scratch = m->owner->owner->env->scratch;
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
take_run(row_merge *m, error *err) {
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

status
row_merge_next(row_sort *s, delta *out, error *err) {
    row_merge *m = s->merge;
    TRY(op_poll(s->owner, err));
    builder_truncate(&m->out, 0);
    while (m->heap_count > 0 && builder_rows(&m->out) < BATCH_ROWS) {
        TRY(take_run(m, err));
    }
    builder_view(&m->out, s->views, out);
    return OK;
}

/* ---- all runs */

static status
write_merged(row_sort *s, int32_t first, int32_t count, spill_rows *to, error *err) {
    TRY(open_merge(s, first, count, err));
    for (;;) {
        delta rows;
        TRY(row_merge_next(s, &rows, err));
        if (rows.row_count == 0) {
            return spill_rows_end(to, err);
        }
        TRY(spill_rows_add(to, &rows, err));
    }
}

/* Neighbours become one run each, in their order. */
static status
shorten(row_sort *s, int32_t fan_in, error *err) {
    arena  *scratch = s->owner->env->scratch;
    int32_t made = 0;
    for (int32_t first = 0; first < s->run_count; first += fan_in) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(fan_in, s->run_count - first);
        spill_rows       longer;
        spill_rows_init(&longer, &s->file);
        const status written = write_merged(s, first, count, &longer, err);
        row_merge_end(s);
        arena_rewind(scratch, mark);
        if (written < 0) {
            spill_rows_fini(&longer);
            return written;
        }
        for (int32_t i = 0; i < count; i++) {
            spill_rows_fini(&s->runs[first + i]);
        }
        s->runs[made++] = longer;
    }
    s->run_count = made;
    return OK;
}

status
row_merge_start(row_sort *s, error *err) {
    TRY(row_sort_spill(s, err));
    const int64_t block = s->runs[0].block_bytes;
    const int64_t fit = 2 * spill_unit(s->owner->env) / (READER_BLOCKS * block);
    const int32_t fan_in = (int32_t)min_i64(max_i64(fit, FAN_IN_MIN), FAN_IN_MAX);
    while (s->run_count > fan_in) {
        TRY(shorten(s, fan_in, err));
    }
    return open_merge(s, 0, s->run_count, err);
}
