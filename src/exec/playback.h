/* SPDX-License-Identifier: Apache-2.0 */
/* playback.h - the retained rows of a source again, in the order of their times. */
#ifndef LAMINAR_EXEC_PLAYBACK_H
#define LAMINAR_EXEC_PLAYBACK_H

#include "exec/engine.h"

#define PLAYBACK_ROWS 8192 /* of one batch at most */

typedef struct playback playback;

/* Rows with start_us <= time < end_us of what the source has now. With the token; the rest needs
 * none. committed: as of query_prepare. */
status playback_open(playback **out, source *s, bool committed, int64_t start_us, int64_t end_us,
                     error *err) MUST_USE;
/* When the next row's time is. DONE: there is none. The first call reads the times. */
status playback_due_us(playback *p, int64_t *us, interrupt *guard, error *err) MUST_USE;
/* The next rows whose times are at most until_us, one batch of them. playback_due_us was OK. */
status playback_next(playback *p, int64_t until_us, result **out, error *err) MUST_USE;
void   playback_close(playback *p); /* NULL is fine */

#endif
