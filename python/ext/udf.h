/* SPDX-License-Identifier: Apache-2.0 */
/* udf.h - functions of the program: what the files that run Python's share.
 *
 * A call of the engine's becomes a job: Python code that runs with the interpreter on the thread
 * that udf_threads.c picks, watched for its time and for being cancelled. What the engine gives are
 * Columns, which own their Arrow arrays; what Python gives becomes Arrow by a builder. */
#ifndef LAMINAR_PYTHON_UDF_H
#define LAMINAR_PYTHON_UDF_H

#include "connection.h"

/* ---- udf_read.c: values of Arrow arrays as Python objects, in the formats that the engine gives
 */
typedef enum ext_kind {
    EXT_NULL,
    EXT_BOOL,
    EXT_SIGNED,
    EXT_UNSIGNED,
    EXT_FLOAT,
    EXT_DOUBLE,
    EXT_TEXT, /* 32-bit offsets */
    EXT_BLOB,
    EXT_VALUE, /* by laminar_value */
    EXT_LIST,
    EXT_FIXED_LIST,
    EXT_STRUCT,
    EXT_MAP
} ext_kind;

typedef struct ext_type {
    ext_kind     kind;
    laminar_type type;
    int32_t      width; /* bytes of a value; 0: bits, or none. Items of an EXT_FIXED_LIST */
    uint8_t      precision, scale;
} ext_type;
/* -1 with an exception: a format that the engine does not give. */
int ext_type_of(const struct ArrowSchema *schema, ext_type *out);

typedef struct ext_reader {
    ext_type                  type;
    const struct ArrowSchema *schema;
    int64_t                   offset, length;
    const uint8_t            *validity; /* NULL: none is NULL */
    const uint8_t            *data;
    const int32_t            *offsets;
    struct ext_reader        *parts;
    int32_t                   part_count;
} ext_reader;
int       ext_reader_open(ext_reader *r, const struct ArrowSchema *schema,
                          const struct ArrowArray *array);
void      ext_reader_close(ext_reader *r); /* zeros are fine */
PyObject *ext_reader_get(module_state *state, const ext_reader *r, int64_t row);

/* ---- udf_column.c: laminardb._laminardb.Column, an argument of a call */
int       ext_column_setup(PyObject *module, module_state *state);
PyObject *ext_columns_of(module_state *state, const laminar_call *call); /* a tuple */
/* The schemas of a call are over: Columns that live on are memory alone. */
void ext_columns_end(PyObject *columns);

/* ---- udf_build.c: Python values as Arrow arrays */
typedef struct ext_builder {
    module_state             *state;
    const struct ArrowSchema *schema;
    ext_type                  type;
    int64_t                   length, room, nulls;
    uint8_t                  *validity, *data; /* data: values, or offsets */
    char                     *bytes;
    int64_t                   byte_count, byte_room;
    struct ext_builder       *parts;
    int32_t                   part_count;
} ext_builder;
int  ext_builder_open(ext_builder *b, module_state *state, const struct ArrowSchema *schema,
                      int64_t room);
int  ext_builder_add(ext_builder *b, PyObject *v); /* -1 with an exception */
int  ext_builder_finish(ext_builder *b, struct ArrowArray *out);
void ext_builder_close(ext_builder *b); /* zeros, and what is finished, are fine */
/* A list or tuple; or a tuple ("buffer", values, mask or None) of fixed-width values, a byte each
 * of booleans. */
int ext_array_build(module_state *state, const struct ArrowSchema *schema, PyObject *values,
                    struct ArrowArray *out);
/* *schema for a consumer, which releases it before *schema goes. */
void ext_schema_lend(const struct ArrowSchema *schema, struct ArrowSchema *out);

/* ---- udf_threads.c */
typedef struct ext_job {
    void (*run)(struct ext_job *job); /* with the interpreter */
    module_state       *state;
    const laminar_call *call; /* NULL: cannot be cancelled */
    const char         *name; /* of the function */
    PyObject           *glue; /* which knows the function */
    int64_t             timeout_ms;
    laminar_error      *err;
    laminar_status      status; /* what run leaves */
    bool                here;   /* on a thread of Python's that is in a call */
    /* of the threads' */
    bool            is_begun, is_done;
    struct ext_job *next;
    struct watched *watch;
} ext_job;
/* Within run, after an exception: why it was stopped, or NULL. */
const char    *ext_job_stopped(const ext_job *job, char *out, size_t size);
laminar_status ext_job_refuse(const ext_job *job, const char *why);
laminar_status ext_job_run(ext_job *job);
/* Any thread, with or without the interpreter: the reference goes when Python runs next. */
void ext_garbage(PyObject *o);
void ext_garbage_drain(void);          /* with the interpreter */
bool ext_jobs_end(int64_t timeout_ms); /* at exit, without the interpreter; false: one is stuck */
bool ext_jobs_stuck(void);

/* ---- udf.c */
/* What run does when Python raised: the engine's error of it. */
void ext_job_failed(ext_job *job);
/* At the end of a call into the engine that went well: `result`, or NULL when a function raised
 * what is no Exception (KeyboardInterrupt, SystemExit). */
PyObject *ext_call_end(module_state *state, PyObject *result);
/* The same for a call that failed: the error to raise, with its traceback and cause. Takes over
 * `error`; gives what is to be raised. */
PyObject *ext_call_explain(module_state *state, PyObject *error, PyObject *message);
int       ext_udf_setup(module_state *state); /* at the first registration */

typedef struct ext_udf {
    module_state       *state;
    PyObject           *glue;        /* of laminardb.udfs */
    PyObject           *capsules[2]; /* of the schemas of result and state; state may be NULL */
    struct ArrowSchema *result, *saved;
    int64_t             timeout_ms;
    bool                by_row;
    char                name[];
} ext_udf;

laminar_status ext_scalar_call(void *context, const laminar_call *call, struct ArrowArray *out,
                               struct ArrowSchema *type, laminar_error *err);
laminar_status ext_processor_run(void *context, const laminar_process *call, struct ArrowArray *out,
                                 struct ArrowSchema *out_type, int64_t *out_counts,
                                 struct ArrowArray *states, struct ArrowSchema *states_type,
                                 laminar_error *err);
void           ext_aggregate_fill(laminar_aggregate *a); /* its functions */
/* What a call of glue gave: None when it filled *out itself, else values. */
int ext_result_take(const ext_udf *f, const struct ArrowSchema *schema, PyObject *given,
                    struct ArrowArray *out, struct ArrowSchema *type);

/* udf.c: methods */
PyObject *ext_connection_register_scalar(PyObject *o, PyObject *args);
PyObject *ext_connection_register_aggregate(PyObject *o, PyObject *args);
PyObject *ext_connection_register_processor(PyObject *o, PyObject *args);
PyObject *ext_connection_register_native(PyObject *o, PyObject *args);
PyObject *ext_connection_unregister(PyObject *o, PyObject *name);

#endif
