/* SPDX-License-Identifier: Apache-2.0 */
/* work.c - see work.h. */
#include "base/work.h"

static _Thread_local progress *watched;

progress *
work_watched(void) {
    return watched;
}

progress *
work_watch(progress *p) {
    progress *before = watched;
    watched = p;
    return before;
}

void
work_expect(int64_t more) {
    if (watched != NULL) {
        atomic_fetch_add_explicit(&watched->total, more, memory_order_relaxed);
    }
}

void
work_did(int64_t bytes) {
    progress_add(watched, bytes);
}
