/* SPDX-License-Identifier: Apache-2.0 */
/* over_image.c - window functions of streams after a restore: the index of partitions, and a look
 * at everything that is followed from one place of the state to another. */
#include "op/over_state.h"

static slot
part_of(const void *context, slot s) {
    return over_row_at(context, s)->link;
}

static bool
is_in_order(const void *of, slot s) {
    return ordered_has(of, s);
}

/* Free slots are chained, each once, and none of them has a row; all others do. */
static bool
free_list_holds(const over *o, uint64_t rows) {
    const over_state *st = o->state;
    const uint64_t    count = st->records.count;
    uint64_t          listed = 0;
    if (st->free.count == 0) {
        return rows == count && count == 0;
    }
    for (slot next = *ARRAY_AT(&st->free, slot, 0); next != 0;
         next = over_row_at(o, next - 1)->link) {
        if (next > count || ordered_has(&st->order, next - 1) || ++listed > count) {
            return false;
        }
    }
    return listed + rows == count;
}

static status
check_rows(const over *o, const slot_set *parts, uint64_t *rows, error *err) {
    const over_state *st = o->state;
    *rows = 0;
    for (uint64_t s = 0; s < st->records.count; s++) {
        const over_row *row = over_row_at(o, (slot)s);
        if (!ordered_has(&st->order, (slot)s)) {
            continue;
        }
        if (row->fresh != 0 || row->group < 1 || !slot_set_has(parts, row->link)) {
            return image_corrupt("a row of a window function", err);
        }
        ++*rows;
    }
    return OK;
}

status
over_stream_rebuild(over *o, error *err) {
    over_state *st = o->state;
    uint64_t    rows;
    TRY(group_table_rebuild(&st->parts, err));
    const slot_set parts = group_table_slots(&st->parts);
    const slot_set slots = {.count = st->records.count};
    const slot_set in = {.count = st->records.count, .has = is_in_order, .of = &st->order};
    TRY(ages_rebuild(&st->ages, &parts, err));
    TRY(ordered_check(&st->order, &slots, part_of, err));
    if (st->part_records.count < parts.count || st->records.count >= SLOT_NONE) {
        return image_corrupt("the partitions of a window function", err);
    }
    for (uint64_t part = 0; part < parts.count; part++) {
        const over_part_record *r = ARRAY_AT(&st->part_records, over_part_record, part);
        if (slot_set_has(&parts, part) &&
            (r->flags != 0 || ordered_count_in(&st->order, (slot)part) == 0)) {
            return image_corrupt("a partition of a window function", err);
        }
    }
    TRY(check_rows(o, &parts, &rows, err));
    if (rows != st->row_count || !free_list_holds(o, rows)) {
        return image_corrupt("the rows of a window function", err);
    }
    TRY(state_columns_check(&st->rows, &in, err));
    return state_columns_check(&st->results, &in, err);
}
