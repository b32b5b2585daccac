/* SPDX-License-Identifier: Apache-2.0 */
/* history.h - the counters of an engine as they were, at most once a second of its clock: a ring of
 * the last HISTORY_KEPT samples. A sample is taken by the first insert after a second, before its
 * rows count, so an engine without work takes none. With the engine token. */
#ifndef LAMINAR_EXEC_HISTORY_H
#define LAMINAR_EXEC_HISTORY_H

#include "base/mem.h"

#define HISTORY_KEPT 3600

typedef struct history_sample {
    int64_t time_us; /* since 1970 */
    int64_t rows_in, rows_out, rows_late, inserts, ticks, rows_delivered;
    int64_t watermark_us; /* INT64_MIN: none */
    int64_t memory_bytes;
} history_sample;

typedef struct history {
    history_sample *samples;
    int32_t         first, count, capacity;
    int64_t         due_us; /* no sample before */
} history;

void history_fini(history *h, mem *m);
/* Without memory for it the sample is left out. */
void                  history_add(history *h, mem *m, const history_sample *s);
const history_sample *history_at(const history *h, int32_t index); /* 0: the oldest */

#endif
