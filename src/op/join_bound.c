/* SPDX-License-Identifier: Apache-2.0 */
/* join_bound.c - joins of streams that forget rows, because the watermark has passed all that could
 * match them (plan/join_bound.c says how long that is).
 *
 * A stored row stands in its arrangement's calendar; pages go as a whole, so some rows stay a
 * little longer than they must, which nobody sees. Padded rows that came out for a forgotten row
 * stay out. Slots of forgotten rows are given back when they are the most: the side is made anew
 * from the rows that are left.
 */
#include "op/join.h"

#define SHRINK_SLOTS 1024

/* ---- rows that nothing matches any more */

typedef struct left_rows { /* of a side that is made anew, in the tick arena */
    batch   **batches;
    int64_t **matched; /* per batch; NULL: the side is not tracked */
    int64_t **pages;   /* per batch: their ages */
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

static status
take_pages(const join *j, int32_t side, const slot *slots, int32_t count, int64_t **out,
           error *err) {
    int64_t *pages = arena_alloc(j->base.env->tick_arena, (size_t)count * sizeof(*pages));
    if (pages == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        pages[i] = ages_page(&j->sides[side].touched, slots[i]);
    }
    *out = pages;
    return OK;
}

/* They are as old as before. */
static status
put_pages(join *j, int32_t side, const slot *slots, const int64_t *pages, int32_t count,
          error *err) {
    arrangement *a = &j->sides[side];
    for (int32_t i = 0; i < count; i++) {
        TRY(ages_remove(&a->touched, slots[i], err));
    }
    return ages_put(&a->touched, pages, slots, count, arrangement_slot_count(a),
                    j->base.env->scratch, err);
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
    TRY(take_pages(j, side, slots, n, &left->pages[left->count], err));
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
    left->pages = arena_alloc_zero(kept, room * sizeof(*left->pages));
    if (left->batches == NULL || left->matched == NULL || left->pages == NULL) {
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
        TRY(put_pages(j, side, slots, left->pages[b], rows->row_count, err));
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
join_shrink(join *j, int32_t side, error *err) {
    return is_sparse(&j->sides[side]) ? make_anew(j, side, err) : OK;
}

status
join_forget(join *j, int64_t frontier_us, error *err) {
    for (int32_t side = 0; side < 2 && frontier_us > j->base.frontier_us; side++) {
        arrangement *a = &j->sides[side];
        int64_t      time;
        while (arrangement_oldest(a, &time) && judge_is_over(&j->judge, side, time, frontier_us)) {
            TRY(op_poll(&j->base, err));
            TRY(arrangement_drop_oldest(a, err));
        }
        TRY(join_shrink(j, side, err));
    }
    return OK;
}
