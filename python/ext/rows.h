/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - what the conversion of rows is made of: rows.c takes values and rows of any kind one by
 * one, runs.c many at once where they are plain and alike. */
#ifndef LAMINAR_EXT_ROWS_H
#define LAMINAR_EXT_ROWS_H

#include "state.h"

enum { LAYOUT_MAX = 64 };

typedef struct layout {
    PyObject *keys[LAYOUT_MAX]; /* held */
    int32_t   columns[LAYOUT_MAX];
    int32_t   count;
} layout;

enum { FILLED_SMALL = 32 };

typedef struct rows_context {
    module_state     *state;
    laminar_appender *appender;
    int32_t           width;
    layout            layout;
    int64_t           row;    /* number of the row under way, from 1 */
    int64_t          *filled; /* per column: the last row that named it */
    int64_t           filled_small[FILLED_SMALL];
    int32_t           burst; /* so many rows are looked at for being alike */
} rows_context;

/* 0, or -1 with the exception that the engine's error is. */
static inline int
ext_rows_refused(const rows_context *c, laminar_status s, const laminar_error *err) {
    if (s >= 0) {
        return 0;
    }
    ext_raise_error(c->state, err);
    return -1;
}

/* Values of a list from `at` on that are exact floats, ints, texts, bools or None; how many were
 * appended (0: the first is none of them), or -1. No code of Python runs. */
Py_ssize_t ext_run_of_list(rows_context *c, int32_t column, PyObject *list, Py_ssize_t at);

/* Rows of a list from `at` on: dicts with the keys that the rows before had, or tuples, that hold
 * nothing but such values; how many were appended, or -1. Needs the GIL: rows are borrowed. */
Py_ssize_t ext_run_of_rows(rows_context *c, PyObject *list, Py_ssize_t at);

/* rows.c: one value of any type. */
int ext_row_value(rows_context *c, int32_t column, PyObject *v);

#endif
