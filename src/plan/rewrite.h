/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.h - what the files of the push-down share: lists of conjuncts, and the walk.
 *
 * rewrite_push.c walks, rewrite_join.c sorts out conditions at a join, rewrite_condition.c works on
 * conditions alone. */
#ifndef LAMINAR_PLAN_REWRITE_H
#define LAMINAR_PLAN_REWRITE_H

#include "plan/node.h"

typedef struct conjuncts {
    int32_t count, capacity;
    expr  **items;
} conjuncts;

typedef struct rewriter {
    arena          *arena;
    error          *err;
    bool            streaming;
    const eval_env *eval;
} rewriter;

typedef struct reach { /* of the columns of an expression, compared with a boundary */
    int32_t boundary;
    bool    below, above;
} reach;

/* ---- rewrite_condition.c */
status conjuncts_add(rewriter *r, conjuncts *list, expr *e) MUST_USE;
status conjuncts_add_all(rewriter *r, conjuncts *list, const conjuncts *more) MUST_USE;
/* Flattens AND, takes out of OR what all its branches ask, leaves out what is always true. */
status conjuncts_split(rewriter *r, conjuncts *list, expr *e) MUST_USE;
status conjuncts_join(rewriter *r, const conjuncts *list, expr **out) MUST_USE;
/* FILTER(list, node), or node. */
status conjuncts_above(rewriter *r, plan_node *node, const conjuncts *list,
                       plan_node **out) MUST_USE;
reach  reach_of(expr *e, int32_t boundary);
void   expr_shift(expr *e, int32_t by);
/* Is e never true when all columns from `first` to `end` are NULL? */
bool expr_rejects_nulls(const expr *e, int32_t first, int32_t end);
/* What an OR says about the columns from `first` to `end` alone; NULL in *out: nothing. */
status expr_implied(rewriter *r, const expr *e, int32_t first, int32_t end, expr **out) MUST_USE;
/* x = y of one type, or x IS NOT DISTINCT FROM y (*null_safe); the sides. */
bool expr_is_equality(const expr *e, expr **x, expr **y, bool *null_safe);

/* ---- rewrite_push.c */
status push_conditions(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) MUST_USE;

/* ---- rewrite_semi.c: a SEMI or ANTI join whose condition names one input of the joins on its left
 * goes there; *out is then what stands above it. */
status sink_semi(rewriter *r, plan_node *node, plan_node **out, bool *done) MUST_USE;

/* ---- join_order.c: neighbouring INNER joins below `node` under the conditions of `list`; *done:
 * they have got a new order, with all conditions in their places. */
status order_joins(rewriter *r, plan_node *node, const conjuncts *list, plan_node **out,
                   bool *done) MUST_USE;

/* ---- rewrite_join.c */
status push_join(rewriter *r, plan_node *node, conjuncts *list, plan_node **out) MUST_USE;

#endif
