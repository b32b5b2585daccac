/* SPDX-License-Identifier: Apache-2.0 */
/* join_ttl.c - joins of streams with state_ttl: rows are forgotten for their age alone.
 *
 * What came out for them stays: their pairs, and that their partners have a match. So each row of a
 * side that matches are counted for has a count of its own (the planner sees to a residual), which
 * a forgotten partner stays in. A row that is taken back is looked up before it meets anything: the
 * other side need not hold any more what it met when it came. */
#include "op/join.h"

/* Whether rows are taken back at all. */
static bool
takes_back(const delta *rows) {
    bool any = false;
    for (int32_t i = 0; i < rows->row_count && rows->weight != NULL; i++) {
        any |= rows->weight[i] < 0;
    }
    return any;
}

/* Of rows that differ from each other: those that are there, or come. */
static status
keep_known(join *j, int32_t port, delta *rows, slot *slots, error *err) {
    const arrangement *a = &j->sides[port];
    arena             *scratch = j->base.env->scratch;
    const delta        all = *rows;
    int32_t           *kept = arena_alloc(scratch, (size_t)all.row_count * sizeof(*kept));
    int64_t           *weight = arena_alloc(scratch, (size_t)all.row_count * sizeof(*weight));
    if (kept == NULL || weight == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < all.row_count; i++) {
        const int64_t there = slots[i] == SLOT_NONE ? 0 : arrangement_weight(a, slots[i]);
        const bool    keyless = arrangement_is_keyless(a, all.columns, i); /* never stored */
        const int64_t w = delta_weight(&all, i);
        weight[i] = keyless ? w : max_i64(w, -there);
        j->base.lost_rows += weight[i] - w;
        slots[n] = slots[i];
        kept[n] = i;
        n += weight[i] != 0;
    }
    delta known = all;
    known.weight = weight;
    rows->row_count = n;
    return n == 0 ? OK : delta_gather(rows, &known, kept, n, scratch, err);
}

status
join_know_rows(join *j, int32_t port, delta *rows, const slot **stored, error *err) {
    const arrangement *a = &j->sides[port];
    arena             *scratch = j->base.env->scratch;
    if (op_ttl_us(&j->base, port) == 0 || a->append_only) {
        return OK;
    }
    const bool less = takes_back(rows);
    if (less) {
        const delta all = *rows;
        TRY(rows_consolidate(rows, &all, scratch, err));
    }
    if (rows->row_count == 0) {
        return OK;
    }
    slot *slots = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(group_table_find(&a->rows, rows->columns, rows->row_count, slots, scratch, err));
    *stored = slots;
    return less ? keep_known(j, port, rows, slots, err) : OK;
}

status
join_let_go(op *self, error *err) {
    join *j = (join *)self;
    for (int32_t side = 0; side < 2; side++) {
        if (op_ttl_us(self, side) > 0) {
            TRY(arrangement_drop_over(&j->sides[side], self->env->clock_us, self->env->scratch,
                                      err));
            TRY(join_shrink(j, side, err));
        }
    }
    return OK;
}
