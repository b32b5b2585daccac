/* SPDX-License-Identifier: Apache-2.0 */
/* nested.c - lists, tuples and dicts as trees of laminar.h, and nested values of results as Python
 * objects: a LIST as a list, a STRUCT as a dict (as a tuple when its fields have no names), a MAP
 * as a dict, or as a list of pairs when a key cannot be one of a dict. */
#include "state.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

/* ---------------------------------------------------------------------------------- to Python */
static PyObject *
item_object(module_state *state, const laminar_value *v, int64_t at) {
    laminar_value item;
    if (laminar_value_item(v, at, &item) != LAMINAR_OK) {
        Py_RETURN_NONE;
    }
    return ext_value_object(state, &item);
}

static PyObject *
list_object(module_state *state, const laminar_value *v, bool as_tuple) {
    const Py_ssize_t count = (Py_ssize_t)laminar_value_count(v);
    PyObject        *list = as_tuple ? PyTuple_New(count) : PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyObject *item = item_object(state, v, i);
        if (item == NULL ||
            (as_tuple ? PyTuple_SetItem(list, i, item) : PyList_SetItem(list, i, item)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
struct_object(module_state *state, const laminar_value *v) {
    size_t      size;
    const char *first = laminar_value_field(v, 0, &size);
    if (size == 0 || first == NULL) {
        return list_object(state, v, true);
    }
    PyObject *dict = PyDict_New();
    for (int64_t i = 0; dict != NULL && i < laminar_value_count(v); i++) {
        const char *name = laminar_value_field(v, i, &size);
        PyObject   *key = PyUnicode_DecodeUTF8(name, (Py_ssize_t)size, NULL);
        PyObject   *item = key == NULL ? NULL : item_object(state, v, i);
        if (item == NULL || PyDict_SetItem(dict, key, item) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(item);
        Py_XDECREF(key);
    }
    return dict;
}

static PyObject *
pairs_object(module_state *state, const laminar_value *v) {
    PyObject *list = PyList_New(0);
    for (int64_t i = 0; list != NULL && i < laminar_value_count(v); i++) {
        laminar_value entry;
        PyObject     *pair = laminar_value_item(v, i, &entry) == LAMINAR_OK
                                 ? list_object(state, &entry, true)
                                 : NULL;
        if (pair == NULL || PyList_Append(list, pair) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *
map_object(module_state *state, const laminar_value *v) {
    PyObject *dict = PyDict_New();
    for (int64_t i = 0; dict != NULL && i < laminar_value_count(v); i++) {
        laminar_value entry;
        PyObject     *key = NULL, *item = NULL;
        if (laminar_value_item(v, i, &entry) == LAMINAR_OK) {
            key = item_object(state, &entry, 0);
            item = key == NULL ? NULL : item_object(state, &entry, 1);
        }
        const int done = item == NULL ? -1 : PyDict_SetItem(dict, key, item);
        Py_XDECREF(item);
        Py_XDECREF(key);
        if (done < 0) {
            Py_CLEAR(dict);
        }
    }
    if (dict == NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        return pairs_object(state, v);
    }
    return dict;
}

PyObject *
ext_nested_object(module_state *state, const laminar_value *v) {
    return v->type == LAMINAR_TYPE_LIST     ? list_object(state, v, false)
           : v->type == LAMINAR_TYPE_STRUCT ? struct_object(state, v)
                                            : map_object(state, v);
}

/* ---------------------------------------------------------------------------------- from Python */
typedef struct block {
    struct block *older;
    void         *memory;
} block;

static void *
take(ext_tree *t, size_t count, size_t size) {
    block *b = PyMem_Malloc(sizeof(*b));
    void  *memory = PyMem_Calloc(count + 1, size);
    if (b == NULL || memory == NULL) {
        PyMem_Free(b);
        PyMem_Free(memory);
        PyErr_NoMemory();
        return NULL;
    }
    *b = (block){.older = t->blocks, .memory = memory};
    t->blocks = b;
    return memory;
}

void
ext_tree_free(ext_tree *t) {
    for (block *b = t->blocks; b != NULL;) {
        block *older = b->older;
        PyMem_Free(b->memory);
        PyMem_Free(b);
        b = older;
    }
    t->blocks = NULL;
    Py_CLEAR(t->kept);
}

/* The object lives as long as the tree; takes over the reference. */
static int
keep(ext_tree *t, PyObject *o) {
    if (t->kept == NULL) {
        t->kept = PyList_New(0);
    }
    const int done = t->kept == NULL || o == NULL ? -1 : PyList_Append(t->kept, o);
    Py_XDECREF(o);
    return done;
}

static int read_value(module_state *state, ext_tree *t, PyObject *v, laminar_value *out, int depth);

static int
read_sequence(module_state *state, ext_tree *t, PyObject *v, laminar_value *out, int depth) {
    PyObject        *items = PySequence_Tuple(v);
    const Py_ssize_t count = items == NULL ? -1 : PyTuple_Size(items);
    laminar_value   *values = count < 0 ? NULL : take(t, (size_t)count, sizeof(*values));
    if (keep(t, items) < 0 || values == NULL) {
        return -1;
    }
    out->type = PyTuple_Check(v) ? LAMINAR_TYPE_STRUCT : LAMINAR_TYPE_LIST;
    out->items = values;
    out->item_count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (read_value(state, t, PyTuple_GetItem(items, i), &values[i], depth + 1) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Names are str; a dict with other keys is a MAP. */
static bool
all_names(PyObject *dict) {
    Py_ssize_t at = 0;
    PyObject  *key, *v;
    bool       named = PyDict_Size(dict) > 0;
    EXT_HOLD_BEGIN(dict)
    while (named && PyDict_Next(dict, &at, &key, &v)) {
        named = PyUnicode_Check(key);
    }
    EXT_HOLD_END()
    return named;
}

static int
read_dict(module_state *state, ext_tree *t, PyObject *dict, laminar_value *out, int depth) {
    const bool       named = all_names(dict);
    PyObject        *pairs = PyDict_Items(dict);
    const Py_ssize_t count = pairs == NULL ? -1 : PyList_Size(pairs);
    laminar_value   *values = count < 0 ? NULL : take(t, 2 * (size_t)count, sizeof(*values));
    const char     **names = values == NULL ? NULL : take(t, (size_t)count, sizeof(*names));
    if (keep(t, pairs) < 0 || names == NULL) {
        return -1;
    }
    out->type = named ? LAMINAR_TYPE_STRUCT : LAMINAR_TYPE_MAP;
    out->items = values;
    out->item_count = named ? count : 2 * count;
    out->names = named ? names : NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GetItem(pairs, i);
        PyObject *key = pair == NULL ? NULL : PyTuple_GetItem(pair, 0);
        PyObject *v = key == NULL ? NULL : PyTuple_GetItem(pair, 1);
        if (v == NULL) {
            return -1;
        }
        if (named) {
            Py_ssize_t size;
            names[i] = PyUnicode_AsUTF8AndSize(key, &size);
            if (names[i] != NULL && strlen(names[i]) != (size_t)size) {
                PyErr_SetString(PyExc_ValueError, "a key holds a NUL character");
                return -1;
            }
        }
        if ((named && names[i] == NULL) ||
            (!named && read_value(state, t, key, &values[2 * i], depth + 1) < 0) ||
            read_value(state, t, v, &values[named ? i : 2 * i + 1], depth + 1) < 0) {
            return -1;
        }
    }
    return 0;
}

/* numpy's arrays and scalars, and what else becomes a plain object. */
static int
read_converted(module_state *state, ext_tree *t, PyObject *v, laminar_value *out, int depth) {
    PyObject *plain = NULL;
    if (PyObject_HasAttrString(v, "tolist")) {
        plain = PyObject_CallMethod(v, "tolist", NULL);
    } else if (PyObject_HasAttr(v, state->item)) {
        plain = PyObject_CallMethodObjArgs(v, state->item, NULL);
    } else if (PyIndex_Check(v)) {
        plain = PyNumber_Index(v);
    } else if (PyByteArray_Check(v) || PyMemoryView_Check(v)) {
        plain = PyBytes_FromObject(v);
    } else {
        PyErr_Format(PyExc_TypeError, "a value of type %S is none that laminardb stores",
                     Py_TYPE(v));
        return -1;
    }
    return keep(t, plain) < 0 ? -1 : read_value(state, t, plain, out, depth + 1);
}

static int
read_text(PyObject *v, laminar_value *out) {
    Py_ssize_t size;
    out->text = PyUnicode_AsUTF8AndSize(v, &size);
    out->type = LAMINAR_TYPE_VARCHAR;
    out->text_size = (size_t)size;
    return out->text == NULL ? -1 : 0;
}

static int
read_plain(module_state *state, PyObject *v, laminar_value *out) {
    if (v == Py_None) {
        out->is_null = true;
        return 1;
    }
    if (PyBool_Check(v)) {
        out->type = LAMINAR_TYPE_BOOLEAN;
        out->i = v == Py_True;
        return 1;
    }
    if (PyFloat_Check(v)) {
        out->type = LAMINAR_TYPE_DOUBLE;
        out->d = PyFloat_AsDouble(v);
        return 1;
    }
    if (PyUnicode_Check(v)) {
        return read_text(v, out) < 0 ? -1 : 1;
    }
    return ext_value_read(state, v, out);
}

static int
read_value(module_state *state, ext_tree *t, PyObject *v, laminar_value *out, int depth) {
    memset(out, 0, sizeof(*out));
    if (v == NULL) {
        return -1;
    }
    if (depth > DEPTH_MAX) {
        PyErr_Format(PyExc_ValueError, "a value is nested more than %d levels deep", DEPTH_MAX);
        return -1;
    }
    if (PyList_Check(v) || PyTuple_Check(v)) {
        return read_sequence(state, t, v, out, depth);
    }
    if (PyDict_Check(v)) {
        return read_dict(state, t, v, out, depth);
    }
    const int known = read_plain(state, v, out);
    return known > 0 ? 0 : known < 0 ? -1 : read_converted(state, t, v, out, depth);
}

bool
ext_is_nested(PyObject *v) {
    return PyList_Check(v) || PyTuple_Check(v) || PyDict_Check(v) ||
           (PySequence_Check(v) && !PyUnicode_Check(v) && PyObject_HasAttrString(v, "tolist"));
}

int
ext_tree_read(module_state *state, ext_tree *t, PyObject *v, laminar_value *out) {
    return read_value(state, t, v, out, 0);
}
