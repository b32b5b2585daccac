/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - laminardb._laminardb.Result: a finished set of rows. Immutable, so any thread may read
 * it; Python values are made on demand. */
#include "docs.h"
#include "state.h"

#include <string.h>

typedef struct result_object {
    PyObject        ob_base;
    module_state   *state;
    laminar_result *result;
} result_object;

PyObject *
ext_result_wrap(module_state *state, laminar_result *r) {
    PyTypeObject  *type = (PyTypeObject *)state->result_class;
    allocfunc      alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    result_object *self = (result_object *)(void *)alloc(type, 0);
    if (self == NULL) {
        laminar_result_free(r);
        return NULL;
    }
    self->state = state;
    self->result = r;
    return (PyObject *)self;
}

static void
result_dealloc(PyObject *o) {
    result_object *self = (result_object *)o;
    PyTypeObject  *type = Py_TYPE(o);
    laminar_result_free(self->result);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

static PyObject *
cell(const result_object *self, int64_t row, int32_t column) {
    laminar_value v;
    if (laminar_result_value(self->result, row, column, &v) < 0) {
        PyErr_SetString(PyExc_IndexError, "no such cell");
        return NULL;
    }
    return ext_value_object(self->state, &v);
}

static PyObject *
row_tuple(const result_object *self, int64_t row) {
    const int32_t width = laminar_result_column_count(self->result);
    PyObject     *tuple = PyTuple_New(width);
    for (int32_t i = 0; tuple != NULL && i < width; i++) {
        PyObject *v = cell(self, row, i);
        if (v == NULL || PyTuple_SetItem(tuple, i, v) < 0) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

static PyObject *
row_list(const result_object *self, int64_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (int64_t row = 0; list != NULL && row < count; row++) {
        PyObject *tuple = row_tuple(self, row);
        if (tuple == NULL || PyList_SetItem(list, (Py_ssize_t)row, tuple) < 0 ||
            (row % EXT_LOOK == EXT_LOOK - 1 && ext_look() < 0)) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *
result_fetchall(PyObject *o, PyObject *unused) {
    (void)unused;
    const result_object *self = (const result_object *)o;
    return row_list(self, laminar_result_row_count(self->result));
}

static PyObject *
result_fetchone(PyObject *o, PyObject *unused) {
    (void)unused;
    const result_object *self = (const result_object *)o;
    if (laminar_result_row_count(self->result) == 0) {
        Py_RETURN_NONE;
    }
    return row_tuple(self, 0);
}

static PyObject *
result_fetchmany(PyObject *o, PyObject *args, PyObject *kwargs) {
    static char         *names[] = {"size", NULL};
    const result_object *self = (const result_object *)o;
    long long            size = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|L:fetchmany", names, &size)) {
        return NULL;
    }
    if (size < 0) {
        PyErr_SetString(PyExc_ValueError, "size must be 0 or more");
        return NULL;
    }
    const int64_t rows = laminar_result_row_count(self->result);
    return row_list(self, size < rows ? size : rows);
}

static PyObject *
result_column(PyObject *o, PyObject *index) {
    const result_object *self = (const result_object *)o;
    const long           at = PyLong_AsLong(index);
    if (at == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (at < 0 || at >= laminar_result_column_count(self->result)) {
        PyErr_SetString(PyExc_IndexError, "no such column");
        return NULL;
    }
    const int64_t rows = laminar_result_row_count(self->result);
    PyObject     *list = PyList_New((Py_ssize_t)rows);
    for (int64_t row = 0; list != NULL && row < rows; row++) {
        PyObject *v = cell(self, row, (int32_t)at);
        if (v == NULL || PyList_SetItem(list, (Py_ssize_t)row, v) < 0 ||
            (row % EXT_LOOK == EXT_LOOK - 1 && ext_look() < 0)) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

/* ---------------------------------------------------------------------------------- Arrow */
static void
schema_capsule_free(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema != NULL) {
        if (schema->release != NULL) {
            schema->release(schema);
        }
        PyMem_Free(schema);
    }
}

PyObject *
ext_schema_capsule(struct ArrowSchema *schema) {
    struct ArrowSchema *moved = PyMem_Malloc(sizeof(*moved));
    PyObject           *capsule = NULL;
    if (moved == NULL) {
        PyErr_NoMemory();
    } else {
        *moved = *schema;
        capsule = PyCapsule_New(moved, "arrow_schema", schema_capsule_free);
    }
    if (capsule == NULL) {
        schema->release(schema);
        PyMem_Free(moved);
    }
    return capsule;
}

static void
stream_capsule_free(PyObject *capsule) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (stream != NULL) {
        if (stream->release != NULL) {
            stream->release(stream);
        }
        PyMem_Free(stream);
    }
}

PyObject *
ext_stream_capsule(struct ArrowArrayStream *stream) {
    struct ArrowArrayStream *moved = PyMem_Calloc(1, sizeof(*moved));
    PyObject                *capsule = NULL;
    if (moved != NULL) {
        *moved = *stream;
        capsule = PyCapsule_New(moved, "arrow_array_stream", stream_capsule_free);
    } else {
        PyErr_NoMemory();
    }
    if (capsule == NULL) {
        stream->release(stream);
        PyMem_Free(moved);
    }
    stream->release = NULL;
    return capsule;
}

static PyObject *
result_arrow_stream(PyObject *o, PyObject *args, PyObject *kwargs) {
    static char         *names[] = {"requested_schema", NULL};
    const result_object *self = (const result_object *)o;
    PyObject            *requested = NULL; /* the protocol lets a producer ignore it */
    laminar_error        err;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:__arrow_c_stream__", names, &requested)) {
        return NULL;
    }
    struct ArrowArrayStream stream = {0};
    if (laminar_result_stream(self->result, &stream, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_stream_capsule(&stream);
}

static PyObject *
result_arrow_schema(PyObject *o, PyObject *unused) {
    (void)unused;
    const result_object *self = (const result_object *)o;
    struct ArrowSchema   schema;
    laminar_error        err;
    if (laminar_result_schema(self->result, &schema, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_schema_capsule(&schema);
}

/* ---------------------------------------------------------------------------------- attributes */
static PyObject *
get_num_rows(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(laminar_result_row_count(((const result_object *)o)->result));
}

static PyObject *
get_num_columns(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromLong(laminar_result_column_count(((const result_object *)o)->result));
}

static PyObject *
get_num_batches(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromLong(laminar_result_batch_count(((const result_object *)o)->result));
}

static PyObject *
get_columns(PyObject *o, void *unused) {
    (void)unused;
    const result_object *self = (const result_object *)o;
    const int32_t        width = laminar_result_column_count(self->result);
    PyObject            *list = PyList_New(width);
    for (int32_t i = 0; list != NULL && i < width; i++) {
        PyObject *name = PyUnicode_FromString(laminar_result_column_name(self->result, i));
        if (name == NULL || PyList_SetItem(list, i, name) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

/* (kind, ddl type, ddl object, rows affected): what ExecuteResult shows. */
static PyObject *
get_outcome(PyObject *o, void *unused) {
    (void)unused;
    static const char *const kinds[] = {"ddl", "rows_affected", "query", "metadata"};
    const laminar_result    *r = ((const result_object *)o)->result;
    return Py_BuildValue("(szzL)", kinds[laminar_result_get_kind(r)], laminar_result_ddl_type(r),
                         laminar_result_ddl_object(r), (long long)laminar_result_rows_affected(r));
}

static PyObject *
get_column_types(PyObject *o, void *unused) {
    (void)unused;
    const laminar_result *r = ((const result_object *)o)->result;
    const int32_t         width = laminar_result_column_count(r);
    PyObject             *list = PyList_New(width);
    for (int32_t i = 0; list != NULL && i < width; i++) {
        PyObject *name = PyUnicode_FromString(laminar_result_column_type_name(r, i));
        if (name == NULL || PyList_SetItem(list, i, name) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

/* ---------------------------------------------------------------------------------- deliveries */
static PyObject *
get_position(PyObject *o, void *unused) {
    (void)unused;
    int64_t epoch, part;
    if (!laminar_result_position(((const result_object *)o)->result, &epoch, &part)) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(LL)", (long long)epoch, (long long)part);
}

static PyObject *
get_deleted(PyObject *o, void *unused) {
    (void)unused;
    const result_object *self = (const result_object *)o;
    laminar_result      *gone = NULL;
    laminar_error        err;
    const laminar_status s = laminar_result_deleted(self->result, &gone, &err);
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    if (s == LAMINAR_DONE) {
        Py_RETURN_NONE;
    }
    return ext_result_wrap(self->state, gone);
}

static PyObject *
get_ops(PyObject *o, void *unused) {
    (void)unused;
    const result_object *self = (const result_object *)o;
    const int64_t        count = laminar_result_row_count(self->result);
    PyObject            *ops = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count);
    char                *bytes = ops == NULL ? NULL : PyBytes_AsString(ops);
    for (int64_t i = 0; bytes != NULL && i < count; i++) {
        bytes[i] = (char)laminar_result_op(self->result, i);
    }
    return ops;
}

static Py_ssize_t
result_length(PyObject *o) {
    return (Py_ssize_t)laminar_result_row_count(((const result_object *)o)->result);
}

static PyObject *
result_batch(PyObject *o, PyObject *index) {
    const result_object *self = (const result_object *)o;
    const long           at = PyLong_AsLong(index);
    laminar_result      *one = NULL;
    laminar_error        err;
    if (at == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (laminar_result_batch(self->result, (int32_t)at, &one, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_result_wrap(self->state, one);
}

static PyMethodDef result_methods[] = {
    {"fetchall", result_fetchall, METH_NOARGS, ext_doc_fetchall},
    {"fetchone", result_fetchone, METH_NOARGS, ext_doc_fetchone},
    {"fetchmany", (PyCFunction)(void (*)(void))result_fetchmany, METH_VARARGS | METH_KEYWORDS,
     ext_doc_fetchmany},
    {"_column", result_column, METH_O,
     PyDoc_STR("_column($self, index, /)\n--\n\nOne column as a list.")},
    {"_batch", result_batch, METH_O,
     PyDoc_STR("_batch($self, index, /)\n--\n\nOne of its batches as a result of its own.")},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))result_arrow_stream,
     METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("__arrow_c_stream__($self, requested_schema=None)\n--\n\nThe rows by the Arrow "
               "PyCapsule protocol.")},
    {"__arrow_c_schema__", result_arrow_schema, METH_NOARGS,
     PyDoc_STR("__arrow_c_schema__($self)\n--\n\nThe schema by the Arrow PyCapsule protocol.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef result_attributes[] = {
    {"num_rows", get_num_rows, NULL, ext_doc_num_rows, NULL},
    {"num_columns", get_num_columns, NULL, ext_doc_num_columns, NULL},
    {"num_batches", get_num_batches, NULL, ext_doc_num_batches, NULL},
    {"columns", get_columns, NULL, ext_doc_columns, NULL},
    {"position", get_position, NULL, ext_doc_position, NULL},
    {"deleted", get_deleted, NULL, ext_doc_deleted, NULL},
    {"_ops", get_ops, NULL, PyDoc_STR("One byte a row: 0 insert, 1 update, 2 delete."), NULL},
    {"_outcome", get_outcome, NULL, PyDoc_STR("(kind, ddl type, ddl object, rows affected)."),
     NULL},
    {"_column_types", get_column_types, NULL, PyDoc_STR("SQL type names."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot result_slots[] = {
    {Py_tp_doc, PyDoc_STR("A finished set of rows.")},
    {Py_tp_dealloc, result_dealloc},
    {Py_tp_methods, result_methods},
    {Py_tp_getset, result_attributes},
    {Py_sq_length, result_length},
    {0, NULL},
};

static PyType_Spec result_spec = {
    .name = "laminardb._laminardb.Result",
    .basicsize = sizeof(result_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = result_slots,
};

int
ext_result_setup(PyObject *module, module_state *state) {
    state->result_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &result_spec, NULL);
    return state->result_type == NULL ? -1 : PyModule_AddType(module, state->result_type);
}
