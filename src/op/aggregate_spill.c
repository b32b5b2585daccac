/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_spill.c - GROUP BY of one-off queries where memory is limited.
 *
 * Where the state of a group has a size of its own, groups are made until memory presses. From then
 * on rows of known groups go into them, and all others to disk, dealt out by the hashes of their
 * keys. At the tick the groups in memory are emitted, then each part is a GROUP BY of its own,
 * which may spill again: no state is ever written, and rows of a group keep their order.
 *
 * Where a call keeps its rows (DISTINCT, quantiles, lists), known groups would go on growing. There
 * the rows wait for the tick, and all of them go to disk when they are too many; parts that are
 * too large are dealt out once more before they are grouped. One group that has no room is an
 * error. */
#include "op/aggregate.h"

bool
aggregate_is_limited(aggregate *a) {
    const op_spec    *spec = a->base.spec;
    aggregate_limits *l = &a->limits;
    if (LIKELY(l->known)) {
        return l->limited;
    }
    l->known = true;
    l->limited = spec->mode == MODE_ONCE && !spec->session && spec->key_count > 0 &&
                 spill_is_possible(a->base.env);
    for (int32_t i = 0; l->limited && i < spec->agg_count; i++) {
        l->holds = l->holds || spec->aggs[i].distinct || spec->aggs[i].class->keeps_rows;
    }
    return l->limited;
}

static void
drop_held(aggregate_limits *l, mem *m) {
    for (int32_t i = 0; i < l->held_count; i++) {
        batch_release(l->held[i]);
    }
    mem_free(m, l->held, sizeof(*l->held) * (size_t)l->held_capacity);
    l->held = NULL;
    l->held_count = 0;
    l->held_capacity = 0;
}

void
aggregate_close_limits(aggregate *a) {
    drop_held(&a->limits, a->base.env->mem);
    spill_set_close(&a->limits.spilled);
}

static status
to_disk(aggregate *a, const delta *rows, error *err) {
    return spill_set_add(&a->limits.spilled, 0, rows, rows->columns, a->base.spec->key_count, err);
}

/* ---- rows that wait */

static int64_t
bytes_of(const delta *rows) {
    int64_t bytes = 0;
    for (int32_t i = 0; i < rows->column_count; i++) {
        const column *c = &rows->columns[i];
        bytes += (int64_t)type_width(c->type) * rows->row_count;
        bytes += column_text_bytes(c, rows->row_count);
    }
    return bytes;
}

static status
spill_held(aggregate *a, error *err) {
    aggregate_limits *l = &a->limits;
    TRY(spill_set_begin(&l->spilled, err));
    for (int32_t i = 0; i < l->held_count; i++) {
        TRY(to_disk(a, &l->held[i]->rows, err));
    }
    drop_held(l, a->base.env->mem);
    return OK;
}

static status
hold(aggregate *a, const delta *rows, error *err) {
    aggregate_limits *l = &a->limits;
    mem              *m = a->base.env->mem;
    const size_t      width = sizeof(*l->held);
    if (l->spilled.open) {
        return to_disk(a, rows, err);
    }
    if (l->held_count == l->held_capacity) {
        const int32_t grown = l->held_capacity == 0 ? 16 : l->held_capacity * 2;
        void         *held =
            mem_resize(m, l->held, width * (size_t)l->held_capacity, width * (size_t)grown);
        if (held == NULL) {
            return error_memory(err);
        }
        l->held = held;
        l->held_capacity = grown;
    }
    TRY(batch_keep(&l->held[l->held_count], m, rows, err));
    l->held_count++;
    l->held_bytes += bytes_of(rows);
    return l->held_bytes > spill_unit(a->base.env) ? spill_held(a, err) : OK;
}

/* ---- rows of unknown groups */

static status
take_known(aggregate *a, const delta *in, const slot *slots, error *err) {
    arena   *scratch = a->base.env->scratch;
    int32_t *known = arena_alloc(scratch, (size_t)in->row_count * sizeof(*known));
    int32_t *unknown = arena_alloc(scratch, (size_t)in->row_count * sizeof(*unknown));
    slot    *known_slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*known_slots));
    int32_t  known_count = 0;
    int32_t  unknown_count = 0;
    if (known == NULL || unknown == NULL || known_slots == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        const bool is_known = slots[i] != SLOT_NONE;
        known_slots[known_count] = slots[i];
        known[known_count] = i;
        unknown[unknown_count] = i;
        known_count += is_known;
        unknown_count += !is_known;
    }
    delta rows;
    if (unknown_count > 0) {
        TRY(delta_gather(&rows, in, unknown, unknown_count, scratch, err));
        TRY(to_disk(a, &rows, err));
    }
    if (known_count == 0) {
        return OK;
    }
    TRY(delta_gather(&rows, in, known, known_count, scratch, err));
    memcpy(a->views, rows.columns, (size_t)rows.column_count * sizeof(column));
    return aggregate_add_rows(a, known_slots, &rows, err);
}

static status
group(aggregate *a, const delta *in, error *err) {
    spill_set *spilled = &a->limits.spilled;
    arena     *scratch = a->base.env->scratch;
    if (spilled->open) {
        slot *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
        if (slots == NULL) {
            return error_memory(err);
        }
        TRY(group_table_find(&a->groups, a->views, in->row_count, slots, scratch, err));
        return take_known(a, in, slots, err);
    }
    if (!spilled->based) {
        spill_set_count(spilled);
    }
    TRY(aggregate_take(a, in, err));
    return !a->limits.holds && spill_set_presses(spilled, 0) ? spill_set_begin(spilled, err) : OK;
}

status
aggregate_push_limited(aggregate *a, const delta *in, error *err) {
    delta rows = *in;
    rows.columns = a->views;
    return a->limits.holds ? hold(a, &rows, err) : group(a, &rows, err);
}

/* ---- the tick */

static status
group_delta(aggregate *a, const delta *rows, bool deals, error *err) {
    if (deals) {
        return to_disk(a, rows, err);
    }
    memcpy(a->views, rows->columns, (size_t)rows->column_count * sizeof(column));
    delta own = *rows;
    own.columns = a->views;
    return group(a, &own, err);
}

static status
group_held(aggregate *a, error *err) {
    arena            *scratch = a->base.env->scratch;
    aggregate_limits *l = &a->limits;
    for (int32_t i = 0; i < l->held_count; i++) {
        const arena_mark mark = arena_save(scratch);
        TRY(op_poll(&a->base, err));
        TRY(group_delta(a, &l->held[i]->rows, false, err));
        batch_release(l->held[i]);
        l->held[i] = NULL;
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
take_group_rows(void *context, delta *rows, error *err) {
    return group_delta(context, rows, false, err);
}

static status
take_deal_rows(void *context, delta *rows, error *err) {
    return group_delta(context, rows, true, err);
}

static status
run_part(aggregate *a, const spill_part *part, error *err) {
    spill_set *spilled = &a->limits.spilled;
    const bool deals = a->limits.holds && part->level + 1 < SPILL_LEVEL_MAX &&
                       part->sides[0].bytes > spill_unit(a->base.env);
    TRY(aggregate_reset(a, err));
    spill_set_count(spilled);
    TRY(deals ? spill_set_begin(spilled, err) : OK);
    TRY(spill_part_read(spilled, part, 0, deals ? take_deal_rows : take_group_rows, a, err));
    return deals ? OK : aggregate_send_all(a, NULL, 0, err);
}

status
aggregate_tick_limited(aggregate *a, error *err) {
    spill_set *spilled = &a->limits.spilled;
    TRY(group_held(a, err));
    TRY(aggregate_send_all(a, NULL, 0, err));
    for (;;) {
        spill_part *part;
        TRY(spill_set_next(spilled, &part, err));
        if (part == NULL) {
            return OK;
        }
        const status s = run_part(a, part, err);
        spill_part_free(spilled, part);
        TRY(s);
    }
}
