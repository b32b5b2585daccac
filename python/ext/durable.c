/* SPDX-License-Identifier: Apache-2.0 */
/* durable.c - checkpoints of a connection: see laminar_durable.h. */
#include "connection.h"

PyObject *
ext_connection_checkpoint(PyObject *o, PyObject *unused) {
    connection_object *self = (connection_object *)o;
    int64_t            id = 0;
    laminar_error      err;
    laminar_status     s;
    (void)unused;
    ENGINE_CALL(s = laminar_database_checkpoint(self->db, &id, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : PyLong_FromLongLong(id);
}

PyObject *
ext_connection_restore(PyObject *o, PyObject *id) {
    connection_object *self = (connection_object *)o;
    const long long    number = PyLong_AsLongLong(id);
    laminar_error      err;
    laminar_status     s;
    if (number == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_restore(self->db, number, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    Py_RETURN_NONE;
}

PyObject *
ext_connection_checkpoints(PyObject *o, PyObject *unused) {
    connection_object *self = (connection_object *)o;
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    (void)unused;
    ENGINE_CALL(s = laminar_database_checkpoints(self->db, &rows, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

/* (enabled, interval_ms, wal_bytes, last_id, created_us, duration_us, stall_us) */
PyObject *
ext_connection_checkpoint_status(PyObject *o, PyObject *unused) {
    connection_object        *self = (connection_object *)o;
    laminar_checkpoint_status c = {.size = sizeof(c)};
    laminar_error             err;
    laminar_status            s;
    (void)unused;
    ENGINE_CALL(s = laminar_database_checkpoint_status(self->db, &c, &err));
    return s < 0 ? ext_raise_error(self->state, &err)
                 : Py_BuildValue("OLLLLLL", c.enabled ? Py_True : Py_False,
                                 (long long)c.interval_ms, (long long)c.wal_bytes,
                                 (long long)c.last_id, (long long)c.last_created_us,
                                 (long long)c.last_duration_us, (long long)c.last_stall_us);
}
