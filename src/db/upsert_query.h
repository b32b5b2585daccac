/* SPDX-License-Identifier: Apache-2.0 */
/* upsert_query.h - subqueries of ON CONFLICT DO UPDATE. With the token. */
#ifndef LAMINAR_DB_UPSERT_QUERY_H
#define LAMINAR_DB_UPSERT_QUERY_H

#include "db/change.h"

typedef struct upsert_query {
    statement_context *c;
    object            *target;
    ast_select         select;       /* item_count 1: there are no subqueries */
    int32_t           *columns;      /* of each item; the target's count: the condition */
    bool               reads_target; /* rows are to be updated one after the other */
    batch             *taken;        /* values of the last step, which live until the next */
    query_entry       *listed;
} upsert_query;

/* What it makes is of `a`. Closed also when opening failed. */
status upsert_query_open(upsert_query *q, statement_context *c, const ast_statement *st,
                         object *target, arena *a, error *err) MUST_USE;
void   upsert_query_close(upsert_query *q);
/* The values with subqueries for pairs of an old row and a given one: made[] by column, the
 * condition behind them; others are left alone. */
status upsert_query_run(upsert_query *q, const delta *pairs, column *made, arena *a,
                        error *err) MUST_USE;

#endif
