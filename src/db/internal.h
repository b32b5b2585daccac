/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files behind laminar.h share.
 *
 * One mutex, the engine token, guards catalog, sources, streams and the tick; whoever holds it
 * runs. Order of locks: a subscription's watch lock or the token, then a change log's lock, then a
 * notifier's; the query list's lock is taken last. All but the token are held for a few
 * instructions. Readers of results take none. */
#ifndef LAMINAR_DB_INTERNAL_H
#define LAMINAR_DB_INTERNAL_H

#include <sys/types.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "exec/engine.h"
#include "laminar.h"
#include "os/thread.h"

typedef enum db_state { DB_CREATED, DB_RUNNING, DB_STOPPED, DB_CLOSED } db_state;

typedef struct user_clock { /* the caller's clock behind the engine's interface */
    engine_clock base;
    int64_t (*clock_us)(void *context);
    void *context;
} user_clock;

/* A running query, so that interrupt finds it. */
typedef struct running_query running_query;
struct running_query {
    _Atomic bool   cancelled;
    running_query *next;
};

struct laminar_database {
    _Atomic int32_t references; /* the user's, and one per appender and subscription */
    mem            *mem;
    user_clock      clock;
    mutex           token;
    catalog        *catalog;
    engine         *engine;
    _Atomic int32_t state;   /* db_state */
    pid_t           process; /* that opened it: after fork the child must not touch it */
    int32_t         threads;
    int64_t         insert_timeout_us; /* how long an insert waits for slow readers */
    mutex           queries_lock;
    running_query  *queries;
};

struct laminar_result {
    mem                *mem;
    laminar_result_kind kind;
    const char         *ddl_type;   /* static text */
    char               *ddl_object; /* NUL-terminated, owned */
    size_t              ddl_object_bytes;
    int64_t             rows_affected;
    result             *rows; /* NULL for DDL and row counts */
};

/* ---- database.c */
/* Takes the token of an open database; refuses a closed one and a forked child. Pair with db_leave.
 */
status            db_enter(laminar_database *db, error *err) MUST_USE;
void              db_leave(laminar_database *db);
laminar_database *db_retain(laminar_database *db);
void              db_release(laminar_database *db);
/* For calls that write: refuses after shutdown. With the token. */
status db_writable(const laminar_database *db, error *err) MUST_USE;
/* The source or table of that name, retained. With the token. */
status db_find_source(laminar_database *db, text name, object **out, error *err) MUST_USE;
void   db_query_begin(laminar_database *db, running_query *q);
void   db_query_end(laminar_database *db, running_query *q);

/* ---- report.c: err in engine terms -> the caller's record; sql (may be empty) gives line, column
 * and caret. Returns the status for the caller. */
laminar_status report(laminar_error *out, const error *err, status s, text sql);

/* ---- answer.c */
status answer_ddl(laminar_result **out, mem *m, const char *ddl_type, text name,
                  error *err) MUST_USE;
status answer_count(laminar_result **out, mem *m, int64_t rows, error *err) MUST_USE;
/* Takes over the reference to rows, also when it fails. */
status answer_rows(laminar_result **out, mem *m, laminar_result_kind kind, result *rows,
                   error *err) MUST_USE;
/* A result of VARCHAR columns from `count` rows of texts, row by row. */
status answer_texts(laminar_result **out, mem *m, laminar_result_kind kind,
                    const char *const *names, int32_t column_count, const text *cells,
                    int32_t row_count, error *err) MUST_USE;

/* ---- insert.c */
/* Checks NOT NULL, waits until readers that asked for it have room (giving the token up meanwhile),
 * then inserts. With the token, which is held again at return. */
status db_insert_batch(laminar_database *db, object *o, batch *rows, error *err) MUST_USE;

#endif
