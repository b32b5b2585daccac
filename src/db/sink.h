/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h - where the rows of a stream go: a file, or a writer of the caller's.
 *
 * A sink is a subscription with a thread of its own, which takes what the change log has and hands
 * it on, so no tick waits for it. Counted: the catalog's object holds one reference, whoever waits
 * for it another. */
#ifndef LAMINAR_DB_SINK_H
#define LAMINAR_DB_SINK_H

#include "base/histogram.h"
#include "db/statement.h"
#include "io/record_file.h"

#define SINK_DRAIN_US 5000000 /* how long an end waits for sinks to write what is there, */
#define SINK_END_US 100000    /* and then for their threads */

typedef struct sink sink;

typedef enum sink_state {
    SINK_RUNNING,
    SINK_WAITING,  /* for its writer to be registered */
    SINK_RETRYING, /* the connector failed, and is tried again */
    SINK_FAILED,   /* it was tried often enough: ALTER SINK ... RETRY */
    SINK_FINISHED  /* nothing will come any more */
} sink_state;

typedef struct sink_options { /* of WITH (...) */
    bool         is_file;
    char        *path;
    bool         is_csv;
    file_options file;
    int64_t      retries, retry_us; /* the wait before the first retry; it doubles */
    int64_t      max_lag_bytes;
    int32_t      on_lag;
} sink_options;

typedef struct sink_counters {
    sink_state state;
    int64_t    rows, errors, pending_rows, pending_bytes, dropped_rows;
    uint64_t   epoch, part; /* the position of the last delivery that was written */
    int64_t    latency_count;
    histogram  latency; /* ns that a delivery took to be written, retries too */
    char       error[512];
} sink_counters;

/* ---- sink_writer.c: what register_sink was given */
typedef struct sink_writer sink_writer;
sink_writer *sink_writer_find(laminar_database *db, text name); /* retained; NULL: there is none */
const laminar_sink_writer *sink_writer_calls(const sink_writer *w);
void                       sink_writer_release(sink_writer *w);        /* NULL is fine */
void                       sinks_forget_writers(laminar_database *db); /* without the token */

/* ---- sink.c */
/* Takes the subscription over, also when it fails; texts of the options are in the arena of the
 * object. The thread starts with sink_start. */
status      sink_open(sink **out, object *of, laminar_database *db, const sink_options *o,
                      laminar_subscription *from, error *err) MUST_USE;
const char *sink_path(const sink *k); /* NULL: it writes no file */
status      sink_start(sink *k, error *err) MUST_USE;
sink       *sink_retain(sink *k);
void        sink_release(sink *k);
/* It ends as soon as it can. With the token or without; sinks_reap waits for its thread. */
void    sink_stop(sink *k);
engine *sink_engine(sink *k);
void    sink_count(sink *k, sink_counters *out); /* from any thread */
/* With the token: its connector, or what it reads, is tried again. */
status        sink_retry(sink *k, error *err) MUST_USE;
stream       *sink_stream(const sink *k);       /* with the token; NULL: it has ended */
const object *sink_failed_input(const sink *k); /* with the token: a stream; NULL: none */
const char   *sink_state_name(sink_state s);

/* Without the token: all sinks write what was published before, and then to disk. timeout_us: 0: as
 * long as it takes. A sink that fails meanwhile: its reason. */
status sinks_flush(laminar_database *db, int64_t timeout_us, error *err) MUST_USE;
/* Those that a log made begin with what is published from now on. Nobody else has the database. */
status sinks_wake(laminar_database *db, error *err) MUST_USE;
/* With the token: the object that stands for it now, of an equal definition. */
void sink_move(sink *k, const object *to);
void sink_has_writer(sink *k);         /* likewise: it waits for one no longer */
void sinks_reap(laminar_database *db); /* without the token: ends the threads of those stopped */
/* Likewise, when the database has ended, and soon: a thread that is within its writer, or that is
 * the caller's, frees its sink when it ends. */
void sinks_end(laminar_database *db);

/* ---- objects.c */
laminar_latency latency_of(const histogram *h);

/* ---- sink_ddl.c, with the token */
/* o->impl, running, of the plan of its query. */
status  sink_make(statement_context *c, const ast_statement *st, object *o, plan *p,
                  arena *plan_arena, error *err) MUST_USE;
status  sink_alter(statement_context *c, const ast_statement *st, error *err) MUST_USE;
status  sink_show(statement_context *c, laminar_result **out, error *err) MUST_USE;
int32_t sink_total(const laminar_database *db);

#endif
