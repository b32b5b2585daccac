/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.h - several changes as one: BEGIN, COMMIT, ROLLBACK.
 *
 * A transaction belongs to the thread that began it. Until it ends other threads read what was
 * there before it; their changes wait for its end, at most insert_timeout_ms. */
#ifndef LAMINAR_DB_TRANSACTION_H
#define LAMINAR_DB_TRANSACTION_H

#include "db/statement.h"

status transaction_run(statement_context *c, const ast_statement *st, laminar_result **out,
                       error *err) MUST_USE;

#endif
