/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c - register_sink: deliveries of a sink go to a Python object. The engine's thread of the
 * sink calls; it takes the GIL for each delivery and holds nothing of the engine meanwhile. */
#include <string.h>

#include "connection.h"

typedef struct target {
    module_state *state;
    PyObject     *object; /* has write, flush and close: see laminardb.sinks */
} target;

static laminar_status
sink_write(void *context, laminar_result *rows, laminar_error *err) {
    const target          *t = context;
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyObject              *batch = ext_result_wrap(t->state, rows);
    PyObject *answer = batch == NULL ? NULL : PyObject_CallMethod(t->object, "write", "O", batch);
    const laminar_status s = answer == NULL ? ext_take_exception(err, 800) : LAMINAR_OK;
    Py_XDECREF(answer);
    Py_XDECREF(batch);
    PyGILState_Release(gil);
    return s;
}

static laminar_status
sink_flush(void *context, laminar_error *err) {
    const target          *t = context;
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyObject              *answer = PyObject_CallMethod(t->object, "flush", NULL);
    const laminar_status   s = answer == NULL ? ext_take_exception(err, 800) : LAMINAR_OK;
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return s;
}

static void
sink_close(void *context) {
    target                *t = context;
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyObject              *answer = PyObject_CallMethod(t->object, "close", NULL);
    if (answer == NULL) {
        PyErr_WriteUnraisable(t->object);
    }
    Py_XDECREF(answer);
    Py_DECREF(t->object);
    PyMem_Free(t);
    PyGILState_Release(gil);
}

/* _register_sink(name, object); None takes it away. */
PyObject *
ext_connection_register_sink(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    const char        *name;
    PyObject          *object;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sO:_register_sink", &name, &object)) {
        return NULL;
    }
    target *t = NULL;
    if (object != Py_None) {
        t = PyMem_Malloc(sizeof(*t));
        if (t == NULL) {
            return PyErr_NoMemory();
        }
        *t = (target){.state = self->state, .object = Py_NewRef(object)};
    }
    const laminar_sink_writer writer = {
        .write = sink_write, .flush = sink_flush, .close = sink_close, .context = t};
    ENGINE_CALL(
        s = laminar_database_register_sink(self->db, name, t == NULL ? NULL : &writer, &err));
    if (s < 0) {
        if (t != NULL) {
            Py_DECREF(t->object);
            PyMem_Free(t);
        }
        return ext_raise_error(self->state, &err);
    }
    Py_RETURN_NONE;
}
