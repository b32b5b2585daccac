/* SPDX-License-Identifier: Apache-2.0 */
/* open.c - opening a database for a Connection, and how its waiting hears of signals. */
#include "connection.h"

/* Remembers who runs handlers, once threading is there to tell: with the GIL, before the engine
 * works without it. A thread that outlives the interpreter must not ask. -1: a handler raised. */
int
ext_know_main_thread(module_state *state) {
    if (atomic_load(&state->main_thread) != 0) {
        return 0;
    }
    PyObject *name = PyUnicode_FromString("threading");
    PyObject *threading = name == NULL ? NULL : PyImport_GetModule(name);
    PyObject *main = threading == NULL ? NULL : PyObject_CallMethod(threading, "main_thread", NULL);
    PyObject *ident = main == NULL ? NULL : PyObject_GetAttrString(main, "ident");
    if (ident != NULL) {
        atomic_store(&state->main_thread, PyLong_AsUnsignedLong(ident));
    }
    Py_XDECREF(ident);
    Py_XDECREF(main);
    Py_XDECREF(threading);
    Py_XDECREF(name);
    return PyErr_Occurred() == NULL ? 0 : -1;
}

/* On the thread that runs a query. True: a handler raised; the exception stays set for the caller.
 * Python runs handlers on the main thread alone: others need not wait for the GIL. */
static bool
check_signals(void *context) {
    module_state       *state = context;
    const unsigned long main = atomic_load(&state->main_thread);
    if (main != 0 && main != PyThread_get_thread_ident()) {
        return false;
    }
    const PyGILState_STATE gil = PyGILState_Ensure();
    const bool             raised = PyErr_Occurred() != NULL || PyErr_CheckSignals() < 0;
    PyGILState_Release(gil);
    return raised;
}

/* What Connection was given. False: an exception is set. */
static bool
read_options(PyObject *args, PyObject *kwargs, const char **path, laminar_options *options) {
    static char *names[] = {"path",
                            "threads",
                            "memory_limit",
                            "buffer_size",
                            "insert_timeout_ms",
                            "max_lag_bytes",
                            "statement_timeout_ms",
                            "max_future_skew",
                            "deterministic",
                            "random_seed",
                            "temp_directory",
                            "max_temp_directory_size",
                            "batch_size",
                            "max_concurrent_queries",
                            "max_sql_size",
                            "cpu_affinity",
                            "retain",
                            "external_access",
                            "durability",
                            "checkpoint_interval_ms",
                            "wal_limit_bytes",
                            "wal_segment_bytes",
                            "checkpoint_retention",
                            "storage_dir",
                            NULL};
    long long    limit = 0, buffer = 0, timeout = 0, lag = 0, query_timeout = 0, skew = 0, seed = 0;
    long long    disk = 0, batch = 0, queries = 0, script = 0, interval = 0, log_limit = 0,
              log_file = 0, checkpoints = 0;
    int deterministic = 0, external = 1, durability = 0;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "s|iLLLLLLpLsLLLLsspiLLLLz:Connection", names, path, &options->threads,
            &limit, &buffer, &timeout, &lag, &query_timeout, &skew, &deterministic, &seed,
            &options->temp_directory, &disk, &batch, &queries, &script, &options->cpu_affinity,
            &options->retain, &external, &durability, &interval, &log_limit, &log_file,
            &checkpoints, &options->storage_dir)) {
        return false;
    }
    options->memory_limit = limit;
    options->buffer_size = buffer;
    options->insert_timeout_ms = timeout;
    options->max_lag_bytes = lag;
    options->statement_timeout_ms = query_timeout;
    options->max_future_skew_ms = skew;
    options->max_temp_directory_size = disk;
    options->batch_size = batch;
    options->max_concurrent_queries = queries;
    options->max_sql_size = script;
    options->no_external_access = external == 0;
    options->durability = (laminar_durability)durability;
    options->checkpoint_interval_ms = interval;
    options->wal_limit_bytes = log_limit;
    options->wal_segment_bytes = log_file;
    options->checkpoint_retention = checkpoints;
    options->deterministic = deterministic != 0;
    options->seed = (uint64_t)seed;
    return true;
}

PyObject *
ext_connection_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    const char     *path = NULL;
    laminar_options options = LAMINAR_OPTIONS_INIT;
    laminar_error   err;
    if (!read_options(args, kwargs, &path, &options)) {
        return NULL;
    }
    module_state      *state = ext_state_of_type(type);
    allocfunc          alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    connection_object *self = state == NULL ? NULL : (connection_object *)(void *)alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->state = state;
    options.interrupted = check_signals;
    atomic_store(&state->main_thread, 0); /* a fork may have changed it */
    options.interrupted_context = state;
    if (ext_know_main_thread(state) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    laminar_status s;
    ENGINE_CALL(s = laminar_database_open(&self->db, path, &options, &err));
    if (s < 0) {
        Py_DECREF(self);
        return ext_raise_error(state, &err);
    }
    return (PyObject *)self;
}
