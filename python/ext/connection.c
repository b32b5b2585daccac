/* SPDX-License-Identifier: Apache-2.0 */
/* connection.c - laminardb._laminardb.Connection: a database handle.
 *
 * The handle stays valid until the object dies: close() ends the database, later calls get code 101
 * from the engine. The appender of the last source is kept, because one-row inserts come in runs;
 * `appender_busy` keeps a second thread, and an insert from within the rows of another one, from it
 * (those get their own). A statement may drop the source and make it again: after one, the kept
 * appender is `appender_stale`.
 *
 * Signals arrive while the engine works without the GIL: it asks check_signals every few
 * milliseconds. */
#include "connection.h"
#include "docs.h"
#include "udf.h"

#include <string.h>

/* By its owner. */
static void
drop_appender(connection_object *self) {
    laminar_appender *old = self->appender;
    self->appender = NULL;
    self->appender_stale = false;
    Py_CLEAR(self->appender_name);
    laminar_appender_close(old);
}

static void
disown_appender(connection_object *self) {
    do {
        if (self->appender_stale || self->closed) {
            drop_appender(self);
        }
        self->appender_busy = false;
        /* Told in between, by one who saw that it was busy. */
    } while (self->appender_stale && !atomic_exchange(&self->appender_busy, true));
}

static void
forget_appender(connection_object *self) {
    self->appender_stale = true;
    if (!atomic_exchange(&self->appender_busy, true)) {
        disown_appender(self);
    }
}

static void
connection_dealloc(PyObject *o) {
    connection_object *self = (connection_object *)o;
    PyTypeObject      *type = Py_TYPE(o);
    forget_appender(self);
    if (!ext_jobs_stuck()) { /* else the end of the process frees it */
        ENGINE_CALL(laminar_database_close(self->db));
        ext_garbage_drain();
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

static PyObject *
connection_close(PyObject *o, PyObject *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = laminar_database_end(self->db, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    self->closed = true;
    forget_appender(self);
    return ext_call_end(self->state, Py_NewRef(Py_None));
}

static PyObject *
get_is_closed(PyObject *o, void *unused) {
    (void)unused;
    return PyBool_FromLong(((connection_object *)o)->closed);
}

/* Says what an insert gave reason to say. The rows are kept also where warnings are errors. */
static PyObject *
warned(connection_object *self, PyObject *result) {
    char text[320];
    if (result != NULL && laminar_database_take_warning(self->db, text, sizeof(text)) &&
        PyErr_WarnEx(PyExc_UserWarning, text, 1) < 0) {
        Py_CLEAR(result);
    }
    return ext_call_end(self->state, result);
}

/* ---------------------------------------------------------------------------------- statements */
static PyObject *
connection_execute(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    Py_ssize_t         size;
    const char        *text;
    PyObject          *given = Py_None, *resolver = Py_None;
    ext_parameters     p;
    long long          at_us = 0;
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    const bool         past = PyTuple_Size(args) > 3;
    if (!PyArg_ParseTuple(args, "s#|OOL:_execute", &text, &size, &given, &resolver, &at_us) ||
        ext_know_main_thread(self->state) < 0 || ext_parameters_read(self->state, given, &p) < 0) {
        return NULL;
    }
    const laminar_resolver  asks = ext_resolver(resolver);
    const laminar_resolver *ask = resolver == Py_None ? NULL : &asks;
    if (past) {
        ENGINE_CALL(s = laminar_database_query_at(self->db, text, (size_t)size, p.values, p.names,
                                                  p.count, ask, at_us, &rows, &err));
    } else {
        ENGINE_CALL(s = laminar_database_execute_with(self->db, text, (size_t)size, p.values,
                                                      p.names, p.count, ask, &rows, &err));
    }
    ext_parameters_free(&p);
    forget_appender(self);
    return s < 0 ? ext_raise_error(self->state, &err)
                 : warned(self, ext_result_wrap(self->state, rows));
}

static PyObject *
connection_query_stream(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    const char        *name, *filter;
    int                windows = LAMINAR_WINDOWS_ALL;
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sz|i:_query_stream", &name, &filter, &windows)) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_query_windows(self->db, name, filter, (laminar_windows)windows,
                                                   &rows, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

static PyObject *
connection_list(PyObject *o, PyObject *kind) {
    connection_object *self = (connection_object *)o;
    const long         wanted = PyLong_AsLong(kind);
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    if (wanted == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_list(self->db, (laminar_object_kind)wanted, &rows, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

/* Names end at their first NUL in the engine. */
static const char *
name_text(PyObject *name) {
    Py_ssize_t  size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text != NULL && strlen(text) != (size_t)size) {
        PyErr_SetString(PyExc_ValueError, "embedded null character");
        return NULL;
    }
    return text;
}

static PyObject *
connection_schema(PyObject *o, PyObject *name) {
    connection_object *self = (connection_object *)o;
    const char        *text = name_text(name);
    struct ArrowSchema schema;
    laminar_error      err;
    laminar_status     s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_schema(self->db, text, &schema, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_schema_capsule(&schema);
}

/* Calls without arguments and without an answer. */
static PyObject *
command(PyObject *o, laminar_status (*run)(laminar_database *, laminar_error *)) {
    connection_object *self = (connection_object *)o;
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = run(self->db, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_call_end(self->state, Py_NewRef(Py_None));
}

static PyObject *
connection_start(PyObject *o, PyObject *unused) {
    (void)unused;
    return command(o, laminar_database_start);
}

static PyObject *
connection_pause(PyObject *o, PyObject *unused) {
    (void)unused;
    return command(o, laminar_database_pause);
}

static PyObject *
connection_resume(PyObject *o, PyObject *unused) {
    (void)unused;
    return command(o, laminar_database_resume);
}

static PyObject *
connection_shutdown(PyObject *o, PyObject *unused) {
    (void)unused;
    return command(o, laminar_database_shutdown);
}

/* ---------------------------------------------------------------------------------- rows in */
static PyObject *
insert_arrow(connection_object *self, const char *name, struct ArrowArrayStream *rows, bool wait) {
    laminar_error  err;
    laminar_status s;
    int64_t        count = 0;
    if (wait) {
        ENGINE_CALL(s = laminar_database_insert(self->db, name, rows, &count, &err));
    } else {
        ENGINE_CALL(s = laminar_database_submit(self->db, name, rows, &count, &err));
    }
    return s < 0 ? ext_raise_error(self->state, &err) : PyLong_FromLongLong(count);
}

/* A batch of these is read in a few microseconds: the GIL is kept, and also for its insert where
 * that is as short. Two threads that insert such batches would else spend their time on waking up.
 */
#define KEEP_GIL_ROWS 4096

static PyObject *
insert_few(connection_object *self, const char *name, struct ArrowArrayStream *stream, bool wait) {
    laminar_error  err;
    int64_t        count = 0;
    laminar_rows  *rows = NULL;
    laminar_status s = laminar_rows_read(&rows, self->db, name, stream, &err);
    if (s >= 0) {
        s = laminar_rows_insert_now(rows, &count, &err);
    }
    if (s == LAMINAR_DONE && wait) {
        ENGINE_CALL(s = laminar_rows_insert(rows, &count, &err));
    } else if (s == LAMINAR_DONE) {
        ENGINE_CALL(s = laminar_rows_submit(rows, &count, &err));
    }
    laminar_rows_free(rows);
    return s < 0 ? ext_raise_error(self->state, &err) : PyLong_FromLongLong(count);
}

static PyObject *
insert_stream(connection_object *self, const char *name, PyObject *data, bool wait) {
    PyObject *capsule = PyObject_CallMethodObjArgs(data, self->state->arrow_c_stream, NULL);
    if (capsule == NULL) {
        return NULL;
    }
    struct ArrowArrayStream *rows = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    PyObject                *count = rows == NULL ? NULL : insert_arrow(self, name, rows, wait);
    Py_DECREF(capsule);
    return count;
}

/* One record batch as a stream of one. */
typedef struct single_batch {
    struct ArrowSchema *schema;
    struct ArrowArray  *array;
    PyObject           *owner; /* keeps the schema capsule: its struct is copied shallowly */
} single_batch;

static int
single_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
    single_batch *b = s->private_data;
    *out = *b->schema; /* moves */
    b->schema->release = NULL;
    return 0;
}

static int
single_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
    single_batch *b = s->private_data;
    memset(out, 0, sizeof(*out));
    if (b->array->release != NULL) {
        *out = *b->array; /* moves */
        b->array->release = NULL;
    }
    return 0;
}

static const char *
single_error(struct ArrowArrayStream *s) {
    (void)s;
    return NULL;
}

static void
single_release(struct ArrowArrayStream *s) {
    s->release = NULL;
}

static PyObject *
insert_array(connection_object *self, const char *name, PyObject *data, bool wait) {
    PyObject *pair = PyObject_CallMethodObjArgs(data, self->state->arrow_c_array, NULL);
    if (pair == NULL) { /* of several chunks, perhaps */
        if (!PyErr_ExceptionMatches(PyExc_Exception) ||
            !PyObject_HasAttr(data, self->state->arrow_c_stream)) {
            return NULL;
        }
        PyErr_Clear();
        return insert_stream(self, name, data, wait);
    }
    PyObject    *count = NULL;
    single_batch b = {NULL, NULL, pair};
    if (PyTuple_Check(pair) && PyTuple_Size(pair) == 2) {
        b.schema = PyCapsule_GetPointer(PyTuple_GetItem(pair, 0), "arrow_schema");
        b.array =
            b.schema == NULL ? NULL : PyCapsule_GetPointer(PyTuple_GetItem(pair, 1), "arrow_array");
    } else {
        PyErr_SetString(PyExc_TypeError, "__arrow_c_array__ must give two capsules");
    }
    if (b.array != NULL) {
        struct ArrowArrayStream rows = {.get_schema = single_schema,
                                        .get_next = single_next,
                                        .get_last_error = single_error,
                                        .release = single_release,
                                        .private_data = &b};
        count = b.array->length <= KEEP_GIL_ROWS ? insert_few(self, name, &rows, wait)
                                                 : insert_arrow(self, name, &rows, wait);
    }
    Py_DECREF(pair);
    return count;
}

/* The kept appender when it fits and is free, else a new one. */
static laminar_appender *
take_appender(connection_object *self, PyObject *name, const char *text, bool *kept) {
    const bool owned = !atomic_exchange(&self->appender_busy, true);
    if (owned && self->appender != NULL) {
        const int same =
            self->appender_name == name || PyUnicode_Compare(self->appender_name, name) == 0;
        if (same && !self->appender_stale) {
            *kept = true;
            return self->appender;
        }
        drop_appender(self);
    }
    laminar_appender *made = NULL;
    laminar_error     err;
    laminar_status    s;
    ENGINE_CALL(s = laminar_appender_open(&made, self->db, text, &err));
    *kept = owned && s >= 0;
    if (*kept) {
        self->appender = made;
        self->appender_name = Py_NewRef(name);
    } else if (owned) {
        disown_appender(self);
    }
    if (s < 0) {
        ext_raise_error(self->state, &err);
        return NULL;
    }
    return made;
}

static void
give_appender(connection_object *self, laminar_appender *a, bool kept) {
    if (kept) {
        disown_appender(self);
    } else {
        laminar_appender_close(a);
    }
}

static PyObject *
insert_rows(connection_object *self, PyObject *name, const char *text, PyObject *data, bool wait) {
    bool              kept = false;
    laminar_appender *a = take_appender(self, name, text, &kept);
    if (a == NULL) {
        return NULL;
    }
    int64_t        count = 0;
    laminar_error  err;
    laminar_status s;
    if (ext_rows_append(self->state, a, data) < 0) {
        laminar_appender_clear(a);
        give_appender(self, a, kept);
        return NULL;
    }
    /* Few rows into a free engine: done before another thread had woken up to take the GIL. */
    s = laminar_appender_flush_now(a, &count, &err);
    if (s == LAMINAR_DONE && wait) {
        ENGINE_CALL(s = laminar_appender_flush(a, &count, &err));
    } else if (s == LAMINAR_DONE) {
        ENGINE_CALL(s = laminar_appender_submit(a, &count, &err));
    }
    if (s < 0 && kept) {
        self->appender_stale = true; /* it may be of a source that was dropped */
    }
    give_appender(self, a, kept);
    return s < 0 ? ext_raise_error(self->state, &err) : PyLong_FromLongLong(count);
}

/* insert(source, data, *, wait=True); source and data may be given by name too. */
static int
insert_arguments(PyObject *const *args, Py_ssize_t nargs, PyObject *names, PyObject **name,
                 PyObject **data, bool *wait) {
    *name = nargs > 0 ? args[0] : NULL;
    *data = nargs > 1 ? args[1] : NULL;
    *wait = true;
    const Py_ssize_t named = names == NULL ? 0 : PyTuple_Size(names);
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *key = PyTuple_GetItem(names, i);
        PyObject *v = args[nargs + i];
        if (PyUnicode_CompareWithASCIIString(key, "wait") == 0) {
            const int truth = PyObject_IsTrue(v);
            if (truth < 0) {
                return -1;
            }
            *wait = truth == 1;
        } else if (*name == NULL && PyUnicode_CompareWithASCIIString(key, "source") == 0) {
            *name = v;
        } else if (*data == NULL && PyUnicode_CompareWithASCIIString(key, "data") == 0) {
            *data = v;
        } else {
            PyErr_Format(PyExc_TypeError,
                         "insert(source, data, *, wait=True) has no argument %R left", key);
            return -1;
        }
    }
    if (nargs > 2 || *data == NULL || *name == NULL || !PyUnicode_Check(*name)) {
        PyErr_SetString(PyExc_TypeError,
                        "insert(source, data, *, wait=True): source is a str, data are rows");
        return -1;
    }
    return 0;
}

/* Its items may be batches, which Python tells; else it gives back what has the rows. */
static PyObject *
insert_iterator(connection_object *self, PyObject *name, const char *text, PyObject *data,
                bool wait) {
    PyObject *frames = PyImport_ImportModule("laminardb.frames");
    PyObject *found =
        frames == NULL ? NULL : PyObject_CallMethod(frames, "insert_all", "OOO", self, name, data);
    Py_XDECREF(frames);
    if (found == NULL || PyLong_Check(found)) {
        return found;
    }
    PyObject *count = insert_rows(self, name, text, found, wait);
    Py_DECREF(found);
    return count;
}

static PyObject *
insert_any(connection_object *self, PyObject *name, const char *text, PyObject *data, bool wait) {
    if (!PyDict_Check(data) && !PyList_Check(data)) {
        if (PyObject_HasAttr(data, self->state->arrow_c_array)) {
            return insert_array(self, text, data, wait);
        }
        if (PyObject_HasAttr(data, self->state->arrow_c_stream)) {
            return insert_stream(self, text, data, wait);
        }
        if (PyIter_Check(data)) {
            return insert_iterator(self, name, text, data, wait);
        }
    }
    return insert_rows(self, name, text, data, wait);
}

/* pandas frames and numpy arrays need Python to become Arrow data or columns. */
static PyObject *
insert_frame(connection_object *self, PyObject *name, const char *text, PyObject *data, bool wait) {
    PyObject *frames = PyImport_ImportModule("laminardb.frames");
    PyObject *adapted = frames == NULL ? NULL : PyObject_CallMethod(frames, "adapt", "O", data);
    PyObject *count = adapted == NULL ? NULL : insert_any(self, name, text, adapted, wait);
    Py_XDECREF(adapted);
    Py_XDECREF(frames);
    return count;
}

static PyObject *
connection_insert(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    connection_object *self = (connection_object *)o;
    PyObject          *source, *data;
    bool               wait;
    if (insert_arguments(args, nargs, names, &source, &data, &wait) < 0) {
        return NULL;
    }
    const char *name = name_text(source);
    if (name == NULL) {
        return NULL;
    }
    if (!PyDict_Check(data) && !PyList_Check(data) &&
        PyObject_HasAttr(data, self->state->array_protocol)) {
        return warned(self, insert_frame(self, source, name, data, wait));
    }
    return warned(self, insert_any(self, source, name, data, wait));
}

static PyObject *
connection_flush(PyObject *o, PyObject *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = laminar_database_flush(self->db, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_call_end(self->state, Py_NewRef(Py_None));
}

static PyObject *
connection_verify(PyObject *o, PyObject *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_verified   found = {.size = sizeof(found)};
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = laminar_database_verify(self->db, &found, &err));
    return s < 0 ? ext_raise_error(self->state, &err)
                 : Py_BuildValue("LLL", (long long)found.records, (long long)found.bytes,
                                 (long long)found.checkpoints);
}

static PyObject *
connection_backup(PyObject *o, PyObject *path) {
    connection_object *self = (connection_object *)o;
    PyObject          *bytes = NULL;
    laminar_error      err;
    laminar_status     s;
    if (PyUnicode_FSConverter(path, &bytes) == 0) {
        return NULL;
    }
    const char *directory = PyBytes_AsString(bytes);
    ENGINE_CALL(s = laminar_database_backup(self->db, directory, &err));
    Py_DECREF(bytes);
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    Py_RETURN_NONE;
}

/* True: done; False: not at this moment. */
static PyObject *
connection_reload(PyObject *o, PyObject *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = laminar_database_reload(self->db, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : PyBool_FromLong(s == LAMINAR_OK);
}

static PyObject *
connection_insert_csv(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    const char        *name, *csv, *null_text;
    Py_ssize_t         size;
    int                delimiter;
    if (!PyArg_ParseTuple(args, "ss#Cz:_insert_csv", &name, &csv, &size, &delimiter, &null_text)) {
        return NULL;
    }
    if (delimiter <= 0 || delimiter > 127 || delimiter == '"' || delimiter == '\n' ||
        delimiter == '\r') {
        PyErr_SetString(PyExc_ValueError,
                        "delimiter must be one ASCII character, no quote or line end");
        return NULL;
    }
    laminar_error  err;
    laminar_status s;
    int64_t        count = 0;
    ENGINE_CALL(s = laminar_database_insert_csv(self->db, name, csv, (size_t)size, (char)delimiter,
                                                null_text, &count, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : warned(self, PyLong_FromLongLong(count));
}

static PyObject *
connection_insert_json(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    const char        *name, *json;
    Py_ssize_t         size;
    laminar_error      err;
    laminar_status     s;
    int64_t            count = 0;
    if (!PyArg_ParseTuple(args, "ss#:insert_json", &name, &json, &size)) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_insert_json(self->db, name, json, (size_t)size, &count, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : warned(self, PyLong_FromLongLong(count));
}

static PyObject *
connection_tick(PyObject *o, PyObject *now_us) {
    connection_object *self = (connection_object *)o;
    const long long    us = PyLong_AsLongLong(now_us);
    laminar_error      err;
    laminar_status     s;
    if (us == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_tick(self->db, us, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_call_end(self->state, Py_NewRef(Py_None));
}

static PyObject *
connection_advance(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    const char        *name;
    long long          ms;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "sL:_advance", &name, &ms)) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_advance(self->db, name, ms, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_call_end(self->state, Py_NewRef(Py_None));
}

/* ---------------------------------------------------------------------------------- subscriptions
 */
/* from_: None, or the (epoch, part) of a delivery. */
static int
read_position(PyObject *from, laminar_subscription_options *options) {
    if (from == Py_None) {
        return 0;
    }
    long long epoch, part;
    if (!PyTuple_Check(from) || !PyArg_ParseTuple(from, "LL", &epoch, &part)) {
        PyErr_Format(PyExc_TypeError, "from_ must be the position of a delivery, not %R", from);
        return -1;
    }
    options->resume = true;
    options->from_epoch = epoch;
    options->from_part = part;
    return 0;
}

static PyObject *
connection_subscribe(PyObject *o, PyObject *args, PyObject *kwargs) {
    static char       *names[] = {"cls",           "sql",    "stream", "snapshot", "row_ops",
                                  "max_lag_bytes", "on_lag", "from_",  "params",   NULL};
    connection_object *self = (connection_object *)o;
    PyObject *class;
    laminar_subscription_options options = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    laminar_subscription        *made = NULL;
    int                          snapshot = 0, row_ops = 0;
    long long                    max_lag_bytes = 0;
    PyObject                    *from = Py_None, *given = Py_None;
    ext_parameters               params;
    laminar_error                err;
    laminar_status               s;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|zzppLiOO:_subscribe", names, &class,
                                     &options.sql, &options.stream, &snapshot, &row_ops,
                                     &max_lag_bytes, &options.on_lag, &from, &given)) {
        return NULL;
    }
    if (!PyType_Check(class) ||
        !PyType_IsSubtype((PyTypeObject *)class, self->state->subscription_type)) {
        PyErr_SetString(PyExc_TypeError, "the class must derive from Subscription");
        return NULL;
    }
    options.snapshot = snapshot != 0;
    options.row_ops = row_ops != 0;
    options.max_lag_bytes = max_lag_bytes;
    if (read_position(from, &options) < 0 || ext_parameters_read(self->state, given, &params) < 0) {
        return NULL;
    }
    options.values = params.values;
    options.value_names = params.names;
    options.value_count = params.count;
    ENGINE_CALL(s = laminar_subscription_open(&made, self->db, &options, &err));
    ext_parameters_free(&params);
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    return ext_call_end(self->state,
                        ext_subscription_wrap((PyTypeObject *)class, made, (PyObject *)self));
}

static PyMethodDef connection_methods[] = {
    {"insert", (PyCFunction)(void (*)(void))connection_insert, METH_FASTCALL | METH_KEYWORDS,
     ext_doc_insert},
    {"_verify", connection_verify, METH_NOARGS, NULL},
    {"_backup", connection_backup, METH_O, NULL},
    {"flush", connection_flush, METH_NOARGS, ext_doc_flush},
    {"_execute", connection_execute, METH_VARARGS, NULL},
    {"_query_stream", connection_query_stream, METH_VARARGS, NULL},
    {"_insert_csv", connection_insert_csv, METH_VARARGS, NULL},
    {"_insert_json", connection_insert_json, METH_VARARGS, NULL},
    {"_advance", connection_advance, METH_VARARGS, NULL},
    {"_tick", connection_tick, METH_O, NULL},
    {"_reload", connection_reload, METH_NOARGS, NULL},
    {"_subscribe", (PyCFunction)(void (*)(void))connection_subscribe, METH_VARARGS | METH_KEYWORDS,
     NULL},
    {"_list", connection_list, METH_O, NULL},
    {"_schema_capsule", connection_schema, METH_O, NULL},
    {"_source_stats", ext_connection_source_stats, METH_O, NULL},
    {"_stream_stats", ext_connection_stream_stats, METH_O, NULL},
    {"_note_error", ext_connection_note_error, METH_VARARGS, NULL},
    {"_sink_stats", ext_connection_sink_stats, METH_O, NULL},
    {"_register_sink", ext_connection_register_sink, METH_VARARGS, NULL},
    {"_register_scalar", ext_connection_register_scalar, METH_VARARGS, NULL},
    {"_register_aggregate", ext_connection_register_aggregate, METH_VARARGS, NULL},
    {"_register_processor", ext_connection_register_processor, METH_VARARGS, NULL},
    {"_register_native", ext_connection_register_native, METH_VARARGS, NULL},
    {"_unregister", ext_connection_unregister, METH_O, NULL},
    {"_metrics", ext_connection_metrics, METH_NOARGS, NULL},
    {"_topology", ext_connection_topology, METH_NOARGS, NULL},
    {"_pipeline_state", ext_connection_pipeline_state, METH_O, NULL},
    {"_pipeline_topology", ext_connection_pipeline_topology, METH_O, NULL},
    {"_pipeline_versions", ext_connection_pipeline_versions, METH_O, NULL},
    {"_queries", ext_connection_queries, METH_NOARGS, NULL},
    {"_set_progress", ext_connection_set_progress, METH_VARARGS, NULL},
    {"_history", ext_connection_history, METH_O, NULL},
    {"complete", (PyCFunction)(void (*)(void))ext_connection_complete, METH_VARARGS | METH_KEYWORDS,
     ext_doc_complete},
    {"cancel_query", ext_connection_cancel_query, METH_O, ext_doc_cancel_query},
    {"_checkpoint", ext_connection_checkpoint, METH_NOARGS, NULL},
    {"_restore", ext_connection_restore, METH_O, NULL},
    {"_checkpoints", ext_connection_checkpoints, METH_NOARGS, NULL},
    {"_checkpoint_status", ext_connection_checkpoint_status, METH_NOARGS, NULL},
    {"_memory", ext_connection_memory, METH_NOARGS, NULL},
    {"start", connection_start, METH_NOARGS, ext_doc_start},
    {"pause", connection_pause, METH_NOARGS, ext_doc_pause},
    {"resume", connection_resume, METH_NOARGS, ext_doc_resume},
    {"shutdown", connection_shutdown, METH_NOARGS, ext_doc_shutdown},
    {"close", connection_close, METH_NOARGS, ext_doc_close},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef connection_attributes[] = {
    {"is_closed", get_is_closed, NULL, ext_doc_is_closed, NULL},
    {"pipeline_state", ext_connection_state, NULL, ext_doc_pipeline_state, NULL},
    {"in_transaction", ext_connection_in_transaction, NULL, ext_doc_in_transaction, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot connection_slots[] = {
    {Py_tp_doc, PyDoc_STR("A database handle.")}, {Py_tp_new, ext_connection_new},
    {Py_tp_dealloc, connection_dealloc},          {Py_tp_methods, connection_methods},
    {Py_tp_getset, connection_attributes},        {0, NULL},
};

static PyType_Spec connection_spec = {
    .name = "laminardb._laminardb.Connection",
    .basicsize = sizeof(connection_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = connection_slots,
};

int
ext_connection_setup(PyObject *module, module_state *state) {
    state->connection_type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &connection_spec, NULL);
    return state->connection_type == NULL ? -1 : PyModule_AddType(module, state->connection_type);
}
