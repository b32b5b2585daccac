/* SPDX-License-Identifier: Apache-2.0 */
/* top_n_stream.c - ORDER BY ... LIMIT ... OFFSET kept up to date, of all rows or of each key.
 *
 * Equal rows share a slot and occupy as many places as their weight says. `order` holds the slots
 * of positive weight, in a tree per key; the rows at places [offset, offset + limit) are visible.
 * Each slot knows at how many visible places it was emitted, so a tick compares the windows of the
 * keys that changed, then and now. With an append-only input no row can come back into the window
 * from below: rows beyond its end are dropped from the state. */
#include "op/top_n.h"

#include "kernel/key_image.h"
#include "op/merge.h"

#define SHRINK_SLOTS 1024
#define BEST_ROWS_MAX 64 /* are found by insertion */
#define PARTS_AHEAD 16

enum { ROW_LEAVING = 1 };  /* in the list of this tick */
enum { PART_TOUCHED = 1 }; /* in the list of this tick */

typedef struct top_n_row {
    int64_t  weight;
    int64_t  visible; /* places in the window, as emitted */
    int64_t  fresh;   /* the same as this tick will leave it, where that differs; 0 between ticks */
    int64_t  arrival; /* order without sort keys */
    uint32_t flags;   /* 0 between ticks */
    slot     part;
} top_n_row;

typedef struct top_n_part {
    int64_t  places;  /* sum of the positive weights */
    int64_t  visible; /* sum of `visible` */
    int64_t  arrivals;
    uint32_t flags;  /* 0 between ticks */
    uint32_t number; /* among the parts of the delta under way, from 1; else 0 */
} top_n_part;

static top_n_row *
row_at(const top_n *t, slot s) {
    return ARRAY_AT(&t->records, top_n_row, s);
}

static top_n_part *
part_at(const top_n *t, slot part) {
    return ARRAY_AT(&t->totals, top_n_part, part);
}

static int
compare_slots(const void *context, slot a, slot b) {
    const top_n *t = context;
    const int    order = slots_compare(&t->table.keys, t->keys, t->key_count, a, b);
    if (order != 0) {
        return order;
    }
    const int64_t x = t->key_count == 0 ? row_at(t, a)->arrival : (int64_t)a;
    const int64_t y = t->key_count == 0 ? row_at(t, b)->arrival : (int64_t)b;
    return (x > y) - (x < y);
}

static status
open_state(top_n *t, const data_type *types, int32_t count, error *err) {
    store *st = t->base.env->store;
    TRY(ages_open(&t->ages, st, "top_n", op_ttl_us(&t->base, 0), err));
    TRY(group_table_open(&t->table, st, "top_n.rows", types, count, err));
    TRY(array_open(&t->records, st, "top_n.records", sizeof(top_n_row), err));
    data_type *key_types =
        arena_alloc(t->base.env->scratch, (size_t)t->part_count * sizeof(*key_types));
    if (key_types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < t->part_count; i++) {
        key_types[i] = types[t->all_keys[i].column];
    }
    TRY(group_table_open(&t->parts, st, "top_n.parts", key_types, t->part_count, err));
    group_table_allow_dense(&t->parts);
    TRY(array_open(&t->totals, st, "top_n.totals", sizeof(top_n_part), err));
    TRY(ordered_open(&t->order, st, "top_n.order", compare_slots, t, err));
    return OK;
}

status
top_n_stream_open(top_n *t, const data_type *types, int32_t count, error *err) {
    arena           *scratch = t->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    t->base.ages[0] = &t->ages;
    t->part_keys = arena_alloc(t->base.env->arena, (size_t)t->part_count * sizeof(column));
    if (t->part_keys == NULL) {
        return error_memory(err);
    }
    const status s = open_state(t, types, count, err);
    arena_rewind(scratch, mark);
    return s;
}

void
top_n_stream_close(top_n *t) {
    ages_close(&t->ages);
    ordered_close(&t->order);
    array_close(&t->totals);
    group_table_close(&t->parts);
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

/* Rows of this part changed. */
static status
touch_part(top_n *t, slot part, error *err) {
    top_n_part *p = part_at(t, part);
    if ((p->flags & PART_TOUCHED) != 0) {
        return OK;
    }
    p->flags |= PART_TOUCHED;
    return slot_list_add(&t->touched, part, t->base.env->tick_arena, err);
}

static status
add_weight(top_n *t, slot s, int64_t weight, error *err) {
    top_n_row    *row = row_at(t, s);
    top_n_part   *p = part_at(t, row->part);
    const int64_t old = row->weight;
    if (__builtin_add_overflow(old, weight, &row->weight)) {
        return error_set(err, ERR_QUERY_FAILED,
                         "LIMIT: a row is there more often than can be counted");
    }
    p->places = sat_add_i64(p->places, max_i64(row->weight, 0) - max_i64(old, 0));
    if (old <= 0 && row->weight > 0) {
        row->arrival = p->arrivals++;
        TRY(ordered_insert_in(&t->order, row->part, s, err));
    } else if (old > 0 && row->weight <= 0) {
        TRY(ordered_remove_in(&t->order, row->part, s, err));
    }
    const bool leaves = row->weight == 0 || (row->weight < 0 && t->ages.step_us > 0);
    return leaves ? list_leaving(t, s, err) : OK;
}

/* ---- append-only: rows behind a full window */

typedef struct kept_rows { /* of the delta under way */
    int32_t  count, undecided_count;
    uint8_t *keep;      /* per row */
    int32_t *undecided; /* rows as good as the last one in their window, so far */
    slot    *bars;      /* that row */
} kept_rows;

/* By the words of a sort key: how each undecided row compares to its bar where that tells them
 * apart. False: the key has no such words. */
static bool
word_orders(const column *c, const column *bar, bool descending, int32_t row_count,
            const kept_rows *k, uint64_t *words, int8_t *orders) {
    const key_scan plain = {.any = true};
    uint64_t      *bars = words + row_count;
    if (c->validity != NULL || bar->validity != NULL || !key_image_is_plain(c->type)) {
        return false;
    }
    key_image(words, c, &plain, 0, row_count);
    key_image(bars, bar, &plain, 0, k->undecided_count);
    for (int32_t n = 0; n < k->undecided_count; n++) {
        const uint64_t x = words[k->undecided[n]];
        const int8_t   order = (int8_t)((x > bars[n]) - (x < bars[n]));
        orders[n] = (int8_t)(descending ? -order : order);
    }
    return true;
}

/* Drops what sorts behind the last row of its window, key by key: most rows are decided by the
 * first. */
static status
decide(const top_n *t, const delta *in, kept_rows *k, error *err) {
    arena    *scratch = t->base.env->scratch;
    uint64_t *words = arena_alloc(scratch, 2 * (size_t)in->row_count * sizeof(*words));
    int8_t   *orders = arena_alloc(scratch, (size_t)in->row_count);
    if (words == NULL || orders == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < t->key_count && k->undecided_count > 0; i++) {
        const sort_key *key = &t->keys[i];
        const sort_key  first = {.descending = key->descending, .nulls_first = key->nulls_first};
        const column   *c = &in->columns[key->column];
        int32_t         left = 0;
        column          bar;
        TRY(state_columns_show(&t->table.keys, key->column, k->bars, k->undecided_count, scratch,
                               &bar, err));
        const bool worded = k->undecided_count > in->row_count / 8 &&
                            word_orders(c, &bar, key->descending, in->row_count, k, words, orders);
        for (int32_t n = 0; n < k->undecided_count; n++) {
            const int32_t row = k->undecided[n];
            const int     order = worded && orders[n] != 0
                                      ? orders[n]
                                      : compare_sort_keys(c, row, &bar, n, &first, 1);
            k->keep[row] = order < 0;
            if (order == 0) {
                k->undecided[left] = row;
                k->bars[left++] = k->bars[n];
            }
        }
        k->undecided_count = left;
    }
    return OK;
}

/* Leaves the rows of `in` that can come into their window, and their parts. */
static status
drop_rows_behind(top_n *t, const delta *in, slot *parts, delta *out, error *err) {
    arena    *scratch = t->base.env->scratch;
    int32_t  *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    kept_rows k = {.keep = arena_alloc(scratch, (size_t)in->row_count),
                   .undecided = arena_alloc(scratch, (size_t)in->row_count * sizeof(int32_t)),
                   .bars = arena_alloc(scratch, (size_t)in->row_count * sizeof(slot))};
    if (rows == NULL || k.keep == NULL || k.undecided == NULL || k.bars == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        if (i + PARTS_AHEAD < in->row_count) {
            PREFETCH(part_at(t, parts[i + PARTS_AHEAD]));
        }
        const bool full = part_at(t, parts[i])->places >= t->end;
        k.keep[i] = !full;
        if (full) {
            k.undecided[k.undecided_count] = i;
            k.bars[k.undecided_count++] = ordered_last_in(&t->order, parts[i]);
        }
    }
    TRY(decide(t, in, &k, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[k.count] = i;
        parts[k.count] = parts[i];
        k.count += k.keep[i];
    }
    *out = *in;
    out->row_count = k.count;
    return k.count == 0 || k.count == in->row_count
               ? OK
               : delta_gather(out, in, rows, k.count, scratch, err);
}

typedef struct best_rows { /* of each part, of the delta under way */
    int32_t  count;        /* of parts, which have numbers from 1 */
    bool     crowded;      /* more rows come to some part than it can show */
    int32_t *number;       /* per row: of its part */
    int32_t *rows_of;      /* per part: how many come */
    int32_t *first, *kept; /* and where its best ones lie among the rows, and how many */
    int32_t *rows;         /* in order, of parts of which more come than can be shown */
} best_rows;

static status
number_parts(top_n *t, const slot *parts, int32_t count, best_rows *b, arena *a, error *err) {
    slot *numbered = arena_alloc(a, ((size_t)count + 1) * sizeof(*numbered));
    b->number = arena_alloc(a, (size_t)count * sizeof(int32_t));
    b->rows_of = arena_alloc_zero(a, ((size_t)count + 1) * sizeof(int32_t));
    b->first = arena_alloc(a, ((size_t)count + 1) * sizeof(int32_t));
    b->kept = arena_alloc_zero(a, ((size_t)count + 1) * sizeof(int32_t));
    b->rows = arena_alloc(a, (size_t)count * sizeof(int32_t));
    if (numbered == NULL || b->number == NULL || b->rows_of == NULL || b->first == NULL ||
        b->kept == NULL || b->rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        top_n_part *p = part_at(t, parts[i]);
        if (p->number == 0) {
            p->number = (uint32_t)++b->count;
            numbered[b->count] = parts[i];
        }
        b->number[i] = (int32_t)p->number;
        b->crowded |= ++b->rows_of[p->number] > t->end;
    }
    for (int32_t i = 1, next = 0; i <= b->count; i++) {
        part_at(t, numbered[i])->number = 0;
        b->first[i] = next;
        next += b->rows_of[i];
    }
    return OK;
}

/* Puts the row among the best of its part, in whose order they are. */
static void
keep_if_best(const top_n *t, const delta *in, best_rows *b, int32_t part, int32_t row) {
    int32_t *best = b->rows + b->first[part];
    int32_t *kept = &b->kept[part];
    int32_t  at = *kept;
    while (at > 0 && compare_sort_keys(in->columns, row, in->columns, best[at - 1], t->keys,
                                       t->key_count) < 0) {
        at--;
    }
    if (at == t->end) {
        return;
    }
    *kept += *kept < t->end;
    memmove(best + at + 1, best + at, (size_t)(*kept - 1 - at) * sizeof(*best));
    best[at] = row;
}

/* Leaves the rows of `in` that are among the first of their part in it: what a row of the same
 * delta puts behind the window is never stored. */
static status
drop_worse_rows(top_n *t, delta *in, slot *parts, error *err) {
    arena      *scratch = t->base.env->scratch;
    best_rows   b = {0};
    int32_t     n = 0;
    const delta all = *in;
    TRY(number_parts(t, parts, in->row_count, &b, scratch, err));
    if (!b.crowded) {
        return OK;
    }
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    uint8_t *keep = arena_alloc(scratch, (size_t)in->row_count);
    if (rows == NULL || keep == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        keep[i] = b.rows_of[b.number[i]] <= t->end;
        if (!keep[i]) {
            keep_if_best(t, &all, &b, b.number[i], i);
        }
    }
    for (int32_t part = 1; part <= b.count; part++) {
        for (int32_t i = 0; i < b.kept[part]; i++) {
            keep[b.rows[b.first[part] + i]] = 1;
        }
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[n] = i;
        parts[n] = parts[i];
        n += keep[i];
    }
    return n == all.row_count ? OK : delta_gather(in, &all, rows, n, scratch, err);
}

/* Append-only: drops the rows that lie wholly behind the window. */
static status
trim(top_n *t, slot part, error *err) {
    top_n_part *p = part_at(t, part);
    while (p->places > t->end) {
        const slot last = ordered_last_in(&t->order, part);
        top_n_row *row = row_at(t, last);
        if (p->places - row->weight < t->end) {
            return OK;
        }
        TRY(array_touch(&t->records, last, 1, err));
        TRY(ordered_remove_in(&t->order, part, last, err));
        p->places -= row->weight;
        row->weight = 0;
        if (row->visible == 0 && row->flags == 0) {
            TRY(group_table_remove(&t->table, last, err));
        } else {
            TRY(list_leaving(t, last, err));
        }
    }
    return OK;
}

/* ---- push */

static status
map_parts(top_n *t, const delta *in, slot *parts, error *err) {
    if (t->part_count == 0) {
        memset(parts, 0, (size_t)in->row_count * sizeof(*parts));
        TRY(array_reserve_to(&t->totals, 1, err));
        return array_touch(&t->totals, 0, 1, err);
    }
    arena   *scratch = t->base.env->scratch;
    uint8_t *is_new = arena_alloc(scratch, (size_t)in->row_count);
    if (is_new == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < t->part_count; i++) {
        t->part_keys[i] = in->columns[t->all_keys[i].column];
    }
    TRY(group_table_map(&t->parts, t->part_keys, in->row_count, parts, is_new, scratch, err));
    TRY(array_reserve_to(&t->totals, group_table_slot_count(&t->parts), err));
    TRY(array_touch_each(&t->totals, parts, in->row_count, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        if (is_new[i]) {
            *part_at(t, parts[i]) = (top_n_part){0};
        }
    }
    return ages_touch(&t->ages, t->base.env->clock_us, parts, in->row_count,
                      group_table_slot_count(&t->parts), scratch, err);
}

static status
update_rows(top_n *t, const delta *in, const slot *parts, error *err) {
    arena     *scratch = t->base.env->scratch;
    const bool append_only = t->base.spec->append_only[0];
    slot      *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    uint8_t   *is_new = arena_alloc(scratch, (size_t)in->row_count);
    if (slots == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&t->table, in->columns, in->row_count, slots, is_new, scratch, err));
    TRY(array_reserve_to(&t->records, group_table_slot_count(&t->table), err));
    for (int32_t i = 0; i < in->row_count; i++) {
        TRY(array_touch(&t->records, slots[i], 1, err));
        if (is_new[i]) {
            *row_at(t, slots[i]) = (top_n_row){.part = parts[i]};
        }
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        int64_t weight = delta_weight(in, i);
        if (append_only && t->key_count == 0) {
            weight = min_i64(weight, t->end - part_at(t, parts[i])->places);
        }
        TRY(touch_part(t, parts[i], err));
        TRY(add_weight(t, slots[i], weight, err));
    }
    for (int32_t i = 0; i < in->row_count && append_only && t->key_count > 0; i++) {
        TRY(trim(t, parts[i], err));
    }
    return OK;
}

status
top_n_stream_push(top_n *t, const delta *in, error *err) {
    const bool append_only = t->base.spec->append_only[0];
    delta      rows = *in;
    slot      *parts = arena_alloc(t->base.env->scratch, (size_t)in->row_count * sizeof(*parts));
    if (parts == NULL) {
        return error_memory(err);
    }
    TRY(map_parts(t, in, parts, err));
    if (append_only && t->key_count == 0 && part_at(t, 0)->places >= t->end) {
        return DONE;
    }
    if (append_only && t->key_count > 0) {
        TRY(drop_rows_behind(t, in, parts, &rows, err));
        const bool may_drop = rows.weight == NULL && t->end <= BEST_ROWS_MAX;
        TRY(may_drop && rows.row_count > 1 ? drop_worse_rows(t, &rows, parts, err) : OK);
    }
    return rows.row_count == 0 ? OK : update_rows(t, &rows, parts, err);
}

/* ---- tick */

static status
note_move(top_n *t, slot s, int64_t fresh, slot_list *moved, error *err) {
    TRY(array_touch(&t->records, s, 1, err));
    row_at(t, s)->fresh = fresh;
    return slot_list_add(moved, s, t->base.env->tick_arena, err);
}

/* Lists the rows whose places in the window differ from what was emitted, and fills their `fresh`.
 * Rows that were shown stand in the window, behind it, or have left. */
static status
find_moves(top_n *t, slot part, slot_list *moved, error *err) {
    const int64_t offset = t->base.spec->offset;
    top_n_part   *p = part_at(t, part);
    int64_t       place = 0;
    int64_t       shown = 0;   /* rows that were shown and have been met */
    int64_t       visible = 0; /* the sum of what will be shown */
    for (slot s = ordered_first_in(&t->order, part);
         s != SLOT_NONE && (place < t->end || shown < p->visible); s = ordered_next(&t->order, s)) {
        const top_n_row *row = row_at(t, s);
        const int64_t    after = sat_add_i64(place, row->weight);
        const int64_t    fresh = max_i64(0, min_i64(after, t->end) - max_i64(place, offset));
        shown += row->visible;
        visible += fresh;
        place = after;
        if (fresh != row->visible) {
            TRY(note_move(t, s, fresh, moved, err));
        }
    }
    TRY(array_touch(&t->totals, part, 1, err));
    p->visible = visible;
    p->flags = 0;
    return OK;
}

/* Rows that left, and are in no tree. */
static status
find_left(top_n *t, slot_list *moved, error *err) {
    for (const slot_block *b = t->leaving.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            top_n_row *row = row_at(t, b->slots[i]);
            row->flags = 0;
            if (t->ages.step_us > 0 && row->weight < 0) { /* it was forgotten before */
                t->base.lost_rows -= row->weight;
                row->weight = 0;
            }
            if (row->weight == 0 && row->visible > 0) {
                TRY(array_touch(&t->totals, row->part, 1, err));
                part_at(t, row->part)->visible -= row->visible;
                TRY(note_move(t, b->slots[i], 0, moved, err));
            }
        }
    }
    return OK;
}

/* First what is shown at fewer places than before, then what at more. */
static status
emit_moves(top_n *t, const slot_list *moved, error *err) {
    const arena_mark mark = arena_save(t->base.env->scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, &t->base, NULL, 0, &t->table.keys, err));
    for (int32_t sign = -1; sign <= 1; sign += 2) {
        for (const slot_block *b = moved->first; b != NULL; b = b->next) {
            for (int32_t i = 0; i < b->count; i++) {
                const top_n_row *row = row_at(t, b->slots[i]);
                const int64_t    by = row->fresh - row->visible;
                if ((by > 0) == (sign > 0)) {
                    TRY(slot_writer_add(&w, b->slots[i], by, err));
                }
            }
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(t->base.env->scratch, mark);
    for (const slot_block *b = moved->first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            top_n_row *row = row_at(t, b->slots[i]);
            row->visible = row->fresh;
            row->fresh = 0;
        }
    }
    return OK;
}

static status
remove_leaving(top_n *t, error *err) {
    for (const slot_block *b = t->leaving.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            if (row_at(t, b->slots[i])->weight == 0) {
                TRY(group_table_remove(&t->table, b->slots[i], err));
            }
        }
    }
    for (const slot_block *b = t->touched.first; b != NULL && t->part_count > 0; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            if (ordered_count_in(&t->order, b->slots[i]) == 0) {
                TRY(ages_remove(&t->ages, b->slots[i], err));
                TRY(group_table_remove(&t->parts, b->slots[i], err));
            }
        }
    }
    t->leaving = (slot_list){0};
    t->touched = (slot_list){0};
    return OK;
}

status
top_n_stream_tick(top_n *t, error *err) {
    slot_list moved = {0};
    if (t->touched.first == NULL) {
        return OK;
    }
    TRY(find_left(t, &moved, err));
    for (const slot_block *b = t->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            TRY(find_moves(t, b->slots[i], &moved, err));
        }
    }
    TRY(emit_moves(t, &moved, err));
    return remove_leaving(t, err);
}

/* ---- state_ttl */

static status
forget_part(void *context, slot part, error *err) {
    top_n *t = context;
    for (slot s = ordered_first_in(&t->order, part); s != SLOT_NONE;
         s = ordered_first_in(&t->order, part)) {
        TRY(ordered_remove_in(&t->order, part, s, err));
        TRY(group_table_remove(&t->table, s, err));
    }
    return group_table_remove(&t->parts, part, err);
}

/* Memory of what was forgotten, once nothing is left. */
static status
shrink(top_n *t, error *err) {
    if (t->table.live_count + t->parts.live_count > 0 ||
        group_table_slot_count(&t->table) < SHRINK_SLOTS) {
        return OK;
    }
    data_type *types = schema_types(t->base.spec->input[0], t->base.env->scratch);
    if (types == NULL) {
        return error_memory(err);
    }
    top_n_stream_close(t);
    return open_state(t, types, t->base.spec->input[0]->count, err);
}

status
top_n_stream_forget(top_n *t, error *err) {
    arena           *scratch = t->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    TRY(ages_drain(&t->ages, t->base.env->clock_us, forget_part, t, scratch, err));
    TRY(shrink(t, err));
    arena_rewind(scratch, mark);
    return OK;
}

status
top_n_stream_snapshot(top_n *t, op *target, int32_t port, error *err) {
    const arena_mark mark = arena_save(t->base.env->scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, &t->base, target, port, &t->table.keys, err));
    for (uint64_t part = 0; part < t->totals.count; part++) {
        int64_t left = part_at(t, (slot)part)->visible;
        for (slot s = ordered_first_in(&t->order, (slot)part); s != SLOT_NONE && left > 0;
             s = ordered_next(&t->order, s)) {
            const int64_t visible = row_at(t, s)->visible;
            if (visible > 0) {
                TRY(slot_writer_add(&w, s, visible, err));
                left -= visible;
            }
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(t->base.env->scratch, mark);
    return OK;
}

static status
validate_part(const top_n *t, slot part, int64_t places, error *err) {
    const top_n_part *p = part_at(t, part);
    const slot        last = ordered_last_in(&t->order, part);
    if (t->base.spec->append_only[0] && last != SLOT_NONE &&
        p->places - row_at(t, last)->weight >= t->end) {
        return error_set(err, ERR_INTERNAL_ERROR, "top_n: row %u behind the window was kept", last);
    }
    if (p->places != places || p->flags != 0) {
        return error_set(err, ERR_INTERNAL_ERROR, "top_n: part %u has %lld places, not %lld", part,
                         (long long)places, (long long)p->places);
    }
    return OK;
}

/* Key by key in their order, which without sort keys is that of arrival. */
status
top_n_stream_give(op *of, op *to, error *err) {
    const top_n     *t = (const top_n *)of;
    const uint64_t   parts = t->part_count == 0 ? 1 : group_table_slot_count(&t->parts);
    const arena_mark mark = arena_save(of->env->scratch);
    row_feed         f;
    TRY(feed_open(&f, of, to, 0, &t->table.keys, 0, of->spec->input[0]->count, err));
    for (uint64_t part = 0; part < parts; part++) {
        for (slot s = ordered_first_in(&t->order, (slot)part); s != SLOT_NONE;
             s = ordered_next(&t->order, s)) {
            TRY(feed_add(&f, s, row_at(t, s)->weight, err));
        }
    }
    TRY(feed_flush(&f, err));
    arena_rewind(of->env->scratch, mark);
    return OK;
}

status
top_n_stream_validate(const top_n *t, error *err) {
    TRY(group_table_validate(&t->table, err));
    TRY(group_table_validate(&t->parts, err));
    TRY(ordered_validate(&t->order, err));
    const uint64_t slot_count = group_table_slot_count(&t->table);
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
    }
    uint64_t live = 0;
    for (uint64_t part = 0; part < t->totals.count; part++) {
        if (t->part_count > 0 && !group_table_is_live(&t->parts, (slot)part)) {
            continue;
        }
        int64_t places = 0;
        for (slot s = ordered_first_in(&t->order, (slot)part); s != SLOT_NONE;
             s = ordered_next(&t->order, s)) {
            places = sat_add_i64(places, row_at(t, s)->weight);
            live++;
        }
        TRY(validate_part(t, (slot)part, places, err));
    }
    if (live != t->table.live_count) {
        return error_set(err, ERR_INTERNAL_ERROR, "top_n: %llu rows, %llu ordered",
                         (unsigned long long)t->table.live_count, (unsigned long long)live);
    }
    return OK;
}

/* ---- after a restore */

static slot
part_of_row(const void *context, slot s) {
    return row_at(context, s)->part;
}

/* The rows of a part are as many as it says, so that whoever looks for its last one finds it. */
static bool
part_adds_up(const top_n *t, slot part) {
    const top_n_part *p = part_at(t, part);
    int64_t           places = 0;
    for (slot s = ordered_first_in(&t->order, part); s != SLOT_NONE;
         s = ordered_next(&t->order, s)) {
        places = sat_add_i64(places, row_at(t, s)->weight);
    }
    return p->places == places && p->flags == 0 && p->number == 0;
}

status
top_n_stream_rebuild(top_n *t, error *err) {
    TRY(group_table_rebuild(&t->table, err));
    TRY(group_table_rebuild(&t->parts, err));
    const slot_set rows = group_table_slots(&t->table);
    const slot_set parts =
        t->part_count > 0 ? group_table_slots(&t->parts) : (slot_set){.count = t->totals.count > 0};
    TRY(ages_rebuild(&t->ages, &parts, err));
    if (t->records.count < rows.count || t->totals.count < parts.count) {
        return image_corrupt("rows of a LIMIT", err);
    }
    TRY(ordered_check(&t->order, &rows, part_of_row, err));
    for (uint64_t s = 0; s < rows.count; s++) {
        const top_n_row *row = row_at(t, (slot)s);
        if (slot_set_has(&rows, s) &&
            (row->weight <= 0 || row->fresh != 0 || row->flags != 0 ||
             !slot_set_has(&parts, row->part) || !ordered_has(&t->order, (slot)s))) {
            return image_corrupt("a row of a LIMIT", err);
        }
    }
    for (uint64_t part = 0; part < parts.count; part++) {
        if (slot_set_has(&parts, part) && !part_adds_up(t, (slot)part)) {
            return image_corrupt("the rows of a LIMIT", err);
        }
    }
    return OK;
}
