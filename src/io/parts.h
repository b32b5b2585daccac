/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - the rows of a long text, read in parts by the threads of a team.
 *
 * A part begins behind a line feed or comma. Whether a row begins there is a guess (the line may
 * end inside of a quoted field), which is right when the part before ends there: only then its rows
 * count. On a wrong guess, and where a part finds a fault, nothing of what was read is kept, and
 * the caller reads the text on one thread, which tells the fault with its line. So what comes out
 * never depends on the number of threads. */
#ifndef LAMINAR_IO_PARTS_H
#define LAMINAR_IO_PARTS_H

#include "batch/builder.h"
#include "os/team.h"

#define PARTS_BYTES_MIN (256 << 10) /* shorter ones are not worth a thread */
#define PARTS_MAX 64

typedef struct text_part {
    const char *from, *stop; /* the rows that begin here, */
    const char *end;         /* of the text, to which the last of them may reach */
    const char *ended;       /* behind the last one: set by the reader */
    builder     rows;
} text_part;

typedef struct parts_reader {
    /* DONE: this text is to be read on one thread. */
    status (*read)(void *context, text_part *p, error *err);
    char behind; /* a part begins behind such a byte, */
    /* where that says that a row may begin, or NULL. NULL itself: everywhere. */
    const char *(*begins)(text written, const char *at);
    void            *context;
    const data_type *types;
    int32_t          column_count;
    int32_t          rows_max;
} parts_reader;

/* The rows of `written` from `from` on as one batch; NULL in *out: there are none. DONE: nothing
 * was read, or nothing is kept. help NULL: one thread. */
status parts_read(batch **out, mem *m, text written, const char *from, const parts_reader *how,
                  const team *help, error *err) MUST_USE;

#endif
