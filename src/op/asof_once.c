/* SPDX-License-Identifier: Apache-2.0 */
/* asof_once.c - ASOF joins of one-off queries, which feed all of the right side first. It is sorted
 * once by keys and time; a left row finds its key by hash and its place by a search that starts
 * where the last one of that key ended, so left rows in order of time cost little more than a
 * merge. Right rows that memory has no room for are sorted on disk (asof_spill.c). */
#include "op/asof.h"

/* A side in the order of its keys, the time, and for the right one all the rest. */
static status
open_sort(asof *o, int32_t side, row_sort *out, error *err) {
    const schema *rows = o->base.spec->input[side];
    const size_t  room = (size_t)o->key_count + 1 + (size_t)rows->count;
    sort_key     *keys = arena_alloc_zero(o->base.env->arena, room * sizeof(*keys));
    if (keys == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (; count <= o->key_count; count++) {
        keys[count].column = o->keys[side][count];
    }
    for (int32_t i = 0; side == ASOF_RIGHT && i < rows->count; i++) {
        keys[count++].column = i;
    }
    return row_sort_open(out, &o->base, rows, keys, count, err);
}

status
asof_open_groups(asof *o, error *err) {
    arena     *a = o->base.env->arena;
    data_type *types = arena_alloc(a, (size_t)o->key_count * sizeof(*types));
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->key_count; i++) {
        types[i] = o->right.types[o->keys[ASOF_RIGHT][i]];
    }
    return group_table_open(&o->groups, o->base.env->store, "asof.groups", types, o->key_count,
                            err);
}

status
asof_once_open(asof *o, error *err) {
    TRY(open_sort(o, ASOF_LEFT, &o->left, err));
    TRY(open_sort(o, ASOF_RIGHT, &o->right, err));
    return asof_open_groups(o, err);
}

void
asof_once_close(asof *o) {
    group_table_close(&o->groups);
    row_sort_close(&o->left);
    row_sort_close(&o->right);
    builder_fini(&o->window);
}

/* ---- the right side */

static status
keep_right(asof *o, const delta *in, error *err) {
    arena   *scratch = o->base.env->scratch;
    uint8_t *complete;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int32_t  count = 0;
    delta    kept;
    if (rows == NULL) {
        return error_memory(err);
    }
    TRY(asof_complete_rows(&complete, o, ASOF_RIGHT, in->row_count, scratch, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += complete[i] && delta_weight(in, i) > 0;
    }
    if (count == 0) {
        return OK;
    }
    TRY(delta_gather(&kept, in, rows, count, scratch, err));
    kept.weight = NULL; /* copies of a row are one to match */
    return row_sort_add(&o->right, &kept, err);
}

/* Groups of equal keys in the sorted rows; their slots count from 0. */
static status
cut_groups(asof *o, const delta *all, arena *a, error *err) {
    arena        *scratch = o->base.env->scratch;
    const int32_t n = all->row_count;
    slot         *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    o->group_start = arena_alloc(a, ((size_t)n + 1) * sizeof(*o->group_start));
    if (slots == NULL || o->group_start == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t first = 0; first < n && o->key_count > 0; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    rows = n - first < BATCH_ROWS ? n - first : BATCH_ROWS;
        for (int32_t k = 0; k < o->key_count; k++) {
            TRY(column_gather(&o->key_views[k], &all->columns[o->keys[ASOF_RIGHT][k]],
                              o->order + first, rows, scratch, err));
        }
        TRY(group_table_map(&o->groups, o->key_views, rows, slots, NULL, scratch, err));
        for (int32_t i = 0; i < rows; i++) {
            if (slots[i] == (slot)count) { /* sorted, so groups come one after the other */
                o->group_start[count++] = first + i;
            }
        }
        arena_rewind(scratch, mark);
    }
    if (o->key_count == 0) {
        o->group_start[count++] = 0;
    }
    o->group_start[count] = n;
    o->group_hint = arena_alloc(a, ((size_t)count + 1) * sizeof(*o->group_hint));
    if (o->group_hint == NULL) {
        return error_memory(err);
    }
    memcpy(o->group_hint, o->group_start, (size_t)count * sizeof(*o->group_hint));
    return OK;
}

status
asof_index(asof *o, const delta *all, int32_t *order, arena *a, error *err) {
    arena        *scratch = o->base.env->scratch;
    const int32_t at = o->keys[ASOF_RIGHT][o->key_count];
    column        times;
    o->rows = *all;
    o->order = order;
    TRY(cut_groups(o, all, a, err));
    const arena_mark mark = arena_save(scratch);
    TRY(column_gather(&times, &all->columns[at], order, all->row_count, scratch, err));
    TRY(asof_times(&o->times, &times, all->row_count, a, err));
    if (a != scratch) {
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
sort_right(asof *o, error *err) {
    arena   *a = o->base.env->arena;
    delta    all;
    int32_t *order;
    o->sorted = true;
    builder_view(&o->right.rows, o->right.views, &o->rows);
    if (o->rows.row_count == 0) {
        return OK;
    }
    TRY(row_sort_order(&o->right, &all, &order, a, err));
    return asof_index(o, &all, order, a, err);
}

/* ---- left rows */

/* The first place in [first, end) whose time is not before `time` (after: not at it either). Looks
 * around `hint` in steps that double. */
static int32_t
search_time(const int64_t *times, int32_t first, int32_t end, int32_t hint, int64_t time,
            bool after) {
    int32_t low = first;
    int32_t high = end;
    int64_t step = 1;
    if (hint < end && (times[hint] < time || (after && times[hint] == time))) {
        low = hint + 1;
        while (hint + step < end &&
               (times[hint + step] < time || (after && times[hint + step] == time))) {
            low = (int32_t)(hint + step + 1);
            step *= 2;
        }
        high = hint + step < end ? (int32_t)(hint + step) : end;
    } else {
        high = hint < end ? hint : end;
        while (high - step >= first &&
               !(times[high - step] < time || (after && times[high - step] == time))) {
            high = (int32_t)(high - step);
            step *= 2;
        }
        low = high - step >= first ? (int32_t)(high - step + 1) : first;
    }
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (times[middle] < time || (after && times[middle] == time)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool
asof_looks_after(const asof *o) {
    const op_match match = o->base.spec->match;
    return match != OP_MATCH_GREATER && match != OP_MATCH_LESS_EQUAL;
}

/* The place of the match of a left row in a group, -1: none. */
static int32_t
find_match(asof *o, slot group, int64_t time) {
    const int32_t  first = o->group_start[group];
    const int32_t  end = o->group_start[group + 1];
    const op_match match = o->base.spec->match;
    const bool     after = asof_looks_after(o);
    const int32_t  at = search_time(o->times, first, end, o->group_hint[group], time, after);
    int32_t        found = -1;
    o->group_hint[group] = at;
    switch (match) {
    case OP_MATCH_GREATER_EQUAL:
    case OP_MATCH_GREATER:
        found = at > first ? at - 1 : -1;
        break;
    case OP_MATCH_LESS_EQUAL:
    case OP_MATCH_LESS:
        found = at < end ? at : -1;
        break;
    case OP_MATCH_NEAREST:
        if (at > first && at < end) {
            found = asof_prefers_earlier(o, time, o->times[at - 1], o->times[at]) ? at - 1 : at;
        } else {
            found = at > first ? at - 1 : at < end ? at : -1;
        }
        break;
    }
    return found >= 0 && asof_is_near(o, time, o->times[found]) ? found : -1;
}

static status
emit_matches(asof *o, const delta *in, const int32_t *rows, const int32_t *matches, int32_t count,
             error *err) {
    arena        *scratch = o->base.env->scratch;
    const int32_t left_count = o->base.spec->input[ASOF_LEFT]->count;
    for (int32_t i = 0; i < o->base.spec->output->count; i++) {
        if (i < left_count) {
            TRY(column_gather(&o->output[i], &in->columns[i], rows, count, scratch, err));
        } else {
            TRY(column_gather(&o->output[i], &o->rows.columns[i - left_count], matches, count,
                              scratch, err));
        }
    }
    int64_t *weights = NULL;
    if (in->weight != NULL) {
        weights = arena_alloc(scratch, (size_t)count * sizeof(*weights));
        if (weights == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < count; i++) {
            weights[i] = in->weight[rows[i]];
        }
    }
    const delta out = {.row_count = count,
                       .column_count = o->base.spec->output->count,
                       .columns = o->output,
                       .weight = weights};
    return op_emit(&o->base, &out, err);
}

status
asof_answer_none(asof *o, const delta *in, const int32_t *rows, int32_t count, error *err) {
    int32_t *none = arena_alloc(o->base.env->scratch, (size_t)count * sizeof(*none));
    if (none == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        none[i] = -1;
    }
    builder_view(&o->right.rows, o->right.views, &o->rows);
    return emit_matches(o, in, rows, none, count, err);
}

status
asof_answer(asof *o, const delta *in, error *err) {
    arena   *scratch = o->base.env->scratch;
    slot    *groups = arena_alloc_zero(scratch, (size_t)in->row_count * sizeof(*groups));
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int32_t *matches = arena_alloc(scratch, (size_t)in->row_count * sizeof(*matches));
    uint8_t *complete;
    int64_t *times;
    if (groups == NULL || rows == NULL || matches == NULL) {
        return error_memory(err);
    }
    TRY(asof_complete_rows(&complete, o, ASOF_LEFT, in->row_count, scratch, err));
    TRY(asof_times(&times, &in->columns[o->keys[ASOF_LEFT][o->key_count]], in->row_count, scratch,
                   err));
    for (int32_t k = 0; k < o->key_count; k++) {
        o->key_views[k] = in->columns[o->keys[ASOF_LEFT][k]];
    }
    if (o->key_count > 0) {
        TRY(group_table_find(&o->groups, o->key_views, in->row_count, groups, scratch, err));
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        const bool    known = complete[i] && groups[i] != SLOT_NONE && o->times != NULL;
        const int32_t at = known ? find_match(o, groups[i], times[i]) : -1;
        rows[count] = i;
        matches[count] = at < 0 ? -1 : o->order[at];
        count += at >= 0 || o->pads;
    }
    return count == 0 ? OK : emit_matches(o, in, rows, matches, count, err);
}

status
asof_once_push(asof *o, int32_t port, const delta *in, error *err) {
    if (port == ASOF_RIGHT) {
        return keep_right(o, in, err);
    }
    if (o->right.run_count > 0) {
        return asof_keep_left(o, in, err);
    }
    TRY(o->sorted ? OK : sort_right(o, err));
    return asof_answer(o, in, err);
}
