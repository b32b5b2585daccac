/* SPDX-License-Identifier: Apache-2.0 */
/* over_once.c - window functions of one-off queries: all rows are sorted once, and all calls
 * computed over all partitions in one pass, portion by portion (over_portions.c).
 *
 * Where memory has no room for the rows they are sorted on disk and come back in order. Whole
 * partitions are computed as soon as they are many enough, so the answer and its order are the
 * same; a partition that has no room by itself is an error. */
#include "op/over.h"

status
over_once_open(over *o, error *err) {
    const op_spec *spec = o->base.spec;
    const int32_t  keys = o->ties_matter ? o->order_count : spec->key_count + o->peer_count;
    TRY(row_sort_open(&o->sorted, &o->base, spec->input[0], o->order, keys, err));
    int64_t columns = o->call_count;
    for (int32_t i = 0; i < o->input_count; i++) {
        columns += o->reads[i];
    }
    o->sorted.row_bytes += columns * (int64_t)sizeof(text);
    return builder_init(&o->rows, o->base.env->mem, o->sorted.types, o->input_count, err);
}

static status
answer_all(over *o, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            all;
    int32_t         *order;
    TRY(row_sort_order(&o->sorted, &all, &order, scratch, err));
    TRY(over_answer(o, &all, order, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* ---- from disk */

/* The rows that came back in order and were not answered: whole partitions, and the beginning of
 * one that may go on. */
typedef struct over_pending {
    delta   all;
    int32_t whole; /* rows of whole partitions */
    int64_t base;  /* bytes in use before there were any */
} over_pending;

/* Where the last partition begins; `before` rows have been looked at. */
static status
find_whole(over *o, over_pending *p, int32_t before, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const int32_t    first = before > 0 ? (before - 1) & ~63 : 0; /* where a slice may begin */
    const int32_t    count = p->all.row_count - first;
    uint8_t         *same = arena_alloc(scratch, (size_t)count);
    column          *columns = arena_alloc(scratch, (size_t)o->input_count * sizeof(*columns));
    if (same == NULL || columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->input_count; i++) {
        columns[i] = column_slice(&o->views[i], first);
    }
    TRY(over_same_as_previous(same, columns, o->order, o->base.spec->key_count, NULL, count,
                              scratch, err));
    for (int32_t i = 1; i < count; i++) {
        p->whole = same[i] ? p->whole : first + i;
    }
    arena_rewind(scratch, mark);
    return OK;
}

static status
take_rows(over *o, over_pending *p, const delta *rows, error *err) {
    const int32_t before = builder_rows(&o->rows);
    TRY(rows_append(&o->base, &o->rows, rows, err));
    builder_view(&o->rows, o->views, &p->all);
    return find_whole(o, p, before, err);
}

/* Of the rows that wait those of the last partition stay. */
static status
keep_last(over *o, over_pending *p, const int32_t *rows, error *err) {
    arena  *scratch = o->base.env->scratch;
    delta   last;
    builder kept;
    TRY(delta_gather(&last, &p->all, rows, p->all.row_count - p->whole, scratch, err));
    TRY(builder_init(&kept, o->base.env->mem, o->sorted.types, o->input_count, err));
    const status s = builder_append_delta(&kept, &last, err);
    if (s < 0) {
        builder_fini(&kept);
        return s;
    }
    builder_fini(&o->rows);
    o->rows = kept;
    builder_view(&o->rows, o->views, &p->all);
    p->whole = 0;
    return OK;
}

/* `count` rows, of whole partitions. DONE: the consumers have enough. */
static status
answer_whole(over *o, over_pending *p, int32_t count, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const int32_t    n = p->all.row_count;
    int32_t         *order = arena_alloc(scratch, (size_t)n * sizeof(*order));
    delta            rows = p->all;
    if (order == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    rows.row_count = count;
    const status s = over_answer(o, &rows, order, err);
    TRY(s);
    TRY(count < n ? keep_last(o, p, order + count, err) : OK);
    arena_rewind(scratch, mark);
    return s;
}

static status
answer_merged(over *o, over_pending *p, error *err) {
    const op_env *env = o->base.env;
    TRY(row_merge_start(&o->sorted, err));
    p->base = spill_bytes_used(env);
    for (;;) {
        delta rows;
        TRY(row_merge_next(&o->sorted, &rows, err));
        if (rows.row_count == 0) {
            break;
        }
        TRY(take_rows(o, p, &rows, err));
        const int64_t more = p->all.row_count * o->sorted.row_bytes;
        if (p->whole > 0 && spill_wanted(env, p->base, more)) {
            const status s = answer_whole(o, p, p->whole, err);
            if (s != OK) {
                return s;
            }
        }
    }
    const status s = p->whole > 0 ? answer_whole(o, p, p->whole, err) : OK;
    return s != OK ? s : answer_whole(o, p, p->all.row_count, err);
}

static status
no_room(const over_pending *p, error *err) {
    error_set(err, ERR_OUT_OF_MEMORY,
              "out of memory: a window function has no room for one partition, of %d rows or more",
              p->all.row_count);
    error_hint(err, "raise memory_limit, or let PARTITION BY make smaller partitions");
    return ERR_OUT_OF_MEMORY;
}

status
over_once_tick(over *o, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    over_pending     p = {.whole = 0};
    if (o->sorted.run_count == 0) {
        return builder_rows(&o->sorted.rows) == 0 ? OK : answer_all(o, err);
    }
    const status s = answer_merged(o, &p, err);
    row_merge_end(&o->sorted);
    if (s == ERR_OUT_OF_MEMORY && p.whole == 0 && p.all.row_count > 0) {
        return no_room(&p, err);
    }
    arena_rewind(scratch, mark);
    return s < 0 ? s : OK;
}
