/* SPDX-License-Identifier: Apache-2.0 */
/* unnest_linear.c - a dependent inner join whose right side makes its rows of one row of the left
 * alone: projections, filters and series over a single row. It is put on top of the left side,
 * whose columns then go through it, and nothing has to be joined or remembered: FROM t,
 * unnest(t.list). */
#include "plan/unnest.h"

bool
is_linear(const plan_node *n) {
    while (n->kind == PLAN_PROJECT || n->kind == PLAN_FILTER || n->kind == PLAN_SERIES) {
        n = n->inputs[0];
    }
    return n->kind == PLAN_SINGLE;
}

typedef struct stacked {
    binder        *b;
    const level   *level;
    plan_node     *left;
    const int32_t *columns; /* of the slots, in left */
    int32_t        width;   /* of left: column i of the right side is width + i here */
} stacked;

static void
shift(void *arg, int32_t *number) {
    *number += *(int32_t *)arg;
}

static status
move_expr(const stacked *s, expr **e) {
    int32_t width = s->width;
    expr_visit_columns(*e, shift, &width);
    return replace_outer(e, s->b, s->level, s->columns);
}

static status
stack_project(const stacked *s, plan_node *n, plan_node **input) {
    binder       *b = s->b;
    const int32_t count = n->schema.count;
    expr        **exprs;
    TRY(make_args(&exprs, b, s->width + count));
    for (int32_t i = 0; i < s->width; i++) {
        exprs[i] = make_column(b, i, (*input)->schema.fields[i].type, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    for (int32_t i = 0; i < count; i++) {
        exprs[s->width + i] = n->exprs[i];
        TRY(move_expr(s, &exprs[s->width + i]));
    }
    *input = node_project(b->arena, *input, exprs, s->width + count);
    return *input == NULL ? out_of_memory(b) : OK;
}

static status
stack_series(const stacked *s, plan_node *n, plan_node *input) {
    const int32_t   below = n->inputs[0]->schema.count, added = n->schema.count - below;
    const data_type type = n->schema.fields[below].type;
    n->inputs[0] = input;
    for (int32_t i = 0; i < n->key_count; i++) {
        n->key_columns[i] += s->width;
    }
    n->schema.count = input->schema.count + added;
    n->schema.fields = arena_alloc(s->b->arena, (size_t)n->schema.count * sizeof(field));
    TRY(n->schema.fields == NULL ? out_of_memory(s->b) : OK);
    node_series_fields(n, type, added > 1);
    return OK;
}

static status
stack_node(const stacked *s, plan_node *n, plan_node **out) {
    if (n->kind == PLAN_SINGLE) {
        *out = s->left;
        return OK;
    }
    plan_node *input;
    TRY(stack_node(s, n->inputs[0], &input));
    if (n->kind == PLAN_PROJECT) {
        TRY(stack_project(s, n, &input));
        *out = input;
        return OK;
    }
    if (n->kind == PLAN_FILTER) {
        TRY(move_expr(s, &n->predicate));
        *out = node_filter(s->b->arena, input, n->predicate);
        return *out == NULL ? out_of_memory(s->b) : OK;
    }
    *out = n;
    return stack_series(s, n, input);
}

status
unnest_linear(plan_node **out, binder *b, plan_node *left, plan_node *right, expr *predicate,
              const level *l) {
    const int32_t left_width = left->schema.count, right_width = right->schema.count;
    const schema  names = right->schema;
    int32_t      *columns, *map;
    plan_node    *n;
    expr        **exprs;
    TRY(place_slots(&left, b, l, &columns));
    const stacked s = {
        .b = b, .level = l, .left = left, .columns = columns, .width = left->schema.count};
    TRY(stack_node(&s, right, &n));
    TRY(new_identity(&map, b, left_width + right_width));
    for (int32_t i = 0; i < right_width; i++) {
        map[left_width + i] = s.width + i;
    }
    if (predicate != NULL) {
        expr_remap(predicate, map);
        n = node_filter(b->arena, n, predicate);
        TRY(n == NULL ? out_of_memory(b) : OK);
    }
    TRY(make_args(&exprs, b, left_width + right_width));
    for (int32_t i = 0; i < left_width + right_width; i++) {
        exprs[i] = make_column(b, map[i], n->schema.fields[map[i]].type, -1);
        TRY(exprs[i] == NULL ? out_of_memory(b) : OK);
    }
    *out = node_project(b->arena, n, exprs, left_width + right_width);
    TRY(*out == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < right_width; i++) {
        (*out)->schema.fields[left_width + i].name = names.fields[i].name;
    }
    return OK;
}
