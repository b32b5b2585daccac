/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - what the files that run statements share: statement.c tells them apart and runs
 * queries and INSERT, ddl.c makes and drops objects, show.c tells what there is. */
#ifndef LAMINAR_DB_STATEMENT_H
#define LAMINAR_DB_STATEMENT_H

#include "batch/builder.h"
#include "db/internal.h"
#include "io/csv_scan.h"
#include "plan/plan.h"
#include "sql/parser.h"

typedef struct statement_context {
    laminar_database       *db;
    arena                   arena;     /* AST and what a statement needs until it is done */
    text                    sql;       /* the whole script: positions refer to it */
    plan_env                env;       /* of the statement under way, */
    int64_t                 now_us;    /* and its instant */
    bool                    unchanged; /* it found what it would have made */
    int64_t                 at_us;     /* query_at: up to when things count; INT64_MAX: all does */
    int64_t                 asked_us;  /* and what its now() is */
    externals               externals; /* files and objects of the statement under way */
    buf                    *explained; /* EXPLAIN ANALYZE: gets the plan of the statement's query */
    const laminar_resolver *resolver;  /* the caller's; NULL: there are no objects */
    const row_taker        *to; /* gets the rows of the last statement, a query; NULL: out does */
    bool                    rows_only; /* the last statement must give rows */
} statement_context;

/* ---- external.c: what a query reads beside the catalogue */
/* Binding failed with *s, and the token is given back: true when that was because something had to
 * be opened first, which is done now. False: *s and *err say why not. */
bool externals_open_missing(statement_context *c, status *s, error *err) MUST_USE;
/* An entry for 'path' that the caller opens and then counts. */
status externals_add(statement_context *c, const ast_expr *path, external **out,
                     error *err) MUST_USE;
/* Rows that a query of the statement may name; it takes them over, also when it fails. */
status externals_add_rows(statement_context *c, text name, relation *rows, error *err) MUST_USE;
void   externals_close(statement_context *c); /* at the end of a statement */

/* ---- file_options.c */
typedef struct file_options {
    text format;     /* "csv", "json", "parquet", "arrow"; data NULL: by the ending of the path */
    csv_options csv; /* some of which go for JSON too */
} file_options;
/* What was lowered of the limits of files (limits.c). */
void db_limits_of_files(const laminar_database *db, csv_options *o);
/* name => value. `position` is where an error stands. */
status file_option_set(file_options *o, arena *a, const ast_name *name, const value *v,
                       int32_t position, error *err) MUST_USE;
/* The format of a path, once options are set: lower case, of static memory. */
status file_format(text *out, const file_options *o, text path, int32_t position,
                   error *err) MUST_USE;

/* ---- arrow_relation.c: an object of the caller, or a file that it reads, by its resolver. DONE:
 * there is none of the name; *nearest (from `a`) may then be one that is spelt alike. */
status arrow_relation_open(relation **out, text *nearest, mem *m, arena *a,
                           const laminar_resolver *resolver, laminar_external what,
                           error *err) MUST_USE;

text statement_text(const statement_context *c, const ast_statement *st);
/* ERR_QUERY_FAILED for one that gives none. */
status statement_check_rows(const ast_statement *st, error *err) MUST_USE;

/* Plans; OK: the token is held. */
status statement_bind(statement_context *c, plan *p, arena *a, const ast_select *select,
                      bool streaming, const ast_emission *emit, error *err) MUST_USE;

/* Plans and prepares with the token, runs without it when only tables are read. `listed` is how the
 * list of queries shows it. */
status statement_query(statement_context *c, text listed, const ast_select *select,
                       const ast_emission *emit, result **out, error *err) MUST_USE;

/* The same, but rows go to `to` as they come. A query that reads streams has the token while it
 * runs: its rows are kept until it has ended. */
status statement_query_into(statement_context *c, text listed, const ast_select *select,
                            const row_taker *to, error *err) MUST_USE;

status statement_insert(statement_context *c, const ast_statement *st, laminar_result **out,
                        error *err) MUST_USE;

/* All statements of a text. The rows of the last one, if it is a query, go to `to` (NULL: to *out),
 * and *out counts them. */
status statement_execute(laminar_database *db, text sql, const row_taker *to, laminar_result **out,
                         error *err) MUST_USE;

/* EXPLAIN: the lines of a text as rows. */
status answer_lines(statement_context *c, const buf *b, laminar_result **out, error *err) MUST_USE;

/* ---- explain.c */
status explain_run(statement_context *c, const ast_statement *st, laminar_result **out,
                   error *err) MUST_USE;
/* statement.c */
status statement_run(statement_context *c, const ast_statement *st, laminar_result **out,
                     error *err) MUST_USE;
/* The query as one of `c`, with what it did. */
status statement_query_explained(statement_context *c, const ast_statement *st, buf *out,
                                 int64_t *rows, error *err) MUST_USE;
/* The source or table of an INSERT. With the token. */
status statement_target(statement_context *c, const ast_statement *st, object **out,
                        error *err) MUST_USE;

/* ---- prepare.c: PREPARE, EXECUTE, DEALLOCATE */
status prepare_run(statement_context *c, const ast_statement *st, laminar_result **out,
                   error *err) MUST_USE;

/* ---- variable.c: SET VARIABLE, RESET VARIABLE */
status variable_run(statement_context *c, const ast_statement *st, laminar_result **out,
                    error *err) MUST_USE;

/* ---- copy.c, summarize.c */
status copy_run(statement_context *c, const ast_statement *st, laminar_result **out,
                error *err) MUST_USE;
/* copy_external.c: COPY TO by the resolver. *failed: it has, and not the query. */
status copy_by_resolver(statement_context *c, const ast_statement *st, const ast_select *select,
                        const char *path, text format, int64_t *row_count, bool *failed,
                        error *err) MUST_USE;
status summarize_run(statement_context *c, const ast_statement *st, laminar_result **out,
                     error *err) MUST_USE;

/* ---- ddl.c: CREATE and DROP */
status ddl_run(statement_context *c, const ast_statement *st, laminar_result **out,
               error *err) MUST_USE;

/* ---- pivot.c: without the token */
status pivots_fill(statement_context *c, const ast_statement *st, error *err) MUST_USE;

/* ---- index.c: with the token */
status index_create(statement_context *c, const ast_statement *st, error *err) MUST_USE;
status index_drop(statement_context *c, const ast_statement *st, error *err) MUST_USE;
void   index_drop_column(object *o, int32_t gone); /* of an object that loses it */
status index_show(statement_context *c, laminar_result **out, error *err) MUST_USE;

/* ---- function.c: with the token */
status function_create(statement_context *c, const ast_statement *st, error *err) MUST_USE;
status function_drop(statement_context *c, const ast_statement *st, error *err) MUST_USE;

/* ---- alter.c: ALTER */
status alter_run(statement_context *c, const ast_statement *st, laminar_result **out,
                 error *err) MUST_USE;

/* ---- show.c: SHOW, DESCRIBE */
/* The stream that the statement names. */
status statement_stream(object **out, const statement_context *c, const ast_statement *st,
                        error *err) MUST_USE;
status show_pipelines(statement_context *c, laminar_result **out, error *err) MUST_USE;
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
