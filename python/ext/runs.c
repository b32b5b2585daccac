/* SPDX-License-Identifier: Apache-2.0 */
/* runs.c - many values of one column at once. Objects of a long list lie all over the memory: a run
 * is gathered as pointers first, which asks for them ahead, and converted after that, and the
 * engine takes the values of one type in one call. Between the two no code of Python runs, so what
 * was gathered stays where it is without a reference. */
#include "rows.h"

enum { RUN_MAX = 256, BURST_MAX = 128, BURST_WIDTH = 32 };

static bool
is_plain(PyObject *v) {
    return PyFloat_CheckExact(v) || PyLong_CheckExact(v) || PyUnicode_CheckExact(v) ||
           v == Py_None || PyBool_Check(v);
}

/* How many of the items were floats and are appended; -1. */
static int32_t
append_floats(rows_context *c, int32_t column, PyObject *const *items, int32_t count) {
    double        run[RUN_MAX];
    int32_t       n = 0;
    laminar_error err;
    for (; n < count && PyFloat_CheckExact(items[n]); n++) {
        run[n] = PyFloat_AsDouble(items[n]);
    }
    const laminar_status s = laminar_append_doubles(c->appender, column, run, n, &err);
    return ext_rows_refused(c, s, &err) < 0 ? -1 : n;
}

/* The same of ints of 64 bits. */
static int32_t
append_longs(rows_context *c, int32_t column, PyObject *const *items, int32_t count) {
    int64_t       run[RUN_MAX];
    int32_t       n = 0;
    int           overflow;
    laminar_error err;
    for (; n < count && PyLong_CheckExact(items[n]); n++) {
        run[n] = PyLong_AsLongLongAndOverflow(items[n], &overflow);
        if (overflow != 0) {
            break;
        }
    }
    if (n == 0) {
        return 0;
    }
    const laminar_status s = laminar_append_bigints(c->appender, column, run, n, &err);
    return ext_rows_refused(c, s, &err) < 0 ? -1 : n;
}

/* The same of texts; one that has no UTF-8 form ends the run. */
static int32_t
append_texts(rows_context *c, int32_t column, PyObject *const *items, int32_t count) {
    const char   *run[RUN_MAX];
    size_t        sizes[RUN_MAX];
    int32_t       n = 0;
    laminar_error err;
    for (Py_ssize_t size; n < count && PyUnicode_CheckExact(items[n]); n++) {
        run[n] = PyUnicode_AsUTF8AndSize(items[n], &size);
        if (run[n] == NULL) {
            PyErr_Clear();
            break;
        }
        sizes[n] = (size_t)size;
    }
    if (n == 0) {
        return 0;
    }
    const laminar_status s = laminar_append_texts(c->appender, column, run, sizes, n, &err);
    return ext_rows_refused(c, s, &err) < 0 ? -1 : n;
}

/* Appends what is plain from the first item on, up to RUN_MAX items; how many, or -1. */
static int32_t
append_plain(rows_context *c, int32_t column, PyObject *const *items, int32_t count) {
    int32_t done = 0;
    while (done < count && is_plain(items[done])) {
        PyObject *const *from = items + done;
        const int32_t    left = count - done;
        int32_t          n = PyFloat_CheckExact(*from)     ? append_floats(c, column, from, left)
                             : PyLong_CheckExact(*from)    ? append_longs(c, column, from, left)
                             : PyUnicode_CheckExact(*from) ? append_texts(c, column, from, left)
                                                           : 0;
        if (n == 0) {
            n = ext_row_value(c, column, *from) < 0 ? -1 : 1;
        }
        if (n < 0) {
            return -1;
        }
        done += n;
    }
    return done;
}

Py_ssize_t
ext_run_of_list(rows_context *c, int32_t column, PyObject *list, Py_ssize_t at) {
    PyObject        *items[RUN_MAX];
    const Py_ssize_t left = PyList_Size(list) - at;
    const int32_t    count = (int32_t)(left < RUN_MAX ? left : RUN_MAX);
    for (int32_t i = 0; i < count; i++) {
        items[i] = PyList_GetItem(list, at + i);
        __builtin_prefetch(items[i]);
    }
    return append_plain(c, column, items, count);
}

/* ---------------------------------------------------------------------------------- rows alike */

/* The layout names each column once: it may hold keys of several rows. */
static bool
is_layout_whole(const rows_context *c) {
    uint64_t seen = 0;
    if (c->layout.count != c->width) {
        return false;
    }
    for (int32_t i = 0; i < c->width; i++) {
        const uint64_t bit = 1ULL << c->layout.columns[i];
        if ((seen & bit) != 0) {
            return false;
        }
        seen |= bit;
    }
    return true;
}

typedef PyObject *burst_items[BURST_WIDTH][BURST_MAX];

/* The values of a dict whose keys are those of the layout. */
static bool
gather_dict(const rows_context *c, PyObject *row, burst_items items, int32_t at) {
    Py_ssize_t position = 0;
    int32_t    n = 0;
    PyObject  *key, *v;
    while (PyDict_Next(row, &position, &key, &v)) {
        if (n == c->width || key != c->layout.keys[n]) {
            return false;
        }
        items[n++][at] = v;
        __builtin_prefetch(v);
    }
    return n == c->width;
}

static bool
gather_tuple(const rows_context *c, PyObject *row, burst_items items, int32_t at) {
    if (PyTuple_Size(row) != c->width) {
        return false;
    }
    for (int32_t n = 0; n < c->width; n++) {
        items[n][at] = PyTuple_GetItem(row, n);
        __builtin_prefetch(items[n][at]);
    }
    return true;
}

/* How many rows from `at` on are alike: all dicts, or all tuples. */
static int32_t
gather(const rows_context *c, PyObject *list, Py_ssize_t at, burst_items items, bool dicts) {
    const Py_ssize_t left = PyList_Size(list) - at;
    const int32_t    count = (int32_t)(left < c->burst ? left : c->burst);
    int32_t          n = 0;
    for (bool alike = true; alike && n < count; n += alike) {
        PyObject *row = PyList_GetItem(list, at + n);
        alike = dicts ? PyDict_CheckExact(row) && gather_dict(c, row, items, n)
                      : PyTuple_CheckExact(row) && gather_tuple(c, row, items, n);
    }
    for (int32_t k = 0; k < c->width; k++) {
        for (int32_t i = 0; i < n; i++) {
            if (!is_plain(items[k][i])) {
                n = i;
            }
        }
    }
    return n;
}

Py_ssize_t
ext_run_of_rows(rows_context *c, PyObject *list, Py_ssize_t at) {
    burst_items items;
    const bool  dicts = PyDict_CheckExact(PyList_GetItem(list, at));
    if (c->width > BURST_WIDTH || (dicts && !is_layout_whole(c))) {
        return 0;
    }
    c->burst = c->burst < 1 ? 1 : c->burst;
    const int32_t n = gather(c, list, at, items, dicts);
    /* Rows that are not alike are looked at one at a time, so that this costs them little. */
    c->burst = n < c->burst ? 1 : 2 * n < BURST_MAX ? 2 * n : BURST_MAX;
    for (int32_t i = 0; n > 0 && i < c->width; i++) {
        if (append_plain(c, dicts ? c->layout.columns[i] : i, items[i], n) < 0) {
            return -1;
        }
    }
    c->row += n;
    return n;
}
