/* SPDX-License-Identifier: Apache-2.0 */
/* join_bound.c - joins of streams that forget rows, because the watermark has passed all that could
 * match them (plan/join_bound.c says how long that is).
 *
 * A stored row stands in its arrangement's calendar; pages go as a whole, so some rows stay a
 * little longer than they must, which nobody sees. Padded rows that came out for a forgotten row
 * stay out. Slots of forgotten rows are given back when they are the most: the side is made anew
 * from the rows that are left.
 *
 * Where rows may be late, those are refused before they meet anything, counted, sent where the
 * stream says so, and recorded for readers that make the stream's rows again from its sources. */
#include "op/join.h"

#define SHRINK_SLOTS 1024

status
join_bound_open(join *j, error *err) {
    static const char *const names[] = {"join.left.refused", "join.right.refused"};
    const op_spec           *spec = j->base.spec;
    j->bound = spec->mode == MODE_STREAM ? spec->bound : NULL;
    for (int32_t side = 0; side < 2 && j->bound != NULL; side++) {
        const schema *input = spec->input[side];
        j->time_types[side] = input->fields[j->bound->columns[side]].type;
        if (!j->bound->judges || !spec->records) {
            continue;
        }
        const data_type *types = schema_types(input, j->base.env->scratch);
        TRY(types == NULL ? error_memory(err) : OK);
        TRY(refused_open(&j->refused[side], j->base.env->store, names[side], types, input->count,
                         err));
    }
    return OK;
}

void
join_bound_close(join *j) {
    refused_close(&j->refused[0]);
    refused_close(&j->refused[1]);
}

/* ---- late rows */

static status
send_late(join *j, int32_t port, const delta *late, error *err) {
    const op_sink *to = j->base.env->late;
    const int32_t  count = j->bound->late_counts[port];
    if (to == NULL || count == 0) {
        return OK;
    }
    column *picked = arena_alloc(j->base.env->scratch, (size_t)count * sizeof(*picked));
    if (picked == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        picked[i] = late->columns[j->bound->late_columns[port][i]];
    }
    delta sent = *late;
    sent.column_count = count;
    sent.columns = picked;
    return to->take(to->context, &sent, err);
}

static bool
is_late(const join *j, int32_t port, const column *times, int32_t row) {
    if (column_is_null(times, row)) {
        return false; /* it matches nothing at any time */
    }
    const int64_t time = ((const int64_t *)times->values)[row];
    const int64_t behind_us = sat_add_i64(j->bound->judged_us[port], j->base.spec->lateness_us);
    return sat_add_i64(type_time_to_us(j->time_types[port], time), behind_us) < j->base.frontier_us;
}

static status
refuse_late(join *j, int32_t port, delta *rows, error *err) {
    arena        *scratch = j->base.env->scratch;
    const column *times = &rows->columns[j->bound->columns[port]];
    int32_t      *kept = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*kept));
    int32_t      *late = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*late));
    int32_t       kept_count = 0, late_count = 0;
    if (kept == NULL || late == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->row_count; i++) {
        if (is_late(j, port, times, i)) {
            late[late_count++] = i;
        } else {
            kept[kept_count++] = i;
        }
    }
    if (late_count == 0) {
        return OK;
    }
    const delta all = *rows;
    delta       gone;
    j->base.late_rows += late_count;
    TRY(delta_gather(&gone, &all, late, late_count, scratch, err));
    TRY(j->refused[port].open ? refused_add(&j->refused[port], &gone, scratch, err) : OK);
    TRY(send_late(j, port, &gone, err));
    rows->row_count = kept_count;
    return kept_count == 0 ? OK : delta_gather(rows, &all, kept, kept_count, scratch, err);
}

status
join_refuse(join *j, int32_t port, delta *rows, error *err) {
    const op_env *env = j->base.env;
    const join   *live = (const join *)j->base.spec->live;
    if (live != NULL && live->refused[port].open) {
        return refused_leave_out(&live->refused[port], &j->left_out[port], rows, env->arena,
                                 env->scratch, err);
    }
    const bool judges = j->bound != NULL && j->bound->judges && j->base.frontier_us != INT64_MIN;
    return judges ? refuse_late(j, port, rows, err) : OK;
}

/* ---- rows that nothing matches any more */

typedef struct left_rows { /* of a side that is made anew, in the tick arena */
    batch   **batches;
    int64_t **matched; /* per batch; NULL: the side is not tracked */
    int32_t   count;
} left_rows;

/* The counts of matches of these rows. */
static status
take_matches(const join *j, int32_t side, const slot *slots, int32_t count, int64_t **out,
             error *err) {
    int64_t *matched = arena_alloc(j->base.env->tick_arena, (size_t)count * sizeof(*matched));
    if (matched == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        matched[i] = join_match_count(j, side, slots[i]);
    }
    *out = matched;
    return OK;
}

/* Some live rows out; *done: there are no more. */
static status
take_some(join *j, int32_t side, uint64_t *next, left_rows *left, bool *done, error *err) {
    const arrangement *a = &j->sides[side];
    arena             *scratch = j->base.env->scratch;
    const int32_t      width = a->column_count;
    slot              *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int64_t           *weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*weights));
    column            *columns = arena_alloc(scratch, (size_t)width * sizeof(*columns));
    if (slots == NULL || weights == NULL || columns == NULL) {
        return error_memory(err);
    }
    const int32_t n = arrangement_scan(a, next, slots, weights, BATCH_ROWS);
    *done = n == 0;
    if (*done) {
        return OK;
    }
    for (int32_t i = 0; i < width; i++) {
        TRY(state_columns_read(arrangement_columns(a), i, slots, n, scratch, &columns[i], err));
    }
    TRY(j->tracked[side] ? take_matches(j, side, slots, n, &left->matched[left->count], err) : OK);
    const delta rows = {
        .row_count = n, .column_count = width, .columns = columns, .weight = weights};
    TRY(batch_keep(&left->batches[left->count], j->base.env->mem, &rows, err));
    left->count++;
    return OK;
}

static status
take_left(join *j, int32_t side, left_rows *left, error *err) {
    arena       *scratch = j->base.env->scratch, *kept = j->base.env->tick_arena;
    const size_t room = (size_t)arrangement_row_count(&j->sides[side]) / BATCH_ROWS + 2;
    uint64_t     next = 0;
    left->batches = arena_alloc_zero(kept, room * sizeof(*left->batches));
    left->matched = arena_alloc_zero(kept, room * sizeof(*left->matched));
    if (left->batches == NULL || left->matched == NULL) {
        return error_memory(err);
    }
    for (bool done = false; !done;) {
        const arena_mark mark = arena_save(scratch);
        TRY(take_some(j, side, &next, left, &done, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
put_left(join *j, int32_t side, const left_rows *left, error *err) {
    arena *scratch = j->base.env->scratch;
    for (int32_t b = 0; b < left->count; b++) {
        const arena_mark mark = arena_save(scratch);
        const delta     *rows = &left->batches[b]->rows;
        slot            *slots = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*slots));
        if (slots == NULL) {
            return error_memory(err);
        }
        TRY(columns_to_views(j->views[side], rows->columns, rows->column_count, rows->row_count,
                             scratch, err));
        delta views = *rows;
        views.columns = j->views[side];
        TRY(arrangement_update(&j->sides[side], &views, slots, scratch, err));
        TRY(j->tracked[side]
                ? join_match_store(j, side, slots, left->matched[b], rows->row_count, err)
                : OK);
        arena_rewind(scratch, mark);
    }
    return OK;
}

/* The side anew, from its live rows. */
static status
make_anew(join *j, int32_t side, error *err) {
    arena           *scratch = j->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    left_rows        left = {0};
    status           s = take_left(j, side, &left, err);
    if (s == OK) {
        arrangement_close(&j->sides[side]);
        s = join_open_side(j, side, err);
        s = s == OK ? join_match_reset(j, side, err) : s;
        s = s == OK ? put_left(j, side, &left, err) : s;
    }
    for (int32_t i = 0; i < left.count; i++) {
        batch_release(left.batches[i]);
    }
    arena_rewind(scratch, mark);
    return s;
}

/* Append-only sides do not use slots again: half of them may be empty, of others three quarters. */
static bool
is_sparse(const arrangement *a) {
    const uint64_t slots = arrangement_slot_count(a);
    const uint64_t live = (uint64_t)arrangement_row_count(a);
    return slots >= SHRINK_SLOTS && live < slots / (a->append_only ? 2 : 4);
}

status
join_forget(join *j, int64_t frontier_us, error *err) {
    for (int32_t side = 0; side < 2 && frontier_us > j->base.frontier_us; side++) {
        arrangement  *a = &j->sides[side];
        const int64_t kept_us = sat_add_i64(j->bound->kept_us[side], j->base.spec->lateness_us);
        int64_t       time;
        while (arrangement_oldest(a, &time) &&
               sat_add_i64(type_time_to_us(j->time_types[side], time), kept_us) < frontier_us) {
            TRY(op_poll(&j->base, err));
            TRY(arrangement_drop_oldest(a, err));
        }
        TRY(is_sparse(a) ? make_anew(j, side, err) : OK);
    }
    return OK;
}
