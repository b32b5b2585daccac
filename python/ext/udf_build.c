/* SPDX-License-Identifier: Apache-2.0 */
/* udf_build.c - Python values as an Arrow array of a given type, without pyarrow.
 *
 * A value must be of its type: an int is no text, a float no INTEGER. What is made lies in memory
 * of malloc, so the engine releases it on any thread without Python. */
#include "udf.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128          int128;
__extension__ typedef unsigned __int128 uint128;

#define BYTES_MAX INT32_MAX /* of the texts of an array */

static int
grow(void **memory, int64_t size) {
    void *more = realloc(*memory, (size_t)(size > 0 ? size : 1));
    if (more == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *memory = more;
    return 0;
}

/* Bytes that `room` values take. */
static int64_t
data_size(const ext_builder *b, int64_t room) {
    switch (b->type.kind) {
    case EXT_BOOL:
        return (room + 7) / 8;
    case EXT_TEXT:
    case EXT_BLOB:
    case EXT_LIST:
    case EXT_MAP:
        return (room + 1) * 4;
    case EXT_NULL:
    case EXT_STRUCT:
    case EXT_FIXED_LIST:
        return 0;
    default:
        return room * b->type.width;
    }
}

static int
make_room(ext_builder *b, int64_t room) {
    const int64_t old = b->room;
    const int64_t bits = (room + 7) / 8, old_bits = (old + 7) / 8;
    if (grow((void **)&b->validity, bits) < 0 || grow((void **)&b->data, data_size(b, room)) < 0) {
        return -1;
    }
    const int64_t from = old == 0 ? 0 : data_size(b, old);
    memset(b->validity + (old == 0 ? 0 : old_bits), 0, (size_t)(bits - (old == 0 ? 0 : old_bits)));
    if (data_size(b, room) > from) {
        memset(b->data + from, 0, (size_t)(data_size(b, room) - from));
    }
    b->room = room;
    return 0;
}

int
ext_builder_open(ext_builder *b, module_state *state, const struct ArrowSchema *schema,
                 int64_t room) {
    *b = (ext_builder){.state = state, .schema = schema};
    if (ext_type_of(schema, &b->type) < 0 || make_room(b, room < 8 ? 8 : room) < 0) {
        ext_builder_close(b);
        return -1;
    }
    if (schema->n_children > 0) {
        b->parts = PyMem_Calloc((size_t)schema->n_children, sizeof(*b->parts));
        if (b->parts == NULL) {
            ext_builder_close(b);
            PyErr_NoMemory();
            return -1;
        }
    }
    for (; b->part_count < schema->n_children; b->part_count++) {
        if (ext_builder_open(&b->parts[b->part_count], state, schema->children[b->part_count], 0) <
            0) {
            ext_builder_close(b);
            return -1;
        }
    }
    return 0;
}

void
ext_builder_close(ext_builder *b) {
    for (int32_t i = 0; i < b->part_count; i++) {
        ext_builder_close(&b->parts[i]);
    }
    PyMem_Free(b->parts);
    free(b->validity);
    free(b->data);
    free(b->bytes);
    *b = (ext_builder){0};
}

/* ---------------------------------------------------------------------------------- one value */
static int
wrong_type(const ext_builder *b, PyObject *v) {
    PyErr_Format(PyExc_TypeError, "%R of type %S is no value of the Arrow type \"%s\"", v,
                 Py_TYPE(v), b->schema->format);
    return -1;
}

static int
out_of_range(PyObject *v) {
    PyErr_Format(PyExc_OverflowError, "%.200S does not fit the declared type", v);
    return -1;
}

static int
add_integer(ext_builder *b, PyObject *v) {
    laminar_value n = {0};
    uint8_t      *to = b->data + b->length * b->type.width;
    if (!PyLong_Check(v)) {
        return wrong_type(b, v);
    }
    const int done = ext_long_read(v, &n);
    if (done < 0) {
        return -1;
    }
    const int  bits = 8 * b->type.width - (b->type.kind == EXT_SIGNED);
    const bool is_small = done == 1 && n.type == (int32_t)LAMINAR_TYPE_BIGINT;
    bool       fits;
    if (b->type.kind == EXT_SIGNED) {
        fits =
            is_small && (bits == 63 || (n.i >= -((int64_t)1 << bits) && n.i < (int64_t)1 << bits));
    } else {
        fits = is_small ? n.i >= 0 && (bits == 64 || n.i < (int64_t)1 << bits)
                        : done == 1 && bits == 64 && n.high == 0;
    }
    if (!fits) {
        return out_of_range(v);
    }
    memcpy(to, &n.i, (size_t)b->type.width);
    return 0;
}

static int
add_double(ext_builder *b, PyObject *v) {
    if (!PyFloat_Check(v) && (!PyLong_Check(v) || PyBool_Check(v))) {
        return wrong_type(b, v);
    }
    const double d = PyFloat_AsDouble(v);
    if (d == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    if (b->type.kind == EXT_DOUBLE) {
        ((double *)(void *)b->data)[b->length] = d;
    } else {
        ((float *)(void *)b->data)[b->length] = (float)d;
    }
    return 0;
}

static int
add_bytes(ext_builder *b, PyObject *v) {
    const char *bytes = NULL;
    char       *mutable_bytes;
    Py_ssize_t  size = 0;
    if (b->type.kind == EXT_TEXT && PyUnicode_Check(v)) {
        bytes = PyUnicode_AsUTF8AndSize(v, &size);
    } else if (b->type.kind == EXT_BLOB && PyBytes_Check(v)) {
        bytes = PyBytes_AsStringAndSize(v, &mutable_bytes, &size) < 0 ? NULL : mutable_bytes;
    } else {
        return wrong_type(b, v);
    }
    if (bytes == NULL) {
        return -1;
    }
    if (size > BYTES_MAX - b->byte_count) {
        PyErr_SetString(PyExc_OverflowError, "the texts of one call take more than 2 GiB");
        return -1;
    }
    if (b->byte_count + size > b->byte_room) {
        const int64_t room = 2 * (b->byte_count + size) + 64;
        if (grow((void **)&b->bytes, room) < 0) {
            return -1;
        }
        b->byte_room = room;
    }
    memcpy(b->bytes + b->byte_count, bytes, (size_t)size);
    b->byte_count += size;
    return 0;
}

/* ---------------------------------------------------------------------------------- others */
static int128
wide_of(const laminar_value *v) {
    return (int128)((uint128)(uint64_t)v->high << 64 | (uint64_t)v->i);
}

/* A DECIMAL, or an int, at another scale: digits are never cut. */
static int
put_decimal(ext_builder *b, PyObject *v, const laminar_value *n) {
    int128 wide = n->type == (int32_t)LAMINAR_TYPE_BIGINT ? (int128)n->i : wide_of(n);
    int128 limit = 1;
    for (int i = 0; i < b->type.precision; i++) {
        limit *= 10;
    }
    for (int scale = n->scale; scale < b->type.scale; scale++) {
        if (wide >= limit || wide <= -limit) {
            return out_of_range(v);
        }
        wide *= 10;
    }
    for (int scale = n->scale; scale > b->type.scale; scale--) {
        if (wide % 10 != 0) {
            return out_of_range(v);
        }
        wide /= 10;
    }
    if (wide >= limit || wide <= -limit) {
        return out_of_range(v);
    }
    memcpy(b->data + 16 * b->length, &wide, sizeof(wide));
    return 0;
}

static void
write_big_endian(uint8_t *to, int64_t from) {
    for (int i = 0; i < 8; i++) {
        to[i] = (uint8_t)((uint64_t)from >> (56 - 8 * i));
    }
}

static int
put_interval(ext_builder *b, PyObject *v, int32_t months, int32_t days, int64_t us) {
    uint8_t *to = b->data + 16 * b->length;
    if (us > INT64_MAX / 1000 || us < INT64_MIN / 1000) {
        return out_of_range(v);
    }
    const int64_t ns = us * 1000;
    memcpy(to, &months, 4);
    memcpy(to + 4, &days, 4);
    memcpy(to + 8, &ns, 8);
    return 0;
}

/* laminardb.interval.Interval: a tuple of months, days and microseconds. */
static int
add_interval(ext_builder *b, PyObject *v) {
    int       months, days;
    long long us;
    if (PyTuple_Check(v) && PyTuple_Size(v) == 3 && PyObject_HasAttrString(v, "months")) {
        return PyArg_ParseTuple(v, "iiL", &months, &days, &us)
                   ? put_interval(b, v, months, days, us)
                   : -1;
    }
    laminar_value n;
    const int     known = ext_value_read(b->state, v, &n);
    if (known < 0) {
        return -1;
    }
    return known == 1 && n.type == (int32_t)LAMINAR_TYPE_INTERVAL
               ? put_interval(b, v, n.months, n.days, n.i)
               : wrong_type(b, v);
}

/* Timestamps of any unit, from microseconds. */
static int
put_timestamp(ext_builder *b, PyObject *v, const laminar_value *n) {
    int64_t units = n->i;
    if (n->type != (int32_t)LAMINAR_TYPE_TIMESTAMP &&
        n->type != (int32_t)LAMINAR_TYPE_TIMESTAMPTZ) {
        return wrong_type(b, v);
    }
    const bool aware = n->type == (int32_t)LAMINAR_TYPE_TIMESTAMPTZ;
    if (aware != (b->type.type == LAMINAR_TYPE_TIMESTAMPTZ)) {
        PyErr_Format(PyExc_TypeError,
                     "%R: a datetime with a zone is a TIMESTAMPTZ, without one a "
                     "TIMESTAMP",
                     v);
        return -1;
    }
    const int64_t cut = b->type.type == LAMINAR_TYPE_TIMESTAMP_S    ? 1000000
                        : b->type.type == LAMINAR_TYPE_TIMESTAMP_MS ? 1000
                                                                    : 1;
    if (b->type.type == LAMINAR_TYPE_TIMESTAMP_NS) {
        if (units > INT64_MAX / 1000 || units < INT64_MIN / 1000) {
            return out_of_range(v);
        }
        units *= 1000;
    }
    if (units % cut != 0) {
        return out_of_range(v);
    }
    units /= cut;
    memcpy(b->data + 8 * b->length, &units, 8);
    return 0;
}

static int
add_other(ext_builder *b, PyObject *v) {
    laminar_value n;
    if (b->type.type == LAMINAR_TYPE_INTERVAL) {
        return add_interval(b, v);
    }
    const int known = PyBool_Check(v) ? 0 : ext_value_read(b->state, v, &n);
    if (known <= 0) {
        return known < 0 ? -1 : wrong_type(b, v);
    }
    const laminar_type is = (laminar_type)n.type;
    switch (b->type.type) {
    case LAMINAR_TYPE_HUGEINT: {
        const int128 wide = is == LAMINAR_TYPE_BIGINT ? (int128)n.i : wide_of(&n);
        if (is != LAMINAR_TYPE_BIGINT && is != LAMINAR_TYPE_HUGEINT) {
            return wrong_type(b, v);
        }
        memcpy(b->data + 16 * b->length, &wide, sizeof(wide));
        return 0;
    }
    case LAMINAR_TYPE_DECIMAL:
        return is == LAMINAR_TYPE_DECIMAL || is == LAMINAR_TYPE_BIGINT || is == LAMINAR_TYPE_HUGEINT
                   ? put_decimal(b, v, &n)
                   : wrong_type(b, v);
    case LAMINAR_TYPE_UUID:
        write_big_endian(b->data + 16 * b->length, n.high);
        write_big_endian(b->data + 16 * b->length + 8, n.i);
        return is == LAMINAR_TYPE_UUID ? 0 : wrong_type(b, v);
    case LAMINAR_TYPE_DATE:
    case LAMINAR_TYPE_TIME:
        memcpy(b->data + b->type.width * b->length, &n.i, (size_t)b->type.width);
        return is == b->type.type ? 0 : wrong_type(b, v);
    default:
        return put_timestamp(b, v, &n);
    }
}

/* ---------------------------------------------------------------------------------- nested */
static int
add_items(ext_builder *b, PyObject *v) {
    PyObject *items =
        PyUnicode_Check(v) || PyBytes_Check(v) || PyDict_Check(v) ? NULL : PySequence_Tuple(v);
    if (items == NULL) {
        PyErr_Clear();
        return wrong_type(b, v);
    }
    const Py_ssize_t count = PyTuple_Size(items);
    int              done = 0;
    if (b->type.kind == EXT_FIXED_LIST && count != b->type.width) {
        PyErr_Format(PyExc_ValueError, "a list of %zd items, where the type has %d", count,
                     b->type.width);
        done = -1;
    }
    for (Py_ssize_t i = 0; done == 0 && i < count; i++) {
        done = ext_builder_add(&b->parts[0], PyTuple_GetItem(items, i));
    }
    Py_DECREF(items);
    return done;
}

static int
add_fields(ext_builder *b, PyObject *v) {
    const bool by_name = PyDict_Check(v);
    PyObject  *items = by_name || !PyTuple_Check(v) ? NULL : Py_NewRef(v);
    if (!by_name && (items == NULL || PyTuple_Size(items) != b->part_count)) {
        Py_XDECREF(items);
        return wrong_type(b, v);
    }
    Py_ssize_t used = 0;
    int        done = 0;
    for (int32_t i = 0; done == 0 && i < b->part_count; i++) {
        PyObject *item = Py_None;
        if (by_name) {
            PyObject *name = PyUnicode_FromString(b->parts[i].schema->name);
            item = name == NULL ? NULL : PyDict_GetItemWithError(v, name);
            Py_XDECREF(name);
            used += item != NULL;
            if (item == NULL && !PyErr_Occurred()) {
                item = Py_None;
            }
        } else {
            item = PyTuple_GetItem(items, i);
        }
        done = item == NULL ? -1 : ext_builder_add(&b->parts[i], item);
    }
    if (done == 0 && by_name && used != PyDict_Size(v)) {
        PyErr_Format(PyExc_ValueError, "%R has keys that the declared type has not", v);
        done = -1;
    }
    Py_XDECREF(items);
    return done;
}

/* A dict, or pairs. */
static int
add_entries(ext_builder *b, PyObject *v) {
    PyObject *pairs = PyDict_Check(v) ? PyMapping_Items(v) : PySequence_List(v);
    int       done = pairs == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; done == 0 && i < PyList_Size(pairs); i++) {
        done = add_fields(&b->parts[0], PyList_GetItem(pairs, i));
        if (done == 0) {
            ext_builder *entry = &b->parts[0];
            if (entry->length == entry->room) {
                done = make_room(entry, 2 * entry->room);
            }
            entry->validity[entry->length >> 3] |= (uint8_t)(1 << (entry->length & 7));
            entry->length++;
        }
    }
    Py_XDECREF(pairs);
    return done;
}

/* Where the next value of texts and lists begins. */
static int
put_end(ext_builder *b) {
    const int64_t end =
        b->type.kind == EXT_TEXT || b->type.kind == EXT_BLOB ? b->byte_count : b->parts[0].length;
    if (end > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "the lists of one call have more than 2^31 items");
        return -1;
    }
    ((int32_t *)(void *)b->data)[b->length + 1] = (int32_t)end;
    return 0;
}

static int
add_null(ext_builder *b) {
    b->nulls++;
    int           done = 0;
    const int64_t parts = b->type.kind == EXT_STRUCT       ? 1
                          : b->type.kind == EXT_FIXED_LIST ? b->type.width
                                                           : 0;
    for (int32_t i = 0; done == 0 && i < b->part_count; i++) {
        for (int64_t k = 0; done == 0 && k < parts; k++) {
            done = ext_builder_add(&b->parts[i], Py_None);
        }
    }
    return done;
}

static int
add_some(ext_builder *b, PyObject *v) {
    switch (b->type.kind) {
    case EXT_BOOL:
        if (!PyBool_Check(v)) {
            return wrong_type(b, v);
        }
        b->data[b->length >> 3] |= (uint8_t)((v == Py_True) << (b->length & 7));
        return 0;
    case EXT_SIGNED:
    case EXT_UNSIGNED:
        return add_integer(b, v);
    case EXT_FLOAT:
    case EXT_DOUBLE:
        return add_double(b, v);
    case EXT_TEXT:
    case EXT_BLOB:
        return add_bytes(b, v);
    case EXT_LIST:
    case EXT_FIXED_LIST:
        return add_items(b, v);
    case EXT_STRUCT:
        return add_fields(b, v);
    case EXT_MAP:
        return add_entries(b, v);
    case EXT_VALUE:
        return add_other(b, v);
    case EXT_NULL:
    default:
        return wrong_type(b, v);
    }
}

/* Scalars of numpy and pyarrow: what they hold. New reference; NULL without an exception: none. */
static PyObject *
plain_value(module_state *state, PyObject *v) {
    if (PyLong_Check(v) || PyUnicode_Check(v) || PyFloat_Check(v) || PyList_Check(v) ||
        PyDict_Check(v) || PyTuple_Check(v)) {
        return NULL;
    }
    if (PyObject_HasAttrString(v, "as_py")) {
        return PyObject_CallMethod(v, "as_py", NULL);
    }
    return PyObject_HasAttr(v, state->item) && !PyObject_HasAttrString(v, "__len__")
               ? PyObject_CallMethodObjArgs(v, state->item, NULL)
               : NULL;
}

int
ext_builder_add(ext_builder *b, PyObject *v) {
    if (b->length == b->room && make_room(b, 2 * b->room) < 0) {
        return -1;
    }
    PyObject *plain = v == Py_None ? NULL : plain_value(b->state, v);
    int       done = plain == NULL && PyErr_Occurred() ? -1 : 0;
    PyObject *is = plain == NULL ? v : plain;
    if (done == 0) {
        done = is == Py_None ? add_null(b) : add_some(b, is);
    }
    if (done == 0 && is != Py_None) {
        b->validity[b->length >> 3] |= (uint8_t)(1 << (b->length & 7));
    }
    Py_XDECREF(plain);
    const bool has_ends = b->type.kind == EXT_TEXT || b->type.kind == EXT_BLOB ||
                          b->type.kind == EXT_LIST || b->type.kind == EXT_MAP;
    if (done == 0 && has_ends) {
        done = put_end(b);
    }
    b->length += done == 0;
    return done;
}

/* ---------------------------------------------------------------------------------- arrays */
typedef struct built {
    const void        *buffers[3];
    struct ArrowArray *children[1]; /* as many as there are */
} built;

static void
release_built(struct ArrowArray *a) {
    built *own = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++) {
        struct ArrowArray *child = own->children[i];
        if (child->release != NULL) {
            child->release(child);
        }
        free(child);
    }
    for (int i = 0; i < 3; i++) {
        void *memory;
        memcpy(&memory, &own->buffers[i], sizeof(memory));
        free(memory);
    }
    free(own);
    a->release = NULL;
}

static int
finish_parts(ext_builder *b, struct ArrowArray *out, built *own) {
    for (; out->n_children < b->part_count; out->n_children++) {
        struct ArrowArray *child = calloc(1, sizeof(*child));
        if (child == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        if (ext_builder_finish(&b->parts[out->n_children], child) < 0) {
            free(child);
            return -1;
        }
        own->children[out->n_children] = child;
    }
    return 0;
}

int
ext_builder_finish(ext_builder *b, struct ArrowArray *out) {
    const size_t parts = b->part_count > 1 ? (size_t)b->part_count - 1 : 0;
    built       *own = calloc(1, sizeof(*own) + parts * sizeof(own->children[0]));
    if (own == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    const bool has_data =
        b->type.kind != EXT_NULL && b->type.kind != EXT_STRUCT && b->type.kind != EXT_FIXED_LIST;
    const bool is_text = b->type.kind == EXT_TEXT || b->type.kind == EXT_BLOB;
    *out = (struct ArrowArray){.length = b->length,
                               .null_count = b->nulls,
                               .n_buffers = b->type.kind == EXT_NULL ? 0
                                            : is_text                ? 3
                                            : has_data               ? 2
                                                                     : 1,
                               .buffers = own->buffers,
                               .children = own->children,
                               .release = release_built,
                               .private_data = own};
    if (is_text && b->bytes == NULL && grow((void **)&b->bytes, 1) < 0) {
        out->release(out);
        return -1;
    }
    if (b->type.kind != EXT_NULL && b->nulls > 0) {
        own->buffers[0] = b->validity;
        b->validity = NULL;
    }
    if (has_data) {
        own->buffers[1] = b->data;
        own->buffers[2] = is_text ? b->bytes : NULL;
        b->data = NULL;
        b->bytes = is_text ? NULL : b->bytes;
    }
    if (finish_parts(b, out, own) < 0) {
        out->release(out);
        return -1;
    }
    ext_builder_close(b);
    return 0;
}

static void
pack_bits(uint8_t *to, const uint8_t *bytes, int64_t count, bool inverted) {
    for (int64_t i = 0; i < count; i++) {
        to[i >> 3] |= (uint8_t)(((bytes[i] != 0) != inverted) << (i & 7));
    }
}

static int
take_buffers(ext_builder *b, const Py_buffer *values, const Py_buffer *mask) {
    const int64_t width = b->type.kind == EXT_BOOL ? 1 : b->type.width;
    if (width == 0 || b->type.kind == EXT_TEXT || b->type.kind >= EXT_LIST) {
        PyErr_SetString(PyExc_TypeError, "the declared type has no fixed width");
        return -1;
    }
    const int64_t count = values->len / width;
    if (make_room(b, count > b->room ? count : b->room) < 0) {
        return -1;
    }
    if (b->type.kind == EXT_BOOL) {
        pack_bits(b->data, values->buf, count, false);
    } else {
        memcpy(b->data, values->buf, (size_t)(count * width));
    }
    if (mask->obj != NULL && mask->len == count) {
        pack_bits(b->validity, mask->buf, count, true);
        for (int64_t i = 0; i < count; i++) {
            b->nulls += ((const uint8_t *)mask->buf)[i] != 0;
        }
    }
    b->length = count;
    return 0;
}

typedef struct adopted {
    const void *buffers[2];
    PyObject   *view; /* keeps the memory where it is */
} adopted;

static void
release_adopted(struct ArrowArray *a) {
    adopted *own = a->private_data;
    ext_garbage(own->view); /* the engine has no interpreter here */
    free(own);
    a->release = NULL;
}

/* Values of the type's own layout, all of them there: the array shows the memory of the result,
 * which the engine copies before anything else is called. 1: it is done so; 0: they are others. */
static int
adopt_buffer(const ext_builder *b, PyObject *given, struct ArrowArray *out) {
    const bool is_flat = b->type.width > 0 && b->type.kind != EXT_BOOL &&
                         b->type.kind != EXT_TEXT && b->type.kind < EXT_LIST;
    Py_buffer values;
    if (!is_flat || PyTuple_GetItem(given, 2) != Py_None) {
        return 0;
    }
    PyObject *view = PyMemoryView_FromObject(PyTuple_GetItem(given, 1));
    adopted  *own = view == NULL ? NULL : malloc(sizeof(*own));
    if (own == NULL || PyObject_GetBuffer(view, &values, PyBUF_CONTIG_RO) < 0) {
        Py_XDECREF(view);
        free(own);
        return PyErr_Occurred() ? -1 : (PyErr_NoMemory(), -1);
    }
    *own = (adopted){.buffers = {NULL, values.buf}, .view = view};
    *out = (struct ArrowArray){.length = values.len / b->type.width,
                               .n_buffers = 2,
                               .buffers = own->buffers,
                               .release = release_adopted,
                               .private_data = own};
    PyBuffer_Release(&values); /* the view has it still */
    return 1;
}

static int
add_buffers(ext_builder *b, PyObject *given) {
    Py_buffer values = {0}, mask = {0};
    PyObject *masked = PyTuple_GetItem(given, 2);
    int       done = PyObject_GetBuffer(PyTuple_GetItem(given, 1), &values, PyBUF_CONTIG_RO);
    if (done == 0 && masked != Py_None) {
        done = PyObject_GetBuffer(masked, &mask, PyBUF_CONTIG_RO);
    }
    if (done == 0) {
        done = take_buffers(b, &values, &mask);
    }
    if (mask.obj != NULL) {
        PyBuffer_Release(&mask);
    }
    if (values.obj != NULL) {
        PyBuffer_Release(&values);
    }
    return done;
}

int
ext_array_build(module_state *state, const struct ArrowSchema *schema, PyObject *values,
                struct ArrowArray *out) {
    ext_builder b;
    PyObject   *first =
        PyTuple_Check(values) && PyTuple_Size(values) == 3 ? PyTuple_GetItem(values, 0) : NULL;
    const bool is_buffer = first != NULL && PyUnicode_Check(first) &&
                           PyUnicode_CompareWithASCIIString(first, "buffer") == 0;
    if (!is_buffer && !PyList_Check(values)) {
        PyErr_Format(PyExc_TypeError, "a list of values, not %S", Py_TYPE(values));
        return -1;
    }
    const Py_ssize_t count = is_buffer ? 0 : PyList_Size(values);
    if (ext_builder_open(&b, state, schema, count) < 0) {
        return -1;
    }
    int done = is_buffer ? adopt_buffer(&b, values, out) : 0;
    if (done > 0) {
        ext_builder_close(&b);
        return 0;
    }
    done = is_buffer && done == 0 ? add_buffers(&b, values) : done;
    for (Py_ssize_t i = 0; done == 0 && i < count && i < PyList_Size(values); i++) {
        PyObject *v = Py_NewRef(PyList_GetItem(values, i));
        done = ext_builder_add(&b, v);
        Py_DECREF(v);
    }
    if (done == 0) {
        done = ext_builder_finish(&b, out);
    }
    ext_builder_close(&b);
    return done;
}

static void
release_lent(struct ArrowSchema *schema) {
    schema->release = NULL;
}

void
ext_schema_lend(const struct ArrowSchema *schema, struct ArrowSchema *out) {
    *out = *schema;
    out->release = release_lent;
    out->private_data = NULL;
}
