/* SPDX-License-Identifier: Apache-2.0 */
/* work.h - how far a call is that reads or writes the files of a database, in bytes: opening,
 * checkpoints, restore, verify, backup. The thread that does it counts, when its caller watches;
 * any thread looks. */
#ifndef LAMINAR_BASE_WORK_H
#define LAMINAR_BASE_WORK_H

#include "base/progress.h"

progress *work_watched(void);        /* of this thread; NULL: nobody looks */
progress *work_watch(progress *p);   /* from now on; what it was */
void      work_expect(int64_t more); /* so much is still to come */
void      work_did(int64_t bytes);

#endif
