/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - UPDATE, DELETE, TRUNCATE, and INSERT with a word about conflicts. */
#ifndef LAMINAR_DB_CHANGE_H
#define LAMINAR_DB_CHANGE_H

#include "db/statement.h"

status change_run(statement_context *c, const ast_statement *st, laminar_result **out,
                  error *err) MUST_USE;
/* Rows of an INSERT into a table, as the statement's ON CONFLICT says. *came: rows that were
 * inserted or updated. With the token. */
status change_insert(statement_context *c, const ast_statement *st, object *o, batch *rows,
                     int64_t *came, error *err) MUST_USE;

/* Waits for readers with LAG_BLOCK, before the token is taken to insert or change. */
status statement_wait_for_room(statement_context *c, const ast_statement *st, error *err) MUST_USE;

#endif
