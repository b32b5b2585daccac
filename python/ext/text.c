/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - laminar_text.h for Python, where places are characters and not bytes. */
#include "connection.h"

#include <string.h>

/* A walk through UTF-8 that counts characters; places are asked for in ascending order. */
typedef struct walk {
    const char *text;
    size_t      at;
    Py_ssize_t  characters;
} walk;

static Py_ssize_t
characters_until(walk *w, size_t byte) {
    for (; w->at < byte; w->at++) {
        w->characters += ((unsigned char)w->text[w->at] & 0xC0) != 0x80;
    }
    return w->characters;
}

/* Lone surrogates, which no statement can have, are kept as three invalid bytes. */
static PyObject *
bytes_of(PyObject *sql) {
    if (!PyUnicode_Check(sql)) {
        PyErr_SetString(PyExc_TypeError, "sql must be str");
        return NULL;
    }
    return PyUnicode_AsEncodedString(sql, "utf-8", "surrogatepass");
}

PyObject *
ext_sql_tokens(PyObject *module, PyObject *sql) {
    (void)module;
    PyObject  *bytes = bytes_of(sql);
    PyObject  *list = bytes == NULL ? NULL : PyList_New(0);
    char      *text;
    Py_ssize_t size;
    if (list == NULL || PyBytes_AsStringAndSize(bytes, &text, &size) < 0) {
        Py_XDECREF(bytes);
        Py_XDECREF(list);
        return NULL;
    }
    walk          w = {.text = text};
    laminar_token t = {0};
    while (list != NULL && laminar_token_next(text, (size_t)size, &t)) {
        const Py_ssize_t start = characters_until(&w, t.start);
        const Py_ssize_t end = characters_until(&w, t.start + t.size);
        PyObject        *item = Py_BuildValue("(snn)", laminar_token_kind_name(t.kind), start, end);
        if (end > start && (item == NULL || PyList_Append(list, item) < 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    Py_DECREF(bytes);
    return list;
}

/* Bytes of the first `characters`; -1: there are fewer. */
static Py_ssize_t
bytes_until(const char *text, Py_ssize_t size, Py_ssize_t characters) {
    Py_ssize_t at = 0;
    for (; at < size; at++) {
        if (((unsigned char)text[at] & 0xC0) != 0x80 && characters-- == 0) {
            return at;
        }
    }
    return characters <= 0 ? size : -1;
}

static PyObject *
candidate(const laminar_result *r, int64_t row, const char *text) {
    laminar_value word, kind, start;
    (void)laminar_result_value(r, row, 0, &word);
    (void)laminar_result_value(r, row, 1, &kind);
    (void)laminar_result_value(r, row, 2, &start);
    walk             w = {.text = text};
    const Py_ssize_t from = characters_until(&w, (size_t)start.i);
    return Py_BuildValue("(s#s#n)", word.text, (Py_ssize_t)word.text_size, kind.text,
                         (Py_ssize_t)kind.text_size, from);
}

static PyObject *
candidates(const laminar_result *r, const char *text) {
    const int64_t count = laminar_result_row_count(r);
    PyObject     *list = PyList_New((Py_ssize_t)count);
    for (int64_t i = 0; list != NULL && i < count; i++) {
        PyObject *item = candidate(r, i, text);
        if (item == NULL || PyList_SetItem(list, (Py_ssize_t)i, item) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
complete(connection_object *self, const char *text, Py_ssize_t size, Py_ssize_t at) {
    laminar_result *r = NULL;
    laminar_error   err;
    laminar_status  s;
    ENGINE_CALL(s = laminar_database_complete(self->db, text, (size_t)size, (size_t)at, &r, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    PyObject *list = candidates(r, text);
    laminar_result_free(r);
    return list;
}

PyObject *
ext_connection_complete(PyObject *o, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"sql", "position", NULL};
    PyObject    *sql, *place = Py_None;
    char        *text;
    Py_ssize_t   size;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:complete", names, &sql, &place)) {
        return NULL;
    }
    PyObject *bytes = bytes_of(sql);
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &text, &size) < 0) {
        Py_XDECREF(bytes);
        return NULL;
    }
    const Py_ssize_t wanted = place == Py_None ? 0 : PyLong_AsSsize_t(place);
    PyObject        *made = NULL;
    const Py_ssize_t at = place == Py_None ? size
                          : wanted < 0     ? -1
                                           : bytes_until(text, size, wanted);
    if (at >= 0) {
        made = complete((connection_object *)o, text, size, at);
    } else if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "position %zd is not in the text", wanted);
    }
    Py_DECREF(bytes);
    return made;
}
