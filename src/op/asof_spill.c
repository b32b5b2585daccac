/* SPDX-License-Identifier: Apache-2.0 */
/* asof_spill.c - one-off ASOF joins whose right side has no room in memory: both sides are sorted
 * on disk by keys and time, and come back together. Of the right side a window is in memory, which
 * begins with the last row of the one before; a left row is answered in the first window that
 * reaches beyond it. So no key is too large. */
#include "kernel/kernel.h"
#include "op/asof.h"

/* Left rows with keys and a time are sorted, the others have no match. */
status
asof_keep_left(asof *o, const delta *in, error *err) {
    arena   *scratch = o->base.env->scratch;
    uint8_t *complete;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int32_t  count = 0;
    delta    kept;
    if (rows == NULL) {
        return error_memory(err);
    }
    TRY(row_sort_spill(&o->right, err)); /* it is complete */
    TRY(asof_complete_rows(&complete, o, ASOF_LEFT, in->row_count, scratch, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += complete[i];
    }
    if (count == in->row_count) {
        return row_sort_add(&o->left, in, err);
    }
    TRY(delta_gather(&kept, in, rows, count, scratch, err));
    TRY(count > 0 ? row_sort_add(&o->left, &kept, err) : OK);
    count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += !complete[i];
    }
    return o->pads ? asof_answer_none(o, in, rows, count, err) : OK;
}

typedef struct asof_merge {
    asof     *join;
    sort_key *keys; /* of the columns below */
    column   *left, *right;
    column   *views;  /* of the window */
    bool      at_end; /* no right row is behind the window */
    bool      after;  /* rows at the time of the left row do not decide about it */
    int64_t   base;   /* bytes in use before the window */
} asof_merge;

static status
open_merge(asof_merge *m, asof *o, error *err) {
    arena       *scratch = o->base.env->scratch;
    const size_t width = (size_t)o->key_count + 1;
    *m = (asof_merge){.join = o, .after = asof_looks_after(o)};
    m->keys = arena_alloc_zero(scratch, width * sizeof(*m->keys));
    m->left = arena_alloc(scratch, width * sizeof(*m->left));
    m->right = arena_alloc(scratch, width * sizeof(*m->right));
    m->views =
        arena_alloc(scratch, (size_t)o->base.spec->input[ASOF_RIGHT]->count * sizeof(column));
    if (m->keys == NULL || m->left == NULL || m->right == NULL || m->views == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i <= o->key_count; i++) {
        m->keys[i].column = i;
    }
    TRY(row_merge_start(&o->right, err));
    TRY(row_merge_start(&o->left, err));
    m->base = spill_bytes_used(o->base.env);
    return OK;
}

/* The window begins anew, with its last row. */
static status
keep_last(asof *o, error *err) {
    arena        *scratch = o->base.env->scratch;
    const int32_t last = o->rows.row_count - 1;
    builder       kept;
    delta         row;
    TRY(builder_init(&kept, o->base.env->mem, o->right.types, o->base.spec->input[1]->count, err));
    status s = OK;
    if (last >= 0) {
        s = delta_gather(&row, &o->rows, &last, 1, scratch, err);
        s = s < 0 ? s : builder_append_delta(&kept, &row, err);
    }
    if (s < 0) {
        builder_fini(&kept);
        return s;
    }
    builder_fini(&o->window);
    o->window = kept;
    return OK;
}

static status
index_window(asof_merge *m, error *err) {
    asof    *o = m->join;
    arena   *scratch = o->base.env->scratch;
    delta    all;
    int32_t *order = arena_alloc(scratch, (size_t)builder_rows(&o->window) * sizeof(*order));
    if (order == NULL) {
        return error_memory(err);
    }
    builder_view(&o->window, m->views, &all);
    for (int32_t i = 0; i < all.row_count; i++) {
        order[i] = i;
    }
    for (int32_t i = 0; i <= o->key_count; i++) {
        m->right[i] = m->views[o->keys[ASOF_RIGHT][i]];
    }
    group_table_close(&o->groups);
    TRY(asof_open_groups(o, err));
    return asof_index(o, &all, order, scratch, err);
}

/* Its index lies in scratch, up to the caller's rewind. */
static status
next_window(asof_merge *m, error *err) {
    asof         *o = m->join;
    const op_env *env = o->base.env;
    TRY(keep_last(o, err));
    for (;;) {
        delta rows;
        TRY(row_merge_next(&o->right, &rows, err));
        m->at_end = rows.row_count == 0;
        if (m->at_end) {
            break;
        }
        TRY(builder_append_delta(&o->window, &rows, err));
        const int64_t more = (int64_t)builder_rows(&o->window) * SORT_ROW_BYTES;
        if (spill_wanted(env, m->base, more)) {
            break;
        }
    }
    return index_window(m, err);
}

/* Does the window reach beyond this left row? */
static bool
is_decided(const asof_merge *m, int32_t row) {
    const asof   *o = m->join;
    const int32_t last = o->rows.row_count - 1;
    if (m->at_end || last < 0) {
        return m->at_end;
    }
    const int order = compare_sort_keys(m->left, row, m->right, last, m->keys, o->key_count + 1);
    return order < 0 || (order == 0 && !m->after);
}

/* Of the left rows those from *at on that are decided. DONE: the consumers have enough. */
static status
answer_decided(asof_merge *m, const delta *in, int32_t *at, error *err) {
    asof    *o = m->join;
    arena   *scratch = o->base.env->scratch;
    int32_t *picked = arena_alloc(scratch, sizeof(*picked) * (size_t)in->row_count);
    int32_t  count = 0;
    delta    rows;
    if (picked == NULL) {
        return error_memory(err);
    }
    for (; *at < in->row_count && is_decided(m, *at); ++*at) {
        picked[count++] = *at;
    }
    if (count == 0) {
        return OK;
    }
    TRY(delta_gather(&rows, in, picked, count, scratch, err));
    memcpy(o->views[ASOF_LEFT], rows.columns, sizeof(column) * (size_t)rows.column_count);
    rows.columns = o->views[ASOF_LEFT];
    return asof_answer(o, &rows, err);
}

static status
run_merge(asof_merge *m, error *err) {
    asof            *o = m->join;
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    status           s = OK;
    while (s == OK) {
        delta left;
        TRY(row_merge_next(&o->left, &left, err));
        if (left.row_count == 0) {
            return OK;
        }
        for (int32_t i = 0; i <= o->key_count; i++) {
            m->left[i] = left.columns[o->keys[ASOF_LEFT][i]];
        }
        for (int32_t at = 0; s == OK && at < left.row_count;) {
            const arena_mark inner = arena_save(scratch);
            s = answer_decided(m, &left, &at, err);
            arena_rewind(scratch, inner);
            if (s == OK && at < left.row_count) {
                arena_rewind(scratch, mark);
                TRY(next_window(m, err));
            }
        }
    }
    return s;
}

status
asof_spilled(asof *o, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    asof_merge       m;
    if (builder_rows(&o->left.rows) == 0 && o->left.run_count == 0) {
        return OK;
    }
    o->rows = (delta){.row_count = 0};
    status s = open_merge(&m, o, err);
    s = s < 0 ? s : run_merge(&m, err);
    row_merge_end(&o->left);
    row_merge_end(&o->right);
    arena_rewind(scratch, mark);
    return s < 0 ? s : OK;
}
