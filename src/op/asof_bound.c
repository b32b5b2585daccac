/* SPDX-License-Identifier: Apache-2.0 */
/* asof_bound.c - ASOF joins of streams that forget rows, because the watermark has passed all that
 * could change what they are for (plan/join_bound.c says how long that is). Nothing is taken back.
 *
 * A left row goes when no right row that is not late can be its match any more. With a tolerance, a
 * right row goes when no left row that stays or comes is near it. Without one, looking back, the
 * newest right row of a key may be the match of left rows at any later time: a right row goes when
 * the next one of its key is as old, so that each key keeps one.
 *
 * Rows stand in a calendar by their times. Those of a left join without a key or a time have no
 * match to wait for: they go at once. */
#include "op/asof.h"

#define SHRINK_SLOTS 1024

status
asof_bound_open(asof *o, int32_t side, error *err) {
    static const char *const names[] = {"asof.left.ages", "asof.right.ages"};
    if (o->judge.bound == NULL) {
        return OK;
    }
    const int64_t width = type_time_from_us(o->judge.types[side], o->judge.bound->page_us);
    o->page_width[side] = max_i64(width, 1);
    return calendar_open(&o->ages[side], o->base.env->store, names[side], o->judge.types[side],
                         err);
}

/* New rows onto the pages of their times. */
status
asof_age(asof *o, int32_t side, const slot *slots, const int64_t *times, const uint8_t *is_new,
         int32_t count, error *err) {
    arena   *scratch = o->base.env->scratch;
    int64_t *pages = arena_alloc(scratch, (size_t)count * sizeof(*pages));
    slot    *added = arena_alloc(scratch, (size_t)count * sizeof(*added));
    int32_t  n = 0;
    if (pages == NULL || added == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (is_new[i]) {
            pages[n] = floor_div_i64(times[i], o->page_width[side]);
            added[n++] = slots[i];
        }
    }
    const column ages = {.type = o->judge.types[side], .values = pages};
    return n == 0 ? OK
                  : calendar_add(&o->ages[side], &ages, added, n,
                                 group_table_slot_count(&o->sides[side].table), scratch, err);
}

/* Out of the side, as if its weight were 0. It stands on no page any more. */
static status
drop_row(asof *o, int32_t side, slot s, error *err) {
    asof_side *rows = &o->sides[side];
    slot       part;
    TRY(asof_take_out(o, side, s, &part, err));
    TRY(group_table_remove(&rows->table, s, err));
    return asof_drop_part(o, part, err);
}

static bool
is_over(const asof *o, int32_t side, slot s, int64_t frontier_us) {
    return judge_is_over(&o->judge, side, asof_time(o, side, s), frontier_us);
}

/* A right row whose time is over: it goes when the next one is as old, and makes older ones go. */
static status
supersede(asof *o, slot s, int64_t frontier_us, error *err) {
    const ordered *order = &o->sides[ASOF_RIGHT].order;
    const slot     next = ordered_next(order, s);
    for (slot before; (before = ordered_previous(order, s)) != SLOT_NONE;) {
        TRY(drop_row(o, ASOF_RIGHT, before, err));
    }
    return next != SLOT_NONE && is_over(o, ASOF_RIGHT, next, frontier_us)
               ? drop_row(o, ASOF_RIGHT, s, err)
               : OK;
}

/* The oldest page, which is over. Rows that stay are on no page: the next ones take them along. */
static status
forget_page(asof *o, int32_t side, slot page, int64_t frontier_us, error *err) {
    calendar  *ages = &o->ages[side];
    arena     *scratch = o->base.env->scratch;
    const bool keeps_newest = side == ASOF_RIGHT && o->base.spec->tolerance.is_null;
    slot_list  list = {0};
    TRY(op_poll(&o->base, err));
    const arena_mark mark = arena_save(scratch);
    for (slot s = calendar_first_on(ages, page); s != SLOT_NONE; s = calendar_next_on(ages, s)) {
        TRY(slot_list_add(&list, s, scratch, err));
    }
    TRY(calendar_drop(ages, page, err));
    for (const slot_block *b = list.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const slot s = b->slots[i];
            if (group_table_is_live(&o->sides[side].table, s)) { /* no neighbour took it along */
                TRY(keeps_newest ? supersede(o, s, frontier_us, err) : drop_row(o, side, s, err));
            }
        }
    }
    arena_rewind(scratch, mark);
    return OK;
}

/* A side of many slots without a row gives its memory back. */
static status
shrink(asof *o, int32_t side, error *err) {
    const group_table *table = &o->sides[side].table;
    if (table->live_count > 0 || group_table_slot_count(table) < SHRINK_SLOTS) {
        return OK;
    }
    asof_close_side(o, side);
    TRY(asof_open_side(o, side, err));
    if (o->parts.live_count > 0 || group_table_slot_count(&o->parts) < SHRINK_SLOTS) {
        return OK;
    }
    group_table_close(&o->parts);
    return asof_open_parts(o, err);
}

status
asof_forget(asof *o, int64_t frontier_us, error *err) {
    for (int32_t side = 0; side < 2 && frontier_us > o->base.frontier_us; side++) {
        const calendar *ages = &o->ages[side];
        for (slot page; (page = calendar_first(ages)) != SLOT_NONE;) {
            const int64_t first = sat_mul_i64(calendar_time(ages, page), o->page_width[side]);
            const int64_t last = sat_add_i64(first, o->page_width[side] - 1);
            if (!judge_is_over(&o->judge, side, last, frontier_us)) {
                break;
            }
            TRY(forget_page(o, side, page, frontier_us, err));
        }
        TRY(shrink(o, side, err));
    }
    return OK;
}
