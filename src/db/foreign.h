/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.h - functions whose code is the program's: from the structs of laminar_functions.h to the
 * routines of batch/routine.h.
 *
 * A function is an object of the catalogue like those of CREATE FUNCTION, with its definition as
 * SQL text. The database keeps a list of what was registered, so that an object that is made anew
 * (a restore, a script that runs again) finds its code. Nothing executable is ever stored. */
#ifndef LAMINAR_DB_FOREIGN_H
#define LAMINAR_DB_FOREIGN_H

#include "batch/routine.h"
#include "db/internal.h"

typedef struct foreign_code {
    routine_code        base;
    laminar_database   *db; /* outlives it */
    mem                *mem;
    arena               arena;
    routine_kind        kind;
    uint32_t            flags;
    text                name, version; /* of the caller's; data NULL: none */
    int32_t             argument_count;
    text               *arguments; /* as SQL; data NULL: as it is */
    text                result, state;
    data_type           result_type, state_type; /* once its types are known */
    data_type          *argument_types;
    struct ArrowSchema *types;    /* of the arguments; release NULL: as it is */
    bool                attached; /* else its close is not called */
    laminar_scalar      scalar;
    laminar_aggregate   aggregate;
    laminar_processor   processor;
} foreign_code;

/* ---- foreign.c */
typedef struct foreign foreign;
/* With the token: an object that was made gets the code that is registered for it, if any. */
status foreign_reattach(laminar_database *db, object *o, error *err) MUST_USE;
void   foreign_forget(laminar_database *db, text name); /* a function that is dropped */
void   foreign_fini(laminar_database *db);

/* ---- foreign_call.c */
extern const routine_class foreign_class;

/* One call under way. */
typedef struct foreign_frame {
    laminar_call       call;
    foreign_code      *code;
    interrupt         *guard; /* of the query; NULL: a stream's */
    inside_frame       inside;
    struct ArrowArray  out;
    struct ArrowSchema out_type;
    laminar_error      failure;
} foreign_frame;

/* The rows as Arrow, and the marker of this thread. Ends by itself when it fails. */
status foreign_begin(foreign_frame *f, foreign_code *c, const routine_rows *rows, arena *a,
                     error *err) MUST_USE;
/* Of a call that gave `s`; what was given out is released, and after an error what came back. */
status foreign_end(foreign_frame *f, laminar_status s, error *err) MUST_USE;
/* One more set of rows for the call under way; who adds it releases it, before foreign_end. */
status foreign_add(foreign_frame *f, laminar_call *call, const routine_rows *rows, arena *a,
                   error *err) MUST_USE;
void   foreign_release(laminar_call *call);
void   foreign_discard(foreign_frame *f); /* what the call gave is not wanted */
/* The marker of this thread alone. False: the program ends, nothing is called any more. */
bool                      foreign_enter(const foreign_code *c, inside_frame *inside) MUST_USE;
void                      foreign_leave(const inside_frame *inside);
extern const routine_rows foreign_no_rows;
/* What the call gave, behind foreign_end: `count` values of `type`, or one for all where `spreads`.
 * `what` is its name in messages: "result". Released in every case. */
status foreign_take(foreign_frame *f, column *out, data_type type, int32_t count, bool spreads,
                    const char *what, arena *a, error *err) MUST_USE;

/* ---- foreign_aggregate.c, foreign_process.c: of routine_class */
status foreign_open(routine_code *c, const routine_rows *constants, void **group, error *err);
void   foreign_drop(routine_code *c, void *group);
status foreign_accumulate(routine_code *c, void *group, const routine_rows *rows, error *err);
status foreign_retract(routine_code *c, void *group, const routine_rows *rows, error *err);
status foreign_merge(routine_code *c, void *group, const void *other, error *err);
status foreign_evaluate(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
                        error *err);
status foreign_save(routine_code *c, void *const *groups, int32_t count, arena *a, column *out,
                    error *err);
status foreign_load(routine_code *c, const routine_rows *constants, const routine_rows *states,
                    void **groups, error *err);
status foreign_process(routine_code *c, const struct routine_process *in, arena *a,
                       struct routine_processed *out, error *err);

#endif
