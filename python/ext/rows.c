/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - Python data into an appender: dicts, lists of dicts, columns, tuples, named tuples,
 * dataclasses, iterables of those.
 *
 * Keys of consecutive rows are mostly the same objects in the same order: `layout` remembers them
 * and compares pointers first. */
#include "rows.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------------------------- one value */
static int
long_attribute(PyObject *o, PyObject *name, long long *out) {
    PyObject *v = PyObject_GetAttr(o, name);
    if (v == NULL) {
        return -1;
    }
    *out = PyLong_AsLongLong(v);
    Py_DECREF(v);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

int
ext_timedelta_us(module_state *state, PyObject *span, long long *us) {
    long long days, seconds, rest;
    if (long_attribute(span, state->days, &days) < 0 ||
        long_attribute(span, state->seconds, &seconds) < 0 ||
        long_attribute(span, state->microseconds, &rest) < 0) {
        return -1;
    }
    const bool too_long = __builtin_mul_overflow(days * 86400 + seconds, 1000000LL, us) ||
                          __builtin_add_overflow(*us, rest, us);
    if (too_long) {
        PyErr_SetString(PyExc_OverflowError, "the timedelta is longer than about 292,000 years");
        return -1;
    }
    return 0;
}

static int
microseconds_since(module_state *state, PyObject *v, PyObject *start, long long *us) {
    PyObject *span = PyNumber_Subtract(v, start);
    if (span == NULL) {
        return -1;
    }
    const int done = ext_timedelta_us(state, span, us);
    Py_DECREF(span);
    return done;
}

int
ext_datetime_us(module_state *state, PyObject *v, long long *us) {
    PyObject *zone = PyObject_GetAttr(v, state->tzinfo);
    if (zone == NULL) {
        return -1;
    }
    PyObject *start = zone == Py_None ? state->epoch : state->epoch_utc;
    Py_DECREF(zone);
    return microseconds_since(state, v, start, us);
}

int
ext_date_days(module_state *state, PyObject *v, long long *days) {
    long long us;
    if (microseconds_since(state, v, state->epoch_date, &us) < 0) {
        return -1;
    }
    *days = us / 86400000000; /* dates lie a whole number of days apart */
    return 0;
}

static int
append_text(rows_context *c, int32_t column, PyObject *v) {
    Py_ssize_t    size;
    laminar_error err;
    const char   *text = PyUnicode_AsUTF8AndSize(v, &size);
    if (text == NULL) { /* lone surrogates have no UTF-8 form: give the engine bytes it can refuse
                           with row and column */
        PyErr_Clear();
        return ext_rows_refused(c, laminar_append_text(c->appender, column, "\xff", 1, &err), &err);
    }
    return ext_rows_refused(c, laminar_append_text(c->appender, column, text, (size_t)size, &err),
                            &err);
}

static int
append_as_text(rows_context *c, int32_t column, PyObject *v) {
    PyObject *text = PyObject_Str(v);
    const int done = text == NULL ? -1 : append_text(c, column, text);
    Py_XDECREF(text);
    return done;
}

static int
append_long(rows_context *c, int32_t column, PyObject *v) {
    laminar_value wide = {.type = LAMINAR_TYPE_BIGINT};
    laminar_error err;
    const int     done = ext_long_read(v, &wide);
    if (done <= 0) { /* as text: it fits VARCHAR and DOUBLE, all else refuses it by value */
        return done < 0 ? -1 : append_as_text(c, column, v);
    }
    return ext_rows_refused(c,
                            wide.type == LAMINAR_TYPE_BIGINT
                                ? laminar_append_bigint(c->appender, column, wide.i, &err)
                                : laminar_append_value(c->appender, column, &wide, &err),
                            &err);
}

static int
append_bytes(rows_context *c, int32_t column, PyObject *v) {
    laminar_value blob;
    laminar_error err;
    PyObject     *bytes = PyBytes_FromObject(v);
    int           done = bytes == NULL ? -1 : ext_value_read(c->state, bytes, &blob);
    if (done > 0) {
        done = ext_rows_refused(c, laminar_append_value(c->appender, column, &blob, &err), &err);
    }
    Py_XDECREF(bytes);
    return done;
}

static int append_value(rows_context *c, int32_t column, PyObject *v, int depth);

static int
append_nested(rows_context *c, int32_t column, PyObject *v) {
    ext_tree      tree = {.blocks = NULL};
    laminar_value value;
    laminar_error err;
    int           done = ext_tree_read(c->state, &tree, v, &value);
    if (done == 0) {
        done = ext_rows_refused(c, laminar_append_value(c->appender, column, &value, &err), &err);
    }
    ext_tree_free(&tree);
    return done;
}

static int
append_other(rows_context *c, int32_t column, PyObject *v, int depth) {
    laminar_error err;
    laminar_value scalar;
    if (PyFloat_Check(v)) {
        return ext_rows_refused(
            c, laminar_append_double(c->appender, column, PyFloat_AsDouble(v), &err), &err);
    }
    if (PyUnicode_Check(v)) {
        return append_text(c, column, v);
    }
    if (PyLong_Check(v)) {
        return append_long(c, column, v);
    }
    if (PyByteArray_Check(v) || PyMemoryView_Check(v)) {
        return append_bytes(c, column, v);
    }
    if (ext_is_nested(v)) {
        return append_nested(c, column, v);
    }
    const int known = ext_value_read(c->state, v, &scalar);
    if (known != 0) {
        return known < 0 ? -1
                         : ext_rows_refused(
                               c, laminar_append_value(c->appender, column, &scalar, &err), &err);
    }
    if (PyIndex_Check(v)) {
        PyObject *i = PyNumber_Index(v);
        const int done = i == NULL ? -1 : append_long(c, column, i);
        Py_XDECREF(i);
        return done;
    }
    if (depth == 0 && PyObject_HasAttr(v, c->state->item)) { /* numpy and arrow scalars */
        PyObject *plain = PyObject_CallMethodObjArgs(v, c->state->item, NULL);
        const int done = plain == NULL ? -1 : append_value(c, column, plain, 1);
        Py_XDECREF(plain);
        return done;
    }
    if (PyNumber_Check(v)) { /* Fraction */
        return append_as_text(c, column, v);
    }
    PyErr_Format(PyExc_TypeError, "column \"%s\": a value of type %S is none that laminardb stores",
                 laminar_appender_column_name(c->appender, column), Py_TYPE(v));
    return -1;
}

static int
append_value(rows_context *c, int32_t column, PyObject *v, int depth) {
    laminar_error err;
    if (PyFloat_CheckExact(v)) {
        return ext_rows_refused(
            c, laminar_append_double(c->appender, column, PyFloat_AsDouble(v), &err), &err);
    }
    if (PyBool_Check(v)) {
        return ext_rows_refused(c, laminar_append_boolean(c->appender, column, v == Py_True, &err),
                                &err);
    }
    if (PyLong_CheckExact(v)) {
        return append_long(c, column, v);
    }
    if (PyUnicode_CheckExact(v)) {
        return append_text(c, column, v);
    }
    if (v == Py_None) {
        return ext_rows_refused(c, laminar_append_null(c->appender, column, &err), &err);
    }
    return append_other(c, column, v, depth);
}

int
ext_row_value(rows_context *c, int32_t column, PyObject *v) {
    return append_value(c, column, v, 0);
}

/* ---------------------------------------------------------------------------------- rows by name
 */
static int
find_column(rows_context *c, PyObject *key, int32_t *column) {
    Py_ssize_t    size;
    laminar_error err;
    if (!PyUnicode_Check(key)) {
        PyErr_Format(PyExc_TypeError, "column names are str, not %S", Py_TYPE(key));
        return -1;
    }
    const char *name = PyUnicode_AsUTF8AndSize(key, &size);
    if (name == NULL) {
        return -1;
    }
    return ext_rows_refused(c, laminar_appender_find(c->appender, name, (size_t)size, column, &err),
                            &err);
}

/* Names match in any case, so two keys of a row may mean one column. */
static int
fill_once(rows_context *c, int32_t column) {
    if (c->filled[column] == c->row) {
        laminar_error err = {.code = 300, .class_name = "IngestionError", .position = -1};
        (void)snprintf(err.message, sizeof(err.message), "row %lld names column \"%s\" twice",
                       (long long)c->row, laminar_appender_column_name(c->appender, column));
        ext_raise_error(c->state, &err);
        return -1;
    }
    c->filled[column] = c->row;
    return 0;
}

/* Column of the key that stands at `at` in its row. */
static int
key_column(rows_context *c, PyObject *key, int32_t at, int32_t *column) {
    layout *l = &c->layout;
    if (at < l->count && l->keys[at] == key) {
        *column = l->columns[at];
        return fill_once(c, *column);
    }
    if (find_column(c, key, column) < 0) {
        return -1;
    }
    if (at == l->count && at < LAYOUT_MAX) {
        l->keys[at] = Py_NewRef(key);
        l->columns[at] = *column;
        l->count++;
    }
    return fill_once(c, *column);
}

static void
layout_free(layout *l) {
    for (int32_t i = 0; i < l->count; i++) {
        Py_DECREF(l->keys[i]);
    }
    l->count = 0;
}

static int
end_row(rows_context *c) {
    laminar_error err;
    return ext_rows_refused(c, laminar_appender_end_row(c->appender, &err), &err);
}

static int
changed_size(void) {
    PyErr_SetString(PyExc_RuntimeError, "dictionary changed size during iteration");
    return -1;
}

static int
append_held_dict(rows_context *c, PyObject *row) {
    Py_ssize_t at = 0;
    int32_t    n = 0;
    PyObject  *key, *v;

    const Py_ssize_t size = PyDict_Size(row);
    c->row++;
    while (PyDict_Next(row, &at, &key, &v)) {
        int32_t column;
        Py_INCREF(v); /* a conversion may run Python code that changes the dict */
        const int failed =
            key_column(c, key, n++, &column) < 0 || append_value(c, column, v, 0) < 0;
        Py_DECREF(v);
        if (failed) {
            return -1;
        }
    }
    if (n == 0) {
        PyErr_SetString(PyExc_TypeError, "an empty dict is no row");
        return -1;
    }
    if (PyDict_Size(row) != size) {
        return changed_size();
    }
    return n == c->width ? 0 : end_row(c);
}

static int
append_dict_row(rows_context *c, PyObject *row) {
    int done;
    EXT_HOLD_BEGIN(row)
    done = append_held_dict(c, row);
    EXT_HOLD_END()
    return done;
}

/* ---------------------------------------------------------------------------------- rows by
 * position */
static int
append_sequence_row(rows_context *c, PyObject *row) {
    const Py_ssize_t n = PySequence_Size(row);
    if (n != c->width) {
        if (n >= 0) {
            PyErr_Format(PyExc_TypeError,
                         "a row of %zd values for %d columns: use dicts to leave some out", n,
                         (int)c->width);
        }
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *v = PySequence_GetItem(row, i);
        const int failed = v == NULL || append_value(c, (int32_t)i, v, 0) < 0;
        Py_XDECREF(v);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

/* Named tuples and dataclasses: attributes by the names that the class lists. */
static int
append_object_row(rows_context *c, PyObject *row, PyObject *names) {
    PyObject *list = PySequence_List(names);
    if (list == NULL) {
        return -1;
    }
    int              failed = 0;
    const Py_ssize_t n = PyList_Size(list);
    c->row++;
    for (Py_ssize_t i = 0; !failed && i < n; i++) {
        PyObject *name = PyList_GetItem(list, i);
        PyObject *v = PyObject_GetAttr(row, name);
        int32_t   column;
        failed = v == NULL || key_column(c, name, (int32_t)i, &column) < 0 ||
                 append_value(c, column, v, 0) < 0;
        Py_XDECREF(v);
    }
    Py_DECREF(list);
    return failed ? -1 : end_row(c);
}

static int
append_row(rows_context *c, PyObject *row) {
    if (PyDict_Check(row)) {
        return append_dict_row(c, row);
    }
    PyObject *names = NULL;
    if (PyObject_HasAttr(row, c->state->dataclass_fields) && !PyType_Check(row)) {
        names = PyObject_GetAttr(row, c->state->dataclass_fields);
    } else if (PyTuple_Check(row) && PyObject_HasAttr(row, c->state->fields)) {
        names = PyObject_GetAttr(row, c->state->fields);
    }
    if (names != NULL) {
        const int done = append_object_row(c, row, names);
        Py_DECREF(names);
        return done;
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    if (PyTuple_Check(row) || PyList_Check(row)) {
        return append_sequence_row(c, row);
    }
    PyErr_Format(PyExc_TypeError, "a row is a dict, tuple, named tuple or dataclass, not %S",
                 Py_TYPE(row));
    return -1;
}

/* Items of a list: values of the column, or rows (column -1). As many at once as are alike, the
 * others one by one. */
static int
append_items(rows_context *c, int32_t column, PyObject *list) {
    Py_ssize_t at = 0, looked = 0;
    while (at < PyList_Size(list)) {
        Py_ssize_t n =
            column < 0 ? ext_run_of_rows(c, list, at) : ext_run_of_list(c, column, list, at);
        if (n == 0) {
            PyObject *v = Py_NewRef(PyList_GetItem(list, at));
            n = (column < 0 ? append_row(c, v) : append_value(c, column, v, 0)) < 0 ? -1 : 1;
            Py_DECREF(v);
        }
        if (n < 0) {
            return -1;
        }
        at += n;
        if (at - looked >= EXT_LOOK) {
            looked = at;
            if (ext_look() < 0) {
                return -1;
            }
        }
    }
    return 0;
}

#ifndef Py_GIL_DISABLED
static int
append_row_list(rows_context *c, PyObject *list) {
    if (PyList_Size(list) == 0) {
        PyErr_SetString(PyExc_TypeError, "an empty list holds no rows");
        return -1;
    }
    return append_items(c, -1, list);
}
#endif

static int
append_iterable(rows_context *c, PyObject *data) {
#ifndef Py_GIL_DISABLED
    if (PyList_CheckExact(data)) {
        return append_row_list(c, data);
    }
#endif
    PyObject *rows = PyObject_GetIter(data);
    if (rows == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
            return -1;
        }
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError,
                     "insert takes a dict, a list of rows, columns or Arrow data, not %S",
                     Py_TYPE(data));
        return -1;
    }
    int64_t   n = 0;
    int       failed = 0;
    PyObject *row;
    while (!failed && (row = PyIter_Next(rows)) != NULL) {
        failed = append_row(c, row) < 0 || (++n % EXT_LOOK == 0 && ext_look() < 0);
        Py_DECREF(row);
    }
    Py_DECREF(rows);
    if (failed || PyErr_Occurred()) {
        return -1;
    }
    if (n == 0 && PyList_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "an empty list holds no rows");
        return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------------------------- columns */
static int
append_list(rows_context *c, int32_t column, PyObject *list) {
    int done;
    EXT_HOLD_BEGIN(list)
    done = append_items(c, column, list);
    EXT_HOLD_END()
    return done;
}

/* An array of 64-bit integers or doubles that lie side by side: 1; another one: 0; -1. */
static int
append_buffer(rows_context *c, int32_t column, PyObject *values) {
    Py_buffer     view;
    laminar_error err;
    if (PyObject_GetBuffer(values, &view, PyBUF_FORMAT | PyBUF_ND) < 0) {
        PyErr_Clear();
        return 0;
    }
    const char *format = view.format == NULL ? "B" : view.format;
    const bool  fits =
        view.ndim == 1 && view.itemsize == 8 && format[1] == '\0' && (uintptr_t)view.buf % 8 == 0;
    int              done = fits && strchr("lqd", format[0]) != NULL;
    const Py_ssize_t count = done ? view.shape[0] : 0;
    for (Py_ssize_t at = 0; done > 0 && at < count; at += EXT_LOOK) {
        const int32_t n = (int32_t)(count - at < EXT_LOOK ? count - at : EXT_LOOK);
        const char   *from = (const char *)view.buf + at * 8;
        done = ext_rows_refused(
                   c,
                   format[0] == 'd'
                       ? laminar_append_doubles(c->appender, column,
                                                (const double *)(const void *)from, n, &err)
                       : laminar_append_bigints(c->appender, column,
                                                (const int64_t *)(const void *)from, n, &err),
                   &err) < 0
                   ? -1
                   : 1;
    }
    PyBuffer_Release(&view);
    return done;
}

/* An array of any library, as the list of what it holds. */
static PyObject *
array_list(PyObject *values) {
    PyObject *frames = PyImport_ImportModule("laminardb.frames");
    PyObject *list = frames == NULL ? NULL : PyObject_CallMethod(frames, "column", "O", values);
    Py_XDECREF(frames);
    return list;
}

/* numpy and arrow arrays and series of frames, which are columns; their scalars are not. */
static bool
is_array(rows_context *c, PyObject *v) {
    if (v == Py_None || PyFloat_Check(v) || PyLong_Check(v) || PyUnicode_Check(v) ||
        PyBytes_Check(v) || !PyObject_HasAttr(v, c->state->array_protocol)) {
        return false;
    }
    const bool sized = PyObject_Size(v) >= 0;
    PyErr_Clear();
    return sized;
}

static int
append_column(rows_context *c, PyObject *key, PyObject *values) {
    int32_t column;
    if (find_column(c, key, &column) < 0 || fill_once(c, column) < 0) {
        return -1;
    }
    const bool array = is_array(c, values);
    if (array) {
        const int done = append_buffer(c, column, values);
        if (done != 0) {
            return done < 0 ? -1 : 0;
        }
    }
    PyObject *items = PyList_Check(values) ? Py_NewRef(values)
                      : array              ? array_list(values)
                                           : PySequence_List(values);
    if (items == NULL) {
        if (array || !PyErr_ExceptionMatches(PyExc_TypeError)) {
            return -1;
        }
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "column \"%U\" is a %S where the others are lists", key,
                     Py_TYPE(values));
        return -1;
    }
    const int done = append_list(c, column, items);
    Py_DECREF(items);
    return done;
}

static int
append_columns(rows_context *c, PyObject *data) {
    Py_ssize_t at = 0;
    PyObject  *key, *values;

    const Py_ssize_t size = PyDict_Size(data);
    c->row++;
    while (PyDict_Next(data, &at, &key, &values)) {
        Py_INCREF(key); /* as in append_dict_row */
        Py_INCREF(values);
        const int failed = append_column(c, key, values) < 0;
        Py_DECREF(values);
        Py_DECREF(key);
        if (failed) {
            return -1;
        }
    }
    return PyDict_Size(data) == size ? 0 : changed_size();
}

/* Nothing but lists and the like, and NULLs. */
static bool
holds_nested(PyObject *list) {
    bool nested = true;
    EXT_HOLD_BEGIN(list)
    for (Py_ssize_t i = 0; nested && i < PyList_Size(list); i++) {
        PyObject *item = PyList_GetItem(list, i);
        nested = item == Py_None || ext_is_nested(item);
    }
    EXT_HOLD_END()
    return nested;
}

/* A dict whose first value is a list or an array holds columns, unless that is a value of a LIST
 * column: what another column has decides, or that the list holds no lists. */
static bool
is_columnar(rows_context *c, PyObject *data, PyObject *first) {
    Py_ssize_t at = 0;
    PyObject  *key, *v;
    while (PyDict_Next(data, &at, &key, &v)) {
        Py_ssize_t    size;
        int32_t       column;
        laminar_error err;
        const char   *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &size) : NULL;
        if (name == NULL ||
            laminar_appender_find(c->appender, name, (size_t)size, &column, &err) < 0) {
            PyErr_Clear();
            return true; /* the error is theirs to tell */
        }
        if (laminar_appender_column_type(c->appender, column) != LAMINAR_TYPE_LIST) {
            return PyList_Check(v) || is_array(c, v);
        }
    }
    return PyList_Check(first) && holds_nested(first);
}

static int
append_held(rows_context *c, PyObject *data) {
    Py_ssize_t at = 0;
    PyObject  *key, *first;
    if (!PyDict_Next(data, &at, &key, &first)) {
        PyErr_SetString(PyExc_TypeError, "an empty dict holds no rows");
        return -1;
    }
    const bool columns = (PyList_Check(first) || is_array(c, first)) && is_columnar(c, data, first);
    return columns ? append_columns(c, data) : append_dict_row(c, data);
}

static int
append_dict(rows_context *c, PyObject *data) {
    int done;
    EXT_HOLD_BEGIN(data)
    done = append_held(c, data);
    EXT_HOLD_END()
    return done;
}

int
ext_rows_append(module_state *state, laminar_appender *a, PyObject *data) {
    rows_context c = {.state = state, .appender = a, .width = laminar_appender_column_count(a)};
    int          done;
    c.filled =
        c.width <= FILLED_SMALL ? c.filled_small : PyMem_Calloc((size_t)c.width, sizeof(*c.filled));
    if (c.filled == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (PyDict_Check(data)) {
        done = append_dict(&c, data);
    } else if (PyUnicode_Check(data) || PyBytes_Check(data)) {
        PyErr_Format(PyExc_TypeError, "insert takes rows, not %S; for text use insert_csv",
                     Py_TYPE(data));
        done = -1;
    } else if (PyTuple_Check(data) || PyObject_HasAttr(data, state->dataclass_fields)) {
        done = append_row(&c, data);
    } else {
        done = append_iterable(&c, data);
    }
    layout_free(&c.layout);
    if (c.filled != c.filled_small) {
        PyMem_Free(c.filled);
    }
    return done;
}
