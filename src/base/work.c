/* SPDX-License-Identifier: Apache-2.0 */
/* work.c - see work.h. */
#include "base/work.h"

static _Thread_local work_count *watched;

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
