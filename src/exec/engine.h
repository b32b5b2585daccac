/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - sources, streams and the tick. Everything here but query_run and the readers of change
 * logs is called with the engine token held (db owns the token; this layer does not lock).
 *
 * Life of an insert: engine_insert appends to the source's table, pushes the rows through the
 * operators of every running stream that reads the source, ticks those operators in topological
 * order and appends each stream's changes to its log. A stream that fails is marked failed with
 * everything that reads it; the insert itself stands. */
#ifndef LAMINAR_EXEC_ENGINE_H
#define LAMINAR_EXEC_ENGINE_H

#include "base/clock.h"
#include "base/histogram.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "catalog/catalog.h"
#include "exec/changelog.h"
#include "exec/error_log.h"
#include "exec/history.h"
#include "exec/journal.h"
#include "exec/result.h"
#include "os/thread.h"
#include "plan/plan.h"
#include "table/table.h"

typedef struct engine      engine;
typedef struct spill_place spill_place; /* op/spill.h */
typedef struct source      source;      /* object->impl of sources and tables */
typedef struct stream      stream;      /* object->impl of streams; anonymous ones have no object */
typedef struct pipeline    pipeline;

status engine_open(engine **out, mem *m, engine_clock *clock, error *err) MUST_USE;
/* Where one-off queries write what memory has no room for. */
spill_place *engine_spill(engine *e);
/* How far beyond the clock a row moves a watermark, of sources that do not say; 0: no bound. */
void engine_set_future_skew(engine *e, int64_t us);
#define ENGINE_WARNING_SIZE 320
/* What an insert gave reason to say since this was asked; false: nothing. */
bool engine_has_warning(const engine *e); /* from any thread */
bool engine_take_warning(engine *e, char *out, size_t size);
/* From now on it is told of changes; NULL: nobody is. Lives longer than the engine uses it. */
void engine_set_journal(engine *e, journal *j);
/* Of the rows of sources and tables that are made from now on. look: called after every change that
 * is not part of a transaction, and when one ends. */
struct pager;
void engine_set_pager(engine *e, struct pager *p, void (*look)(void *context), void *context);
/* Logs of streams that are made from now on keep changes without a reader, for those who come back
 * with a position of an earlier life; and whether one with a name keeps some. */
void engine_keep_logs(engine *e, bool keeps);
bool engine_has_kept_logs(const engine *e);
/* Tells all changes that the source has had, between a begin and an end of the caller's. */
status source_log_all(const source *s, error *err) MUST_USE;
/* What was told is made lasting. engine_settle does so too, and engine_kept tells how that went: a
 * journal that failed once stays failed. */
status engine_keep(engine *e, error *err);
status engine_kept(const engine *e, error *err) MUST_USE;
/* Streams that join from now on share what they have in common with others; at first they do. */
void     engine_set_sharing(engine *e, bool shares);
uint64_t engine_sequence(const engine *e); /* of the newest insert that streams show */
void     engine_pin_threads(engine *e, const cpu_list *cpus); /* that work on large queries */
void     engine_use_threads(engine *e, int32_t count); /* of a large batch; at first one alone */
pool    *engine_pool(engine *e);         /* of these threads, for work before a query or a tick */
pool    *engine_tick_pool(engine *e);    /* of those that serve ticks alone, for work before one */
void     engine_stop_threads(engine *e); /* from any thread; queries then run on their callers' */
void     engine_close(engine *e);        /* after all sources and streams are gone */
/* When the next timer goes off (see timer.h), INT64_MAX: none is set or the engine is paused. */
int64_t engine_due_us(const engine *e);
/* Takes the state of every live stream to bytes and goes on from those: nobody can tell. *done is
 * false, and nothing happened, while a stream is filled, or within a transaction. After an error
 * the streams are as they were. */
status engine_reload(engine *e, bool *done, error *err) MUST_USE;
/* No timer is due, and by the tick that was measured last an insert of so many rows takes less than
 * 50 us: it will be over before a thread could sleep and wake. */
bool engine_is_brisk(const engine *e, int32_t rows);
/* Timers that are due by the clock go off. Everything must be settled. */
void engine_fire(engine *e);

/* ---- sources */
status source_open(source **out, engine *e, const object *o, error *err) MUST_USE;
/* object->row_count and object->column_range of sources and tables. */
int64_t source_row_count(const void *impl);
bool    source_column_range(const void *impl, int32_t column_index, int64_t *min, int64_t *max);
void    source_close(source *s);
table  *source_table(const source *s);
/* INT64_MIN before any row. Without event time: when the newest row came. */
int64_t source_watermark_us(const source *s);
/* A watermark follows its rows: by its declaration, or because a writer moves it. */
bool    source_is_timed(const source *s);
bool    source_is_idle(const source *s);      /* by its idle_timeout: no watermark waits for it */
int64_t source_pending_rows(const source *s); /* stored in a pause, not yet seen by streams */
int64_t source_null_time_rows(const source *s);
/* All of `rows` (types and order of the source's schema) or none. After OK the rows are in every
 * running stream and its log. *sequence may be NULL. */
status engine_insert(engine *e, source *s, batch *rows, uint64_t *sequence, error *err) MUST_USE;
/* The log of a stream that reads the source and has a reader for which producers must wait, or
 * NULL. Ask before engine_insert. */
changelog *source_full_log(const source *s);
/* The same in two steps, so that several inserts share a tick: append each, then settle once before
 * the token is given up. Rows share a tick only where that cannot show: never across a movement of
 * the watermark that a windowed reader has not seen yet (append settles first where it must). */
status engine_append(engine *e, source *s, batch *rows, error *err) MUST_USE;
void   engine_settle(engine *e);
/* What a stream found late while it was filled goes to its LATE DATA TO: once it is known. */
void engine_settle_late(engine *e);
/* A change of a table: rows that go and rows that come, all or nothing. CHECKs and keys are asked
 * here. Settle afterwards. */
typedef struct row_change {
    batch                 *rows;    /* NULL: none */
    const conflict_action *actions; /* per key of the object; NULL: those of the table */
    const int64_t         *dying;   /* positions, ascending, each once */
    int64_t                dying_count;
    interrupt             *guard; /* asked until the first row changes; NULL: none */
    int64_t                came;  /* out: rows of `rows` that are in the table now */
} row_change;
status engine_change(engine *e, source *s, row_change *c, error *err) MUST_USE;
/* Several appends and changes that streams see as one tick. In between they are stored as in a
 * pause. A commit that fails can be called again, or rolled back. */
void   engine_begin(engine *e);
status engine_commit(engine *e, error *err) MUST_USE;
void   engine_rollback(engine *e);
bool   engine_in_transaction(const engine *e);
/* Several changes of one statement, all or nothing: within the transaction, or as one of their own.
 * Release gives back `outcome`, or what a commit of its own failed with. */
void   engine_savepoint(engine *e);
status engine_release(engine *e, status outcome, error *err) MUST_USE;
/* Moves the watermark of a source further (never back) and ticks; windows close. One without event
 * time is event-timed from then on, and its watermark starts here. */
status engine_advance(engine *e, source *s, int64_t watermark_us, error *err) MUST_USE;

/* ---- exec/alter.c: ALTER. The object `o` with other columns is to take the place of the source's:
 * its column i is the old one's from[i], or, when that is -1, what `fill` gives. Nobody reads a
 * column that goes. Apply ends the alteration and cannot fail; close gives it up. Settled, with no
 * transaction open. */
typedef struct source_alteration source_alteration;
status source_alter_open(source_alteration **out, source *s, object *o, const int32_t *from,
                         filler *fill, error *err) MUST_USE;
void   source_alter_apply(source_alteration *a);
void   source_alter_close(source_alteration *a); /* NULL is fine */
/* Streams that knew `old` know `o`, which differs from it in its name. */
void engine_rename(engine *e, const object *old, object *o);
void engine_tidy(engine *e); /* forgets what need not be kept */
bool plan_reads_column(const plan_node *n, const object *o, int32_t at);
/* A subscription reads the column. */
bool engine_is_watched(const engine *e, const object *o, int32_t at);

/* ---- streams */
typedef struct stream_options {
    const object *object;   /* NULL: anonymous (subscribe(sql)) */
    bool          running;  /* false: made before start; engine_start fills and joins it */
    pipeline     *pipeline; /* NULL: the default one, or that of what an anonymous stream reads */
    const object *sink;     /* anonymous, for an object of the catalog that reads what it reads */
    const void   *memo;     /* of its maker's, in *plan_arena; see stream_memo */
} stream_options;

/* Takes plan (made in *plan_arena, which the stream takes over). Fills the circuit from what is
 * retained, if running. When that is much, the stream is joining afterwards: its maker goes on
 *
 *     while (stream_join_next(s)) { leave; done = stream_join_run(s, ...); enter; }
 *     stream_join_end(s, done, ...);
 *
 * and others insert meanwhile: what comes for the stream is kept for it. Nobody else can see it. */
status stream_open(stream **out, engine *e, const plan *p, arena *plan_arena,
                   const stream_options *options, error *err) MUST_USE;
bool   stream_is_joining(const stream *s);
bool   stream_join_next(stream *s); /* true: there is more than a moment's work to do */
/* Without the token. The guard stops it with ERR_QUERY_CANCELLED. */
status stream_join_run(stream *s, interrupt *guard, error *err) MUST_USE;
/* so_far OK: the rest, and the stream is live. Else, and when that fails, a new stream is freed;
 * one that was waiting for the start waits again when it was cancelled, and has failed otherwise.
 */
status  stream_join_end(stream *s, status so_far, error *err) MUST_USE;
void    stream_close(stream *s); /* ends its log (LOG_FINISHED); dependents must be gone */
stream *engine_stream_of(const engine *e, const changelog *log); /* NULL: it was closed */
/* True when a stream that is not in the catalog (a subscription's) reads the object. */
bool engine_has_readers(const engine *e, const object *o);
/* From any thread: the anonymous stream of this log is of no use any more. It is closed by the next
 * engine_reap: a reader that goes need not wait for the token. */
void engine_abandon(engine *e, changelog *log);
bool engine_has_abandoned(const engine *e); /* from any thread */
void engine_reap(engine *e);                /* and gives back what failed streams held */
void engine_close_streams(engine *e);       /* all, readers first; their logs end */
void engine_end_logs(engine *e); /* no further changes: readers get what is there, then the end */
/* Starts the first stream (of `only`, unless that is NULL) that waits for it; *done: none does. One
 * that fails is marked. *joining is the stream when it is joining now, else NULL. */
status engine_start_next(engine *e, const pipeline *only, stream **joining, bool *done,
                         error *err) MUST_USE;
/* True when a joining stream (alters: or one that its pipeline holds in a pause) is the object, or
 * reads it; its name (empty: a subscription's). */
bool engine_is_joining(const engine *e, const object *o, bool alters, text *name);
/* In a pause rows are stored and seen by one-off queries over sources; all streams, new ones and
 * subscriptions too, stay at the rows before it. Resume takes the rest through them insert by
 * insert, as if nothing had been. When it fails, it can be called again. */
void   engine_pause(engine *e);
status engine_resume(engine *e, error *err) MUST_USE;
/* All named streams that ran have failed. From any thread, without the token. */
bool engine_is_faulted(const engine *e);
/* The minimum over sources that have had a row, kept from falling; sources without event time count
 * only when there are no others. */
int64_t engine_watermark_us(const engine *e);

typedef struct engine_counters {          /* rows since the database was opened; they never fall */
    int64_t rows_in, rows_out, rows_late; /* out, late: of named streams */
    int64_t inserts, ticks;
    int64_t rows_delivered; /* written by sinks */
    int64_t watermark_us;
    int32_t source_count, stream_count;
} engine_counters;
void           engine_count(const engine *e, engine_counters *out);
void           engine_count_delivered(engine *e, int64_t rows); /* by sinks; from any thread */
error_log     *engine_errors(engine *e);
history_sample engine_sample(const engine *e, int64_t time_us);
const history *engine_history(const engine *e);

/* ---- pipelines: see pipeline.c. Made in state CREATED; closed when no stream is of it. */
typedef enum pipeline_state {
    PIPELINE_CREATED, /* it waits for the start */
    PIPELINE_RUNNING,
    PIPELINE_PAUSED,
    PIPELINE_STOPPED
} pipeline_state;
status         pipeline_open(pipeline **out, engine *e, error *err) MUST_USE;
void           pipeline_close(pipeline *p); /* NULL is fine */
pipeline_state pipeline_look(const pipeline *p);
/* Streams with names, and how many of them have failed. */
int32_t pipeline_count_streams(const pipeline *p, int32_t *failed);
bool    pipeline_is_starting(const pipeline *p); /* it runs, and streams of it do not yet */
/* Its streams may run from now on, unless it is paused: engine_start_next starts them. */
void   pipeline_allow(pipeline *p);
status pipeline_pause(pipeline *p, error *err) MUST_USE;
status pipeline_resume(pipeline *p, error *err) MUST_USE;
status pipeline_stop(pipeline *p, error *err) MUST_USE;

/* ALTER STREAM ... RETRY: a failed stream, and what failed with it, goes on from where it stopped.
 * It takes the time that reading its inputs again takes. */
status stream_retry(stream *s, error *err) MUST_USE;

changelog  *stream_log(stream *s); /* borrowed */
const void *stream_memo(const stream *s);
/* The newest insert that it shows. */
uint64_t        stream_sequence(const stream *s);
const pipeline *stream_pipeline(const stream *s); /* NULL: the default one */
/* EMIT EVERY: what is held comes out now. For a reader that begins with the current state. */
void stream_release_held(stream *s);
/* Counts subscriptions that read the ops of rows (change_op): while there are some, the stream
 * computes what it could do without. */
void          stream_want_ops(stream *s, int32_t change);
const plan   *stream_plan(const stream *s);
const schema *stream_schema(const stream *s);
bool          stream_failure(const stream *s, error *reason); /* true: it failed, why */
/* ---- functions of the program's without code. A stream that calls one, and all that reads it,
 * waits: one that ran keeps its state, and what comes for it; one that did not is started later. */
const struct routine *stream_missing_code(const stream *s); /* NULL: it does not wait */
bool stream_waits_for_code(const stream *s, error *reason); /* true: it does, says the reason */
bool stream_is_behind(const stream *s); /* it ran, or would have run, but for code */
/* Code was registered: streams that ran go on; the others are for engine_start_next. */
void engine_code_came(engine *e);

/* EXPLAIN STREAM; and of a plan that is none yet: with whom its parts are, or would be, shared. */
void   stream_explain(const stream *s, buf *out);
status engine_explain(engine *e, const plan *p, buf *out, error *err) MUST_USE;

typedef struct stream_counters {
    int64_t rows_in, rows_out, late_rows, null_time_rows, ticks;
    int64_t lost_rows; /* taken back when state_ttl had made the stream forget them */
    int64_t watermark_us, state_bytes, state_rows;
    int64_t shared_state_bytes, shared_state_rows; /* of what it shares with other streams */
    int64_t pending_rows;  /* stored in a pause by the sources that it reads */
    bool    backpressured; /* a subscription that blocks is full, behind one of them */
} stream_counters;
void stream_count(const stream *s, stream_counters *out);
bool stream_reads(const stream *s, const source *src); /* at any depth */
/* ns from insert to published changes; a sample of the inserts. Borrowed, with the token. */
const histogram *stream_latency(const stream *s);

typedef struct stream_operator {
    const char *name;
    int32_t     number; /* in its plan: the root is the last */
    int64_t     rows_in, rows_out, late_rows, null_time_rows, state_rows;
    int64_t     state_bytes; /* of its arrays; what lies outside of them is the whole circuit's */
    int64_t     result_rows; /* of final windows, or with state_ttl: no state */
} stream_operator;
/* The operator at *at of its plan, or the next one behind it, to which *at moves; false: there is
 * none, also while the stream is filled, and when it has failed or is stopped. */
bool stream_operator_at(const stream *s, int32_t *at, stream_operator *out);

typedef struct stream_diagnosis {
    stream_counters counters;
    int64_t         rows_filtered; /* read and not kept by a WHERE or HAVING */
    int64_t         due_us;        /* the watermark that next makes rows final; INT64_MAX: none */
    int64_t         ahead_us;      /* the furthest watermark of its timed sources */
    int32_t         timed_count;   /* of its sources, at any depth */
    int32_t         idle_count;    /* of them, idle by their idle_timeout */
    const source   *held_by;  /* of those that are not idle, the one whose watermark is the least */
    bool            timed;    /* event time closes its windows, or bounds its joins */
    bool            by_clock; /* or the engine's clock */
    bool            emits_final; /* and shows them only then */
    bool            running;
} stream_diagnosis;
void          stream_diagnose(const stream *s, stream_diagnosis *out);
const source *stream_source(const stream *s, int32_t at); /* at any depth; NULL past the last */
const object *source_object(const source *s);

/* The stream's current state as batches with positive weights repeated (weight w: the row w times),
 * in no particular order. */
status stream_snapshot(stream *s, result **out, error *err) MUST_USE;

/* ---- queries: prepare with the token; run without it unless query_needs_token. */
typedef struct query query;
/* committed: it sees nothing of a transaction that is under way. at_us: what there was at that
 * instant of ingestion time; INT64_MAX: now. profile (NULL: none): by node id,
 * zeroed; filled by query_run. */
status query_prepare(query **out, engine *e, const plan *p, arena *plan_arena, bool committed,
                     int64_t at_us, plan_profile *profile, interrupt *interrupted,
                     error *err) MUST_USE;
void   query_use_threads(query *q, int32_t count); /* at most so many work on it; by default one */
void   query_count(query *q, progress *p);         /* zeroed, and outlives the query */
bool   query_needs_token(const query *q);          /* it reads live stream state */
/* Where the rows of a query go as they come. They are transient, and all of weight 1. */
typedef struct row_taker {
    void *context;
    status (*begin)(void *context, const schema *s, error *err); /* before the first */
    status (*take)(void *context, const delta *rows, error *err);
} row_taker;
/* Rows go to `to`, which lives as long, and the result has none: no more is held than operators
 * need. */
void   query_give(query *q, const row_taker *to);
status query_run(query *q, result **out, error *err) MUST_USE;
void   query_close(query *q);

#endif
