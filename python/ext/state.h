/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - what the files of the extension share: module state, errors, the type set-up functions.
 *
 * Everything per interpreter lives in module_state; there are no static Python objects. The
 * extension uses laminar.h and the limited API of 3.11 only, and of a Python without a GIL, which
 * has no limited API, critical sections: what an object of ours holds beside its handle, which is
 * the engine's to guard, is atomic or owned by whoever set a flag. */
#ifndef LAMINAR_PYTHON_STATE_H
#define LAMINAR_PYTHON_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>

#include "laminar.h"

typedef struct module_state {
    PyTypeObject *connection_type, *result_type, *subscription_type, *notifier_type, *replay_type,
        *column_type;
    PyObject *errors;        /* the module laminardb.errors */
    PyObject *udf_module;    /* laminardb.udfs; NULL: no function was registered yet */
    PyObject *stopped_class; /* its Stopped */
    PyObject *result_class;  /* what queries and subscriptions give: laminardb's QueryResult */
    /* imported when they are first needed */
    PyObject             *datetime_class, *date_class, *time_class, *timedelta_class;
    PyObject             *decimal_class, *uuid_class, *interval_class;
    _Atomic unsigned long main_thread; /* where signal handlers run; 0: not asked yet */
    PyObject             *epoch;       /* datetime(1970, 1, 1) */
    PyObject             *epoch_date;  /* date(1970, 1, 1) */
    PyObject             *epoch_utc;   /* the same, aware */
    /* interned names */
    PyObject *arrow_c_stream, *arrow_c_array, *array_protocol, *fields, *dataclass_fields, *tzinfo,
        *days, *seconds, *microseconds, *item;
} module_state;

module_state *ext_state_of_module(PyObject *module);
module_state *ext_state_of_type(
    PyTypeObject *type); /* of a type made by this module, or a subclass */

int ext_connection_setup(PyObject *module, module_state *state);
int ext_result_setup(PyObject *module, module_state *state);
int ext_subscription_setup(PyObject *module, module_state *state);
int ext_notifier_setup(PyObject *module, module_state *state);
int ext_replay_setup(PyObject *module, module_state *state);

/* Sets the Python exception for err; returns NULL. */
PyObject *ext_raise_error(module_state *state, const laminar_error *err);
/* The other way: the Python exception that is set, and is no more, as the engine's error. */
laminar_status ext_take_exception(laminar_error *err, int32_t code);

/* A QueryResult (state->result_class) that takes over r. */
PyObject *ext_result_wrap(module_state *state, laminar_result *r);
/* A subscription of the given Python class (a subclass of the C type) that takes over s. */
PyObject *ext_subscription_wrap(PyTypeObject *type, laminar_subscription *s, PyObject *owner);
/* The engine's notifier behind a Notifier; borrowed. NULL with an exception: it is no Notifier. */
laminar_notifier *ext_notifier_of(module_state *state, PyObject *o);
/* A capsule "arrow_schema" that takes over a heap-allocated copy of *schema. */
PyObject *ext_schema_capsule(struct ArrowSchema *schema);

/* A capsule "arrow_array_stream" that takes over *stream, also when it fails (NULL). */
PyObject *ext_stream_capsule(struct ArrowArrayStream *stream);
/* resolver.c: asks a laminardb.scan.Resolver, which is borrowed. */
laminar_resolver ext_resolver(PyObject *of);

/* rows.c: appends Python data to an appender. -1 with an exception set. */
int ext_rows_append(module_state *state, laminar_appender *a, PyObject *data);

/* module.c: the classes of datetime, which are imported when the first time needs them. */
int ext_times_import(module_state *state);

/* scalars.c: all classes of values now, where the first use of one is no moment of one thread. */
int ext_scalars_import(module_state *state);
/* scalars.c: a value of a result as a Python object. */
PyObject *ext_value_object(module_state *state, const laminar_value *v);
/* A datetime, date, time, timedelta, Decimal, UUID, bytes or int as a value; bytes are borrowed. 1:
 * it is one; 0: none of them; -1: an exception is set. */
int ext_value_read(module_state *state, PyObject *v, laminar_value *out);
/* An int of up to 128 bits; 0: it has more. */
int ext_long_read(PyObject *v, laminar_value *out);

/* Days, seconds and microseconds of a timedelta, exact; microseconds since 1970 of a datetime (a
 * naive one as it stands, an aware one in UTC); days since 1970 of a date. -1 with an exception. */
int ext_timedelta_us(module_state *state, PyObject *span, long long *us);
int ext_datetime_us(module_state *state, PyObject *v, long long *us);
int ext_date_days(module_state *state, PyObject *v, long long *days);

/* nested.c */
PyObject *ext_nested_object(module_state *state, const laminar_value *v);
/* What a tree of values borrows from: freed when the engine has read it. Starts as zeros. */
typedef struct ext_tree {
    void     *blocks;
    PyObject *kept;
} ext_tree;
bool ext_is_nested(PyObject *v); /* a list, tuple, dict or array */
int  ext_tree_read(module_state *state, ext_tree *t, PyObject *v, laminar_value *out);
void ext_tree_free(ext_tree *t);

/* parameters.c: a sequence or a mapping as values for a statement; `given` None: no values. The
 * texts are borrowed from objects that `ext_parameters_free` lets go. */
typedef struct ext_parameters {
    laminar_value *values;
    const char   **names; /* NULL: by position */
    int32_t        count;
    PyObject      *held;
    ext_tree       tree;
} ext_parameters;
int  ext_parameters_read(module_state *state, PyObject *given, ext_parameters *out);
void ext_parameters_free(ext_parameters *p);

/* External names carry ext_: the engine is linked statically beside them and has names of its own.
 */

/* Drops the GIL around a call that may wait or work. */
/* clang-format off */
#define ENGINE_CALL(call) Py_BEGIN_ALLOW_THREADS call; Py_END_ALLOW_THREADS
/* clang-format on */

/* What a list or dict holds is borrowed between these two: without a GIL nobody changes it
 * meanwhile, but where the code waits or runs Python, as with one. */
#ifdef Py_GIL_DISABLED
#define EXT_HOLD_BEGIN(o) Py_BEGIN_CRITICAL_SECTION(o);
#define EXT_HOLD_END() Py_END_CRITICAL_SECTION();
#else
#define EXT_HOLD_BEGIN(o) {
#define EXT_HOLD_END() }
#endif

/* Loops over rows let other threads run and look for signals once in so many rows: -1 with what a
 * handler raised. Anything may have happened to objects that others know. */
#define EXT_LOOK 8192
static inline int
ext_look(void) {
    ENGINE_CALL();
    return PyErr_CheckSignals();
}

#endif
