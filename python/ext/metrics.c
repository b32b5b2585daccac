/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - what a connection tells about itself: counters, topology, queries. Plain dicts and
 * results; the package makes its classes of them. */
#include "connection.h"

/* A dict of ints. */
typedef struct counter {
    const char *name;
    int64_t     value;
} counter;

static PyObject *
dict_of(const counter *counters, size_t count) {
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < count; i++) {
        PyObject *v = PyLong_FromLongLong(counters[i].value);
        if (v == NULL || PyDict_SetItemString(dict, counters[i].name, v) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(v);
    }
    return dict;
}

#define DICT_OF(counters) dict_of((counters), sizeof(counters) / sizeof((counters)[0]))

PyObject *
ext_connection_source_stats(PyObject *o, PyObject *name) {
    connection_object   *self = (connection_object *)o;
    const char          *text = PyUnicode_AsUTF8AndSize(name, NULL);
    laminar_source_stats stats = {.size = sizeof(stats)};
    laminar_error        err;
    laminar_status       s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_source_stats(self->db, text, &stats, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    const counter counters[] = {{"total_rows", stats.total_rows},
                                {"retained_rows", stats.retained_rows},
                                {"retained_bytes", stats.retained_bytes},
                                {"spilled_bytes", stats.spilled_bytes},
                                {"watermark", stats.watermark_ms},
                                {"null_time_rows", stats.null_time_rows},
                                {"pending", stats.pending_rows},
                                {"capacity", stats.capacity_rows},
                                {"queued", stats.queued_rows},
                                {"is_backpressured", stats.is_backpressured}};
    return DICT_OF(counters);
}

static int
put(PyObject *dict, const char *name, PyObject *v) {
    const int failed = dict == NULL || v == NULL || PyDict_SetItemString(dict, name, v) < 0;
    Py_XDECREF(v);
    return failed ? -1 : 0;
}

/* Nanoseconds, as the engine counts them. */
static PyObject *
latency_dict(const laminar_latency *l) {
    const counter counters[] = {{"count", l->count},  {"min", l->min_ns}, {"mean", l->mean_ns},
                                {"p50", l->p50_ns},   {"p90", l->p90_ns}, {"p99", l->p99_ns},
                                {"p999", l->p999_ns}, {"max", l->max_ns}};
    return DICT_OF(counters);
}

PyObject *
ext_connection_stream_stats(PyObject *o, PyObject *name) {
    connection_object   *self = (connection_object *)o;
    const char          *text = PyUnicode_AsUTF8AndSize(name, NULL);
    laminar_stream_stats stats = {.size = sizeof(stats)};
    laminar_error        err;
    laminar_status       s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_stream_stats(self->db, text, &stats, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    const counter counters[] = {{"rows_in", stats.rows_in},
                                {"rows_out", stats.rows_out},
                                {"late_rows", stats.late_rows},
                                {"null_time_rows", stats.null_time_rows},
                                {"lost_rows", stats.lost_rows},
                                {"ticks", stats.ticks},
                                {"watermark", stats.watermark_ms},
                                {"state_rows", stats.state_rows},
                                {"state_bytes", stats.state_bytes},
                                {"shared_state_rows", stats.shared_state_rows},
                                {"shared_state_bytes", stats.shared_state_bytes},
                                {"pending", stats.pending_rows},
                                {"capacity", stats.capacity_rows},
                                {"is_backpressured", stats.is_backpressured}};
    PyObject     *dict = DICT_OF(counters);
    if (put(dict, "latency", latency_dict(&stats.latency)) < 0 ||
        put(dict, "error", stats.failed ? PyUnicode_FromString(stats.error) : Py_NewRef(Py_None)) <
            0) {
        Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *
text_or_none(const char *text) {
    return text[0] == '\0' ? Py_NewRef(Py_None) : PyUnicode_FromString(text);
}

PyObject *
ext_connection_sink_stats(PyObject *o, PyObject *name) {
    connection_object *self = (connection_object *)o;
    const char        *text = PyUnicode_AsUTF8AndSize(name, NULL);
    laminar_sink_stats stats = {.size = sizeof(stats)};
    laminar_error      err;
    laminar_status     s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_sink_stats(self->db, text, &stats, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    const counter counters[] = {{"total_rows", stats.total_rows}, {"pending", stats.pending_rows},
                                {"dropped", stats.dropped_rows},  {"errors", stats.errors},
                                {"epoch", stats.epoch},           {"part", stats.part}};
    PyObject     *dict = DICT_OF(counters);
    if (put(dict, "latency", latency_dict(&stats.latency)) < 0 ||
        put(dict, "state", PyUnicode_FromString(stats.state)) < 0 ||
        put(dict, "last_error", text_or_none(stats.last_error)) < 0) {
        Py_CLEAR(dict);
    }
    return dict;
}

PyObject *
ext_connection_metrics(PyObject *o, PyObject *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_metrics    m = {.size = sizeof(m)};
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = laminar_database_metrics(self->db, &m, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    const counter counters[] = {{"rows_in", m.rows_in},
                                {"rows_out", m.rows_out},
                                {"rows_dropped", m.rows_dropped},
                                {"inserts", m.inserts},
                                {"ticks", m.ticks},
                                {"uptime_us", m.uptime_us},
                                {"watermark", m.watermark_ms},
                                {"sources", m.source_count},
                                {"streams", m.stream_count},
                                {"sinks", m.sink_count},
                                {"queries", m.query_count}};
    return DICT_OF(counters);
}

static PyObject *
rows_of(PyObject *o,
        laminar_status (*list)(laminar_database *, laminar_result **, laminar_error *)) {
    connection_object *self = (connection_object *)o;
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    ENGINE_CALL(s = list(self->db, &rows, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

PyObject *
ext_connection_topology(PyObject *o, PyObject *unused) {
    (void)unused;
    return rows_of(o, laminar_database_topology);
}

static PyObject *
rows_of_name(PyObject *o, PyObject *name,
             laminar_status (*list)(laminar_database *, const char *, laminar_result **,
                                    laminar_error *)) {
    connection_object *self = (connection_object *)o;
    const char        *text = PyUnicode_AsUTF8AndSize(name, NULL);
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = list(self->db, text, &rows, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

PyObject *
ext_connection_pipeline_versions(PyObject *o, PyObject *name) {
    return rows_of_name(o, name, laminar_pipeline_versions);
}

PyObject *
ext_connection_pipeline_topology(PyObject *o, PyObject *name) {
    return rows_of_name(o, name, laminar_pipeline_topology);
}

PyObject *
ext_connection_pipeline_state(PyObject *o, PyObject *name) {
    connection_object *self = (connection_object *)o;
    const char        *text = PyUnicode_AsUTF8AndSize(name, NULL), *state = NULL;
    laminar_error      err;
    laminar_status     s;
    if (text == NULL) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_pipeline_state(self->db, text, &state, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : PyUnicode_FromString(state);
}

/* On the thread that runs a query: Connection._report does the rest. */
static bool
report_progress(void *context, const laminar_progress *p) {
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyObject              *answer = PyObject_CallMethod(
        context, "_report", "LdLLLL", (long long)p->id, p->fraction, (long long)p->rows_read,
        (long long)p->rows_to_read, (long long)p->elapsed_us, (long long)p->left_us);
    const bool go_on = answer != NULL && answer != Py_False;
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return go_on;
}

PyObject *
ext_connection_set_progress(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    int                wanted, interval_ms;
    laminar_error      err;
    if (!PyArg_ParseTuple(args, "pi:_set_progress", &wanted, &interval_ms)) {
        return NULL;
    }
    if (laminar_database_check(self->db, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    laminar_database_set_progress(self->db, wanted ? report_progress : NULL, o, interval_ms);
    Py_RETURN_NONE;
}

PyObject *
ext_connection_state(PyObject *o, void *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_error      err;
    if (laminar_database_check(self->db, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    return PyUnicode_FromString(laminar_database_state(self->db));
}

PyObject *
ext_connection_in_transaction(PyObject *o, void *unused) {
    (void)unused;
    connection_object *self = (connection_object *)o;
    laminar_error      err;
    if (laminar_database_check(self->db, &err) < 0) {
        return ext_raise_error(self->state, &err);
    }
    return PyBool_FromLong(laminar_database_in_transaction(self->db));
}

PyObject *
ext_connection_queries(PyObject *o, PyObject *unused) {
    (void)unused;
    return rows_of(o, laminar_database_queries);
}

PyObject *
ext_connection_history(PyObject *o, PyObject *minutes) {
    connection_object *self = (connection_object *)o;
    int                overflow = 0;
    const long long    wanted = PyLong_AsLongLongAndOverflow(minutes, &overflow);
    const int64_t      asked = overflow > 0 ? INT64_MAX : wanted;
    laminar_result    *rows = NULL;
    laminar_error      err;
    laminar_status     s;
    if (wanted == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_history(self->db, asked, &rows, &err));
    return s < 0 ? ext_raise_error(self->state, &err) : ext_result_wrap(self->state, rows);
}

PyObject *
ext_connection_cancel_query(PyObject *o, PyObject *id) {
    connection_object *self = (connection_object *)o;
    int                overflow = 0;
    const long long    wanted = PyLong_AsLongLongAndOverflow(id, &overflow);
    laminar_error      err;
    laminar_status     s;
    if (wanted == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_cancel_query(self->db, overflow != 0 ? -1 : wanted, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    Py_RETURN_NONE;
}

PyObject *
ext_connection_note_error(PyObject *o, PyObject *args) {
    connection_object *self = (connection_object *)o;
    const char        *kind, *name, *message;
    int                code;
    laminar_error      err;
    laminar_status     s;
    if (!PyArg_ParseTuple(args, "szis:_note_error", &kind, &name, &code, &message)) {
        return NULL;
    }
    ENGINE_CALL(s = laminar_database_note_error(self->db, kind, name, code, message, &err));
    if (s < 0) {
        return ext_raise_error(self->state, &err);
    }
    Py_RETURN_NONE;
}

PyObject *
ext_connection_memory(PyObject *o, PyObject *unused) {
    (void)unused;
    return PyLong_FromLongLong(laminar_database_memory(((connection_object *)o)->db));
}
