/* SPDX-License-Identifier: Apache-2.0 */
/* error.h - status codes and the caller-owned error record.
 *
 * A function that can fail returns status and takes `error *err` last. NULL is a legal `err`.
 * Statuses below zero are errors; DONE is the one signal that is not (nothing further can change
 * the output). The first error wins nothing: error_set always overwrites, so set it where the
 * fault is known best and return the status unchanged after that. */
#ifndef LAMINAR_BASE_ERROR_H
#define LAMINAR_BASE_ERROR_H

#include "base/compiler.h"

typedef enum status {
    OK = 0,
    DONE = 1,
#define ERROR(name, code, python_class, title) ERR_##name = -(code),
#include "base/errors.def"
#undef ERROR
} status;

typedef struct error {
    status  status;
    int32_t position; /* byte offset in the statement text, -1 when there is none */
    char    message[512];
    char    hint[256]; /* next step, e.g. did you mean "price"?; "" when there is none */
} error;

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const status try_status_ = (call);                                                         \
        if (try_status_ < 0) {                                                                     \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

void error_clear(error *err);

/* Each returns `s`, so that a failing branch is one line. Messages that do not fit are cut. */
status error_set(error *err, status s, const char *format, ...) PRINTF_LIKE(3, 4);
status error_set_at(error *err, status s, int32_t position, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Adds the next step to the error that was just set; returns its status, also when err is NULL. */
status error_hint(error *err, const char *format, ...) PRINTF_LIKE(2, 3);
status error_memory(error *err); /* ERR_OUT_OF_MEMORY with the standard text */

const char *status_title(status s);
/* The number users see: a contract code; 200 for ERR_NOT_FOUND_IN_QUERY. */
int32_t     status_code(status s);
const char *status_class(status s); /* "QueryError", ... */

#endif
