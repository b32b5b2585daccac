/* SPDX-License-Identifier: Apache-2.0 */
/* work.h - how far a call is that reads or writes the files of a database, in bytes: opening,
 * checkpoints, restore, verify, backup. The thread that does it counts, when its caller watches;
 * any thread looks. Who watches within a watched call sees the part, and the outer one all. */
#ifndef LAMINAR_BASE_WORK_H
#define LAMINAR_BASE_WORK_H

#include "base/progress.h"

typedef struct work_count {
    progress           seen;
    struct work_count *outer;
} work_count;

void        work_begin(work_count *w); /* of this thread, from now on; it stays where it is */
void        work_end(void);            /* of the last one that began */
bool        work_watched(void);        /* somebody looks */
work_count *work_aside(void);          /* nothing is counted before it is given back */
void        work_back(work_count *w);
void        work_expect(int64_t more); /* so much is still to come */
void        work_did(int64_t bytes);
int64_t     work_done(void); /* by the innermost call that is watched */

/* What the thread does next has no files to count by and is `bytes` all the same: it tells which
 * part of it is behind, parts of it may begin again, and the end makes up what was not told. */
void work_span(int64_t bytes);
void work_step(uint64_t done, uint64_t of);
void work_span_end(void);

#endif
