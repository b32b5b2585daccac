/* SPDX-License-Identifier: Apache-2.0 */
/* past.h - sources and streams as they were at an instant of ingestion time. */
#ifndef LAMINAR_EXEC_PAST_H
#define LAMINAR_EXEC_PAST_H

#include "exec/engine_internal.h"

/* A stream of then. Opened and closed with the token; read without, unless it is `present`. */
typedef struct past {
    stream *of;
    bool    present; /* what it shows now is the answer, or the error */
    stream *again;   /* the same, run again */
    replay *replay;
    bool    done;
} past;

/* `a` outlives it. After an error it is to be closed too. */
status past_open(past *p, stream *s, int64_t at_us, arena *a, error *err) MUST_USE;
status past_read(past *p, const op_sink *sink, interrupt *guard, error *err) MUST_USE;
void   past_close(past *p);

/* Something came to the source, or went, after that. */
bool source_is_behind(const source *s, int64_t at_us);
/* Refuses instants of which something is not kept any more. */
status source_check_past(const source *s, int64_t at_us, error *err) MUST_USE;

#endif
