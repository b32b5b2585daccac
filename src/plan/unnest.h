/* SPDX-License-Identifier: Apache-2.0 */
/* unnest.h - correlated subqueries to joins, after T. Neumann and A. Kemper, "Unnesting Arbitrary
 * Queries" (BTW 2015).
 *
 * A dependent join gives for each row of its left side the rows of the right side, which may hold
 * columns of that row (EXPR_OUTER). Two steps make a join of it that holds none:
 *
 * 1. unnest_pull.c: where only conditions depend, and nothing between them and the join counts or
 *    sorts rows, they go up to the join.
 * 2. unnest.c: else the distinct values D of the outer columns go down. Each part of the right side
 *    then gives its rows for every value of D at once, with D's columns: a grouping groups by them
 *    too, a LIMIT counts for each. In the end the left side joins on D's columns, where NULL is
 * equal to NULL. A grouping without keys has a row even for values that no row belongs to: D is
 *    joined to it with LEFT, and counts that are missing are 0.
 *
 * All of it is made of plain operators, so that a decorrelated query is also a stream. */
#ifndef LAMINAR_PLAN_UNNEST_H
#define LAMINAR_PLAN_UNNEST_H

#include "plan/bind.h"
#include "plan/node.h"

/* left JOIN right for each row; the predicate is over left ++ right columns, may be NULL, and
 * speaks of the left side by column. The output columns are those of the plain join. */
status unnest_join(plan_node **out, binder *b, plan_node *left, plan_node *right,
                   plan_join_kind kind, expr *predicate, level *l, int32_t position) MUST_USE;

/* unnest_linear.c: JOIN_INNER where each row of the left makes its rows of the right without a
 * join. */
bool   is_linear(const plan_node *right);
status unnest_linear(plan_node **out, binder *b, plan_node *left, plan_node *right, expr *predicate,
                     const level *l) MUST_USE;

/* ---- shared by the files. l NULL: on any query around it. */
bool depends_expr(const binder *b, const expr *e, const level *l);
bool depends_node(binder *b, const plan_node *n, const level *l);
/* Puts columns in the place of l's outer columns: columns[i] for slot i of l. */
status replace_outer(expr **e, binder *b, const level *l, const int32_t *columns) MUST_USE;
status new_identity(int32_t **out, binder *b, int32_t count) MUST_USE;
/* Slot i of l becomes column (*columns)[i] of *left, which is widened where it must be. */
status place_slots(plan_node **left, binder *b, const level *l, int32_t **columns) MUST_USE;
/* AND of the two; either may be NULL. */
status both_conditions(expr **out, binder *b, expr *x, expr *y) MUST_USE;

/* ---- unnest_pull.c */
bool can_pull(binder *b, const plan_node *n, const level *l);
/* Takes the dependent conditions out of n: *list (NULL: none), over the columns of the node it
 * gives; map: old column -> new one. */
status pull_conditions(plan_node **out, int32_t **map, expr **list, binder *b, plan_node *n,
                       const level *l) MUST_USE;

#endif
