/* SPDX-License-Identifier: Apache-2.0 */
/* unnest_pull.c - conditions that hold outer columns, up to the dependent join: through filters,
 * projections (which then keep the columns that the conditions read) and the sides of joins whose
 * rows come out as they are. */
#include "plan/unnest.h"

bool
can_pull(binder *b, const plan_node *n, const level *l) {
    if (!depends_node(b, n, l)) {
        return true;
    }
    switch (n->kind) {
    case PLAN_FILTER:
        return !expr_is_volatile(n->predicate) && can_pull(b, n->inputs[0], l);
    case PLAN_PROJECT:
        for (int32_t i = 0; i < n->schema.count; i++) {
            if (depends_expr(b, n->exprs[i], l)) {
                return false;
            }
        }
        return can_pull(b, n->inputs[0], l);
    case PLAN_JOIN:
        if (n->join == JOIN_INNER) {
            return can_pull(b, n->inputs[0], l) && can_pull(b, n->inputs[1], l);
        }
        return n->join != JOIN_RIGHT && n->join != JOIN_FULL &&
               (n->predicate == NULL || !depends_expr(b, n->predicate, l)) &&
               !depends_node(b, n->inputs[1], l) && can_pull(b, n->inputs[0], l);
    default:
        return false;
    }
}

/* The dependent conjuncts of *e go to *list. */
static status
split_dependent(expr **list, expr **rest, binder *b, expr *e, const level *l) {
    if (e->kind == EXPR_AND) {
        for (int32_t i = 0; i < e->arg_count; i++) {
            TRY(split_dependent(list, rest, b, e->args[i], l));
        }
        return OK;
    }
    expr **to = depends_expr(b, e, l) ? list : rest;
    return both_conditions(to, b, *to, e);
}

static status
pull_filter(plan_node **out, int32_t **map, expr **list, binder *b, plan_node *n, const level *l) {
    expr      *rest = NULL;
    plan_node *input;
    TRY(pull_conditions(&input, map, list, b, n->inputs[0], l));
    expr_remap(n->predicate, *map);
    TRY(split_dependent(list, &rest, b, n->predicate, l));
    *out = rest == NULL ? input : node_filter(b->arena, input, rest);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* The projection also gives the columns that the list reads, and the list reads them there. */
static status
pull_project(plan_node **out, int32_t **map, expr **list, binder *b, plan_node *n, const level *l) {
    plan_node *input;
    TRY(pull_conditions(&input, map, list, b, n->inputs[0], l));
    const int32_t width = input->schema.count;
    int32_t       count = n->schema.count;
    expr        **exprs;
    int32_t      *place;
    TRY(make_args(&exprs, b, count + width));
    TRY(new_identity(&place, b, width));
    bool *used = arena_alloc_zero(b->arena, (size_t)width * sizeof(*used));
    TRY(used == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < count; i++) {
        exprs[i] = n->exprs[i];
        expr_remap(exprs[i], *map);
    }
    if (*list != NULL) {
        expr_columns(*list, used);
    }
    for (int32_t i = 0; i < width; i++) {
        place[i] = -1;
        for (int32_t k = 0; k < count && used[i] && place[i] < 0; k++) {
            place[i] = exprs[k]->kind == EXPR_COLUMN && exprs[k]->column == i ? k : -1;
        }
        if (used[i] && place[i] < 0) {
            exprs[count] = make_column(b, i, input->schema.fields[i].type, -1);
            TRY(exprs[count] == NULL ? out_of_memory(b) : OK);
            place[i] = count++;
        }
    }
    if (*list != NULL) {
        expr_remap(*list, place);
    }
    *out = node_project(b->arena, input, exprs, count);
    TRY(*out == NULL ? out_of_memory(b) : OK);
    memcpy((*out)->schema.fields, n->schema.fields,
           (size_t)n->schema.count * sizeof(*n->schema.fields));
    return new_identity(map, b, n->schema.count);
}

/* An INNER join, or one whose left side alone depends. */
static status
pull_join(plan_node **out, int32_t **map, expr **list, binder *b, plan_node *n, const level *l) {
    const int32_t old_left = n->inputs[0]->schema.count, old_right = n->inputs[1]->schema.count;
    int32_t      *maps[2], *pair;
    expr         *lists[2] = {NULL, NULL}, *rest = NULL;
    for (int32_t side = 0; side < 2; side++) {
        TRY(pull_conditions(&n->inputs[side], &maps[side], &lists[side], b, n->inputs[side], l));
    }
    const int32_t left = n->inputs[0]->schema.count;
    TRY(new_identity(&pair, b, old_left + old_right + 1));
    for (int32_t i = 0; i < old_left + old_right; i++) {
        pair[i] = i < old_left ? maps[0][i] : left + maps[1][i - old_left];
    }
    if (lists[1] != NULL) {
        int32_t *shifted;
        TRY(new_identity(&shifted, b, n->inputs[1]->schema.count));
        for (int32_t i = 0; i < n->inputs[1]->schema.count; i++) {
            shifted[i] = left + i;
        }
        expr_remap(lists[1], shifted);
    }
    TRY(both_conditions(list, b, lists[0], lists[1]));
    if (n->predicate != NULL) {
        expr_remap(n->predicate, pair);
        TRY(split_dependent(list, &rest, b, n->predicate, l));
        n->predicate = rest;
    }
    TRY(node_join_schema(n, b->arena) ? OK : out_of_memory(b));
    if (n->join == JOIN_MARK) {
        pair[old_left] = left;
    }
    *map = pair;
    *out = n;
    return OK;
}

status
pull_conditions(plan_node **out, int32_t **map, expr **list, binder *b, plan_node *n,
                const level *l) {
    *out = n;
    *list = NULL;
    if (!depends_node(b, n, l)) {
        return new_identity(map, b, n->schema.count);
    }
    switch (n->kind) {
    case PLAN_FILTER:
        return pull_filter(out, map, list, b, n, l);
    case PLAN_PROJECT:
        return pull_project(out, map, list, b, n, l);
    default:
        assert(n->kind == PLAN_JOIN);
        return pull_join(out, map, list, b, n, l);
    }
}
