/* SPDX-License-Identifier: Apache-2.0 */
/* op_asof.c - ASOF joins: each left row with the one right row of equal keys that is nearest in the
 * direction of the match (>=, >, <=, <, or either), within a tolerance; LEFT: left rows without one
 * come out padded with NULLs.
 *
 * One-off queries feed all of the right side first. It is sorted once by keys and time; a left row
 * finds its key by hash and its place by a search that starts where the last one of that key ended,
 * so left rows in order of time cost little more than a merge.
 *
 * push:  one-off: port 1 is kept, port 0 is answered. Stream: both are kept
 * tick:  stream: -old and +new of the left rows whose match changed (asof_stream.c) */
#include "op/asof.h"

#include "kernel/access.h"
#include "kernel/kernel.h"

/* ---- times */

status
asof_times(int64_t **out, const column *c, int32_t count, arena *a, error *err) {
    const physical p = type_physical(c->type);
    int64_t       *times = arena_alloc(a, (size_t)count * sizeof(*times));
    if (times == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (row_is_null(c, i)) {
            times[i] = 0;
        } else if (p == PHYSICAL_F64) {
            times[i] = f64_order(((const double *)c->values)[i]);
        } else {
            times[i] = row_i64(c, p, i);
        }
    }
    *out = times;
    return OK;
}

static bool
is_double(const asof *o) {
    const int32_t at = o->keys[ASOF_LEFT][o->key_count];
    return o->base.spec->input[ASOF_LEFT]->fields[at].type.id == TYPE_F64;
}

static uint64_t
distance(int64_t x, int64_t y) {
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

bool
asof_is_near(const asof *o, int64_t left, int64_t right) {
    const value *most = &o->base.spec->tolerance;
    if (most->is_null || left == right) {
        return true;
    }
    if (is_double(o)) {
        const double d = f64_of_order(left) - f64_of_order(right);
        return (d < 0 ? -d : d) <= most->d;
    }
    return distance(left, right) <= (uint64_t)most->i;
}

bool
asof_prefers_earlier(const asof *o, int64_t time, int64_t before, int64_t after) {
    if (is_double(o)) {
        return !(f64_of_order(after) - f64_of_order(time) <
                 f64_of_order(time) - f64_of_order(before));
    }
    return distance(time, before) <= distance(time, after);
}

status
asof_complete_rows(uint8_t **out, const asof *o, int32_t side, int32_t count, arena *a,
                   error *err) {
    uint8_t *complete = arena_alloc(a, (size_t)count);
    if (complete == NULL) {
        return error_memory(err);
    }
    memset(complete, 1, (size_t)count);
    for (int32_t k = 0; k <= o->key_count; k++) {
        const column *c = &o->views[side][o->keys[side][k]];
        for (int32_t i = 0; i < count && (c->validity != NULL || c->type.id == TYPE_NULL); i++) {
            complete[i] &= !row_is_null(c, i);
        }
    }
    *out = complete;
    return OK;
}

/* ---- open, close */

static status
asof_open(op *self, error *err) {
    asof          *o = (asof *)self;
    const op_spec *spec = self->spec;
    arena         *a = self->env->arena;
    o->judge.self = self;
    o->key_count = spec->key_count;
    o->keys[ASOF_LEFT] = spec->left_keys;
    o->keys[ASOF_RIGHT] = spec->right_keys;
    o->pads = spec->join == OP_JOIN_LEFT;
    const int32_t right_count = spec->input[ASOF_RIGHT]->count;
    assert(spec->output->count == spec->input[ASOF_LEFT]->count + right_count);
    o->output = arena_alloc(a, (size_t)spec->output->count * sizeof(column));
    o->key_views = arena_alloc(a, (size_t)o->key_count * sizeof(column));
    o->row_views = arena_alloc(a, (size_t)right_count * sizeof(column));
    for (int32_t side = 0; side < 2; side++) {
        o->views[side] = arena_alloc(a, (size_t)spec->input[side]->count * sizeof(column));
    }
    data_type *types = schema_types(spec->input[ASOF_RIGHT], a);
    data_type *key_types = arena_alloc(a, (size_t)o->key_count * sizeof(*key_types));
    if (o->output == NULL || o->key_views == NULL || o->row_views == NULL || o->views[0] == NULL ||
        o->views[1] == NULL || types == NULL || key_types == NULL) {
        return error_memory(err);
    }
    if (spec->mode == MODE_STREAM) {
        return asof_stream_open(o, err);
    }
    for (int32_t i = 0; i < o->key_count; i++) {
        key_types[i] = types[o->keys[ASOF_RIGHT][i]];
    }
    TRY(group_table_open(&o->groups, self->env->store, "asof.groups", key_types, o->key_count,
                         err));
    return builder_init(&o->rows, self->env->mem, types, right_count, err);
}

static void
asof_close(op *self) {
    asof *o = (asof *)self;
    asof_stream_close(o);
    group_table_close(&o->groups);
    builder_fini(&o->rows);
}

/* ---- one-off: the right side */

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
    if (builder_rows(&o->rows) > INT32_MAX - count) {
        return error_set(err, ERR_QUERY_FAILED, "ASOF JOIN: more than %d rows on the right",
                         INT32_MAX);
    }
    return builder_append_delta(&o->rows, &kept, err);
}

/* Groups of equal keys in the sorted rows; their slots count from 0. */
static status
cut_groups(asof *o, const delta *all, error *err) {
    arena        *a = o->base.env->arena;
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

static status
sort_right(asof *o, error *err) {
    arena        *a = o->base.env->arena;
    arena        *scratch = o->base.env->scratch;
    const int32_t column_count = o->base.spec->input[ASOF_RIGHT]->count;
    delta         all;
    column        times;
    o->sorted = true;
    builder_view(&o->rows, o->row_views, &all);
    if (all.row_count == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(scratch);
    sort_key *keys = arena_alloc_zero(scratch, ((size_t)o->key_count + 1 + (size_t)column_count) *
                                                   sizeof(*keys));
    o->order = arena_alloc(a, (size_t)all.row_count * sizeof(*o->order));
    if (keys == NULL || o->order == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (; count <= o->key_count; count++) {
        keys[count].column = o->keys[ASOF_RIGHT][count];
    }
    for (int32_t i = 0; i < column_count; i++) {
        keys[count++].column = i;
    }
    TRY(op_poll(&o->base, err));
    TRY(sort_rows(o->order, all.columns, all.row_count, keys, count, scratch, err));
    TRY(cut_groups(o, &all, err));
    const int32_t at = o->keys[ASOF_RIGHT][o->key_count];
    TRY(column_gather(&times, &all.columns[at], o->order, all.row_count, scratch, err));
    TRY(asof_times(&o->times, &times, all.row_count, a, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* ---- one-off: left rows */

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

/* The place of the match of a left row in a group, -1: none. */
static int32_t
find_match(asof *o, slot group, int64_t time) {
    const int32_t  first = o->group_start[group];
    const int32_t  end = o->group_start[group + 1];
    const op_match match = o->base.spec->match;
    const bool     after = match != OP_MATCH_GREATER && match != OP_MATCH_LESS_EQUAL;
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
    delta         right;
    builder_view(&o->rows, o->row_views, &right);
    for (int32_t i = 0; i < o->base.spec->output->count; i++) {
        if (i < left_count) {
            TRY(column_gather(&o->output[i], &in->columns[i], rows, count, scratch, err));
        } else {
            TRY(column_gather(&o->output[i], &right.columns[i - left_count], matches, count,
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

static status
answer_left(asof *o, const delta *in, error *err) {
    arena   *scratch = o->base.env->scratch;
    slot    *groups = arena_alloc_zero(scratch, (size_t)in->row_count * sizeof(*groups));
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int32_t *matches = arena_alloc(scratch, (size_t)in->row_count * sizeof(*matches));
    uint8_t *complete;
    int64_t *times;
    if (groups == NULL || rows == NULL || matches == NULL) {
        return error_memory(err);
    }
    TRY(o->sorted ? OK : sort_right(o, err));
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

/* ---- the operator */

static status
asof_push(op *self, int32_t port, const delta *in, error *err) {
    asof            *o = (asof *)self;
    arena           *scratch = self->env->scratch;
    const arena_mark mark = arena_save(scratch);
    TRY(op_poll(self, err));
    TRY(columns_to_views(o->views[port], in->columns, in->column_count, in->row_count, scratch,
                         err));
    delta rows = *in;
    rows.columns = o->views[port];
    const asof *live = (const asof *)self->spec->live;
    TRY(judge_rows(&o->judge, live == NULL ? NULL : &live->judge, port, o->views[port], &rows,
                   err));
    if (rows.row_count == 0) {
        arena_rewind(scratch, mark);
        return OK;
    }
    const status s = self->spec->mode == MODE_STREAM ? asof_stream_push(o, port, &rows, err)
                     : port == ASOF_RIGHT            ? keep_right(o, &rows, err)
                                                     : answer_left(o, &rows, err);
    arena_rewind(scratch, mark);
    return s;
}

static status
asof_tick(op *self, int64_t frontier_us, error *err) {
    asof *o = (asof *)self;
    TRY(self->spec->mode == MODE_STREAM ? asof_stream_tick(o, err) : OK);
    return o->judge.bound != NULL ? asof_forget(o, frontier_us, err) : OK;
}

static status
asof_snapshot(op *self, op *target, int32_t port, error *err) {
    return asof_stream_snapshot((asof *)self, target, port, err);
}

static status
asof_validate(const op *self, error *err) {
    return self->spec->mode == MODE_STREAM ? asof_stream_validate((const asof *)self, err) : OK;
}

static int64_t
asof_state_rows(const op *self) {
    return asof_stream_rows((const asof *)self);
}

static status
asof_load(op *self, image_reader *in, error *err) {
    asof *a = (asof *)self;
    (void)in;
    TRY(group_table_rebuild(&a->parts, err));
    for (int32_t side = 0; side < 2; side++) {
        TRY(group_table_rebuild(&a->sides[side].table, err));
        TRY(a->judge.bound != NULL ? calendar_rebuild(&a->ages[side], err) : OK);
    }
    return judge_rebuild(&a->judge, err);
}

const op_class op_asof_class = {
    .name = "asof",
    .size = sizeof(asof),
    .open = asof_open,
    .push = asof_push,
    .tick = asof_tick,
    .snapshot = asof_snapshot,
    .validate = asof_validate,
    .state_rows = asof_state_rows,
    .load = asof_load,
    .close = asof_close,
};

/* Of a plan node with a bound: what it has forgotten is made again from its inputs. */
const op_class op_asof_bounded_class = {
    .name = "asof_bounded",
    .size = sizeof(asof),
    .open = asof_open,
    .push = asof_push,
    .tick = asof_tick,
    .validate = asof_validate,
    .state_rows = asof_state_rows,
    .load = asof_load,
    .close = asof_close,
};
