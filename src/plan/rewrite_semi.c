/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_semi.c - SEMI and ANTI joins below the INNER and LEFT joins on their left.
 *
 * Whether a row of A x B has a match in S is a question to A when the condition names columns of A
 * alone: (A x B) SEMI S is (A SEMI S) x B, and so for LEFT joins. The rows that fall away then
 * reach no join, and S is looked up once for a row of A instead of once for each of its pairs. */
#include "plan/rewrite.h"

/* Which input of a join may lose rows instead of its output: -1: none. */
static int32_t
side_that_may(plan_join_kind kind, bool left, bool right) {
    if (left == right) {
        return -1;
    }
    switch (kind) {
    case JOIN_INNER:
        return right;
    case JOIN_LEFT:
    case JOIN_SEMI:
    case JOIN_ANTI:
    case JOIN_MARK:
        return left ? 0 : -1;
    default: /* SINGLE: what fails must fail */
        return -1;
    }
}

/* On the way down: the columns that the condition names, as numbers in the schema of *at. */
typedef struct descent {
    plan_node **at;
    const bool *used; /* of the columns at the top */
    int32_t    *map;
    int32_t     width;
    bool        passed; /* a join that makes pairs */
} descent;

static bool
pass_project(descent *d) {
    const plan_node *n = *d->at;
    for (int32_t i = 0; i < d->width; i++) {
        if (d->used[i] && n->exprs[d->map[i]]->kind != EXPR_COLUMN) {
            return false;
        }
    }
    for (int32_t i = 0; i < d->width; i++) {
        d->map[i] = d->used[i] ? n->exprs[d->map[i]]->column : 0;
    }
    d->at = &(*d->at)->inputs[0];
    return true;
}

static bool
pass_join(descent *d) {
    const plan_node *n = *d->at;
    const int32_t    middle = n->inputs[0]->schema.count;
    bool             left = false, right = false;
    for (int32_t i = 0; i < d->width; i++) {
        left = left || (d->used[i] && d->map[i] < middle);
        right = right || (d->used[i] && d->map[i] >= middle);
    }
    const int32_t side = side_that_may(n->join, left, right);
    if (side < 0) {
        return false;
    }
    for (int32_t i = 0; i < d->width; i++) {
        d->map[i] -= side == 1 ? middle : 0;
    }
    d->passed = d->passed || n->join == JOIN_INNER || n->join == JOIN_LEFT;
    d->at = &(*d->at)->inputs[side];
    return true;
}

static bool
pass_node(descent *d) {
    const plan_node *n = *d->at;
    switch (n->kind) {
    case PLAN_FILTER:
        if (expr_is_volatile(n->predicate)) {
            return false;
        }
        d->at = &(*d->at)->inputs[0];
        return true;
    case PLAN_PROJECT:
        return pass_project(d);
    case PLAN_JOIN:
        return (n->predicate == NULL || !expr_is_volatile(n->predicate)) && pass_join(d);
    default:
        return false;
    }
}

/* The condition's columns as the owner has them; its right columns follow the owner's. */
static void
move_condition(const plan_node *node, int32_t *map, int32_t width, int32_t owned) {
    const int32_t room = width + node->inputs[1]->schema.count;
    for (int32_t i = width; i < room; i++) {
        map[i] = i - width + owned;
    }
    expr_remap(node->predicate, map);
}

status
sink_semi(rewriter *r, plan_node *node, plan_node **out, bool *done) {
    plan_node    *below = node->inputs[0];
    const int32_t width = below->schema.count;
    const size_t  room = (size_t)(width + node->inputs[1]->schema.count + 1);
    bool         *used = arena_alloc_zero(r->arena, room * sizeof(*used));
    int32_t      *map = arena_alloc(r->arena, room * sizeof(*map));
    *done = false;
    if (used == NULL || map == NULL) {
        return error_memory(r->err);
    }
    if (node->predicate == NULL || node->ordered || expr_is_volatile(node->predicate)) {
        return OK;
    }
    expr_columns(node->predicate, used);
    for (int32_t i = 0; i < width; i++) {
        map[i] = i;
    }
    descent d = {.at = &node->inputs[0], .used = used, .map = map, .width = width};
    while (pass_node(&d)) {
    }
    if (!d.passed) {
        return OK;
    }
    plan_node *owner = *d.at;
    move_condition(node, map, width, owner->schema.count);
    *d.at = node;
    node->inputs[0] = owner;
    *out = below;
    *done = true;
    return node_join_schema(node, r->arena) ? OK : error_memory(r->err);
}
