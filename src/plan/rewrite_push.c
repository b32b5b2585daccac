/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_push.c - conditions to where they cost least: below projections, windows, groupings and
 * joins, down to the scans.
 *
 * A condition is a list of conjuncts; push(node, list) gives a node that computes FILTER(list,
 * node) with the same columns. On the way an INNER join adds its own conjuncts to the list, so
 * `FROM a, b WHERE a.x = b.x` and `a JOIN b ON a.x = b.x` become the same plan. Volatile conjuncts
 * stay. */
#include "plan/rewrite.h"

#define COPY_SIZE_MAX 64 /* a condition that grows beyond it by substitution stays above */

/* ---- through PROJECT: columns are replaced by what computes them */

typedef struct substitution {
    expr  **exprs;
    int64_t size;
    bool    has_volatile;
} substitution;

static void
measure_column(void *arg, int32_t *number) {
    substitution *s = arg;
    const expr   *e = s->exprs[*number];
    s->size += s->size > COPY_SIZE_MAX ? 0 : expr_size(e);
    s->has_volatile = s->has_volatile || expr_is_volatile(e);
}

static status
substitute(rewriter *r, expr **e, expr *const *exprs) {
    if ((*e)->kind == EXPR_COLUMN) {
        expr *copy = expr_copy(r->arena, exprs[(*e)->column]);
        if (copy == NULL) {
            return error_memory(r->err);
        }
        *e = copy;
        return OK;
    }
    for (int32_t i = 0; i < (*e)->arg_count; i++) {
        TRY(substitute(r, &(*e)->args[i], exprs));
    }
    return OK;
}

static status
push_project(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    for (int32_t i = 0; i < list->count; i++) {
        expr        *e = list->items[i];
        substitution s = {.exprs = node->exprs, .size = expr_size(e)};
        expr_visit_columns(e, measure_column, &s);
        if (s.has_volatile || s.size > COPY_SIZE_MAX || expr_is_volatile(e)) {
            TRY(conjuncts_add(r, &above, e));
            continue;
        }
        TRY(substitute(r, &e, node->exprs));
        TRY(conjuncts_split(r, &below, e)); /* it may have become constant */
    }
    TRY(push_conditions(r, node->inputs[0], &below, &node->inputs[0]));
    return conjuncts_above(r, node, &above, out);
}

/* The conjuncts that look at columns below the boundary alone go down. */
static status
push_partly(rewriter *r, plan_node *node, int32_t boundary, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    for (int32_t i = 0; i < list->count; i++) {
        expr       *e = list->items[i];
        const reach s = reach_of(e, boundary);
        const bool  sinks = s.below && !s.above && !expr_is_volatile(e);
        TRY(conjuncts_add(r, sinks ? &below : &above, e));
    }
    TRY(push_conditions(r, node->inputs[0], &below, &node->inputs[0]));
    return conjuncts_above(r, node, &above, out);
}

/* ASOF: a condition on left rows alone keeps or drops them; right rows are each other's rivals. */
static status
push_asof(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    conjuncts none = {0};
    TRY(push_conditions(r, node->inputs[1], &none, &node->inputs[1]));
    return push_partly(r, node, node->inputs[0]->schema.count, list, out);
}

/* TOP_N, OVER: conditions on the key columns alone keep or drop whole keys. Of numbered rows of
 * which the first n are wanted, only those are numbered. */
static status
push_by_keys(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    TRY(node->kind == PLAN_OVER ? plan_limit_over(node, list->items, &list->count, r->arena, r->err)
                                : OK);
    bool *used = arena_alloc(r->arena, (size_t)node->schema.count * sizeof(*used));
    if (used == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < list->count; i++) {
        expr *e = list->items[i];
        bool  sinks = !expr_is_volatile(e) && node->key_count > 0;
        memset(used, 0, (size_t)node->schema.count * sizeof(*used));
        expr_columns(e, used);
        for (int32_t k = 0; k < node->key_count; k++) {
            used[node->key_columns[k]] = false;
        }
        for (int32_t k = 0; k < node->schema.count; k++) {
            sinks = sinks && !used[k];
        }
        TRY(conjuncts_add(r, sinks ? &below : &above, e));
    }
    TRY(push_conditions(r, node->inputs[0], &below, &node->inputs[0]));
    return conjuncts_above(r, node, &above, out);
}

/* Each input gets a copy of the conditions: its columns are those of the whole. */
static status
push_union(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    conjuncts below = {0}, above = {0};
    for (int32_t i = 0; i < list->count; i++) {
        TRY(conjuncts_add(r, expr_is_volatile(list->items[i]) ? &above : &below, list->items[i]));
    }
    for (int32_t i = 0; i < node->input_count; i++) {
        conjuncts own = {0};
        for (int32_t k = 0; k < below.count; k++) {
            expr *copy = expr_copy(r->arena, below.items[k]);
            TRY(copy == NULL ? error_memory(r->err) : OK);
            TRY(conjuncts_add(r, &own, copy));
        }
        TRY(push_conditions(r, node->inputs[i], &own, &node->inputs[i]));
    }
    return conjuncts_above(r, node, &above, out);
}

static status
push_recursive(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    for (int32_t i = 0; i < 2; i++) {
        conjuncts none = {0};
        TRY(push_conditions(r, node->inputs[i], &none, &node->inputs[i]));
    }
    return conjuncts_above(r, node, list, out);
}

/* ---- the walk */

status
push_conditions(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) {
    switch (node->kind) {
    case PLAN_FILTER: { /* what stood below comes first */
        conjuncts all = {0};
        TRY(conjuncts_split(r, &all, node->predicate));
        TRY(conjuncts_add_all(r, &all, list));
        return push_conditions(r, node->inputs[0], &all, out);
    }
    case PLAN_PROJECT:
        return push_project(r, node, list, out);
    case PLAN_JOIN:
        return push_join(r, node, list, out);
    case PLAN_UNION:
        return push_union(r, node, list, out);
    case PLAN_WINDOW:
    case PLAN_SERIES:
        return push_partly(r, node, node->inputs[0]->schema.count, list, out);
    case PLAN_AGGREGATE: /* conditions on the keys alone: they keep or drop whole groups */
        return push_partly(r, node, node->key_count, list, out);
    case PLAN_SORT:
    case PLAN_DISTINCT:
        return push_partly(r, node, node->schema.count, list, out);
    case PLAN_ASOF:
        return push_asof(r, node, list, out);
    case PLAN_TOP_N: /* which rows are the first n depends on all rows of the key */
    case PLAN_OVER:
        return push_by_keys(r, node, list, out);
    case PLAN_RECURSIVE: /* rows that are not wanted may lead to some that are */
        return push_recursive(r, node, list, out);
    case PLAN_SHARED: /* its other readers may want what a condition drops */
        if (!node->shared->pushed) {
            conjuncts none = {0};
            node->shared->pushed = true;
            TRY(push_conditions(r, node->inputs[0], &none, &node->inputs[0]));
        }
        return conjuncts_above(r, node, list, out);
    case PLAN_PROCESS: { /* rows that are not shown are part of its state */
        conjuncts none = {0};
        TRY(push_conditions(r, node->inputs[0], &none, &node->inputs[0]));
        return conjuncts_above(r, node, list, out);
    }
    case PLAN_SCAN:
    case PLAN_SINGLE:
    case PLAN_WORKING:
    case PLAN_VALUES:
    case PLAN_RELATION:
    case PLAN_KEEP: /* is made later */
    case PLAN_RESULT:
        return conjuncts_above(r, node, list, out);
    }
    UNREACHABLE();
}

status
plan_push_down(plan_node **root, arena *a, const eval_env *eval, bool streaming, error *err) {
    rewriter  r = {.arena = a, .err = err, .streaming = streaming, .eval = eval};
    conjuncts none = {0};
    return push_conditions(&r, *root, &none, root);
}
