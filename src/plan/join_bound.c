/* SPDX-License-Identifier: Apache-2.0 */
/* join_bound.c - joins of streams whose rows can be forgotten, because a watermark tells that
 * nothing matches them any more. Three kinds:
 *
 *   on bounds of windows   a key is, on both sides, the bound of a window that a watermark closes:
 *                          no row with this value comes behind it. Nothing is late here.
 *   on an interval         the condition keeps the distance of two event times between two
 *                          constants (lo <= right - left <= hi). A row of which nothing older than
 *                          the watermark can be a match goes; rows that come later than that are
 *                          late, so that what matched them in vain changes no answer. One of the
 * two may be the bound of a window instead: its rows change until the window is final, and a row of
 * the other side is late when all windows that it could match are.
 *
 *   ASOF                   the times of the match are event times, and there is a tolerance, or the
 *                          match lies behind: then left rows wait for it as an interval's do
 *
 * One inequality alone bounds nothing: the other side would have to be kept, and its rows would be
 * late for no gain. An interval is looked for where each change of both inputs comes in time, as
 * far as it is not late: rows of sources, of streams that only pass them on, and of such joins. How
 * much later than its time a change may come there, by the watermark, is its slack. */
#include "plan/node.h"
#include "type/calendar.h"

#define PAGE_SPANS 16 /* rows are forgotten by pages: so many in the interval */

/* ---- how late changes come */

static bool
join_slack(const plan_node *n, int32_t number, int64_t *slack_us) {
    const join_bound *b = n->bound;
    const int32_t     left = n->inputs[0]->schema.count;
    number = n->column_map != NULL ? n->column_map[number] : number;
    const int32_t side = number >= left;
    if (b == NULL || !b->interval || (side == 1 && !join_shows_right(n->join)) ||
        number - side * left != b->columns[side]) {
        return false;
    }
    *slack_us = b->slack_us[side];
    return true;
}

bool
node_slack(const plan_node *n, int32_t number, int64_t *slack_us) {
    for (;;) {
        switch (n->kind) {
        case PLAN_SCAN: {
            const object *o = n->object;
            *slack_us = o->slack_us;
            return o->kind != OBJECT_TABLE && o->event_time_column >= 0 &&
                   n->column_map[number] == o->event_time_column && o->slack_us != INT64_MAX &&
                   (o->append_only || o->slack_us > 0);
        }
        case PLAN_UNION:
            *slack_us = 0;
            for (int32_t i = 0; i < n->input_count; i++) {
                int64_t us;
                if (!node_slack(n->inputs[i], number, &us)) {
                    return false;
                }
                *slack_us = max_i64(*slack_us, us);
            }
            return true;
        case PLAN_SHARED:
            number = n->column_map[number];
            break;
        case PLAN_PROJECT:
            if (n->exprs[number]->kind != EXPR_COLUMN) {
                return false;
            }
            number = n->exprs[number]->column;
            break;
        case PLAN_JOIN:
            return join_slack(n, number, slack_us);
        case PLAN_SERIES:
        case PLAN_WINDOW:
        case PLAN_KEEP:
            number =
                n->kind == PLAN_SERIES && n->column_map != NULL ? n->column_map[number] : number;
            if (number >= n->inputs[0]->schema.count) {
                return false;
            }
            break;
        case PLAN_FILTER:
            break;
        default: /* what else they read may change their rows at any time */
            return false;
        }
        n = n->inputs[0];
    }
}

/* ---- conditions: sign[0] * left + sign[1] * right + us, of one time column of each side */

typedef struct linear {
    int32_t sign[2], column[2];
    int64_t us;
} linear;

static bool
add_linear(linear *l, const expr *e, int32_t sign, int32_t boundary) {
    switch (e->kind) {
    case EXPR_COLUMN: {
        const int32_t side = e->column >= boundary;
        const int32_t at = e->column - side * boundary;
        const bool    first = l->sign[side] == 0 && type_physical(e->type) == PHYSICAL_I64;
        l->sign[side] += sign;
        l->column[side] = at;
        return first;
    }
    case EXPR_CONSTANT: {
        const value  *v = &e->constant;
        const bool    span = e->type.id == TYPE_INTERVAL && !v->is_null && v->iv.months == 0;
        const int64_t us = span ? sat_add_i64(sat_mul_i64(v->iv.days, US_PER_DAY), v->iv.us)
                                : sat_mul_i64(v->i, 1000);
        l->us = sat_add_i64(l->us, sign * us);
        return span || (e->type.id == TYPE_I64 && !v->is_null);
    }
    case EXPR_CAST: /* to a finer unit it is the same time */
        return type_is_time(e->type) && type_is_time(e->args[0]->type) &&
               type_time_to_us(e->type, INT32_MAX) <=
                   type_time_to_us(e->args[0]->type, INT32_MAX) &&
               add_linear(l, e->args[0], sign, boundary);
    case EXPR_CALL: {
        const char *name = function_name(e->function);
        const bool  minus = strcmp(name, "-") == 0;
        return e->arg_count == 2 && (minus || strcmp(name, "+") == 0) &&
               add_linear(l, e->args[0], sign, boundary) &&
               add_linear(l, e->args[1], minus ? -sign : sign, boundary);
    }
    default:
        return false;
    }
}

/* What is known of a column as a time. Its rows change until *us behind it, by the watermark. */
typedef enum time_kind {
    TIME_NONE,
    TIME_EVENT, /* us: its slack */
    TIME_WINDOW /* the bound of a window; us: from there until it is final */
} time_kind;

static time_kind
time_of(const plan_node *n, int32_t number, int64_t *us) {
    bool by_clock = false;
    if (node_slack(n, number, us)) {
        return TIME_EVENT;
    }
    return node_closes(n, number, us, &by_clock) && !by_clock &&
                   type_physical(n->schema.fields[number].type) == PHYSICAL_I64
               ? TIME_WINDOW
               : TIME_NONE;
}

/* Of the two one is an event time; the other may be. */
static bool
are_times(const plan_node *n, const int32_t columns[2], time_kind kinds[2], int64_t us[2]) {
    kinds[0] = time_of(n->inputs[0], columns[0], &us[0]);
    kinds[1] = time_of(n->inputs[1], columns[1], &us[1]);
    return kinds[0] != TIME_NONE && kinds[1] != TIME_NONE &&
           (kinds[0] == TIME_EVENT || kinds[1] == TIME_EVENT);
}

/* The tighter of two bounds, of equal ones the one that leaves itself out. */
void
time_distance_bound(time_distance *d, bool above, int64_t bound, bool open) {
    bool      *has = above ? &d->has_hi : &d->has_lo, *is_open = above ? &d->open_hi : &d->open_lo;
    int64_t   *at = above ? &d->hi : &d->lo;
    const bool tighter = !*has || (above ? bound < *at : bound > *at);
    *is_open = tighter ? open : *is_open || (bound == *at && open);
    *at = tighter ? bound : *at;
    *has = true;
}

static void
note_bounds(time_distance *d, const linear *l, const char *op, bool negated) {
    /* right - left against -us (right is added) or us (it is taken away) */
    const bool    plus = l->sign[1] > 0;
    const int64_t bound = plus ? sat_sub_i64(0, l->us) : l->us;
    const bool    equal = strcmp(op, "=") == 0;
    const bool    less = (op[0] == '<') != negated;
    const bool    open = !equal && (op[1] == '\0') != negated;
    if (equal || less == plus) {
        time_distance_bound(d, true, bound, open);
    }
    if (equal || less != plus) {
        time_distance_bound(d, false, bound, open);
    }
}

static bool
is_comparison(const expr *e) {
    static const char *const names[] = {"<", "<=", ">", ">=", "="};
    for (int32_t i = 0; e->kind == EXPR_CALL && e->arg_count == 2 && i < ARRAY_COUNT(names); i++) {
        if (strcmp(function_name(e->function), names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Do both columns show one below, each with a constant? *us: by how much b is greater than a. So
 * are the two bounds of a window. */
static bool
is_shifted(const plan_node *n, int32_t a, int32_t b, int64_t *us) {
    int64_t shift[2] = {0, 0};
    int32_t at[2] = {a, b};
    for (; at[0] != at[1]; n = n->inputs[0]) {
        for (int32_t i = 0; i < 2; i++) {
            int64_t more = 0;
            if (n->kind == PLAN_SHARED) {
                at[i] = n->column_map[at[i]];
            } else if (n->kind == PLAN_PROJECT
                           ? !node_shifted_column(n->exprs[at[i]], &at[i], &more)
                           : n->kind != PLAN_FILTER &&
                                 !(n->kind == PLAN_AGGREGATE && at[i] < n->key_count)) {
                return false;
            }
            shift[i] = sat_add_i64(shift[i], more);
        }
    }
    *us = sat_sub_i64(shift[1], shift[0]);
    return true;
}

/* In terms of the columns of the distance, where it has not these. */
static bool
to_columns(const time_distance *d, const plan_node *n, linear *l) {
    for (int32_t side = 0; side < 2; side++) {
        int64_t us;
        if (!is_shifted(n->inputs[side], d->columns[side], l->column[side], &us)) {
            return false;
        }
        l->us = sat_add_i64(l->us, l->sign[side] * us);
    }
    return true;
}

static void
note_pair(time_distance *d, const plan_node *n, linear l, const char *op, bool negated) {
    time_kind kinds[2];
    int64_t   us[2];
    if (!d->known && are_times(n, l.column, kinds, us)) {
        d->known = true;
        d->columns[0] = l.column[0];
        d->columns[1] = l.column[1];
    }
    if (d->known && to_columns(d, n, &l)) {
        note_bounds(d, &l, op, negated);
    }
}

static void
note_condition(time_distance *d, const plan_node *n, const expr *e) {
    const int32_t boundary = n->inputs[0]->schema.count;
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; i < e->arg_count; i++) {
            note_condition(d, n, e->args[i]);
        }
        return;
    }
    linear     l = {0};
    const bool negated = e->kind == EXPR_NOT && is_comparison(e->args[0]) &&
                         strcmp(function_name(e->args[0]->function), "=") != 0;
    e = negated ? e->args[0] : e;
    if (is_comparison(e) && add_linear(&l, e->args[0], 1, boundary) &&
        add_linear(&l, e->args[1], -1, boundary) && l.sign[0] * l.sign[1] == -1) {
        note_pair(d, n, l, function_name(e->function), negated);
    }
}

void
node_distance(const plan_node *n, int32_t left, int32_t right, time_distance *d) {
    *d = (time_distance){.known = true, .columns = {left, right}};
    if (n->predicate != NULL) {
        note_condition(d, n, n->predicate);
    }
}

/* ---- the two kinds */

static bool
bound_by_windows(join_bound *b, const plan_node *n, bool by_clock) {
    for (int32_t k = 0; k < n->key_count; k++) {
        const int32_t columns[2] = {n->left_keys[k], n->right_keys[k]};
        int64_t       closes_us[2];
        bool          found = n->null_safe == NULL || !n->null_safe[k];
        for (int32_t side = 0; side < 2 && found; side++) {
            bool clock = false;
            found =
                node_closes(n->inputs[side], columns[side], &closes_us[side], &clock) &&
                clock == by_clock &&
                type_physical(n->inputs[side]->schema.fields[columns[side]].type) == PHYSICAL_I64;
        }
        if (found) { /* final when value + closes + lateness <= watermark */
            const int64_t us = sat_sub_i64(max_i64(closes_us[0], closes_us[1]), 1);
            *b = (join_bound){.columns = {columns[0], columns[1]}, .kept_us = {us, us}};
            return true;
        }
    }
    return false;
}

/* The event time is on `side`, the bound of a window on the other; a row of `side` is one of
 * windows between lo and hi behind it. It is late when the last of them is final, and what is late
 * is so by the watermark before its insert: the windows' rows stay that a row could match which is
 * not. */
static void
bound_to_windows(join_bound *b, int32_t side, int64_t lo, int64_t hi, const int64_t us[2]) {
    const int32_t other = 1 - side;
    const int64_t waits_us = max_i64(us[side], sat_add_i64(hi, us[other]));
    b->to_windows = true;
    b->judged_us[side] = waits_us;
    b->kept_us[side] = waits_us;
    b->judged_us[other] = us[other];
    b->kept_us[other] = max_i64(us[other], sat_sub_i64(waits_us, lo));
}

static bool
bound_by_interval(join_bound *b, const plan_node *n) {
    time_distance d = {0};
    time_kind     kinds[2];
    int64_t       us[2];
    for (int32_t k = 0; k < n->key_count; k++) {
        const linear equal = {.sign = {1, -1}, .column = {n->left_keys[k], n->right_keys[k]}};
        const bool   null_safe = n->null_safe != NULL && n->null_safe[k];
        if (!null_safe) {
            note_pair(&d, n, equal, "=", false);
        }
    }
    if (n->predicate != NULL) {
        note_condition(&d, n, n->predicate);
    }
    if (!d.known || !d.has_lo || !d.has_hi || !are_times(n, d.columns, kinds, us)) {
        return false;
    }
    *b = (join_bound){.interval = true, .columns = {d.columns[0], d.columns[1]}};
    if (kinds[1] == TIME_WINDOW) {
        bound_to_windows(b, 0, d.lo, d.hi, us);
    } else if (kinds[0] == TIME_WINDOW) {
        bound_to_windows(b, 1, sat_sub_i64(0, d.hi), sat_sub_i64(0, d.lo), us);
    } else {
        b->judged_us[0] = us[0];
        b->judged_us[1] = us[1];
        /* As long as a match may come, or, of what may be taken back, that. */
        b->kept_us[0] = max_i64(us[0], sat_add_i64(d.hi, us[1]));
        b->kept_us[1] = max_i64(us[1], sat_sub_i64(us[0], d.lo));
    }
    b->slack_us[0] = b->kept_us[0];
    b->slack_us[1] = b->kept_us[1];
    b->page_us = max_i64(sat_sub_i64(d.hi, d.lo) / PAGE_SPANS, 1000);
    return b->kept_us[0] != INT64_MAX && b->kept_us[1] != INT64_MAX;
}

/* Left rows wait as long as a nearer match may come; right rows stay as long as a left row that
 * waits, or may come, could have them, or (without a tolerance) is not behind the next of them. */
static bool
bound_by_match(join_bound *b, const plan_node *n) {
    const int32_t columns[2] = {n->left_keys[n->key_count], n->right_keys[n->key_count]};
    const bool    behind = n->match == MATCH_GREATER_EQUAL || n->match == MATCH_GREATER;
    int64_t       slack_us[2];
    for (int32_t side = 0; side < 2; side++) {
        if ((n->inputs[side]->properties & PLAN_APPEND_ONLY) == 0 ||
            !node_slack(n->inputs[side], columns[side], &slack_us[side])) {
            return false;
        }
    }
    const data_type type = n->inputs[0]->schema.fields[columns[0]].type;
    if (n->tolerance.is_null ? !behind : n->tolerance.type.id != TYPE_I64) {
        return false;
    }
    const int64_t near_us = n->tolerance.is_null ? 0 : type_time_to_us(type, n->tolerance.i);
    const int64_t waits_us = sat_add_i64(slack_us[1], behind ? 0 : sat_add_i64(near_us, 1));
    *b = (join_bound){.interval = true, .columns = {columns[0], columns[1]}};
    b->judged_us[0] = slack_us[0];
    b->judged_us[1] = slack_us[1];
    b->kept_us[0] = waits_us;
    b->kept_us[1] = sat_add_i64(max_i64(slack_us[0], waits_us), near_us);
    b->slack_us[0] = INT64_MAX;
    b->slack_us[1] = INT64_MAX;
    b->page_us = max_i64(near_us / PAGE_SPANS, 1000);
    return b->kept_us[1] != INT64_MAX;
}

/* ---- late rows */

/* The columns of the target, when the side has them all: found by name. */
static status
bind_late_side(join_bound *b, const plan_node *input, int32_t side, const schema *to, arena *a,
               error *err) {
    int32_t *columns = arena_alloc(a, sizeof(*columns) * (size_t)(to->count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < to->count; i++) {
        const field *f = &to->fields[i];
        columns[i] = schema_find(&input->schema, f->name, false);
        const field *from = columns[i] < 0 ? NULL : &input->schema.fields[columns[i]];
        if (from == NULL || !type_equal(from->type, f->type) || (!f->nullable && from->nullable)) {
            return OK;
        }
    }
    b->late_counts[side] = to->count;
    b->late_columns[side] = columns;
    return OK;
}

static status
bound_join(plan_node *n, const join_bounding *how, error *err) {
    join_bound found;
    const bool windows = n->kind == PLAN_JOIN && bound_by_windows(&found, n, how->by_clock);
    if (!windows && (how->by_clock || !(n->kind == PLAN_ASOF ? bound_by_match(&found, n)
                                                             : bound_by_interval(&found, n)))) {
        return OK;
    }
    n->bound = arena_alloc(how->arena, sizeof(*n->bound));
    if (n->bound == NULL) {
        return error_memory(err);
    }
    *n->bound = found;
    n->lateness_us = how->lateness_us;
    /* Late rows are the windows' to send. */
    const bool sends = found.interval && !found.to_windows && how->late_to != NULL;
    for (int32_t side = 0; side < 2 && sends; side++) {
        if ((n->inputs[side]->properties & PLAN_APPEND_ONLY) != 0) {
            TRY(bind_late_side(n->bound, n->inputs[side], side, how->late_to->schema, how->arena,
                               err));
        }
    }
    return OK;
}

/* Groups above a join of windows end with them. Which joins are bounded was not known when the
 * groups were bound: those of windows alone know their end already. */
static void
close_groups(plan_node *n, join_bounding *how) {
    if (n->window_key >= 0 || n->session_key >= 0) {
        return;
    }
    for (int32_t i = 0; i < n->key_count; i++) {
        int64_t closes_us;
        bool    by_clock = false;
        if (node_closes(n->inputs[0], i, &closes_us, &by_clock) && by_clock == how->by_clock &&
            (n->window_key < 0 || closes_us < n->window_size_us)) {
            n->window_key = i;
            n->window_size_us = closes_us;
        }
    }
    if (n->window_key >= 0) {
        n->lateness_us = how->lateness_us;
        node_emit(n, how->emit_at_close, how->emit_at_end);
        how->closing++;
    }
}

status
plan_bound_joins(plan_node *n, join_bounding *how, error *err) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        TRY(plan_bound_joins(n->inputs[i], how, err));
    }
    if (n->kind == PLAN_AGGREGATE) {
        close_groups(n, how);
    }
    if (n->kind != PLAN_JOIN && n->kind != PLAN_ASOF) {
        return OK;
    }
    TRY(bound_join(n, how, err));
    how->intervals += n->bound != NULL && n->bound->interval && !n->bound->to_windows;
    how->sending += n->bound != NULL && n->bound->late_counts[0] + n->bound->late_counts[1] > 0;
    return OK;
}
