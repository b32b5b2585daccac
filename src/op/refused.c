/* SPDX-License-Identifier: Apache-2.0 */
/* refused.c - see refused.h. Equal rows are one slot, so it does not matter which of them was the
 * late one. */
#include "op/refused.h"

#include <stdio.h>

#define INSERTS_SHIFT 4 /* inserts of a page, in bits */

static int64_t *
count_at(const refused *r, slot s) {
    return ARRAY_AT(&r->counts, int64_t, s);
}

status
refused_open(refused *r, store *s, const char *name, const data_type *types, int32_t count,
             error *err) {
    char label[160];
    r->open = true;
    TRY(group_table_open(&r->rows, s, name, types, count, err));
    snprintf(label, sizeof(label), "%.120s.counts", name);
    TRY(array_open(&r->counts, s, label, sizeof(int64_t), err));
    return ages_open(&r->inserts, s, name, 1, err); /* its clock is the number of a page */
}

void
refused_close(refused *r) {
    group_table_close(&r->rows);
    array_close(&r->counts);
    ages_close(&r->inserts);
}

status
refused_rebuild(refused *r, error *err) {
    if (!r->open) {
        return OK;
    }
    TRY(group_table_rebuild(&r->rows, err));
    const slot_set rows = group_table_slots(&r->rows);
    if (r->counts.count < rows.count) {
        return image_corrupt("counts of refused rows", err);
    }
    return ages_rebuild(&r->inserts, &rows, err);
}

/* Its count is no longer wanted. */
static status
forget(void *context, slot s, error *err) {
    refused *r = context;
    TRY(array_touch(&r->counts, s, 1, err));
    TRY(group_table_remove(&r->rows, s, err));
    *count_at(r, s) = 0;
    return OK;
}

/* Rows that came and went. */
static status
forget_gone(refused *r, const slot *slots, int32_t count, error *err) {
    for (int32_t i = 0; i < count; i++) {
        if (*count_at(r, slots[i]) == 0 && group_table_is_live(&r->rows, slots[i])) {
            TRY(ages_remove(&r->inserts, slots[i], err));
            TRY(forget(r, slots[i], err));
        }
    }
    return OK;
}

status
refused_add(refused *r, const op_env *env, const delta *rows, error *err) {
    const int64_t page = env->insert >> INSERTS_SHIFT;
    const int64_t kept = env->kept_from >> INSERTS_SHIFT; /* pages before it go */
    slot         *slots = arena_alloc(env->scratch, (size_t)rows->row_count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(ages_drain(&r->inserts, kept + 1, forget, r, env->scratch, err));
    TRY(group_table_map(&r->rows, rows->columns, rows->row_count, slots, NULL, env->scratch, err));
    const uint64_t limit = group_table_slot_count(&r->rows);
    TRY(array_reserve_to(&r->counts, limit, err));
    TRY(array_touch_each(&r->counts, slots, rows->row_count, err));
    for (int32_t i = 0; i < rows->row_count; i++) {
        *count_at(r, slots[i]) += rows->weight == NULL ? 1 : rows->weight[i];
    }
    TRY(ages_touch(&r->inserts, page, slots, rows->row_count, limit, env->scratch, err));
    return forget_gone(r, slots, rows->row_count, err);
}

status
refused_merge(refused *r, const refused *other, const op_env *env, error *err) {
    const state_columns *keys = &other->rows.keys;
    for (uint64_t next = 0; other->open && next < group_table_slot_count(&other->rows);) {
        const arena_mark mark = arena_save(env->scratch);
        slot            *slots = arena_alloc(env->scratch, BATCH_ROWS * sizeof(*slots));
        int64_t         *counts = arena_alloc(env->scratch, BATCH_ROWS * sizeof(*counts));
        column *columns = arena_alloc(env->scratch, (size_t)keys->column_count * sizeof(*columns));
        int32_t n = 0;
        TRY(slots == NULL || counts == NULL || columns == NULL ? error_memory(err) : OK);
        for (; n < BATCH_ROWS && next < group_table_slot_count(&other->rows); next++) {
            slots[n] = (slot)next;
            counts[n] = *count_at(other, (slot)next);
            n += group_table_is_live(&other->rows, (slot)next);
        }
        for (int32_t i = 0; i < keys->column_count && n > 0; i++) {
            TRY(state_columns_read(keys, i, slots, n, env->scratch, &columns[i], err));
        }
        const delta rows = {.row_count = n,
                            .column_count = keys->column_count,
                            .columns = columns,
                            .weight = counts};
        TRY(n == 0 ? OK : refused_add(r, env, &rows, err));
        arena_rewind(env->scratch, mark);
    }
    return OK;
}

status
refused_validate(const refused *r, error *err) {
    if (!r->open) {
        return OK;
    }
    TRY(group_table_validate(&r->rows, err));
    for (slot s = 0; s < group_table_slot_count(&r->rows); s++) {
        if ((*count_at(r, s) != 0) != group_table_is_live(&r->rows, s)) {
            return error_set(err, ERR_INTERNAL_ERROR, "refused: row %u counts %lld", s,
                             (long long)*count_at(r, s));
        }
    }
    return calendar_validate(&r->inserts.pages, r->rows.live_count, err);
}

static status
begin_use(const refused *r, refused_use *use, arena *a, error *err) {
    const size_t bytes = (size_t)group_table_slot_count(&r->rows) * sizeof(*use->left);
    if (use->left != NULL) {
        return OK;
    }
    use->left = arena_alloc(a, bytes);
    TRY(use->left == NULL ? error_memory(err) : OK);
    memcpy(use->left, r->counts.data, bytes);
    return OK;
}

status
refused_missing(const refused *r, refused_use *use, slot *next, column *columns, delta *out,
                arena *a, arena *scratch, error *err) {
    const uint64_t count = group_table_slot_count(&r->rows);
    slot          *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int64_t       *weight = arena_alloc(scratch, BATCH_ROWS * sizeof(*weight));
    int32_t        n = 0;
    TRY(slots == NULL || weight == NULL ? error_memory(err) : OK);
    TRY(count > 0 ? begin_use(r, use, a, err) : OK);
    for (; *next < count && n < BATCH_ROWS; (*next)++) {
        slots[n] = *next;
        weight[n] = -use->left[*next];
        n += weight[n] > 0;
    }
    const state_columns *keys = &r->rows.keys;
    *out = (delta){
        .row_count = n, .column_count = keys->column_count, .columns = columns, .weight = weight};
    for (int32_t i = 0; i < out->column_count && n > 0; i++) {
        TRY(state_columns_read(keys, i, slots, n, scratch, &columns[i], err));
    }
    return OK;
}

status
refused_leave_out(const refused *r, refused_use *use, delta *rows, arena *a, arena *scratch,
                  error *err) {
    const uint64_t count = group_table_slot_count(&r->rows);
    if (count == 0) {
        return OK;
    }
    TRY(begin_use(r, use, a, err));
    slot    *slots = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*slots));
    int32_t *kept = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*kept));
    int64_t *weight = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*weight));
    if (slots == NULL || kept == NULL || weight == NULL) {
        return error_memory(err);
    }
    TRY(group_table_find(&r->rows, rows->columns, rows->row_count, slots, scratch, err));
    int32_t n = 0;
    for (int32_t i = 0; i < rows->row_count; i++) {
        weight[i] = rows->weight == NULL ? 1 : rows->weight[i];
        if (slots[i] != SLOT_NONE) {
            const int64_t out = min_i64(weight[i], use->left[slots[i]]);
            use->left[slots[i]] -= out;
            weight[i] -= out;
        }
        kept[n] = i;
        n += weight[i] != 0;
    }
    delta all = *rows;
    all.weight = weight;
    rows->row_count = n;
    return n == 0 ? OK : delta_gather(rows, &all, kept, n, scratch, err);
}
