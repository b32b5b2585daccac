/* SPDX-License-Identifier: Apache-2.0 */
/* join_extreme.c - joins of streams that let go of rows which the extreme of their group has passed
 * (plan/join_extreme.c finds them: b.price = m.price, where m has max(price) of each group).
 *
 * `beaten` side: its rows go; other side: has a row for each group, whose key is the extreme of
 * rows that are only added. A bar is the farthest key that a group was seen to have, as a word that
 * orders like it. The group has this key or a farther one when the tick ends, and ever after, or no
 * row at all. So a row of which all groups that it could match have bars beyond its key has no
 * match at the end of this tick or of a later one. It may have one now, with a row of the other
 * side that is taken back within the tick: then it would give that pair and take it back. What
 * leaves it out gives the same net change. A group without a bar keeps its rows: it is not there
 * yet, or no more, or its extreme is NULL.
 *
 * Groupings give their rows at the tick, behind the rows that they are made of. So where both may
 * come in one tick, rows that no bar beats wait in `held` until the tick of the join, which is
 * later than that of the grouping, and are judged by the new bars. Rows that were stored are looked
 * at when they are twice as many as the last look left, so that costs a look or two for each.
 *
 * Bars are no state: they follow from the rows of the other side, and lie in a store of their own.
 * Those of rows that were forgotten go when they are the most. */
#include "kernel/key_image.h"
#include "op/join.h"

#define SWEEP_ROWS 64
#define SPARE_BARS 64
#define TIME_MAX ((int64_t)1 << 61)
#define NO_BAR 0 /* what an array grows by: no group leaves the table but all */

/* ---- open and close */

static status
open_bars(join *j, error *err) {
    extremes         *x = &j->extremes;
    const op_extreme *rule = x->rule;
    arena            *scratch = j->base.env->scratch;
    const arena_mark  mark = arena_save(scratch);
    data_type *types = arena_alloc(scratch, sizeof(*types) * (size_t)(rule->group_count + 1));
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rule->group_count; i++) {
        types[i] = j->types[!rule->side][rule->groups[i]];
    }
    TRY(group_table_open(&x->groups, x->own, "join.groups", types, rule->group_count, err));
    TRY(array_open(&x->bars, x->own, "join.bars", sizeof(uint64_t), err));
    arena_rewind(scratch, mark);
    return OK;
}

static void
close_bars(extremes *x) {
    array_close(&x->bars);
    group_table_close(&x->groups);
}

status
join_extreme_open(join *j, error *err) {
    extremes     *x = &j->extremes;
    const op_env *env = j->base.env;
    x->rule = j->base.spec->mode == MODE_STREAM ? j->base.spec->extreme : NULL;
    if (x->rule == NULL) {
        return OK;
    }
    x->sweep_rows = SWEEP_ROWS;
    x->keys = arena_alloc(env->arena, sizeof(*x->keys) * (size_t)(x->rule->group_count + 1));
    if (x->keys == NULL) {
        return error_memory(err);
    }
    TRY(store_open(&x->own, env->mem, err));
    return open_bars(j, err);
}

static void
drop_held(extremes *x, int32_t from) {
    for (int32_t i = from; i < x->held_count; i++) {
        batch_release(x->held[i]);
    }
    x->held_count = 0;
}

void
join_extreme_close(join *j) {
    extremes *x = &j->extremes;
    if (x->own == NULL) {
        return;
    }
    drop_held(x, 0);
    mem_free(j->base.env->mem, x->held, sizeof(*x->held) * (size_t)x->held_capacity);
    close_bars(x);
    store_close(x->own);
}

/* ---- bars */

/* Of a key column: farther values have greater words, or equal ones. */
static status
read_words(const join *j, const column *keys, int32_t count, uint64_t **out, error *err) {
    static const key_scan plain = {.any = true}; /* texts by their first bytes */
    uint64_t *words = arena_alloc(j->base.env->scratch, sizeof(*words) * (size_t)(count + 1));
    if (words == NULL) {
        return error_memory(err);
    }
    key_image(words, keys, &plain, 0, count);
    for (int32_t i = 0; !j->extremes.rule->greatest && i < count; i++) {
        words[i] = ~words[i];
    }
    *out = words;
    return OK;
}

static const int32_t *
keys_of(const join *j, int32_t side) {
    return j->key_columns[side];
}

/* Rows of the other side. */
static status
raise_bars(join *j, const column *columns, const int64_t *weight, int32_t count, error *err) {
    extremes         *x = &j->extremes;
    const op_extreme *rule = x->rule;
    arena            *scratch = j->base.env->scratch;
    const column     *keys = &columns[keys_of(j, !rule->side)[rule->key]];
    slot             *slots = arena_alloc(scratch, sizeof(*slots) * (size_t)count);
    uint64_t         *words;
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(read_words(j, keys, count, &words, err));
    for (int32_t i = 0; i < rule->group_count; i++) {
        x->keys[i] = columns[rule->groups[i]];
    }
    TRY(group_table_map(&x->groups, x->keys, count, slots, NULL, scratch, err));
    TRY(array_reserve_to(&x->bars, group_table_slot_count(&x->groups), err));
    for (int32_t i = 0; i < count; i++) {
        uint64_t *bar = ARRAY_AT(&x->bars, uint64_t, slots[i]);
        if ((weight == NULL || weight[i] > 0) && !column_is_null(keys, i) && words[i] > *bar) {
            *bar = words[i];
            x->moved = true;
        }
    }
    return OK;
}

status
join_note_extremes(join *j, int32_t port, const delta *in, error *err) {
    const op_extreme *rule = j->extremes.rule;
    if (rule == NULL || port == rule->side) {
        return OK;
    }
    const arena_mark mark = arena_save(j->base.env->scratch);
    TRY(raise_bars(j, in->columns, in->weight, in->row_count, err));
    arena_rewind(j->base.env->scratch, mark);
    return OK;
}

/* Columns of stored rows: those of the rule, the others stay as they are. */
static status
read_stored(const join *j, int32_t side, const slot *slots, int32_t count, column *out,
            error *err) {
    const op_extreme *rule = j->extremes.rule;
    const int32_t    *columns = side == rule->side ? rule->equals : rule->groups;
    const int32_t     key = keys_of(j, side)[rule->key];
    TRY(join_read(j, side, key, slots, count, &out[key], err));
    for (int32_t i = 0; i < rule->group_count; i++) {
        const int32_t at = columns[i] < 0 ? rule->time : columns[i];
        TRY(join_read(j, side, at, slots, count, &out[at], err));
    }
    return OK;
}

status
join_extreme_rebuild(join *j, error *err) {
    extremes *x = &j->extremes;
    arena    *scratch = j->base.env->scratch;
    uint64_t  next = 0;
    if (x->rule == NULL) {
        return OK;
    }
    const int32_t side = !x->rule->side;
    close_bars(x);
    TRY(open_bars(j, err));
    for (;;) {
        const arena_mark mark = arena_save(scratch);
        slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
        int64_t         *weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*weights));
        column          *columns = arena_alloc(scratch, (size_t)j->width[side] * sizeof(*columns));
        if (slots == NULL || weights == NULL || columns == NULL) {
            return error_memory(err);
        }
        const int32_t n = arrangement_scan(&j->sides[side], &next, slots, weights, BATCH_ROWS);
        TRY(n == 0 ? OK : read_stored(j, side, slots, n, columns, err));
        TRY(n == 0 ? OK : raise_bars(j, columns, weights, n, err));
        arena_rewind(scratch, mark);
        if (n == 0) {
            return OK;
        }
    }
}

/* ---- which rows stay */

typedef struct judgement {
    const column   *columns; /* of the rows */
    int32_t         count;
    const uint64_t *words; /* of their keys */
    int64_t        *bound; /* the bound of the window that is looked at, where there is one */
    uint64_t       *bars;  /* of the group that is looked at */
    uint8_t        *stays;
} judgement;

static status
judgement_open(judgement *g, join *j, const column *columns, int32_t count, error *err) {
    const op_extreme *rule = j->extremes.rule;
    arena            *scratch = j->base.env->scratch;
    uint64_t         *words;
    *g = (judgement){.columns = columns, .count = count};
    TRY(read_words(j, &columns[keys_of(j, rule->side)[rule->key]], count, &words, err));
    g->words = words;
    g->bound = arena_alloc(scratch, sizeof(*g->bound) * (size_t)count);
    g->bars = arena_alloc(scratch, sizeof(*g->bars) * (size_t)count);
    g->stays = arena_alloc_zero(scratch, (size_t)count);
    return g->bound == NULL || g->bars == NULL || g->stays == NULL ? error_memory(err) : OK;
}

static status
find_bars(join *j, const column *keys, int32_t count, uint64_t *bars, error *err) {
    const extremes *x = &j->extremes;
    arena          *scratch = j->base.env->scratch;
    slot           *slots = arena_alloc(scratch, sizeof(*slots) * (size_t)count);
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(group_table_find(&x->groups, keys, count, slots, scratch, err));
    for (int32_t i = 0; i < count; i++) {
        bars[i] = slots[i] == SLOT_NONE ? NO_BAR : *ARRAY_AT(&x->bars, uint64_t, slots[i]);
    }
    return OK;
}

static data_type
bound_type(const join *j) {
    const op_extreme *rule = j->extremes.rule;
    return rule->time < 0 ? type_of(TYPE_NULL) : j->types[rule->side][rule->time];
}

/* The window is all of the group: rows that follow each other mostly have the same. */
static status
find_window_bars(join *j, judgement *g, error *err) {
    arena    *scratch = j->base.env->scratch;
    int64_t  *runs = arena_alloc(scratch, sizeof(*runs) * (size_t)g->count);
    int32_t  *run = arena_alloc(scratch, sizeof(*run) * (size_t)g->count);
    uint64_t *bars = arena_alloc(scratch, sizeof(*bars) * (size_t)g->count);
    if (runs == NULL || run == NULL || bars == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < g->count; i++) {
        if (n == 0 || runs[n - 1] != g->bound[i]) {
            runs[n++] = g->bound[i];
        }
        run[i] = n - 1;
    }
    const column keys = {.type = bound_type(j), .values = runs};
    TRY(find_bars(j, &keys, n, bars, err));
    for (int32_t i = 0; i < g->count; i++) {
        g->bars[i] = bars[run[i]];
    }
    return OK;
}

static status
find_group_bars(join *j, judgement *g, error *err) {
    const op_extreme *rule = j->extremes.rule;
    column           *keys = j->extremes.keys;
    if (rule->group_count == 1 && rule->time >= 0) {
        return find_window_bars(j, g, err);
    }
    for (int32_t i = 0; i < rule->group_count; i++) {
        keys[i] = (column){.type = bound_type(j), .values = g->bound};
        if (rule->equals[i] >= 0) {
            const column *equal = &g->columns[rule->equals[i]];
            TRY(column_views(&keys[i], equal, g->count, j->base.env->scratch, err));
        }
    }
    return find_bars(j, keys, g->count, g->bars, err);
}

/* The first bound that is not before `from`. */
ALWAYS_INLINE int64_t
bound_from(const op_extreme *rule, int64_t from) {
    const int64_t behind = floor_mod_i64(from - rule->base, rule->slide);
    return behind == 0 ? from : from + rule->slide - behind;
}

/* Into g->bound: the first window that each row could match. */
static void
begin_windows(const op_extreme *rule, judgement *g) {
    const int64_t *times = g->columns[rule->time].values;
    int64_t        first = 0;
    bool           known = false;
    for (int32_t i = 0; i < g->count; i++) {
        if (times[i] < -TIME_MAX || times[i] > TIME_MAX) {
            g->bound[i] = (int64_t)((uint64_t)times[i] + (uint64_t)rule->hi + 1); /* none */
            g->stays[i] = 1; /* it is beyond what is computed here */
            continue;
        }
        const int64_t from = times[i] + rule->lo;
        if (!known || from > first || from <= first - rule->slide) {
            first = bound_from(rule, from);
            known = true;
        }
        g->bound[i] = first;
    }
}

/* What the groups of the windows in g->bound say; *more: some row could match the next ones. */
static void
judge_bounds(const op_extreme *rule, judgement *g, bool *more) {
    const int64_t *restrict times = g->columns[rule->time].values;
    const uint64_t *restrict bars = g->bars, *restrict words = g->words;
    int64_t *restrict bound = g->bound;
    uint8_t *restrict stays = g->stays;
    uint8_t any = 0;
    for (int32_t i = 0; i < g->count; i++) {
        const int64_t ahead = (int64_t)((uint64_t)bound[i] - (uint64_t)times[i]);
        stays[i] |= (uint8_t)((ahead <= rule->hi) & (bars[i] <= words[i]));
        any |= (uint8_t)(ahead <= rule->hi - rule->slide);
        bound[i] = (int64_t)((uint64_t)bound[i] + (uint64_t)rule->slide);
    }
    *more = any != 0;
}

static status
judge_windows(join *j, judgement *g, error *err) {
    const op_extreme *rule = j->extremes.rule;
    bool              more = true;
    begin_windows(rule, g);
    while (more) {
        const arena_mark mark = arena_save(j->base.env->scratch);
        TRY(find_group_bars(j, g, err));
        judge_bounds(rule, g, &more);
        arena_rewind(j->base.env->scratch, mark);
    }
    return OK;
}

/* Without a key, or a time where there is a window, a row matches nothing. */
static void
drop_nulls(judgement *g, const column *c) {
    for (int32_t i = 0; c->validity != NULL && i < g->count; i++) {
        g->stays[i] &= bits_get(c->validity, i);
    }
}

/* Numbers of the rows that stay, or of those that go. */
static status
judge_extremes(join *j, const column *columns, int32_t count, bool going, int32_t **out,
               int32_t *out_count, error *err) {
    const op_extreme *rule = j->extremes.rule;
    judgement         g;
    TRY(judgement_open(&g, j, columns, count, err));
    if (rule->time >= 0) {
        TRY(judge_windows(j, &g, err));
        drop_nulls(&g, &columns[rule->time]);
    } else {
        TRY(find_group_bars(j, &g, err));
        for (int32_t i = 0; i < count; i++) {
            g.stays[i] = g.bars[i] <= g.words[i];
        }
    }
    drop_nulls(&g, &columns[keys_of(j, rule->side)[rule->key]]);
    for (int32_t i = 0; i < count; i++) {
        g.stays[i] ^= going;
    }
    *out = arena_alloc(j->base.env->scratch, sizeof(**out) * (size_t)count);
    if (*out == NULL) {
        return error_memory(err);
    }
    const column wanted = {.type = type_of(TYPE_BOOL), .values = g.stays};
    *out_count = select_true(*out, &wanted, count);
    return OK;
}

/* Leaves rows out that go; what is left is transient in scratch. */
static status
leave_out(join *j, delta *rows, error *err) {
    const delta all = *rows;
    int32_t    *kept;
    TRY(judge_extremes(j, all.columns, all.row_count, false, &kept, &rows->row_count, err));
    return rows->row_count == 0 || rows->row_count == all.row_count
               ? OK
               : delta_gather(rows, &all, kept, rows->row_count, j->base.env->scratch, err);
}

/* ---- rows that wait */

static status
hold(join *j, const delta *rows, error *err) {
    extremes *x = &j->extremes;
    mem      *m = j->base.env->mem;
    if (x->held_count == x->held_capacity) {
        const int32_t capacity = x->held_capacity == 0 ? 4 : 2 * x->held_capacity;
        batch       **grown = mem_resize(m, x->held, sizeof(*grown) * (size_t)x->held_capacity,
                                         sizeof(*grown) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        x->held = grown;
        x->held_capacity = capacity;
    }
    TRY(batch_keep(&x->held[x->held_count], m, rows, err));
    x->held_count++;
    return OK;
}

status
join_leave_out(join *j, int32_t port, delta *rows, error *err) {
    const op_extreme *rule = j->extremes.rule;
    if (rule == NULL || port != rule->side) {
        return OK;
    }
    TRY(leave_out(j, rows, err));
    if (rule->together && rows->row_count > 0) {
        TRY(hold(j, rows, err));
        rows->row_count = 0;
    }
    return OK;
}

static status
take_held(join *j, const batch *held, error *err) {
    const int32_t port = j->extremes.rule->side;
    delta         rows = held->rows;
    TRY(op_poll(&j->base, err));
    TRY(leave_out(j, &rows, err));
    return rows.row_count == 0 ? OK : join_push_stream(j, port, &rows, err);
}

status
join_take_held(join *j, error *err) {
    extremes *x = &j->extremes;
    status    s = OK;
    int32_t   taken = 0;
    for (; taken < x->held_count && s == OK; taken++) {
        const arena_mark mark = arena_save(j->base.env->scratch);
        s = take_held(j, x->held[taken], err);
        arena_rewind(j->base.env->scratch, mark);
        batch_release(x->held[taken]);
    }
    drop_held(x, taken);
    return s;
}

/* ---- rows that were stored */

static status
drop_beaten(join *j, int32_t side, const slot *slots, int32_t count, error *err) {
    arena   *scratch = j->base.env->scratch;
    int32_t *going, n;
    column  *columns = arena_alloc(scratch, (size_t)j->width[side] * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    TRY(read_stored(j, side, slots, count, columns, err));
    TRY(judge_extremes(j, columns, count, true, &going, &n, err));
    for (int32_t i = 0; i < n; i++) {
        TRY(arrangement_drop(&j->sides[side], slots[going[i]], err));
    }
    return OK;
}

static status
sweep(join *j, error *err) {
    const int32_t      side = j->extremes.rule->side;
    const arrangement *a = &j->sides[side];
    arena             *scratch = j->base.env->scratch;
    uint64_t           next = 0;
    for (;;) {
        const arena_mark mark = arena_save(scratch);
        slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
        int64_t         *weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*weights));
        if (slots == NULL || weights == NULL) {
            return error_memory(err);
        }
        const int32_t n = arrangement_scan(a, &next, slots, weights, BATCH_ROWS);
        TRY(op_poll(&j->base, err));
        TRY(n == 0 ? OK : drop_beaten(j, side, slots, n, err));
        arena_rewind(scratch, mark);
        if (n == 0) {
            return join_shrink(j, side, err);
        }
    }
}

status
join_settle_extremes(join *j, error *err) {
    extremes *x = &j->extremes;
    if (x->rule == NULL) {
        return OK;
    }
    const int32_t side = x->rule->side;
    TRY(join_take_held(j, err));
    if (x->moved && arrangement_row_count(&j->sides[side]) >= x->sweep_rows) {
        TRY(sweep(j, err));
        x->moved = false;
        x->sweep_rows = max_i64(SWEEP_ROWS, 2 * arrangement_row_count(&j->sides[side]));
    }
    return OK;
}

status
join_forget_extremes(join *j, error *err) {
    extremes *x = &j->extremes;
    if (x->rule == NULL) {
        return OK;
    }
    const int64_t rows = arrangement_row_count(&j->sides[!x->rule->side]);
    return (int64_t)x->groups.live_count > 2 * rows + SPARE_BARS ? join_extreme_rebuild(j, err)
                                                                 : OK;
}

/* ---- validate */

/* No stored row of the other side is beyond the bar of its group. */
static status
check_bars(const join *j, const slot *slots, const column *columns, int32_t count, error *err) {
    join             *whole = (join *)j; /* scratch and room for keys alone */
    const extremes   *x = &j->extremes;
    const op_extreme *rule = x->rule;
    arena            *scratch = j->base.env->scratch;
    const column     *keys = &columns[keys_of(j, !rule->side)[rule->key]];
    uint64_t         *bars = arena_alloc(scratch, sizeof(*bars) * (size_t)count), *words;
    if (bars == NULL) {
        return error_memory(err);
    }
    TRY(read_words(j, keys, count, &words, err));
    for (int32_t i = 0; i < rule->group_count; i++) {
        x->keys[i] = columns[rule->groups[i]];
    }
    TRY(find_bars(whole, x->keys, count, bars, err));
    for (int32_t i = 0; i < count; i++) {
        if (words[i] > bars[i]) {
            return error_set(err, ERR_INTERNAL_ERROR, "join: row %u is beyond the bar of its group",
                             slots[i]);
        }
    }
    return OK;
}

status
join_extreme_validate(const join *j, error *err) {
    const extremes *x = &j->extremes;
    uint64_t        next = 0;
    slot            slots[64];
    int64_t         weights[64];
    int32_t         count;
    if (x->rule == NULL) {
        return OK;
    }
    if (x->held_count > 0) {
        return error_set(err, ERR_INTERNAL_ERROR, "join: rows wait behind the tick");
    }
    const int32_t side = !x->rule->side;
    arena        *scratch = j->base.env->scratch;
    TRY(group_table_validate(&x->groups, err));
    while ((count = arrangement_scan(&j->sides[side], &next, slots, weights, 64)) > 0) {
        const arena_mark mark = arena_save(scratch);
        column          *columns = arena_alloc(scratch, (size_t)j->width[side] * sizeof(*columns));
        if (columns == NULL) {
            return error_memory(err);
        }
        TRY(read_stored(j, side, slots, count, columns, err));
        TRY(check_bars(j, slots, columns, count, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}
