/* SPDX-License-Identifier: Apache-2.0 */
/* producer.c - calls of a producer's callbacks, through the gate of callout.h. */
#include <errno.h>

#include "arrow/arrow.h"
#include "os/callout.h"

int
arrow_stream_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
    if (!callout_begin()) {
        return ECANCELED;
    }
    const int fault = s->get_schema(s, out);
    callout_end();
    return fault;
}

int
arrow_stream_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
    if (!callout_begin()) {
        return ECANCELED;
    }
    const int fault = s->get_next(s, out);
    callout_end();
    return fault;
}

const char *
arrow_stream_error(struct ArrowArrayStream *s) {
    if (!callout_begin()) {
        return "the program is ending";
    }
    const char *why = s->get_last_error == NULL ? NULL : s->get_last_error(s);
    callout_end();
    return why == NULL ? "no reason given" : why;
}

void
arrow_stream_release(struct ArrowArrayStream *s) {
    if (s->release != NULL && callout_begin()) {
        s->release(s);
        callout_end();
    }
    s->release = NULL;
}

void
arrow_array_release(struct ArrowArray *a) {
    if (a->release != NULL && callout_begin()) {
        a->release(a);
        callout_end();
    }
    a->release = NULL;
}

void
arrow_schema_release(struct ArrowSchema *s) {
    if (s->release != NULL && callout_begin()) {
        s->release(s);
        callout_end();
    }
    s->release = NULL;
}
