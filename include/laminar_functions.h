/* SPDX-License-Identifier: Apache-2.0 */
/* laminar_functions.h - functions of the program's own, called from SQL. laminar.h includes it; its
 * rules hold here too.
 *
 *     static laminar_status
 *     twice(void *context, const laminar_call *call, struct ArrowArray *out,
 *           struct ArrowSchema *type, laminar_error *err);
 *     const char *const   types[] = {"DOUBLE"};
 *     laminar_scalar      f = LAMINAR_SCALAR_INIT;
 *     f.argument_count = 1, f.arguments = types, f.result = "DOUBLE", f.call = twice;
 *     laminar_database_register_scalar(db, "twice", &f, &err);
 *     laminar_database_execute(db, "CREATE STREAM s AS SELECT twice(v) AS w FROM t", NULL, &err);
 *
 * Registering. At any time, also while streams run, under any name that is no SQL function's: a
 * function of the library's is hidden by it. The name and the types become a function of the
 * catalogue, as CREATE FUNCTION makes one, and are kept with the database; the code is not. Once
 * more under the same name puts other code in its place: queries take it from then on; a stream
 * that runs keeps the code that it began with, and takes the new one with ALTER STREAM s RETRY,
 * CREATE OR REPLACE or a restart. Other types than before are refused while something uses the
 * function. After a restart streams that use it wait, with what they had, for code of the same name
 * and types; rows are accepted meanwhile, and taken through them by the call that registers it.
 * Queries fail with code 400. DROP FUNCTION takes the function away; laminar_database_unregister
 * the code alone, as a restart does.
 *
 * Calls. On the thread that runs the query or the insert, or on a thread of the engine's, one call
 * at a time for a database unless LAMINAR_FUNCTION_PARALLEL is set. No lock is held but the turn of
 * the insert: other inserts wait, snapshots can be read. It must not call the database of the call
 * on that thread: such calls fail with code 400, and a close ends it when the call is over (its
 * memory stays). Nor may it wait for a thread that uses that database. An error that it gives fails
 * the query with its text, or the stream (code 600), and never the insert or the database.
 *
 * What is given (Arrow arrays of laminar_call) is read-only. Each array may be moved out, and lives
 * then until it is released, from any thread; those that are not live for the call alone, as types
 * do. What is returned is moved out, is checked (type, length, buffers, text, at most 64 MiB a
 * value) and then taken, also beside an error. */
#ifndef LAMINAR_LAMINAR_FUNCTIONS_H
#define LAMINAR_LAMINAR_FUNCTIONS_H

#include "laminar.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Not the same for the same arguments: each row's value is computed once, when the row comes, and
 * kept for when it goes. Without: a row that goes is computed again. */
#define LAMINAR_FUNCTION_VOLATILE 1u
/* It sees rows with NULL arguments. Without, these are not given, and give NULL (an aggregate: do
 * not count). */
#define LAMINAR_FUNCTION_NULLS 2u
/* It may run on several threads at the same time. Without, a query that calls it is a turn: inserts
 * wait as long as it runs. */
#define LAMINAR_FUNCTION_PARALLEL 4u
/* An aggregate whose value depends on the order of its rows: they are given in the order of their
 * coming, or of ORDER BY in the call, and parts are never merged. */
#define LAMINAR_FUNCTION_ORDERED 8u
/* Beside PARALLEL: several queries may call it at the same time, each from its own thread alone.
 * For code that takes turns by itself, where more threads would only wait. */
#define LAMINAR_FUNCTION_ON_CALLER 16u

/* The rows of one call. */
typedef struct laminar_call {
    uint32_t                  size; /* sizeof(laminar_call), as the library knows it */
    int64_t                   row_count;
    int32_t                   argument_count;
    const struct ArrowSchema *types;     /* one of each argument */
    struct ArrowArray        *arguments; /* of row_count values; a constant has one */
    const bool               *constants; /* which were literals, or constant otherwise */
    /* Whether the query was cancelled, its time is over, or the database ends: a call that takes
     * long asks now and then, from any thread, and gives up with any error. */
    bool (*is_cancelled)(const struct laminar_call *call);
    const void *engine; /* the library's */
} laminar_call;

typedef struct laminar_scalar {
    uint32_t           size; /* set to sizeof */
    uint32_t           flags;
    int32_t            argument_count; /* -1: any number, each as it is */
    const char *const *arguments;      /* SQL types, to which arguments are cast; "ANY": as it is */
    /* SQL type: "DOUBLE", "DECIMAL(18, 2)". Rows of a table function, for FROM f(x):
     * "STRUCT(a INTEGER, b VARCHAR)[]" and is_rows. */
    const char *result;
    bool        is_rows;
    const char *version; /* of the caller's, kept with the definition; NULL: none */
    /* Fills *out and *type (of one array): row_count values, or one for all rows. In a GROUP BY
     * query whose arguments are columns that are not grouped by: called once a group with the
     * group's rows, for one value. */
    laminar_status (*call)(void *context, const laminar_call *call, struct ArrowArray *out,
                           struct ArrowSchema *type, laminar_error *err);
    void (*close)(void *context); /* nothing calls it any more, from any thread; may be NULL */
    void *context;
} laminar_scalar;
#define LAMINAR_SCALAR_INIT {.size = sizeof(laminar_scalar)}

/* A function that hands a call over to a thread of its own marks that thread meanwhile, so that
 * calls of the database on it are refused as on the first. */
typedef struct laminar_call_mark {
    const void *engine[5];
} laminar_call_mark;
LAMINAR_API void laminar_call_adopt(const laminar_call *call, laminar_call_mark *mark);
LAMINAR_API void laminar_call_resign(const laminar_call_mark *mark);

/* A registration that fails leaves `f` alone: its close is not called. Code 201: an SQL function
 * has the name; 202: it had other types before, and something uses it. */
LAMINAR_API laminar_status laminar_database_register_scalar(laminar_database *db, const char *name,
                                                            const laminar_scalar *f,
                                                            laminar_error        *err);

/* An aggregate works on groups of its own making: opaque pointers, made by open or load, given back
 * to drop. Calls on different groups come from one thread at a time unless it is PARALLEL. */
typedef struct laminar_aggregate {
    uint32_t           size; /* set to sizeof */
    uint32_t           flags;
    int32_t            argument_count; /* columns; -1: any number */
    const char *const *arguments;      /* as above */
    const char        *result;
    /* SQL type of what save gives, which checkpoints hold. NULL, or no retract where rows can be
     * taken back: the rows of a group are kept instead and given again, to a new group. */
    const char *state;
    const char *version;
    /* constants: of the literals behind the columns, as a call of one row with these arguments. */
    laminar_status (*open)(void *context, const laminar_call *constants, void **group,
                           laminar_error *err);
    void (*drop)(void *context, void *group);
    laminar_status (*accumulate)(void *context, void *group, const laminar_call *rows,
                                 laminar_error *err);
    /* NULL: cannot. Rows that were accumulated before, or will be in the same tick. */
    laminar_status (*retract)(void *context, void *group, const laminar_call *rows,
                              laminar_error *err);
    /* Adds what `other` has; it stays as it is. NULL: cannot. The call of this one and the next two
     * has no rows: it says whether the work is still wanted, and is what is adopted. */
    laminar_status (*merge)(void *context, const laminar_call *call, void *group, const void *other,
                            laminar_error *err);
    /* One value for each of `count` groups. */
    laminar_status (*evaluate)(void *context, const laminar_call *call, void *const *groups,
                               int64_t count, struct ArrowArray *out, struct ArrowSchema *type,
                               laminar_error *err);
    laminar_status (*save)(void *context, const laminar_call *call, void *const *groups,
                           int64_t count, struct ArrowArray *out, struct ArrowSchema *type,
                           laminar_error *err);
    /* states: one argument, of the type `state`; fills row_count groups (the ones before a failing
     * one too; NULL where none was made). */
    laminar_status (*load)(void *context, const laminar_call *constants, const laminar_call *states,
                           void **groups, laminar_error *err);
    void (*close)(void *context);
    void *context;
} laminar_aggregate;
#define LAMINAR_AGGREGATE_INIT {.size = sizeof(laminar_aggregate)}

LAMINAR_API laminar_status laminar_database_register_aggregate(laminar_database        *db,
                                                               const char              *name,
                                                               const laminar_aggregate *f,
                                                               laminar_error           *err);

/* A process of its own for each key, with a state and timers; stands in FROM:
 *     SELECT * FROM sessions(TABLE clicks PARTITION BY user)
 * Its input has no rows that are taken back. What it gives is added to the result and never taken
 * back. */
struct laminar_process;
typedef struct laminar_processor {
    uint32_t    size; /* set to sizeof */
    uint32_t    flags;
    const char *result; /* "STRUCT(...)": the columns of its rows */
    const char *state;  /* SQL type of the state of a key, NULL at first */
    const char *version;
    /* For `key_count` keys at once. rows: all columns of the input, keys[i] of them (consecutive,
     * in the order of their coming) for key i; `fired` of the call are timers of these keys that
     * the watermark, or the clock, has come to, in their order, before the rows. Fills *out (a
     * struct array: rows of the result), out_counts[i] (how many of them are of key i), *states (an
     * array of the state type, one a key), and adds timers with laminar_process_timer. */
    laminar_status (*process)(void *context, const struct laminar_process *call,
                              struct ArrowArray *out, struct ArrowSchema *out_type,
                              int64_t *out_counts, struct ArrowArray *states,
                              struct ArrowSchema *states_type, laminar_error *err);
    void (*close)(void *context);
    void *context;
} laminar_processor;
#define LAMINAR_PROCESSOR_INIT {.size = sizeof(laminar_processor)}

typedef struct laminar_process {
    uint32_t            size;
    const laminar_call *rows;
    const char *const  *names; /* of the columns of rows */
    int64_t             key_count;
    const int64_t      *row_counts;   /* of each key; may be 0 when only timers fired */
    const laminar_call *keys;         /* key columns, key_count rows */
    const laminar_call *states;       /* one argument, key_count values */
    const int64_t      *fired_counts; /* of each key */
    const int64_t      *fired_us;     /* times, in the order of keys, then of time */
    int64_t             watermark_us; /* event time that has come; INT64_MIN: none */
    const void         *engine;
} laminar_process;
/* Key number `key` is called again when the watermark comes to at_us (microseconds since 1970; in
 * sources without event time: the clock). Twice the same time is one timer. */
LAMINAR_API laminar_status laminar_process_timer(const laminar_process *call, int64_t key,
                                                 int64_t at_us, bool remove, laminar_error *err);
LAMINAR_API laminar_status laminar_database_register_processor(laminar_database        *db,
                                                               const char              *name,
                                                               const laminar_processor *f,
                                                               laminar_error           *err);

/* Takes the code of a function away, which then waits as after a restart. Code 200: there is none
 * of the name. */
LAMINAR_API laminar_status laminar_database_unregister(laminar_database *db, const char *name,
                                                       laminar_error *err);

#ifdef __cplusplus
}
#endif
#endif
