/* SPDX-License-Identifier: Apache-2.0 */
/* udf_read.c - values of Arrow arrays that the engine gives, as Python objects: those that fetchall
 * has for the same types. */
#include "udf.h"

#include <stdlib.h>
#include <string.h>

typedef struct known {
    const char  *format;
    ext_kind     kind;
    laminar_type type;
    int32_t      width;
} known;

static const known formats[] = {
    {"n", EXT_NULL, LAMINAR_TYPE_NULL, 0},
    {"b", EXT_BOOL, LAMINAR_TYPE_BOOLEAN, 0},
    {"c", EXT_SIGNED, LAMINAR_TYPE_TINYINT, 1},
    {"s", EXT_SIGNED, LAMINAR_TYPE_SMALLINT, 2},
    {"i", EXT_SIGNED, LAMINAR_TYPE_INTEGER, 4},
    {"l", EXT_SIGNED, LAMINAR_TYPE_BIGINT, 8},
    {"C", EXT_UNSIGNED, LAMINAR_TYPE_UTINYINT, 1},
    {"S", EXT_UNSIGNED, LAMINAR_TYPE_USMALLINT, 2},
    {"I", EXT_UNSIGNED, LAMINAR_TYPE_UINTEGER, 4},
    {"L", EXT_UNSIGNED, LAMINAR_TYPE_UBIGINT, 8},
    {"f", EXT_FLOAT, LAMINAR_TYPE_FLOAT, 4},
    {"g", EXT_DOUBLE, LAMINAR_TYPE_DOUBLE, 8},
    {"u", EXT_TEXT, LAMINAR_TYPE_VARCHAR, 4},
    {"z", EXT_BLOB, LAMINAR_TYPE_BLOB, 4},
    {"w:16", EXT_VALUE, LAMINAR_TYPE_UUID, 16},
    {"tdD", EXT_VALUE, LAMINAR_TYPE_DATE, 4},
    {"ttu", EXT_VALUE, LAMINAR_TYPE_TIME, 8},
    {"tss:", EXT_VALUE, LAMINAR_TYPE_TIMESTAMP_S, 8},
    {"tsm:", EXT_VALUE, LAMINAR_TYPE_TIMESTAMP_MS, 8},
    {"tsu:", EXT_VALUE, LAMINAR_TYPE_TIMESTAMP, 8},
    {"tsn:", EXT_VALUE, LAMINAR_TYPE_TIMESTAMP_NS, 8},
    {"tsu:UTC", EXT_VALUE, LAMINAR_TYPE_TIMESTAMPTZ, 8},
    {"tin", EXT_VALUE, LAMINAR_TYPE_INTERVAL, 16},
    {"+l", EXT_LIST, LAMINAR_TYPE_LIST, 4},
    {"+s", EXT_STRUCT, LAMINAR_TYPE_STRUCT, 0},
    {"+m", EXT_MAP, LAMINAR_TYPE_MAP, 4},
};

static int
decimal_type(const struct ArrowSchema *schema, ext_type *out) {
    char      *end;
    const long precision = strtol(schema->format + 2, &end, 10);
    const long scale = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    /* Metadata are the engine's mark of a HUGEINT, which decimals have none of. */
    const bool is_huge = precision == 38 && scale == 0 && schema->metadata != NULL;
    *out = (ext_type){.kind = EXT_VALUE,
                      .type = is_huge ? LAMINAR_TYPE_HUGEINT : LAMINAR_TYPE_DECIMAL,
                      .width = 16,
                      .precision = (uint8_t)precision,
                      .scale = (uint8_t)scale};
    return 0;
}

int
ext_type_of(const struct ArrowSchema *schema, ext_type *out) {
    if (strncmp(schema->format, "d:", 2) == 0) {
        return decimal_type(schema, out);
    }
    if (strncmp(schema->format, "+w:", 3) == 0) {
        *out = (ext_type){.kind = EXT_FIXED_LIST,
                          .type = LAMINAR_TYPE_LIST,
                          .width = (int32_t)strtol(schema->format + 3, NULL, 10)};
        return 0;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(schema->format, formats[i].format) == 0) {
            *out = (ext_type){
                .kind = formats[i].kind, .type = formats[i].type, .width = formats[i].width};
            return 0;
        }
    }
    PyErr_Format(PyExc_TypeError, "values of Arrow format \"%.32s\" are no values of a function",
                 schema->format);
    return -1;
}

int
ext_reader_open(ext_reader *r, const struct ArrowSchema *schema, const struct ArrowArray *array) {
    *r = (ext_reader){.schema = schema, .offset = array->offset, .length = array->length};
    if (ext_type_of(schema, &r->type) < 0) {
        return -1;
    }
    const bool is_text = r->type.kind == EXT_TEXT || r->type.kind == EXT_BLOB;
    const bool is_listed = r->type.kind == EXT_LIST || r->type.kind == EXT_MAP;
    r->validity = array->n_buffers > 0 && array->null_count != 0 ? array->buffers[0] : NULL;
    if (is_text || is_listed) {
        r->offsets = array->buffers[1];
        r->data = is_text ? array->buffers[2] : NULL;
    } else {
        r->data = array->n_buffers > 1 ? array->buffers[1] : NULL;
    }
    if (array->n_children > 0) {
        r->parts = PyMem_Calloc((size_t)array->n_children, sizeof(*r->parts));
        if (r->parts == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (; r->part_count < array->n_children; r->part_count++) {
        const int32_t i = r->part_count;
        if (ext_reader_open(&r->parts[i], schema->children[i], array->children[i]) < 0) {
            ext_reader_close(&r->parts[i]);
            ext_reader_close(r);
            return -1;
        }
    }
    return 0;
}

void
ext_reader_close(ext_reader *r) {
    for (int32_t i = 0; i < r->part_count; i++) {
        ext_reader_close(&r->parts[i]);
    }
    PyMem_Free(r->parts);
    r->parts = NULL;
    r->part_count = 0;
}

/* ---------------------------------------------------------------------------------- values */
static PyObject *
small_integer(const ext_reader *r, int64_t at) {
    const bool is_signed = r->type.kind == EXT_SIGNED;
    switch (r->type.width) {
    case 1:
        return PyLong_FromLong(is_signed ? ((const int8_t *)r->data)[at] : r->data[at]);
    case 2:
        return PyLong_FromLong(is_signed ? ((const int16_t *)(const void *)r->data)[at]
                                         : ((const uint16_t *)(const void *)r->data)[at]);
    case 4:
        return is_signed ? PyLong_FromLong(((const int32_t *)(const void *)r->data)[at])
                         : PyLong_FromUnsignedLong(((const uint32_t *)(const void *)r->data)[at]);
    default:
        return is_signed
                   ? PyLong_FromLongLong(((const int64_t *)(const void *)r->data)[at])
                   : PyLong_FromUnsignedLongLong(((const uint64_t *)(const void *)r->data)[at]);
    }
}

static int64_t
read_big_endian(const uint8_t *from) {
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) {
        n = n << 8 | from[i];
    }
    return (int64_t)n;
}

static PyObject *
other_value(module_state *state, const ext_reader *r, int64_t at) {
    const uint8_t *from = r->data + at * r->type.width;
    laminar_value  v = {
         .type = (int32_t)r->type.type, .precision = r->type.precision, .scale = r->type.scale};
    if (r->type.type == LAMINAR_TYPE_UUID) {
        v.high = read_big_endian(from);
        v.i = read_big_endian(from + 8);
    } else if (r->type.type == LAMINAR_TYPE_INTERVAL) {
        memcpy(&v.months, from, 4);
        memcpy(&v.days, from + 4, 4);
        memcpy(&v.i, from + 8, 8);
        v.i /= 1000;
    } else if (r->type.width == 4) {
        int32_t days;
        memcpy(&days, from, 4);
        v.i = days;
    } else {
        memcpy(&v.i, from, 8);
        if (r->type.width == 16) {
            memcpy(&v.high, from + 8, 8);
        }
    }
    return ext_value_object(state, &v);
}

static PyObject *
items(module_state *state, const ext_reader *of, int64_t from, int64_t until) {
    PyObject *list = PyList_New((Py_ssize_t)(until - from));
    for (int64_t i = from; list != NULL && i < until; i++) {
        PyObject *item = ext_reader_get(state, of, i);
        if (item == NULL || PyList_SetItem(list, (Py_ssize_t)(i - from), item) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
fields(module_state *state, const ext_reader *r, int64_t at) {
    const bool named = r->part_count == 0 || r->parts[0].schema->name[0] != '\0';
    PyObject  *made = named ? PyDict_New() : PyTuple_New(r->part_count);
    for (int32_t i = 0; made != NULL && i < r->part_count; i++) {
        PyObject *v = ext_reader_get(state, &r->parts[i], at);
        int       done;
        if (named) {
            done = v == NULL ? -1 : PyDict_SetItemString(made, r->parts[i].schema->name, v);
            Py_XDECREF(v);
        } else {
            done = v == NULL ? -1 : PyTuple_SetItem(made, i, v);
        }
        if (done < 0) {
            Py_CLEAR(made);
        }
    }
    return made;
}

/* A dict; a list of pairs when a key cannot be one of a dict. */
static PyObject *
entries(module_state *state, const ext_reader *of, int64_t from, int64_t until) {
    PyObject *dict = PyDict_New();
    PyObject *pairs = PyList_New(0);
    for (int64_t i = from + of->offset; pairs != NULL && i < until + of->offset; i++) {
        PyObject *key = ext_reader_get(state, &of->parts[0], i);
        PyObject *v = key == NULL ? NULL : ext_reader_get(state, &of->parts[1], i);
        PyObject *pair = v == NULL ? NULL : PyTuple_Pack(2, key, v);
        if (pair == NULL || PyList_Append(pairs, pair) < 0) {
            Py_CLEAR(pairs);
        } else if (dict != NULL && PyDict_SetItem(dict, key, v) < 0) {
            PyErr_Clear();
            Py_CLEAR(dict);
        }
        Py_XDECREF(pair);
        Py_XDECREF(v);
        Py_XDECREF(key);
    }
    if (pairs == NULL) {
        Py_CLEAR(dict);
    } else if (dict != NULL) {
        Py_DECREF(pairs);
    }
    return dict != NULL ? dict : pairs;
}

PyObject *
ext_reader_get(module_state *state, const ext_reader *r, int64_t row) {
    const int64_t at = r->offset + row;
    if (r->validity != NULL && (r->validity[at >> 3] >> (at & 7) & 1) == 0) {
        Py_RETURN_NONE;
    }
    switch (r->type.kind) {
    case EXT_BOOL:
        return PyBool_FromLong(r->data[at >> 3] >> (at & 7) & 1);
    case EXT_SIGNED:
    case EXT_UNSIGNED:
        return small_integer(r, at);
    case EXT_FLOAT:
        return PyFloat_FromDouble((double)((const float *)(const void *)r->data)[at]);
    case EXT_DOUBLE:
        return PyFloat_FromDouble(((const double *)(const void *)r->data)[at]);
    case EXT_TEXT:
        return PyUnicode_DecodeUTF8((const char *)r->data + r->offsets[at],
                                    r->offsets[at + 1] - r->offsets[at], NULL);
    case EXT_BLOB:
        return PyBytes_FromStringAndSize((const char *)r->data + r->offsets[at],
                                         r->offsets[at + 1] - r->offsets[at]);
    case EXT_VALUE:
        return other_value(state, r, at);
    case EXT_LIST:
        return items(state, &r->parts[0], r->offsets[at], r->offsets[at + 1]);
    case EXT_FIXED_LIST:
        return items(state, &r->parts[0], at * r->type.width, (at + 1) * r->type.width);
    case EXT_STRUCT:
        return fields(state, r, at);
    case EXT_MAP:
        return entries(state, &r->parts[0], r->offsets[at], r->offsets[at + 1]);
    case EXT_NULL:
    default:
        Py_RETURN_NONE;
    }
}
