/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - UPDATE, DELETE, TRUNCATE, MERGE, and INSERT with a word about conflicts. */
#ifndef LAMINAR_DB_CHANGE_H
#define LAMINAR_DB_CHANGE_H

#include "db/statement.h"

status change_run(statement_context *c, const ast_statement *st, laminar_result **out,
                  error *err) MUST_USE;
/* Runs a change of the object: all of it or, when it or its RETURNING fails, nothing. RETURNING's
 * rows take the place of *answer. With the token. */
typedef status change_rows(statement_context *c, const ast_statement *st, object *o, void *context,
                           error *err);
status         change_with_returning(statement_context *c, const ast_statement *st, object *o,
                                     change_rows *run, void *context, laminar_result **answer,
                                     error *err) MUST_USE;

/* The table that a change names. With the token, as all below. */
status change_find(statement_context *c, const ast_statement *st, object **out,
                   error *err) MUST_USE;
/* A query of the change; the token is kept. */
status change_query(statement_context *c, const ast_select *select, query_entry *listed,
                    result **out, error *err) MUST_USE;

/* ---- merge.c */
status merge_bind(statement_context *c, const ast_statement *st, plan_merge *out, object **target,
                  error *err) MUST_USE;
/* Without the token, which it takes and gives back. */
status merge_run(statement_context *c, const ast_statement *st, query_entry *listed,
                 laminar_result **answer, error *err) MUST_USE;

/* Rows of an INSERT into a table, as the statement's ON CONFLICT says, as a change_rows does it.
 * *came: rows that were inserted or updated. With the token. */
status change_insert(statement_context *c, const ast_statement *st, object *o, batch *rows,
                     int64_t *came, error *err) MUST_USE;

/* Waits for readers with LAG_BLOCK, before the token is taken to insert or change. */
status statement_wait_for_room(statement_context *c, const ast_statement *st, error *err) MUST_USE;

#endif
