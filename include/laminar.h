/* SPDX-License-Identifier: Apache-2.0 */
/* laminar.h - an embedded streaming SQL database.
 *
 *     laminar_database *db = NULL;
 *     laminar_error     err;
 *     if (laminar_database_open(&db, ":memory:", NULL, &err) < 0) { puts(err.message); return 1; }
 *     laminar_database_execute(db, "CREATE SOURCE t (k BIGINT, v DOUBLE);"
 *                                  "CREATE STREAM s AS SELECT k, sum(v) AS total FROM t GROUP BY
 * k", NULL, &err); laminar_database_start(db, &err);
 *
 * Ownership in one sentence: what a function gives through `T **out` is yours and is returned with
 * its _close or _free; everything else is borrowed until the next call on the same handle. Arrow
 * structs move, as Arrow defines.
 *
 * Errors: every function that can fail returns laminar_status: 0 is success, 1 (LAMINAR_DONE) is
 * "nothing there" where the function says so, negative is the negated error code. `err` may be
 * NULL. When it is given it holds code, message, place and next step.
 *
 * Threads: every handle may be used from any thread; an appender and a subscription by one thread
 * at a time. Calls that change data run the streams on the calling thread; a second thread waits
 * its turn. Closing a handle while another thread is inside a call on it is an error of the caller,
 * except laminar_subscription_cancel and laminar_database_interrupt, which are made for that.
 *
 * Times are UTC. Text is UTF-8, counted in bytes. See the Caveats at the end. */
#ifndef LAMINAR_H
#define LAMINAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LAMINAR_VERSION "0.1.0"

#if defined(__GNUC__)
#define LAMINAR_API __attribute__((visibility("default")))
#else
#define LAMINAR_API
#endif

/* The Arrow C data and stream interface, as its specification prints it. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char          *format;
    const char          *name;
    const char          *metadata;
    int64_t              flags;
    int64_t              n_children;
    struct ArrowSchema **children;
    struct ArrowSchema  *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t             length;
    int64_t             null_count;
    int64_t             offset;
    int64_t             n_buffers;
    int64_t             n_children;
    const void        **buffers;
    struct ArrowArray **children;
    struct ArrowArray  *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

typedef struct laminar_database     laminar_database;
typedef struct laminar_result       laminar_result;
typedef struct laminar_value        laminar_value;
typedef struct laminar_subscription laminar_subscription;
typedef struct laminar_appender     laminar_appender;
typedef struct laminar_replay       laminar_replay;

typedef int32_t laminar_status;
#define LAMINAR_OK 0
#define LAMINAR_DONE 1

/* ---- errors */
typedef struct laminar_error {
    int32_t code;           /* 100, 200, 401 ... */
    char    class_name[24]; /* "QueryError", "SchemaError", "MemoryError", "ValueError", ... */
    int32_t position; /* characters from the start of the statement text, from 0; -1: no place */
    int32_t line, column;  /* from 1; 0: no place */
    char    message[1024]; /* with the line and a caret below it where there is a place */
    char    hint[256];     /* next step: did you mean "price"?; "": none; stands in message too */
} laminar_error;

/* ---- database */
/* GROUP: a sync to disk that calls which wait at the same time share. FULL: one of its own. ASYNC:
 * the operating system has it, which survives the process; it is synced within 100 ms. OFF: no log,
 * what came since the last checkpoint is lost with the process. */
typedef enum laminar_durability {
    LAMINAR_DURABILITY_GROUP,
    LAMINAR_DURABILITY_FULL,
    LAMINAR_DURABILITY_ASYNC,
    LAMINAR_DURABILITY_OFF
} laminar_durability;

typedef struct laminar_options {
    uint32_t size;         /* sizeof(laminar_options): how the library knows the caller's version */
    int32_t  threads;      /* that work on one large statement; 0: all processors */
    int64_t  memory_limit; /* bytes; 0: half of what the machine, or its cgroup, has */
    int64_t (*clock_us)(void *context); /* us since 1970; NULL: the system's */
    void *clock_context;
    /* Called on the thread that runs a query or waits in a call, at most every 5 ms: true makes
     * the call return code 402, without effect. For signals and the like. While a query runs it
     * must not call the database. NULL: none. */
    bool (*interrupted)(void *context);
    void   *interrupted_context;
    int64_t buffer_size;          /* rows that may wait for a busy engine; 0: 65,536 */
    int64_t insert_timeout_ms;    /* the wait for room in it, or LAG_BLOCK; 0: 30,000 */
    int64_t max_lag_bytes;        /* unread by a subscription that says nothing; 0: 256 MiB */
    int64_t statement_timeout_ms; /* how long a query may run; 0: no limit */
    int64_t max_future_skew_ms;   /* of sources that do not say: a row moves the watermark so
                                     far beyond the clock; 0: no bound */
    /* The caller owns the clock: it stands at 0 (1970) until laminar_database_tick moves it, and no
     * thread is started. The same calls and seed (of random() and its like) give the same bytes.
     * Not together with clock_us. */
    bool     deterministic;
    uint64_t seed;
    /* Where queries write what memory_limit has no room for, in files without names; NULL: "/tmp",
     * "": nowhere. And how much of it at most; 0: no limit. */
    const char *temp_directory;
    int64_t     max_temp_directory_size; /* bytes */
    int64_t     batch_size; /* rows of each batch of a result but the last; 0: as they come */
    int64_t max_concurrent_queries, max_sql_size; /* at once; bytes of a script; 0: 1,024, 1 MiB */
    const char *cpu_affinity; /* processors of the engine's own threads: "0-3,6"; NULL: all */
    const char *retain;       /* of sources that do not say, as WITH (retain = ...); NULL: "all" */
    bool        no_external_access; /* statements may neither read nor write files */
    laminar_durability durability;  /* what a change waits for; see laminar_database_open */
    int64_t            checkpoint_interval_ms;      /* 0: none by time, and none when asked */
    int64_t     wal_limit_bytes, wal_segment_bytes; /* of the log, of its files; 0: 256, 16 MiB */
    int64_t     checkpoint_retention;               /* how many are kept; 0: 2, the least */
    const char *storage_dir; /* where the caller keeps databases, for SHOW alone; NULL: nowhere */
} laminar_options;
#define LAMINAR_OPTIONS_INIT {.size = sizeof(laminar_options)}

LAMINAR_API const char *laminar_version(void);
/* Whether the callbacks of Arrow producers may be called. A runtime that ends before its process
 * does, such as an interpreter, says false first, on the thread that ends it: from then on that
 * thread alone calls them, and what others would release stays. Waits at most timeout_ms for the
 * calls under way; false: some are not over. */
LAMINAR_API bool laminar_allow_callbacks(bool allowed, int64_t timeout_ms);

/* path: "", ":memory:" or a bare name: in memory. With a "/" in it, or ending in .ldb or .db: a
 * directory, made where it is missing (its parent is not), that the database is kept in. What was
 * acknowledged is there when it is opened again, after kill -9 and loss of power too: rows,
 * definitions, streams with their state, watermarks, and whether it was started or paused. One
 * process has it at a time: code 102 names the other. A log that is damaged where it had been
 * acknowledged is refused with code 702, its file and offset. options may be NULL. */
LAMINAR_API laminar_status laminar_database_open(laminar_database **out, const char *path,
                                                 const laminar_options *options,
                                                 laminar_error         *err);
/* Ends subscriptions (their waiters wake) and frees the database as soon as the last result,
 * appender and subscription is freed. NULL is fine. */
LAMINAR_API void laminar_database_close(laminar_database *db);
/* Ends everything as close does, but the handle stays valid: every further call on it returns code
 * 101. For bindings whose handles may be used after close. Twice is fine. From within `interrupted`
 * it cancels the query and ends the database when that returns. It fails only by `interrupted`, and
 * has then cancelled the queries that ran. */
LAMINAR_API laminar_status laminar_database_end(laminar_database *db, laminar_error *err);
/* Streams begin to run: each first reads every retained row of its inputs. Twice is fine; after
 * pause it resumes. */
LAMINAR_API laminar_status laminar_database_start(laminar_database *db, laminar_error *err);
/* Reads go on, writes are refused with code 901, subscriptions end after what they have. */
LAMINAR_API laminar_status laminar_database_shutdown(laminar_database *db, laminar_error *err);
/* Rows are accepted and stored, and queries over sources see them; streams and subscriptions stay
 * where they are until resume, which takes the stored rows through them insert by insert. Both are
 * for a pipeline that was started; twice is fine. */
LAMINAR_API laminar_status laminar_database_pause(laminar_database *db, laminar_error *err);
LAMINAR_API laminar_status laminar_database_resume(laminar_database *db, laminar_error *err);
/* "Created", "Starting", "Running", "Paused", "ShuttingDown", "Stopped"; "Faulted": started, and
 * every stream has failed. Never waits. */
LAMINAR_API const char *laminar_database_state(laminar_database *db);
/* Whether this thread has begun a transaction that it has neither committed nor rolled back. */
LAMINAR_API bool laminar_database_in_transaction(const laminar_database *db);
/* OK as long as calls are answered: code 101 once it is closed, 100 in a forked child. */
LAMINAR_API laminar_status laminar_database_check(laminar_database *db, laminar_error *err);
/* Deterministic mode: moves the clock on to now_us, microseconds since 1970. What is due until then
 * (EMIT EVERY and whatever else goes by the clock) happens on this thread, each thing at its own
 * time, before the call returns: one step of an hour does what 3,600 steps of a second do. Class
 * "ValueError": now_us lies before the clock, or the clock is the system's.
 *
 *     laminar_options o = LAMINAR_OPTIONS_INIT;
 *     o.deterministic = true;
 *     laminar_database_open(&db, ":memory:", &o, &err);
 *     laminar_database_tick(db, 1700000000000000, &err); */
LAMINAR_API laminar_status laminar_database_tick(laminar_database *db, int64_t now_us,
                                                 laminar_error *err);
/* What an insert gave reason to say since this was asked, such as event times that look like
 * another unit: true, and its text in `out` (320 bytes hold all). Cheap when there is nothing. */
LAMINAR_API bool laminar_database_take_warning(laminar_database *db, char *out, size_t size);
/* Makes the running queries of other threads return code 402. */
LAMINAR_API void laminar_database_interrupt(laminar_database *db);
/* The counters of the last minutes, oldest first: samples that work took, at most one a second and
 * 3,600 in all, and as the last row what they are now. Columns time (TIMESTAMPTZ), ingested,
 * emitted, dropped, inserts, ticks, watermark (epoch ms, NULL before any row), memory_bytes,
 * delivered (rows that sinks wrote), all BIGINT. Class "ValueError": minutes is below 1. */
LAMINAR_API laminar_status laminar_database_history(laminar_database *db, int64_t minutes,
                                                    laminar_result **out, laminar_error *err);
/* How far a query has come. */
typedef struct laminar_progress {
    uint32_t size;         /* sizeof(laminar_progress), as the library knows it */
    int64_t  id;           /* of laminar_database_queries */
    double   fraction;     /* from 0 to 1, which is the end; it never falls */
    int64_t  rows_read;    /* of tables, sources and files so far, and what sorts held back */
    int64_t  rows_to_read; /* of which some are estimated */
    int64_t  elapsed_us;
    int64_t  left_us; /* estimated; -1: nothing is known yet */
} laminar_progress;
/* `report` is called on the thread that runs a query, every interval_ms at most (5 ms at least; 0:
 * 200) while it runs, and at its end if it was called before. False ends the query with code 402.
 * It holds no lock and must not call the database. A query that reads a stream, UPDATE and DELETE
 * run with the engine to themselves and report nothing. Goes for queries that begin from now on;
 * `context` must live until they are over. NULL: none, which costs nothing. */
LAMINAR_API void laminar_database_set_progress(laminar_database *db,
                                               bool (*report)(void                   *context,
                                                              const laminar_progress *p),
                                               void *context, int32_t interval_ms);
/* Queries and subscriptions by SQL, oldest first: the active ones and the last 64 that are over.
 * Columns id (BIGINT), sql, state ("active" or "finished"), progress (DOUBLE, from 0 to 1),
 * rows_read, rows_to_read, elapsed_ms (BIGINT); progress and rows are NULL for subscriptions. Waits
 * for no query. */
LAMINAR_API laminar_status laminar_database_queries(laminar_database *db, laminar_result **out,
                                                    laminar_error *err);
/* A one-off query returns code 402; the consumers of a subscription get no more and finish. Code
 * 200: there is no such query. One that is over stays so. */
LAMINAR_API laminar_status laminar_database_cancel_query(laminar_database *db, int64_t id,
                                                         laminar_error *err);
/* Bytes of memory charged to the database now. */
LAMINAR_API int64_t laminar_database_memory(laminar_database *db);

/* ---- statements */
/* Runs statements separated by ';' in order and gives the result of the last one (out may be NULL).
 */
LAMINAR_API laminar_status laminar_database_execute(laminar_database *db, const char *sql,
                                                    laminar_result **out, laminar_error *err);
LAMINAR_API laminar_status laminar_database_execute_text(laminar_database *db, const char *sql,
                                                         size_t sql_size, laminar_result **out,
                                                         laminar_error *err);
/* The same with values for the parameters in the text: `count` values, by position for ?, ?2 and $2
 * (names NULL), or by name for $name and :name. Each parameter needs a value and each value a
 * parameter, else code 400. Values are constants of their type and never part of the text; in a
 * CREATE they become part of the definition. */
LAMINAR_API laminar_status laminar_database_execute_params(
    laminar_database *db, const char *sql, size_t sql_size, const laminar_value *values,
    const char *const *names, int32_t count, laminar_result **out, laminar_error *err);
/* What a query reads and the database does not have: an object of the program by its name in FROM,
 * a file in a format that the library does not read itself (parquet, arrow). */
typedef struct laminar_external {
    bool               is_file;
    const char        *name; /* of the object as it is written, or the path */
    size_t             name_size;
    const char        *format;            /* of a file; else NULL */
    bool               schema_only, more; /* no rows are taken; write: other parts follow */
    int32_t            column_count;      /* -1: all; else those that are needed, in this order */
    const char *const *columns;
} laminar_external;
/* Called on the thread that runs the statement. For each place in a query `open` is called twice:
 * for the schema, and again for the rows (LAMINAR_DONE then: what the first call gave has them,
 * all columns). It must not call the database.
 *   open   LAMINAR_DONE: there is no such object; err->hint may name a near one.
 *   write  a part of COPY ... TO such a file: takes `rows` over; NULL: the rest does not come.
 * A failing call fills err: code, message. */
typedef struct laminar_resolver {
    laminar_status (*open)(void *context, const laminar_external *what,
                           struct ArrowArrayStream *out, laminar_error *err);
    laminar_status (*write)(void *context, const laminar_external *what,
                            struct ArrowArrayStream *rows, laminar_error *err);
    void *context;
} laminar_resolver;
/* laminar_database_execute_params with a resolver (may be NULL); values NULL and count 0: no
 * parameters. */
LAMINAR_API laminar_status laminar_database_execute_with(laminar_database *db, const char *sql,
                                                         size_t               sql_size,
                                                         const laminar_value *values,
                                                         const char *const *names, int32_t count,
                                                         const laminar_resolver *resolver,
                                                         laminar_result **out, laminar_error *err);
/* The answer of a query as of an instant of ingestion time, microseconds since 1970 (whole
 * milliseconds count to the end of their last one, since clocks and watermarks are often cut off):
 * what laminar_database_execute_with would have given when everything had come that came at that
 * instant or before, and nothing else. Sources answer from the rows that they retain, tables from
 * those that changed since too (WITH (history = ...)), streams are run again from their inputs up
 * to then, without holding up inserts; now() is the instant. INT64_MAX: now, of what gives rows.
 * Code 400: the text gives none, and nothing ran; or the past is not kept: the oldest instant is.
 *
 *     laminar_database_query_at(db, "SELECT count(*) FROM t", 22, NULL, NULL, 0, NULL,
 *                               1700000000000000, &rows, &err); */
LAMINAR_API laminar_status laminar_database_query_at(laminar_database *db, const char *sql,
                                                     size_t sql_size, const laminar_value *values,
                                                     const char *const *names, int32_t count,
                                                     const laminar_resolver *resolver,
                                                     int64_t at_us, laminar_result **out,
                                                     laminar_error *err);
/* The rows that a source retains now, again: those with start_us <= time < end_us, in the order of
 * their times, by event time where the source has it (rows without one are left out), else by
 * ingestion time; rows of one time in the order in which they came. Microseconds since 1970.
 * speed: 0: as fast as they are asked for; else `next` gives rows when they are due: 1.0 in real
 * time by the database's clock, 2.0 twice as fast. A replay belongs to one thread at a time and
 * keeps its database; rows that come later are not in it, and those that the source gives up
 * meanwhile are.
 * Code 200: there is no such source; 400: it is a table. Class "ValueError": speed below 0.
 *
 *     laminar_replay *r;
 *     laminar_replay_open(&r, db, "trades", 0, INT64_MAX, 0, &err);
 *     while (laminar_replay_next(r, &rows, &err) == LAMINAR_OK) { ... laminar_result_free(rows); }
 *     laminar_replay_close(r); */
LAMINAR_API laminar_status laminar_replay_open(laminar_replay **out, laminar_database *db,
                                               const char *source, int64_t start_us, int64_t end_us,
                                               double speed, laminar_error *err);
/* LAMINAR_DONE: there are no more. Waits when it has a speed; code 101 when the database is closed
 * meanwhile, 402 when `interrupted` says so: then it may be called again. */
LAMINAR_API laminar_status laminar_replay_next(laminar_replay *r, laminar_result **out,
                                               laminar_error *err);
LAMINAR_API void           laminar_replay_close(laminar_replay *r); /* NULL is fine */
/* The current state of a stream; filter (may be NULL) is one SQL expression over its columns. */
LAMINAR_API laminar_status laminar_database_query_stream(laminar_database *db, const char *stream,
                                                         const char *filter, laminar_result **out,
                                                         laminar_error *err);

/* Rows of windows: those that no further row can change, those that may still change, or both. */
typedef enum laminar_windows {
    LAMINAR_WINDOWS_ALL,
    LAMINAR_WINDOWS_OPEN,
    LAMINAR_WINDOWS_FINAL
} laminar_windows;
/* The same of some of its windows: what is final is so by the watermark and the allowed lateness.
 * Code 400: no column of the stream's rows tells when they are final (window_start or window_end).
 */
LAMINAR_API laminar_status laminar_database_query_windows(laminar_database *db, const char *stream,
                                                          const char *filter, laminar_windows which,
                                                          laminar_result **out, laminar_error *err);

/* ---- results */
typedef enum laminar_result_kind {
    LAMINAR_RESULT_DDL,
    LAMINAR_RESULT_ROWS_AFFECTED,
    LAMINAR_RESULT_QUERY,
    LAMINAR_RESULT_METADATA
} laminar_result_kind;

typedef enum laminar_type {
    LAMINAR_TYPE_NULL,
    LAMINAR_TYPE_BOOLEAN,
    LAMINAR_TYPE_TINYINT,
    LAMINAR_TYPE_SMALLINT,
    LAMINAR_TYPE_INTEGER,
    LAMINAR_TYPE_BIGINT,
    LAMINAR_TYPE_HUGEINT,
    LAMINAR_TYPE_UTINYINT,
    LAMINAR_TYPE_USMALLINT,
    LAMINAR_TYPE_UINTEGER,
    LAMINAR_TYPE_UBIGINT,
    LAMINAR_TYPE_FLOAT,
    LAMINAR_TYPE_DOUBLE,
    LAMINAR_TYPE_DECIMAL,
    LAMINAR_TYPE_VARCHAR,
    LAMINAR_TYPE_BLOB,
    LAMINAR_TYPE_UUID,
    LAMINAR_TYPE_DATE,
    LAMINAR_TYPE_TIME,
    LAMINAR_TYPE_TIMESTAMP_S,
    LAMINAR_TYPE_TIMESTAMP_MS,
    LAMINAR_TYPE_TIMESTAMP,
    LAMINAR_TYPE_TIMESTAMP_NS,
    LAMINAR_TYPE_TIMESTAMPTZ,
    LAMINAR_TYPE_INTERVAL,
    LAMINAR_TYPE_LIST,
    LAMINAR_TYPE_STRUCT,
    LAMINAR_TYPE_MAP
} laminar_type;

struct laminar_value {
    int32_t type; /* laminar_type */
    bool    is_null;
    uint8_t precision, scale; /* DECIMAL */
    /* BOOLEAN 0/1, integers (UBIGINT by its bits), DATE (days since 1970), TIME (us since
     * midnight), timestamps (their unit since 1970; TIMESTAMPTZ: us), INTERVAL: us part. HUGEINT,
     * UUID and DECIMAL (without its point) have 128 bits: the lower 64 here, the upper 64 in
     * `high`; a UUID's first byte is the highest. */
    int64_t     i;
    int64_t     high;
    double      d;    /* FLOAT, DOUBLE */
    const char *text; /* VARCHAR, BLOB: not terminated; of a result: borrowed from it */
    size_t      text_size;
    int32_t     months, days; /* INTERVAL */
    /* LIST, STRUCT and MAP that are given to the library: their items, the values of their fields,
     * or keys and values by turns. `names` are a STRUCT's; NULL: its fields have none. Items may be
     * of different types if one type can hold all. Those of a result have no `items`:
     * laminar_value_item takes them apart. */
    const laminar_value *items;
    const char *const   *names;
    int64_t              item_count;
    uint32_t             nested; /* of a result: its type */
};

/* The text that CAST gives a value of any type but VARCHAR and BLOB: at most LAMINAR_VALUE_TEXT_MAX
 * bytes, not terminated; returns how many. */
#define LAMINAR_VALUE_TEXT_MAX 96
LAMINAR_API size_t laminar_value_text(const laminar_value *v, char *out);
/* Of a LIST of a result the number of items, of a STRUCT of fields, of a MAP of entries; 0 for all
 * else. */
LAMINAR_API int64_t laminar_value_count(const laminar_value *v);
/* One of them, which borrows as v does; an entry of a MAP is a STRUCT of key and value.
 * LAMINAR_DONE: there is none. */
LAMINAR_API laminar_status laminar_value_item(const laminar_value *v, int64_t at,
                                              laminar_value *out);
/* Name of a field, not terminated; size 0: it has none. */
LAMINAR_API const char *laminar_value_field(const laminar_value *v, int64_t at, size_t *size);

LAMINAR_API void                laminar_result_free(laminar_result *r); /* NULL is fine */
LAMINAR_API laminar_result_kind laminar_result_get_kind(const laminar_result *r);
/* DDL: "CREATE SOURCE" and the object's name; NULL otherwise. */
LAMINAR_API const char *laminar_result_ddl_type(const laminar_result *r);
LAMINAR_API const char *laminar_result_ddl_object(const laminar_result *r);
LAMINAR_API int64_t
laminar_result_rows_affected(const laminar_result *r); /* row count for queries, 0 for DDL */
LAMINAR_API int64_t      laminar_result_row_count(const laminar_result *r);
LAMINAR_API int32_t      laminar_result_batch_count(const laminar_result *r);
LAMINAR_API int32_t      laminar_result_column_count(const laminar_result *r);
LAMINAR_API const char  *laminar_result_column_name(const laminar_result *r,
                                                    int32_t column); /* NUL-terminated */
LAMINAR_API laminar_type laminar_result_column_type(const laminar_result *r, int32_t column);
/* "BIGINT", "DECIMAL(10,2)"; NULL: no such column. */
LAMINAR_API const char    *laminar_result_column_type_name(const laminar_result *r, int32_t column);
LAMINAR_API laminar_status laminar_result_value(const laminar_result *r, int64_t row,
                                                int32_t column, laminar_value *out);
/* One of its batches as a result of its own, which shares the rows. */
LAMINAR_API laminar_status laminar_result_batch(const laminar_result *r, int32_t at,
                                                laminar_result **out, laminar_error *err);
/* ---- of a delivery of a subscription (laminar_subscription_next) */
/* What it shows: every insert up to `epoch`; `part` counts the deliveries of one epoch from 0.
 * False: not a delivery. */
LAMINAR_API bool laminar_result_position(const laminar_result *r, int64_t *epoch, int64_t *part);
/* Last rows of the keys that left the result, as a result of their own; LAMINAR_DONE: none. */
LAMINAR_API laminar_status laminar_result_deleted(const laminar_result *r, laminar_result **out,
                                                  laminar_error *err);
typedef enum laminar_change_op {
    LAMINAR_CHANGE_INSERT,
    LAMINAR_CHANGE_UPDATE,
    LAMINAR_CHANGE_DELETE
} laminar_change_op;
/* What happened to the key of a row; true updates only with laminar_subscription_options.row_ops.
 */
LAMINAR_API laminar_change_op laminar_result_op(const laminar_result *r, int64_t row);

/* Arrow: a stream that shares the result's memory; the result may be freed before it. May be called
 * any number of times. */
LAMINAR_API laminar_status laminar_result_stream(const laminar_result    *r,
                                                 struct ArrowArrayStream *out, laminar_error *err);
LAMINAR_API laminar_status laminar_result_schema(const laminar_result *r, struct ArrowSchema *out,
                                                 laminar_error *err);

/* ---- rows in */
/* Inserts all rows of an Arrow stream as one insert: all or none. Columns are matched by name,
 * missing ones get their DEFAULT or NULL, values are cast where nothing is lost. Takes the stream
 * (releases it, also on error). */
LAMINAR_API laminar_status laminar_database_insert(laminar_database *db, const char *source,
                                                   struct ArrowArrayStream *rows,
                                                   int64_t *row_count, laminar_error *err);
/* As insert, but returns as soon as the rows are accepted: checked, and in the engine or on its way
 * into it. */
LAMINAR_API laminar_status laminar_database_submit(laminar_database *db, const char *source,
                                                   struct ArrowArrayStream *rows,
                                                   int64_t *row_count, laminar_error *err);
/* The same in two steps: rows of an Arrow stream as they will be in a source, and their insert. The
 * first takes the stream; the second may be called again after a failure, and the rows go by free
 * (NULL is fine). A laminar_rows belongs to one thread at a time and keeps its database. */
typedef struct laminar_rows laminar_rows;
LAMINAR_API laminar_status  laminar_rows_read(laminar_rows **out, laminar_database *db,
                                              const char *source, struct ArrowArrayStream *stream,
                                              laminar_error *err);
LAMINAR_API laminar_status  laminar_rows_insert(laminar_rows *rows, int64_t *row_count,
                                                laminar_error *err);
LAMINAR_API laminar_status  laminar_rows_submit(laminar_rows *rows, int64_t *row_count,
                                                laminar_error *err);
/* See laminar_appender_flush_now. */
LAMINAR_API laminar_status laminar_rows_insert_now(laminar_rows *rows, int64_t *row_count,
                                                   laminar_error *err);
LAMINAR_API void           laminar_rows_free(laminar_rows *rows);
/* Waits until everything accepted so far is in every stream; gives the first failure of a submitted
 * insert. */
LAMINAR_API laminar_status laminar_database_flush(laminar_database *db, laminar_error *err);
/* CSV text with a header line of column names (RFC 4180; quoted fields may hold line ends). An
 * empty unquoted field is NULL, as is null_text (NULL: none). Errors name the line. */
LAMINAR_API laminar_status laminar_database_insert_csv(laminar_database *db, const char *source,
                                                       const char *csv, size_t csv_size,
                                                       char delimiter, const char *null_text,
                                                       int64_t *row_count, laminar_error *err);

/* JSON text: an array of objects, one object, or objects one after the other (JSON lines). Keys are
 * column names. Numbers are exact; null is NULL; a nested value is its text in a VARCHAR column.
 * Errors name the line. */
LAMINAR_API laminar_status laminar_database_insert_json(laminar_database *db, const char *source,
                                                        const char *json, size_t json_size,
                                                        int64_t *row_count, laminar_error *err);

/* Row by row or column by column: append values to columns, then flush: one insert, all or none.
 * Values are coerced to the declared type or refused with row, column, value and both types; after
 * a refusal nothing of the batch is kept (the appender is empty again and usable). */
LAMINAR_API laminar_status laminar_appender_open(laminar_appender **out, laminar_database *db,
                                                 const char *source, laminar_error *err);
LAMINAR_API void           laminar_appender_close(
              laminar_appender *a); /* what was not flushed is dropped. NULL is fine */
LAMINAR_API int32_t      laminar_appender_column_count(const laminar_appender *a);
LAMINAR_API const char  *laminar_appender_column_name(const laminar_appender *a, int32_t column);
LAMINAR_API laminar_type laminar_appender_column_type(const laminar_appender *a, int32_t column);
/* Index of a column by name (any case); on failure code 300 with the nearest name. */
LAMINAR_API laminar_status laminar_appender_find(laminar_appender *a, const char *name,
                                                 size_t name_size, int32_t *column,
                                                 laminar_error *err);
LAMINAR_API laminar_status laminar_append_null(laminar_appender *a, int32_t column,
                                               laminar_error *err);
LAMINAR_API laminar_status laminar_append_default(laminar_appender *a, int32_t column,
                                                  laminar_error *err);
LAMINAR_API laminar_status laminar_append_boolean(laminar_appender *a, int32_t column, bool v,
                                                  laminar_error *err);
LAMINAR_API laminar_status laminar_append_bigint(laminar_appender *a, int32_t column, int64_t v,
                                                 laminar_error *err);
LAMINAR_API laminar_status laminar_append_double(laminar_appender *a, int32_t column, double v,
                                                 laminar_error *err);
/* Many at once, in the order of the rows; as many single appends would do. */
LAMINAR_API laminar_status laminar_append_bigints(laminar_appender *a, int32_t column,
                                                  const int64_t *v, int32_t count,
                                                  laminar_error *err);
LAMINAR_API laminar_status laminar_append_doubles(laminar_appender *a, int32_t column,
                                                  const double *v, int32_t count,
                                                  laminar_error *err);
LAMINAR_API laminar_status laminar_append_texts(laminar_appender *a, int32_t column,
                                                const char *const *texts, const size_t *sizes,
                                                int32_t count, laminar_error *err);
LAMINAR_API laminar_status laminar_append_text(laminar_appender *a, int32_t column,
                                               const char *text, size_t size, laminar_error *err);
/* A value of any type, as laminar_result_value gives them. */
LAMINAR_API laminar_status laminar_append_value(laminar_appender *a, int32_t column,
                                                const laminar_value *v, laminar_error *err);
/* Microseconds since 1970 UTC: a datetime. Fits TIMESTAMP, TIMESTAMP_MS, BIGINT event-time columns
 * (as epoch ms) and VARCHAR. */
LAMINAR_API laminar_status laminar_append_timestamp(laminar_appender *a, int32_t column, int64_t us,
                                                    laminar_error *err);
LAMINAR_API laminar_status laminar_append_date(laminar_appender *a, int32_t column, int32_t days,
                                               laminar_error *err);
/* Makes all columns as long as the longest by appending defaults: the end of a row whose missing
 * columns take their DEFAULT. */
LAMINAR_API laminar_status laminar_appender_end_row(laminar_appender *a, laminar_error *err);
LAMINAR_API void           laminar_appender_clear(laminar_appender *a);
/* Inserts. Columns that got nothing take their defaults; other unequal lengths are code 300. */
LAMINAR_API laminar_status laminar_appender_flush(laminar_appender *a, int64_t *row_count,
                                                  laminar_error *err);
/* As flush, if that waits for nobody and is over in microseconds: few rows, by what ticks took of
 * late, nobody else at work in the engine, no thread asleep for changes. LAMINAR_DONE: not so; the
 * rows are still in the appender, call flush. For threads that hold a lock of their own which is
 * dearer to give up than such an insert. */
LAMINAR_API laminar_status laminar_appender_flush_now(laminar_appender *a, int64_t *row_count,
                                                      laminar_error *err);

/* As flush, without waiting: see laminar_database_submit. */
LAMINAR_API laminar_status laminar_appender_submit(laminar_appender *a, int64_t *row_count,
                                                   laminar_error *err);

/* Moves the watermark of a source to at least `watermark_ms`; windows close, nothing else is
 * inserted. */
LAMINAR_API laminar_status laminar_database_advance(laminar_database *db, const char *source,
                                                    int64_t watermark_ms, laminar_error *err);

/* ---- subscriptions */
typedef enum laminar_lag_policy {
    LAMINAR_LAG_ERROR,       /* the unread is lost: code 503 and how many, then it goes on */
    LAMINAR_LAG_DROP_OLDEST, /* append-only results: the oldest rows are lost, and counted */
    LAMINAR_LAG_CONFLATE,    /* updating results with a key: the last row of each changed key */
    LAMINAR_LAG_BLOCK        /* inserts wait before they are accepted, at most insert_timeout_ms */
} laminar_lag_policy;
typedef struct laminar_subscription_options {
    uint32_t    size;
    const char *sql;           /* any SELECT, or */
    const char *stream;        /* a named stream: exactly one of them is set */
    bool        snapshot;      /* of a stream: its current rows first (when there are any) */
    bool        row_ops;       /* laminar_result_op tells inserts from updates */
    int64_t     max_lag_bytes; /* what may be unread; 0: 256 MiB */
    int32_t     on_lag;        /* laminar_lag_policy: what happens beyond it */
    /* Of a stream: goes on after the delivery that had this laminar_result_position. The sum of
     * changes is exact, the batches may be cut differently. Change logs keep what their slowest
     * subscription has not read, and about 64 MiB beyond: an older position is code 503. */
    bool    resume;
    int64_t from_epoch, from_part;
    /* Of sql: values of its parameters, as for laminar_database_execute_params. NULL: none. */
    const laminar_value *values;
    const char *const   *value_names; /* NULL: by position */
    int32_t              value_count;
} laminar_subscription_options;
#define LAMINAR_SUBSCRIPTION_OPTIONS_INIT {.size = sizeof(laminar_subscription_options)}
LAMINAR_API laminar_status laminar_subscription_open(laminar_subscription              **out,
                                                     laminar_database                   *db,
                                                     const laminar_subscription_options *options,
                                                     laminar_error                      *err);
/* A named stream, from the next change on. */
LAMINAR_API laminar_status laminar_database_subscribe_stream(laminar_subscription **out,
                                                             laminar_database      *db,
                                                             const char            *stream,
                                                             laminar_error         *err);
/* Any SELECT: its current result first (when not empty), then its changes. A query over constants
 * is finite. */
LAMINAR_API laminar_status laminar_database_subscribe(laminar_subscription **out,
                                                      laminar_database *db, const char *sql,
                                                      laminar_error *err);
/* The next changes. timeout_us: 0 does not wait, negative waits for ever. LAMINAR_OK: *out is set.
 * LAMINAR_DONE: nothing came in time, or it ended (laminar_subscription_state tells), or a signal
 * handler ran (*interrupted, may be NULL). Code 600: the stream failed. */
LAMINAR_API laminar_status laminar_subscription_next(laminar_subscription *s, int64_t timeout_us,
                                                     laminar_result **out, bool *interrupted,
                                                     laminar_error *err);
/* Bytes that wait to be read; *dropped (may be NULL): rows lost so far. */
LAMINAR_API int64_t laminar_subscription_lag(laminar_subscription *s, int64_t *dropped);
/* Columns that identify a row of an updating result, for at most `capacity` of them; returns how
 * many there are, 0: the whole row does; -1: the result never has more than one row. */
LAMINAR_API int32_t laminar_subscription_key_columns(const laminar_subscription *s,
                                                     int32_t *columns, int32_t capacity);
/* ---- event loops: one descriptor for any number of subscriptions, no thread, no polling */
typedef struct laminar_notifier laminar_notifier;
LAMINAR_API laminar_status      laminar_notifier_open(laminar_notifier **out, laminar_error *err);
/* Readable while laminar_notifier_take has something to give. Only wait for it: do not read it. */
LAMINAR_API int laminar_notifier_fd(const laminar_notifier *n);
/* Once: as soon as laminar_subscription_next would not wait (rows, an error, the end, a cancel; may
 * be now) `tag` is given by laminar_notifier_take. Replaces an earlier request of the same
 * subscription that was not taken yet. */
LAMINAR_API laminar_status laminar_subscription_notify(laminar_subscription *s, laminar_notifier *n,
                                                       uint64_t tag, laminar_error *err);
/* Takes at most `capacity` tags, oldest first; returns how many. */
LAMINAR_API int32_t laminar_notifier_take(laminar_notifier *n, uint64_t *tags, int32_t capacity);
LAMINAR_API void    laminar_notifier_close(laminar_notifier *n); /* NULL is fine */

/* From any thread; wakes its waiters and drops what was queued. */
LAMINAR_API void laminar_subscription_cancel(laminar_subscription *s);
typedef enum laminar_subscription_status {
    LAMINAR_SUBSCRIPTION_ACTIVE,
    LAMINAR_SUBSCRIPTION_FINISHED,
    LAMINAR_SUBSCRIPTION_CANCELLED
} laminar_subscription_status;
/* From any thread, as cancel. */
LAMINAR_API laminar_subscription_status laminar_subscription_state(laminar_subscription *s);
/* Of the batches; with "__weight" last when the query says EMIT CHANGES. */
LAMINAR_API laminar_status laminar_subscription_schema(const laminar_subscription *s,
                                                       struct ArrowSchema *out, laminar_error *err);
LAMINAR_API void           laminar_subscription_close(laminar_subscription *s); /* NULL is fine */

/* ---- what there is */
typedef enum laminar_object_kind {
    LAMINAR_OBJECT_SOURCE,
    LAMINAR_OBJECT_TABLE,
    LAMINAR_OBJECT_STREAM,
    LAMINAR_OBJECT_SINK
} laminar_object_kind;
/* Objects of a kind in order of creation, as a result with columns name VARCHAR, sql VARCHAR. */
LAMINAR_API laminar_status laminar_database_list(laminar_database *db, laminar_object_kind kind,
                                                 laminar_result **out, laminar_error *err);
/* What reads what, from the bound plans: one row for each object and each of its inputs, objects in
 * order of creation. Columns name, kind ("source", "table", "stream", "sink"), sql, input (NULL:
 * none). */
LAMINAR_API laminar_status laminar_database_topology(laminar_database *db, laminar_result **out,
                                                     laminar_error *err);
/* Nanoseconds from the insert to its changes being published; one insert in sixteen is measured
 * after the first 64. Percentiles are off by at most 1/32. All 0 when count is. */
typedef struct laminar_latency {
    int64_t count, min_ns, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
} laminar_latency;

/* ---- sinks: CREATE SINK name FROM stream [WHERE ...] WITH (connector = 'file' | 'python', ...),
 * ALTER SINK name RETRY, DROP SINK, SHOW SINKS. Each has a thread of its own, which no tick waits
 * for. */
/* Where the rows of the sinks with connector = 'python' (or 'program') go. */
typedef struct laminar_sink_writer {
    /* A delivery: rows that came together, with "__weight" as last column of an updating result. It
     * is the callee's and is freed by it. An error is tried again, the same rows, as the sink's
     * options say; rows that were written before it are written twice then. On the sink's thread,
     * one call at a time, no lock is held: it may call the database. */
    laminar_status (*write)(void *context, laminar_result *rows, laminar_error *err);
    /* What was written before is to be safe. NULL: nothing to do. */
    laminar_status (*flush)(void *context, laminar_error *err);
    void (*close)(void *context); /* no call comes any more; may be NULL */
    void *context;
} laminar_sink_writer;
/* For the sink of that name, whether it is there already or not; in the place of an earlier one.
 * NULL: takes it away. A sink without one waits. */
LAMINAR_API laminar_status laminar_database_register_sink(laminar_database *db, const char *name,
                                                          const laminar_sink_writer *writer,
                                                          laminar_error             *err);
typedef struct laminar_sink_stats {
    uint32_t size;       /* set to sizeof before the call */
    int64_t  total_rows; /* written */
    int64_t  pending_rows, pending_bytes, dropped_rows;
    int64_t  errors;   /* of the connector, those that a retry mended too */
    char    state[16]; /* "running", "waiting" (for its writer), "retrying", "failed", "finished" */
    char    last_error[512]; /* "": none yet */
    int64_t epoch, part;     /* laminar_result_position of the last that was written */
    laminar_latency latency; /* ns that a delivery took to be written, retries too */
} laminar_sink_stats;
/* Code 200: there is none of the name. */
LAMINAR_API laminar_status laminar_database_sink_stats(laminar_database *db, const char *name,
                                                       laminar_sink_stats *out, laminar_error *err);
/* For what feeds a database and fails on its own: an entry of laminar.errors, which keeps the last
 * 256. kind: "source" or the like; object: a name, or NULL. Texts are UTF-8, and cut. */
LAMINAR_API laminar_status laminar_database_note_error(laminar_database *db, const char *kind,
                                                       const char *object, int32_t code,
                                                       const char *message, laminar_error *err);
/* ---- named pipelines: CREATE PIPELINE, CREATE STREAM ... IN PIPELINE, SHOW PIPELINES; START,
 * STOP, PAUSE, RESUME and DROP PIPELINE. Code 200: there is none of the name. */
/* As laminar_database_state, of a pipeline: "Created", "Starting", "Running", "Paused",
 * "ShuttingDown", "Stopped", "Faulted" (all its streams have failed). Static text. */
LAMINAR_API laminar_status laminar_pipeline_state(laminar_database *db, const char *name,
                                                  const char **out, laminar_error *err);
/* What it was and is, oldest first: columns version (BIGINT, from 1), created_at (TIMESTAMPTZ), sql
 * (the statements that make it). A statement that changes the text of the pipeline makes a version;
 * the last 64 are kept. */
LAMINAR_API laminar_status laminar_pipeline_versions(laminar_database *db, const char *name,
                                                     laminar_result **out, laminar_error *err);
/* As laminar_database_topology: the streams of a pipeline, what they read and what reads them. */
LAMINAR_API laminar_status laminar_pipeline_topology(laminar_database *db, const char *name,
                                                     laminar_result **out, laminar_error *err);
/* Schema of a source, table or stream. */
LAMINAR_API laminar_status laminar_database_schema(laminar_database *db, const char *name,
                                                   struct ArrowSchema *out, laminar_error *err);

typedef struct laminar_source_stats {
    uint32_t size; /* set to sizeof before the call */
    int64_t  total_rows, retained_rows, retained_bytes, spilled_bytes; /* those: on disk alone */
    int64_t  watermark_ms; /* INT64_MIN before any row; without event time: when the newest came */
    int64_t  null_time_rows;
    int64_t  pending_rows;     /* accepted, but held back from the streams by a pause, or queued */
    int64_t  capacity_rows;    /* rows that may wait before an insert has to: its buffer_size */
    int64_t  queued_rows;      /* in that buffer: wait for a busy engine or a transaction */
    bool     is_backpressured; /* an insert waits: the queue or a LAG_BLOCK reader is full */
} laminar_source_stats;
LAMINAR_API laminar_status laminar_database_source_stats(laminar_database *db, const char *source,
                                                         laminar_source_stats *out,
                                                         laminar_error        *err);

typedef struct laminar_stream_stats {
    uint32_t        size;
    int64_t         rows_in, rows_out, late_rows, null_time_rows, ticks;
    int64_t         watermark_ms, state_bytes;
    bool            failed;
    char            error[1024]; /* why, when failed; or what code of a function it waits for */
    int64_t         state_rows;  /* groups and rows that its operators remember */
    int64_t         pending_rows, capacity_rows; /* as its sources', of the fullest buffer */
    int64_t         queued_rows;
    bool            is_backpressured;
    laminar_latency latency;
    int64_t         lost_rows; /* taken back when state_ttl had made the stream forget them */
    int64_t         shared_state_bytes, shared_state_rows; /* with others; not above */
} laminar_stream_stats;
LAMINAR_API laminar_status laminar_database_stream_stats(laminar_database *db, const char *stream,
                                                         laminar_stream_stats *out,
                                                         laminar_error        *err);

typedef struct laminar_metrics { /* rows and counts since the database was opened: none ever falls
                                  */
    uint32_t size;
    int32_t  source_count, stream_count, sink_count, query_count; /* sources: tables too */
    int64_t  rows_in;                                             /* accepted by sources */
    int64_t  rows_out;                                            /* emitted by named streams */
    int64_t  rows_dropped;   /* late for every window of a named stream */
    int64_t  inserts, ticks; /* ticks: inserts and watermarks taken through the streams */
    int64_t  uptime_us;
    /* The minimum over event-timed sources that have had a row; when there are none, over the
     * newest rows of the others. INT64_MIN before any row. */
    int64_t watermark_ms;
} laminar_metrics;
LAMINAR_API laminar_status laminar_database_metrics(laminar_database *db, laminar_metrics *out,
                                                    laminar_error *err);
/* Caveats
 * - Inserts run the streams before they return: a large insert takes as long as its streams need.
 * - A result, an appender or a subscription keeps its database's memory alive; close them too.
 * - After fork, handles of the parent are dead in the child: calls return code 100. */

#ifdef __cplusplus
}
#endif
#include "laminar_durable.h"
#include "laminar_functions.h"
#include "laminar_text.h"
#endif
