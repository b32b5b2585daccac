/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.c - Python values for the parameters of a statement: a sequence by position, a mapping
 * by name. Text is not copied: `held` keeps the objects alive while the statement runs. */
#include "state.h"

#include <string.h>

static int
read_text(PyObject *v, laminar_value *out) {
    Py_ssize_t size;
    out->text = PyUnicode_AsUTF8AndSize(v, &size);
    if (out->text == NULL) {
        return -1;
    }
    out->type = LAMINAR_TYPE_VARCHAR;
    out->text_size = (size_t)size;
    return 0;
}

/* An integer beyond HUGEINT is what the same literal would be: a DOUBLE. */
static int
read_long(PyObject *v, laminar_value *out) {
    const int done = ext_long_read(v, out);
    if (done == 0) {
        out->type = LAMINAR_TYPE_DOUBLE;
        out->d = PyLong_AsDouble(v);
    }
    return done < 0 || PyErr_Occurred() != NULL ? -1 : 0;
}

static int
read_index(PyObject *v, laminar_value *out) {
    PyObject *i = PyNumber_Index(v);
    const int done = i == NULL ? -1 : read_long(i, out);
    Py_XDECREF(i);
    return done;
}

static int read_value(module_state *state, ext_tree *tree, PyObject *v, laminar_value *out,
                      int depth);

static int
read_other(module_state *state, ext_tree *tree, PyObject *v, laminar_value *out, int depth) {
    if (ext_is_nested(v)) {
        return ext_tree_read(state, tree, v, out);
    }
    const int known = ext_value_read(state, v, out);
    if (known != 0) {
        return known < 0 ? -1 : 0;
    }
    if (PyIndex_Check(v)) {
        return read_index(v, out);
    }
    if (depth == 0 && PyObject_HasAttr(v, state->item)) { /* numpy and arrow scalars */
        PyObject *plain = PyObject_CallMethodObjArgs(v, state->item, NULL);
        /* What read_value takes from it outlives it: texts do not come this way. */
        const int done =
            plain == NULL ? -1
            : PyUnicode_Check(plain)
                ? (PyErr_SetString(PyExc_TypeError, "a text parameter must be a str"), -1)
                : read_value(state, tree, plain, out, 1);
        Py_XDECREF(plain);
        return done;
    }
    PyErr_Format(PyExc_TypeError,
                 "a parameter is a str, bytes, int, float, bool, None, datetime, date, time, "
                 "timedelta, Decimal "
                 "(of up to 38 digits), UUID, or a list or dict of those, not %S",
                 Py_TYPE(v));
    return -1;
}

static int
read_value(module_state *state, ext_tree *tree, PyObject *v, laminar_value *out, int depth) {
    memset(out, 0, sizeof(*out));
    if (v == Py_None) {
        out->type = LAMINAR_TYPE_NULL;
        out->is_null = true;
        return 0;
    }
    if (PyBool_Check(v)) {
        out->type = LAMINAR_TYPE_BOOLEAN;
        out->i = v == Py_True;
        return 0;
    }
    if (PyFloat_Check(v)) {
        out->type = LAMINAR_TYPE_DOUBLE;
        out->d = PyFloat_AsDouble(v);
        return 0;
    }
    if (PyLong_Check(v)) {
        return read_long(v, out);
    }
    return PyUnicode_Check(v) ? read_text(v, out) : read_other(state, tree, v, out, depth);
}

static int
read_name(PyObject *key, const char **out) {
    Py_ssize_t size;
    if (!PyUnicode_Check(key)) {
        PyErr_Format(PyExc_TypeError, "names of parameters are str, not %S", Py_TYPE(key));
        return -1;
    }
    *out = PyUnicode_AsUTF8AndSize(key, &size);
    if (*out != NULL && strlen(*out) != (size_t)size) {
        PyErr_SetString(PyExc_ValueError, "the name of a parameter holds a NUL character");
        return -1;
    }
    return *out == NULL ? -1 : 0;
}

static int
read_items(module_state *state, ext_parameters *out, bool named) {
    for (int32_t i = 0; i < out->count; i++) {
        PyObject *item = PyTuple_GetItem(out->held, i);
        if (item == NULL) {
            return -1;
        }
        PyObject *v = named ? PyTuple_GetItem(item, 1) : item;
        if (v == NULL || (named && read_name(PyTuple_GetItem(item, 0), &out->names[i]) < 0) ||
            read_value(state, &out->tree, v, &out->values[i], 0) < 0) {
            return -1;
        }
    }
    return 0;
}

int
ext_parameters_read(module_state *state, PyObject *given, ext_parameters *out) {
    memset(out, 0, sizeof(*out));
    if (given == Py_None) {
        return 0;
    }
    const bool text = PyUnicode_Check(given) || PyBytes_Check(given) || PyByteArray_Check(given);
    const bool named = PyDict_Check(given) || (!text && PyObject_HasAttrString(given, "items"));
    if (text || (!named && !PySequence_Check(given))) {
        PyErr_Format(PyExc_TypeError,
                     "params is a list or tuple (for ? and $1) or a dict (for $name and :name), "
                     "not %S",
                     Py_TYPE(given));
        return -1;
    }
    PyObject *items = named ? PyMapping_Items(given) : Py_NewRef(given);
    out->held = items == NULL ? NULL : PySequence_Tuple(items);
    Py_XDECREF(items);
    const Py_ssize_t count = out->held == NULL ? -1 : PyTuple_Size(out->held);
    if (count < 0) {
        return -1;
    }
    if (count > 65535) {
        ext_parameters_free(out);
        PyErr_SetString(PyExc_ValueError, "a statement has at most 65,535 parameters");
        return -1;
    }
    out->count = (int32_t)count;
    out->values = PyMem_Calloc((size_t)count + 1, sizeof(*out->values));
    out->names = named ? PyMem_Calloc((size_t)count + 1, sizeof(*out->names)) : NULL;
    if (out->values == NULL || (named && out->names == NULL)) {
        ext_parameters_free(out);
        PyErr_NoMemory();
        return -1;
    }
    if (read_items(state, out, named) < 0) {
        ext_parameters_free(out);
        return -1;
    }
    return 0;
}

void
ext_parameters_free(ext_parameters *p) {
    PyMem_Free(p->values);
    PyMem_Free(p->names);
    Py_CLEAR(p->held);
    ext_tree_free(&p->tree);
}
