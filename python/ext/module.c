/* SPDX-License-Identifier: Apache-2.0 */
/* module.c - the extension module laminardb._laminardb: multi-phase initialisation, state, errors.
 */
#include "connection.h"
#include "docs.h"
#include "udf.h"

#include <stdio.h>
#include <string.h>

#define CODE_LAGGED 503

module_state *
ext_state_of_module(PyObject *module) {
    return PyModule_GetState(module);
}

module_state *
ext_state_of_type(PyTypeObject *type) {
    /* Python's subclasses carry no module: walk up to the type that this module made. */
    for (; type != NULL; type = PyType_GetSlot(type, Py_tp_base)) {
        PyObject *module = PyType_GetModule(type);
        if (module != NULL) {
            return PyModule_GetState(module);
        }
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_TypeError, "not a type of laminardb");
    return NULL;
}

/* ---------------------------------------------------------------------------------- errors */
static int
set_attribute(PyObject *o, const char *name, PyObject *value) {
    if (value == NULL) {
        return -1;
    }
    const int failed = PyObject_SetAttrString(o, name, value);
    Py_DECREF(value);
    return failed;
}

static PyObject *
text_or_none(const char *text) {
    if (text[0] == '\0') {
        return Py_NewRef(Py_None);
    }
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *
place_or_none(int32_t place, int32_t first) {
    return place < first ? Py_NewRef(Py_None) : PyLong_FromLong(place);
}

static PyObject *
error_class(module_state *state, const char *name) {
    if (strcmp(name, "MemoryError") == 0) {
        return Py_NewRef(PyExc_MemoryError);
    }
    if (strcmp(name, "ValueError") == 0) {
        return Py_NewRef(PyExc_ValueError);
    }
    if (strcmp(name, "TypeError") == 0) {
        return Py_NewRef(PyExc_TypeError);
    }
    return PyObject_GetAttrString(state->errors, name);
}

laminar_status
ext_take_exception(laminar_error *err, int32_t code) {
    PyObject *type, *value, *trace;
    memset(err, 0, sizeof(*err));
    err->code = code;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject   *text = value == NULL ? NULL : PyObject_Str(value);
    PyObject   *name = type == NULL ? NULL : PyObject_GetAttrString(type, "__name__");
    const char *shown = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
    const char *named = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    (void)snprintf(err->message, sizeof(err->message), "%s: %.400s",
                   named == NULL ? "error" : named, shown == NULL ? "" : shown);
    PyErr_Clear();
    Py_XDECREF(name);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return -code;
}

/* "Class (code): message"; of a lag the message is that already, in words of its own. */
static PyObject *
error_text(const laminar_error *err, PyObject *message) {
    if (err->code == CODE_LAGGED) {
        return Py_NewRef(message);
    }
    return PyUnicode_FromFormat("%s (%d): %U", err->class_name, (int)err->code, message);
}

PyObject *
ext_raise_error(module_state *state, const laminar_error *err) {
    if (PyErr_Occurred()) { /* a signal handler raised inside the call: that is the reason */
        return NULL;
    }
    PyObject *class = error_class(state, err->class_name);
    PyObject *message =
        PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    PyObject *made = NULL;
    if (class != NULL && message != NULL) {
        PyObject *text = error_text(err, message);
        made = text == NULL ? NULL : PyObject_CallFunctionObjArgs(class, text, NULL);
        Py_XDECREF(text);
    }
    if (made != NULL && set_attribute(made, "code", PyLong_FromLong(err->code)) == 0 &&
        set_attribute(made, "line", place_or_none(err->line, 1)) == 0 &&
        set_attribute(made, "column", place_or_none(err->column, 1)) == 0 &&
        set_attribute(made, "position", place_or_none(err->position, 0)) == 0 &&
        set_attribute(made, "hint", text_or_none(err->hint)) == 0) {
        made = ext_call_explain(state, made, message);
        PyErr_SetObject((PyObject *)Py_TYPE(made), made);
    }
    Py_XDECREF(made);
    Py_XDECREF(message);
    Py_XDECREF(class);
    return NULL;
}

/* ---------------------------------------------------------------------------------- module */
static PyObject *
set_result_class(PyObject *module, PyObject *class) {
    module_state *s = ext_state_of_module(module);
    PyObject     *old = s->result_class;
    s->result_class = Py_NewRef(class);
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

#define EXIT_WAIT_MS 1000

/* At exit, while all of Python is still there: no thread is left inside of a producer's callback
 * that would need the GIL, and none goes into one. */
static PyObject *
end_callbacks(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    bool over;
    bool functions_over;
    ENGINE_CALL(functions_over = ext_jobs_end(EXIT_WAIT_MS);
                over = laminar_allow_callbacks(false, EXIT_WAIT_MS));
    over = over && functions_over;
    return PyBool_FromLong(over);
}

/* What is registered first runs last. */
static int
run_at_exit(PyObject *module) {
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *end = PyObject_GetAttrString(module, "_end_callbacks");
    PyObject *done =
        atexit == NULL || end == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", end);
    Py_XDECREF(done);
    Py_XDECREF(end);
    Py_XDECREF(atexit);
    return done == NULL ? -1 : 0;
}

/* Records, and why there are not more: None when there are none. */
static PyObject *
salvage(PyObject *module, PyObject *args) {
    module_state    *state = PyModule_GetState(module);
    PyObject        *path = NULL;
    PyObject        *into = NULL;
    laminar_salvaged found = {.size = sizeof(found)};
    laminar_error    err;
    laminar_status   s;
    if (!PyArg_ParseTuple(args, "O&O&", PyUnicode_FSConverter, &path, PyUnicode_FSConverter,
                          &into)) {
        Py_XDECREF(path);
        return NULL;
    }
    const char *from = PyBytes_AsString(path);
    const char *to = PyBytes_AsString(into);
    ENGINE_CALL(s = laminar_salvage(from, to, &found, &err));
    Py_DECREF(path);
    Py_DECREF(into);
    if (s < 0) {
        return ext_raise_error(state, &err);
    }
    return Py_BuildValue("LzL", (long long)found.records, found.is_whole ? NULL : found.reason,
                         (long long)found.checkpoint_id);
}

/* ---- how far what this thread does is */
#define WORK_NAME "laminardb.work"

static void
free_work(PyObject *capsule) {
    PyMem_Free(PyCapsule_GetPointer(capsule, WORK_NAME));
}

static PyObject *
work_begin(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    laminar_work *work = PyMem_Malloc(sizeof(*work));
    PyObject *made = work == NULL ? PyErr_NoMemory() : PyCapsule_New(work, WORK_NAME, free_work);
    if (made == NULL) {
        PyMem_Free(work);
        return NULL;
    }
    laminar_work_begin(work);
    return made;
}

static PyObject *
work_end(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    laminar_work_end();
    Py_RETURN_NONE;
}

static PyObject *
work_look(PyObject *module, PyObject *capsule) {
    (void)module;
    const laminar_work *work = PyCapsule_GetPointer(capsule, WORK_NAME);
    int64_t             done, total;
    if (work == NULL) {
        return NULL;
    }
    laminar_work_look(work, &done, &total);
    return Py_BuildValue("LL", (long long)done, (long long)total);
}

static PyMethodDef module_methods[] = {
    {"_work_begin", work_begin, METH_NOARGS,
     PyDoc_STR("_work_begin()\n--\n\nCounts what calls of this thread do, until _work_end.")},
    {"_work_end", work_end, METH_NOARGS, PyDoc_STR("_work_end()\n--\n\nCounts no more.")},
    {"_work_look", work_look, METH_O,
     PyDoc_STR("_work_look(work, /)\n--\n\nBytes done, and bytes to do; from any thread.")},
    {"shell_main", ext_shell_main, METH_O,
     PyDoc_STR("shell_main(argv, /)\n--\n\nRuns the shell; argv[0] is its name. The exit code.")},
    {"sql_tokens", ext_sql_tokens, METH_O, ext_doc_sql_tokens},
    {"_salvage", salvage, METH_VARARGS,
     PyDoc_STR("_salvage(path, into, /)\n--\n\nRecords, and why there are not more.")},
    {"_end_callbacks", end_callbacks, METH_NOARGS,
     PyDoc_STR("_end_callbacks()\n--\n\nOther threads call no producer of Arrow data any more.")},
    {"_set_result_class", set_result_class, METH_O,
     PyDoc_STR("_set_result_class(cls)\n--\n\nThe subclass of Result that queries give.")},
    {NULL, NULL, 0, NULL},
};

int
ext_times_import(module_state *s) {
    PyObject *datetime = PyImport_ImportModule("datetime");
    if (datetime == NULL) {
        return -1;
    }
    s->datetime_class = PyObject_GetAttrString(datetime, "datetime");
    s->date_class = PyObject_GetAttrString(datetime, "date");
    s->time_class = PyObject_GetAttrString(datetime, "time");
    s->timedelta_class = PyObject_GetAttrString(datetime, "timedelta");
    PyObject *zone = PyObject_GetAttrString(datetime, "timezone");
    PyObject *utc = zone == NULL ? NULL : PyObject_GetAttrString(zone, "utc");
    Py_XDECREF(zone);
    Py_DECREF(datetime);
    if (s->datetime_class == NULL || s->date_class == NULL || s->time_class == NULL ||
        s->timedelta_class == NULL || utc == NULL) {
        Py_XDECREF(utc);
        return -1;
    }
    s->epoch = PyObject_CallFunction(s->datetime_class, "iii", 1970, 1, 1);
    s->epoch_date = PyObject_CallFunction(s->date_class, "iii", 1970, 1, 1);
    s->epoch_utc =
        PyObject_CallFunction(s->datetime_class, "iiiiiiiO", 1970, 1, 1, 0, 0, 0, 0, utc);
    Py_DECREF(utc);
    return s->epoch == NULL || s->epoch_date == NULL || s->epoch_utc == NULL ? -1 : 0;
}

static int
intern_names(module_state *s) {
    s->arrow_c_stream = PyUnicode_InternFromString("__arrow_c_stream__");
    s->arrow_c_array = PyUnicode_InternFromString("__arrow_c_array__");
    s->array_protocol = PyUnicode_InternFromString("__array__");
    s->fields = PyUnicode_InternFromString("_fields");
    s->dataclass_fields = PyUnicode_InternFromString("__dataclass_fields__");
    s->tzinfo = PyUnicode_InternFromString("tzinfo");
    s->days = PyUnicode_InternFromString("days");
    s->seconds = PyUnicode_InternFromString("seconds");
    s->microseconds = PyUnicode_InternFromString("microseconds");
    s->item = PyUnicode_InternFromString("item");
    return s->arrow_c_stream != NULL && s->arrow_c_array != NULL && s->array_protocol != NULL &&
                   s->fields != NULL && s->dataclass_fields != NULL && s->tzinfo != NULL &&
                   s->days != NULL && s->seconds != NULL && s->microseconds != NULL &&
                   s->item != NULL
               ? 0
               : -1;
}

static int
module_exec(PyObject *module) {
    module_state *s = ext_state_of_module(module);
    if (strcmp(laminar_version(), LAMINAR_VERSION) != 0) {
        PyErr_Format(PyExc_ImportError, "header %s and library %s do not match", LAMINAR_VERSION,
                     laminar_version());
        return -1;
    }
    s->errors = PyImport_ImportModule("laminardb.errors");
    if (s->errors == NULL || intern_names(s) < 0 || ext_connection_setup(module, s) < 0 ||
        ext_result_setup(module, s) < 0 || ext_subscription_setup(module, s) < 0 ||
        ext_notifier_setup(module, s) < 0 || ext_replay_setup(module, s) < 0 ||
        ext_column_setup(module, s) < 0) {
        return -1;
    }
    s->result_class = Py_NewRef((PyObject *)s->result_type);
    (void)laminar_allow_callbacks(true, 0);
    if (run_at_exit(module) < 0) {
        return -1;
    }
#ifdef Py_GIL_DISABLED
    if (ext_scalars_import(s) < 0) {
        return -1;
    }
#endif
    return PyModule_AddStringConstant(module, "__version__", laminar_version());
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg) {
    module_state *s = ext_state_of_module(module);
    Py_VISIT(s->connection_type);
    Py_VISIT(s->result_type);
    Py_VISIT(s->subscription_type);
    Py_VISIT(s->notifier_type);
    Py_VISIT(s->replay_type);
    Py_VISIT(s->column_type);
    Py_VISIT(s->udf_module);
    Py_VISIT(s->stopped_class);
    Py_VISIT(s->errors);
    Py_VISIT(s->result_class);
    Py_VISIT(s->interval_class);
    return 0;
}

static int
module_clear(PyObject *module) {
    module_state *s = ext_state_of_module(module);
    Py_CLEAR(s->connection_type);
    Py_CLEAR(s->result_type);
    Py_CLEAR(s->subscription_type);
    Py_CLEAR(s->notifier_type);
    Py_CLEAR(s->replay_type);
    Py_CLEAR(s->column_type);
    Py_CLEAR(s->udf_module);
    Py_CLEAR(s->stopped_class);
    Py_CLEAR(s->errors);
    Py_CLEAR(s->result_class);
    Py_CLEAR(s->datetime_class);
    Py_CLEAR(s->date_class);
    Py_CLEAR(s->time_class);
    Py_CLEAR(s->timedelta_class);
    Py_CLEAR(s->decimal_class);
    Py_CLEAR(s->uuid_class);
    Py_CLEAR(s->interval_class);
    Py_CLEAR(s->epoch);
    Py_CLEAR(s->epoch_date);
    Py_CLEAR(s->epoch_utc);
    Py_CLEAR(s->arrow_c_stream);
    Py_CLEAR(s->arrow_c_array);
    Py_CLEAR(s->array_protocol);
    Py_CLEAR(s->fields);
    Py_CLEAR(s->dataclass_fields);
    Py_CLEAR(s->tzinfo);
    Py_CLEAR(s->days);
    Py_CLEAR(s->seconds);
    Py_CLEAR(s->microseconds);
    Py_CLEAR(s->item);
    return 0;
}

static void
module_free(void *module) {
    module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* `make freethreaded` is what this rests on */
#endif
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "laminardb._laminardb",
    .m_doc = PyDoc_STR("The engine behind laminardb. Use the package, not this module."),
    .m_size = sizeof(module_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__laminardb(void) {
    return PyModuleDef_Init(&module_definition);
}
