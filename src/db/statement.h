/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - what the files that run statements share: statement.c tells them apart and runs
 * queries and INSERT, ddl.c makes and drops objects, show.c tells what there is. */
#ifndef LAMINAR_DB_STATEMENT_H
#define LAMINAR_DB_STATEMENT_H

#include "db/internal.h"
#include "sql/parser.h"

typedef struct statement_context {
    laminar_database *db;
    arena             arena; /* AST and what a statement needs until it is done */
    text              sql;   /* the whole script: positions refer to it */
} statement_context;

text statement_text(const statement_context *c, const ast_statement *st);

/* Plans and prepares with the token, runs without it when only tables are read. `listed` is how the
 * list of queries shows it. */
status statement_query(statement_context *c, text listed, const ast_select *select,
                       const ast_emission *emit, result **out, error *err) MUST_USE;

/* ---- ddl.c: CREATE and DROP */
status ddl_run(statement_context *c, const ast_statement *st, laminar_result **out,
               error *err) MUST_USE;

/* ---- show.c: SHOW, DESCRIBE */
status show_run(statement_context *c, const ast_statement *st, laminar_result **out,
                error *err) MUST_USE;
status describe_run(statement_context *c, const ast_statement *st, laminar_result **out,
                    error *err) MUST_USE;

/* ---- settings.c: SET, RESET */
status settings_run(statement_context *c, const ast_statement *st, laminar_result **out,
                    error *err) MUST_USE;

#endif
