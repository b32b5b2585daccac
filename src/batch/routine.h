/* SPDX-License-Identifier: Apache-2.0 */
/* routine.h - functions whose code is the program's: what binder, programs, aggregates and
 * operators see of them. db makes the code of what was registered (db/foreign*.c), which alone
 * knows Arrow.
 *
 * A routine is a name with a signature and, once it was registered, code. The object of the
 * catalogue has one; a plan has one of its own for each object that it calls (binder:
 * remember_routine, remembered_routine), with the code of that moment, so that a stream and all who
 * read it see one code as long as the stream runs. What is registered last is in the home that they
 * share: routine_pin, with the token, takes it from there when a stream begins again. Code is
 * immutable; its functions may be called without any lock, from the thread that runs the circuit.
 * What comes back was checked: type, length, validity, size.
 *
 * Circuits are also opened, and loaded, where there is no code yet: then routine_take gives code
 * that looks for it at its first call, and fails as long as there is none. So call nothing of it
 * while a circuit is opened, loaded, or saved that has not run. */
#ifndef LAMINAR_BATCH_ROUTINE_H
#define LAMINAR_BATCH_ROUTINE_H

#include "batch/column.h"

typedef struct routine      routine;
typedef struct routine_code routine_code;
typedef struct routine_home routine_home;
struct routine_process;
struct routine_processed;

typedef enum routine_kind {
    ROUTINE_SCALAR,
    ROUTINE_ROWS, /* a scalar that gives LIST(STRUCT): stands in FROM */
    ROUTINE_AGGREGATE,
    ROUTINE_PROCESSOR
} routine_kind;

enum {
    ROUTINE_VOLATILE = 1, /* LAMINAR_FUNCTION_... */
    ROUTINE_NULLS = 2,
    ROUTINE_PARALLEL = 4,
    ROUTINE_ORDERED = 8,
    ROUTINE_ON_CALLER = 16,
    ROUTINE_RETRACTS = 32, /* an aggregate that has retract, merge, a state */
    ROUTINE_MERGES = 64,
    ROUTINE_SAVES = 128
};

struct routine {
    text             name;
    routine_kind     kind;
    uint32_t         flags;
    int32_t          argument_count; /* -1: any number */
    const data_type *arguments;      /* TYPE_NULL: as it is */
    data_type        result, state;  /* state TYPE_NULL: none */
    text             version;
    routine_code    *code; /* NULL: it was not registered (again) yet, when this was made */
    routine_home    *home;
    _Atomic int32_t  references;
    arena            arena; /* of the texts and types above */
};

/* The rows of one call. Columns have row_count values, constants one. */
typedef struct routine_rows {
    int32_t          row_count, count;
    const column    *columns;
    const data_type *types;
    const bool      *constants; /* NULL: none is */
    bool             is_group;  /* all rows are one group, and one value is wanted */
} routine_rows;

typedef struct routine_class {
    /* A value a row, or one of all rows (is_group), in memory of `a`. Texts are views. */
    status (*call)(routine_code *c, const routine_rows *in, arena *a, column *out, error *err);
    /* Aggregates: groups are pointers of the program's. What evaluate and save give lies in `a`. */
    status (*open)(routine_code *c, const routine_rows *constants, void **group, error *err);
    void (*drop)(routine_code *c, void *group);
    status (*accumulate)(routine_code *c, void *group, const routine_rows *rows, error *err);
    status (*retract)(routine_code *c, void *group, const routine_rows *rows, error *err);
    status (*merge)(routine_code *c, void *group, const void *other, error *err);
    status (*evaluate)(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
                       error *err);
    status (*save)(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
                   error *err);
    status (*load)(routine_code *c, const routine_rows *constants, const routine_rows *states,
                   void **groups, error *err);
    /* Processors: see op_process. */
    status (*process)(routine_code *c, const struct routine_process *in, arena *a,
                      struct routine_processed *out, error *err);
    void (*close)(routine_code *c); /* when nobody has it any more */
} routine_class;

struct routine_code { /* the base: first member of db's */
    const routine_class *class;
    _Atomic int32_t references;
};

/* One round of a processor: rows of key_count keys, sorted by key, in the order of their coming. */
typedef struct routine_process {
    routine_rows   rows;
    const text    *names; /* of the columns */
    int32_t        key_count;
    routine_rows   keys;
    const int32_t *row_counts; /* per key */
    column         states;     /* per key; NULL: none yet */
    const int32_t *fired_counts;
    const int64_t *fired_us;
    int64_t        watermark_us;
} routine_process;

typedef struct routine_timer {
    int32_t key;
    bool    removed;
    int64_t at_us;
} routine_timer;

typedef struct routine_processed { /* in memory of the arena */
    int32_t        row_count;
    column         rows;       /* a STRUCT */
    const int32_t *row_counts; /* per key */
    column         states;
    int32_t        timer_count;
    routine_timer *timers;
} routine_processed;

/* A routine of a new home, without code; texts and types of `like` are copied. */
status routine_new(routine **out, mem *m, const routine *like, error *err) MUST_USE;
/* The same signature in the same home, with this code (retained; NULL: none), which becomes what
 * the home has. */
status routine_renew(routine **out, routine *r, text version, routine_code *code,
                     error *err) MUST_USE;
/* The same with the same code. */
status   routine_fork(routine **out, const routine *r, error *err) MUST_USE;
void     routine_pin(routine *r); /* has what its home has, if that is any */
routine *routine_retain(const routine *r);
void     routine_release(void *r); /* NULL is fine; a cleanup of arenas */
/* Name, kind, flags and types: what plans are made of. */
bool routine_same_signature(const routine *a, const routine *b);
/* The same code of one home: the same calls give the same values. Both may be NULL. */
bool   routine_same(const routine *a, const routine *b);
bool   routine_has_code(const routine *r);            /* its own, or its home has some */
status routine_no_code(const routine *r, error *err); /* ERR_QUERY_FAILED, with the next step */

/* Its code, or that of its home, retained; r must outlive it. */
status        routine_take(routine_code **out, const routine *r, error *err) MUST_USE;
routine_code *routine_code_retain(routine_code *c);
void          routine_code_release(void *c); /* NULL is fine; a cleanup of arenas */

#endif
