/* SPDX-License-Identifier: Apache-2.0 */
/* join_extreme.c - joins of streams that let go of rows which the extreme of their group has
 * passed: ON b.price = m.price, where m has max(price) of each window, or of each auction, or of
 * all.
 *
 * A group's max() over rows that are only added never falls while there is the group. So a row
 * whose key is smaller than it is now will never be its match. That needs to be so for every group
 * that the row could match, which the join must say: other keys of the group are equal to columns
 * of the row, and the condition keeps the bound of the group's window at a distance from its time
 * that few windows have. min() is the same the other way round.
 *
 * Between the grouping and the join there may be what takes rows away, or computes with one
 * column in a way that keeps its order. */
#include "kernel/key_image.h"
#include "plan/node.h"
#include "type/calendar.h"

#define WINDOWS_MAX 4                /* that a row could match */
#define UNITS_MAX ((int64_t)1 << 60) /* of distances, so that adding some to a time is safe */

/* Rows of the side that have no match give nothing. */
static bool
drops_unmatched(const plan_node *n, int32_t side) {
    return n->join == JOIN_INNER || (n->join == JOIN_SEMI && side == 0);
}

/* ---- what a column shows */

/* The node of the kind at or below n, through filters and projections that show its column *number
 * as it is, or shifted by *shift_us; *number is that of its own then. NULL: none. */
static const plan_node *
come_to(const plan_node *n, plan_kind kind, int32_t *number, int64_t *shift_us) {
    int64_t us;
    *shift_us = 0;
    for (; n->kind != kind; n = n->inputs[0]) {
        switch (n->kind) {
        case PLAN_SHARED:
            *number = n->column_map[*number];
            break;
        case PLAN_PROJECT:
            if (!node_shifted_column(n->exprs[*number], number, &us)) {
                return NULL;
            }
            *shift_us = sat_add_i64(*shift_us, us);
            break;
        case PLAN_FILTER:
            break;
        default:
            return NULL;
        }
    }
    return n;
}

/* The grouping of which column `number` shows a key or call, *at; both in one order. NULL: none. */
static const plan_node *
grouping_of(const plan_node *n, int32_t number, int32_t *at, int64_t *shift_us) {
    *at = number;
    return come_to(n, PLAN_AGGREGATE, at, shift_us);
}

/* The WINDOW of which key `number` of the grouping shows the start; NULL: none. */
static const plan_node *
window_of(const plan_node *n, int32_t number, int64_t *shift_us) {
    n = come_to(n->inputs[0], PLAN_WINDOW, &number, shift_us);
    if (n == NULL) {
        return NULL;
    }
    return n->window == WINDOW_HOP && number == n->inputs[0]->schema.count ? n : NULL;
}

static bool
is_extreme(const plan_node *grouping, int32_t at, data_type key, bool *greatest) {
    if (at < grouping->key_count || grouping->session_key >= 0 ||
        (grouping->inputs[0]->properties & PLAN_APPEND_ONLY) == 0) {
        return false;
    }
    const plan_agg *call = &grouping->aggs[at - grouping->key_count];
    *greatest = strcmp(call->class->name, "max") == 0;
    return (*greatest || strcmp(call->class->name, "min") == 0) &&
           call->signature.column_count == 1 && call->signature.constant_count == 0 &&
           type_equal(call->signature.output, key) &&
           (key_image_is_plain(key) || type_physical(key) == PHYSICAL_TEXT);
}

/* ---- the groups that a row could match */

static const int32_t *
keys_of(const plan_node *n, int32_t side) {
    return side == 0 ? n->left_keys : n->right_keys;
}

/* The other keys of the join: which of them are keys of the grouping? */
static void
note_equal_groups(join_extreme *x, const plan_node *n, const plan_node *grouping, bool *known) {
    for (int32_t k = 0; k < n->key_count; k++) {
        int32_t       at;
        int64_t       shift_us;
        const int32_t group = keys_of(n, !x->side)[k];
        if (grouping_of(n->inputs[!x->side], group, &at, &shift_us) == grouping &&
            at < grouping->key_count && !known[at]) {
            known[at] = true;
            x->groups[x->group_count] = group;
            x->equals[x->group_count++] = keys_of(n, x->side)[k];
        }
    }
}

/* Keys that say the same window as one that is known. */
static void
note_same_windows(const plan_node *grouping, bool *known) {
    int64_t us;
    for (int32_t i = 0; i < grouping->key_count; i++) {
        const plan_node *w = known[i] ? window_of(grouping, i, &us) : NULL;
        for (int32_t k = 0; k < grouping->key_count && w != NULL; k++) {
            known[k] = known[k] || window_of(grouping, k, &us) == w;
        }
    }
}

static int64_t
floor_units(data_type t, int64_t us) {
    return type_time_from_us(t, us);
}

static int64_t
ceil_units(data_type t, int64_t us) {
    return sat_sub_i64(0, type_time_from_us(t, sat_sub_i64(0, us)));
}

/* Between which whole units the start of a window lies from the time of a row that it matches. */
static bool
set_distance(join_extreme *x, const time_distance *d, data_type type) {
    if (!d->has_lo || !d->has_hi) {
        return false;
    }
    x->lo = d->open_lo ? sat_add_i64(floor_units(type, d->lo), 1) : ceil_units(type, d->lo);
    x->hi = d->open_hi ? sat_sub_i64(ceil_units(type, d->hi), 1) : floor_units(type, d->hi);
    return x->lo <= x->hi && x->lo > -UNITS_MAX && x->hi < UNITS_MAX;
}

static bool
set_grid(join_extreme *x, const plan_node *w, data_type type) {
    x->base = type_time_from_us(type, w->window_offset_us);
    x->slide = type_time_from_us(type, w->window_slide_us);
    return x->slide > 0 && x->slide < UNITS_MAX &&
           type_time_to_us(type, x->slide) == w->window_slide_us &&
           type_time_to_us(type, x->base) == w->window_offset_us && x->base > -UNITS_MAX &&
           x->base < UNITS_MAX && (x->hi - x->lo) / x->slide < WINDOWS_MAX;
}

/* A column of the other side that shows key `key` of the grouping: how far behind the start of its
 * window is it? */
static bool
shows_bound(const join_extreme *x, const plan_node *n, const plan_node *grouping, int32_t shown,
            const plan_node *w, int64_t *shift_us) {
    int32_t key;
    int64_t above_us, below_us;
    if (grouping_of(n->inputs[!x->side], shown, &key, &above_us) != grouping ||
        key >= grouping->key_count || window_of(grouping, key, &below_us) != w) {
        return false;
    }
    *shift_us = sat_add_i64(above_us, below_us);
    return true;
}

/* How far the condition keeps the start of the window from the time in column `time` of a row, by
 * any of the columns that show a bound of the window. */
static time_distance
distance_from(const join_extreme *x, const plan_node *n, const plan_node *grouping,
              const plan_node *w, int32_t time) {
    const schema *rows = &n->inputs[x->side]->schema, *bounds = &n->inputs[!x->side]->schema;
    const bool    left = x->side == 0;
    time_distance all = {0}, d;
    int64_t       shift_us;
    for (int32_t i = 0; i < bounds->count; i++) {
        if (!type_equal(bounds->fields[i].type, rows->fields[time].type) ||
            !shows_bound(x, n, grouping, i, w, &shift_us)) {
            continue;
        }
        node_distance(n, left ? time : i, left ? i : time, &d); /* of the right one from the left */
        const bool    has[] = {left ? d.has_lo : d.has_hi, left ? d.has_hi : d.has_lo};
        const bool    open[] = {left ? d.open_lo : d.open_hi, left ? d.open_hi : d.open_lo};
        const int64_t us[] = {left ? d.lo : sat_sub_i64(0, d.hi),
                              left ? d.hi : sat_sub_i64(0, d.lo)};
        for (int32_t above = 0; above < 2; above++) {
            if (has[above]) {
                time_distance_bound(&all, above != 0, sat_sub_i64(us[above], shift_us),
                                    open[above]);
            }
        }
    }
    return all;
}

/* A time of the rows from which the start of the window keeps a distance. */
static bool
find_time(join_extreme *x, const plan_node *n, const plan_node *grouping, const plan_node *w) {
    const schema *rows = &n->inputs[x->side]->schema;
    for (int32_t i = 0; i < rows->count; i++) {
        const data_type type = rows->fields[i].type;
        if (type_physical(type) != PHYSICAL_I64) {
            continue;
        }
        const time_distance d = distance_from(x, n, grouping, w, i);
        if (set_distance(x, &d, type) && set_grid(x, w, type)) {
            x->time = i;
            return true;
        }
    }
    return false;
}

/* Key `key` of the grouping says a window, near which the rows lie: the group is told by a column
 * that shows a bound of it, between which and the time lies a little more. */
static bool
note_window(join_extreme *x, const plan_node *n, const plan_node *grouping, int32_t key) {
    int64_t          us, shift_us;
    const plan_node *w = window_of(grouping, key, &us), *other = n->inputs[!x->side];
    if (w == NULL || !find_time(x, n, grouping, w)) {
        return false;
    }
    const data_type type = n->inputs[x->side]->schema.fields[x->time].type;
    for (int32_t i = 0; i < other->schema.count; i++) {
        if (!type_equal(other->schema.fields[i].type, type) ||
            !shows_bound(x, n, grouping, i, w, &shift_us)) {
            continue;
        }
        const int64_t shift = type_time_from_us(type, shift_us);
        if (type_time_to_us(type, shift) == shift_us && shift > -UNITS_MAX && shift < UNITS_MAX) {
            x->lo += shift;
            x->hi += shift;
            x->base += shift;
            x->groups[x->group_count] = i;
            x->equals[x->group_count++] = -1;
            return true;
        }
    }
    return false;
}

static bool
knows_all(const bool *known, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (!known[i]) {
            return false;
        }
    }
    return true;
}

/* All keys of the grouping are known of a row. `known` has room for them. */
static bool
find_groups(join_extreme *x, const plan_node *n, const plan_node *grouping, bool *known) {
    note_equal_groups(x, n, grouping, known);
    note_same_windows(grouping, known);
    int32_t key = 0;
    while (key < grouping->key_count && known[key]) {
        key++;
    }
    if (key < grouping->key_count && note_window(x, n, grouping, key)) {
        known[key] = true;
        note_same_windows(grouping, known);
    }
    return knows_all(known, grouping->key_count);
}

/* ---- joins */

static bool
reads(const plan_node *n, const object *o) {
    bool found = n->kind == PLAN_SCAN && n->object == o;
    for (int32_t i = 0; i < n->input_count && !found; i++) {
        found = reads(n->inputs[i], o);
    }
    return found;
}

static bool
share_input(const plan_node *a, const plan_node *b) {
    bool found = a->kind == PLAN_SCAN && reads(b, a->object);
    for (int32_t i = 0; i < a->input_count && !found; i++) {
        found = share_input(a->inputs[i], b);
    }
    return found;
}

static status
try_key(plan_node *n, int32_t side, int32_t key, arena *a, error *err) {
    const int32_t    own = keys_of(n, side)[key], other = keys_of(n, !side)[key];
    int32_t          at;
    int64_t          shift_us;
    bool             greatest;
    const plan_node *grouping = grouping_of(n->inputs[!side], other, &at, &shift_us);
    if (grouping == NULL || (n->null_safe != NULL && n->null_safe[key]) ||
        !is_extreme(grouping, at, n->inputs[side]->schema.fields[own].type, &greatest)) {
        return OK;
    }
    const size_t  room = (size_t)grouping->key_count + 1;
    join_extreme *x = arena_alloc_zero(a, sizeof(*x));
    bool         *known = arena_alloc_zero(a, room * sizeof(*known));
    int32_t      *groups = arena_alloc_zero(a, 2 * room * sizeof(*groups));
    if (x == NULL || known == NULL || groups == NULL) {
        return error_memory(err);
    }
    *x = (join_extreme){.side = side,
                        .greatest = greatest,
                        .key = key,
                        .groups = groups,
                        .equals = groups + room,
                        .time = -1,
                        .together = share_input(n->inputs[side], n->inputs[!side])};
    n->extreme = find_groups(x, n, grouping, known) ? x : NULL;
    return OK;
}

status
plan_find_extremes(plan_node *n, arena *a, error *err) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(plan_find_extremes(n->inputs[i], a, err));
    }
    for (int32_t side = 0; side < 2 && n->kind == PLAN_JOIN; side++) {
        const bool grows = (n->inputs[side]->properties & PLAN_APPEND_ONLY) != 0;
        for (int32_t k = 0; k < n->key_count && grows && drops_unmatched(n, side); k++) {
            TRY(n->extreme == NULL ? try_key(n, side, k, a, err) : OK);
        }
    }
    return OK;
}
