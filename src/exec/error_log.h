/* SPDX-License-Identifier: Apache-2.0 */
/* error_log.h - the last errors that nobody was there to be told of: streams, sinks, inserts that
 * nobody waited for. A ring of ERRORS_KEPT, from any thread. */
#ifndef LAMINAR_EXEC_ERROR_LOG_H
#define LAMINAR_EXEC_ERROR_LOG_H

#include "base/mem.h"
#include "base/text.h"
#include "os/thread.h"

#define ERRORS_KEPT 256

typedef struct logged_error {
    int64_t time_us; /* since 1970 */
    int32_t code;
    char    kind[16]; /* "stream", "sink", "source" */
    char    object[128];
    char    message[400];
} logged_error;

typedef struct error_log {
    mutex         lock;
    mem          *mem;
    logged_error *ring;  /* NULL: none yet */
    int64_t       count; /* ever */
} error_log;

status error_log_init(error_log *l, mem *m, error *err) MUST_USE;
void   error_log_fini(error_log *l);
/* Texts are cut to what fits. Without memory for the ring it is left out. */
void error_log_add(error_log *l, int64_t now_us, const char *kind, text name, int32_t code,
                   const char *message);
/* Copies what is kept, oldest first, to room for ERRORS_KEPT; how many. */
int32_t error_log_read(error_log *l, logged_error *out);

#endif
