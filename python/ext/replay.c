/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - laminardb._laminardb.Replay: the rows of a source again, batch by batch. */
#include "connection.h"

typedef struct replay_object {
    PyObject        ob_base;
    module_state   *state;
    laminar_replay *handle;
} replay_object;

static PyObject *
replay_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char  *names[] = {"connection", "source", "start_us", "end_us", "speed", NULL};
    module_state *state = ext_state_of_type(type);
    PyObject     *connection;
    const char   *source;
    long long     start_us, end_us;
    double        speed;
    laminar_error err;
    if (state == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "O!sLLd:Replay", names, state->connection_type,
                                     &connection, &source, &start_us, &end_us, &speed)) {
        return NULL;
    }
    allocfunc      alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    replay_object *self = (replay_object *)(void *)alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    laminar_database *db = ((connection_object *)connection)->db;
    laminar_status    s;
    self->state = state;
    ENGINE_CALL(s = laminar_replay_open(&self->handle, db, source, start_us, end_us, speed, &err));
    if (s < 0) {
        Py_DECREF(self);
        return ext_raise_error(state, &err);
    }
    return (PyObject *)self;
}

static void
replay_dealloc(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    ENGINE_CALL(laminar_replay_close(((replay_object *)o)->handle));
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

static PyObject *
replay_next(PyObject *o, PyObject *unused) {
    replay_object  *self = (replay_object *)o;
    laminar_result *rows = NULL;
    laminar_error   err;
    laminar_status  s;
    (void)unused;
    ENGINE_CALL(s = laminar_replay_next(self->handle, &rows, &err));
    if (s == LAMINAR_DONE) {
        Py_RETURN_NONE;
    }
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

static PyMethodDef replay_methods[] = {
    {"next", replay_next, METH_NOARGS,
     PyDoc_STR("next($self)\n--\n\nThe next batch, when it is due; None: there are no more.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot replay_slots[] = {
    {Py_tp_doc, PyDoc_STR("The rows of a source again; one thread at a time.")},
    {Py_tp_new, replay_new},
    {Py_tp_dealloc, replay_dealloc},
    {Py_tp_methods, replay_methods},
    {0, NULL},
};

static PyType_Spec replay_spec = {
    .name = "laminardb._laminardb.Replay",
    .basicsize = sizeof(replay_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = replay_slots,
};

int
ext_replay_setup(PyObject *module, module_state *state) {
    state->replay_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &replay_spec, NULL);
    return state->replay_type == NULL ? -1 : PyModule_AddType(module, state->replay_type);
}
