/* SPDX-License-Identifier: Apache-2.0 */
/* final.c - EMIT ON WINDOW CLOSE gives the rows of a window once: what stands above the windows
 * must not change them later.
 *
 * Groups that a window ends give their rows when it is final, all of a window in one tick. Above
 * them filters, unions, inner joins and the like only add rows. Other joins, window functions and
 * the first n rows are settled at once only where all rows that they look at come in that tick, or
 * before it. */
#include "plan/node.h"

/* The column that an expression tells apart the values of, -1: none. */
static int32_t
column_behind(const expr *e) {
    while (e->kind == EXPR_CAST ||
           (e->kind == EXPR_CALL && e->arg_count == 2 && e->args[1]->kind == EXPR_CONSTANT &&
            (strcmp(function_name(e->function), "+") == 0 ||
             strcmp(function_name(e->function), "-") == 0))) {
        e = e->args[0];
    }
    return e->kind == EXPR_COLUMN ? e->column : -1;
}

/* Its windows begin together and end one after the other. */
static bool
has_cumulate(const plan_node *n) {
    while (n->kind != PLAN_WINDOW && plan_own_inputs(n) == 1) {
        n = n->inputs[0];
    }
    return n->kind == PLAN_WINDOW && n->window == WINDOW_CUMULATE;
}

static bool tells_tick(const plan_node *n, int32_t number);

static bool
group_tells(const plan_node *n, int32_t number) {
    int64_t closes_us;
    bool    by_clock;
    if (!n->emit_at_close) { /* INTERSECT and the like, of windows */
        return number < n->key_count && tells_tick(n->inputs[0], number);
    }
    if (number >= n->key_count || n->session_key >= 0) {
        return false;
    }
    return number == n->window_key || (node_closes(n->inputs[0], number, &closes_us, &by_clock) &&
                                       !has_cumulate(n->inputs[0]));
}

/* All rows with one value of the column come in one tick, and greater values later. */
static bool
tells_tick(const plan_node *n, int32_t number) {
    switch (n->kind) {
    case PLAN_AGGREGATE:
        return group_tells(n, number);
    case PLAN_SCAN: {
        const int64_t *closes_us = n->object->closes_us;
        return n->object->append_only && closes_us != NULL &&
               closes_us[n->column_map[number]] != INT64_MAX;
    }
    case PLAN_PROJECT: {
        const int32_t at = column_behind(n->exprs[number]);
        return at >= 0 && tells_tick(n->inputs[0], at);
    }
    case PLAN_JOIN: {
        const int32_t left = n->inputs[0]->schema.count;
        number = n->column_map != NULL ? n->column_map[number] : number;
        const int32_t side = number >= left;
        return (side == 0 || join_shows_right(n->join)) && !join_pads(n->join, side) &&
               number - side * left < n->inputs[side]->schema.count &&
               tells_tick(n->inputs[side], number - side * left);
    }
    case PLAN_UNION:
        for (int32_t i = 0; i < n->input_count; i++) {
            if (!tells_tick(n->inputs[i], number)) {
                return false;
            }
        }
        return true;
    case PLAN_SHARED:
        return tells_tick(n->inputs[0], n->column_map[number]);
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_DISTINCT:
    case PLAN_TOP_N:
        return tells_tick(n->inputs[0], number);
    case PLAN_OVER:
    case PLAN_KEEP:
        return number < n->inputs[0]->schema.count && tells_tick(n->inputs[0], number);
    default:
        return false;
    }
}

/* By the partition, or by the groups of an aggregate, which are its first columns. */
static bool
is_parted_by_tick(const plan_node *n) {
    for (int32_t i = 0; i < n->key_count; i++) {
        if (tells_tick(n->inputs[0], n->kind == PLAN_AGGREGATE ? i : n->key_columns[i])) {
            return true;
        }
    }
    return false;
}

/* No row that comes later in the order changes it. */
static bool
looks_back(const over_call *c) {
    switch (c->kind) {
    case OVER_ROW_NUMBER:
    case OVER_RANK:
    case OVER_DENSE_RANK:
    case OVER_LAG:
        return true;
    case OVER_FIRST_VALUE:
    case OVER_LAST_VALUE:
    case OVER_NTH_VALUE:
    case OVER_AGGREGATE:
        return c->frame.end.kind <= BOUND_CURRENT;
    default:
        return false;
    }
}

static bool
over_is_settled(const plan_node *n) {
    const bool in_order = n->sort_count > 0 && !n->sort_keys[0].descending &&
                          tells_tick(n->inputs[0], n->sort_keys[0].column);
    for (int32_t i = 0; i < n->over_count; i++) {
        if (!in_order || !looks_back(&n->overs[i])) {
            return is_parted_by_tick(n);
        }
    }
    return true;
}

static status
refuse(const plan_node *n, int32_t position, error *err) {
    const char *what, *fix;
    switch (n->kind) {
    case PLAN_AGGREGATE:
        what = "the groups above the windows, which no window ends";
        fix = "add window_start to that GROUP BY, or make a stream of the windows and group in "
              "another one without EMIT ON WINDOW CLOSE";
        break;
    case PLAN_TOP_N:
    case PLAN_OVER:
        what = "rows of later windows, by a window function or LIMIT above the windows";
        fix = "add PARTITION BY window_start, or make a stream of the windows and another one "
              "above it without EMIT ON WINDOW CLOSE";
        break;
    case PLAN_SCAN:
    case PLAN_JOIN:
    case PLAN_ASOF:
        what = "the other side of a join or subquery above the windows";
        fix = "join below the window, in the FROM of the query that groups by it; windows of two "
              "inputs join on window_start and window_end";
        break;
    default:
        what = "what stands above the windows";
        fix = "leave EMIT ON WINDOW CLOSE out, or use it in a stream of the windows alone";
        break;
    }
    error_set_at(err, ERR_QUERY_FAILED, position,
                 "EMIT ON WINDOW CLOSE gives the rows of a window once, and these change with %s",
                 what);
    return error_hint(err, "%s", fix);
}

/* Rows come when they are final, or the query is refused. */
static status
need_final(const plan_node *n, int32_t position, error *err) {
    bool settled = true;
    if ((n->properties & PLAN_APPEND_ONLY) != 0 || n->emit_at_close) {
        return OK;
    }
    switch (n->kind) {
    case PLAN_AGGREGATE:
        settled = is_parted_by_tick(n);
        break;
    case PLAN_SCAN:
    case PLAN_ASOF:
        return refuse(n, position, err);
    case PLAN_JOIN:
        settled = n->join == JOIN_INNER || (n->bound != NULL && !n->bound->interval);
        break;
    case PLAN_TOP_N:
        settled = is_parted_by_tick(n);
        break;
    case PLAN_OVER:
        settled = over_is_settled(n);
        break;
    default:
        break;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        TRY(need_final(n->inputs[i], position, err));
    }
    return settled ? OK : refuse(n, position, err);
}

status
plan_check_final(const plan *p, int32_t position, error *err) {
    return need_final(p->root, position, err);
}

/* The end of a session, as a column: the greatest time in it plus a constant. */
static bool
session_closes(const plan_node *n, int32_t number, int64_t *closes_us) {
    int64_t shift_us = 0, us;
    while (n->kind == PLAN_PROJECT || n->kind == PLAN_FILTER || n->kind == PLAN_SORT) {
        if (n->kind == PLAN_PROJECT) {
            if (!node_shifted_column(n->exprs[number], &number, &us)) {
                return false;
            }
            shift_us = sat_add_i64(shift_us, us);
        }
        n = n->inputs[0];
    }
    const int32_t at = number - n->key_count;
    if (n->kind != PLAN_AGGREGATE || n->session_key < 0 || n->window_key < 0 || at < 0 ||
        at >= n->agg_count || strcmp(n->aggs[at].class->name, "max") != 0 ||
        n->aggs[at].filter >= 0 || n->aggs[at].columns[0] != n->session_key) {
        return false;
    }
    *closes_us = sat_add_i64(sat_add_i64(n->window_size_us, n->lateness_us), 1);
    *closes_us = sat_sub_i64(*closes_us, shift_us);
    return true;
}

int32_t
plan_final_column(const plan *p, int64_t *closes_us) {
    int64_t us;
    int32_t found = -1;
    for (int32_t i = 0; i < p->root->schema.count; i++) {
        us = p->closes_us == NULL ? INT64_MAX : p->closes_us[i];
        if (us == INT64_MAX && !session_closes(p->root, i, &us)) {
            continue;
        }
        if (found < 0 || us < *closes_us) { /* the one that is nearest to the end */
            *closes_us = us;
            found = i;
        }
    }
    return found;
}
