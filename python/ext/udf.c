/* SPDX-License-Identifier: Apache-2.0 */
/* udf.c - functions of the program: registering, and what becomes of their exceptions.
 *
 * An exception becomes the engine's error by its text; laminardb.udfs remembers its traceback, and
 * on a thread that is in a call of Python's the exception itself, until that call ends: there an
 * error with that text gets both, and what is no Exception (KeyboardInterrupt, SystemExit) is
 * raised again as it is. */
#include "udf.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local bool failed_here; /* laminardb.udfs remembers something for this thread */
static _Atomic bool       failed_ever;

int
ext_udf_setup(module_state *state) {
    if (state->udf_module != NULL) {
        return 0;
    }
    PyObject *module = PyImport_ImportModule("laminardb.udfs");
    PyObject *stopped = module == NULL ? NULL : PyObject_GetAttrString(module, "Stopped");
    if (stopped == NULL) {
        Py_XDECREF(module);
        return -1;
    }
    state->stopped_class = stopped;
    state->udf_module = module;
    return 0;
}

/* ---------------------------------------------------------------------------------- exceptions */
void
ext_job_failed(ext_job *job) {
    PyObject   *type, *value, *trace;
    char        why[128];
    const char *stopped = ext_job_stopped(job, why, sizeof(why));
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (value != NULL && trace != NULL) {
        (void)PyException_SetTraceback(value, trace);
    }
    PyObject   *text = value == NULL ? NULL
                                     : PyObject_CallMethod(job->state->udf_module, "_failure",
                                                           "OsOzO", value, job->name, job->glue,
                                                           stopped, job->here ? Py_True : Py_False);
    const char *shown = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
    failed_ever = true;
    failed_here = failed_here || job->here;
    job->status = ext_job_refuse(job, shown != NULL     ? shown
                                      : stopped != NULL ? stopped
                                                        : "it raised an exception");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

PyObject *
ext_call_end(module_state *state, PyObject *result) {
    ext_garbage_drain();
    if (!failed_here || result == NULL) {
        return result;
    }
    failed_here = false;
    PyObject *raised = PyObject_CallMethod(state->udf_module, "_settle", NULL);
    if (raised == NULL || raised != Py_None) {
        if (raised != NULL) {
            PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        }
        Py_CLEAR(result);
    }
    Py_XDECREF(raised);
    return result;
}

PyObject *
ext_call_explain(module_state *state, PyObject *error, PyObject *message) {
    if (!failed_ever || state->udf_module == NULL) {
        return error;
    }
    failed_here = false;
    PyObject *better = PyObject_CallMethod(state->udf_module, "_explain", "OO", error, message);
    if (better == NULL) {
        PyErr_Clear();
        return error;
    }
    Py_DECREF(error);
    return better;
}

/* ---------------------------------------------------------------------------------- registering */
static void
udf_close(void *context) {
    ext_udf *f = context;
    ext_garbage(f->glue);
    ext_garbage(f->capsules[0]);
    ext_garbage(f->capsules[1]);
    free(f);
}

/* The one column of a schema in a capsule. */
static struct ArrowSchema *
column_of(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema == NULL || schema->n_children != 1) {
        return NULL;
    }
    return schema->children[0];
}

static ext_udf *
udf_open(module_state *state, const char *name, PyObject *glue, PyObject *result, PyObject *saved) {
    const size_t size = strlen(name) + 1;
    ext_udf     *f = ext_udf_setup(state) < 0 ? NULL : calloc(1, sizeof(*f) + size);
    if (f == NULL) {
        return PyErr_Occurred() ? NULL : (ext_udf *)PyErr_NoMemory();
    }
    f->state = state;
    memcpy(f->name, name, size);
    f->result = result == Py_None ? NULL : column_of(result);
    f->saved = saved == Py_None ? NULL : column_of(saved);
    if (PyErr_Occurred()) {
        free(f);
        return NULL;
    }
    f->glue = Py_NewRef(glue);
    f->capsules[0] = Py_NewRef(result);
    f->capsules[1] = Py_NewRef(saved);
    return f;
}

enum { ARGUMENTS_MAX = 64 };

/* None: any number, each as it is (-1). The texts are borrowed. */
static int
read_types(PyObject *given, const char **out, int32_t *count) {
    *count = -1;
    if (given == Py_None) {
        return 0;
    }
    const Py_ssize_t size = PyTuple_Size(given);
    if (size < 0 || size > ARGUMENTS_MAX) {
        PyErr_Format(PyExc_ValueError, "a function has at most %d arguments", ARGUMENTS_MAX);
        return -1;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        out[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(given, i), NULL);
        if (out[i] == NULL) {
            return -1;
        }
    }
    *count = (int32_t)size;
    return 0;
}

static PyObject *
registered(connection_object *self, laminar_status s, const laminar_error *err) {
    if (s < 0) {
        ext_garbage_drain();
        return ext_raise_error(self->state, err);
    }
    return ext_call_end(self->state, Py_NewRef(Py_None));
}

/* _register_scalar(name, glue, by_row, flags, arguments, result, is_rows, version, timeout_ms,
 * capsule) */
PyObject *
ext_connection_register_scalar(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    laminar_scalar     f = LAMINAR_SCALAR_INIT;
    const char        *name, *types[ARGUMENTS_MAX];
    PyObject          *glue, *arguments, *capsule;
    int                by_row, is_rows;
    long long          timeout_ms;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sOpIOspzLO:_register_scalar", &name, &glue, &by_row, &f.flags,
                          &arguments, &f.result, &is_rows, &f.version, &timeout_ms, &capsule) ||
        read_types(arguments, types, &f.argument_count) < 0) {
        return NULL;
    }
    ext_udf *context = udf_open(self->state, name, glue, capsule, Py_None);
    if (context == NULL) {
        return NULL;
    }
    context->by_row = by_row != 0;
    context->timeout_ms = timeout_ms;
    f.arguments = types;
    f.is_rows = is_rows != 0;
    f.call = ext_scalar_call;
    f.close = udf_close;
    f.context = context;
    ENGINE_CALL(s = laminar_database_register_scalar(self->db, name, &f, &err));
    if (s < 0) {
        udf_close(context);
    }
    return registered(self, s, &err);
}

/* _register_native(name, address, flags, arguments, result, version, context_address) */
PyObject *
ext_connection_register_native(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    laminar_scalar     f = LAMINAR_SCALAR_INIT;
    const char        *name, *types[ARGUMENTS_MAX];
    PyObject          *arguments;
    unsigned long long address, context;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sKIOszK:_register_native", &name, &address, &f.flags, &arguments,
                          &f.result, &f.version, &context) ||
        read_types(arguments, types, &f.argument_count) < 0) {
        return NULL;
    }
    const uintptr_t code = (uintptr_t)address, data = (uintptr_t)context;
    f.arguments = types;
    memcpy(&f.call, &code, sizeof(f.call));
    memcpy(&f.context, &data, sizeof(f.context));
    ENGINE_CALL(s = laminar_database_register_scalar(self->db, name, &f, &err));
    return registered(self, s, &err);
}

/* _register_aggregate(name, glue, flags, arguments, result, state, version, timeout_ms,
 * can_retract, can_merge, capsule, state capsule) */
PyObject *
ext_connection_register_aggregate(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    laminar_aggregate  f = LAMINAR_AGGREGATE_INIT;
    const char        *name, *types[ARGUMENTS_MAX];
    PyObject          *glue, *arguments, *capsule, *state_capsule;
    int                can_retract, can_merge;
    long long          timeout_ms;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sOIOszzLppOO:_register_aggregate", &name, &glue, &f.flags,
                          &arguments, &f.result, &f.state, &f.version, &timeout_ms, &can_retract,
                          &can_merge, &capsule, &state_capsule) ||
        read_types(arguments, types, &f.argument_count) < 0) {
        return NULL;
    }
    ext_udf *context = udf_open(self->state, name, glue, capsule, state_capsule);
    if (context == NULL) {
        return NULL;
    }
    context->timeout_ms = timeout_ms;
    ext_aggregate_fill(&f);
    f.arguments = types;
    f.retract = can_retract ? f.retract : NULL;
    f.merge = can_merge ? f.merge : NULL;
    f.save = f.state == NULL ? NULL : f.save;
    f.load = f.state == NULL ? NULL : f.load;
    f.close = udf_close;
    f.context = context;
    ENGINE_CALL(s = laminar_database_register_aggregate(self->db, name, &f, &err));
    if (s < 0) {
        udf_close(context);
    }
    return registered(self, s, &err);
}

/* _register_processor(name, glue, flags, result, state, version, timeout_ms, capsule, state
 * capsule)
 */
PyObject *
ext_connection_register_processor(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    laminar_processor  f = LAMINAR_PROCESSOR_INIT;
    const char        *name;
    PyObject          *glue, *capsule, *state_capsule;
    long long          timeout_ms;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sOIsszLOO:_register_processor", &name, &glue, &f.flags, &f.result,
                          &f.state, &f.version, &timeout_ms, &capsule, &state_capsule)) {
        return NULL;
    }
    ext_udf *context = udf_open(self->state, name, glue, capsule, state_capsule);
    if (context == NULL) {
        return NULL;
    }
    context->timeout_ms = timeout_ms;
    f.process = ext_processor_run;
    f.close = udf_close;
    f.context = context;
    ENGINE_CALL(s = laminar_database_register_processor(self->db, name, &f, &err));
    if (s < 0) {
        udf_close(context);
    }
    return registered(self, s, &err);
}

PyObject *
ext_connection_unregister(PyObject *o, PyObject *name) {
    connection_object *self = (connection_object *)o;
    const char        *text = PyUnicode_AsUTF8AndSize(name, NULL);
    laminar_error      err;
    laminar_status     s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_unregister(self->db, text, &err));
    return registered(self, s, &err);
}
