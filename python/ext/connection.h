/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h - the connection object, for the files that implement its methods. */
#ifndef LAMINAR_PYTHON_CONNECTION_H
#define LAMINAR_PYTHON_CONNECTION_H

#include "state.h"

typedef struct connection_object {
    PyObject          ob_base;
    module_state     *state;
    laminar_database *db;
    laminar_appender *appender;      /* NULL: none kept */
    PyObject         *appender_name; /* str */
    /* Who sets `busy` owns the two above; `stale`: whoever owns them gives them up. */
    _Atomic bool appender_busy, appender_stale;
    _Atomic bool closed;
} connection_object;

/* open.c */
PyObject *ext_connection_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
int       ext_know_main_thread(module_state *state); /* -1: a handler raised */

/* durable.c: methods */
PyObject *ext_connection_checkpoint(PyObject *o, PyObject *unused);
PyObject *ext_connection_restore(PyObject *o, PyObject *id);
PyObject *ext_connection_checkpoints(PyObject *o, PyObject *unused);
PyObject *ext_connection_checkpoint_status(PyObject *o, PyObject *unused);
/* metrics.c: methods */
PyObject *ext_connection_source_stats(PyObject *o, PyObject *name);
PyObject *ext_connection_stream_stats(PyObject *o, PyObject *name);
PyObject *ext_connection_metrics(PyObject *o, PyObject *unused);
PyObject *ext_connection_topology(PyObject *o, PyObject *unused);
PyObject *ext_connection_pipeline_state(PyObject *o, PyObject *name);
PyObject *ext_connection_pipeline_topology(PyObject *o, PyObject *name);
PyObject *ext_connection_pipeline_versions(PyObject *o, PyObject *name);
PyObject *ext_connection_queries(PyObject *o, PyObject *unused);
PyObject *ext_connection_history(PyObject *o, PyObject *minutes);
PyObject *ext_connection_state(PyObject *o, void *unused);
PyObject *ext_connection_in_transaction(PyObject *o, void *unused);
PyObject *ext_connection_set_progress(PyObject *o, PyObject *args);
PyObject *ext_connection_cancel_query(PyObject *o, PyObject *id);
PyObject *ext_connection_memory(PyObject *o, PyObject *unused);
PyObject *ext_connection_note_error(PyObject *o, PyObject *args);
PyObject *ext_connection_sink_stats(PyObject *o, PyObject *name);

/* text.c: a function of the module, and a method */
PyObject *ext_sql_tokens(PyObject *module, PyObject *sql);
PyObject *ext_connection_complete(PyObject *o, PyObject *args, PyObject *kwargs);

/* shell.c: a function of the module */
PyObject *ext_shell_main(PyObject *module, PyObject *list);

/* sink.c: a method */
PyObject *ext_connection_register_sink(PyObject *o, PyObject *args);

#endif
