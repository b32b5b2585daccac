/* SPDX-License-Identifier: Apache-2.0 */
/* notifier.c - laminardb._laminardb.Notifier: one descriptor that tells an event loop which
 * subscriptions have something to read. */
#include "state.h"

typedef struct notifier_object {
    PyObject          ob_base;
    module_state     *state;
    laminar_notifier *handle;
} notifier_object;

static PyObject *
notifier_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char  *names[] = {NULL};
    laminar_error err;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Notifier", names)) {
        return NULL;
    }
    module_state    *state = ext_state_of_type(type);
    allocfunc        alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    notifier_object *self = state == NULL ? NULL : (notifier_object *)(void *)alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->state = state;
    if (laminar_notifier_open(&self->handle, &err) < 0) {
        Py_DECREF(self);
        return ext_raise_error(state, &err);
    }
    return (PyObject *)self;
}

static void
notifier_dealloc(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    laminar_notifier_close(((notifier_object *)o)->handle);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

laminar_notifier *
ext_notifier_of(module_state *state, PyObject *o) {
    if (!PyObject_TypeCheck(o, state->notifier_type)) {
        PyErr_SetString(PyExc_TypeError, "not a Notifier");
        return NULL;
    }
    return ((notifier_object *)o)->handle;
}

static PyObject *
notifier_fileno(PyObject *o, PyObject *unused) {
    (void)unused;
    return PyLong_FromLong(laminar_notifier_fd(((notifier_object *)o)->handle));
}

static PyObject *
notifier_take(PyObject *o, PyObject *arg) {
    uint64_t   tags[256];
    const long wanted = PyLong_AsLong(arg);
    if (wanted == -1 && PyErr_Occurred()) {
        return NULL;
    }
    const int32_t capacity = wanted < 0 ? 0 : wanted > 256 ? 256 : (int32_t)wanted;
    const int32_t count = laminar_notifier_take(((notifier_object *)o)->handle, tags, capacity);
    PyObject     *list = PyList_New(count);
    for (int32_t i = 0; list != NULL && i < count; i++) {
        PyObject *tag = PyLong_FromUnsignedLongLong(tags[i]);
        if (tag == NULL || PyList_SetItem(list, i, tag) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyMethodDef notifier_methods[] = {
    {"fileno", notifier_fileno, METH_NOARGS,
     PyDoc_STR("fileno($self)\n--\n\nReadable while take has something to give.")},
    {"take", notifier_take, METH_O,
     PyDoc_STR("take($self, count, /)\n--\n\nTags of subscriptions that became ready, oldest "
               "first: at most `count`, at most 256.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot notifier_slots[] = {
    {Py_tp_doc, PyDoc_STR("One descriptor for many subscriptions.")},
    {Py_tp_new, notifier_new},
    {Py_tp_dealloc, notifier_dealloc},
    {Py_tp_methods, notifier_methods},
    {0, NULL},
};

static PyType_Spec notifier_spec = {
    .name = "laminardb._laminardb.Notifier",
    .basicsize = sizeof(notifier_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = notifier_slots,
};

int
ext_notifier_setup(PyObject *module, module_state *state) {
    state->notifier_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &notifier_spec, NULL);
    return state->notifier_type == NULL ? -1 : PyModule_AddType(module, state->notifier_type);
}
