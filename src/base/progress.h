/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far a one-off query has come, counted in rows: those that its scans have read of
 * those that they will, those that series make, and those that sorts and window functions hold
 * back, for which they are counted again as often as they cost. The threads that run the query
 * count, any thread looks. */
#ifndef LAMINAR_BASE_PROGRESS_H
#define LAMINAR_BASE_PROGRESS_H

#include "base/compiler.h"

/* What sorting a row, and giving it, cost beside reading it. */
#define PROGRESS_SORT 6

typedef struct progress {
    _Atomic int64_t total; /* 0: not known yet */
    _Atomic int64_t done;
} progress;

ALWAYS_INLINE void
progress_add(progress *p, int64_t rows) { /* NULL: nobody counts */
    if (p != NULL && rows != 0) {
        atomic_fetch_add_explicit(&p->done, rows, memory_order_relaxed);
    }
}

/* From 0 to 1. A guess of the total may be wrong: 1 says nothing about the end. */
ALWAYS_INLINE double
progress_fraction(const progress *p) {
    const int64_t total = atomic_load_explicit(&p->total, memory_order_relaxed);
    const int64_t done = atomic_load_explicit(&p->done, memory_order_relaxed);
    return total <= 0 || done <= 0 ? 0 : done >= total ? 1 : (double)done / (double)total;
}

#endif
