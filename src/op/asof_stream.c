/* SPDX-License-Identifier: Apache-2.0 */
/* asof_stream.c - ASOF joins kept up to date.
 *
 * Both sides are kept by key in order of time, equal rows once with their weight. A left row
 * remembers how often and with which right row it was emitted. A right row that comes or goes can
 * change the match only of left rows between it and its neighbours: those are looked at again when
 * the tick ends, with the left rows that changed themselves.
 *
 * push:  adds weights
 * tick:  puts rows into the orders and takes them out, finds matches anew, emits -old and +new,
 *        forgets rows of weight 0 */
#include "op/asof.h"

#include "kernel/access.h"
#include "kernel/kernel.h"
#include "op/merge.h"

enum {
    ROW_TOUCHED = 1, /* in the list of its side */
    ROW_LISTED = 2   /* left: in the list of those to look at again */
};

typedef struct asof_row {
    int64_t  weight;
    int64_t  time;
    int64_t  emitted; /* left: its weight as emitted */
    slot     part;    /* of its keys; SLOT_NONE: a key or the time is NULL */
    slot     match;   /* left: as emitted; SLOT_NONE: none */
    uint32_t flags;   /* 0 between ticks */
    uint32_t reserved;
} asof_row;

static asof_row *
row_at(const asof *o, int32_t side, slot s) {
    return ARRAY_AT(&o->sides[side].records, asof_row, s);
}

/* ---- orders */

static int
compare_times(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int
compare_left(const void *context, slot a, slot b) {
    const asof *o = context;
    const int   order = compare_times(row_at(o, ASOF_LEFT, a)->time, row_at(o, ASOF_LEFT, b)->time);
    return order != 0 ? order : (a > b) - (a < b);
}

static int
compare_right(const void *context, slot a, slot b) {
    const asof *o = context;
    const int times = compare_times(row_at(o, ASOF_RIGHT, a)->time, row_at(o, ASOF_RIGHT, b)->time);
    if (times != 0) {
        return times;
    }
    const int rest = slots_compare(&o->sides[ASOF_RIGHT].table.keys, o->right_order,
                                   o->base.spec->input[ASOF_RIGHT]->count, a, b);
    return rest != 0 ? rest : (a > b) - (a < b);
}

/* Searches of a right row a by the time of left row s, and of a left row by that of a right one. */
static int
right_before(const void *context, slot a, slot s) {
    const asof *o = context;
    return row_at(o, ASOF_RIGHT, a)->time < row_at(o, ASOF_LEFT, s)->time ? -1 : 1;
}

static int
right_not_after(const void *context, slot a, slot s) {
    const asof *o = context;
    return row_at(o, ASOF_RIGHT, a)->time <= row_at(o, ASOF_LEFT, s)->time ? -1 : 1;
}

static int
left_before(const void *context, slot a, slot s) {
    const asof *o = context;
    return row_at(o, ASOF_LEFT, a)->time < row_at(o, ASOF_RIGHT, s)->time ? -1 : 1;
}

/* ---- open, close */

status
asof_open_side(asof *o, int32_t side, error *err) {
    static const char *const names[2][3] = {
        {"asof.left.rows", "asof.left.records", "asof.left.order"},
        {"asof.right.rows", "asof.right.records", "asof.right.order"}};
    asof_side    *s = &o->sides[side];
    store        *st = o->base.env->store;
    const int32_t width = o->base.spec->input[side]->count;
    TRY(group_table_open(&s->table, st, names[side][0], o->types[side], width, err));
    TRY(array_open(&s->records, st, names[side][1], sizeof(asof_row), err));
    TRY(asof_bound_open(o, side, err));
    return ordered_open(&s->order, st, names[side][2],
                        side == ASOF_LEFT ? compare_left : compare_right, o, err);
}

void
asof_close_side(asof *o, int32_t side) {
    ordered_close(&o->sides[side].order);
    calendar_close(&o->ages[side]);
    array_close(&o->sides[side].records);
    group_table_close(&o->sides[side].table);
}

status
asof_open_parts(asof *o, error *err) {
    TRY(group_table_open(&o->parts, o->base.env->store, "asof.parts", o->key_types, o->key_count,
                         err));
    group_table_allow_dense(&o->parts);
    return OK;
}

status
asof_stream_open(asof *o, error *err) {
    static const char *const late[] = {"asof.left.refused", "asof.right.refused"};
    arena                   *a = o->base.env->arena;
    const op_spec           *spec = o->base.spec;
    const schema            *right = spec->input[ASOF_RIGHT];
    o->types[0] = schema_types(spec->input[ASOF_LEFT], a);
    o->types[1] = schema_types(right, a);
    o->key_types = arena_alloc(a, (size_t)o->key_count * sizeof(*o->key_types));
    o->right_order = arena_alloc_zero(a, (size_t)right->count * sizeof(*o->right_order));
    if (o->types[0] == NULL || o->types[1] == NULL || o->key_types == NULL ||
        o->right_order == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < right->count; i++) {
        o->right_order[i].column = i;
    }
    for (int32_t i = 0; i < o->key_count; i++) {
        o->key_types[i] = right->fields[o->keys[ASOF_RIGHT][i]].type;
    }
    TRY(judge_open(&o->judge, &o->base, late, err));
    TRY(asof_open_parts(o, err));
    TRY(asof_open_side(o, ASOF_LEFT, err));
    return asof_open_side(o, ASOF_RIGHT, err);
}

void
asof_stream_close(asof *o) {
    judge_close(&o->judge);
    asof_close_side(o, ASOF_LEFT);
    asof_close_side(o, ASOF_RIGHT);
    group_table_close(&o->parts);
}

int64_t
asof_time(const asof *o, int32_t side, slot s) {
    return row_at(o, side, s)->time;
}

/* ---- push */

/* The part of each row; SLOT_NONE where keys or time are missing. */
static status
map_parts(asof *o, int32_t side, const delta *in, slot *parts, error *err) {
    arena   *scratch = o->base.env->scratch;
    uint8_t *complete;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    slot    *found = arena_alloc(scratch, (size_t)in->row_count * sizeof(*found));
    int32_t  count = 0;
    if (rows == NULL || found == NULL) {
        return error_memory(err);
    }
    TRY(asof_complete_rows(&complete, o, side, in->row_count, scratch, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        parts[i] = SLOT_NONE;
        rows[count] = i;
        count += complete[i];
    }
    if (count == 0) {
        return OK;
    }
    for (int32_t k = 0; k < o->key_count; k++) {
        TRY(column_gather(&o->key_views[k], &in->columns[o->keys[side][k]], rows, count, scratch,
                          err));
    }
    TRY(group_table_map(&o->parts, o->key_views, count, found, NULL, scratch, err));
    for (int32_t i = 0; i < count; i++) {
        parts[rows[i]] = found[i];
    }
    return OK;
}

/* The rows that can ever come out or match. */
static status
drop_useless(const asof *o, int32_t side, const delta *in, slot *parts, delta *out, error *err) {
    arena   *scratch = o->base.env->scratch;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int32_t  count = 0;
    if (rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        parts[count] = parts[i];
        count += parts[i] != SLOT_NONE || (side == ASOF_LEFT && o->pads);
    }
    *out = *in;
    out->row_count = count;
    return count == 0 || count == in->row_count ? OK
                                                : delta_gather(out, in, rows, count, scratch, err);
}

static status
add_weights(asof *o, int32_t side, const delta *in, const slot *parts, const int64_t *times,
            error *err) {
    asof_side *s = &o->sides[side];
    arena     *scratch = o->base.env->scratch;
    slot      *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    uint8_t   *is_new = arena_alloc(scratch, (size_t)in->row_count);
    if (slots == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&s->table, in->columns, in->row_count, slots, is_new, scratch, err));
    TRY(array_reserve_to(&s->records, group_table_slot_count(&s->table), err));
    TRY(array_touch_each(&s->records, slots, in->row_count, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        asof_row *row = row_at(o, side, slots[i]);
        if (is_new[i]) {
            *row = (asof_row){.time = times[i], .part = parts[i], .match = SLOT_NONE};
        }
        if (__builtin_add_overflow(row->weight, delta_weight(in, i), &row->weight)) {
            return error_set(err, ERR_QUERY_FAILED,
                             "ASOF JOIN: a row is there more often than can be counted");
        }
        if ((row->flags & ROW_TOUCHED) == 0) {
            row->flags |= ROW_TOUCHED;
            TRY(slot_list_add(&s->touched, slots[i], o->base.env->tick_arena, err));
        }
    }
    return o->judge.bound == NULL ? OK
                                  : asof_age(o, side, slots, times, is_new, in->row_count, err);
}

status
asof_stream_push(asof *o, int32_t side, const delta *in, error *err) {
    arena   *scratch = o->base.env->scratch;
    slot    *parts = arena_alloc(scratch, (size_t)in->row_count * sizeof(*parts));
    int64_t *times;
    delta    rows;
    if (parts == NULL) {
        return error_memory(err);
    }
    TRY(map_parts(o, side, in, parts, err));
    TRY(drop_useless(o, side, in, parts, &rows, err));
    if (rows.row_count == 0) {
        return OK;
    }
    TRY(asof_times(&times, &rows.columns[o->keys[side][o->key_count]], rows.row_count, scratch,
                   err));
    return add_weights(o, side, &rows, parts, times, err);
}

/* ---- tick: which left rows to look at */

static status
list_left(asof *o, slot s, slot_list *list, error *err) {
    asof_row *row = row_at(o, ASOF_LEFT, s);
    if ((row->flags & ROW_LISTED) != 0) {
        return OK;
    }
    TRY(array_touch(&o->sides[ASOF_LEFT].records, s, 1, err));
    row->flags |= ROW_LISTED;
    return slot_list_add(list, s, o->base.env->tick_arena, err);
}

/* Into its order or out of it, as its weight says; *moved: it did. */
static status
settle_order(asof *o, int32_t side, slot s, bool *moved, error *err) {
    ordered        *order = &o->sides[side].order;
    const asof_row *row = row_at(o, side, s);
    const bool      is_in = ordered_has(order, s);
    *moved = row->part != SLOT_NONE && is_in != (row->weight > 0);
    if (!*moved) {
        return OK;
    }
    return is_in ? ordered_remove_in(order, row->part, s, err)
                 : ordered_insert_in(order, row->part, s, err);
}

/* Left rows between right row s and its neighbours, on the side where they can match it. */
static status
list_between(asof *o, slot s, slot_list *list, error *err) {
    const ordered *left = &o->sides[ASOF_LEFT].order;
    const ordered *right = &o->sides[ASOF_RIGHT].order;
    const op_match match = o->base.spec->match;
    const bool     ahead = match == OP_MATCH_LESS_EQUAL || match == OP_MATCH_LESS;
    const slot     next = ordered_next(right, s);
    const slot     before = ordered_previous(right, s);
    const slot     part = row_at(o, ASOF_RIGHT, s)->part;
    slot           from = s;
    int64_t        last = next == SLOT_NONE ? INT64_MAX : row_at(o, ASOF_RIGHT, next)->time;
    if (ahead || match == OP_MATCH_NEAREST) {
        from = before; /* SLOT_NONE: from the first left row */
    }
    if (ahead) {
        last = row_at(o, ASOF_RIGHT, s)->time;
    }
    slot at = from == SLOT_NONE ? ordered_first_in(left, part)
                                : ordered_bound_in(left, part, from, left_before);
    for (; at != SLOT_NONE && row_at(o, ASOF_LEFT, at)->time <= last; at = ordered_next(left, at)) {
        TRY(list_left(o, at, list, err));
    }
    return OK;
}

static status
settle_right(asof *o, slot_list *list, error *err) {
    const asof_side *side = &o->sides[ASOF_RIGHT];
    for (const slot_block *b = side->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const slot s = b->slots[i];
            bool       moved;
            if (ordered_has(&side->order, s) && row_at(o, ASOF_RIGHT, s)->weight <= 0) {
                TRY(list_between(o, s, list, err));
            }
            TRY(settle_order(o, ASOF_RIGHT, s, &moved, err));
            if (moved && ordered_has(&side->order, s)) {
                TRY(list_between(o, s, list, err));
            }
        }
    }
    return OK;
}

static status
settle_left(asof *o, slot_list *list, error *err) {
    for (const slot_block *b = o->sides[ASOF_LEFT].touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            bool moved;
            TRY(settle_order(o, ASOF_LEFT, b->slots[i], &moved, err));
            TRY(list_left(o, b->slots[i], list, err));
        }
    }
    return OK;
}

/* ---- tick: matches and what they change */

static slot
find_match(const asof *o, slot s) {
    const ordered  *right = &o->sides[ASOF_RIGHT].order;
    const op_match  match = o->base.spec->match;
    const asof_row *row = row_at(o, ASOF_LEFT, s);
    if (row->part == SLOT_NONE || row->weight <= 0) {
        return SLOT_NONE;
    }
    const bool after = match != OP_MATCH_GREATER && match != OP_MATCH_LESS_EQUAL;
    const slot at = ordered_bound_in(right, row->part, s, after ? right_not_after : right_before);
    const slot before =
        at == SLOT_NONE ? ordered_last_in(right, row->part) : ordered_previous(right, at);
    slot found = match == OP_MATCH_LESS_EQUAL || match == OP_MATCH_LESS ? at : before;
    if (match == OP_MATCH_NEAREST && at != SLOT_NONE) {
        const bool earlier = before != SLOT_NONE &&
                             asof_prefers_earlier(o, row->time, row_at(o, ASOF_RIGHT, before)->time,
                                                  row_at(o, ASOF_RIGHT, at)->time);
        found = earlier ? before : at;
    }
    return found != SLOT_NONE && asof_is_near(o, row->time, row_at(o, ASOF_RIGHT, found)->time)
               ? found
               : SLOT_NONE;
}

typedef struct pair_writer {
    asof    *o;
    op      *target;
    int32_t  port, count;
    slot    *left, *right;
    int64_t *weights;
    bool     weighted;
} pair_writer;

static status
pairs_open(pair_writer *w, asof *o, op *target, int32_t port, error *err) {
    arena *scratch = o->base.env->scratch;
    *w = (pair_writer){.o = o, .target = target, .port = port};
    w->left = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->left));
    w->right = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->right));
    w->weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->weights));
    return w->left == NULL || w->right == NULL || w->weights == NULL ? error_memory(err) : OK;
}

static status
pairs_flush(pair_writer *w, error *err) {
    asof            *o = w->o;
    arena           *scratch = o->base.env->scratch;
    const int32_t    left_count = o->base.spec->input[ASOF_LEFT]->count;
    const int32_t    column_count = o->base.spec->output->count;
    const arena_mark mark = arena_save(scratch);
    if (w->count == 0) {
        return OK;
    }
    TRY(op_poll(&o->base, err));
    for (int32_t i = 0; i < column_count; i++) {
        const bool right = i >= left_count;
        TRY(state_columns_read(&o->sides[right].table.keys, i - (right ? left_count : 0),
                               right ? w->right : w->left, w->count, scratch, &o->output[i], err));
    }
    const delta out = {.row_count = w->count,
                       .column_count = column_count,
                       .columns = o->output,
                       .weight = w->weighted ? w->weights : NULL};
    TRY(op_send(&o->base, w->target, w->port, &out, err));
    arena_rewind(scratch, mark);
    w->count = 0;
    w->weighted = false;
    return OK;
}

static status
pairs_add(pair_writer *w, slot left, slot right, int64_t weight, error *err) {
    if (weight == 0 || (right == SLOT_NONE && !w->o->pads)) {
        return OK;
    }
    w->left[w->count] = left;
    w->right[w->count] = right;
    w->weights[w->count++] = weight;
    w->weighted |= weight != 1;
    return w->count == BATCH_ROWS ? pairs_flush(w, err) : OK;
}

static status
emit_changes(asof *o, const slot_list *list, error *err) {
    const arena_mark mark = arena_save(o->base.env->scratch);
    pair_writer      w;
    TRY(pairs_open(&w, o, NULL, 0, err));
    for (const slot_block *b = list->first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const slot    s = b->slots[i];
            asof_row     *row = row_at(o, ASOF_LEFT, s);
            const slot    match = find_match(o, s);
            const int64_t weight = max_i64(row->weight, 0);
            if (match == row->match) {
                TRY(pairs_add(&w, s, match, weight - row->emitted, err));
            } else {
                TRY(pairs_add(&w, s, row->match, -row->emitted, err));
                TRY(pairs_add(&w, s, match, weight, err));
            }
            row->match = match;
            row->emitted = weight;
            row->flags = 0;
        }
    }
    TRY(pairs_flush(&w, err));
    arena_rewind(o->base.env->scratch, mark);
    return OK;
}

status
asof_take_out(asof *o, int32_t side, slot s, slot *part, error *err) {
    ordered *order = &o->sides[side].order;
    *part = row_at(o, side, s)->part;
    return ordered_has(order, s) ? ordered_remove_in(order, *part, s, err) : OK;
}

status
asof_drop_part(asof *o, slot part, error *err) {
    const bool used = part == SLOT_NONE || !group_table_is_live(&o->parts, part) ||
                      ordered_count_in(&o->sides[ASOF_LEFT].order, part) > 0 ||
                      ordered_count_in(&o->sides[ASOF_RIGHT].order, part) > 0;
    return used ? OK : group_table_remove(&o->parts, part, err);
}

/* Rows of weight 0, and keys without rows. Where rows are forgotten nothing is taken back: rows
 * without a key or a time have been shown, and are done with. */
static status
forget_rows(asof *o, int32_t side, error *err) {
    asof_side *s = &o->sides[side];
    for (const slot_block *b = s->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            asof_row  *row = row_at(o, side, b->slots[i]);
            const slot part = row->part;
            row->flags = 0;
            const bool done = o->judge.bound != NULL && part == SLOT_NONE;
            if (row->weight != 0 && !done) {
                continue;
            }
            TRY(o->judge.bound != NULL ? calendar_remove(&o->ages[side], b->slots[i], err) : OK);
            TRY(group_table_remove(&s->table, b->slots[i], err));
            TRY(asof_drop_part(o, part, err));
        }
    }
    s->touched = (slot_list){0};
    return OK;
}

status
asof_stream_tick(asof *o, error *err) {
    slot_list list = {0};
    if (o->sides[ASOF_LEFT].touched.first == NULL && o->sides[ASOF_RIGHT].touched.first == NULL) {
        return OK;
    }
    TRY(settle_left(o, &list, err));
    TRY(settle_right(o, &list, err));
    TRY(emit_changes(o, &list, err));
    TRY(forget_rows(o, ASOF_LEFT, err));
    return forget_rows(o, ASOF_RIGHT, err);
}

/* ---- reading */

status
asof_stream_snapshot(asof *o, op *target, int32_t port, error *err) {
    const arena_mark   mark = arena_save(o->base.env->scratch);
    const group_table *left = &o->sides[ASOF_LEFT].table;
    pair_writer        w;
    TRY(pairs_open(&w, o, target, port, err));
    for (uint64_t s = 0; s < group_table_slot_count(left); s++) {
        if (group_table_is_live(left, (slot)s)) {
            const asof_row *row = row_at(o, ASOF_LEFT, (slot)s);
            TRY(pairs_add(&w, (slot)s, row->match, row->emitted, err));
        }
    }
    TRY(pairs_flush(&w, err));
    arena_rewind(o->base.env->scratch, mark);
    return OK;
}

static status
give_rows(op *of, op *to, error *err) {
    const asof *o = (const asof *)of;
    for (int32_t side = 0; side < 2; side++) {
        const arena_mark   mark = arena_save(of->env->scratch);
        const group_table *rows = &o->sides[side].table;
        row_feed           f;
        TRY(feed_open(&f, of, to, side, &rows->keys, 0, of->spec->input[side]->count, err));
        for (uint64_t s = 0; s < group_table_slot_count(rows); s++) {
            if (group_table_is_live(rows, (slot)s)) {
                TRY(feed_add(&f, (slot)s, row_at(o, side, (slot)s)->weight, err));
            }
        }
        TRY(feed_flush(&f, err));
        arena_rewind(of->env->scratch, mark);
    }
    return OK;
}

status
asof_stream_merge(asof *o, asof *other, error *err) {
    TRY(judge_merge(&o->judge, &other->judge, err));
    return merge_by_rows(&o->base, &other->base, give_rows, err);
}

static status
validate_side(const asof *o, int32_t side, error *err) {
    const asof_side *s = &o->sides[side];
    TRY(group_table_validate(&s->table, err));
    TRY(ordered_validate(&s->order, err));
    for (uint64_t i = 0; i < group_table_slot_count(&s->table); i++) {
        if (!group_table_is_live(&s->table, (slot)i)) {
            continue;
        }
        const asof_row *row = row_at(o, side, (slot)i);
        const bool      should_be_in = row->part != SLOT_NONE && row->weight > 0;
        const bool      wrong_match = side == ASOF_LEFT && find_match(o, (slot)i) != row->match;
        if (row->flags != 0 || row->weight <= 0 || wrong_match ||
            ordered_has(&s->order, (slot)i) != should_be_in) {
            return error_set(err, ERR_INTERNAL_ERROR, "asof: row %llu of side %d is not settled",
                             (unsigned long long)i, side);
        }
    }
    return OK;
}

/* ---- after a restore */

static slot
part_of_left(const void *context, slot s) {
    return row_at(context, ASOF_LEFT, s)->part;
}

static slot
part_of_right(const void *context, slot s) {
    return row_at(context, ASOF_RIGHT, s)->part;
}

/* What a settled row is, whose part and match are there. */
static bool
is_settled(const asof *o, int32_t side, slot s) {
    const asof_row *row = row_at(o, side, s);
    const bool      in = row->part != SLOT_NONE;
    const bool      matched = side == ASOF_LEFT && row->match != SLOT_NONE;
    return row->flags == 0 && row->weight > 0 && ordered_has(&o->sides[side].order, s) == in &&
           (!in || group_table_is_live(&o->parts, row->part)) &&
           (!matched || group_table_is_live(&o->sides[ASOF_RIGHT].table, row->match));
}

static status
rebuild_side(asof *o, int32_t side, error *err) {
    asof_side     *s = &o->sides[side];
    const slot_set rows = group_table_slots(&s->table);
    if (s->records.count < rows.count) {
        return image_corrupt("rows of an ASOF join", err);
    }
    TRY(ordered_check(&s->order, &rows, side == ASOF_LEFT ? part_of_left : part_of_right, err));
    for (uint64_t i = 0; i < rows.count; i++) {
        if (slot_set_has(&rows, i) && !is_settled(o, side, (slot)i)) {
            return image_corrupt("a row of an ASOF join", err);
        }
    }
    return o->judge.bound == NULL ? OK : calendar_rebuild(&o->ages[side], &rows, false, err);
}

status
asof_stream_rebuild(asof *o, error *err) {
    TRY(group_table_rebuild(&o->parts, err));
    TRY(group_table_rebuild(&o->sides[ASOF_LEFT].table, err));
    TRY(group_table_rebuild(&o->sides[ASOF_RIGHT].table, err));
    TRY(rebuild_side(o, ASOF_LEFT, err));
    return rebuild_side(o, ASOF_RIGHT, err);
}

status
asof_stream_validate(const asof *o, error *err) {
    TRY(judge_validate(&o->judge, err));
    TRY(group_table_validate(&o->parts, err));
    for (uint64_t p = 0; p < group_table_slot_count(&o->parts); p++) {
        const uint64_t rows = ordered_count_in(&o->sides[ASOF_LEFT].order, (slot)p) +
                              ordered_count_in(&o->sides[ASOF_RIGHT].order, (slot)p);
        if (group_table_is_live(&o->parts, (slot)p) != (rows > 0)) {
            return error_set(err, ERR_INTERNAL_ERROR, "asof: key %llu has %llu rows",
                             (unsigned long long)p, (unsigned long long)rows);
        }
    }
    TRY(validate_side(o, ASOF_LEFT, err));
    return validate_side(o, ASOF_RIGHT, err);
}

int64_t
asof_stream_rows(const asof *o) {
    return (int64_t)(o->sides[0].table.live_count + o->sides[1].table.live_count);
}
