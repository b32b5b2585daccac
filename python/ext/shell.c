/* SPDX-License-Identifier: Apache-2.0 */
/* shell.c - the shell as a function of the module: what the command laminardb of the package runs.
 * Signals are the shell's while it runs. */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

int laminar_shell_main(int argc, char **argv);

/* The arguments as the operating system gave them; an exception is set when that fails. */
static void
copy_arguments(PyObject *list, char **argv, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(list, i);
        PyObject *text = NULL;
        char     *data;
        if (item != NULL && PyUnicode_FSConverter(item, &text)) {
            argv[i] = PyBytes_AsStringAndSize(text, &data, NULL) == 0 ? strdup(data) : NULL;
        }
        Py_XDECREF(item);
        Py_XDECREF(text);
        if (argv[i] == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_NoMemory();
            }
            return;
        }
    }
}

PyObject *
ext_shell_main(PyObject *module, PyObject *list) {
    (void)module;
    const Py_ssize_t count = PySequence_Size(list);
    if (count < 0 || count > 100000) {
        return NULL;
    }
    char    **argv = calloc((size_t)count + 1, sizeof(*argv));
    PyObject *code = NULL;
    if (argv == NULL) {
        return PyErr_NoMemory();
    }
    copy_arguments(list, argv, count);
    if (!PyErr_Occurred()) {
        int left;
        ENGINE_CALL(left = laminar_shell_main((int)count, argv));
        code = PyLong_FromLong(left);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        free(argv[i]);
    }
    free(argv);
    return code;
}
