/* SPDX-License-Identifier: Apache-2.0 */
/* udf_calls.c - calls of scalar functions and of processors: the engine's callbacks as jobs.
 *
 * A function by batch is called through its glue (laminardb.udfs), which gets Columns and fills the
 * array at an address, or gives values. A function by row is called here, a row at a time, its
 * arguments and results straight from and to Arrow. */
#include "udf.h"

#include <string.h>

#define BYTES_MAX ((int64_t)1 << 30) /* of a result */

/* What a result takes, of arrays whose buffers are as long as their format says. */
static int64_t
result_bytes(const struct ArrowSchema *schema, const struct ArrowArray *a) {
    ext_type type;
    int64_t  bytes = a->length / 8;
    if (ext_type_of(schema, &type) < 0) {
        PyErr_Clear();
        return bytes;
    }
    if ((type.kind == EXT_TEXT || type.kind == EXT_BLOB) && a->length > 0 &&
        a->buffers[1] != NULL) {
        const int32_t *ends = a->buffers[1];
        bytes += ends[a->offset + a->length] - ends[a->offset];
    } else if (type.kind != EXT_FIXED_LIST) {
        bytes += a->length * type.width;
    }
    for (int64_t i = 0; i < a->n_children && i < schema->n_children; i++) {
        bytes += result_bytes(schema->children[i], a->children[i]);
    }
    return bytes;
}

int
ext_result_take(const ext_udf *f, const struct ArrowSchema *schema, PyObject *given,
                struct ArrowArray *out, struct ArrowSchema *type) {
    if (given != Py_None && ext_array_build(f->state, schema, given, out) < 0) {
        return -1;
    }
    const int64_t bytes = out->release == NULL ? 0 : result_bytes(schema, out);
    if (bytes > BYTES_MAX) {
        out->release(out);
        PyErr_Format(PyExc_OverflowError, "a result of %lld bytes, where a call may give %lld",
                     (long long)bytes, (long long)BYTES_MAX);
        return -1;
    }
    ext_schema_lend(schema, type);
    return 0;
}

/* ---------------------------------------------------------------------------------- by row */
enum { FEW = 6 };

typedef struct row_call {
    const ext_udf *f;
    ext_reader    *readers;
    PyObject     **constants; /* values of those that have one for all rows */
    PyObject     **values;
    int32_t        count;
    PyObject      *spare; /* of more than FEW arguments */
} row_call;

static int
open_rows(row_call *r, const laminar_call *call) {
    const size_t count = (size_t)call->argument_count;
    r->count = call->argument_count;
    r->readers = PyMem_Calloc(count + 1, sizeof(*r->readers));
    r->constants = PyMem_Calloc(2 * count + 1, sizeof(PyObject *));
    if (r->readers == NULL || r->constants == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    r->values = r->constants + count;
    for (int32_t i = 0; i < r->count; i++) {
        if (ext_reader_open(&r->readers[i], &call->types[i], &call->arguments[i]) < 0) {
            return -1;
        }
        if (call->constants != NULL && call->constants[i]) {
            r->constants[i] = ext_reader_get(r->f->state, &r->readers[i], 0);
            if (r->constants[i] == NULL) {
                return -1;
            }
        }
    }
    return 0;
}

static void
close_rows(row_call *r) {
    for (int32_t i = 0; i < r->count && r->readers != NULL; i++) {
        ext_reader_close(&r->readers[i]);
        Py_XDECREF(r->constants == NULL ? NULL : r->constants[i]);
    }
    PyMem_Free(r->readers);
    PyMem_Free(r->constants);
}

static PyObject *
call_many(const row_call *r) {
    PyObject *arguments = PyTuple_New(r->count);
    for (int32_t i = 0; arguments != NULL && i < r->count; i++) {
        (void)PyTuple_SetItem(arguments, i, Py_NewRef(r->values[i]));
    }
    PyObject *v = arguments == NULL ? NULL : PyObject_CallObject(r->f->glue, arguments);
    Py_XDECREF(arguments);
    return v;
}

/* Without a tuple for the few arguments that functions have. */
static PyObject *
call_once(const row_call *r) {
    PyObject *const  f = r->f->glue;
    PyObject **const v = r->values;
    switch (r->count) {
    case 1:
        return PyObject_CallFunctionObjArgs(f, v[0], NULL);
    case 2:
        return PyObject_CallFunctionObjArgs(f, v[0], v[1], NULL);
    case 3:
        return PyObject_CallFunctionObjArgs(f, v[0], v[1], v[2], NULL);
    case 4:
        return PyObject_CallFunctionObjArgs(f, v[0], v[1], v[2], v[3], NULL);
    case 0:
        return PyObject_CallFunctionObjArgs(f, NULL);
    default:
        return call_many(r);
    }
}

/* The usual results, without looking at what else they might be. */
static inline int
add_plain(ext_builder *b, PyObject *v) {
    if (b->type.kind == EXT_DOUBLE && b->length < b->room && PyFloat_CheckExact(v)) {
        ((double *)(void *)b->data)[b->length] = PyFloat_AsDouble(v);
    } else if (b->type.kind == EXT_SIGNED && b->type.width == 8 && b->length < b->room &&
               PyLong_CheckExact(v)) {
        int             overflow;
        const long long n = PyLong_AsLongLongAndOverflow(v, &overflow);
        if (overflow != 0) {
            return ext_builder_add(b, v);
        }
        ((int64_t *)(void *)b->data)[b->length] = n;
    } else {
        return ext_builder_add(b, v);
    }
    b->validity[b->length >> 3] |= (uint8_t)(1 << (b->length & 7));
    b->length++;
    return 0;
}

static int
run_row(row_call *r, ext_builder *b, int64_t row) {
    int     done = 0;
    int32_t made = 0;
    for (; done == 0 && made < r->count; made++) {
        r->values[made] = r->constants[made] != NULL
                              ? Py_NewRef(r->constants[made])
                              : ext_reader_get(r->f->state, &r->readers[made], row);
        if (r->values[made] == NULL) {
            done = -1;
            break;
        }
    }
    PyObject *v = done < 0 ? NULL : call_once(r);
    done = v == NULL ? -1 : add_plain(b, v);
    Py_XDECREF(v);
    for (int32_t i = 0; i < made; i++) {
        Py_DECREF(r->values[i]);
    }
    return done;
}

static int
run_rows(const ext_udf *f, const laminar_call *call, struct ArrowArray *out) {
    row_call    r = {.f = f};
    ext_builder b = {0};
    int         done = open_rows(&r, call);
    if (done == 0) {
        done = ext_builder_open(&b, f->state, f->result, call->row_count);
    }
    for (int64_t row = 0; done == 0 && row < call->row_count; row++) {
        done = run_row(&r, &b, row);
        if (done == 0 && row % EXT_LOOK == EXT_LOOK - 1) {
            done = ext_look();
        }
    }
    if (done == 0) {
        done = ext_builder_finish(&b, out);
    }
    ext_builder_close(&b);
    close_rows(&r);
    return done;
}

/* ---------------------------------------------------------------------------------- scalars */
typedef struct scalar_job {
    ext_job             job;
    const ext_udf      *f;
    struct ArrowArray  *out;
    struct ArrowSchema *type;
} scalar_job;

static int
run_batch(const scalar_job *s) {
    PyObject *columns = ext_columns_of(s->f->state, s->job.call);
    PyObject *count = columns == NULL ? NULL : PyLong_FromLongLong(s->job.call->row_count);
    PyObject *address = count == NULL ? NULL : PyLong_FromVoidPtr(s->out);
    PyObject *given = address == NULL
                          ? NULL
                          : PyObject_CallFunctionObjArgs(s->f->glue, count, columns, address, NULL);
    ext_columns_end(columns);
    const int done =
        given == NULL ? -1 : ext_result_take(s->f, s->f->result, given, s->out, s->type);
    Py_XDECREF(given);
    Py_XDECREF(address);
    Py_XDECREF(count);
    Py_XDECREF(columns);
    return done;
}

static void
run_scalar(ext_job *job) {
    const scalar_job *s = (const scalar_job *)job;
    int               done;
    if (s->f->by_row) {
        done = run_rows(s->f, job->call, s->out);
        done = done < 0 ? -1 : ext_result_take(s->f, s->f->result, Py_None, s->out, s->type);
    } else {
        done = run_batch(s);
    }
    if (done < 0) {
        ext_job_failed(job);
    }
}

static void
drop_result(struct ArrowArray *out, struct ArrowSchema *type) {
    if (out->release != NULL) {
        out->release(out);
    }
    if (type->release != NULL) {
        type->release(type);
    }
}

laminar_status
ext_scalar_call(void *context, const laminar_call *call, struct ArrowArray *out,
                struct ArrowSchema *type, laminar_error *err) {
    const ext_udf *f = context;
    scalar_job     s = {.job = {.run = run_scalar,
                                .state = f->state,
                                .call = call,
                                .name = f->name,
                                .glue = f->glue,
                                .timeout_ms = f->timeout_ms,
                                .err = err},
                        .f = f,
                        .out = out,
                        .type = type};
    memset(out, 0, sizeof(*out));
    memset(type, 0, sizeof(*type));
    const laminar_status status = ext_job_run(&s.job);
    if (status < 0) {
        drop_result(out, type);
    }
    return status;
}

/* ---------------------------------------------------------------------------------- processors */
typedef struct process_job {
    ext_job                job;
    const ext_udf         *f;
    const laminar_process *call;
    struct ArrowArray     *out, *states;
    struct ArrowSchema    *out_type, *states_type;
    int64_t               *out_counts;
} process_job;

static PyObject *
numbers(const int64_t *from, int64_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (int64_t i = 0; list != NULL && i < count; i++) {
        PyObject *n = PyLong_FromLongLong(from[i]);
        if (n == NULL || PyList_SetItem(list, (Py_ssize_t)i, n) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
names_of(const laminar_process *call) {
    PyObject *list = PyList_New(call->rows->argument_count);
    for (int32_t i = 0; list != NULL && i < call->rows->argument_count; i++) {
        PyObject *name = PyUnicode_FromString(call->names[i]);
        if (name == NULL || PyList_SetItem(list, i, name) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static int64_t
total(const int64_t *counts, int64_t count) {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += counts[i];
    }
    return sum;
}

/* (names, keys, row counts, rows, states, fired counts, fired times, watermark) for the glue. */
static PyObject *
process_arguments(const process_job *p, PyObject **columns) {
    const laminar_process *c = p->call;
    const int64_t          fired = total(c->fired_counts, c->key_count);
    PyObject              *made[8] = {0};
    made[0] = names_of(c);
    made[1] = columns[0] = ext_columns_of(p->f->state, c->keys);
    made[2] = numbers(c->row_counts, c->key_count);
    made[3] = columns[1] = ext_columns_of(p->f->state, c->rows);
    made[4] = columns[2] = ext_columns_of(p->f->state, c->states);
    made[5] = numbers(c->fired_counts, c->key_count);
    made[6] = numbers(c->fired_us, fired);
    made[7] =
        c->watermark_us == INT64_MIN ? Py_NewRef(Py_None) : PyLong_FromLongLong(c->watermark_us);
    PyObject *arguments = PyTuple_New(8);
    for (int i = 0; i < 8; i++) {
        if (arguments == NULL || made[i] == NULL) {
            Py_XDECREF(made[i]);
            Py_CLEAR(arguments);
        } else {
            (void)PyTuple_SetItem(arguments, i, made[i]);
        }
    }
    return arguments;
}

static int
take_counts(const process_job *p, PyObject *counts) {
    if (PyList_Size(counts) != (Py_ssize_t)p->call->key_count) {
        PyErr_SetString(PyExc_ValueError, "not one count a key");
        return -1;
    }
    for (int64_t i = 0; i < p->call->key_count; i++) {
        p->out_counts[i] = PyLong_AsLongLong(PyList_GetItem(counts, (Py_ssize_t)i));
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* A list of (key, time in microseconds, whether it goes). */
static int
take_timers(const process_job *p, PyObject *timers) {
    for (Py_ssize_t i = 0; i < PyList_Size(timers); i++) {
        long long     key, at;
        int           gone;
        laminar_error err;
        if (!PyArg_ParseTuple(PyList_GetItem(timers, i), "LLp", &key, &at, &gone)) {
            return -1;
        }
        if (laminar_process_timer(p->call, key, at, gone != 0, &err) < 0) {
            ext_raise_error(p->f->state, &err);
            return -1;
        }
    }
    return 0;
}

static void
run_process(ext_job *job) {
    const process_job *p = (const process_job *)job;
    PyObject          *columns[3] = {0};
    PyObject          *arguments = process_arguments(p, columns);
    PyObject *given = arguments == NULL ? NULL : PyObject_CallObject(p->f->glue, arguments);
    PyObject *rows, *counts, *states, *timers;
    if (arguments != NULL) {
        for (int i = 0; i < 3; i++) {
            ext_columns_end(columns[i]);
        }
    }
    const bool done = given != NULL &&
                      PyArg_ParseTuple(given, "OOOO", &rows, &counts, &states, &timers) &&
                      ext_result_take(p->f, p->f->result, rows, p->out, p->out_type) == 0 &&
                      ext_result_take(p->f, p->f->saved, states, p->states, p->states_type) == 0 &&
                      take_counts(p, counts) == 0 && take_timers(p, timers) == 0;
    if (!done) {
        ext_job_failed(job);
    }
    Py_XDECREF(given);
    Py_XDECREF(arguments);
}

laminar_status
ext_processor_run(void *context, const laminar_process *call, struct ArrowArray *out,
                  struct ArrowSchema *out_type, int64_t *out_counts, struct ArrowArray *states,
                  struct ArrowSchema *states_type, laminar_error *err) {
    const ext_udf *f = context;
    process_job    p = {.job = {.run = run_process,
                                .state = f->state,
                                .call = call->rows,
                                .name = f->name,
                                .glue = f->glue,
                                .timeout_ms = f->timeout_ms,
                                .err = err},
                        .f = f,
                        .call = call,
                        .out = out,
                        .states = states,
                        .out_type = out_type,
                        .states_type = states_type,
                        .out_counts = out_counts};
    memset(out, 0, sizeof(*out));
    memset(out_type, 0, sizeof(*out_type));
    memset(states, 0, sizeof(*states));
    memset(states_type, 0, sizeof(*states_type));
    const laminar_status status = ext_job_run(&p.job);
    if (status < 0) {
        drop_result(out, out_type);
        drop_result(states, states_type);
    }
    return status;
}
