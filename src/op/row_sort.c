/* SPDX-License-Identifier: Apache-2.0 */
/* row_sort.c - see row_sort.h. */
#include "op/row_sort.h"

status
row_sort_open(row_sort *s, op *owner, const schema *rows, const sort_key *keys, int32_t key_count,
              error *err) {
    arena *a = owner->env->arena;
    *s = (row_sort){.owner = owner,
                    .schema = rows,
                    .keys = keys,
                    .key_count = key_count,
                    .row_bytes = SORT_ROW_BYTES,
                    .file = {.owner = owner}};
    s->types = schema_types(rows, a);
    s->views = arena_alloc(a, (size_t)rows->count * sizeof(column));
    if (s->types == NULL || s->views == NULL) {
        return error_memory(err);
    }
    return builder_init(&s->rows, owner->env->mem, s->types, rows->count, err);
}

void
row_sort_close(row_sort *s) {
    if (s->owner == NULL) {
        return;
    }
    row_merge_end(s);
    builder_fini(&s->rows);
    for (int32_t i = 0; i < s->run_count; i++) {
        spill_rows_fini(&s->runs[i]);
    }
    mem_free(s->owner->env->mem, s->runs, sizeof(*s->runs) * (size_t)s->run_capacity);
    spill_file_close(&s->file);
    *s = (row_sort){.owner = NULL};
}

status
row_sort_order(row_sort *s, delta *all, int32_t **order, arena *a, error *err) {
    builder_view(&s->rows, s->views, all);
    *order = arena_alloc(a, (size_t)all->row_count * sizeof(**order));
    if (*order == NULL) {
        return error_memory(err);
    }
    const op_env *env = s->owner->env;
    const team    t = {.pool = env->pool, .threads = env->threads, .watched = env->interrupted};
    TRY(op_poll(s->owner, err));
    return sort_rows_with(&t, *order, all->columns, all->row_count, s->keys, s->key_count, a, err);
}

/* NULL: out of memory. */
static spill_rows *
open_run(row_sort *s) {
    mem *m = s->owner->env->mem;
    if (s->run_count == s->run_capacity) {
        const int32_t grown = s->run_capacity == 0 ? 8 : s->run_capacity * 2;
        void         *runs = mem_resize(m, s->runs, sizeof(*s->runs) * (size_t)s->run_capacity,
                                        sizeof(*s->runs) * (size_t)grown);
        if (runs == NULL) {
            return NULL;
        }
        s->runs = runs;
        s->run_capacity = grown;
    }
    spill_rows *run = &s->runs[s->run_count++];
    spill_rows_init(run, &s->file);
    return run;
}

static status
write_run(row_sort *s, arena *scratch, error *err) {
    delta    all;
    int32_t *order;
    TRY(row_sort_order(s, &all, &order, scratch, err));
    spill_rows *run = open_run(s);
    if (run == NULL) {
        return error_memory(err);
    }
    for (int32_t first = 0; first < all.row_count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(BATCH_ROWS, all.row_count - first);
        delta            rows;
        TRY(delta_gather(&rows, &all, order + first, count, scratch, err));
        TRY(spill_rows_add(run, &rows, err));
        arena_rewind(scratch, mark);
    }
    return spill_rows_end(run, err);
}

status
row_sort_spill(row_sort *s, error *err) {
    const op_env    *env = s->owner->env;
    const arena_mark mark = arena_save(env->scratch);
    if (builder_rows(&s->rows) == 0) {
        return OK;
    }
    TRY(write_run(s, env->scratch, err));
    arena_rewind(env->scratch, mark);
    builder_fini(&s->rows);
    s->based = false;
    return builder_init(&s->rows, env->mem, s->types, s->schema->count, err);
}

status
row_sort_add(row_sort *s, const delta *rows, error *err) {
    const op_env *env = s->owner->env;
    if (LIKELY(!spill_is_possible(env))) {
        return rows_append(s->owner, &s->rows, rows, err);
    }
    if (!s->based) {
        s->bytes_before = spill_bytes_used(env);
        s->based = true;
    }
    TRY(rows_append(s->owner, &s->rows, rows, err));
    const int64_t more = (int64_t)builder_rows(&s->rows) * s->row_bytes;
    return spill_wanted(env, s->bytes_before, more) ? row_sort_spill(s, err) : OK;
}
