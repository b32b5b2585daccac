/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files behind laminar.h share.
 *
 * One mutex, the engine token, guards catalog, sources, streams and the tick; whoever holds it
 * runs. Order of locks: a subscription's watch lock or the token, then a change log's lock, then a
 * notifier's. The query list's lock is taken after the token; only a cancel goes on from it, to the
 * log of the subscription that it ends. All but the token are held for a few instructions. Readers
 * of results take none. */
#ifndef LAMINAR_DB_INTERNAL_H
#define LAMINAR_DB_INTERNAL_H

#include <sys/types.h>

#include "base/clock.h"
#include "batch/builder.h"
#include "catalog/catalog.h"
#include "exec/engine.h"
#include "laminar.h"
#include "os/thread.h"
#include "plan/plan.h"
#include "sql/limits.h"

typedef enum setting_id {
#define SETTING(id, name, kind, choices, lowest, highest, standard, description, effect)           \
    SETTING_##id,
#include "db/settings.def"
#undef SETTING
    SETTING_COUNT
} setting_id;

typedef enum db_state {
    DB_CREATED,
    DB_STARTING, /* until all streams have read what is there, and while a pause ends */
    DB_RUNNING,
    DB_PAUSED,
    DB_SHUTTING_DOWN,
    DB_STOPPED,
    DB_CLOSED
} db_state;

typedef struct user_clock { /* the caller's clock behind the engine's interface */
    engine_clock base;
    int64_t (*clock_us)(void *context);
    void *context;
} user_clock;

#define QUERIES_KEPT 64 /* finished ones that are still listed */

typedef struct progress_report {                            /* the caller's */
    bool (*call)(void *context, const laminar_progress *p); /* NULL: none */
    void   *context;
    int64_t interval_ns;
} progress_report;

/* A one-off query or a subscription by SQL; see queries.c. */
typedef struct query_entry query_entry;
struct query_entry {
    int64_t               id;
    interrupt             guard;        /* one-off queries */
    laminar_subscription *subscription; /* NULL: a one-off query, or over */
    char                 *sql;          /* cut when very long; behind the struct */
    size_t                sql_size;
    query_entry          *next, *previous;
    bool                  running; /* counted among those that run at once */
    bool                  counts;  /* a one-off query: rows and fraction mean something */
    progress              rows;
    int64_t               began_ns, ended_ns; /* ended: 0 while it is active */
    /* What is told, by the thread that runs it; see laminar_database_set_progress. */
    laminar_database *db; /* NULL: nothing is */
    progress_report   report;
    int64_t           report_next_ns;
    bool              reported;
    _Atomic double    fraction;            /* the largest that was shown */
    double            counted, counted_us; /* of `rows` when it last grew */
};

/* Inserts that met a busy engine, in order of arrival. See combine.c. */
typedef struct insert_request insert_request;
typedef struct insert_queue {
    mutex            lock;
    insert_request  *first, *last;
    bool             ended;   /* nothing more comes in; guarded by lock */
    _Atomic int64_t  rows;    /* queued or being applied, of all sources; */
    waiting_rows     common;  /* of those without a buffer_size of their own */
    _Atomic uint32_t room;    /* futex: changes when rows leave */
    _Atomic uint32_t applied; /* futex of flush: changes when a request is done */
    _Atomic int32_t  room_sleepers;
    status   fault_status; /* first failure of an insert nobody waited for; guarded by lock */
    error    fault;
    thread   worker;
    cpu_list cpus;                /* that the worker runs on; with the token */
    bool     has_worker;          /* guarded by the token */
    _Atomic uint32_t worker_word; /* futex: changes when there is work or the end */
    _Atomic bool     worker_stop;
    _Atomic int64_t  due_us; /* when the worker is to look for timers; INT64_MAX: never */
} insert_queue;

typedef struct durable durable; /* durable.h */

struct laminar_database {
    _Atomic int32_t references; /* the user's, and one per appender and subscription */
    mem            *mem;
    user_clock      clock;
    shared_rng      random;
    bool            deterministic; /* the clock moves in laminar_database_tick alone; no worker */
    mutex           token;
    _Atomic uint64_t
                 restorer; /* thread_id: it has the token, and db_enter gives it (restore.c); 0 */
    insert_queue queue;
    _Atomic uint64_t transaction_owner; /* thread_id; 0: none. Set with the token */
    _Atomic uint32_t transaction_word;  /* futex: changes when a transaction begins or ends */
    _Atomic uint32_t clock_word; /* futex: changes when the caller's clock moves, and at the end */
    catalog         *catalog;
    engine          *engine;
    struct db_pipeline *pipelines; /* named ones; with the token */
    struct prepared    *prepared;  /* statements of PREPARE; with the token */
    plan_variable      *variables; /* of SET VARIABLE; with the token */
    mutex               sinks_lock;
    struct sink_writer *writers;          /* of register_sink; with sinks_lock, */
    struct sink        *stopped_sinks;    /* whose threads end; likewise */
    _Atomic int32_t     state;            /* db_state */
    int32_t             state_before_end; /* of a shutdown: db_state; with the token */
    bool                starting;         /* a start is under way; with the token */
    _Atomic uint32_t    start_word;       /* futex of those who wait for it */
    _Atomic bool        end_wanted;       /* by code that runs inside: db_leave sees to it */
    _Atomic bool        ending;           /* functions of the program's are to give up */
    struct foreign     *foreign;          /* those that have code, see foreign.h; with the token */
    struct paging      *paging;           /* paging.h */
    durable            *durable;          /* NULL: in memory, or closed; with the token */
    bool                kept;             /* opened with a durable: from any thread */
    bool                replaying;        /* its log is being run */
    int32_t             cpu_count;
    pid_t               process; /* that opened it: after fork the child must not touch it */
    _Atomic int64_t     settings[SETTING_COUNT]; /* see settings.c; INT64_MIN: none */
    int64_t             opened_with[SETTING_COUNT];
    _Atomic int64_t     limits[LIMIT_COUNT]; /* lowered ones; 0: the highest */
    struct kept_text   *setting_texts;       /* all that were ever set; with the token */
    _Atomic int32_t     blocking_readers;    /* open subscriptions with LAG_BLOCK */
    _Atomic int32_t     sleeping_readers;    /* threads that wait for changes */
    int64_t             opened_ns;           /* of the monotonic clock */
    mutex               queries_lock;
    query_entry        *queries;         /* active, newest first */
    int32_t             running_queries; /* of them; with queries_lock */
    _Atomic int32_t     open_subscriptions;
    query_entry        *finished[QUERIES_KEPT];
    uint32_t            finished_count;     /* ever */
    int64_t             query_count;        /* ever: gives ids */
    progress_report     report;             /* of queries that begin; with queries_lock */
    bool (*interrupt_check)(void *context); /* the caller's; NULL: none */
    void *interrupt_context;
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

ALWAYS_INLINE int64_t
db_setting(const laminar_database *db, setting_id at) {
    return atomic_load_explicit(&db->settings[at], memory_order_relaxed);
}

int32_t db_threads(const laminar_database *db); /* that may work on one query */

/* ---- database.c */
status db_check_process(const laminar_database *db,
                        error                  *err) MUST_USE; /* refuses a forked child */
/* ---- token.c
 * Takes the token of an open database; refuses a closed one and a forked child. Pair with db_leave.
 */
status db_enter(laminar_database *db, error *err) MUST_USE;
/* The same for what tidies up: no signal ends the wait. False: refused. */
bool   db_enter_always(laminar_database *db) MUST_USE;
status db_take_token(laminar_database *db, error *err) MUST_USE; /* of a closed one too */
void   db_leave(laminar_database *db);
void   db_end_entered(laminar_database *db); /* database.c: with the token, which goes */
void   db_enter_again(laminar_database *db); /* after db_leave in between: the token alone */
/* For calls that wait: asks the embedding program, at least every WAIT_LOOK_US. */
#define WAIT_LOOK_US 50000
bool db_is_interrupted(laminar_database *db);
/* Closes an anonymous stream that nobody reads any more; waits for nothing. */
void db_abandon(laminar_database *db, changelog *log);
/* With the token, which is given up while a joining stream is filled: see stream_open. The catalog
 * may have changed afterwards, and the database may be closed: then this fails. */
status db_join(laminar_database *db, stream *s, interrupt *guard, error *err) MUST_USE;
/* The streams tick and what was told to the log is lasting: so_far, or why it is not. With the
 * token; after engine_append and engine_change, before a caller is told. */
status db_settle(laminar_database *db, status so_far, error *err) MUST_USE;
/* The clock of a deterministic database goes on; timers go off on the way. With the token. */
status db_go_to(laminar_database *db, int64_t now_us, error *err) MUST_USE;
/* A log is being run, with the clock where it stood: records step it. Not while a database that is
 * open is put back to a checkpoint, which all lie behind its clock. */
bool db_clock_is_stepped(const laminar_database *db);
/* What went wrong where nobody is there to be told: for laminar.errors. From any thread. */
void db_note_error(laminar_database *db, const char *kind, text name, int32_t code,
                   const char *message);
/* Starts the streams of a pipeline that may run, with the token, which is given up in between. */
status db_start_pipeline(laminar_database *db, const pipeline *p, error *err) MUST_USE;
status db_await_start(laminar_database *db, error *err) MUST_USE; /* of another thread; likewise */
void   db_reap(laminar_database *db); /* closes what was abandoned, if nobody holds the token */
laminar_database *db_retain(laminar_database *db);
void              db_release(laminar_database *db);
/* ---- transaction.c */
/* db_enter once no other thread's transaction is open; gives up after insert_timeout_ms. */
status db_enter_to_write(laminar_database *db, error *err) MUST_USE;
bool   db_in_foreign_transaction(const laminar_database *db);
bool   db_in_own_transaction(const laminar_database *db);
status db_refuse_waiting(const laminar_database *db, error *err) MUST_USE;
/* `what` cannot be done in the transaction of this thread. */
status db_refuse_in_transaction(const laminar_database *db, const char *what, error *err) MUST_USE;
void   db_drop_transaction(laminar_database *db); /* whoever began it; with the token */

/* For calls that write: refuses after shutdown. With the token. */
status db_writable(const laminar_database *db, error *err) MUST_USE;
/* What came when the queue had ended. */
status db_refuse_ended(const laminar_database *db, error *err) MUST_USE;
/* Refuses to read or write a file where external_access is false. */
status db_check_external(const laminar_database *db, int32_t position, error *err) MUST_USE;
/* What a statement that begins now is bound under. */
plan_env db_plan_env(laminar_database *db);
/* The source or table of that name, retained. With the token. */
status db_find_source(laminar_database *db, text name, object **out, error *err) MUST_USE;
/* The same without the token, which an insert takes for its rows alone. A database that is closed
 * meanwhile is found out then. */
status db_take_source(laminar_database *db, const char *name, object **out, error *err) MUST_USE;
/* Open, and not in a forked child; takes no lock. */
status db_check_open(const laminar_database *db, error *err) MUST_USE;

/* ---- queries.c: subscription NULL: a one-off query, which polls (*out)->guard. */
status db_query_begin(laminar_database *db, text sql, laminar_subscription *subscription,
                      query_entry **out, error *err) MUST_USE;
/* From now on it stands for a subscription. */
void db_query_adopt(laminar_database *db, query_entry *q, laminar_subscription *subscription);
void db_query_end(laminar_database *db, query_entry *q); /* NULL is fine; it becomes history */
/* From now on the query runs without the token, and tells how far it is. */
void db_query_watch(laminar_database *db, query_entry *q);
/* It went well: the last report, without the token when it was watched. */
status db_query_report_end(query_entry *q, error *err) MUST_USE;
/* The query runs with the token: what interrupts it may run the caller's code, which must not come
 * back into the database (db_check_inside refuses it with code 102). */
/* Frames of the caller's code on this thread, the innermost first. */
typedef struct inside_frame {
    const laminar_database *db;
    text     function; /* that runs; data NULL: a handler of signals, or of progress */
    uint32_t levels;   /* of locks that the thread holds */
    const struct inside_frame *around;
} inside_frame;
void    db_inside_begin(inside_frame *f, const laminar_database *db, text name);
void    db_inside_end(const inside_frame *f);
void    db_query_inside(laminar_database *db, query_entry *q);
status  db_check_inside(const laminar_database *db, error *err) MUST_USE;
bool    db_is_inside(const laminar_database *db); /* this thread is, running the caller's code */
int32_t db_active_queries(laminar_database *db);
status  db_list_queries(laminar_database *db, laminar_result **out, error *err) MUST_USE;
void    db_queries_fini(laminar_database *db);

/* ---- report.c: err in engine terms -> the caller's record; sql (may be empty) gives line, column
 * and caret. Returns the status for the caller. */
laminar_status report(laminar_error *out, const error *err, status s, text sql);

/* ---- limits.c: SET max_<limit> */
/* What is in force: the highest while a log is run. */
/* highest 0: what was lowered, or 0. */
int32_t db_limit(const laminar_database *db, limit_id at, int32_t highest);
void    db_limits(const laminar_database *db, sql_limits *out);
/* Those that programs look at; 0 where nothing is lowered. */
eval_limits db_eval_limits(const laminar_database *db);
/* The limit that max_... names; *out -1: it is none. */
status limit_find(int32_t *out, text name, int32_t position, error *err) MUST_USE;
status limit_set(laminar_database *db, int32_t at, const value *v, int32_t position,
                 error *err) MUST_USE;
/* at -1: all of them */
void    limit_reset(laminar_database *db, int32_t at);
int64_t limit_value(const laminar_database *db, int32_t at);
/* Of the list that SHOW LIMITS is. */
const char *limit_name(int32_t at);
const char *limit_description(int32_t at);

/* ---- prepare.c */
void prepared_fini(laminar_database *db);
/* ---- variable.c */
void variables_fini(laminar_database *db);

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

/* Columns of a listing, and its rows; the builder stays the caller's. */
#define LIST_COLUMNS_MAX 20
typedef struct list_column {
    const char *name;
    type_id     type;
} list_column;
status answer_builder(laminar_result **out, mem *m, builder *rows, const list_column *columns,
                      int32_t column_count, error *err) MUST_USE;

/* ---- insert.c */
/* The result of a query into o's columns: from[c] is the column of the result that feeds column c,
 * -1 its default. One batch, coerced as rows from outside are; *out is NULL when there are no rows.
 * values: the result is that of plan_insert_select, for VALUES that say DEFAULT; NULL: it is not.
 */
status db_fit_result(batch **out, laminar_database *db, const plan_env *env, const object *o,
                     const int32_t *from, const ast_select *values, const result *rows,
                     error *err) MUST_USE;
/* With the token held: refuses after shutdown and after DROP, checks rows, appends. The caller
 * settles the engine before it leaves. */
status db_append_batch(laminar_database *db, object *o, batch *rows, error *err) MUST_USE;
/* The object has no rows any more: it was dropped, or altered. */
status db_refuse_gone(const object *o, error *err) MUST_USE;
/* Without the token, before rows are accepted: waits until readers with LAG_BLOCK have room. */
status db_wait_for_room(laminar_database *db, const object *o, error *err) MUST_USE;
/* NOT NULL, and the length of values. */
status db_check_made(const laminar_database *db, const object *o, const delta *rows,
                     error *err) MUST_USE;

/* ---- combine.c: inserts from several threads */
status queue_open(laminar_database *db, error *err) MUST_USE;
/* Applies what is queued (for at most LEAVE_US_MAX when bounded) with the token held. True: nothing
 * is left. */
bool queue_drain(laminar_database *db, bool bounded);
/* With the token, outside of a transaction: what came is applied, what comes is refused. Whom
 * nobody waits for was acknowledged when it was queued. */
void queue_end(laminar_database *db);
void queue_go_on(laminar_database *db); /* the end was called off */
/* A buffer in front of a busy engine, a source's own or the common one: how many rows are in it,
 * how many may be, and whether the next insert would have to wait for room. From any thread,
 * without the token. `o` NULL: the common one. */
typedef struct queue_load {
    int64_t rows, capacity;
    bool    is_full;
} queue_load;
queue_load queue_look(laminar_database *db, const object *o);
/* The one of the two that is fuller. */
queue_load queue_fuller(queue_load a, queue_load b);
/* Rows that wait, of the sources that count. From any thread, without the token. */
int64_t queue_count(laminar_database *db, bool (*counts)(const object *target, const void *of),
                    const void       *of);
bool    queue_is_empty(laminar_database *db);
void    queue_pin_worker(laminar_database *db, const cpu_list *cpus); /* with the token */
void    queue_wake_worker(laminar_database *db); /* with the token; starts it when there is none */
/* With the token: the worker learns when the next timer goes off. */
void queue_tell_due(laminar_database *db);
/* Without the token. wait: returns when the rows are in every stream; else when they are accepted
 * (coerced, checked, queued or applied). */
status db_insert(laminar_database *db, object *o, batch *rows, bool wait, error *err) MUST_USE;
/* Takes the token for an insert of so many rows, when nobody has to be waited for, it will be over
 * in microseconds and wakes no thread, which would want the lock that the caller keeps. Pair with
 * db_leave. */
bool db_enter_now(laminar_database *db, int32_t rows);
/* Waits until all that was accepted before is applied; gives the first failure of an insert nobody
 * waited for. */
status db_flush(laminar_database *db, error *err) MUST_USE;
void   queue_stop(laminar_database *db); /* without the token: ends the worker */
void   queue_close(laminar_database *db);

#endif
