/* SPDX-License-Identifier: Apache-2.0 */
/* work.c - see work.h. */
#include "base/work.h"

static _Thread_local work_count *watched;
static _Thread_local int64_t     span, span_told;

void
work_begin(work_count *w) {
    atomic_init(&w->seen.total, 0);
    atomic_init(&w->seen.done, 0);
    w->outer = watched;
    watched = w;
}

void
work_end(void) {
    watched = watched == NULL ? NULL : watched->outer;
}

bool
work_watched(void) {
    return watched != NULL;
}

work_count *
work_aside(void) {
    work_count *before = watched;
    watched = NULL;
    return before;
}

void
work_back(work_count *w) {
    watched = w;
}

void
work_expect(int64_t more) {
    for (work_count *w = watched; w != NULL; w = w->outer) {
        atomic_fetch_add_explicit(&w->seen.total, more, memory_order_relaxed);
    }
}

void
work_did(int64_t bytes) {
    for (work_count *w = watched; w != NULL; w = w->outer) {
        progress_add(&w->seen, bytes);
    }
}

int64_t
work_done(void) {
    return watched == NULL ? 0 : atomic_load_explicit(&watched->seen.done, memory_order_relaxed);
}

static void
tell_to(int64_t told) {
    if (told > span_told) {
        work_did(told - span_told);
        span_told = told;
    }
}

void
work_span(int64_t bytes) {
    span = bytes;
    span_told = 0;
}

void
work_step(uint64_t done, uint64_t of) {
    if (span > 0 && of > 0) {
        tell_to((int64_t)((double)span * ((double)(done < of ? done : of) / (double)of)));
    }
}

void
work_span_end(void) {
    tell_to(span);
    span = span_told = 0;
}
