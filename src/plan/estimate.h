/* SPDX-License-Identifier: Apache-2.0 */
/* estimate.h - rough numbers of rows, for the order of joins. At least 1. */
#ifndef LAMINAR_PLAN_ESTIMATE_H
#define LAMINAR_PLAN_ESTIMATE_H

#include "plan/node.h"

double estimate_rows(const plan_node *n);
bool   estimate_is_known(const plan_node *n); /* all that it reads has a size */
/* A series between constants, for each row of its input; false: its length is not known. */
bool   estimate_series(const plan_node *n, double *rows);
double estimate_values(const plan_node *n, int32_t column_index); /* different ones */
/* The part of the rows of `over` for which the condition is true. */
double estimate_matches(const expr *e, const plan_node *over);
/* One-off plans, numbered: each join keeps its smaller input. */
void plan_choose_build(plan_node *n);

#endif
