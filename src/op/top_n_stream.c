/* SPDX-License-Identifier: Apache-2.0 */
/* top_n_stream.c - ORDER BY ... LIMIT ... OFFSET kept up to date.
 *
 * Equal rows share a slot and occupy as many places as their weight says. `order` holds the slots
 * of positive weight; the rows at places [offset, offset + limit) are visible. Each slot knows at
 * how many visible places it was emitted, so a tick compares the window then and now. With an
 * append-only input no row can come back into the window from below: rows beyond its end are
 * dropped from the state. */
#include "op/top_n.h"

enum { ROW_LEAVING = 1 }; /* in the list of this tick */

typedef struct top_n_row {
    int64_t  weight;
    int64_t  visible; /* places in the window, as emitted */
    int64_t  fresh;   /* the same as this tick will leave it; 0 between ticks */
    int64_t  arrival; /* order without sort keys */
    uint32_t flags;   /* 0 between ticks */
    uint32_t reserved;
} top_n_row;

typedef struct top_n_totals {
    int64_t places; /* sum of the positive weights */
    int64_t arrivals;
} top_n_totals;

static top_n_row *
row_at(const top_n *t, slot s) {
    return ARRAY_AT(&t->records, top_n_row, s);
}

static int
compare_key(const state_columns *rows, const sort_key *key, slot a, slot b) {
    const state_array *nulls = &rows->nulls[key->column]; /* empty while there are none */
    const bool         a_null = nulls->count > 0 && nulls->data[a] != 0;
    const bool         b_null = nulls->count > 0 && nulls->data[b] != 0;
    if (a_null || b_null) {
        return a_null == b_null ? 0 : (a_null == key->nulls_first ? -1 : 1);
    }
    const int order = state_columns_compare(rows, key->column, a, b);
    return key->descending ? -order : order;
}

static int
compare_slots(const void *context, slot a, slot b) {
    const top_n *t = context;
    for (int32_t i = 0; i < t->key_count; i++) {
        const int order = compare_key(&t->table.keys, &t->keys[i], a, b);
        if (order != 0) {
            return order;
        }
    }
    const int64_t x = t->key_count == 0 ? row_at(t, a)->arrival : (int64_t)a;
    const int64_t y = t->key_count == 0 ? row_at(t, b)->arrival : (int64_t)b;
    return (x > y) - (x < y);
}

status
top_n_stream_open(top_n *t, const data_type *types, int32_t count, error *err) {
    store *st = t->base.env->store;
    TRY(group_table_open(&t->table, st, "top_n.rows", types, count, err));
    TRY(array_open(&t->records, st, "top_n.records", sizeof(top_n_row), err));
    TRY(array_open(&t->shown, st, "top_n.shown", sizeof(slot), err));
    TRY(array_open(&t->totals, st, "top_n.totals", sizeof(top_n_totals), err));
    TRY(ordered_open(&t->order, st, "top_n.order", compare_slots, t, err));
    return OK;
}

void
top_n_stream_close(top_n *t) {
    ordered_close(&t->order);
    array_close(&t->totals);
    array_close(&t->shown);
    array_close(&t->records);
    group_table_close(&t->table);
}

static status
list_leaving(top_n *t, slot s, error *err) {
    top_n_row *row = row_at(t, s);
    if ((row->flags & ROW_LEAVING) != 0) {
        return OK;
    }
    row->flags |= ROW_LEAVING;
    return slot_list_add(&t->leaving, s, t->base.env->tick_arena, err);
}

static status
add_weight(top_n *t, slot s, int64_t weight, error *err) {
    top_n_row    *row = row_at(t, s);
    top_n_totals *totals = ARRAY_AT(&t->totals, top_n_totals, 0);
    const int64_t old = row->weight;
    if (__builtin_add_overflow(old, weight, &row->weight)) {
        return error_set(err, ERR_QUERY_FAILED,
                         "LIMIT: a row is there more often than can be counted");
    }
    totals->places = sat_add_i64(totals->places, max_i64(row->weight, 0) - max_i64(old, 0));
    if (old <= 0 && row->weight > 0) {
        row->arrival = totals->arrivals++;
        TRY(ordered_insert(&t->order, s, err));
    } else if (old > 0 && row->weight <= 0) {
        TRY(ordered_remove(&t->order, s, err));
    }
    return row->weight == 0 ? list_leaving(t, s, err) : OK;
}

/* Append-only with a full window: leaves the rows of `in` that sort before its last row. */
static status
drop_rows_behind(top_n *t, const delta *in, delta *out, error *err) {
    arena        *scratch = t->base.env->scratch;
    const slot    last = ordered_last(&t->order);
    const int32_t column_count = in->column_count;
    column       *bar = arena_alloc_zero(scratch, (size_t)column_count * sizeof(*bar));
    int32_t      *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (bar == NULL || rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < column_count; i++) {
        TRY(state_columns_read(&t->table.keys, i, &last, 1, scratch, &bar[i], err));
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += compare_sort_keys(in->columns, i, bar, 0, t->keys, t->key_count) < 0;
    }
    *out = *in;
    out->row_count = count;
    return count == 0 || count == in->row_count ? OK
                                                : delta_gather(out, in, rows, count, scratch, err);
}

/* Append-only: drops the rows that lie wholly behind the window. */
static status
trim(top_n *t, error *err) {
    top_n_totals *totals = ARRAY_AT(&t->totals, top_n_totals, 0);
    while (totals->places > t->end) {
        const slot last = ordered_last(&t->order);
        top_n_row *row = row_at(t, last);
        if (totals->places - row->weight < t->end) {
            return OK;
        }
        TRY(array_touch(&t->records, last, 1, err));
        TRY(ordered_remove(&t->order, last, err));
        totals->places -= row->weight;
        row->weight = 0;
        if (row->visible == 0 && row->flags == 0) {
            TRY(group_table_remove(&t->table, last, err));
        } else {
            TRY(list_leaving(t, last, err));
        }
    }
    return OK;
}

static status
update_rows(top_n *t, const delta *in, error *err) {
    arena        *scratch = t->base.env->scratch;
    const bool    append_only = t->base.spec->append_only[0];
    slot         *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    uint8_t      *is_new = arena_alloc(scratch, (size_t)in->row_count);
    top_n_totals *totals = ARRAY_AT(&t->totals, top_n_totals, 0);
    if (slots == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&t->table, in->columns, in->row_count, slots, is_new, scratch, err));
    TRY(array_reserve_to(&t->records, group_table_slot_count(&t->table), err));
    for (int32_t i = 0; i < in->row_count; i++) {
        TRY(array_touch(&t->records, slots[i], 1, err));
        if (is_new[i]) {
            *row_at(t, slots[i]) = (top_n_row){0};
        }
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        int64_t weight = delta_weight(in, i);
        if (append_only && t->key_count == 0) {
            weight = min_i64(weight, t->end - totals->places);
        }
        TRY(add_weight(t, slots[i], weight, err));
    }
    return append_only && t->key_count > 0 ? trim(t, err) : OK;
}

status
top_n_stream_push(top_n *t, const delta *in, error *err) {
    const bool append_only = t->base.spec->append_only[0];
    TRY(array_reserve_to(&t->totals, 1, err));
    TRY(array_touch(&t->totals, 0, 1, err));
    const top_n_totals *totals = ARRAY_AT(&t->totals, top_n_totals, 0);
    delta               rows = *in;
    if (append_only && totals->places >= t->end) {
        if (t->key_count == 0) {
            return DONE;
        }
        TRY(drop_rows_behind(t, in, &rows, err));
    }
    if (rows.row_count == 0) {
        return OK;
    }
    t->changed = true;
    return update_rows(t, &rows, err);
}

/* Fills `fresh` of the rows in the window and lists them in order. */
static status
find_window(top_n *t, slot_list *window, uint64_t *count, error *err) {
    const int64_t offset = t->base.spec->offset;
    int64_t       place = 0;
    *count = 0;
    for (slot s = ordered_first(&t->order); s != SLOT_NONE && place < t->end;
         s = ordered_next(&t->order, s)) {
        top_n_row    *row = row_at(t, s);
        const int64_t after = sat_add_i64(place, row->weight);
        const int64_t first = max_i64(place, offset);
        const int64_t end = min_i64(after, t->end);
        if (end > first) {
            TRY(array_touch(&t->records, s, 1, err));
            row->fresh = end - first;
            TRY(slot_list_add(window, s, t->base.env->tick_arena, err));
            ++*count;
        }
        place = after;
    }
    return OK;
}

static status
emit_differences(top_n *t, const slot_list *window, error *err) {
    const arena_mark mark = arena_save(t->base.env->scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, &t->base, NULL, 0, &t->table.keys, err));
    for (uint64_t i = 0; i < t->shown.count; i++) {
        const slot       s = *ARRAY_AT(&t->shown, slot, i);
        const top_n_row *row = row_at(t, s);
        if (row->fresh < row->visible) {
            TRY(slot_writer_add(&w, s, row->fresh - row->visible, err));
        }
    }
    for (const slot_block *b = window->first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const top_n_row *row = row_at(t, b->slots[i]);
            if (row->fresh > row->visible) {
                TRY(slot_writer_add(&w, b->slots[i], row->fresh - row->visible, err));
            }
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(t->base.env->scratch, mark);
    return OK;
}

/* The window becomes what is shown. */
static status
show_window(top_n *t, const slot_list *window, uint64_t count, error *err) {
    for (uint64_t i = 0; i < t->shown.count; i++) {
        const slot s = *ARRAY_AT(&t->shown, slot, i);
        TRY(array_touch(&t->records, s, 1, err));
        row_at(t, s)->visible = 0;
    }
    array_truncate(&t->shown, 0);
    TRY(array_reserve_to(&t->shown, count, err));
    uint64_t at = 0;
    if (count > 0) {
        TRY(array_touch(&t->shown, 0, count, err));
    }
    for (const slot_block *b = window->first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            top_n_row *row = row_at(t, b->slots[i]);
            row->visible = row->fresh;
            row->fresh = 0;
            *ARRAY_AT(&t->shown, slot, at) = b->slots[i];
            at++;
        }
    }
    return OK;
}

static status
remove_leaving(top_n *t, error *err) {
    for (const slot_block *b = t->leaving.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            top_n_row *row = row_at(t, b->slots[i]);
            row->flags = 0;
            if (row->weight == 0) {
                TRY(group_table_remove(&t->table, b->slots[i], err));
            }
        }
    }
    t->leaving = (slot_list){0};
    return OK;
}

status
top_n_stream_tick(top_n *t, error *err) {
    if (!t->changed) {
        return OK;
    }
    slot_list window = {0};
    uint64_t  count;
    TRY(find_window(t, &window, &count, err));
    TRY(emit_differences(t, &window, err));
    TRY(show_window(t, &window, count, err));
    t->changed = false;
    return remove_leaving(t, err);
}

status
top_n_stream_snapshot(top_n *t, op *target, int32_t port, error *err) {
    const arena_mark mark = arena_save(t->base.env->scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, &t->base, target, port, &t->table.keys, err));
    for (uint64_t i = 0; i < t->shown.count; i++) {
        const slot s = *ARRAY_AT(&t->shown, slot, i);
        TRY(slot_writer_add(&w, s, row_at(t, s)->visible, err));
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(t->base.env->scratch, mark);
    return OK;
}

status
top_n_stream_validate(const top_n *t, error *err) {
    TRY(group_table_validate(&t->table, err));
    TRY(ordered_validate(&t->order, err));
    const uint64_t slot_count = group_table_slot_count(&t->table);
    uint64_t       live = 0;
    int64_t        places = 0;
    for (uint64_t s = 0; s < slot_count; s++) {
        if (!group_table_is_live(&t->table, (slot)s)) {
            continue;
        }
        const top_n_row *row = row_at(t, (slot)s);
        if (row->weight <= 0 || row->fresh != 0 || row->flags != 0 ||
            !ordered_has(&t->order, (slot)s)) {
            return error_set(err, ERR_INTERNAL_ERROR, "top_n: row %llu has weight %lld, flags %u",
                             (unsigned long long)s, (long long)row->weight, row->flags);
        }
        live++;
        places = sat_add_i64(places, row->weight);
    }
    const slot last = ordered_last(&t->order);
    if (t->base.spec->append_only[0] && last != SLOT_NONE &&
        places - row_at(t, last)->weight >= t->end) {
        return error_set(err, ERR_INTERNAL_ERROR, "top_n: row %u behind the window was kept", last);
    }
    const bool none = t->totals.count == 0;
    if (live != ordered_count(&t->order) ||
        (!none && places != ARRAY_AT(&t->totals, top_n_totals, 0)->places)) {
        return error_set(err, ERR_INTERNAL_ERROR, "top_n: %llu rows, %llu ordered, %lld places",
                         (unsigned long long)live, (unsigned long long)ordered_count(&t->order),
                         (long long)places);
    }
    return OK;
}
