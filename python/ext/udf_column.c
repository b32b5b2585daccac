/* SPDX-License-Identifier: Apache-2.0 */
/* udf_column.c - laminardb._laminardb.Column: an argument of a call.
 *
 * It owns the Arrow array, moved out of the call, so what a function keeps of an argument stays
 * valid. pyarrow moves it on by `address`; numpy looks into it as into a buffer of bytes. Its
 * schema is the call's and gone after it: then a Column is memory, and no values. */
#include "udf.h"

#include <string.h>

typedef struct column_object {
    PyObject                  ob_base;
    module_state             *state;
    struct ArrowArray         array;
    const struct ArrowSchema *schema; /* NULL: the call is over */
    struct ArrowSchema        lent;
    ext_type                  type;
    bool                      is_constant;
} column_object;

PyObject *
ext_columns_of(module_state *state, const laminar_call *call) {
    PyObject *columns = PyTuple_New(call->argument_count);
    allocfunc alloc = (allocfunc)PyType_GetSlot(state->column_type, Py_tp_alloc);
    for (int32_t i = 0; columns != NULL && i < call->argument_count; i++) {
        column_object *c = (column_object *)(void *)alloc(state->column_type, 0);
        if (c == NULL || PyTuple_SetItem(columns, i, (PyObject *)c) < 0) {
            Py_DECREF(columns);
            return NULL;
        }
        c->state = state;
        c->schema = &call->types[i];
        c->is_constant = call->constants != NULL && call->constants[i];
        if (ext_type_of(c->schema, &c->type) < 0) {
            Py_DECREF(columns);
            return NULL;
        }
        struct ArrowArray *given = &call->arguments[i];
        c->array = *given; /* moves */
        given->release = NULL;
    }
    return columns;
}

void
ext_columns_end(PyObject *columns) {
    for (Py_ssize_t i = 0; columns != NULL && i < PyTuple_Size(columns); i++) {
        ((column_object *)PyTuple_GetItem(columns, i))->schema = NULL;
    }
}

static void
column_dealloc(PyObject *o) {
    column_object *self = (column_object *)o;
    PyTypeObject  *type = Py_TYPE(o);
    if (self->array.release != NULL) {
        self->array.release(&self->array);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

/* Fixed-width values from the first of the array on; of booleans all bits, from `offset` on. */
static int
column_buffer(PyObject *o, Py_buffer *view, int flags) {
    const column_object *self = (const column_object *)o;
    const bool           is_bits = self->type.kind == EXT_BOOL;
    if ((!is_bits && self->type.width == 0) || self->type.kind == EXT_TEXT ||
        self->type.kind == EXT_BLOB || self->type.kind >= EXT_LIST || self->array.release == NULL) {
        PyErr_SetString(PyExc_BufferError, "no column of fixed width");
        view->obj = NULL;
        return -1;
    }
    const int64_t skip = is_bits ? 0 : self->array.offset * self->type.width;
    const int64_t size = is_bits ? (self->array.offset + self->array.length + 7) / 8
                                 : self->array.length * self->type.width;
    static char   nothing[1];
    const char   *data = self->array.buffers[1];
    char         *start = nothing;
    if (data != NULL && size > 0) {
        memcpy(&start, &data, sizeof(start)); /* read-only, whatever its type says */
        start += skip;
    }
    return PyBuffer_FillInfo(view, o, start, (Py_ssize_t)size, 1, flags);
}

/* ---------------------------------------------------------------------------------- values */
static const struct ArrowSchema *
schema_of(const column_object *self) {
    if (self->schema == NULL || self->array.release == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the call of this column is over");
        return NULL;
    }
    return self->schema;
}

static PyObject *
column_tolist(PyObject *o, PyObject *unused) {
    (void)unused;
    const column_object      *self = (const column_object *)o;
    const struct ArrowSchema *schema = schema_of(self);
    ext_reader                r;
    if (schema == NULL || ext_reader_open(&r, schema, &self->array) < 0) {
        return NULL;
    }
    PyObject *list = PyList_New((Py_ssize_t)self->array.length);
    for (int64_t row = 0; list != NULL && row < self->array.length; row++) {
        PyObject *v = ext_reader_get(self->state, &r, row);
        if (v == NULL || PyList_SetItem(list, (Py_ssize_t)row, v) < 0 ||
            (row % EXT_LOOK == EXT_LOOK - 1 && ext_look() < 0)) {
            Py_CLEAR(list);
        }
    }
    ext_reader_close(&r);
    return list;
}

/* A byte for each row: 1 where there is a value. */
static PyObject *
column_valid(PyObject *o, PyObject *unused) {
    (void)unused;
    const column_object *self = (const column_object *)o;
    if (schema_of(self) == NULL) {
        return NULL;
    }
    const int64_t  count = self->array.length;
    const uint8_t *bits = self->array.n_buffers > 0 ? self->array.buffers[0] : NULL;
    PyObject      *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count);
    char          *out = bytes == NULL ? NULL : PyBytes_AsString(bytes);
    for (int64_t i = 0; out != NULL && i < count; i++) {
        const int64_t at = self->array.offset + i;
        out[i] = (char)(self->type.kind == EXT_NULL ? 0
                        : bits == NULL              ? 1
                                                    : bits[at >> 3] >> (at & 7) & 1);
    }
    return bytes;
}

static PyObject *
get_address(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromVoidPtr(&((column_object *)o)->array);
}

static PyObject *
get_schema_address(PyObject *o, void *unused) {
    (void)unused;
    column_object            *self = (column_object *)o;
    const struct ArrowSchema *schema = schema_of(self);
    if (schema == NULL) {
        return NULL;
    }
    ext_schema_lend(schema, &self->lent);
    return PyLong_FromVoidPtr(&self->lent);
}

static PyObject *
get_format(PyObject *o, void *unused) {
    (void)unused;
    const struct ArrowSchema *schema = schema_of((const column_object *)o);
    return schema == NULL ? NULL : PyUnicode_FromString(schema->format);
}

static PyObject *
get_null_count(PyObject *o, void *unused) {
    (void)unused;
    const struct ArrowArray *a = &((const column_object *)o)->array;
    return PyLong_FromLongLong(a->n_buffers > 0 && a->buffers[0] == NULL ? 0 : a->null_count);
}

static PyObject *
get_offset(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(((const column_object *)o)->array.offset);
}

static PyObject *
get_is_constant(PyObject *o, void *unused) {
    (void)unused;
    return PyBool_FromLong(((const column_object *)o)->is_constant);
}

static Py_ssize_t
column_length(PyObject *o) {
    return (Py_ssize_t)((const column_object *)o)->array.length;
}

static PyMethodDef column_methods[] = {
    {"tolist", column_tolist, METH_NOARGS, PyDoc_STR("tolist($self)\n--\n\nIts values.")},
    {"valid", column_valid, METH_NOARGS,
     PyDoc_STR("valid($self)\n--\n\nA byte for each row: 1 where there is a value.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef column_attributes[] = {
    {"address", get_address, NULL, PyDoc_STR("Of the ArrowArray, which may be moved out."), NULL},
    {"schema_address", get_schema_address, NULL, PyDoc_STR("Of the ArrowSchema."), NULL},
    {"format", get_format, NULL, PyDoc_STR("Arrow's."), NULL},
    {"null_count", get_null_count, NULL, PyDoc_STR("0: none; -1: unknown."), NULL},
    {"offset", get_offset, NULL, PyDoc_STR("Of the first value."), NULL},
    {"is_constant", get_is_constant, NULL, PyDoc_STR("One value stands for all rows."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot column_slots[] = {
    {Py_tp_doc, PyDoc_STR("An argument of a function of the program.")},
    {Py_tp_dealloc, column_dealloc},
    {Py_tp_methods, column_methods},
    {Py_tp_getset, column_attributes},
    {Py_sq_length, column_length},
    {Py_bf_getbuffer, column_buffer},
    {0, NULL},
};

static PyType_Spec column_spec = {
    .name = "laminardb._laminardb.Column",
    .basicsize = sizeof(column_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = column_slots,
};

int
ext_column_setup(PyObject *module, module_state *state) {
    state->column_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &column_spec, NULL);
    return state->column_type == NULL ? -1 : PyModule_AddType(module, state->column_type);
}
