/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.c - objects of the program in FROM: the engine's resolver, which asks a laminardb.scan
 * Resolver. The engine calls from the thread that runs the statement, without the GIL. */
#include <stdio.h>
#include <string.h>

#include "connection.h"

/* The exception as the engine's error. What is no Exception (KeyboardInterrupt) stays set: the
 * caller of the statement gets it. */
static laminar_status
report_exception(laminar_error *err) {
    memset(err, 0, sizeof(*err));
    err->code = 400;
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        (void)snprintf(err->message, sizeof(err->message), "interrupted");
        return -400;
    }
    return ext_take_exception(err, 400);
}

static PyObject *
wanted_columns(const laminar_external *what) {
    if (what->column_count < 0) {
        return Py_NewRef(Py_None);
    }
    PyObject *list = PyList_New(what->column_count);
    for (int32_t i = 0; list != NULL && i < what->column_count; i++) {
        PyObject *name = PyUnicode_FromString(what->columns[i]);
        if (name == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, i, name);
        }
    }
    return list;
}

/* Moves the stream of an object out of its capsule. */
static int
take_stream(PyObject *object, struct ArrowArrayStream *out) {
    PyObject                *capsule = PyObject_CallMethod(object, "__arrow_c_stream__", NULL);
    struct ArrowArrayStream *rows =
        capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (rows != NULL) {
        *out = *rows;
        rows->release = NULL;
    }
    Py_XDECREF(capsule);
    return rows == NULL ? -1 : 0;
}

/* None: no such object. A str: no such object, and a next step. True: read what came first. */
static laminar_status
take_answer(PyObject *answer, struct ArrowArrayStream *out, laminar_error *err) {
    memset(err, 0, sizeof(*err));
    if (answer == Py_None || answer == Py_True) {
        return LAMINAR_DONE;
    }
    if (PyUnicode_Check(answer)) {
        const char *hint = PyUnicode_AsUTF8AndSize(answer, NULL);
        (void)snprintf(err->hint, sizeof(err->hint), "%s", hint == NULL ? "" : hint);
        PyErr_Clear();
        return LAMINAR_DONE;
    }
    return take_stream(answer, out) < 0 ? report_exception(err) : LAMINAR_OK;
}

static laminar_status
resolver_open(void *context, const laminar_external *what, struct ArrowArrayStream *out,
              laminar_error *err) {
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyObject              *columns = wanted_columns(what);
    PyObject              *answer = NULL;
    if (columns != NULL) {
        answer = PyObject_CallMethod(context, "open", "Os#sOO", what->is_file ? Py_True : Py_False,
                                     what->name, (Py_ssize_t)what->name_size, what->format,
                                     what->schema_only ? Py_True : Py_False, columns);
    }
    const laminar_status s = answer == NULL ? report_exception(err) : take_answer(answer, out, err);
    Py_XDECREF(answer);
    Py_XDECREF(columns);
    PyGILState_Release(gil);
    return s;
}

static laminar_status
resolver_write(void *context, const laminar_external *what, struct ArrowArrayStream *rows,
               laminar_error *err) {
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyObject              *capsule = rows == NULL ? Py_NewRef(Py_None) : ext_stream_capsule(rows);
    PyObject              *answer = NULL;
    if (capsule != NULL) {
        answer =
            PyObject_CallMethod(context, "write", "s#sOO", what->name, (Py_ssize_t)what->name_size,
                                what->format, capsule, what->more ? Py_True : Py_False);
    }
    const laminar_status s = answer == NULL ? report_exception(err) : LAMINAR_OK;
    Py_XDECREF(answer);
    Py_XDECREF(capsule);
    PyGILState_Release(gil);
    return s;
}

laminar_resolver
ext_resolver(PyObject *of) {
    return (laminar_resolver){.open = resolver_open, .write = resolver_write, .context = of};
}
