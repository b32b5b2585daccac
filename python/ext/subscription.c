/* SPDX-License-Identifier: Apache-2.0 */
/* subscription.c - laminardb._laminardb.Subscription: the changes of one query. It has no thread;
 * waiting drops the GIL and sleeps in the engine.
 *
 * Reads of one subscription are serialised by `reading`, which is waited for as long as for rows.
 * cancel and the state may come from any thread. */
#include "docs.h"
#include "state.h"

#include <time.h>
#include <unistd.h>

typedef struct subscription_object {
    PyObject              ob_base;
    module_state         *state;
    laminar_subscription *handle;
    PyThread_type_lock    reading;
    pid_t                 process; /* that made it */
} subscription_object;

PyObject *
ext_subscription_wrap(PyTypeObject *type, laminar_subscription *s, PyObject *owner) {
    (void)owner;
    module_state        *state = ext_state_of_type(type);
    allocfunc            alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    subscription_object *self =
        state == NULL ? NULL : (subscription_object *)(void *)alloc(type, 0);
    if (self == NULL) {
        laminar_subscription_close(s);
        return NULL;
    }
    self->state = state;
    self->handle = s;
    self->process = getpid();
    self->reading = PyThread_allocate_lock();
    if (self->reading == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void
subscription_dealloc(PyObject *o) {
    subscription_object *self = (subscription_object *)o;
    PyTypeObject        *type = Py_TYPE(o);
    ENGINE_CALL(laminar_subscription_close(self->handle));
    if (self->reading != NULL) {
        PyThread_free_lock(self->reading);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

static int64_t
now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* One sleep of at most timeout_us (negative: no limit) without the GIL. */
static laminar_status
wait_once(subscription_object *self, int64_t timeout_us, laminar_result **rows, bool *interrupted,
          laminar_error *err) {
    laminar_status s = LAMINAR_DONE;
    ENGINE_CALL({
        const int64_t      start = now_us();
        const PyLockStatus lock = PyThread_acquire_lock_timed(self->reading, timeout_us, 1);
        if (lock == PY_LOCK_ACQUIRED) {
            const int64_t left = timeout_us < 0 ? -1 : timeout_us - (now_us() - start);
            s = laminar_subscription_next(self->handle, timeout_us >= 0 && left < 0 ? 0 : left,
                                          rows, interrupted, err);
            PyThread_release_lock(self->reading);
        } else {
            *interrupted = lock == PY_LOCK_INTR;
        }
    });
    return s;
}

/* In a forked child nobody may ever unlock `reading`; the engine says why it refuses. */
static bool
refuses_fork(subscription_object *self) {
    laminar_result *rows = NULL;
    laminar_error   err;
    if (self->process == getpid() ||
        laminar_subscription_next(self->handle, 0, &rows, NULL, &err) >= 0) {
        return false;
    }
    ext_raise_error(self->state, &err);
    return true;
}

static PyObject *
next_rows(subscription_object *self, int64_t timeout_us) {
    laminar_result *rows = NULL;
    laminar_error   err;
    if (refuses_fork(self)) {
        return NULL;
    }
    const int64_t start = now_us();
    int64_t       left = timeout_us;
    for (;;) {
        bool                 interrupted = false;
        const laminar_status s = wait_once(self, left, &rows, &interrupted, &err);
        if (s < 0) {
            return ext_raise_error(self->state, &err);
        }
        if (s == LAMINAR_OK) {
            return ext_result_wrap(self->state, rows);
        }
        if (!interrupted) {
            Py_RETURN_NONE;
        }
        if (PyErr_CheckSignals() < 0) {
            return NULL;
        }
        if (timeout_us >= 0) { /* a handler ran and did not raise: wait for the rest of the time */
            left = timeout_us - (now_us() - start);
            left = left < 0 ? 0 : left;
        }
    }
}

static PyObject *
subscription_try_next(PyObject *o, PyObject *unused) {
    (void)unused;
    subscription_object *self = (subscription_object *)o;
    if (refuses_fork(self)) {
        return NULL;
    }
    /* Another thread may be asleep in next(): then there is nothing to take without waiting for it.
     */
    if (!PyThread_acquire_lock(self->reading, NOWAIT_LOCK)) {
        Py_RETURN_NONE;
    }
    laminar_result      *rows = NULL;
    laminar_error        err;
    const laminar_status s = laminar_subscription_next(self->handle, 0, &rows, NULL, &err);
    PyThread_release_lock(self->reading);
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    if (s == LAMINAR_OK) {
        return ext_result_wrap(self->state, rows);
    }
    Py_RETURN_NONE;
}

static PyObject *
subscription_next(PyObject *o, PyObject *unused) {
    (void)unused;
    return next_rows((subscription_object *)o, -1);
}

static PyObject *
subscription_next_timeout(PyObject *o, PyObject *timeout) {
    const double ms = PyFloat_AsDouble(timeout);
    if (ms == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    if (!(ms >= 0)) {
        PyErr_SetString(PyExc_ValueError, "timeout_ms must be 0 or more");
        return NULL;
    }
    if (ms == 0) {
        return subscription_try_next(o, NULL);
    }
    return next_rows((subscription_object *)o, ms > 9e12 ? -1 : 1 + (int64_t)(ms * 1000));
}

static PyObject *
subscription_iter(PyObject *o) {
    return Py_NewRef(o);
}

static PyObject *
subscription_iternext(PyObject *o) {
    PyObject *rows = next_rows((subscription_object *)o, -1);
    if (rows == Py_None) {
        Py_DECREF(rows);
        return NULL; /* StopIteration */
    }
    return rows;
}

static PyObject *
subscription_cancel(PyObject *o, PyObject *unused) {
    (void)unused;
    ENGINE_CALL(laminar_subscription_cancel(((subscription_object *)o)->handle));
    Py_RETURN_NONE;
}

static PyObject *
get_state(PyObject *o, void *unused) {
    (void)unused;
    static const char *const names[] = {"active", "finished", "cancelled"};
    return PyUnicode_FromString(
        names[laminar_subscription_state(((subscription_object *)o)->handle)]);
}

static PyObject *
get_lag(PyObject *o, void *unused) {
    (void)unused;
    subscription_object *self = (subscription_object *)o;
    return refuses_fork(self) ? NULL
                              : PyLong_FromLongLong(laminar_subscription_lag(self->handle, NULL));
}

static PyObject *
get_dropped(PyObject *o, void *unused) {
    (void)unused;
    int64_t              dropped;
    subscription_object *self = (subscription_object *)o;
    if (refuses_fork(self)) {
        return NULL;
    }
    (void)laminar_subscription_lag(self->handle, &dropped);
    return PyLong_FromLongLong(dropped);
}

static PyObject *
subscription_schema(PyObject *o, PyObject *unused) {
    (void)unused;
    subscription_object *self = (subscription_object *)o;
    struct ArrowSchema   schema;
    laminar_error        err;
    if (refuses_fork(self)) {
        return NULL;
    }
    if (laminar_subscription_schema(self->handle, &schema, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_schema_capsule(&schema);
}

static PyObject *
subscription_key_columns(PyObject *o, PyObject *unused) {
    (void)unused;
    const subscription_object *self = (const subscription_object *)o;
    int32_t                    columns[1024];
    int32_t count = laminar_subscription_key_columns(self->handle, columns, 1024);
    if (count < 0) {
        Py_RETURN_NONE;
    }
    count = count > 1024 ? 0 : count;
    PyObject *list = PyList_New(count);
    for (int32_t i = 0; list != NULL && i < count; i++) {
        PyObject *at = PyLong_FromLong(columns[i]);
        if (at == NULL || PyList_SetItem(list, i, at) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *
subscription_notify(PyObject *o, PyObject *args) {
    const subscription_object *self = (const subscription_object *)o;
    PyObject                  *target;
    unsigned long long         tag;
    laminar_error              err;
    if (!PyArg_ParseTuple(args, "OK:_notify", &target, &tag)) {
        return NULL;
    }
    laminar_notifier *n = ext_notifier_of(self->state, target);
    if (n == NULL) {
        return NULL;
    }
    if (laminar_subscription_notify(self->handle, n, tag, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    Py_RETURN_NONE;
}

static PyMethodDef subscription_methods[] = {
    {"try_next", subscription_try_next, METH_NOARGS, ext_doc_try_next},
    {"next", subscription_next, METH_NOARGS, ext_doc_next},
    {"next_timeout", subscription_next_timeout, METH_O, ext_doc_next_timeout},
    {"cancel", subscription_cancel, METH_NOARGS, ext_doc_cancel},
    {"_notify", subscription_notify, METH_VARARGS,
     PyDoc_STR("_notify($self, notifier, tag, /)\n--\n\nOnce, as soon as there is something to "
               "read, the notifier gives the tag.")},
    {"_key_columns", subscription_key_columns, METH_NOARGS,
     PyDoc_STR("_key_columns($self)\n--\n\nColumns that identify a row of an updating result; "
               "empty: all together.")},
    {"_schema_capsule", subscription_schema, METH_NOARGS,
     PyDoc_STR("_schema_capsule($self)\n--\n\nAn arrow_schema capsule.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef subscription_attributes[] = {
    {"_state", get_state, NULL, PyDoc_STR("'active', 'finished' or 'cancelled'."), NULL},
    {"lag", get_lag, NULL, ext_doc_lag, NULL},
    {"dropped", get_dropped, NULL, ext_doc_dropped, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot subscription_slots[] = {
    {Py_tp_doc, PyDoc_STR("The changes of one query.")},
    {Py_tp_dealloc, subscription_dealloc},
    {Py_tp_methods, subscription_methods},
    {Py_tp_getset, subscription_attributes},
    {Py_tp_iter, subscription_iter},
    {Py_tp_iternext, subscription_iternext},
    {0, NULL},
};

static PyType_Spec subscription_spec = {
    .name = "laminardb._laminardb.Subscription",
    .basicsize = sizeof(subscription_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = subscription_slots,
};

int
ext_subscription_setup(PyObject *module, module_state *state) {
    state->subscription_type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &subscription_spec, NULL);
    return state->subscription_type == NULL ? -1
                                            : PyModule_AddType(module, state->subscription_type);
}
