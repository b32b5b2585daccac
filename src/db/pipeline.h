/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.h - named pipelines: what runs under a name, and what it was before. With the token. */
#ifndef LAMINAR_DB_PIPELINE_H
#define LAMINAR_DB_PIPELINE_H

#include "base/image.h"
#include "db/statement.h"

#define PIPELINE_VERSIONS_KEPT 64

typedef struct pipeline_version { /* the statements that make the pipeline */
    int64_t number, created_us;
    char   *sql;
    size_t  sql_size;
} pipeline_version;

typedef struct db_pipeline db_pipeline;
struct db_pipeline {
    db_pipeline     *next; /* in order of creation */
    pipeline        *impl;
    text             name;                             /* behind the struct */
    int64_t          version_count;                    /* ever */
    pipeline_version versions[PIPELINE_VERSIONS_KEPT]; /* number n at n % KEPT */
};

status pipeline_run(statement_context *c, const ast_statement *st, laminar_result **out,
                    error *err) MUST_USE; /* START, STOP, PAUSE, RESUME; takes the token itself */
status pipeline_create(statement_context *c, const ast_statement *st, error *err) MUST_USE;
status pipeline_drop(statement_context *c, const ast_statement *st, error *err) MUST_USE;
/* Unknown: code 200, with the nearest name. */
status pipeline_need(db_pipeline **out, const laminar_database *db, text name, int32_t position,
                     error *err) MUST_USE;
db_pipeline *pipeline_of(const laminar_database *db, const pipeline *impl); /* NULL: none */
/* "Running", "Paused", ...: as laminar_database_state. */
const char *pipeline_state_name(laminar_database *db, const db_pipeline *p);
/* A stream's state as SHOW STREAMS tells it, of one that has not failed. */
const char *pipeline_stream_state(const laminar_database *db, const stream *s);
/* After a statement that changed objects: pipelines that are others now have a new version. */
void   pipelines_note(laminar_database *db);
void   pipelines_allow(laminar_database *db); /* all that were not stopped may run */
status pipelines_resume(laminar_database *db, error *err) MUST_USE;
void   pipelines_fini(laminar_database *db);
/* Their versions as bytes; taken by pipelines of the same names. */
void   pipelines_put_versions(const laminar_database *db, buf *out);
status pipelines_take_versions(laminar_database *db, image_reader *in, error *err) MUST_USE;

#endif
