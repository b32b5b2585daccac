/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - what the files that run statements share: statement.c tells them apart and runs
 * queries and INSERT, ddl.c makes and drops objects, show.c tells what there is. */
#ifndef LAMINAR_DB_STATEMENT_H
#define LAMINAR_DB_STATEMENT_H

#include "batch/builder.h"
#include "db/internal.h"
#include "plan/plan.h"
#include "sql/parser.h"

typedef struct statement_context {
    laminar_database *db;
    arena             arena; /* AST and what a statement needs until it is done */
    text              sql;   /* the whole script: positions refer to it */
    plan_env          env;   /* of the statement under way */
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

/* Rows of an answer under construction, cell by cell. */
typedef struct db_listing {
    mem               *mem;
    const list_column *columns;
    int32_t            count;
    builder            rows;
} db_listing;
status db_listing_open(db_listing *l, mem *m, const list_column *columns, int32_t count,
                       error *err) MUST_USE;
/* Ends the listing whatever s is. */
status      db_listing_close(db_listing *l, status s, laminar_result **out, error *err) MUST_USE;
status      db_listing_text(db_listing *l, int32_t at, text t,
                            error *err) MUST_USE; /* data NULL: NULL */
status      db_listing_count(db_listing *l, int32_t at, int64_t n, error *err) MUST_USE;
const char *show_pipeline_state(const laminar_database *db); /* what streams do: "running" */

/* ---- why.c: EXPLAIN WATERMARK, with the token */
status why_run(statement_context *c, const ast_statement *st, laminar_result **out,
               error *err) MUST_USE;

/* ---- settings.c: SET, RESET */
status settings_run(statement_context *c, const ast_statement *st, laminar_result **out,
                    error *err) MUST_USE;

#endif
